//! Rows of a national release, made up, and what linking them costs: `national make DIR ROWS`, `national link DIR`.
//!
//! `make` writes `arrests.parquet` and `detention_stints.parquet`, with repeats of every kind that the rules know;
//! `link` reads them batch by batch as an ingest would and prints figures of the result, which the same rules in
//! other engines must give, too. `cargo xtask bench derive` runs both beside polars and DuckDB.

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, DictionaryArray, Float64Array, Int32Array, RecordBatch,
    StringArray, TimestampMillisecondArray, UInt32Array,
};
use arrow::datatypes::{Float64Type, Int32Type, TimestampSecondType, UInt32Type, UInt64Type};
use evenhand_derive::{Frame, Linker, NoAtlas, Rules};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Arrests of a full release, and stints: those of the public database that holds all of them.
const ARRESTS: u64 = 2_330_000;
const STINTS: u64 = 9_290_000;
const BATCH: u64 = 1 << 15;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// The first of October 2022, and the day on which open stints end.
const START: i64 = 19_266 * DAY;
const END_DAY: i32 = 20_522;
const DAYS: u64 = 1_200;

type Column = (&'static str, ArrayRef);

fn main() -> Result<(), Box<dyn Error>> {
    let words = std::env::args().skip(1).collect::<Vec<_>>();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", folder, stints] => make(Path::new(folder), stints.parse()?),
        ["make", folder] => make(Path::new(folder), STINTS),
        ["link", folder] => link(Path::new(folder)),
        _ => Err("expected `make DIR [STINTS]` or `link DIR`".into()),
    }
}

/// Bits that depend on all bits of `key`.
fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How many rows there are, and who is in them.
#[derive(Clone, Copy)]
struct Scale {
    stints: u64,
    arrests: u64,
    stays: u64,
    people: u64,
}

impl Scale {
    fn of(stints: u64) -> Scale {
        let share = |of: u64| of * stints / STINTS;
        Scale { stints, arrests: share(ARRESTS), stays: stints / 2, people: share(3_400_000).max(1) }
    }

    fn person(self, stay: u64) -> u64 {
        mix(stay ^ 1) % self.people
    }

    /// Book-in of a stay.
    fn book_in(self, stay: u64) -> i64 {
        START + (mix(stay ^ 2) % (DAYS * 1_440)) as i64 * 60
    }
}

/// Forty hexadecimal digits.
fn id(person: u64) -> String {
    let more = mix(person ^ 7);
    format!("{:016x}{more:016x}{:08x}", mix(person), more >> 40)
}

fn make(folder: &Path, stints: u64) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let scale = Scale::of(stints);
    write(&folder.join("arrests.parquet"), scale.arrests, |row| arrests(scale, row))?;
    write(&folder.join("detention_stints.parquet"), scale.stints, |row| stints_of(scale, row))
}

