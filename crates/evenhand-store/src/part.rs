//! Writes one Parquet file of a record into the staging folder: row groups of a fixed size, sorted by date
//! if asked, nothing in it that depends on the time, the machine or how the rows came in batches.

use crate::disk::{self, Output};
use crate::manifest::{columns_of, fingerprint};
use crate::names::{self, shown};
use crate::text_chunk::TextChunk;
use crate::{ColumnEntry, Error, ErrorKind, PartEntry, Result};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};
use bytes::Bytes;
use evenhand_ledger::Hasher;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, ColumnPath};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a row group: what is sorted at a time, held in memory at a time, and skipped at a time.
pub const ROWS_PER_GROUP: usize = 1 << 18;
/// Rows of a group below which a second thread is not worth its start.
const FEW_ROWS: usize = 1 << 12;

/// How every Parquet file is written: zstd, dictionaries, statistics per page, a fixed author.
///
/// The `parquet` crate cannot write page checksums; the digest in the manifest covers the whole file, and
/// also the statistics, where a changed byte would silently lose rows.
#[must_use]
pub fn writer_properties() -> WriterProperties {
    let rows = ColumnPath::from("row_original");
    WriterProperties::builder()
        .set_created_by("evenhand record/1".into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_dictionary_enabled(true)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        // Row numbers rise by one: differences take no room, where a dictionary would hold every number.
        .set_column_dictionary_enabled(rows.clone(), false)
        .set_column_encoding(rows, Encoding::DELTA_BINARY_PACKED)
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
    parquet: SerializedFileWriter<Hashed>,
    columns_of_group: ArrowRowGroupWriterFactory,
    group: Group,
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
        let group = Group::new(&schema, sort_by)?;
        let staged = Staged { path, finished: false };
        let hashed = Hashed { output: Output::create(&staged.path)?, hasher: Hasher::default(), bytes: 0 };
        let (parquet, columns_of_group) =
            ArrowWriter::try_new(hashed, schema.clone(), Some(writer_properties()))
                .and_then(ArrowWriter::into_serialized_writer)
                .map_err(|source| Error::parquet("write", &staged.path, source))?;
        let [table, release, part] = [table, release, part].map(str::to_owned);
        Ok(Self { table, release, part, schema, columns, staged, parquet, columns_of_group, group, rows: 0 })
    }

    /// Writes rows.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when the columns are not those announced; [`ErrorKind::DiskFull`] or
    /// [`ErrorKind::Io`] when the disk refuses.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.conform(batch)?;
        self.rows = self.rows.saturating_add(batch.num_rows() as u64);
        let mut rest = batch;
        while self.group.rows.saturating_add(rest.num_rows()) >= ROWS_PER_GROUP {
            let room = ROWS_PER_GROUP.saturating_sub(self.group.rows);
            self.group.push(rest.slice(0, room));
            self.write_group()?;
            rest = rest.slice(room, rest.num_rows().saturating_sub(room));
        }
        self.group.push(rest);
        Ok(())
    }

    /// Closes the file, waits until it is on the disk, and says what was written.
    ///
    /// # Errors
    /// [`ErrorKind::DiskFull`] or [`ErrorKind::Io`] when the disk refuses.
    pub fn finish(mut self) -> Result<PartEntry> {
        if self.group.rows > 0 {
            self.write_group()?;
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

    /// Writes the rows that wait, as a row group of their own.
    fn write_group(&mut self) -> Result<()> {
        let group = self.group.take();
        let written = encode(&group, &self.columns_of_group, &mut self.parquet);
        written.map_err(|source| Error::parquet("write", &self.staged.path, source))
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

/// Writes a row group, its columns packed on two threads: when the last file of an ingest ends, a core is free.
fn encode(
    group: &Group,
    columns: &ArrowRowGroupWriterFactory,
    file: &mut SerializedFileWriter<Hashed>,
) -> std::result::Result<(), ParquetError> {
    let at = file.flushed_row_groups().len();
    let descriptors = file.schema_descr().columns().to_vec();
    let order = group.order();
    let mut row_group = file.next_row_group()?;
    let writers = columns.create_column_writers(at)?.into_iter();
    let waiting = Mutex::new(writers.zip(descriptors).enumerate());
    let pack = || {
        let mut packed = Vec::new();
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((at, (general, descriptor))) = next else { return packed };
            packed.push((at, Packed::new(group, at, order.as_deref(), general, descriptor)));
        }
    };
    let mut packed = if group.rows < FEW_ROWS {
        pack()
    } else {
        std::thread::scope(|scope| {
            let other = scope.spawn(pack);
            let mut packed = pack();
            packed.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            packed
        })
    };
    packed.sort_by_key(|(at, _)| *at);
    for (_, column) in packed {
        match column? {
            Packed::Text(bytes, close) => row_group.append_column(&bytes, *close)?,
            Packed::General(chunk) => chunk.append_to_row_group(&mut row_group)?,
        }
    }
    row_group.close().map(drop)
}

/// A column chunk, ready to be appended.
enum Packed {
    Text(Bytes, Box<ColumnCloseResult>),
    General(Box<ArrowColumnChunk>),
}

impl Packed {
    /// Text that comes as codes by [`TextChunk`], all other columns by the `parquet` crate.
    fn new(
        group: &Group,
        column: usize,
        order: Option<&[u32]>,
        mut general: ArrowColumnWriter,
        descriptor: ColumnDescPtr,
    ) -> std::result::Result<Self, ParquetError> {
        let arrays: Vec<&dyn Array> =
            group.batches.iter().map(|batch| batch.column(column).as_ref()).collect();
        if let Some(text) = TextChunk::new(&arrays, order) {
            return text.encode(descriptor).map(|(bytes, close)| Self::Text(bytes, Box::new(close)));
        }
        for leaf in compute_leaves(group.schema.field(column), &whole(&arrays, order)?)? {
            general.write(&leaf)?;
        }
        general.close().map(|chunk| Self::General(Box::new(chunk)))
    }
}

/// The arrays as one, in `order`.
fn whole(arrays: &[&dyn Array], order: Option<&[u32]>) -> std::result::Result<ArrayRef, ParquetError> {
    let one = concat(arrays)?;
    Ok(match order {
        Some(order) => take(&one, &UInt32Array::from(order.to_vec()), None)?,
        None => one,
    })
}

/// Rows that wait to be a row group.
#[derive(Debug)]
struct Group {
    schema: SchemaRef,
    /// Column to sort by.
    sort_by: Option<usize>,
    batches: Vec<RecordBatch>,
    rows: usize,
}

impl Group {
    fn new(schema: &SchemaRef, sort_by: Option<&str>) -> Result<Self> {
        let sort_by = sort_by.map(|column| date_column(schema, column)).transpose()?;
        Ok(Self { schema: schema.clone(), sort_by, batches: Vec::new(), rows: 0 })
    }

    fn push(&mut self, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            self.rows = self.rows.saturating_add(batch.num_rows());
            self.batches.push(batch);
        }
    }

    /// The rows that wait; none do after this.
    fn take(&mut self) -> Self {
        let empty = Self { schema: self.schema.clone(), sort_by: self.sort_by, batches: Vec::new(), rows: 0 };
        std::mem::replace(self, empty)
    }

    /// Which row comes where when rows are sorted by their date: rows of one date keep their order, rows without
    /// one go last. `None` when they are in order as they are.
    fn order(&self) -> Option<Vec<u32>> {
        let column = self.sort_by?;
        let dates = self.batches.iter().map(|batch| batch.column(column).as_primitive::<Date32Type>());
        let keys =
            dates.flat_map(|dates| dates.iter().map(|date| (date.is_none(), date.unwrap_or_default())));
        // Most files come sorted: looked at first, since keys of a whole group are memory never touched otherwise.
        if keys.clone().is_sorted() {
            return None;
        }
        let keys: Vec<(bool, i32)> = keys.collect();
        let mut order: Vec<u32> = (0..u32::try_from(keys.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by_key(|row| keys.get(*row as usize));
        Some(order)
    }
}

/// Where a column of dates stands.
fn date_column(schema: &SchemaRef, column: &str) -> Result<usize> {
    match schema.column_with_name(column) {
        Some((at, field)) if *field.data_type() == DataType::Date32 => Ok(at),
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
