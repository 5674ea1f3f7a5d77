//! Every input that a fuzz target began with or failed on, replayed.

#[path = "../../../../fuzz/src/sql.rs"]
mod targets;

#[test]
fn fuzz_corpus_of_queries() {
    evenhand_testkit::replay("sql", targets::sql);
}
