//! Rows of one sheet into batches, and the account of every row: kept, or set aside with a reason.
//!
//! Decisions, all reported in the ledger:
//! - a row without a readable primary value is set aside: `no_…` when the cell is blank or withheld,
//!   `unreadable_…` when it holds something else, `implausible_…` for a day before 1900 or after 2100;
//! - a primary date outside the release's window, or outside the one fiscal year that the title or the
//!   file's name speaks of, stays and is counted: clamping belongs to the analysis;
//! - a secondary cell that cannot be read is null and counted, with the place of the first.

use crate::checks::Checks;
use crate::column::{Column, Constant, Finding, iso, iso_moment, read_primary};
use crate::dates::days_from_civil;
use crate::error::{letters, shown};
use crate::header::Match;
use crate::intern::same;
use crate::layout::{LayoutColumn, Role, Shape, is_any_header, squeezed};
use crate::{Error, ErrorKind, Part, Result, Sink};
use arrow::array::{RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use evenhand_ledger::{ColumnFate, SheetEntry, Tally, Warning};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows of a batch.
const BATCH: usize = 1 << 16;
/// The finding that a sheet's last row is filled.
pub(crate) const SHEET_FULL: &str = "sheet_full";
/// Last row that a sheet can have.
const LAST_ROW: u64 = 1_048_576;
/// Distinct words of one column that are reported one by one; the others are summed up.
const WORDS_REPORTED: usize = 20;
/// Bytes of new texts, of all columns together, at which a batch ends early.
const BATCH_BYTES: usize = 64 << 20;
/// Most bytes of different texts in one sheet: a full one with an identifier of 40 letters in every row has 40 MiB.
const SHEET_BYTES: usize = 384 << 20;

/// One cell as a reader hands it over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Blank,
    /// Bytes as released.
    Text(&'a [u8]),
    Number(f64),
    /// Days from 1970-01-01; a date cell at midnight, which may mean that its time is not known.
    Day(i32),
    /// A date cell with a time of day: days from 1970-01-01, and the second of that day, 1 to 86,399.
    Moment {
        day: i32,
        second: u32,
    },
    Flag(bool),
    /// An error of the spreadsheet, `#REF!`.
    Error(&'a str),
    /// A formula without its result.
    NoValue,
}

impl Cell<'_> {
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Blank => true,
            Self::Text(bytes) => bytes.trim_ascii().is_empty(),
            _ => false,
        }
    }

    /// The cell as a person would see it, a date by its day.
    pub(crate) fn shown_as_released(&self) -> String {
        if let Self::Day(day) = self { iso(*day) } else { self.shown() }
    }

    /// The cell in a few words.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Blank | Self::NoValue => String::new(),
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Number(number) => number.to_string(),
            Self::Day(day) => format!("day {day}"),
            Self::Moment { day, second } => iso_moment(*day, *second),
            Self::Flag(flag) => flag.to_string(),
            Self::Error(text) => (*text).to_owned(),
        }
    }
}

/// One row as a reader hands it over.
pub(crate) trait Row {
    /// Counted from 1, as a spreadsheet does.
    fn number(&self) -> u64;
    /// Cells that it has.
    fn width(&self) -> usize;
    /// A cell; blank beyond the width.
    fn cell(&self, at: usize) -> Cell<'_>;
    /// The number of the shared string that a cell is, in a workbook: equal numbers are equal texts.
    fn shared(&self, _at: usize) -> Option<u32> {
        None
    }
}

/// What a sheet is read as.
pub(crate) struct Setting<'a> {
    pub(crate) file: &'a str,
    pub(crate) sheet: &'a str,
    pub(crate) release: &'a str,
    pub(crate) part: &'a str,
    pub(crate) found: &'a Match,
    /// Row of the header, from 1.
    pub(crate) header_row: u64,
    /// Text of the rows before the header.
    pub(crate) before: &'a [Vec<String>],
    /// Whether every row must have as many cells as the header, as in delimited text.
    pub(crate) fixed_width: bool,
    /// Whether plain numbers count days from 1904.
    pub(crate) is_1904: bool,
}

