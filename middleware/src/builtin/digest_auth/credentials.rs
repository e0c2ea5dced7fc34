//! What an `Authorization: Digest …` header says.
//! Read per request; what isn't MD5 with `qop=auth` is no credentials.

/// The parameters of a proof.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) uri: String,
    pub(super) response: String,
    pub(super) opaque: String,
    pub(super) cnonce: String,
    /// How often the client used the nonce, in hexadecimal.
    pub(super) nc: String,
}

// === impl Credentials ===

impl Credentials {
    pub(super) fn parse(header: &str) -> Option<Self> {
        let scheme = header.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("digest "));
        let mut rest = scheme.and(header.get(7..))?;
        let mut found = Credentials::default();
        let (mut algorithm, mut qop) = (String::new(), String::new());
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let (name, after) = rest.split_once('=')?;
            let (value, after) = value(after.trim_start())?;
            rest = after;
            let place = match name.trim().to_ascii_lowercase().as_str() {
                "username" => &mut found.username,
                "realm" => &mut found.realm,
                "nonce" => &mut found.nonce,
                "uri" => &mut found.uri,
                "response" => &mut found.response,
                "opaque" => &mut found.opaque,
                "cnonce" => &mut found.cnonce,
                "nc" => &mut found.nc,
                "algorithm" => &mut algorithm,
                "qop" => &mut qop,
                _ => continue,
            };
            *place = value;
        }
        // Some clients leave the algorithm out, which means MD5.
        let fits = (algorithm.is_empty() || algorithm.eq_ignore_ascii_case("md5")) && qop.eq_ignore_ascii_case("auth");
        fits.then_some(found)
    }
}

/// A token or a quoted text at the beginning, and what follows.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return Some((text.get(..end)?.trim_end().to_owned(), text.get(end..)?));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    loop {
        match chars.next()? {
            (end, '"') => return Some((value, quoted.get(end + 1..)?)),
            (_, '\\') => value.push(chars.next()?.1),
            (_, other) => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parameters() {
        let full = Credentials {
            username: "a, \"b\"".into(),
            realm: "r".into(),
            nonce: "n=".into(),
            uri: "/x?y=1,2".into(),
            response: "0f".into(),
            opaque: "o".into(),
            cnonce: "c".into(),
            nc: "00000001".into(),
        };
        for (header, expected) in [
            (
                r#"Digest username="a, \"b\"", realm="r", nonce="n=", uri="/x?y=1,2", response="0f", opaque="o", algorithm=MD5, qop=auth, nc=00000001, cnonce="c""#,
                Some(full),
            ),
            (
                r#"digest QOP="auth",algorithm="md5" , username = u"#,
                Some(Credentials { username: "u".into(), ..Credentials::default() }),
            ),
            ("Digest qop=auth,,", Some(Credentials::default())),
            ("Digest qop=auth-int", None),
            ("Digest qop=auth, algorithm=SHA-256", None),
            (r#"Digest username="open, qop=auth"#, None),
            ("Digest username", None),
            ("Digest ", None),
            ("Basic YTpi", None),
            ("", None),
            ("Dig\u{e9}st qop=auth", None),
        ] {
            assert_eq!(Credentials::parse(header), expected, "{header}");
        }
    }
}
