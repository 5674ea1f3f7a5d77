//! Tables of the file with their places, and the report that collects what is wrong with them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{MAX_FILE_BYTES, Mode, one_of};
use crate::nearest::nearest;
use crate::problem::{MAX_PROBLEMS, cut};
use crate::words::Word;
use crate::{Date, Error, Geo, Interval, Lint, LintCode, Problem, ProblemCode};

/// Most syntax errors that are listed; after the first few they are echoes.
const MAX_SYNTAX: usize = 5;

/// Most characters of a found value that a message repeats.
const MAX_SHOWN: usize = 60;

/// The file as TOML.
pub(crate) fn parse_toml<'t>(text: &'t str, file: &str) -> Result<Spanned<DeTable<'t>>, Error> {
    if text.len() > MAX_FILE_BYTES {
        let found =
            if text.len() > MAX_FILE_BYTES + 1 { format!("{} bytes", text.len()) } else { "more".to_owned() };
        return Err(Error::whole_file(file, found, format!("a file of at most {MAX_FILE_BYTES} bytes")));
    }
    let report = Report::new(text, file, Mode::Strict);
    if let Some(at) = text.find('\0') {
        let (line, column) = report.place(at);
        let found = format!("a zero byte at line {line}, column {column}");
        return Err(Error::whole_file(file, found, "a text file"));
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(MAX_SYNTAX) {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        report.problem(ProblemCode::Syntax, at, "", message, "TOML", None);
    }
    report.finish().map(|_| table)
}

/// Problems and lints of one file.
pub(crate) struct Report<'t> {
    text: &'t str,
    file: &'t str,
    mode: Mode,
    line_starts: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
    omitted: Cell<usize>,
    lints: RefCell<Vec<Lint>>,
}

impl<'t> Report<'t> {
    pub(crate) fn new(text: &'t str, file: &'t str, mode: Mode) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self {
            text,
            file,
            mode,
            line_starts: std::iter::once(0).chain(breaks).collect(),
            problems: RefCell::default(),
            omitted: Cell::default(),
            lints: RefCell::default(),
        }
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub(crate) fn place(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= at).max(1);
        let before = self.text.get(self.line_starts[line - 1]..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    pub(super) fn problem(
        &self,
        code: ProblemCode,
        at: usize,
        path: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
        hint: Option<String>,
    ) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() >= MAX_PROBLEMS {
            self.omitted.set(self.omitted.get() + 1);
            return;
        }
        let (line, column) = self.place(at);
        let (file, path) = (self.file.to_owned(), path.to_owned());
        problems.push(Problem {
            code,
            file,
            line,
            column,
            path,
            found: found.into(),
            expected: expected.into(),
            hint,
        });
    }

    pub(super) fn lint(&self, code: LintCode, at: usize, path: &str, message: String, hint: Option<&str>) {
        let (line, column) = self.place(at);
        let (file, path, hint) = (self.file.to_owned(), path.to_owned(), hint.map(str::to_owned));
        self.lints.borrow_mut().push(Lint { code, file, line, column, path, message, hint });
    }

    /// Whether a hint is still worth its cost.
    fn has_room(&self) -> bool {
        self.problems.borrow().len() < MAX_PROBLEMS
    }

    /// The lints, or everything that is wrong; both in file order.
    pub(crate) fn finish(self) -> Result<Vec<Lint>, Error> {
        let mut problems = self.problems.into_inner();
        let mut lints = self.lints.into_inner();
        problems.sort_by(|a, b| (a.line, a.column, &a.path).cmp(&(b.line, b.column, &b.path)));
        // A value that is read twice is wrong once.
        problems.dedup();
        lints.sort_by_key(|lint| (lint.line, lint.column, lint.code));
        if problems.is_empty() { Ok(lints) } else { Err(Error::new(problems, self.omitted.get())) }
    }
}

/// The ids of one sort of thing.
pub(crate) struct Ids<'a> {
    sort: &'static str,
    known: BTreeSet<&'a str>,
}

impl<'a> Ids<'a> {
    pub(crate) fn new(sort: &'static str, ids: impl IntoIterator<Item = &'a str>) -> Self {
        Self { sort, known: ids.into_iter().collect() }
    }
}

/// A table of the file. It remembers which keys it was asked for; [`Table::finish`] reports the others.
pub(crate) struct Table<'t, 'r> {
    entries: Option<&'r DeTable<'t>>,
    /// Byte at which it begins.
    pub(super) at: usize,
    pub(super) path: String,
    pub(super) report: &'r Report<'t>,
    asked: RefCell<Vec<&'static str>>,
}

