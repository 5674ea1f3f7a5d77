use crate::error::{finite, same_length};
use crate::regression::Absorber;
use crate::{Caveat, Cells, Error, ErrorKind, Factor, Matrix, Result};
use evenhand_linalg::{Cholesky, Qr, dot};
use rayon::prelude::*;

/// A linear regression with absorbed effects, in the form that inference by clusters needs: sums by cluster, found
/// in one pass over the rows.
///
/// With `n` rows, `k` columns and `G` clusters, of the absorbed effects one that is nested in the clusters (units
/// in states) is demeaned away; the levels of the others are `L` further columns of which only sums by cluster are
/// held. So everything below is exact for the regression with all its dummies, and nothing of shape (n, L) exists.
#[derive(Debug, Clone)]
pub struct ClusteredRegression {
    pub(super) names: Vec<String>,
    /// Absorbed columns times the root of the weights, shape (n, k).
    x: Matrix,
    /// Residuals times the root of the weights, length n.
    residual: Vec<f64>,
    root_weight: Option<Vec<f64>>,
    pub(super) cluster: Factor,
    nested: Option<Factor>,
    others: Vec<Factor>,
    pub(super) beta: Vec<f64>,
    /// `(X'X)^-1`, shape (k, k).
    pub(super) inverse: Matrix,
    /// The small-sample factor of CR1.
    pub(super) small_sample: f64,
    pub(super) caveats: Vec<Caveat>,
}

impl ClusteredRegression {
    /// A regression of `outcome` on `columns` and the levels of `effects`; an intercept is a column of ones.
    ///
    /// # Errors
    /// As [`from_absorbed`](Self::from_absorbed), and [`ErrorKind::NotConverged`].
    pub fn new(
        columns: &[(String, Vec<f64>)],
        outcome: &[f64],
        effects: &[Factor],
        cluster: &Factor,
        weights: Option<&[f64]>,
    ) -> Result<Self> {
        check(columns, outcome, effects, cluster, weights)?;
        if effects.is_empty() {
            return Self::from_absorbed(columns, outcome, effects, cluster, weights);
        }
        let absorber = Absorber::new(&effects.iter().collect::<Vec<_>>(), weights)?;
        let mut all = Matrix::from_fn(outcome.len(), columns.len() + 1, |i, j| match columns.get(j) {
            Some((_, values)) => values[i],
            None => outcome[i],
        });
        let sizes: Vec<f64> = (0..columns.len()).map(|j| dot(all.col(j), all.col(j)).sqrt()).collect();
        absorber.residualize(&mut all)?;
        // What a column has left of rounding only is nothing.
        let absorbed: Vec<(String, Vec<f64>)> = (columns.iter().zip(sizes).enumerate())
            .map(|(j, ((name, _), size))| {
                let left = all.col(j);
                let none = dot(left, left).sqrt() <= 1e-9 * size;
                (name.clone(), if none { vec![0.0; left.len()] } else { left.to_vec() })
            })
            .collect();
        Self::from_absorbed(&absorbed, all.col(columns.len()), effects, cluster, weights)
    }

    /// The two-way fixed-effects regression of `cells`: treatment (column `treatment`) and covariates, units and
    /// periods absorbed, clusters and weights of the cells.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`ErrorKind::NoTreated`] when no row is treated.
    pub fn twfe(cells: &Cells) -> Result<Self> {
        let treatment: Vec<f64> = match cells.treatment() {
            Some(treatment) => treatment.to_vec(),
            None => (0..cells.n_obs()).map(|row| f64::from(u8::from(cells.is_treated(row)))).collect(),
        };
        if treatment.iter().all(|d| d.abs() <= 0.0) {
            return Err(Error::new(ErrorKind::NoTreated, "no row is treated, expected some"));
        }
        let columns: Vec<(String, Vec<f64>)> = std::iter::once(("treatment".to_owned(), treatment))
            .chain(cells.covariates().iter().cloned())
            .collect();
        let effects = [cells.unit().clone(), cells.period().clone()];
        Self::new(&columns, cells.outcome(), &effects, cells.cluster(), cells.weights())
    }

