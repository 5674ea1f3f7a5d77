//! Answers SQL over a record: one read-only query at a time, in process, the same rows in the same order always.
//! Input: an opened [`Record`](evenhand_store::Record), on the disk or in the binary, and the text of a query.
//! Output: an [`Answer`] for the command line and the web app, and its writers in [`output`].
//! Read first: `gate.rs`, which says what may be asked; then `session.rs`, which asks it.

mod answer;
mod deadline;
mod error;
mod gate;
mod interval;
mod nearest;
pub mod output;
mod session;
mod tables;

pub use answer::Answer;
pub use error::{Error, ErrorKind, Result};
pub use gate::{Profile, is_public};
pub use session::{Options, Session};
