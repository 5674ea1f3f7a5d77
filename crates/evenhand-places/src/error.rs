//! What stops a table from being read or rebuilt.

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A table lacks its header, a column, or has a ragged row.
    Table,
    /// A cell does not hold what its column promises.
    Cell,
    /// Two tables disagree, such as a city in a county that is not listed.
    Disagreement,
}

/// A table of places that cannot be used. Unknown landmarks and facilities are never errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: String) -> Self {
        Self { kind, message }
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How to go on.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.kind {
            ErrorKind::Table => "compare the file with the one named in `data/places/README.md`",
            ErrorKind::Cell => "correct the cell, or take the file from the repository again",
            ErrorKind::Disagreement => "add the county to `counties.csv`, or correct the row that names it",
        }
    }
}
