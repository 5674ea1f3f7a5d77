//! Keeps two writers apart, and a writer's cleaning away from readers. Both are locks that the operating
//! system frees when their holder dies, so that a killed process never blocks anybody.

use crate::{Error, ErrorKind, Result, disk};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;

/// File that a writer locks; it holds the writer's process id while locked and nothing otherwise.
pub(crate) const WRITER: &str = "lock";
/// Empty file that readers lock together; files that no manifest names are removed only while none does.
pub(crate) const READERS: &str = "readers";

/// A locked file, unlocked when dropped. Closing it would not do: a process that another thread starts at this
/// moment holds the file open too, and with it the lock, until it runs its own program.
#[derive(Debug)]
pub(crate) struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // A lock that cannot be given back is freed with the file.
        drop(self.0.unlock());
    }
}

/// The right to write a record, until dropped.
#[derive(Debug)]
pub(crate) struct WriterLock(Locked);

impl WriterLock {
    pub(crate) fn acquire(folder: &Path) -> Result<Self> {
        let path = folder.join(WRITER);
        let mut file = disk::open_or_create(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&path, &mut file)),
            Err(TryLockError::Error(source)) => return Err(Error::io("lock the record", &path, source)),
        }
        // A writer that failed took the file away between the two calls above, and the folder with it.
        if !is_still_there(&file, &path) {
            let error = Error::new(ErrorKind::Locked, "another process has just given up this record");
            return Err(error.at(&path).with_hint("try again"));
        }
        let written = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        // A full disk must not keep anybody from trying: the lock holds without the number.
        drop(written);
        Ok(Self(Locked(file)))
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // An old number in the file is ignored by the next writer, so a failure here harms nobody.
        drop(self.0.0.set_len(0));
    }
}

fn held(path: &Path, file: &mut File) -> Error {
    let mut pid = String::new();
    let known = file.read_to_string(&mut pid).is_ok() && pid.trim().parse::<u32>().is_ok();
    let holder = if known { format!("process {}", pid.trim()) } else { "another process".to_owned() };
    Error::new(ErrorKind::Locked, format!("{holder} is writing this record"))
        .at(path)
        .with_hint("wait until it is done, or end it; a writer that has died holds no lock")
}

/// Whether the file has the name that it was opened by.
#[cfg(unix)]
fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let place = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), path.metadata()) {
        (Ok(held), Ok(named)) => place(held) == place(named),
        _ => false,
    }
}

/// Elsewhere a file that is open cannot lose its name.
#[cfg(not(unix))]
fn is_still_there(_file: &File, _path: &Path) -> bool {
    true
}

/// Registers a reader until the returned lock is dropped; `None` where the record cannot be locked, as on
/// a read-only disk that no writer touches either.
pub(crate) fn reader(folder: &Path) -> Option<Locked> {
    let file = File::open(folder.join(READERS)).ok()?;
    file.lock_shared().ok()?;
    Some(Locked(file))
}

/// Creates the readers' file, so that readers need no right to write.
pub(crate) fn welcome_readers(folder: &Path) -> Result<()> {
    disk::open_or_create(&folder.join(READERS)).map(drop)
}

/// Keeps readers out until the returned lock is dropped; `None` if there is one.
pub(crate) fn no_readers(folder: &Path) -> Option<Locked> {
    let file = disk::open_or_create(&folder.join(READERS)).ok()?;
    file.try_lock().ok()?;
    Some(Locked(file))
}
