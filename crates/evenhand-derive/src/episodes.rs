//! Arrest rows into episodes: gaps of at most 24 hours chain.

use crate::intern::NONE;
use crate::read::NO_TIME;

/// One arrest row; 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrest {
    /// The person, dense; compared first.
    pub person: u32,
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
    pub print: [u32; 2],
}

/// What a row is to its episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The row that stands for the episode.
    Kept,
    /// No id or no time: an episode of its own of which nothing is known.
    Unknown,
    /// Equal to the row before it in all fields.
    Exact,
    /// Equal to the row before it but for the time.
    ExactButTime,
    /// Either it or the kept row is a charging document canceled by ICE.
    Canceled,
    /// A reprocessed arrest.
    Reprocessed,
    /// Within 24 hours of the row before, and different in some other way.
    Other,
}

impl Kind {
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

/// The kind of each row of a sorted list; an episode starts where a row stands for one.
pub fn kinds(sorted: &[Arrest], apply: bool) -> Vec<Kind> {
    let mut kinds = Vec::with_capacity(sorted.len());
    let mut kept: Option<&Arrest> = None;
    let mut last: Option<&Arrest> = None;
    for row in sorted {
        let unknown = row.person == NONE || row.time == NO_TIME;
        let near = |last: &&Arrest| {
            last.person == row.person
                && last.time != NO_TIME
                && i64::from(row.time) - i64::from(last.time) <= 86_400
        };
        let kind = match (last.filter(near), kept) {
            _ if unknown => Kind::Unknown,
            (Some(before), Some(kept)) if apply => kind(before, kept, row),
            _ => Kind::Kept,
        };
        if kind.stands() {
            kept = Some(row);
        }
        last = Some(row);
        kinds.push(kind);
    }
    kinds
}

fn kind(before: &Arrest, kept: &Arrest, row: &Arrest) -> Kind {
    match row {
        _ if row.print == before.print && row.time == before.time => Kind::Exact,
        _ if row.print == before.print => Kind::ExactButTime,
        _ if row.canceled || kept.canceled => Kind::Canceled,
        _ if row.reprocessed => Kind::Reprocessed,
        _ => Kind::Other,
    }
}
