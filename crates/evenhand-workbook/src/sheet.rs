//! The rows of one sheet, as they stream.
//!
//! A row is read once it is whole in the window, by a function of its bytes alone. Cells in the spelling that
//! nearly every program writes take a short way; any other spelling takes the long one, with the same outcome.

use crate::cell::{Cells, Held, Kind, Row, parse_number};
use crate::date::Format;
use crate::decimal;
use crate::error::{Error, ErrorKind, Result, letters, shown};
use crate::limits::Limits;
use crate::strings::{Strings, rich};
use crate::window::{Source, Window};
use crate::xml::{self, Fault, Names, Outline, Parse, Tag, Token, check_end, is_special, text_of, token};
use memchr::memchr;

/// A range of cells shown as one; all but the first are blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// First row and column: rows count from 1, columns from 0.
    pub first: (u32, u32),
    /// Last row and column.
    pub last: (u32, u32),
}

/// Hands out the rows of a sheet, one after the other.
pub struct SheetReader<'a> {
    scan: Scan,
    strings: &'a Strings,
    formats: &'a [Format],
    is_1904: bool,
}

impl<'a> SheetReader<'a> {
    pub(crate) fn new(scan: Scan, strings: &'a Strings, formats: &'a [Format], is_1904: bool) -> Self {
        Self { scan, strings, formats, is_1904 }
    }

    /// The next `<row>` element, with its cells or without any; `None` at the end of the sheet, once all of it was
    /// found whole.
    ///
    /// # Errors
    /// What is wrong with the sheet, with its place.
    #[inline]
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>> {
        if !self.scan.advance(self.strings.len())? {
            return Ok(None);
        }
        Ok(Some(self.scan.row(self.strings, self.formats, self.is_1904)))
    }

    /// How many `<row>` elements were met.
    #[must_use]
    pub fn row_elements(&self) -> u64 {
        self.scan.row_elements
    }

    /// Merged ranges; known after the last row.
    #[must_use]
    pub fn merged(&self) -> &[Merged] {
        &self.scan.merged
    }
}

/// The position in a sheet.
pub(crate) struct Scan {
    window: Window,
    limits: Limits,
    part: String,
    outline: Outline,
    state: State,
    cells: Cells,
    /// Text of cells that could not be taken as they stand.
    scratch: String,
    /// Number of the last row, and what stood after it in the row's tag.
    row: u32,
    tail: Vec<u8>,
    /// Bytes of the row that was handed out, to be passed over.
    taken: usize,
    row_elements: u64,
    merged: Vec<Merged>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Head,
    Rows,
    Tail,
    Done,
}

impl Scan {
    pub(crate) fn new(source: Source, part: &str, limits: &Limits) -> Self {
        Self {
            window: Window::new(source, limits.row_bytes),
            limits: *limits,
            part: part.to_owned(),
            outline: Outline::default(),
            state: State::Start,
            cells: Cells::default(),
            scratch: String::new(),
            row: 0,
            tail: Vec::new(),
            taken: 0,
            row_elements: 0,
            merged: Vec::new(),
        }
    }

    /// Goes to the next row; false if there is none.
    #[inline]
    pub(crate) fn advance(&mut self, strings: usize) -> Result<bool> {
        match self.step(strings) {
            Ok(is_row) => Ok(is_row),
            Err(error) => {
                self.state = State::Done;
                let error = if self.row > 0 { error.at_row(self.row) } else { error };
                Err(error.in_part(&self.part))
            }
        }
    }