    /// From columns and an outcome out of which `effects` are already absorbed (with the same weights).
    ///
    /// The factor of CR1 is `G / (G - 1) * (n - 1) / (n - K)`, where `K` counts the columns and the levels of
    /// effects that are not nested in the clusters, as `fixest` does.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::Domain`] for weights that are not above 0,
    /// [`ErrorKind::TooFewClusters`] below two clusters, [`ErrorKind::Collinear`] when no column is left.
    pub fn from_absorbed(
        columns: &[(String, Vec<f64>)],
        outcome: &[f64],
        effects: &[Factor],
        cluster: &Factor,
        weights: Option<&[f64]>,
    ) -> Result<Self> {
        let n = outcome.len();
        check(columns, outcome, effects, cluster, weights)?;
        let root_weight = weights.map(|w| w.iter().map(|w| w.sqrt()).collect::<Vec<f64>>());
        let weigh = |values: &[f64]| match &root_weight {
            Some(root) => values.iter().zip(root).map(|(x, w)| x * w).collect(),
            None => values.to_vec(),
        };
        let all: Vec<Vec<f64>> = columns.iter().map(|(_, values)| weigh(values)).collect();
        let qr = Qr::new(Matrix::from_columns(n, &all), 1e-9);
        let (kept, dropped) = (qr.kept().to_vec(), qr.dropped().to_vec());
        if kept.is_empty() {
            return Err(Error::new(ErrorKind::Collinear, "no column varies within the absorbed effects"));
        }
        let name = |j: usize| columns[j].0.clone();
        let caveats = match dropped.is_empty() {
            true => vec![],
            false => vec![Caveat::Collinear { columns: dropped.iter().map(|&j| name(j)).collect() }],
        };
        let x = Matrix::from_columns(n, &kept.iter().map(|&j| &all[j]).collect::<Vec<_>>());
        let y = weigh(outcome);
        let beta = qr.solve(&y);
        let fitted = x.mul_vec(&beta);
        let residual = y.iter().zip(fitted).map(|(y, f)| y - f).collect();
        let (nested, others) = split(effects, cluster);
        let small_sample = small_sample(n, kept.len(), effects, cluster);
        Ok(Self {
            names: kept.into_iter().map(name).collect(),
            x,
            residual,
            root_weight,
            cluster: cluster.clone(),
            nested,
            others,
            beta,
            inverse: qr.gram_inverse(),
            small_sample,
            caveats,
        })
    }

