//! `circuitBreaker`: stops calling a service that fails, for a while, and then tries it little by little.
//! Its request hook refuses; what came of a request that was let through is counted when its slot is dropped.

mod condition;
mod metrics;
mod state;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ingora_crds::duration::GoDuration;
use ingora_crds::middleware as config;

use self::condition::Condition;
use self::state::{Change, State};
use crate::filter::{Fault, Filter, RequestCx, ResponseCx, Slot, Step};
use crate::registry::BadConfig;
use crate::reply::Reply;

/// Refuses requests while a service fails.
pub(super) struct CircuitBreaker(Arc<Breaker>);

/// What the requests of a router have in common.
struct Breaker {
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

/// A request that was let through, or one attempt of it.
struct Call {
    breaker: Arc<Breaker>,
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
        Ok(CircuitBreaker(Arc::new(Breaker { name: name.into(), condition, periods, code, state })))
    }
}

// === impl Breaker ===

impl Breaker {
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
        if !self.0.admits(began) {
            return Step::reply(Reply::status_text(self.0.code));
        }
        *cx.slot = Some(Box::new(Call { breaker: Arc::clone(&self.0), began, status: 0 }));
        Step::NEXT
    }

    fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        if let Some(call) = cx.slot.as_mut().and_then(|slot| slot.downcast_mut::<Call>()) {
            call.status = cx.response.status.as_u16();
        }
        Ok(())
    }

    fn logging(&self, slot: &mut Slot, status: u16) {
        let call = slot.take().and_then(|slot| slot.downcast::<Call>().ok());
        if let Some(mut call) = call.filter(|call| call.status == 0) {
            call.status = status;
        }
    }
}

// === impl Call ===

impl Drop for Call {
    /// At the end of the request, or of an attempt that another one follows.
    fn drop(&mut self) {
        if self.status != 0 {
            let now = Instant::now();
            self.breaker.record(self.status, now.saturating_duration_since(self.began), now);
        }
    }
}

#[cfg(test)]
mod tests;
