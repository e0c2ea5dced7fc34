//! A service with another one in its place: while no server of it is well, or for the requests that it fails.

use std::sync::Arc;

use super::Service;

/// A service, and another where the first one fails.
#[derive(Debug)]
pub struct Failover {
    main: Arc<Service>,
    fallback: Arc<Service>,
    errors: Option<Errors>,
    pub(super) acts_around: bool,
}

/// The answers of the main service that count as failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors {
    statuses: Vec<(u16, u16)>,
    /// The longest body that is held for the other service; none is no limit.
    pub most_held: Option<u64>,
}

// === impl Failover ===

impl Failover {
    /// A service and its stand-in. The error says what is missing.
    pub fn new(main: Arc<Service>, fallback: Arc<Service>, errors: Option<Errors>) -> Result<Self, String> {
        let checked = main.pool().is_some_and(|pool| pool.membership().health().is_some());
        if errors.is_none() && !checked {
            return Err("failover needs to know when its service fails: give the service a healthCheck or \
                        passiveHealthCheck, or the failover errors.status"
                .to_owned());
        }
        let acts_around = errors.is_some() || main.acts_around() || fallback.acts_around();
        Ok(Failover { main, fallback, errors, acts_around })
    }

    /// The service for the next request.
    pub(super) fn next(&self) -> &Arc<Service> {
        if self.main.is_up() { &self.main } else { &self.fallback }
    }

    /// Whether any of the two takes requests.
    pub(super) fn is_up(&self) -> bool {
        self.main.is_up() || self.fallback.is_up()
    }

    /// The service itself.
    pub fn main(&self) -> &Arc<Service> {
        &self.main
    }

    /// The stand-in.
    pub fn fallback(&self) -> &Arc<Service> {
        &self.fallback
    }

    /// Which answers count as failures.
    pub fn errors(&self) -> Option<&Errors> {
        self.errors.as_ref()
    }
}

// === impl Errors ===

impl Errors {
    /// Codes and ranges: `500`, `500-599`; the error says which isn't one. `most_held` is below 0 for no limit.
    pub fn new(statuses: &[String], most_held: i64) -> Result<Self, String> {
        let parse = |text: &String| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
                (Ok(first), Ok(last)) if (100..=last).contains(&first) && last <= 599 => Ok((first, last)),
                _ => Err(format!("failover.errors.status {text:?} is not a status or a range of them: 500, 500-599")),
            }
        };
        let parts = statuses.iter().flat_map(|text| text.split(',')).filter(|part| !part.is_empty());
        let statuses = parts.map(|part| parse(&part.to_owned())).collect::<Result<_, String>>()?;
        Ok(Errors { statuses, most_held: u64::try_from(most_held).ok() })
    }

    /// Whether an answer is one of them.
    pub fn has(&self, status: u16) -> bool {
        self.statuses.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_codes_and_ranges() {
        let errors = Errors::new(&["500".to_owned(), "502-504,404".to_owned()], -1).unwrap();
        assert_eq!((500..506).filter(|status| errors.has(*status)).collect::<Vec<_>>(), [500, 502, 503, 504]);
        assert!(errors.has(404) && errors.most_held.is_none());
        assert_eq!(Errors::new(&[], 0).unwrap().most_held, Some(0));
        for wrong in ["x", "600", "504-502", "-500", "99"] {
            assert!(Errors::new(&[wrong.to_owned()], 0).unwrap_err().contains(wrong));
        }
    }
}
