//! Turns a docket's claims and a record's figures into verdicts: tests, specifications, decision, caveats.
//! Input: an [`evenhand_docket::Docket`] with its lock, and the [`evenhand_measure::Figures`] of a record.
//! Output: a [`Check`], plain data that `render` prints and that nothing computes anew.
//! Read first: [`check`](fn@check), then [`result`], the shapes of the answer.

mod check;
pub mod result;

mod context;
pub mod tests;

pub mod multiverse;

mod decide;

pub mod confidence;
pub mod wording;

mod explain;
mod figures;

mod error;

pub use check::{DEFAULT_SEED, Options, check};
pub use context::{Context, Held};
pub use error::{Error, ErrorKind};
pub use result::*;
