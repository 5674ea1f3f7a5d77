//! What the caller knows of places.

use std::fmt;

/// Looks places up; this crate has no table of them.
pub trait Atlas {
    /// The name of a state in capitals, as releases write it, from its postal code or name: `TX` gives `TEXAS`.
    fn state(&self, text: &str) -> Option<&str>;

    /// Where the facility of a code is.
    fn facility(&self, code: &str) -> Option<FacilityPlace>;
}

/// An atlas of nothing: nothing is filled in.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAtlas;

impl Atlas for NoAtlas {
    fn state(&self, _: &str) -> Option<&str> {
        None
    }

    fn facility(&self, _: &str) -> Option<FacilityPlace> {
        None
    }
}

impl fmt::Debug for dyn Atlas + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Atlas")
    }
}

/// Where a facility is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FacilityPlace {
    /// City.
    pub city: Option<String>,
    /// State, named as [`Atlas::state`] names it.
    pub state: Option<String>,
    /// County, five digits.
    pub county_fips: Option<String>,
}
