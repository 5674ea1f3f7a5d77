//! What happens to one made-up person: encounters, detainers, arrests, stays, removals, consistent with one
//! another, and the rows that a release has of it, repeats among them.
//!
//! A life is a pure function of the seed and the person's number, so nothing has to be kept: it is lived again
//! whenever a row of it is written.

use crate::calendar::{self, DAY};
use crate::places::Places;
use crate::quirk::{Quirk, Quirks};
use crate::random::{Draws, mix, unit};
use crate::release::{Release, TABLES, Table};

/// Number of tables.
pub const KINDS_OF_ROWS: usize = TABLES.len();

/// How a person comes into the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// An arrest, what led to it and what followed.
    Arrest,
    /// Detention after the border.
    Border,
    /// A detainer that nothing follows.
    Detainer,
    /// An encounter that nothing follows.
    Encounter,
    /// A removal without a stay.
    Removal,
    /// One row in one table.
    Single(Table),
    /// One row and its exact repeat.
    Pair(Table),
    /// One row whose date lies outside the window.
    Outside(Table),
    /// One detainer of the year 2.
    YearTwo,
}

/// In what a row differs from the event that it records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    /// The event as it was.
    None,
    /// Once more.
    Exact,
    /// Once more at another time.
    Time,
    /// Arrested again on paper.
    Reprocessed,
    /// Once more, the charging document canceled.
    Canceled,
    /// Once more with another bond.
    Bond,
    /// Once more with another charge.
    Charge,
    /// Once more at another hour of the day.
    Hour,
    /// An event of its own, a little more than a day after another.
    NearMiss,
    /// With a date outside the window.
    Outside,
    /// With a date in the year 2.
    YearTwo,
}

impl Twist {
    /// The quirk that a twist is planted for.
    #[must_use]
    pub fn quirk(self) -> Option<Quirk> {
        match self {
            Twist::None => None,
            Twist::Exact => Some(Quirk::ExactRepeats),
            Twist::Time => Some(Quirk::TimeRepeats),
            Twist::Reprocessed => Some(Quirk::Reprocessed),
            Twist::Canceled => Some(Quirk::CanceledRepeats),
            Twist::Bond => Some(Quirk::BondRepeats),
            Twist::Charge => Some(Quirk::ChargeRepeats),
            Twist::Hour => Some(Quirk::DayRepeats),
            Twist::NearMiss => Some(Quirk::NearMisses),
            Twist::Outside => Some(Quirk::OutsideWindow),
            Twist::YearTwo => Some(Quirk::YearTwo),
        }
    }
}

/// One row of a release.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// When it happened, in minutes since serial day 0: as shown, and in the window.
    pub time: u32,
    /// What the cells are drawn from; repeats share it.
    pub key: u64,
    /// Number of the chain of events.
    pub chain: u8,
    /// Number of the stint, in the table of stints.
    pub stint: u16,
    /// In what it differs from the event.
    pub twist: Twist,
}

/// Events that follow from one another.
#[derive(Debug, Clone, Copy)]
pub struct Chain {
    /// What facts of the case are drawn from.
    pub key: u64,
    /// Number of the area.
    pub area: u8,
    /// Number of the facility near which it began.
    pub facility: u16,
    /// Whether it began at the border.
    pub is_border: bool,
    /// The arrest, in minutes.
    pub arrest: Option<u32>,
    /// Serial day of departure.
    pub departed: Option<u32>,
}

/// Consecutive stints.
#[derive(Debug, Clone, Copy)]
pub struct Stay {
    /// What facts of the stay are drawn from.
    pub key: u64,
    /// Book-in, in minutes.
    pub book_in: u32,
    /// Book-out of the last stint, unless it is open.
    pub book_out: Option<u32>,
    /// Whether it ended with removal.
    pub is_removed: bool,
    /// Whether a bond was set.
    pub has_bond: bool,
}