    pub(crate) fn row<'r>(&'r self, strings: &'r Strings, formats: &'r [Format], is_1904: bool) -> Row<'r> {
        let bytes = self.window.rest().get(..self.taken).unwrap_or_default();
        Row { number: self.row, cells: &self.cells, bytes, scratch: &self.scratch, strings, formats, is_1904 }
    }

    /// The highest shared string that the row refers to, and one.
    pub(crate) fn strings_wanted(&self) -> usize {
        let shared = self.cells.iter().filter(|cell| cell.kind == Kind::Shared);
        shared.map(|cell| cell.start as usize + 1).max().unwrap_or(0)
    }

    fn step(&mut self, strings: usize) -> Result<bool> {
        self.window.take(std::mem::take(&mut self.taken));
        loop {
            match self.state {
                State::Start => {
                    while self.window.rest().len() < 4 && self.window.more()? {}
                    if self.window.rest().starts_with(b"\xef\xbb\xbf") {
                        self.window.take(3);
                    }
                    self.state = State::Head;
                }
                State::Head | State::Tail => self.outside()?,
                State::Rows => {
                    if self.next(strings)? {
                        return Ok(true);
                    }
                }
                State::Done => return Ok(false),
            }
        }
    }

    /// Reads one piece before or after the rows.
    fn outside(&mut self) -> Result<()> {
        self.window.skip_blanks()?;
        let bytes = self.window.rest();
        if bytes.is_empty() && self.window.ended() {
            if !self.outline.root_ended {
                return Err(self.cut());
            }
            if self.state == State::Head {
                return Err(Error::damaged("no_rows_element", "a worksheet with `sheetData`", "none"));
            }
            self.state = State::Done;
            return Ok(());
        }
        let (token, after) = match token(bytes, &self.limits) {
            Ok(piece) => piece,
            Err(Fault::Bad(error)) => return Err(error),
            Err(Fault::Need) => {
                if !self.window.more()? {
                    let is_text = self.outline.root_ended && !self.window.rest().starts_with(b"<");
                    return Err(if is_text { stray() } else { self.cut() });
                }
                return Ok(());
            }
        };
        let taken = bytes.len() - after.len();
        self.window.check(taken)?;
        match token {
            Token::Start(tag) | Token::Empty(tag) => {
                let is_empty = matches!(token, Token::Empty(_));
                let depth = self.outline.depth();
                let inside_merged = depth == 2 && self.outline.inside() == b"mergeCells";
                if is_empty {
                    self.outline.meet(tag)?
                } else {
                    self.outline.start(tag, &self.limits)?
                }
                let own = self.outline.names.own(tag.name);
                match own {
                    name if depth == 0 => {
                        if name != Some(b"worksheet") {
                            let found = format!("`{}`", shown(tag.name));
                            return Err(Error::damaged("not_a_worksheet", "a worksheet", found));
                        }
                        self.outline.root_ended |= is_empty;
                    }
                    Some(b"sheetData") if depth == 1 => {
                        if self.state == State::Tail {
                            let expected = "one `sheetData` in a sheet";
                            return Err(Error::damaged("duplicate_rows_element", expected, "another"));
                        }
                        self.state = if is_empty { State::Tail } else { State::Rows };
                    }
                    Some(b"mergeCell") if inside_merged => {
                        let merged = merged(tag)?;
                        self.merged.push(merged);
                        if self.merged.len() > self.limits.merged_ranges {
                            let expected = format!("at most {} merged ranges", self.limits.merged_ranges);
                            return Err(Error::limit("too_many_ranges", expected, "more"));
                        }
                    }
                    _ => {}
                }
            }
            Token::End(name) => self.outline.end(name)?,
            Token::Text(_) | Token::Cdata(_) if self.outline.root_ended => return Err(stray()),
            Token::Text(_) | Token::Cdata(_) | Token::Other => {}
        }
        self.window.take(taken);
        Ok(())
    }

    /// Reads the next piece among the rows; true if it is a row.
    fn next(&mut self, strings: usize) -> Result<bool> {
        loop {
            let bytes = self.window.rest();
            if bytes.first().is_some_and(u8::is_ascii_whitespace) {
                self.window.skip_blanks()?;
                continue;
            }
            self.cells.clear();
            self.scratch.clear();
            let setting = Setting {
                limits: &self.limits,
                names: &self.outline.names,
                last: self.row,
                tail: &self.tail,
                strings,
            };
            match piece(bytes, &setting, &mut self.cells, &mut self.scratch) {
                Ok((Piece::Row { number, tail }, after)) => {
                    if let Some(tail) = tail {
                        self.tail.clear();
                        self.tail.extend_from_slice(tail);
                    }
                    self.taken = bytes.len() - after.len();
                    self.row = number;
                    self.row_elements += 1;
                    self.window.check(self.taken).map_err(|error| self.in_cell(error))?;
                    return Ok(true);
                }
                Ok((Piece::Other, after)) => {
                    let taken = bytes.len() - after.len();
                    self.window.check(taken)?;
                    self.window.take(taken);
                }
                Ok((Piece::End(end), after)) => {
                    self.outline.end(end)?;
                    let taken = bytes.len() - after.len();
                    self.window.take(taken);
                    self.state = State::Tail;
                    return Ok(false);
                }
                Err(Fault::Bad(error)) => {
                    // A byte that is no text explains more than what it breaks.
                    let reach = bytes.len().min(1 << 16);
                    if matches!(error.code(), "malformed_xml" | "wrong_end_tag") {
                        let row = error.row();
                        self.window.check(reach.min(bytes.len())).or_else(|other| match row {
                            _ if other.code() != "nul_byte" => Ok(()),
                            Some(row) => Err(other.at_row(row)),
                            None => Err(other),
                        })?;
                    }
                    return Err(error);
                }
                Err(Fault::Need) => {
                    if !self.window.more()? {
                        return Err(self.cut());
                    }
                }
            }
        }
    }

    /// Adds the column of the cell that the first odd byte of the row stands in.
    fn in_cell(&self, error: Error) -> Error {
        let Some(at) = self.window.odd_byte(self.taken) else { return error };
        let holds = |cell: &&Held| !cell.in_scratch && (cell.start as usize..cell.end as usize).contains(&at);
        match self.cells.iter().find(holds) {
            Some(cell) => error.at_column(u32::from(cell.column)),
            None => error,
        }
    }

    fn cut(&self) -> Error {
        Error::new(ErrorKind::Cut, "cut_sheet", "the end of the sheet", "the end of its data")
    }
}

