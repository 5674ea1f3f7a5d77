//! Writes one Parquet file of a record into the staging folder: row groups of a fixed size, sorted by date
//! if asked, nothing in it that depends on the time, the machine or how the rows came in batches.

use crate::disk::{self, Output};
use crate::manifest::{columns_of, fingerprint};
use crate::names::{self, shown};
use crate::{ColumnEntry, Error, ErrorKind, PartEntry, Result};
use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};
use evenhand_ledger::Hasher;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Rows of a row group: what is sorted at a time, held in memory at a time, and skipped at a time.
pub const ROWS_PER_GROUP: usize = 1 << 18;

/// How every Parquet file is written: zstd, dictionaries, statistics per page, a fixed author.
///
/// The `parquet` crate cannot write page checksums; the digest in the manifest covers the whole file, and
/// also the statistics, where a changed byte would silently lose rows.
#[must_use]
pub fn writer_properties() -> WriterProperties {
    let rows = ColumnPath::from("row_original");
    let properties = WriterProperties::builder()
        .set_created_by("evenhand record/1".into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_dictionary_enabled(true)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        // Row numbers rise by one: differences take no room, where a dictionary would hold every number.
        .set_column_dictionary_enabled(rows.clone(), false)
        .set_column_encoding(rows, Encoding::DELTA_BINARY_PACKED);
    // One value in all of a part: there is nothing to prune by, and comparing every row with it costs time.
    ["release", "file_original", "sheet_original"]
        .into_iter()
        .fold(properties, |properties, column| {
            properties.set_column_statistics_enabled(ColumnPath::from(column), EnabledStatistics::None)
        })
        .build()
}

/// One file of a record as it is written; dropped before [`finish`](Self::finish), it leaves nothing behind.
pub struct PartWriter {
    table: String,
    release: String,
    part: String,
    schema: SchemaRef,
    columns: Vec<ColumnEntry>,
    staged: Staged,
    parquet: ArrowWriter<Hashed>,
    sort: Option<Sorter>,
    rows: u64,
}

impl PartWriter {
    /// Opens a file at `path` in the staging folder. `sort_by` names a column of type `Date32`.
    pub(crate) fn create(
        path: PathBuf,
        (table, release, part): (&str, &str, &str),
        schema: &Schema,
        sort_by: Option<&str>,
    ) -> Result<Self> {
        let schema = plain(schema);
        let columns = columns_of(&schema)?;
        let sort = sort_by.map(|column| Sorter::new(&schema, column)).transpose()?;
        let staged = Staged { path, finished: false };
        let hashed = Hashed { output: Output::create(&staged.path)?, hasher: Hasher::default(), bytes: 0 };
        let parquet = ArrowWriter::try_new(hashed, schema.clone(), Some(writer_properties()))
            .map_err(|source| Error::parquet("write", &staged.path, source))?;
        let [table, release, part] = [table, release, part].map(str::to_owned);
        Ok(Self { table, release, part, schema, columns, staged, parquet, sort, rows: 0 })
    }

    /// Writes rows.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when the columns are not those announced; [`ErrorKind::DiskFull`] or
    /// [`ErrorKind::Io`] when the disk refuses.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.conform(batch)?;
        self.rows = self.rows.saturating_add(batch.num_rows() as u64);
        match &mut self.sort {
            None => self.write_through(&batch),
            Some(sort) => {
                let groups = sort.push(batch)?;
                groups.iter().try_for_each(|group| self.write_through(group))
            }
        }
    }

    /// Closes the file, waits until it is on the disk, and says what was written.
    ///
    /// # Errors
    /// [`ErrorKind::DiskFull`] or [`ErrorKind::Io`] when the disk refuses.
    pub fn finish(mut self) -> Result<PartEntry> {
        if let Some(last) = self.sort.as_mut().map(Sorter::take).transpose()? {
            self.write_through(&last)?;
        }
        // Not `into_inner`, which turns a refusal of the disk into a text.
        let closed = self.parquet.finish();
        closed.map_err(|source| Error::parquet("write", &self.staged.path, source))?;
        let hashed = self.parquet.inner();
        hashed.output.sync()?;
        self.staged.finished = true;
        let sha256 = hashed.hasher.clone().finish();
        Ok(PartEntry {
            path: names::part_path(&self.table, &self.release, &self.part, &sha256),
            table: self.table,
            release: self.release,
            sha256,
            bytes: hashed.bytes,
            rows: self.rows,
            schema: fingerprint(&self.columns),
        })
    }

    /// The columns of this part, as the manifest names them.
    pub(crate) fn columns(&self) -> &[ColumnEntry] {
        &self.columns
    }

    fn write_through(&mut self, batch: &RecordBatch) -> Result<()> {
        self.parquet.write(batch).map_err(|source| Error::parquet("write", &self.staged.path, source))
    }

    /// The batch under the announced schema, without the metadata that readers of other files attach.
    fn conform(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let found = batch.schema();
        let same = |(one, two): (&Arc<Field>, &Arc<Field>)| {
            one.name() == two.name() && one.data_type() == two.data_type()
        };
        let fields = (self.schema.fields(), found.fields());
        if fields.0.len() != fields.1.len() || !fields.0.iter().zip(fields.1).all(same) {
            let expected =
                format!("the columns announced for table {}: {}", shown(&self.table), list(fields.0));
            return Err(Error::expected(ErrorKind::Schema, expected, list(fields.1)));
        }
        RecordBatch::try_new(self.schema.clone(), batch.columns().to_vec()).map_err(|error| {
            Error::new(ErrorKind::Schema, format!("table {}: {error}", shown(&self.table))).because(error)
        })
    }
}

