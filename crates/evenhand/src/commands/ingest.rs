use crate::atlas::BuiltIn;
use crate::cli::Ingest;
use crate::exit::Exit;
use crate::failure::{Failure, store_code};
use crate::out::{self, Talk};
use crate::progress::{All, Far, Watch};
use crate::{ENGINE, account, memory, threads};
use arrow::array::RecordBatch;
use evenhand_derive::{Boundary, Frame, Linker, Overlap, Rule, Rules, Span, WEEKS, Weeks};
use evenhand_ingest::{
    Content, Fingerprint, Options, Part, Plan, Progress, Sink, SinkError, SkipReason, Source,
};
use evenhand_ledger::{FileEntry, Ledger, Step};
use evenhand_measure::{Counter, FigureTable};
use evenhand_places::Places;
use evenhand_store::{Manifest, PartEntry, PartWriter, Publish, Record, Release};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// `evenhand ingest`.
pub fn run(args: &Ingest, talk: Talk) -> Result<Exit, Failure> {
    if args.list_steps {
        return list_steps(args.json);
    }
    if args.explain {
        return explain(args);
    }
    // The command line asks for the record unless it only asks for an explanation.
    let folder = args.record.as_deref().unwrap_or(Path::new("record"));
    match ingest(args, folder, talk) {
        Ok(Done { manifest, read, overlaps }) => {
            let releases = manifest.releases.iter().filter(|release| read.contains(&release.id));
            let releases = releases.collect::<Vec<_>>();
            if args.json {
                out::json(&account::as_json(folder, &manifest, &releases, &overlaps))?;
            } else {
                out::data(&account::as_text(&releases, &overlaps))?;
            }
            talk.say(&format!("record: {} (manifest {})", folder.display(), manifest.sha256().short()));
            Ok(Exit::Done)
        }
        Err(Refusal { failure, error }) => {
            if args.json {
                out::json(&json!({
                    "schema": "ingest/1", "files": [], "record": folder.display().to_string(), "error": error,
                }))?;
            }
            Err(failure)
        }
    }
}

/// What an ingest published.
struct Done {
    manifest: Manifest,
    /// Ids of the releases just read; the record may hold others from before.
    read: Vec<String>,
    /// Weeks that these and other releases of the record both cover.
    overlaps: Vec<Overlap>,
}

/// Reads every file of the plan, in parallel, into one publish.
fn ingest(args: &Ingest, folder: &Path, talk: Talk) -> Result<Done, Refusal> {
    threads::use_at_most(args.threads)?;
    // The place tables take as long to read as the plan to make, and the other core is free.
    rayon::spawn(|| _ = Places::builtin());
    let plan = plan(args, talk)?;
    let linking = Linking::asked(args, &plan)?;
    let publish = Publish::begin(folder, ENGINE)?;
    let watched = Arc::new(Watched::default());
    let _watch = Watch::start(args.progress, args.json, all_of(&plan), watched.clone().as_far());
    let mut read = Vec::new();
    // Every file is read even if one fails, so that the error told does not depend on the threads.
    for file in read_all(&plan.sources, &publish, &watched.read) {
        read.push(file?);
    }
    watched.linking.store(true, Ordering::Relaxed);
    let (releases, parts) = assemble(read, &publish, &linking)?;
    let read = releases.iter().map(|release| release.id.clone()).collect::<Vec<_>>();
    let manifest = publish.commit(releases, parts)?;
    let overlaps = overlaps(folder, &read)?;
    Ok(Done { manifest, read, overlaps })
}

/// How the rows of a release are linked.
struct Linking {
    rules: Rules,
    boundaries: Vec<Boundary>,
    atlas: BuiltIn,
}

impl Linking {
    fn asked(args: &Ingest, plan: &Plan) -> Result<Linking, Refusal> {
        let usage = |error: evenhand_derive::Error| Failure::new(Exit::Usage, error);
        Span::of("", &args.boundaries).map_err(usage)?;
        for Boundary { release, .. } in &args.boundaries {
            let is_read = plan.sources.iter().any(|source| source.release() == release);
            if !is_read && evenhand_ingest::window(release)?.is_none() {
                let message = format!("`--boundary {release}=...`: no release `{release}` is known or read");
                let hint =
                    "`evenhand releases` lists the ids of a record; national ones look like `ice-r2026mar`";
                return Err(Failure::new(Exit::Usage, message).hint(hint).into());
            }
        }
        let rules = Rules {
            without: args.without.iter().copied().collect(),
            with: args.with.iter().copied().collect(),
        };
        Ok(Linking { rules, boundaries: args.boundaries.clone(), atlas: BuiltIn::new() })
    }
}

