/// What stops a check. A test that cannot be run is not an error: it says what it needs.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: String,
}

/// Kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A claim was asked for that the docket does not have.
    UnknownClaim,
    /// An arithmetic test divides populations inside different boundaries (methods/1, section 8.8).
    Boundary,
    /// A record or a method failed where it should not have.
    Failed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: String, hint: &str) -> Self {
        Self { kind, message, hint: hint.to_owned() }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How to go on, where there is a way.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        (!self.hint.is_empty()).then_some(self.hint.as_str())
    }
}
