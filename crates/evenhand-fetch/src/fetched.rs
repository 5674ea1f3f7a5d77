//! `fetched.json`: what was received, from where, and with which sums, so that a later run can compare.

use crate::folder::Folder;
use crate::{Error, ErrorKind, Release, Result};
use serde::{Deserialize, Serialize};
use std::fs;

/// Name of the file in the folder of a release.
pub const FETCHED: &str = "fetched.json";
const SCHEMA: &str = "fetched/1";

/// What was received of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Received {
    schema: String,
    release: String,
    title: String,
    publisher: String,
    landing_page: String,
    citation: String,
    licence: String,
    files: Vec<FetchedFile>,
}

/// A file that was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedFile {
    /// Its name in the folder.
    pub name: String,
    /// Where it came from; `null` for a file that was put there by hand.
    pub url: Option<String>,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// Whether that is the one that the manifest states.
    pub published_sha256: bool,
    /// What the server called this version.
    pub etag: Option<String>,
    /// When the server says that it was last changed.
    pub last_modified: Option<String>,
}

impl Received {
    /// Reads what earlier runs received.
    pub(crate) fn read(folder: &Folder, release: &Release) -> Result<Self> {
        let path = folder.path().join(FETCHED);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::of(release)),
            Err(error) => return Err(Error::io("read", &path, &error)),
        };
        let read: Self = serde_json::from_str(&text).map_err(|error| {
            Error::new(ErrorKind::Io, format!("expected `{SCHEMA}`: {error}"))
                .at(path.display())
                .hint("take the file away to have sums written down anew")
        })?;
        if read.schema != SCHEMA || read.release != release.id {
            let message = format!(
                "expected `{SCHEMA}` of release `{}`, found `{}` of `{}`",
                release.id, read.schema, read.release
            );
            return Err(Error::new(ErrorKind::OtherRelease, message)
                .at(path.display())
                .hint("give each release a folder of its own with `--to`"));
        }
        // What describes the release may be worded better by now.
        Ok(Self { files: read.files, ..Self::of(release) })
    }

    fn of(release: &Release) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            release: release.id.clone(),
            title: release.title.clone(),
            publisher: release.publisher.clone(),
            landing_page: release.landing_page.clone(),
            citation: release.citation.clone(),
            licence: release.licence.clone(),
            files: Vec::new(),
        }
    }

    /// What was received under a name.
    pub(crate) fn file(&self, name: &str) -> Option<&FetchedFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Writes down a file.
    pub(crate) fn note(&mut self, folder: &Folder, file: FetchedFile) -> Result<()> {
        if self.file(&file.name) == Some(&file) {
            return Ok(());
        }
        self.files.retain(|other| other.name != file.name);
        self.files.push(file);
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::new(ErrorKind::Io, error.to_string()))?;
        folder.replace(FETCHED, format!("{text}\n").as_bytes())
    }
}
