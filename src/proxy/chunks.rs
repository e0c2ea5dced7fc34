//! Where a chunked body ends (RFC 9112 §7.1). Pingora reads the body; this only finds the byte after it, piece by piece.
//! If the two should ever differ, the request waits for more or its connection ends: no byte is of two requests.

/// How far a body has come.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chunks(Place);

#[derive(Debug, Clone, PartialEq)]
enum Place {
    /// In the digits of a size.
    Size(usize),
    /// In what follows a size on its line.
    Extension(usize),
    /// In the bytes of a chunk, so many of which still come, and the line's end after them.
    Data(usize),
    /// On the line's end after a chunk.
    DataEnd,
    /// At the beginning of a line after the last chunk.
    Trailer,
    /// Within such a line.
    TrailerField,
    /// It is no chunked body: whoever reads it says so.
    Nonsense,
}

// === impl Chunks ===

impl Chunks {
    pub(super) fn new() -> Self {
        Chunks(Place::Size(0))
    }

    /// Goes on with these bytes: how many of them are the body's, if it ends within them.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            at += 1;
            let size = |size: usize| if size == 0 { Place::Trailer } else { Place::Data(size) };
            self.0 = match (&self.0, byte) {
                (Place::Size(n) | Place::Extension(n), b'\n') => size(*n),
                (Place::Size(n), b';' | b' ' | b'\t' | b'\r') | (Place::Extension(n), _) => Place::Extension(*n),
                (Place::Size(n), digit) => match (digit as char).to_digit(16).zip(n.checked_mul(16)) {
                    Some((digit, shifted)) => Place::Size(shifted | digit as usize),
                    None => Place::Nonsense,
                },
                (Place::Data(left), _) => {
                    let here = (*left).min(bytes.len() - at + 1);
                    at += here - 1;
                    if here == *left { Place::DataEnd } else { Place::Data(left - here) }
                }
                (Place::DataEnd, b'\r') => Place::DataEnd,
                (Place::DataEnd, b'\n') => Place::Size(0),
                (Place::Trailer, b'\r') => Place::Trailer,
                (Place::Trailer, b'\n') => return Some(at),
                (Place::TrailerField, b'\n') => Place::Trailer,
                (Place::Trailer | Place::TrailerField, _) => Place::TrailerField,
                (Place::DataEnd | Place::Nonsense, _) => Place::Nonsense,
            };
            if self.0 == Place::Nonsense {
                return None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_however_it_comes() {
        for (body, rest) in [
            ("0\r\n\r\n", "GET /"),
            ("3\r\nabc\r\n0\r\n\r\n", "GET"),
            ("3;a=b\r\nabc\r\n00\r\n\r\n", "\r\n"),
            ("A\r\n0\r\n\r\n01234\r\n0\r\nTrailer: x\r\nB: y\r\n\r\n", "x"),
            ("1\nx\n0\n\n", "x"),
        ] {
            let all = format!("{body}{rest}");
            for size in 1..=all.len() {
                let mut chunks = Chunks::new();
                let mut seen = 0;
                let end = all.as_bytes().chunks(size).find_map(|piece| {
                    let end = chunks.end(piece).map(|end| seen + end);
                    seen += piece.len();
                    end
                });
                assert_eq!(end, Some(body.len()), "{all:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn ends_nowhere_in_nonsense() {
        for body in ["x\r\n\r\n\r\n", "1\r\nab\r\n0\r\n\r\n", "ffffffffffffffffff\r\n", "-1\r\n", "3\r\nabc"] {
            assert_eq!(Chunks::new().end(body.as_bytes()), None, "{body:?}");
        }
    }
}
