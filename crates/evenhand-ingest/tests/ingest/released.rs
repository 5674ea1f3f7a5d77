//! Released files: counts equal to those that the sources and the agency publish.

use crate::helpers::Kept;
use evenhand_ingest::{Options, Plan, plan, read};
use evenhand_ledger::{FileEntry, Ledger};
use std::collections::BTreeMap;

/// A whole folder of the shared data, or nothing when it is not there.
fn folder(name: &str) -> Option<(Plan, Vec<FileEntry>, Kept)> {
    let path = evenhand_testkit::shared(&format!("data/{name}"))?;
    let plan = plan(&[path], &Options::default()).unwrap();
    let mut kept = Kept::default();
    let entries: Vec<_> = plan.sources.iter().map(|source| read(source, &mut kept).unwrap()).collect();
    let ledger = Ledger { files: entries.clone(), steps: Vec::new() };
    ledger.check().unwrap();
    assert!(plan.sources.iter().all(|source| source.release() == name), "release of {name}");
    assert_eq!(plan.skipped.len(), 1, "SOURCE.md alone is passed over");
    Some((plan, entries, kept))
}

/// Rows kept of each file, and a check that nothing was set aside.
fn rows(entries: &[FileEntry]) -> BTreeMap<&str, u64> {
    let count = |entry: &FileEntry| entry.sheets.iter().map(|sheet| sheet.tally.rows_kept).sum();
    for sheet in entries.iter().flat_map(|entry| &entry.sheets) {
        assert_eq!(sheet.tally.rows_read, sheet.tally.rows_kept, "{sheet:?}");
    }
    entries.iter().map(|entry| (entry.path.as_str(), count(entry))).collect()
}

fn warnings(entries: &[FileEntry]) -> Vec<String> {
    let sheets = entries.iter().flat_map(|entry| &entry.sheets);
    let line = |sheet: &str, code: &str, count: u64| format!("{sheet}: {code} ×{count}");
    sheets
        .flat_map(|sheet| {
            sheet.warnings.iter().map(|warning| line(&sheet.name, &warning.code, warning.count))
        })
        .collect()
}

