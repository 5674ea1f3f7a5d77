//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../../fuzz/src/ingest.rs"]
mod targets;

use evenhand_testkit::replay;

#[test]
fn fuzz_corpus_of_csv() {
    replay("csv", targets::csv);
}

#[test]
fn fuzz_corpus_of_values() {
    replay("value", targets::value);
}
