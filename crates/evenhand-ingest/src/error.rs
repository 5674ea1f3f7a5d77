//! What stops an ingest: where, what was found, what was expected, and how to go on.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a [`Sink`](crate::Sink) may fail with.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// A refusal. Printed as one line of place and message; the [hint](Error::hint) stands apart.
///
/// Serialises as the object that `ingest --json` puts under `error`.
#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    code: &'static str,
    place: Place,
    message: String,
    value: Option<String>,
    expected: Option<String>,
    found: Option<String>,
    hint: Option<String>,
    source: Option<SinkError>,
}

/// Where in the input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Option<String>,
    pub(crate) sheet: Option<String>,
    pub(crate) row: Option<u64>,
    pub(crate) column: Option<usize>,
    pub(crate) header: Option<String>,
}

/// What went wrong, for callers that act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A path that was given does not exist.
    Missing,
    /// The operating system refused to give the bytes.
    Unreadable,
    /// A folder without one file that could be data.
    NothingKnown,
    /// A file of zero bytes.
    Empty,
    /// Not a kind of file that we read.
    WrongType,
    /// A workbook protected by a password.
    Encrypted,
    /// The file ends too early.
    Cut,
    /// The file's bytes contradict themselves.
    Damaged,
    /// Two files of one release are the same.
    Duplicate,
    /// No known layout has this header.
    UnknownHeader,
    /// A header of several releases, and nothing that tells which.
    UnknownRelease,
    /// A line, a cell or an unpacked size beyond what we accept.
    Limit,
    /// The receiver of the batches failed; `source()` says how.
    Sink,
    /// A fault of ours.
    Internal,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        let inner = Inner {
            kind,
            code,
            place: Place::default(),
            message: message.into(),
            value: None,
            expected: None,
            found: None,
            hint: None,
            source: None,
        };
        Self { inner: Box::new(inner) }
    }

    /// "expected `expected`, found `found`".
    pub(crate) fn expected_found(
        kind: ErrorKind,
        code: &'static str,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Self {
        let (expected, found) = (expected.into(), found.to_string());
        let mut error = Self::new(kind, code, format!("expected {expected}, found {found}"));
        error.inner.expected = Some(expected);
        error.inner.found = Some(found);
        error
    }

    pub(crate) fn io(code: &'static str, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Unreadable, code, format!("cannot be read: {source}"))
            .with_hint("look at the file's permissions and at the disk that it is on")
            .with_source(source)
    }

    pub(crate) fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, "internal", message.to_string())
            .with_hint("this is a fault of the program, not of the file; please report it")
    }

    pub(crate) fn sink(source: SinkError) -> Self {
        let mut error = Self::new(ErrorKind::Sink, "sink", source.to_string());
        error.inner.source = Some(source);
        error
    }

    pub(crate) fn in_file(mut self, file: &str) -> Self {
        self.inner.place.file.get_or_insert_with(|| file.to_owned());
        self
    }

    pub(crate) fn in_sheet(mut self, sheet: &str) -> Self {
        self.inner.place.sheet.get_or_insert_with(|| sheet.to_owned());
        self
    }

    pub(crate) fn at_row(mut self, row: u64) -> Self {
        self.inner.place.row.get_or_insert(row);
        self
    }

    /// Corrects the row of the place.
    pub(crate) fn moved_to_row(mut self, row: u64) -> Self {
        self.inner.place.row = Some(row);
        self
    }

    /// Says which row was the last that could be read.
    pub(crate) fn after_row(mut self, last: u64) -> Self {
        self.inner.message = format!("{}, after row {last}", self.inner.message);
        self.inner.place.row.get_or_insert(last);
        self
    }

    pub(crate) fn at_column(mut self, column: usize, header: &str) -> Self {
        self.inner.place.column = Some(column);
        self.inner.place.header = Some(header.to_owned()).filter(|header| !header.is_empty());
        self
    }

    /// Names the column at a place where no header says it.
    pub(crate) fn at_missing_column(mut self, column: usize, expected: &str) -> Self {
        self.inner.place.column.get_or_insert(column);
        self.inner.place.header.get_or_insert_with(|| expected.to_owned());
        self
    }

    pub(crate) fn with_value(mut self, value: &str) -> Self {
        self.inner.value = Some(shown(value));
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.inner.source = Some(Box::new(source));
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// A stable word for it, such as `unknown_header`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.inner.code
    }

    /// The file, as it was named to us or as it stands below the folder that was.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.inner.place.file.as_deref()
    }

    /// The sheet of a workbook.
    #[must_use]
    pub fn sheet(&self) -> Option<&str> {
        self.inner.place.sheet.as_deref()
    }

    /// The row, counted from 1 as a spreadsheet does.
    #[must_use]
    pub fn row(&self) -> Option<u64> {
        self.inner.place.row
    }

    /// The column's letters, as a spreadsheet names it.
    #[must_use]
    pub fn column(&self) -> Option<String> {
        self.inner.place.column.map(letters)
    }

    /// The header of the column.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        self.inner.place.header.as_deref()
    }

    /// The value found, escaped and cut to 80 characters.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.inner.value.as_deref()
    }

    /// What was expected.
    #[must_use]
    pub fn expected(&self) -> Option<&str> {
        self.inner.expected.as_deref()
    }

    /// What was found instead.
    #[must_use]
    pub fn found(&self) -> Option<&str> {
        self.inner.found.as_deref()
    }

    /// How to go on.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    /// The message without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = &self.inner.place;
        let mut parts = Vec::new();
        parts.extend(place.file.as_deref().map(|file| format!("`{}`", shown(file))));
        parts.extend(place.sheet.as_deref().map(|sheet| format!("sheet `{}`", shown(sheet))));
        parts.extend(place.row.map(|row| format!("row {row}")));
        parts.extend(place.column.map(|column| format!("column {}", letters(column))));
        if !parts.is_empty() {
            write!(f, "{}: ", parts.join(", "))?;
        }
        f.write_str(&self.inner.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.code())?;
        map.serialize_entry("file", &self.file())?;
        map.serialize_entry("sheet", &self.sheet())?;
        map.serialize_entry("row", &self.row())?;
        map.serialize_entry("column", &self.column())?;
        map.serialize_entry("header", &self.header())?;
        map.serialize_entry("value", &self.value())?;
        map.serialize_entry("message", self.message())?;
        map.serialize_entry("expected", &self.expected())?;
        map.serialize_entry("hint", &self.hint())?;
        map.serialize_entry("found", &self.found())?;
        map.end()
    }
}

/// The letters of a column counted from 0: `A`, `Z`, `AA`.
pub(crate) fn letters(mut column: usize) -> String {
    let mut reversed = Vec::new();
    loop {
        reversed.push(b'A'.saturating_add(u8::try_from(column % 26).unwrap_or(0)));
        match (column / 26).checked_sub(1) {
            Some(rest) => column = rest,
            None => break,
        }
    }
    reversed.iter().rev().map(|&letter| char::from(letter)).collect()
}

/// A released value as messages show it: control characters escaped, cut to 80 characters.
pub(crate) fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(80).flat_map(char::escape_debug).collect();
    if value.chars().nth(80).is_some() {
        text.push('…');
    }
    text.replace("\\'", "'").replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lettered_as_in_a_spreadsheet() {
        assert_eq!([0, 25, 26, 701, 702, 16_383].map(letters), ["A", "Z", "AA", "ZZ", "AAA", "XFD"]);
    }

    #[test]
    fn a_shown_value_cannot_move_the_cursor_or_flood_the_screen() {
        assert_eq!(shown("a\u{1b}[2J\n"), "a\\u{1b}[2J\\n");
        assert_eq!(shown(&"x".repeat(200)).chars().count(), 81);
    }
}
