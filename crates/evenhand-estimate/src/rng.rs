//! Random numbers by counter: the `index`-th number of a stream is a pure function of (seed, stream, index),
//! so any thread may draw any number and every thread count gives the same bytes.
//!
//! Method: SplitMix64's finalizer (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195) over a Weyl
//! sequence whose start and odd step come from the seed and the stream. Not for cryptography.

use crate::special::normal_quantile;

/// A keyed stream of random numbers.
///
/// ```
/// use evenhand_estimate::Stream;
/// let stream = Stream::new(20170201, 3);
/// assert_eq!(stream.bits(7), Stream::new(20170201, 3).bits(7));
/// assert_ne!(stream.bits(7), Stream::new(20170201, 4).bits(7));
/// assert!((0.0..1.0).contains(&stream.uniform(7)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    start: u64,
    step: u64,
}

impl Stream {
    /// Stream number `stream` under `seed`.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let start = mix(mix(seed.wrapping_add(GOLDEN)) ^ stream.wrapping_mul(GOLDEN));
        Self { start, step: mix(start.wrapping_add(GOLDEN)) | 1 }
    }

    /// 64 random bits.
    #[must_use]
    pub fn bits(&self, index: u64) -> u64 {
        mix(self.start.wrapping_add(index.wrapping_mul(self.step)) ^ GOLDEN)
    }

    /// Uniform on the open interval (0, 1), with 52 random bits.
    #[must_use]
    pub fn uniform(&self, index: u64) -> f64 {
        const SCALE: f64 = 1.0 / 4_503_599_627_370_496.0;
        ((self.bits(index) >> 12) as f64 + 0.5) * SCALE
    }

    /// Standard normal, by inversion.
    #[must_use]
    pub fn normal(&self, index: u64) -> f64 {
        normal_quantile(self.uniform(index))
    }

    /// A whole number below `n`, which must not be 0; the bias is under n / 2^64.
    #[must_use]
    pub fn below(&self, index: u64, n: usize) -> usize {
        ((u128::from(self.bits(index)) * n as u128) >> 64) as usize
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Tolerances are five standard errors of the moment named, for n = 200,000 draws.
    #[test]
    fn draws_have_the_moments_of_their_distribution() {
        let n = 200_000u64;
        for seed in [1, 2, 20_170_201] {
            let stream = Stream::new(seed, 0);
            let mean = |f: &dyn Fn(u64) -> f64| (0..n).map(f).sum::<f64>() / n as f64;
            let root_n = (n as f64).sqrt();
            assert!((mean(&|i| stream.uniform(i)) - 0.5).abs() < 5.0 * (1.0f64 / 12.0).sqrt() / root_n);
            assert!(mean(&|i| stream.normal(i)).abs() < 5.0 / root_n);
            assert!((mean(&|i| stream.normal(i).powi(2)) - 1.0).abs() < 5.0 * 2f64.sqrt() / root_n);
            let serial = mean(&|i| stream.normal(i) * stream.normal(i + 1));
            assert!(serial.abs() < 5.0 / root_n, "neighbours correlate: {serial}");
            let other = Stream::new(seed, 1);
            let across = mean(&|i| stream.normal(i) * other.normal(i));
            assert!(across.abs() < 5.0 / root_n, "streams correlate: {across}");
        }
    }

    #[test]
    fn whole_numbers_fill_their_range_evenly() {
        let stream = Stream::new(5, 9);
        let mut counts = [0u32; 7];
        for i in 0..70_000 {
            counts[stream.below(i, 7)] += 1;
        }
        // Chi-squared on 6 degrees of freedom exceeds 27.9 once in ten thousand.
        let chi: f64 = counts.iter().map(|&c| (f64::from(c) - 1e4).powi(2) / 1e4).sum();
        assert!(chi < 27.9, "{counts:?}");
    }
}
