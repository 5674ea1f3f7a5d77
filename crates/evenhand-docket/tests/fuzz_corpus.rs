//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../fuzz/src/docket.rs"]
mod targets;

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        run(&bytes);
        for step in 1..32 {
            run(&bytes[..bytes.len() * step / 32]);
        }
        inputs += 1;
    }
    assert!(inputs > 0, "no corpus for {target}");
}

#[test]
fn fuzz_corpus_of_claims() {
    replay("claim", targets::claim);
}

#[test]
fn fuzz_corpus_of_rules() {
    replay("rule", targets::rule);
}
