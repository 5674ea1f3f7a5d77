//! One file into batches and its account.

use crate::column::read_primary;
use crate::delimited::Delimited;
use crate::delivery::{Hints, tell};
use crate::error::shown;
use crate::header::{self, Found, Match, SEARCHED_ROWS};
use crate::input::{Format, digest, format_of};
use crate::layout::Delivery;
use crate::plan::{Source, slug, stem};
use crate::progress::{Meter, Progress};
use crate::sheet::{Row, SHEET_FULL, Setting, Sheet, warning};
use crate::workbook::{self, SheetRow, Workbook};
use crate::{Error, ErrorKind, Result, SinkError, ahead};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use evenhand_ledger::{FileEntry, SheetEntry, Tally, Warning};

/// Receives what a file holds: for each sheet that goes to a table one `open`, its batches, one `close`.
///
/// After an error the file is at fault as a whole, and what the sink has received must be thrown away.
pub trait Sink {
    /// A sheet begins.
    ///
    /// # Errors
    /// Whatever keeps the sink from taking it; so for the other two.
    fn open(&mut self, part: &Part) -> Result<(), SinkError>;
    /// At most 65,536 rows, in the order of the sheet.
    ///
    /// # Errors
    /// See [`Sink::open`].
    fn batch(&mut self, batch: RecordBatch) -> Result<(), SinkError>;
    /// The sheet has ended.
    ///
    /// # Errors
    /// See [`Sink::open`].
    fn close(&mut self) -> Result<(), SinkError>;
}

/// Rows of one sheet, on their way to one part of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Table of the record.
    pub table: String,
    /// Release that the rows belong to.
    pub release: String,
    /// Name of the part, unique in its table and release.
    pub part: String,
    /// Provenance columns, then the table's own.
    pub schema: SchemaRef,
    /// Date column that the table is worth sorting by.
    pub sort_by: Option<String>,
}

/// Reads a file into `sink`, streaming, and accounts for every row.
///
/// # Errors
/// What makes the file unreadable as a whole, with its place; or the sink's own error, as
/// [`ErrorKind::Sink`].
pub fn read(source: &Source, sink: &mut dyn Sink) -> Result<FileEntry> {
    read_watched(source, sink, &Progress::default())
}

/// [`read`], telling on the way how far it has come.
///
/// # Errors
/// As [`read`].
pub fn read_watched(source: &Source, sink: &mut dyn Sink, progress: &Progress) -> Result<FileEntry> {
    let meter = Meter::new(progress, source.bytes());
    let read = read_any(source, sink, &meter);
    meter.end();
    read.map_err(|error| error.in_file(&source.path().display().to_string()))
}

fn read_any(source: &Source, sink: &mut dyn Sink, meter: &Meter<'_>) -> Result<FileEntry> {
    match format_of(source.path())? {
        Format::Zip => read_workbook(source, sink, meter),
        Format::Compound => Err(workbook::refuse_compound(source.path())),
        format => read_delimited(source, format, sink, meter),
    }
}

fn read_delimited(
    source: &Source,
    format: Format,
    sink: &mut dyn Sink,
    meter: &Meter<'_>,
) -> Result<FileEntry> {
    let stem = stem(source.name());
    let mut file = Delimited::open(source.path(), format, stem)?;
    let found = known(&file.found, &file.first_rows)?;
    let before = file.first_rows.get(..found.at).unwrap_or_default().to_vec();
    let setting = Setting {
        file: source.name(),
        sheet: stem,
        release: source.release(),
        part: source.part(),
        found: &found,
        header_row: found.at as u64 + 1,
        before: &before,
        fixed_width: true,
        is_1904: false,
    };
    let mut sheet = Sheet::open(setting, sink)?;
    for _ in 0..=found.at {
        file.advance()?;
    }
    let mut pace = Pace::default();
    while file.advance()? {
        sheet.row(&file.record())?;
        if pace.is_due() {
            meter.at(file.bytes_read());
            meter.rows(pace.rows(sheet.kept()));
        }
    }
    meter.rows(pace.rows(sheet.kept()));
    sheet.note(
        "stray_quote",
        file.stray_quotes,
        "text after a closing quote; the field is taken as it stands",
    );
    let sheets = vec![sheet.finish()?];
    let (sha256, bytes) = file.finish();
    Ok(FileEntry {
        path: source.name().to_owned(),
        release: source.release().to_owned(),
        sha256,
        bytes,
        sheets,
    })
}

