//! Which cells there are, and who compares with whom in each.

use super::sample::Sample;
use super::{BasePeriod, CallawaySantannaOptions, ControlGroup};

/// One cohort in one period.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    /// Index of the cohort among the groups.
    pub cohort: usize,
    /// Index of the period.
    pub period: usize,
    /// Index of the period that it is compared with.
    pub base: usize,
    /// First group of the comparison units: these are all the groups from there on, without the cohort itself.
    pub control_from: usize,
}

impl Cell {
    /// Whether the period is its own base, where the effect is 0 by construction.
    pub fn is_reference(&self) -> bool {
        self.period == self.base
    }

    /// Groups that compare.
    pub fn controls(&self, n_groups: usize) -> impl Iterator<Item = usize> + '_ {
        (self.control_from..n_groups).filter(|&group| group != self.cohort)
    }

    /// The earlier of the two periods: covariates and weights are taken there.
    pub fn earlier(&self) -> usize {
        self.period.min(self.base)
    }
}

/// Every cell in the order of `did`: by cohort, then by period.
pub(super) fn cells(sample: &Sample<'_>, options: &CallawaySantannaOptions) -> Vec<Cell> {
    let times = &sample.times;
    let mut cells = Vec::new();
    for cohort in 0..sample.n_cohorts {
        let g = sample.groups[cohort];
        // Cohorts treated from the first period on are gone, so there is a period before.
        let last_before = times.partition_point(|&t| t + options.anticipation < g).saturating_sub(1);
        let first = usize::from(options.base == BasePeriod::Varying);
        for period in first..times.len() {
            let is_post = g <= times[period];
            let base = match options.base {
                BasePeriod::Varying if !is_post => period - 1,
                _ => last_before,
            };
            let control_from = match options.control {
                ControlGroup::Never => sample.groups.len() - 1,
                ControlGroup::NotYet => {
                    let last = times[period.max(base)] + options.anticipation;
                    sample.groups.partition_point(|&other| other <= last)
                }
            };
            cells.push(Cell { cohort, period, base, control_from });
        }
    }
    cells
}
