//! Covariances of coefficients: a bread on both sides of a meat, and the corrections for small samples.
//!
//! Formula: V = c B M B with bread B = (X~'W X~)^-1 and the meat M made of the scores s_i = x~_i e_i, where e is the
//! weighted residual:
//! iid, sigma^2 B; HC1, M = sum s_i s_i'; HC2 and HC3, with e_i over the root of 1 - h_i, or over 1 - h_i, where the
//! leverage h_i counts the absorbed effects; CR1, M = sum over clusters of their summed scores squared; several
//! ways of clustering, inclusion and exclusion over their intersections (Cameron, Gelbach and Miller 2011,
//! doi:10.1198/jbes.2010.07136), with negative variances repaired by eigenvalues; CR2, each cluster's residuals
//! times the root of the inverse of I - H_gg (Bell and McCaffrey 2002); CR3, the jackknife over clusters about the
//! estimate, (G - 1) / G sum (b_g - b)(b_g - b)' (MacKinnon, Nielsen and Webb 2023, doi:10.1016/j.jeconom.2022.04.001).
//!
//! Checked against R `fixest` 0.12.2 to 1e-8. HC2, HC3, CR2 and CR3 have no further correction, as in `fixest` and
//! `sandwich`; pyfixest multiplies them by its own. The correction c is `fixest`'s by default.

use super::absorb::Absorber;
use super::hac::{Conley, conley, driscoll_kraay, newey_west, panel_lag, series_lag};
use super::projection::{Projection, parents};
use super::semidefinite::Semidefinite;
use crate::error::same_length;
use crate::{Error, ErrorKind, Factor, Result};
use evenhand_linalg::{Matrix, SymmetricEigen};

/// Which covariance. Factors have one entry for each row that the regression uses.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Vcov {
    /// Errors of one variance.
    #[default]
    Iid,
    /// Any variances, corrected by n / (n - K): Stata's `robust`, `fixest`'s `hetero`.
    Hc1,
    /// Any variances, residuals scaled by leverage; no further correction.
    Hc2,
    /// Any variances, nearly the jackknife; no further correction.
    Hc3,
    /// Clusters in one or several ways (CR1).
    Cluster(Vec<Factor>),
    /// Clusters, residuals adjusted so that the covariance is unbiased under errors of one variance.
    Cr2(Factor),
    /// Clusters, by the jackknife.
    Cr3(Factor),
    /// Dependence over periods within units, or within the one series, that fades with the lag (Newey–West).
    NeweyWest {
        /// Periods, levels in order.
        time: Factor,
        /// Units; `None` for one series.
        unit: Option<Factor>,
        /// The longest lag; by default the fourth root of the number of periods for units, Newey and West's (1994)
        /// choice for one series.
        lag: Option<usize>,
    },
    /// Dependence across units in a period, and over periods (Driscoll–Kraay).
    DriscollKraay {
        /// Periods, levels in order.
        time: Factor,
        /// The longest lag; by default the fourth root of the number of periods.
        lag: Option<usize>,
    },
    /// Dependence between places that are close.
    Conley(Conley),
}

/// Which absorbed effects count as parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CountEffects {
    /// None.
    None,
    /// Those that are not nested in a cluster; all, when errors are not clustered.
    #[default]
    Nested,
    /// All.
    Full,
}

/// How several numbers of clusters make one correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClusterDf {
    /// The smallest number, for all terms.
    #[default]
    Min,
    /// Each term its own.
    Conventional,
}

/// Degrees of freedom of the t distribution.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum TDf {
    /// The smallest number of clusters less 1 when clustered, else n - K.
    #[default]
    Min,
    /// n - K.
    Conventional,
    /// The normal distribution.
    Normal,
    /// That number.
    Of(f64),
}

/// Corrections for small samples, in the terms of `fixest`'s `ssc`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmallSample {
    /// Whether to multiply by (n - 1) / (n - K).
    pub adjust: bool,
    /// Which absorbed effects K counts.
    pub effects: CountEffects,
    /// Whether redundant absorbed effects are found and not counted.
    pub exact: bool,
    /// Whether to multiply by G / (G - 1), and HC1 by n / (n - 1).
    pub adjust_clusters: bool,
    /// Which G.
    pub cluster_df: ClusterDf,
    /// Which t distribution.
    pub t_df: TDf,
}

