use crate::counts::{Areas, Counts, Every, Outcome};
use crate::county::{AreaRest, CountyCounts, CountyUnit};
use crate::outcomes::arrests::{self, MonthKey, RecordKey, WeekKey};
use crate::outcomes::detainers;
use crate::outcomes::{AreaMonth, encounters, read_area_month, removals};
use crate::served::{self, Meets, Served};
use crate::transcribed::{self, Event, Published, Reading, Transcribed};
use crate::{Error, ErrorKind, builtin};
use arrow::array::RecordBatch;
use evenhand_ledger::Digest;
use evenhand_places::{Places, harmonised};
use evenhand_store::Record;
use evenhand_vocab::{Aor, CountyFips, Date, DetainerOutcome, Month, PlaceQuality, Week};
use std::collections::BTreeMap;

/// Name of the record inside the binary.
pub const BUILT_IN: &str = "built-in";

/// Everything that a check needs, in memory: the figures of a record and those transcribed.
///
/// ```
/// use evenhand_measure::Figures;
/// let figures = Figures::builtin()?;
/// assert_eq!(figures.source().name, "built-in");
/// # Ok::<(), evenhand_measure::Error>(())
/// ```
pub struct Figures {
    source: Source,
    week: BTreeMap<String, Vec<(WeekKey, u32)>>,
    month: BTreeMap<String, Vec<(MonthKey, u32)>>,
    record: BTreeMap<String, Vec<(RecordKey, u32)>>,
    removals: BTreeMap<String, Vec<(AreaMonth, u32)>>,
    encounters: BTreeMap<String, Vec<(AreaMonth, u32)>>,
    detainers: BTreeMap<String, Vec<(detainers::Cell, u32)>>,
    transcribed: Transcribed,
    digests: BTreeMap<String, String>,
}

/// The record that figures came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `built-in`, or the folder as the user named it.
    pub name: String,
    /// Digest of the record's manifest.
    pub sha256: String,
    /// Its releases, by identifier.
    pub releases: Vec<ReleaseInfo>,
}

/// One release of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseInfo {
    /// Identifier.
    pub id: String,
    /// What it is, in words.
    pub title: String,
    /// Rows kept at ingest, by table.
    pub rows: Vec<(String, u64)>,
    /// Digest over the digests of its source files.
    pub sha256: String,
}

/// Arrests in one fiscal year by method and recorded conviction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordCount {
    /// The cell.
    pub key: RecordKey,
    /// Arrests.
    pub arrests: u32,
}

impl Figures {
    /// The figures of the record inside the binary.
    ///
    /// # Errors
    /// [`ErrorKind::Record`] when the built-in record does not match its digests: a broken build.
    pub fn builtin() -> Result<Self, Error> {
        Self::open(&Self::builtin_record()?, BUILT_IN)
    }

    /// The record inside the binary, for SQL over its figures.
    ///
    /// # Errors
    /// [`ErrorKind::Record`] when it does not match its digests.
    pub fn builtin_record() -> Result<Record, Error> {
        Ok(Record::embedded(builtin::FILES)?)
    }

    /// The figures of a record; transcribed figures come with the engine.
    ///
    /// # Errors
    /// [`ErrorKind::Record`] when a file is damaged or missing, [`ErrorKind::Column`] when a table of
    /// figures lacks a column.
    pub fn open(record: &Record, name: &str) -> Result<Self, Error> {
        let mut digests = BTreeMap::new();
        for (file, text) in transcribed::FILES {
            digests.insert(file.to_owned(), Digest::of(text.as_bytes()).as_str().to_owned());
        }
        for table in &record.manifest().tables {
            for part in &table.parts {
                digests.insert(format!("{}/{}", part.release, table.name), part.sha256.as_str().to_owned());
            }
        }
        Ok(Self {
            source: source(record, name),
            week: by_release(record, arrests::WEEK, arrests::read_week)?,
            month: by_release(record, arrests::MONTH, arrests::read_month)?,
            record: by_release(record, arrests::RECORD, arrests::read_record)?,
            removals: by_release(record, removals::MONTH, |batch| read_area_month(batch, "removals"))?,
            encounters: by_release(record, encounters::MONTH, |batch| read_area_month(batch, "encounters"))?,
            detainers: by_release(record, detainers::MONTH, detainers::read)?,
            transcribed: Transcribed::read()?,
            digests,
        })
    }

