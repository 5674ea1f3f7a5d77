//! What stops a query, with its place in the text where known, and how to go on.

use crate::nearest::nearest;
use datafusion::common::{DataFusionError, SchemaError};
use std::fmt::Write as _;

/// The result of a query.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a query; printed without its [hint](Error::hint).
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What went wrong, for callers that act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not SQL.
    Parse,
    /// No table, column or function of this name.
    UnknownName,
    /// The query does not make sense, such as a sum of texts.
    Plan,
    /// The publish profile does not show rows about persons.
    Refused,
    /// Not a query: something that would change data, files or the session.
    NotAQuery,
    /// The engine is known to answer this shape of query wrongly.
    WrongAnswer,
    /// The query needs more memory than it may use.
    Memory,
    /// The query takes longer than it may.
    Time,
    /// The record cannot be read; the source says why.
    Record,
    /// The answer cannot be written.
    Output,
    /// The query failed while it ran, such as a division by zero.
    Failed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How to go on, where we know.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// An error of DataFusion; `tables` and `functions` are the names that would have been known.
    pub(crate) fn from_engine(error: DataFusionError, tables: &[&str], functions: &[String]) -> Self {
        let place = place(&error);
        match error.find_root() {
            DataFusionError::SQL(parser, _) => parse_error(&parser.to_string()),
            DataFusionError::SchemaError(schema, _) => schema_error(&place, schema),
            DataFusionError::ResourcesExhausted(_) => memory(),
            DataFusionError::Plan(message) | DataFusionError::NotImplemented(message) => {
                plan_error(&place, message, tables, functions).unwrap_or_else(|| {
                    // What the engine tells its users, where it does, is shorter than what it tells its authors.
                    let told = error.diagnostic().map_or(message, |diagnostic| &diagnostic.message);
                    Self::new(ErrorKind::Plan, format!("{place}{}", lower_first(&plain(told))))
                })
            }
            DataFusionError::ObjectStore(_)
            | DataFusionError::IoError(_)
            | DataFusionError::ParquetError(_) => {
                Self::new(ErrorKind::Record, "cannot read the record").because(error)
            }
            DataFusionError::ArrowError(arrow, _) => {
                Self::new(ErrorKind::Failed, lower_first(&arrow.to_string()))
            }
            other => Self::new(ErrorKind::Failed, lower_first(&first_line(&other.strip_backtrace()))),
        }
    }
}

impl From<evenhand_store::Error> for Error {
    fn from(error: evenhand_store::Error) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self { hint, ..Self::new(ErrorKind::Record, error.to_string()).because(error) }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

/// The query used up its memory.
pub(crate) fn memory() -> Error {
    Error::new(ErrorKind::Memory, "the query needs more memory than it may use")
        .with_hint("ask for fewer rows or columns, group before joining, or raise the memory limit")
}

/// "query, line 1, column 8: " where the engine knows the place.
fn place(error: &DataFusionError) -> String {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    span.map(|span| format!("query, line {}, column {}: ", span.start.line, span.start.column))
        .unwrap_or_default()
}

/// Turns "… Expected: X, found: Y at Line: 1, Column: 8" into our order of place, expectation and finding.
fn parse_error(message: &str) -> Error {
    let message = message.trim_start_matches("sql parser error: ");
    let (what, line_column) = message.rsplit_once(" at Line: ").unwrap_or((message, ""));
    let mut shown = String::from("query");
    if let Some((line, column)) = line_column.split_once(", Column: ") {
        // Writing to a text cannot fail.
        let _ = write!(shown, ", line {line}, column {column}");
    }
    let what = match what.strip_prefix("Expected: ").and_then(|rest| rest.split_once(", found: ")) {
        Some((expected, "EOF")) => format!("expected {}, found the end", token(expected)),
        Some((expected, found)) => format!("expected {}, found `{found}`", token(expected)),
        None => lower_first(what),
    };
    Error::new(ErrorKind::Parse, format!("{shown}: {what}"))
}

fn schema_error(place: &str, error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names: Vec<&str> = valid_fields.iter().map(|field| field.name.as_str()).collect();
            unknown(place, "a column", &field.name, &names)
        }
        SchemaError::AmbiguousReference { field } => {
            let found = format!("{place}expected one column named `{}`, found several", field.name);
            Error::new(ErrorKind::Plan, found).with_hint(format!("write `table.{}`", field.name))
        }
        other => {
            Error::new(ErrorKind::Plan, format!("{place}{}", lower_first(&first_line(&other.to_string()))))
        }
    }
}

/// Errors that we know to say better than the engine.
fn plan_error(place: &str, message: &str, tables: &[&str], functions: &[String]) -> Option<Error> {
    let table = message.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found"));
    if let Some(table) = table {
        let name = table.rsplit('.').next().unwrap_or(table);
        return Some(unknown(place, "a table of this record", name, tables));
    }
    if let Some(rest) = message.strip_prefix("Invalid function '") {
        let name = rest.split('\'').next().unwrap_or(rest);
        let functions: Vec<&str> = functions.iter().map(String::as_str).collect();
        return Some(unknown(place, "a function", name, &functions));
    }
    if message.contains("only supports a single SQL statement") {
        let error = Error::new(ErrorKind::NotAQuery, "expected one query, found several statements");
        return Some(error.with_hint("ask one at a time"));
    }
    if message.contains("No SQL statements") {
        return Some(Error::new(ErrorKind::Parse, "expected a query, found nothing"));
    }
    None
}

fn unknown(place: &str, expected: &str, found: &str, known: &[&str]) -> Error {
    let error = Error::new(ErrorKind::UnknownName, format!("{place}expected {expected}, found `{found}`"));
    match nearest(found, known).as_slice() {
        [] => error,
        [one] => error.with_hint(format!("did you mean `{one}`?")),
        several => error.with_hint(format!("there is `{}`", several.join("`, `"))),
    }
}

/// The engine's message without what concerns only its authors.
fn plain(message: &str) -> String {
    let message = first_line(message).replace("Dictionary(Int32, Utf8)", "Utf8");
    let message = message.trim_start_matches("Internal error: ");
    let message = message.split(", errors: ").next().unwrap_or(message);
    message.replace("failed to match any signature", "does not take values of these types")
}

/// What the parser expected: words as they are, signs in backticks.
fn token(expected: &str) -> String {
    if expected.chars().any(char::is_alphanumeric) { expected.to_owned() } else { format!("`{expected}`") }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}
