//! Delimited text into records: one pass over the bytes, quotes and line ends of every kind met in releases.
//!
//! Tolerated, because released files have it: blanks between a delimiter and an opening quote (`", "`) and
//! after a closing one, a byte order mark, CRLF and old Mac line ends, no line end after the last row, and
//! `"` inside an unquoted field. A quote that is never closed is not tolerated: it would swallow rows.

use crate::header::{self, Found, SEARCHED_ROWS};
use crate::input::{Format, Input, format_of_bytes};
use crate::sheet::{Cell, Row};
use crate::{Error, ErrorKind, Result};
use evenhand_ledger::Digest;
use memchr::{memchr, memchr2};
use std::path::Path;
use wide::i8x16;

/// Bytes read at a time; small enough to stay in the processor's cache.
const CHUNK: usize = 128 << 10;
/// Longest record. A spreadsheet's cell holds at most 32,767 characters, and rows are far shorter.
const MAX_RECORD: usize = 1 << 20;
/// Delimiters that are tried, the likeliest first.
const DELIMITERS: [u8; 4] = *b",|\t;";

/// A delimited file, opened and read as far as its header.
pub(crate) struct Delimited {
    input: Input,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    input_ended: bool,
    dialect: Dialect,
    fields: Vec<Field>,
    scratch: Vec<u8>,
    row: u64,
    /// The first rows, as text.
    pub(crate) first_rows: Vec<Vec<String>>,
    pub(crate) found: Found,
    /// Fields with text after their closing quote.
    pub(crate) stray_quotes: u64,
}

/// How records and fields end.
#[derive(Debug, Clone, Copy)]
struct Dialect {
    delimiter: u8,
    newline: u8,
}

/// Where a field stands, in eight bytes, since every cell writes one: a record is shorter than 2^20 bytes, and
/// the buffer that holds it shorter than 2^31.
#[derive(Debug, Clone, Copy)]
struct Field {
    start: u32,
    /// The lowest bit says whether the range is one of the scratch buffer, where doubled quotes are made single;
    /// the others are the length.
    length: u32,
}

impl Field {
    #[inline]
    fn new(start: usize, end: usize, in_scratch: bool) -> Self {
        Self { start: start as u32, length: ((end - start) as u32) << 1 | u32::from(in_scratch) }
    }

    #[inline]
    fn in_scratch(self) -> bool {
        self.length & 1 == 1
    }

    #[inline]
    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + (self.length >> 1) as usize
    }
}

/// One record, as long as the next is not read.
pub(crate) struct Record<'a> {
    row: u64,
    buffer: &'a [u8],
    scratch: &'a [u8],
    fields: &'a [Field],
}

impl Delimited {
    /// Opens a plain or gzipped file, whose stem helps where two layouts have one header.
    pub(crate) fn open(path: &Path, format: Format, stem: &str) -> Result<Self> {
        let mut file = Self {
            input: Input::open(path, format)?,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            input_ended: false,
            dialect: Dialect { delimiter: b',', newline: b'\n' },
            fields: Vec::new(),
            scratch: Vec::new(),
            row: 0,
            first_rows: Vec::new(),
            found: Found::Unknown(None),
            stray_quotes: 0,
        };
        // A failure further on must not hide what the first rows already say.
        while file.end < 1 << 14 && !file.input_ended {
            file.fill()?;
        }
        let held = file.buffer.get(..file.end).unwrap_or_default();
        match format_of_bytes(held) {
            Ok(Format::Text) => {}
            Ok(_) => {
                let what = "a workbook or an archive inside gzip";
                return Err(Error::expected_found(ErrorKind::WrongType, "wrong_type", "a table", what)
                    .with_hint("unpack it first"));
            }
            Err(error) => return Err(error),
        }
        if held.starts_with(b"\xef\xbb\xbf") {
            file.start = 3;
        }
        if !held.contains(&b'\n') && held.contains(&b'\r') {
            file.dialect.newline = b'\r';
        }
        file.choose_delimiter(stem)?;
        // Long lines before the header, or a long header.
        while !matches!(file.found, Found::Known(_))
            && file.first_rows.len() < SEARCHED_ROWS
            && !file.input_ended
            && file.end - file.start < MAX_RECORD
        {
            let wanted = file.end * 2;
            while file.end < wanted && !file.input_ended {
                let rows = file.first_rows.len() as u64;
                file.fill().map_err(|error| if rows > 0 { error.after_row(rows) } else { error })?;
            }
            file.first_rows.clear();
            file.choose_delimiter(stem)?;
        }
        if file.first_rows.is_empty() {
            // What is wrong with the first row.
            file.advance()?;
        }
        Ok(file)
    }

