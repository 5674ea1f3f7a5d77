//! Stints in detention into stays.

use crate::Error;
use crate::intern::NONE;
use crate::read::{NO_DAY, NO_TIME};
use crate::tuples::Tuples;
use std::collections::{HashMap, HashSet};

/// One stint: a person in one facility from book-in to book-out; 40 bytes.
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
    /// The number of its bond and departure.
    pub terms: u32,
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

/// What few stints have and many share: bond, the day it was posted, the day of departure.
#[derive(Debug, Default)]
pub struct Terms {
    amounts: Vec<f64>,
    numbers: HashMap<u64, u32>,
    /// Number of the amount, day of posting, day of departure; [`NONE`] and [`NO_DAY`] without.
    tuples: Tuples<3>,
}

impl Terms {
    /// The number of these terms.
    pub fn number(
        &mut self,
        bond: Option<f64>,
        posted: Option<i32>,
        departed: Option<i32>,
    ) -> Result<u32, Error> {
        let bond = bond.map_or(NONE, |amount| self.amount(amount));
        let day = |day: Option<i32>| day.unwrap_or(NO_DAY).cast_unsigned();
        self.tuples.number([bond, day(posted), day(departed)])
    }

    fn amount(&mut self, amount: f64) -> u32 {
        let next = self.amounts.len() as u32;
        *self.numbers.entry(amount.to_bits()).or_insert_with(|| {
            self.amounts.push(amount);
            next
        })
    }

    /// The numbers that the terms of `other` have here.
    pub fn merge(&mut self, other: &Terms) -> Result<Vec<u32>, Error> {
        let amounts = other.amounts.iter().map(|amount| self.amount(*amount)).collect::<Vec<_>>();
        let bond = |number: u32| amounts.get(number as usize).copied().unwrap_or(NONE);
        self.tuples.merge(&other.tuples, |[amount, posted, departed]| [bond(amount), posted, departed])
    }

    /// The amount of the bond.
    pub fn bond(&self, terms: u32) -> Option<f64> {
        self.amounts.get(self.tuples.list()[terms as usize][0] as usize).copied()
    }

    /// The day of departure, [`NO_DAY`] without.
    pub fn departed(&self, terms: u32) -> i32 {
        self.tuples.list()[terms as usize][2].cast_signed()
    }

    /// The lower bond and the earlier day of posting of two, with the departure of the first.
    fn lower(&mut self, one: u32, two: u32) -> Result<u32, Error> {
        let [a, b] = [one, two].map(|terms| self.tuples.list()[terms as usize]);
        let amount = |terms: u32| self.bond(terms).unwrap_or(f64::INFINITY);
        let bond = if amount(two) < amount(one) { b[0] } else { a[0] };
        let posted = a[1].cast_signed().min(b[1].cast_signed());
        self.tuples.number([bond, posted.cast_unsigned(), a[2]])
    }
}

/// Drops rows of a sorted list that equal an earlier one in everything but the bond; the one kept gets the lowest
/// bond and the earliest day of a posting of the stint.
pub fn drop_bond_repeats(
    sorted: &mut Vec<Stint>,
    terms: &mut Terms,
    aside: &mut Vec<Place>,
) -> Result<(), Error> {
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
                    group[kept].terms = terms.lower(group[kept].terms, row.terms)?;
                    dropped[start + at] = true;
                }
            }
        }
        start += group.len();
    }
    drop_marked(sorted, &dropped, aside);
    Ok(())
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
    /// The stint in which most time passed; open ones end at `end`, of equally long ones the last.
    pub fn longest(&self, end: i32) -> &Stint {
        let out = |stint: &Stint| if stint.book_out == NO_TIME { end } else { stint.book_out };
        let length = |stint: &&Stint| i64::from(out(stint)) - i64::from(stint.book_in);
        self.stints.iter().max_by_key(length).unwrap_or(&self.stints[0])
    }

    /// The lowest bond of any stint.
    pub fn lowest_bond(&self, terms: &Terms) -> Option<f64> {
        self.stints.iter().filter_map(|stint| terms.bond(stint.terms)).reduce(f64::min)
    }

    /// The book-out of the last stint; none while the stay is open.
    pub fn book_out(&self) -> i32 {
        self.stints[self.stints.len() - 1].book_out
    }
}
