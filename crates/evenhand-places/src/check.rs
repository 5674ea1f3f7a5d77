//! Measures the tables against counties decided by hand.

use evenhand_vocab::{CountyFips, PlaceQuality};

use crate::place::Place;

/// Draws `count` positions without replacement, in turn by weight and uniformly, from a seeded generator.
///
/// `weights[i]` is the weight of item `i`; the items must be in an order that does not change. The same seed
/// gives the same draw on every machine, since only integers are used.
#[must_use]
pub fn draw_sample(weights: &[u64], count: usize, seed: u64) -> Vec<usize> {
    let mut running = 0;
    let cumulative: Vec<u64> = weights
        .iter()
        .map(|weight| {
            running += weight;
            running
        })
        .collect();
    let mut random = SplitMix(seed);
    let mut is_drawn = vec![false; weights.len()];
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count.min(weights.len()) {
        let at = if drawn.len() % 2 == 0 && running > 0 {
            let mark = random.next() % running;
            cumulative.partition_point(|&sum| sum <= mark)
        } else {
            (random.next() % weights.len() as u64) as usize
        };
        if !std::mem::replace(&mut is_drawn[at], true) {
            drawn.push(at);
        }
    }
    drawn
}

/// Steele, Lea and Flood (2014), doi:10.1145/2660193.2660195.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// What was decided by hand about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// The text places the event in this county.
    County(CountyFips),
    /// The text names an ICE office in this county.
    Office(CountyFips),
    /// The text cannot be placed.
    Nowhere,
}

impl Truth {
    /// Reads the columns `true_county_fips` and `decision_note` (`office 48453` marks an office).
    #[must_use]
    pub fn read(county: &str, note: &str) -> Self {
        let office =
            note.strip_prefix("office ").and_then(|rest| rest.get(..5)).and_then(|code| code.parse().ok());
        match (county.parse(), office) {
            (Ok(county), _) => Self::County(county),
            (Err(_), Some(county)) => Self::Office(county),
            (Err(_), None) => Self::Nowhere,
        }
    }
}

/// Counts of a comparison; each text counts `weight` times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// Texts whose true county is known.
    pub placeable: u64,
    /// Texts that a table located (`exact` or `rule`).
    pub located: u64,
    /// Located texts whose county is the true one.
    pub right: u64,
    /// Texts called an office.
    pub offices: u64,
    /// Texts called an office that are one, in that county.
    pub offices_right: u64,
}

impl Score {
    /// Adds one text.
    pub fn add(&mut self, truth: Truth, place: Place, weight: u64) {
        self.placeable += weight * u64::from(matches!(truth, Truth::County(_)));
        if let Some(county) = place.located() {
            self.located += weight;
            self.right += weight * u64::from(truth == Truth::County(county));
        }
        if let (PlaceQuality::OfficeOnly, Some(county)) = (place.quality, place.county) {
            self.offices += weight;
            self.offices_right += weight * u64::from(truth == Truth::Office(county));
        }
    }

    /// Share of located texts that are right, 0 to 1.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.right, self.located)
    }

    /// Share of placeable texts that are located rightly, 0 to 1.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.right, self.placeable)
    }

    /// Share of texts called an office that are that office, 0 to 1.
    #[must_use]
    pub fn office_precision(&self) -> f64 {
        share(self.offices_right, self.offices)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Rule;

    #[test]
    fn a_draw_repeats_and_never_takes_one_twice() {
        let weights = [5, 0, 1, 100, 2, 3];
        let drawn = draw_sample(&weights, 6, 7);
        assert_eq!(drawn, draw_sample(&weights, 6, 7));
        let mut sorted = drawn;
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn an_office_counts_neither_as_located_nor_as_placeable() {
        let county: CountyFips = "48453".parse().expect("a county code");
        let office = Place {
            county: Some(county),
            state: None,
            quality: PlaceQuality::OfficeOnly,
            rule: Rule::OfficeCode,
        };
        let mut score = Score::default();
        score.add(Truth::read("", "office 48453: Austin office"), office, 3);
        score.add(Truth::read("48453", ""), Place { quality: PlaceQuality::Rule, ..office }, 2);
        score.add(Truth::read("", "statewide"), Place { quality: PlaceQuality::Rule, ..office }, 1);
        assert_eq!(score, Score { placeable: 2, located: 3, right: 2, offices: 3, offices_right: 3 });
        assert!((score.precision() - 2.0 / 3.0).abs() < 1e-12);
    }
}
