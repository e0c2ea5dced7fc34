//! What first bytes are taken for: whole, in pieces, broken, and at random.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::ReadBuf;

use super::proxy_protocol::{Addresses, Parsed, parse};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A ClientHello with these extensions, without records.
fn hello(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, data) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        list.extend(data);
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    body.extend(list);
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1], &length[1..], &body].concat()
}

fn server_name(name: &str) -> (u16, Vec<u8>) {
    let length = u16::try_from(name.len()).unwrap();
    let entry = [&[0], &length.to_be_bytes()[..], name.as_bytes()].concat();
    (0, [&u16::try_from(entry.len()).unwrap().to_be_bytes()[..], &entry].concat())
}

fn alpn(protocols: &[&str]) -> (u16, Vec<u8>) {
    let list: Vec<u8> =
        protocols.iter().flat_map(|p| [&[u8::try_from(p.len()).unwrap()], p.as_bytes()].concat()).collect();
    (16, [&u16::try_from(list.len()).unwrap().to_be_bytes()[..], &list].concat())
}

/// A message in records of so many bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[22, 3, 1], &u16::try_from(part.len()).unwrap().to_be_bytes()[..], part].concat();
    message.chunks(size).flat_map(record).collect()
}

fn ordinary() -> Vec<u8> {
    hello(&[server_name("A.example."), alpn(&["h2", "http/1.1"]), (13, vec![0, 4, 4, 3, 8, 4])])
}

fn expected() -> ClientHello {
    let alpn = vec!["h2".to_owned(), "http/1.1".to_owned()];
    ClientHello { server_name: "a.example".to_owned(), alpn, ecdsa: true }
}

#[test]
fn a_hello_is_read_in_any_number_of_records() {
    let message = ordinary();
    for size in [1, 2, 3, 4, 5, 40, message.len()] {
        let bytes = records(&message, size);
        for end in 0..bytes.len() {
            assert_eq!(classify(&bytes[..end]), None, "{end} of {} bytes, records of {size}", bytes.len());
        }
        let with_more = [&bytes[..], b"\x14\x03\x03\0\x01\x01"].concat();
        assert_eq!(classify(&bytes), Some(Opening::Tls(expected())), "records of {size}");
        assert_eq!(classify(&with_more), Some(Opening::Tls(expected())), "records of {size}");
    }
}

#[test]
fn names_what_bytes_are() {
    let nameless = Some(Opening::Tls(ClientHello::default()));
    let endless = [&[1, 0xff, 0xff, 0xff], &[0; 60][..]].concat();
    let tiny: Vec<u8> = records(&[&[1, 0, 0xff, 0xff], &vec![0; 40_000][..]].concat(), 1);
    for (bytes, opening) in [
        (&b""[..], None),
        (b"G", Some(Opening::Plain)),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some(Opening::Plain)),
        (b"\x16", None),
        (b"\x16\x03", None),
        (b"\x16\x02\x00", Some(Opening::Plain)),
        (b"\x16\x03\x01\xff\xff", nameless.clone()),
        (b"\x16\x03\x01\x00\x00", nameless.clone()),
        // Another message than a ClientHello, another record within it, one that is too long, garbage within.
        (&records(b"\x02\0\0\x04abcd", 99), nameless.clone()),
        (&[&records(&ordinary(), 9)[..14], b"\x17"].concat(), nameless.clone()),
        (&records(&endless, 64), nameless.clone()),
        (&tiny, nameless.clone()),
        (&records(b"\x01\0\0\x04abcd", 99), nameless.clone()),
        (&records(&hello(&[]), 99), nameless.clone()),
        (&records(&hello(&[(0, vec![0, 9, 0, 0, 1, b'a'])]), 999), nameless),
        (b"\0", None),
        (b"\0\0\0\x08\x04\xd2\x16\x2f", Some(Opening::SslRequest)),
        (b"\0\0\0\x08\x04\xd2\x16\x30", Some(Opening::Plain)),
        (b"\0\0\0\x54\0\x03\0\0user", Some(Opening::Plain)),
    ] {
        assert_eq!(classify(bytes), opening, "{:?}", &bytes[..bytes.len().min(40)]);
    }
}

