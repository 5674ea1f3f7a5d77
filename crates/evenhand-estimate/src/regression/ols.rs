//! Ordinary and weighted least squares, with any number of absorbed fixed effects.
//!
//! Formula: b minimises sum w_i (y_i - x_i'b - sum_q a_q[level of i])^2.
//! Small designs are solved by Householder QR with refinement in twice the precision, larger ones from the Gram
//! matrix with a step of refinement, unless that is nearly singular: then by QR too. On the NIST StRD linear
//! regression sets this gives 12 digits or more, on Filip 7.6, which is what powers formed in double precision
//! allow, with a condition number of 1.8e15.
//!
//! Assumptions: errors of mean 0 given columns and effects; those of the covariance, see [`Vcov`].
//! Known failures: covariances with few clusters; incidental parameters in nonlinear models (not here).
//! Checked against R `fixest` 0.12.2 `feols`: coefficients to 1e-9, standard errors to 1e-9.

use super::absorb::Absorber;
use super::absorb::{Effects, singletons};
use super::columns::{Columns, Sparse};
use super::double;
use super::projection::{Fit, Projection};
use super::vcov::{Covariance, Scores, SmallSample, Vcov};
use crate::error::{finite, same_length};
use crate::estimate::Tails;
use crate::special::f_tail;
use crate::{Caveat, Error, ErrorKind, Estimates, Factor, Result, Term};
use evenhand_linalg::{Cholesky, Matrix, dot};

/// Options of [`ols()`].
#[derive(Debug, Clone, PartialEq)]
pub struct OlsOptions {
    /// Weights of the rows; default all 1. Rows of weight 0 are left out, with a caveat.
    pub weights: Option<Vec<f64>>,
    /// Which covariance; default iid.
    pub vcov: Vcov,
    /// Which corrections for small samples; default those of `fixest`.
    pub small_sample: SmallSample,
    /// Whether rows that are alone in a level of a fixed effect are left out; default no, as `feols` of 0.12.
    pub drop_singletons: bool,
    /// Tolerance of the absorption, see [`Absorber::with_tolerance`]; default 1e-12.
    pub tolerance: f64,
}

impl Default for OlsOptions {
    fn default() -> Self {
        Self {
            weights: None,
            vcov: Vcov::Iid,
            small_sample: SmallSample::default(),
            drop_singletons: false,
            tolerance: 1e-12,
        }
    }
}

/// A fitted regression.
#[derive(Debug, Clone)]
pub struct Ols {
    /// Names of the coefficients.
    pub names: Vec<String>,
    /// One for each name.
    pub coefficients: Vec<f64>,
    /// Their covariance and degrees of freedom.
    pub covariance: Covariance,
    /// The rows of the caller's data that were used, in order; `None` when all were.
    pub rows: Option<Vec<usize>>,
    /// Of the rows used.
    pub residuals: Vec<f64>,
    /// One intercept for each level of each absorbed factor.
    pub fixed_effects: Effects,
    /// Share of the outcome's variance that is explained, effects included.
    pub r_squared: f64,
    /// The same, corrected for the number of parameters.
    pub adjusted_r_squared: f64,
    /// Share of the variance about the fixed effects that the columns explain.
    pub within_r_squared: f64,
    /// Sums of squares and the F test of all columns but the intercept.
    pub anova: Anova,
    /// What was left out.
    pub caveats: Vec<Caveat>,
    projection: Projection,
    /// Weights times residuals; `None` without weights.
    errors: Option<Vec<f64>>,
    dispersion: f64,
}

/// Sums of squares of a regression and the classical F test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anova {
    /// Sum of squares that the model explains: about the mean when the model has a constant, else about 0.
    pub explained: f64,
    /// Sum of squares of the residuals.
    pub residual: f64,
    /// Degrees of freedom of the explained sum.
    pub df_explained: usize,
    /// Degrees of freedom of the residuals.
    pub df_residual: usize,
}

impl Anova {
    /// The ratio of mean squares; infinite for an exact fit.
    #[must_use]
    pub fn f_statistic(&self) -> f64 {
        (self.explained / self.df_explained as f64) / (self.residual / self.df_residual as f64)
    }

    /// The probability of a larger ratio without any effect.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        f_tail(self.f_statistic(), self.df_explained as f64, self.df_residual as f64)
    }

    /// The share explained.
    #[must_use]
    pub fn r_squared(&self) -> f64 {
        self.explained / (self.explained + self.residual)
    }

    /// The standard deviation of the residuals.
    #[must_use]
    pub fn residual_sd(&self) -> f64 {
        (self.residual / self.df_residual as f64).sqrt()
    }
}

