//! Turns cells (unit, period, outcome) into a checked rectangle that estimators can trust.
//! Input: labels and numbers from any caller; this crate knows nothing of files, subjects or SQL.
//! Output: a [`Panel`] with sorted units, ordered periods, explicit missing cells, cohorts and clusters.
//! Read first: [`Panel`]; then [`Panel::from_cells`], which does the checking.

mod panel;

mod cell;
mod cohort;
mod error;
mod text;

pub use cell::{Cell, Fill};
pub use cohort::Cohort;
pub use error::{Error, ErrorKind, Result};
pub use panel::Panel;
