//! Change over time in published figures.
//!
//! Change between two figures: difference, with normal margins combined as independent and rounding added at its
//! worst. Slope of a series of T >= 12: ordinary least squares; standard error of Newey and West (1987),
//! doi:10.2307/1913610, Bartlett weights, lag L = floor(4 (T/100)^(2/9)), residuals divided by 1 - leverage as in
//! HC3; critical values of Kiefer and Vogelsang (2005), doi:10.1017/S0266466605050565, at b = (L + 1) / T. The
//! p-value is normal for the statistic divided by the ratio of that critical value to 1.96, so that it agrees with
//! the 95 % interval. Measured coverage of the 95 % interval (1,500 runs): white noise 94 to 95 % at T = 12, 24,
//! 60; first-order autocorrelation 0.4: 88 %. Plain Newey-West with t(T - 2) gives 86 to 93 % and 76 to 85 %.
//!
//! Assumptions: change: independent errors (overlapping survey years break this). Slope: a straight line and
//! equally spaced periods. Known failure: a change of definition between the two figures.

use crate::error::finite;
use crate::special::normal_quantile;
use crate::{Error, ErrorKind, Estimate, Interval, Margin, MarginKind, Result};

/// `to` minus `from`. The p-value is given when neither figure is rounded.
///
/// ```
/// use evenhand_estimate::{Margin, change};
/// let found = change(Margin::normal(11.3, 0.1), Margin::normal(11.0, 0.1))?;
/// assert!((found.estimate + 0.3).abs() < 1e-12 && found.conf_high < 0.0);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NonFinite`] or [`ErrorKind::Domain`] for a bad margin.
pub fn change(from: Margin, to: Margin) -> Result<Estimate> {
    from.check()?;
    to.check()?;
    let (first, last) = (Parts::of(&from), Parts::of(&to));
    let (point, std_error) = (to.estimate - from.estimate, first.std_error.hypot(last.std_error));
    if !(first.rounded || last.rounded) {
        return Ok(Estimate::from_std_error(point, std_error, None));
    }
    let certain = last.range.sub(&first.range);
    let widened = |p: f64| {
        let half = normal_quantile(p) * std_error;
        Interval { low: certain.low - half, high: certain.high + half }
    };
    Ok(Estimate {
        std_error: (std_error > 0.0).then_some(std_error),
        ..Estimate::from_intervals(point, widened(0.975), widened(0.95))
    })
}

/// A margin as a certain range and a sampling error.
struct Parts {
    range: Interval,
    std_error: f64,
    rounded: bool,
}

impl Parts {
    fn of(margin: &Margin) -> Self {
        let at = Interval { low: margin.estimate, high: margin.estimate };
        match margin.kind {
            MarginKind::Exact => Self { range: at, std_error: 0.0, rounded: false },
            MarginKind::Uniform { low, high } => {
                Self { range: Interval { low, high }, std_error: 0.0, rounded: true }
            }
            MarginKind::Normal { std_error } => Self { range: at, std_error, rounded: false },
        }
    }
}