impl Default for SmallSample {
    fn default() -> Self {
        Self::fixest()
    }
}

impl SmallSample {
    /// The defaults of R `fixest` 0.12: (n - 1) / (n - K) with effects nested in clusters not counted, and the
    /// smallest G.
    #[must_use]
    pub fn fixest() -> Self {
        Self {
            adjust: true,
            effects: CountEffects::Nested,
            exact: false,
            adjust_clusters: true,
            cluster_df: ClusterDf::Min,
            t_df: TDf::Min,
        }
    }

    /// Those of Stata's `reghdfe`: as `fixest`, but redundant effects are found. (`reghdfe` also drops singletons.)
    #[must_use]
    pub fn stata() -> Self {
        Self { exact: true, ..Self::fixest() }
    }

    /// Degrees of freedom of t tests, from the smallest number of clusters and n - K.
    pub(crate) fn df(&self, n_clusters: Option<usize>, df: f64) -> Option<f64> {
        match (self.t_df, n_clusters) {
            (TDf::Normal, _) => None,
            (TDf::Of(df), _) => Some(df),
            (TDf::Min, Some(clusters)) => Some(clusters as f64 - 1.0),
            _ => Some(df),
        }
    }

    /// No correction.
    #[must_use]
    pub fn none() -> Self {
        Self { adjust: false, adjust_clusters: false, ..Self::fixest() }
    }
}

/// `fixest`, `stata` or `none`, or each choice.
impl std::fmt::Display for SmallSample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = [("fixest", Self::fixest()), ("stata", Self::stata()), ("none", Self::none())];
        if let Some((name, _)) = named.iter().find(|(_, own)| own == self) {
            return f.write_str(name);
        }
        let Self { adjust, effects, exact, adjust_clusters, cluster_df, t_df } = self;
        write!(
            f,
            "adjust {adjust}, effects {effects:?}, exact {exact}, clusters {adjust_clusters}, \
             cluster df {cluster_df:?}, t df {t_df:?}"
        )
    }
}

/// A covariance of coefficients and what stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariance {
    /// Shape (k, k).
    pub matrix: Matrix,
    /// Degrees of freedom of t tests; `None` for the normal distribution.
    pub df: Option<f64>,
    /// The smallest number of clusters, when clustered.
    pub n_clusters: Option<usize>,
    /// K, the number of parameters that the correction counts.
    pub n_parameters: usize,
    /// Whether a variance was negative, so that negative eigenvalues were raised to nearly 0.
    pub is_repaired: bool,
}

/// What the covariance of an M-estimator is made of: a design, and the derivative of the loss at each row.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    /// The design, with the weights of the estimator's last step.
    pub projection: &'a Projection,
    /// e of each row: weight times residual for least squares, weight times (y - mu) for Poisson.
    pub errors: &'a [f64],
    /// What the bread is multiplied by under iid errors before the correction: the sum of squared residuals over
    /// n - 1 for least squares, 1 for Poisson.
    pub dispersion: f64,
}