    /// Takes the delimiter that makes a known header, or else the header nearest to a known one.
    fn choose_delimiter(&mut self, stem: &str) -> Result<()> {
        let mut best = (0, 0);
        for delimiter in DELIMITERS {
            let dialect = Dialect { delimiter, ..self.dialect };
            let rows = self.peek(dialect);
            let found = header::find(&rows, stem)?;
            let score = match &found {
                Found::Known(found) => (2, found.known()),
                Found::Ambiguous(matches) => (1, matches.first().map_or(0, |found| found.known())),
                Found::Unknown(nearest) => (0, nearest.as_ref().map_or(0, |found| found.known())),
            };
            if score > best || self.first_rows.is_empty() {
                best = score;
                self.dialect = dialect;
                self.first_rows = rows;
                self.found = found;
            }
        }
        Ok(())
    }

    /// The first rows under a dialect, as far as the bytes at hand go.
    fn peek(&self, dialect: Dialect) -> Vec<Vec<String>> {
        let held = self.buffer.get(..self.end).unwrap_or_default();
        let (mut fields, mut scratch, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        let mut at = self.start;
        while rows.len() < SEARCHED_ROWS && at < held.len() {
            let Scanned::Record { next, .. } =
                scan(held, at, self.input_ended, dialect, &mut fields, &mut scratch)
            else {
                break;
            };
            let record = Record { row: 0, buffer: held, scratch: &scratch, fields: &fields };
            rows.push((0..fields.len()).map(|at| record.text(at)).collect());
            at = next;
        }
        rows
    }

    pub(crate) fn delimiter(&self) -> char {
        char::from(self.dialect.delimiter)
    }

    /// Reads the next record; false at the end.
    ///
    /// # Errors
    /// The place named is the last good row.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        loop {
            if self.start < self.end {
                let held = self.buffer.get(..self.end).unwrap_or_default();
                let scanned = scan(
                    held,
                    self.start,
                    self.input_ended,
                    self.dialect,
                    &mut self.fields,
                    &mut self.scratch,
                );
                match scanned {
                    Scanned::Record { next, stray_quotes } => {
                        self.start = next;
                        self.row += 1;
                        self.stray_quotes += stray_quotes;
                        return Ok(true);
                    }
                    Scanned::More { .. } if !self.input_ended && self.end - self.start < MAX_RECORD => {}
                    Scanned::More { quote: Some(field) } => return Err(self.unclosed(field)),
                    Scanned::Swallowed { field, rows } => {
                        let found = format!("{rows} line ends inside a quote, and text after it");
                        return Err(self.unclosed_with(field, found));
                    }
                    Scanned::More { quote: None } => {
                        return Err(Error::expected_found(
                            ErrorKind::Limit,
                            "line_too_long",
                            format!("rows of at most {} KiB", MAX_RECORD >> 10),
                            "a longer one",
                        )
                        .at_row(self.row + 1)
                        .with_hint("this may not be a delimited table"));
                    }
                }
            } else if self.input_ended {
                return Ok(false);
            }
            let last = self.row;
            self.fill().map_err(|error| match error.kind() {
                ErrorKind::Cut | ErrorKind::Damaged | ErrorKind::Unreadable => error.after_row(last),
                _ => error.at_row(last + 1),
            })?;
        }
    }

    fn unclosed(&self, field: usize) -> Error {
        let found = match self.input_ended {
            true => "the end of the file".to_owned(),
            false => format!("{} KiB without one", MAX_RECORD >> 10),
        };
        self.unclosed_with(field, found)
    }

    fn unclosed_with(&self, field: usize, found: String) -> Error {
        Error::expected_found(ErrorKind::Damaged, "unclosed_quote", "a closing quote", found)
        .at_row(self.row + 1)
        .at_column(field, "")
        .with_hint("a quote that is never closed swallows the rows after it; correct the row or fetch the file again")
    }

    /// Reads on, keeping the bytes of a record that is begun.
    fn fill(&mut self) -> Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        let len = self.input.read(free)?;
        self.end += len;
        self.input_ended = len == 0;
        Ok(())
    }

    pub(crate) fn record(&self) -> Record<'_> {
        Record { row: self.row, buffer: &self.buffer, scratch: &self.scratch, fields: &self.fields }
    }

    /// Bytes of the file that were read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.input.bytes_read()
    }

    pub(crate) fn finish(self) -> (Digest, u64) {
        self.input.finish()
    }
}

