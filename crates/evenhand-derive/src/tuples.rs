//! Tuples of numbers into dense numbers, so that a row holds one number for several cells.

use crate::Error;
use crate::intern::hash_numbers;
use hashbrown::HashTable;

/// A set of tuples, numbered from 0 as they first come.
#[derive(Debug)]
pub struct Tuples<const N: usize> {
    list: Vec<[u32; N]>,
    table: HashTable<u32>,
}

impl<const N: usize> Default for Tuples<N> {
    fn default() -> Self {
        Tuples { list: Vec::new(), table: HashTable::new() }
    }
}

impl<const N: usize> Tuples<N> {
    /// The number of a tuple.
    pub fn number(&mut self, tuple: [u32; N]) -> Result<u32, Error> {
        let Tuples { list, table } = self;
        let hash = hash_numbers(tuple.into_iter());
        if let Some(number) = table.find(hash, |number| list[*number as usize] == tuple) {
            return Ok(*number);
        }
        let number = u32::try_from(list.len()).map_err(|_| Error::TooMany("distinct cells"))?;
        list.push(tuple);
        table.insert_unique(hash, number, |number| hash_numbers(list[*number as usize].into_iter()));
        Ok(number)
    }

    /// The numbers that the tuples of `other` have here, by their number there, once `renumber` has spoken.
    pub fn merge(
        &mut self,
        other: &Tuples<N>,
        mut renumber: impl FnMut([u32; N]) -> [u32; N],
    ) -> Result<Vec<u32>, Error> {
        other.list.iter().map(|tuple| self.number(renumber(*tuple))).collect()
    }

    /// The tuples in order of their numbers.
    pub fn list(&self) -> &[[u32; N]] {
        &self.list
    }
}
