use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::ops::{Index, IndexMut};

/// Rows that are summed as one chunk; chunks are added in order.
const CHUNK: usize = 4096;

/// A dense matrix, column-major.
///
/// ```
/// use evenhand_linalg::Matrix;
/// let x = Matrix::from_rows(&[&[1.0, 2.0], &[3.0, 4.0], &[5.0, 6.0]]);
/// assert_eq!((x.n_rows(), x.n_cols(), x[(2, 0)]), (3, 2, 5.0));
/// assert_eq!(x.col(1), [2.0, 4.0, 6.0]);
/// assert_eq!(x.gram()[(0, 1)], 44.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    n_rows: usize,
    n_cols: usize,
    data: Vec<f64>,
}

impl Matrix {
    /// All entries 0.
    #[must_use]
    pub fn zeros(n_rows: usize, n_cols: usize) -> Self {
        Self { n_rows, n_cols, data: vec![0.0; n_rows * n_cols] }
    }

    /// Ones on the diagonal.
    #[must_use]
    pub fn identity(n: usize) -> Self {
        Self::from_fn(n, n, |i, j| if i == j { 1.0 } else { 0.0 })
    }

    /// Entry (i, j) is `entry(i, j)`.
    #[must_use]
    pub fn from_fn(n_rows: usize, n_cols: usize, mut entry: impl FnMut(usize, usize) -> f64) -> Self {
        let mut data = Vec::with_capacity(n_rows * n_cols);
        for j in 0..n_cols {
            data.extend((0..n_rows).map(|i| entry(i, j)));
        }
        Self { n_rows, n_cols, data }
    }

    /// From column-major entries.
    ///
    /// # Panics
    /// When `data` does not hold `n_rows * n_cols` numbers.
    #[must_use]
    pub fn from_data(n_rows: usize, n_cols: usize, data: Vec<f64>) -> Self {
        assert_eq!(data.len(), n_rows * n_cols, "entries of a {n_rows} by {n_cols} matrix");
        Self { n_rows, n_cols, data }
    }

    /// From columns of one length; `n_rows` says which when there are none.
    ///
    /// # Panics
    /// When a column is not `n_rows` long.
    #[must_use]
    pub fn from_columns<C: AsRef<[f64]>>(n_rows: usize, columns: &[C]) -> Self {
        let data: Vec<f64> = columns.iter().flat_map(|column| column.as_ref().iter().copied()).collect();
        Self::from_data(n_rows, columns.len(), data)
    }