/// Weekly counts of the releases just read beside those of the record's others, where both cover a week.
fn overlaps(folder: &Path, read: &[String]) -> Result<Vec<Overlap>, Refusal> {
    let record = Record::open(folder)?;
    if !record.tables().contains(&WEEKS) {
        return Ok(Vec::new());
    }
    let mut weeks = BTreeMap::new();
    for batch in record.read(WEEKS, None)? {
        Weeks::read(&batch?, &mut weeks)?;
    }
    let mut windows = BTreeMap::new();
    for release in weeks.keys() {
        windows.extend(evenhand_ingest::window(release)?.map(|window| (release.clone(), window)));
    }
    let mut found = evenhand_derive::overlaps(&weeks, |release| windows.get(release).copied());
    found.retain(|overlap| overlap.releases.iter().any(|release| read.contains(release)));
    Ok(found)
}

/// Bytes of files from which on it matters what the allocator keeps; below, beginning again would take longer.
const LARGE: u64 = 100 << 20;

/// How far an ingest has come.
#[derive(Default)]
struct Watched {
    read: Progress,
    /// Set once every file is read.
    linking: AtomicBool,
}

impl Watched {
    fn as_far(self: Arc<Self>) -> impl Fn() -> Far + Send + 'static {
        move || Far {
            doing: if self.linking.load(Ordering::Relaxed) { "linking" } else { "reading" },
            files: self.read.files(),
            bytes: self.read.bytes(),
            rows: Some(self.read.rows()),
        }
    }
}

fn all_of(plan: &Plan) -> All {
    All { files: plan.sources.len() as u64, bytes: plan.sources.iter().map(Source::bytes).sum() }
}

fn plan(args: &Ingest, talk: Talk) -> Result<Plan, Refusal> {
    let plan = evenhand_ingest::plan(
        &args.paths,
        &Options { skip_unknown: args.skip_unknown, release: args.release.clone() },
    )?;
    if all_of(&plan).bytes >= LARGE {
        memory::give_back();
    }
    for skipped in plan.skipped.iter().filter(|skipped| skipped.reason == SkipReason::Unknown) {
        let why = skipped.error.as_ref().map_or_else(|| "no known layout".to_owned(), ToString::to_string);
        talk.say(&format!("note: left out `{}`: {why}", skipped.path));
    }
    Ok(plan)
}

/// One file, read.
struct Read {
    entry: FileEntry,
    parts: Vec<PartEntry>,
    counter: Counter,
    /// Its rows about persons, to be linked with those of the release's other files.
    linker: Linker,
    /// What its sheets hold, where rows are told apart by person.
    prints: Vec<Fingerprint>,
}

/// Reads the files, the longest first so that no thread is left alone with it at the end; results in plan order.
fn read_all(sources: &[Source], publish: &Publish, progress: &Progress) -> Vec<Result<Read, Refusal>> {
    let mut order = (0..sources.len()).collect::<Vec<_>>();
    order.sort_by_key(|&index| Reverse(sources[index].work()));
    let read = |index: usize| (index, read_one(&sources[index], publish, progress));
    // A bridge hands them out one by one in this order, where a parallel slice would be halved first.
    let mut results = order.into_iter().par_bridge().map(read).collect::<Vec<_>>();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn read_one(source: &Source, publish: &Publish, progress: &Progress) -> Result<Read, Refusal> {
    let counter = Counter::new(source.release());
    let staging = publish.staging();
    let mut writer = Writer {
        publish,
        part: None,
        parts: Vec::new(),
        counter,
        linker: Linker::with_scratch(Arc::new(move || tempfile::tempfile_in(&staging))),
        content: None,
        prints: Vec::new(),
    };
    let entry = evenhand_ingest::read_watched(source, &mut writer, progress)?;
    let Writer { parts, counter, mut linker, prints, .. } = writer;
    linker.seal()?;
    Ok(Read { entry, parts, counter, linker, prints })
}

/// Takes a file's batches to the record, and counts them on the way.
struct Writer<'a> {
    publish: &'a Publish,
    part: Option<(String, PartWriter)>,
    parts: Vec<PartEntry>,
    counter: Counter,
    linker: Linker,
    /// Set while a part's rows have an identifier of the person.
    content: Option<Content>,
    prints: Vec<Fingerprint>,
}

