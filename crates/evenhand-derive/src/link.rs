//! All rows of a release, sorted by person, into the derived tables in one pass.

use crate::atlas::Atlas;
use crate::cut::{Boundary, Span};
use crate::episodes::{self, Arrest, Assigned, How, Kind};
use crate::facilities::{self, DetainerPlace, Facilities, Part};
use crate::intern::NONE;
use crate::nearest;
use crate::out::{self, Places};
use crate::people::Rows;
use crate::person::{NOBODY, Person};
use crate::read::{self, NO_TIME};
use crate::repeats::{self, Chain, Event};
use crate::states::{Fill, Filled, Source};
use crate::stays::{self, Place, Stay, Stint};
use crate::tuples::Tuples;
use crate::{Error, Linker, Rule, Rules, Sink};
use evenhand_ledger::{Step, Tally};
use std::collections::BTreeMap;

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
    /// Links the rows, person by person.
    ///
    /// Tables: `release_weeks`, `arrest_episodes` (every arrest row), `detainer_places` (every detainer), `repeats`
    /// (rows of other tables set aside), `detention_stays`, `arrest_stays`, `removal_stays`. Their rows are in the
    /// order of identifiers; rows without one come last.
    ///
    /// # Errors
    /// [`Error::Sink`] when the sink refuses a batch, [`Error::Boundaries`] when boundaries contradict one another,
    /// [`Error::Scratch`] when rows cannot be read again.
    pub fn finish(mut self, frame: &Frame<'_>, sink: &mut Sink<'_>) -> Result<Vec<Step>, Error> {
        let span = Span::of(frame.release, frame.boundaries)?;
        self.weeks.send(frame.release, sink)?;
        let rows_at_a_time = self.run_rows();
        let mut people = self.people()?;
        let mut linking = Linking::new(&self, frame, span)?;
        let (mut rows, mut next) = (Rows::default(), Rows::default());
        let mut has_more = people.next(&mut rows, rows_at_a_time)?;
        while has_more {
            // The next persons are found while these are linked.
            let (found, linked) = std::thread::scope(|scope| {
                let found = scope.spawn(|| people.next(&mut next, rows_at_a_time));
                let linked = linking.link(&mut rows, sink);
                (found.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), linked)
            });
            linked?;
            has_more = found?;
            std::mem::swap(&mut rows, &mut next);
        }
        Ok(linking.steps())
    }
}

/// Lines of the ledger, in its order; those of arrests come before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Line {
    ArrestBoundary,
    DetainerStates,
    DetainerPlaces,
    ExactDetainers,
    Detainers,
    ExactEncounters,
    Encounters,
    ExactRemovals,
    Removals,
    StintBonds,
    StintDays,
    Stays,
    StayPlaces,
    StayBoundary,
    StintBoundary,
    ArrestStays,
    RemovalStays,
    RemovalStaysWide,
}

/// What is known of a whole release before its first person, and counted until its last.
struct Linking<'a> {
    frame: &'a Frame<'a>,
    span: Span,
    places: Places<'a>,
    untimed: &'a BTreeMap<&'static str, u64>,
    has_stays: bool,
    how: How,
    fill: Fill,
    facilities: Facilities,
    detainer_places: Vec<DetainerPlace>,
    /// Detainers are alike by type and facility, whatever state and city their rows name.
    alike: Vec<u32>,
    lines: BTreeMap<Line, Step>,
    /// Arrests by kind.
    kinds: [u64; Kind::ALL.len()],
    episodes: u64,
    stays: u64,
    /// Rows set aside as repeats.
    aside: Vec<(Rule, &'static str, Place)>,
}

