//! `/data`: a body of a chosen size, made as it is sent.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::{Response, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use super::{Answer, parameter};

const CHARSET: &[u8] = b"-ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const CHUNK: u64 = 32 * 1024;

/// `size` (1 where absent or not a number) times `unit` (`KB`, `MB`, `GB`, `TB`; else bytes); with `attachment=true` as a file
/// of known length, else chunked. A size of 1 or less is an empty body.
pub(super) fn answer(query: Option<&str>) -> Answer {
    let number: i64 = parameter(query, "size").and_then(|s| s.parse().ok()).unwrap_or(1);
    let unit = parameter(query, "unit").unwrap_or_default().to_lowercase();
    let scale =
        ["kb", "mb", "gb", "tb"].iter().position(|u| *u == unit).map_or(1, |power| 1024_u64.pow(power as u32 + 1));
    let size = Some(u64::try_from(number).unwrap_or(0).saturating_mul(scale)).filter(|s| *s > 1).unwrap_or(0);

    let chunks = stream::unfold(0, move |from| async move {
        let to = size.min(from + CHUNK);
        (from < to).then(|| (Ok::<_, Infallible>(Frame::data(chunk(from, to, size))), to))
    });
    let mut answer = Response::new(BodyExt::boxed(StreamBody::new(chunks)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    let attachment = parameter(query, "attachment");
    if attachment.is_some_and(|a| matches!(a.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True")) {
        headers.insert(header::CONTENT_DISPOSITION, header::HeaderValue::from_static("Attachment"));
        headers.insert(header::CONTENT_LENGTH, header::HeaderValue::from(size));
    }
    answer
}

/// Bytes `from..to` of the content: letters between two bars.
fn chunk(from: u64, to: u64, size: u64) -> Bytes {
    (from..to)
        .map(|at| if at == 0 || at + 1 == size { b'|' } else { CHARSET[(at % CHARSET.len() as u64) as usize] })
        .collect()
}
