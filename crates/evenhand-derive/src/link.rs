//! All rows of a release, sorted once, into the derived tables.

use crate::atlas::Atlas;
use crate::cut::{Boundary, Span};
use crate::episodes::{self, Arrest, Assigned, How, Kind};
use crate::facilities::{Facilities, Part};
use crate::intern::NONE;
use crate::nearest;
use crate::out::{self, BATCH, Places};
use crate::read::{self, NO_TIME};
use crate::repeats::{self, Chain, Event};
use crate::states::{Fill, Filled};
use crate::stays::{self, Place, Stay, Stint};
use crate::tuples::Tuples;
use crate::{Error, Linker, Rule, Rules, Sink};
use evenhand_ledger::{Step, Tally};

/// What holds for a whole release while it is linked.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Id of the release.
    pub release: &'a str,
    /// The day (since 1970) on which open stints end: the release's last.
    pub end: i32,
    /// The rules that are applied.
    pub rules: &'a Rules,
    /// Where one release ends and the next begins, for days that several cover.
    pub boundaries: &'a [Boundary],
    /// What is known of places.
    pub atlas: &'a dyn Atlas,
}

const UNTIMED: &str = "time_out_of_range";
const DAY: i64 = 86_400;

impl Linker {
    /// Links the rows.
    ///
    /// Tables: `release_weeks`, `arrest_episodes` (every arrest row), `detainer_places` (every detainer), `repeats`
    /// (rows of other tables set aside), `detention_stays`, `arrest_stays`, `removal_stays`.
    ///
    /// # Errors
    /// [`Error::Sink`] when the sink refuses a batch, [`Error::Boundaries`] when boundaries contradict one another.
    pub fn finish(mut self, frame: &Frame<'_>, sink: &mut Sink<'_>) -> Result<Vec<Step>, Error> {
        let span = Span::of(frame.release, frame.boundaries)?;
        self.forget_people();
        self.weeks.send(frame.release, sink)?;
        let sheets = std::mem::take(&mut self.sheets);
        let places = Places { release: frame.release, sheets: &sheets };
        let mut linking = Linking { frame, span, places, steps: Vec::new(), aside: Vec::new() };
        linking.episodes(&mut self, sink)?;
        linking.detainer_places(&self, sink)?;
        linking.events(&mut self)?;
        linking.stint_repeats(&mut self)?;
        linking.send_repeats(sink)?;
        let stays = linking.stays(&mut self, sink)?;
        linking.joins(&self, &stays, sink)?;
        Ok(linking.steps)
    }
}

/// What is written while a release is linked.
struct Linking<'a> {
    frame: &'a Frame<'a>,
    span: Span,
    places: Places<'a>,
    steps: Vec<Step>,
    /// Rows set aside as repeats.
    aside: Vec<(Rule, &'static str, Place)>,
}

