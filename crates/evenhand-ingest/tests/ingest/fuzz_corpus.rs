//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../../fuzz/src/ingest.rs"]
mod targets;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for step in 0..=16 {
            run(&bytes[..bytes.len() * step / 16]);
        }
        inputs += 1;
    }
    assert!(inputs > 0, "no corpus for {target}");
}

#[test]
fn fuzz_corpus_of_csv() {
    replay("csv", targets::csv);
}

#[test]
fn fuzz_corpus_of_values() {
    replay("value", targets::value);
}
