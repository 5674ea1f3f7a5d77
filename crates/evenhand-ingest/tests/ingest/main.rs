//! What ingest makes of files: small ones written here, bad ones, random ones, and the released ones.

mod bad_input;
mod explanations;
mod fuzz_corpus;
mod helpers;
mod ledger_law;
mod national;
mod released;
mod traps;
mod workbooks;