impl Linking<'_> {
    fn apply(&self, rule: Rule) -> bool {
        self.frame.rules.apply(rule)
    }

    fn step(&mut self, name: &str, table: &str, tally: Tally) {
        self.steps.push(Step { name: name.to_owned(), table: table.to_owned(), tally });
    }

    /// Writes every arrest with its episode and state, and leaves those that stand for an episode.
    fn episodes(&mut self, linker: &mut Linker, sink: &mut Sink<'_>) -> Result<(), Error> {
        linker.arrests.sort_unstable();
        let how = How {
            exact: self.apply(Rule::ExactRepeats),
            chain: self.apply(Rule::ArrestEpisodes),
            latest: self.apply(Rule::ArrestTimeRepeats),
        };
        let assigned = episodes::assign(&linker.arrests, how);
        let mut counts = vec![0; linker.cells.list().len()];
        linker.arrests.iter().for_each(|row| counts[row.cells as usize] += 1);
        let (atlas, rules) = (self.frame.atlas, self.frame.rules);
        let mut fill = Fill::new(linker.cells.list(), &counts, &linker.texts, atlas, rules);
        let mut filled = Vec::with_capacity(assigned.len());
        let mut start = 0;
        for episode in assigned.chunk_by(|a, b| a.episode == b.episode) {
            let rows = &linker.arrests[start..start + episode.len()];
            fill.episode(rows.iter().map(|row| row.cells), &mut filled);
            start += rows.len();
        }
        let belongs = belongs(&linker.arrests, &assigned, &self.span);
        for start in (0..assigned.len()).step_by(BATCH) {
            let batch = start..(start + BATCH).min(assigned.len());
            let rows = (&linker.arrests[batch.clone()], &assigned[batch.clone()], &filled[batch.clone()]);
            self.send_episodes(rows, &belongs[batch], &fill.names, sink)?;
        }
        self.episode_steps(linker, &assigned, how);
        if !assigned.is_empty() {
            self.steps.extend(fill.steps(assigned.len() as u64));
            let rows = assigned.iter().zip(&belongs).filter(|(row, _)| row.kind.stands());
            self.boundary_step("arrests", rows.map(|(_, belongs)| *belongs));
        }
        let mut kinds = assigned.iter().map(|row| row.kind);
        linker.arrests.retain(|_| kinds.next().is_some_and(Kind::stands));
        Ok(())
    }

    fn send_episodes(
        &self,
        (rows, assigned, filled): (&[Arrest], &[Assigned], &[Filled]),
        belongs: &[bool],
        states: &[String],
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let mut columns = self.places.columns(rows.iter().map(|row| (row.sheet, row.row)))?;
        columns.push(("episode", out::numbers(assigned.iter().map(|row| Some(u64::from(row.episode))))));
        columns.push(("kind", out::words(assigned.iter().map(|row| Some(row.kind.name())))));
        let state = |row: &Filled| states.get(row.state as usize).map(String::as_str);
        columns.push(("apprehension_state_filled", out::words(filled.iter().map(state))));
        columns.push(("state_source", out::words(filled.iter().map(|row| row.source.name()))));
        columns.push(("belongs", out::truths(belongs.iter().copied())));
        out::send(sink, "arrest_episodes", columns)
    }

    /// Three lines, each of what the one before has left.
    fn episode_steps(&mut self, linker: &Linker, assigned: &[Assigned], how: How) {
        let mut counts = [0_u64; Kind::ALL.len()];
        assigned.iter().for_each(|row| counts[row.kind as usize] += 1);
        let mut left = assigned.len() as u64;
        let mut lines = Vec::new();
        let mut line = |rule: Rule, aside: &[(Kind, &'static str)]| {
            let mut tally = Tally::default();
            for (kind, reason) in aside {
                let rows = counts[*kind as usize];
                left -= rows;
                if rows > 0 {
                    tally.set_aside(reason, rows);
                }
            }
            tally.keep(left);
            lines.push((rule, tally));
        };
        if how.exact {
            line(Rule::ExactRepeats, &[(Kind::Exact, "repeat")]);
        }
        let own = |kind: Kind| (kind, kind.name());
        if how.chain && how.latest {
            line(Rule::ArrestTimeRepeats, &[(Kind::ExactButTime, "repeat")]);
            line(Rule::ArrestEpisodes, &[Kind::Canceled, Kind::Reprocessed, Kind::Other].map(own));
        } else {
            let kinds = [Kind::ExactButTime, Kind::Canceled, Kind::Reprocessed, Kind::Other];
            line(Rule::ArrestEpisodes, &kinds.map(own));
        }
        if let Some((_, first)) = lines.first_mut() {
            first.add(&untimed(linker, "arrests"));
        }
        for (rule, tally) in lines {
            if tally.rows_read > 0 {
                self.step(rule.name(), "arrests", tally);
            }
        }
    }

    /// Writes every detainer with the place of its facility.
    fn detainer_places(&mut self, linker: &Linker, sink: &mut Sink<'_>) -> Result<(), Error> {
        if linker.detainers.is_empty() || !self.apply(Rule::FacilityPlaces) {
            return Ok(());
        }
        let places = crate::facilities::of_detainers(linker.kinds.list(), &linker.texts, self.frame.atlas);
        for rows in linker.detainers.chunks(BATCH) {
            let of = |row: &Event| &places[row.kind as usize];
            let mut columns = self.places.columns(rows.iter().map(|row| (row.sheet, row.row)))?;
            columns
                .push(("facility_city_filled", out::words(rows.iter().map(|row| of(row).city.as_deref()))));
            columns
                .push(("facility_state_filled", out::words(rows.iter().map(|row| of(row).state.as_deref()))));
            columns
                .push(("facility_county_fips", out::words(rows.iter().map(|row| of(row).county.as_deref()))));
            columns.push(("state_source", out::words(rows.iter().map(|row| of(row).source))));
            out::send(sink, "detainer_places", columns)?;
        }
        let mut released = Tally::default();
        let mut by_code = Tally::default();
        for row in &linker.detainers {
            let place = &places[row.kind as usize];
            match place.source {
                Some(crate::facilities::RELEASED) => released.keep(1),
                source => {
                    released.set_aside("no_state", 1);
                    match (source, place.has_code) {
                        (Some(_), _) => by_code.keep(1),
                        (None, true) => by_code.set_aside("unknown_facility_code", 1),
                        (None, false) => by_code.set_aside("no_facility_code", 1),
                    }
                }
            }
        }
        self.step("facility-state-released", "detainers", released);
        if by_code.rows_read > 0 {
            self.step(Rule::FacilityPlaces.name(), "detainers", by_code);
        }
        Ok(())
    }

    fn events(&mut self, linker: &mut Linker) -> Result<(), Error> {
        // Detainers are alike by type and facility, whatever state and city their rows name.
        let mut alike = Tuples::<2>::default();
        let kinds = linker.kinds.list().iter().map(|[kind, code, ..]| alike.number([*kind, *code]));
        let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
        linker.detainers.iter_mut().for_each(|row| row.kind = kinds[row.kind as usize]);
        let (detainers, chain) = match self.apply(Rule::DetainerRepeatsSameDay) {
            true => (Rule::DetainerRepeatsSameDay, Chain::First),
            false => (Rule::DetainerRepeats, Chain::Alike),
        };
        let tables = [
            (detainers, "detainers", &mut linker.detainers, chain),
            (Rule::EncounterRepeats, "encounters", &mut linker.encounters, Chain::First),
            (Rule::RemovalRepeats, "removals", &mut linker.removals, Chain::Last),
        ];
        for (rule, table, rows, chain) in tables {
            rows.sort_unstable();
            for (rule, find) in [
                (Rule::ExactRepeats, repeats::exact as fn(&[Event], Chain) -> Vec<bool>),
                (rule, repeats::repeated),
            ] {
                if rows.is_empty() || !self.apply(rule) {
                    continue;
                }
                let mut repeated = find(rows, chain).into_iter();
                let before = rows.len();
                rows.retain(|row| {
                    let repeat = repeated.next() == Some(true);
                    if repeat {
                        self.aside.push((rule, table, (row.sheet, row.row)));
                    }
                    !repeat
                });
                let after = rows.len();
                self.step(rule.name(), table, less(before, after));
            }
        }
        Ok(())
    }

    fn stint_repeats(&mut self, linker: &mut Linker) -> Result<(), Error> {
        const TABLE: &str = "detention_stints";
        linker.stints.sort_unstable();
        for rule in [Rule::StintBondRepeats, Rule::StintDayRepeats] {
            if linker.stints.is_empty() || !self.apply(rule) {
                continue;
            }
            let (before, mut places) = (linker.stints.len(), Vec::new());
            match rule {
                Rule::StintBondRepeats => {
                    stays::drop_bond_repeats(&mut linker.stints, &mut linker.terms, &mut places)?;
                }
                _ => stays::drop_day_repeats(&mut linker.stints, &mut places),
            }
            self.aside.extend(places.into_iter().map(|place| (rule, TABLE, place)));
            self.step(rule.name(), TABLE, less(before, linker.stints.len()));
        }
        Ok(())
    }

    fn send_repeats(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        for rows in std::mem::take(&mut self.aside).chunks(BATCH) {
            let mut columns = self.places.columns(rows.iter().map(|(.., place)| *place))?;
            columns.push(("table", out::words(rows.iter().map(|(_, table, _)| Some(*table)))));
            columns.push(("step", out::words(rows.iter().map(|(rule, ..)| Some(rule.name())))));
            out::send(sink, "repeats", columns)?;
        }
        Ok(())
    }

    /// Writes the stays, and gives what the joins need of them.
    fn stays(&mut self, linker: &mut Linker, sink: &mut Sink<'_>) -> Result<Stays, Error> {
        let known = linker.stints.partition_point(|stint| stint.person != NONE);
        let (known, unknown) = linker.stints.split_at(known);
        // Rows without the stay's book-in sort first within their person.
        let stays = || known.chunk_by(Stint::same_stay).filter(|stay| !stay[0].unknown());
        let mut bounds = Vec::with_capacity(stays().count());
        bounds.extend(stays().map(|stints| Bounds {
            person: stints[0].person,
            book_in: stints[0].stay,
            book_out: Stay { stints }.book_out(),
        }));
        let mut tally = untimed(linker, "detention_stints");
        tally.keep(stays().map(|stints| stints.len() as u64).sum());
        if !unknown.is_empty() {
            tally.set_aside("no_person_id", unknown.len() as u64);
        }
        let no_book_in = known.len() as u64 - tally.rows_kept;
        if no_book_in > 0 {
            tally.set_aside("no_stay_book_in", no_book_in);
        }
        if tally.rows_read > 0 {
            self.step("stays", "detention_stints", tally);
        }
        let atlas = self.apply(Rule::FacilityPlaces).then_some(self.frame.atlas);
        let facilities = Facilities::of(&linker.stints, &linker.texts, atlas);
        let of_person = bounds.chunk_by(|a, b| a.person == b.person);
        let mut of_person = of_person.flat_map(|stays| stays.iter().map(|_| stays.len() as u32));
        let mut rest = stays();
        let mut number = 0;
        loop {
            let batch = rest.by_ref().take(BATCH).map(|stints| Stay { stints }).collect::<Vec<_>>();
            if batch.is_empty() {
                break;
            }
            let of_person = of_person.by_ref().take(batch.len()).collect::<Vec<_>>();
            self.send_stays(linker, &facilities, &batch, number, of_person, sink)?;
            number += batch.len() as u64;
        }
        self.facility_step(&facilities, stays());
        self.stay_boundary_steps(stays());
        let departed = match self.apply(Rule::RemovalStaysWide) {
            true => stays().map(|stints| linker.terms.departed(stints[stints.len() - 1].terms)).collect(),
            false => Vec::new(),
        };
        Ok(Stays { bounds, departed })
    }

    fn send_stays(
        &self,
        linker: &Linker,
        facilities: &Facilities,
        stays: &[Stay<'_>],
        before: u64,
        of_person: Vec<u32>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let end = midnight(self.frame.end);
        let last = |stay: &Stay<'_>| stay.stints[stay.stints.len() - 1];
        let mut columns = self.places.columns(stays.iter().map(|stay| (last(stay).sheet, last(stay).row)))?;
        columns.push(("stay", out::numbers((1..=stays.len() as u64).map(|at| Some(before + at)))));
        columns.push(("stay_book_in_date_time", out::times(stays.iter().map(|stay| stay.stints[0].stay))));
        columns.push(("stay_book_out_date_time", out::times(stays.iter().map(Stay::book_out))));
        columns.push(("stints", out::counts(stays.iter().map(|stay| stay.stints.len() as u32))));
        columns.push(("detention_facility_codes", facilities.joined(stays)));
        let [first, longest, latest] = [
            stays.iter().map(|stay| stay.stints[0]).collect::<Vec<_>>(),
            stays.iter().map(|stay| *stay.longest(end)).collect(),
            stays.iter().map(last).collect(),
        ];
        for (stints, names) in [(first, FIRST), (longest, LONGEST), (latest, LAST)] {
            let [code, book_in, book_out, city, state, county] = names;
            let part = |part| facilities.column(part, stints.iter().map(|stint| stint.facility));
            columns.push((code, part(Part::Code)?));
            columns.push((book_in, out::times(stints.iter().map(|stint| stint.book_in))));
            columns.push((book_out, out::times(stints.iter().map(|stint| stint.book_out))));
            columns.push((city, part(Part::City)?));
            columns.push((state, part(Part::State)?));
            columns.push((county, part(Part::County)?));
        }
        let lowest = |stay: &Stay<'_>| stay.lowest_bond(&linker.terms);
        columns.push(("bond_amount_lowest", out::amounts(stays.iter().map(lowest))));
        columns.push(("stays_of_person", out::counts(of_person.into_iter())));
        columns.push(("belongs", out::truths(stays.iter().map(|stay| self.holds(stay.stints)))));
        out::send(sink, "detention_stays", columns)
    }

    fn holds(&self, stints: &[Stint]) -> bool {
        let (book_in, book_out) = moments(stints);
        self.span.holds_stay(book_in, book_out)
    }

    fn facility_step<'a>(&mut self, facilities: &Facilities, stays: impl Iterator<Item = &'a [Stint]>) {
        if !self.apply(Rule::FacilityPlaces) {
            return;
        }
        let mut tally = Tally::default();
        for stint in stays.filter_map(<[Stint]>::last) {
            match facilities.is_placed(stint.facility) {
                Some(true) => tally.keep(1),
                Some(false) => tally.set_aside("unknown_facility_code", 1),
                None => tally.set_aside("no_facility_code", 1),
            }
        }
        if tally.rows_read > 0 {
            self.step(Rule::FacilityPlaces.name(), "detention_stays", tally);
        }
    }

    /// A line for stays, and one for the stints of stays on both sides of a boundary, which a cut through stints
    /// would count in two releases.
    fn stay_boundary_steps<'a>(&mut self, stays: impl Iterator<Item = &'a [Stint]>) {
        if !self.span.is_bounded() {
            return;
        }
        let mut crossing = Tally::default();
        let mut held = Vec::new();
        for stints in stays {
            let (book_in, book_out) = moments(stints);
            let is_held = self.span.holds_stay(book_in, book_out);
            held.push(is_held);
            match (self.span.is_crossed_by(book_in, book_out), is_held) {
                (true, true) => crossing.keep(stints.len() as u64),
                (true, false) => crossing.set_aside(ELSEWHERE, stints.len() as u64),
                (false, _) => {}
            }
        }
        self.boundary_step("detention_stays", held.into_iter());
        self.step("boundary-stays", "detention_stints", crossing);
    }

    fn boundary_step(&mut self, table: &str, rows: impl Iterator<Item = bool>) {
        if !self.span.is_bounded() {
            return;
        }
        let mut tally = Tally::default();
        for belongs in rows {
            match belongs {
                true => tally.keep(1),
                false => tally.set_aside(ELSEWHERE, 1),
            }
        }
        self.step("release-boundary", table, tally);
    }

    fn joins(&mut self, linker: &Linker, stays: &Stays, sink: &mut Sink<'_>) -> Result<(), Error> {
        let bounds = &stays.bounds;
        if self.apply(Rule::ArrestStays) {
            let meeting = Meeting {
                event: |row: &Arrest| ((row.sheet, row.row), row.person, row.time),
                moments: |stay: usize| [bounds[stay].book_in, NO_TIME],
                window: (-5 * DAY, 10 * DAY),
            };
            let tally = join(&linker.arrests, bounds, &meeting, "arrest_stays", &self.places, sink)?;
            self.joined(Rule::ArrestStays, "arrests", tally);
        }
        let event = |row: &Event| ((row.sheet, row.row), row.person, midnight(row.day));
        if self.apply(Rule::RemovalStays) {
            let moments = |stay: usize| [bounds[stay].book_out, NO_TIME];
            let meeting = Meeting { event, moments, window: (-10 * DAY, DAY) };
            let tally = join(&linker.removals, bounds, &meeting, "removal_stays", &self.places, sink)?;
            self.joined(Rule::RemovalStays, "removals", tally);
        }
        if self.apply(Rule::RemovalStaysWide) {
            let departed = |stay: usize| match stays.departed[stay] {
                read::NO_DAY => NO_TIME,
                day => midnight(day),
            };
            let moments = |stay: usize| [bounds[stay].book_out, departed(stay)];
            let meeting = Meeting { event, moments, window: (-5 * DAY, 10 * DAY) };
            let tally = join(&linker.removals, bounds, &meeting, "removal_stays", &self.places, sink)?;
            self.joined(Rule::RemovalStaysWide, "removals", tally);
        }
        Ok(())
    }

    fn joined(&mut self, rule: Rule, table: &str, tally: Option<Tally>) {
        if let Some(tally) = tally {
            self.step(rule.name(), table, tally);
        }
    }
}

