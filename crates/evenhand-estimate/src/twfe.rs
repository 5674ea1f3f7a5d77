//! The two-way fixed-effects regression: one coefficient on treatment.
//!
//! Formula: y_it = alpha_i + lambda_t + tau d_it + x_it'b + u_it, d_it an indicator of treatment (or a dose, see
//! [`Cells::with_treatment`]), least squares with the weights of the rows.
//!
//! Estimand: with one adoption date, the mean effect on the treated; with several, a weighted mean of effects in
//! which later effects of early adopters can have negative weights
//! (see [`negative_weights`](crate::negative_weights()) and [`bacon`](crate::bacon())).
//! Assumptions: parallel trends; with staggered adoption, effects that are the same in all cohorts and periods.
//! Repeated cross-sections have effects of cohorts in place of units.
//! Paper: Goodman-Bacon (2021), doi:10.1016/j.jeconom.2021.03.014; de Chaisemartin and D'Haultfoeuille (2020),
//! doi:10.1257/aer.20181169.
//! Known failures: staggered adoption with effects that change over time; few treated clusters.
//! Equal to R `fixest` 0.12.2 `feols(y ~ d | unit + period)`: points and standard errors to 1e-9.

use crate::regression::{Columns, Ols, OlsOptions, SmallSample, Vcov, ols};
use crate::untreated_fit::few_clusters;
use crate::{Caveat, Cells, Error, ErrorKind, Estimates, Factor, Result, Term};
use evenhand_linalg::Matrix;

/// Options of the regressions on [`Cells`]: [`twfe()`], [`event_study()`](crate::event_study()),
/// [`sun_abraham()`](crate::sun_abraham()).
#[derive(Debug, Clone, PartialEq)]
pub struct PanelRegression {
    /// Which covariance, factors in the order of the cells' rows; default clustered by [`Cells::cluster`].
    pub vcov: Option<Vcov>,
    /// Corrections for small samples; default those of `fixest`.
    pub small_sample: SmallSample,
    /// Whether rows that are alone in a unit or period are left out; default no.
    pub drop_singletons: bool,
    /// Tolerance of the absorption; default 1e-12.
    pub tolerance: f64,
}

impl Default for PanelRegression {
    fn default() -> Self {
        let OlsOptions { small_sample, drop_singletons, tolerance, .. } = OlsOptions::default();
        Self { vcov: None, small_sample, drop_singletons, tolerance }
    }
}

impl PanelRegression {
    pub(crate) fn vcov(&self, cells: &Cells) -> Vcov {
        self.vcov.clone().unwrap_or_else(|| Vcov::Cluster(vec![cells.cluster().clone()]))
    }

    /// Least squares on the columns, with effects of units (or cohorts) and periods.
    pub(crate) fn fit(&self, cells: &Cells, columns: Columns) -> Result<Ols> {
        let units = unit_effects(cells);
        let options = OlsOptions {
            weights: cells.weights().map(<[f64]>::to_vec),
            vcov: self.vcov(cells),
            small_sample: self.small_sample,
            drop_singletons: self.drop_singletons,
            tolerance: self.tolerance,
        };
        ols(cells.outcome(), columns, &[&units, cells.period()], &options)
    }

    /// The choices made, for [`Estimates::options`].
    pub(crate) fn echo(&self, cells: &Cells) -> Vec<(&'static str, String)> {
        let vcov = match self.vcov(cells) {
            Vcov::Cluster(clusters) if self.vcov.is_some() => format!("cluster, {} ways", clusters.len()),
            Vcov::Cluster(_) => "cluster".to_owned(),
            other => format!("{other:?}").to_lowercase().split('(').next().unwrap_or_default().to_owned(),
        };
        vec![
            ("vcov", vcov),
            ("small_sample", self.small_sample.to_string()),
            ("drop_singletons", self.drop_singletons.to_string()),
            ("tolerance", format!("{:e}", self.tolerance)),
        ]
    }
}

