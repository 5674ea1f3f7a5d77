//! Turns the words of released enforcement records into types, and prints them back.
//! Input: cells and codes as released; every type parses from text.
//! Output: values that the other crates share, so that one thing has one name everywhere.
//! Read first: [`arrest_setting`], the definition that most claims turn on.

mod aor;
pub mod arrest_setting;
mod detainer_outcome;
mod fips;
mod period;
mod place_quality;
mod release;

pub use aor::Aor;
pub use arrest_setting::{ArrestSetting, AtLarge, MethodGroup};
pub use detainer_outcome::DetainerOutcome;
pub use fips::{CountyFips, StateFips};
pub use jiff::civil::Date;
pub use period::{FiscalYear, Month, Week};
pub use place_quality::PlaceQuality;
pub use release::ReleaseId;

/// A text that is not a value of the type asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What was expected, in words: "a five-digit county code".
    pub expected: &'static str,
    /// What was found, cut to 80 characters.
    pub found: String,
}

impl ParseError {
    fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.chars().take(80).collect() }
    }
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {}, found `{}`", self.expected, self.found.escape_debug())
    }
}

impl std::error::Error for ParseError {}
