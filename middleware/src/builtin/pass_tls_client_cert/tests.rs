//! Certificates made with openssl: every field, several certificates, and connections without any.

#![allow(clippy::unwrap_used)]
use std::sync::LazyLock;

use super::*;
use crate::testing::Trial;

/// Made by: `openssl req -x509 -newkey ed25519 -nodes -days 36500 -set_serial 0x1234567890abcdef1234 -outform DER`, the names below.
const ALL: &str = "MIIC4TCCApOgAwIBAgIKEjRWeJCrze8SNDAFBgMrZXAwgdAxEzARBgoJkiaJk/IsZAEZFgNvcmcxFjAUBgoJkiaJk/IsZAEZFgZj\
    aGVlc2UxCzAJBgNVBAYTAkZSMQswCQYDVQQGEwJVUzEPMA0GA1UECAwGU0FWT0lFMREwDwYDVQQHDAhUT1VMT1VTRTEPMA0GA1UE\
    CgwGQ2hlZXNlMQ8wDQYDVQQLDAZTaW1wbGUxDTALBgNVBAsMBEhhcmQxCzAJBgNVBAUTAjQyMQ4wDAYDVQQDDAVmaXJzdDEVMBMG\
    A1UEAwwMKi5jaGVlc2Uub3JnMCAXDTI2MTEyNjAxMDQyMVoYDzIxMjYxMTAyMDEwNDIxWjCB0DETMBEGCgmSJomT8ixkARkWA29y\
    ZzEWMBQGCgmSJomT8ixkARkWBmNoZWVzZTELMAkGA1UEBhMCRlIxCzAJBgNVBAYTAlVTMQ8wDQYDVQQIDAZTQVZPSUUxETAPBgNV\
    BAcMCFRPVUxPVVNFMQ8wDQYDVQQKDAZDaGVlc2UxDzANBgNVBAsMBlNpbXBsZTENMAsGA1UECwwESGFyZDELMAkGA1UEBRMCNDIx\
    DjAMBgNVBAMMBWZpcnN0MRUwEwYDVQQDDAwqLmNoZWVzZS5vcmcwKjAFBgMrZXADIQDVzVOwRfun0f/ndoqKbAha6G7YErZo4kp8\
    vpIRL7M+Z6OBhDCBgTBgBgNVHREEWTBXhhNodHRwczovL2NoZWVzZS5vcmcvhwQKAAEAggwqLmNoZWVzZS5vcmeBD3Rlc3RAY2hl\
    ZXNlLm9yZ4IJYi5leGFtcGxlhxAgAQ24AAAAAAAAAAAAAAABMB0GA1UdDgQWBBTZzdxDB6yTa7UNa06wMyEZURbhaDAFBgMrZXAD\
    QQBBqpKHQscfNgxgmW1pto65gt7Jo60nGLdiYZkH0RRSw+oGoPm5mWLLa4UUON77WhALz5N2T7hqFkmIlkCK42YD";

/// Of nothing but a common name, with a space and a comma.
const PLAIN: &str = "MIIBODCB66ADAgECAhQbZskaDgaJlz1AdO1meRfK4QVaDDAFBgMrZXAwETEPMA0GA1UEAwwGQSBiLCBjMCAXDTI2MTEyNjAxMDQy\
    MVoYDzIxMjYxMTAyMDEwNDIxWjARMQ8wDQYDVQQDDAZBIGIsIGMwKjAFBgMrZXADIQCu09IxSJrBaAQUfQdy/vS3CT4+M+dWngRB\
    hA7DFVd46KNTMFEwHQYDVR0OBBYEFA8YzBI+bdpyS4h4YhQhPYCFNDtyMB8GA1UdIwQYMBaAFA8YzBI+bdpyS4h4YhQhPYCFNDty\
    MA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EACLz0g80kunkk/AWv7ZmO6PyczzxSX1ycQo5dJ1282vPsA+8q+DaGe4Ao+2Njqs7M\
    wIZyLI5X/Vgygc6uOgvOAg==";

static BOTH: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| [ALL, PLAIN].map(|text| STANDARD.decode(text).unwrap()).to_vec());

fn tell(json: &str, certificates: &[Vec<u8>]) -> [String; 2] {
    let filter = PassTlsClientCert::new(&serde_json::from_str(json).unwrap()).unwrap();
    let tls = ClientTls { peer_certificates: certificates.to_vec(), ..ClientTls::default() };
    let outcome = Trial::get("/").handshake(tls).run(filter);
    ["X-Forwarded-Tls-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info"].map(|name| outcome.sent(name))
}

