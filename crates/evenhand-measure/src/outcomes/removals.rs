//! Removals by area and month of removal.
//!
//! Definition: rows of `removals`, at the removal date, else the date of departure. Source: `removals`.
//! Known failures: the area is that of the docket, not of the arrest.

use super::{Cells, FigureTable, Months};
use crate::Error;
use crate::columns::{Text, days, has};
use arrow::array::{Array, RecordBatch};
use evenhand_vocab::{Aor, Month};

/// Name of the table.
pub const MONTH: &str = "figures_removals_month";

#[derive(Debug, Default)]
pub(super) struct Counter {
    home: Option<Aor>,
    month: Cells<(Option<Aor>, Month)>,
}

impl Counter {
    pub(super) fn new(home: Option<Aor>) -> Self {
        Self { home, ..Self::default() }
    }

    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let area = Text::new(batch, "docket_aor")?;
        let areas = area.map(|text| text.parse::<Aor>().ok());
        let removed = has(batch, "removal_date").then(|| days(batch, "removal_date")).transpose()?;
        let departed = days(batch, "departed_date")?;
        let mut months = Months::default();
        for row in 0..batch.num_rows() {
            let day = match &removed {
                Some(removed) if removed.is_valid(row) => removed.value(row),
                _ => departed.value(row),
            };
            let aor = area.code(row).and_then(|code| areas[code]).or(self.home);
            self.month.add((aor, months.of(day)), 1);
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.home = self.home.or(other.home);
        self.month.merge(other.month);
    }

    pub(super) fn finish(self, release: &str) -> Result<Option<FigureTable>, Error> {
        super::by_area_and_month(MONTH, "removals", release, self.month)
    }
}
