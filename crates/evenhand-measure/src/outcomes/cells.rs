use rayon::slice::ParallelSliceMut;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Counts by key; sorted when read, so that the order of counting leaves no trace.
#[derive(Debug, Clone)]
pub(crate) struct Cells<K> {
    counted: HashMap<K, u32, BuildHasherDefault<Mix>>,
    /// The last key and what was added to it since it came: released rows are sorted by date and often by place.
    last: Option<(K, u32)>,
}

/// A hasher for small keys of our own making: fields are put side by side, and mixed once. Keys come from a
/// release's own dates and places, and the map is never longer than its distinct cells, so nobody gains by making
/// them collide.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mix(u64);

impl Mix {
    fn beside(&mut self, bits: u32, value: u64) {
        self.0 = self.0.rotate_left(bits) ^ value;
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.beside(8, u64::from(*byte));
            self.0 = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.beside(6, u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.beside(17, u64::from(value));
    }

    fn write_i32(&mut self, value: i32) {
        self.beside(17, u64::from(value.cast_unsigned()));
    }

    fn write_u64(&mut self, value: u64) {
        self.beside(20, value);
    }

    fn write_usize(&mut self, value: usize) {
        self.beside(20, value as u64);
    }

    /// Which of an enum's variants: few.
    fn write_isize(&mut self, value: isize) {
        self.beside(3, value.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ self.0 >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 32
    }
}

impl<K> Default for Cells<K> {
    fn default() -> Self {
        Self { counted: HashMap::default(), last: None }
    }
}

impl<K: Copy + Ord + Hash + Send> Cells<K> {
    #[inline]
    pub(crate) fn add(&mut self, key: K, count: u32) {
        match &mut self.last {
            Some((last, waiting)) if *last == key => *waiting += count,
            _ => {
                self.settle();
                self.last = Some((key, count));
            }
        }
    }

    fn settle(&mut self) {
        if let Some((key, waiting)) = self.last.take() {
            *self.counted.entry(key).or_default() += waiting;
        }
    }

    pub(crate) fn merge(&mut self, mut other: Self) {
        other.settle();
        self.settle();
        if self.counted.len() < other.counted.len() {
            std::mem::swap(self, &mut other);
        }
        for (key, count) in other.counted {
            self.add(key, count);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        let last = self.last.iter().map(|(key, count)| (key, *count));
        self.counted.iter().map(|(key, count)| (key, *count)).chain(last)
    }

    pub(crate) fn sorted(mut self) -> Vec<(K, u32)> {
        self.settle();
        let mut cells: Vec<_> = self.counted.into_iter().collect();
        cells.par_sort_unstable_by_key(|(key, _)| *key);
        cells
    }
}
