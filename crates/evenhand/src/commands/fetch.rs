use crate::cli::Fetch;
use crate::exit::Exit;
use crate::failure::{Failure, one_line};
use crate::out::{self, Talk};
use crate::progress::{All, Far, Watch};
use crate::table::{Table, thousands};
use evenhand_fetch::{
    Error, Event, Fetched, FetchedFile, File, Known, Manifest, Options, Patience, Release, fetch,
};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const SCHEMA: &str = "fetch/1";

/// `evenhand fetch`.
pub fn run(args: &Fetch, talk: Talk) -> Result<Exit, Failure> {
    let manifest = manifest(args)?;
    let release = args.release.as_deref().map(|id| manifest.release(id)).transpose();
    match release {
        Ok(release) if args.list => list(&manifest, release, args.json),
        Ok(Some(release)) => one(args, release, talk),
        // The command line asks for a release unless it asks for the list.
        Ok(None) => list(&manifest, None, args.json),
        Err(error) => {
            if args.json && !args.list {
                let asked = args.release.as_deref().unwrap_or_default();
                out::data(&end(asked, None, &[], Some(&error), None))?;
            }
            Err(error.into())
        }
    }
}

fn manifest(args: &Fetch) -> Result<Manifest, Failure> {
    let Some(path) = &args.manifest else { return Ok(Manifest::builtin()?) };
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::new(Exit::BadInput, format!("`{}`: cannot be read: {error}", path.display()))
    })?;
    Ok(Manifest::parse(&text, &path.display().to_string())?)
}

/// Fetches one release.
fn one(args: &Fetch, release: &Release, talk: Talk) -> Result<Exit, Failure> {
    let to = args.to.clone().unwrap_or_else(|| PathBuf::from(&release.id));
    let patience = Patience {
        retries: args.retries,
        first_wait: args.retry_wait,
        seed: Some(seed()),
        ..Patience::default()
    };
    let options = Options { timeout: args.timeout, patience, ..Options::new(&to) };
    let counts = Arc::<Counts>::default();
    let watched = Arc::clone(&counts);
    let watch = Watch::start(args.progress, args.json, all(release, &to), move || watched.far());
    let mut teller = Teller { json: args.json, talk, watch, counts, from: 0, broken: None };
    let result = fetch(release, &options, &mut |event| teller.tell(&event));
    // The line on the terminal goes before the result comes.
    let Teller { watch, broken, .. } = teller;
    drop(watch);
    if let Some(failure) = broken {
        return Err(failure);
    }
    let (files, failures) = match result {
        Ok(Fetched { files, failures }) => (files, failures),
        Err(error) => (Vec::new(), vec![error]),
    };
    let is_whole = failures.is_empty();
    let next = next(release, &to, &files).filter(|_| is_whole);
    if args.json {
        out::data(&end(&release.id, Some(&to), &files, failures.first(), next.as_deref()))?;
    } else if !files.is_empty() {
        out::data(&as_text(&files))?;
    }
    let count = failures.len();
    match failures.into_iter().next() {
        None => {
            talk.say(&format!("cite: {}", release.citation));
            if let Some(next) = next {
                talk.say(&format!("next: {next}"));
            }
            Ok(Exit::Done)
        }
        Some(first) if count == 1 => Err(first.into()),
        Some(first) => {
            let (total, hint) = (release.files.len(), first.how_to_go_on().map(str::to_owned));
            let message = format!("{count} of {total} files are not here, the first: {first}");
            Err(Failure::new(exit(&first), message).maybe_hint(hint.as_deref()))
        }
    }
}

/// Something that differs between two clients that a server turns away at the same moment.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    (u64::from(std::process::id()) << 32) | u64::from(now)
}

/// Bytes that are yet to come, where every file says how many it has.
fn all(release: &Release, to: &Path) -> All {
    let size = |path: PathBuf| fs::metadata(path).map_or(0, |about| about.len());
    let to_come = |file: &File| {
        let here = size(to.join(&file.name)).max(size(to.join(format!("{}.part", file.name))));
        Some(file.bytes.or(file.about_bytes)?.saturating_sub(here))
    };
    let bytes = release.files.iter().map(to_come).sum::<Option<u64>>().unwrap_or(0);
    All { files: release.files.len() as u64, bytes }
}

