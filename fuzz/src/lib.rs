//! Turns bytes that nobody should write into calls of everything that reads outside bytes; all must return.
//! Input: what the fuzzer makes up, and `corpus/`, which the tests of the crates replay with the same functions.
//! Output: none; an assertion that fails, a panic, or a limit that is exceeded is a finding.
//! Read first: [`workbook`].

pub mod docket;
#[cfg(feature = "ingest")]
pub mod ingest;
#[cfg(feature = "record")]
pub mod record;
#[cfg(feature = "sql")]
pub mod sql;
pub mod workbook;
