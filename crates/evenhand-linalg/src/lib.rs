//! Turns columns of doubles into products and factorizations: what regressions, bootstraps and factor models need.
//! Input: plain slices, checked to be finite by the caller; this crate knows nothing of panels or estimators.
//! Output: [`Matrix`], [`Qr`], [`Cholesky`], [`SymmetricEigen`], [`Svd`]; sums are taken in a fixed order, so the
//! bytes do not depend on the number of threads. Read first: `matrix.rs`.

mod cholesky;
mod matrix;
mod qr;
mod spectral;

pub use cholesky::Cholesky;
pub use matrix::{Matrix, dot};
pub use qr::Qr;
pub use spectral::{Svd, SymmetricEigen};
