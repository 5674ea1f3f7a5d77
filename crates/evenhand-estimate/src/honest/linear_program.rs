//! Linear programs over one polyhedron and many objectives, small and dense.
//!
//! Method: primal simplex on a tableau, Dantzig's rule, Bland's rule when the objective stands still. The tableau is
//! rebuilt from the data every so often, so that rounding does not pile up over thousands of objectives. Each run
//! starts from the last optimal basis: a feasible one, whatever the objective.

use crate::{Error, ErrorKind, Result};
use evenhand_linalg::Matrix;

/// Entries at or below this are no pivots; data are scaled to about 1 by the caller.
const PIVOT: f64 = 1e-10;
/// Reduced costs at or below this times the largest cost are no gains.
const GAIN: f64 = 1e-11;
/// Pivots after which the tableau is made anew.
const REBUILD: usize = 60;

/// The points `{x >= 0 : A x = b}`, with a vertex at hand.
#[derive(Debug, Clone)]
pub(crate) struct Polyhedron {
    /// Independent rows of `A` and `b`, row-major, width `n + 1`.
    data: Vec<f64>,
    n: usize,
    /// `B^-1 [A b]`.
    tableau: Vec<f64>,
    basis: Vec<usize>,
    pivots: usize,
}

/// What maximizing an objective gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Maximum {
    /// The largest value; [`Polyhedron::vertex`] is where it is attained.
    At(f64),
    /// There is no largest value.
    Unbounded,
}

impl Polyhedron {
    /// `None` when no point satisfies the constraints. Redundant rows are left out. `a` has shape (m, n).
    pub(crate) fn new(a: &Matrix, b: &[f64]) -> Result<Option<Self>> {
        let (m, n) = (a.n_rows(), a.n_cols());
        let width = n + m + 1;
        let mut first = Self {
            data: vec![0.0; m * width],
            n: n + m,
            tableau: Vec::new(),
            basis: (n..n + m).collect(),
            pivots: 0,
        };
        for i in 0..m {
            let sign = if b[i] < 0.0 { -1.0 } else { 1.0 };
            let row = &mut first.data[i * width..(i + 1) * width];
            (0..n).for_each(|j| row[j] = sign * a[(i, j)]);
            row[n + i] = 1.0;
            row[n + m] = sign * b[i];
        }
        first.tableau = first.data.clone();
        let artificial: Vec<f64> = (0..n + m).map(|j| if j < n { 0.0 } else { -1.0 }).collect();
        let size = b.iter().fold(1.0f64, |size, b| size.max(b.abs()));
        match first.maximize(&artificial)? {
            Maximum::At(value) if value >= -1e-9 * size => Ok(Some(first.without_artificial(n))),
            Maximum::At(_) | Maximum::Unbounded => Ok(None),
        }
    }

    /// Drives artificial columns out of the basis, leaving out the rows that cannot do without one.
    fn without_artificial(mut self, n: usize) -> Self {
        let mut kept = Vec::new();
        for i in 0..self.basis.len() {
            if self.basis[i] >= n {
                let row = &self.tableau[i * (self.n + 1)..i * (self.n + 1) + n];
                let best = (0..n).max_by(|&j, &k| row[j].abs().total_cmp(&row[k].abs()));
                match best.filter(|&j| row[j].abs() > 1e-8) {
                    Some(j) => self.pivot(i, j, &mut []),
                    None => continue,
                }
            }
            kept.push(i);
        }
        let width = self.n + 1;
        let narrow = |from: &[f64]| -> Vec<f64> {
            let rows = kept.iter().map(|&i| &from[i * width..(i + 1) * width]);
            rows.flat_map(|row| row[..n].iter().copied().chain([row[width - 1]])).collect()
        };
        // The rows of the tableau are combinations of those of the data, and as good a description of the points.
        let tableau = narrow(&self.tableau);
        Self {
            data: tableau.clone(),
            n,
            tableau,
            basis: kept.iter().map(|&i| self.basis[i]).collect(),
            pivots: 0,
        }
    }

    /// The largest `cost'x`.
    ///
    /// # Errors
    /// [`ErrorKind::NotConverged`] after very many steps, which exact arithmetic excludes.
    pub(crate) fn maximize(&mut self, cost: &[f64]) -> Result<Maximum> {
        if self.pivots > REBUILD {
            self.rebuild();
        }
        let mut gains = self.gains(cost);
        let tolerance = GAIN * cost.iter().fold(1e-300f64, |most, c| most.max(c.abs()));
        let mut standing = 0;
        for _ in 0..100 * (self.n + self.basis.len() + 10) {
            let bland = standing > 2 * (self.n + self.basis.len());
            let Some(enter) = entering(&gains, tolerance, bland) else {
                return Ok(Maximum::At(
                    (0..self.basis.len()).map(|i| cost[self.basis[i]] * self.level(i)).sum(),
                ));
            };
            let Some(leave) = self.leaving(enter, bland) else { return Ok(Maximum::Unbounded) };
            standing = if self.level(leave) > 1e-14 { 0 } else { standing + 1 };
            self.pivot(leave, enter, &mut gains);
            if self.pivots > 2 * REBUILD {
                self.rebuild();
                gains = self.gains(cost);
            }
        }
        Err(Error::new(ErrorKind::NotConverged, "linear program: no optimum after very many steps"))
    }

