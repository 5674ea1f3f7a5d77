//! Difference-in-differences by imputation, for staggered adoption and effects that differ.
//!
//! Estimand: averages of the effects tau_it of the treated observations, tau_w = sum_it w_it tau_it with weights
//! w that the analyst chooses: all alike (`att`), or those at e periods since treatment (an event study), of one
//! cohort, in one period.
//!
//! Formula: on the untreated observations fit y_it = alpha_i + lambda_t + x_it' beta by (weighted) least squares;
//! then tau_it = y_it - alpha_i - lambda_t - x_it' beta for the treated ones, and average.
//! With v_it = w_it on treated rows and v_it = -z_it' (sum_untreated z z')^-1 sum_treated w z on untreated rows
//! (z: the regressors), tau_w = sum v_it y_it, and the variance is
//! sum_c (sum_{it in c} v_it e_it)^2 over clusters c. For untreated rows e is the residual; for treated rows it is
//! tau_it less the average of its cohort in its period, weighted by v^2. The variance is conservative: it holds
//! the spread of effects within cohort and period as noise.
//!
//! Assumptions: untreated outcomes follow the model (parallel trends for every unit and period), no anticipation
//! beyond `anticipation` periods. No unit needs to remain untreated, but effects in periods in which all are
//! treated, and of units that are treated from the start, have no prediction: they are left out with a caveat.
//! Known failures: all earlier periods serve as the base with equal weight, so a violation long before treatment
//! matters as much as one just before it; cohorts of few units make the variance too small (see
//! [`Centering::LeaveOneOut`]); few treated clusters.
//! Pre-trends are tested on the untreated rows alone, so that the test does not disturb the estimates.
//!
//! Cost: units are eliminated, a system as large as the number of periods is factored once; no design matrix.
//!
//! Paper: Borusyak, Jaravel and Spiess (2024), doi:10.1093/restud/rdae007. Checked against R `didimputation` 0.5.0:
//! points to 1e-7 (its first step stops at a tolerance of 1e-6), standard errors to 1e-6.

use crate::effect_terms::Key;
use crate::two_way::{NONE, Target};
use crate::untreated_fit::{
    Basis, Split, cluster_caveat, covariate_names, fit_caveats, named_column, untreated_scores,
};
use crate::{
    Caveat, Cells, EffectTerms, Error, ErrorKind, Estimate, Estimates, Factor, Matrix, Result, Term,
};
use std::collections::HashMap;

/// Around what the effects of treated rows are centred in the variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Centering {
    /// The average of the cohort in the period, as in R `didimputation`.
    #[default]
    CohortPeriod,
    /// The same average without the row's own cluster: larger, and better when cohorts hold few clusters.
    LeaveOneOut,
}

/// The v_it of weighted estimates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WeightedVariance {
    /// As R `didimputation` and Python `py2sdid` compute it: weights enter the sum over untreated rows squared and
    /// the sum over treated rows twice. It equals the exact one when all weights are equal; a caveat says that it
    /// was used.
    #[default]
    Reference,
    /// The v_it for which tau_w = sum v_it y_it holds, as in Stata's `did_imputation`.
    Exact,
}

/// Which leads the pre-trend test estimates.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Pretrends {
    /// No test.
    #[default]
    None,
    /// All of them; those that the effects absorb are left out with a caveat.
    All,
    /// Those event times, all below 0; the other untreated rows are the base.
    Leads(Vec<i64>),
}

/// Options of [`imputation()`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImputationOptions {
    /// Default: one average over all treated rows.
    pub terms: EffectTerms,
    /// With [`EffectTerms::EventTime`], only these; default all from 0 (less anticipation) on.
    pub horizons: Option<Vec<i64>>,
    /// Covariates whose values weigh the effects, one term for each, instead of `terms`; default none.
    pub estimand_weights: Vec<String>,
    /// Covariates in the untreated model; default all that the cells have but the estimand weights.
    pub covariates: Option<Vec<String>>,
    /// Periods before treatment that are not used as untreated; default 0.
    pub anticipation: usize,
    /// Default: none.
    pub pretrends: Pretrends,
    /// Default: the average of the cohort in the period.
    pub centering: Centering,
    /// Default: as the reference package.
    pub weighted_variance: WeightedVariance,
}

/// What [`imputation()`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Imputation {
    /// Leads of the pre-trend test first, then the averages of effects.
    pub estimates: Estimates,
    /// The rows that have an effect, in the order of the cells.
    pub effects: Vec<ImputedEffect>,
    /// What each cluster adds to each term less its value, shape (C, k): the covariance is its Gram matrix.
    pub scores: Matrix,
    /// The joint test of the leads, when asked for.
    pub pretrend: Option<PretrendTest>,
}

