//! Absorbed fixed effects: what is left of a column when every level of every factor has its own intercept.
//!
//! Formula: with `D` the indicator columns of all factors side by side and `W` the diagonal of weights, a column x
//! becomes x - D a, where a solves D'W D a = D'W x. Only the sums D'W x and the coefficients a are ever formed,
//! never `D`.
//!
//! One factor, and two factors whose weights are a product of a level's and another's (a balanced panel with
//! weights of units or none), have a closed form. Otherwise the largest factor is eliminated exactly, and the
//! Schur complement of the others is factored when it is small, or solved by conjugate gradients that are scaled
//! by the diagonal. Either way the solution is repeated on what is left until the mean of the residuals in every
//! level is within the tolerance: convergence is checked on the result, not on the size of a step.
//!
//! Papers: Guimarães and Portugal (2010), doi:10.1177/1536867X1101000406; Correia (2016), a feasible estimator for
//! linear models with multi-way fixed effects. R `fixest` demeans to `fixef.tol = 1e-6` of the change in a step.

use super::semidefinite::Semidefinite;
use crate::error::{finite, same_length};
use crate::{Error, ErrorKind, Factor, Result};
use evenhand_linalg::Matrix;
use rayon::prelude::*;

/// One intercept for each level of each factor, in the order of the factors and of their levels.
pub type Effects = Vec<Vec<f64>>;

/// A Schur complement of up to so many levels is always factored.
const DENSE_LEVELS: usize = 64;

/// A larger one is factored when that costs at most so many operations a row: what conjugate gradients would need
/// for a few columns.
const DENSE_COST: usize = 200;

/// Fixed effects that are taken out of columns.
///
/// ```
/// use evenhand_estimate::{Factor, Matrix, regression::Absorber};
/// let unit = Factor::new(&["a", "a", "b", "b", "c"]);
/// let period = Factor::new(&[1, 2, 1, 2, 2]);
/// let absorber = Absorber::new(&[&unit, &period], None)?;
/// assert_eq!(absorber.degrees_of_freedom(), 4); // 3 + 2 levels, one connected component
/// let mut columns = Matrix::from_columns(5, &[[1.0, 3.0, 2.0, 6.0, 5.0]]);
/// absorber.residualize(&mut columns)?;
/// assert!((columns[(0, 0)] - 0.5).abs() < 1e-12 && columns[(4, 0)].abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Absorber {
    factors: Vec<Factor>,
    n_obs: usize,
    weights: Option<Vec<f64>>,
    /// The sum of weights in each level of each factor.
    totals: Effects,
    layout: Layout,
    solver: Solver,
    tolerance: f64,
    max_iterations: usize,
}

/// How the rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Any,
    /// Two factors, every pair of levels once; the factor `major` is sorted and the other runs through its
    /// levels within each of them.
    Grid {
        major: usize,
        n_minor: usize,
    },
}

#[derive(Debug, Clone)]
enum Solver {
    /// No factor, or one.
    Means,
    /// Two factors with weights that are a product.
    Separable,
    /// The Schur complement of all factors but `first`.
    Dense { first: usize, schur: Semidefinite },
    /// Conjugate gradients on the same.
    Iterative { first: usize },
}

impl Absorber {
    /// Prepares the factors, with weights of 0 or more. No factor at all leaves columns as they are.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for lists of different length, [`ErrorKind::NonFinite`], [`ErrorKind::Domain`] for a
    /// negative weight.
    pub fn new(factors: &[&Factor], weights: Option<&[f64]>) -> Result<Self> {
        let n_obs = factors.first().map_or(weights.map_or(0, <[f64]>::len), |factor| factor.len());
        factors.iter().try_for_each(|factor| same_length(n_obs, factor.len(), "factors"))?;
        let mut absorber = Self {
            factors: factors.iter().map(|&factor| factor.clone()).collect(),
            n_obs,
            weights: None,
            totals: Vec::new(),
            layout: Layout::of(factors),
            solver: Solver::Means,
            tolerance: 1e-12,
            max_iterations: 10_000,
        };
        match weights {
            Some(weights) => absorber.set_weights(weights)?,
            None => absorber.prepare(),
        }
        Ok(absorber)
    }

    /// Another tolerance: the largest mean of the residuals in any level, relative to their root mean square.
    /// Default 1e-12; rounding sets a floor.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Other weights for the same factors, as iteratively reweighted least squares needs.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::Domain`] for a negative weight.
    pub fn set_weights(&mut self, weights: &[f64]) -> Result<()> {
        if !self.factors.is_empty() {
            same_length(self.n_obs, weights.len(), "rows and weights")?;
        }
        for &weight in weights {
            if finite(weight, "weight")? < 0.0 {
                return Err(Error::new(ErrorKind::Domain, format!("weight {weight}, expected 0 or more")));
            }
        }
        self.weights = Some(weights.to_vec());
        self.prepare();
        Ok(())
    }

    /// The factors, in the order given.
    #[must_use]
    pub fn factors(&self) -> &[Factor] {
        &self.factors
    }

    /// Number of rows of the factors, or of the weights when there is no factor.
    #[must_use]
    pub fn n_obs(&self) -> usize {
        self.n_obs
    }

