use crate::Error;
use crate::episodes::Arrest;
use crate::intern::{Intern, NONE};
use crate::people::{People, Taken, Unmerged};
use crate::read::{self, NO_TIME};
use crate::repeats::{self, Event};
use crate::runs::{self, Numbers, Scratch, Spill};
use crate::stays::{Bond, Stint};
use crate::tuples::Tuples;
use crate::weeks::Weeks;
use arrow::array::RecordBatch;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Takes the rows of one release while they stream by, and links them when all have come.
///
/// One linker a file; merged in plan order they give the same result whatever the threads did. Rows are sorted by
/// person in runs of 32,768; with [scratch files](Self::with_scratch) full runs go to the disk, 46 to 70 bytes a row,
/// and what is held in memory grows by a byte a row.
#[derive(Debug, Default)]
pub struct Linker {
    spill: Spill,
    rows: Taken,
    /// Rows of the files merged so far, in plan order, with what their numbers are here.
    merged: Vec<(Taken, Spill, Numbers)>,
    pub(crate) texts: Intern,
    /// State, landmark, area and duty site of arrests.
    pub(crate) cells: Tuples<4>,
    /// How many arrests have each.
    pub(crate) rows_of_cells: Vec<u64>,
    /// Type, facility code, state and city of detainers.
    pub(crate) kinds: Tuples<4>,
    /// Facility codes of stints.
    pub(crate) codes: Intern,
    pub(crate) sheets: Vec<(String, String)>,
    /// Rows that no rule can place in time, by table.
    pub(crate) untimed: BTreeMap<&'static str, u64>,
    /// Whether a stint names its person and its stay, so that there is a stay to join.
    pub(crate) has_stays: bool,
    pub(crate) weeks: Weeks,
    last_time: Option<i32>,
    last_day: Option<i32>,
}

const DAY: i64 = 86_400;

impl Linker {
    /// A linker that writes the rows which it cannot hold into such files.
    #[must_use]
    pub fn with_scratch(scratch: Arc<Scratch>) -> Linker {
        Linker { spill: Spill::to(scratch), ..Linker::default() }
    }

    /// The same with runs of so many rows, and as many linked at a time.
    #[must_use]
    pub fn with_run_rows(self, rows: usize) -> Linker {
        Linker { spill: self.spill.with_rows(rows), ..self }
    }

    /// Takes one batch; tables that no rule speaks of are passed over.
    ///
    /// # Errors
    /// [`Error::Column`] when the batch does not say in which row it was read, [`Error::Scratch`] when a scratch
    /// file cannot be written.
    pub fn take(&mut self, table: &str, batch: &RecordBatch) -> Result<(), Error> {
        self.weeks.take(table, batch)?;
        match table {
            "arrests" => self.take_arrests(batch),
            "detention_stints" => self.take_stints(batch),
            "detainers" => self.take_events(table, batch),
            "encounters" => self.take_events(table, batch),
            "removals" => self.take_events(table, batch),
            _ => Ok(()),
        }
    }

    fn take_arrests(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        const TIME: &str = "apprehension_date_time";
        const DATE: &str = "apprehension_date";
        let sheets = self.sheets_of(batch)?;
        let people = read::people(batch, "person_id")?;
        let times = read::times(batch, TIME, Some(DATE))?;
        let reprocessed = read::says(batch, "apprehension_method", "ERO Reprocessed Arrest")?;
        let canceled = read::says(batch, "case_status", "E-Charging Document Canceled by ICE")?;
        let cells = self.cells_of(batch)?;
        let prints = read::fingerprints(batch, &[TIME, DATE])?;
        for (at, row) in read::rows(batch, "arrests")?.into_iter().enumerate() {
            let Ok(time) = times[at] else {
                *self.untimed.entry("arrests").or_default() += 1;
                continue;
            };
            self.last_time = self.last_time.max(Some(time));
            let row = Arrest {
                person: people[at],
                time,
                reprocessed: reprocessed[at],
                sheet: sheets[at],
                row,
                canceled: canceled[at],
                print: prints[at],
                cells: cells[at],
            };
            self.rows_of_cells[row.cells as usize] += 1;
            self.rows.arrests.push(row, &mut self.spill)?;
        }
        Ok(())
    }

