//! Content types as `compress` compares them: the type without regard to case, and the parameters that are asked for.

/// A media type with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MediaType {
    /// In lower case.
    name: String,
    parameters: Vec<(String, String)>,
}

// === impl MediaType ===

impl MediaType {
    /// `type/subtype; key=value`; none where it isn't that.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let name = parts.next()?.trim().to_ascii_lowercase();
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token_byte);
        let well_formed = match name.split_once('/') {
            Some((main, sub)) => is_token(main) && is_token(sub),
            None => is_token(&name),
        };
        let parameters = parts.map(str::trim).filter(|part| !part.is_empty()).map(|part| {
            let (key, value) = part.split_once('=')?;
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            let unquoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            (is_token(&key) && (unquoted.is_some() || is_token(value)))
                .then(|| (key, unquoted.unwrap_or(value).to_owned()))
        });
        let parameters = parameters.collect::<Option<_>>()?;
        well_formed.then_some(MediaType { name, parameters })
    }

    /// Whether `other` is this type, with at least these parameters.
    pub(super) fn includes(&self, other: &MediaType) -> bool {
        self.name == other.name && self.parameters.iter().all(|parameter| other.parameters.contains(parameter))
    }
}

/// The characters of tokens (RFC 9110 §5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn compares_names_and_the_parameters_asked_for() {
        for (asked, given, expected) in [
            ("text/html", "text/html", true),
            ("Text/HTML", "text/html; charset=utf-8", true),
            ("text/html;charset=utf-8", "text/html; Charset=\"utf-8\"", true),
            ("text/html; charset=utf-8", "text/html", false),
            ("text/html; charset=utf-8", "text/html; charset=latin1", false),
            ("text/html", "text/plain", false),
        ] {
            let parse = |text| MediaType::parse(text).unwrap();
            assert_eq!(parse(asked).includes(&parse(given)), expected, "{asked} {given}");
        }
        for text in
            ["", "text/", "/html", "text/ html x", "a/b/c", "text/html; charset", "text/html; =x", "text/html; a=b c"]
        {
            assert_eq!(MediaType::parse(text), None, "{text:?}");
        }
    }
}
