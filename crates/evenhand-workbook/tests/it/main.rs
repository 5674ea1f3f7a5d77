//! Reading workbooks that tests make up: those that programs write, and those that nobody should.

mod agreement;
mod fuzz_corpus;
mod hostile;
mod package;
mod spellings;