/// One person in one facility.
#[derive(Debug, Clone, Copy)]
pub struct Stint {
    /// Number of the stay.
    pub stay: u8,
    /// Number of the facility.
    pub facility: u16,
    /// Book-out, unless it is open.
    pub book_out: Option<u32>,
    /// Whether it is the last of its stay.
    pub is_last: bool,
}

/// One life, filled again and again.
#[derive(Debug, Default)]
pub struct Life {
    /// What personal facts are drawn from.
    pub key: u64,
    /// Chains of events.
    pub chains: Vec<Chain>,
    /// Stays of all chains.
    pub stays: Vec<Stay>,
    /// Stints of all stays.
    pub stints: Vec<Stint>,
    /// Whether arrests and stints have days only.
    pub days_only: bool,
    /// Rows by table, in the order in which they are numbered.
    pub rows: [Vec<Row>; KINDS_OF_ROWS],
}

impl Life {
    fn clear(&mut self, key: u64) {
        self.key = key;
        self.chains.clear();
        self.stays.clear();
        self.stints.clear();
        self.rows.iter_mut().for_each(Vec::clear);
    }
}

/// Where and when lives are lived.
#[derive(Debug)]
pub struct World {
    /// Seed of everything.
    pub seed: u64,
    /// Faults that are planted.
    pub quirks: Quirks,
    /// Places.
    pub places: Places,
    /// The window in minutes: first, and first after it.
    pub window: (u32, u32),
    /// Whether arrests and stints have days only.
    pub days_only: bool,
    /// Tables of the release.
    has: [bool; KINDS_OF_ROWS],
    /// Share of blank identifiers by table.
    blank_ids: [f64; KINDS_OF_ROWS],
    /// First minute of the risk assessments, which begin later than their release.
    assessed_from: u32,
    /// Share of encounters that are repeated.
    repeated_encounters: f64,
    /// From this serial day on events are more than twice as many.
    surge: u32,
    /// Up to this serial day some times are unknown.
    timeless: u32,
}

/// The numbers that are mixed with a key to draw one fact from it.
mod salt {
    pub const PERSON: u64 = 0x5045_5253;
    pub const ROW: u64 = 0x524F_5753;
    pub const ID: u64 = 0x4944_5F5F;
}

/// Longest row of stints in a stay.
const MOST_STINTS: usize = 8;

impl World {
    /// The world of a release.
    #[must_use]
    pub fn new(release: &Release, seed: u64, quirks: Quirks) -> World {
        let (first, last) = release.window();
        let (mut has, mut blank_ids) = ([false; KINDS_OF_ROWS], [0.0; KINDS_OF_ROWS]);
        for (&table, layout) in &release.tables {
            has[table as usize] = true;
            let id = layout.columns.iter().find(|column| column.fill == "id");
            blank_ids[table as usize] = id.map_or(0.0, |column| column.blank);
        }
        let repeated = release.tables.get(&Table::Encounters).and_then(|encounters| {
            encounters.exact_repeats.map(|repeats| repeats as f64 / encounters.rows as f64)
        });
        let first_year = release.tables.get(&Table::RiskAssessments).map_or(0, |layout| layout.first_year);
        let assessed_from = calendar::serial(i64::from(first_year.max(1901)) - 1, 10, 1) as u32 * DAY;
        World {
            assessed_from,
            seed,
            quirks,
            places: Places::load(),
            window: (first * DAY, (last + 1) * DAY),
            days_only: release.id.ends_with("r2023"),
            has,
            blank_ids,
            // A little fewer: pairs make up the number at the end.
            repeated_encounters: repeated.unwrap_or(0.0) * 0.95,
            surge: calendar::serial(2025, 1, 20) as u32,
            timeless: calendar::serial(2025, 1, 1) as u32,
        }
    }

    /// The identifier of a person: forty hexadecimal digits, the first 24 of them 0, as no real one has.
    #[must_use]
    pub fn person_id(&self, person: u64) -> String {
        format!("{:040x}", mix(person ^ mix(self.seed ^ salt::ID)))
    }

    /// Whether a row of this key has no identifier.
    #[must_use]
    pub fn has_blank_id(&self, table: Table, key: u64) -> bool {
        self.quirks.has(Quirk::BlankIds) && unit(mix(key ^ salt::ID)) < self.blank_ids[table as usize]
    }

