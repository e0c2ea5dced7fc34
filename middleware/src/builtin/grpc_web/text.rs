//! Base64 in pieces, as bodies of `application/grpc-web-text` are: pieces may be padded each, and cut anywhere.
//! Used by the filter.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// What is left of a piece until the next one comes: less than four characters.
#[derive(Default)]
pub(super) struct Decoder {
    left: Vec<u8>,
    broken: bool,
}

// === impl Decoder ===

impl Decoder {
    /// The bytes of a piece; nothing from where on it is no base64: the server gets half a message, and says so itself.
    pub(super) fn pass(&mut self, piece: &[u8], end: bool) -> Bytes {
        let decoded = if self.broken { None } else { self.decode(piece, end) };
        self.broken = decoded.is_none();
        decoded.unwrap_or_default()
    }

    /// The bytes of a piece; `None` where it is no base64, or ends within a group of four.
    fn decode(&mut self, piece: &[u8], end: bool) -> Option<Bytes> {
        let mut out = Vec::with_capacity(piece.len() / 4 * 3 + 3);
        self.left.extend(piece.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
        let whole = self.left.len() / 4 * 4;
        let mut from = 0;
        let (groups, rest) = self.left.split_at(whole);
        // Padding ends a message, not the body: what follows begins anew.
        while let Some(message) = groups.get(from..).filter(|message| !message.is_empty()) {
            let padded = message.iter().position(|byte| *byte == b'=');
            let length = padded.map_or(message.len(), |padding| padding / 4 * 4 + 4);
            STANDARD.decode_vec(message.get(..length)?, &mut out).ok()?;
            from += length;
        }
        let rest = rest.to_vec();
        self.left = rest;
        (!end || self.left.is_empty()).then(|| out.into())
    }
}

/// A piece in base64, with padding.
pub(super) fn encode(piece: &[u8]) -> Bytes {
    STANDARD.encode(piece).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_pieces_however_they_are_cut() {
        let body = [&b"hello"[..], b"gRPC", b"web"].map(|message| STANDARD.encode(message)).concat();
        for size in 1..=body.len() {
            let mut decoder = Decoder::default();
            let pieces: Vec<&[u8]> = body.as_bytes().chunks(size).collect();
            let decoded: Option<Vec<Bytes>> =
                pieces.iter().enumerate().map(|(i, piece)| decoder.decode(piece, i + 1 == pieces.len())).collect();
            assert_eq!(decoded.map(|d| d.concat()).as_deref(), Some(&b"hellogRPCweb"[..]), "{size}");
        }
        assert_eq!(Decoder::default().decode(b"", true), Some(Bytes::new()));
    }

    #[test]
    fn nothing_passes_from_where_on_it_is_none() {
        let mut decoder = Decoder::default();
        let passed = ["aGVs", "!!!!", "aGVs"].map(|piece| decoder.pass(piece.as_bytes(), false));
        assert_eq!(passed.map(|piece| piece.len()), [3, 0, 0]);
        assert!(decoder.pass(b"", true).is_empty());
    }

    #[test]
    fn refuses_what_is_no_base64() {
        for body in ["a", "ab!d", "=abc", "aGk"] {
            assert_eq!(Decoder::default().decode(body.as_bytes(), true), None, "{body}");
        }
    }
}
