use crate::Matrix;
use faer::Side;

/// Eigenvalues and orthonormal eigenvectors of a symmetric matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricEigen {
    /// In rising order, length n.
    pub values: Vec<f64>,
    /// One column for each value, shape (n, n).
    pub vectors: Matrix,
}

impl SymmetricEigen {
    /// `None` when the iteration does not converge, which needs entries that are not finite. Only the lower
    /// triangle is read.
    #[must_use]
    pub fn new(a: &Matrix) -> Option<Self> {
        let found = a.as_faer().self_adjoint_eigen(Side::Lower).ok()?;
        let values = found.S().column_vector().iter().copied().collect();
        Some(Self { values, vectors: Matrix::from_faer(found.U()) })
    }

    /// The matrix whose eigenvalues are `map` of these: powers, roots, generalized inverses.
    ///
    /// ```
    /// use evenhand_linalg::{Matrix, SymmetricEigen};
    /// let a = Matrix::from_rows(&[&[2.0, 1.0], &[1.0, 2.0]]);
    /// let root = SymmetricEigen::new(&a).expect("finite").map(f64::sqrt);
    /// let back = root.mul(&root);
    /// assert!((back[(0, 1)] - 1.0).abs() < 1e-14);
    /// ```
    #[must_use]
    pub fn map(&self, map: impl Fn(f64) -> f64) -> Matrix {
        let mut scaled = self.vectors.clone();
        for (j, &value) in self.values.iter().enumerate() {
            let factor = map(value);
            scaled.col_mut(j).iter_mut().for_each(|x| *x *= factor);
        }
        scaled.mul(&self.vectors.transpose())
    }
}

/// The thin singular value decomposition `U diag(s) V'`.
#[derive(Debug, Clone, PartialEq)]
pub struct Svd {
    /// Shape (n, r) with `r = min(n, k)`.
    pub u: Matrix,
    /// In falling order, length r.
    pub singular: Vec<f64>,
    /// Shape (k, r).
    pub v: Matrix,
}

impl Svd {
    /// `None` when the iteration does not converge, which needs entries that are not finite.
    #[must_use]
    pub fn new(a: &Matrix) -> Option<Self> {
        let found = a.as_faer().thin_svd().ok()?;
        let singular = found.S().column_vector().iter().copied().collect();
        Some(Self { u: Matrix::from_faer(found.U()), singular, v: Matrix::from_faer(found.V()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_decompositions_give_the_matrix_back() {
        let x = Matrix::from_fn(7, 4, |i, j| ((i * i * 3 + (i + 2) * (j + 5)) as f64).sin());
        let svd = Svd::new(&x).unwrap();
        let scaled = Matrix::from_fn(7, 4, |i, j| svd.u[(i, j)] * svd.singular[j]);
        let gap = scaled.mul(&svd.v.transpose()).plus(&x, -1.0);
        assert!(gap.data().iter().all(|x| x.abs() < 1e-13));

        let gram = x.gram();
        let eigen = SymmetricEigen::new(&gram).unwrap();
        assert!(eigen.map(|v| v).plus(&gram, -1.0).data().iter().all(|x| x.abs() < 1e-12));
        for (value, singular) in eigen.values.iter().rev().zip(&svd.singular) {
            assert!((value - singular * singular).abs() < 1e-12);
        }
    }
}
