//! Stacked difference-in-differences.
//!
//! Formula: each cohort a makes a sub-experiment of its own units and of clean controls, units that are not treated
//! until after its window, over the periods from `pre` before adoption to `post` after it. The sub-experiments are
//! put below one another, and one regression with effects of unit by sub-experiment and period by sub-experiment
//! gives y_isa = alpha_ia + lambda_sa + sum_e beta_e 1[i in cohort a, e periods since a] + e_isa, with e = -1 as
//! the base (an event study), or one coefficient for all periods from adoption on.
//!
//! Estimand: without corrective weights beta_e is an average of the cohorts' effects with the weights of least
//! squares, which differ for treated and controls (Cengiz et al. 2019); with [`StackWeighting::Aggregate`] controls of
//! sub-experiment a count Q_a = (share of the treated in a) / (share of the controls in a), and beta_e is the average
//! effect over the treated units of all sub-experiments, the trimmed aggregate ATT (Wing et al. 2024).
//!
//! Assumptions: parallel trends and no anticipation within each sub-experiment.
//! Known failures: cohorts whose window is not inside the data are left out (with a caveat), so that the estimand
//! depends on the window; controls that serve in several sub-experiments are one cluster, as they must be, when
//! clusters hold whole units.
//!
//! Papers: Cengiz, Dube, Lindner and Zipperer (2019), doi:10.1093/qje/qjz014; Wing, Freedman and Hollingsworth (2024),
//! doi:10.3386/w32054. Standard errors are those of R `fixest` on the stacked rows. Checked against Python
//! `diff-diff` 3.13 `StackedDiD` (points and errors of the pooled effects, points of the others) to 1e-8.

use crate::effect_terms::Key;
use crate::regression::{Columns, Ols, OlsOptions, Vcov, ols};
use crate::untreated_fit::{cluster_caveat, covariate_names, named_column};
use crate::{Caveat, Cells, Error, ErrorKind, Estimate, Estimates, Factor, Matrix, Result, Term};

/// Which units may serve as controls of a cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CleanControls {
    /// Not treated until after the window: g > a + post.
    #[default]
    NotYetTreated,
    /// Not treated until so long after the window that their own window does not overlap: g > a + post + pre.
    Strict,
    /// Never treated.
    NeverTreated,
}

/// What controls count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StackWeighting {
    /// One each: Cengiz et al. (2019).
    #[default]
    None,
    /// So that controls are spread over sub-experiments as the treated are, at each event time.
    Aggregate,
    /// So that controls are spread over sub-experiments as all their units are.
    SampleShare,
}

/// Which effects the regression absorbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StackEffects {
    /// Unit by sub-experiment and period by sub-experiment.
    #[default]
    UnitPeriod,
    /// Treated or not, and event time: the pooled regression of Wing et al. (2024).
    TreatedEventTime,
}

/// Options of [`stacked()`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackedOptions {
    /// Whether there is a coefficient for each event time; default no, one for all.
    pub event_study: bool,
    /// Periods of the window before adoption; default 3.
    pub pre: usize,
    /// Periods of the window after that of adoption; default 3.
    pub post: usize,
    /// Default: not treated until after the window.
    pub controls: CleanControls,
    /// Default: none.
    pub weighting: StackWeighting,
    /// Default: unit by sub-experiment and period by sub-experiment.
    pub effects: StackEffects,
    /// Whether cohorts whose window is not inside the data are left out; default true.
    pub full_windows: bool,
    /// Whether each unit is a cluster of its own in every sub-experiment; default false, clusters are the cells'.
    pub cluster_by_stack: bool,
    /// Default: all that the cells have.
    pub covariates: Option<Vec<String>>,
}

impl Default for StackedOptions {
    fn default() -> Self {
        Self {
            event_study: false,
            pre: 3,
            post: 3,
            controls: CleanControls::default(),
            weighting: StackWeighting::default(),
            effects: StackEffects::default(),
            full_windows: true,
            cluster_by_stack: false,
            covariates: None,
        }
    }
}

