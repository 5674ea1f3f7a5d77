//! Delimited text: quotes, line ends, encodings, gzip.

use super::Case;
use super::made::{bytes, gzipped};

const HEADER: &str = "Prepare Date,Detainer Type,Detainer Detention Facility,State,City,Detainer Lift Reason";
const ROWS: &str =
    "10/1/2014,I-247,JAIL A,TX,AUSTIN,\n10/2/2014,I-247,JAIL B,TX,DALLAS,\n10/3/2014,I-247,JAIL C,TX,WACO,\n";

/// Adds a file made of the header and these rows.
fn table(cases: &mut Vec<Case>, name: &'static str, expected: &'static str, rows: impl AsRef<[u8]>) {
    let text = [HEADER.as_bytes(), b"\n", rows.as_ref()].concat();
    bytes(cases, name, "detainers.csv", expected, move || text.clone());
}

/// Adds a file of these bytes.
fn file(
    cases: &mut Vec<Case>,
    name: &'static str,
    file: &'static str,
    expected: &'static str,
    text: impl AsRef<[u8]>,
) {
    let text = text.as_ref().to_vec();
    bytes(cases, name, file, expected, move || text.clone());
}

pub fn add(cases: &mut Vec<Case>) {
    rows(cases);
    encodings(cases);
    packed(cases);
}

fn rows(cases: &mut Vec<Case>) {
    table(cases, "text", "3 kept", ROWS);
    table(cases, "text without a last line end", "3 kept", ROWS.trim_end());
    table(cases, "text without rows", "0 kept; no_rows 1", "");
    table(cases, "text with blank lines", "3 kept, 3 blank_row", ROWS.replace('\n', "\n\n"));
    table(
        cases,
        "text with a line end in quotes",
        "4 kept",
        format!("{ROWS}10/4/2014,\"I-\n247\",\"JAIL\r\nD\",TX,WACO,\n"),
    );
    table(
        cases,
        "text with delimiters in quotes",
        "4 kept",
        format!("{ROWS}10/4/2014,\"I,247\",\"JAIL \"\"D\"\"\",TX,WACO,\n"),
    );
    table(
        cases,
        "text with a field too few",
        "3 kept, 1 wrong_field_count; wrong_field_count 5",
        format!("{ROWS}10/4/2014,I-247,JAIL D\n"),
    );
    table(
        cases,
        "text with a field too many",
        "3 kept, 1 wrong_field_count; wrong_field_count 5",
        format!("{ROWS}10/4/2014,I-247,JAIL D,TX,WACO,,more\n"),
    );
    table(
        cases,
        "text with blank fields too many",
        "4 kept; trailing_fields 5",
        format!("{ROWS}10/4/2014,I-247,JAIL D,TX,WACO,,,,\n"),
    );
    table(
        cases,
        "text with a row broken in two",
        "3 kept, 2 wrong_field_count; wrong_field_count 5 ×2",
        format!("{ROWS}10/4/2014,I-247,JA\nIL D,TX,WACO,\n"),
    );
    table(
        cases,
        "a quote never closed",
        "refused unclosed_quote C2",
        format!("10/4/2014,I-247,\"JAIL D,TX,WACO,\n{ROWS}"),
    );
    table(
        cases,
        "a quote closed rows later",
        "refused unclosed_quote C2",
        format!("10/4/2014,I-247,\"JAIL D,TX,WACO,\n{ROWS}10/5/2014,I-247,\"JAIL E\",TX,WACO,\n"),
    );
    table(
        cases,
        "a quote in the last field never closed",
        "refused unclosed_quote F5",
        format!("{ROWS}10/4/2014,I-247,JAIL D,TX,WACO,\""),
    );
    table(cases, "quotes inside fields", "4 kept", format!("{ROWS}10/4/2014,I-247,5'10\" CELL,TX,WA\"CO,\n"));
    table(
        cases,
        "text after a closing quote",
        "4 kept; stray_quote",
        format!("{ROWS}10/4/2014,I-247,\"JAIL\" D,TX,WACO,\n"),
    );
    table(cases, "a header half-way", "6 kept, 1 repeated_header", format!("{ROWS}{HEADER}\n{ROWS}"));
    table(cases, "a total at the foot", "3 kept, 1 total_row", format!("{ROWS}Total,3,,,,\n"));
    table(cases, "a note at the foot", "3 kept, 1 footnote", format!("{ROWS}* preliminary,,,,,\n"));
    table(
        cases,
        "a note at the foot without delimiters",
        "3 kept, 1 footnote",
        format!("{ROWS}* preliminary\n"),
    );
    table(
        cases,
        "text in the date column",
        "3 kept, 1 unreadable_detainer_prepare_date; unreadable_primary A5",
        format!("{ROWS}soon,I-247,JAIL D,TX,WACO,\n"),
    );
    table(
        cases,
        "day and month changed",
        "3 kept, 1 unreadable_detainer_prepare_date; unreadable_primary A5",
        format!("{ROWS}31/12/2014,I-247,JAIL D,TX,WACO,\n"),
    );
    table(
        cases,
        "NUL in a row",
        "4 kept; control_character C5",
        format!("{ROWS}10/4/2014,I-247,JAIL\0 D,TX,WACO,\n"),
    );
    table(cases, "a row of NULs", "refused wrong_type", format!("{ROWS}{}\n", "\0".repeat(500)));
    table(
        cases,
        "an escape of a terminal",
        "4 kept; control_character C5",
        format!("{ROWS}10/4/2014,I-247,\u{1b}[2J,TX,WACO,\n"),
    );
    table(
        cases,
        "a line of 3 MB",
        "refused line_too_long 5",
        format!("{ROWS}10/4/2014,{}", "x".repeat(3 << 20)),
    );
    table(
        cases,
        "a field of 100 KB",
        "4 kept",
        format!("{ROWS}10/4/2014,I-247,{},TX,WACO,\n", "x".repeat(100_000)),
    );
    file(cases, "two million columns", "detainers.csv", "refused line_too_long 1", "a,".repeat(2_000_000));
    file(cases, "a million blank lines", "detainers.csv", "refused unknown_header", "\n".repeat(1_000_000));
    file(cases, "no header", "detainers.csv", "refused unknown_header A1", ROWS);
    file(
        cases,
        "a renamed column",
        "detainers.csv",
        "refused unknown_header A1",
        format!("{}\n{ROWS}", HEADER.replace("Prepare Date", "Date Prepared")),
    );
    file(cases, "a column twice", "detainers.csv", "refused unknown_header G1", format!("{HEADER},State\n"));
    file(cases, "a preamble", "detainers.csv", "3 kept", format!("FOUO\nLESA-STU,,\n\n{HEADER}\n{ROWS}"));
    file(
        cases,
        "a line that names the delimiter",
        "detainers.csv",
        "3 kept",
        format!("sep=,\n{HEADER}\n{ROWS}"),
    );
    for (name, delimiter) in [("bars", "|"), ("tabs", "\t"), ("semicolons", ";")] {
        file(cases, name, "detainers.txt", "3 kept", format!("{HEADER}\n{ROWS}").replace(',', delimiter));
    }
    file(cases, "text under a workbook's name", "detainers.xlsx", "3 kept", format!("{HEADER}\n{ROWS}"));
}

