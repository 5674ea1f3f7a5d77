//! Least squares on the simplex: the weights of every synthetic control.
//!
//! Problem: minimise |A w - b|^2 + eta |w|^2 over w >= 0, sum w = 1, with A of shape (m, n). Because the weights
//! sum to 1, A w - b = D w with D = A - b 1', so this is the search for the point of least norm in a polytope.
//!
//! Method: Wolfe (1976), doi:10.1007/BF01580381. It keeps a set of columns that are affinely independent, jumps
//! to the minimiser on their affine hull, and drops columns whose weight would turn negative. It ends after
//! finitely many steps at the exact optimum up to rounding. The Cholesky factor of the set is updated, not
//! recomputed, so a solution with k positive weights costs about k (n k + k^2) operations.
//!
//! Assumptions: finite inputs. Known failure: with eta = 0 and a perfect fit (n > m) the optimum is not unique;
//! the answer is then one optimum, the same in every run.

use crate::error::{finite, same_length};
use crate::{Error, ErrorKind, Result};

/// The optimum for `n` columns.
#[derive(Debug, Clone, PartialEq)]
pub struct SimplexSolution {
    /// Weights, shape (n,), 0 or more, sum 1.
    pub weights: Vec<f64>,
    /// |A w - b|^2 + eta |w|^2.
    pub objective: f64,
    /// Frank–Wolfe duality gap: the objective is within twice this of the least possible.
    pub gap: f64,
    /// Columns added to the set on the way.
    pub iterations: usize,
}

/// Minimises |A w - b|^2 + eta |w|^2 over the simplex; `columns` holds the n columns of A, each as long as `b`.
///
/// ```
/// use evenhand_estimate::simplex_least_squares;
/// let found = simplex_least_squares(&[&[0.0, 0.0], &[4.0, 0.0], &[0.0, 9.0]], &[1.0, -1.0], 0.0)?;
/// assert!((found.weights[1] - 0.25).abs() < 1e-12 && found.weights[2] == 0.0);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoDonors`] without columns, [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], and
/// [`ErrorKind::NotConverged`] when rounding keeps the gap above 1e-7 of the columns' mean square.
pub fn simplex_least_squares(columns: &[&[f64]], b: &[f64], eta: f64) -> Result<SimplexSolution> {
    finite(eta, "ridge penalty")?;
    for column in columns {
        same_length(column.len(), b.len(), "column and target")?;
    }
    let differences: Vec<f64> =
        columns.iter().flat_map(|column| column.iter().zip(b).map(|(a, b)| a - b)).collect();
    let n = columns.len();
    let h = gram(&differences, n, b.len(), eta);
    least_norm(&h, n, Start::for_ridge(eta, &h, n))
}

/// H = D'D + eta I for the n rows of length m in `rows`, shape (n, n).
pub(crate) fn gram(rows: &[f64], n: usize, m: usize, eta: f64) -> Vec<f64> {
    let mut h = vec![0.0; n * n];
    for i in 0..n {
        let a = &rows[i * m..(i + 1) * m];
        for j in 0..=i {
            let value = dot(a, &rows[j * m..(j + 1) * m]);
            h[i * n + j] = value;
            h[j * n + i] = value;
        }
        h[i * n + i] += eta;
    }
    h
}

/// Where the search begins; the optimum does not depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start<'a> {
    /// The column nearest to the target: best when few weights are positive.
    Nearest,
    /// All columns, dropping negative ones together: best under a ridge, when most weights are positive.
    Everything,
    /// Weights that solve a problem close by.
    Weights(&'a [f64]),
}

impl Start<'_> {
    /// The better start for n columns of length m under a ridge.
    pub(crate) fn for_ridge(eta: f64, h: &[f64], n: usize) -> Self {
        let largest = (0..n).map(|i| h[i * n + i]).fold(0.0, f64::max);
        if eta > 1e-3 * largest { Self::Everything } else { Self::Nearest }
    }
}

