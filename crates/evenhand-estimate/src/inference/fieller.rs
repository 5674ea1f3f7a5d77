use crate::error::{finite, proportion};
use crate::special::{normal_quantile, t_quantile};
use crate::{Error, ErrorKind, Interval, Result};

/// Two estimates whose ratio is asked for, with their covariance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioInput {
    /// The numerator `a`.
    pub numerator: f64,
    /// The denominator `b`.
    pub denominator: f64,
    /// Variance of `a`.
    pub variance_numerator: f64,
    /// Covariance of `a` and `b`.
    pub covariance: f64,
    /// Variance of `b`.
    pub variance_denominator: f64,
    /// Degrees of freedom of the variances; `None` for the normal.
    pub df: Option<f64>,
}

/// The ratios that Fieller's test does not reject.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FiellerSet {
    /// An interval, one end possibly infinite: the denominator is clearly not 0.
    Interval(Interval),
    /// All but the open interval between the two: the denominator may be 0, so the ratio may be of any size.
    Complement {
        /// The set's lower part ends here.
        low: f64,
        /// Its upper part starts here.
        high: f64,
    },
    /// Every ratio: the data say nothing about it.
    Line,
}

impl FiellerSet {
    /// Whether the set is bounded; if not, the ratio is not identified and is reported so.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        matches!(self, Self::Interval(interval) if interval.is_bounded())
    }

    /// Whether a ratio belongs to the set.
    #[must_use]
    pub fn contains(&self, ratio: f64) -> bool {
        match self {
            Self::Interval(interval) => interval.contains(ratio),
            Self::Complement { low, high } => ratio <= *low || ratio >= *high,
            Self::Line => true,
        }
    }
}

