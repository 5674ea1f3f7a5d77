//! A record from outside: published, opened, read, damaged, fought over, and killed in the middle.

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, DictionaryArray, RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::{Date32Type, Int32Type};
use evenhand_ledger::{FileEntry, Ledger, SheetEntry, Tally};
use evenhand_store::{ErrorKind, Manifest, PartFile, Publish, ROWS_PER_GROUP, Record, Release, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A table of days, areas and counts; `None` is a missing value.
fn rows(days: &[Option<i32>], areas: &[Option<&str>]) -> RecordBatch {
    let areas: DictionaryArray<Int32Type> = areas.iter().copied().collect();
    let row: UInt32Array = (0..days.len() as u32).collect();
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("day", Arc::new(Date32Array::from(days.to_vec())), true),
        ("area", Arc::new(areas), true),
        ("row_original", Arc::new(row), false),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// `count` rows whose days go up and down.
fn many(count: usize, seed: u64) -> RecordBatch {
    let mut random = Random(seed);
    let days: Vec<_> = (0..count).map(|_| Some(16_000 + random.below(1_000) as i32)).collect();
    let areas: Vec<_> = (0..count).map(|_| [Some("SNA"), Some("ATL"), None][random.below(3)]).collect();
    rows(&days, &areas)
}

/// A small generator with a seed (splitmix64), so that failures can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

fn release(id: &str, kept: &[(&str, u64)]) -> Release {
    let sheet = |(table, rows): &(&str, u64)| SheetEntry {
        name: (*table).into(),
        table: Some((*table).into()),
        layout: None,
        header_row: Some(1),
        tally: Tally { rows_read: rows + 2, rows_kept: *rows, set_aside: [("no_date".into(), 2)].into() },
        columns: vec![],
        warnings: vec![],
    };
    let file = FileEntry {
        path: format!("{id}.csv"),
        release: id.into(),
        sha256: evenhand_ledger::Digest::of(id.as_bytes()),
        bytes: 1,
        sheets: kept.iter().map(sheet).collect(),
    };
    Release { id: id.into(), left_out: vec![], ledger: Ledger { files: vec![file], steps: vec![] } }
}

/// Publishes batches as the only part of `table` and `release`.
fn publish(
    folder: &Path,
    table: &str,
    id: &str,
    batches: &[RecordBatch],
    sort_by: Option<&str>,
) -> Result<Manifest> {
    let publish = Publish::begin(folder, "test 1")?;
    let mut part = publish.part(table, id, "part", batches[0].schema(), sort_by)?;
    batches.iter().try_for_each(|batch| part.write(batch))?;
    let part = part.finish()?;
    let kept = [(table, part.rows)];
    publish.commit(vec![release(id, &kept)], vec![part])
}

fn read(record: &Record, table: &str, columns: Option<&[&str]>) -> Vec<RecordBatch> {
    record.read(table, columns).unwrap().collect::<Result<_>>().unwrap()
}

fn days(batches: &[RecordBatch]) -> Vec<Option<i32>> {
    batches.iter().flat_map(|batch| batch["day"].as_primitive::<Date32Type>().iter()).collect()
}

fn original_rows(batches: &[RecordBatch]) -> Vec<u32> {
    let column = |batch: &RecordBatch| {
        batch["row_original"].as_primitive::<arrow::datatypes::UInt32Type>().values().to_vec()
    };
    batches.iter().flat_map(column).collect()
}

/// Every file of a record but its two lock files, with its path within the record.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(below) = waiting.pop() {
        for entry in std::fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    let locks: Vec<_> = ["lock", "readers"].iter().filter_map(|name| found.remove(*name)).collect();
    assert!(locks.iter().all(Vec::is_empty), "lock files are empty when nobody writes");
    found
}

fn embedded(folder: &Path) -> &'static [(&'static str, &'static [u8])] {
    let files = files(folder).into_iter();
    let leaked = files.map(|(path, bytes)| (&*path.leak(), &*bytes.leak())).collect::<Vec<_>>();
    leaked.leak()
}

