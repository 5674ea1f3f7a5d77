//! Writes a file, ingests it, and shows what came out as text.

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use evenhand_ingest::{Error, Options, Part, Sink, SinkError, plan, read};
use evenhand_ledger::FileEntry;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Keeps everything that it receives, and checks that it is received in order.
#[derive(Default)]
pub struct Kept {
    pub parts: Vec<(Part, Vec<RecordBatch>)>,
    open: bool,
}

impl Sink for Kept {
    fn open(&mut self, part: &Part) -> Result<(), SinkError> {
        assert!(!std::mem::replace(&mut self.open, true), "two parts open at once");
        self.parts.push((part.clone(), Vec::new()));
        Ok(())
    }

    fn batch(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        let (part, batches) = self.parts.last_mut().ok_or("no part is open")?;
        assert_eq!(part.schema, batch.schema());
        batches.push(batch);
        Ok(())
    }

    fn close(&mut self) -> Result<(), SinkError> {
        assert!(std::mem::replace(&mut self.open, false), "no part is open");
        Ok(())
    }
}

impl Kept {
    pub fn rows(&self, table: &str) -> usize {
        let parts = self.parts.iter().filter(|(part, _)| part.table == table);
        parts.flat_map(|(_, batches)| batches).map(RecordBatch::num_rows).sum()
    }

    /// A column of a table as text, in order.
    pub fn column(&self, table: &str, name: &str) -> Vec<Option<String>> {
        let parts = self.parts.iter().filter(|(part, _)| part.table == table);
        parts.flat_map(|(_, batches)| batches).flat_map(|batch| texts(batch, name)).collect()
    }

    /// Distinct values of a column with their counts; null is `null`.
    pub fn counts(&self, table: &str, name: &str) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for value in self.column(table, name) {
            *counts.entry(value.unwrap_or_else(|| "null".to_owned())).or_default() += 1;
        }
        counts
    }
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    let column = cast(column, &DataType::Utf8).unwrap();
    let column = column.as_any().downcast_ref::<StringArray>().unwrap();
    column.iter().map(|text| text.map(str::to_owned)).collect()
}

/// A scratch folder with one file in it.
pub fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Ingests one file.
pub fn ingest(path: &Path) -> Result<(FileEntry, Kept), Error> {
    let plan = plan(&[path.to_owned()], &Options::default())?;
    let mut kept = Kept::default();
    let entry = read(&plan.sources[0], &mut kept)?;
    for sheet in &entry.sheets {
        sheet.tally.check(&sheet.name).unwrap();
    }
    Ok((entry, kept))
}

/// What a file becomes, as text: rows (row number, then values without provenance), then the account.
pub fn shown(name: &str, bytes: &[u8]) -> String {
    let (_folder, path) = written(name, bytes);
    match ingest(&path) {
        Ok((entry, kept)) => shown_account(&entry, &kept),
        Err(error) => format!("error: {error}"),
    }
}

fn shown_account(entry: &FileEntry, kept: &Kept) -> String {
    let mut lines = Vec::new();
    for (part, batches) in &kept.parts {
        let names: Vec<_> = part.schema.fields().iter().map(|field| field.name().clone()).collect();
        lines.push(format!("{} {} {}", part.table, part.release, part.part));
        for batch in batches {
            let columns: Vec<_> = names[3..].iter().map(|name| texts(batch, name)).collect();
            for row in 0..batch.num_rows() {
                let cells = columns.iter().map(|column| column[row].as_deref().unwrap_or("∅"));
                lines.push(format!("  {}", cells.collect::<Vec<_>>().join(" | ")));
            }
        }
    }
    for sheet in &entry.sheets {
        lines.push(format!(
            "{}: {} read, {} kept, {:?}",
            sheet.name, sheet.tally.rows_read, sheet.tally.rows_kept, sheet.tally.set_aside
        ));
        for warning in &sheet.warnings {
            let place = [
                warning.row.map(|row| format!("row {row}")),
                warning.column.as_ref().map(|column| format!("column {column}")),
                warning.header.as_ref().map(|header| format!("`{header}`")),
                warning.value.as_ref().map(|value| format!("value `{value}`")),
            ];
            let place: Vec<_> = place.into_iter().flatten().collect();
            lines.push(format!(
                "  {} ×{} {}: {}",
                warning.code,
                warning.count,
                place.join(", "),
                warning.message
            ));
        }
    }
    lines.join("\n")
}

/// The refusal of a file as `--json` gives it, without the scratch folder's name.
pub fn refusal(name: &str, bytes: &[u8]) -> String {
    let (folder, path) = written(name, bytes);
    let error = ingest(&path).map(|_| ()).expect_err("the file is refused");
    let text = serde_json::to_string_pretty(&error).unwrap();
    text.replace(&format!("{}/", folder.path().display()), "")
}

/// Bytes packed as gzip.
pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
