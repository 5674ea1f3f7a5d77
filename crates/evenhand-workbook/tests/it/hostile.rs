//! What nobody should write: each gives one error with a place, within the limits, and no panic.

use crate::package::{MAIN, Member, STRINGS, STYLES, book, members, sheet, zip};
use crate::spellings::shown;
use evenhand_workbook::{Error, ErrorKind, Inflate, Limits, Workbook};

/// Reads the first sheet to its end.
fn read(bytes: Vec<u8>, limits: &Limits) -> Result<u64, Error> {
    let book = Workbook::from_bytes(bytes, limits)?;
    let mut rows = book.rows(&book.sheets()[0], Inflate::Here)?;
    while rows.next_row()?.is_some() {}
    Ok(rows.row_elements())
}

/// Code and place of the refusal.
fn refusal(bytes: Vec<u8>) -> String {
    refusal_within(bytes, &Limits::default())
}

fn refusal_within(bytes: Vec<u8>, limits: &Limits) -> String {
    let error = match read(bytes, limits) {
        Ok(rows) => return format!("{rows} rows"),
        Err(error) => error,
    };
    let row = error.row().map(|row| format!(" row {row}")).unwrap_or_default();
    let column = error.column().map(|column| format!(" column {column}")).unwrap_or_default();
    format!("{}{row}{column}", error.code())
}

#[test]
fn rows_and_cells_that_contradict_themselves() {
    let first = "<row r='2'><c r='A2'><v>1</v></c></row><row r='3'><c r='A3'><v>1</v></c></row>";
    for (rows, expected) in [
        ("<row r='3'/>", "duplicate_row row 3"),
        ("<row r='2'/>", "rows_out_of_order row 2"),
        ("<row r='0'/>", "bad_row_number row 4"),
        ("<row r='x'/>", "bad_row_number row 4"),
        ("<row r='1048577'/>", "too_many_rows row 1048577"),
        ("<row r='99999999999'/>", "too_many_rows row 4294967295"),
        ("<row r='4' r='5'/>", "duplicate_attribute row 3"),
        ("<row r='4'><c r='A5'/></row>", "cell_of_another_row row 4 column 0"),
        ("<row r='4'><c r='B4'/><c r='B4'/></row>", "duplicate_cell row 4 column 1"),
        ("<row r='4'><c r='C4'/><c r='A4'/></row>", "cells_out_of_order row 4 column 0"),
        ("<row r='4'><c r='XFE4'/></row>", "too_many_columns row 4 column 16384"),
        ("<row r='4'><c r='ZZZZZZZ99999999999'/></row>", "too_many_columns row 4"),
        ("<row r='4'><c r='4'/></row>", "bad_reference row 4"),
        ("<row r='4'><c r='A-4'/></row>", "bad_reference row 4"),
        ("<row r='4'><c r='XFD4'/><c/></row>", "too_many_columns row 4 column 16384"),
        ("<row><c t='s'><v>3</v></c></row>", "no_such_string row 4 column 0"),
        ("<row><c t='s'><v>-1</v></c></row>", "no_such_string row 4 column 0"),
        ("<row><c t='s'><v>4294967296</v></c></row>", "no_such_string row 4 column 0"),
        ("<row><c t='n'><v>x</v></c></row>", "bad_number row 4 column 0"),
        ("<row><c t='b'><v>2</v></c></row>", "bad_boolean row 4 column 0"),
        ("<row><c t='q'><v>2</v></c></row>", "bad_cell_type row 4 column 0"),
        ("<row><c><v>1</v><v>2</v></c></row>", "duplicate_value row 4 column 0"),
        ("<row><c><v>1</w></c></row>", "wrong_end_tag row 4 column 0"),
        ("<row><c><v>1</v></d></row>", "wrong_end_tag row 4 column 0"),
        ("<row><c><v>1</v></c></c>", "wrong_end_tag row 4"),
        ("<row><c t='str'><v>&x;</v></c></row>", "unknown_entity row 4 column 0"),
        ("<row><c t='str'><v>&#1;</v></c></row>", "unknown_entity row 4 column 0"),
        ("<row>text</row>", "malformed_xml row 4"),
        ("text", "malformed_xml row 3"),
        ("<!DOCTYPE x>", "document_type row 3"),
        ("<row><c><v>\0</v></c></row>", "nul_byte row 4"),
        ("<row><c t='str'><v>\0</v></c></row>", "nul_byte row 4"),
    ] {
        let rows = format!("{first}{rows}");
        assert_eq!(refusal(book(&rows)), expected, "{rows}");
        // The spelling that is read the short way.
        let rows = rows.replace('\'', "\"");
        assert_eq!(refusal(book(&rows)), expected, "{rows}");
    }
    assert_eq!(refusal(book("<row r='1048576'/><row/>")), "too_many_rows row 1048577");
    // What no type is given for and is no number is text.
    assert_eq!(shown(book("<row><c><v>1e999</v></c><c><v>nan</v></c></row>")), "1: 0=\"1e999\" 1=\"nan\"");
}

