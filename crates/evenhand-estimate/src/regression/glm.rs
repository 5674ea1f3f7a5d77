//! Regressions whose mean is a function of a linear predictor, with any number of absorbed fixed effects: Poisson
//! and fractional logit pseudo maximum likelihood on rows and columns. `poisson.rs` says what is estimated and
//! under which assumptions; `irls.rs` says how.

use super::irls::{self, Control, Family, Problem, SparseColumns};
use super::projection::{Projection, parents};
use super::separation::{LeaveOut, leave_out};
use super::vcov::{ClusterDf, CountEffects, Scores, SmallSample, TDf, Vcov};
use super::{Absorber, Columns};
use crate::error::{finite, same_length};
use crate::{Caveat, Error, ErrorKind, Factor, Matrix, Result};
use evenhand_linalg::SymmetricEigen;
use std::borrow::Cow;

/// What is regressed on what: one entry for each row in every list.
#[derive(Debug, Clone, Copy)]
pub struct Regression<'a> {
    /// The outcome, 0 or more.
    pub outcome: &'a [f64],
    /// Columns whose coefficients are wanted. Without absorbed factors give an intercept.
    pub columns: &'a Columns,
    /// Factors whose levels have an effect each.
    pub absorbed: &'a [&'a Factor],
    /// Sampling weights, above 0.
    pub weights: Option<&'a [f64]>,
    /// Added to the linear predictor with coefficient 1: the logarithm of exposure.
    pub offset: Option<&'a [f64]>,
}

/// The mean as a function of the linear predictor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Link {
    /// exp, for outcomes of 0 or more: Poisson.
    #[default]
    Log,
    /// The logistic function, for outcomes from 0 to 1, shares included: fractional logit.
    Logit,
}

/// Options of [`glm()`].
#[derive(Debug, Clone, PartialEq)]
pub struct GlmOptions {
    /// Default: the logarithm (Poisson).
    pub link: Link,
    /// Default: iid, which supposes that the variance is the mean; prefer clusters. Factors have one entry for
    /// each row given, used or not.
    pub vcov: Vcov,
    /// Default: as `fixest`. Tests are normal unless degrees of freedom are given.
    pub small_sample: SmallSample,
    /// Default: levels that fit perfectly, as `fixest`.
    pub leave_out: LeaveOut,
    /// Whether rows that a combination of columns separates are left out, once the fit gives reason to look;
    /// default true. `fixest` does not look, `ppmlhdfe` does.
    pub rectify: bool,
    /// The fit ends one step after a step that promises to change the deviance by less than this share of its mean
    /// by row; default 1e-8. Steps are Newton's, so that coefficients are then good to about 1e-12.
    pub tolerance: f64,
    /// Default 50.
    pub max_iterations: usize,
}

impl Default for GlmOptions {
    fn default() -> Self {
        Self {
            link: Link::default(),
            vcov: Vcov::default(),
            small_sample: SmallSample::default(),
            leave_out: LeaveOut::default(),
            rectify: true,
            tolerance: 1e-8,
            max_iterations: 50,
        }
    }
}

/// A fitted regression; k coefficients, n rows used.
#[derive(Debug, Clone, PartialEq)]
pub struct Glm {
    /// Names of the coefficients that were estimated.
    pub names: Vec<String>,
    /// (k,).
    pub coefficients: Vec<f64>,
    /// Covariance as asked for, shape (k, k).
    pub vcov: Matrix,
    /// Inverse information given all effects, shape (k, k): what a sandwich has on both sides.
    pub bread: Matrix,
    /// The rows used, in rising order; (n,).
    pub rows: Vec<usize>,
    /// The fitted mean of each row used, (n,).
    pub fitted: Vec<f64>,
    /// Effects by absorbed factor and level; only sums over factors are identified. NaN for a level whose rows were
    /// left out, minus infinity where their outcomes are all 0.
    pub effects: Vec<Vec<f64>>,
    /// Twice the shortfall of the log-likelihood from its largest value.
    pub deviance: f64,
    /// Newton steps.
    pub iterations: usize,
    /// Degrees of freedom of t tests; `None` for the normal distribution.
    pub df: Option<f64>,
    /// The smallest number of clusters, when clustered.
    pub n_clusters: Option<usize>,
    /// K of the correction for small samples.
    pub n_parameters: usize,
    /// What was left out.
    pub caveats: Vec<Caveat>,
}

