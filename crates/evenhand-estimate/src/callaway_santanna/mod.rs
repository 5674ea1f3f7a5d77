//! Group-time average treatment effects of Callaway and Sant'Anna.
//!
//! Estimand: ATT(g, t) = E[Y_t(g) - Y_t(never) | G = g], the mean effect in period t on the units first treated in
//! period g, and averages of it: over all (simple), by cohort (group), by period (calendar) and by time since
//! treatment (dynamic, the event study).
//!
//! Formula, without covariates: ATT(g, t) = mean of (Y_t - Y_b) over G = g minus its mean over the comparison units,
//! where b is the base period, the last one before g - anticipation. With covariates X (of the earlier of the two
//! periods), one of
//! - outcome regression: the comparison mean is that of X beta, with beta by least squares among comparison units;
//! - inverse probability: comparison units weigh ps(X) / (1 - ps(X)), normalized to sum to one;
//! - doubly robust (default): both, the weighted means of Y_t - Y_b - X beta.
//!
//! Standard errors come from influence functions psi, shape (n, k): se = sqrt(sum over clusters of (sum of psi)^2) / n,
//! with units as clusters unless others are given. Averages carry the sampling of the cohort shares. Uniform bands
//! are the 95 % quantile of max |t| over multiplier draws, one multiplier for each cluster.
//!
//! Assumptions: parallel trends (given X) with the comparison group chosen, no anticipation beyond the periods
//! stated, overlap, independent clusters. Treatment stays once it starts.
//! Defaults: doubly robust, never-treated comparison, varying base period, no anticipation, analytic standard errors,
//! 999 Rademacher draws for the bands.
//! Rules of the reference, each with its caveat: units treated from the first period on are left out; units with a
//! missing period are left out unless `allow_unbalanced` is set, in which case rows before and after stand side by
//! side as in repeated cross-sections; cohorts after the last period count as never treated; where nobody is never
//! treated, the cohort treated last compares until its own treatment; a cell whose propensity score reaches 0.999 or
//! whose comparison regression is singular is not estimated, and averages go over those that are.
//! Event times and anticipation count in units of the period's values where these are whole numbers (years), else
//! in periods of the data.
//! Known failures: few treated clusters (standard errors too small, whatever the draws); cohorts of a few units with
//! covariates; a varying base period shows no pre-trend that is the same in every period.
//!
//! Paper: Callaway and Sant'Anna (2021), doi:10.1016/j.jeconom.2020.12.001; two by two estimators: Sant'Anna and
//! Zhao (2020), doi:10.1016/j.jeconom.2020.06.003. Matches R `did` 2.5.1 with `DRDID` 1.2.3, `att_gt` and `aggte`:
//! points to 1e-8, standard errors to 1e-6 (tests say closer), and Python `csdid` 0.4.3 where no R result is at hand
//! (weights, clusters, unbalanced panels, cross-sections), but for one term that it has with the other sign than
//! `DRDID`, which is followed (with a caveat). One thing is not as there: `did` reports bootstrap
//! standard errors unless told otherwise; here they are analytic unless `bootstrap_std_errors` is set, so that they
//! do not depend on the seed.

mod aggregate;
mod influence;
mod multipliers;
mod plan;
mod sample;
#[cfg(test)]
mod tests;
mod two_by_two;

pub use multipliers::Multiplier;

use crate::special::{chi_squared_tail, normal_quantile};
use crate::{Caveat, Cells, Error, ErrorKind, Estimate, Estimates, Interval, Result, Term};
use aggregate::Family;
use evenhand_linalg::{Matrix, dot};
use influence::Influence;
use multipliers::Multipliers;
use plan::Cell;
use rayon::prelude::*;
use sample::Sample;

/// How a cohort is compared in one pair of periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DidMethod {
    /// Regression of the change on covariates among comparison units: `est_method = "reg"`.
    OutcomeRegression,
    /// Normalized inverse probability weights: `est_method = "ipw"`.
    InverseProbability,
    /// Both: consistent when either model is right: `est_method = "dr"`.
    #[default]
    DoublyRobust,
}

/// Who compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ControlGroup {
    /// Units that are never treated.
    #[default]
    Never,
    /// Those and the units treated later (than the period, and than anticipation reaches).
    NotYet,
}

