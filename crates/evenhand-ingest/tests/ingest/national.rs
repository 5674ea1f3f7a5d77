//! The national releases from 2023 on: every table, its variants, and what is odd in their rows.

use crate::helpers::{ingest, written};
use crate::workbooks::{Sheet, workbook};
use evenhand_ingest::{ErrorKind, Kind, Layout, Role, layouts};

/// The headers of a layout that a file can have, in its order.
fn headers(id: &str) -> Vec<&'static str> {
    let layout = layout(id);
    layout.columns.iter().filter_map(|column| column.headers.as_ref()?.first().map(String::as_str)).collect()
}

fn layout(id: &str) -> &'static Layout {
    layouts().unwrap().iter().find(|layout| layout.id == id).unwrap()
}

/// A sheet: `before` lines, the header, and rows given as pairs of header and cell.
fn sheet(
    name: &'static str,
    before: usize,
    header: &[&'static str],
    rows: &[&[(&str, &'static str)]],
) -> Sheet {
    let mut lines = vec![vec!["Request 2025-ICLI-00019"]; before];
    lines.push(header.to_vec());
    for row in rows {
        let cell = |name: &&'static str| {
            let given = row.iter().find(|(header, _)| header == name);
            given.map_or("", |(_, cell)| cell)
        };
        lines.push(header.iter().map(cell).collect());
    }
    Sheet { name, rows: lines }
}

/// What a workbook of one sheet becomes; columns that are null in every row are left out.
fn check(name: &str, sheet: Sheet) -> String {
    let bytes = workbook(&[sheet]);
    let (folder, path) = written(name, &bytes);
    let (entry, kept) = match ingest(&path) {
        Ok(done) => done,
        Err(error) => return error.to_string().replace(&format!("{}/", folder.path().display()), ""),
    };
    let mut lines = Vec::new();
    for (part, batches) in &kept.parts {
        lines.push(format!("{} {}", part.table, part.release));
        for field in part.schema.fields().iter().skip(3) {
            let values = kept.column(&part.table, field.name());
            if batches
                .iter()
                .any(|batch| batch.column_by_name(field.name()).unwrap().null_count() < batch.num_rows())
            {
                let values: Vec<_> = values.iter().map(|value| value.as_deref().unwrap_or("∅")).collect();
                lines.push(format!("  {}: {}", field.name(), values.join(" | ")));
            }
        }
    }
    for sheet in &entry.sheets {
        lines.push(format!(
            "{} read, {} kept, {:?}",
            sheet.tally.rows_read, sheet.tally.rows_kept, sheet.tally.set_aside
        ));
        for warning in &sheet.warnings {
            let value = warning.value.as_deref().map_or(String::new(), |value| format!(" `{value}`"));
            let place = warning.row.map_or(String::new(), |row| format!(" row {row}"));
            let header = warning.header.as_deref().unwrap_or_default();
            lines.push(format!(
                "  {} ×{}{place} {header}{value}: {}",
                warning.code, warning.count, warning.message
            ));
        }
    }
    lines.join("\n")
}

#[test]
fn every_national_layout_is_found_by_its_header_in_any_of_the_first_rows() {
    for layout in layouts().unwrap().iter().filter(|layout| layout.national) {
        let primary = layout.primary().unwrap();
        let header = headers(&layout.id);
        for before in [5, 6, 7] {
            let name = primary.headers.as_ref().unwrap()[0].as_str();
            let row: &[(&str, &str)] = &[(name, "@45000.5")];
            let (_folder, path) =
                written("r2025jul.xlsx", &workbook(&[sheet("Sheet1", before, &header, &[row])]));
            let (entry, kept) = ingest(&path).unwrap();
            assert_eq!(entry.sheets[0].layout.as_deref(), Some(&*layout.id));
            assert_eq!(entry.sheets[0].header_row, Some(before as u64 + 1));
            assert_eq!(kept.column(&layout.table, &primary.name), [Some("2023-03-15".to_owned())]);
        }
    }
}

#[test]
fn every_national_layout_keeps_what_a_row_holds() {
    for layout in layouts().unwrap().iter().filter(|layout| layout.national) {
        let header = headers(&layout.id);
        let cells: Vec<_> = layout
            .columns
            .iter()
            .filter(|column| column.headers.as_ref().is_some_and(|headers| !headers.is_empty()))
            .map(|column| match column.kind {
                _ if column.role == Role::PersonDetail => "b(6), b(7)(C)",
                Kind::Date => "@45000.5",
                Kind::Count | Kind::Number => "#7",
                _ => "0999",
            })
            .collect();
        let book = Sheet { name: "Sheet1", rows: vec![header, cells] };
        let (_folder, path) = written("r2025jul.xlsx", &workbook(&[book]));
        let (entry, kept) = ingest(&path).unwrap();
        for column in layout.kept().filter(|column| column.aliases().next().is_some()) {
            let expected = match column.kind {
                Kind::Date => "2023-03-15",
                Kind::Count => "7",
                Kind::Number => "7.0",
                _ => "0999",
            };
            assert_eq!(
                kept.column(&layout.table, &column.name),
                [Some(expected.to_owned())],
                "{}",
                column.name
            );
            if let Some(time) = column.time_name() {
                assert_eq!(kept.column(&layout.table, &time), [Some("2023-03-15T12:00:00".to_owned())]);
            }
        }
        let details = layout.columns.iter().filter(|column| column.role == Role::PersonDetail).count();
        let redacted = entry.sheets[0].columns.iter().filter(|column| column.redacted == 1).count();
        assert_eq!(redacted, details, "{}", layout.id);
    }
}

#[test]
fn arrests_keep_their_time_and_what_is_odd_is_told_once() {
    let header = headers("arrests/ice-r2026mar");
    let text = check(
        "Arrests_FY2026.xlsx",
        sheet(
            "Sheet1",
            6,
            &header,
            &[
                &[
                    ("Apprehension Date", "@46000.631944444444"),
                    ("Apprehension Method", "Custodial  Arrest "),
                    ("Case Category", "[8F] Expedited Removal"),
                    ("Departed Date", "@46010"),
                    ("Departure Country", "MEXICO"),
                    ("Case Threat Level", "NA"),
                    ("Gender", "Male"),
                    ("Operation", "-"),
                    ("Birth Year", "#1980"),
                    ("Birth Date", "(b)(6), (b)(7)(C)"),
                    ("Anonymized Identifier", "abc1"),
                ],
                &[
                    ("Apprehension Date", "@46001"),
                    ("Apprehension Method", "Telepathy"),
                    ("Case Category", "[9Z] New"),
                    ("Departed Date", "06/14/0002 03:10 PM"),
                    ("Final Order Date", "01/01/8017"),
                    ("Gender", "Male"),
                    ("Operation", "(B)(7)(E)"),
                    ("Birth Year", "nineteen"),
                    ("Anonymized Identifier", "(B)(3)"),
                ],
                &[
                    ("Apprehension Date", "06/14/0002 03:10 PM"),
                    ("Apprehension Method", "Telepathy"),
                    ("Anonymized Identifier", "abc2"),
                ],
                &[
                    ("Apprehension Date", "12/24/2025 03:10 PM"),
                    ("Apprehension Method", "Telepathy"),
                    ("Departed Date", "12/31/2026"),
                    ("Final Order Date", "12/31/2029"),
                    ("Anonymized Identifier", "abc1"),
                ],
            ],
        ),
    );
    insta::assert_snapshot!(text, @r#"
    arrests ice-r2026mar
      row_original: 8 | 9 | 11
      apprehension_date: 2025-12-09 | 2025-12-10 | 2025-12-24
      apprehension_date_time: 2025-12-09T15:10:00 | ∅ | 2025-12-24T15:10:00
      apprehension_method: Custodial Arrest | Telepathy | Telepathy
      case_category: [8F] Expedited Removal | [9Z] New | ∅
      departure_country: MEXICO | ∅ | ∅
      birth_year: 1980 | ∅ | ∅
      gender: Male | Male | ∅
      departed_date: 2025-12-19 | ∅ | 2026-12-31
      operation: ∅ | named | ∅
      case_threat_level: NA | ∅ | ∅
      person_id: abc1 | ∅ | abc1
    4 read, 3 kept, {"implausible_apprehension_date": 1}
      time_unknown ×1 Apprehension Date: rows whose date is at midnight: the time is not known
      no_person_id ×1 Anonymized Identifier: rows without an identifier; they are linked to nothing
      unknown_value ×2 row 9 Apprehension Method `Telepathy`: not a word that the column is known to hold, kept
      unknown_value ×1 row 9 Case Category `[9Z] New`: not a word that the column is known to hold, kept
      unreadable_cell ×1 row 9 Birth Year: expected a whole number, set null
      implausible_date ×1 row 9 Departed Date `06/14/0002 03:10 PM`: a day before 1900 or after 2100, set null
      implausible_date ×1 row 9 Final Order Date `01/01/8017`: a day before 1900 or after 2100, set null
      implausible_primary ×1 row 10 Apprehension Date `06/14/0002 03:10 PM`: expected a date; the row is set aside
      departed_without_country ×1 row 11 : rows with a departure and no country of departure
      after_release ×1 row 11 Departed Date `12/31/2026`: a day after the last of the release, kept
      far_future_date ×1 row 11 Final Order Date `12/31/2029`: a day more than a year after the last of the release, set null
    "#);
}

#[test]
fn a_sheet_may_spell_a_header_in_its_own_way() {
    let header = headers("arrests/ice-r2023");
    let row: &[(&str, &str)] = &[("Apprehension Date", "@41000"), ("Apprehension Method", "Located")];
    let mut sheets = vec![
        sheet("FY12", 5, &header, &[row]),
        sheet("FY13", 5, &header, &[row]),
        sheet("FY14", 5, &header, &[row]),
    ];
    sheets[1].rows[5][2] = "Arrest Create By";
    sheets[2].rows[5][2] = "Arrested Created By";
    let (_folder, path) = written("arrests.xlsx", &workbook(&sheets));
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!(kept.rows("arrests"), 3);
    assert_eq!(kept.parts.len(), 3);
    assert!(
        entry.sheets.iter().all(|sheet| sheet.warnings.iter().all(|warning| warning.code == "no_person_id"))
    );
}

#[test]
fn of_two_columns_of_one_header_the_second_is_the_second() {
    let header = headers("detainers/ice-2025-early");
    assert_eq!(header.iter().filter(|name| **name == "Final Order Yes No").count(), 2);
    let mut book = sheet("Sheet1", 6, &header, &[&[("Detainer Prepare Date", "@45300")]]);
    let places: Vec<_> = (0..header.len()).filter(|at| header[*at] == "Final Order Yes No").collect();
    book.rows[7][places[0]] = "YES";
    book.rows[7][places[1]] = "NO";
    let (_folder, path) = written("r2025feb.xlsx", &workbook(&[book]));
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!(kept.column("detainers", "case_final_order_yes_no"), [Some("YES".to_owned())]);
    assert_eq!(kept.column("detainers", "final_order_yes_no"), [Some("NO".to_owned())]);
    assert_eq!(entry.release, "ice-r2025feb");
}

#[test]
fn stints_keep_midnight_and_other_tables_do_not() {
    let header = headers("detention_stints/ice-2025");
    let text = check(
        "r2025jul.xlsx",
        sheet(
            "Sheet1",
            6,
            &header,
            &[&[
                ("Book In Date Time", "@45300"),
                ("Stay Book In Date Time", "2024-01-09 08:30:00"),
                ("Detention Book Out Date Time", "@45302.25"),
                ("Stay Book Out Date", "@45302"),
                ("Detention Facility Code", "#999"),
                ("Initial Bond Set Amount", "$5,000.00"),
            ]],
        ),
    );
    insta::assert_snapshot!(text, @r"
    detention_stints ice-r2025jul
      row_original: 8
      stay_book_in_date: 2024-01-09
      stay_book_in_date_time: 2024-01-09T08:30:00
      book_in_date: 2024-01-09
      book_in_date_time: 2024-01-09T00:00:00
      detention_facility_code: 999
      book_out_date: 2024-01-11
      book_out_date_time: 2024-01-11T06:00:00
      stay_book_out_day: 2024-01-11
      initial_bond_set_amount: 5000.0
    1 read, 1 kept, {}
      no_person_id ×1 Unique Identifier: rows without an identifier; they are linked to nothing
      stint_before_stay ×1 row 8 : rows whose book-in is before their stay's
      number_as_code ×1 row 8 Detention Facility Code `999`: a number where a code belongs; leading zeros, if it had any, are lost
    ");
}

#[test]
fn a_file_may_have_one_column_fewer_than_its_siblings() {
    let header: Vec<_> =
        headers("detainers/ice-r2026mar").into_iter().filter(|name| *name != "Birth Date").collect();
    assert_eq!(header.len(), 64);
    let (_folder, path) = written(
        "Detainers_FY2023.xlsx",
        &workbook(&[sheet("1", 6, &header, &[&[("Detainer Prepare Date", "@45000")]])]),
    );
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!(kept.rows("detainers"), 1);
    let told: Vec<_> =
        entry.sheets[0].warnings.iter().filter(|warning| warning.code == "missing_column").collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].message.contains("`Birth Date`"), "{}", told[0].message);
}

#[test]
fn a_renamed_column_is_told_with_its_old_name_and_a_core_one_is_refused() {
    let renamed = |from: &str, to: &'static str| {
        let mut header = headers("arrests/ice-r2026mar");
        let at = header.iter().position(|name| *name == from).unwrap();
        header[at] = to;
        let row: &[(&str, &str)] = &[("Apprehension Date", "@46000"), ("Anonymized Identifier", "a")];
        check("arrests.xlsx", sheet("Sheet1", 6, &header, &[row]))
    };
    insta::assert_snapshot!(renamed("Case Criminality", "Criminality of Case"), @r"
    arrests ice-r2026mar
      row_original: 8
      apprehension_date: 2025-12-09
      person_id: a
    1 read, 1 kept, {}
      time_unknown ×1 Apprehension Date: rows whose date is at midnight: the time is not known
      missing_column ×1 row 7 : the file has no column `Case Criminality`; `case_criminality` is null
      unknown_column ×1 row 7 Criminality of Case: a column that the layout does not know, left out; `Case Criminality` is missing and may be what it was called
    ");
    insta::assert_snapshot!(renamed("Apprehension Date", "Date of Apprehension"), @"`arrests.xlsx`, sheet `Sheet1`, row 7, column A: expected column `Apprehension Date`, found a header nearest to layout `arrests/ice-r2026mar` that differs: `Date of Apprehension` where `Apprehension Date` is expected");
    insta::assert_snapshot!(renamed("Apprehension Criminality", "Case Criminality"), @r"
    arrests ice-r2026mar
      row_original: 8
      apprehension_date: 2025-12-09
      person_id: a
    1 read, 1 kept, {}
      time_unknown ×1 Apprehension Date: rows whose date is at midnight: the time is not known
      missing_column ×1 row 7 : the file has no column `Apprehension Criminality`; `apprehension_criminality` is null
      repeated_column ×1 row 7 Case Criminality: a header that stands there twice; the first column is read, this one is left out
    ");
}

#[test]
fn a_header_of_no_release_is_refused() {
    let header = ["Apprehension Date", "Apprehension Method", "Sector", "Alpha", "Beta", "Gamma", "Delta"];
    let (_folder, path) = written("arrests.xlsx", &workbook(&[sheet("1", 6, &header, &[])]));
    let error = ingest(&path).map(drop).unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::UnknownHeader, Some(7)));
}

#[test]
fn a_total_row_a_repeated_header_and_a_note_are_no_records() {
    let header = headers("encounters/ice-r2026mar");
    let mut book = sheet("Sheet1", 6, &header, &[&[("Event Date", "@46000.25"), ("Event Type", "Arrest")]]);
    book.rows.push(header.clone());
    book.rows.push(book.rows[7].clone());
    book.rows.push(vec!["#45000", "Total"]);
    book.rows.push(vec!["Total", "2"]);
    book.rows.push(vec!["* as of March"]);
    insta::assert_snapshot!(check("enc.xlsx", book), @r#"
    encounters ice-r2026mar
      row_original: 8 | 10
      event_date: 2025-12-09 | 2025-12-09
      event_date_time: 2025-12-09T06:00:00 | 2025-12-09T06:00:00
      event_type: Arrest | Arrest
    6 read, 2 kept, {"footnote": 1, "repeated_header": 1, "total_row": 2}
      no_person_id ×2 Anonymized Identifier: rows without an identifier; they are linked to nothing
    "#);
}

#[test]
fn the_text_of_a_risk_assessment_is_read_whatever_the_year() {
    let mut header = headers("risk_assessments/ice-r2023");
    for (from, to) in [("SUBJ_ID", "SUJB ID"), ("A_NUMBER", "A NUMBER"), ("OFFICER_ID", "OFFICER ID")] {
        let at = header.iter().position(|name| *name == from).unwrap();
        header[at] = to;
    }
    header.push("OFFICER COMMENTS");
    let row: &[(&str, &str)] = &[
        ("RCA_DECISION_DATE", "@42000"),
        ("SUBMISSION_DATE", "12/27/2014"),
        ("FINAL_BOND_AMOUNT", "#1500"),
        ("fiscal_year_code", "#2015"),
        ("OFFICER COMMENTS", "b(6), b(7)c"),
    ];
    insta::assert_snapshot!(check("rca.xlsx", sheet("1", 5, &header, &[row])), @r"
    risk_assessments ice-r2023
      row_original: 7
      submission_date: 2014-12-27
      final_bond_amount: 1500.0
      rca_decision_date: 2014-12-27
      fiscal_year_code: 2015
    1 read, 1 kept, {}
      no_person_id ×1 ANONYMIZED_IDENTIFIER: rows without an identifier; they are linked to nothing
      unknown_column ×1 row 6 OFFICER COMMENTS: a column that the layout does not know, left out
    ");
}

#[test]
fn a_count_below_a_column_of_dates_is_no_date() {
    let header = headers("detention_stints/ice-2025");
    let mut book = sheet("Sheet1", 6, &header, &[&[("Book In Date Time", "@45300"), ("Gender", "Male")]]);
    book.rows.push(vec!["Total", "#1"]);
    book.rows.push(vec!["Total", "#20632"]);
    let (_folder, path) = written("r2025jul.xlsx", &workbook(&[book]));
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!(kept.rows("detention_stints"), 1);
    assert_eq!(entry.sheets[0].tally.set_aside["total_row"], 2);
}

#[test]
fn columns_that_contradict_each_other_are_told() {
    let header = headers("detention_stints/ice-r2026mar");
    let text = check(
        "Detentions_FY2024.xlsx",
        sheet(
            "Sheet1",
            6,
            &header,
            &[
                &[
                    ("Stay Book In Date Time", "@45300.5"),
                    ("Book In Date Time", "@45300.5"),
                    ("Book Out Date Time", "@45300.25"),
                    ("Departed Date", "@45310"),
                    ("Final Order Date", "@45305"),
                    ("Final Order Yes No", "YES"),
                ],
                &[
                    ("Stay Book In Date Time", "@45301.5"),
                    ("Book In Date Time", "@45300.5"),
                    ("Book Out Date Time", "@45302"),
                    ("Stay Book Out Date Time", "@45301.25"),
                    ("Departed Date", "@45310"),
                    ("Departure Country", "PERU"),
                    ("Final Order Date", "@45305"),
                    ("Final Order Yes No", "NO"),
                ],
                &[
                    ("Stay Book In Date Time", "@45300.5"),
                    ("Book In Date Time", "@45300.5"),
                    ("Book Out Date Time", "@45300.5"),
                    ("Final Order Date", "@45305"),
                ],
            ],
        ),
    );
    insta::assert_snapshot!(text, @r"
    detention_stints ice-r2026mar
      row_original: 8 | 9 | 10
      stay_book_in_date: 2024-01-09 | 2024-01-10 | 2024-01-09
      stay_book_in_date_time: 2024-01-09T12:00:00 | 2024-01-10T12:00:00 | 2024-01-09T12:00:00
      book_in_date: 2024-01-09 | 2024-01-09 | 2024-01-09
      book_in_date_time: 2024-01-09T12:00:00 | 2024-01-09T12:00:00 | 2024-01-09T12:00:00
      book_out_date: 2024-01-09 | 2024-01-11 | 2024-01-09
      book_out_date_time: 2024-01-09T06:00:00 | 2024-01-11T00:00:00 | 2024-01-09T12:00:00
      stay_book_out_date: ∅ | 2024-01-10 | ∅
      stay_book_out_date_time: ∅ | 2024-01-10T06:00:00 | ∅
      final_order_yes_no: YES | NO | ∅
      final_order_date: 2024-01-14 | 2024-01-14 | 2024-01-14
      departed_date: 2024-01-19 | 2024-01-19 | ∅
      departure_country: ∅ | PERU | ∅
    3 read, 3 kept, {}
      no_person_id ×3 Anonymized Identifier: rows without an identifier; they are linked to nothing
      book_out_before_book_in ×1 row 8 : rows whose book-out is before their book-in
      departed_without_country ×1 row 8 : rows with a departure and no country of departure
      final_order_date_without_yes ×2 row 9 : rows with the date of a final order that do not say that there is one
      stay_ends_before_it_begins ×1 row 9 : rows whose stay ends before it begins
      stint_before_stay ×1 row 9 : rows whose book-in is before their stay's
    ");
}

#[test]
fn older_releases_are_read_from_text_and_named_by_their_request() {
    let stints = headers("detention_stints/ice-foia-2022").join("|");
    let row = ["10/01/2015 14:05", "10/01/2015 14:05", "10/03/2015 00:00", "", "MEXICO"].join("|");
    let text = format!("FOIA 2022-ICFO-09022\n\n{stints}\n{row}{}", "|".repeat(28));
    let (_folder, path) = written("ICE_Detentions_FY2016_LESA-STU_FINAL-Redacted.csv", text.as_bytes());
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!(entry.release, "ice-foia-2022-09022");
    let column = |name: &str| kept.column("detention_stints", name)[0].clone().unwrap();
    assert_eq!(column("book_in_date_time"), "2015-10-01T14:05:00");
    assert_eq!(column("book_out_date_time"), "2015-10-03T00:00:00");
    assert_eq!(column("birth_country"), "MEXICO");

    let arrests = headers("arrests/ice-foia-2022-22955").join(",");
    let text = format!("2022-ICFO-22955\n{arrests}\n10/1/15 3:10 PM,Boston{}\n", ",".repeat(12));
    let (_folder, path) = written("ICE ERO Apprehension by AOR & Program (FY16).csv", text.as_bytes());
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!(entry.release, "ice-foia-2022-22955");
    let times = kept.column("arrests", "apprehension_date_time");
    assert_eq!(times, [Some("2015-10-01T15:10:00".to_owned())]);
}

#[test]
fn detainers_with_years_of_two_digits_are_told_by_their_file_name() {
    let text = "Prepare Date,Detainer Type,Detainer Detention Facility,State,City,Detainer Lift Reason\n\
                10/01/07,I-247,KERN,CA,BAKERSFIELD,Case Closed\n";
    let (_folder, path) = written("FY08.csv", text.as_bytes());
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!(entry.release, "ice-detainers-fy2008-2017");
    assert_eq!(kept.column("detainers", "detainer_prepare_date"), [Some("2007-10-01".to_owned())]);
    let (_folder, path) = written("detainers.csv", text.as_bytes());
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!(entry.release, "ice-detainers-fy2008-2015");
    assert_eq!(kept.rows("detainers"), 0, "a year of two digits is not guessed there");
    // As published, with more columns than are read.
    let text = "Prepare Date,Birth Country,Detainer Type,Detainer Detention Facility,State,City,Detainer Lift Reason\n\
                10/01/14,MEXICO,I-247,KERN,CA,BAKERSFIELD,Detainer Declined by LEA\n";
    let (_folder, path) = written("detainersfy15.csv", text.as_bytes());
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!((&*entry.release, kept.rows("detainers")), ("ice-detainers-fy2008-2017", 1));
    assert_eq!(
        kept.column("detainers", "detainer_lift_reason"),
        [Some("Detainer Declined by LEA".to_owned())]
    );
    let unknown = entry.sheets[0].warnings.iter().find(|warning| warning.code == "unknown_column").unwrap();
    assert!(unknown.message.contains("left out"), "{}", unknown.message);
    // The years before 2015 came without the type.
    let text = "Prepare Date,Detainer Detention Facility,State,City,Detainer Lift Reason\n10/1/08,A JAIL,TX,AUSTIN,\n";
    let (_folder, path) = written("FY09.txt", text.as_bytes());
    let (entry, kept) = ingest(&path).unwrap();
    assert_eq!((&*entry.release, kept.rows("detainers")), ("ice-detainers-fy2008-2017", 1));
    assert_eq!(kept.column("detainers", "detainer_prepare_date"), [Some("2008-10-01".to_owned())]);
}

#[test]
fn one_year_under_two_names_is_let_through_to_be_compared() {
    let header = headers("arrests/ice-r2026aug");
    let book = workbook(&[sheet("Sheet1", 6, &header, &[&[("Apprehension Date", "@45000.5")]])]);
    let folder = tempfile::tempdir().unwrap();
    for year in ["FY2023", "FY2024"] {
        std::fs::write(folder.path().join(format!("Hausman_ARS_{year}.xlsx")), &book).unwrap();
    }
    let plan = evenhand_ingest::plan(&[folder.path().to_owned()], &Default::default()).unwrap();
    assert_eq!(plan.sources.len(), 2);
}
