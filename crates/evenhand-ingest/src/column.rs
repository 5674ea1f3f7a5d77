//! One column of a batch: reads cells as the layout says and builds the Arrow array, or two where a date has a
//! time of day.

use crate::dates::{PLAUSIBLE, days_from_text, moment_from_text};
use crate::intern::{Interner, same};
use crate::layout::{Kind, LayoutColumn, TimeOfDay};
use crate::marker::{is_coarsened, is_error_text, is_suppressed, is_withheld};
use crate::sheet::Cell;
use crate::{Error, Result};
use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Date32Array, DictionaryArray, Float64Builder, Int32Array, StringArray,
    TimestampSecondArray, UInt32Builder, new_null_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Int32Type};
use std::borrow::Cow;
use std::sync::Arc;

/// Second of the day that stands for a time that is not known.
pub(crate) const TIME_UNKNOWN: u32 = u32::MAX;
/// Days from 1970-01-01 of 1950-01-01.
const FIRST_OF_1950: i32 = -7305;
/// Days after the last of a release beyond which a secondary date is not kept.
const YEAR_AFTER: i32 = 366;
/// Distinct texts, and bytes of them, that a dictionary may carry from one batch to the next: a column of names
/// or numbers of its own for every row begins anew with each batch, and memory stays flat.
const CARRIED: usize = 1 << 14;
const CARRIED_BYTES: usize = 4 << 20;

/// What a cell was found to be, beside a value or blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Finding {
    /// A redaction marker.
    Withheld,
    /// Replaced by the snapshot's maker because it is rare.
    Coarsened,
    /// Held back because it is small.
    Suppressed,
    /// An error of the spreadsheet.
    ErrorCell,
    /// A formula whose result is not in the file.
    NoValue,
    /// Not what the column holds.
    Unreadable,
    /// A day before 1900 or after 2100.
    Implausible,
    /// A plain number where a date belongs, read as the spreadsheet's day count.
    NumberAsDate,
    /// Bytes that are not UTF-8, read as Windows-1252.
    NotUtf8,
    /// Control characters, left out.
    Control,
    /// A word that the column is not known to hold.
    UnknownWord,
    /// A number where a code belongs, whose leading zeros are lost if it had any.
    NumberAsCode,
    /// A day after the release's last.
    AfterRelease,
    /// A day more than a year after the release's last.
    FarFuture,
}

impl Finding {
    /// Stable code, and one sentence.
    pub(crate) fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Withheld => ("withheld", "withheld by the agency, set null"),
            Self::Coarsened => ("coarsened", "replaced in the public snapshot because rare, set null"),
            Self::Suppressed => ("suppressed", "a small count held back, set null: not zero"),
            Self::ErrorCell => ("error_cell", "an error of the spreadsheet, set null"),
            Self::NoValue => {
                ("formula_without_value", "a formula whose result the file does not hold, set null")
            }
            Self::Unreadable => ("unreadable_cell", "not what the column holds, set null"),
            Self::Implausible => ("implausible_date", "a day before 1900 or after 2100, set null"),
            Self::NumberAsDate => {
                ("number_as_date", "a plain number, read as the day count of a spreadsheet")
            }
            Self::NotUtf8 => ("not_utf8", "bytes that are not UTF-8, read as Windows-1252"),
            Self::Control => ("control_character", "control characters, left out"),
            Self::UnknownWord => ("unknown_value", "not a word that the column is known to hold, kept"),
            Self::NumberAsCode => {
                ("number_as_code", "a number where a code belongs; leading zeros, if it had any, are lost")
            }
            Self::AfterRelease => ("after_release", "a day after the last of the release, kept"),
            Self::FarFuture => {
                ("far_future_date", "a day more than a year after the last of the release, set null")
            }
        }
    }

    /// Whether the cell's value could not be read as the column's type.
    pub(crate) fn is_unparseable(self) -> bool {
        matches!(self, Self::Unreadable | Self::Implausible | Self::FarFuture | Self::ErrorCell)
    }
}

/// Shared strings of a workbook that a text column knows by their number.
const SHARED_KNOWN: usize = 1 << 16;
/// New texts of one batch from which on a column is taken for one of identifiers, if most of its rows had one:
/// knowing what they mean would cost more than it saves.
const MANY_NEW: usize = 1 << 12;

/// A cell as read: its value, and what else there is to say.
type Reading<T> = (Option<T>, Option<Finding>);

/// A column under construction.
#[derive(Debug)]
pub(crate) struct Column {
    rule: LayoutColumn,
    values: Values,
    /// Values kept so far that are not null.
    pub(crate) filled: u64,
}

#[derive(Debug)]
enum Values {
    /// The release lacks the column, or its value does not depend on the row.
    Constant(Constant),
    Text(Text),
    Days(Days),
    Counts(UInt32Builder),
    Numbers(Float64Builder),
    Flags(BooleanBuilder),
}

