//! Workbooks written row by row: cells in, a zip of XML out. Holds one buffer and the shared strings of the
//! workbook, whatever the number of rows.

use crate::calendar::DAY;
use crate::strings::Strings;
use crate::zip::{Archive, Open};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// Rows in a sheet, at most.
pub const SHEET_ROWS: u64 = 1_048_576;

/// Bytes of XML that are handed on at a time.
const CHUNK: usize = 64 * 1024;

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n";

/// A workbook being written, between two sheets.
#[derive(Debug)]
pub struct Book {
    archive: Archive<BufWriter<File>>,
    strings: Strings,
    sheets: usize,
    written: usize,
    /// The fractions of a day that its minutes are, as text: `.5` at noon.
    minutes: Vec<String>,
}

/// How one sheet is written.
#[derive(Debug, Clone)]
pub struct Shape {
    /// What `<dimension>` says; nobody checks it.
    pub dimension: String,
    /// Columns.
    pub columns: usize,
    /// Whether cells say where they are. Without that, every cell of a row is written, the blank ones too.
    pub references: bool,
    /// Whether texts stand in the cells instead of among the shared strings.
    pub inline: bool,
}

/// A sheet being written.
#[derive(Debug)]
pub struct Sheet {
    open: Open<BufWriter<File>>,
    strings: Strings,
    sheets: usize,
    written: usize,
    minutes: Vec<String>,
    shape: Shape,
    letters: Vec<String>,
    xml: Vec<u8>,
    /// The number of the row being written, as text.
    row: Vec<u8>,
    /// Columns of the row that are written.
    filled: usize,
}

impl Book {
    /// Begins a workbook with these sheets, in this order; the second of a pair says whether it is hidden.
    pub fn create(path: &Path, sheets: &[(String, bool)]) -> io::Result<Book> {
        let archive = Archive::new(BufWriter::with_capacity(256 * 1024, File::create(path)?));
        let archive = archive
            .part("[Content_Types].xml", &content_types(sheets.len()))?
            .part("_rels/.rels", &package_relations())?
            .part("xl/workbook.xml", &workbook(sheets))?
            .part("xl/_rels/workbook.xml.rels", &workbook_relations(sheets.len()))?;
        let minutes = (0..DAY).map(fraction).collect();
        Ok(Book { archive, strings: Strings::default(), sheets: sheets.len(), written: 0, minutes })
    }

    /// Begins the next sheet.
    pub fn sheet(self, shape: Shape) -> io::Result<Sheet> {
        let written = self.written + 1;
        let open = self.archive.open(&format!("xl/worksheets/sheet{written}.xml"))?;
        let letters = (0..shape.columns).map(letters).collect();
        let first = if written == 1 { " tabSelected=\"1\"" } else { "" };
        let xml = format!(
            "{HEAD}<worksheet xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><dimension ref=\"{}\"/><sheetViews><sheetView{first} \
             workbookViewId=\"0\"/></sheetViews><sheetFormatPr defaultRowHeight=\"15\"/><sheetData>",
            shape.dimension
        );
        Ok(Sheet {
            open,
            strings: self.strings,
            sheets: self.sheets,
            written,
            minutes: self.minutes,
            shape,
            letters,
            xml: xml.into_bytes(),
            row: Vec::new(),
            filled: 0,
        })
    }

    /// Writes what follows the sheets.
    pub fn finish(self) -> io::Result<()> {
        debug_assert_eq!(self.sheets, self.written, "a sheet was announced and not written");
        let archive = self.archive.part("xl/styles.xml", STYLES)?;
        let archive = shared_strings(archive, &self.strings)?;
        archive.part("docProps/core.xml", CORE)?.part("docProps/app.xml", APP)?.finish()?.flush()
    }
}

impl Sheet {
    /// Begins a row; rows come in order.
    pub fn row(&mut self, number: u64) {
        self.row.clear();
        decimal(number, &mut self.row);
        self.filled = 0;
        self.xml.extend_from_slice(b"<row r=\"");
        self.xml.extend_from_slice(&self.row);
        self.xml.extend_from_slice(b"\" spans=\"1:");
        decimal(self.shape.columns as u64, &mut self.xml);
        self.xml.extend_from_slice(b"\">");
    }

    /// A text.
    pub fn text(&mut self, column: usize, text: &str) {
        self.cell(column);
        if self.shape.inline {
            self.xml.extend_from_slice(b" t=\"inlineStr\"><is>");
            tagged_text(text, &mut self.xml);
            self.xml.extend_from_slice(b"</is></c>");
        } else {
            let number = self.strings.number(text);
            self.xml.extend_from_slice(b" t=\"s\"><v>");
            decimal(u64::from(number), &mut self.xml);
            self.xml.extend_from_slice(b"</v></c>");
        }
    }

    /// A whole number.
    pub fn number(&mut self, column: usize, number: u64) {
        self.cell(column);
        self.xml.extend_from_slice(b"><v>");
        decimal(number, &mut self.xml);
        self.xml.extend_from_slice(b"</v></c>");
    }

