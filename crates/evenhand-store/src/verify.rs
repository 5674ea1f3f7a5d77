//! Looks at every byte of a record and reports all that is wrong, not only the first thing.

use crate::publish::unnamed_files;
use crate::{Error, ErrorKind, PartEntry, Record, Result};

/// What a full check of a record found.
#[derive(Debug, Default)]
pub struct Verification {
    /// Parquet files that the manifest names.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows read back from them.
    pub rows: u64,
    /// Everything that is wrong; none means that the record is as it was published.
    pub problems: Vec<Error>,
    /// Files under `tables/` that the manifest does not name, by path within the record: left by a writer
    /// that died, or still used by a reader. They harm nothing; the next publish removes them.
    pub leftovers: Vec<String>,
}

impl Verification {
    /// Whether the record is as it was published.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Record {
    /// Checks every file's digest, columns and row count by reading it whole, and that the ledger adds up.
    #[must_use]
    pub fn verify(&self) -> Verification {
        self.forget_checks();
        let manifest = self.manifest();
        let mut found = Verification { problems: manifest.ledger_problems(), ..Verification::default() };
        for part in manifest.parts() {
            found.files = found.files.saturating_add(1);
            found.bytes = found.bytes.saturating_add(part.bytes);
            match self.count_rows(part) {
                Ok(rows) => found.rows = found.rows.saturating_add(rows),
                Err(problem) => found.problems.push(problem),
            }
        }
        if let Some(folder) = self.folder() {
            found.leftovers = unnamed_files(folder, manifest);
        }
        found
    }

    /// Reads a part whole and compares the rows in it with the manifest.
    fn count_rows(&self, part: &PartEntry) -> Result<u64> {
        let mut rows = 0_u64;
        for batch in self.read_part(part, None)? {
            rows = rows.saturating_add(batch?.num_rows() as u64);
        }
        if rows == part.rows {
            return Ok(rows);
        }
        let (expected, found) = (format!("{} rows", part.rows), rows.to_string());
        Err(Error::expected(ErrorKind::Damaged, expected, found).at(&self.shown_path(part)))
    }
}
