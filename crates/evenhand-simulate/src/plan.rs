//! Which row stands where: every row of every life gets its file, sheet and row number before any is written.

use crate::calendar::{self, DAY};
use crate::census::{Census, Targets};
use crate::error::{Error, Result};
use crate::life::{KINDS_OF_ROWS, Life, Twist, World};
use crate::quirk::Quirk;
use crate::random::mix;
use crate::release::{Layout, Release, Table};
use rayon::prelude::*;

/// A row of a file: whose it is, and which of the person's rows in the table. Packed, since a release has
/// twenty million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry(u64);

const PERSON_BITS: u32 = 28;
const ORDINAL_BITS: u32 = 8;

/// The most rows that can be made up.
pub const MOST_ROWS: u64 = 100_000_000;

impl Entry {
    fn new(time: u32, person: u64, ordinal: usize) -> Entry {
        Entry(u64::from(time) << (PERSON_BITS + ORDINAL_BITS) | person << ORDINAL_BITS | ordinal as u64)
    }

    fn day(self) -> u32 {
        (self.0 >> (PERSON_BITS + ORDINAL_BITS)) as u32 / DAY
    }

    /// The person's number.
    #[must_use]
    pub fn person(self) -> u64 {
        self.0 >> ORDINAL_BITS & ((1 << PERSON_BITS) - 1)
    }

    /// Which of the person's rows in the table.
    #[must_use]
    pub fn ordinal(self) -> usize {
        (self.0 & ((1 << ORDINAL_BITS) - 1)) as usize
    }
}

/// A file to be written.
#[derive(Debug, Clone)]
pub struct FilePlan {
    /// Table.
    pub table: Table,
    /// Number of the file in the release; quirks of whole files go by it.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// `FY2024`, for columns that some files lack.
    pub years: String,
    /// First and last fiscal year of its rows; 0 for a file of all years.
    pub span: (u32, u32),
    /// Its rows in order.
    pub rows: Vec<Entry>,
    /// Its sheets with rows.
    pub sheets: Vec<SheetPlan>,
    /// Whether a hidden sheet of notes follows them.
    pub has_notes: bool,
    /// Whether cells say where they are.
    pub has_references: bool,
    /// Whether texts stand in the cells.
    pub is_inline: bool,
    /// Which way `<dimension>` is wrong.
    pub lie: Lie,
    /// The file of which this is a copy under another name.
    pub copy_of: Option<usize>,
}

/// Which way `<dimension>` is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// It is right.
    None,
    /// It claims a full sheet.
    Full,
    /// It claims fifty rows.
    Short,
}

/// A sheet to be written.
#[derive(Debug, Clone)]
pub struct SheetPlan {
    /// Its name.
    pub name: String,
    /// Row of the header.
    pub header_row: u64,
    /// Number in the file of its first row.
    pub first: usize,
    /// Rows.
    pub rows: usize,
    /// After how many rows the header comes again.
    pub again_after: Option<usize>,
    /// Whether a blank row and a row of totals follow.
    pub has_total: bool,
}

impl SheetPlan {
    /// The row number of the sheet's `at`-th row, counted from 0.
    #[must_use]
    pub fn row_number(&self, at: usize) -> u64 {
        let again = self.again_after.is_some_and(|after| at >= after);
        self.header_row + 1 + at as u64 + u64::from(again)
    }

    /// The number of its last row.
    #[must_use]
    pub fn last_row(&self) -> u64 {
        let again = u64::from(self.again_after.is_some());
        self.header_row + self.rows as u64 + again + if self.has_total { 2 } else { 0 }
    }
}

/// Everything that is written, and where.
#[derive(Debug)]
pub struct Plan {
    /// Every person's course.
    pub census: Census,
    /// Files by table, then by their years: the order of their names within a table.
    pub files: Vec<FilePlan>,
    /// Rows of each person by table, for finding places.
    counts: [Vec<u8>; KINDS_OF_ROWS],
}

/// What is planned.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The release.
    pub release: &'a Release,
    /// Rows by table.
    pub targets: &'a Targets,
    /// Exact repeats among the encounters.
    pub repeats: u64,
    /// Tables that are written.
    pub tables: &'a [Table],
    /// Rows in a sheet, at most.
    pub sheet_rows: u64,
}

/// How often the number of persons is estimated from the rows still missing.
const ROUNDS: usize = 3;

/// Persons whose lives are lived together.
const CHUNK: u64 = 8192;

