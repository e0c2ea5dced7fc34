//! `grpcWeb`: lets browsers speak gRPC. Requests of gRPC-Web become gRPC; the trailers of a response become part of its body.
//! A filter of heads and bodies both ways; preflights of gRPC-Web are answered here.

mod text;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH,
    CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN, TE, TRANSFER_ENCODING, VARY,
};
use http::{HeaderMap, Method, Version};
use ingora_crds::middleware as config;
use pingora_http::RequestHeader;

use self::text::Decoder;
use crate::filter::{Fault, Filter, Flow, Progress, RequestCx, ResponseCx, Slot, Step, first};
use crate::header::canonical;
use crate::registry::BadConfig;
use crate::reply::Reply;

const GRPC: &str = "application/grpc";
const GRPC_WEB: &str = "application/grpc-web";
const GRPC_WEB_TEXT: &str = "application/grpc-web-text";

/// How long browsers may remember a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Marks a frame that holds trailers.
const TRAILERS: u8 = 0x80;

/// Translates between gRPC-Web and gRPC.
pub(super) struct GrpcWeb {
    any_origin: bool,
    origins: Vec<Box<str>>,
}

/// A request of gRPC-Web under way.
struct Call {
    /// Both bodies are in base64.
    text: Option<Decoder>,
    /// The origin that may read the response.
    origin: Option<HeaderValue>,
    /// The response has a body that can hold trailers.
    open: bool,
}

// === impl GrpcWeb ===

impl GrpcWeb {
    pub(super) fn new(config: &config::GrpcWeb) -> Result<Self, BadConfig> {
        for (i, origin) in config.allow_origins.iter().enumerate() {
            if origin.is_empty() || HeaderValue::from_str(origin).is_err() {
                let message = format!("{origin:?} is no origin: such as https://app.example is accepted, or *");
                return Err(BadConfig::new(format!("allowOrigins[{i}]"), message));
            }
        }
        let any_origin = config.allow_origins.iter().any(|origin| origin == "*");
        let origins = config.allow_origins.iter().map(|origin| origin.as_str().into()).collect();
        Ok(GrpcWeb { any_origin, origins })
    }

    /// The origin of a request, if it may read answers.
    fn origin(&self, cx: &RequestCx<'_>) -> Option<HeaderValue> {
        let origin = cx.request.headers.get(ORIGIN)?;
        let text = origin.to_str().ok().filter(|text| !text.is_empty())?;
        (self.any_origin || self.origins.iter().any(|known| **known == *text)).then(|| origin.clone())
    }

    /// What a preflight of gRPC-Web is answered with.
    fn preflight(&self, cx: &RequestCx<'_>) -> Option<Reply> {
        let asked = cx.header(ACCESS_CONTROL_REQUEST_HEADERS);
        if cx.request.method != Method::OPTIONS || !asked.to_ascii_lowercase().contains("x-grpc-web") {
            return None;
        }
        let header = HeaderName::from_static;
        let mut reply = Reply::empty(204);
        for name in ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"] {
            reply = reply.with(VARY, HeaderValue::from_static(name));
        }
        let method = cx.header(ACCESS_CONTROL_REQUEST_METHOD);
        let allowed = self.origin(cx).filter(|_| matches!(method, "POST" | "GET" | "HEAD"));
        let (Some(origin), Ok(method), Ok(headers)) =
            (allowed, HeaderValue::from_str(method), HeaderValue::from_str(asked))
        else {
            return Some(reply);
        };
        Some(
            reply
                .with(ACCESS_CONTROL_ALLOW_ORIGIN, origin)
                .with(header("access-control-allow-methods"), method)
                .with(header("access-control-allow-headers"), headers)
                .with(header("access-control-allow-credentials"), HeaderValue::from_static("true"))
                .with(header("access-control-max-age"), MAX_AGE),
        )
    }

    fn on_request(&self, cx: &mut RequestCx<'_>) -> Progress {
        if let Some(reply) = self.preflight(cx) {
            return Ok(Flow::Reply(Box::new(reply)));
        }
        let content_type = cx.header(CONTENT_TYPE);
        if cx.request.method != Method::POST || !content_type.starts_with(GRPC_WEB) {
            return Ok(Flow::Next);
        }
        let text = content_type.starts_with(GRPC_WEB_TEXT);
        let inner = content_type.replacen(if text { GRPC_WEB_TEXT } else { GRPC_WEB }, GRPC, 1);
        let call = Call { text: text.then(Decoder::default), origin: self.origin(cx), open: false };
        cx.request.insert_header("Content-Type", inner).map_err(Fault::internal)?;
        *cx.slot = Some(Box::new(call));
        Ok(Flow::Next)
    }
}

