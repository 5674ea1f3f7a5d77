//! `evenhand estimate` on small tables that each test writes.

use crate::run::{Ran, evenhand, word};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Four units over six periods; `a` gains 10 from period 4 on, and every series moves in its own way.
const ONE_START: &str = "unit,time,y,first\n\
    a,1,3.0,4\na,2,5.0,4\na,3,4.0,4\na,4,16.0,4\na,5,15.0,4\na,6,17.0,4\n\
    b,1,1.0,\nb,2,3.5,\nb,3,2.0,\nb,4,4.0,\nb,5,3.0,\nb,6,5.0,\n\
    c,1,8.0,\nc,2,7.0,\nc,3,9.0,\nc,4,8.5,\nc,5,9.5,\nc,6,9.0,\n\
    d,1,2.0,\nd,2,4.5,\nd,3,3.0,\nd,4,5.0,\nd,5,4.5,\nd,6,6.5,\n";

fn file(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a scratch file");
    path
}

/// Runs a method on a text, with the columns of the tables here.
fn run(method: &str, text: impl AsRef<[u8]>, more: &[&str]) -> Ran {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let path = file(scratch.path(), "mine.csv", text);
    let words =
        ["estimate", method, "--data", word(&path), "--unit", "unit", "--time", "time", "--outcome", "y"];
    evenhand(&[&words[..], more].concat())
}

fn json(method: &str, text: &str, more: &[&str]) -> Value {
    run(method, text, &[&["--json"], more].concat()).done().json()
}

#[test]
fn estimate_speaks_estimate_1() {
    let document = json("synthetic-did", ONE_START, &["--cohort", "first"]);
    assert_eq!((&document["schema"], &document["method"]), (&"estimate/1".into(), &"synthetic-did".into()));
    for key in ["n_obs", "n_units", "n_periods"] {
        assert!(document[key].is_u64(), "{key}: {document}");
    }
    for (key, is_there) in
        [("options", document["options"].is_object()), ("caveats", document["caveats"].is_array())]
    {
        assert!(is_there, "{key}: {document}");
    }
    assert!(document.get("seed").is_some() && document.get("n_clusters").is_some());
    let term = document["estimates"][0].as_object().expect("a term");
    let keys = term.keys().map(String::as_str).collect::<Vec<_>>();
    let documented = [
        "term",
        "estimate",
        "std_error",
        "statistic",
        "p_value",
        "conf_low",
        "conf_high",
        "event_time",
        "cohort",
        "period",
    ];
    assert_eq!(keys[..10], documented);
    assert!(term["estimate"].is_f64() && term["event_time"].is_null());
}

#[test]
fn every_way_to_say_who_is_treated_gives_the_same() {
    let marked = |text: &str| -> String {
        let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
        lines[0].push_str(",d,ever");
        for line in &mut lines[1..] {
            let (is_a, late) =
                (line.starts_with("a,"), ["4", "5", "6"].contains(&line.split(',').nth(1).unwrap()));
            let _ = write!(line, ",{},{}", u8::from(is_a && late), u8::from(is_a));
        }
        lines.join("\n")
    };
    let text = marked(ONE_START);
    let estimates = [
        &["--cohort", "first"][..],
        &["--treatment", "d"],
        &["--treated", "a", "--start", "4"],
        &["--treated", "ever", "--start", "4"],
    ]
    .map(|flags| json("did", &text, flags)["estimates"].clone());
    assert!(estimates.iter().all(|found| *found == estimates[0]), "{estimates:?}");
}

#[test]
fn never_treated_has_many_spellings() {
    let expected = json("did", ONE_START, &["--cohort", "first"]);
    for never in ["0", "NA", "inf", "Inf", "NaN", "never", "0.0"] {
        let text = ONE_START.replace(",\n", &format!(",{never}\n"));
        assert_eq!(json("did", &text, &["--cohort", "first"]), expected, "{never}");
    }
}