    /// Where the figures came from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What answers for a dataset that a docket names.
    #[must_use]
    pub fn serve(&self, dataset: &str) -> Served {
        match served::meets(dataset) {
            Meets::Transcribed(title) => Served::Transcribed { title: title.into() },
            Meets::Nothing(needs) => Served::NotHeld { needs: needs.into() },
            Meets::Release { id, title, differs } => match self.coverage(id) {
                Some((start, end)) => Served::Release {
                    id: id.into(),
                    title: title.into(),
                    start,
                    end,
                    differs: differs.map(Into::into),
                },
                None => Served::NotHeld { needs: title.into() },
            },
        }
    }

    /// First and last day of the months in which a release has arrests, else detainers.
    #[must_use]
    pub fn coverage(&self, release: &str) -> Option<(Date, Date)> {
        let (first, last) = self
            .months(release)
            .or_else(|| span(self.detainers.get(release)?.iter().map(|(key, _)| key.month)))?;
        Some((first.first_day(), last.first_day().last_of_month()))
    }

    /// First and last month in which a release has arrests.
    fn months(&self, release: &str) -> Option<(Month, Month)> {
        span(self.month.get(release)?.iter().map(|(key, _)| key.month))
    }

    /// Arrests by area of responsibility and period.
    ///
    /// # Errors
    /// [`ErrorKind::NotHeld`] when the record has no arrests of the release.
    pub fn arrests_by_aor(
        &self,
        release: &str,
        outcome: Outcome,
        every: Every,
        areas: Areas,
    ) -> Result<Counts, Error> {
        let (first, last) = self.months(release).ok_or_else(|| not_held(release))?;
        let periods = periods(every, first, last);
        let at = |start: Date| periods.binary_search(&start).ok();
        let mut rows: Vec<Row> = Vec::new();
        match every {
            Every::Week => {
                for (key, count) in self.week.get(release).ok_or_else(|| not_held(release))? {
                    if outcome.counts(key.group, key.operation_named) {
                        rows.push((key.aor.map(|aor| area_code(aor, areas)), at(key.week.monday()), *count));
                    }
                }
            }
            Every::Month => {
                for (key, count) in self.month.get(release).ok_or_else(|| not_held(release))? {
                    if outcome.counts(key.group, key.operation_named) {
                        rows.push((
                            key.aor.map(|aor| area_code(aor, areas)),
                            at(key.month.first_day()),
                            *count,
                        ));
                    }
                }
            }
        }
        Ok(grid(rows, periods))
    }

    /// Removals by area of the docket and month of removal.
    ///
    /// # Errors
    /// [`ErrorKind::NotHeld`] when the record has no removals of the release.
    pub fn removals_by_aor(&self, release: &str, areas: Areas) -> Result<Counts, Error> {
        area_months(&self.removals, release, areas)
    }

    /// Encounters by area and month.
    ///
    /// # Errors
    /// [`ErrorKind::NotHeld`] when the record has no encounters of the release.
    pub fn encounters_by_aor(&self, release: &str, areas: Areas) -> Result<Counts, Error> {
        area_months(&self.encounters, release, areas)
    }

    /// Detainers by county of the facility and month of issue; of one recorded outcome, or all.
    ///
    /// Rows whose facility no county could be given to are counted in `rows_without_unit`.
    ///
    /// # Errors
    /// [`ErrorKind::NotHeld`] when the record has no detainers of the release.
    pub fn detainers_by_county(
        &self,
        release: &str,
        outcome: Option<DetainerOutcome>,
    ) -> Result<Counts, Error> {
        let cells = self.detainers.get(release).ok_or_else(|| not_held(release))?;
        let (first, last) = span(cells.iter().map(|(key, _)| key.month)).ok_or_else(|| not_held(release))?;
        let rows = cells.iter().filter(|(key, _)| outcome.is_none_or(|outcome| outcome == key.outcome)).map(
            |(key, count)| {
                let county = key.county.map(|county| county.to_string());
                (county, usize::try_from(key.month.since(first)).ok(), *count)
            },
        );
        Ok(grid(rows.collect(), periods(Every::Month, first, last)))
    }

