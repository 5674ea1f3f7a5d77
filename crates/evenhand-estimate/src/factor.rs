use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

/// A categorical column: unit, period, cluster, any absorbed fixed effect. Levels are numbered in sorted order.
///
/// ```
/// use evenhand_estimate::Factor;
/// let states = Factor::new(&["TX", "CA", "TX"]);
/// assert_eq!((states.codes(), states.n_levels()), (&[1, 0, 1][..], 2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Shared, so that a copy costs nothing.
    codes: Arc<[u32]>,
    n_levels: usize,
}

impl Factor {
    /// One level for each distinct value.
    #[must_use]
    pub fn new<L: Ord + Hash>(values: &[L]) -> Self {
        Self::from_keys(values.len(), |row| &values[row]).0
    }

    /// One level for each distinct key, and the first row of each level.
    pub(crate) fn from_keys<K: Ord + Hash + Copy>(n: usize, key: impl Fn(usize) -> K) -> (Self, Vec<usize>) {
        // Sorted and cyclic columns are the common ones: a row mostly repeats the level before it, or has the
        // level that followed that one the last time. Both guesses are checked before anything is looked up.
        let mut found: HashMap<K, u32, BuildHasherDefault<Mix>> = HashMap::default();
        let (mut levels, mut first, mut next) = (Vec::<K>::new(), Vec::new(), Vec::<u32>::new());
        let mut last = 0u32;
        let mut codes: Vec<u32> = Vec::with_capacity(n);
        for row in 0..n {
            let own = key(row);
            let at = match levels.get(last as usize) {
                Some(level) if *level == own => last,
                Some(_) if levels[next[last as usize] as usize] == own => next[last as usize],
                _ => *found.entry(own).or_insert_with(|| {
                    levels.push(own);
                    first.push(row);
                    next.push(0);
                    code(levels.len() - 1)
                }),
            };
            if at != last {
                next[last as usize] = at;
                last = at;
            }
            codes.push(at);
        }
        let is_sorted = levels.is_sorted();
        let n_levels = levels.len();
        if !is_sorted {
            let mut order: Vec<u32> = (0..code(n_levels)).collect();
            order.sort_unstable_by_key(|&at| levels[at as usize]);
            let mut rank = vec![0; n_levels];
            order.iter().enumerate().for_each(|(place, &at)| rank[at as usize] = code(place));
            codes.iter_mut().for_each(|at| *at = rank[*at as usize]);
            first = order.iter().map(|&at| first[at as usize]).collect();
        }
        (Self { codes: codes.into(), n_levels }, first)
    }

    /// Codes that are level numbers already; levels without a row are closed up.
    #[must_use]
    pub fn from_codes(codes: &[u32]) -> Self {
        let n = codes.iter().max().map_or(0, |&largest| largest as usize + 1);
        let mut rank = vec![0u32; n];
        codes.iter().for_each(|&at| rank[at as usize] = 1);
        let mut n_levels = 0;
        for slot in &mut rank {
            n_levels += std::mem::replace(slot, n_levels);
        }
        Self { codes: codes.iter().map(|&at| rank[at as usize]).collect(), n_levels: n_levels as usize }
    }

    /// The level of each row, below [`n_levels`](Self::n_levels).
    #[must_use]
    #[inline]
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The level of a row, as an index.
    #[must_use]
    #[inline]
    pub fn at(&self, row: usize) -> usize {
        self.codes[row] as usize
    }

