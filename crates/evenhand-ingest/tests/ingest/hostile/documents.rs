//! The XML of the parts: entities, tags, encodings, escapes, spellings.

use super::Case;
use super::made::*;

pub fn add(cases: &mut Vec<Case>) {
    let entities = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    let outside = "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>";
    for (name, part, expected, doctype) in [
        ("entity bomb in the sheet", SHEET, "refused document_type Sheet1", entities),
        ("entity bomb in the strings", STRINGS, "refused document_type Sheet1", entities),
        ("entity bomb in the styles", "xl/styles.xml", "refused document_type", entities),
        ("entity bomb in the workbook", BOOK, "refused document_type", entities),
        ("entity bomb in the relationships", RELS, "refused document_type", entities),
        ("entity of the outside in the sheet", SHEET, "refused document_type Sheet1", outside),
        ("entity of the outside in the strings", STRINGS, "refused document_type Sheet1", outside),
    ] {
        case(cases, name, expected, move |parts| {
            let text = parts.text(part);
            let body =
                text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap_or(&text).to_owned();
            parts.set(part, format!("{doctype}{body}"));
        });
    }
    // One replacement in the sheet.
    let edits: [(&str, &str, &str, &str); 41] = [
        (
            "document type among the rows",
            "<row r=\"10\">",
            "<!DOCTYPE x><row r=\"10\">",
            "refused document_type Sheet1 9",
        ),
        ("unknown entity in a cell", "id-10", "a&nbsp;b", "refused unknown_entity Sheet1 W10"),
        ("own entity in a cell", "id-10", "&c;", "refused unknown_entity Sheet1 W10"),
        ("bare ampersand", "id-10", "A & B", "refused unknown_entity Sheet1 W10"),
        ("five entities and two by number", "id-10", "&lt;&gt;&amp;&quot;&apos;&#65;&#x42;", "5 kept"),
        ("character that XML has not, by number", "id-10", "a&#0;b", "refused unknown_entity Sheet1 W10"),
        ("control character by number", "id-10", "a&#1;b", "refused unknown_entity Sheet1 W10"),
        ("half a character by number", "id-10", "&#xD800;", "refused unknown_entity Sheet1 W10"),
        ("NUL in a cell", "id-10", "a\0b", "refused nul_byte Sheet1 10"),
        ("NUL between cells", "<c r=\"W10\"", "\0<c r=\"W10\"", "refused nul_byte Sheet1 10"),
        ("NUL in a tag", "<c r=\"W10\"", "<c\0 r=\"W10\"", "refused nul_byte Sheet1 10"),
        ("control character in a cell", "id-10", "a\u{1}b", "5 kept; control_character W10"),
        (
            "escape of a terminal in a cell",
            "id-10",
            "\u{1b}[2J\u{1b}[31mevil",
            "5 kept; control_character W10",
        ),
        ("escaped control character in a cell", "id-10", "a_x0000_b", "5 kept; control_character W10"),
        ("escaped line end in a cell", "id-10", "a_x000D_b", "5 kept"),
        ("wrong end tag of a value", "<v>45840</v>", "<v>45840</w>", "refused wrong_end_tag Sheet1 K10"),
        (
            "wrong end tag of a cell",
            "id-10</t></is></c>",
            "id-10</t></is></d>",
            "refused wrong_end_tag Sheet1 W10",
        ),
        (
            "wrong end tag of a row",
            "id-10</t></is></c></row>",
            "id-10</t></is></c></rows>",
            "refused wrong_end_tag Sheet1 10",
        ),
        ("wrong end tag of the rows", "</sheetData>", "</sheetdata>", "refused wrong_end_tag Sheet1 12"),
        ("wrong end tag of the sheet", "</worksheet>", "</worksheeT>", "refused wrong_end_tag Sheet1 12"),
        ("no end of the rows", "</sheetData></worksheet>", "", "refused cut_sheet Sheet1 12"),
        ("no end of the sheet", "</worksheet>", "", "refused cut_sheet Sheet1 12"),
        (
            "rows end in a row",
            "id-10</t></is></c></row>",
            "id-10</t></is></c>",
            "refused wrong_end_tag Sheet1 10",
        ),
        (
            "attribute twice",
            "<c r=\"W10\"",
            "<c r=\"W10\" r=\"W10\"",
            "refused duplicate_attribute Sheet1 10",
        ),
        ("attribute without quotes", "<c r=\"W10\"", "<c r=W10", "refused malformed_xml Sheet1 10"),
        ("text after the sheet", "</worksheet>", "</worksheet>text", "refused malformed_xml Sheet1 12"),
        (
            "another root after the sheet",
            "</worksheet>",
            "</worksheet><worksheet/>",
            "refused malformed_xml Sheet1 12",
        ),
        ("comment after the sheet", "</worksheet>", "</worksheet><!-- end -->\n", "5 kept"),
        ("text between rows", "<row r=\"10\">", "x<row r=\"10\">", "refused malformed_xml Sheet1 9"),
        ("text between cells", "<c r=\"W10\"", "x<c r=\"W10\"", "refused malformed_xml Sheet1 10"),
        (
            "comments and instructions between rows",
            "<row r=\"10\">",
            "<!-- <row r=\"9\"/> --><?x <row?><row r=\"10\">",
            "5 kept",
        ),
        ("CDATA as text", "id-10", "<![CDATA[<row>&</row>]]>", "5 kept"),
        ("comment in a value", "<v>45840</v>", "<v>45<!-- 9 -->840</v>", "5 kept"),
        ("blanks around a value", "<v>45840</v>", "<v>\n 45840\n</v>", "5 kept"),
        (
            "elements of others among the rows",
            "<row r=\"10\">",
            "<z:row xmlns:z=\"urn:z\" r=\"99\"><z:c/></z:row><row r=\"10\">",
            "5 kept",
        ),
        (
            "elements of others in a cell",
            "<v>45840</v>",
            "<z:v xmlns:z=\"urn:z\">9</z:v><v>45840</v><extLst><ext uri=\"x\"><v>7</v></ext></extLst>",
            "5 kept",
        ),
        (
            "attributes of others",
            "<row r=\"10\">",
            "<row xmlns:x14ac=\"urn:y\" x14ac:dyDescent=\"0.25\" spans=\"1:23\" ht=\"15\" r=\"10\">",
            "5 kept",
        ),
        (
            "rich text",
            "<t>id-10</t>",
            "<r><rPr><b/></rPr><t>id</t></r><r><t xml:space=\"preserve\">-10 </t></r><rPh sb=\"0\" eb=\"1\"><t>no</t></rPh>",
            "5 kept",
        ),
        (
            "two values in a cell",
            "<v>45840</v>",
            "<v>45840</v><v>45841</v>",
            "refused duplicate_value Sheet1 K10",
        ),
        (
            "not the spreadsheet's namespace",
            "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"",
            "xmlns=\"urn:other\"",
            "5 kept",
        ),
        ("another root", "<worksheet xmlns", "<chartsheet xmlns", "refused not_a_worksheet Sheet1"),
    ];
    for (name, from, to, expected) in edits {
        case(cases, name, expected, move |parts| {
            parts.edit(SHEET, from, to);
        });
    }
    nesting(cases);
    encodings(cases);
    prefixes(cases);
}

