use crate::Error;
use crate::episodes::Arrest;
use crate::intern::{Intern, NONE};
use crate::read::{self, NO_TIME};
use crate::repeats::{self, Event};
use crate::stays::{Stint, Terms};
use crate::tuples::Tuples;
use crate::weeks::Weeks;
use arrow::array::RecordBatch;
use std::collections::BTreeMap;

/// Takes the rows of one release while they stream by, and links them when all have come.
///
/// One linker a file; merged in plan order they give the same result whatever the threads did. It holds 28 bytes an
/// arrest, detainer, encounter or removal, 40 a stint, and about 40 a person.
#[derive(Debug, Default)]
pub struct Linker {
    people: Intern,
    pub(crate) texts: Intern,
    pub(crate) terms: Terms,
    /// State, landmark, area and duty site of arrests.
    pub(crate) cells: Tuples<4>,
    /// Type, facility code, state and city of detainers.
    pub(crate) kinds: Tuples<4>,
    pub(crate) sheets: Vec<(String, String)>,
    pub(crate) arrests: Vec<Arrest>,
    pub(crate) stints: Vec<Stint>,
    pub(crate) detainers: Vec<Event>,
    pub(crate) encounters: Vec<Event>,
    pub(crate) removals: Vec<Event>,
    /// Rows that no rule can place in time, by table.
    pub(crate) untimed: BTreeMap<&'static str, u64>,
    pub(crate) weeks: Weeks,
}

const DAY: i64 = 86_400;

impl Linker {
    /// Takes one batch; tables that no rule speaks of are passed over.
    ///
    /// # Errors
    /// [`Error::Column`] when the batch does not say in which row it was read.
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
        let people = read::codes(batch, "person_id", &mut self.people)?;
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
            self.arrests.push(Arrest {
                person: people[at],
                time,
                reprocessed: reprocessed[at],
                sheet: sheets[at],
                row,
                canceled: canceled[at],
                print: halves(prints[at]),
                cells: cells[at],
            });
        }
        Ok(())
    }

    /// The number of each arrest's cells that say where it was.
    fn cells_of(&mut self, batch: &RecordBatch) -> Result<Vec<u32>, Error> {
        let mut text = |name| read::codes(batch, name, &mut self.texts);
        let (states, landmarks) = (text("apprehension_state")?, text("apprehension_site_landmark")?);
        let (areas, sites) = (text("apprehension_aor")?, text("duty_site")?);
        let cells = |at: usize| [states[at], landmarks[at], areas[at], sites[at]];
        (0..states.len()).map(|at| self.cells.number(cells(at))).collect()
    }

    fn take_stints(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        const POSTED: &str = "bond_posted_date";
        const BOND: &str = "bond_posted_amount";
        const SET: &str = "initial_bond_set_amount";
        let sheets = self.sheets_of(batch)?;
        let people = read::codes(batch, "person_id", &mut self.people)?;
        let facilities = read::codes(batch, "detention_facility_code", &mut self.texts)?;
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
            self.stints.push(Stint {
                person: people[at],
                stay,
                book_in,
                sheet: sheets[at],
                row,
                facility: facilities[at],
                book_out,
                terms: self.terms.number(posted[at].or(set[at]), days[at], departed[at])?,
                print: halves(prints[at]),
            });
        }
        Ok(())
    }

    fn take_events(&mut self, table: &str, batch: &RecordBatch) -> Result<(), Error> {
        let sheets = self.sheets_of(batch)?;
        let people = read::codes(batch, "person_id", &mut self.people)?;
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
            "detainers" => &mut self.detainers,
            "encounters" => &mut self.encounters,
            _ => &mut self.removals,
        };
        events.extend(rows.into_iter().enumerate().map(|(at, row)| Event {
            person: people[at],
            day: days[at].unwrap_or(repeats::NO_DAY),
            sheet: sheets[at],
            row,
            kind: kinds[at],
            print: halves(prints[at]),
        }));
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
                let text = |number| names.text(number).unwrap_or_default();
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

    /// Adds the rows of the next file in plan order.
    ///
    /// # Errors
    /// [`Error::TooMany`] beyond four billion persons or 65,536 sheets.
    pub fn merge(&mut self, next: Linker) -> Result<(), Error> {
        if self.is_empty() && self.weeks == Weeks::default() && self.untimed.is_empty() {
            *self = next;
            return Ok(());
        }
        let people = self.people.merge(&next.people)?;
        let texts = self.texts.merge(&next.texts)?;
        let terms = self.terms.merge(&next.terms)?;
        let sheets = next.sheets.into_iter().map(|sheet| self.sheet(sheet)).collect::<Result<Vec<_>, _>>()?;
        let new = |numbers: &[u32], old: u32| numbers.get(old as usize).copied().unwrap_or(NONE);
        let sheet = |old: u16| sheets[usize::from(old)];
        let all_new = |cells: [u32; 4]| cells.map(|text| new(&texts, text));
        let cells = self.cells.merge(&next.cells, all_new)?;
        let kinds = self.kinds.merge(&next.kinds, all_new)?;
        self.arrests.reserve_exact(next.arrests.len());
        self.arrests.extend(next.arrests.into_iter().map(|row| Arrest {
            person: new(&people, row.person),
            sheet: sheet(row.sheet),
            cells: new(&cells, row.cells),
            ..row
        }));
        self.stints.reserve_exact(next.stints.len());
        self.stints.extend(next.stints.into_iter().map(|row| Stint {
            person: new(&people, row.person),
            sheet: sheet(row.sheet),
            facility: new(&texts, row.facility),
            terms: new(&terms, row.terms),
            ..row
        }));
        let event = |row: Event| Event {
            person: new(&people, row.person),
            sheet: sheet(row.sheet),
            kind: new(&kinds, row.kind),
            ..row
        };
        self.detainers.extend(next.detainers.into_iter().map(event));
        self.encounters.extend(next.encounters.into_iter().map(event));
        self.removals.extend(next.removals.into_iter().map(event));
        for (table, rows) in next.untimed {
            *self.untimed.entry(table).or_default() += rows;
        }
        self.weeks.merge(next.weeks);
        Ok(())
    }

    /// Identifiers are numbers from here on.
    pub(crate) fn forget_people(&mut self) {
        self.people = Intern::default();
    }

    /// Whether no row has come that a rule speaks of.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let events = [&self.detainers, &self.encounters, &self.removals];
        self.arrests.is_empty() && self.stints.is_empty() && events.iter().all(|rows| rows.is_empty())
    }

    /// The last day of a row, for a release that does not say until when it goes.
    #[must_use]
    pub fn last_day(&self) -> Option<i32> {
        let stints = self.stints.iter().flat_map(|row| [row.book_in, row.book_out]);
        let times = stints.chain(self.arrests.iter().map(|row| row.time)).filter(|&time| time != NO_TIME);
        let days = times.map(|time| (i64::from(time) + read::EPOCH).div_euclid(DAY) as i32);
        let events = [&self.detainers, &self.encounters, &self.removals];
        let dated = events.into_iter().flatten().map(|row| row.day).filter(|&day| day != repeats::NO_DAY);
        days.chain(dated).max()
    }
}

fn halves(print: u64) -> [u32; 2] {
    [(print >> 32) as u32, print as u32]
}
