//! Columns of a batch into plain numbers.

use crate::Error;
use crate::intern::{Intern, NONE, hash, mix};
use crate::person::{NOBODY, Person};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimeUnit};

/// The time of a cell that has none.
pub const NO_TIME: i32 = i32::MIN;

/// The day of posting, or of departure, of a stint that has none.
pub const NO_DAY: i32 = i32::MAX;

/// Seconds from 1970 to 2000: times are kept in 32 bits around the year 2000 (1932 to 2068).
pub const EPOCH: i64 = 946_684_800;

/// A dictionary column's keys and texts, [`NONE`] for a cell without one; a plain text column is its own dictionary.
fn texts(column: &ArrayRef) -> Result<(Vec<u32>, StringArray), Error> {
    let (mut keys, values) = match column.as_any_dictionary_opt() {
        Some(dictionary) => {
            let keys = cast(dictionary.keys(), &DataType::Int32)?;
            let keys = keys.as_primitive::<Int32Type>();
            let numbers = keys.values().iter().map(|key| key.cast_unsigned());
            let numbers = match keys.nulls() {
                Some(nulls) => {
                    numbers.zip(nulls.iter()).map(|(key, valid)| if valid { key } else { NONE }).collect()
                }
                None => numbers.collect::<Vec<_>>(),
            };
            (numbers, dictionary.values().clone())
        }
        None => ((0..column.len() as u32).collect(), column.clone()),
    };
    let values = cast(&values, &DataType::Utf8)?.as_string::<i32>().clone();
    if values.null_count() > 0 {
        let is_null = |key: u32| key != NONE && values.is_null(key as usize);
        keys.iter_mut().filter(|key| is_null(**key)).for_each(|key| *key = NONE);
    }
    Ok((keys, values))
}

/// The numbers of a text column's values in `set`; [`NONE`] where empty or without the column.
pub fn codes(batch: &RecordBatch, name: &str, set: &mut Intern) -> Result<Vec<u32>, Error> {
    let Some(column) = batch.column_by_name(name) else { return Ok(vec![NONE; batch.num_rows()]) };
    let (keys, values) = texts(column)?;
    let mut numbers = vec![NONE; values.len()];
    let mut codes = Vec::with_capacity(keys.len());
    for key in keys {
        if key == NONE {
            codes.push(NONE);
            continue;
        }
        let key = key as usize;
        if numbers[key] == NONE && !values.value(key).trim().is_empty() {
            numbers[key] = set.number(values.value(key))?;
        }
        codes.push(numbers[key]);
    }
    Ok(codes)
}

/// The persons that a column names.
pub fn people(batch: &RecordBatch, name: &str) -> Result<Vec<Person>, Error> {
    let Some(column) = batch.column_by_name(name) else { return Ok(vec![NOBODY; batch.num_rows()]) };
    let (keys, values) = texts(column)?;
    let person = |text: &str| if text.trim().is_empty() { NOBODY } else { Person::of(text) };
    let people = values.iter().map(|text| text.map_or(NOBODY, person)).collect::<Vec<_>>();
    Ok(keys.into_iter().map(|key| people.get(key as usize).copied().unwrap_or(NOBODY)).collect())
}

/// The texts of a column.
pub fn strings(column: &ArrayRef) -> Result<Vec<Option<String>>, Error> {
    let (keys, values) = texts(column)?;
    Ok(keys.into_iter().map(|key| (key != NONE).then(|| values.value(key as usize).to_owned())).collect())
}

/// Where a text column says `text`, blanks squeezed.
pub fn says(batch: &RecordBatch, name: &str, text: &str) -> Result<Vec<bool>, Error> {
    let Some(column) = batch.column_by_name(name) else { return Ok(vec![false; batch.num_rows()]) };
    let (keys, values) = texts(column)?;
    let squeezed = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ") == text;
    let same = values.iter().map(|value| value.is_some_and(squeezed)).collect::<Vec<_>>();
    Ok(keys.into_iter().map(|key| key != NONE && same[key as usize]).collect())
}

