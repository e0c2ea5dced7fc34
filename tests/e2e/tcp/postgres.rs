//! PostgreSQL's clients, which ask for TLS in clear text first: who says yes, who says no, and who closes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tls::handshake;
use super::{all, named};
use crate::support::certificates::Authority;
use crate::support::{Backend, Gateway, Wire, route, within};

/// PostgreSQL's request to speak TLS.
const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A server of PostgreSQL, as far as one question goes: it lets everybody in, and answers `41`.
async fn postgres_server() -> Backend {
    Backend::serving(|mut wire, _| async move {
        let mut startup = first_message(&mut wire).await?;
        if startup == SSL_REQUEST[4..] {
            // Asked itself, it has no TLS.
            wire.send("N").await?;
            startup = first_message(&mut wire).await?;
        }
        assert_eq!(startup[..4], [0, 3, 0, 0], "the version of the protocol");
        let message = |kind: u8, body: &[u8]| {
            let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
            [&[kind][..], &length, body].concat()
        };
        let ready = message(b'Z', b"I");
        wire.send([message(b'R', &[0; 4]), ready.clone()].concat()).await?;
        loop {
            let kind = wire.bytes(1).await?[0];
            let length = u32::from_be_bytes(wire.bytes(4).await?[..].try_into().unwrap()) as usize;
            wire.bytes(length - 4).await?;
            if kind != b'Q' {
                return Ok(());
            }
            let mut column = b"\0\x01n\0".to_vec();
            column.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
            let row = message(b'D', b"\0\x01\0\0\0\x0241");
            wire.send([message(b'T', &column), row, message(b'C', b"SELECT 1\0"), ready.clone()].concat()).await?;
        }
    })
    .await
}

async fn first_message(wire: &mut Wire) -> std::io::Result<bytes::Bytes> {
    let length = u32::from_be_bytes(wire.bytes(4).await?[..].try_into().unwrap()) as usize;
    wire.bytes(length - 4).await
}

/// What PostgreSQL's client says to `SELECT n`, and its complaint.
async fn psql(gateway: &Gateway, host: &str, mode: &str) -> (String, String) {
    let address = gateway.web();
    let connection = format!(
        "host={host} hostaddr={} port={} user=x dbname=x gssencmode=disable connect_timeout=15 {mode}",
        address.ip(),
        address.port(),
    );
    let mut psql = tokio::process::Command::new("psql");
    psql.args(["-X", "-A", "-t", "-c", "SELECT n", &connection]).env_clear().env("PATH", "/usr/bin:/bin");
    let output = within("psql", psql.output()).await.expect("psql is needed: .ci/deps");
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn the_client_of_postgres_gets_its_answer() {
    let (server, other) = (postgres_server().await, named("other").await);
    let authority = Authority::new("ca");
    let objects = all("db").rule("HostSNI(`localhost`)").spec("tls: {secretName: db}").to(&server)
        + all("other").rule("HostSNI(`other.example`)").spec("tls: {}").to(&other)
        + authority.issue(&["localhost"]).secret("db");
    let gateway = Gateway::start(objects).await;
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority.0.certificate_pem()).unwrap();
    let (answer, complaint) =
        psql(&gateway, "localhost", &format!("sslmode=verify-full sslrootcert={}", ca.display())).await;
    assert_eq!(answer, "41\n", "{complaint}");
    // A name that no route is for.
    let (answer, complaint) = psql(&gateway, "nobody.example", "sslmode=require").await;
    assert!(answer.is_empty() && complaint.contains("EOF detected"), "{answer} {complaint}");
}

/// As PostgreSQL's client does: asks for TLS, and begins with it when it is told `S`.
async fn postgres(gateway: &Gateway, name: &str) -> (Wire, String) {
    let mut tcp = TcpStream::connect(gateway.web()).await.unwrap();
    tcp.write_all(SSL_REQUEST).await.unwrap();
    assert_eq!(within("an answer", tcp.read_u8()).await.unwrap(), b'S');
    handshake(tcp, name, &[]).await.unwrap()
}

#[tokio::test]
async fn postgres_is_served_in_its_own_way() {
    // Its side of the protocol: asked for TLS, it says yes.
    let tls = Backend::tls().await;
    let inner = tls.address;
    let server = Backend::accepting(move |mut tcp, _| async move {
        let mut request = [0; 8];
        tcp.read_exact(&mut request).await?;
        assert_eq!(request, SSL_REQUEST);
        tcp.write_all(b"S").await?;
        let mut tls = TcpStream::connect(inner).await?;
        tokio::io::copy_bidirectional(&mut tcp, &mut tls).await.map(drop)
    })
    .await;
    let plain = named("plain").await;
    let objects = all("p").rule("HostSNI(`pass.example`)").spec("tls: {passthrough: true}").to(&server)
        + all("t").rule("HostSNI(`end.example`)").spec("tls: {}").to(&plain);
    let gateway = Gateway::start(objects).await;

    let (mut wire, names) = postgres(&gateway, "pass.example").await;
    assert_eq!(names, "backend.example");
    wire.ask("GET / HTTP/1.1\nHost: a\n\n").await.assert_status(200);

    let (mut wire, _) = postgres(&gateway, "end.example").await;
    assert_eq!(wire.bytes(7).await.unwrap(), "plain\r\n");
}

#[tokio::test]
async fn a_server_without_tls_says_so_itself() {
    let server = postgres_server().await;
    let gateway = Gateway::start(all("db").to(&server)).await;
    for mode in ["prefer", "allow", "disable"] {
        let (answer, complaint) = psql(&gateway, "localhost", &format!("sslmode={mode}")).await;
        assert_eq!(answer, "41\n", "{mode}: {complaint}");
    }
    let (answer, complaint) = psql(&gateway, "localhost", "sslmode=require").await;
    assert!(answer.is_empty() && complaint.contains("does not support SSL"), "{answer} {complaint}");
}

#[tokio::test]
async fn where_nobody_speaks_it_its_client_is_not_kept_waiting() {
    let backend = Backend::echo().await;
    for objects in [
        route("clear").to(&backend) + "",
        route("secure").tls("{}").to(&backend) + "",
        route("secure").tls("{}").to(&backend) + all("t").rule("HostSNI(`*`) && ClientIP(`192.0.2.1`)").to(&backend),
    ] {
        let gateway = Gateway::start(objects).await;
        let mut wire = gateway.connect().await;
        wire.send(SSL_REQUEST).await.unwrap();
        wire.assert_closed().await;
        let (answer, complaint) = psql(&gateway, "localhost", "sslmode=prefer").await;
        assert!(answer.is_empty() && complaint.contains("closed the connection"), "{answer} {complaint}");
    }
    assert_eq!(backend.connections(), 0);
}