/// Takes the rows after a header.
pub(crate) struct Sheet<'a> {
    setting: Setting<'a>,
    sink: &'a mut dyn Sink,
    schema: SchemaRef,
    /// Release, file and sheet.
    place: [Constant; 3],
    /// Columns of the table, in its order.
    columns: Vec<TableColumn>,
    /// Columns of the header that are not kept.
    others: Vec<OtherColumn>,
    primary: Option<Primary>,
    /// Squeezed header cells, to know a repetition.
    header: Vec<String>,
    width: usize,
    /// Title of the block, in a sheet of blocks.
    title: String,
    rows: Vec<u32>,
    last_row: u64,
    /// Bytes of texts that columns carried over from the batch before, and of all that were met.
    carried_bytes: usize,
    text_bytes: usize,
    /// The last row that was not blank.
    last_filled: u64,
    /// Rows whose numbers were passed over, so that the file has no element of them.
    gaps: u64,
    /// Rows that the reader counted after the header, where it counts them on its own.
    elements: Option<u64>,
    tally: Tally,
    /// Rows that are no records, by reason: a file of nothing but these should not be slow.
    no_records: Vec<(&'static str, u64)>,
    /// What columns say of each other.
    checks: Checks,
    /// Findings about rows, by code and column.
    warnings: BTreeMap<(&'static str, usize), Warning>,
}

struct TableColumn {
    column: Column,
    /// Position in the sheet, if the release has the column.
    position: Option<usize>,
    header: String,
    is_primary: bool,
    redacted: u64,
    unparseable: u64,
    findings: Vec<Warning>,
}

/// A column of the header that the table does not have.
struct OtherColumn {
    position: usize,
    header: String,
    is_person_detail: bool,
    redacted: u64,
    filled: u64,
    /// The last marker met, which is the next one nearly always.
    marker: Vec<u8>,
}

struct Primary {
    rule: LayoutColumn,
    position: usize,
    window: Option<(i64, i64)>,
    year: Option<(i64, i64)>,
    /// The last cell read and its value: rows come sorted by date.
    last: (Vec<u8>, (i64, u32)),
}

impl<'a> Sheet<'a> {
    pub(crate) fn open(setting: Setting<'a>, sink: &'a mut dyn Sink) -> Result<Self> {
        let found = setting.found;
        let layout = found.layout;
        let position_of = |name: &str| {
            let column = layout.columns.iter().position(|column| column.name == name)?;
            found.bound.iter().position(|bound| *bound == Some(column))
        };
        let primary = layout.primary().and_then(|rule| {
            let position = position_of(&rule.name)?;
            let dated = layout.sort_by().is_some();
            let wide = |(first, last): (i32, i32)| (i64::from(first), i64::from(last));
            let window = layout.window_of(setting.release).map(wide).filter(|_| dated);
            let year = fiscal_year_of(setting.before, setting.file).map(wide).filter(|_| dated);
            let rule = rule.counting_from_1904(setting.is_1904);
            Some(Primary { rule, position, window, year, last: (Vec::new(), (0, 0)) })
        });
        let last_day = layout.window_of(setting.release).map(|(_, last)| last).filter(|_| layout.national);
        let columns = layout
            .kept()
            .map(|rule| {
                let position = match rule.kind {
                    crate::layout::Kind::YearToDate => primary.as_ref().map(|primary| primary.position),
                    _ => position_of(&rule.name),
                };
                // A later block may have the columns that the first lacks.
                let may_come = layout.shape == Shape::Blocks && rule.aliases().next().is_some();
                let takes_cells = position.is_some() || may_come || !rule.by_title.is_empty();
                let column = if takes_cells {
                    let mut column = Column::new(&rule.counting_from_1904(setting.is_1904));
                    column.until(last_day.filter(|_| rule.role != Role::Primary));
                    column
                } else {
                    Column::constant(rule, rule.by_sheet.get(setting.sheet).cloned())
                };
                let header = position.map_or("", |at| found.header(at)).trim().to_owned();
                let is_primary = rule.role == Role::Primary && position.is_some();
                TableColumn {
                    column,
                    position,
                    header,
                    is_primary,
                    redacted: 0,
                    unparseable: 0,
                    findings: Vec::new(),
                }
            })
            .collect();
        let others = found
            .headers
            .iter()
            .enumerate()
            .filter_map(|(position, header)| {
                let rule = found.bound.get(position).copied().flatten().and_then(|at| layout.columns.get(at));
                let is_person_detail = rule.is_some_and(|rule| rule.role == Role::PersonDetail);
                (is_person_detail || rule.is_none()).then(|| OtherColumn {
                    position,
                    header: header.trim().to_owned(),
                    is_person_detail,
                    redacted: 0,
                    filled: 0,
                    marker: Vec::new(),
                })
            })
            .collect();
        let schema = schema(layout.kept());
        let part = Part {
            table: layout.table.clone(),
            release: setting.release.to_owned(),
            part: setting.part.to_owned(),
            schema: schema.clone(),
            sort_by: layout.sort_by().map(str::to_owned),
        };
        sink.open(&part).map_err(Error::sink)?;
        let header = found.headers.iter().map(|header| squeezed(header)).collect();
        let checks = match layout.national {
            true => Checks::new(&schema, |name| position_of(name).is_some()),
            false => Checks::default(),
        };
        let mut sheet = Self {
            checks,
            columns,
            others,
            primary,
            header,
            width: found.headers.len(),
            title: last_title(setting.before),
            schema,
            rows: Vec::with_capacity(BATCH),
            place: [setting.release, setting.file, setting.sheet]
                .map(|text| Constant::new(Some(text.to_owned()))),
            last_row: setting.header_row,
            carried_bytes: 0,
            text_bytes: 0,
            last_filled: setting.header_row,
            gaps: 0,
            elements: None,
            tally: Tally::default(),
            no_records: Vec::new(),
            warnings: BTreeMap::new(),
            setting,
            sink,
        };
        sheet.warn_of_header();
        Ok(sheet)
    }

    /// Takes one row.
    pub(crate) fn row(&mut self, row: &impl Row) -> Result<()> {
        let number = row.number();
        if number > self.last_row.saturating_add(1) {
            self.gaps += number - self.last_row - 1;
            self.tally.set_aside("blank_row", number - self.last_row - 1);
        }
        self.last_row = number;
        let number = u32::try_from(number).map_err(|_| {
            Error::expected_found(ErrorKind::Limit, "too_many_rows", "at most 4,294,967,295 rows", "more")
        })?;
        let blocks = self.setting.found.layout.shape == Shape::Blocks;
        if row.width() != self.width && !blocks && !self.is_width_accepted(row) {
            return Ok(());
        }
        let mut primary_value = None;
        let read = self.primary.as_mut().map(|primary| primary.read(row));
        if let Some((value, finding)) = read {
            let Some(value) = value else { return self.set_aside(row, finding) };
            // A count of rows below a column of dates reads as one.
            if finding == Some(Finding::NumberAsDate)
                && let Some(reason) = self.is_count(row)
            {
                self.leave_out(reason);
                return Ok(());
            }
            primary_value = Some((value, finding));
            self.check_day(value.0, row);
        } else if let Some(reason) = self.not_data(row) {
            self.leave_out(reason);
            return Ok(());
        }
        self.keep(row, number, primary_value)
    }

    /// Rows kept so far.
    pub(crate) fn kept(&self) -> u64 {
        self.tally.rows_kept
    }

    /// Tells of a primary date outside the release's window or outside the one fiscal year that is stated.
    #[inline]
    fn check_day(&mut self, day: i64, row: &impl Row) {
        let Some(primary) = &self.primary else { return };
        let is_outside =
            |span: Option<(i64, i64)>| span.is_some_and(|(first, last)| day < first || day > last);
        if is_outside(primary.window) {
            let message = "primary date outside the release's window, kept";
            self.warn_of_primary("outside_window", row, message);
        } else if is_outside(primary.year) {
            let message = "primary date outside the fiscal year that the title or file name states, kept";
            self.warn_of_primary("outside_stated_year", row, message);
        }
    }

    fn keep(
        &mut self,
        row: &impl Row,
        number: u32,
        primary_value: Option<((i64, u32), Option<Finding>)>,
    ) -> Result<()> {
        for column in &mut self.columns {
            let finding = match (column.position, primary_value) {
                (Some(_), Some((value, finding))) if column.is_primary => {
                    column.column.push_primary(value);
                    finding
                }
                (Some(at), _) => match row.shared(at) {
                    Some(index) => column.column.push_shared(index, || row.cell(at)),
                    None => column.column.push(row.cell(at)),
                },
                (None, _) => column.column.push_title(&self.title),
            };
            if let Some(finding) = finding {
                column.note(finding, row);
            }
        }
        for other in &mut self.others {
            other.count(row.cell(other.position));
        }
        self.tally.keep(1);
        self.last_filled = self.last_row;
        self.rows.push(number);
        let is_full = match self.rows.len() {
            BATCH => true,
            rows if rows % 16 == 0 => self.new_bytes() > BATCH_BYTES,
            _ => false,
        };
        if is_full { self.flush() } else { Ok(()) }
    }

    /// Whether a row of another width than the header's can be read all the same; if not, it is set aside.
    fn is_width_accepted(&mut self, row: &impl Row) -> bool {
        let beyond = (self.width..row.width()).find(|at| !row.cell(*at).is_blank());
        if let (Some(at), false) = (beyond, self.setting.fixed_width) {
            let message = "cells beyond the last header, left out";
            self.warn("beyond_header", row.number(), Some((at, "")), None, message);
            return true;
        }
        if row.width() > self.width && beyond.is_none() {
            if self.setting.fixed_width {
                let message = "blank fields beyond the last header, left out";
                self.warn("trailing_fields", row.number(), None, None, message);
            }
            return true;
        }
        if !self.setting.fixed_width {
            return true;
        }
        if let Some(reason) = self.not_data(row) {
            self.leave_out(reason);
        } else {
            let message =
                format!("expected {} fields, found {}; the row is set aside", self.width, row.width());
            self.warn("wrong_field_count", row.number(), None, None, &message);
            self.tally.set_aside("wrong_field_count", 1);
        }
        false
    }

    /// Sets aside a row that is no record.
    fn leave_out(&mut self, reason: &'static str) {
        match self.no_records.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, rows)) => *rows += 1,
            None => self.no_records.push((reason, 1)),
        }
    }

    /// Sets aside a row whose primary value cannot be read.
    fn set_aside(&mut self, row: &impl Row, finding: Option<Finding>) -> Result<()> {
        if let Some(reason) = self.not_data(row) {
            self.leave_out(reason);
            return Ok(());
        }
        self.refuse_other_header(row)?;
        self.last_filled = self.last_row;
        let Some(primary) = &self.primary else { return Ok(()) };
        let (name, position) = (primary.rule.name.clone(), primary.position);
        let expected = primary.rule.kind.expects();
        let state = match finding {
            None | Some(Finding::Withheld | Finding::Coarsened | Finding::NoValue) => "no",
            Some(Finding::Implausible) => "implausible",
            Some(_) => "unreadable",
        };
        self.tally.set_aside(&format!("{state}_{name}"), 1);
        let code = match state {
            "no" => "no_primary",
            "implausible" => "implausible_primary",
            _ => "unreadable_primary",
        };
        let header = self.setting.found.header(position).trim().to_owned();
        let value = row.cell(position).shown();
        let message = format!("expected {expected}; the row is set aside");
        self.warn(code, row.number(), Some((position, &header)), Some(&value), &message);
        Ok(())
    }

    /// Refuses a row of names that other headers have: what comes after it may be another table, or this one with
    /// its columns in another order, and would be misread in silence.
    fn refuse_other_header(&self, row: &impl Row) -> Result<()> {
        let mut filled = 0;
        let mut known = Vec::new();
        for at in 0..row.width() {
            let Cell::Text(bytes) = row.cell(at) else { continue };
            let Ok(text) = std::str::from_utf8(bytes) else { continue };
            let name = squeezed(text);
            filled += usize::from(!name.is_empty());
            if !name.is_empty() && is_any_header(&name)? {
                known.push((at, text));
            }
        }
        let (Some((first, name)), true) = (known.first(), known.len() >= 3 && known.len() * 2 > filled)
        else {
            return Ok(());
        };
        let names: Vec<_> = known.iter().take(4).map(|(_, name)| format!("`{}`", shown(name))).collect();
        Err(Error::expected_found(
            ErrorKind::UnknownHeader,
            "second_header",
            format!("rows of `{}` to the end of the sheet", self.setting.found.layout.id),
            format!("another header: {}", names.join(", ")),
        )
        .at_row(row.number())
        .at_column(*first, name)
        .with_value(name)
        .with_hint("put the rows from there on into a sheet or file of their own"))
    }

    /// Why a row with a plain number for its date is a count of rows and no record, if that is so: it says so, or
    /// it has next to nothing else and the rows before it have dates that are shown as such.
    fn is_count(&self, row: &impl Row) -> Option<&'static str> {
        if speaks_of_total(row) {
            return Some("total_row");
        }
        let is_usual = |column: &TableColumn| {
            column.is_primary
                && column.findings.iter().any(|found| found.code == Finding::NumberAsDate.describe().0)
        };
        let filled = (0..row.width()).filter(|at| !row.cell(*at).is_blank()).count();
        let is_lone =
            filled <= 2 && self.width >= 6 && self.tally.rows_kept > 0 && !self.columns.iter().any(is_usual);
        is_lone.then_some(if filled == 1 { "footnote" } else { "total_row" })
    }

    /// Why a row is no record at all, if that is so.
    fn not_data(&mut self, row: &impl Row) -> Option<&'static str> {
        let mut filled = (0..row.width()).filter(|&at| !row.cell(at).is_blank());
        let Some(first) = filled.next() else { return Some("blank_row") };
        let alone = filled.next().is_none();
        if self.setting.found.layout.shape == Shape::Blocks {
            return self.turn_to_block(row, first, alone);
        }
        if self.is_header(row) {
            return Some("repeated_header");
        }
        self.primary.as_ref()?;
        let text = row.cell(first).shown().trim().to_lowercase();
        let is_total = ["total", "grand total", "totals", "sum"]
            .iter()
            .any(|word| text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)));
        if is_total || speaks_of_total(row) {
            return Some("total_row");
        }
        alone.then_some("footnote")
    }

    fn is_header(&self, row: &impl Row) -> bool {
        let cells = self.header.iter().enumerate();
        let is_equal = |(at, header): (usize, &String)| match row.cell(at) {
            Cell::Text(bytes) => std::str::from_utf8(bytes).is_ok_and(|text| squeezed(text) == *header),
            _ => header.is_empty(),
        };
        row.width() >= self.width && cells.into_iter().all(is_equal)
    }

    /// In a sheet of blocks: a line alone is a title, and a line that begins as the header did is the next
    /// block's header.
    fn turn_to_block(&mut self, row: &impl Row, first: usize, alone: bool) -> Option<&'static str> {
        if alone {
            self.title = row.cell(first).shown().trim().to_owned();
            return Some("block_title");
        }
        let names: Vec<_> = (0..row.width()).map(|at| squeezed(&row.cell(at).shown())).collect();
        let primary = self.primary.as_ref()?;
        if !names.get(primary.position).is_some_and(|name| primary.rule.is_named(name)) {
            return None;
        }
        for column in &mut self.columns {
            if column.column.rule().aliases().next().is_some() {
                column.position = names.iter().position(|name| column.column.rule().is_named(name));
                if let (Some(at), true) = (column.position, column.header.is_empty()) {
                    column.header = row.cell(at).shown().trim().to_owned();
                }
            }
        }
        Some("block_header")
    }

    /// Bytes of texts met for the first time in this batch.
    fn new_bytes(&self) -> usize {
        self.columns
            .iter()
            .map(|column| column.column.held())
            .sum::<usize>()
            .saturating_sub(self.carried_bytes)
    }

    /// Hands a batch to the sink.
    fn flush(&mut self) -> Result<()> {
        let rows = self.rows.len();
        if rows == 0 {
            return Ok(());
        }
        self.text_bytes += self.new_bytes();
        if self.text_bytes > SHEET_BYTES {
            let expected = format!("at most {} MiB of different texts in a sheet", SHEET_BYTES >> 20);
            return Err(Error::expected_found(ErrorKind::Limit, "too_much_text", expected, "more")
                .at_row(self.last_row)
                .with_hint("no released table is like this; look at the file before trusting it"));
        }
        let numbers = UInt32Array::from(std::mem::replace(&mut self.rows, Vec::with_capacity(BATCH)));
        let mut arrays = Vec::with_capacity(self.schema.fields().len());
        for place in &mut self.place {
            arrays.extend_from_slice(place.take(rows, std::iter::empty())?);
        }
        arrays.push(Arc::new(numbers.clone()));
        for column in &mut self.columns {
            column.column.take(rows, &mut arrays)?;
        }
        self.carried_bytes = self.columns.iter().map(|column| column.column.held()).sum();
        self.checks.look(&arrays, numbers.values());
        let batch = RecordBatch::try_new(self.schema.clone(), arrays).map_err(Error::internal)?;
        self.sink.batch(batch).map_err(Error::sink)
    }

    /// Ends the sheet and gives its account.
    pub(crate) fn finish(mut self) -> Result<SheetEntry> {
        self.flush()?;
        for (reason, rows) in std::mem::take(&mut self.no_records) {
            self.tally.set_aside(reason, rows);
        }
        self.sink.close().map_err(Error::sink)?;
        if self.tally.rows_kept == 0 {
            self.warn("no_rows", self.setting.header_row, None, None, "no row after the header was kept");
        }
        if self.last_filled == LAST_ROW {
            let message = "full to the last row that a sheet can have: rows are missing, unless another sheet or file \
                           goes on from here";
            self.warn(SHEET_FULL, LAST_ROW, None, None, message);
        }
        for found in self.checks.findings().collect::<Vec<_>>() {
            let key = (found.code, usize::MAX);
            let told = warning(found.code, found.first.into(), None, None, found.says);
            self.warnings.insert(key, Warning { count: found.count, ..told });
        }
        self.tally.check(self.setting.sheet).map_err(Error::internal)?;
        if self.elements.is_some_and(|elements| elements + self.gaps != self.tally.rows_read) {
            let (read, elements) = (self.tally.rows_read, self.elements.unwrap_or_default());
            return Err(Error::internal(format!(
                "{elements} rows and {} gaps, {read} accounted for",
                self.gaps
            )));
        }
        for other in self.others.iter().filter(|other| other.header.is_empty() && other.filled > 0) {
            let message = "a column without a header, left out";
            let told =
                warning("unnamed_column", self.setting.header_row, Some((other.position, "")), None, message);
            self.warnings.insert(("unnamed_column", other.position), Warning { count: other.filled, ..told });
        }
        let mut columns: Vec<(usize, evenhand_ledger::Column)> = Vec::new();
        let mut warnings: Vec<Warning> = std::mem::take(&mut self.warnings).into_values().collect();
        for column in &mut self.columns {
            column.sum_up(self.tally.rows_kept);
            let is_released = column.column.rule().aliases().next().is_some() && !column.header.is_empty();
            columns.extend(column.position.filter(|_| is_released).map(|at| (at, column.entry())));
            warnings.append(&mut column.findings);
        }
        columns.extend(self.others.iter().map(|other| (other.position, other.entry())));
        columns.sort_by_key(|(position, _)| *position);
        warnings.sort_by(|a, b| (a.row, &a.column, &a.code).cmp(&(b.row, &b.column, &b.code)));
        Ok(SheetEntry {
            name: self.setting.sheet.to_owned(),
            table: Some(self.setting.found.layout.table.clone()),
            layout: Some(self.setting.found.layout.id.clone()),
            header_row: Some(self.setting.header_row),
            tally: self.tally,
            columns: columns.into_iter().map(|(_, column)| column).collect(),
            warnings,
        })
    }

    /// Says how many rows the reader counted after the header, to be held against the account.
    pub(crate) fn has_elements(&mut self, count: u64) {
        self.elements = Some(count);
    }

    /// Adds a finding that the reader made about the whole sheet.
    pub(crate) fn note(&mut self, code: &'static str, count: u64, message: &str) {
        if count > 0 {
            self.warn(code, self.setting.header_row, None, None, message);
            if let Some(warning) = self.warnings.get_mut(&(code, usize::MAX)) {
                warning.row = None;
                warning.count = count;
            }
        }
    }

    fn warn_of_header(&mut self) {
        let found = self.setting.found;
        for &at in &found.extra {
            let header = found.header(at).trim().to_owned();
            let mut message = "a column that the layout does not know, left out".to_owned();
            if let Some(near) = found.nearest_missing(at) {
                message += &format!("; `{near}` is missing and may be what it was called");
            }
            self.warn("unknown_column", self.setting.header_row, Some((at, &header)), None, &message);
        }
        for &at in &found.repeated {
            let header = found.header(at).trim().to_owned();
            let message = "a header that stands there twice; the first column is read, this one is left out";
            self.warn("repeated_column", self.setting.header_row, Some((at, &header)), None, message);
        }
        if let Some(named) =
            other_table_named(self.setting.file, &found.layout.table).filter(|_| found.layout.national)
        {
            let message =
                format!("the file's name speaks of {named}; its header is one of {}", found.layout.table);
            self.warn("other_table_than_named", self.setting.header_row, None, None, &message);
        }
        if found.layout.shape == Shape::Blocks {
            return;
        }
        for (at, rule) in found.layout.columns.iter().enumerate() {
            let is_told = if found.layout.national { true } else { rule.is_kept() && rule.optional };
            let wanted = is_told && !found.bound.contains(&Some(at));
            if let (true, Some(alias)) = (wanted, rule.aliases().next()) {
                let message = match rule.is_kept() {
                    true => format!("the file has no column `{alias}`; `{}` is null", rule.name),
                    false => format!("the file has no column `{alias}`, of which nothing would be kept"),
                };
                // Missing columns have no place; their order among the layout's tells them apart.
                let key = ("missing_column", usize::MAX - 1 - at);
                let warning = warning("missing_column", self.setting.header_row, None, None, &message);
                self.warnings.insert(key, warning);
            }
        }
    }

    fn warn_of_primary(&mut self, code: &'static str, row: &impl Row, message: &str) {
        let Some(position) = self.primary.as_ref().map(|primary| primary.position) else { return };
        let header = self.setting.found.header(position).trim().to_owned();
        let value = match self.setting.found.layout.national {
            true => row.cell(position).shown_as_released(),
            false => row.cell(position).shown(),
        };
        self.warn(code, row.number(), Some((position, &header)), Some(&value), message);
    }

    fn warn(
        &mut self,
        code: &'static str,
        row: u64,
        column: Option<(usize, &str)>,
        value: Option<&str>,
        message: &str,
    ) {
        let key = (code, column.map_or(usize::MAX, |(at, _)| at));
        self.warnings
            .entry(key)
            .and_modify(|warning| warning.count += 1)
            .or_insert_with(|| warning(code, row, column, value, message));
    }
}