/// The days of a date column since 1970.
pub fn days(batch: &RecordBatch, name: &str) -> Result<Vec<Option<i32>>, Error> {
    let Some(column) = batch.column_by_name(name) else { return Ok(vec![None; batch.num_rows()]) };
    Ok(cast(column, &DataType::Date32)?.as_primitive::<Date32Type>().iter().collect())
}

/// Seconds since 2000 of the column with times, or the midnight of the day where there is none.
///
/// A time that 32 bits cannot hold is `Err(())`: such a row is set aside.
pub fn times(batch: &RecordBatch, time: &str, day: Option<&str>) -> Result<Vec<Result<i32, ()>>, Error> {
    let seconds = match batch.column_by_name(time) {
        Some(column) => {
            let column = cast(column, &DataType::Timestamp(TimeUnit::Second, None))?;
            cast(&column, &DataType::Int64)?.as_primitive::<Int64Type>().iter().collect()
        }
        None => vec![None; batch.num_rows()],
    };
    let days = match day {
        Some(day) => days(batch, day)?,
        None => vec![None; batch.num_rows()],
    };
    let both = seconds.into_iter().zip(days);
    Ok(both.map(|(time, day)| narrow(time.or(day.map(|day| i64::from(day) * 86_400)))).collect())
}

fn narrow(seconds: Option<i64>) -> Result<i32, ()> {
    match seconds.map(|seconds| i32::try_from(seconds.saturating_sub(EPOCH))) {
        None => Ok(NO_TIME),
        Some(Ok(time)) if time != NO_TIME => Ok(time),
        Some(_) => Err(()),
    }
}

/// Amounts of money, also those written as text.
pub fn amounts(batch: &RecordBatch, name: &str) -> Result<Vec<Option<f64>>, Error> {
    let Some(column) = batch.column_by_name(name) else { return Ok(vec![None; batch.num_rows()]) };
    Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().iter().collect())
}

/// Row numbers in the sheet.
pub fn rows(batch: &RecordBatch, table: &str) -> Result<Vec<u32>, Error> {
    let lacks = || Error::Column { table: table.to_owned(), column: "row_original" };
    let column = batch.column_by_name("row_original").ok_or_else(lacks)?;
    let rows = cast(column, &DataType::UInt32)?;
    Ok(rows.as_primitive::<arrow::datatypes::UInt32Type>().values().to_vec())
}

/// One number a row over all columns but `leaving`: equal rows have equal numbers.
pub fn fingerprints(batch: &RecordBatch, leaving: &[&str]) -> Result<Vec<u64>, Error> {
    let mut prints = vec![0; batch.num_rows()];
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if leaving.contains(&field.name().as_str()) || PLACE.contains(&field.name().as_str()) {
            continue;
        }
        // A missing value adds nothing, so that a column that only some files have does not tell rows apart.
        let name = hash(field.name().as_bytes());
        let mut add = |row: usize, word: u64| {
            let print: &mut u64 = &mut prints[row];
            *print = print.wrapping_add(mix(name, word));
        };
        match column.data_type() {
            DataType::Date32 => {
                let values = column.as_primitive::<Date32Type>();
                (0..values.len())
                    .filter(|row| values.is_valid(*row))
                    .for_each(|row| add(row, values.value(row) as u64));
            }
            DataType::Int32 => {
                let values = column.as_primitive::<Int32Type>();
                (0..values.len())
                    .filter(|row| values.is_valid(*row))
                    .for_each(|row| add(row, values.value(row) as u64));
            }
            DataType::Timestamp(..) | DataType::Int64 => {
                let values = cast(column, &DataType::Int64)?;
                let values = values.as_primitive::<Int64Type>();
                (0..values.len())
                    .filter(|row| values.is_valid(*row))
                    .for_each(|row| add(row, values.value(row) as u64));
            }
            _ => {
                let (keys, values) = texts(column)?;
                let words =
                    values.iter().map(|text| hash(text.unwrap_or_default().as_bytes())).collect::<Vec<_>>();
                for (row, key) in keys.into_iter().enumerate().filter(|(_, key)| *key != NONE) {
                    add(row, words[key as usize]);
                }
            }
        }
    }
    Ok(prints)
}

/// Columns that say where a row was read.
pub const PLACE: [&str; 4] = ["release", "file_original", "sheet_original", "row_original"];
