//! Which blank states and places follow from what is not blank, and what a boundary between two releases cuts, by the
//! rules in their plainest form.

use crate::calendar::{self, DAY};
use crate::cells::{Filler, Subject};
use crate::life::{Life, Twist, World};
use crate::places::{Facility, Odd, state_of};
use crate::plan::{NOWHERE, Places, Plan};
use crate::quirk::Quirk;
use crate::release::Table;
use crate::truth::{self, Placer, Resolved, Seen, hex};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};

/// States found for the rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fill {
    /// Rows.
    pub rows: u64,
    /// Rows by where their state was found; `none` where it was not.
    pub by_source: BTreeMap<&'static str, u64>,
    /// Rows by state.
    pub by_state: BTreeMap<String, u64>,
    /// SHA-256 over a line for each row: its place, its state and where it was found, both empty where it was not.
    pub sha256: String,
}

/// What a boundary on the first of a month would cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// The first day that the newer release speaks of.
    pub day: String,
    /// Stays of the newer release: not over on that day, or begun later.
    pub stays_after: u64,
    /// Stays begun before that day and not over on it.
    pub crossing_stays: u64,
    /// Their stints that are kept.
    pub crossing_stints: u64,
}

const RELEASED: &str = "released";
const NONE: u32 = u32::MAX;

/// The columns of arrests from which states are found.
#[derive(Debug)]
pub struct StateCells {
    /// State, landmark, area.
    pub fillers: [Filler; 3],
}

/// State, landmark and area of an arrest, numbered.
#[derive(Debug, Clone, Copy)]
struct Arrest {
    place: u32,
    cells: [u32; 3],
}

/// The states of arrests by the rule of August 2026.
#[must_use]
pub fn arrest_states(
    world: &World,
    plan: &Plan,
    places: &Places,
    resolved: &Resolved,
    cells: &StateCells,
) -> Fill {
    let mut texts: HashMap<String, u32> = HashMap::new();
    let mut names: Vec<String> = Vec::new();
    let mut arrests = Vec::new();
    let chunks = (0..plan.census.persons()).step_by(truth::CHUNK as usize).collect::<Vec<_>>();
    for some in chunks.chunks(8) {
        let read = some.par_iter().map(|&first| arrest_cells(world, plan, places, cells, first));
        for (place, said) in read.collect::<Vec<_>>().into_iter().flatten() {
            let number = |text: Option<String>| {
                text.map_or(NONE, |text| {
                    *texts.entry(text).or_insert_with_key(|text| {
                        names.push(text.clone());
                        names.len() as u32 - 1
                    })
                })
            };
            arrests.push(Arrest { place, cells: said.map(number) });
        }
    }
    arrests.sort_unstable_by_key(|arrest| (resolved.group(arrest.place as usize), arrest.place));
    let votes = |which: usize| {
        let mut votes = HashMap::<u32, BTreeMap<u32, u64>>::new();
        for arrest in arrests.iter().filter(|arrest| arrest.cells[0] != NONE) {
            *votes.entry(arrest.cells[which]).or_default().entry(arrest.cells[0]).or_default() += 1;
        }
        votes.remove(&NONE);
        votes
    };
    let (landmarks, areas) = (votes(1), votes(2));
    let mut codes = vec![None; names.len()];
    for (number, name) in names.iter().enumerate() {
        codes[number] = last_postal_code(name).and_then(|state| texts.get(state).copied());
    }
    let majority = |votes: &HashMap<u32, BTreeMap<u32, u64>>, place: u32| {
        let of_place = votes.get(&place)?;
        let all = of_place.values().sum::<u64>();
        of_place.iter().find(|(_, rows)| all >= 20 && **rows * 100 >= all * 99).map(|(state, _)| *state)
    };
    let find = |arrest: &Arrest| -> Option<(u32, &'static str)> {
        let [state, landmark, area] = arrest.cells;
        if state != NONE {
            return Some((state, RELEASED));
        }
        let code = codes.get(landmark as usize).copied().flatten().filter(|code| {
            let of_landmark = landmarks.get(&landmark);
            let all = of_landmark.map_or(0, |votes| votes.values().sum::<u64>());
            let agree = of_landmark.and_then(|votes| votes.get(code)).copied().unwrap_or(0);
            all < 20 || agree * 100 >= all * 90
        });
        code.map(|state| (state, "state-landmark-code"))
            .or_else(|| majority(&landmarks, landmark).map(|state| (state, "state-landmark-majority")))
            .or_else(|| majority(&areas, area).map(|state| (state, "state-aor-majority")))
    };
    let mut found = Vec::with_capacity(arrests.len());
    let same =
        |one: &Arrest, two: &Arrest| resolved.group(one.place as usize) == resolved.group(two.place as usize);
    for episode in arrests.chunk_by(same) {
        let states = episode.iter().map(find).collect::<Vec<_>>();
        let mut named = states.iter().flatten().map(|(state, _)| *state).collect::<Vec<_>>();
        named.dedup();
        let copied = if let [state] = named[..] { Some((state, "state-episode")) } else { None };
        found.extend(episode.iter().zip(states).map(|(arrest, state)| (arrest.place, state.or(copied))));
    }
    found.sort_unstable();
    let rows = found
        .into_iter()
        .map(|(place, state)| (place, state.map(|(state, source)| (names[state as usize].clone(), source))));
    told(plan, Table::Arrests, rows)
}

