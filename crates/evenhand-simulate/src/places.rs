//! Where made-up events happen: areas of responsibility, their states, and the facilities of the public table.

use crate::quirk::{Quirk, Quirks};
use std::collections::BTreeMap;

/// Code, office, weight, and states of an area.
const AREAS: [(&str, &str, u32, &[&str]); 25] = [
    ("ATL", "Atlanta", 9, &["GA", "NC", "SC"]),
    ("BAL", "Baltimore", 2, &["MD"]),
    ("BOS", "Boston", 4, &["MA", "CT", "RI", "NH", "VT", "ME"]),
    ("BUF", "Buffalo", 2, &["NY"]),
    ("CHI", "Chicago", 6, &["IL", "IN", "MO", "WI", "KY", "KS"]),
    ("DAL", "Dallas", 8, &["TX", "OK"]),
    ("DEN", "Denver", 3, &["CO", "WY"]),
    ("DET", "Detroit", 3, &["MI", "OH"]),
    ("ELP", "El Paso", 4, &["TX", "NM"]),
    ("HLG", "Harlingen", 3, &["TX"]),
    ("HOU", "Houston", 8, &["TX"]),
    ("LOS", "Los Angeles", 6, &["CA"]),
    ("MIA", "Miami", 9, &["FL", "PR"]),
    ("NEW", "Newark", 4, &["NJ"]),
    ("NOL", "New Orleans", 7, &["LA", "TN", "AL", "AR", "MS"]),
    ("NYC", "New York City", 4, &["NY"]),
    ("PHI", "Philadelphia", 3, &["PA", "WV", "DE"]),
    ("PHO", "Phoenix", 4, &["AZ"]),
    ("SEA", "Seattle", 2, &["WA", "OR", "AK"]),
    ("SFR", "San Francisco", 4, &["CA", "HI"]),
    ("SLC", "Salt Lake City", 4, &["UT", "NV", "ID", "MT"]),
    ("SNA", "San Antonio", 6, &["TX"]),
    ("SND", "San Diego", 3, &["CA"]),
    ("SPM", "St. Paul", 4, &["MN", "NE", "IA", "SD", "ND"]),
    ("WAS", "Washington", 5, &["VA", "DC"]),
];

/// Postal code and name of the states above.
const STATES: [(&str, &str); 52] = [
    ("AK", "ALASKA"),
    ("AL", "ALABAMA"),
    ("AR", "ARKANSAS"),
    ("AZ", "ARIZONA"),
    ("CA", "CALIFORNIA"),
    ("CO", "COLORADO"),
    ("CT", "CONNECTICUT"),
    ("DC", "DISTRICT OF COLUMBIA"),
    ("DE", "DELAWARE"),
    ("FL", "FLORIDA"),
    ("GA", "GEORGIA"),
    ("HI", "HAWAII"),
    ("IA", "IOWA"),
    ("ID", "IDAHO"),
    ("IL", "ILLINOIS"),
    ("IN", "INDIANA"),
    ("KS", "KANSAS"),
    ("KY", "KENTUCKY"),
    ("LA", "LOUISIANA"),
    ("MA", "MASSACHUSETTS"),
    ("MD", "MARYLAND"),
    ("ME", "MAINE"),
    ("MI", "MICHIGAN"),
    ("MN", "MINNESOTA"),
    ("MO", "MISSOURI"),
    ("MS", "MISSISSIPPI"),
    ("MT", "MONTANA"),
    ("NC", "NORTH CAROLINA"),
    ("ND", "NORTH DAKOTA"),
    ("NE", "NEBRASKA"),
    ("NH", "NEW HAMPSHIRE"),
    ("NJ", "NEW JERSEY"),
    ("NM", "NEW MEXICO"),
    ("NV", "NEVADA"),
    ("NY", "NEW YORK"),
    ("OH", "OHIO"),
    ("OK", "OKLAHOMA"),
    ("OR", "OREGON"),
    ("PA", "PENNSYLVANIA"),
    ("PR", "PUERTO RICO"),
    ("RI", "RHODE ISLAND"),
    ("SC", "SOUTH CAROLINA"),
    ("SD", "SOUTH DAKOTA"),
    ("TN", "TENNESSEE"),
    ("TX", "TEXAS"),
    ("UT", "UTAH"),
    ("VA", "VIRGINIA"),
    ("VT", "VERMONT"),
    ("WA", "WASHINGTON"),
    ("WI", "WISCONSIN"),
    ("WV", "WEST VIRGINIA"),
    ("WY", "WYOMING"),
];

/// A jail, prison or detention center of the public table.
#[derive(Debug, Clone)]
pub struct Facility {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// City.
    pub city: String,
    /// Postal code of the state.
    pub state: &'static str,
    /// The name as a landmark, with the state at its end.
    pub landmark: String,
    /// What is wrong with it, where quirks of places are wanted.
    pub odd: Option<Odd>,
}

/// A facility whose texts do not say where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Odd {
    /// Its landmark names no state: this text.
    Bare(String),
    /// Its landmark ends in another state's postal code: this text.
    Elsewhere(String),
    /// Its code, this one, is in no table of facilities.
    Unlisted(String),
}