#[test]
fn rows_come_back_as_written_from_a_folder_and_from_the_binary() {
    let folder = tempfile::tempdir().unwrap();
    let batch = rows(&[Some(1), None, Some(3)], &[Some("SNA"), None, Some("SNA")]);
    publish(folder.path(), "arrests", "r-1", std::slice::from_ref(&batch), None).unwrap();
    let on_disk = Record::open(folder.path()).unwrap();
    let in_binary = Record::embedded(embedded(folder.path())).unwrap();
    assert_eq!(in_binary.manifest(), on_disk.manifest());
    assert_eq!((on_disk.folder(), in_binary.folder()), (Some(folder.path()), None));
    for record in [&on_disk, &in_binary] {
        assert!(record.verify().is_ok(), "{:?}", record.verify());
        assert_eq!(record.tables(), ["arrests"]);
        let back = read(record, "arrests", None);
        assert_eq!(back, std::slice::from_ref(&batch));
        let some = read(record, "arrests", Some(&["row_original", "day"]));
        assert_eq!(some, [batch.project(&[2, 0]).unwrap()]);
        let none = read(record, "arrests", Some(&[]));
        assert_eq!(none.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
    }
    let part = &on_disk.parts("arrests").unwrap()[0];
    assert_eq!(on_disk.checked_file(part).unwrap(), PartFile::Path(folder.path().join(&part.path)));
    assert!(
        matches!(in_binary.checked_file(part).unwrap(), PartFile::Bytes(bytes) if bytes.starts_with(b"PAR1"))
    );
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "arrests", "r-1", &[many(3, 1)], None).unwrap();
    let record = Record::open(folder.path()).unwrap();
    let error = record.read("arests", None).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (ErrorKind::UnknownTable, "expected one of the tables arrests, found `arests`".into())
    );
    let error = record.read("arrests", Some(&["dya"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownColumn);
    assert_eq!(
        error.to_string(),
        "expected a column of table `arrests`: day, area, row_original, found `dya`"
    );
}

#[test]
fn rows_are_sorted_within_row_groups_and_ties_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let count = 2 * ROWS_PER_GROUP + 1_000;
    let mut all = many(count, 7);
    let mut nulls: Vec<_> = days(std::slice::from_ref(&all));
    nulls[5] = None;
    all = rows(&nulls, &vec![None; count]);
    let cuts = [
        all.slice(0, 10),
        all.slice(10, 200_000),
        all.slice(200_010, 200_000),
        all.slice(400_010, count - 400_010),
    ];
    publish(folder.path(), "arrests", "r-1", &cuts, Some("day")).unwrap();
    let back = read(&Record::open(folder.path()).unwrap(), "arrests", None);
    let (found, originals) = (days(&back), original_rows(&back));
    let mut expected: Vec<(usize, bool, i32, u32)> = nulls
        .iter()
        .enumerate()
        .map(|(row, day)| (row / ROWS_PER_GROUP, day.is_none(), day.unwrap_or_default(), row as u32))
        .collect();
    expected.sort_unstable();
    assert_eq!(originals, expected.iter().map(|row| row.3).collect::<Vec<_>>());
    assert_eq!(found[ROWS_PER_GROUP - 1], None, "rows without a date go last in their row group");
    let error = publish(folder.path(), "arrests", "r-1", &cuts, Some("row_original")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let error = publish(folder.path(), "arrests", "r-1", &cuts, Some("date")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownColumn);
}

#[test]
fn the_bytes_depend_on_the_rows_alone() {
    let all = many(5_000, 3);
    let whole = tempfile::tempdir().unwrap();
    publish(whole.path(), "arrests", "r-1", std::slice::from_ref(&all), Some("day")).unwrap();
    publish(whole.path(), "arrests", "r-2", &[many(10, 4)], Some("day")).unwrap();
    let cut = tempfile::tempdir().unwrap();
    publish(cut.path(), "arrests", "r-2", &[many(99, 5)], Some("day")).unwrap();
    publish(cut.path(), "arrests", "r-2", &[many(10, 4)], Some("day")).unwrap();
    let metadata = [("written".to_owned(), "today".to_owned()), ("by".to_owned(), "me".to_owned())].into();
    let other = all.schema().as_ref().clone().with_metadata(metadata);
    let all = RecordBatch::try_new(Arc::new(other), all.columns().to_vec()).unwrap();
    publish(cut.path(), "arrests", "r-1", &[all.slice(0, 1_234), all.slice(1_234, 3_766)], Some("day"))
        .unwrap();
    assert_eq!(files(whole.path()), files(cut.path()));
}

#[test]
fn parts_may_be_written_from_several_threads() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (folder, order) in [(one.path(), [0, 1, 2, 3]), (two.path(), [3, 1, 0, 2])] {
        let publish = Publish::begin(folder, "test 1").unwrap();
        let write = |seed: u64| {
            let batch = many(100, seed);
            let mut part = publish.part("arrests", "r-1", &format!("fy{seed}"), batch.schema(), None)?;
            part.write(&batch)?;
            part.finish()
        };
        let parts = std::thread::scope(|scope| {
            let threads: Vec<_> = order.map(|seed| scope.spawn(move || write(seed))).into_iter().collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Result<Vec<_>>>().unwrap()
        });
        publish.commit(vec![release("r-1", &[("arrests", 400)])], parts).unwrap();
    }
    assert_eq!(files(one.path()), files(two.path()));
    assert_eq!(files(one.path()).len(), 5);
}