/// A value of the file.
pub(crate) struct Value<'t, 'r> {
    pub(super) value: &'r DeValue<'t>,
    pub(super) at: usize,
    end: usize,
    pub(super) path: String,
    pub(super) report: &'r Report<'t>,
}

impl<'t, 'r> Table<'t, 'r> {
    pub(crate) fn root(entries: &'r DeTable<'t>, report: &'r Report<'t>) -> Self {
        Self { entries: Some(entries), at: 0, path: String::new(), report, asked: RefCell::default() }
    }

    /// Stands for a table that is missing: it has been reported, so nothing in it is missed again.
    fn absent(&self, path: String) -> Self {
        Self { entries: None, at: self.at, path, report: self.report, asked: RefCell::default() }
    }

    fn key_path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of `key`, if it is there.
    pub(super) fn get(&self, key: &'static str) -> Option<Value<'t, 'r>> {
        self.asked.borrow_mut().push(key);
        let value = self.entries?.get(key)?;
        let span = value.span();
        let path = self.key_path(key);
        Some(Value { value: value.get_ref(), at: span.start, end: span.end, path, report: self.report })
    }

    /// The value of `key`, which must be there.
    fn need(&self, key: &'static str) -> Option<Value<'t, 'r>> {
        let value = self.get(key);
        if value.is_none() && self.entries.is_some() {
            self.report.problem(
                ProblemCode::MissingKey,
                self.at,
                &self.key_path(key),
                "nothing",
                "this key",
                None,
            );
        }
        value
    }

    /// Reports every key that was not asked for.
    pub(crate) fn finish(&self) {
        let asked = self.asked.borrow();
        for (key, _) in self.entries.into_iter().flat_map(DeTable::iter) {
            let name = key.get_ref().as_ref();
            if !asked.contains(&name) {
                self.unknown_key(name, key.span().start, &asked);
            }
        }
    }

    fn unknown_key(&self, name: &str, at: usize, asked: &[&'static str]) {
        let path = shorten(&self.key_path(name));
        if self.report.mode == Mode::Lenient {
            let message = "this key is not part of the format and is ignored".to_owned();
            return self.report.lint(LintCode::UnknownKey, at, &path, message, None);
        }
        // Past the last problem that is listed, only the count matters.
        let room = self.report.has_room();
        let near = room.then(|| nearest(name, asked.iter().copied())).flatten();
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        let expected = if room { self.keys_expected() } else { String::new() };
        self.report.problem(ProblemCode::UnknownKey, at, &path, "an unknown key", expected, hint);
    }

    fn keys_expected(&self) -> String {
        let asked = self.asked.borrow();
        let mut keys: Vec<&str> = asked.iter().copied().collect();
        keys.sort_unstable();
        keys.dedup();
        let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        format!("one of {}", keys.join(", "))
    }

    /// Reports the value of `key`, which was read before and does not do.
    pub(super) fn bad_value(&self, key: &'static str, expected: &str) {
        if let Some(value) = self.get(key).filter(Value::is_number) {
            value.bad(expected);
        }
    }

    /// A table under `key`, which must be there.
    pub(crate) fn table(&self, key: &'static str) -> Table<'t, 'r> {
        self.need(key).and_then(Value::into_table).unwrap_or_else(|| self.absent(self.key_path(key)))
    }

    /// A table under `key`, if there.
    pub(super) fn table_opt(&self, key: &'static str) -> Option<Table<'t, 'r>> {
        self.get(key).and_then(Value::into_table)
    }

    /// The tables of the array under `key`, which may be missing.
    pub(crate) fn tables_opt(&self, key: &'static str) -> Vec<Table<'t, 'r>> {
        let items = self.get(key).map(|value| value.items("an array of tables")).unwrap_or_default();
        items.into_iter().filter_map(Value::into_table).collect()
    }

    /// The tables of the array under `key`, which must be there.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Table<'t, 'r>> {
        self.need(key);
        self.tables_opt(key)
    }

    /// Names and values of a table whose keys are free.
    pub(super) fn free_texts(&self) -> Vec<(String, String)> {
        let entries = self.entries.into_iter().flat_map(DeTable::iter);
        entries
            .filter_map(|(key, value)| {
                let name = key.get_ref().to_string();
                let path = shorten(&self.key_path(&name));
                let span = value.span();
                let (value, report) = (value.get_ref(), self.report);
                let value = Value { value, at: span.start, end: span.end, path, report };
                value.text().map(|text| (name, text))
            })
            .collect()
    }

