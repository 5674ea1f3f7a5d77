//! Helps tests: where the shared releases and oracles are, and a visible word when they are not.
//! Input: the layout of a checkout.
//! Output: paths, or a skip that the test log shows.
//! Read first: [`shared`].

pub mod web;

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The workspace's root folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `path` below the folder of released data and oracles that some tests need, or `None` after printing a
/// line that says which test is skipped for want of it.
#[must_use]
pub fn shared(path: &str) -> Option<PathBuf> {
    let full = root().join("../shared").join(path);
    if full.exists() {
        return Some(full);
    }
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    skipped(&format!("{name} needs ../shared/{path}"));
    None
}

/// A data set with published answers, `oracles/mpdta/data.csv`: the project's own copy where its licence allows one,
/// else the one among the data that some tests need, or `None` after a line as [`shared`] prints.
#[must_use]
pub fn oracle(path: &str) -> Option<PathBuf> {
    let own = root().join(path);
    if own.exists() { Some(own) } else { shared(path) }
}

/// Says on the test log that something was skipped, and why. Written to the stream itself: what a test prints
/// by macro is shown only if it fails.
pub fn skipped(why: &str) {
    // A log that cannot be written to cannot be told so either.
    drop(writeln!(std::io::stderr(), "skipped: {why}"));
}

/// Every input that a fuzz target began with or failed on, by name.
///
/// # Panics
/// When there are none, or they cannot be read.
#[must_use]
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = root().join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).expect("a corpus of the target");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry of the corpus").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no corpus for {target}");
    paths.into_iter().map(|path| std::fs::read(path).expect("an input of the corpus")).collect()
}

/// Runs a fuzz target on its corpus, each input whole and cut short at thirty-two places.
///
/// # Panics
/// As [`corpus`], and where the target does.
pub fn replay(target: &str, run: fn(&[u8])) {
    for input in corpus(target) {
        for step in 0..=32 {
            run(input.get(..input.len() * step / 32).unwrap_or_default());
        }
    }
}

/// A disk of a few kibibytes in memory, mounted for one test and taken away after it.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one, or says on the test log that this machine does not let us: it takes Linux and root.
    #[must_use]
    pub fn of_kib(kib: u32) -> Option<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("evenhand-disk-{}-{number}", std::process::id()));
        let mounted = std::fs::create_dir(&path).is_ok() && mount(&format!("size={kib}k"), &path);
        if !mounted {
            drop(std::fs::remove_dir(&path));
            let name = std::thread::current().name().unwrap_or("a test").to_owned();
            skipped(&format!("{name} needs the right to mount a disk in memory"));
            return None;
        }
        Some(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes room.
    ///
    /// # Panics
    /// When it cannot be mounted again.
    pub fn grow_to_kib(&self, kib: u32) {
        assert!(mount(&format!("remount,size={kib}k"), &self.path), "a disk that was mounted can be again");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A disk that stays behind is in memory and empty; the next test has one of its own.
        drop(std::process::Command::new("umount").arg(&self.path).status());
        drop(std::fs::remove_dir(&self.path));
    }
}

fn mount(options: &str, path: &Path) -> bool {
    let mut command = std::process::Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
