use crate::{Digest, Tally};
use serde::{Deserialize, Serialize};

/// One file as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path below the folder that was given, with `/` between parts.
    pub path: String,
    /// Release that the file belongs to.
    pub release: String,
    /// SHA-256 of the file's bytes as released (compressed, if it came compressed).
    pub sha256: Digest,
    /// Size in bytes.
    pub bytes: u64,
    /// Its sheets; a delimited file has one, named after the file.
    pub sheets: Vec<SheetEntry>,
}

/// One sheet of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetEntry {
    /// Name of the sheet.
    pub name: String,
    /// Table of the record that its rows went to; `None` for a sheet read and set aside whole (footnotes).
    pub table: Option<String>,
    /// The layout that matched, `arrests/ice-foia-2019`.
    pub layout: Option<String>,
    /// Row of the header, counted from 1 as in a spreadsheet.
    pub header_row: Option<u64>,
    /// Data rows: those after the header.
    #[serde(flatten)]
    pub tally: Tally,
    /// Every column of the header, in order.
    pub columns: Vec<Column>,
    /// Findings that did not stop the reading.
    pub warnings: Vec<Warning>,
}

/// One column of a header and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Header as released.
    pub header: String,
    /// Its fate.
    #[serde(flatten)]
    pub fate: ColumnFate,
    /// Cells with a redaction marker.
    pub redacted: u64,
    /// Cells that could not be read as the column's type and were set null.
    pub unparseable: u64,
}

/// What became of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum ColumnFate {
    /// Kept under a canonical name.
    Kept {
        /// Column of the record's table.
        column: String,
    },
    /// Nothing but blanks and redaction markers, or person-level detail that the record leaves out.
    Dropped {
        /// Why: `redacted`, `person_detail`.
        reason: String,
    },
    /// Not in the layout; carried nowhere and reported.
    Unknown,
}

/// A finding with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable code, `unparseable_date`.
    pub code: String,
    /// Row of the sheet, from 1.
    pub row: Option<u64>,
    /// Column letter.
    pub column: Option<String>,
    /// Header of the column.
    pub header: Option<String>,
    /// Raw value, cut to 80 characters and escaped.
    pub value: Option<String>,
    /// One sentence.
    pub message: String,
    /// How many findings of this code and column there were; the place is that of the first.
    pub count: u64,
}
