//! The Goodman-Bacon decomposition: which comparisons a two-way fixed-effects estimate is made of.
//!
//! Formula: in a balanced panel the two-way estimate of a treatment that stays on is sum_kl s_kl b_kl over pairs of
//! cohorts. b_kl compares a cohort k that becomes treated with a cohort l whose treatment does not change, over the
//! window in which that is so: before l is treated (earlier against later), from l's first treated period on (later
//! against earlier, or against those treated throughout), or all periods (against the untreated).
//! b_kl = (mean of k after - before) - (mean of l after - before), s_kl is proportional to
//! n_k n_l W^2 D (1 - D) with n the units, W the periods of the window and D the treated share of it. With
//! covariates (Goodman-Bacon 2021, section 5) the estimate is Omega b_w + (1 - Omega) sum_kl s_kl b_kl, where b_w
//! comes from covariates that differ within cohorts, and every pair of cohorts appears once.
//!
//! Reading: weight on later against earlier comparisons is weight on effects with a negative sign: when effects
//! change with time since treatment, these comparisons subtract the change.
//! Assumptions: none; it is arithmetic. Known failures: panels with gaps are refused.
//!
//! Paper: Goodman-Bacon (2021), doi:10.1016/j.jeconom.2021.03.014. Checked against R `bacondecomp` 0.1.3: estimates
//! and weights to 1e-8, and the weighted sum is the two-way estimate to rounding.

use crate::untreated_fit::{Basis, covariate_names, named_column};
use crate::{Caveat, Cells, Error, ErrorKind, Estimate, Estimates, Interval, Result, Term};
use evenhand_linalg::{Matrix, Qr, dot};
use std::fmt;

/// What stands on either side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ComparisonKind {
    /// Against units that are never treated.
    TreatedUntreated,
    /// Against a cohort that is treated later, before it is.
    EarlierLater,
    /// Against a cohort that is treated already.
    LaterEarlier,
    /// Against units that are treated in every period.
    LaterAlways,
    /// Two treated cohorts, with covariates: both orders at once.
    BothTreated,
}

impl fmt::Display for ComparisonKind {
    /// The words of R `bacondecomp`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TreatedUntreated => "Treated vs Untreated",
            Self::EarlierLater => "Earlier vs Later Treated",
            Self::LaterEarlier => "Later vs Earlier Treated",
            Self::LaterAlways => "Later vs Always Treated",
            Self::BothTreated => "Both Treated",
        })
    }
}

/// One comparison of two cohorts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// First treated period of the cohort that becomes treated.
    pub treated: f64,
    /// First treated period of the other, `inf` when never treated.
    pub untreated: f64,
    /// Which kind it is.
    pub kind: ComparisonKind,
    /// b_kl, in units of the outcome.
    pub estimate: f64,
    /// s_kl; they sum to 1.
    pub weight: f64,
}

/// All comparisons of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindTotal {
    /// Which kind.
    pub kind: ComparisonKind,
    /// The sum of their weights.
    pub weight: f64,
    /// Their weighted average.
    pub estimate: f64,
}

/// The part of an estimate with covariates that comes from differences within cohorts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WithinCohorts {
    /// Its weight, Omega.
    pub omega: f64,
    /// Its coefficient, b_w.
    pub estimate: f64,
}

/// Options of [`bacon()`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BaconOptions {
    /// Default: all that the cells have.
    pub covariates: Option<Vec<String>>,
}

/// What [`bacon()`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Bacon {
    /// The two-way estimate, `twfe`, and the average of each kind of comparison; without standard errors.
    pub estimates: Estimates,
    /// In the order of the cohorts.
    pub comparisons: Vec<Comparison>,
    /// In the order of kinds.
    pub by_kind: Vec<KindTotal>,
    /// With covariates only.
    pub within: Option<WithinCohorts>,
    /// The two-way fixed-effects estimate, computed on its own.
    pub twfe: f64,
}

