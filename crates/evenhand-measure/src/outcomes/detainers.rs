//! Detainers by county, month and recorded outcome.
//!
//! Definition: rows of `detainers`, at the prepare date; the county is that of the facility asked to hold.
//! `declined` is what ICE recorded, at the date of issue, not of the refusal. Source: `detainers`.
//! Known failures: most lift reasons are blank; a detainer is not a person.

use super::{Cells, FigureTable, Months, arrests::placing};
use crate::Error;
use crate::columns::{Text, days, numbers};
use arrow::array::RecordBatch;
use evenhand_ledger::Step;
use evenhand_places::Places;
use evenhand_vocab::{CountyFips, DetainerOutcome, Month, PlaceQuality};
use std::collections::HashMap;

/// Name of the table.
pub const MONTH: &str = "figures_detainers_month";

/// Key of [`MONTH`] while it is counted; its order is that of the table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    state: Option<&'static str>,
    county: Option<CountyFips>,
    quality: PlaceQuality,
    month: Month,
    outcome: DetainerOutcome,
}

/// What is read back of a row of [`MONTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// County of the facility.
    pub(crate) county: Option<CountyFips>,
    /// Month of issue.
    pub(crate) month: Month,
    /// What ICE recorded.
    pub(crate) outcome: DetainerOutcome,
}

/// Distinct facility, city and state of a batch, by code.
type Facility = (Option<usize>, Option<usize>, Option<usize>);

#[derive(Debug, Default)]
pub(super) struct Counter {
    month: Cells<Key>,
}

impl Counter {
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let date = days(batch, "detainer_prepare_date")?;
        let facility = Text::new(batch, "detention_facility")?;
        let city = Text::new(batch, "facility_city")?;
        let state = Text::new(batch, "facility_state")?;
        let reason = Text::new(batch, "detainer_lift_reason")?;
        let outcomes = reason.map(DetainerOutcome::of);
        let mut placed: HashMap<Facility, _> = HashMap::new();
        let mut months = Months::default();
        for row in 0..batch.num_rows() {
            let place =
                *placed.entry((facility.code(row), city.code(row), state.code(row))).or_insert_with(|| {
                    let text = |column: &Text| column.at(row).unwrap_or_default().to_owned();
                    let place = Places::builtin().facility(&text(&facility), &text(&city), &text(&state));
                    (place.state, place.county, place.quality)
                });
            let outcome = reason.code(row).map_or(DetainerOutcome::NotRecorded, |code| outcomes[code]);
            let (state, county, quality) = place;
            let month = months.of(date.value(row));
            self.month.add(Key { state, county, quality, month, outcome }, 1);
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.month.merge(other.month);
    }

    pub(super) fn step(&self) -> Option<Step> {
        placing("detainers", self.month.iter().map(|(key, count)| (key.quality, count)))
    }

    pub(super) fn finish(self, release: &str) -> Result<Option<FigureTable>, Error> {
        FigureTable::of(MONTH, "detainers", release, &self.month.sorted(), |builder, keys| {
            builder
                .coded("state", keys().map(|key| key.state), |state| state)
                .coded("county_fips", keys().map(|key| key.county), |county| county.to_string())
                .coded("place_quality", keys().map(|key| Some(key.quality)), PlaceQuality::word)
                .days("month", keys().map(|key| key.month.first_days()))
                .coded("outcome", keys().map(|key| Some(key.outcome)), DetainerOutcome::word)
        })
    }
}

pub(crate) fn read(batch: &RecordBatch) -> Result<Vec<(Cell, u32)>, Error> {
    let county = Text::new(batch, "county_fips")?;
    let counties = county.map(|text| text.parse::<CountyFips>().ok());
    let outcome = Text::new(batch, "outcome")?;
    let outcomes = outcome.map(|text| {
        let known = DetainerOutcome::ALL.into_iter().find(|known| known.word() == text);
        known.unwrap_or(DetainerOutcome::NotRecorded)
    });
    let month = days(batch, "month")?;
    let detainers = numbers(batch, "detainers")?;
    let cell = |row| Cell {
        county: county.code(row).and_then(|code| counties[code]),
        month: Month::from_days(month.value(row)),
        outcome: outcome.code(row).map_or(DetainerOutcome::NotRecorded, |code| outcomes[code]),
    };
    Ok((0..batch.num_rows()).map(|row| (cell(row), detainers.value(row))).collect())
}
