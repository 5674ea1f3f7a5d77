//! Turns spreadsheet workbooks (`.xlsx`) into rows of typed cells, streaming, and checks all that it reads.
//! Input: a file, or bytes in memory.
//! Output: for each sheet its rows, whose cells borrow from the bytes read; or one error with its place.
//! Read first: [`Workbook`], then `sheet.rs`, which scans the rows.
//!
//! Memory does not grow with a sheet: what is held is a window of some hundred kilobytes and the table of shared
//! strings. Nothing that a file says of itself is believed: dimensions and counts are passed over, checksums and
//! sizes are compared, end tags must match, rows and cells must be in order.
//!
//! ```
//! use evenhand_workbook::{Cell, Inflate, Workbook};
//!
//! # fn show(path: &str) -> Result<(), evenhand_workbook::Error> {
//! let book = Workbook::open(path)?;
//! for sheet in book.sheets() {
//!     let mut rows = book.rows(sheet, Inflate::Here)?;
//!     while let Some(row) = rows.next_row()? {
//!         if let Cell::Date { day, .. } = row.cell(0) {
//!             println!("{} row {}: day {day}", sheet.name, row.number());
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod book;
mod cell;
mod date;
mod decimal;
mod encoding;
mod error;
mod limits;
mod sheet;
mod strings;
mod window;
mod xml;
mod zip;

pub use book::{Inflate, Sheet, SheetKind, Visibility, Workbook};
pub use cell::{Cell, Row};
pub use date::moment as moment_from_serial;
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use sheet::{Merged, SheetReader};
pub use zip::ReadAt;
