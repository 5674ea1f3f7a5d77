//! Texts into dense numbers, exactly: digits are packed two to a byte, and equal numbers mean equal texts.

use crate::Error;
use hashbrown::HashTable;

/// The number of a missing text.
pub const NONE: u32 = u32::MAX;

/// A set of texts, numbered from 0 as they first come.
#[derive(Debug, Default)]
pub struct Intern {
    bytes: Vec<u8>,
    ends: Vec<u64>,
    table: HashTable<u32>,
    packed: Vec<u8>,
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
        let Intern { bytes, ends, table, .. } = self;
        let hash = hash(packed);
        if let Some(number) = table.find(hash, |number| stored(bytes, ends, *number) == packed) {
            return Ok(*number);
        }
        let number = u32::try_from(ends.len()).ok().filter(|number| *number < NONE);
        let number = number.ok_or(Error::TooMany("distinct texts"))?;
        bytes.extend_from_slice(packed);
        ends.push(bytes.len() as u64);
        table.insert_unique(hash, number, |number| self::hash(stored(bytes, ends, *number)));
        Ok(number)
    }

    /// The numbers that the texts of `other` have here, by their number there.
    pub fn merge(&mut self, other: &Intern) -> Result<Vec<u32>, Error> {
        let numbers = 0..other.ends.len() as u32;
        numbers.map(|number| self.packed_number(stored(&other.bytes, &other.ends, number))).collect()
    }

    /// The text of a number, or nothing for [`NONE`].
    pub fn text(&self, number: u32) -> Option<String> {
        (number != NONE).then(|| unpack(stored(&self.bytes, &self.ends, number)))
    }
}

fn stored<'a>(bytes: &'a [u8], ends: &[u64], number: u32) -> &'a [u8] {
    let at = number as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &bytes[start as usize..ends[at] as usize]
}

/// 15 stands for "no second digit"; a text that is not all digits follows the byte 255, which no digits make.
fn pack(text: &str, into: &mut Vec<u8>) {
    into.clear();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = |pair: &[u8]| (pair[0] - b'0') << 4 | pair.get(1).map_or(15, |digit| digit - b'0');
        into.extend(text.as_bytes().chunks(2).map(digits));
    } else {
        into.push(255);
        into.extend_from_slice(text.as_bytes());
    }
}

fn unpack(packed: &[u8]) -> String {
    match packed {
        [255, text @ ..] => String::from_utf8_lossy(text).into_owned(),
        digits => {
            let digits = digits.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter(|digit| *digit < 15);
            digits.map(|digit| char::from(b'0' + digit)).collect()
        }
    }
}

/// A hash of bytes that is the same on every machine.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut state = bytes.len() as u64;
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

    #[test]
    fn texts_come_back_and_only_equal_texts_share_a_number() {
        let mut set = Intern::default();
        let texts = ["0123456789012345678901234567890123456789", "12", "123", "1", "", "x12", "012", "é"];
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(set.number(text).unwrap(), number as u32);
        }
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(set.number(text).unwrap(), number as u32);
            assert_eq!(set.text(number as u32).as_deref(), Some(*text));
        }
    }
}
