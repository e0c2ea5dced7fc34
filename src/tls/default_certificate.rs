//! The certificate for names that no other one is for, where none was configured: self-signed, made once per process.

use std::sync::{Arc, LazyLock};

use super::backend::asn1::Asn1Time;
use super::backend::bn::{BigNum, MsbOption};
use super::backend::rsa::Rsa;
use super::backend::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use super::backend::x509::{X509, X509Name};
use super::backend::{ErrorStack, MessageDigest, Nid, PKey, extend};
use super::certificate::{KeyPair, first};
use super::certificates::Choice;

/// What Traefik's is called: probes and scripts look for it.
const COMMON_NAME: &str = "TRAEFIK DEFAULT CERT";
const ALTERNATIVE_NAME: &str = "ingora.traefik.default";
const DAYS: u32 = 3650;

static GENERATED: LazyLock<Choice> = LazyLock::new(|| {
    let generated = generate().map_err(|e| first(&e));
    match generated.and_then(|(certificate, key)| KeyPair::of(vec![certificate], key)) {
        Ok(pair) => Arc::new(pair).into(),
        Err(e) => {
            log::error!("no default certificate could be made: {e}");
            Choice::default()
        }
    }
});

/// The same for the whole life of the process: Traefik makes a new one with each change. Making it takes a while, once.
pub fn generated() -> &'static Choice {
    &GENERATED
}

/// With an RSA key, as Traefik's: options may allow no other.
fn generate() -> Result<(X509, PKey<super::backend::Private>), ErrorStack> {
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, COMMON_NAME)?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let serial = serial.to_asn1_integer()?;
    let (from, to) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(DAYS)?);

    let mut certificate = X509::builder()?;
    certificate.set_version(2)?;
    certificate.set_serial_number(&serial)?;
    certificate.set_subject_name(&name)?;
    certificate.set_issuer_name(&name)?;
    certificate.set_not_before(&from)?;
    certificate.set_not_after(&to)?;
    certificate.set_pubkey(&key)?;
    let names = SubjectAlternativeName::new().dns(ALTERNATIVE_NAME).build(&certificate.x509v3_context(None, None))?;
    let usage = KeyUsage::new().critical().digital_signature().key_encipherment().build()?;
    let constraints = BasicConstraints::new().critical().build()?;
    for extension in [constraints, usage, ExtendedKeyUsage::new().server_auth().build()?, names] {
        extend(&mut certificate, &extension)?;
    }
    certificate.sign(&key, MessageDigest::sha256())?;
    Ok((certificate.build(), key))
}
