//! Chains of Middlewares: members resolved to generated names, and circles among them found.
//! A member that may not be referred to refuses the whole chain; one that doesn't exist, or a circle, is told, and
//! disables the routers that use the chain.

use std::collections::{BTreeSet, VecDeque};

use ingora_crds::middleware::Chain;
use ingora_middleware::config;

use super::{Refused, Scope};
use crate::dynamic::Section;
use crate::translate::context::Context;
use crate::translate::reference::{self, PROVIDER, Target};

/// Resolves all members, so that each bad one is told.
pub(super) fn translate(cx: &mut Context<'_>, scope: &Scope<'_>, given: &Chain) -> Result<config::Chain, Refused> {
    let mut middlewares = Vec::new();
    for (i, member) in given.middlewares.iter().enumerate() {
        let path = format!("spec.chain.middlewares[{i}]");
        let wanted = (member.name.as_str(), member.namespace.as_deref());
        let found = reference::resolve(cx, Target::Middleware, wanted, scope.namespace(), scope.object, &path);
        middlewares.push(found);
    }
    let middlewares = middlewares.into_iter().collect::<Option<_>>().ok_or(Refused)?;
    Ok(config::Chain { middlewares })
}

/// Tells each chain that leads back to itself, and by which member.
pub(super) fn check(cx: &mut Context<'_>) {
    let chains = cx.out.http.middlewares.iter().filter(|(_, m)| m.chain.is_some());
    let names: Vec<String> = chains.map(|(name, _)| name.clone()).collect();
    for name in names {
        let Some(origin) = cx.out.origins.get(Section::HttpMiddleware, &name).cloned() else { continue };
        let members: Vec<String> = members(cx, &name).map(str::to_owned).collect();
        for (i, member) in members.iter().enumerate() {
            let path = format!("spec.chain.middlewares[{i}]");
            if let Some(way) = way(cx, member, &name) {
                let message = format!(
                    "the chain leads back to itself: {name} -> {}; take a member out, until then all of \
                    them serve nothing",
                    way.join(" -> ")
                );
                cx.error("ChainCycle", &origin.object, path, message);
            }
        }
    }
}

/// The shortest way through chains from one middleware to another, both included.
fn way(cx: &Context<'_>, from: &str, to: &str) -> Option<Vec<String>> {
    let mut seen = BTreeSet::from([from.to_owned()]);
    let mut ways = VecDeque::from([vec![from.to_owned()]]);
    while let Some(way) = ways.pop_front() {
        let last = way.last()?;
        if last == to {
            return Some(way);
        }
        for next in members(cx, last) {
            if seen.insert(next.to_owned()) {
                let mut longer = way.clone();
                longer.push(next.to_owned());
                ways.push_back(longer);
            }
        }
    }
    None
}

/// The members of a chain by their own names; none for what is no chain.
fn members<'c>(cx: &'c Context<'_>, name: &str) -> impl Iterator<Item = &'c str> {
    let chain = cx.out.http.middlewares.get(name).and_then(|m| m.chain.as_ref());
    let own = |member: &'c String| match member.rsplit_once('@') {
        Some((name, PROVIDER)) => name,
        _ => member.as_str(),
    };
    chain.into_iter().flat_map(|c| &c.middlewares).map(own)
}
