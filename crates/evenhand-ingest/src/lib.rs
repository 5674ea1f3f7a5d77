//! Turns released workbooks, delimited tables and their notes into typed columns, with an account of every row.
//! Input: files and folders as agencies published them, named on the command line.
//! Output: Arrow batches for the store, through a [`Sink`], and a [`FileEntry`](evenhand_ledger::FileEntry).
//! Read first: [`plan()`], then [`read()`]; what a known header looks like is in `layouts/`.
//!
//! ```no_run
//! use evenhand_ingest::{Options, Part, Sink, SinkError, plan, read};
//!
//! struct Count(usize);
//! impl Sink for Count {
//!     fn open(&mut self, _: &Part) -> Result<(), SinkError> { Ok(()) }
//!     fn batch(&mut self, batch: arrow::array::RecordBatch) -> Result<(), SinkError> {
//!         self.0 += batch.num_rows();
//!         Ok(())
//!     }
//!     fn close(&mut self) -> Result<(), SinkError> { Ok(()) }
//! }
//!
//! let plan = plan(&["released".into()], &Options::default())?;
//! for source in &plan.sources {
//!     let mut count = Count(0);
//!     let entry = read(source, &mut count)?;
//!     println!("{}: {} rows", entry.path, count.0);
//! }
//! # Ok::<(), evenhand_ingest::Error>(())
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod ahead;
mod checks;
mod column;
mod content;
mod dates;
mod delimited;
mod delivery;
mod error;
mod explain;
mod header;
mod input;
mod intern;
mod layout;
mod marker;
mod plan;
mod progress;
mod read;
mod sheet;
mod workbook;

pub use content::{Content, Fingerprint, same_rows, set_aside_as_same};
pub use dates::days_from_text;
pub use error::{Error, ErrorKind, Result, SinkError};
pub use explain::{ColumnExplanation, Explanation, Rival, SheetExplanation, explain};
pub use layout::{Delivery, Kind, Layout, LayoutColumn, Role, Shape, TimeOfDay, last_day, layouts, window};
pub use marker::is_withheld;
pub use plan::{Options, Plan, SkipReason, Skipped, Source, plan};
pub use progress::Progress;
pub use read::{Part, Sink, read, read_watched};