impl Plan {
    /// Lives every life once and lays out its rows.
    ///
    /// # Errors
    /// More persons than can be numbered.
    pub fn new(world: &World, wanted: Wanted<'_>) -> Result<Plan> {
        let mut census = Census::odd(world, wanted.targets);
        let mut files = files(world, wanted);
        let mut plan = Lived::default();
        plan.live(world, &census, &files, 0, census.persons());
        for _ in 0..ROUNDS {
            let before = census.persons();
            let rows = plan.rows();
            let missing = std::array::from_fn(|table| wanted.targets[table].saturating_sub(rows[table]));
            census.grow(world, &missing);
            plan.live(world, &census, &files, before, census.persons());
        }
        let before = census.persons();
        census.fill(world, wanted.targets, &plan.rows(), plan.repeats, wanted.repeats);
        if census.persons() >= 1 << PERSON_BITS {
            return Err(Error::Scale { rows: wanted.targets.iter().sum(), most: MOST_ROWS });
        }
        plan.live(world, &census, &files, before, census.persons());
        for (file, rows) in files.iter_mut().zip(plan.files) {
            file.rows = rows;
        }
        let seed = world.seed;
        files.par_iter_mut().for_each(|file| {
            // By day, and within a day in no order of persons.
            file.rows.sort_unstable_by_key(|row| (row.day(), mix(row.person() ^ seed), *row));
        });
        if world.quirks.has(Quirk::SameContent) {
            same_content(&mut files);
        }
        for file in &mut files {
            let layout = &wanted.release.tables[&file.table];
            file.sheets = sheets(world, layout, file, wanted.sheet_rows);
        }
        Ok(Plan { census, files, counts: plan.counts })
    }

    /// The file that `file` is a copy of, or itself.
    #[must_use]
    pub fn original<'a>(&'a self, file: &'a FilePlan) -> &'a FilePlan {
        let is_original = |other: &&FilePlan| Some(other.number) == file.copy_of;
        self.files.iter().find(is_original).unwrap_or(file)
    }

    /// The files of a table, in the order of their names.
    pub fn files_of(&self, table: Table) -> impl Iterator<Item = &FilePlan> {
        self.files.iter().filter(move |file| file.table == table)
    }

    /// Where each row of a table is, by person and then by ordinal: its number among all rows of the table's
    /// files in order. Rows that are in no file have [`NOWHERE`].
    #[must_use]
    pub fn places(&self, table: Table) -> Places {
        let counts = &self.counts[table as usize];
        let mut starts = Vec::with_capacity(counts.len() + 1);
        let mut sum = 0_u32;
        for &count in counts {
            starts.push(sum);
            sum += u32::from(count);
        }
        starts.push(sum);
        let mut places = vec![NOWHERE; sum as usize];
        let mut number = 0;
        for file in self.files_of(table) {
            for row in &file.rows {
                if file.copy_of.is_none() {
                    places[starts[row.person() as usize] as usize + row.ordinal()] = number;
                }
                number += 1;
            }
        }
        Places { starts, places }
    }
}

/// The place of a row that is in no file.
pub const NOWHERE: u32 = u32::MAX;

/// Where each row of a table is.
#[derive(Debug, Default)]
pub struct Places {
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Places {
    /// The places of a person's rows, by ordinal.
    #[must_use]
    pub fn of(&self, person: u64) -> &[u32] {
        let person = person as usize;
        match self.starts.get(person..person + 2) {
            Some(&[start, end]) => &self.places[start as usize..end as usize],
            _ => &[],
        }
    }
}

/// What living the lives gave.
#[derive(Debug, Default)]
struct Lived {
    files: Vec<Vec<Entry>>,
    counts: [Vec<u8>; KINDS_OF_ROWS],
    /// Exact repeats among the encounters.
    repeats: u64,
}

impl Lived {
    /// Rows by table.
    fn rows(&self) -> Targets {
        std::array::from_fn(|table| self.counts[table].iter().map(|&rows| u64::from(rows)).sum())
    }

    /// Lives the lives of these persons.
    fn live(&mut self, world: &World, census: &Census, files: &[FilePlan], from: u64, to: u64) {
        self.files.resize(files.len(), Vec::new());
        let chunks = (from..to).step_by(CHUNK as usize).collect::<Vec<_>>();
        // Some chunks at a time, so that their rows are not all in memory twice.
        for some in chunks.chunks(64) {
            let lived = some
                .par_iter()
                .map(|&first| {
                    let mut lived = Lived { files: vec![Vec::new(); files.len()], ..Lived::default() };
                    let mut life = Life::default();
                    for person in first..(first + CHUNK).min(to) {
                        world.live(person, census.course(person), &mut life);
                        lived.take(files, person, &life);
                    }
                    lived
                })
                .collect::<Vec<_>>();
            for lived in lived {
                self.repeats += lived.repeats;
                for (all, more) in self.files.iter_mut().zip(lived.files) {
                    all.extend(more);
                }
                for (all, more) in self.counts.iter_mut().zip(lived.counts) {
                    all.extend(more);
                }
            }
        }
    }

