//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../fuzz/src/record.rs"]
mod targets;

use evenhand_testkit::replay;

#[test]
fn fuzz_corpus_of_manifests() {
    replay("manifest", targets::manifest);
}

#[test]
fn fuzz_corpus_of_parquet_files() {
    replay("parquet", targets::parquet);
}
