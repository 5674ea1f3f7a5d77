//! Poisson imputation: what counts would have been without treatment, learnt from untreated observations.
//!
//! Formula: fit E\[y_it\] = exp(o_it + a_i + l_t + x_it' b) by Poisson pseudo maximum likelihood to the cells
//! t < g_i - delta; predict mu_it(0) for the treated ones; then, with sampling weights w,
//! PTT = sum w y / sum w mu(0) - 1 over the treated cells of a term, reported as ln(1 + PTT), and the level effect
//! sum w (y - mu(0)) / sum w.
//! Variance: cluster c adds to ln(1 + PTT) the score
//! sum_(treated) w (y - R mu(0)) / sum w y - sum_(untreated) w (y - mu) h / sum w mu(0), where R = 1 + PTT and h is the
//! linear function of effects and covariates in `counterfactual.rs`; V is G / (G - 1) times the sum of squares, with t
//! on G - 1 degrees of freedom. R is the term's own (default), which lets effects differ between units and treats
//! cohorts as drawn with their units, or that of the cohort in the period, as in the saturated regression.
//!
//! Estimand: the proportional effect on the treated, a ratio of means; parallel trends in ratios.
//! Papers: Wooldridge (2023), doi:10.1093/ectj/utad016: with unit or cohort effects, no covariates and a balanced
//! panel the ratios are those of the Poisson regression with one coefficient for each cohort in each period; methods
//! of imputation, Borusyak, Jaravel and Spiess (2024), doi:10.1093/restud/rdae007.
//! Assumptions: no anticipation beyond delta, the mean of untreated outcomes is multiplicative in unit and period.
//! Known failures: a unit whose untreated outcomes are all 0 is predicted to stay at 0; few treated clusters (use
//! randomization); periods in which no unit is untreated have no prediction.
//! Coverage: `coverage_is_near_its_nominal_level` holds the 95 % interval of both centerings to within three Monte Carlo
//! standard errors of 0.95 (overdispersed counts, 40 units, 3 cohorts, 300 panels). It falls as treated clusters
//! become few.

use crate::counterfactual::{Counterfactual, Model, Scale};
use crate::effect_terms::Key;
use crate::regression::cohort_factor;
use crate::regression::irls::Family;
use crate::two_way::{NONE, Target};
use crate::untreated_fit::cluster_caveat;
use crate::{
    Caveat, Cells, EffectTerms, Error, ErrorKind, Estimate, Estimates, Factor, Interval, Matrix, Result,
    Stream, Term,
};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::HashMap;

/// Around what treated outcomes are centred in the variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RatioCentering {
    /// The prediction times the ratio of the term.
    #[default]
    Term,
    /// The prediction times the ratio of the cohort in the period: the delta method of the saturated regression, too
    /// small when a cohort holds few clusters.
    CohortPeriod,
}

/// How uncertainty is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PoissonInference {
    /// Scores of clusters, as in the module's formula.
    #[default]
    Analytic,
    /// Clusters drawn with replacement and everything fitted again; percentile intervals.
    Bootstrap {
        /// How many draws.
        draws: usize,
        /// The seed.
        seed: u64,
    },
}

/// Options of [`poisson_imputation()`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoissonImputationOptions {
    /// Families of terms, in order; default one over all treated cells.
    pub terms: Vec<EffectTerms>,
    /// Periods before treatment that are not used as untreated (delta); default 0.
    pub anticipation: usize,
    /// Whether covariates of the cells enter the untreated model; default true.
    pub covariates: bool,
    /// Default: the term's.
    pub centering: RatioCentering,
    /// Default: analytic.
    pub inference: PoissonInference,
}

impl Default for PoissonImputationOptions {
    fn default() -> Self {
        Self {
            terms: vec![EffectTerms::Overall],
            anticipation: 0,
            covariates: true,
            centering: RatioCentering::default(),
            inference: PoissonInference::default(),
        }
    }
}

