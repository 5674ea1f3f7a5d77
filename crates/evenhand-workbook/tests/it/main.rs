//! Reading workbooks that tests make up: those that programs write, and those that nobody should.

mod agreement;
mod hostile;
mod package;
mod spellings;
