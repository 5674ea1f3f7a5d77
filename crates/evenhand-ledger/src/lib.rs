//! Keeps account of rows: what was read, from which bytes, and what each step kept and set aside, and why.
//! Input: counts that `ingest` and the steps after it report while they work.
//! Output: a [`Ledger`] that the store writes into the manifest and that every page can show.
//! Read first: [`Tally`], which carries the law `read == kept + set aside`.

mod digest;
mod file;
mod tally;

pub use digest::{Digest, Hasher};
pub use file::{Column, ColumnFate, FileEntry, SheetEntry, Warning};
pub use tally::{Tally, Unbalanced};

use serde::{Deserialize, Serialize};

/// The account of one ingest: every file in path order, then every later step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Files read, with their sheets.
    pub files: Vec<FileEntry>,
    /// Steps after reading (placing, counting), in the order in which they ran.
    pub steps: Vec<Step>,
}

/// One named step and what became of the rows that it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What the step does: `place landmarks`.
    pub name: String,
    /// The table whose rows it took.
    pub table: String,
    /// Rows in, kept, set aside.
    #[serde(flatten)]
    pub tally: Tally,
}

impl Ledger {
    /// Rows read, kept and set aside over all files.
    #[must_use]
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for sheet in self.files.iter().flat_map(|file| &file.sheets) {
            total.add(&sheet.tally);
        }
        total
    }

    /// Checks the law of conservation for every sheet and step.
    ///
    /// # Errors
    /// [`Unbalanced`] names the first sheet or step whose rows do not add up.
    pub fn check(&self) -> Result<(), Unbalanced> {
        for file in &self.files {
            for sheet in &file.sheets {
                sheet.tally.check(&format!("{}, {}", file.path, sheet.name))?;
            }
        }
        self.steps.iter().try_for_each(|step| step.tally.check(&step.name))
    }
}
