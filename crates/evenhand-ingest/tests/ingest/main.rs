//! What ingest makes of files: small ones written here, bad ones, random ones, and the released ones.

mod bad_input;
mod explanations;
mod fuzz_corpus;
mod helpers;
mod hostile;
mod hostile_inputs;
mod ledger_law;
mod national;
#[path = "../../../evenhand-workbook/tests/it/package.rs"]
#[allow(dead_code, reason = "the tests of the reader need more of it")]
mod package;
mod released;
mod traps;
mod values;
mod workbooks;