/// Goodman-Bacon (2021): see the [module](self).
///
/// ```
/// use evenhand_estimate::{BaconOptions, Cells, ComparisonKind, bacon};
/// let unit = [1, 1, 1, 2, 2, 2];
/// let year = [1., 2., 3., 1., 2., 3.];
/// let y = [0.0, 2.0, 4.0, 0.0, 1.0, 3.0];
/// let cells = Cells::new(&unit, &year, &y)?.with_cohort(&[2., 2., 2., 3., 3., 3.])?;
/// let found = bacon(&cells, &BaconOptions::default())?;
/// let [early, late] = found.comparisons[..] else { panic!("two comparisons") };
/// assert_eq!((early.kind, late.kind), (ComparisonKind::EarlierLater, ComparisonKind::LaterEarlier));
/// assert!((early.estimate - 1.0).abs() < 1e-12 && late.estimate.abs() < 1e-12);
/// assert!((found.twfe - 0.5).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Missing`] when a unit is not observed in every period, [`ErrorKind::NoTreated`] or
/// [`ErrorKind::NoDonors`] when there is nothing to compare, [`ErrorKind::Domain`] for weights that change over time,
/// [`ErrorKind::Shape`].
pub fn bacon(cells: &Cells, options: &BaconOptions) -> Result<Bacon> {
    if !cells.is_balanced() {
        let message = format!(
            "{} rows of {} units in {} periods, expected every unit in every period",
            cells.n_obs(),
            cells.n_units(),
            cells.periods().len()
        );
        return Err(Error::new(ErrorKind::Missing, message));
    }
    let names = covariate_names(cells, options.covariates.as_deref(), &[])?;
    let groups = Groups::new(cells)?;
    let treatment: Vec<f64> =
        (0..cells.n_obs()).map(|row| f64::from(u8::from(cells.is_treated(row)))).collect();
    let everything = vec![true; cells.n_obs()];
    let basis = Basis::new(cells, &everything, cells.weights(), &names)?;
    let d = basis.gaps(&treatment);
    let variance = groups.weighted_dot(&d, &treatment);
    if variance <= 1e-12 * groups.weighted_dot(&treatment, &treatment) {
        return Err(Error::new(
            ErrorKind::NoDonors,
            "treatment starts for all at once or never changes, expected cohorts to compare",
        ));
    }
    let twfe = groups.weighted_dot(&d, cells.outcome()) / variance;
    let (mut comparisons, within) = match names.is_empty() {
        true => (groups.plain_comparisons(cells), None),
        false => groups.controlled_comparisons(cells, &treatment, &d, &names)?,
    };
    let total: f64 = comparisons.iter().map(|c| c.weight).sum();
    comparisons.iter_mut().for_each(|c| c.weight /= total);
    let by_kind = totals(&comparisons);
    let point = |estimate| Estimate::from_intervals(estimate, Interval::ALL, Interval::ALL);
    let mut terms = vec![Term::new("twfe", point(twfe))];
    terms.extend(by_kind.iter().map(|kind| Term::new(kind.kind.to_string(), point(kind.estimate))));
    let mut caveats = cells.caveats().to_vec();
    if !basis.dropped.is_empty() {
        caveats.push(Caveat::Collinear { columns: basis.dropped.clone() });
    }
    let estimates = Estimates {
        method: "bacon",
        terms,
        vcov: None,
        n_obs: cells.n_obs(),
        n_units: cells.n_units(),
        n_periods: cells.periods().len(),
        n_clusters: None,
        seed: None,
        options: vec![("covariates", if names.is_empty() { "none".to_owned() } else { names.join(",") })],
        caveats,
    };
    Ok(Bacon { estimates, comparisons, by_kind, within, twfe })
}

