use crate::episodes::{self, Arrest, Kind};
use crate::intern::{Intern, NONE};
use crate::nearest;
use crate::out::{self, BATCH, Places};
use crate::read::{self, NO_TIME};
use crate::repeats::{self, Chain, Event};
use crate::stays::{self, Place, Stay, Stint};
use crate::{Error, Rule, Rules, Sink};
use arrow::array::{ArrayRef, RecordBatch};
use evenhand_ledger::{Step, Tally};
use std::collections::{BTreeMap, HashMap};

/// Takes the rows of one release while they stream by, and links them when all have come.
///
/// One linker a file; merged in plan order they give the same result whatever the threads did. It holds 24 bytes an
/// arrest, detainer, encounter or removal, 44 a stint, and about 45 a person.
#[derive(Debug, Default)]
pub struct Linker {
    people: Intern,
    texts: Intern,
    bonds: Bonds,
    sheets: Vec<(String, String)>,
    arrests: Vec<Arrest>,
    stints: Vec<Stint>,
    detainers: Vec<Event>,
    encounters: Vec<Event>,
    removals: Vec<Event>,
    /// Rows that no rule can place in time, by table.
    untimed: BTreeMap<&'static str, u64>,
}

/// Amounts of bonds, numbered.
#[derive(Debug, Default)]
struct Bonds {
    amounts: Vec<f64>,
    numbers: HashMap<u64, u32>,
}

impl Bonds {
    fn number(&mut self, amount: f64) -> u32 {
        let next = self.amounts.len() as u32;
        *self.numbers.entry(amount.to_bits()).or_insert_with(|| {
            self.amounts.push(amount);
            next
        })
    }
}

const UNTIMED: &str = "time_out_of_range";
const DAY: i64 = 86_400;