#[test]
fn reads_proxy_headers() {
    let told = |source: &str, destination: &str| {
        Some(Addresses { source: source.parse().unwrap(), destination: destination.parse().unwrap() })
    };
    let v2 = |command: u8, family: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length[..], body].concat()
    };
    let four = [192, 0, 2, 1, 198, 51, 100, 1, 0x1f, 0x90, 1, 0xbb];
    let with_additions = [&four[..], &[3, 0, 1, 9]].concat();
    let six = [&[0; 15][..], &[1], &[0; 15], &[2], &[0, 80, 0, 81]].concat();
    for (bytes, expected) in [
        (
            &b"PROXY TCP4 192.0.2.1 198.51.100.1 8080 443\r\nrest"[..],
            Parsed::Header(44, told("192.0.2.1:8080", "198.51.100.1:443")),
        ),
        (b"PROXY TCP6 ::1 ::2 80 81\r\n", Parsed::Header(26, told("[::1]:80", "[::2]:81"))),
        (b"PROXY UNKNOWN\r\n", Parsed::Header(15, None)),
        (b"PROXY UNKNOWN ::1 ::2 80 81\r\n", Parsed::Header(29, None)),
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 8080 443\n", Parsed::Incomplete),
        (b"PROXY TCP4 ::1 ::2 80 81\r\n", Parsed::Malformed),
        (b"PROXY TCP6 192.0.2.1 198.51.100.1 80 81\r\n", Parsed::Malformed),
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 80 65536\r\n", Parsed::Malformed),
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 80\r\n", Parsed::Malformed),
        (b"PROXY \xff\r\n", Parsed::Malformed),
        (&[b"PROXY ", &[b'1'; 200][..]].concat(), Parsed::Malformed),
        (b"PROX", Parsed::Incomplete),
        (b"", Parsed::Incomplete),
        (b"PROXX", Parsed::Absent),
        (b"GET / HTTP/1.1\r\n", Parsed::Absent),
        (b"\r\n\r\n\0\r\nQU", Parsed::Incomplete),
        (b"\r\n\r\nGET", Parsed::Absent),
        (&v2(0x21, 0x11, &four), Parsed::Header(28, told("192.0.2.1:8080", "198.51.100.1:443"))),
        (&v2(0x21, 0x11, &with_additions), Parsed::Header(32, told("192.0.2.1:8080", "198.51.100.1:443"))),
        (&v2(0x21, 0x21, &six), Parsed::Header(52, told("[::1]:80", "[::2]:81"))),
        (&v2(0x20, 0x00, &[]), Parsed::Header(16, None)),
        (&v2(0x21, 0x31, &[0; 216]), Parsed::Header(232, None)),
        (&v2(0x21, 0x11, &four[..11]), Parsed::Malformed),
        (&v2(0x11, 0x11, &four), Parsed::Malformed),
        (&v2(0x22, 0x11, &four), Parsed::Malformed),
        (&v2(0x21, 0x11, &four)[..20], Parsed::Incomplete),
        (&v2(0x21, 0x11, &[0; 5000]), Parsed::Malformed),
    ] {
        assert_eq!(parse(bytes), expected, "{}", bytes.escape_ascii());
    }
}

/// Gives what it has in pieces of these sizes, then nothing more.
struct Pieces(std::collections::VecDeque<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.0.pop_front() {
            Some(piece) => buf.put_slice(&piece),
            None => return Poll::Pending,
        }
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_and_nobody_waits_for_ever() {
    let bytes = records(&ordinary(), 30);
    let mut ahead = BytesMut::new();
    let mut pieces = Pieces(bytes.chunks(7).map(<[u8]>::to_vec).collect());
    let opening = peek(&mut pieces, &mut ahead, Instant::now() + SECOND).await;
    assert_eq!((opening, &ahead[..]), (Some(Opening::Tls(expected())), &bytes[..]));

    let mut half = Pieces([bytes[..20].to_vec()].into());
    assert_eq!(peek(&mut half, &mut BytesMut::new(), Instant::now() + SECOND).await, None);
    let mut closed = Pieces([Vec::new()].into());
    assert_eq!(peek(&mut closed, &mut BytesMut::new(), Instant::now() + SECOND).await, None);

    for (pieces, left, expected) in [
        (vec![&b"PRO"[..], b"XY UNKNOWN\r", b"\nhello"], &b"hello"[..], Ok(None)),
        (vec![b"hello"], b"hello", Ok(None)),
        // The server speaks first: there is no header, and nobody is to blame.
        (vec![], b"", Ok(None)),
        (vec![b"PROXY TCP4 1"], b"PROXY TCP4 1", Err(())),
        (vec![b"PROXY x\r\n"], b"PROXY x\r\n", Err(())),
    ] {
        let mut ahead = BytesMut::new();
        let mut stream = Pieces(pieces.iter().map(|p| p.to_vec()).collect());
        let read = proxy_protocol::read(&mut stream, &mut ahead, Instant::now() + SECOND).await;
        assert_eq!((read, &ahead[..]), (expected, left), "{pieces:?}");
    }
}

proptest! {
    /// More bytes never change what is clear already, and nothing makes it panic.
    #[test]
    fn what_is_clear_stays_clear(bytes in openings(), more in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut clear = None;
        for end in 0..=bytes.len() {
            let now = classify(&bytes[..end]);
            if let Some(before) = &clear {
                prop_assert_eq!(Some(before), now.as_ref());
            }
            clear = now;
        }
        if clear.is_some() {
            let longer = [&bytes[..], &more].concat();
            prop_assert_eq!(classify(&longer), clear);
        }
        let header = parse(&bytes);
        if let Parsed::Header(length, _) = header {
            prop_assert!(length <= bytes.len());
            prop_assert_eq!(parse(&[&bytes[..], &more].concat()), header);
        }
    }
}

/// Beginnings of connections, some whole, some with a few bytes changed, some at random.
fn openings() -> impl Strategy<Value = Vec<u8>> {
    let names = prop_oneof![Just(String::new()), "[a-zA-Z0-9.-]{1,40}", ".{0,20}"];
    let extension = (any::<u16>(), proptest::collection::vec(any::<u8>(), 0..40));
    let hello =
        (names, proptest::collection::vec(extension, 0..6), 1..400_usize).prop_map(|(name, mut others, size)| {
            others.push(server_name(&name));
            records(&hello(&others), size)
        });
    let whole = prop_oneof![
        hello,
        Just(SSL_REQUEST.to_vec()),
        "PROXY (TCP4|TCP6|UNKNOWN)( [0-9a-f.:]{1,20}){0,4}\r\n".prop_map(String::into_bytes),
        (any::<[u8; 4]>(), proptest::collection::vec(any::<u8>(), 0..60)).prop_map(|(header, body)| [
            b"\r\n\r\n\0\r\nQUIT\n",
            &header[..],
            &body
        ]
        .concat()),
    ];
    let changed = (whole.clone(), proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4))
        .prop_map(|(mut bytes, changes)| {
            for (index, value) in changes {
                let index = index.index(bytes.len());
                bytes[index] = value;
            }
            bytes
        });
    prop_oneof![whole, changed, proptest::collection::vec(any::<u8>(), 0..80)]
}
