use crate::exit::Exit;
use crate::failure::Failure;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes a file whole or not at all: into a neighbor first, then renamed over the old one.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let staging = neighbor(path);
    let written = write_synced(&staging, bytes).and_then(|()| fs::rename(&staging, path));
    written.map_err(|error| {
        // The earlier file is whole; a neighbor that cannot be removed either is not worth a second error.
        let _ = fs::remove_file(&staging);
        Failure::new(Exit::Failed, format!("`{}`: cannot be written: {error}", path.display()))
    })
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name beside `path` that no other process of ours uses.
fn neighbor(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.partial", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_replaced_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let target = folder.path().join("report.html");
        fs::create_dir_all(target.join("occupied")).expect("a folder in the way");
        assert!(write_whole(&target, b"new").is_err());
        let left = fs::read_dir(folder.path()).expect("readable").count();
        assert_eq!(left, 1, "only the folder that was in the way");
    }
}
