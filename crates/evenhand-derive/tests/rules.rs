//! The whole pass against a slow reference that restates each rule over all pairs.

use arrow::array::{ArrayRef, UInt32Array, UInt64Array};
use arrow::array::{AsArray, Date32Array, DictionaryArray, Float64Array, RecordBatch, TimestampSecondArray};
use arrow::datatypes::{Int32Type, TimestampSecondType, UInt32Type, UInt64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use evenhand_derive::{Atlas, Boundary, FacilityPlace, Frame, Linker, NoAtlas, Rule, Rules, Weeks, overlaps};
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
    derive_in(batches, &frame(rules))
}

fn frame(rules: &Rules) -> Frame<'_> {
    Frame { release: "ice-r2026mar", end: END, rules, boundaries: &[], atlas: &NoAtlas }
}

fn derive_in(batches: &[(&str, RecordBatch)], frame: &Frame<'_>) -> (Output, Vec<Step>) {
    derive_with(batches, frame, Linker::default)
}

/// A linker a batch, each made by `make`.
fn derive_with(
    batches: &[(&str, RecordBatch)],
    frame: &Frame<'_>,
    make: impl Fn() -> Linker,
) -> (Output, Vec<Step>) {
    let mut all = make();
    for (table, batch) in batches {
        let mut one = make();
        one.take(table, batch).unwrap();
        one.seal().unwrap();
        all.merge(one).unwrap();
    }
    let mut output = Output::new();
    let mut sink = |table, batch| {
        output.entry(table).or_default().push(batch);
        Ok(())
    };
    let steps = all.finish(frame, &mut sink).unwrap();
    steps.iter().for_each(|step| step.tally.check(&step.name).unwrap());
    (output, steps)
}

/// Every row of every table, however they came in batches.
fn told(output: &Output) -> Vec<String> {
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for (table, batch) in output.iter().flat_map(|(table, batches)| batches.iter().map(move |b| (table, b))) {
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap());
        let columns = columns.collect::<Vec<_>>();
        let row =
            |at| columns.iter().map(|column| column.value(at).to_string()).collect::<Vec<_>>().join(" ");
        rows.extend((0..batch.num_rows()).map(|at| format!("{table}: {}", row(at))));
    }
    // Repeats are told rule by rule for the persons linked at a time.
    rows.sort();
    rows
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
    assert_eq!(kinds, ["exact_but_time", "exact_but_time", "kept", "kept", "unknown", "unknown"]);
    let step = |name: &str| steps.iter().find(|step| step.name == name).unwrap().tally.clone();
    assert_eq!((step("exact-repeats").rows_read, step("exact-repeats").rows_kept), (6, 6));
    assert_eq!((step("arrest-time-repeats").rows_read, step("arrest-time-repeats").rows_kept), (6, 4));
    assert_eq!((step("arrest-episodes").rows_read, step("arrest-episodes").rows_kept), (4, 4));
    let first = Rules { without: [Rule::ArrestTimeRepeats].into(), ..Rules::default() };
    let (output, _) = derive(&[("arrests", arrest_batch("a", 8, &arrests))], &first);
    let kinds = texts(&output, "arrest_episodes", "kind").into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(kinds, ["kept", "exact_but_time", "exact_but_time", "kept", "unknown", "unknown"]);
    let off = Rules { without: [Rule::ArrestEpisodes].into(), ..Rules::default() };
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
    let detainers = [("detainers", batch("d", 8, 5, columns))];
    let (output, _) = derive(&detainers, &Rules::default());
    assert_eq!(rows(&output, "repeats"), [9, 11]);
    // Until March 2026 a day was a day, whatever the type, and consecutive days were two.
    let older = Rules { with: [Rule::DetainerRepeatsSameDay].into(), ..Rules::default() };
    let (output, steps) = derive(&detainers, &older);
    assert_eq!(rows(&output, "repeats"), [11]);
    assert!(steps.iter().any(|step| step.name == "detainer-repeats-same-day"));
    assert!(steps.iter().all(|step| step.name != "detainer-repeats"));
}

