//! What a fetch tells while it runs.

use crate::Error;
use std::time::Duration;

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A file begins, or goes on from what an earlier run left.
    Begin {
        /// Its name.
        file: &'a str,
        /// Bytes that are here already.
        from: u64,
        /// Bytes that it will have, where somebody says.
        bytes: Option<u64>,
    },
    /// Bytes came; told often.
    Progress {
        /// The file's name.
        file: &'a str,
        /// Bytes that are here.
        done: u64,
        /// Bytes that it will have, where somebody says.
        bytes: Option<u64>,
    },
    /// An attempt failed; another follows.
    Retry {
        /// The file's name.
        file: &'a str,
        /// Which attempt failed, from 1.
        attempt: u32,
        /// How long we wait before the next.
        wait: Duration,
        /// What went wrong.
        error: &'a Error,
    },
    /// What was here is no good and the file begins anew.
    Restart {
        /// The file's name.
        file: &'a str,
        /// Why.
        why: &'a str,
    },
    /// Something that a person should know, and that stops nothing.
    Note {
        /// The file's name.
        file: &'a str,
        /// What.
        text: String,
    },
    /// A file is here, whole.
    Done {
        /// Its name.
        file: &'a str,
        /// Its bytes.
        bytes: u64,
        /// Its SHA-256.
        sha256: &'a str,
        /// What its SHA-256 was compared with.
        known: Known,
        /// Whether it was here before this run.
        was_here: bool,
    },
    /// A file could not be had.
    Failed {
        /// Its name.
        file: &'a str,
        /// Why.
        error: &'a Error,
    },
}

/// What a file's SHA-256 was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The one in the manifest.
    Published,
    /// The one that an earlier fetch wrote down.
    Recorded,
    /// None: it is written down now.
    Nothing,
}

impl Known {
    /// The word for it in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Recorded => "recorded",
            Self::Nothing => "nothing",
        }
    }
}
