//! `--explain`: which layout a file matched, and why, column by column.

use crate::helpers::written;
use crate::workbooks::{Sheet, workbook};
use evenhand_ingest::{explain, layouts};

fn explained(name: &str, bytes: &[u8]) -> String {
    let (folder, path) = written(name, bytes);
    let text = explain(&path, None).unwrap().to_string();
    text.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_known_header_is_explained_column_by_column() {
    let text = "\
\"2022-ICFO-09023\"||||||||
\"Area of Responsibility\"|\"Apprehension  Date\"|\"Apprehension Method\"|\"Apprehension Landmark\"|\"Operation\"|\"Birth Date\"|\"Citizenship\"|\"Event Type\"|
";
    insta::assert_snapshot!(explained("arrests.csv", text.as_bytes()), @r"
    arrests.csv: text, fields separated by `|`

    sheet `arrests`: header in row 2, layout `arrests/ice-foia-2019`, to table `arrests` of release `ice-foia-2022-09023` (told by the request's number before the header)
        A  Area of Responsibility  → apprehension_aor: text
        B  Apprehension  Date      → apprehension_date: a date, decides whether a row is kept
        C  Apprehension Method     → apprehension_method: text
        D  Apprehension Landmark   → apprehension_site_landmark: text
        E  Operation               → operation: text
        F  Birth Date              left out: person-level detail
        G  Citizenship             → citizenship_country: text
        H  Event Type              left out: not in the layout
      null in this sheet: processing_disposition (`Processing Disposition`), gender (`Gender`), criminal_record
      also near: `arrests/ice-foia-2022` knows 6 of 8 headers, lacks `Arrest Date`
      also near: `arrests/ice-foia-2022-22955` knows 6 of 8 headers, lacks `Apprehension Date And Time`, `Apprehension State`, `Apprehension County`, `Apprehension Final Program`
      also near: `removals/ice-foia-2019` knows 4 of 8 headers, lacks `Departed Date`, `Removal Date`
    ");
}

#[test]
fn an_unknown_sheet_is_explained_by_what_is_near() {
    let book = workbook(&[
        Sheet { name: "Data", rows: vec![vec!["Departed Date", "Gender", "Category"]] },
        Sheet { name: "Notes", rows: vec![vec!["a note"]] },
    ]);
    insta::assert_snapshot!(explained("removals.xlsx", &book), @r"
    removals.xlsx: workbook

    sheet `Data`: no layout
      row 1, column C: expected column `Case Category`, found a header nearest to layout `removals/ice-seattle-2019` that differs: missing `Most Serious Conviction`; `Category` where `Case Category` is expected
      also near: `removals/ice-foia-2019` knows 2 of 3 headers, lacks `Area of Responsibility`, `Removal Date`
      also near: `removals/ice-seattle-2019` knows 2 of 3 headers, lacks `Case Category`, `Most Serious Conviction`
      also near: `removals/ice-foia-2022` knows 2 of 3 headers, lacks `Area of Responsibility`, `Arrest Date`, `Case Closed Date`, `Removal Date`, `Apprehension Method Code` and 4 more

    sheet `Notes`: notes only, set aside whole
    ");
}

#[test]
fn every_layout_reads_the_header_that_it_describes() {
    for layout in layouts().unwrap() {
        let names: Vec<_> = layout.columns.iter().filter_map(|column| column.aliases().next()).collect();
        let name = layout.files.first().map_or("table", String::as_str);
        let (_folder, path) = written(&format!("{name}.csv"), format!("{}\n", names.join(",")).as_bytes());
        let explanation = explain(&path, None).unwrap();
        assert_eq!(explanation.sheets[0].layout.as_ref(), Some(&layout.id));
    }
}