    /// The key from which a stint's identifier is blank or not: that of the whole stay.
    #[must_use]
    pub fn id_key(life: &Life, table: Table, row: &Row) -> u64 {
        match table {
            Table::DetentionStints => life.stays[usize::from(life.stints[usize::from(row.stint)].stay)].key,
            _ => row.key,
        }
    }

    /// Lives the life of a person.
    pub fn live(&self, person: u64, course: Course, life: &mut Life) {
        let key = mix(person ^ mix(self.seed ^ salt::PERSON));
        life.clear(key);
        life.days_only = self.days_only;
        let mut living = Living { world: self, life, draws: Draws::new(key) };
        living.live(course);
    }

    /// A minute of the window, more often late in it.
    fn start(&self, draws: &mut Draws) -> u32 {
        let (first, last) = (self.window.0 / DAY, self.window.1 / DAY);
        let surge = self.surge.clamp(first, last);
        let (before, after) = (f64::from(surge - first), 2.2 * f64::from(last - surge));
        let point = draws.uniform() * (before + after);
        let day = if point < before { first + point as u32 } else { surge + ((point - before) / 2.2) as u32 };
        day.min(last - 1) * DAY + draws.between(300, 1200)
    }
}

/// A life while it is lived.
struct Living<'a> {
    world: &'a World,
    life: &'a mut Life,
    draws: Draws,
}