impl Odd {
    /// Some of all facilities, by their number.
    fn of(number: usize, name: &str, state: &str) -> Option<Odd> {
        let other = if state == "ID" { "OH" } else { "ID" };
        match number {
            _ if number % 5 == 3 => Some(Odd::Bare(name.to_owned())),
            _ if number % 20 == 7 => Some(Odd::Elsewhere(format!("{name}, {other}"))),
            _ if number % 25 == 11 => Some(Odd::Unlisted(format!("ZZ{number:05}"))),
            _ => None,
        }
    }
}

impl Facility {
    /// The landmark as released, and the quirk that is in it.
    #[must_use]
    pub fn landmark(&self, quirks: Quirks) -> (&str, Option<Quirk>) {
        match &self.odd {
            Some(Odd::Bare(text)) if quirks.has(Quirk::BareLandmarks) => (text, Some(Quirk::BareLandmarks)),
            Some(Odd::Elsewhere(text)) if quirks.has(Quirk::FalseLandmarks) => {
                (text, Some(Quirk::FalseLandmarks))
            }
            _ => (&self.landmark, None),
        }
    }

    /// The code as released, and the quirk that is in it.
    #[must_use]
    pub fn code(&self, quirks: Quirks) -> (&str, Option<Quirk>) {
        match &self.odd {
            Some(Odd::Unlisted(code)) if quirks.has(Quirk::UnlistedCodes) => {
                (code, Some(Quirk::UnlistedCodes))
            }
            _ => (&self.code, None),
        }
    }
}

/// An area with what it holds.
#[derive(Debug, Clone)]
pub struct Area {
    /// `ATL`.
    pub code: &'static str,
    /// `Atlanta Area of Responsibility`.
    pub name: String,
    /// `ATLANTA, GA, DOCKET CONTROL OFFICE`.
    pub site: String,
    /// Landmark that names no place.
    pub general_area: String,
    /// Numbers of the facilities, those of the first state first.
    pub facilities: Vec<u16>,
}

/// Every place.
#[derive(Debug, Clone)]
pub struct Places {
    /// Areas, in the order of their codes.
    pub areas: Vec<Area>,
    /// Facilities of all areas.
    pub facilities: Vec<Facility>,
    /// An area for every unit of weight.
    weighted: Vec<u8>,
}

impl Places {
    /// Reads the public table.
    #[must_use]
    pub fn load() -> Places {
        let mut by_state: BTreeMap<&'static str, Vec<u16>> = BTreeMap::new();
        let mut facilities = Vec::new();
        for line in include_str!("../../../data/places/facilities.csv").lines().skip(1) {
            // Names with commas or quotes are left out: these lines have seven plain fields.
            let fields = line.split(',').collect::<Vec<_>>();
            let [code, name, city, state, county, ..] = fields[..] else { continue };
            let is_plain = fields.len() == 7 && !line.contains('"') && !code.is_empty() && county.len() == 5;
            let Some((state, _)) = state_of(state).filter(|_| is_plain) else { continue };
            let known = by_state.entry(state).or_default();
            if known.len() < 24 {
                known.push(facilities.len() as u16);
                let landmark = format!("{name}, {state}");
                let (code, name, city) = (code.to_owned(), name.to_owned(), city.to_owned());
                let odd = Odd::of(facilities.len(), &name, state);
                facilities.push(Facility { code, name, city, state, landmark, odd });
            }
        }
        let mut weighted = Vec::new();
        let mut areas = Vec::new();
        for (number, (code, office, weight, states)) in AREAS.into_iter().enumerate() {
            weighted.extend(std::iter::repeat_n(number as u8, weight as usize));
            let here = states.iter().flat_map(|state| by_state.get(state).into_iter().flatten().copied());
            areas.push(Area {
                code,
                name: format!("{office} Area of Responsibility"),
                site: format!("{}, {}, DOCKET CONTROL OFFICE", office.to_uppercase(), states[0]),
                general_area: format!("{code} GENERAL AREA, NON-SPECIFIC"),
                facilities: here.collect(),
            });
        }
        Places { areas, facilities, weighted }
    }

    /// The area that these bits choose.
    #[must_use]
    pub fn area(&self, bits: u64) -> u8 {
        self.weighted[(bits % self.weighted.len() as u64) as usize]
    }

    /// A facility of an area; the first ones are the busiest.
    #[must_use]
    pub fn facility(&self, area: u8, bits: u64) -> u16 {
        let here = &self.areas[usize::from(area)].facilities;
        let (one, two) = ((bits as u32) as usize % here.len(), (bits >> 32) as usize % here.len());
        here[one.min(two)]
    }

    /// The facility after this one in its area, as many steps on.
    #[must_use]
    pub fn facility_after(&self, area: u8, facility: u16, steps: usize) -> u16 {
        let here = &self.areas[usize::from(area)].facilities;
        let at = here.iter().position(|&known| known == facility).unwrap_or(0);
        here[(at + steps) % here.len()]
    }
}

/// Postal code and name of a state.
#[must_use]
pub fn state_of(code: &str) -> Option<(&'static str, &'static str)> {
    STATES.iter().find(|(known, _)| *known == code).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_area_has_facilities_enough_for_a_long_stay() {
        let places = Places::load();
        for area in &places.areas {
            assert!(area.facilities.len() >= 8, "{} has {}", area.code, area.facilities.len());
        }
        assert!(places.facilities.len() > 500, "{}", places.facilities.len());
    }

    #[test]
    fn every_state_of_an_area_is_known() {
        for (code, _, _, states) in AREAS {
            assert!(states.iter().all(|state| state_of(state).is_some()), "{code}");
        }
    }
}
