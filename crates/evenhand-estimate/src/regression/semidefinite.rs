//! Cholesky factors of matrices that may be singular.

use evenhand_linalg::{Matrix, dot};

/// The factor `L` of a positive semidefinite matrix, unknowns in their order: one whose pivot cancels stays 0.
#[derive(Debug, Clone)]
pub(crate) struct Semidefinite {
    lower: Matrix,
    is_kept: Vec<bool>,
    /// The least pivot among those kept, as a share of the whole.
    least: f64,
}

impl Semidefinite {
    /// A pivot of at most `tolerance` times its entry of `whole`, what the diagonal was before anything was taken
    /// out of the matrix, is rounding. Only the lower triangle is read.
    pub fn new(mut a: Matrix, whole: &[f64], tolerance: f64) -> Self {
        let n = a.n_cols();
        let mut is_kept = vec![true; n];
        let mut least = 1.0f64;
        for j in 0..n {
            // Column j has taken the products of all columns before it; a tiny pivot is rounding.
            let pivot = a[(j, j)];
            is_kept[j] = pivot > tolerance * whole[j];
            if is_kept[j] {
                least = least.min(pivot / whole[j]);
            }
            let root = if is_kept[j] { pivot.sqrt() } else { f64::INFINITY };
            let (left, right) = a.data_mut().split_at_mut((j + 1) * n);
            let column = &mut left[j * n..];
            column[j..].iter_mut().for_each(|x| *x /= root);
            if is_kept[j] {
                for (k, later) in (j + 1..n).zip(right.chunks_exact_mut(n)) {
                    let factor = column[k];
                    later[k..].iter_mut().zip(&column[k..]).for_each(|(x, l)| *x -= l * factor);
                }
            }
        }
        Self { lower: a, is_kept, least }
    }

    pub fn solve(&self, mut x: Vec<f64>) -> Vec<f64> {
        let n = x.len();
        for j in 0..n {
            let column = &self.lower.col(j)[j..];
            x[j] = if self.is_kept[j] { x[j] / column[0] } else { 0.0 };
            let factor = x[j];
            x[j + 1..].iter_mut().zip(&column[1..]).for_each(|(x, l)| *x -= l * factor);
        }
        for j in (0..n).rev() {
            let column = &self.lower.col(j)[j..];
            let later = dot(&column[1..], &x[j + 1..]);
            x[j] = if self.is_kept[j] { (x[j] - later) / column[0] } else { 0.0 };
        }
        x
    }

    /// A generalized inverse: that of the kept rows and columns, 0 elsewhere; exactly symmetric.
    pub fn inverse(&self) -> Matrix {
        let n = self.is_kept.len();
        let mut inverse = Matrix::zeros(n, n);
        for j in (0..n).filter(|&j| self.is_kept[j]) {
            let unit = (0..n).map(|i| if i == j { 1.0 } else { 0.0 }).collect();
            inverse.col_mut(j).copy_from_slice(&self.solve(unit));
        }
        for j in 0..n {
            for i in 0..j {
                let mean = f64::midpoint(inverse[(i, j)], inverse[(j, i)]);
                (inverse[(i, j)], inverse[(j, i)]) = (mean, mean);
            }
        }
        inverse
    }

    pub fn is_kept(&self, j: usize) -> bool {
        self.is_kept[j]
    }

    pub fn kept(&self) -> Vec<usize> {
        (0..self.is_kept.len()).filter(|&j| self.is_kept[j]).collect()
    }

    pub fn least_pivot(&self) -> f64 {
        self.least
    }
}
