use crate::error::same_length;
use crate::{Error, ErrorKind, Factor, Result, Stream};

/// Rearrangements of labels within strata: all distinct ones when they are few, random ones otherwise.
///
/// ```
/// use evenhand_estimate::Permutations;
/// let all = Permutations::new(&[7, 0, 0, 0], None, 4_999, 1)?;
/// assert!(all.is_exact() && all.len() == 4);
/// let some = Permutations::new(&(0..30).map(|i| i % 3).collect::<Vec<_>>(), None, 999, 1)?;
/// assert!(!some.is_exact() && some.len() == 999);
/// assert_eq!(some.draw(5).iter().filter(|&&label| label == 2).count(), 10);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permutations {
    labels: Vec<u32>,
    /// Positions of each stratum.
    strata: Vec<Vec<usize>>,
    n: usize,
    seed: u64,
    /// All distinct arrangements, in lexical order; empty when they are drawn.
    listed: Vec<Vec<u32>>,
}

impl Permutations {
    /// Arrangements of `labels`, one for each position; positions of one stratum exchange labels among themselves.
    /// Random draws may give the labels as they are.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`]; [`ErrorKind::Domain`] without draws; [`ErrorKind::Degenerate`] when the labels can be
    /// arranged in one way only.
    pub fn new(labels: &[u32], strata: Option<&Factor>, draws: usize, seed: u64) -> Result<Self> {
        if draws == 0 {
            return Err(Error::new(ErrorKind::Domain, "0 draws, expected at least 1"));
        }
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); strata.map_or(1, Factor::n_levels)];
        if let Some(strata) = strata {
            same_length(labels.len(), strata.len(), "labels and strata")?;
        }
        (0..labels.len()).for_each(|at| members[strata.map_or(0, |strata| strata.at(at))].push(at));
        let ways: f64 = members.iter().map(|stratum| arrangements(stratum, labels)).product();
        if ways < 1.5 {
            let message = "every stratum holds one kind of label: there is nothing to permute";
            return Err(Error::new(ErrorKind::Degenerate, message));
        }
        let mut found = Self { labels: labels.to_vec(), strata: members, n: draws, seed, listed: Vec::new() };
        if ways < draws as f64 + 0.5 {
            found.list();
        }
        Ok(found)
    }

    /// Number of arrangements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n
    }

    /// Never: there are at least two arrangements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Whether all arrangements are listed; the labels as they are is one of them.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Arrangement `b`, below [`len`](Self::len).
    #[must_use]
    pub fn draw(&self, b: usize) -> Vec<u32> {
        let mut labels = self.labels.clone();
        self.fill(b, &mut labels);
        labels
    }

    /// As [`draw`](Self::draw), into a list of the same length.
    pub(super) fn fill(&self, b: usize, labels: &mut [u32]) {
        if let Some(listed) = self.listed.get(b) {
            labels.copy_from_slice(listed);
            return;
        }
        labels.copy_from_slice(&self.labels);
        let stream = Stream::new(self.seed, b as u64);
        let mut index = 0;
        for stratum in &self.strata {
            for last in (1..stratum.len()).rev() {
                labels.swap(stratum[last], stratum[stream.below(index, last + 1)]);
                index += 1;
            }
        }
    }

    /// Lists all arrangements: like an odometer, the first stratum turns fastest.
    fn list(&mut self) {
        let mut sorted: Vec<Vec<u32>> =
            self.strata.iter().map(|stratum| stratum.iter().map(|&at| self.labels[at]).collect()).collect();
        sorted.iter_mut().for_each(|labels| labels.sort_unstable());
        loop {
            let mut labels = self.labels.clone();
            for (stratum, values) in self.strata.iter().zip(&sorted) {
                stratum.iter().zip(values).for_each(|(&at, &label)| labels[at] = label);
            }
            self.listed.push(labels);
            // A stratum past its last arrangement starts over, and the next one turns.
            if !sorted.iter_mut().any(|values| next_arrangement(values)) {
                break;
            }
        }
        self.n = self.listed.len();
    }
}

/// How many distinct ways there are to arrange a stratum's labels.
fn arrangements(stratum: &[usize], labels: &[u32]) -> f64 {
    let mut own: Vec<u32> = stratum.iter().map(|&at| labels[at]).collect();
    own.sort_unstable();
    let mut ways = 1.0;
    let mut placed = 0.0;
    for run in own.chunk_by(|a, b| a == b) {
        for k in 1..=run.len() {
            placed += 1.0;
            ways *= placed / k as f64;
        }
    }
    ways
}

/// The next arrangement in lexical order; `false`, and the first one, after the last.
fn next_arrangement(values: &mut [u32]) -> bool {
    let Some(at) = (1..values.len()).rev().find(|&i| values[i - 1] < values[i]) else {
        values.reverse();
        return false;
    };
    let pivot = values[at - 1];
    let swap = (at..values.len()).rev().find(|&i| values[i] > pivot).unwrap_or(at);
    values.swap(at - 1, swap);
    values[at..].reverse();
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_arrangements_are_listed_once() {
        let strata = Factor::new(&[0, 0, 0, 1, 1, 1, 1]);
        let all = Permutations::new(&[1, 2, 2, 5, 0, 0, 5], Some(&strata), 100, 0).unwrap();
        let distinct: BTreeSet<Vec<u32>> = (0..all.len()).map(|b| all.draw(b)).collect();
        assert_eq!((all.len(), distinct.len()), (3 * 6, 18));
        assert!(distinct.contains(&vec![1, 2, 2, 5, 0, 0, 5]));
        assert!(distinct.iter().all(|labels| labels[..3].iter().sum::<u32>() == 5));
    }

    // Each of the 10 positions holds the marked label in a tenth of 20,000 draws; five standard errors are 212.
    #[test]
    fn random_arrangements_are_uniform() {
        let labels: Vec<u32> = (0..10).collect();
        let draws = Permutations::new(&labels, None, 20_000, 42).unwrap();
        let mut at = [0u32; 10];
        for b in 0..draws.len() {
            let labels = draws.draw(b);
            at[labels.iter().position(|&label| label == 3).unwrap()] += 1;
        }
        assert!(at.iter().all(|&count| count.abs_diff(2000) < 212), "{at:?}");
    }

    #[test]
    fn labels_that_cannot_move_are_refused() {
        let kind = |labels: &[u32], strata: Option<&Factor>, draws| {
            Permutations::new(labels, strata, draws, 0).unwrap_err().kind()
        };
        assert_eq!(kind(&[3, 3, 3], None, 9), ErrorKind::Degenerate);
        assert_eq!(kind(&[1, 2], Some(&Factor::new(&[0, 1])), 9), ErrorKind::Degenerate);
        assert_eq!(kind(&[1, 2], Some(&Factor::new(&[0])), 9), ErrorKind::Shape);
        assert_eq!(kind(&[1, 2], None, 0), ErrorKind::Domain);
    }
}