/// With which period cells before treatment are compared; after treatment it is always the last one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BasePeriod {
    /// The period just before: effects of a fictitious treatment in that period.
    #[default]
    Varying,
    /// The last period before treatment (and its anticipation): what an event-study regression shows, and what
    /// sensitivity analyses of pre-trends need.
    Universal,
}

/// Averages of ATT(g, t).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// Over all cells after treatment, by cohort share: `att`.
    Simple,
    /// By cohort, `group=2004`; over cohorts by share, `att_group`.
    Group,
    /// By period, `calendar=2006`; plain mean over periods, `att_calendar`.
    Calendar,
    /// By time since treatment, `event_time=-2`; plain mean over times from 0 on, `att_dynamic`.
    Dynamic,
}

impl Aggregation {
    fn overall_name(self) -> &'static str {
        match self {
            Self::Simple => "att",
            Self::Group => "att_group",
            Self::Calendar => "att_calendar",
            Self::Dynamic => "att_dynamic",
        }
    }
}

/// From which period weights that change over time are taken: `fix_weights` of `did`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WeightPeriod {
    /// The earlier period of each pair.
    #[default]
    Earlier,
    /// The cohort's last period before treatment.
    Base,
    /// The first period.
    First,
    /// Each row has its own; before and after stand side by side as in repeated cross-sections.
    Own,
}

/// Options of [`callaway_santanna`].
#[derive(Debug, Clone, PartialEq)]
pub struct CallawaySantannaOptions {
    /// Default: doubly robust.
    pub method: DidMethod,
    /// Default: the never treated.
    pub control: ControlGroup,
    /// Default: varying.
    pub base: BasePeriod,
    /// How long before treatment units may react to it, 0 or more; default 0.
    pub anticipation: f64,
    /// Keep units that miss a period; default no.
    pub allow_unbalanced: bool,
    /// Default: the earlier period of each pair.
    pub weight_period: WeightPeriod,
    /// Default: all four.
    pub aggregations: Vec<Aggregation>,
    /// First event time of the dynamic average and, at 0 or more, of the simple and group averages; default none.
    pub min_event: Option<i64>,
    /// Last event time of the dynamic, simple and group averages; default none.
    pub max_event: Option<i64>,
    /// Keep to cohorts seen for that long after treatment, and to event times that all of them reach; default none.
    pub balance_event: Option<i64>,
    /// Multiplier draws for the uniform bands, 0 for none; default 999.
    pub draws: usize,
    /// Default: Rademacher.
    pub multiplier: Multiplier,
    /// Report standard errors from the draws (interquartile range over that of the normal law) instead of the
    /// analytic ones; default no.
    pub bootstrap_std_errors: bool,
    /// Seed of the draws; default 1.
    pub seed: u64,
}

impl Default for CallawaySantannaOptions {
    fn default() -> Self {
        use Aggregation::{Calendar, Dynamic, Group, Simple};
        Self {
            method: DidMethod::default(),
            control: ControlGroup::default(),
            base: BasePeriod::default(),
            anticipation: 0.0,
            allow_unbalanced: false,
            weight_period: WeightPeriod::default(),
            aggregations: vec![Simple, Group, Calendar, Dynamic],
            min_event: None,
            max_event: None,
            balance_event: None,
            draws: 999,
            multiplier: Multiplier::default(),
            bootstrap_std_errors: false,
            seed: 1,
        }
    }
}

/// What [`callaway_santanna`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct CallawaySantanna {
    /// Averages first (overall means, event times, cohorts, periods), then every `att(g,t)`. The covariance is there
    /// for up to 200 terms.
    pub estimates: Estimates,
    /// Every cell that was estimated, by cohort and period.
    pub group_times: Vec<GroupTime>,
    /// The averages that were asked for, in that order.
    pub aggregates: Vec<Aggregate>,
    /// Joint test that all effects before treatment are 0; `None` without such cells, with a singular covariance or
    /// with more than 400 cells.
    pub pre_test: Option<PreTest>,
    /// The value that makes bands around all cells hold at once.
    pub critical_value: Option<f64>,
}

/// ATT(g, t).
#[derive(Debug, Clone, PartialEq)]
pub struct GroupTime {
    /// First treated period of the cohort.
    pub cohort: f64,
    /// The period.
    pub period: f64,
    /// The period that it is compared with.
    pub base_period: f64,
    /// Whether the cohort is treated in the period.
    pub is_post: bool,
    /// The estimate; a period compared with itself is 0 without a standard error.
    pub term: Term,
}

