//! Rows, cells and sheets: numbers that lie, places twice, sheets of every kind.

use super::Case;
use super::made::*;

pub fn add(cases: &mut Vec<Case>) {
    rows(cases);
    cells(cases);
    lists(cases);
    several(cases);
}

fn rows(cases: &mut Vec<Case>) {
    let third = "<row r=\"10\">";
    for (name, from, to, expected) in [
        ("a dimension of one cell", "A1:W12", "A1", "5 kept"),
        ("a dimension of the whole grid", "A1:W12", "A1:XFD1048576", "5 kept"),
        ("a dimension of fewer rows", "A1:W12", "A1:W9", "5 kept"),
        ("a dimension beyond the grid", "A1:W12", "A1:ZZZZ99999999", "5 kept"),
        ("a dimension that is none", "A1:W12", "&#45;", "5 kept"),
        ("a row twice", third, "<row r=\"9\"/><row r=\"10\">", "refused duplicate_row Sheet1 9"),
        ("a row out of order", third, "<row r=\"3\"/><row r=\"10\">", "refused rows_out_of_order Sheet1 3"),
        ("row 0", third, "<row r=\"0\"/><row r=\"10\">", "refused bad_row_number Sheet1 10"),
        ("row -1", third, "<row r=\"-1\"/><row r=\"10\">", "refused bad_row_number Sheet1 10"),
        ("row 1e3", third, "<row r=\"1e3\"/><row r=\"10\">", "refused bad_row_number Sheet1 10"),
        (
            "row 4294967296",
            third,
            "<row r=\"4294967296\"/><row r=\"10\">",
            "refused too_many_rows Sheet1 4294967295",
        ),
        (
            "row 1048577",
            "</sheetData>",
            "<row r=\"1048577\"/></sheetData>",
            "refused too_many_rows Sheet1 1048577",
        ),
        (
            "a blank row element at the end",
            "</sheetData>",
            "<row r=\"13\"/></sheetData>",
            "5 kept, 1 blank_row",
        ),
        (
            "blank row elements at the end",
            "</sheetData>",
            "<row/><row/><row></row></sheetData>",
            "5 kept, 3 blank_row",
        ),
        (
            "a blank row element far below",
            "</sheetData>",
            "<row r=\"1048576\"/></sheetData>",
            "5 kept, 1048564 blank_row",
        ),
        (
            "a row of blank cells at the end",
            "</sheetData>",
            "<row r=\"13\"><c r=\"A13\" s=\"1\"/><c r=\"W13\"/></row></sheetData>",
            "5 kept, 1 blank_row",
        ),
    ] {
        case(cases, name, expected, move |parts| {
            parts.edit(SHEET, from, to);
        });
    }
    made(cases, "rows without numbers", "5 kept", || {
        let rows = rows_as_text();
        let rows = rows.replace("<row r=\"6\"", "<row");
        of_rows(&strip(&rows, " r=\""))
    });
    made(cases, "cells without places", "5 kept, 1 blank_row; time_unknown A ×5", || {
        let cells = |row: u32| {
            format!(
                "<row r=\"{row}\"><c s=\"2\"><v>45840</v></c>{}<c t=\"inlineStr\"><is><t>id</t></is></c></row>",
                "<c/>".repeat(21)
            )
        };
        let rows: String = [8, 9, 11, 12, 13].into_iter().map(cells).collect();
        of_data(&rows)
    });
    made(cases, "a gap of rows", "4 kept, 96 blank_row", || {
        of_data(&format!("{}{}", data_rows(8..10), data_rows(106..108)))
    });
    made(cases, "only a header", "0 kept; no_rows 7", || of_data(""));
    made(cases, "only a header and blank rows", "0 kept, 2 blank_row; no_rows 7", || {
        of_data("<row r=\"8\"/><row r=\"9\"/>")
    });
    made(cases, "1,048,577 rows", "refused too_many_rows Sheet1 1048577", || {
        of_rows(&format!("{}{}", texts(1, &HEADER), "<row/>".repeat(1_048_576)))
    });
    made(cases, "a sheet full to its last row", "2 kept, 1048567 blank_row; sheet_full 1048576", || {
        of_data(&format!("{}{}", data(8), data(1_048_576)))
    });
}