/// The effect of treatment in a two-way fixed-effects regression, term `att`; covariates follow.
///
/// ```
/// use evenhand_estimate::{Cells, PanelRegression, twfe};
/// let unit = ["a", "a", "b", "b", "c", "c"];
/// let cells = Cells::new(&unit, &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0], &[3.0, 4.5, 2.0, 3.0, 5.0, 5.8])?
///     .with_cohort(&[2.0, 2.0, 0.0, 0.0, 0.0, 0.0])?;
/// let found = twfe(&cells, &PanelRegression::default())?;
/// // 1.5 less the mean of 1 and 0.8.
/// assert!((found.get("att").unwrap().estimate.estimate - 0.6).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`], [`ErrorKind::Collinear`] when the effects explain treatment, and those of
/// [`ols`].
pub fn twfe(cells: &Cells, options: &PanelRegression) -> Result<Estimates> {
    let columns = covariates(cells)?;
    let columns = match cells.treatment() {
        Some(dose) if dose.iter().any(|d| d.abs() > 0.0) => columns.dense("att", dose.to_vec())?,
        None if (0..cells.n_obs()).any(|row| cells.is_treated(row)) => {
            let at = (0..cells.n_obs()).map(|row| if cells.is_treated(row) { 0 } else { 1 }).collect();
            columns.sparse(vec!["att".to_owned()], at, None)?
        }
        _ => return Err(Error::new(ErrorKind::NoTreated, "no row is treated")),
    };
    let fit = options.fit(cells, columns)?;
    let Some(at) = fit.names.iter().position(|name| name == "att") else {
        return Err(Error::new(
            ErrorKind::Collinear,
            "unit and period effects or covariates explain treatment",
        ));
    };
    let others = (0..fit.names.len()).filter(|&j| j != at);
    let order: Vec<usize> = std::iter::once(at).chain(others).collect();
    let mut found = in_order("twfe", &fit, cells, &order);
    found.options = options.echo(cells);
    Ok(found)
}

/// Covariates as dense columns.
pub(crate) fn covariates(cells: &Cells) -> Result<Columns> {
    let columns = Columns::new(cells.n_obs());
    cells.covariates().iter().try_fold(columns, |columns, (name, values)| columns.dense(name, values.clone()))
}

/// Units, or cohorts where every row is a unit of its own.
pub(crate) fn unit_effects(cells: &Cells) -> Factor {
    if cells.is_panel() {
        return cells.unit().clone();
    }
    Factor::new(&cells.cohort().iter().map(|g| g.to_bits()).collect::<Vec<_>>())
}

/// Results with coefficients in another order.
pub(crate) fn in_order(method: &'static str, fit: &Ols, cells: &Cells, order: &[usize]) -> Estimates {
    let terms = fit.terms();
    let matrix = &fit.covariance.matrix;
    Estimates {
        terms: order.iter().map(|&j| terms[j].clone()).collect::<Vec<Term>>(),
        vcov: Some(Matrix::from_fn(order.len(), order.len(), |i, j| matrix[(order[i], order[j])])),
        caveats: caveats(fit, cells),
        ..fit.estimates(method, cells.n_units(), cells.periods().len())
    }
}

/// What was left out, and whether clusters are few.
pub(crate) fn caveats(fit: &Ols, cells: &Cells) -> Vec<Caveat> {
    let mut caveats = cells.caveats().to_vec();
    caveats.extend(fit.caveats.iter().cloned());
    if fit.covariance.n_clusters.is_some() {
        caveats.extend(cluster_caveat(cells));
    }
    caveats
}

pub(crate) fn cluster_caveat(cells: &Cells) -> Option<Caveat> {
    let clusters = cells.cluster();
    let mut is_treated = vec![false; clusters.n_levels()];
    let dose = cells.treatment();
    for row in 0..cells.n_obs() {
        if dose.map_or_else(|| cells.is_treated(row), |dose| dose[row].abs() > 0.0) {
            is_treated[clusters.at(row)] = true;
        }
    }
    few_clusters(is_treated.iter().filter(|&&c| c).count(), clusters.n_levels())
}
