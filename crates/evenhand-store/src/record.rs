//! Opens a record and reads its tables; a file's digest is checked before its first row is given out.

use crate::lock::{self, Locked};
use crate::names::shown;
use crate::{Error, ErrorKind, Manifest, PartEntry, Result, TableEntry, foreign, manifest};
use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::SchemaRef;
use evenhand_ledger::{Digest, Hasher};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a batch that is read, at most.
const ROWS_PER_BATCH: usize = 1 << 15;

/// An opened record. Clones share it; it shows what was published when it was opened, whatever is published
/// meanwhile.
#[derive(Debug, Clone)]
pub struct Record {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    manifest: Manifest,
    schemas: BTreeMap<String, SchemaRef>,
    files: Files,
    /// Paths of files whose digest was found right.
    checked: Mutex<BTreeSet<String>>,
    /// Keeps files that a later publish replaces until this record is dropped.
    _reader: Option<Locked>,
}

#[derive(Debug)]
enum Files {
    Folder(PathBuf),
    Embedded(BTreeMap<&'static str, &'static [u8]>),
}

/// A file of a record whose digest is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartFile {
    /// On the disk.
    Path(PathBuf),
    /// In the binary.
    Bytes(&'static [u8]),
}

impl Record {
    /// Opens the record in `folder`. Only the manifest is read and checked; each file is checked when it is
    /// first read, and all of them by [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`ErrorKind::NoRecord`], [`ErrorKind::NewerFormat`], [`ErrorKind::Damaged`],
    /// [`ErrorKind::UnsafePath`] or [`ErrorKind::Io`].
    pub fn open(folder: &Path) -> Result<Self> {
        // First the lock and then the manifest: files that the manifest names cannot go in between.
        let reader = lock::reader(folder);
        let manifest = Manifest::read(&folder.join(manifest::FILE))?.ok_or_else(|| no_record(folder))?;
        Self::new(manifest, Files::Folder(folder.to_owned()), reader)
    }

