use crate::{Matrix, dot};

/// Householder QR in the order of the columns: a column that is a combination of those before it is set aside,
/// so that what is dropped does not depend on the scale of the data.
///
/// ```
/// use evenhand_linalg::{Matrix, Qr};
/// // The third column is the sum of the first two.
/// let x = Matrix::from_rows(&[&[1.0, 0.0, 1.0], &[1.0, 1.0, 2.0], &[1.0, 3.0, 4.0]]);
/// let qr = Qr::new(x, 1e-10);
/// assert_eq!((qr.kept(), qr.dropped()), (&[0, 1][..], &[2][..]));
/// let beta = qr.solve(&[1.0, 3.0, 7.0]);
/// assert!((beta[0] - 1.0).abs() < 1e-12 && (beta[1] - 2.0).abs() < 1e-12);
/// ```
#[derive(Debug, Clone)]
pub struct Qr {
    /// Reflectors, one for each kept column, each zero above its pivot and of squared length 2.
    reflectors: Vec<Vec<f64>>,
    r: Matrix,
    kept: Vec<usize>,
    dropped: Vec<usize>,
}

impl Qr {
    /// Factors `x`, shape (n, k). A column is dropped when what is left of its length after the columns before it
    /// is at most `tolerance` times what it was, or when there are as many columns as rows already.
    #[must_use]
    pub fn new(mut x: Matrix, tolerance: f64) -> Self {
        let (n, k) = (x.n_rows(), x.n_cols());
        let (mut reflectors, mut kept, mut dropped) = (Vec::<Vec<f64>>::new(), Vec::new(), Vec::new());
        for j in 0..k {
            let length = dot(x.col(j), x.col(j)).sqrt();
            for reflector in &reflectors {
                reflect(reflector, x.col_mut(j));
            }
            let pivot = reflectors.len();
            let column = x.col_mut(j);
            let tail = if pivot < n { dot(&column[pivot..], &column[pivot..]).sqrt() } else { 0.0 };
            if tail.is_nan() || tail <= tolerance * length || tail <= 0.0 {
                dropped.push(j);
                continue;
            }
            let mut reflector = vec![0.0; n];
            reflector[pivot..].copy_from_slice(&column[pivot..]);
            reflector[pivot] += tail.copysign(column[pivot]);
            let norm = (dot(&reflector, &reflector) / 2.0).sqrt();
            reflector.iter_mut().for_each(|v| *v /= norm);
            column[pivot] = -tail.copysign(column[pivot]);
            column[pivot + 1..].fill(0.0);
            reflectors.push(reflector);
            kept.push(j);
        }
        let rank = kept.len();
        let r = Matrix::from_fn(rank, rank, |i, j| x[(i, kept[j])]);
        Self { reflectors, r, kept, dropped }
    }

    /// The columns that are not combinations of columns before them.
    #[must_use]
    pub fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// The others.
    #[must_use]
    pub fn dropped(&self) -> &[usize] {
        &self.dropped
    }

    /// `R`, upper triangular, shape (rank, rank).
    #[must_use]
    pub fn r(&self) -> &Matrix {
        &self.r
    }

    /// Least-squares coefficients of the kept columns.
    #[must_use]
    pub fn solve(&self, y: &[f64]) -> Vec<f64> {
        let mut rotated = y.to_vec();
        self.rotate(&mut rotated);
        rotated.truncate(self.kept.len());
        self.solve_r(rotated)
    }

    /// `Q' v` in place, `Q` square: its first `rank` entries are the coordinates in the columns' space.
    pub fn rotate(&self, v: &mut [f64]) {
        self.reflectors.iter().for_each(|reflector| reflect(reflector, v));
    }

    /// `Q v` in place, which undoes [`rotate`](Self::rotate).
    pub fn rotate_back(&self, v: &mut [f64]) {
        self.reflectors.iter().rev().for_each(|reflector| reflect(reflector, v));
    }