#[test]
fn sheets_that_are_no_whole_document() {
    let row = "<row r='1'><c><v>1</v></c></row>";
    for (document, expected) in [
        (format!("<worksheet xmlns='{MAIN}'><sheetData>{row}"), "cut_sheet row 1"),
        (format!("<worksheet xmlns='{MAIN}'><sheetData>{row}<row><c"), "cut_sheet row 1"),
        (format!("<worksheet xmlns='{MAIN}'><sheetData>{row}</sheetData>"), "cut_sheet row 1"),
        (format!("<worksheet xmlns='{MAIN}'><sheetData>{row}</worksheet>"), "wrong_end_tag row 1"),
        (
            format!("<worksheet xmlns='{MAIN}'><sheetData>{row}</sheetData></worksheet>x"),
            "malformed_xml row 1",
        ),
        (
            format!("<worksheet xmlns='{MAIN}'><sheetData>{row}</sheetData><sheetData/></worksheet>"),
            "duplicate_rows_element row 1",
        ),
        (format!("<worksheet xmlns='{MAIN}'></worksheet>"), "no_rows_element"),
        (format!("<chartsheet xmlns='{MAIN}'></chartsheet>"), "not_a_worksheet"),
        (String::new(), "cut_sheet"),
        (format!("<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet xmlns='{MAIN}'/>"), "document_type"),
        ("\u{fffe}".to_owned(), "malformed_xml"),
    ] {
        let bytes = zip(&members(&[("S", &document)], STRINGS, STYLES, false));
        let found = refusal(bytes);
        assert!(
            found == expected || (document.starts_with('\u{fffe}') && found == "cut_sheet"),
            "{document}: {found}"
        );
    }
    let mut parts = members(&[("S", &sheet("<row><c t='str'><v>@</v></c></row>"))], "", "", false);
    let at = parts.iter().position(|part| part.name.ends_with("sheet1.xml")).unwrap();
    let place = parts[at].bytes.iter().position(|byte| *byte == b'@').unwrap();
    parts[at].bytes[place] = 0xff;
    assert_eq!(refusal(zip(&parts)), "not_utf8 row 1 column 0");
    let document = sheet("<row><c t='str'><v>é\u{1f600}</v></c></row>");
    for bytes in [
        format!("\u{feff}{document}").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
        format!("\u{feff}{document}").encode_utf16().flat_map(u16::to_be_bytes).collect(),
        document.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ] {
        parts[at].bytes = bytes.clone();
        assert_eq!(shown(zip(&parts)), "1: 0=\"é\u{1f600}\"");
        parts[at].bytes.truncate(bytes.len() - 2);
        assert_eq!(refusal(zip(&parts)), "cut_sheet row 1");
        parts[at].bytes = [bytes, vec![b'<']].concat();
        assert_eq!(refusal(zip(&parts)), "not_utf8 row 1");
    }
}

