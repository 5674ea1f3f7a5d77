//! Words with weights, from `vocabularies.toml`.

use crate::error::{Error, Result};
use crate::random::mix;
use std::collections::BTreeMap;

/// The values of one column with their weights.
#[derive(Debug, Clone)]
pub struct Words {
    words: Vec<String>,
    /// Upper bound of each word's share, scaled to 32 bits.
    bounds: Vec<u32>,
}

impl Words {
    /// Which word these bits choose.
    #[must_use]
    pub fn choose(&self, bits: u64) -> usize {
        let point = (bits >> 32) as u32;
        let at = self.bounds.iter().position(|&bound| point < bound);
        at.unwrap_or(self.words.len() - 1)
    }

    /// A word by number.
    #[must_use]
    pub fn get(&self, number: usize) -> &str {
        &self.words[number]
    }

    /// The word that these bits choose.
    #[must_use]
    pub fn word(&self, bits: u64) -> &str {
        &self.words[self.choose(mix(bits))]
    }

    fn new(name: &str, weighted: Vec<(String, f64)>) -> Result<Words> {
        let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
        if weighted.is_empty() || !weighted.iter().all(|(_, weight)| *weight > 0.0) {
            return Err(Error::data(name, "a vocabulary needs words with weights above 0"));
        }
        let (mut words, mut bounds, mut sum) = (Vec::new(), Vec::new(), 0.0);
        for (word, weight) in weighted {
            sum += weight;
            words.push(word);
            bounds.push((sum / total * f64::from(u32::MAX)) as u32);
        }
        Ok(Words { words, bounds })
    }
}

/// Every vocabulary by name.
#[derive(Debug, Clone)]
pub struct Vocabularies {
    all: BTreeMap<String, Words>,
}

impl Vocabularies {
    /// Reads them.
    pub fn load() -> Result<Vocabularies> {
        let parsed: BTreeMap<String, Vec<(String, f64)>> = toml::from_str(include_str!("vocabularies.toml"))
            .map_err(|error| Error::data("vocabularies", &error.to_string()))?;
        let words = |(name, weighted): (String, Vec<(String, f64)>)| {
            Words::new(&name, weighted).map(|words| (name, words))
        };
        Ok(Vocabularies { all: parsed.into_iter().map(words).collect::<Result<_>>()? })
    }

    /// The vocabulary of this name.
    pub fn take(&self, name: &str) -> Result<Words> {
        self.all.get(name).cloned().ok_or_else(|| Error::data(name, "no such vocabulary"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_at_their_weight() {
        let words = Vocabularies::load().unwrap().take("gender").unwrap();
        let male = (0..10_000).filter(|&bits| words.word(bits) == "Male").count();
        assert!((8_600..9_000).contains(&male), "{male}");
    }
}
