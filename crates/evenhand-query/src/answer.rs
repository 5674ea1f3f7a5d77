//! Rows in answer to a query.

use crate::{Error, ErrorKind, Result};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

/// The rows of a query, in memory. Columns are plain: texts are `Utf8`, never a dictionary or a view.
#[derive(Debug, Clone)]
pub struct Answer {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Answer {
    pub(crate) fn new(schema: &Schema, batches: &[RecordBatch]) -> Result<Self> {
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .map(|field| Field::new(field.name(), plain(field.data_type()), field.is_nullable()))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let batches = batches.iter().map(|batch| conform(batch, &schema)).collect::<Result<_, _>>();
        let batches = batches.map_err(|error| {
            Error::new(ErrorKind::Failed, "cannot bring the answer into plain columns").because(error)
        })?;
        Ok(Self { schema, batches })
    }

    /// Names and types of the columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The rows.
    #[must_use]
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, arrow::error::ArrowError> {
    let column = |(array, field): (&ArrayRef, &Arc<Field>)| cast(array, field.data_type());
    let columns = batch.columns().iter().zip(schema.fields()).map(column).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}

/// The type without its encoding.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, value) => plain(value),
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        other => other.clone(),
    }
}
