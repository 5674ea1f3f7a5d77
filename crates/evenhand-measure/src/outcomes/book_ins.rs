//! Book-ins to detention by area, month and method of the arrest before them.
//!
//! Definition: rows of `book_ins`, at the book-in date. Source: `book_ins` (Seattle area only so far).

use super::{Cells, FigureTable, Months};
use crate::Error;
use crate::columns::{Text, days};
use arrow::array::RecordBatch;
use evenhand_vocab::{Aor, MethodGroup, Month};

/// Name of the table.
pub const MONTH: &str = "figures_book_ins_month";

#[derive(Debug, Default)]
pub(super) struct Counter {
    home: Option<Aor>,
    month: Cells<(Month, MethodGroup)>,
}

impl Counter {
    pub(super) fn new(home: Option<Aor>) -> Self {
        Self { home, ..Self::default() }
    }

    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let date = days(batch, "book_in_date")?;
        let method = Text::new(batch, "apprehension_method")?;
        let groups = method.map(MethodGroup::of);
        let mut months = Months::default();
        for row in 0..batch.num_rows() {
            let group = method.code(row).map_or(MethodGroup::Other, |code| groups[code]);
            self.month.add((months.of(date.value(row)), group), 1);
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.home = self.home.or(other.home);
        self.month.merge(other.month);
    }

    pub(super) fn finish(self, release: &str) -> Result<Option<FigureTable>, Error> {
        FigureTable::of(MONTH, "book_ins", release, &self.month.sorted(), |builder, keys| {
            builder
                .coded("aor", keys().map(|_| self.home), Aor::code)
                .days("month", keys().map(|(month, _)| month.first_days()))
                .coded("method_group", keys().map(|(_, group)| Some(*group)), MethodGroup::word)
        })
    }
}
