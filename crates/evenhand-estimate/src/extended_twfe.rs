//! Extended two-way fixed effects: one effect of treatment for each cohort in each period.
//!
//! Formula: with link f, cohort g, first treated period g, D_gt the indicator of a treated cell and x~ the covariates less
//! their cohort's mean,
//! f(E\[y_it\]) = a_g + l_t + x_i' b + x_i' b_g + x_i' b_t + sum_(g, t >= g) D_gt (d_gt + x~_i' c_gt),
//! by least squares, Poisson or logit pseudo maximum likelihood. Effects are average marginal effects: the mean over
//! treated observations of a term of the prediction with D = 1 less that with D = 0, on the scale of the outcome or of
//! the link. Standard errors are by the delta method with covariates held fixed, from the sandwich of the whole
//! regression, corrected as in [`SmallSample`].
//! A treated cell has its own intercept and slopes, so it is fitted apart from all others and the untreated model
//! is fitted to control observations alone: with G cohorts and T periods there is no system of G T unknowns.
//! Control observations are those not yet treated (and the never treated), or with
//! [`ControlGroup::Never`] the never treated, every other cohort having an effect in all periods but the last
//! before treatment. Without never-treated units the last cohort is the control, and its treated periods are left
//! out.
//!
//! Estimand: the average effect on the treated, under parallel trends in f, given covariates.
//! Papers: Wooldridge (2021), doi:10.1007/s00181-025-02807-z; Wooldridge (2023), doi:10.1093/ectj/utad016.
//! Assumptions: no anticipation; covariates that treatment does not change.
//! Known failures: cells of a single unit have no residual, so that their effect seems exact; few treated clusters;
//! covariates that hardly vary within a cohort.
//! Matches R `etwfe` (here against Python `etwfe` 0.1.4 on pyfixest 0.60, which follows it) to 1e-8 in effects and 1e-6 in
//! standard errors: `family` is [`ExtendedTwfeOptions::family`], `cgroup` is `control`, `ivar` is `unit_effects`.

use crate::callaway_santanna::ControlGroup;
pub use crate::counterfactual::Scale;
use crate::counterfactual::{Counterfactual, Interaction, Model};
use crate::effect_terms::Key;
use crate::regression::irls::{self, Control, Family, Linear, Problem};
use crate::regression::{CountEffects, SmallSample, Vcov, cohort_factor};
use crate::two_way::{NONE, Target};
use crate::untreated_fit::cluster_caveat;
use crate::{Caveat, Cells, EffectTerms, Error, ErrorKind, Estimate, Estimates, Factor, Matrix, Result};
use std::borrow::Cow;
use std::collections::HashMap;

/// The mean of the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EtwfeFamily {
    /// The linear predictor itself, by least squares.
    #[default]
    Linear,
    /// Its exponential, for outcomes of 0 or more.
    Poisson,
    /// Its logistic function, for outcomes from 0 to 1.
    Logit,
}

impl EtwfeFamily {
    fn family(self) -> Family {
        match self {
            Self::Linear => Family::Gaussian,
            Self::Poisson => Family::Poisson,
            Self::Logit => Family::Logit,
        }
    }
}

/// Options of [`extended_twfe()`].
#[derive(Debug, Clone, PartialEq)]
pub struct ExtendedTwfeOptions {
    /// Default: linear.
    pub family: EtwfeFamily,
    /// Default: not yet treated.
    pub control: ControlGroup,
    /// Whether covariates of the cells enter; default true.
    pub covariates: bool,
    /// Families of terms, in order; default one over all treated observations. With the never treated as control,
    /// event times include those before treatment but -1.
    pub terms: Vec<EffectTerms>,
    /// Default: that of the outcome.
    pub scale: Scale,
    /// Whether effects of units stand in the place of those of cohorts, for the linear family; default false, as R
    /// `etwfe` without `ivar`. In a balanced panel with covariates and weights that are constant over time the effects
    /// are the same, and the correction for small samples counts other parameters.
    pub unit_effects: bool,
    /// Default (`None`): clustered by [`Cells::cluster`]; otherwise one way of clusters, or [`Vcov::Hc1`]. A factor has
    /// one entry for each row of the cells.
    pub vcov: Option<Vcov>,
    /// Default: as `fixest`.
    pub small_sample: SmallSample,
}

