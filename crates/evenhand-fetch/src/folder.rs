//! The folder of a release: one fetch at a time, and every change to its names made durable.

use crate::{Error, ErrorKind, Result};
use std::fs::{self, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const LOCK: &str = ".fetch.lock";

/// A folder that no other fetch writes to while this lives. The lock dies with its holder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: fs::File,
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A lock that cannot be given back is freed with the file.
        drop(self.lock.unlock());
    }
}

impl Folder {
    /// Creates the folder if need be, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|error| Error::io("create the folder", path, &error))?;
        let lock_path = path.join(LOCK);
        let lock = fs::File::options().write(true).create(true).truncate(false).open(&lock_path);
        let lock = lock.map_err(|error| Error::io("open", &lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::Locked, "another process fetches into this folder")
                    .at(path.display())
                    .hint("wait until it is done, or end it; one that has died holds no lock"))
            }
            Err(TryLockError::Error(error)) => Err(Error::io("lock the folder", path, &error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces a small file whole, by way of a hidden neighbor.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let (path, staging) = (self.path.join(name), self.path.join(format!(".{name}.new")));
        let write = || {
            let mut file = fs::File::create(&staging)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&staging, &path)
        };
        write().map_err(|error| {
            // The earlier file is whole; a neighbor that cannot be removed either is not worth a second error.
            drop(fs::remove_file(&staging));
            Error::io("write", &path, &error)
        })?;
        self.sync()
    }

    /// Gives a file its name, over another of that name.
    pub(crate) fn rename(&self, from: &Path, to: &str) -> Result<PathBuf> {
        let path = self.path.join(to);
        fs::rename(from, &path).map_err(|error| Error::io("put in place", &path, &error))?;
        self.sync()?;
        Ok(path)
    }

    #[cfg(unix)]
    fn sync(&self) -> Result<()> {
        let synced = fs::File::open(&self.path).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Error::io("bring to the disk", &self.path, &error))
    }

    /// Elsewhere a folder cannot be opened as a file, and a rename is as durable as the system makes it.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "can fail on other systems")]
    fn sync(&self) -> Result<()> {
        Ok(())
    }
}

/// Removes a file; none there is as good.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, &error)),
        _ => Ok(()),
    }
}