impl Column {
    /// A column that takes cells.
    pub(crate) fn new(rule: &LayoutColumn) -> Self {
        let values = match rule.kind {
            Kind::Text | Kind::Code => Values::Text(Text::new()),
            Kind::Date | Kind::Month => Values::Days(Days::new(rule)),
            Kind::Count | Kind::FiscalYear => Values::Counts(UInt32Builder::new()),
            Kind::Number => Values::Numbers(Float64Builder::new()),
            Kind::Flag | Kind::YearToDate => Values::Flags(BooleanBuilder::new()),
        };
        Self { rule: rule.clone(), values, filled: 0 }
    }

    /// Keeps no day that is more than a year later than this one, the last of the release.
    pub(crate) fn until(&mut self, last: Option<i32>) {
        if let (Values::Days(days), Some(last)) = (&mut self.values, last) {
            days.until = last;
        }
    }

    /// Rows whose date is known and whose time of day is not.
    pub(crate) fn midnights(&self) -> u64 {
        if let Values::Days(days) = &self.values { days.midnights } else { 0 }
    }

    /// Whether no value but `NA` was met, which says as much as none.
    pub(crate) fn says_nothing(&self) -> bool {
        match &self.values {
            Values::Text(text) => text.says_nothing,
            _ => self.filled == 0,
        }
    }

    /// Bytes of the distinct texts held for the batch, as released or as kept.
    pub(crate) fn held(&self) -> usize {
        if let Values::Text(text) = &self.values { text.held() } else { 0 }
    }

    /// A column that is the same for every row: null, or a text.
    pub(crate) fn constant(rule: &LayoutColumn, value: Option<String>) -> Self {
        Self { rule: rule.clone(), values: Values::Constant(Constant::new(value)), filled: 0 }
    }

    pub(crate) fn rule(&self) -> &LayoutColumn {
        &self.rule
    }

    /// Takes the cell of the next row.
    #[inline]
    pub(crate) fn push(&mut self, cell: Cell<'_>) -> Option<Finding> {
        match &mut self.values {
            Values::Text(text) => {
                let (key, finding) = text.key(cell, &self.rule);
                text.keys.push(key);
                self.filled += u64::from(key >= 0);
                finding
            }
            Values::Days(days) => {
                let (moment, finding) = days.read(cell, &self.rule);
                let (moment, finding) = match moment {
                    Some((day, _)) if day > days.until => days.late(day, moment, finding),
                    _ => (moment, finding),
                };
                days.push(moment);
                self.filled += u64::from(moment.is_some());
                finding
            }
            Values::Counts(counts) => {
                let (count, finding) = read_count(cell, &self.rule);
                counts.append_option(count);
                self.filled += u64::from(count.is_some());
                finding
            }
            Values::Numbers(numbers) => {
                let (number, finding) = read_number(cell, &self.rule);
                numbers.append_option(number);
                self.filled += u64::from(number.is_some());
                finding
            }
            Values::Flags(flags) => {
                let (flag, finding) = read_flag(cell, &self.rule);
                flags.append_option(flag);
                self.filled += u64::from(flag.is_some());
                finding
            }
            Values::Constant(_) => None,
        }
    }

    /// Takes the cell of the next row, which is the shared string `index` of its workbook. A text column knows it
    /// by that number, without looking at the text again.
    #[inline]
    pub(crate) fn push_shared<'c>(&mut self, index: u32, cell: impl FnOnce() -> Cell<'c>) -> Option<Finding> {
        let Values::Text(text) = &mut self.values else { return self.push(cell()) };
        let (key, finding) = text.shared_key(index, cell, &self.rule);
        text.keys.push(key);
        self.filled += u64::from(key >= 0);
        finding
    }

    /// Takes the value of the next row, already read as [`read_primary`] does.
    #[inline]
    pub(crate) fn push_primary(&mut self, (value, second): (i64, u32)) {
        self.filled += 1;
        match &mut self.values {
            // Both were widened from these types.
            Values::Days(days) => days.push(Some((value as i32, second))),
            Values::Counts(counts) => counts.append_value(value as u32),
            _ => self.filled -= 1,
        }
    }

    /// Takes, for a column without cells of its own, what the title of the row's block says, if the layout asks
    /// for it: the value of the first words that the title holds, or else the title itself.
    pub(crate) fn push_title(&mut self, title: &str) -> Option<Finding> {
        if self.rule.by_title.is_empty() {
            return self.push(Cell::Blank);
        }
        let value = self.rule.by_title.iter().find(|(words, _)| title.contains(words.as_str()));
        let value = value.map_or(title, |(_, value)| value.as_str()).to_owned();
        self.push(Cell::Text(value.as_bytes()))
    }

    /// Adds the arrays of the `rows` rows taken since the last call: one, or two with a time of day.
    pub(crate) fn take(&mut self, rows: usize, into: &mut Vec<ArrayRef>) -> Result<()> {
        let array: ArrayRef = match &mut self.values {
            Values::Constant(constant) => {
                into.extend_from_slice(constant.take(rows, self.rule.fields().map(|(_, kind)| kind))?);
                return Ok(());
            }
            Values::Text(text) => text.take()?,
            Values::Days(days) => return days.take(into),
            Values::Counts(counts) => Arc::new(counts.finish()),
            Values::Numbers(numbers) => Arc::new(numbers.finish()),
            Values::Flags(flags) => Arc::new(flags.finish()),
        };
        into.push(array);
        Ok(())
    }
}