/// What [`poisson_imputation()`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct PoissonImputation {
    /// ln(1 + PTT) of each term.
    pub estimates: Estimates,
    /// The effect in units of the outcome for each term.
    pub levels: Estimates,
    /// Predictions without treatment, one for each row of the cells; `None` where there is none.
    pub untreated_mean: Vec<Option<f64>>,
    /// What each cluster adds to each term of `estimates`, shape (C, k), with analytic inference.
    pub scores: Option<Matrix>,
}

/// Proportional effects of treatment on counts.
///
/// ```
/// use evenhand_estimate::{Cells, PoissonImputationOptions, poisson_imputation};
/// // Unit b grows from 4 to 6; a would have from 10 to 15, and is at 30.
/// let cells = Cells::new(&["a", "a", "b", "b"], &[1.0, 2.0, 1.0, 2.0], &[10.0, 30.0, 4.0, 6.0])?
///     .with_cohort(&[2.0, 2.0, 0.0, 0.0])?;
/// let found = poisson_imputation(&cells, &PoissonImputationOptions::default())?;
/// assert!((found.estimates.get("att").unwrap().estimate.estimate - 2f64.ln()).abs() < 1e-12);
/// assert!((found.levels.get("att").unwrap().estimate.estimate - 15.0).abs() < 1e-10);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`] for an outcome below 0, [`ErrorKind::NoTreated`], [`ErrorKind::NoObservations`] without an
/// untreated row, [`ErrorKind::NoDonors`] when no treated row has a prediction, [`ErrorKind::TooFewClusters`] below
/// two clusters, [`ErrorKind::NotConverged`].
pub fn poisson_imputation(cells: &Cells, options: &PoissonImputationOptions) -> Result<PoissonImputation> {
    if let Some(row) = (0..cells.n_obs()).find(|&row| cells.outcome()[row] < 0.0) {
        let message =
            format!("row {}: outcome {}, expected 0 or more", cells.source_row(row), cells.outcome()[row]);
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let untreated: Vec<bool> = (0..cells.n_obs())
        .map(|row| match options.anticipation {
            0 => !cells.is_treated(row),
            delta => cells.event_time(row).is_none_or(|e| e < -(delta as i64)),
        })
        .collect();
    if untreated.iter().all(|&row| row) {
        return Err(Error::new(
            ErrorKind::NoTreated,
            "no treated row, expected some to estimate effects for",
        ));
    }
    let n_clusters = cells.cluster().n_levels();
    if n_clusters < 2 {
        return Err(Error::new(
            ErrorKind::TooFewClusters,
            format!("{n_clusters} cluster, expected two or more"),
        ));
    }
    let group = if cells.is_panel() { cells.unit().clone() } else { cohort_factor(cells) };
    let setup = Setup { cells, options, untreated: &untreated, group: &group };
    let model = setup.model(cells.weights().map(Cow::Borrowed));
    let fit = Counterfactual::new(cells, &model)?;
    let (targets, mut caveats) = setup.targets(&fit)?;
    let ratios: Vec<Ratio> = targets.iter().flat_map(|(target, _)| setup.ratios(target, &fit.mean)).collect();
    let keys: Vec<Key> = targets.iter().flat_map(|(_, keys)| keys.iter().copied()).collect();
    let (log, level, scores, seed) = match options.inference {
        PoissonInference::Analytic => {
            let (log, level) = setup.scores(&fit, &model, &targets, &ratios);
            let factor = n_clusters as f64 / (n_clusters as f64 - 1.0);
            let spread =
                |scores: &Matrix| Spread::Analytic(scores.gram().scaled(factor), n_clusters as f64 - 1.0);
            (spread(&log), spread(&level), Some(log), None)
        }
        PoissonInference::Bootstrap { draws, seed } => {
            let (log, level) = setup.bootstrap(&targets, draws, seed, &mut caveats)?;
            (Spread::Draws(log), Spread::Draws(level), None, Some(seed))
        }
    };
    caveats.extend(cluster_caveat(cells, &untreated));
    let n_treated =
        (0..cells.n_obs()).filter(|&row| targets.iter().any(|(t, _)| t.label[row] != NONE)).count();
    let base = Estimates {
        method: "poisson-imputation",
        terms: Vec::new(),
        vcov: None,
        n_obs: fit.n_rows() + n_treated,
        n_units: cells.n_units(),
        n_periods: cells.periods().len(),
        n_clusters: Some(n_clusters),
        seed,
        options: echo(options),
        caveats,
    };
    let points = |of: &dyn Fn(&Ratio) -> f64| -> Vec<f64> { ratios.iter().map(of).collect() };
    let estimates = log.table(base.clone(), &keys, &points(&Ratio::log));
    let levels = level.table(base, &keys, &points(&Ratio::level));
    let untreated_mean = fit.mean.iter().map(|mean| mean.is_finite().then_some(*mean)).collect();
    Ok(PoissonImputation { estimates, levels, untreated_mean, scores })
}

/// Weighted means of a term's treated outcomes and of their predictions.
#[derive(Debug, Clone, Copy)]
struct Ratio {
    observed: f64,
    predicted: f64,
}

impl Ratio {
    fn log(&self) -> f64 {
        (self.observed / self.predicted).ln()
    }

    fn level(&self) -> f64 {
        self.observed - self.predicted
    }
}

/// Which rows each term of a family averages over, and the family's terms.
type TermFamily = (Target, Vec<Key>);

/// One list of terms for each draw.
type Draws = Vec<Vec<f64>>;

struct Setup<'a> {
    cells: &'a Cells,
    options: &'a PoissonImputationOptions,
    untreated: &'a [bool],
    group: &'a Factor,
}