    /// The point of the last maximum.
    pub(crate) fn vertex(&self) -> Vec<f64> {
        let mut x = vec![0.0; self.n];
        (0..self.basis.len()).for_each(|i| x[self.basis[i]] = self.level(i).max(0.0));
        x
    }

    fn level(&self, i: usize) -> f64 {
        self.tableau[i * (self.n + 1) + self.n]
    }

    /// What a unit of each column adds to the objective.
    fn gains(&self, cost: &[f64]) -> Vec<f64> {
        let mut gains = cost.to_vec();
        for (row, &at) in self.tableau.chunks(self.n + 1).zip(&self.basis) {
            let price = cost[at];
            if price.abs() > 0.0 {
                gains.iter_mut().zip(row).for_each(|(gain, t)| *gain -= price * t);
            }
        }
        gains
    }

    /// The row that limits how far column `enter` may grow; among equals the largest pivot, or the smallest column.
    fn leaving(&self, enter: usize, bland: bool) -> Option<usize> {
        let mut best: Option<(usize, f64, f64)> = None;
        for (i, row) in self.tableau.chunks(self.n + 1).enumerate() {
            let pivot = row[enter];
            if pivot <= PIVOT {
                continue;
            }
            let ratio = row[self.n].max(0.0) / pivot;
            let better = best.is_none_or(|(at, least, largest)| {
                let equal = (ratio - least).abs() <= 1e-13 * (1.0 + least);
                if equal && bland {
                    self.basis[i] < self.basis[at]
                } else if equal {
                    pivot > largest
                } else {
                    ratio < least
                }
            });
            if better {
                best = Some((i, ratio, pivot));
            }
        }
        best.map(|(i, ..)| i)
    }

    fn pivot(&mut self, leave: usize, enter: usize, gains: &mut [f64]) {
        let width = self.n + 1;
        let (above, rest) = self.tableau.split_at_mut(leave * width);
        let (row, below) = rest.split_at_mut(width);
        let factor = 1.0 / row[enter];
        row.iter_mut().for_each(|t| *t *= factor);
        row[enter] = 1.0;
        for other in above.chunks_mut(width).chain(below.chunks_mut(width)) {
            let factor = other[enter];
            if factor.abs() > 0.0 {
                other.iter_mut().zip(row.iter()).for_each(|(t, r)| *t -= factor * r);
                other[enter] = 0.0;
            }
        }
        if let Some(&factor) = gains.get(enter) {
            gains.iter_mut().zip(row.iter()).for_each(|(gain, r)| *gain -= factor * r);
            gains[enter] = 0.0;
        }
        self.basis[leave] = enter;
        self.pivots += 1;
    }

    /// The tableau of the present basis, from the data, by elimination with the largest pivots.
    fn rebuild(&mut self) {
        let columns = self.basis.clone();
        let mut free: Vec<usize> = (0..columns.len()).collect();
        self.tableau.copy_from_slice(&self.data);
        for column in columns {
            let size = |i: usize| self.tableau[i * (self.n + 1) + column].abs();
            let Some(at) = (0..free.len()).max_by(|&i, &j| size(free[i]).total_cmp(&size(free[j]))) else {
                break;
            };
            let row = free.swap_remove(at);
            self.pivot(row, column, &mut []);
        }
        self.pivots = 0;
    }
}

