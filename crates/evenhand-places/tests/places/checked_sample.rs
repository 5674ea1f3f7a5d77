//! Precision and recall on landmarks and facilities whose county was decided by hand, and shares placed.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::read_to_string;
use std::path::Path;

use evenhand_places::check::{Score, Truth, draw_sample};
use evenhand_places::{Gazetteer, Place, Places, Rule, Table, place_facility, postal, tables};
use evenhand_testkit::shared;
use evenhand_vocab::{CountyFips, MethodGroup, PlaceQuality};

use crate::support;

/// The first landmarks were looked at while the rules were written, the rest only when they were done.
const DEVELOPMENT_LANDMARKS: usize = 320;
const DEVELOPMENT_FACILITIES: usize = 200;

/// A checked text: its key, its truth, and its place by our table.
struct Checked {
    key: Vec<String>,
    truth: Truth,
    place: Place,
}

fn checked_landmarks() -> Vec<Checked> {
    read_checked("checked_landmarks.csv", tables::CHECKED_LANDMARKS, ["aor", "landmark"], |key| {
        Places::builtin().landmark(key[0].parse().ok(), &key[1])
    })
}

fn checked_facilities() -> Vec<Checked> {
    read_checked("checked_facilities.csv", tables::CHECKED_FACILITIES, ["facility", "city", "state"], |key| {
        Places::builtin().facility(&key[0], &key[1], &key[2])
    })
}

fn read_checked<const N: usize>(
    name: &str,
    text: &str,
    keys: [&str; N],
    place: impl Fn(&[String]) -> Place,
) -> Vec<Checked> {
    let table = Table::parse(name, text).expect("a table");
    let at = table.columns(keys).expect("key columns");
    let [county, note] = table.columns(["true_county_fips", "decision_note"]).expect("truth columns");
    let checked = |row: &Vec<std::borrow::Cow<'_, str>>| {
        let key: Vec<String> = at.iter().map(|&at| row[at].to_string()).collect();
        Checked { place: place(&key), truth: Truth::read(&row[county], &row[note]), key }
    };
    table.rows().iter().map(checked).collect()
}

fn score(checked: &[Checked], weight: impl Fn(&Checked) -> u64) -> Score {
    let mut score = Score::default();
    checked.iter().for_each(|one| score.add(one.truth, one.place, weight(one)));
    score
}

#[test]
fn the_rules_hold_on_the_checked_landmarks() {
    let all = checked_landmarks();
    let (development, held_out) = all.split_at(DEVELOPMENT_LANDMARKS);
    assert_eq!((development.len(), held_out.len()), (320, 100));
    let score_of = |part: &[Checked]| score(part, |_| 1);
    assert!(score_of(development).precision() >= 0.99 && score_of(development).recall() >= 0.97);
    assert!(score_of(held_out).precision() >= 0.98 && score_of(held_out).recall() >= 0.90);
    assert!(score_of(&all).office_precision() >= 0.95);
}

#[test]
fn the_rules_hold_on_the_checked_facilities() {
    let all = checked_facilities();
    let (development, held_out) = all.split_at(DEVELOPMENT_FACILITIES);
    assert_eq!((development.len(), held_out.len()), (200, 60));
    let score_of = |part: &[Checked]| score(part, |_| 1);
    assert!(score_of(development).precision() >= 0.99 && score_of(development).recall() >= 0.97);
    assert!(score_of(held_out).precision() >= 0.95 && score_of(held_out).recall() >= 0.90);
}

#[test]
fn the_checked_texts_are_the_seeded_draw() {
    let Some(folder) = shared("") else { return };
    let landmarks = support::landmark_counts(&folder).expect("landmark counts");
    let weights: Vec<u64> = landmarks.iter().map(|count| count.arrests).collect();
    let drawn = draw_sample(&weights, 420, 2017).into_iter().map(|at| {
        let count = &landmarks[at];
        vec![count.aor.map_or(String::new(), |aor| aor.code().to_owned()), count.landmark.clone()]
    });
    assert_eq!(
        drawn.collect::<Vec<_>>(),
        checked_landmarks().into_iter().map(|one| one.key).collect::<Vec<_>>()
    );

    let facilities: Vec<_> = support::detainers(&folder).expect("detainers").into_iter().collect();
    let weights: Vec<u64> = facilities.iter().map(|(_, count)| *count).collect();
    let drawn = draw_sample(&weights, 260, 2015).into_iter().map(|at| {
        let ((facility, city, state), _) = facilities[at].clone();
        vec![facility, city, state]
    });
    assert_eq!(
        drawn.collect::<Vec<_>>(),
        checked_facilities().into_iter().map(|one| one.key).collect::<Vec<_>>()
    );
}