/// A joint test that coefficients are 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wald {
    /// The quadratic form over the number of coefficients.
    pub f_statistic: f64,
    /// How many coefficients.
    pub df_numerator: usize,
    /// Degrees of freedom of the covariance; `None` for the chi-squared limit.
    pub df_denominator: Option<f64>,
    /// The probability of a larger statistic without any effect.
    pub p_value: f64,
}

/// Least squares of `y` on columns and absorbed factors.
///
/// ```
/// use evenhand_estimate::{Factor, regression::{Columns, OlsOptions, Vcov, ols}};
/// let firm = Factor::new(&["a", "a", "a", "b", "b", "b", "c", "c", "c"]);
/// let y = [1.0, 2.1, 2.9, 5.2, 5.8, 7.0, 3.1, 3.9, 5.1];
/// let x = Columns::new(9).dense("x", vec![0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0])?;
/// let options = OlsOptions { vcov: Vcov::Cluster(vec![firm.clone()]), ..OlsOptions::default() };
/// let fit = ols(&y, x, &[&firm], &options)?;
/// assert!((fit.coefficients[0] - 0.95).abs() < 1e-12);
/// assert_eq!(fit.covariance.df, Some(2.0)); // three clusters
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::Domain`] for a negative weight,
/// [`ErrorKind::NoObservations`], [`ErrorKind::Collinear`], [`ErrorKind::NotConverged`], and those of
/// [`Scores::covariance`].
pub fn ols(y: &[f64], x: Columns, absorb: &[&Factor], options: &OlsOptions) -> Result<Ols> {
    same_length(x.n_rows(), y.len(), "rows of columns and outcomes")?;
    absorb
        .iter()
        .try_for_each(|factor| same_length(y.len(), factor.len(), "outcomes and rows of a factor"))?;
    let mut caveats = Vec::new();
    let rows = rows_used(y.len(), absorb, options, &mut caveats)?;
    let Some(rows) = rows else {
        return fit(y, x, absorb, options.weights.as_deref(), &options.vcov, options, None, caveats);
    };
    let take = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row]).collect() };
    let absorb: Vec<Factor> = absorb.iter().map(|factor| factor.select(&rows)).collect();
    let weights = options.weights.as_deref().map(take);
    let vcov = options.vcov.select(&rows);
    let absorb: Vec<&Factor> = absorb.iter().collect();
    fit(&take(y), x.select(&rows), &absorb, weights.as_deref(), &vcov, options, Some(rows), caveats)
}

/// Rows with weight that are not alone in a level; `None` when all are.
fn rows_used(
    n: usize,
    absorb: &[&Factor],
    options: &OlsOptions,
    caveats: &mut Vec<Caveat>,
) -> Result<Option<Vec<usize>>> {
    if options.weights.is_none() && !options.drop_singletons && n > 0 {
        return Ok(None);
    }
    let mut rows: Vec<usize> = (0..n).collect();
    if let Some(weights) = &options.weights {
        same_length(n, weights.len(), "outcomes and weights")?;
        for &weight in weights {
            if finite(weight, "weight")? < 0.0 {
                return Err(Error::new(ErrorKind::Domain, format!("weight {weight}, expected 0 or more")));
            }
        }
        rows.retain(|&row| weights[row] > 0.0);
        if rows.len() < n {
            caveats.push(Caveat::ZeroWeight { n: n - rows.len() });
        }
    }
    if options.drop_singletons {
        let some: Vec<Factor> = absorb.iter().map(|factor| factor.select(&rows)).collect();
        let alone = singletons(&some.iter().collect::<Vec<_>>());
        if !alone.is_empty() {
            caveats.push(Caveat::Singletons { n: alone.len() });
            let mut is_alone = vec![false; rows.len()];
            alone.iter().for_each(|&at| is_alone[at] = true);
            rows = rows.into_iter().zip(is_alone).filter(|(_, alone)| !alone).map(|(row, _)| row).collect();
        }
    }
    if rows.is_empty() {
        return Err(Error::new(ErrorKind::NoObservations, "no row is left to regress on"));
    }
    Ok((rows.len() < n).then_some(rows))
}

#[expect(clippy::too_many_arguments, reason = "the parts of a regression once its rows are chosen")]
fn fit(
    y: &[f64],
    x: Columns,
    absorb: &[&Factor],
    weights: Option<&[f64]>,
    vcov: &Vcov,
    options: &OlsOptions,
    rows: Option<Vec<usize>>,
    mut caveats: Vec<Caveat>,
) -> Result<Ols> {
    let has_constant = !absorb.is_empty() || x.has_constant();
    let absorber = Absorber::new(absorb, weights)?.with_tolerance(options.tolerance);
    let projection = Projection::with_absorber(x, absorber)?;
    if !projection.dropped().is_empty() {
        caveats.push(Caveat::Collinear { columns: projection.dropped().to_vec() });
    }
    let Fit { coefficients, residuals, fixed_effects, within_squares } = projection.fit(y)?;
    let (n, k) = (y.len(), projection.n_columns());
    let errors: Option<Vec<f64>> =
        weights.map(|weights| residuals.iter().zip(weights).map(|(u, w)| u * w).collect());
    let own = errors.as_deref().unwrap_or(&residuals);
    let squares = dot(own, &residuals);
    let dispersion = squares / (n as f64 - 1.0).max(1.0);
    let scores = Scores { projection: &projection, errors: own, dispersion };
    let covariance = scores.covariance(vcov, &options.small_sample)?;
    let n_parameters = k + projection.absorber().nominal_degrees_of_freedom();
    let total = total_squares(y, weights, has_constant);
    let constant = usize::from(has_constant);
    let anova = Anova {
        explained: (total - squares).max(0.0),
        residual: squares,
        df_explained: n_parameters - constant,
        df_residual: n.saturating_sub(n_parameters),
    };
    let r_squared = 1.0 - squares / total;
    let lost = (n - constant) as f64 / (n as f64 - n_parameters as f64);
    Ok(Ols {
        names: projection.names().to_vec(),
        coefficients,
        covariance,
        rows,
        fixed_effects,
        r_squared,
        adjusted_r_squared: 1.0 - (1.0 - r_squared) * lost,
        within_r_squared: 1.0 - squares / within_squares,
        anova,
        caveats,
        residuals,
        errors,
        dispersion,
        projection,
    })
}

fn total_squares(y: &[f64], weights: Option<&[f64]>, has_constant: bool) -> f64 {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let total = if weights.is_none() { y.len() as f64 } else { blocked(y.len(), weight) };
    let mean = if has_constant { blocked(y.len(), |row| weight(row) * y[row]) / total } else { 0.0 };
    blocked(y.len(), |row| weight(row) * (y[row] - mean) * (y[row] - mean))
}

/// A sum without much rounding: in twice the precision, of single terms when they are few, of blocks of 256 beyond.
fn blocked(n: usize, term: impl Fn(usize) -> f64) -> f64 {
    let size = if n > 1 << 16 { 256 } else { 1 };
    double::sum((0..n).step_by(size).map(|start| {
        let mut sums = [0.0; 4];
        (start..n.min(start + size)).for_each(|row| sums[row % 4] += term(row));
        (sums[0] + sums[2]) + (sums[1] + sums[3])
    }))
}

impl Ols {
    /// Coefficients with their uncertainty.
    #[must_use]
    pub fn terms(&self) -> Vec<Term> {
        let errors = self.covariance.matrix.diagonal();
        let tails = Tails::new(self.covariance.df);
        let rows = self.names.iter().zip(&self.coefficients).zip(errors);
        rows.map(|((name, beta), variance)| Term::new(name, tails.estimate(*beta, variance.max(0.0).sqrt())))
            .collect()
    }

    /// All results in the shape of every method, with the numbers of units and periods that the caller knows.
    #[must_use]
    pub fn estimates(&self, method: &'static str, n_units: usize, n_periods: usize) -> Estimates {
        Estimates {
            method,
            terms: self.terms(),
            vcov: Some(self.covariance.matrix.clone()),
            n_obs: self.residuals.len(),
            n_units,
            n_periods,
            n_clusters: self.covariance.n_clusters,
            seed: None,
            options: Vec::new(),
            caveats: self.caveats.clone(),
        }
    }

    /// The coefficient of that name.
    #[must_use]
    pub fn coefficient(&self, name: &str) -> Option<f64> {
        self.names.iter().position(|own| own == name).map(|at| self.coefficients[at])
    }

    /// The factored design.
    #[must_use]
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// What covariances are made of: `fit.scores().covariance(&other, &small_sample)` is another one.
    #[must_use]
    pub fn scores(&self) -> Scores<'_> {
        let errors = self.errors.as_deref().unwrap_or(&self.residuals);
        Scores { projection: &self.projection, errors, dispersion: self.dispersion }
    }

    /// The joint test that the named coefficients are 0, with the covariance of the fit.
    ///
    /// # Errors
    /// [`ErrorKind::Domain`] for a name that is not a coefficient, [`ErrorKind::Degenerate`] when their covariance
    /// is singular, as with fewer clusters than coefficients.
    pub fn wald(&self, names: &[&str]) -> Result<Wald> {
        let at: Vec<usize> = names
            .iter()
            .map(|name| {
                self.names.iter().position(|own| own == name).ok_or_else(|| {
                    Error::new(ErrorKind::Domain, format!("`{name}` is not among the coefficients"))
                })
            })
            .collect::<Result<_>>()?;
        wald(&self.coefficients, &self.covariance, &at)
    }
}

/// The joint test that the coefficients at those places are 0.
pub(crate) fn wald(coefficients: &[f64], covariance: &Covariance, at: &[usize]) -> Result<Wald> {
    let beta: Vec<f64> = at.iter().map(|&j| coefficients[j]).collect();
    let matrix = Matrix::from_fn(at.len(), at.len(), |i, j| covariance.matrix[(at[i], at[j])]);
    let Some(factor) = Cholesky::new(&matrix) else {
        let message = format!("covariance of {} coefficients is singular", at.len());
        return Err(Error::new(ErrorKind::Degenerate, message));
    };
    let df_numerator = at.len();
    let f_statistic = dot(&beta, &factor.solve(&beta)) / df_numerator as f64;
    let p_value = f_tail(f_statistic, df_numerator as f64, covariance.df.unwrap_or(f64::INFINITY));
    Ok(Wald { f_statistic, df_numerator, df_denominator: covariance.df, p_value })
}

/// One-way analysis of variance: whether a factor's levels have one mean. NIST StRD: 13 digits or more on the sets
/// of lower and average difficulty; with 13 constant leading digits the data themselves, stored as doubles, are
/// good for 3 to 4.
///
/// ```
/// use evenhand_estimate::{Factor, regression::one_way_anova};
/// let group = Factor::new(&["a", "a", "b", "b"]);
/// let found = one_way_anova(&[1.0, 3.0, 5.0, 7.0], &group)?;
/// assert!((found.f_statistic() - 8.0).abs() < 1e-12); // 16 over 1 and 4 over 2
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::Degenerate`] with one group or no group of two.
pub fn one_way_anova(y: &[f64], factor: &Factor) -> Result<Anova> {
    same_length(y.len(), factor.len(), "outcomes and groups")?;
    y.iter().try_for_each(|&y| finite(y, "outcome").map(drop))?;
    let (n, groups) = (y.len(), factor.n_levels());
    if groups < 2 || n <= groups {
        let message = format!("{groups} groups of {n} rows, expected two or more and some row beside them");
        return Err(Error::new(ErrorKind::Degenerate, message));
    }
    let mut residual = y.to_vec();
    Absorber::new(&[factor], None)?.residualize_column(&mut residual)?;
    // Fitted values about the grand mean, from a shifted outcome so that leading digits do not cost any.
    let shift = y[0];
    let mean = double::sum(y.iter().map(|y| y - shift)) / n as f64;
    let explained = double::sum(y.iter().zip(&residual).map(|(y, u)| ((y - shift) - u - mean).powi(2)));
    Ok(Anova {
        explained,
        residual: double::sum(residual.iter().map(|u| u * u)),
        df_explained: groups - 1,
        df_residual: n - groups,
    })
}

impl Columns {
    /// Those rows only.
    pub(super) fn select(self, rows: &[usize]) -> Self {
        let take = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row]).collect() };
        let group = |group: Sparse| Sparse {
            at: rows.iter().map(|&row| group.at[row]).collect(),
            values: group.values.as_deref().map(take),
            names: group.names,
        };
        Self {
            n_rows: rows.len(),
            dense: self.dense.into_iter().map(|(name, values)| (name, take(&values))).collect(),
            sparse: self.sparse.into_iter().map(group).collect(),
        }
    }

    /// Whether a column is constant, or a group has an indicator for every row.
    fn has_constant(&self) -> bool {
        let is_constant = |values: &[f64]| {
            let first = values.first().copied().unwrap_or(0.0);
            first.abs() > 0.0 && values.iter().all(|x| (x - first).abs() <= 0.0)
        };
        let is_full = |group: &Sparse| group.values.is_none() && !group.at.contains(&super::columns::NONE);
        self.dense.iter().any(|(_, values)| is_constant(values)) || self.sparse.iter().any(is_full)
    }
}

impl Vcov {
    fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Iid | Self::Hc1 | Self::Hc2 | Self::Hc3 => self.clone(),
            Self::Cluster(clusters) => Self::Cluster(clusters.iter().map(|c| c.select(rows)).collect()),
            Self::Cr2(cluster) => Self::Cr2(cluster.select(rows)),
            Self::Cr3(cluster) => Self::Cr3(cluster.select(rows)),
            Self::NeweyWest { time, unit, lag } => Self::NeweyWest {
                time: time.select(rows),
                unit: unit.as_ref().map(|unit| unit.select(rows)),
                lag: *lag,
            },
            Self::DriscollKraay { time, lag } => Self::DriscollKraay { time: time.select(rows), lag: *lag },
            Self::Conley(place) => Self::Conley(place.select(rows)),
        }
    }
}
