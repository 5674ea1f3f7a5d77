//! Codes of facilities into city, state and county, by what the caller knows of them.

use crate::atlas::{Atlas, FacilityPlace};
use crate::intern::{Intern, NONE, hash_numbers};
use crate::stays::Stay;
use crate::{Error, Rule, out};
use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringArray, StringBuilder};
use hashbrown::{HashMap, HashTable};
use std::fmt::Write as _;
use std::sync::Arc;

/// The source of a place that the release itself names.
pub const RELEASED: &str = "released";

/// What a column says of a facility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its code, as released.
    Code,
    /// City.
    City,
    /// State.
    State,
    /// County, five digits.
    County,
}

/// The facilities of the stints, by the number of their code.
#[derive(Debug)]
pub struct Facilities {
    codes: Vec<String>,
    places: Vec<Option<FacilityPlace>>,
    /// Values of the columns by [`Part`].
    values: [Arc<StringArray>; 4],
}

impl Facilities {
    /// Looks every facility up, once; without an atlas none has a place.
    pub fn of(codes: &Intern, atlas: Option<&dyn Atlas>) -> Facilities {
        let codes = codes.texts().map(str::to_owned).collect::<Vec<_>>();
        let place = |code: &String| atlas.and_then(|atlas| atlas.facility(code.trim()));
        let places = codes.iter().map(place).collect::<Vec<_>>();
        let values = [Part::Code, Part::City, Part::State, Part::County].map(|part| {
            let values = codes.iter().zip(&places);
            let values = values.map(|(code, place)| text(part, code, place.as_ref()).unwrap_or_default());
            Arc::new(StringArray::from_iter_values(values))
        });
        Facilities { codes, places, values }
    }

    /// Whether the place of a code is known; nothing without a code.
    pub fn is_placed(&self, facility: u32) -> Option<bool> {
        number_of(facility).map(|number| self.places[number].is_some())
    }

    /// One column of so many rows.
    pub fn column(&self, part: Part, facilities: impl Iterator<Item = u32>) -> Result<ArrayRef, Error> {
        let has = |number: usize| text(part, &self.codes[number], self.places[number].as_ref()).is_some();
        let has = (0..self.codes.len()).map(has).collect::<Vec<_>>();
        let numbers = facilities.map(|facility| number_of(facility).filter(|number| has[*number]));
        let values = self.values[part as usize].clone();
        Ok(Arc::new(DictionaryArray::try_new(out::keys(numbers), values)?))
    }

    /// The codes of each stay's stints, joined.
    pub fn joined(&self, stays: &[Stay<'_>]) -> ArrayRef {
        // Lists of facilities one after the other; each stay has one, and in some releases nearly each its own.
        let mut lists = Lists { facilities: Vec::new(), ends: vec![0] };
        let mut numbers = HashTable::<usize>::with_capacity(stays.len());
        let mut values = StringBuilder::new();
        let keys = stays.iter().map(|stay| {
            let list = || stay.stints.iter().map(|stint| stint.facility);
            let hash = hash_numbers(list());
            let known = numbers.find(hash, |number| lists.get(*number).iter().copied().eq(list()));
            if let Some(number) = known {
                return *number as i32;
            }
            let number = lists.ends.len() - 1;
            lists.facilities.extend(list());
            lists.ends.push(lists.facilities.len());
            numbers.insert_unique(hash, number, |number| hash_numbers(lists.get(*number).iter().copied()));
            for (at, facility) in list().enumerate() {
                let code = number_of(facility).map_or("", |number| &self.codes[number]);
                // A builder in memory takes every text.
                let _ =
                    values.write_str(if at > 0 { "; " } else { "" }).and_then(|()| values.write_str(code));
            }
            values.append_value("");
            number as i32
        });
        let keys = Int32Array::from_iter_values(keys.collect::<Vec<_>>());
        // Every key was given out by the line above.
        Arc::new(DictionaryArray::new(keys, Arc::new(values.finish())))
    }
}

/// Lists of facilities, one after the other, and where each ends, after a 0.
struct Lists {
    facilities: Vec<u32>,
    ends: Vec<usize>,
}

impl Lists {
    fn get(&self, number: usize) -> &[u32] {
        &self.facilities[self.ends[number]..self.ends[number + 1]]
    }
}

/// The place in the lists of a facility, if the row names one.
fn number_of(facility: u32) -> Option<usize> {
    (facility != NONE).then_some(facility as usize)
}

fn text<'a>(part: Part, code: &'a str, place: Option<&'a FacilityPlace>) -> Option<&'a str> {
    match part {
        Part::Code => Some(code),
        Part::City => place?.city.as_deref(),
        Part::State => place?.state.as_deref(),
        Part::County => place?.county_fips.as_deref(),
    }
}

/// Where a detainer's facility is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetainerPlace {
    /// City: the released one, else that of the code.
    pub city: Option<String>,
    /// State, likewise.
    pub state: Option<String>,
    /// County of the code, unless the code is of another state than the row names.
    pub county: Option<String>,
    /// Where the state was found.
    pub source: Option<&'static str>,
    /// Whether the row has a facility's code.
    pub has_code: bool,
}

