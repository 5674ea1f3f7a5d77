//! Which files an ingest will read: folders walked, every candidate looked at before a row is read.

use crate::read::identify;
use crate::{Error, ErrorKind, Result};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Deepest folder below a given one that is looked into.
const MAX_DEPTH: usize = 16;

/// How to treat what a plan meets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// List a data file that cannot be read or that no layout knows, instead of refusing the ingest.
    pub skip_unknown: bool,
    /// Release of the files whose header belongs to several.
    pub release: Option<String>,
}

/// The files of an ingest.
#[derive(Debug)]
pub struct Plan {
    /// Files to read, by release and name.
    pub sources: Vec<Source>,
    /// Files passed over, by path.
    pub skipped: Vec<Skipped>,
}

/// One file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    name: String,
    release: String,
    part: String,
    bytes: u64,
    unpacked: u64,
    /// Whether a file with the rows of another is told, and set aside, once it is read.
    is_compared: bool,
}

/// A file that is passed over.
#[derive(Debug, Serialize)]
pub struct Skipped {
    /// The path.
    pub path: String,
    /// Why.
    pub reason: SkipReason,
    /// What is wrong with it, if that is the reason.
    pub error: Option<Error>,
}

/// Why a file is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// A description or a licence.
    NotData,
    /// A lock of an open workbook, `~$…`.
    LockFile,
    /// Its name begins with a dot.
    Hidden,
    /// A link to a folder, which is not followed: it could lead back.
    LinkedFolder,
    /// Unknown or unreadable, and [`Options::skip_unknown`] is set.
    Unknown,
}

impl Source {
    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its path below the folder of its release, with `/` between parts.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Release that it belongs to.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Name for its part of a table, unique within its release.
    #[must_use]
    pub fn part(&self) -> &str {
        &self.part
    }

    /// Its size.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How long it takes to read, in bytes of text: what a gzip says that it unpacks to, and else the size. Good
    /// for sharing out work and for nothing else, since the file can say anything.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.unpacked
    }
}

/// Plans the ingest of files and folders.
///
/// # Errors
/// A path that does not exist or cannot be read; a folder without data; a data file that no layout knows or
/// that is not readable, unless [`Options::skip_unknown`]; two files of one name or one content in a release.
pub fn plan(paths: &[PathBuf], options: &Options) -> Result<Plan> {
    let mut walk = Walk::default();
    for path in paths {
        let shown = path.display().to_string();
        let about = fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::expected_found(ErrorKind::Missing, "no_such_path", "a file or a folder", "none")
                    .in_file(&shown)
                    .with_hint("look at the spelling, and at the folder that the path starts from")
            }
            _ => Error::io("unreadable", error).in_file(&shown),
        })?;
        if about.is_dir() {
            walk.folder(path, "", 0).map_err(|error| error.in_file(&shown))?;
        } else if !about.is_file() {
            return Err(not_a_file().in_file(&shown));
        } else {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            walk.files.push((path.clone(), name));
        }
    }
    let mut skipped = walk.skipped;
    let mut sources = Vec::new();
    let mut seen = BTreeSet::new();
    walk.files.sort();
    let alone = walk.files.len() == 1;
    walk.files.retain(|(path, _)| seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())));
    let found: Vec<_> = walk.files.par_iter().map(|(path, name)| source(path, name, options)).collect();
    for ((path, _), found) in walk.files.iter().zip(found) {
        match found {
            Ok(source) => sources.push(source),
            Err(error) if options.skip_unknown => {
                let path = path.display().to_string();
                skipped.push(Skipped { path, reason: SkipReason::Unknown, error: Some(error) });
            }
            Err(error) => {
                let hint = error.hint().map(|hint| format!("{hint}; ")).unwrap_or_default();
                return Err(match error.kind() {
                    ErrorKind::UnknownHeader | ErrorKind::WrongType if !alone => {
                        error.with_hint(format!("{hint}`--skip-unknown` reads the other files"))
                    }
                    _ => error,
                });
            }
        }
    }
    if sources.is_empty() {
        let shown = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("`, `");
        let found = match skipped.len() {
            0 => "no file at all".to_owned(),
            count => format!("{count} files, none of them data that a layout knows"),
        };
        return Err(Error::expected_found(
            ErrorKind::NothingKnown,
            "nothing_known",
            "a released table",
            found,
        )
        .in_file(&shown)
        .with_hint("give the folder of a release, or its files"));
    }
    sources.sort_by(|a, b| (&a.release, &a.name, &a.path).cmp(&(&b.release, &b.name, &b.path)));
    refuse_twins(&sources)?;
    name_parts(&mut sources);
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Plan { sources, skipped })
}

