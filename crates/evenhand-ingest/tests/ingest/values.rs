//! What a cell becomes, to the last digit: dates, numbers, codes, rows and sheets.

use crate::helpers::{Kept, ingest, written};
use crate::hostile::made::{
    FILE, HEADER, Parts, data, document, inline, of_data, of_sheets, preamble, texts,
};

fn kept(parts: &Parts) -> Kept {
    let (_folder, path) = written(FILE, &parts.zip());
    ingest(&path).unwrap().1
}

/// A row whose cell in the column `letter` is this one.
fn with_cell(row: u32, letter: &str, cell: &str) -> String {
    let place = format!("<c r=\"{letter}{row}\"");
    let text = data(row);
    let cell = cell.replacen("<c", &place, 1);
    match text.split_once(&place) {
        Some((before, after)) => {
            let end = after.find("</c>").unwrap() + 4;
            format!("{before}{cell}{}", &after[end..])
        }
        None => panic!("no cell {letter} in {text}"),
    }
}

/// What cells of one column become, one a row.
#[track_caller]
fn check(letter: &str, column: &str, cells: &[(&str, &str)]) {
    let rows: String = (8..).zip(cells).map(|(row, (cell, _))| with_cell(row, letter, cell)).collect();
    let found = kept(&of_data(&rows)).column("arrests", column);
    let found: Vec<_> = found.iter().map(|value| value.as_deref().unwrap_or("∅")).collect();
    let expected: Vec<_> = cells.iter().map(|(_, expected)| *expected).collect();
    assert_eq!(found, expected);
}

#[test]
fn days_of_cells() {
    check(
        "K",
        "departed_date",
        &[
            ("<c s=\"1\"><v>45840</v></c>", "2025-07-02"),
            ("<c s=\"1\"><v>45840.999988425925</v></c>", "2025-07-02"),
            ("<c s=\"1\"><v>45840.9999999999</v></c>", "2025-07-03"),
            ("<c s=\"1\"><v>4.584E4</v></c>", "2025-07-02"),
            ("<c s=\"1\"><v>1</v></c>", "1900-01-01"),
            ("<c s=\"1\"><v>59</v></c>", "1900-02-28"),
            ("<c s=\"1\"><v>60</v></c>", "∅"),
            ("<c s=\"1\"><v>61</v></c>", "1900-03-01"),
            ("<c s=\"1\"><v>0</v></c>", "∅"),
            ("<c s=\"1\"><v>-1</v></c>", "∅"),
            ("<c s=\"1\"><v>2958466</v></c>", "∅"),
            ("<c><v>45840</v></c>", "2025-07-02"),
            ("<c><v>2025</v></c>", "∅"),
            ("<c><v>59</v></c>", "∅"),
            ("<c t=\"d\"><v>2025-07-02</v></c>", "2025-07-02"),
            ("<c t=\"d\"><v>2025-07-02T23:59:59.999Z</v></c>", "2025-07-02"),
            ("<c t=\"d\"><v>2025-02-29</v></c>", "∅"),
            ("<c t=\"str\"><f>A1</f><v>7/2/2025</v></c>", "2025-07-02"),
            ("<c t=\"inlineStr\"><is><t>07/02/2025</t></is></c>", "2025-07-02"),
            ("<c t=\"inlineStr\"><is><t>2025-07-02</t></is></c>", "2025-07-02"),
            ("<c t=\"inlineStr\"><is><t> 7/2/2025 12:00:00 AM </t></is></c>", "2025-07-02"),
            ("<c t=\"inlineStr\"><is><t>2/29/2024</t></is></c>", "2024-02-29"),
            ("<c t=\"inlineStr\"><is><t>2/29/2025</t></is></c>", "∅"),
            ("<c t=\"inlineStr\"><is><t>2/29/1900</t></is></c>", "∅"),
            ("<c t=\"inlineStr\"><is><t>13/1/2025</t></is></c>", "∅"),
            ("<c t=\"inlineStr\"><is><t>7/2/25</t></is></c>", "∅"),
            ("<c t=\"inlineStr\"><is><t>b(6), b(7)(C)</t></is></c>", "∅"),
            ("<c t=\"e\"><v>#VALUE!</v></c>", "∅"),
            ("<c t=\"b\"><v>1</v></c>", "∅"),
        ],
    );
}

