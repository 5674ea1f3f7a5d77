//! Repeated detainers, encounters and removals.

use crate::intern::NONE;

/// The day of a row that has none.
pub const NO_DAY: i32 = i32::MIN;

/// One row of an event table; 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The person, dense.
    pub person: u32,
    /// The day since 1970.
    pub day: i32,
    /// The sheet, numbered in plan order.
    pub sheet: u16,
    /// The row in the sheet.
    pub row: u32,
    /// What must be equal besides the person: type and facility of a detainer.
    pub same: [u32; 2],
}

impl Event {
    fn unknown(&self) -> bool {
        self.person == NONE || self.day == NO_DAY
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

/// Which rows of a sorted list are repeats of a kept one.
pub fn repeated(sorted: &[Event], chain: Chain) -> Vec<bool> {
    let reach = i64::from(chain == Chain::Alike);
    let near = |a: &Event, b: &Event| {
        a.person == b.person && !a.unknown() && !b.unknown() && i64::from(b.day) - i64::from(a.day) <= reach
    };
    let mut repeated = Vec::with_capacity(sorted.len());
    for group in sorted.chunk_by(near) {
        for (at, row) in group.iter().enumerate() {
            repeated.push(match chain {
                Chain::First => at > 0,
                Chain::Last => at + 1 < group.len(),
                Chain::Alike => group[..at].iter().any(|before| before.same == row.same),
            });
        }
    }
    repeated
}
