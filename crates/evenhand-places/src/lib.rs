//! Turns the facility, landmark, city, area and metro names of released records into county codes, each with its quality.
//! Input: text cells as released, and the tables under `data/places/`, which are part of the binary.
//! Output: a [`Place`] for each text; unknown text is unplaced, never an error.
//! Read first: [`landmark`], the rules that place an arrest.
//!
//! Of the arrests of fiscal years 2016 to 2018 the tables locate 61% in a county (`exact` or `rule`; of those from
//! local jails 75%), name an ICE office for 27%, and leave 11% unplaced; of the detainers of 2015 that name a state
//! they locate 98%. On 420 landmarks and 260 facilities decided by hand every located one was right, which measures
//! the rules more than the knowledge behind them: see `data/places/README.md`.

mod aor;
pub mod build;
pub mod check;
mod county;
mod error;
mod facility;
mod gazetteer;
pub mod landmark;
mod metro;
mod place;
mod state;
mod table;
mod words;

use std::collections::HashMap;
use std::sync::LazyLock;

use evenhand_vocab::{Aor, CountyFips, PlaceQuality};

pub use aor::{HarmonisedAor, MERGED, harmonised};
pub use county::{County, FIRST_POPULATION_YEAR};
pub use error::{Error, ErrorKind};
pub use facility::place_facility;
pub use gazetteer::{Gazetteer, HandTables};
pub use landmark::place_landmark;
pub use metro::Metro;
pub use place::{Place, Rule};
pub use state::{STATES, postal};
pub use table::Table;
pub use words::squeeze;

/// The committed tables, as text.
pub mod tables {
    /// Counties with state, areas and population.
    pub const COUNTIES: &str = include_str!("../../../data/places/counties.csv");
    /// Cities that lie in one county, by hand.
    pub const CITIES: &str = include_str!("../../../data/places/cities.csv");
    /// Prisons, jails and courts, by hand.
    pub const INSTITUTIONS: &str = include_str!("../../../data/places/institutions.csv");
    /// ICE offices by three-letter code.
    pub const OFFICES: &str = include_str!("../../../data/places/offices.csv");
    /// Hand decisions, each with its reason.
    pub const OVERRIDES: &str = include_str!("../../../data/places/overrides.csv");
    /// Facilities, built.
    pub const FACILITIES: &str = include_str!("../../../data/places/facilities.csv");
    /// Landmarks, built.
    pub const LANDMARKS: &str = include_str!("../../../data/places/landmarks.csv");
    /// Metro areas and cities of published estimates, built.
    pub const METROS: &str = include_str!("../../../data/places/metros.csv");
    /// Landmarks whose county was decided by hand to measure the rules.
    pub const CHECKED_LANDMARKS: &str = include_str!("../../../data/places/checked_landmarks.csv");
    /// Facilities whose county was decided by hand to measure the rules.
    pub const CHECKED_FACILITIES: &str = include_str!("../../../data/places/checked_facilities.csv");

    /// The hand tables that rules read.
    pub const HAND: crate::HandTables<'static> = crate::HandTables {
        counties: COUNTIES,
        cities: CITIES,
        institutions: INSTITUTIONS,
        offices: OFFICES,
        overrides: OVERRIDES,
    };
}

/// Every known place, ready for lookup.
///
/// ```
/// use evenhand_places::Places;
/// use evenhand_vocab::PlaceQuality;
///
/// let places = Places::builtin();
/// let jail = places.landmark("SNA".parse().ok(), "Travis County Jail, Austin, Texas - TX2270000");
/// assert_eq!(jail.located().map(|county| county.to_string()).as_deref(), Some("48453"));
///
/// let office = places.landmark("SNA".parse().ok(), "AUS GENERAL AREA, NON-SPECIFIC");
/// assert_eq!(office.quality, PlaceQuality::OfficeOnly);
/// assert_eq!(office.located(), None);
/// assert_eq!(office.county.map(|county| county.to_string()).as_deref(), Some("48453"));
/// ```
#[derive(Debug)]
pub struct Places {
    gazetteer: Gazetteer,
    landmarks: HashMap<Option<Aor>, HashMap<Box<str>, Place>>,
    facilities: HashMap<Box<str>, Vec<FacilityRow>>,
    detlocs: HashMap<Box<str>, (Box<str>, Place)>,
    metros: Vec<Metro>,
}

#[derive(Debug)]
struct FacilityRow {
    city: Box<str>,
    state: Option<&'static str>,
    place: Place,
}

static BUILTIN: LazyLock<Places> = LazyLock::new(|| {
    let gazetteer = Gazetteer::read(tables::HAND).and_then(|hand| hand.with_listed(tables::FACILITIES));
    let places = gazetteer
        .and_then(|gazetteer| Places::read(gazetteer, tables::LANDMARKS, tables::FACILITIES, tables::METROS));
    // The texts are part of the binary, and a test reads them: they cannot fail here.
    places.unwrap_or_else(|error| panic!("built-in places: {error}"))
});

impl Places {
    /// The places of the committed tables, read on first use.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// Reads built tables over a gazetteer.
    ///
    /// # Errors
    /// A malformed table.
    pub fn read(
        gazetteer: Gazetteer,
        landmarks: &str,
        facilities: &str,
        metros: &str,
    ) -> Result<Self, Error> {
        let mut places = Self {
            gazetteer,
            landmarks: HashMap::new(),
            facilities: HashMap::new(),
            detlocs: HashMap::new(),
            metros: metro::read_metros(metros)?,
        };
        places.read_landmarks(landmarks)?;
        places.read_facilities(facilities)?;
        Ok(places)
    }

