//! Makes a record's tables known to DataFusion: exactly the files that the manifest names, through a store of
//! bytes that reaches nothing outside the record.

use crate::{Error, ErrorKind, Result};
use datafusion::catalog::{CatalogProvider as _, MemoryCatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::memory::InMemory;
use datafusion::object_store::path::Path;
use datafusion::object_store::{ObjectStore, ObjectStoreExt as _};
use datafusion::prelude::SessionContext;
use evenhand_store::{PartEntry, PartFile, Record};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

/// Where the record's files are, as DataFusion names it.
const STORE: &str = "record://record";

/// The names before a table's name in full: `record.public.arrests`.
pub(crate) const CATALOG: &str = "record";
pub(crate) const SCHEMA: &str = "public";

/// The providers of a record's tables, by name.
pub(crate) type Tables = BTreeMap<String, Arc<dyn TableProvider>>;

/// Registers the store and every table. Nothing is read from the disk yet.
pub(crate) async fn register(context: &SessionContext, record: &Record) -> Result<Tables> {
    let wrong =
        |error: DataFusionError| Error::new(ErrorKind::Record, "cannot open the record").because(error);
    let url = ObjectStoreUrl::parse(STORE).map_err(wrong)?;
    context.register_object_store(url.as_ref(), store(record).await?);
    let mut tables = Tables::new();
    for name in record.tables() {
        let table = listing(record, name)?.map_err(wrong)?;
        tables.insert(name.to_owned(), Arc::new(table));
    }
    let catalog = MemoryCatalogProvider::new();
    let schema = Arc::new(RecordTables(tables.clone()));
    catalog.register_schema(SCHEMA, schema).map_err(wrong)?;
    context.register_catalog(CATALOG, Arc::new(catalog));
    Ok(tables)
}

/// The tables as DataFusion looks them up: in the order of their names, and without a way to change them.
#[derive(Debug)]
struct RecordTables(Tables);

/// What an asynchronous function of a trait turns into.
type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, DataFusionError>> + Send + 'a>>;

impl SchemaProvider for RecordTables {
    fn table_names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn table<'a, 'b, 'c>(&'a self, name: &'b str) -> Later<'c, Option<Arc<dyn TableProvider>>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(std::future::ready(Ok(self.0.get(name).cloned())))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Checks the digests of the files of some tables, those that were not checked before.
pub(crate) fn check<'a>(record: &Record, tables: impl Iterator<Item = &'a str>) -> Result<()> {
    for table in tables {
        for part in record.parts(table)? {
            record.checked_file(part)?;
        }
    }
    Ok(())
}

fn listing(record: &Record, table: &str) -> Result<Result<ListingTable, DataFusionError>> {
    let (parts, schema) = (record.parts(table)?, record.schema(table)?);
    let url = |part: &PartEntry| ListingTableUrl::parse(format!("{STORE}/{}", part.path));
    Ok(parts.iter().map(url).collect::<Result<Vec<_>, _>>().and_then(|urls| {
        let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options);
        ListingTable::try_new(config.with_schema(schema))
    }))
}

/// The record's folder, or the bytes in the binary, as a store of files.
async fn store(record: &Record) -> Result<Arc<dyn ObjectStore>> {
    let wrong = |error| Error::new(ErrorKind::Record, "cannot open the record").because(error);
    if let Some(folder) = record.folder() {
        return Ok(Arc::new(LocalFileSystem::new_with_prefix(folder).map_err(wrong)?));
    }
    let memory = InMemory::new();
    for part in record.manifest().parts() {
        if let PartFile::Bytes(bytes) = record.checked_file(part)? {
            memory.put(&Path::from(part.path.as_str()), bytes.into()).await.map_err(wrong)?;
        }
    }
    Ok(Arc::new(memory))
}
