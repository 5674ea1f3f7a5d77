//! What stops a download: where, what was found, what was expected, and how to go on.

use std::path::Path;
use std::time::Duration;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a fetch; printed without its [hint](Error::hint).
#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    place: Option<String>,
    message: String,
    hint: Option<String>,
    retry: Retry,
}

/// Whether another attempt may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    Later,
    /// The server says when.
    After(Duration),
}

/// What went wrong, for callers that act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The manifest is not one, or contradicts itself.
    Manifest,
    /// No release of this name in the manifest.
    UnknownRelease,
    /// The manifest names no address: the file is to be had by hand.
    ByHand,
    /// Another process fetches into this folder.
    Locked,
    /// The folder holds another release.
    OtherRelease,
    /// The disk, or the share of it that we may use, is full.
    DiskFull,
    /// The operating system refused.
    Io,
    /// No connection, a connection that broke, or one on which nothing came for too long.
    Network,
    /// The proxy that the environment names cannot be used.
    Proxy,
    /// The server's certificate is not one that this machine trusts.
    Tls,
    /// The server answered with an error.
    Status,
    /// The server sent us elsewhere, to a place where we do not go.
    Redirect,
    /// The server's answers contradict one another.
    Protocol,
    /// The length is not the published one, or beyond what was promised.
    WrongSize,
    /// The bytes are not the published ones.
    WrongChecksum,
    /// The publisher's file is not the one that an earlier fetch received.
    ChangedAtPublisher,
    /// The file on disk is not the one that an earlier fetch received.
    ChangedHere,
    /// Something else came, such as a web page in place of a workbook.
    NotTheFile,
}

impl ErrorKind {
    /// The stable code of the kind in JSON.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::UnknownRelease => "unknown_release",
            Self::ByHand => "by_hand",
            Self::Locked => "locked",
            Self::OtherRelease => "other_release",
            Self::DiskFull => "disk_full",
            Self::Io => "io",
            Self::Network => "network",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Status => "status",
            Self::Redirect => "redirect",
            Self::Protocol => "protocol",
            Self::WrongSize => "wrong_size",
            Self::WrongChecksum => "wrong_checksum",
            Self::ChangedAtPublisher => "changed_at_publisher",
            Self::ChangedHere => "changed_here",
            Self::NotTheFile => "not_the_file",
        }
    }

    /// Whether it is about this machine, so that the next file would meet it too.
    pub(crate) fn stops_all(self) -> bool {
        matches!(self, Self::DiskFull | Self::Io | Self::Locked | Self::Proxy)
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let inner = Inner { kind, place: None, message: message.into(), hint: None, retry: Retry::Never };
        Self { inner: Box::new(inner) }
    }

    /// The operating system's refusal of an action ("write", "rename") on a path.
    pub(crate) fn io(action: &str, path: &Path, source: &std::io::Error) -> Self {
        use std::io::ErrorKind as Os;
        let error = match source.kind() {
            Os::StorageFull | Os::QuotaExceeded => {
                Self::new(ErrorKind::DiskFull, format!("cannot {action}: the disk is full"))
                    .hint("free some space, or give another disk with `--to`; what has come is kept, and the next run goes on from there")
            }
            Os::PermissionDenied | Os::ReadOnlyFilesystem => {
                Self::new(ErrorKind::Io, format!("cannot {action}: {source}"))
                    .hint("choose a folder that you may write to with `--to`")
            }
            _ => Self::new(ErrorKind::Io, format!("cannot {action}: {source}")),
        };
        error.at(path.display())
    }

    /// Names the file, address or key concerned, unless a closer one is named.
    pub(crate) fn at(mut self, place: impl std::fmt::Display) -> Self {
        self.inner.place.get_or_insert_with(|| place.to_string());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    pub(crate) fn retry(mut self, retry: Retry) -> Self {
        self.inner.retry = retry;
        self
    }

    /// Says how often it was tried.
    pub(crate) fn after_attempts(mut self, attempts: u32) -> Self {
        if attempts > 1 {
            self.inner.message = format!("{} ({attempts} attempts)", self.inner.message);
        }
        self
    }

    pub(crate) fn retries(&self) -> Retry {
        self.inner.retry
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The file, address or key concerned.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.inner.place.as_deref()
    }

    /// What was found and what was expected.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// How to go on, where we know.
    #[must_use]
    pub fn how_to_go_on(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(place) = &self.inner.place {
            write!(f, "`{place}`: ")?;
        }
        f.write_str(&self.inner.message)
    }
}

impl std::error::Error for Error {}