impl Default for ExtendedTwfeOptions {
    fn default() -> Self {
        Self {
            family: EtwfeFamily::default(),
            control: ControlGroup::NotYet,
            covariates: true,
            terms: vec![EffectTerms::Overall],
            scale: Scale::default(),
            unit_effects: false,
            vcov: None,
            small_sample: SmallSample::default(),
        }
    }
}

/// Wooldridge's extended two-way fixed effects: see the [module](self).
///
/// ```
/// use evenhand_estimate::{Cells, ExtendedTwfeOptions, extended_twfe};
/// let cells = Cells::new(
///     &["a", "a", "b", "b", "c", "c", "d", "d"],
///     &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0],
///     &[1.0, 5.0, 2.0, 6.4, 4.0, 5.0, 3.0, 4.2],
/// )?
/// .with_cohort(&[2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0])?;
/// let found = extended_twfe(&cells, &ExtendedTwfeOptions::default())?;
/// assert!((found.get("att").unwrap().estimate.estimate - (4.2 - 1.1)).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`], [`ErrorKind::NoDonors`] without a control unit or when no treated observation has a
/// prediction, [`ErrorKind::Domain`] for an outcome outside the range of the family, for unit effects where they are
/// not the same as those of cohorts, and for other covariances, [`ErrorKind::TooFewClusters`],
/// [`ErrorKind::Degenerate`] when no degree of freedom is left, [`ErrorKind::NotConverged`].
pub fn extended_twfe(cells: &Cells, options: &ExtendedTwfeOptions) -> Result<Estimates> {
    let sample = Sample::new(cells, options)?;
    let cells = &sample.cells;
    let cohort = cohort_factor(cells);
    let model = sample.model(&cohort, options);
    let fit = Counterfactual::new(cells, &model)?;
    let mut caveats = cells.caveats().to_vec();
    caveats.extend(sample.caveats.iter().cloned());
    caveats.extend(fit.caveats.iter().cloned());
    let lost = (0..cells.n_obs()).filter(|&row| !sample.control[row] && !fit.mean[row].is_finite()).count();
    if lost > 0 {
        caveats.push(Caveat::NotEstimated {
            what: format!("effects of {lost} treated rows"),
            why: "no control row connects their cohort and their period".to_owned(),
        });
    }
    let own = OwnFits::new(cells, &sample.control, &model)?;
    let (cluster, is_clustered) = sample.errors(options)?;
    let mut points = Vec::new();
    let mut keys: Vec<Key> = Vec::new();
    let mut scores: Option<Matrix> = None;
    for &terms in &options.terms {
        let leads = terms == EffectTerms::EventTime && options.control == ControlGroup::Never;
        let included = |row: usize| {
            !sample.control[row] && fit.mean[row].is_finite() && (leads || cells.is_treated(row))
        };
        let (target, of_family) = terms.target(cells, included);
        let value = |mean: f64| if options.scale == Scale::Link { model.family.link(mean) } else { mean };
        points.extend(target.sums(|row| value(own.mean[row]) - value(fit.mean[row])));
        keys.extend(of_family);
        let treated = own.scores(cells, &model, &target, options.scale, &cluster);
        let untreated = fit.scores(cells, &model, &target, options.scale, &cluster);
        let found = treated.plus(&untreated, -1.0);
        scores = Some(match scores {
            None => found,
            Some(before) => beside(&before, &found),
        });
    }
    let scores = scores.unwrap_or_else(|| Matrix::zeros(cluster.n_levels(), 0));
    if keys.is_empty() {
        return Err(Error::new(
            ErrorKind::NoDonors,
            "no treated row has a prediction, expected at least one",
        ));
    }
    if points.iter().any(|point| !point.is_finite()) {
        let message =
            "a cell of outcomes at the end of their range has no finite effect on the scale of the link";
        return Err(Error::new(ErrorKind::NonFinite, message));
    }
    let factor =
        sample.correction(options, &cohort, &cluster, is_clustered, fit.n_columns + own.n_parameters)?;
    let vcov = scores.gram().scaled(factor);
    // Least squares has t tests in `fixest`, other families normal ones; marginal effects are normal in all.
    let terms = keys.iter().zip(&points).enumerate();
    let terms = terms
        .map(|(at, (key, &point))| key.term(Estimate::from_std_error(point, vcov[(at, at)].sqrt(), None)));
    caveats.extend(cluster_caveat(cells, &sample.control));
    Ok(Estimates {
        method: "extended-twfe",
        terms: terms.collect(),
        vcov: Some(vcov),
        n_obs: cells.n_obs(),
        n_units: cells.n_units(),
        n_periods: cells.periods().len(),
        n_clusters: is_clustered.then(|| cluster.n_levels()),
        seed: None,
        options: echo(options),
        caveats,
    })
}

