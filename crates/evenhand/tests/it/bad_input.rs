//! Wrong, cut and hostile inputs: one clear error, the documented exit code, and everything as it was.

use crate::released::{HEADER, RELEASE, arrests, gzip, record, release};
use crate::run::{contents, evenhand, word};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Ingests one file with these bytes into a record that exists, and asserts that it is refused.
#[track_caller]
fn check_file(name: &str, bytes: &[u8], needle: &str) {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = record(scratch.path());
    let before = contents(&record);
    let folder = scratch.path().join("wrong").join(RELEASE);
    fs::create_dir_all(&folder).expect("a scratch folder");
    fs::write(folder.join(name), bytes).expect("a scratch file");
    let words = ["ingest", word(&folder), "--record", word(&record)];

    let ran = evenhand(&words);
    ran.refused(3, needle);
    assert_eq!(ran.out, "");
    let told = evenhand(&[&words[..], &["--json"]].concat());
    assert_eq!(told.code, 3);
    let document = told.json();
    assert_eq!(document["schema"], "ingest/1");
    assert!(document["error"]["code"].is_string() && document["error"]["message"].is_string(), "{document}");
    assert!(document["error"]["file"].as_str().is_some_and(|file| file.contains(name)), "{document}");
    assert!(contents(&record) == before, "the earlier record changed");
    evenhand(&["verify", "--record", word(&record)]).done();
}

#[test]
fn a_picture_is_no_release() {
    check_file("EROArrests_FY2018.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "EROArrests_FY2018.csv");
}

#[test]
fn an_unknown_header_names_what_differs() {
    let text = arrests(3).replace("Apprehension Method", "How");
    check_file("EROArrests_FY2018.csv", text.as_bytes(), "Apprehension Method");
}

#[test]
fn a_cut_gzip_is_refused() {
    let whole = gzip(arrests(5_000).as_bytes());
    check_file("EROArrests_FY2018.csv.gz", &whole[..whole.len() / 2], "EROArrests_FY2018.csv.gz");
}

#[test]
fn a_cut_workbook_is_refused() {
    check_file("arrests.xlsx", b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0cut here", "arrests.xlsx");
}

#[test]
fn a_cut_real_workbook_is_refused() {
    let Some(path) = evenhand_testkit::shared("data/ice-detainers-fy2008-2015/detainers-FY2015YTD.xlsx")
    else {
        return;
    };
    let whole = fs::read(path).expect("a released workbook");
    check_file("detainers-FY2015YTD.xlsx", &whole[..whole.len() / 3], "detainers-FY2015YTD.xlsx");
}

#[test]
fn a_header_without_rows_is_a_release_of_nothing() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let folder = scratch.path().join(RELEASE);
    fs::create_dir_all(&folder).expect("a scratch folder");
    fs::write(folder.join("EROArrests_FY2018.csv"), arrests(0)).expect("a scratch file");
    assert!(arrests(0).ends_with(HEADER));
    let record = scratch.path().join("record");
    let ran = evenhand(&["ingest", word(&folder), "--record", word(&record), "--json"]).done();
    assert_eq!(ran.json()["files"][0]["sheets"][0]["rows_read"], 0);
}

/// Judges a claim file that differs from the built-in docket by one replacement, and asserts what is wrong.
#[track_caller]
fn check_docket(from: &str, to: &str, needle: &str) {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let text = fs::read_to_string(evenhand_testkit::root().join("dockets/sanctuary-retaliation-2017.toml"));
    let text = text.expect("the built-in docket");
    assert!(text.contains(from), "the docket has `{from}`");
    let file = scratch.path().join("mine.toml");
    fs::write(&file, text.replacen(from, to, 1)).expect("a scratch file");
    let line = text.lines().position(|line| line.contains(from.lines().next().unwrap_or(from)));
    let place = format!("mine.toml:{}", line.expect("the line is there") + 1);
    for words in [vec!["check", word(&file)], vec!["docket", "lint", word(&file)]] {
        let ran = evenhand(&words);
        ran.refused(3, "mine.toml");
        let told = format!("{}{}", ran.out, ran.err);
        assert!(
            told.contains(&place) && told.contains(needle),
            "expected `{place}` and `{needle}` in {told}"
        );
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    check_docket("locus = ", "locos = ", "locos");
}

#[test]
fn a_rule_that_does_not_parse_is_named_with_its_line() {
    check_docket("when = \"", "when = \"and and ", "when");
}

#[test]
fn a_rule_cannot_name_the_test_of_another_claim() {
    check_docket("when = \"", "when = \"gross.est > 0 or ", "gross");
}

#[test]
fn a_record_from_a_newer_version_is_left_alone() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = record(scratch.path());
    let manifest = record.join("manifest.json");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    assert!(text.contains("record/1"));
    fs::write(&manifest, text.replacen("record/1", "record/9", 1)).expect("a scratch file");
    let before = contents(&record);
    let files = scratch.path().join(RELEASE);
    for words in [
        vec!["check", "--record", word(&record)],
        vec!["verify", "--record", word(&record)],
        vec!["query", "SELECT 1", "--record", word(&record)],
        vec!["ingest", word(&files), "--record", word(&record)],
    ] {
        evenhand(&words).refused(3, "record/9");
    }
    assert!(contents(&record) == before);
}

#[test]
fn any_changed_byte_is_found() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = record(scratch.path());
    for (path, bytes) in contents(&record).into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
        for place in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            fs::write(&path, changed).expect("a scratch file");
            let ran = evenhand(&["verify", "--record", word(&record)]);
            assert_eq!(ran.code, 3, "{} at {place}: {}", path.display(), ran.err);
        }
        fs::write(&path, bytes).expect("a scratch file");
    }
    evenhand(&["verify", "--record", word(&record)]).done();
}

