//! The whole pass against a slow reference that restates each rule over all pairs.

use arrow::array::{ArrayRef, UInt32Array, UInt64Array};
use arrow::array::{AsArray, Date32Array, DictionaryArray, Float64Array, RecordBatch, TimestampSecondArray};
use arrow::datatypes::{Int32Type, TimestampSecondType, UInt32Type, UInt64Type};
use evenhand_derive::{Linker, Rule, Rules};
use evenhand_ledger::Step;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Noon of 2025-01-01.
const START: i64 = 1_735_732_800;
const HOUR: i64 = 3_600;
const END: i32 = 20_500;

#[derive(Debug, Clone)]
struct Stint {
    person: Option<u8>,
    stay: i64,
    book_in: i64,
    book_out: Option<i64>,
    facility: u8,
    bond: Option<u8>,
}

#[derive(Debug, Clone)]
struct Arrest {
    person: Option<u8>,
    hour: i64,
    reprocessed: bool,
}

type Output = BTreeMap<&'static str, Vec<RecordBatch>>;

fn id(person: Option<u8>) -> Option<String> {
    person.map(|person| format!("{person:040}"))
}

fn text(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    let values = values.collect::<Vec<_>>();
    Arc::new(values.iter().map(Option::as_deref).collect::<DictionaryArray<Int32Type>>())
}

fn batch(file: &str, first: usize, rows: usize, columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let place = |name: &str| text((0..rows).map(|_| Some(name.to_owned())));
    let row = UInt32Array::from_iter_values((0..rows).map(|row| (first + row) as u32));
    let mut all = vec![("file_original", place(file)), ("sheet_original", place("s"))];
    all.push(("row_original", Arc::new(row)));
    all.extend(columns);
    RecordBatch::try_from_iter_with_nullable(all.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

fn arrest_batch(file: &str, first: usize, rows: &[Arrest]) -> RecordBatch {
    let seconds = || rows.iter().map(|row| START + row.hour * HOUR);
    let method = |row: &Arrest| if row.reprocessed { "ERO Reprocessed Arrest" } else { "Located" };
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "apprehension_date",
            Arc::new(seconds().map(|s| Some(s.div_euclid(86_400) as i32)).collect::<Date32Array>()),
        ),
        ("apprehension_date_time", Arc::new(seconds().map(Some).collect::<TimestampSecondArray>())),
        ("apprehension_method", text(rows.iter().map(|row| Some(method(row).to_owned())))),
        ("person_id", text(rows.iter().map(|row| id(row.person)))),
    ];
    batch(file, first, rows.len(), columns)
}

fn stint_batch(file: &str, first: usize, rows: &[Stint]) -> RecordBatch {
    let time = |of: fn(&Stint) -> Option<i64>| -> ArrayRef {
        let seconds = rows.iter().map(|row| of(row).map(|hour| START + hour * HOUR));
        Arc::new(seconds.collect::<TimestampSecondArray>())
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("stay_book_in_date_time", time(|row| Some(row.stay))),
        ("book_in_date_time", time(|row| Some(row.book_in))),
        ("book_out_date_time", time(|row| row.book_out)),
        ("detention_facility_code", text(rows.iter().map(|row| Some(format!("F{}", row.facility))))),
        (
            "bond_posted_amount",
            Arc::new(rows.iter().map(|row| row.bond.map(f64::from)).collect::<Float64Array>()),
        ),
        ("person_id", text(rows.iter().map(|row| id(row.person)))),
    ];
    batch(file, first, rows.len(), columns)
}

fn derive(batches: &[(&str, RecordBatch)], rules: &Rules) -> (Output, Vec<Step>) {
    let mut all = Linker::default();
    for (table, batch) in batches {
        let mut one = Linker::default();
        one.take(table, batch).unwrap();
        all.merge(one).unwrap();
    }
    let mut output = Output::new();
    let mut sink = |table, batch| {
        output.entry(table).or_default().push(batch);
        Ok(())
    };
    let steps = all.finish("ice-r2026mar", END, rules, &mut sink).unwrap();
    steps.iter().for_each(|step| step.tally.check(&step.name).unwrap());
    (output, steps)
}

fn texts(output: &Output, table: &str, column: &str) -> Vec<Option<String>> {
    let mut all = Vec::new();
    for batch in output.get(table).into_iter().flatten() {
        let column = batch.column_by_name(column).unwrap().as_dictionary::<Int32Type>();
        let values = column.values().as_string::<i32>();
        all.extend(column.keys().iter().map(|key| key.map(|key| values.value(key as usize).to_owned())));
    }
    all
}

