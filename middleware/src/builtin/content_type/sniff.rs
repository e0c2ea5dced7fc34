//! What a body looks like by its first bytes: the table of <https://mimesniff.spec.whatwg.org>, with the names that Go's
//! `http.DetectContentType` has for types.

use std::ops::Range;

/// Bytes that are looked at.
pub(super) const MOST: usize = 512;

/// Tags that a page begins with; a space or `>` follows.
const TAGS: [&str; 17] = [
    "<!DOCTYPE HTML",
    "<HTML",
    "<HEAD",
    "<SCRIPT",
    "<IFRAME",
    "<H1",
    "<DIV",
    "<FONT",
    "<TABLE",
    "<A",
    "<STYLE",
    "<TITLE",
    "<B",
    "<BODY",
    "<BR",
    "<P",
    "<!--",
];

/// A beginning, and which of its bytes may be any.
struct Signature(&'static [u8], Range<usize>, &'static str);

const fn exact(beginning: &'static [u8], media_type: &'static str) -> Signature {
    Signature(beginning, 0..0, media_type)
}

const BEFORE_MP4: [Signature; 20] = [
    exact(b"%PDF-", "application/pdf"),
    exact(b"%!PS-Adobe-", "application/postscript"),
    Signature(b"\xFE\xFF..", 2..4, "text/plain; charset=utf-16be"),
    Signature(b"\xFF\xFE..", 2..4, "text/plain; charset=utf-16le"),
    Signature(b"\xEF\xBB\xBF.", 3..4, "text/plain; charset=utf-8"),
    exact(b"\0\0\x01\0", "image/x-icon"),
    exact(b"\0\0\x02\0", "image/x-icon"),
    exact(b"BM", "image/bmp"),
    exact(b"GIF87a", "image/gif"),
    exact(b"GIF89a", "image/gif"),
    Signature(b"RIFF....WEBPVP", 4..8, "image/webp"),
    exact(b"\x89PNG\r\n\x1A\n", "image/png"),
    exact(b"\xFF\xD8\xFF", "image/jpeg"),
    Signature(b"FORM....AIFF", 4..8, "audio/aiff"),
    exact(b"ID3", "audio/mpeg"),
    exact(b"OggS\0", "application/ogg"),
    exact(b"MThd\0\0\0\x06", "audio/midi"),
    Signature(b"RIFF....AVI ", 4..8, "video/avi"),
    Signature(b"RIFF....WAVE", 4..8, "audio/wave"),
    exact(b"\x1A\x45\xDF\xA3", "video/webm"),
];

const AFTER_MP4: [Signature; 11] = [
    Signature(b"..................................LP", 0..34, "application/vnd.ms-fontobject"),
    exact(b"\0\x01\0\0", "font/ttf"),
    exact(b"OTTO", "font/otf"),
    exact(b"ttcf", "font/collection"),
    exact(b"wOFF", "font/woff"),
    exact(b"wOF2", "font/woff2"),
    exact(b"\x1F\x8B\x08", "application/x-gzip"),
    exact(b"PK\x03\x04", "application/zip"),
    exact(b"Rar!\x1A\x07\0", "application/x-rar-compressed"),
    exact(b"Rar!\x1A\x07\x01\0", "application/x-rar-compressed"),
    exact(b"\0asm", "application/wasm"),
];

/// The type of a body that begins so.
pub(super) fn media_type(body: &[u8]) -> &'static str {
    let body = body.get(..MOST).unwrap_or(body);
    let text = body.trim_ascii_start();
    if TAGS.iter().any(|tag| begins_with_tag(text, tag)) {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    let known = |table: &[Signature]| table.iter().find(|signature| signature.fits(body)).map(|s| s.2);
    known(&BEFORE_MP4)
        .or_else(|| is_mp4(body).then_some("video/mp4"))
        .or_else(|| known(&AFTER_MP4))
        .unwrap_or(if is_binary(text) { "application/octet-stream" } else { "text/plain; charset=utf-8" })
}