/// Minimises w'Hw over the simplex for a positive semidefinite H, shape (n, n).
pub(crate) fn least_norm(h: &[f64], n: usize, start: Start<'_>) -> Result<SimplexSolution> {
    if n == 0 {
        return Err(Error::new(ErrorKind::NoDonors, "no columns to weight, expected at least one"));
    }
    let largest = (0..n).map(|i| h[i * n + i]).fold(0.0, f64::max);
    finite(largest, "sum of squares")?;
    if h.iter().any(|value| !value.is_finite()) {
        return Err(Error::new(ErrorKind::NonFinite, "sum of products is not finite"));
    }
    if largest <= 0.0 {
        let weights = vec![1.0 / n as f64; n];
        return Ok(SimplexSolution { weights, objective: 0.0, gap: 0.0, iterations: 0 });
    }
    let mut corral = Corral::new(h, n, largest);
    corral.start(start);
    let mut iterations = 0;
    loop {
        let gradient = corral.gradient();
        let objective = corral.objective(&gradient);
        let tolerance = 1e-14 * largest + 1e-13 * objective;
        let Some((entering, gap)) = corral.steepest(&gradient, objective) else {
            return corral.finish(objective, lowest_gap(&gradient, objective), iterations);
        };
        if gap <= tolerance || iterations > 100 * (n + 10) {
            return corral.finish(objective, lowest_gap(&gradient, objective), iterations);
        }
        iterations += 1;
        if corral.enter(entering) {
            corral.settle();
        }
        if corral.weight[entering] <= 0.0 {
            corral.barred[entering] = true;
        } else {
            corral.barred.fill(false);
        }
    }
}

fn lowest_gap(gradient: &[f64], objective: f64) -> f64 {
    objective - gradient.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The working set: affinely independent columns, their weights, and the factor L of H_S + shift 1 1' = L L'.
struct Corral<'a> {
    h: &'a [f64],
    n: usize,
    shift: f64,
    members: Vec<usize>,
    weight: Vec<f64>,
    /// Rows of L, padded to n.
    factor: Vec<f64>,
    /// Columns that rounding keeps from entering until another one has.
    barred: Vec<bool>,
}

impl<'a> Corral<'a> {
    fn new(h: &'a [f64], n: usize, shift: f64) -> Self {
        Self {
            h,
            n,
            shift,
            members: Vec::with_capacity(n),
            weight: vec![0.0; n],
            factor: vec![0.0; n * n],
            barred: vec![false; n],
        }
    }

    fn start(&mut self, start: Start<'_>) {
        match start {
            Start::Nearest => {}
            Start::Everything => self.start_with_everything(),
            Start::Weights(weights) => self.start_with(weights),
        }
        if self.members.is_empty() {
            let diagonal = |j: usize| self.h[j * self.n + j];
            let nearest = (1..self.n).fold(0, |best, j| if diagonal(j) < diagonal(best) { j } else { best });
            if self.enter(nearest) {
                self.weight[nearest] = 1.0;
            }
        }
    }

    fn start_with(&mut self, weights: &[f64]) {
        for (j, &w) in weights.iter().enumerate() {
            if w > 0.0 && self.enter(j) {
                self.weight[j] = w;
            }
        }
        let total: f64 = self.weight.iter().sum();
        self.weight.iter_mut().for_each(|w| *w /= total);
        self.settle();
    }

    fn start_with_everything(&mut self) {
        let mut kept: Vec<usize> = (0..self.n).collect();
        loop {
            self.members.clear();
            for &j in &kept {
                self.enter(j);
            }
            let target = self.affine_minimiser();
            if target.iter().all(|&w| w > 0.0) {
                for (a, &j) in self.members.iter().enumerate() {
                    self.weight[j] = target[a];
                }
                return;
            }
            kept = self.members.iter().zip(&target).filter(|(_, w)| **w > 0.0).map(|(&j, _)| j).collect();
        }
    }

    /// H w, shape (n,).
    fn gradient(&self) -> Vec<f64> {
        let mut gradient = vec![0.0; self.n];
        for &j in &self.members {
            let w = self.weight[j];
            for (g, h) in gradient.iter_mut().zip(&self.h[j * self.n..(j + 1) * self.n]) {
                *g += w * h;
            }
        }
        gradient
    }

