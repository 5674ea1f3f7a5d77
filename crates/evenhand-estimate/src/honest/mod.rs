//! HonestDiD: what an event study says when the trends may differ, and how far they may before it says nothing.
//!
//! Rambachan and Roth (2023), doi:10.1093/restud/rdad018. The coefficients before treatment show differences in
//! trends; a restriction ([`Bound`], [`Shape`]) says how much worse they may be after, up to a number `m`. For each
//! `m` there is a confidence interval for the target `theta = target' tau_post` that covers in at least `1 - alpha` of
//! samples whatever the difference in trends, as long as it satisfies the restriction; the largest `m` whose interval
//! excludes no effect is the breakdown value.
//!
//! - Relative magnitudes, Delta^RM(Mbar): a union over the period and sign of the largest change before treatment, each
//!   a polyhedron tested by Andrews, Roth and Pakes (2023), doi:10.1093/restud/rdac078: conditionally on which moment
//!   inequalities bind, after a least-favourable first stage of size `kappa` ("C-LF"). The linear programs are solved
//!   by a warm-started simplex, the truncation limits exactly.
//! - Smoothness, Delta^SD(M): the shortest fixed-length interval ([`fixed_length`], "FLCI"), found exactly; or the
//!   conditional test, with an FLCI ("C-F") or least-favourable first stage.
//!
//! Defaults are those of R `HonestDiD` 0.2.8: first coefficient after treatment, `alpha` 0.05, `kappa` = `alpha` / 10,
//! 1,000 grid points, 1,000 draws under seed 0, and even the draws are R's, so that intervals on the grid are R's grid
//! points. Where R is not exact the difference is stated: the folded normal quantile of FLCI is simulated there (1e-3
//! relative), truncation limits are found to 1e-6.
//!
//! Assumptions: coefficients jointly normal with a known covariance, which few clusters do not give; equally spaced
//! periods. Known failures: relative magnitudes say little with one or two coefficients before treatment; conditional
//! sets may be wide or have holes (their hull is reported); with many coefficients after treatment and an average as
//! target, a small `m` per period adds up.

mod conditional;
mod event;
mod flci;
mod linear_program;
mod restriction;
mod sensitivity;

pub use event::EventCoefficients;
pub use flci::{FixedLength, fixed_length};
pub use restriction::{Bound, Shape};
pub use sensitivity::{
    Breakdown, Ends, Honest, HonestMethod, HonestOptions, Robust, SmoothnessBefore, breakdown, honest,
    identified_set, smoothness_before,
};

use crate::{Interval, Result};
use evenhand_linalg::Matrix;
use linear_program::{Maximum, Polyhedron};

/// The least and largest `weights'x` over `{x : A x <= b}`, with `A'` given, in the dual; `None` when empty.
fn polyhedron_of_extremes(a_transposed: &Matrix, b: &[f64], weights: &[f64]) -> Result<Option<Interval>> {
    let minus: Vec<f64> = b.iter().map(|b| -b).collect();
    let most = |sign: f64| -> Result<Option<f64>> {
        let weights: Vec<f64> = weights.iter().map(|w| sign * w).collect();
        let Some(mut dual) = Polyhedron::new(a_transposed, &weights)? else { return Ok(Some(f64::INFINITY)) };
        Ok(match dual.maximize(&minus)? {
            Maximum::At(value) => Some(-value),
            Maximum::Unbounded => None,
        })
    };
    let (Some(high), Some(low)) = (most(1.0)?, most(-1.0)?) else { return Ok(None) };
    Ok(Some(Interval { low: -low, high }))
}
