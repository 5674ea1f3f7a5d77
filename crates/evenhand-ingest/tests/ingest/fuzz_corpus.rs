//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../../fuzz/src/ingest.rs"]
mod targets;

#[test]
fn fuzz_corpus_of_csv() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/csv");
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for step in 0..=16 {
            targets::csv(&bytes[..bytes.len() * step / 16]);
        }
        inputs += 1;
    }
    assert!(inputs > 0);
}
