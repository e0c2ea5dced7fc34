//! Compiles a dynamic configuration to a routing table; what can't serve is a diagnostic and left out.
//! Pure: the old table is only read, for what is carried over.

mod inner;
mod internal;
mod needs;
pub(super) mod outcome;
mod tcp;
pub(super) mod tls;
mod udp;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ingora_middleware::{Chain, Registry};

use self::outcome::{Changed, Children};
use self::tcp::TcpParts;
use super::admission::Admissions;
use super::filters::Filters;
use super::layer4::{self, Tcp, Udp};
use super::services::Services;
use super::table::{Disabled, EntryRoutes, Route, Routes, Table, Target};
use super::tls::{Tls, plain};
use crate::balance;
use crate::config::{Config, EntryPoint};
use crate::diagnostic::{Diagnostic, ObjectRef};
use crate::dynamic::http::{Router, ServersTransport, Service};
use crate::dynamic::tcp::TcpServersTransport;
use crate::dynamic::{Configuration, Section};
use crate::rule::{self, HttpRule, RuleError, Syntax};

/// What a table is compiled with, beside the dynamic configuration; the same for all tables of a process.
pub struct Settings {
    /// The static configuration.
    pub config: Config,
    /// The filters that there are.
    pub registry: Registry,
    /// How servers of services that name no transport are spoken to: Traefik's `default@internal`.
    pub default_transport: ServersTransport,
    /// The same for TCP.
    pub default_tcp_transport: TcpServersTransport,
}

/// Compiles a configuration. What is unchanged since `old` keeps its state: turns, filters, rules.
pub fn compile(
    configuration: Arc<Configuration>,
    settings: &Settings,
    old: Option<&Table>,
) -> (Table, Vec<Diagnostic>) {
    let resolved = old.map(|table| table.resolved.clone()).unwrap_or_default();
    let tls = super::tls::prepare(&configuration, old);
    let none = Table::default();
    let compiler = Compiler {
        old: old.unwrap_or(&none),
        diagnostics: tls.diagnostics().to_vec(),
        tls,
        default_entry_points: settings.config.default_entry_points(),
        configuration: &configuration,
        config: &settings.config,
        registry: &settings.registry,
        services: Services::new(&configuration, &settings.default_transport, old, &resolved),
        filters: Filters::new(&configuration, &settings.registry, old),
        here: Vec::new(),
        disabled: BTreeMap::new(),
        child_routes: HashMap::new(),
    };
    let old_tcp = old.map(|table| (&*table.configuration, &table.tcp_services));
    let old_udp = old.map(|table| (&*table.configuration, &table.udp_services));
    let tcp = Tcp::new(&configuration, &settings.default_tcp_transport);
    let tcp = layer4::Services::new(tcp, &configuration, old_tcp, &resolved);
    let tcp = TcpParts::new(tcp, Admissions::new(&configuration, old), old);
    let udp = layer4::Services::new(Udp, &configuration, old_udp, &resolved);
    let (table, diagnostics) = compiler.run(&configuration, tcp, udp);
    (Table { resolved, ..table }, diagnostics)
}

/// Layers of routes end here: far more than anyone writes, few enough for the stack.
const DEEPEST: usize = 64;

struct Compiler<'a> {
    configuration: &'a Configuration,
    config: &'a Config,
    registry: &'a Registry,
    /// The table before, which may be empty.
    old: &'a Table,
    services: Services<'a>,
    filters: Filters<'a>,
    tls: Arc<Tls>,
    /// The entry points of routers that name none.
    default_entry_points: Vec<String>,
    /// The positions of the entry points that a router is being compiled for.
    here: Vec<usize>,
    /// By name, TCP routers apart.
    disabled: BTreeMap<(bool, String), Disabled>,
    /// Child routes by name: compiled once, however many parents they have.
    child_routes: HashMap<String, Option<Arc<Route>>>,
    diagnostics: Vec<Diagnostic>,
}