/// Columns whose cells are all null, or one text.
#[derive(Debug)]
pub(crate) struct Constant {
    text: Option<String>,
    /// Those of the last batch: batches are nearly all of one length.
    arrays: Vec<ArrayRef>,
}

impl Constant {
    pub(crate) fn new(text: Option<String>) -> Self {
        Self { text, arrays: Vec::new() }
    }

    /// So many rows of it, a column for each type.
    pub(crate) fn take(&mut self, rows: usize, kinds: impl Iterator<Item = DataType>) -> Result<&[ArrayRef]> {
        if self.arrays.first().is_none_or(|array| array.len() != rows) {
            self.arrays = match &self.text {
                None => kinds.map(|kind| new_null_array(&kind, rows)).collect(),
                Some(text) => vec![same_text(text, rows)?],
            };
        }
        Ok(&self.arrays)
    }
}

/// A text column of one value.
fn same_text(text: &str, rows: usize) -> Result<ArrayRef> {
    let keys = Int32Array::new(ScalarBuffer::from(vec![0; rows]), None);
    let values = Arc::new(StringArray::from(vec![text]));
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).map_err(Error::internal)?))
}

fn nulls(len: usize, is_valid: impl Fn(usize) -> bool) -> Option<NullBuffer> {
    let nulls = NullBuffer::new(BooleanBuffer::collect_bool(len, is_valid));
    (nulls.null_count() > 0).then_some(nulls)
}

/// The values of a batch, and room for as many of the next: a list that grows is copied again and again.
fn begin_anew<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = Vec::with_capacity(values.len());
    std::mem::replace(values, room)
}

/// A day, and the second of it or [`TIME_UNKNOWN`].
type Moment = (i32, u32);

/// Days or months.
#[derive(Debug)]
struct Days {
    /// Of the rows taken; `i32::MIN` is null.
    days: Vec<i32>,
    /// Seconds from 1970-01-01, if the column has a time of day; `i64::MIN` is null.
    times: Option<Vec<i64>>,
    midnight_is_unknown: bool,
    /// Rows whose date is known and whose time is not.
    midnights: u64,
    /// Last day of the release.
    until: i32,
    /// The last cell that was read without a finding, and its moment: dates come in runs.
    last: (Vec<u8>, Moment),
}

impl Days {
    fn new(rule: &LayoutColumn) -> Self {
        Self {
            days: Vec::new(),
            times: rule.time.map(|_| Vec::new()),
            midnight_is_unknown: rule.time == Some(TimeOfDay::UnknownAtMidnight),
            midnights: 0,
            until: i32::MAX,
            last: (Vec::new(), (0, 0)),
        }
    }

    #[inline]
    fn read(&mut self, cell: Cell<'_>, rule: &LayoutColumn) -> Reading<Moment> {
        let Cell::Text(bytes) = cell else { return read_moment(cell, rule) };
        if !bytes.is_empty() && same(bytes, &self.last.0) {
            return (Some(self.last.1), None);
        }
        let reading = read_moment(cell, rule);
        if let (Some(moment), None) = reading {
            self.last.0.clear();
            self.last.0.extend_from_slice(bytes);
            self.last.1 = moment;
        }
        reading
    }

    /// What becomes of a day after the last of the release.
    #[cold]
    fn late(&self, day: i32, moment: Option<Moment>, finding: Option<Finding>) -> Reading<Moment> {
        if day > self.until.saturating_add(YEAR_AFTER) {
            return (None, Some(Finding::FarFuture));
        }
        (moment, finding.or(Some(Finding::AfterRelease)))
    }

    #[inline]
    fn push(&mut self, moment: Option<Moment>) {
        let (day, second) = moment.unwrap_or((i32::MIN, TIME_UNKNOWN));
        self.days.push(day);
        if let Some(times) = &mut self.times {
            let unknown = second == TIME_UNKNOWN || (second == 0 && self.midnight_is_unknown);
            self.midnights += u64::from(unknown && day != i32::MIN);
            times.push(if unknown { i64::MIN } else { i64::from(day) * 86_400 + i64::from(second) });
        }
    }

    fn take(&mut self, into: &mut Vec<ArrayRef>) -> Result<()> {
        let days = begin_anew(&mut self.days);
        let valid = nulls(days.len(), |at| days.get(at).is_some_and(|day| *day != i32::MIN));
        into.push(Arc::new(Date32Array::try_new(ScalarBuffer::from(days), valid).map_err(Error::internal)?));
        if let Some(times) = self.times.as_mut().map(begin_anew) {
            let valid = nulls(times.len(), |at| times.get(at).is_some_and(|time| *time != i64::MIN));
            let times = TimestampSecondArray::try_new(ScalarBuffer::from(times), valid);
            into.push(Arc::new(times.map_err(Error::internal)?));
        }
        Ok(())
    }
}

