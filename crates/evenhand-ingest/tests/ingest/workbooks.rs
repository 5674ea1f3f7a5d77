//! Workbooks: several sheets, notes, blocks, gaps, formulas.

use crate::helpers::shown;

/// A sheet of text cells; a cell that begins with `=` is a formula without its result, one with `#` a number, one
/// with `@` a number that is shown as a date and time.
pub struct Sheet {
    pub name: &'static str,
    pub rows: Vec<Vec<&'static str>>,
}

/// The bytes of a workbook.
pub fn workbook(sheets: &[Sheet]) -> Vec<u8> {
    let ns = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let (mut list, mut links, mut parts) = (String::new(), String::new(), Vec::new());
    for (at, sheet) in sheets.iter().enumerate() {
        let id = at + 1;
        list += &format!("<sheet name=\"{}\" sheetId=\"{id}\" r:id=\"rId{id}\"/>", sheet.name);
        links += &format!(
            "<Relationship Id=\"rId{id}\" Type=\"{rel}/worksheet\" Target=\"worksheets/sheet{id}.xml\"/>"
        );
        let mut rows = String::new();
        for (row, cells) in sheet.rows.iter().enumerate().filter(|(_, cells)| !cells.is_empty()) {
            rows += &format!("<row r=\"{}\">", row + 1);
            for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                let place = format!("{}{}", letters(column), row + 1);
                rows += &match cell.split_at(1) {
                    ("=", formula) => format!("<c r=\"{place}\"><f>{formula}</f></c>"),
                    ("#", number) => format!("<c r=\"{place}\"><v>{number}</v></c>"),
                    ("@", number) => format!("<c r=\"{place}\" s=\"1\"><v>{number}</v></c>"),
                    _ => format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>"),
                };
            }
            rows += "</row>";
        }
        parts.push((
            format!("xl/worksheets/sheet{id}.xml"),
            format!("<worksheet xmlns=\"{ns}\"><sheetData>{rows}</sheetData></worksheet>"),
        ));
    }
    parts.push((
        "xl/workbook.xml".to_owned(),
        format!("<workbook xmlns=\"{ns}\" xmlns:r=\"{rel}\"><sheets>{list}</sheets></workbook>"),
    ));
    parts.push((
        "xl/_rels/workbook.xml.rels".to_owned(),
        format!("<Relationships xmlns=\"{package}/relationships\">{links}<Relationship Id=\"rIdStyles\" Type=\"{rel}/styles\" Target=\"styles.xml\"/></Relationships>"),
    ));
    parts.push((
        "xl/styles.xml".to_owned(),
        format!("<styleSheet xmlns=\"{ns}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"22\"/></cellXfs></styleSheet>"),
    ));
    parts.push((
        "_rels/.rels".to_owned(),
        format!("<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{rel}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"),
    ));
    parts.push((
        "[Content_Types].xml".to_owned(),
        format!("<Types xmlns=\"{package}/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>"),
    ));
    let parts: Vec<_> = parts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    zip(&parts)
}

/// The letters of a column, up to `ZZ`.
fn letters(column: usize) -> String {
    let letter = |at: usize| char::from(b'A' + at as u8);
    match column / 26 {
        0 => letter(column).to_string(),
        first => format!("{}{}", letter(first - 1), letter(column % 26)),
    }
}