    /// The number of each arrest's cells that say where it was.
    fn cells_of(&mut self, batch: &RecordBatch) -> Result<Vec<u32>, Error> {
        let mut text = |name| read::codes(batch, name, &mut self.texts);
        let (states, landmarks) = (text("apprehension_state")?, text("apprehension_site_landmark")?);
        let (areas, sites) = (text("apprehension_aor")?, text("duty_site")?);
        let cells = |at: usize| [states[at], landmarks[at], areas[at], sites[at]];
        let numbers = (0..states.len()).map(|at| self.cells.number(cells(at))).collect();
        self.rows_of_cells.resize(self.cells.list().len(), 0);
        numbers
    }

    fn take_stints(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        const POSTED: &str = "bond_posted_date";
        const BOND: &str = "bond_posted_amount";
        const SET: &str = "initial_bond_set_amount";
        let sheets = self.sheets_of(batch)?;
        let people = read::people(batch, "person_id")?;
        let facilities = read::codes(batch, "detention_facility_code", &mut self.codes)?;
        let stays = read::times(batch, "stay_book_in_date_time", Some("stay_book_in_date"))?;
        let book_ins = read::times(batch, "book_in_date_time", Some("book_in_date"))?;
        let book_outs = read::times(batch, "book_out_date_time", Some("book_out_date"))?;
        let (posted, set) = (read::amounts(batch, BOND)?, read::amounts(batch, SET)?);
        let (days, departed) = (read::days(batch, POSTED)?, read::days(batch, "departed_date")?);
        let prints = read::fingerprints(batch, &[POSTED, BOND, SET, "initial_bond_set_date"])?;
        for (at, row) in read::rows(batch, "detention_stints")?.into_iter().enumerate() {
            let (Ok(stay), Ok(book_in), Ok(book_out)) = (stays[at], book_ins[at], book_outs[at]) else {
                *self.untimed.entry("detention_stints").or_default() += 1;
                continue;
            };
            self.last_time = self.last_time.max(Some(book_in)).max(Some(book_out));
            let row = Stint {
                person: people[at],
                stay,
                book_in,
                sheet: sheets[at],
                row,
                facility: facilities[at],
                book_out,
                bond: Bond::of(posted[at].or(set[at])),
                posted: days[at].unwrap_or(read::NO_DAY),
                departed: departed[at].unwrap_or(read::NO_DAY),
                print: prints[at],
            };
            self.has_stays |= !row.unknown();
            self.rows.stints.push(row, &mut self.spill)?;
        }
        Ok(())
    }

    fn take_events(&mut self, table: &str, batch: &RecordBatch) -> Result<(), Error> {
        let sheets = self.sheets_of(batch)?;
        let people = read::people(batch, "person_id")?;
        let day = match table {
            "detainers" => "detainer_prepare_date",
            "encounters" => "event_date",
            _ => "departed_date",
        };
        let days = read::days(batch, day)?;
        let kinds = match table {
            "detainers" => self.kinds_of(batch)?,
            _ => vec![NONE; batch.num_rows()],
        };
        let prints = read::fingerprints(batch, &[])?;
        let rows = read::rows(batch, table)?;
        let events = match table {
            "detainers" => &mut self.rows.detainers,
            "encounters" => &mut self.rows.encounters,
            _ => &mut self.rows.removals,
        };
        for (at, row) in rows.into_iter().enumerate() {
            self.last_day = self.last_day.max(days[at]);
            let row = Event {
                person: people[at],
                day: days[at].unwrap_or(repeats::NO_DAY),
                sheet: sheets[at],
                row,
                kind: kinds[at],
                print: prints[at],
            };
            events.push(row, &mut self.spill)?;
        }
        Ok(())
    }

    /// The number of each detainer's type, facility code, state and city.
    fn kinds_of(&mut self, batch: &RecordBatch) -> Result<Vec<u32>, Error> {
        let mut text = |name| read::codes(batch, name, &mut self.texts);
        let (kinds, facilities) = (text("detainer_type")?, text("detention_facility_code")?);
        let (states, cities) = (text("facility_state")?, text("facility_city")?);
        let cells = |at: usize| [kinds[at], facilities[at], states[at], cities[at]];
        (0..kinds.len()).map(|at| self.kinds.number(cells(at))).collect()
    }

