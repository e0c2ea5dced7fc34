//! Who writes: the rules by which processes agree on one of them over a Lease, as Kubernetes' own controllers do.
//! Pure: the Lease as found and the time in, the Lease to write out. `leader` asks the API server.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;

/// How long others wait for a holder that says nothing any more.
pub(super) const DURATION: Duration = Duration::from_secs(15);
/// A holder that couldn't renew for so long holds it no more.
pub(super) const RENEW_WITHIN: Duration = Duration::from_secs(10);
/// How often it is renewed, or asked for.
pub(super) const RETRY: Duration = Duration::from_secs(2);

/// One of those that would write.
#[derive(Debug)]
pub(super) struct Candidate {
    identity: String,
    /// What the Lease said when it last changed, and when that was seen here: clocks of others are not trusted.
    seen: Option<(LeaseSpec, Duration)>,
}

/// What is to be done about the Lease.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// There is none: make this one.
    Create(Lease),
    /// It is ours, or free: replace it by this one.
    Replace(Lease),
    /// Somebody else holds it.
    Wait {
        /// Who.
        holder: String,
    },
}

// === impl Candidate ===

impl Candidate {
    /// Of that name, which no other candidate may have.
    pub fn new(identity: String) -> Self {
        Candidate { identity, seen: None }
    }

    /// What to do about the Lease as it was found.
    pub fn step(&mut self, name: &str, found: Option<Lease>, now: Duration, clock: Timestamp) -> Step {
        let Some(lease) = found else {
            let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
            return Step::Create(Lease { metadata, spec: Some(self.held(None, clock)) });
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == spec => *since,
            _ => now,
        };
        self.seen = Some((spec.clone(), since));
        let holder = spec.holder_identity.clone().unwrap_or_default();
        let lasts = spec.lease_duration_seconds.map_or(DURATION, |s| Duration::from_secs(s.unsigned_abs().into()));
        if !holder.is_empty() && holder != self.identity && now < since + lasts {
            return Step::Wait { holder };
        }
        Step::Replace(Lease { spec: Some(self.held(Some(&spec), clock)), ..lease })
    }

    /// The Lease given back, for the next one to take at once.
    pub fn released(&self, mut lease: Lease, clock: Timestamp) -> Lease {
        let spec = lease.spec.get_or_insert_default();
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(clock));
        lease
    }

    fn held(&self, before: Option<&LeaseSpec>, clock: Timestamp) -> LeaseSpec {
        let is_ours = before.is_some_and(|b| b.holder_identity.as_deref() == Some(self.identity.as_str()));
        let transitions = before.and_then(|b| b.lease_transitions).unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: before.filter(|_| is_ours).and_then(|b| b.acquire_time.clone()).or(Some(MicroTime(clock))),
            renew_time: Some(MicroTime(clock)),
            lease_transitions: Some(if is_ours || before.is_none() {
                transitions
            } else {
                transitions.saturating_add(1)
            }),
            ..before.cloned().unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// The Lease that the step writes.
    fn written(step: Step) -> Lease {
        match step {
            Step::Create(lease) | Step::Replace(lease) => lease,
            Step::Wait { holder } => panic!("waits for {holder}"),
        }
    }

    fn later(n: i64) -> Timestamp {
        Timestamp::from_second(n).unwrap()
    }

    #[test]
    fn the_first_one_holds_it_as_long_as_it_renews() {
        let (mut a, mut b) = (Candidate::new("a".into()), Candidate::new("b".into()));
        let Step::Create(mut lease) = a.step("ingora", None, seconds(0), NOW) else { panic!("there was none") };
        assert_eq!(lease.metadata.name.as_deref(), Some("ingora"));
        for second in (0..60).step_by(2) {
            let waits = b.step("ingora", Some(lease.clone()), seconds(second), NOW);
            assert_eq!(waits, Step::Wait { holder: "a".into() }, "{second}");
            lease = written(a.step("ingora", Some(lease), seconds(second), later(second as i64 + 1)));
        }
        let spec = lease.spec.clone().unwrap();
        assert_eq!((spec.lease_transitions, spec.acquire_time), (Some(0), Some(MicroTime(NOW))));

        // It renews no more: the clock starts when that is first seen.
        for second in [60, 70, 74] {
            assert_eq!(b.step("ingora", Some(lease.clone()), seconds(second), NOW), Step::Wait { holder: "a".into() });
        }
        let spec = written(b.step("ingora", Some(lease), seconds(75), later(75))).spec.unwrap();
        assert_eq!((spec.holder_identity.as_deref(), spec.lease_transitions), (Some("b"), Some(1)));
        assert_eq!(spec.acquire_time, Some(MicroTime(later(75))));
    }

    #[test]
    fn who_comes_later_does_not_trust_old_times() {
        let mut lease = written(Candidate::new("a".into()).step("ingora", None, seconds(0), NOW));
        lease.metadata.resource_version = Some("7".into());
        let mut late = Candidate::new("late".into());
        assert_eq!(
            late.step("ingora", Some(lease.clone()), seconds(1000), later(100_000)),
            Step::Wait { holder: "a".into() }
        );
        let taken = written(late.step("ingora", Some(lease), seconds(1015), later(100_015)));
        assert_eq!(taken.metadata.resource_version.as_deref(), Some("7"), "else a third one might be overwritten");
    }

    #[test]
    fn what_was_given_back_is_taken_at_once() {
        let a = Candidate::new("a".into());
        let lease = written(Candidate::new("a".into()).step("ingora", None, seconds(0), NOW));
        let lease = a.released(lease, NOW);
        let taken = written(Candidate::new("b".into()).step("ingora", Some(lease), seconds(0), NOW));
        assert_eq!(taken.spec.unwrap().holder_identity.as_deref(), Some("b"));
    }
}
