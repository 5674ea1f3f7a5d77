//! Identifiers of persons as keys of a fixed length, by which rows are sorted; they are only ever compared.

use crate::intern::hash_from;

/// An identifier, packed into 24 bytes: equal keys mean equal identifiers.
///
/// Up to 46 hexadecimal digits (releases have 40) or 23 other bytes are kept as they are; longer identifiers are
/// folded into 184 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person([u64; 3]);

/// No identifier; sorted after every person.
pub const NOBODY: Person = Person([u64::MAX; 3]);

/// Bytes of the identifier; after them one says what they are and how many.
const ROOM: usize = 23;

impl Person {
    /// The key of an identifier.
    pub fn of(text: &str) -> Person {
        let bytes = text.as_bytes();
        let mut packed = [0; ROOM + 1];
        let (kind, length) = if pack(bytes, &LOWER, &mut packed) {
            (0, bytes.len())
        } else if pack(bytes, &UPPER, &mut packed) {
            (1, bytes.len())
        } else if bytes.len() <= ROOM {
            packed.fill(0);
            packed[..bytes.len()].copy_from_slice(bytes);
            (2, bytes.len())
        } else {
            for (part, seed) in packed.chunks_mut(8).zip([11, 13, 17]) {
                part.copy_from_slice(&hash_from(seed, bytes).to_be_bytes());
            }
            (3, 0)
        };
        packed[ROOM] = kind << 6 | length as u8;
        Person::from_bytes(packed)
    }

    /// The key as bytes.
    pub fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        for (part, word) in bytes.chunks_mut(8).zip(self.0) {
            part.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// The key that these are the bytes of.
    pub fn from_bytes(bytes: [u8; 24]) -> Person {
        let mut words = [0; 3];
        for (word, part) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_be_bytes(*part);
        }
        Person(words)
    }
}

/// Packs digits two to a byte where all have a value.
fn pack(digits: &[u8], values: &[u8; 256], packed: &mut [u8; ROOM + 1]) -> bool {
    if digits.len() > ROOM * 2 {
        return false;
    }
    let value = |digit: u8| values[usize::from(digit)];
    let mut all = 0;
    let (pairs, odd) = digits.as_chunks();
    for (byte, [high, low]) in packed.iter_mut().zip(pairs) {
        let (high, low) = (value(*high), value(*low));
        all |= high | low;
        *byte = high << 4 | low;
    }
    if let [digit] = odd {
        all |= value(*digit);
        packed[pairs.len()] = value(*digit) << 4;
    }
    all < NO_DIGIT
}

/// The value of a byte that is no digit.
const NO_DIGIT: u8 = 16;
const LOWER: [u8; 256] = values(b'a');
const UPPER: [u8; 256] = values(b'A');

/// The values of hexadecimal digits, their letters from `a` on.
const fn values(a: u8) -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        let byte = if digit < 10 { b'0' + digit } else { a + digit - 10 };
        values[byte as usize] = digit;
        digit += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn only_equal_identifiers_share_a_key(
            texts in prop::collection::vec("[0-9]{0,3}|[0-9a-f]{0,4}|[0-9A-F]{38,48}|.{0,3}|[a-z]{22,26}", 0..60),
        ) {
            let mut keys = HashMap::new();
            for text in &texts {
                let key = Person::of(text);
                prop_assert_eq!(keys.entry(key.0).or_insert(text.clone()), text);
                prop_assert!(key < NOBODY);
                prop_assert_eq!(Person::from_bytes(key.to_bytes()), key);
            }
            let distinct = texts.iter().collect::<std::collections::HashSet<_>>();
            prop_assert_eq!(keys.len(), distinct.len());
        }
    }

    #[test]
    fn texts_that_look_alike_are_told_apart() {
        let zeros = |count: usize| "0".repeat(count);
        let texts = [
            "",
            "0",
            "00",
            "000",
            "fe",
            "FE",
            "fE",
            "fee",
            "\0",
            "é",
            "x",
            &zeros(46),
            &zeros(47),
            &zeros(48),
        ];
        let mut keys = texts.iter().map(|text| Person::of(text)).collect::<Vec<_>>();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), texts.len());
    }
}
