//! Delimited text into columns: cut into parts at ends of rows, each part read on its own.

use super::column::{Column, Part};
use super::{Trouble, Wanted, is_missing, no_number, number_from_text};
use memchr::{memchr, memchr_iter};
use rayon::prelude::*;

/// Delimiters that are tried.
const DELIMITERS: [u8; 4] = *b",\t;|";
/// Bytes of one part; the cuts depend on the file alone, so the number of threads changes nothing.
const PART: usize = 4 << 20;

/// How cells are parted, and where the rows begin.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    delimiter: u8,
    header: usize,
    body: usize,
    columns: usize,
}

impl Dialect {
    /// Takes the header as the first row.
    pub fn begin_at_the_header(&mut self) {
        self.body = self.header;
    }
}

/// Reads the header.
pub fn open(text: &[u8], tabbed: bool) -> Result<(Vec<String>, Dialect), Trouble> {
    let start = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let delimiter = if tabbed { b'\t' } else { delimiter(start) };
    let mut names = Vec::new();
    let mut row = Row { rest: start, delimiter, scratch: Vec::new() };
    while !row.next(|cell| names.push(String::from_utf8_lossy(cell.trim_ascii()).into_owned()))?.at_end {}
    let header = text.len() - start.len();
    let dialect = Dialect { delimiter, header, body: text.len() - row.rest.len(), columns: names.len() };
    Ok((names, dialect))
}

/// Reads the wanted columns, which stand at `places`.
pub fn read(
    text: &[u8],
    dialect: Dialect,
    wanted: &[Wanted],
    places: &[usize],
) -> Result<Vec<Column>, Trouble> {
    let body = &text[dialect.body..];
    let reader = Reader { delimiter: dialect.delimiter, columns: dialect.columns, wanted, places };
    let parts = cut(body).into_par_iter().map(|part| reader.part(part)).collect::<Vec<_>>();
    let mut done: Vec<Vec<Part>> = wanted.iter().map(|_| Vec::new()).collect();
    let mut rows = 1;
    for part in parts {
        let part = part.map_err(|wrong| wrong.after(rows))?;
        rows += part.rows;
        done.iter_mut().zip(part.columns).for_each(|(column, part)| column.push(part));
    }
    Ok(done.into_iter().map(Part::join).collect())
}