const ELSEWHERE: &str = "of_another_release";

/// Columns of one stint of a stay.
type Named = [&'static str; 6];

const FIRST: Named = [
    "detention_facility_code_first",
    "book_in_date_time_first",
    "book_out_date_time_first",
    "facility_city_first",
    "facility_state_first",
    "facility_county_fips_first",
];
const LONGEST: Named = [
    "detention_facility_code_longest",
    "book_in_date_time_longest",
    "book_out_date_time_longest",
    "facility_city_longest",
    "facility_state_longest",
    "facility_county_fips_longest",
];
const LAST: Named = [
    "detention_facility_code_last",
    "book_in_date_time_last",
    "book_out_date_time_last",
    "facility_city_last",
    "facility_state_last",
    "facility_county_fips_last",
];

/// A stay, as short as joins need it; 12 bytes. Sorted by person and book-in; a stay's number is its place plus 1.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    person: u32,
    book_in: i32,
    book_out: i32,
}

/// What joins need of the stays.
struct Stays {
    bounds: Vec<Bounds>,
    /// The day of departure of each, where a rule asks for it.
    departed: Vec<i32>,
}

/// Whether each arrest belongs to the release: as the row that stands for its episode.
fn belongs(rows: &[Arrest], assigned: &[Assigned], span: &Span) -> Vec<bool> {
    if !span.is_bounded() {
        return vec![true; rows.len()];
    }
    let mut belongs = Vec::with_capacity(rows.len());
    let mut start = 0;
    for episode in assigned.chunk_by(|a, b| a.episode == b.episode) {
        let rows = &rows[start..start + episode.len()];
        let stands = episode.iter().position(|row| row.kind.stands()).unwrap_or(0);
        let is_held = span.holds(seconds(rows[stands].time));
        belongs.extend(rows.iter().map(|_| is_held));
        start += rows.len();
    }
    belongs
}