    /// Arrests by county and month, with what could not be placed.
    ///
    /// # Errors
    /// [`ErrorKind::NotHeld`] when the record has no arrests of the release.
    pub fn arrests_by_county(&self, release: &str, outcome: Outcome) -> Result<CountyCounts, Error> {
        let (first, last) = self.months(release).ok_or_else(|| not_held(release))?;
        let months: Vec<Month> = (0..=last.since(first)).map(|n| first.plus(n)).collect();
        let cells = self.month.get(release).ok_or_else(|| not_held(release))?;
        let mut counts =
            CountyCounts { months, units: vec![], areas: vec![], rows_used: 0, rows_unplaced: 0 };
        let zero = vec![0.0; counts.months.len()];
        let mut units: BTreeMap<CountyFips, CountyUnit> = BTreeMap::new();
        let mut rests: BTreeMap<Aor, AreaRest> = BTreeMap::new();
        for (key, count) in cells {
            // A county belongs to the panel because the release places any arrest there, whatever its method:
            // a unit without arrests of this outcome is a zero, not a hole.
            if let Some(county) = key.county.and_then(|county| Places::builtin().county(county)) {
                units.entry(county.fips).or_insert_with(|| CountyUnit {
                    county: county.fips,
                    name: format!("{}, {}", county.name, county.state),
                    aor: county.aor,
                    located: zero.clone(),
                    office: zero.clone(),
                });
            }
            if !outcome.counts(key.group, key.operation_named) {
                continue;
            }
            let t = usize::try_from(key.month.since(first)).unwrap_or(0);
            let arrests = f64::from(*count);
            counts.rows_used += u64::from(*count);
            let unit = key.county.and_then(|county| units.get_mut(&county));
            let rest = key.aor.map(|aor| {
                rests.entry(aor).or_insert_with(|| AreaRest {
                    aor,
                    unplaced: zero.clone(),
                    office: zero.clone(),
                    located: zero.clone(),
                })
            });
            match key.quality {
                PlaceQuality::Exact | PlaceQuality::Rule => {
                    unit.into_iter().for_each(|unit| unit.located[t] += arrests);
                    rest.into_iter().for_each(|rest| rest.located[t] += arrests);
                }
                PlaceQuality::OfficeOnly => {
                    unit.into_iter().for_each(|unit| unit.office[t] += arrests);
                    rest.into_iter().for_each(|rest| rest.office[t] += arrests);
                    counts.rows_unplaced += u64::from(*count);
                }
                PlaceQuality::Unplaced => {
                    rest.into_iter().for_each(|rest| rest.unplaced[t] += arrests);
                    counts.rows_unplaced += u64::from(*count);
                }
            }
        }
        counts.units = units.into_values().collect();
        counts.areas = rests.into_values().collect();
        Ok(counts)
    }

    /// Arrests by fiscal year, method and recorded conviction, of a release that records convictions.
    ///
    /// # Errors
    /// [`ErrorKind::NotHeld`] when the record has none of the release.
    pub fn arrests_by_record(&self, release: &str) -> Result<Vec<RecordCount>, Error> {
        let cells = self.record.get(release).ok_or_else(|| not_held(release))?;
        Ok(cells.iter().map(|(key, arrests)| RecordCount { key: *key, arrests: *arrests }).collect())
    }

    /// Figures transcribed from public pages.
    #[must_use]
    pub fn published(&self) -> &[Published] {
        &self.transcribed.published
    }

    /// Answers to document tests.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.transcribed.readings
    }

    /// Events that charts mark.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.transcribed.events
    }

    /// Digest of a transcribed file (`published`, `readings`, `events`) or of a table of a release
    /// (`ice-foia-2019-53623/figures_arrests_month`).
    #[must_use]
    pub fn digest(&self, name: &str) -> Option<&str> {
        self.digests.get(name).map(String::as_str)
    }
}

fn source(record: &Record, name: &str) -> Source {
    let manifest = record.manifest();
    let release = |release: &evenhand_store::Release| {
        let mut rows: BTreeMap<String, u64> = BTreeMap::new();
        let mut digests = String::new();
        for file in &release.ledger.files {
            digests.push_str(file.sha256.as_str());
            for sheet in &file.sheets {
                if let Some(table) = &sheet.table {
                    *rows.entry(table.clone()).or_default() += sheet.tally.rows_kept;
                }
            }
        }
        ReleaseInfo {
            id: release.id.clone(),
            title: served::title(&release.id).to_owned(),
            rows: rows.into_iter().collect(),
            sha256: Digest::of(digests.as_bytes()).as_str().to_owned(),
        }
    };
    Source {
        name: name.to_owned(),
        sha256: manifest.sha256().as_str().to_owned(),
        releases: manifest.releases.iter().map(release).collect(),
    }
}

