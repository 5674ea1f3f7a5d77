//! The normal distribution cut off at both ends, exact far out in the tails.

use crate::special::erfc;
use std::f64::consts::{PI, SQRT_2};

/// P(Z > x | low <= Z <= high) for a standard normal Z; 1 below `low`, 0 above `high`.
pub(crate) fn share_above(x: f64, low: f64, high: f64) -> f64 {
    if x <= low {
        return 1.0;
    }
    if x >= high {
        return 0.0;
    }
    if high <= 0.0 {
        return 1.0 - share_above(-x, -high, -low);
    }
    if low < 4.0 {
        let above = upper_tail(high);
        return (upper_tail(x) - above) / (upper_tail(low) - above);
    }
    // Everything relative to the density at `low`, which may be too small to write down.
    let relative =
        |z: f64| if z.is_infinite() { 0.0 } else { (0.5 * (low - z) * (low + z)).exp() * mills_ratio(z) };
    (relative(x) - relative(high)) / (mills_ratio(low) - relative(high))
}

/// P(Z > z).
fn upper_tail(z: f64) -> f64 {
    0.5 * erfc(z / SQRT_2)
}

/// P(Z > z) over the density at z, for z of 4 or more, by Laplace's continued fraction.
fn mills_ratio(z: f64) -> f64 {
    1.0 / (1..=80).rev().fold(z, |below, k| z + f64::from(k) / below)
}

/// Standard normal density.
pub(crate) fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_branches_and_the_mirror_agree() {
        // By the other branch's formula where both can be written down: 1e-11.
        let direct = |x: f64, low: f64, high: f64| {
            (upper_tail(x) - upper_tail(high)) / (upper_tail(low) - upper_tail(high))
        };
        for (x, low, high) in [(4.5, 4.2, 5.0), (6.1, 6.0, f64::INFINITY), (7.2, 5.0, 7.9)] {
            assert!((share_above(x, low, high) / direct(x, low, high) - 1.0).abs() < 1e-10);
            assert!((share_above(-x, -high, -low) - (1.0 - share_above(x, low, high))).abs() < 1e-12);
        }
        assert!((share_above(0.0, -1.0, 1.0) - 0.5).abs() < 1e-15);
        assert!(
            (share_above(1.644_853_626_951_472_7, f64::NEG_INFINITY, f64::INFINITY) - 0.05).abs() < 1e-15
        );
        // Far out the tail is exponential with rate z.
        assert!((share_above(100.01, 100.0, f64::INFINITY) - (-1.000_05f64).exp() * 0.999_9).abs() < 1e-6);
        assert!(share_above(1.0, 2.0, 3.0) >= 1.0 && share_above(4.0, 2.0, 3.0) <= 0.0);
    }
}