/// The field of an object that keeps a router from serving.
#[derive(Clone, Copy)]
enum Field {
    /// A field of the route; empty for the route itself.
    Route(&'static str),
    /// `spec.tls.options`, which is of all routes of the object.
    TlsOptions,
}

/// A router on one entry point, before it has a place in the index.
struct Placed {
    entry_point: usize,
    tls: bool,
    route: Arc<Route>,
}

// === impl Placed ===

impl Placed {
    fn new(entry_point: usize, tls: bool, route: Route) -> Self {
        Placed { entry_point, tls, route: Arc::new(route) }
    }
}

// === impl Compiler ===

impl<'a> Compiler<'a> {
    fn run(
        mut self,
        configuration: &Arc<Configuration>,
        mut tcp_parts: TcpParts<'a>,
        mut udp_services: layer4::Services<'a, Udp>,
    ) -> (Table, Vec<Diagnostic>) {
        let old = self.old;
        let general = self.outcome(Vec::new());
        let children = match configuration.http.routers.same(&old.configuration.http.routers) {
            true => old.children.clone(),
            false => Arc::new(children_by_parent(configuration)),
        };
        let entry_points: Vec<(&str, &EntryPoint)> = self.config.tcp_entry_points().collect();
        let mut changed = Changed::since(old, configuration);
        let internal = self.internal(&entry_points, &mut changed);
        let routers = self.outcomes(&entry_points, &children, &mut changed);
        self.drop_unused(routers.values().chain([&internal]), &changed);
        let plugins = match needs::same_middlewares(&old.configuration, configuration) {
            true => old.plugins.clone(),
            false => {
                self.diagnostics.extend(self.filters.unusable_plugins());
                Arc::new(self.outcome(Vec::new()))
            }
        };
        let tcp = self.tcp(&entry_points, &mut tcp_parts);
        let udp = self.udp(&mut udp_services);
        let rest = self.outcome(Vec::new());
        let mut on = |position: usize, tls: bool| {
            let changes = changed.take(position, tls);
            old.routes(position, tls).map_or_else(|| Routes::default().with(&changes), |routes| routes.with(&changes))
        };
        let https = self.bound(&routers, &entry_points);
        let entry_points = tcp.into_iter().enumerate();
        let entry_points = entry_points
            .map(|(i, tcp)| {
                let https = https.entry_points.get(i).cloned().unwrap_or_default();
                EntryRoutes { plain: on(i, false), tls: on(i, true), tcp, https }
            })
            .collect();
        let (disabled, diagnostics) =
            outcome::said(&routers, [&general, &*internal.outcome, &*plugins, &rest, &https.said].into_iter());
        let (services, attended) = self.services.finish();
        let table = Table {
            entry_points,
            configuration: configuration.clone(),
            services,
            attended,
            tls: self.tls,
            https,
            udp,
            tcp_services: tcp_parts.services.finish(),
            udp_services: udp_services.finish(),
            admissions: tcp_parts.admissions.finish(),
            filters: self.filters.finish(),
            disabled,
            routers,
            internal: Some(internal),
            plugins,
            children,
            ..Table::default()
        };
        (table, diagnostics)
    }

    /// Puts a router on each of its entry points.
    fn place(
        &mut self,
        name: &str,
        router: &Router,
        entry_points: &[(&str, &EntryPoint)],
        children: &Children,
        placed: &mut Vec<Placed>,
    ) {
        let positions = self.positions(Section::HttpRouter, name, &router.entry_points, entry_points);
        // Routes are the same on entry points that add no middlewares of their own, and so are their mistakes.
        let mut shared: Option<Option<Arc<Route>>> = None;
        let adds_nothing =
            |p: &usize| entry_points.get(*p).is_some_and(|(_, entry_point)| entry_point.http.middlewares.is_empty());
        let sharing: Vec<usize> = positions.iter().copied().filter(adds_nothing).collect();
        for position in positions {
            let Some((entry_point_name, entry_point)) = entry_points.get(position) else { continue };
            self.here = vec![position];
            let model = &entry_point.http;
            let options = match (&router.tls, &model.tls) {
                (Some(tls), _) => Some((tls.options.as_str(), None)),
                (None, Some(tls)) => Some((tls.options.as_str(), Some(*entry_point_name))),
                // In clear text no options count, not even unusable default ones.
                (None, None) => None,
            };
            if let Some(message) = options.and_then(|options| self.unusable_options(options)) {
                let _: Option<()> = self.disable(name, "TLSOptionsUnusable", Field::TlsOptions, message);
                continue;
            }
            let route = match &shared {
                Some(route) if model.middlewares.is_empty() => route.clone(),
                _ => {
                    if model.middlewares.is_empty() {
                        self.here.clone_from(&sharing);
                    }
                    self.route(name, router, &model.middlewares, children, &mut Vec::new()).map(Arc::new)
                }
            };
            if model.middlewares.is_empty() {
                shared = Some(route.clone());
            }
            let tls = router.tls.is_some() || model.tls.is_some();
            placed.extend(route.map(|route| Placed { entry_point: position, tls, route }));
        }
    }

