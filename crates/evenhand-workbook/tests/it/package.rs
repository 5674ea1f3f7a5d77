//! Makes workbooks: every byte is under the test's control.

use flate2::{Compression, Crc, write::DeflateEncoder};
use std::io::Write as _;

pub const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
pub const LINKS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

/// A member of a zip file, as it will be written.
#[derive(Clone)]
pub struct Member {
    pub name: String,
    pub bytes: Vec<u8>,
    pub deflated: bool,
    /// Sizes and checksum after the bytes, and zeros before them.
    pub descriptor: bool,
    pub flags: u16,
    /// Added to the checksum.
    pub wrong_by: u32,
}

impl Member {
    pub fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.to_owned(),
            bytes: bytes.into(),
            deflated: true,
            descriptor: false,
            flags: 0,
            wrong_by: 0,
        }
    }
}

/// The bytes of a zip file.
pub fn zip(members: &[Member]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let offset = bytes.len() as u32;
        let mut crc = Crc::new();
        crc.update(&member.bytes);
        let packed = if member.deflated {
            let level =
                if member.bytes.len() > 1 << 20 { Compression::default() } else { Compression::fast() };
            let mut encoder = DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(&member.bytes).unwrap();
            encoder.finish().unwrap()
        } else {
            member.bytes.clone()
        };
        let sums = [crc.sum().wrapping_add(member.wrong_by), packed.len() as u32, member.bytes.len() as u32];
        let flags = member.flags | if member.descriptor { 8 } else { 0 };
        let about = |sums: [u32; 3]| {
            let mut about = vec![20, 0];
            about.extend(flags.to_le_bytes());
            about.extend([if member.deflated { 8 } else { 0 }, 0, 0, 0, 33, 0]);
            about.extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
            about.extend((member.name.len() as u16).to_le_bytes());
            about.extend([0, 0]);
            about
        };
        bytes.extend(b"PK\x03\x04");
        bytes.extend(about(if member.descriptor { [0; 3] } else { sums }));
        bytes.extend(member.name.as_bytes());
        bytes.extend(&packed);
        if member.descriptor {
            bytes.extend(b"PK\x07\x08");
            bytes.extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
        }
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(about(sums));
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(member.name.as_bytes());
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

/// The members of a workbook whose sheets are these documents.
pub fn members(sheets: &[(&str, &str)], strings: &str, styles: &str, is_1904: bool) -> Vec<Member> {
    let (mut list, mut links, mut parts) = (String::new(), String::new(), Vec::new());
    for (at, (name, document)) in sheets.iter().enumerate() {
        let id = at + 1;
        list += &format!("<sheet name=\"{name}\" sheetId=\"{id}\" r:id=\"rId{id}\"/>");
        links += &format!(
            "<Relationship Id=\"rId{id}\" Type=\"{LINKS}/worksheet\" Target=\"worksheets/sheet{id}.xml\"/>"
        );
        parts.push(Member::new(&format!("xl/worksheets/sheet{id}.xml"), *document));
    }
    for (id, kind, name, text) in
        [("rIdS", "sharedStrings", "sharedStrings.xml", strings), ("rIdT", "styles", "styles.xml", styles)]
    {
        if !text.is_empty() {
            links += &format!("<Relationship Id=\"{id}\" Type=\"{LINKS}/{kind}\" Target=\"/xl/{name}\"/>");
            parts.push(Member::new(&format!("xl/{name}"), text));
        }
    }
    let days = if is_1904 { "<workbookPr date1904=\"1\"/>" } else { "<workbookPr/>" };
    parts.insert(
        0,
        Member::new(
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{LINKS}\">{days}<sheets>{list}</sheets></workbook>"
            ),
        ),
    );
    parts.push(Member::new(
        "xl/_rels/workbook.xml.rels",
        format!("<Relationships xmlns=\"{PACKAGE}/relationships\">{links}</Relationships>"),
    ));
    parts.push(Member::new(
        "_rels/.rels",
        format!("<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" Type=\"{LINKS}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"),
    ));
    parts.push(Member::new(
        "[Content_Types].xml",
        format!("<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>"),
    ));
    parts
}

/// A worksheet around rows.
pub fn sheet(rows: &str) -> String {
    format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>")
}

/// Three shared strings.
pub const STRINGS: &str = "<sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><si><t>alpha</t></si>\
    <si><t xml:space=\"preserve\"> b </t></si><si><r><rPr><b/></rPr><t>ga</t></r><r><t>mma</t></r><rPh sb=\"0\" eb=\"1\"><t>x</t></rPh></si></sst>";

/// Styles 0 to 4: general, date, custom date, custom number, elapsed hours.
pub const STYLES: &str = "<styleSheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">\
    <numFmts count=\"3\"><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd hh:mm\"/>\
    <numFmt numFmtId=\"165\" formatCode=\"0 &quot;days&quot;\"/><numFmt numFmtId=\"166\" formatCode=\"[h]:mm\"/></numFmts>\
    <cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs>\
    <cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"164\"/><xf numFmtId=\"165\"/><xf numFmtId=\"166\"/></cellXfs></styleSheet>";

/// A workbook of one sheet with these rows, three shared strings and five styles.
pub fn book(rows: &str) -> Vec<u8> {
    zip(&members(&[("Sheet", &sheet(rows))], STRINGS, STYLES, false))
}
