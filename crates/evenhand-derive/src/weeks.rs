//! Rows by week, and how far two releases differ where both speak of a week.

use crate::{Error, Sink, out, read};
use arrow::array::{ArrayRef, AsArray, Date32Array, RecordBatch, UInt64Array};
use arrow::datatypes::{Date32Type, UInt64Type};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The table of weekly counts in a record.
pub const TABLE: &str = "release_weeks";

/// The primary date of each table that is counted.
const PRIMARY: [(&str, &str); 6] = [
    ("arrests", "apprehension_date"),
    ("detainers", "detainer_prepare_date"),
    ("detention_stints", "book_in_date"),
    ("encounters", "event_date"),
    ("removals", "departed_date"),
    ("risk_assessments", "rca_decision_date"),
];

/// Rows of one release by table and week, rows without a person or a repeat among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Weeks {
    /// By table and Monday (days since 1970).
    rows: BTreeMap<(String, i32), u64>,
}

impl Weeks {
    /// Counts a batch of a table; rows without a primary date are in no week.
    ///
    /// # Errors
    /// [`Error::Arrow`] when the date column holds no dates.
    pub fn take(&mut self, table: &str, batch: &RecordBatch) -> Result<(), Error> {
        let Some((_, date)) = PRIMARY.iter().find(|(name, _)| *name == table) else { return Ok(()) };
        let mut days = BTreeMap::<i32, u64>::new();
        let (mut last, mut run) = (None, 0);
        for day in read::days(batch, date)?.into_iter().chain([None]) {
            let week = day.map(monday);
            if week != last {
                if let Some(week) = last.filter(|_| run > 0) {
                    *days.entry(week).or_default() += run;
                }
                (last, run) = (week, 0);
            }
            run += 1;
        }
        for (week, rows) in days {
            *self.rows.entry((table.to_owned(), week)).or_default() += rows;
        }
        Ok(())
    }

    /// Adds the rows of another part of the release.
    pub fn merge(&mut self, other: Weeks) {
        for (week, rows) in other.rows {
            *self.rows.entry(week).or_default() += rows;
        }
    }

    /// Sends the counts as a table of the record.
    pub(crate) fn send(&self, release: &str, sink: &mut Sink<'_>) -> Result<(), Error> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let weeks = Date32Array::from_iter_values(self.rows.keys().map(|(_, week)| *week));
        let rows: ArrayRef = Arc::new(UInt64Array::from_iter_values(self.rows.values().copied()));
        let columns = vec![
            ("release", out::words(self.rows.keys().map(|_| Some(release)))),
            ("table", out::words(self.rows.keys().map(|(table, _)| Some(table.as_str())))),
            ("week", Arc::new(weeks) as ArrayRef),
            ("rows", rows),
        ];
        out::send(sink, TABLE, columns)
    }

    /// The counts of a batch of the record's table, by release.
    ///
    /// # Errors
    /// [`Error::Column`] when it is another table.
    pub fn read(batch: &RecordBatch, into: &mut BTreeMap<String, Weeks>) -> Result<(), Error> {
        let column = |name: &'static str| {
            batch.column_by_name(name).ok_or_else(|| Error::Column { table: TABLE.to_owned(), column: name })
        };
        let releases = read::strings(column("release")?)?;
        let tables = read::strings(column("table")?)?;
        let lacks = |column| Error::Column { table: TABLE.to_owned(), column };
        let weeks = column("week")?.as_primitive_opt::<Date32Type>().ok_or_else(|| lacks("week"))?;
        let rows = column("rows")?.as_primitive_opt::<UInt64Type>().ok_or_else(|| lacks("rows"))?;
        for (at, (release, table)) in releases.into_iter().zip(tables).enumerate() {
            let (Some(release), Some(table)) = (release, table) else { continue };
            let of_release = into.entry(release).or_default();
            *of_release.rows.entry((table, weeks.value(at))).or_default() += rows.value(at);
        }
        Ok(())
    }

    fn of(&self, table: &str) -> BTreeMap<i32, u64> {
        let first = (table.to_owned(), i32::MIN);
        let weeks = self.rows.range(first..).take_while(|((name, _), _)| name == table);
        weeks.map(|((_, week), rows)| (*week, *rows)).collect()
    }
}

/// A table that two releases have for the same weeks. Their rows are not matched: identifiers are drawn anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlap {
    /// The table.
    pub table: String,
    /// The two releases, in the order of their ids.
    pub releases: [String; 2],
    /// First Monday and last Sunday of the whole weeks that both cover, in days since 1970.
    pub window: [i32; 2],
    /// Weeks in it.
    pub weeks: u32,
    /// Weeks whose counts differ.
    pub weeks_that_differ: u32,
    /// Rows of each in these weeks.
    pub rows: [u64; 2],
    /// The largest difference of a week as a share of the larger count; 0 where all weeks are equal.
    pub largest_difference: f64,
    /// The Monday of that week, and the rows of each in it.
    pub largest: Option<(i32, [u64; 2])>,
}

