//! All rows of a release, so many persons at a time.

use crate::Error;
use crate::episodes::Arrest;
use crate::person::NOBODY;
use crate::repeats::Event;
use crate::runs::{Merge, Numbers, Runs, Sources, Spill};
use crate::stays::Stint;
use std::sync::Arc;

/// Something for each table: arrests, stints, and tables of events.
#[derive(Debug, Default)]
pub struct Tables<A, S, E> {
    pub arrests: A,
    pub stints: S,
    pub detainers: E,
    pub encounters: E,
    pub removals: E,
}

/// The rows of one file.
pub type Taken = Tables<Runs<Arrest>, Runs<Stint>, Runs<Event>>;
/// The runs of all files.
pub type Unmerged = Tables<Sources<Arrest>, Sources<Stint>, Sources<Event>>;
/// Rows of all files, in the order of persons.
pub type People = Tables<Merge<Arrest>, Merge<Stint>, Merge<Event>>;
/// All rows of some persons, each table sorted.
pub type Rows = Tables<Vec<Arrest>, Vec<Stint>, Vec<Event>>;

impl Taken {
    /// Whether no row has come.
    pub fn is_empty(&self) -> bool {
        let events = [&self.detainers, &self.encounters, &self.removals];
        self.arrests.is_empty() && self.stints.is_empty() && events.iter().all(|rows| rows.is_empty())
    }

    /// No row comes any more: little is held from here on.
    pub fn seal(&mut self, spill: &mut Spill) -> Result<(), Error> {
        self.arrests.seal(spill)?;
        self.stints.seal(spill)?;
        let events = [&mut self.detainers, &mut self.encounters, &mut self.removals];
        events.into_iter().try_for_each(|rows| rows.seal(spill))
    }
}

impl Unmerged {
    /// Adds the rows of a file.
    pub fn add(&mut self, rows: Taken, spill: &Spill, numbers: &Arc<Numbers>) {
        self.arrests.add(rows.arrests, spill, numbers);
        self.stints.add(rows.stints, spill, numbers);
        self.detainers.add(rows.detainers, spill, numbers);
        self.encounters.add(rows.encounters, spill, numbers);
        self.removals.add(rows.removals, spill, numbers);
    }

    /// The rows in order.
    pub fn merge(self) -> Result<People, Error> {
        Ok(Tables {
            arrests: self.arrests.merge()?,
            stints: self.stints.merge()?,
            detainers: self.detainers.merge()?,
            encounters: self.encounters.merge()?,
            removals: self.removals.merge()?,
        })
    }
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
        let count = rows.len();
        Ok(count > 0)
    }
}
