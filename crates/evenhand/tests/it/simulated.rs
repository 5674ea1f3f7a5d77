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

/// Rows by the text of a column, asked of the record.
fn by(record: &str, table: &str, column: &str) -> BTreeMap<String, u64> {
    let sql = format!("SELECT {column} AS said, count(*) AS rows FROM {table} GROUP BY 1");
    let told = evenhand(&["query", &sql, "--record", record, "--local", "--json"]).done().json();
    let rows = told["rows"].as_array().expect("rows").iter();
    rows.map(|row| {
        (row["said"].as_str().unwrap_or("none").to_owned(), row["rows"].as_u64().expect("a number of rows"))
    })
    .collect()
}

fn numbers(of: &Value) -> BTreeMap<String, u64> {
    let of = of.as_object().expect("numbers by name");
    of.iter().map(|(name, rows)| (name.clone(), rows.as_u64().expect("a number"))).collect()
}

/// A step of an account: rows kept, rows set aside.
fn step(told: &Value, name: &str, table: &str) -> (u64, u64) {
    let steps = told["steps"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["name"] == name && step["table"] == table);
    let found = found.unwrap_or_else(|| panic!("no step {name} of {table}"));
    let rows = |key: &str| found[key].as_u64().expect("a number of rows");
    (rows("rows_kept"), rows("rows_read") - rows("rows_kept"))
}

#[test]
fn states_and_places_filled_in_and_the_cut_between_releases_are_those_planted() {
    for (release, newer) in [("r2026mar", "ice-r2026aug"), ("r2025jul", "ice-r2026mar")] {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let (folder, record) = (scratch.path().join("made-up"), scratch.path().join("record"));
        let words = ["simulate", "--release", release, "--scale", "60000", "--json", "--without", "year-two"];
        let tables = ["--tables", "arrests,detainers,detention_stints"];
        let truth = evenhand(&[&words[..], &tables, &["--out", word(&folder)]].concat()).done().json();
        let own = truth["release"].as_str().expect("an id");
        let boundaries = truth["boundaries"].as_array().expect("boundaries");
        let cut = &boundaries[boundaries.len() / 2];
        let day = cut["day"].as_str().expect("a day");
        let ingest = |boundary: &str| {
            let words = ["ingest", word(&folder), "--record", word(&record), "--json"];
            evenhand(&[&words[..], &["--boundary", boundary]].concat()).done().json()
        };
        let told = ingest(&format!("{own}={day}"));
        let states = numbers(&truth["fills"]["arrest_states"]["by_source"]);
        // Every source is met, or the comparison would say little.
        assert_eq!(states.len(), 6, "{release}: {states:?}");
        let by_step = states.iter().filter(|(source, _)| *source != "none");
        for (source, rows) in by_step {
            let name = if source == "released" { "state-released" } else { source };
            assert_eq!(step(&told, name, "arrests").0, *rows, "{release}: {name}");
        }
        let record = word(&record);
        assert_eq!(by(record, "arrest_episodes", "state_source"), states, "{release}");
        let states_of = |fill: &str| {
            let mut states = numbers(&truth["fills"][fill]["by_state"]);
            let none = truth["fills"][fill]["by_source"]["none"].as_u64();
            states.extend(none.map(|rows| ("none".to_owned(), rows)));
            states
        };
        for (fill, table, column) in [
            ("arrest_states", "arrest_episodes", "apprehension_state_filled"),
            ("detainer_states", "detainer_places", "facility_state_filled"),
            ("stay_states", "detention_stays", "facility_state_last"),
        ] {
            assert_eq!(by(record, table, column), states_of(fill), "{release}: {fill}");
        }
        let detainers = numbers(&truth["fills"]["detainer_states"]["by_source"]);
        assert_eq!(by(record, "detainer_places", "state_source"), detainers, "{release}");
        let stays = numbers(&truth["fills"]["stay_states"]["by_source"]);
        assert!(stays["none"] > 0, "{release}: no unlisted code was planted");
        assert_eq!(
            step(&told, "facility-places", "detention_stays"),
            (stays["facility-places"], stays["none"])
        );
        let of = |key: &str| cut[key].as_u64().expect("a number");
        let all = truth["fills"]["stay_states"]["rows"].as_u64().expect("a number of stays");
        assert!(of("crossing_stays") > 0, "{release}: no stay crosses {day}");
        assert_eq!(
            step(&told, "release-boundary", "detention_stays"),
            (of("stays_after"), all - of("stays_after"))
        );
        assert_eq!(
            step(&told, "boundary-stays", "detention_stints"),
            (of("crossing_stints"), 0),
            "{release}"
        );
        // The same release as the older one: what it does not hold is what the newer one does.
        let told = ingest(&format!("{newer}={day}"));
        assert_eq!(
            step(&told, "release-boundary", "detention_stays"),
            (all - of("stays_after"), of("stays_after"))
        );
        assert_eq!(
            step(&told, "boundary-stays", "detention_stints"),
            (0, of("crossing_stints")),
            "{release}"
        );
    }
}

