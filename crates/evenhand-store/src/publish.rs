//! Replaces a record whole or not at all.
//!
//! New files are written under `staging/` and brought to the disk; then they are moved to their final names,
//! which no file of the earlier record bears with other bytes; then their folders are brought to the disk;
//! and only then a new manifest takes the place of the old one in a single rename. A process or a machine
//! that dies anywhere in between leaves exactly the earlier record, or exactly the new one.

use crate::lock::{self, WriterLock};
use crate::names::{self, shown};
use crate::{
    ColumnEntry, Error, ErrorKind, Manifest, PartEntry, PartWriter, Release, Result, disk, manifest,
};
use arrow::datatypes::SchemaRef;
use evenhand_ledger::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Folder of files that are not in place yet.
const STAGING: &str = "staging";
/// The manifest before it takes its place.
const NEXT: &str = "manifest.json.new";
/// Folder of all Parquet files.
pub(crate) const TABLES: &str = "tables";

/// The one writer of a record. Dropped without [`commit`](Self::commit), it leaves the earlier record
/// untouched and nothing else behind; of a record that was to be the first, not even its folder.
///
/// ```
/// use arrow::array::{ArrayRef, Date32Array, RecordBatch};
/// use evenhand_store::{Publish, Record, Release};
/// use std::sync::Arc;
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("record");
///
/// let days: ArrayRef = Arc::new(Date32Array::from(vec![17_205, 17_198]));
/// let batch = RecordBatch::try_from_iter([("apprehension_date", days)])?;
///
/// let publish = Publish::begin(&folder, "example 1")?;
/// let mut part =
///     publish.part("arrests", "ice-2019", "fy17", batch.schema(), Some("apprehension_date"))?;
/// part.write(&batch)?;
/// let part = part.finish()?;
/// let release = Release { id: "ice-2019".into(), left_out: vec![], ledger: Default::default() };
/// publish.commit(vec![release], vec![part])?;
///
/// let record = Record::open(&folder)?;
/// assert_eq!(record.manifest().rows_of("ice-2019", "arrests"), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Publish {
    folder: PathBuf,
    engine: String,
    earlier: Option<Manifest>,
    /// Whether the folder is there for this publish alone.
    is_new: bool,
    started: Mutex<Started>,
    _lock: WriterLock,
}

/// What the parts begun so far are called, and their columns.
#[derive(Debug, Default)]
struct Started {
    names: BTreeSet<String>,
    columns: BTreeMap<Digest, Vec<ColumnEntry>>,
}

impl Publish {
    /// Becomes the writer of the record in `folder`, which is created if there is none. What a dead writer
    /// left behind is removed. `engine` is the name and version that the manifest will carry.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] when another process writes the record, with its process id;
    /// [`ErrorKind::NoRecord`] when the folder holds other things; [`ErrorKind::NewerFormat`] or
    /// [`ErrorKind::Damaged`] when the record there cannot be read; [`ErrorKind::Io`].
    pub fn begin(folder: &Path, engine: &str) -> Result<Self> {
        let is_new = create_record_folder(folder)?;
        let lock = WriterLock::acquire(folder).inspect_err(|error| {
            // Whoever holds the lock uses the folder; otherwise nobody does.
            if is_new && error.kind() != ErrorKind::Locked {
                disk::remove_empty_folder(folder);
            }
        })?;
        // From here on, what fails is tidied up when this is dropped.
        let mut publish = Self {
            folder: folder.to_owned(),
            engine: engine.to_owned(),
            earlier: None,
            is_new,
            started: Mutex::default(),
            _lock: lock,
        };
        lock::welcome_readers(folder)?;
        publish.earlier = Manifest::read(&folder.join(manifest::FILE))?;
        disk::remove_file(&folder.join(NEXT))?;
        disk::remove_folder(&publish.staging())?;
        disk::create_folder(&publish.staging())?;
        Ok(publish)
    }

