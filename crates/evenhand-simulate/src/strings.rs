//! The shared strings of a workbook: each text once, in the order of its first use.

/// Texts and their numbers.
#[derive(Debug, Default)]
pub struct Strings {
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Number of a text plus one, at a place its hash leads to; 0 is free. The length is a power of two.
    places: Vec<u32>,
    /// Cells that refer to a text.
    uses: u64,
}

impl Strings {
    /// The number of `text`.
    pub fn number(&mut self, text: &str) -> u32 {
        self.uses += 1;
        if self.places.len() < 2 * (self.ends.len() + 1) {
            self.grow();
        }
        let mask = self.places.len() - 1;
        let mut place = hash(text.as_bytes()) as usize & mask;
        loop {
            match self.places[place] {
                0 => break,
                number if self.get(number as usize - 1) == text.as_bytes() => return number - 1,
                _ => place = (place + 1) & mask,
            }
        }
        self.text.extend_from_slice(text.as_bytes());
        self.ends.push(self.text.len());
        self.places[place] = self.ends.len() as u32;
        self.ends.len() as u32 - 1
    }

    /// Distinct texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Cells that refer to a text.
    pub fn uses(&self) -> u64 {
        self.uses
    }

    /// The bytes of a text.
    pub fn get(&self, number: usize) -> &[u8] {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.text[start..self.ends[number]]
    }

    fn grow(&mut self) {
        let length = (2 * self.places.len()).max(1024);
        let mut places = vec![0; length];
        for number in 0..self.ends.len() {
            let mut place = hash(self.get(number)) as usize & (length - 1);
            while places[place] != 0 {
                place = (place + 1) & (length - 1);
            }
            places[place] = number as u32 + 1;
        }
        self.places = places;
    }
}

/// Folds eight bytes at a time; the texts are ours, so nobody aims at its weak points.
fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x517C_C1B7_2722_0A95;
    let mut hash = bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    let rest = chunks.remainder();
    let mut word = [0; 8];
    word[..rest.len()].copy_from_slice(rest);
    hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number() {
        let mut strings = Strings::default();
        let texts = (0..5000).map(|number| format!("text number {number}")).collect::<Vec<_>>();
        for round in 0..2 {
            for (number, text) in texts.iter().enumerate() {
                assert_eq!(strings.number(text), number as u32, "round {round}");
            }
        }
        assert_eq!((strings.len(), strings.uses()), (5000, 10_000));
        assert_eq!(strings.get(17), b"text number 17");
    }
}