fn totals(comparisons: &[Comparison]) -> Vec<KindTotal> {
    let mut kinds: Vec<ComparisonKind> = comparisons.iter().map(|c| c.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let total = |kind| {
        let of_kind = || comparisons.iter().filter(|c| c.kind == kind);
        let weight: f64 = of_kind().map(|c| c.weight).sum();
        let estimate = of_kind().map(|c| c.weight * c.estimate).sum::<f64>() / weight;
        KindTotal { kind, weight, estimate }
    };
    kinds.into_iter().map(total).collect()
}

/// Units by the first period in which they are treated, which is `n_periods` for those that never are.
struct Groups {
    n_periods: usize,
    /// First treated period of each group, rising.
    first: Vec<usize>,
    /// Group of each unit.
    of_unit: Vec<usize>,
    /// Weight of each unit.
    unit_weight: Vec<f64>,
    /// Weight of each group.
    weight: Vec<f64>,
    /// Mean outcome of each group in each period, one series for each group.
    outcome: Vec<Vec<f64>>,
}

impl Groups {
    fn new(cells: &Cells) -> Result<Self> {
        let (n_units, n_periods) = (cells.n_units(), cells.periods().len());
        let mut first_of_unit = Vec::with_capacity(n_units);
        let mut unit_weight = Vec::with_capacity(n_units);
        for unit in 0..n_units {
            let rows = unit * n_periods..(unit + 1) * n_periods;
            let g = cells.cohort()[rows.start];
            first_of_unit.push(cells.periods().partition_point(|&t| t < g));
            let weight = |row: usize| cells.weights().map_or(1.0, |w| w[row]);
            let of_unit = weight(rows.start);
            if rows.into_iter().any(|row| (weight(row) - of_unit).abs() > 0.0) {
                let message = "weights that change over time, expected one weight for each unit";
                return Err(Error::new(ErrorKind::Domain, message));
            }
            unit_weight.push(of_unit);
        }
        let mut first = first_of_unit.clone();
        first.sort_unstable();
        first.dedup();
        let place = |g: &usize| first.partition_point(|other| other < g);
        let of_unit: Vec<usize> = first_of_unit.iter().map(place).collect();
        let mut weight = vec![0.0; first.len()];
        of_unit.iter().zip(&unit_weight).for_each(|(&group, w)| weight[group] += w);
        let mut groups = Self { n_periods, first, of_unit, unit_weight, weight, outcome: Vec::new() };
        groups.outcome = groups.means(cells.outcome());
        if groups.first.iter().all(|&g| g == n_periods) {
            return Err(Error::new(ErrorKind::NoTreated, "no treated row, expected some"));
        }
        Ok(groups)
    }

    /// Weighted means of each group in each period.
    fn means(&self, values: &[f64]) -> Vec<Vec<f64>> {
        let mut means = vec![vec![0.0; self.n_periods]; self.first.len()];
        for (unit, series) in values.chunks_exact(self.n_periods).enumerate() {
            let group = self.of_unit[unit];
            let share = self.unit_weight[unit] / self.weight[group];
            means[group].iter_mut().zip(series).for_each(|(mean, y)| *mean += share * y);
        }
        means
    }

    fn weighted_dot(&self, a: &[f64], b: &[f64]) -> f64 {
        let of_unit = |(unit, weight): (usize, &f64)| {
            let rows = unit * self.n_periods..(unit + 1) * self.n_periods;
            weight * dot(&a[rows.clone()], &b[rows])
        };
        self.unit_weight.iter().enumerate().map(of_unit).sum()
    }

    /// The value of a group's first treated period.
    fn value(&self, cells: &Cells, group: usize) -> f64 {
        cells.periods().get(self.first[group]).copied().unwrap_or(f64::INFINITY)
    }

    fn plain_comparisons(&self, cells: &Cells) -> Vec<Comparison> {
        let groups = 0..self.first.len();
        let pairs = groups.clone().flat_map(|k| groups.clone().map(move |l| (k, l)));
        let comparable =
            |&(k, l): &(usize, usize)| k != l && self.first[k] != self.n_periods && self.first[k] != 0;
        pairs.filter(comparable).map(|(k, l)| self.compare(cells, k, l)).collect()
    }

    /// Group k against l, whose treatment does not change in the window.
    fn compare(&self, cells: &Cells, k: usize, l: usize) -> Comparison {
        let (g, other) = (self.first[k], self.first[l]);
        let (window, kind) = match other {
            other if other == self.n_periods => (0..other, ComparisonKind::TreatedUntreated),
            0 => (0..self.n_periods, ComparisonKind::LaterAlways),
            other if g < other => (0..other, ComparisonKind::EarlierLater),
            other => (other..self.n_periods, ComparisonKind::LaterEarlier),
        };
        let change = |group: usize| {
            let mean = |periods: std::ops::Range<usize>| {
                self.outcome[group][periods.clone()].iter().sum::<f64>() / periods.len() as f64
            };
            mean(g..window.end) - mean(window.start..g)
        };
        let width = window.len() as f64;
        let share = (window.end - g) as f64 / width;
        Comparison {
            treated: self.value(cells, k),
            untreated: self.value(cells, l),
            kind,
            estimate: change(k) - change(l),
            weight: self.weight[k] * self.weight[l] * width * width * share * (1.0 - share),
        }
    }

    /// Pairs of cohorts with covariates, and the part within cohorts; `d` is what effects and covariates leave of
    /// the treatment.
    fn controlled_comparisons(
        &self,
        cells: &Cells,
        treatment: &[f64],
        d: &[f64],
        names: &[String],
    ) -> Result<(Vec<Comparison>, Option<WithinCohorts>)> {
        let of_groups = self.means(d);
        let within: Vec<f64> = d
            .chunks_exact(self.n_periods)
            .zip(&self.of_unit)
            .flat_map(|(series, &group)| series.iter().zip(&of_groups[group]).map(|(d, mean)| d - mean))
            .collect();
        let size = self.weighted_dot(&within, &within);
        let omega = size / self.weighted_dot(d, d);
        let estimate = if size > 0.0 { self.weighted_dot(&within, cells.outcome()) / size } else { 0.0 };
        let predicted: Vec<f64> = treatment.iter().zip(d).map(|(full, left)| full - left).collect();
        let means = GroupSeries {
            treatment: self.means(treatment),
            predicted: self.means(&predicted),
            covariates: names
                .iter()
                .map(|name| named_column(cells, name).map(|values| self.means(values)))
                .collect::<Result<_>>()?,
        };
        let n = self.first.len();
        let pairs = (0..n).flat_map(|k| (k + 1..n).map(move |l| (k, l)));
        let comparisons = pairs.filter_map(|(k, l)| self.compare_controlled(cells, &means, k, l)).collect();
        Ok((comparisons, Some(WithinCohorts { omega, estimate })))
    }

    /// Two groups with covariates, in the difference of their series: two-way effects of two groups leave of a
    /// series its difference less its mean over time. `None` when that of the treatment is 0 throughout.
    fn compare_controlled(
        &self,
        cells: &Cells,
        means: &GroupSeries,
        k: usize,
        l: usize,
    ) -> Option<Comparison> {
        let contrast = |series: &[Vec<f64>]| centred_difference(&series[k], &series[l]);
        let (treatment, outcome) = (contrast(&means.treatment), contrast(&self.outcome));
        let columns: Vec<Vec<f64>> = means.covariates.iter().map(|x| contrast(x)).collect();
        let fit = |y: &[f64]| -> Vec<f64> {
            let qr = Qr::new(Matrix::from_columns(self.n_periods, &columns), 1e-9);
            let kept: Vec<&Vec<f64>> = qr.kept().iter().map(|&j| &columns[j]).collect();
            Matrix::from_columns(self.n_periods, &kept).mul_vec(&qr.solve(y))
        };
        let explained = fit(&treatment);
        let left: Vec<f64> = treatment.iter().zip(&explained).map(|(d, f)| d - f).collect();
        let between: Vec<f64> =
            explained.iter().zip(contrast(&means.predicted)).map(|(f, predicted)| f - predicted).collect();
        let (own, added) = (dot(&left, &left), dot(&between, &between));
        if own + added <= 1e-20 {
            return None;
        }
        // Each part's coefficient times its variance is its covariance with the outcome.
        let estimate = (dot(&left, &outcome) + dot(&between, &outcome)) / (own + added);
        let kind = match (self.first[k], self.first[l]) {
            (_, other) if other == self.n_periods => ComparisonKind::TreatedUntreated,
            (0, _) => ComparisonKind::LaterAlways,
            _ => ComparisonKind::BothTreated,
        };
        Some(Comparison {
            treated: self.value(cells, k),
            untreated: self.value(cells, l),
            kind,
            estimate,
            weight: self.weight[k] * self.weight[l] * (own + added),
        })
    }
}

/// Means of each group in each period.
struct GroupSeries {
    treatment: Vec<Vec<f64>>,
    /// The treatment as effects and covariates predict it.
    predicted: Vec<Vec<f64>>,
    covariates: Vec<Vec<Vec<f64>>>,
}

fn centred_difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mean = a.iter().zip(b).map(|(a, b)| a - b).sum::<f64>() / a.len() as f64;
    a.iter().zip(b).map(|(a, b)| a - b - mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    /// Cohorts of a first treated period each (0: treated throughout, 9: never), over `t` periods.
    fn panel(seed: u64, firsts: &[usize], t: usize) -> Cells {
        let stream = Stream::new(seed, 5);
        let (mut unit, mut period, mut y, mut cohort) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (i, &g) in firsts.iter().enumerate() {
            for s in 0..t {
                unit.push(i);
                period.push(s as f64 + 1.0);
                cohort.push(if g < t { g as f64 + 1.0 } else { 0.0 });
                let effect = if s >= g && g < t { 1.0 + 0.3 * (s - g) as f64 } else { 0.0 };
                y.push(i as f64 + (s as f64).sin() + effect + stream.normal((i * t + s) as u64));
            }
        }
        Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap()
    }

    fn weighted_sum(found: &Bacon) -> f64 {
        found.comparisons.iter().map(|c| c.weight * c.estimate).sum()
    }

    const FIRSTS: [usize; 12] = [0, 0, 2, 2, 2, 4, 5, 5, 9, 9, 9, 9];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_weighted_sum_is_the_two_way_estimate(seed in 0u64..1000, weighted in proptest::bool::ANY) {
            let cells = panel(seed, &FIRSTS, 7);
            let w: Vec<f64> = (0..cells.n_obs()).map(|row| 1.0 + (cells.unit().at(row) % 3) as f64).collect();
            let cells = if weighted { cells.with_weights(&w).unwrap() } else { cells };
            let found = bacon(&cells, &BaconOptions::default()).unwrap();
            prop_assert!((weighted_sum(&found) - found.twfe).abs() < 1e-10);
            prop_assert!((found.by_kind.iter().map(|kind| kind.weight).sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert_eq!(found.by_kind.len(), 4);
        }

        #[test]
        fn with_covariates_within_and_between_make_the_two_way_estimate(seed in 0u64..1000) {
            let cells = panel(seed, &FIRSTS, 7);
            let stream = Stream::new(seed, 9);
            let mut with = cells.clone();
            for (k, name) in ["a", "b"].into_iter().enumerate() {
                let x: Vec<f64> = (0..cells.n_obs()).map(|row| stream.normal((row * 2 + k) as u64)).collect();
                with = with.with_covariate(name, &x).unwrap();
            }
            let found = bacon(&with, &BaconOptions::default()).unwrap();
            let within = found.within.unwrap();
            let sum = within.omega * within.estimate + (1.0 - within.omega) * weighted_sum(&found);
            prop_assert!((sum - found.twfe).abs() < 1e-10, "{sum} {}", found.twfe);
        }
    }

    #[test]
    fn every_comparison_is_a_difference_of_differences() {
        let cells = panel(3, &FIRSTS, 7);
        let found = bacon(&cells, &BaconOptions::default()).unwrap();
        // Cohorts 3, 5 and 6 against always, each other in both orders, and never: 3 * 2 + 6.
        assert_eq!(found.comparisons.len(), 12);
        let one = found.comparisons.iter().find(|c| (c.treated, c.untreated) == (5.0, 3.0)).unwrap();
        assert_eq!(one.kind, ComparisonKind::LaterEarlier);
        let mean = |units: &[usize], periods: std::ops::Range<usize>| {
            let sum: f64 = units
                .iter()
                .flat_map(|u| periods.clone().map(move |t| u * 7 + t))
                .map(|row| cells.outcome()[row])
                .sum();
            sum / (units.len() * periods.len()) as f64
        };
        let expected = mean(&[5], 4..7) - mean(&[5], 2..4) - mean(&[2, 3, 4], 4..7) + mean(&[2, 3, 4], 2..4);
        assert!((one.estimate - expected).abs() < 1e-12);
    }

    #[test]
    fn cohorts_outside_the_panel_are_treated_throughout_or_never() {
        let cells =
            Cells::new(&[1, 1, 2, 2, 3, 3], &[5.0, 6.0, 5.0, 6.0, 5.0, 6.0], &[0.0, 1.0, 0.0, 3.0, 1.0, 1.0])
                .unwrap();
        let cells = cells.with_cohort(&[2.0, 2.0, 6.0, 6.0, 9.0, 9.0]).unwrap();
        let found = bacon(&cells, &BaconOptions::default()).unwrap();
        let kinds: Vec<ComparisonKind> = found.comparisons.iter().map(|c| c.kind).collect();
        assert_eq!(kinds, [ComparisonKind::LaterAlways, ComparisonKind::TreatedUntreated]);
        assert!((found.twfe - 2.5).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_decomposed_is_typed() {
        let kind = |cells: &Cells| bacon(cells, &BaconOptions::default()).unwrap_err().kind();
        let cells = panel(1, &[2, 9], 4);
        assert_eq!(kind(&cells.select(&[0, 1, 2, 3, 4])), ErrorKind::Missing);
        assert_eq!(kind(&panel(1, &[9, 9], 4)), ErrorKind::NoTreated);
        assert_eq!(kind(&panel(1, &[2, 2], 4)), ErrorKind::NoDonors);
        let w: Vec<f64> = (0..8).map(|row| 1.0 + f64::from(row)).collect();
        assert_eq!(kind(&cells.with_weights(&w).unwrap()), ErrorKind::Domain);
    }
}
