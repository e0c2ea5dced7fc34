//! Reads a raw query as Go's `url.Query` does: `+` is a space, pairs that can't be decoded or hold `;` don't exist.

use std::borrow::Cow;

/// The values of a key, decoded, in the order of the query.
pub(super) fn values<'q>(query: &'q str, key: &str) -> impl Iterator<Item = Cow<'q, [u8]>> {
    query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')).filter_map(move |pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(found)?.as_ref() == key.as_bytes()).then_some(decode(value)?)
    })
}

/// `None` for a broken escape.
fn decode(text: &str) -> Option<Cow<'_, [u8]>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    Some(Cow::Owned(decoded))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