    /// The `id`: letters, digits and `. _ : -`, beginning with a letter or digit, so that it can stand in
    /// addresses and messages.
    pub(crate) fn id(&self) -> String {
        self.id_under("id")
    }

    /// An id under another key.
    pub(crate) fn id_under(&self, key: &'static str) -> String {
        let Some(value) = self.need(key) else { return String::new() };
        let Some(id) = value.text() else { return String::new() };
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if id.len() > 64 || !id.starts_with(|c: char| c.is_ascii_alphanumeric()) || !id.bytes().all(inner) {
            value.bad("an id of at most 64 letters, digits and `. _ : -`");
        }
        id
    }

    /// A text that must be there and must not be empty.
    pub(crate) fn text(&self, key: &'static str) -> String {
        let Some(value) = self.need(key) else { return String::new() };
        let Some(text) = value.text() else { return String::new() };
        if text.trim().is_empty() {
            value.bad("a text that is not empty");
        }
        text
    }

    pub(super) fn text_opt(&self, key: &'static str) -> Option<String> {
        self.get(key).and_then(|value| value.text())
    }

    /// A text that has only one value in this version of the format.
    pub(crate) fn fixed(&self, key: &'static str, expected: &'static str) -> String {
        let Some(value) = self.need(key) else { return String::new() };
        let Some(text) = value.text() else { return String::new() };
        if text != expected {
            value.bad(&format!("`{expected}`"));
        }
        text
    }

    /// A digest that must be there.
    pub(crate) fn need_sha256(&self, key: &'static str) -> String {
        self.need(key);
        self.sha256(key).unwrap_or_default()
    }

    pub(super) fn sha256(&self, key: &'static str) -> Option<String> {
        let value = self.get(key)?;
        let text = value.text()?;
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            value.bad("a SHA-256 in 64 lower-case hex digits");
        }
        Some(text)
    }

    pub(crate) fn flag(&self, key: &'static str) -> bool {
        self.need(key).and_then(|value| value.flag()).unwrap_or_default()
    }

    pub(super) fn flag_opt(&self, key: &'static str) -> Option<bool> {
        self.get(key).and_then(|value| value.flag())
    }

    pub(super) fn number(&self, key: &'static str) -> f64 {
        self.need(key).and_then(|value| value.number()).unwrap_or(f64::NAN)
    }

    pub(super) fn count(&self, key: &'static str) -> u32 {
        let Some(value) = self.need(key) else { return 0 };
        value.count().unwrap_or_default()
    }

    pub(super) fn word<T: Word>(&self, key: &'static str) -> T {
        self.need(key).and_then(|value| value.word()).unwrap_or(T::ALL[0])
    }

    pub(super) fn word_opt<T: Word>(&self, key: &'static str) -> Option<T> {
        self.get(key).and_then(|value| value.word())
    }

    pub(super) fn words<T: Word>(&self, key: &'static str) -> Vec<T> {
        self.list(key).iter().filter_map(Value::word).collect()
    }

    pub(crate) fn date(&self, key: &'static str) -> Date {
        self.need(key).and_then(|value| value.date()).unwrap_or_default()
    }

    pub(super) fn date_opt(&self, key: &'static str) -> Option<Date> {
        self.get(key).and_then(|value| value.date())
    }

    /// Two dates under two keys, the first not after the second.
    pub(super) fn date_pair(&self, first: &'static str, last: &'static str) -> (Date, Date) {
        let start = self.need(first).and_then(|value| value.date());
        let last = self.need(last);
        let end = last.as_ref().and_then(Value::date);
        if let (Some(start), Some(end), Some(value)) = (start, end, last)
            && start > end
        {
            value.bad(&format!("a day not before `{first}`, {start}"));
        }
        (start.unwrap_or_default(), end.unwrap_or_default())
    }

    /// Two dates in an array, the first not after the second.
    pub(super) fn date_span(&self, key: &'static str, required: bool) -> Option<(Date, Date)> {
        let value = if required { self.need(key) } else { self.get(key) }?;
        let [first, last] = value.pair("two dates, first and last day")?;
        let (start, end) = (first.date()?, last.date()?);
        if start > end {
            last.bad(&format!("a day not before {start}"));
        }
        Some((start, end))
    }

    /// Two numbers in an array, the first not above the second; missing when `required` is a problem.
    pub(super) fn interval(&self, key: &'static str, required: bool) -> Option<Interval> {
        let value = if required { self.need(key) } else { self.get(key) }?;
        let [low, high] = value.pair("two numbers, lower and upper end")?;
        let (lo, hi) = (low.number()?, high.number()?);
        if lo > hi {
            high.bad(&format!("a number not below {lo}"));
        }
        Some(Interval { lo, hi })
    }

    /// The items of an array that must be there.
    pub(super) fn list(&self, key: &'static str) -> Vec<Value<'t, 'r>> {
        self.need(key).map(|value| value.items("an array")).unwrap_or_default()
    }

    /// The items of an array, none if it is missing.
    pub(super) fn list_opt(&self, key: &'static str) -> Vec<Value<'t, 'r>> {
        self.get(key).map(|value| value.items("an array")).unwrap_or_default()
    }

    pub(super) fn geo(&self, key: &'static str) -> Vec<Geo> {
        let items = self.list(key);
        if items.is_empty()
            && let Some(value) = self.get(key).filter(|value| value.value.is_array())
        {
            value.bad("at least one place");
        }
        items.iter().filter_map(Value::geo).collect()
    }

    /// An id that must be there and name something.
    pub(super) fn reference(&self, key: &'static str, ids: &Ids<'_>) -> String {
        self.need(key).and_then(|value| value.reference(ids)).unwrap_or_default()
    }

    pub(super) fn reference_opt(&self, key: &'static str, ids: &Ids<'_>) -> Option<String> {
        self.get(key).and_then(|value| value.reference(ids))
    }

    /// Line of the file, from 1.
    pub(super) fn line(&self) -> usize {
        self.report.place(self.at).0
    }

    /// A problem with the value of `key`, or with the table if the key is not there.
    pub(super) fn problem(&self, code: ProblemCode, key: &'static str, found: String, expected: String) {
        let at = self.get(key).map_or(self.at, |value| value.at);
        self.report.problem(code, at, &self.key_path(key), found, expected, None);
    }

    /// A lint about the value of `key`, or about the table if the key is not there.
    pub(super) fn lint(&self, code: LintCode, key: &'static str, message: String, hint: Option<&str>) {
        let value = self.get(key);
        let at = value.as_ref().map_or(self.at, |value| value.at);
        let path = value.map_or_else(|| self.path.clone(), |value| value.path);
        self.report.lint(code, at, &path, message, hint);
    }
}

