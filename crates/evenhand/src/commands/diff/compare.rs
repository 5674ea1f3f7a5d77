//! Two sides, compared: nothing here reads a file.

use super::side::{Side, Table};
use crate::table::{self, thousands};
use evenhand_vocab::Month;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A word with fewer rows is shown without their number.
const FEWEST: u64 = 11;
/// Difference between two shares of filled cells, in points, from which a column is told.
const SHARE_TOLD: f64 = 1.0;
/// Weeks and words told in the text; JSON and CSV have all.
const TOLD: usize = 5;
/// What moves a verdict.
const OF_A_VERDICT: [&str; 4] = ["status", "modifiers", "confidence", "say"];

/// What differs between two sides.
pub struct Comparison {
    names: [String; 2],
    releases: [Vec<String>; 2],
    /// Releases of both with the same files.
    same_files: Vec<String>,
    tables: Vec<TableDiff>,
    pub verdicts: Option<Vec<Moved>>,
    /// Weeks too new to be shown.
    pub weeks_left_out: usize,
}

/// What differs in one table.
struct TableDiff {
    name: String,
    rows: [u64; 2],
    columns: Vec<Column>,
    words: Vec<Word>,
    /// Monday, and rows on each side, from the first week that both have to the last.
    weeks: Vec<(i32, [u64; 2])>,
}

/// A column: its type on each side, `None` where it is missing, and the share of rows with a value.
struct Column {
    name: String,
    kinds: [Option<String>; 2],
    filled: [f64; 2],
}

/// A word that one side has and the other lacks.
struct Word {
    column: String,
    word: String,
    rows: [u64; 2],
}

/// A verdict that is another on the other side.
pub struct Moved {
    claim: String,
    what: Vec<(&'static str, Value, Value)>,
}

impl Comparison {
    /// Compares two sides; weeks with a day after `last_day` are left out.
    pub fn of(a: &Side, b: &Side, last_day: i32) -> Comparison {
        let none = Table::default();
        let names = a.tables.keys().chain(b.tables.keys()).collect::<BTreeSet<_>>();
        let mut weeks_left_out = 0;
        let tables = names.into_iter().map(|name| {
            let tables = [a, b].map(|side| side.tables.get(name).unwrap_or(&none));
            let (diff, left_out) = TableDiff::of(name, tables, last_day);
            weeks_left_out += left_out;
            diff
        });
        let tables = tables.collect();
        let same = |id: &&String| b.releases.get(*id) == a.releases.get(*id);
        Comparison {
            names: [a, b].map(|side| side.name.clone()),
            releases: [a, b].map(|side| side.releases.keys().cloned().collect()),
            same_files: a.releases.keys().filter(same).cloned().collect(),
            tables,
            verdicts: None,
            weeks_left_out,
        }
    }

    /// For a person.
    pub fn as_text(&self) -> String {
        let mut text = String::new();
        // A String takes every write.
        for (side, (name, releases)) in ["a", "b"].iter().zip(self.names.iter().zip(&self.releases)) {
            _ = writeln!(text, "{side}: {name} ({})", releases.join(", "));
        }
        if !self.same_files.is_empty() {
            _ = writeln!(text, "the same files on both sides: {}", self.same_files.join(", "));
        }
        let mut rows = table::Table::new(&["table", ">rows a", ">rows b", ">change"]);
        for table in &self.tables {
            let [a, b] = table.rows;
            rows.row([table.name.clone(), thousands(a), thousands(b), percent(a, b)]);
        }
        _ = write!(text, "\n{}", rows.print());
        for table in self.tables.iter().filter(|table| !table.is_same()) {
            table.tell(&mut text);
        }
        if let Some(moved) = &self.verdicts {
            _ = writeln!(text, "\nverdicts of the built-in docket: {} moved", moved.len());
            for verdict in moved {
                for (what, a, b) in &verdict.what {
                    _ = writeln!(text, "  {} {what}: {} -> {}", verdict.claim, plain(a), plain(b));
                }
            }
        }
        text
    }

