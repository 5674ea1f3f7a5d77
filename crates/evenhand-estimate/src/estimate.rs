//! The one shape in which every estimator reports.

use crate::Interval;
use crate::special::{normal_quantile, t_quantile, two_sided_p};

/// An estimate with its uncertainty, columns named as in `broom`. The scale (`ln_ratio`, share, level) is
/// said by the function that made it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Point estimate.
    pub estimate: f64,
    /// Standard error; `None` for methods that have none.
    pub std_error: Option<f64>,
    /// Test statistic of the hypothesis of no effect.
    pub statistic: Option<f64>,
    /// Two-sided p-value of the hypothesis of no effect.
    pub p_value: Option<f64>,
    /// Lower end of the 95 % interval, `-inf` when unbounded.
    pub conf_low: f64,
    /// Upper end of the 95 % interval, `inf` when unbounded.
    pub conf_high: f64,
    /// Lower end of the 90 % interval, for equivalence tests.
    pub conf_low_90: f64,
    /// Upper end of the 90 % interval, for equivalence tests.
    pub conf_high_90: f64,
}

impl Estimate {
    /// Normal theory (`df` absent) or Student's t on `df` degrees of freedom, from a point and its standard
    /// error. With a standard error of 0 the intervals are the point, and the p-value is 1 at 0, otherwise 0.
    #[must_use]
    pub fn from_std_error(estimate: f64, std_error: f64, df: Option<f64>) -> Self {
        Tails::new(df).estimate(estimate, std_error)
    }

    /// A point with intervals found some other way.
    #[must_use]
    pub fn from_intervals(estimate: f64, interval_95: Interval, interval_90: Interval) -> Self {
        Self {
            estimate,
            std_error: None,
            statistic: None,
            p_value: None,
            conf_low: interval_95.low,
            conf_high: interval_95.high,
            conf_low_90: interval_90.low,
            conf_high_90: interval_90.high,
        }
    }

    /// A point without a statement of its uncertainty: the intervals are unbounded.
    #[must_use]
    pub fn point(estimate: f64) -> Self {
        Self::from_intervals(estimate, Interval::ALL, Interval::ALL)
    }

    /// The 95 % interval.
    #[must_use]
    pub fn interval_95(&self) -> Interval {
        Interval { low: self.conf_low, high: self.conf_high }
    }

    /// The 90 % interval.
    #[must_use]
    pub fn interval_90(&self) -> Interval {
        Interval { low: self.conf_low_90, high: self.conf_high_90 }
    }
}

/// The distribution of a family of estimates: its quantiles are found once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tails {
    df: Option<f64>,
    wide: f64,
    narrow: f64,
}

impl Tails {
    pub(crate) fn new(df: Option<f64>) -> Self {
        let quantile = |p| df.map_or_else(|| normal_quantile(p), |df| t_quantile(p, df));
        Self { df, wide: quantile(0.975), narrow: quantile(0.95) }
    }

    /// As [`Estimate::from_std_error`].
    pub(crate) fn estimate(&self, estimate: f64, std_error: f64) -> Estimate {
        let (wide, narrow) = (self.wide * std_error, self.narrow * std_error);
        let statistic = (std_error > 0.0).then(|| estimate / std_error);
        let p_value = match statistic {
            Some(statistic) => two_sided_p(statistic, self.df),
            None if estimate.abs() > 0.0 => 0.0,
            None => 1.0,
        };
        Estimate {
            estimate,
            std_error: Some(std_error),
            statistic,
            p_value: Some(p_value),
            conf_low: estimate - wide,
            conf_high: estimate + wide,
            conf_low_90: estimate - narrow,
            conf_high_90: estimate + narrow,
        }
    }
}