#[test]
fn rows_equal_in_every_cell_are_told_before_those_of_the_same_day() {
    let table = |date: &'static str, column: &'static str| {
        let days = [20_000, 20_000, 20_000, 20_000];
        let columns: Vec<(&str, ArrayRef)> = vec![
            (date, Arc::new(Date32Array::from_iter_values(days))),
            (column, text(["A", "B", "B", "A"].into_iter().map(|cell| Some(cell.to_owned())))),
            ("person_id", text([Some(1), Some(1), Some(1), None].into_iter().map(id))),
        ];
        batch("f", 8, 4, columns)
    };
    let tables = [
        ("encounters", table("event_date", "event_type")),
        ("removals", table("departed_date", "port_of_departure")),
    ];
    let (output, steps) = derive(&tables, &Rules::default());
    let step = |name: &str, table: &str| {
        let found = steps.iter().find(|step| step.name == name && step.table == table).unwrap();
        (found.tally.rows_read, found.tally.rows_kept)
    };
    assert_eq!(step("exact-repeats", "encounters"), (4, 3));
    assert_eq!(step("encounter-repeats", "encounters"), (3, 2));
    assert_eq!(step("exact-repeats", "removals"), (4, 3));
    assert_eq!(step("removal-repeats", "removals"), (3, 2));
    // Of equal encounters the first is kept, of equal removals the last.
    let aside = rows(&output, "repeats");
    let named = texts(&output, "repeats", "table").into_iter().zip(texts(&output, "repeats", "step"));
    let named = named.map(|(table, step)| format!("{} {}", table.unwrap(), step.unwrap()));
    let told = aside.iter().zip(named).map(|(row, named)| format!("{row} {named}")).collect::<Vec<_>>();
    assert_eq!(
        told,
        [
            "10 encounters exact-repeats",
            "9 encounters encounter-repeats",
            "9 removals exact-repeats",
            "8 removals removal-repeats",
        ]
    );
}

#[test]
fn the_earlier_rule_of_removals_looks_further_ahead_and_at_the_stays_own_departure() {
    let day = (START / 86_400) as i32;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("departed_date", Arc::new(Date32Array::from_iter_values([day, day + 40]))),
        ("person_id", text((0..2).map(|_| id(Some(1))))),
    ];
    let stint = |stay, out| Stint {
        person: Some(1),
        stay,
        book_in: stay,
        book_out: Some(out),
        facility: 1,
        bond: None,
    };
    // Booked out six days after the first departure; and long before the second, but its departure is that day's.
    let stints = stint_batch("s", 8, &[stint(0, 150), stint(200, 300)]);
    let departed: ArrayRef = Arc::new(Date32Array::from(vec![None, Some(day + 40)]));
    let mut columns_of_stints =
        stints.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let mut arrays = stints.columns().to_vec();
    columns_of_stints.push("departed_date".to_owned());
    arrays.push(departed);
    let named = columns_of_stints.iter().zip(arrays).map(|(name, array)| (name, array, true));
    let stints = RecordBatch::try_from_iter_with_nullable(named).unwrap();
    let tables = [("removals", batch("r", 8, 2, columns)), ("detention_stints", stints)];
    let (output, _) = derive(&tables, &Rules::default());
    assert_eq!(numbers(&output, "removal_stays", "stay"), [None, None]);
    let older = Rules { with: [Rule::RemovalStaysWide].into(), ..Rules::default() };
    let (output, _) = derive(&tables, &older);
    assert_eq!(numbers(&output, "removal_stays", "stay"), [Some(1), Some(2)]);
}

/// Knows Texas and one jail in it.
struct Texas;

impl Atlas for Texas {
    fn state(&self, text: &str) -> Option<&str> {
        ["TX", "TEXAS"].contains(&text).then_some("TEXAS")
    }

    fn facility(&self, code: &str) -> Option<FacilityPlace> {
        (code == "F1").then(|| FacilityPlace {
            city: Some("AUSTIN".to_owned()),
            state: Some("TEXAS".to_owned()),
            county_fips: Some("48453".to_owned()),
        })
    }
}

