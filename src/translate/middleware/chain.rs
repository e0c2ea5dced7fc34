//! Chains of Middlewares: members resolved to generated names, and circles among them found.
//! A member that may not be referred to refuses the whole chain; one that doesn't exist, or a circle, is told, and
//! disables the routers that use the chain.

use std::collections::BTreeMap;

use ingora_crds::middleware::Chain;
use ingora_middleware::config;
use rustc_hash::FxHashSet;

use super::{Refused, Scope};
use crate::diagnostic::Diagnostic;
use crate::dynamic::{Configuration, Section};
use crate::translate::context::Context;
use crate::translate::cycles::cycles;
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

/// Tells each chain that leads back to itself, and by which member. `chains` are the names of all chains.
pub(in crate::translate) fn check<'c>(
    configuration: &'c Configuration,
    chains: impl Iterator<Item = &'c str>,
) -> Vec<Diagnostic> {
    let edges: BTreeMap<&str, Vec<&str>> = chains.map(|name| (name, members(configuration, name).collect())).collect();
    let mut told = FxHashSet::default();
    let mut found = Vec::new();
    for cycle in cycles(&edges) {
        let message = format!(
            "the chain leads back to itself ({}): take a member out, until then all of them serve nothing",
            cycle.way
        );
        for (name, member) in cycle.edges {
            let position = members(configuration, name).position(|m| m == member).unwrap_or_default();
            let path = format!("spec.chain.middlewares[{position}]");
            let origin = configuration.origins.get(Section::HttpMiddleware, name);
            if let Some(origin) = origin.filter(|_| told.insert(name)) {
                found.push(Diagnostic::error("ChainCycle", &origin.object, path, message.as_str()));
            }
        }
    }
    found
}

/// The members of a chain by their own names; none for what is no chain.
fn members<'c>(configuration: &'c Configuration, name: &str) -> impl Iterator<Item = &'c str> {
    let chain = configuration.http.middlewares.get(name).and_then(|m| m.chain.as_ref());
    let own = |member: &'c String| match member.rsplit_once('@') {
        Some((name, PROVIDER)) => name,
        _ => member.as_str(),
    };
    chain.into_iter().flat_map(|c| &c.middlewares).map(own)
}