/// Text with a dictionary that grows over the batches of a file, as long as it is small.
#[derive(Debug)]
struct Text {
    /// Distinct texts as released.
    released: Interner,
    /// What each of them means: key into `values`, negative for null.
    meanings: Vec<(i32, Option<Finding>)>,
    /// For each of the workbook's first shared strings its place among `meanings`, from 1; 0 if not met yet.
    by_shared: Vec<u32>,
    /// Texts that were new in this batch.
    new: usize,
    /// Whether nearly every text is new. None of the above is kept then.
    is_identifier: bool,
    /// Distinct values kept; their numbers are the keys.
    values: Interner,
    /// Where each value ends among the bytes of `values`, after a 0.
    ends: Vec<i32>,
    /// Keys of the rows taken.
    keys: Vec<i32>,
    /// `values` as an array, as of the last batch.
    dictionary: Option<Arc<StringArray>>,
    says_nothing: bool,
}

impl Text {
    fn new() -> Self {
        Self {
            released: Interner::default(),
            meanings: Vec::new(),
            by_shared: Vec::new(),
            new: 0,
            is_identifier: false,
            values: Interner::default(),
            ends: vec![0],
            keys: Vec::new(),
            dictionary: None,
            says_nothing: true,
        }
    }

    fn held(&self) -> usize {
        self.values.stored().len().max(self.released.stored().len())
    }

    #[inline]
    fn key(&mut self, cell: Cell<'_>, rule: &LayoutColumn) -> (i32, Option<Finding>) {
        match cell {
            Cell::Text(bytes) if self.is_identifier => self.mean(bytes, rule),
            Cell::Text(bytes) => self.remembered(bytes, rule).1,
            Cell::Blank => (-1, None),
            Cell::Error(_) => (-1, Some(Finding::ErrorCell)),
            Cell::NoValue => (-1, Some(Finding::NoValue)),
            Cell::Flag(flag) => (self.value(if flag { "TRUE" } else { "FALSE" }), None),
            Cell::Number(number) => {
                let odd = (rule.kind == Kind::Code).then_some(Finding::NumberAsCode);
                self.known(&number.to_string(), rule, odd)
            }
            Cell::Day(day) => (self.value(&iso(day)), None),
            Cell::Moment { day, second } => (self.value(&iso_moment(day, second)), None),
        }
    }