/// What the cells of some persons' arrests say, by place.
fn arrest_cells(
    world: &World,
    plan: &Plan,
    places: &Places,
    cells: &StateCells,
    first: u64,
) -> Vec<(u32, [Option<String>; 3])> {
    let (mut life, mut found) = (Life::default(), Vec::new());
    for person in first..(first + truth::CHUNK).min(plan.census.persons()) {
        let of_person = places.of(person);
        if of_person.is_empty() {
            continue;
        }
        world.live(person, plan.census.course(person), &mut life);
        for (row, &place) in life.rows[Table::Arrests as usize].iter().zip(of_person) {
            if place != NOWHERE {
                let of = Subject { table: Table::Arrests, person, life: &life, row };
                found.push((place, cells.fillers.each_ref().map(|filler| filler.says(world, of))));
            }
        }
    }
    found
}

/// The name of the state whose postal code stands last after a comma and a blank, or before STATE.
fn last_postal_code(landmark: &str) -> Option<&'static str> {
    let words = landmark.split(' ').collect::<Vec<_>>();
    let candidate = |at: usize| {
        let is_after_comma = at > 0 && (words[at - 1].ends_with(',') || words[at - 1].ends_with('-'));
        let is_before_state = words.get(at + 1) == Some(&"STATE");
        (is_after_comma || is_before_state).then(|| state_of(words[at]).map(|(_, name)| name))?
    };
    (0..words.len()).rev().find_map(candidate)
}

/// The states of detainers: as released, else of the facility's code.
#[must_use]
pub fn detainer_states(world: &World, plan: &Plan, places: &Places, [state, code]: [&Filler; 2]) -> Fill {
    let by_code = listed(world);
    let mut found = Vec::new();
    let mut life = Life::default();
    for person in 0..plan.census.persons() {
        let of_person = places.of(person);
        if of_person.is_empty() {
            continue;
        }
        world.live(person, plan.census.course(person), &mut life);
        for (row, &place) in life.rows[Table::Detainers as usize].iter().zip(of_person) {
            if place == NOWHERE {
                continue;
            }
            let of = Subject { table: Table::Detainers, person, life: &life, row };
            let released = state.says(world, of).map(|state| (state, RELEASED));
            let of_code =
                || Some((by_code.get(code.says(world, of)?.as_str())?.to_string(), "facility-places"));
            found.push((place, released.or_else(of_code)));
        }
    }
    found.sort_unstable();
    told(plan, Table::Detainers, found.into_iter())
}

/// Names of states by the codes of facilities that the public table has.
fn listed(world: &World) -> HashMap<&str, &'static str> {
    let is_listed = |facility: &&Facility| {
        !matches!(facility.odd, Some(Odd::Unlisted(_))) || !world.quirks.has(Quirk::UnlistedCodes)
    };
    let facilities = world.places.facilities.iter().filter(is_listed);
    facilities.filter_map(|facility| Some((facility.code.as_str(), state_of(facility.state)?.1))).collect()
}

