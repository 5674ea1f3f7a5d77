//! ERO administrative arrests by area and week, and by county and month.
//!
//! Definition: rows of `arrests`, one row one arrest event; releases without a person identifier cannot be
//! cleaned of duplicates, so a person arrested twice counts twice. Source: `arrests`. Settings are those of
//! [`evenhand_vocab::arrest_setting`]. Known failures: a landmark is not a place of arrest and often names
//! an office, so every county figure carries its [`PlaceQuality`]; `Operation` is withheld in most releases,
//! and `operation_named` says only that one was named.

use super::{Cells, FigureTable, Mix, Months};
use crate::Error;
use crate::columns::{Text, days, flags, has, numbers};
use arrow::array::RecordBatch;
use evenhand_ledger::{Step, Tally};
use evenhand_places::Places;
use evenhand_vocab::{Aor, CountyFips, FiscalYear, MethodGroup, Month, PlaceQuality, Week};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// Name of the table by area and week.
pub const WEEK: &str = "figures_arrests_week";
/// Name of the table by county and month.
pub const MONTH: &str = "figures_arrests_month";
/// Name of the table by fiscal year and recorded conviction (releases that record one).
pub const RECORD: &str = "figures_arrests_record";

/// Key of [`WEEK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeekKey {
    /// Area, if the release gives one.
    pub aor: Option<Aor>,
    /// Week of the arrest.
    pub week: Week,
    /// Group of the apprehension method.
    pub group: MethodGroup,
    /// Whether an operation was named.
    pub operation_named: bool,
}

/// Key of [`MONTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthKey {
    /// Area, if the release gives one.
    pub aor: Option<Aor>,
    /// Month of the arrest.
    pub month: Month,
    /// County that the landmark was matched to.
    pub county: Option<CountyFips>,
    /// How.
    pub quality: PlaceQuality,
    /// Group of the apprehension method.
    pub group: MethodGroup,
    /// Whether an operation was named.
    pub operation_named: bool,
}

/// Key of [`RECORD`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// Area.
    pub aor: Option<Aor>,
    /// Fiscal year of the arrest.
    pub fiscal_year: FiscalYear,
    /// Group of the apprehension method.
    pub group: MethodGroup,
    /// Whether a most serious conviction is recorded.
    pub recorded: bool,
}

/// County and quality of a landmark.
type Placed = (Option<CountyFips>, PlaceQuality);

#[derive(Debug, Default)]
pub(super) struct Counter {
    home: Option<Aor>,
    week: Cells<WeekKey>,
    month: Cells<MonthKey>,
    record: Cells<RecordKey>,
    places: HashMap<(Option<Aor>, String), Placed>,
}

impl Counter {
    pub(super) fn new(home: Option<Aor>) -> Self {
        Self { home, ..Self::default() }
    }

    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let date = days(batch, "apprehension_date")?;
        let area = Text::new(batch, "apprehension_aor")?;
        let areas = area.map(|text| text.parse::<Aor>().ok());
        let method = Text::new(batch, "apprehension_method")?;
        let groups = method.map(MethodGroup::of);
        let landmark = Text::new(batch, "apprehension_site_landmark")?;
        let operation = Text::new(batch, "operation")?;
        let record = match self.home {
            Some(_) if has(batch, "criminal_record") => Some(Text::new(batch, "criminal_record")?),
            _ => None,
        };
        // Distinct pairs of area and landmark are few; each is looked up once a batch.
        let mut placed: HashMap<(Option<Aor>, Option<usize>), Placed, BuildHasherDefault<Mix>> =
            HashMap::default();
        let mut months = Months::default();
        for row in 0..batch.num_rows() {
            let day = date.value(row);
            let aor = area.code(row).and_then(|code| areas[code]).or(self.home);
            let group = method.code(row).map_or(MethodGroup::Other, |code| groups[code]);
            let operation_named = operation.code(row).is_some();
            let month = months.of(day);
            let code = landmark.code(row);
            let (county, quality) = *placed
                .entry((aor, code))
                .or_insert_with(|| self.place(aor, code.map_or("", |code| landmark.value(code))));
            self.week.add(WeekKey { aor, week: Week::from_days(day), group, operation_named }, 1);
            self.month.add(MonthKey { aor, month, county, quality, group, operation_named }, 1);
            if let Some(record) = &record {
                let recorded = record.code(row).is_some();
                self.record.add(RecordKey { aor, fiscal_year: FiscalYear::of(month), group, recorded }, 1);
            }
        }
        Ok(())
    }

    fn place(&mut self, aor: Option<Aor>, landmark: &str) -> Placed {
        let place = || Places::builtin().landmark_county(aor, landmark);
        *self.places.entry((aor, landmark.to_owned())).or_insert_with(place)
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.home = self.home.or(other.home);
        rayon::join(|| self.week.merge(other.week), || self.month.merge(other.month));
        self.record.merge(other.record);
    }

    pub(super) fn step(&self) -> Option<Step> {
        placing("arrests", self.month.iter().map(|(key, count)| (key.quality, count)))
    }

    pub(super) fn finish(self, release: &str) -> Result<Vec<FigureTable>, Error> {
        let (week, month) =
            rayon::join(|| week_table(self.week, release), || month_table(self.month, release));
        let record = record_table(self.record, release);
        [week, month, record].into_iter().filter_map(Result::transpose).collect()
    }
}