impl Record<'_> {
    #[inline]
    fn bytes(&self, at: usize) -> &[u8] {
        let Some(field) = self.fields.get(at) else { return &[] };
        let from = if field.in_scratch() { self.scratch } else { self.buffer };
        from.get(field.range()).unwrap_or_default()
    }

    fn text(&self, at: usize) -> String {
        String::from_utf8_lossy(self.bytes(at)).into_owned()
    }
}

impl Row for Record<'_> {
    fn number(&self) -> u64 {
        self.row
    }

    fn width(&self) -> usize {
        self.fields.len()
    }

    #[inline]
    fn cell(&self, at: usize) -> Cell<'_> {
        Cell::Text(self.bytes(at))
    }
}

enum Scanned {
    /// A whole record; the next begins at `next`.
    Record { next: usize, stray_quotes: u64 },
    /// A quoted field that reaches over line ends and is followed by text: its quote is that of a later field.
    Swallowed { field: usize, rows: usize },
    /// The bytes end inside a record, and inside a quoted field if `quote` says which.
    More { quote: Option<usize> },
}

/// Splits the record that begins at `from`, which is not past the end, into fields.
fn scan(
    buffer: &[u8],
    from: usize,
    at_end: bool,
    dialect: Dialect,
    fields: &mut Vec<Field>,
    scratch: &mut Vec<u8>,
) -> Scanned {
    fields.clear();
    scratch.clear();
    let mut stray_quotes = 0;
    let mut at = from;
    loop {
        let open = match buffer.get(at) {
            Some(b'"') => Some(at),
            Some(b' ') => quote_after_blanks(buffer, at),
            _ => None,
        };
        let mut end_from = at;
        if let Some(open) = open {
            let Some((close, doubled)) = closing_quote(buffer, open + 1) else {
                return Scanned::More { quote: Some(fields.len()) };
            };
            let mut after = close + 1;
            while buffer.get(after) == Some(&b' ') {
                after += 1;
            }
            let ended = match buffer.get(after) {
                Some(&byte) if byte == dialect.delimiter => Some((after + 1, false)),
                Some(&byte) if byte == dialect.newline => Some((after + 1, true)),
                Some(b'\r') if buffer.get(after + 1) == Some(&dialect.newline) => Some((after + 2, true)),
                // What follows may still be a line feed, or the other half of a doubled quote.
                Some(b'\r') if after + 1 == buffer.len() && !at_end => return Scanned::More { quote: None },
                None if !at_end => return Scanned::More { quote: None },
                None => Some((after, true)),
                Some(_) => None,
            };
            if let Some((next, last)) = ended {
                fields.push(field(buffer, open + 1, close, doubled, scratch));
                if last {
                    return Scanned::Record { next, stray_quotes };
                }
                at = next;
                continue;
            }
            let inside = buffer.get(open..close).unwrap_or_default();
            let rows = memchr::memchr_iter(dialect.newline, inside).count();
            if rows > 0 {
                return Scanned::Swallowed { field: fields.len(), rows };
            }
            // Text after the closing quote: the field is what stands there, quotes and all.
            stray_quotes += 1;
            end_from = after;
        }
        let (end, next, last) = match field_end(buffer, end_from, dialect) {
            Some(end) if buffer.get(end) == Some(&dialect.delimiter) => (end, end + 1, false),
            Some(end) => (end, end + 1, true),
            None if at_end => (buffer.len(), buffer.len(), true),
            None => return Scanned::More { quote: None },
        };
        let carriage = last && end > at && buffer.get(end - 1) == Some(&b'\r');
        fields.push(Field::new(at, end - usize::from(carriage), false));
        if last {
            return Scanned::Record { next, stray_quotes };
        }
        at = next;
    }
}

/// Where a quote stands after blanks, if that is what follows.
fn quote_after_blanks(buffer: &[u8], from: usize) -> Option<usize> {
    let blanks = buffer.get(from..)?.iter().take_while(|byte| **byte == b' ').count();
    (buffer.get(from + blanks) == Some(&b'"')).then_some(from + blanks)
}

/// The closing quote of a field whose text begins at `from`, and whether doubled quotes stand before it.
#[inline]
fn closing_quote(buffer: &[u8], from: usize) -> Option<(usize, bool)> {
    let mut at = from;
    let mut doubled = false;
    loop {
        at += find(buffer.get(at..)?, b'"', b'"')?;
        if buffer.get(at + 1) != Some(&b'"') {
            return Some((at, doubled));
        }
        doubled = true;
        at += 2;
    }
}

/// Where the next delimiter or line end stands.
#[inline]
fn field_end(buffer: &[u8], from: usize, dialect: Dialect) -> Option<usize> {
    find(buffer.get(from..)?, dialect.delimiter, dialect.newline).map(|at| from + at)
}