/// The rows used, and which of them are controls.
struct Sample {
    cells: Cells,
    /// The rows of the cells given.
    rows: Vec<usize>,
    control: Vec<bool>,
    caveats: Vec<Caveat>,
}

impl Sample {
    fn new(given: &Cells, options: &ExtendedTwfeOptions) -> Result<Self> {
        let (first, last) = (given.periods()[0], given.periods()[given.periods().len() - 1]);
        let is_never = |row: usize| given.cohort()[row] > last;
        if (0..given.n_obs()).all(|row| !given.is_treated(row)) {
            return Err(Error::new(
                ErrorKind::NoTreated,
                "no treated row, expected some to estimate effects for",
            ));
        }
        let has_never = (0..given.n_obs()).any(is_never);
        if !has_never && options.control == ControlGroup::Never {
            return Err(Error::new(
                ErrorKind::NoDonors,
                "no unit is never treated, expected some as controls",
            ));
        }
        let mut caveats = Vec::new();
        // Without never-treated units the last cohort is the control while it is untreated.
        let end = match given.cohorts().last() {
            Some(&g) if !has_never => g,
            _ => f64::INFINITY,
        };
        let is_always = |row: usize| given.cohort()[row] <= first;
        let always: std::collections::BTreeSet<usize> =
            (0..given.n_obs()).filter(|&row| is_always(row)).map(|row| given.unit().at(row)).collect();
        if !always.is_empty() {
            caveats.push(Caveat::AlwaysTreated { n_units: always.len() });
        }
        let rows: Vec<usize> =
            (0..given.n_obs()).filter(|&row| !is_always(row) && given.time(row) < end).collect();
        if end.is_finite() {
            caveats.push(Caveat::Note(format!(
                "no unit is never treated: cohort {end} is the control and periods from {end} on are left out"
            )));
        }
        let cells = given.select(&rows);
        let is_never = |row: usize| cells.cohort()[row] > last || cells.cohort()[row] >= end;
        let control: Vec<bool> = (0..cells.n_obs())
            .map(|row| match options.control {
                ControlGroup::NotYet => !cells.is_treated(row),
                ControlGroup::Never => is_never(row) || cells.event_time(row) == Some(-1),
            })
            .collect();
        if control.iter().all(|&is_control| is_control) {
            let message = "no treated row is left once controls are set apart, expected some";
            return Err(Error::new(ErrorKind::NoTreated, message));
        }
        let range = match options.family {
            EtwfeFamily::Linear => f64::NEG_INFINITY..=f64::INFINITY,
            EtwfeFamily::Poisson => 0.0..=f64::INFINITY,
            EtwfeFamily::Logit => 0.0..=1.0,
        };
        if let Some(&y) = cells.outcome().iter().find(|y| !range.contains(y)) {
            let message = format!("outcome {y}, expected {} to {}", range.start(), range.end());
            return Err(Error::new(ErrorKind::Domain, message));
        }
        let sample = Self { cells, rows, control, caveats };
        if options.unit_effects {
            sample.check_unit_effects(options)?;
        }
        Ok(sample)
    }

