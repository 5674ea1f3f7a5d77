//! Lists the files of the built-in record, so that the binary carries every one of them and no list drifts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/record");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let mut code = String::from("&[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name =
            file.strip_prefix(&root).expect("walked below the root").to_string_lossy().replace('\\', "/");
        let full = file.canonicalize().expect("the file was just listed");
        writeln!(code, "    ({name:?}, include_bytes!({:?})),", full.display().to_string())
            .expect("a String takes every write");
    }
    code.push_str("]\n");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets OUT_DIR")).join("builtin_record.rs");
    std::fs::write(out, code).expect("OUT_DIR can be written");
}

/// Every file below `folder`; a folder that does not exist has none.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.file_name().is_some_and(|name| name == "manifest.json")
            || path.extension().is_some_and(|extension| extension == "parquet")
        {
            files.push(path);
        }
    }
}