/// A plan of one file alone.
fn source(path: &Path, name: &str, options: &Options) -> Result<Source> {
    let shown = path.display().to_string();
    let bytes = fs::metadata(path).map_err(|error| Error::io("unreadable", error).in_file(&shown))?.len();
    if [".part", ".bad"].iter().any(|ending| name.to_lowercase().ends_with(ending)) {
        let found = "one that `evenhand fetch` has not brought home, or that is not what was published";
        return Err(Error::expected_found(
            ErrorKind::WrongType,
            "unfinished_download",
            "a whole file",
            found,
        )
        .in_file(&shown)
        .with_hint("run the fetch again, or take the file out of the folder"));
    }
    let identity = identify(path, name, options.release.as_deref()).map_err(|error| error.in_file(&shown))?;
    // The same file has one name, whether its release's folder or a folder of releases was given.
    let below = name.strip_prefix(&identity.release).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
    Ok(Source {
        path: path.to_owned(),
        name: below.to_owned(),
        release: identity.release,
        part: String::new(),
        bytes,
        is_compared: identity.has_ids,
        unpacked: gzip_says(path).map_or(bytes, u64::from),
    })
}

/// The length that the last four bytes of a gzip file state.
fn gzip_says(path: &Path) -> Option<u32> {
    let mut file = fs::File::open(path).ok()?;
    let (mut start, mut end) = ([0; 2], [0; 4]);
    file.read_exact(&mut start).ok()?;
    file.seek(SeekFrom::End(-4)).ok()?;
    file.read_exact(&mut end).ok()?;
    (start == [0x1f, 0x8b]).then(|| u32::from_le_bytes(end))
}

#[derive(Default)]
struct Walk {
    files: Vec<(PathBuf, String)>,
    skipped: Vec<Skipped>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, below: &str, depth: usize) -> Result<()> {
        let unreadable = |error| Error::io("unreadable", error).in_file(&folder.display().to_string());
        let mut entries: Vec<_> = fs::read_dir(folder).and_then(Iterator::collect).map_err(unreadable)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let file_name = entry.file_name().to_string_lossy().into_owned();
            let name = if below.is_empty() { file_name.clone() } else { format!("{below}/{file_name}") };
            // A link to a folder could lead back here; a link to a file cannot.
            let kind = entry.file_type().map_err(unreadable)?;
            if let Some(reason) = reason_to_skip(&file_name) {
                self.skipped.push(Skipped { path: path.display().to_string(), reason, error: None });
            } else if kind.is_dir() {
                if depth == MAX_DEPTH {
                    let expected = format!("folders at most {MAX_DEPTH} deep");
                    let error =
                        Error::expected_found(ErrorKind::Limit, "folder_too_deep", expected, "a deeper one");
                    let hint = "give the folder of the release itself";
                    return Err(error.in_file(&path.display().to_string()).with_hint(hint));
                }
                self.folder(&path, &name, depth + 1)?;
            } else if path.is_file() {
                self.files.push((path, name));
            } else if path.is_dir() {
                let path = path.display().to_string();
                self.skipped.push(Skipped { path, reason: SkipReason::LinkedFolder, error: None });
            } else if kind.is_symlink() {
                let error = Error::expected_found(
                    ErrorKind::Missing,
                    "broken_link",
                    "a link to a file",
                    "one to nothing",
                );
                let hint = "mend the link, or take it out of the folder";
                return Err(error.in_file(&path.display().to_string()).with_hint(hint));
            } else {
                return Err(not_a_file().in_file(&path.display().to_string()));
            }
        }
        Ok(())
    }
}

