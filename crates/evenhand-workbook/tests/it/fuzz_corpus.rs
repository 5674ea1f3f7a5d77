//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../../fuzz/src/workbook.rs"]
mod targets;

/// The corpus as all targets have it, and with a byte changed, a few times each.
fn replay(target: &str, run: fn(&[u8])) {
    evenhand_testkit::replay(target, run);
    for input in evenhand_testkit::corpus(target) {
        for step in 1..32 {
            let mut changed = input.clone();
            if let Some(byte) = changed.get_mut(input.len() * step / 32) {
                *byte ^= 1 << (step % 8);
            }
            run(&changed);
        }
    }
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
