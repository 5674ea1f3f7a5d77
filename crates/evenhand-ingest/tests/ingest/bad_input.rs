//! Each bad file gives one clear error: code, place, what was expected, how to go on.

use crate::helpers::{gzipped, refusal, written};
use crate::workbooks::{Sheet, workbook};
use evenhand_ingest::{ErrorKind, Options, SkipReason, plan};

const DETAINERS: &str =
    "Prepare Date,Detainer Type,Detainer Detention Facility,State,City,Detainer Lift Reason\n";

#[test]
fn wrong_file_types_are_named() {
    insta::assert_snapshot!(refusal("empty.csv", b""), @r#"
    {
      "code": "empty_file",
      "file": "empty.csv",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a table, found a file of zero bytes",
      "expected": "a table",
      "hint": "fetch the file again",
      "found": "a file of zero bytes"
    }
    "#);
    insta::assert_snapshot!(refusal("report.csv", b"%PDF-1.7 ..."), @r#"
    {
      "code": "wrong_type",
      "file": "report.csv",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a delimited table (`.csv`, `.psv`, also gzipped) or a workbook (`.xlsx`), found a PDF document",
      "expected": "a delimited table (`.csv`, `.psv`, also gzipped) or a workbook (`.xlsx`)",
      "hint": "give the table as the agency released it; no other kind of file is read",
      "found": "a PDF document"
    }
    "#);
    insta::assert_snapshot!(refusal("page.xlsx", b"\n<!DOCTYPE html><html>"), @r#"
    {
      "code": "wrong_type",
      "file": "page.xlsx",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a delimited table (`.csv`, `.psv`, also gzipped) or a workbook (`.xlsx`), found a web page",
      "expected": "a delimited table (`.csv`, `.psv`, also gzipped) or a workbook (`.xlsx`)",
      "hint": "the download may have been an error page; fetch the file again",
      "found": "a web page"
    }
    "#);
    insta::assert_snapshot!(refusal("utf16.csv", b"\xff\xfea\0,\0b\0"), @r#"
    {
      "code": "wrong_type",
      "file": "utf16.csv",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a delimited table (`.csv`, `.psv`, also gzipped) or a workbook (`.xlsx`), found text in UTF-16",
      "expected": "a delimited table (`.csv`, `.psv`, also gzipped) or a workbook (`.xlsx`)",
      "hint": "save it as UTF-8, in a spreadsheet: `CSV UTF-8`",
      "found": "text in UTF-16"
    }
    "#);
    insta::assert_snapshot!(refusal("pointer.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), @r#"
    {
      "code": "wrong_type",
      "file": "pointer.csv",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a delimited table (`.csv`, `.psv`, also gzipped) or a workbook (`.xlsx`), found a Git LFS pointer, not the file itself",
      "expected": "a delimited table (`.csv`, `.psv`, also gzipped) or a workbook (`.xlsx`)",
      "hint": "fetch the file with `git lfs pull`",
      "found": "a Git LFS pointer, not the file itself"
    }
    "#);
    insta::assert_snapshot!(refusal("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 Workbook"), @r#"
    {
      "code": "wrong_type",
      "file": "old.xls",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a workbook (`.xlsx`), found one of the kind before 2007 (`.xls`)",
      "expected": "a workbook (`.xlsx`)",
      "hint": "save it as `.xlsx` in a spreadsheet",
      "found": "one of the kind before 2007 (`.xls`)"
    }
    "#);
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    insta::assert_snapshot!(refusal("locked.xlsx", &[b"\xd0\xcf\x11\xe0".as_slice(), &name].concat()), @r#"
    {
      "code": "encrypted_workbook",
      "file": "locked.xlsx",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a workbook without a password, found a protected one",
      "expected": "a workbook without a password",
      "hint": "open it with its password in a spreadsheet and save it without one",
      "found": "a protected one"
    }
    "#);
    insta::assert_snapshot!(refusal("packed.gz", &gzipped(b"PK\x03\x04 ...")), @r#"
    {
      "code": "wrong_type",
      "file": "packed.gz",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a table, found a workbook or an archive inside gzip",
      "expected": "a table",
      "hint": "unpack it first",
      "found": "a workbook or an archive inside gzip"
    }
    "#);
}

#[test]
fn an_unknown_header_says_what_differs_from_the_nearest_layout() {
    let text = "Prepared,Detainer Type,Detention Facility,State,Town,Detainer Lift Reason\n1,2,3,4,5,6\n";
    insta::assert_snapshot!(refusal("detainers.csv", text.as_bytes()), @r#"
    {
      "code": "unknown_header",
      "file": "detainers.csv",
      "sheet": null,
      "row": 1,
      "column": "A",
      "header": "Prepared",
      "value": "Prepared",
      "message": "expected column `Prepare Date`, found a header nearest to layout `detainers/ice-2015` that differs: missing `City`; not known `Town`; `Prepared` where `Prepare Date` is expected",
      "expected": "column `Prepare Date`",
      "hint": "`--explain` shows the comparison column by column; a new layout is a new file in the `layouts` folder of the ingest crate",
      "found": "a header nearest to layout `detainers/ice-2015` that differs: missing `City`; not known `Town`; `Prepared` where `Prepare Date` is expected"
    }
    "#);
    insta::assert_snapshot!(refusal("other.csv", b"alpha,beta\n1,2\n"), @r#"
    {
      "code": "unknown_header",
      "file": "other.csv",
      "sheet": null,
      "row": 1,
      "column": "A",
      "header": null,
      "value": null,
      "message": "expected a known header in the first 15 rows, found `alpha`, `beta`",
      "expected": "a known header in the first 15 rows",
      "hint": "`--explain` shows the comparison column by column; a new layout is a new file in the `layouts` folder of the ingest crate",
      "found": "`alpha`, `beta`"
    }
    "#);
    insta::assert_snapshot!(refusal("years.csv", b"year,count\n2007,1\n"), @r#"
    {
      "code": "ambiguous_header",
      "file": "years.csv",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a header of one layout, found one that fits `detainer_totals_by_year` and `detainer_totals_lifted_by_year`",
      "expected": "a header of one layout",
      "hint": "only the file's name tells them apart: it should begin with `all_detainers_by_year` or `lifted_detainers_by_year`",
      "found": "one that fits `detainer_totals_by_year` and `detainer_totals_lifted_by_year`"
    }
    "#);
}

#[test]
fn a_cut_gzip_names_its_last_good_row() {
    let rows: String = (1..=20_000).map(|at| format!("10/1/2014,{at},{},,,\n", at * 7919 % 10_007)).collect();
    let packed = gzipped(format!("{DETAINERS}{rows}").as_bytes());
    let cut = refusal("detainers.csv.gz", &packed[..packed.len() / 2]);
    let row: u64 = serde_json::from_str::<serde_json::Value>(&cut).unwrap()["row"].as_u64().unwrap();
    assert!((5_000..15_000).contains(&row), "{cut}");
    insta::assert_snapshot!(cut.replace(&row.to_string(), "[row]"), @r#"
    {
      "code": "cut_gzip",
      "file": "detainers.csv.gz",
      "sheet": null,
      "row": [row],
      "column": null,
      "header": null,
      "value": null,
      "message": "expected the end of the gzip stream, found the end of the file, after row [row]",
      "expected": "the end of the gzip stream",
      "hint": "the download was probably interrupted; fetch the file again and compare its sha256",
      "found": "the end of the file"
    }
    "#);

    let mut damaged = packed.clone();
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    insta::assert_snapshot!(refusal("detainers.csv.gz", &damaged), @r#"
    {
      "code": "damaged_gzip",
      "file": "detainers.csv.gz",
      "sheet": null,
      "row": 20001,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a whole gzip stream, found bytes that contradict themselves (corrupt gzip stream does not have a matching checksum), after row 20001",
      "expected": "a whole gzip stream",
      "hint": "the download was probably interrupted; fetch the file again and compare its sha256",
      "found": "bytes that contradict themselves (corrupt gzip stream does not have a matching checksum)"
    }
    "#);
}

#[test]
fn a_quote_that_never_closes_is_refused() {
    let text = format!("{DETAINERS}10/1/2014,a,\"b,,,\n10/2/2014,a,b,,,\n");
    insta::assert_snapshot!(refusal("detainers.csv", text.as_bytes()), @r#"
    {
      "code": "unclosed_quote",
      "file": "detainers.csv",
      "sheet": null,
      "row": 2,
      "column": "C",
      "header": null,
      "value": null,
      "message": "expected a closing quote, found the end of the file",
      "expected": "a closing quote",
      "hint": "a quote that is never closed swallows the rows after it; correct the row or fetch the file again",
      "found": "the end of the file"
    }
    "#);
}

#[test]
fn a_line_without_end_is_refused() {
    let text = format!("{DETAINERS}10/1/2014,{}\n", "x".repeat(3 << 20));
    insta::assert_snapshot!(refusal("detainers.csv", text.as_bytes()), @r#"
    {
      "code": "line_too_long",
      "file": "detainers.csv",
      "sheet": null,
      "row": 2,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected rows of at most 1024 KiB, found a longer one",
      "expected": "rows of at most 1024 KiB",
      "hint": "this may not be a delimited table",
      "found": "a longer one"
    }
    "#);
}

#[test]
fn a_gzip_that_unpacks_to_a_thousand_times_its_size_is_refused() {
    let line = [vec![b'0'; 1_000_000], vec![b'\n']].concat();
    let packed = gzipped(&[DETAINERS.as_bytes(), &line.repeat(70)].concat());
    let refused = refusal("detainers.csv.gz", &packed);
    assert!(refused.contains("\"code\": \"inflates_too_much\""), "{refused}");
}

#[test]
fn cut_and_damaged_workbooks_are_refused() {
    let header: Vec<&str> = DETAINERS.trim().split(',').collect();
    let book = workbook(&[Sheet { name: "Detail", rows: vec![header.clone(), vec!["10/1/2014", "a"]] }]);
    insta::assert_snapshot!(refusal("cut.xlsx", &book[..book.len() / 2]), @r#"
    {
      "code": "cut_workbook",
      "file": "cut.xlsx",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected the directory at the end of the workbook, found none",
      "expected": "the directory at the end of the workbook",
      "hint": "the download was probably interrupted; fetch the file again and compare its sha256",
      "found": "none"
    }
    "#);
    insta::assert_snapshot!(refusal("archive.zip", &crate::workbooks::zip(&[("a.txt", "text")])), @r#"
    {
      "code": "wrong_type",
      "file": "archive.zip",
      "sheet": null,
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected a workbook (`.xlsx`), found an archive of 1 files, `a.txt` first",
      "expected": "a workbook (`.xlsx`)",
      "hint": "unpack it and give the folder",
      "found": "an archive of 1 files, `a.txt` first"
    }
    "#);
    let twice = workbook(&[
        Sheet { name: "Detail", rows: vec![header.clone()] },
        Sheet { name: "Detail", rows: vec![header.clone()] },
    ]);
    insta::assert_snapshot!(refusal("twice.xlsx", &twice), @r#"
    {
      "code": "duplicate_sheet",
      "file": "twice.xlsx",
      "sheet": "Detail",
      "row": null,
      "column": null,
      "header": null,
      "value": null,
      "message": "expected sheets of different names, found `Detail` twice",
      "expected": "sheets of different names",
      "hint": "open the file in a spreadsheet and save it again, or fetch it again",
      "found": "`Detail` twice"
    }
    "#);
    let unknown = workbook(&[
        Sheet { name: "Notes", rows: vec![vec!["a note"]] },
        Sheet { name: "Detail", rows: vec![vec!["title"], vec!["Prepare Date", "State", "City", "Kind"]] },
    ]);
    insta::assert_snapshot!(refusal("unknown.xlsx", &unknown), @r#"
    {
      "code": "unknown_header",
      "file": "unknown.xlsx",
      "sheet": "Detail",
      "row": 2,
      "column": "B",
      "header": "Detainer Type",
      "value": null,
      "message": "expected column `Detainer Type`, found a header nearest to layout `detainers/ice-2015` that differs: missing `Detainer Type`, `Detainer Detention Facility`, `Detainer Lift Reason`; not known `Kind`",
      "expected": "column `Detainer Type`",
      "hint": "`--explain` shows the comparison column by column; a new layout is a new file in the `layouts` folder of the ingest crate",
      "found": "a header nearest to layout `detainers/ice-2015` that differs: missing `Detainer Type`, `Detainer Detention Facility`, `Detainer Lift Reason`; not known `Kind`"
    }
    "#);
}

#[test]
fn a_file_that_is_not_there_is_missing() {
    let error = plan(&["no/such/file.csv".into()], &Options::default()).unwrap_err();
    insta::assert_snapshot!(error, @"`no/such/file.csv`: expected a file or a folder, found none");
    assert_eq!(error.kind(), ErrorKind::Missing);
}

#[test]
fn a_folder_is_refused_for_one_unknown_file_unless_told_otherwise() {
    let (folder, _) = written("detainers.csv", format!("{DETAINERS}10/1/2014,a,b,,,\n").as_bytes());
    for (name, text) in
        [("SOURCE.md", "# x"), ("~$detainers.xlsx", "x"), (".hidden", "x"), ("other.csv", "a,b\n1,2\n")]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let paths = [folder.path().to_owned()];
    let error = plan(&paths, &Options::default()).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("unknown_header", ErrorKind::UnknownHeader));
    assert!(error.hint().unwrap().contains("--skip-unknown"));

    let plan = plan(&paths, &Options { skip_unknown: true, ..Options::default() }).unwrap();
    let names: Vec<_> = plan.sources.iter().map(|source| (source.name(), source.part())).collect();
    assert_eq!(names, [("detainers.csv", "detainers")]);
    let reasons: Vec<_> = plan.skipped.iter().map(|skipped| skipped.reason).collect();
    assert_eq!(reasons, [SkipReason::Hidden, SkipReason::NotData, SkipReason::Unknown, SkipReason::LockFile]);
}

#[test]
fn a_download_that_has_not_ended_is_not_read_as_if_it_had() {
    for name in ["detainers.csv.part", "detainers.csv.bad"] {
        let (folder, _) = written("detainers.csv", format!("{DETAINERS}10/1/2014,a,b,,,\n").as_bytes());
        std::fs::write(folder.path().join("fetched.json"), "{}").unwrap();
        let paths = [folder.path().to_owned()];
        assert_eq!(plan(&paths, &Options::default()).unwrap().sources.len(), 1, "`fetched.json` is no data");
        std::fs::write(folder.path().join(name), "Prepare Date").unwrap();
        let error = plan(&paths, &Options::default()).unwrap_err();
        assert_eq!(error.code(), "unfinished_download");
        assert!(error.hint().unwrap().contains("run the fetch again"));
    }
}

#[test]
fn a_file_is_named_alike_whichever_folder_above_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let release = folder.path().join("ice-detainers-fy2008-2015");
    std::fs::create_dir_all(release.join("deeper")).unwrap();
    std::fs::write(release.join("all_detainers_by_year.csv"), "year,count\n2007,1\n").unwrap();
    std::fs::write(release.join("deeper/all_detainers_by_year.csv"), "year,count\n2008,1\n").unwrap();
    for given in [folder.path().to_owned(), release] {
        let plan = plan(&[given], &Options::default()).unwrap();
        let names: Vec<_> = plan.sources.iter().map(|source| (source.name(), source.part())).collect();
        assert_eq!(
            names,
            [
                ("all_detainers_by_year.csv", "all_detainers_by_year"),
                ("deeper/all_detainers_by_year.csv", "all_detainers_by_year-2"),
            ]
        );
    }
}

#[test]
fn a_folder_without_data_is_refused() {
    let (folder, _) = written("SOURCE.md", b"# x");
    let error = plan(&[folder.path().to_owned()], &Options::default()).unwrap_err();
    assert_eq!(error.code(), "nothing_known");
}

#[test]
fn the_same_rows_are_not_read_twice() {
    let text = format!("{DETAINERS}10/1/2014,a,b,,,\n");
    let (folder, path) = written("detainers.csv", text.as_bytes());
    let twice = [path.clone(), folder.path().to_owned()];
    assert_eq!(plan(&twice, &Options::default()).unwrap().sources.len(), 1);
    std::fs::write(folder.path().join("copy.csv"), &text).unwrap();
    assert_eq!(plan(&twice, &Options::default()).unwrap_err().code(), "same_content");
}

#[test]
fn a_failing_sink_stops_the_reading_and_says_why() {
    struct Full;
    impl evenhand_ingest::Sink for Full {
        fn open(&mut self, _: &evenhand_ingest::Part) -> Result<(), evenhand_ingest::SinkError> {
            Ok(())
        }
        fn batch(&mut self, _: arrow::array::RecordBatch) -> Result<(), evenhand_ingest::SinkError> {
            Err("the disk is full".into())
        }
        fn close(&mut self) -> Result<(), evenhand_ingest::SinkError> {
            Ok(())
        }
    }
    let (_folder, path) = written("detainers.csv", format!("{DETAINERS}10/1/2014,a,b,,,\n").as_bytes());
    let plan = plan(&[path], &Options::default()).unwrap();
    let error = evenhand_ingest::read(&plan.sources[0], &mut Full).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Sink, "the disk is full"));
    assert!(std::error::Error::source(&error).is_some());
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_and_never_waited_for() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("pipes")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("pipes/arrests.csv")).status().unwrap().success());
    std::fs::create_dir_all(at("broken")).unwrap();
    symlink(at("nowhere.csv"), at("broken/arrests.csv")).unwrap();
    std::fs::create_dir_all(at("looped")).unwrap();
    symlink(at("looped/b.csv"), at("looped/a.csv")).unwrap();
    symlink(at("looped/a.csv"), at("looped/b.csv")).unwrap();
    std::fs::create_dir_all(at("named.xlsx")).unwrap();
    let deep: std::path::PathBuf = (0..20).fold(at("deep"), |path, _| path.join("x"));
    std::fs::create_dir_all(&deep).unwrap();
    for (given, code) in [
        ("pipes/arrests.csv", "not_a_file"),
        ("pipes", "not_a_file"),
        ("broken", "broken_link"),
        ("broken/arrests.csv", "no_such_path"),
        ("looped", "broken_link"),
        ("looped/a.csv", "unreadable"),
        ("named.xlsx", "nothing_known"),
        ("deep", "folder_too_deep"),
    ] {
        let error = plan(&[at(given)], &Options::default()).unwrap_err();
        assert_eq!(error.code(), code, "{given}");
        assert!(error.hint().is_some() && error.file().unwrap().contains(given), "{error}");
    }
    assert_eq!(plan(&["/dev/null".into()], &Options::default()).unwrap_err().code(), "not_a_file");
    // A link to the folder above is not followed, and told.
    std::fs::create_dir_all(at("round")).unwrap();
    std::fs::write(at("round/detainers.csv"), format!("{DETAINERS}10/1/2014,a,b,,,\n")).unwrap();
    symlink(at("round"), at("round/again")).unwrap();
    let plan = plan(&[at("round")], &Options::default()).unwrap();
    assert_eq!(plan.sources.len(), 1);
    assert_eq!(plan.skipped[0].reason, SkipReason::LinkedFolder);
}

#[cfg(target_os = "linux")]
#[test]
fn names_with_everything_are_read() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    for name in [b"a b's \"c\".csv".as_slice(), b"line\nend.csv", b"\x1b[2J.csv", b"caf\xe9.csv", b"-rf.csv"]
    {
        let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(&path, format!("{DETAINERS}10/1/2014,a,b,,,\n")).unwrap();
        let (entry, kept) = crate::helpers::ingest(&path).unwrap();
        assert_eq!((entry.sheets[0].tally.rows_kept, kept.rows("detainers")), (1, 1));
        std::fs::write(&path, "a,b\n").unwrap();
        let error = plan(&[path], &Options::default()).unwrap_err();
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
}
