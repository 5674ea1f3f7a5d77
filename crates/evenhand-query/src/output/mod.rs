//! Writers of an [`Answer`](crate::Answer): one for each format, and one place that turns a value into text.

mod csv;
mod json;
mod parquet;
mod text;

pub use csv::csv;
pub use json::json;
pub use parquet::parquet;
pub use text::text;

use crate::{Error, ErrorKind, Result};
use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Texts of the values of a batch: dates as `2017-02-01`, numbers with all their digits.
struct Texts<'a> {
    batch: &'a RecordBatch,
    columns: Vec<ArrayFormatter<'a>>,
}

impl<'a> Texts<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        let options = FormatOptions::default().with_display_error(false);
        let column = |array: &'a arrow::array::ArrayRef| ArrayFormatter::try_new(array, &options);
        let columns = batch.columns().iter().map(column).collect::<Result<_, _>>();
        Ok(Self { batch, columns: columns.map_err(|error| wrong("cannot print a column", error))? })
    }

    /// The value as text; `None` if it is missing.
    fn get(&self, row: usize, column: usize) -> Result<Option<String>> {
        if self.batch.column(column).is_null(row) {
            return Ok(None);
        }
        let text = self.columns[column].value(row).try_to_string();
        text.map(Some).map_err(|error| wrong("cannot print a value", error))
    }
}

fn wrong(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Output, format!("{what}: {error}")).because(error)
}

fn write_failed(error: std::io::Error) -> Error {
    wrong("cannot write the answer", error)
}
