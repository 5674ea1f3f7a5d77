//! Texts into dense numbers, exactly: digits, decimal or hexadecimal, are packed two to a byte, and equal numbers mean
//! equal texts.

use crate::Error;
use hashbrown::HashTable;

/// The number of a missing text.
pub const NONE: u32 = u32::MAX;

/// A set of texts, numbered from 0 as they first come.
#[derive(Debug, Default)]
pub struct Intern {
    stored: Stored,
    table: HashTable<u32>,
    packed: Vec<u8>,
}

/// Packed texts one after the other.
#[derive(Debug, Default)]
struct Stored {
    bytes: Vec<u8>,
    count: usize,
    /// The length of each while all have the same one, as identifiers do.
    length: usize,
    /// Where each ends, once they have not.
    ends: Vec<u64>,
}

impl Stored {
    fn get(&self, number: u32) -> &[u8] {
        let at = number as usize;
        if self.ends.is_empty() {
            return &self.bytes[at * self.length..][..self.length];
        }
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start as usize..self.ends[at] as usize]
    }

    fn push(&mut self, packed: &[u8]) {
        if self.count == 0 {
            self.length = packed.len();
        }
        if self.ends.is_empty() && packed.len() != self.length {
            self.ends = (1..=self.count).map(|count| (count * self.length) as u64).collect();
        }
        self.bytes.extend_from_slice(packed);
        self.count += 1;
        if packed.len() != self.length || !self.ends.is_empty() {
            self.ends.push(self.bytes.len() as u64);
        }
    }
}

impl Intern {
    /// The number of `text`.
    pub fn number(&mut self, text: &str) -> Result<u32, Error> {
        let mut packed = std::mem::take(&mut self.packed);
        pack(text, &mut packed);
        let number = self.packed_number(&packed);
        self.packed = packed;
        number
    }

    fn packed_number(&mut self, packed: &[u8]) -> Result<u32, Error> {
        let Intern { stored, table, .. } = self;
        let hash = hash(packed);
        if let Some(number) = table.find(hash, |number| stored.get(*number) == packed) {
            return Ok(*number);
        }
        let number = u32::try_from(stored.count).ok().filter(|number| *number < NONE);
        let number = number.ok_or(Error::TooMany("distinct texts"))?;
        stored.push(packed);
        table.insert_unique(hash, number, |number| self::hash(stored.get(*number)));
        Ok(number)
    }

    /// The numbers that the texts of `other` have here, by their number there.
    pub fn merge(&mut self, other: &Intern) -> Result<Vec<u32>, Error> {
        (0..other.len() as u32).map(|number| self.packed_number(other.stored.get(number))).collect()
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.stored.count
    }

    /// The text of a number, or nothing for [`NONE`].
    pub fn text(&self, number: u32) -> Option<String> {
        (number != NONE).then(|| unpack(self.stored.get(number)))
    }
}

/// Before packed hexadecimal digits: no decimal ones begin with this byte.
const HEX: u8 = 254;
/// Before a text of any other kind.
const PLAIN: u8 = 255;

/// Packs two digits into a byte; after an odd number of decimal digits stands 15.
fn pack(text: &str, into: &mut Vec<u8>) {
    into.clear();
    let bytes = text.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit) {
        let digits = |pair: &[u8]| (pair[0] - b'0') << 4 | pair.get(1).map_or(15, |digit| digit - b'0');
        into.extend(bytes.chunks(2).map(digits));
    } else if !bytes.is_empty() && bytes.len().is_multiple_of(2) && bytes.iter().all(|byte| is_hex(*byte)) {
        into.push(HEX);
        let value = |digit: u8| if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
        into.extend(bytes.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])));
    } else {
        into.push(PLAIN);
        into.extend_from_slice(bytes);
    }
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn unpack(packed: &[u8]) -> String {
    let halves = |bytes: &[u8]| bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect::<Vec<_>>();
    let digit = |digit: u8| char::from_digit(u32::from(digit), 16);
    match packed {
        [PLAIN, text @ ..] => String::from_utf8_lossy(text).into_owned(),
        [HEX, digits @ ..] => halves(digits).into_iter().filter_map(digit).collect(),
        digits => halves(digits).into_iter().filter(|digit| *digit < 15).filter_map(digit).collect(),
    }
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
                prop_assert_eq!(set.text(*number), Some(text.clone()));
            }
            let distinct = texts.iter().collect::<std::collections::HashSet<_>>();
            prop_assert_eq!(set.len(), distinct.len());
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
            assert_eq!(set.text(number as u32).as_deref(), Some(*text));
        }
    }
}
