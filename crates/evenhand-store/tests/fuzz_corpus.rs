//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../fuzz/src/record.rs"]
mod targets;

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        run(&bytes);
        for step in 1..16 {
            run(&bytes[..bytes.len() * step / 16]);
        }
        inputs += 1;
    }
    assert!(inputs > 0, "no corpus for {target}");
}

#[test]
fn fuzz_corpus_of_manifests() {
    replay("manifest", targets::manifest);
}

#[test]
fn fuzz_corpus_of_parquet_files() {
    replay("parquet", targets::parquet);
}