impl Sink for Writer<'_> {
    fn open(&mut self, part: &Part) -> Result<(), SinkError> {
        let sort_by = part.sort_by.as_deref();
        let writer =
            self.publish.part(&part.table, &part.release, &part.part, part.schema.clone(), sort_by)?;
        self.part = Some((part.table.clone(), writer));
        self.content = part.schema.index_of("person_id").is_ok().then(Content::default);
        Ok(())
    }

    fn batch(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        let (table, writer) = self.part.as_mut().ok_or("a batch outside a part")?;
        self.counter.take(table, &batch)?;
        if let Some(content) = &mut self.content {
            content.take(&batch);
            self.linker.take(table, &batch)?;
        }
        Ok(writer.write(&batch)?)
    }

    fn close(&mut self) -> Result<(), SinkError> {
        let (table, writer) = self.part.take().ok_or("a part closed twice")?;
        self.prints.extend(self.content.take().map(|content| content.fingerprint(&table)));
        self.parts.push(writer.finish()?);
        Ok(())
    }
}

/// Joins what was read, release by release, and writes the figures counted on the way and the tables derived.
fn assemble(
    mut read: Vec<Read>,
    publish: &Publish,
    linking: &Linking,
) -> Result<(Vec<Release>, Vec<PartEntry>), Refusal> {
    set_twins_aside(&mut read);
    let (mut ledgers, mut parts) = (BTreeMap::new(), Vec::new());
    for file in read {
        let id = file.entry.release.clone();
        let empty = |id: &String| (Ledger::default(), Counter::new(id), Linker::default());
        let (ledger, counter, linker) = ledgers.entry(id).or_insert_with_key(empty);
        ledger.files.push(file.entry);
        counter.merge(file.counter);
        linker.merge(file.linker)?;
        parts.extend(file.parts);
    }
    let mut releases = Vec::new();
    for (id, (mut ledger, counter, linker)) in ledgers {
        let figures = counter.finish()?;
        ledger.steps = figures.steps;
        let write = |table: &FigureTable| {
            let mut writer = publish.part(table.name, &id, "figures", table.batch.schema(), None)?;
            writer.write(&table.batch)?;
            writer.finish()
        };
        parts.extend(figures.tables.par_iter().map(write).collect::<Result<Vec<_>, _>>()?);
        ledger.steps.extend(link(linker, &id, linking, publish, &mut parts)?);
        releases.push(Release { id, left_out: Vec::new(), ledger });
    }
    Ok((releases, parts))
}

/// Writes the derived tables of one release.
fn link(
    linker: Linker,
    release: &str,
    linking: &Linking,
    publish: &Publish,
    parts: &mut Vec<PartEntry>,
) -> Result<Vec<Step>, Refusal> {
    if linker.is_empty() {
        return Ok(Vec::new());
    }
    let end = evenhand_ingest::last_day(release)?.or_else(|| linker.last_day()).unwrap_or_default();
    let mut open = BTreeMap::<&str, PartWriter>::new();
    let mut write = |table: &'static str, batch: RecordBatch| -> Result<(), SinkError> {
        let writer = match open.entry(table) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(publish.part(table, release, "derived", batch.schema(), None)?)
            }
        };
        Ok(writer.write(&batch)?)
    };
    let Linking { rules, boundaries, atlas } = linking;
    let frame = Frame { release, end, rules, boundaries, atlas };
    let steps = linker.finish(&frame, &mut write)?;
    for writer in open.into_values() {
        parts.push(writer.finish()?);
    }
    Ok(steps)
}

/// The steps that `--without` can leave out and `--with` can add.
fn list_steps(as_json: bool) -> Result<Exit, Failure> {
    if as_json {
        let steps = Rule::ALL.map(|rule| {
            let replaces = rule.replaces().iter().map(|rule| rule.name()).collect::<Vec<_>>();
            json!({"step": rule.name(), "what": rule.describe(), "replaces": replaces})
        });
        out::json(&json!({"schema": "steps/1", "steps": steps}))?;
    } else {
        let lines = Rule::ALL.map(|rule| {
            let off = if rule.replaces().is_empty() { "" } else { " [only with --with]" };
            format!("{:<26} {}{off}\n", rule.name(), rule.describe())
        });
        out::data(&lines.concat())?;
    }
    Ok(Exit::Done)
}

