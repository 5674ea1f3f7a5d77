//! Bounds when part of the records cannot be placed.
//!
//! One cell (unit, period): L located records, of L_area located in its area, and V of the area not placed.
//! Observed only: L. Proportional: L + V L / L_area. Worst case: [L, L + V]. Limited skew: the unit's part of V is
//! within a factor kappa of its part of the located records, [L + V min(1, p / kappa), L + V min(1, kappa p)] with
//! p = L / L_area. A linear estimator tau = sum w y over a box of cells lies in
//! [sum w+ y_low + w- y_high, sum w+ y_high + w- y_low]; both ends are attained. Other functions: search over the
//! box's corners, one coordinate at a time.
//!
//! Paper for the confidence interval of an interval: Imbens and Manski (2004), doi:10.1111/j.1468-0262.2004.00555.x.
//! Assumptions: records are placed rightly or not at all. Known failures: the box ignores that an area's V is shared
//! by its units, so bounds for several units of one area are wide; the corner search can stop short of the extremes
//! of a function that is not monotone in each cell.

use crate::error::{finite, proportion, same_length};
use crate::special::normal_cdf;
use crate::{Error, ErrorKind, Interval, Result};

/// One cell and its area in one period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MissingGeography {
    located: f64,
    area_located: f64,
    unplaced: f64,
}

impl MissingGeography {
    /// `located` records of the unit among `area_located` of its area, and `unplaced` ones of the area.
    ///
    /// # Errors
    /// [`ErrorKind::Domain`] for a negative number or more located than the area holds, [`ErrorKind::NonFinite`].
    pub fn new(located: f64, area_located: f64, unplaced: f64) -> Result<Self> {
        for (value, what) in
            [(located, "located"), (area_located, "located in the area"), (unplaced, "unplaced")]
        {
            if finite(value, what)? < 0.0 {
                return Err(Error::new(ErrorKind::Domain, format!("{what}: {value}, expected 0 or more")));
            }
        }
        if located > area_located {
            let message = format!("{located} located, but {area_located} in the whole area");
            return Err(Error::new(ErrorKind::Domain, message));
        }
        Ok(Self { located, area_located, unplaced })
    }

    /// Located records only.
    #[must_use]
    pub fn observed(&self) -> f64 {
        self.located
    }

    /// Unplaced records in proportion to located ones; `None` when the area has unplaced records only.
    #[must_use]
    pub fn proportional(&self) -> Option<f64> {
        Some(self.located + self.unplaced * self.part()?)
    }

    /// From none to all of the unplaced records.
    #[must_use]
    pub fn worst_case(&self) -> Interval {
        Interval { low: self.located, high: self.located + self.unplaced }
    }

    /// The unit's part of the unplaced records within a factor `kappa` (1 or more) of its part of the located ones;
    /// `None` when the area has unplaced records only.
    ///
    /// # Errors
    /// [`ErrorKind::Domain`] for `kappa` under 1.
    pub fn limited_skew(&self, kappa: f64) -> Result<Option<Interval>> {
        if !(kappa >= 1.0 && kappa.is_finite()) {
            return Err(Error::new(ErrorKind::Domain, format!("kappa {kappa}, expected 1 or more")));
        }
        Ok(self.part().map(|p| Interval {
            low: self.located + self.unplaced * (p / kappa).min(1.0),
            high: self.located + self.unplaced * (p * kappa).min(1.0),
        }))
    }

    /// Part of the located records; 0 when there is nothing to place.
    fn part(&self) -> Option<f64> {
        if self.area_located > 0.0 {
            return Some(self.located / self.area_located);
        }
        (self.unplaced <= 0.0).then_some(0.0)
    }
}