#[test]
fn csv_holds_what_json_holds() {
    let document = json("did", ONE_START, &["--cohort", "first"]);
    let csv = run("did", ONE_START, &["--cohort", "first", "--csv"]).done().out;
    let mut lines = csv.lines();
    let names = lines.next().expect("a header").split(',').collect::<Vec<_>>();
    let cells = lines.next().expect("a row").split(',').collect::<Vec<_>>();
    for (name, cell) in names.iter().zip(cells) {
        match &document["estimates"][0][*name] {
            Value::Null => assert_eq!(cell, "", "{name}"),
            Value::String(text) => assert_eq!(cell, text, "{name}"),
            number => {
                // The reader of JSON in this test may be off by one in the last place.
                let (a, b) = (cell.parse::<f64>().expect(name), number.as_f64().expect(name));
                assert!((a - b).abs() <= 1e-15 * b.abs(), "{name}: {a}, expected {b}");
            }
        }
    }
}

#[test]
fn every_format_of_a_table_gives_the_same() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let expected = json("did", ONE_START, &["--cohort", "first"]);
    let quoted = ONE_START.replace("a,", "\"a\",").replace("unit,time", "\"unit\",\"time\"");
    let gzipped = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, ONE_START.as_bytes()).expect("a buffer takes all");
        encoder.finish().expect("a buffer takes all")
    };
    let tables = [
        ("semicolons.csv", ONE_START.replace(',', ";").into_bytes()),
        ("tabs.tsv", ONE_START.replace(',', "\t").into_bytes()),
        ("windows.csv", ONE_START.replace('\n', "\r\n").into_bytes()),
        ("marked.csv", [b"\xef\xbb\xbf", ONE_START.as_bytes()].concat()),
        ("open.csv", ONE_START.trim_end().as_bytes().to_vec()),
        ("quoted.csv", quoted.into_bytes()),
        ("packed.csv.gz", gzipped),
    ];
    for (name, bytes) in tables {
        let path = scratch.path().join(name);
        fs::write(&path, bytes).expect("a scratch file");
        let words = [
            "estimate",
            "did",
            "--data",
            word(&path),
            "--unit",
            "unit",
            "--time",
            "time",
            "--outcome",
            "y",
            "--cohort",
            "first",
            "--json",
        ];
        assert_eq!(evenhand(&words).done().json(), expected, "{name}");
    }
}

#[test]
fn rows_with_a_missing_value_are_left_out_and_counted() {
    let text = format!("{ONE_START}e,1,NA,\ne,2,,\n");
    let document = json("did", &text, &["--cohort", "first"]);
    assert_eq!(document["caveats"][0]["code"], "missing_rows");
    assert!(document["caveats"][0]["text"].as_str().is_some_and(|text| text.starts_with("2 rows")));
    assert_eq!(document["estimates"], json("did", ONE_START, &["--cohort", "first"])["estimates"]);
}

#[test]
fn dates_are_periods_too() {
    let text = ["1", "2", "3", "4", "5", "6"].iter().fold(ONE_START.to_owned(), |text, month| {
        text.replace(&format!(",{month},"), &format!(",2017-0{month},"))
    });
    let text = text.replace(",4\n", ",2017-04\n");
    let dated = json("did", &text, &["--cohort", "first"]);
    assert_eq!(dated["estimates"], json("did", ONE_START, &["--cohort", "first"])["estimates"]);
    assert_eq!(dated["periods"][0], "2017-01");
}

#[track_caller]
fn check_refused(text: &str, more: &[&str], code: i32, needle: &str) {
    run("did", text, more).refused(code, needle);
}

