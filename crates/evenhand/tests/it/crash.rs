//! Writers that are killed while they work, and writers that meet. `cargo xtask crash` does so at every call.

use crate::run::{command, evenhand, word};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Two made-up releases of one name, the record of the first, and the two manifests.
struct Scene {
    scratch: tempfile::TempDir,
    manifests: [Vec<u8>; 2],
}

impl Scene {
    fn new() -> Scene {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let make = |name: &str, seed: &str| {
            let (folder, record) = (scratch.path().join(name), scratch.path().join(format!("{name}-record")));
            let words = ["simulate", "--release", "r2025oct", "--scale", "300", "--seed", seed, "--out"];
            evenhand(&[&words[..], &[word(&folder)]].concat()).done();
            evenhand(&["ingest", word(&folder), "--record", word(&record)]).done();
            fs::read(record.join("manifest.json")).expect("a manifest")
        };
        let manifests = [make("old", "1"), make("new", "2")];
        assert_ne!(manifests[0], manifests[1], "two seeds, two releases");
        Scene { scratch, manifests }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Whether the record is exactly one of the two, and whole.
    fn is_one_of_both(&self, record: &Path) {
        evenhand(&["verify", "--record", word(record)]).done();
        let manifest = fs::read(record.join("manifest.json")).expect("a manifest");
        assert!(self.manifests.contains(&manifest), "a record that is neither the old nor the new one");
    }
}

#[test]
fn a_writer_killed_at_any_moment_leaves_the_old_record_or_the_new_one() {
    let scene = Scene::new();
    let (new, record) = (scene.path("new"), scene.path("old-record"));
    let words = ["ingest", word(&new), "--record", word(&record)];
    let begun = Instant::now();
    evenhand(&words).done();
    let whole = begun.elapsed();
    for step in 0..16 {
        let old = scene.path("old");
        evenhand(&["ingest", word(&old), "--record", word(&record)]).done();
        let mut writer =
            command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(whole * step / 15);
        writer.kill().expect("a process that can be killed");
        writer.wait().expect("its end");
        scene.is_one_of_both(&record);
        // Its lock is free at once, and what it left is cleaned up.
        evenhand(&words).done();
        assert_eq!(fs::read(record.join("manifest.json")).expect("a manifest"), scene.manifests[1]);
        assert!(!record.join("staging").exists(), "left behind by the one that was killed");
    }
}

#[test]
fn of_two_writers_at_once_one_waits_or_is_refused() {
    let scene = Scene::new();
    let record = scene.path("old-record");
    for _ in 0..8 {
        let start = |name| {
            let folder = scene.path(name);
            let words = ["ingest", word(&folder), "--record", word(&record)];
            command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
        };
        let both = [start("old"), start("new")];
        let ended = both.map(|writer| writer.wait_with_output().expect("its end"));
        assert!(ended.iter().any(|output| output.status.success()), "neither of them wrote");
        for output in ended.iter().filter(|output| !output.status.success()) {
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(1) && told.contains("is writing this record"), "{told}");
        }
        scene.is_one_of_both(&record);
    }
}

#[test]
fn readers_see_one_published_record_while_others_take_its_place() {
    let scene = Scene::new();
    let record = scene.path("old-record");
    let answer = |record: &Path| {
        let mut answer = evenhand(&["releases", "--json", "--record", word(record)]).done().json();
        // Where it lies is no part of what it says.
        answer["record"].take();
        answer
    };
    let known = [answer(&record), answer(&scene.path("new-record"))];
    let end = Instant::now() + Duration::from_secs(4);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while Instant::now() < end {
                    assert!(known.contains(&answer(&record)), "an answer of no published record");
                }
            });
        }
        for at in 0.. {
            if Instant::now() >= end {
                break;
            }
            let folder = scene.path(["new", "old"][at % 2]);
            evenhand(&["ingest", word(&folder), "--record", word(&record)]).done();
        }
    });
    scene.is_one_of_both(&record);
}

#[test]
fn an_ingest_that_fails_leaves_no_new_record_behind() {
    let scene = Scene::new();
    let (folder, record) = (scene.path("new"), scene.path("never"));
    let mut files = fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path());
    let workbook = files.find(|path| path.extension().is_some_and(|end| end == "xlsx")).expect("a workbook");
    // Whole enough to be known, and cut in the rows that are read later.
    let mut bytes = fs::read(&workbook).expect("its bytes");
    let at = memchr::memmem::find(&bytes, b"xl/worksheets/sheet1.xml").expect("its first sheet") + 3_000;
    bytes[at] ^= 0xff;
    fs::write(&workbook, &bytes).expect("a scratch file");
    let ran = evenhand(&["ingest", word(&folder), "--record", word(&record)]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(!record.exists(), "a folder was left behind");
}