const SUBJECT: &str =
    "DC=org,DC=cheese,C=FR,C=US,ST=SAVOIE,L=TOULOUSE,O=Cheese,OU=Simple,OU=Hard,SN=42,CN=*.cheese.org";

#[test]
fn tells_the_fields_that_are_asked_for() {
    let all_parts = r#"{"country": true, "province": true, "locality": true, "organization": true,
        "organizationalUnit": true, "commonName": true, "serialNumber": true, "domainComponent": true}"#;
    for (info, expected) in [
        (format!(r#"{{"subject": {all_parts}}}"#), format!("Subject=\"{SUBJECT}\"")),
        (r#"{"subject": {"commonName": true, "country": true}}"#.into(), "Subject=\"C=FR,C=US,CN=*.cheese.org\"".into()),
        (
            r#"{"issuer": {"country": true, "province": true, "locality": true, "organization": true, "commonName": true,
                "serialNumber": true, "domainComponent": true}}"#
                .into(),
            format!("Issuer=\"{}\"", SUBJECT.replace("OU=Simple,OU=Hard,", "")),
        ),
        (
            r#"{"serialNumber": true, "sans": true, "subject": {"organization": true}}"#.into(),
            "Subject=\"O=Cheese\";SerialNumber=\"85968058272638546416180\";\
             SAN=\"*.cheese.org,b.example,test@cheese.org,10.0.1.0,2001:db8::1,https://cheese.org/\""
                .into(),
        ),
        (r#"{"notBefore": true, "notAfter": true}"#.into(), "NB=\"1795655061\";NA=\"4949255061\"".into()),
        ("{}".into(), String::new()),
    ] {
        let [pem, told] = tell(&format!(r#"{{"info": {info}}}"#), &BOTH[..1]);
        assert_eq!((pem.as_str(), unescaped(&told)), ("-", expected), "{info}");
    }
}

#[test]
fn several_certificates_stand_between_commas() {
    let [pem, told] = tell(r#"{"pem": true, "info": {"subject": {"commonName": true}}}"#, &BOTH);
    assert_eq!(pem, format!("{ALL},{PLAIN}"));
    assert_eq!(told, "Subject%3D%22CN%3D%2A.cheese.org%22%2CSubject%3D%22CN%3DA+b%2C+c%22");
}

#[test]
fn certificates_are_escaped_for_traefik_2_s_group() {
    let config = config::PassTlsClientCert { pem: true, query_escaped: true, ..Default::default() };
    let tls = ClientTls { peer_certificates: BOTH.clone(), ..ClientTls::default() };
    let outcome = Trial::get("/").handshake(tls).run(PassTlsClientCert::new(&config).unwrap());
    let told = outcome.sent("X-Forwarded-Tls-Client-Cert");
    assert!(!told.contains(['+', '/', '=', ',']), "{told}");
    assert_eq!(unescaped(&told), format!("{ALL},{PLAIN}"));
}

#[test]
fn what_is_no_certificate_has_no_fields() {
    let [pem, told] = tell(r#"{"pem": true, "info": {"serialNumber": true}}"#, &[b"x".to_vec()]);
    assert_eq!([pem.as_str(), told.as_str()], ["eA==", ""]);
}

#[test]
fn without_a_certificate_nothing_is_told() {
    for trial in [Trial::get("/"), Trial::get("/").tls()] {
        let filter = PassTlsClientCert::new(&serde_json::from_str(r#"{"pem": true, "info": {}}"#).unwrap()).unwrap();
        let outcome = trial.run(filter);
        assert!(outcome.forwarded);
        assert_eq!(outcome.sent("X-Forwarded-Tls-Client-Cert"), "-");
    }
}

#[test]
fn connections_are_remembered_without_being_kept() {
    let filter = PassTlsClientCert::new(&serde_json::from_str(r#"{"pem": true}"#).unwrap()).unwrap();
    let tls = || Arc::new(ClientTls { peer_certificates: BOTH[..1].to_vec(), ..ClientTls::default() });
    let alive: Vec<_> = (0..10_000).map(|_| tls()).collect();
    for tls in &alive {
        assert_eq!(filter.told(tls).unwrap().pem.unwrap(), ALL);
    }
    assert!(filter.known.len() <= MOST_OF_PART * Sources::<Known>::PARTS);
    let one = tls();
    filter.told(&one).unwrap();
    assert_eq!(Arc::strong_count(&one), 1);
}

/// `url.QueryEscape`, undone.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
                rest = &tail[2..];
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).unwrap()
}