fn stray() -> Error {
    Error::damaged("malformed_xml", "the end of the part", "text after it")
}

/// What the scanner of one row needs to know.
struct Setting<'a> {
    limits: &'a Limits,
    names: &'a Names,
    /// Number of the row before.
    last: u32,
    /// The end of its tag, from the quote of its number on; empty if it was spelled in another way.
    tail: &'a [u8],
    /// How many shared strings there are.
    strings: usize,
}

enum Piece<'a> {
    Row {
        number: u32,
        /// The end of its tag, where that differs from the one before.
        tail: Option<&'a [u8]>,
    },
    /// A comment, blanks, an element that is no row.
    Other,
    /// The end of the rows.
    End(&'a [u8]),
}

/// Reads one row, or what stands between rows.
fn piece<'a>(
    bytes: &'a [u8],
    setting: &Setting<'_>,
    cells: &mut Cells,
    scratch: &mut String,
) -> Parse<(Piece<'a>, &'a [u8])> {
    if let Some((number, rest)) = next_row(bytes, setting) {
        let rest = row(bytes, rest, (b"row", number), setting, cells, scratch)?;
        return Ok((Piece::Row { number, tail: None }, rest));
    }
    let (token, rest) = token(bytes, setting.limits)?;
    let (tag, is_empty) = match token {
        Token::Start(tag) => (tag, false),
        Token::Empty(tag) => (tag, true),
        Token::End(name) => return Ok((Piece::End(name), rest)),
        Token::Text(text) if !text.trim_ascii().is_empty() => {
            return Err(Error::damaged("malformed_xml", "a row", "text between rows").into());
        }
        Token::Cdata(_) => return Err(Error::damaged("malformed_xml", "a row", "text between rows").into()),
        Token::Text(_) | Token::Other => return Ok((Piece::Other, rest)),
    };
    if setting.names.own(tag.name) != Some(b"row") {
        let rest = if is_empty { rest } else { xml::skip(rest, tag.name, setting.limits)? };
        return Ok((Piece::Other, rest));
    }
    let number = row_number(tag, setting)?;
    if is_empty {
        return Ok((Piece::Row { number, tail: None }, rest));
    }
    let tag_bytes = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
    let tail = tag_bytes.strip_prefix(ROW).and_then(short_number).map_or(&[][..], |(_, tail)| tail);
    let rest = row(bytes, rest, (tag.name, number), setting, cells, scratch)?;
    Ok((Piece::Row { number, tail: Some(tail) }, rest))
}

