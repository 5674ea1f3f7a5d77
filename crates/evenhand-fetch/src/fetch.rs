//! Fetches the files of a release into a folder.

use crate::client::Client;
use crate::download::{Whole, download};
use crate::fetched::Received;
use crate::folder::{self, Folder};
use crate::part::{Part, digest_at};
use crate::{
    Error, ErrorKind, Event, FetchedFile, File, Known, Patience, Proxies, Release, Result, manifest,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The folder; made if it is not there.
    pub to: PathBuf,
    /// Longest wait for a connection, an answer, or the next bytes.
    pub timeout: Duration,
    /// How often to try, and how long to wait in between.
    pub patience: Patience,
    /// Proxies.
    pub proxies: Proxies,
}

impl Options {
    /// Into a folder, with the proxies of the environment.
    #[must_use]
    pub fn new(to: &Path) -> Self {
        Self {
            to: to.to_owned(),
            timeout: Duration::from_secs(30),
            patience: Patience::default(),
            proxies: Proxies::from_env(),
        }
    }
}

/// What a fetch brought.
#[derive(Debug)]
pub struct Fetched {
    /// Files that are here, whole and checked.
    pub files: Vec<FetchedFile>,
    /// Why others are not.
    pub failures: Vec<Error>,
}

/// Fetches every file of a release. A file that fails does not keep the next one from being tried, unless the
/// reason is this machine's.
///
/// # Errors
/// The folder cannot be used, or another process uses it; the disk is full; the environment's proxy is none.
pub fn fetch(release: &Release, options: &Options, tell: &mut dyn FnMut(Event<'_>)) -> Result<Fetched> {
    let folder = Folder::open(&options.to)?;
    let mut received = Received::read(&folder, release)?;
    let client = Client::new(options.timeout, options.proxies.clone());
    let mut fetched = Fetched { files: Vec::new(), failures: Vec::new() };
    let by_hand_only = if release.files.is_empty() { here(&folder)? } else { Vec::new() };
    let files = if release.files.is_empty() { &by_hand_only } else { &release.files };
    if files.is_empty() {
        fetched.failures.push(by_hand(release, &options.to).at(&release.id));
    }
    for file in files {
        let one = One { release, file, folder: &folder, client: &client, options };
        match one.run(&mut received, tell) {
            Ok(file) => fetched.files.push(file),
            Err(error) => {
                let error = error.at(&file.name);
                tell(Event::Failed { file: &file.name, error: &error });
                if error.kind().stops_all() {
                    return Err(error);
                }
                fetched.failures.push(error);
            }
        }
    }
    Ok(fetched)
}

fn by_hand(release: &Release, to: &Path) -> Error {
    let message = "the manifest has no address for it: its publisher offers it on a page for people";
    Error::new(ErrorKind::ByHand, message).hint(format!(
        "download it from {} into `{}`, and run this again to have its checksum written down",
        release.landing_page,
        to.display(),
    ))
}

/// The files that somebody put into the folder of a release whose files the manifest does not name.
fn here(folder: &Folder) -> Result<Vec<File>> {
    let unreadable = |error: std::io::Error| Error::io("read the folder", folder.path(), &error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.path()).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() && manifest::unfit_name(&name).is_none() {
            files.push(File { name, url: None, sha256: None, bytes: None, about_bytes: None });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

struct One<'a> {
    release: &'a Release,
    file: &'a File,
    folder: &'a Folder,
    client: &'a Client,
    options: &'a Options,
}

impl One<'_> {
    fn run(&self, received: &mut Received, tell: &mut dyn FnMut(Event<'_>)) -> Result<FetchedFile> {
        let name = &self.file.name;
        let path = self.folder.path().join(name);
        let before = received.file(name).cloned();
        let (known, was_here, entry) = if path.exists() {
            let (known, entry) = self.check_what_is_here(&path, before)?;
            (known, true, entry)
        } else {
            let url = self.file.url.as_deref().ok_or_else(|| by_hand(self.release, self.folder.path()))?;
            let (known, entry) = self.bring(url, before.as_ref(), tell)?;
            (known, false, entry)
        };
        received.note(self.folder, entry.clone())?;
        // What came in its place on an earlier day is of no use beside the file itself.
        folder::remove(&self.folder.path().join(format!("{name}.bad")))?;
        tell(Event::Done { file: name, bytes: entry.bytes, sha256: &entry.sha256, known, was_here });
        Ok(entry)
    }

    /// A file that is here already: ours, or put here by hand.
    fn check_what_is_here(&self, path: &Path, before: Option<FetchedFile>) -> Result<(Known, FetchedFile)> {
        let (bytes, sha256) = digest_at(path)?;
        let name = &self.file.name;
        match (&self.file.sha256, &before) {
            (Some(published), _) if *published != sha256 => {
                return Err(wrong_sum(published, &sha256, bytes).hint(format!(
                    "take `{name}` out of the folder and run this again to have it fetched anew"
                )));
            }
            (None, Some(before)) if before.sha256 != sha256 => {
                let message = format!(
                    "expected the SHA-256 {} that was received, found {sha256}: the file was changed here",
                    before.sha256
                );
                return Err(Error::new(ErrorKind::ChangedHere, message).hint(format!(
                    "take `{name}` out of the folder and run this again to have it fetched anew"
                )));
            }
            _ => {}
        }
        if let Some(expected) = self.file.bytes.filter(|expected| *expected != bytes) {
            let message = format!("expected {expected} bytes, found {bytes}");
            return Err(Error::new(ErrorKind::WrongSize, message).hint(format!(
                "take `{name}` out of the folder and run this again to have it fetched anew"
            )));
        }
        let known = self.known(before.as_ref());
        let is_same = |before: &FetchedFile| before.sha256 == sha256;
        let unknown = FetchedFile {
            name: name.clone(),
            url: None,
            bytes,
            sha256: sha256.clone(),
            published_sha256: false,
            etag: None,
            last_modified: None,
        };
        let entry = before.filter(is_same).unwrap_or(unknown);
        Ok((known, FetchedFile { published_sha256: known == Known::Published, ..entry }))
    }

    fn known(&self, before: Option<&FetchedFile>) -> Known {
        match (&self.file.sha256, before) {
            (Some(_), _) => Known::Published,
            (None, Some(_)) => Known::Recorded,
            (None, None) => Known::Nothing,
        }
    }

    /// Downloads the file and gives it its name.
    fn bring(
        &self,
        url: &str,
        before: Option<&FetchedFile>,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(Known, FetchedFile)> {
        let name = &self.file.name;
        let mut part = Part::open(self.folder, name, url)?;
        let mut is_second = false;
        loop {
            let Whole { part: mut whole, about, is_patched } =
                download(self.client, self.file, url, part, self.options, tell)?;
            let (bytes, sha256) = (whole.len(), whole.sha256());
            let first = whole.first_bytes()?;
            let Err(error) = self.check(&sha256, bytes, &first, before) else {
                whole.finish(name)?;
                let (etag, last_modified) = (about.etag, about.last_modified);
                let known = self.known(before);
                let (name, url) = (name.clone(), Some(url.to_owned()));
                let published_sha256 = known == Known::Published;
                return Ok((
                    known,
                    FetchedFile { name, url, bytes, sha256, published_sha256, etag, last_modified },
                ));
            };
            if error.kind() == ErrorKind::NotTheFile {
                whole.discard()?;
                return Err(error);
            }
            if is_second || !is_patched {
                whole.finish(&format!("{name}.bad"))?;
                return Err(error);
            }
            tell(Event::Restart { file: name, why: "its pieces do not fit together" });
            whole.restart()?;
            (part, is_second) = (whole, true);
        }
    }

    /// Compares what came with what is known of the file.
    fn check(&self, sha256: &str, bytes: u64, first: &[u8], before: Option<&FetchedFile>) -> Result<()> {
        let name = &self.file.name;
        let kept = format!("what came is kept as `{name}.bad`");
        match (&self.file.sha256, before) {
            (Some(published), _) if published == sha256 => Ok(()),
            (None, Some(before)) if before.sha256 == sha256 => Ok(()),
            _ if !fits(name, first) => Err(not_the_file(first)),
            (Some(published), _) => Err(wrong_sum(published, sha256, bytes)
                .hint(format!("{kept}; if it comes again, the publisher has put another file there"))),
            (None, Some(before)) => {
                let message = format!(
                    "the publisher's file is another one than before: its SHA-256 was {}, it is now {sha256}",
                    before.sha256
                );
                Err(Error::new(ErrorKind::ChangedAtPublisher, message).hint(format!(
                    "{kept}; to accept it, give it the name `{name}` and take the file's entry out of `{}`",
                    crate::FETCHED
                )))
            }
            (None, None) => Ok(()),
        }
    }
}

fn wrong_sum(expected: &str, found: &str, bytes: u64) -> Error {
    let message = format!("expected the SHA-256 {expected}, found {found} ({bytes} bytes)");
    Error::new(ErrorKind::WrongChecksum, message)
}

fn not_the_file(first: &[u8]) -> Error {
    let what = if is_page(first) { "a web page" } else { "something else" };
    Error::new(ErrorKind::NotTheFile, format!("{what} came in its place"))
        .hint("open the address in a browser: it may want a click, or a network that the publisher knows")
}

/// Whether a file of this name can begin so.
fn fits(name: &str, first: &[u8]) -> bool {
    let lower = name.to_lowercase();
    let begins = |magic: &[&[u8]]| magic.iter().any(|magic| first.starts_with(magic));
    match Path::new(&lower).extension().and_then(|ending| ending.to_str()) {
        // An encrypted workbook is one too; reading it is another matter.
        Some("xlsx" | "zip") => begins(&[b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0"]),
        Some("gz") => begins(&[b"\x1f\x8b"]),
        Some("parquet") => begins(&[b"PAR1"]),
        _ => !is_page(first),
    }
}

fn is_page(first: &[u8]) -> bool {
    let text = String::from_utf8_lossy(first).trim_start_matches('\u{feff}').trim_start().to_lowercase();
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| text.starts_with(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_not_a_table() {
        assert!(!fits("a.xlsx", b"<!DOCTYPE html><title>Sign in</title>"));
        assert!(!fits("a.csv", b"\xef\xbb\xbf\n <HTML>"));
        assert!(!fits("a.csv.gz", b"Apprehension Date"));
        assert!(fits("a.XLSX", b"PK\x03\x04...."));
        assert!(fits("a.csv.gz", b"\x1f\x8b\x08"));
        assert!(fits("a.csv", b"date,count\n"));
        assert!(fits("a.txt", b""));
    }
}
