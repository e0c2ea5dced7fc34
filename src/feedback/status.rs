//! What is to be said of each object: the conditions that its findings and its routers come to.
//! Pure: the snapshot, the findings and what serves in, verdicts out; the times of their changes are added when they are written.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use ingora_crds::RouteStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHasher};

use super::Served;
use super::condition::{Aspect, CLASS_NOT_SERVED};
use super::hosts;
use super::subject::{Asked, Found, Subject, each};
use crate::diagnostic::{Diagnostic, Severity};

/// A condition's message ends after so many findings or bytes.
const MOST_FINDINGS: usize = 8;
const MOST_BYTES: usize = 2048;

/// Kind, namespace and name.
type Name<'a> = (&'a str, &'a str, &'a str);

/// What is to be said of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Desired {
    pub subject: Subject,
    /// Stands for everything that the verdicts were made from.
    pub basis: u64,
    pub hosts: String,
    pub routes: String,
    pub verdicts: [Verdict; 3],
}

/// A condition, without its times.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Verdict {
    pub aspect: Aspect,
    pub holds: bool,
    pub reason: &'static str,
    pub message: String,
}

/// Hands over what is to be said of each object that is ours, in order of kind, namespace and name. `is_known` is asked with
/// the uid and the basis before anything is put in words; objects that it knows are passed over. Returns the uids of all.
pub(super) fn desired(
    served: &Served,
    mut is_known: impl FnMut(&Found<'_>, u64) -> bool,
    mut take: impl FnMut(Desired),
) -> Vec<String> {
    let facts = &*served.facts;
    let mut findings: FxHashMap<Name<'_>, Vec<&Diagnostic>> = HashMap::default();
    for diagnostic in served.diagnostics.iter() {
        let object = &diagnostic.object;
        findings.entry((&object.kind, &object.namespace, &object.name)).or_default().push(diagnostic);
    }
    let mut serving: FxHashMap<Name<'_>, usize> = HashMap::default();
    for object in facts.serving() {
        *serving.entry((&object.kind, &object.namespace, &object.name)).or_default() += 1;
    }
    let mut uids = Vec::new();
    each(&served.snapshot, |found| {
        let name = (&*found.kind.kind, found.namespace, found.name);
        let findings = findings.get(&name).map(Vec::as_slice).unwrap_or_default();
        let is_others = findings.iter().any(|d| d.code == CLASS_NOT_SERVED);
        if is_others || !facts.counts(found.namespace, found.metadata) {
            return;
        }
        uids.extend(found.metadata.uid.clone());
        let serving = serving.get(&name).copied().unwrap_or_default();
        let basis = basis(&found, findings, serving);
        if !is_known(&found, basis) {
            take(judge(&found, findings, serving, basis));
        }
    });
    uids
}

fn basis(found: &Found<'_>, findings: &[&Diagnostic], serving: usize) -> u64 {
    let mut hasher = FxHasher::default();
    (found.metadata.generation, findings, serving).hash(&mut hasher);
    hasher.finish()
}

fn judge(found: &Found<'_>, findings: &[&Diagnostic], serving: usize, basis: u64) -> Desired {
    let of = |aspect: Aspect| findings.iter().copied().filter(move |d| Aspect::of(d.code) == aspect);
    let fault = |aspect: Aspect| of(aspect).find(|d| d.severity == Severity::Error);
    let asked = asked(found.asked);
    let [accepted, resolved] = [Aspect::Accepted, Aspect::ResolvedRefs].map(|aspect| match fault(aspect) {
        Some(fault) => Verdict { aspect, holds: false, reason: fault.code, message: message(of(aspect)) },
        None => Verdict { aspect, holds: true, reason: aspect.name(), message: message(of(aspect)) },
    });
    let own = fault(Aspect::Programmed);
    let first = findings.iter().copied().find(|d| d.severity == Severity::Error);
    let programmed = match asked {
        // What is only referred to serves where it can be used.
        None => own.or(first),
        Some(asked) if serving < asked => own.or(first),
        Some(_) => own,
    };
    let all_serve = asked.is_none_or(|asked| serving >= asked);
    let holds = programmed.is_none() && all_serve;
    let reason = match programmed {
        Some(fault) => fault.code,
        None if all_serve => Aspect::Programmed.name(),
        None => "NotServed",
    };
    let routes = asked.map(|asked| format!("{}/{asked}", serving.min(asked))).unwrap_or_default();
    let of_programmed = message(of(Aspect::Programmed));
    let message = match (all_serve, of_programmed.is_empty()) {
        (true, _) => of_programmed,
        (false, true) => format!("{routes} routes serve"),
        (false, false) => format!("{routes} routes serve\n{of_programmed}"),
    };
    let programmed = Verdict { aspect: Aspect::Programmed, holds, reason, message };
    Desired {
        subject: found.subject(),
        basis,
        hosts: hosts::text(found.asked),
        routes,
        verdicts: [accepted, resolved, programmed],
    }
}

/// How many routers the routes of an object make: those with the same rule make one.
fn asked(asked: Asked<'_>) -> Option<usize> {
    let distinct = |mut rules: Vec<&str>| {
        rules.sort_unstable();
        rules.dedup();
        rules.len()
    };
    match asked {
        Asked::Http(routes) => Some(distinct(routes.iter().map(|r| r.rule.as_str()).collect())),
        Asked::Tcp(routes) => Some(distinct(routes.iter().map(|r| r.rule.as_str()).collect())),
        Asked::Udp(routes) => Some(routes),
        Asked::Nothing => None,
    }
}

/// The errors and warnings, one a line, the errors first.
fn message<'d>(findings: impl Iterator<Item = &'d Diagnostic>) -> String {
    let mut told: Vec<_> = findings.filter(|d| d.severity != Severity::Info).collect();
    told.sort_by_key(|d| d.severity);
    let mut text = String::new();
    for (i, finding) in told.iter().enumerate() {
        if i == MOST_FINDINGS || text.len() + finding.message.len() > MOST_BYTES && i > 0 {
            text.push_str(&format!("\nand {} more", told.len() - i));
            break;
        }
        if i > 0 {
            text.push('\n');
        }
        text.push_str(&sentence(finding, MOST_BYTES));
    }
    text
}