fn read_workbook(source: &Source, sink: &mut dyn Sink, meter: &Meter<'_>) -> Result<FileEntry> {
    let (sha256, bytes) = digest(source.path())?;
    let book = workbook::open(source.path())?;
    let names = book.sheets().to_vec();
    let parts: Vec<_> = match names.len() {
        1 => vec![source.part().to_owned()],
        _ => {
            let part = |(at, name): (usize, &String)| format!("{}.{}-{}", source.part(), at + 1, slug(name));
            names.iter().enumerate().map(part).collect()
        }
    };
    let read = |at: usize, sink: &mut dyn Sink| -> Result<SheetEntry> {
        let (Some(name), Some(part)) = (names.get(at), parts.get(at)) else {
            return Err(Error::internal("a sheet that is not there"));
        };
        read_sheet(source, &*book, (name, part), sink, meter).map_err(|error| error.in_sheet(name))
    };
    let mut sheets = ahead::in_order(names.len(), &read, sink)?;
    if sheets.iter().all(|sheet| sheet.table.is_none()) {
        return Err(names.iter().fold(header::unknown(&[], None), |error, name| error.in_sheet(name)));
    }
    tell_where_full_sheets_go_on(&mut sheets);
    for name in book.unlisted() {
        sheets.push(set_aside_unlisted(&*book, &name).map_err(|error| error.in_sheet(&name))?);
    }
    for (name, what) in book.beside() {
        let warning = warning("not_a_table", 0, None, None, what);
        let warnings = vec![Warning { row: None, ..warning }];
        sheets.push(SheetEntry { warnings, ..without_table(&name, Tally::default()) });
    }
    Ok(FileEntry {
        path: source.name().to_owned(),
        release: source.release().to_owned(),
        sha256,
        bytes,
        sheets,
    })
}

/// Says of a sheet full to its last row which later one has the same table: the rest of it, or another year.
fn tell_where_full_sheets_go_on(sheets: &mut [SheetEntry]) {
    let mut rest = sheets;
    while let Some((sheet, later)) = rest.split_first_mut() {
        if let Some(next) = later.iter().find(|other| other.table.is_some() && other.table == sheet.table) {
            for warning in sheet.warnings.iter_mut().filter(|warning| warning.code == SHEET_FULL) {
                warning.message = format!(
                    "full to the last row that a sheet can have; sheet `{}` has the same table and was read too: \
                     see that its dates go on from here",
                    shown(&next.name)
                );
            }
        }
        rest = later;
    }
}

fn read_sheet(
    source: &Source,
    book: &dyn Workbook,
    (name, part): (&str, &str),
    sink: &mut dyn Sink,
    meter: &Meter<'_>,
) -> Result<SheetEntry> {
    let first = FirstRows::of(book, name)?;
    if first.is_prose() {
        return set_aside_prose(book, name, &first);
    }
    let stem = stem(source.name());
    let found = match header::find(&first.texts, stem)? {
        Found::Known(found) => found,
        other if stands_beside(book, name, &first, stem)? => {
            return set_aside_other(book, name, &first, &refused(&other, &first.texts));
        }
        other => return Err(first.place(refused(&other, &first.texts))),
    };
    let header_row = first.numbers.get(found.at).copied().unwrap_or_default();
    let setting = Setting {
        file: source.name(),
        sheet: name,
        release: source.release(),
        part,
        found: &found,
        header_row,
        before: first.texts.get(..found.at).unwrap_or_default(),
        fixed_width: false,
        is_1904: book.is_1904(),
    };
    let mut sheet = Sheet::open(setting, sink)?;
    let mut pace = Pace::default();
    let mut above = 0;
    let ended = book.rows(name, &mut |row| {
        if row.number() > header_row {
            sheet.row(row)?;
        } else {
            above += 1;
        }
        if pace.is_due() {
            meter.at(book.bytes_read());
            meter.rows(pace.rows(sheet.kept()));
        }
        Ok(true)
    })?;
    meter.rows(pace.rows(sheet.kept()));
    let merged = ended.merged.iter().filter(|range| u64::from(range.last.0) > header_row).count();
    let message = "merged cells below the header: all but the first of them are blank";
    sheet.note("merged_cells", merged as u64, message);
    sheet.note(
        "hidden_sheet",
        book.is_hidden(name).into(),
        "the sheet is hidden; its rows are read like any others",
    );
    sheet.has_elements(ended.row_elements.saturating_sub(above));
    sheet.finish()
}

/// When it is time to tell how far a sheet has come: every few thousand rows, so that telling costs nothing.
#[derive(Default)]
struct Pace {
    calls: u64,
    told: u64,
}

impl Pace {
    #[inline]
    fn is_due(&mut self) -> bool {
        self.calls = self.calls.wrapping_add(1);
        self.calls.is_multiple_of(4096)
    }