/// Reports ids that occur twice; `tables` and `ids` run in parallel.
pub(crate) fn unique(tables: &[Table<'_, '_>], ids: &[String]) {
    let mut seen = std::collections::BTreeMap::new();
    for (table, id) in tables.iter().zip(ids).filter(|(_, id)| !id.is_empty()) {
        if let Some(line) = seen.insert(id, table.line()) {
            let found = format!("`{}`, which line {line} has already", show(id));
            table.problem(ProblemCode::DuplicateId, "id", found, "an id of its own".to_owned());
        }
    }
}

impl<'t, 'r> Value<'t, 'r> {
    /// Reports the value as not what was expected.
    pub(super) fn bad(&self, expected: &str) {
        self.report.problem(ProblemCode::BadValue, self.at, &self.path, self.shown(), expected, None);
    }

    fn wrong_type<T>(&self, expected: &str, hint: Option<String>) -> Option<T> {
        let found = match self.value {
            DeValue::Array(_) => "an array".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
            other => format!("the {} {}", other.type_str(), self.shown()),
        };
        self.report.problem(ProblemCode::WrongType, self.at, &self.path, found, expected, hint);
        None
    }

    /// The value as the file writes it, cut and in backticks.
    fn shown(&self) -> String {
        let raw = self.report.text.get(self.at..self.end).unwrap_or_default();
        format!("`{}`", show(raw))
    }

    fn is_number(&self) -> bool {
        self.value.is_integer() || self.value.is_float()
    }

    pub(super) fn text(&self) -> Option<String> {
        match self.value.as_str() {
            Some(text) => Some(text.to_owned()),
            None => self.wrong_type("a text in quotes", None),
        }
    }

