//! Gives each distinct text of a column a small number, so that it is cleaned once and not once a row.

/// Distinct byte strings in order of first appearance.
#[derive(Debug)]
pub(crate) struct Interner {
    bytes: Vec<u8>,
    /// How many there are.
    len: u32,
    /// Open addressing; an entry that is free has the number 0. The length is a power of two.
    table: Vec<Entry>,
    last: Entry,
}

/// Where a text stands in `bytes`, its hash, and its number, counted from 1. All stand here, and not in lists by
/// number, so that looking a text up costs two distant reads and not three, and a larger table reads no text again.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    start: u32,
    len: u32,
    number: u32,
    hash: u32,
}

impl Default for Interner {
    fn default() -> Self {
        Self { bytes: Vec::new(), len: 0, table: vec![Entry::default(); 64], last: Entry::default() }
    }
}

impl Interner {
    /// The number of a text, from 0, and whether it is new.
    #[inline]
    pub(crate) fn intern(&mut self, text: &[u8]) -> (usize, bool) {
        // Released rows come sorted by office or date: the same text often comes again.
        if self.last.number > 0 && same(self.text(self.last), text) {
            return (self.last.number as usize - 1, false);
        }
        let (entry, new) = self.find_or_insert(text);
        self.last = entry;
        ((entry.number as usize).saturating_sub(1), new)
    }

    /// The distinct texts one after the other, in order of first appearance.
    pub(crate) fn stored(&self) -> &[u8] {
        &self.bytes
    }

    #[inline]
    fn text(&self, entry: Entry) -> &[u8] {
        self.bytes
            .get(entry.start as usize..)
            .and_then(|text| text.get(..entry.len as usize))
            .unwrap_or_default()
    }

    fn find_or_insert(&mut self, text: &[u8]) -> (Entry, bool) {
        let mask = self.table.len().wrapping_sub(1);
        let hash = hash(text);
        let mut slot = hash as usize & mask;
        while let Some(&entry) = self.table.get(slot).filter(|entry| entry.number > 0) {
            if entry.hash == hash && same(self.text(entry), text) {
                return (entry, false);
            }
            slot = slot.wrapping_add(1) & mask;
        }
        // A batch ends, and what grows over batches begins anew, long before there are 2^32 bytes of texts.
        self.len = self.len.saturating_add(1);
        let entry = Entry { start: self.bytes.len() as u32, len: text.len() as u32, number: self.len, hash };
        self.bytes.extend_from_slice(text);
        if let Some(free) = self.table.get_mut(slot) {
            *free = entry;
        }
        if self.len as usize * 2 > self.table.len() {
            self.grow();
        }
        (entry, true)
    }

    fn grow(&mut self) {
        let len = self.table.len() * 2;
        let mask = len.wrapping_sub(1);
        let mut table = vec![Entry::default(); len];
        for &entry in self.table.iter().filter(|entry| entry.number > 0) {
            let mut slot = entry.hash as usize & mask;
            while table.get(slot).is_some_and(|other| other.number > 0) {
                slot = slot.wrapping_add(1) & mask;
            }
            if let Some(free) = table.get_mut(slot) {
                *free = entry;
            }
        }
        self.table = table;
    }
}

/// Whether two texts are equal, without a call for those of up to 64 bytes: most cells are that short.
#[inline]
pub(crate) fn same(one: &[u8], two: &[u8]) -> bool {
    if one.len() != two.len() {
        return false;
    }
    match one.len() {
        0 => true,
        8..=16 => one.first_chunk::<8>() == two.first_chunk() && one.last_chunk::<8>() == two.last_chunk(),
        17..=32 => one.first_chunk::<16>() == two.first_chunk() && one.last_chunk::<16>() == two.last_chunk(),
        33..=64 => one.first_chunk::<32>() == two.first_chunk() && one.last_chunk::<32>() == two.last_chunk(),
        4..=7 => one.first_chunk::<4>() == two.first_chunk() && one.last_chunk::<4>() == two.last_chunk(),
        _ => one == two,
    }
}

/// A fast hash of short texts: eight bytes at a step, each multiplied in.
#[inline]
fn hash(text: &[u8]) -> u32 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    const L: u64 = 0xc2b2_ae3d_27d4_eb4f;
    // Two chains, so that the processor can work on both at once.
    let (mut one, mut two) = ((text.len() as u64).wrapping_mul(K), L);
    let mut rest = text;
    while let Some((words, after)) = rest.split_first_chunk::<16>() {
        let words = u128::from_le_bytes(*words);
        one = (one ^ words as u64).wrapping_mul(K).rotate_left(29);
        two = (two ^ (words >> 64) as u64).wrapping_mul(L).rotate_left(31);
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<8>() {
        one = (one ^ u64::from_le_bytes(*word)).wrapping_mul(K).rotate_left(29);
        rest = after;
    }
    if !rest.is_empty() {
        // The last eight bytes when there are as many, else those there are.
        let word = text.last_chunk::<8>().map_or_else(
            || rest.iter().fold(0_u64, |word, &byte| (word << 8) | u64::from(byte)),
            |word| u64::from_le_bytes(*word),
        );
        two = (two ^ word).wrapping_mul(L).rotate_left(31);
    }
    let hash = (one ^ two.rotate_left(17)).wrapping_mul(K);
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_number() {
        let mut interner = Interner::default();
        let texts: Vec<_> = (0..5000).map(|at| format!("{}{at}", "x".repeat(at % 20))).collect();
        for (at, text) in texts.iter().enumerate() {
            assert_eq!(interner.intern(text.as_bytes()), (at, true));
        }
        for (at, text) in texts.iter().enumerate().rev() {
            assert_eq!(interner.intern(text.as_bytes()), (at, false));
        }
        for length in 1..80 {
            let text = vec![b'y'; length];
            for at in 0..length {
                let mut other = text.clone();
                other[at] = b'z';
                assert!(same(&text, &text.clone()) && !same(&text, &other), "{length} {at}");
            }
        }
        assert_eq!(interner.intern(b""), (5000, true));
        assert_eq!(interner.intern(b""), (5000, false));
    }
}