    /// `diff/1`.
    pub fn as_json(&self) -> Value {
        let side = |at: usize| json!({"name": self.names[at], "releases": self.releases[at]});
        let moved = self.verdicts.as_ref().map(|moved| moved.iter().map(Moved::as_json).collect::<Vec<_>>());
        json!({
            "schema": "diff/1", "a": side(0), "b": side(1), "same_files": self.same_files,
            "tables": self.tables.iter().map(TableDiff::as_json).collect::<Vec<_>>(),
            "weeks_left_out": self.weeks_left_out, "verdicts": moved,
        })
    }

    /// The weeks of every table.
    pub fn as_csv(&self) -> String {
        let mut text = "table,week,a,b\n".to_owned();
        for table in &self.tables {
            for (monday, [a, b]) in &table.weeks {
                _ = writeln!(text, "{},{},{a},{b}", table.name, day(*monday));
            }
        }
        text
    }
}

impl TableDiff {
    fn of(name: &str, [a, b]: [&Table; 2], last_day: i32) -> (TableDiff, usize) {
        let columns = a.columns.keys().chain(b.columns.keys()).collect::<BTreeSet<_>>();
        let columns = columns.into_iter().map(|name| Column {
            name: name.clone(),
            kinds: [a, b].map(|table| table.columns.get(name).map(|(kind, _)| kind.clone())),
            filled: [a, b]
                .map(|table| share(table.columns.get(name).map_or(0, |(_, filled)| *filled), table.rows)),
        });
        let mut words = Vec::new();
        let listed = a.words.keys().chain(b.words.keys()).collect::<BTreeSet<_>>();
        for column in listed {
            let sides = [a, b].map(|table| table.words.get(column));
            // A column that one side lacks as a whole is told as such.
            let (Some(of_a), Some(of_b)) = (sides[0], sides[1]) else { continue };
            let all = of_a.keys().chain(of_b.keys()).collect::<BTreeSet<_>>();
            words.extend(all.into_iter().filter_map(|word| {
                let rows = [of_a, of_b].map(|words| words.get(word).copied().unwrap_or(0));
                rows.contains(&0).then(|| Word { column: column.clone(), word: word.clone(), rows })
            }));
        }
        words.sort_by_key(|word| (word.column.clone(), std::cmp::Reverse(word.rows[0].max(word.rows[1]))));
        let (weeks, left_out) = weeks(a, b, last_day);
        (
            TableDiff {
                name: name.to_owned(),
                rows: [a.rows, b.rows],
                columns: columns.collect(),
                words,
                weeks,
            },
            left_out,
        )
    }

    fn is_same(&self) -> bool {
        let [a, b] = self.rows;
        a == b
            && self.words.is_empty()
            && self.weeks.iter().all(|(_, [a, b])| a == b)
            && self.columns.iter().all(|column| !column.is_told())
    }

    fn tell(&self, text: &mut String) {
        _ = writeln!(text, "\n{}", self.name);
        for (side, at, other) in [("a", 0, 1), ("b", 1, 0)] {
            let only = |column: &&Column| column.kinds[at].is_some() && column.kinds[other].is_none();
            let only =
                self.columns.iter().filter(only).map(|column| column.name.as_str()).collect::<Vec<_>>();
            if !only.is_empty() && self.rows[other] > 0 {
                _ = writeln!(text, "  columns of {side} only: {}", only.join(", "));
            }
        }
        for column in self.columns.iter().filter(|column| column.is_told()) {
            match &column.kinds {
                [Some(a), Some(b)] if a != b => {
                    _ = writeln!(text, "  type of {}: {a} in a, {b} in b", column.name)
                }
                [Some(_), Some(_)] => {
                    let [a, b] = column.filled;
                    _ = writeln!(
                        text,
                        "  {} has a value in {a:.1} % of the rows of a, {b:.1} % of b",
                        column.name
                    );
                }
                _ => {}
            }
        }
        for (side, at, other) in [("a", 0, 1), ("b", 1, 0)] {
            let only = self.words.iter().filter(|word| word.rows[other] == 0).collect::<Vec<_>>();
            for word in only.iter().take(TOLD) {
                let rows = shown(word.rows[at]).map_or(format!("fewer than {FEWEST}"), thousands);
                _ = writeln!(text, "  {} of {side} only: `{}`, {rows} rows", word.column, word.word);
            }
            if only.len() > TOLD {
                _ = writeln!(text, "  and {} more words of {side} only (--json has all)", only.len() - TOLD);
            }
        }
        self.tell_weeks(text);
    }