    /// The weights; `None` when all are 1.
    #[must_use]
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Takes the fixed effects out of every column, columns in parallel.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::NotConverged`].
    pub fn residualize(&self, columns: &mut Matrix) -> Result<()> {
        if self.factors.is_empty() {
            return Ok(());
        }
        let rows = columns.n_rows().max(1);
        columns
            .data_mut()
            .par_chunks_mut(rows)
            .try_for_each(|column| self.residualize_column(column).map(drop))
    }

    /// Takes the fixed effects out of one column and returns them: column before = after + sum of effects.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::NotConverged`].
    pub fn residualize_column(&self, column: &mut [f64]) -> Result<Effects> {
        let mut effects: Effects = self.factors.iter().map(|factor| vec![0.0; factor.n_levels()]).collect();
        if self.factors.is_empty() {
            return Ok(effects);
        }
        same_length(self.n_obs, column.len(), "rows and entries of a column")?;
        let centre = finite(self.mean(column), "mean of a column to be absorbed")?;
        column.iter_mut().for_each(|x| *x -= centre);
        effects[0].iter_mut().for_each(|effect| *effect += centre);
        let floor = 16.0 * f64::EPSILON * self.root_mean_square(column);
        let mut before = f64::INFINITY;
        let mut sums = self.sums(column);
        for _ in 0..50 {
            let step = self.solve(&sums);
            self.subtract(&step, column);
            for (effects, step) in effects.iter_mut().zip(step) {
                effects.iter_mut().zip(step).for_each(|(effect, step)| *effect += step);
            }
            sums = self.sums(column);
            let (worst, scale) = (self.largest_mean(&sums), self.root_mean_square(column));
            finite(worst, "residual of an absorbed column")?;
            let stalled = worst > 0.5 * before && worst <= 1e-9 * scale + 100.0 * floor;
            if worst <= floor.max(self.tolerance * scale) || stalled {
                return Ok(effects);
            }
            before = worst;
        }
        let message = format!("absorbed fixed effects: a level's mean residual is still {before:e}");
        Err(Error::new(ErrorKind::NotConverged, message))
    }

    /// Rank of the indicator columns: what they take from the degrees of freedom. Exact for one factor and for
    /// two (levels less connected components); beyond, the levels of all factors less one for each but the
    /// first, which is at least the rank.
    #[must_use]
    pub fn degrees_of_freedom(&self) -> usize {
        match &self.factors[..] {
            [a, b] => a.n_levels() + b.n_levels() - components(a, b),
            _ => self.nominal_degrees_of_freedom(),
        }
    }

    /// As `fixest` counts by default: the levels of all factors less one for each but the first.
    #[must_use]
    pub fn nominal_degrees_of_freedom(&self) -> usize {
        let levels: usize = self.factors.iter().map(Factor::n_levels).sum();
        levels - self.factors.len().saturating_sub(1)
    }

    /// `D'W x`: weighted sums of a column in each level of each factor.
    #[must_use]
    pub fn sums(&self, column: &[f64]) -> Effects {
        if let (Layout::Grid { major, n_minor }, None) = (self.layout, &self.weights) {
            return grid_sums(column, major, n_minor);
        }
        let add = |factor: &Factor| {
            let mut sums = vec![0.0; factor.n_levels()];
            match &self.weights {
                None => column.iter().zip(factor.codes()).for_each(|(x, &level)| sums[level as usize] += x),
                Some(weights) => (column.iter().zip(weights).zip(factor.codes()))
                    .for_each(|((x, w), &level)| sums[level as usize] += x * w),
            }
            sums
        };
        self.factors.iter().map(add).collect()
    }

    /// The `a` with D'W D a = `sums`, to about the tolerance; levels without weight get 0.
    #[must_use]
    pub fn solve(&self, sums: &[Vec<f64>]) -> Effects {
        match &self.solver {
            Solver::Means => self.factors.iter().enumerate().map(|(q, _)| self.means(q, sums)).collect(),
            Solver::Separable => {
                let total: f64 = self.totals[0].iter().sum();
                let grand = if total > 0.0 { sums[0].iter().sum::<f64>() / total } else { 0.0 };
                let rows = self.means(0, sums).iter().map(|mean| mean - grand).collect();
                vec![rows, self.means(1, sums)]
            }
            Solver::Dense { first, schur } => {
                let right = self.reduced(*first, sums);
                self.complete(*first, sums, schur.solve(right))
            }
            Solver::Iterative { first } => {
                let right = self.reduced(*first, sums);
                self.complete(*first, sums, self.conjugate_gradients(*first, right))
            }
        }
    }

    /// As [`solve`](Self::solve), repeated on what is left of the sums until that is rounding.
    #[must_use]
    pub fn solve_exactly(&self, mut sums: Effects) -> Effects {
        let mut effects = self.solve(&sums);
        if matches!(self.solver, Solver::Means | Solver::Separable) {
            return effects;
        }
        let whole = self.largest_mean(&sums);
        let mut before = f64::INFINITY;
        let mut fitted = vec![0.0; self.n_obs];
        let mut step = effects.clone();
        for _ in 0..20 {
            fitted.fill(0.0);
            self.subtract(&step, &mut fitted);
            for (sums, minus) in sums.iter_mut().zip(self.sums(&fitted)) {
                sums.iter_mut().zip(minus).for_each(|(sum, minus)| *sum += minus);
            }
            let left = self.largest_mean(&sums);
            if left <= 4.0 * f64::EPSILON * whole || left > 0.5 * before {
                break;
            }
            before = left;
            step = self.solve(&sums);
            for (effects, step) in effects.iter_mut().zip(&step) {
                effects.iter_mut().zip(step).for_each(|(effect, step)| *effect += step);
            }
        }
        effects
    }

    /// [`solve_exactly`](Self::solve_exactly) for many columns at once: sums and coefficients by factor, each of
    /// shape (columns, levels).
    #[must_use]
    pub fn solve_columns(&self, sums: Vec<Matrix>) -> Vec<Matrix> {
        let s = sums.first().map_or(0, Matrix::n_rows);
        if let (Solver::Dense { first, schur }, [a, b]) = (&self.solver, &self.factors[..])
            && a.n_levels().saturating_mul(b.n_levels()) <= 2 * self.n_obs
        {
            return self.solve_by_table(*first, schur, sums);
        }
        let solve = |j: usize| self.solve_exactly(sums.iter().map(|sums| sums.row(j)).collect());
        let columns: Vec<Effects> = (0..s).into_par_iter().map(solve).collect();
        (self.factors.iter().enumerate())
            .map(|(q, factor)| Matrix::from_fn(s, factor.n_levels(), |j, level| columns[j][q][level]))
            .collect()
    }

    /// Two factors by products with the table of their pairs' weights: a solution and one step of refinement.
    fn solve_by_table(&self, first: usize, schur: &Semidefinite, sums: Vec<Matrix>) -> Vec<Matrix> {
        let second = 1 - first;
        let mut table = Matrix::zeros(self.factors[first].n_levels(), self.factors[second].n_levels());
        for row in 0..self.n_obs {
            table[(self.factors[first].at(row), self.factors[second].at(row))] += self.weight(row);
        }
        let times = |values: &Matrix, q: usize, map: &dyn Fn(f64, f64) -> f64| {
            let mut scaled = values.clone();
            for (column, &total) in scaled.cols_mut().zip(&self.totals[q]) {
                column.iter_mut().for_each(|x| *x = map(*x, total));
            }
            scaled
        };
        let across = |values: &Matrix| table.mul(&values.transpose()).transpose();
        let solve = |one: &Matrix, two: &Matrix| {
            let right = two.clone().plus(&times(one, first, &over).mul(&table), -1.0);
            let mut rows = right.transpose();
            rows.cols_mut().for_each(|row| row.copy_from_slice(&schur.solve(row.to_vec())));
            let two = rows.transpose();
            (times(&one.clone().plus(&across(&two), -1.0), first, &over), two)
        };
        let product = |x: f64, total: f64| x * total;
        let (one, two) = (&sums[first], &sums[second]);
        let (a, b) = solve(one, two);
        let left_one = one.clone().plus(&times(&a, first, &product), -1.0).plus(&across(&b), -1.0);
        let left_two = two.clone().plus(&a.mul(&table), -1.0).plus(&times(&b, second, &product), -1.0);
        let (step_a, step_b) = solve(&left_one, &left_two);
        let (a, b) = (a.plus(&step_a, 1.0), b.plus(&step_b, 1.0));
        if first == 0 { vec![a, b] } else { vec![b, a] }
    }

    /// Each row's leverage in the regression on the indicator columns alone: w d'(D'W D)^- d.
    ///
    /// # Errors
    /// [`ErrorKind::Domain`] when the Schur complement is too large to be factored.
    pub fn leverages(&self) -> Result<Vec<f64>> {
        let rows = 0..self.n_obs;
        let own = |q: usize, row: usize| over(1.0, self.totals[q][self.factors[q].at(row)]);
        match &self.solver {
            Solver::Means if self.factors.is_empty() => Ok(vec![0.0; self.n_obs]),
            Solver::Means => Ok(rows.map(|row| self.weight(row) * own(0, row)).collect()),
            Solver::Separable => {
                let all = over(1.0, self.totals[0].iter().sum());
                Ok(rows.map(|row| self.weight(row) * (own(0, row) + own(1, row) - all)).collect())
            }
            Solver::Dense { first, schur } => Ok(self.schur_leverages(*first, &schur.inverse())),
            Solver::Iterative { first } => {
                let others = self.others(*first);
                if others > 4096 {
                    let message = format!(
                        "leverages with {others} levels beside the largest factor, expected 4096 at most"
                    );
                    return Err(Error::new(ErrorKind::Domain, message));
                }
                let schur = self.factored_schur(*first, others);
                Ok(self.schur_leverages(*first, &schur.inverse()))
            }
        }
    }

    /// Leverages of pairs among some rows, root of weight on both sides: shape (rows, rows); `None` without factors.
    pub(crate) fn leverage_block(&self, rows: &[u32]) -> Result<Option<Matrix>> {
        let roots: Vec<f64> = rows.iter().map(|&row| self.weight(row as usize).sqrt()).collect();
        let same = |q: usize, i: usize, j: usize| {
            let (a, b) = (self.factors[q].at(rows[i] as usize), self.factors[q].at(rows[j] as usize));
            if a == b { over(1.0, self.totals[q][a]) } else { 0.0 }
        };
        let block = |entry: &dyn Fn(usize, usize) -> f64| {
            Some(Matrix::from_fn(rows.len(), rows.len(), |i, j| roots[i] * roots[j] * entry(i, j)))
        };
        let (first, schur) = match &self.solver {
            Solver::Means if self.factors.is_empty() => return Ok(None),
            Solver::Means => return Ok(block(&|i, j| same(0, i, j))),
            Solver::Separable => {
                let all = over(1.0, self.totals[0].iter().sum());
                return Ok(block(&|i, j| same(0, i, j) + same(1, i, j) - all));
            }
            Solver::Dense { first, schur } => (*first, schur),
            Solver::Iterative { .. } => {
                let message = "leverages of clusters with that many absorbed levels";
                return Err(Error::new(ErrorKind::Domain, message));
            }
        };
        let starts = self.starts(first);
        let by_level = self.factors[first].rows_by_level();
        let mut vectors = Matrix::zeros(self.others(first), rows.len());
        for (vector, &row) in vectors.cols_mut().zip(rows) {
            let level = self.factors[first].at(row as usize);
            for q in (0..self.factors.len()).filter(|&q| q != first) {
                vector[starts[q] + self.factors[q].at(row as usize)] += 1.0;
                for &other in by_level.rows(level) {
                    let share = over(self.weight(other as usize), self.totals[first][level]);
                    vector[starts[q] + self.factors[q].at(other as usize)] -= share;
                }
            }
        }
        let mut solved = vectors.clone();
        solved.cols_mut().for_each(|vector| vector.copy_from_slice(&schur.solve(vector.to_vec())));
        let across = vectors.t_mul(&solved);
        Ok(block(&|i, j| same(first, i, j) + across[(i, j)]))
    }

    /// With p the shares of the others' levels within a row's level of `first`, of weight W, and e the row's own:
    /// w (1 / W + (e - p)' inverse (e - p)).
    fn schur_leverages(&self, first: usize, inverse: &Matrix) -> Vec<f64> {
        let starts = self.starts(first);
        let rest: Vec<usize> = (0..self.factors.len()).filter(|&q| q != first).collect();
        let own = |row: usize| rest.iter().map(move |&q| (q, row));
        let place = |(q, row): (usize, usize)| starts[q] + self.factors[q].at(row);
        let by_level = self.factors[first].rows_by_level();
        let mut leverages = vec![0.0; self.n_obs];
        for level in 0..self.factors[first].n_levels() {
            let total = self.totals[first][level];
            let mut image = vec![0.0; inverse.n_rows()];
            let rows = || by_level.rows(level).iter().map(|&row| row as usize);
            for row in rows() {
                let share = over(self.weight(row), total);
                for at in own(row).map(place) {
                    image.iter_mut().zip(inverse.col(at)).for_each(|(sum, x)| *sum += share * x);
                }
            }
            let mut both = 0.0;
            for row in rows() {
                let share = over(self.weight(row), total);
                both += share * own(row).map(|at| image[place(at)]).sum::<f64>();
            }
            for row in rows() {
                let square: f64 = own(row)
                    .flat_map(|a| own(row).map(move |b| (a, b)))
                    .map(|(a, b)| inverse[(place(a), place(b))])
                    .sum();
                let cross: f64 = own(row).map(|at| image[place(at)]).sum();
                leverages[row] = self.weight(row) * (over(1.0, total) + square - 2.0 * cross + both);
            }
        }
        leverages
    }

    /// Subtracts each row's effects from a column.
    pub fn subtract(&self, effects: &[Vec<f64>], column: &mut [f64]) {
        if let Layout::Grid { major, n_minor } = self.layout {
            let minor = &effects[1 - major];
            for (run, level) in column.chunks_exact_mut(n_minor).zip(&effects[major]) {
                run.iter_mut().zip(minor).for_each(|(x, effect)| *x -= level + effect);
            }
            return;
        }
        for (factor, effects) in self.factors.iter().zip(effects) {
            column.iter_mut().zip(factor.codes()).for_each(|(x, &level)| *x -= effects[level as usize]);
        }
    }

    fn prepare(&mut self) {
        self.totals = match (self.layout, &self.weights) {
            (Layout::Grid { .. }, None) => {
                let count =
                    |factor: &Factor| vec![(self.n_obs / factor.n_levels()) as f64; factor.n_levels()];
                self.factors.iter().map(count).collect()
            }
            (_, None) => {
                let counts = |factor: &Factor| {
                    let mut counts = vec![0.0; factor.n_levels()];
                    factor.codes().iter().for_each(|&level| counts[level as usize] += 1.0);
                    counts
                };
                self.factors.iter().map(counts).collect()
            }
            (_, Some(weights)) if !self.factors.is_empty() => {
                let add = |factor: &Factor| {
                    let mut sums = vec![0.0; factor.n_levels()];
                    weights.iter().zip(factor.codes()).for_each(|(w, &level)| sums[level as usize] += w);
                    sums
                };
                self.factors.iter().map(add).collect()
            }
            _ => Vec::new(),
        };
        self.solver = self.choose();
    }

    fn choose(&self) -> Solver {
        if self.factors.len() < 2 {
            return Solver::Means;
        }
        if self.is_separable() {
            return Solver::Separable;
        }
        let sizes: Vec<usize> = self.factors.iter().map(Factor::n_levels).collect();
        let first = (0..sizes.len()).max_by_key(|&q| (sizes[q], std::cmp::Reverse(q))).unwrap_or(0);
        let others = sizes.iter().sum::<usize>() - sizes[first];
        let products = sizes[first].saturating_mul(others * others / 8);
        if others > DENSE_LEVELS && products.saturating_add(others.pow(3) / 6) > DENSE_COST * self.n_obs {
            return Solver::Iterative { first };
        }
        Solver::Dense { first, schur: self.factored_schur(first, others) }
    }

    /// Whether every pair of levels of two factors occurs once, with a weight that is the product of the levels'
    /// weights over the total.
    fn is_separable(&self) -> bool {
        let [a, b] = &self.factors[..] else { return false };
        if a.n_levels() * b.n_levels() != self.n_obs {
            return false;
        }
        if self.layout == Layout::Any {
            let mut seen = vec![false; self.n_obs];
            (0..self.n_obs).for_each(|row| seen[a.at(row) * b.n_levels() + b.at(row)] = true);
            if !seen.into_iter().all(|pair| pair) {
                return false;
            }
        }
        let Some(weights) = &self.weights else { return true };
        let total: f64 = self.totals[0].iter().sum();
        weights.iter().enumerate().all(|(row, weight)| {
            let product = self.totals[0][a.at(row)] * self.totals[1][b.at(row)] / total;
            (weight - product).abs() <= 1e-14 * product
        })
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    fn mean(&self, column: &[f64]) -> f64 {
        let Some(weights) = &self.weights else { return column.iter().sum::<f64>() / self.n_obs as f64 };
        let total: f64 = weights.iter().sum();
        if total > 0.0 { column.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() / total } else { 0.0 }
    }

    fn root_mean_square(&self, column: &[f64]) -> f64 {
        let (total, squares) = match &self.weights {
            None => (self.n_obs as f64, evenhand_linalg::dot(column, column)),
            Some(weights) => {
                (weights.iter().sum(), column.iter().zip(weights).map(|(x, w)| x * x * w).sum::<f64>())
            }
        };
        if total > 0.0 { (squares / total).sqrt() } else { 0.0 }
    }

    fn means(&self, q: usize, sums: &[Vec<f64>]) -> Vec<f64> {
        sums[q].iter().zip(&self.totals[q]).map(|(sum, total)| over(*sum, *total)).collect()
    }

    fn largest_mean(&self, sums: &[Vec<f64>]) -> f64 {
        // A comparison would lose a NaN; this keeps it.
        let largest = |most: f64, mean: f64| if mean.abs() <= most { most } else { mean.abs() };
        (0..sums.len()).flat_map(|q| self.means(q, sums)).fold(0.0, largest)
    }

    /// Where the levels of each factor but `first` start in a list of all of them.
    fn starts(&self, first: usize) -> Vec<usize> {
        let mut at = 0;
        let mut start = |(q, factor): (usize, &Factor)| {
            let here = at;
            at += if q == first { 0 } else { factor.n_levels() };
            here
        };
        self.factors.iter().enumerate().map(&mut start).collect()
    }

    /// Sums over the other factors of a value that each row has from its level of the factor `first`.
    fn spread(&self, first: usize, values: &[f64]) -> Vec<f64> {
        let starts = self.starts(first);
        let mut sums = vec![0.0; self.others(first)];
        let from = self.factors[first].codes();
        for (q, factor) in self.factors.iter().enumerate().filter(|(q, _)| *q != first) {
            let sums = &mut sums[starts[q]..];
            match &self.weights {
                None => (from.iter().zip(factor.codes()))
                    .for_each(|(&level, &to)| sums[to as usize] += values[level as usize]),
                Some(weights) => (from.iter().zip(factor.codes()).zip(weights))
                    .for_each(|((&level, &to), w)| sums[to as usize] += w * values[level as usize]),
            }
        }
        sums
    }

    /// Sums over the factor `first` of the values that each row has from its levels of the others.
    fn gather(&self, first: usize, values: &[f64]) -> Vec<f64> {
        let starts = self.starts(first);
        let mut sums = vec![0.0; self.factors[first].n_levels()];
        let to = self.factors[first].codes();
        for (q, factor) in self.factors.iter().enumerate().filter(|(q, _)| *q != first) {
            let values = &values[starts[q]..];
            match &self.weights {
                None => (to.iter().zip(factor.codes()))
                    .for_each(|(&to, &level)| sums[to as usize] += values[level as usize]),
                Some(weights) => (to.iter().zip(factor.codes()).zip(weights))
                    .for_each(|((&to, &level), w)| sums[to as usize] += w * values[level as usize]),
            }
        }
        sums
    }

    fn others(&self, first: usize) -> usize {
        self.factors.iter().map(Factor::n_levels).sum::<usize>() - self.factors[first].n_levels()
    }

    /// The right-hand side once the factor `first` is eliminated.
    fn reduced(&self, first: usize, sums: &[Vec<f64>]) -> Vec<f64> {
        let rest = sums.iter().enumerate().filter(|(q, _)| *q != first).flat_map(|(_, sums)| sums);
        rest.zip(self.spread(first, &self.means(first, sums))).map(|(sum, spread)| sum - spread).collect()
    }

    /// The effects of all factors from those of all but `first`.
    fn complete(&self, first: usize, sums: &[Vec<f64>], others: Vec<f64>) -> Effects {
        let gathered = self.gather(first, &others);
        let eliminated = (sums[first].iter().zip(gathered).zip(&self.totals[first]))
            .map(|((sum, gathered), total)| over(sum - gathered, *total))
            .collect();
        let starts = self.starts(first);
        let part = |q: usize| others[starts[q]..starts[q] + self.factors[q].n_levels()].to_vec();
        let mut effects: Effects =
            (0..self.factors.len()).map(|q| if q == first { Vec::new() } else { part(q) }).collect();
        effects[first] = eliminated;
        effects
    }

    fn factored_schur(&self, first: usize, others: usize) -> Semidefinite {
        Semidefinite::new(self.schur(first, others), &self.others_totals(first), 1e-11)
    }

    fn others_totals(&self, first: usize) -> Vec<f64> {
        let others = self.totals.iter().enumerate().filter(|(q, _)| *q != first);
        others.flat_map(|(_, totals)| totals.iter().copied()).collect()
    }

    /// The Schur complement, shape (others, others): what the others' sums are of one another within the levels
    /// of the factor `first`.
    fn schur(&self, first: usize, others: usize) -> Matrix {
        let starts = self.starts(first);
        let rest: Vec<(usize, &[u32])> = (self.factors.iter().enumerate())
            .filter(|(q, _)| *q != first)
            .map(|(q, factor)| (starts[q], factor.codes()))
            .collect();
        let mut schur = Matrix::zeros(others, others);
        for row in 0..self.n_obs {
            for &(from, codes) in &rest {
                for &(to, other) in &rest {
                    schur[(from + codes[row] as usize, to + other[row] as usize)] += self.weight(row);
                }
            }
        }
        // Levels of `first` in blocks: each is a row of sums over the root of its total.
        let by_level = self.factors[first].rows_by_level();
        for block in (0..self.factors[first].n_levels()).collect::<Vec<_>>().chunks(256) {
            let mut rows = Matrix::zeros(block.len(), others);
            for (i, &level) in block.iter().enumerate() {
                let root = self.totals[first][level].sqrt();
                for &row in by_level.rows(level) {
                    for &(start, codes) in &rest {
                        rows[(i, start + codes[row as usize] as usize)] +=
                            over(self.weight(row as usize), root);
                    }
                }
            }
            schur = schur.plus(&rows.gram(), -1.0);
        }
        schur
    }

    /// Solves with the Schur complement, never formed, until the gradient is a thousandth of the tolerance.
    fn conjugate_gradients(&self, first: usize, right: Vec<f64>) -> Vec<f64> {
        let diagonal = self.others_totals(first);
        let scale = |values: &[f64]| -> Vec<f64> {
            values.iter().zip(&diagonal).map(|(x, total)| over(*x, *total)).collect()
        };
        let apply = |values: &[f64]| -> Vec<f64> {
            // The sums of the others' own values, less those of their means within the levels of `first`.
            let gathered = self.gather(first, values);
            let means: Vec<f64> =
                gathered.iter().zip(&self.totals[first]).map(|(sum, total)| over(*sum, *total)).collect();
            let spread = self.spread(first, &means);
            self.own(first, values).iter().zip(spread).map(|(own, spread)| own - spread).collect()
        };
        let mut solution = vec![0.0; right.len()];
        let mut residual = right;
        let mut scaled = scale(&residual);
        let mut direction = scaled.clone();
        let mut norm = evenhand_linalg::dot(&residual, &scaled);
        let enough = norm * (1e-3 * self.tolerance).powi(2);
        for _ in 0..self.max_iterations {
            if norm <= enough || norm.is_nan() {
                break;
            }
            let image = apply(&direction);
            let curvature = evenhand_linalg::dot(&direction, &image);
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            let step = norm / curvature;
            solution.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
            residual.iter_mut().zip(&image).for_each(|(r, i)| *r -= step * i);
            scaled = scale(&residual);
            let next = evenhand_linalg::dot(&residual, &scaled);
            let ratio = next / norm;
            direction.iter_mut().zip(&scaled).for_each(|(d, s)| *d = s + ratio * *d);
            norm = next;
        }
        solution
    }

    /// Sums over all factors but `first` of the values that each row has from its levels of them.
    fn own(&self, first: usize, values: &[f64]) -> Vec<f64> {
        let starts = self.starts(first);
        let rest: Vec<usize> = (0..self.factors.len()).filter(|&q| q != first).collect();
        if let [only] = rest[..] {
            return values.iter().zip(&self.totals[only]).map(|(x, total)| x * total).collect();
        }
        let mut sums = vec![0.0; values.len()];
        for row in 0..self.n_obs {
            let at = |&q: &usize| starts[q] + self.factors[q].at(row);
            let value = self.weight(row) * rest.iter().map(|q| values[at(q)]).sum::<f64>();
            rest.iter().for_each(|q| sums[at(q)] += value);
        }
        sums
    }
}