    /// Effects of units equal those of cohorts only where nothing else differs over time.
    fn check_unit_effects(&self, options: &ExtendedTwfeOptions) -> Result<()> {
        let cells = &self.cells;
        let same = |values: &[f64]| {
            (1..cells.n_obs()).all(|row| {
                cells.unit().at(row) != cells.unit().at(row - 1)
                    || (values[row] - values[row - 1]).abs() <= 0.0
            })
        };
        let why = if options.family != EtwfeFamily::Linear {
            "the family is not linear"
        } else if !cells.is_balanced() {
            "the panel is not balanced"
        } else if matches!(options.vcov, Some(Vcov::Hc1)) {
            "errors are not clustered"
        } else if options.covariates && !cells.covariates().iter().all(|(_, values)| same(values)) {
            "a covariate changes over time"
        } else if !cells.weights().is_none_or(same) {
            "weights change over time"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Domain, format!("unit effects: {why}, expected effects of cohorts")))
    }

    fn model<'a>(&'a self, cohort: &'a Factor, options: &ExtendedTwfeOptions) -> Model<'a> {
        let cells = &self.cells;
        let covariates = || cells.covariates().iter().filter(|_| options.covariates);
        // Slopes of cohorts and periods include the common one; what is redundant is left out by the fit.
        let interactions = covariates()
            .flat_map(|(_, values)| [cohort, cells.period()].map(|factor| Interaction { factor, values }));
        Model {
            family: options.family.family(),
            control: self.control.clone(),
            group: cohort,
            weights: cells.weights().map(Cow::Borrowed),
            columns: Vec::new(),
            interactions: interactions.collect(),
        }
    }

    /// The clusters of the scores, and whether they are more than rows.
    fn errors(&self, options: &ExtendedTwfeOptions) -> Result<(Factor, bool)> {
        let cluster = match &options.vcov {
            None => self.cells.cluster().clone(),
            Some(Vcov::Hc1) => {
                let rows: Vec<u32> = (0..self.cells.n_obs() as u32).collect();
                return Ok((Factor::from_codes(&rows), false));
            }
            Some(Vcov::Cluster(ways)) if ways.len() == 1 => ways[0].select(&self.rows),
            Some(_) => {
                let message = "covariance of another kind, expected clusters in one way or HC1";
                return Err(Error::new(ErrorKind::Domain, message));
            }
        };
        match cluster.n_levels() {
            n @ ..2 => {
                Err(Error::new(ErrorKind::TooFewClusters, format!("{n} cluster, expected two or more")))
            }
            _ => Ok((cluster, true)),
        }
    }

    /// What the sum of squared scores is multiplied by: as `fixest` for the regression with all its columns.
    fn correction(
        &self,
        options: &ExtendedTwfeOptions,
        cohort: &Factor,
        cluster: &Factor,
        is_clustered: bool,
        n_columns: usize,
    ) -> Result<f64> {
        let cells = &self.cells;
        let small = &options.small_sample;
        let (n, periods) = (cells.n_obs() as f64, cells.periods().len());
        let group = if options.unit_effects { cells.unit() } else { cohort };
        let n_covariates = if options.covariates { cells.covariates().len() } else { 0 };
        // Unit effects leave neither common slopes nor slopes of cohorts.
        let absorbed = if options.unit_effects { n_covariates * cohort.n_levels() } else { 0 };
        let n_columns = n_columns - absorbed.min(n_columns);
        let mut parent = vec![NONE; group.n_levels()];
        let is_nested = is_clustered
            && group.codes().iter().zip(cluster.codes()).all(|(&level, &c)| {
                let parent = &mut parent[level as usize];
                *parent = if *parent == NONE { c } else { *parent };
                *parent == c
            });
        let parameters = match small.effects {
            CountEffects::None if options.family == EtwfeFamily::Linear => n_columns,
            CountEffects::Nested if is_nested => n_columns + periods,
            _ => n_columns + group.n_levels() + periods - 1,
        };
        let left = n - parameters as f64;
        if left < 1.0 {
            let message =
                format!("{n} rows and {parameters} parameters, expected fewer parameters than rows");
            return Err(Error::new(ErrorKind::Degenerate, message));
        }
        let levels = cluster.n_levels() as f64;
        let adjustment = if small.adjust { (n - 1.0) / left } else { 1.0 };
        Ok(adjustment * if small.adjust_clusters { levels / (levels - 1.0) } else { 1.0 })
    }
}