impl Primary {
    #[inline]
    fn read(&mut self, row: &impl Row) -> (Option<(i64, u32)>, Option<Finding>) {
        let cell = row.cell(self.position);
        let Cell::Text(bytes) = cell else { return read_primary(cell, &self.rule) };
        if !bytes.is_empty() && same(bytes, &self.last.0) {
            return (Some(self.last.1), None);
        }
        let (value, finding) = read_primary(cell, &self.rule);
        if let (Some(value), None) = (value, finding) {
            self.last.0.clear();
            self.last.0.extend_from_slice(bytes);
            self.last.1 = value;
        }
        (value, finding)
    }
}

impl TableColumn {
    fn note(&mut self, finding: Finding, row: &impl Row) {
        self.redacted += u64::from(finding == Finding::Withheld);
        self.unparseable += u64::from(finding.is_unparseable());
        let (code, message) = finding.describe();
        if finding == Finding::Withheld {
            return;
        }
        let at = self.position.unwrap_or_default();
        if finding == Finding::UnknownWord {
            return self.note_word(row, at, code, message);
        }
        match self.findings.iter_mut().find(|warning| warning.code == code) {
            Some(warning) => warning.count += 1,
            None => {
                // National layouts squeeze their texts.
                let value = match self.column.rule().squeeze {
                    true => row.cell(at).shown_as_released(),
                    false => row.cell(at).shown(),
                };
                let value = Some(value).filter(|_| self.column.rule().is_shown());
                let message = match finding {
                    Finding::Unreadable => {
                        format!("expected {}, set null", self.column.rule().kind.expects())
                    }
                    _ => message.to_owned(),
                };
                let place = Some((at, self.header.as_str()));
                self.findings.push(warning(code, row.number(), place, value.as_deref(), &message));
            }
        }
    }

