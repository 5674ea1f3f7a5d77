//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../fuzz/src/docket.rs"]
mod targets;

use evenhand_testkit::replay;

#[test]
fn fuzz_corpus_of_claims() {
    replay("claim", targets::claim);
}

#[test]
fn fuzz_corpus_of_rules() {
    replay("rule", targets::rule);
}