    /// From rows of one length, for small matrices that are read as they are written.
    ///
    /// # Panics
    /// When the rows differ in length.
    #[must_use]
    pub fn from_rows(rows: &[&[f64]]) -> Self {
        let n_cols = rows.first().map_or(0, |row| row.len());
        assert!(rows.iter().all(|row| row.len() == n_cols), "rows of one length");
        Self::from_fn(rows.len(), n_cols, |i, j| rows[i][j])
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    #[must_use]
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Column `j`.
    #[must_use]
    pub fn col(&self, j: usize) -> &[f64] {
        &self.data[j * self.n_rows..(j + 1) * self.n_rows]
    }

    /// Column `j`, to change.
    pub fn col_mut(&mut self, j: usize) -> &mut [f64] {
        &mut self.data[j * self.n_rows..(j + 1) * self.n_rows]
    }

    /// All columns in order, to change; of use with rayon.
    pub fn cols_mut(&mut self) -> impl Iterator<Item = &mut [f64]> {
        self.data.chunks_mut(self.n_rows.max(1))
    }

    /// Row `i`, copied.
    #[must_use]
    pub fn row(&self, i: usize) -> Vec<f64> {
        (0..self.n_cols).map(|j| self[(i, j)]).collect()
    }

    /// The diagonal.
    #[must_use]
    pub fn diagonal(&self) -> Vec<f64> {
        (0..self.n_rows.min(self.n_cols)).map(|i| self[(i, i)]).collect()
    }

    /// Column-major entries.
    #[must_use]
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// Column-major entries, to change.
    pub fn data_mut(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// The columns `kept`, in that order.
    #[must_use]
    pub fn select_cols(&self, kept: &[usize]) -> Self {
        let data = kept.iter().flat_map(|&j| self.col(j).iter().copied()).collect();
        Self::from_data(self.n_rows, kept.len(), data)
    }

    /// The rows `kept`, in that order.
    #[must_use]
    pub fn select_rows(&self, kept: &[usize]) -> Self {
        Self::from_fn(kept.len(), self.n_cols, |i, j| self[(kept[i], j)])
    }

    /// Rows and columns exchanged.
    #[must_use]
    pub fn transpose(&self) -> Self {
        Self::from_fn(self.n_cols, self.n_rows, |i, j| self[(j, i)])
    }

    /// Every entry times `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        self.data.iter_mut().for_each(|x| *x *= factor);
        self
    }

    /// Entry by entry, `self + other * factor`.
    ///
    /// # Panics
    /// When the shapes differ.
    #[must_use]
    pub fn plus(mut self, other: &Self, factor: f64) -> Self {
        self.add_scaled(other, factor);
        self
    }

    /// Adds `other * factor` in place, entry by entry.
    ///
    /// # Panics
    /// When the shapes differ.
    pub fn add_scaled(&mut self, other: &Self, factor: f64) {
        assert_eq!((self.n_rows, self.n_cols), (other.n_rows, other.n_cols), "matrices of one shape");
        self.data.iter_mut().zip(&other.data).for_each(|(a, b)| *a += b * factor);
    }

    /// `self` times `right`, one thread.
    ///
    /// # Panics
    /// When the inner dimensions differ.
    #[must_use]
    pub fn mul(&self, right: &Self) -> Self {
        assert_eq!(self.n_cols, right.n_rows, "inner dimensions");
        let mut product = Self::zeros(self.n_rows, right.n_cols);
        matmul(product.as_faer_mut(), Accum::Replace, self.as_faer(), right.as_faer(), 1.0, Par::Seq);
        product
    }

    /// `self` times some columns of `right`, one thread.
    ///
    /// # Panics
    /// When the inner dimensions differ or the columns are out of range.
    #[must_use]
    pub fn mul_cols(&self, right: &Self, cols: std::ops::Range<usize>) -> Self {
        assert_eq!(self.n_cols, right.n_rows, "inner dimensions");
        let mut product = Self::zeros(self.n_rows, cols.len());
        let right = right.as_faer().subcols(cols.start, cols.len());
        matmul(product.as_faer_mut(), Accum::Replace, self.as_faer(), right, 1.0, Par::Seq);
        product
    }

    /// `self` times a vector.
    ///
    /// # Panics
    /// When `x` does not have one entry for each column.
    #[must_use]
    pub fn mul_vec(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(self.n_cols, x.len(), "inner dimensions");
        let mut product = vec![0.0; self.n_rows];
        for (j, &factor) in x.iter().enumerate() {
            product.iter_mut().zip(self.col(j)).for_each(|(sum, a)| *sum += a * factor);
        }
        product
    }

    /// The transpose times a vector: one [`dot`] for each column.
    ///
    /// # Panics
    /// When `x` does not have one entry for each row.
    #[must_use]
    pub fn t_mul_vec(&self, x: &[f64]) -> Vec<f64> {
        (0..self.n_cols).map(|j| dot(self.col(j), x)).collect()
    }

    /// The transpose times `right`: chunks of rows in parallel, added in order.
    ///
    /// # Panics
    /// When the numbers of rows differ.
    #[must_use]
    pub fn t_mul(&self, right: &Self) -> Self {
        assert_eq!(self.n_rows, right.n_rows, "numbers of rows");
        let (rows, shape) = (self.n_rows, (self.n_cols, right.n_cols));
        let starts: Vec<usize> = (0..rows).step_by(CHUNK).collect();
        let parts: Vec<Self> = starts
            .par_iter()
            .map(|&start| {
                let take = CHUNK.min(rows - start);
                let mut part = Self::zeros(shape.0, shape.1);
                let (left, right) =
                    (self.as_faer().subrows(start, take).transpose(), right.as_faer().subrows(start, take));
                matmul(part.as_faer_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
                part
            })
            .collect();
        parts.iter().fold(Self::zeros(shape.0, shape.1), |sum, part| sum.plus(part, 1.0))
    }

    /// The transpose times the matrix itself, exactly symmetric.
    #[must_use]
    pub fn gram(&self) -> Self {
        let mut gram = self.t_mul(self);
        for j in 0..gram.n_cols {
            for i in 0..j {
                gram[(j, i)] = gram[(i, j)];
            }
        }
        gram
    }

    /// `left' self right` for vectors.
    #[must_use]
    pub fn bilinear(&self, left: &[f64], right: &[f64]) -> f64 {
        dot(left, &self.mul_vec(right))
    }

    pub(crate) fn as_faer(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.data, self.n_rows, self.n_cols)
    }

    fn as_faer_mut(&mut self) -> MatMut<'_, f64> {
        MatMut::from_column_major_slice_mut(&mut self.data, self.n_rows, self.n_cols)
    }

    pub(crate) fn from_faer(found: MatRef<'_, f64>) -> Self {
        Self::from_fn(found.nrows(), found.ncols(), |i, j| found[(i, j)])
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (i, j): (usize, usize)) -> &f64 {
        debug_assert!(i < self.n_rows, "row {i} of {}", self.n_rows);
        &self.data[j * self.n_rows + i]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (i, j): (usize, usize)) -> &mut f64 {
        debug_assert!(i < self.n_rows, "row {i} of {}", self.n_rows);
        &mut self.data[j * self.n_rows + i]
    }
}

/// The inner product of two vectors, in eight running sums of a fixed order.
///
/// # Panics
/// When the lengths differ.
#[must_use]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "vectors of one length");
    let mut sums = [0.0; 8];
    let (mut left, mut right) = (a.chunks_exact(8), b.chunks_exact(8));
    for (x, y) in left.by_ref().zip(right.by_ref()) {
        for k in 0..8 {
            sums[k] += x[k] * y[k];
        }
    }
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(n_rows: usize, n_cols: usize) -> Matrix {
        Matrix::from_fn(n_rows, n_cols, |i, j| ((i * 31 + j * 17) % 23) as f64 - 11.0)
    }

    #[test]
    fn products_agree_with_their_definition() {
        let (a, b) = (some(9, 4), some(4, 5));
        let product = a.mul(&b);
        for i in 0..9 {
            for j in 0..5 {
                assert!((product[(i, j)] - dot(&a.row(i), b.col(j))).abs() < 1e-12);
            }
        }
        assert_eq!(a.mul_cols(&b, 1..4), product.select_cols(&[1, 2, 3]));
        assert_eq!(a.transpose().mul(&some(9, 3)), a.t_mul(&some(9, 3)));
        assert_eq!(a.t_mul_vec(&[1.0; 9]), a.transpose().mul_vec(&[1.0; 9]));
    }

    #[test]
    fn chunked_products_do_not_depend_on_the_threads() {
        let x = Matrix::from_fn(3 * CHUNK + 17, 6, |i, j| ((i + j * 7) as f64).sin());
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| x.gram());
        let many = rayon::ThreadPoolBuilder::new().num_threads(16).build().unwrap().install(|| x.gram());
        assert_eq!(one, many);
        assert_eq!(one, one.transpose());
    }
}
