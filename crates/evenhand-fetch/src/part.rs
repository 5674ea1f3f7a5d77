//! `NAME.part`: the beginning of a file, and what is known of the file that it is the beginning of.
//!
//! `.NAME.part.json` says how many of its bytes are on the disk for certain, and their SHA-256. A later run trusts
//! those and no others: after a power cut the rest may be anything.

use crate::folder::{self, Folder};
use crate::{Error, Result};
use evenhand_ledger::Hasher;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Bytes after which, or time after which, what has come is brought to the disk and written down.
const CHECKPOINT_BYTES: u64 = 8 << 20;
const CHECKPOINT_TIME: Duration = Duration::from_secs(2);

/// A file that is coming in.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    folder: &'a Folder,
    name: &'a str,
    path: PathBuf,
    file: fs::File,
    hasher: Hasher,
    len: u64,
    about: Option<About>,
    saved: u64,
    saved_at: Instant,
}

/// The file that a part is the beginning of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) url: String,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    /// Its whole length.
    pub(crate) bytes: Option<u64>,
}

impl About {
    /// What `If-Range` may name: a strong tag, or a date.
    pub(crate) fn validator(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|tag| !tag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    about: About,
    on_disk: u64,
    sha256: String,
}

impl<'a> Part<'a> {
    /// Opens what an earlier run left of the file at `url`, or an empty part.
    pub(crate) fn open(folder: &'a Folder, name: &'a str, url: &str) -> Result<Self> {
        let path = folder.path().join(format!("{name}.part"));
        let options = fs::File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let file = options.map_err(|error| Error::io("open", &path, &error))?;
        let mut part = Self {
            folder,
            name,
            path,
            file,
            hasher: Hasher::default(),
            len: 0,
            about: None,
            saved: 0,
            saved_at: Instant::now(),
        };
        match part.left().filter(|state| state.about.url == url) {
            Some(state) => part.go_on(state)?,
            None => part.restart()?,
        }
        Ok(part)
    }

    /// What an earlier run wrote down, if it can be read.
    fn left(&self) -> Option<State> {
        serde_json::from_slice(&fs::read(self.state_path()).ok()?).ok()
    }

    fn state_path(&self) -> PathBuf {
        self.folder.path().join(self.state_name())
    }

    fn state_name(&self) -> String {
        format!(".{}.part.json", self.name)
    }

    /// Reads what is there again, and keeps it if it is what was written down.
    fn go_on(&mut self, state: State) -> Result<()> {
        let (len, hasher) = digest(&mut self.file, state.on_disk).map_err(|error| self.io("read", &error))?;
        if len != state.on_disk || hasher.clone().finish().as_str() != state.sha256 {
            return self.restart();
        }
        self.cut_to(len)?;
        (self.hasher, self.len, self.saved) = (hasher, len, len);
        self.about = Some(state.about);
        Ok(())
    }

    fn io(&self, action: &str, error: &std::io::Error) -> Error {
        Error::io(action, &self.path, error)
    }

    fn cut_to(&mut self, len: u64) -> Result<()> {
        let cut = self.file.set_len(len).and_then(|()| self.file.seek(std::io::SeekFrom::Start(len)));
        cut.map(drop).map_err(|error| self.io("shorten", &error))
    }

    /// Forgets what has come.
    pub(crate) fn restart(&mut self) -> Result<()> {
        folder::remove(&self.state_path())?;
        self.cut_to(0)?;
        (self.hasher, self.len, self.saved, self.about) = (Hasher::default(), 0, 0, None);
        Ok(())
    }

    /// Bytes that have come.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// What file they begin.
    pub(crate) fn about(&self) -> Option<&About> {
        self.about.as_ref()
    }

    /// Says what file the bytes to come belong to.
    pub(crate) fn begin(&mut self, about: About) {
        self.about = Some(about);
        self.saved_at = Instant::now();
    }

    /// Takes the next bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| self.io("write", &error))?;
        self.hasher.update(bytes);
        self.len += u64::try_from(bytes.len()).unwrap_or_default();
        let is_due = self.len - self.saved >= CHECKPOINT_BYTES || self.saved_at.elapsed() >= CHECKPOINT_TIME;
        if is_due { self.save() } else { Ok(()) }
    }

    /// Brings what has come to the disk, so that a later run can go on from here.
    pub(crate) fn save(&mut self) -> Result<()> {
        let Some(about) = self.about.clone().filter(|_| self.len > self.saved) else { return Ok(()) };
        self.file.sync_data().map_err(|error| self.io("bring to the disk", &error))?;
        let sha256 = self.hasher.clone().finish().as_str().to_owned();
        let state = serde_json::to_vec(&State { about, on_disk: self.len, sha256 });
        let state = state.map_err(|error| self.io("describe", &error.into()))?;
        self.folder.replace(&self.state_name(), &state)?;
        (self.saved, self.saved_at) = (self.len, Instant::now());
        Ok(())
    }

    /// SHA-256 of what has come.
    pub(crate) fn sha256(&self) -> String {
        self.hasher.clone().finish().as_str().to_owned()
    }

    /// The first bytes.
    pub(crate) fn first_bytes(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.file.rewind().and_then(|()| (&self.file).take(512).read_to_end(&mut bytes));
        read.map_err(|error| self.io("read", &error))?;
        let end = self.file.seek(std::io::SeekFrom::Start(self.len));
        end.map(|_| bytes).map_err(|error| self.io("read", &error))
    }

    /// Gives the bytes a name: they are all here.
    pub(crate) fn finish(self, name: &str) -> Result<PathBuf> {
        self.file.sync_all().map_err(|error| self.io("bring to the disk", &error))?;
        let path = self.folder.rename(&self.path, name)?;
        folder::remove(&self.state_path())?;
        Ok(path)
    }

    /// Leaves no trace.
    pub(crate) fn discard(self) -> Result<()> {
        folder::remove(&self.state_path())?;
        folder::remove(&self.path)
    }

    /// Keeps what has come for a later run, or leaves no trace if nothing has.
    pub(crate) fn pause(mut self) -> Result<()> {
        if self.len == 0 {
            return self.discard();
        }
        self.save()
    }
}

/// Length and digest of a file, or of its first `most` bytes.
pub(crate) fn digest(file: &mut fs::File, most: u64) -> std::io::Result<(u64, Hasher)> {
    file.rewind()?;
    let (mut len, mut hasher, mut buffer) = (0, Hasher::default(), vec![0; 1 << 16]);
    let mut rest = file.take(most);
    loop {
        let read = match rest.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok((len, hasher));
        }
        hasher.update(bytes);
        len += u64::try_from(read).unwrap_or_default();
    }
}

/// Length and digest of the file at a path.
pub(crate) fn digest_at(path: &Path) -> Result<(u64, String)> {
    let digest = fs::File::open(path).and_then(|mut file| digest(&mut file, u64::MAX));
    let (len, hasher) = digest.map_err(|error| Error::io("read", path, &error))?;
    Ok((len, hasher.finish().as_str().to_owned()))
}
