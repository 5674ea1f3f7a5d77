//! From values to positions, and the round values to label.

/// A straight map from a domain of values to a range of positions.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
}

impl Scale {
    /// `domain` onto `range`. A domain without extent, or one that is not finite, is widened by one.
    pub fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        let (lo, hi) = domain;
        let domain = match (lo.is_finite(), hi.is_finite()) {
            (true, true) if hi > lo => (lo, hi),
            (true, _) => (lo, lo + 1.0),
            (_, true) => (hi - 1.0, hi),
            _ => (0.0, 1.0),
        };
        Self { domain, range }
    }

    /// Position of a value, also outside the domain.
    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.domain.0) / (self.domain.1 - self.domain.0);
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// Position of a value, held inside the range.
    pub fn held(&self, value: f64) -> f64 {
        self.at(value.clamp(self.domain.0, self.domain.1))
    }

    /// The domain as used.
    pub fn domain(&self) -> (f64, f64) {
        self.domain
    }

    /// The range.
    pub fn range(&self) -> (f64, f64) {
        self.range
    }
}

/// Round values inside `lo..=hi`, about `wanted` of them, in steps of 1, 2 or 5 times a power of ten.
pub fn ticks(lo: f64, hi: f64, wanted: usize) -> Vec<f64> {
    if !lo.is_finite() || !hi.is_finite() {
        return Vec::new();
    }
    let step = step(lo, hi, wanted);
    let first = (lo / step - 1e-9).ceil() as i64;
    let last = (hi / step + 1e-9).floor() as i64;
    (first..=last).map(|at| at as f64 * step).collect()
}

/// `hi` raised (and `lo` lowered) to the next round value, so that the data end inside the frame.
pub fn rounded(lo: f64, hi: f64, wanted: usize) -> (f64, f64) {
    let step = step(lo, hi, wanted);
    ((lo / step + 1e-9).floor() * step, (hi / step - 1e-9).ceil() * step)
}

/// Decimals that the step between ticks needs.
pub fn decimals(ticks: &[f64]) -> usize {
    match ticks {
        [first, second, ..] => {
            let step = (second - first).abs();
            (0..6).find(|&d| ((step * 10f64.powi(d)).round() / 10f64.powi(d) - step).abs() < step * 1e-6)
        }
        .map_or(6, |d| d as usize),
        _ => 0,
    }
}

fn step(lo: f64, hi: f64, wanted: usize) -> f64 {
    let rough = (hi - lo) / wanted.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0];
    power * times.into_iter().find(|times| times * power >= rough * 0.999).unwrap_or(10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(0.0, 412.0, 4), [0.0, 200.0, 400.0]);
        assert_eq!(ticks(-0.4, 0.3, 4), [-0.4, -0.2, 0.0, 0.2]);
        assert_eq!(decimals(&[0.0, 0.25]), 2);
        assert_eq!(decimals(&[0.0, 200.0]), 0);
        assert_eq!(rounded(0.0, 412.0, 4), (0.0, 600.0));
    }

    #[test]
    fn a_domain_without_extent_still_maps() {
        let scale = Scale::new((3.0, 3.0), (0.0, 10.0));
        assert!((scale.at(3.0) - 0.0).abs() < 1e-12);
        let nothing = Scale::new((f64::INFINITY, f64::NEG_INFINITY), (0.0, 10.0));
        assert!(nothing.at(0.5).is_finite());
        assert!(ticks(f64::NAN, 1.0, 4).is_empty() && ticks(0.0, f64::INFINITY, 4).is_empty());
    }
}
