//! Fields of certificates as Traefik writes them: `Subject="C=FR,CN=a";Issuer="…";SerialNumber="…";NB="…";NA="…";SAN="…"`,
//! certificates between commas, and the whole escaped as in a query.

use std::net::IpAddr;

use ingora_crds::middleware::{CertificateInfo, Issuer, Subject};
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, GeneralName, X509Certificate, X509Name};

/// Names of parts of names, by the number of their type, in the order in which they are written.
const PARTS: [(&str, &str); 8] = [
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("2.5.4.6", "C"),
    ("2.5.4.8", "ST"),
    ("2.5.4.7", "L"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.5", "SN"),
    ("2.5.4.3", "CN"),
];

/// Those of which the last one counts.
const SINGLE: [&str; 2] = ["SN", "CN"];

/// Which fields are told.
pub(super) struct Info {
    fields: CertificateInfo,
    /// In the order of `PARTS`.
    subject: Vec<&'static str>,
    issuer: Vec<&'static str>,
}

// === impl Info ===

impl Info {
    pub(super) fn new(config: &CertificateInfo) -> Self {
        let chosen = |wanted: [bool; 8]| {
            PARTS.iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|((_, name), _)| *name).collect()
        };
        let subject = |s: &Subject| {
            chosen([
                s.domain_component,
                s.country,
                s.province,
                s.locality,
                s.organization,
                s.organizational_unit,
                s.serial_number,
                s.common_name,
            ])
        };
        let issuer = |i: &Issuer| {
            let parts = [i.domain_component, i.country, i.province, i.locality, i.organization];
            let [dc, c, st, l, o] = parts;
            chosen([dc, c, st, l, o, false, i.serial_number, i.common_name])
        };
        Info {
            subject: config.subject.as_ref().map(subject).unwrap_or_default(),
            issuer: config.issuer.as_ref().map(issuer).unwrap_or_default(),
            fields: config.clone(),
        }
    }

    /// The fields of all certificates; one that can't be read has none.
    pub(super) fn tell(&self, certificates: &[Vec<u8>]) -> String {
        let told = certificates.iter().map(|der| {
            let parsed = X509Certificate::from_der(der).ok();
            parsed.map(|(_, certificate)| self.of(&certificate)).unwrap_or_default()
        });
        query_escape(&told.collect::<Vec<_>>().join(","))
    }

    fn of(&self, certificate: &X509Certificate<'_>) -> String {
        let mut fields = Vec::new();
        let mut field = |name: &str, value: String| {
            if !value.is_empty() {
                fields.push(format!("{name}=\"{value}\""));
            }
        };
        field("Subject", name(certificate.subject(), &self.subject));
        field("Issuer", name(certificate.issuer(), &self.issuer));
        let asked = |asked: bool, value: &dyn Fn() -> String| if asked { value() } else { String::new() };
        field("SerialNumber", asked(self.fields.serial_number, &|| certificate.serial.to_string()));
        let validity = certificate.validity();
        field("NB", asked(self.fields.not_before, &|| validity.not_before.timestamp().to_string()));
        field("NA", asked(self.fields.not_after, &|| validity.not_after.timestamp().to_string()));
        field("SAN", asked(self.fields.sans, &|| alternative_names(certificate)));
        fields.join(";")
    }
}

/// The chosen parts of a name: `C=FR,CN=a`.
fn name(name: &X509Name<'_>, chosen: &[&str]) -> String {
    let attributes: Vec<(String, &AttributeTypeAndValue<'_>)> =
        name.iter_attributes().map(|attribute| (attribute.attr_type().to_id_string(), attribute)).collect();
    let mut parts = Vec::new();
    for (id, written) in PARTS.iter().filter(|(_, written)| chosen.contains(written)) {
        let mut values = attributes.iter().filter(|(found, _)| found == id).map(|(_, attribute)| text(attribute));
        let values: Vec<String> =
            if SINGLE.contains(written) { values.next_back().into_iter().collect() } else { values.collect() };
        parts.extend(values.into_iter().map(|value| format!("{written}={value}")));
    }
    parts.join(",")
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> String {
    let text = attribute.as_str().map(str::to_owned);
    text.unwrap_or_else(|_| String::from_utf8_lossy(attribute.as_slice()).into_owned())
}

/// DNS names, then mail addresses, IP addresses and URIs.
fn alternative_names(certificate: &X509Certificate<'_>) -> String {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let mut found: Vec<(u8, String)> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((0, (*name).to_owned())),
            GeneralName::RFC822Name(name) => Some((1, (*name).to_owned())),
            GeneralName::IPAddress(bytes) => Some((2, address(bytes)?.to_string())),
            GeneralName::URI(uri) => Some((3, (*uri).to_owned())),
            _ => None,
        })
        .collect();
    found.sort_by_key(|(kind, _)| *kind);
    found.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(",")
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// As Go's `url.QueryEscape`.
pub(super) fn query_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
