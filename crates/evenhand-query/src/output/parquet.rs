//! Parquet.

use super::{write_failed, wrong};
use crate::{Answer, Result};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Writes an answer as a Parquet file, with the settings of a record's own files. The file takes its name when
/// it is whole; a file of that name is replaced.
///
/// # Errors
/// [`ErrorKind::Output`](crate::ErrorKind::Output) when the disk refuses.
pub fn parquet(answer: &Answer, path: &Path) -> Result<()> {
    let unfinished = Unfinished(beside(path));
    let file = File::create(&unfinished.0).map_err(write_failed)?;
    let properties = evenhand_store::writer_properties();
    let failed = |error| wrong("cannot write the answer", error);
    let mut writer = ArrowWriter::try_new(&file, answer.schema(), Some(properties)).map_err(failed)?;
    answer.batches().iter().try_for_each(|batch| writer.write(batch)).map_err(failed)?;
    writer.finish().map_err(failed)?;
    file.sync_all().map_err(write_failed)?;
    std::fs::rename(&unfinished.0, path).map_err(write_failed)
}

/// A file beside the one that is wanted, on the same disk.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.new", std::process::id()))
}

/// Removes the file if it has not taken its name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After the rename there is none.
        drop(std::fs::remove_file(&self.0));
    }
}