/// Cells of one table, release by release; empty when the record has no such table.
fn by_release<K>(
    record: &Record,
    table: &str,
    read: impl Fn(&RecordBatch) -> Result<Vec<(K, u32)>, Error>,
) -> Result<BTreeMap<String, Vec<(K, u32)>>, Error> {
    let mut cells: BTreeMap<String, Vec<(K, u32)>> = BTreeMap::new();
    let Some(entry) = record.manifest().table(table) else { return Ok(cells) };
    for part in &entry.parts {
        for batch in record.read_part(part, None)? {
            cells.entry(part.release.clone()).or_default().extend(read(&batch?)?);
        }
    }
    Ok(cells)
}

fn not_held(release: &str) -> Error {
    Error::new(ErrorKind::NotHeld, format!("the record holds no arrests of release `{release}`"))
        .with_hint("ingest the release first: `evenhand ingest PATH --record DIR`")
}

/// First days of the periods that lie wholly inside the months of the coverage.
fn periods(every: Every, first: Month, last: Month) -> Vec<Date> {
    match every {
        Every::Month => (0..=last.since(first)).map(|n| first.plus(n).first_day()).collect(),
        Every::Week => {
            let end = last.plus(1).first_days();
            let mut week = Week::from(first.first_day());
            if week.monday_days() < first.first_days() {
                week = week.plus(1);
            }
            std::iter::successors(Some(week), |week| Some(week.plus(1)))
                .take_while(|week| week.plus(1).monday_days() <= end)
                .map(Week::monday)
                .collect()
        }
    }
}

/// Unit (if known), period (if inside the coverage), count.
type Row = (Option<String>, Option<usize>, u32);

fn area_code(aor: Aor, areas: Areas) -> String {
    match areas {
        Areas::Raw => aor.code().to_owned(),
        Areas::Harmonised => harmonised(aor).code().to_owned(),
    }
}

fn span(months: impl Iterator<Item = Month> + Clone) -> Option<(Month, Month)> {
    Some((months.clone().min()?, months.max()?))
}

fn area_months(
    cells: &BTreeMap<String, Vec<(AreaMonth, u32)>>,
    release: &str,
    areas: Areas,
) -> Result<Counts, Error> {
    let cells = cells.get(release).ok_or_else(|| not_held(release))?;
    let (first, last) = span(cells.iter().map(|((_, month), _)| *month)).ok_or_else(|| not_held(release))?;
    let rows = cells.iter().map(|((aor, month), count)| {
        (aor.map(|aor| area_code(aor, areas)), usize::try_from(month.since(first)).ok(), *count)
    });
    Ok(grid(rows.collect(), periods(Every::Month, first, last)))
}

fn grid(rows: Vec<Row>, periods: Vec<Date>) -> Counts {
    let mut units: Vec<String> = rows.iter().filter_map(|row| row.0.clone()).collect();
    units.sort_unstable();
    units.dedup();
    let mut values = vec![Some(0.0); units.len() * periods.len()];
    let (mut rows_used, mut rows_without_unit) = (0, 0);
    for (unit, period, count) in rows {
        // A row in a week that the coverage cuts is in no period.
        let Some(t) = period else { continue };
        let unit = unit.and_then(|unit| units.binary_search(&unit).ok());
        match unit.and_then(|unit| values.get_mut(unit * periods.len() + t)) {
            Some(Some(value)) => {
                *value += f64::from(count);
                rows_used += u64::from(count);
            }
            _ => rows_without_unit += u64::from(count),
        }
    }
    Counts { units, periods, values, rows_used, rows_without_unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_cut_by_the_coverage_are_left_out() {
        let weeks = periods(Every::Week, Month::new(2015, 10), Month::new(2015, 10));
        let days: Vec<_> = weeks.iter().map(ToString::to_string).collect();
        assert_eq!(days, ["2015-10-05", "2015-10-12", "2015-10-19"]);
    }

    #[test]
    fn rows_without_an_area_are_counted_apart() {
        let sna = || Some("SNA".to_owned());
        let rows = vec![(sna(), Some(0), 3), (None, Some(0), 2), (sna(), None, 9)];
        let counts = grid(rows, periods(Every::Month, Month::new(2017, 1), Month::new(2017, 2)));
        assert_eq!((counts.rows_used, counts.rows_without_unit), (3, 2));
        assert_eq!(counts.series("SNA"), Some(&[Some(3.0), Some(0.0)][..]));
        assert_eq!(counts.total(), vec![Some(3.0), Some(0.0)]);
    }
}
