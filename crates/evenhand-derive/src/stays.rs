//! Stints in detention into stays.

use crate::person::{NOBODY, Person};
use crate::read::NO_TIME;
use crate::runs::{Fields, Numbers, Row, renumbered};
use hashbrown::{HashMap, HashSet};

/// One stint: a person in one facility from book-in to book-out; 72 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stint {
    /// The person.
    pub person: Person,
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
    /// Its bond.
    pub bond: Bond,
    /// The day on which bond was posted, [`NO_DAY`](crate::read::NO_DAY) without.
    pub posted: i32,
    /// The day of departure, [`NO_DAY`](crate::read::NO_DAY) without.
    pub departed: i32,
    /// Everything but the bond, fingerprinted.
    pub print: u64,
}

impl Row for Stint {
    const BYTES: usize = 70;

    fn person(&self) -> Person {
        self.person
    }

    fn put(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.person.to_bytes());
        for time in [self.stay, self.book_in, self.book_out, self.posted, self.departed] {
            into.extend_from_slice(&time.to_le_bytes());
        }
        into.extend_from_slice(&self.sheet.to_le_bytes());
        into.extend_from_slice(&self.row.to_le_bytes());
        into.extend_from_slice(&self.facility.to_le_bytes());
        into.extend_from_slice(&self.bond.0.to_le_bytes());
        into.extend_from_slice(&self.print.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Stint {
        let mut fields = Fields(bytes);
        let person = Person::from_bytes(fields.take());
        let [stay, book_in, book_out, posted, departed] = [(); 5].map(|()| fields.signed());
        Stint {
            person,
            stay,
            book_in,
            book_out,
            posted,
            departed,
            sheet: fields.short(),
            row: fields.word(),
            facility: fields.word(),
            bond: Bond(fields.long()),
            print: fields.long(),
        }
    }

    fn renumbered(self, numbers: &Numbers) -> Stint {
        Stint {
            sheet: numbers.sheet(self.sheet),
            facility: renumbered(&numbers.codes, self.facility),
            ..self
        }
    }
}

/// An amount of money, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bond(u64);

impl Bond {
    /// The bits of the amount; without one those of no number.
    pub fn of(amount: Option<f64>) -> Bond {
        Bond(amount.unwrap_or(f64::NAN).to_bits())
    }

    /// The amount.
    pub fn amount(self) -> Option<f64> {
        Some(f64::from_bits(self.0)).filter(|amount| !amount.is_nan())
    }
}

impl Stint {
    /// Without id or without the stay's book-in no stay can be told.
    pub fn unknown(&self) -> bool {
        self.person == NOBODY || self.stay == NO_TIME
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
pub fn drop_bond_repeats(sorted: &mut Vec<Stint>, aside: &mut Vec<Place>) {
    let stint = |a: &Stint, b: &Stint| a.same_stay(b) && a.book_in == b.book_in;
    let mut dropped = vec![false; sorted.len()];
    let mut seen = HashMap::new();
    let mut start = 0;
    for group in sorted.chunk_by_mut(stint) {
        if group.len() > 1 {
            seen.clear();
            for at in 0..group.len() {
                let row = group[at];
                let kept = *seen.entry((row.print, row.facility)).or_insert(at);
                if kept < at {
                    dropped[start + at] = true;
                    let kept = &mut group[kept];
                    let amount = |bond: Bond| bond.amount().unwrap_or(f64::INFINITY);
                    if amount(row.bond) < amount(kept.bond) {
                        kept.bond = row.bond;
                    }
                    kept.posted = kept.posted.min(row.posted);
                }
            }
        }
        start += group.len();
    }
    drop_marked(sorted, &dropped, aside);
}

/// Drops all but the last row of one person, facility, day and stay.
pub fn drop_day_repeats(sorted: &mut Vec<Stint>, aside: &mut Vec<Place>) {
    let mut dropped = vec![false; sorted.len()];
    let mut seen = HashSet::new();
    let mut start = 0;
    for day in sorted.chunk_by(|a, b| a.same_stay(b) && a.day() == b.day()) {
        if day.len() > 1 {
            seen.clear();
            for (at, row) in day.iter().enumerate().rev() {
                dropped[start + at] = !seen.insert(row.facility);
            }
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
    /// The first stint.
    pub fn first(&self) -> &Stint {
        &self.stints[0]
    }

    /// The last stint.
    pub fn last(&self) -> &Stint {
        &self.stints[self.stints.len() - 1]
    }

    /// The stint in which most time passed; open ones end at `end`, of equally long ones the last.
    pub fn longest(&self, end: i32) -> &Stint {
        let out = |stint: &Stint| if stint.book_out == NO_TIME { end } else { stint.book_out };
        let length = |stint: &&Stint| i64::from(out(stint)) - i64::from(stint.book_in);
        self.stints.iter().max_by_key(length).unwrap_or(&self.stints[0])
    }

    /// The lowest bond of any stint.
    pub fn lowest_bond(&self) -> Option<f64> {
        self.stints.iter().filter_map(|stint| stint.bond.amount()).reduce(f64::min)
    }

    /// The book-out of the last stint; none while the stay is open.
    pub fn book_out(&self) -> i32 {
        self.last().book_out
    }
}
