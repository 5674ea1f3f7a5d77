//! Small comma-separated tables: the files under `data/places/` and the crosswalk they are built from.

use crate::{Error, ErrorKind};
use memchr::{memchr, memchr3};
use std::borrow::Cow;

/// A table in memory: a header and rows of as many cells, which are parts of the text wherever they can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<'a> {
    name: String,
    header: Vec<String>,
    rows: Vec<Vec<Cow<'a, str>>>,
}

impl<'a> Table<'a> {
    /// Reads comma-separated text with a header line; cells may be quoted, quotes are doubled inside.
    ///
    /// # Errors
    /// [`ErrorKind::Table`] when there is no header or a row has another number of cells.
    pub fn parse(name: &str, text: &'a str) -> Result<Self, Error> {
        let mut lines = records(text.trim_start_matches('\u{feff}'));
        if lines.is_empty() {
            return Err(Error::new(
                ErrorKind::Table,
                format!("`{name}`: expected a header line, found nothing"),
            ));
        }
        let rows = lines.split_off(1);
        let header: Vec<String> = lines.remove(0).iter().map(|cell| cell.trim().to_owned()).collect();
        match rows.iter().position(|row| row.len() != header.len()) {
            None => Ok(Self { name: name.to_owned(), header, rows }),
            Some(at) => Err(Error::new(
                ErrorKind::Table,
                format!(
                    "`{name}`, row {}: expected {} cells, found {}",
                    at + 2,
                    header.len(),
                    rows[at].len()
                ),
            )),
        }
    }

    /// The position of a column.
    ///
    /// # Errors
    /// [`ErrorKind::Table`] when the header lacks it.
    pub fn column(&self, name: &str) -> Result<usize, Error> {
        self.header.iter().position(|cell| cell == name).ok_or_else(|| {
            Error::new(
                ErrorKind::Table,
                format!("`{}`: expected column `{name}`, found `{}`", self.name, self.header.join("`, `")),
            )
        })
    }

    /// The positions of several columns, in the order asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Table`] when the header lacks one.
    pub fn columns<const N: usize>(&self, names: [&str; N]) -> Result<[usize; N], Error> {
        let mut at = [0; N];
        for (slot, name) in at.iter_mut().zip(names) {
            *slot = self.column(name)?;
        }
        Ok(at)
    }

    /// The name that the table was read under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rows below the header, each as long as the header.
    #[must_use]
    pub fn rows(&self) -> &[Vec<Cow<'a, str>>] {
        &self.rows
    }

    /// Parses one cell, naming table, row and column when it does not parse.
    ///
    /// # Errors
    /// [`ErrorKind::Cell`] when the text is not a `T`.
    pub fn cell<T: std::str::FromStr>(&self, row: usize, column: usize) -> Result<T, Error>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.rows[row][column].trim();
        text.parse().map_err(|why| {
            Error::new(
                ErrorKind::Cell,
                format!(
                    "`{}`, row {}, column `{}`: {why}: `{text}`",
                    self.name,
                    row + 2,
                    self.header[column]
                ),
            )
        })
    }
}

/// Appends one row, quoting the cells that need it.
pub(crate) fn push_row<S: AsRef<str>>(out: &mut String, cells: &[S]) {
    for (at, cell) in cells.iter().enumerate() {
        let cell = cell.as_ref();
        if at > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\n']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    out.push('\n');
}

fn records(text: &str) -> Vec<Vec<Cow<'_, str>>> {
    let (mut rows, mut row) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < text.len() {
        let (cell, end) = cell(text, at);
        row.push(cell);
        if text.as_bytes().get(end) != Some(&b',') {
            let width = row.len();
            rows.push(std::mem::replace(&mut row, Vec::with_capacity(width)));
        }
        at = end + 1;
    }
    if text.ends_with(',') {
        row.push(Cow::Borrowed(""));
        rows.push(row);
    }
    rows.retain(|row| row.len() > 1 || row.first().is_some_and(|cell| !cell.is_empty()));
    rows
}

/// The cell that begins at `from`, and where the comma or line end after it stands.
fn cell(text: &str, from: usize) -> (Cow<'_, str>, usize) {
    let bytes = text.as_bytes();
    let next = |at: usize| memchr3(b',', b'\n', b'"', &bytes[at..]).map_or(bytes.len(), |next| at + next);
    let mut at = next(from);
    if bytes.get(at) != Some(&b'"') {
        return (unreturned(&text[from..at]), at);
    }
    // Blanks before a quote are not part of the cell.
    let mut cell = String::new();
    let mut start = from;
    while bytes.get(at) == Some(&b'"') {
        let opens = text[start..at].trim().is_empty() && cell.trim().is_empty();
        match opens {
            true => cell.clear(),
            false => cell.push_str(&text[start..=at]),
        }
        start = at + 1;
        if opens {
            loop {
                let close = memchr(b'"', &bytes[start..]).map_or(bytes.len(), |close| start + close);
                cell.push_str(&text[start..close]);
                start = (close + 1).min(bytes.len());
                if bytes.get(start) != Some(&b'"') {
                    break;
                }
                cell.push('"');
                start += 1;
            }
        }
        at = next(start);
    }
    cell.push_str(&unreturned(&text[start..at]));
    (Cow::Owned(cell), at)
}

/// Text without carriage returns.
fn unreturned(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace('\r', "")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let cells = ["a,b", "say \"hi\"", "", "plain"];
        let mut text = String::from("one,two,three,four\n");
        push_row(&mut text, &cells);
        assert_eq!(
            Table::parse("t", &text).map(|table| table.rows[0].clone()),
            Ok(cells.map(Cow::from).to_vec())
        );
    }

    #[test]
    fn a_blank_after_the_comma_does_not_hide_a_quote() {
        let table = Table::parse("t", "\"office\", \"state\"\n\"Atlanta\", \"Georgia, all\"\n");
        assert_eq!(table.as_ref().map(|table| table.column("state")), Ok(Ok(1)));
        assert_eq!(table.map(|table| table.rows[0][1].clone()), Ok(Cow::from("Georgia, all")));
    }

    #[test]
    fn a_short_row_is_refused_with_its_number() {
        let error = Table::parse("t", "a,b\n1,2\n3\n").map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "`t`, row 3: expected 2 cells, found 1");
    }
}
