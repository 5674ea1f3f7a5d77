//! Arrest rows into episodes: gaps of at most 24 hours chain.

use crate::person::{NOBODY, Person};
use crate::read::NO_TIME;
use crate::runs::{Fields, Numbers, Row, renumbered};
use hashbrown::{HashMap, HashSet};

/// One arrest row; 56 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrest {
    /// The person; compared first.
    pub person: Person,
    /// Seconds since 2000.
    pub time: i32,
    /// `ERO Reprocessed Arrest`: sorted after other rows of the same time.
    pub reprocessed: bool,
    /// The sheet, numbered in plan order.
    pub sheet: u16,
    /// The row in the sheet.
    pub row: u32,
    /// `E-Charging Document Canceled by ICE`.
    pub canceled: bool,
    /// Everything but the time, fingerprinted.
    pub print: u64,
    /// The number of its state, landmark, area and duty site.
    pub cells: u32,
}

impl Row for Arrest {
    const BYTES: usize = 48;

    fn person(&self) -> Person {
        self.person
    }

    fn put(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.person.to_bytes());
        into.extend_from_slice(&self.time.to_le_bytes());
        into.extend_from_slice(&[u8::from(self.reprocessed), u8::from(self.canceled)]);
        into.extend_from_slice(&self.sheet.to_le_bytes());
        into.extend_from_slice(&self.row.to_le_bytes());
        into.extend_from_slice(&self.print.to_le_bytes());
        into.extend_from_slice(&self.cells.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Arrest {
        let mut fields = Fields(bytes);
        let person = Person::from_bytes(fields.take());
        let time = fields.signed();
        let [reprocessed, canceled] = fields.take().map(|flag: u8| flag != 0);
        let (sheet, row) = (fields.short(), fields.word());
        Arrest { person, time, reprocessed, sheet, row, canceled, print: fields.long(), cells: fields.word() }
    }

    fn renumbered(self, numbers: &Numbers) -> Arrest {
        Arrest { sheet: numbers.sheet(self.sheet), cells: renumbered(&numbers.cells, self.cells), ..self }
    }
}

/// What a row is to its episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The row that stands for the episode.
    Kept,
    /// No id or no time: an episode of its own of which nothing is known.
    Unknown,
    /// Equal in every cell to a row before it.
    Exact,
    /// Equal but for the time to a row of the episode that was chosen over it.
    ExactButTime,
    /// Either it or the kept row is a charging document canceled by ICE.
    Canceled,
    /// A reprocessed arrest.
    Reprocessed,
    /// Within 24 hours of the row before, and different in some other way.
    Other,
}

impl Kind {
    /// Every kind, in the order of its numbers.
    pub const ALL: [Kind; 7] = [
        Kind::Kept,
        Kind::Unknown,
        Kind::Exact,
        Kind::ExactButTime,
        Kind::Canceled,
        Kind::Reprocessed,
        Kind::Other,
    ];

    /// The kind's name in the table and the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Kept => "kept",
            Kind::Unknown => "unknown",
            Kind::Exact => "exact_repeat",
            Kind::ExactButTime => "exact_but_time",
            Kind::Canceled => "charging_document_canceled",
            Kind::Reprocessed => "reprocessed",
            Kind::Other => "within_24_hours",
        }
    }

    /// Whether the row stands for an episode.
    pub fn stands(self) -> bool {
        matches!(self, Kind::Kept | Kind::Unknown)
    }
}

/// A row's place in the list of episodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigned {
    /// The episode, numbered from 1.
    pub episode: u32,
    /// What the row is to it.
    pub kind: Kind,
}

/// Which rules tell rows of one person from new arrests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// Rows equal in every cell are one.
    pub exact: bool,
    /// Gaps of at most 24 hours chain.
    pub chain: bool,
    /// Of rows of an episode equal but for the time the latest is kept.
    pub latest: bool,
}

