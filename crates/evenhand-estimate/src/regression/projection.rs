//! A design that is factored once and then used for any number of outcomes or treatments.
//!
//! With X the columns and D the indicators of the absorbed factors, the projection holds X~ = X - D A, where A solves
//! D'W D A = D'W X. Dense columns of X~ are stored. Sparse groups are not: their part of X~ is an entry of the row
//! less its levels' coefficients A, so that X~'W X~ = X'W X - X'W D A follows from counts.

use super::absorb::{Absorber, Effects};
use super::columns::{Columns, NONE, Sparse};
use super::double::Double;
use super::semidefinite::Semidefinite;
use crate::error::{finite, same_length};
use crate::{Error, ErrorKind, Factor, Result};
use evenhand_linalg::{Matrix, Qr, dot};
use std::ops::Range;

/// A dense design of at most so many entries is solved by refined QR whatever its condition.
const EXACT_ENTRIES: usize = 1 << 21;

/// A design of at most so many entries may be made dense when its Gram matrix is nearly singular.
const DENSE_ENTRIES: usize = 1 << 25;

/// What is left of a column, relative to its length, when it counts as a combination of those before it.
const COLLINEAR: f64 = 1e-10;

/// What the fixed effects leave of a column, relative to its length about the mean, when they explain it all.
const ABSORBED: f64 = 1e-9;

/// Columns less what the absorbed factors explain of them, factored for least squares.
///
/// ```
/// use evenhand_estimate::{Factor, regression::{Columns, Projection}};
/// let unit = Factor::new(&[0, 0, 0, 1, 1, 1]);
/// let x = Columns::new(6).dense("x", vec![1.0, 2.0, 3.0, 1.0, 4.0, 7.0])?;
/// let design = Projection::new(x, &[&unit], None)?;
/// let fit = design.fit(&[12.0, 14.0, 16.0, 2.0, 8.0, 14.0])?;
/// assert!((fit.coefficients[0] - 2.0).abs() < 1e-12); // y = 2 x + 10 in unit 0
/// assert!((fit.fixed_effects[0][0] - 10.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Projection {
    n_rows: usize,
    absorber: Absorber,
    names: Vec<String>,
    dropped: Vec<String>,
    /// Dense columns of X~, shape (n, d).
    dense: Matrix,
    dense_effects: Vec<Effects>,
    sparse: Vec<Sparse>,
    /// For each factor the coefficients A of the s sparse columns, shape (s, levels).
    sparse_effects: Vec<Matrix>,
    solver: Solver,
    bread: Matrix,
}

#[derive(Debug, Clone)]
enum Solver {
    /// Columns of X~ times the root of the weights, and their factors.
    Exact { x: Matrix, qr: Qr },
    /// The inverse of the Gram matrix, which is the bread.
    Gram,
}

/// One outcome on a [`Projection`].
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// In the order of [`Projection::names`].
    pub coefficients: Vec<f64>,
    /// Outcome less fitted values and fixed effects, length n.
    pub residuals: Vec<f64>,
    /// One intercept for each level of each absorbed factor.
    pub fixed_effects: Effects,
    /// The outcome's weighted sum of squares about the fixed effects alone.
    pub within_squares: f64,
}

