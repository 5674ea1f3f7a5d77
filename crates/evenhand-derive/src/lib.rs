//! Links the rows of one release: arrest episodes, repeated rows, stays in detention, and what led to what.
//! Input: the batches of the canonical tables while `ingest` reads them, one [`Linker`] a file, merged in plan order.
//! Output: derived tables in batches and the [`Step`](evenhand_ledger::Step)s that made them; no identifier of a
//! person leaves, only where a row was read and numbers that mean nothing outside one record.
//! Read first: [`Rule`], the list of the rules; then [`Linker`].
#![forbid(unsafe_code)]

mod atlas;
mod cut;
mod episodes;
mod facilities;
mod intern;
mod link;
mod linker;
mod nearest;
mod out;
mod people;
mod person;
mod read;
mod repeats;
mod rule;
mod runs;
mod states;
mod stays;
mod tuples;
mod weeks;

pub use atlas::{Atlas, FacilityPlace, NoAtlas};
pub use cut::{Boundary, Span};
pub use link::Frame;
pub use linker::Linker;
pub use rule::{Rule, Rules};
pub use runs::Scratch;
pub use weeks::{Overlap, TABLE as WEEKS, Weeks, overlaps};

/// Where derived batches go: the table's name and its next rows. Batches of several tables come in turn.
pub type Sink<'a> = dyn FnMut(&'static str, arrow::array::RecordBatch) -> Result<(), SinkError> + 'a;

/// Why a sink refused a batch.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// What stops a derivation. Faults of rows do not: they are set aside and counted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A batch lacks a column that every canonical table has, or it has another type.
    #[error("table `{table}` has no usable column `{column}`")]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: &'static str,
    },
    /// More than four billion persons, texts or rows.
    #[error("too many {0} for one release")]
    TooMany(&'static str),
    /// A release or a day has two boundaries.
    #[error("release `{release}` has two boundaries, or its day has another release's")]
    Boundaries {
        /// The release.
        release: String,
    },
    /// The columnar format refused.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// A scratch file cannot be had, written or read.
    #[error("rows cannot be kept on the disk until they are linked: {0}")]
    Scratch(#[source] std::io::Error),
    /// The sink refused.
    #[error("derived rows cannot be written: {0}")]
    Sink(#[source] SinkError),
}