/// The episode and the kind of each row of a sorted list. Rows of an episode stand together.
///
/// Of an episode the first row stands for it, or with `latest` the last of those equal to it but for the time.
pub fn assign(sorted: &[Arrest], how: How) -> Vec<Assigned> {
    let is_unknown = |row: &Arrest| row.person == NOBODY || row.time == NO_TIME;
    let goes_on = |before: &Arrest, row: &Arrest| {
        let gap = i64::from(row.time) - i64::from(before.time);
        let is_near = if how.chain { gap <= 86_400 } else { how.exact && gap == 0 };
        before.person == row.person && is_near && !is_unknown(before) && !is_unknown(row)
    };
    let mut assigned = Vec::with_capacity(sorted.len());
    let (mut episode, mut seen, mut last_of) = (0, HashMap::new(), HashMap::new());
    for rows in sorted.chunk_by(goes_on) {
        if let [row] = rows {
            episode += 1;
            assigned
                .push(Assigned { episode, kind: if is_unknown(row) { Kind::Unknown } else { Kind::Kept } });
            continue;
        }
        seen.clear();
        last_of.clear();
        let start = assigned.len();
        if how.chain {
            episode += 1;
        }
        for (at, row) in rows.iter().enumerate() {
            match seen.get(&(row.print, row.time)) {
                Some(episode) if how.exact => {
                    assigned.push(Assigned { episode: *episode, kind: Kind::Exact });
                }
                _ => {
                    if !how.chain {
                        episode += 1;
                    }
                    seen.insert((row.print, row.time), episode);
                    last_of.insert(row.print, at);
                    assigned.push(Assigned { episode, kind: Kind::Kept });
                }
            }
        }
        if how.chain {
            let stands = if how.latest { last_of[&rows[0].print] } else { 0 };
            tell_apart(rows, stands, how, &last_of, &mut assigned[start..]);
        }
    }
    assigned
}

/// The kinds of an episode's rows that are no exact repeats.
fn tell_apart(
    rows: &[Arrest],
    stands: usize,
    how: How,
    last_of: &HashMap<u64, usize>,
    assigned: &mut [Assigned],
) {
    let mut told = HashSet::new();
    for (at, (row, assigned)) in rows.iter().zip(assigned).enumerate() {
        let is_first = told.insert(row.print);
        let is_chosen = if how.latest { last_of[&row.print] == at } else { is_first };
        assigned.kind = match row {
            _ if assigned.kind == Kind::Exact => Kind::Exact,
            _ if at == stands => Kind::Kept,
            _ if !is_chosen => Kind::ExactButTime,
            _ if row.canceled || rows[stands].canceled => Kind::Canceled,
            _ if row.reprocessed => Kind::Reprocessed,
            _ => Kind::Other,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: How = How { exact: true, chain: true, latest: true };

    /// Rows of one person as time in hours and print; the kinds, and the episodes.
    fn check(rows: &[(i32, u64)], how: How, kinds: &str, episodes: &[u32]) {
        let rows = rows.iter().enumerate().map(|(row, (hour, print))| Arrest {
            person: Person::of("0"),
            time: hour * 3_600,
            reprocessed: false,
            sheet: 0,
            row: row as u32,
            canceled: false,
            print: *print,
            cells: 0,
        });
        let found = assign(&rows.collect::<Vec<_>>(), how);
        let letter = |kind: Kind| match kind {
            Kind::Kept => 'k',
            Kind::Exact => 'e',
            Kind::ExactButTime => 't',
            Kind::Other => 'o',
            _ => '?',
        };
        assert_eq!(found.iter().map(|row| letter(row.kind)).collect::<String>(), kinds);
        assert_eq!(found.iter().map(|row| row.episode).collect::<Vec<_>>(), episodes);
    }

    #[test]
    fn the_latest_of_equal_rows_stands_for_the_episode() {
        check(&[(0, 1), (5, 1), (9, 1)], ALL, "ttk", &[1, 1, 1]);
        check(&[(0, 1), (5, 2), (9, 1)], ALL, "tok", &[1, 1, 1]);
        check(&[(0, 1), (5, 2), (9, 2)], ALL, "kto", &[1, 1, 1]);
        check(&[(0, 1), (0, 1), (5, 1), (5, 1)], ALL, "teke", &[1, 1, 1, 1]);
        check(&[(0, 1), (24, 1), (49, 1)], ALL, "tkk", &[1, 1, 2]);
    }

    #[test]
    fn without_the_rule_the_first_row_stands() {
        let how = How { latest: false, ..ALL };
        check(&[(0, 1), (5, 1), (9, 2), (10, 2)], how, "ktot", &[1, 1, 1, 1]);
        check(&[(0, 1), (0, 1)], How { exact: false, ..how }, "kt", &[1, 1]);
    }

    #[test]
    fn exact_repeats_are_told_without_episodes_too() {
        let how = How { chain: false, ..ALL };
        check(&[(0, 1), (0, 2), (0, 1), (1, 1)], how, "kkek", &[1, 2, 1, 3]);
        check(&[(0, 1), (0, 1)], How { exact: false, ..how }, "kk", &[1, 2]);
    }
}
