//! The best of many, kept up to date: a tree of matches, each won by the better of its two players.
//! A change of one player replays the matches on its way up: O(log n), no lock. Races leave a match that is decided by
//! scores of a moment ago; the next change on that way decides it anew.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Nobody plays.
const NOBODY: u32 = u32::MAX;

/// The matches among so many players. Scores aren't held: whoever asks has them.
#[derive(Debug)]
pub struct Tournament {
    /// The winners: 1 is the final, the matches of n are 2n and 2n + 1; then the players.
    winners: Box<[AtomicU32]>,
    players: usize,
}

// === impl Tournament ===

impl Tournament {
    /// All matches played; the lower score wins, the first player where both are equal.
    pub fn new<S: PartialOrd>(players: usize, score: impl Fn(usize) -> S) -> Self {
        let tournament =
            Tournament { winners: (0..players.next_power_of_two()).map(|_| AtomicU32::new(NOBODY)).collect(), players };
        for at in (1..tournament.winners.len()).rev() {
            tournament.play(at, &score);
        }
        tournament
    }

    /// The best player.
    pub fn best(&self) -> Option<usize> {
        Some(self.winner(1)).filter(|winner| *winner != NOBODY).map(|winner| winner as usize)
    }

    /// Plays the matches of a player again, because its score has changed.
    pub fn replay<S: PartialOrd>(&self, player: usize, score: impl Fn(usize) -> S) {
        let mut at = (self.winners.len() + player) / 2;
        while at > 0 {
            self.play(at, &score);
            at /= 2;
        }
    }

    fn play<S: PartialOrd>(&self, at: usize, score: &impl Fn(usize) -> S) {
        let (left, right) = (self.winner(2 * at), self.winner(2 * at + 1));
        let wins = right != NOBODY && (left == NOBODY || score(right as usize) < score(left as usize));
        if let Some(winner) = self.winners.get(at) {
            winner.store(if wins { right } else { left }, Relaxed);
        }
    }

    fn winner(&self, at: usize) -> u32 {
        match self.winners.get(at) {
            Some(winner) if at > 0 => winner.load(Relaxed),
            _ => match at.checked_sub(self.winners.len()) {
                Some(player) if player < self.players => u32::try_from(player).unwrap_or(NOBODY),
                _ => NOBODY,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_wins_however_scores_change() {
        for players in 0..35usize {
            let mut scores: Vec<usize> = (0..players).map(|n| n * 7 % 11).collect();
            let tournament = Tournament::new(players, |n| scores[n]);
            for step in 0..100usize {
                let expected = (0..players).min_by_key(|n| (scores[*n], *n));
                assert_eq!(tournament.best(), expected, "{players} players, step {step}: {scores:?}");
                if players > 0 {
                    let changed = step * 5 % players;
                    scores[changed] = step * 13 % 17;
                    tournament.replay(changed, |n| scores[n]);
                }
            }
        }
    }
}