#[test]
fn states_and_places_are_filled_in_beside_the_released_columns() {
    let day = (START / 86_400) as i32;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("apprehension_date", Arc::new(Date32Array::from_iter_values([day, day + 1, day + 9, day + 20]))),
        (
            "apprehension_state",
            text(["Texas", "", "", ""].into_iter().map(|s| Some(s.to_owned()).filter(|s| !s.is_empty()))),
        ),
        (
            "apprehension_site_landmark",
            text(
                ["", "", "JAIL, TX", "JAIL"]
                    .into_iter()
                    .map(|s| Some(s.to_owned()).filter(|s| !s.is_empty())),
            ),
        ),
        ("person_id", text((0..4).map(|_| id(Some(1))))),
    ];
    let stint = |facility| Stint {
        person: Some(1),
        stay: 0,
        book_in: i64::from(facility),
        book_out: Some(50),
        facility,
        bond: None,
    };
    let tables = [
        ("arrests", batch("a", 8, 4, columns)),
        ("detention_stints", stint_batch("s", 8, &[stint(1), stint(2)])),
    ];
    let rules = Rules::default();
    let (output, steps) = derive_in(&tables, &Frame { atlas: &Texas, ..frame(&rules) });
    let told = |table: &str, column: &str| {
        let all = texts(&output, table, column).into_iter();
        all.map(|text| text.unwrap_or_else(|| "-".to_owned())).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told("arrest_episodes", "apprehension_state_filled"), "TEXAS TEXAS TEXAS -");
    assert_eq!(told("arrest_episodes", "state_source"), "released state-episode state-landmark-code -");
    assert_eq!(told("detention_stays", "facility_city_first"), "AUSTIN");
    assert_eq!(told("detention_stays", "facility_county_fips_first"), "48453");
    assert_eq!(told("detention_stays", "facility_state_last"), "-");
    let states = steps.iter().filter(|step| step.name.starts_with("state-"));
    let states = states.map(|step| (step.name.as_str(), step.tally.rows_read, step.tally.rows_kept));
    assert_eq!(
        states.collect::<Vec<_>>(),
        [
            ("state-released", 4, 1),
            ("state-landmark-code", 3, 1),
            ("state-landmark-majority", 2, 0),
            ("state-aor-majority", 2, 0),
            ("state-episode", 2, 1),
        ]
    );
    let unplaced = steps.iter().find(|step| step.name == "facility-places").unwrap();
    assert_eq!(unplaced.tally.set_aside["unknown_facility_code"], 1);
}

#[test]
fn a_stay_across_the_boundary_is_counted_once_and_whole() {
    let stint = |person, stay, book_in, book_out| Stint {
        person: Some(person),
        stay,
        book_in,
        book_out,
        facility: 1,
        bond: None,
    };
    // The boundary is midnight after hour 100, which is hour 108: over before it, across it with two stints, open
    // across it, after it.
    let stints = [
        stint(1, 0, 0, Some(50)),
        stint(2, 10, 10, Some(60)),
        stint(2, 10, 60, Some(130)),
        stint(3, 20, 20, None),
        stint(4, 120, 120, Some(140)),
    ];
    let arrests = [0, 110].map(|hour| Arrest { person: Some(9), hour, reprocessed: false });
    let day = ((START + 100 * HOUR) / 86_400) as i32 + 1;
    let boundaries = [Boundary { day, release: "ice-r2026mar".to_owned() }];
    let tables =
        [("detention_stints", stint_batch("s", 8, &stints)), ("arrests", arrest_batch("a", 8, &arrests))];
    let rules = Rules::default();
    let of = |release: &'static str| {
        let frame = Frame { boundaries: &boundaries, release, ..frame(&rules) };
        let (output, steps) = derive_in(&tables, &frame);
        let column = |table: &str| {
            let batch = &output[table][0];
            let column = batch.column_by_name("belongs").unwrap().as_boolean().clone();
            column.iter().flatten().collect::<Vec<_>>()
        };
        let crossing = steps.iter().find(|step| step.name == "boundary-stays").unwrap().tally.clone();
        (column("detention_stays"), column("arrest_episodes"), crossing)
    };
    let (stays, arrests, crossing) = of("ice-r2026mar");
    assert_eq!(stays, [false, true, true, true]);
    assert_eq!(arrests, [false, true]);
    assert_eq!((crossing.rows_read, crossing.rows_kept), (3, 3));
    let (stays, arrests, crossing) = of("ice-r2023");
    assert_eq!(stays, [true, false, false, false]);
    assert_eq!(arrests, [true, false]);
    assert_eq!((crossing.rows_read, crossing.rows_kept), (3, 0));
}

