//! A released workbook of five rows, whose every byte a case may change.

use super::Case;
pub use crate::package::{LINKS, MAIN, Member, STYLES, members, zip};
use std::fmt::Write as _;

/// Header of the arrests of 2025, in row 7.
pub const HEADER: [&str; 23] = [
    "Apprehension Date",
    "Apprehension State",
    "Apprehension County",
    "Apprehension AOR",
    "Final Program",
    "Final Program Group",
    "Apprehension Method",
    "Apprehension Criminality",
    "Case Status",
    "Case Category",
    "Departed Date",
    "Departure Country",
    "Final Order Yes No",
    "Final Order Date",
    "Birth Date",
    "Birth Year",
    "Citizenship Country",
    "Gender",
    "Apprehension Site Landmark",
    "Alien File Number",
    "EID Case ID",
    "EID Subject ID",
    "Unique Identifier",
];
/// Name of a file of the release.
pub const FILE: &str = "arrests_r2025jul.xlsx";
/// First row of data.
pub const FIRST: u32 = 8;

/// Members of a workbook, to be changed.
pub struct Parts(pub Vec<Member>);

pub const SHEET: &str = "xl/worksheets/sheet1.xml";
pub const STRINGS: &str = "xl/sharedStrings.xml";
pub const BOOK: &str = "xl/workbook.xml";
pub const RELS: &str = "xl/_rels/workbook.xml.rels";

impl Parts {
    pub fn at(&mut self, name: &str) -> &mut Member {
        self.0.iter_mut().find(|member| member.name == name).expect("a member of this name")
    }

    pub fn text(&mut self, name: &str) -> String {
        String::from_utf8(self.at(name).bytes.clone()).expect("text")
    }

    pub fn set(&mut self, name: &str, text: impl Into<Vec<u8>>) -> &mut Self {
        self.at(name).bytes = text.into();
        self
    }

    /// Replaces the only place of `from` in a member.
    #[track_caller]
    pub fn edit(&mut self, name: &str, from: &str, to: &str) -> &mut Self {
        let text = self.text(name);
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {name}: {text}");
        self.set(name, text.replacen(from, to, 1))
    }

    /// Replaces bytes.
    #[track_caller]
    pub fn edit_bytes(&mut self, name: &str, from: &[u8], to: &[u8]) -> &mut Self {
        let bytes = &mut self.at(name).bytes;
        let at = bytes.windows(from.len()).position(|window| window == from).expect("the bytes");
        bytes.splice(at..at + from.len(), to.iter().copied());
        self
    }

    pub fn add(&mut self, name: &str, bytes: impl Into<Vec<u8>>) -> &mut Self {
        self.0.push(Member::new(name, bytes));
        self
    }

    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.at(name);
        self.0.retain(|member| member.name != name);
        self
    }

    pub fn zip(&self) -> Vec<u8> {
        zip(&self.0)
    }
}

/// The letters of a column.
pub fn letters(column: usize) -> String {
    let letter = |at: usize| char::from(b'A' + at as u8);
    if column < 26 {
        letter(column).to_string()
    } else {
        format!("{}{}", letter(column / 26 - 1), letter(column % 26))
    }
}

pub fn inline(place: &str, text: &str) -> String {
    format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// The lines before the header: five, and a blank one.
pub fn preamble() -> String {
    let lines = ["FOUO", "LESA-STU", "Request 2025-ICLI-00019", "2023-09-01 to 2025-07-29", "Source: IIDS"];
    let rows = (1..)
        .zip(lines)
        .map(|(row, line)| format!("<row r=\"{row}\">{}</row>", inline(&format!("A{row}"), line)));
    rows.collect()
}

/// A row of these texts, each in its cell.
pub fn texts(row: u32, cells: &[&str]) -> String {
    let cells = cells.iter().enumerate().filter(|(_, text)| !text.is_empty());
    let cells: String = cells.map(|(at, text)| inline(&format!("{}{row}", letters(at)), text)).collect();
    format!("<row r=\"{row}\">{cells}</row>")
}

/// A row of data: day, method, departed, birth year, country, gender, identifier.
pub fn data(row: u32) -> String {
    let day = 45_830 + row % 50;
    format!(
        "<row r=\"{row}\"><c r=\"A{row}\" s=\"2\"><v>{day}.5</v></c><c r=\"G{row}\" t=\"s\"><v>0</v></c>\
         <c r=\"K{row}\" s=\"1\"><v>{day}</v></c><c r=\"L{row}\" t=\"s\"><v>1</v></c>\
         <c r=\"P{row}\"><v>19{}</v></c><c r=\"Q{row}\" t=\"s\"><v>1</v></c>\
         <c r=\"R{row}\" t=\"s\"><v>2</v></c><c r=\"W{row}\" t=\"inlineStr\"><is><t>id-{row}</t></is></c></row>",
        70 + row
    )
}

pub fn data_rows(rows: std::ops::Range<u32>) -> String {
    rows.map(data).collect()
}

/// The document of a sheet around its rows.
pub fn document(rows: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<worksheet xmlns=\"{MAIN}\"><dimension ref=\"A1:W12\"/><sheetData>{rows}</sheetData></worksheet>"
    )
}

/// Preamble, header and five rows.
pub fn rows() -> String {
    format!("{}{}{}", preamble(), texts(7, &HEADER), data_rows(FIRST..FIRST + 5))
}

pub fn strings() -> String {
    let mut table = format!("<sst xmlns=\"{MAIN}\" count=\"15\" uniqueCount=\"3\">");
    for text in ["Custodial Arrest", "MEXICO", "Male"] {
        write!(table, "<si><t>{text}</t></si>").unwrap();
    }
    table + "</sst>"
}

/// The workbook.
pub fn good() -> Parts {
    of_sheets(&[("Sheet1", &document(&rows()))])
}

pub fn of_sheets(sheets: &[(&str, &str)]) -> Parts {
    Parts(members(sheets, &strings(), STYLES, false))
}

/// A workbook of one sheet with these rows.
pub fn of_rows(rows: &str) -> Parts {
    of_sheets(&[("Sheet1", &document(rows))])
}

/// A workbook whose data rows are these, after preamble and header.
pub fn of_data(rows: &str) -> Parts {
    of_rows(&format!("{}{}{rows}", preamble(), texts(7, &HEADER)))
}

/// Adds a workbook that one change was made to.
pub fn case(
    cases: &mut Vec<Case>,
    name: &'static str,
    expected: &'static str,
    change: impl Fn(&mut Parts) + 'static,
) {
    bytes(cases, name, FILE, expected, move || {
        let mut parts = good();
        change(&mut parts);
        parts.zip()
    });
}

/// Adds a workbook made otherwise.
pub fn made(
    cases: &mut Vec<Case>,
    name: &'static str,
    expected: &'static str,
    make: impl Fn() -> Parts + 'static,
) {
    bytes(cases, name, FILE, expected, move || make().zip());
}

/// Adds any bytes.
pub fn bytes(
    cases: &mut Vec<Case>,
    name: &'static str,
    file: &'static str,
    expected: &'static str,
    make: impl Fn() -> Vec<u8> + 'static,
) {
    cases.push(Case { name, file, bytes: Box::new(make), expected });
}

/// Bytes packed as gzip.
pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
