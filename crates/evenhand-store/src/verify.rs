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

#[cfg(test)]
mod tests {
    use crate::{ErrorKind, Manifest, Publish, Record, Release, manifest};
    use arrow::array::{ArrayRef, Date32Array, RecordBatch};
    use std::sync::Arc;

    /// What is wrong with a record whose manifest was changed by somebody who knows how to seal it again.
    fn forged(change: impl Fn(&mut Manifest)) -> Vec<(ErrorKind, String)> {
        let folder = tempfile::tempdir().unwrap();
        let days: ArrayRef = Arc::new(Date32Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_from_iter([("day", days)]).unwrap();
        let publish = Publish::begin(folder.path(), "test 1").unwrap();
        let mut part = publish.part("arrests", "r-1", "x", batch.schema(), None).unwrap();
        part.write(&batch).unwrap();
        let part = part.finish().unwrap();
        let release = Release { id: "r-1".into(), left_out: vec![], ledger: Default::default() };
        let mut manifest = publish.commit(vec![release], vec![part]).unwrap();
        change(&mut manifest);
        std::fs::write(folder.path().join(manifest::FILE), manifest.render().unwrap().0).unwrap();
        let verification = Record::open(folder.path()).unwrap().verify();
        let told = |problem: &crate::Error| {
            let message = problem.to_string();
            (problem.kind(), message.rsplit(": ").next().unwrap_or_default().to_owned())
        };
        verification.problems.iter().map(told).collect()
    }

    #[test]
    fn files_that_are_not_as_the_manifest_describes_them_are_found() {
        assert_eq!(forged(|_| {}), []);
        let rows = forged(|manifest| {
            manifest.tables[0].rows = 4;
            manifest.tables[0].parts[0].rows = 4;
        });
        assert_eq!(rows, [(ErrorKind::Damaged, "expected 4 rows, found 3".into())]);
        let columns = forged(|manifest| {
            let table = &mut manifest.tables[0];
            let mut columns = table.schemas.pop_first().unwrap().1;
            columns[0].name = "date".into();
            table.parts[0].schema = manifest::fingerprint(&columns);
            table.schemas.insert(table.parts[0].schema.clone(), columns);
        });
        assert_eq!(columns.len(), 1);
        assert!(
            columns[0].0 == ErrorKind::Schema && columns[0].1.contains("columns of fingerprint"),
            "{columns:?}"
        );
        let sheets = forged(|manifest| {
            let tally = evenhand_ledger::Tally { rows_read: 2, rows_kept: 1, set_aside: Default::default() };
            let step = evenhand_ledger::Step { name: "place".into(), table: "arrests".into(), tally };
            manifest.releases[0].ledger.steps.push(step);
        });
        assert_eq!(sheets, [(ErrorKind::Ledger, "2 rows read, but 1 kept and 0 set aside".into())]);
    }
}
