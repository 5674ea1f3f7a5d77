//! The power goes at every call of a publish: what is on the disk then must be a whole record.
//!
//! Every file and folder is looked at before each call that changes the disk, and what a disk has to keep is told
//! from the calls so far, in two models. The strict one keeps the bytes of a file as of its last `fsync`, and the
//! names in a folder as of the folder's. The hasty one has every name at once, and still only those bytes: a
//! file that was put in place before it was brought to the disk is then empty.

use crate::disk::{Call, faults};
use crate::manifest;
use crate::publish::tests::{NEW, OLD, publish, state};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Folder,
    /// By its number on the disk.
    File(u64),
}

/// Names below the root, and the bytes of the files.
#[derive(Debug, Clone, Default)]
struct Snapshot {
    names: BTreeMap<PathBuf, Entry>,
    bytes: BTreeMap<u64, Vec<u8>>,
}

/// The disk before each call of a publish, and after the last.
#[derive(Default)]
struct Watched {
    calls: Vec<(Call, PathBuf)>,
    before: Vec<Snapshot>,
    /// Keeps the numbers of files that are removed from being given to others.
    open: Vec<File>,
}

impl Watched {
    fn look(&mut self, root: &Path) {
        let mut snapshot = Snapshot::default();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    snapshot.names.insert(path.clone(), Entry::Folder);
                    folders.push(path);
                    continue;
                }
                let file = File::open(&path).unwrap();
                let number = file.metadata().unwrap().ino();
                snapshot.names.insert(path.clone(), Entry::File(number));
                snapshot.bytes.insert(number, fs::read(&path).unwrap());
                self.open.push(file);
            }
        }
        self.before.push(snapshot);
    }

    /// What is kept if the power goes before call `at`.
    fn kept(&self, at: usize, is_strict: bool) -> Snapshot {
        // What was there at first has long been on the disk.
        let mut kept = self.before[0].clone();
        for ((call, path), now) in self.calls.iter().zip(&self.before).take(at) {
            match call {
                Call::SyncFile => {
                    if let Some(Entry::File(number)) = now.names.get(path) {
                        kept.bytes.insert(*number, now.bytes[number].clone());
                    }
                }
                Call::SyncFolder => {
                    let is_in_it = |name: &PathBuf| name.parent() == Some(path.as_path());
                    kept.names.retain(|name, _| !is_in_it(name));
                    kept.names.extend(now.names.iter().filter(|(name, _)| is_in_it(name)).map(owned));
                }
                _ => {}
            }
        }
        if !is_strict {
            kept.names = self.before[at].names.clone();
        }
        kept
    }
}

fn owned((name, entry): (&PathBuf, &Entry)) -> (PathBuf, Entry) {
    (name.clone(), *entry)
}

impl Snapshot {
    /// Makes the disk anew below another root.
    fn restore(&self, from: &Path, to: &Path) {
        // Folders sort before what is in them; what is in a folder that was lost is lost with it.
        for (name, entry) in &self.names {
            let path = to.join(name.strip_prefix(from).unwrap());
            let Some(above) = path.parent().filter(|above| above.is_dir()) else { continue };
            assert!(above.starts_with(to));
            match entry {
                Entry::Folder => fs::create_dir(path).unwrap(),
                Entry::File(number) => {
                    fs::write(path, self.bytes.get(number).map_or(&[][..], Vec::as_slice)).unwrap();
                }
            }
        }
    }
}

/// Publishes into `record` below `root`, and lets the power go at every call; the states met.
fn lose_power(root: &Path, record: &str, old: Option<i32>) -> Vec<Option<i32>> {
    let watched = Rc::new(RefCell::new(Watched::default()));
    let (watcher, below) = (watched.clone(), root.to_owned());
    faults::watch(Box::new(move |call, path| {
        let mut watched = watcher.borrow_mut();
        watched.look(&below);
        watched.calls.push((call, path.to_owned()));
    }));
    publish(&root.join(record), NEW).unwrap();
    faults::plan(None);
    let mut watched = Rc::try_unwrap(watched).unwrap_or_else(|_| panic!("the watcher is gone")).into_inner();
    watched.look(root);
    let mut met = Vec::new();
    for at in 0..=watched.calls.len() {
        for is_strict in [true, false] {
            let context = format!("before call {at} {:?}, strict: {is_strict}", watched.calls.get(at));
            let disk = tempfile::tempdir().unwrap();
            watched.kept(at, is_strict).restore(root, disk.path());
            let record = disk.path().join(record);
            let found = record.join(manifest::FILE).exists().then(|| state(&record));
            assert!(found == old || found == Some(NEW), "{context}: {found:?}");
            assert!(at < watched.calls.len() || found == Some(NEW), "{context}: it said that it was done");
            met.push(found);
            publish(&record, NEW + 10).unwrap();
            assert_eq!(state(&record), NEW + 10, "{context}: the next publish");
        }
    }
    println!("power lost at {} calls, in two models", watched.calls.len());
    met
}

#[test]
fn the_power_may_go_at_any_call_over_an_old_record() {
    let root = tempfile::tempdir().unwrap();
    publish(&root.path().join("record"), OLD).unwrap();
    let met = lose_power(root.path(), "record", Some(OLD));
    assert!(met.contains(&Some(OLD)) && met.contains(&Some(NEW)));
}

#[test]
fn the_power_may_go_at_any_call_of_a_first_publish() {
    let root = tempfile::tempdir().unwrap();
    let met = lose_power(root.path(), "a/record", None);
    assert!(met.contains(&None) && met.contains(&Some(NEW)));
}

/// The models find what they are there to find: a file in place that was not brought to the disk.
#[test]
fn what_was_not_brought_to_the_disk_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let (new, place) = (root.path().join("new"), root.path().join("place"));
    fs::write(&place, "old").unwrap();
    let mut watched = Watched::default();
    watched.look(root.path());
    fs::write(&new, "new").unwrap();
    watched.calls.push((Call::Write, new.clone()));
    watched.look(root.path());
    fs::rename(&new, &place).unwrap();
    watched.calls.push((Call::Rename, place.clone()));
    watched.look(root.path());
    let read = |is_strict| {
        let disk = tempfile::tempdir().unwrap();
        watched.kept(2, is_strict).restore(root.path(), disk.path());
        fs::read_to_string(disk.path().join("place")).unwrap()
    };
    assert_eq!((read(true).as_str(), read(false).as_str()), ("old", ""));
}
