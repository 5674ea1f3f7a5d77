//! What is true of a made-up release: which rows are repeats of which, which stints make a stay, which stay
//! follows which arrest. Found person by person from the events themselves, by the field's rules in their
//! plainest form, and never by reading the files.

use crate::calendar::DAY;
use crate::cells::{self, Filler, Subject};
use crate::life::{Life, Row, Twist, World};
use crate::plan::{FilePlan, NOWHERE, Places, Plan};
use crate::release::Table;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::cmp::Reverse;
use std::fmt::Write as _;

/// Groups of rows that record one event, or of stints that make one stay.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Grouping {
    /// Rows with an identifier, which the rule is about.
    pub rows: u64,
    /// Rows without one, each on its own.
    pub without_id: u64,
    /// Groups among the rows with an identifier.
    pub groups: u64,
    /// Rows that the rule keeps, those without an identifier among them.
    pub kept: u64,
    /// SHA-256 over a line for each row: its place and the place of its group's first row.
    pub groups_sha256: String,
    /// SHA-256 over a line for each kept row: its place.
    pub kept_sha256: String,
}

/// Rows of one table each with a row of another.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Pairing {
    /// Pairs.
    pub pairs: u64,
    /// SHA-256 over a line for each pair: the places of its two rows.
    pub sha256: String,
}

/// The rules of repeats on one table.
#[derive(Debug, Default)]
pub struct Resolved {
    /// For each row of the table's files, the first row of its group, and in the highest bit whether it is kept.
    groups: Vec<u32>,
    /// What is told of it.
    pub grouping: Grouping,
}

const KEPT: u32 = 1 << 31;

impl Resolved {
    /// The first row of a row's group.
    #[must_use]
    pub fn group(&self, row: usize) -> u32 {
        self.groups[row] & !KEPT
    }

    /// Whether a row is kept.
    #[must_use]
    pub fn is_kept(&self, row: usize) -> bool {
        self.groups[row] & KEPT != 0
    }
}

/// A row of a person, as the rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Its number among all rows of the table's files.
    pub place: u32,
    /// Which of the person's rows in the table it is.
    pub ordinal: usize,
}

/// Persons whose rows are resolved together.
pub const CHUNK: u64 = 8192;

/// Applies the rules of repeats to a table.
#[must_use]
pub fn resolve(world: &World, plan: &Plan, table: Table, places: &Places, cells: &[Filler]) -> Resolved {
    let total: usize = plan.files_of(table).map(|file| file.rows.len()).sum();
    let mut groups = vec![NOWHERE; total];
    let mut grouping = Grouping::default();
    let chunks = (0..plan.census.persons()).step_by(CHUNK as usize).collect::<Vec<_>>();
    for some in chunks.chunks(64) {
        let resolved =
            some.par_iter().map(|&first| chunk(world, plan, table, places, cells, first)).collect::<Vec<_>>();
        for (places, counts) in resolved {
            for (place, group) in places {
                groups[place as usize] = group;
            }
            grouping.rows += counts.rows;
            grouping.without_id += counts.without_id;
            grouping.groups += counts.groups;
            grouping.kept += counts.kept;
        }
    }
    let mut resolved = Resolved { groups, grouping };
    copies(world, plan, table, &mut resolved);
    digests(plan, table, &mut resolved);
    resolved
}

/// A chunk of persons: the group of each row, and counts.
fn chunk(
    world: &World,
    plan: &Plan,
    table: Table,
    places: &Places,
    cells: &[Filler],
    first: u64,
) -> (Vec<(u32, u32)>, Grouping) {
    let (mut life, mut found, mut counts) = (Life::default(), Vec::new(), Grouping::default());
    for person in first..(first + CHUNK).min(plan.census.persons()) {
        let of_person = places.of(person);
        if of_person.is_empty() {
            continue;
        }
        world.live(person, plan.census.course(person), &mut life);
        for group in groups(world, &life, table, (person, of_person), cells) {
            counts.rows += if group.has_id { group.rows.len() as u64 } else { 0 };
            counts.without_id += if group.has_id { 0 } else { group.rows.len() as u64 };
            counts.groups += u64::from(group.has_id);
            counts.kept += group.kept.len() as u64;
            let first = group.rows.iter().map(|row| row.place).min().unwrap_or(0);
            for row in &group.rows {
                let kept = if group.kept.contains(&row.place) { KEPT } else { 0 };
                found.push((row.place, first | kept));
            }
        }
    }
    (found, counts)
}