fn entering(gains: &[f64], tolerance: f64, bland: bool) -> Option<usize> {
    if bland {
        return gains.iter().position(|&gain| gain > tolerance);
    }
    let best = (0..gains.len()).max_by(|&i, &j| gains[i].total_cmp(&gains[j]))?;
    (gains[best] > tolerance).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    fn solve(rows: &[&[f64]], b: &[f64], cost: &[f64]) -> Option<(Maximum, Vec<f64>)> {
        let mut set = Polyhedron::new(&Matrix::from_rows(rows), b).unwrap()?;
        let found = set.maximize(cost).unwrap();
        Some((found, set.vertex()))
    }

    // Worked by hand; the last two columns are slacks.
    #[test]
    fn known_optima_are_found() {
        // max 3x + 5y, x <= 4, 2y <= 12, 3x + 2y <= 18: 36 at (2, 6).
        let rows: &[&[f64]] =
            &[&[1.0, 0.0, 1.0, 0.0, 0.0], &[0.0, 2.0, 0.0, 1.0, 0.0], &[3.0, 2.0, 0.0, 0.0, 1.0]];
        let (value, x) = solve(rows, &[4.0, 12.0, 18.0], &[3.0, 5.0, 0.0, 0.0, 0.0]).unwrap();
        assert!(matches!(value, Maximum::At(value) if (value - 36.0).abs() < 1e-12));
        assert!((x[0] - 2.0).abs() < 1e-12 && (x[1] - 6.0).abs() < 1e-12);
        // Beale's example, on which Dantzig's rule alone goes round in circles: 1/20.
        let rows: &[&[f64]] = &[
            &[0.25, -60.0, -1.0 / 25.0, 9.0, 1.0, 0.0, 0.0],
            &[0.5, -90.0, -1.0 / 50.0, 3.0, 0.0, 1.0, 0.0],
            &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        ];
        let cost = [0.75, -150.0, 0.02, -6.0, 0.0, 0.0, 0.0];
        let (value, _) = solve(rows, &[0.0, 0.0, 1.0], &cost).unwrap();
        assert!(matches!(value, Maximum::At(value) if (value - 0.05).abs() < 1e-12), "{value:?}");
    }

    #[test]
    fn empty_and_unbounded_sets_are_told() {
        assert!(solve(&[&[1.0, 1.0]], &[-1.0], &[1.0, 0.0]).is_none());
        assert!(solve(&[&[1.0, 1.0], &[1.0, 1.0]], &[1.0, 2.0], &[1.0, 0.0]).is_none());
        assert_eq!(solve(&[&[1.0, -1.0]], &[1.0], &[1.0, 0.0]).unwrap().0, Maximum::Unbounded);
    }

    #[test]
    fn redundant_rows_do_not_matter() {
        let rows: &[&[f64]] = &[&[1.0, 1.0, 1.0], &[2.0, 2.0, 2.0], &[0.0, 0.0, 0.0], &[1.0, -1.0, 0.0]];
        let (value, x) = solve(rows, &[1.0, 2.0, 0.0, 0.0], &[1.0, 0.0, 0.2]).unwrap();
        assert!(matches!(value, Maximum::At(value) if (value - 0.5).abs() < 1e-12));
        assert!((x[0] - 0.5).abs() < 1e-12 && (x[1] - 0.5).abs() < 1e-12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        // Weak and strong duality: for max c'x with x in the simplex cut by X'x = 0, the least eta with
        // c - X d <= eta is the same number; here eta is bounded from both sides without solving the dual.
        #[test]
        fn the_optimum_has_a_dual_certificate(seed in 0u64..10_000, n in 4usize..24, k in 0usize..8) {
            let k = k.min(n / 2);
            let stream = Stream::new(seed, 1);
            // Rows in opposite pairs in part, so that 0 is a combination and degenerate vertices abound.
            let entry = |i: usize, j: usize| {
                let sign = if i < n / 2 { 1.0 } else { -1.0 };
                let value = stream.normal(((i % (n / 2)) * 64 + j) as u64);
                sign * if value.abs() < 0.6 { 0.0 } else { value }
            };
            let a = Matrix::from_fn(k + 1, n, |j, i| if j == 0 { 1.0 } else { entry(i, j) });
            let mut b = vec![0.0; k + 1];
            b[0] = 1.0;
            let Some(mut set) = Polyhedron::new(&a, &b).unwrap() else {
                prop_assert!(n % 2 == 1);
                return Ok(());
            };
            for draw in 0..40u64 {
                let cost: Vec<f64> = (0..n).map(|i| stream.normal(1_000_000 + draw * 64 + i as u64)).collect();
                let Maximum::At(value) = set.maximize(&cost).unwrap() else {
                    return Err(TestCaseError::fail("the set is bounded"));
                };
                let x = set.vertex();
                for (j, &b) in b.iter().enumerate() {
                    let left: f64 = (0..n).map(|i| a[(j, i)] * x[i]).sum();
                    prop_assert!((left - b).abs() < 1e-9, "constraint {}: {} is not {}", j, left, b);
                }
                // No cost above its price at any column: optimal, by duality.
                prop_assert!(set.gains(&cost).iter().all(|&gain| gain < 1e-8));
                let attained: f64 = cost.iter().zip(&x).map(|(c, x)| c * x).sum();
                prop_assert!((attained - value).abs() < 1e-9);
            }
        }
    }
}
