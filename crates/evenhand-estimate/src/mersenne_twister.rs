//! The random numbers of R: `set.seed(seed)` then `rnorm`, with R's default generators.
//!
//! Some published results rest on a simulated critical value of a thousand draws; they can be met to the last digit
//! only with the same draws. Matsumoto and Nishimura (1998), doi:10.1145/272991.272995, seeded and turned into
//! normals by inversion as R does since 3.6.0 (`RNGkind`: Mersenne-Twister, Inversion).

use crate::special::normal_quantile;

const N: usize = 624;
const M: usize = 397;

pub(crate) struct MersenneTwister {
    state: Vec<u32>,
    at: usize,
}

impl MersenneTwister {
    pub(crate) fn new(seed: u32) -> Self {
        let mut word = seed;
        let mut next = || {
            word = word.wrapping_mul(69069).wrapping_add(1);
            word
        };
        // Fifty words of scrambling, and one in the place of the counter.
        let words: Vec<u32> = (0..51 + N).map(|_| next()).collect();
        Self { state: words[51..].to_vec(), at: N }
    }

    /// Uniform on (0, 1), as `unif_rand`.
    pub(crate) fn uniform(&mut self) -> f64 {
        if self.at == N {
            self.twist();
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C_5680;
        y ^= (y << 15) & 0xEFC6_0000;
        y ^= y >> 18;
        // R keeps the ends out by half of its unit.
        const HALF: f64 = 0.5 * 2.328_306_437_080_797e-10;
        (f64::from(y) * 2.328_306_436_538_696_3e-10).clamp(HALF, 1.0 - HALF)
    }

    /// Standard normal, as `norm_rand` by inversion: 27 bits of one word before those of the next.
    pub(crate) fn normal(&mut self) -> f64 {
        const BIG: f64 = 134_217_728.0;
        let high = (BIG * self.uniform()).floor();
        normal_quantile((high + self.uniform()) / BIG)
    }

    fn twist(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7FFF_FFFF);
            let odd = if y & 1 == 1 { 0x9908_B0DF } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.at = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What R prints for `set.seed(s); runif(2)` and `set.seed(s); rnorm(3)`: seven digits.
    #[test]
    fn the_numbers_are_those_of_r() {
        let uniforms = |seed| {
            let mut r = MersenneTwister::new(seed);
            [r.uniform(), r.uniform()]
        };
        let near = |found: &[f64], expected: &[f64]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 6e-8), "{found:?}");
        };
        near(&uniforms(42), &[0.914_806_0, 0.937_075_4]);
        near(&uniforms(123), &[0.287_577_5, 0.788_305_1]);
        let normals = |seed| {
            let mut r = MersenneTwister::new(seed);
            [r.normal(), r.normal(), r.normal()]
        };
        near(&normals(42), &[1.370_958_45, -0.564_698_17, 0.363_128_41]);
        near(&normals(123), &[-0.560_475_65, -0.230_177_49, 1.558_708_31]);
        near(&normals(0), &[1.262_954_28, -0.326_233_36, 1.329_799_26]);
    }
}