    #[inline]
    fn shared_key<'c>(
        &mut self,
        index: u32,
        cell: impl FnOnce() -> Cell<'c>,
        rule: &LayoutColumn,
    ) -> (i32, Option<Finding>) {
        let at = index as usize;
        if let Some(meaning) =
            self.by_shared.get(at).and_then(|place| self.meanings.get((*place as usize).checked_sub(1)?))
        {
            return *meaning;
        }
        let Cell::Text(bytes) = cell() else { return (-1, None) };
        if self.is_identifier {
            return self.mean(bytes, rule);
        }
        let (place, meaning) = self.remembered(bytes, rule);
        // Strings are numbered as they are first met: the words that come again are among the first.
        if at < SHARED_KNOWN && !self.is_identifier {
            if at >= self.by_shared.len() {
                self.by_shared.resize((at + 1).next_power_of_two().min(SHARED_KNOWN), 0);
            }
            if let (Some(known), Ok(place)) = (self.by_shared.get_mut(at), u32::try_from(place + 1)) {
                *known = place;
            }
        }
        meaning
    }

    /// What a text means, and the place among `meanings` where that is kept.
    #[inline]
    fn remembered(&mut self, bytes: &[u8], rule: &LayoutColumn) -> (usize, (i32, Option<Finding>)) {
        let (at, new) = self.released.intern(bytes);
        if !new {
            return (at, self.meanings.get(at).copied().unwrap_or((-1, None)));
        }
        let meaning = self.mean(bytes, rule);
        self.meanings.push(meaning);
        self.new += 1;
        if self.new >= MANY_NEW && self.new * 2 > self.keys.len() {
            self.is_identifier = true;
            (self.released, self.meanings, self.by_shared) = Default::default();
        }
        (at, meaning)
    }

    /// Reads a text.
    fn mean(&mut self, bytes: &[u8], rule: &LayoutColumn) -> (i32, Option<Finding>) {
        let (text, odd) = clean(bytes);
        let text = if rule.squeeze { squeeze(text) } else { text };
        match state(&text, rule) {
            State::Blank => (-1, odd),
            State::Withheld => {
                let key = rule.withheld_as.as_deref().map_or(-1, |word| self.value(word));
                (key, Some(Finding::Withheld))
            }
            State::Coarsened => (-1, Some(Finding::Coarsened)),
            State::Error => (-1, Some(Finding::ErrorCell)),
            State::Value => self.known(rule.any_as.as_deref().unwrap_or(&text), rule, odd),
        }
    }

    /// The key of a value, and whether the column's words lack it.
    fn known(&mut self, text: &str, rule: &LayoutColumn, odd: Option<Finding>) -> (i32, Option<Finding>) {
        let unknown = rule.words.as_ref().is_some_and(|words| !words.knows(text));
        (self.value(text), odd.or(unknown.then_some(Finding::UnknownWord)))
    }

    fn value(&mut self, text: &str) -> i32 {
        let (at, new) = self.values.intern(text.as_bytes());
        if new {
            self.says_nothing &= text.eq_ignore_ascii_case("NA");
            // A batch ends long before its texts have 2^31 bytes.
            self.ends.push(i32::try_from(self.values.stored().len()).unwrap_or(i32::MAX));
        }
        // The rows of a sheet are counted in 32 bits, so its distinct texts are fewer than 2^31 long before.
        i32::try_from(at).unwrap_or(i32::MAX)
    }

    fn take(&mut self) -> Result<ArrayRef> {
        let mut keys = begin_anew(&mut self.keys);
        self.new = 0;
        let nulls = nulls(keys.len(), |at| keys.get(at).is_some_and(|key| *key >= 0));
        if nulls.is_some() {
            keys.iter_mut().for_each(|key| *key = (*key).max(0));
        }
        let count = self.ends.len() - 1;
        let values = match &self.dictionary {
            Some(values) if values.len() == count => values.clone(),
            _ => {
                let ends = OffsetBuffer::new(ScalarBuffer::from(self.ends.clone()));
                let bytes = Buffer::from(self.values.stored());
                Arc::new(StringArray::try_new(ends, bytes, None).map_err(Error::internal)?)
            }
        };
        self.dictionary = Some(values.clone());
        if count > CARRIED || self.held() > CARRIED_BYTES {
            let keys = std::mem::take(&mut self.keys);
            let (says_nothing, is_identifier) = (self.says_nothing, self.is_identifier);
            *self = Self { says_nothing, is_identifier, keys, ..Self::new() };
        }
        if values.is_empty() {
            return Ok(new_null_array(&Kind::Text.data_type(), keys.len()));
        }
        let keys = Int32Array::try_new(ScalarBuffer::from(keys), nulls).map_err(Error::internal)?;
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).map_err(Error::internal)?))
    }
}

/// What a cleaned text says.
enum State {
    Blank,
    Withheld,
    Coarsened,
    Error,
    Value,
}

fn state(text: &str, rule: &LayoutColumn) -> State {
    if text.is_empty() {
        return State::Blank;
    }
    if rule.literal {
        return State::Value;
    }
    if is_withheld(text) || rule.withheld.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return State::Withheld;
    }
    if rule.blanks.iter().any(|word| word == text) {
        return State::Blank;
    }
    if is_coarsened(text) {
        return State::Coarsened;
    }
    if is_error_text(text) { State::Error } else { State::Value }
}

/// Released bytes as text without white space around it.
fn clean(bytes: &[u8]) -> (Cow<'_, str>, Option<Finding>) {
    let (text, odd) = match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), None),
        Err(_) => {
            (Cow::Owned(bytes.iter().map(|&byte| windows_1252(byte)).collect()), Some(Finding::NotUtf8))
        }
    };
    let is_odd = |letter: char| letter.is_control() && !letter.is_whitespace();
    // Nearly every text is of the letters that no rule is about.
    let is_plain = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    if !is_plain && text.contains(is_odd) {
        let text: String = text.chars().filter(|&letter| !is_odd(letter)).collect();
        return (Cow::Owned(text.trim().to_owned()), odd.or(Some(Finding::Control)));
    }
    match text {
        Cow::Borrowed(text) => (Cow::Borrowed(text.trim()), odd),
        Cow::Owned(text) => (Cow::Owned(text.trim().to_owned()), odd),
    }
}

/// A text whose runs of white space are one blank each.
fn squeeze(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_plain = text.is_ascii() && !text.bytes().any(|byte| byte < b' ');
    if is_plain && !text.starts_with(' ') && memchr::memmem::find(text.as_bytes(), b"  ").is_none() {
        return text;
    }
    let mut before = ' ';
    let is_tight = text.chars().all(|letter| {
        let tight = !letter.is_whitespace() || (letter == ' ' && before != ' ');
        before = letter;
        tight
    });
    if is_tight { text } else { Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" ")) }
}

/// A byte of Windows-1252, the encoding of older exports.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    byte.checked_sub(0x80).and_then(|at| HIGH.get(usize::from(at))).copied().unwrap_or(char::from(byte))
}

