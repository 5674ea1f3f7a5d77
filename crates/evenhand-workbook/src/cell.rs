//! One row and its cells, borrowed from the bytes that they were read from.

use crate::date::{self, Format};
use crate::strings::Strings;

/// The value of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Blank,
    /// A number that is no date.
    Number(f64),
    /// Text, shared, inline or of a formula.
    Text(&'a str),
    /// A truth value.
    Bool(bool),
    /// An error of the spreadsheet, `#REF!`.
    Error(&'a str),
    /// A number that its format makes a date, or a date in ISO form.
    Date {
        /// Days from 1970-01-01.
        day: i32,
        /// Second of the day.
        second: u32,
    },
    /// A formula whose result is not in the file.
    NoValue,
}

/// A cell as the scanner leaves it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Held {
    pub(crate) number: f64,
    /// Of the text in the row's bytes or in the scratch text; or the shared string.
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) column: u16,
    pub(crate) style: u16,
    pub(crate) kind: Kind,
    pub(crate) in_scratch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    Blank,
    Number,
    Shared,
    Text,
    Bool,
    Error,
    Iso,
    NoValue,
}

/// The cells of one row, in order, and where each column's stands among them.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    held: Vec<Held>,
    /// For each column the place of its cell. What an earlier row left here is of another column now, so that
    /// nothing needs to be cleared.
    places: Vec<u16>,
}

impl Cells {
    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }

    /// Adds a cell of a later column than all before.
    #[inline]
    pub(crate) fn push(&mut self, cell: Held) {
        // There are never more cells than the column's number.
        let place = self.held.len() as u16;
        let column = usize::from(cell.column);
        match self.places.get_mut(column) {
            Some(of_column) => *of_column = place,
            None => {
                self.places.resize(column, 0);
                self.places.push(place);
            }
        }
        self.held.push(cell);
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Held> {
        self.held.iter()
    }

    #[inline]
    fn of_column(&self, column: usize) -> Option<&Held> {
        let place = usize::from(*self.places.get(column)?);
        self.held.get(place).filter(|held| usize::from(held.column) == column)
    }
}

/// A row of a sheet.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub(crate) number: u32,
    pub(crate) cells: &'a Cells,
    pub(crate) bytes: &'a [u8],
    pub(crate) scratch: &'a str,
    pub(crate) strings: &'a Strings,
    pub(crate) formats: &'a [Format],
    pub(crate) is_1904: bool,
}

impl<'a> Row<'a> {
    /// Its number, counted from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Columns up to the last one that has a cell, blank or not.
    #[must_use]
    #[inline]
    pub fn width(&self) -> usize {
        self.cells.held.last().map_or(0, |cell| usize::from(cell.column) + 1)
    }

    /// Whether the row has no cells at all, not even blank ones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.held.is_empty()
    }

    /// The cell of a column, counted from 0.
    #[must_use]
    #[inline]
    pub fn cell(&self, column: usize) -> Cell<'a> {
        self.cells.of_column(column).map_or(Cell::Blank, |held| self.value(held))
    }

    /// The cells that the file has, with their columns.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = (usize, Cell<'a>)> + use<'a> {
        let row = *self;
        row.cells.held.iter().map(move |held| (usize::from(held.column), row.value(held)))
    }

    /// The position of the cell's text in the table of shared strings, if it is one of them: equal positions
    /// are equal texts.
    #[must_use]
    #[inline]
    pub fn shared(&self, column: usize) -> Option<u32> {
        self.cells.of_column(column).filter(|held| held.kind == Kind::Shared).map(|held| held.start)
    }

    /// A number as the file spells it.
    #[must_use]
    pub fn spelled(&self, column: usize) -> Option<&'a str> {
        self.cells.of_column(column).filter(|held| held.kind == Kind::Number).map(|held| self.text(held))
    }

    #[inline]
    fn value(&self, held: &Held) -> Cell<'a> {
        match held.kind {
            Kind::Blank => Cell::Blank,
            Kind::Shared => Cell::Text(self.strings.get(held.start).unwrap_or_default()),
            Kind::Number => match self.formats.get(usize::from(held.style)) {
                Some(Format::Date) => match date::moment(held.number, self.is_1904) {
                    Some((day, second)) => Cell::Date { day, second },
                    None => Cell::Number(held.number),
                },
                _ => Cell::Number(held.number),
            },
            Kind::Text => Cell::Text(self.text(held)),
            Kind::Bool => Cell::Bool(held.number > 0.0),
            Kind::Error => Cell::Error(self.text(held).trim_ascii()),
            Kind::Iso => match date::from_iso(self.text(held)) {
                Some((day, second)) => Cell::Date { day, second },
                None => Cell::Text(self.text(held)),
            },
            Kind::NoValue => Cell::NoValue,
        }
    }

    fn text(&self, held: &Held) -> &'a str {
        let range = held.start as usize..held.end as usize;
        if held.in_scratch {
            return self.scratch.get(range).unwrap_or_default();
        }
        // The row was found to be UTF-8 when it was read.
        self.bytes.get(range).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "row {} ", self.number)?;
        f.debug_map().entries(self.cells()).finish()
    }
}

/// A number as spreadsheets spell them; neither `inf` nor `nan`.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_column_has_the_cell_of_this_row(rows in prop::collection::vec(prop::collection::btree_set(0..90_u16, 0..40), 1..9)) {
            let mut cells = Cells::default();
            for (number, row) in (1..).zip(rows) {
                cells.clear();
                for &column in &row {
                    cells.push(Held { column, start: number, ..Held::default() });
                }
                for column in 0..100 {
                    let found = cells.of_column(usize::from(column)).map(|held| (held.column, held.start));
                    prop_assert_eq!(found, row.contains(&column).then_some((column, number)));
                }
            }
        }
    }
}
