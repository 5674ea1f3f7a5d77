//! Hostile inputs through the library; the binary's own tests run the same through the program.

use crate::helpers::{ingest, written};
use crate::hostile::{cases, lacks, told};

/// Reads every case of a kind and compares.
#[track_caller]
fn check(kind: &str) {
    let cases = cases(kind);
    assert!(cases.len() > 50, "{kind}");
    let mut wrong = Vec::new();
    for case in &cases {
        let (_folder, path) = written(case.file, &(case.bytes)());
        let ended = std::panic::catch_unwind(|| ingest(&path));
        let document = match ended {
            Ok(Ok((entry, _))) => serde_json::json!({"files": [entry]}),
            Ok(Err(error)) => serde_json::json!({"files": [], "error": error}),
            Err(_) => serde_json::json!({"error": {"code": "panic"}}),
        };
        let found = told(&document);
        if found != case.expected {
            wrong.push(format!("{}\n    expected {}\n    found    {found}", case.name, case.expected));
        }
        if document["error"].is_object() {
            let lacks = lacks(&document, case.file);
            if !lacks.is_empty() {
                wrong.push(format!("{}\n    lacks {}: {}", case.name, lacks.join(", "), document["error"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn hostile_containers_are_refused_and_odd_ones_are_read() {
    check("containers");
}

#[test]
fn hostile_documents_are_refused_and_odd_ones_are_read() {
    check("documents");
}

#[test]
fn hostile_sheets_are_refused_and_odd_ones_are_read() {
    check("sheets");
}

#[test]
fn hostile_tables_are_refused_and_odd_rows_are_counted() {
    check("tables");
}

#[test]
fn hostile_text_is_refused_and_odd_rows_are_counted() {
    check("text");
}