impl<'a> Setup<'a> {
    fn model(&self, weights: Option<Cow<'a, [f64]>>) -> Model<'a> {
        let covariates = self.cells.covariates().iter().filter(|_| self.options.covariates);
        Model {
            family: Family::Poisson,
            control: self.untreated.to_vec(),
            group: self.group,
            weights,
            columns: covariates.map(|(name, values)| (name.clone(), Cow::Borrowed(&values[..]))).collect(),
            interactions: Vec::new(),
        }
    }

    /// Rows at or after treatment that have a prediction.
    fn is_included(&self, row: usize, mean: &[f64]) -> bool {
        !self.untreated[row] && self.cells.is_treated(row) && mean[row].is_finite()
    }

    /// The terms, without those whose observed or predicted sum is 0.
    fn targets(&self, fit: &Counterfactual) -> Result<(Vec<TermFamily>, Vec<Caveat>)> {
        let cells = self.cells;
        let mut caveats = cells.caveats().to_vec();
        caveats.extend(fit.caveats.iter().cloned());
        let mut learns = vec![false; self.group.n_levels()];
        (0..cells.n_obs())
            .filter(|&row| self.untreated[row])
            .for_each(|row| learns[self.group.at(row)] = true);
        let always = (0..cells.n_obs()).filter(|&row| !learns[self.group.at(row)]);
        let mut always: Vec<usize> = always.map(|row| cells.unit().at(row)).collect();
        always.dedup();
        if !always.is_empty() {
            caveats.push(Caveat::AlwaysTreated { n_units: always.len() });
        }
        let lost =
            |row: usize| cells.is_treated(row) && learns[self.group.at(row)] && !fit.mean[row].is_finite();
        let lost = (0..cells.n_obs()).filter(|&row| lost(row)).count();
        if lost > 0 {
            caveats.push(Caveat::NotEstimated {
                what: format!("effects of {lost} treated rows"),
                why: "no untreated row connects their unit and their period".to_owned(),
            });
        }
        let zero = (0..cells.n_obs())
            .filter(|&row| self.is_included(row, &fit.mean) && fit.mean[row] <= 0.0)
            .count();
        if zero > 0 {
            caveats.push(Caveat::Note(format!(
                "{zero} treated rows are predicted to be 0: all untreated outcomes of their unit or period are 0"
            )));
        }
        let mut targets = Vec::new();
        for terms in &self.options.terms {
            let (mut target, keys) = terms.target(cells, |row| self.is_included(row, &fit.mean));
            let ratios = self.ratios(&target, &fit.mean);
            let is_good: Vec<bool> = ratios.iter().map(|r| r.observed > 0.0 && r.predicted > 0.0).collect();
            let mut place = Vec::new();
            let mut kept = Vec::new();
            for ((key, good), ratio) in keys.iter().zip(&is_good).zip(&ratios) {
                place.push(if *good { kept.len() as u32 } else { NONE });
                if *good {
                    kept.push(*key);
                    continue;
                }
                let side = if ratio.observed > 0.0 { "predicted" } else { "observed" };
                let term = key.term(Estimate::from_std_error(0.0, 0.0, None)).term;
                caveats
                    .push(Caveat::NotEstimated { what: term, why: format!("its {side} outcomes are all 0") });
            }
            target
                .label
                .iter_mut()
                .filter(|label| **label != NONE)
                .for_each(|label| *label = place[*label as usize]);
            target.n_terms = kept.len();
            targets.push((target, kept));
        }
        if targets.iter().all(|(_, keys)| keys.is_empty()) {
            return Err(Error::new(
                ErrorKind::NoDonors,
                "no term has both treated outcomes and predictions above 0, expected at least one",
            ));
        }
        Ok((targets, caveats))
    }

    fn ratios(&self, target: &Target, mean: &[f64]) -> Vec<Ratio> {
        let observed = target.sums(|row| self.cells.outcome()[row]);
        let predicted = target.sums(|row| mean[row]);
        observed
            .into_iter()
            .zip(predicted)
            .map(|(observed, predicted)| Ratio { observed, predicted })
            .collect()
    }

    /// What each cluster adds to the logarithms of ratios and to the levels, shapes (C, k).
    fn scores(
        &self,
        fit: &Counterfactual,
        model: &Model<'_>,
        targets: &[TermFamily],
        ratios: &[Ratio],
    ) -> (Matrix, Matrix) {
        let (cells, cluster) = (self.cells, self.cells.cluster());
        let mut log = Matrix::zeros(cluster.n_levels(), ratios.len());
        let mut level = log.clone();
        let mut first = 0;
        for (target, keys) in targets {
            let moved = fit.scores(cells, model, target, Scale::Response, cluster);
            let cell_ratio = self.cell_ratios(target, &fit.mean);
            let mut treated = Matrix::zeros(cluster.n_levels(), keys.len());
            for row in (0..cells.n_obs()).filter(|&row| target.label[row] != NONE) {
                let h = target.label[row] as usize;
                let own = || ratios[first + h].observed / ratios[first + h].predicted;
                let ratio = cell_ratio.as_ref().map_or_else(own, |cell| cell[row]);
                treated[(cluster.at(row), h)] +=
                    target.mass[row] * (cells.outcome()[row] - ratio * fit.mean[row]);
            }
            for h in 0..keys.len() {
                let Ratio { observed, predicted } = ratios[first + h];
                for c in 0..cluster.n_levels() {
                    let (t, m) = (treated[(c, h)], moved[(c, h)]);
                    log[(c, first + h)] = t / observed - m / predicted;
                    level[(c, first + h)] = t - m;
                }
            }
            first += keys.len();
        }
        (log, level)
    }

    /// For each row the ratio of its cohort in its period, when that is the centre.
    fn cell_ratios(&self, target: &Target, mean: &[f64]) -> Option<Vec<f64>> {
        if self.options.centering == RatioCentering::Term {
            return None;
        }
        let cells = self.cells;
        let key = |row: usize| (cells.cohort()[row].to_bits(), cells.period().at(row));
        let mut sums: HashMap<(u64, usize), (f64, f64)> = HashMap::new();
        let rows = || (0..cells.n_obs()).filter(|&row| target.label[row] != NONE);
        for row in rows() {
            let sum = sums.entry(key(row)).or_default();
            *sum = (sum.0 + target.mass[row] * cells.outcome()[row], sum.1 + target.mass[row] * mean[row]);
        }
        let mut ratios = vec![0.0; cells.n_obs()];
        for row in rows() {
            let (observed, predicted) = sums[&key(row)];
            ratios[row] = if predicted > 0.0 { observed / predicted } else { 0.0 };
        }
        Some(ratios)
    }

    /// Logarithms of ratios and levels under draws of clusters, one list for each draw that gave an answer.
    fn bootstrap(
        &self,
        targets: &[TermFamily],
        draws: usize,
        seed: u64,
        caveats: &mut Vec<Caveat>,
    ) -> Result<(Draws, Draws)> {
        let (cells, cluster) = (self.cells, self.cells.cluster());
        let n = cluster.n_levels();
        let one = |draw: usize| -> Option<(Vec<f64>, Vec<f64>)> {
            let stream = Stream::new(seed, draw as u64);
            let mut times = vec![0.0; n];
            (0..n).for_each(|at| times[stream.below(at as u64, n)] += 1.0);
            let times = |row: usize| times[cluster.at(row)];
            let weight = |row: usize| times(row) * cells.weights().map_or(1.0, |weights| weights[row]);
            let weights: Vec<f64> = (0..cells.n_obs()).map(weight).collect();
            let fit = Counterfactual::new(cells, &self.model(Some(Cow::Owned(weights)))).ok()?;
            let (mut log, mut level) = (Vec::new(), Vec::new());
            for (target, keys) in targets {
                // A row drawn without a prediction leaves the term.
                let drawn = |row: usize| if fit.mean[row].is_finite() { times(row) } else { 0.0 };
                let total = target.sums(drawn);
                let observed = target.sums(|row| drawn(row) * cells.outcome()[row]);
                let predicted =
                    target.sums(|row| if drawn(row) > 0.0 { times(row) * fit.mean[row] } else { 0.0 });
                for h in 0..keys.len() {
                    if !(observed[h] > 0.0 && predicted[h] > 0.0) {
                        return None;
                    }
                    log.push((observed[h] / predicted[h]).ln());
                    level.push((observed[h] - predicted[h]) / total[h]);
                }
            }
            Some((log, level))
        };
        let found: Vec<_> = (0..draws).into_par_iter().map(one).collect();
        let (log, level): (Vec<_>, Vec<_>) = found.into_iter().flatten().unzip();
        if log.len() < draws {
            caveats.push(Caveat::FailedDraws { failed: draws - log.len(), draws });
        }
        if log.len() < 2 {
            let message = format!("{} of {draws} draws gave an answer, expected at least 2", log.len());
            return Err(Error::new(ErrorKind::Degenerate, message));
        }
        Ok((log, level))
    }
}

/// Where uncertainty comes from.
enum Spread {
    /// Covariance, and degrees of freedom.
    Analytic(Matrix, f64),
    /// One list for each draw.
    Draws(Draws),
}

impl Spread {
    fn table(self, base: Estimates, keys: &[Key], points: &[f64]) -> Estimates {
        let covariance = match &self {
            Self::Analytic(covariance, _) => covariance.clone(),
            Self::Draws(draws) => covariance_of(draws),
        };
        let terms: Vec<Term> = keys
            .iter()
            .zip(points)
            .enumerate()
            .map(|(at, (key, &point))| {
                let std_error = covariance[(at, at)].sqrt();
                key.term(match &self {
                    Self::Analytic(_, df) => Estimate::from_std_error(point, std_error, Some(*df)),
                    Self::Draws(draws) => {
                        let mut sorted: Vec<f64> = draws.iter().map(|draw| draw[at]).collect();
                        sorted.sort_by(f64::total_cmp);
                        let between = |tail: f64| Interval {
                            low: quantile(&sorted, tail).min(point),
                            high: quantile(&sorted, 1.0 - tail).max(point),
                        };
                        let normal = Estimate::from_std_error(point, std_error, None);
                        let found = Estimate::from_intervals(point, between(0.025), between(0.05));
                        Estimate {
                            std_error: normal.std_error,
                            statistic: normal.statistic,
                            p_value: normal.p_value,
                            ..found
                        }
                    }
                })
            })
            .collect();
        Estimates { terms, vcov: Some(covariance), ..base }
    }
}

fn covariance_of(draws: &[Vec<f64>]) -> Matrix {
    let (n, k) = (draws.len(), draws[0].len());
    let mean: Vec<f64> = (0..k).map(|j| draws.iter().map(|draw| draw[j]).sum::<f64>() / n as f64).collect();
    Matrix::from_fn(n, k, |i, j| draws[i][j] - mean[j]).gram().scaled(1.0 / (n as f64 - 1.0))
}

/// The quantile of sorted values, linear between them (R's type 7).
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let (below, share) = (at.floor() as usize, at.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + share * (sorted[above] - sorted[below])
}

fn echo(options: &PoissonImputationOptions) -> Vec<(&'static str, String)> {
    let terms: Vec<&str> = options.terms.iter().map(|terms| terms.name()).collect();
    let centering = match options.centering {
        RatioCentering::Term => "term",
        RatioCentering::CohortPeriod => "cohort-period",
    };
    let inference = match options.inference {
        PoissonInference::Analytic => "analytic, t on clusters - 1".to_owned(),
        PoissonInference::Bootstrap { draws, .. } => format!("cluster bootstrap, {draws} draws, percentile"),
    };
    vec![
        ("scale", "ln_ratio".to_owned()),
        ("terms", terms.join(", ")),
        ("anticipation", options.anticipation.to_string()),
        ("covariates", options.covariates.to_string()),
        ("centering", centering.to_owned()),
        ("inference", inference),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::{Columns, GlmOptions, Regression, SmallSample, Vcov, glm};
    use std::collections::BTreeMap;

    /// Overdispersed counts of `n` units over 8 periods; a third is treated from 4 on, a third from 6 on, with a
    /// proportional effect of `effect` in logarithms.
    fn panel(n: u64, seed: u64, effect: f64) -> Cells {
        let draw = Stream::new(seed, 1);
        let (mut unit, mut period, mut y, mut g) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for i in 0..n {
            let cohort = [0.0, 4.0, 6.0][(i % 3) as usize];
            for t in 1..=8u64 {
                let is_treated = cohort > 0.0 && t as f64 >= cohort;
                let shock = 0.2 * draw.normal(10_000 + 8 * i + t);
                let mean = (2.5 + 0.4 * draw.normal(i) + 0.05 * t as f64 + shock).exp();
                let mean = mean * if is_treated { effect.exp() } else { 1.0 };
                unit.push(i);
                period.push(t as f64);
                y.push((mean + mean.sqrt() * draw.normal(100_000 + 8 * i + t)).round().max(0.0));
                g.push(cohort);
            }
        }
        Cells::new(&unit, &period, &y).unwrap().with_cohort(&g).unwrap()
    }

    fn near(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= relative * expected.abs(), "{found}, expected {expected}");
    }

    // Wooldridge (2023): points to 1e-9; standard errors to 1e-7 with the correction G / (G - 1) in both.
    #[test]
    fn ratios_equal_the_saturated_poisson_regression() {
        let cells = panel(30, 4, 0.3);
        let options = PoissonImputationOptions {
            terms: vec![EffectTerms::CohortPeriod],
            centering: RatioCentering::CohortPeriod,
            ..Default::default()
        };
        let found = poisson_imputation(&cells, &options).unwrap().estimates;
        let mut place: BTreeMap<(i64, i64), u32> = BTreeMap::new();
        let key = |row: usize| (cells.cohort()[row] as i64, cells.time(row) as i64);
        let treated = |row: &usize| cells.is_treated(*row);
        place.extend((0..cells.n_obs()).filter(treated).map(|row| (key(row), 0)));
        place.values_mut().zip(0..).for_each(|(at, number)| *at = number);
        let at = (0..cells.n_obs()).map(|row| if cells.is_treated(row) { place[&key(row)] } else { NONE });
        let names = place.keys().map(|(g, t)| format!("att({g},{t})")).collect();
        let columns = Columns::new(cells.n_obs()).sparse(names, at.collect(), None).unwrap();
        let regression = Regression {
            outcome: cells.outcome(),
            columns: &columns,
            absorbed: &[cells.unit(), cells.period()],
            weights: None,
            offset: None,
        };
        let small_sample = SmallSample { adjust: false, ..SmallSample::fixest() };
        let vcov = Vcov::Cluster(vec![cells.unit().clone()]);
        let fit = glm(&regression, &GlmOptions { vcov, small_sample, ..Default::default() }).unwrap();
        assert_eq!(fit.names.len(), found.terms.len());
        for (j, term) in found.terms.iter().enumerate() {
            assert_eq!(term.term, fit.names[j]);
            near(term.estimate.estimate, fit.coefficients[j], 1e-9);
            near(term.estimate.std_error.unwrap(), fit.vcov[(j, j)].sqrt(), 1e-7);
        }
    }

    #[test]
    fn answers_do_not_depend_on_scale_order_labels_or_split_weights() {
        let cells = panel(24, 9, 0.2);
        let all =
            vec![EffectTerms::Overall, EffectTerms::EventTime, EffectTerms::Cohort, EffectTerms::Period];
        let options = PoissonImputationOptions { terms: all, ..Default::default() };
        let base = poisson_imputation(&cells, &options).unwrap();
        let same = |other: &PoissonImputation, scale: f64| {
            for (a, b) in base.estimates.terms.iter().zip(&other.estimates.terms) {
                near(b.estimate.estimate, a.estimate.estimate, 1e-8);
                near(b.estimate.std_error.unwrap(), a.estimate.std_error.unwrap(), 1e-8);
            }
            for (a, b) in base.levels.terms.iter().zip(&other.levels.terms) {
                near(b.estimate.estimate, scale * a.estimate.estimate, 1e-8);
            }
        };
        let scaled = cells.outcome().iter().map(|y| 3.0 * y).collect();
        same(&poisson_imputation(&cells.clone().with_outcome(scaled).unwrap(), &options).unwrap(), 3.0);
        // Rows backwards, units renamed so that their order turns too, weights of 2.
        let rows: Vec<usize> = (0..cells.n_obs()).rev().collect();
        let take = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row]).collect() };
        let unit: Vec<String> =
            rows.iter().map(|&row| format!("u{:03}", 900 - cells.unit().at(row))).collect();
        let time: Vec<f64> = rows.iter().map(|&row| cells.time(row)).collect();
        let turned = Cells::new(&unit, &time, &take(cells.outcome())).unwrap();
        let turned = turned.with_cohort(&take(cells.cohort())).unwrap();
        let turned = turned.with_weights(&vec![2.0; rows.len()]).unwrap();
        same(&poisson_imputation(&turned, &options).unwrap(), 1.0);
    }

    // 400 draws: the standard deviation of their standard error is about 4 %, and 40 clusters differ from the limit.
    #[test]
    fn the_bootstrap_is_near_the_analytic_standard_error() {
        let cells = panel(40, 2, 0.3);
        let analytic = poisson_imputation(&cells, &Default::default()).unwrap();
        let inference = PoissonInference::Bootstrap { draws: 400, seed: 7 };
        let options = PoissonImputationOptions { inference, ..Default::default() };
        let drawn = poisson_imputation(&cells, &options).unwrap();
        let se = |found: &PoissonImputation| found.estimates.terms[0].estimate.std_error.unwrap();
        near(se(&drawn), se(&analytic), 0.15);
        assert_eq!(drawn, poisson_imputation(&cells, &options).unwrap());
        assert_eq!(drawn.estimates.seed, Some(7));
    }

    // 300 panels a case: a coverage of 0.95 has a standard error of 0.0126; the bounds are three of them.
    #[test]
    fn coverage_is_near_its_nominal_level() {
        for centering in [RatioCentering::Term, RatioCentering::CohortPeriod] {
            let options = PoissonImputationOptions { centering, ..Default::default() };
            let covers = |seed: u64| {
                let found = poisson_imputation(&panel(40, 1000 + seed, 0.25), &options).unwrap();
                found.estimates.terms[0].estimate.interval_95().contains(0.25)
            };
            let share = (0..300).filter(|&seed| covers(seed)).count() as f64 / 300.0;
            assert!((0.912..=0.988).contains(&share), "{centering:?}: {share}");
        }
    }

    #[test]
    fn units_and_periods_without_a_prediction_are_named() {
        // Unit 0 is always treated, unit 1 has no count before treatment, no unit is untreated in period 3.
        let unit = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3];
        let time = [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0];
        let y = [1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 9.0, 8.0, 2.0, 3.0, 4.0];
        let g = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0];
        let cells = Cells::new(&unit, &time, &y).unwrap().with_cohort(&g).unwrap();
        let found = poisson_imputation(&cells, &Default::default()).unwrap();
        // Only period 2 of units 1 and 2: (4 + 9) / (0 + 6 * 3 / 2).
        near(found.estimates.terms[0].estimate.estimate, (13.0f64 / 9.0).ln(), 1e-12);
        let caveats = &found.estimates.caveats;
        assert!(caveats.contains(&Caveat::AlwaysTreated { n_units: 1 }), "{caveats:?}");
        assert!(caveats.iter().any(|c| matches!(c, Caveat::NotEstimated { .. })), "{caveats:?}");
        assert!(
            caveats.iter().any(|c| matches!(c, Caveat::Note(text) if text.contains("predicted to be 0")))
        );
        assert!(caveats.contains(&Caveat::FewTreatedClusters { treated: 4, clusters: 4 }), "{caveats:?}");
    }

    #[test]
    fn what_has_no_answer_is_refused() {
        let cells = |y: [f64; 4], g: [f64; 4]| {
            Cells::new(&[0, 0, 1, 1], &[1.0, 2.0, 1.0, 2.0], &y).unwrap().with_cohort(&g).unwrap()
        };
        let kind = |cells: &Cells| poisson_imputation(cells, &Default::default()).unwrap_err().kind();
        let (y, g) = ([1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 0.0, 0.0]);
        assert_eq!(kind(&cells(y, [0.0; 4])), ErrorKind::NoTreated);
        assert_eq!(kind(&cells(y, [1.0; 4])), ErrorKind::NoObservations);
        assert_eq!(kind(&cells(y, [2.0; 4])), ErrorKind::NoDonors);
        assert_eq!(kind(&cells([-1.0, 2.0, 3.0, 4.0], g)), ErrorKind::Domain);
        assert_eq!(kind(&cells([0.0; 4], g)), ErrorKind::NoObservations);
        let one = cells(y, g).with_cluster(&Factor::new(&[0; 4])).unwrap();
        assert_eq!(kind(&one), ErrorKind::TooFewClusters);
    }
}