    /// A serial day, shown as a date.
    pub fn date(&mut self, column: usize, day: u32) {
        self.cell(column);
        self.xml.extend_from_slice(b" s=\"1\"><v>");
        decimal(u64::from(day), &mut self.xml);
        self.xml.extend_from_slice(b"</v></c>");
    }

    /// Minutes since the beginning of serial day 0, shown as date and time.
    pub fn time(&mut self, column: usize, minutes: u32) {
        self.cell(column);
        self.xml.extend_from_slice(b" s=\"2\"><v>");
        decimal(u64::from(minutes / DAY), &mut self.xml);
        self.xml.extend_from_slice(self.minutes[(minutes % DAY) as usize].as_bytes());
        self.xml.extend_from_slice(b"</v></c>");
    }

    /// Ends the row.
    pub fn end_row(&mut self) -> io::Result<()> {
        if !self.shape.references && self.filled > 0 {
            self.skip_to(self.shape.columns);
        }
        self.xml.extend_from_slice(b"</row>");
        if self.xml.len() >= CHUNK {
            self.open.write_all(&self.xml)?;
            self.xml.clear();
        }
        Ok(())
    }

    /// Ends the sheet.
    pub fn close(mut self) -> io::Result<Book> {
        self.xml.extend_from_slice(
            b"</sheetData><pageMargins left=\"0.7\" right=\"0.7\" top=\"0.75\" bottom=\"0.75\" header=\"0.3\" \
              footer=\"0.3\"/></worksheet>",
        );
        self.open.write_all(&self.xml)?;
        Ok(Book {
            archive: self.open.close()?,
            strings: self.strings,
            sheets: self.sheets,
            written: self.written,
            minutes: self.minutes,
        })
    }

    /// `<c r="AB12"`, or `<c` after the blank cells that lead to it.
    fn cell(&mut self, column: usize) {
        if self.shape.references {
            self.xml.extend_from_slice(b"<c r=\"");
            self.xml.extend_from_slice(self.letters[column].as_bytes());
            self.xml.extend_from_slice(&self.row);
            self.xml.push(b'"');
        } else {
            self.skip_to(column);
            self.xml.extend_from_slice(b"<c");
        }
        self.filled = column + 1;
    }

    fn skip_to(&mut self, column: usize) {
        for _ in self.filled..column {
            self.xml.extend_from_slice(b"<c/>");
        }
    }
}

/// The letters of a column: `A`, `Z`, `AA`.
#[must_use]
pub fn letters(column: usize) -> String {
    let (mut left, mut letters) = (column + 1, Vec::new());
    while left > 0 {
        letters.push(b'A' + ((left - 1) % 26) as u8);
        left = (left - 1) / 26;
    }
    letters.iter().rev().map(|&letter| char::from(letter)).collect()
}

fn decimal(mut number: u64, into: &mut Vec<u8>) {
    let (mut digits, mut at) = ([0; 20], 20);
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    into.extend_from_slice(&digits[at..]);
}

/// Twelve places, as many as a double has after five digits of days.
fn fraction(minute: u32) -> String {
    if minute == 0 {
        return String::new();
    }
    let text = format!("{:.12}", f64::from(minute) / f64::from(DAY));
    text.trim_start_matches('0').trim_end_matches('0').to_owned()
}

fn tagged_text(text: &str, into: &mut Vec<u8>) {
    let outer = |letter: Option<char>| letter.is_some_and(char::is_whitespace);
    if outer(text.chars().next()) || outer(text.chars().next_back()) {
        into.extend_from_slice(b"<t xml:space=\"preserve\">");
    } else {
        into.extend_from_slice(b"<t>");
    }
    escaped(text, into);
    into.extend_from_slice(b"</t>");
}

/// XML knows five names and no control characters; workbooks write those as `_x0012_`.
fn escaped(text: &str, into: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'&' => into.extend_from_slice(b"&amp;"),
            b'<' => into.extend_from_slice(b"&lt;"),
            b'>' => into.extend_from_slice(b"&gt;"),
            b'"' => into.extend_from_slice(b"&quot;"),
            0..=8 | 11..=31 => into.extend_from_slice(format!("_x{byte:04X}_").as_bytes()),
            _ => into.push(byte),
        }
    }
}

fn shared_strings(
    archive: Archive<BufWriter<File>>,
    strings: &Strings,
) -> io::Result<Archive<BufWriter<File>>> {
    let mut part = archive.open("xl/sharedStrings.xml")?;
    let mut xml = format!(
        "{HEAD}<sst xmlns=\"{MAIN}\" count=\"{}\" uniqueCount=\"{}\">",
        strings.uses(),
        strings.len()
    )
    .into_bytes();
    for number in 0..strings.len() {
        xml.extend_from_slice(b"<si>");
        tagged_text(&String::from_utf8_lossy(strings.get(number)), &mut xml);
        xml.extend_from_slice(b"</si>");
        if xml.len() >= CHUNK {
            part.write_all(&xml)?;
            xml.clear();
        }
    }
    xml.extend_from_slice(b"</sst>");
    part.write_all(&xml)?;
    part.close()
}