/// The field and what is said of it, within so many bytes.
pub(super) fn sentence(finding: &Diagnostic, most: usize) -> String {
    let mut text = match finding.path.as_str() {
        "" => finding.message.clone(),
        path => format!("{path}: {}", finding.message),
    };
    cut(&mut text, most);
    text
}

/// Cuts a text that is longer than so many bytes.
pub(super) fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let mut end = most.saturating_sub('…'.len_utf8());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}

// === impl Desired ===

impl Desired {
    /// Whether something is wrong.
    pub fn is_bad(&self) -> bool {
        self.verdicts.iter().any(|v| !v.holds)
    }

    /// The status as it is written. A condition keeps the time since which it has been as it is.
    pub fn status(&self, was: &Was, now: Timestamp) -> RouteStatus {
        let condition = |verdict: &Verdict| Condition {
            type_: verdict.aspect.name().to_owned(),
            status: truth(verdict.holds).to_owned(),
            reason: verdict.reason.to_owned(),
            message: verdict.message.clone(),
            observed_generation: self.subject.generation,
            last_transition_time: Time(match was.of(verdict.aspect) {
                Some((holds, since)) if holds == verdict.holds => since,
                _ => now,
            }),
        };
        RouteStatus {
            hosts: self.hosts.clone(),
            routes: self.routes.clone(),
            conditions: self.verdicts.iter().map(condition).collect(),
        }
    }
}

fn truth(holds: bool) -> &'static str {
    if holds { "True" } else { "False" }
}

/// What is remembered of a status that is on an object: enough to tell whether it says the same, and since when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Was {
    /// Of everything but the times.
    digest: u64,
    /// By aspect: whether it holds, and since when.
    since: [Option<(bool, Timestamp)>; 3],
}

// === impl Was ===

impl Was {
    /// What a status comes to.
    pub fn new(status: &RouteStatus) -> Self {
        let find = |aspect: Aspect| status.conditions.iter().find(|c| c.type_ == aspect.name());
        let since = Aspect::ALL.map(|aspect| find(aspect).map(|c| (c.status == truth(true), c.last_transition_time.0)));
        let mut hasher = FxHasher::default();
        (&status.hosts, &status.routes).hash(&mut hasher);
        for aspect in Aspect::ALL {
            find(aspect).map(|c| (&c.status, &c.reason, &c.message, c.observed_generation)).hash(&mut hasher);
        }
        Was { digest: hasher.finish(), since }
    }

    /// Whether both say the same, whenever they were said.
    pub fn says_the_same(&self, other: &Was) -> bool {
        self.digest == other.digest
    }

    fn of(&self, aspect: Aspect) -> Option<(bool, Timestamp)> {
        let place = Aspect::ALL.iter().position(|a| *a == aspect)?;
        self.since.get(place).copied().flatten()
    }
}

#[cfg(test)]
mod tests;
