//! How far a reading has come, for whoever tells a person. Counters that any thread may look at; nothing that is
//! read depends on them.

use std::sync::atomic::{AtomicU64, Ordering};

/// What [`crate::read_watched`] has read so far of the files given to it.
///
/// ```
/// let progress = evenhand_ingest::Progress::default();
/// assert_eq!((progress.files(), progress.bytes(), progress.rows()), (0, 0, 0));
/// ```
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
    rows: AtomicU64,
}

impl Progress {
    /// Files read to their end.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// Bytes of the files, as they lie on the disk; of a file read to its end, all of them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Rows kept.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

/// Tells how far one file has come.
pub(crate) struct Meter<'p> {
    progress: &'p Progress,
    /// Bytes of the file.
    all: u64,
    told: AtomicU64,
}

impl<'p> Meter<'p> {
    pub(crate) fn new(progress: &'p Progress, all: u64) -> Self {
        Self { progress, all, told: AtomicU64::new(0) }
    }

    /// So many bytes of the file were read by now. A workbook's sheets tell it from several threads.
    pub(crate) fn at(&self, bytes: u64) {
        let bytes = bytes.min(self.all);
        let told = self.told.fetch_max(bytes, Ordering::Relaxed);
        self.progress.bytes.fetch_add(bytes.saturating_sub(told), Ordering::Relaxed);
    }

    pub(crate) fn rows(&self, more: u64) {
        self.progress.rows.fetch_add(more, Ordering::Relaxed);
    }

    /// The file was read to its end.
    pub(crate) fn end(&self) {
        self.at(self.all);
        self.progress.files.fetch_add(1, Ordering::Relaxed);
    }
}
