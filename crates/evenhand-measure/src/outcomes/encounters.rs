//! Encounters by area and month.
//!
//! Definition: encounters as counted in `encounter_counts`, at the event date. Source: `encounter_counts`.
//! Known failures: an encounter is a contact on record, most of them in a jail; it is not an arrest.

use super::{Cells, FigureTable, Months};
use crate::Error;
use crate::columns::{Text, days, numbers};
use arrow::array::RecordBatch;
use evenhand_vocab::{Aor, Month};

/// Name of the table.
pub const MONTH: &str = "figures_encounters_month";

#[derive(Debug, Default)]
pub(super) struct Counter {
    month: Cells<(Option<Aor>, Month)>,
}

impl Counter {
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let area = Text::new(batch, "responsible_aor")?;
        let areas = area.map(|text| text.parse::<Aor>().ok());
        let date = days(batch, "event_date")?;
        let encounters = numbers(batch, "encounters")?;
        let mut months = Months::default();
        for row in 0..batch.num_rows() {
            let aor = area.code(row).and_then(|code| areas[code]);
            self.month.add((aor, months.of(date.value(row))), encounters.value(row));
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.month.merge(other.month);
    }

    pub(super) fn finish(self, release: &str) -> Result<Option<FigureTable>, Error> {
        super::by_area_and_month(MONTH, "encounters", release, self.month)
    }
}
