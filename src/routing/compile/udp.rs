//! Compiles UDP routers: each UDP entry point has one, the greatest name's, as in Traefik.
//! Part of `compile`: the same diagnostics.

use super::{Compiler, Field};
use crate::config::Protocol;
use crate::diagnostic::Diagnostic;
use crate::dynamic::Section;
use crate::dynamic::udp::UdpRouter;
use crate::routing::layer4::{Services, Udp};
use crate::routing::table::UdpRoute;

impl<'a> Compiler<'a> {
    /// The route of each UDP entry point.
    pub(super) fn udp(&mut self, services: &mut Services<'a, Udp>) -> Vec<Option<UdpRoute>> {
        let configuration = self.configuration;
        let mut placed: Vec<Option<UdpRoute>> = self.config.udp_entry_points().iter().map(|_| None).collect();
        // In the order of their names, so that the last one stays.
        for (name, router) in &configuration.udp.routers {
            let positions = self.udp_positions(name, router);
            match services.get(&router.service) {
                Ok(service) => {
                    for position in positions {
                        let Some(place) = placed.get_mut(position) else { continue };
                        let route = UdpRoute { name: name.clone(), service: service.clone() };
                        if let Some(before) = place.replace(route) {
                            self.shadowed(&before.name, name, position);
                        }
                    }
                }
                // One that the translation didn't make is told by it.
                Err(_) if !configuration.udp.services.contains_key(&router.service) => {}
                Err(message) => {
                    self.diagnose(Section::UdpRouter, name, "ServiceUnusable", Field::Route("services"), &message);
                }
            }
        }
        placed
    }

    /// The positions of a router's entry points among the UDP ones; those that are none are told.
    fn udp_positions(&mut self, name: &str, router: &UdpRouter) -> Vec<usize> {
        let known = self.config.udp_entry_points();
        if router.entry_points.is_empty() {
            if known.is_empty() {
                let message = "there is no UDP entry point: add one to the configuration, such as `address: :9000/udp`; \
                               until then the route serves nowhere";
                let (object, _) = self.origin(Section::UdpRouter, name);
                self.diagnostics.push(Diagnostic::error("UnknownEntryPoint", &object, "spec.entryPoints", message));
            }
            return (0..known.len()).collect();
        }
        let (mut found, mut unknown) = (Vec::new(), Vec::new());
        for wanted in &router.entry_points {
            match known.iter().position(|name| name == wanted) {
                Some(position) if found.contains(&position) => {}
                Some(position) => found.push(position),
                None => unknown.push(wanted.as_str()),
            }
        }
        if !unknown.is_empty() {
            let is_tcp = |name: &&&str| {
                self.config.entry_points.get(**name).is_some_and(|e| e.address.protocol == Protocol::Tcp)
            };
            let tcp: Vec<&str> = unknown.iter().filter(is_tcp).copied().collect();
            let message = format!(
                "unknown UDP entry point {}: the configuration has {}{}{}",
                unknown.join(", "),
                if known.is_empty() { "none".to_owned() } else { known.join(", ") },
                if tcp.is_empty() { String::new() } else { format!(" ({} is for TCP)", tcp.join(", ")) },
                if found.is_empty() { "; the route serves nowhere" } else { "" },
            );
            let diagnostic = if found.is_empty() { Diagnostic::error } else { Diagnostic::warning };
            let (object, _) = self.origin(Section::UdpRouter, name);
            self.diagnostics.push(diagnostic("UnknownEntryPoint", &object, "spec.entryPoints", message));
        }
        found
    }

    fn shadowed(&mut self, router: &str, by: &str, entry_point: usize) {
        let (object, path) = self.origin(Section::UdpRouter, router);
        let (winner, _) = self.origin(Section::UdpRouter, by);
        let known = self.config.udp_entry_points();
        let entry_point = known.get(entry_point).map_or("", String::as_str);
        let message = format!(
            "gets nothing on the entry point {entry_point}: a UDP entry point has one router, and {by} of {winner} comes \
             after it in the order of names: give each of them an entry point of its own"
        );
        self.diagnostics.push(Diagnostic::warning("EntryPointTaken", &object, path, message));
    }
}