/// How nearly every row begins.
const ROW: &[u8] = b"<row r=\"";

/// The number of the row whose tag `bytes` begin with, and what follows the tag, if it is the next row and its tag
/// is that of the row before but for the number.
#[inline]
fn next_row<'a>(bytes: &'a [u8], setting: &Setting<'_>) -> Option<(u32, &'a [u8])> {
    if !setting.names.plain || setting.tail.is_empty() {
        return None;
    }
    let (number, rest) = short_number(bytes.strip_prefix(ROW)?)?;
    let rest = rest.strip_prefix(setting.tail)?;
    (number == setting.last + 1 && number <= setting.limits.rows).then_some((number, rest))
}

/// Reads the cells of a row, which begins with `bytes`, and what follows it.
fn row<'a>(
    bytes: &'a [u8],
    rest: &'a [u8],
    (name, number): (&[u8], u32),
    setting: &Setting<'_>,
    cells: &mut Cells,
    scratch: &mut String,
) -> Parse<&'a [u8]> {
    let mut reader =
        RowReader { setting, whole: bytes.len(), place: Place::of(number), number, next: 0, cells, scratch };
    reader.cells(rest, name).map_err(|fault| fault.map(|error| error.at_row(number)))
}

fn row_number(tag: Tag<'_>, setting: &Setting<'_>) -> Result<u32> {
    let expected = setting.last + 1;
    let number = match tag.value(b"r")? {
        None => expected,
        Some(text) => {
            let found = || format!("`{}`", shown(text.as_bytes()));
            let bad = || Error::damaged("bad_row_number", "a row number", found()).at_row(expected);
            let digits = text.trim_ascii();
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(bad());
            }
            digits.parse().unwrap_or(u32::MAX)
        }
    };
    if number > setting.limits.rows {
        let expected = format!("at most {} rows", setting.limits.rows);
        return Err(Error::limit("too_many_rows", expected, format!("row {number}")).at_row(number));
    }
    if number == 0 {
        return Err(Error::damaged("bad_row_number", "a row number", "0").at_row(expected));
    }
    if number < expected {
        let (code, found) = match number == setting.last {
            true => ("duplicate_row", format!("row {number} twice")),
            false => ("rows_out_of_order", format!("row {number} after row {}", setting.last)),
        };
        return Err(Error::damaged(code, "rows in order", found).at_row(number));
    }
    Ok(number)
}

/// How the end of a cell's reference, `12"`, looks as one number.
struct Place {
    word: u64,
    mask: u64,
    length: usize,
}

impl Place {
    fn of(number: u32) -> Self {
        // At most seven digits and a quote; a longer number, under other limits, never matches.
        if number >= 10_000_000 {
            return Self { word: 0, mask: 0, length: 0 };
        }
        let (mut word, mut rest, mut length) = (u64::from(b'"'), number, 1);
        loop {
            word = (word << 8) | (u64::from(b'0') + u64::from(rest % 10));
            (rest, length) = (rest / 10, length + 1);
            if rest == 0 {
                return Self { word, mask: u64::MAX >> (64 - 8 * length), length };
            }
        }
    }
}

