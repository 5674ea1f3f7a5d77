//! Workbooks made up from a seed give the same cells as calamine reads, and as many rows as a plain search finds.

use crate::package::{MAIN, members, zip};
use calamine::{DataRef, Reader as _, Xlsx};
use evenhand_workbook::{Cell, Inflate, Limits, Workbook};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;

/// A stream of numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len() as u64) as usize]
    }
}

const TEXTS: [&str; 12] = [
    "MEXICO",
    "",
    " a  b ",
    "Detain/Release ",
    "a&amp;b &lt;5 &#233;",
    "(b)(6), (b)(7)(C)",
    "00123",
    "line\none",
    "caf\u{e9} \u{1f600}",
    "a&quot;b&apos;",
    "_x_",
    "&#x41;&#66;",
];

struct Written {
    bytes: Vec<u8>,
    rows: u64,
}

/// A workbook of one sheet, of a spelling of its own.
fn written(seed: u64) -> Written {
    let mut dice = Dice(seed);
    let p = dice.one_of(&["", "", "x:"]);
    let quote = dice.one_of(&["\"", "\"", "'"]);
    let strict = dice.roll(4) == 0;
    let namespace = if strict { "http://purl.oclc.org/ooxml/spreadsheetml/main" } else { MAIN };
    let is_1904 = dice.roll(4) == 0;
    let strings: Vec<_> = (0..1 + dice.roll(12)).map(|_| dice.one_of(&TEXTS)).collect();
    let mut table =
        format!("<{p}sst xmlns{}={quote}{namespace}{quote} count=\"9\" uniqueCount=\"3\">", declared(p));
    for text in &strings {
        table += &match dice.roll(4) {
            0 => {
                format!("<{p}si><{p}r><{p}rPr/><{p}t>{text}</{p}t></{p}r><{p}r><{p}t>+</{p}t></{p}r></{p}si>")
            }
            1 => format!(
                "<{p}si><{p}t>{text}</{p}t><{p}rPh sb=\"0\" eb=\"1\"><{p}t>no</{p}t></{p}rPh></{p}si>"
            ),
            2 => format!("<{p}si><{p}t xml:space=\"preserve\">{text}</{p}t></{p}si>"),
            _ => format!("<{p}si><{p}t>{text}</{p}t></{p}si>"),
        };
    }
    write!(table, "</{p}sst>").unwrap();
    let mut sheet = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{p}worksheet xmlns{}={quote}{namespace}{quote}>",
        declared(p)
    );
    sheet +=
        &format!("<{p}dimension ref=\"A1:{}\"/><{p}sheetData>", dice.one_of(&["A1", "C3", "XFD1048576"]));
    let (named_rows, named_cells) = (dice.roll(4) > 0, dice.roll(4) > 0);
    let mut number = 0;
    let mut rows = 0;
    for _ in 0..dice.roll(30) {
        number += if named_rows { 1 + dice.roll(3) * dice.roll(2) } else { 1 };
        rows += 1;
        let place = if named_rows { format!(" r={quote}{number}{quote}") } else { String::new() };
        let spans = dice.one_of(&["", " spans=\"1:9\"", " ht=\"12\" customHeight=\"1\""]);
        if dice.roll(12) == 0 {
            write!(sheet, "<{p}row{place}{spans}/>").unwrap();
            continue;
        }
        write!(sheet, "<{p}row{spans}{place}>").unwrap();
        let mut column = 0;
        for _ in 0..dice.roll(9) {
            column += if named_cells { dice.roll(2) * dice.roll(30) } else { 0 };
            let place = match named_cells {
                true => format!(" r={quote}{}{number}{quote}", letters(column)),
                false => String::new(),
            };
            column += 1;
            sheet += &cell(&mut dice, p, quote, &place, strings.len() as u64);
            sheet += dice.one_of(&["", "", "", "\n  ", "<!-- note -->"]);
        }
        write!(sheet, "</{p}row>{}", dice.one_of(&["", "\n", "<!-- <row> is one -->"]).replace("<row>", "a"))
            .unwrap();
    }
    write!(sheet, "</{p}sheetData></{p}worksheet>").unwrap();
    let styles = crate::package::STYLES;
    let mut members = members(&[("Sheet", &sheet)], &table, styles, is_1904);
    for member in &mut members {
        member.deflated = dice.roll(3) > 0;
        member.descriptor = dice.roll(4) == 0 && member.deflated;
    }
    Written { bytes: zip(&members), rows }
}

fn declared(prefix: &str) -> &str {
    if prefix.is_empty() { "" } else { ":x" }
}