/// The bytes of a zip file with stored members.
pub fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in members {
        let offset = bytes.len() as u32;
        let crc = {
            let mut crc = flate2::Crc::new();
            crc.update(text.as_bytes());
            crc.sum()
        };
        let mut about = Vec::new();
        about.extend([20, 0, 0, 0, 0, 0, 0, 0, 33, 0]);
        about.extend(crc.to_le_bytes());
        about.extend((text.len() as u32).to_le_bytes());
        about.extend((text.len() as u32).to_le_bytes());
        about.extend((name.len() as u16).to_le_bytes());
        about.extend([0, 0]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&about);
        bytes.extend(name.as_bytes());
        bytes.extend(text.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&about);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = bytes.len() as u32;
    let count = (members.len() as u16).to_le_bytes();
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend(count);
    bytes.extend(count);
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn sheets_of_one_workbook_go_to_their_tables_and_notes_are_set_aside_whole() {
    let removals = |rows: &[Vec<&'static str>]| {
        let header = vec![
            "Departed Date",
            "Date of Birth",
            "Gender",
            "Country of Citizenship",
            "Event Number",
            "Most Serious Conviction",
            "Case Category",
        ];
        [vec![vec!["Tracking Unit"], vec![], vec!["a title"], header], rows.to_vec()].concat()
    };
    let book = workbook(&[
        Sheet {
            name: "Expedited Removals",
            rows: removals(&[vec![
                "1/3/2012",
                "(b)(6),(b)(7)c)",
                "Male",
                "[COARSENED]",
                "(b)(7)e)",
                "",
                "[8F] Expedited Removal",
            ]]),
        },
        Sheet {
            name: "Other Removals",
            rows: removals(&[
                vec!["#40911", "", "", "MEXICO", "", "[RECORDED]", "[3] Deportable"],
                vec![],
                vec![],
                vec!["1/5/2012", "", "", "MEXICO", "", "", "[3] Deportable", "", "beyond"],
                vec!["Updated through July"],
            ]),
        },
        Sheet { name: "Footnotes", rows: vec![vec!["Removals:"], vec!["include returns."]] },
    ]);
    insta::assert_snapshot!(shown("seattle.xlsx", &book), @r#"
    removals ice-seattle-2012-2019 seattle.1-expedited-removals
      5 | ∅ | ∅ | ∅ | ∅ | Male | ∅ | ∅ | 2012-01-03 | ∅ | [8F] Expedited Removal | expedited | ∅
    removals ice-seattle-2012-2019 seattle.2-other-removals
      5 | ∅ | ∅ | ∅ | MEXICO | ∅ | ∅ | ∅ | 2012-01-03 | ∅ | [3] Deportable | other | recorded
      8 | ∅ | ∅ | ∅ | MEXICO | ∅ | ∅ | ∅ | 2012-01-05 | ∅ | [3] Deportable | other | ∅
    Expedited Removals: 1 read, 1 kept, {}
      coarsened ×1 row 5, column D, `Country of Citizenship`, value `[COARSENED]`: replaced in the public snapshot because rare, set null
    Other Removals: 5 read, 2 kept, {"blank_row": 2, "footnote": 1}
      number_as_date ×1 row 5, column A, `Departed Date`, value `40911`: a plain number, read as the day count of a spreadsheet
      beyond_header ×1 row 8, column I: cells beyond the last header, left out
    Footnotes: 2 read, 0 kept, {"footnotes": 2}
    "#);
}

#[test]
fn blocks_below_one_another_become_one_table() {
    let book = workbook(&[Sheet {
        name: "Summary",
        rows: vec![
            vec!["Tracking Unit"],
            vec!["FY2012 - FY2019 YTD ERO Administrative Arrests for the Seattle Area"],
            vec!["Fiscal Year", "Total"],
            vec!["FY2018", "#3067"],
            vec!["FY2019 YTD", "#1931"],
            vec![],
            vec!["FY2012 - FY2019 YTD ICE Removals for the Seattle Area"],
            vec!["Fiscal Year", "Expedited Removals", "Other Removals", "Total"],
            vec!["FY2018", "#801", "#3288", "=SUM(B9:C9)"],
        ],
    }]);
    insta::assert_snapshot!(shown("seattle.xlsx", &book), @r#"
    seattle_summary ice-seattle-2012-2019 seattle
      4 | 2018 | ∅ | arrests | 3067 | ∅ | ∅
      5 | 2019 | ∅ | arrests | 1931 | ∅ | ∅
      9 | 2018 | ∅ | removals | ∅ | 801 | 3288
    Summary: 6 read, 3 kept, {"blank_row": 1, "block_header": 1, "block_title": 1}
      formula_without_value ×1 row 9, column D, `Total`: a formula whose result the file does not hold, set null
    "#);
}

const HEADER: [&str; 6] =
    ["Prepare Date", "Detainer Type", "Detainer Detention Facility", "State", "City", "Detainer Lift Reason"];

/// A workbook of one sheet with the header of detainers in its first row, and after it `rows` as they stand.
fn detainers(rows: &str, after: &str) -> Vec<u8> {
    let book = workbook(&[Sheet { name: "Detail", rows: vec![HEADER.to_vec(), vec!["@"]] }]);
    let text = String::from_utf8_lossy(&book);
    let start = text.find("<worksheet").unwrap();
    let end = text.find("</worksheet>").unwrap();
    let sheet = &text[start..end];
    let at = sheet.find("<row r=\"2\">").unwrap();
    let sheet = format!("{}{rows}</sheetData>{after}</worksheet>", &sheet[..at]);
    let part = |name: &str, from: &str, to: &str| {
        let start = text.find(from).unwrap();
        let end = start + text[start..].find(to).unwrap() + to.len();
        (name.to_owned(), text[start..end].to_owned())
    };
    let parts = [
        ("xl/worksheets/sheet1.xml".to_owned(), sheet),
        part("xl/workbook.xml", "<workbook", "</workbook>"),
        part("xl/_rels/workbook.xml.rels", "<Relationships", "</Relationships>"),
        part("xl/styles.xml", "<styleSheet", "</styleSheet>"),
    ];
    let parts: Vec<_> = parts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    zip(&parts)
}

#[test]
fn a_date_in_iso_form_is_a_day_and_merged_cells_are_told() {
    let rows = "<row r=\"2\"><c r=\"A2\" t=\"d\"><v>2014-10-01T13:05:00</v></c><c r=\"B2\" t=\"inlineStr\"><is><t>I-247</t></is></c></row>";
    let merged = "<mergeCells><mergeCell ref=\"A1:B1\"/><mergeCell ref=\"B2:B9\"/></mergeCells>";
    insta::assert_snapshot!(shown("detainers.xlsx", &detainers(rows, merged)), @r"
    detainers ice-detainers-fy2008-2015 detainers
      2 | 2014-10-01 | I-247 | ∅ | ∅ | ∅ | ∅
    Detail: 1 read, 1 kept, {}
      merged_cells ×1 : merged cells below the header: all but the first of them are blank
    ");
}

#[test]
fn a_sheet_that_contradicts_itself_is_refused_with_its_place() {
    let row = |row: &str| {
        let first = "<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>10/1/2014</t></is></c></row>";
        shown("detainers.xlsx", &detainers(&format!("{first}{row}"), ""))
    };
    let told = |text: &str| {
        text.split_once("sheet `Detail`").map_or_else(|| text.to_owned(), |(_, told)| told.to_owned())
    };
    let refusals = [
        "<row r=\"2\"/>",
        "<row r=\"3\"><c r=\"B3\"/><c r=\"A3\"/></row>",
        "<row r=\"3\"><c r=\"B4\"/></row>",
        "<row r=\"1048577\"/>",
        "<row r=\"3\"><c r=\"A3\" t=\"s\"><v>7</v></c></row>",
        "<row r=\"3\"><c r=\"A3\"><v>1</w></c></row>",
        "<row r=\"3\"><c r=\"A3\" t=\"str\"><v>a\0</v></c></row>",
    ]
    .map(|text| told(&row(text)));
    insta::assert_snapshot!(refusals.join("\n"), @r"
    , row 2: expected rows in order, found row 2 twice
    , row 3, column A: expected one cell for each column, in order, found column A after column B
    , row 3, column B: expected a cell of row 3, found `B4`
    , row 1048577: expected at most 1048576 rows, found row 1048577
    , row 3, column A: expected one of the 0 shared strings, found `7`
    , row 3, column A: expected `</v>`, found `</w>`
    , row 3: expected text, found a NUL
    ");
}

#[test]
fn any_number_of_threads_gives_the_same_rows_in_the_same_order() {
    let rows = |first: usize| {
        let row = |at: usize| vec!["10/1/2014", ["I-247", "I-247N", "I-247D"][at % 3], "JAIL", "", "", ""];
        [vec![HEADER.to_vec()], (first..first + 400).map(row).collect()].concat()
    };
    let names = ["One", "Two", "Three", "Four"];
    let sheets: Vec<_> = names.iter().enumerate().map(|(at, name)| Sheet { name, rows: rows(at) }).collect();
    let book = workbook(&sheets);
    let all = [1, 2, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| shown("detainers.xlsx", &book))
    });
    assert!(all[0].contains("Four: 400 read, 400 kept"));
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}

#[test]
fn of_a_sheet_full_to_its_last_row_it_is_told_where_its_table_goes_on() {
    let row = vec!["10/1/2014", "I-247", "JAIL", "", "", ""];
    let full = || {
        let mut rows = vec![Vec::new(); 1_048_576];
        rows[0] = HEADER.to_vec();
        rows[1_048_575].clone_from(&row);
        rows
    };
    let told = |sheets: &[Sheet]| {
        let text = shown("detainers.xlsx", &workbook(sheets));
        text.lines().filter(|line| line.contains("sheet_full")).collect::<Vec<_>>().join("\n")
    };
    let [one, two] = [
        Sheet { name: "One", rows: full() },
        Sheet { name: "Two", rows: vec![HEADER.to_vec(), row.clone()] },
    ];
    insta::assert_snapshot!(told(&[one, two]), @"  sheet_full ×1 row 1048576: full to the last row that a sheet can have; sheet `Two` has the same table and was read too: see that its dates go on from here");
    insta::assert_snapshot!(told(&[Sheet { name: "One", rows: full() }]), @"  sheet_full ×1 row 1048576: full to the last row that a sheet can have: rows are missing, unless another sheet or file goes on from here");
}
