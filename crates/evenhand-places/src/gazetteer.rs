//! What the rules know: counties, cities, institutions, offices, listed facilities, hand decisions.

use std::collections::{HashMap, HashSet};

use evenhand_vocab::{Aor, CountyFips, PlaceQuality};

use crate::county::{Counties, County};
use crate::place::{Place, Rule};
use crate::state::postal;
use crate::table::Table;
use crate::words::{Word, key, squeeze, words};
use crate::{Error, ErrorKind};

/// The known names that rules look up. Built from the hand tables; [`Gazetteer::with_listed`] adds the
/// facilities of the ICE list.
#[derive(Debug, Clone)]
pub struct Gazetteer {
    pub(crate) counties: Counties,
    /// (state, key of the city) to county.
    cities: HashMap<(&'static str, String), City>,
    /// First word to the institutions that begin with it.
    institutions: HashMap<String, Vec<Institution>>,
    offices: HashMap<String, CountyFips>,
    listed: HashMap<String, Vec<ListedFacility>>,
    overrides: HashMap<OverrideKey, Place>,
    states_of: HashMap<Aor, Vec<&'static str>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct City {
    pub county: CountyFips,
    /// Its name is also that of a county in the state, so the text must say CITY.
    must_say_city: bool,
}

#[derive(Debug, Clone)]
struct Institution {
    words: Vec<String>,
    state: &'static str,
    county: CountyFips,
    /// The name is plain enough to exist elsewhere: only where the area reaches into its state, or the state is named.
    only_in_area: bool,
}

#[derive(Debug, Clone)]
struct ListedFacility {
    state: &'static str,
    city: String,
    county: CountyFips,
    is_office: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum OverrideKey {
    Landmark(Option<Aor>, String),
    Facility(String, String, Option<&'static str>),
    Detloc(String),
}

/// Texts of the hand tables that a gazetteer is read from.
#[derive(Debug, Clone, Copy)]
pub struct HandTables<'a> {
    /// `counties.csv`
    pub counties: &'a str,
    /// `cities.csv`
    pub cities: &'a str,
    /// `institutions.csv`
    pub institutions: &'a str,
    /// `offices.csv`
    pub offices: &'a str,
    /// `overrides.csv`
    pub overrides: &'a str,
}

impl Gazetteer {
    /// Reads the hand tables.
    ///
    /// # Errors
    /// A table that is malformed or names an unknown county.
    pub fn read(tables: HandTables<'_>) -> Result<Self, Error> {
        let counties = Counties::read(tables.counties)?;
        let mut states_of: HashMap<Aor, Vec<&'static str>> = HashMap::new();
        for county in counties.list() {
            for aor in [county.aor, county.aor_now] {
                let states = states_of.entry(aor).or_default();
                if !states.contains(&county.state) {
                    states.push(county.state);
                }
            }
        }
        let mut gazetteer = Self {
            counties,
            cities: HashMap::new(),
            institutions: HashMap::new(),
            offices: HashMap::new(),
            listed: HashMap::new(),
            overrides: HashMap::new(),
            states_of,
        };
        gazetteer.read_cities(tables.cities)?;
        gazetteer.read_institutions(tables.institutions)?;
        gazetteer.read_offices(tables.offices)?;
        gazetteer.read_overrides(tables.overrides)?;
        Ok(gazetteer)
    }