/// Stacked difference-in-differences: see the [module](self). An event study ends with `att`, the plain average of
/// its coefficients from adoption on. Rows that serve in several sub-experiments count in `n_obs` each time.
///
/// ```
/// use evenhand_estimate::{Cells, StackedOptions, stacked};
/// let unit = [1, 1, 1, 2, 2, 2, 3, 3, 3];
/// let year = [1., 2., 3., 1., 2., 3., 1., 2., 3.];
/// let y = [0.0, 3.0, 9.0, 0.0, 1.0, 6.0, 1.0, 2.0, 4.0];
/// let cells = Cells::new(&unit, &year, &y)?.with_cohort(&[2., 2., 2., 3., 3., 3., 0., 0., 0.])?;
/// let found = stacked(&cells, &StackedOptions { pre: 1, post: 0, ..Default::default() })?;
/// // Cohort 2: 3 - (1 + 1) / 2 = 2; cohort 3: 5 - 2 = 3; least squares weighs them 4 to 3.
/// assert!((found.terms[0].estimate.estimate - 17.0 / 7.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`] without a cohort in the data, [`ErrorKind::NoDonors`] when no cohort has a window and
/// controls, [`ErrorKind::Domain`] for an empty window, and those of [`ols`].
pub fn stacked(cells: &Cells, options: &StackedOptions) -> Result<Estimates> {
    if options.pre == 0 {
        return Err(Error::new(
            ErrorKind::Domain,
            "no period before adoption, expected at least one as the base",
        ));
    }
    let stack = Stack::new(cells, options)?;
    let names = covariate_names(cells, options.covariates.as_deref(), &[])?;
    let events: Vec<i64> = (-(options.pre as i64)..=options.post as i64).filter(|&e| e != -1).collect();
    let (effect_names, at): (Vec<String>, Vec<u32>) = if options.event_study {
        let place = |row: &StackRow| events.binary_search(&row.event).map_or(u32::MAX, |at| at as u32);
        let at = stack.rows.iter().map(|row| if row.treated { place(row) } else { u32::MAX });
        (events.iter().map(|e| format!("event_time={e}")).collect(), at.collect())
    } else {
        let at = stack.rows.iter().map(|row| if row.treated && row.event >= 0 { 0 } else { u32::MAX });
        (vec!["att".to_owned()], at.collect())
    };
    let take = |values: &[f64]| -> Vec<f64> { stack.rows.iter().map(|row| values[row.row]).collect() };
    let mut columns = Columns::new(stack.rows.len());
    for name in &names {
        columns = columns.dense(name, take(named_column(cells, name)?))?;
    }
    let columns = columns.sparse(effect_names.clone(), at, None)?;
    let [first, second] = stack.factors(cells, options.effects);
    let fit = ols(
        &take(cells.outcome()),
        columns,
        &[&first, &second],
        &OlsOptions {
            weights: stack.weights(cells, options.weighting),
            vcov: Vcov::Cluster(vec![stack.clusters(cells, options.cluster_by_stack)]),
            ..OlsOptions::default()
        },
    )?;
    Ok(stack.estimates(cells, options, &fit, &effect_names, &names))
}

/// A row of the cells in a sub-experiment.
struct StackRow {
    row: usize,
    /// The sub-experiment.
    stack: u32,
    event: i64,
    treated: bool,
}

struct Stack {
    rows: Vec<StackRow>,
    /// First treated periods of the cohorts with a sub-experiment.
    cohorts: Vec<f64>,
    caveats: Vec<Caveat>,
}