    fn read_landmarks(&mut self, text: &str) -> Result<(), Error> {
        let table = Table::parse("landmarks.csv", text)?;
        let [aor, landmark, fips, quality, rule] =
            table.columns(["aor", "landmark", "county_fips", "quality", "rule"])?;
        for (at, row) in table.rows().iter().enumerate() {
            let area = if row[aor].is_empty() { None } else { Some(table.cell(at, aor)?) };
            let place = self.place_from(&table, at, [fips, quality, rule])?;
            self.landmarks.entry(area).or_default().insert(row[landmark].as_ref().into(), place);
        }
        Ok(())
    }

    fn read_facilities(&mut self, text: &str) -> Result<(), Error> {
        let table = Table::parse("facilities.csv", text)?;
        let [detloc, name, city, state] = table.columns(["detloc", "facility", "city", "state"])?;
        let result = table.columns(["county_fips", "quality", "rule"])?;
        for (at, row) in table.rows().iter().enumerate() {
            let state = postal(&row[state]);
            let mut place = self.place_from(&table, at, result)?;
            place.state = place.state.or(state);
            if row[detloc].is_empty() {
                let rows = self.facilities.entry(row[name].as_ref().into()).or_default();
                rows.push(FacilityRow { city: row[city].as_ref().into(), state, place });
            } else {
                self.detlocs.insert(row[detloc].as_ref().into(), (row[city].as_ref().into(), place));
            }
        }
        Ok(())
    }

    fn place_from(
        &self,
        table: &Table<'_>,
        row: usize,
        [fips, quality, rule]: [usize; 3],
    ) -> Result<Place, Error> {
        let county: Option<CountyFips> =
            if table.rows()[row][fips].is_empty() { None } else { Some(table.cell(row, fips)?) };
        let state = county.and_then(|county| self.county(county)).map(|county| county.state);
        Ok(Place { county, state, quality: table.cell(row, quality)?, rule: table.cell(row, rule)? })
    }

    /// Where an apprehension or encounter landmark of an area points. White space and case do not matter.
    /// A landmark that the table lacks is placed by the same rules.
    #[must_use]
    pub fn landmark(&self, aor: Option<Aor>, landmark: &str) -> Place {
        let text = squeeze(landmark);
        match self.known_landmark(aor, &text) {
            Some(place) if place.county.is_none() => Place { state: landmark::state_named(&text), ..place },
            Some(place) => place,
            None => place_landmark(&self.gazetteer, aor, &text),
        }
    }

    /// The county that a landmark of an area points to and how well it does: [`landmark`](Self::landmark) without
    /// the state, which takes most of its time where there is no county.
    #[must_use]
    pub fn landmark_county(&self, aor: Option<Aor>, landmark: &str) -> (Option<CountyFips>, PlaceQuality) {
        let text = squeeze(landmark);
        let by_rules = || place_landmark(&self.gazetteer, aor, &text);
        let place = self.known_landmark(aor, &text).unwrap_or_else(by_rules);
        (place.county, place.quality)
    }

    /// The row of the table for a squeezed landmark; its state only where it has a county.
    fn known_landmark(&self, aor: Option<Aor>, text: &str) -> Option<Place> {
        self.landmarks.get(&aor)?.get(text).copied()
    }

    /// Where a facility is, by its name, its city and its state (in full or as postal code).
    #[must_use]
    pub fn facility(&self, name: &str, city: &str, state: &str) -> Place {
        let (text, town, home) = (squeeze(name), squeeze(city), postal(state));
        let known = self.facilities.get(text.as_ref()).into_iter().flatten();
        known
            .filter(|row| row.state == home && row.city.as_ref() == town.as_ref())
            .map(|row| row.place)
            .next()
            .unwrap_or_else(|| place_facility(&self.gazetteer, name, city, state))
    }

    /// Where the facility with an ICE code (`TRAVITX`) is.
    #[must_use]
    pub fn detloc(&self, code: &str) -> Place {
        self.facility_of_code(code).map_or_else(|| Place::unplaced(None, Rule::NoPlace), |(_, place)| place)
    }

    /// City and place of the facility with an ICE code; nothing where the code is not known.
    ///
    /// ```
    /// let (city, place) = evenhand_places::Places::builtin().facility_of_code("TRAVITX").unwrap();
    /// assert_eq!((city, place.state), ("AUSTIN", Some("TX")));
    /// ```
    #[must_use]
    pub fn facility_of_code(&self, code: &str) -> Option<(&str, Place)> {
        let code = squeeze(code);
        self.detlocs.get(code.as_ref()).map(|(city, place)| (city.as_ref(), *place))
    }

    /// A county by its code.
    #[must_use]
    pub fn county(&self, fips: CountyFips) -> Option<&County> {
        self.gazetteer.counties.get(fips)
    }

    /// All counties in code order.
    #[must_use]
    pub fn counties(&self) -> &[County] {
        self.gazetteer.counties.list()
    }

    /// The counties of an area in code order, as the areas stood with or without Harlingen: those of `HLG` are
    /// also in `SNA`.
    pub fn counties_of(&self, aor: Aor) -> impl Iterator<Item = &County> {
        self.counties().iter().filter(move |county| county.aor == aor || county.aor_now == aor)
    }

    /// The counties of a harmonised area in code order.
    pub fn counties_of_harmonised(&self, area: HarmonisedAor) -> impl Iterator<Item = &County> {
        self.counties().iter().filter(move |county| harmonised(county.aor) == area)
    }

    /// A metro area by its published name, or a city by `<name> (city)`.
    #[must_use]
    pub fn metro(&self, name: &str) -> Option<&Metro> {
        self.metros.iter().find(|metro| metro.name.eq_ignore_ascii_case(name.trim()))
    }

    /// Metro areas by size of the published estimate, then cities.
    #[must_use]
    pub fn metros(&self) -> &[Metro] {
        &self.metros
    }
}