impl Scores<'_> {
    /// Number of observations.
    #[must_use]
    pub fn n_obs(&self) -> usize {
        self.errors.len()
    }

    /// All scores, shape (n, k).
    #[must_use]
    pub fn matrix(&self) -> Matrix {
        let mut rows = self.projection.observations(0..self.n_obs());
        rows.cols_mut().zip(self.errors).for_each(|(row, e)| row.iter_mut().for_each(|x| *x *= e));
        rows.transpose()
    }

    /// Scores summed by cluster, shape (clusters, k).
    #[must_use]
    pub fn cluster_sums(&self, cluster: &Factor) -> Matrix {
        self.projection.cluster_sums(self.errors, cluster)
    }

    /// Bread, meat, bread.
    #[must_use]
    pub fn sandwich(&self, meat: &Matrix) -> Matrix {
        let bread = self.projection.bread();
        symmetric(bread.mul(meat).mul(bread))
    }

    /// The sum of outer products of x~ times other errors than the estimator's, shape (k, k).
    #[must_use]
    pub fn meat_of(&self, errors: &[f64]) -> Matrix {
        let k = self.projection.n_columns();
        let mut meat = Matrix::zeros(k, k);
        for start in (0..errors.len()).step_by(1024) {
            let end = errors.len().min(start + 1024);
            let mut rows = self.projection.observations(start..end);
            rows.cols_mut()
                .zip(&errors[start..end])
                .for_each(|(row, e)| row.iter_mut().for_each(|x| *x *= e));
            meat = meat.plus(&rows.mul(&rows.transpose()), 1.0);
        }
        symmetric(meat)
    }

    /// Each row's leverage: its columns', w x~' B x~, and its absorbed effects'.
    ///
    /// # Errors
    /// [`ErrorKind::Domain`] when the absorbed effects are too many for their leverage.
    pub fn leverages(&self) -> Result<Vec<f64>> {
        let design = self.projection;
        let mut leverages = design.absorber().leverages()?;
        leverages.resize(self.n_obs(), 0.0);
        for start in (0..self.n_obs()).step_by(1024) {
            let end = self.n_obs().min(start + 1024);
            let rows = design.observations(start..end);
            let image = design.bread().mul(&rows);
            for row in start..end {
                let own = evenhand_linalg::dot(rows.col(row - start), image.col(row - start));
                leverages[row] += weight(design.absorber(), row) * own;
            }
        }
        Ok(leverages)
    }

    /// The covariance of that kind, corrected.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for a factor of another length, [`ErrorKind::TooFewClusters`] for one cluster,
    /// [`ErrorKind::Degenerate`] when no degree of freedom is left or a coefficient hangs on one cluster or row,
    /// [`ErrorKind::Domain`] when a cluster is too large for CR2.
    pub fn covariance(&self, vcov: &Vcov, small: &SmallSample) -> Result<Covariance> {
        let clusters = match vcov {
            Vcov::Cluster(clusters) => &clusters[..],
            Vcov::Cr2(cluster) | Vcov::Cr3(cluster) => std::slice::from_ref(cluster),
            Vcov::NeweyWest { time, .. } | Vcov::DriscollKraay { time, .. } => std::slice::from_ref(time),
            _ => &[],
        };
        let n_clusters = self.check_clusters(clusters)?;
        let n = self.n_obs() as f64;
        let count = |clusters: &[Factor]| {
            count_parameters(self.projection.n_columns(), self.projection.absorber(), clusters, small)
        };
        let n_parameters = match vcov {
            Vcov::NeweyWest { time, unit: Some(unit), .. } => {
                same_length(self.n_obs(), unit.len(), "rows and units")?;
                count(&[unit.clone(), time.clone()])
            }
            Vcov::Conley(place) => {
                same_length(self.n_obs(), place.latitude.len(), "rows and latitudes")?;
                same_length(self.n_obs(), place.longitude.len(), "rows and longitudes")?;
                count(&[of_values(&place.latitude), of_values(&place.longitude)])
            }
            _ => count(clusters),
        };
        let df = n - n_parameters as f64;
        if df < 1.0 {
            let message =
                format!("{n} rows and {n_parameters} parameters, expected fewer parameters than rows");
            return Err(Error::new(ErrorKind::Degenerate, message));
        }
        let adjustment = if small.adjust { (n - 1.0) / df } else { 1.0 };
        let matrix = match vcov {
            Vcov::Iid => self.projection.bread().clone().scaled(self.dispersion * adjustment),
            Vcov::Hc1 => {
                let own = if small.adjust_clusters { n / (n - 1.0) } else { 1.0 };
                self.sandwich(&self.meat_of(self.errors)).scaled(own * adjustment)
            }
            Vcov::Hc2 => self.sandwich(&self.meat_of(&self.scaled_errors(f64::sqrt)?)),
            Vcov::Hc3 => self.sandwich(&self.meat_of(&self.scaled_errors(|x| x)?)),
            Vcov::Cluster(clusters) => self.clustered(clusters, small).scaled(adjustment),
            Vcov::Cr2(cluster) => self.sandwich(&self.cr2_meat(cluster)?),
            Vcov::Cr3(cluster) => self.jackknife(cluster)?,
            Vcov::NeweyWest { time, unit, lag } => {
                let scores = self.matrix();
                let lag = match (lag, unit) {
                    (Some(lag), _) => *lag,
                    (None, Some(_)) => panel_lag(time.n_levels()),
                    (None, None) => series_lag(&self.without_intercept(&scores), time),
                };
                let meat = newey_west(&scores, unit.as_ref(), time, lag)?;
                self.sandwich(&meat).scaled(over_periods(time, small) * adjustment)
            }
            Vcov::DriscollKraay { time, lag } => {
                let lag = lag.unwrap_or_else(|| panel_lag(time.n_levels()));
                let meat = driscoll_kraay(&self.matrix(), time, lag)?;
                self.sandwich(&meat).scaled(over_periods(time, small) * adjustment)
            }
            Vcov::Conley(place) => self.sandwich(&conley(&self.matrix(), place)?).scaled(adjustment),
        };
        let is_repaired = matrix.diagonal().iter().any(|&variance| variance < 0.0);
        let df = small.df(n_clusters, df);
        let matrix = if is_repaired { repaired(matrix) } else { matrix };
        Ok(Covariance { matrix, df, n_clusters, n_parameters, is_repaired })
    }

    /// The scores of all columns but an intercept, unless it is alone.
    fn without_intercept(&self, scores: &Matrix) -> Matrix {
        let names = self.projection.names();
        let others: Vec<usize> = (0..names.len()).filter(|&j| names[j] != "(Intercept)").collect();
        if others.is_empty() { scores.clone() } else { scores.select_cols(&others) }
    }

    /// The smallest number of clusters.
    fn check_clusters(&self, clusters: &[Factor]) -> Result<Option<usize>> {
        for cluster in clusters {
            same_length(self.n_obs(), cluster.len(), "rows and clusters")?;
            if cluster.n_levels() < 2 {
                let message = format!("{} cluster, expected two or more", cluster.n_levels());
                return Err(Error::new(ErrorKind::TooFewClusters, message));
            }
        }
        Ok(clusters.iter().map(Factor::n_levels).min())
    }

    fn scaled_errors(&self, map: impl Fn(f64) -> f64) -> Result<Vec<f64>> {
        let leverages = self.leverages()?;
        let scaled = self.errors.iter().zip(&leverages).enumerate().map(|(row, (e, h))| {
            // A row of full leverage has a residual of 0 whatever its error: it says nothing.
            if *h < 1.0 - 1e-10 {
                return Ok(e / map(1.0 - h));
            }
            let message = format!("row {row} has leverage 1: it alone decides a coefficient or an effect");
            Err(Error::new(ErrorKind::Degenerate, message))
        });
        scaled.collect()
    }

    fn clustered(&self, clusters: &[Factor], small: &SmallSample) -> Matrix {
        let k = self.projection.n_columns();
        let mut meat = Matrix::zeros(k, k);
        let share = |levels: usize| levels as f64 / (levels as f64 - 1.0);
        for subset in 1u32..1 << clusters.len() {
            let chosen =
                clusters.iter().enumerate().filter(|(way, _)| subset >> way & 1 == 1).map(|(_, c)| c);
            let crossed = chosen.cloned().reduce(|one, two| one.cross(&two));
            let Some(crossed) = crossed else { continue };
            let sign = if subset.count_ones() % 2 == 1 { 1.0 } else { -1.0 };
            let own = match (small.adjust_clusters, small.cluster_df) {
                (true, ClusterDf::Conventional) => share(crossed.n_levels()),
                _ => 1.0,
            };
            meat = meat.plus(&self.cluster_sums(&crossed).gram(), sign * own);
        }
        let fewest = clusters.iter().map(Factor::n_levels).min().unwrap_or(2);
        let all = match (small.adjust_clusters, small.cluster_df) {
            (true, ClusterDf::Min) => share(fewest),
            _ => 1.0,
        };
        self.sandwich(&meat).scaled(all)
    }

    fn cr2_meat(&self, cluster: &Factor) -> Result<Matrix> {
        const LARGEST: usize = 2000;
        let design = self.projection;
        let by_cluster = cluster.rows_by_level();
        let mut sums = Matrix::zeros(design.n_columns(), cluster.n_levels());
        for g in 0..cluster.n_levels() {
            let rows = by_cluster.rows(g);
            if rows.len() > LARGEST {
                let message = format!("a cluster of {} rows, expected {LARGEST} at most for CR2", rows.len());
                return Err(Error::new(ErrorKind::Domain, message));
            }
            let roots: Vec<f64> =
                rows.iter().map(|&row| weight(design.absorber(), row as usize).sqrt()).collect();
            let mut x = self.rows_of(rows);
            x.cols_mut().zip(&roots).for_each(|(x, root)| x.iter_mut().for_each(|x| *x *= root));
            let own = x.t_mul(&design.bread().mul(&x));
            let mut left = Matrix::identity(rows.len()).plus(&own, -1.0);
            let effects = design.absorber().leverage_block(rows)?;
            if let Some(effects) = effects {
                left = left.plus(&effects, -1.0);
            }
            let Some(eigen) = SymmetricEigen::new(&left) else {
                return Err(Error::new(
                    ErrorKind::NonFinite,
                    format!("cluster {g}: leverages are not finite"),
                ));
            };
            // Effects nested in the cluster make it singular; the residuals have no part in those directions.
            let root = eigen.map(|value| if value > 1e-9 { 1.0 / value.sqrt() } else { 0.0 });
            let errors = rows.iter().zip(&roots);
            let errors: Vec<f64> =
                errors.map(|(&row, w)| if *w > 0.0 { self.errors[row as usize] / w } else { 0.0 }).collect();
            sums.col_mut(g).copy_from_slice(&x.mul_vec(&root.mul_vec(&errors)));
        }
        Ok(symmetric(sums.mul(&sums.transpose())))
    }

    /// The rows of X~ of a cluster, shape (k, rows).
    fn rows_of(&self, rows: &[u32]) -> Matrix {
        let mut found = Matrix::zeros(self.projection.n_columns(), rows.len());
        for (to, &row) in found.cols_mut().zip(rows) {
            to.copy_from_slice(self.projection.observations(row as usize..row as usize + 1).data());
        }
        found
    }

    /// Coefficients without each cluster, less those with all: shape (k, clusters). Effects that are nested in
    /// clusters leave with their cluster; the others are estimated anew.
    ///
    /// # Errors
    /// [`ErrorKind::Degenerate`] when a coefficient is not identified without some cluster.
    pub fn without_each_cluster(&self, cluster: &Factor) -> Result<Matrix> {
        let design = self.projection;
        let k = design.n_columns();
        let (nested, others): (Vec<&Factor>, Vec<&Factor>) =
            design.absorber().factors().iter().partition(|factor| parents(factor, cluster).is_some());
        let n_others: usize = others.iter().map(|factor| factor.n_levels()).sum();
        let by_cluster = cluster.rows_by_level();
        // Rows of a cluster: indicators of the other effects, then X~, less what the nested effects explain.
        let block = |g: usize| -> Result<(Matrix, Vec<f64>)> {
            let rows = by_cluster.rows(g);
            let at: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
            let mut z = Matrix::zeros(rows.len(), n_others + k);
            let mut start = 0;
            for factor in &others {
                at.iter().enumerate().for_each(|(i, &row)| z[(i, start + factor.at(row))] = 1.0);
                start += factor.n_levels();
            }
            let x = self.rows_of(rows).transpose();
            z.data_mut()[n_others * rows.len()..].copy_from_slice(x.data());
            let weights: Vec<f64> = at.iter().map(|&row| weight(design.absorber(), row)).collect();
            if !nested.is_empty() {
                let own: Vec<Factor> = nested.iter().map(|factor| factor.select(&at)).collect();
                Absorber::new(&own.iter().collect::<Vec<_>>(), Some(&weights))?.residualize(&mut z)?;
            }
            let errors: Vec<f64> = at.iter().map(|&row| self.errors[row]).collect();
            let score = z.t_mul_vec(&errors);
            z.cols_mut().for_each(|c| c.iter_mut().zip(&weights).for_each(|(x, w)| *x *= w.sqrt()));
            Ok((z.gram(), score))
        };
        let mut all = Matrix::zeros(n_others + k, n_others + k);
        for g in 0..cluster.n_levels() {
            all = all.plus(&block(g)?.0, 1.0);
        }
        let scale: Vec<f64> = all.diagonal().iter().map(|x| x.sqrt()).collect();
        let mut changes = Matrix::zeros(k, cluster.n_levels());
        for g in 0..cluster.n_levels() {
            let (gram, score) = block(g)?;
            let over = |x: f64, y: f64| if y > 0.0 { x / y } else { 0.0 };
            let rest = Matrix::from_fn(n_others + k, n_others + k, |i, j| {
                over(all[(i, j)] - gram[(i, j)], scale[i] * scale[j])
            });
            let factored = Semidefinite::new(rest, &vec![1.0; n_others + k], 1e-10);
            let lost = (0..k).find(|j| !factored.is_kept(n_others + j));
            if let Some(j) = lost {
                let message = format!("`{}` is not identified without cluster {g}", design.names()[j]);
                return Err(Error::new(ErrorKind::Degenerate, message));
            }
            let change =
                factored.solve(score.iter().zip(&scale).map(|(s, scale)| over(*s, *scale)).collect());
            for j in 0..k {
                changes[(j, g)] = -change[n_others + j] / scale[n_others + j];
            }
        }
        Ok(changes)
    }

    fn jackknife(&self, cluster: &Factor) -> Result<Matrix> {
        let changes = self.without_each_cluster(cluster)?;
        let n = cluster.n_levels() as f64;
        Ok(symmetric(changes.mul(&changes.transpose())).scaled((n - 1.0) / n))
    }
}

