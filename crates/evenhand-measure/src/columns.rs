//! Typed access to the columns of a batch, and batches from sorted rows.

use crate::outcomes::Mix;
use crate::{Error, ErrorKind};
use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, DictionaryArray, Int32Array, RecordBatch, StringArray,
    UInt32Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash};
use std::sync::Arc;

/// A text column as codes into its distinct values, so that each value is parsed once a batch.
pub(crate) struct Text {
    codes: DictionaryArray<Int32Type>,
    values: StringArray,
}

impl Text {
    pub(crate) fn new(batch: &RecordBatch, name: &str) -> Result<Self, Error> {
        let wanted = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let codes = typed::<DictionaryArray<Int32Type>>(batch, name, &wanted)?;
        let values =
            codes.values().as_any().downcast_ref::<StringArray>().ok_or_else(|| wrong(name))?.clone();
        Ok(Self { codes, values })
    }

    /// Code of the value in `row`, `None` for null.
    pub(crate) fn code(&self, row: usize) -> Option<usize> {
        self.codes.key(row)
    }

    pub(crate) fn value(&self, code: usize) -> &str {
        self.values.value(code)
    }

    /// The text in `row`, `None` for null.
    pub(crate) fn at(&self, row: usize) -> Option<&str> {
        self.code(row).map(|code| self.value(code))
    }

    /// Each distinct value through `f`, by code.
    pub(crate) fn map<T>(&self, f: impl Fn(&str) -> T) -> Vec<T> {
        (0..self.values.len())
            .map(|code| f(if self.values.is_null(code) { "" } else { self.value(code) }))
            .collect()
    }
}

pub(crate) fn days(batch: &RecordBatch, name: &str) -> Result<Date32Array, Error> {
    typed(batch, name, &DataType::Date32)
}

pub(crate) fn numbers(batch: &RecordBatch, name: &str) -> Result<UInt32Array, Error> {
    typed(batch, name, &DataType::UInt32)
}

pub(crate) fn flags(batch: &RecordBatch, name: &str) -> Result<BooleanArray, Error> {
    typed(batch, name, &DataType::Boolean)
}

pub(crate) fn has(batch: &RecordBatch, name: &str) -> bool {
    batch.schema().index_of(name).is_ok()
}

fn typed<A: Array + Clone + 'static>(batch: &RecordBatch, name: &str, wanted: &DataType) -> Result<A, Error> {
    let column = batch.column_by_name(name).ok_or_else(|| {
        let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        Error::new(ErrorKind::Column, format!("expected column `{name}`, found `{}`", names.join("`, `")))
    })?;
    let column = cast(column, wanted).map_err(|_| wrong(name))?;
    column.as_any().downcast_ref::<A>().cloned().ok_or_else(|| wrong(name))
}

fn wrong(name: &str) -> Error {
    Error::new(
        ErrorKind::Column,
        format!("column `{name}` has another type than the record's format gives it"),
    )
}

/// Collects the columns of a figure table.
#[derive(Default)]
pub(crate) struct Builder {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl Builder {
    /// Texts by small keys: each key's text is made once.
    pub(crate) fn coded<K: Copy + Eq + Hash, S: AsRef<str>>(
        mut self,
        name: &str,
        keys: impl Iterator<Item = Option<K>>,
        text: impl Fn(K) -> S,
    ) -> Self {
        let mut places = HashMap::<K, i32, BuildHasherDefault<Mix>>::default();
        let mut texts = Vec::new();
        let mut place = |key: K| {
            *places.entry(key).or_insert_with(|| {
                texts.push(text(key));
                texts.len() as i32 - 1
            })
        };
        let codes = keys.map(|key| key.map(&mut place)).collect::<Int32Array>();
        // Every code was given out by the line above.
        let codes = DictionaryArray::new(codes, Arc::new(StringArray::from_iter_values(texts)));
        self.push(name, codes.data_type().clone(), Arc::new(codes));
        self
    }

    /// One text in so many rows.
    pub(crate) fn same(self, name: &str, text: &str, rows: usize) -> Self {
        self.coded(name, (0..rows).map(|_| Some(())), |()| text)
    }

    pub(crate) fn days(mut self, name: &str, values: impl Iterator<Item = i32>) -> Self {
        self.push(name, DataType::Date32, Arc::new(Date32Array::from_iter_values(values)));
        self
    }

    pub(crate) fn flags(mut self, name: &str, values: impl Iterator<Item = bool>) -> Self {
        self.push(name, DataType::Boolean, Arc::new(values.map(Some).collect::<BooleanArray>()));
        self
    }

    pub(crate) fn numbers(mut self, name: &str, values: impl Iterator<Item = u32>) -> Self {
        self.push(name, DataType::UInt32, Arc::new(UInt32Array::from_iter_values(values)));
        self
    }

    fn push(&mut self, name: &str, kind: DataType, column: ArrayRef) {
        self.fields.push(Field::new(name, kind, column.null_count() > 0));
        self.columns.push(column);
    }

    pub(crate) fn finish(mut self) -> Result<RecordBatch, Error> {
        // Whether a column holds a null must not depend on the rows, or two parts of one table would differ.
        self.fields = self.fields.into_iter().map(|field| field.with_nullable(true)).collect();
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.columns)
            .map_err(|error| Error::new(ErrorKind::Column, error.to_string()))
    }
}
