//! Frank–Wolfe with the stopping rule of R `synthdid`, for agreement with published numbers only.
//!
//! The reference stops when one step lowers the objective by less than (1e-5 sd)^2, well before the optimum, so
//! its published answers depend on the path that it takes. This module follows that path: uniform start, at most
//! 100 steps, drop weights up to a quarter of the largest, start again from there. The rules are the
//! package's (Arkhangelsky et al. 2021); the code is our own.

use crate::simplex::dot;

/// The problem |A x - b|^2 / m + zeta^2 |x|^2 over the simplex, in columns of length `m`.
pub(crate) struct Problem<'a> {
    /// The n columns of A, column-major, shape (m, n).
    pub columns: &'a [f64],
    /// Shape (m,).
    pub target: &'a [f64],
    /// Ridge penalty.
    pub zeta: f64,
}

/// Weights after the two passes, and the steps of both.
pub(crate) fn reference_weights(problem: &Problem<'_>, min_decrease: f64) -> (Vec<f64>, usize) {
    let n = problem.columns.len() / problem.target.len();
    let (first, early) = descend(problem, vec![1.0 / n as f64; n], min_decrease, 100);
    let (weights, late) = descend(problem, sparsified(first), min_decrease, 10_000);
    (weights, early + late)
}

fn sparsified(mut weights: Vec<f64>) -> Vec<f64> {
    let threshold = weights.iter().copied().fold(0.0, f64::max) / 4.0;
    weights.iter_mut().filter(|w| **w <= threshold).for_each(|w| *w = 0.0);
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
    weights
}

fn descend(
    problem: &Problem<'_>,
    mut x: Vec<f64>,
    min_decrease: f64,
    max_iterations: usize,
) -> (Vec<f64>, usize) {
    let mut last = f64::INFINITY;
    let mut gap = residual(problem, &x);
    for t in 1..=max_iterations {
        step(problem, &mut x, &gap);
        gap = residual(problem, &x);
        let value = problem.zeta * problem.zeta * dot(&x, &x) + dot(&gap, &gap) / gap.len() as f64;
        let decrease = last - value;
        last = value;
        if t >= 2 && decrease <= min_decrease * min_decrease {
            return (x, t);
        }
    }
    (x, max_iterations)
}

/// One step from `x`, whose residual A x - b is given.
fn step(problem: &Problem<'_>, x: &mut [f64], residual: &[f64]) {
    let m = problem.target.len();
    let eta = m as f64 * problem.zeta * problem.zeta;
    let column = |j: usize| &problem.columns[j * m..(j + 1) * m];
    let half_gradient: Vec<f64> =
        x.iter().enumerate().map(|(j, xj)| dot(residual, column(j)) + eta * xj).collect();
    let best = (1..x.len()).fold(0, |best, j| if half_gradient[j] < half_gradient[best] { j } else { best });
    let direction: Vec<f64> =
        x.iter().enumerate().map(|(j, xj)| if j == best { 1.0 - xj } else { -xj }).collect();
    // A (e_best - x) = a_best - A x, and A x is the residual plus the target.
    let change: f64 =
        column(best).iter().zip(residual).zip(problem.target).map(|((a, r), b)| (a - r - b).powi(2)).sum();
    let curvature = change + eta * dot(&direction, &direction);
    if curvature <= 0.0 {
        return;
    }
    let length = (-dot(&half_gradient, &direction) / curvature).clamp(0.0, 1.0);
    x.iter_mut().zip(&direction).for_each(|(xj, d)| *xj += length * d);
}

fn residual(problem: &Problem<'_>, x: &[f64]) -> Vec<f64> {
    let m = problem.target.len();
    let mut residual: Vec<f64> = problem.target.iter().map(|b| -b).collect();
    for (column, &xj) in problem.columns.chunks_exact(m).zip(x) {
        if xj != 0.0 {
            residual.iter_mut().zip(column).for_each(|(r, a)| *r += a * xj);
        }
    }
    residual
}
