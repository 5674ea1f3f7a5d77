//! Whether two files of a release hold the same rows, whatever their bytes.
//!
//! An agency may save one year's rows under two years' names. The bytes differ then, and often the columns that
//! are left out, so the rows are compared as read: every column of the table that is filled, in order.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float64Type, Int32Type, TimeUnit, TimestampSecondType,
    UInt32Type,
};
use evenhand_ledger::{FileEntry, Warning};
use std::collections::BTreeMap;

/// Fewest rows of a file that is compared: small ones may be equal by chance.
const FEWEST: u64 = 20;
/// Columns of provenance, which differ from file to file.
const PROVENANCE: [&str; 4] = ["release", "file_original", "sheet_original", "row_original"];

/// Takes in the batches of a sheet and says what they hold in a few numbers.
#[derive(Debug, Default)]
pub struct Content {
    rows: u64,
    /// State of each column by name, and whether it holds a value.
    columns: BTreeMap<String, (u64, bool)>,
}

/// What a sheet holds: equal for equal rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint {
    table: String,
    rows: u64,
    columns: Vec<(String, u64)>,
}

impl Content {
    /// Takes the next batch.
    pub fn take(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            if !PROVENANCE.contains(&field.name().as_str()) {
                let (state, filled) = self.columns.entry(field.name().clone()).or_default();
                *state = mixed_in(*state, array);
                *filled |= array.null_count() < array.len();
            }
        }
    }

    /// The fingerprint of the rows taken, of a sheet that goes to `table`.
    #[must_use]
    pub fn fingerprint(self, table: &str) -> Fingerprint {
        let filled = self.columns.into_iter().filter(|(_, (_, filled))| *filled);
        Fingerprint {
            table: table.to_owned(),
            rows: self.rows,
            columns: filled.map(|(name, (state, _))| (name, state)).collect(),
        }
    }
}

/// Files whose rows another file of the same release has: position of each, and of the one to keep.
///
/// Kept is the file whose dates fit the year in its name, and of two that do, the first.
#[must_use]
pub fn same_rows(files: &[(&FileEntry, &[Fingerprint])]) -> Vec<(usize, usize)> {
    let mut alike: BTreeMap<(&str, Vec<&Fingerprint>), Vec<usize>> = BTreeMap::new();
    for (at, (entry, prints)) in files.iter().enumerate() {
        if prints.iter().map(|print| print.rows).sum::<u64>() >= FEWEST {
            let mut prints: Vec<_> = prints.iter().filter(|print| print.rows > 0).collect();
            prints.sort();
            alike.entry((&entry.release, prints)).or_default().push(at);
        }
    }
    let mut found = Vec::new();
    for twins in alike.values().filter(|twins| twins.len() > 1) {
        let misdated = |at: &usize| files.get(*at).map_or(0, |(entry, _)| outside_stated_year(entry));
        let Some(kept) = twins.iter().min_by_key(|at| (misdated(at), **at)) else { continue };
        found.extend(twins.iter().filter(|at| *at != kept).map(|at| (*at, *kept)));
    }
    found.sort_unstable();
    found
}

fn outside_stated_year(entry: &FileEntry) -> u64 {
    let warnings = entry.sheets.iter().flat_map(|sheet| &sheet.warnings);
    warnings.filter(|warning| warning.code == "outside_stated_year").map(|warning| warning.count).sum()
}

/// Sets the rows of a file aside whole, since the file `other` has them, too.
pub fn set_aside_as_same(entry: &mut FileEntry, other: &str) {
    for sheet in entry.sheets.iter_mut().filter(|sheet| sheet.tally.rows_kept > 0) {
        let rows = std::mem::take(&mut sheet.tally.rows_kept);
        *sheet.tally.set_aside.entry("same_rows_as_another_file".to_owned()).or_default() += rows;
        sheet.warnings.push(Warning {
            code: "same_rows".to_owned(),
            row: None,
            column: None,
            header: None,
            value: None,
            message: format!("the rows of `{other}` over again; set aside, or they would count twice"),
            count: rows,
        });
    }
}

/// A state with the values of an array mixed in, one after the other.
fn mixed_in(state: u64, array: &dyn Array) -> u64 {
    match array.data_type() {
        DataType::Date32 => primitives::<Date32Type>(state, array, |value| value as u64),
        DataType::UInt32 => primitives::<UInt32Type>(state, array, u64::from),
        DataType::Float64 => primitives::<Float64Type>(state, array, f64::to_bits),
        DataType::Timestamp(TimeUnit::Second, None) => {
            primitives::<TimestampSecondType>(state, array, |value| value as u64)
        }
        DataType::Dictionary(..) => texts(state, array),
        _ => flags(state, array),
    }
}

fn primitives<T: ArrowPrimitiveType>(state: u64, array: &dyn Array, bits: fn(T::Native) -> u64) -> u64 {
    let Some(array) = array.as_primitive_opt::<T>() else { return state };
    array.iter().fold(state, |state, value| mix(state, value.map_or(NULL, bits)))
}

