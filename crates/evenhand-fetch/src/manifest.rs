//! Which releases there are, who publishes them, and where their files are.

use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Releases and their files.
///
/// ```
/// let manifest = evenhand_fetch::Manifest::builtin().unwrap();
/// let release = manifest.release("r2025jul").unwrap();
/// assert_eq!(release.id, "ice-r2025jul");
/// assert_eq!(release.files.len(), 5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema: String,
    /// The releases, in the order of the file.
    #[serde(rename = "release", default)]
    pub releases: Vec<Release>,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Its name, as a record has it.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Who made and who published it.
    pub publisher: String,
    /// The page where people find it.
    pub landing_page: String,
    /// How to cite it.
    pub citation: String,
    /// Under which terms.
    pub licence: String,
    /// When the publisher received it.
    #[serde(default)]
    pub received: Option<String>,
    /// First and last day that it is about.
    #[serde(default)]
    pub window: Option<[String; 2]>,
    /// What one should know before using it.
    #[serde(default)]
    pub note: Option<String>,
    /// Whether `evenhand ingest` reads its files.
    #[serde(default = "yes")]
    pub ingest: bool,
    /// Its files.
    #[serde(rename(deserialize = "file"), default)]
    pub files: Vec<File>,
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name on disk.
    pub name: String,
    /// Its address; without one it is to be had by hand.
    #[serde(default)]
    pub url: Option<String>,
    /// Its SHA-256, where published.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Its length, where published.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// About how long it is, where nothing closer is known.
    #[serde(default)]
    pub about_bytes: Option<u64>,
}

const SCHEMA: &str = "fetch-manifest/1";
const BUILTIN: &str = include_str!("../../../data/releases.toml");
/// Names that mean something else in the folder of a release.
const TAKEN: [&str; 1] = [crate::FETCHED];

fn yes() -> bool {
    true
}

impl Manifest {
    /// The releases that this engine knows.
    ///
    /// # Errors
    /// Never, as a test of every build shows.
    pub fn builtin() -> Result<Self> {
        Self::parse(BUILTIN, "data/releases.toml")
    }

    /// Reads a manifest; `name` is what messages call it.
    ///
    /// # Errors
    /// [`ErrorKind::Manifest`] with the line or the release concerned.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let manifest: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            let message = error.message().lines().collect::<Vec<_>>().join("; ");
            Error::new(ErrorKind::Manifest, format!("line {line}: {message}"))
                .at(name)
                .hint("`docs/reference/command-line.md` shows what a manifest holds")
        })?;
        if manifest.schema != SCHEMA {
            let message = format!("expected schema `{SCHEMA}`, found `{}`", manifest.schema);
            return Err(Error::new(ErrorKind::Manifest, message).at(name));
        }
        let mut ids = BTreeSet::new();
        for release in &manifest.releases {
            let at = |error: Error| error.at(format!("{name}, release {}", release.id));
            if !is_word(&release.id) || !ids.insert(&release.id) {
                let message = "expected a name of its own of a-z, 0-9, `-`, `_` and `.`";
                return Err(at(Error::new(ErrorKind::Manifest, message)));
            }
            check_files(&release.files).map_err(at)?;
        }
        Ok(manifest)
    }

    /// The release of a name, with or without its `ice-`.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownRelease`].
    pub fn release(&self, id: &str) -> Result<&Release> {
        let asked = id.to_lowercase();
        let named = |release: &&Release| release.id == asked || release.id == format!("ice-{asked}");
        self.releases.iter().find(named).ok_or_else(|| {
            let known: Vec<&str> = self.releases.iter().map(|release| release.id.as_str()).collect();
            Error::new(ErrorKind::UnknownRelease, format!("no release `{id}` in the manifest"))
                .hint(format!("it has {}", known.join(", ")))
        })
    }
}

