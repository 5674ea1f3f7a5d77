//! Intervals on the extended real line, and sets of effects that a test does not reject.
//!
//! Arithmetic is worst-case (interval arithmetic): the result holds for every value inside the inputs, however
//! they depend on one another. It is what published rounded figures allow one to say for certain.

use crate::error::finite;
use crate::{Error, ErrorKind, Result};

/// A closed interval; an infinite end is unbounded on that side. Never NaN.
///
/// ```
/// use evenhand_estimate::Interval;
/// let rounded = Interval::rounded(11.3, 0.1)?;
/// assert!(rounded.contains(11.34) && !rounded.contains(11.36));
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end, at least `low`.
    pub high: f64,
}

impl Interval {
    /// The whole line: nothing is excluded.
    pub const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    /// An interval from `low` to `high`.
    ///
    /// # Errors
    /// [`ErrorKind::NonFinite`] for NaN, [`ErrorKind::Domain`] when the ends are in the wrong order.
    pub fn new(low: f64, high: f64) -> Result<Self> {
        if low.is_nan() || high.is_nan() {
            return Err(Error::new(
                ErrorKind::NonFinite,
                format!("interval from {low} to {high}, expected numbers"),
            ));
        }
        if low > high {
            let message = format!("interval from {low} to {high}, expected the lower end first");
            return Err(Error::new(ErrorKind::Domain, message));
        }
        Ok(Self { low, high })
    }

    /// What is known of a figure published as `value`, rounded to a multiple of `unit`: value ± unit / 2.
    ///
    /// # Errors
    /// [`ErrorKind::NonFinite`], or [`ErrorKind::Domain`] when `unit` is negative.
    pub fn rounded(value: f64, unit: f64) -> Result<Self> {
        finite(value, "rounded value")?;
        if !(unit >= 0.0 && unit.is_finite()) {
            return Err(Error::new(ErrorKind::Domain, format!("rounding unit {unit}, expected 0 or more")));
        }
        Self::new(value - unit / 2.0, value + unit / 2.0)
    }

    /// Whether `x` lies inside, ends included.
    #[must_use]
    pub fn contains(&self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }

    /// Whether every point of `other` lies inside.
    #[must_use]
    pub fn contains_interval(&self, other: &Self) -> bool {
        self.low <= other.low && other.high <= self.high
    }

    /// Whether no point of `other` lies inside.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.high < other.low || other.high < self.low
    }

    /// Whether both ends are finite.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }

    /// `high - low`, infinite when unbounded.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.high - self.low
    }

    /// The smallest interval that holds both.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Sum of one value from each.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high }
    }

    /// Difference of one value from each.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        Self { low: self.low - other.high, high: self.high - other.low }
    }

    /// The interval times a finite number.
    ///
    /// # Errors
    /// [`ErrorKind::NonFinite`].
    pub fn scale(&self, factor: f64) -> Result<Self> {
        finite(factor, "factor")?;
        if factor.abs() <= 0.0 {
            return Ok(Self { low: 0.0, high: 0.0 });
        }
        let (a, b) = (self.low * factor, self.high * factor);
        Ok(Self { low: a.min(b), high: a.max(b) })
    }

    /// Quotient of one value from each.
    ///
    /// # Errors
    /// [`ErrorKind::Domain`] when the divisor may be 0, [`ErrorKind::NonFinite`] when either is unbounded.
    pub fn ratio(&self, divisor: &Self) -> Result<Self> {
        if !(self.is_bounded() && divisor.is_bounded()) {
            return Err(Error::new(
                ErrorKind::NonFinite,
                "ratio of unbounded intervals, expected finite ends",
            ));
        }
        if divisor.contains(0.0) {
            let message = format!("divisor from {} to {} may be 0", divisor.low, divisor.high);
            return Err(Error::new(ErrorKind::Domain, message));
        }
        let corners = [
            self.low / divisor.low,
            self.low / divisor.high,
            self.high / divisor.low,
            self.high / divisor.high,
        ];
        let low = corners.iter().copied().fold(f64::INFINITY, f64::min);
        let high = corners.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self::new(low, high)
    }

    /// Sum of one value from each of `parts`; 0 when there are none.
    #[must_use]
    pub fn sum(parts: &[Self]) -> Self {
        parts.iter().fold(Self { low: 0.0, high: 0.0 }, |total, part| total.add(part))
    }
}

/// The effects that a test at some level does not reject, found by inverting it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ConfidenceSet {
    /// Every effect is rejected: the model of a constant effect does not fit.
    Empty,
    /// An interval with finite ends.
    Interval(Interval),
    /// More than one piece; the hull is conservative.
    Disconnected {
        /// From the lowest to the highest effect not rejected.
        hull: Interval,
        /// How many pieces were seen, 2 or more.
        pieces: usize,
    },
    /// The test cannot exclude effects beyond one or both ends (too few placebos or shifts).
    Unbounded {
        /// With one or two infinite ends.
        hull: Interval,
    },
}

impl ConfidenceSet {
    /// The smallest interval around the set, `None` when it is empty.
    #[must_use]
    pub fn hull(&self) -> Option<Interval> {
        match *self {
            Self::Empty => None,
            Self::Interval(hull) | Self::Disconnected { hull, .. } | Self::Unbounded { hull } => Some(hull),
        }
    }

    /// The set with `map`, which must be increasing, applied to its ends.
    pub(crate) fn map(&self, map: impl Fn(f64) -> f64) -> Self {
        let Some(hull) = self.hull() else { return Self::Empty };
        let hull = Interval { low: map(hull.low), high: map(hull.high) };
        match *self {
            _ if !hull.is_bounded() => Self::Unbounded { hull },
            Self::Disconnected { pieces, .. } => Self::Disconnected { hull, pieces },
            _ => Self::Interval(hull),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arithmetic_holds_every_value_inside(a in -9.0..9.0f64, w in 0.0..3.0f64, c in 0.5..9.0f64, v in 0.0..3.0f64, s in 0.0..=1.0f64, t in 0.0..=1.0f64, k in -4.0..4.0f64) {
            let (x, y) = (Interval::new(a, a + w).unwrap(), Interval::new(c, c + v).unwrap());
            let (p, q) = (a + s * w, c + t * v);
            let near = |set: Interval, value: f64| value >= set.low - 1e-12 && value <= set.high + 1e-12;
            prop_assert!(near(x.add(&y), p + q));
            prop_assert!(near(x.sub(&y), p - q));
            prop_assert!(near(x.scale(k).unwrap(), p * k));
            prop_assert!(near(x.ratio(&y).unwrap(), p / q));
        }
    }

    #[test]
    fn a_divisor_that_may_be_zero_is_refused() {
        let one = Interval::new(1.0, 1.0).unwrap();
        let around = Interval::new(-1.0, 1.0).unwrap();
        assert_eq!(one.ratio(&around).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(one.ratio(&Interval::ALL).unwrap_err().kind(), ErrorKind::NonFinite);
        assert_eq!(Interval::new(2.0, 1.0).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(Interval::new(f64::NAN, 1.0).unwrap_err().kind(), ErrorKind::NonFinite);
    }
}