fn texts(state: u64, array: &dyn Array) -> u64 {
    let Some(array) = array.as_dictionary_opt::<Int32Type>() else { return state };
    let Some(values) = array.values().as_string_opt::<i32>() else { return state };
    let hashes: Vec<u64> = values.iter().map(|value| hash(value.unwrap_or_default())).collect();
    let hash_of = |key: i32| usize::try_from(key).ok().and_then(|key| hashes.get(key)).copied();
    array.keys().iter().fold(state, |state, key| mix(state, key.and_then(hash_of).unwrap_or(NULL)))
}

fn flags(state: u64, array: &dyn Array) -> u64 {
    let Some(array) = array.as_boolean_opt() else { return state };
    array.iter().fold(state, |state, flag| mix(state, flag.map_or(NULL, u64::from)))
}

/// Stands for a null; no value has these bits but by chance.
const NULL: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
fn mix(state: u64, value: u64) -> u64 {
    let mixed = (state.rotate_left(23) ^ value).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    mixed ^ (mixed >> 29)
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(text.len() as u64, |state, byte| mix(state, u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Date32Array, DictionaryArray, StringArray};
    use evenhand_ledger::{Digest, SheetEntry, Tally};
    use std::sync::Arc;

    fn batch(file: &str, days: &[i32], words: &[Option<&str>]) -> RecordBatch {
        let words: DictionaryArray<Int32Type> = words.iter().copied().collect();
        let blank: ArrayRef = Arc::new(Date32Array::from(vec![None; days.len()]));
        RecordBatch::try_from_iter([
            ("file_original", Arc::new(StringArray::from(vec![file; days.len()])) as ArrayRef),
            ("day", Arc::new(Date32Array::from(days.to_vec())) as ArrayRef),
            ("word", Arc::new(words) as ArrayRef),
            ("blank", blank),
        ])
        .unwrap()
    }

    fn print(batches: &[RecordBatch]) -> Fingerprint {
        let mut content = Content::default();
        batches.iter().for_each(|batch| content.take(batch));
        content.fingerprint("arrests")
    }

    fn entry(path: &str, misdated: u64) -> FileEntry {
        let mut tally = Tally::default();
        tally.keep(30);
        let warning = Warning {
            code: "outside_stated_year".into(),
            row: None,
            column: None,
            header: None,
            value: None,
            message: String::new(),
            count: misdated,
        };
        let sheet = SheetEntry {
            name: "1".into(),
            table: Some("arrests".into()),
            layout: None,
            header_row: Some(7),
            tally,
            columns: vec![],
            warnings: vec![warning],
        };
        let sha256 = Digest::of(path.as_bytes());
        FileEntry { path: path.into(), release: "ice-r2026aug".into(), sha256, bytes: 1, sheets: vec![sheet] }
    }

    #[test]
    fn equal_rows_have_one_fingerprint_however_they_come() {
        let whole = batch("a", &[1, 2, 3], &[Some("x"), None, Some("y")]);
        let parts = [batch("b", &[1], &[Some("x")]), batch("b", &[2, 3], &[None, Some("y")])];
        assert_eq!(print(std::slice::from_ref(&whole)), print(&parts));
        for other in [
            batch("a", &[1, 2, 4], &[Some("x"), None, Some("y")]),
            batch("a", &[2, 1, 3], &[Some("x"), None, Some("y")]),
            batch("a", &[1, 2, 3], &[Some("x"), Some("y"), None]),
            batch("a", &[1, 2, 3], &[None, None, None]),
        ] {
            assert_ne!(print(std::slice::from_ref(&whole)), print(&[other]));
        }
    }

    #[test]
    fn of_two_files_with_the_same_rows_the_one_that_fits_its_year_is_kept() {
        let days: Vec<i32> = (0..30).collect();
        let same = [print(&[batch("a", &days, &[Some("x"); 30])])];
        let small = [print(&[batch("a", &[1], &[Some("x")])])];
        let entries = [entry("FY2024", 30), entry("FY2023", 0), entry("FY2025", 0), entry("FY2026", 0)];
        let prints: [&[Fingerprint]; 4] = [&same, &same, &small, &small];
        let files: Vec<_> = entries.iter().zip(prints).collect();
        assert_eq!(same_rows(&files), [(0, 1)]);
        let mut twin = entries[0].clone();
        set_aside_as_same(&mut twin, "FY2023");
        let sheet = &twin.sheets[0];
        sheet.tally.check("1").unwrap();
        assert_eq!((sheet.tally.rows_kept, sheet.tally.set_aside["same_rows_as_another_file"]), (0, 30));
        assert_eq!((sheet.warnings[1].code.as_str(), sheet.warnings[1].count), ("same_rows", 30));
    }
}
