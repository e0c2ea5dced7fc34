//! Reads a ClientHello (RFC 8446 §4.1.2) out of the records that it comes in: the name and the protocols asked for.
//! Only as far as routing needs it; the TLS library reads it again, and is the one to refuse it.

/// The type of the records that a handshake comes in.
pub(super) const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// The longest record that may come before there are keys, with some slack that TLS allows elsewhere.
const LONGEST_RECORD: usize = (1 << 14) + 256;
/// Go's limit for a message of the handshake.
const LONGEST_HELLO: usize = 1 << 16;
/// Bytes with the headers of records, so that a hello in very many of them has an end.
const LONGEST_FLIGHT: usize = LONGEST_HELLO + (1 << 13);
const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const HOST_NAME: u8 = 0;

/// What a client asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The server's name, lower-case, without trailing dot; empty where none is given.
    pub server_name: String,
    /// The protocols offered, those that are text.
    pub alpn: Vec<String>,
    /// Whether a signature by an elliptic curve would be accepted.
    pub ecdsa: bool,
}

/// What bytes that begin like a handshake are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The beginning of a ClientHello.
    Incomplete,
    /// A whole one.
    Hello(ClientHello),
    /// TLS, but not a ClientHello that could be read.
    Malformed,
    /// Not TLS after all.
    NotTls,
}

/// A cursor that never looks behind the end.
struct Reader<'a>(&'a [u8]);

/// Looks at the records of a handshake from their first byte.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    if bytes.get(1).is_some_and(|major| *major != 3) {
        return Parsed::NotTls;
    }
    let mut records = Reader(bytes);
    let mut message = std::borrow::Cow::Borrowed(&[][..]);
    loop {
        let Some((kind, fragment)) = record(&mut records) else {
            // Malformed where what is announced, or what came, is more than could ever be right.
            let announced = records.0.get(3..5).map_or(0, |n| usize::from(n[0]) << 8 | usize::from(n[1]));
            let wrong = records.0.first().is_some_and(|kind| *kind != HANDSHAKE)
                || announced > LONGEST_RECORD
                || bytes.len() > LONGEST_FLIGHT;
            return if wrong { Parsed::Malformed } else { Parsed::Incomplete };
        };
        if kind != HANDSHAKE || fragment.is_empty() || fragment.len() > LONGEST_RECORD {
            return Parsed::Malformed;
        }
        match message.is_empty() {
            true => message = fragment.into(),
            false => message.to_mut().extend_from_slice(fragment),
        }
        let mut reader = Reader(&message);
        let Some(header) = reader.take(4) else { continue };
        let length = usize::from(header[1]) << 16 | usize::from(header[2]) << 8 | usize::from(header[3]);
        if header[0] != CLIENT_HELLO || length > LONGEST_HELLO || bytes.len() - records.0.len() > LONGEST_FLIGHT {
            return Parsed::Malformed;
        }
        if let Some(body) = reader.take(length) {
            return hello(body).map_or(Parsed::Malformed, Parsed::Hello);
        }
    }
}

/// The next whole record: its type and what is in it.
fn record<'a>(records: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let mut ahead = Reader(records.0);
    let header = ahead.take(3)?;
    let fragment = ahead.long_vector()?;
    *records = ahead;
    Some((header[0], fragment))
}

fn hello(body: &[u8]) -> Option<ClientHello> {
    let mut body = Reader(body);
    let mut hello = ClientHello::default();
    body.take(2 + 32)?; // version and random
    body.short_vector()?; // session id
    body.long_vector()?; // cipher suites
    body.short_vector()?; // compression methods
    if body.0.is_empty() {
        return Some(hello);
    }
    let mut extensions = Reader(body.long_vector()?);
    while !extensions.0.is_empty() {
        let kind = extensions.number()?;
        let mut data = Reader(extensions.long_vector()?);
        match kind {
            SERVER_NAME => {
                let mut names = Reader(data.long_vector()?);
                while !names.0.is_empty() {
                    let kind = names.take(1)?;
                    let name = names.long_vector()?;
                    if kind == [HOST_NAME] {
                        hello.server_name = server_name(name)?;
                    }
                }
            }
            ALPN => {
                let mut protocols = Reader(data.long_vector()?);
                while !protocols.0.is_empty() {
                    let protocol = protocols.short_vector()?;
                    hello.alpn.extend(std::str::from_utf8(protocol).ok().map(str::to_owned));
                }
            }
            SIGNATURE_ALGORITHMS => {
                // ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384, ecdsa_secp521r1_sha512 and ecdsa_sha1 end in 3.
                hello.ecdsa = data.long_vector()?.chunks_exact(2).any(|scheme| scheme[1] == 3);
            }
            _ => {}
        }
    }
    Some(hello)
}

/// A name as rules and certificates are compared with it.
fn server_name(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    Some(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2).map(|n| u16::from_be_bytes([n[0], n[1]]))
    }

    /// Bytes behind a length of one byte.
    fn short_vector(&mut self) -> Option<&'a [u8]> {
        let length = self.take(1)?[0];
        self.take(length.into())
    }

    /// Bytes behind a length of two bytes.
    fn long_vector(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length.into())
    }
}
