//! Ingests that die, disks that refuse, writers that meet, bytes that flip: through the real binary.
//!
//! `strace` stops the process at each call that changes a file, counted beforehand, or lets the disk refuse that
//! call. Whatever happens, the record must be the old one or the new one, whole, and the next ingest must succeed.

use anyhow::{Context as _, Result, bail, ensure};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Calls of the system that change a file or a folder.
const CALLS: [&str; 8] = ["mkdir", "openat", "write", "fsync", "rename", "unlink", "unlinkat", "ftruncate"];
/// What happens at the chosen call.
const FAULTS: [&str; 3] = ["signal=KILL", "error=ENOSPC", "error=EIO"];
/// Positions in which a byte of a record is changed.
const FLIPS: u64 = 2_000;
/// Publishes while others read.
const PUBLISHES: u64 = 100;
const READERS: usize = 8;
/// Times that two writers start at once.
const MEETINGS: u64 = 200;

/// The programs and folders of a run.
struct Bench {
    evenhand: PathBuf,
    scratch: tempfile::TempDir,
}

/// `cargo xtask crash`.
pub fn run(evenhand: &Path, rows: u64, every: Option<NonZeroU64>) -> Result<()> {
    let bench = Bench { evenhand: evenhand.to_owned(), scratch: tempfile::tempdir()? };
    for (name, seed) in [("old", "1"), ("new", "2")] {
        let out = bench.path(&format!("{name}-release"));
        let scale = rows.to_string();
        let words = ["simulate", "--release", "r2025oct", "--scale", &scale, "--seed", seed, "--out"];
        bench.must(Command::new(evenhand).args(words).arg(&out))?;
        bench.ingest(&out, &bench.path(name))?;
    }
    bench.faults(every.map_or(1, NonZeroU64::get))?;
    if every.is_some() {
        return Ok(());
    }
    bench.flips()?;
    bench.readers()?;
    bench.writers()
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn must(&self, command: &mut Command) -> Result<Output> {
        let output = command.output()?;
        ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output)
    }

    fn ingest_command(&self, release: &Path, record: &Path) -> Command {
        let mut command = Command::new(&self.evenhand);
        command.args(["ingest", "--threads", "1", "--progress", "none"]).arg(release);
        command.arg("--record").arg(record);
        command
    }

    fn ingest(&self, release: &Path, record: &Path) -> Result<()> {
        self.must(&mut self.ingest_command(release, record)).map(drop)
    }

    /// Which of the two states a record is in; none if there is no record. It must verify.
    fn state(&self, record: &Path) -> Result<Option<&'static str>> {
        let manifest = record.join("manifest.json");
        if !manifest.exists() {
            return Ok(None);
        }
        self.must(Command::new(&self.evenhand).arg("verify").arg("--record").arg(record))?;
        let bytes = std::fs::read(manifest)?;
        for name in ["old", "new"] {
            if bytes == std::fs::read(self.path(name).join("manifest.json"))? {
                return Ok(Some(name));
            }
        }
        bail!("{}: a record that is neither the old nor the new one", record.display())
    }

    /// Lets the process die, or the disk refuse, at each call, or each so manieth; over an old record, and where
    /// there is none.
    fn faults(&self, every: u64) -> Result<()> {
        if Command::new("strace").arg("-V").output().is_err() {
            eprintln!("skipped: deaths and refusals at each call need strace");
            return Ok(());
        }
        for before in [Some("old"), None] {
            let counted = self.count(before)?;
            let total: u64 = counted.values().sum();
            println!("{}: {total} calls that may change a file: {counted:?}", before.unwrap_or("no record"));
            for fault in FAULTS {
                let mut outcomes = BTreeMap::new();
                for (&call, &count) in &counted {
                    for at in (1..=count).step_by(usize::try_from(every)?) {
                        let outcome = self.fault(before, call, at, fault);
                        let outcome =
                            outcome.with_context(|| format!("{fault} at {call} {at}, over {before:?}"))?;
                        *outcomes.entry(outcome).or_insert(0_u64) += 1;
                    }
                }
                println!("  {fault}: {outcomes:?}");
            }
        }
        Ok(())
    }

    /// How often one thread at most makes each call in an undisturbed ingest.
    fn count(&self, before: Option<&str>) -> Result<BTreeMap<&'static str, u64>> {
        let record = self.fresh(before)?;
        let log = self.path("strace.log");
        let command = self.ingest_command(&self.path("new-release"), &record);
        let trace = format!("trace={}", CALLS.join(","));
        self.must(&mut strace(&command, &["-o", log.to_str().context("a path")?, "-e", &trace]))?;
        let mut by_thread: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let log = std::fs::read_to_string(log)?;
        for line in log.lines() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            // A call that another thread interrupts is told in two halves.
            let name = rest.trim_start().split('(').next().unwrap_or_default();
            if CALLS.contains(&name) {
                *by_thread.entry((name, thread)).or_insert(0) += 1;
            }
        }
        let most =
            |call| by_thread.iter().filter(|((name, _), _)| *name == call).map(|(_, count)| *count).max();
        Ok(CALLS.iter().filter_map(|call| most(*call).map(|count| (*call, count))).collect())
    }

    /// A record in its first state.
    fn fresh(&self, before: Option<&str>) -> Result<PathBuf> {
        let record = self.path("record");
        if record.exists() {
            std::fs::remove_dir_all(&record)?;
        }
        if let Some(name) = before {
            copy(&self.path(name), &record)?;
        }
        Ok(record)
    }

    /// One fault; what became of the ingest and of the record.
    fn fault(
        &self,
        before: Option<&str>,
        call: &str,
        at: u64,
        fault: &str,
    ) -> Result<(&'static str, &'static str)> {
        let record = self.fresh(before)?;
        let command = self.ingest_command(&self.path("new-release"), &record);
        let inject = format!("inject={call}:{fault}:when={at}");
        let output = strace(&command, &["-o", "/dev/null", "-e", &inject]).output()?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!told.contains("panicked"), "a panic: {told}");
        let state = self.state(&record)?;
        let how = match output.status.code() {
            Some(0) => "succeeded",
            Some(101) => bail!("a panic: {told}"),
            Some(_) if fault.starts_with("error") => {
                ensure!(told.contains("error:") || call == "write", "no message: {told}");
                // A folder that cannot be opened, or a file that cannot be removed, stays for the next writer.
                if !["openat", "unlink", "unlinkat"].contains(&call) {
                    ensure!(state.is_some() || !record.exists(), "left behind: {}", record.display());
                    ensure!(!record.join("staging").exists(), "staging left behind");
                }
                "refused"
            }
            _ => "died",
        };
        ensure!(how != "succeeded" || state == Some("new"), "it said done, and the record is {state:?}");
        ensure!(state == before || state == Some("new"), "{state:?} after {before:?}");
        self.ingest(&self.path("new-release"), &record).context("the next ingest")?;
        ensure!(self.state(&record)? == Some("new"), "the next ingest");
        Ok((how, state.unwrap_or("none")))
    }

    /// Changes one byte at many places, spread over every file; each must be found.
    fn flips(&self) -> Result<()> {
        let record = self.fresh(Some("new"))?;
        let mut files = files(&record)?;
        files.retain(|path| path.metadata().is_ok_and(|metadata| metadata.len() > 0));
        let mut found = 0;
        let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
        for flip in 0..FLIPS {
            // Every file in turn, at a place from a generator with a fixed seed.
            let path = &files[flip as usize % files.len()];
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let whole = std::fs::read(path)?;
            let mut bytes = whole.clone();
            bytes[random as usize % whole.len()] ^= 1 << (random >> 32 & 7);
            std::fs::write(path, &bytes)?;
            let verified = evenhand_store::Record::open(&record).map(|record| record.verify().is_ok());
            found += u64::from(!matches!(verified, Ok(true)));
            std::fs::write(path, &whole)?;
        }
        println!("bytes changed in {} files: {found} of {FLIPS} found", files.len());
        ensure!(found == FLIPS, "a changed byte was not found");
        Ok(())
    }

    /// Publishes while others read: every answer is of one published state.
    fn readers(&self) -> Result<()> {
        let record = self.fresh(Some("old"))?;
        let (done, answers) = (AtomicBool::new(false), AtomicU64::new(0));
        let ask = |record: &Path| -> Result<serde_json::Value> {
            let mut command = Command::new(&self.evenhand);
            command.args(["releases", "--json", "--record"]).arg(record);
            let mut answer: serde_json::Value = serde_json::from_slice(&self.must(&mut command)?.stdout)?;
            // Where it lies is no part of what it says.
            answer["record"].take();
            Ok(answer)
        };
        let known = [ask(&self.path("old"))?, ask(&self.path("new"))?];
        std::thread::scope(|scope| -> Result<()> {
            let reader = || -> Result<()> {
                while !done.load(Ordering::Relaxed) {
                    let answer = ask(&record)?;
                    ensure!(known.contains(&answer), "an answer of no published state");
                    let read = evenhand_store::Record::open(&record)?.verify();
                    ensure!(read.is_ok(), "{:?}", read.problems);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            };
            let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(reader)).collect();
            let published = (0..PUBLISHES).try_for_each(|at| {
                let name = if at % 2 == 0 { "new-release" } else { "old-release" };
                self.ingest(&self.path(name), &record)
            });
            done.store(true, Ordering::Relaxed);
            for reader in readers {
                reader.join().map_err(|_| anyhow::anyhow!("a reader died"))??;
            }
            published
        })?;
        let answers = answers.load(Ordering::Relaxed);
        println!(
            "{PUBLISHES} publishes under {READERS} readers: {answers} answers, each of one published state"
        );
        Ok(())
    }

    /// Two writers at once: one waits or is refused. Then a writer is killed: it blocks nobody.
    fn writers(&self) -> Result<()> {
        let record = self.fresh(Some("old"))?;
        let (mut both, mut refused) = (0, 0);
        for _ in 0..MEETINGS {
            let start = |name: &str| {
                self.ingest_command(&self.path(name), &record)
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
            };
            let (one, two) = (start("old-release")?, start("new-release")?);
            let (one, two) = (one.wait_with_output()?, two.wait_with_output()?);
            let ended = [one, two];
            let succeeded = ended.iter().filter(|output| output.status.success()).count();
            let told =
                |output: &Output| String::from_utf8_lossy(&output.stderr).contains("writing this record");
            ensure!(succeeded > 0, "neither writer succeeded");
            ensure!(ended.iter().all(|output| output.status.success() || told(output)), "an unclear refusal");
            both += u64::from(succeeded == 2);
            refused += u64::from(succeeded == 1);
            ensure!(self.state(&record)?.is_some(), "no record");
        }
        println!(
            "two writers at once, {MEETINGS} times: {refused} refused with the other's number, {both} in turn"
        );
        let mut slowest = Duration::ZERO;
        for at in 0..20 {
            let mut writer = self.ingest_command(&self.path("new-release"), &record);
            let mut writer = writer.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            std::thread::sleep(Duration::from_millis(5 * at));
            writer.kill()?;
            let begun = Instant::now();
            writer.wait()?;
            let begin = evenhand_store::Publish::begin(&record, "crash 1")?;
            slowest = slowest.max(begun.elapsed());
            drop(begin);
            ensure!(self.state(&record)?.is_some(), "no record");
        }
        println!(
            "a killed writer, 20 times: the next one has the lock after {} ms at most",
            slowest.as_millis()
        );
        Ok(())
    }
}

fn strace(command: &Command, flags: &[&str]) -> Command {
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq"]).args(flags).arg(command.get_program()).args(command.get_args());
    traced
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for path in files(from)? {
        let target = to.join(path.strip_prefix(from)?);
        std::fs::create_dir_all(target.parent().context("a folder")?)?;
        std::fs::copy(&path, target)?;
    }
    Ok(())
}
