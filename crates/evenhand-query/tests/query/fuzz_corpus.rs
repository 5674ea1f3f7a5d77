//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../../fuzz/src/sql.rs"]
mod targets;

#[test]
fn fuzz_corpus_of_queries() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/sql");
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        targets::sql(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0);
}