    /// A word that the column is not known to hold: reported once each with its count.
    fn note_word(&mut self, row: &impl Row, at: usize, code: &str, message: &str) {
        if let Cell::Text(bytes) = row.cell(at)
            && is_told_as_is(bytes)
            && self.count_word(bytes, code)
        {
            return;
        }
        let word = shown(&row.cell(at).shown().split_whitespace().collect::<Vec<_>>().join(" "));
        let is_word = |other: &&mut Warning| other.code == code && other.value.as_deref() == Some(&word);
        if let Some(known) = self.findings.iter_mut().find(is_word) {
            known.count += 1;
        } else if self.findings.iter().filter(|other| other.code == code).count() < WORDS_REPORTED {
            let place = Some((at, self.header.as_str()));
            self.findings.push(warning(code, row.number(), place, Some(&word), message));
        } else if let Some(others) = self.findings.iter_mut().find(|other| other.code == "unknown_values") {
            others.count += 1;
        } else {
            let place = Some((at, self.header.as_str()));
            let message = "further words that the column is not known to hold, kept";
            self.findings.push(warning("unknown_values", row.number(), place, Some(&word), message));
        }
    }

    /// Counts a word again that was reported, or one too many to be; false if it must be reported.
    fn count_word(&mut self, word: &[u8], code: &str) -> bool {
        let mut reported = 0;
        for known in self.findings.iter_mut().filter(|known| known.code == code) {
            if known.value.as_deref().is_some_and(|value| value.as_bytes() == word) {
                known.count += 1;
                return true;
            }
            reported += 1;
        }
        let others = self.findings.iter_mut().find(|other| other.code == "unknown_values");
        match others.filter(|_| reported >= WORDS_REPORTED) {
            Some(others) => {
                others.count += 1;
                true
            }
            None => false,
        }
    }

