//! Runs the real binary, as a person or a script would: exit codes, streams, files before and after.

mod bad_input;
mod crash;
mod determinism;
mod estimate;
mod fetch;
#[path = "../../../evenhand-ingest/tests/ingest/hostile/mod.rs"]
mod hostile;
mod hostile_inputs;
mod outputs;
#[allow(dead_code, reason = "the tests of the reader need more of it")]
#[path = "../../../evenhand-workbook/tests/it/package.rs"]
mod package;
mod released;
mod run;
mod simulated;
