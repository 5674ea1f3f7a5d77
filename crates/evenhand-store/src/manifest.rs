//! What a record is: `manifest.json` names every file, with the digest of its bytes, and keeps the ledger.
//!
//! The manifest's last field, `manifest_sha256`, is the SHA-256 of the manifest's own bytes with those 64
//! digits taken out, so that a changed byte anywhere in a record is found. Nothing in it depends on the time
//! or the machine: the same releases read by the same engine give the same bytes.

use crate::names::{self, shown};
use crate::{Error, ErrorKind, Result};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use evenhand_ledger::{Digest, Ledger};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// The format that this engine writes, and the only one that it reads.
pub const FORMAT: &str = "record/1";

/// Name of the manifest within a record.
pub(crate) const FILE: &str = "manifest.json";

/// A manifest is read into memory whole; no honest one comes near this size.
const MAX_BYTES: usize = 64 << 20;

/// What a record holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// The engine that wrote the record, `evenhand 0.1.0`.
    pub engine: String,
    /// The releases, by id.
    pub releases: Vec<Release>,
    /// The tables, by name.
    pub tables: Vec<TableEntry>,
    #[serde(skip, default = "nothing")]
    sha256: Digest,
}

/// One release and the account of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Release id, `ice-foia-2019-53623`.
    pub id: String,
    /// Tables that the ledger counts rows of but that this record leaves out, keeping only figures made from
    /// them; empty in a record that was ingested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The files read, with their own digests and every row accounted for.
    pub ledger: Ledger,
}

/// One table and its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// SQL name.
    pub name: String,
    /// Rows in all parts.
    pub rows: u64,
    /// Columns of the parts, by the fingerprint that the parts give.
    pub schemas: BTreeMap<Digest, Vec<ColumnEntry>>,
    /// The files, by path.
    pub parts: Vec<PartEntry>,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnEntry {
    /// Name.
    pub name: String,
    /// Arrow's name of the type, such as `Date32`.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether a value may be missing.
    pub nullable: bool,
}

/// One Parquet file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartEntry {
    /// Path within the record, with `/` between parts.
    pub path: String,
    /// Table that it belongs to.
    pub table: String,
    /// Release that its rows come from.
    pub release: String,
    /// SHA-256 of the file's bytes.
    pub sha256: Digest,
    /// Size of the file.
    pub bytes: u64,
    /// Rows in the file.
    pub rows: u64,
    /// Fingerprint of its columns' names and types.
    pub schema: Digest,
}

impl Manifest {
    /// Puts releases and parts in order and checks that they belong together. `columns` are the columns of
    /// the parts, by fingerprint.
    pub(crate) fn assemble(
        engine: &str,
        mut releases: Vec<Release>,
        mut parts: Vec<PartEntry>,
        columns: &BTreeMap<Digest, Vec<ColumnEntry>>,
    ) -> Result<Self> {
        releases.sort_by(|a, b| a.id.cmp(&b.id));
        for release in &mut releases {
            release.left_out.sort();
            release.ledger.files.sort_by(|a, b| a.path.cmp(&b.path));
        }
        parts.sort();
        let mut tables: BTreeMap<String, TableEntry> = BTreeMap::new();
        for part in parts {
            let table = tables.entry(part.table.clone()).or_insert_with(|| TableEntry::new(&part.table));
            if let Some(known) = columns.get(&part.schema) {
                table.schemas.insert(part.schema.clone(), known.clone());
            }
            table.rows = table.rows.saturating_add(part.rows);
            table.parts.push(part);
        }
        let tables = tables.into_values().collect();
        let mut manifest =
            Self { format: FORMAT.into(), engine: engine.into(), releases, tables, sha256: nothing() };
        manifest.check()?;
        manifest.check_ledger()?;
        manifest.sha256 = manifest.render()?.1;
        Ok(manifest)
    }

