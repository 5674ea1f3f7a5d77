//! Workbooks into rows. The reader behind [`Workbook`] is calamine's for now; nothing else names it.
//!
//! Before it sees a byte, the zip directory is checked for what it would pass over: a cut file, members of
//! one name, encryption, a shared-string count that no file of that size can hold.

use crate::dates::days_from_civil;
use crate::sheet::{Cell, Row};
use crate::{Error, ErrorKind, Result};
use calamine::{DataRef, Reader as _, SheetType, Xlsx, XlsxError};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Most bytes that the members of a workbook may inflate to, by its directory.
const MAX_INFLATED: u64 = 16 << 30;
/// Longest zip directory; a workbook has some dozen members.
const MAX_DIRECTORY: u64 = 16 << 20;

/// A workbook, as the rest of the crate sees it.
pub(crate) trait Workbook {
    /// Names of its worksheets, in order.
    fn sheets(&self) -> &[String];

    /// Hands every row of a sheet that has a cell to `each`, in order, until it says false.
    fn rows(&mut self, sheet: &str, each: &mut dyn FnMut(&SheetRow<'_>) -> Result<bool>) -> Result<()>;
}

/// Opens a workbook.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Workbook>> {
    check_container(path)?;
    let file = File::open(path).map_err(|error| Error::io("unreadable", error))?;
    let book = guarded(|| Xlsx::new(BufReader::new(file)).map_err(refusal))?;
    let worksheets = book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let sheets: Vec<String> = worksheets.map(|sheet| sheet.name.clone()).collect();
    let mut names = BTreeSet::new();
    if let Some(twice) = sheets.iter().find(|name| !names.insert(name.as_str())) {
        return Err(damaged("duplicate_sheet", "sheets of different names", format!("`{twice}` twice")));
    }
    Ok(Box::new(Calamine { book, sheets }))
}

/// The refusal of a file in the older container: a workbook with a password, or one older than 2007.
pub(crate) fn refuse_compound(path: &Path) -> Error {
    let bytes = std::fs::read(path).unwrap_or_default();
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    if memchr::memmem::find(&bytes, &name).is_some() {
        return Error::expected_found(
            ErrorKind::Encrypted,
            "encrypted_workbook",
            "a workbook without a password",
            "a protected one",
        )
        .with_hint("open it with its password in a spreadsheet and save it without one");
    }
    Error::expected_found(
        ErrorKind::WrongType,
        "wrong_type",
        "a workbook (`.xlsx`)",
        "one of the kind before 2007 (`.xls`)",
    )
    .with_hint("save it as `.xlsx` in a spreadsheet")
}

struct Calamine {
    book: Xlsx<BufReader<File>>,
    sheets: Vec<String>,
}

/// A row of a worksheet.
pub(crate) struct SheetRow<'a> {
    number: u64,
    cells: Vec<Held<'a>>,
}

enum Held<'a> {
    Value(DataRef<'a>),
    /// A formula without its result.
    NoValue,
}

impl Workbook for Calamine {
    fn sheets(&self) -> &[String] {
        &self.sheets
    }

    fn rows(&mut self, sheet: &str, each: &mut dyn FnMut(&SheetRow<'_>) -> Result<bool>) -> Result<()> {
        guarded(|| {
            let mut cells = self.book.worksheet_cells_reader(sheet).map_err(refusal)?;
            let mut row = SheetRow { number: 0, cells: Vec::new() };
            loop {
                let last = row.number;
                let next = cells
                    .next_cell_with_formula_metadata()
                    .map_err(|error| refusal(error).after_row(last.saturating_sub(1)))?;
                let Some(cell) = next else { break };
                let (number, at) = (u64::from(cell.pos.0) + 1, cell.pos.1 as usize);
                if number != row.number {
                    if number < row.number {
                        let found = format!("row {number} after row {}", row.number);
                        return Err(damaged("rows_out_of_order", "rows in order", found).at_row(number));
                    }
                    if !row.cells.is_empty() && !each(&row)? {
                        return Ok(());
                    }
                    row = SheetRow { number, cells: std::mem::take(&mut row.cells) };
                    row.cells.clear();
                }
                if at < row.cells.len() {
                    return Err(damaged(
                        "cells_out_of_order",
                        "one cell for each column, in order",
                        "another",
                    )
                    .at_row(number)
                    .at_column(at, ""));
                }
                row.cells.resize_with(at, || Held::Value(DataRef::Empty));
                row.cells.push(match (cell.value, cell.formula) {
                    (DataRef::Empty, Some(_)) => Held::NoValue,
                    (value, _) => Held::Value(value),
                });
            }
            if !row.cells.is_empty() {
                each(&row)?;
            }
            Ok(())
        })
    }
}

impl Row for SheetRow<'_> {
    fn number(&self) -> u64 {
        self.number
    }

