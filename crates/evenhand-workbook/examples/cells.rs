//! Reads every cell of a workbook and prints what it found: with this crate, or with calamine beside it.
//!
//!     cargo run --example cells -- [ours | ahead | calamine] FILE

use calamine::{DataRef, Reader as _};
use evenhand_workbook::{Cell, Inflate, Workbook};

#[derive(Debug, Default)]
struct Found {
    rows: u64,
    cells: u64,
    numbers: f64,
    dates: u64,
    bytes: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(reader), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("give a reader and a file".into());
    };
    let found = match reader.as_str() {
        "ours" => ours(&path, Inflate::Here)?,
        "ahead" => ours(&path, Inflate::Ahead)?,
        "calamine" => calamine(&path)?,
        other => return Err(format!("no reader `{other}`").into()),
    };
    println!("{found:?}");
    Ok(())
}

fn ours(path: &str, inflate: Inflate) -> Result<Found, evenhand_workbook::Error> {
    let mut found = Found::default();
    let book = Workbook::open(path)?;
    for sheet in book.sheets() {
        let mut rows = book.rows(sheet, inflate)?;
        while let Some(row) = rows.next_row()? {
            found.rows += 1;
            for (_, cell) in row.cells() {
                found.cells += 1;
                match cell {
                    Cell::Number(number) => found.numbers += number,
                    Cell::Text(text) | Cell::Error(text) => found.bytes += text.len() as u64,
                    Cell::Date { .. } => found.dates += 1,
                    Cell::Blank | Cell::Bool(_) | Cell::NoValue => {}
                }
            }
        }
    }
    Ok(found)
}

fn calamine(path: &str) -> Result<Found, calamine::XlsxError> {
    let mut found = Found::default();
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(path)?;
    for sheet in book.sheet_names() {
        let mut cells = book.worksheet_cells_reader(&sheet)?;
        let mut last = u32::MAX;
        while let Some(cell) = cells.next_cell()? {
            found.cells += 1;
            if cell.get_position().0 != last {
                last = cell.get_position().0;
                found.rows += 1;
            }
            match cell.get_value() {
                DataRef::Float(number) => found.numbers += number,
                DataRef::Int(number) => found.numbers += *number as f64,
                DataRef::String(text) => found.bytes += text.len() as u64,
                DataRef::SharedString(text) => found.bytes += text.len() as u64,
                DataRef::DateTime(_) => found.dates += 1,
                _ => {}
            }
        }
    }
    Ok(found)
}
