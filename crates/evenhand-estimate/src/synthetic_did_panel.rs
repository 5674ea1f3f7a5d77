//! Synthetic difference-in-differences on long data: blocks of treated units, staggered adoption, covariates, and
//! standard errors by placebo, jackknife or bootstrap.
//!
//! Formula: for each cohort a with N_a treated units and T_a periods from adoption on, tau_a is the estimate of
//! [`synthetic_did`](crate::synthetic_did()) against the never-treated units (or those not treated until the next
//! cohort starts); att = sum_a N_a T_a tau_a / sum_a N_a T_a.
//! Covariates are taken out first: Y - X b, with b from Y ~ unit + period + X b over untreated cells; or, on request, b is
//! found with the weights as R does.
//!
//! Standard errors, with R draws:
//! placebo — N_tr untreated units, drawn without replacement, get the treated units' adoption dates; the others are
//! donors; variance of the draws with divisor R (algorithm 4 of the paper).
//! bootstrap — all units drawn with replacement, draws without a treated or an untreated unit drawn again; divisor
//! R (algorithm 2). Both refit the weights from the normalised weights of the estimate, under its penalties; here to
//! the optimum unless asked to stop where R does.
//! jackknife — each unit left out in turn, weights kept and normalised; (n - 1) / n sum (u - mean u)^2 (algorithm 3).
//!
//! Estimand: the mean effect on treated units over treated cells. Papers: Arkhangelsky et al. (2021),
//! doi:10.1257/aer.20190159; staggered: Clarke et al. (2023), doi:10.1177/1536867X241297914.
//! Assumptions: those of synthetic DiD; placebo: treated and untreated units are equally noisy; jackknife and
//! bootstrap: several treated units.
//! Defaults: as R `synthdid` (its stopping rule and intercepts), placebo with 200 draws.
//! Known failures: one treated unit has only the placebo error; the placebo needs more untreated than treated units.
//! Matches R `synthdid_estimate`, `sc_estimate`, `did_estimate` and `vcov` 0.0.9: points to 1e-9, jackknife to 1e-9.

use crate::frank_wolfe::{Problem, Products, one_step, reference_weights_from, residual};
use crate::rectangle::Rectangle;
use crate::residualize::residualize;
use crate::ridge_simplex::ridge_simplex;
use crate::simplex::{Start, dot, gram, least_norm};
use crate::synthetic_fit::{Weights, centred, mean, standard_deviation};
use crate::{
    Caveat, Cells, Design, Error, ErrorKind, Estimate, Estimates, Result, Stopping, Stream, SyntheticFit,
    Term,
};
use rayon::prelude::*;
use std::sync::OnceLock;

/// Which of R's three estimators to run on each cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SyntheticDidKind {
    /// Unit and time weights, both with intercept.
    #[default]
    SyntheticDid,
    /// Unit weights without intercept or time weights, next to no penalty: R `sc_estimate`.
    SyntheticControl,
    /// Equal weights: R `did_estimate`.
    Did,
}

/// How the standard error is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SyntheticDidInference {
    /// Untreated units in the treated units' place.
    #[default]
    Placebo,
    /// Units drawn with replacement.
    Bootstrap,
    /// Units left out in turn, weights fixed.
    Jackknife,
    /// None.
    Point,
}

/// Untreated units with which a cohort is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DonorPool {
    /// Units that are never treated in the window.
    #[default]
    NeverTreated,
    /// Also units that start later; the comparison ends where the next cohort starts.
    NotYetTreated,
}

/// What becomes of covariates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SyntheticDidCovariates {
    /// Taken out of the outcome first, with coefficients from untreated cells (Kranz 2022; Stata `projected`).
    #[default]
    Residualized,
    /// Coefficients found together with the weights, by R `synthdid_estimate(X = ..)`'s search: gradient steps of length
    /// 1 / t between steps of the weights. It ends early and depends on the covariates' scale, as there.
    Joint,
}

/// Options of [`synthetic_did_panel`].
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticDidPanelOptions {
    /// Default: synthetic difference-in-differences.
    pub kind: SyntheticDidKind,
    /// When the search for weights ends. Default: where R `synthdid` stops.
    pub stopping: Stopping,
    /// When the search for weights ends in the draws. Default: at the optimum, which differs from where R stops by far
    /// less than the draws do from one another, and is found sooner.
    pub stopping_of_draws: Stopping,
    /// Default: placebo.
    pub inference: SyntheticDidInference,
    /// Draws of the placebo and of the bootstrap. Default 200.
    pub replications: usize,
    /// Seed of the draws. Default 1.
    pub seed: u64,
    /// Default: never-treated units.
    pub donors: DonorPool,
    /// Default: residualized.
    pub covariates: SyntheticDidCovariates,
    /// Ridge penalty of the unit weights; default (N_a T_a)^(1/4) sd of the donors' first differences.
    pub zeta_omega: Option<f64>,
    /// Ridge penalty of the time weights; default 1e-6 sd of the donors' first differences.
    pub zeta_lambda: Option<f64>,
}

impl Default for SyntheticDidPanelOptions {
    fn default() -> Self {
        Self {
            kind: SyntheticDidKind::SyntheticDid,
            stopping: Stopping::Reference,
            stopping_of_draws: Stopping::Exact,
            inference: SyntheticDidInference::Placebo,
            replications: 200,
            seed: 1,
            donors: DonorPool::NeverTreated,
            covariates: SyntheticDidCovariates::Residualized,
            zeta_omega: None,
            zeta_lambda: None,
        }
    }
}

/// Result of [`synthetic_did_panel`].
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticDidPanel {
    /// `att`; with several cohorts `att(g)` for each; `event_time=e` for e >= 0.
    pub estimates: Estimates,
    /// One for each cohort, in the order of adoption.
    pub cohorts: Vec<SyntheticDidCohort>,
    /// Coefficients of the covariates that were taken out.
    pub coefficients: Vec<(String, f64)>,
    /// The effect in each draw (placebo, bootstrap) or without each unit (jackknife), in order.
    pub replicates: Vec<f64>,
}

/// One cohort's comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticDidCohort {
    /// First treated period, as its value.
    pub cohort: f64,
    /// Levels (in [`Cells::unit`]) of the donors, in the order of `fit.omega`.
    pub donors: Vec<usize>,
    /// Levels of the treated units.
    pub treated: Vec<usize>,
    /// Values of the periods compared, in the order of `fit.gap`.
    pub periods: Vec<f64>,
    /// Weights, counterfactual and gaps.
    pub fit: SyntheticFit,
    /// Share in `att`.
    pub share: f64,
}

