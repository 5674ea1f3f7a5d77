//! Synthetic control on outcomes, with and without an intercept.
//!
//! Formula: omega minimises the sum over periods before adoption of (omega_0 + sum_j omega_j Y_jt - Y_tr,t)^2 over
//! the simplex, no penalty; omega_0 = 0 in [`synthetic_control()`] and free in [`demeaned_synthetic_control`].
//! The effect is the mean gap from adoption on.
//!
//! Estimand: the mean effect on the treated unit over the periods from adoption on.
//! Papers: Abadie, Diamond and Hainmueller (2010), doi:10.1198/jasa.2009.ap08746 (here with all outcomes before
//! adoption as predictors); demeaned: Ferman and Pinto (2021), doi:10.3982/QE1596.
//! Assumptions: the treated unit lies in (demeaned: moves within) the convex hull of the donors; no anticipation;
//! no spillover.
//! Known failures: more donors than periods before adoption can fit noise, and the weights are then not unique;
//! a level outside the donors' range (use the demeaned form).
//! Checked against an exact quadratic programme on Proposition 99, Germany, Basque Country and Kansas.

use crate::simplex::{Start, gram, least_norm};
use crate::synthetic_did::Centred;
use crate::synthetic_fit::Weights;
use crate::{Design, Result, SyntheticFit};

/// Synthetic control on all outcomes before adoption.
///
/// # Errors
/// [`ErrorKind::NotConverged`](crate::ErrorKind::NotConverged).
pub fn synthetic_control(design: &Design) -> Result<SyntheticFit> {
    let (n, n_pre) = (design.n_donors(), design.n_pre());
    let differences: Vec<f64> = (0..n)
        .flat_map(|j| design.donor(j)[..n_pre].iter().zip(design.treated()).map(|(y, target)| y - target))
        .collect();
    let found = least_norm(&gram(&differences, n, n_pre, 0.0), n, Start::Nearest)?;
    let weights = Weights {
        omega: found.weights,
        lambda: vec![0.0; n_pre],
        zeta_omega: 0.0,
        zeta_lambda: 0.0,
        iterations: found.iterations,
    };
    SyntheticFit::from_weights(design, weights, false)
}

/// Synthetic control with an intercept: donors reproduce the movements, not the level.
///
/// # Errors
/// [`ErrorKind::NotConverged`](crate::ErrorKind::NotConverged).
pub fn demeaned_synthetic_control(design: &Design) -> Result<SyntheticFit> {
    let n_pre = design.n_pre();
    let (omega, iterations) = Centred::units(design, n_pre).exact(0.0)?;
    let weights = Weights {
        omega,
        lambda: vec![1.0 / n_pre as f64; n_pre],
        zeta_omega: 0.0,
        zeta_lambda: 0.0,
        iterations,
    };
    SyntheticFit::from_weights(design, weights, true)
}
