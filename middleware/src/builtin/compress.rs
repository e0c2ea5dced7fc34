//! `compress`: encodes responses in what the client accepts, each piece as it comes, so that streams stay streams.
//! Decides by the request's head which encoding, and by the response's head whether; the body only passes through.

mod accept;
mod encoder;
mod media_type;

use accept::Encoding;
use bytes::Bytes;
use encoder::Encoder;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, VARY,
};
use http::{HeaderValue, Method, StatusCode};
use ingora_crds::middleware::Compress as Config;
use media_type::MediaType;
use pingora_http::ResponseHeader;

use crate::filter::{Fault, Filter, RequestCx, ResponseCx, Slot, Step};
use crate::registry::BadConfig;

/// The smallest body that is worth it, where nothing is said.
const LEAST: u64 = 1024;

/// Pieces of a body of known length from this size on are not flushed one by one: the next one is on its way.
const FLUSHED_BELOW: usize = 16 * 1024;

/// Encodes responses.
pub(super) struct Compress {
    /// In order of preference.
    encodings: Vec<Encoding>,
    default: Option<Encoding>,
    /// The smallest body that is encoded.
    least: u64,
    excluded: Vec<MediaType>,
    /// The only types that are encoded; none means all.
    included: Vec<MediaType>,
}

/// What a request's slot holds: the encoding chosen, then the encoder at work.
enum State {
    Chosen(Encoding),
    Working { encoder: Encoder, length_known: bool },
    Done,
}

// === impl Compress ===

impl Compress {
    /// Checks encodings, content types, and that only one list of these is given.
    pub(super) fn new(config: &Config) -> Result<Self, BadConfig> {
        if !config.excluded_content_types.is_empty() && !config.included_content_types.is_empty() {
            let message = "set beside excludedContentTypes: only one of them is accepted";
            return Err(BadConfig::new("includedContentTypes", message));
        }
        let encodings = match config.encodings.as_slice() {
            [] => Encoding::ALL.to_vec(),
            names => names
                .iter()
                .enumerate()
                .map(|(i, name)| Encoding::named(name).ok_or_else(|| unknown(format!("encodings[{i}]"), name)))
                .collect::<Result<_, _>>()?,
        };
        let default = match config.default_encoding.as_str() {
            "" => None,
            name => Some(Encoding::named(name).ok_or_else(|| unknown("defaultEncoding".to_owned(), name))?),
        };
        if let Some(default) = default.filter(|default| !encodings.contains(default)) {
            let names: Vec<_> = encodings.iter().map(|e| e.name()).collect();
            let message = format!("{:?} is not one of the encodings: {}", default.name(), names.join(", "));
            return Err(BadConfig::new("defaultEncoding", message));
        }
        let least = match config.min_response_body_bytes.unwrap_or_default() {
            0 => LEAST,
            least => u64::try_from(least)
                .map_err(|_| BadConfig::new("minResponseBodyBytes", format!("{least} is negative: 0 or more")))?,
        };
        let mut excluded = media_types("excludedContentTypes", &config.excluded_content_types)?;
        excluded.extend(MediaType::parse("application/grpc"));
        let included = media_types("includedContentTypes", &config.included_content_types)?;
        Ok(Compress { encodings, default, least, excluded, included })
    }

    /// The encoding for a request; none where its response is to pass as it is.
    fn choose(&self, cx: &RequestCx<'_>) -> Option<Encoding> {
        if cx.request.method == Method::HEAD {
            return None;
        }
        let of_request = MediaType::parse(cx.header(CONTENT_TYPE));
        if of_request.is_some_and(|t| self.excluded.iter().any(|excluded| excluded.includes(&t))) {
            return None;
        }
        let accepted = cx.request.headers.get_all(ACCEPT_ENCODING);
        let lines: Vec<&str> = accepted.iter().filter_map(|line| line.to_str().ok()).collect();
        if lines.is_empty() {
            return self.default;
        }
        accept::choose(&lines, &self.encodings, self.default)
    }