/// Synthetic difference-in-differences on long data, with standard errors.
///
/// ```
/// use evenhand_estimate::{Cells, SyntheticDidPanelOptions, synthetic_did_panel};
/// let (mut unit, mut period, mut y, mut cohort) = (vec![], vec![], vec![], vec![]);
/// for i in 0..12 {
///     for t in 0..8 {
///         let g = if i < 2 { 5.0 } else { 0.0 };
///         unit.push(i);
///         period.push(f64::from(t));
///         cohort.push(if i < 2 { 5.0 } else { f64::INFINITY });
///         let noise = f64::from((i * 7 + t * 5 + i * t * 3) % 11) / 11.0;
///         y.push(f64::from(i) + f64::from(t) + noise + if g > 0.0 && f64::from(t) >= g { 3.0 } else { 0.0 });
///     }
/// }
/// let cells = Cells::new(&unit, &period, &y)?.with_cohort(&cohort)?;
/// let found = synthetic_did_panel(&cells, &SyntheticDidPanelOptions::default())?;
/// let att = &found.estimates.terms[0].estimate;
/// assert!((att.estimate - 3.0).abs() < 1.0 && att.std_error.is_some());
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`], [`ErrorKind::NoDonors`], [`ErrorKind::Missing`] when no unit is observed throughout,
/// [`ErrorKind::TooFewPeriods`] as [`synthetic_did`](crate::synthetic_did()), [`ErrorKind::Domain`] for fewer than two
/// draws or a negative penalty, [`ErrorKind::Collinear`] when no covariate varies, [`ErrorKind::NotConverged`].
/// A standard error that the data cannot give (one treated unit for jackknife and bootstrap, too few untreated
/// units for the placebo) is a caveat, not an error.
pub fn synthetic_did_panel(cells: &Cells, options: &SyntheticDidPanelOptions) -> Result<SyntheticDidPanel> {
    let mut panel = Rectangle::new(cells)?;
    let mut coefficients = match options.covariates {
        SyntheticDidCovariates::Residualized => {
            let coefficients = residualize(&mut panel)?;
            panel.covariates.clear();
            coefficients
        }
        SyntheticDidCovariates::Joint => Vec::new(),
    };
    let mut caveats = panel.caveats.clone();
    let plan = Plan::new(&panel, options, &mut caveats)?;
    let everyone = members(&panel, 0..panel.n_units());
    let mut cohorts = Vec::new();
    let mut point = Vec::new();
    let mut paths: Vec<Vec<Option<Path>>> = vec![Vec::new(); plan.len()];
    for &start in &panel.starts() {
        let own = Block::new(&everyone, start, options.donors, panel.n_periods()).ok_or_else(|| {
            let message = format!("no unit is untreated when those of {} start", panel.periods[start]);
            Error::new(ErrorKind::NoDonors, message)
        })?;
        let source = Source::new(&panel, &own, options)?;
        let found = source.estimate(&own, options.stopping, None)?;
        let draws: Vec<Result<Option<Path>>> = (0..plan.len())
            .into_par_iter()
            .map(|draw| {
                let members = plan.members(&panel, draw);
                let Some(drawn) = Block::new(&members, start, options.donors, panel.n_periods()) else {
                    return Ok(None);
                };
                let refit = plan.is_random().then_some(options.stopping_of_draws);
                source.again(&own, &found, &drawn, refit).map(Some)
            })
            .collect();
        for (path, draw) in paths.iter_mut().zip(draws) {
            path.push(draw?);
        }
        point.push(source.path(&own, &found));
        let names = panel.covariates.iter().map(|(name, _)| match panel.starts().len() {
            1 => name.clone(),
            _ => format!("{name}({})", panel.periods[start]),
        });
        coefficients.extend(names.zip(found.beta.iter().copied()));
        cohorts.push(cohort(&panel, &own, options.kind, found)?);
    }
    if matches!(plan, Plan::Jackknife { .. }) && cohorts.iter().any(|cohort| alone(&cohort.fit)) {
        let why = "one donor has all the weight, which the jackknife cannot leave out".to_owned();
        caveats.push(Caveat::NotEstimated { what: "standard error".to_owned(), why });
        paths.clear();
    }
    let total: f64 = point.iter().map(Path::cells).sum();
    cohorts.iter_mut().zip(&point).for_each(|(cohort, path)| cohort.share = path.cells() / total);
    let (terms, replicates) = terms(&plan, &cohorts, point, paths);
    let estimates = Estimates {
        method: "synthetic-did",
        terms,
        vcov: None,
        n_obs: panel.outcome.len(),
        n_units: panel.n_units(),
        n_periods: panel.n_periods(),
        n_clusters: None,
        seed: plan.is_random().then_some(options.seed),
        options: echo(options, cells),
        caveats,
    };
    Ok(SyntheticDidPanel { estimates, cohorts, coefficients, replicates })
}

fn alone(fit: &SyntheticFit) -> bool {
    fit.omega.iter().filter(|w| **w > 0.0).count() == 1
}

fn echo(options: &SyntheticDidPanelOptions, cells: &Cells) -> Vec<(&'static str, String)> {
    let penalty =
        |zeta: Option<f64>| zeta.map_or_else(|| "from the noise".to_owned(), |zeta| zeta.to_string());
    let names: Vec<&str> = cells.covariates().iter().map(|(name, _)| name.as_str()).collect();
    vec![
        ("kind", format!("{:?}", options.kind)),
        ("stopping", format!("{:?}", options.stopping)),
        ("stopping_of_draws", format!("{:?}", options.stopping_of_draws)),
        ("inference", format!("{:?}", options.inference)),
        ("replications", options.replications.to_string()),
        ("donors", format!("{:?}", options.donors)),
        ("zeta_omega", penalty(options.zeta_omega)),
        ("zeta_lambda", penalty(options.zeta_lambda)),
        ("covariates", names.join(",")),
        ("covariates_by", format!("{:?}", options.covariates)),
    ]
}

/// A row of the panel in some draw, and when it starts there.
#[derive(Debug, Clone, Copy)]
struct Member {
    row: usize,
    adoption: Option<usize>,
}

fn members(panel: &Rectangle, rows: impl IntoIterator<Item = usize>) -> Vec<Member> {
    rows.into_iter().map(|row| Member { row, adoption: panel.adoption[row] }).collect()
}

/// What is drawn to find the standard error.
enum Plan {
    Placebo { untreated: Vec<usize>, pattern: Vec<Option<usize>>, draws: usize, seed: u64 },
    Bootstrap { draws: usize, seed: u64 },
    Jackknife { units: usize },
    Point,
}

impl Plan {
    fn new(panel: &Rectangle, options: &SyntheticDidPanelOptions, caveats: &mut Vec<Caveat>) -> Result<Self> {
        let (untreated, treated) = (panel.untreated(), panel.treated());
        let draws = options.replications;
        let random =
            matches!(options.inference, SyntheticDidInference::Placebo | SyntheticDidInference::Bootstrap);
        if random && draws < 2 {
            return Err(Error::new(ErrorKind::Domain, format!("{draws} replications, expected two or more")));
        }
        let mut none = |why: String| {
            caveats.push(Caveat::NotEstimated { what: "standard error".to_owned(), why });
            Self::Point
        };
        Ok(match options.inference {
            SyntheticDidInference::Point => Self::Point,
            SyntheticDidInference::Placebo if untreated.len() <= treated.len() => none(format!(
                "{} untreated units for {} treated ones, the placebo needs more untreated ones",
                untreated.len(),
                treated.len()
            )),
            SyntheticDidInference::Placebo => Self::Placebo {
                pattern: treated.iter().map(|&row| panel.adoption[row]).collect(),
                untreated,
                draws,
                seed: options.seed,
            },
            _ if treated.len() < 2 => {
                none("one treated unit, the bootstrap and the jackknife need two or more".to_owned())
            }
            SyntheticDidInference::Jackknife if untreated.len() < 2 => {
                none("one untreated unit, the jackknife needs two or more".to_owned())
            }
            SyntheticDidInference::Bootstrap => Self::Bootstrap { draws, seed: options.seed },
            SyntheticDidInference::Jackknife => Self::Jackknife { units: panel.n_units() },
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Placebo { draws, .. } | Self::Bootstrap { draws, .. } => *draws,
            Self::Jackknife { units } => *units,
            Self::Point => 0,
        }
    }

    fn is_random(&self) -> bool {
        matches!(self, Self::Placebo { .. } | Self::Bootstrap { .. })
    }

    fn members(&self, panel: &Rectangle, draw: usize) -> Vec<Member> {
        let n = panel.n_units();
        match self {
            Self::Placebo { untreated, pattern, seed, .. } => {
                let stream = Stream::new(*seed, draw as u64);
                let mut order = untreated.clone();
                for i in 0..pattern.len() {
                    let other = i + stream.below(i as u64, order.len() - i);
                    order.swap(i, other);
                }
                let (chosen, rest) = order.split_at_mut(pattern.len());
                rest.sort_unstable();
                let placebo = chosen.iter().zip(pattern).map(|(&row, &adoption)| Member { row, adoption });
                rest.iter().map(|&row| Member { row, adoption: None }).chain(placebo).collect()
            }
            Self::Bootstrap { seed, .. } => {
                let stream = Stream::new(*seed, draw as u64);
                let mut at = 0u64;
                loop {
                    let mut rows: Vec<usize> = (0..n).map(|i| stream.below(at + i as u64, n)).collect();
                    at += n as u64;
                    let treated = rows.iter().filter(|&&row| panel.adoption[row].is_some()).count();
                    if treated > 0 && treated < n {
                        rows.sort_unstable();
                        return members(panel, rows);
                    }
                }
            }
            Self::Jackknife { .. } => members(panel, (0..n).filter(|&row| row != draw)),
            Self::Point => Vec::new(),
        }
    }

    /// Standard error from the effects of the draws.
    fn std_error(&self, effects: &[f64]) -> Option<f64> {
        if effects.len() < 2 {
            return None;
        }
        let (centre, n) = (mean(effects), effects.len() as f64);
        let squares: f64 = effects.iter().map(|u| (u - centre).powi(2)).sum();
        Some(match self {
            Self::Jackknife { .. } => ((n - 1.0) / n * squares).sqrt(),
            _ => (squares / n).sqrt(),
        })
    }
}

/// One cohort's comparison: rows of the panel (a bootstrap repeats some), and periods 0..end.
#[derive(Debug, Clone)]
struct Block {
    donors: Vec<usize>,
    treated: Vec<usize>,
    start: usize,
    end: usize,
}

impl Block {
    /// `None` when nobody starts in `start` or there are no donors.
    fn new(members: &[Member], start: usize, pool: DonorPool, n_periods: usize) -> Option<Self> {
        let later = members.iter().filter_map(|member| member.adoption).filter(|&at| at > start).min();
        let end = match pool {
            DonorPool::NeverTreated => n_periods,
            DonorPool::NotYetTreated => later.unwrap_or(n_periods),
        };
        let is_donor = |member: &Member| match pool {
            DonorPool::NeverTreated => member.adoption.is_none(),
            DonorPool::NotYetTreated => member.adoption.is_none_or(|at| at >= end),
        };
        let rows = |keep: &dyn Fn(&Member) -> bool| -> Vec<usize> {
            members.iter().filter(|member| keep(member)).map(|member| member.row).collect()
        };
        let (donors, treated) = (rows(&is_donor), rows(&|member| member.adoption == Some(start)));
        (!donors.is_empty() && !treated.is_empty()).then_some(Self { donors, treated, start, end })
    }
}

/// Gaps of one cohort in one draw.
#[derive(Debug, Clone)]
struct Path {
    n_treated: usize,
    start: usize,
    gap: Vec<f64>,
}

impl Path {
    fn effect(&self) -> f64 {
        mean(&self.gap[self.start..])
    }

    /// Treated cells.
    fn cells(&self) -> f64 {
        (self.n_treated * (self.gap.len() - self.start)) as f64
    }

    fn at(&self, event_time: usize) -> Option<f64> {
        self.gap.get(self.start + event_time).copied()
    }
}

fn overall<'a>(paths: impl Iterator<Item = &'a Path>) -> Option<f64> {
    let (sum, cells) = paths
        .fold((0.0, 0.0), |(sum, cells), path| (sum + path.cells() * path.effect(), cells + path.cells()));
    (cells > 0.0).then(|| sum / cells)
}

fn overall_at<'a>(paths: impl Iterator<Item = &'a Path>, event_time: usize) -> Option<f64> {
    let (mut sum, mut units) = (0.0, 0.0);
    for path in paths {
        if let Some(gap) = path.at(event_time) {
            sum += path.n_treated as f64 * gap;
            units += path.n_treated as f64;
        }
    }
    (units > 0.0).then(|| sum / units)
}

/// Rows of the table, and the overall effect by draw.
fn terms(
    plan: &Plan,
    cohorts: &[SyntheticDidCohort],
    point: Vec<Path>,
    paths: Vec<Vec<Option<Path>>>,
) -> (Vec<Term>, Vec<f64>) {
    let estimate = |value: f64, effects: &[f64]| match plan.std_error(effects) {
        Some(se) => Estimate::from_std_error(value, se, None),
        None => Estimate::point(value),
    };
    let replicates: Vec<f64> = paths.iter().filter_map(|draw| overall(draw.iter().flatten())).collect();
    let mut terms: Vec<Term> =
        overall(point.iter()).map(|att| Term::new("att", estimate(att, &replicates))).into_iter().collect();
    if cohorts.len() > 1 {
        for (k, cohort) in cohorts.iter().enumerate() {
            let effects: Vec<f64> =
                paths.iter().filter_map(|draw| draw[k].as_ref().map(Path::effect)).collect();
            terms.push(Term {
                cohort: Some(cohort.cohort),
                ..Term::new(format!("att({})", cohort.cohort), estimate(cohort.fit.estimate, &effects))
            });
        }
    }
    for event_time in 0.. {
        let Some(gap) = overall_at(point.iter(), event_time) else { break };
        let effects: Vec<f64> =
            paths.iter().filter_map(|draw| overall_at(draw.iter().flatten(), event_time)).collect();
        terms.push(Term::at_event_time(event_time as i64, estimate(gap, &effects)));
    }
    (terms, replicates)
}

fn cohort(
    panel: &Rectangle,
    own: &Block,
    kind: SyntheticDidKind,
    found: Found,
) -> Result<SyntheticDidCohort> {
    let adjusted = |row: usize| -> Vec<f64> { panel.adjusted(row, &found.beta)[..own.end].to_vec() };
    let treated_rows: Vec<Vec<f64>> = own.treated.iter().map(|&row| adjusted(row)).collect();
    let rows = |rows: &[usize]| -> Vec<usize> { rows.iter().map(|&row| panel.units[row]).collect() };
    let periods = &panel.periods[..own.end];
    let design = Design::from_rows(
        rows(&own.donors).iter().map(ToString::to_string).collect(),
        periods.iter().map(ToString::to_string).collect(),
        own.donors.iter().flat_map(|&row| adjusted(row)).collect(),
        &treated_rows.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        own.start,
    )?;
    Ok(SyntheticDidCohort {
        cohort: panel.periods[own.start],
        donors: rows(&own.donors),
        treated: rows(&own.treated),
        periods: periods.to_vec(),
        fit: SyntheticFit::from_weights(&design, found.weights, kind != SyntheticDidKind::SyntheticControl)?,
        share: 0.0,
    })
}

/// What all draws of one cohort share: products among units before adoption, penalties, the stopping rule.
struct Source<'a> {
    panel: &'a Rectangle,
    kind: SyntheticDidKind,
    start: usize,
    /// Rows before adoption, centred over time where there is an intercept, shape (N, start).
    before: Vec<f64>,
    /// Their products, shape (N, N), once a search has asked for them.
    products: OnceLock<Vec<f64>>,
    /// Rows before adoption and their mean from adoption on, less the donors' means, shape (N, start + 1).
    across: Vec<f64>,
    zeta_omega: f64,
    zeta_lambda: f64,
    min_decrease: f64,
}

impl<'a> Source<'a> {
    fn new(panel: &'a Rectangle, own: &Block, options: &SyntheticDidPanelOptions) -> Result<Self> {
        let (start, end) = (own.start, own.end);
        let differences: Vec<f64> = own
            .donors
            .iter()
            .flat_map(|&row| panel.row(row)[..start].windows(2).map(|pair| pair[1] - pair[0]))
            .collect();
        let noise = standard_deviation(&differences);
        let factor = match options.kind {
            SyntheticDidKind::SyntheticControl => 1e-6,
            _ => ((own.treated.len() * (end - start)) as f64).powf(0.25),
        };
        let width = start + 1;
        let mut across: Vec<f64> = (0..panel.n_units())
            .flat_map(|i| panel.row(i)[..start].iter().copied().chain([mean(&panel.row(i)[start..end])]))
            .collect();
        for t in 0..width {
            let centre =
                own.donors.iter().map(|&i| across[i * width + t]).sum::<f64>() / own.donors.len() as f64;
            across.iter_mut().skip(t).step_by(width).for_each(|y| *y -= centre);
        }
        Ok(Self {
            panel,
            kind: options.kind,
            start,
            before: rows_before(panel, start, options.kind == SyntheticDidKind::SyntheticDid),
            products: OnceLock::new(),
            across,
            zeta_omega: penalty(options.zeta_omega, factor, noise, own)?,
            zeta_lambda: penalty(options.zeta_lambda, 1e-6, noise, own)?,
            min_decrease: 1e-5 * noise.unwrap_or(0.0),
        })
    }

    /// Weights and coefficients for a block, from scratch or from weights close by.
    fn estimate(&self, block: &Block, stopping: Stopping, warm: Option<(&[f64], &[f64])>) -> Result<Found> {
        if self.panel.covariates.is_empty() {
            return Ok(Found { weights: self.weights(block, stopping, warm)?, beta: Vec::new() });
        }
        let (omega, lambda) = self.begin(block, warm);
        Ok(self.joint(block, omega, lambda, self.kind != SyntheticDidKind::Did))
    }

    /// R's search for weights and coefficients together; with `updates` false the weights stay as they are.
    fn joint(&self, block: &Block, mut omega: Vec<f64>, mut lambda: Vec<f64>, updates: bool) -> Found {
        let collapsed = Collapsed::new(self, block);
        let mut beta = vec![0.0; collapsed.covariates.len()];
        let mut last = f64::INFINITY;
        let mut now = collapsed.step(self, &beta, &mut omega, &mut lambda, updates);
        let mut steps = 0;
        for t in 1..=10_000 {
            steps = t;
            let gradient = collapsed.gradient(&now, &omega, &lambda);
            beta.iter_mut().zip(&gradient).for_each(|(b, g)| *b -= g / t as f64);
            now = collapsed.step(self, &beta, &mut omega, &mut lambda, updates);
            let decrease = last - now.value;
            last = now.value;
            if t >= 2 && decrease <= self.min_decrease * self.min_decrease {
                break;
            }
        }
        let (zeta_omega, zeta_lambda) = (self.zeta_omega, self.zeta_lambda);
        Found { weights: Weights { omega, lambda, zeta_omega, zeta_lambda, iterations: steps }, beta }
    }

    /// Weights from which a search begins.
    fn begin(&self, block: &Block, warm: Option<(&[f64], &[f64])>) -> (Vec<f64>, Vec<f64>) {
        let equal = |n: usize| vec![1.0 / n as f64; n];
        let omega = warm.map_or_else(|| equal(block.donors.len()), |(omega, _)| omega.to_vec());
        let lambda = match self.kind {
            SyntheticDidKind::SyntheticControl => vec![0.0; self.start],
            _ => warm.map_or_else(|| equal(self.start), |(_, lambda)| lambda.to_vec()),
        };
        (omega, lambda)
    }

    /// Weights for a block, from scratch or from weights close by.
    fn weights(&self, block: &Block, stopping: Stopping, warm: Option<(&[f64], &[f64])>) -> Result<Weights> {
        let (omega, lambda) = self.begin(block, warm);
        let search = |start| Search { stopping, start, is_warm: warm.is_some() };
        let ((omega, unit_steps), (lambda, time_steps)) = match self.kind {
            SyntheticDidKind::Did => ((omega, 0), (lambda, 0)),
            SyntheticDidKind::SyntheticControl => (self.omega(block, search(omega))?, (lambda, 0)),
            SyntheticDidKind::SyntheticDid => {
                (self.omega(block, search(omega))?, self.lambda(block, search(lambda))?)
            }
        };
        let (zeta_omega, zeta_lambda) = (self.zeta_omega, self.zeta_lambda);
        Ok(Weights { omega, lambda, zeta_omega, zeta_lambda, iterations: unit_steps + time_steps })
    }

    fn omega(&self, block: &Block, search: Search) -> Result<(Vec<f64>, usize)> {
        let (n, m) = (block.donors.len(), self.start);
        let row = |i: usize| &self.before[i * m..(i + 1) * m];
        let share = 1.0 / block.treated.len() as f64;
        let mut target = vec![0.0; m];
        for &r in &block.treated {
            target.iter_mut().zip(row(r)).for_each(|(b, y)| *b += share * y);
        }
        let cross: Vec<f64> = block.donors.iter().map(|&i| dot(row(i), &target)).collect();
        let eta = m as f64 * self.zeta_omega * self.zeta_omega;
        let largest = block.donors.iter().map(|&i| dot(row(i), row(i))).fold(0.0, f64::max);
        if search.stopping == Stopping::Exact && 2 * m < n && eta > 1e-4 * largest {
            let columns: Vec<&[f64]> = block.donors.iter().map(|&i| row(i)).collect();
            return ridge_simplex(&columns, &target, eta, &search.start);
        }
        let all = self.panel.n_units();
        let products = self.products.get_or_init(|| gram(&self.before, all, m, 0.0));
        let mut gram = Vec::with_capacity(n * n);
        let runs = runs(&block.donors);
        for &i in &block.donors {
            let row = &products[i * all..(i + 1) * all];
            runs.iter().for_each(|run| gram.extend_from_slice(&row[run.clone()]));
        }
        self.solve(gram, &cross, dot(&target, &target), eta, m, search)
    }

    fn lambda(&self, block: &Block, search: Search) -> Result<(Vec<f64>, usize)> {
        let (n, m) = (self.start, block.donors.len());
        let width = n + 1;
        let mut sums = vec![0.0; width];
        let mut products = vec![0.0; width * width];
        for &i in &block.donors {
            let row = &self.across[i * width..(i + 1) * width];
            sums.iter_mut().zip(row).for_each(|(sum, y)| *sum += y);
            for (t, line) in products.chunks_exact_mut(width).enumerate() {
                let factor = row[t];
                line[..=t].iter_mut().zip(row).for_each(|(entry, y)| *entry += factor * y);
            }
        }
        let centred =
            |t: usize, s: usize| products[t.max(s) * width + t.min(s)] - sums[t] * sums[s] / m as f64;
        let gram = (0..n).flat_map(|t| (0..n).map(move |s| (t, s))).map(|(t, s)| centred(t, s)).collect();
        let cross: Vec<f64> = (0..n).map(|t| centred(t, n)).collect();
        let eta = m as f64 * self.zeta_lambda * self.zeta_lambda;
        self.solve(gram, &cross, centred(n, n), eta, m, search)
    }

    fn solve(
        &self,
        gram: Vec<f64>,
        cross: &[f64],
        own: f64,
        eta: f64,
        m: usize,
        search: Search,
    ) -> Result<(Vec<f64>, usize)> {
        let n = cross.len();
        match search.stopping {
            Stopping::Reference => {
                let mut corners = gram;
                for (i, row) in corners.chunks_exact_mut(n).enumerate() {
                    row[i] += eta;
                    row.iter_mut().zip(cross).for_each(|(entry, c)| *entry -= c);
                }
                let products = Products { corners: &corners, cross, m };
                Ok(reference_weights_from(&products, search.start, self.min_decrease))
            }
            Stopping::Exact => {
                let mut h = gram;
                for (i, row) in h.chunks_exact_mut(n).enumerate() {
                    row.iter_mut().zip(cross).for_each(|(entry, c)| *entry += own - cross[i] - c);
                    row[i] += eta;
                }
                let begin = match search.is_warm {
                    true => Start::Weights(&search.start),
                    false => Start::for_ridge(eta, &h, n),
                };
                let found = least_norm(&h, n, begin)?;
                Ok((found.weights, found.iterations))
            }
        }
    }

    /// The gaps of a block.
    fn path(&self, block: &Block, found: &Found) -> Path {
        let mut gap = vec![0.0; block.end];
        let share = 1.0 / block.treated.len() as f64;
        let treated = block.treated.iter().map(|&row| (row, share));
        let donors = block.donors.iter().zip(&found.weights.omega).filter(|(_, w)| **w > 0.0);
        for (row, factor) in treated.chain(donors.map(|(&row, w)| (row, -w))) {
            let adjusted = self.panel.adjusted(row, &found.beta);
            gap.iter_mut().zip(adjusted.iter()).for_each(|(gap, y)| *gap += factor * y);
        }
        let level = dot(&found.weights.lambda, &gap[..self.start]);
        gap.iter_mut().for_each(|gap| *gap -= level);
        Path { n_treated: block.treated.len(), start: self.start, gap }
    }

    /// The gaps of a drawn block, from the weights of the cohort's own one, searched anew when `refit` says how.
    fn again(&self, own: &Block, found: &Found, drawn: &Block, refit: Option<Stopping>) -> Result<Path> {
        let mut by_row = vec![0.0; self.panel.n_units()];
        own.donors.iter().zip(&found.weights.omega).for_each(|(&row, w)| by_row[row] = *w);
        let omega = normalised(drawn.donors.iter().map(|&row| by_row[row]).collect());
        let lambda = &found.weights.lambda;
        let again = match refit {
            Some(stopping) => self.estimate(drawn, stopping, Some((&omega, lambda)))?,
            None if self.panel.covariates.is_empty() => {
                let weights = Weights { omega, lambda: lambda.clone(), ..found.weights };
                Found { weights, beta: Vec::new() }
            }
            None => self.joint(drawn, omega, lambda.clone(), false),
        };
        Ok(self.path(drawn, &again))
    }
}

/// Weights, and coefficients of covariates that were found with them.
struct Found {
    weights: Weights,
    beta: Vec<f64>,
}

/// A block as R collapses it: donors' rows and the mean treated row, over periods before adoption and the mean from
/// adoption on; each table of shape (J + 1, start + 1).
struct Collapsed {
    outcome: Vec<f64>,
    covariates: Vec<Vec<f64>>,
    width: usize,
}

/// Residuals of both problems, and the sum of their objectives.
struct Residuals {
    across_donors: Vec<f64>,
    across_periods: Vec<f64>,
    value: f64,
}

impl Collapsed {
    fn new(source: &Source<'_>, block: &Block) -> Self {
        let (t, start) = (source.panel.n_periods(), block.start);
        let table = |values: &[f64]| -> Vec<f64> {
            let row = |i: usize| -> Vec<f64> {
                let row = &values[i * t..i * t + block.end];
                row[..start].iter().copied().chain([mean(&row[start..])]).collect()
            };
            let mut treated = vec![0.0; start + 1];
            for &i in &block.treated {
                treated.iter_mut().zip(row(i)).for_each(|(sum, y)| *sum += y / block.treated.len() as f64);
            }
            block.donors.iter().flat_map(|&i| row(i)).chain(treated).collect()
        };
        Self {
            outcome: table(&source.panel.outcome),
            covariates: source.panel.covariates.iter().map(|(_, values)| table(values)).collect(),
            width: start + 1,
        }
    }

    fn step(
        &self,
        source: &Source<'_>,
        beta: &[f64],
        omega: &mut [f64],
        lambda: &mut [f64],
        updates: bool,
    ) -> Residuals {
        let (n, m, width) = (omega.len(), lambda.len(), self.width);
        let mut left = self.outcome.clone();
        for (column, b) in self.covariates.iter().zip(beta) {
            left.iter_mut().zip(column).for_each(|(y, x)| *y -= b * x);
        }
        let down = |t: usize| centred(&(0..n).map(|i| left[i * width + t]).collect::<Vec<f64>>());
        let columns: Vec<f64> = (0..m).flat_map(down).collect();
        let target = down(m);
        let times = Problem { columns: &columns, target: &target, zeta: source.zeta_lambda };
        let across_donors = match updates && source.kind == SyntheticDidKind::SyntheticDid {
            true => one_step(&times, lambda),
            false => residual(&times, lambda),
        };
        let along = |i: usize| match source.kind {
            SyntheticDidKind::SyntheticControl => left[i * width..i * width + m].to_vec(),
            _ => centred(&left[i * width..i * width + m]),
        };
        let columns: Vec<f64> = (0..n).flat_map(along).collect();
        let target = along(n);
        let units = Problem { columns: &columns, target: &target, zeta: source.zeta_omega };
        let across_periods = if updates { one_step(&units, omega) } else { residual(&units, omega) };
        let value = source.zeta_omega.powi(2) * dot(omega, omega)
            + source.zeta_lambda.powi(2) * dot(lambda, lambda)
            + dot(&across_periods, &across_periods) / m as f64
            + dot(&across_donors, &across_donors) / n as f64;
        Residuals { across_donors, across_periods, value }
    }

    /// Half the slope of the value in each coefficient.
    fn gradient(&self, now: &Residuals, omega: &[f64], lambda: &[f64]) -> Vec<f64> {
        let (n, m, width) = (omega.len(), lambda.len(), self.width);
        let slope = |x: &Vec<f64>| {
            let by_donor = |i: usize| dot(lambda, &x[i * width..i * width + m]) - x[i * width + m];
            let by_period = |t: usize| {
                omega.iter().enumerate().map(|(i, w)| w * x[i * width + t]).sum::<f64>() - x[n * width + t]
            };
            let donors: f64 = now.across_donors.iter().enumerate().map(|(i, u)| u * by_donor(i)).sum();
            let periods: f64 = now.across_periods.iter().enumerate().map(|(t, u)| u * by_period(t)).sum();
            -(donors / n as f64 + periods / m as f64)
        };
        self.covariates.iter().map(slope).collect()
    }
}

/// Where a search for weights begins and ends.
struct Search {
    stopping: Stopping,
    start: Vec<f64>,
    is_warm: bool,
}

/// Runs of consecutive numbers, in order.
fn runs(numbers: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some(run) if run.end == number => run.end += 1,
            _ => runs.push(number..number + 1),
        }
    }
    runs
}

/// All rows over the first `n_pre` periods, shape (N, n_pre).
fn rows_before(panel: &Rectangle, n_pre: usize, with_intercept: bool) -> Vec<f64> {
    (0..panel.n_units())
        .flat_map(|i| match with_intercept {
            true => centred(&panel.row(i)[..n_pre]),
            false => panel.row(i)[..n_pre].to_vec(),
        })
        .collect()
}

fn penalty(given: Option<f64>, factor: f64, noise: Option<f64>, own: &Block) -> Result<f64> {
    match (given, noise) {
        (Some(zeta), _) if zeta >= 0.0 && zeta.is_finite() => Ok(zeta),
        (Some(zeta), _) => Err(Error::new(
            ErrorKind::Domain,
            format!("ridge penalty {zeta}, expected a finite number of 0 or more"),
        )),
        (None, Some(noise)) => Ok(factor * noise),
        (None, None) => Err(Error::new(
            ErrorKind::TooFewPeriods,
            format!(
                "{} donors over {} periods before adoption, expected at least two first differences",
                own.donors.len(),
                own.start
            ),
        )),
    }
}

/// Weights that sum to 1; equal ones when all are 0.
fn normalised(mut weights: Vec<f64>) -> Vec<f64> {
    let (total, n) = (weights.iter().sum::<f64>(), weights.len());
    weights.iter_mut().for_each(|w| *w = if total > 0.0 { *w / total } else { 1.0 / n as f64 });
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 20 units over 12 periods; `adopted` says when each starts and what it gains.
    fn made(adopted: impl Fn(usize) -> Option<(usize, f64)>) -> Cells {
        let (mut unit, mut period, mut y, mut cohort) = (vec![], vec![], vec![], vec![]);
        for i in 0..20usize {
            for t in 0..12usize {
                let u = ((i * 7919 + t * 104_729 + i * t * 31 + i * i * t * 17) % 1009) as f64 / 1009.0;
                let level = 10.0 + 3.0 * ((i * 37) % 11) as f64 / 11.0;
                let wave = (1.0 + ((i * 53) % 7) as f64 / 7.0) * (0.6 * t as f64).sin();
                let gain = adopted(i).filter(|(start, _)| t >= *start).map_or(0.0, |(_, gain)| gain);
                unit.push(i);
                period.push(t as f64);
                y.push(level + wave + 0.2 * t as f64 + 2.0 * u + gain);
                cohort.push(adopted(i).map_or(f64::INFINITY, |(start, _)| start as f64));
            }
        }
        Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap()
    }

    fn three_treated() -> Cells {
        made(|i| (i >= 17).then_some((8, 1.5)))
    }

    fn two_cohorts() -> Cells {
        made(|i| match i {
            15 | 16 => Some((6, 1.0)),
            17.. => Some((9, 2.0)),
            _ => None,
        })
    }

    #[track_caller]
    fn check(cells: &Cells, options: &SyntheticDidPanelOptions, att: f64, jackknife: f64) {
        let options =
            SyntheticDidPanelOptions { inference: SyntheticDidInference::Jackknife, ..options.clone() };
        let found = synthetic_did_panel(cells, &options).unwrap();
        let estimate = found.estimates.get("att").unwrap().estimate;
        assert!((estimate.estimate - att).abs() < 1e-9, "{} expected {att}", estimate.estimate);
        let se = estimate.std_error.unwrap();
        assert!((se - jackknife).abs() < 1e-9, "{se} expected {jackknife}");
    }

    // Expected values: synthdid-py 0.1.0, which equals R synthdid 0.0.9 on Proposition 99 to 1e-12; 1e-9 for another
    // order of summation.
    #[test]
    fn blocks_and_their_jackknife_equal_the_reference() {
        let options = SyntheticDidPanelOptions::default();
        let of = |kind| SyntheticDidPanelOptions { kind, ..options.clone() };
        let cells = three_treated();
        check(&cells, &options, 1.267_356_340_402_258_3, 0.222_543_213_485_752_5);
        check(
            &cells,
            &of(SyntheticDidKind::SyntheticControl),
            1.356_060_878_110_376_7,
            0.845_133_026_114_664_7,
        );
        check(&cells, &of(SyntheticDidKind::Did), 1.275_764_832_781_563_2, 0.195_243_676_278_351_2);
    }

    #[test]
    fn staggered_cohorts_and_their_jackknife_equal_the_reference() {
        let options = SyntheticDidPanelOptions::default();
        check(&two_cohorts(), &options, 0.801_511_169_556_729_9, 0.663_424_721_664_873_2);
        let later = SyntheticDidPanelOptions { donors: DonorPool::NotYetTreated, ..options };
        check(&two_cohorts(), &later, 0.985_029_203_949_166_3, 0.519_484_864_514_380_8);
    }

    // The reference's own draws, 400 of them, give 0.218 and 0.330: within 15 %, three standard errors of either.
    #[test]
    fn random_errors_are_of_the_reference_size() {
        for (inference, expected) in
            [(SyntheticDidInference::Bootstrap, 0.218), (SyntheticDidInference::Placebo, 0.330)]
        {
            let options = SyntheticDidPanelOptions { inference, replications: 400, ..Default::default() };
            let found = synthetic_did_panel(&three_treated(), &options).unwrap();
            let se = found.estimates.terms[0].estimate.std_error.unwrap();
            assert!((se / expected - 1.0).abs() < 0.15, "{inference:?}: {se}");
            assert_eq!(found.replicates.len(), 400);
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bytes() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                synthetic_did_panel(&two_cohorts(), &SyntheticDidPanelOptions::default()).unwrap()
            })
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn event_times_average_to_the_effect_and_shares_to_one() {
        let found = synthetic_did_panel(&three_treated(), &SyntheticDidPanelOptions::default()).unwrap();
        let path: Vec<f64> =
            (0..4).map(|e| found.estimates.at_event_time(e).unwrap().estimate.estimate).collect();
        assert!((mean(&path) - found.estimates.terms[0].estimate.estimate).abs() < 1e-12);
        assert!(found.estimates.at_event_time(4).is_none());
        let found = synthetic_did_panel(&two_cohorts(), &SyntheticDidPanelOptions::default()).unwrap();
        let att: f64 = found.cohorts.iter().map(|cohort| cohort.share * cohort.fit.estimate).sum();
        assert!((att - found.estimates.get("att").unwrap().estimate.estimate).abs() < 1e-12);
        assert!((found.cohorts[0].share - 12.0 / 21.0).abs() < 1e-15);
        assert_eq!(found.estimates.get("att(9)").unwrap().cohort, Some(9.0));
    }

    // A covariate that carries all of an additive confounder leaves the effect of the panel without it: 1e-6, since
    // the coefficient is exact only up to the noise that it picks up, which is none here.
    #[test]
    fn a_covariate_is_taken_out_with_untreated_cells_only() {
        let clean = three_treated();
        let bump = |row: usize| ((row * 31 + row * row * 7) % 13) as f64;
        let x: Vec<f64> = (0..clean.n_obs()).map(bump).collect();
        let noisy: Vec<f64> = clean.outcome().iter().zip(&x).map(|(y, x)| y + 5.0 * x).collect();
        let cells = clean.clone().with_outcome(noisy).unwrap().with_covariate("x", &x).unwrap();
        let plain = clean.with_covariate("x", &x).unwrap();
        let options = SyntheticDidPanelOptions::default();
        let (with, without) =
            (synthetic_did_panel(&cells, &options).unwrap(), synthetic_did_panel(&plain, &options).unwrap());
        assert!((with.coefficients[0].1 - without.coefficients[0].1 - 5.0).abs() < 1e-9);
        let att = |found: &SyntheticDidPanel| found.estimates.terms[0].estimate.estimate;
        assert!((att(&with) - att(&without)).abs() < 1e-6);
    }

    // Expected values: synthdid-py 0.1.0 with X; the jackknife keeps the weights and finds the coefficient anew.
    #[test]
    fn coefficients_found_with_the_weights_equal_the_reference() {
        let clean = three_treated();
        let x = |row: usize| {
            let (i, t) = (row / 12, row % 12);
            ((i * 31 + t * 17 + i * i * t * 7) % 23) as f64 / 23.0 + 0.3 * (i as f64 + 0.5 * t as f64).sin()
        };
        let x: Vec<f64> = (0..240).map(x).collect();
        let outcome = clean.outcome().iter().zip(&x).map(|(y, x)| y + 0.8 * x).collect();
        let cells = clean.with_outcome(outcome).unwrap().with_covariate("x", &x).unwrap();
        let options =
            SyntheticDidPanelOptions { covariates: SyntheticDidCovariates::Joint, ..Default::default() };
        check(&cells, &options, 1.145_195_671_813_420_6, 0.213_388_493_710_119_53);
        let options = SyntheticDidPanelOptions {
            inference: SyntheticDidInference::Placebo,
            replications: 3,
            ..options
        };
        let found = synthetic_did_panel(&cells, &options).unwrap();
        assert!(found.estimates.terms[0].estimate.std_error.is_some());
        assert!((found.coefficients[0].1 - 0.212_989_17).abs() < 1e-8);
        let fit = &found.cohorts[0].fit;
        assert!((fit.estimate - found.estimates.terms[0].estimate.estimate).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_answered_is_typed() {
        let options = SyntheticDidPanelOptions::default();
        let kind = |cells: &Cells, options: &SyntheticDidPanelOptions| {
            synthetic_did_panel(cells, options).unwrap_err().kind()
        };
        assert_eq!(kind(&made(|_| None), &options), ErrorKind::NoTreated);
        assert_eq!(kind(&made(|_| Some((8, 0.0))), &options), ErrorKind::NoDonors);
        let few = SyntheticDidPanelOptions { replications: 1, ..options.clone() };
        assert_eq!(kind(&three_treated(), &few), ErrorKind::Domain);
        let flat = three_treated().with_covariate("flat", &[2.0; 240]).unwrap();
        assert_eq!(kind(&flat, &options), ErrorKind::Collinear);

        let one = made(|i| (i == 3).then_some((8, 1.0)));
        let jackknife =
            SyntheticDidPanelOptions { inference: SyntheticDidInference::Jackknife, ..options.clone() };
        let found = synthetic_did_panel(&one, &jackknife).unwrap();
        assert!(found.estimates.terms[0].estimate.std_error.is_none());
        assert!(matches!(found.estimates.caveats[..], [Caveat::NotEstimated { .. }]));
        let many = made(|i| (i >= 9).then_some((8, 1.0)));
        let found = synthetic_did_panel(&many, &options).unwrap();
        assert!(matches!(found.estimates.caveats[..], [Caveat::NotEstimated { .. }]));
    }

    #[test]
    fn incomplete_and_always_treated_units_leave_with_a_caveat() {
        let whole = made(|i| match i {
            0 => Some((0, 1.0)),
            17.. => Some((8, 1.5)),
            _ => None,
        });
        let cells = whole.select(&(0..whole.n_obs()).filter(|&row| row != 13).collect::<Vec<_>>());
        let found = synthetic_did_panel(&cells, &SyntheticDidPanelOptions::default()).unwrap();
        assert_eq!(found.estimates.n_units, 18);
        assert_eq!(
            found.estimates.caveats,
            [Caveat::Unbalanced { n_units: 1 }, Caveat::AlwaysTreated { n_units: 1 }]
        );
    }

    // Over 60 seeds: mean error within four standard errors, and the placebo interval covers 95 % within three of
    // its standard errors (0.95 ± 0.085).
    #[test]
    fn a_known_effect_is_recovered_and_covered() {
        let (mut errors, mut covered) = (Vec::new(), 0);
        for seed in 0..60 {
            let stream = Stream::new(seed, 2);
            let at = |i: usize, t: usize| stream.normal((i * 40 + t) as u64);
            let (mut unit, mut period, mut y, mut cohort) = (vec![], vec![], vec![], vec![]);
            for i in 0..24 {
                for t in 0..16 {
                    unit.push(i);
                    period.push(t as f64);
                    cohort.push(if i < 4 { 12.0 } else { f64::INFINITY });
                    let gain = if i < 4 && t >= 12 { 1.0 } else { 0.0 };
                    y.push(3.0 * at(i, 30) + at(i, 31) * (0.5 * t as f64).sin() + 0.5 * at(i, t) + gain);
                }
            }
            let cells = Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap();
            let options = SyntheticDidPanelOptions { replications: 80, ..Default::default() };
            let found = synthetic_did_panel(&cells, &options).unwrap().estimates.terms[0].estimate;
            errors.push(found.estimate - 1.0);
            covered += usize::from(found.interval_95().contains(1.0));
        }
        let sd = standard_deviation(&errors).unwrap();
        assert!(mean(&errors).abs() < 4.0 * sd / 60f64.sqrt(), "bias {}", mean(&errors));
        assert!((52..=60).contains(&covered), "{covered} of 60");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn row_order_labels_shift_and_scale_do_not_matter(seed in 0u64..500, shift in -50.0..50.0f64, scale in 0.1..20.0f64) {
            let cells = two_cohorts();
            let options =
                SyntheticDidPanelOptions { stopping: Stopping::Exact, replications: 20, ..Default::default() };
            let base = synthetic_did_panel(&cells, &options).unwrap().estimates.terms[0].estimate;
            let mut order: Vec<usize> = (0..cells.n_obs()).collect();
            order.sort_by_key(|&row| Stream::new(seed, 0).bits(row as u64));
            let take = |f: &dyn Fn(usize) -> f64| order.iter().map(|&row| f(row)).collect::<Vec<f64>>();
            let unit: Vec<usize> = order.iter().map(|&row| 100 + 3 * cells.unit().at(row)).collect();
            let period = take(&|row| cells.time(row));
            let outcome = take(&|row| scale * (cells.outcome()[row] + shift));
            let cohort = take(&|row| cells.cohort()[row]);
            let moved = Cells::new(&unit, &period, &outcome).unwrap().with_cohort(&cohort).unwrap();
            let found = synthetic_did_panel(&moved, &options).unwrap().estimates.terms[0].estimate;
            prop_assert!((found.estimate - scale * base.estimate).abs() < 1e-7 * scale);
            prop_assert!((found.std_error.unwrap() - scale * base.std_error.unwrap()).abs() < 1e-6 * scale);
        }
    }
}
