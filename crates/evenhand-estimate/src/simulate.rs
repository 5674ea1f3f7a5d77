//! Monte Carlo over what published figures leave open: rounding and margins of error.
//!
//! Formula: draw every input independently (uniform over its rounding interval, or normal with its published
//! standard error), compute f, report the mean, spread and quantiles of f.
//! Assumptions: inputs err independently of one another; for certainty whatever the dependence, use the worst-case
//! arithmetic of [`Interval`]. Known failures: a ratio whose divisor may be near 0 has no mean.

use crate::error::finite;
use crate::{Error, ErrorKind, Interval, Result, Stream};
use rayon::prelude::*;

/// What is known of one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margin {
    /// The published figure.
    pub estimate: f64,
    /// How it may err.
    pub kind: MarginKind,
}

/// How a published figure may err.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MarginKind {
    /// Not at all: a complete count.
    Exact,
    /// Anywhere in an interval with equal chance: rounding.
    Uniform {
        /// Least value.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// By sampling.
    Normal {
        /// Standard error, 0 or more.
        std_error: f64,
    },
}

impl Margin {
    /// A complete count.
    #[must_use]
    pub fn exact(estimate: f64) -> Self {
        Self { estimate, kind: MarginKind::Exact }
    }

    /// A figure rounded to a multiple of `unit`.
    ///
    /// # Errors
    /// Those of [`Interval::rounded`].
    pub fn rounded(estimate: f64, unit: f64) -> Result<Self> {
        let Interval { low, high } = Interval::rounded(estimate, unit)?;
        Ok(Self { estimate, kind: MarginKind::Uniform { low, high } })
    }

    /// A survey estimate with its standard error.
    #[must_use]
    pub fn normal(estimate: f64, std_error: f64) -> Self {
        Self { estimate, kind: MarginKind::Normal { std_error } }
    }

    /// Checks the numbers, so that a draw cannot be NaN.
    pub(crate) fn check(&self) -> Result<()> {
        finite(self.estimate, "published figure")?;
        match self.kind {
            MarginKind::Exact => Ok(()),
            MarginKind::Uniform { low, high } if low.is_finite() && high.is_finite() => {
                Interval::new(low, high).map(|_| ())
            }
            MarginKind::Normal { std_error } if std_error >= 0.0 && std_error.is_finite() => Ok(()),
            kind => Err(Error::new(
                ErrorKind::Domain,
                format!("margin {kind:?}, expected finite and not negative"),
            )),
        }
    }

    /// The value at draw `index` of a stream.
    pub(crate) fn draw(&self, stream: &Stream, index: u64) -> f64 {
        match self.kind {
            MarginKind::Exact => self.estimate,
            MarginKind::Uniform { low, high } => low + (high - low) * stream.uniform(index),
            MarginKind::Normal { std_error } => self.estimate + std_error * stream.normal(index),
        }
    }
}

/// What `f` came to over all draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub sd: f64,
    /// 2.5 % quantile.
    pub conf_low: f64,
    /// 97.5 % quantile.
    pub conf_high: f64,
    /// 5 % quantile.
    pub conf_low_90: f64,
    /// 95 % quantile.
    pub conf_high_90: f64,
    /// Every draw, ascending.
    pub draws: Vec<f64>,
}

impl Simulated {
    /// Share of draws inside an interval, ends included.
    #[must_use]
    pub fn share_in(&self, interval: &Interval) -> f64 {
        self.draws.iter().filter(|x| interval.contains(**x)).count() as f64 / self.draws.len() as f64
    }
}

