//! What stops the store, with the place, what was found, what was expected, and how to go on.

use std::path::{Path, PathBuf};

/// The store's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the store; printed without its [hint](Error::hint).
#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    path: Option<PathBuf>,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What went wrong, for callers that act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The folder holds no record, or holds other things.
    NoRecord,
    /// The record is written in a later format than this engine reads.
    NewerFormat,
    /// Bytes are not those that were published.
    Damaged,
    /// A file that the manifest names is not there.
    Missing,
    /// The manifest names a path outside the record.
    UnsafePath,
    /// Another process is writing the record.
    Locked,
    /// The disk, or the share of it that we may use, is full.
    DiskFull,
    /// The operating system refused; the source says how.
    Io,
    /// The record has no table of this name.
    UnknownTable,
    /// The table has no column of this name.
    UnknownColumn,
    /// Columns are not those announced, or two parts of a table disagree on a type.
    Schema,
    /// Rows do not add up.
    Ledger,
    /// A name that cannot be part of a path in a record.
    Name,
    /// Parts or releases handed to a publish do not belong together.
    Staging,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let inner = Inner { kind, path: None, message: message.into(), hint: None, source: None };
        Self { inner: Box::new(inner) }
    }

    /// "expected `expected`, found `found`".
    pub(crate) fn expected(kind: ErrorKind, expected: impl AsRef<str>, found: impl AsRef<str>) -> Self {
        Self::new(kind, format!("expected {}, found {}", expected.as_ref(), found.as_ref()))
    }

    /// The operating system's refusal of an action ("write", "rename") on a path.
    pub(crate) fn io(action: &str, path: &Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Os;
        let error = match source.kind() {
            Os::StorageFull | Os::QuotaExceeded => {
                Self::new(ErrorKind::DiskFull, format!("cannot {action}: the disk is full")).with_hint(
                    "free some space or choose a record on another disk; the earlier record is untouched",
                )
            }
            Os::NotFound => Self::expected(ErrorKind::Missing, "a file", "none"),
            Os::PermissionDenied | Os::ReadOnlyFilesystem => {
                Self::new(ErrorKind::Io, format!("cannot {action}: {source}"))
                    .with_hint("choose a folder that you may write to")
            }
            _ => Self::new(ErrorKind::Io, format!("cannot {action}: {source}")),
        };
        error.at(path).because(source)
    }

    /// An error of the Parquet library; a refusal of the operating system inside it is brought out.
    pub(crate) fn parquet(action: &str, path: &Path, source: parquet::errors::ParquetError) -> Self {
        use parquet::errors::ParquetError;
        match source {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(os) => Self::io(action, path, *os),
                Err(other) => Self::new(ErrorKind::Damaged, format!("cannot {action}: {other}")).at(path),
            },
            other => {
                Self::new(ErrorKind::Damaged, format!("cannot {action}: {other}")).at(path).because(other)
            }
        }
    }

    pub(crate) fn at(mut self, path: &Path) -> Self {
        self.inner.path = Some(path.to_owned());
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    pub(crate) fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.inner.source = Some(Box::new(source));
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The file or folder concerned.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.inner.path.as_deref()
    }

    /// How to go on, where we know.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(path) = &self.inner.path {
            write!(f, "`{}`: ", path.display())?;
        }
        f.write_str(&self.inner.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}