    /// Names of the columns that were kept, in their order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Coefficients in the order of [`names`](Self::names).
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.beta
    }

    /// Number of clusters.
    #[must_use]
    pub fn n_clusters(&self) -> usize {
        self.cluster.n_levels()
    }

    /// Number of observations.
    #[must_use]
    pub fn n_obs(&self) -> usize {
        self.residual.len()
    }

    /// The column of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] when there is none, with the names that there are.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.names.iter().position(|n| n == name).ok_or_else(|| {
            let message = format!("no column `{name}`, expected one of {}", self.names.join(", "));
            Error::new(ErrorKind::Shape, message)
        })
    }

    /// With another factor of CR1 than that of `fixest`.
    #[must_use]
    pub fn with_small_sample(mut self, factor: f64) -> Self {
        self.small_sample = factor;
        self
    }

    /// How many columns stand for absorbed levels.
    fn n_levels(&self) -> usize {
        self.others.iter().map(Factor::n_levels).sum()
    }

    fn root(&self, row: usize) -> f64 {
        self.root_weight.as_ref().map_or(1.0, |root| root[row])
    }

    /// The columns of absorbed levels that hold a row: one for each effect that is not demeaned.
    fn levels(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let mut start = 0;
        self.others.iter().map(move |factor| {
            let at = start + factor.at(row);
            start += factor.n_levels();
            at
        })
    }

    /// Sums by cluster over all rows.
    pub(super) fn sums(&self) -> ClusterSums {
        let (k, g_all, l) = (self.beta.len(), self.n_clusters(), self.n_levels());
        let mut gram = Matrix::zeros(k * k, g_all);
        let mut score = Matrix::zeros(k, g_all);
        let mut level_x = vec![Matrix::zeros(l, g_all); k];
        let mut level_residual = Matrix::zeros(l, g_all);
        for row in 0..self.n_obs() {
            let (g, root, u) = (self.cluster.at(row), self.root(row), self.residual[row]);
            for a in 0..k {
                let x = self.x[(row, a)];
                score[(a, g)] += x * u;
                for b in 0..k {
                    gram[(a * k + b, g)] += x * self.x[(row, b)];
                }
            }
            for level in self.levels(row) {
                level_residual[(level, g)] += root * u;
                for a in 0..k {
                    level_x[a][(level, g)] += root * self.x[(row, a)];
                }
            }
        }
        ClusterSums { gram, score, level_x, level_residual }
    }

    /// The rows of each level of the demeaned effect, or of each cluster when there is none, by cluster.
    fn blocks(&self) -> Vec<Vec<Vec<usize>>> {
        let inner = self.nested.as_ref().unwrap_or(&self.cluster);
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); inner.n_levels()];
        (0..self.n_obs()).for_each(|row| rows[inner.at(row)].push(row));
        let mut blocks: Vec<Vec<Vec<usize>>> = vec![Vec::new(); self.n_clusters()];
        for block in rows {
            blocks[self.cluster.at(block[0])].push(block);
        }
        blocks
    }

    /// `D' M D` over some blocks: absorbed levels with the nested effect demeaned, added to `gram`, shape (L, L).
    fn add_level_gram(&self, blocks: &[&Vec<usize>], gram: &mut Matrix) {
        for &row in blocks.iter().copied().flatten() {
            let w = self.root(row) * self.root(row);
            for b in self.levels(row) {
                self.levels(row).for_each(|a| gram[(a, b)] += w);
            }
        }
        if self.nested.is_none() {
            return;
        }
        // What demeaning takes away: E'E, E holding the weight of each block at each level over the root of its own.
        let mut shares = Matrix::zeros(blocks.len(), gram.n_cols());
        for (at, block) in blocks.iter().enumerate() {
            let total: f64 = block.iter().map(|&row| self.root(row) * self.root(row)).sum();
            for &row in *block {
                let w = self.root(row) * self.root(row);
                self.levels(row).for_each(|level| shares[(at, level)] += w / total.sqrt());
            }
        }
        gram.add_scaled(&shares.gram(), -1.0);
    }

    /// The factor of `D' M D` over all rows.
    pub(super) fn level_factor(&self) -> Result<Semidefinite> {
        let l = self.n_levels();
        few_levels(l)?;
        let blocks = self.blocks();
        let all: Vec<&Vec<usize>> = blocks.iter().flatten().collect();
        let mut gram = Matrix::zeros(l, l);
        all.chunks(2048).for_each(|some| self.add_level_gram(some, &mut gram));
        Ok(Semidefinite::new(gram))
    }

    /// What `solve` makes of the regression without each cluster in turn.
    pub(super) fn leave_out<T: Send>(
        &self,
        sums: &ClusterSums,
        solve: impl Fn(usize, &LeftOut<'_>) -> T + Sync,
    ) -> Result<Vec<T>> {
        let (k, l) = (self.beta.len(), self.n_levels());
        few_levels(l)?;
        let blocks = self.blocks();
        let own = |g: usize| {
            let mut levels = Matrix::zeros(l, l);
            self.add_level_gram(&blocks[g].iter().collect::<Vec<_>>(), &mut levels);
            Matrix::from_fn(l + k, l + k, |i, j| match (i < l, j < l) {
                (true, true) => levels[(i, j)],
                (true, false) => sums.level_x[j - l][(i, g)],
                (false, true) => sums.level_x[i - l][(j, g)],
                (false, false) => sums.gram[((i - l) * k + j - l, g)],
            })
        };
        let groups: Vec<usize> = (0..self.n_clusters()).collect();
        let parts: Vec<Matrix> = groups
            .par_chunks(64)
            .map(|some| some.iter().fold(Matrix::zeros(l + k, l + k), |sum, &g| sum.plus(&own(g), 1.0)))
            .collect();
        let whole = parts.iter().fold(Matrix::zeros(l + k, l + k), |sum, part| sum.plus(part, 1.0));
        Ok(groups.par_iter().map(|&g| solve(g, &LeftOut { whole: &whole, own: own(g) })).collect())
    }
}

