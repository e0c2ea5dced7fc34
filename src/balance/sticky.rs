//! Cookies that keep a client on a child: on a server of a pool, on a service of a weighted one.
//! Names and values are Traefik's, so that clients keep their place when the ingress controller is swapped.

use std::fmt::Write;

use cookie::{CookieBuilder, SameSite, time::Duration};
use http::{HeaderMap, HeaderValue, header};
use rustc_hash::FxHashMap;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use super::rendezvous::{fnv1, fnv1a};
use crate::dynamic::http::Cookie;

/// A cookie, ready to be read and written.
#[derive(Debug)]
pub struct Sticky {
    name: String,
    /// What follows the value, with its `; `.
    attributes: String,
}

/// The value of a cookie: the first 16 hex digits of the SHA-256 of the child's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value(u64);

/// The children that cookies can name.
#[derive(Debug, Default)]
pub struct Keys {
    /// Positions by value: several where a server's name has several addresses.
    positions: FxHashMap<Value, SmallVec<[u32; 2]>>,
    /// What Traefik wrote before it wrote SHA-256.
    older: FxHashMap<u64, Value>,
}

/// What a cookie names.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The child.
    pub position: usize,
    /// Whether the cookie is of an older form, and so is written anew.
    pub outdated: bool,
}

// === impl Sticky ===

impl Sticky {
    /// The cookie of a service; `service` is its name with the provider: `default-wrr1@kubernetescrd`.
    pub fn new(settings: &Cookie, service: &str) -> Self {
        let name = match settings.name.as_str() {
            "" => generated_name(service),
            given => given.chars().map(|c| if is_token(c) { c } else { '_' }).collect(),
        };
        Sticky { name, attributes: attributes(settings) }
    }

    /// What the client says: the first cookie of that name.
    pub fn read<'r>(&self, headers: &'r HeaderMap) -> Option<&'r str> {
        // One cookie that isn't text takes nothing from the others.
        let pairs = headers.get_all(header::COOKIE).into_iter().flat_map(|line| line.as_bytes().split(|b| *b == b';'));
        let mut cookies = pairs.filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='));
        let (_, value) = cookies.find(|(name, _)| *name == self.name)?;
        Some(value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value))
    }

    /// `Set-Cookie` for a child.
    pub fn write(&self, value: Value) -> Option<HeaderValue> {
        let mut text = String::with_capacity(self.name.len() + 17 + self.attributes.len());
        write!(text, "{}={:016x}{}", self.name, value.0, self.attributes).ok()?;
        HeaderValue::try_from(text).ok()
    }
}

/// `_` and the first five hex digits of a SHA-1.
fn generated_name(service: &str) -> String {
    let mut hash = Sha1::new();
    hash.update("_TRAEFIK_BACKEND_");
    hash.update(service);
    let mut name = String::from("_");
    for byte in hash.finalize().iter().take(3) {
        let _ = write!(name, "{byte:02x}");
    }
    name.truncate(6);
    name
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// The attributes as Go writes them: in its order, without what can't stand in a cookie.
fn attributes(settings: &Cookie) -> String {
    let path: String = settings.path.as_deref().unwrap_or("/").chars().filter(|c| is_path(*c)).collect();
    let mut cookie = CookieBuilder::new("", "").secure(settings.secure).http_only(settings.http_only);
    if !path.is_empty() {
        cookie = cookie.path(path);
    }
    let domain = settings.domain.trim_start_matches('.');
    if !domain.is_empty() && domain.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c)) {
        cookie = cookie.domain(domain.to_owned());
    }
    if settings.max_age != 0 {
        // Below zero expires it: Go writes 0.
        cookie = cookie.max_age(Duration::seconds(settings.max_age.max(0)));
    }
    cookie = match settings.same_site.to_ascii_lowercase().as_str() {
        "none" => cookie.same_site(SameSite::None),
        "lax" => cookie.same_site(SameSite::Lax),
        "strict" => cookie.same_site(SameSite::Strict),
        _ => cookie,
    };
    let text = cookie.build().to_string();
    let mut parts: Vec<&str> = text.split("; ").skip(1).collect();
    parts.sort_by_key(|part| {
        ["Path", "Domain", "Max-Age", "HttpOnly", "Secure", "SameSite"].iter().position(|name| part.starts_with(name))
    });
    parts.iter().fold(String::new(), |text, part| text + "; " + part)
}

fn is_path(c: char) -> bool {
    (' '..='~').contains(&c) && c != ';'
}

// === impl Value ===

impl Value {
    /// The value for a child: a server's URL, a service's name without its provider.
    pub fn of(child: &str) -> Self {
        let hash = Sha256::digest(child);
        Value(hash.iter().take(8).fold(0, |value, byte| (value << 8) | u64::from(*byte)))
    }
}

// === impl Keys ===