/// Draws all `inputs` `draws` times and computes `f` of each. Input k uses stream k of `seed`, so that adding an
/// input at the end leaves the others' draws as they were.
///
/// ```
/// use evenhand_estimate::{Margin, simulate};
/// let inputs = [Margin::rounded(1.2, 0.1)?, Margin::rounded(11.1, 0.1)?];
/// let share = simulate(&inputs, 2000, 1, |x| x[0] / x[1])?;
/// assert!(share.conf_low > 0.103 && share.conf_high < 0.114);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`] for fewer than two draws or a bad margin, [`ErrorKind::NonFinite`] when `f` is not finite.
pub fn simulate<F>(inputs: &[Margin], draws: usize, seed: u64, f: F) -> Result<Simulated>
where
    F: Fn(&[f64]) -> f64 + Sync,
{
    if draws < 2 {
        return Err(Error::new(ErrorKind::Domain, format!("{draws} draws, expected two or more")));
    }
    inputs.iter().try_for_each(Margin::check)?;
    let mut values: Vec<f64> =
        (0..draws).into_par_iter().with_min_len(256).map(|draw| f(&draw_all(inputs, seed, draw))).collect();
    values.iter().try_for_each(|value| finite(*value, "simulated result").map(|_| ()))?;
    values.sort_by(f64::total_cmp);
    let at = |p| quantile_sorted(&values, p);
    Ok(Simulated {
        mean: crate::synthetic_fit::mean(&values),
        sd: crate::synthetic_fit::standard_deviation(&values).unwrap_or(0.0),
        conf_low: at(0.025),
        conf_high: at(0.975),
        conf_low_90: at(0.05),
        conf_high_90: at(0.95),
        draws: values,
    })
}

/// Draw number `draw` of every input.
pub(crate) fn draw_all(inputs: &[Margin], seed: u64, draw: usize) -> Vec<f64> {
    inputs
        .iter()
        .enumerate()
        .map(|(k, input)| input.draw(&Stream::new(seed, k as u64), draw as u64))
        .collect()
}

/// Quantile of ascending values, linear between neighbours (type 7 in R).
pub(crate) fn quantile_sorted(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    // 20,000 draws: errors of a mean are 0.7 % of the spread, of an outer quantile about 2 %.
    #[test]
    fn spreads_add_as_theory_says() {
        let inputs = [Margin::normal(3.0, 3.0), Margin::normal(-1.0, 4.0)];
        let sum = simulate(&inputs, 20_000, 4, |x| x[0] + x[1]).unwrap();
        assert!((sum.mean - 2.0).abs() < 0.15 && (sum.sd / 5.0 - 1.0).abs() < 0.03);
        assert!((sum.conf_high - (2.0 + 1.96 * 5.0)).abs() < 0.4);
        let flat = simulate(&[Margin::rounded(10.0, 2.0).unwrap()], 20_000, 4, |x| x[0]).unwrap();
        assert!((flat.sd - 2.0 / 12f64.sqrt()).abs() < 0.01);
        assert!((flat.share_in(&Interval { low: 9.0, high: 10.0 }) - 0.5).abs() < 0.02);
    }

    #[test]
    fn simulated_ratios_stay_inside_worst_case_bounds() {
        let (top, bottom) = (Interval::rounded(1.2, 0.1).unwrap(), Interval::rounded(11.1, 0.1).unwrap());
        let bounds = top.ratio(&bottom).unwrap();
        let inputs = [Margin::rounded(1.2, 0.1).unwrap(), Margin::rounded(11.1, 0.1).unwrap()];
        let found = simulate(&inputs, 5000, 2, |x| x[0] / x[1]).unwrap();
        assert!((found.share_in(&bounds) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bytes() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| simulate(&[Margin::normal(0.0, 1.0)], 3000, 6, |x| x[0].exp()).unwrap())
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn bad_margins_and_results_are_typed() {
        let kind = |inputs: &[Margin]| simulate(inputs, 10, 1, |x| 1.0 / x[0]).unwrap_err().kind();
        assert_eq!(kind(&[Margin::exact(0.0)]), ErrorKind::NonFinite);
        assert_eq!(kind(&[Margin::normal(1.0, -1.0)]), ErrorKind::Domain);
        assert_eq!(kind(&[Margin::exact(f64::NAN)]), ErrorKind::NonFinite);
        assert_eq!(simulate(&[], 1, 1, |_| 0.0).unwrap_err().kind(), ErrorKind::Domain);
    }
}
