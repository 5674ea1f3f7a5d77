//! The committed tables: what they say about places that matter, and that the released tables rebuild them.

use std::collections::BTreeSet;

use evenhand_places::build::SEVEN_CITIES;
use evenhand_places::{Places, Rule, harmonised, tables};
use evenhand_testkit::shared;
use evenhand_vocab::{Aor, PlaceQuality};

use crate::support;

fn check(aor: &str, landmark: &str, expected: &str) {
    let place = Places::builtin().landmark(aor.parse().ok(), landmark);
    let county = place.county.map_or("-".to_owned(), |county| county.to_string());
    assert_eq!(format!("{county} {}", place.quality), expected, "{aor} {landmark}");
}

#[test]
fn the_landmarks_of_travis_county_are_placed() {
    check("SNA", "TRAVIS COUNTY JAIL, AUSTIN, TEXAS - TX2270000", "48453 exact");
    check("SNA", "travis county jail(DEL VALLE UNIT)  DEL VALLE, TEXAS", "48453 exact");
    check("SNA", "TRAVIS CO", "48453 rule");
    check("SNA", "AUSTIN POLICE DEPARTMENT - TX2270100", "48453 rule");
    check("SNA", "U.S. MARSHAL SERVICE, AUSTIN, TEXAS", "48453 rule");
    check("SNA", "AUSTIN, TX", "48453 rule");
    check("SNA", "TRAVIS COUNTY PROBATION", "48453 rule");
    check("SNA", "TRAVIS STATE JAIL, AUSTIN, TEXAS", "48453 exact");
    check("SNA", "AUS GENERAL AREA, NON-SPECIFIC", "48453 office-only");
}

#[test]
fn offices_are_called_offices() {
    check("CHI", "CHI GENERAL AREA, NON-SPECIFIC", "17031 office-only");
    check("LOS", "SBD GENERAL AREA, NON-SPECIFIC", "06071 office-only");
    check("NOL", "NSV GENERAL AREA, NON-SPECIFIC", "47037 office-only");
    check("HOU", "HPC GENERAL AREA, NON-SPECIFIC", "48201 office-only");
    check("MIA", "MIAMI FUGITIVE OPERATIONS", "12086 office-only");
}

#[test]
fn nothing_is_guessed() {
    check("BOS", "FUGITIVE OPERATIONS MA", "- unplaced");
    check("HOU", "DO NOT USE", "- unplaced");
    check("DEN", "FREMONT COUNTY JAIL", "- unplaced");
    check("SNA", "", "- unplaced");
    check("", "WASHINGTON COUNTY JAIL", "- unplaced");
    check("BUF", "NEW YORK STATE PAROLE OFFICE", "- unplaced");
    let statewide = Places::builtin().landmark("BOS".parse().ok(), "FUGITIVE OPERATIONS MA");
    assert_eq!((statewide.state, statewide.rule), (Some("MA"), Rule::StateOnly));
}

#[test]
fn a_landmark_that_no_release_had_is_placed_by_the_same_rules() {
    check("SNA", "TRAVIS COUNTY SHERIFF NEW ANNEX", "48453 rule");
    check("DAL", "N DIST TX LUBBOCK DIV TERRY CO A NEW TEAM", "48445 rule");
    check("SNA", "SOMEWHERE ELSE", "- unplaced");
}

#[test]
fn facilities_are_placed_by_name_city_and_code() {
    let places = Places::builtin();
    let county =
        |place: evenhand_places::Place| place.located().map_or(String::new(), |county| county.to_string());
    assert_eq!(county(places.facility("Dallas County Jail", "Dallas", "Texas")), "48113");
    assert_eq!(county(places.facility("RIKERS ISLAND, QUEENS, NY", "ELMHURST", "NEW YORK")), "36005");
    assert_eq!(county(places.facility("A JAIL THAT IS NEW", "AUSTIN", "TX")), "48453");
    assert_eq!(
        places.facility("N.C. DEPT OF CORRECTIONS", "RALEIGH", "NORTH CAROLINA").quality,
        PlaceQuality::Unplaced
    );
    assert_eq!(places.facility("", "", "").quality, PlaceQuality::Unplaced);
    assert_eq!(county(places.detloc("KRO")), "12086");
    assert_eq!(places.detloc("NO SUCH CODE").quality, PlaceQuality::Unplaced);
}

