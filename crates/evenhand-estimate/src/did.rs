//! Plain difference-in-differences with one adoption date.
//!
//! Formula: tau = (Y_tr,post - mean_j Y_j,post) - (Y_tr,pre - mean_j Y_j,pre): all weights equal.
//! Estimand: the mean effect on the treated units over the periods from adoption on.
//! Assumptions: parallel trends of the treated unit and the mean donor. Known failure: any unequal trend.
//! Checked against R `synthdid::did_estimate` on Proposition 99.

use crate::synthetic_fit::Weights;
use crate::{Design, Result, SyntheticFit};

/// Difference-in-differences against the mean of the donors.
///
/// ```
/// use evenhand_estimate::{Design, did};
/// use evenhand_panel::Panel;
/// let panel = Panel::from_text("unit 1 2 3\na 1 1 *5\nb 2 2 3\nc 4 4 5").unwrap();
/// assert!((did(&Design::new(&panel)?)?.estimate - 3.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NonFinite`](crate::ErrorKind::NonFinite) when sums overflow.
pub fn did(design: &Design) -> Result<SyntheticFit> {
    let equal = |n: usize| vec![1.0 / n as f64; n];
    let weights = Weights {
        omega: equal(design.n_donors()),
        lambda: equal(design.n_pre()),
        zeta_omega: 0.0,
        zeta_lambda: 0.0,
        iterations: 0,
    };
    SyntheticFit::from_weights(design, weights, true)
}