/// Book-in of the stay and book-out of its last stint, seconds since 1970.
fn moments(stints: &[Stint]) -> (i64, Option<i64>) {
    (i64::from(stints[0].stay) + read::EPOCH, seconds(Stay { stints }.book_out()))
}

fn seconds(time: i32) -> Option<i64> {
    (time != NO_TIME).then(|| i64::from(time) + read::EPOCH)
}

fn untimed(linker: &Linker, table: &str) -> Tally {
    let mut tally = Tally::default();
    if let Some(rows) = linker.untimed.get(table) {
        tally.set_aside(UNTIMED, *rows);
    }
    tally
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

/// How events meet stays.
struct Meeting<E, M> {
    /// Where an event was read, its person and its time.
    event: E,
    /// The moments of a stay that may meet it.
    moments: M,
    /// Seconds from the event to such a moment, least and most.
    window: (i64, i64),
}

/// Joins events to the stays of the same person, one to one, and writes each event with its stay or none.
fn join<T>(
    rows: &[T],
    bounds: &[Bounds],
    meeting: &Meeting<impl Fn(&T) -> (Place, u32, i32), impl Fn(usize) -> [i32; 2]>,
    table: &'static str,
    places: &Places<'_>,
    sink: &mut Sink<'_>,
) -> Result<Option<Tally>, Error> {
    if rows.is_empty() || bounds.is_empty() {
        return Ok(None);
    }
    let person_of = |row: &T| (meeting.event)(row).1;
    // The stay's number, 0 for none.
    let mut stays = vec![0_u32; rows.len()];
    let (mut from, mut start) = (0, 0);
    let (mut at, mut times, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for group in rows.chunk_by(|a, b| person_of(a) == person_of(b)) {
        let person = person_of(&group[0]);
        from += bounds[from..].iter().take_while(|stay| stay.person < person).count();
        let count = bounds[from..].iter().take_while(|stay| stay.person == person).count();
        if person != NONE && count > 0 {
            let timed = || {
                let timed = group.iter().map(|row| (meeting.event)(row).2);
                (start..).zip(timed).filter(|(_, time)| *time != NO_TIME)
            };
            at.clear();
            at.extend(timed().map(|(at, _)| at));
            times.clear();
            times.extend(timed().map(|(_, time)| time));
            ends.clear();
            let moments =
                (from..from + count).flat_map(|stay| (meeting.moments)(stay).map(|time| (time, stay)));
            // An open stay has no book-out.
            ends.extend(moments.filter(|(time, _)| *time != NO_TIME));
            ends.sort_unstable();
            let (low, high) = meeting.window;
            for (event, stay) in at.iter().zip(nearest::pairs(&times, &ends, low, high)) {
                stays[*event] = stay.map_or(0, |stay| stay as u32 + 1);
            }
        }
        start += group.len();
    }
    for (rows, stays) in rows.chunks(BATCH).zip(stays.chunks(BATCH)) {
        let mut columns = places.columns(rows.iter().map(|row| (meeting.event)(row).0))?;
        let stay = |stay: &u32| (*stay > 0).then(|| u64::from(*stay));
        columns.push(("stay", out::numbers(stays.iter().map(stay))));
        out::send(sink, table, columns)?;
    }
    let found = stays.iter().filter(|stay| **stay > 0).count() as u64;
    let mut tally = Tally::default();
    tally.keep(found);
    if found < rows.len() as u64 {
        tally.set_aside("no_stay", rows.len() as u64 - found);
    }
    Ok(Some(tally))
}
