//! Writes the Events that the planner has ready.

use std::sync::atomic::Ordering;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::{Feed, Trouble, Turn};
use crate::diagnostic::ObjectRef;
use crate::feedback::Served;
use crate::feedback::api::{Failure, Server};
use crate::feedback::events::{Planner, findings};
use crate::feedback::subject::regarding;
use crate::observe::Written;

/// How long nothing happens where something waits for its turn.
const BETWEEN: Duration = Duration::from_millis(50);
/// How often it is looked for what is due again.
const AGAIN: Duration = Duration::from_secs(60);
/// What can't be written, in messages.
const WHAT: &str = "Events";

/// Writes as long as there is something to serve, whenever this process is the one that writes.
pub(super) async fn run(mut feed: Feed, server: &Server, written: &Written) {
    let began = Instant::now();
    while feed.lead().await {
        let mut planner = Planner::new(began.elapsed());
        let mut trouble = Trouble::default();
        let mut again = Instant::now() + AGAIN;
        loop {
            let waits = planner.is_waiting().then(|| trouble.until.unwrap_or_else(|| Instant::now() + BETWEEN));
            match feed.turn(Some(waits.map_or(again, |waits| waits.min(again)))).await {
                Turn::Look(served) => look(&mut planner, &served, began.elapsed()),
                Turn::Time => {}
                Turn::Lost => break,
            }
            if again <= Instant::now() {
                again = Instant::now() + AGAIN;
                if let Some(served) = feed.again() {
                    look(&mut planner, &served, began.elapsed());
                }
            }
            while !trouble.lasts() && feed.leads() {
                let Some(write) = planner.next(began.elapsed()) else { break };
                match server.write_event(&write, Timestamp::now()).await {
                    Ok(count) => {
                        written.events.fetch_add(1, Ordering::Relaxed);
                        planner.told(&write.note.name, count, began.elapsed());
                        trouble.over(WHAT);
                    }
                    Err(failure @ (Failure::Busy(_) | Failure::Forbidden(_) | Failure::Conflict)) => {
                        trouble.note(WHAT, &failure, written);
                        planner.failed(&write.note);
                    }
                    // Its namespace is on its way out, or it doesn't fit: it won't next time.
                    Err(Failure::NotFound) => planner.refused(&write.note.name, began.elapsed()),
                    Err(failure @ Failure::Refused(_)) => {
                        log::debug!("feedback: the Event {} is refused: {failure}", write.note.name);
                        written.errors.fetch_add(1, Ordering::Relaxed);
                        planner.refused(&write.note.name, began.elapsed());
                    }
                }
            }
        }
    }
}

fn look(planner: &mut Planner, served: &Served, now: Duration) {
    let snapshot = &served.snapshot;
    let still_there = |object: &k8s_openapi::api::core::v1::ObjectReference| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let name = ObjectRef::new(text(&object.kind), text(&object.namespace), text(&object.name));
        regarding(snapshot, &name).is_some_and(|found| found.uid == object.uid)
    };
    planner.update(findings(snapshot, &served.diagnostics), still_there, now);
}
