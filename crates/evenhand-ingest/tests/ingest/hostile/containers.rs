//! The file around the parts: zip directories, other containers, files cut short.

use super::Case;
use super::made::*;

/// Where the entry of a member begins in the directory.
fn entry(bytes: &[u8], name: &str) -> usize {
    let is_entry =
        |at: &usize| bytes[*at..].starts_with(b"PK\x01\x02") && bytes[at + 46..].starts_with(name.as_bytes());
    (0..bytes.len() - 46).find(is_entry).expect("an entry")
}

/// Where the header before a member begins.
fn local(bytes: &[u8], name: &str) -> usize {
    let is_header =
        |at: &usize| bytes[*at..].starts_with(b"PK\x03\x04") && bytes[at + 30..].starts_with(name.as_bytes());
    (0..bytes.len() - 30).find(is_header).expect("a header")
}

fn end(bytes: &[u8]) -> usize {
    bytes.windows(4).rposition(|window| window == b"PK\x05\x06").expect("an end")
}

fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Adds the good workbook whose bytes are changed once it is packed.
fn patched(
    cases: &mut Vec<Case>,
    name: &'static str,
    expected: &'static str,
    patch: impl Fn(&mut Vec<u8>) + 'static,
) {
    bytes(cases, name, FILE, expected, move || {
        let mut bytes = good().zip();
        patch(&mut bytes);
        bytes
    });
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A container of the older kind with one name in its directory.
fn compound(name: &str) -> Vec<u8> {
    [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(), &[0; 4096], &utf16(name), &[0; 4096]].concat()
}

pub fn add(cases: &mut Vec<Case>) {
    case(cases, "good", "5 kept", |_| {});
    directories(cases);
    members_of_any_kind(cases);
    parts(cases);
    other_kinds(cases);
    bombs(cases);
}

fn directories(cases: &mut Vec<Case>) {
    case(cases, "wrong checksum in both places", "refused wrong_checksum Sheet1 12", |parts| {
        parts.at(SHEET).wrong_by = 1
    });
    case(cases, "wrong checksum of the strings", "refused wrong_checksum Sheet1", |parts| {
        parts.at(STRINGS).wrong_by = 1
    });
    case(cases, "wrong checksum of the styles", "refused wrong_checksum", |parts| {
        parts.at("xl/styles.xml").wrong_by = 1
    });
    case(cases, "wrong checksum of the workbook", "refused wrong_checksum", |parts| {
        parts.at(BOOK).wrong_by = 1
    });
    patched(cases, "checksum differs in the directory", "refused contradicting_member Sheet1", |bytes| {
        let at = entry(bytes, SHEET);
        bytes[at + 16] ^= 1;
    });
    patched(cases, "size differs in the directory", "refused contradicting_member Sheet1", |bytes| {
        let at = entry(bytes, SHEET);
        put32(bytes, at + 24, 50);
    });
    patched(cases, "smaller size in both places", "refused wrong_size Sheet1 12", |bytes| {
        let (at, before) = (entry(bytes, SHEET), local(bytes, SHEET));
        put32(bytes, at + 24, 50);
        put32(bytes, before + 22, 50);
    });
    patched(cases, "larger size in both places", "refused wrong_size Sheet1 12", |bytes| {
        let (at, before) = (entry(bytes, SHEET), local(bytes, SHEET));
        put32(bytes, at + 24, u32::MAX - 1);
        put32(bytes, before + 22, u32::MAX - 1);
    });
    patched(cases, "packed size cut in both places", "refused cut_member Sheet1 12", |bytes| {
        let (at, before) = (entry(bytes, SHEET), local(bytes, SHEET));
        let packed = u32::from_le_bytes(bytes[at + 20..at + 24].try_into().unwrap()) - 3;
        put32(bytes, at + 20, packed);
        put32(bytes, before + 18, packed);
    });
    patched(
        cases,
        "packed size reaches into the next member",
        "refused overlapping_members Sheet1",
        |bytes| {
            let (at, before) = (entry(bytes, SHEET), local(bytes, SHEET));
            let packed = u32::from_le_bytes(bytes[at + 20..at + 24].try_into().unwrap()) + 9;
            put32(bytes, at + 20, packed);
            put32(bytes, before + 18, packed);
        },
    );
    patched(cases, "packed size beyond the file", "refused overlapping_members Sheet1", |bytes| {
        let (at, before) = (entry(bytes, SHEET), local(bytes, SHEET));
        put32(bytes, at + 20, 1 << 30);
        put32(bytes, before + 18, 1 << 30);
    });
    patched(cases, "two entries for one member's bytes", "refused contradicting_member", |bytes| {
        let (one, other) = (local(bytes, SHEET) as u32, entry(bytes, "[Content_Types].xml"));
        put32(bytes, other + 42, one);
    });
    patched(cases, "member's place is beyond the file", "refused contradicting_member Sheet1", |bytes| {
        let at = entry(bytes, SHEET);
        put32(bytes, at + 42, 1 << 30);
    });
    patched(cases, "name differs before the member", "refused contradicting_member Sheet1", |bytes| {
        let at = local(bytes, SHEET);
        bytes[at + 30] = b'y';
    });
    patched(cases, "packing differs before the member", "refused contradicting_member Sheet1", |bytes| {
        let at = local(bytes, SHEET);
        put16(bytes, at + 8, 0);
    });
    patched(cases, "packed by an unknown method", "refused unknown_packing Sheet1", |bytes| {
        let (at, before) = (entry(bytes, SHEET), local(bytes, SHEET));
        put16(bytes, at + 10, 14);
        put16(bytes, before + 8, 14);
    });
    patched(cases, "encrypted member", "refused encrypted_workbook", |bytes| {
        let (at, before) = (entry(bytes, SHEET), local(bytes, SHEET));
        put16(bytes, at + 8, 1);
        put16(bytes, before + 6, 1);
    });
    patched(cases, "encrypted only before the member", "refused contradicting_member Sheet1", |bytes| {
        let before = local(bytes, SHEET);
        put16(bytes, before + 6, 1);
    });
    patched(cases, "directory speaks of more members", "refused damaged_workbook", |bytes| {
        let at = end(bytes);
        put16(bytes, at + 8, 9);
        put16(bytes, at + 10, 9);
    });
    patched(cases, "directory speaks of no members", "refused damaged_workbook", |bytes| {
        let at = end(bytes);
        put16(bytes, at + 8, 0);
        put16(bytes, at + 10, 0);
    });
    patched(cases, "directory elsewhere", "refused damaged_workbook", |bytes| {
        let at = end(bytes);
        put32(bytes, at + 16, 4);
    });
    patched(cases, "directory beyond the file", "refused cut_workbook", |bytes| {
        let at = end(bytes);
        put32(bytes, at + 16, u32::MAX - 4);
    });
    patched(cases, "piece of a split archive", "refused split_archive", |bytes| {
        let at = end(bytes);
        put16(bytes, at + 4, 1);
        put16(bytes, at + 6, 1);
    });
    patched(cases, "bytes after the end", "5 kept", |bytes| bytes.extend([0; 100]));
    patched(cases, "comment at the end", "5 kept", |bytes| {
        let at = end(bytes);
        put16(bytes, at + 20, 4);
        bytes.extend(b"note");
    });
    patched(cases, "comment cut", "refused cut_workbook", |bytes| {
        let at = end(bytes);
        put16(bytes, at + 20, 40);
    });
    patched(cases, "bytes before the start", "refused wrong_type", |bytes| {
        bytes.splice(0..0, b"#!/bin/sh\n".iter().copied());
    });
    patched(cases, "a bit flipped in the sheet's packed bytes", "refused damaged_member Sheet1", |bytes| {
        let at = local(bytes, SHEET) + 30 + SHEET.len();
        bytes[at] = 0x07;
    });
    for (name, share) in [
        ("cut after the first bytes", 0.01),
        ("cut at a tenth", 0.1),
        ("cut at a half", 0.5),
        ("cut at nine tenths", 0.9),
        ("cut before the last bytes", 0.995),
    ] {
        patched(cases, name, "refused cut_workbook", move |bytes| {
            let length = (bytes.len() as f64 * share) as usize;
            bytes.truncate(length);
        });
    }
    patched(cases, "zeros from the middle on", "refused cut_workbook", |bytes| {
        let from = bytes.len() / 2;
        bytes[from..].fill(0);
    });
    patched(cases, "zip64 end of the directory", "5 kept", |bytes| {
        let at = end(bytes);
        let count = u64::from(u16::from_le_bytes(bytes[at + 10..at + 12].try_into().unwrap()));
        let [length, offset] = [12, 16].map(|field| {
            u64::from(u32::from_le_bytes(bytes[at + field..at + field + 4].try_into().unwrap()))
        });
        let mut large = b"PK\x06\x06".to_vec();
        large.extend(44_u64.to_le_bytes());
        large.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for value in [count, count, length, offset] {
            large.extend(value.to_le_bytes());
        }
        large.extend(b"PK\x06\x07\0\0\0\0");
        large.extend((at as u64).to_le_bytes());
        large.extend(1_u32.to_le_bytes());
        bytes.splice(at..at, large);
        let at = end(bytes);
        put16(bytes, at + 8, u16::MAX);
        put16(bytes, at + 10, u16::MAX);
        put32(bytes, at + 12, u32::MAX);
        put32(bytes, at + 16, u32::MAX);
    });
}

fn members_of_any_kind(cases: &mut Vec<Case>) {
    case(cases, "two members of the sheet's name", "refused duplicate_member Sheet1", |parts| {
        let other = document(&data_rows(FIRST..FIRST + 2));
        parts.add(SHEET, other);
    });
    case(cases, "the sheet's name in capitals, too", "refused duplicate_member Sheet1", |parts| {
        parts.add("xl/worksheets/SHEET1.XML", document(""));
    });
    case(cases, "two members of another name", "refused duplicate_member", |parts| {
        parts.add("docProps/app.xml", "<a/>").add("docProps/app.xml", "<a/>");
    });
    for (name, member) in [
        ("a member above the folder", "../../evil.sh"),
        ("a member above the folder, deep inside", "xl/worksheets/../../../evil.sh"),
        ("a member above the folder, as on Windows", "xl\\..\\..\\evil.bat"),
        ("a member at the root", "/etc/cron.d/evil"),
        ("a member on a drive", "C:\\evil.bat"),
        ("a member without a name", ""),
    ] {
        case(cases, name, "refused unsafe_name", move |parts| {
            parts.add(member, "evil");
        });
    }
    case(cases, "stored members", "5 kept", |parts| {
        parts.0.iter_mut().for_each(|member| member.deflated = false)
    });
    case(cases, "sizes after the members", "5 kept", |parts| {
        parts.0.iter_mut().for_each(|member| member.descriptor = true)
    });
    case(cases, "stored members with sizes after them", "5 kept", |parts| {
        for member in &mut parts.0 {
            (member.deflated, member.descriptor) = (false, true);
        }
    });
    case(cases, "names marked as UTF-8", "5 kept", |parts| {
        parts.0.iter_mut().for_each(|member| member.flags = 1 << 11)
    });
    case(cases, "names in capitals", "5 kept", |parts| {
        for member in &mut parts.0 {
            if member.name.starts_with("xl/worksheets") || member.name == STRINGS {
                member.name = member.name.to_uppercase();
            }
        }
    });
    case(cases, "folders among the members", "5 kept", |parts| {
        parts.0.insert(0, Member { deflated: false, ..Member::new("xl/", "") });
    });
    case(cases, "parts in another order", "5 kept", |parts| parts.0.reverse());
    case(cases, "a member that nobody asks for", "5 kept", |parts| {
        parts.add("custom/big.bin", vec![7; 100_000]);
    });
    case(cases, "20,000 members", "refused too_many_members", |parts| {
        for at in 0..20_000 {
            parts.0.push(Member { deflated: false, ..Member::new(&format!("x{at}"), "") });
        }
    });
}

fn parts(cases: &mut Vec<Case>) {
    case(cases, "no content types", "5 kept", |parts| {
        parts.remove("[Content_Types].xml");
    });
    case(cases, "no relationships of the package", "5 kept", |parts| {
        parts.remove("_rels/.rels");
    });
    case(cases, "no styles", "5 kept; number_as_date A8 ×5; number_as_date K8 ×5", |parts| {
        parts.remove("xl/styles.xml").edit(
            RELS,
            "styles\" Target=\"/xl/styles.xml\"",
            "theme\" Target=\"theme.xml\"",
        );
    });
    case(cases, "styles named and missing", "refused missing_part", |parts| {
        parts.remove("xl/styles.xml");
    });
    case(cases, "strings named and missing", "refused missing_part", |parts| {
        parts.remove(STRINGS);
    });
    case(cases, "sheet named and missing", "refused missing_sheet Sheet1", |parts| {
        parts.remove(SHEET);
    });
    case(cases, "no relationships of the workbook", "refused missing_sheet Sheet1", |parts| {
        parts.remove(RELS);
    });
    case(cases, "no workbook", "refused wrong_type", |parts| {
        parts.remove(BOOK);
    });
    case(cases, "workbook elsewhere", "5 kept", |parts| {
        for member in &mut parts.0 {
            member.name = match member.name.as_str() {
                BOOK => "data/book.xml".to_owned(),
                RELS => "data/_rels/book.xml.rels".to_owned(),
                SHEET => "data/worksheets/sheet1.xml".to_owned(),
                name => name.to_owned(),
            };
        }
        parts.edit("_rels/.rels", "xl/workbook.xml", "/data/book.xml");
    });
    case(cases, "sheet under another name", "5 kept", |parts| {
        parts.at(SHEET).name = "xl/tables/rows.data".to_owned();
        parts.edit(RELS, "worksheets/sheet1.xml", "../xl/./tables/rows.data");
    });
    case(cases, "relationship climbs out of the file", "refused missing_sheet Sheet1", |parts| {
        parts.edit(RELS, "worksheets/sheet1.xml", "../../../../etc/passwd");
    });
    case(cases, "relationship to the outside", "refused missing_sheet Sheet1", |parts| {
        parts.edit(
            RELS,
            "Target=\"worksheets/sheet1.xml\"",
            "TargetMode=\"External\" Target=\"http://localhost/sheet1.xml\"",
        );
    });
    case(cases, "two relationships of one id", "refused duplicate_relationship", |parts| {
        parts.edit(
            RELS,
            "</Relationships>",
            "<Relationship Id=\"rId1\" Type=\"x/worksheet\" Target=\"a.xml\"/></Relationships>",
        );
    });
    case(cases, "strict relationships and namespaces", "5 kept", |parts| {
        let strict = "http://purl.oclc.org/ooxml";
        for name in [BOOK, RELS, SHEET, STRINGS, "xl/styles.xml", "_rels/.rels"] {
            let text = parts.text(name).replace(MAIN, &format!("{strict}/spreadsheetml/main"));
            parts.set(name, text.replace(LINKS, &format!("{strict}/officeDocument/relationships")));
        }
    });
    case(
        cases,
        "a sheet that the workbook does not list",
        "Sheet1: 5 kept + xl/worksheets/sheet2.xml: 0 kept, 11 not_listed; not_listed ×11",
        |parts| {
            let copy = parts.text(SHEET);
            parts.add("xl/worksheets/sheet2.xml", copy);
            parts.edit(RELS, "</Relationships>", &format!("<Relationship Id=\"rId9\" Type=\"{LINKS}/worksheet\" Target=\"worksheets/sheet2.xml\"/></Relationships>"));
        },
    );
    case(cases, "macros", "5 kept", |parts| {
        parts.add("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0".to_vec());
        parts.edit(RELS, "</Relationships>", "<Relationship Id=\"rId9\" Type=\"http://schemas.microsoft.com/office/2006/relationships/vbaProject\" Target=\"vbaProject.bin\"/></Relationships>");
    });
}

fn other_kinds(cases: &mut Vec<Case>) {
    bytes(cases, "zero bytes", FILE, "refused empty_file", Vec::new);
    bytes(cases, "one byte", FILE, "refused unknown_header", || b"P".to_vec());
    bytes(cases, "an empty archive", FILE, "refused wrong_type", || zip(&[]));
    bytes(cases, "with a password", FILE, "refused encrypted_workbook", || compound("EncryptedPackage"));
    bytes(cases, "of the kind before 2007", "arrests_r2025jul.xls", "refused wrong_type", || {
        compound("Workbook")
    });
    case(cases, "binary workbook", "refused wrong_type", |parts| {
        parts.at(BOOK).name = "xl/workbook.bin".to_owned();
        parts.edit("_rels/.rels", "xl/workbook.xml", "xl/workbook.bin");
    });
    bytes(cases, "of OpenDocument", "arrests_r2025jul.ods", "refused wrong_type", || {
        zip(&[
            Member::new("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
            Member::new("content.xml", "<a/>"),
        ])
    });
    case(cases, "a text document", "refused wrong_type", |parts| {
        parts.at(BOOK).name = "word/document.xml".to_owned();
        parts.edit("_rels/.rels", "xl/workbook.xml", "word/document.xml");
    });
    bytes(cases, "an archive of workbooks", "arrests_r2025jul.zip", "refused wrong_type", || {
        zip(&[Member::new("arrests.xlsx", good().zip())])
    });
    bytes(cases, "a gzipped workbook", "arrests_r2025jul.xlsx.gz", "refused wrong_type", || {
        gzipped(&good().zip())
    });
    bytes(cases, "a picture", FILE, "refused wrong_type", || {
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0".to_vec()
    });
    bytes(cases, "a document", FILE, "refused wrong_type", || b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec());
    bytes(cases, "a web page", FILE, "refused wrong_type", || {
        b"<html><body><table><tr><td>Apprehension Date".to_vec()
    });
    bytes(cases, "a web table", "arrests.xls", "refused wrong_type", || {
        b"<table><tr><td>Apprehension Date</td></tr></table>".to_vec()
    });
    bytes(cases, "a flat XML spreadsheet", FILE, "refused wrong_type", || {
        b"<?xml version=\"1.0\"?><Workbook/>".to_vec()
    });
    bytes(cases, "JSON", "arrests.json", "refused wrong_type", || b"[{\"Apprehension Date\": 1}]".to_vec());
    bytes(cases, "Parquet", FILE, "refused wrong_type", || b"PAR1\x15\x04PAR1".to_vec());
    bytes(cases, "zeros", FILE, "refused wrong_type", || vec![0; 10_000]);
    bytes(cases, "noise", FILE, "refused wrong_type", || {
        (0..10_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    });
}

fn bombs(cases: &mut Vec<Case>) {
    let blanks = |count: usize| " ".repeat(count);
    case(cases, "a gigabyte of blanks between rows", "refused inflates_too_much Sheet1 8", move |parts| {
        let row = data(FIRST + 1);
        parts.edit(SHEET, &row, &format!("{}{row}", blanks(80 << 20)));
    });
    case(cases, "blanks before the rows", "refused inflates_too_much Sheet1", move |parts| {
        parts.edit(SHEET, "<sheetData>", &format!("{}<sheetData>", blanks(80 << 20)));
    });
    case(cases, "blanks in a cell", "refused too_long Sheet1 9", move |parts| {
        parts.edit(SHEET, "id-10", &blanks(1 << 26));
    });
    case(cases, "a long inline text", "refused string_too_long Sheet1 W10", |parts| {
        parts.edit(SHEET, "id-10", &"x".repeat(2 << 20));
    });
    case(cases, "a long shared text", "refused string_too_long Sheet1", |parts| {
        parts.edit(STRINGS, "MEXICO", &"x".repeat(2 << 20));
    });
    case(cases, "a comment of 100 MB", "refused too_long Sheet1 9", |parts| {
        let row = data(FIRST + 2);
        parts.edit(SHEET, &row, &format!("<!--{}-->{row}", "x".repeat(40 << 20)));
    });
    case(cases, "styles of 100 MB", "refused inflates_too_much", move |parts| {
        parts.edit("xl/styles.xml", "<cellXfs>", &format!("{}<cellXfs>", blanks(66 << 20)));
    });
    case(cases, "a list of sheets of 100 MB", "refused inflates_too_much", move |parts| {
        parts.edit(BOOK, "<sheets>", &format!("{}<sheets>", blanks(66 << 20)));
    });
    case(cases, "5,000 sheets", "refused too_many_sheets", |parts| {
        let sheets: String = (2..5000)
            .map(|at| format!("<sheet name=\"s{at}\" sheetId=\"{at}\" r:id=\"rId{at}\"/>"))
            .collect();
        let links: String = (2..5000)
            .map(|at| format!("<Relationship Id=\"rId{at}\" Type=\"{LINKS}/worksheet\" Target=\"worksheets/s{at}.xml\"/>"))
            .collect();
        parts.edit(BOOK, "</sheets>", &format!("{sheets}</sheets>")).edit(
            RELS,
            "</Relationships>",
            &format!("{links}</Relationships>"),
        );
        for at in 2..5000 {
            parts.0.push(Member {
                deflated: false,
                ..Member::new(&format!("xl/worksheets/s{at}.xml"), document(""))
            });
        }
    });
    bytes(cases, "a gzip bomb", "arrests_r2025jul.csv.gz", "refused inflates_too_much 1120", || {
        let line = "x".repeat(60_000) + "\n";
        let text = format!("{}\n7/1/2025,{line}", HEADER.join(","));
        gzipped((text + &line.repeat(2000)).as_bytes())
    });
}