/// The place of each combination of type, code, state and city.
pub fn of_detainers(kinds: &[[u32; 4]], texts: &Intern, atlas: &dyn Atlas) -> Vec<DetainerPlace> {
    let squeezed = |number: u32| {
        let text = texts.text(number)?.split_whitespace().collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then_some(text)
    };
    let mut places = HashMap::<u32, Option<FacilityPlace>>::new();
    let place = |[_, code, state, city]: &[u32; 4]| {
        let looked_up = || squeezed(*code).and_then(|code| atlas.facility(&code));
        let of_code = places.entry(*code).or_insert_with(looked_up).clone();
        let released = squeezed(*state);
        let released = released.map(|state| atlas.state(&state).map_or(state.to_uppercase(), str::to_owned));
        let by_code = of_code.as_ref().and_then(|place| place.state.clone());
        let is_one = released.is_none() || by_code.is_none() || released == by_code;
        let of_code = of_code.filter(|_| is_one).unwrap_or_default();
        let source = match (&released, &by_code) {
            (Some(_), _) => Some(RELEASED),
            (None, Some(_)) => Some(Rule::FacilityPlaces.name()),
            (None, None) => None,
        };
        DetainerPlace {
            city: squeezed(*city).or(of_code.city),
            state: released.or(by_code),
            county: of_code.county_fips,
            source,
            has_code: *code != NONE,
        }
    };
    kinds.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Travis;

    impl Atlas for Travis {
        fn state(&self, text: &str) -> Option<&str> {
            ["TX", "TEXAS"].contains(&text).then_some("TEXAS")
        }

        fn facility(&self, code: &str) -> Option<FacilityPlace> {
            (code == "TRAVITX").then(|| FacilityPlace {
                city: Some("AUSTIN".to_owned()),
                state: Some("TEXAS".to_owned()),
                county_fips: Some("48453".to_owned()),
            })
        }
    }

    #[test]
    fn what_the_release_says_goes_before_the_code() {
        let mut texts = Intern::default();
        let mut number = |text: &str| if text.is_empty() { NONE } else { texts.number(text).unwrap() };
        let rows = [
            ["", "TRAVITX", "TX", "Del Valle"],
            ["", "TRAVITX", "", ""],
            ["", "TRAVITX", "OHIO", ""],
            ["", "XXXX", "", "AUSTIN"],
            ["", "", "", ""],
        ];
        let kinds = rows.map(|row| row.map(&mut number));
        let found = of_detainers(&kinds, &texts, &Travis);
        let told = |place: &DetainerPlace| {
            let parts =
                [place.city.as_deref(), place.state.as_deref(), place.county.as_deref(), place.source];
            parts.map(|part| part.unwrap_or("-").to_owned()).join(" ")
        };
        assert_eq!(
            found.iter().map(told).collect::<Vec<_>>(),
            [
                "Del Valle TEXAS 48453 released",
                "AUSTIN TEXAS 48453 facility-places",
                "- OHIO - released",
                "AUSTIN - - -",
                "- - - -",
            ]
        );
        assert_eq!(found.iter().filter(|place| !place.has_code).count(), 1);
    }
}
