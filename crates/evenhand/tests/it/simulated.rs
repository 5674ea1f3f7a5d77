//! Made-up releases through the real binary: what `simulate` says is true must come out of `ingest`.

use crate::run::{evenhand, word};
use serde_json::Value;
use std::collections::BTreeMap;

/// Rows by reason, the reasons that concern cells (a primary date that is none) left out.
fn structural(set_aside: &Value) -> BTreeMap<String, u64> {
    let of = set_aside.as_object().expect("rows by reason");
    of.iter()
        .filter(|(reason, _)| {
            ["repeated_header", "blank_row", "total_row", "footnotes"].contains(&reason.as_str())
        })
        .map(|(reason, rows)| (reason.clone(), rows.as_u64().expect("a number of rows")))
        .collect()
}

#[test]
fn the_ledger_of_a_made_up_release_is_its_truth() {
    for release in ["r2023", "r2025oct", "r2026mar", "r2026aug"] {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let (folder, record) = (scratch.path().join("made-up"), scratch.path().join("record"));
        // A row that is set aside has no cells to count.
        let words = ["simulate", "--release", release, "--scale", "4000", "--without", "year-two", "--json"];
        let words = [&words[..], &["--out", word(&folder)]].concat();
        let truth = evenhand(&words).done().json();
        assert_eq!(truth["schema"], "truth/1");
        let told = evenhand(&["ingest", word(&folder), "--record", word(&record), "--json"]).done().json();
        let files = told["files"].as_array().expect("files");
        assert_eq!(files.len(), truth["files"].as_array().expect("files").len(), "{release}");
        for truth in truth["files"].as_array().expect("files") {
            let name = truth["file"].as_str().expect("a name");
            let path = |file: &&Value| file["path"].as_str().is_some_and(|path| path.ends_with(name));
            let file = files.iter().find(path).unwrap_or_else(|| panic!("{name} was not read"));
            sheets(name, truth, file);
        }
        derived(release, &truth, &told);
        evenhand(&["verify", "--record", word(&record)]).done();
        for (table, day, area) in PRIMARY {
            if !truth["tables"][table].is_null() {
                weeks(
                    &format!("{release}, {table}"),
                    &truth["tables"][table],
                    word(&record),
                    table,
                    day,
                    area,
                );
            }
        }
    }
}

/// What the steps of the derived tables keep is what was planted.
fn derived(release: &str, truth: &Value, told: &Value) {
    let steps = told["steps"].as_array().expect("steps");
    let kept = |step: &str| {
        let found = steps.iter().find(|found| found["name"] == step);
        found.map(|found| found["rows_kept"].as_u64().expect("a number of rows"))
    };
    let groups = [
        ("arrest_episodes", "arrest-episodes", "kept"),
        ("detainers", "detainer-repeats", "kept"),
        ("encounters", "encounter-repeats", "kept"),
        ("removals", "removal-repeats", "kept"),
        ("detention_stays", "stint-day-repeats", "kept"),
    ];
    let pairs = [("arrest_stays", "arrest-stays", "pairs"), ("removal_stays", "removal-stays", "pairs")];
    for ((name, step, number), list) in
        groups.iter().map(|group| (group, "groups")).chain(pairs.iter().map(|pair| (pair, "pairs")))
    {
        let Some(planted) = truth[list][name][number].as_u64() else { continue };
        assert_eq!(kept(step), Some(planted), "{release}: {step}");
    }
}

/// Tables with their primary date, and their area where every release names it alike.
const PRIMARY: [(&str, &str, Option<&str>); 5] = [
    ("arrests", "apprehension_date", Some("apprehension_aor")),
    ("detainers", "detainer_prepare_date", Some("facility_aor")),
    ("detention_stints", "book_in_date", None),
    ("encounters", "event_date", Some("responsible_aor")),
    ("removals", "departed_date", None),
];