#[test]
fn containers_that_contradict_themselves() {
    let parts = || members(&[("S", &sheet("<row/>"))], STRINGS, STYLES, false);
    let changed = |change: &dyn Fn(&mut Vec<Member>)| {
        let mut parts = parts();
        change(&mut parts);
        zip(&parts)
    };
    let sheet_at =
        |parts: &[Member]| parts.iter().position(|part| part.name.ends_with("sheet1.xml")).unwrap();
    assert_eq!(refusal(zip(&parts())), "1 rows");
    assert_eq!(refusal(Vec::new()), "empty_file");
    assert_eq!(refusal(b"hello".to_vec()), "wrong_type");
    assert_eq!(refusal(b"PK\x03\x04".to_vec()), "cut_workbook");
    assert_eq!(refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec()), "wrong_type");
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        refusal([b"\xd0\xcf\x11\xe0".as_slice(), &[0; 2_000_000], &name].concat()),
        "encrypted_workbook"
    );
    type Change<'a> = &'a dyn Fn(&mut Vec<Member>);
    let cases: [(&str, Change<'_>); 12] = [
        ("wrong_checksum row 1", &|parts| {
            let at = sheet_at(parts);
            parts[at].wrong_by = 1;
        }),
        ("duplicate_member", &|parts| {
            let twin = parts[sheet_at(parts)].clone();
            parts.push(Member { name: twin.name.to_uppercase(), ..twin });
        }),
        ("encrypted_workbook", &|parts| parts[0].flags = 1),
        ("unsafe_name", &|parts| parts.push(Member::new("../evil", "x"))),
        ("unsafe_name", &|parts| parts.push(Member::new("xl\\..\\..\\evil", "x"))),
        ("unsafe_name", &|parts| parts.push(Member::new("/etc/passwd", "x"))),
        ("unsafe_name", &|parts| parts.push(Member::new("C:evil", "x"))),
        ("missing_sheet", &|parts| {
            parts.remove(sheet_at(parts));
        }),
        ("missing_part", &|parts| parts.retain(|part| part.name != "xl/sharedStrings.xml")),
        ("wrong_type", &|parts| {
            parts.retain(|part| part.name != "xl/workbook.xml");
            parts.push(Member::new("xl/workbook.bin", "x"));
        }),
        ("wrong_type", &|parts| {
            *parts =
                vec![Member::new("mimetype", "application/vnd.oasis"), Member::new("content.xml", "<a/>")];
        }),
        ("damaged_workbook", &|parts| {
            let at = parts.iter().position(|part| part.name == "xl/sharedStrings.xml").unwrap();
            parts[at].bytes = b"<worksheet/>".to_vec();
        }),
    ];
    for (expected, change) in cases {
        let found = refusal(changed(change));
        assert_eq!(found, expected);
    }
    let whole = zip(&parts());
    for cut in 1..whole.len() {
        let found = refusal(whole[..cut].to_vec());
        assert!(["cut_workbook", "wrong_type"].contains(&found.as_str()), "{cut}: {found}");
    }
}

#[test]
fn members_that_share_bytes_are_refused() {
    // The second entry of the directory points into the first member's bytes.
    let inner = zip(&[Member { deflated: false, ..Member::new("b", "inside") }]);
    let mut outer = zip(&[
        Member { deflated: false, ..Member::new("a", inner.clone()) },
        Member { deflated: false, ..Member::new("b", "inside") },
    ]);
    let entry = outer.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    outer[entry + 42..entry + 46].copy_from_slice(&31_u32.to_le_bytes());
    assert_eq!(refusal(outer), "overlapping_members");
}

#[test]
fn a_local_header_that_differs_from_the_directory_is_refused() {
    let whole = zip(&members(&[("S", &sheet("<row/>"))], STRINGS, STYLES, false));
    for (at, what) in [
        (6, "flags"),
        (8, "method"),
        (14, "checksum"),
        (18, "size"),
        (22, "size"),
        (26, "name length"),
        (30, "name"),
    ] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert_eq!(refusal(changed), "contradicting_member", "{what}");
    }
}

#[test]
fn sheets_of_one_name_or_one_part_are_refused() {
    let twice = zip(&members(&[("S", &sheet("")), ("s", &sheet(""))], "", "", false));
    assert_eq!(refusal(twice), "duplicate_sheet");
    let mut parts = members(&[("A", &sheet("")), ("B", &sheet(""))], "", "", false);
    let text = String::from_utf8(parts[0].bytes.clone()).unwrap().replace("rId2", "rId1");
    parts[0].bytes = text.into_bytes();
    assert_eq!(refusal(zip(&parts)), "repeated_sheet");
    let text = String::from_utf8(parts[0].bytes.clone()).unwrap().replacen("rId1", "rId9", 1);
    parts[0].bytes = text.into_bytes();
    assert_eq!(refusal(zip(&parts)), "missing_sheet");
}