impl Stack {
    fn new(cells: &Cells, options: &StackedOptions) -> Result<Self> {
        let (periods, n) = (cells.periods(), cells.periods().len() as i64);
        let first = |g: f64| first_period(periods, g);
        let starts: Vec<usize> = (0..cells.n_obs())
            .filter(|&row| row == 0 || cells.unit().at(row) != cells.unit().at(row - 1))
            .collect();
        let mut stack = Self { rows: Vec::new(), cohorts: Vec::new(), caveats: Vec::new() };
        let cohorts = cells.cohorts();
        if !cohorts.iter().any(|&g| first(g) < n) {
            return Err(Error::new(ErrorKind::NoTreated, "no cohort starts within the data, expected some"));
        }
        for g in cohorts {
            let a = first(g);
            let window = a - options.pre as i64..=a + options.post as i64;
            let outside = *window.start() < 0 || *window.end() >= n;
            let clean = |other: f64| match options.controls {
                CleanControls::NotYetTreated => first(other) > *window.end(),
                CleanControls::Strict => first(other) > window.end() + options.pre as i64,
                CleanControls::NeverTreated => other.is_infinite(),
            };
            let why = if a >= n || a < 1 || (outside && options.full_windows) {
                Some("its window is not inside the data")
            } else if !starts.iter().any(|&row| clean(cells.cohort()[row])) {
                Some("it has no clean control")
            } else {
                None
            };
            if let Some(why) = why {
                let what = format!("cohort {g}");
                stack.caveats.push(Caveat::NotEstimated { what, why: why.to_owned() });
                continue;
            }
            let number = stack.cohorts.len() as u32;
            stack.cohorts.push(g);
            for row in 0..cells.n_obs() {
                let own = cells.cohort()[row];
                let treated = own.total_cmp(&g).is_eq();
                let t = cells.period().at(row) as i64;
                if window.contains(&t) && (treated || clean(own)) {
                    stack.rows.push(StackRow { row, stack: number, event: t - a, treated });
                }
            }
        }
        if stack.rows.is_empty() {
            let message = format!(
                "windows of {} periods before and {} after adoption: no cohort has one with clean controls",
                options.pre, options.post
            );
            return Err(Error::new(ErrorKind::NoDonors, message));
        }
        Ok(stack)
    }

    fn by_stack(&self, code: impl Fn(&StackRow) -> u64) -> Factor {
        let codes: Vec<(u32, u64)> = self.rows.iter().map(|row| (row.stack, code(row))).collect();
        Factor::new(&codes)
    }

    fn factors(&self, cells: &Cells, effects: StackEffects) -> [Factor; 2] {
        match effects {
            StackEffects::UnitPeriod => [
                self.by_stack(|row| cells.unit().at(row.row) as u64),
                self.by_stack(|row| cells.period().at(row.row) as u64),
            ],
            StackEffects::TreatedEventTime => [
                Factor::new(&self.rows.iter().map(|row| row.treated).collect::<Vec<_>>()),
                Factor::new(&self.rows.iter().map(|row| row.event).collect::<Vec<_>>()),
            ],
        }
    }

    fn clusters(&self, cells: &Cells, by_stack: bool) -> Factor {
        if by_stack {
            return self.by_stack(|row| cells.cluster().at(row.row) as u64);
        }
        let rows: Vec<usize> = self.rows.iter().map(|row| row.row).collect();
        cells.cluster().select(&rows)
    }

    /// Weights of the rows times the corrective ones; `None` when all are 1.
    fn weights(&self, cells: &Cells, weighting: StackWeighting) -> Option<Vec<f64>> {
        let own = |row: &StackRow| cells.weights().map_or(1.0, |w| w[row.row]);
        if weighting == StackWeighting::None && cells.weights().is_none() {
            return None;
        }
        let corrective = self.corrective(cells, weighting);
        Some(self.rows.iter().zip(corrective).map(|(row, q)| q * own(row)).collect())
    }

    /// Q of every row: 1 for the treated.
    fn corrective(&self, cells: &Cells, weighting: StackWeighting) -> Vec<f64> {
        match weighting {
            StackWeighting::None => vec![1.0; self.rows.len()],
            StackWeighting::Aggregate => {
                let counts = Counts::of(self.rows.iter().map(|row| (row.stack, row.event, row.treated)));
                let q = |row: &StackRow| {
                    let of =
                        |treated| counts.at(row.stack, row.event, treated) / counts.total(row.event, treated);
                    of(true) / of(false)
                };
                self.rows.iter().map(|row| if row.treated { 1.0 } else { finite_or_one(q(row)) }).collect()
            }
            StackWeighting::SampleShare => {
                let mut units: Vec<(u32, bool, usize)> =
                    self.rows.iter().map(|row| (row.stack, row.treated, cells.unit().at(row.row))).collect();
                units.sort_unstable();
                units.dedup();
                let counts = Counts::of(units.iter().map(|&(stack, treated, _)| (stack, 0, treated)));
                let all = counts.total(0, true) + counts.total(0, false);
                let q = |row: &StackRow| {
                    let share = (counts.at(row.stack, 0, true) + counts.at(row.stack, 0, false)) / all;
                    share / (counts.at(row.stack, 0, false) / counts.total(0, false))
                };
                self.rows.iter().map(|row| if row.treated { 1.0 } else { finite_or_one(q(row)) }).collect()
            }
        }
    }

