//! A small record, made up, with rows about persons and the figures made from them.

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, DictionaryArray, Float64Array, RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::Int32Type;
use evenhand_ledger::Ledger;
use evenhand_query::{Options, Profile, Session};
use evenhand_store::{Publish, Record, Release};
use std::path::Path;
use std::sync::Arc;

/// 2017-02-01, as days from 1970-01-01.
pub const DAY: i32 = 17_198;

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<DictionaryArray<Int32Type>>())
}

fn arrests() -> RecordBatch {
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("row_original", Arc::new(UInt32Array::from(vec![7, 8, 9, 10, 11])), false),
        ("apprehension_aor", texts(&[Some("SNA"), Some("SNA"), Some("ATL"), None, Some("ATL")]), true),
        ("apprehension_date", Arc::new(Date32Array::from(vec![DAY + 3, DAY, DAY + 40, DAY + 1, DAY])), false),
        (
            "apprehension_method",
            texts(&[
                Some("Located"),
                Some("CAP Local Incarceration"),
                Some("Located"),
                Some("Located"),
                None,
            ]),
            true,
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// A later release of the same table, with one column more.
fn arrests_with_record() -> RecordBatch {
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("row_original", Arc::new(UInt32Array::from(vec![2])), false),
        ("apprehension_date", Arc::new(Date32Array::from(vec![DAY - 1])), false),
        ("criminal_record", texts(&[Some("recorded")]), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn figures() -> RecordBatch {
    let columns: [(&str, ArrayRef, bool); 5] = [
        ("aor", texts(&[Some("ATL"), Some("ATL"), Some("SNA"), Some("SNA")]), false),
        ("week", Arc::new(Date32Array::from(vec![DAY - 2, DAY + 5, DAY - 2, DAY + 5])), false),
        ("operation_named", Arc::new(BooleanArray::from(vec![false, true, false, false])), false),
        ("arrests", Arc::new(UInt32Array::from(vec![120, 310, 95, 90])), false),
        ("share", Arc::new(Float64Array::from(vec![Some(0.1), Some(0.25), None, Some(f64::NAN)])), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn offices() -> RecordBatch {
    let columns: [(&str, ArrayRef); 2] = [
        ("aor", Arc::new(StringArray::from(vec!["ATL", "SNA", "SEA"]))),
        ("office", Arc::new(StringArray::from(vec!["Atlanta, \"GA\"", "San Antonio", ""]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Publishes the record.
pub fn publish(folder: &Path) {
    let publish = Publish::begin(folder, "test 1").unwrap();
    let rows = [
        ("arrests", "r-1", arrests(), Some("apprehension_date")),
        ("arrests", "r-2", arrests_with_record(), None),
        ("encounter_counts", "r-1", figures(), None),
        ("figures_arrests_week", "r-1", figures(), None),
        ("crosswalk_aor_offices", "crosswalk", offices(), None),
    ];
    let write = |(table, release, batch, sort_by): &(&str, &str, RecordBatch, Option<&str>)| {
        let mut part = publish.part(table, release, "part", batch.schema(), *sort_by).unwrap();
        part.write(batch).unwrap();
        part.finish().unwrap()
    };
    let parts = rows.iter().map(write).collect();
    let release = |id: &str| Release { id: id.into(), left_out: vec![], ledger: Ledger::default() };
    publish.commit(["r-1", "r-2", "crosswalk"].map(release).to_vec(), parts).unwrap();
}

/// The record in a folder of its own.
pub fn on_disk() -> (tempfile::TempDir, Record) {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path());
    let record = Record::open(folder.path()).unwrap();
    (folder, record)
}

/// The same record as the binary would carry it.
pub fn in_binary() -> Record {
    let (folder, record) = on_disk();
    let read = |path: &str| -> (&'static str, &'static [u8]) {
        (path.to_owned().leak(), std::fs::read(folder.path().join(path)).unwrap().leak())
    };
    let mut files = vec![read("manifest.json")];
    files.extend(record.manifest().parts().map(|part| read(&part.path)));
    Record::embedded(files.leak()).unwrap()
}

pub fn session(record: &Record, profile: Profile) -> Session {
    Session::open(record, profile, &Options::default()).unwrap()
}