fn encodings(cases: &mut Vec<Case>) {
    file(
        cases,
        "line ends of Windows",
        "detainers.csv",
        "3 kept",
        format!("{HEADER}\n{ROWS}").replace('\n', "\r\n"),
    );
    file(
        cases,
        "line ends of old Macs",
        "detainers.csv",
        "3 kept",
        format!("{HEADER}\n{ROWS}").replace('\n', "\r"),
    );
    file(cases, "a byte order mark", "detainers.csv", "3 kept", format!("\u{feff}{HEADER}\n{ROWS}"));
    let utf16: Vec<u8> =
        format!("\u{feff}{HEADER}\n{ROWS}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    file(cases, "UTF-16", "detainers.csv", "refused wrong_type", utf16);
    let utf16: Vec<u8> = format!("{HEADER}\n{ROWS}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    file(cases, "UTF-16 without a mark", "detainers.csv", "refused wrong_type", utf16);
    table(
        cases,
        "Windows-1252",
        "4 kept; not_utf8 E5",
        [ROWS.as_bytes(), b"10/4/2014,I-247,JAIL D,TX,CA\xd1ON,\n"].concat(),
    );
}

fn packed(cases: &mut Vec<Case>) {
    let whole = || gzipped(format!("{HEADER}\n{}", ROWS.repeat(2000)).as_bytes());
    let name = "detainers.csv.gz";
    file(cases, "gzip", name, "6000 kept", whole());
    file(cases, "gzip of two members", name, "6003 kept", [whole(), gzipped(ROWS.as_bytes())].concat());
    file(
        cases,
        "gzip with bytes after it",
        name,
        "refused damaged_gzip 6001",
        [whole(), b"garbage after it".to_vec()].concat(),
    );
    file(
        cases,
        "gzip with zeros after it",
        name,
        "refused damaged_gzip 6001",
        [whole(), vec![0; 512]].concat(),
    );
    file(cases, "gzip cut", name, "refused cut_gzip 6001", whole().split_last_chunk::<6>().expect("long").0);
    file(cases, "gzip cut in its header", name, "refused cut_gzip", &whole()[..5]);
    file(cases, "gzip cut in the first row", name, "refused cut_gzip", &whole()[..30]);
    let mut wrong = whole();
    let at = wrong.len() - 6;
    wrong[at] ^= 1;
    file(cases, "gzip with a wrong checksum", name, "refused damaged_gzip 6001", wrong);
    file(cases, "gzip of nothing", name, "refused empty_file", gzipped(b""));
    file(cases, "gzip in gzip", name, "refused wrong_type", gzipped(&whole()));
    file(cases, "gzip under another name", "detainers.csv", "6000 kept", whole());
}
