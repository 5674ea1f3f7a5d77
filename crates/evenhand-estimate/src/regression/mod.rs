//! Least squares with any number of absorbed fixed effects, and the covariances that go with it.

mod absorb;
mod columns;
mod double;
mod ols;
mod projection;
mod semidefinite;
mod vcov;

pub use absorb::{Absorber, Effects, singletons};
pub use columns::Columns;
pub use ols::{Anova, Ols, OlsOptions, Wald, ols, one_way_anova};
pub use projection::{Fit, Projection};
pub use vcov::{ClusterDf, CountEffects, Covariance, Scores, SmallSample, TDf, Vcov};