    fn estimates(
        &self,
        cells: &Cells,
        options: &StackedOptions,
        fit: &Ols,
        effects: &[String],
        covariates: &[String],
    ) -> Estimates {
        let place: Vec<usize> = (0..fit.names.len()).filter(|&j| effects.contains(&fit.names[j])).collect();
        let mut vcov =
            Matrix::from_fn(place.len(), place.len(), |i, j| fit.covariance.matrix[(place[i], place[j])]);
        let mut terms: Vec<Term> = Vec::new();
        let all = fit.terms();
        for &j in &place {
            let event = fit.names[j].strip_prefix("event_time=").and_then(|e| e.parse().ok());
            let key = event.map_or(Key::Overall, Key::EventTime);
            terms.push(key.term(all[j].estimate));
        }
        if options.event_study {
            let post: Vec<usize> =
                (0..terms.len()).filter(|&h| terms[h].event_time.is_some_and(|e| e >= 0)).collect();
            let share: Vec<f64> = (0..terms.len())
                .map(|h| if post.contains(&h) { 1.0 / post.len() as f64 } else { 0.0 })
                .collect();
            let mean: f64 = share.iter().zip(&terms).map(|(s, term)| s * term.estimate.estimate).sum();
            let with = vcov.mul_vec(&share);
            let variance: f64 = share.iter().zip(&with).map(|(s, v)| s * v).sum();
            let k = terms.len();
            vcov = Matrix::from_fn(k + 1, k + 1, |i, j| match (i == k, j == k) {
                (true, true) => variance,
                (true, false) => with[j],
                (false, true) => with[i],
                (false, false) => vcov[(i, j)],
            });
            terms.push(Key::Overall.term(Estimate::from_std_error(
                mean,
                variance.max(0.0).sqrt(),
                fit.covariance.df,
            )));
        }
        let used: Vec<usize> = self.rows.iter().map(|row| row.row).collect();
        let mut caveats = cells.caveats().to_vec();
        caveats.extend(self.caveats.iter().cloned());
        caveats.extend(fit.caveats.iter().cloned());
        let untreated: Vec<bool> = {
            let mut untreated = vec![true; cells.n_obs()];
            self.rows
                .iter()
                .filter(|row| row.treated && row.event >= 0)
                .for_each(|row| untreated[row.row] = false);
            untreated
        };
        caveats.extend(cluster_caveat(cells, &untreated));
        Estimates {
            method: "stacked",
            terms,
            vcov: Some(vcov),
            n_obs: self.rows.len(),
            n_units: cells.unit().select(&used).n_levels(),
            n_periods: cells.period().select(&used).n_levels(),
            n_clusters: fit.covariance.n_clusters,
            seed: None,
            options: echo(options, &self.cohorts, covariates),
            caveats,
        }
    }
}

/// Place of a cohort's first treated period; beyond the data it goes on in periods of length 1.
fn first_period(periods: &[f64], g: f64) -> i64 {
    let last = periods[periods.len() - 1];
    if g <= last {
        return periods.partition_point(|&t| t < g) as i64;
    }
    if g.is_infinite() {
        return i64::MAX;
    }
    periods.len() as i64 - 1 + (g - last).ceil() as i64
}

fn finite_or_one(q: f64) -> f64 {
    if q.is_finite() { q } else { 1.0 }
}

/// Numbers of treated and controls by sub-experiment and event time.
struct Counts {
    cells: std::collections::HashMap<(u32, i64, bool), f64>,
    totals: std::collections::HashMap<(i64, bool), f64>,
}

impl Counts {
    fn of(items: impl Iterator<Item = (u32, i64, bool)>) -> Self {
        let mut counts = Self { cells: Default::default(), totals: Default::default() };
        for (stack, event, treated) in items {
            *counts.cells.entry((stack, event, treated)).or_insert(0.0) += 1.0;
            *counts.totals.entry((event, treated)).or_insert(0.0) += 1.0;
        }
        counts
    }

    fn at(&self, stack: u32, event: i64, treated: bool) -> f64 {
        self.cells.get(&(stack, event, treated)).copied().unwrap_or(0.0)
    }

    fn total(&self, event: i64, treated: bool) -> f64 {
        self.totals.get(&(event, treated)).copied().unwrap_or(0.0)
    }
}