    /// What there is to say of the column as a whole, in a national release.
    fn sum_up(&mut self, kept: u64) {
        let place = Some((self.position.unwrap_or_default(), self.header.as_str()));
        let mut tell = |code, count: u64, message: &str| {
            if count > 0 {
                let told = warning(code, 0, place, None, message);
                self.findings.push(Warning { row: None, count, ..told });
            }
        };
        tell(
            "time_unknown",
            self.column.midnights(),
            "rows whose date is at midnight: the time is not known",
        );
        if self.column.rule().name == "person_id" && self.position.is_some() {
            let nameless = kept.saturating_sub(self.column.filled);
            tell("no_person_id", nameless, "rows without an identifier; they are linked to nothing");
        }
    }

    fn entry(&self) -> evenhand_ledger::Column {
        let dropped = |reason: &str| ColumnFate::Dropped { reason: reason.to_owned() };
        let says_nothing = self.column.rule().squeeze && self.column.says_nothing();
        let filled = if says_nothing { 0 } else { self.column.filled };
        let fate = match (filled, self.redacted) {
            (0, 0) => dropped("blank"),
            (0, _) => dropped("redacted"),
            _ => ColumnFate::Kept { column: self.column.rule().name.clone() },
        };
        evenhand_ledger::Column {
            header: self.header.clone(),
            fate,
            redacted: self.redacted,
            unparseable: self.unparseable,
        }
    }
}

