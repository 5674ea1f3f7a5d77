//! Workbooks into rows. The reader behind [`Workbook`] is `evenhand-workbook`; nothing else names it.

use crate::sheet::{Cell, Row};
use crate::{Error, ErrorKind, Result};
use evenhand_workbook::{Cell as Held, Inflate, Limits, Merged, SheetKind, Visibility};
use std::path::Path;

/// Bytes that a sheet takes in its file from which on a second thread inflates it.
const WORTH_A_THREAD: u64 = 1 << 20;

/// Bytes of the longest text: a spreadsheet's cell holds at most 32,767 characters.
const LONGEST_TEXT: usize = 4 * 32_768;
/// Bytes of all shared strings of a workbook.
const SHARED_BYTES: usize = 256 << 20;
/// Sheets that a workbook may have; released ones have a few.
const MOST_SHEETS: usize = 1000;

/// A workbook, as the rest of the crate sees it.
pub(crate) trait Workbook: Sync {
    /// Names of its worksheets, in order.
    fn sheets(&self) -> &[String];

    /// Names of its sheets that hold no rows, and what they are.
    fn beside(&self) -> Vec<(String, &'static str)>;

    /// Parts that hold rows and that its list of sheets does not name; their rows can be read by these names.
    fn unlisted(&self) -> Vec<String>;

    /// Whether a sheet is not shown.
    fn is_hidden(&self, sheet: &str) -> bool;

    /// Whether days count from 1904.
    fn is_1904(&self) -> bool;

    /// Hands the first rows of a sheet that have a cell to `each`, in order, until it says false; reads little
    /// more of the file than that needs.
    fn first_rows(&self, sheet: &str, each: &mut dyn FnMut(&SheetRow<'_>) -> bool) -> Result<()>;

    /// Bytes of the file that were read so far.
    fn bytes_read(&self) -> u64;

    /// Hands every `<row>` element of a sheet to `each`, in order, until it says false.
    fn rows(&self, sheet: &str, each: &mut dyn FnMut(&SheetRow<'_>) -> Result<bool>) -> Result<Ended>;
}

/// What is known of a sheet once its last row was read.
pub(crate) struct Ended {
    /// Merged ranges: rows counted from 1, columns from 0.
    pub(crate) merged: Vec<Merged>,
    /// `<row>` elements, as the reader counted them.
    pub(crate) row_elements: u64,
}

/// Opens a workbook.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Workbook>> {
    let limits = Limits {
        one_string_bytes: LONGEST_TEXT,
        string_bytes: SHARED_BYTES,
        sheets: MOST_SHEETS,
        ..Limits::default()
    };
    let book = evenhand_workbook::Workbook::open_with(path, &limits).map_err(refusal)?;
    let worksheets = book.sheets().iter().filter(|sheet| sheet.kind == SheetKind::Worksheet);
    let sheets = worksheets.map(|sheet| sheet.name.clone()).collect();
    Ok(Box::new(Opened { book, sheets }))
}

/// The refusal of a file in the older container: a workbook with a password, or one older than 2007.
pub(crate) fn refuse_compound(path: &Path) -> Error {
    match open(path) {
        Err(error) => error,
        Ok(_) => Error::internal("a file in the older container was opened as a workbook"),
    }
}

struct Opened {
    book: evenhand_workbook::Workbook,
    sheets: Vec<String>,
}

impl Opened {
    fn sheet(&self, name: &str) -> Result<&evenhand_workbook::Sheet> {
        let mut all = self.book.sheets().iter().chain(self.book.unlisted());
        let found = all.find(|sheet| sheet.name == name);
        found.ok_or_else(|| Error::internal(format!("no sheet `{name}`")))
    }
}

impl Workbook for Opened {
    fn sheets(&self) -> &[String] {
        &self.sheets
    }

    fn beside(&self) -> Vec<(String, &'static str)> {
        let kind = |kind: SheetKind| match kind {
            SheetKind::Worksheet => None,
            SheetKind::Chart => Some("a chart, which holds no rows"),
            SheetKind::Dialog => Some("a dialog, which holds no rows"),
            _ => Some("a sheet of macros, which is not read"),
        };
        let sheets = self.book.sheets().iter();
        sheets.filter_map(|sheet| Some((sheet.name.clone(), kind(sheet.kind)?))).collect()
    }

    fn unlisted(&self) -> Vec<String> {
        self.book.unlisted().iter().map(|sheet| sheet.name.clone()).collect()
    }

    fn is_hidden(&self, sheet: &str) -> bool {
        self.sheet(sheet).is_ok_and(|sheet| sheet.visibility != Visibility::Shown)
    }

    fn is_1904(&self) -> bool {
        self.book.is_1904()
    }

    fn first_rows(&self, sheet: &str, each: &mut dyn FnMut(&SheetRow<'_>) -> bool) -> Result<()> {
        let sheet = self.sheet(sheet)?;
        self.book
            .first_rows(sheet, &mut |row| row.is_empty() || each(&SheetRow { row: *row }))
            .map_err(refusal)
    }

    fn bytes_read(&self) -> u64 {
        self.book.packed_bytes_read()
    }

    fn rows(&self, sheet: &str, each: &mut dyn FnMut(&SheetRow<'_>) -> Result<bool>) -> Result<Ended> {
        let sheet = self.sheet(sheet)?;
        let is_large = self.book.packed_bytes(sheet) >= WORTH_A_THREAD && rayon::current_num_threads() > 1;
        let inflate = if is_large { Inflate::Ahead } else { Inflate::Here };
        let mut rows = self.book.rows(sheet, inflate).map_err(refusal)?;
        while let Some(row) = rows.next_row().map_err(refusal)? {
            if !each(&SheetRow { row })? {
                break;
            }
        }
        Ok(Ended { merged: rows.merged().to_vec(), row_elements: rows.row_elements() })
    }
}

/// A row of a worksheet.
pub(crate) struct SheetRow<'a> {
    row: evenhand_workbook::Row<'a>,
}

impl Row for SheetRow<'_> {
    fn number(&self) -> u64 {
        self.row.number().into()
    }

    #[inline]
    fn width(&self) -> usize {
        self.row.width()
    }

    #[inline]
    fn shared(&self, at: usize) -> Option<u32> {
        self.row.shared(at)
    }

    #[inline]
    fn cell(&self, at: usize) -> Cell<'_> {
        match self.row.cell(at) {
            Held::Blank => Cell::Blank,
            Held::Text(text) => Cell::Text(text.as_bytes()),
            // Beyond 2^53 not every whole number is one of these: the digits are what the file says.
            Held::Number(number) if number.abs() >= 9_007_199_254_740_992.0 => self
                .row
                .spelled(at)
                .map_or(Cell::Number(number), |text| Cell::Text(text.trim_ascii().as_bytes())),
            Held::Number(number) => Cell::Number(number),
            Held::Date { day, second: 0 } => Cell::Day(day),
            Held::Date { day, second } => Cell::Moment { day, second },
            Held::Bool(flag) => Cell::Flag(flag),
            Held::Error(text) => Cell::Error(text),
            Held::NoValue => Cell::NoValue,
        }
    }
}

/// A refusal of the reader, as this crate tells it.
fn refusal(error: evenhand_workbook::Error) -> Error {
    use evenhand_workbook::ErrorKind as Kind;
    let (code, row, column) = (error.code(), error.row(), error.column());
    let (kind, hint) = match error.kind() {
        Kind::Unreadable => return unreadable(error),
        Kind::Empty => (ErrorKind::Empty, "fetch the file again"),
        Kind::WrongType if error.found().starts_with("an archive") => {
            (ErrorKind::WrongType, "unpack it and give the folder")
        }
        Kind::WrongType => (ErrorKind::WrongType, "save it as `.xlsx` in a spreadsheet"),
        Kind::Encrypted => {
            let hint = "open it with its password in a spreadsheet and save it without one";
            (ErrorKind::Encrypted, hint)
        }
        Kind::Cut => {
            let hint = "the download was probably interrupted; fetch the file again and compare its sha256";
            (ErrorKind::Cut, hint)
        }
        Kind::Limit => {
            let hint = "no released workbook is like this; look at the file before trusting it";
            (ErrorKind::Limit, hint)
        }
        _ => {
            let hint = "open the file in a spreadsheet and save it again, or fetch it again";
            (ErrorKind::Damaged, hint)
        }
    };
    // A sheet has its name; of the list of sheets everybody knows where it is.
    let is_told = |part: &&str| row.is_none() && code != "wrong_type" && !part.ends_with("workbook.xml");
    let found = match error.part().filter(is_told) {
        Some(part) => format!("{} in `{}`", error.found(), crate::error::shown(part)),
        None => error.found().to_owned(),
    };
    let mut told = Error::expected_found(kind, code, error.expected(), found);
    if let Some(value) = error.found().strip_prefix('`').and_then(|value| value.strip_suffix('`')) {
        told = told.with_value(value);
    }
    told = told.with_hint(hint);
    if let Some(sheet) = error.sheet() {
        told = told.in_sheet(sheet);
    }
    if let Some(column) = column.and_then(|column| usize::try_from(column).ok()) {
        told = told.at_column(column, "");
    }
    match row.map(u64::from) {
        Some(row) if kind == ErrorKind::Cut => told.after_row(row),
        Some(row) => told.at_row(row),
        None => told,
    }
}

fn unreadable(error: evenhand_workbook::Error) -> Error {
    let text = error.to_string();
    let source = error.into_io_error().unwrap_or_else(|| std::io::Error::other(text));
    Error::io("unreadable", source)
}
