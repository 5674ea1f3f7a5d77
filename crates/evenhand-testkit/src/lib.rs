//! Helps tests: where the shared releases and oracles are, and a visible word when they are not.
//! Input: the layout of a checkout.
//! Output: paths, or a skip that the test log shows.
//! Read first: [`shared`].

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The workspace's root folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `path` below the folder of released data and oracles that some tests need, or `None` after printing a
/// line that says which test is skipped for want of it.
#[must_use]
pub fn shared(path: &str) -> Option<PathBuf> {
    let full = root().join("../shared").join(path);
    if full.exists() {
        return Some(full);
    }
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    skipped(&format!("{name} needs ../shared/{path}"));
    None
}

/// A data set with published answers, `oracles/mpdta/data.csv`: the project's own copy where its licence allows one,
/// else the one among the data that some tests need, or `None` after a line as [`shared`] prints.
#[must_use]
pub fn oracle(path: &str) -> Option<PathBuf> {
    let own = root().join(path);
    if own.exists() { Some(own) } else { shared(path) }
}

/// Says on the test log that something was skipped, and why. Written to the stream itself: what a test prints
/// by macro is shown only if it fails.
pub fn skipped(why: &str) {
    // A log that cannot be written to cannot be told so either.
    drop(writeln!(std::io::stderr(), "skipped: {why}"));
}
