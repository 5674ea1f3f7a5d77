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

/// One step from `x`, and the residual A x - b after it.
pub(crate) fn one_step(problem: &Problem<'_>, x: &mut [f64]) -> Vec<f64> {
    step(problem, x, &residual(problem, x));
    residual(problem, x)
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

/// A x - b.
pub(crate) fn residual(problem: &Problem<'_>, x: &[f64]) -> Vec<f64> {
    let m = problem.target.len();
    let mut residual: Vec<f64> = problem.target.iter().map(|b| -b).collect();
    for (column, &xj) in problem.columns.chunks_exact(m).zip(x) {
        if xj != 0.0 {
            residual.iter_mut().zip(column).for_each(|(r, a)| *r += a * xj);
        }
    }
    residual
}

/// The same problem through its products, for columns of length `m`.
pub(crate) struct Products<'a> {
    /// Row j holds A'a_j + eta e_j - c, where c = A'b and eta = m zeta^2: the half gradient at corner j. Shape (n, n).
    pub corners: &'a [f64],
    /// c, shape (n,).
    pub cross: &'a [f64],
    /// Length of the columns behind the products.
    pub m: usize,
}

/// [`reference_weights`] from given weights, in steps that cost n operations instead of n m. What a step gains is
/// taken from its length and slope, not from the difference of two objectives, which loses digits.
pub(crate) fn reference_weights_from(
    products: &Products<'_>,
    start: Vec<f64>,
    min_decrease: f64,
) -> (Vec<f64>, usize) {
    let mut path = Path::new(products, start);
    let early = path.descend(min_decrease, 100);
    let mut path = Path::new(products, sparsified(path.into_weights()));
    let late = path.descend(min_decrease, 10_000);
    (path.into_weights(), early + late)
}

/// Weights x, kept as `scale * weights` so that shrinking all of them is one product; the half gradient likewise,
/// because it is the mixture of the corners' gradients.
struct Path<'a> {
    products: &'a Products<'a>,
    scale: f64,
    weights: Vec<f64>,
    gradient: Vec<f64>,
    /// Index of the least entry of the gradient.
    best: usize,
    /// x'(A'A + eta I) x.
    square: f64,
    /// c'x.
    along: f64,
}

impl<'a> Path<'a> {
    fn new(products: &'a Products<'a>, weights: Vec<f64>) -> Self {
        let n = weights.len();
        let mut gradient = vec![0.0; n];
        for (corner, &x) in products.corners.chunks_exact(n).zip(&weights).filter(|(_, x)| **x > 0.0) {
            gradient.iter_mut().zip(corner).for_each(|(g, k)| *g += x * k);
        }
        let along = dot(&weights, products.cross);
        let square = dot(&weights, &gradient) + along;
        let best = move_and_find(&mut gradient, &products.corners[..n], 0.0);
        Self { products, scale: 1.0, weights, gradient, best, square, along }
    }

    fn into_weights(self) -> Vec<f64> {
        self.weights.iter().map(|x| x * self.scale).collect()
    }

    fn descend(&mut self, min_decrease: f64, max_iterations: usize) -> usize {
        let enough = min_decrease * min_decrease * self.products.m as f64;
        for t in 1..=max_iterations {
            let decrease = self.step();
            if t >= 2 && decrease <= enough {
                return t;
            }
        }
        max_iterations
    }

    /// One step to the best corner; by how much the objective, times `m`, falls.
    fn step(&mut self) -> f64 {
        let (n, best) = (self.weights.len(), self.best);
        let corner = &self.products.corners[best * n..(best + 1) * n];
        let cross = self.products.cross[best];
        let least = self.scale * self.gradient[best];
        let (corner_square, image) = (corner[best] + cross, least + cross);
        let slope = self.square - self.along - least;
        let curvature = corner_square - 2.0 * image + self.square;
        if curvature <= 0.0 {
            return 0.0;
        }
        let length = (slope / curvature).clamp(0.0, 1.0);
        let rest = 1.0 - length;
        self.square =
            rest * rest * self.square + 2.0 * length * rest * image + length * length * corner_square;
        self.along = rest * self.along + length * cross;
        self.shrink(rest);
        let step = length / self.scale;
        self.weights[best] += step;
        self.best = move_and_find(&mut self.gradient, corner, step);
        length * (2.0 * slope - length * curvature)
    }