fn content_types(sheets: usize) -> String {
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    let sheets = (1..=sheets)
        .map(|number| {
            format!(
                "<Override PartName=\"/xl/worksheets/sheet{number}.xml\" ContentType=\"{kind}.worksheet+xml\"/>"
            )
        })
        .collect::<String>();
    format!(
        "{HEAD}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default \
         Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default \
         Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" \
         ContentType=\"{kind}.sheet.main+xml\"/>{sheets}<Override PartName=\"/xl/styles.xml\" \
         ContentType=\"{kind}.styles+xml\"/><Override PartName=\"/xl/sharedStrings.xml\" \
         ContentType=\"{kind}.sharedStrings+xml\"/><Override PartName=\"/docProps/core.xml\" \
         ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/><Override \
         PartName=\"/docProps/app.xml\" \
         ContentType=\"application/vnd.openxmlformats-officedocument.extended-properties+xml\"/></Types>"
    )
}

fn relations(list: &[(String, &str)]) -> String {
    let list = list
        .iter()
        .enumerate()
        .map(|(at, (target, kind))| {
            format!("<Relationship Id=\"rId{}\" Type=\"{kind}\" Target=\"{target}\"/>", at + 1)
        })
        .collect::<String>();
    format!(
        "{HEAD}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{list}\
         </Relationships>"
    )
}

fn package_relations() -> String {
    let core = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties";
    relations(&[
        ("xl/workbook.xml".to_owned(), &format!("{OFFICE}/officeDocument")),
        ("docProps/core.xml".to_owned(), core),
        ("docProps/app.xml".to_owned(), &format!("{OFFICE}/extended-properties")),
    ])
}

fn workbook_relations(sheets: usize) -> String {
    let (sheet, styles, strings) =
        (format!("{OFFICE}/worksheet"), format!("{OFFICE}/styles"), format!("{OFFICE}/sharedStrings"));
    let mut list = (1..=sheets)
        .map(|number| (format!("worksheets/sheet{number}.xml"), sheet.as_str()))
        .collect::<Vec<_>>();
    list.push(("styles.xml".to_owned(), &styles));
    list.push(("sharedStrings.xml".to_owned(), &strings));
    relations(&list)
}

fn workbook(sheets: &[(String, bool)]) -> String {
    let list = sheets
        .iter()
        .enumerate()
        .map(|(at, (name, is_hidden))| {
            let mut escaped_name = Vec::new();
            escaped(name, &mut escaped_name);
            let name = String::from_utf8_lossy(&escaped_name).into_owned();
            let state = if *is_hidden { " state=\"hidden\"" } else { "" };
            format!("<sheet name=\"{name}\" sheetId=\"{0}\"{state} r:id=\"rId{0}\"/>", at + 1)
        })
        .collect::<String>();
    format!(
        "{HEAD}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><workbookPr defaultThemeVersion=\"124226\"/>\
         <bookViews><workbookView xWindow=\"0\" yWindow=\"0\" windowWidth=\"28800\" windowHeight=\"12000\"/>\
         </bookViews><sheets>{list}</sheets></workbook>"
    )
}

/// General; a date; a date with a time.
const STYLES: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n",
    "<styleSheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">",
    "<numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"m/d/yyyy\\ h:mm\"/></numFmts>",
    "<fonts count=\"1\"><font><sz val=\"11\"/><name val=\"Calibri\"/><family val=\"2\"/></font></fonts>",
    "<fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill ",
    "patternType=\"gray125\"/></fill></fills>",
    "<borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>",
    "<cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>",
    "<cellXfs count=\"3\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>",
    "<xf numFmtId=\"14\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>",
    "<xf numFmtId=\"164\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/></cellXfs>",
    "<cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles>",
    "</styleSheet>"
);

const CORE: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n",
    "<cp:coreProperties xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" ",
    "xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>Synthetic records: every row is made up</dc:title>",
    "</cp:coreProperties>"
);

const APP: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n",
    "<Properties xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties\">",
    "<Application>evenhand simulate</Application></Properties>"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lettered_as_in_a_workbook() {
        let named = [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")];
        for (column, name) in named {
            assert_eq!(letters(column), name);
        }
    }

    #[test]
    fn minutes_are_fractions_of_a_day() {
        assert_eq!(fraction(0), "");
        assert_eq!(fraction(720), ".5");
        assert_eq!(fraction(510), ".354166666667");
    }

    #[test]
    fn text_keeps_its_blanks_and_control_characters() {
        let mut xml = Vec::new();
        tagged_text("a & b\u{12} ", &mut xml);
        assert_eq!(String::from_utf8_lossy(&xml), "<t xml:space=\"preserve\">a &amp; b_x0012_ </t>");
    }
}