#[test]
fn a_release_is_replaced_whole_and_the_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "arrests", "r-1", &[many(10, 1)], None).unwrap();
    publish(folder.path(), "arrests", "r-2", &[many(20, 2)], None).unwrap();
    let manifest = publish(folder.path(), "removals", "r-1", &[many(30, 3)], None).unwrap();
    let held: Vec<_> = manifest.tables.iter().map(|table| (table.name.as_str(), table.rows)).collect();
    assert_eq!(held, [("arrests", 20), ("removals", 30)]);
    assert_eq!((manifest.rows_of("r-1", "arrests"), manifest.rows_of("r-1", "removals")), (0, 30));
    let record = Record::open(folder.path()).unwrap();
    assert_eq!(record.manifest(), &manifest);
    let verification = record.verify();
    assert!(verification.is_ok() && verification.leftovers.is_empty(), "{verification:?}");
    assert_eq!((verification.files, verification.rows), (2, 50));
    assert!(!folder.path().join("tables/arrests/r-1").exists(), "no empty folder is left");
}

#[test]
fn a_column_that_an_older_part_lacks_reads_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    let wide = many(4, 1);
    publish(folder.path(), "arrests", "r-1", &[wide.project(&[0, 2]).unwrap()], None).unwrap();
    publish(folder.path(), "arrests", "r-2", std::slice::from_ref(&wide), None).unwrap();
    let record = Record::open(folder.path()).unwrap();
    let names: Vec<_> =
        record.schema("arrests").unwrap().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["day", "row_original", "area"]);
    let back = read(&record, "arrests", Some(&["area"]));
    assert_eq!(back[0]["area"].null_count(), 4);
    assert_eq!(back[1]["area"].as_ref(), wide["area"].as_ref());
    assert!(record.verify().is_ok(), "{:?}", record.verify());
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let clash = RecordBatch::try_from_iter([("day", texts)]).unwrap();
    let error = publish(folder.path(), "arrests", "r-3", &[clash], None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.hint().is_some_and(|hint| hint.contains("again")), "{error}");
}

