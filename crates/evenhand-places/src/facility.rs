//! From a detention or detainer facility to a county, by rules.

use evenhand_vocab::{CountyFips, PlaceQuality};

use crate::county::{Counties, County};
use crate::gazetteer::Gazetteer;
use crate::landmark::place_landmark;
use crate::place::{Place, Rule};
use crate::state::{STATES, postal};
use crate::words::{Word, key, one_letter_off, squeeze, words};

/// Places a facility by its name, city and state, most trusted first: a hand decision; an institution of the
/// hand list; a facility of the ICE list in the same city, else in the state; the word COUNTY in the name, or a
/// name that is a county's and nothing more; the city. The department that runs a state's prisons is not a place, whatever city its head office is in.
#[must_use]
pub fn place_facility(gazetteer: &Gazetteer, name: &str, city: &str, state: &str) -> Place {
    let (name, city) = (squeeze(name), squeeze(city));
    if name.is_empty() && city.is_empty() {
        return Place::unplaced(postal(state), Rule::Blank);
    }
    let state = postal(state);
    if let Some(place) = gazetteer.facility_override(&name, &city, state) {
        return place;
    }
    let Some(state) = state else { return Place::unplaced(None, Rule::NoPlace) };
    let words = words(&name);
    if let Some(county) = gazetteer.institution(None, Some(state), &words) {
        return gazetteer.at(county, PlaceQuality::Exact, Rule::Institution);
    }
    let city_key = key(&city);
    let only = sole_county(gazetteer, state);
    if only.is_none() && is_state_department(state, &words) {
        return Place::unplaced(Some(state), Rule::StateOnly);
    }
    let listed = gazetteer
        .listed(&words, |home, town, _| home == state && town == city_key)
        .or_else(|| gazetteer.listed(&words, |home, _, _| home == state));
    if let Some((county, _)) = listed {
        return gazetteer.at(county, PlaceQuality::Exact, Rule::Listed);
    }
    let in_city = gazetteer.city(state, &city);
    if let Some((county, rule)) = county_in_name(gazetteer, state, &words, in_city) {
        return gazetteer.at(county, PlaceQuality::Rule, rule);
    }
    let namesake = gazetteer
        .counties
        .named(&key(&name))
        .find(|county| county.state == state && !county.is_independent_city());
    if let Some(county) = namesake {
        return gazetteer.at(county.fips, PlaceQuality::Rule, Rule::CountyWord);
    }
    match in_city.or(only) {
        Some(county) => gazetteer.at(county, PlaceQuality::Rule, Rule::City),
        None => Place::unplaced(Some(state), Rule::StateOnly),
    }
}

/// Places a facility of which only code, name and area are known.
pub(crate) fn place_by_area(gazetteer: &Gazetteer, name: &str, area: &str) -> Place {
    let place = place_landmark(gazetteer, area.parse().ok(), name);
    // A hold room is where a person is held, so the office is the facility's own place.
    match place.quality {
        PlaceQuality::OfficeOnly => Place { quality: PlaceQuality::Rule, ..place },
        _ => place,
    }
}

/// The county of a row of the ICE list: its county cell if the state has such a county, else its city's, else
/// the county in the facility's name.
pub(crate) fn county_of_list_row(
    gazetteer: &Gazetteer,
    name: &str,
    city: &str,
    county: &str,
    state: &str,
) -> Option<CountyFips> {
    let state = postal(state)?;
    let words = words(name);
    if is_state_department(state, &words) && sole_county(gazetteer, state).is_none() {
        return None;
    }
    let in_city = gazetteer.city(state, city);
    if let Some((county, _)) = county_in_name(gazetteer, state, &words, in_city) {
        return Some(county);
    }
    if let Some(county) = in_city {
        return Some(county);
    }
    let cell = key(county);
    let cell = ["COUNTY", "PARISH", "CITY"].iter().find_map(|kind| cell.strip_suffix(kind)).unwrap_or(&cell);
    let mut found = gazetteer.counties.named(cell).filter(|other| other.state == state);
    let first = found.next();
    match (first, found.next()) {
        (Some(only), None) => Some(only.fips),
        (None, _) => near(gazetteer, state, cell).or_else(|| sole_county(gazetteer, state)),
        _ => None,
    }
}

/// The county before COUNTY, CO, CTY or PARISH in a facility's name.
fn county_in_name(
    gazetteer: &Gazetteer,
    state: &'static str,
    name: &[Word],
    in_city: Option<CountyFips>,
) -> Option<(CountyFips, Rule)> {
    let at = (1..name.len()).find(|&at| matches!(name[at].full.as_str(), "COUNTY" | "CO" | "PARISH"))?;
    let join = |count: usize| name[at - count..at].iter().map(|word| word.full.as_str()).collect::<String>();
    let proper = |county: &&County| {
        county.state == state && (!county.is_independent_city() || county.name == "Carson City")
    };
    let exact = (1..=at.min(4)).rev().find_map(|count| gazetteer.counties.named(&join(count)).find(proper));
    if let Some(county) = exact {
        return Some((county.fips, Rule::CountyWord));
    }
    let misspelt = (1..=at.min(2)).find_map(|count| near(gazetteer, state, &join(count)))?;
    // One letter off is believed only where the city does not speak against it.
    in_city.is_none_or(|county| county == misspelt).then_some((misspelt, Rule::CountyTypo))
}

/// The only county of a state whose name differs by one letter.
fn near(gazetteer: &Gazetteer, state: &str, name: &str) -> Option<CountyFips> {
    let mut found = gazetteer
        .counties
        .list()
        .iter()
        .filter(|county| county.state == state && name.len() >= 6)
        .filter(|county| one_letter_off(name, &Counties::key_of(county)));
    let first = found.next()?;
    found.next().is_none().then_some(first.fips)
}

/// The county of a state or territory that has but one: the District, Guam.
fn sole_county(gazetteer: &Gazetteer, state: &str) -> Option<CountyFips> {
    let mut found = gazetteer.counties.list().iter().filter(|county| county.state == state);
    let first = found.next()?;
    found.next().is_none().then_some(first.fips)
}

/// `N.C. DEPT OF CORRECTIONS`: the head office of all prisons of a state.
fn is_state_department(state: &'static str, name: &[Word]) -> bool {
    let Some(at) = name.windows(3).position(|three| {
        three[0].full == "DEPARTMENT" && three[1].raw == "OF" && three[2].full.starts_with("CORRECT")
    }) else {
        return false;
    };
    let before: String = name[..at].iter().map(|word| word.raw.as_str()).collect();
    let full =
        STATES.iter().find(|(postal, _, _)| *postal == state).map_or(String::new(), |(_, _, name)| key(name));
    at + 3 == name.len() && (before == state || full.starts_with(&before) || before == "STATE")
}
