//! Hostile inputs through the library; the binary's own tests run the same through the program.

use crate::helpers::{ingest, written};
use crate::hostile::{cases, lacks, told};
use serde_json::Value;

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
        let unknown = codes(&document).into_iter().filter(|code| !is_documented(code));
        wrong.extend(
            unknown
                .map(|code| format!("{}\n    `{code}` is not in docs/reference/ingest-codes.md", case.name)),
        );
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

/// Every code, reason and finding in a document.
fn codes(document: &Value) -> Vec<String> {
    let error = document["error"]["code"].as_str().map(str::to_owned);
    let files = document["files"].as_array().into_iter().flatten();
    let sheets = files.flat_map(|file| file["sheets"].as_array()).flatten();
    let of_sheet = |sheet: &Value| {
        let reasons = sheet["set_aside"].as_object().into_iter().flatten().map(|(reason, _)| reason.clone());
        let findings = sheet["warnings"].as_array().into_iter().flatten();
        let findings = findings.filter_map(|finding| finding["code"].as_str().map(str::to_owned));
        reasons.chain(findings).collect::<Vec<_>>()
    };
    error.into_iter().chain(sheets.flat_map(of_sheet)).collect()
}

fn is_documented(code: &str) -> bool {
    let page = evenhand_testkit::root().join("docs/reference/ingest-codes.md");
    let page = std::fs::read_to_string(page).unwrap();
    let date = ["apprehension_date", "detainer_prepare_date"].into_iter().find(|date| code.ends_with(date));
    let code = date.map_or_else(|| code.to_owned(), |date| code.replace(date, "DATE"));
    page.contains(&format!("`{code}`"))
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
