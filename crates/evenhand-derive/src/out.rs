//! Derived rows into batches.

use crate::read::{EPOCH, NO_TIME};
use crate::{Error, Sink};
use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampSecondArray, UInt32Array, UInt64Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use std::sync::Arc;

/// The release and the sheets that places are numbers of.
#[derive(Debug)]
pub struct Places<'a> {
    /// The release.
    pub release: &'a str,
    /// File and sheet, by number.
    pub sheets: &'a [(String, String)],
}

impl Places<'_> {
    /// The four columns that say where rows were read.
    pub fn columns(
        &self,
        rows: impl Iterator<Item = (u16, u32)>,
    ) -> Result<Vec<(&'static str, ArrayRef)>, Error> {
        let rows = rows.collect::<Vec<_>>();
        let keys = || Int32Array::from_iter_values(rows.iter().map(|(sheet, _)| i32::from(*sheet)));
        let files = StringArray::from_iter_values(self.sheets.iter().map(|(file, _)| file));
        let sheets = StringArray::from_iter_values(self.sheets.iter().map(|(_, sheet)| sheet));
        let release = Int32Array::from_iter_values(rows.iter().map(|_| 0));
        let releases = StringArray::from_iter_values([self.release]);
        Ok(vec![
            ("release", Arc::new(DictionaryArray::try_new(release, Arc::new(releases))?)),
            ("file_original", Arc::new(DictionaryArray::try_new(keys(), Arc::new(files))?)),
            ("sheet_original", Arc::new(DictionaryArray::try_new(keys(), Arc::new(sheets))?)),
            ("row_original", Arc::new(UInt32Array::from_iter_values(rows.iter().map(|(_, row)| *row)))),
        ])
    }
}

/// Gives the sink one batch.
pub fn send(
    sink: &mut Sink<'_>,
    table: &'static str,
    columns: Vec<(&'static str, ArrayRef)>,
) -> Result<(), Error> {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    sink(table, batch).map_err(Error::Sink)
}

/// Times of day.
pub fn times(times: impl Iterator<Item = i32>) -> ArrayRef {
    let times = times.collect::<Vec<_>>();
    let nulls = nulls(times.len(), |at| times[at] != NO_TIME);
    let seconds = times.iter().map(|time| i64::from(*time) + EPOCH).collect();
    Arc::new(TimestampSecondArray::new(seconds, nulls))
}

/// Places in a list of texts.
pub fn keys(places: impl Iterator<Item = Option<usize>>) -> Int32Array {
    let mut places = places.map(|place| place.map_or(-1, |place| place as i32)).collect::<Vec<_>>();
    let nulls = nulls(places.len(), |at| places[at] >= 0);
    if nulls.is_some() {
        places.iter_mut().for_each(|place| *place = (*place).max(0));
    }
    Int32Array::new(places.into(), nulls)
}

fn nulls(rows: usize, is_valid: impl Fn(usize) -> bool) -> Option<NullBuffer> {
    let nulls = NullBuffer::new(BooleanBuffer::collect_bool(rows, is_valid));
    (nulls.null_count() > 0).then_some(nulls)
}

/// Texts of which many are equal.
pub fn words<'a>(words: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(words.collect::<DictionaryArray<arrow::datatypes::Int32Type>>())
}

/// Texts out of a short list, by their place in it.
pub fn coded<'a>(
    list: impl IntoIterator<Item = &'a str>,
    places: impl Iterator<Item = Option<usize>>,
) -> Result<ArrayRef, Error> {
    Ok(Arc::new(DictionaryArray::try_new(keys(places), Arc::new(StringArray::from_iter_values(list)))?))
}

/// Counts.
pub fn counts(counts: impl Iterator<Item = u32>) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(counts))
}

/// Yes or no.
pub fn truths(truths: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(BooleanArray::from_iter(truths.map(Some)))
}

/// Numbers of episodes and stays.
pub fn numbers(numbers: impl Iterator<Item = Option<u64>>) -> ArrayRef {
    Arc::new(numbers.collect::<UInt64Array>())
}

/// Amounts.
pub fn amounts(amounts: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(amounts.collect::<Float64Array>())
}