#[test]
fn arrests_removals_and_encounters_of_2019_icfo_53623() {
    let Some((_, entries, kept)) = folder("ice-foia-2019-53623") else { return };
    let rows = rows(&entries);
    assert_eq!(rows["EROArrests_FY2016.csv.gz"], 110_104);
    assert_eq!(rows["EROArrests_FY2017.csv.gz"], 143_470);
    assert_eq!(rows["EROArrests_FY2018.csv.gz"], 158_581);
    assert_eq!(rows["ICERemovals_FY2016.csv.gz"], 240_255);
    assert_eq!(rows["ICERemovals_FY2017.csv.gz"], 226_119);
    assert_eq!(rows["ICERemovals_FY2018.csv.gz"], 256_085);
    assert_eq!(kept.rows("arrests"), 412_155);
    assert_eq!(kept.rows("removals"), 722_459);
    assert_eq!(
        entries.iter().flat_map(|entry| &entry.sheets).map(|sheet| sheet.header_row).max(),
        Some(Some(6))
    );

    let mut encounters: BTreeMap<String, u64> = BTreeMap::new();
    let files = kept.column("encounter_counts", "file_original");
    for (file, count) in files.into_iter().zip(kept.column("encounter_counts", "encounters")) {
        *encounters.entry(file.unwrap()).or_default() += count.unwrap().parse::<u64>().unwrap();
    }
    assert_eq!(encounters["encounter_counts_FY2016.csv.gz"], 368_645);
    assert_eq!(encounters["encounter_counts_FY2017.csv.gz"], 439_903);

    // Operation: withheld where one was named, blank or dashes where none was.
    let operation = kept.counts("arrests", "operation");
    assert_eq!(operation, BTreeMap::from([("named".to_owned(), 87_171), ("null".to_owned(), 324_984)]));
    assert_eq!(kept.counts("arrests", "citizenship_country")["null"], 8_681 + 11_160 + 12_968);
    assert_eq!(kept.counts("arrests", "criminal_record")["null"], 412_155);
    let level = kept.counts("removals", "case_threat_level");
    assert_eq!(level, BTreeMap::from([("NA".to_owned(), 310_823), ("null".to_owned(), 411_636)]));

    let birth = entries[0].sheets[0].columns.iter().find(|column| column.header == "Birth Date").unwrap();
    assert_eq!(birth.redacted, 110_104);
    assert_eq!(serde_json::to_value(birth).unwrap()["reason"], "redacted");
    let dates = kept.column("arrests", "apprehension_date");
    assert_eq!(dates.iter().flatten().min().map(String::as_str), Some("2015-10-01"));
    assert_eq!(dates.iter().flatten().max().map(String::as_str), Some("2018-09-30"));
    insta::assert_snapshot!(warnings(&entries).join("\n"), @r"
    EROArrests_FY2016: coarsened ×8681
    EROArrests_FY2016: coarsened ×2735
    EROArrests_FY2017: coarsened ×11160
    EROArrests_FY2017: coarsened ×3306
    EROArrests_FY2018: coarsened ×12968
    EROArrests_FY2018: coarsened ×3835
    ICERemovals_FY2016: coarsened ×4303
    ICERemovals_FY2017: coarsened ×6411
    ICERemovals_FY2018: coarsened ×7760
    ");
}

#[test]
fn detainers_of_fy2015_and_aggregates() {
    let Some((_, entries, kept)) = folder("ice-detainers-fy2008-2015") else { return };
    let rows = rows(&entries);
    assert_eq!(rows["detainers-FY2015YTD.xlsx"], 79_053);
    assert_eq!(rows["all_detainers_by_year.csv"], 9);
    assert_eq!(rows["detainers_by_lift_reason_and_year.csv"], 108);
    assert_eq!(rows["detainers_by_type_and_year.csv"], 8);
    assert_eq!(rows["detainers_by_year_and_month.csv"], 94);
    assert_eq!(rows["facility_lift_reason_2007_2015.csv.gz"], 16_113);
    assert_eq!(rows["facility_year_declined.csv"], 1_370);
    assert_eq!(rows["lifted_detainers_by_year.csv"], 9);
    let reasons = kept.counts("detainers", "detainer_lift_reason");
    assert_eq!(reasons["Detainer Declined by LEA"], 5_501);
    assert_eq!((reasons["null"], reasons["Booked into Detention"]), (52_263, 15_877));
    assert_eq!(reasons.len(), 13);
    insta::assert_snapshot!(warnings(&entries).join("\n"), @"");
}

#[test]
fn six_sheets_of_seattle() {
    let Some((_, entries, kept)) = folder("ice-seattle-2012-2019") else { return };
    let account: Vec<_> = entries[0]
        .sheets
        .iter()
        .map(|sheet| {
            let table = sheet.table.as_deref().unwrap_or("-");
            let tally = &sheet.tally;
            format!(
                "{} → {table}: {} read, {} kept, {:?}",
                sheet.name, tally.rows_read, tally.rows_kept, tally.set_aside
            )
        })
        .collect();
    insta::assert_snapshot!(account.join("\n"), @r#"
    Summary → seattle_summary: 30 read, 24 kept, {"blank_row": 2, "block_header": 2, "block_title": 2}
    Arrests → arrests: 32549 read, 32549 kept, {}
    Book Ins → book_ins: 36811 read, 36811 kept, {}
    Expedited Removals → removals: 6529 read, 6529 kept, {}
    Other Removals → removals: 20384 read, 20384 kept, {}
    Footnotes → -: 19 read, 0 kept, {"footnotes": 19}
    "#);
    let recorded = kept.counts("arrests", "criminal_record");
    assert_eq!(recorded, BTreeMap::from([("null".to_owned(), 21_589), ("recorded".to_owned(), 10_960)]));
    let kinds = kept.counts("removals", "removal_kind");
    assert_eq!(kinds, BTreeMap::from([("expedited".to_owned(), 6_529), ("other".to_owned(), 20_384)]));

    let expedited = kept.column("seattle_summary", "expedited_removals");
    assert_eq!(
        expedited[16..].iter().flatten().map(|count| count.parse::<u64>().unwrap()).sum::<u64>(),
        6_529
    );

    // ICE's own yearly totals: arrests of a fiscal year are the rows dated in it.
    let mut totals = BTreeMap::new();
    let measures = kept.column("seattle_summary", "measure");
    let years = kept.column("seattle_summary", "fiscal_year");
    for ((measure, year), total) in
        measures.into_iter().zip(years).zip(kept.column("seattle_summary", "total"))
    {
        totals.insert((measure.unwrap(), year.unwrap()), total);
    }
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for date in kept.column("arrests", "apprehension_date").into_iter().flatten() {
        let (year, month) = (date[..4].parse::<u32>().unwrap(), date[5..7].parse::<u32>().unwrap());
        *counted.entry((year + u32::from(month >= 10)).to_string()).or_default() += 1;
    }
    for (year, count) in counted {
        assert_eq!(totals[&("arrests".to_owned(), year.clone())], Some(count.to_string()), "FY{year}");
    }
    insta::assert_snapshot!(warnings(&entries).join("\n"), @r"
    Summary: formula_without_value ×8
    Arrests: coarsened ×3296
    Arrests: coarsened ×196
    Book Ins: coarsened ×5313
    Expedited Removals: coarsened ×1591
    Other Removals: coarsened ×1972
    Other Removals: outside_window ×6
    ");
}

#[test]
fn tables_of_places_agreements_and_facts() {
    for (name, expected) in [
        ("secure-communities", vec![("activation_by_county.csv", 3_242)]),
        (
            "287g",
            vec![("agreements_snapshots_2025.csv", 776), ("participating_agencies_2026-05-18.csv", 1_843)],
        ),
        ("ice-facility-list-2017", vec![("facilities_2017-11-06.csv", 1_685)]),
        (
            "crosswalk",
            vec![
                ("aor_field_offices.csv", 26),
                ("cbsa_county_delineation_2023.csv", 1_915),
                ("census_county_population_2010_2019.csv", 3_193),
                ("county_aor_uwchr.csv", 3_220),
                ("detainer_facility_county_fy2015.csv", 2_129),
                ("detloc_aor_uwchr.csv", 1_147),
                ("ice_areas_of_responsibility_ddp.csv", 426),
                ("landmark_county.csv", 4_068),
                ("processing_disposition_map.psv", 109),
            ],
        ),
        (
            "facts",
            vec![
                ("article_events.csv", 14),
                ("cross_check_february_2017.csv", 16),
                ("declined_detainer_report_events.csv", 6),
                ("declined_detainer_reports_2017.csv", 35),
                ("national_benchmarks.csv", 21),
                ("pew_city_unauthorized_2014.csv", 10),
                ("pew_metro_unauthorized_2014.csv", 20),
                ("policy_timeline.csv", 28),
                ("seven_cities_claim.csv", 7),
                ("study_results.csv", 7),
                ("unauthorized_national.csv", 10),
            ],
        ),
    ] {
        let Some((_, entries, kept)) = folder(name) else { return };
        assert_eq!(rows(&entries), expected.into_iter().collect(), "{name}");
        for entry in &entries {
            let (digest, size) = (entry.sha256.as_str(), entry.bytes);
            assert!(listed(name, &entry.path, digest, size), "{name}/{}: {digest}, {size} bytes", entry.path);
        }
        let told = warnings(&entries);
        match name {
            "287g" => assert_eq!(told, ["participating_agencies_2026-05-18: error_cell ×213"]),
            _ => assert_eq!(told, Vec::<String>::new(), "{name}"),
        }
        if name == "crosswalk" {
            assert_eq!(
                kept.column("crosswalk_disposition_map", "raw_processing_disposition")[0].as_deref(),
                Some("(B)(3)")
            );
            assert_eq!(kept.counts("crosswalk_aor_counties", "office_name").len(), 25);
        }
    }
}

/// Whether a folder's description gives the file this digest and size.
fn listed(folder: &str, file: &str, digest: &str, size: u64) -> bool {
    let path = evenhand_testkit::shared(&format!("data/{folder}/SOURCE.md")).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let digits = |text: &str| text.replace(',', "");
    // One folder's description has no table of files.
    !text.contains("| sha256 |")
        || text.lines().any(|line| {
            line.contains(&format!("`{file}`"))
                && line.contains(digest)
                && digits(line).contains(&size.to_string())
        })
}