fn cell(dice: &mut Dice, p: &str, quote: &str, place: &str, strings: u64) -> String {
    let style = match dice.roll(8) {
        0 => String::new(),
        _ => format!(" s={quote}{}{quote}", dice.roll(5)),
    };
    let of = |kind: &str| format!(" t={quote}{kind}{quote}");
    let (kind, content) = match dice.roll(12) {
        0 => (String::new(), String::new()),
        1 => (of("b"), format!("<{p}v>{}</{p}v>", dice.roll(2))),
        2 => (of("e"), format!("<{p}v>{}</{p}v>", dice.one_of(&["#REF!", "#N/A", "#DIV/0!", "#VALUE!"]))),
        3 => (of("str"), format!("<{p}f>A1&amp;B1</{p}f><{p}v>{}</{p}v>", dice.one_of(&TEXTS))),
        4 => (of("inlineStr"), format!("<{p}is><{p}t>{}</{p}t></{p}is>", dice.one_of(&TEXTS))),
        5 => (String::new(), format!("<{p}f t=\"shared\" si=\"0\"/>")),
        6 => (of("n"), format!("<{p}v>{}</{p}v>", number(dice))),
        7 => (of("s"), format!("<{p}v></{p}v>")),
        8 | 9 => (of("s"), format!("<{p}v>{}</{p}v>", dice.roll(strings))),
        _ => (String::new(), format!("<{p}v>{}</{p}v>", number(dice))),
    };
    let mut attributes = [place.to_owned(), style, kind];
    if dice.roll(4) == 0 {
        attributes.reverse();
    }
    let attributes = attributes.concat();
    if content.is_empty() && dice.roll(2) == 0 {
        return format!("<{p}c{attributes}/>");
    }
    format!("<{p}c{attributes}>{content}</{p}c>")
}

fn number(dice: &mut Dice) -> String {
    match dice.roll(7) {
        0 => format!("{}", dice.roll(60_000)),
        1 => format!("{}.{:06}", 61 + dice.roll(60_000), dice.roll(1_000_000)),
        2 => format!("{}", 40_000.0 + dice.roll(86_400) as f64 / 86_400.0),
        3 => format!("-{}.5", dice.roll(1000)),
        4 => format!("{}E-{}", dice.roll(1_000_000), dice.roll(30)),
        5 => format!("{}{:09}{:09}", dice.roll(9), dice.roll(1_000_000_000), dice.roll(1_000_000_000)),
        _ => format!("0.{:09}{:09}", dice.roll(1_000_000_000), dice.roll(1_000_000_000)),
    }
}

fn letters(column: u64) -> String {
    let letter = |at: u64| char::from(b'A' + at as u8);
    if column < 26 {
        letter(column).to_string()
    } else {
        format!("{}{}", letter(column / 26 - 1), letter(column % 26))
    }
}

type Cells = BTreeMap<(u32, u32), String>;

/// Cells with a value, as this crate reads them, and the number of rows.
fn ours(bytes: &[u8], inflate: Inflate) -> (Cells, u64) {
    let book = Workbook::from_bytes(bytes.to_vec(), &Limits::default()).unwrap();
    let mut cells = Cells::new();
    let mut rows = book.rows(&book.sheets()[0], inflate).unwrap();
    while let Some(row) = rows.next_row().unwrap() {
        for (column, cell) in row.cells() {
            let text = match cell {
                Cell::Blank | Cell::NoValue => continue,
                Cell::Number(number) => format!("{:x}", number.to_bits()),
                Cell::Text(text) => format!("{text:?}"),
                Cell::Bool(flag) => flag.to_string(),
                Cell::Error(text) => text.to_owned(),
                Cell::Date { day, second } => format!("{} {second}", civil(day)),
            };
            cells.insert((row.number() - 1, column as u32), text);
        }
    }
    (cells, rows.row_elements())
}

fn theirs(bytes: &[u8]) -> Cells {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let mut reader = book.worksheet_cells_reader("Sheet").unwrap();
    let mut cells = Cells::new();
    while let Some(cell) = reader.next_cell().unwrap() {
        let text = match cell.get_value() {
            DataRef::Empty => continue,
            DataRef::Int(number) => format!("{:x}", (*number as f64).to_bits()),
            DataRef::Float(number) => format!("{:x}", number.to_bits()),
            DataRef::String(text) => format!("{text:?}"),
            DataRef::SharedString(text) => format!("{text:?}"),
            DataRef::Bool(flag) => flag.to_string(),
            DataRef::Error(error) => error.to_string(),
            DataRef::DateTime(time) if time.is_datetime() && (0.0..2_958_466.0).contains(&time.as_f64()) => {
                let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
                if (year, month, day) == (1900, 2, 29) {
                    format!("{:x}", time.as_f64().to_bits())
                } else {
                    let second = (u32::from(hour) * 60 + u32::from(minute)) * 60 + u32::from(second);
                    format!("{year:04}-{month:02}-{day:02} {second}")
                }
            }
            DataRef::DateTime(time) => format!("{:x}", time.as_f64().to_bits()),
            other => panic!("{other:?}"),
        };
        cells.insert(cell.get_position(), text);
    }
    cells
}

fn civil(days: i32) -> String {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + i32::from(month <= 2))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_readers_agree_on_every_cell(seed: u64) {
        let Written { bytes, rows } = written(seed);
        let (cells, counted) = ours(&bytes, Inflate::Here);
        prop_assert_eq!(&cells, &theirs(&bytes));
        prop_assert_eq!(counted, rows);
        if seed % 16 == 0 {
            prop_assert_eq!(ours(&bytes, Inflate::Ahead).0, cells);
        }
    }

    #[test]
    fn no_changed_byte_makes_it_panic_or_lose_rows(seed in 0..64_u64, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let Written { mut bytes, .. } = written(seed);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let Ok(book) = Workbook::from_bytes(bytes, &Limits::default()) else { return Ok(()) };
        for sheet in book.sheets() {
            let Ok(mut rows) = book.rows(sheet, Inflate::Here) else { continue };
            while let Ok(Some(row)) = rows.next_row() {
                drop(format!("{row:?}"));
            }
        }
    }
}
