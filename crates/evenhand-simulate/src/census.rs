//! How many persons take which course, so that every table has the rows of the release.

use crate::life::{Course, KINDS_OF_ROWS, Life, World};
use crate::quirk::Quirk;
use crate::release::{TABLES, Table};
use rayon::prelude::*;

/// Persons of one course, numbered on from those before.
#[derive(Debug, Clone, Copy)]
struct Group {
    first: u64,
    course: Course,
}

/// Every person's course.
#[derive(Debug, Clone, Default)]
pub struct Census {
    groups: Vec<Group>,
    persons: u64,
}

/// Persons whose lives are lived to learn what one course yields; their numbers are far from those of the release.
const TRIAL: u64 = 6000;
const TRIAL_FIRST: u64 = 1 << 40;

/// Wanted rows by table.
pub type Targets = [u64; KINDS_OF_ROWS];

impl Census {
    /// Persons, in all.
    #[must_use]
    pub fn persons(&self) -> u64 {
        self.persons
    }

    /// The course of a person.
    #[must_use]
    pub fn course(&self, person: u64) -> Course {
        let after = self.groups.partition_point(|group| group.first <= person);
        self.groups[after - 1].course
    }

    /// Adds persons of one course.
    pub fn add(&mut self, course: Course, persons: u64) {
        if persons > 0 {
            self.groups.push(Group { first: self.persons, course });
            self.persons += persons;
        }
    }

    /// The persons of the dates that cannot be.
    #[must_use]
    pub fn odd(world: &World, targets: &Targets) -> Census {
        let mut census = Census::default();
        let dated = [Table::Arrests, Table::Detainers, Table::Encounters, Table::Removals];
        for table in dated.into_iter().filter(|table| targets[*table as usize] > 0) {
            if world.quirks.has(Quirk::OutsideWindow) {
                census.add(Course::Outside(table), 1 + targets[table as usize] / 200_000);
            }
        }
        if world.quirks.has(Quirk::YearTwo) && targets[Table::Detainers as usize] > 0 {
            census.add(Course::YearTwo, 1);
        }
        census
    }

    /// Adds persons whose lives together have a little less than the rows still wanted. What they will have is an
    /// estimate; asked again with what is then missing, it gets close.
    pub fn grow(&mut self, world: &World, missing: &Targets) {
        let mut left = missing.map(|rows| {
            let rows = rows as f64;
            (0.96 * rows - 4.0 * rows.sqrt()).max(0.0)
        });
        let courses = [
            (Course::Arrest, Table::Arrests),
            (Course::Border, Table::DetentionStints),
            (Course::Detainer, Table::Detainers),
            (Course::Encounter, Table::Encounters),
            (Course::Removal, Table::Removals),
        ];
        for (course, leading) in courses {
            let yields = trial(world, course);
            if yields[leading as usize] == 0.0 {
                continue;
            }
            // As many as no table has too many of.
            let most = (0..KINDS_OF_ROWS)
                .filter(|&table| yields[table] > 0.0)
                .map(|table| left[table] / yields[table])
                .fold(f64::INFINITY, f64::min)
                .floor();
            self.add(course, most as u64);
            for table in 0..KINDS_OF_ROWS {
                left[table] = (left[table] - yields[table] * most).max(0.0);
            }
        }
    }

    /// Adds persons of single rows until no table wants any: `rows` and `repeats` are what the persons so far
    /// have.
    pub fn fill(&mut self, world: &World, targets: &Targets, rows: &Targets, repeats: u64, wanted: u64) {
        for (table, _) in TABLES {
            let mut left = targets[table as usize].saturating_sub(rows[table as usize]);
            if table == Table::Encounters && world.quirks.has(Quirk::ExactRepeats) {
                let pairs = wanted.saturating_sub(repeats).min(left / 2);
                self.add(Course::Pair(table), pairs);
                left -= 2 * pairs;
            }
            self.add(Course::Single(table), left);
        }
    }
}

/// Mean rows by table of one person on a course.
fn trial(world: &World, course: Course) -> [f64; KINDS_OF_ROWS] {
    let sums = (0..TRIAL)
        .into_par_iter()
        .fold(
            || (Life::default(), [0_u64; KINDS_OF_ROWS]),
            |(mut life, mut sums), person| {
                world.live(TRIAL_FIRST + person, course, &mut life);
                for (sum, rows) in sums.iter_mut().zip(&life.rows) {
                    *sum += rows.len() as u64;
                }
                (life, sums)
            },
        )
        .map(|(_, sums)| sums)
        .reduce(
            || [0; KINDS_OF_ROWS],
            |mut one, two| {
                one.iter_mut().zip(two).for_each(|(sum, more)| *sum += more);
                one
            },
        );
    sums.map(|sum| sum as f64 / TRIAL as f64)
}
