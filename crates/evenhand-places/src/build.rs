//! Rebuilds the committed tables from the crosswalk, the released lists and the hand tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use evenhand_vocab::{Aor, PlaceQuality};

use crate::facility::{county_of_list_row, place_by_area, place_facility};
use crate::gazetteer::Gazetteer;
use crate::landmark::place_landmark;
use crate::place::{Place, Rule};
use crate::state::postal;
use crate::table::{Table, push_row};
use crate::words::{key, squeeze};
use crate::{Error, ErrorKind};

/// Counties of three territories, which the census file lacks: code, name, area.
const TERRITORIES: [(&str, &str, &str); 7] = [
    ("66010", "Guam", "SFR"),
    ("69100", "Rota Municipality", "SFR"),
    ("69110", "Saipan Municipality", "SFR"),
    ("69120", "Tinian Municipality", "SFR"),
    ("78010", "St. Croix", "MIA"),
    ("78020", "St. John", "MIA"),
    ("78030", "St. Thomas", "MIA"),
];

/// Builds `counties.csv` from three tables of the crosswalk: the census population file, the counties of 24
/// areas, and the description of 25 areas, of which only Harlingen is taken.
///
/// # Errors
/// A malformed table, or a county without an area.
pub fn build_counties(census: &str, county_aor: &str, areas: &str) -> Result<String, Error> {
    let area_of = Table::parse("county_aor", county_aor)?;
    let [geoid, long_name, aor] = area_of.columns(["geoid", "name", "aor"])?;
    let aors: BTreeMap<&str, &str> =
        area_of.rows().iter().map(|row| (row[geoid].as_ref(), row[aor].as_ref())).collect();
    let harlingen = harlingen_counties(areas)?;

    let table = Table::parse("census", census)?;
    let [fips, level, name, first] = table.columns(["fips", "sumlev", "county", "pop2010"])?;
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in table.rows().iter().filter(|row| row[level] == "050") {
        let code = row[fips].as_ref();
        // Oglala Lakota and Kusilvak carry their former codes in the table of areas.
        let former = match code {
            "46102" => "46113",
            "02158" => "02270",
            other => other,
        };
        let aor = aors.get(code).or_else(|| aors.get(former)).ok_or_else(|| {
            Error::new(
                ErrorKind::Disagreement,
                format!("county `{code}` of the census file has no area of responsibility"),
            )
        })?;
        let population = row[first..first + 10].iter().map(|cell| cell.to_string()).collect();
        rows.insert(code.to_owned(), county_row(code, &row[name], aor, &harlingen, population)?);
    }
    for row in area_of.rows().iter().filter(|row| row[geoid].starts_with("72")) {
        let name = title_case(row[long_name].split(',').next().unwrap_or_default());
        rows.insert(
            row[geoid].to_string(),
            county_row(&row[geoid], &name, &row[aor], &harlingen, blank_years())?,
        );
    }
    for (code, name, aor) in TERRITORIES {
        rows.insert(code.to_owned(), county_row(code, name, aor, &harlingen, blank_years())?);
    }
    let mut out = String::from("fips,state,name,aor,aor_now");
    for year in 2010..=2019 {
        let _ = write!(out, ",pop{year}");
    }
    out.push('\n');
    rows.values().for_each(|row| push_row(&mut out, row));
    Ok(out)
}

fn county_row(
    code: &str,
    name: &str,
    aor: &str,
    harlingen: &BTreeSet<String>,
    population: Vec<String>,
) -> Result<Vec<String>, Error> {
    let state = crate::state::postal_of_fips(code).ok_or_else(|| {
        Error::new(ErrorKind::Disagreement, format!("no state has the first digits of county `{code}`"))
    })?;
    let short = key(name.trim_end_matches(" County"));
    let now = if state == "TX" && harlingen.contains(&short) { "HLG" } else { aor };
    let mut row = vec![code.to_owned(), state.to_owned(), name.to_owned(), aor.to_owned(), now.to_owned()];
    row.extend(population);
    Ok(row)
}

fn harlingen_counties(areas: &str) -> Result<BTreeSet<String>, Error> {
    let table = Table::parse("ice_areas_of_responsibility", areas)?;
    let [office, county] = table.columns(["office_name", "county_name"])?;
    let rows = table.rows().iter().filter(|row| row[office].trim() == "Harlingen");
    Ok(rows.map(|row| key(row[county].trim().trim_end_matches(" County"))).collect())
}

fn blank_years() -> Vec<String> {
    vec![String::new(); 10]
}

fn title_case(text: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    };
    text.split(' ').map(capital).collect::<Vec<_>>().join(" ")
}

/// A landmark of an area, and how often the releases name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandmarkCount {
    /// `None` where the release left the area blank.
    pub aor: Option<Aor>,
    /// The landmark with white space squeezed, in capitals; not blank.
    pub landmark: String,
    /// Arrests at it.
    pub arrests: u64,
    /// Encounters at it.
    pub encounters: u64,
}