    fn shrink(&mut self, factor: f64) {
        self.scale *= factor;
        if self.scale < 1e-100 {
            let scale = std::mem::replace(&mut self.scale, 1.0);
            self.weights.iter_mut().chain(&mut self.gradient).for_each(|x| *x *= scale);
        }
    }
}

/// Adds `step * corner` to the gradient and finds its least entry, the first of several, in one pass.
fn move_and_find(gradient: &mut [f64], corner: &[f64], step: f64) -> usize {
    const BLOCK: usize = 64;
    let (mut least, mut at) = (f64::INFINITY, 0);
    for (k, (g, c)) in gradient.chunks_mut(BLOCK).zip(corner.chunks(BLOCK)).enumerate() {
        let mut lanes = [f64::INFINITY; 8];
        let (mut g8, c8) = (g.chunks_exact_mut(8), c.chunks_exact(8));
        let rest = c8.remainder();
        for (g, c) in g8.by_ref().zip(c8) {
            for (lane, (g, c)) in lanes.iter_mut().zip(g.iter_mut().zip(c)) {
                *g += step * c;
                *lane = if *g < *lane { *g } else { *lane };
            }
        }
        for (lane, (g, c)) in lanes.iter_mut().zip(g8.into_remainder().iter_mut().zip(rest)) {
            *g += step * c;
            *lane = if *g < *lane { *g } else { *lane };
        }
        let lowest = lanes.iter().fold(f64::INFINITY, |low, lane| if *lane < low { *lane } else { low });
        if lowest < least {
            (least, at) = (lowest, k);
        }
    }
    let block = &gradient[at * BLOCK..(at * BLOCK + BLOCK).min(gradient.len())];
    at * BLOCK + block.iter().position(|g| *g <= least).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use crate::simplex::gram;

    // The same path in another order of summation: 1e-9 of weights of order 1.
    #[test]
    fn both_forms_take_the_same_path() {
        for seed in 0..20 {
            let (n, m) = (23, 17);
            let stream = Stream::new(seed, 3);
            let columns: Vec<f64> = (0..n * m).map(|i| stream.normal(i as u64)).collect();
            let target: Vec<f64> = (0..m).map(|i| 0.5 * stream.normal((n * m + i) as u64)).collect();
            let zeta = if seed % 2 == 0 { 0.7 } else { 1e-6 };
            let direct = reference_weights(&Problem { columns: &columns, target: &target, zeta }, 1e-4);
            let cross: Vec<f64> = columns.chunks_exact(m).map(|column| dot(column, &target)).collect();
            let mut corners = gram(&columns, n, m, m as f64 * zeta * zeta);
            for row in corners.chunks_exact_mut(n) {
                row.iter_mut().zip(&cross).for_each(|(entry, c)| *entry -= c);
            }
            let products = Products { corners: &corners, cross: &cross, m };
            let found = reference_weights_from(&products, vec![1.0 / n as f64; n], 1e-4);
            assert_eq!(direct.1, found.1, "seed {seed}");
            for (a, b) in direct.0.iter().zip(&found.0) {
                assert!((a - b).abs() < 1e-9, "seed {seed}: {a} {b}");
            }
        }
    }

    #[test]
    fn the_first_of_equal_entries_is_taken() {
        let mut gradient = [3.0, 1.0, 1.0, 2.0, 5.0, 6.0, 7.0, 8.0, 1.0];
        assert_eq!(move_and_find(&mut gradient, &[0.0; 9], 1.0), 1);
        let mut gradient: Vec<f64> = (0..200).map(|i| f64::from((i * 37) % 101)).collect();
        assert_eq!(move_and_find(&mut gradient, &[0.0; 200], 1.0), 0);
        let corner: Vec<f64> = (0..200).map(|i| if i == 150 { -300.0 } else { 0.0 }).collect();
        assert_eq!(move_and_find(&mut gradient, &corner, 0.5), 150);
    }
}