fn echo(options: &StackedOptions, cohorts: &[f64], covariates: &[String]) -> Vec<(&'static str, String)> {
    let controls = match options.controls {
        CleanControls::NotYetTreated => "not-yet-treated",
        CleanControls::Strict => "strict",
        CleanControls::NeverTreated => "never-treated",
    };
    let weighting = match options.weighting {
        StackWeighting::None => "none",
        StackWeighting::Aggregate => "aggregate",
        StackWeighting::SampleShare => "sample-share",
    };
    let effects = match options.effects {
        StackEffects::UnitPeriod => "unit-period",
        StackEffects::TreatedEventTime => "treated-event-time",
    };
    let cohorts: Vec<String> = cohorts.iter().map(ToString::to_string).collect();
    vec![
        ("event_study", options.event_study.to_string()),
        ("pre", options.pre.to_string()),
        ("post", options.post.to_string()),
        ("controls", controls.to_owned()),
        ("weighting", weighting.to_owned()),
        ("effects", effects.to_owned()),
        ("full_windows", options.full_windows.to_string()),
        ("cluster_by_stack", options.cluster_by_stack.to_string()),
        ("covariates", if covariates.is_empty() { "none".to_owned() } else { covariates.join(",") }),
        ("cohorts", cohorts.join(",")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    /// Units of cohorts that start in period 5, 8 or never, over 12 periods; effect `effect`.
    fn staggered(seed: u64, n: usize, effect: f64) -> Cells {
        let stream = Stream::new(seed, 11);
        let (mut unit, mut period, mut y, mut cohort) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for i in 0..n {
            let g = [5, 8, 0][i % 3];
            for t in 1..=12 {
                unit.push(i);
                period.push(f64::from(t));
                cohort.push(f64::from(g));
                let treated = g > 0 && t >= g;
                let noise = stream.normal((i * 12) as u64 + t as u64);
                y.push((i % 7) as f64 + f64::from(t).sqrt() + if treated { effect } else { 0.0 } + noise);
            }
        }
        Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap()
    }

    fn small(weighting: StackWeighting, effects: StackEffects) -> StackedOptions {
        StackedOptions { event_study: true, pre: 2, post: 2, weighting, effects, ..Default::default() }
    }

    /// Mean of the outcome in a cohort and period.
    fn mean(cells: &Cells, g: f64, t: f64) -> f64 {
        let rows: Vec<usize> = (0..cells.n_obs())
            .filter(|&row| cells.cohort()[row].total_cmp(&g).is_eq() && (cells.time(row) - t).abs() < 0.5)
            .collect();
        rows.iter().map(|&row| cells.outcome()[row]).sum::<f64>() / rows.len() as f64
    }

    // By hand: with corrective weights the coefficient is the mean over treated units of their cohort's difference.
    #[test]
    fn corrective_weights_give_the_average_over_treated_units() {
        let cells = staggered(1, 31, 1.0);
        let never = f64::INFINITY;
        let difference = |g: f64, e: f64, control: &dyn Fn(f64) -> f64| {
            mean(&cells, g, g + e) - mean(&cells, g, g - 1.0) - control(g + e) + control(g - 1.0)
        };
        // Cohort 5 has the units of cohort 8 among its controls: 10 beside 10 that are never treated.
        let (of_8, of_never) = (10.0, 10.0);
        let both =
            |t: f64| (of_8 * mean(&cells, 8.0, t) + of_never * mean(&cells, never, t)) / (of_8 + of_never);
        let only_never = |t: f64| mean(&cells, never, t);
        let (first, second) = (11.0, 10.0);
        for effects in [StackEffects::UnitPeriod, StackEffects::TreatedEventTime] {
            let found = stacked(&cells, &small(StackWeighting::Aggregate, effects)).unwrap();
            for e in [-2, 0, 1, 2] {
                let expected = (first * difference(5.0, e as f64, &both)
                    + second * difference(8.0, e as f64, &only_never))
                    / (first + second);
                let term = found.at_event_time(e).unwrap().estimate;
                assert!((term.estimate - expected).abs() < 1e-10, "{e}: {} {expected}", term.estimate);
            }
            let post: f64 = (0..=2).map(|e| found.at_event_time(e).unwrap().estimate.estimate).sum();
            let att = found.get("att").unwrap().estimate;
            assert!((att.estimate - post / 3.0).abs() < 1e-12 && att.std_error.unwrap() > 0.0);
        }
    }

    #[test]
    fn known_effects_are_recovered_over_seeds() {
        let points: Vec<f64> = (0..40)
            .map(|seed| {
                stacked(&staggered(seed, 30, 2.0), &StackedOptions::default()).unwrap().terms[0]
                    .estimate
                    .estimate
            })
            .collect();
        let mean = points.iter().sum::<f64>() / 40.0;
        let sd = (points.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 39.0).sqrt();
        assert!((mean - 2.0).abs() < 4.0 * sd / 40f64.sqrt(), "{mean}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn order_shift_and_scale_behave(seed in 0u64..300, shift in -9.0..9.0f64, scale in 0.1..9.0f64) {
            let cells = staggered(seed, 18, 1.0);
            let base = stacked(&cells, &StackedOptions::default()).unwrap().terms[0].estimate;
            let rows: Vec<usize> = (0..cells.n_obs()).rev().collect();
            let unit: Vec<usize> = rows.iter().map(|&row| 100 - cells.unit().at(row)).collect();
            let take = |f: &dyn Fn(usize) -> f64| rows.iter().map(|&row| f(row)).collect::<Vec<_>>();
            let y = take(&|row| scale * (cells.outcome()[row] + shift));
            let moved = Cells::new(&unit, &take(&|row| cells.time(row)), &y).unwrap();
            let moved = moved.with_cohort(&take(&|row| cells.cohort()[row])).unwrap();
            let moved = stacked(&moved, &StackedOptions::default()).unwrap().terms[0].estimate;
            prop_assert!((moved.estimate - scale * base.estimate).abs() < 1e-9 * scale);
            prop_assert!((moved.std_error.unwrap() - scale * base.std_error.unwrap()).abs() < 1e-9 * scale);
        }
    }

    #[test]
    fn windows_and_controls_decide_which_cohorts_are_used() {
        let cells = staggered(2, 12, 1.0);
        let cohorts = |options: &StackedOptions| {
            let found = stacked(&cells, options).unwrap();
            (found.options.last().unwrap().1.clone(), found.n_obs)
        };
        let base = StackedOptions { pre: 4, post: 4, ..Default::default() };
        // 5 units of window 9 each: cohort 5 from 1 to 9 has never-treated controls only; 8 from 4 to 12 too.
        assert_eq!(cohorts(&base), ("5,8".to_owned(), 2 * 8 * 9));
        assert_eq!(cohorts(&StackedOptions { post: 5, ..base.clone() }).0, "5");
        assert_eq!(cohorts(&StackedOptions { post: 5, full_windows: false, ..base.clone() }).0, "5,8");
        let near = StackedOptions { pre: 2, post: 1, ..Default::default() };
        assert_eq!(cohorts(&near).1, 12 * 4 + 8 * 4);
        assert_eq!(
            cohorts(&StackedOptions { controls: CleanControls::Strict, ..near.clone() }).1,
            8 * 4 + 8 * 4
        );
        assert_eq!(
            cohorts(&StackedOptions { controls: CleanControls::NeverTreated, ..near }).1,
            8 * 4 + 8 * 4
        );
        let trimmed = stacked(&cells, &StackedOptions { post: 5, ..base }).unwrap();
        assert!(
            trimmed
                .caveats
                .iter()
                .any(|c| matches!(c, Caveat::NotEstimated { what, .. } if what == "cohort 8"))
        );
    }

    #[test]
    fn what_cannot_be_stacked_is_typed() {
        let cells = staggered(3, 6, 1.0);
        let kind = |cells: &Cells, options: &StackedOptions| stacked(cells, options).unwrap_err().kind();
        assert_eq!(kind(&cells, &StackedOptions { pre: 0, ..Default::default() }), ErrorKind::Domain);
        assert_eq!(
            kind(&cells, &StackedOptions { pre: 9, post: 9, ..Default::default() }),
            ErrorKind::NoDonors
        );
        let none = cells.clone().with_cohort(&vec![0.0; cells.n_obs()]).unwrap();
        assert_eq!(kind(&none, &StackedOptions::default()), ErrorKind::NoTreated);
        let all = cells.clone().with_cohort(&vec![5.0; cells.n_obs()]).unwrap();
        assert_eq!(kind(&all, &StackedOptions::default()), ErrorKind::NoDonors);
    }
}