/// The figures of the README are those that this test measures.
#[test]
fn the_readme_states_what_is_measured() {
    let Some(folder) = shared("") else { return };
    let parts =
        [shares_by_method(&folder), detainer_shares(&folder), scores(&folder), against_the_ice_list(&folder)];
    let report = parts.join("\n");
    println!("{report}");
    let readme = read_to_string(support::places_folder().join("README.md")).expect("the README");
    for line in report.lines().filter(|line| !line.is_empty()) {
        assert!(readme.contains(line), "the README lacks this line:\n{line}\n\nall lines:\n{report}");
    }
}

fn shares_by_method(folder: &Path) -> String {
    let mut counts: BTreeMap<Option<MethodGroup>, [u64; 4]> = BTreeMap::new();
    for ((aor, landmark, method), number) in support::arrests(folder).expect("arrests") {
        let quality = Places::builtin().landmark(aor, &landmark).quality;
        let at = PlaceQuality::ALL.iter().position(|&other| other == quality).expect("a quality");
        for group in [None, Some(MethodGroup::of(&method))] {
            counts.entry(group).or_default()[at] += number;
        }
    }
    let mut out = String::from(
        "| arrests, FY2016-18 | number | exact | rule | office-only | unplaced |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (group, counts) in counts {
        let total: u64 = counts.iter().sum();
        let name = group.map_or("all", MethodGroup::word);
        let _ = writeln!(out, "| {name} | {total} |{}", shares(counts, total));
    }
    out
}

fn detainer_shares(folder: &Path) -> String {
    let mut counts = [0; 4];
    for ((facility, city, state), number) in support::detainers(folder).expect("detainers") {
        if state.is_empty() {
            continue;
        }
        let quality = Places::builtin().facility(&facility, &city, &state).quality;
        counts[PlaceQuality::ALL.iter().position(|&other| other == quality).expect("a quality")] += number;
    }
    let total = counts.iter().sum();
    format!("| detainers, FY2015, that name a state | {total} |{}\n", shares(counts, total))
}

fn shares(counts: [u64; 4], total: u64) -> String {
    counts.iter().fold(String::new(), |mut out, count| {
        let _ = write!(out, " {:.1}% |", 100.0 * *count as f64 / total as f64);
        out
    })
}

fn scores(folder: &Path) -> String {
    let mut arrests: HashMap<Vec<String>, u64> = HashMap::new();
    for ((aor, landmark, _), number) in support::arrests(folder).expect("arrests") {
        *arrests
            .entry(vec![aor.map_or(String::new(), |aor| aor.code().to_owned()), landmark])
            .or_default() += number;
    }
    let detainers: HashMap<Vec<String>, u64> = support::detainers(folder)
        .expect("detainers")
        .into_iter()
        .map(|((facility, city, state), count)| (vec![facility, city, state], count))
        .collect();
    let (landmarks, facilities) = (checked_landmarks(), checked_facilities());
    let old_landmarks = old(folder, "landmark_county.csv", ["aor", "landmark"], &landmarks);
    let old_facilities =
        old(folder, "detainer_facility_county_fy2015.csv", ["facility", "city", "state"], &facilities);
    let mut out = String::from(
        "| checked | texts | precision | recall | precision, weighted | recall, weighted |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let mut line = |name: &str, part: &[Checked], weights: &HashMap<Vec<String>, u64>| {
        let (plain, weighted) =
            (score(part, |_| 1), score(part, |one| weights.get(&one.key).copied().unwrap_or_default()));
        let figures = [plain.precision(), plain.recall(), weighted.precision(), weighted.recall()];
        let cells = figures.map(|figure| format!("{:.1}%", 100.0 * figure)).join(" | ");
        let _ = writeln!(out, "| {name} | {} | {cells} |", part.len());
    };
    let at = DEVELOPMENT_LANDMARKS;
    line("landmarks, seen during development", &landmarks[..at], &arrests);
    line("landmarks, held out", &landmarks[at..], &arrests);
    line("landmarks, all, crosswalk before", &old_landmarks, &arrests);
    let at = DEVELOPMENT_FACILITIES;
    line("facilities, seen during development", &facilities[..at], &detainers);
    line("facilities, held out", &facilities[at..], &detainers);
    line("facilities, all, crosswalk before", &old_facilities, &detainers);
    let offices = score(&landmarks, |_| 1);
    let _ = writeln!(
        out,
        "Of {} checked landmarks called an office, {} are that office.",
        offices.offices, offices.offices_right
    );
    out
}

