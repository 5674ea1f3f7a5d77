use crate::{Matrix, dot};

/// The lower triangle `L` with `L L' = A` of a symmetric positive definite matrix.
///
/// ```
/// use evenhand_linalg::{Cholesky, Matrix};
/// let a = Matrix::from_rows(&[&[4.0, 2.0], &[2.0, 3.0]]);
/// let factor = Cholesky::new(&a).expect("positive definite");
/// let x = factor.solve(&[8.0, 7.0]);
/// assert!((x[0] - 1.25).abs() < 1e-15 && (x[1] - 1.5).abs() < 1e-15);
/// assert!(Cholesky::new(&Matrix::from_rows(&[&[1.0, 2.0], &[2.0, 1.0]])).is_none());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Cholesky {
    lower: Matrix,
}

impl Cholesky {
    /// `None` when the matrix is not positive definite to working precision. Only the lower triangle is read.
    #[must_use]
    pub fn new(a: &Matrix) -> Option<Self> {
        let n = a.n_cols();
        let mut lower = Matrix::from_fn(n, n, |i, j| if i >= j { a[(i, j)] } else { 0.0 });
        for j in 0..n {
            let (before, rest) = lower.data_mut().split_at_mut(j * n);
            let column = &mut rest[j..n];
            for done in before.chunks_exact(n) {
                let factor = done[j];
                column.iter_mut().zip(&done[j..]).for_each(|(x, l)| *x -= l * factor);
            }
            let pivot = column[0];
            if pivot.is_nan() || pivot <= a[(j, j)].abs() * f64::EPSILON * n as f64 {
                return None;
            }
            let root = pivot.sqrt();
            column.iter_mut().for_each(|x| *x /= root);
        }
        Some(Self { lower })
    }

    /// `L`.
    #[must_use]
    pub fn lower(&self) -> &Matrix {
        &self.lower
    }

    /// `x` with `L x = b`.
    #[must_use]
    pub fn solve_lower(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        self.forward(&mut x);
        x
    }

    fn forward(&self, x: &mut [f64]) {
        for j in 0..x.len() {
            let column = &self.lower.col(j)[j..];
            x[j] /= column[0];
            let factor = x[j];
            x[j + 1..].iter_mut().zip(&column[1..]).for_each(|(x, l)| *x -= l * factor);
        }
    }

    /// `x` with `A x = b`.
    #[must_use]
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        self.solve_in_place(&mut x);
        x
    }

    /// As [`solve`](Self::solve), with the answer in the place of `b`.
    pub fn solve_in_place(&self, x: &mut [f64]) {
        self.forward(x);
        for j in (0..x.len()).rev() {
            let column = &self.lower.col(j)[j..];
            x[j] = (x[j] - dot(&column[1..], &x[j + 1..])) / column[0];
        }
    }

    /// The inverse of `A`, exactly symmetric.
    #[must_use]
    pub fn inverse(&self) -> Matrix {
        let n = self.lower.n_cols();
        let mut inverse = Matrix::zeros(n, n);
        for j in 0..n {
            let unit: Vec<f64> = (0..n).map(|i| if i == j { 1.0 } else { 0.0 }).collect();
            inverse.col_mut(j).copy_from_slice(&self.solve(&unit));
        }
        for j in 0..n {
            for i in 0..j {
                let mean = f64::midpoint(inverse[(i, j)], inverse[(j, i)]);
                (inverse[(i, j)], inverse[(j, i)]) = (mean, mean);
            }
        }
        inverse
    }

    /// The natural logarithm of the determinant of `A`.
    #[must_use]
    pub fn ln_determinant(&self) -> f64 {
        2.0 * self.lower.diagonal().iter().map(|x| x.ln()).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_matrix() {
        let x = Matrix::from_fn(20, 6, |i, j| ((i * i * 7 + (i + 2) * (j + 3)) as f64).sin());
        let a = x.gram();
        let product = Cholesky::new(&a).unwrap().inverse().mul(&a);
        let error =
            product.plus(&Matrix::identity(6), -1.0).data().iter().fold(0.0f64, |m, x| m.max(x.abs()));
        assert!(error < 1e-12, "{error}");
    }
}