/// The fits of treated cells, each to its own rows.
struct OwnFits {
    /// The fitted mean of each row; NaN for controls.
    mean: Vec<f64>,
    cells: Vec<OwnFit>,
    /// Intercepts and slopes of all.
    n_parameters: usize,
}

struct OwnFit {
    rows: Vec<usize>,
    /// With covariates, the problem and its fit.
    fit: Option<(Problem<'static>, irls::Fit)>,
}

impl OwnFits {
    fn new(cells: &Cells, control: &[bool], model: &Model<'_>) -> Result<Self> {
        let mut place: HashMap<(u64, usize), usize> = HashMap::new();
        let mut found: Vec<OwnFit> = Vec::new();
        for row in (0..cells.n_obs()).filter(|&row| !control[row]) {
            let at =
                *place.entry((cells.cohort()[row].to_bits(), cells.period().at(row))).or_insert(found.len());
            if at == found.len() {
                found.push(OwnFit { rows: Vec::new(), fit: None });
            }
            found[at].rows.push(row);
        }
        let mut mean = vec![f64::NAN; cells.n_obs()];
        let mut n_parameters = 0;
        // Each covariate stands twice in the model, by cohort and by period; one is enough here.
        let covariates: Vec<&[f64]> = model.interactions.iter().step_by(2).map(|x| x.values).collect();
        for own in &mut found {
            let take =
                |values: &[f64]| -> Cow<'static, [f64]> { own.rows.iter().map(|&row| values[row]).collect() };
            n_parameters += 1;
            let problem = Problem {
                family: model.family,
                outcome: take(cells.outcome()),
                weights: cells.weights().map(take),
                offset: cells.offset().map(take),
                absorbed: vec![Cow::Owned(Factor::from_codes(&vec![0; own.rows.len()]))],
                columns: covariates.iter().map(|values| take(values)).collect(),
                sparse: Vec::new(),
            };
            let is_constant = |end: f64| problem.outcome.iter().all(|y| (y - end).abs() <= 0.0);
            if model.family != Family::Gaussian && is_constant(0.0)
                || model.family == Family::Logit && is_constant(1.0)
            {
                own.rows.iter().for_each(|&row| mean[row] = cells.outcome()[row]);
                continue;
            }
            let fit = irls::fit(&problem, Control::default())?;
            n_parameters += fit.kept.iter().filter(|&&kept| kept).count();
            own.rows.iter().zip(&fit.mean).for_each(|(&row, &fitted)| mean[row] = fitted);
            own.fit = Some((problem, fit));
        }
        Ok(Self { mean, cells: found, n_parameters })
    }

