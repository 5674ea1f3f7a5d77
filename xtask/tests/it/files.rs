//! What stands in our own files.

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_library_opens_with_four_lines() {
    for lib in own_files().into_iter().filter(|path| path.ends_with("src/lib.rs")) {
        let opening = read(&lib).lines().take_while(|line| line.starts_with("//!")).count();
        assert!(opening >= 4, "{}: expected four opening `//!` lines, found {opening}", lib.display());
    }
}

#[test]
fn no_file_of_ours_is_unsafe() {
    // Spelled in two halves so that this file does not find itself.
    let word = concat!("un", "safe");
    let forms = [" {", " fn ", " impl ", " trait ", " extern "].map(|after| format!("{word}{after}"));
    let allow = format!("allow({word}_code)");
    for path in own_files().into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "rs")) {
        let text = read(&path);
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for (number, line) in code.enumerate() {
            let found = forms.iter().any(|form| line.contains(form.as_str())) || line.contains(&allow);
            assert!(!found, "{}: line {}: {line}", path.display(), number + 1);
        }
    }
    assert!(read(Path::new("Cargo.toml")).contains("unsafe_code = \"forbid\""));
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for manifest in own_files()
        .into_iter()
        .filter(|path| path.ends_with("Cargo.toml") && path.parent() != Some(Path::new("")))
    {
        let flat = read(&manifest).replace([' ', '\r'], "");
        // The fuzz targets are a workspace of their own, which has none of these to take.
        if flat.contains("[workspace]") {
            continue;
        }
        assert!(flat.contains("[lints]\nworkspace=true"), "{}", manifest.display());
    }
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let slash = "/";
    let local = ["work/main", "work/shared", "work/.library", "tmp/t-", "root/", "home/"]
        .map(|tail| format!("{slash}{tail}"));
    for path in own_files() {
        let Ok(text) = std::fs::read_to_string(full(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let found = local.iter().find(|name| stands_alone(line, name));
            assert!(found.is_none(), "{}: line {}: {found:?}", path.display(), number + 1);
        }
    }
}

#[test]
fn every_dependency_earns_its_place_in_a_sentence() {
    let text = read(Path::new("Cargo.toml"));
    let lines = text.lines().collect::<Vec<_>>();
    let start =
        lines.iter().position(|line| *line == "[workspace.dependencies]").expect("the section exists");
    let section = lines[start + 1..].iter().take_while(|line| !line.starts_with('[')).collect::<Vec<_>>();
    let ours = |line: &str| line.starts_with("evenhand-");
    for pair in section.windows(2) {
        let (above, line) = (pair[0], pair[1]);
        let names_one = line.starts_with(|first: char| first.is_ascii_lowercase()) && line.contains(" = ");
        if names_one && !ours(line) {
            assert!(above.starts_with("# "), "no sentence above `{line}`");
        }
    }
}

/// Whether `name` occurs in `line` as the start of a path, not inside a longer one (an address, say).
fn stands_alone(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || "._-*".contains(before))
    })
}

/// Files that git has or would take, below the workspace's root.
fn own_files() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(evenhand_testkit::root())
        .output()
        .expect("git lists the repository's files");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("our file names are UTF-8");
    let files = names.split_terminator('\0').map(PathBuf::from).filter(|path| full(path).is_file());
    let files = files.collect::<Vec<_>>();
    assert!(files.iter().any(|path| path.ends_with("Cargo.toml")), "the list is not that of this repository");
    files
}

fn full(path: &Path) -> PathBuf {
    evenhand_testkit::root().join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(full(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