/// K: columns, and the absorbed effects that count.
pub(crate) fn count_parameters(
    k: usize,
    absorber: &Absorber,
    clusters: &[Factor],
    small: &SmallSample,
) -> usize {
    let factors = absorber.factors();
    if factors.is_empty() || small.effects == CountEffects::None {
        return k;
    }
    let all = if small.exact { absorber.degrees_of_freedom() } else { absorber.nominal_degrees_of_freedom() };
    if small.effects == CountEffects::Full || clusters.is_empty() {
        return k + all;
    }
    let is_nested = |factor: &Factor| clusters.iter().any(|cluster| parents(factor, cluster).is_some());
    let nested: Vec<&Factor> = factors.iter().filter(|&factor| is_nested(factor)).collect();
    if nested.len() == factors.len() {
        return k + 1;
    }
    let levels: usize = nested.iter().map(|factor| factor.n_levels()).sum();
    (k + all + nested.len()).saturating_sub(levels).max(k + 1)
}

/// T / (T - 1) for T periods.
fn over_periods(time: &Factor, small: &SmallSample) -> f64 {
    let periods = time.n_levels() as f64;
    if small.adjust_clusters { periods / (periods - 1.0) } else { 1.0 }
}

/// One level for each distinct number.
fn of_values(values: &[f64]) -> Factor {
    Factor::new(&values.iter().map(|x| (x + 0.0).to_bits()).collect::<Vec<_>>())
}

fn weight(absorber: &Absorber, row: usize) -> f64 {
    absorber.weights().map_or(1.0, |weights| weights[row])
}

fn symmetric(mut a: Matrix) -> Matrix {
    for j in 0..a.n_cols() {
        for i in 0..j {
            let mean = f64::midpoint(a[(i, j)], a[(j, i)]);
            (a[(i, j)], a[(j, i)]) = (mean, mean);
        }
    }
    a
}

/// Eigenvalues below 1e-10 raised to it, as `fixest` does.
fn repaired(matrix: Matrix) -> Matrix {
    SymmetricEigen::new(&matrix).map_or(matrix, |eigen| symmetric(eigen.map(|value| value.max(1e-10))))
}
