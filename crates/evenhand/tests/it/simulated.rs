//! Made-up releases from the real binary.

use crate::run::{evenhand, word};

#[test]
fn a_made_up_release_is_not_mixed_with_other_files() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    std::fs::write(scratch.path().join("other.txt"), "").expect("a scratch file");
    evenhand(&["simulate", "--release", "r2026mar", "--out", word(scratch.path())])
        .refused(2, "not an empty folder");
    let new = scratch.path().join("new");
    evenhand(&["simulate", "--release", "r1999", "--out", word(&new)]).refused(2, "unknown release `r1999`");
    assert!(!new.exists());
    let words = ["simulate", "--release", "r2026mar", "--out", word(&new), "--without", "typos"];
    evenhand(&words).refused(2, "typos");
}