/// Bounds on sum w y for y anywhere between `low` and `high`, cell by cell.
///
/// ```
/// use evenhand_estimate::linear_bounds;
/// let bounds = linear_bounds(&[1.0, -1.0], &[10.0, 4.0], &[12.0, 5.0])?;
/// assert!((bounds.low - 5.0).abs() < 1e-12 && (bounds.high - 8.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::Domain`] when a low end exceeds its high end.
pub fn linear_bounds(weights: &[f64], low: &[f64], high: &[f64]) -> Result<Interval> {
    same_length(weights.len(), low.len(), "weights and cells")?;
    check_box(low, high)?;
    let mut bounds = Interval { low: 0.0, high: 0.0 };
    for ((w, low), high) in weights.iter().zip(low).zip(high) {
        bounds = bounds.add(&Interval { low: *low, high: *high }.scale(*w)?);
    }
    Ok(bounds)
}

/// Extremes of any `f` over a box, by moving one cell at a time to the end that helps until none does, from the low
/// corner and from the high one. Exact for functions monotone in each cell; otherwise the true bounds may be wider.
///
/// # Errors
/// As [`linear_bounds`], and those of `f`.
pub fn corner_bounds<F>(low: &[f64], high: &[f64], mut f: F) -> Result<Interval>
where
    F: FnMut(&[f64]) -> Result<f64>,
{
    check_box(low, high)?;
    let mut search = |start: &[f64], sign: f64| -> Result<f64> {
        let mut at = start.to_vec();
        let mut best = sign * finite(f(&at)?, "function on the box")?;
        // Each sweep that goes on has improved the value; corners are finite in number, sweeps are capped.
        for _ in 0..2 + low.len() {
            let before = best;
            for cell in 0..at.len() {
                for end in [low[cell], high[cell]] {
                    let was = std::mem::replace(&mut at[cell], end);
                    let value = sign * finite(f(&at)?, "function on the box")?;
                    if value > best { best = value } else { at[cell] = was }
                }
            }
            if best <= before {
                break;
            }
        }
        Ok(sign * best)
    };
    let most = search(low, 1.0)?.max(search(high, 1.0)?);
    let least = search(low, -1.0)?.min(search(high, -1.0)?);
    Interval::new(least, most)
}

fn check_box(low: &[f64], high: &[f64]) -> Result<()> {
    same_length(low.len(), high.len(), "low and high ends")?;
    for (&low, &high) in low.iter().zip(high) {
        Interval::new(finite(low, "low end")?, finite(high, "high end")?)?;
    }
    Ok(())
}