impl Linker {
    /// Takes one batch; tables that no rule speaks of are passed over.
    ///
    /// # Errors
    /// [`Error::Column`] when the batch does not say in which row it was read.
    pub fn take(&mut self, table: &str, batch: &RecordBatch) -> Result<(), Error> {
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
            });
        }
        Ok(())
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
        let days = read::days(batch, POSTED)?;
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
                bond: posted[at].or(set[at]).map_or(NONE, |amount| self.bonds.number(amount)),
                bond_day: days[at].unwrap_or(read::NO_DAY),
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
        let detainers = table == "detainers";
        let mut alike = |name| match detainers {
            true => read::codes(batch, name, &mut self.texts),
            false => Ok(vec![NONE; batch.num_rows()]),
        };
        let (kinds, facilities) = (alike("detainer_type")?, alike("detention_facility_code")?);
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
            same: [kinds[at], facilities[at]],
        }));
        Ok(())
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
        let people = self.people.merge(&next.people)?;
        let texts = self.texts.merge(&next.texts)?;
        let bonds = next.bonds.amounts.iter().map(|amount| self.bonds.number(*amount)).collect::<Vec<_>>();
        let sheets = next.sheets.into_iter().map(|sheet| self.sheet(sheet)).collect::<Result<Vec<_>, _>>()?;
        let new = |numbers: &[u32], old: u32| numbers.get(old as usize).copied().unwrap_or(NONE);
        let sheet = |old: u16| sheets[usize::from(old)];
        self.arrests.reserve_exact(next.arrests.len());
        self.arrests.extend(next.arrests.into_iter().map(|row| Arrest {
            person: new(&people, row.person),
            sheet: sheet(row.sheet),
            ..row
        }));
        self.stints.reserve_exact(next.stints.len());
        self.stints.extend(next.stints.into_iter().map(|row| Stint {
            person: new(&people, row.person),
            sheet: sheet(row.sheet),
            facility: new(&texts, row.facility),
            bond: new(&bonds, row.bond),
            ..row
        }));
        let event = |row: Event| Event {
            person: new(&people, row.person),
            sheet: sheet(row.sheet),
            same: row.same.map(|code| new(&texts, code)),
            ..row
        };
        self.detainers.extend(next.detainers.into_iter().map(event));
        self.encounters.extend(next.encounters.into_iter().map(event));
        self.removals.extend(next.removals.into_iter().map(event));
        for (table, rows) in next.untimed {
            *self.untimed.entry(table).or_default() += rows;
        }
        Ok(())
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

    /// Links the rows; `end` is the day (since 1970) on which open stints end, the release's last.
    ///
    /// Tables: `arrest_episodes` (every arrest row), `repeats` (rows of other tables set aside), `detention_stays`,
    /// `arrest_stays`, `removal_stays`.
    ///
    /// # Errors
    /// [`Error::Sink`] when the sink refuses a batch.
    pub fn finish(
        mut self,
        release: &str,
        end: i32,
        rules: &Rules,
        sink: &mut Sink<'_>,
    ) -> Result<Vec<Step>, Error> {
        self.people = Intern::default();
        let sheets = std::mem::take(&mut self.sheets);
        let places = Places { release, sheets: &sheets };
        let mut steps = Vec::new();
        let mut aside = Vec::new();
        self.episodes(&places, rules, &mut steps, sink)?;
        self.events(rules, &mut steps, &mut aside);
        self.stint_repeats(rules, &mut steps, &mut aside);
        send_repeats(&places, &aside, sink)?;
        drop(aside);
        let spans = self.stays(&places, end, &mut steps, sink)?;
        if rules.apply(Rule::ArrestStays) {
            let rows = self.arrests.iter().map(|row| ((row.sheet, row.row), row.person, row.time));
            let window = (-5 * DAY, 10 * DAY);
            let step = join(rows, &spans, |span| span.book_in, window, "arrest_stays", &places, sink)?;
            steps.extend(step.map(|tally| Step::of(Rule::ArrestStays, "arrests", tally)));
        }
        if rules.apply(Rule::RemovalStays) {
            let rows = self.removals.iter().map(|row| ((row.sheet, row.row), row.person, midnight(row.day)));
            let window = (-10 * DAY, DAY);
            let step = join(rows, &spans, |span| span.book_out, window, "removal_stays", &places, sink)?;
            steps.extend(step.map(|tally| Step::of(Rule::RemovalStays, "removals", tally)));
        }
        Ok(steps)
    }

    /// Writes every arrest with its episode, and leaves those that stand for one.
    fn episodes(
        &mut self,
        places: &Places<'_>,
        rules: &Rules,
        steps: &mut Vec<Step>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        self.arrests.sort_unstable();
        let kinds = episodes::kinds(&self.arrests, rules.apply(Rule::ArrestEpisodes));
        let mut tally = self.untimed("arrests");
        let mut episode = 0;
        for (rows, kinds) in self.arrests.chunks(BATCH).zip(kinds.chunks(BATCH)) {
            let next = |kind: &Kind| {
                episode += u64::from(kind.stands());
                Some(episode)
            };
            let numbers = out::numbers(kinds.iter().map(next).collect::<Vec<_>>().into_iter());
            let mut columns =
                places.columns(&rows.iter().map(|row| (row.sheet, row.row)).collect::<Vec<_>>())?;
            columns.push(("episode", numbers));
            columns.push(("kind", out::words(kinds.iter().map(|kind| Some(kind.name())))));
            out::send(sink, "arrest_episodes", columns)?;
        }
        for kind in &kinds {
            match kind.stands() {
                true => tally.keep(1),
                false => tally.set_aside(kind.name(), 1),
            }
        }
        let mut kinds = kinds.iter();
        self.arrests.retain(|_| kinds.next().is_some_and(|kind| kind.stands()));
        if tally.rows_read > 0 {
            steps.push(Step::of(Rule::ArrestEpisodes, "arrests", tally));
        }
        Ok(())
    }

    fn events(&mut self, rules: &Rules, steps: &mut Vec<Step>, aside: &mut Vec<Aside>) {
        let tables = [
            (Rule::DetainerRepeats, "detainers", &mut self.detainers, Chain::Alike),
            (Rule::EncounterRepeats, "encounters", &mut self.encounters, Chain::First),
            (Rule::RemovalRepeats, "removals", &mut self.removals, Chain::Last),
        ];
        for (rule, table, rows, chain) in tables {
            rows.sort_unstable();
            if rows.is_empty() || !rules.apply(rule) {
                continue;
            }
            let mut repeated = repeats::repeated(rows, chain).into_iter();
            let before = rows.len();
            rows.retain(|row| {
                let repeat = repeated.next() == Some(true);
                if repeat {
                    aside.push((rule, table, (row.sheet, row.row)));
                }
                !repeat
            });
            steps.push(Step::of(rule, table, less(before, rows.len())));
        }
    }

    fn stint_repeats(&mut self, rules: &Rules, steps: &mut Vec<Step>, aside: &mut Vec<Aside>) {
        const TABLE: &str = "detention_stints";
        self.stints.sort_unstable();
        for rule in [Rule::StintBondRepeats, Rule::StintDayRepeats] {
            if self.stints.is_empty() || !rules.apply(rule) {
                continue;
            }
            let (before, mut places) = (self.stints.len(), Vec::new());
            match rule {
                Rule::StintBondRepeats => {
                    stays::drop_bond_repeats(&mut self.stints, &self.bonds.amounts, &mut places);
                }
                _ => stays::drop_day_repeats(&mut self.stints, &mut places),
            }
            aside.extend(places.into_iter().map(|place| (rule, TABLE, place)));
            steps.push(Step::of(rule, TABLE, less(before, self.stints.len())));
        }
    }

    /// Writes the stays; what comes back is sorted by person and book-in, and a stay's number is its place plus 1.
    fn stays(
        &self,
        places: &Places<'_>,
        end: i32,
        steps: &mut Vec<Step>,
        sink: &mut Sink<'_>,
    ) -> Result<Vec<Span>, Error> {
        let known = self.stints.partition_point(|stint| stint.person != NONE);
        let (known, unknown) = self.stints.split_at(known);
        // Rows without the stay's book-in sort first within their person.
        let stays = || known.chunk_by(Stint::same_stay).filter(|stay| !stay[0].unknown());
        let mut spans = Vec::with_capacity(stays().count());
        spans.extend(stays().map(|stints| Span {
            person: stints[0].person,
            book_in: stints[0].stay,
            book_out: Stay { stints }.book_out(),
        }));
        let of_person = spans.chunk_by(|a, b| a.person == b.person);
        let mut of_person = of_person.flat_map(|stays| stays.iter().map(|_| stays.len() as u32));
        let mut tally = self.untimed("detention_stints");
        tally.keep(stays().map(|stints| stints.len() as u64).sum());
        if !unknown.is_empty() {
            tally.set_aside("no_person_id", unknown.len() as u64);
        }
        let no_book_in = known.len() as u64 - tally.rows_kept;
        if no_book_in > 0 {
            tally.set_aside("no_stay_book_in", no_book_in);
        }
        let mut rest = stays();
        let mut number = 0;
        loop {
            let batch = rest.by_ref().take(BATCH).map(|stints| Stay { stints }).collect::<Vec<_>>();
            if batch.is_empty() {
                break;
            }
            let of_person = of_person.by_ref().take(batch.len()).collect::<Vec<_>>();
            self.send_stays(places, &batch, number, of_person, midnight(end), sink)?;
            number += batch.len() as u64;
        }
        if tally.rows_read > 0 {
            steps.push(Step { name: "stays".to_owned(), table: "detention_stints".to_owned(), tally });
        }
        Ok(spans)
    }

    fn send_stays(
        &self,
        places: &Places<'_>,
        stays: &[Stay<'_>],
        before: u64,
        of_person: Vec<u32>,
        end: i32,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let last = |stay: &Stay<'_>| stay.stints[stay.stints.len() - 1];
        let rows = stays.iter().map(|stay| (last(stay).sheet, last(stay).row)).collect::<Vec<_>>();
        let text = |code: u32| self.texts.text(code);
        let codes = |stay: &Stay<'_>| {
            let codes = stay.stints.iter().map(|stint| text(stint.facility).unwrap_or_default());
            Some(codes.collect::<Vec<_>>().join("; "))
        };
        let one = |pick: &dyn Fn(&Stay<'_>) -> Stint| -> [ArrayRef; 3] {
            let stints = stays.iter().map(pick).collect::<Vec<_>>();
            let codes = stints.iter().map(|stint| text(stint.facility)).collect::<Vec<_>>();
            [
                out::words(codes.iter().map(Option::as_deref)),
                out::times(stints.iter().map(|stint| stint.book_in)),
                out::times(stints.iter().map(|stint| stint.book_out)),
            ]
        };
        let mut columns = places.columns(&rows)?;
        columns.push(("stay", out::numbers((1..=stays.len() as u64).map(|at| Some(before + at)))));
        columns.push(("stay_book_in_date_time", out::times(stays.iter().map(|stay| stay.stints[0].stay))));
        columns.push(("stay_book_out_date_time", out::times(stays.iter().map(Stay::book_out))));
        columns.push(("stints", out::counts(stays.iter().map(|stay| stay.stints.len() as u32))));
        let joined = stays.iter().map(codes).collect::<Vec<_>>();
        columns.push(("detention_facility_codes", out::words(joined.iter().map(Option::as_deref))));
        let [code, book_in, book_out] = one(&|stay| stay.stints[0]);
        columns.push(("detention_facility_code_first", code));
        columns.push(("book_in_date_time_first", book_in));
        columns.push(("book_out_date_time_first", book_out));
        let [code, book_in, book_out] = one(&|stay| *stay.longest(end));
        columns.push(("detention_facility_code_longest", code));
        columns.push(("book_in_date_time_longest", book_in));
        columns.push(("book_out_date_time_longest", book_out));
        let [code, book_in, book_out] = one(&last);
        columns.push(("detention_facility_code_last", code));
        columns.push(("book_in_date_time_last", book_in));
        columns.push(("book_out_date_time_last", book_out));
        let lowest = |stay: &Stay<'_>| stay.lowest_bond(&self.bonds.amounts);
        columns.push(("bond_amount_lowest", out::amounts(stays.iter().map(lowest))));
        columns.push(("stays_of_person", out::counts(of_person.into_iter())));
        out::send(sink, "detention_stays", columns)
    }

    fn untimed(&self, table: &str) -> Tally {
        let mut tally = Tally::default();
        if let Some(rows) = self.untimed.get(table) {
            tally.set_aside(UNTIMED, *rows);
        }
        tally
    }
}

