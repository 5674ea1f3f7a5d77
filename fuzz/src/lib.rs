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

/// Lets the panics be that the store and the query engine turn into errors; the fuzzer stops at all others.
#[cfg(feature = "record")]
pub fn let_caught_panics_be() {
    let stop = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !evenhand_store::foreign::is_caught() {
            stop(panic);
        }
    }));
}