impl OtherColumn {
    fn count(&mut self, cell: Cell<'_>) {
        let Cell::Text(bytes) = cell else {
            self.filled += u64::from(!cell.is_blank());
            return;
        };
        if bytes.is_empty() {
            return;
        }
        if same(bytes, &self.marker) {
            self.redacted += 1;
        } else if std::str::from_utf8(bytes).is_ok_and(crate::is_withheld) {
            self.redacted += 1;
            self.marker = bytes.to_vec();
        } else {
            self.filled += u64::from(!cell.is_blank());
        }
    }

    fn entry(&self) -> evenhand_ledger::Column {
        let reason = if self.filled == 0 && self.redacted > 0 { "redacted" } else { "person_detail" };
        let fate = if self.is_person_detail {
            ColumnFate::Dropped { reason: reason.to_owned() }
        } else {
            ColumnFate::Unknown
        };
        evenhand_ledger::Column { header: self.header.clone(), fate, redacted: self.redacted, unparseable: 0 }
    }
}

/// Whether a cell of the row says that it is a total, and nothing else.
fn speaks_of_total(row: &impl Row) -> bool {
    let says = |at: usize| {
        let Cell::Text(text) = row.cell(at) else { return false };
        let text = text.trim_ascii();
        let text = text.strip_suffix(b":").unwrap_or(text);
        [&b"total"[..], b"totals", b"grand total", b"sum"].iter().any(|word| text.eq_ignore_ascii_case(word))
    };
    (0..row.width()).any(says)
}