    /// Why TLS options can't be used, if so: those of a router, or those that an entry point gives it.
    fn unusable_options(&self, (options, entry_point): (&str, Option<&str>)) -> Option<String> {
        if self.tls.profile(options).is_some() {
            return None;
        }
        let options = plain(options);
        let by = entry_point.map(|name| format!(", which the entry point {name} gives it,")).unwrap_or_default();
        Some(format!("the TLS options {options:?}{by} do not exist, or could not be used (see their own diagnostic)"))
    }

    /// The positions of a router's entry points; unknown ones are told.
    fn positions(
        &mut self,
        section: Section,
        name: &str,
        wanted: &[String],
        entry_points: &[(&str, &EntryPoint)],
    ) -> Vec<usize> {
        let find = |name: &str| entry_points.iter().position(|(n, _)| *n == name);
        if wanted.is_empty() {
            return self.default_entry_points.iter().filter_map(|name| find(name)).collect();
        }
        let mut found = Vec::new();
        let mut unknown = Vec::new();
        for wanted in wanted {
            match find(wanted) {
                Some(position) if found.contains(&position) => {}
                Some(position) => found.push(position),
                None => unknown.push(wanted.as_str()),
            }
        }
        if !unknown.is_empty() {
            let known: Vec<&str> = entry_points.iter().map(|(n, _)| *n).collect();
            let message = format!(
                "unknown entry point {}: the configuration has {}{}",
                unknown.join(", "),
                known.join(", "),
                if found.is_empty() { "; the route serves nowhere" } else { "" },
            );
            let diagnostic = if found.is_empty() { Diagnostic::error } else { Diagnostic::warning };
            let (object, _) = self.origin(section, name);
            self.diagnostics.push(diagnostic("UnknownEntryPoint", &object, "spec.entryPoints", message));
        }
        found
    }

    fn route(
        &mut self,
        name: &str,
        router: &Router,
        outer: &[String],
        children: &Children,
        open: &mut Vec<String>,
    ) -> Option<Route> {
        // A service may bring middlewares of its own: they come last.
        let of_service = match self.configuration.http.services.get(&router.service) {
            Some(Service::LoadBalancer(servers)) => servers.middlewares.as_slice(),
            _ => &[],
        };
        let names: Vec<String> = outer.iter().chain(&router.middlewares).chain(of_service).cloned().collect();
        let rule = self.rule(name, router)?;
        let priority = match rule::priority(&router.rule, router.priority, false) {
            Ok(priority) => priority,
            Err(message) => {
                return self.disable(name, "InvalidPriority", Field::Route("priority"), message.to_string());
            }
        };
        let (chain, middlewares) = match self.filters.chain(name, &names) {
            Ok(chain) => chain,
            Err(message) => return self.unusable_middlewares(name, outer, message),
        };
        let own_services = match self.own_services(&chain) {
            Ok(services) => services,
            Err(message) => return self.unusable_middlewares(name, outer, message),
        };
        let target = match (router.service.as_str(), children.get(name)) {
            ("", Some(children_of)) => self.children(name, children_of, children, open)?,
            ("", None) => {
                return self.disable(
                    name,
                    "NoService",
                    Field::Route("services"),
                    "the route has neither a service nor child routes",
                );
            }
            (_, Some(_)) => {
                let message = "the route has both a service and child routes: only one of them is accepted";
                return self.disable(name, "ServiceAndChildren", Field::Route("services"), message);
            }
            (service, None) => match self.target(service) {
                Ok(target) => target,
                Err(message) => return self.disable(name, "ServiceUnusable", Field::Route("services"), message),
            },
        };
        let inner = match self.inner(name, &rule, &router.service) {
            Ok(inner) => inner,
            Err(message) => return self.disable(name, "MiddlewareUnusable", Field::Route("services"), message),
        };
        let acts_around = chain.acts_around()
            || matches!(&target, Target::Service(service) if service.acts_around())
            || inner.iter().any(|(_, route)| route.acts_around);
        Some(Route {
            name: name.into(),
            rule,
            text: router.rule.clone(),
            priority,
            middlewares,
            chain,
            own_services,
            service: router.service.clone(),
            target,
            inner,
            acts_around,
        })
    }