fn nesting(cases: &mut Vec<Case>) {
    let deep = || format!("{}{}", "<x>".repeat(100_000), "</x>".repeat(100_000));
    case(
        cases,
        "100,000 elements inside one another among the rows",
        "refused too_deep Sheet1 9",
        move |parts| {
            parts.edit(SHEET, "<row r=\"10\">", &format!("{}<row r=\"10\">", deep()));
        },
    );
    case(
        cases,
        "100,000 elements inside one another in a cell",
        "refused too_deep Sheet1 W10",
        move |parts| {
            parts.edit(SHEET, "<is><t>id-10</t></is>", &deep());
        },
    );
    case(
        cases,
        "100,000 elements inside one another in the strings",
        "refused too_deep Sheet1",
        move |parts| {
            parts.edit(STRINGS, "<t>MEXICO</t>", &deep());
        },
    );
    case(cases, "100,000 elements inside one another in the styles", "refused too_deep", move |parts| {
        parts.edit("xl/styles.xml", "<cellXfs>", &format!("{}<cellXfs>", deep()));
    });
    case(cases, "200,000 attributes", "refused too_many_attributes Sheet1 9", |parts| {
        let attributes: String = (0..200_000).map(|at| format!(" a{at}=\"\"")).collect();
        parts.edit(SHEET, "<row r=\"10\">", &format!("<row r=\"10\"{attributes}>"));
    });
    case(cases, "200,000 namespaces", "refused too_many_attributes Sheet1", |parts| {
        let names: String = (0..200_000).map(|at| format!(" xmlns:a{at}=\"u\"")).collect();
        parts.edit(SHEET, "<sheetData>", &format!("<sheetData{names}>"));
    });
    case(cases, "a long attribute", "5 kept", |parts| {
        parts.edit(SHEET, "<row r=\"10\">", &format!("<row r=\"10\" note=\"{}\">", "x".repeat(1 << 20)));
    });
}