/// Reads the cells of one row.
struct RowReader<'s, 'c> {
    setting: &'s Setting<'s>,
    /// Length of the bytes from the row's start on, to tell places in them.
    whole: usize,
    place: Place,
    number: u32,
    /// Column that the next cell has at least.
    next: u32,
    cells: &'c mut Cells,
    scratch: &'c mut String,
}

impl RowReader<'_, '_> {
    fn cells<'a>(&mut self, mut rest: &'a [u8], name: &[u8]) -> Parse<&'a [u8]> {
        let plain = self.setting.names.plain;
        loop {
            if plain {
                while let Some((cell, after)) = self.quick(rest) {
                    self.next = u32::from(cell.column) + 1;
                    self.cells.push(cell);
                    rest = after;
                }
                if let Some(after) = rest.strip_prefix(b"</row>").filter(|_| name == b"row") {
                    return Ok(after);
                }
            }
            let (token, after) = token(rest, self.setting.limits)?;
            rest = after;
            match token {
                Token::Start(tag) if self.setting.names.own(tag.name) == Some(b"c") => {
                    rest = self.cell(tag, Some(rest))?;
                }
                Token::Empty(tag) if self.setting.names.own(tag.name) == Some(b"c") => {
                    self.cell(tag, None)?;
                }
                Token::Start(tag) => rest = xml::skip(rest, tag.name, self.setting.limits)?,
                Token::End(end) => {
                    check_end(name, end)?;
                    return Ok(rest);
                }
                Token::Text(text) if !text.trim_ascii().is_empty() => {
                    return Err(Error::damaged("malformed_xml", "a cell", "text between cells").into());
                }
                Token::Empty(_) | Token::Text(_) | Token::Cdata(_) | Token::Other => {}
            }
        }
    }

    /// A cell in the common spelling, `<c r="B2" s="1" t="s"><v>5</v></c>`, if it is one and nothing is odd.
    #[inline]
    fn quick<'a>(&self, rest: &'a [u8]) -> Option<(Held, &'a [u8])> {
        let mut rest = rest.strip_prefix(b"<c r=\"")?;
        let mut column: u32 = 0;
        let mut count = 0;
        while let [letter @ b'A'..=b'Z', after @ ..] = rest {
            column = column * 26 + u32::from(letter - b'A') + 1;
            count += 1;
            rest = after;
            if count > 3 {
                return None;
            }
        }
        let column = column.checked_sub(1)?;
        let word = u64::from_le_bytes(*rest.first_chunk::<8>()?);
        if word & self.place.mask != self.place.word || self.place.mask == 0 {
            return None;
        }
        if column < self.next || column >= self.setting.limits.columns {
            return None;
        }
        rest = rest.get(self.place.length..)?;
        let mut cell = Held { column: u16::try_from(column).ok()?, ..Held::default() };
        if let Some(after) = rest.strip_prefix(b" s=\"") {
            let (style, after) = short_number(after)?;
            cell.style = u16::try_from(style).ok()?;
            rest = after.strip_prefix(b"\"")?;
        }
        if let Some(after) = rest.strip_prefix(b" t=\"s\"><v>") {
            let (index, after) = short_number(after)?;
            if index as usize >= self.setting.strings {
                return None;
            }
            cell.kind = Kind::Shared;
            cell.start = index;
            return Some((cell, after.strip_prefix(b"</v></c>")?));
        }
        if let Some(after) = rest.strip_prefix(b"><v>") {
            let (number, after_number) = quick_number(after)?;
            cell.kind = Kind::Number;
            cell.number = number;
            cell.start = self.at(after)?;
            cell.end = self.at(after_number)?;
            return Some((cell, after_number.strip_prefix(b"</v></c>")?));
        }
        match rest {
            [b'/', b'>', after @ ..] => Some((cell, after)),
            [b' ', b't', b'=', b'"', after @ ..] => self.quick_text(cell, after),
            _ => None,
        }
    }

    /// An inline string without markup, or a formula's text without a formula.
    fn quick_text<'a>(&self, mut cell: Held, rest: &'a [u8]) -> Option<(Held, &'a [u8])> {
        let mut trimmed = false;
        let (after, end): (_, &[u8]) = if let Some(after) = rest.strip_prefix(b"inlineStr\"><is><t") {
            trimmed = after.first() == Some(&b'>');
            let after =
                after.strip_prefix(b">").or_else(|| after.strip_prefix(b" xml:space=\"preserve\">"))?;
            (after, b"</t></is></c>")
        } else {
            (rest.strip_prefix(b"str\"><v>")?, b"</v></c>")
        };
        let length = memchr(b'<', after)?;
        let (text, rest) = after.split_at_checked(length)?;
        let is_blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        if trimmed && (is_blank(text.first()) || is_blank(text.last())) {
            return None;
        }
        if is_special(text) || text.len() > self.setting.limits.one_string_bytes {
            return None;
        }
        cell.kind = Kind::Text;
        cell.start = self.at(after)?;
        cell.end = self.at(rest)?;
        Some((cell, rest.strip_prefix(end)?))
    }

    /// Where `rest` begins, from the row's start.
    #[inline]
    fn at(&self, rest: &[u8]) -> Option<u32> {
        u32::try_from(self.whole - rest.len()).ok()
    }

    /// A cell in any spelling.
    fn cell<'a>(&mut self, tag: Tag<'_>, content: Option<&'a [u8]>) -> Parse<&'a [u8]> {
        let column = self.column(tag)?;
        let result = self.cell_at(column, tag, content);
        result.map_err(|fault| fault.map(|error| error.at_column(column)))
    }

    fn column(&self, tag: Tag<'_>) -> Result<u32> {
        let column = match tag.value(b"r")? {
            None => self.next,
            Some(text) => {
                let found = || format!("`{}`", shown(text.as_bytes()));
                let (row, column) = reference(&text)
                    .ok_or_else(|| Error::damaged("bad_reference", "a cell's place such as `B2`", found()))?;
                if column >= u64::from(self.setting.limits.columns) {
                    let expected = format!("at most {} columns", self.setting.limits.columns);
                    let error = Error::limit("too_many_columns", expected, found());
                    return Err(match u32::try_from(column) {
                        Ok(column) => error.at_column(column),
                        Err(_) => error,
                    });
                }
                let column = u32::try_from(column).unwrap_or(u32::MAX);
                if row != u64::from(self.number) {
                    let expected = format!("a cell of row {}", self.number);
                    return Err(Error::damaged("cell_of_another_row", expected, found()).at_column(column));
                }
                column
            }
        };
        if column >= self.setting.limits.columns {
            let expected = format!("at most {} columns", self.setting.limits.columns);
            return Err(Error::limit("too_many_columns", expected, "more").at_column(column));
        }
        if column < self.next {
            let (code, found) = match column + 1 == self.next {
                true => ("duplicate_cell", format!("column {} twice", letters(column))),
                false => {
                    let last = letters(self.next.saturating_sub(1));
                    ("cells_out_of_order", format!("column {} after column {last}", letters(column)))
                }
            };
            return Err(Error::damaged(code, "one cell for each column, in order", found).at_column(column));
        }
        Ok(column)
    }

    fn cell_at<'a>(&mut self, column: u32, tag: Tag<'_>, content: Option<&'a [u8]>) -> Parse<&'a [u8]> {
        let mut cell = Held { column: u16::try_from(column).unwrap_or(u16::MAX), ..Held::default() };
        if let Some(style) = tag.value(b"s")? {
            cell.style = style.trim_ascii().parse().unwrap_or(u16::MAX);
        }
        self.next = column + 1;
        let Some(mut rest) = content else {
            self.cells.push(cell);
            return Ok(&[]);
        };
        let kind = tag.value(b"t")?;
        let kind = kind.as_deref().unwrap_or("");
        // Where the value stands: in the scratch text.
        let mut value: Option<usize> = None;
        let mut inline: Option<usize> = None;
        let mut has_formula = false;
        loop {
            let (token, after) = token(rest, self.setting.limits)?;
            rest = after;
            match token {
                Token::Start(inner) => match self.setting.names.own(inner.name) {
                    Some(b"v") if value.is_none() => {
                        value = Some(self.scratch.len());
                        rest = text_of(rest, inner.name, false, self.scratch, self.setting.limits)?;
                    }
                    Some(b"is") if inline.is_none() => {
                        inline = Some(self.scratch.len());
                        rest = rich(rest, inner.name, self.scratch, self.setting.names, self.setting.limits)?;
                    }
                    Some(b"v" | b"is") => {
                        return Err(
                            Error::damaged("duplicate_value", "one value in a cell", "another").into()
                        );
                    }
                    Some(b"f") => {
                        has_formula = true;
                        rest = xml::skip(rest, inner.name, self.setting.limits)?;
                    }
                    _ => rest = xml::skip(rest, inner.name, self.setting.limits)?,
                },
                Token::Empty(inner) => match self.setting.names.own(inner.name) {
                    Some(b"v") if value.is_none() => value = Some(self.scratch.len()),
                    Some(b"is") if inline.is_none() => inline = Some(self.scratch.len()),
                    Some(b"f") => has_formula = true,
                    _ => {}
                },
                Token::End(end) => {
                    check_end(tag.name, end)?;
                    break;
                }
                Token::Text(text) if text.trim_ascii().is_empty() => {}
                Token::Other => {}
                Token::Text(_) | Token::Cdata(_) => {
                    return Err(Error::damaged("malformed_xml", "a value", "text outside of one").into());
                }
            }
        }
        if value.is_some() && inline.is_some() {
            // An inline string's value is in its `is`; a `v` beside it says the same.
            let inline_last = inline > value;
            let end = if inline_last { None } else { value };
            let from = inline.take().unwrap_or(0);
            self.settle(&mut cell, "inlineStr", from, end.unwrap_or(self.scratch.len()), has_formula)?;
        } else if let Some(from) = inline {
            self.settle(&mut cell, "inlineStr", from, self.scratch.len(), has_formula)?;
        } else if let Some(from) = value {
            self.settle(&mut cell, kind, from, self.scratch.len(), has_formula)?;
        } else if has_formula {
            cell.kind = Kind::NoValue;
        }
        self.cells.push(cell);
        Ok(rest)
    }

    /// Reads the value `from..to` of the scratch text as the cell's type says.
    fn settle(&self, cell: &mut Held, kind: &str, from: usize, to: usize, has_formula: bool) -> Result<()> {
        let text = self.scratch.get(from..to).unwrap_or_default();
        let trimmed = text.trim_ascii();
        cell.in_scratch = true;
        cell.start = u32::try_from(from).unwrap_or(u32::MAX);
        cell.end = u32::try_from(to).unwrap_or(u32::MAX);
        let found = || format!("`{}`", shown(text.as_bytes()));
        if trimmed.is_empty() && !matches!(kind, "str" | "inlineStr" | "is") {
            cell.kind = if has_formula { Kind::NoValue } else { Kind::Blank };
            return Ok(());
        }
        match kind {
            "" | "n" => match parse_number(trimmed) {
                Some(number) => {
                    cell.kind = Kind::Number;
                    cell.number = number;
                }
                // Some programs leave the type of text out.
                None if kind.is_empty() => cell.kind = Kind::Text,
                None => return Err(Error::damaged("bad_number", "a number", found())),
            },
            "s" => {
                let digits = trimmed.bytes().all(|byte| byte.is_ascii_digit());
                let index = trimmed.parse::<u32>().ok().filter(|_| digits);
                let expected = || format!("one of the {} shared strings", self.setting.strings);
                let known = index.filter(|index| (*index as usize) < self.setting.strings);
                let index = known.ok_or_else(|| Error::damaged("no_such_string", expected(), found()))?;
                cell.kind = Kind::Shared;
                cell.in_scratch = false;
                cell.start = index;
            }
            "str" | "inlineStr" | "is" => cell.kind = Kind::Text,
            "b" => {
                let is_true = trimmed == "1" || trimmed.eq_ignore_ascii_case("true");
                let is_false = trimmed == "0" || trimmed.eq_ignore_ascii_case("false");
                if !is_true && !is_false {
                    return Err(Error::damaged("bad_boolean", "`0` or `1`", found()));
                }
                cell.kind = Kind::Bool;
                cell.number = f64::from(u8::from(is_true));
            }
            "e" => cell.kind = Kind::Error,
            "d" => cell.kind = Kind::Iso,
            other => {
                let found = format!("`{}`", shown(other.as_bytes()));
                return Err(Error::damaged("bad_cell_type", "a type of cell", found));
            }
        }
        Ok(())
    }
}