impl std::fmt::Debug for PartWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartWriter").field("path", &self.staged.path).field("rows", &self.rows).finish()
    }
}

/// A file in the staging folder, removed when its writer is dropped before it finished.
#[derive(Debug)]
struct Staged {
    path: PathBuf,
    finished: bool,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be removed here goes with the staging folder.
            drop(disk::remove_file(&self.path));
        }
    }
}

/// Takes the digest of the bytes while they are written.
struct Hashed {
    output: Output,
    hasher: Hasher,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        self.bytes = self.bytes.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Collects a row group and sorts it by a date; rows of one date keep their order, rows without one go last.
#[derive(Debug)]
struct Sorter {
    column: usize,
    schema: SchemaRef,
    waiting: Vec<RecordBatch>,
    rows: usize,
}

impl Sorter {
    fn new(schema: &SchemaRef, column: &str) -> Result<Self> {
        let found = schema.column_with_name(column);
        match found {
            Some((column, field)) if *field.data_type() == DataType::Date32 => {
                Ok(Self { column, schema: schema.clone(), waiting: Vec::new(), rows: 0 })
            }
            Some((_, field)) => {
                let expected = format!("column {} of type `Date32` to sort by", shown(column));
                Err(Error::expected(ErrorKind::Schema, expected, shown(&field.data_type().to_string())))
            }
            None => {
                let expected = format!("column {} to sort by", shown(column));
                Err(Error::expected(ErrorKind::UnknownColumn, expected, list(schema.fields())))
            }
        }
    }

    /// Takes rows in, and gives out the row groups that they filled.
    fn push(&mut self, batch: RecordBatch) -> Result<Vec<RecordBatch>> {
        let mut groups = Vec::new();
        let mut rest = batch;
        while self.rows.saturating_add(rest.num_rows()) >= ROWS_PER_GROUP {
            let room = ROWS_PER_GROUP.saturating_sub(self.rows);
            self.waiting.push(rest.slice(0, room));
            groups.push(self.take()?);
            rest = rest.slice(room, rest.num_rows().saturating_sub(room));
        }
        if rest.num_rows() > 0 {
            self.rows = self.rows.saturating_add(rest.num_rows());
            self.waiting.push(rest);
        }
        Ok(groups)
    }

    /// Gives out the rows that wait, sorted.
    fn take(&mut self) -> Result<RecordBatch> {
        let waiting = std::mem::take(&mut self.waiting);
        self.rows = 0;
        let sorted =
            concat_batches(&self.schema, &waiting).and_then(|group| sort_by_date(group, self.column));
        sorted.map_err(|error| {
            Error::new(ErrorKind::Schema, format!("cannot sort rows: {error}")).because(error)
        })
    }
}

fn sort_by_date(group: RecordBatch, column: usize) -> Result<RecordBatch, arrow::error::ArrowError> {
    let dates = group.column(column).as_primitive::<Date32Type>();
    let keys: Vec<(bool, i32)> =
        dates.iter().map(|date| (date.is_none(), date.unwrap_or_default())).collect();
    if keys.is_sorted() {
        return Ok(group);
    }
    let mut order: Vec<u32> = (0..u32::try_from(keys.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by_key(|row| keys.get(*row as usize));
    take_record_batch(&group, &UInt32Array::from(order))
}

/// The schema without metadata, which would put bytes into the file that say nothing of the rows.
fn plain(schema: &Schema) -> SchemaRef {
    let bare = |field: &Arc<Field>| Field::new(field.name(), field.data_type().clone(), field.is_nullable());
    Arc::new(Schema::new(schema.fields().iter().map(bare).collect::<Vec<_>>()))
}

fn list(fields: &arrow::datatypes::Fields) -> String {
    let names: Vec<String> =
        fields.iter().map(|field| format!("`{}` {}", field.name(), field.data_type())).collect();
    names.join(", ")
}