/// Where the first of two bytes stands. Fields are short, so the first 32 bytes are searched at one look, whose end
/// the processor need not guess.
#[inline(always)]
fn find(bytes: &[u8], one: u8, two: u8) -> Option<usize> {
    let Some((look, rest)) = bytes.split_first_chunk::<32>() else { return memchr2(one, two, bytes) };
    let (ones, twos) = (i8x16::splat(one.cast_signed()), i8x16::splat(two.cast_signed()));
    let marks = |part: &[u8; 16]| {
        let part = i8x16::new(part.map(u8::cast_signed));
        (part.simd_eq(ones) | part.simd_eq(twos)).to_bitmask()
    };
    let ([low, high], _) = look.as_chunks() else { return None };
    let hits = marks(low) | marks(high) << 16;
    match hits {
        0 => memchr2(one, two, rest).map(|at| 32 + at),
        hits => Some(hits.trailing_zeros() as usize),
    }
}

/// The field between two quotes.
fn field(buffer: &[u8], start: usize, end: usize, doubled: bool, scratch: &mut Vec<u8>) -> Field {
    if !doubled {
        return Field::new(start, end, false);
    }
    let from = scratch.len();
    let mut rest = buffer.get(start..end).unwrap_or_default();
    while let Some(at) = memchr(b'"', rest) {
        scratch.extend_from_slice(rest.get(..=at).unwrap_or_default());
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    scratch.extend_from_slice(rest);
    Field::new(from, scratch.len(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits text with every chunking, which must not matter, and shows the fields.
    fn check(text: &str, delimiter: u8, expected: &[&[&str]]) {
        let newline = if text.contains('\n') || !text.contains('\r') { b'\n' } else { b'\r' };
        let dialect = Dialect { delimiter, newline };
        for held in 1..=text.len() {
            let (mut fields, mut scratch, mut rows) = (Vec::new(), Vec::new(), Vec::new());
            let (mut at, mut end) = (0, held);
            while at < text.len() {
                let buffer = &text.as_bytes()[..end];
                match scan(buffer, at, end == text.len(), dialect, &mut fields, &mut scratch) {
                    Scanned::Record { next, .. } => {
                        let record = Record { row: 0, buffer, scratch: &scratch, fields: &fields };
                        rows.push((0..fields.len()).map(|at| record.text(at)).collect::<Vec<_>>());
                        at = next;
                    }
                    Scanned::More { .. } | Scanned::Swallowed { .. } => end += 1,
                }
                end = end.max(at).min(text.len());
                if at == end && end < text.len() {
                    end += 1;
                }
            }
            assert_eq!(rows, expected, "{text:?} by {held}");
        }
    }

    #[test]
    fn quotes_delimiters_and_line_ends_inside_quotes_are_text() {
        check("\"a|b\"|\"c\nd\"|\"e\"\"f\"\n1|2|3\n", b'|', &[&["a|b", "c\nd", "e\"f"], &["1", "2", "3"]]);
        check("\"\"\"\",\"\",\"a\"\"\"\n", b',', &[&["\"", "", "a\""]]);
    }

    #[test]
    fn the_first_of_two_bytes_is_found_at_every_distance() {
        for before in 0..70 {
            for after in 0..10 {
                let text = [vec![b'!'; before], vec![b'"'], vec![0x80; after], vec![b'#']].concat();
                assert_eq!(find(&text, b'"', b'#'), Some(before));
                assert_eq!(find(&text, b'#', b'"'), Some(before));
                assert_eq!(find(&text, b'#', b'#'), Some(before + after + 1));
                assert_eq!(find(&text, b'x', b'x'), None);
            }
        }
    }

    #[test]
    fn blanks_around_quotes_do_not_belong_to_the_field() {
        check("\"a\", \"b, c\" , d\n", b',', &[&["a", "b, c", " d"]]);
    }

    #[test]
    fn every_line_end_ends_a_record() {
        check("a,b\r\n\"c\",\"d\"\r\n", b',', &[&["a", "b"], &["c", "d"]]);
        check("a,b\rc,d\r", b',', &[&["a", "b"], &["c", "d"]]);
        check("a,b\n\nc,d", b',', &[&["a", "b"], &[""], &["c", "d"]]);
        check("a,\n,b\n", b',', &[&["a", ""], &["", "b"]]);
    }

    #[test]
    fn text_after_a_closing_quote_is_kept_as_it_stands() {
        check("\"a\" b,c\n5'10\",d\n", b',', &[&["\"a\" b", "c"], &["5'10\"", "d"]]);
    }
}