    fn flag(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.wrong_type("`true` or `false`", None))
    }

    pub(super) fn number(&self) -> Option<f64> {
        let number = match self.value {
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|i| i as f64)
            }
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            _ => return self.wrong_type("a number", None),
        };
        let number = number.filter(|number| !number.is_nan());
        if number.is_none() {
            self.bad("a number that fits");
        }
        number
    }

    fn count(&self) -> Option<u32> {
        let DeValue::Integer(integer) = self.value else { return self.wrong_type("a whole number", None) };
        let count = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        if count.is_none() {
            self.bad("a whole number, 0 or more");
        }
        count
    }

    pub(super) fn date(&self) -> Option<Date> {
        let hint = || "write it without quotes, as `2017-03-24`".to_owned();
        let Some(moment) = self.value.as_datetime() else { return self.wrong_type("a date", Some(hint())) };
        let (Some(date), None, None) = (moment.date, moment.time, moment.offset) else {
            return self.wrong_type("a date without a time", Some(hint()));
        };
        let fits = |date: toml::value::Date| {
            let year = i16::try_from(date.year).ok()?;
            Date::new(year, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
        };
        let day = fits(date);
        if day.is_none() {
            self.bad("a day of the calendar");
        }
        day
    }

    pub(super) fn word<T: Word>(&self) -> Option<T> {
        let text = self.text()?;
        let value = T::of(&text);
        if value.is_none() {
            let near =
                self.report.has_room().then(|| nearest(&text, T::ALL.iter().map(|v| v.word()))).flatten();
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            self.report.problem(
                ProblemCode::BadValue,
                self.at,
                &self.path,
                self.shown(),
                one_of::<T>(),
                hint,
            );
        }
        value
    }

    pub(super) fn geo(&self) -> Option<Geo> {
        let geo = Geo::of(&self.text()?);
        if geo.is_none() {
            self.bad(Geo::EXPECTED);
        }
        geo
    }

    /// The id, if it names something; else the problem is noted and the id is still given.
    pub(super) fn reference(&self, ids: &Ids<'_>) -> Option<String> {
        let id = self.text()?;
        if !ids.known.contains(id.as_str()) {
            let near = self.report.has_room().then(|| nearest(&id, ids.known.iter().copied())).flatten();
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            let expected = format!("the id of a {}", ids.sort);
            self.report.problem(
                ProblemCode::UnknownReference,
                self.at,
                &self.path,
                self.shown(),
                expected,
                hint,
            );
        }
        Some(id)
    }

    /// The items of an array, each with its position from 1 (or its id, for a table) in its path.
    pub(super) fn items(self, expected: &str) -> Vec<Value<'t, 'r>> {
        let Some(array) = self.value.as_array() else {
            return self.wrong_type(expected, None).unwrap_or_default();
        };
        let item = |(index, item): (usize, &'r Spanned<DeValue<'t>>)| {
            let id = item.get_ref().get("id").and_then(|id| id.get_ref().as_str());
            let name = id.map_or_else(|| (index + 1).to_string(), show);
            let span = item.span();
            let path = format!("{}[{name}]", self.path);
            Value { value: item.get_ref(), at: span.start, end: span.end, path, report: self.report }
        };
        array.iter().enumerate().map(item).collect()
    }

    fn pair(self, expected: &str) -> Option<[Value<'t, 'r>; 2]> {
        if self.value.as_array().is_none_or(|array| array.len() != 2) {
            return self.wrong_type(expected, None);
        }
        <[Value<'t, 'r>; 2]>::try_from(self.items(expected)).ok()
    }

    fn into_table(self) -> Option<Table<'t, 'r>> {
        let Some(entries) = self.value.as_table() else { return self.wrong_type("a table", None) };
        let asked = RefCell::default();
        Some(Table { entries: Some(entries), at: self.at, path: self.path, report: self.report, asked })
    }

    /// Byte of the file at which byte `inside` of this text stands, or the value's first byte where escapes
    /// make the two differ.
    pub(super) fn byte_of(&self, inside: usize) -> usize {
        let raw = self.report.text.get(self.at..self.end).unwrap_or_default();
        let text = self.value.as_str().unwrap_or_default();
        let quote = (1..=4).find(|quote| {
            let body = raw.get(*quote..*quote + text.len());
            raw.starts_with(['"', '\'']) && body == Some(text) && !text.is_empty()
        });
        quote.map_or(self.at, |quote| self.at + quote + inside)
    }
}

/// `text` without control characters, cut to what a message can hold.
pub(super) fn show(text: &str) -> String {
    cut(text, MAX_SHOWN)
}

/// A path that a hostile key cannot make endless.
fn shorten(path: &str) -> String {
    cut(path, 4 * MAX_SHOWN)
}
