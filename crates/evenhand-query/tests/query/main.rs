//! Queries from outside: what is answered, what is refused, and what is written.

mod fuzz_corpus;
mod gate;
mod limits;
mod output;
mod record;
mod slt;
