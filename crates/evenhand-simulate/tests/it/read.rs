//! Workbooks as calamine reads them.

use calamine::{Data, Reader as _, SheetVisible, Xlsx, open_workbook};
use evenhand_simulate::SheetTruth;
use std::collections::BTreeMap;
use std::path::Path;

/// A sheet as read: its rows by number.
pub struct Sheet {
    pub name: String,
    pub is_hidden: bool,
    pub rows: BTreeMap<u64, Vec<Data>>,
}

/// Every sheet of a workbook.
pub fn workbook(path: &Path) -> Vec<Sheet> {
    let mut book: Xlsx<_> = open_workbook(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let sheets = book.sheets_metadata().to_vec();
    let read = sheets.into_iter().map(|sheet| {
        let range =
            book.worksheet_range(&sheet.name).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (first_row, first_column) = range.start().unwrap_or_default();
        assert_eq!(first_column, 0, "{}", path.display());
        let rows = range.rows().enumerate();
        let rows = rows.map(|(at, cells)| (u64::from(first_row) + at as u64 + 1, cells.to_vec())).collect();
        Sheet { name: sheet.name, is_hidden: sheet.visible == SheetVisible::Hidden, rows }
    });
    read.collect()
}

/// A text cell.
pub fn text(cell: &Data) -> &str {
    match cell {
        Data::String(text) => text,
        _ => "",
    }
}

/// The records of a sheet with their row numbers: neither header nor blank nor total.
pub fn records<'a>(sheet: &'a Sheet, told: &SheetTruth) -> Vec<(u64, &'a [Data])> {
    let Some(header_row) = told.header_row else { return Vec::new() };
    let header = told.columns.iter().map(|column| column.header.as_str()).collect::<Vec<_>>();
    let below = sheet.rows.range(header_row + 1..);
    let is_record = |cells: &[Data]| {
        let is_header = cells.len() >= header.len()
            && cells.iter().map(text).take(header.len()).eq(header.iter().copied());
        let is_blank = cells.iter().all(|cell| *cell == Data::Empty);
        !is_header && !is_blank && text(&cells[0]) != "Total"
    };
    below.map(|(number, cells)| (*number, cells.as_slice())).filter(|(_, cells)| is_record(cells)).collect()
}

/// Whether a redaction stands in the cell, by the one test for all spellings.
fn is_marker(text: &str) -> bool {
    let plain = text.replace(' ', "").to_lowercase();
    let pieces = ["(b)(6)", "(b)(7)(c)", "b(6)", "b(7)(c)", "b(7)(e)", "b(7)c", "(b)(3)", ","];
    let mut left = plain.as_str();
    while let Some(rest) = pieces.iter().find_map(|piece| left.strip_prefix(piece)) {
        left = rest;
    }
    left.is_empty() && !plain.is_empty()
}

/// Compares a sheet with what the truth says of it, cell by cell in number.
pub fn check(sheet: &Sheet, told: &SheetTruth, place: &str) {
    let last = sheet.rows.keys().next_back().copied().unwrap_or(0);
    assert_eq!(last, told.last_row, "{place}: last row");
    let Some(header_row) = told.header_row else {
        assert_eq!(sheet.rows.len() as u64, told.rows, "{place}: notes");
        return;
    };
    let header = told.columns.iter().map(|column| column.header.as_str());
    assert!(sheet.rows[&header_row].iter().map(text).eq(header), "{place}: header");
    assert_eq!(last - header_row, told.rows, "{place}: rows");
    let records = records(sheet, told);
    assert_eq!(records.len() as u64, told.records, "{place}: records");
    assert_eq!(told.records + told.set_aside.values().sum::<u64>(), told.rows, "{place}: account");
    for (at, column) in told.columns.iter().enumerate() {
        let cells = records.iter().map(|(_, cells)| &cells[at]);
        let blank = cells.clone().filter(|cell| **cell == Data::Empty).count() as u64;
        let markers = cells.filter(|cell| is_marker(text(cell))).count() as u64;
        let found = (records.len() as u64 - blank - markers, markers, blank);
        assert_eq!(found, (column.filled, column.markers, column.blank), "{place}: `{}`", column.header);
    }
}
