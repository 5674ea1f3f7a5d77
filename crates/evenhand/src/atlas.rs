//! The built-in place tables, as the derived tables ask them.

use evenhand_derive::{Atlas, FacilityPlace};
use evenhand_places::{Places, STATES, postal};
use std::collections::BTreeMap;

/// States and facilities that the program knows.
pub struct BuiltIn {
    /// Names in capitals, by postal code.
    names: BTreeMap<&'static str, String>,
}

impl BuiltIn {
    /// The tables inside the binary.
    pub fn new() -> BuiltIn {
        BuiltIn { names: STATES.iter().map(|(code, _, name)| (*code, name.to_uppercase())).collect() }
    }
}

impl Atlas for BuiltIn {
    fn state(&self, text: &str) -> Option<&str> {
        self.names.get(postal(text)?).map(String::as_str)
    }

    fn facility(&self, code: &str) -> Option<FacilityPlace> {
        let (city, place) = Places::builtin().facility_of_code(code)?;
        Some(FacilityPlace {
            city: (!city.is_empty()).then(|| city.to_owned()),
            state: place.state.and_then(|state| self.state(state)).map(str::to_owned),
            county_fips: place.located().map(|county| county.to_string()),
        })
    }
}