fn begins_with_tag(text: &[u8], tag: &str) -> bool {
    let begins = text.get(..tag.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(tag.as_bytes()));
    begins && matches!(text.get(tag.len()), Some(b' ' | b'>'))
}

/// Whether one of the brands in the first box is `mp4` something.
fn is_mp4(body: &[u8]) -> bool {
    let Some((size, rest)) = body.split_first_chunk::<4>() else { return false };
    let size = u32::from_be_bytes(*size) as usize;
    if body.len() < 12 || !size.is_multiple_of(4) || !rest.starts_with(b"ftyp") {
        return false;
    }
    // After the major brand comes its version, which is none.
    let brands = body.get(8..size).unwrap_or_default().chunks(4).enumerate();
    brands.into_iter().any(|(i, brand)| i != 1 && brand.starts_with(b"mp4"))
}

fn is_binary(text: &[u8]) -> bool {
    text.iter().any(|b| matches!(b, 0..=8 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F))
}

// === impl Signature ===

impl Signature {
    fn fits(&self, body: &[u8]) -> bool {
        let Signature(beginning, any, _) = self;
        let same = |(i, (a, b))| a == b || any.contains(&i);
        body.len() >= beginning.len() && beginning.iter().zip(body).enumerate().all(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 says of these.
    #[test]
    fn says_what_go_says() {
        for (body, expected) in GO {
            assert_eq!(media_type(body), *expected, "{}", body.escape_ascii());
        }
    }

    const GO: &[(&[u8], &str)] = &[
        (b"", "text/plain; charset=utf-8"),
        (b"a", "text/plain; charset=utf-8"),
        (b"hello", "text/plain; charset=utf-8"),
        (b"{\"a\": 1}", "text/plain; charset=utf-8"),
        (b"<html>", "text/html; charset=utf-8"),
        (b"<HtMl lang=en>", "text/html; charset=utf-8"),
        (b"<html", "text/plain; charset=utf-8"),
        (b"<html\n>", "text/plain; charset=utf-8"),
        (b"  \n\t\x0C\r<!doctype html>", "text/html; charset=utf-8"),
        (b"\x0B<html>", "application/octet-stream"),
        (b"<!DOCTYPE html>", "text/html; charset=utf-8"),
        (b"<!DOCTYPE HTML>x", "text/html; charset=utf-8"),
        (b"<!doctype", "text/plain; charset=utf-8"),
        (b"<p>x", "text/html; charset=utf-8"),
        (b"<P CLASS=a>", "text/html; charset=utf-8"),
        (b"<pre>", "text/plain; charset=utf-8"),
        (b"<a href=x>", "text/html; charset=utf-8"),
        (b"<b>", "text/html; charset=utf-8"),
        (b"<br>", "text/html; charset=utf-8"),
        (b"<br/>", "text/plain; charset=utf-8"),
        (b"<body>", "text/html; charset=utf-8"),
        (b"<h1>", "text/html; charset=utf-8"),
        (b"<h2>", "text/plain; charset=utf-8"),
        (b"<!-- c", "text/html; charset=utf-8"),
        (b"<!--x", "text/plain; charset=utf-8"),
        (b"<script>", "text/html; charset=utf-8"),
        (b"<iframe >", "text/html; charset=utf-8"),
        (b"<div>", "text/html; charset=utf-8"),
        (b"<font >", "text/html; charset=utf-8"),
        (b"<table>", "text/html; charset=utf-8"),
        (b"<style>", "text/html; charset=utf-8"),
        (b"<title>", "text/html; charset=utf-8"),
        (b"<head>", "text/html; charset=utf-8"),
        (b"<svg>", "text/plain; charset=utf-8"),
        (b"<?xml version='1.0'?>", "text/xml; charset=utf-8"),
        (b" <?xml", "text/xml; charset=utf-8"),
        (b"<?XML", "text/plain; charset=utf-8"),
        (b"%PDF-1.7", "application/pdf"),
        (b" %PDF-", "text/plain; charset=utf-8"),
        (b"%!PS-Adobe-3.0", "application/postscript"),
        (b"\xFE\xFF\0a", "text/plain; charset=utf-16be"),
        (b"\xFE\xFF", "text/plain; charset=utf-8"),
        (b"\xFF\xFEa\0", "text/plain; charset=utf-16le"),
        (b"\xEF\xBB\xBFa", "text/plain; charset=utf-8"),
        (b"\xEF\xBB\xBF", "text/plain; charset=utf-8"),
        (b"\0\0\x01\0", "image/x-icon"),
        (b"\0\0\x02\0x", "image/x-icon"),
        (b"BMxx", "image/bmp"),
        (b"GIF87a.", "image/gif"),
        (b"GIF89a.", "image/gif"),
        (b"GIF88a", "text/plain; charset=utf-8"),
        (b"RIFF\x01\x02\x03\x04WEBPVP8", "image/webp"),
        (b"RIFFabcdWEBP", "text/plain; charset=utf-8"),
        (b"\x89PNG\r\n\x1A\n", "image/png"),
        (b"\xFF\xD8\xFF\xE0", "image/jpeg"),
        (b"FORM\0\0\0\x01AIFF", "audio/aiff"),
        (b"ID3\x03", "audio/mpeg"),
        (b"OggS\0\x02", "application/ogg"),
        (b"MThd\0\0\0\x06\0", "audio/midi"),
        (b"RIFFabcdAVI LIST", "video/avi"),
        (b"RIFFabcdWAVEfmt ", "audio/wave"),
        (b"\x1AE\xDF\xA3\x01", "video/webm"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "video/mp4"),
        (b"\0\0\0\x14ftypisom\0\0\0\0mp41", "video/mp4"),
        (b"\0\0\0\x10ftypisommp41", "application/octet-stream"),
        (b"\0\0\0\x18ftypmp42", "application/octet-stream"),
        (b"\0\0\0\x0Cftypmp42", "video/mp4"),
        (b"\0\0\0\rftypmp42x", "application/octet-stream"),
        (b"\0\0\0\0ftypmp42", "application/octet-stream"),
        (b"0123456789012345678901234567890123LP", "application/vnd.ms-fontobject"),
        (b"\0\x01\0\0", "font/ttf"),
        (b"OTTO", "font/otf"),
        (b"ttcf", "font/collection"),
        (b"wOFF", "font/woff"),
        (b"wOF2", "font/woff2"),
        (b"\x1F\x8B\x08\0", "application/x-gzip"),
        (b"\x1F\x8B\x07", "application/octet-stream"),
        (b"PK\x03\x04", "application/zip"),
        (b"Rar!\x1A\x07\0", "application/x-rar-compressed"),
        (b"Rar!\x1A\x07\x01\0", "application/x-rar-compressed"),
        (b"\0asm\x01", "application/wasm"),
        (b"\x1B[1m", "text/plain; charset=utf-8"),
        (b"a\0", "application/octet-stream"),
        (b"\x7F\x80\xFF", "text/plain; charset=utf-8"),
        (b"a\x0Bb", "application/octet-stream"),
        (b"  \x08", "application/octet-stream"),
        (b"\x0C\x0E", "application/octet-stream"),
    ];

    #[test]
    fn looks_at_the_first_512_bytes() {
        let mut body = vec![b'a'; MOST];
        body.push(0);
        assert_eq!(media_type(&body), "text/plain; charset=utf-8");
        body[MOST - 1] = 0;
        assert_eq!(media_type(&body), "application/octet-stream");
        let mut page = vec![b' '; MOST - 5];
        page.extend(b"<html>");
        assert_eq!(media_type(&page), "text/plain; charset=utf-8");
        page.remove(0);
        assert_eq!(media_type(&page), "text/html; charset=utf-8");
    }
}