fn rows(output: &Output, table: &str) -> Vec<u32> {
    let batches = output.get(table).into_iter().flatten();
    batches
        .flat_map(|b| {
            b.column_by_name("row_original").unwrap().as_primitive::<UInt32Type>().values().to_vec()
        })
        .collect()
}

fn numbers(output: &Output, table: &str, column: &str) -> Vec<Option<u64>> {
    let column = |b: &RecordBatch| -> UInt64Array {
        b.column_by_name(column).unwrap().as_primitive::<UInt64Type>().clone()
    };
    output.get(table).into_iter().flatten().flat_map(|b| column(b).iter().collect::<Vec<_>>()).collect()
}

#[test]
fn gaps_of_a_day_chain_and_the_first_row_is_kept() {
    let row = |person, hour| Arrest { person, hour, reprocessed: false };
    let arrests =
        [row(Some(1), 0), row(Some(1), 24), row(Some(1), 47), row(Some(1), 72), row(None, 0), row(None, 0)];
    let (output, steps) = derive(&[("arrests", arrest_batch("a", 8, &arrests))], &Rules::default());
    assert_eq!(numbers(&output, "arrest_episodes", "episode"), [1, 1, 1, 2, 3, 4].map(Some));
    let kinds = texts(&output, "arrest_episodes", "kind").into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(kinds, ["kept", "exact_but_time", "exact_but_time", "kept", "unknown", "unknown"]);
    assert_eq!((steps[0].tally.rows_read, steps[0].tally.rows_kept), (6, 4));
    let off = Rules { without: [Rule::ArrestEpisodes].into() };
    let (output, _) = derive(&[("arrests", arrest_batch("a", 8, &arrests))], &off);
    assert_eq!(numbers(&output, "arrest_episodes", "episode"), [1, 2, 3, 4, 5, 6].map(Some));
}

#[test]
fn detainers_of_consecutive_days_repeat_only_when_alike() {
    let days = [20_000, 20_001, 20_002, 20_002, 20_004];
    let types = ["A", "A", "B", "A", "A"];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("detainer_prepare_date", Arc::new(Date32Array::from_iter_values(days))),
        ("detainer_type", text(types.iter().map(|kind| Some((*kind).to_owned())))),
        ("person_id", text(days.iter().map(|_| id(Some(1))))),
    ];
    let (output, _) = derive(&[("detainers", batch("d", 8, 5, columns))], &Rules::default());
    assert_eq!(rows(&output, "repeats"), [9, 11]);
}

#[test]
fn a_removal_keeps_the_last_row_of_the_day_and_finds_the_stay_that_it_ended() {
    let day = (START / 86_400) as i32;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("departed_date", Arc::new(Date32Array::from_iter_values([day + 3, day + 3, day + 30]))),
        ("person_id", text((0..3).map(|_| id(Some(1))))),
    ];
    let stints =
        [Stint { person: Some(1), stay: 0, book_in: 0, book_out: Some(40), facility: 1, bond: None }];
    let tables =
        [("removals", batch("r", 8, 3, columns)), ("detention_stints", stint_batch("s", 8, &stints))];
    let (output, _) = derive(&tables, &Rules::default());
    assert_eq!(rows(&output, "repeats"), [8]);
    assert_eq!(rows(&output, "removal_stays"), [9, 10]);
    assert_eq!(numbers(&output, "removal_stays", "stay"), [Some(1), None]);
}

#[test]
fn no_identifier_leaves() {
    let stints = [Stint { person: Some(7), stay: 0, book_in: 0, book_out: None, facility: 1, bond: Some(9) }];
    let arrests = [Arrest { person: Some(7), hour: -3, reprocessed: false }];
    let tables =
        [("arrests", arrest_batch("a", 8, &arrests)), ("detention_stints", stint_batch("s", 8, &stints))];
    let (output, _) = derive(&tables, &Rules::default());
    assert_eq!(numbers(&output, "arrest_stays", "stay"), [Some(1)]);
    assert!(!format!("{output:?}").contains(&id(Some(7)).unwrap()));
}

fn arrests() -> impl Strategy<Value = Vec<Arrest>> {
    let row = (prop::option::weighted(0.9, 0..3u8), 0..200i64, any::<bool>());
    prop::collection::vec(
        row.prop_map(|(person, hour, reprocessed)| Arrest { person, hour, reprocessed }),
        1..14,
    )
}

fn stints() -> impl Strategy<Value = Vec<Stint>> {
    let person = prop::option::weighted(0.9, 0..2u8);
    let row = (person, 0..2i64, 0..4i64, prop::option::of(0..3i64), 0..2u8, prop::option::of(0..3u8));
    let row = row.prop_map(|(person, stay, at, out, facility, bond)| {
        let book_in = stay * 300 + at * 15;
        Stint {
            person,
            stay: stay * 300,
            book_in,
            book_out: out.map(|out| book_in + out * 9),
            facility,
            bond,
        }
    });
    prop::collection::vec(row, 1..14)
}