impl Filter for GrpcWeb {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        Step::Now(self.on_request(cx))
    }

    fn request_body(&self, slot: &mut Slot, body: &mut Option<Bytes>, end: bool) -> Result<(), Fault> {
        let Some(decoder) = call(slot).and_then(|call| call.text.as_mut()) else { return Ok(()) };
        let piece = body.as_deref().unwrap_or_default();
        let decoded = decoder.pass(piece, end);
        // No piece at all would mean the end.
        *body = (!end || !decoded.is_empty()).then_some(decoded);
        Ok(())
    }

    fn upstream_request(&self, slot: &mut Slot, request: &mut RequestHeader) -> Result<(), Fault> {
        let Some(call) = call(slot) else { return Ok(()) };
        if call.text.is_some() {
            // Its length is that of the base64.
            request.remove_header(&CONTENT_LENGTH);
            if request.version != Version::HTTP_2 {
                request.insert_header(TRANSFER_ENCODING, "chunked").map_err(Fault::internal)?;
            }
        }
        // What gRPC's servers ask of a client, to know that it reads trailers.
        request.insert_header(TE, "trailers").map_err(Fault::internal)
    }

    fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        let Some(call) = call(cx.slot) else { return Ok(()) };
        let content_type = first(&cx.response.headers, CONTENT_TYPE);
        if content_type.starts_with(GRPC) && !content_type.starts_with(GRPC_WEB) {
            let outer = content_type.replacen(GRPC, if call.text.is_some() { GRPC_WEB_TEXT } else { GRPC_WEB }, 1);
            cx.response.insert_header("Content-Type", outer).map_err(Fault::internal)?;
            cx.response.remove_header(&CONTENT_LENGTH);
            call.open = true;
        }
        if let Some(origin) = &call.origin {
            cx.response.append_header("Vary", "Origin").map_err(Fault::internal)?;
            cx.response.insert_header("Access-Control-Allow-Origin", origin).map_err(Fault::internal)?;
            cx.response.insert_header("Access-Control-Allow-Credentials", "true").map_err(Fault::internal)?;
        }
        let names =
            cx.response.headers.keys().map(|name| String::from_utf8_lossy(&canonical(name.as_str())).into_owned());
        let exposed: Vec<String> = names.chain(["grpc-status".to_owned(), "grpc-message".to_owned()]).collect();
        cx.response.insert_header("Access-Control-Expose-Headers", exposed.join(", ")).map_err(Fault::internal)
    }

    fn response_body(&self, slot: &mut Slot, body: &mut Option<Bytes>, end: bool) -> Result<(), Fault> {
        let Some(call) = call(slot).filter(|call| call.open) else { return Ok(()) };
        let mut piece = body.take().unwrap_or_default();
        if end {
            // A response without trailers says that there are none.
            call.open = false;
            piece = [piece, trailers_frame(&HeaderMap::new())].concat().into();
        }
        if !piece.is_empty() {
            *body = Some(call.written(piece));
        }
        Ok(())
    }

    fn response_trailers(&self, slot: &mut Slot, trailers: &mut HeaderMap) -> Result<Option<Bytes>, Fault> {
        let Some(call) = call(slot).filter(|call| call.open) else { return Ok(None) };
        Ok(Some(call.written(trailers_frame(trailers))))
    }
}

// === impl Call ===

impl Call {
    /// A piece of the response's body as the client reads it; in base64 each piece stands for itself.
    fn written(&self, piece: Bytes) -> Bytes {
        if self.text.is_some() { text::encode(&piece) } else { piece }
    }
}

fn call(slot: &mut Slot) -> Option<&mut Call> {
    slot.as_mut()?.downcast_mut()
}

/// The last frame of a body: what would be trailers.
fn trailers_frame(trailers: &HeaderMap) -> Bytes {
    let mut lines = BytesMut::new();
    for (name, value) in trailers {
        lines.put_slice(name.as_str().as_bytes());
        lines.put_slice(b": ");
        lines.put_slice(value.as_bytes());
        lines.put_slice(b"\r\n");
    }
    let mut frame = BytesMut::with_capacity(lines.len() + 5);
    frame.put_u8(TRAILERS);
    frame.put_u32(u32::try_from(lines.len()).unwrap_or(u32::MAX));
    frame.put_slice(&lines);
    frame.freeze()
}

#[cfg(test)]
mod tests;