    /// Reads the manifest at `path`; `None` if there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        use std::io::ErrorKind as Os;
        let file = match std::fs::File::open(path) {
            Err(error) if matches!(error.kind(), Os::NotFound | Os::NotADirectory) => return Ok(None),
            opened => opened,
        };
        let mut bytes = Vec::new();
        let read =
            file.and_then(|file| file.take((MAX_BYTES as u64).saturating_add(1)).read_to_end(&mut bytes));
        read.map_err(|source| Error::io("read", path, source))?;
        Self::parse(&bytes).map(Some).map_err(|error| error.at(path))
    }

    /// Parses a manifest and checks its digest and everything in it that can be checked without the files.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        Self::parse_unplaced(bytes).map_err(|error| error.at(Path::new(FILE)))
    }

    fn parse_unplaced(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_BYTES {
            let found = format!("{} bytes", bytes.len());
            return Err(Error::expected(ErrorKind::Damaged, format!("at most {MAX_BYTES} bytes"), found));
        }
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| {
            Error::new(ErrorKind::Damaged, format!("expected a manifest in JSON, but {error}")).because(error)
        })?;
        check_format(&value)?;
        let sha256 = check_digest(bytes)?;
        let mut manifest: Manifest = serde_json::from_value(value).map_err(|error| {
            Error::new(ErrorKind::Damaged, format!("expected a manifest of {FORMAT}, but {error}"))
                .because(error)
        })?;
        manifest.check()?;
        manifest.sha256 = sha256;
        Ok(manifest)
    }

    /// The bytes of the manifest, and the digest that they carry.
    pub(crate) fn render(&self) -> Result<(Vec<u8>, Digest)> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| Error::new(ErrorKind::Staging, "cannot write the manifest").because(error))?;
        let open = json.trim_end_matches('}').trim_end();
        let (head, tail) = (format!("{open},\n  {DIGEST_KEY}: \""), "\"\n}\n");
        let sha256 = Digest::of(format!("{head}{tail}").as_bytes());
        Ok((format!("{head}{sha256}{tail}").into_bytes(), sha256))
    }

    /// The digest of the manifest: since that holds the digest of every file, it names the record's content.
    #[must_use]
    pub fn sha256(&self) -> &Digest {
        &self.sha256
    }

    /// A release by its id.
    #[must_use]
    pub fn release(&self, id: &str) -> Option<&Release> {
        self.releases.iter().find(|release| release.id == id)
    }

    /// A table by its name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TableEntry> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Every file of the record, by table and path.
    pub fn parts(&self) -> impl Iterator<Item = &PartEntry> {
        self.tables.iter().flat_map(|table| &table.parts)
    }

    /// Rows of a release in a table.
    #[must_use]
    pub fn rows_of(&self, release: &str, table: &str) -> u64 {
        let parts = self.table(table).map(|table| table.parts.as_slice()).unwrap_or_default();
        parts.iter().filter(|part| part.release == release).map(|part| part.rows).sum()
    }

    /// Checks names, paths and sums, so that the rest of the store can rely on them.
    fn check(&self) -> Result<()> {
        strictly_ascending("releases", self.releases.iter().map(|release| &release.id))?;
        strictly_ascending("tables", self.tables.iter().map(|table| &table.name))?;
        self.releases.iter().try_for_each(|release| names::check_release(&release.id))?;
        self.tables.iter().try_for_each(|table| self.check_table(table))
    }

    fn check_table(&self, table: &TableEntry) -> Result<()> {
        names::check_table(&table.name)?;
        let place = shown(&table.name);
        strictly_ascending("parts", table.parts.iter().map(|part| &part.path))?;
        let mut rows = 0_u64;
        for part in &table.parts {
            names::check_path(&part.path, &table.name, &part.release)?;
            if part.table != table.name {
                return Err(Error::expected(
                    ErrorKind::Staging,
                    format!("a part of {place}"),
                    shown(&part.table),
                ));
            }
            if self.release(&part.release).is_none() {
                let expected = format!("a release of {place} that the manifest names");
                return Err(Error::expected(ErrorKind::Staging, expected, shown(&part.release)));
            }
            rows = rows.saturating_add(part.rows);
        }
        if rows != table.rows {
            let (expected, found) =
                (format!("{} rows in {place}", table.rows), format!("{rows} in its parts"));
            return Err(Error::expected(ErrorKind::Ledger, expected, found));
        }
        table.schema().map(drop)
    }

    /// Checks the ledger: within itself, and against the rows of the tables.
    pub(crate) fn check_ledger(&self) -> Result<()> {
        match self.ledger_problems().into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }

    /// Everything in the ledger that does not add up.
    pub(crate) fn ledger_problems(&self) -> Vec<Error> {
        let mut problems = Vec::new();
        for release in &self.releases {
            if let Err(error) = release.ledger.check() {
                problems.push(Error::new(ErrorKind::Ledger, format!("{}: {error}", shown(&release.id))));
            }
            for (table, kept) in release.rows_kept() {
                let held = self.rows_of(&release.id, table);
                if held != kept && !release.left_out.iter().any(|left_out| left_out == table) {
                    let expected = format!("{kept} rows of {} in table {}", shown(&release.id), shown(table));
                    problems.push(Error::expected(ErrorKind::Ledger, expected, held.to_string()));
                }
            }
        }
        problems
    }
}