    /// The number of each row's file and sheet.
    fn sheets_of(&mut self, batch: &RecordBatch) -> Result<Vec<u16>, Error> {
        let mut names = Intern::default();
        let files = read::codes(batch, "file_original", &mut names)?;
        let sheets = read::codes(batch, "sheet_original", &mut names)?;
        let mut last = (None, 0);
        let mut numbers = Vec::with_capacity(files.len());
        for pair in files.into_iter().zip(sheets) {
            if last.0 != Some(pair) {
                let text = |number| names.text(number).unwrap_or_default().to_owned();
                last = (Some(pair), self.sheet((text(pair.0), text(pair.1)))?);
            }
            numbers.push(last.1);
        }
        Ok(numbers)
    }

    fn sheet(&mut self, name: (String, String)) -> Result<u16, Error> {
        let at = self.sheets.iter().position(|sheet| *sheet == name).unwrap_or_else(|| {
            self.sheets.push(name);
            self.sheets.len() - 1
        });
        u16::try_from(at).map_err(|_| Error::TooMany("sheets"))
    }

    /// Says that no row of this file comes any more, so that few are held until the release is linked.
    ///
    /// # Errors
    /// [`Error::Scratch`] when the scratch file cannot be written.
    pub fn seal(&mut self) -> Result<(), Error> {
        self.rows.seal(&mut self.spill)
    }

    /// Adds the rows of the next file in plan order.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond four billion texts or 65,536 sheets.
    pub fn merge(&mut self, next: Linker) -> Result<(), Error> {
        let texts = self.texts.merge(&next.texts)?;
        let text = |old: u32| runs::renumbered(&texts, old);
        let all_new = |cells: [u32; 4]| cells.map(text);
        let numbers = Numbers {
            sheets: next.sheets.into_iter().map(|sheet| self.sheet(sheet)).collect::<Result<_, _>>()?,
            cells: self.cells.merge(&next.cells, all_new)?,
            codes: self.codes.merge(&next.codes)?,
            kinds: self.kinds.merge(&next.kinds, all_new)?,
        };
        self.rows_of_cells.resize(self.cells.list().len(), 0);
        for (cells, rows) in numbers.cells.iter().zip(next.rows_of_cells) {
            self.rows_of_cells[*cells as usize] += rows;
        }
        for (rows, spill, old) in next.merged {
            self.merged.push((rows, spill, old.then(&numbers)));
        }
        if !next.rows.is_empty() {
            self.merged.push((next.rows, next.spill, numbers));
        }
        for (table, rows) in next.untimed {
            *self.untimed.entry(table).or_default() += rows;
        }
        self.has_stays |= next.has_stays;
        self.last_time = self.last_time.max(next.last_time);
        self.last_day = self.last_day.max(next.last_day);
        self.weeks.merge(next.weeks);
        Ok(())
    }

    /// Whether no row has come that a rule speaks of.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.merged.is_empty()
    }

    /// The last day of a row, for a release that does not say until when it goes.
    #[must_use]
    pub fn last_day(&self) -> Option<i32> {
        let time = self.last_time.filter(|time| *time != NO_TIME);
        let day = time.map(|time| (i64::from(time) + read::EPOCH).div_euclid(DAY) as i32);
        day.max(self.last_day)
    }

    /// Rows of a run, and linked at a time.
    pub(crate) fn run_rows(&self) -> usize {
        self.spill.rows
    }

    /// The rows of all files, person by person.
    pub(crate) fn people(&mut self) -> Result<People, Error> {
        let own = (std::mem::take(&mut self.rows), std::mem::take(&mut self.spill), Numbers::default());
        let mut people = Unmerged::default();
        for (rows, spill, numbers) in [own].into_iter().chain(std::mem::take(&mut self.merged)) {
            people.add(rows, &spill, &Arc::new(numbers));
        }
        people.merge()
    }
}