/// Whether a message shows a word as it stands: short, printable, its blanks single and inside.
fn is_told_as_is(word: &[u8]) -> bool {
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'\\';
    word.len() <= 80
        && word.iter().all(plain)
        && word.trim_ascii().len() == word.len()
        && memchr::memmem::find(word, b"  ").is_none()
}

/// Provenance, then the columns of the table. Columns of the table may be null wherever a release lacks them.
fn schema<'l>(columns: impl Iterator<Item = &'l LayoutColumn>) -> SchemaRef {
    let text = || crate::layout::Kind::Text.data_type();
    let mut fields = vec![
        Field::new("release", text(), false),
        Field::new("file_original", text(), false),
        Field::new("sheet_original", text(), false),
        Field::new("row_original", DataType::UInt32, false),
    ];
    let own = columns.flat_map(LayoutColumn::fields);
    fields.extend(own.map(|(name, kind)| Field::new(name, kind, true)));
    Arc::new(Schema::new(fields))
}

/// The last line before the header that holds one cell.
fn last_title(before: &[Vec<String>]) -> String {
    let alone = |row: &&Vec<String>| row.iter().filter(|cell| !cell.trim().is_empty()).count() == 1;
    let row = before.iter().rev().find(alone);
    row.and_then(|row| row.iter().find(|cell| !cell.trim().is_empty())).cloned().unwrap_or_default()
}

