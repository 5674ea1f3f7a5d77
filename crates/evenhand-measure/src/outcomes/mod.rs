//! What is counted, one file for each outcome: definition, table, counting, reading back.
//!
//! A [`Counter`] takes batches of rows in any order and from several files; counts add up, so the result
//! does not depend on how the files were split over threads.

pub mod arrests;
pub mod book_ins;
pub mod detainers;
pub mod encounters;
pub mod removals;

mod cells;

pub(crate) use cells::{Cells, Mix};

use crate::Error;
use crate::columns::{Builder, Text, days, numbers};
use arrow::array::RecordBatch;
use evenhand_ledger::Step;
use evenhand_vocab::{Aor, Month};

/// Counts figures of one release while its rows stream by.
#[derive(Debug, Default)]
pub struct Counter {
    release: String,
    arrests: arrests::Counter,
    detainers: detainers::Counter,
    removals: removals::Counter,
    encounters: encounters::Counter,
    book_ins: book_ins::Counter,
}

/// One table of figures, ready to be written.
#[derive(Debug, Clone)]
pub struct FigureTable {
    /// Name of the table, `figures_arrests_week`.
    pub name: &'static str,
    /// All its rows, sorted.
    pub batch: RecordBatch,
}

/// Figures of one release, and the steps that made them.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Tables that have rows.
    pub tables: Vec<FigureTable>,
    /// What each step kept and set aside.
    pub steps: Vec<Step>,
}

impl Counter {
    /// A counter for one release.
    #[must_use]
    pub fn new(release: &str) -> Self {
        let home = home_area(release);
        Self {
            release: release.to_owned(),
            arrests: arrests::Counter::new(home),
            removals: removals::Counter::new(home),
            book_ins: book_ins::Counter::new(home),
            ..Self::default()
        }
    }

    /// Counts the rows of one batch of `table`; tables that no outcome is built on are passed over.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Column`] when the batch lacks a column of the table's format.
    pub fn take(&mut self, table: &str, batch: &RecordBatch) -> Result<(), Error> {
        match table {
            "arrests" => self.arrests.take(batch),
            "detainers" => self.detainers.take(batch),
            "removals" => self.removals.take(batch),
            "encounter_counts" => self.encounters.take(batch),
            "book_ins" => self.book_ins.take(batch),
            _ => Ok(()),
        }
    }

    /// Adds the counts of another file of the same release.
    pub fn merge(&mut self, other: Counter) {
        self.arrests.merge(other.arrests);
        self.detainers.merge(other.detainers);
        self.removals.merge(other.removals);
        self.encounters.merge(other.encounters);
        self.book_ins.merge(other.book_ins);
    }

    /// The figures, sorted, with the ledger of the steps that made them.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Column`] when columns of unequal length meet, which would be a bug.
    pub fn finish(self) -> Result<Finished, Error> {
        let steps = [self.arrests.step(), self.detainers.step()].into_iter().flatten().collect();
        let mut tables = Vec::new();
        let (arrests, detainers) =
            rayon::join(|| self.arrests.finish(&self.release), || self.detainers.finish(&self.release));
        tables.extend(arrests?);
        tables.extend(detainers?);
        tables.extend(self.removals.finish(&self.release)?);
        tables.extend(self.encounters.finish(&self.release)?);
        tables.extend(self.book_ins.finish(&self.release)?);
        Ok(Finished { tables, steps })
    }
}

/// Months of days. Rows come by date: a day is mostly that of the row before.
#[derive(Debug, Default)]
struct Months(Option<(i32, Month)>);

impl Months {
    #[inline]
    fn of(&mut self, day: i32) -> Month {
        match self.0 {
            Some((last, month)) if last == day => month,
            _ => self.0.insert((day, Month::from_days(day))).1,
        }
    }
}

/// The area that a release of one office alone is about; its sheets do not repeat it in every row.
fn home_area(release: &str) -> Option<Aor> {
    if release == crate::served::SEATTLE { "SEA".parse().ok() } else { None }
}

/// Area, if the release gives one, and month.
pub(crate) type AreaMonth = (Option<Aor>, Month);

impl FigureTable {
    /// A table of sorted cells, none without any: the release, what `columns` makes of the keys, and the counts.
    fn of<'a, K>(
        name: &'static str,
        count: &str,
        release: &str,
        cells: &'a [(K, u32)],
        columns: impl FnOnce(Builder, &dyn Fn() -> Keys<'a, K>) -> Builder,
    ) -> Result<Option<FigureTable>, Error> {
        if cells.is_empty() {
            return Ok(None);
        }
        let builder = Builder::default().same("release", release, cells.len());
        let builder = columns(builder, &|| Keys(cells.iter()));
        let batch = builder.numbers(count, cells.iter().map(|(_, count)| *count)).finish()?;
        Ok(Some(FigureTable { name, batch }))
    }
}

/// The keys of cells.
struct Keys<'a, K>(std::slice::Iter<'a, (K, u32)>);

impl<'a, K> Iterator for Keys<'a, K> {
    type Item = &'a K;

    fn next(&mut self) -> Option<&'a K> {
        self.0.next().map(|(key, _)| key)
    }
}

/// A table of counts by area and month, the shape that several outcomes share.
fn by_area_and_month(
    name: &'static str,
    count: &str,
    release: &str,
    cells: Cells<AreaMonth>,
) -> Result<Option<FigureTable>, Error> {
    FigureTable::of(name, count, release, &cells.sorted(), |builder, keys| {
        builder
            .coded("aor", keys().map(|(aor, _)| *aor), Aor::code)
            .days("month", keys().map(|(_, month)| month.first_days()))
    })
}

pub(crate) fn read_area_month(batch: &RecordBatch, count: &str) -> Result<Vec<(AreaMonth, u32)>, Error> {
    let area = Text::new(batch, "aor")?;
    let areas = area.map(|text| text.parse().ok());
    let month = days(batch, "month")?;
    let counts = numbers(batch, count)?;
    let key = |row| (area.code(row).and_then(|code| areas[code]), Month::from_days(month.value(row)));
    Ok((0..batch.num_rows()).map(|row| (key(row), counts.value(row))).collect())
}
