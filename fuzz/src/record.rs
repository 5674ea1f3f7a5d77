//! Targets of `evenhand-store`: records by somebody who knows how to seal them.

use arrow::array::{ArrayRef, Date32Array, DictionaryArray, RecordBatch, UInt32Array};
use arrow::datatypes::Int32Type;
use evenhand_ledger::{Digest, Ledger};
use evenhand_store::{PartEntry, Publish, Record, Release};
use std::sync::{Arc, OnceLock};

/// A manifest, sealed again, so that what stands behind its digest is reached.
pub fn manifest(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("manifest.json"), sealed(data)).expect("a file");
    match Record::open(folder.path()) {
        Ok(record) => {
            // There are no files: whatever the manifest names is missing.
            assert_eq!(record.verify().rows, 0);
            for table in record.tables() {
                record.schema(table).expect("the columns of a table that was let through");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty(), "an error says something"),
    }
}

/// A Parquet file, with the digest that the manifest expects.
pub fn parquet(data: &[u8]) {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    let template = TEMPLATE.get_or_init(Template::new);
    let folder = tempfile::tempdir().expect("a folder");
    let part = folder.path().join(&template.part.path);
    std::fs::create_dir_all(part.parent().expect("a folder of a table")).expect("a folder");
    std::fs::write(part, data).expect("a file");
    let manifest = template
        .manifest
        .replace(template.part.sha256.as_str(), Digest::of(data).as_str())
        .replace(&format!("\"bytes\": {}", template.part.bytes), &format!("\"bytes\": {}", data.len()));
    std::fs::write(folder.path().join("manifest.json"), sealed(manifest.as_bytes())).expect("a file");
    let record = Record::open(folder.path()).expect("a record whose manifest is right");
    let found = record.verify();
    assert!(found.problems.iter().all(|problem| problem.path().is_some()), "{:?}", found.problems);
    if found.is_ok() {
        assert_eq!(found.rows, template.part.rows, "a record that is right has the rows that it names");
    }
}

/// The manifest with the digest of itself, as the store writes it.
fn sealed(manifest: &[u8]) -> Vec<u8> {
    let open = manifest.trim_ascii_end();
    let open = open.strip_suffix(b"}").unwrap_or(open).trim_ascii_end();
    let head = [open, b",\n  \"manifest_sha256\": \""].concat();
    let tail = b"\"\n}\n";
    let sha256 = Digest::of(&[head.as_slice(), tail].concat());
    [head.as_slice(), sha256.as_str().as_bytes(), tail].concat()
}

/// A record of one file, whose bytes and digest are put in place of those it was made with.
struct Template {
    /// Without its digest.
    manifest: String,
    part: PartEntry,
}

impl Template {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let days =
            Date32Array::from((0..40).map(|row| (row % 7 != 0).then_some(17_000 + row)).collect::<Vec<_>>());
        let texts = (0..40).map(|row| (row % 5 != 0).then_some(["SNA", "ATL", "Located"][row % 3]));
        let columns: [(&str, ArrayRef, bool); 3] = [
            ("apprehension_date", Arc::new(days), true),
            ("apprehension_aor", Arc::new(texts.collect::<DictionaryArray<Int32Type>>()), true),
            ("row_original", Arc::new(UInt32Array::from((0..40).collect::<Vec<_>>())), false),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("a batch");
        let publish = Publish::begin(folder.path(), "fuzz 1").expect("a record");
        let mut part = publish.part("arrests", "r-1", "x", batch.schema(), None).expect("a part");
        part.write(&batch).expect("rows");
        let part = part.finish().expect("a part");
        let release = Release { id: "r-1".into(), left_out: vec![], ledger: Ledger::default() };
        publish.commit(vec![release], vec![part.clone()]).expect("a published record");
        let manifest = std::fs::read_to_string(folder.path().join("manifest.json")).expect("a manifest");
        let end = manifest.rfind(",\n  \"manifest_sha256\"").expect("a digest");
        Self { manifest: format!("{}\n}}\n", &manifest[..end]), part }
    }
}
