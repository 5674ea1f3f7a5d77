//! The record inside the binary: figures and reference counts of the releases, never their rows.
//!
//! The product's own `ingest` makes a full record in a scratch folder; what may be published is copied into a
//! new one, which replaces `data/record`. Nothing in it depends on the machine or the day, so that a check can
//! compare bytes.

use crate::root;
use anyhow::{Context as _, Result, bail};
use evenhand_store::{PartEntry, Publish, Record, Release};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders of the releases that the built-in docket rests on.
const RELEASES: &[&str] = &[
    "ice-foia-2019-53623",
    "ice-detainers-fy2008-2015",
    "ice-seattle-2012-2019",
    "secure-communities",
    "287g",
];

/// Tables of counts and public facts that go along with the figures.
const REFERENCE: &[&str] = &["detainer_totals_", "seattle_summary", "secure_communities", "agreements_287g"];

/// No more than this goes into the binary.
const MAX_BYTES: u64 = 4_000_000;

/// `cargo xtask builtin`.
pub fn run(from: &Path, check: bool) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let (full, small) = (scratch.path().join("full"), scratch.path().join("small"));
    ingest(from, &full)?;
    let bytes = reduce(&Record::open(&full)?, &small)?;
    if bytes > MAX_BYTES {
        bail!("the built-in record has {bytes} bytes, more than {MAX_BYTES}");
    }
    let (made, kept) = (files(&small)?, files(&home())?);
    println!("built-in record: {} files, {bytes} bytes", made.len());
    if check {
        return same(&kept, &made);
    }
    replace(&made)
}

fn home() -> PathBuf {
    root().join("data/record")
}

/// Runs the product's own ingest on the releases.
fn ingest(from: &Path, record: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--bin", "evenhand", "--", "ingest"])
        .args(RELEASES.iter().map(|release| from.join(release)))
        .arg("--record")
        .arg(record)
        .stdout(std::process::Stdio::null())
        .status()?;
    if !status.success() {
        bail!("the ingest failed: {status}");
    }
    Ok(())
}

/// Copies what may be published; gives the bytes of the new record.
fn reduce(full: &Record, folder: &Path) -> Result<u64> {
    let manifest = full.manifest();
    let publish = Publish::begin(folder, &manifest.engine)?;
    let mut parts = Vec::new();
    for part in manifest.parts().filter(|part| is_public(&part.table)) {
        parts.push(copy(full, part, &publish)?);
    }
    let releases = manifest.releases.iter().map(|release| Release {
        id: release.id.clone(),
        left_out: left_out(release),
        ledger: release.ledger.clone(),
    });
    publish.commit(releases.collect(), parts)?;
    fs::remove_dir_all(folder.join("staging")).or_else(absent)?;
    files(folder)?.values().map(|bytes| Ok(bytes.len() as u64)).sum()
}

fn copy(full: &Record, part: &PartEntry, publish: &Publish) -> Result<PartEntry> {
    let batches = full.read_part(part, None)?;
    let name = part_name(&part.path).with_context(|| format!("`{}` names no part", part.path))?;
    let mut writer = publish.part(&part.table, &part.release, name, batches.schema(), None)?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    Ok(writer.finish()?)
}

/// `tables/t/r/fy17-0123456789abcdef.parquet` → `fy17`.
fn part_name(path: &str) -> Option<&str> {
    Some(path.rsplit('/').next()?.rsplit_once('-')?.0)
}

fn is_public(table: &str) -> bool {
    table.starts_with("figures_") || REFERENCE.iter().any(|prefix| table.starts_with(prefix))
}

/// Tables whose rows the ledger counts and the built-in record does not hold.
fn left_out(release: &Release) -> Vec<String> {
    let sheets = release.ledger.files.iter().flat_map(|file| &file.sheets);
    let tables = sheets.filter_map(|sheet| sheet.table.clone()).filter(|table| !is_public(table));
    tables.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The manifest and every Parquet file of a record, by path within it.
fn files(record: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![record.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.ends_with("manifest.json") || path.extension().is_some_and(|ext| ext == "parquet")
            {
                found.insert(path.strip_prefix(record)?.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

fn same(kept: &BTreeMap<PathBuf, Vec<u8>>, made: &BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    let names = kept.keys().chain(made.keys()).collect::<BTreeSet<_>>();
    let differ = names.into_iter().filter(|name| kept.get(*name) != made.get(*name));
    let differ = differ.map(|name| name.display().to_string()).collect::<Vec<_>>();
    if differ.is_empty() {
        println!("the record in the repository is the same, byte for byte");
        return Ok(());
    }
    bail!("the record in the repository differs in: {}; run `cargo xtask builtin`", differ.join(", "))
}

fn replace(made: &BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    fs::remove_dir_all(home()).or_else(absent)?;
    for (name, bytes) in made {
        let path = home().join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
