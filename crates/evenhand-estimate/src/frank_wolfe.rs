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

/// The same problem through its products: K = A'A and c = A'b for columns of length `m`.
pub(crate) struct Products<'a> {
    /// Shape (n, n).
    pub gram: &'a [f64],
    /// Shape (n,).
    pub cross: &'a [f64],
    /// Length of the columns behind the products.
    pub m: usize,
    /// Ridge penalty.
    pub zeta: f64,
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

/// Weights x, kept as `scale * weights` so that shrinking all of them is one product.
struct Path<'a> {
    products: &'a Products<'a>,
    eta: f64,
    scale: f64,
    weights: Vec<f64>,
    /// (K + eta I) x.
    image: Vec<f64>,
    /// x'(K + eta I) x.
    square: f64,
    /// c'x.
    along: f64,
}

impl<'a> Path<'a> {
    fn new(products: &'a Products<'a>, weights: Vec<f64>) -> Self {
        let n = weights.len();
        let eta = products.m as f64 * products.zeta * products.zeta;
        let mut image: Vec<f64> = weights.iter().map(|x| eta * x).collect();
        for (column, &x) in products.gram.chunks_exact(n).zip(&weights).filter(|(_, x)| **x > 0.0) {
            image.iter_mut().zip(column).for_each(|(h, k)| *h += x * k);
        }
        let (square, along) = (dot(&weights, &image), dot(&weights, products.cross));
        Self { products, eta, scale: 1.0, weights, image, square, along }
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

    /// One step to the best vertex; by how much the objective, times `m`, falls.
    fn step(&mut self) -> f64 {
        let n = self.weights.len();
        let best = lowest(&self.image, self.products.cross);
        let column = &self.products.gram[best * n..(best + 1) * n];
        let (corner, slope_at) = (column[best] + self.eta, self.image[best]);
        let slope = self.square - self.along - (slope_at - self.products.cross[best]);
        let curvature = corner - 2.0 * slope_at + self.square;
        if curvature <= 0.0 {
            return 0.0;
        }
        let length = (slope / curvature).clamp(0.0, 1.0);
        let rest = 1.0 - length;
        self.image.iter_mut().zip(column).for_each(|(h, k)| *h = rest * *h + length * k);
        self.image[best] += length * self.eta;
        self.square = rest * rest * self.square + 2.0 * length * rest * slope_at + length * length * corner;
        self.along = rest * self.along + length * self.products.cross[best];
        if rest * self.scale < 1e-100 {
            self.weights.iter_mut().for_each(|x| *x *= self.scale * rest);
            self.scale = 1.0;
            self.weights[best] += length;
        } else {
            self.scale *= rest;
            self.weights[best] += length / self.scale;
        }
        length * (2.0 * slope - length * curvature)
    }
}

/// Index of the least `a - b`, the first of several.
fn lowest(a: &[f64], b: &[f64]) -> usize {
    let mut lanes = [f64::INFINITY; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let mut least =
        a8.remainder().iter().zip(b8.remainder()).fold(f64::INFINITY, |least, (x, y)| least.min(x - y));
    for (x, y) in a8.zip(b8) {
        for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            let value = x - y;
            *lane = if value < *lane { value } else { *lane };
        }
    }
    least = lanes.iter().fold(least, |least, lane| least.min(*lane));
    a.iter().zip(b).position(|(x, y)| x - y <= least).unwrap_or(0)
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
            let products = gram(&columns, n, m, 0.0);
            let cross: Vec<f64> = columns.chunks_exact(m).map(|column| dot(column, &target)).collect();
            let products = Products { gram: &products, cross: &cross, m, zeta };
            let found = reference_weights_from(&products, vec![1.0 / n as f64; n], 1e-4);
            assert_eq!(direct.1, found.1, "seed {seed}");
            for (a, b) in direct.0.iter().zip(&found.0) {
                assert!((a - b).abs() < 1e-9, "seed {seed}: {a} {b}");
            }
        }
    }

    #[test]
    fn the_first_of_equal_columns_is_taken() {
        assert_eq!(lowest(&[3.0, 1.0, 1.0, 2.0, 5.0, 6.0, 7.0, 8.0, 1.0], &[0.0; 9]), 1);
        assert_eq!(lowest(&[3.0, 2.0, 4.0], &[0.0, 0.0, 9.0]), 2);
    }
}
