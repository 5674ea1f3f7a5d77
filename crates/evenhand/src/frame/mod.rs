//! A user's own table, read as far as a method needs it: numbers for what is computed with, labels for what is
//! grouped by. Delimited text (plain or gzipped) and Parquet; which of the two is read off the bytes.

mod column;
mod delimited;
mod number;
mod parquet;

pub use column::{Labels, MISSING};
pub use number::{is_missing, number_from_text};

use crate::exit::Exit;
use crate::failure::Failure;
use column::Column;
use delimited::Dialect;
use parquet::ParquetFile;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How a column is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As numbers; a missing one is NaN.
    Number,
    /// As levels of text.
    Label,
}

/// A column that a method asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name in the header.
    pub name: String,
    /// As what.
    pub kind: Kind,
}

/// A table whose header is read and whose rows are not.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    names: Vec<String>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Delimited { text: Vec<u8>, dialect: Dialect },
    Parquet(Box<ParquetFile>),
}

impl Table {
    /// Opens a file and reads its header.
    pub fn open(path: &Path) -> Result<Table, Failure> {
        let told = |trouble: Trouble| trouble.about(path);
        let (mut file, start) = open(path)?;
        let (names, body) = if start == *b"PAR1" {
            let (names, file) = parquet::open(file).map_err(told)?;
            (names, Body::Parquet(Box::new(file)))
        } else {
            let mut bytes = start;
            file.read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
            let text = text_of(bytes).map_err(told)?;
            let (names, dialect) = delimited::open(&text, is_tabbed(path)).map_err(told)?;
            (names, Body::Delimited { text, dialect })
        };
        Ok(Table { path: path.to_owned(), names, body })
    }

    /// The same with the first row as data where it is all numbers: a matrix has no header.
    #[must_use]
    pub fn without_header(mut self) -> Table {
        let numbers = self.names.iter().all(|name| number_from_text(name.as_bytes()).is_some());
        if let Body::Delimited { dialect, .. } = &mut self.body
            && numbers
        {
            dialect.begin_at_the_header();
            self.names = (1..=self.names.len()).map(|at| format!("column {at}")).collect();
        }
        self
    }

    /// Names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Reads those columns.
    pub fn read(self, wanted: &[Wanted]) -> Result<Frame, Failure> {
        let mut once: Vec<Wanted> = Vec::new();
        wanted.iter().for_each(|column| match once.contains(column) {
            true => {}
            false => once.push(column.clone()),
        });
        let Table { path, names, body } = self;
        let read = || -> Result<Vec<Column>, Trouble> {
            let places = places(&names, &once)?;
            match body {
                Body::Delimited { text, dialect } => delimited::read(&text, dialect, &once, &places),
                Body::Parquet(file) => parquet::read(*file, &once, &places),
            }
        };
        let columns = read().map_err(|trouble| trouble.about(&path))?;
        let rows = columns.first().map_or(0, Column::len);
        if rows == 0 {
            return Err(Trouble::new("no rows, expected at least one below the header").about(&path));
        }
        Ok(Frame { wanted: once, columns, rows })
    }
}

/// The wanted columns of a table.
#[derive(Debug)]
pub struct Frame {
    wanted: Vec<Wanted>,
    columns: Vec<Column>,
    rows: usize,
}

impl Frame {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// A column that was wanted as numbers.
    pub fn numbers(&self, name: &str) -> Option<&[f64]> {
        match self.column(name, Kind::Number)? {
            Column::Numbers(values) => Some(values),
            Column::Labels(_) => None,
        }
    }

    /// A column that was wanted as labels.
    pub fn labels(&self, name: &str) -> Option<&Labels> {
        match self.column(name, Kind::Label)? {
            Column::Labels(labels) => Some(labels),
            Column::Numbers(_) => None,
        }
    }

    fn column(&self, name: &str, kind: Kind) -> Option<&Column> {
        let at = self.wanted.iter().position(|column| column.name == name && column.kind == kind)?;
        self.columns.get(at)
    }
}

/// What is wrong with a file's content, before its path is known.
#[derive(Debug)]
pub struct Trouble {
    message: String,
    hint: Option<String>,
}