/// At most nine digits.
#[inline]
fn short_number(mut rest: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0;
    let before = rest.len();
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        if before - rest.len() == 9 {
            return None;
        }
        value = value * 10 + u32::from(digit - b'0');
        rest = after;
    }
    (rest.len() < before).then_some((value, rest))
}

/// A number up to the next `<`, if it is spelled simply.
#[inline]
fn quick_number(bytes: &[u8]) -> Option<(f64, &[u8])> {
    let (negative, mut rest) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut mantissa, mut digits, mut decimals) = (0_u64, 0, 0);
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        digits += 1;
        rest = after;
    }
    if let [b'.', after @ ..] = rest {
        rest = after;
        while let [digit @ b'0'..=b'9', after @ ..] = rest {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            decimals += 1;
            rest = after;
        }
        if decimals == 0 {
            return None;
        }
    }
    // Nineteen digits are the most that a word always holds.
    if digits > 0
        && digits + decimals <= 19
        && rest.first() == Some(&b'<')
        && let Some(number) = decimal::nearest(mantissa, decimals)
    {
        return Some((if negative { -number } else { number }, rest));
    }
    let length = memchr(b'<', bytes)?;
    let (text, rest) = bytes.split_at_checked(length)?;
    Some((parse_number(std::str::from_utf8(text).ok()?)?, rest))
}

