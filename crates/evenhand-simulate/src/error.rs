//! What stops a simulation.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What stops a simulation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No release of this name can be made up.
    #[error("unknown release `{name}`, expected one of {}", crate::release::names().collect::<Vec<_>>().join(", "))]
    UnknownRelease {
        /// The name asked for.
        name: String,
    },
    /// The release has no such table.
    #[error("release `{release}` has no table `{table}`, expected some of {known}")]
    NoTable {
        /// The release.
        release: String,
        /// The table asked for.
        table: &'static str,
        /// Its tables.
        known: String,
    },
    /// More or fewer rows than can be made up.
    #[error("cannot make up {rows} rows, expected 1 to {most}")]
    Scale {
        /// Rows asked for.
        rows: u64,
        /// The most.
        most: u64,
    },
    /// The folder holds something that a release would be mixed with.
    #[error("`{}` is not an empty folder", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A description of ours that cannot be used.
    #[error("description of `{name}`: {what}")]
    Data {
        /// Which description.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A file that cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn data(name: &str, what: &str) -> Error {
        Error::Data { name: name.to_owned(), what: what.to_owned() }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_owned(), source }
    }

    /// How to go on, if there is a way.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::NotEmpty { .. } => {
                Some("name a new folder; a made-up release is never mixed with other files")
            }
            Error::Io { .. } => Some("check the path and the free space; a full release takes 1 to 3 GB"),
            _ => None,
        }
    }
}