/// Compares every two releases, table by table, in the whole weeks that both cover. `window` gives the first and last
/// day of a release where they are known; else it is what the table's rows span.
#[must_use]
pub fn overlaps(
    releases: &BTreeMap<String, Weeks>,
    window: impl Fn(&str) -> Option<(i32, i32)>,
) -> Vec<Overlap> {
    let mut found = Vec::new();
    for (at, (one, weeks_of_one)) in releases.iter().enumerate() {
        for (two, weeks_of_two) in releases.iter().skip(at + 1) {
            for (table, _) in PRIMARY {
                let covered = |release: &str, weeks: &BTreeMap<i32, u64>| whole_weeks(weeks, window(release));
                let (a, b) = (weeks_of_one.of(table), weeks_of_two.of(table));
                let (Some(of_one), Some(of_two)) = (covered(one, &a), covered(two, &b)) else { continue };
                let (first, last) = (of_one.0.max(of_two.0), of_one.1.min(of_two.1));
                if first <= last {
                    let releases = [one.clone(), two.clone()];
                    found.push(compared(table, releases, (first, last), &a, &b));
                }
            }
        }
    }
    found
}

fn compared(
    table: &str,
    releases: [String; 2],
    (first, last): (i32, i32),
    a: &BTreeMap<i32, u64>,
    b: &BTreeMap<i32, u64>,
) -> Overlap {
    let mut overlap = Overlap {
        table: table.to_owned(),
        releases,
        window: [first, last + 6],
        weeks: 0,
        weeks_that_differ: 0,
        rows: [0, 0],
        largest_difference: 0.0,
        largest: None,
    };
    for week in (first..=last).step_by(7) {
        let rows = [a, b].map(|weeks| weeks.get(&week).copied().unwrap_or(0));
        overlap.weeks += 1;
        overlap.weeks_that_differ += u32::from(rows[0] != rows[1]);
        overlap.rows[0] += rows[0];
        overlap.rows[1] += rows[1];
        let larger = rows[0].max(rows[1]);
        let share = if larger == 0 { 0.0 } else { rows[0].abs_diff(rows[1]) as f64 / larger as f64 };
        if share > overlap.largest_difference {
            overlap.largest_difference = share;
            overlap.largest = Some((week, rows));
        }
    }
    overlap
}

/// First and last Monday of the weeks that lie whole in the window and have rows from one to the other.
fn whole_weeks(weeks: &BTreeMap<i32, u64>, window: Option<(i32, i32)>) -> Option<(i32, i32)> {
    let inside = |week: &&i32| window.is_none_or(|(first, last)| **week + 6 >= first && **week <= last);
    let mut filled = weeks.keys().filter(inside);
    let (low, high) = (*filled.next()?, filled.next_back().copied());
    let high = high.unwrap_or(low);
    // The first and the last week may have begun or ended outside the table's rows.
    match window {
        Some((first, last)) => {
            let first = if monday(first) == first { first } else { monday(first) + 7 };
            Some((low.max(first), high.min(monday(last - 6))))
        }
        None => Some((low + 7, high - 7)),
    }
}

fn monday(day: i32) -> i32 {
    // Day 0, the first of January 1970, was a Thursday.
    day - (day + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weeks(days: &[(i32, u64)]) -> Weeks {
        Weeks { rows: days.iter().map(|(day, rows)| (("arrests".to_owned(), monday(*day)), *rows)).collect() }
    }

    #[test]
    fn only_whole_weeks_that_both_cover_are_compared() {
        // Day 4 is a Monday.
        let one = weeks(&[(4, 9), (11, 10), (18, 20), (25, 5)]);
        let two = weeks(&[(11, 8), (18, 20), (25, 90), (32, 1)]);
        let both = BTreeMap::from([("a".to_owned(), one), ("b".to_owned(), two)]);
        // The second begins on a Wednesday, the first ends on a Saturday.
        let window = |release: &str| Some(if release == "a" { (4, 30) } else { (6, 40) });
        let found = overlaps(&both, window);
        let expected = Overlap {
            table: "arrests".to_owned(),
            releases: ["a".to_owned(), "b".to_owned()],
            window: [11, 24],
            weeks: 2,
            weeks_that_differ: 1,
            rows: [30, 28],
            largest_difference: 0.2,
            largest: Some((11, [10, 8])),
        };
        assert_eq!(found, [expected]);
        assert_eq!(overlaps(&both, |_| None)[0].window, [18, 24]);
    }

    #[test]
    fn a_week_that_one_release_lacks_differs_whole() {
        let both = BTreeMap::from([
            ("a".to_owned(), weeks(&[(4, 9), (18, 20)])),
            ("b".to_owned(), weeks(&[(4, 9), (11, 8), (18, 20)])),
        ]);
        let found = overlaps(&both, |_| Some((4, 24)));
        assert_eq!((found[0].largest, found[0].largest_difference), (Some((11, [0, 8])), 1.0));
    }

    #[test]
    fn mondays_are_mondays() {
        assert_eq!([-4, -3, 0, 3, 4, 10].map(monday), [-10, -3, -3, -3, 4, 4]);
    }
}