/// Sets aside the rows of a file that another file of its release has: they would count twice.
fn set_twins_aside(read: &mut [Read]) {
    let files = read.iter().map(|file| (&file.entry, file.prints.as_slice())).collect::<Vec<_>>();
    for (twin, kept) in evenhand_ingest::same_rows(&files) {
        let other = read[kept].entry.path.clone();
        let file = &mut read[twin];
        evenhand_ingest::set_aside_as_same(&mut file.entry, &other);
        file.counter = Counter::new(&file.entry.release);
        file.linker = Linker::default();
        file.parts.clear();
    }
}

/// Says how each file would be read, and writes nothing.
fn explain(args: &Ingest) -> Result<Exit, Failure> {
    let plan =
        evenhand_ingest::plan(&args.paths, &Options { skip_unknown: true, release: args.release.clone() })?;
    let asked = args.release.as_deref();
    let mut found = Vec::new();
    for source in &plan.sources {
        found.push(evenhand_ingest::explain(source.path(), asked)?);
    }
    for skipped in plan.skipped.iter().filter(|skipped| skipped.reason == SkipReason::Unknown) {
        found.push(evenhand_ingest::explain(Path::new(&skipped.path), asked)?);
    }
    if args.json {
        out::json(&json!({"schema": "explain/1", "files": found}))?;
    } else {
        let texts = found.iter().map(ToString::to_string).collect::<Vec<_>>();
        out::data(&texts.join("\n"))?;
    }
    Ok(Exit::Done)
}

/// What stopped an ingest: for the person, and for machines.
struct Refusal {
    failure: Failure,
    error: Box<Value>,
}

impl Refusal {
    /// A refusal that no file of the release is to blame for.
    fn elsewhere(code: &str, path: Option<&Path>, failure: Failure) -> Refusal {
        let (message, hint) = match &failure {
            Failure::Error { message, hint, .. } => (message.clone(), hint.clone()),
            Failure::ReaderGone => (String::new(), None),
        };
        let error = json!({
            "code": code, "file": path.map(|path| path.display().to_string()), "sheet": null, "row": null,
            "column": null, "header": null, "message": message, "hint": hint,
        });
        Refusal { failure, error: Box::new(error) }
    }
}

/// An error of the reader, or of the store behind the sink that the reader passed on.
impl From<evenhand_ingest::Error> for Refusal {
    fn from(error: evenhand_ingest::Error) -> Refusal {
        let behind = std::error::Error::source(&error);
        if let Some(store) = behind.and_then(|source| source.downcast_ref::<evenhand_store::Error>()) {
            return Refusal::from(store);
        }
        match behind.and_then(|source| source.downcast_ref::<evenhand_derive::Error>()) {
            Some(linker) => Refusal::from(linker),
            None => Refusal { error: Box::new(json!(error)), failure: error.into() },
        }
    }
}

impl From<&evenhand_store::Error> for Refusal {
    fn from(error: &evenhand_store::Error) -> Refusal {
        Refusal::elsewhere(store_code(error.kind()), error.path(), error.into())
    }
}

impl From<evenhand_store::Error> for Refusal {
    fn from(error: evenhand_store::Error) -> Refusal {
        Refusal::from(&error)
    }
}

impl From<&evenhand_derive::Error> for Refusal {
    fn from(error: &evenhand_derive::Error) -> Refusal {
        use evenhand_derive::Error as Kind;
        match error {
            Kind::Sink(behind) => match behind.downcast_ref::<evenhand_store::Error>() {
                Some(store) => Refusal::from(store),
                None => Refusal::elsewhere("link", None, error.into()),
            },
            Kind::Scratch(behind) if behind.kind() == std::io::ErrorKind::StorageFull => {
                Refusal::elsewhere("disk_full", None, error.into())
            }
            Kind::Scratch(_) => Refusal::elsewhere("io", None, error.into()),
            _ => Refusal::elsewhere("link", None, error.into()),
        }
    }
}

impl From<evenhand_derive::Error> for Refusal {
    fn from(error: evenhand_derive::Error) -> Refusal {
        Refusal::from(&error)
    }
}

impl From<evenhand_measure::Error> for Refusal {
    fn from(error: evenhand_measure::Error) -> Refusal {
        Refusal::elsewhere("count", None, error.into())
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::elsewhere("failed", None, failure)
    }
}