impl Living<'_> {
    fn live(&mut self, course: Course) {
        let mut start = self.world.start(&mut self.draws);
        for _ in 0..3 {
            let end = self.chain(course, start);
            let goes_on = self.draws.chance(0.12);
            let pause = self.draws.between(45, 400) * DAY;
            let once = !matches!(
                course,
                Course::Arrest | Course::Border | Course::Detainer | Course::Encounter | Course::Removal
            );
            start = end / DAY * DAY + pause + self.draws.between(300, 1200);
            if !goes_on || once || start >= self.world.window.1 {
                break;
            }
        }
    }

    /// Events from `start` on; gives the minute of the last one.
    fn chain(&mut self, course: Course, start: u32) -> u32 {
        let key = self.draws.bits();
        let area = self.world.places.area(self.draws.bits());
        let facility = self.world.places.facility(area, self.draws.bits());
        let is_border = course == Course::Border;
        self.life.chains.push(Chain { key, area, facility, is_border, arrest: None, departed: None });
        match course {
            Course::Arrest => self.arrest_and_after(start),
            Course::Border => self.stay_and_removal(start, 0.62),
            Course::Detainer => {
                if self.draws.chance(0.7) {
                    self.encounter(start);
                }
                self.detainer(start);
                start
            }
            Course::Encounter => {
                self.encounter(start);
                start
            }
            Course::Removal => {
                self.removal(start / DAY);
                start
            }
            Course::Single(table) => self.lone(table, start, Twist::None),
            Course::Pair(table) => {
                self.lone(table, start, Twist::None);
                if let Some(&first) = self.life.rows[table as usize].first() {
                    self.repeat(table, first, Twist::Exact);
                }
                start
            }
            Course::Outside(table) => self.lone(table, start, Twist::Outside),
            Course::YearTwo => self.lone(Table::Detainers, start, Twist::YearTwo),
        }
    }

    /// One row of a table.
    fn lone(&mut self, table: Table, start: u32, twist: Twist) -> u32 {
        match table {
            Table::DetentionStints => {
                self.stay(start, 1, false);
            }
            Table::Arrests => {
                let leaves = self.draws.chance(0.5);
                let departed = start / DAY + self.draws.between(3, 90);
                if leaves && departed < self.world.window.1 / DAY {
                    self.last_chain().departed = Some(departed);
                }
                let time = self.shown(table, start);
                self.last_chain().arrest = Some(time);
                self.row(table, time, twist);
            }
            _ => {
                if table == Table::Removals {
                    self.last_chain().departed = Some(start / DAY);
                }
                // A year later, where the table has not begun yet.
                let is_early = table == Table::RiskAssessments && start < self.world.assessed_from;
                let time = self.shown(table, if is_early { start + 366 * DAY } else { start });
                self.row(table, time, twist);
            }
        }
        start
    }

    fn arrest_and_after(&mut self, start: u32) -> u32 {
        let world = self.world;
        let is_midnight =
            self.draws.chance(0.3) && start / DAY < world.timeless && world.quirks.has(Quirk::Midnight);
        let time = if is_midnight { start / DAY * DAY } else { start };
        let time = self.shown(Table::Arrests, time);
        self.last_chain().arrest = Some(time);
        if self.draws.chance(0.22) {
            let prepared = start.saturating_sub(self.draws.between(1, 60) * DAY);
            if prepared >= world.window.0 {
                self.detainer(prepared);
            }
        }
        if self.draws.chance(0.65) {
            let before = self.draws.between(0, 120);
            self.encounter(if is_midnight { time } else { (start - before).max(world.window.0) });
        }
        let is_alone = self.arrests(time);
        let has_stay = self.draws.chance(0.82) && is_alone;
        let timing = self.draws.uniform();
        let (soon, early, late) =
            (self.draws.between(30, 30 * 60), self.draws.between(1, 4), self.draws.between(12, 20));
        let book_in = match timing {
            ..0.955 => start + soon,
            // Booked in under another arrest's papers, some days before: still of this arrest.
            0.955..0.97 if start - early * DAY >= world.window.0 => start - early * DAY,
            // More than ten days later: a stay of its own.
            0.97.. => start + late * DAY,
            _ => start + soon,
        };
        if has_stay {
            return self.stay_and_removal(book_in, 0.76).max(start + 3 * DAY);
        }
        let leaves = self.draws.chance(0.3);
        let departed = start / DAY + self.draws.between(2, 40);
        if leaves && departed < world.window.1 / DAY {
            self.removal(departed);
            return departed * DAY;
        }
        start + 3 * DAY
    }

    /// The rows of an arrest; whether it is one episode.
    fn arrests(&mut self, time: u32) -> bool {
        let table = Table::Arrests;
        let first = self.row(table, time, Twist::None);
        let which = self.draws.uniform();
        let (minutes, hours, more) =
            (self.draws.between(1, 600), self.draws.between(30, 1380), self.draws.between(1200, 1380));
        let at = |later: u32| Row { time: time + later, ..first };
        match which {
            ..0.008 => self.repeat(table, first, Twist::Exact),
            0.008..0.018 => self.repeat(table, at(minutes), Twist::Time),
            0.018..0.028 => self.repeat(table, at(hours), Twist::Reprocessed),
            0.028..0.032 => self.repeat(table, at(minutes), Twist::Canceled),
            // Three rows, each within a day of the one before: an episode longer than a day.
            0.032..0.034 => {
                self.repeat(table, at(more), Twist::Time);
                self.repeat(table, at(2 * more), Twist::Time);
            }
            // A day and a little more: an arrest of its own.
            0.034..0.037 if self.world.quirks.has(Quirk::NearMisses) => {
                let later = if self.world.days_only { 2 * DAY } else { DAY + minutes };
                if time + later < self.world.window.1 {
                    let time = self.shown(table, time + later);
                    self.row(table, time, Twist::NearMiss);
                    return false;
                }
            }
            _ => {}
        }
        true
    }

    fn detainer(&mut self, time: u32) {
        let table = Table::Detainers;
        let time = self.shown(table, time);
        let first = self.row(table, time, Twist::None);
        match self.draws.uniform() {
            ..0.004 => self.repeat(table, first, Twist::Exact),
            0.004..0.006 => self.repeat(table, Row { time: time + DAY, ..first }, Twist::Time),
            _ => {}
        }
    }

    fn encounter(&mut self, time: u32) {
        let table = Table::Encounters;
        let time = self.shown(table, time);
        let first = self.row(table, time, Twist::None);
        let share = self.world.repeated_encounters;
        if self.draws.chance(share) {
            self.repeat(table, first, Twist::Exact);
        }
    }

    fn removal(&mut self, day: u32) {
        let table = Table::Removals;
        self.last_chain().departed = Some(day);
        let first = self.row(table, day * DAY, Twist::None);
        if self.draws.chance(0.003) {
            self.repeat(table, first, Twist::Exact);
        }
    }

    /// A stay from `start` on, and the removal that it may end with; gives the minute of the last event.
    fn stay_and_removal(&mut self, start: u32, removed: f64) -> u32 {
        if start >= self.world.window.1 {
            return start;
        }
        let mut stints = 1;
        while stints < MOST_STINTS && self.draws.chance(0.5) {
            stints += 1;
        }
        let number = self.stay(start, stints, true);
        let (is_removed, which) = (self.draws.chance(removed), self.draws.uniform());
        let (some, many) = (self.draws.between(2, 8), self.draws.between(13, 20));
        let Some(book_out) = self.life.stays[number].book_out else { return self.world.window.1 };
        if !is_removed {
            return book_out;
        }
        self.life.stays[number].is_removed = true;
        let wait = match which {
            ..0.7 => 0,
            0.7..0.9 => 1,
            0.9..0.99 => some,
            // Too long after the book-out to belong to the stay.
            _ => many,
        };
        let day = book_out / DAY + wait;
        if day < self.world.window.1 / DAY {
            self.removal(day);
        }
        day * DAY
    }

    /// A stay of so many stints, unless one is still open at the end of the window; gives its number. Without
    /// company it has one row a stint and no risk assessment.
    fn stay(&mut self, start: u32, stints: usize, has_company: bool) -> usize {
        let world = self.world;
        let chain = self.life.chains.len() - 1;
        let Chain { area, .. } = self.life.chains[chain];
        let key = self.draws.bits();
        let has_bond = self.draws.chance(0.07);
        let number = self.life.stays.len();
        let book_in = self.shown(Table::DetentionStints, start);
        self.life.stays.push(Stay { key, book_in, book_out: None, is_removed: false, has_bond });
        let first = world.places.facility(area, self.draws.bits());
        let mut time = start;
        for step in 0..stints {
            let is_short = step == 0 && stints > 1 && self.draws.chance(0.6);
            let mean = if is_short { 14.0 * 60.0 } else { 18.0 * f64::from(DAY) };
            let end = time + self.draws.waiting(mean);
            let is_open = end >= world.window.1;
            let is_last = is_open || step + 1 == stints;
            let book_out = (!is_open).then(|| self.shown(Table::DetentionStints, end));
            let facility = world.places.facility_after(area, first, step);
            self.life.stints.push(Stint { stay: number as u8, facility, book_out, is_last });
            let first = self.stint(time);
            if has_company {
                self.stint_again(first, time, end, has_bond);
            }
            if is_last {
                self.life.stays[number].book_out = book_out;
                break;
            }
            time = end + self.draws.between(0, 300);
            if time >= world.window.1 {
                // Out of one facility and not yet in the next: the stay is open.
                break;
            }
        }
        let decided = self.draws.chance(0.82) && has_company;
        if decided && start >= world.assessed_from {
            let time = self.shown(Table::RiskAssessments, start);
            self.row(Table::RiskAssessments, time, Twist::None);
        }
        number
    }

    /// The row of the stint just pushed.
    fn stint(&mut self, start: u32) -> Row {
        let table = Table::DetentionStints;
        let time = self.shown(table, start);
        let mut first = self.row(table, time, Twist::None);
        first.stint = self.life.stints.len() as u16 - 1;
        if let Some(row) = self.life.rows[table as usize].last_mut() {
            row.stint = first.stint;
        }
        first
    }

    /// Other rows of that stint.
    fn stint_again(&mut self, first: Row, start: u32, end: u32, has_bond: bool) {
        let table = Table::DetentionStints;
        let which = self.draws.uniform();
        let bond = self.draws.chance(0.15) && has_bond;
        let later = self.draws.between(5, 60);
        if bond {
            self.repeat(table, first, Twist::Bond);
        } else if self.world.days_only && which > 0.92 {
            self.repeat(table, first, Twist::Charge);
        } else if which < 0.003 {
            self.repeat(table, first, Twist::Exact);
        } else if which < 0.005
            && !self.world.days_only
            && (start + later) / DAY == start / DAY
            && start + later < end
        {
            self.repeat(table, Row { time: first.time + later, ..first }, Twist::Hour);
        }
    }

    /// Adds the row of an event.
    fn row(&mut self, table: Table, time: u32, twist: Twist) -> Row {
        let rows = &mut self.life.rows[table as usize];
        let key = mix(self.life.key ^ mix(salt::ROW ^ (table as u64) << 32 ^ rows.len() as u64));
        let row = Row { time, key, chain: self.life.chains.len() as u8 - 1, stint: 0, twist };
        if self.world.has[table as usize] {
            rows.push(row);
        }
        row
    }

    /// Adds another row of an event, if the quirk is wanted and its time is still in the window.
    fn repeat(&mut self, table: Table, row: Row, twist: Twist) {
        let rows = &mut self.life.rows[table as usize];
        let time = if table == Table::Encounters { row.time } else { shown(self.world, table, row.time) };
        // Where only days are released, another minute of the day is no difference, nor is a status not released.
        let is_same = rows.last().is_some_and(|last| last.time == time);
        let twist = match twist {
            Twist::Time if is_same => Twist::Exact,
            Twist::Canceled if self.world.days_only => Twist::Exact,
            other => other,
        };
        let wanted = twist.quirk().is_none_or(|quirk| self.world.quirks.has(quirk));
        if wanted && self.world.has[table as usize] && row.time < self.world.window.1 {
            rows.push(Row { time, twist, ..row });
        }
    }

    fn shown(&self, table: Table, time: u32) -> u32 {
        shown(self.world, table, time)
    }

    fn last_chain(&mut self) -> &mut Chain {
        let last = self.life.chains.len() - 1;
        &mut self.life.chains[last]
    }
}