    /// How many levels have a row.
    #[must_use]
    pub fn n_levels(&self) -> usize {
        self.n_levels
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The rows `kept`, with levels closed up.
    #[must_use]
    pub fn select(&self, kept: &[usize]) -> Self {
        Self::from_codes(&kept.iter().map(|&row| self.codes[row]).collect::<Vec<_>>())
    }

    /// Rows in the order of their levels, rows of one level in the order given: one pass of sorting by counting.
    pub(crate) fn rows_in_order(&self, rows: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut next = vec![0; self.n_levels + 1];
        self.codes.iter().for_each(|&level| next[level as usize + 1] += 1);
        (0..self.n_levels).for_each(|level| next[level + 1] += next[level]);
        let mut ordered = vec![0; self.codes.len()];
        for row in rows {
            let place = &mut next[self.at(row as usize)];
            ordered[*place] = row;
            *place += 1;
        }
        ordered
    }

    /// All rows in another order.
    pub(crate) fn arranged(&self, order: &[u32]) -> Self {
        Self { codes: order.iter().map(|&row| self.codes[row as usize]).collect(), n_levels: self.n_levels }
    }

    /// The rows of each level, in rising order.
    #[must_use]
    pub fn rows_by_level(&self) -> RowsByLevel {
        let mut starts = vec![0; self.n_levels + 1];
        self.codes.iter().for_each(|&level| starts[level as usize + 1] += 1);
        (0..self.n_levels).for_each(|level| starts[level + 1] += starts[level]);
        let mut next = starts.clone();
        let mut rows = vec![0; self.codes.len()];
        for (row, &level) in self.codes.iter().enumerate() {
            rows[next[level as usize]] = code(row);
            next[level as usize] += 1;
        }
        RowsByLevel { starts, rows }
    }

    /// One level for each pair of levels that occurs: an interaction of two factors.
    ///
    /// # Panics
    /// When the lengths differ.
    #[must_use]
    pub fn cross(&self, other: &Self) -> Self {
        assert_eq!(self.len(), other.len(), "factors of one length");
        let pairs: Vec<u64> = (self.codes.iter().zip(other.codes.iter()))
            .map(|(&a, &b)| u64::from(a) * other.n_levels as u64 + u64::from(b))
            .collect();
        Self::new(&pairs)
    }
}

/// A hash by multiplication and shift. Levels are trusted: no one gains from making them collide.
#[derive(Debug, Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 29;
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ (self.0 >> 32)
    }
}

/// The rows of each level of a [`Factor`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsByLevel {
    starts: Vec<usize>,
    rows: Vec<u32>,
}

impl RowsByLevel {
    /// The rows of one level, in rising order.
    #[must_use]
    pub fn rows(&self, level: usize) -> &[u32] {
        &self.rows[self.starts[level]..self.starts[level + 1]]
    }
}

/// A level number; more than four billion levels would not fit in memory.
fn code(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_the_order_of_values_not_of_rows() {
        assert_eq!(Factor::new(&[30, 10, 20, 10]).codes(), [2, 0, 1, 0]);
        assert_eq!(Factor::new::<u8>(&[]).n_levels(), 0);
    }

    #[test]
    fn guesses_do_not_change_the_levels() {
        let values: Vec<u64> = (0..300u64).map(|row| row % 7 + (row / 90) * (row * row % 5)).collect();
        let mut sorted = values.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let factor = Factor::new(&values);
        assert_eq!(factor.n_levels(), sorted.len());
        assert!(values.iter().enumerate().all(|(row, value)| sorted[factor.at(row)] == *value));
    }

    #[test]
    fn rows_are_listed_by_level() {
        let rows = Factor::new(&[2, 1, 2]).rows_by_level();
        assert_eq!((rows.rows(0), rows.rows(1)), (&[1][..], &[0, 2][..]));
    }

    #[test]
    fn levels_without_rows_are_closed_up() {
        let some = Factor::new(&["a", "b", "c", "c"]).select(&[0, 2, 3]);
        assert_eq!((some.codes(), some.n_levels()), (&[0, 1, 1][..], 2));
        assert!(Factor::from_codes(&[]).is_empty());
    }

    #[test]
    fn a_cross_has_one_level_for_each_pair_that_occurs() {
        let pairs = Factor::new(&[0, 0, 1, 1]).cross(&Factor::new(&[5, 7, 7, 7]));
        assert_eq!((pairs.codes(), pairs.n_levels()), (&[0, 1, 2, 2][..], 3));
    }
}