/// Rows by week and area, and rows without a person, asked of the record.
fn weeks(place: &str, truth: &Value, record: &str, table: &str, day: &str, area: Option<&str>) {
    let query = |sql: &str| evenhand(&["query", sql, "--record", record, "--local", "--json"]).done().json();
    let without = query(&format!("SELECT count(*) AS rows FROM {table} WHERE person_id IS NULL"));
    assert_eq!(without["rows"][0]["rows"], truth["without_id"], "{place}: rows without an identifier");
    let has_area = truth["weeks"].as_array().expect("weeks").iter().any(|week| !week[1].is_null());
    let area = area.filter(|_| has_area).unwrap_or("CAST(NULL AS VARCHAR)");
    let found = query(&format!(
        "SELECT CAST(date_trunc('week', {day}) AS DATE) AS week, {area} AS area, count(*) AS rows \
         FROM {table} WHERE {day} IS NOT NULL GROUP BY 1, 2"
    ));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let by_week = |list: &mut dyn Iterator<Item = (String, String, u64)>| {
        let mut weeks = BTreeMap::<(String, String), u64>::new();
        for (week, area, rows) in list {
            *weeks.entry((week, area)).or_default() += rows;
        }
        weeks
    };
    let rows = |value: &Value| value.as_u64().expect("a number of rows");
    let found = found["rows"].as_array().expect("rows").iter();
    let found = by_week(
        &mut found.map(|row| (text(&row["week"])[..10].to_owned(), text(&row["area"]), rows(&row["rows"]))),
    );
    let told = truth["weeks"].as_array().expect("weeks").iter();
    let told = by_week(&mut told.map(|week| {
        let area = if area.starts_with("CAST") { String::new() } else { text(&week[1]) };
        (text(&week[0]), area, rows(&week[2]))
    }));
    let window =
        told.keys().next().expect("a week").0.clone()..=told.keys().next_back().expect("a week").0.clone();
    // Dates outside the window are in no week of the truth, whatever becomes of them.
    let inside = found.into_iter().filter(|((week, _), _)| window.contains(week));
    assert_eq!(inside.collect::<BTreeMap<_, _>>(), told, "{place}: rows by week and area");
}

fn sheets(name: &str, truth: &Value, file: &Value) {
    let (truths, read) =
        (truth["sheets"].as_array().expect("sheets"), file["sheets"].as_array().expect("sheets"));
    assert_eq!(read.len(), truths.len(), "{name}");
    for (truth, sheet) in truths.iter().zip(read) {
        let place = format!("{name}, {}", truth["sheet"]);
        assert_eq!(sheet["name"], truth["sheet"], "{place}");
        assert_eq!(structural(&sheet["set_aside"]), structural(&truth["set_aside"]), "{place}");
        assert_eq!(sheet["rows_read"], truth["rows"], "{place}");
        if truth["hidden"] == true {
            continue;
        }
        assert_eq!(sheet["header_row"], truth["header_row"], "{place}");
        let (columns, told) = (sheet["columns"].as_array(), truth["columns"].as_array());
        let (columns, told) = (columns.expect("columns"), told.expect("columns"));
        assert_eq!(columns.len(), told.len(), "{place}");
        for (column, told) in columns.iter().zip(told) {
            assert_eq!(column["header"], told["header"], "{place}");
            assert_eq!(column["redacted"], told["markers"], "{place}, {}", told["header"]);
        }
    }
}

#[test]
fn a_made_up_release_is_not_mixed_with_other_files() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    std::fs::write(scratch.path().join("other.txt"), "").expect("a scratch file");
    evenhand(&["simulate", "--release", "r2026mar", "--out", word(scratch.path())])
        .refused(2, "not an empty folder");
    let new = scratch.path().join("new");
    evenhand(&["simulate", "--release", "r1999", "--out", word(&new)]).refused(2, "unknown release `r1999`");
    assert!(!new.exists());
    let words = ["simulate", "--release", "r2026mar", "--out", word(&new), "--without", "typos"];
    evenhand(&words).refused(2, "typos");
}