    /// Adds the facilities of a built `facilities.csv` that come from the ICE list, and their cities where the
    /// list puts all facilities of a city in one county.
    ///
    /// # Errors
    /// A malformed table.
    pub fn with_listed(mut self, facilities: &str) -> Result<Self, Error> {
        let table = Table::parse("facilities.csv", facilities)?;
        let [name, city, state, fips, rule] =
            table.columns(["facility", "city", "state", "county_fips", "rule"])?;
        let mut cities: HashMap<(&'static str, String), HashSet<CountyFips>> = HashMap::new();
        for (at, row) in table.rows().iter().enumerate() {
            let (Some(state), "listed") = (postal(&row[state]), row[rule].as_ref()) else { continue };
            let county = table.cell(at, fips)?;
            cities.entry((state, key(&row[city]))).or_default().insert(county);
            let named = listed_name(&words(&row[name]));
            self.listed.entry(named).or_default().push(ListedFacility {
                state,
                city: key(&row[city]),
                county,
                is_office: is_office_name(&words(&row[name])),
            });
        }
        for (at, counties) in cities {
            if let (1, Some(&county)) = (counties.len(), counties.iter().next()) {
                let must_say_city =
                    self.counties.named(&at.1).any(|other| other.state == at.0 && other.fips != county);
                self.cities.entry(at).or_insert(City { county, must_say_city });
            }
        }
        Ok(self)
    }

    fn read_cities(&mut self, text: &str) -> Result<(), Error> {
        let table = Table::parse("cities.csv", text)?;
        let [state, city, fips] = table.columns(["state", "city", "county_fips"])?;
        let mut found = Vec::new();
        for (at, row) in table.rows().iter().enumerate() {
            let county = self.known_county(&table, at, fips)?;
            if postal(&row[state]) != Some(county.state) {
                return Err(Error::new(
                    ErrorKind::Disagreement,
                    format!("`cities.csv`, row {}: `{}` is not in `{}`", at + 2, row[fips], row[state]),
                ));
            }
            let must_say_city = county.is_independent_city() && self.has_namesake(county);
            found.push(((county.state, key(&row[city])), City { county: county.fips, must_say_city }));
        }
        for county in self.counties.list().iter().filter(|county| county.is_independent_city()) {
            let city = City { county: county.fips, must_say_city: self.has_namesake(county) };
            found.push(((county.state, Counties::key_of(county)), city));
        }
        self.cities.extend(found);
        Ok(())
    }

    fn read_institutions(&mut self, text: &str) -> Result<(), Error> {
        let table = Table::parse("institutions.csv", text)?;
        let [name, fips, within] = table.columns(["words", "county_fips", "within"])?;
        for (at, row) in table.rows().iter().enumerate() {
            let county = self.known_county(&table, at, fips)?;
            let institution = Institution {
                words: words(&row[name]).into_iter().map(|word| word.full).collect(),
                state: county.state,
                county: county.fips,
                only_in_area: row[within] == "area",
            };
            if let Some(first) = institution.words.first().cloned() {
                self.institutions.entry(first).or_default().push(institution);
            }
        }
        for institutions in self.institutions.values_mut() {
            institutions.sort_by_key(|institution| std::cmp::Reverse(institution.words.len()));
        }
        Ok(())
    }

    fn read_offices(&mut self, text: &str) -> Result<(), Error> {
        let table = Table::parse("offices.csv", text)?;
        let [code, fips] = table.columns(["code", "county_fips"])?;
        for (at, row) in table.rows().iter().enumerate() {
            let county = self.known_county(&table, at, fips)?.fips;
            self.offices.insert(row[code].to_string(), county);
        }
        Ok(())
    }

    fn read_overrides(&mut self, text: &str) -> Result<(), Error> {
        let table = Table::parse("overrides.csv", text)?;
        let [kind, aor, name, city, state, fips, quality, reason] =
            table.columns(["kind", "aor", "text", "city", "state", "county_fips", "quality", "reason"])?;
        for (at, row) in table.rows().iter().enumerate() {
            let wrong = |what: &str| {
                Error::new(ErrorKind::Cell, format!("`overrides.csv`, row {}: expected {what}", at + 2))
            };
            if row[reason].trim().is_empty() {
                return Err(wrong("a reason"));
            }
            let quality: PlaceQuality = table.cell(at, quality)?;
            let county = if row[fips].is_empty() { None } else { Some(self.known_county(&table, at, fips)?) };
            if county.is_none() != (quality == PlaceQuality::Unplaced) {
                return Err(wrong("a county exactly when the quality is not `unplaced`"));
            }
            let place = Place {
                county: county.map(|county| county.fips),
                state: county.map(|county| county.state),
                quality,
                rule: Rule::Override,
            };
            let text = squeeze(&row[name]).into_owned();
            let key = match row[kind].as_ref() {
                "landmark" if row[aor].is_empty() => OverrideKey::Landmark(None, text),
                "landmark" => OverrideKey::Landmark(Some(table.cell(at, aor)?), text),
                "facility" => {
                    OverrideKey::Facility(text, squeeze(&row[city]).into_owned(), postal(&row[state]))
                }
                "detloc" => OverrideKey::Detloc(text),
                _ => return Err(wrong("`landmark`, `facility` or `detloc`")),
            };
            self.overrides.insert(key, place);
        }
        Ok(())
    }

    fn known_county(&self, table: &Table<'_>, row: usize, column: usize) -> Result<&County, Error> {
        let fips: CountyFips = table.cell(row, column)?;
        self.counties.get(fips).ok_or_else(|| {
            Error::new(
                ErrorKind::Disagreement,
                format!("`{}`, row {}: county {fips} is not in `counties.csv`", table.name(), row + 2),
            )
        })
    }

    /// Whether a county proper of the same state has the name of this independent city.
    fn has_namesake(&self, city: &County) -> bool {
        self.counties
            .named(&Counties::key_of(city))
            .any(|other| other.state == city.state && other.fips != city.fips)
    }

    /// A place of known county.
    pub(crate) fn at(&self, county: CountyFips, quality: PlaceQuality, rule: Rule) -> Place {
        Place {
            county: Some(county),
            state: self.counties.get(county).map(|county| county.state),
            quality,
            rule,
        }
    }

    /// The hand decision on a landmark: for this area, else for any.
    pub(crate) fn landmark_override(&self, aor: Option<Aor>, landmark: &str) -> Option<Place> {
        let text = landmark.to_owned();
        self.overrides
            .get(&OverrideKey::Landmark(aor, text.clone()))
            .or_else(|| self.overrides.get(&OverrideKey::Landmark(None, text)))
            .copied()
    }

    /// The hand decision on a facility.
    pub(crate) fn facility_override(
        &self,
        name: &str,
        city: &str,
        state: Option<&'static str>,
    ) -> Option<Place> {
        self.overrides.get(&OverrideKey::Facility(name.to_owned(), city.to_owned(), state)).copied()
    }

    /// The hand decision on a facility code.
    pub(crate) fn detloc_override(&self, code: &str) -> Option<Place> {
        self.overrides.get(&OverrideKey::Detloc(code.to_owned())).copied()
    }

    /// The county of an office by its code.
    pub(crate) fn office(&self, code: &str) -> Option<CountyFips> {
        self.offices.get(code).copied()
    }

    /// The city that the first words of `text` name in `state`, and how many words it takes; the longest wins.
    pub(crate) fn city_at(&self, state: &'static str, text: &[Word]) -> Option<(City, usize)> {
        (1..=text.len().min(4)).rev().find_map(|count| {
            let name: String = text[..count].iter().map(|word| word.full.as_str()).collect();
            let city = *self.cities.get(&(state, name))?;
            let says_city = text.get(count).is_some_and(|next| next.raw == "CITY");
            (says_city || !city.must_say_city).then_some((city, count))
        })
    }

    /// The county of a city cell.
    pub(crate) fn city(&self, state: &'static str, name: &str) -> Option<CountyFips> {
        self.cities.get(&(state, key(name))).map(|city| city.county)
    }

    /// The states that an area reaches into.
    pub(crate) fn states_of(&self, aor: Option<Aor>) -> &[&'static str] {
        aor.and_then(|aor| self.states_of.get(&aor)).map_or(&[], Vec::as_slice)
    }

    /// Whether a county lies in an area, with or without Harlingen apart.
    pub(crate) fn is_in(&self, county: CountyFips, aor: Option<Aor>) -> bool {
        self.counties.get(county).is_some_and(|county| Some(county.aor) == aor || Some(county.aor_now) == aor)
    }

    /// The institution that the words name. A plain name counts only in an area that reaches into its state, or
    /// with the state.
    pub(crate) fn institution(
        &self,
        aor: Option<Aor>,
        state: Option<&str>,
        text: &[Word],
    ) -> Option<CountyFips> {
        (0..text.len()).find_map(|start| {
            self.institutions
                .get(&text[start].full)?
                .iter()
                .filter(|institution| starts_with(&text[start..], &institution.words))
                .find(|institution| match state {
                    Some(state) => state == institution.state,
                    None => !institution.only_in_area || self.states_of(aor).contains(&institution.state),
                })
                .map(|institution| institution.county)
        })
    }

    /// The county of a facility of the ICE list with this name, where one county is left after `keep`.
    pub(crate) fn listed(
        &self,
        name: &[Word],
        keep: impl Fn(&'static str, &str, CountyFips) -> bool,
    ) -> Option<(CountyFips, bool)> {
        let mut found = self
            .listed
            .get(&listed_name(name))?
            .iter()
            .filter(|facility| keep(facility.state, &facility.city, facility.county));
        let first = found.next()?;
        found.all(|other| other.county == first.county).then_some((first.county, first.is_office))
    }
}

fn starts_with(text: &[Word], name: &[String]) -> bool {
    text.len() >= name.len() && text.iter().zip(name).all(|(word, name)| &word.full == name)
}

fn listed_name(name: &[Word]) -> String {
    name.iter().map(|word| word.full.as_str()).collect::<Vec<_>>().join(" ")
}

/// A hold room or an office of ICE: it says where people are processed, not where they were arrested.
fn is_office_name(name: &[Word]) -> bool {
    name.iter().any(|word| {
        matches!(
            word.full.as_str(),
            "HOLD" | "HOLDROOM" | "HOLDING" | "OFFICE" | "STAGING" | "ERO" | "DRO" | "INS"
        )
    })
}