impl<'a> Linking<'a> {
    fn new(linker: &'a Linker, frame: &'a Frame<'a>, span: Span) -> Result<Linking<'a>, Error> {
        let apply = |rule| frame.rules.apply(rule);
        let Linker { texts, cells, rows_of_cells, kinds, codes, .. } = linker;
        let atlas = apply(Rule::FacilityPlaces).then_some(frame.atlas);
        let mut alike = Tuples::<2>::default();
        let numbers = kinds.list().iter().map(|[kind, code, ..]| alike.number([*kind, *code]));
        Ok(Linking {
            frame,
            span,
            places: Places { release: frame.release, sheets: &linker.sheets },
            untimed: &linker.untimed,
            has_stays: linker.has_stays,
            how: How {
                exact: apply(Rule::ExactRepeats),
                chain: apply(Rule::ArrestEpisodes),
                latest: apply(Rule::ArrestTimeRepeats),
            },
            fill: Fill::new(cells.list(), rows_of_cells, texts, frame.atlas, frame.rules),
            facilities: Facilities::of(codes, atlas),
            detainer_places: match atlas {
                Some(atlas) => facilities::of_detainers(kinds.list(), texts, atlas),
                None => Vec::new(),
            },
            alike: numbers.collect::<Result<_, _>>()?,
            lines: BTreeMap::new(),
            kinds: [0; Kind::ALL.len()],
            episodes: 0,
            stays: 0,
            aside: Vec::new(),
        })
    }

    fn apply(&self, rule: Rule) -> bool {
        self.frame.rules.apply(rule)
    }

    /// Links all rows of some persons.
    fn link(&mut self, rows: &mut Rows, sink: &mut Sink<'_>) -> Result<(), Error> {
        self.episodes(rows, sink)?;
        self.detainer_places(rows, sink)?;
        self.events(rows);
        self.stint_repeats(rows);
        self.send_repeats(sink)?;
        let stays = self.stays(rows, sink)?;
        self.joins(rows, &stays, sink)
    }

    /// A line of the ledger, to be counted in.
    fn line(&mut self, line: Line, name: &str, table: &str) -> &mut Tally {
        let empty = || Step { name: name.to_owned(), table: table.to_owned(), tally: Tally::default() };
        &mut self.lines.entry(line).or_insert_with(empty).tally
    }

    /// Writes every arrest with its episode and state, and leaves those that stand for an episode.
    fn episodes(&mut self, rows: &mut Rows, sink: &mut Sink<'_>) -> Result<(), Error> {
        if rows.arrests.is_empty() {
            return Ok(());
        }
        let assigned = episodes::assign(&rows.arrests, self.how);
        let mut filled = Vec::with_capacity(assigned.len());
        let mut start = 0;
        for episode in assigned.chunk_by(|a, b| a.episode == b.episode) {
            let rows = &rows.arrests[start..start + episode.len()];
            self.fill.episode(rows.iter().map(|row| row.cells), &mut filled);
            start += rows.len();
        }
        let belongs = belongs(&rows.arrests, &assigned, &self.span);
        self.send_episodes((&rows.arrests, &assigned, &filled), &belongs, sink)?;
        self.episodes += assigned.last().map_or(0, |row| u64::from(row.episode));
        assigned.iter().for_each(|row| self.kinds[row.kind as usize] += 1);
        let standing = assigned.iter().zip(&belongs).filter(|(row, _)| row.kind.stands());
        self.boundary(Line::ArrestBoundary, "arrests", standing.map(|(_, belongs)| *belongs));
        let mut kinds = assigned.iter().map(|row| row.kind);
        rows.arrests.retain(|_| kinds.next().is_some_and(Kind::stands));
        Ok(())
    }

    fn send_episodes(
        &self,
        (rows, assigned, filled): (&[Arrest], &[Assigned], &[Filled]),
        belongs: &[bool],
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let mut columns = self.places.columns(rows.iter().map(|row| (row.sheet, row.row)))?;
        columns.push((
            "episode",
            out::numbers(assigned.iter().map(|row| Some(self.episodes + u64::from(row.episode)))),
        ));
        let kind = assigned.iter().map(|row| Some(row.kind as usize));
        columns.push(("kind", out::coded(Kind::ALL.map(Kind::name), kind)?));
        let state = filled.iter().map(|row| (row.state != NONE).then_some(row.state as usize));
        let names = self.fill.names.iter().map(String::as_str);
        columns.push(("apprehension_state_filled", out::coded(names, state)?));
        let source = filled.iter().map(|row| row.source.place());
        columns.push(("state_source", out::coded(Source::names(), source)?));
        columns.push(("belongs", out::truths(belongs.iter().copied())));
        out::send(sink, "arrest_episodes", columns)
    }

    /// Every line. Those of arrests are each of what the one before has left.
    fn steps(mut self) -> Vec<Step> {
        let arrests = self.kinds.iter().sum::<u64>();
        let mut left = arrests;
        let mut lines = Vec::new();
        let mut line = |rule: Rule, aside: &[(Kind, &'static str)]| {
            let mut tally = Tally::default();
            for (kind, reason) in aside {
                let rows = self.kinds[*kind as usize];
                left -= rows;
                if rows > 0 {
                    tally.set_aside(reason, rows);
                }
            }
            tally.keep(left);
            lines.push(Step { name: rule.name().to_owned(), table: "arrests".to_owned(), tally });
        };
        if self.how.exact {
            line(Rule::ExactRepeats, &[(Kind::Exact, "repeat")]);
        }
        let own = |kind: Kind| (kind, kind.name());
        if self.how.chain && self.how.latest {
            line(Rule::ArrestTimeRepeats, &[(Kind::ExactButTime, "repeat")]);
            line(Rule::ArrestEpisodes, &[Kind::Canceled, Kind::Reprocessed, Kind::Other].map(own));
        } else {
            let kinds = [Kind::ExactButTime, Kind::Canceled, Kind::Reprocessed, Kind::Other];
            line(Rule::ArrestEpisodes, &kinds.map(own));
        }
        if let Some(first) = lines.first_mut() {
            first.tally.add(&self.untimed("arrests"));
        }
        lines.retain(|line| line.tally.rows_read > 0);
        if arrests > 0 {
            lines.extend(self.fill.steps(arrests));
        }
        let untimed = self.untimed("detention_stints");
        if untimed.rows_read > 0 {
            self.line(Line::Stays, "stays", "detention_stints").add(&untimed);
        }
        lines.extend(self.lines.into_values());
        lines
    }

    /// Rows that could not be placed in time.
    fn untimed(&self, table: &str) -> Tally {
        let mut tally = Tally::default();
        if let Some(rows) = self.untimed.get(table) {
            tally.set_aside(UNTIMED, *rows);
        }
        tally
    }

    /// Writes every detainer with the place of its facility.
    fn detainer_places(&mut self, rows: &Rows, sink: &mut Sink<'_>) -> Result<(), Error> {
        let rows = &rows.detainers;
        if rows.is_empty() || !self.apply(Rule::FacilityPlaces) {
            return Ok(());
        }
        let of = |row: &Event| &self.detainer_places[row.kind as usize];
        let mut columns = self.places.columns(rows.iter().map(|row| (row.sheet, row.row)))?;
        columns.push(("facility_city_filled", out::words(rows.iter().map(|row| of(row).city.as_deref()))));
        columns.push(("facility_state_filled", out::words(rows.iter().map(|row| of(row).state.as_deref()))));
        columns.push(("facility_county_fips", out::words(rows.iter().map(|row| of(row).county.as_deref()))));
        columns.push(("state_source", out::words(rows.iter().map(|row| of(row).source))));
        out::send(sink, "detainer_places", columns)?;
        let (mut released, mut by_code) = (Tally::default(), Tally::default());
        for place in rows.iter().map(of) {
            match (place.source, place.has_code) {
                (Some(facilities::RELEASED), _) => {
                    released.keep(1);
                    continue;
                }
                (Some(_), _) => by_code.keep(1),
                (None, true) => by_code.set_aside("unknown_facility_code", 1),
                (None, false) => by_code.set_aside("no_facility_code", 1),
            }
            released.set_aside("no_state", 1);
        }
        self.line(Line::DetainerStates, "facility-state-released", "detainers").add(&released);
        if by_code.rows_read > 0 {
            self.line(Line::DetainerPlaces, Rule::FacilityPlaces.name(), "detainers").add(&by_code);
        }
        Ok(())
    }

    fn events(&mut self, rows: &mut Rows) {
        rows.detainers.iter_mut().for_each(|row| row.kind = self.alike[row.kind as usize]);
        let (detainers, chain) = match self.apply(Rule::DetainerRepeatsSameDay) {
            true => (Rule::DetainerRepeatsSameDay, Chain::First),
            false => (Rule::DetainerRepeats, Chain::Alike),
        };
        let tables = [
            ([Line::ExactDetainers, Line::Detainers], detainers, "detainers", &mut rows.detainers, chain),
            (
                [Line::ExactEncounters, Line::Encounters],
                Rule::EncounterRepeats,
                "encounters",
                &mut rows.encounters,
                Chain::First,
            ),
            (
                [Line::ExactRemovals, Line::Removals],
                Rule::RemovalRepeats,
                "removals",
                &mut rows.removals,
                Chain::Last,
            ),
        ];
        for ([exact, other], rule, table, rows, chain) in tables {
            for (line, rule, find) in [
                (exact, Rule::ExactRepeats, repeats::exact as fn(&[Event], Chain) -> Vec<bool>),
                (other, rule, repeats::repeated),
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
                self.line(line, rule.name(), table).add(&less(before, rows.len()));
            }
        }
    }

    fn stint_repeats(&mut self, rows: &mut Rows) {
        const TABLE: &str = "detention_stints";
        let stints = &mut rows.stints;
        for (line, rule, drop) in [
            (
                Line::StintBonds,
                Rule::StintBondRepeats,
                stays::drop_bond_repeats as fn(&mut Vec<Stint>, &mut Vec<Place>),
            ),
            (Line::StintDays, Rule::StintDayRepeats, stays::drop_day_repeats),
        ] {
            if stints.is_empty() || !self.apply(rule) {
                continue;
            }
            let (before, mut places) = (stints.len(), Vec::new());
            drop(stints, &mut places);
            self.aside.extend(places.into_iter().map(|place| (rule, TABLE, place)));
            self.line(line, rule.name(), TABLE).add(&less(before, stints.len()));
        }
    }

    fn send_repeats(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        if self.aside.is_empty() {
            return Ok(());
        }
        let mut columns = self.places.columns(self.aside.iter().map(|(.., place)| *place))?;
        columns.push(("table", out::words(self.aside.iter().map(|(_, table, _)| Some(*table)))));
        let step = self.aside.iter().map(|(rule, ..)| Some(*rule as usize));
        columns.push(("step", out::coded(Rule::ALL.map(Rule::name), step)?));
        self.aside.clear();
        out::send(sink, "repeats", columns)
    }

    /// Writes the stays, and gives what the joins need of them.
    fn stays(&mut self, rows: &Rows, sink: &mut Sink<'_>) -> Result<Vec<Bounds>, Error> {
        if rows.stints.is_empty() {
            return Ok(Vec::new());
        }
        let known = rows.stints.partition_point(|stint| stint.person != NOBODY);
        let (known, unknown) = rows.stints.split_at(known);
        // Rows without the stay's book-in sort first within their person.
        let stays = known.chunk_by(Stint::same_stay).filter(|stay| !stay[0].unknown());
        let stays = stays.map(|stints| Stay { stints }).collect::<Vec<_>>();
        let mut tally = Tally::default();
        tally.keep(stays.iter().map(|stay| stay.stints.len() as u64).sum());
        if !unknown.is_empty() {
            tally.set_aside("no_person_id", unknown.len() as u64);
        }
        let no_book_in = known.len() as u64 - tally.rows_kept;
        if no_book_in > 0 {
            tally.set_aside("no_stay_book_in", no_book_in);
        }
        self.line(Line::Stays, "stays", "detention_stints").add(&tally);
        if stays.is_empty() {
            return Ok(Vec::new());
        }
        self.send_stays(&stays, sink)?;
        self.facility_step(&stays);
        self.stay_boundary_steps(&stays);
        let bounds = stays.iter().enumerate().map(|(at, stay)| Bounds {
            number: self.stays + at as u64 + 1,
            person: stay.first().person,
            book_in: stay.first().stay,
            book_out: stay.book_out(),
            departed: stay.last().departed,
        });
        let bounds = bounds.collect();
        self.stays += stays.len() as u64;
        Ok(bounds)
    }

    fn send_stays(&self, stays: &[Stay<'_>], sink: &mut Sink<'_>) -> Result<(), Error> {
        let end = midnight(self.frame.end);
        let mut columns =
            self.places.columns(stays.iter().map(|stay| (stay.last().sheet, stay.last().row)))?;
        columns.push(("stay", out::numbers((1..=stays.len() as u64).map(|at| Some(self.stays + at)))));
        columns.push(("stay_book_in_date_time", out::times(stays.iter().map(|stay| stay.first().stay))));
        columns.push(("stay_book_out_date_time", out::times(stays.iter().map(Stay::book_out))));
        columns.push(("stints", out::counts(stays.iter().map(|stay| stay.stints.len() as u32))));
        columns.push(("detention_facility_codes", self.facilities.joined(stays)));
        let [first, longest, latest] = [
            stays.iter().map(Stay::first).collect::<Vec<_>>(),
            stays.iter().map(|stay| stay.longest(end)).collect(),
            stays.iter().map(Stay::last).collect(),
        ];
        for (stints, names) in [(first, FIRST), (longest, LONGEST), (latest, LAST)] {
            let [code, book_in, book_out, city, state, county] = names;
            let part = |part| self.facilities.column(part, stints.iter().map(|stint| stint.facility));
            columns.push((code, part(Part::Code)?));
            columns.push((book_in, out::times(stints.iter().map(|stint| stint.book_in))));
            columns.push((book_out, out::times(stints.iter().map(|stint| stint.book_out))));
            columns.push((city, part(Part::City)?));
            columns.push((state, part(Part::State)?));
            columns.push((county, part(Part::County)?));
        }
        columns.push(("bond_amount_lowest", out::amounts(stays.iter().map(Stay::lowest_bond))));
        let of_person = stays.chunk_by(|a, b| a.first().person == b.first().person);
        let of_person = of_person.flat_map(|stays| stays.iter().map(|_| stays.len() as u32));
        columns.push(("stays_of_person", out::counts(of_person)));
        columns.push(("belongs", out::truths(stays.iter().map(|stay| self.holds(stay.stints)))));
        out::send(sink, "detention_stays", columns)
    }

    fn holds(&self, stints: &[Stint]) -> bool {
        let (book_in, book_out) = moments(stints);
        self.span.holds_stay(book_in, book_out)
    }

    fn facility_step(&mut self, stays: &[Stay<'_>]) {
        if !self.apply(Rule::FacilityPlaces) {
            return;
        }
        let mut tally = Tally::default();
        for stay in stays {
            match self.facilities.is_placed(stay.last().facility) {
                Some(true) => tally.keep(1),
                Some(false) => tally.set_aside("unknown_facility_code", 1),
                None => tally.set_aside("no_facility_code", 1),
            }
        }
        self.line(Line::StayPlaces, Rule::FacilityPlaces.name(), "detention_stays").add(&tally);
    }

    /// A line for stays, and one for the stints of stays on both sides of a boundary, which a cut through stints
    /// would count in two releases.
    fn stay_boundary_steps(&mut self, stays: &[Stay<'_>]) {
        if !self.span.is_bounded() {
            return;
        }
        let mut crossing = Tally::default();
        let mut held = Vec::with_capacity(stays.len());
        for Stay { stints } in stays {
            let (book_in, book_out) = moments(stints);
            let is_held = self.span.holds_stay(book_in, book_out);
            held.push(is_held);
            match (self.span.is_crossed_by(book_in, book_out), is_held) {
                (true, true) => crossing.keep(stints.len() as u64),
                (true, false) => crossing.set_aside(ELSEWHERE, stints.len() as u64),
                (false, _) => {}
            }
        }
        self.boundary(Line::StayBoundary, "detention_stays", held.into_iter());
        self.line(Line::StintBoundary, "boundary-stays", "detention_stints").add(&crossing);
    }

    fn boundary(&mut self, line: Line, table: &str, rows: impl Iterator<Item = bool>) {
        if !self.span.is_bounded() {
            return;
        }
        let tally = self.line(line, "release-boundary", table);
        for belongs in rows {
            match belongs {
                true => tally.keep(1),
                false => tally.set_aside(ELSEWHERE, 1),
            }
        }
    }

    fn joins(&mut self, rows: &Rows, stays: &[Bounds], sink: &mut Sink<'_>) -> Result<(), Error> {
        if self.apply(Rule::ArrestStays) {
            let meeting = Meeting {
                event: |row: &Arrest| ((row.sheet, row.row), row.person, row.time),
                moments: |stay: &Bounds| [stay.book_in, NO_TIME],
                window: (-5 * DAY, 10 * DAY),
            };
            let joined = join(&rows.arrests, stays, &meeting);
            let places = rows.arrests.iter().map(|row| (row.sheet, row.row));
            self.joined(
                (Line::ArrestStays, Rule::ArrestStays, "arrests"),
                ("arrest_stays", places, joined),
                sink,
            )?;
        }
        let event = |row: &Event| ((row.sheet, row.row), row.person, midnight(row.day));
        let places = || rows.removals.iter().map(|row| (row.sheet, row.row));
        if self.apply(Rule::RemovalStays) {
            let moments = |stay: &Bounds| [stay.book_out, NO_TIME];
            let joined = join(&rows.removals, stays, &Meeting { event, moments, window: (-10 * DAY, DAY) });
            let line = (Line::RemovalStays, Rule::RemovalStays, "removals");
            self.joined(line, ("removal_stays", places(), joined), sink)?;
        }
        if self.apply(Rule::RemovalStaysWide) {
            let departed = |stay: &Bounds| match stay.departed {
                read::NO_DAY => NO_TIME,
                day => midnight(day),
            };
            let moments = |stay: &Bounds| [stay.book_out, departed(stay)];
            let joined =
                join(&rows.removals, stays, &Meeting { event, moments, window: (-5 * DAY, 10 * DAY) });
            let line = (Line::RemovalStaysWide, Rule::RemovalStaysWide, "removals");
            self.joined(line, ("removal_stays", places(), joined), sink)?;
        }
        Ok(())
    }

    /// Writes events, each with its stay or none; a release without stays has no such table.
    fn joined(
        &mut self,
        (line, rule, events): (Line, Rule, &str),
        (table, places, stays): (&'static str, impl Iterator<Item = Place>, Vec<Option<u64>>),
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        if !self.has_stays || stays.is_empty() {
            return Ok(());
        }
        let mut columns = self.places.columns(places)?;
        columns.push(("stay", out::numbers(stays.iter().copied())));
        out::send(sink, table, columns)?;
        let found = stays.iter().flatten().count() as u64;
        let tally = self.line(line, rule.name(), events);
        tally.keep(found);
        if found < stays.len() as u64 {
            tally.set_aside("no_stay", stays.len() as u64 - found);
        }
        Ok(())
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

/// A stay, as short as joins need it. Sorted by person and book-in.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    number: u64,
    person: Person,
    book_in: i32,
    book_out: i32,
    /// The day of departure.
    departed: i32,
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

/// The number of the stay that each event meets, one to one, of the same person's.
fn join<T>(
    rows: &[T],
    stays: &[Bounds],
    meeting: &Meeting<impl Fn(&T) -> (Place, Person, i32), impl Fn(&Bounds) -> [i32; 2]>,
) -> Vec<Option<u64>> {
    let person_of = |row: &T| (meeting.event)(row).1;
    let mut joined = vec![None; rows.len()];
    let (mut from, mut start) = (0, 0);
    let (mut at, mut times, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for group in rows.chunk_by(|a, b| person_of(a) == person_of(b)) {
        let person = person_of(&group[0]);
        from += stays[from..].iter().take_while(|stay| stay.person < person).count();
        let count = stays[from..].iter().take_while(|stay| stay.person == person).count();
        if person != NOBODY && count > 0 {
            let timed = || {
                let timed = group.iter().map(|row| (meeting.event)(row).2);
                (start..).zip(timed).filter(|(_, time)| *time != NO_TIME)
            };
            at.clear();
            at.extend(timed().map(|(at, _)| at));
            times.clear();
            times.extend(timed().map(|(_, time)| time));
            ends.clear();
            let moments = (from..from + count)
                .flat_map(|stay| (meeting.moments)(&stays[stay]).map(|time| (time, stay)));
            // An open stay has no book-out.
            ends.extend(moments.filter(|(time, _)| *time != NO_TIME));
            ends.sort_unstable();
            let (low, high) = meeting.window;
            for (event, stay) in at.iter().zip(nearest::pairs(&times, &ends, low, high)) {
                joined[*event] = stay.map(|stay| stays[stay].number);
            }
        }
        start += group.len();
    }
    joined
}