/// Rows that record one event or make one stay.
pub struct Group {
    /// Whether its rows have an identifier.
    pub has_id: bool,
    /// Place and number among the person's rows of each.
    pub rows: Vec<Seen>,
    /// Places of the rows that are kept.
    pub kept: Vec<u32>,
}

/// The groups of a person's rows in a table; `cells` are those in which equal arrests are equal.
pub fn groups(
    world: &World,
    life: &Life,
    table: Table,
    (person, places): (u64, &[u32]),
    cells: &[Filler],
) -> Vec<Group> {
    let rows = &life.rows[table as usize];
    let mut groups = Vec::new();
    let mut with_id = Vec::new();
    for (ordinal, row) in rows.iter().enumerate() {
        let seen = Seen { place: places[ordinal], ordinal };
        if seen.place == NOWHERE {
            continue;
        }
        if world.has_blank_id(table, World::id_key(life, table, row)) {
            groups.push(Group { has_id: false, rows: vec![seen], kept: vec![seen.place] });
        } else {
            with_id.push(seen);
        }
    }
    let time = |seen: &Seen| rows[seen.ordinal].time;
    match table {
        Table::Arrests => {
            // By time, arrests on paper last among equals, then by place.
            let late = |seen: &Seen| rows[seen.ordinal].twist == Twist::Reprocessed;
            with_id.sort_by_key(|seen| (time(seen), late(seen), seen.place));
            let subject = |seen: &Seen| Subject { table, person, life, row: &rows[seen.ordinal] };
            let is_alike = |one: &Seen, other: &Seen| {
                let same =
                    |cell: &Filler| cell.cell(world, subject(one)).0 == cell.cell(world, subject(other)).0;
                rows[one.ordinal].key == rows[other.ordinal].key && cells.iter().all(same)
            };
            let episodes = chains(&with_id, |before, after| time(after) - time(before) <= DAY, Keep::First);
            groups.extend(episodes.into_iter().map(|episode| {
                // Of the rows equal to the first in all but the time the latest, and of equal ones the first.
                let first = episode.rows[0];
                let alike = episode.rows.iter().filter(|seen| is_alike(&first, seen));
                let latest = alike.max_by_key(|seen| (time(seen), Reverse(seen.place)));
                Group { kept: latest.map(|seen| seen.place).into_iter().collect(), ..episode }
            }));
        }
        Table::Detainers => {
            with_id.sort_by_key(|seen| (time(seen), seen.place));
            let is_same = |before: &Seen, after: &Seen| {
                time(after) - time(before) <= DAY && rows[before.ordinal].key == rows[after.ordinal].key
            };
            groups.extend(chains(&with_id, is_same, Keep::First));
        }
        Table::Encounters | Table::Removals | Table::RiskAssessments => {
            with_id.sort_by_key(|seen| (time(seen) / DAY, seen.place));
            let is_same = |before: &Seen, after: &Seen| time(after) / DAY == time(before) / DAY;
            let keep = match table {
                Table::Removals => Keep::Last,
                Table::RiskAssessments => Keep::All,
                _ => Keep::First,
            };
            groups.extend(chains(&with_id, is_same, keep));
        }
        Table::DetentionStints => {
            let stay = |seen: &Seen| life.stints[usize::from(rows[seen.ordinal].stint)].stay;
            with_id.sort_by_key(|seen| (stay(seen), seen.place));
            let stays = chains(&with_id, |before, after| stay(before) == stay(after), Keep::All);
            groups.extend(
                stays.into_iter().map(|group| Group { kept: kept_stints(life, rows, &group.rows), ..group }),
            );
        }
    }
    groups
}

/// Which rows of a group are kept.
#[derive(Clone, Copy)]
enum Keep {
    First,
    Last,
    All,
}