    fn tell_weeks(&self, text: &mut String) {
        let (Some(first), Some(last)) = (self.weeks.first(), self.weeks.last()) else { return };
        let equal = self.weeks.iter().filter(|(_, [a, b])| a == b).count();
        let sum = |at: usize| self.weeks.iter().map(|(_, rows)| rows[at]).sum::<u64>();
        let (a, b) = (sum(0), sum(1));
        _ = writeln!(
            text,
            "  weeks {} to {}, which both have: {equal} of {} equal; {} rows in a, {} in b ({})",
            day(first.0),
            day(last.0),
            self.weeks.len(),
            thousands(a),
            thousands(b),
            percent(a, b),
        );
        let mut apart = self.weeks.iter().filter(|(_, [a, b])| a != b).collect::<Vec<_>>();
        apart.sort_by_key(|(monday, [a, b])| (std::cmp::Reverse(a.abs_diff(*b)), *monday));
        if apart.is_empty() {
            return;
        }
        let mut table = table::Table::new(&["furthest apart", ">a", ">b", ">change"]);
        for (monday, [a, b]) in apart.into_iter().take(TOLD) {
            table.row([day(*monday), thousands(*a), thousands(*b), percent(*a, *b)]);
        }
        for line in table.print().lines() {
            _ = writeln!(text, "  {line}");
        }
    }