#[test]
fn parts_and_releases_that_do_not_belong_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "arrests", "r-1", &[many(10, 1)], None).unwrap();
    let before = files(folder.path());
    let batch = many(5, 2);
    type Offer = (Vec<Release>, Vec<evenhand_store::PartEntry>);
    let refused = |attempt: &dyn Fn(&Publish) -> Result<Offer>| {
        let publish = Publish::begin(folder.path(), "test 1").unwrap();
        let error = match attempt(&publish) {
            Ok((releases, parts)) => publish.commit(releases, parts).unwrap_err(),
            Err(error) => {
                drop(publish);
                error
            }
        };
        assert_eq!(files(folder.path()), before, "{error}");
        error.kind()
    };
    let part = |publish: &Publish, id: &str| {
        let mut part = publish.part("arrests", id, "x", batch.schema(), None)?;
        part.write(&batch)?;
        part.finish()
    };
    let five = |id: &str| release(id, &[("arrests", 5)]);
    let other_release = refused(&|publish| Ok((vec![five("r-2")], vec![part(publish, "r-1")?])));
    let too_few =
        refused(&|publish| Ok((vec![release("r-1", &[("arrests", 6)])], vec![part(publish, "r-1")?])));
    let no_part = refused(&|_| Ok((vec![five("r-1")], vec![])));
    let twice = refused(&|publish| {
        part(publish, "r-1")?;
        part(publish, "r-1").map(|part| (vec![five("r-1")], vec![part]))
    });
    let foreign = refused(&|publish| {
        let mut part = part(publish, "r-1")?;
        part.path = "tables/arrests/r-1/y-0123456789abcdef.parquet".into();
        Ok((vec![five("r-1")], vec![part]))
    });
    let climbing = refused(&|publish| part(publish, "../r").map(|part| (vec![], vec![part])));
    assert_eq!(
        [other_release, too_few, no_part, twice, foreign, climbing],
        [
            ErrorKind::Staging,
            ErrorKind::Ledger,
            ErrorKind::Ledger,
            ErrorKind::Staging,
            ErrorKind::Staging,
            ErrorKind::Name
        ]
    );
    let publish = Publish::begin(folder.path(), "test 1").unwrap();
    let mut part = publish.part("arrests", "r-1", "x", batch.schema(), None).unwrap();
    let error = part.write(&batch.project(&[0, 1]).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("`row_original` UInt32, found `day` Date32, `area`"), "{error}");
}