/// Gram matrices of levels and columns, levels first, shape (L + k, L + k): of all rows, and of one cluster's.
pub(super) struct LeftOut<'a> {
    whole: &'a Matrix,
    pub own: Matrix,
}

impl LeftOut<'_> {
    /// The factor of the Gram matrix of all other clusters.
    pub fn rest(&self) -> Semidefinite {
        Semidefinite::within(self.whole.clone().plus(&self.own, -1.0), &self.whole.diagonal())
    }

    /// The same for the columns of `free`, shape (L + k, m): the factor of `free' A free`.
    pub fn rest_along(&self, free: &Matrix) -> Semidefinite {
        let along = |a: &Matrix| free.t_mul(&a.mul(free));
        let whole = along(self.whole);
        let scale = whole.diagonal();
        Semidefinite::within(whole.plus(&along(&self.own), -1.0), &scale)
    }
}

/// A dense matrix over absorbed levels beyond this size would take minutes and gigabytes.
const MOST_LEVELS: usize = 4_000;

fn few_levels(l: usize) -> Result<()> {
    if l <= MOST_LEVELS {
        return Ok(());
    }
    let message = format!(
        "{l} levels of absorbed effects beside the one nested in the clusters, expected at most {MOST_LEVELS}"
    );
    Err(Error::new(ErrorKind::Domain, message))
}

/// Sums of products by cluster; columns are clusters.
pub(super) struct ClusterSums {
    /// `X_g' X_g`, row-major in each column, shape (k * k, G).
    pub gram: Matrix,
    /// `X_g' u_g`, shape (k, G).
    pub score: Matrix,
    /// `D_g' x_g` for each of the k columns, shape (L, G).
    pub level_x: Vec<Matrix>,
    /// `D_g' u_g`, shape (L, G).
    pub level_residual: Matrix,
}

impl ClusterSums {
    /// `[D_g' u_g; X_g' u_g]` for all clusters, levels first, shape (L + k, G).
    pub fn scores(&self) -> Matrix {
        stack(&self.level_residual, &self.score)
    }

    /// `[D_g' x_g; X_g' x_g]` for `x = X p`, shape (L + k, G).
    pub fn products(&self, p: &[f64]) -> Matrix {
        let k = p.len();
        let mut levels = Matrix::zeros(self.level_residual.n_rows(), self.score.n_cols());
        p.iter().zip(&self.level_x).for_each(|(&p, x)| levels.add_scaled(x, p));
        let own = Matrix::from_fn(k, self.score.n_cols(), |a, g| {
            (0..k).map(|b| self.gram[(a * k + b, g)] * p[b]).sum()
        });
        stack(&levels, &own)
    }
}

/// Two matrices of one width, one above the other.
fn stack(above: &Matrix, below: &Matrix) -> Matrix {
    let l = above.n_rows();
    Matrix::from_fn(l + below.n_rows(), below.n_cols(), |i, g| match i < l {
        true => above[(i, g)],
        false => below[(i - l, g)],
    })
}