/// How far a fetch has come.
#[derive(Default)]
struct Counts {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Counts {
    fn far(&self) -> Far {
        Far {
            doing: "fetching",
            files: self.files.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            rows: None,
        }
    }
}

/// Tells what happens: one JSON object a line on stdout, or a line on stderr for what a person should know.
struct Teller {
    json: bool,
    talk: Talk,
    watch: Watch,
    counts: Arc<Counts>,
    /// Bytes of the present file that are counted.
    from: u64,
    /// Set when nobody reads our output any more.
    broken: Option<Failure>,
}

impl Teller {
    fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Progress { done, .. } => {
                self.counts.bytes.fetch_add(done.saturating_sub(self.from), Ordering::Relaxed);
                self.from = *done;
                return;
            }
            Event::Begin { from, .. } => self.from = *from,
            Event::Restart { .. } => self.from = 0,
            Event::Done { .. } | Event::Failed { .. } => {
                self.counts.files.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
        if self.json {
            let told = as_json(event).map(|value| out::data(&format!("{value}\n")));
            if let Some(Err(failure)) = told {
                self.broken.get_or_insert(failure);
            }
        } else if let Some(text) = as_line(event) {
            self.watch.aside(|| self.talk.say(&format!("note: {}", one_line(&text))));
        }
    }
}

fn as_line(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Begin { file, from, .. } if *from > 0 => {
            format!("`{file}`: goes on from {} bytes", thousands(*from))
        }
        Event::Retry { file, wait, error, .. } => {
            format!("`{file}`: {}; another attempt in {:.1} s", error.message(), wait.as_secs_f64())
        }
        Event::Restart { file, why } => format!("`{file}`: begins anew: {why}"),
        Event::Note { file, text } => format!("`{file}`: {text}"),
        Event::Done { file, sha256, known: Known::Nothing, .. } => {
            format!("`{file}`: no published checksum: recorded SHA-256 {sha256}")
        }
        _ => return None,
    })
}

fn as_json(event: &Event<'_>) -> Option<Value> {
    let seconds = |wait: &std::time::Duration| (wait.as_secs_f64() * 1000.0).round() / 1000.0;
    Some(match event {
        Event::Begin { file, from, bytes } => {
            json!({"schema": SCHEMA, "event": "begin", "file": file, "from": from, "bytes": bytes})
        }
        Event::Retry { file, attempt, wait, error } => json!({
            "schema": SCHEMA, "event": "retry", "file": file, "attempt": attempt,
            "wait_seconds": seconds(wait), "error": error_json(error),
        }),
        Event::Restart { file, why } => {
            json!({"schema": SCHEMA, "event": "restart", "file": file, "why": why})
        }
        Event::Note { file, text } => json!({"schema": SCHEMA, "event": "note", "file": file, "text": text}),
        Event::Done { file, bytes, sha256, known, was_here } => json!({
            "schema": SCHEMA, "event": "done", "file": file, "bytes": bytes, "sha256": sha256,
            "compared_with": known.word(), "was_here": was_here,
        }),
        Event::Failed { file, error } => {
            json!({"schema": SCHEMA, "event": "failed", "file": file, "error": error_json(error)})
        }
        _ => return None,
    })
}

fn error_json(error: &Error) -> Value {
    json!({
        "code": error.kind().code(), "file": error.place(), "message": error.message(),
        "hint": error.how_to_go_on(),
    })
}

/// The last line for machines.
fn end(
    release: &str,
    folder: Option<&Path>,
    files: &[FetchedFile],
    error: Option<&Error>,
    next: Option<&str>,
) -> String {
    let value = json!({
        "schema": SCHEMA, "event": "end", "release": release,
        "folder": folder.map(|folder| folder.display().to_string()), "files": files,
        "error": error.map(error_json), "next": next,
    });
    format!("{value}\n")
}

fn as_text(files: &[FetchedFile]) -> String {
    let mut table = Table::new(&["file", ">bytes", "sha256", "compared with"]);
    for file in files {
        let with = if file.published_sha256 { "the published one" } else { "what was recorded" };
        table.row([file.name.clone(), thousands(file.bytes), file.sha256.clone(), with.to_owned()]);
    }
    table.print()
}

/// What to do with the files: the command that reads them, if it does.
fn next(release: &Release, to: &Path, files: &[FetchedFile]) -> Option<String> {
    if !release.ingest {
        return None;
    }
    let is_packed = files.iter().any(|file| file.name.to_lowercase().ends_with(".zip"));
    let (unpack, folder) = if is_packed {
        let unpacked = to.join("unpacked");
        (format!("unzip -d {} {} && ", quoted(&unpacked), quoted(&to.join("*.zip"))), unpacked)
    } else {
        (String::new(), to.to_owned())
    };
    // The reader takes the name of a folder for the name of the release.
    let short = release.id.strip_prefix("ice-").unwrap_or(&release.id);
    let told = to.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains(short));
    let named = if told { String::new() } else { format!(" --release {}", release.id) };
    Some(format!("{unpack}evenhand ingest {} --record record{named}", quoted(&folder)))
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The releases of a manifest, or the files of one.
fn list(manifest: &Manifest, release: Option<&Release>, as_json: bool) -> Result<Exit, Failure> {
    let releases = release.map_or_else(|| manifest.releases.iter().collect(), |release| vec![release]);
    if as_json {
        out::json(&json!({"schema": "fetch_list/1", "releases": releases}))?;
        return Ok(Exit::Done);
    }
    out::data(&release.map_or_else(|| releases_as_text(&releases), release_as_text))?;
    Ok(Exit::Done)
}