/// Pseudo maximum likelihood with absorbed fixed effects.
///
/// ```
/// use evenhand_estimate::{Factor, regression::{Columns, GlmOptions, Regression, glm}};
/// // Counts of two units over three periods; x doubles the mean of unit 1 in the last.
/// let (unit, period) = (Factor::new(&[0, 0, 0, 1, 1, 1]), Factor::new(&[1, 2, 3, 1, 2, 3]));
/// let x = Columns::new(6).dense("x", vec![0.0, 0.0, 0.0, 0.0, 0.0, 1.0])?;
/// let fit = glm(
///     &Regression {
///         outcome: &[2.0, 4.0, 3.0, 6.0, 12.0, 18.0],
///         columns: &x,
///         absorbed: &[&unit, &period],
///         weights: None,
///         offset: None,
///     },
///     &GlmOptions::default(),
/// )?;
/// assert!((fit.coefficients[0] - 2f64.ln()).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::Domain`] for an outcome outside the range of the
/// link or a weight of 0 or less, [`ErrorKind::NoObservations`] when no row is left, [`ErrorKind::Collinear`] when
/// no column is, [`ErrorKind::NotConverged`], and what [`Scores::covariance`] refuses.
pub fn glm(regression: &Regression<'_>, options: &GlmOptions) -> Result<Glm> {
    let problem = problem(regression, options.link)?;
    let control = Control { tolerance: options.tolerance, max_iterations: options.max_iterations };
    let Fitted { rows, selected, fit, mut caveats } =
        fit_kept(&problem, options.leave_out, options.rectify, control)?;
    let used = selected.as_ref().unwrap_or(&problem);
    let names = regression.columns.names();
    let (kept, dropped): (Vec<_>, Vec<_>) = names.into_iter().zip(&fit.kept).partition(|(_, kept)| **kept);
    let name = |list: Vec<(String, &bool)>| list.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let (names, dropped) = (name(kept), name(dropped));
    if names.is_empty() && !dropped.is_empty() {
        let message = format!("no column is left of {}: the fixed effects explain them", dropped.join(", "));
        return Err(Error::new(ErrorKind::Collinear, message));
    }
    if !dropped.is_empty() {
        caveats.push(Caveat::Collinear { columns: dropped });
    }
    let clusters = Selected { vcov: &options.vcov, rows: rows.as_deref() };
    let spread = covariance(used, &fit, regression.columns, rows.as_deref(), &clusters.select(), options)?;
    let rows = rows.unwrap_or_else(|| (0..problem.outcome.len()).collect());
    let effects = effects_of_all(&problem, used, &fit, &rows);
    Ok(Glm {
        names,
        coefficients: (fit.coefficients.iter().zip(&fit.kept))
            .filter(|(_, kept)| **kept)
            .map(|(b, _)| *b)
            .collect(),
        vcov: spread.matrix,
        bread: fit.bread,
        rows,
        fitted: fit.mean,
        effects,
        deviance: fit.deviance,
        iterations: fit.iterations,
        df: spread.df,
        n_clusters: spread.n_clusters,
        n_parameters: spread.n_parameters,
        caveats,
    })
}

/// A fit to the rows that stay.
pub(crate) struct Fitted {
    /// In rising order; `None` when all stay.
    pub rows: Option<Vec<usize>>,
    /// The problem on those rows, when not all stay.
    pub selected: Option<Problem<'static>>,
    pub fit: irls::Fit,
    pub caveats: Vec<Caveat>,
}