fn write(path: &Path, rows: u64, columns: impl Fn(&[u64]) -> Vec<Column>) -> Result<(), Box<dyn Error>> {
    let mut writer: Option<ArrowWriter<File>> = None;
    for start in (0..rows).step_by(BATCH as usize) {
        // Rows stand in an order that has nothing to do with persons.
        let here = (start..(start + BATCH).min(rows)).collect::<Vec<_>>();
        let events = here.iter().map(|row| row * 7_368_787 % rows).collect::<Vec<_>>();
        let mut all = vec![
            ("file_original", words(here.iter().map(|_| Some("made-up.xlsx".to_owned())))),
            ("sheet_original", words(here.iter().map(|_| Some("1".to_owned())))),
            (
                "row_original",
                Arc::new(UInt32Array::from_iter_values(here.iter().map(|row| *row as u32 + 8))) as _,
            ),
        ];
        all.extend(columns(&events));
        let named = all.into_iter().map(|(name, column)| (name, column, true));
        let batch = RecordBatch::try_from_iter_with_nullable(named)?;
        if writer.is_none() {
            writer = Some(ArrowWriter::try_new(File::create(path)?, batch.schema(), None)?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
    }
    if let Some(writer) = writer {
        writer.close()?;
    }
    Ok(())
}

fn words(texts: impl Iterator<Item = Option<String>>) -> ArrayRef {
    let mut numbers = HashMap::new();
    let mut values = Vec::new();
    let keys = texts.map(|text| {
        text.map(|text| {
            *numbers.entry(text).or_insert_with_key(|text| {
                values.push(text.clone());
                values.len() as i32 - 1
            })
        })
    });
    let keys = keys.collect::<Int32Array>();
    Arc::new(DictionaryArray::new(keys, Arc::new(StringArray::from(values))))
}

fn times(seconds: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    // Parquet knows no seconds.
    Arc::new(seconds.map(|time| time.map(|time| time * 1_000)).collect::<TimestampMillisecondArray>())
}

/// An arrest: of which stay, how many minutes before it, and how it was made.
struct Arrest {
    person: Option<u64>,
    time: i64,
    method: &'static str,
    key: u64,
}

fn arrest(scale: Scale, event: u64) -> Arrest {
    // One in twenty repeats the arrest before it: exactly, at another time, or on paper.
    let repeats = event % 20 == 1;
    let first = if repeats { event - 1 } else { event };
    let stay = first * 2 % scale.stays;
    let before = (mix(first ^ 3) % (if first.is_multiple_of(5) { 40_000 } else { 1_800 })) as i64 * 60;
    let kind = mix(event ^ 4) % 4;
    let later = match kind {
        0 => 0,
        _ => (mix(event ^ 5) % 1_500) as i64 * 60,
    };
    let method =
        ["CAP Local Incarceration", "Located", "Non-Custodial Arrest"][(mix(first ^ 6) % 3) as usize];
    Arrest {
        person: (!mix(first ^ 8).is_multiple_of(100)).then(|| scale.person(stay)),
        time: scale.book_in(stay) - before + if repeats { later } else { 0 },
        method: if repeats && kind == 3 { "ERO Reprocessed Arrest" } else { method },
        key: first,
    }
}

fn arrests(scale: Scale, events: &[u64]) -> Vec<Column> {
    let rows = events.iter().map(|event| arrest(scale, *event)).collect::<Vec<_>>();
    let word = |list: &'static [&'static str], salt: u64| {
        words(
            rows.iter().map(|row| Some(list[(mix(row.key ^ salt) % list.len() as u64) as usize].to_owned())),
        )
    };
    let days = rows.iter().map(|row| row.time.div_euclid(DAY) as i32);
    vec![
        ("apprehension_date", Arc::new(Date32Array::from_iter_values(days)) as ArrayRef),
        ("apprehension_date_time", times(rows.iter().map(|row| Some(row.time)))),
        ("apprehension_method", words(rows.iter().map(|row| Some(row.method.to_owned())))),
        ("case_status", word(&["ACTIVE", "8-Excluded/Deported/Removed"], 11)),
        ("apprehension_state", word(&["TEXAS", "FLORIDA", "CALIFORNIA", "GEORGIA"], 12)),
        ("citizenship_country", word(&["MEXICO", "GUATEMALA", "HONDURAS", "VENEZUELA", "CUBA"], 13)),
        ("person_id", words(rows.iter().map(|row| row.person.map(id)))),
    ]
}

/// A stint: the second of two a stay begins when the first has ended.
struct Stint {
    stay: u64,
    book_in: i64,
    book_out: Option<i64>,
    facility: u64,
    bond: Option<f64>,
}

fn stint(scale: Scale, event: u64) -> Stint {
    let stay = (event / 2) % scale.stays;
    let start = scale.book_in(stay);
    let which = event % 2;
    let change = start + 2 * HOUR + (mix(stay ^ 21) % 4_000) as i64 * 60;
    let end = change + (mix(stay ^ 22) % 60_000) as i64 * 60;
    let is_open = mix(stay ^ 23).is_multiple_of(40);
    let bond = |salt: u64| Some(1_500.0 + 500.0 * (mix(stay ^ salt) % 20) as f64);
    let facility = |which: u64| mix(stay ^ (24 + which)) % 1_200;
    // Some stays have their first stint twice: with another bond, or half an hour later.
    let kind = mix(stay ^ 26) % 50;
    let (book_in, book_out) = match (which, kind) {
        (1, 0) => (start, Some(change)),
        (1, 1) => (start + HOUR / 2, Some(change)),
        (0, _) => (start, Some(change)),
        _ => (change, (!is_open).then_some(end)),
    };
    let facility = if which == 1 && kind < 2 { facility(0) } else { facility(which) };
    let bond = if kind == 0 {
        bond(27 + which)
    } else if kind < 5 {
        bond(27)
    } else {
        None
    };
    Stint { stay, book_in, book_out, facility, bond }
}

fn stints_of(scale: Scale, events: &[u64]) -> Vec<Column> {
    let rows = events.iter().map(|event| stint(scale, *event)).collect::<Vec<_>>();
    let reason = |row: &Stint| if row.book_out.is_some() { Some("Transferred".to_owned()) } else { None };
    let status = |row: &Stint| ["ACTIVE", "8-Excluded/Deported/Removed"][(mix(row.stay ^ 31) % 2) as usize];
    let person = |row: &Stint| (!mix(row.stay ^ 32).is_multiple_of(300)).then(|| id(scale.person(row.stay)));
    let bonds = rows.iter().map(|row| row.bond).collect::<Float64Array>();
    vec![
        ("stay_book_in_date_time", times(rows.iter().map(|row| Some(scale.book_in(row.stay))))),
        ("book_in_date_time", times(rows.iter().map(|row| Some(row.book_in)))),
        ("book_out_date_time", times(rows.iter().map(|row| row.book_out))),
        ("detention_facility_code", words(rows.iter().map(|row| Some(format!("F{:06}", row.facility))))),
        ("detention_release_reason", words(rows.iter().map(reason))),
        ("case_status", words(rows.iter().map(|row| Some(status(row).to_owned())))),
        ("bond_posted_amount", Arc::new(bonds) as ArrayRef),
        ("person_id", words(rows.iter().map(person))),
    ]
}

fn link(folder: &Path) -> Result<(), Box<dyn Error>> {
    let scratch = folder.to_owned();
    let mut linker = Linker::with_scratch(Arc::new(move || tempfile::tempfile_in(&scratch)));
    for table in ["arrests", "detention_stints"] {
        let file = File::open(folder.join(format!("{table}.parquet")))?;
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(BATCH as usize).build()?;
        let before = cpu();
        let mut taking = 0.0;
        for batch in reader {
            let batch = batch?;
            let start = cpu();
            linker.take(table, &batch)?;
            taking += cpu() - start;
        }
        eprintln!("{table}: read {:.2} CPU s, taken {taking:.2}", cpu() - before - taking);
    }
    let start = cpu();
    let mut figures = Figures::default();
    let mut sink = |table: &'static str, batch: RecordBatch| {
        figures.take(table, &batch);
        Ok(())
    };
    let rules = Rules::default();
    let frame =
        Frame { release: "ice-r2026mar", end: END_DAY, rules: &rules, boundaries: &[], atlas: &NoAtlas };
    let steps = linker.finish(&frame, &mut sink)?;
    for step in &steps {
        step.tally.check(&step.name)?;
    }
    eprintln!("linked {:.2} CPU s", cpu() - start);
    let all = figures.sums.iter().map(|(name, sum)| format!("\"{name}\": {sum}")).collect::<Vec<_>>();
    println!("{{{}}}", all.join(", "));
    Ok(())
}