/// Stays by the definition: sets of rows, without sorting passes or fingerprints.
fn reference_stays(rows: &[Stint]) -> Vec<(Vec<usize>, Option<u8>)> {
    let mut bond = rows.iter().map(|row| row.bond).collect::<Vec<_>>();
    let key = |at: usize| (rows[at].stay, rows[at].book_in, rows[at].book_out, rows[at].facility);
    let same =
        |a: usize, b: usize| rows[a].person.is_some() && rows[a].person == rows[b].person && key(a) == key(b);
    let mut kept = Vec::new();
    for at in 0..rows.len() {
        match (0..at).find(|before| same(*before, at)) {
            Some(first) => bond[first] = [bond[first], bond[at]].into_iter().flatten().min(),
            None => kept.push(at),
        }
    }
    let order = |at: &usize| (rows[*at].book_in, *at);
    let day = |at: usize| (START + rows[at].book_in * HOUR).div_euclid(86_400);
    let later = |a: usize, b: usize| {
        let (x, y) = (&rows[a], &rows[b]);
        (x.person, x.stay, x.facility, day(a)) == (y.person, y.stay, y.facility, day(b))
            && order(&b) > order(&a)
    };
    let last = kept.iter().copied().filter(|a| !kept.iter().any(|b| later(*a, *b)));
    let mut stays = BTreeMap::<_, Vec<usize>>::new();
    for at in last.filter(|at| rows[*at].person.is_some()) {
        stays.entry((rows[at].person, rows[at].stay)).or_default().push(at);
    }
    let stays = stays.into_values().map(|mut stay| {
        stay.sort_by_key(order);
        let lowest = stay.iter().filter_map(|at| bond[*at]).min();
        (stay, lowest)
    });
    stays.collect()
}