/// Leaves out rows by the rules of the effects, fits, and looks for separated rows when the fit gives reason to.
pub(crate) fn fit_kept(
    problem: &Problem<'_>,
    rule: LeaveOut,
    rectify: bool,
    control: Control,
) -> Result<Fitted> {
    let mut caveats = Vec::new();
    let kept = leave_out(problem, rule);
    if kept.separated > 0 {
        caveats.push(Caveat::Separated { n: kept.separated });
    }
    if kept.singletons > 0 {
        caveats.push(Caveat::Singletons { n: kept.singletons });
    }
    let rows = kept.rows;
    let selected = rows.as_ref().map(|rows| problem.select(rows));
    let used = selected.as_ref().unwrap_or(problem);
    let fit = irls::fit(used, control);
    if problem.family != Family::Poisson || !rectify || !is_suspect(used, &fit) {
        return Ok(Fitted { rows, selected, fit: fit?, caveats });
    }
    let separated = irls::separated(used)?;
    if separated.is_empty() {
        return Ok(Fitted { rows, selected, fit: fit?, caveats });
    }
    caveats.push(Caveat::Separated { n: separated.len() });
    let mut stays = vec![true; used.outcome.len()];
    separated.iter().for_each(|&row| stays[row] = false);
    let of_used: Vec<usize> = (0..stays.len()).filter(|&row| stays[row]).collect();
    let fewer = used.select(&of_used);
    let fit = irls::fit(&fewer, control)?;
    let rows = rows.map_or(of_used.clone(), |rows| of_used.iter().map(|&row| rows[row]).collect());
    Ok(Fitted { rows: Some(rows), selected: Some(fewer), fit, caveats })
}

fn problem<'a>(regression: &Regression<'a>, link: Link) -> Result<Problem<'a>> {
    let Regression { outcome, columns, absorbed, weights, offset } = *regression;
    let n = outcome.len();
    same_length(n, columns.n_rows(), "outcomes and rows of columns")?;
    absorbed.iter().try_for_each(|factor| same_length(n, factor.len(), "outcomes and rows of a factor"))?;
    let highest = if link == Link::Logit { 1.0 } else { f64::MAX };
    for (row, &y) in outcome.iter().enumerate() {
        if !y.is_finite() {
            finite(y, &format!("row {row}: outcome"))?;
        }
        if !(0.0..=highest).contains(&y) {
            let range = if link == Link::Logit { "0 to 1" } else { "0 or more" };
            return Err(Error::new(ErrorKind::Domain, format!("row {row}: outcome {y}, expected {range}")));
        }
    }
    if let Some(weights) = weights {
        same_length(n, weights.len(), "outcomes and weights")?;
        for (row, &weight) in weights.iter().enumerate() {
            if !(weight > 0.0 && weight.is_finite()) {
                let message = format!("row {row}: weight {weight}, expected a finite number above 0");
                return Err(Error::new(ErrorKind::Domain, message));
            }
        }
    }
    if let Some(offset) = offset {
        same_length(n, offset.len(), "outcomes and offsets")?;
        offset.iter().try_for_each(|&o| finite(o, "offset").map(drop))?;
    }
    Ok(Problem {
        family: if link == Link::Logit { Family::Logit } else { Family::Poisson },
        outcome: Cow::Borrowed(outcome),
        weights: weights.map(Cow::Borrowed),
        offset: offset.map(Cow::Borrowed),
        absorbed: absorbed.iter().map(|&factor| Cow::Borrowed(factor)).collect(),
        columns: columns.dense.iter().map(|(_, values)| Cow::Borrowed(&values[..])).collect(),
        sparse: (columns.sparse.iter())
            .map(|group| SparseColumns {
                at: Cow::Borrowed(&group.at[..]),
                values: group.values.as_deref().map(Cow::Borrowed),
                n_columns: group.names.len(),
            })
            .collect(),
    })
}

/// Whether some coefficient may be on its way to infinity.
fn is_suspect(problem: &Problem<'_>, fit: &Result<irls::Fit>) -> bool {
    match fit {
        Err(error) => matches!(error.kind(), ErrorKind::NotConverged | ErrorKind::NonFinite),
        Ok(fit) => {
            let mean = problem.outcome.iter().sum::<f64>() / problem.outcome.len() as f64;
            let vanishes = |(y, mu): (&f64, &f64)| *y <= 0.0 && *mu < 1e-7 * mean;
            fit.is_suspect || problem.outcome.iter().zip(&fit.mean).any(vanishes)
        }
    }
}

/// A covariance whose factors still have all rows.
struct Selected<'a> {
    vcov: &'a Vcov,
    rows: Option<&'a [usize]>,
}