/// Row, from 1, and column, from 0, of `B2`.
fn reference(text: &str) -> Option<(u64, u64)> {
    let digits = text.find(|letter: char| letter.is_ascii_digit())?;
    let (column, row) = text.split_at_checked(digits)?;
    if column.is_empty() || column.len() > 8 || row.len() > 12 || row.starts_with('0') {
        return None;
    }
    let mut number: u64 = 0;
    for letter in column.bytes() {
        let letter = letter.to_ascii_uppercase();
        number = number * 26 + u64::from(letter.checked_sub(b'A').filter(|letter| *letter < 26)?) + 1;
    }
    if !row.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((row.parse().ok()?, number.checked_sub(1)?))
}

fn merged(tag: Tag<'_>) -> Result<Merged> {
    let text = tag.value(b"ref")?.unwrap_or_default();
    let (first, last) = text.split_once(':').unwrap_or((&text, &text));
    let place = |text: &str| {
        let (row, column) = reference(text)?;
        Some((u32::try_from(row).ok()?, u32::try_from(column).ok()?))
    };
    match (place(first), place(last)) {
        (Some(first), Some(last)) => Ok(Merged { first, last }),
        _ => {
            let found = format!("`{}`", shown(text.as_bytes()));
            Err(Error::damaged("bad_reference", "a merged range such as `A1:B2`", found))
        }
    }
}