#[test]
fn every_county_of_every_table_is_known_and_quality_fits() {
    let places = Places::builtin();
    let landmarks = evenhand_places::Table::parse("landmarks.csv", tables::LANDMARKS).expect("a table");
    let [aor, landmark, fips] = landmarks.columns(["aor", "landmark", "county_fips"]).expect("columns");
    let mut seen = BTreeSet::new();
    for row in landmarks.rows() {
        assert!(seen.insert((&row[aor], &row[landmark])), "{row:?} twice");
        let place = places.landmark(row[aor].parse().ok(), &row[landmark]);
        assert_eq!(place.county.map_or(String::new(), |county| county.to_string()), row[fips]);
        assert_eq!(place.county.is_none(), place.quality == PlaceQuality::Unplaced, "{row:?}");
        assert!(place.county.is_none_or(|county| places.county(county).is_some()), "{row:?}");
    }
    for metro in places.metros() {
        assert!(metro.counties.iter().all(|&county| places.county(county).is_some()), "{}", metro.name);
    }
    assert_eq!(places.metros().iter().filter(|metro| metro.cbsa.is_some()).count(), 20);
    assert!(SEVEN_CITIES.iter().all(|name| places.metro(name).is_some()));
}

#[test]
fn counties_know_state_area_and_population() {
    let places = Places::builtin();
    let travis = places.county("48453".parse().expect("a code")).expect("Travis");
    assert_eq!((travis.name.as_str(), travis.state, travis.aor.code()), ("Travis County", "TX", "SNA"));
    assert!(travis.population_in(2016).is_some_and(|people| people > 1_100_000));
    let area = |code: &str| code.parse::<Aor>().expect("an area");
    assert_eq!(places.counties_of(area("HLG")).count(), 15);
    assert!(
        places.counties_of(area("HLG")).all(|county| county.aor == area("SNA") || county.aor == area("HOU"))
    );
    let merged = places.counties_of_harmonised(harmonised(area("HLG"))).count();
    assert_eq!(
        merged,
        places.counties().iter().filter(|county| ["SNA", "HOU"].contains(&county.aor.code())).count()
    );
}

#[test]
fn no_built_table_is_larger_than_the_limit() {
    for (name, text) in
        [("landmarks", tables::LANDMARKS), ("facilities", tables::FACILITIES), ("counties", tables::COUNTIES)]
    {
        assert!(text.len() < 700_000, "{name}: {} bytes", text.len());
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_placed_without_panic(text in ".{0,60}", area in "(SNA|CHI|HQ|)") {
        let place = Places::builtin().landmark(area.parse().ok(), &text);
        proptest::prop_assert_eq!(place.county.is_none(), place.quality == PlaceQuality::Unplaced);
        let _ = Places::builtin().facility(&text, &text, "TX");
    }

    #[test]
    fn white_space_and_case_do_not_matter(at in 0_usize..10_000, blank in "[ \t]{1,3}") {
        let table = evenhand_places::Table::parse("landmarks.csv", tables::LANDMARKS).expect("a table");
        let row = &table.rows()[at];
        let spelt = format!("{blank}{}{blank}", row[1].to_lowercase().replace(' ', &blank));
        let places = Places::builtin();
        proptest::prop_assert_eq!(places.landmark(row[0].parse().ok(), &spelt), places.landmark(row[0].parse().ok(), &row[1]));
    }
}

#[test]
fn the_released_tables_rebuild_the_committed_ones() {
    let Some(folder) = shared("") else { return };
    for (name, text) in support::rebuild(&folder).expect("the tables rebuild") {
        let committed =
            std::fs::read_to_string(support::places_folder().join(name)).expect("a committed table");
        assert!(committed == text, "{name} differs: run the example `rebuild_places`");
    }
}