impl Keys {
    /// Children by position and name.
    pub fn new<'n>(children: impl Iterator<Item = (usize, &'n str)>) -> Self {
        let mut keys = Keys::default();
        for (position, name) in children {
            let value = Value::of(name);
            let positions = keys.positions.entry(value).or_default();
            if positions.is_empty() {
                // FNV-1 and FNV-1a: versions of Traefik 3.0 and before differ.
                keys.older.insert(fnv1(name.as_bytes()), value);
                keys.older.insert(fnv1a(name.as_bytes()), value);
            }
            positions.push(u32::try_from(position).unwrap_or(u32::MAX));
        }
        keys
    }

    /// The child that a cookie names. `turn` decides between several of the same name.
    pub fn find(&self, cookie: &str, turn: usize) -> Option<Found> {
        let number = (cookie.len() <= 16).then(|| u64::from_str_radix(cookie, 16).ok()).flatten();
        let value = number.map(Value).filter(|_| cookie.len() == 16);
        let (positions, outdated) = match value.and_then(|value| self.positions.get(&value)) {
            Some(positions) => (positions, false),
            None => {
                let older = number.and_then(|number| self.older.get(&number)).copied();
                (self.positions.get(&older.unwrap_or_else(|| Value::of(cookie)))?, true)
            }
        };
        let position = *positions.get(turn.checked_rem(positions.len())?)?;
        Some(Found { position: position as usize, outdated })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn cookie(settings: Cookie) -> String {
        let sticky = Sticky::new(&settings, "default-wrr1@kubernetescrd");
        sticky.write(Value::of("default-whoami1-80")).unwrap().to_str().unwrap().to_owned()
    }

    fn named(name: &str) -> Cookie {
        Cookie { name: name.to_owned(), ..Cookie::default() }
    }

    #[test]
    fn writes_what_traefik_writes() {
        for (settings, expected) in [
            (named(""), "_35140=05f749141bdebe7d; Path=/"),
            (named("lvl1"), "lvl1=05f749141bdebe7d; Path=/"),
            (named("a b;c=d\u{e9}"), "a_b_c_d_=05f749141bdebe7d; Path=/"),
            (
                Cookie {
                    secure: true,
                    http_only: true,
                    same_site: "None".to_owned(),
                    max_age: 42,
                    path: Some("/a;b".to_owned()),
                    domain: ".a.example".to_owned(),
                    ..named("x")
                },
                "x=05f749141bdebe7d; Path=/ab; Domain=a.example; Max-Age=42; HttpOnly; Secure; SameSite=None",
            ),
            (
                Cookie { same_site: "none".to_owned(), max_age: -1, domain: "a b".to_owned(), ..named("x") },
                "x=05f749141bdebe7d; Path=/; Max-Age=0; SameSite=None",
            ),
            (
                Cookie { same_site: "strict".to_owned(), path: Some(String::new()), ..named("x") },
                "x=05f749141bdebe7d; SameSite=Strict",
            ),
        ] {
            assert_eq!(cookie(settings), expected);
        }
        let name = Sticky::new(&named(""), "default-test-route-29f28a463fb5d5ba16d2@kubernetescrd").name;
        assert_eq!(name, "_7f051");
        assert_eq!(format!("{:016x}", Value::of("http://10.42.0.6:80").0), "08e1f9a2357f532a");
    }

    #[test]
    fn reads_the_first_cookie_of_its_name() {
        let sticky = Sticky::new(&named("lvl1"), "s");
        for (lines, expected) in [
            (&["lvl1=a; lvl2=b"][..], Some("a")),
            (&["x=y;lvl1=\"a\"", "lvl1=b"], Some("a")),
            (&["x=y", " lvl1=b; lvl1=c"], Some("b")),
            (&["lvl11=a; LVL1=b; lvl1"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))));
            assert_eq!(sticky.read(&headers), expected, "{lines:?}");
        }
    }

    #[test]
    fn finds_children_by_every_form() {
        let names = ["default-whoami1-80", "http://10.42.0.6:80", "http://10.42.0.6:80"];
        let keys = Keys::new(names.into_iter().enumerate());
        let fnv1a = format!("{:x}", fnv1a(b"default-whoami1-80"));
        for (cookie, turn, expected) in [
            ("05f749141bdebe7d", 7, Some((0, false))),
            ("08e1f9a2357f532a", 0, Some((1, false))),
            ("08e1f9a2357f532a", 1, Some((2, false))),
            ("default-whoami1-80", 0, Some((0, true))),
            (fnv1a.as_str(), 0, Some((0, true))),
            ("http://10.42.0.6:80", 0, Some((1, true))),
            ("http://10.42.0.7:80", 0, None),
            ("", 0, None),
            ("ffffffffffffffff", 0, None),
        ] {
            let expected = expected.map(|(position, outdated)| Found { position, outdated });
            assert_eq!(keys.find(cookie, turn), expected, "{cookie:?}");
        }
    }
}
