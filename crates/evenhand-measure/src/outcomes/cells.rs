use std::collections::HashMap;
use std::hash::Hash;

/// Counts by key; sorted when read, so that the order of counting leaves no trace.
#[derive(Debug, Clone)]
pub(crate) struct Cells<K>(HashMap<K, u32>);

impl<K> Default for Cells<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Ord + Hash> Cells<K> {
    pub(crate) fn add(&mut self, key: K, count: u32) {
        *self.0.entry(key).or_default() += count;
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (key, count) in other.0 {
            self.add(key, count);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        self.0.iter().map(|(key, count)| (key, *count))
    }

    pub(crate) fn sorted(self) -> Vec<(K, u32)> {
        let mut cells: Vec<_> = self.0.into_iter().collect();
        cells.sort_unstable_by_key(|(key, _)| *key);
        cells
    }
}