/// A stay, as short as joins need it; 12 bytes.
#[derive(Debug, Clone, Copy)]
struct Span {
    person: u32,
    book_in: i32,
    book_out: i32,
}

/// A row set aside as a repeat.
type Aside = (Rule, &'static str, Place);

trait OfRule {
    fn of(rule: Rule, table: &str, tally: Tally) -> Step;
}

impl OfRule for Step {
    fn of(rule: Rule, table: &str, tally: Tally) -> Step {
        Step { name: rule.name().to_owned(), table: table.to_owned(), tally }
    }
}

fn less(before: usize, after: usize) -> Tally {
    let mut tally = Tally::default();
    tally.keep(after as u64);
    if before > after {
        tally.set_aside("repeat", (before - after) as u64);
    }
    tally
}

fn midnight(day: i32) -> i32 {
    let seconds = i64::from(day) * DAY - read::EPOCH;
    if day == repeats::NO_DAY { NO_TIME } else { i32::try_from(seconds).unwrap_or(NO_TIME) }
}

fn halves(print: u64) -> [u32; 2] {
    [(print >> 32) as u32, print as u32]
}

fn send_repeats(places: &Places<'_>, aside: &[Aside], sink: &mut Sink<'_>) -> Result<(), Error> {
    for rows in aside.chunks(BATCH) {
        let mut columns = places.columns(&rows.iter().map(|(.., place)| *place).collect::<Vec<_>>())?;
        columns.push(("table", out::words(rows.iter().map(|(_, table, _)| Some(*table)))));
        columns.push(("step", out::words(rows.iter().map(|(rule, ..)| Some(rule.name())))));
        out::send(sink, "repeats", columns)?;
    }
    Ok(())
}

/// Joins rows to the stays of the same person, one to one, and writes each row with its stay or none.
fn join(
    rows: impl Iterator<Item = (Place, u32, i32)>,
    spans: &[Span],
    moment: impl Fn(&Span) -> i32,
    (low, high): (i64, i64),
    table: &'static str,
    places: &Places<'_>,
    sink: &mut Sink<'_>,
) -> Result<Option<Tally>, Error> {
    let rows = rows.collect::<Vec<_>>();
    if rows.is_empty() || spans.is_empty() {
        return Ok(None);
    }
    let mut stays = vec![None; rows.len()];
    let (mut from, mut start) = (0, 0);
    for group in rows.chunk_by(|a, b| a.1 == b.1) {
        let person = group[0].1;
        from += spans[from..].iter().take_while(|span| span.person < person).count();
        let count = spans[from..].iter().take_while(|span| span.person == person).count();
        let mut starts = (start..).zip(group).map(|(at, row)| (row.2, at)).collect::<Vec<_>>();
        starts.retain(|(time, _)| *time != NO_TIME);
        let timed = starts.iter().map(|(time, _)| *time).collect::<Vec<_>>();
        // An open stay has no book-out, and its number must not move those after it.
        let mut ends = (from..from + count).map(|at| (moment(&spans[at]), at)).collect::<Vec<_>>();
        ends.retain(|(time, _)| *time != NO_TIME);
        ends.sort_unstable();
        let times = ends.iter().map(|(time, _)| *time).collect::<Vec<_>>();
        if person != NONE {
            for (at, end) in nearest::pairs(&timed, &times, low, high).into_iter().enumerate() {
                stays[starts[at].1] = end.map(|end| ends[end].1 as u64 + 1);
            }
        }
        start += group.len();
    }
    for (rows, stays) in rows.chunks(BATCH).zip(stays.chunks(BATCH)) {
        let mut columns = places.columns(&rows.iter().map(|row| row.0).collect::<Vec<_>>())?;
        columns.push(("stay", out::numbers(stays.iter().copied())));
        out::send(sink, table, columns)?;
    }
    let found = stays.iter().flatten().count() as u64;
    let mut tally = Tally::default();
    tally.keep(found);
    if found < rows.len() as u64 {
        tally.set_aside("no_stay", rows.len() as u64 - found);
    }
    Ok(Some(tally))
}
