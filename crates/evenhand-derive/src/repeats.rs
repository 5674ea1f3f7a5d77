//! Repeated detainers, encounters and removals.

use crate::person::{NOBODY, Person};
use crate::runs::{Fields, Numbers, Row, renumbered};
use hashbrown::HashSet;

/// The day of a row that has none.
pub const NO_DAY: i32 = i32::MIN;

/// One row of an event table; 48 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The person.
    pub person: Person,
    /// The day since 1970.
    pub day: i32,
    /// The sheet, numbered in plan order.
    pub sheet: u16,
    /// The row in the sheet.
    pub row: u32,
    /// The number of a detainer's type and facility; the same for all rows of other tables.
    pub kind: u32,
    /// Every cell, fingerprinted.
    pub print: u64,
}

impl Row for Event {
    const BYTES: usize = 46;

    fn person(&self) -> Person {
        self.person
    }

    fn put(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.person.to_bytes());
        into.extend_from_slice(&self.day.to_le_bytes());
        into.extend_from_slice(&self.sheet.to_le_bytes());
        into.extend_from_slice(&self.row.to_le_bytes());
        into.extend_from_slice(&self.kind.to_le_bytes());
        into.extend_from_slice(&self.print.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Event {
        let mut fields = Fields(bytes);
        let person = Person::from_bytes(fields.take());
        let (day, sheet, row) = (fields.signed(), fields.short(), fields.word());
        Event { person, day, sheet, row, kind: fields.word(), print: fields.long() }
    }

    fn renumbered(self, numbers: &Numbers) -> Event {
        Event { sheet: numbers.sheet(self.sheet), kind: renumbered(&numbers.kinds, self.kind), ..self }
    }
}

impl Event {
    fn unknown(&self) -> bool {
        self.person == NOBODY || self.day == NO_DAY
    }
}

/// How rows of one person are told to repeat one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// On one day; the first is kept.
    First,
    /// On one day; the last is kept.
    Last,
    /// On days without a gap between them, and alike; the first is kept.
    Alike,
}

/// Which rows of a sorted list equal a kept row of the same person and day in every cell. The first is kept, or the
/// last where the rule after this one keeps the last.
pub fn exact(sorted: &[Event], chain: Chain) -> Vec<bool> {
    let mut repeated = vec![false; sorted.len()];
    let mut seen = HashSet::new();
    let mut start = 0;
    for day in sorted.chunk_by(|a, b| a.person == b.person && a.day == b.day && !a.unknown()) {
        if day.len() > 1 {
            seen.clear();
            let mut mark = |at: usize| repeated[start + at] = !seen.insert(day[at].print);
            match chain {
                Chain::Last => (0..day.len()).rev().for_each(&mut mark),
                _ => (0..day.len()).for_each(&mut mark),
            }
        }
        start += day.len();
    }
    repeated
}

/// Which rows of a sorted list are repeats of a kept one.
pub fn repeated(sorted: &[Event], chain: Chain) -> Vec<bool> {
    let reach = i64::from(chain == Chain::Alike);
    let near = |a: &Event, b: &Event| {
        a.person == b.person && !a.unknown() && !b.unknown() && i64::from(b.day) - i64::from(a.day) <= reach
    };
    let mut repeated = Vec::with_capacity(sorted.len());
    let mut seen = HashSet::new();
    for group in sorted.chunk_by(near) {
        seen.clear();
        for (at, row) in group.iter().enumerate() {
            repeated.push(match chain {
                Chain::First => at > 0,
                Chain::Last => at + 1 < group.len(),
                Chain::Alike => group.len() > 1 && !seen.insert(row.kind),
            });
        }
    }
    repeated
}