    /// The record that will be replaced.
    #[must_use]
    pub fn earlier(&self) -> Option<&Manifest> {
        self.earlier.as_ref()
    }

    /// Begins a file. `part` names it within its table and release; `sort_by` names a column of type `Date32`
    /// by which the rows of each row group are sorted. Several threads may write one part each.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] for a name that cannot be part of a path; [`ErrorKind::Staging`] for a part that
    /// was begun before; [`ErrorKind::Schema`] for a type that a record cannot name; [`ErrorKind::Io`].
    pub fn part(
        &self,
        table: &str,
        release: &str,
        part: &str,
        schema: SchemaRef,
        sort_by: Option<&str>,
    ) -> Result<PartWriter> {
        names::check_table(table)?;
        names::check_release(release)?;
        names::check_part(part)?;
        let name = staged_name(table, release, part);
        if !self.started().names.insert(name.clone()) {
            let expected = format!("each part of table {} once", shown(table));
            return Err(Error::expected(ErrorKind::Staging, expected, format!("{} again", shown(part))));
        }
        let path = self.staging().join(&name);
        let writer = PartWriter::create(path, (table, release, part), &schema, sort_by)?;
        let columns = writer.columns().to_vec();
        self.started().columns.insert(manifest::fingerprint(&columns), columns);
        Ok(writer)
    }

    /// Puts the new record in place. A release given here replaces its earlier version in every table; the
    /// other releases stay. The order of releases and parts does not matter.
    ///
    /// # Errors
    /// [`ErrorKind::Ledger`] when rows do not add up; [`ErrorKind::Schema`] when parts of a table disagree on
    /// a type; [`ErrorKind::Staging`] for a part that was not written here or whose release is not given;
    /// [`ErrorKind::DiskFull`] or [`ErrorKind::Io`] when the disk refuses. The earlier record is then whole.
    pub fn commit(mut self, releases: Vec<Release>, parts: Vec<PartEntry>) -> Result<Manifest> {
        self.check_parts(&releases, &parts)?;
        let next = self.next_manifest(releases, parts.clone())?;
        let (bytes, _) = next.render()?;
        let mut moved = Moved { folder: &self.folder, paths: Vec::new(), kept: false };
        self.move_into_place(&parts, &mut moved)?;
        disk::write_file(&self.folder.join(NEXT), &bytes)?;
        disk::rename(&self.folder.join(NEXT), &self.folder.join(manifest::FILE))?;
        moved.kept = true;
        drop(moved);
        self.is_new = false;
        disk::sync_folder(&self.folder).map_err(|error| {
            error.with_hint("the new record is in place, but a power cut may still undo it: ingest again")
        })?;
        self.clean(&next);
        Ok(next)
    }

    /// Refuses parts that are not ours, not finished, or of a release that is not being published.
    fn check_parts(&self, releases: &[Release], parts: &[PartEntry]) -> Result<()> {
        for part in parts {
            let given = releases.iter().any(|release| release.id == part.release);
            let name = names::part_name(&part.path).map(|name| staged_name(&part.table, &part.release, name));
            let ours = name.is_some_and(|name| self.started().names.contains(&name));
            if !given || !ours {
                let expected = "a part written in this publish, of a release that it replaces";
                return Err(Error::expected(ErrorKind::Staging, expected, shown(&part.path)));
            }
        }
        Ok(())
    }

    /// The manifest of the record that is to be: earlier releases that are not replaced, and the new ones.
    fn next_manifest(&self, mut releases: Vec<Release>, mut parts: Vec<PartEntry>) -> Result<Manifest> {
        let mut columns = self.started().columns.clone();
        if let Some(earlier) = &self.earlier {
            let replaced: BTreeSet<String> = releases.iter().map(|release| release.id.clone()).collect();
            let stays = |id: &String| !replaced.contains(id);
            releases.extend(earlier.releases.iter().filter(|release| stays(&release.id)).cloned());
            parts.extend(earlier.parts().filter(|part| stays(&part.release)).cloned());
            columns.extend(earlier.tables.iter().flat_map(|table| table.schemas.clone()));
        }
        Manifest::assemble(&self.engine, releases, parts, &columns)
    }