/// Facilities of the ICE list placed by the hand tables alone, against the county that ICE typed for them: a
/// check by someone else's knowledge. Rows are left out whose county cell names no single county of the state.
fn against_the_ice_list(folder: &Path) -> String {
    let gazetteer = Gazetteer::read(tables::HAND).expect("the hand tables");
    let text = read_to_string(folder.join("data/ice-facility-list-2017/facilities_2017-11-06.csv"))
        .expect("the list");
    let table = Table::parse("facilities_2017", &text).expect("a table");
    let [name, city, county, state] = table.columns(["name", "city", "county", "state"]).expect("columns");
    let mut agreed: BTreeMap<Rule, [u64; 2]> = BTreeMap::new();
    for row in table.rows() {
        let Some(typed) = typed_county(&row[county], &row[state]) else { continue };
        let place = place_facility(&gazetteer, &row[name], &row[city], &row[state]);
        if let Some(found) = place.located() {
            let [same, all] = agreed.entry(place.rule).or_default();
            *same += u64::from(found == typed);
            *all += 1;
        }
    }
    let mut out =
        String::from("| ICE list, placed without it | facilities | same county |\n| --- | ---: | ---: |\n");
    for (rule, [same, all]) in agreed.into_iter().filter(|&(rule, _)| rule != Rule::Override) {
        let _ = writeln!(out, "| {rule} | {all} | {:.1}% |", 100.0 * same as f64 / all as f64);
    }
    out
}

/// The one county of a state that a county cell names.
fn typed_county(cell: &str, state: &str) -> Option<CountyFips> {
    let plain = |name: &str| {
        let name = name.to_uppercase().replace("SAINT ", "ST. ");
        let kinds = [" COUNTY", " PARISH", " CITY", " BOROUGH", " CENSUS AREA", " MUNICIPALITY"];
        kinds.iter().find_map(|kind| name.strip_suffix(kind)).unwrap_or(&name).replace([' ', '.', '\''], "")
    };
    let home = postal(state)?;
    let counties = Places::builtin().counties().iter();
    let mut found = counties.filter(|county| county.state == home && plain(&county.name) == plain(cell));
    let first = found.next()?;
    found.next().is_none().then_some(first.fips)
}

/// The checked texts with the county of the table made by rules before this one.
fn old<const N: usize>(folder: &Path, name: &str, keys: [&str; N], checked: &[Checked]) -> Vec<Checked> {
    let text = read_to_string(folder.join("data/crosswalk").join(name)).expect("the crosswalk");
    let table = Table::parse(name, &text).expect("a table");
    let at = table.columns(keys).expect("key columns");
    let fips = table.column("county_fips").expect("a county column");
    let counties: HashMap<Vec<String>, &str> = table
        .rows()
        .iter()
        .filter(|row| !row[fips].is_empty())
        .map(|row| (at.iter().map(|&at| row[at].to_string()).collect(), row[fips].as_ref()))
        .collect();
    let place = |key: &[String]| match counties.get(key).and_then(|code| code.parse().ok()) {
        Some(county) => {
            Place { county: Some(county), state: None, quality: PlaceQuality::Rule, rule: Rule::CountyWord }
        }
        None => Place {
            county: None,
            state: key.last().and_then(|state| postal(state)),
            quality: PlaceQuality::Unplaced,
            rule: Rule::NoPlace,
        },
    };
    checked
        .iter()
        .map(|one| Checked { key: one.key.clone(), truth: one.truth, place: place(&one.key) })
        .collect()
}
