//! What comes out: data on stdout, talk on stderr, shapes that scripts rely on.

use crate::released::{RELEASE, record, release};
use crate::run::{command, contents, evenhand, finished, word};
use serde_json::Value;
use std::fs;
use std::process::Stdio;

#[test]
fn check_speaks_check_1() {
    let document = evenhand(&["check", "--json"]).done().json();
    assert_eq!(document["schema"], "check/1");
    for key in ["engine", "record"] {
        assert!(!document[key].is_null(), "{key}");
    }
    let verdicts = document["verdicts"].as_array().expect("verdicts");
    assert_eq!(verdicts.len(), 27);
    for verdict in verdicts {
        for key in ["claim", "status", "say", "rule_hash", "command"] {
            assert!(verdict[key].is_string(), "{}: {key}: {}", verdict["claim"], verdict[key]);
        }
        for key in ["modifiers", "tests", "caveats"] {
            assert!(verdict[key].is_array(), "{}: {key}: {}", verdict["claim"], verdict[key]);
        }
        for test in verdict["tests"].as_array().into_iter().flatten() {
            check_test(test);
        }
    }
}

#[track_caller]
fn check_test(test: &Value) {
    assert!(test["id"].is_string() && test["kind"].is_string(), "{test}");
    match test["state"].as_str() {
        Some("run") => assert!(test.get("why").is_none_or(Value::is_null), "{test}"),
        Some("not_run") => {
            assert!(test["why"].as_str().is_some_and(|why| !why.is_empty()), "{test}");
            for number in ["est", "lo", "hi", "p", "value"] {
                assert!(
                    test.get(number).is_none_or(Value::is_null),
                    "a number from a test that was not run: {test}"
                );
            }
        }
        other => panic!("{other:?}: {test}"),
    }
}

#[test]
fn every_claim_prints_a_page_with_its_command() {
    let document = evenhand(&["check", "--json"]).done().json();
    for verdict in document["verdicts"].as_array().into_iter().flatten() {
        let claim = verdict["claim"].as_str().expect("an id");
        let page = evenhand(&["check", "--claim", claim]).done().out;
        assert!(page.contains(claim) && page.contains(&format!("evenhand check --claim {claim}")), "{page}");
    }
}

#[test]
fn ingest_speaks_ingest_1() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let (files, record) = (release(scratch.path(), 40), scratch.path().join("record"));
    let ran = evenhand(&["ingest", word(&files), "--record", word(&record), "--json"]).done();
    let document = ran.json();
    assert_eq!(document["schema"], "ingest/1");
    assert_eq!(document["record"], word(&record));
    let file = &document["files"][0];
    assert_eq!(file["path"], "EROArrests_FY2017.csv.gz");
    assert_eq!(file["sha256"].as_str().map(str::len), Some(64));
    let sheet = &file["sheets"][0];
    assert_eq!((&sheet["table"], &sheet["header_row"]), (&"arrests".into(), &6.into()));
    assert_eq!((&sheet["rows_read"], &sheet["rows_kept"]), (&40.into(), &40.into()));
    for key in ["name", "layout"] {
        assert!(sheet[key].is_string(), "{key}");
    }
    assert!(sheet["set_aside"].is_object() && sheet["warnings"].is_array());
}

#[test]
fn a_release_read_twice_is_in_the_record_once() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = record(scratch.path());
    let before = contents(&record);
    let files = scratch.path().join(RELEASE);
    evenhand(&["ingest", word(&files), "--record", word(&record)]).done();
    assert!(contents(&record) == before);
}

#[test]
fn the_ledger_reads_with_separators() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let (files, record) = (release(scratch.path(), 1_234), scratch.path().join("record"));
    let ran = evenhand(&["ingest", word(&files), "--record", word(&record)]).done();
    assert!(ran.out.contains("1,234"), "{}", ran.out);
    assert!(ran.err.contains(word(&record)), "{}", ran.err);
}

#[test]
fn nothing_is_wider_than_asked_nor_colored_off_a_terminal() {
    for width in ["60", "80", "120"] {
        for words in [vec!["check", "--width", width], vec!["check", "--claim", "A13", "--width", width]] {
            let ran = evenhand(&words).done();
            let limit: usize = width.parse().expect("a number");
            // A web address or a command cannot be broken without breaking it.
            let prose = |line: &&str| !line.contains("://") && !line.contains("evenhand check");
            let wide = ran.out.lines().filter(prose).find(|line| line.chars().count() > limit);
            assert_eq!(wide, None, "{words:?}");
            assert!(!ran.out.contains('\u{1b}'));
        }
    }
}