    fn as_json(&self) -> Value {
        let columns = self.columns.iter().map(
            |column| json!({"name": column.name, "types": column.kinds, "filled_percent": column.filled}),
        );
        let words = self.words.iter().map(|word| {
            let rows = word.rows.map(|rows| if rows == 0 { Some(0) } else { shown(rows) });
            json!({"column": word.column, "word": word.word, "rows": rows})
        });
        let weeks = self.weeks.iter().map(|(monday, rows)| json!({"week": day(*monday), "rows": rows}));
        json!({
            "table": self.name, "rows": self.rows, "columns": columns.collect::<Vec<_>>(),
            "words": words.collect::<Vec<_>>(), "weeks": weeks.collect::<Vec<_>>(),
        })
    }
}

impl Column {
    /// Whether the two sides differ enough to say so.
    fn is_told(&self) -> bool {
        let [a, b] = &self.kinds;
        a != b || (self.filled[0] - self.filled[1]).abs() >= SHARE_TOLD
    }
}

impl Moved {
    fn as_json(&self) -> Value {
        let what = self.what.iter().map(|(what, a, b)| ((*what).to_owned(), json!({"a": a, "b": b})));
        json!({"claim": self.claim, "moved": what.collect::<serde_json::Map<_, _>>()})
    }
}

/// The verdicts of two documents that are not the same.
pub fn verdicts(a: &[Value], b: &[Value]) -> Vec<Moved> {
    let moved = a.iter().filter_map(|one| {
        let other = b.iter().find(|other| other["claim"] == one["claim"])?;
        let differ = OF_A_VERDICT.into_iter().filter(|key| one[*key] != other[*key]);
        let what = differ.map(|key| (key, one[key].clone(), other[key].clone())).collect::<Vec<_>>();
        (!what.is_empty()).then(|| Moved { claim: plain(&one["claim"]), what })
    });
    moved.collect()
}

/// The weeks from the first that both have to the last, without those that end after `last_day`; and how many these
/// are.
fn weeks(a: &Table, b: &Table, last_day: i32) -> (Vec<(i32, [u64; 2])>, usize) {
    // Garbage dates make lonely weeks: a side's weeks begin where a hundredth of its rows lie before, and end so.
    let (Some(of_a), Some(of_b)) = (span(a), span(b)) else { return (Vec::new(), 0) };
    let (first, last) = (of_a.0.max(of_b.0), of_a.1.min(of_b.1));
    let mondays = (first..=last).step_by(7);
    let shown = |monday: &i32| monday.saturating_add(6) <= last_day;
    let left_out = mondays.clone().filter(|monday| !shown(monday)).count();
    let rows = |monday: i32| [a, b].map(|table| table.weeks.get(&monday).copied().unwrap_or(0));
    (mondays.filter(shown).map(|monday| (monday, rows(monday))).collect(), left_out)
}

/// The first and last week of a table, but for a ten-thousandth of its rows at either end.
fn span(table: &Table) -> Option<(i32, i32)> {
    let all = table.weeks.values().sum::<u64>();
    Some((edge(table.weeks.iter(), all)?, edge(table.weeks.iter().rev(), all)?))
}

/// The first week up to which there are more than a ten-thousandth of all rows.
fn edge<'t>(mut weeks: impl Iterator<Item = (&'t i32, &'t u64)>, all: u64) -> Option<i32> {
    let mut before: u64 = 0;
    let is_inside = |(_, rows): &(&i32, &u64)| {
        before += **rows;
        before.saturating_mul(10_000) > all
    };
    weeks.find(is_inside).map(|(monday, _)| *monday)
}

fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 * 100.0 / all as f64 }
}

/// A number of rows, unless it is small.
fn shown(rows: u64) -> Option<u64> {
    (rows >= FEWEST).then_some(rows)
}

fn percent(a: u64, b: u64) -> String {
    match (a, b) {
        _ if a == b => "=".to_owned(),
        (0, _) => "new".to_owned(),
        _ => format!("{:+.1} %", (b as f64 / a as f64 - 1.0) * 100.0),
    }
}

/// A day as `2017-02-01`.
fn day(days: i32) -> String {
    let month = Month::from_days(days);
    format!(
        "{:04}-{:02}-{:02}",
        month.year(),
        month.month(),
        days.saturating_sub(month.first_days()).saturating_add(1)
    )
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(weeks: &[(i32, u64)]) -> Table {
        Table {
            rows: weeks.iter().map(|(_, rows)| rows).sum(),
            weeks: weeks.iter().copied().collect(),
            ..Table::default()
        }
    }

    #[test]
    fn the_weeks_are_those_that_both_have_without_stray_dates() {
        // A week of 1987 with one row of 40,001 is a garbage date.
        let a = table(&[(6_300, 1), (17_500, 20_000), (17_507, 10_000), (17_514, 10_000)]);
        let b = table(&[(17_507, 9_000), (17_514, 10_000), (17_521, 400)]);
        let (found, left_out) = weeks(&a, &b, 17_521);
        assert_eq!((found, left_out), (vec![(17_507, [10_000, 9_000]), (17_514, [10_000, 10_000])], 0));
        let (found, left_out) = weeks(&a, &b, 17_519);
        assert_eq!((found.len(), left_out), (1, 1), "the last week has a day that is too new");
    }

    #[test]
    fn small_numbers_of_rows_are_not_shown() {
        assert_eq!((shown(10), shown(11)), (None, Some(11)));
        assert_eq!([percent(4, 5), percent(0, 5), percent(5, 5)], ["+25.0 %", "new", "="]);
        assert_eq!(day(17_198), "2017-02-01");
    }
}