#[test]
fn a_publish_that_is_dropped_leaves_the_record_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "arrests", "r-1", &[many(10, 1)], None).unwrap();
    let before = files(folder.path());
    let publish = Publish::begin(folder.path(), "test 1").unwrap();
    assert_eq!(publish.earlier().map(|manifest| manifest.tables.len()), Some(1));
    let mut part = publish.part("arrests", "r-1", "x", many(1, 1).schema(), None).unwrap();
    part.write(&many(9, 2)).unwrap();
    let other = publish.part("arrests", "r-1", "y", many(1, 1).schema(), None).unwrap();
    let staged = |name| folder.path().join(format!("staging/arrests~r-1~{name}.parquet")).exists();
    assert!(staged("x") && staged("y"));
    drop(other);
    assert!(staged("x") && !staged("y"), "a part that is given up goes at once");
    drop(publish);
    drop(part);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_folder_of_other_things_is_neither_written_nor_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
    let error = Publish::begin(folder.path(), "test 1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoRecord);
    assert!(
        error.to_string().ends_with("expected a record or an empty folder, found `thesis.txt`"),
        "{error}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    for path in [folder.path().to_owned(), folder.path().join("none"), folder.path().join("thesis.txt")] {
        assert_eq!(Record::open(&path).unwrap_err().kind(), ErrorKind::NoRecord, "{}", path.display());
    }
    let error = Publish::begin(&folder.path().join("thesis.txt"), "test 1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
}

#[test]
fn each_kind_of_damage_has_its_own_error_and_all_of_it_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    for (id, seed) in [("r-1", 1), ("r-2", 2), ("r-3", 3), ("r-4", 4)] {
        publish(folder.path(), "arrests", id, &[many(50, seed)], None).unwrap();
    }
    let record = Record::open(folder.path()).unwrap();
    let paths: Vec<PathBuf> =
        record.parts("arrests").unwrap().iter().map(|part| folder.path().join(&part.path)).collect();
    std::fs::remove_file(&paths[0]).unwrap();
    let mut bytes = std::fs::read(&paths[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&paths[1], &bytes).unwrap();
    bytes.truncate(middle);
    std::fs::write(&paths[2], &bytes).unwrap();
    std::fs::write(folder.path().join("tables/arrests/r-4/stray.parquet"), "left by a dead writer").unwrap();

    let verification = record.verify();
    let found: Vec<_> =
        verification.problems.iter().map(|problem| (problem.kind(), problem.path().unwrap())).collect();
    let expected = [
        (ErrorKind::Missing, &*paths[0]),
        (ErrorKind::Damaged, &*paths[1]),
        (ErrorKind::Damaged, &*paths[2]),
    ];
    assert_eq!(found, expected);
    assert!(
        verification.problems[1].to_string().contains("expected bytes of sha256 "),
        "{:?}",
        verification.problems
    );
    assert!(verification.problems[2].to_string().contains(&format!("bytes, found {middle}")));
    assert!(verification.problems.iter().all(|problem| problem.hint().is_some()));
    assert_eq!(verification.leftovers, ["tables/arrests/r-4/stray.parquet"]);

    let kinds: Vec<_> = record
        .parts("arrests")
        .unwrap()
        .iter()
        .map(|part| {
            let outcome: Result<Vec<_>> = record.read_part(part, None).unwrap().collect();
            outcome.err().map(|error| error.kind())
        })
        .collect();
    assert_eq!(kinds, [Some(ErrorKind::Missing), Some(ErrorKind::Damaged), Some(ErrorKind::Damaged), None]);
    let mut batches = record.read("arrests", None).unwrap();
    assert!(batches.next().is_some_and(|first| first.is_err()));
    assert!(batches.next().is_none(), "no rows after an error");
}

#[test]
fn a_file_that_changes_after_it_was_verified_is_found_by_the_next_verification() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "arrests", "r-1", &[many(50, 1)], None).unwrap();
    let record = Record::open(folder.path()).unwrap();
    assert!(record.verify().is_ok());
    let path = folder.path().join(&record.parts("arrests").unwrap()[0].path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let problems = record.verify().problems;
    assert!(
        problems.len() == 1 && problems[0].to_string().contains("expected bytes of sha256"),
        "{problems:?}"
    );
}

#[test]
fn a_record_in_the_binary_is_checked_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "arrests", "r-1", &[many(50, 1)], None).unwrap();
    let files = embedded(folder.path());
    let with =
        |change: &dyn Fn(&'static [u8]) -> Option<Vec<u8>>| -> &'static [(&'static str, &'static [u8])] {
            let changed = |(path, bytes): &(&'static str, &'static [u8])| match path.ends_with(".parquet") {
                true => change(bytes).map(|bytes| (*path, &*bytes.leak())),
                false => Some((*path, *bytes)),
            };
            files.iter().filter_map(changed).collect::<Vec<_>>().leak()
        };
    let flipped =
        with(&|bytes| Some(bytes.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 40)).collect()));
    let short = with(&|bytes| Some(bytes[..bytes.len() - 1].to_vec()));
    for (files, kind, told) in [
        (flipped, ErrorKind::Damaged, "expected bytes of sha256"),
        (short, ErrorKind::Damaged, " bytes, found "),
        (with(&|_| None), ErrorKind::Missing, "a file that the manifest names"),
    ] {
        let problems = Record::embedded(files).unwrap().verify().problems;
        assert_eq!((problems.len(), problems[0].kind()), (1, kind));
        assert!(problems[0].to_string().contains(told), "{problems:?}");
    }
    assert_eq!(Record::embedded(&[]).unwrap_err().kind(), ErrorKind::NoRecord);
}