    /// How the weighted sums of fitted values move with each cluster's treated rows, shape (clusters, H).
    fn scores(
        &self,
        cells: &Cells,
        model: &Model<'_>,
        target: &Target,
        scale: Scale,
        cluster: &Factor,
    ) -> Matrix {
        let mut scores = Matrix::zeros(cluster.n_levels(), target.n_terms);
        for own in &self.cells {
            let (Some((problem, fit)), Some(&first)) = (&own.fit, own.rows.first()) else { continue };
            if target.label[first] == NONE {
                continue;
            }
            // The rows of a cell are in one term.
            let h = target.label[first] as usize;
            let mut gradient = Linear::zeros(problem, 1);
            for (at, &row) in own.rows.iter().enumerate().filter(|(_, row)| target.label[**row] != NONE) {
                let slope = target.mass[row]
                    * match scale {
                        Scale::Response => model.family.variance(fit.mean[at]),
                        Scale::Link => 1.0,
                    };
                gradient.effects[0][(0, 0)] += slope;
                problem.entries(at, |column, x| gradient.columns[(0, column)] += slope * x);
            }
            let direction = fit.solve(problem, &gradient);
            for (at, &row) in own.rows.iter().enumerate() {
                let weight = cells.weights().map_or(1.0, |weights| weights[row]);
                let mut value = direction.effects[0][(0, 0)];
                problem.entries(at, |column, x| value += x * direction.columns[(0, column)]);
                scores[(cluster.at(row), h)] += weight * (cells.outcome()[row] - fit.mean[at]) * value;
            }
        }
        scores
    }
}

/// Columns of two matrices side by side.
fn beside(left: &Matrix, right: &Matrix) -> Matrix {
    let mut data = left.data().to_vec();
    data.extend_from_slice(right.data());
    Matrix::from_data(left.n_rows(), left.n_cols() + right.n_cols(), data)
}

fn echo(options: &ExtendedTwfeOptions) -> Vec<(&'static str, String)> {
    let terms: Vec<&str> = options.terms.iter().map(|terms| terms.name()).collect();
    let vcov = match &options.vcov {
        Some(Vcov::Hc1) => "hc1",
        _ => "cluster",
    };
    vec![
        ("family", format!("{:?}", options.family).to_lowercase()),
        ("control", format!("{:?}", options.control)),
        ("covariates", options.covariates.to_string()),
        ("terms", terms.join(", ")),
        ("scale", format!("{:?}", options.scale).to_lowercase()),
        ("unit_effects", options.unit_effects.to_string()),
        ("vcov", vcov.to_owned()),
        ("small_sample", format!("{:?}", options.small_sample)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PoissonImputationOptions, RatioCentering, Stream, poisson_imputation};

    /// 40 units over 6 periods, a third treated from 3 on, a third from 5 on, effect 0.5 on the outcome or, for
    /// counts, on its logarithm; x shifts levels and trends.
    fn panel(seed: u64, counts: bool) -> Cells {
        let draw = Stream::new(seed, 2);
        let (mut unit, mut period, mut y) = (Vec::new(), Vec::new(), Vec::new());
        let (mut g, mut x) = (Vec::new(), Vec::new());
        for i in 0..40u64 {
            let covariate = draw.normal(900 + i);
            for t in 1..=6u64 {
                let cohort = [0.0, 3.0, 5.0][(i % 3) as usize];
                let effect = if cohort > 0.0 && t as f64 >= cohort { 0.5 } else { 0.0 };
                let noise = draw.normal(5000 + 6 * i + t);
                let eta =
                    0.3 * draw.normal(i) + 0.1 * t as f64 + covariate * (0.3 + 0.02 * t as f64) + effect;
                let mean = (2.0 + eta).exp();
                unit.push(i);
                period.push(t as f64);
                y.push(if counts {
                    (mean + mean.sqrt() * noise).round().max(0.0)
                } else {
                    eta + 0.3 * noise
                });
                g.push(cohort);
                x.push(covariate);
            }
        }
        let cells = Cells::new(&unit, &period, &y).unwrap().with_cohort(&g).unwrap();
        cells.with_covariate("x", &x).unwrap()
    }

    fn near(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= relative * expected.abs(), "{found}, expected {expected}");
    }

    // The two are one regression in a balanced panel without covariates: logarithms of ratios by cell.
    #[test]
    fn poisson_effects_on_the_link_are_the_ratios_of_imputation() {
        let cells = panel(1, true);
        let options = ExtendedTwfeOptions {
            family: EtwfeFamily::Poisson,
            covariates: false,
            scale: Scale::Link,
            terms: vec![EffectTerms::CohortPeriod],
            small_sample: SmallSample { adjust: false, ..SmallSample::fixest() },
            ..Default::default()
        };
        let found = extended_twfe(&cells, &options).unwrap();
        let other = PoissonImputationOptions {
            covariates: false,
            terms: vec![EffectTerms::CohortPeriod],
            centering: RatioCentering::CohortPeriod,
            ..Default::default()
        };
        let ratios = poisson_imputation(&cells, &other).unwrap().estimates;
        assert_eq!(found.terms.len(), 6);
        for (a, b) in found.terms.iter().zip(&ratios.terms) {
            near(a.estimate.estimate, b.estimate.estimate, 1e-9);
            near(a.estimate.std_error.unwrap(), b.estimate.std_error.unwrap(), 1e-7);
        }
    }

    // 300 panels a family: a coverage of 0.95 has a standard error of 0.0126; the bounds are three of them.
    #[test]
    fn coverage_is_near_its_nominal_level() {
        for (family, counts, scale) in
            [(EtwfeFamily::Linear, false, Scale::Response), (EtwfeFamily::Poisson, true, Scale::Link)]
        {
            let options = ExtendedTwfeOptions { family, scale, ..Default::default() };
            let covers = |seed: u64| {
                let found = extended_twfe(&panel(100 + seed, counts), &options).unwrap();
                found.terms[0].estimate.interval_95().contains(0.5)
            };
            let share = (0..300).filter(|&seed| covers(seed)).count() as f64 / 300.0;
            assert!((0.90..=0.985).contains(&share), "{family:?}: {share}");
        }
    }

    #[test]
    fn shifts_of_the_outcome_and_of_covariates_change_nothing() {
        let cells = panel(3, false);
        let all =
            vec![EffectTerms::Overall, EffectTerms::EventTime, EffectTerms::Cohort, EffectTerms::Period];
        for control in [ControlGroup::NotYet, ControlGroup::Never] {
            let options = ExtendedTwfeOptions { control, terms: all.clone(), ..Default::default() };
            let base = extended_twfe(&cells, &options).unwrap();
            let shifted = cells.outcome().iter().map(|y| 100.0 + 2.0 * y).collect();
            let other = extended_twfe(&cells.clone().with_outcome(shifted).unwrap(), &options).unwrap();
            for (a, b) in base.terms.iter().zip(&other.terms) {
                near(b.estimate.estimate, 2.0 * a.estimate.estimate, 1e-8);
                near(b.estimate.std_error.unwrap(), 2.0 * a.estimate.std_error.unwrap(), 1e-8);
            }
        }
    }

    #[test]
    fn without_never_treated_units_the_last_cohort_is_the_control() {
        let cells = panel(5, false);
        let rows: Vec<usize> = (0..cells.n_obs()).filter(|&row| cells.cohort()[row].is_finite()).collect();
        let cells = cells.select(&rows);
        let found = extended_twfe(&cells, &ExtendedTwfeOptions::default()).unwrap();
        assert_eq!((found.n_periods, found.terms.len()), (4, 1));
        assert!(found.caveats.iter().any(|c| matches!(c, Caveat::Note(text) if text.contains("cohort 5"))));
        let never = ExtendedTwfeOptions { control: ControlGroup::Never, ..Default::default() };
        assert_eq!(extended_twfe(&cells, &never).unwrap_err().kind(), ErrorKind::NoDonors);
    }

    #[test]
    fn what_has_no_answer_is_refused() {
        let cells = panel(6, false);
        let kind =
            |cells: &Cells, options: ExtendedTwfeOptions| extended_twfe(cells, &options).unwrap_err().kind();
        let poisson = ExtendedTwfeOptions { family: EtwfeFamily::Poisson, ..Default::default() };
        assert_eq!(kind(&cells, poisson.clone()), ErrorKind::Domain);
        let units = ExtendedTwfeOptions { unit_effects: true, ..poisson };
        assert_eq!(kind(&panel(6, true), units), ErrorKind::Domain);
        let never = cells.clone().with_cohort(&vec![0.0; cells.n_obs()]).unwrap();
        assert_eq!(kind(&never, ExtendedTwfeOptions::default()), ErrorKind::NoTreated);
        let iid = ExtendedTwfeOptions { vcov: Some(Vcov::Iid), ..Default::default() };
        assert_eq!(kind(&cells, iid), ErrorKind::Domain);
    }
}