    /// Rows kept since the last call.
    fn rows(&mut self, kept: u64) -> u64 {
        let more = kept.saturating_sub(self.told);
        self.told = kept;
        more
    }
}

/// Sets a sheet aside whole that holds notes and no table: no row has a second cell.
fn set_aside_prose(book: &dyn Workbook, name: &str, first: &FirstRows) -> Result<SheetEntry> {
    let mut tally = Tally::default();
    book.rows(name, &mut |row| {
        match filled(row) {
            0 => tally.set_aside("blank_row", 1),
            1 => tally.set_aside("footnotes", 1),
            _ => return Err(header::unknown(&first.texts, None).at_row(row.number())),
        }
        Ok(true)
    })?;
    Ok(without_table(name, tally))
}

fn without_table(name: &str, tally: Tally) -> SheetEntry {
    SheetEntry {
        name: name.to_owned(),
        table: None,
        layout: None,
        header_row: None,
        tally,
        columns: Vec::new(),
        warnings: Vec::new(),
    }
}

/// Cells that a row may have in a sheet beside the table: a key, a list of changes.
const BESIDE: usize = 4;

/// Whether a sheet without a known header is no part of the table: another sheet has a known header, and this one
/// is far narrower. Rows that go on from another sheet are as wide as that one's.
pub(crate) fn stands_beside(book: &dyn Workbook, name: &str, first: &FirstRows, stem: &str) -> Result<bool> {
    let widest =
        first.texts.iter().map(|row| row.iter().filter(|cell| !cell.trim().is_empty()).count()).max();
    let Some(widest) = widest.filter(|widest| *widest <= BESIDE) else { return Ok(false) };
    for other in book.sheets().iter().filter(|other| *other != name) {
        let rows = FirstRows::of(book, other)?;
        if let Found::Known(found) = header::find(&rows.texts, stem)?
            && found.known() > widest * 2
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sets a sheet aside whole that holds something else than the table.
fn set_aside_other(
    book: &dyn Workbook,
    name: &str,
    first: &FirstRows,
    refusal: &Error,
) -> Result<SheetEntry> {
    let mut tally = Tally::default();
    book.rows(name, &mut |row| {
        match filled(row) {
            0 => tally.set_aside("blank_row", 1),
            1..=BESIDE => tally.set_aside("other_sheet", 1),
            _ => return Err(header::unknown(&first.texts, None).at_row(row.number())),
        }
        Ok(true)
    })?;
    let message = format!("a sheet beside the table, set aside whole: {}", refusal.message());
    let row = first.numbers.first().copied().unwrap_or(1);
    let warnings = vec![warning("other_sheet", row, None, None, &message)];
    Ok(SheetEntry { warnings, ..without_table(name, tally) })
}

/// Counts the rows of a part that no spreadsheet shows.
fn set_aside_unlisted(book: &dyn Workbook, name: &str) -> Result<SheetEntry> {
    let mut tally = Tally::default();
    book.rows(name, &mut |_| {
        tally.set_aside("not_listed", 1);
        Ok(true)
    })?;
    let message =
        "a sheet that the workbook holds and does not list, so that no spreadsheet shows it; not read";
    let told = warning("not_listed", 0, None, None, message);
    let warnings = vec![Warning { row: None, count: tally.rows_read.max(1), ..told }];
    Ok(SheetEntry { warnings, ..without_table(name, tally) })
}

/// The rows of a sheet among which its header is looked for.
pub(crate) struct FirstRows {
    pub(crate) texts: Vec<Vec<String>>,
    pub(crate) numbers: Vec<u64>,
}

impl FirstRows {
    pub(crate) fn of(book: &dyn Workbook, sheet: &str) -> Result<Self> {
        let mut first = Self { texts: Vec::new(), numbers: Vec::new() };
        book.first_rows(sheet, &mut |row| {
            first.texts.push((0..row.width()).map(|at| row.cell(at).shown()).collect());
            first.numbers.push(row.number());
            first.texts.len() < SEARCHED_ROWS
        })?;
        Ok(first)
    }

    pub(crate) fn is_prose(&self) -> bool {
        let lone = |row: &Vec<String>| row.iter().filter(|cell| !cell.trim().is_empty()).count() <= 1;
        self.texts.iter().all(lone)
    }

    /// Adds the header's row, or the first row's, to a refusal.
    fn place(&self, error: Error) -> Error {
        match error.row().and_then(|at| self.numbers.get(usize::try_from(at).ok()?.checked_sub(1)?)) {
            Some(number) => error.moved_to_row(*number),
            None => error,
        }
    }
}

fn filled(row: &SheetRow<'_>) -> usize {
    (0..row.width()).filter(|at| !row.cell(*at).is_blank()).count()
}

/// The layout found, or the refusal of a sheet without one.
pub(crate) fn known(found: &Found, rows: &[Vec<String>]) -> Result<Match> {
    match found {
        Found::Known(found) => Ok(found.clone()),
        other => Err(refused(other, rows)),
    }
}

/// The refusal of a sheet without a layout.
fn refused(found: &Found, rows: &[Vec<String>]) -> Error {
    match found {
        Found::Known(_) => Error::internal("a known header was refused"),
        Found::Ambiguous(matches) => header::ambiguous(matches),
        Found::Unknown(nearest) => header::unknown(rows, nearest.as_ref()),
    }
}

/// What a file is, as far as its first rows tell.
pub(crate) struct Identity {
    pub(crate) release: String,
    pub(crate) has_ids: bool,
}

/// Reads as much of a file as tells its release; the rows too where nothing else does.
pub(crate) fn identify(path: &std::path::Path, name: &str, asked: Option<&str>) -> Result<Identity> {
    let (stem, hints) = (stem(name), Hints { path, asked });
    match format_of(path)? {
        Format::Compound => Err(workbook::refuse_compound(path)),
        Format::Zip => {
            let book = workbook::open(path)?;
            let mut release = None;
            let names = book.sheets().to_vec();
            for sheet in &names {
                let first = FirstRows::of(&*book, sheet).map_err(|error| error.in_sheet(sheet))?;
                if first.is_prose() {
                    continue;
                }
                let found = header::find(&first.texts, stem)?;
                let Found::Known(found) = found else {
                    if stands_beside(&*book, sheet, &first, stem).map_err(|error| error.in_sheet(sheet))? {
                        continue;
                    }
                    return Err(first.place(refused(&found, &first.texts)).in_sheet(sheet));
                };
                if release.is_none() {
                    let before = first.texts.get(..found.at).unwrap_or_default();
                    let last = || last_day_of_sheet(&*book, sheet, &found);
                    release = Some(tell(&found, before, hints, last).map_err(|error| error.in_sheet(sheet))?);
                }
            }
            let told = release.ok_or_else(|| {
                let expected = "a sheet with a known header";
                let kind = ErrorKind::UnknownHeader;
                let error = Error::expected_found(kind, "unknown_header", expected, "notes or nothing")
                    .with_hint("give the workbook with the rows; one of notes can be left out");
                names.iter().fold(error, |error, name| error.in_sheet(name))
            })?;
            Ok(Identity { release: told.release, has_ids: told.has_ids })
        }
        format => {
            let mut file = Delimited::open(path, format, stem)?;
            let found = known(&file.found, &file.first_rows)?;
            let before = file.first_rows.get(..found.at).unwrap_or_default().to_vec();
            let told = tell(&found, &before, hints, || last_day_of_text(&mut file, &found))?;
            Ok(Identity { release: told.release, has_ids: told.has_ids })
        }
    }
}

/// The last primary date of a sheet.
pub(crate) fn last_day_of_sheet(book: &dyn Workbook, sheet: &str, found: &Match) -> Result<Option<i32>> {
    let Some((rule, at)) = found.primary() else { return Ok(None) };
    let rule = &rule.counting_from_1904(book.is_1904());
    let mut last = LastDay::of(found);
    book.rows(sheet, &mut |row| {
        last.take(read_primary(row.cell(at), rule).0);
        Ok(true)
    })?;
    Ok(last.day())
}

/// The last primary date of a delimited file.
pub(crate) fn last_day_of_text(file: &mut Delimited, found: &Match) -> Result<Option<i32>> {
    let Some((rule, at)) = found.primary() else { return Ok(None) };
    let mut last = LastDay::of(found);
    while file.advance()? {
        last.take(read_primary(file.record().cell(at), rule).0);
    }
    Ok(last.day())
}

/// The last day of some rows, and the last that a delivery covers: a typing error must not make a file be of none.
struct LastDay {
    covered: Option<i64>,
    within: Option<i64>,
    beyond: Option<i64>,
}

impl LastDay {
    fn of(found: &Match) -> Self {
        let covered = found.layout.choices().iter().filter_map(Delivery::last_day).max();
        Self { covered: covered.map(i64::from), within: None, beyond: None }
    }

    fn take(&mut self, moment: Option<(i64, u32)>) {
        let Some((day, _)) = moment else { return };
        if self.covered.is_none_or(|covered| day <= covered) {
            self.within = self.within.max(Some(day));
        } else {
            self.beyond = self.beyond.max(Some(day));
        }
    }

    fn day(&self) -> Option<i32> {
        self.within.or(self.beyond).and_then(|day| i32::try_from(day).ok())
    }
}