    fn objective(&self, gradient: &[f64]) -> f64 {
        self.members.iter().map(|&j| self.weight[j] * gradient[j]).sum()
    }

    /// The column outside the set that lowers the objective fastest, and by what gap.
    fn steepest(&self, gradient: &[f64], objective: f64) -> Option<(usize, f64)> {
        let mut best: Option<(usize, f64)> = None;
        for j in (0..self.n).filter(|&j| self.weight[j] <= 0.0 && !self.barred[j]) {
            let gap = objective - gradient[j];
            if best.is_none_or(|(_, most)| gap > most) {
                best = Some((j, gap));
            }
        }
        best
    }

    /// Adds column `j` with weight 0; false when it is affinely dependent on the set up to rounding.
    fn enter(&mut self, j: usize) -> bool {
        let (k, n) = (self.members.len(), self.n);
        let (above, below) = self.factor.split_at_mut(k * n);
        let row = &mut below[..=k];
        let products = &self.h[j * n..(j + 1) * n];
        for (a, (known, &member)) in above.chunks_exact(n).zip(&self.members).enumerate() {
            row[a] = (products[member] + self.shift - dot(&known[..a], &row[..a])) / known[a];
        }
        let diagonal = products[j] + self.shift;
        let pivot = diagonal - dot(&row[..k], &row[..k]);
        if pivot <= 1e-15 * diagonal {
            return false;
        }
        row[k] = pivot.sqrt();
        self.members.push(j);
        true
    }

    /// Moves to the best point of the set's hull, dropping columns on the way.
    fn settle(&mut self) {
        while !self.members.is_empty() {
            let target = self.affine_minimiser();
            let mut step = 1.0;
            let mut leaving = None;
            for (a, &j) in self.members.iter().enumerate() {
                if target[a] <= 0.0 {
                    let limit = self.weight[j] / (self.weight[j] - target[a]).max(f64::MIN_POSITIVE);
                    if leaving.is_none() || limit < step {
                        step = limit.min(1.0);
                        leaving = Some(a);
                    }
                }
            }
            for (a, &j) in self.members.iter().enumerate() {
                self.weight[j] = ((1.0 - step) * self.weight[j] + step * target[a]).max(0.0);
            }
            let Some(a) = leaving else { return };
            self.weight[self.members[a]] = 0.0;
            self.leave(a);
        }
    }

    /// The minimiser on the affine hull of the set: u / sum u with (H_S + shift 1 1') u = 1.
    fn affine_minimiser(&self) -> Vec<f64> {
        let (k, n) = (self.members.len(), self.n);
        let mut u = vec![1.0; k];
        for a in 0..k {
            let row = &self.factor[a * n..a * n + a + 1];
            u[a] = (1.0 - dot(&row[..a], &u[..a])) / row[a];
        }
        for a in (0..k).rev() {
            u[a] /= self.factor[a * n + a];
            let value = u[a];
            for (b, entry) in u[..a].iter_mut().enumerate() {
                *entry -= value * self.factor[a * n + b];
            }
        }
        let total: f64 = u.iter().sum();
        u.iter_mut().for_each(|value| *value /= total);
        u
    }

    /// Removes the `a`-th member and restores the triangle by plane rotations.
    fn leave(&mut self, a: usize) {
        let (k, n) = (self.members.len(), self.n);
        self.members.remove(a);
        for row in a..k - 1 {
            self.factor.copy_within((row + 1) * n..(row + 1) * n + row + 2, row * n);
        }
        for col in a..k - 1 {
            let (x, y) = (self.factor[col * n + col], self.factor[col * n + col + 1]);
            let radius = x.hypot(y);
            let (cos, sin) = (x / radius, y / radius);
            for row in col..k - 1 {
                let (x, y) = (self.factor[row * n + col], self.factor[row * n + col + 1]);
                self.factor[row * n + col] = cos * x + sin * y;
                self.factor[row * n + col + 1] = cos * y - sin * x;
            }
        }
    }