impl Release {
    /// Rows that the ledger says were kept, by table.
    fn rows_kept(&self) -> BTreeMap<&str, u64> {
        let mut kept: BTreeMap<&str, u64> = BTreeMap::new();
        for sheet in self.ledger.files.iter().flat_map(|file| &file.sheets) {
            if let Some(table) = &sheet.table {
                let rows = kept.entry(table).or_default();
                *rows = rows.saturating_add(sheet.tally.rows_kept);
            }
        }
        kept
    }
}

impl TableEntry {
    fn new(name: &str) -> Self {
        Self { name: name.into(), rows: 0, schemas: BTreeMap::new(), parts: vec![] }
    }

    /// Every column of any part, in the order in which the parts bring them; a part that lacks one reads as
    /// nulls.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when two parts give one column different types, or a part's columns are unknown.
    pub fn columns(&self) -> Result<Vec<ColumnEntry>> {
        let mut joined = Vec::new();
        let mut seen = BTreeSet::new();
        for part in &self.parts {
            if seen.insert(&part.schema) {
                let columns =
                    self.schemas.get(&part.schema).filter(|known| fingerprint(known) == part.schema);
                let unknown = || {
                    let expected = format!("the columns of table {}", shown(&self.name));
                    Error::expected(ErrorKind::Schema, expected, "a fingerprint of no known columns")
                };
                self.join(&mut joined, columns.ok_or_else(unknown)?, seen.len() == 1)?;
            }
        }
        Ok(joined)
    }

    /// Adds the columns of a part to those of the parts before it.
    fn join(&self, joined: &mut Vec<ColumnEntry>, part: &[ColumnEntry], first: bool) -> Result<()> {
        for column in &mut *joined {
            column.nullable |= !part.iter().any(|other| other.name == column.name);
        }
        for column in part {
            match joined.iter_mut().find(|known| known.name == column.name) {
                Some(known) if known.data_type != column.data_type => {
                    let place = format!("column {} of table {}", shown(&column.name), shown(&self.name));
                    let expected = format!("{place} as {}, as in its other parts", shown(&known.data_type));
                    let error = Error::expected(ErrorKind::Schema, expected, shown(&column.data_type));
                    return Err(error.with_hint("ingest all releases of the record again with this engine"));
                }
                Some(known) => known.nullable |= column.nullable,
                None => joined.push(ColumnEntry { nullable: column.nullable || !first, ..column.clone() }),
            }
        }
        Ok(())
    }

    /// The table's columns as Arrow's schema.
    pub(crate) fn schema(&self) -> Result<SchemaRef> {
        let fields: Vec<Field> = self.columns()?.iter().map(ColumnEntry::field).collect::<Result<_>>()?;
        Ok(Arc::new(Schema::new(fields)))
    }
}

impl ColumnEntry {
    fn field(&self) -> Result<Field> {
        let data_type: DataType = self.data_type.parse().map_err(|error| {
            let expected = format!("a type of Arrow for column {}", shown(&self.name));
            Error::expected(ErrorKind::Schema, expected, shown(&self.data_type)).because(error)
        })?;
        Ok(Field::new(&self.name, data_type, self.nullable))
    }
}

/// The columns of a schema as the manifest writes them.
pub(crate) fn columns_of(schema: &Schema) -> Result<Vec<ColumnEntry>> {
    let mut seen = BTreeSet::new();
    let column = |field: &Arc<Field>| {
        if !seen.insert(field.name().clone()) {
            return Err(Error::expected(ErrorKind::Schema, "each column once", shown(field.name())));
        }
        let data_type = field.data_type().to_string();
        if data_type.parse::<DataType>().ok().as_ref() != Some(field.data_type()) {
            let expected = format!("a type that a record can name for column {}", shown(field.name()));
            return Err(Error::expected(ErrorKind::Schema, expected, shown(&data_type)));
        }
        Ok(ColumnEntry { name: field.name().clone(), data_type, nullable: field.is_nullable() })
    };
    schema.fields().iter().map(column).collect()
}