#[test]
fn what_is_wrong_with_a_table_is_named() {
    let cohort = &["--cohort", "first"];
    check_refused(&ONE_START.replace("unit,time,y", "unit,time,why"), cohort, 3, "no column `y`");
    check_refused(
        ONE_START,
        &["--cohort", "frist"],
        3,
        "no column `frist`; there are `unit`, `time`, `y`, `first`",
    );
    check_refused(
        &ONE_START.replace("c,3,9.0", "c,3,nine"),
        cohort,
        3,
        "row 16, column `y`: expected a number, found `nine`",
    );
    check_refused(&ONE_START.replace("c,3,", "c,2,"), cohort, 3, "unit `c` twice in one period");
    check_refused(&ONE_START.replace(",\n", ",4\n"), cohort, 3, "no unit is untreated");
    check_refused(&ONE_START.replace(",4\n", ",\n"), cohort, 3, "no unit starts treatment");
    check_refused(&ONE_START.replace(",4\n", ",soon\n"), cohort, 3, "expected a period, found `soon`");
    check_refused(&ONE_START.replace("b,2,3.5,", "b,2,3.5"), cohort, 3, "row 9: 3 cells, expected 4");
    check_refused("unit,time,y,first\n", cohort, 3, "no rows");
    check_refused("", cohort, 3, "the file is empty");
    check_refused("unit,time,y,first\na,1,\"3,4\n", cohort, 3, "a quote is opened and never closed");
    check_refused("PAR1 and then nothing of a Parquet file", cohort, 3, "the Parquet file is cut or damaged");
    // Its Arrow schema lacks its fields, at which the library panics.
    let parquet = include_bytes!("../../../../fuzz/corpus/parquet/no-arrow-fields.parquet");
    run("did", parquet, cohort).refused(3, "the Parquet file is cut or damaged");
    check_refused("PK\u{3}\u{4} a workbook", cohort, 3, "found a workbook");
    check_refused(ONE_START, &["--treated", "z", "--start", "4"], 2, "no such unit");
    check_refused(ONE_START, &["--treated", "a"], 2, "`--start PERIOD`");
}

#[test]
fn what_is_wrong_with_the_words_is_usage() {
    run("sythetic-did", ONE_START, &["--cohort", "first"]).refused(2, "no method `sythetic-did`");
    run("did", ONE_START, &[]).refused(2, "`did` needs `--cohort COLUMN`");
    run("did", ONE_START, &["--cohort", "first", "--base", "universal"])
        .refused(2, "has no use for `--base`");
    for words in
        [&["--cohort", "first", "--level", "1.5"][..], &["--json", "--csv"], &["--control", "always"]]
    {
        assert_eq!(run("did", ONE_START, words).code, 2, "{words:?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    evenhand(&[
        "estimate",
        "did",
        "--data",
        "no/such.csv",
        "--unit",
        "u",
        "--time",
        "t",
        "--outcome",
        "y",
        "--cohort",
        "g",
    ])
    .refused(3, "no/such.csv");
}

/// Rows of a table that goes with estimates, as (label, number), NaN where there is none.
fn rows(document: &Value, table: &str) -> Vec<(String, f64)> {
    let rows = document["details"][table].as_array().unwrap_or_else(|| panic!("{table}: {document}"));
    let cells = |row: &Value| {
        let cells = row.as_object().expect("a row").values().cloned().collect::<Vec<_>>();
        (cells[0].as_str().expect("a label").to_owned(), cells[1].as_f64().unwrap_or(f64::NAN))
    };
    rows.iter().map(cells).collect()
}

#[test]
fn a_synthetic_control_is_tried_at_other_dates_and_without_each_donor() {
    let words = ["--cohort", "first", "--placebo-dates", "3", "--leave-one-out"];
    let document = json("synthetic-control", ONE_START, &words);
    let estimate = document["estimates"][0]["estimate"].as_f64().expect("an estimate");
    let dates = rows(&document, "placebo_dates");
    assert!(dates.len() == 1 && dates[0].0 == "3" && dates[0].1.abs() < estimate.abs(), "{dates:?}");
    let without = rows(&document, "leave_one_out");
    assert_eq!(without.iter().map(|(donor, _)| donor.as_str()).collect::<Vec<_>>(), ["b", "c", "d"]);
    assert!(without.iter().any(|(_, other)| (other - estimate).abs() > 1e-9), "{without:?}");
    assert_eq!(rows(&document, "placebo_units").len(), 3);
}

#[test]
fn the_jackknife_names_what_each_cluster_does() {
    let document = json("twfe", ONE_START, &["--cohort", "first", "--inference", "jackknife"]);
    let without = rows(&document, "leave_one_out");
    let text = ONE_START.lines().filter(|line| !line.starts_with("c,")).collect::<Vec<_>>().join("\n");
    let other = json("twfe", &text, &["--cohort", "first"]);
    let refitted = other["estimates"][0]["estimate"].as_f64().expect("an estimate");
    assert!(without.len() == 4 && without[2].0 == "c", "{without:?}");
    assert!((without[2].1 - refitted).abs() < 1e-9, "{without:?} {refitted}");
    // Nothing is left to estimate without the one treated unit.
    assert!(without[0].1.is_nan(), "{without:?}");
}