/// Cholesky of a positive semidefinite matrix that sets aside rows which depend on those before them.
pub(super) struct Semidefinite {
    lower: Matrix,
    kept: Vec<bool>,
}

impl Semidefinite {
    pub fn new(a: Matrix) -> Self {
        let scale = a.diagonal();
        Self::within(a, &scale)
    }

    /// Pivots are small when they are small beside `scale`.
    pub fn within(a: Matrix, scale: &[f64]) -> Self {
        let n = a.n_cols();
        let mut lower = a;
        let mut kept = vec![true; n];
        let mut left = vec![0.0; n];
        for j in 0..n {
            let pivot = lower[(j, j)];
            if pivot.is_nan() || pivot <= 1e-10 * scale[j] {
                kept[j] = false;
                lower.col_mut(j)[j..].fill(0.0);
                continue;
            }
            let root = pivot.sqrt();
            lower.col_mut(j)[j..].iter_mut().for_each(|x| *x /= root);
            left[j..].copy_from_slice(&lower.col(j)[j..]);
            for i in j + 1..n {
                let factor = left[i];
                if factor.abs() > 0.0 {
                    lower.col_mut(i)[i..].iter_mut().zip(&left[i..]).for_each(|(x, l)| *x -= l * factor);
                }
            }
        }
        Self { lower, kept }
    }

    /// `x` with `A x = b`, 0 in the rows that were set aside; `None` when there is no such `x`.
    pub fn solve(&self, b: &[f64]) -> Option<Vec<f64>> {
        let size = b.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        let mut x = b.to_vec();
        let n = x.len();
        for j in 0..n {
            if !self.kept[j] {
                // What is left of `b` here is what rows before do not reach. Rounding grows with their number.
                if x[j].abs() > 1e-6 * size {
                    return None;
                }
                x[j] = 0.0;
                continue;
            }
            let column = self.lower.col(j);
            x[j] /= column[j];
            let factor = x[j];
            if factor.abs() > 0.0 {
                x[j + 1..].iter_mut().zip(&column[j + 1..]).for_each(|(x, l)| *x -= l * factor);
            }
        }
        for j in (0..n).rev() {
            if self.kept[j] {
                let column = self.lower.col(j);
                x[j] = (x[j] - dot(&column[j + 1..], &x[j + 1..])) / column[j];
            }
        }
        Some(x)
    }
}

/// Linear restrictions `R beta = r` on the coefficients.
#[derive(Debug, Clone, PartialEq)]
pub struct Restrictions {
    /// `R`, shape (q, k), rows independent.
    pub matrix: Matrix,
    /// `r`, length q.
    pub value: Vec<f64>,
}

impl Restrictions {
    /// The coefficient of column `j` of `k` equals `value`.
    #[must_use]
    pub fn coefficient(j: usize, k: usize, value: f64) -> Self {
        let matrix = Matrix::from_fn(1, k, |_, b| if b == j { 1.0 } else { 0.0 });
        Self { matrix, value: vec![value] }
    }