/// Fingerprint of columns: of their names, types and whether values may be missing, in order.
pub(crate) fn fingerprint(columns: &[ColumnEntry]) -> Digest {
    let lines: String = columns
        .iter()
        .map(|column| format!("{}\t{}\t{}\n", column.name, column.data_type, column.nullable))
        .collect();
    Digest::of(lines.as_bytes())
}

fn strictly_ascending<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut before: Option<&String> = None;
    for name in names {
        if before.is_some_and(|before| before >= name) {
            return Err(Error::expected(
                ErrorKind::Staging,
                format!("{what} in order, each once"),
                shown(name),
            ));
        }
        before = Some(name);
    }
    Ok(())
}

/// The key of the digest, as it stands in the file.
const DIGEST_KEY: &str = "\"manifest_sha256\"";

fn check_format(value: &serde_json::Value) -> Result<()> {
    let found = value.get("format").and_then(serde_json::Value::as_str).unwrap_or_default();
    if found == FORMAT {
        return Ok(());
    }
    let version = found.strip_prefix("record/").and_then(|number| number.parse::<u32>().ok());
    Err(match version {
        Some(version) if version > 1 => {
            Error::expected(ErrorKind::NewerFormat, format!("a record of format `{FORMAT}`"), shown(found))
                .with_hint(
                    "this record was written by a later engine: install that, or ingest the releases again",
                )
        }
        _ => Error::expected(ErrorKind::Damaged, format!("a record of format `{FORMAT}`"), shown(found)),
    })
}

/// Checks the manifest's digest of itself and returns it.
fn check_digest(bytes: &[u8]) -> Result<Digest> {
    let key = format!("{DIGEST_KEY}: \"");
    let parts = bytes
        .windows(key.len())
        .rposition(|window| window == key.as_bytes())
        .and_then(|at| bytes.split_at_checked(at.saturating_add(key.len())))
        .and_then(|(head, rest)| Some((head, rest.split_at_checked(64)?)));
    if let Some((head, (digits, tail))) = parts {
        let found = Digest::of(&[head, tail].concat());
        if digits == found.as_str().as_bytes() {
            return Ok(found);
        }
    }
    Err(Error::expected(ErrorKind::Damaged, "the bytes that were published", "others")
        .with_hint("the manifest was changed after it was published: ingest the releases again"))
}