#[test]
fn threads_change_nothing() {
    let outputs = ["1", "4"].map(|threads| {
        let words = ["--cohort", "first", "--json", "--threads", threads];
        run("synthetic-did", ONE_START, &words).done().out
    });
    assert_eq!(BTreeSet::from(outputs).len(), 1);
}

#[test]
fn the_table_fits_a_terminal_and_the_figure_stands_alone() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let figure = scratch.path().join("figure.svg");
    let ran = run("synthetic-control", ONE_START, &["--cohort", "first", "--svg", word(&figure)]).done();
    assert!(ran.out.contains("att") && ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
    let svg = fs::read_to_string(figure).expect("the figure");
    assert!(svg.starts_with("<svg xmlns=") && svg.contains("<desc") && svg.contains("mine.csv"));
}

#[test]
fn the_list_names_every_method_with_its_name_in_r() {
    let listed = evenhand(&["estimate", "--list", "--json"]).done().json();
    let methods = listed["methods"].as_array().expect("methods");
    let names = methods.iter().filter_map(|method| method["name"].as_str()).collect::<BTreeSet<_>>();
    assert!(names.len() == methods.len() && names.contains("synthetic-did"));
    let text = evenhand(&["estimate", "--list"]).done().out;
    assert!(names.iter().all(|name| text.contains(name)));
}

/// Twenty-four units over ten periods: counts, a covariate, a group that the policy can reach, and starts in `starts`
/// (0 is never).
fn panel(starts: [u32; 4]) -> String {
    let mut text = String::from("unit,time,y,x,first,reach,share\n");
    for unit in 0..24u32 {
        let first = starts[unit as usize % 4];
        for time in 1..=10u32 {
            let noise = (unit * 37 + time * 101 + unit * time * 13) % 7;
            let effect = if first > 0 && time >= first { 4 + time - first } else { 0 };
            let y = 5 + unit % 5 + time / 2 + noise + effect;
            let _ = writeln!(
                text,
                "u{unit:02},{time},{y},{},{first},{},0.{y:02}",
                (unit * time) % 11,
                u32::from(unit % 8 < 4)
            );
        }
    }
    text
}

#[test]
fn every_method_answers_or_says_why_not() {
    let listed = evenhand(&["estimate", "--list", "--json"]).done().json();
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let staggered = file(scratch.path(), "staggered.csv", panel([0, 5, 7, 0]));
    let together = file(scratch.path(), "together.csv", panel([0, 0, 6, 0]));
    for method in listed["methods"].as_array().into_iter().flatten() {
        let name = method["name"].as_str().expect("a name");
        let takes = |flag: &str| {
            let lists = [&method["needs"], &method["flags"]];
            lists.iter().flat_map(|list| list.as_array().into_iter().flatten()).any(|word| word == flag)
        };
        let mut runs = Vec::new();
        for data in [&staggered, &together] {
            let outcome = if name == "fractional-logit" { "share" } else { "y" };
            let mut words = vec!["estimate", name, "--data", word(data), "--outcome", outcome, "--json"];
            for (flag, column) in
                [("unit", "unit"), ("time", "time"), ("cohort", "first"), ("partition", "reach")]
            {
                let dashed = ["--unit", "--time", "--cohort", "--partition"];
                let at = dashed.iter().find(|dashed| dashed.ends_with(flag)).expect("a flag");
                if takes(flag) {
                    words.extend([*at, column]);
                }
            }
            if name == "ols" {
                words.extend(["--covariates", "x", "--fe", "unit,time"]);
            }
            let ran = evenhand(&words);
            assert!([0, 3].contains(&ran.code), "{name}: {}", ran.err);
            assert!(
                !ran.err.contains("a bug of its own") && !ran.out.contains("NaN"),
                "{name}: {}{}",
                ran.out,
                ran.err
            );
            runs.push(ran);
        }
        let answered =
            runs.iter().find(|ran| ran.code == 0).unwrap_or_else(|| panic!("{name}: {}", runs[1].err));
        let document = answered.json();
        assert_eq!((&document["schema"], &document["method"]), (&"estimate/1".into(), &name.into()));
        assert!(document["estimates"][0]["estimate"].is_number(), "{document}");
    }
}