    /// Says that a router's middlewares can't be used, or those that its entry point adds (`outer`), which no field of the
    /// router names.
    fn unusable_middlewares<T>(&mut self, name: &str, outer: &[String], message: String) -> Option<T> {
        let theirs = self.filters.chain(name, outer).and_then(|(chain, _)| self.own_services(&chain));
        let entry_point = match theirs {
            Err(_) => self.here.first().and_then(|position| self.config.tcp_entry_points().nth(*position)),
            Ok(_) => None,
        };
        let message = match entry_point {
            Some((entry_point, _)) => {
                format!("of the middlewares, one which the entry point {entry_point} adds can't be used: {message}")
            }
            None => message,
        };
        self.disable(name, "MiddlewareUnusable", Field::Route("middlewares"), message)
    }

    /// The services that filters of a chain have for themselves, by position.
    fn own_services(&mut self, chain: &Chain) -> Result<Vec<(usize, Arc<balance::Service>)>, String> {
        let named = chain.links().iter().enumerate().filter_map(|(position, link)| {
            let service = link.filter.around()?.service()?;
            Some((position, &link.name, service.strip_suffix("@kubernetescrd").unwrap_or(service)))
        });
        named
            .map(|(position, name, service)| {
                let service = self.services.get(service).map_err(|e| format!("middleware {name}: {e}"))?;
                Ok((position, service))
            })
            .collect()
    }

    fn children(
        &mut self,
        parent: &str,
        names: &[Arc<str>],
        children: &Children,
        open: &mut Vec<String>,
    ) -> Option<Target> {
        if open.len() > DEEPEST {
            let message = format!("routes are nested in more than {DEEPEST} layers: remove some layers");
            return self.disable(parent, "TooManyLayers", Field::Route(""), message);
        }
        if open.iter().any(|n| n == parent) {
            let message = format!("routes are one another's parents: {} → {parent}", open.join(" → "));
            return self.disable(parent, "CyclicRoutes", Field::Route(""), message);
        }
        open.push(parent.to_owned());
        let mut routes = Vec::new();
        for name in names {
            let Some(router) = self.configuration.http.routers.get(name) else { continue };
            if let Some(done) = self.child_routes.get(&**name).cloned() {
                if done.is_none() {
                    self.note_disabled(Section::HttpRouter, name, "");
                }
                routes.extend(done);
                continue;
            }
            let child = if router.tls.is_some() || !router.entry_points.is_empty() || router.observability.is_some() {
                let message =
                    "a child route takes its entry points, TLS and observability from its parent: remove them";
                self.disable(name, "ChildRoute", Field::Route(""), message)
            } else {
                self.route(name, router, &[], children, open).map(Arc::new)
            };
            self.child_routes.insert(name.to_string(), child.clone());
            routes.extend(child);
        }
        open.pop();
        Some(Target::Children(Routes::new(routes)))
    }