    /// Whether a response is to be encoded.
    fn suits(&self, response: &ResponseHeader) -> bool {
        let headers = &response.headers;
        let bodiless =
            matches!(response.status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
                || response.status.is_informational();
        // A part of a body is a part of what the server has, not of what would be made of it here.
        if bodiless || response.status == StatusCode::PARTIAL_CONTENT || headers.contains_key(CONTENT_RANGE) {
            return false;
        }
        if headers.get(CONTENT_ENCODING).is_some_and(|encoding| !encoding.is_empty()) {
            return false;
        }
        // A body of unknown length is encoded from its first byte: it may be one that goes on for ever.
        let length = headers.get(CONTENT_LENGTH).map(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length.is_none_or(|length| length < self.least)) {
            return false;
        }
        match headers.get(CONTENT_TYPE).filter(|value| !value.is_empty()) {
            None => true,
            Some(value) => value.to_str().ok().and_then(MediaType::parse).is_some_and(|t| {
                (self.included.is_empty() || self.included.iter().any(|included| included.includes(&t)))
                    && !self.excluded.iter().any(|excluded| excluded.includes(&t))
            }),
        }
    }
}

impl Filter for Compress {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        if let Some(encoding) = self.choose(cx) {
            *cx.slot = Some(Box::new(State::Chosen(encoding)));
        }
        Step::NEXT
    }

    fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        let Some(state) = state(cx.slot) else { return Ok(()) };
        let State::Chosen(encoding) = *state else { return Ok(()) };
        *state = State::Done;
        add_vary(cx.response)?;
        if !self.suits(cx.response) {
            return Ok(());
        }
        let length_known = cx.response.remove_header(&CONTENT_LENGTH).is_some();
        // Ranges that a client asked for later would be ranges of something else.
        cx.response.remove_header(&ACCEPT_RANGES);
        let value = HeaderValue::from_static(encoding.name());
        cx.response.insert_header(CONTENT_ENCODING, value).map_err(Fault::internal)?;
        *state = State::Working { encoder: Encoder::new(encoding).map_err(Fault::internal)?, length_known };
        Ok(())
    }

    fn response_body(&self, slot: &mut Slot, body: &mut Option<Bytes>, end: bool) -> Result<(), Fault> {
        let Some(state) = state(slot) else { return Ok(()) };
        let State::Working { encoder, length_known } = state else { return Ok(()) };
        let piece = body.take().unwrap_or_default();
        encoder.write(&piece).map_err(Fault::internal)?;
        let encoded = if end {
            encoder.finish()
        } else if *length_known && piece.len() >= FLUSHED_BELOW {
            Ok(encoder.take())
        } else if piece.is_empty() {
            Ok(Bytes::new())
        } else {
            encoder.flush()
        };
        *body = Some(encoded.map_err(Fault::internal)?);
        if end {
            *state = State::Done;
        }
        Ok(())
    }
}

fn state(slot: &mut Slot) -> Option<&mut State> {
    slot.as_mut()?.downcast_mut()
}

/// Says that the response depends on `Accept-Encoding`, unless it says so already.
fn add_vary(response: &mut ResponseHeader) -> Result<(), Fault> {
    let says = |line: &HeaderValue| {
        line.to_str().is_ok_and(|line| {
            line.split(',')
                .map(str::trim)
                .any(|name| name == "*" || name.eq_ignore_ascii_case(ACCEPT_ENCODING.as_str()))
        })
    };
    if response.headers.get_all(VARY).iter().any(says) {
        return Ok(());
    }
    response.append_header("Vary", "Accept-Encoding").map(|_| ()).map_err(Fault::internal)
}

fn unknown(path: String, name: &str) -> BadConfig {
    let known = Encoding::ALL.map(Encoding::name).join(", ");
    BadConfig::new(path, format!("{name:?} is not an encoding that is known: {known}"))
}

fn media_types(path: &str, types: &[String]) -> Result<Vec<MediaType>, BadConfig> {
    let parse = |(i, text): (usize, &String)| {
        let message = || format!("{text:?} is not a content type, such as `text/html` or `text/html; charset=utf-8`");
        MediaType::parse(text).ok_or_else(|| BadConfig::new(format!("{path}[{i}]"), message()))
    };
    types.iter().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests;