/// A cell of the column that decides whether a row is kept, read on its own.
#[inline]
pub(crate) fn read_primary(cell: Cell<'_>, rule: &LayoutColumn) -> Reading<(i64, u32)> {
    match rule.kind {
        Kind::Date | Kind::Month => {
            let (moment, finding) = read_moment(cell, rule);
            (moment.map(|(day, second)| (i64::from(day), second)), finding)
        }
        _ => {
            let (count, finding) = read_count(cell, rule);
            (count.map(|count| (i64::from(count), TIME_UNKNOWN)), finding)
        }
    }
}

#[inline]
fn read_moment(cell: Cell<'_>, rule: &LayoutColumn) -> Reading<Moment> {
    match cell {
        Cell::Text(bytes) => {
            let moment = match rule.kind {
                Kind::Month => month_from_text(bytes).map(|day| (day, 0)),
                _ if rule.time.is_none() && !rule.two_digit_years => {
                    days_from_text(bytes).map(|day| (day, 0))
                }
                _ => moment_from_text(bytes, rule.two_digit_years)
                    .map(|(day, second)| (day, second.unwrap_or(TIME_UNKNOWN))),
            };
            match moment {
                Some(moment) => plausible(moment),
                None => (None, why_not(bytes, rule)),
            }
        }
        Cell::Day(day) => plausible((day, 0)),
        Cell::Moment { day, second } => plausible((day, second)),
        // A number that is not shown as a date may still be the day that a spreadsheet counts. One that would mean
        // a day before 1950 is a year or a count.
        Cell::Number(number) => match evenhand_workbook::moment_from_serial(number, rule.is_1904) {
            Some((day, _)) if day < FIRST_OF_1950 => (None, Some(Finding::Unreadable)),
            Some(moment) => match plausible(moment) {
                (Some(moment), None) => (Some(moment), Some(Finding::NumberAsDate)),
                other => other,
            },
            None => (None, Some(Finding::Unreadable)),
        },
        other => (None, not_text(other)),
    }
}

fn plausible(moment: Moment) -> Reading<Moment> {
    if PLAUSIBLE.contains(&moment.0) { (Some(moment), None) } else { (None, Some(Finding::Implausible)) }
}

fn month_from_text(bytes: &[u8]) -> Option<i32> {
    let text = bytes.trim_ascii();
    days_from_text(&[text, b"-01"].concat()).filter(|_| text.len() == 7)
}

fn read_count(cell: Cell<'_>, rule: &LayoutColumn) -> Reading<u32> {
    match cell {
        Cell::Text(bytes) => {
            let text = bytes.trim_ascii();
            let digits = match rule.kind {
                Kind::FiscalYear => fiscal_year(text),
                _ => Some(text),
            };
            let count = digits.and_then(count_from_text);
            (count, if count.is_some() { None } else { why_not(bytes, rule) })
        }
        Cell::Number(number) if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) => {
            (Some(number as u32), None)
        }
        other => (None, not_text(other)),
    }
}

/// Digits, with or without thousands separators where they belong.
fn count_from_text(text: &[u8]) -> Option<u32> {
    let separated = text.contains(&b',');
    let mut value: u32 = 0;
    let groups = text.split(|byte| *byte == b',').enumerate();
    for (at, group) in groups {
        let right_length =
            if at == 0 { !group.is_empty() && (!separated || group.len() <= 3) } else { group.len() == 3 };
        if !right_length {
            return None;
        }
        for byte in group {
            let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
            value = value.checked_mul(10)?.checked_add(digit)?;
        }
    }
    Some(value)
}

/// The year's digits of `FY2019 YTD`.
fn fiscal_year(text: &[u8]) -> Option<&[u8]> {
    let year = text.strip_prefix(b"FY").unwrap_or(text).trim_ascii_start();
    let (digits, rest) = year.split_at_checked(4)?;
    matches!(rest.trim_ascii(), b"" | b"YTD").then_some(digits)
}

fn read_number(cell: Cell<'_>, rule: &LayoutColumn) -> Reading<f64> {
    match cell {
        Cell::Text(bytes) => {
            let text = std::str::from_utf8(bytes).unwrap_or_default().trim();
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
            let number = if plain { text.parse::<f64>().ok() } else { amount(text) };
            let number = number.filter(|number| number.is_finite());
            (number, if number.is_some() { None } else { why_not(bytes, rule) })
        }
        Cell::Number(number) if number.is_finite() => (Some(number), None),
        other => (None, not_text(other)),
    }
}

/// An amount of money, `$5,000.00`.
fn amount(text: &str) -> Option<f64> {
    let text = text.strip_prefix('$')?.trim_start();
    let (whole, cents) = text.split_once('.').unwrap_or((text, ""));
    let whole = count_from_text(whole.as_bytes())?;
    let plain = cents.len() <= 2 && cents.bytes().all(|byte| byte.is_ascii_digit());
    if plain { format!("{whole}.{cents}0").parse().ok() } else { None }
}

