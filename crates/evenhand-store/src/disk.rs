//! Every call that changes a file, in one place: so that each can be made to fail, or to be the last one
//! before the process dies, and the tests can count them.

use crate::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A call that changes the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    CreateFolder,
    CreateFile,
    Write,
    SyncFile,
    SyncFolder,
    Rename,
    RemoveFile,
    RemoveFolder,
}

/// A new file that is being written.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    path: PathBuf,
}

impl Output {
    /// Creates a file, or empties it.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        step(Call::CreateFile, path)
            .and_then(|()| File::create(path))
            .map(|file| Self { file, path: path.to_owned() })
            .map_err(|source| Error::io("create the file", path, source))
    }

    /// Waits until the bytes are on the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        step(Call::SyncFile, &self.path)
            .and_then(|()| self.file.sync_all())
            .map_err(|source| Error::io("bring the file to the disk", &self.path, source))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(test)]
        faults::tear(&mut self.file, bytes);
        step(Call::Write, &self.path)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Opens a file to read and write, without a change to what it holds; creates an empty one if there is none.
pub(crate) fn open_or_create(path: &Path) -> Result<File> {
    let open = || File::options().read(true).write(true).create(true).truncate(false).open(path);
    step(Call::CreateFile, path)
        .and_then(|()| open())
        .map_err(|source| Error::io("open the file", path, source))
}

/// Writes a whole file and waits until it is on the disk.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut output = Output::create(path)?;
    output.write_all(bytes).map_err(|source| Error::io("write", path, source))?;
    output.sync()
}

/// Creates a folder unless it is there; its parent must be.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    step(Call::CreateFolder, path)
        .and_then(|()| fs::create_dir(path))
        .map_err(|source| Error::io("create the folder", path, source))
}

/// Makes names created in, renamed into or removed from a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    step(Call::SyncFolder, path)
        .and_then(|()| sync_open_folder(path))
        .map_err(|source| Error::io("bring the folder to the disk", path, source))
}

/// Does so for many folders at once: a disk brings many requests home together in little more than the time of
/// one, and a new record has two folders for each table.
pub(crate) fn sync_folders<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Result<()> {
    let paths: Vec<&PathBuf> = paths.collect();
    let refused = |path: &Path, source| Error::io("bring the folder to the disk", path, source);
    paths.iter().try_for_each(|path| step(Call::SyncFolder, path).map_err(|source| refused(path, source)))?;
    let results: Vec<io::Result<()>> = std::thread::scope(|scope| {
        let sync = |path: &'a PathBuf| scope.spawn(move || sync_open_folder(path));
        let threads: Vec<_> = paths.iter().map(|path| sync(path)).collect();
        let died = |_| Err(io::Error::other("the thread that waited for the disk died"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(died)).collect()
    });
    let first = paths.iter().zip(results).find_map(|(path, result)| result.err().map(|error| (path, error)));
    first.map_or(Ok(()), |(path, source)| Err(refused(path, source)))
}

#[cfg(unix)]
fn sync_open_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file, and a rename is as durable as the system makes it.
#[cfg(not(unix))]
fn sync_open_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Moves a file over another name within one disk, in one step.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    step(Call::Rename, to)
        .and_then(|()| fs::rename(from, to))
        .map_err(|source| Error::io("put the file in place", to, source))
}

/// Removes a file; none there is as good.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    gone(step(Call::RemoveFile, path).and_then(|()| fs::remove_file(path)), path)
}

/// Removes a folder with the files and folders in it; none there is as good.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    gone(step(Call::RemoveFolder, path).and_then(|()| fs::remove_dir_all(path)), path)
}

/// Removes a folder if it is empty, and tells whether it did.
pub(crate) fn remove_empty_folder(path: &Path) -> bool {
    step(Call::RemoveFolder, path).and_then(|()| fs::remove_dir(path)).is_ok()
}

fn gone(result: io::Result<()>, path: &Path) -> Result<()> {
    match result {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, source)),
        _ => Ok(()),
    }
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "tests make it fail")]
fn step(_call: Call, _path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
use faults::step;

/// Faults on request, for tests of this crate; each thread has its own.
#[cfg(test)]
pub(crate) mod faults {
    use super::{Call, File, Path, PathBuf, io};
    use std::cell::RefCell;
    use std::io::Write as _;

    /// What happens at the chosen call.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Fault {
        /// The call fails with this number of the operating system, once.
        Fail(i32),
        /// The process dies before the call.
        Die,
        /// The process dies after half of the bytes of a write, or before any other call.
        Tear,
    }

    /// Told of a call before it is made.
    pub(crate) type Watcher = Box<dyn FnMut(Call, &Path)>;

    #[derive(Default)]
    struct Plan {
        fault: Option<(usize, Fault)>,
        seen: Vec<(Call, PathBuf)>,
        watcher: Option<Watcher>,
    }

    thread_local! {
        static PLAN: RefCell<Plan> = RefCell::default();
    }

    /// Forgets what was seen, and plans a fault at call number `at`, from 0.
    pub(crate) fn plan(fault: Option<(usize, Fault)>) {
        PLAN.with(|plan| *plan.borrow_mut() = Plan { fault, ..Plan::default() });
    }

    /// Tells of every call from now on, until the next plan.
    pub(crate) fn watch(watcher: Watcher) {
        PLAN.with(|plan| *plan.borrow_mut() = Plan { watcher: Some(watcher), ..Plan::default() });
    }

    /// The calls since the plan was made.
    pub(crate) fn seen() -> Vec<(Call, PathBuf)> {
        PLAN.with(|plan| plan.borrow().seen.clone())
    }

    pub(super) fn step(call: Call, path: &Path) -> io::Result<()> {
        PLAN.with(|plan| {
            let mut plan = plan.borrow_mut();
            let at = plan.seen.len();
            plan.seen.push((call, path.to_owned()));
            if let Some(watcher) = &mut plan.watcher {
                watcher(call, path);
            }
            match plan.fault {
                Some((chosen, Fault::Fail(number))) if chosen == at => {
                    Err(io::Error::from_raw_os_error(number))
                }
                Some((chosen, _)) if chosen == at => std::process::abort(),
                _ => Ok(()),
            }
        })
    }

    /// Writes half of the bytes if the process is to die in the middle of this write.
    pub(super) fn tear(file: &mut File, bytes: &[u8]) {
        let torn = PLAN.with(|plan| {
            let plan = plan.borrow();
            plan.fault == Some((plan.seen.len(), Fault::Tear))
        });
        if torn {
            file.write_all(&bytes[..bytes.len() / 2]).unwrap();
        }
    }
}
