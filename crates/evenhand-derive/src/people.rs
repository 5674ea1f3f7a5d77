//! All rows of a release, so many persons at a time.

use crate::Error;
use crate::episodes::Arrest;
use crate::person::NOBODY;
use crate::repeats::Event;
use crate::runs::{Merge, Sources};
use crate::stays::Stint;

/// The runs of every table.
#[derive(Default)]
pub struct Unmerged {
    pub arrests: Sources<Arrest>,
    pub stints: Sources<Stint>,
    pub detainers: Sources<Event>,
    pub encounters: Sources<Event>,
    pub removals: Sources<Event>,
}

impl Unmerged {
    /// The rows in order.
    pub fn merge(self) -> Result<People, Error> {
        Ok(People {
            arrests: self.arrests.merge()?,
            stints: self.stints.merge()?,
            detainers: self.detainers.merge()?,
            encounters: self.encounters.merge()?,
            removals: self.removals.merge()?,
        })
    }
}

/// Rows of every table, in the order of persons.
pub struct People {
    arrests: Merge<Arrest>,
    stints: Merge<Stint>,
    detainers: Merge<Event>,
    encounters: Merge<Event>,
    removals: Merge<Event>,
}

/// All rows of some persons, each table sorted.
#[derive(Default)]
pub struct Rows {
    pub arrests: Vec<Arrest>,
    pub stints: Vec<Stint>,
    pub detainers: Vec<Event>,
    pub encounters: Vec<Event>,
    pub removals: Vec<Event>,
}

impl Rows {
    fn len(&self) -> usize {
        let events = [&self.detainers, &self.encounters, &self.removals];
        self.arrests.len() + self.stints.len() + events.iter().map(|rows| rows.len()).sum::<usize>()
    }

    fn clear(&mut self) {
        self.arrests.clear();
        self.stints.clear();
        [&mut self.detainers, &mut self.encounters, &mut self.removals].into_iter().for_each(Vec::clear);
    }
}

impl People {
    /// Replaces the rows by those of the next persons, about `most`; false once all have come.
    ///
    /// A person's rows come together. Rows without an identifier have nothing to do with one another: they may come
    /// in several parts.
    pub fn next(&mut self, rows: &mut Rows, most: usize) -> Result<bool, Error> {
        rows.clear();
        while rows.len() < most {
            let events = [&self.detainers, &self.encounters, &self.removals].map(Merge::person);
            let person = events.into_iter().fold(self.arrests.person().min(self.stints.person()), Ord::min);
            let before = rows.len();
            let most = if person == NOBODY { most } else { usize::MAX };
            self.arrests.take(person, most, &mut rows.arrests)?;
            self.stints.take(person, most, &mut rows.stints)?;
            self.detainers.take(person, most, &mut rows.detainers)?;
            self.encounters.take(person, most, &mut rows.encounters)?;
            self.removals.take(person, most, &mut rows.removals)?;
            if rows.len() == before {
                break;
            }
        }
        Ok(rows.len() > 0)
    }
}