/// Builds `landmarks.csv` (columns aor, landmark, county_fips, quality, rule), in order of area and landmark.
///
/// Each landmark is placed by [`place_landmark`]. One that names no place in its area and is rare there (5 events
/// or fewer, or any number without an area), while another area has at least 20 and 95 percent of all its events,
/// takes the place that it has there: records filed from one office sometimes name a jail of another's area. If
/// the rules place it in its own area and elsewhere in the other, it is ambiguous and unplaced.
#[must_use]
pub fn build_landmarks(gazetteer: &Gazetteer, universe: &[LandmarkCount]) -> String {
    let homes = home_areas(universe);
    let mut rows: Vec<(&LandmarkCount, Place)> = universe
        .iter()
        .map(|count| {
            let own = place_landmark(gazetteer, count.aor, &count.landmark);
            let is_stray = count.arrests + count.encounters <= 5 || !is_an_area(count.aor);
            let home =
                homes.get(count.landmark.as_str()).filter(|&&home| is_stray && Some(home) != count.aor);
            let there = home.map(|&home| place_landmark(gazetteer, Some(home), &count.landmark));
            let place = match (own.rule, there) {
                (_, None) => own,
                (Rule::NoPlace | Rule::StateOnly, Some(there)) if there.county.is_some() => {
                    Place { rule: Rule::HomeArea, ..there }
                }
                (Rule::CountyWord | Rule::Listed | Rule::City, Some(there)) if there.county != own.county => {
                    Place::unplaced(None, Rule::AmbiguousCounty)
                }
                _ => own,
            };
            (count, place)
        })
        .collect();
    rows.sort_by(|(left, _), (right, _)| {
        (code(left.aor), &left.landmark).cmp(&(code(right.aor), &right.landmark))
    });
    let mut out = String::from("aor,landmark,county_fips,quality,rule\n");
    for (count, place) in rows {
        let county = place.county.map_or(String::new(), |county| county.to_string());
        push_row(
            &mut out,
            &[code(count.aor), &count.landmark, &county, place.quality.word(), place.rule.word()],
        );
    }
    out
}

fn code(aor: Option<Aor>) -> &'static str {
    aor.map_or("", Aor::code)
}

fn is_an_area(aor: Option<Aor>) -> bool {
    aor.is_some_and(|aor| aor.code() != "HQ")
}

/// All events of a landmark, and those of the area that has most.
#[derive(Default)]
struct Use {
    events: u64,
    most: Option<(u64, Aor)>,
}

/// The area that has nearly all events of a landmark.
fn home_areas(universe: &[LandmarkCount]) -> HashMap<&str, Aor> {
    let mut uses: HashMap<&str, Use> = HashMap::new();
    for count in universe {
        let events = count.arrests + count.encounters;
        let all = uses.entry(&count.landmark).or_default();
        all.events += events;
        let area = count.aor.filter(|&aor| is_an_area(Some(aor)));
        all.most = match (area, all.most) {
            (Some(aor), most)
                if most.is_none_or(|(known, by)| events > known || (events == known && aor < by)) =>
            {
                Some((events, aor))
            }
            (_, most) => most,
        };
    }
    let home = |all: Use| all.most.filter(|&(events, _)| events >= 20 && events * 100 >= all.events * 95);
    uses.into_iter().filter_map(|(landmark, all)| Some((landmark, home(all)?.1))).collect()
}

/// Builds `facilities.csv` (columns detloc, facility, city, state, county_fips, quality, rule): the 2017 ICE
/// list, then facility codes of a second list that the first lacks, then the facilities of detainers.
///
/// `detainers` holds facility, city and state (in full) as released; a blank facility is left out.
///
/// # Errors
/// A malformed table.
pub fn build_facilities(
    gazetteer: &Gazetteer,
    ice_list: &str,
    detloc_aor: &str,
    detainers: &BTreeSet<(String, String, String)>,
) -> Result<String, Error> {
    let mut out = String::from("detloc,facility,city,state,county_fips,quality,rule\n");
    let list = Table::parse("facilities_2017", ice_list)?;
    let [detloc, name, city, county, state] = list.columns(["detloc", "name", "city", "county", "state"])?;
    let mut codes = BTreeSet::new();
    for row in list.rows().iter().filter(|row| !row[detloc].is_empty() && row[detloc] != "Redacted") {
        codes.insert(row[detloc].as_ref());
        let place = gazetteer.detloc_override(&row[detloc]).unwrap_or_else(|| {
            match county_of_list_row(gazetteer, &row[name], &row[city], &row[county], &row[state]) {
                Some(county) => gazetteer.at(county, PlaceQuality::Exact, Rule::Listed),
                None => Place::unplaced(postal(&row[state]), Rule::NoPlace),
            }
        });
        let text = [row[detloc].as_ref(), &squeeze(&row[name]), &squeeze(&row[city]), &row[state]];
        push_facility(&mut out, text, place);
    }
    let known = gazetteer.clone().with_listed(&out)?;
    let second = Table::parse("detloc_aor", detloc_aor)?;
    let [detloc, name, area] =
        second.columns(["detention_facility_code", "detention_facility", "area_of_responsibility"])?;
    let more: BTreeMap<&str, (&str, &str)> = second
        .rows()
        .iter()
        .filter(|row| !codes.contains(row[detloc].as_ref()))
        .map(|row| (row[detloc].as_ref(), (row[name].as_ref(), row[area].as_ref())))
        .collect();
    for (detloc, (name, area)) in more {
        let place = known.detloc_override(detloc).unwrap_or_else(|| place_by_area(&known, name, area));
        push_facility(&mut out, [detloc, &squeeze(name), "", place.state.unwrap_or_default()], place);
    }
    for (name, city, state) in detainers {
        let place = place_facility(&known, name, city, state);
        let text = ["", &squeeze(name), &squeeze(city), postal(state).unwrap_or_default()];
        push_facility(&mut out, text, place);
    }
    Ok(out)
}

