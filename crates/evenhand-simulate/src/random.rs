//! Random numbers by counter: each is a pure function of the seed and of what it is for, so that any thread may
//! draw any of them and every number of threads writes the same bytes.
//!
//! Method: the finalizer of SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195).

/// A bijection of 64 bits that leaves no trace of its argument.
#[must_use]
pub fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// The draws of one life, one after another.
#[derive(Debug, Clone)]
pub struct Draws {
    state: u64,
}

impl Draws {
    /// The draws that belong to `key`.
    #[must_use]
    pub fn new(key: u64) -> Draws {
        Draws { state: mix(key) }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// Uniform in 0 to 1, 1 excluded.
    pub fn uniform(&mut self) -> f64 {
        unit(self.bits())
    }

    /// True with this chance.
    pub fn chance(&mut self, share: f64) -> bool {
        self.uniform() < share
    }

    /// A whole number from `low` to `high`, both included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        let width = u64::from(high - low) + 1;
        low + ((u128::from(self.bits()) * u128::from(width)) >> 64) as u32
    }

    /// Waiting time with this mean, in whole units, at least 1 and at most twenty times the mean.
    pub fn waiting(&mut self, mean: f64) -> u32 {
        let wait = -mean * (1.0 - self.uniform()).ln();
        wait.clamp(1.0, 20.0 * mean) as u32
    }
}

/// The upper 53 bits as a number in 0 to 1, 1 excluded.
#[must_use]
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_and_stay_in_bounds() {
        let (mut one, mut two) = (Draws::new(7), Draws::new(7));
        for _ in 0..1000 {
            assert_eq!(one.bits(), two.bits());
            let at = one.between(3, 9);
            assert!((3..=9).contains(&at));
            assert_eq!(at, two.between(3, 9));
        }
    }

    #[test]
    fn a_share_is_met() {
        let mut draws = Draws::new(1);
        let hits = (0..100_000).filter(|_| draws.chance(0.05)).count();
        assert!((4_700..5_300).contains(&hits), "{hits}");
    }
}
