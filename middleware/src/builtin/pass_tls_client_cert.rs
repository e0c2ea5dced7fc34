//! `passTLSClientCert`: tells the server the client's certificates in headers, whole or some of their fields.
//! A request filter. What a connection's certificates come to is worked out once, not per request.

mod info;

use std::sync::{Arc, Weak};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use ingora_crds::middleware as config;

use self::info::{Info, query_escape};
use super::sources::{Key, Sources};
use crate::filter::{ClientTls, Fault, Filter, RequestCx, Step};
use crate::registry::BadConfig;

/// Connections that a part of the memory remembers.
const MOST_OF_PART: usize = 64;

/// Tells the client's certificates.
pub(super) struct PassTlsClientCert {
    pem: bool,
    query_escaped: bool,
    info: Option<Info>,
    /// By the handshake's place in memory, which no other one has while it is remembered.
    known: Sources<Known>,
}

struct Known {
    of: Weak<ClientTls>,
    told: Told,
}

/// Values of headers; none for those that aren't asked for.
#[derive(Clone)]
struct Told {
    pem: Option<HeaderValue>,
    info: Option<HeaderValue>,
}

// === impl PassTlsClientCert ===

impl PassTlsClientCert {
    pub(super) fn new(config: &config::PassTlsClientCert) -> Result<Self, BadConfig> {
        Ok(PassTlsClientCert {
            pem: config.pem,
            query_escaped: config.query_escaped,
            info: config.info.as_ref().map(Info::new),
            known: Sources::default(),
        })
    }

    fn told(&self, tls: &Arc<ClientTls>) -> Result<Told, Fault> {
        let key = Arc::as_ptr(tls) as usize as Key;
        if let Some(known) = self.known.part(key).get(&key) {
            return Ok(known.told.clone());
        }
        let told = self.tell(&tls.peer_certificates)?;
        let mut part = self.known.part(key);
        if part.len() >= MOST_OF_PART {
            part.retain(|_, known| known.of.strong_count() > 0);
        }
        if part.len() < MOST_OF_PART {
            part.insert(key, Known { of: Arc::downgrade(tls), told: told.clone() });
        }
        Ok(told)
    }

    fn tell(&self, certificates: &[Vec<u8>]) -> Result<Told, Fault> {
        let pem = || {
            let joined = certificates.iter().map(|der| STANDARD.encode(der)).collect::<Vec<_>>().join(",");
            if self.query_escaped { query_escape(&joined) } else { joined }
        };
        let value = |text: String| HeaderValue::try_from(text).map_err(Fault::internal);
        Ok(Told {
            pem: self.pem.then(|| value(pem())).transpose()?,
            info: self.info.as_ref().map(|info| value(info.tell(certificates))).transpose()?,
        })
    }

    fn on_request(&self, cx: &mut RequestCx<'_>) -> Result<(), Fault> {
        let Some(tls) = cx.client.tls.as_ref().filter(|tls| !tls.peer_certificates.is_empty()) else { return Ok(()) };
        let told = self.told(tls)?;
        if let Some(pem) = told.pem {
            cx.request.insert_header("X-Forwarded-Tls-Client-Cert", pem).map_err(Fault::internal)?;
        }
        if let Some(info) = told.info {
            cx.request.insert_header("X-Forwarded-Tls-Client-Cert-Info", info).map_err(Fault::internal)?;
        }
        Ok(())
    }
}

impl Filter for PassTlsClientCert {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        self.on_request(cx).into()
    }
}

#[cfg(test)]
mod tests;