/// One family of averages.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub kind: Aggregation,
    /// The mean over the terms; `None` when no term is after treatment.
    pub overall: Option<Term>,
    /// By cohort, period or event time; none for the simple average.
    pub terms: Vec<Term>,
    /// Influence of each cluster on each term, divided by the number of units, shape (C, terms): the covariance of
    /// the terms is its Gram matrix.
    pub influence: Matrix,
    /// The same for the overall mean, shape (C,).
    pub overall_influence: Vec<f64>,
    /// The value that makes bands around all terms hold at once.
    pub critical_value: Option<f64>,
}

impl Aggregate {
    /// Covariance of the terms, shape (terms, terms).
    #[must_use]
    pub fn vcov(&self) -> Matrix {
        self.influence.gram()
    }
}

/// A joint test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PreTest {
    /// Wald statistic.
    pub statistic: f64,
    /// Number of effects tested.
    pub df: usize,
    /// From the chi-squared distribution.
    pub p_value: f64,
}

/// Terms up to which their covariance is worked out.
const VCOV_TERMS: usize = 200;
/// Effects up to which they are tested jointly.
const PRE_TEST_CELLS: usize = 400;
const DISPUTED: &str = "standard errors follow R DRDID, where the sign of one small term of the doubly robust form for \
                        separate rows is disputed";
/// Distance of the quartiles of the standard normal law.
const NORMAL_IQR: f64 = 1.348_979_500_392_163_4;