impl Projection {
    /// Takes the factors out of the columns and factors what is left. Columns that are combinations of columns
    /// before them or of the fixed effects are left out, and named in [`dropped`](Self::dropped).
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::Domain`] for a negative weight,
    /// [`ErrorKind::NotConverged`], [`ErrorKind::Collinear`] when no column is left of some.
    pub fn new(x: Columns, absorb: &[&Factor], weights: Option<&[f64]>) -> Result<Self> {
        Self::with_absorber(x, Absorber::new(absorb, weights)?)
    }

    /// As [`new`](Self::new), with factors, weights and a tolerance that are prepared already.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_absorber(x: Columns, absorber: Absorber) -> Result<Self> {
        if !absorber.factors().is_empty() || absorber.weights().is_some() {
            same_length(absorber.n_obs(), x.n_rows, "rows of factors or weights and of columns")?;
        }
        let all = x.names();
        let mut design = Self {
            n_rows: x.n_rows,
            absorber,
            names: Vec::new(),
            dropped: Vec::new(),
            dense: Matrix::zeros(x.n_rows, 0),
            dense_effects: Vec::new(),
            sparse: Vec::new(),
            sparse_effects: Vec::new(),
            solver: Solver::Gram,
            bread: Matrix::zeros(0, 0),
        };
        design.absorb_dense(x.dense)?;
        let (gram, whole) = design.absorb_sparse(x.sparse);
        design.factor(&gram, &whole);
        design.dropped = all.iter().filter(|name| !design.names.contains(name)).cloned().collect();
        if design.names.is_empty() && !all.is_empty() {
            let message = format!("no column is left of {}: the fixed effects explain them", all.join(", "));
            return Err(Error::new(ErrorKind::Collinear, message));
        }
        Ok(design)
    }

    /// Names of the columns that are kept, in the order of the coefficients.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Names of the columns left out.
    #[must_use]
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// Number of columns kept.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.names.len()
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The absorbed factors and the weights.
    #[must_use]
    pub fn absorber(&self) -> &Absorber {
        &self.absorber
    }

    /// `(X~'W X~)^-1`, shape (k, k).
    #[must_use]
    pub fn bread(&self) -> &Matrix {
        &self.bread
    }

    /// Least squares of an outcome on the columns and the fixed effects.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::NotConverged`].
    pub fn fit(&self, y: &[f64]) -> Result<Fit> {
        same_length(self.n_rows, y.len(), "rows and outcomes")?;
        y.iter().try_for_each(|&y| finite(y, "outcome").map(drop))?;
        let mut residuals = y.to_vec();
        let mut fixed_effects = self.absorber.residualize_column(&mut residuals)?;
        let within_squares = self.weighted_squares(&residuals);
        let coefficients = self.solve_in_place(&mut residuals);
        for (effects, beta) in self.dense_effects.iter().zip(&coefficients) {
            add_scaled(&mut fixed_effects, effects, -beta);
        }
        add_scaled(&mut fixed_effects, &self.sparse_levels(&coefficients), -1.0);
        Ok(Fit { coefficients, residuals, fixed_effects, within_squares })
    }

    /// Takes fixed effects and columns out of other columns, in place: what is left of a treatment, or of an
    /// outcome, by the theorem of Frisch, Waugh and Lovell.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::NotConverged`].
    pub fn residualize(&self, columns: &mut Matrix) -> Result<()> {
        same_length(self.n_rows, columns.n_rows(), "rows and entries of a column")?;
        self.absorber.residualize(columns)?;
        columns.cols_mut().for_each(|column| drop(self.solve_in_place(column)));
        Ok(())
    }

    /// Rows of X~, one a column of the result: shape (k, rows).
    #[must_use]
    pub fn observations(&self, rows: Range<usize>) -> Matrix {
        let (d, start, k) = (self.dense.n_cols(), rows.start, self.n_columns());
        let mut found = Matrix::zeros(k, rows.len());
        for j in 0..d {
            let column = &self.dense.col(j)[rows.clone()];
            found.data_mut().iter_mut().skip(j).step_by(k).zip(column).for_each(|(entry, x)| *entry = *x);
        }
        if self.sparse.is_empty() {
            return found;
        }
        for row in rows {
            let entries = &mut found.col_mut(row - start)[d..];
            for (factor, effects) in self.absorber.factors().iter().zip(&self.sparse_effects) {
                entries.iter_mut().zip(effects.col(factor.at(row))).for_each(|(x, effect)| *x -= effect);
            }
            for group in self.sparse.iter().filter(|group| group.at[row] != NONE) {
                entries[group.at[row] as usize] += group.value(row);
            }
        }
        found
    }

    /// Sums over each cluster of the rows of X~ times `errors`, shape (clusters, k).
    #[must_use]
    pub fn cluster_sums(&self, errors: &[f64], cluster: &Factor) -> Matrix {
        let (d, s) = (self.dense.n_cols(), self.n_sparse());
        let mut sums = Matrix::zeros(cluster.n_levels(), self.n_columns());
        for j in 0..d {
            let (sums, column) = (sums.col_mut(j), self.dense.col(j));
            for ((x, e), &g) in column.iter().zip(errors).zip(cluster.codes()) {
                sums[g as usize] += x * e;
            }
        }
        for group in &self.sparse {
            for (row, &at) in group.at.iter().enumerate().filter(|(_, at)| **at != NONE) {
                sums[(cluster.at(row), d + at as usize)] += group.value(row) * errors[row];
            }
        }
        if s == 0 {
            return sums;
        }
        for (factor, effects) in self.absorber.factors().iter().zip(&self.sparse_effects) {
            let minus = sums_times_effects(errors, cluster, factor, effects);
            for j in 0..s {
                sums.col_mut(d + j).iter_mut().zip(minus.col(j)).for_each(|(sum, minus)| *sum -= minus);
            }
        }
        sums
    }

    fn n_sparse(&self) -> usize {
        self.names.len() - self.dense.n_cols()
    }

    fn weight(&self, row: usize) -> f64 {
        self.absorber.weights().map_or(1.0, |weights| weights[row])
    }

    pub(crate) fn weighted_squares(&self, column: &[f64]) -> f64 {
        match self.absorber.weights() {
            None => dot(column, column),
            Some(weights) => column.iter().zip(weights).map(|(x, w)| x * x * w).sum(),
        }
    }

    /// Residualizes dense columns and keeps those of which something is left.
    fn absorb_dense(&mut self, columns: Vec<(String, Vec<f64>)>) -> Result<()> {
        use rayon::prelude::*;
        let absorbs = !self.absorber.factors().is_empty();
        let solve = |(name, mut column): (String, Vec<f64>)| -> Result<_> {
            let mean = column.iter().sum::<f64>() / column.len().max(1) as f64;
            let centred: Vec<f64> = column.iter().map(|x| x - mean).collect();
            let before = self.weighted_squares(&centred);
            let effects = self.absorber.residualize_column(&mut column)?;
            let is_gone = absorbs && self.weighted_squares(&column) <= ABSORBED * ABSORBED * before;
            Ok((!is_gone).then_some((name, column, effects)))
        };
        let solved: Vec<_> = columns.into_par_iter().map(solve).collect();
        let mut kept = Vec::new();
        for column in solved {
            let Some((name, column, effects)) = column? else { continue };
            self.names.push(name);
            self.dense_effects.push(effects);
            kept.push(column);
        }
        self.dense = Matrix::from_columns(self.n_rows, &kept);
        Ok(())
    }

    /// Coefficients of the sparse columns on the levels; returns X~'W X~ and the diagonal of X'W X of the sparse.
    fn absorb_sparse(&mut self, groups: Vec<Sparse>) -> (Matrix, Vec<f64>) {
        let mut first = 0;
        for mut group in groups {
            group.at.iter_mut().filter(|at| **at != NONE).for_each(|at| *at += first);
            first += group.names.len() as u32;
            self.names.append(&mut group.names);
            self.sparse.push(group);
        }
        let s = first as usize;
        let mut raw = Matrix::zeros(s, s);
        for (g, one) in self.sparse.iter().enumerate() {
            for two in &self.sparse[..=g] {
                for (row, (&a, &b)) in one.at.iter().zip(&two.at).enumerate() {
                    if a != NONE && b != NONE {
                        raw[(a as usize, b as usize)] += self.weight(row) * one.value(row) * two.value(row);
                    }
                }
            }
        }
        let whole = raw.diagonal();
        let sums = self.sparse_sums();
        self.sparse_effects = self.absorber.solve_columns(sums.clone());
        for (sums, effects) in sums.iter().zip(&self.sparse_effects) {
            raw = raw.plus(&sums.mul(&effects.transpose()), -1.0);
        }
        (raw, whole)
    }

    /// D'W X of the sparse columns by factor, shape (s, levels).
    fn sparse_sums(&self) -> Vec<Matrix> {
        let s = self.n_sparse();
        let add = |factor: &Factor| {
            let mut sums = Matrix::zeros(s, factor.n_levels());
            for group in &self.sparse {
                for (row, &at) in group.at.iter().enumerate().filter(|(_, at)| **at != NONE) {
                    sums[(at as usize, factor.at(row))] += self.weight(row) * group.value(row);
                }
            }
            sums
        };
        self.absorber.factors().iter().map(add).collect()
    }

    /// X~'W v for a `v` that has no fixed effects left.
    fn cross(&self, v: &[f64]) -> Vec<f64> {
        let weighted: Vec<f64>;
        let v = match self.absorber.weights() {
            None => v,
            Some(weights) => {
                weighted = v.iter().zip(weights).map(|(v, w)| v * w).collect();
                &weighted
            }
        };
        let mut found = self.dense.t_mul_vec(v);
        found.resize(self.n_columns(), 0.0);
        let sparse = &mut found[self.dense.n_cols()..];
        for group in &self.sparse {
            match &group.values {
                None => (group.at.iter().zip(v).filter(|(at, _)| **at != NONE))
                    .for_each(|(&at, v)| sparse[at as usize] += v),
                Some(values) => (group.at.iter().zip(v).zip(values).filter(|((at, _), _)| **at != NONE))
                    .for_each(|((&at, v), x)| sparse[at as usize] += v * x),
            }
        }
        found
    }

    /// Chooses columns that are not combinations of others, and how to solve.
    fn factor(&mut self, sparse_gram: &Matrix, sparse_whole: &[f64]) {
        let entries = self.n_rows.saturating_mul(self.names.len());
        if self.sparse.is_empty() && entries <= EXACT_ENTRIES {
            return self.factor_exactly();
        }
        let (d, k) = (self.dense.n_cols(), self.names.len());
        let dense = self.weighted_dense().gram();
        let mut gram = Matrix::zeros(k, k);
        for j in 0..d {
            gram.col_mut(j)[..d].copy_from_slice(dense.col(j));
            gram.col_mut(j)[d..].copy_from_slice(&self.cross(self.dense.col(j))[d..]);
        }
        for j in d..k {
            gram.col_mut(j)[d..].copy_from_slice(sparse_gram.col(j - d));
        }
        // A sparse column whose square all but cancels is explained by the effects; 0 leaves it out.
        let mut scale: Vec<f64> = gram.diagonal().iter().map(|x| 1.0 / x.sqrt()).collect();
        for j in d..k {
            if gram[(j, j)].is_nan() || gram[(j, j)] <= 1e-11 * sparse_whole[j - d] {
                scale[j] = 0.0;
            }
        }
        let scaled = Matrix::from_fn(k, k, |i, j| gram[(i, j)] * scale[i] * scale[j]);
        let factored = Semidefinite::new(scaled, &vec![1.0; k], 1e-12);
        // Nearly singular: a Gram matrix cannot tell whether; the columns themselves can.
        if factored.least_pivot() < 1e-7 && entries <= DENSE_ENTRIES {
            return self.factor_exactly();
        }
        let inverse = factored.inverse();
        let bread = Matrix::from_fn(k, k, |i, j| inverse[(i, j)] * scale[i] * scale[j]);
        let kept = factored.kept();
        self.bread = bread.select_cols(&kept).select_rows(&kept);
        self.keep(&kept);
    }

    fn weighted_dense(&self) -> Matrix {
        let mut x = self.dense.clone();
        if let Some(weights) = self.absorber.weights() {
            x.cols_mut().for_each(|column| column.iter_mut().zip(weights).for_each(|(x, w)| *x *= w.sqrt()));
        }
        x
    }

    fn factor_exactly(&mut self) {
        let mut x = if self.sparse.is_empty() {
            self.weighted_dense()
        } else {
            let mut x = self.observations(0..self.n_rows).transpose();
            if let Some(weights) = self.absorber.weights() {
                x.cols_mut().for_each(|c| c.iter_mut().zip(weights).for_each(|(x, w)| *x *= w.sqrt()));
            }
            x
        };
        let qr = Qr::new(x.clone(), COLLINEAR);
        let kept = qr.kept().to_vec();
        if kept.len() < x.n_cols() {
            x = x.select_cols(&kept);
        }
        self.bread = qr.gram_inverse();
        self.solver = Solver::Exact { x, qr };
        self.keep(&kept);
    }

    /// Leaves out all columns but those.
    fn keep(&mut self, kept: &[usize]) {
        if kept.len() == self.names.len() {
            return;
        }
        let d = self.dense.n_cols();
        let (dense, sparse): (Vec<usize>, Vec<usize>) = kept.iter().partition(|&&j| j < d);
        self.names = kept.iter().map(|&j| self.names[j].clone()).collect();
        self.dense_effects = dense.iter().map(|&j| self.dense_effects[j].clone()).collect();
        self.dense = self.dense.select_cols(&dense);
        let sparse: Vec<usize> = sparse.iter().map(|j| j - d).collect();
        let n_before = self.sparse_effects.first().map_or_else(
            || self.sparse.iter().flat_map(|g| &g.at).filter(|at| **at != NONE).max().map_or(0, |at| at + 1),
            |effects| effects.n_rows() as u32,
        );
        let mut place = vec![NONE; n_before as usize];
        sparse.iter().zip(0u32..).for_each(|(&j, to)| place[j] = to);
        let recode = |at: &mut u32| *at = if *at == NONE { NONE } else { place[*at as usize] };
        self.sparse.iter_mut().for_each(|group| group.at.iter_mut().for_each(recode));
        for effects in &mut self.sparse_effects {
            *effects = effects.select_rows(&sparse);
        }
    }

    /// Coefficients of a column without fixed effects, which becomes its residual.
    fn solve_in_place(&self, column: &mut [f64]) -> Vec<f64> {
        if let Solver::Exact { x, qr } = &self.solver {
            return self.solve_exactly(x, qr, column);
        }
        let mut coefficients = self.bread.mul_vec(&self.cross(column));
        self.subtract_fit(&coefficients, column);
        // One step of refinement: the residual is known to more digits than the Gram matrix.
        let step = self.bread.mul_vec(&self.cross(column));
        let is_small = |(step, beta): (&f64, &f64)| step.abs() <= 1e-14 * beta.abs();
        if !step.iter().zip(&coefficients).all(is_small) {
            self.subtract_fit(&step, column);
            coefficients.iter_mut().zip(step).for_each(|(beta, step)| *beta += step);
        }
        coefficients
    }

    fn solve_exactly(&self, x: &Matrix, qr: &Qr, column: &mut [f64]) -> Vec<f64> {
        let Some(weights) = self.absorber.weights() else {
            let (beta, residual) = refined(x, qr, column);
            column.copy_from_slice(&residual);
            return beta;
        };
        let y: Vec<f64> = column.iter().zip(weights).map(|(y, w)| y * w.sqrt()).collect();
        let (beta, _) = refined(x, qr, &y);
        self.subtract_fit(&beta, column);
        beta
    }

    /// Subtracts X~ b from a column.
    fn subtract_fit(&self, b: &[f64], column: &mut [f64]) {
        for j in 0..self.dense.n_cols() {
            column.iter_mut().zip(self.dense.col(j)).for_each(|(y, x)| *y -= x * b[j]);
        }
        let sparse = &b[self.dense.n_cols()..];
        if sparse.is_empty() {
            return;
        }
        for group in &self.sparse {
            match &group.values {
                None => (column.iter_mut().zip(&group.at).filter(|(_, at)| **at != NONE))
                    .for_each(|(y, &at)| *y -= sparse[at as usize]),
                Some(values) => {
                    (column.iter_mut().zip(&group.at).zip(values).filter(|((_, at), _)| **at != NONE))
                        .for_each(|((y, &at), x)| *y -= x * sparse[at as usize])
                }
            }
        }
        let levels = self.sparse_levels(b);
        let minus: Effects = levels.into_iter().map(|e| e.into_iter().map(|x| -x).collect()).collect();
        self.absorber.subtract(&minus, column);
    }

    /// A b: what the levels contribute to the sparse columns' part of a fit.
    fn sparse_levels(&self, b: &[f64]) -> Effects {
        let b = &b[self.dense.n_cols()..];
        if b.is_empty() {
            return self.absorber.factors().iter().map(|factor| vec![0.0; factor.n_levels()]).collect();
        }
        self.sparse_effects.iter().map(|effects| effects.t_mul_vec(b)).collect()
    }
}

fn add_scaled(effects: &mut Effects, other: &[Vec<f64>], factor: f64) {
    for (effects, other) in effects.iter_mut().zip(other) {
        effects.iter_mut().zip(other).for_each(|(effect, other)| *effect += other * factor);
    }
}

/// Least squares by QR, refined with residuals in twice the precision (Björck 1967): coefficients and residuals
/// solve r + X b = y and X'r = 0 together, and what is left of both equations corrects both.
fn refined(x: &Matrix, qr: &Qr, y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let rank = x.n_cols();
    let mut beta = qr.solve(y);
    let mut residual: Vec<f64> = y.iter().zip(x.mul_vec(&beta)).map(|(y, f)| y - f).collect();
    for _ in 0..4 {
        let mut outcome = vec![Double::default(); y.len()];
        outcome.iter_mut().zip(y).zip(&residual).for_each(|((sum, &y), &r)| {
            sum.add(y);
            sum.add(-r);
        });
        for (j, &b) in beta.iter().enumerate() {
            outcome.iter_mut().zip(x.col(j)).for_each(|(sum, &x)| sum.add_product(-x, b));
        }
        let normal = (0..rank).map(|j| {
            let mut sum = Double::default();
            x.col(j).iter().zip(&residual).for_each(|(&x, &r)| sum.add_product(-x, r));
            sum.value()
        });
        let below = qr.solve_r_transposed(normal.collect());
        let mut rotated: Vec<f64> = outcome.into_iter().map(Double::value).collect();
        qr.rotate(&mut rotated);
        let step = qr.solve_r(rotated[..rank].iter().zip(&below).map(|(c, d)| c - d).collect());
        rotated[..rank].copy_from_slice(&below);
        qr.rotate_back(&mut rotated);
        residual.iter_mut().zip(rotated).for_each(|(r, step)| *r += step);
        let is_small = |(step, beta): (&f64, &f64)| step.abs() <= f64::EPSILON * beta.abs();
        let is_done = step.iter().zip(&beta).all(is_small);
        beta.iter_mut().zip(step).for_each(|(beta, step)| *beta += step);
        if is_done {
            break;
        }
    }
    (beta, residual)
}

/// For each cluster the sum over its rows of a value times the effects of the row's level: shape (clusters, s)
/// from effects of shape (s, levels).
pub(super) fn sums_times_effects(
    values: &[f64],
    cluster: &Factor,
    factor: &Factor,
    effects: &Matrix,
) -> Matrix {
    let (n_clusters, n_levels) = (cluster.n_levels(), factor.n_levels());
    let mut sums = Matrix::zeros(effects.n_rows(), n_clusters);
    let mut add = |g: u32, level: usize, x: f64| {
        let effects = effects.col(level);
        sums.col_mut(g as usize).iter_mut().zip(effects).for_each(|(sum, effect)| *sum += x * effect);
    };
    if let Some(parents) = parents(factor, cluster) {
        let mut by_level = vec![0.0; n_levels];
        values.iter().zip(factor.codes()).for_each(|(x, &level)| by_level[level as usize] += x);
        by_level.iter().zip(parents).enumerate().for_each(|(level, (&x, g))| add(g, level, x));
        return sums.transpose();
    }
    // Sorted clusters in blocks: sums by pair of cluster and level, and a product with the effects.
    if cluster.codes().is_sorted() && n_clusters.saturating_mul(n_levels) <= 2 * values.len() {
        let effects = effects.transpose();
        let (mut found, mut row) = (Matrix::zeros(n_clusters, effects.n_cols()), 0);
        for block in (0..n_clusters).collect::<Vec<_>>().chunks(128) {
            let mut pairs = Matrix::zeros(n_levels, block.len());
            while row < values.len() && cluster.at(row) < block[0] + block.len() {
                pairs.col_mut(cluster.at(row) - block[0])[factor.at(row)] += values[row];
                row += 1;
            }
            let sums = pairs.t_mul(&effects);
            for j in 0..effects.n_cols() {
                found.col_mut(j)[block[0]..block[0] + block.len()].copy_from_slice(sums.col(j));
            }
        }
        return found;
    }
    let rows = values.iter().zip(factor.codes()).zip(cluster.codes());
    rows.for_each(|((x, &level), &g)| add(g, level as usize, *x));
    sums.transpose()
}

/// The one cluster of each level, when every level lies in one.
pub(crate) fn parents(factor: &Factor, cluster: &Factor) -> Option<Vec<u32>> {
    let mut parents = vec![NONE; factor.n_levels()];
    for (&level, &g) in factor.codes().iter().zip(cluster.codes()) {
        let parent = &mut parents[level as usize];
        if *parent != NONE && *parent != g {
            return None;
        }
        *parent = g;
    }
    Some(parents)
}
