//! Texts into dense numbers: equal numbers mean equal texts.

use crate::Error;
use hashbrown::HashTable;

/// The number of a missing text.
pub const NONE: u32 = u32::MAX;

/// A set of texts, numbered from 0 as they first come.
#[derive(Debug, Default)]
pub struct Intern {
    /// The texts one after the other.
    stored: String,
    /// Where each ends.
    ends: Vec<usize>,
    table: HashTable<u32>,
}

impl Intern {
    /// The number of `text`.
    pub fn number(&mut self, text: &str) -> Result<u32, Error> {
        let Intern { stored, ends, table } = self;
        let hash = |text: &str| hash(text.as_bytes());
        if let Some(number) = table.find(hash(text), |number| get(stored, ends, *number) == text) {
            return Ok(*number);
        }
        let number = u32::try_from(ends.len()).ok().filter(|number| *number < NONE);
        let number = number.ok_or(Error::TooMany("distinct texts"))?;
        stored.push_str(text);
        ends.push(stored.len());
        table.insert_unique(hash(text), number, |number| hash(get(stored, ends, *number)));
        Ok(number)
    }

    /// The numbers that the texts of `other` have here, by their number there.
    pub fn merge(&mut self, other: &Intern) -> Result<Vec<u32>, Error> {
        other.texts().map(|text| self.number(text)).collect()
    }

    /// The texts in the order of their numbers.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len() as u32).map(|number| get(&self.stored, &self.ends, number))
    }

    /// The text of a number, or nothing for [`NONE`].
    pub fn text(&self, number: u32) -> Option<&str> {
        (number != NONE).then(|| get(&self.stored, &self.ends, number))
    }
}

fn get<'a>(stored: &'a str, ends: &[usize], number: u32) -> &'a str {
    let at = number as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &stored[start..ends[at]]
}

/// A hash of bytes that is the same on every machine.
pub fn hash(bytes: &[u8]) -> u64 {
    hash_from(0, bytes)
}

/// The same from another start: a hash that has nothing to do with it.
pub fn hash_from(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = bytes.len() as u64 ^ seed << 32;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = mix(state, u64::from_le_bytes(word));
    }
    state
}

/// Folds one word into a hash.
pub fn mix(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ 0x9e37_79b9_7f4a_7c15) * u128::from(word ^ 0xd1b5_4a32_d192_ed03);
    ((product >> 64) as u64 ^ product as u64).wrapping_add(state.rotate_left(23)).wrapping_add(word)
}

/// A hash of numbers in their order.
pub fn hash_numbers(numbers: impl Iterator<Item = u32>) -> u64 {
    numbers.fold(0, |state, number| mix(state, u64::from(number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_texts_come_back(texts in prop::collection::vec("[0-9]{0,4}|[0-9a-f]{4}|.{0,3}", 0..40)) {
            let mut set = Intern::default();
            let numbers = texts.iter().map(|text| set.number(text).unwrap()).collect::<Vec<_>>();
            for (text, number) in texts.iter().zip(&numbers) {
                prop_assert_eq!(set.text(*number), Some(text.as_str()));
            }
            let distinct = texts.iter().collect::<std::collections::HashSet<_>>();
            prop_assert_eq!(set.texts().count(), distinct.len());
        }
    }

    #[test]
    fn texts_come_back_and_only_equal_texts_share_a_number() {
        let mut set = Intern::default();
        let texts = [
            "0123456789012345678901234567890123456789",
            "00fe456789012345678901234567890123456789",
            "12",
            "123",
            "1",
            "",
            "x12",
            "012",
            "é",
            "FE",
            "fe",
            "fee",
        ];
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(set.number(text).unwrap(), number as u32);
        }
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(set.number(text).unwrap(), number as u32);
            assert_eq!(set.text(number as u32), Some(*text));
        }
    }
}
