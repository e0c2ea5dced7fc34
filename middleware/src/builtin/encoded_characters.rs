//! `encodedCharacters`: refuses paths that hold encoded characters which servers read in different ways.
//! A request filter; looks at the escaped path, not at the query.

use ingora_crds::middleware as config;

use crate::filter::{Filter, RequestCx, Step};
use crate::registry::BadConfig;
use crate::reply::Reply;

/// Refuses some encoded characters.
pub(super) struct EncodedCharacters {
    /// Their two digits, in upper case.
    refused: Vec<[u8; 2]>,
}

// === impl EncodedCharacters ===

impl EncodedCharacters {
    pub(super) fn new(config: &config::EncodedCharacters) -> Result<Self, BadConfig> {
        let refused = [
            (config.allow_encoded_slash, *b"2F"),
            (config.allow_encoded_back_slash, *b"5C"),
            (config.allow_encoded_null_character, *b"00"),
            (config.allow_encoded_semicolon, *b"3B"),
            (config.allow_encoded_percent, *b"25"),
            (config.allow_encoded_question_mark, *b"3F"),
            (config.allow_encoded_hash, *b"23"),
        ];
        let refused = refused.into_iter().filter(|(allowed, _)| !allowed).map(|(_, digits)| digits);
        Ok(EncodedCharacters { refused: refused.collect() })
    }

    fn refuses(&self, path: &str) -> bool {
        path.split('%').skip(1).any(|after| {
            let digits = after.as_bytes().first_chunk::<2>();
            digits.is_some_and(|digits| self.refused.iter().any(|refused| refused.eq_ignore_ascii_case(digits)))
        })
    }
}

impl Filter for EncodedCharacters {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        if self.refuses(cx.path()) { Step::reply(Reply::empty(400)) } else { Step::NEXT }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Trial;

    #[test]
    fn refuses_what_is_not_allowed() {
        let slash = config::EncodedCharacters { allow_encoded_slash: true, ..Default::default() };
        for (config, target, status) in [
            (Default::default(), "/a%2Fb", 400),
            (Default::default(), "/a%2fb", 400),
            (Default::default(), "/a%5C", 400),
            (Default::default(), "/a%00", 400),
            (Default::default(), "/a%3B", 400),
            (Default::default(), "/a%25", 400),
            (Default::default(), "/a%3F", 400),
            (Default::default(), "/a%23", 400),
            (Default::default(), "/a%20b?x=%2F", 200),
            (slash.clone(), "/a%2Fb", 200),
            (slash, "/a%2Fb%5C", 400),
        ] {
            assert_eq!(Trial::get(target).run(EncodedCharacters::new(&config).unwrap()).status(), status, "{target}");
        }
    }
}
