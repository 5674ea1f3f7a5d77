//! Parquet into columns.

use super::column::{Column, Part};
use super::delimited::push;
use super::{Kind, Trouble, Wanted, no_number};
use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use evenhand_store::foreign;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fmt::Write as _;
use std::fs::File;

/// A file whose footer is read.
pub type ParquetFile = ParquetRecordBatchReaderBuilder<File>;

/// Reads the names of the columns.
pub fn open(file: File) -> Result<(Vec<String>, ParquetFile), Trouble> {
    let builder = readable(|| ParquetRecordBatchReaderBuilder::try_new(file))?;
    let names = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    Ok((names, builder))
}

/// What the library reads, or that the file is damaged.
fn readable<T, E: std::fmt::Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, Trouble> {
    foreign::caught(read).map_err(|panic| damaged(&panic))?.map_err(|error| damaged(&error))
}

fn damaged(error: &dyn std::fmt::Display) -> Trouble {
    Trouble::new(format!("the Parquet file is cut or damaged: {error}")).hint("fetch or write the file again")
}

/// Reads the wanted columns, which stand at `places`.
pub fn read(file: ParquetFile, wanted: &[Wanted], places: &[usize]) -> Result<Vec<Column>, Trouble> {
    let schema = file.schema().clone();
    for (&place, column) in places.iter().zip(wanted) {
        simple(column, schema.field(place).data_type())?;
    }
    let mask = ProjectionMask::roots(file.parquet_schema(), places.iter().copied());
    let mut reader = readable(|| file.with_projection(mask).with_batch_size(1 << 16).build())?;
    let mut parts: Vec<Part> = wanted.iter().map(|column| Part::new(column.kind, 0)).collect();
    let mut row = 1;
    while let Some(batch) = readable(|| reader.next().transpose())? {
        for (part, column) in parts.iter_mut().zip(wanted) {
            let Some(array) = batch.column_by_name(&column.name) else { continue };
            extend(part, array, column, row)?;
        }
        row += batch.num_rows();
    }
    Ok(parts.into_iter().map(|part| Part::join(vec![part])).collect())
}

fn simple(column: &Wanted, kind: &DataType) -> Result<(), Trouble> {
    if !kind.is_nested() && !matches!(kind, DataType::Binary | DataType::LargeBinary) {
        return Ok(());
    }
    Err(Trouble::new(format!("column `{}`: expected numbers or text, found {kind}", column.name)))
}

fn extend(part: &mut Part, array: &ArrayRef, column: &Wanted, first: usize) -> Result<(), Trouble> {
    let kind = array.data_type();
    let text = kind.is_string() || matches!(kind, DataType::Dictionary(..));
    if text || kind.is_temporal() || matches!(kind, DataType::Boolean) && column.kind == Kind::Label {
        return extend_by_text(part, &cast(array, &DataType::Utf8, column)?, column, first);
    }
    // Doubles hold every whole number that a table of people writes.
    let numbers = match array.as_primitive_opt::<Float64Type>() {
        Some(numbers) => numbers.clone(),
        None => match array.as_primitive_opt::<Int64Type>() {
            Some(whole) => whole.unary(|value| value as f64),
            None => cast(array, &DataType::Float64, column)?.as_primitive::<Float64Type>().clone(),
        },
    };
    match part {
        Part::Numbers(values) => {
            values.extend(
                numbers.iter().map(|value| value.filter(|value| !value.is_nan()).unwrap_or(f64::NAN)),
            );
        }
        Part::Labels(labels) => {
            let mut text = String::new();
            let mut last = f64::NAN;
            for value in numbers.iter() {
                match value.filter(|value| !value.is_nan()) {
                    None => labels.push_missing(),
                    Some(value) => {
                        if value.to_bits() != last.to_bits() {
                            text.clear();
                            // A String takes every write; a whole number is written without a point.
                            let _ = write!(text, "{value}");
                            last = value;
                        }
                        labels.push(text.as_bytes());
                    }
                }
            }
        }
    }
    Ok(())
}

fn cast(array: &ArrayRef, to: &DataType, column: &Wanted) -> Result<ArrayRef, Trouble> {
    let cast = cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() });
    cast.map_err(|error| Trouble::new(format!("column `{}`: {error}", column.name)))
}

fn extend_by_text(part: &mut Part, array: &ArrayRef, column: &Wanted, first: usize) -> Result<(), Trouble> {
    let texts = array.as_string::<i32>();
    for row in 0..texts.len() {
        let cell = if texts.is_null(row) { "" } else { texts.value(row) };
        if !push(part, cell.as_bytes()) {
            return Err(no_number(first + row + 1, &column.name, cell));
        }
    }
    Ok(())
}
