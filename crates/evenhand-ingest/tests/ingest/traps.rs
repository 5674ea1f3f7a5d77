//! Quirks of released text files that must not cost or invent a row.

use crate::helpers::{Kept, gzipped, ingest, shown, written};

const ARRESTS: &str = "\
\"ERO-LESA Statistical Tracking Unit\"||||||||
\"For Official Use Only (FOUO)/Pre-decisional\"||||||||
\"2019-ICFO-53623\"||||||||
||||||||
\"ERO Administrative Arrests for FY2016\"||||||||
\"Area of Responsibility\"|\"Apprehension Date\"|\"Apprehension Method\"|\"Apprehension Landmark\"|\"Operation\"|\"Processing Disposition\"|\"Birth Date\"|\"Citizenship\"|\"Gender\"
";

fn arrests(rows: &str) -> String {
    shown("EROArrests_FY2016.csv", format!("{ARRESTS}{rows}").as_bytes())
}

#[test]
fn rows_of_a_release_are_kept_with_their_place() {
    insta::assert_snapshot!(arrests("\
\"St. Paul Area of Responsibility\"|10/1/2015|\"Located\"|\"A|B \"\"JAIL\"\"\"||\"Other\"|\"(B)(6);(B)(7)(C) \"|\"MEXICO\"|\"Male\"
|10/2/2015|\"Located\"|\" POLK\"|\"(B)(7)(E) \"||\"(B)(6);(B)(7)(C) \"|\"[COARSENED]\"|\"[COARSENED]\"
|10/3/2015|\"Located\"||\"--\"||||
"), @r#"
    arrests ice-foia-2019-53623 eroarrests_fy2016
      7 | St. Paul Area of Responsibility | 2015-10-01 | Located | A|B "JAIL" | ∅ | Other | MEXICO | Male | ∅
      8 | ∅ | 2015-10-02 | Located | POLK | named | ∅ | ∅ | ∅ | ∅
      9 | ∅ | 2015-10-03 | Located | ∅ | ∅ | ∅ | ∅ | ∅ | ∅
    EROArrests_FY2016: 3 read, 3 kept, {}
      coarsened ×1 row 8, column H, `Citizenship`, value `[COARSENED]`: replaced in the public snapshot because rare, set null
      coarsened ×1 row 8, column I, `Gender`, value `[COARSENED]`: replaced in the public snapshot because rare, set null
    "#);
}

#[test]
fn every_row_that_is_no_record_is_set_aside_with_its_reason() {
    insta::assert_snapshot!(arrests("\
\"Dallas Area of Responsibility\"|10/1/2015|||||||
\"Dallas Area of Responsibility\"||\"Located\"||||||
\"Dallas Area of Responsibility\"|\"soon\"|\"Located\"||||||
\"Dallas Area of Responsibility\"|06/14/0002 03:10 PM|\"Located\"||||||
\"Dallas Area of Responsibility\"|(B)(6)|\"Located\"||||||
||||||||

\"Area of Responsibility\"|\"Apprehension Date\"|\"Apprehension Method\"|\"Apprehension Landmark\"|\"Operation\"|\"Processing Disposition\"|\"Birth Date\"|\"Citizenship\"|\"Gender\"
a|10/1/2015|b
a|10/1/2015|||||||||surplus
b|10/1/2015|||||||||
\"Total\"|5|||||||
\"* Data are as of 2019\"||||||||
\"a note without delimiters\"
"), @r#"
    arrests ice-foia-2019-53623 eroarrests_fy2016
      7 | Dallas Area of Responsibility | 2015-10-01 | ∅ | ∅ | ∅ | ∅ | ∅ | ∅ | ∅
      17 | b | 2015-10-01 | ∅ | ∅ | ∅ | ∅ | ∅ | ∅ | ∅
    EROArrests_FY2016: 14 read, 2 kept, {"blank_row": 2, "footnote": 2, "implausible_apprehension_date": 1, "no_apprehension_date": 2, "repeated_header": 1, "total_row": 1, "unreadable_apprehension_date": 1, "wrong_field_count": 2}
      no_primary ×2 row 8, column B, `Apprehension Date`: expected a date; the row is set aside
      unreadable_primary ×1 row 9, column B, `Apprehension Date`, value `soon`: expected a date; the row is set aside
      implausible_primary ×1 row 10, column B, `Apprehension Date`, value `06/14/0002 03:10 PM`: expected a date; the row is set aside
      wrong_field_count ×2 row 15: expected 9 fields, found 3; the row is set aside
      trailing_fields ×1 row 17: blank fields beyond the last header, left out
    "#);
}

#[test]
fn primary_dates_outside_the_release_stay_and_are_counted() {
    insta::assert_snapshot!(arrests("\
a|9/30/2015|||||||
a|9/30/2020|||||||
a|10/1/2016|||||||
"), @r"
    arrests ice-foia-2019-53623 eroarrests_fy2016
      7 | a | 2015-09-30 | ∅ | ∅ | ∅ | ∅ | ∅ | ∅ | ∅
      8 | a | 2020-09-30 | ∅ | ∅ | ∅ | ∅ | ∅ | ∅ | ∅
      9 | a | 2016-10-01 | ∅ | ∅ | ∅ | ∅ | ∅ | ∅ | ∅
    EROArrests_FY2016: 3 read, 3 kept, {}
      outside_window ×2 row 7, column B, `Apprehension Date`, value `9/30/2015`: primary date outside the release's window, kept
      outside_stated_year ×1 row 9, column B, `Apprehension Date`, value `10/1/2016`: primary date outside the fiscal year that the title or file name states, kept
    ");
}

#[test]
fn bytes_that_are_not_plain_text_are_read_and_counted() {
    let text = [
        b"\xef\xbb\xbfdate,event,value,source_url\r\n2017-01-25,\"San Jos\xe9, \"\"quoted\"\"\",,x\r\n"
            .as_slice(),
        b"2017-01-26,\"two\nlines\",nul\0 byte,x\r\n2017-01-27,\"stray\" quote,,x",
    ]
    .concat();
    insta::assert_snapshot!(shown("declined_detainer_report_events.csv", &text), @r#"
    facts_declined_detainer_report_events facts declined_detainer_report_events
      2 | 2017-01-25 | San José, "quoted" | ∅ | x
      3 | 2017-01-26 | two
    lines | nul byte | x
      4 | 2017-01-27 | "stray" quote | ∅ | x
    declined_detainer_report_events: 3 read, 3 kept, {}
      stray_quote ×1 : text after a closing quote; the field is taken as it stands
      not_utf8 ×1 row 2, column B, `event`, value `San Jos�, "quoted"`: bytes that are not UTF-8, read as Windows-1252
      control_character ×1 row 3, column C, `value`, value `nul\0 byte`: control characters, left out
    "#);
}

#[test]
fn quotes_after_blanks_are_quotes() {
    let text = b"\"office_name\", \"state_name\", \"county_name\", \"notes\"\n\"Atlanta\", \"Georgia\", \"\", \"a, b\"\n";
    insta::assert_snapshot!(shown("areas.csv", text), @r"
    crosswalk_aor_counties crosswalk areas
      2 | Atlanta | Georgia | ∅ | a, b
    areas: 1 read, 1 kept, {}
    ");
}

#[test]
fn a_table_of_markers_keeps_them() {
    let text = b"raw_processing_disposition|clean_processing_disposition\n\"(B)(3)\"|REDACTED\n";
    insta::assert_snapshot!(shown("map.psv", text), @r"
    crosswalk_disposition_map crosswalk map
      2 | (B)(3) | REDACTED
    map: 1 read, 1 kept, {}
    ");
}

#[test]
fn members_of_one_gzip_are_read_as_one_text() {
    let rows = "a|10/1/2015|||||||\n";
    let packed = [gzipped(ARRESTS.as_bytes()), gzipped(rows.as_bytes()), gzipped(rows.as_bytes())].concat();
    let (_folder, path) = written("x.csv.gz", &packed);
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!(kept.rows("arrests"), 2);
    assert_eq!(entry.bytes, packed.len() as u64);
    assert_eq!(entry.sha256, evenhand_ledger::Digest::of(&packed));
}

#[test]
fn rows_beyond_one_batch_and_one_chunk_keep_their_numbers() {
    let rows: String = (0..70_000).map(|at| format!("office {}|10/1/2015|||||||\n", at % 7)).collect();
    let (_folder, path) = written("x.csv.gz", &gzipped(format!("{ARRESTS}{rows}").as_bytes()));
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!(entry.sheets[0].tally.rows_kept, 70_000);
    let numbers = kept.column("arrests", "row_original");
    assert!(numbers.iter().enumerate().all(|(at, number)| *number == Some((at + 7).to_string())));
    assert_eq!(kept.counts("arrests", "apprehension_aor")["office 6"], 10_000);
}

#[test]
fn nothing_about_a_person_leaves_the_file() {
    let text = format!("{ARRESTS}a|10/1/2015|||||3/4/1987|\"MEXICO\"|\n");
    let (_folder, path) = written("x.csv", text.as_bytes());
    let (entry, kept) = ingest(&path).unwrap();
    let account = serde_json::to_string(&entry).unwrap();
    assert!(account.contains("person_detail") && !account.contains("1987"), "{account}");
    for (_, batches) in &kept.parts {
        assert!(!format!("{batches:?}").contains("1987"));
    }
}

#[test]
fn a_reading_tells_how_far_it_has_come() {
    let row = "\"Atlanta Area of Responsibility\"|10/1/2015|\"Located\"|||\"Other\"||\"MEXICO\"|\"Male\"\n";
    let text = format!("{ARRESTS}{}", row.repeat(10_000));
    let (_folder, path) = written("EROArrests_FY2016.csv", text.as_bytes());
    let plan = evenhand_ingest::plan(&[path], &evenhand_ingest::Options::default()).unwrap();
    let progress = evenhand_ingest::Progress::default();
    evenhand_ingest::read_watched(&plan.sources[0], &mut Kept::default(), &progress).unwrap();
    assert_eq!((progress.files(), progress.bytes(), progress.rows()), (1, text.len() as u64, 10_000));
}
