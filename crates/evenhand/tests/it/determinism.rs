//! Same inputs, same bytes: at any number of threads, in any order, from raw rows or from figures.

use crate::released::{RELEASE, arrests, record};
use crate::run::{contents, evenhand, word};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

#[test]
fn verdicts_do_not_depend_on_threads() {
    let run = |threads| evenhand(&["check", "--json", "--threads", threads]).done().out;
    let different = ["1", "2", "8"].map(run).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(different.len(), 1);
}

#[test]
fn a_report_is_the_same_twice() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let report = |name: &str, threads| {
        let path = scratch.path().join(name);
        evenhand(&["check", "--report", word(&path), "--threads", threads]).done();
        fs::read(path).expect("the report")
    };
    assert!(report("a.html", "1") == report("b.html", "3"));
}

#[test]
fn a_record_does_not_depend_on_order_or_threads() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = scratch.path().join(RELEASE);
    fs::create_dir_all(&folder).expect("a scratch folder");
    let files = ["EROArrests_FY2016.csv", "EROArrests_FY2017.csv", "EROArrests_FY2018.csv"]
        .map(|name| folder.join(name));
    for (rows, file) in files.iter().enumerate() {
        fs::write(file, arrests(100 * (rows + 1))).expect("a scratch file");
    }
    let [a, b, c] = files.each_ref().map(|file| word(file));
    let run = |name: &str, files: [&str; 3], threads| {
        let record = scratch.path().join(name);
        let words = [&["ingest", "--record", word(&record), "--threads", threads], &files[..]].concat();
        evenhand(&words).done();
        let found = contents(&record).into_iter();
        found
            .map(|(path, bytes)| (path.strip_prefix(&record).expect("below it").to_owned(), bytes))
            .collect::<Vec<_>>()
    };
    let one = run("one", [a, b, c], "1");
    assert!(one == run("two", [c, a, b], "2"));
    assert!(one == run("eight", [b, c, a], "8"));
}

#[test]
fn another_release_leaves_the_first_alone() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = record(scratch.path());
    let before = contents(&record);
    let other = scratch.path().join("secure-communities");
    fs::create_dir_all(&other).expect("a scratch folder");
    let text = "county_fips,county_name,state,state_fips,activation_year,activation_month\n48453,Travis,TX,48,2009,6\n";
    fs::write(other.join("activation_by_county.csv"), text).expect("a scratch file");
    evenhand(&["ingest", word(&other), "--record", word(&record)]).done();
    let after = contents(&record);
    let manifest = record.join("manifest.json");
    for (path, bytes) in before.iter().filter(|(path, _)| **path != manifest) {
        assert!(after.get(path) == Some(bytes), "{}", path.display());
    }
    assert!(after.len() > before.len());
}

/// What decides a verdict; where its data lie and how to run it again differ between records.
const COMPARED: [&str; 8] =
    ["claim", "status", "modifiers", "confidence", "say", "rule_hash", "tests", "caveats"];

#[test]
fn raw_rows_give_the_verdicts_of_the_built_in_record() {
    let Some(data) = evenhand_testkit::shared("data/ice-foia-2019-53623") else { return };
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = scratch.path().join("record");
    evenhand(&["ingest", word(&data), "--record", word(&record)]).done();
    let built_in = evenhand(&["check", "--json"]).done().json();
    let raw = evenhand(&["check", "--json", "--record", word(&record)]).done().json();
    let verdicts = |document: &Value| document["verdicts"].as_array().cloned().unwrap_or_default();
    let (built_in, raw) = (verdicts(&built_in), verdicts(&raw));
    assert_eq!((built_in.len(), raw.len()), (27, 27));
    for (a, b) in built_in.iter().zip(&raw) {
        for key in COMPARED {
            assert_eq!(a[key], b[key], "{}: {key}", a["claim"]);
        }
    }
}