    /// Moves finished parts to their final names and makes those names durable.
    fn move_into_place(&self, parts: &[PartEntry], moved: &mut Moved<'_>) -> Result<()> {
        let mut folders = BTreeSet::from([self.folder.clone()]);
        for part in parts {
            let to = self.folder.join(&part.path);
            create_part_folders(&self.folder, part, &mut folders)?;
            let name = names::part_name(&part.path).unwrap_or_default();
            let from = self.staging().join(staged_name(&part.table, &part.release, name));
            if !self.earlier.iter().flat_map(Manifest::parts).any(|known| known.path == part.path) {
                moved.paths.push(to.clone());
            }
            disk::rename(&from, &to)?;
        }
        disk::sync_folders(folders.iter().rev())
    }

    /// Removes, while nobody reads, the files that the manifest no longer names. What cannot be removed now is
    /// removed by a later publish.
    fn clean(&self, manifest: &Manifest) {
        if let Some(_readers_kept_out) = lock::no_readers(&self.folder) {
            for path in unnamed_files(&self.folder, manifest) {
                drop(disk::remove_file(&self.folder.join(path)));
            }
            remove_empty_folders(&self.folder.join(TABLES), 2);
        }
    }

    /// The staging folder, which goes when this is dropped: the place for files that have no name.
    #[must_use]
    pub fn staging(&self) -> PathBuf {
        self.folder.join(STAGING)
    }

    fn started(&self) -> MutexGuard<'_, Started> {
        // A thread that died while it held the lock had only inserted a name.
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Publish {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next publish.
        drop(disk::remove_file(&self.folder.join(NEXT)));
        drop(disk::remove_folder(&self.staging()));
        if self.is_new {
            // The lock is held on the open file until the folder is gone.
            drop(disk::remove_file(&self.folder.join(lock::READERS)));
            drop(disk::remove_file(&self.folder.join(lock::WRITER)));
            disk::remove_empty_folder(&self.folder);
        }
    }
}

/// Files moved to their final names, moved out again if the manifest that names them never comes.
struct Moved<'a> {
    folder: &'a Path,
    paths: Vec<PathBuf>,
    kept: bool,
}

impl Drop for Moved<'_> {
    fn drop(&mut self) {
        if !self.kept {
            for path in &self.paths {
                drop(disk::remove_file(path));
            }
            remove_empty_folders(&self.folder.join(TABLES), 2);
        }
    }
}

/// Files under `tables/` that the manifest does not name, by path within the record.
pub(crate) fn unnamed_files(folder: &Path, manifest: &Manifest) -> Vec<String> {
    let named: BTreeSet<&str> = manifest.parts().map(|part| part.path.as_str()).collect();
    let mut found = Vec::new();
    let mut waiting = vec![TABLES.to_owned()];
    while let Some(below) = waiting.pop() {
        for entry in std::fs::read_dir(folder.join(&below)).into_iter().flatten().flatten() {
            let path = format!("{below}/{}", entry.file_name().to_string_lossy());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(path),
                _ if !named.contains(path.as_str()) => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// Removes folders without files, down to `depth` levels below.
fn remove_empty_folders(folder: &Path, depth: usize) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if depth > 0 && entry.path().is_dir() {
            remove_empty_folders(&entry.path(), depth.saturating_sub(1));
        }
    }
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) {
        disk::remove_empty_folder(folder);
    }
}

fn staged_name(table: &str, release: &str, part: &str) -> String {
    format!("{table}~{release}~{part}.parquet")
}