    /// All the coefficients of columns `which` of `k` are 0.
    #[must_use]
    pub fn all_zero(which: &[usize], k: usize) -> Self {
        let matrix = Matrix::from_fn(which.len(), k, |a, b| if which[a] == b { 1.0 } else { 0.0 });
        Self { matrix, value: vec![0.0; which.len()] }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// What restricting costs: the direction `P = (X'X)^-1 R' (R (X'X)^-1 R')^-1` in which the coefficients move,
    /// shape (k, q), after a check of the shapes and of the rank.
    pub(super) fn direction(&self, inverse: &Matrix) -> Result<Matrix> {
        let k = inverse.n_cols();
        if self.matrix.n_cols() != k || self.matrix.n_rows() != self.len() || self.is_empty() {
            let message = format!(
                "restrictions of {} by {} with {} values, expected rows of {k} columns and a value for each",
                self.matrix.n_rows(),
                self.matrix.n_cols(),
                self.len()
            );
            return Err(Error::new(ErrorKind::Shape, message));
        }
        self.matrix.data().iter().chain(&self.value).try_for_each(|&x| finite(x, "restriction").map(drop))?;
        let spread = inverse.mul(&self.matrix.transpose());
        let variance = self.matrix.mul(&spread);
        let factor = Cholesky::new(&variance).ok_or_else(|| {
            Error::new(
                ErrorKind::Degenerate,
                "restrictions that depend on one another, expected rows of full rank",
            )
        })?;
        Ok(spread.mul(&factor.inverse()))
    }
}

/// The effect nested in the clusters that has the most levels, and all others.
fn split(effects: &[Factor], cluster: &Factor) -> (Option<Factor>, Vec<Factor>) {
    let nested = (0..effects.len())
        .filter(|&at| is_nested(&effects[at], cluster))
        .max_by_key(|&at| (effects[at].n_levels(), std::cmp::Reverse(at)));
    let others = (0..effects.len()).filter(|&at| Some(at) != nested).map(|at| effects[at].clone()).collect();
    (nested.map(|at| effects[at].clone()), others)
}

/// Whether every level of `effect` lies in one cluster.
pub(super) fn is_nested(effect: &Factor, cluster: &Factor) -> bool {
    let mut seen = vec![u32::MAX; effect.n_levels()];
    effect.codes().iter().zip(cluster.codes()).all(|(&level, &g)| {
        let slot = &mut seen[level as usize];
        *slot = if *slot == u32::MAX { g } else { *slot };
        *slot == g
    })
}

/// `G / (G - 1) * (n - 1) / (n - K)`; effects nested in the clusters do not count in `K`, and each effect after
/// the first of those that do takes one level less.
fn small_sample(n: usize, k: usize, effects: &[Factor], cluster: &Factor) -> f64 {
    let counted: Vec<&Factor> = effects.iter().filter(|effect| !is_nested(effect, cluster)).collect();
    let levels: usize = counted.iter().map(|effect| effect.n_levels()).sum();
    // With a nested effect in the regression every other one has a level that is implied.
    let implied = if counted.len() < effects.len() { counted.len() } else { counted.len().saturating_sub(1) };
    let parameters = k + levels - implied + usize::from(counted.len() < effects.len());
    let g = cluster.n_levels() as f64;
    let left = n.saturating_sub(parameters).max(1);
    g / (g - 1.0) * (n as f64 - 1.0) / left as f64
}

fn check(
    columns: &[(String, Vec<f64>)],
    outcome: &[f64],
    effects: &[Factor],
    cluster: &Factor,
    weights: Option<&[f64]>,
) -> Result<()> {
    let n = outcome.len();
    for (name, values) in columns {
        same_length(n, values.len(), &format!("outcome and {name}"))?;
        values.iter().try_for_each(|&x| finite(x, name).map(drop))?;
    }
    outcome.iter().try_for_each(|&y| finite(y, "outcome").map(drop))?;
    effects.iter().try_for_each(|effect| same_length(n, effect.len(), "outcome and an absorbed effect"))?;
    same_length(n, cluster.len(), "outcome and clusters")?;
    if let Some(weights) = weights {
        same_length(n, weights.len(), "outcome and weights")?;
        if let Some(w) = weights.iter().find(|w| !(w.is_finite() && **w > 0.0)) {
            return Err(Error::new(ErrorKind::Domain, format!("weight {w}, expected more than 0")));
        }
    }
    if cluster.n_levels() < 2 {
        let message = format!("{} clusters, expected at least 2", cluster.n_levels());
        return Err(Error::new(ErrorKind::TooFewClusters, message));
    }
    Ok(())
}
