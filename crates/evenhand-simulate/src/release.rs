//! The releases that can be made up: their files, headers and blank shares, read from `releases/*.toml`.

use crate::calendar;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The releases, by the name they are asked for.
const RELEASES: [(&str, &str); 5] = [
    ("r2023", include_str!("releases/r2023.toml")),
    ("r2025jul", include_str!("releases/r2025jul.toml")),
    ("r2025oct", include_str!("releases/r2025oct.toml")),
    ("r2026mar", include_str!("releases/r2026mar.toml")),
    ("r2026aug", include_str!("releases/r2026aug.toml")),
];

/// A table of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Administrative arrests.
    Arrests,
    /// Requests to notify and hold.
    Detainers,
    /// One person in one facility, from book-in to book-out.
    DetentionStints,
    /// Encounters.
    Encounters,
    /// Removals.
    Removals,
    /// Risk classification decisions.
    RiskAssessments,
}

/// Every table, in the order of its files.
pub const TABLES: [(Table, &str); 6] = [
    (Table::Arrests, "arrests"),
    (Table::Detainers, "detainers"),
    (Table::DetentionStints, "detention_stints"),
    (Table::Encounters, "encounters"),
    (Table::Removals, "removals"),
    (Table::RiskAssessments, "risk_assessments"),
];

impl Table {
    /// The name of the table in a record.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLES[self as usize].1
    }
}

impl std::str::FromStr for Table {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Table, String> {
        let known = TABLES.iter().find(|(_, name)| *name == text);
        known.map(|(table, _)| *table).ok_or_else(|| {
            format!("expected one of {}, found `{text}`", TABLES.map(|(_, name)| name).join(", "))
        })
    }
}

/// A release as `releases/*.toml` describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The id in a record.
    pub id: String,
    /// First and last day of the events.
    pub window: [String; 2],
    /// Day of the delivery.
    pub received: String,
    /// Number of the request, for the lines before the header.
    pub request: String,
    /// Its tables.
    pub tables: BTreeMap<Table, Layout>,
}

/// The files of one table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Name of a file; `{fy}` is its fiscal year or years.
    pub file: String,
    /// Rows in the whole release.
    pub rows: u64,
    /// Rows among them that are equal to another in every cell, if that is known.
    #[serde(default)]
    pub exact_repeats: Option<u64>,
    /// Fiscal years in one file; 0 is all of them.
    pub years_per_file: u32,
    /// The first fiscal year of the table, if it begins later than the release.
    #[serde(default)]
    pub first_year: u32,
    /// Sheets that a file has at least.
    #[serde(default = "one")]
    pub sheets: u32,
    /// Row of the header.
    pub header_row: u32,
    /// Columns that some files lack.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// Headers that some files or sheets spell otherwise.
    #[serde(default)]
    pub spellings: Vec<Spelling>,
    /// Columns in file order.
    pub columns: Vec<Column>,
}

/// A column that some files lack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// Its header.
    pub column: String,
    /// The fiscal years of the files.
    pub files: Vec<String>,
}

/// A header that some files or sheets spell otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spelling {
    /// Its usual header.
    pub column: String,
    /// The fiscal years of the files; without any, all.
    #[serde(default)]
    pub files: Vec<String>,
    /// The sheet, counted from 1; without one, all.
    #[serde(default)]
    pub sheet: Option<usize>,
    /// The header there.
    pub header: String,
}

/// One column.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its header.
    pub name: String,
    /// What its cells hold.
    pub kind: Kind,
    /// Share of blank cells.
    pub blank: f64,
    /// Where its values come from; `cells.rs` lists the words.
    pub fill: String,
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// A whole number as text.
    NumberText,
    /// A day.
    Date,
    /// A day as text.
    DateText,
    /// A day with a time.
    Time,
}

fn one() -> u32 {
    1
}

/// Names of the releases.
pub fn names() -> impl Iterator<Item = &'static str> {
    RELEASES.iter().map(|(name, _)| *name)
}

impl Release {
    /// The release of this name.
    ///
    /// # Errors
    /// An unknown name.
    pub fn named(name: &str) -> Result<Release> {
        let Some((_, text)) = RELEASES.iter().find(|(known, _)| *known == name) else {
            return Err(Error::UnknownRelease { name: name.to_owned() });
        };
        let release: Release = toml::from_str(text).map_err(|error| Error::data(name, &error.to_string()))?;
        match release.days() {
            (Some(first), Some(last)) if first < last => Ok(release),
            _ => Err(Error::data(name, "the window is not two days in order")),
        }
    }

    /// First and last day of the window, as serial days.
    #[must_use]
    pub fn window(&self) -> (u32, u32) {
        let (first, last) = self.days();
        (first.unwrap_or_default(), last.unwrap_or_default())
    }

    fn days(&self) -> (Option<u32>, Option<u32>) {
        let [first, last] = &self.window;
        (calendar::parse_iso(first), calendar::parse_iso(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns a table, as the specification of the releases counts them.
    #[test]
    fn headers_are_as_many_as_were_released() {
        let expected = [
            ("r2023", vec![7, 33, 29, 36]),
            ("r2025jul", vec![23, 65, 37, 25, 41]),
            ("r2025oct", vec![23, 65, 37, 25, 41]),
            ("r2026mar", vec![25, 65, 53, 23, 39]),
            ("r2026aug", vec![22, 44, 34, 22, 35]),
        ];
        for (name, columns) in expected {
            let release = Release::named(name).unwrap();
            let found = release.tables.values().map(|layout| layout.columns.len()).collect::<Vec<_>>();
            assert_eq!(found, columns, "{name}");
        }
    }

    #[test]
    fn an_unknown_release_is_refused_by_name() {
        let error = Release::named("r1999").unwrap_err();
        assert!(error.to_string().contains("`r1999`"), "{error}");
    }
}