fn read_flag(cell: Cell<'_>, rule: &LayoutColumn) -> Reading<bool> {
    match cell {
        Cell::Flag(flag) => (Some(flag), None),
        Cell::Text(bytes) if rule.kind == Kind::YearToDate => {
            (fiscal_year(bytes.trim_ascii()).map(|_| bytes.trim_ascii().ends_with(b"YTD")), None)
        }
        Cell::Text(bytes) => {
            let word = bytes.trim_ascii().to_ascii_lowercase();
            match word.as_slice() {
                b"yes" | b"y" | b"true" => (Some(true), None),
                b"no" | b"n" | b"false" => (Some(false), None),
                _ => (None, why_not(bytes, rule)),
            }
        }
        other => (None, not_text(other)),
    }
}

/// Why a text is not a value of the column's type.
fn why_not(bytes: &[u8], rule: &LayoutColumn) -> Option<Finding> {
    let (text, _) = clean(bytes);
    match state(&text, rule) {
        State::Blank => None,
        State::Withheld => Some(Finding::Withheld),
        State::Coarsened => Some(Finding::Coarsened),
        State::Error => Some(Finding::ErrorCell),
        State::Value if is_suppressed(&text) && rule.kind != Kind::Date => Some(Finding::Suppressed),
        State::Value => Some(Finding::Unreadable),
    }
}

/// Why a cell that is not text is not a value of the column's type.
fn not_text(cell: Cell<'_>) -> Option<Finding> {
    match cell {
        Cell::Blank => None,
        Cell::Error(_) => Some(Finding::ErrorCell),
        Cell::NoValue => Some(Finding::NoValue),
        Cell::Text(_) | Cell::Number(_) | Cell::Day(_) | Cell::Moment { .. } | Cell::Flag(_) => {
            Some(Finding::Unreadable)
        }
    }
}

/// A day as `2017-02-01`.
pub(crate) fn iso(day: i32) -> String {
    let epoch = evenhand_vocab::Month::from_days(day);
    let first = epoch.first_days();
    format!("{:04}-{:02}-{:02}", epoch.year(), epoch.month(), day.saturating_sub(first).saturating_add(1))
}

