//! Least squares, Poisson and logit with any number of absorbed fixed effects, and the covariances that go with
//! them.

mod absorb;
mod columns;
mod double;
pub(crate) mod glm;
mod hac;
pub(crate) mod irls;
mod ols;
mod poisson;
mod projection;
mod semidefinite;
mod separation;
mod vcov;

#[cfg(test)]
mod tests;

pub use absorb::{Absorber, Effects, singletons};
pub use columns::Columns;
pub use glm::{Glm, GlmOptions, Link, Regression, glm};
pub use hac::{Conley, ConleyDistance, ConleyKernel};
pub use ols::{Anova, Ols, OlsOptions, Wald, ols, one_way_anova};
pub(crate) use poisson::cohort_factor;
pub use poisson::{Absorb, PoissonOptions, TreatmentTerms, fractional_logit, poisson};
pub(crate) use projection::parents;
pub use projection::{Fit, Projection};
pub use separation::LeaveOut;
pub(crate) use vcov::count_parameters;
pub use vcov::{ClusterDf, CountEffects, Covariance, Scores, SmallSample, TDf, Vcov};