impl Trouble {
    fn new(message: impl Into<String>) -> Trouble {
        Trouble { message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Trouble {
        Trouble { hint: Some(hint.into()), ..self }
    }

    fn about(self, path: &Path) -> Failure {
        let message = format!("`{}`: {}", path.display(), self.message);
        Failure::new(Exit::BadInput, message).maybe_hint(self.hint.as_deref())
    }
}

/// A cell that is no number. Rows are counted as a spreadsheet does, the header being row 1.
fn no_number(row: usize, column: &str, found: &str) -> Trouble {
    let shown: String = found.chars().take(40).collect();
    Trouble::new(format!("row {row}, column `{column}`: expected a number, found `{shown}`"))
        .hint("leave the cell empty, or write `NA`, where a value is missing")
}

/// Where each wanted column stands in a header.
fn places(header: &[String], wanted: &[Wanted]) -> Result<Vec<usize>, Trouble> {
    wanted.iter().map(|column| place(header, &column.name)).collect()
}

fn place(header: &[String], name: &str) -> Result<usize, Trouble> {
    let mut found = header.iter().enumerate().filter(|(_, column)| *column == name);
    let Some((at, _)) = found.next() else {
        let listed =
            header.iter().take(40).map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ");
        let rest = if header.len() > 40 { format!(" and {} more", header.len() - 40) } else { String::new() };
        let trouble = Trouble::new(format!("no column `{name}`; there are {listed}{rest}"));
        return Err(match nearest(header, name) {
            Some(near) => trouble.hint(format!("did you mean `{near}`?")),
            None => trouble,
        });
    };
    match found.next() {
        None => Ok(at),
        Some(_) => Err(Trouble::new(format!("two columns are called `{name}`, expected one"))),
    }
}

/// The name that a slip of the pen would make of `name`.
pub fn nearest<'a>(names: &'a [String], name: &str) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', ' ', '.'], "");
    let wanted = plain(name);
    let near = names.iter().map(|column| (distance(&plain(column), &wanted), column));
    let (steps, column) = near.min_by_key(|(steps, _)| *steps)?;
    (steps * 3 <= wanted.chars().count().max(3)).then_some(column)
}

/// Letters to change, add or drop between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The file, and its first four bytes, which say what it is.
fn open(path: &Path) -> Result<(File, Vec<u8>), Failure> {
    let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut start = Vec::new();
    (&mut file).take(4).read_to_end(&mut start).map_err(|error| unreadable(path, &error))?;
    match start.is_empty() {
        true => Err(Trouble::new("the file is empty, expected a table").about(path)),
        false => Ok((file, start)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::BadInput, format!("`{}`: cannot be read: {error}", path.display()))
}

/// Plain bytes of a table, inflated where they are gzipped.
fn text_of(bytes: Vec<u8>) -> Result<Vec<u8>, Trouble> {
    let mut text = bytes;
    if text.starts_with(&[0x1f, 0x8b]) {
        let mut inflated = Vec::with_capacity(text.len().saturating_mul(4));
        let inflating = flate2::bufread::MultiGzDecoder::new(text.as_slice()).read_to_end(&mut inflated);
        inflating.map_err(|error| {
            Trouble::new(format!("the gzip stream is cut or damaged: {error}")).hint("fetch the file again")
        })?;
        text = inflated;
    }
    let other = match text.as_slice() {
        [b'P', b'K', 3, 4, ..] => Some("a workbook or a zip archive"),
        [b'P', b'A', b'R', b'1', ..] => Some("a gzipped Parquet file"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("text in UTF-16"),
        start if start.iter().take(4096).any(|byte| *byte == 0) => Some("binary data"),
        _ => None,
    };
    match other {
        None => Ok(text),
        Some(what) => {
            Err(Trouble::new(format!("expected a delimited table or a Parquet file, found {what}"))
                .hint("save it as CSV in UTF-8"))
        }
    }
}

fn is_tabbed(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    [".tsv", ".tsv.gz", ".tab"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_understood() {
        let names = ["first.treat", "lemp", "countyreal"].map(str::to_owned);
        assert_eq!(nearest(&names, "first_treat"), Some("first.treat"));
        assert_eq!(nearest(&names, "lempp"), Some("lemp"));
        assert_eq!(nearest(&names, "population"), None);
    }
}
