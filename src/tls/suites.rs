//! Go's names, which TLSOptions are written in, and the TLS library's names for the same things.

use super::backend::ssl::SslVersion;

/// A cipher suite up to TLS 1.2.
struct Suite {
    /// Go's name.
    name: &'static str,
    /// The library's; none where it has none.
    library: Option<&'static str>,
    /// Whether options that name no suites have it: those that Go deems secure.
    default: bool,
}

const fn suite(name: &'static str, library: &'static str, default: bool) -> Suite {
    Suite { name, library: Some(library), default }
}

const fn missing(name: &'static str) -> Suite {
    Suite { name, library: None, default: false }
}

const AES128_SHA256: Suite = match cfg!(feature = "boringssl") {
    true => missing("TLS_RSA_WITH_AES_128_CBC_SHA256"),
    false => suite("TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256", false),
};

/// In Go's order of preference, which counts whatever the order they are asked for in.
const SUITES: &[Suite] = &[
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", true),
    suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", true),
    suite("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", true),
    suite("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", true),
    suite("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", true),
    suite("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305", false),
    suite("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", true),
    suite("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "ECDHE-RSA-CHACHA20-POLY1305", false),
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA", true),
    suite("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", true),
    suite("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA", true),
    suite("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA", true),
    suite("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256", false),
    suite("TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384", false),
    suite("TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", false),
    suite("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA", false),
    missing("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    missing("TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256", false),
    suite("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256", false),
    AES128_SHA256,
    missing("TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"),
    missing("TLS_ECDHE_RSA_WITH_RC4_128_SHA"),
    missing("TLS_RSA_WITH_RC4_128_SHA"),
];

/// Those of TLS 1.3, all of which are always offered, as Go does; and a signal that is none.
const ALWAYS: [&str; 4] =
    ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_FALLBACK_SCSV"];

/// Go's default, and its order.
const GROUPS: [&str; 5] = ["X25519MLKEM768", "X25519", "P-256", "P-384", "P-521"];

/// The suites asked for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Suites {
    /// By the library's names, first choice first. Empty where only TLS 1.3 can be spoken.
    pub names: Vec<&'static str>,
    /// Those that the library hasn't.
    pub missing: Vec<&'static str>,
}

/// The suites of TLS up to 1.2 behind Go's names; none where one of them is no suite.
pub(super) fn suites(wanted: &[String]) -> Option<Suites> {
    let known = |name: &str| ALWAYS.contains(&name) || SUITES.iter().any(|suite| suite.name == name);
    if !wanted.iter().all(|name| known(name)) {
        return None;
    }
    let chosen = |suite: &&Suite| match wanted.is_empty() {
        true => suite.default,
        false => wanted.iter().any(|name| name == suite.name),
    };
    let mut suites = Suites::default();
    for suite in SUITES.iter().filter(chosen) {
        match suite.library {
            Some(name) if suites.names.contains(&name) => {}
            Some(name) => suites.names.push(name),
            None => suites.missing.push(suite.name),
        }
    }
    Some(suites)
}

/// The groups behind Go's names of curves, or the default ones; none where one of them is no curve.
pub(super) fn groups(wanted: &[String]) -> Option<Vec<&'static str>> {
    if wanted.is_empty() {
        return Some(GROUPS.to_vec());
    }
    let group = |name: &String| match name.as_str() {
        "CurveP256" | "secp256r1" => Some("P-256"),
        "CurveP384" | "secp384r1" => Some("P-384"),
        "CurveP521" | "secp521r1" => Some("P-521"),
        "X25519" | "x25519" => Some("X25519"),
        "X25519MLKEM768" | "x25519mlkem768" => Some("X25519MLKEM768"),
        _ => None,
    };
    let mut groups = wanted.iter().map(group).collect::<Option<Vec<_>>>()?;
    let mut seen = Vec::new();
    groups.retain(|group| {
        !seen.contains(group) && {
            seen.push(*group);
            true
        }
    });
    Some(groups)
}

/// A version; the outer none where the name is none of Go's, the inner one where there is no name.
pub(super) fn version(name: &str) -> Option<Option<SslVersion>> {
    Some(match name {
        "" => None,
        "VersionTLS10" => Some(SslVersion::TLS1),
        "VersionTLS11" => Some(SslVersion::TLS1_1),
        "VersionTLS12" => Some(SslVersion::TLS1_2),
        "VersionTLS13" => Some(SslVersion::TLS1_3),
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Vec<String> {
        of.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn suites_come_in_order_of_preference() {
        let wanted =
            ["TLS_RSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"];
        let suites_ = suites(&names(&wanted)).unwrap();
        assert_eq!(suites_.names, ["ECDHE-RSA-AES128-GCM-SHA256", "AES256-GCM-SHA384"]);
        assert_eq!(suites_.missing, ["TLS_RSA_WITH_RC4_128_SHA"]);
        assert_eq!(suites(&names(&["TLS_AES_128_GCM_SHA256"])), Some(Suites::default()));
        assert_eq!(suites(&names(&["AES128-SHA"])), None);
        let default = suites(&[]).unwrap();
        assert_eq!((default.names.len(), default.missing.len()), (10, 0));
        assert!(default.names.iter().all(|name| name.starts_with("ECDHE-")));
    }

    #[test]
    fn groups_have_two_names_each() {
        assert_eq!(groups(&names(&["CurveP521", "secp521r1", "x25519"])), Some(vec!["P-521", "X25519"]));
        assert_eq!(groups(&names(&["P-256"])), None);
        assert_eq!(groups(&[]).unwrap().first(), Some(&"X25519MLKEM768"));
    }
}
