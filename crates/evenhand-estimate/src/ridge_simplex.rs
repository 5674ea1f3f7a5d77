//! Ridge least squares on the simplex when there are many more columns than rows.
//!
//! Problem: minimise |A w - b|^2 / 2 + eta |w|^2 / 2 over w >= 0, sum w = 1, A of shape (m, n), m much less than n.
//! Method: Newton on the dual, D(y, nu) = -|y|^2 / 2 - b'y + nu - sum_j max(0, nu - a_j'y)^2 / (2 eta), which is
//! concave, piecewise quadratic and has m + 1 unknowns; at its maximum y = A w - b and
//! w_j = max(0, nu - a_j'y) / eta. Steps are halved until D rises enough, so the search ends at the optimum after
//! finitely many pieces, whatever the start; a step costs about n m + k m^2 / 2 operations for k positive weights.
//! Assumptions: eta of the order of the columns' squares or not far below, since weights are differences over eta.

use crate::simplex::dot;
use crate::{Error, ErrorKind, Result};
use evenhand_linalg::{Cholesky, Matrix};

/// The optimum and the steps to it, from weights close by.
///
/// # Errors
/// [`ErrorKind::NotConverged`] after 200 steps.
pub(crate) fn ridge_simplex(
    columns: &[&[f64]],
    b: &[f64],
    eta: f64,
    near: &[f64],
) -> Result<(Vec<f64>, usize)> {
    let mut dual = Dual::new(columns, b, eta, near);
    for iteration in 1..=200 {
        let before = dual.positive.clone();
        if !dual.step() {
            return Ok((dual.weights(), iteration));
        }
        if dual.positive == before && dual.full {
            return Ok((dual.weights(), iteration));
        }
    }
    Err(Error::new(ErrorKind::NotConverged, "weights on the simplex: not settled in 200 Newton steps"))
}

struct Dual<'a> {
    columns: &'a [&'a [f64]],
    b: &'a [f64],
    eta: f64,
    y: Vec<f64>,
    nu: f64,
    /// a_j'y.
    slopes: Vec<f64>,
    /// Indices of the positive weights.
    positive: Vec<usize>,
    value: f64,
    /// Whether the last step was taken whole.
    full: bool,
}