#[test]
fn a_second_writer_is_turned_away() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = record(scratch.path());
    let before = contents(&record);
    let first = evenhand_store::Publish::begin(&record, "test").expect("the only writer");
    let files = scratch.path().join(RELEASE);
    evenhand(&["ingest", word(&files), "--record", word(&record)]).refused(1, word(&record));
    drop(first);
    assert!(contents(&record) == before);
    evenhand(&["ingest", word(&files), "--record", word(&record)]).done();
}

/// A file system of a few hundred kilobytes, gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<SmallDisk> {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=400k", "tmpfs", word(folder.path())])
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(SmallDisk(folder)),
            _ => {
                evenhand_testkit::skipped("a full disk needs the right to mount a tmpfs");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).output();
    }
}

#[test]
fn a_full_disk_leaves_the_earlier_record_whole() {
    let Some(disk) = SmallDisk::mount() else { return };
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = disk.path().join("record");
    let small = release(scratch.path(), 40);
    evenhand(&["ingest", word(&small), "--record", word(&record)]).done();
    let before = contents(&record);

    let big = release(&scratch.path().join("big"), 200_000);
    evenhand(&["ingest", word(&big), "--record", word(&record)]).refused(1, "full");
    assert!(contents(&record) == before, "something half-written was left behind");
    evenhand(&["verify", "--record", word(&record)]).done();

    let filler = disk.path().join("filler");
    let room = (1..=400).rev().find(|kilobytes| fs::write(&filler, vec![1; kilobytes * 1024]).is_ok());
    assert!(room.is_some());
    let report = disk.path().join("report.html");
    evenhand(&["check", "--report", word(&report)]).refused(1, "report.html");
    assert!(!report.exists());
    let left = fs::read_dir(disk.path()).expect("a folder").count();
    assert_eq!(left, 2, "the record and the filler");
}

#[test]
fn a_folder_of_other_things_is_no_record() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    fs::write(scratch.path().join("letter.txt"), "dear reader").expect("a scratch file");
    evenhand(&["check", "--record", word(scratch.path())]).refused(3, word(scratch.path()));
    evenhand(&["verify", "--record", "no/such/folder"]).refused(3, "no/such/folder");
}

#[test]
fn a_wrong_command_line_is_usage() {
    for words in [
        vec!["check", "--claim", "Z99"],
        vec!["check", "--locked"],
        vec!["check", "--threads", "0"],
        vec!["check", "--width", "7"],
        vec!["ingest"],
        vec!["query"],
        vec!["query", "SELECT 1", "--csv", "--json"],
        vec!["panel", "arrests_by_moonlight"],
        vec!["panel", "arr_total", "--kappa", "0.5"],
        vec!["places", "county", "Travis"],
        vec!["places", "landmark", "XYZ", "A JAIL"],
        vec!["frobnicate"],
    ] {
        let ran = evenhand(&words);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.err);
        assert!(ran.err.starts_with("error: ") || ran.err.contains("Usage"), "{words:?}: {}", ran.err);
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = scratch.path().join("record");
    evenhand(&["ingest", "no/such/file.csv", "--record", word(&record)]).refused(3, "no/such/file.csv");
    evenhand(&["check", "no/such/docket.toml"]).refused(3, "no/such/docket.toml");
    evenhand(&["check", "--lock", "no/such/lock"]).refused(3, "no/such/lock");
    assert!(!record.join("manifest.json").exists());
}

#[test]
fn wrong_sql_is_a_bad_input() {
    evenhand(&["query", "SELEKT 1"]).refused(3, "SELEKT");
    evenhand(&["query", "SELECT * FROM nowhere"]).refused(3, "nowhere");
}

#[test]
fn rows_about_persons_want_the_word_local() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let record = record(scratch.path());
    let sql = "SELECT apprehension_date, gender FROM arrests";
    evenhand(&["query", sql, "--record", word(&record)]).refused(3, "arrests");
    let rows = evenhand(&["query", sql, "--record", word(&record), "--local", "--csv"]).done();
    assert_eq!(rows.out.lines().count(), 41);
}
