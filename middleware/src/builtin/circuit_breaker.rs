//! `circuitBreaker`: stops calling a service that fails, for a while, and then tries it little by little.
//! A filter around the call: its request hook refuses, its logging hook counts what came of those let through.

mod condition;
mod metrics;
mod state;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ingora_crds::duration::GoDuration;
use ingora_crds::middleware as config;

use self::condition::Condition;
use self::state::{Change, State};
use crate::filter::{Fault, Filter, RequestCx, ResponseCx, Slot, Step};
use crate::registry::BadConfig;
use crate::reply::Reply;

/// Refuses requests while a service fails.
pub(super) struct CircuitBreaker {
    name: Box<str>,
    condition: Condition,
    periods: Periods,
    code: u16,
    state: Mutex<State>,
}

/// How long the breaker does what.
#[derive(Debug, Clone, Copy)]
struct Periods {
    /// Between two looks at the condition.
    check: Duration,
    /// All requests are refused.
    fallback: Duration,
    /// A growing share of the requests is let through.
    recovery: Duration,
}

/// A request that was let through.
struct Call {
    began: Instant,
    /// What the filters inside and the server answered; 0 where nothing came.
    status: u16,
}

// === impl CircuitBreaker ===

impl CircuitBreaker {
    pub(super) fn new(config: &config::CircuitBreaker, name: &str) -> Result<Self, BadConfig> {
        let condition = Condition::new(&config.expression)?;
        let code = match config.response_code {
            0 => 503,
            code => u16::try_from(code).ok().filter(|code| (200..600).contains(code)).ok_or_else(|| {
                BadConfig::new("responseCode", format!("{code} is not the status of an answer: 200 to 599 is accepted"))
            })?,
        };
        let periods = Periods {
            check: period("checkPeriod", config.check_period, Duration::from_millis(100))?,
            fallback: period("fallbackDuration", config.fallback_duration, Duration::from_secs(10))?,
            recovery: period("recoveryDuration", config.recovery_duration, Duration::from_secs(10))?,
        };
        let state = Mutex::new(State::new(&condition, Instant::now()));
        Ok(CircuitBreaker { name: name.into(), condition, periods, code, state })
    }

    fn admits(&self, now: Instant) -> bool {
        let (admitted, change) = self.with_state(|state| state.admits(&self.periods, now));
        self.tell(change);
        admitted
    }

    fn record(&self, status: u16, latency: Duration, now: Instant) {
        let change = self.with_state(|state| state.record(&self.condition, &self.periods, status, latency, now));
        self.tell(change);
    }

    fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, change: Option<Change>) {
        match change {
            None => {}
            Some(Change::Opened) => {
                log::warn!(
                    "circuit breaker {}: the condition holds, requests are refused for {:?}",
                    self.name,
                    self.periods.fallback
                );
            }
            Some(Change::Recovering) => {
                log::info!(
                    "circuit breaker {}: some requests are let through, for {:?}",
                    self.name,
                    self.periods.recovery
                );
            }
            Some(Change::Closed) => log::info!("circuit breaker {}: all requests are let through again", self.name),
        }
    }
}

/// Zero is the default, as in Traefik.
fn period(field: &str, given: Option<GoDuration>, default: Duration) -> Result<Duration, BadConfig> {
    match given {
        Some(given) if given.as_nanos() < 0 => {
            Err(BadConfig::new(field, format!("{given} is negative: such as 10s is accepted")))
        }
        given => Ok(given.and_then(GoDuration::positive).unwrap_or(default)),
    }
}

impl Filter for CircuitBreaker {
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        let began = Instant::now();
        if !self.admits(began) {
            return Step::reply(Reply::status_text(self.code));
        }
        *cx.slot = Some(Box::new(Call { began, status: 0 }));
        Step::NEXT
    }

    fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        if let Some(call) = cx.slot.as_mut().and_then(|slot| slot.downcast_mut::<Call>()) {
            call.status = cx.response.status.as_u16();
        }
        Ok(())
    }

    fn logging(&self, slot: &mut Slot, status: u16) {
        if let Some(call) = slot.take().and_then(|slot| slot.downcast::<Call>().ok()) {
            let now = Instant::now();
            let status = if call.status == 0 { status } else { call.status };
            self.record(status, now.saturating_duration_since(call.began), now);
        }
    }
}

#[cfg(test)]
mod tests;
