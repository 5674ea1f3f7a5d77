//! Rows that a Poisson or logit likelihood has no finite answer for, and rows that say nothing.
//!
//! A Poisson mean whose outcomes are all 0 in a level of a fixed effect has an effect of minus infinity: its rows
//! are fitted exactly whatever the coefficients are, and are left out. The same holds for a logit level of all 0 or
//! all 1. More generally rows are separated when a combination z of columns and effects is above 0 on them, 0 on
//! all rows with an outcome above 0 and nowhere below 0: Correia, Guimarães and Zylkin (2020),
//! doi:10.1177/1536867X20909691, Verifying the existence of maximum likelihood estimates for generalized linear
//! models (2019), arXiv:1903.01633. Leaving them out changes no other coefficient.
//!
//! R `fixest` 0.12 leaves out levels that fit perfectly and keeps singletons (`fixef.rm = "perfect"`); it does not
//! look for separation by regressors. Stata's `ppmlhdfe` leaves out all three.

use super::irls::{Family, Problem};
use super::singletons;

/// Which rows are left out because of the fixed effects: R `fixest`'s `fixef.rm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LeaveOut {
    /// Rows of levels that fit perfectly: `"perfect"`.
    #[default]
    PerfectFits,
    /// Rows that are alone in a level: `"singleton"`.
    Singletons,
    /// Both, as Stata's `ppmlhdfe`: `"both"`.
    Both,
    /// None: `"none"`. An effect that is minus infinity then stops the fit.
    Nothing,
}

impl LeaveOut {
    /// Its name in R `fixest`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PerfectFits => "perfect",
            Self::Singletons => "singleton",
            Self::Both => "both",
            Self::Nothing => "none",
        }
    }
}

/// The rows that stay, and how many left by each rule.
pub(crate) struct Kept {
    /// In rising order; `None` when all stay.
    pub rows: Option<Vec<usize>>,
    pub separated: usize,
    pub singletons: usize,
}

/// Applies the rules of the fixed effects until no row leaves.
pub(crate) fn leave_out(problem: &Problem<'_>, rule: LeaveOut) -> Kept {
    let n = problem.outcome.len();
    let mut kept = Kept { rows: None, separated: 0, singletons: 0 };
    let perfect = matches!(rule, LeaveOut::PerfectFits | LeaveOut::Both);
    let single = matches!(rule, LeaveOut::Singletons | LeaveOut::Both);
    loop {
        let mut leaves = vec![false; n];
        let mut changed = false;
        if perfect && problem.family != Family::Gaussian {
            let gone = perfect_fits(problem, kept.rows.as_deref(), &mut leaves);
            kept.separated += gone;
            changed |= gone > 0;
        }
        if changed {
            kept.remove(&leaves);
            leaves.fill(false);
        }
        if single {
            let rows = kept.rows.clone().unwrap_or_else(|| (0..n).collect());
            let factors: Vec<_> = problem.absorbed.iter().map(|factor| factor.select(&rows)).collect();
            let alone = singletons(&factors.iter().collect::<Vec<_>>());
            kept.singletons += alone.len();
            if !alone.is_empty() {
                changed = true;
                alone.iter().for_each(|&at| leaves[rows[at]] = true);
                kept.remove(&leaves);
            }
        }
        if !changed {
            return kept;
        }
    }
}

impl Kept {
    fn remove(&mut self, leaves: &[bool]) {
        let rows = self.rows.take().unwrap_or_else(|| (0..leaves.len()).collect());
        self.rows = Some(rows.into_iter().filter(|&row| !leaves[row]).collect());
    }
}

/// Marks the rows of levels whose outcomes are all at an end of their range; returns how many.
fn perfect_fits(problem: &Problem<'_>, rows: Option<&[usize]>, leaves: &mut [bool]) -> usize {
    let mut gone = 0;
    for factor in &problem.absorbed {
        // Whether a level has an outcome above 0, and one below 1.
        let (mut above, mut below) = (vec![false; factor.n_levels()], vec![false; factor.n_levels()]);
        let mut see = |row: usize| {
            let (level, y) = (factor.at(row), problem.outcome[row]);
            above[level] |= y > 0.0;
            below[level] |= y < 1.0 || problem.family == Family::Poisson;
        };
        match rows {
            Some(rows) => rows.iter().for_each(|&row| see(row)),
            None => (0..leaves.len()).for_each(&mut see),
        }
        let is_perfect: Vec<bool> = above.iter().zip(&below).map(|(above, below)| !(above & below)).collect();
        if !is_perfect.contains(&true) {
            continue;
        }
        let mut leave = |row: usize| {
            if is_perfect[factor.at(row)] && !leaves[row] {
                leaves[row] = true;
                gone += 1;
            }
        };
        match rows {
            Some(rows) => rows.iter().for_each(|&row| leave(row)),
            None => (0..problem.outcome.len()).for_each(leave),
        }
    }
    gone
}