/// The delimiter that the first line holds most of.
fn delimiter(text: &[u8]) -> u8 {
    let line = &text[..memchr(b'\n', text).unwrap_or(text.len())];
    let mut quoted = false;
    let mut counts = [0usize; 4];
    for byte in line {
        quoted ^= *byte == b'"';
        if let Some(at) = DELIMITERS.iter().position(|delimiter| delimiter == byte).filter(|_| !quoted) {
            counts[at] += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    DELIMITERS[counts.iter().position(|count| *count == most).unwrap_or(0)]
}

/// Parts that end where a row ends; a line end inside quotes is none.
fn cut(text: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::with_capacity(text.len() / PART + 1);
    let mut rest = text;
    while rest.len() > PART {
        // An even number of quotes before it: the line end is outside of quotes.
        let mut open = memchr_iter(b'"', &rest[..PART]).count() % 2 == 1;
        let mut at = PART;
        let end = loop {
            match rest[at..].iter().position(|byte| matches!(byte, b'\n' | b'"')) {
                None => break rest.len(),
                Some(step) if rest[at + step] == b'"' => {
                    open = !open;
                    at += step + 1;
                }
                Some(step) if open => at += step + 1,
                Some(step) => break at + step + 1,
            }
        };
        let (part, more) = rest.split_at(end);
        parts.push(part);
        rest = more;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

struct Reader<'a> {
    delimiter: u8,
    columns: usize,
    wanted: &'a [Wanted],
    places: &'a [usize],
}

struct Read {
    columns: Vec<Part>,
    rows: usize,
}

/// What is wrong, with the row counted from the start of the part.
enum Wrong {
    Width { row: usize, found: usize, expected: usize },
    Number { row: usize, column: String, found: String },
    Text(Trouble),
}

impl Wrong {
    fn after(self, rows: usize) -> Trouble {
        match self {
            Wrong::Width { row, found, expected } => Trouble::new(format!(
                "row {}: {found} cells, expected {expected} as in the header",
                rows + row
            )),
            Wrong::Number { row, column, found } => no_number(rows + row, &column, &found),
            Wrong::Text(trouble) => trouble,
        }
    }
}

impl Reader<'_> {
    fn part(&self, text: &[u8]) -> Result<Read, Wrong> {
        let lines = memchr_iter(b'\n', text).count() + 1;
        let mut columns: Vec<Part> = self.wanted.iter().map(|column| Part::new(column.kind, lines)).collect();
        // For each column of the file, where its cells go.
        let mut takers: Vec<Vec<usize>> = vec![Vec::new(); self.columns];
        self.places.iter().enumerate().for_each(|(part, &place)| takers[place].push(part));
        let mut row = Row { rest: text, delimiter: self.delimiter, scratch: Vec::new() };
        let mut rows = 0;
        while !row.rest.is_empty() {
            if row.skip_blank_line() {
                continue;
            }
            rows += 1;
            let (mut at, mut wrong) = (0, None);
            loop {
                let cell = row
                    .next(|cell| {
                        for &part in takers.get(at).into_iter().flatten() {
                            if !push(&mut columns[part], cell) {
                                wrong.get_or_insert((part, cell.to_vec()));
                            }
                        }
                    })
                    .map_err(Wrong::Text)?;
                at += 1;
                if cell.at_end {
                    break;
                }
            }
            if at != self.columns {
                return Err(Wrong::Width { row: rows, found: at, expected: self.columns });
            }
            if let Some((part, found)) = wrong {
                let found = String::from_utf8_lossy(&found).into_owned();
                return Err(Wrong::Number { row: rows, column: self.wanted[part].name.clone(), found });
            }
        }
        Ok(Read { columns, rows })
    }
}

/// Adds a cell to a column; false when it is no number where one is wanted.
pub fn push(part: &mut Part, cell: &[u8]) -> bool {
    match part {
        Part::Numbers(values) => {
            let number = number_from_text(cell);
            let missing = number.is_none() && is_missing(cell.trim_ascii());
            values.push(number.unwrap_or(f64::NAN));
            number.is_some() || missing
        }
        Part::Labels(labels) => {
            let cell = cell.trim_ascii();
            if is_missing(cell) {
                labels.push_missing()
            } else {
                labels.push(cell)
            }
            true
        }
    }
}

/// Cells one after the other.
struct Row<'a> {
    rest: &'a [u8],
    delimiter: u8,
    /// A quoted cell with its doubled quotes made single.
    scratch: Vec<u8>,
}

struct Cell {
    /// Whether it was the last of its row.
    at_end: bool,
}

impl<'a> Row<'a> {
    fn skip_blank_line(&mut self) -> bool {
        match self.rest {
            [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => self.rest = rest,
            _ => return false,
        }
        true
    }

    fn next(&mut self, take: impl FnOnce(&[u8])) -> Result<Cell, Trouble> {
        if self.rest.first() == Some(&b'"') {
            return self.quoted(take);
        }
        let delimiter = self.delimiter;
        let end = self.rest.iter().position(|&byte| byte == delimiter || byte == b'\n');
        let end = end.unwrap_or(self.rest.len());
        let (cell, rest) = self.rest.split_at(end);
        let at_end = rest.first() != Some(&delimiter);
        let cell = if at_end { cell.strip_suffix(b"\r").unwrap_or(cell) } else { cell };
        take(cell);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(Cell { at_end })
    }

    fn quoted(&mut self, take: impl FnOnce(&[u8])) -> Result<Cell, Trouble> {
        self.scratch.clear();
        let mut rest = &self.rest[1..];
        loop {
            let Some(end) = memchr(b'"', rest) else {
                let start = String::from_utf8_lossy(&self.rest[..self.rest.len().min(40)]).into_owned();
                return Err(Trouble::new(format!("a quote is opened and never closed: `{start}`")));
            };
            self.scratch.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.first() {
                Some(b'"') => {
                    self.scratch.push(b'"');
                    rest = &rest[1..];
                }
                _ => break,
            }
        }
        let delimiter = self.delimiter;
        let end = rest.iter().position(|&byte| byte == delimiter || byte == b'\n').unwrap_or(rest.len());
        let (stray, rest) = rest.split_at(end);
        let at_end = rest.first() != Some(&delimiter);
        self.scratch.extend_from_slice(stray.trim_ascii());
        take(&self.scratch);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(Cell { at_end })
    }
}