#[test]
fn bombs_stop_at_the_limits() {
    let limits = Limits::default();
    let mib = |count: usize| count << 20;
    // Blanks: a gigabyte out of a megabyte, by the ratio.
    let blanks = book(&format!("<row/>{}<row/>", " ".repeat(mib(70))));
    assert_eq!(refusal_within(blanks, &Limits { ratio: 100, ..limits }), "inflates_too_much row 1");
    let in_value = book(&format!("<row><c><v>1{}</v></c></row>", " ".repeat(mib(40))));
    assert_eq!(refusal(in_value), "too_long");
    let small = Limits { row_bytes: mib(1), one_string_bytes: 1000, ..limits };
    let long = |text: &str| book(&format!("<row><c t='str'><v>{text}</v></c></row>"));
    assert_eq!(refusal_within(long(&"x".repeat(1001)), &small), "string_too_long row 1 column 0");
    assert_eq!(refusal_within(long(&"x".repeat(1000)), &small), "1 rows");
    let strings = |text: &str| zip(&members(&[("S", &sheet("<row/>"))], text, "", false));
    let table = |inner: &str| {
        strings(&format!("<sst xmlns='{MAIN}' count='4294967295' uniqueCount='4294967295'>{inner}</sst>"))
    };
    assert_eq!(refusal(table("<si/>")), "1 rows");
    assert_eq!(refusal(table(&format!("<si><t>{}</t></si>", "x".repeat(mib(2))))), "string_too_long");
    assert_eq!(
        refusal_within(table(&"<si/>".repeat(101)), &Limits { strings: 100, ..limits }),
        "too_many_strings"
    );
    let many = table(&"<si><t>xxxxxxxxxx</t></si>".repeat(101));
    assert_eq!(refusal_within(many, &Limits { string_bytes: 1000, ..limits }), "too_many_strings");
    assert_eq!(refusal(table("<si><t>a</t></si><si><t>b</t>")), "wrong_end_tag");
    assert_eq!(refusal(strings("<sst><si><t>a</t></si>")), "cut_strings");
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert_eq!(refusal(book(&deep)), "too_deep");
    assert_eq!(refusal(book(&format!("<row><c>{deep}</c></row>"))), "too_deep row 1 column 0");
    let outside = format!("<worksheet xmlns='{MAIN}'>{deep}<sheetData/></worksheet>");
    assert_eq!(refusal(zip(&members(&[("S", &outside)], "", "", false))), "too_deep");
    let attributes: String = (0..200_000).map(|at| format!(" a{at}=''")).collect();
    assert_eq!(refusal(book(&format!("<row{attributes}/>"))), "too_many_attributes");
    let namespaces: String = (0..200_000).map(|at| format!(" xmlns:a{at}=''")).collect();
    assert_eq!(refusal(book(&format!("<row><c{namespaces}/></row>"))), "too_many_attributes row 1");
    let limited = Limits { members: 5, ..limits };
    assert_eq!(refusal_within(book("<row/>"), &limited), "too_many_members");
    let limited = Limits { total_bytes: 2000, ..limits };
    assert_eq!(refusal_within(book(&"<row/>".repeat(1000)), &limited), "inflates_too_much");
    let limited = Limits { rows: 2, columns: 2, ..limits };
    assert_eq!(refusal_within(book("<row/><row/><row/>"), &limited), "too_many_rows row 3");
    assert_eq!(refusal_within(book("<row><c/><c/><c/></row>"), &limited), "too_many_columns row 1 column 2");
}

#[test]
fn an_error_is_a_sentence_with_its_place() {
    let error = read(book("<row r='4'><c r='B4'/><c r='B4'/></row>"), &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`xl/worksheets/sheet1.xml`, row 4, column B: expected one cell for each column, in order, found column B twice"
    );
    assert_eq!(error.kind(), ErrorKind::Damaged);
}