#[test]
fn times_of_cells() {
    check(
        "A",
        "apprehension_date_time",
        &[
            ("<c s=\"2\"><v>45840.5</v></c>", "2025-07-02T12:00:00"),
            ("<c s=\"2\"><v>45840.631944444445</v></c>", "2025-07-02T15:10:00"),
            ("<c s=\"2\"><v>45840.99998842593</v></c>", "2025-07-02T23:59:59"),
            ("<c s=\"2\"><v>45840.000011574074</v></c>", "2025-07-02T00:00:01"),
            ("<c s=\"2\"><v>45840</v></c>", "∅"),
            ("<c s=\"4\"><v>45840.5</v></c>", "2025-07-02T12:00:00"),
            ("<c t=\"d\"><v>2025-07-02T15:10:00</v></c>", "2025-07-02T15:10:00"),
            ("<c t=\"inlineStr\"><is><t>07/02/2025 03:10 PM</t></is></c>", "2025-07-02T15:10:00"),
            ("<c t=\"inlineStr\"><is><t>07/02/2025 12:10 AM</t></is></c>", "2025-07-02T00:10:00"),
            ("<c t=\"inlineStr\"><is><t>7/2/2025 15:10:01</t></is></c>", "2025-07-02T15:10:01"),
            ("<c t=\"inlineStr\"><is><t>7/2/2025 25:00</t></is></c>", "∅"),
        ],
    );
}

#[test]
fn days_that_count_from_1904() {
    let mut parts = of_data(
        &[
            ("8", "<c s=\"1\"><v>44378</v></c>"),
            ("9", "<c><v>44378</v></c>"),
            ("10", "<c t=\"d\"><v>2025-07-02</v></c>"),
        ]
        .map(|(row, cell)| {
            with_cell(row.parse().unwrap(), "K", cell)
                .replace(".5</v>", "</v>")
                .replacen("<v>458", "<v>443", 1)
        })
        .concat(),
    );
    let text = parts.text("xl/workbook.xml").replace("<workbookPr/>", "<workbookPr date1904=\"true\"/>");
    parts.set("xl/workbook.xml", text);
    let departed = kept(&parts).column("arrests", "departed_date");
    assert_eq!(departed, ["2025-07-02"; 3].map(|day| Some(day.to_owned())));
}

#[test]
fn numbers_of_cells() {
    check(
        "P",
        "birth_year",
        &[
            ("<c><v>1980</v></c>", "1980"),
            ("<c><v>1980.0</v></c>", "1980"),
            ("<c><v>1.98E+03</v></c>", "1980"),
            ("<c><v> 1980 </v></c>", "1980"),
            ("<c t=\"inlineStr\"><is><t> 1980 </t></is></c>", "1980"),
            ("<c t=\"inlineStr\"><is><t>1,980</t></is></c>", "1980"),
            ("<c t=\"inlineStr\"><is><t>01980</t></is></c>", "1980"),
            ("<c><v>0</v></c>", "0"),
            ("<c><v>1980.5</v></c>", "∅"),
            ("<c><v>-1980</v></c>", "∅"),
            ("<c><v>4294967296</v></c>", "∅"),
            ("<c t=\"inlineStr\"><is><t>&lt;5</t></is></c>", "∅"),
            ("<c t=\"inlineStr\"><is><t>*</t></is></c>", "∅"),
            ("<c t=\"inlineStr\"><is><t>19,80</t></is></c>", "∅"),
            ("<c t=\"inlineStr\"><is><t>NA</t></is></c>", "∅"),
            ("<c t=\"e\"><v>#DIV/0!</v></c>", "∅"),
            ("<c t=\"b\"><v>1</v></c>", "∅"),
        ],
    );
}