proptest! {
    #[test]
    fn episodes_are_those_of_the_definition(rows in arrests()) {
        let (output, _) = derive(&[("arrests", arrest_batch("a", 0, &rows))], &Rules::default());
        let order = |at: &usize| (rows[*at].hour, rows[*at].reprocessed, *at);
        let kept = |at: &usize| {
            let person = rows[*at].person;
            let before = (0..rows.len()).filter(|other| rows[*other].person == person && order(other) < order(at));
            person.is_none() || before.map(|other| rows[other].hour).max().is_none_or(|hour| rows[*at].hour - hour > 24)
        };
        let mut expected = (0..rows.len()).filter(kept).map(|at| at as u32).collect::<Vec<_>>();
        expected.sort_unstable();
        let kinds = texts(&output, "arrest_episodes", "kind").into_iter().flatten();
        let found = self::rows(&output, "arrest_episodes").into_iter().zip(kinds);
        let mut found = found.filter(|(_, kind)| kind == "kept" || kind == "unknown").map(|(row, _)| row).collect::<Vec<_>>();
        found.sort_unstable();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn stays_are_those_of_the_definition(rows in stints()) {
        let (output, _) = derive(&[("detention_stints", stint_batch("s", 0, &rows))], &Rules::default());
        let expected = reference_stays(&rows);
        let mut wanted = expected.iter().map(|(stay, bond)| {
            let code = |at: &usize| format!("F{}", rows[*at].facility);
            let length = |at: &&usize| {
                let end = i64::from(END) * 86_400 - START;
                rows[**at].book_out.map_or(end, |out| out * HOUR) - rows[**at].book_in * HOUR
            };
            let longest = stay.iter().max_by_key(length).unwrap();
            let codes = stay.iter().map(code).collect::<Vec<_>>().join("; ");
            (*stay.last().unwrap() as u32, codes, code(longest), bond.map(u64::from))
        }).collect::<Vec<_>>();
        let bonds = output.get("detention_stays").into_iter().flatten().flat_map(|b| {
            let bonds = b.column_by_name("bond_amount_lowest").unwrap().clone();
            let bonds = bonds.as_primitive::<arrow::datatypes::Float64Type>().clone();
            bonds.iter().map(|bond| bond.map(|bond| bond as u64)).collect::<Vec<_>>()
        });
        let codes = texts(&output, "detention_stays", "detention_facility_codes").into_iter().flatten();
        let longest = texts(&output, "detention_stays", "detention_facility_code_longest").into_iter().flatten();
        let found = self::rows(&output, "detention_stays").into_iter().zip(codes).zip(longest).zip(bonds);
        let mut found = found.map(|(((row, codes), longest), bond)| (row, codes, longest, bond)).collect::<Vec<_>>();
        found.sort();
        wanted.sort();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn how_rows_are_cut_into_batches_does_not_matter(arrests in arrests(), stints in stints(), cut in 0..14usize) {
        let whole = [("arrests", arrest_batch("a", 0, &arrests)), ("detention_stints", stint_batch("s", 0, &stints))];
        let (a, s) = (cut.min(arrests.len()), cut.min(stints.len()));
        let cut = [
            ("detention_stints", stint_batch("s", 0, &stints[..s])),
            ("arrests", arrest_batch("a", 0, &arrests[..a])),
            ("arrests", arrest_batch("a", a, &arrests[a..])),
            ("detention_stints", stint_batch("s", s, &stints[s..])),
        ];
        let (whole, whole_steps) = derive(&whole, &Rules::default());
        let (cut, cut_steps) = derive(&cut, &Rules::default());
        prop_assert_eq!(whole_steps, cut_steps);
        for (table, kept) in [("arrest_episodes", "kind"), ("detention_stays", "detention_facility_codes")] {
            let sorted = |output: &Output| {
                let mut all = rows(output, table).into_iter().zip(texts(output, table, kept)).collect::<Vec<_>>();
                all.sort();
                all
            };
            prop_assert_eq!(sorted(&whole), sorted(&cut));
        }
    }
}

#[test]
fn times_are_those_of_the_rows() {
    let stints = [Stint { person: Some(7), stay: 0, book_in: 5, book_out: Some(9), facility: 1, bond: None }];
    let (output, _) = derive(&[("detention_stints", stint_batch("s", 8, &stints))], &Rules::default());
    let stay = &output["detention_stays"][0];
    let time = |name: &str| stay.column_by_name(name).unwrap().as_primitive::<TimestampSecondType>().value(0);
    assert_eq!(time("stay_book_in_date_time"), START);
    assert_eq!(time("book_in_date_time_last"), START + 5 * HOUR);
    assert_eq!(time("stay_book_out_date_time"), START + 9 * HOUR);
}

/// Run alone under `time -v` for CPU and memory at national scale; the rows are made batch by batch.
#[test]
#[ignore = "9.29 million stints and 2.33 million arrests: run by hand"]
fn a_national_release_is_linked() {
    let mut linker = Linker::default();
    let hour = |n: u32| i64::from(n.wrapping_mul(2_654_435_761) >> 16);
    let make = std::time::Instant::now();
    let mut taking = std::time::Duration::ZERO;
    let mut take = |table: &str, batch: RecordBatch| {
        let start = std::time::Instant::now();
        linker.take(table, &batch).unwrap();
        taking += start.elapsed();
    };
    let named = |batch: RecordBatch, n: u32, size: u32| {
        let people = (n..n + size).map(|n| Some(format!("{:040}", u64::from(n % 3_400_000) * 982_451_653)));
        let at = batch.schema().index_of("person_id").unwrap();
        let mut columns = batch.columns().to_vec();
        columns[at] = text(people);
        RecordBatch::try_new(batch.schema(), columns).unwrap()
    };
    let size = 32_000;
    for n in (0..9_290_000 / size).map(|n| n * size) {
        let stint = |n: u32| {
            let stay = hour(n / 2 % 1_700_000);
            let book_in = stay + i64::from(n % 2) * 40;
            Stint {
                person: Some(0),
                stay,
                book_in,
                book_out: Some(book_in + 30),
                facility: n as u8,
                bond: None,
            }
        };
        let rows = (n..n + size).map(stint).collect::<Vec<_>>();
        take("detention_stints", named(stint_batch("s", n as usize, &rows), n, size));
    }
    for n in (0..2_330_000 / size).map(|n| n * size) {
        let arrest =
            |n: u32| Arrest { person: Some(0), hour: hour(n / 2) - 20, reprocessed: n.is_multiple_of(50) };
        let rows = (n..n + size).map(arrest).collect::<Vec<_>>();
        take("arrests", named(arrest_batch("a", n as usize, &rows), n, size));
    }
    let (made, start) = (make.elapsed() - taking, std::time::Instant::now());
    let mut written = 0;
    let mut sink = |_: &'static str, batch: RecordBatch| {
        written += batch.num_rows();
        Ok(())
    };
    let steps = linker.finish("ice-r2026mar", END, &Rules::default(), &mut sink).unwrap();
    println!(
        "made {made:.1?}, taken {taking:.1?}, linked {:.1?}, {written} rows: {steps:?}",
        start.elapsed()
    );
    assert!(steps.iter().all(|step| step.tally.check(&step.name).is_ok()));
}