    fn rule(&mut self, name: &str, router: &Router) -> Option<Arc<HttpRule>> {
        let syntax = self.syntax(&router.rule_syntax);
        let old = self.old.routers.get(name).and_then(|done| done.outcome.placed.first());
        if let Some(old) = old.map(|placed| &placed.route)
            && old.text == router.rule
            && old.rule.syntax() == syntax
        {
            return Some(old.rule.clone());
        }
        match rule::parse_http(&router.rule, syntax) {
            Ok(rule) => Some(Arc::new(rule)),
            Err(error) => {
                let hint = other_syntax(&router.rule, syntax, &error).unwrap_or_default();
                self.disable(name, "InvalidRule", Field::Route("match"), format!("{error}{hint}"))
            }
        }
    }

    fn syntax(&self, given: &str) -> Syntax {
        match given {
            "" => self.config.core.default_rule_syntax,
            "v2" => Syntax::V2,
            // As Traefik: whatever else is written means v3.
            _ => Syntax::V3,
        }
    }

    /// Says why a router doesn't serve.
    fn disable<T>(&mut self, name: &str, code: &'static str, field: Field, message: impl Into<String>) -> Option<T> {
        let message = message.into();
        self.note_disabled(Section::HttpRouter, name, &message);
        self.diagnose(Section::HttpRouter, name, code, field, &message);
        None
    }

    fn diagnose(&mut self, section: Section, name: &str, code: &'static str, field: Field, message: &str) {
        let (object, path) = self.origin(section, name);
        let path = match (path.as_str(), field) {
            (_, Field::TlsOptions) => "spec.tls.options".to_owned(),
            ("", Field::Route(field)) => field.to_owned(),
            (_, Field::Route("")) => path,
            (path, Field::Route(field)) => format!("{path}.{field}"),
        };
        let message = format!("the route does not serve: {message}");
        let diagnostic = Diagnostic::error(code, &object, path, message);
        // The same mistake on another entry point is the same finding.
        if self.diagnostics.last() != Some(&diagnostic) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Keeps a router that doesn't serve on the entry points at hand, for whoever asks about it; the first reason counts.
    fn note_disabled(&mut self, section: Section, name: &str, reason: &str) {
        let tcp = section == Section::TcpRouter;
        let rule_and_priority = match tcp {
            true => self.configuration.tcp.routers.get(name).map(|r| (&r.rule, r.priority)),
            false => self.configuration.http.routers.get(name).map(|r| (&r.rule, r.priority)),
        };
        let Some((rule, given)) = rule_and_priority else { return };
        let disabled = self.disabled.entry((tcp, name.to_owned())).or_insert_with(|| Disabled {
            name: name.to_owned(),
            tcp,
            rule: rule.clone(),
            priority: rule::priority(rule, given, tcp).unwrap_or(given),
            reason: reason.to_owned(),
            entry_points: Vec::new(),
        });
        disabled.entry_points.extend(&self.here);
        disabled.entry_points.sort_unstable();
        disabled.entry_points.dedup();
    }

    fn origin(&self, section: Section, name: &str) -> (ObjectRef, String) {
        match self.configuration.origins.get(section, name) {
            Some(origin) => ((*origin.object).clone(), origin.path.clone()),
            None => (ObjectRef::new("Router", "", name), String::new()),
        }
    }
}

fn children_by_parent(configuration: &Configuration) -> Children {
    let mut children = Children::new();
    for (name, router) in &configuration.http.routers {
        for parent in &router.parent_refs {
            let parent = parent.strip_suffix("@kubernetescrd").unwrap_or(parent);
            children.entry(parent.into()).or_default().push(name.clone());
        }
    }
    children
}

/// A hint, where a rule that can't be read is one of the other syntax: where a matcher has another name, or takes another
/// number of arguments there. A mistake in an argument is one, even if the other syntax doesn't see it.
fn other_syntax(text: &str, syntax: Syntax, error: &RuleError) -> Option<String> {
    let about_matcher = text.get(error.position..)?.starts_with(char::is_alphabetic);
    let other = if syntax == Syntax::V3 { Syntax::V2 } else { Syntax::V3 };
    (about_matcher && rule::parse_http(text, other).is_ok())
        .then(|| format!("; it is a rule of syntax {other}: set `syntax: {other}` on the route, or rewrite it"))
}

#[cfg(test)]
mod tests;