#[test]
fn a_record_of_a_later_format_is_neither_read_nor_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("manifest.json"), r#"{"format": "record/2"}"#).unwrap();
    for error in
        [Record::open(folder.path()).unwrap_err(), Publish::begin(folder.path(), "test 1").unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::NewerFormat);
        assert_eq!(error.path(), Some(&*folder.path().join("manifest.json")));
        assert!(error.hint().is_some());
    }
    assert_eq!(files(folder.path())["manifest.json"], br#"{"format": "record/2"}"#);
}

#[test]
fn any_changed_byte_in_any_file_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "arrests", "r-1", &[many(2_000, 1)], Some("day")).unwrap();
    publish(folder.path(), "removals", "r-2", &[many(500, 2)], None).unwrap();
    let files: Vec<_> = files(folder.path()).into_iter().collect();
    let mut random = Random(2017);
    let rounds = 2_000;
    let mut hit = vec![0; files.len()];
    for round in 0..rounds {
        let file = round % files.len();
        let (path, bytes) = &files[file];
        let at = random.below(bytes.len());
        let mut changed = bytes.clone();
        changed[at] ^= 1 << random.below(8);
        std::fs::write(folder.path().join(path), &changed).unwrap();
        let found = match Record::open(folder.path()) {
            Ok(record) => !record.verify().is_ok(),
            Err(_) => true,
        };
        assert!(found, "byte {at} of {path} was changed and nobody noticed");
        hit[file] += 1;
        std::fs::write(folder.path().join(path), bytes).unwrap();
    }
    assert!(hit.iter().all(|hits| *hits > 500), "{hit:?}");
    assert!(Record::open(folder.path()).unwrap().verify().is_ok());
}

/// Runs a test of this binary that is ignored otherwise, in a process of its own.
fn child(test: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env("EVENHAND_TEST_FOLDER", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn child_folder() -> PathBuf {
    PathBuf::from(std::env::var_os("EVENHAND_TEST_FOLDER").unwrap())
}

/// Waits until `done`, and fails the test if that takes more than half a minute.
fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
#[ignore = "the process that holds the lock in `a_second_writer_…`"]
fn child_holds_the_lock() {
    let publish = Publish::begin(&child_folder(), "test 1").unwrap();
    let mut part = publish.part("arrests", "r-1", "x", many(1, 1).schema(), None).unwrap();
    part.write(&many(1_000, 9)).unwrap();
    std::thread::sleep(Duration::from_secs(60));
    panic!("nobody killed this process");
}

#[test]
fn a_second_writer_is_told_who_writes_and_a_killed_one_blocks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "arrests", "r-1", &[many(10, 1)], None).unwrap();
    let mut holder = child("child_holds_the_lock", folder.path());
    let staged = folder.path().join("staging/arrests~r-1~x.parquet");
    wait_until(|| staged.exists());
    let error = Publish::begin(folder.path(), "test 1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(
        error.to_string().ends_with(&format!("process {} is writing this record", holder.id())),
        "{error}"
    );
    assert!(Record::open(folder.path()).unwrap().verify().is_ok(), "readers go on");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let start = Instant::now();
    let publish = Publish::begin(folder.path(), "test 1").unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(!staged.exists(), "what the dead writer left is gone");
    drop(publish);
    assert!(Record::open(folder.path()).unwrap().verify().is_ok());
}

/// Rows of state `number`: the day of every row of both tables.
fn publish_state(folder: &Path, number: i32) -> Result<Manifest> {
    let batch = rows(&[Some(number); 300], &[Some("SNA"); 300]);
    let publish = Publish::begin(folder, "test 1")?;
    let mut parts = Vec::new();
    for table in ["arrests", "removals"] {
        let mut part = publish.part(table, "r-1", "x", batch.schema(), None)?;
        part.write(&batch)?;
        parts.push(part.finish()?);
    }
    publish.commit(vec![release("r-1", &[("arrests", 300), ("removals", 300)])], parts)
}

