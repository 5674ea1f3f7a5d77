//! Equivalence: evidence that an effect is small, which a large p-value is not.
//!
//! Formula: two one-sided tests at alpha = 0.05; no effect of interest if the 90 % interval lies inside [low, high].
//! Paper: Schuirmann (1987), doi:10.1007/BF01068419; Lakens (2017), doi:10.1177/1948550617697177.
//! Assumptions: those of the interval; the smallest effect of interest was fixed before the data were seen.
//! Known failure: margins chosen after the result.

use crate::error::finite;
use crate::special::{normal_cdf, t_cdf};
use crate::{Error, ErrorKind, Estimate, Interval, Result};

/// What an estimate says about a region of effects too small to matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Equivalence {
    /// The 90 % interval lies inside: effects of interest are excluded.
    Equivalent,
    /// The 95 % interval lies outside: an effect of interest is there.
    Different,
    /// Neither.
    Undecided,
}

/// Compares an estimate's intervals with the region from `low` to `high`.
///
/// ```
/// use evenhand_estimate::{Equivalence, Estimate, equivalence};
/// let found = equivalence(&Estimate::from_std_error(0.02, 0.05, None), -0.2231, 0.2231)?;
/// assert_eq!(found, Equivalence::Equivalent);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// Those of [`Interval::new`] for the region.
pub fn equivalence(estimate: &Estimate, low: f64, high: f64) -> Result<Equivalence> {
    let region = Interval::new(low, high)?;
    Ok(if region.contains_interval(&estimate.interval_90()) {
        Equivalence::Equivalent
    } else if region.is_disjoint(&estimate.interval_95()) {
        Equivalence::Different
    } else {
        Equivalence::Undecided
    })
}

/// Two one-sided tests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tost {
    /// p-value of "the effect is at most `low`".
    pub p_low: f64,
    /// p-value of "the effect is at least `high`".
    pub p_high: f64,
    /// The larger of the two: the p-value of "the effect matters".
    pub p_value: f64,
}

/// Two one-sided tests from a point and its standard error, normal or t on `df` degrees of freedom.
///
/// # Errors
/// [`ErrorKind::Domain`] for a standard error not above 0, and those of [`Interval::new`] for the region.
pub fn tost(estimate: f64, std_error: f64, df: Option<f64>, low: f64, high: f64) -> Result<Tost> {
    Interval::new(low, high)?;
    finite(estimate, "estimate")?;
    if !(std_error > 0.0 && std_error.is_finite()) {
        return Err(Error::new(
            ErrorKind::Domain,
            format!("standard error {std_error}, expected a number above 0"),
        ));
    }
    let below = |x: f64| df.map_or_else(|| normal_cdf(x), |df| t_cdf(x, df));
    let (p_low, p_high) = (below((low - estimate) / std_error), below((estimate - high) / std_error));
    Ok(Tost { p_low, p_high, p_value: p_low.max(p_high) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_interval_rule_and_the_two_tests_agree(estimate in -1.0..1.0f64, std_error in 0.01..0.6f64, df in 3.0..50.0f64) {
            let by_interval = equivalence(&Estimate::from_std_error(estimate, std_error, Some(df)), -0.5, 0.5).unwrap();
            let by_tests = tost(estimate, std_error, Some(df), -0.5, 0.5).unwrap();
            prop_assume!((by_tests.p_value - 0.05).abs() > 1e-9);
            prop_assert_eq!(by_interval == Equivalence::Equivalent, by_tests.p_value < 0.05);
        }
    }

    #[test]
    fn outside_is_different_and_overlap_is_undecided() {
        let check =
            |estimate, se| equivalence(&Estimate::from_std_error(estimate, se, None), -0.1, 0.1).unwrap();
        assert_eq!(check(0.9, 0.2), Equivalence::Different);
        assert_eq!(check(0.0, 0.2), Equivalence::Undecided);
        assert_eq!(
            equivalence(&Estimate::from_std_error(0.0, 1.0, None), 1.0, 0.0).unwrap_err().kind(),
            ErrorKind::Domain
        );
        assert_eq!(tost(0.0, 0.0, None, -1.0, 1.0).unwrap_err().kind(), ErrorKind::Domain);
    }
}
