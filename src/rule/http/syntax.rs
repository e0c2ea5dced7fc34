//! The names and arguments of HTTP matchers in both syntaxes.

use super::header::HeaderKey;
use super::{FirstQuery, HttpMatcher};
use crate::rule::argument::{Argument, Call};
use crate::rule::expression::Expression;
use crate::rule::parser::Matchers;
use crate::rule::pattern::{Pattern, Template};
use crate::rule::{RuleError, Syntax};

type Built = Result<HttpMatcher, RuleError>;

const V3: Matchers<HttpMatcher> = &[
    ("ClientIP", |call| call.one(client_ip)),
    ("Header", |call| one_pair(call)?.pairs(header)),
    ("HeaderRegexp", |call| one_pair(call)?.pairs(header_regexp)),
    ("Host", |call| call.one(host)),
    ("HostRegexp", |call| call.one(host_regexp)),
    ("Method", |call| call.one(method)),
    ("Path", |call| call.one(path)),
    ("PathPrefix", |call| call.one(path_prefix)),
    ("PathRegexp", |call| call.one(|argument| Ok(HttpMatcher::PathRegexp(Pattern::regexp(argument)?)))),
    ("Query", query),
    ("QueryRegexp", query_regexp),
];

const V2: Matchers<HttpMatcher> = &[
    ("ClientIP", |call| call.each(client_ip)),
    ("Headers", |call| call.pairs(header)),
    ("HeadersRegexp", |call| call.pairs(header_regexp)),
    ("Host", |call| call.each(|argument| Ok(HttpMatcher::Host(host_name(argument)?.into())))),
    ("HostHeader", |call| call.each(|argument| Ok(HttpMatcher::HostHeader(host_name(argument)?.into())))),
    ("HostRegexp", |call| call.each(host_template)),
    ("Method", |call| call.each(method)),
    ("Path", |call| call.each(path_template)),
    ("PathPrefix", |call| call.each(path_prefix_template)),
    ("Query", query_pairs),
];

/// The matchers of a syntax.
pub(in crate::rule) fn matchers(syntax: Syntax) -> Matchers<HttpMatcher> {
    match syntax {
        Syntax::V2 => V2,
        Syntax::V3 => V3,
    }
}

fn one_pair<'c, 't>(call: &'c Call<'t>) -> Result<&'c Call<'t>, RuleError> {
    match call.arguments.len() {
        2 => Ok(call),
        _ => Err(call.wrong_count("two arguments")),
    }
}

fn client_ip(argument: &Argument<'_>) -> Built {
    Ok(HttpMatcher::ClientIp(argument.ip_net()?))
}

fn method(argument: &Argument<'_>) -> Built {
    Ok(HttpMatcher::Method(argument.text.to_uppercase().into()))
}

fn host(argument: &Argument<'_>) -> Built {
    let name = host_name(argument)?;
    Ok(match argument.text.as_ref() {
        "*" => HttpMatcher::AnyHost,
        text if text.starts_with("*.") && name != "*" => HttpMatcher::HostWildcard(name.into()),
        _ => HttpMatcher::Host(name.into()),
    })
}

/// As canonical hosts are written; a lone dot stays, lest it equal the missing host.
fn host_name(argument: &Argument<'_>) -> Result<String, RuleError> {
    let text = argument.ascii()?;
    let name = text.strip_suffix('.').filter(|name| !name.is_empty()).unwrap_or(text);
    Ok(name.to_ascii_lowercase())
}

fn host_regexp(argument: &Argument<'_>) -> Built {
    argument.ascii()?;
    Ok(HttpMatcher::HostRegexp(Pattern::regexp(argument)?))
}

fn host_template(argument: &Argument<'_>) -> Built {
    Ok(match Pattern::template(argument, argument.ascii()?, Template::Host)? {
        Some(pattern) => HttpMatcher::HostRegexp(pattern),
        None => HttpMatcher::HostHeader(host_name(argument)?.into()),
    })
}

fn path(argument: &Argument<'_>) -> Built {
    Ok(HttpMatcher::Path(rooted(argument)?.into()))
}

fn path_prefix(argument: &Argument<'_>) -> Built {
    Ok(HttpMatcher::PathPrefix(rooted(argument)?.into()))
}

fn path_template(argument: &Argument<'_>) -> Built {
    match Pattern::template(argument, rooted(argument)?, Template::Path)? {
        Some(pattern) => Ok(HttpMatcher::PathTemplate(pattern)),
        None => path(argument),
    }
}

fn path_prefix_template(argument: &Argument<'_>) -> Built {
    match Pattern::template(argument, rooted(argument)?, Template::PathPrefix)? {
        Some(pattern) => Ok(HttpMatcher::PathPrefixTemplate(pattern)),
        None => path_prefix(argument),
    }
}

fn rooted<'a>(argument: &'a Argument<'_>) -> Result<&'a str, RuleError> {
    match argument.text.starts_with('/') {
        true => Ok(&argument.text),
        false => Err(argument.error("a path must start with `/`")),
    }
}

fn header(key: &Argument<'_>, value: &Argument<'_>) -> Built {
    Ok(HttpMatcher::Header(Box::new((HeaderKey::new(&key.text), value.text.as_ref().into()))))
}

fn header_regexp(key: &Argument<'_>, value: &Argument<'_>) -> Built {
    Ok(HttpMatcher::HeaderRegexp(Box::new((HeaderKey::new(&key.text), *Pattern::regexp(value)?))))
}

/// `Query(key)` asks for the key with an empty value.
fn query(call: &Call<'_>) -> Result<Expression<HttpMatcher>, RuleError> {
    let (key, value) = match call.arguments.as_slice() {
        [key] => (key, ""),
        [key, value] => (key, value.text.as_ref()),
        _ => return Err(call.wrong_count("one or two arguments")),
    };
    Ok(Expression::Is(HttpMatcher::Query(Box::new((key.text.as_ref().into(), value.into())))))
}

fn query_regexp(call: &Call<'_>) -> Result<Expression<HttpMatcher>, RuleError> {
    let [key, value] = call.arguments.as_slice() else { return query(call) };
    Ok(Expression::Is(HttpMatcher::QueryRegexp(Box::new((key.text.as_ref().into(), *Pattern::regexp(value)?)))))
}

/// v2: `key=value`, …, all of which must hold. As upstream, `key`, `value` in two arguments are a pair, too.
fn query_pairs(call: &Call<'_>) -> Result<Expression<HttpMatcher>, RuleError> {
    let parts: Vec<_> = call.arguments.iter().flat_map(|a| a.text.splitn(2, '=').map(move |part| (a, part))).collect();
    let (pairs, []) = parts.as_chunks::<2>() else {
        return Err(call.wrong_count("arguments such as `key=value`"));
    };
    let list: Result<Vec<_>, RuleError> = pairs
        .iter()
        .map(|[(_, key), (argument, value)]| {
            let test = match Pattern::template(argument, value, Template::Query)? {
                Some(pattern) => FirstQuery::Template(*pattern),
                None if value.is_empty() => FirstQuery::Anything,
                None => FirstQuery::Equal((*value).into()),
            };
            Ok(Expression::Is(HttpMatcher::FirstQuery(Box::new(((*key).into(), test)))))
        })
        .collect();
    Ok(Expression::all(list?))
}