impl Layout {
    fn of(factors: &[&Factor]) -> Self {
        let [a, b] = factors else { return Self::Any };
        for (major, one, other) in [(0, a, b), (1, b, a)] {
            let n_minor = other.n_levels();
            let is_grid = n_minor > 0
                && one.n_levels() * n_minor == one.len()
                && (one.codes().chunks_exact(n_minor).zip(0u32..))
                    .all(|(run, level)| run.iter().all(|&code| code == level))
                && (other.codes().chunks_exact(n_minor))
                    .all(|run| run.iter().zip(0u32..).all(|(&code, level)| code == level));
            if is_grid {
                return Self::Grid { major, n_minor };
            }
        }
        Self::Any
    }
}

/// Sums over the rows and the columns of a table that lies row after row.
fn grid_sums(column: &[f64], major: usize, n_minor: usize) -> Effects {
    let mut minor = vec![0.0; n_minor];
    let rows = column.chunks_exact(n_minor).map(|run| {
        let mut sums = [0.0; 8];
        let mut lanes = run.chunks_exact(8);
        for lane in lanes.by_ref() {
            (0..8).for_each(|k| sums[k] += lane[k]);
        }
        minor.iter_mut().zip(run).for_each(|(sum, x)| *sum += x);
        let [a, b, c, d, e, f, g, h] = sums;
        ((a + e) + (b + f)) + ((c + g) + (d + h)) + lanes.remainder().iter().sum::<f64>()
    });
    let rows: Vec<f64> = rows.collect();
    if major == 0 { vec![rows, minor] } else { vec![minor, rows] }
}