    /// Opens a record inside the binary: pairs of path within the record and bytes.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn embedded(files: &'static [(&'static str, &'static [u8])]) -> Result<Self> {
        let files: BTreeMap<_, _> = files.iter().copied().collect();
        let bytes = files.get(manifest::FILE).ok_or_else(|| no_record(Path::new("built-in record")))?;
        Self::new(Manifest::parse(bytes)?, Files::Embedded(files), None)
    }

    fn new(manifest: Manifest, files: Files, reader: Option<Locked>) -> Result<Self> {
        let schema = |table: &TableEntry| Ok((table.name.clone(), table.schema()?));
        let schemas = manifest.tables.iter().map(schema).collect::<Result<_>>()?;
        let inner = Inner { manifest, schemas, files, checked: Mutex::default(), _reader: reader };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the record holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.inner.manifest
    }

    /// Names of the tables, sorted.
    #[must_use]
    pub fn tables(&self) -> Vec<&str> {
        self.manifest().tables.iter().map(|table| table.name.as_str()).collect()
    }

    /// The folder, unless the record is inside the binary.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match &self.inner.files {
            Files::Folder(folder) => Some(folder),
            Files::Embedded(_) => None,
        }
    }

    /// Every column that any part of a table has.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownTable`].
    pub fn schema(&self, table: &str) -> Result<SchemaRef> {
        self.inner.schemas.get(table).cloned().ok_or_else(|| self.unknown_table(table))
    }

    /// The files of a table, by path.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownTable`].
    pub fn parts(&self, table: &str) -> Result<&[PartEntry]> {
        let found = self.manifest().table(table).ok_or_else(|| self.unknown_table(table))?;
        Ok(&found.parts)
    }

    /// Reads a table, part after part; all columns, or those asked for in the order asked for. A column that
    /// a part lacks is null there.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownTable`] or [`ErrorKind::UnknownColumn`] at once; from the iterator
    /// [`ErrorKind::Missing`], [`ErrorKind::Damaged`] or [`ErrorKind::Io`], after which it ends.
    pub fn read(&self, table: &str, columns: Option<&[&str]>) -> Result<Batches> {
        self.batches(table, self.parts(table)?.to_vec(), columns)
    }

    /// Reads one part of a table, with the same columns as [`read`](Self::read); for readers in parallel.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_part(&self, part: &PartEntry, columns: Option<&[&str]>) -> Result<Batches> {
        self.batches(&part.table, vec![part.clone()], columns)
    }

    fn batches(&self, table: &str, parts: Vec<PartEntry>, columns: Option<&[&str]>) -> Result<Batches> {
        let whole = self.schema(table)?;
        let schema = match columns {
            None => whole,
            Some(columns) => {
                let at = |name: &&str| {
                    whole
                        .column_with_name(name)
                        .map(|(at, _)| at)
                        .ok_or_else(|| unknown_column(table, name, &whole))
                };
                let at: Vec<usize> = columns.iter().map(at).collect::<Result<_>>()?;
                Arc::new(whole.project(&at).map_err(|error| {
                    Error::new(ErrorKind::Schema, format!("table {}: {error}", shown(table))).because(error)
                })?)
            }
        };
        Ok(Batches { record: self.clone(), schema, parts: parts.into_iter(), current: None, done: false })
    }

    /// Checks a file's digest, unless it was checked before, and says where the file is.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::Damaged`] or [`ErrorKind::Io`].
    pub fn checked_file(&self, part: &PartEntry) -> Result<PartFile> {
        match &self.inner.files {
            Files::Folder(folder) => {
                self.open_checked(folder, part)?;
                Ok(PartFile::Path(folder.join(&part.path)))
            }
            Files::Embedded(_) => self.bytes_checked(part).map(PartFile::Bytes),
        }
    }

    /// Opens a file and checks its digest through the same handle, so that no other file can slip in.
    fn open_checked(&self, folder: &Path, part: &PartEntry) -> Result<File> {
        let path = folder.join(&part.path);
        let read = |source| Error::io("read", &path, source);
        let mut file = File::open(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => missing(&path),
            _ => read(source),
        })?;
        if !self.is_checked(part) {
            check(&path, part, digest_of(&mut file).map_err(read)?)?;
            file.rewind().map_err(read)?;
            self.set_checked(part);
        }
        Ok(file)
    }

    fn bytes_checked(&self, part: &PartEntry) -> Result<&'static [u8]> {
        let Files::Embedded(files) = &self.inner.files else { return Err(missing(Path::new(&part.path))) };
        let bytes = *files.get(part.path.as_str()).ok_or_else(|| missing(Path::new(&part.path)))?;
        if !self.is_checked(part) {
            check(Path::new(&part.path), part, (Digest::of(bytes), bytes.len() as u64))?;
            self.set_checked(part);
        }
        Ok(bytes)
    }

    fn is_checked(&self, part: &PartEntry) -> bool {
        self.inner.checked.lock().unwrap_or_else(PoisonError::into_inner).contains(&part.path)
    }

    fn set_checked(&self, part: &PartEntry) {
        self.inner.checked.lock().unwrap_or_else(PoisonError::into_inner).insert(part.path.clone());
    }

    /// Makes [`verify`](Self::verify) look at every file anew.
    pub(crate) fn forget_checks(&self) {
        self.inner.checked.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn open_part(&self, part: &PartEntry, schema: &SchemaRef) -> Result<ParquetRecordBatchReader> {
        let path = self.shown_path(part);
        let rows = match &self.inner.files {
            Files::Folder(folder) => {
                let file = self.open_checked(folder, part)?;
                foreign::caught(|| rows_of(file, &path, part, schema))
            }
            Files::Embedded(_) => {
                let bytes = shared_bytes(<File as ChunkReader>::get_bytes, self.bytes_checked(part)?);
                foreign::caught(|| rows_of(bytes, &path, part, schema))
            }
        };
        rows.unwrap_or_else(|panic| Err(unreadable(&path, &panic)))
    }

    /// Where a part is, for messages.
    pub(crate) fn shown_path(&self, part: &PartEntry) -> PathBuf {
        self.folder().map_or_else(|| PathBuf::from(&part.path), |folder| folder.join(&part.path))
    }

    fn unknown_table(&self, table: &str) -> Error {
        let tables = self.tables().join(", ");
        Error::expected(ErrorKind::UnknownTable, format!("one of the tables {tables}"), shown(table))
    }
}

/// Batches of a table; see [`Record::read`].
#[derive(Debug)]
pub struct Batches {
    record: Record,
    schema: SchemaRef,
    parts: std::vec::IntoIter<PartEntry>,
    current: Option<(PathBuf, ParquetRecordBatchReader)>,
    done: bool,
}