fn nothing() -> Digest {
    Digest::of(b"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenhand_ledger::Tally;

    fn part(table: &str, release: &str, name: &str, rows: u64) -> PartEntry {
        let sha256 = Digest::of(name.as_bytes());
        let path = names::part_path(table, release, name, &sha256);
        let schema = fingerprint(&columns());
        PartEntry { path, table: table.into(), release: release.into(), sha256, bytes: 10, rows, schema }
    }

    fn columns() -> Vec<ColumnEntry> {
        columns_of(&Schema::new(vec![Field::new("day", DataType::Date32, false)])).unwrap()
    }

    fn release(id: &str) -> Release {
        Release { id: id.into(), left_out: vec![], ledger: Ledger::default() }
    }

    fn assemble(releases: &[&str], parts: Vec<PartEntry>) -> Result<Manifest> {
        let releases = releases.iter().map(|id| release(id)).collect();
        Manifest::assemble("test 1", releases, parts, &[(fingerprint(&columns()), columns())].into())
    }

    #[test]
    fn the_same_releases_in_any_order_give_the_same_bytes() {
        let parts = [part("a", "r-1", "x", 1), part("a", "r-2", "x", 2), part("b", "r-1", "y", 3)];
        let [x, y, z] = parts.clone();
        let one = assemble(&["r-1", "r-2"], vec![x, y, z]).unwrap().render().unwrap();
        let [x, y, z] = parts;
        let two = assemble(&["r-2", "r-1"], vec![z, y, x]).unwrap().render().unwrap();
        assert_eq!(one, two);
    }

    #[test]
    fn what_a_release_lists_is_put_in_order() {
        let file = |path: &str| evenhand_ledger::FileEntry {
            path: path.into(),
            release: "r-1".into(),
            sha256: nothing(),
            bytes: 0,
            sheets: vec![],
        };
        let mut release = release("r-1");
        release.left_out = vec!["removals".into(), "arrests".into()];
        release.ledger.files = vec![file("b.csv"), file("a.csv")];
        let manifest = Manifest::assemble("test 1", vec![release], vec![], &BTreeMap::new()).unwrap();
        let release = manifest.release("r-1").unwrap();
        assert_eq!(release.left_out, ["arrests", "removals"]);
        assert_eq!(release.ledger.files, [file("a.csv"), file("b.csv")]);
    }

    #[test]
    fn a_manifest_too_large_to_be_one_is_not_parsed() {
        let error = Manifest::parse(&vec![b' '; MAX_BYTES + 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains("expected at most 67108864 bytes"), "{error}");
    }

    #[test]
    fn a_manifest_reads_back_as_it_was_written() {
        let manifest = assemble(&["r-1"], vec![part("a", "r-1", "x", 1)]).unwrap();
        let (bytes, sha256) = manifest.render().unwrap();
        let back = Manifest::parse(&bytes).unwrap();
        assert_eq!(back, manifest);
        assert_eq!(back.sha256(), &sha256);
    }

    #[test]
    fn every_changed_byte_of_a_manifest_is_found() {
        let (bytes, _) = assemble(&["r-1"], vec![part("a", "r-1", "x", 1)]).unwrap().render().unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                let error = Manifest::parse(&changed).expect_err(&format!("byte {at}, bit {bit}"));
                let kinds = [ErrorKind::Damaged, ErrorKind::NewerFormat];
                assert!(kinds.contains(&error.kind()), "byte {at}, bit {bit}: {error}");
            }
        }
        for cut in 0..bytes.len() {
            assert_eq!(
                Manifest::parse(&bytes[..cut]).unwrap_err().kind(),
                ErrorKind::Damaged,
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn a_manifest_of_a_later_format_says_what_this_engine_reads() {
        let error = Manifest::parse(br#"{"format":"record/2","tables":7}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NewerFormat);
        assert_eq!(
            error.to_string(),
            "`manifest.json`: expected a record of format `record/1`, found `record/2`"
        );
        assert!(error.hint().is_some_and(|hint| hint.contains("later engine")));
        for other in ["{}", "[]", "7", r#"{"format":"record/0"}"#, r#"{"format":7}"#, "", "{"] {
            assert_eq!(Manifest::parse(other.as_bytes()).unwrap_err().kind(), ErrorKind::Damaged, "{other}");
        }
    }

    /// A manifest that carries the right digest of itself but was not written by us.
    fn forged(change: impl Fn(&mut Manifest)) -> Error {
        let mut manifest = assemble(&["r-1"], vec![part("a", "r-1", "x", 1)]).unwrap();
        change(&mut manifest);
        let (bytes, _) = manifest.render().unwrap();
        Manifest::parse(&bytes).unwrap_err()
    }

    #[test]
    fn a_forged_manifest_cannot_name_a_file_outside_the_record() {
        for path in ["../x-0.parquet", "/etc/passwd", "tables/a/r-1/../../x-0.parquet", "tables/a/r-1/x"] {
            let error = forged(|manifest| manifest.tables[0].parts[0].path = path.into());
            assert_eq!(error.kind(), ErrorKind::UnsafePath, "{path}");
        }
        let error = forged(|manifest| manifest.tables[0].name = "../a".into());
        assert_eq!(error.kind(), ErrorKind::Name);
    }

    #[test]
    fn a_forged_manifest_cannot_contradict_itself() {
        assert_eq!(forged(|manifest| manifest.tables[0].rows = 9).kind(), ErrorKind::Ledger);
        assert_eq!(forged(|manifest| manifest.releases.clear()).kind(), ErrorKind::Staging);
        let twice = forged(|manifest| {
            let part = manifest.tables[0].parts[0].clone();
            manifest.tables[0].parts.push(part);
        });
        assert_eq!(twice.kind(), ErrorKind::Staging);
        let no_type = forged(|manifest| {
            let mut columns = columns();
            columns[0].data_type = "Datum".into();
            manifest.tables[0].parts[0].schema = fingerprint(&columns);
            manifest.tables[0].schemas = [(fingerprint(&columns), columns)].into();
        });
        assert_eq!(no_type.kind(), ErrorKind::Schema);
        let no_columns = forged(|manifest| manifest.tables[0].schemas.clear());
        assert_eq!(no_columns.kind(), ErrorKind::Schema);
        let other_columns = forged(|manifest| {
            let columns = manifest.tables[0].schemas.values_mut().next().unwrap();
            columns[0].nullable = true;
        });
        assert_eq!(other_columns.kind(), ErrorKind::Schema);
    }

    #[test]
    fn rows_kept_by_the_ledger_must_be_in_the_table_unless_left_out() {
        let mut release = release("r-1");
        let sheet = evenhand_ledger::SheetEntry {
            name: "1".into(),
            table: Some("a".into()),
            layout: None,
            header_row: None,
            tally: Tally { rows_read: 3, rows_kept: 3, set_aside: BTreeMap::new() },
            columns: vec![],
            warnings: vec![],
        };
        release.ledger.files.push(evenhand_ledger::FileEntry {
            path: "a.csv".into(),
            release: "r-1".into(),
            sha256: nothing(),
            bytes: 0,
            sheets: vec![sheet],
        });
        let columns = [(fingerprint(&columns()), columns())].into();
        let with = |release: &Release, rows| {
            let parts = if rows > 0 { vec![part("a", "r-1", "x", rows)] } else { vec![] };
            Manifest::assemble("test 1", vec![release.clone()], parts, &columns)
        };
        assert!(with(&release, 3).is_ok());
        for wrong in [0, 2] {
            let error = with(&release, wrong).unwrap_err();
            let expected = format!("expected 3 rows of `r-1` in table `a`, found {wrong}");
            assert_eq!((error.kind(), error.to_string()), (ErrorKind::Ledger, expected));
        }
        release.left_out.push("a".into());
        assert!(with(&release, 0).is_ok());
        release.ledger.files[0].sheets[0].tally.rows_read = 4;
        assert_eq!(with(&release, 0).unwrap_err().kind(), ErrorKind::Ledger);
    }

    #[test]
    fn a_column_that_a_part_lacks_may_be_missing_and_a_type_may_not_change() {
        let schema = |fields: &[(&str, DataType)]| {
            columns_of(&Schema::new(
                fields.iter().map(|(name, kind)| Field::new(*name, kind.clone(), false)).collect::<Vec<_>>(),
            ))
            .unwrap()
        };
        let narrow = schema(&[("day", DataType::Date32)]);
        let wide = schema(&[("day", DataType::Date32), ("place", DataType::Utf8)]);
        let other = schema(&[("day", DataType::Utf8)]);
        let known = [&narrow, &wide, &other].map(|columns| (fingerprint(columns), columns.clone())).into();
        let with = |name, columns: &[ColumnEntry]| PartEntry {
            schema: fingerprint(columns),
            ..part("a", "r-1", name, 1)
        };
        let releases = || vec![release("r-1")];
        for parts in [vec![with("x", &narrow), with("y", &wide)], vec![with("x", &wide), with("y", &narrow)]]
        {
            let manifest = Manifest::assemble("test 1", releases(), parts, &known).unwrap();
            let columns = manifest.tables[0].columns().unwrap();
            let shape: Vec<_> =
                columns.iter().map(|column| (column.name.as_str(), column.nullable)).collect();
            assert_eq!(shape, [("day", false), ("place", true)]);
        }
        let clash = vec![with("x", &narrow), with("y", &other)];
        let error = Manifest::assemble("test 1", releases(), clash, &known).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Schema);
        assert!(error.to_string().contains("column `day` of table `a` as `Date32`"), "{error}");
    }

    #[test]
    fn every_type_of_a_record_can_be_read_back_from_its_name() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let second = arrow::datatypes::TimeUnit::Second;
        for kind in [
            dictionary,
            DataType::Timestamp(second, None),
            DataType::Utf8,
            DataType::Date32,
            DataType::UInt32,
            DataType::Float64,
            DataType::Boolean,
        ] {
            let schema = Schema::new(vec![Field::new("x", kind.clone(), true)]);
            let columns = columns_of(&schema).unwrap();
            assert_eq!(columns[0].field().unwrap().data_type(), &kind);
        }
    }
}