/// The one state that every row of a record shows.
fn state(record: &Record) -> i32 {
    let mut states: Vec<_> =
        ["arrests", "removals"].iter().flat_map(|table| days(&read(record, table, None))).collect();
    assert_eq!(states.len(), 600);
    states.dedup();
    assert_eq!(states.len(), 1, "rows of two states: {states:?}");
    states[0].unwrap()
}

#[test]
#[ignore = "the process that is killed in `killed_at_any_moment_…`"]
fn child_publishes_until_killed() {
    let folder = child_folder();
    for number in 1.. {
        publish_state(&folder, number).unwrap();
    }
}

#[test]
fn killed_at_any_moment_a_writer_leaves_one_whole_state() {
    let folder = tempfile::tempdir().unwrap();
    publish_state(folder.path(), 0).unwrap();
    let mut random = Random(53_623);
    let mut states = Vec::new();
    for _ in 0..40 {
        let before = std::fs::read(folder.path().join("manifest.json")).unwrap();
        let mut writer = child("child_publishes_until_killed", folder.path());
        wait_until(|| std::fs::read(folder.path().join("manifest.json")).is_ok_and(|now| now != before));
        std::thread::sleep(Duration::from_micros(random.below(20_000) as u64));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let record = Record::open(folder.path()).unwrap();
        let verification = record.verify();
        assert!(verification.is_ok(), "{:?}", verification.problems);
        states.push(state(&record));
        drop(record);
        publish_state(folder.path(), -1).unwrap();
        assert_eq!(Record::open(folder.path()).unwrap().verify().leftovers, Vec::<String>::new());
    }
    assert!(
        states.iter().any(|state| *state > 1),
        "the writers were killed in the middle of their work: {states:?}"
    );
}

#[test]
fn readers_see_one_published_state_while_a_writer_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    publish_state(folder.path(), 0).unwrap();
    let done = AtomicBool::new(false);
    let opened = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let (mut opened, mut last) = (0, 0);
                    while !done.load(Ordering::Relaxed) {
                        let record = Record::open(folder.path()).unwrap();
                        std::thread::yield_now();
                        let now = state(&record);
                        assert!(now >= last, "{now} after {last}");
                        (opened, last) = (opened + 1, now);
                    }
                    opened
                })
            })
            .collect();
        for number in 1..=100 {
            publish_state(folder.path(), number).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum::<u32>()
    });
    assert!(opened > 100, "{opened} records opened");
    publish_state(folder.path(), 101).unwrap();
    assert_eq!(files(folder.path()).len(), 3, "old files are removed once nobody reads them");
}

/// A real small disk, unmounted on drop; `None`, with a visible word, where we may not mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(bytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        if status.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        evenhand_testkit::skipped("a really full disk needs the right to mount a tmpfs");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let status = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot unmount {}", self.0.path().display());
    }
}

#[test]
fn a_full_disk_is_named_and_the_earlier_record_stays() {
    let Some(disk) = SmallDisk::mount(256 << 10) else { return };
    let folder = disk.0.path().join("record");
    publish(&folder, "arrests", "r-1", &[many(1_000, 1)], Some("day")).unwrap();
    let before = files(&folder);
    for sort_by in [None, Some("day")] {
        let error = publish(&folder, "arrests", "r-1", &[many(400_000, 2)], sort_by).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DiskFull, "{error}");
        assert!(
            error.path().is_some_and(|path| path.ends_with("staging/arrests~r-1~part.parquet")),
            "{error}"
        );
        assert!(error.to_string().ends_with("cannot write: the disk is full"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("untouched")), "{error}");
        assert_eq!(files(&folder), before);
    }
    assert!(Record::open(&folder).unwrap().verify().is_ok());
    publish(&folder, "arrests", "r-1", &[many(2_000, 3)], Some("day")).unwrap();
    assert_eq!(Record::open(&folder).unwrap().verify().rows, 2_000);
}
