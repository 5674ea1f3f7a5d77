//! The binary, and what is in a folder.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a run left: exit code, stdout, stderr.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs `evenhand` with these words.
pub fn evenhand<S: AsRef<OsStr>>(words: &[S]) -> Ran {
    finished(command(words).output().expect("the binary runs"))
}

/// The same, not yet started, in surroundings that say nothing about color or width.
pub fn command<S: AsRef<OsStr>>(words: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenhand"));
    command.args(words).env_remove("NO_COLOR").env_remove("COLUMNS").env_remove("TERM");
    command
}

/// Turns what a process left into text.
pub fn finished(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("not killed by a signal"),
        out: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        err: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

impl Ran {
    /// The run, if it ended well.
    #[track_caller]
    pub fn done(self) -> Ran {
        assert_eq!(self.code, 0, "stderr: {}", self.err);
        self
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// Asserts that it ended with `code` and exactly one error, which says `needle`.
    #[track_caller]
    pub fn refused(&self, code: i32, needle: &str) {
        let errors = self.err.lines().filter(|line| line.starts_with("error: ")).collect::<Vec<_>>();
        assert_eq!((self.code, errors.len()), (code, 1), "stderr: {}\nstdout: {}", self.err, self.out);
        assert!(errors[0].contains(needle), "expected `{needle}` in: {}", self.err);
        assert!(!self.err.contains("panicked") && !self.err.contains("a bug of its own"), "{}", self.err);
    }
}

/// Every file below a folder with its bytes; a lock file says nothing.
pub fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("a folder that can be read") {
            let path = entry.expect("an entry that can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if !path.file_name().is_some_and(|name| name.to_string_lossy().contains("lock")) {
                found.insert(path.clone(), fs::read(&path).expect("a file that can be read"));
            }
        }
    }
    found
}

/// A path as a word of a command line.
pub fn word(path: &Path) -> &str {
    path.to_str().expect("scratch paths are UTF-8")
}