    fn take(&mut self, files: &[FilePlan], person: u64, life: &Life) {
        for (table, rows) in life.rows.iter().enumerate() {
            self.counts[table].push(rows.len() as u8);
            for (ordinal, row) in rows.iter().enumerate() {
                if table == Table::Encounters as usize && row.twist == Twist::Exact {
                    self.repeats += 1;
                }
                if let Some(file) = file_of(files, table, row.time, row.twist) {
                    self.files[file].push(Entry::new(row.time, person, ordinal));
                }
            }
        }
    }
}

/// The number of the file that a row belongs to.
fn file_of(files: &[FilePlan], table: usize, time: u32, twist: Twist) -> Option<usize> {
    let year = calendar::fiscal_year(time / DAY);
    let mut of_table = files.iter().enumerate().filter(|(_, file)| file.table as usize == table);
    if twist == Twist::YearTwo {
        return of_table.next_back().map(|(number, _)| number);
    }
    let holds = |file: &FilePlan| file.span.0 == 0 || (file.span.0..=file.span.1).contains(&year);
    of_table.find(|(_, file)| holds(file)).map(|(number, _)| number)
}

/// The files, still without rows.
fn files(world: &World, wanted: Wanted<'_>) -> Vec<FilePlan> {
    let (first, last) = wanted.release.window();
    let (first, last) = (calendar::fiscal_year(first), calendar::fiscal_year(last));
    let mut files = Vec::new();
    // Files are numbered over the whole release, so that their quirks do not depend on the tables wanted.
    let mut numbers = 0..;
    for (&table, layout) in &wanted.release.tables {
        let mut labels = Vec::new();
        if layout.years_per_file == 0 {
            labels.push((String::new(), (0, 0)));
        } else {
            for year in (first.max(layout.first_year)..=last).step_by(layout.years_per_file as usize) {
                let end = (year + layout.years_per_file - 1).min(last);
                let label = if end == year { format!("FY{year}") } else { format!("FY{year}-FY{end}") };
                labels.push((label, (year, end)));
            }
        }
        for (years, span) in labels {
            let number = numbers.next().unwrap_or(0);
            if !wanted.tables.contains(&table) {
                continue;
            }
            files.push(FilePlan {
                table,
                number,
                name: layout.file.replace("{fy}", &years),
                years,
                span,
                rows: Vec::new(),
                sheets: Vec::new(),
                has_notes: world.quirks.has(Quirk::HiddenSheet) && number.is_multiple_of(3),
                has_references: !(world.quirks.has(Quirk::MissingReferences) && number % 5 == 2),
                is_inline: world.quirks.has(Quirk::InlineStrings) && number % 5 == 4,
                lie: match number % 4 {
                    1 if world.quirks.has(Quirk::LyingDimension) => Lie::Full,
                    3 if world.quirks.has(Quirk::LyingDimension) => Lie::Short,
                    _ => Lie::None,
                },
                copy_of: None,
            });
        }
    }
    files
}

/// The second file of arrests becomes the first under its own name.
fn same_content(files: &mut [FilePlan]) {
    let mut arrests = files.iter_mut().filter(|file| file.table == Table::Arrests);
    if let (Some(first), Some(second)) = (arrests.next(), arrests.next()) {
        *second = FilePlan {
            number: second.number,
            name: second.name.clone(),
            years: second.years.clone(),
            span: second.span,
            copy_of: Some(first.number),
            ..first.clone()
        };
    }
}

/// The sheets of a file: as full as they can be, or even ones where the release has more than needed.
fn sheets(world: &World, layout: &Layout, file: &FilePlan, sheet_rows: u64) -> Vec<SheetPlan> {
    // A copy has the sheets of the file that it copies.
    let number = file.copy_of.unwrap_or(file.number);
    let moved = world.quirks.has(Quirk::MovedHeader);
    let header_row = u64::from(layout.header_row);
    let header_row = match number % 3 {
        1 if moved => header_row - 1,
        2 if moved => header_row + 1,
        _ => header_row,
    };
    let again = world.quirks.has(Quirk::HeaderAgain) && number.is_multiple_of(4);
    let total = world.quirks.has(Quirk::TotalRow) && number % 4 == 2;
    let room = (sheet_rows - header_row - 3) as usize;
    let rows = file.rows.len();
    let needed = rows.div_ceil(room).max(1);
    let count = needed.max(layout.sheets as usize);
    let full = if count > needed { rows.div_ceil(count) } else { room };
    let mut sheets = Vec::new();
    for at in 0..count {
        let first = (at * full).min(rows);
        let here = if at + 1 == count { rows - first } else { full.min(rows - first) };
        sheets.push(SheetPlan {
            name: format!("Sheet{}", at + 1),
            header_row,
            first,
            rows: here,
            again_after: (again && at == 0 && here > 1).then_some(here / 2),
            has_total: total && at + 1 == count,
        });
    }
    sheets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_gives_back_what_it_was_made_of() {
        let entry = Entry::new(66_000_123, 200_000_000, 255);
        assert_eq!((entry.day(), entry.person(), entry.ordinal()), (66_000_123 / DAY, 200_000_000, 255));
    }
}