/// The state of each stay's last facility by its code, and what boundaries would cut.
#[must_use]
pub fn stays(world: &World, plan: &Plan, places: &Places) -> (Fill, Vec<Cut>) {
    let by_code = listed(world);
    let months = months(world);
    let mut cuts =
        months.iter().map(|day| Cut { day: calendar::iso(*day), ..Cut::default() }).collect::<Vec<_>>();
    let mut found = Vec::new();
    let chunks = (0..plan.census.persons()).step_by(truth::CHUNK as usize).collect::<Vec<_>>();
    let of_chunk = |&first: &u64| {
        let (mut life, mut stays) = (Life::default(), Vec::new());
        for person in first..(first + truth::CHUNK).min(plan.census.persons()) {
            if !places.of(person).is_empty() {
                world.live(person, plan.census.course(person), &mut life);
                stays.extend(stays_of(world, &life, (person, places.of(person))));
            }
        }
        stays
    };
    for stay in chunks.par_iter().flat_map_iter(of_chunk).collect::<Vec<_>>() {
        let facility = &world.places.facilities[usize::from(stay.facility)];
        let (code, _) = facility.code(world.quirks);
        let state = by_code.get(code).map(|state| ((*state).to_owned(), "facility-places"));
        found.push((stay.last, state));
        for (day, cut) in months.iter().zip(&mut cuts) {
            let is_begun_before = stay.book_in < day * DAY;
            let is_after = stay.book_out.is_none_or(|out| out >= day * DAY) || !is_begun_before;
            cut.stays_after += u64::from(is_after);
            if is_after && is_begun_before {
                cut.crossing_stays += 1;
                cut.crossing_stints += stay.stints;
            }
        }
    }
    found.sort_unstable();
    (told(plan, Table::DetentionStints, found.into_iter()), cuts)
}

/// Serial days of the firsts of months inside the window.
fn months(world: &World) -> Vec<u32> {
    let (first, last) = (world.window.0 / DAY, world.window.1 / DAY);
    (first + 1..last).filter(|day| calendar::civil(i64::from(*day)).2 == 1).collect()
}

struct StayTruth {
    book_in: u32,
    book_out: Option<u32>,
    /// Place of its last stint among those kept.
    last: u32,
    facility: u16,
    stints: u64,
}

fn stays_of(world: &World, life: &Life, of_person: (u64, &[u32])) -> Vec<StayTruth> {
    let table = Table::DetentionStints;
    let rows = &life.rows[table as usize];
    let one = |group: truth::Group| {
        let row = |seen: &Seen| rows[seen.ordinal];
        // A date far outside the window is still a date by which stints are sorted.
        let time = |seen: &Seen| match row(seen).twist {
            Twist::Outside if row(seen).key.is_multiple_of(2) => i64::from(row(seen).time + 4000 * DAY),
            Twist::Outside => i64::from(row(seen).time) - i64::from(9000 * DAY),
            _ => i64::from(row(seen).time),
        };
        let kept = group.rows.iter().filter(|seen| group.kept.contains(&seen.place));
        let last = kept.clone().max_by_key(|seen| (time(seen), seen.place))?;
        let stint = life.stints[usize::from(row(last).stint)];
        let stay = life.stays[usize::from(stint.stay)];
        Some(StayTruth {
            book_in: stay.book_in,
            book_out: stint.book_out,
            last: last.place,
            facility: stint.facility,
            stints: kept.count() as u64,
        })
    };
    let groups = truth::groups(world, life, table, of_person, &[]);
    groups.into_iter().filter(|group| group.has_id).filter_map(one).collect()
}

/// Counts and the digest.
fn told(
    plan: &Plan,
    table: Table,
    rows: impl Iterator<Item = (u32, Option<(String, &'static str)>)>,
) -> Fill {
    let placer = Placer::new(plan, table);
    let (mut fill, mut digest, mut line) = (Fill::default(), Sha256::new(), String::new());
    for (place, state) in rows {
        fill.rows += 1;
        line.clear();
        placer.place(place, &mut line);
        let (state, source) = state.unwrap_or_default();
        line.extend(["\t", &state, "\t", source, "\n"]);
        digest.update(line.as_bytes());
        *fill.by_source.entry(if source.is_empty() { "none" } else { source }).or_default() += 1;
        if !state.is_empty() {
            *fill.by_state.entry(state).or_default() += 1;
        }
    }
    fill.sha256 = hex(&digest.finalize());
    fill
}
