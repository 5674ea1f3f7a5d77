//! The field's rules once more, on the cells of the files: episodes, stays, and arrests with their stays.

use crate::read;
use calamine::Data;
use evenhand_simulate::Truth;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

const DAY: i64 = 1440;

/// What the rules find.
pub struct Found {
    /// Episodes, kept rows, digest.
    pub episodes: (u64, u64, String),
    /// Stays, digest.
    pub stays: (u64, String),
    /// Pairs, digest.
    pub pairs: (u64, String),
}

/// File, sheet, row.
type Place = (String, String, u64);

struct Row {
    place: Place,
    id: String,
    /// In minutes.
    time: i64,
    /// The method of an arrest; of a stint, its stay's book-in as text.
    word: String,
    stay_in: i64,
    /// Every cell but the time and what is redacted throughout.
    cells: String,
}

impl Found {
    pub fn read(folder: &Path, truth: &Truth) -> Found {
        let arrests = rows(folder, truth, "arrests", &["Apprehension Date"], "Apprehension Method", None);
        let stints = rows(
            folder,
            truth,
            "detention_stints",
            &["Book In Date Time", "Detention Book In Date Time"],
            "Detention Facility Code",
            Some("Stay Book In Date Time"),
        );
        let (episodes, kept) = episodes(&arrests);
        let stays = stays(&stints);
        let pairs = pairs(&arrests, &kept, &stints, &stays);
        let with_id = |groups: &BTreeMap<Place, Place>, rows: &[Row]| {
            let of = rows.iter().filter(|row| !row.id.is_empty() && groups[&row.place] == row.place);
            of.count() as u64
        };
        Found {
            episodes: (with_id(&episodes, &arrests), kept.len() as u64, digest(&episodes)),
            stays: (with_id(&stays, &stints), digest(&stays)),
            pairs: (pairs.len() as u64, digest(&pairs)),
        }
    }
}

fn rows(
    folder: &Path,
    truth: &Truth,
    table: &str,
    time: &[&str],
    word: &str,
    stay: Option<&str>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in truth.files.iter().filter(|file| file.table == table) {
        for (sheet, told) in read::workbook(&folder.join(&file.file)).iter().zip(&file.sheets) {
            let column = |names: &[&str]| {
                told.columns.iter().position(|column| names.contains(&column.header.as_str()))
            };
            let Some(time) = column(time) else { continue };
            let (word, stay) = (column(&[word]).unwrap(), stay.and_then(|stay| column(&[stay])));
            let id = told.columns.len() - 1;
            let is_compared = |at: &usize| *at != time && told.columns[*at].filled > 0;
            let compared = (0..told.columns.len()).filter(is_compared).collect::<Vec<_>>();
            for (number, cells) in read::records(sheet, told) {
                let said =
                    compared.iter().map(|at| format!("{}: {:?}\n", told.columns[*at].header, cells[*at]));
                rows.push(Row {
                    place: (file.file.clone(), told.sheet.clone(), number),
                    id: read::text(&cells[id]).to_owned(),
                    time: minutes(&cells[time]),
                    word: read::text(&cells[word]).split_whitespace().collect::<Vec<_>>().join(" "),
                    stay_in: stay.map_or(0, |stay| minutes(&cells[stay])),
                    cells: said.collect(),
                });
            }
        }
    }
    rows
}

/// Minutes since serial day 0, of a serial number or of `06/14/2024 03:10 PM`.
fn minutes(cell: &Data) -> i64 {
    match cell {
        Data::DateTime(serial) => (serial.as_f64() * DAY as f64).round() as i64,
        Data::String(text) => {
            let mut numbers = text.split(['/', ' ', ':']);
            let mut next = || numbers.next().unwrap_or("0");
            let (month, day, year) = (next().to_owned(), next().to_owned(), next().to_owned());
            let (hour, minute, half) = (next().to_owned(), next().to_owned(), next().to_owned());
            let number = |text: &str| text.parse::<i64>().unwrap();
            let hour = number(&hour) % 12 + if half == "PM" { 12 } else { 0 };
            let date = days(number(&year), number(&month), number(&day));
            date * DAY + hour * 60 + number(&minute)
        }
        other => panic!("{other:?} is no date"),
    }
}

