//! Targets of `evenhand-workbook`.

use evenhand_workbook::{Cell, Inflate, Limits, Workbook};

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const LINKS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// The whole of a workbook.
pub fn zip(data: &[u8]) {
    read(data.to_vec());
}

/// The document of a sheet.
pub fn sheet(data: &[u8]) {
    let strings = format!("<sst xmlns=\"{MAIN}\"><si><t>a</t></si><si><t>b</t></si></sst>");
    let styles = format!(
        "<styleSheet xmlns=\"{MAIN}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
    );
    read(book(data, strings.as_bytes(), styles.as_bytes()));
}

/// The table of shared strings.
pub fn strings(data: &[u8]) {
    let cells: String = (0..8).map(|at| format!("<row><c t=\"s\"><v>{at}</v></c></row>")).collect();
    let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{cells}</sheetData></worksheet>");
    read(book(sheet.as_bytes(), data, b""));
}

/// The styles: what says which numbers are dates.
pub fn styles(data: &[u8]) {
    let cells: String = (0..8).map(|style| format!("<c s=\"{style}\"><v>45292.25</v></c>")).collect();
    let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData><row>{cells}</row></sheetData></worksheet>");
    read(book(sheet.as_bytes(), b"", data));
}

/// Numbers and texts as dates, eight bytes a number.
pub fn dates(data: &[u8]) {
    let (numbers, _) = data.as_chunks::<8>();
    let mut cells = String::new();
    for bytes in numbers.iter().take(64) {
        cells += &format!("<c s=\"1\"><v>{}</v></c>", f64::from_le_bytes(*bytes));
    }
    let text: String =
        String::from_utf8_lossy(data).chars().filter(|letter| !"<>&\0".contains(*letter)).collect();
    cells += &format!("<c t=\"d\"><v>{text}</v></c><c s=\"1\"><v>{text}</v></c>");
    let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData><row>{cells}</row></sheetData></worksheet>");
    let styles = format!(
        "<styleSheet xmlns=\"{MAIN}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
    );
    read(book(sheet.as_bytes(), b"", styles.as_bytes()));
}

/// Reads all of every sheet.
fn read(bytes: Vec<u8>) {
    let limits = Limits { member_bytes: 64 << 20, total_bytes: 64 << 20, ..Limits::default() };
    let Ok(book) = Workbook::from_bytes(bytes, &limits) else { return };
    for sheet in book.sheets() {
        // What the first rows say must be what the whole sheet says.
        let mut first = Vec::new();
        let peeked = book.first_rows(sheet, &mut |row| {
            first.push(format!("{row:?}"));
            first.len() < 4
        });
        let mut number = 0;
        let mut seen = 0;
        let Ok(mut rows) = book.rows(sheet, Inflate::Here) else { continue };
        while let Ok(Some(row)) = rows.next_row() {
            assert!(row.number() > number, "rows in order");
            number = row.number();
            if let (Ok(()), Some(first)) = (&peeked, first.get(seen)) {
                assert_eq!(first, &format!("{row:?}"), "first rows");
            }
            seen += 1;
            for (column, cell) in row.cells() {
                assert!(cell == row.cell(column) || matches!(cell, Cell::Number(_)), "a cell by its column");
                if let Cell::Date { second, .. } = cell {
                    assert!(second < 86_400, "a second of a day");
                }
            }
        }
    }
}

/// A workbook of stored members.
fn book(sheet: &[u8], strings: &[u8], styles: &[u8]) -> Vec<u8> {
    let link = |id: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"{LINKS}/{id}\" Target=\"{target}.xml\"/>")
    };
    let mut links = link("worksheet", "sheet");
    let list = format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{LINKS}\"><sheets><sheet name=\"S\" r:id=\"worksheet\"/></sheets></workbook>"
    );
    let mut members: Vec<(&str, &[u8])> = vec![("xl/workbook.xml", list.as_bytes()), ("xl/sheet.xml", sheet)];
    if !strings.is_empty() {
        links += &link("sharedStrings", "strings");
        members.push(("xl/strings.xml", strings));
    }
    if !styles.is_empty() {
        links += &link("styles", "styles");
        members.push(("xl/styles.xml", styles));
    }
    let links = format!("<Relationships>{links}</Relationships>");
    members.push(("xl/_rels/workbook.xml.rels", links.as_bytes()));
    stored(&members)
}

fn stored(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let offset = bytes.len() as u32;
        let mut crc = flate2::Crc::new();
        crc.update(data);
        let mut about = vec![20, 0, 0, 0, 0, 0, 0, 0, 33, 0];
        about.extend(crc.sum().to_le_bytes());
        about.extend((data.len() as u32).to_le_bytes());
        about.extend((data.len() as u32).to_le_bytes());
        about.extend((name.len() as u16).to_le_bytes());
        about.extend([0, 0]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&about);
        bytes.extend(name.as_bytes());
        bytes.extend(*data);
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