/// Cuts sorted rows where a row does not go with the one before.
fn chains(rows: &[Seen], goes_on: impl Fn(&Seen, &Seen) -> bool, keep: Keep) -> Vec<Group> {
    let part = |rows: &[Seen]| Group {
        has_id: true,
        kept: match keep {
            Keep::First => rows.first().map(|row| row.place).into_iter().collect(),
            Keep::Last => rows.last().map(|row| row.place).into_iter().collect(),
            Keep::All => rows.iter().map(|row| row.place).collect(),
        },
        rows: rows.to_vec(),
    };
    rows.chunk_by(goes_on).map(part).collect()
}

/// The stints of a stay that are kept: of rows equal but for the bond the one with the lowest, and of what
/// remains, within a facility and a day, the last by time and place.
fn kept_stints(life: &Life, rows: &[Row], stay: &[Seen]) -> Vec<u32> {
    let row = |seen: &Seen| rows[seen.ordinal];
    // Rows of a stint that differ in the hour or the charge are not equal.
    let class = |twist: Twist| match twist {
        Twist::Hour => 1,
        Twist::Charge => 2,
        _ => 0,
    };
    let bond = |seen: &Seen| {
        let row = row(seen);
        let stint = life.stints[usize::from(row.stint)];
        cells::bond(&life.stays[usize::from(stint.stay)], row.twist)
    };
    let mut left = stay.to_vec();
    left.sort_by_key(|seen| {
        (row(seen).stint, class(row(seen).twist), row(seen).time, bond(seen), seen.place)
    });
    left.dedup_by_key(|seen| (row(seen).stint, class(row(seen).twist), row(seen).time));
    left.sort_by_key(|seen| (row(seen).stint, row(seen).time / DAY, row(seen).time, seen.place));
    left.chunk_by(|before, after| {
        let (before, after) = (row(before), row(after));
        before.stint == after.stint && before.time / DAY == after.time / DAY
    })
    .filter_map(|same| same.last().map(|seen| seen.place))
    .collect()
}

/// Rows of a file that is a copy of another: each is a repeat of the row that it copies, and not kept. Rows
/// without an identifier stay on their own.
fn copies(world: &World, plan: &Plan, table: Table, resolved: &mut Resolved) {
    let starts = starts(plan, table);
    let mut life = Life::default();
    for (file, start) in &starts {
        let Some(original) = file.copy_of else { continue };
        let Some((_, from)) = starts.iter().find(|(file, _)| file.number == original) else { continue };
        for (at, entry) in file.rows.iter().enumerate() {
            world.live(entry.person(), plan.census.course(entry.person()), &mut life);
            let row = &life.rows[table as usize][entry.ordinal()];
            let is_alone = world.has_blank_id(table, World::id_key(&life, table, row));
            let grouping = &mut resolved.grouping;
            grouping.rows += u64::from(!is_alone);
            grouping.without_id += u64::from(is_alone);
            grouping.kept += u64::from(is_alone);
            resolved.groups[start + at] =
                if is_alone { (start + at) as u32 | KEPT } else { resolved.groups[from + at] & !KEPT };
        }
    }
}

/// The files of a table, each with the number of its first row among all rows of the table.
pub fn starts(plan: &Plan, table: Table) -> Vec<(&FilePlan, usize)> {
    let mut start = 0;
    plan.files_of(table)
        .map(|file| {
            let first = start;
            start += file.rows.len();
            (file, first)
        })
        .collect()
}

/// Writes a row's place: file, sheet and row number.
pub struct Placer<'a> {
    starts: Vec<(&'a FilePlan, usize)>,
}