/// Serial days by counting years and months.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let of_years: i64 = (1900..year).map(|year| 365 + i64::from(leap(year))).sum();
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    of_years + lengths.iter().take(month as usize - 1).sum::<i64>() + day + 1
}

/// The first row of each row's episode, and the rows that are kept.
fn episodes(rows: &[Row]) -> (BTreeMap<Place, Place>, Vec<&Row>) {
    let (mut groups, mut kept) = (BTreeMap::new(), Vec::new());
    let mut sorted = rows.iter().collect::<Vec<_>>();
    sorted.sort_by_key(|row| {
        (row.id.clone(), row.time, row.word == "ERO Reprocessed Arrest", row.place.clone())
    });
    let goes_on =
        |one: &&Row, two: &&Row| !one.id.is_empty() && one.id == two.id && two.time - one.time <= DAY;
    for episode in sorted.chunk_by(goes_on) {
        let alike = episode.iter().filter(|row| row.cells == episode[0].cells);
        kept.extend(alike.max_by_key(|row| (row.time, std::cmp::Reverse(row.place.clone()))));
        let first = episode.iter().map(|row| &row.place).min().unwrap();
        groups.extend(episode.iter().map(|row| (row.place.clone(), first.clone())));
    }
    (groups, kept)
}

/// The first row of each stint's stay.
fn stays(rows: &[Row]) -> BTreeMap<Place, Place> {
    let mut first = BTreeMap::<(&str, i64), &Place>::new();
    for row in rows.iter().filter(|row| !row.id.is_empty()) {
        let place = first.entry((&row.id, row.stay_in)).or_insert(&row.place);
        *place = (*place).min(&row.place);
    }
    let group =
        |row: &Row| first.get(&(row.id.as_str(), row.stay_in)).map_or(&row.place, |place| *place).clone();
    rows.iter().map(|row| (row.place.clone(), group(row))).collect()
}

/// The stay of each kept arrest: the nearest arrest per stay, then the nearest stay per arrest.
fn pairs(
    arrests: &[Row],
    kept: &[&Row],
    stints: &[Row],
    stays: &BTreeMap<Place, Place>,
) -> BTreeMap<Place, Place> {
    assert!(kept.len() <= arrests.len());
    let mut of_person = BTreeMap::<&str, Vec<&Row>>::new();
    for row in kept.iter().filter(|row| !row.id.is_empty()) {
        of_person.entry(&row.id).or_default().push(row);
    }
    let mut best = BTreeMap::<Place, (i64, Place)>::new();
    for stint in stints.iter().filter(|row| !row.id.is_empty() && stays[&row.place] == row.place) {
        let near = of_person.get(stint.id.as_str()).into_iter().flatten().filter_map(|arrest| {
            let after = stint.stay_in - arrest.time;
            (-5 * DAY..=10 * DAY).contains(&after).then(|| (after.abs(), arrest.place.clone()))
        });
        if let Some((distance, arrest)) = near.min() {
            let candidate = (distance, stint.place.clone());
            let held = best.entry(arrest).or_insert_with(|| candidate.clone());
            *held = held.clone().min(candidate);
        }
    }
    best.into_iter().map(|(arrest, (_, stay))| (arrest, stay)).collect()
}

/// Lines of places in order, hashed.
fn digest(lines: &BTreeMap<Place, Place>) -> String {
    let mut digest = Sha256::new();
    for (one, two) in lines {
        let (a, b) = (format!("{}\t{}\t{}", one.0, one.1, one.2), format!("{}\t{}\t{}", two.0, two.1, two.2));
        digest.update(format!("{a}\t{b}\n").as_bytes());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