/// The time as the release shows it: some tables have days only.
fn shown(world: &World, table: Table, time: u32) -> u32 {
    let has_time = match table {
        Table::Arrests | Table::DetentionStints => !world.days_only,
        Table::Encounters => true,
        Table::Detainers | Table::Removals | Table::RiskAssessments => false,
    };
    if has_time { time } else { time / DAY * DAY }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(name: &str) -> World {
        World::new(&Release::named(name).unwrap(), 1, Quirks::default())
    }

    #[test]
    fn a_life_is_the_same_whenever_it_is_lived() {
        let world = world("r2026mar");
        let (mut one, mut two) = (Life::default(), Life::default());
        for person in 0..500 {
            world.live(person, Course::Arrest, &mut one);
            world.live(person, Course::Arrest, &mut two);
            assert_eq!(format!("{one:?}"), format!("{two:?}"));
        }
    }

    #[test]
    fn events_lie_in_the_window_and_in_order() {
        for name in ["r2026mar", "r2023"] {
            let world = world(name);
            let mut life = Life::default();
            for person in 0..5000 {
                for course in [Course::Arrest, Course::Border] {
                    world.live(person, course, &mut life);
                    for row in life.rows.iter().flatten() {
                        assert!((world.window.0..world.window.1).contains(&row.time));
                    }
                    for row in &life.rows[Table::DetentionStints as usize] {
                        let stint = life.stints[usize::from(row.stint)];
                        let stay = life.stays[usize::from(stint.stay)];
                        assert!(stay.book_in <= row.time);
                        assert!(stint.book_out.is_none_or(|out| row.time <= out));
                    }
                }
            }
        }
    }

    #[test]
    fn identifiers_are_hexadecimal_and_of_no_real_person() {
        let world = world("r2026mar");
        let id = world.person_id(7);
        assert_eq!(id.len(), 40);
        assert!(id.starts_with("000000000000000000000000"), "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(id, world.person_id(8));
    }
}