/// The refusal of a device, a pipe or a socket.
fn not_a_file() -> Error {
    let found = "a device, a pipe or a socket";
    Error::expected_found(ErrorKind::WrongType, "not_a_file", "a file or a folder", found)
        .with_hint("write its bytes to a file, and give that")
}

fn reason_to_skip(name: &str) -> Option<SkipReason> {
    let lower = name.to_lowercase();
    let described = ["readme", "license", "licence", "notice", "copying", "checksums", "sha256sums"];
    if name.starts_with("~$") {
        Some(SkipReason::LockFile)
    } else if name.starts_with('.') {
        Some(SkipReason::Hidden)
    } else if lower.ends_with(".md")
        || ["thumbs.db", "desktop.ini", "truth.json", "fetched.json"].contains(&lower.as_str())
        || described.contains(&lower.split('.').next().unwrap_or_default())
    {
        Some(SkipReason::NotData)
    } else {
        None
    }
}

/// Refuses two files of one release with the same name or the same bytes: their rows would count twice. Files
/// with identifiers are let through: one year under two years' names was released, and is set aside when read.
fn refuse_twins(sources: &[Source]) -> Result<()> {
    let mut names: BTreeMap<(&str, &str), &Source> = BTreeMap::new();
    let mut sizes: BTreeMap<(&str, u64), Vec<&Source>> = BTreeMap::new();
    for source in sources {
        let twin = |code, other: &Source, what: &str| {
            Error::expected_found(
                ErrorKind::Duplicate,
                code,
                format!("files that differ in release `{}`", source.release),
                format!("{what} as `{}`", other.path.display()),
            )
            .in_file(&source.path.display().to_string())
            .with_hint("its rows would count twice; leave one of the two out")
        };
        if let Some(other) = names.insert((&source.release, &source.name), source) {
            return Err(twin("same_name", other, "the same name"));
        }
        let alike = sizes.entry((&source.release, source.bytes)).or_default();
        for other in alike.iter().filter(|other| !(other.is_compared && source.is_compared)) {
            if crate::input::digest(&source.path)? == crate::input::digest(&other.path)? {
                return Err(twin("same_content", other, "the same content"));
            }
        }
        alike.push(source);
    }
    Ok(())
}

/// Gives every source a name for its part that no other of its release has.
fn name_parts(sources: &mut [Source]) {
    let mut taken = BTreeSet::new();
    for source in sources {
        let base = slug(stem(&source.name));
        let mut part = base.clone();
        let mut count = 1;
        while !taken.insert((source.release.clone(), part.clone())) {
            count += 1;
            part = format!("{base}-{count}");
        }
        source.part = part;
    }
}

/// A file's name without its folders and endings: `EROArrests_FY2016` of `a/EROArrests_FY2016.csv.gz`.
pub(crate) fn stem(name: &str) -> &str {
    let mut stem = name.rsplit('/').next().unwrap_or(name);
    for ending in [".gz", ".csv", ".psv", ".tsv", ".txt", ".xlsx", ".xlsm"] {
        let cut = stem.len().checked_sub(ending.len()).filter(|&at| stem.is_char_boundary(at) && at > 0);
        match cut.map(|at| stem.split_at(at)) {
            Some((start, end)) if end.eq_ignore_ascii_case(ending) => stem = start,
            _ => {}
        }
    }
    stem
}

/// A name of lower-case letters, digits, `-` and `_` that begins with a letter or digit.
pub(crate) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.to_lowercase().chars() {
        match letter {
            'a'..='z' | '0'..='9' => slug.push(letter),
            '_' if !slug.is_empty() => slug.push('_'),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug: String = slug.trim_end_matches('-').chars().take(80).collect();
    if slug.is_empty() { "file".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_after_files() {
        assert_eq!(stem("a/EROArrests_FY2016.csv.gz"), "EROArrests_FY2016");
        assert_eq!(stem(".gz"), ".gz");
        assert_eq!(slug("a/EROArrests_FY2016"), "a-eroarrests_fy2016");
        assert_eq!(slug("Übersicht (neu)"), "bersicht-neu");
        assert_eq!(slug("__"), "file");
    }
}