impl Batches {
    /// The columns of every batch.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some((path, rows)) = &mut self.current {
                match foreign::caught(|| rows.next()).map_err(|panic| unreadable(path, &panic))? {
                    Some(Ok(batch)) => return conform(&batch, &self.schema, path).map(Some),
                    Some(Err(error)) => {
                        let message = format!("cannot read: {error}");
                        return Err(Error::new(ErrorKind::Damaged, message).at(path).because(error));
                    }
                    None => self.current = None,
                }
            }
            let Some(part) = self.parts.next() else { return Ok(None) };
            let rows = self.record.open_part(&part, &self.schema)?;
            self.current = Some((self.record.shown_path(&part), rows));
        }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.advance().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Reads those columns of a file that `schema` asks for.
fn rows_of<T: ChunkReader + 'static>(
    file: T,
    path: &Path,
    part: &PartEntry,
    schema: &SchemaRef,
) -> Result<ParquetRecordBatchReader> {
    let wrong = |source| Error::parquet("read", path, source);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(wrong)?;
    let found = manifest::fingerprint(&manifest::columns_of(builder.schema())?);
    if found != part.schema {
        let (expected, found) = (format!("columns of fingerprint {}", part.schema.short()), found.short());
        return Err(Error::expected(ErrorKind::Schema, expected, found).at(path));
    }
    let wanted = |(at, field): (usize, &Arc<arrow::datatypes::Field>)| {
        schema.column_with_name(field.name()).is_some().then_some(at)
    };
    let roots: Vec<usize> = builder.schema().fields().iter().enumerate().filter_map(wanted).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    builder.with_projection(mask).with_batch_size(ROWS_PER_BATCH).build().map_err(wrong)
}

/// Puts columns in order and fills those that the part lacks with nulls.
fn conform(batch: &RecordBatch, schema: &SchemaRef, path: &Path) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let column = |field: &Arc<arrow::datatypes::Field>| match batch.column_by_name(field.name()) {
        Some(column) => column.clone(),
        None => new_null_array(field.data_type(), rows),
    };
    let columns = schema.fields().iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|error| Error::new(ErrorKind::Schema, error.to_string()).at(path).because(error))
}

/// The bytes as the type that `get_bytes` returns. It belongs to a crate that we otherwise have no need of.
fn shared_bytes<R, T: From<&'static [u8]>>(
    _get_bytes: fn(&R, u64, usize) -> parquet::errors::Result<T>,
    bytes: &'static [u8],
) -> T {
    T::from(bytes)
}

fn digest_of(file: &mut File) -> std::io::Result<(Digest, u64)> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0_u8; 1 << 16];
    let mut bytes = 0_u64;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hasher.finish(), bytes));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        bytes = bytes.saturating_add(read as u64);
    }
}

fn check(path: &Path, part: &PartEntry, (sha256, bytes): (Digest, u64)) -> Result<()> {
    let (expected, found) = if bytes != part.bytes {
        (format!("{} bytes", part.bytes), bytes.to_string())
    } else if sha256 != part.sha256 {
        (format!("bytes of sha256 {}", part.sha256), sha256.to_string())
    } else {
        return Ok(());
    };
    Err(Error::expected(ErrorKind::Damaged, expected, found).at(path).with_hint(REPAIR))
}

const REPAIR: &str = "the file is not as it was published: ingest the release again into a new record";

/// A file with the right digest that is no Parquet file as its reader takes it: only who seals a manifest can
/// bring it into a record.
fn unreadable(path: &Path, panic: &str) -> Error {
    let message = format!("cannot read: the file is not what it says that it is ({panic})");
    Error::new(ErrorKind::Damaged, message).at(path).with_hint(REPAIR)
}

fn missing(path: &Path) -> Error {
    Error::expected(ErrorKind::Missing, "a file that the manifest names", "none").at(path).with_hint(REPAIR)
}

fn no_record(folder: &Path) -> Error {
    Error::expected(ErrorKind::NoRecord, "a record", "no `manifest.json`")
        .at(folder)
        .with_hint("make one with `evenhand ingest`, or name the folder of one")
}

fn unknown_column(table: &str, name: &str, schema: &SchemaRef) -> Error {
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let expected = format!("a column of table {}: {}", shown(table), columns.join(", "));
    Error::expected(ErrorKind::UnknownColumn, expected, shown(name))
}
