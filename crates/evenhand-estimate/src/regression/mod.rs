//! Least squares with any number of absorbed fixed effects, and the covariances that go with it.

mod absorb;
mod columns;
mod double;
mod hac;
mod ols;
mod projection;
mod semidefinite;
mod vcov;

#[cfg(test)]
mod tests;

pub use absorb::{Absorber, Effects, singletons};
pub use columns::Columns;
pub use hac::{Conley, ConleyDistance, ConleyKernel};
pub use ols::{Anova, Ols, OlsOptions, Wald, ols, one_way_anova};
pub(crate) use projection::parents;
pub use projection::{Fit, Projection};
pub(crate) use vcov::count_parameters;
pub use vcov::{ClusterDf, CountEffects, Covariance, Scores, SmallSample, TDf, Vcov};
