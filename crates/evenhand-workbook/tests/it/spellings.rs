//! What a workbook says, in every spelling.

use crate::package::{LINKS, MAIN, Member, STRINGS, STYLES, book, members, sheet, zip};
use evenhand_workbook::{Cell, Error, Inflate, Limits, Merged, SheetKind, Visibility, Workbook};

/// The rows of a workbook's first sheet as text, or the refusal.
pub fn shown(bytes: Vec<u8>) -> String {
    let read = |inflate| -> Result<String, Error> {
        let book = Workbook::from_bytes(bytes.clone(), &Limits::default())?;
        let sheet = &book.sheets()[0];
        let mut rows = book.rows(sheet, inflate)?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next_row()? {
            let cells = row.cells().map(|(column, cell)| format!("{column}={}", value(cell)));
            lines.push(format!("{}: {}", row.number(), cells.collect::<Vec<_>>().join(" ")));
        }
        assert_eq!(rows.row_elements(), lines.len() as u64);
        Ok(lines.join("\n"))
    };
    let text = |result: Result<String, Error>| match result {
        Ok(text) => text,
        Err(error) => format!("{}: {error}", error.code()),
    };
    let here = text(read(Inflate::Here));
    assert_eq!(here, text(read(Inflate::Ahead)));
    here
}

