/// What stops a measure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
}

/// Kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The record could not be read.
    Record,
    /// A table lacks a column, or a column has another type than the record's format gives it.
    Column,
    /// A figure that was asked for is not in the record.
    NotHeld,
    /// A transcribed figure in the binary is malformed: a bug of ours.
    Transcribed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The kind of error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How to go on, if there is a way.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<evenhand_store::Error> for Error {
    fn from(error: evenhand_store::Error) -> Self {
        let hint = error.hint().map(|hint| hint.to_string());
        Self { kind: ErrorKind::Record, message: error.to_string(), hint }
    }
}
