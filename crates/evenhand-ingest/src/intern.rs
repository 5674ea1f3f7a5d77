//! Gives each distinct text of a column a small number, so that it is cleaned once and not once a row.

/// Distinct byte strings in order of first appearance.
#[derive(Debug)]
pub(crate) struct Interner {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// Open addressing; 0 is free, otherwise the number of the text plus one. The length is a power of two.
    table: Vec<u32>,
    last: usize,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    hash: u64,
}

impl Default for Interner {
    fn default() -> Self {
        Self { bytes: Vec::new(), spans: Vec::new(), table: vec![0; 64], last: usize::MAX }
    }
}

impl Interner {
    /// The number of a text, and whether it is new.
    #[inline]
    pub(crate) fn intern(&mut self, text: &[u8]) -> (usize, bool) {
        // Released rows come sorted by office or date: the same text often comes again.
        if self.get(self.last) == Some(text) {
            return (self.last, false);
        }
        let (at, new) = self.find_or_insert(text);
        self.last = at;
        (at, new)
    }

    fn get(&self, at: usize) -> Option<&[u8]> {
        let span = self.spans.get(at)?;
        self.bytes.get(span.start..span.end)
    }

    fn find_or_insert(&mut self, text: &[u8]) -> (usize, bool) {
        let hash = hash(text);
        let mask = self.table.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        while let Some(&entry @ 1..) = self.table.get(slot) {
            let at = entry as usize - 1;
            if self.spans.get(at).is_some_and(|span| span.hash == hash) && self.get(at) == Some(text) {
                return (at, false);
            }
            slot = slot.wrapping_add(1) & mask;
        }
        let at = self.spans.len();
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.spans.push(Span { start, end: self.bytes.len(), hash });
        if self.spans.len() * 2 > self.table.len() {
            self.grow();
        } else if let Some(free) = self.table.get_mut(slot) {
            *free = self.spans.len() as u32;
        }
        (at, true)
    }

    fn grow(&mut self) {
        let len = self.table.len() * 4;
        let mask = len.wrapping_sub(1);
        let mut table = vec![0_u32; len];
        for (at, span) in self.spans.iter().enumerate() {
            let mut slot = span.hash as usize & mask;
            while table.get(slot).is_some_and(|&entry| entry != 0) {
                slot = slot.wrapping_add(1) & mask;
            }
            if let Some(free) = table.get_mut(slot) {
                *free = at as u32 + 1;
            }
        }
        self.table = table;
    }
}

/// A fast hash of short texts: eight bytes at a step, each multiplied in.
#[inline]
fn hash(text: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = (text.len() as u64).wrapping_mul(K);
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(K);
        rest = after;
    }
    if !rest.is_empty() {
        // The last eight bytes when there are as many, else those there are.
        let word = text.last_chunk::<8>().map_or_else(
            || rest.iter().fold(0_u64, |word, &byte| word << 8 | u64::from(byte)),
            |word| u64::from_le_bytes(*word),
        );
        hash = (hash.rotate_left(23) ^ word).wrapping_mul(K);
    }
    hash ^ (hash >> 32)
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
        assert_eq!(interner.intern(b""), (5000, true));
        assert_eq!(interner.intern(b""), (5000, false));
    }
}
