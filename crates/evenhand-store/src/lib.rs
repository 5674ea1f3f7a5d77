//! Keeps a record on disk: Parquet files and one manifest, published whole or not at all, checked on reading.
//! Input: Arrow batches and the ledger from `ingest` and `measure`, through [`Publish`] and its [`PartWriter`]s.
//! Output: Arrow batches to `measure` and `query`, through a [`Record`], from a folder or from inside the binary.
//! Read first: `manifest.rs`, which says what a record is; then `publish.rs`, which says how it is replaced.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod disk;
mod error;
pub mod foreign;
#[cfg_attr(
    not(test),
    expect(clippy::arithmetic_side_effects, reason = "positions in slices, lengths of runs")
)]
mod hybrid;
mod lock;
mod manifest;
mod names;
mod part;
#[cfg(all(test, unix))]
mod power_loss;
mod publish;
mod record;
#[cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "sums of page lengths"))]
mod text_chunk;
mod verify;

pub use error::{Error, ErrorKind, Result};
pub use manifest::{ColumnEntry, FORMAT, Manifest, PartEntry, Release, TableEntry};
pub use part::{PartWriter, ROWS_PER_GROUP, writer_properties};
pub use publish::Publish;
pub use record::{Batches, PartFile, Record};
pub use verify::Verification;