/// A second of a day as `2017-02-01 15:10:00`.
pub(crate) fn iso_moment(day: i32, second: u32) -> String {
    format!("{} {:02}:{:02}:{:02}", iso(day), second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> LayoutColumn {
        toml::from_str(&format!("name = \"x\"\n{text}")).unwrap()
    }

    fn texts(column: &mut Column, rows: usize) -> Vec<Option<String>> {
        let mut arrays = Vec::new();
        column.take(rows, &mut arrays).unwrap();
        let array = arrow::compute::cast(&arrays[0], &arrow::datatypes::DataType::Utf8).unwrap();
        let array = array.as_any().downcast_ref::<StringArray>().unwrap();
        array.iter().map(|text| text.map(str::to_owned)).collect()
    }

    #[test]
    fn five_states_of_a_count_are_kept_apart_and_none_is_zero() {
        let rule = rule("type = \"count\"");
        let read = |text: &str| read_count(Cell::Text(text.as_bytes()), &rule);
        assert_eq!(read("0"), (Some(0), None));
        assert_eq!(read(""), (None, None));
        assert_eq!(read("(b)(6)"), (None, Some(Finding::Withheld)));
        assert_eq!(read("<5"), (None, Some(Finding::Suppressed)));
        assert_eq!(read("#REF!"), (None, Some(Finding::ErrorCell)));
        assert_eq!(read("five"), (None, Some(Finding::Unreadable)));
        assert_eq!(read("1,234"), (Some(1234), None));
        assert_eq!(read("12,34").1, Some(Finding::Unreadable));
        assert_eq!(read("4294967296").1, Some(Finding::Unreadable));
        assert_eq!(read_count(Cell::Number(1.5), &rule).1, Some(Finding::Unreadable));
    }

    #[test]
    fn a_named_operation_is_told_from_none() {
        let mut column = Column::new(&rule("withheld_as = \"named\"\nblanks = [\"--\"]"));
        for cell in ["(B)(7)(E) ", "", "--", "Cross Check"] {
            column.push(Cell::Text(cell.as_bytes()));
        }
        let named = |text: &str| Some(text.to_owned());
        assert_eq!(texts(&mut column, 4), [named("named"), None, None, named("Cross Check")]);
        assert_eq!(column.filled, 2);
    }

    #[test]
    fn a_dictionary_grows_over_batches_and_is_trimmed() {
        let mut column = Column::new(&rule(""));
        assert_eq!(column.push(Cell::Text(b" A ")), None);
        assert_eq!(column.push(Cell::Text(b"[COARSENED]")), Some(Finding::Coarsened));
        assert_eq!(texts(&mut column, 2), [Some("A".to_owned()), None]);
        assert_eq!(column.push(Cell::Text(b"A")), None);
        assert_eq!(column.push(Cell::Text(b"St\x92s")), Some(Finding::NotUtf8));
        assert_eq!(column.push(Cell::Text(b"a\0b")), Some(Finding::Control));
        let all = ["A", "St’s", "ab"].map(|text| Some(text.to_owned()));
        assert_eq!(texts(&mut column, 3), all);
    }

    #[test]
    fn texts_that_differ_in_their_blanks_are_counted_as_held() {
        let mut column = Column::new(&rule(""));
        for blanks in 0..1000 {
            column.push(Cell::Text(format!("{}A", " ".repeat(blanks)).as_bytes()));
        }
        assert_eq!(column.held(), 1000 * 999 / 2 + 1000);
        assert_eq!(texts(&mut column, 1000), vec![Some("A".to_owned()); 1000]);
    }

    #[test]
    fn long_identifiers_are_not_carried_from_batch_to_batch() {
        let mut column = Column::new(&rule(""));
        let rows = MANY_NEW + 100;
        for row in 0..rows {
            column.push(Cell::Text(format!("{row:01000}").as_bytes()));
        }
        assert!(matches!(&column.values, Values::Text(text) if text.is_identifier));
        assert!(rows < CARRIED && column.held() > CARRIED_BYTES - 200_000);
        for row in 0..rows {
            column.push(Cell::Text(format!("{row:0999}").as_bytes()));
        }
        assert_eq!(texts(&mut column, 2 * rows).len(), 2 * rows);
        assert_eq!(column.held(), 0);
    }

    #[test]
    fn a_column_of_identifiers_is_read_as_any_other() {
        let rule = rule("");
        let (mut shared, mut plain) = (Column::new(&rule), Column::new(&rule));
        let rows = 3 * MANY_NEW;
        let text = |row: usize| match row % 50 {
            7 => "(b)(6)".to_owned(),
            9 => " 00011 ".to_owned(),
            // One comes again long after it was new.
            _ => format!("{:05}", row % (2 * MANY_NEW)),
        };
        let value = |row: usize| (row % 50 != 7).then(|| text(row).trim().to_owned());
        for batch in 0..2 {
            for row in 0..rows {
                let text = text(row + batch);
                let finding = (text == "(b)(6)").then_some(Finding::Withheld);
                let number =
                    if (row + batch) % 50 == 7 { 0 } else { u32::try_from(1 + row + batch).unwrap() };
                assert_eq!(shared.push_shared(number, || Cell::Text(text.as_bytes())), finding, "{row}");
                assert_eq!(plain.push(Cell::Text(text.as_bytes())), finding, "{row}");
            }
            let expected: Vec<_> = (0..rows).map(|row| value(row + batch)).collect();
            assert_eq!(texts(&mut shared, rows), expected);
            assert_eq!(texts(&mut plain, rows), expected);
        }
        assert_eq!(shared.filled, plain.filled);
        for column in [&shared, &plain] {
            assert!(matches!(&column.values, Values::Text(text) if text.is_identifier));
        }
    }

    #[test]
    fn a_year_to_date_is_a_year_and_a_flag() {
        let year = rule("type = \"fiscal_year\"");
        let flag = rule("type = \"year_to_date\"");
        for (text, expected) in
            [("FY2019 YTD", (Some(2019), Some(true))), ("FY2018", (Some(2018), Some(false)))]
        {
            let cell = Cell::Text(text.as_bytes());
            assert_eq!((read_count(cell, &year).0, read_flag(cell, &flag).0), expected);
        }
        assert_eq!(read_count(Cell::Text(b"FY2019 to date"), &year).1, Some(Finding::Unreadable));
    }

    #[test]
    fn a_serial_number_is_a_day() {
        let rule = rule("type = \"date\"");
        let first = days_from_text(b"2012-01-01").unwrap();
        let number = |number| read_moment(Cell::Number(number), &rule);
        assert_eq!(number(40_909.0), (Some((first, 0)), Some(Finding::NumberAsDate)));
        assert_eq!(number(40_909.5), (Some((first, 43_200)), Some(Finding::NumberAsDate)));
        for (number, finding) in [
            (2025.0, Finding::Unreadable),
            (60.0, Finding::Unreadable),
            (-1.0, Finding::Unreadable),
            (1e300, Finding::Unreadable),
            (99_999.0, Finding::Implausible),
        ] {
            assert_eq!(read_moment(Cell::Number(number), &rule), (None, Some(finding)), "{number}");
        }
        let mut later = rule.clone();
        later.is_1904 = true;
        let day = Some((first, 0));
        assert_eq!(read_moment(Cell::Number(39_447.0), &later), (day, Some(Finding::NumberAsDate)));
        let garbage = Cell::Text(b"06/14/0002 03:10 PM");
        assert_eq!(read_moment(garbage, &rule), (None, Some(Finding::Implausible)));
        let afternoon = Cell::Moment { day: first, second: 54_600 };
        assert_eq!(read_moment(afternoon, &rule), (Some((first, 54_600)), None));
        assert_eq!(iso(first), "2012-01-01");
        assert_eq!(afternoon.shown(), "2012-01-01 15:10:00");
    }
}
