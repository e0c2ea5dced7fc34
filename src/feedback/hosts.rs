//! The hosts that routes ask for, as a short text for a column of `kubectl get`.

use std::collections::BTreeSet;

use super::subject::Asked;
use crate::rule::{HostLiteral, Syntax, parse_http, parse_tcp};

/// So many are named; the rest is counted.
const MOST: usize = 3;

/// The hosts in order, `*` where a route takes any. Empty where there are none to name: of UDP, or where no rule can be read.
pub(super) fn text(asked: Asked<'_>) -> String {
    let mut hosts = BTreeSet::new();
    match asked {
        Asked::Http(routes) => routes.iter().for_each(|r| of_http(&r.rule, &mut hosts)),
        Asked::Tcp(routes) => routes.iter().for_each(|r| of_tcp(&r.rule, &mut hosts)),
        Asked::Udp(_) | Asked::Nothing => {}
    }
    let named = hosts.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(",");
    match hosts.len() {
        n if n > MOST => format!("{named},+{}", n - MOST),
        _ => named,
    }
}

fn of_http(rule: &str, hosts: &mut BTreeSet<String>) {
    // Which syntax it is read in makes no difference to the hosts it names.
    let Some(rule) = parse_http(rule, Syntax::V3).or_else(|_| parse_http(rule, Syntax::V2)).ok() else { return };
    hosts.extend(rule.literals().into_iter().map(|literal| match literal.host {
        HostLiteral::Any => "*".to_owned(),
        HostLiteral::Wildcard(domain) => format!("*{domain}"),
        HostLiteral::Exact(host) => host,
    }));
}

fn of_tcp(rule: &str, hosts: &mut BTreeSet<String>) {
    let Some(rule) = parse_tcp(rule, Syntax::V3).or_else(|_| parse_tcp(rule, Syntax::V2)).ok() else { return };
    let named = rule.hosts();
    if named.is_empty() {
        hosts.insert("*".to_owned());
    }
    hosts.extend(named.into_iter().map(str::to_owned));
}

#[cfg(test)]
mod tests {
    use ingora_crds::ingress_route::Route;
    use ingora_crds::ingress_route_tcp::RouteTcp;

    use super::*;

    #[test]
    fn hosts_are_named_and_counted() {
        for (rules, expected) in [
            (
                &["Host(`b.example.com`) && PathPrefix(`/x`)", "Host(`A.example.com`)"][..],
                "a.example.com,b.example.com",
            ),
            (&["PathPrefix(`/`)", "Host(`a`)"], "*,a"),
            (&["Host(`a`, `b`)"], "a,b"),
            (&["Host(`a`) || Host(`b`) || Host(`c`) || Host(`d`) || Host(`e`)"], "a,b,c,+2"),
            (&["Nonsense(`a`)"], ""),
            (&[], ""),
        ] {
            let routes: Vec<_> = rules.iter().map(|r| Route { rule: (*r).to_owned(), ..Route::default() }).collect();
            assert_eq!(text(Asked::Http(&routes)), expected, "{rules:?}");
        }
        for (rule, expected) in [("HostSNI(`a`)", "a"), ("HostSNI(`*`)", "*"), ("ALPN(`h2`)", "*"), ("?", "")] {
            let routes = [RouteTcp { rule: rule.to_owned(), ..RouteTcp::default() }];
            assert_eq!(text(Asked::Tcp(&routes)), expected, "{rule}");
        }
        assert_eq!(text(Asked::Udp(2)), "");
    }
}