#[test]
fn color_can_be_forced_and_refused() {
    let colored = evenhand(&["check", "--color", "always"]).done().out;
    let plain = evenhand(&["check", "--color", "never"]).done().out;
    assert!(colored.contains('\u{1b}') && !plain.contains('\u{1b}'));
    let same = without_escapes(&colored).lines().map(str::trim_end).eq(plain.lines());
    assert!(same, "color is all that differs: {colored}");
    let refused = finished(command(&["check"]).env("NO_COLOR", "1").output().expect("the binary runs"));
    assert_eq!(refused.out, plain);
}

fn without_escapes(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[test]
fn a_reader_who_leaves_is_no_failure() {
    let mut child = command(&["check", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let ran = finished(child.wait_with_output().expect("the binary ends"));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn a_report_is_one_page_that_asks_nobody() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let path = scratch.path().join("all-claims.html");
    let ran = evenhand(&["check", "--report", word(&path)]).done();
    assert!(ran.err.contains("all-claims.html") && !ran.out.contains("all-claims.html"));
    let page = fs::read_to_string(&path).expect("the report");
    assert!(page.len() < 600_000, "{} bytes", page.len());
    for outside in ["src=\"http", "src='http", "url(http", "@import", "<link rel=\"stylesheet\"", "fetch("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let verdicts = evenhand(&["check", "--json"]).done().json();
    for verdict in verdicts["verdicts"].as_array().into_iter().flatten() {
        assert!(page.contains(verdict["claim"].as_str().expect("an id")), "{}", verdict["claim"]);
    }
    assert_eq!(fs::read_dir(scratch.path()).expect("a folder").count(), 1, "nothing beside it");
}

#[test]
fn strict_wants_every_test_run() {
    let verdicts = evenhand(&["check", "--json"]).done().json();
    let not_run = verdicts["verdicts"].to_string().contains("\"not_run\"");
    let ran = evenhand(&["check", "--json", "--strict"]);
    assert_eq!(ran.code, if not_run { 4 } else { 0 }, "{}", ran.err);
    assert_eq!(ran.json(), verdicts, "the verdicts are printed all the same");
}

#[test]
fn a_rule_that_was_changed_after_the_lock_is_told() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let (lock, mine) = (scratch.path().join("docket.lock"), scratch.path().join("mine.toml"));
    let docket = evenhand_testkit::root().join("dockets/sanctuary-retaliation-2017.toml");
    let text = fs::read_to_string(docket).expect("the built-in docket");
    fs::write(&mine, &text).expect("a scratch file");
    evenhand(&["check", word(&mine), "--write-lock", word(&lock)]).done();
    let locked = ["check", word(&mine), "--lock", word(&lock), "--locked"];
    evenhand(&locked).done();

    let from = "say = \"";
    fs::write(&mine, text.replacen(from, "say = \"Changed. ", 1)).expect("a scratch file");
    evenhand(&locked).refused(5, "lock");
    let exploratory = evenhand(&["check", word(&mine), "--lock", word(&lock), "--json"]).done().json();
    assert!(exploratory.to_string().contains("exploratory"));
}

#[test]
fn lists_have_a_machine_twin() {
    for words in [vec!["releases"], vec!["measures"], vec!["places"], vec!["places", "county", "48453"]] {
        let text = evenhand(&words).done().out;
        assert!(text.lines().count() > 2, "{words:?}: {text}");
        let document = evenhand(&[&words[..], &["--json"]].concat()).done().json();
        assert!(document["schema"].is_string(), "{words:?}: {document}");
    }
}

#[test]
fn sql_answers_in_four_forms() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = record(scratch.path());
    let sql = "SELECT aor, sum(arrests) AS arrests FROM figures_arrests_month GROUP BY aor ORDER BY aor";
    let ask = |more: &[&str]| evenhand(&[&["query", sql, "--record", word(&record)], more].concat()).done();
    assert!(ask(&[]).out.contains("SEA"));
    let lines = ask(&["--csv"]).out;
    let lines = lines.lines().collect::<Vec<_>>();
    assert_eq!(lines, ["aor,arrests", "ATL,13", "SEA,13", "SNA,14"]);
    assert!(ask(&["--json"]).json().to_string().contains("\"SNA\""));
    let file = scratch.path().join("answer.parquet");
    assert_eq!(ask(&["--parquet", word(&file)]).out, "");
    assert!(fs::read(&file).expect("the answer").starts_with(b"PAR1"));
}

#[test]
fn a_panel_has_a_line_a_cell_and_an_empty_one_outside_the_coverage() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = record(scratch.path());
    let ask =
        |more: &[&str]| evenhand(&[&["panel", "arr_total", "--record", word(&record)], more].concat()).done();
    let table = ask(&[]);
    let lines = table.out.lines().collect::<Vec<_>>();
    assert_eq!((lines[0], lines.len()), ("unit,period,value", 1 + 3 * 9));
    let total: f64 = lines[1..].iter().filter_map(|line| line.rsplit(',').next()?.parse::<f64>().ok()).sum();
    assert!((total - 40.0).abs() < 1e-9, "{total}");
    assert!(table.err.contains("40 rows counted"), "{}", table.err);
    let document = ask(&["--json"]).json();
    assert_eq!(document["schema"], "panel/1");
    assert_eq!(document["units"].as_array().map(Vec::len), Some(3));
    assert!(ask(&["--unit", "county", "--geography", "located"]).out.starts_with("unit,period,value"));
}

#[test]
fn help_names_every_command() {
    let help = evenhand(&["--help"]).done().out;
    for command in ["check", "docket", "ingest", "verify", "query", "panel", "releases", "measures", "places"]
    {
        assert!(help.contains(command), "{command}");
        evenhand(&[command, "--help"]).done();
    }
    assert!(evenhand(&["--version"]).done().out.starts_with("evenhand "));
}

#[test]
fn the_claim_file_of_the_guide_works() {
    let guide =
        fs::read_to_string(evenhand_testkit::root().join("docs/how-to/test-a-claim.md")).expect("the guide");
    let file =
        guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a claim file");
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let mine = scratch.path().join("mine.toml");
    fs::write(&mine, file).expect("a scratch file");
    evenhand(&["docket", "lint", word(&mine)]).done();
    let document = evenhand(&["check", word(&mine), "--json"]).done().json();
    assert_eq!(document["verdicts"][0]["status"], "supported", "{document}");
}

#[test]
fn the_second_docket_is_judged_by_name_or_by_file() {
    let by_name = evenhand(&["check", "seattle-area-2019", "--json"]).done().json();
    let file = evenhand_testkit::root().join("dockets/seattle-area-2019.toml");
    let by_file = evenhand(&["check", word(&file), "--json"]).done().json();
    assert_eq!(by_name["verdicts"].as_array().map(Vec::len), Some(2));
    for (a, b) in by_name["verdicts"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(by_file["verdicts"].as_array().into_iter().flatten())
    {
        assert_eq!((&a["status"], &a["tests"]), (&b["status"], &b["tests"]));
    }
}

#[test]
fn two_releases_are_set_side_by_side_without_a_person_or_a_small_number() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = |release: &str, seed: &str| {
        let (folder, record) = (scratch.path().join(release), scratch.path().join(format!("record-{seed}")));
        let words = ["simulate", "--release", release, "--scale", "4000", "--seed", seed, "--out"];
        evenhand(&[&words[..], &[word(&folder)]].concat()).done();
        evenhand(&["ingest", word(&folder), "--record", word(&record)]).done();
        record
    };
    let (old, new) = (record("r2025oct", "1"), record("r2026mar", "2"));
    let told = evenhand(&["diff", word(&old), word(&new), "--json"]).done().json();
    assert_eq!(told["schema"], "diff/1");
    let table = |name: &str| {
        let found = told["tables"].as_array().expect("tables").iter().find(|table| table["table"] == name);
        found.unwrap_or_else(|| panic!("no table {name}")).clone()
    };
    let arrests = table("arrests");
    let columns = arrests["columns"].as_array().expect("columns");
    let operation = columns.iter().find(|column| column["name"] == "operation").expect("a column");
    assert_eq!(operation["filled_percent"][0], 0.0, "the earlier release has no operations");
    assert!(operation["filled_percent"][1].as_f64() > Some(5.0), "{operation}");
    // Weeks add up to what SQL counts in them.
    let weeks = arrests["weeks"].as_array().expect("weeks");
    assert!(weeks.len() > 90, "{} weeks", weeks.len());
    for (at, record) in [&old, &new].into_iter().enumerate() {
        let (first, last) = (&weeks[0]["week"], &weeks[weeks.len() - 1]["week"]);
        let sql = format!(
            "select count(*) as n from arrests where apprehension_date >= date '{}' \
             and apprehension_date < date '{}' + interval '7 days'",
            first.as_str().expect("a day"),
            last.as_str().expect("a day"),
        );
        let counted = evenhand(&["query", &sql, "--record", word(record), "--local", "--json"]).done().json();
        let sum = weeks.iter().map(|week| week["rows"][at].as_u64().expect("rows")).sum::<u64>();
        assert_eq!(counted["rows"][0]["n"], sum);
    }
    for word in arrests["words"].as_array().expect("words") {
        assert!(word["column"] != "person_id" && word["column"] != "apprehension_site_landmark");
        for rows in word["rows"].as_array().expect("two numbers") {
            assert!(rows.is_null() || rows == 0 || rows.as_u64() >= Some(11), "{word}");
        }
    }
    let same = evenhand(&["diff", word(&old), word(&old), "--verdicts"]).done().out;
    assert!(same.contains("0 moved") && !same.contains("furthest apart"), "{same}");
    evenhand(&["diff", "ice-r1999", word(&old)]).refused(2, "ice-r1999");
    let csv = evenhand(&["diff", word(&old), word(&new), "--csv"]).done().out;
    assert!(csv.starts_with("table,week,a,b\narrests,"), "{csv}");
}