fn value(cell: Cell<'_>) -> String {
    match cell {
        Cell::Blank => "-".to_owned(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => format!("{text:?}"),
        Cell::Bool(flag) => flag.to_string(),
        Cell::Error(text) => text.to_owned(),
        Cell::Date { day, second } => format!("day {day}+{second}"),
        Cell::NoValue => "?".to_owned(),
    }
}

#[test]
fn every_type_of_cell_is_read() {
    let rows = "<row r=\"2\"><c r=\"A2\" t=\"s\"><v>2</v></c><c r=\"B2\" t=\"s\"><v>1</v></c><c r=\"D2\" s=\"1\"><v>45292</v></c>\
        <c r=\"E2\" s=\"2\"><v>45292.5</v></c><c r=\"F2\" s=\"3\"><v>3</v></c><c r=\"G2\" s=\"4\"><v>1.5</v></c>\
        <c r=\"H2\" t=\"b\"><v>1</v></c><c r=\"I2\" t=\"e\"><v>#N/A</v></c><c r=\"J2\" t=\"str\"><f>A1</f><v>x</v></c>\
        <c r=\"K2\"><f>A1</f></c><c r=\"L2\" t=\"d\"><v>2024-01-01T06:00:00</v></c><c r=\"M2\" t=\"inlineStr\"><is><t>in</t></is></c>\
        <c r=\"N2\" s=\"1\"/><c r=\"O2\"><v>-1.25E-2</v></c><c r=\"P2\" t=\"s\"><v></v></c><c r=\"Q2\" s=\"1\"><v>60</v></c></row>";
    let expected = "2: 0=\"gamma\" 1=\" b \" 3=day 19723+0 4=day 19723+43200 5=3 6=1.5 7=true 8=#N/A 9=\"x\" 10=? \
        11=day 19723+21600 12=\"in\" 13=- 14=-0.0125 15=- 16=60";
    assert_eq!(shown(book(rows)), expected);
}

#[test]
fn spelling_does_not_matter() {
    let plain = shown(book(
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"C1\"><v>5</v></c></row><row r=\"2\"/>",
    ));
    assert_eq!(plain, "1: 0=\"alpha\" 2=5\n2: ");
    for rows in [
        "<row><c t='s'><v>0</v></c><c/><c><v>5</v></c></row><row></row>",
        "\n <!-- a --> <row  spans='1:3' r = '1' >\n<c\tt=\"s\"\nr=\"A1\" ><v >0</v ></c > <?pi x?><c r='C1'><v><!-- b -->5</v></c></row>\n<row r='2' />\n",
        "<row r=\"&#49;\"><c r=\"A1\" t=\"&#x73;\"><v><![CDATA[0]]></v></c><c r=\"C1\" t=\"n\"><f/><v>5.0</v><extLst><ext uri='x'><v>6</v></ext></extLst></c></row><row/>",
        "<row r=\"1\"><c r=\"a1\" t=\"s\"><v> 0 </v></c><c r=\"C1\"><v>+5e0</v></c></row><row r=\"2\"></row>",
    ] {
        let text = shown(book(rows)).replace(" 1=-", "");
        assert_eq!(text, plain, "{rows}");
    }
    let strict = "http://purl.oclc.org/ooxml/spreadsheetml/main";
    for namespace in [MAIN, strict] {
        let sheet = format!(
            "\u{feff}<?xml version='1.0'?><x:worksheet xmlns:x='{namespace}' xmlns='other'><x:dimension ref='A1:ZZ99'/><row/><x:sheetData>\
             <x:row r='1'><x:c r='A1' t='s'><x:v>0</x:v></x:c><c r='B1'/><x:c r='C1'><x:v>5</x:v></x:c></x:row><x:row/></x:sheetData></x:worksheet>"
        );
        let strings = STRINGS.replace("<si>", "<y:si>").replace("</si>", "</y:si>");
        let strings = strings.replace("<sst ", &format!("<sst xmlns:y='{MAIN}' "));
        assert_eq!(shown(zip(&members(&[("S", &sheet)], &strings, "", false))), plain);
    }
}

#[test]
fn text_is_taken_as_it_is_meant() {
    let rows = "<row><c t='inlineStr'><is><r><t>a</t></r><r><t xml:space='preserve'> &lt;b&gt;</t></r></is></c>\
        <c t='str'><v>x_x000D_y_x005F_x0041_</v></c><c t='inlineStr'><is><t/></is></c><c t='inlineStr'><is><t>é\u{1f600}</t></is></c>\
        <c t='str'><v>a\r\nb</v></c></row>";
    assert_eq!(shown(book(rows)), "1: 0=\"a <b>\" 1=\"x\\ry_x0041_\" 2=\"\" 3=\"é😀\" 4=\"a\\nb\"");
}

#[test]
fn members_are_stored_or_deflated_with_sizes_before_or_after() {
    let rows = "<row><c><v>1</v></c></row>";
    for (deflated, descriptor) in [(true, false), (true, true), (false, false), (false, true)] {
        let mut members = members(&[("S", &sheet(rows))], STRINGS, STYLES, false);
        for member in &mut members {
            (member.deflated, member.descriptor) = (deflated, descriptor);
        }
        assert_eq!(shown(zip(&members)), "1: 0=1");
    }
}

#[test]
fn days_count_from_1904_where_the_workbook_says_so() {
    let rows = "<row><c s='1'><v>0</v></c><c s='1'><v>60</v></c></row>";
    let bytes = zip(&members(&[("S", &sheet(rows))], "", STYLES, true));
    assert_eq!(shown(bytes), "1: 0=day -24107+0 1=day -24047+0");
}

#[test]
fn sheets_come_in_the_order_of_their_tabs_with_their_kinds() {
    let mut members = members(
        &[("A &amp; B", &sheet("")), ("hid", &sheet("")), ("very", &sheet("")), ("Chart", "<chartsheet/>")],
        "",
        "",
        false,
    );
    let text = |member: &Member| String::from_utf8(member.bytes.clone()).unwrap();
    let book = text(&members[0]).replace("name=\"hid\"", "name=\"hid\" state=\"hidden\"");
    let book = book.replace("name=\"very\"", "state='veryHidden' name=\"very\"");
    members[0].bytes = book.into_bytes();
    let at = members.iter().position(|member| member.name.ends_with("workbook.xml.rels")).unwrap();
    let links = text(&members[at])
        .replace("/worksheet\" Target=\"worksheets/sheet4", "/chartsheet\" Target=\"../xl/worksheets/sheet4");
    members[at].bytes =
        links.replace(LINKS, "http://purl.oclc.org/ooxml/officeDocument/relationships").into_bytes();
    let book = Workbook::from_bytes(zip(&members), &Limits::default()).unwrap();
    let found: Vec<_> =
        book.sheets().iter().map(|sheet| (sheet.name.as_str(), sheet.kind, sheet.visibility)).collect();
    assert_eq!(
        found,
        [
            ("A & B", SheetKind::Worksheet, Visibility::Shown),
            ("hid", SheetKind::Worksheet, Visibility::Hidden),
            ("very", SheetKind::Worksheet, Visibility::VeryHidden),
            ("Chart", SheetKind::Chart, Visibility::Shown),
        ]
    );
}

#[test]
fn merged_ranges_are_known_after_the_rows() {
    let sheet = format!(
        "<worksheet xmlns='{MAIN}'><sheetData><row><c><v>1</v></c></row></sheetData><mergeCells count='9'><mergeCell ref='A1:C2'/></mergeCells></worksheet>"
    );
    let book =
        Workbook::from_bytes(zip(&members(&[("S", &sheet)], "", "", false)), &Limits::default()).unwrap();
    let mut rows = book.rows(&book.sheets()[0], Inflate::Here).unwrap();
    while rows.next_row().unwrap().is_some() {}
    assert_eq!(rows.merged(), [Merged { first: (1, 0), last: (2, 2) }]);
}

#[test]
fn first_rows_cost_no_more_than_they_need() {
    // The end of the sheet and of the strings is broken, and not looked at.
    let many: String = (0..60_000).map(|at| format!("<row><c t='s'><v>{at}</v></c></row>")).collect();
    let strings: String = (0..60_000).map(|at| format!("<si><t>string {at}</t></si>")).collect();
    let strings = format!("<sst xmlns='{MAIN}'>{strings}<si></sst>");
    let bytes = zip(&members(&[("S", &sheet(&format!("{many}<row></c>")))], &strings, "", false));
    let book = Workbook::from_bytes(bytes, &Limits::default()).unwrap();
    let mut first = Vec::new();
    book.first_rows(&book.sheets()[0], &mut |row| {
        first.push(value(row.cell(0)));
        first.len() < 3
    })
    .unwrap();
    assert_eq!(first, ["\"string 0\"", "\"string 1\"", "\"string 2\""]);
    assert_eq!(book.rows(&book.sheets()[0], Inflate::Here).err().unwrap().code(), "wrong_end_tag");
}

#[test]
fn a_row_whose_tag_is_as_the_one_before_is_read_as_any_other() {
    let number = |row: u32| format!("<c r=\"A{row}\"><v>{row}</v></c></row>");
    let spans = |row: u32| format!("<row r=\"{row}\" spans=\"1:1\">{}", number(row));
    let rows = [
        spans(1),
        spans(2),
        // Without them, shorter and longer than before, empty, with a gap, and with another number before.
        format!("<row r=\"3\">{}", number(3)),
        format!("<row r=\"4\">{}", number(4)),
        format!("<row r=\"5\" spans=\"1:1\" ht=\"9\">{}", number(5)),
        "<row r=\"6\" spans=\"1:1\" ht=\"9\"/>".to_owned(),
        format!("<row r=\"7\" spans=\"1:1\" ht=\"9\">{}", number(7)),
        format!("<row r=\"10\" spans=\"1:1\" ht=\"9\">{}", number(10)),
        format!("<row spans=\"1:1\" r=\"11\">{}", number(11)),
        format!("<row spans=\"1:1\" r=\"12\">{}", number(12)),
        spans(13),
        format!("<row r=\"014\" spans=\"1:1\">{}", number(14)),
    ];
    let read = shown(book(&rows.concat()));
    let expected = [1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14].map(|row| match row {
        6 => "6: ".to_owned(),
        _ => format!("{row}: 0={row}"),
    });
    assert_eq!(read, expected.join("\n"));
}

#[test]
fn a_row_longer_than_the_window_is_whole() {
    let text = "x".repeat(32_000);
    let cells: String = (0..40).map(|_| format!("<c t='str'><v>{text}</v></c>")).collect();
    let row = shown(book(&format!("<row>{cells}</row><row><c><v>1</v></c></row>")));
    assert_eq!(row.len(), 3 + 40 * 32_000 + 10 * 4 + 30 * 5 + 39 + 1 + 6);
    assert!(row.ends_with("\n2: 0=1"));
}