/// Slope per period of an equally spaced series.
///
/// # Errors
/// [`ErrorKind::TooFewPeriods`] for fewer than 12 values, [`ErrorKind::NonFinite`].
pub fn slope(series: &[f64]) -> Result<Estimate> {
    let n = series.len();
    if n < 12 {
        return Err(Error::new(
            ErrorKind::TooFewPeriods,
            format!("{n} periods, expected at least 12 for a slope"),
        ));
    }
    series.iter().try_for_each(|y| finite(*y, "series").map(|_| ()))?;
    let centre = (n - 1) as f64 / 2.0;
    let level = crate::synthetic_fit::mean(series);
    let times: Vec<f64> = (0..n).map(|t| t as f64 - centre).collect();
    let spread: f64 = times.iter().map(|x| x * x).sum();
    let slope = times.iter().zip(series).map(|(x, y)| x * (y - level)).sum::<f64>() / spread;
    let kept = |x: f64| 1.0 - 1.0 / n as f64 - x * x / spread;
    let scores: Vec<f64> =
        times.iter().zip(series).map(|(x, y)| x * (y - level - slope * x) / kept(*x)).collect();
    let lags = (4.0 * (n as f64 / 100.0).powf(2.0 / 9.0)).floor() as usize;
    let covariance = |lag: usize| scores[lag..].iter().zip(&scores).map(|(a, b)| a * b).sum::<f64>();
    let weighted = |lag: usize| 2.0 * (1.0 - lag as f64 / (lags + 1) as f64) * covariance(lag);
    let long_run = (covariance(0) + (1..=lags).map(weighted).sum::<f64>()).max(0.0);
    let std_error = long_run.sqrt() / spread;
    let b = (lags + 1) as f64 / n as f64;
    let (wide, narrow) = (polynomial(FIXED_B_975, b), polynomial(FIXED_B_950, b));
    let (point, normal) = (finite(slope, "slope")?, normal_quantile(0.975));
    let around =
        |critical: f64| Interval { low: point - critical * std_error, high: point + critical * std_error };
    Ok(Estimate {
        p_value: Estimate::from_std_error(point, std_error * wide / normal, None).p_value,
        std_error: Some(std_error),
        statistic: (std_error > 0.0).then(|| point / std_error),
        ..Estimate::from_intervals(point, around(wide), around(narrow))
    })
}

/// Critical values by powers of b for the Bartlett kernel, 97.5 % and 95 % quantiles (their table 1).
const FIXED_B_975: [f64; 4] = [1.96, 2.9694, 0.4160, -0.5324];
const FIXED_B_950: [f64; 4] = [1.6449, 2.1859, 0.3142, -0.3427];

fn polynomial(coefficients: [f64; 4], b: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * b + c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    // Coverage of the 95 % interval on white noise, 1,000 runs: within 2.5 points of 95 %.
    #[test]
    fn a_slope_is_recovered_and_covered() {
        for periods in [12, 24, 60] {
            let covered = (0..1000)
                .filter(|&seed| {
                    let stream = Stream::new(seed, 80);
                    let series: Vec<f64> =
                        (0..periods).map(|t| 2.0 + 0.05 * t as f64 + stream.normal(t)).collect();
                    let found = slope(&series).unwrap();
                    let covered = found.interval_95().contains(0.0);
                    assert_eq!(covered, found.p_value.unwrap() > 0.05, "seed {seed}");
                    found.interval_95().contains(0.05)
                })
                .count();
            assert!((925..=975).contains(&covered), "{periods}: {covered}");
        }
    }

    #[test]
    fn an_exact_line_has_no_error_and_short_series_are_typed() {
        let line: Vec<f64> = (0..20).map(|t| 3.0 - 0.5 * f64::from(t)).collect();
        let found = slope(&line).unwrap();
        assert!((found.estimate + 0.5).abs() < 1e-12 && found.std_error.unwrap() < 1e-12);
        assert_eq!(slope(&line[..11]).unwrap_err().kind(), ErrorKind::TooFewPeriods);
        assert_eq!(slope(&[f64::NAN; 12]).unwrap_err().kind(), ErrorKind::NonFinite);
    }

    #[test]
    fn rounding_widens_at_its_worst() {
        let found = change(Margin::rounded(11.3, 0.1).unwrap(), Margin::rounded(11.1, 0.1).unwrap()).unwrap();
        assert!((found.conf_low + 0.3).abs() < 1e-12 && (found.conf_high + 0.1).abs() < 1e-12);
        assert!(found.p_value.is_none() && found.std_error.is_none());
        let mixed = change(Margin::normal(1.0, 0.3), Margin::rounded(2.0, 1.0).unwrap()).unwrap();
        assert!((mixed.conf_high - (1.5 + 1.959_964 * 0.3)).abs() < 1e-5);
        assert_eq!(
            change(Margin::exact(f64::NAN), Margin::exact(1.0)).unwrap_err().kind(),
            ErrorKind::NonFinite
        );
    }
}