/// A quotient that is 0 where there is no weight to divide by.
fn over(sum: f64, total: f64) -> f64 {
    if total > 0.0 { sum / total } else { 0.0 }
}

/// Connected components of the graph in which two levels are joined when a row has both.
fn components(a: &Factor, b: &Factor) -> usize {
    let shift = a.n_levels();
    let mut parent: Vec<usize> = (0..shift + b.n_levels()).collect();
    let mut n = parent.len();
    for row in 0..a.len() {
        let (one, two) = (root(&mut parent, a.at(row)), root(&mut parent, shift + b.at(row)));
        if one != two {
            parent[one.max(two)] = one.min(two);
            n -= 1;
        }
    }
    n
}

fn root(parent: &mut [usize], mut at: usize) -> usize {
    while parent[at] != at {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    at
}

/// Rows that are alone in a level of a factor, once the rows found before are gone; in rising order. They say
/// nothing about slopes and make clustered errors too small (Correia 2015).
///
/// ```
/// use evenhand_estimate::{Factor, regression::singletons};
/// // Row 4 is alone in unit c; once it is gone row 3 is alone in period 9.
/// let unit = Factor::new(&["a", "a", "b", "b", "c", "b"]);
/// let period = Factor::new(&[1, 2, 1, 9, 9, 2]);
/// assert_eq!(singletons(&[&unit, &period]), [3, 4]);
/// ```
#[must_use]
pub fn singletons(factors: &[&Factor]) -> Vec<usize> {
    let n = factors.first().map_or(0, |factor| factor.len());
    // The sum of the rows of a level names the row once it is the last.
    let mut levels: Vec<Vec<(u32, usize)>> = factors.iter().map(|f| vec![(0, 0); f.n_levels()]).collect();
    for (factor, levels) in factors.iter().zip(&mut levels) {
        for row in 0..n {
            let level = &mut levels[factor.at(row)];
            *level = (level.0 + 1, level.1 + row);
        }
    }
    let mut alone: Vec<usize> =
        levels.iter().flatten().filter(|level| level.0 == 1).map(|level| level.1).collect();
    let mut is_gone = vec![false; n];
    while let Some(row) = alone.pop() {
        if std::mem::replace(&mut is_gone[row], true) {
            continue;
        }
        for (factor, levels) in factors.iter().zip(&mut levels) {
            let level = &mut levels[factor.at(row)];
            *level = (level.0 - 1, level.1 - row);
            if level.0 == 1 {
                alone.push(level.1);
            }
        }
    }
    (0..n).filter(|&row| is_gone[row]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenhand_linalg::{Qr, dot};
    use proptest::prelude::*;

    /// Rows of three factors that are not balanced, a weight and a column.
    struct Rows {
        factors: [Factor; 3],
        weights: Vec<f64>,
        column: Vec<f64>,
    }

    fn rows(n: usize, seed: u64) -> Rows {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut factor = |levels: u64| Factor::new(&(0..n).map(|_| next(levels)).collect::<Vec<_>>());
        let factors = [factor(9), factor(5), factor(4)];
        let weights = (0..n).map(|_| 0.5 + next(100) as f64 / 50.0).collect();
        let column = (0..n).map(|_| next(1000) as f64 / 100.0 - 3.0).collect();
        Rows { factors, weights, column }
    }

    /// Residuals by least squares on the indicator columns themselves.
    fn by_indicators(factors: &[&Factor], weights: &[f64], column: &[f64]) -> (Vec<f64>, usize) {
        let n = column.len();
        let mut data = Vec::new();
        for factor in factors {
            for level in 0..factor.n_levels() {
                let indicator = |row: usize| if factor.at(row) == level { weights[row].sqrt() } else { 0.0 };
                data.extend((0..n).map(indicator));
            }
        }
        let x = Matrix::from_data(n, data.len() / n, data);
        let y: Vec<f64> = column.iter().zip(weights).map(|(y, w)| y * w.sqrt()).collect();
        let qr = Qr::new(x.clone(), 1e-9);
        let fitted = x.select_cols(qr.kept()).mul_vec(&qr.solve(&y));
        let residual = y.iter().zip(fitted).zip(weights).map(|((y, f), w)| (y - f) / w.sqrt()).collect();
        (residual, qr.kept().len())
    }

    fn check(factors: &[&Factor], weights: Option<&[f64]>, column: &[f64]) {
        let ones = vec![1.0; column.len()];
        let (expected, rank) = by_indicators(factors, weights.unwrap_or(&ones), column);
        let mut absorber = Absorber::new(factors, weights).unwrap();
        for _ in 0..2 {
            let mut found = column.to_vec();
            let effects = absorber.residualize_column(&mut found).unwrap();
            for (row, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!((found - expected).abs() < 1e-10, "{found}, expected {expected}");
                let fitted: f64 = factors.iter().zip(&effects).map(|(f, e)| e[f.at(row)]).sum();
                assert!((column[row] - found - fitted).abs() < 1e-10);
            }
            if factors.len() < 3 {
                assert_eq!(absorber.degrees_of_freedom(), rank);
            }
            let leverages = absorber.leverages().unwrap();
            assert!((leverages.iter().sum::<f64>() - rank as f64).abs() < 1e-9, "their sum is the rank");
            if factors.len() > 1 {
                absorber.solver = Solver::Iterative { first: 1 };
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn residuals_are_those_of_the_indicator_columns(n in 12usize..60, seed in 0u64..1000) {
            let Rows { factors: [a, b, c], weights, column } = rows(n, seed);
            for factors in [&[&a][..], &[&a, &b], &[&b, &a, &c]] {
                check(factors, None, &column);
                check(factors, Some(&weights), &column);
            }
        }
    }

    #[test]
    fn a_balanced_panel_has_a_closed_form_in_either_order_of_rows() {
        let unit: Vec<usize> = (0..24).map(|row| row / 4).collect();
        let period: Vec<usize> = (0..24).map(|row| row % 4).collect();
        let column: Vec<f64> = (0..24).map(|row| ((row * row) as f64).sin() * 5.0 + 100.0).collect();
        let weights: Vec<f64> =
            unit.iter().zip(&period).map(|(i, t)| (1.0 + *i as f64) * (2.0 + *t as f64)).collect();
        let (unit, period) = (Factor::new(&unit), Factor::new(&period));
        let backwards: Vec<usize> = (0..24).rev().collect();
        for weights in [None, Some(&weights[..])] {
            for factors in [[&unit, &period], [&period, &unit]] {
                check(&factors, weights, &column);
                assert!(matches!(Absorber::new(&factors, weights).unwrap().solver, Solver::Separable));
                let factors = factors.map(|factor| factor.select(&backwards));
                check(&[&factors[0], &factors[1]], None, &column);
            }
        }
    }

    #[test]
    fn a_large_level_does_not_hide_small_movements() {
        let unit = Factor::new(&[0, 0, 0, 1, 1, 1]);
        let mut column = [1e12 + 0.25, 1e12 + 0.5, 1e12 + 0.75, 3.25, 3.5, 3.75];
        Absorber::new(&[&unit], None).unwrap().residualize_column(&mut column).unwrap();
        for (found, expected) in column.iter().zip([-0.25, 0.0, 0.25, -0.25, 0.0, 0.25]) {
            assert!((found - expected).abs() < 1e-15, "{found}, expected {expected}");
        }
    }

    #[test]
    fn separate_components_and_levels_without_weight_are_no_trouble() {
        let a = Factor::new(&[0, 0, 1, 1, 2, 2, 3]);
        let b = Factor::new(&[0, 1, 0, 1, 2, 3, 4]);
        let mut absorber = Absorber::new(&[&a, &b], Some(&[1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 0.0])).unwrap();
        assert_eq!(absorber.degrees_of_freedom(), 4 + 5 - 3);
        let mut column = [1.0, 2.0, 3.0, 5.0, 1.0, 4.0, 9.0];
        absorber.residualize_column(&mut column).unwrap();
        assert!(dot(&column[4..6], &column[4..6]) < 1e-20 && (column[0] - 0.25).abs() < 1e-12);
        assert_eq!(absorber.set_weights(&[-1.0; 7]).unwrap_err().kind(), ErrorKind::Domain);
        let nan = absorber.residualize_column(&mut [f64::NAN; 7]).unwrap_err();
        assert_eq!(nan.kind(), ErrorKind::NonFinite);
    }

    #[test]
    fn nothing_absorbed_and_no_rows_leave_columns_alone() {
        let none = Absorber::new(&[], None).unwrap();
        let mut columns = Matrix::from_columns(2, &[[1.0, 5.0]]);
        none.residualize(&mut columns).unwrap();
        assert_eq!((columns.col(0), none.degrees_of_freedom()), (&[1.0, 5.0][..], 0));
        let empty = Factor::new::<u8>(&[]);
        assert!(Absorber::new(&[&empty, &empty], None).is_ok());
    }
}