impl Selected<'_> {
    fn select(&self) -> Vcov {
        let Some(rows) = self.rows else { return self.vcov.clone() };
        match self.vcov {
            Vcov::Cluster(clusters) => Vcov::Cluster(clusters.iter().map(|c| c.select(rows)).collect()),
            Vcov::Cr2(cluster) => Vcov::Cr2(cluster.select(rows)),
            Vcov::Cr3(cluster) => Vcov::Cr3(cluster.select(rows)),
            other => other.clone(),
        }
    }
}

struct Spread {
    matrix: Matrix,
    df: Option<f64>,
    n_clusters: Option<usize>,
    n_parameters: usize,
}

fn covariance(
    problem: &Problem<'_>,
    fit: &irls::Fit,
    columns: &Columns,
    rows: Option<&[usize]>,
    vcov: &Vcov,
    options: &GlmOptions,
) -> Result<Spread> {
    let weight = |row: usize| problem.weights.as_ref().map_or(1.0, |weights| weights[row]);
    let errors: Vec<f64> = (problem.outcome.iter().zip(&fit.mean).enumerate())
        .map(|(row, (y, mean))| weight(row) * (y - mean))
        .collect();
    let n = errors.len() as f64;
    let clusters: &[Factor] = match vcov {
        Vcov::Cluster(clusters) => clusters,
        _ => &[],
    };
    for cluster in clusters {
        same_length(errors.len(), cluster.len(), "rows and clusters")?;
        if cluster.n_levels() < 2 {
            let message = format!("{} cluster, expected two or more", cluster.n_levels());
            return Err(Error::new(ErrorKind::TooFewClusters, message));
        }
    }
    let small = &options.small_sample;
    let n_parameters = n_parameters(problem, fit, clusters, small)?;
    let left = n - n_parameters as f64;
    if left < 1.0 {
        let message = format!("{n} rows and {n_parameters} parameters, expected fewer parameters than rows");
        return Err(Error::new(ErrorKind::Degenerate, message));
    }
    let adjustment = if small.adjust { (n - 1.0) / left } else { 1.0 };
    let matrix = match vcov {
        Vcov::Iid => fit.bread.clone().scaled(adjustment),
        Vcov::Hc1 => {
            let own = if small.adjust_clusters { n / (n - 1.0) } else { 1.0 };
            sandwich(&fit.bread, &meat(problem, fit, &errors)).scaled(own * adjustment)
        }
        Vcov::Cluster(clusters) => {
            let meat = clustered_meat(problem, fit, &errors, clusters, small);
            positive(sandwich(&fit.bread, &meat).scaled(adjustment))
        }
        other => return by_projection(problem, fit, columns, rows, &errors, other, small),
    };
    let df = if let TDf::Of(df) = small.t_df { Some(df) } else { None };
    Ok(Spread { matrix, df, n_clusters: clusters.iter().map(Factor::n_levels).min(), n_parameters })
}

/// Covariances that need leverages: those of the weighted regression of the last step.
fn by_projection(
    problem: &Problem<'_>,
    fit: &irls::Fit,
    columns: &Columns,
    rows: Option<&[usize]>,
    errors: &[f64],
    vcov: &Vcov,
    small: &SmallSample,
) -> Result<Spread> {
    let weights: Vec<f64> = (0..errors.len()).map(|row| problem.working_weight(row, fit.mean[row])).collect();
    let absorbed: Vec<&Factor> = problem.absorbed.iter().map(AsRef::as_ref).collect();
    let columns = rows.map_or_else(|| columns.clone(), |rows| columns.clone().select(rows));
    let projection = Projection::new(columns, &absorbed, Some(&weights))?;
    let small =
        SmallSample { t_df: if let TDf::Of(df) = small.t_df { TDf::Of(df) } else { TDf::Normal }, ..*small };
    let found = Scores { projection: &projection, errors, dispersion: 1.0 }.covariance(vcov, &small)?;
    Ok(Spread {
        matrix: found.matrix,
        df: found.df,
        n_clusters: found.n_clusters,
        n_parameters: found.n_parameters,
    })
}

