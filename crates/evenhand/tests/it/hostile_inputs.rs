//! Every hostile input through the program, as a script would give it: the same outcome as through the library,
//! within a gigabyte and twenty seconds, and nothing left behind by a refusal.

use crate::hostile::{KINDS, cases, lacks, told};
use crate::run::{command, finished, word};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Most memory that a run may ask for, in KiB, and most seconds of processor time.
const LIMITS: &str = "ulimit -v 1048576 && ulimit -t 20 && exec \"$0\" \"$@\"";

/// The program with these words, under limits where the system has them.
fn limited(words: &[&str]) -> Command {
    let program = command(words);
    if !cfg!(target_os = "linux") {
        return program;
    }
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(LIMITS).arg(program.get_program()).args(words).env("MALLOC_ARENA_MAX", "2");
    limited
}

#[track_caller]
fn check(kind: &str) {
    let cases = cases(kind);
    assert!(cases.len() > 50, "{kind}");
    let wrong = cases.iter().flat_map(|case| {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let path = scratch.path().join(case.file);
        fs::write(&path, (case.bytes)()).expect("a scratch file");
        let record = scratch.path().join("record");
        let words = ["ingest", word(&path), "--record", word(&record), "--json", "--threads", "2"];
        let start = Instant::now();
        let output = limited(&words).stdin(Stdio::null()).output().expect("the binary runs");
        let took = start.elapsed();
        let ran = finished(output);
        let document = ran.json();
        let found = told(&document);
        let mut wrong = Vec::new();
        let refused = document["error"].is_object();
        if found != case.expected || ran.code != if refused { 3 } else { 0 } {
            wrong.push(format!(
                "expected {}\n    found    {found} and exit code {}: {}",
                case.expected, ran.code, ran.err
            ));
        }
        if refused {
            let lacks = lacks(&document, case.file);
            wrong.extend((!lacks.is_empty()).then(|| format!("lacks {}", lacks.join(", "))));
            wrong.extend(record.join("manifest.json").exists().then(|| "left a record".to_owned()));
        }
        wrong.extend((took > Duration::from_secs(60)).then(|| format!("took {took:?}")));
        wrong.into_iter().map(|what| format!("{}\n    {what}", case.name))
    });
    let wrong = wrong.collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_kind_of_hostile_input_is_tested() {
    let total = KINDS.iter().map(|(kind, _)| cases(kind).len()).sum::<usize>();
    assert!(total > 350, "{total}");
}

#[test]
fn hostile_containers() {
    check("containers");
}

#[test]
fn hostile_documents() {
    check("documents");
}

#[test]
fn hostile_sheets() {
    check("sheets");
}

#[test]
fn hostile_tables() {
    check("tables");
}

#[test]
fn hostile_text() {
    check("text");
}