fn push_facility(out: &mut String, [detloc, name, city, state]: [&str; 4], place: Place) {
    let county = place.county.map_or(String::new(), |county| county.to_string());
    push_row(out, &[detloc, name, city, state, &county, place.quality.word(), place.rule.word()]);
}

/// Cities of published estimates that lie in counties of their own or inside one: city, whether it is the whole
/// of its counties, the counties.
const CITIES: [(&str, bool, &[&str]); 10] = [
    ("New York City", true, &["36005", "36047", "36061", "36081", "36085"]),
    ("Los Angeles", false, &["06037"]),
    ("Chicago", false, &["17031"]),
    ("Miami", false, &["12086"]),
    ("Denver", true, &["08031"]),
    ("Philadelphia", true, &["42101"]),
    ("Boston", false, &["25025"]),
    ("San Francisco", true, &["06075"]),
    ("Washington", true, &["11001"]),
    ("Seattle", false, &["53033"]),
];

/// Builds `metros.csv` (columns name, cbsa, extent, county_fips) from the table of metro estimates and the
/// July 2023 delineation, followed by the cities; a city's name ends in ` (city)`.
///
/// # Errors
/// A malformed table, or a metro code without counties.
pub fn build_metros(estimates: &str, delineation: &str) -> Result<String, Error> {
    let parts = Table::parse("cbsa_county_delineation", delineation)?;
    let [cbsa, state, county] = parts.columns(["cbsacode", "fipsstatecode", "fipscountycode"])?;
    let mut counties: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in parts.rows() {
        counties.entry(&row[cbsa]).or_default().insert(format!("{:0>2}{:0>3}", row[state], row[county]));
    }
    let metros = Table::parse("pew_metro", estimates)?;
    let [name, code] = metros.columns(["metro", "cbsa_code"])?;
    let mut out = String::from("name,cbsa,extent,county_fips\n");
    for row in metros.rows() {
        let found = counties.get(row[code].as_ref()).ok_or_else(|| {
            Error::new(
                ErrorKind::Disagreement,
                format!("metro `{}`: the delineation has no code `{}`", row[name], row[code]),
            )
        })?;
        for fips in found {
            push_row(&mut out, &[&row[name], &row[code], "whole", fips]);
        }
    }
    for (name, is_whole, counties) in CITIES {
        for fips in counties {
            let (name, extent) = (format!("{name} (city)"), if is_whole { "whole" } else { "part" });
            push_row(&mut out, &[name.as_str(), "", extent, fips]);
        }
    }
    Ok(out)
}

/// The seven cities named in the claim about the concentration of unauthorized immigrants, by their names in
/// `metros.csv`. Sources list six with figures; Philadelphia is the likely seventh.
pub const SEVEN_CITIES: [&str; 7] = [
    "New York City (city)",
    "Los Angeles (city)",
    "Chicago (city)",
    "Denver (city)",
    "Philadelphia (city)",
    "Boston (city)",
    "San Francisco (city)",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::STATES;

    #[test]
    fn territories_have_a_state() {
        assert!(
            TERRITORIES.iter().all(|(code, _, _)| STATES.iter().any(|(_, fips, _)| code.starts_with(fips)))
        );
    }

    #[test]
    fn a_landmark_has_a_home_when_nearly_all_its_events_are_in_one_area() {
        let count = |aor: &str, arrests| LandmarkCount {
            aor: aor.parse().ok(),
            landmark: "X JAIL".into(),
            arrests,
            encounters: 0,
        };
        let code_of = |universe: &[LandmarkCount]| home_areas(universe).get("X JAIL").map(|aor| aor.code());
        assert_eq!(code_of(&[count("SNA", 99), count("DAL", 1)]), Some("SNA"));
        assert_eq!(code_of(&[count("SNA", 90), count("DAL", 10)]), None);
        assert_eq!(code_of(&[count("SNA", 19)]), None);
        assert_eq!(code_of(&[count("HQ", 99)]), None);
    }
}