#[test]
fn two_releases_of_one_record_are_compared_week_by_week() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = scratch.path().join("record");
    let (mut truths, mut accounts) = (Vec::new(), Vec::new());
    for release in ["r2025oct", "r2026mar"] {
        let folder = scratch.path().join(release);
        let words = ["simulate", "--release", release, "--scale", "3000", "--without", "year-two", "--json"];
        truths.push(evenhand(&[&words[..], &["--out", word(&folder)]].concat()).done().json());
        accounts
            .push(evenhand(&["ingest", word(&folder), "--record", word(&record), "--json"]).done().json());
    }
    assert_eq!(accounts[0]["overlaps"].as_array().map(Vec::len), Some(0));
    let overlaps = accounts[1]["overlaps"].as_array().expect("overlaps");
    let tables =
        overlaps.iter().map(|overlap| overlap["table"].as_str().expect("a table")).collect::<Vec<_>>();
    assert_eq!(tables, ["arrests", "detainers", "detention_stints", "encounters", "removals"]);
    for overlap in overlaps {
        assert_eq!(overlap["releases"], serde_json::json!(["ice-r2025oct", "ice-r2026mar"]));
        let table = overlap["table"].as_str().expect("a table");
        let (first, last) =
            (overlap["first_day"].as_str().unwrap_or(""), overlap["last_day"].as_str().unwrap_or(""));
        let told = truths.iter().map(|truth| {
            let weeks = truth["tables"][table]["weeks"].as_array().expect("weeks").iter();
            let inside =
                weeks.filter(|week| week[0].as_str().is_some_and(|day| (first..=last).contains(&day)));
            inside.map(|week| week[2].as_u64().expect("a number of rows")).sum::<u64>()
        });
        assert_eq!(overlap["rows"], serde_json::json!(told.collect::<Vec<_>>()), "{table}");
        assert!(overlap["largest_difference"].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)));
    }
    let text =
        evenhand(&["ingest", word(&scratch.path().join("r2025oct")), "--record", word(&record)]).done();
    assert!(text.out.contains("weeks that two releases cover"), "{}", text.out);
}

#[test]
fn older_rules_take_the_place_of_todays() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let (folder, record) = (scratch.path().join("made-up"), scratch.path().join("record"));
    evenhand(&["simulate", "--release", "r2026mar", "--scale", "3000", "--out", word(&folder)]).done();
    let words = ["ingest", word(&folder), "--record", word(&record), "--json", "--with"];
    let older = "state-duty-site,detainer-repeats-same-day,removal-stays-wide";
    let told = evenhand(&[&words[..], &[older]].concat()).done().json();
    let names = told["steps"].as_array().expect("steps").iter();
    let names = names.map(|step| step["name"].as_str().expect("a name")).collect::<Vec<_>>();
    for (older, todays) in [
        ("state-duty-site", "state-landmark-code"),
        ("detainer-repeats-same-day", "detainer-repeats"),
        ("removal-stays-wide", "removal-stays"),
    ] {
        assert!(names.contains(&older) && !names.contains(&todays), "{names:?}");
    }
    // Every duty site of the release names its state.
    assert_eq!(step(&told, "state-duty-site", "arrests").1, 0);
    let listed = evenhand(&["ingest", "--list-steps"]).done();
    assert!(listed.out.contains("state-duty-site"), "{}", listed.out);
    let words = ["ingest", word(&folder), "--record", word(&record), "--boundary"];
    evenhand(&[&words[..], &["ice-r2062=2025-01-01"]].concat()).refused(2, "no release `ice-r2062`");
    evenhand(&[&words[..], &["ice-r2026mar=soon"]].concat()).refused(2, "expected RELEASE=YYYY-MM-DD");
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
