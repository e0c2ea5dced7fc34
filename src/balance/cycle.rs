//! The order of weighted round robin, worked out once: which child has the turn number n.
//! Traefik's earliest-deadline-first order without its heap and lock.

/// Longest order kept; larger sums of weights are scaled down to it.
const LONGEST: u64 = 65_536;

/// One period of the order; turns repeat it.
#[derive(Debug, PartialEq)]
pub struct Cycle {
    /// Absent where all weights are equal: the order is then that of the children.
    order: Option<Box<[u32]>>,
    children: usize,
}

// === impl Cycle ===

impl Cycle {
    /// The order for children of these weights. Each turn goes to the child whose next deadline (n / weight) is the
    /// earliest, the first child where several are.
    pub fn new(weights: &[i64]) -> Self {
        let equal = weights.iter().all(|w| *w > 0 && Some(w) == weights.first());
        if equal {
            return Cycle { order: None, children: weights.len() };
        }
        let shares = shares(weights);
        let mut turns: Vec<(u64, u64, u32)> = Vec::new();
        for (child, share) in (0..).zip(&shares) {
            turns.extend((1..=*share).map(|n| (n, *share, child)));
        }
        // n/a before m/b exactly when n*b < m*a.
        turns.sort_by(|a, b| {
            (u128::from(a.0) * u128::from(b.1)).cmp(&(u128::from(b.0) * u128::from(a.1))).then(a.2.cmp(&b.2))
        });
        Cycle { order: Some(turns.into_iter().map(|t| t.2).collect()), children: weights.len() }
    }

    /// The order of Traefik's TCP and UDP balancers: rounds from the largest weight down to one, each of all children whose
    /// weight is at least the round's.
    pub fn by_rounds(weights: &[i64]) -> Self {
        let shares = shares(weights);
        let mut order = Vec::new();
        for round in (1..=shares.iter().copied().max().unwrap_or(0)).rev() {
            order.extend((0..).zip(&shares).filter(|(_, share)| **share >= round).map(|(child, _)| child));
        }
        Cycle { order: Some(order.into()), children: weights.len() }
    }

    /// The child whose turn it is; none where no child has a weight.
    pub fn at(&self, turn: usize) -> Option<usize> {
        match &self.order {
            None => turn.checked_rem(self.children),
            Some(order) => order.get(turn.checked_rem(order.len())?).map(|child| *child as usize),
        }
    }

    /// How many turns a period has.
    pub fn len(&self) -> usize {
        self.order.as_ref().map_or(self.children, |order| order.len())
    }

    /// Whether nobody ever has a turn.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The turns of each child in a period: weights in their lowest terms, and not more than [`LONGEST`] in all.
fn shares(weights: &[i64]) -> Vec<u64> {
    let weights: Vec<u64> = weights.iter().map(|w| u64::try_from(*w).unwrap_or(0)).collect();
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let mut shares: Vec<u64> = weights.iter().map(|w| w / divisor).collect();
    let total: u128 = shares.iter().map(|s| u128::from(*s)).sum();
    if total > u128::from(LONGEST) {
        for share in shares.iter_mut().filter(|s| **s > 0) {
            *share = ((u128::from(*share) * u128::from(LONGEST) / total) as u64).max(1);
        }
    }
    shares
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn turns(weights: &[i64], n: usize) -> Vec<Option<usize>> {
        let cycle = Cycle::new(weights);
        (0..n).map(|turn| cycle.at(turn)).collect()
    }

    #[test]
    fn takes_turns_by_deadline() {
        for (weights, expected) in [
            (&[1, 1, 1][..], &[Some(0), Some(1), Some(2), Some(0)][..]),
            (&[3, 1], &[Some(0), Some(0), Some(0), Some(1), Some(0)]),
            (&[1, 3], &[Some(1), Some(1), Some(0), Some(1), Some(1)]),
            (&[2, 0], &[Some(0), Some(0)]),
            (&[0, 0], &[None]),
            (&[-1], &[None]),
            (&[], &[None]),
            (&[10, 20], &[Some(1), Some(0), Some(1), Some(1)]),
        ] {
            assert_eq!(turns(weights, expected.len()), expected, "{weights:?}");
        }
    }

    #[test]
    fn takes_turns_by_rounds() {
        for (weights, expected) in [
            (&[1, 1][..], "0101"),
            (&[3, 1], "00010001"),
            (&[4, 3, 2], "001012012"),
            (&[10, 20, 0], "101101"),
            (&[0, 0], ""),
            (&[], ""),
        ] {
            let cycle = Cycle::by_rounds(weights);
            let turns: String = (0..expected.len()).map(|turn| cycle.at(turn).unwrap().to_string()).collect();
            assert_eq!(turns, expected, "{weights:?}");
            assert_eq!(cycle.is_empty(), expected.is_empty());
        }
    }

    #[test]
    fn keeps_shares_of_huge_weights() {
        let cycle = Cycle::new(&[i64::MAX, i64::MAX / 2]);
        assert!(cycle.len() <= 70_000);
        let first = (0..cycle.len()).filter(|t| cycle.at(*t) == Some(0)).count();
        assert!((first as f64 / cycle.len() as f64 - 2.0 / 3.0).abs() < 0.001);
    }
}