fn rows_as_text() -> String {
    super::made::rows()
}

/// Takes the attributes that begin so out of the tags of rows and cells; blank cells are put where they are missed.
fn strip(rows: &str, attribute: &str) -> String {
    let mut out = String::new();
    let mut rest = rows;
    let mut last_row = 0;
    while let Some(at) = rest.find("<row") {
        let (before, after) = rest.split_at(at + 4);
        let end = after.find('>').expect("a tag");
        let number = after[..end]
            .split(attribute)
            .nth(1)
            .and_then(|text| text.split('"').next())
            .and_then(|text| text.parse().ok());
        let number: u32 = number.unwrap_or(last_row + 1);
        out += &before[..before.len() - 4];
        out += &"<row/>".repeat((number - last_row - 1) as usize);
        out += "<row";
        last_row = number;
        rest = &after[end..];
    }
    out + rest
}

fn cells(cases: &mut Vec<Case>) {
    for (name, from, to, expected) in [
        ("a cell twice", "<c r=\"W10\"", "<c r=\"R10\"/><c r=\"W10\"", "refused duplicate_cell Sheet1 R10"),
        (
            "cells out of order",
            "<c r=\"W10\"",
            "<c r=\"B10\"/><c r=\"W10\"",
            "refused cells_out_of_order Sheet1 B10",
        ),
        ("a cell of another row", "<c r=\"W10\"", "<c r=\"W11\"", "refused cell_of_another_row Sheet1 W10"),
        ("a cell in the last column", "id-10</t></is></c>", "id-10</t></is></c><c r=\"XFD10\"/>", "5 kept"),
        (
            "a cell beyond the last column",
            "id-10</t></is></c>",
            "id-10</t></is></c><c r=\"XFE10\"/>",
            "refused too_many_columns Sheet1 XFE10",
        ),
        (
            "a cell far beyond the last column",
            "id-10</t></is></c>",
            "id-10</t></is></c><c r=\"ZZZZZZZZZ10\"/>",
            "refused bad_reference Sheet1 10",
        ),
        ("a place that is none", "<c r=\"W10\"", "<c r=\"10W\"", "refused bad_reference Sheet1 10"),
        ("a place without a row", "<c r=\"W10\"", "<c r=\"W\"", "refused bad_reference Sheet1 10"),
        ("a place that is empty", "<c r=\"W10\"", "<c r=\"\"", "refused bad_reference Sheet1 10"),
        ("a place in small letters", "<c r=\"W10\"", "<c r=\"w10\"", "5 kept"),
        (
            "a shared string that is not there",
            "<c r=\"R10\" t=\"s\"><v>2</v>",
            "<c r=\"R10\" t=\"s\"><v>3</v>",
            "refused no_such_string Sheet1 R10",
        ),
        (
            "a shared string of a huge number",
            "<c r=\"R10\" t=\"s\"><v>2</v>",
            "<c r=\"R10\" t=\"s\"><v>99999999999999999999</v>",
            "refused no_such_string Sheet1 R10",
        ),
        (
            "a shared string of a negative number",
            "<c r=\"R10\" t=\"s\"><v>2</v>",
            "<c r=\"R10\" t=\"s\"><v>-1</v>",
            "refused no_such_string Sheet1 R10",
        ),
        (
            "a shared string without a number",
            "<c r=\"R10\" t=\"s\"><v>2</v>",
            "<c r=\"R10\" t=\"s\"><v></v>",
            "5 kept",
        ),
        (
            "a type that is none",
            "<c r=\"R10\" t=\"s\"",
            "<c r=\"R10\" t=\"x\"",
            "refused bad_cell_type Sheet1 R10",
        ),
        (
            "a style that is not there",
            "<c r=\"K10\" s=\"1\"",
            "<c r=\"K10\" s=\"4294967296\"",
            "5 kept; number_as_date K10",
        ),
        (
            "a number that is none",
            "<c r=\"P10\"><v>1980</v>",
            "<c r=\"P10\" t=\"n\"><v>MCMLXXX</v>",
            "refused bad_number Sheet1 P10",
        ),
        (
            "text without its type",
            "<c r=\"P10\"><v>1980</v>",
            "<c r=\"P10\"><v>MCMLXXX</v>",
            "5 kept; unreadable_cell P10",
        ),
        (
            "a number that is infinite",
            "<c r=\"P10\"><v>1980</v>",
            "<c r=\"P10\" t=\"n\"><v>1e999</v>",
            "refused bad_number Sheet1 P10",
        ),
        ("a truth value", "<c r=\"Q10\" t=\"s\"><v>1</v>", "<c r=\"Q10\" t=\"b\"><v>1</v>", "5 kept"),
        (
            "a truth value that is none",
            "<c r=\"Q10\" t=\"s\"><v>1</v>",
            "<c r=\"Q10\" t=\"b\"><v>2</v>",
            "refused bad_boolean Sheet1 Q10",
        ),
        (
            "an error",
            "<c r=\"Q10\" t=\"s\"><v>1</v>",
            "<c r=\"Q10\" t=\"e\"><v>#REF!</v>",
            "5 kept; error_cell Q10",
        ),
        (
            "an error in the date",
            "<c r=\"A10\" s=\"2\"><v>45840.5</v>",
            "<c r=\"A10\" t=\"e\"><v>#N/A</v>",
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
        (
            "a formula with its value",
            "<c r=\"P10\"><v>1980</v>",
            "<c r=\"P10\"><f>1+1979</f><v>1980</v>",
            "5 kept",
        ),
        (
            "a formula without its value",
            "<c r=\"P10\"><v>1980</v>",
            "<c r=\"P10\"><f>1+1979</f>",
            "5 kept; formula_without_value P10",
        ),
        (
            "a formula for the date with its value",
            "<c r=\"A10\" s=\"2\"><v>45840.5</v>",
            "<c r=\"A10\" s=\"2\"><f>NOW()</f><v>45840.5</v>",
            "5 kept",
        ),
        (
            "a formula for the date without its value",
            "<c r=\"A10\" s=\"2\"><v>45840.5</v>",
            "<c r=\"A10\" s=\"2\"><f>NOW()</f>",
            "4 kept, 1 no_apprehension_date; no_primary A10",
        ),
        (
            "a shared formula",
            "<c r=\"P10\"><v>1980</v>",
            "<c r=\"P10\"><f t=\"shared\" ref=\"P10:P12\" si=\"0\">1980</f><v>1980</v>",
            "5 kept",
        ),
        (
            "a formula's text",
            "<c r=\"Q10\" t=\"s\"><v>1</v>",
            "<c r=\"Q10\" t=\"str\"><f>\"A\"</f><v>MEXICO</v>",
            "5 kept",
        ),
        ("a formula that calls a program", "<t>id-10</t>", "<t>=cmd|' /C calc'!A0</t>", "5 kept"),
        ("an inline string that is empty", "<t>id-10</t>", "<t/>", "5 kept; no_person_id W"),
        (
            "cells beyond the header",
            "id-10</t></is></c>",
            "id-10</t></is></c><c r=\"X10\"><v>1</v></c>",
            "5 kept; beyond_header X10",
        ),
    ] {
        case(cases, name, expected, move |parts| {
            parts.edit(SHEET, from, to);
        });
    }
    for (name, edits, expected) in [
        ("uniqueCount of four billion", [("uniqueCount=\"3\"", "uniqueCount=\"4294967295\"")], "5 kept"),
        ("uniqueCount of one", [("uniqueCount=\"3\"", "uniqueCount=\"1\"")], "5 kept"),
        ("uniqueCount that is no number", [("uniqueCount=\"3\"", "uniqueCount=\"-x\"")], "5 kept"),
        (
            "a shared string too many",
            [("<si><t>MEXICO</t></si>", "<si/><si><t>MEXICO</t></si>")],
            "5 kept; departed_without_country 8 ×5; unknown_value R8 ×5",
        ),
        (
            "phonetic runs",
            [(
                "<t>MEXICO</t>",
                "<r><t>MEX</t></r><rPh sb=\"0\" eb=\"1\"><t>x</t></rPh><r><t>ICO</t></r><phoneticPr fontId=\"1\"/>",
            )],
            "5 kept",
        ),
    ] {
        case(cases, name, expected, move |parts| {
            for (from, to) in edits {
                parts.edit(STRINGS, from, to);
            }
        });
    }
    case(
        cases,
        "merged cells in the rows",
        "4 kept, 1 no_apprehension_date; merged_cells; no_primary A11",
        |parts| {
            parts.edit(SHEET, "<c r=\"A11\" s=\"2\"><v>45841.5</v></c>", "<c r=\"A11\" s=\"2\"/>");
            parts.edit(
                SHEET,
                "</sheetData>",
                "</sheetData><mergeCells count=\"1\"><mergeCell ref=\"A10:A11\"/></mergeCells>",
            );
        },
    );
    case(cases, "merged cells above the header", "5 kept", |parts| {
        parts.edit(
            SHEET,
            "</sheetData>",
            "</sheetData><mergeCells count=\"1\"><mergeCell ref=\"A1:W1\"/></mergeCells>",
        );
    });
    case(cases, "a merged range that is none", "refused bad_reference Sheet1 12", |parts| {
        parts.edit(
            SHEET,
            "</sheetData>",
            "</sheetData><mergeCells count=\"1\"><mergeCell ref=\"A:B\"/></mergeCells>",
        );
    });
    case(cases, "filters, protection and what else follows the rows", "5 kept", |parts| {
        parts.edit(
            SHEET,
            "</sheetData>",
            "</sheetData><sheetProtection sheet=\"1\" password=\"CC1A\"/><autoFilter ref=\"A7:W12\"/><conditionalFormatting sqref=\"A1\"><cfRule type=\"x\"><formula>A1</formula></cfRule></conditionalFormatting>",
        );
    });
    case(cases, "rows hidden by a filter", "5 kept", |parts| {
        parts.edit(SHEET, "<row r=\"10\">", "<row r=\"10\" hidden=\"1\">");
    });
}

/// Sheets of one name, without one, with one that is long or odd.
fn lists(cases: &mut Vec<Case>) {
    let two = || of_sheets(&[("Sheet1", &document(&rows_as_text())), ("Sheet2", &document(&rows_as_text()))]);
    made(cases, "two sheets", "Sheet1: 5 kept + Sheet2: 5 kept", two);
    made(cases, "two sheets of one name", "refused duplicate_sheet Sheet1", move || {
        let mut parts = two();
        parts.edit(BOOK, "\"Sheet2\"", "\"Sheet1\"");
        parts
    });
    made(cases, "two sheets whose names differ by case", "refused duplicate_sheet SHEET1", move || {
        let mut parts = two();
        parts.edit(BOOK, "\"Sheet2\"", "\"SHEET1\"");
        parts
    });
    made(cases, "two sheets of one part", "refused repeated_sheet Sheet2", move || {
        let mut parts = two();
        parts.edit(BOOK, "rId2", "rId1");
        parts
    });
    made(cases, "a sheet without a relationship", "refused missing_sheet Sheet2", move || {
        let mut parts = two();
        parts.edit(BOOK, "r:id=\"rId2\"", "");
        parts
    });
    made(cases, "a sheet of an unknown kind", "refused unknown_sheet_kind Sheet2", move || {
        let mut parts = two();
        let text = parts
            .text(RELS)
            .replace("/worksheet\" Target=\"worksheets/sheet2", "/hologram\" Target=\"worksheets/sheet2");
        parts.set(RELS, text);
        parts
    });
    made(cases, "a chart", "Sheet1: 5 kept + Sheet2: 0 kept; not_a_table", move || {
        let mut parts = two();
        let text = parts
            .text(RELS)
            .replace("/worksheet\" Target=\"worksheets/sheet2", "/chartsheet\" Target=\"worksheets/sheet2");
        parts.set(RELS, text).set("xl/worksheets/sheet2.xml", format!("<chartsheet xmlns=\"{MAIN}\"/>"));
        parts
    });
    made(cases, "a sheet of macros", "Sheet1: 5 kept + Sheet2: 0 kept; not_a_table", move || {
        let mut parts = two();
        let text = parts
            .text(RELS)
            .replace("/worksheet\" Target=\"worksheets/sheet2", "/xlMacrosheet\" Target=\"worksheets/sheet2");
        parts.set(RELS, text).set("xl/worksheets/sheet2.xml", format!("<macrosheet xmlns=\"{MAIN}\"/>"));
        parts
    });
    for (name, state) in [("a hidden sheet", "hidden"), ("a sheet that only programs show", "veryHidden")] {
        made(cases, name, "Sheet1: 5 kept + Sheet2: 5 kept; hidden_sheet", move || {
            let mut parts = two();
            parts.edit(BOOK, "name=\"Sheet2\"", &format!("state=\"{state}\" name=\"Sheet2\""));
            parts
        });
    }
    case(cases, "no sheets", "refused no_sheets", |parts| {
        let text = parts.text(BOOK);
        let (before, after) = (text.find("<sheet ").unwrap(), text.find("</sheets>").unwrap());
        parts.set(BOOK, format!("{}{}", &text[..before], &text[after..]));
    });
    case(cases, "a list that is another document", "refused damaged_workbook", |parts| {
        parts.set(BOOK, "<html/>");
    });
    case(cases, "a sheet's name with everything", "5 kept", |parts| {
        parts.edit(BOOK, "\"Sheet1\"", "\"a&amp;b &lt;c&gt; &quot;d&quot; é 日本 ../x\"");
    });
    case(cases, "a sheet without a name", "5 kept", |parts| {
        parts.edit(BOOK, "\"Sheet1\"", "\"\"");
    });
    case(cases, "a sheet's name of 10,000 letters", "5 kept", |parts| {
        parts.edit(BOOK, "\"Sheet1\"", &format!("\"{}\"", "x".repeat(10_000)));
    });
}

/// Sheets beside the table.
fn several(cases: &mut Vec<Case>) {
    let beside = |document_of: &str| {
        of_sheets(&[("Sheet1", &document(&super::made::rows())), ("Sheet2", document_of)])
    };
    made(cases, "an empty sheet beside it", "Sheet1: 5 kept + Sheet2: 0 kept", move || beside(&document("")));
    made(
        cases,
        "a sheet of blank rows beside it",
        "Sheet1: 5 kept + Sheet2: 0 kept, 2 blank_row",
        move || beside(&document("<row r=\"1\"/><row r=\"2\"/>")),
    );
    made(cases, "notes beside it", "Sheet1: 5 kept + Sheet2: 0 kept, 2 footnotes", move || {
        beside(&document(&format!("{}{}", texts(1, &["Notes"]), texts(2, &["One row an arrest"]))))
    });
    made(
        cases,
        "a key of two columns beside it",
        "Sheet1: 5 kept + Sheet2: 0 kept, 3 other_sheet; other_sheet 1",
        move || {
            beside(&document(&format!(
                "{}{}{}",
                texts(1, &["Field", "Meaning"]),
                texts(2, &["AOR", "area of responsibility"]),
                texts(3, &["Gender", "as entered"])
            )))
        },
    );
    made(cases, "rows that go on without a header", "refused unknown_header Sheet2 A8", move || {
        beside(&document(&data_rows(8..12)))
    });
    made(cases, "the other sheet has a renamed column", "refused unknown_header Sheet2 A7", move || {
        beside(&document(&super::made::rows().replace("Apprehension Date", "Arrested On")))
    });
    made(cases, "the other sheet is damaged", "refused bad_number Sheet2 P10", move || {
        beside(&document(
            &super::made::rows()
                .replace("<c r=\"P10\">", "<c r=\"P10\" t=\"n\">")
                .replace("<v>1980</v>", "<v>x</v>"),
        ))
    });
    made(cases, "the table is in the second sheet", "Sheet1: 0 kept, 1 footnotes + Sheet2: 5 kept", || {
        of_sheets(&[
            ("Sheet1", &document(&texts(1, &["Cover"]))),
            ("Sheet2", &document(&super::made::rows())),
        ])
    });
    made(cases, "nothing but notes", "refused unknown_header Sheet1", || {
        of_rows(&texts(1, &["Nothing responsive was found"]))
    });
    made(cases, "nothing at all", "refused unknown_header Sheet1", || of_rows(""));
}