    fn finish(self, objective: f64, gap: f64, iterations: usize) -> Result<SimplexSolution> {
        if !(objective.is_finite() && gap <= 1e-7 * self.shift) {
            let message = format!("weights on the simplex: gap {gap:e} after {iterations} steps, expected 0");
            return Err(Error::new(ErrorKind::NotConverged, message));
        }
        Ok(SimplexSolution { weights: self.weight, objective, gap: gap.max(0.0), iterations })
    }
}

/// Inner product in four interleaved sums, always in the same order.
#[inline]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let tail: f64 = a4.remainder().iter().zip(b4.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a4.zip(b4) {
        for lane in 0..4 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    fn objective(columns: &[Vec<f64>], b: &[f64], eta: f64, w: &[f64]) -> f64 {
        let fit = (0..b.len()).map(|r| columns.iter().zip(w).map(|(c, w)| c[r] * w).sum::<f64>() - b[r]);
        fit.map(|e| e * e).sum::<f64>() + eta * w.iter().map(|w| w * w).sum::<f64>()
    }

    fn draw(seed: u64, n: usize, m: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
        let stream = Stream::new(seed, 77);
        let at = |i: usize, r: usize| stream.normal((i * m + r) as u64);
        (
            (0..n).map(|i| (0..m).map(|r| at(i, r)).collect()).collect(),
            (0..m).map(|r| 0.4 * at(n, r)).collect(),
        )
    }

    fn solve(columns: &[Vec<f64>], b: &[f64], eta: f64) -> SimplexSolution {
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        simplex_least_squares(&columns, b, eta).unwrap()
    }

    /// Every point of a grid on the simplex with steps of 1/40.
    fn best_on_grid(columns: &[Vec<f64>], b: &[f64], eta: f64) -> f64 {
        let steps = 40;
        let mut best = f64::INFINITY;
        for i in 0..=steps {
            for j in 0..=steps - i {
                let w = [i, j, steps - i - j].map(|k| f64::from(k) / f64::from(steps));
                best = best.min(objective(columns, b, eta, &w));
            }
        }
        best
    }

    #[test]
    fn no_grid_point_is_better_than_the_solution() {
        for seed in 0..40 {
            let (columns, b) = draw(seed, 3, 4);
            let eta = f64::from(u32::try_from(seed % 3).unwrap()) * 0.3;
            let found = solve(&columns, &b, eta);
            let value = objective(&columns, &b, eta, &found.weights);
            let grid = best_on_grid(&columns, &b, eta);
            assert!(value <= grid + 1e-12, "seed {seed}: {value} against {grid}");
            assert!(grid - value < 0.05 * (1.0 + value), "seed {seed}: the grid comes close");
        }
    }

    // The best over all 2^7 - 1 supports, each solved without sign constraints, is the optimum: brute force.
    #[test]
    fn the_solution_equals_the_best_over_all_supports() {
        for seed in 0..25 {
            let (columns, b) = draw(seed, 7, 5);
            let eta = if seed % 2 == 0 { 0.2 } else { 0.01 };
            let found = solve(&columns, &b, eta);
            let mut best = (f64::INFINITY, vec![]);
            for mask in 1u32..128 {
                let support: Vec<usize> = (0..7).filter(|j| mask >> j & 1 == 1).collect();
                let w = affine(&columns, &b, eta, &support);
                let value = objective(&columns, &b, eta, &w);
                if w.iter().all(|&w| w >= 0.0) && value < best.0 {
                    best = (value, w);
                }
            }
            for (found, expected) in found.weights.iter().zip(&best.1) {
                assert!((found - expected).abs() < 1e-9, "seed {seed}: {found} against {expected}");
            }
        }
    }

    /// Gauss elimination on the KKT system of the support.
    fn affine(columns: &[Vec<f64>], b: &[f64], eta: f64, support: &[usize]) -> Vec<f64> {
        let k = support.len();
        let mut rows = vec![vec![0.0; k + 2]; k + 1];
        for (r, &i) in support.iter().enumerate() {
            for (c, &j) in support.iter().enumerate() {
                rows[r][c] = dot(&columns[i], &columns[j]) + if i == j { eta } else { 0.0 };
            }
            (rows[r][k], rows[r][k + 1]) = (1.0, dot(&columns[i], b));
            rows[k][r] = 1.0;
        }
        rows[k][k + 1] = 1.0;
        for p in 0..=k {
            let pivot = (p..=k).max_by(|&x, &y| rows[x][p].abs().total_cmp(&rows[y][p].abs())).unwrap();
            rows.swap(p, pivot);
            let pivot = rows[p].clone();
            for (_, row) in rows.iter_mut().enumerate().filter(|&(r, _)| r != p) {
                let factor = row[p] / pivot[p];
                row.iter_mut().zip(&pivot).for_each(|(entry, above)| *entry -= factor * above);
            }
        }
        let mut w = vec![0.0; columns.len()];
        for (r, &i) in support.iter().enumerate() {
            w[i] = rows[r][k + 1] / rows[r][r];
        }
        w
    }

    #[test]
    fn large_problems_meet_the_gap() {
        for (seed, n, m, eta) in [(1, 60, 15, 0.0), (2, 60, 15, 1.0), (3, 200, 40, 1e-9), (4, 15, 60, 0.0)] {
            let (columns, b) = draw(seed, n, m);
            let found = solve(&columns, &b, eta);
            assert!(found.gap < 1e-10, "gap {}", found.gap);
            assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(found.weights.iter().all(|&w| w >= 0.0));
        }
    }

    proptest! {
        #[test]
        fn order_shift_and_scale_do_not_move_the_weights(seed in 0u64..10_000, shift in -50.0..50.0f64, scale in 0.01..100.0f64) {
            let (columns, b) = draw(seed, 8, 6);
            let base = solve(&columns, &b, 0.1).weights;
            let reversed: Vec<Vec<f64>> = columns.iter().rev().cloned().collect();
            let turned = solve(&reversed, &b, 0.1).weights;
            let change = |v: &Vec<f64>| v.iter().map(|x| scale * (x + shift)).collect::<Vec<f64>>();
            let changed = solve(&columns.iter().map(change).collect::<Vec<_>>(), &change(&b), 0.1 * scale * scale).weights;
            for j in 0..8 {
                prop_assert!((base[j] - turned[7 - j]).abs() < 1e-8);
                prop_assert!((base[j] - changed[j]).abs() < 1e-7);
            }
        }

        #[test]
        fn every_start_finds_the_same_weights(seed in 0u64..10_000) {
            let (columns, b) = draw(seed, 9, 6);
            let rows: Vec<f64> = columns.iter().flat_map(|c| c.iter().zip(&b).map(|(a, b)| a - b)).collect();
            let h = gram(&rows, 9, 6, 0.05);
            let cold = least_norm(&h, 9, Start::Nearest).unwrap().weights;
            let warm = least_norm(&h, 9, Start::Weights(&[1.0 / 9.0; 9])).unwrap().weights;
            let all = least_norm(&h, 9, Start::Everything).unwrap().weights;
            for ((a, b), c) in cold.iter().zip(&warm).zip(&all) {
                prop_assert!((a - b).abs() < 1e-9 && (a - c).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn bad_or_empty_problems_are_typed() {
        assert_eq!(simplex_least_squares(&[], &[], 0.0).unwrap_err().kind(), ErrorKind::NoDonors);
        assert_eq!(simplex_least_squares(&[&[1.0]], &[1.0, 2.0], 0.0).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(
            simplex_least_squares(&[&[f64::NAN]], &[1.0], 0.0).unwrap_err().kind(),
            ErrorKind::NonFinite
        );
        let flat = simplex_least_squares(&[&[2.0], &[2.0]], &[2.0], 0.0).unwrap();
        assert_eq!(flat.weights, [0.5, 0.5]);
    }
}