/// The effect on one treated row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImputedEffect {
    /// The row in the cells.
    pub row: usize,
    /// y less its prediction without treatment.
    pub effect: f64,
}

/// The joint test that all leads are 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PretrendTest {
    /// Wald statistic over its degrees of freedom.
    pub f_statistic: f64,
    /// How many leads.
    pub df: usize,
    /// Clusters less one.
    pub df_residual: usize,
    /// From the F distribution.
    pub p_value: f64,
}

/// Borusyak, Jaravel and Spiess (2024): see the [module](self).
///
/// ```
/// use evenhand_estimate::{Cells, EffectTerms, ImputationOptions, imputation};
/// let unit = [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4];
/// let year = [1., 2., 3., 1., 2., 3., 1., 2., 3., 1., 2., 3.];
/// let y = [1.0, 2.0, 3.0, 2.0, 3.2, 3.9, 1.0, 4.0, 5.0, 3.0, 6.2, 7.1];
/// let first = [0., 0., 0., 0., 0., 0., 2., 2., 2., 2., 2., 2.];
/// let cells = Cells::new(&unit, &year, &y)?.with_cohort(&first)?;
/// let options = ImputationOptions { terms: EffectTerms::EventTime, ..Default::default() };
/// let found = imputation(&cells, &options)?;
/// let at_once = found.estimates.at_event_time(0).unwrap();
/// assert!((at_once.estimate.estimate - 2.0).abs() < 1e-12); // (3.0 + 3.2) / 2 - (1.0 + 1.2) / 2
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`], [`ErrorKind::NoObservations`] without an untreated row, [`ErrorKind::NoDonors`] when no
/// treated row has a prediction, [`ErrorKind::Shape`] for cross-sections and unknown columns,
/// [`ErrorKind::TooFewClusters`] below two clusters (with leave-one-out, in a cohort and period).
pub fn imputation(cells: &Cells, options: &ImputationOptions) -> Result<Imputation> {
    let split = Split::new(cells, options.anticipation)?;
    let names = covariate_names(cells, options.covariates.as_deref(), &options.estimand_weights)?;
    let basis = Basis::new(cells, &split.untreated, cells.weights(), &names)?;
    let gap = basis.gaps(cells.outcome());
    let squared = squared_weights(cells, options);
    let reference = match &squared {
        Some(squared) => Some(Basis::new(cells, &split.untreated, Some(squared), &names)?),
        None => None,
    };
    let mut table = Table::new(cells)?;
    let mut caveats = fit_caveats(&basis);
    let pretrend = match &options.pretrends {
        Pretrends::None => None,
        leads => Some(crate::pretrend_leads::pretrend_leads(&basis, leads, &mut table, &mut caveats)?),
    };
    let error = |row: usize| basis.two_way.weight(row) * gap[row];
    for (target, keys) in targets(cells, &basis, options, &mut caveats)? {
        let points = target.sums(|row| gap[row]);
        let mut scores = match &reference {
            Some(reference) => untreated_scores(
                reference,
                &target,
                |row| reference_factor(cells, row),
                error,
                cells.cluster(),
            ),
            None => untreated_scores(&basis, &target, |_| 1.0, error, cells.cluster()),
        };
        add_treated(&mut scores, cells, &target, &gap, options.centering)?;
        for (h, key) in keys.into_iter().enumerate() {
            table.push(|estimate| key.term(estimate), points[h], scores.col(h));
        }
    }
    let effects = (0..cells.n_obs())
        .filter(|&row| !split.untreated[row] && basis.two_way.identifies(row))
        .map(|row| ImputedEffect { row, effect: gap[row] });
    let effects: Vec<ImputedEffect> = effects.collect();
    caveats.extend(cluster_caveat(cells, &split.untreated));
    if reference.is_some() {
        let note = "weights enter the variance squared, as in R didimputation; ask for the exact variance to avoid it";
        caveats.push(Caveat::Note(note.to_owned()));
    }
    let n_obs = effects.len() + split.untreated.iter().filter(|&&row| row).count();
    let (terms, scores) = table.finish();
    let estimates = Estimates {
        method: "imputation",
        vcov: Some(scores.gram()),
        terms,
        n_obs,
        n_units: (0..basis.two_way.n_units()).filter(|&unit| basis.two_way.has_unit(unit)).count(),
        n_periods: cells.periods().len(),
        n_clusters: Some(scores.n_rows()),
        seed: None,
        options: echo(options, &names),
        caveats,
    };
    Ok(Imputation { estimates, effects, scores, pretrend })
}

/// Squares of the weights when the variance asks for them and they are not all equal.
fn squared_weights(cells: &Cells, options: &ImputationOptions) -> Option<Vec<f64>> {
    let weights = cells.weights()?;
    let equal = weights.iter().all(|w| (w - weights[0]).abs() <= 0.0);
    (options.weighted_variance == WeightedVariance::Reference && !equal)
        .then(|| weights.iter().map(|w| w * w).collect())
}

fn reference_factor(cells: &Cells, row: usize) -> f64 {
    cells.weights().map_or(1.0, |w| w[row])
}

/// The averages that are asked for: one target that holds them all, or one for each column of weights.
fn targets(
    cells: &Cells,
    basis: &Basis<'_>,
    options: &ImputationOptions,
    caveats: &mut Vec<Caveat>,
) -> Result<Vec<(Target, Vec<Name>)>> {
    let treated = |row: usize| !basis.two_way.in_sample(row) && basis.two_way.identifies(row);
    if !(0..cells.n_obs()).any(treated) {
        let message = "no treated row shares its unit and its period with untreated rows, expected some";
        return Err(Error::new(ErrorKind::NoDonors, message));
    }
    if !options.estimand_weights.is_empty() {
        let named = options.estimand_weights.iter();
        return named.map(|name| weighted_target(cells, name, treated)).collect();
    }
    let wanted = |row: usize| match (options.terms, &options.horizons) {
        (EffectTerms::EventTime, Some(horizons)) => {
            cells.event_time(row).is_some_and(|e| horizons.contains(&e))
        }
        (EffectTerms::EventTime, None) => true,
        _ => cells.is_treated(row),
    };
    let (target, keys) = options.terms.target(cells, |row| treated(row) && wanted(row));
    let absent = options.horizons.iter().flatten().filter(|&&e| !keys.contains(&Key::EventTime(e)));
    if options.terms == EffectTerms::EventTime {
        caveats.extend(absent.map(|e| Caveat::NotEstimated {
            what: format!("event_time={e}"),
            why: "no treated row with a prediction is at it".to_owned(),
        }));
    }
    if keys.is_empty() {
        return Err(Error::new(
            ErrorKind::NoTreated,
            "no treated row at the horizons asked for, expected some",
        ));
    }
    Ok(vec![(target, keys.into_iter().map(Name::Key).collect())])
}

enum Name {
    Key(Key),
    Column(String),
}

impl Name {
    fn term(self, estimate: Estimate) -> Term {
        match self {
            Self::Key(key) => key.term(estimate),
            Self::Column(name) => Term::new(name, estimate),
        }
    }
}

/// One term with the weights of a column, times the weights of the rows, made to sum to 1.
fn weighted_target(
    cells: &Cells,
    name: &str,
    treated: impl Fn(usize) -> bool,
) -> Result<(Target, Vec<Name>)> {
    let values = named_column(cells, name)?;
    let counts = |row: usize| treated(row) && values[row].abs() > 0.0;
    let label = (0..cells.n_obs()).map(|row| if counts(row) { 0 } else { NONE }).collect();
    let mass: Vec<f64> = (0..cells.n_obs())
        .map(|row| if counts(row) { values[row] * reference_factor(cells, row) } else { 0.0 })
        .collect();
    let size: f64 = mass.iter().map(|m| m.abs()).sum();
    if mass.iter().sum::<f64>().abs() <= 1e-12 * size {
        let message = format!("weights `{name}` sum to 0 over the treated rows, expected another sum");
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let mut target = Target { label, mass, n_terms: 1 };
    target.normalize();
    Ok((target, vec![Name::Column(name.to_owned())]))
}

/// Adds the treated rows' part, v_it (tau_it - average of the cohort in the period), to the scores.
fn add_treated(
    scores: &mut Matrix,
    cells: &Cells,
    target: &Target,
    effects: &[f64],
    centering: Centering,
) -> Result<()> {
    let places = Places::new(cells);
    let mut all = vec![Moments::default(); places.n];
    let mut own: HashMap<(usize, usize), Moments> = HashMap::new();
    let clusters = cells.cluster();
    let labelled = || (0..cells.n_obs()).filter(|&row| target.label[row] != NONE);
    for row in labelled() {
        let moments = Moments::of(target.mass[row], effects[row]);
        all[places.at(cells, row)].add(moments);
        if centering == Centering::LeaveOneOut {
            own.entry((places.at(cells, row), clusters.at(row))).or_default().add(moments);
        }
    }
    for row in labelled() {
        let place = places.at(cells, row);
        let mean = match own.get(&(place, clusters.at(row))) {
            None => all[place].mean(),
            Some(own) => all[place].without(own).ok_or_else(|| {
                let message = format!(
                    "cohort {} in period {}: one cluster, expected two for leave-one-out",
                    cells.cohort()[row],
                    cells.time(row)
                );
                Error::new(ErrorKind::TooFewClusters, message)
            })?,
        };
        scores[(clusters.at(row), target.label[row] as usize)] += target.mass[row] * (effects[row] - mean);
    }
    Ok(())
}

/// A number for each cohort in each period.
struct Places {
    cohorts: Vec<f64>,
    n_periods: usize,
    n: usize,
}

impl Places {
    fn new(cells: &Cells) -> Self {
        let (cohorts, n_periods) = (cells.cohorts(), cells.periods().len());
        Self { n: cohorts.len() * n_periods, cohorts, n_periods }
    }

    fn at(&self, cells: &Cells, row: usize) -> usize {
        let g = cells.cohort()[row];
        self.cohorts.partition_point(|&other| other < g) * self.n_periods + cells.period().at(row)
    }
}

/// Sums of v^2 and of v^2 tau.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    weight: f64,
    effect: f64,
    rows: usize,
}

impl Moments {
    fn of(v: f64, tau: f64) -> Self {
        Self { weight: v * v, effect: v * v * tau, rows: 1 }
    }

    fn add(&mut self, other: Self) {
        self.weight += other.weight;
        self.effect += other.effect;
        self.rows += other.rows;
    }

    fn mean(&self) -> f64 {
        if self.weight > 0.0 { self.effect / self.weight } else { 0.0 }
    }

    fn without(&self, own: &Self) -> Option<f64> {
        (self.rows > own.rows).then(|| (self.effect - own.effect) / (self.weight - own.weight))
    }
}

/// Terms and their scores as they are found.
pub(crate) struct Table {
    terms: Vec<Term>,
    scores: Vec<f64>,
    n_clusters: usize,
}

impl Table {
    /// # Errors
    /// [`ErrorKind::TooFewClusters`] below two.
    pub(crate) fn new(cells: &Cells) -> Result<Self> {
        Self::of(cells.cluster())
    }

    fn of(clusters: &Factor) -> Result<Self> {
        match clusters.n_levels() {
            n_clusters @ 2.. => Ok(Self { terms: Vec::new(), scores: Vec::new(), n_clusters }),
            n => Err(Error::new(ErrorKind::TooFewClusters, format!("{n} cluster, expected at least 2"))),
        }
    }

    /// A term with its standard error, the length of its scores.
    pub(crate) fn push(&mut self, term: impl FnOnce(Estimate) -> Term, point: f64, scores: &[f64]) {
        let std_error = scores.iter().map(|score| score * score).sum::<f64>().sqrt();
        self.terms.push(term(Estimate::from_std_error(point, std_error, None)));
        self.scores.extend_from_slice(scores);
    }

    /// As [`push`](Self::push), with the variance times `correction`.
    pub(crate) fn push_scaled(
        &mut self,
        term: impl FnOnce(Estimate) -> Term,
        point: f64,
        scores: &[f64],
        correction: f64,
    ) {
        let scaled: Vec<f64> = scores.iter().map(|score| score * correction.sqrt()).collect();
        self.push(term, point, &scaled);
    }

    /// A term that is what it is by definition.
    pub(crate) fn push_fixed(&mut self, term: Term) {
        self.terms.push(term);
        self.scores.extend(std::iter::repeat_n(0.0, self.n_clusters));
    }

    pub(crate) fn finish(self) -> (Vec<Term>, Matrix) {
        let scores = Matrix::from_data(self.n_clusters, self.terms.len(), self.scores);
        (self.terms, scores)
    }
}

fn echo(options: &ImputationOptions, covariates: &[String]) -> Vec<(&'static str, String)> {
    let list = |values: Vec<String>| if values.is_empty() { "none".to_owned() } else { values.join(",") };
    let numbers = |values: &[i64]| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let pretrends = match &options.pretrends {
        Pretrends::None => "none".to_owned(),
        Pretrends::All => "all".to_owned(),
        Pretrends::Leads(leads) => numbers(leads),
    };
    let centering = match options.centering {
        Centering::CohortPeriod => "cohort-period",
        Centering::LeaveOneOut => "leave-one-out",
    };
    let weighted = match options.weighted_variance {
        WeightedVariance::Reference => "reference",
        WeightedVariance::Exact => "exact",
    };
    vec![
        ("terms", options.terms.name().to_owned()),
        ("horizons", options.horizons.as_deref().map_or_else(|| "all".to_owned(), numbers)),
        ("estimand_weights", list(options.estimand_weights.clone())),
        ("covariates", list(covariates.to_vec())),
        ("anticipation", options.anticipation.to_string()),
        ("pretrends", pretrends),
        ("centering", centering.to_owned()),
        ("weighted_variance", weighted.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    /// `n` units over `t` periods; a third never treated, others from one of two periods on; effect 1 + 0.1 e.
    fn staggered(seed: u64, n: usize, t: usize) -> (Vec<usize>, Vec<f64>, Vec<f64>, Vec<f64>) {
        let stream = Stream::new(seed, 0);
        let (mut unit, mut period, mut y, mut cohort) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for i in 0..n {
            let g = [0, t / 2, 2 * t / 3][i % 3];
            for s in 0..t {
                let at = (i * (t + 1) + s) as u64;
                let treated = g > 0 && s >= g;
                let effect = if treated { 1.0 + 0.1 * (s - g) as f64 } else { 0.0 };
                unit.push(i);
                period.push(s as f64 + 1.0);
                cohort.push(if g > 0 { g as f64 + 1.0 } else { 0.0 });
                y.push(stream.normal((i * (t + 1) + t) as u64) + 0.3 * s as f64 + effect + stream.normal(at));
            }
        }
        (unit, period, y, cohort)
    }

    fn cells(seed: u64, n: usize, t: usize) -> Cells {
        let (unit, period, y, cohort) = staggered(seed, n, t);
        Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap()
    }

    fn overall(cells: &Cells) -> Estimate {
        imputation(cells, &ImputationOptions::default()).unwrap().estimates.terms[0].estimate
    }

    fn events() -> ImputationOptions {
        ImputationOptions { terms: EffectTerms::EventTime, ..Default::default() }
    }

    /// The definition, with a dense design: v on untreated rows is -w z' (sum w z z')^-1 sum_treated m z.
    fn dense_std_error(cells: &Cells) -> (f64, f64) {
        let n = cells.n_obs();
        let (units, periods) = (cells.n_units(), cells.periods().len());
        let k = units + periods - 1 + cells.covariates().len();
        let weight = |row: usize| cells.weights().map_or(1.0, |w| w[row]);
        let z = Matrix::from_fn(n, k, |row, j| match j {
            j if j < units => f64::from(u8::from(cells.unit().at(row) == j)),
            j if j < units + periods - 1 => f64::from(u8::from(cells.period().at(row) == j - units + 1)),
            j => cells.covariates()[j + 1 - units - periods].1[row],
        });
        let untreated: Vec<usize> = (0..n).filter(|&row| !cells.is_treated(row)).collect();
        let treated: Vec<usize> = (0..n).filter(|&row| cells.is_treated(row)).collect();
        let total: f64 = treated.iter().map(|&row| weight(row)).sum();
        let z0 =
            Matrix::from_fn(untreated.len(), k, |i, j| z[(untreated[i], j)] * weight(untreated[i]).sqrt());
        let y0: Vec<f64> = untreated.iter().map(|&row| cells.outcome()[row] * weight(row).sqrt()).collect();
        let qr = evenhand_linalg::Qr::new(z0, 1e-10);
        assert!(qr.dropped().is_empty());
        let fitted = z.mul_vec(&qr.solve(&y0));
        let gap: Vec<f64> = cells.outcome().iter().zip(fitted).map(|(y, f)| y - f).collect();
        let sums: Vec<f64> =
            (0..k).map(|j| treated.iter().map(|&row| z[(row, j)] * weight(row) / total).sum()).collect();
        let coefficient = qr.gram_inverse().mul_vec(&sums);
        let along = z.mul_vec(&coefficient);
        let mut v: Vec<f64> = (0..n).map(|row| -weight(row) * along[row]).collect();
        treated.iter().for_each(|&row| v[row] = weight(row) / total);
        let point: f64 = v.iter().zip(cells.outcome()).map(|(v, y)| v * y).sum();
        let mut scores = vec![0.0; units];
        for row in 0..n {
            let same = |other: &&usize| {
                cells.cohort()[**other].total_cmp(&cells.cohort()[row]).is_eq()
                    && cells.period().at(**other) == cells.period().at(row)
            };
            let group: Vec<usize> = treated.iter().filter(same).copied().collect();
            let mean = if cells.is_treated(row) {
                group.iter().map(|&r| v[r] * v[r] * gap[r]).sum::<f64>()
                    / group.iter().map(|&r| v[r] * v[r]).sum::<f64>()
            } else {
                0.0
            };
            scores[cells.unit().at(row)] += v[row] * (gap[row] - mean);
        }
        (point, scores.iter().map(|s| s * s).sum::<f64>().sqrt())
    }

    // 1e-10: two orders of solving one small system.
    #[test]
    fn weights_covariates_and_gaps_give_what_the_dense_definition_gives() {
        let (unit, period, y, cohort) = staggered(3, 18, 8);
        let stream = Stream::new(8, 1);
        let kept: Vec<usize> = (0..unit.len()).filter(|&row| stream.uniform(row as u64) > 0.1).collect();
        let take = |values: &[f64]| kept.iter().map(|&row| values[row]).collect::<Vec<_>>();
        let x: Vec<f64> = (0..kept.len()).map(|row| stream.normal(1000 + row as u64)).collect();
        let w: Vec<f64> = (0..kept.len()).map(|row| 0.5 + stream.uniform(5000 + row as u64)).collect();
        let unit: Vec<usize> = kept.iter().map(|&row| unit[row]).collect();
        let plain =
            Cells::new(&unit, &take(&period), &take(&y)).unwrap().with_cohort(&take(&cohort)).unwrap();
        let with_x = plain.clone().with_covariate("x", &x).unwrap();
        let with_both = with_x.clone().with_weights(&w).unwrap();
        let exact = ImputationOptions { weighted_variance: WeightedVariance::Exact, ..Default::default() };
        for cells in [plain, with_x, with_both] {
            let (point, error) = dense_std_error(&cells);
            let found = imputation(&cells, &exact).unwrap().estimates.terms[0].estimate;
            assert!((found.estimate - point).abs() < 1e-10, "{} {point}", found.estimate);
            assert!((found.std_error.unwrap() - error).abs() < 1e-10, "{:?} {error}", found.std_error);
        }
    }

    #[test]
    fn weights_that_are_all_equal_change_nothing() {
        let plain = cells(5, 21, 8);
        let weighted = plain.clone().with_weights(&vec![3.0; plain.n_obs()]).unwrap();
        let found = imputation(&weighted, &ImputationOptions::default()).unwrap().estimates;
        let (a, b) = (found.terms[0].estimate, overall(&plain));
        assert!((a.estimate - b.estimate).abs() < 1e-12);
        assert!((a.std_error.unwrap() - b.std_error.unwrap()).abs() < 1e-12);
        assert!(!found.caveats.iter().any(|caveat| matches!(caveat, Caveat::Note(_))));
    }

    #[test]
    fn the_reference_variance_of_weighted_data_is_named() {
        let plain = cells(5, 21, 8);
        let w: Vec<f64> = (0..plain.n_obs()).map(|row| 1.0 + (row % 3) as f64).collect();
        let found = imputation(&plain.with_weights(&w).unwrap(), &ImputationOptions::default()).unwrap();
        assert!(found.estimates.caveats.iter().any(|caveat| matches!(caveat, Caveat::Note(_))));
    }

    // Within four standard errors of the mean over 40 seeds; effect 1 + 0.1 e.
    #[test]
    fn known_effects_are_recovered_over_seeds() {
        let of = |e: i64| -> Vec<f64> {
            let points = (0..40).map(|seed| {
                let found = imputation(&cells(seed, 30, 12), &events()).unwrap().estimates;
                found.at_event_time(e).unwrap().estimate.estimate
            });
            points.collect()
        };
        for e in [0, 3] {
            let points = of(e);
            let mean = points.iter().sum::<f64>() / 40.0;
            let sd = (points.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 39.0).sqrt();
            assert!((mean - 1.0 - 0.1 * e as f64).abs() < 4.0 * sd / 40f64.sqrt(), "{e}: {mean}");
        }
    }

    // 95 % intervals over 400 draws: the standard error of the share is 1.1 points; the variance is conservative.
    #[test]
    fn intervals_cover_the_average_effect() {
        let truth = {
            let (_, period, _, cohort) = staggered(0, 90, 6);
            let effects: Vec<f64> = (0..period.len())
                .filter(|&row| cohort[row] > 0.0 && period[row] >= cohort[row])
                .map(|row| 1.0 + 0.1 * (period[row] - cohort[row]))
                .collect();
            effects.iter().sum::<f64>() / effects.len() as f64
        };
        let covered =
            (0..400).filter(|&seed| overall(&cells(seed, 90, 6)).interval_95().contains(truth)).count();
        assert!((368..=396).contains(&covered), "{covered} of 400");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn order_labels_shift_and_scale_behave(seed in 0u64..500, shift in -50.0..50.0f64, scale in 0.1..20.0f64) {
            let (unit, period, y, cohort) = staggered(seed, 12, 6);
            let base = overall(&Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap());
            let rows: Vec<usize> = (0..unit.len()).rev().collect();
            let take = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
            let unit: Vec<String> = rows.iter().map(|&row| format!("u{}", 100 - unit[row])).collect();
            let y: Vec<f64> = take(&y).iter().map(|y| scale * (y + shift)).collect();
            let moved = Cells::new(&unit, &take(&period), &y).unwrap().with_cohort(&take(&cohort)).unwrap();
            let moved = overall(&moved);
            prop_assert!((moved.estimate - scale * base.estimate).abs() < 1e-9 * scale);
            prop_assert!((moved.std_error.unwrap() - scale * base.std_error.unwrap()).abs() < 1e-9 * scale);
        }

        // Twice each unit at half the weight is the same fit; two clusters of half the score each halve the variance.
        #[test]
        fn units_doubled_at_half_the_weight_keep_the_point(seed in 0u64..500) {
            let (unit, period, y, cohort) = staggered(seed, 12, 6);
            let base = overall(&Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap());
            let twice = |values: &[f64]| [values, values].concat();
            let units: Vec<usize> = unit.iter().copied().chain(unit.iter().map(|u| u + 100)).collect();
            let doubled = Cells::new(&units, &twice(&period), &twice(&y)).unwrap();
            let doubled = doubled.with_cohort(&twice(&cohort)).unwrap().with_weights(&vec![0.5; 144]).unwrap();
            let doubled = overall(&doubled);
            prop_assert!((doubled.estimate - base.estimate).abs() < 1e-10);
            prop_assert!((doubled.std_error.unwrap() - base.std_error.unwrap() / 2f64.sqrt()).abs() < 1e-10);
        }
    }

    #[test]
    fn leaving_the_own_cluster_out_makes_the_variance_larger() {
        let some = cells(2, 21, 8);
        let options = ImputationOptions { centering: Centering::LeaveOneOut, ..Default::default() };
        let left_out = imputation(&some, &options).unwrap().estimates.terms[0].estimate.std_error.unwrap();
        // With equal weights each deviation grows by m / (m - 1), m = 7 units a cohort; untreated parts stay.
        let plain = overall(&some).std_error.unwrap();
        assert!(plain < left_out && left_out < plain * 7.0 / 6.0, "{plain} {left_out}");
        let lone = cells(2, 3, 8);
        assert_eq!(imputation(&lone, &options).unwrap_err().kind(), ErrorKind::TooFewClusters);
    }

    #[test]
    fn anticipation_moves_the_end_of_the_untreated_rows() {
        let some = cells(4, 30, 9);
        let options = ImputationOptions { anticipation: 2, ..events() };
        let found = imputation(&some, &options).unwrap().estimates;
        assert_eq!(found.terms[0].event_time, Some(-2));
        let overall = ImputationOptions { anticipation: 2, ..Default::default() };
        let earlier = imputation(&some, &overall).unwrap();
        assert!(earlier.estimates.terms[0].estimate.estimate.is_finite());
        assert!(earlier.effects.iter().any(|effect| !some.is_treated(effect.row)));
    }

    #[test]
    fn units_without_an_untreated_row_and_periods_without_an_untreated_unit_are_left_out_by_name() {
        // Unit 3 is treated from the start; unit 1 from period 2, unit 2 from period 3: nobody is untreated in 3.
        let unit = [1, 1, 1, 2, 2, 2, 3, 3, 3];
        let period = [1.0, 2.0, 3.0].repeat(3);
        let y = [1.0, 4.0, 6.0, 2.0, 3.0, 7.0, 5.0, 5.0, 5.0];
        let cohort = [2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 1.0, 1.0, 1.0];
        let cells = Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap();
        let found = imputation(&cells, &ImputationOptions::default()).unwrap();
        assert!((found.estimates.terms[0].estimate.estimate - 2.0).abs() < 1e-12); // (4 - 1) - (3 - 2)
        assert_eq!(found.effects.len(), 1);
        assert!(found.estimates.caveats.contains(&Caveat::AlwaysTreated { n_units: 1 }));
        assert!(found.estimates.caveats.iter().any(|caveat| matches!(caveat, Caveat::NotEstimated { .. })));
    }

    #[test]
    fn what_cannot_be_answered_is_typed() {
        let kind =
            |cells: &Cells, options: &ImputationOptions| imputation(cells, options).unwrap_err().kind();
        let plain = ImputationOptions::default();
        let none = Cells::new(&[1, 1, 2, 2], &[1.0, 2.0, 1.0, 2.0], &[0.0; 4]).unwrap();
        assert_eq!(kind(&none, &plain), ErrorKind::NoTreated);
        let all = none.clone().with_cohort(&[1.0; 4]).unwrap();
        assert_eq!(kind(&all, &plain), ErrorKind::NoObservations);
        let at_once = none.clone().with_cohort(&[2.0; 4]).unwrap();
        assert_eq!(kind(&at_once, &plain), ErrorKind::NoDonors);
        let one = none.clone().with_cohort(&[2.0, 2.0, 0.0, 0.0]).unwrap();
        let one_cluster = one.clone().with_cluster(&Factor::new(&[1, 1, 1, 1])).unwrap();
        assert_eq!(kind(&one_cluster, &plain), ErrorKind::TooFewClusters);
        let unknown = ImputationOptions { covariates: Some(vec!["x".into()]), ..Default::default() };
        assert_eq!(kind(&one, &unknown), ErrorKind::Shape);
        let far = ImputationOptions { horizons: Some(vec![7]), ..events() };
        assert_eq!(kind(&one, &far), ErrorKind::NoTreated);
        let flat = overall(&one);
        assert!(flat.estimate.abs() <= 0.0 && flat.std_error == Some(0.0));
        let crossed = Cells::cross_sections(&[1.0, 2.0], &[0.0; 2]).unwrap();
        assert_eq!(kind(&crossed, &plain), ErrorKind::Shape);
    }

    #[test]
    fn covariates_that_do_not_vary_in_time_are_set_aside() {
        let some = cells(9, 12, 6);
        let fixed: Vec<f64> = (0..some.n_obs()).map(|row| some.unit().at(row) as f64).collect();
        let with = some.clone().with_covariate("fixed", &fixed).unwrap();
        let found = imputation(&with, &ImputationOptions::default()).unwrap().estimates;
        assert!(found.caveats.contains(&Caveat::Collinear { columns: vec!["fixed".into()] }));
        assert!((found.terms[0].estimate.estimate - overall(&some).estimate).abs() < 1e-12);
    }

    #[test]
    fn weights_of_the_analyst_make_their_own_term() {
        let some = cells(6, 12, 6);
        let late: Vec<f64> = (0..some.n_obs())
            .map(|row| f64::from(u8::from(some.is_treated(row) && some.event_time(row) == Some(1))))
            .collect();
        let with = some.clone().with_covariate("late", &late).unwrap();
        let options = ImputationOptions { estimand_weights: vec!["late".into()], ..Default::default() };
        let found = imputation(&with, &options).unwrap().estimates;
        let expected = imputation(&some, &events()).unwrap().estimates.at_event_time(1).unwrap().estimate;
        assert_eq!(found.terms[0].term, "late");
        assert!((found.terms[0].estimate.estimate - expected.estimate).abs() < 1e-12);
        assert!((found.terms[0].estimate.std_error.unwrap() - expected.std_error.unwrap()).abs() < 1e-12);
    }

    #[test]
    fn clusters_above_and_across_units_sum_the_same_scores() {
        let some = cells(7, 18, 6);
        let regions: Vec<usize> = (0..some.n_obs()).map(|row| some.unit().at(row) / 2).collect();
        let by_unit = imputation(&some, &ImputationOptions::default()).unwrap();
        let nested = some.clone().with_cluster(&Factor::new(&regions)).unwrap();
        let nested = imputation(&nested, &ImputationOptions::default()).unwrap();
        for c in 0..9 {
            let sum = by_unit.scores[(2 * c, 0)] + by_unit.scores[(2 * c + 1, 0)];
            assert!((nested.scores[(c, 0)] - sum).abs() < 1e-12);
        }
        let halves: Vec<(usize, bool)> =
            (0..some.n_obs()).map(|row| (some.unit().at(row), some.time(row) > 3.0)).collect();
        let crossed = some.clone().with_cluster(&Factor::new(&halves)).unwrap();
        let crossed = imputation(&crossed, &ImputationOptions::default()).unwrap();
        for u in 0..18 {
            let sum = crossed.scores[(2 * u, 0)] + crossed.scores[(2 * u + 1, 0)];
            assert!((by_unit.scores[(u, 0)] - sum).abs() < 1e-12);
        }
    }

    #[test]
    fn a_trend_before_treatment_is_found_and_leads_that_are_absorbed_are_named() {
        let (unit, period, mut y, cohort) = staggered(1, 60, 9);
        for row in 0..y.len() {
            if cohort[row] > 0.0 {
                y[row] += period[row];
            }
        }
        let cells = Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap();
        let options = ImputationOptions { pretrends: Pretrends::Leads(vec![-2, -1]), ..events() };
        let found = imputation(&cells, &options).unwrap();
        assert!(found.pretrend.unwrap().p_value < 1e-6);
        assert_eq!(found.estimates.terms[0].event_time, Some(-2));
        assert_eq!(found.scores.n_cols(), found.estimates.terms.len());
        let all = ImputationOptions { pretrends: Pretrends::All, ..events() };
        let found = imputation(&cells, &all).unwrap();
        assert!(
            found
                .estimates
                .caveats
                .iter()
                .any(|caveat| matches!(caveat, Caveat::NotEstimated { what, .. } if what == "event_time=-1"))
        );
        let absent = ImputationOptions { pretrends: Pretrends::Leads(vec![-40]), ..events() };
        assert_eq!(imputation(&cells, &absent).unwrap_err().kind(), ErrorKind::Domain);
    }
}