/// Fieller's confidence set of a ratio: every `rho` for which `a - rho b` is not significantly different from 0,
/// `{rho : (a - rho b)^2 <= c^2 (v_a - 2 rho v_ab + rho^2 v_b)}`.
///
/// Fieller (1954), doi:10.1111/j.2517-6161.1954.tb00159.x. Exact under joint normality, whatever the denominator;
/// the delta method is not, and its interval is bounded even when the ratio cannot be told from infinity. For the
/// substitution ratio `s = -tau_L / tau_C` give `-tau_L` as numerator, and its covariance with `tau_C` with the
/// sign changed.
///
/// ```
/// use evenhand_estimate::{FiellerSet, RatioInput, fieller};
/// let clear = RatioInput {
///     numerator: 2.0, denominator: 4.0, variance_numerator: 0.01, covariance: 0.0,
///     variance_denominator: 0.01, df: None,
/// };
/// let FiellerSet::Interval(set) = fieller(&clear, 0.95)? else { panic!() };
/// assert!(set.low > 0.44 && set.high < 0.56);
/// let unclear = RatioInput { denominator: 0.1, ..clear };
/// assert!(!fieller(&unclear, 0.95)?.is_bounded());
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NonFinite`]; [`ErrorKind::Domain`] for a level outside (0, 1), degrees of freedom that are not
/// above 0, or variances and a covariance that no two estimates can have.
pub fn fieller(input: &RatioInput, level: f64) -> Result<FiellerSet> {
    check(input)?;
    proportion(level, "confidence level")?;
    let p = 0.5 + level / 2.0;
    let c = input.df.map_or_else(|| normal_quantile(p), |df| t_quantile(p, df));
    let (a, b, c2) = (input.numerator, input.denominator, c * c);
    // The set is where square * rho^2 - 2 * linear * rho + constant <= 0.
    let square = b * b - c2 * input.variance_denominator;
    let linear = a * b - c2 * input.covariance;
    let constant = a * a - c2 * input.variance_numerator;
    let scale = b * b + c2 * input.variance_denominator;
    if square.abs() <= 1e-14 * scale {
        return Ok(half_line(linear, constant));
    }
    let discriminant = linear * linear - square * constant;
    if square < 0.0 && discriminant <= 0.0 {
        return Ok(FiellerSet::Line);
    }
    // Of the two roots the one of larger size has no cancellation; the other follows from their product.
    let far = linear + discriminant.max(0.0).sqrt().copysign(linear);
    let (one, two) = if far.abs() > 0.0 { (far / square, constant / far) } else { (0.0, 0.0) };
    let (low, high) = (one.min(two), one.max(two));
    Ok(match square > 0.0 {
        true => FiellerSet::Interval(Interval { low, high }),
        false => FiellerSet::Complement { low, high },
    })
}

fn half_line(linear: f64, constant: f64) -> FiellerSet {
    if linear.abs() <= 0.0 {
        return FiellerSet::Line;
    }
    let end = constant / (2.0 * linear);
    FiellerSet::Interval(match linear > 0.0 {
        true => Interval { low: end, high: f64::INFINITY },
        false => Interval { low: f64::NEG_INFINITY, high: end },
    })
}

fn check(input: &RatioInput) -> Result<()> {
    finite(input.numerator, "numerator")?;
    finite(input.denominator, "denominator")?;
    let v_a = finite(input.variance_numerator, "variance of the numerator")?;
    let v_b = finite(input.variance_denominator, "variance of the denominator")?;
    let v_ab = finite(input.covariance, "covariance")?;
    // Rounding may put a perfect correlation a little above 1.
    if v_a < 0.0 || v_b < 0.0 || v_ab * v_ab > v_a * v_b * (1.0 + 1e-9) {
        let message = format!(
            "variances {v_a} and {v_b} with covariance {v_ab}, expected variances of 0 or more and a correlation \
             between -1 and 1"
        );
        return Err(Error::new(ErrorKind::Domain, message));
    }
    match input.df {
        Some(df) if df.is_nan() || df <= 0.0 => {
            Err(Error::new(ErrorKind::Domain, format!("{df} degrees of freedom, expected more than 0")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn input(a: f64, b: f64, v: [f64; 3]) -> RatioInput {
        RatioInput {
            numerator: a,
            denominator: b,
            variance_numerator: v[0],
            covariance: v[1],
            variance_denominator: v[2],
            df: None,
        }
    }

    // The definition, on a grid: a ratio is in the set when its own test does not reject.
    proptest! {
        #[test]
        fn the_set_is_the_test_inverted(a in -3.0..3.0f64, b in -3.0..3.0f64, s in 0.05..1.5f64, t in 0.05..1.5f64,
                                        r in -0.95..0.95f64) {
            let set = fieller(&input(a, b, [s * s, r * s * t, t * t]), 0.95).unwrap();
            for k in -400..=400 {
                let rho = f64::from(k) / 20.0 + 0.003;
                let variance = s * s - 2.0 * rho * r * s * t + rho * rho * t * t;
                let z = (a - rho * b).abs() / variance.sqrt();
                if (z - 1.959_963_984_540_054).abs() > 1e-9 {
                    prop_assert_eq!(set.contains(rho), z <= 1.959_963_984_540_054, "{:?} at {}", set, rho);
                }
            }
        }
    }

    // With a denominator known exactly the set is the usual interval over it.
    #[test]
    fn a_certain_denominator_gives_the_usual_interval() {
        let FiellerSet::Interval(set) = fieller(&input(3.0, -2.0, [0.25, 0.0, 0.0]), 0.95).unwrap() else {
            panic!("an interval")
        };
        let half = 1.959_963_984_540_054 * 0.5 / 2.0;
        assert!((set.low + 1.5 + half).abs() < 1e-12 && (set.high + 1.5 - half).abs() < 1e-12);
    }

    #[test]
    fn unclear_denominators_leave_the_ratio_unbounded() {
        assert_eq!(fieller(&input(0.1, 0.1, [1.0, 0.0, 1.0]), 0.95).unwrap(), FiellerSet::Line);
        assert!(matches!(
            fieller(&input(5.0, 0.1, [1.0, 0.0, 1.0]), 0.95).unwrap(),
            FiellerSet::Complement { low, high } if low < 0.0 && high > 0.0
        ));
        assert_eq!(fieller(&input(0.0, 0.0, [0.0, 0.0, 0.0]), 0.95).unwrap(), FiellerSet::Line);
    }

    #[test]
    fn impossible_covariances_are_refused() {
        let kind = |input: &RatioInput, level| fieller(input, level).unwrap_err().kind();
        assert_eq!(kind(&input(1.0, 1.0, [1.0, 2.0, 1.0]), 0.95), ErrorKind::Domain);
        assert_eq!(kind(&input(1.0, 1.0, [-1.0, 0.0, 1.0]), 0.95), ErrorKind::Domain);
        assert_eq!(kind(&input(f64::NAN, 1.0, [1.0, 0.0, 1.0]), 0.95), ErrorKind::NonFinite);
        assert_eq!(kind(&input(1.0, 1.0, [1.0, 0.0, 1.0]), 1.0), ErrorKind::Domain);
    }
}