/// K of the correction for small samples: coefficients, and the effects that count.
fn n_parameters(
    problem: &Problem<'_>,
    fit: &irls::Fit,
    clusters: &[Factor],
    small: &SmallSample,
) -> Result<usize> {
    let (k, factors) = (fit.bread.n_rows(), &problem.absorbed);
    if factors.is_empty() || small.effects == CountEffects::None {
        return Ok(k);
    }
    let all = if small.exact {
        Absorber::new(&factors.iter().map(AsRef::as_ref).collect::<Vec<_>>(), None)?.degrees_of_freedom()
    } else {
        factors.iter().map(|factor| factor.n_levels()).sum::<usize>() - (factors.len() - 1)
    };
    if small.effects == CountEffects::Full || clusters.is_empty() {
        return Ok(k + all);
    }
    let is_nested = |factor: &Factor| clusters.iter().any(|cluster| parents(factor, cluster).is_some());
    let nested: Vec<usize> =
        factors.iter().filter(|factor| is_nested(factor)).map(|factor| factor.n_levels()).collect();
    if nested.len() == factors.len() {
        return Ok(k + 1);
    }
    Ok((k + all + nested.len()).saturating_sub(nested.iter().sum()).max(k + 1))
}

fn sandwich(bread: &Matrix, meat: &Matrix) -> Matrix {
    symmetric(bread.mul(meat).mul(bread))
}

fn symmetric(a: Matrix) -> Matrix {
    Matrix::from_fn(a.n_rows(), a.n_cols(), |i, j| f64::midpoint(a[(i, j)], a[(j, i)]))
}

/// Several ways of clustering can leave a variance below 0: eigenvalues are raised to 1e-10, as `fixest` does.
fn positive(a: Matrix) -> Matrix {
    if a.diagonal().iter().all(|&variance| variance >= 0.0) {
        return a;
    }
    SymmetricEigen::new(&a).map_or(a, |eigen| symmetric(eigen.map(|value| value.max(1e-10))))
}

/// The sum of outer products of the scores of rows.
fn meat(problem: &Problem<'_>, fit: &irls::Fit, errors: &[f64]) -> Matrix {
    const BLOCK: usize = 1024;
    let k = fit.bread.n_rows();
    let mut sum = Matrix::zeros(k, k);
    for start in (0..errors.len()).step_by(BLOCK) {
        let mut scores = Matrix::zeros(k, BLOCK.min(errors.len() - start));
        for (row, score) in (start..).zip(scores.cols_mut()) {
            fit.residual_columns(problem, row, score);
            score.iter_mut().for_each(|x| *x *= errors[row]);
        }
        sum = sum.plus(&scores.mul(&scores.transpose()), 1.0);
    }
    sum
}

fn clustered_meat(
    problem: &Problem<'_>,
    fit: &irls::Fit,
    errors: &[f64],
    clusters: &[Factor],
    small: &SmallSample,
) -> Matrix {
    let k = fit.bread.n_rows();
    let share = |levels: usize| levels as f64 / (levels as f64 - 1.0);
    let fewest = clusters.iter().map(Factor::n_levels).min().unwrap_or(2);
    let mut sum = Matrix::zeros(k, k);
    for subset in 1u32..1 << clusters.len() {
        let chosen = clusters.iter().enumerate().filter(|(way, _)| subset >> way & 1 == 1);
        let crossed =
            chosen.map(|(_, cluster)| Cow::Borrowed(cluster)).reduce(|one, two| Cow::Owned(one.cross(&two)));
        let Some(crossed) = crossed else { continue };
        let sign = if subset.count_ones() % 2 == 1 { 1.0 } else { -1.0 };
        let own = match (small.adjust_clusters, small.cluster_df) {
            (true, ClusterDf::Min) => share(fewest),
            (true, ClusterDf::Conventional) => share(crossed.n_levels()),
            (false, _) => 1.0,
        };
        sum = sum.plus(&fit.cluster_scores(problem, errors, &crossed).gram(), sign * own);
    }
    sum
}