/// Creates `tables/<table>/<release>` and remembers every folder on the way, since each got a new name.
fn create_part_folders(folder: &Path, part: &PartEntry, folders: &mut BTreeSet<PathBuf>) -> Result<()> {
    let mut path = folder.to_owned();
    for name in [TABLES, &part.table, &part.release] {
        path.push(name);
        disk::create_folder(&path)?;
        folders.insert(path.clone());
    }
    Ok(())
}

/// Creates the record's folder, or refuses one that holds anything else than a record; tells whether it was not
/// there.
fn create_record_folder(folder: &Path) -> Result<bool> {
    let ours = [manifest::FILE, NEXT, STAGING, TABLES, lock::WRITER, lock::READERS];
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return create_with_parents(folder).map(|()| true);
        }
        Err(source) => return Err(Error::io("open the folder", folder, source)),
    };
    if folder.join(manifest::FILE).is_file() {
        return Ok(false);
    }
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !ours.iter().any(|known| name == **known) {
            let found = shown(&name.to_string_lossy());
            return Err(Error::expected(ErrorKind::NoRecord, "a record or an empty folder", found)
                .at(folder)
                .with_hint("name a new folder for the record; nothing was changed in this one"));
        }
    }
    Ok(false)
}

/// Creates a folder and every missing one above it, and makes each name durable.
fn create_with_parents(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().filter(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    let mut made = Vec::new();
    let create = |path: &Path| {
        disk::create_folder(path)?;
        made.push(path.to_owned());
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        disk::sync_folder(above.unwrap_or(Path::new(".")))
    };
    let created = missing.into_iter().rev().try_for_each(create);
    if created.is_err() {
        for path in made.iter().rev() {
            disk::remove_empty_folder(path);
        }
    }
    created
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::disk::Call;
    use crate::disk::faults::{self, Fault};
    use crate::{ErrorKind, Record};
    use arrow::array::{ArrayRef, Date32Array, RecordBatch, UInt32Array};
    use std::sync::Arc;

    pub(crate) const OLD: i32 = 17_000;
    pub(crate) const NEW: i32 = 18_000;

    /// Publishes one release of two tables, with rows that tell the state.
    pub(crate) fn publish(folder: &Path, state: i32) -> Result<Manifest> {
        let days: ArrayRef = Arc::new(Date32Array::from(vec![state + 1, state]));
        let counts: ArrayRef = Arc::new(UInt32Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("day", days), ("arrests", counts)]).unwrap();
        let publish = Publish::begin(folder, "test 1")?;
        let mut parts = Vec::new();
        for table in ["arrests", "removals"] {
            let mut part = publish.part(table, "r-1", "x", batch.schema(), Some("day"))?;
            part.write(&batch)?;
            parts.push(part.finish()?);
        }
        let release = Release { id: "r-1".into(), left_out: vec![], ledger: Default::default() };
        publish.commit(vec![release], parts)
    }

    /// The state that a record shows; every table must show the same, and the record must verify.
    pub(crate) fn state(folder: &Path) -> i32 {
        let record = Record::open(folder).unwrap();
        let verification = record.verify();
        assert!(verification.is_ok(), "{:?}", verification.problems);
        let state = |table| {
            let batches: Vec<_> = record.read(table, Some(&["day"])).unwrap().collect::<Result<_>>().unwrap();
            let days = batches[0].column(0).as_any().downcast_ref::<Date32Array>().unwrap();
            assert_eq!((batches.len(), days.len(), days.value(1)), (1, 2, days.value(0) + 1));
            days.value(0)
        };
        assert_eq!(state("arrests"), state("removals"));
        state("arrests")
    }

    fn old_record() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        publish(folder.path(), OLD).unwrap();
        folder
    }

    /// The number of calls that a publish over the old record makes.
    fn calls(next: i32) -> usize {
        let folder = old_record();
        faults::plan(None);
        publish(folder.path(), next).unwrap();
        let calls = faults::seen().len();
        faults::plan(None);
        calls
    }

    #[test]
    fn whichever_call_the_disk_refuses_the_record_stays_whole() {
        for (number, kind) in [(28, ErrorKind::DiskFull), (5, ErrorKind::Io)] {
            // The same rows again: their files bear the names of files that the record needs.
            for (next, silent) in [(NEW, 5), (OLD, 3)] {
                let calls = calls(next);
                let refused = (0..calls).filter(|at| refuse(*at, next, number, kind)).count();
                // Silent: keeping readers out, old files, the names in staging: all of it tidying.
                assert_eq!(calls - refused, silent, "of {calls} calls");
            }
        }
    }

    /// Publishes over the old record while the disk refuses call `at`, and tells whether that was an error.
    fn refuse(at: usize, next: i32, number: i32, kind: ErrorKind) -> bool {
        let folder = old_record();
        faults::plan(Some((at, Fault::Fail(number))));
        let outcome = publish(folder.path(), next);
        let (call, path) = faults::seen()[at].clone();
        faults::plan(None);
        let context = format!("{call:?} of {}, call {at}", path.display());
        let now = state(folder.path());
        let refused = outcome.is_err();
        match outcome {
            Ok(_) => assert_eq!(now, next, "{context}"),
            Err(error) => {
                assert_eq!(error.kind(), kind, "{context}: {error}");
                assert_eq!(error.path(), Some(path.as_path()), "{context}: {error}");
                let in_place = error.hint().is_some_and(|hint| hint.contains("in place"));
                assert_eq!(now, if in_place { next } else { OLD }, "{context}: {error}");
                assert!(!folder.path().join(STAGING).exists(), "{context}: staging left behind");
                assert!(!folder.path().join(NEXT).exists(), "{context}: new manifest left behind");
                if !in_place {
                    let leftovers = Record::open(folder.path()).unwrap().verify().leftovers;
                    assert_eq!(leftovers, Vec::<String>::new(), "{context}");
                }
            }
        }
        publish(folder.path(), NEW).unwrap();
        assert_eq!(state(folder.path()), NEW, "{context}: the next publish");
        refused
    }

    /// Runs a test of this binary that is ignored otherwise, in a process of its own.
    fn child(test: &str, folder: &Path, fault: &str) -> std::process::ExitStatus {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("publish::tests::{test}"), "--ignored", "--test-threads=1"])
            .env("EVENHAND_TEST_FOLDER", folder)
            .env("EVENHAND_TEST_FAULT", fault)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
    }

    #[test]
    #[ignore = "the process that dies in `whichever_call_is_the_last_one_…`"]
    fn publish_and_die() {
        let folder = PathBuf::from(std::env::var_os("EVENHAND_TEST_FOLDER").unwrap());
        let fault = std::env::var("EVENHAND_TEST_FAULT").unwrap();
        let (kind, at) = fault.split_once(' ').unwrap();
        let fault = if kind == "tear" { Fault::Tear } else { Fault::Die };
        faults::plan(Some((at.parse().unwrap(), fault)));
        publish(&folder, NEW).unwrap();
        panic!("published {} without reaching call {at}", folder.display());
    }

    #[test]
    fn whichever_call_is_the_last_one_the_record_is_exactly_old_or_exactly_new() {
        let calls = calls(NEW);
        let mut seen = BTreeSet::new();
        for kind in ["die", "tear"] {
            for at in 0..calls {
                let folder = old_record();
                let status = child("publish_and_die", folder.path(), &format!("{kind} {at}"));
                assert_eq!(status.code(), None, "call {at} of {calls}: the child must die of a signal");
                let now = state(folder.path());
                assert!([OLD, NEW].contains(&now), "call {at} of {calls}: {now}");
                seen.insert(now);
                publish(folder.path(), NEW + 10).unwrap();
                assert_eq!(state(folder.path()), NEW + 10, "call {at} of {calls}: the next publish");
                assert_eq!(Record::open(folder.path()).unwrap().verify().leftovers, Vec::<String>::new());
            }
        }
        assert_eq!(seen, [OLD, NEW].into(), "some deaths come before and some after the new manifest");
        println!("{calls} calls, each the last one, whole and torn");
    }

    #[test]
    fn a_first_publish_makes_its_folders_durable_and_welcomes_readers() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("a/record");
        faults::plan(None);
        drop(Publish::begin(&record, "test 1").unwrap());
        let synced: Vec<_> =
            faults::seen().into_iter().filter(|(call, _)| *call == Call::SyncFolder).collect();
        assert_eq!(
            synced.iter().map(|(_, of)| of.as_path()).collect::<Vec<_>>(),
            [folder.path(), &folder.path().join("a")]
        );
        assert!(
            !record.exists() && folder.path().join("a").exists(),
            "the folder was there for the record only"
        );
        std::fs::create_dir(&record).unwrap();
        drop(Publish::begin(&record, "test 1").unwrap());
        let mut left: Vec<_> =
            std::fs::read_dir(&record).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [lock::WRITER, lock::READERS], "a folder that was there stays");
    }

    #[test]
    fn a_first_publish_that_the_disk_refuses_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("a/record");
        faults::plan(None);
        publish(&record, NEW).unwrap();
        let calls = faults::seen();
        for at in 0..calls.len() {
            std::fs::remove_dir_all(folder.path().join("a")).unwrap();
            faults::plan(Some((at, Fault::Fail(28))));
            let outcome = publish(&record, NEW);
            let (call, path) = faults::seen()[at].clone();
            faults::plan(None);
            let in_place = outcome.is_ok() || record.join(manifest::FILE).exists();
            let left = folder.path().join("a").exists();
            // The folder above was made before the fault; it is nobody's record.
            let above_alone = left && !record.exists();
            assert!(in_place || !left || above_alone, "{call:?} of {}: left behind", path.display());
            std::fs::create_dir_all(folder.path().join("a")).unwrap();
        }
    }

    #[test]
    fn nothing_takes_its_place_before_it_is_on_the_disk() {
        let folder = old_record();
        faults::plan(None);
        publish(folder.path(), NEW).unwrap();
        let calls = faults::seen();
        let at =
            |wanted: Call, path: &Path| calls.iter().position(|(call, to)| *call == wanted && to == path);
        let manifest = at(Call::Rename, &folder.path().join(manifest::FILE)).unwrap();
        let next = folder.path().join(NEXT);
        let last_write = calls.iter().rposition(|(call, to)| *call == Call::Write && *to == next).unwrap();
        let synced = at(Call::SyncFile, &next).unwrap();
        assert!(last_write < synced && synced < manifest, "the new manifest is synced before its rename");
        assert_eq!(calls[manifest + 1], (Call::SyncFolder, folder.path().to_owned()));
        let written: Vec<_> = calls.iter().filter(|(call, _)| *call == Call::SyncFile).collect();
        assert_eq!(written.len(), 3, "two parts and the manifest");
        let tables = folder.path().join(TABLES);
        let moves = calls
            .iter()
            .enumerate()
            .filter(|(_, (call, to))| *call == Call::Rename && to.starts_with(&tables));
        let mut moved = 0;
        for (rename, (_, to)) in moves {
            moved += 1;
            let parent = to.parent().unwrap();
            let durable = calls
                .iter()
                .rposition(|(call, of)| *call == Call::SyncFolder && of == parent)
                .unwrap_or_else(|| panic!("{} is never synced", parent.display()));
            assert!(rename < durable && durable < manifest, "{}", to.display());
            for (above, _) in [(parent.parent().unwrap(), 0), (tables.as_path(), 1), (folder.path(), 2)] {
                assert!(at(Call::SyncFolder, above).is_some_and(|at| rename < at && at < manifest));
            }
        }
        assert_eq!(moved, 2);
        let removals =
            calls.iter().skip(1).position(|(call, to)| *call == Call::RemoveFile && to.starts_with(&tables));
        assert!(removals.is_some_and(|at| at + 1 > manifest), "old files go last");
    }
}