/// Confidence interval at `level` for a parameter known to lie between two estimated ends: it covers the parameter,
/// wherever it lies between them.
///
/// ```
/// use evenhand_estimate::imbens_manski;
/// let point = imbens_manski(1.0, 1.0, 0.5, 0.5, 0.95)?; // no gap: the usual two-sided interval
/// assert!((point.high - (1.0 + 1.959963984540054 * 0.5)).abs() < 1e-9);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`] for ends in the wrong order, a negative standard error or a level outside (0, 1);
/// [`ErrorKind::NonFinite`].
pub fn imbens_manski(low: f64, high: f64, se_low: f64, se_high: f64, level: f64) -> Result<Interval> {
    proportion(level, "level")?;
    let gap = Interval::new(finite(low, "low end")?, finite(high, "high end")?)?.width();
    let largest = finite(se_low, "standard error")?.max(finite(se_high, "standard error")?);
    if se_low < 0.0 || se_high < 0.0 {
        return Err(Error::new(
            ErrorKind::Domain,
            format!("standard errors {se_low} and {se_high}, expected 0 or more"),
        ));
    }
    if largest <= 0.0 {
        return Interval::new(low, high);
    }
    // Phi(c + gap / largest) - Phi(-c) = level, increasing in c.
    let (mut less, mut more) = (0.0, 40.0);
    for _ in 0..100 {
        let c = 0.5 * (less + more);
        if normal_cdf(c + gap / largest) - normal_cdf(-c) < level { less = c } else { more = c }
    }
    Interval::new(low - more * se_low, high + more * se_high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use crate::special::normal_quantile;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_point_of_the_box_lies_inside_the_bounds(cells in proptest::collection::vec((-3.0..3.0f64, 0.0..9.0f64, 0.0..4.0f64, 0.0..=1.0f64), 1..8)) {
            let w: Vec<f64> = cells.iter().map(|c| c.0).collect();
            let low: Vec<f64> = cells.iter().map(|c| c.1).collect();
            let high: Vec<f64> = cells.iter().map(|c| c.1 + c.2).collect();
            let y: Vec<f64> = cells.iter().map(|c| c.1 + c.2 * c.3).collect();
            let tau = |y: &[f64]| y.iter().zip(&w).map(|(y, w)| y * w).sum::<f64>();
            let bounds = linear_bounds(&w, &low, &high).unwrap();
            prop_assert!(bounds.low <= tau(&y) + 1e-9 && tau(&y) <= bounds.high + 1e-9);
            let searched = corner_bounds(&low, &high, |y| Ok(tau(y))).unwrap();
            prop_assert!((searched.low - bounds.low).abs() < 1e-9 && (searched.high - bounds.high).abs() < 1e-9);
        }

        #[test]
        fn rules_are_nested(located in 0.0..50.0f64, elsewhere in 0.0..200.0f64, unplaced in 0.0..80.0f64, kappa in 1.0..6.0f64) {
            let cell = MissingGeography::new(located, located + elsewhere, unplaced).unwrap();
            let worst = cell.worst_case();
            if let (Some(skew), Some(proportional)) = (cell.limited_skew(kappa).unwrap(), cell.proportional()) {
                prop_assert!(skew.low >= worst.low - 1e-9 && skew.high <= worst.high + 1e-9);
                prop_assert!(skew.low <= proportional + 1e-9 && proportional <= skew.high + 1e-9);
                let wider = cell.limited_skew(kappa + 1.0).unwrap().unwrap();
                prop_assert!(wider.low <= skew.low + 1e-9 && skew.high <= wider.high + 1e-9);
            }
        }
    }

    // Coverage at the worse end of the identified set, 4,000 runs, four standard errors.
    #[test]
    fn the_interval_covers_a_parameter_at_either_end() {
        let stream = Stream::new(2, 60);
        for gap in [0.0, 0.3, 2.0] {
            for truth in [0.0, gap] {
                let covered = (0..4000u64)
                    .filter(|&i| {
                        let low = 0.2 * stream.normal(i);
                        imbens_manski(low, low + gap, 0.2, 0.2, 0.95).unwrap().contains(truth)
                    })
                    .count();
                let share = covered as f64 / 4000.0;
                assert!((share - 0.95).abs() < 4.0 * 0.0035, "gap {gap}: {share}");
            }
        }
        let wide = imbens_manski(0.0, 100.0, 1.0, 1.0, 0.95).unwrap();
        assert!((wide.high - 100.0 - normal_quantile(0.95)).abs() < 1e-9);
        assert!(imbens_manski(0.0, 1.0, 0.0, 0.0, 0.95).unwrap().width() <= 1.0);
    }

    #[test]
    fn wrong_inputs_are_typed() {
        assert_eq!(MissingGeography::new(3.0, 2.0, 0.0).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(MissingGeography::new(-1.0, 2.0, 0.0).unwrap_err().kind(), ErrorKind::Domain);
        let unknown = MissingGeography::new(0.0, 0.0, 5.0).unwrap();
        assert_eq!((unknown.proportional(), unknown.limited_skew(2.0).unwrap()), (None, None));
        assert_eq!(unknown.limited_skew(0.5).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(linear_bounds(&[1.0], &[1.0], &[0.0]).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(linear_bounds(&[1.0], &[], &[]).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(imbens_manski(1.0, 0.0, 1.0, 1.0, 0.95).unwrap_err().kind(), ErrorKind::Domain);
    }
}