/// The table of a national release that a file's name speaks of, if it is one only and not `table`.
fn other_table_named(file: &str, table: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str, &str); 5] = [
        ("arrests", "arrest", "ars"),
        ("detainers", "detainer", "dpr"),
        ("detention_stints", "detention", "det"),
        ("encounters", "encounter", "enc"),
        ("removals", "removal", "rem"),
    ];
    let name = file.rsplit('/').next().unwrap_or(file).to_lowercase();
    let codes: Vec<&str> = name.split(|letter: char| !letter.is_alphanumeric()).collect();
    let speaks = |(_, word, code): &&(&str, &str, &str)| name.contains(word) || codes.contains(code);
    let mut spoken = WORDS.iter().filter(speaks);
    match (spoken.next(), spoken.next()) {
        (Some((named, ..)), None) if *named != table => Some(named),
        _ => None,
    }
}

/// First and last day of the one fiscal year that the lines before the header, or else the file's name,
/// speak of.
fn fiscal_year_of(before: &[Vec<String>], file: &str) -> Option<(i32, i32)> {
    let title = before.iter().flatten().map(String::as_str).collect::<Vec<_>>().join("\n");
    let year = one_fiscal_year(&title).or_else(|| one_fiscal_year(file).filter(|_| !title.contains("FY")))?;
    Some((days_from_civil(year.checked_sub(1)?, 10, 1)?, days_from_civil(year, 9, 30)?))
}

/// The year of `FY2016`, if the text speaks of one year only.
fn one_fiscal_year(text: &str) -> Option<i32> {
    let mut years = text.split("FY").skip(1).filter_map(|rest| {
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<i32>().ok().filter(|_| digits.len() == 4)
    });
    let first = years.next()?;
    years.all(|year| year == first).then_some(first)
}

/// A first finding of its kind.
pub(crate) fn warning(
    code: &str,
    row: u64,
    column: Option<(usize, &str)>,
    value: Option<&str>,
    message: &str,
) -> Warning {
    Warning {
        code: code.to_owned(),
        row: Some(row),
        column: column.map(|(at, _)| letters(at)),
        header: column.map(|(_, header)| header.to_owned()).filter(|header| !header.is_empty()),
        value: value.map(shown).filter(|value| !value.is_empty()),
        message: message.to_owned(),
        count: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fiscal_year_is_stated_or_none() {
        assert_eq!(one_fiscal_year("ERO Administrative Arrests for FY2016"), Some(2016));
        assert_eq!(one_fiscal_year("FY2012 - FY2019 YTD"), None);
        assert_eq!(one_fiscal_year("detainers-FY2015YTD.xlsx"), Some(2015));
        assert_eq!(one_fiscal_year("FY17"), None);
    }
}
