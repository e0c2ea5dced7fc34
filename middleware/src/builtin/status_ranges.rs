//! Statuses as middlewares list them: `500`, `500-599`, each an entry of its own.

use crate::registry::BadConfig;

/// A range of statuses, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatusRange {
    from: u16,
    to: u16,
}

// === impl StatusRange ===

impl StatusRange {
    /// One status, or two with `-` between; `path` is where it stands.
    pub(super) fn parse(path: String, text: &str) -> Result<Self, BadConfig> {
        let status = |text: &str| {
            let digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok()).flatten().filter(|status| (100..=599).contains(status))
        };
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        match (status(from), status(to)) {
            (Some(from), Some(to)) if from <= to => Ok(StatusRange { from, to }),
            (Some(from), Some(to)) => {
                Err(BadConfig::new(path, format!("{from} is more than {to}: the lower one first")))
            }
            _ => Err(BadConfig::new(
                path,
                format!(
                    "{text:?} is neither a status nor a range, such as 500 or 500-599; each is an entry of its own"
                ),
            )),
        }
    }

    /// The ranges of a list.
    pub(super) fn parse_all(path: &str, texts: &[String]) -> Result<Vec<Self>, BadConfig> {
        texts.iter().enumerate().map(|(i, text)| StatusRange::parse(format!("{path}[{i}]"), text)).collect()
    }

    /// Whether a status is in it.
    pub(super) fn contains(self, status: u16) -> bool {
        (self.from..=self.to).contains(&status)
    }

    /// How many statuses are in it.
    pub(super) fn width(self) -> u16 {
        self.to - self.from
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_statuses_and_ranges() {
        let range = |text| StatusRange::parse("status[0]".to_owned(), text);
        assert!(range("500").unwrap().contains(500) && !range("500").unwrap().contains(501));
        let all = range("500-599").unwrap();
        assert!([500, 555, 599].iter().all(|s| all.contains(*s)) && !all.contains(499) && !all.contains(600));
        for text in
            ["", "5", "50x", "500,502", "500-", "-500", "599-500", "500 - 599", "99", "600", "+500", "500-502-504"]
        {
            assert_eq!(range(text).err().map(|bad| bad.path).as_deref(), Some("status[0]"), "{text}");
        }
    }
}