#[test]
fn texts_of_cells() {
    check(
        "W",
        "person_id",
        &[
            ("<c t=\"inlineStr\"><is><t>00123</t></is></c>", "00123"),
            ("<c t=\"inlineStr\"><is><t>1E+05</t></is></c>", "1E+05"),
            ("<c t=\"inlineStr\"><is><t>12345678901234567890</t></is></c>", "12345678901234567890"),
            ("<c><v>12345678901234567</v></c>", "12345678901234567"),
            ("<c><v>12345678901234567890123</v></c>", "12345678901234567890123"),
            ("<c><v>123</v></c>", "123"),
            ("<c><v>1E+05</v></c>", "100000"),
            ("<c><v>0.1</v></c>", "0.1"),
            ("<c t=\"inlineStr\"><is><t xml:space=\"preserve\">  a   b  </t></is></c>", "a b"),
            ("<c t=\"inlineStr\"><is><t>=1+1</t></is></c>", "=1+1"),
            ("<c t=\"inlineStr\"><is><t>&quot;a&quot;, b|c</t></is></c>", "\"a\", b|c"),
            ("<c t=\"inlineStr\"><is><t>é 日本 😀</t></is></c>", "é 日本 😀"),
            ("<c t=\"inlineStr\"><is><t>NULL</t></is></c>", "NULL"),
            ("<c t=\"inlineStr\"><is><t>   </t></is></c>", "∅"),
            ("<c t=\"inlineStr\"><is><t>(B)(3)</t></is></c>", "∅"),
            ("<c t=\"b\"><v>0</v></c>", "FALSE"),
            ("<c s=\"1\"><v>45840</v></c>", "2025-07-02"),
            ("<c t=\"e\"><v>#REF!</v></c>", "∅"),
        ],
    );
}

#[test]
fn rows_and_sheets_keep_their_places() {
    let first = format!("{}{}{}{}", preamble(), texts(7, &HEADER), data(8), data(1_048_576));
    // No numbers: the header is in row 2.
    let second =
        format!("<row>{}</row>{}", inline("A1", "x"), texts(2, &HEADER) + &data(3) + "<row/>" + &data(5))
            .replace("<row r=\"3\">", "<row>");
    let kept = kept(&of_sheets(&[("Sheet1", &document(&first)), ("FY24 &amp; later ", &document(&second))]));
    let text = |name: &str| kept.column("arrests", name).into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(text("row_original"), ["8", "1048576", "3", "5"]);
    assert_eq!(text("sheet_original"), ["Sheet1", "Sheet1", "FY24 & later ", "FY24 & later "]);
    assert_eq!(text("file_original"), [FILE; 4]);
    assert_eq!(text("release"), ["ice-r2025jul"; 4]);
}

#[test]
fn codes_of_counties_keep_their_zeros() {
    let layout = evenhand_ingest::layouts()
        .unwrap()
        .iter()
        .find(|layout| layout.id == "crosswalk_county_population")
        .unwrap();
    let header: Vec<_> = layout.columns.iter().filter_map(|column| column.aliases().next()).collect();
    let cells = |fips: &str| {
        header.iter().map(|name| if name.contains("fips") { fips } else { "1" }).collect::<Vec<_>>().join(",")
    };
    let file = format!("{}\n{}\n{}\n", header.join(","), cells("01001"), cells("06037"));
    let (_folder, path) = written("county_population.csv", file.as_bytes());
    let (_, kept) = ingest(&path).unwrap();
    let name = &layout.columns.iter().find(|column| column.name.contains("fips")).unwrap().name;
    assert_eq!(kept.column(&layout.table, name), ["01001", "06037"].map(|code| Some(code.to_owned())));
}