fn check_files(files: &[File]) -> Result<()> {
    let refused = |file: &File, what: &str| {
        Err(Error::new(ErrorKind::Manifest, format!("file `{}`: {what}", file.name.escape_debug())))
    };
    let mut names = BTreeSet::new();
    for file in files {
        if let Some(why) = unfit_name(&file.name) {
            return refused(file, &format!("expected a plain file name, found {why}"));
        }
        if !names.insert(file.name.to_lowercase()) {
            return refused(file, "expected a name of its own, found it twice");
        }
        let is_sum =
            |sum: &String| sum.len() == 64 && sum.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        if file.sha256.as_ref().is_some_and(|sum| !is_sum(sum)) {
            return refused(file, "expected `sha256` as 64 lower-case hexadecimal digits");
        }
        if let Some(url) = &file.url {
            let parsed = url.parse::<ureq::http::Uri>().ok();
            let is_web = |uri: &ureq::http::Uri| matches!(uri.scheme_str(), Some("http" | "https"));
            let host = parsed.as_ref().filter(|uri| is_web(uri)).and_then(|uri| uri.authority());
            match host {
                None => return refused(file, "expected `url` to begin with https:// or http://"),
                Some(host) if host.as_str().contains('@') => {
                    return refused(file, "expected `url` without a user name or password");
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

fn is_word(id: &str) -> bool {
    let fits =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-_.".contains(letter);
    !id.is_empty() && id.len() <= 100 && !id.starts_with('.') && id.chars().all(fits)
}

/// What speaks against a name: it climbs, hides, is one of ours, or is none on some system.
pub(crate) fn unfit_name(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    if name.is_empty() || name.len() > 200 {
        Some("one that is empty or longer than 200 bytes")
    } else if name.contains(['/', '\\', ':']) || name == ".." {
        Some("a path")
    } else if name.starts_with(['.', '~']) {
        Some("a hidden one")
    } else if name.chars().any(char::is_control) || name.ends_with(['.', ' ']) {
        Some("control characters, or a dot or blank at its end")
    } else if TAKEN.contains(&lower.as_str()) || lower.ends_with(".part") || lower.ends_with(".bad") {
        Some("one that a fetch uses itself")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(line: &str) -> String {
        format!(
            "schema = \"{SCHEMA}\"\n[[release]]\nid = \"x\"\ntitle = \"\"\npublisher = \"\"\nlanding_page = \"\"\n\
             citation = \"\"\nlicence = \"\"\n[[release.file]]\n{line}\n"
        )
    }

    #[track_caller]
    fn refused(line: &str, needle: &str) {
        let error = Manifest::parse(&with_file(line), "m.toml").expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Manifest);
        assert!(error.to_string().contains(needle), "{error}");
    }

    #[test]
    fn the_built_in_manifest_is_sound() {
        let manifest = Manifest::builtin().expect("ours is sound");
        for release in &manifest.releases {
            for text in [&release.title, &release.publisher, &release.citation, &release.licence] {
                assert!(!text.is_empty(), "{}", release.id);
            }
            assert!(release.landing_page.starts_with("https://"), "{}", release.id);
            for url in release.files.iter().filter_map(|file| file.url.as_ref()) {
                assert!(url.starts_with("https://"), "{url}");
            }
        }
    }

    #[test]
    fn names_that_climb_or_hide_are_refused() {
        for name in ["../a.xlsx", "/etc/passwd", "a/b.csv", "..", "a\\\\b", "c:x", ".a", "~a", ""] {
            refused(&format!("name = \"{name}\""), "expected a plain file name");
        }
        for name in ["fetched.json", "Fetched.JSON", "a.part", "a.bad", "a\\u0000b", "a\\nb", "a."] {
            refused(&format!("name = \"{name}\""), "expected a plain file name");
        }
    }

    #[test]
    fn addresses_and_sums_are_checked() {
        refused("name = \"a\"\nurl = \"file:///etc/passwd\"", "https://");
        refused("name = \"a\"\nurl = \"ftp://host/a\"", "https://");
        refused("name = \"a\"\nurl = \"not an address\"", "https://");
        refused("name = \"a\"\nurl = \"https://me:secret@host/a\"", "without a user name");
        refused("name = \"a\"\nsha256 = \"ABC\"", "64 lower-case");
        refused("name = \"a\"\n[[release.file]]\nname = \"A\"", "twice");
    }

    #[test]
    fn a_wrong_key_is_told_with_its_line() {
        refused("name = \"a\"\nsha265 = \"\"", "line 11");
        let error = Manifest::parse("schema = \"fetch-manifest/2\"", "m.toml").expect_err("a refusal");
        assert_eq!(
            error.to_string(),
            "`m.toml`: expected schema `fetch-manifest/1`, found `fetch-manifest/2`"
        );
    }

    #[test]
    fn an_unknown_release_is_told_with_those_that_there_are() {
        let manifest = Manifest::builtin().expect("ours is sound");
        let error = manifest.release("r2099").expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::UnknownRelease);
        assert!(error.how_to_go_on().is_some_and(|hint| hint.contains("ice-r2026mar")));
    }
}
