//! The account of an ingest, for people and for machines.

use crate::ENGINE;
use crate::table::{Table, thousands};
use evenhand_derive::Overlap;
use evenhand_ledger::{FileEntry, SheetEntry, Tally, Warning};
use evenhand_store::{Manifest, Release};
use serde_json::{Value, json};
use std::path::Path;

/// The ledgers of all releases, for a person.
pub fn as_text(releases: &[&Release], overlaps: &[Overlap]) -> String {
    let sheets = || releases.iter().flat_map(|release| &release.ledger.files).flat_map(sheets_of);
    let mut table = Table::new(&["file", "sheet", "table", ">rows read", ">kept", ">set aside"]);
    let mut total = Tally::default();
    for (file, sheet) in sheets() {
        let name = own_name(file, sheet).unwrap_or_default().to_owned();
        table.row(row(file.path.clone(), name, sheet.table.as_deref().unwrap_or("-"), &sheet.tally));
        total.add(&sheet.tally);
    }
    table.row(row("total".to_owned(), String::new(), "", &total));
    let mut text = table.print();
    let reasons = sheets().flat_map(|(file, sheet)| {
        let told = move |(reason, rows): (&String, &u64)| {
            format!("{} set aside: {reason} ({})\n", thousands(*rows), place_of(file, sheet))
        };
        sheet.tally.set_aside.iter().map(told)
    });
    let findings = sheets().flat_map(|(file, sheet)| {
        let told = move |finding: &Warning| {
            let column = finding.header.as_ref().map_or_else(String::new, |header| format!("{header}: "));
            let (count, place) = (thousands(finding.count), place_of(file, sheet));
            format!("{count} {}: {column}{} ({place})\n", finding.code, finding.message)
        };
        sheet.warnings.iter().map(told)
    });
    let steps = releases.iter().flat_map(|release| &release.ledger.steps).map(|step| {
        let set_aside = thousands(step.tally.set_aside_total());
        format!(
            "{} of {}: {} kept, {set_aside} set aside\n",
            step.name,
            step.table,
            thousands(step.tally.rows_kept)
        )
    });
    for (title, lines) in [
        ("rows set aside", reasons.collect::<Vec<_>>()),
        ("findings", findings.collect()),
        ("steps", steps.collect()),
        ("weeks that two releases cover", overlaps.iter().map(overlap_as_text).collect()),
    ] {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n{}", lines.concat()));
        }
    }
    text
}

fn overlap_as_text(overlap: &Overlap) -> String {
    let [one, two] = &overlap.releases;
    let [first, last] = overlap.window.map(iso_day);
    let largest = overlap.largest.map_or_else(String::new, |(week, [a, b])| {
        let share = overlap.largest_difference * 100.0;
        format!(", by {share:.1}% at most (week of {}: {} and {})", iso_day(week), thousands(a), thousands(b))
    });
    let [rows_of_one, rows_of_two] = overlap.rows.map(thousands);
    format!(
        "{}: {one} {rows_of_one} rows, {two} {rows_of_two} rows, {first} to {last}; {} of {} weeks differ{largest}\n",
        overlap.table, overlap.weeks_that_differ, overlap.weeks
    )
}

fn overlap_as_json(overlap: &Overlap) -> Value {
    json!({
        "table": overlap.table,
        "releases": overlap.releases,
        "first_day": iso_day(overlap.window[0]),
        "last_day": iso_day(overlap.window[1]),
        "weeks": overlap.weeks,
        "weeks_that_differ": overlap.weeks_that_differ,
        "rows": overlap.rows,
        "largest_difference": overlap.largest_difference,
        "largest_week": overlap.largest.map(|(week, _)| iso_day(week)),
        "largest_week_rows": overlap.largest.map(|(_, rows)| rows),
    })
}

/// `2022-10-01`, from days since 1970.
fn iso_day(day: i32) -> String {
    arrow::temporal_conversions::date32_to_datetime(day)
        .map_or_else(String::new, |day| day.date().to_string())
}

fn row(file: String, sheet: String, table: &str, tally: &Tally) -> [String; 6] {
    let counts = [tally.rows_read, tally.rows_kept, tally.set_aside_total()].map(thousands);
    let [read, kept, set_aside] = counts;
    [file, sheet, table.to_owned(), read, kept, set_aside]
}

fn sheets_of(file: &FileEntry) -> impl Iterator<Item = (&FileEntry, &SheetEntry)> {
    file.sheets.iter().map(move |sheet| (file, sheet))
}

fn place_of(file: &FileEntry, sheet: &SheetEntry) -> String {
    own_name(file, sheet).map_or_else(|| file.path.clone(), |name| format!("{}, {name}", file.path))
}

/// The sheet's name, unless it is only the file's, as that of a delimited file.
fn own_name<'a>(file: &FileEntry, sheet: &'a SheetEntry) -> Option<&'a str> {
    let base = file.path.rsplit('/').next().unwrap_or(&file.path);
    let rest = base.strip_prefix(sheet.name.as_str());
    (!rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))).then_some(sheet.name.as_str())
}

/// `ingest/1`: the files of the releases just read.
pub fn as_json(folder: &Path, manifest: &Manifest, releases: &[&Release], overlaps: &[Overlap]) -> Value {
    let files = releases.iter().flat_map(|release| &release.ledger.files).map(file_as_json);
    let steps = releases.iter().flat_map(|release| &release.ledger.steps).map(|step| json!(step));
    json!({
        "schema": "ingest/1",
        "engine": ENGINE,
        "files": files.collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
        "overlaps": overlaps.iter().map(overlap_as_json).collect::<Vec<_>>(),
        "record": folder.display().to_string(),
        "manifest_sha256": manifest.sha256().as_str(),
    })
}

/// A file of the ledger; each warning names its sheet, so that it can stand alone.
fn file_as_json(file: &FileEntry) -> Value {
    let mut value = json!(file);
    for (sheet, entry) in value["sheets"].as_array_mut().into_iter().flatten().zip(&file.sheets) {
        for warning in sheet["warnings"].as_array_mut().into_iter().flatten() {
            warning["sheet"] = json!(entry.name);
        }
    }
    value
}
