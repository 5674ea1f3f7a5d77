//! Minimum detectable effect.
//!
//! Formula: MDE = (t_{1 - alpha/2} + t_power) se, the true effect that a two-sided test at alpha finds with the given
//! power, at the standard error achieved. Paper: Bloom (1995), doi:10.1177/0193841X9501900504.
//! Assumptions: the estimator is normal or t on `df` degrees of freedom, with a standard error that does not depend
//! on the effect. Known failure: reading it as "observed power", which only restates the p-value.

use crate::error::proportion;
use crate::special::{normal_quantile, t_quantile};
use crate::{Error, ErrorKind, Result};

/// Effect found with probability `power` (0.8 by custom) by a two-sided test at `alpha` (0.05 by custom).
///
/// ```
/// use evenhand_estimate::mde;
/// assert!((mde(0.1, None, 0.05, 0.8)? - 0.28016).abs() < 1e-4);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`] for a negative standard error, or an `alpha` or `power` outside (0, 1).
pub fn mde(std_error: f64, df: Option<f64>, alpha: f64, power: f64) -> Result<f64> {
    proportion(alpha, "alpha")?;
    proportion(power, "power")?;
    if !(std_error >= 0.0 && std_error.is_finite() && df.is_none_or(|df| df > 0.0)) {
        let message =
            format!("standard error {std_error}, degrees of freedom {df:?}, expected finite and positive");
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let quantile = |p| df.map_or_else(|| normal_quantile(p), |df| t_quantile(p, df));
    Ok((quantile(1.0 - alpha / 2.0) + quantile(power)) * std_error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    // Power at the MDE: 4,000 normal draws, four standard errors.
    #[test]
    fn the_test_finds_its_detectable_effect_as_often_as_promised() {
        let effect = mde(2.0, None, 0.05, 0.8).unwrap();
        let stream = Stream::new(1, 70);
        let found =
            (0..4000u64).filter(|&i| (effect + 2.0 * stream.normal(i)).abs() > 1.959_964 * 2.0).count();
        assert!((found as f64 / 4000.0 - 0.8).abs() < 4.0 * 0.0064);
        assert!(mde(2.0, Some(5.0), 0.05, 0.8).unwrap() > effect);
        assert_eq!(mde(1.0, None, 0.0, 0.8).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(mde(f64::NAN, None, 0.05, 0.8).unwrap_err().kind(), ErrorKind::Domain);
    }
}
