//! Headers and rows as people leave them: moved, renamed, repeated, with totals and notes.

use super::Case;
use super::made::*;

pub fn add(cases: &mut Vec<Case>) {
    headers(cases);
    bodies(cases);
}

/// Preamble of `before` lines, this header, five rows.
fn with_header(before: u32, header: &[&str]) -> Parts {
    let lines: String = (1..=before).map(|row| texts(row, &["a line"])).collect();
    of_rows(&format!("{lines}{}{}", texts(before + 1, header), data_rows(before + 2..before + 7)))
}

fn renamed(from: &str, to: &'static str) -> Vec<&'static str> {
    HEADER.iter().map(|header| if *header == from { to } else { header }).collect()
}

fn headers(cases: &mut Vec<Case>) {
    made(cases, "header in the first row", "5 kept", || with_header(0, &HEADER));
    made(cases, "header a row higher", "5 kept", || with_header(5, &HEADER));
    made(cases, "header a row lower", "5 kept", || with_header(7, &HEADER));
    made(cases, "header in row 15", "5 kept", || with_header(14, &HEADER));
    made(cases, "header in row 16", "refused unknown_header Sheet1", || with_header(15, &HEADER));
    made(cases, "no header", "refused unknown_header Sheet1 A8", || {
        of_rows(&format!("{}{}", preamble(), data_rows(8..13)))
    });
    made(cases, "no header and no preamble", "refused unknown_header Sheet1 A1", || {
        of_rows(&data_rows(1..6))
    });
    made(cases, "header in capitals with blanks", "5 kept", || {
        let header: Vec<String> = HEADER
            .iter()
            .map(|name| format!("  {}&#160;", name.to_uppercase().replace(' ', "&#10;")))
            .collect();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        with_header(6, &header)
    });
    made(cases, "columns in another order", "5 kept", || {
        // The first two headers change places with what stands under them: nothing stands under the second.
        let mut parts = with_header(6, &HEADER);
        let text = parts.text(SHEET);
        let text = text
            .replace(">Apprehension Method<", ">@<")
            .replace(">Final Program Group<", ">Apprehension Method<")
            .replace(">@<", ">Final Program Group<");
        let text =
            (8..13).fold(text, |text, row| text.replace(&format!("\"G{row}\""), &format!("\"F{row}\"")));
        parts.set(SHEET, text);
        parts
    });
    made(
        cases,
        "headers of two columns changed",
        "0 kept, 5 unreadable_apprehension_date; no_rows 7; unreadable_primary R8 ×5",
        || {
            let mut header = HEADER;
            header.swap(0, 17);
            with_header(6, &header)
        },
    );
    made(cases, "the date renamed", "refused unknown_header Sheet1 A7", || {
        with_header(6, &renamed("Apprehension Date", "Arrested On"))
    });
    made(cases, "the identifier renamed", "refused unknown_header Sheet1 W7", || {
        with_header(6, &renamed("Unique Identifier", "Person Number"))
    });
    made(cases, "another column renamed", "5 kept; missing_column 7; unknown_column I7", || {
        with_header(6, &renamed("Case Status", "Status of Case"))
    });
    made(cases, "an alias of another release", "5 kept; missing_column 7; unknown_column B7", || {
        with_header(6, &renamed("Apprehension State", "State"))
    });
    made(cases, "the date's header blank", "refused unknown_header Sheet1 A7", || {
        with_header(6, &renamed("Apprehension Date", ""))
    });
    made(cases, "another header blank", "5 kept; missing_column 7", || {
        with_header(6, &renamed("Case Status", ""))
    });
    made(cases, "a header over values blank", "5 kept; missing_column 7; unnamed_column P7 ×5", || {
        with_header(6, &renamed("Birth Year", ""))
    });
    made(cases, "a column more", "5 kept; unknown_column X7", || {
        with_header(6, &[&HEADER[..], &["Arresting Officer"]].concat())
    });
    made(cases, "four columns more", "refused unknown_header Sheet1 X7", || {
        with_header(6, &[&HEADER[..], &["a1", "a2", "a3", "a4"]].concat())
    });
    made(cases, "the date twice", "refused unknown_header Sheet1 X7", || {
        with_header(6, &[&HEADER[..], &["Apprehension Date"]].concat())
    });
    made(cases, "another header twice", "5 kept; repeated_column X7", || {
        with_header(6, &[&HEADER[..], &["Gender"]].concat())
    });
    made(cases, "the date missing", "refused unknown_header Sheet1 A7", || {
        let mut parts = with_header(6, &HEADER);
        let text = parts.text(SHEET);
        let text = text.replace(&inline("A7", "Apprehension Date"), "");
        parts.set(
            SHEET,
            (8..13).fold(text, |text, row| {
                text.replace(&format!("<c r=\"A{row}\" s=\"2\"><v>{}.5</v></c>", 45_830 + row), "")
            }),
        );
        parts
    });
    made(cases, "half of the columns", "refused unknown_header Sheet1 A7", || {
        let rows: String =
            (8..13).map(|row| texts(row, &["7/1/2025", "", "", "", "", "", "Custodial Arrest"])).collect();
        of_rows(&format!("{}{}{rows}", preamble(), texts(7, &HEADER[1..12])))
    });
    made(cases, "another table", "refused unknown_header Sheet1 A1", || {
        let rows: String = (2..7).map(|row| texts(row, &["Joe's", "4 Main St", "A"])).collect();
        of_rows(&format!("{}{rows}", texts(1, &["Restaurant", "Street", "Grade"])))
    });
    made(cases, "a table of another name", "5 kept; time_unknown A ×5; other_table_than_named 1", || {
        let header = [
            "Event Date",
            "Responsible AOR",
            "Responsible Site",
            "Lead Event Type",
            "Lead Source",
            "Event Type",
            "Final Program",
            "Final Program Group",
            "Encounter Criminality",
            "Processing Disposition",
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
            "Event Landmark",
            "Alien File Number",
            "EID Case ID",
            "EID Subject ID",
            "Unique Identifier",
        ];
        let rows: String = (2..7)
            .map(|row| {
                texts(
                    row,
                    &[
                        "7/1/2025", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "",
                        "", "", "", "", "", "id",
                    ],
                )
            })
            .collect();
        of_rows(&format!("{}{rows}", texts(1, &header)))
    });
    made(cases, "a header of numbers", "refused unknown_header Sheet1 A7", || {
        of_rows(&format!(
            "{}<row r=\"7\"><c><v>1</v></c><c><v>2</v></c><c><v>3</v></c></row>{}",
            preamble(),
            data_rows(8..13)
        ))
    });
    made(cases, "16,384 columns", "refused unknown_header Sheet1 X1", || {
        let cells: String =
            (0..16_361).map(|at| format!("<c t=\"inlineStr\"><is><t>c{at}</t></is></c>")).collect();
        of_rows(&texts(1, &HEADER).replace("</row>", &format!("{cells}</row>")))
    });
}

fn bodies(cases: &mut Vec<Case>) {
    let with = |row: String| of_data(&format!("{}{row}{}", data_rows(8..10), data_rows(11..13)));
    made(cases, "a header repeated half-way", "4 kept, 1 repeated_header", move || with(texts(10, &HEADER)));
    made(cases, "a header repeated with blanks", "4 kept, 1 repeated_header", move || {
        let header: Vec<String> = HEADER.iter().map(|name| format!(" {} ", name.to_uppercase())).collect();
        with(texts(10, &header.iter().map(String::as_str).collect::<Vec<_>>()))
    });
    made(cases, "preamble and header repeated half-way", "4 kept, 2 footnote, 1 repeated_header", || {
        of_data(&format!(
            "{}{}{}{}{}",
            data_rows(8..10),
            texts(10, &["FOUO"]),
            texts(11, &["LESA-STU"]),
            texts(12, &HEADER),
            data_rows(13..15)
        ))
    });
    made(cases, "another header half-way", "refused second_header Sheet1 A10", move || {
        with(texts(
            10,
            &[
                "Departed Date",
                "Port of Departure",
                "Departure Country",
                "Docket AOR",
                "Case Status",
                "Gender",
            ],
        ))
    });
    made(cases, "the header half-way in another order", "refused second_header Sheet1 A10", move || {
        let mut header = HEADER;
        header.swap(0, 6);
        header.swap(3, 8);
        with(texts(10, &header))
    });
    made(cases, "a second table below", "refused second_header Sheet1 A12", || {
        let other = [
            "Detainer Prepare Date",
            "Facility State",
            "Facility AOR",
            "Port of Departure",
            "Departure Country",
            "Departed Date",
        ];
        let rows: String = (13..16).map(|row| texts(row, &["7/1/2025", "TEXAS"])).collect();
        of_data(&format!("{}{}{rows}", data_rows(8..11), texts(12, &other)))
    });
    made(cases, "a blank row in the middle", "4 kept, 1 blank_row", || {
        of_data(&format!("{}{}", data_rows(8..10), data_rows(11..13)))
    });
    made(cases, "a row of blanks in the middle", "4 kept, 1 blank_row", move || {
        with(texts(10, &["  ", "", " ", "\t"]))
    });
    for (name, label) in [
        ("a total at the foot", "Total"),
        ("a grand total at the foot", "Grand Total"),
        ("a total with its count in the text", "Total: 5"),
        ("a total in capitals", "TOTAL"),
    ] {
        made(cases, name, "5 kept, 1 total_row", move || {
            of_data(&format!(
                "{}<row r=\"13\">{}<c r=\"C13\"><v>5</v></c></row>",
                data_rows(8..13),
                inline("A13", label)
            ))
        });
    }
    made(cases, "a total below the dates", "5 kept, 1 total_row", || {
        of_data(&format!(
            "{}<row r=\"13\"><c r=\"A13\"><v>5</v></c>{}</row>",
            data_rows(8..13),
            inline("B13", "Total")
        ))
    });
    made(cases, "a large total below the dates", "5 kept, 1 total_row", || {
        of_data(&format!(
            "{}<row r=\"13\"><c r=\"A13\"><v>45500</v></c>{}</row>",
            data_rows(8..13),
            inline("B13", "rows in all")
        ))
    });
    made(cases, "a large number alone below the dates", "5 kept, 1 footnote", || {
        of_data(&format!("{}<row r=\"13\"><c r=\"A13\"><v>45500</v></c></row>", data_rows(8..13)))
    });
    made(cases, "notes at the foot", "5 kept, 1 blank_row, 2 footnote", || {
        of_data(&format!(
            "{}{}{}",
            data_rows(8..13),
            texts(14, &["Updated through July"]),
            texts(15, &["* preliminary"])
        ))
    });
    made(cases, "a note below another column", "5 kept, 1 footnote", || {
        of_data(&format!("{}<row r=\"13\">{}</row>", data_rows(8..13), inline("C13", "a note")))
    });
    let date = |cell: &str| {
        let cell = cell.to_owned();
        move || {
            of_data(&format!(
                "{}{}{}",
                data_rows(8..10),
                data(10).replace("<c r=\"A10\" s=\"2\"><v>45840.5</v></c>", &cell),
                data_rows(11..13)
            ))
        }
    };
    for (name, cell, expected) in [
        (
            "text in the date column",
            inline("A10", "unknown"),
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
        (
            "a redacted date",
            inline("A10", "(b)(6), (b)(7)(C)"),
            "4 kept, 1 no_apprehension_date; no_primary A10",
        ),
        ("no date", String::new(), "4 kept, 1 no_apprehension_date; no_primary A10"),
        ("a date as text", inline("A10", "7/2/2025"), "5 kept; time_unknown A"),
        ("a date as text with a time", inline("A10", "07/02/2025 03:10 PM"), "5 kept"),
        ("a date as text, year first", inline("A10", "2025-07-02T15:10:00"), "5 kept"),
        (
            "a date with its day first",
            inline("A10", "25/07/2025"),
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
        (
            "a date with a year of two digits",
            inline("A10", "7/2/25"),
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
        (
            "a year alone",
            inline("A10", "2025"),
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
        (
            "a year alone, as a number",
            "<c r=\"A10\"><v>2025</v></c>".to_owned(),
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
        (
            "a day that never was",
            inline("A10", "2/30/2025"),
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
        (
            "a date of the year 2",
            inline("A10", "06/14/0002 03:10 PM"),
            "4 kept, 1 implausible_apprehension_date; implausible_primary A10",
        ),
        (
            "a date of the year 8017",
            inline("A10", "01/01/8017"),
            "4 kept, 1 implausible_apprehension_date; implausible_primary A10",
        ),
        (
            "a date before the release",
            inline("A10", "1/1/2015"),
            "5 kept; time_unknown A; outside_window A10",
        ),
        ("a date after the release", inline("A10", "1/1/2035"), "5 kept; time_unknown A; outside_window A10"),
        (
            "a truth value as a date",
            "<c r=\"A10\" t=\"b\"><v>1</v></c>".to_owned(),
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
        (
            "a number without a format as a date",
            "<c r=\"A10\"><v>45840.5</v></c>".to_owned(),
            "5 kept; number_as_date A10",
        ),
        (
            "a negative number as a date",
            "<c r=\"A10\" s=\"2\"><v>-5</v></c>".to_owned(),
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
        (
            "a huge number as a date",
            "<c r=\"A10\" s=\"2\"><v>1E300</v></c>".to_owned(),
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
        (
            "the day that never was, as a number",
            "<c r=\"A10\" s=\"2\"><v>60</v></c>".to_owned(),
            "4 kept, 1 unreadable_apprehension_date; unreadable_primary A10",
        ),
    ] {
        made(cases, name, expected, date(&cell));
    }
    made(
        cases,
        "every column redacted",
        "0 kept, 5 no_apprehension_date; no_rows 7; no_primary A8 ×5",
        || {
            let row = |row: u32| texts(row, &["b(6), b(7)(C)"; 23]);
            of_data(&(8..13).map(row).collect::<String>())
        },
    );
    made(
        cases,
        "years alone in every date",
        "0 kept, 5 unreadable_apprehension_date; no_rows 7; unreadable_primary A8 ×5",
        || {
            let rows: String = data_rows(8..13);
            let rows = (8..13).fold(rows, |rows, row| {
                rows.replace(
                    &format!("<c r=\"A{row}\" s=\"2\"><v>{}.5</v></c>", 45_830 + row),
                    &format!("<c r=\"A{row}\"><v>2025</v></c>"),
                )
            });
            of_data(&rows)
        },
    );
    made(
        cases,
        "a row of one cell too many to the left",
        "4 kept, 1 no_apprehension_date; no_primary A10; beyond_header X10",
        move || {
            let mut row = data(10);
            for (from, to) in [
                ("W", "X"),
                ("R", "S"),
                ("Q", "R"),
                ("P", "Q"),
                ("L", "M"),
                ("K", "L"),
                ("G", "H"),
                ("A", "B"),
            ] {
                row = row.replace(&format!("\"{from}10\""), &format!("\"{to}10\""));
            }
            with(row)
        },
    );
}
