//! How often things are repeated: what Go refuses there and Rust's `regex` takes.
//! Used by the translation, which tells what it passes.

/// As often at the most, those of groups within one another multiplied. Go's limit.
const MOST: u32 = 1000;

/// A repetition.
#[derive(Debug)]
pub(super) struct Repetition<'t> {
    /// It, with a `?` behind it that makes it take as little as it can.
    pub(super) text: &'t str,
    /// Of one in braces, the least and the most; those above the limit are one more than it.
    counts: Option<(u32, Option<u32>)>,
}

/// How often what was read so far is repeated.
#[derive(Debug, Default)]
pub(super) struct Repetitions {
    here: Level,
    /// The groups around, outermost first.
    around: Vec<Level>,
    /// The text of the repetition that was just read.
    last: Option<String>,
}

/// A group: repetitions multiplied, 0 and 1 being the same.
#[derive(Debug, Default)]
struct Level {
    /// The most of what is done with.
    most: u32,
    /// Of the last thing, which may be repeated yet.
    atom: u32,
}

// === impl Repetition ===

impl<'t> Repetition<'t> {
    /// The one at the beginning of `text`.
    pub(super) fn at(text: &'t str) -> Option<Self> {
        let (counts, length) = match text.chars().next()? {
            '*' | '+' | '?' => (None, 1),
            '{' => {
                let (inner, _) = text.get(1..)?.split_once('}')?;
                (Some(counts(inner)?), inner.len() + 2)
            }
            _ => return None,
        };
        let lazy = text.get(length..).is_some_and(|rest| rest.starts_with('?'));
        Some(Repetition { text: text.get(..length + usize::from(lazy))?, counts })
    }
}

/// `2`, `2,` or `2,3`; a number that begins with a 0 is none.
fn counts(text: &str) -> Option<(u32, Option<u32>)> {
    let count = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        (plain && (digits == "0" || !digits.starts_with('0'))).then(|| digits.parse().unwrap_or(MOST).min(MOST + 1))
    };
    match text.split_once(',') {
        None => count(text).map(|count| (count, Some(count))),
        Some((least, "")) => Some((count(least)?, None)),
        Some((least, most)) => Some((count(least)?, Some(count(most)?))),
    }
}

// === impl Repetitions ===

impl Repetitions {
    /// Something that can be repeated, or ends what can be.
    pub(super) fn atom(&mut self) {
        self.last = None;
        self.here.add(1);
    }

    /// The beginning of a group.
    pub(super) fn open(&mut self) {
        self.last = None;
        self.around.push(std::mem::take(&mut self.here));
    }

    /// Its end.
    pub(super) fn close(&mut self) {
        self.last = None;
        let Some(around) = self.around.pop() else { return };
        let group = std::mem::replace(&mut self.here, around);
        self.here.add(group.most.max(group.atom));
    }

    /// Repeats the last thing.
    pub(super) fn repeat(&mut self, repetition: &Repetition<'_>) -> Result<(), String> {
        if let Some(last) = self.last.replace(repetition.text.to_owned()) {
            return Err(format!("{last}{} repeats a repetition: put the inner one in a group", repetition.text));
        }
        let Some((least, most)) = repetition.counts else { return Ok(()) };
        self.here.atom = match most {
            Some(0) => 1,
            most => self.here.atom.saturating_mul(most.unwrap_or(least).max(1)),
        };
        let repeated = least >= 2 || most.is_some_and(|most| most >= 2);
        if least > MOST || (repeated && self.here.atom > MOST) {
            return Err(format!("{} is more than {MOST} times, with the groups in and around it", repetition.text));
        }
        Ok(())
    }
}

// === impl Level ===

impl Level {
    fn add(&mut self, atom: u32) {
        self.most = self.most.max(self.atom);
        self.atom = atom.max(1);
    }
}