/// CPU seconds of this process so far; 0 where the system does not say.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Sums over the result that every engine can make.
#[derive(Default)]
struct Figures {
    sums: BTreeMap<&'static str, u64>,
    last_rows: Vec<u32>,
}

impl Figures {
    fn add(&mut self, name: &'static str, amount: u64) {
        *self.sums.entry(name).or_default() += amount;
    }

    fn take(&mut self, table: &str, batch: &RecordBatch) {
        let column = |name: &str| &batch[name];
        let rows = |name: &str| column(name).as_primitive::<UInt32Type>().values().to_vec();
        match table {
            "arrest_episodes" => {
                let kinds = column("kind").as_dictionary::<Int32Type>();
                let names = kinds.values().as_string::<i32>();
                for (row, kind) in rows("row_original").into_iter().zip(kinds.keys().values()) {
                    if ["kept", "unknown"].contains(&names.value(*kind as usize)) {
                        self.add("arrests_kept", 1);
                        self.add("arrest_rows", u64::from(row));
                    }
                }
            }
            "detention_stays" => {
                let last = rows("row_original");
                self.add("stays", last.len() as u64);
                self.add("last_rows", last.iter().map(|row| u64::from(*row)).sum());
                self.last_rows.extend(last);
                self.add("stints", rows("stints").iter().map(|count| u64::from(*count)).sum());
                let bonds = column("bond_amount_lowest").as_primitive::<Float64Type>();
                self.add("bonds", bonds.iter().flatten().sum::<f64>() as u64);
                let longest = column("book_in_date_time_longest").as_primitive::<TimestampSecondType>();
                self.add("longest_book_ins", longest.iter().flatten().map(|time| time as u64).sum());
                let codes = column("detention_facility_codes").as_dictionary::<Int32Type>();
                let texts = codes.values().as_string::<i32>();
                let digits = |key: &i32| {
                    let codes = texts.value(*key as usize).split("; ").enumerate();
                    // The order of a stay's facilities counts.
                    codes
                        .map(|(at, code)| (at as u64 + 1) * code[1..].parse::<u64>().unwrap_or(0))
                        .sum::<u64>()
                };
                self.add("codes", codes.keys().values().iter().map(digits).sum());
            }
            "arrest_stays" => {
                let stays = column("stay").as_primitive::<UInt64Type>();
                for (at, row) in rows("row_original").into_iter().enumerate() {
                    if stays.is_valid(at) {
                        let last = self.last_rows[stays.value(at) as usize - 1];
                        self.add("pairs", 1);
                        self.add("pair_rows", u64::from(row) * 3 + u64::from(last));
                    }
                }
            }
            _ => {}
        }
    }
}