    /// `Q` restricted to its first `rank` columns, shape (n, rank).
    #[must_use]
    pub fn q(&self) -> Matrix {
        let (n, rank) = (self.reflectors.first().map_or(0, Vec::len), self.kept.len());
        let mut q = Matrix::from_fn(n, rank, |i, j| if i == j { 1.0 } else { 0.0 });
        for j in 0..rank {
            self.rotate_back(q.col_mut(j));
        }
        q
    }

    /// The inverse of the Gram matrix of the kept columns, `(R'R)^-1`.
    #[must_use]
    pub fn gram_inverse(&self) -> Matrix {
        let rank = self.kept.len();
        let mut inverse = Matrix::zeros(rank, rank);
        for j in 0..rank {
            let unit = (0..rank).map(|i| if i == j { 1.0 } else { 0.0 }).collect();
            inverse.col_mut(j).copy_from_slice(&self.solve_r(unit));
        }
        let rows = inverse.transpose();
        rows.gram()
    }

    /// `x` with `R x = b`.
    #[must_use]
    pub fn solve_r(&self, mut b: Vec<f64>) -> Vec<f64> {
        for j in (0..b.len()).rev() {
            b[j] /= self.r[(j, j)];
            let factor = b[j];
            for i in 0..j {
                b[i] -= self.r[(i, j)] * factor;
            }
        }
        b
    }

    /// `x` with `R' x = b`.
    #[must_use]
    pub fn solve_r_transposed(&self, mut b: Vec<f64>) -> Vec<f64> {
        for j in 0..b.len() {
            b[j] = (b[j] - dot(&self.r.col(j)[..j], &b[..j])) / self.r[(j, j)];
        }
        b
    }
}

fn reflect(reflector: &[f64], column: &mut [f64]) {
    let along = dot(reflector, column);
    column.iter_mut().zip(reflector).for_each(|(c, v)| *c -= v * along);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn residuals_are_orthogonal_to_the_columns(seed in 0u32..1000, k in 1usize..6) {
            let x = Matrix::from_fn(12, k, |i, j| (f64::from(seed) + (i * 5 + j * 3 + i * i * j) as f64).sin());
            let y: Vec<f64> = (0..12).map(|i| (f64::from(seed) * 2.0 + (i * i) as f64).cos()).collect();
            let qr = Qr::new(x.clone(), 1e-8);
            let kept = x.select_cols(qr.kept());
            let fitted = kept.mul_vec(&qr.solve(&y));
            let residual: Vec<f64> = y.iter().zip(fitted).map(|(y, f)| y - f).collect();
            for j in 0..kept.n_cols() {
                prop_assert!(dot(kept.col(j), &residual).abs() < 1e-9);
            }
            let identity = qr.q().gram().plus(&Matrix::identity(qr.kept().len()), -1.0);
            prop_assert!(identity.data().iter().all(|x| x.abs() < 1e-12));
        }
    }

    #[test]
    fn the_inverse_of_the_gram_matrix_is_that_of_its_cholesky_factor() {
        let x = Matrix::from_fn(15, 4, |i, j| ((i * i * 3 + (i + 2) * (j + 5)) as f64).cos());
        let other = crate::Cholesky::new(&x.gram()).unwrap().inverse();
        let difference = Qr::new(x, 1e-10).gram_inverse().plus(&other, -1.0);
        assert!(difference.data().iter().all(|x| x.abs() < 1e-12));
    }

    #[test]
    fn constant_and_empty_inputs_have_no_columns_left() {
        let qr = Qr::new(Matrix::zeros(4, 2), 1e-10);
        assert_eq!((qr.kept().len(), qr.dropped()), (0, &[0, 1][..]));
        assert_eq!(Qr::new(Matrix::zeros(0, 1), 1e-10).dropped(), [0]);
        assert!(qr.solve(&[1.0; 4]).is_empty());
    }
}
