//! The arguments of a matcher's call: how many, and what those that both HTTP and TCP know must look like.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::RuleError;
use super::expression::Expression;

/// How much of a text an error shows, in characters.
const SHOWN: usize = 40;

/// A matcher's name with its arguments, none of them empty, at least one.
pub(super) struct Call<'t> {
    /// The canonical name.
    pub(super) name: &'static str,
    /// Where the name begins.
    pub(super) position: usize,
    pub(super) arguments: Vec<Argument<'t>>,
}

/// A string and where it begins.
pub(super) struct Argument<'t> {
    pub(super) position: usize,
    pub(super) text: Cow<'t, str>,
}

// === impl Call ===

impl Call<'_> {
    /// The expression of the only argument.
    pub(super) fn one<M>(
        &self,
        build: impl Fn(&Argument<'_>) -> Result<M, RuleError>,
    ) -> Result<Expression<M>, RuleError> {
        match self.arguments.as_slice() {
            [only] => Ok(Expression::Is(build(only)?)),
            _ => Err(self.wrong_count("one argument")),
        }
    }

    /// Any of the arguments.
    pub(super) fn each<M>(
        &self,
        build: impl Fn(&Argument<'_>) -> Result<M, RuleError>,
    ) -> Result<Expression<M>, RuleError> {
        let list: Result<Vec<_>, _> = self.arguments.iter().map(|a| build(a).map(Expression::Is)).collect();
        Ok(Expression::any(list?))
    }

    /// All of the pairs that the arguments form.
    pub(super) fn pairs<M>(
        &self,
        build: impl Fn(&Argument<'_>, &Argument<'_>) -> Result<M, RuleError>,
    ) -> Result<Expression<M>, RuleError> {
        let (pairs, []) = self.arguments.as_chunks::<2>() else {
            return Err(self.wrong_count("pairs of arguments"));
        };
        let list: Result<Vec<_>, _> = pairs.iter().map(|[key, value]| build(key, value).map(Expression::Is)).collect();
        Ok(Expression::all(list?))
    }

    /// An error about the number of arguments.
    pub(super) fn wrong_count(&self, wanted: &str) -> RuleError {
        let found = self.arguments.len();
        RuleError::new(self.position, format!("{} takes {wanted}, found {found}", self.name))
    }
}

// === impl Argument ===

impl Argument<'_> {
    /// An error about this argument.
    pub(super) fn error(&self, message: impl Into<String>) -> RuleError {
        RuleError::new(self.position, message)
    }

    /// The text, which must be ASCII.
    pub(super) fn ascii(&self) -> Result<&str, RuleError> {
        if self.text.is_ascii() {
            return Ok(&self.text);
        }
        Err(self.error("a host name must be ASCII; write the punycode form (`xn--…`)"))
    }

    /// An address, or a range in CIDR notation.
    pub(super) fn ip_net(&self) -> Result<IpNet, RuleError> {
        let address = || self.text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical()));
        let net = self.text.parse::<IpNet>().or_else(|_| address());
        let net = net.map_err(|_| self.error("expected an IP address or a range such as `10.0.0.0/8`"))?;
        // A range of IPv4 addresses written in IPv6: clients are compared in their IPv4 form.
        if let IpNet::V6(v6) = net
            && let Some(v4) = v6.network().to_ipv4_mapped()
            && let Ok(v4) = v4_range(v4, v6.prefix_len())
        {
            return Ok(v4.into());
        }
        Ok(net)
    }
}

fn v4_range(address: Ipv4Addr, v6_length: u8) -> Result<Ipv4Net, ipnet::PrefixLenError> {
    Ipv4Net::new(address, v6_length.checked_sub(96).ok_or(ipnet::PrefixLenError)?)
}

/// A text in backticks, cut when it is long, its control characters escaped.
pub(super) fn shown(text: &str) -> String {
    let mut start = text.chars();
    let cut: String = start.by_ref().take(SHOWN).flat_map(show_char).collect();
    let more = if start.as_str().is_empty() { "" } else { "…" };
    format!("`{cut}{more}`")
}

fn show_char(c: char) -> impl Iterator<Item = char> {
    let (plain, escaped) = if c.is_control() { (None, Some(c.escape_default())) } else { (Some(c), None) };
    plain.into_iter().chain(escaped.into_iter().flatten())
}