/// Group-time average treatment effects, their averages, standard errors and uniform bands.
///
/// ```
/// use evenhand_estimate::{CallawaySantannaOptions, Cells, callaway_santanna};
/// // Units 0-3 are treated in period 3, units 4-7 in period 4, the rest never; the effect is 2.
/// let (mut unit, mut period, mut outcome, mut cohort) = (vec![], vec![], vec![], vec![]);
/// for i in 0..12 {
///     for t in 1..=4 {
///         let g = if i < 4 { 3 } else if i < 8 { 4 } else { 0 };
///         unit.push(i);
///         period.push(f64::from(t));
///         cohort.push(f64::from(g));
///         let noise = f64::from((i * 7 + t * 5) % 11) / 50.0;
///         outcome.push(f64::from(i) + f64::from(t) + noise + if g > 0 && t >= g { 2.0 } else { 0.0 });
///     }
/// }
/// let cells = Cells::new(&unit, &period, &outcome)?.with_cohort(&cohort)?;
/// let found = callaway_santanna(&cells, &CallawaySantannaOptions::default())?;
/// let att = &found.estimates.get("att").expect("the simple average").estimate;
/// assert!((att.estimate - 2.0).abs() < 0.2);
/// assert!(found.estimates.get("att(3,4)").is_some() && found.estimates.at_event_time(1).is_some());
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`], [`ErrorKind::NoDonors`], [`ErrorKind::NoObservations`] when the rules above leave no
/// cohort, no comparison or no units; [`ErrorKind::Degenerate`] when no cell can be estimated; [`ErrorKind::Domain`]
/// for a negative anticipation; [`ErrorKind::Shape`] for a unit in two clusters.
pub fn callaway_santanna(cells: &Cells, options: &CallawaySantannaOptions) -> Result<CallawaySantanna> {
    if options.anticipation < 0.0 || !options.anticipation.is_finite() {
        let message = format!("anticipation {}, expected 0 or more", options.anticipation);
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let sample = Sample::new(cells, options)?;
    let plan = plan::cells(&sample, options);
    let influence = Influence::new(&sample, &plan, options);
    let mut caveats = sample.caveats.clone();
    let stacks_rows = !sample.is_wide || options.weight_period == WeightPeriod::Own;
    if stacks_rows && options.method == DidMethod::DoublyRobust && !cells.covariates().is_empty() {
        caveats.push(Caveat::Note(DISPUTED.to_owned()));
    }
    not_estimated(&sample, &plan, &influence, &mut caveats)?;
    let families = aggregate::families(&sample, &plan, &influence, options, &mut caveats);
    let cell_errors: Vec<Option<f64>> = (0..plan.len())
        .into_par_iter()
        .map(|k| std_error(&influence.column(&plan, k), &sample).filter(|_| influence.att[k].is_ok()))
        .collect();
    let drawn = (options.draws > 0).then(|| bootstrap(&sample, &plan, &influence, &families, options));
    let result =
        Report { sample: &sample, plan: &plan, influence: &influence, options, drawn: drawn.as_ref() };
    let pre_test = pre_test(&sample, &plan, &influence, &cell_errors);
    Ok(result.write(families, &cell_errors, pre_test, caveats))
}

/// Notes the cells without an estimate; refuses when there is no other.
fn not_estimated(
    sample: &Sample<'_>,
    plan: &[Cell],
    influence: &Influence,
    caveats: &mut Vec<Caveat>,
) -> Result<()> {
    let failed = plan.iter().zip(&influence.att).filter_map(|(cell, att)| Some((cell, att.as_ref().err()?)));
    let failed: Vec<Caveat> = failed
        .map(|(cell, why)| Caveat::NotEstimated { what: name(sample, cell), why: (*why).to_owned() })
        .collect();
    let estimated = plan.iter().zip(&influence.att).any(|(cell, att)| att.is_ok() && !cell.is_reference());
    if !estimated {
        let why = failed.first().map_or_else(|| "there are no cells".to_owned(), ToString::to_string);
        return Err(Error::new(
            ErrorKind::Degenerate,
            format!("no group-time effect can be estimated: {why}"),
        ));
    }
    caveats.extend(failed);
    Ok(())
}

fn name(sample: &Sample<'_>, cell: &Cell) -> String {
    format!("att({},{})", sample.group_labels[cell.cohort], sample.period_labels[cell.period])
}

/// From sums of influence over clusters; `None` where it is 0 but for rounding.
fn std_error(influence: &[f64], sample: &Sample<'_>) -> Option<f64> {
    let se = dot(influence, influence).sqrt() / sample.n_units() as f64;
    (se > 1e-13 * sample.scale).then_some(se)
}

/// What the draws say: scales are in units of the estimates.
struct Drawings {
    cell_scale: Vec<Option<f64>>,
    cell_critical: Option<f64>,
    families: Vec<FamilyDrawings>,
}

struct FamilyDrawings {
    scale: Vec<Option<f64>>,
    critical: Option<f64>,
    overall_scale: Option<f64>,
}

fn bootstrap(
    sample: &Sample<'_>,
    plan: &[Cell],
    influence: &Influence,
    families: &[Family],
    options: &CallawaySantannaOptions,
) -> Drawings {
    let multipliers = Multipliers::new(options.draws, options.seed, options.multiplier);
    let drawn = influence.drawn(sample, plan, &multipliers);
    let n = sample.n_units() as f64;
    let mut sums: Vec<Matrix> = families.iter().map(|family| family.start_draws(sample, &drawn)).collect();
    let mut cell_scale = vec![None; plan.len()];
    let mut largest = vec![0.0f64; options.draws];
    let mut place = vec![usize::MAX; plan.len()];
    for batch in influence.batches(plan) {
        let draws = influence.draws(plan, &batch, &drawn);
        batch.iter().enumerate().for_each(|(at, &k)| place[k] = at);
        for (family, sums) in families.iter().zip(&mut sums) {
            family.add_draws(sums, &batch, &draws, &place);
        }
        batch.iter().for_each(|&k| place[k] = usize::MAX);
        let scales = scales(&draws, n * sample.scale);
        raise(&mut largest, &draws, &scales);
        batch.iter().zip(&scales).for_each(|(&k, scale)| cell_scale[k] = scale.map(|s| s / n));
    }
    let of_family = |(family, sums): (&Family, &Matrix)| {
        let scales = scales(sums, n * sample.scale);
        let mut largest = vec![0.0; options.draws];
        raise(&mut largest, sums, &scales);
        let overall = Matrix::from_columns(options.draws, &[family.overall_draws(sums, sample, &drawn)]);
        let overall_scale = self::scales(&overall, n * sample.scale)[0];
        let to_estimate = |scale: &Option<f64>| scale.map(|s| s / n);
        FamilyDrawings {
            scale: scales.iter().map(to_estimate).collect(),
            critical: critical(largest),
            overall_scale: to_estimate(&overall_scale),
        }
    };
    Drawings {
        cell_scale,
        cell_critical: critical(largest),
        families: families.iter().zip(&sums).map(of_family).collect(),
    }
}

/// Interquartile range over that of the normal law, by column; `None` where it is 0 but for rounding.
fn scales(draws: &Matrix, size: f64) -> Vec<Option<f64>> {
    let scale = |column: &[f64]| {
        let mut sorted = column.to_vec();
        let (upper, lower) = (rank(sorted.len(), 0.75), rank(sorted.len(), 0.25));
        let (below, high, _) = sorted.select_nth_unstable_by(upper, f64::total_cmp);
        let high = *high;
        let low = if lower < upper { *below.select_nth_unstable_by(lower, f64::total_cmp).1 } else { high };
        let scale = (high - low) / NORMAL_IQR;
        (scale > 1e-13 * size).then_some(scale)
    };
    (0..draws.n_cols()).into_par_iter().map(|j| scale(draws.col(j))).collect()
}

/// Largest |t| so far, by draw.
fn raise(largest: &mut [f64], draws: &Matrix, scales: &[Option<f64>]) {
    let chunk = 128;
    largest.par_chunks_mut(chunk).enumerate().for_each(|(at, largest)| {
        for (j, scale) in scales.iter().enumerate() {
            let Some(scale) = scale else { continue };
            let factor = 1.0 / scale;
            let column = &draws.col(j)[at * chunk..at * chunk + largest.len()];
            largest.iter_mut().zip(column).for_each(|(top, d)| *top = top.max((d * factor).abs()));
        }
    });
}

/// The 95 % quantile of the largest |t|, not below the pointwise value; `None` when nothing was drawn.
fn critical(mut largest: Vec<f64>) -> Option<f64> {
    let value = quantile(&mut largest, 0.95);
    (value > 0.0).then(|| value.max(normal_quantile(0.975)))
}

/// The smallest value that at least a share `p` of the values does not exceed (R's type 1).
fn quantile(values: &mut [f64], p: f64) -> f64 {
    *values.select_nth_unstable_by(rank(values.len(), p), f64::total_cmp).1
}

/// Where that value stands among `n` sorted ones, from 0.
fn rank(n: usize, p: f64) -> usize {
    ((n as f64 * p - 1e-9).ceil() as usize).clamp(1, n) - 1
}

/// Wald test that all effects before treatment are 0.
fn pre_test(
    sample: &Sample<'_>,
    plan: &[Cell],
    influence: &Influence,
    errors: &[Option<f64>],
) -> Option<PreTest> {
    let before =
        |k: &usize| sample.groups[plan[*k].cohort] > sample.times[plan[*k].period] && errors[*k].is_some();
    let pre: Vec<usize> = (0..plan.len()).filter(before).collect();
    if pre.is_empty() || pre.len() > PRE_TEST_CELLS || pre.len() > sample.n_clusters() {
        return None;
    }
    let n = sample.n_units() as f64;
    let columns: Vec<Vec<f64>> = pre.par_iter().map(|&k| influence.column(plan, k)).collect();
    let vcov = Matrix::from_columns(sample.n_clusters(), &columns).gram().scaled(1.0 / n);
    let att: Vec<f64> = pre.iter().map(|&k| influence.att[k].unwrap_or(0.0)).collect();
    let chol = evenhand_linalg::Cholesky::new(&vcov)?;
    let reciprocal = 1.0 / (one_norm(&vcov) * inverse_one_norm(&chol, pre.len()));
    if reciprocal <= f64::EPSILON || reciprocal.is_nan() {
        return None;
    }
    let half = chol.solve_lower(&att);
    let statistic = n * dot(&half, &half);
    Some(PreTest { statistic, df: pre.len(), p_value: chi_squared_tail(statistic, pre.len() as f64) })
}

fn one_norm(matrix: &Matrix) -> f64 {
    (0..matrix.n_cols()).map(|j| matrix.col(j).iter().map(|x| x.abs()).sum()).fold(0.0, f64::max)
}

/// The 1-norm of the inverse of a symmetric matrix, from below, by Hager's steps, as LAPACK (and so R's `rcond`).
fn inverse_one_norm(chol: &evenhand_linalg::Cholesky, n: usize) -> f64 {
    let sum = |v: &[f64]| v.iter().map(|x| x.abs()).sum::<f64>();
    let mut norm = 0.0f64;
    let mut start = vec![1.0 / n as f64; n];
    for _ in 0..5 {
        let solved = chol.solve(&start);
        norm = norm.max(sum(&solved));
        let signs: Vec<f64> = solved.iter().map(|x| 1.0f64.copysign(*x)).collect();
        let slope = chol.solve(&signs);
        let (at, steepest) = slope
            .iter()
            .enumerate()
            .fold((0, 0.0), |top, (i, z)| if z.abs() > top.1 { (i, z.abs()) } else { top });
        if steepest <= dot(&slope, &start) {
            break;
        }
        start = (0..n).map(|i| if i == at { 1.0 } else { 0.0 }).collect();
    }
    let alternating: Vec<f64> = (0..n)
        .map(|i| (1.0 + i as f64 / (n.max(2) - 1) as f64) * if i % 2 == 0 { 1.0 } else { -1.0 })
        .collect();
    norm.max(2.0 * sum(&chol.solve(&alternating)) / (3.0 * n as f64))
}

/// Everything that the report is written from.
struct Report<'a> {
    sample: &'a Sample<'a>,
    plan: &'a [Cell],
    influence: &'a Influence,
    options: &'a CallawaySantannaOptions,
    drawn: Option<&'a Drawings>,
}

impl Report<'_> {
    fn write(
        &self,
        families: Vec<Family>,
        errors: &[Option<f64>],
        pre_test: Option<PreTest>,
        caveats: Vec<Caveat>,
    ) -> CallawaySantanna {
        let group_times = self.group_times(errors);
        let aggregates: Vec<Aggregate> =
            families.into_iter().enumerate().map(|(at, family)| self.aggregate(family, at)).collect();
        let mut terms: Vec<Term> = aggregates.iter().filter_map(|a| a.overall.clone()).collect();
        let mut ordered: Vec<&Aggregate> = aggregates.iter().collect();
        ordered.sort_by_key(|a| a.kind != Aggregation::Dynamic);
        terms.extend(ordered.iter().flat_map(|a| a.terms.iter().cloned()));
        terms.extend(group_times.iter().map(|cell| cell.term.clone()));
        let vcov = (terms.len() <= VCOV_TERMS).then(|| self.vcov(&aggregates, &ordered));
        let sample = self.sample;
        let estimates = Estimates {
            method: "callaway-santanna",
            terms,
            vcov,
            n_obs: sample.n_obs(),
            n_units: sample.n_units(),
            n_periods: sample.n_periods(),
            n_clusters: Some(sample.n_clusters()),
            seed: self.drawn.map(|_| self.options.seed),
            options: self.echo(),
            caveats,
        };
        let critical_value = self.drawn.and_then(|drawn| drawn.cell_critical);
        CallawaySantanna { estimates, group_times, aggregates, pre_test, critical_value }
    }

    fn estimate(&self, att: f64, analytic: Option<f64>, drawn: Option<f64>) -> Estimate {
        let se = if self.options.bootstrap_std_errors && self.drawn.is_some() { drawn } else { analytic };
        let point = Interval { low: att, high: att };
        match se {
            Some(se) => Estimate::from_std_error(att, se, None),
            None => Estimate::from_intervals(att, point, point),
        }
    }

    fn band(estimate: &Estimate, critical: Option<f64>) -> Option<Interval> {
        let half = critical? * estimate.std_error?;
        Some(Interval { low: estimate.estimate - half, high: estimate.estimate + half })
    }

    fn group_times(&self, errors: &[Option<f64>]) -> Vec<GroupTime> {
        let cell = |(k, cell): (usize, &Cell)| {
            let att = self.influence.att[k].ok()?;
            let estimate = self.estimate(att, errors[k], self.drawn.and_then(|drawn| drawn.cell_scale[k]));
            let (cohort, period) =
                (self.sample.group_labels[cell.cohort], self.sample.period_labels[cell.period]);
            let term = Term {
                band: Self::band(&estimate, self.drawn.and_then(|drawn| drawn.cell_critical)),
                cohort: Some(cohort),
                period: Some(period),
                ..Term::new(name(self.sample, cell), estimate)
            };
            Some(GroupTime {
                cohort,
                period,
                base_period: self.sample.period_labels[cell.base],
                is_post: self.sample.groups[cell.cohort] <= self.sample.times[cell.period],
                term,
            })
        };
        self.plan.iter().enumerate().filter_map(cell).collect()
    }

    fn aggregate(&self, family: Family, at: usize) -> Aggregate {
        let drawn = self.drawn.map(|drawn| &drawn.families[at]);
        let critical = drawn.and_then(|drawn| drawn.critical).filter(|_| family.kind != Aggregation::Simple);
        let n = self.sample.n_units() as f64;
        let error = |influence: &[f64]| std_error(influence, self.sample);
        let overall = family.has_overall().then(|| {
            let scale = drawn.and_then(|drawn| drawn.overall_scale);
            let estimate = self.estimate(family.overall_estimate, error(&family.overall_influence), scale);
            Term::new(family.kind.overall_name(), estimate)
        });
        let term = |(j, (label, term)): (usize, &(f64, aggregate::Combination))| {
            let scale = drawn.and_then(|drawn| drawn.scale[j]);
            let estimate = self.estimate(term.estimate, error(family.influence.col(j)), scale);
            let named = match family.kind {
                Aggregation::Dynamic => Term::at_event_time(label.round() as i64, estimate),
                Aggregation::Group => {
                    Term { cohort: Some(*label), ..Term::new(format!("group={label}"), estimate) }
                }
                Aggregation::Calendar | Aggregation::Simple => {
                    Term { period: Some(*label), ..Term::new(format!("calendar={label}"), estimate) }
                }
            };
            Term { band: Self::band(&estimate, critical), ..named }
        };
        let terms: Vec<Term> = match family.kind {
            Aggregation::Simple => Vec::new(),
            _ => family.terms.iter().enumerate().map(term).collect(),
        };
        Aggregate {
            kind: family.kind,
            overall,
            terms,
            critical_value: critical,
            overall_influence: family.overall_influence.iter().map(|x| x / n).collect(),
            influence: family.influence.scaled(1.0 / n),
        }
    }

    fn vcov(&self, aggregates: &[Aggregate], ordered: &[&Aggregate]) -> Matrix {
        let n = self.sample.n_units() as f64;
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for aggregate in aggregates.iter().filter(|a| a.overall.is_some()) {
            columns.push(aggregate.overall_influence.clone());
        }
        for aggregate in ordered.iter().filter(|a| a.kind != Aggregation::Simple) {
            columns.extend((0..aggregate.influence.n_cols()).map(|j| aggregate.influence.col(j).to_vec()));
        }
        for k in (0..self.plan.len()).filter(|&k| self.influence.att[k].is_ok()) {
            columns.push(self.influence.column(self.plan, k).iter().map(|x| x / n).collect());
        }
        Matrix::from_columns(self.sample.n_clusters(), &columns).gram()
    }

    fn echo(&self) -> Vec<(&'static str, String)> {
        let options = self.options;
        let or_none = |value: Option<i64>| value.map_or_else(|| "none".to_owned(), |v| v.to_string());
        let method = match options.method {
            DidMethod::OutcomeRegression => "outcome regression",
            DidMethod::InverseProbability => "inverse probability",
            DidMethod::DoublyRobust => "doubly robust",
        };
        let control = match options.control {
            ControlGroup::Never => "never treated",
            ControlGroup::NotYet => "not yet treated",
        };
        let base = match options.base {
            BasePeriod::Varying => "varying",
            BasePeriod::Universal => "universal",
        };
        let weight_period = match options.weight_period {
            WeightPeriod::Earlier => "earlier of the two",
            WeightPeriod::Base => "base",
            WeightPeriod::First => "first",
            WeightPeriod::Own => "each its own",
        };
        let multiplier = match options.multiplier {
            Multiplier::Rademacher => "rademacher",
            Multiplier::Mammen => "mammen",
        };
        let names: Vec<&str> = self.sample.cells.covariates().iter().map(|(name, _)| name.as_str()).collect();
        let std_errors =
            if options.bootstrap_std_errors && options.draws > 0 { "bootstrap" } else { "analytic" };
        vec![
            ("method", method.to_owned()),
            ("control", control.to_owned()),
            ("base period", base.to_owned()),
            ("anticipation", options.anticipation.to_string()),
            ("covariates", if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
            ("unbalanced panel", if options.allow_unbalanced { "kept" } else { "dropped" }.to_owned()),
            ("weights of", weight_period.to_owned()),
            ("first event time", or_none(options.min_event)),
            ("last event time", or_none(options.max_event)),
            ("balanced to event time", or_none(options.balance_event)),
            ("standard errors", std_errors.to_owned()),
            ("draws", options.draws.to_string()),
            ("multiplier", multiplier.to_owned()),
        ]
    }
}
