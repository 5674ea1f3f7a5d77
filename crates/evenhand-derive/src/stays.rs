//! Stints in detention into stays.

use crate::intern::NONE;
use crate::read::NO_TIME;

/// One stint: a person in one facility from book-in to book-out; 44 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stint {
    /// The person, dense.
    pub person: u32,
    /// Book-in of the stay, seconds since 2000.
    pub stay: i32,
    /// Book-in of the stint.
    pub book_in: i32,
    /// The sheet, numbered in plan order.
    pub sheet: u16,
    /// The row in the sheet.
    pub row: u32,
    /// The facility's code, interned.
    pub facility: u32,
    /// Book-out of the stint; none while it is open.
    pub book_out: i32,
    /// The amount of the bond, interned; none without.
    pub bond: u32,
    /// The day the bond was posted; [`crate::read::NO_DAY`] without.
    pub bond_day: i32,
    /// Everything but the bond, fingerprinted.
    pub print: [u32; 2],
}

impl Stint {
    /// Without id or without the stay's book-in no stay can be told.
    pub fn unknown(&self) -> bool {
        self.person == NONE || self.stay == NO_TIME
    }

    fn day(&self) -> i32 {
        self.book_in.div_euclid(86_400)
    }

    /// Whether both are stints of one stay.
    pub fn same_stay(&self, other: &Stint) -> bool {
        !self.unknown() && self.person == other.person && self.stay == other.stay
    }
}

/// Where a row that was set aside had been read.
pub type Place = (u16, u32);

/// Drops rows of a sorted list that equal an earlier one in everything but the bond; the one kept gets the lowest
/// bond and the earliest day of a posting of the stint.
pub fn drop_bond_repeats(sorted: &mut Vec<Stint>, bonds: &[f64], aside: &mut Vec<Place>) {
    let stint = |a: &Stint, b: &Stint| a.same_stay(b) && a.book_in == b.book_in;
    let amount = |bond: u32| bonds.get(bond as usize).copied().unwrap_or(f64::INFINITY);
    let mut dropped = vec![false; sorted.len()];
    let mut start = 0;
    for group in sorted.chunk_by_mut(stint) {
        for at in 1..group.len() {
            let (before, rest) = group.split_at_mut(at);
            let row = rest[0];
            let equal = |kept: &&mut Stint| kept.print == row.print && kept.facility == row.facility;
            let Some(kept) = before.iter_mut().find(equal) else { continue };
            if amount(row.bond) < amount(kept.bond) {
                kept.bond = row.bond;
            }
            kept.bond_day = kept.bond_day.min(row.bond_day);
            dropped[start + at] = true;
        }
        start += group.len();
    }
    drop_marked(sorted, &dropped, aside);
}

/// Drops all but the last row of one person, facility, day and stay.
pub fn drop_day_repeats(sorted: &mut Vec<Stint>, aside: &mut Vec<Place>) {
    let mut dropped = vec![false; sorted.len()];
    let mut start = 0;
    for day in sorted.chunk_by(|a, b| a.same_stay(b) && a.day() == b.day()) {
        for (at, row) in day.iter().enumerate() {
            dropped[start + at] = day[at + 1..].iter().any(|later| later.facility == row.facility);
        }
        start += day.len();
    }
    drop_marked(sorted, &dropped, aside);
}

fn drop_marked(rows: &mut Vec<Stint>, dropped: &[bool], aside: &mut Vec<Place>) {
    let mut marks = dropped.iter();
    rows.retain(|row| {
        let drop = marks.next().is_some_and(|drop| *drop);
        if drop {
            aside.push((row.sheet, row.row));
        }
        !drop
    });
}

/// One stay, summed up from its stints in order.
#[derive(Debug, Clone, Copy)]
pub struct Stay<'a> {
    /// Its stints, never none.
    pub stints: &'a [Stint],
}

impl Stay<'_> {
    /// The stint in which most time passed; open ones end at `end`, of equally long ones the last.
    pub fn longest(&self, end: i32) -> &Stint {
        let out = |stint: &Stint| if stint.book_out == NO_TIME { end } else { stint.book_out };
        let length = |stint: &&Stint| i64::from(out(stint)) - i64::from(stint.book_in);
        self.stints.iter().max_by_key(length).unwrap_or(&self.stints[0])
    }

    /// The lowest bond of any stint.
    pub fn lowest_bond(&self, bonds: &[f64]) -> Option<f64> {
        let amounts = self.stints.iter().filter_map(|stint| bonds.get(stint.bond as usize).copied());
        amounts.reduce(f64::min)
    }

    /// The book-out of the last stint; none while the stay is open.
    pub fn book_out(&self) -> i32 {
        self.stints[self.stints.len() - 1].book_out
    }
}