impl<'a> Placer<'a> {
    /// Of the rows of a table.
    #[must_use]
    pub fn new(plan: &'a Plan, table: Table) -> Placer<'a> {
        Placer { starts: starts(plan, table) }
    }

    /// Adds a row's place to a line.
    pub fn place(&self, row: u32, into: &mut String) {
        let row = row as usize;
        let after = self.starts.partition_point(|(_, start)| *start <= row);
        // Files without rows share their start with the next one, which is the last of them.
        let (file, start) = self.starts[after - 1];
        let in_file = row - start;
        let sheet = file.sheets.iter().rfind(|sheet| sheet.first <= in_file && sheet.rows > 0);
        if let Some(sheet) = sheet {
            // Writing to a string does not fail.
            let _ =
                write!(into, "{}\t{}\t{}", file.name, sheet.name, sheet.row_number(in_file - sheet.first));
        }
    }
}

fn digests(plan: &Plan, table: Table, resolved: &mut Resolved) {
    let placer = Placer::new(plan, table);
    let (mut all, mut kept) = (Sha256::new(), Sha256::new());
    let mut line = String::new();
    for (row, &group) in resolved.groups.iter().enumerate() {
        line.clear();
        placer.place(row as u32, &mut line);
        if group & KEPT != 0 {
            kept.update(line.as_bytes());
            kept.update(b"\n");
        }
        line.push('\t');
        placer.place(group & !KEPT, &mut line);
        line.push('\n');
        all.update(line.as_bytes());
    }
    resolved.grouping.groups_sha256 = hex(&all.finalize());
    resolved.grouping.kept_sha256 = hex(&kept.finalize());
}

/// Hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Pairs the kept rows of a table, arrests or removals, with stays.
#[must_use]
pub fn pair(
    world: &World,
    plan: &Plan,
    table: Table,
    (places, stints): (&Places, &Places),
    cells: &[Filler],
) -> Pairing {
    let chunks = (0..plan.census.persons()).step_by(CHUNK as usize).collect::<Vec<_>>();
    let of_chunk = |&first: &u64| {
        let (mut life, mut pairs) = (Life::default(), Vec::new());
        for person in first..(first + CHUNK).min(plan.census.persons()) {
            if places.of(person).is_empty() || stints.of(person).is_empty() {
                continue;
            }
            world.live(person, plan.census.course(person), &mut life);
            let of_person = (person, places.of(person), stints.of(person));
            pairs.extend(pairs_of(world, &life, table, of_person, cells));
        }
        pairs
    };
    let mut pairs = chunks.par_iter().flat_map_iter(of_chunk).collect::<Vec<_>>();
    pairs.par_sort_unstable();
    let (one, two) = (Placer::new(plan, table), Placer::new(plan, Table::DetentionStints));
    let mut digest = Sha256::new();
    let mut line = String::new();
    for &(row, stay) in &pairs {
        line.clear();
        one.place(row, &mut line);
        line.push('\t');
        two.place(stay, &mut line);
        line.push('\n');
        digest.update(line.as_bytes());
    }
    Pairing { pairs: pairs.len() as u64, sha256: hex(&digest.finalize()) }
}

/// The pairs of a person: the nearest row per stay, then the nearest stay per row.
fn pairs_of(
    world: &World,
    life: &Life,
    table: Table,
    (person, places, stints): (u64, &[u32], &[u32]),
    cells: &[Filler],
) -> Vec<(u32, u32)> {
    let day = i64::from(DAY);
    let rows = &life.rows[table as usize];
    let mut events = Vec::new();
    let of_table = groups(world, life, table, (person, places), cells);
    for group in of_table.into_iter().filter(|group| group.has_id) {
        for row in group.rows.iter().filter(|row| group.kept.contains(&row.place)) {
            events.push((row.place, i64::from(rows[row.ordinal].time)));
        }
    }
    let mut candidates = Vec::new();
    let of_stints = groups(world, life, Table::DetentionStints, (person, stints), cells);
    for group in of_stints.into_iter().filter(|group| group.has_id) {
        let Some(first) = group.rows.iter().map(|row| row.place).min() else { continue };
        let of_stints = &life.rows[Table::DetentionStints as usize];
        let stint = life.stints[usize::from(of_stints[group.rows[0].ordinal].stint)];
        let stay = life.stays[usize::from(stint.stay)];
        let distance = |time: i64| match table {
            Table::Arrests => {
                let after = i64::from(stay.book_in) - time;
                (-5 * day..=10 * day).contains(&after).then_some(after.abs())
            }
            _ => stay.book_out.and_then(|out| {
                let after = i64::from(out) - time;
                (-10 * day..=day).contains(&after).then_some(after.abs())
            }),
        };
        let near = events.iter().filter_map(|&(place, time)| Some((distance(time)?, place)));
        if let Some((distance, place)) = near.min() {
            candidates.push((place, distance, first));
        }
    }
    candidates.sort_unstable();
    candidates.dedup_by_key(|(place, _, _)| *place);
    candidates.into_iter().map(|(place, _, stay)| (place, stay)).collect()
}