    fn width(&self) -> usize {
        self.cells.len()
    }

    fn cell(&self, at: usize) -> Cell<'_> {
        match self.cells.get(at) {
            None => Cell::Blank,
            Some(Held::NoValue) => Cell::NoValue,
            Some(Held::Value(value)) => match value {
                DataRef::Empty => Cell::Blank,
                DataRef::Int(number) => Cell::Number(*number as f64),
                DataRef::Float(number) => Cell::Number(*number),
                DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
                    Cell::Text(text.as_bytes())
                }
                DataRef::SharedString(text) => Cell::Text(text.as_bytes()),
                DataRef::Bool(flag) => Cell::Flag(*flag),
                DataRef::DateTime(time) if time.is_datetime() => {
                    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
                    let second = (u32::from(hour) * 60 + u32::from(minute)) * 60 + u32::from(second);
                    // The day that spreadsheets count but that never was, 1900-02-29, stays a number.
                    match days_from_civil(year.into(), month.into(), day.into()) {
                        Some(day) if second == 0 => Cell::Day(day),
                        Some(day) => Cell::Moment { day, second },
                        None => Cell::Number(time.as_f64()),
                    }
                }
                DataRef::DateTime(time) => Cell::Number(time.as_f64()),
                DataRef::Error(error) => Cell::Error(error_text(error)),
            },
        }
    }
}

fn error_text(error: &calamine::CellErrorType) -> &'static str {
    use calamine::CellErrorType as E;
    match error {
        E::Div0 => "#DIV/0!",
        E::NA => "#N/A",
        E::Name => "#NAME?",
        E::Null => "#NULL!",
        E::Num => "#NUM!",
        E::Ref => "#REF!",
        E::Value => "#VALUE!",
        _ => "#ERROR",
    }
}

/// Runs the reader's code so that a panic in it refuses the file instead of ending the program.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(damaged(
            "reader_failed",
            "a workbook that can be read",
            format!("one on which the reader gave up ({text})"),
        ))
    })
}

fn refusal(error: XlsxError) -> Error {
    match error {
        XlsxError::Password => Error::expected_found(
            ErrorKind::Encrypted,
            "encrypted_workbook",
            "a workbook without a password",
            "a protected one",
        ),
        XlsxError::Io(error)
            if error.kind() != std::io::ErrorKind::UnexpectedEof && error.raw_os_error().is_some() =>
        {
            Error::io("unreadable", error)
        }
        XlsxError::XmlEof(_) => damaged("cut_sheet", "the end of the sheet", "the end of its data"),
        error => {
            damaged("damaged_workbook", "a whole workbook", format!("one that contradicts itself ({error})"))
        }
    }
}

fn damaged(code: &'static str, expected: &str, found: impl std::fmt::Display) -> Error {
    Error::expected_found(ErrorKind::Damaged, code, expected, found)
        .with_hint("open the file in a spreadsheet and save it again, or fetch it again")
}

/// Checks the zip directory of a workbook.
fn check_container(path: &Path) -> Result<()> {
    let unreadable = |error| Error::io("unreadable", error);
    let mut file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let tail_at = size.saturating_sub(66_000);
    let tail = read_at(&mut file, tail_at, size - tail_at).map_err(unreadable)?;
    let cut = || {
        Error::expected_found(
            ErrorKind::Cut,
            "cut_workbook",
            "the directory at the end of the workbook",
            "none",
        )
        .with_hint("the download was probably interrupted; fetch the file again and compare its sha256")
    };
    let end = memchr::memmem::rfind(&tail, b"PK\x05\x06").ok_or_else(cut)?;
    let end = tail.get(end..).unwrap_or_default();
    let (length, offset) =
        (u64::from(u32_at(end, 12).ok_or_else(cut)?), u64::from(u32_at(end, 16).ok_or_else(cut)?));
    if offset == u64::from(u32::MAX) {
        // Larger than 4 GiB: the directory stands in a record that the reader itself understands.
        return Ok(());
    }
    if offset.saturating_add(length) > size {
        return Err(cut());
    }
    let directory = read_at(&mut file, offset, length.min(MAX_DIRECTORY)).map_err(unreadable)?;
    let members = members(&directory)?;
    let has = |name: &str| members.iter().any(|member| member.name == name);
    if !has("xl/workbook.xml") && has("xl/workbook.bin") {
        return Err(Error::expected_found(
            ErrorKind::WrongType,
            "wrong_type",
            "a workbook (`.xlsx`)",
            "a binary one (`.xlsb`)",
        )
        .with_hint("save it as `.xlsx` in a spreadsheet"));
    }
    if !members.iter().any(|member| member.name.ends_with("workbook.xml")) {
        let found = format!(
            "an archive of {} files, `{}` first",
            members.len(),
            members.first().map_or("", |member| &member.name)
        );
        return Err(Error::expected_found(ErrorKind::WrongType, "wrong_type", "a workbook (`.xlsx`)", found)
            .with_hint("unpack it and give the folder"));
    }
    if let Some(strings) = members.iter().find(|member| member.name == "xl/sharedStrings.xml") {
        check_string_count(&mut file, strings)?;
    }
    Ok(())
}

