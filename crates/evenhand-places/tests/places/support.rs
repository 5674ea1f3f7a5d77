//! Reads the released tables that the committed places are built from.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{File, read_to_string};
use std::io::Read;
use std::path::{Path, PathBuf};

use calamine::{Data, Reader, Xlsx, open_workbook};
use evenhand_places::build::{
    LandmarkCount, build_counties, build_facilities, build_landmarks, build_metros,
};
use evenhand_places::{Gazetteer, HandTables, squeeze};
use evenhand_vocab::Aor;

/// Arrests by area, landmark and method.
pub type Arrests = BTreeMap<(Option<Aor>, String, String), u64>;

/// Detainers by facility, city and state.
pub type Detainers = BTreeMap<(String, String, String), u64>;

/// `data/places/` of this checkout.
pub fn places_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/places")
}

/// The built tables by file name, from the released tables and the hand tables on disk.
pub fn rebuild(shared: &Path) -> Result<Vec<(&'static str, String)>, Box<dyn Error>> {
    let cross = shared.join("data/crosswalk");
    let counties = build_counties(
        &read_to_string(cross.join("census_county_population_2010_2019.csv"))?,
        &read_to_string(cross.join("county_aor_uwchr.csv"))?,
        &read_to_string(cross.join("ice_areas_of_responsibility_ddp.csv"))?,
    )?;
    let hand = |name: &str| read_to_string(places_folder().join(name));
    let (cities, institutions) = (hand("cities.csv")?, hand("institutions.csv")?);
    let (offices, overrides) = (hand("offices.csv")?, hand("overrides.csv")?);
    let gazetteer = Gazetteer::read(HandTables {
        counties: &counties,
        cities: &cities,
        institutions: &institutions,
        offices: &offices,
        overrides: &overrides,
    })?;
    let facilities = build_facilities(
        &gazetteer,
        &read_to_string(shared.join("data/ice-facility-list-2017/facilities_2017-11-06.csv"))?,
        &read_to_string(cross.join("detloc_aor_uwchr.csv"))?,
        &detainers(shared)?.into_keys().collect::<BTreeSet<_>>(),
    )?;
    let landmarks = build_landmarks(&gazetteer.with_listed(&facilities)?, &landmark_counts(shared)?);
    let metros = build_metros(
        &read_to_string(shared.join("data/facts/pew_metro_unauthorized_2014.csv"))?,
        &read_to_string(cross.join("cbsa_county_delineation_2023.csv"))?,
    )?;
    Ok(vec![
        ("counties.csv", counties),
        ("facilities.csv", facilities),
        ("landmarks.csv", landmarks),
        ("metros.csv", metros),
    ])
}

/// Arrests of FY2016-18 by area, landmark and method, blank landmarks included.
pub fn arrests(shared: &Path) -> Result<Arrests, Box<dyn Error>> {
    let mut counts = BTreeMap::new();
    for year in 2016..=2018 {
        let text = gunzip(&shared.join(format!("data/ice-foia-2019-53623/EROArrests_FY{year}.csv.gz")))?;
        for row in text.lines().skip(6).map(|line| cells(line, '|')).filter(|row| row.len() > 3) {
            *counts
                .entry((
                    row[0].parse().ok(),
                    squeeze(&row[3].replace("\"\"", "\"")).into_owned(),
                    row[2].to_owned(),
                ))
                .or_insert(0) += 1;
        }
    }
    Ok(counts)
}

/// Every landmark that is not blank, with its arrests of FY2016-18 and encounters of FY2016-17.
pub fn landmark_counts(shared: &Path) -> Result<Vec<LandmarkCount>, Box<dyn Error>> {
    let mut counts: BTreeMap<(Option<Aor>, String), (u64, u64)> = BTreeMap::new();
    for ((aor, landmark, _), number) in arrests(shared)? {
        counts.entry((aor, landmark)).or_default().0 += number;
    }
    for year in 2016..=2017 {
        let text =
            gunzip(&shared.join(format!("data/ice-foia-2019-53623/encounter_counts_FY{year}.csv.gz")))?;
        for row in text.lines().skip(1).map(|line| cells(line, ',')) {
            let landmark = row[2].replace("\"\"", "\"");
            counts.entry((row[1].parse().ok(), squeeze(&landmark).into_owned())).or_default().1 +=
                row[4].parse::<u64>()?;
        }
    }
    let named = counts.into_iter().filter(|((_, landmark), _)| !landmark.is_empty());
    let mut named: Vec<LandmarkCount> = named
        .map(|((aor, landmark), (arrests, encounters))| LandmarkCount { aor, landmark, arrests, encounters })
        .collect();
    named.sort_by(|left, right| {
        (left.aor.map_or("", Aor::code), &left.landmark)
            .cmp(&(right.aor.map_or("", Aor::code), &right.landmark))
    });
    Ok(named)
}

/// Detainers of FY2015 by facility, city and state; rows without a facility are left out.
pub fn detainers(shared: &Path) -> Result<Detainers, Box<dyn Error>> {
    let path = shared.join("data/ice-detainers-fy2008-2015/detainers-FY2015YTD.xlsx");
    let mut book: Xlsx<_> = open_workbook(&path)?;
    let sheet = book.worksheet_range_at(0).ok_or("the workbook has no sheet")??;
    let text = |cell: &Data| squeeze(&cell.to_string()).into_owned();
    let mut counts = BTreeMap::new();
    for row in sheet.rows().skip(1).filter(|row| !text(&row[2]).is_empty()) {
        *counts.entry((text(&row[2]), text(&row[4]), text(&row[3]))).or_insert(0) += 1;
    }
    Ok(counts)
}

fn gunzip(path: &Path) -> Result<String, Box<dyn Error>> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(File::open(path)?).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Cells of one line; a delimiter inside quotes does not count, and lines never break inside a cell here.
fn cells(line: &str, delimiter: char) -> Vec<&str> {
    let (mut cells, mut start, mut quoted) = (Vec::with_capacity(9), 0, false);
    for (at, letter) in line.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            other if other == delimiter && !quoted => {
                cells.push(line[start..at].trim_matches('"'));
                start = at + delimiter.len_utf8();
            }
            _ => {}
        }
    }
    cells.push(line[start..].trim_matches('"'));
    cells
}