fn week_table(cells: Cells<WeekKey>, release: &str) -> Result<Option<FigureTable>, Error> {
    FigureTable::of(WEEK, "arrests", release, &cells.sorted(), |builder, keys| {
        builder
            .coded("aor", keys().map(|key| key.aor), Aor::code)
            .days("week", keys().map(|key| key.week.monday_days()))
            .coded("method_group", keys().map(|key| Some(key.group)), MethodGroup::word)
            .flags("operation_named", keys().map(|key| key.operation_named))
    })
}

fn month_table(cells: Cells<MonthKey>, release: &str) -> Result<Option<FigureTable>, Error> {
    FigureTable::of(MONTH, "arrests", release, &cells.sorted(), |builder, keys| {
        builder
            .coded("aor", keys().map(|key| key.aor), Aor::code)
            .days("month", keys().map(|key| key.month.first_days()))
            .coded("county_fips", keys().map(|key| key.county), |county| county.to_string())
            .coded("place_quality", keys().map(|key| Some(key.quality)), PlaceQuality::word)
            .coded("method_group", keys().map(|key| Some(key.group)), MethodGroup::word)
            .flags("operation_named", keys().map(|key| key.operation_named))
    })
}

fn record_table(cells: Cells<RecordKey>, release: &str) -> Result<Option<FigureTable>, Error> {
    FigureTable::of(RECORD, "arrests", release, &cells.sorted(), |builder, keys| {
        builder
            .coded("aor", keys().map(|key| key.aor), Aor::code)
            .numbers("fiscal_year", keys().map(|key| u32::from(key.fiscal_year.0.unsigned_abs())))
            .coded("method_group", keys().map(|key| Some(key.group)), MethodGroup::word)
            .flags("conviction_recorded", keys().map(|key| key.recorded))
    })
}

/// The ledger line of placing rows in counties: located rows are kept for county figures, the others are
/// set aside from them by quality (they stay in the figures of their area).
pub(super) fn placing(table: &str, rows: impl Iterator<Item = (PlaceQuality, u32)>) -> Option<Step> {
    let mut tally = Tally::default();
    for (quality, count) in rows {
        if quality.is_located() {
            tally.keep(u64::from(count));
        } else {
            tally.set_aside(quality.word(), u64::from(count));
        }
    }
    (tally.rows_read > 0).then(|| Step { name: "place in counties".into(), table: table.into(), tally })
}

pub(crate) fn read_week(batch: &RecordBatch) -> Result<Vec<(WeekKey, u32)>, Error> {
    let area = Text::new(batch, "aor")?;
    let areas = area.map(|text| text.parse().ok());
    let week = days(batch, "week")?;
    let group = Text::new(batch, "method_group")?;
    let groups = group.map(|text| text.parse().unwrap_or(MethodGroup::Other));
    let operation = flags(batch, "operation_named")?;
    let arrests = numbers(batch, "arrests")?;
    let key = |row| WeekKey {
        aor: area.code(row).and_then(|code| areas[code]),
        week: Week::from_days(week.value(row)),
        group: group.code(row).map_or(MethodGroup::Other, |code| groups[code]),
        operation_named: operation.value(row),
    };
    Ok((0..batch.num_rows()).map(|row| (key(row), arrests.value(row))).collect())
}

pub(crate) fn read_month(batch: &RecordBatch) -> Result<Vec<(MonthKey, u32)>, Error> {
    let area = Text::new(batch, "aor")?;
    let areas = area.map(|text| text.parse().ok());
    let month = days(batch, "month")?;
    let county = Text::new(batch, "county_fips")?;
    let counties = county.map(|text| text.parse().ok());
    let quality = Text::new(batch, "place_quality")?;
    let qualities = quality.map(|text| text.parse().unwrap_or(PlaceQuality::Unplaced));
    let group = Text::new(batch, "method_group")?;
    let groups = group.map(|text| text.parse().unwrap_or(MethodGroup::Other));
    let operation = flags(batch, "operation_named")?;
    let arrests = numbers(batch, "arrests")?;
    let key = |row| MonthKey {
        aor: area.code(row).and_then(|code| areas[code]),
        month: Month::from_days(month.value(row)),
        county: county.code(row).and_then(|code| counties[code]),
        quality: quality.code(row).map_or(PlaceQuality::Unplaced, |code| qualities[code]),
        group: group.code(row).map_or(MethodGroup::Other, |code| groups[code]),
        operation_named: operation.value(row),
    };
    Ok((0..batch.num_rows()).map(|row| (key(row), arrests.value(row))).collect())
}

pub(crate) fn read_record(batch: &RecordBatch) -> Result<Vec<(RecordKey, u32)>, Error> {
    let area = Text::new(batch, "aor")?;
    let year = numbers(batch, "fiscal_year")?;
    let group = Text::new(batch, "method_group")?;
    let recorded = flags(batch, "conviction_recorded")?;
    let arrests = numbers(batch, "arrests")?;
    let key = |row| RecordKey {
        aor: area.at(row).and_then(|text| text.parse().ok()),
        fiscal_year: FiscalYear(i16::try_from(year.value(row)).unwrap_or(0)),
        group: group.at(row).and_then(|text| text.parse().ok()).unwrap_or(MethodGroup::Other),
        recorded: recorded.value(row),
    };
    Ok((0..batch.num_rows()).map(|row| (key(row), arrests.value(row))).collect())
}