#[test]
fn weeks_of_two_releases_are_compared_through_the_record() {
    let of = |days: &[i32]| {
        let arrests =
            days.iter().map(|day| Arrest { person: None, hour: i64::from(*day) * 24, reprocessed: false });
        arrests.collect::<Vec<_>>()
    };
    let mut weeks = BTreeMap::new();
    for (release, days) in [("a", vec![0, 7, 8, 14, 21]), ("b", vec![0, 7, 14, 21])] {
        let rules = Rules::default();
        let frame = Frame { release, ..frame(&rules) };
        let (output, _) = derive_in(&[("arrests", arrest_batch("f", 8, &of(&days)))], &frame);
        for batch in &output["release_weeks"] {
            Weeks::read(batch, &mut weeks).unwrap();
        }
    }
    let found = overlaps(&weeks, |_| None);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].weeks, found[0].rows, found[0].largest_difference), (2, [3, 2], 0.5));
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
        let starts = |at: &usize| {
            let person = rows[*at].person;
            let before = (0..rows.len()).filter(|other| rows[*other].person == person && order(other) < order(at));
            person.is_none() || before.map(|other| rows[other].hour).max().is_none_or(|hour| rows[*at].hour - hour > 24)
        };
        // The last of the episode's rows that equal its first but for the time; of rows equal in time too the first.
        let stands = |first: usize| {
            let next = (0..rows.len()).filter(|at| rows[*at].person == rows[first].person && starts(at) && order(at) > order(&first));
            let end = next.map(|at| order(&at)).min();
            let inside = |at: &usize| order(at) >= order(&first) && end.is_none_or(|end| order(at) < end);
            let equal = |at: &usize| rows[*at].person == rows[first].person && rows[*at].reprocessed == rows[first].reprocessed;
            let alike = (0..rows.len()).filter(|at| rows[first].person.is_some() && inside(at) && equal(at));
            alike.max_by_key(|at| (rows[*at].hour, std::cmp::Reverse(*at))).unwrap_or(first)
        };
        let mut expected = (0..rows.len()).filter(starts).map(|at| stands(at) as u32).collect::<Vec<_>>();
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rows_that_went_to_the_disk_are_linked_as_those_that_were_held(
        arrests in arrests(), stints in stints(), cut in 0..14usize, run in 1..5usize,
    ) {
        let (a, s) = (cut.min(arrests.len()), cut.min(stints.len()));
        let batches = [
            ("detention_stints", stint_batch("s", 0, &stints[..s])),
            ("arrests", arrest_batch("a", 0, &arrests[..a])),
            ("arrests", arrest_batch("b", 0, &arrests[a..])),
            ("detention_stints", stint_batch("t", 0, &stints[s..])),
        ];
        let rules = Rules::default();
        let on_disk = || Linker::with_scratch(Arc::new(tempfile::tempfile)).with_run_rows(run);
        let (held, held_steps) = derive(&batches, &rules);
        let (written, written_steps) = derive_with(&batches, &frame(&rules), on_disk);
        prop_assert_eq!(held_steps, written_steps);
        prop_assert_eq!(told(&held), told(&written));
    }
}

#[test]
fn without_a_scratch_file_the_first_full_run_is_refused() {
    let refuse = || Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
    let mut linker = Linker::with_scratch(Arc::new(refuse)).with_run_rows(2);
    let stint = Stint { person: Some(7), stay: 0, book_in: 5, book_out: Some(9), facility: 1, bond: None };
    linker.take("detention_stints", &stint_batch("s", 8, std::slice::from_ref(&stint))).unwrap();
    let error = linker.take("detention_stints", &stint_batch("s", 9, &[stint])).unwrap_err();
    assert!(matches!(error, evenhand_derive::Error::Scratch(_)), "{error}");
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