fn encodings(cases: &mut Vec<Case>) {
    for (name, to, expected) in [
        ("a byte that is no text", b"id\xff10".as_slice(), "refused not_utf8 Sheet1 W10"),
        ("a character cut", b"id\xe2\x82", "refused not_utf8 Sheet1 W10"),
        ("an overlong character", b"id\xc0\xaf", "refused not_utf8 Sheet1 W10"),
        ("a half of a pair", b"id\xed\xa0\x80", "refused not_utf8 Sheet1 W10"),
        ("text of every kind", "é ñ 日本 😀 \u{202e}txt".as_bytes(), "5 kept"),
    ] {
        case(cases, name, expected, move |parts| {
            parts.edit_bytes(SHEET, b"id-10", to);
        });
    }
    case(cases, "a byte that is no text in the strings", "refused not_utf8 Sheet1", |parts| {
        parts.edit_bytes(STRINGS, b"MEXICO", b"M\xc9XICO");
    });
    for part in [SHEET, STRINGS, BOOK] {
        case(cases, "a byte order mark", "5 kept", move |parts| {
            let text = parts.text(part);
            parts.set(part, format!("\u{feff}{text}"));
        });
        case(cases, "UTF-16, the low byte first", "5 kept", move |parts| {
            let text = parts.text(part).replace("UTF-8", "UTF-16");
            let bytes: Vec<u8> =
                format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
            parts.set(part, bytes);
        });
        case(cases, "UTF-16, the high byte first", "5 kept", move |parts| {
            let text = parts.text(part).replace("UTF-8", "UTF-16");
            let bytes: Vec<u8> =
                format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect();
            parts.set(part, bytes);
        });
    }
    case(cases, "UTF-16 with half a pair", "refused not_utf8 Sheet1 9", |parts| {
        let text = format!("\u{feff}{}", parts.text(SHEET));
        let at = text.find("id-10").map(|at| at - 2).expect("the cell");
        let mut bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes[2 * at..2 * at + 2].copy_from_slice(&0xd800_u16.to_le_bytes());
        parts.set(SHEET, bytes);
    });
    case(cases, "an empty part", "refused cut_sheet Sheet1", |parts| {
        parts.set(SHEET, "");
    });
    case(cases, "a part of blanks", "refused cut_sheet Sheet1", |parts| {
        parts.set(SHEET, "   \n");
    });
    case(cases, "no rows at all", "refused no_rows_element Sheet1", |parts| {
        parts.set(SHEET, format!("<worksheet xmlns=\"{MAIN}\"/>"));
    });
    case(cases, "rows twice", "refused duplicate_rows_element Sheet1 12", |parts| {
        parts.edit(SHEET, "</worksheet>", "<sheetData><row r=\"13\"/></sheetData></worksheet>");
    });
    case(cases, "empty strings", "refused cut_strings Sheet1", |parts| {
        parts.set(STRINGS, "");
    });
    case(cases, "strings that are no strings", "refused damaged_workbook Sheet1", |parts| {
        parts.set(STRINGS, "<worksheet/>");
    });
    case(cases, "strings cut", "refused cut_strings Sheet1", |parts| {
        parts.edit(STRINGS, "</sst>", "");
    });
}

fn prefixes(cases: &mut Vec<Case>) {
    case(cases, "a prefix for every name", "5 kept", |parts| {
        for name in [SHEET, STRINGS, BOOK, "xl/styles.xml"] {
            let text = parts.text(name).replace("</", "</q:").replace("xmlns=", "xmlns:q=");
            let mut out = String::new();
            let mut rest = text.as_str();
            while let Some(at) = rest.find('<') {
                let (before, after) = rest.split_at(at + 1);
                out += before;
                out += if after.starts_with(char::is_alphabetic) { "q:" } else { "" };
                rest = after;
            }
            parts.set(name, out + rest);
        }
    });
    case(cases, "other quotes and blanks in tags", "5 kept", |parts| {
        let text = parts
            .text(SHEET)
            .replace("<c r=\"W10\" t=\"inlineStr\">", "<c\n  t = 'inlineStr'\tr='W10' >")
            .replace("</row>", "</row >");
        parts.set(SHEET, text);
    });
    case(cases, "space to be preserved", "5 kept", |parts| {
        parts.edit(SHEET, "<t>id-10</t>", "<t xml:space=\"preserve\">  id-10  </t>");
    });
}