/// A member of a zip file, by its directory.
struct Member {
    name: String,
    method: u16,
    packed: u64,
    inflated: u64,
    offset: u64,
}

fn members(directory: &[u8]) -> Result<Vec<Member>> {
    let broken = || damaged("damaged_workbook", "a whole zip directory", "one that contradicts itself");
    let mut members: Vec<Member> = Vec::new();
    let mut names = BTreeSet::new();
    let mut rest = directory;
    while rest.starts_with(b"PK\x01\x02") {
        let flags = u16_at(rest, 8).ok_or_else(broken)?;
        let lengths = [28, 30, 32].map(|at| u16_at(rest, at).map(usize::from));
        let [Some(name_length), Some(extra), Some(comment)] = lengths else { return Err(broken()) };
        let name = rest.get(46..46 + name_length).ok_or_else(broken)?;
        let member = Member {
            name: String::from_utf8_lossy(name).into_owned(),
            method: u16_at(rest, 10).ok_or_else(broken)?,
            packed: u32_at(rest, 20).ok_or_else(broken)?.into(),
            inflated: u32_at(rest, 24).ok_or_else(broken)?.into(),
            offset: u32_at(rest, 42).ok_or_else(broken)?.into(),
        };
        if flags & 1 == 1 {
            return Err(Error::expected_found(
                ErrorKind::Encrypted,
                "encrypted_workbook",
                "a workbook without a password",
                "an encrypted archive",
            ));
        }
        if !names.insert(member.name.to_lowercase()) {
            return Err(damaged(
                "duplicate_member",
                "members of different names",
                format!("`{}` twice", member.name),
            ));
        }
        members.push(member);
        rest = rest.get(46 + name_length + extra + comment..).ok_or_else(broken)?;
    }
    let inflated: u64 = members.iter().map(|member| member.inflated).sum();
    if inflated > MAX_INFLATED {
        return Err(Error::expected_found(
            ErrorKind::Limit,
            "inflates_too_much",
            format!("at most {} GiB of sheets", MAX_INFLATED >> 30),
            format!("{} GiB", inflated >> 30),
        ));
    }
    Ok(members)
}

/// Refuses a count of shared strings that their part cannot hold: the reader reserves memory by it.
fn check_string_count(file: &mut File, member: &Member) -> Result<()> {
    let unreadable = |error| Error::io("unreadable", error);
    let local = read_at(file, member.offset, 30).map_err(unreadable)?;
    let (Some(name), Some(extra)) = (u16_at(&local, 26), u16_at(&local, 28)) else { return Ok(()) };
    let at = member.offset + 30 + u64::from(name) + u64::from(extra);
    let packed = read_at(file, at, member.packed.min(8192)).map_err(unreadable)?;
    let mut start = vec![0; 4096];
    let len = match member.method {
        8 => flate2::read::DeflateDecoder::new(packed.as_slice()).read(&mut start).unwrap_or(0),
        _ => packed.as_slice().read(&mut start).unwrap_or(0),
    };
    let start = start.get(..len).unwrap_or_default();
    let Some(found) = memchr::memmem::find(start, b"uniqueCount=\"") else { return Ok(()) };
    let digits = start.get(found + 13..).unwrap_or_default();
    let digits: String =
        digits.iter().map(|&byte| char::from(byte)).take_while(char::is_ascii_digit).collect();
    // The shortest shared string is `<si/>`.
    let most = member.inflated / 5;
    if digits.parse::<u64>().is_ok_and(|count| count <= most) {
        return Ok(());
    }
    Err(damaged("false_count", &format!("at most {most} shared strings"), format!("a count of {digits}")))
}

fn read_at(file: &mut File, at: u64, length: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
