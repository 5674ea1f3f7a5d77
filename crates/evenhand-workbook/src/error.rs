//! What stops the reading of a workbook: where, what was expected, what was found.

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal, with its place.
#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    code: &'static str,
    expected: String,
    found: String,
    part: Option<String>,
    sheet: Option<String>,
    row: Option<u32>,
    column: Option<u32>,
    source: Option<std::io::Error>,
}

/// What went wrong, for callers that act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused to give the bytes.
    Unreadable,
    /// A file of zero bytes.
    Empty,
    /// Not a workbook of the kind that is read here.
    WrongType,
    /// Protected by a password.
    Encrypted,
    /// The file, or a part of it, ends too early.
    Cut,
    /// The bytes contradict themselves or the format.
    Damaged,
    /// Beyond one of the [`Limits`](crate::Limits).
    Limit,
}

impl Error {
    pub(crate) fn new(
        kind: ErrorKind,
        code: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let (expected, found) = (expected.into(), found.into());
        let inner = Inner {
            kind,
            code,
            expected,
            found,
            part: None,
            sheet: None,
            row: None,
            column: None,
            source: None,
        };
        Self { inner: Box::new(inner) }
    }

    pub(crate) fn damaged(code: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(ErrorKind::Damaged, code, expected, found)
    }

    pub(crate) fn limit(code: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, code, expected, found)
    }

    pub(crate) fn io(source: std::io::Error) -> Self {
        let mut error = Self::new(ErrorKind::Unreadable, "unreadable", "bytes", source.to_string());
        error.inner.source = Some(source);
        error
    }

    pub(crate) fn in_part(mut self, part: &str) -> Self {
        self.inner.part.get_or_insert_with(|| part.to_owned());
        self
    }

    pub(crate) fn in_sheet(mut self, sheet: &str) -> Self {
        self.inner.sheet.get_or_insert_with(|| sheet.to_owned());
        self
    }

    pub(crate) fn at_row(mut self, row: u32) -> Self {
        self.inner.row.get_or_insert(row);
        self
    }

    pub(crate) fn at_column(mut self, column: u32) -> Self {
        self.inner.column.get_or_insert(column);
        self
    }

    /// A second one like this, for another reader of the same part.
    pub(crate) fn again(&self) -> Self {
        let inner = &self.inner;
        let mut error = Self::new(inner.kind, inner.code, inner.expected.clone(), inner.found.clone());
        error.inner.part.clone_from(&inner.part);
        error.inner.sheet.clone_from(&inner.sheet);
        error.inner.row = inner.row;
        error.inner.column = inner.column;
        error
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// A stable word for it, such as `wrong_checksum`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.inner.code
    }

    /// What was expected.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.inner.expected
    }

    /// What was found instead.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.inner.found
    }

    /// The member of the file, such as `xl/worksheets/sheet1.xml`.
    #[must_use]
    pub fn part(&self) -> Option<&str> {
        self.inner.part.as_deref()
    }

    /// The name of the sheet, where the workbook's list of them or its container is at fault. A sheet that is read
    /// is known to its reader.
    #[must_use]
    pub fn sheet(&self) -> Option<&str> {
        self.inner.sheet.as_deref()
    }

    /// The row, counted from 1.
    #[must_use]
    pub fn row(&self) -> Option<u32> {
        self.inner.row
    }

    /// The column, counted from 0.
    #[must_use]
    pub fn column(&self) -> Option<u32> {
        self.inner.column
    }

    /// The refusal of the operating system, if it was one.
    #[must_use]
    pub fn io_error(&self) -> Option<&std::io::Error> {
        self.inner.source.as_ref()
    }

    /// Takes the refusal of the operating system out.
    #[must_use]
    pub fn into_io_error(self) -> Option<std::io::Error> {
        self.inner.source
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = &self.inner;
        if let Some(part) = &inner.part {
            write!(f, "`{}`", part.escape_debug())?;
            if let Some(row) = inner.row {
                write!(f, ", row {row}")?;
            }
            if let Some(column) = inner.column {
                write!(f, ", column {}", letters(column))?;
            }
            f.write_str(": ")?;
        }
        if inner.source.is_some() {
            return write!(f, "cannot be read: {}", inner.found);
        }
        write!(f, "expected {}, found {}", inner.expected, inner.found)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_ref().map(|source| source as _)
    }
}

/// The letters of a column counted from 0.
pub(crate) fn letters(column: u32) -> String {
    let mut rest = u64::from(column) + 1;
    let mut reversed = Vec::new();
    while rest > 0 {
        let letter = u8::try_from((rest - 1) % 26).unwrap_or(0);
        reversed.push(char::from(b'A'.saturating_add(letter)));
        rest = (rest - 1) / 26;
    }
    reversed.iter().rev().collect()
}

/// Outside bytes as a message shows them: cut, control characters escaped.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..160).unwrap_or(bytes)).into_owned();
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if bytes.len() > 160 || text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lettered_as_in_a_spreadsheet() {
        let letters: Vec<_> = [0, 25, 26, 701, 702, 16_383].into_iter().map(letters).collect();
        assert_eq!(letters, ["A", "Z", "AA", "ZZ", "AAA", "XFD"]);
    }
}