impl<'a> Dual<'a> {
    fn new(columns: &'a [&'a [f64]], b: &'a [f64], eta: f64, near: &[f64]) -> Self {
        let mut y: Vec<f64> = b.iter().map(|b| -b).collect();
        for (column, &w) in columns.iter().zip(near).filter(|(_, w)| **w > 0.0) {
            y.iter_mut().zip(*column).for_each(|(y, a)| *y += w * a);
        }
        let slopes: Vec<f64> = columns.iter().map(|column| dot(column, &y)).collect();
        let nu = level(&slopes, eta);
        let mut dual = Self { columns, b, eta, y, nu, slopes, positive: Vec::new(), value: 0.0, full: false };
        dual.positive = dual.support(dual.nu, &dual.slopes);
        dual.value = dual.value_at(&dual.y, dual.nu, &dual.slopes);
        dual
    }

    fn support(&self, nu: f64, slopes: &[f64]) -> Vec<usize> {
        (0..slopes.len()).filter(|&j| slopes[j] < nu).collect()
    }

    fn value_at(&self, y: &[f64], nu: f64, slopes: &[f64]) -> f64 {
        let squares: f64 = slopes.iter().map(|s| (nu - s).max(0.0).powi(2)).sum();
        nu - 0.5 * dot(y, y) - dot(self.b, y) - squares / (2.0 * self.eta)
    }

    /// Weights at the present point, made to sum to 1.
    fn weights(&self) -> Vec<f64> {
        let mut weights: Vec<f64> = self.slopes.iter().map(|s| (self.nu - s).max(0.0)).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        weights
    }

    /// One Newton step; false when there is nothing left to gain.
    fn step(&mut self) -> bool {
        let m = self.b.len();
        let (mut hessian, mut sum, mut total) = (Matrix::identity(m + 1), vec![0.0; m], 0.0);
        let mut residual: Vec<f64> = self.y.iter().zip(self.b).map(|(y, b)| -y - b).collect();
        for &j in &self.positive {
            let (column, w) = (self.columns[j], (self.nu - self.slopes[j]) / self.eta);
            total += w;
            for (t, &factor) in column.iter().enumerate() {
                let scaled = factor / self.eta;
                let below = &mut hessian.col_mut(t)[t..m];
                below.iter_mut().zip(&column[t..]).for_each(|(entry, a)| *entry += scaled * a);
                sum[t] += scaled;
                residual[t] += w * factor;
            }
        }
        for (t, sum) in sum.iter().enumerate() {
            hessian.col_mut(t)[m] = -sum;
        }
        hessian.col_mut(m)[m] = self.positive.len() as f64 / self.eta;
        let mut gradient = residual;
        gradient.push(1.0 - total);
        let Some(factor) = Cholesky::new(&hessian) else { return false };
        let direction = factor.solve(&gradient);
        let rise = dot(&direction, &gradient);
        if rise <= 0.0 {
            return false;
        }
        self.search(&direction, rise)
    }

    fn search(&mut self, direction: &[f64], rise: f64) -> bool {
        let m = self.b.len();
        let turned: Vec<f64> = self.columns.iter().map(|column| dot(column, &direction[..m])).collect();
        let mut length = 1.0;
        for _ in 0..40 {
            let y: Vec<f64> = self.y.iter().zip(direction).map(|(y, d)| y + length * d).collect();
            let nu = self.nu + length * direction[m];
            let slopes: Vec<f64> = self.slopes.iter().zip(&turned).map(|(s, d)| s + length * d).collect();
            let value = self.value_at(&y, nu, &slopes);
            let positive = self.support(nu, &slopes);
            let settled = length >= 1.0 && positive == self.positive;
            if !positive.is_empty() && (settled || value >= self.value + 1e-4 * length * rise) {
                self.full = length >= 1.0;
                (self.y, self.nu, self.slopes, self.value, self.positive) = (y, nu, slopes, value, positive);
                return true;
            }
            length *= 0.5;
        }
        false
    }
}

/// nu with sum_j max(0, nu - s_j) = eta.
fn level(slopes: &[f64], eta: f64) -> f64 {
    let mut sorted = slopes.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (mut sum, mut nu) = (0.0, f64::INFINITY);
    for (k, s) in sorted.iter().enumerate() {
        if *s >= nu {
            break;
        }
        sum += s;
        nu = (eta + sum) / (k + 1) as f64;
    }
    nu
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stream, simplex_least_squares};

    // 1e-9: both end at the optimum up to rounding over eta.
    #[test]
    fn the_dual_search_ends_where_the_primal_one_does() {
        for seed in 0..40 {
            let (n, m) = (30 + 4 * seed as usize, 3 + seed as usize % 9);
            let stream = Stream::new(seed, 21);
            let columns: Vec<Vec<f64>> =
                (0..n).map(|j| (0..m).map(|t| stream.normal((j * m + t) as u64)).collect()).collect();
            let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let b: Vec<f64> = (0..m).map(|t| 2.0 * stream.normal((n * m + t) as u64)).collect();
            let eta = [0.05, 1.0, 40.0][seed as usize % 3];
            let near = match seed % 2 {
                0 => vec![1.0 / n as f64; n],
                _ => (0..n).map(|j| if j == 3 { 1.0 } else { 0.0 }).collect(),
            };
            let primal = simplex_least_squares(&columns, &b, eta).unwrap();
            let (weights, _) = ridge_simplex(&columns, &b, eta, &near).unwrap();
            for (a, b) in primal.weights.iter().zip(&weights) {
                assert!((a - b).abs() < 1e-9, "seed {seed}: {a} {b}");
            }
        }
    }

    #[test]
    fn the_level_fills_the_simplex() {
        assert!((level(&[1.0, 3.0, 0.0], 2.0) - 1.5).abs() < 1e-15);
        assert!((level(&[4.0], 2.0) - 6.0).abs() < 1e-15);
    }
}