/// Effects of the fit by the levels of the factors as given.
pub(crate) fn effects_of_all(
    problem: &Problem<'_>,
    used: &Problem<'_>,
    fit: &irls::Fit,
    rows: &[usize],
) -> Vec<Vec<f64>> {
    let factors = problem.absorbed.iter().zip(&used.absorbed).zip(&fit.effects);
    factors
        .map(|((given, used), effects)| {
            let mut all = vec![f64::NEG_INFINITY; given.n_levels()];
            for (row, &y) in problem.outcome.iter().enumerate().filter(|(_, y)| **y > 0.0) {
                debug_assert!(y > 0.0);
                all[given.at(row)] = f64::NAN;
            }
            rows.iter().enumerate().for_each(|(at, &row)| all[given.at(row)] = effects[used.at(at)]);
            all
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    /// A panel of counts: 24 units, 8 periods, three cohorts; x varies within units when `with_x`.
    struct Panel {
        unit: Factor,
        period: Factor,
        outcome: Vec<f64>,
        event: Vec<u32>,
        x: Vec<f64>,
        weights: Vec<f64>,
    }

    fn panel(seed: u64) -> Panel {
        let draw = Stream::new(seed, 0);
        let (mut unit, mut period, mut outcome) = (Vec::new(), Vec::new(), Vec::new());
        let (mut event, mut x, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..24u64 {
            for t in 0..8u64 {
                let at = 8 * i + t;
                let e = match i % 3 {
                    0 => NONE_HERE,
                    1 => (t as i64) - 3,
                    _ => (t as i64) - 5,
                };
                let treated = e != NONE_HERE && e >= 0;
                let mean =
                    (0.8 + 0.5 * draw.normal(1000 + i) + 0.1 * t as f64 + if treated { 0.4 } else { 0.0 })
                        .exp();
                unit.push(i);
                period.push(t);
                outcome.push((mean + mean.sqrt() * draw.normal(at)).round().max(0.0));
                event.push(if e == NONE_HERE || e == -1 { u32::MAX } else { (e + 5) as u32 });
                x.push(draw.normal(5000 + at));
                weights.push(1.0 + (i % 4) as f64);
            }
        }
        Panel { unit: Factor::new(&unit), period: Factor::new(&period), outcome, event, x, weights }
    }

    const NONE_HERE: i64 = i64::MIN;

    fn names() -> Vec<String> {
        (0..10).map(|e| format!("e{e}")).collect()
    }

    /// Newton's method on every column, effects as indicators: slow, and shares nothing with the crate's way.
    fn dense(
        outcome: &[f64],
        columns: &[Vec<f64>],
        weights: &[f64],
        offset: &[f64],
        logit: bool,
    ) -> (Vec<f64>, Matrix) {
        let x = Matrix::from_columns(outcome.len(), columns);
        let mut beta = vec![0.0; columns.len()];
        let mean = |eta: f64| if logit { 1.0 / (1.0 + (-eta).exp()) } else { eta.exp() };
        let mut information = Matrix::zeros(0, 0);
        for _ in 0..60 {
            let eta = x.mul_vec(&beta);
            let mu: Vec<f64> = eta.iter().zip(offset).map(|(eta, o)| mean(eta + o)).collect();
            let v: Vec<f64> =
                mu.iter().zip(weights).map(|(mu, w)| w * if logit { mu * (1.0 - mu) } else { *mu }).collect();
            let score: Vec<f64> =
                outcome.iter().zip(&mu).zip(weights).map(|((y, mu), w)| w * (y - mu)).collect();
            let weighted = Matrix::from_fn(x.n_rows(), x.n_cols(), |i, j| v[i] * x[(i, j)]);
            information = x.t_mul(&weighted);
            let factor = evenhand_linalg::Cholesky::new(&information).unwrap();
            let step = factor.solve(&x.t_mul_vec(&score));
            let longest = step.iter().fold(0.0f64, |a, b| a.max(b.abs()));
            beta.iter_mut().zip(step).for_each(|(b, s)| *b += s / longest.max(1.0));
        }
        (beta, evenhand_linalg::Cholesky::new(&information).unwrap().inverse())
    }

    /// Columns of the indicators of a factor but its first `skip` levels.
    fn indicators(factor: &Factor, skip: usize) -> Vec<Vec<f64>> {
        (skip..factor.n_levels())
            .map(|level| factor.codes().iter().map(|&c| f64::from(u8::from(c as usize == level))).collect())
            .collect()
    }

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!(
            (found - expected).abs() <= tolerance * expected.abs().max(1.0),
            "{found}, expected {expected}"
        );
    }

    /// Coefficients, bread, clustered covariance and fitted means against the dense way.
    fn check(panel: &Panel, with_x: bool, with_weights: bool, offset: Option<&[f64]>, link: Link) {
        let n = panel.outcome.len();
        let shares: Vec<f64> = panel.outcome.iter().map(|y| y / (y + 4.0)).collect();
        let outcome = if link == Link::Logit { &shares } else { &panel.outcome };
        let mut columns = Columns::new(n);
        let mut all = Vec::new();
        if with_x {
            columns = columns.dense("x", panel.x.clone()).unwrap();
            all.push(panel.x.clone());
        }
        columns = columns.sparse(names(), panel.event.clone(), None).unwrap();
        // Event time 0 - 5 is the first of one cohort, 9 does not occur; -1 is code 4.
        for e in (0..10).filter(|e| panel.event.contains(e)) {
            all.push(panel.event.iter().map(|&at| f64::from(u8::from(at == e))).collect());
        }
        let k = all.len();
        all.extend(indicators(&panel.unit, 0));
        all.extend(indicators(&panel.period, 1));
        let ones = vec![1.0; n];
        let weights = if with_weights { &panel.weights } else { &ones };
        let zero = vec![0.0; n];
        let (beta, inverse) = dense(outcome, &all, weights, offset.unwrap_or(&zero), link == Link::Logit);
        let regression = Regression {
            outcome,
            columns: &columns,
            absorbed: &[&panel.unit, &panel.period],
            weights: with_weights.then_some(&panel.weights[..]),
            offset,
        };
        let options = GlmOptions {
            link,
            vcov: Vcov::Cluster(vec![panel.unit.clone()]),
            small_sample: SmallSample::none(),
            ..GlmOptions::default()
        };
        let fit = glm(&regression, &options).unwrap();
        assert_eq!(fit.coefficients.len(), k);
        let x = Matrix::from_columns(n, &all);
        let eta = x.mul_vec(&beta);
        let mut scores = Matrix::zeros(24, all.len());
        for row in 0..n {
            let eta = eta[row] + offset.map_or(0.0, |o| o[row]);
            let mean = if link == Link::Logit { 1.0 / (1.0 + (-eta).exp()) } else { eta.exp() };
            close(fit.fitted[row], mean, 1e-9);
            let error = weights[row] * (outcome[row] - mean);
            (0..all.len()).for_each(|j| scores[(panel.unit.at(row), j)] += error * x[(row, j)]);
            let effects = fit.effects[0][panel.unit.at(row)] + fit.effects[1][panel.period.at(row)];
            let own: f64 = (0..k).map(|j| x[(row, j)] * fit.coefficients[j]).sum();
            close(effects + own + offset.map_or(0.0, |o| o[row]), eta, 1e-8);
        }
        let sandwich = inverse.mul(&scores.gram()).mul(&inverse);
        for i in 0..k {
            close(fit.coefficients[i], beta[i], 1e-10);
            for j in 0..k {
                close(fit.bread[(i, j)], inverse[(i, j)], 1e-9);
                close(fit.vcov[(i, j)], sandwich[(i, j)], 1e-9);
            }
        }
    }

    // With and without what keeps units from being summed: a column and an offset that vary within them.
    #[test]
    fn fits_equal_newton_steps_on_all_columns() {
        let panel = panel(3);
        let offset: Vec<f64> = panel.x.iter().map(|x| 0.2 * x * x).collect();
        for with_weights in [false, true] {
            check(&panel, false, with_weights, None, Link::Log);
            check(&panel, true, with_weights, None, Link::Log);
            check(&panel, true, with_weights, Some(&offset), Link::Log);
            check(&panel, true, with_weights, None, Link::Logit);
        }
    }

    #[test]
    fn levels_of_zeros_and_singletons_leave_as_asked() {
        // Unit 2 is all 0; unit 3 has one row.
        let unit = Factor::new(&[0, 0, 0, 1, 1, 1, 2, 2, 2, 3]);
        let period = Factor::new(&[0, 1, 2, 0, 1, 2, 0, 1, 2, 1]);
        let y = [2.0, 4.0, 3.0, 6.0, 12.0, 18.0, 0.0, 0.0, 0.0, 5.0];
        let x = Columns::new(10).dense("x", vec![0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
        let regression =
            Regression { outcome: &y, columns: &x, absorbed: &[&unit, &period], weights: None, offset: None };
        for (rule, n, caveats) in [
            (LeaveOut::PerfectFits, 7, vec![Caveat::Separated { n: 3 }]),
            (LeaveOut::Both, 6, vec![Caveat::Separated { n: 3 }, Caveat::Singletons { n: 1 }]),
        ] {
            let fit = glm(&regression, &GlmOptions { leave_out: rule, ..GlmOptions::default() }).unwrap();
            assert_eq!((fit.rows.len(), fit.caveats), (n, caveats));
            close(fit.coefficients[0], 2f64.ln(), 1e-12);
            assert!(fit.effects[0][2].is_infinite());
        }
    }

    // The first example of Correia, Guimarães and Zylkin (2019): no regressor separates rows alone.
    #[test]
    fn rows_separated_by_a_combination_of_columns_are_found() {
        let y = [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 2.0, 5.0];
        let x1 = vec![2.0, 0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 4.0];
        let x2 = vec![0.0, 0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 4.0];
        // x1 - x2 is 2 in row 0 and 0 elsewhere.
        let x = Columns::new(8).intercept().dense("x1", x1).unwrap().dense("x2", x2).unwrap();
        let regression = Regression { outcome: &y, columns: &x, absorbed: &[], weights: None, offset: None };
        let fit = glm(&regression, &GlmOptions::default()).unwrap();
        assert_eq!(fit.rows, (1..8).collect::<Vec<_>>());
        assert_eq!(
            fit.caveats,
            [Caveat::Separated { n: 1 }, Caveat::Collinear { columns: vec!["x2".to_owned()] }]
        );
    }

    #[test]
    fn what_has_no_answer_is_refused() {
        let unit = Factor::new(&[0, 0, 1, 1]);
        let x = Columns::new(4).dense("x", vec![0.0, 1.0, 0.0, 0.0]).unwrap();
        let constant = Columns::new(4).dense("x", vec![1.0, 1.0, 0.0, 0.0]).unwrap();
        let fit = |outcome: &[f64], columns: &Columns, options: GlmOptions| {
            let regression = Regression { outcome, columns, absorbed: &[&unit], weights: None, offset: None };
            glm(&regression, &options).map_err(|error| error.kind())
        };
        let defaults = GlmOptions::default;
        let y = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(fit(&[-1.0, 2.0, 3.0, 4.0], &x, defaults()).unwrap_err(), ErrorKind::Domain);
        assert_eq!(
            fit(&y, &x, GlmOptions { link: Link::Logit, ..defaults() }).unwrap_err(),
            ErrorKind::Domain
        );
        assert_eq!(fit(&[0.0; 4], &x, defaults()).unwrap_err(), ErrorKind::NoObservations);
        assert_eq!(fit(&y, &constant, defaults()).unwrap_err(), ErrorKind::Collinear);
        let one = Vcov::Cluster(vec![Factor::new(&[0; 4])]);
        assert_eq!(
            fit(&y, &x, GlmOptions { vcov: one, ..defaults() }).unwrap_err(),
            ErrorKind::TooFewClusters
        );
        assert_eq!(fit(&[1.0], &x, defaults()).unwrap_err(), ErrorKind::Shape);
    }

    // Covariances that go through the weighted regression of the last step agree with those that do not.
    #[test]
    fn jackknife_is_near_the_cluster_sandwich() {
        let panel = panel(8);
        let columns = Columns::new(192).sparse(names(), panel.event.clone(), None).unwrap();
        let regression = Regression {
            outcome: &panel.outcome,
            columns: &columns,
            absorbed: &[&panel.unit, &panel.period],
            weights: None,
            offset: None,
        };
        let with = |vcov| {
            glm(&regression, &GlmOptions { vcov, ..GlmOptions::default() }).unwrap().vcov[(5, 5)].sqrt()
        };
        let (cr1, cr3) = (with(Vcov::Cluster(vec![panel.unit.clone()])), with(Vcov::Cr3(panel.unit.clone())));
        assert!(cr3 > cr1 && cr3 < 1.5 * cr1, "{cr1} {cr3}");
        let (hc1, hc3) = (with(Vcov::Hc1), with(Vcov::Hc3));
        assert!(hc3 > 0.9 * hc1 && hc3 < 1.5 * hc1, "{hc1} {hc3}");
    }
}
