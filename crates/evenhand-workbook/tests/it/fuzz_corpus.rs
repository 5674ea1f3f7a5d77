//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../../fuzz/src/workbook.rs"]
mod targets;

use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        run(&bytes);
        // And cut short, or with a byte changed, a few times each.
        for step in 1..32 {
            run(&bytes[..bytes.len() * step / 32]);
            let mut changed = bytes.clone();
            if let Some(byte) = changed.get_mut(bytes.len() * step / 32) {
                *byte ^= 1 << (step % 8);
            }
            run(&changed);
        }
        inputs += 1;
    }
    assert!(inputs > 0, "no corpus for {target}");
}

#[test]
fn fuzz_corpus_of_zip() {
    replay("zip", targets::zip);
}

#[test]
fn fuzz_corpus_of_sheets() {
    replay("sheet", targets::sheet);
}

#[test]
fn fuzz_corpus_of_strings() {
    replay("strings", targets::strings);
}

#[test]
fn fuzz_corpus_of_styles() {
    replay("styles", targets::styles);
}

#[test]
fn fuzz_corpus_of_dates() {
    replay("dates", targets::dates);
}
