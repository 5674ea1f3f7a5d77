//! Inputs that nobody should be given, each with what must become of it: rows counted right and every fault told,
//! or one refusal with its code and place.
//!
//! Outcomes are told in short. `5 kept, 1 blank_row; unreadable_cell K9` is a sheet of which five rows were kept,
//! one was set aside, and a cell was found unreadable; `refused bad_number Sheet1 K9` is a refusal and its place.

mod containers;
mod delimited;
mod documents;
pub mod made;
mod sheets;
mod tables;

use serde_json::Value;
use std::fmt::Write as _;

/// One input and what must become of it.
pub struct Case {
    pub name: &'static str,
    /// Name of the file.
    pub file: &'static str,
    pub bytes: Box<dyn Fn() -> Vec<u8>>,
    /// What must become of it, as [`told`] puts it.
    pub expected: &'static str,
}

/// Adds the cases of one kind.
pub type Add = fn(&mut Vec<Case>);

/// Every kind of input.
pub const KINDS: [(&str, Add); 5] = [
    ("containers", containers::add),
    ("documents", documents::add),
    ("sheets", sheets::add),
    ("tables", tables::add),
    ("text", delimited::add),
];

/// The cases of one kind.
pub fn cases(kind: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    KINDS.iter().filter(|(name, _)| *name == kind).for_each(|(_, add)| add(&mut cases));
    cases
}

/// An `ingest/1` document in short.
pub fn told(document: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let error = &document["error"];
    if error.is_object() {
        let column = text(&error["column"]);
        let row = error["row"].as_u64().map_or(String::new(), |row| row.to_string());
        let words =
            ["refused".to_owned(), text(&error["code"]), text(&error["sheet"]), format!("{column}{row}")];
        return words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    }
    let sheets = document["files"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|file| file["sheets"].as_array())
        .flatten();
    let sheets: Vec<&Value> = sheets.collect();
    let mut lines = Vec::new();
    for sheet in &sheets {
        let mut line = String::new();
        if sheets.len() > 1 {
            write!(line, "{}: ", text(&sheet["name"])).unwrap();
        }
        write!(line, "{} kept", sheet["rows_kept"]).unwrap();
        for (reason, rows) in sheet["set_aside"].as_object().into_iter().flatten() {
            write!(line, ", {rows} {reason}").unwrap();
        }
        for warning in sheet["warnings"].as_array().into_iter().flatten() {
            let row = warning["row"].as_u64().map_or(String::new(), |row| row.to_string());
            write!(line, "; {} {}{row}", text(&warning["code"]), text(&warning["column"])).unwrap();
            line.truncate(line.trim_end().len());
            if warning["count"] != 1 {
                write!(line, " ×{}", warning["count"]).unwrap();
            }
        }
        lines.push(line);
    }
    lines.join(" + ")
}

/// What a refusal lacks of what every refusal must say.
pub fn lacks(document: &Value, file: &str) -> Vec<&'static str> {
    let error = &document["error"];
    let mut lacks = Vec::new();
    let message = error["message"].as_str().unwrap_or_default();
    if !error["file"].as_str().is_some_and(|path| path.contains(file)) {
        lacks.push("file");
    }
    if !error["hint"].is_string() {
        lacks.push("hint");
    }
    if !message.starts_with("cannot be read") {
        lacks
            .extend((!message.contains("expected ") || !error["expected"].is_string()).then_some("expected"));
        lacks.extend((!message.contains(", found ") || !error["found"].is_string()).then_some("found"));
    }
    lacks
}
