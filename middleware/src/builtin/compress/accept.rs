//! Which encoding a client gets: its `Accept-Encoding` against the encodings that the configuration prefers.

/// An encoding that responses can be sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    Brotli,
    Zstd,
}

/// A weight in thousandths (RFC 9110 §12.4.2).
type Weight = u16;

const FULL: Weight = 1000;

// === impl Encoding ===

impl Encoding {
    /// All that are known, in the order of preference where nothing is said.
    pub(super) const ALL: [Encoding; 3] = [Encoding::Gzip, Encoding::Brotli, Encoding::Zstd];

    /// Its name in headers and in the configuration.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Encoding::Gzip => "gzip",
            Encoding::Brotli => "br",
            Encoding::Zstd => "zstd",
        }
    }

    /// The encoding of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Encoding::ALL.into_iter().find(|encoding| encoding.name() == name)
    }
}

/// The encoding of the highest weight; among equals the first of `preferred`. A wildcard stands for the default one, or
/// the first: for the first of those that the client doesn't refuse by name.
pub(super) fn choose(lines: &[&str], preferred: &[Encoding], default: Option<Encoding>) -> Option<Encoding> {
    let items = || lines.iter().flat_map(|line| line.split(',')).filter_map(item);
    let weight = |name: &str| items().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, weight)| weight);
    let any = weight("*").filter(|weight| *weight > 0);
    let named = preferred.iter().filter_map(|encoding| Some((*encoding, weight(encoding.name())?)));
    // The first of the greatest: `max_by_key` would take the last.
    let best = named.filter(|(_, weight)| *weight > 0).reduce(|best, next| if next.1 > best.1 { next } else { best });
    let identity = weight("identity").unwrap_or_default();
    let (encoding, weight) = match (best, any) {
        (Some(best), any) if any.is_none_or(|any| any <= best.1) => best,
        (_, Some(any)) => {
            let open = |encoding: &Encoding| weight(encoding.name()).is_none();
            (default.filter(open).or_else(|| preferred.iter().copied().find(open))?, any)
        }
        _ => return None,
    };
    // A client that would rather have it plain gets it plain.
    (weight >= identity).then_some(encoding)
}

fn item(text: &str) -> Option<(&str, Weight)> {
    let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
    let weight = parameters.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
    });
    let name = name.trim();
    (!name.is_empty()).then_some((name, weight.unwrap_or(FULL)))
}

/// A weight that is none counts as 0: what isn't understood isn't asked for.
fn thousandths(text: &str) -> Weight {
    let weight = text.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0);
    // Between 0 and 1000 by the check above.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let weight = (weight * f32::from(FULL)).ceil() as Weight;
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_s_weights_then_our_order() {
        use Encoding::{Brotli, Gzip, Zstd};
        for (lines, expected) in [
            (&["gzip"][..], Some(Gzip)),
            (&["br"], Some(Brotli)),
            (&["ZSTD"], Some(Zstd)),
            (&["br, gzip"], Some(Gzip)),
            (&["br", "zstd"], Some(Brotli)),
            (&["gzip;q=0.5, br;q=0.8"], Some(Brotli)),
            (&["gzip; q=0.5 , br ; q=0.5"], Some(Gzip)),
            (&["gzip;q=0.5, br"], Some(Brotli)),
            (&["gzip;q=0.001"], Some(Gzip)),
            (&["gzip;q=0"], None),
            (&["gzip;q=0, br"], Some(Brotli)),
            (&["gzip;q=nonsense"], None),
            (&["gzip;q=7"], None),
            (&["deflate, compress"], None),
            (&["identity"], None),
            (&["identity, gzip"], Some(Gzip)),
            (&["identity;q=1, gzip;q=0.5"], None),
            (&["identity;q=0.3, gzip;q=0.5"], Some(Gzip)),
            (&[""], None),
            (&["*"], Some(Gzip)),
            (&["*;q=0"], None),
            (&["*;q=0, br"], Some(Brotli)),
            (&["gzip;q=0, *"], Some(Brotli)),
            (&["gzip;q=0.1, *;q=0.9"], Some(Brotli)),
            (&["gzip;q=0.9, *;q=0.1"], Some(Gzip)),
            (&["gzip;q=0, br;q=0, zstd;q=0, *"], None),
        ] {
            assert_eq!(choose(lines, &Encoding::ALL, None), expected, "{lines:?}");
        }
        assert_eq!(choose(&["*"], &Encoding::ALL, Some(Zstd)), Some(Zstd));
        assert_eq!(choose(&["gzip, br, zstd"], &[Zstd, Brotli], None), Some(Zstd));
        assert_eq!(choose(&["gzip"], &[Zstd, Brotli], None), None);
        assert_eq!(choose(&["br"], &[Zstd, Brotli], Some(Zstd)), Some(Brotli));
    }
}