fn releases_as_text(releases: &[&Release]) -> String {
    let mut table = Table::new(&["release", ">files", ">about MB", "days", "what it is"]);
    for release in releases {
        let files =
            if release.files.is_empty() { "by hand".to_owned() } else { release.files.len().to_string() };
        let size = |file: &File| file.bytes.or(file.about_bytes);
        let bytes = release.files.iter().map(size).sum::<Option<u64>>().filter(|_| !release.files.is_empty());
        let megabytes = bytes.map_or_else(String::new, |bytes| thousands(bytes.div_ceil(1_000_000)));
        let days =
            release.window.as_ref().map_or_else(String::new, |[first, last]| format!("{first} to {last}"));
        table.row([release.id.clone(), files, megabytes, days, release.title.clone()]);
    }
    table.print()
}

fn release_as_text(release: &Release) -> String {
    let mut text = format!("{}: {}\n", release.id, release.title);
    let mut line = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            text.push_str(&format!("{name}: {value}\n"));
        }
    };
    line("publisher", Some(&release.publisher));
    line("received", release.received.as_deref());
    line("landing page", Some(&release.landing_page));
    line("licence", Some(&release.licence));
    line("cite", Some(&release.citation));
    line("note", release.note.as_deref());
    let mut table = Table::new(&["file", ">bytes", "sha256", "address"]);
    for file in &release.files {
        let about = file.about_bytes.map(|bytes| format!("about {}", thousands(bytes)));
        let bytes = file.bytes.map(thousands).or(about).unwrap_or_default();
        let sum = file.sha256.as_deref().map_or("not published", |sum| sum.get(..8).unwrap_or(sum));
        let url = file.url.as_deref().unwrap_or("by hand, from the landing page");
        table.row([file.name.as_str(), &bytes, sum, url]);
    }
    if release.files.is_empty() {
        text.push_str("its files are to be had by hand, from the landing page\n");
        return text;
    }
    format!("{text}\n{}", table.print())
}

fn exit(error: &Error) -> Exit {
    use evenhand_fetch::ErrorKind as Kind;
    match error.kind() {
        Kind::UnknownRelease => Exit::Usage,
        Kind::Manifest
        | Kind::OtherRelease
        | Kind::WrongSize
        | Kind::WrongChecksum
        | Kind::ChangedAtPublisher
        | Kind::ChangedHere
        | Kind::NotTheFile => Exit::BadInput,
        _ => Exit::Failed,
    }
}

/// A file that is not the one that it should be is a bad input; a network or a disk in the way is not.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::new(exit(&error), &error).maybe_hint(error.how_to_go_on())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next_of(id: &str, to: &str, name: &str) -> Option<String> {
        let manifest = Manifest::builtin().expect("ours is sound");
        let file = FetchedFile {
            name: name.to_owned(),
            url: None,
            bytes: 0,
            sha256: String::new(),
            published_sha256: false,
            etag: None,
            last_modified: None,
        };
        next(manifest.release(id).expect("a release"), Path::new(to), &[file])
    }

    #[test]
    fn the_next_command_can_be_pasted() {
        let next = |id, to, name| next_of(id, to, name).expect("a command");
        assert_eq!(
            next("r2025jul", "ice-r2025jul", "a.xlsx"),
            "evenhand ingest ice-r2025jul --record record"
        );
        assert_eq!(
            next("r2025oct", "it's here", "a.xlsx"),
            r"evenhand ingest 'it'\''s here' --record record --release ice-r2025oct"
        );
        assert_eq!(
            next("r2023", "raw/r2023", "a.ZIP"),
            "unzip -d raw/r2023/unpacked 'raw/r2023/*.zip' && evenhand ingest raw/r2023/unpacked --record record"
        );
        assert_eq!(next_of("ddp-processed-2026-07-14", "x", "a.parquet"), None);
    }

    #[test]
    fn every_release_to_be_read_is_one_that_the_reader_knows() {
        for release in
            Manifest::builtin().expect("ours is sound").releases.iter().filter(|release| release.ingest)
        {
            let end = evenhand_ingest::last_day(&release.id).expect("layouts that can be read");
            assert!(end.is_some() || release.window.is_none(), "{}", release.id);
        }
    }
}
