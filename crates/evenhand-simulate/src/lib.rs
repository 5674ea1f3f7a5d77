//! Turns a seed into a release as it might have been delivered, with the layouts and faults of real ones, and
//! writes down what is true of it. Input: descriptions of the releases (`releases/*.toml`) and the wish of a
//! scale. Output: workbooks and `truth.json`, for testing that nothing is lost or doubled on their way.
//! Read first: [`simulate`], then `life.rs`, in which the made-up persons live.
//!
//! Nobody real is in it: events are drawn at random, there are no names, and every identifier begins with 24
//! zeros.

mod calendar;
mod cells;
mod census;
mod error;
mod fills;
mod life;
mod places;
mod plan;
mod quirk;
mod random;
mod release;
mod strings;
mod truth;
mod vocabulary;
mod write;
mod xlsx;
mod zip;

pub use error::{Error, Result};
pub use fills::{Cut, Fill};
pub use quirk::{Planted, QUIRKS, Quirk, Quirks};
pub use release::{TABLES, Table, names as releases};
pub use truth::{Grouping, Pairing};
pub use write::{ColumnTruth, FileTruth, SheetTruth};

use life::{KINDS_OF_ROWS, World};
use plan::{MOST_ROWS, Plan, Wanted};
use rayon::prelude::*;
use release::Release;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use write::{Scene, Weeks, Written};

/// How many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Ten thousand rows over all tables.
    Small,
    /// A tenth of the release.
    Medium,
    /// As many rows as were released.
    Full,
    /// So many rows over all tables.
    Rows(u64),
}

impl std::str::FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Scale, String> {
        match text {
            "small" => Ok(Scale::Small),
            "medium" => Ok(Scale::Medium),
            "full" => Ok(Scale::Full),
            number => number
                .replace('_', "")
                .parse()
                .map(Scale::Rows)
                .map_err(|_| format!("expected small, medium, full or a number of rows, found `{text}`")),
        }
    }
}

/// What to make up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the release; [`releases`] lists them.
    pub release: String,
    /// How many rows.
    pub scale: Scale,
    /// Seed of everything: the same seed gives the same bytes.
    pub seed: u64,
    /// The folder to write, new or empty.
    pub out: PathBuf,
    /// Tables to write; without any, all. The rows of a table do not depend on it.
    pub tables: Vec<Table>,
    /// Faults to plant.
    pub quirks: Quirks,
    /// Rows in a sheet, at most; sheets of real workbooks end at 1,048,576.
    pub sheet_rows: u64,
}

impl Options {
    /// Everything of a release, at a small scale.
    #[must_use]
    pub fn new(release: &str, out: &Path) -> Options {
        Options {
            release: release.to_owned(),
            scale: Scale::Small,
            seed: 1,
            out: out.to_owned(),
            tables: Vec::new(),
            quirks: Quirks::default(),
            sheet_rows: xlsx::SHEET_ROWS,
        }
    }
}

/// What is true of a made-up release: `truth.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    /// `truth/1`.
    pub schema: &'static str,
    /// Id of the release in a record.
    pub release: String,
    /// Seed.
    pub seed: u64,
    /// First and last day of its events.
    pub window: [String; 2],
    /// How often each quirk was planted; left out where it was not asked for.
    pub quirks: BTreeMap<&'static str, u64>,
    /// Files in the order of tables and years.
    pub files: Vec<FileTruth>,
    /// Tables by name.
    pub tables: BTreeMap<&'static str, TableTruth>,
    /// Repeats, episodes and stays by name of the rule.
    pub groups: BTreeMap<&'static str, Grouping>,
    /// Rows of two tables that belong together, by name of the rule.
    pub pairs: BTreeMap<&'static str, Pairing>,
    /// States and places found for rows, by name of what is filled.
    pub fills: BTreeMap<&'static str, Fill>,
    /// What a boundary to a newer release would cut, on the first of each month.
    pub boundaries: Vec<Cut>,
}

/// What a table holds, over its files.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TableTruth {
    /// Records.
    pub rows: u64,
    /// Records without an identifier.
    pub without_id: u64,
    /// Records whose primary date lies outside the window.
    pub undated: u64,
    /// Monday of the week, area (`null` where the cell is blank or the table has none), records, kept records.
    pub weeks: Vec<(String, Option<String>, u64, u64)>,
}

/// Makes up a release.
///
/// ```no_run
/// use evenhand_simulate::{Options, simulate};
/// let truth = simulate(&Options::new("r2026mar", "made-up".as_ref()))?;
/// assert_eq!(truth.release, "ice-r2026mar");
/// # Ok::<(), evenhand_simulate::Error>(())
/// ```
///
/// # Errors
/// An unknown release or table, a folder that is not empty, a disk that does not take it.
pub fn simulate(options: &Options) -> Result<Truth> {
    let release = Release::named(&options.release)?;
    let tables = tables(&release, options)?;
    let (targets, repeats) = targets(&release, options)?;
    empty_folder(&options.out)?;
    let world = World::new(&release, options.seed, options.quirks);
    let sheet_rows = options.sheet_rows.clamp(64, xlsx::SHEET_ROWS);
    let wanted = Wanted { release: &release, targets: &targets, repeats, tables: &tables, sheet_rows };
    let plan = Plan::new(&world, wanted)?;
    let words = vocabulary::Vocabularies::load()?;
    let scene = Scene { release: &release, world: &world, plan: &plan, words: &words };
    let derived = Derived::find(scene, &tables)?;
    let written = write_all(scene, &derived, &options.out)?;
    let truth = told(&release, options, &world, derived, written);
    let path = options.out.join("truth.json");
    let json = serde_json::to_string(&truth).map_err(|error| Error::data("truth", &error.to_string()))?;
    std::fs::write(&path, json + "\n").map_err(Error::io(&path))?;
    Ok(truth)
}

fn tables(release: &Release, options: &Options) -> Result<Vec<Table>> {
    for &table in &options.tables {
        if !release.tables.contains_key(&table) {
            let known = release.tables.keys().map(|table| table.name()).collect::<Vec<_>>().join(", ");
            return Err(Error::NoTable { release: options.release.clone(), table: table.name(), known });
        }
    }
    let is_wanted = |table: &Table| options.tables.is_empty() || options.tables.contains(table);
    Ok(release.tables.keys().copied().filter(is_wanted).collect())
}

/// Rows by table, and exact repeats among the encounters.
fn targets(release: &Release, options: &Options) -> Result<([u64; KINDS_OF_ROWS], u64)> {
    let all: u64 = release.tables.values().map(|layout| layout.rows).sum();
    let rows = match options.scale {
        Scale::Small => 10_000,
        Scale::Medium => all / 10,
        Scale::Full => all,
        Scale::Rows(rows) => rows,
    };
    if rows == 0 || rows > MOST_ROWS {
        return Err(Error::Scale { rows, most: MOST_ROWS });
    }
    // In 128 bits, so that a full release has exactly its rows.
    let share = |of: u64| (u128::from(of) * u128::from(rows)).div_ceil(u128::from(all)) as u64;
    let mut targets = [0; KINDS_OF_ROWS];
    for (&table, layout) in &release.tables {
        targets[table as usize] = share(layout.rows);
    }
    let repeats = release.tables.get(&Table::Encounters).and_then(|layout| layout.exact_repeats);
    Ok((targets, repeats.map_or(0, share)))
}

fn empty_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).map_err(Error::io(path))?;
    let mut entries = std::fs::read_dir(path).map_err(Error::io(path))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(Error::NotEmpty { path: path.to_owned() }),
    }
}

/// What follows from the rows of all files together.
#[derive(Debug, Default)]
struct Derived {
    resolved: BTreeMap<Table, truth::Resolved>,
    pairs: BTreeMap<&'static str, Pairing>,
    fills: BTreeMap<&'static str, Fill>,
    boundaries: Vec<Cut>,
}

impl Derived {
    fn find(scene: Scene<'_>, tables: &[Table]) -> Result<Derived> {
        let (world, plan) = (scene.world, scene.plan);
        let mut derived = Derived::default();
        let mut places = BTreeMap::new();
        let alike = scene.fillers(Table::Arrests, |filler| !filler.is_event() && !filler.is_withheld())?;
        for &table in tables {
            let of_table = plan.places(table);
            derived.resolved.insert(table, truth::resolve(world, plan, table, &of_table, &alike));
            if matches!(table, Table::Arrests | Table::Removals | Table::DetentionStints | Table::Detainers) {
                places.insert(table, of_table);
            }
        }
        derived.fill(scene, &places)?;
        let Some(stints) = places.get(&Table::DetentionStints) else { return Ok(derived) };
        for (table, name) in [(Table::Arrests, "arrest_stays"), (Table::Removals, "removal_stays")] {
            if let Some(places) = places.get(&table) {
                derived.pairs.insert(name, truth::pair(world, plan, table, (places, stints), &alike));
            }
        }
        Ok(derived)
    }

    fn fill(&mut self, scene: Scene<'_>, places: &BTreeMap<Table, plan::Places>) -> Result<()> {
        let (world, plan) = (scene.world, scene.plan);
        if let (Some(arrests), Some(resolved)) =
            (places.get(&Table::Arrests), self.resolved.get(&Table::Arrests))
            && let Some(fillers) = scene.named(Table::Arrests, ["state", "landmark", "aor"])?
        {
            let cells = fills::StateCells { fillers };
            let fill = fills::arrest_states(world, plan, arrests, resolved, &cells);
            self.fills.insert("arrest_states", fill);
        }
        if let Some(detainers) = places.get(&Table::Detainers)
            && let Some([state, code]) = scene.named(Table::Detainers, ["facility_state", "facility_code"])?
        {
            let fill = fills::detainer_states(world, plan, detainers, [&state, &code]);
            self.fills.insert("detainer_states", fill);
        }
        if let Some(stints) = places.get(&Table::DetentionStints) {
            let (fill, boundaries) = fills::stays(world, plan, stints);
            self.fills.insert("stay_states", fill);
            self.boundaries = boundaries;
        }
        Ok(())
    }
}

/// Writes every file, the longest first; results in the order of the plan.
fn write_all(scene: Scene<'_>, derived: &Derived, folder: &Path) -> Result<Vec<Written>> {
    let files = &scene.plan.files;
    let mut starts = Vec::new();
    let mut in_table = [0; KINDS_OF_ROWS];
    for file in files {
        starts.push(in_table[file.table as usize]);
        in_table[file.table as usize] += file.rows.len();
    }
    let mut order = (0..files.len()).collect::<Vec<_>>();
    let work = |file: &plan::FilePlan| file.rows.len() * scene.release.tables[&file.table].columns.len();
    order.sort_by_key(|&number| Reverse(work(&files[number])));
    let one = |number: usize| {
        let file = &files[number];
        let kept = |row: usize| {
            let resolved = derived.resolved.get(&file.table);
            resolved.is_none_or(|resolved| resolved.is_kept(starts[number] + row))
        };
        (number, write::file(scene, file, kept, folder))
    };
    // A bridge hands them out one by one in this order, where a parallel slice would be halved first.
    let mut written = order.into_iter().par_bridge().map(one).collect::<Vec<_>>();
    written.sort_by_key(|(number, _)| *number);
    written.into_iter().map(|(_, written)| written).collect()
}

fn told(
    release: &Release,
    options: &Options,
    world: &World,
    derived: Derived,
    written: Vec<Written>,
) -> Truth {
    let (mut planted, mut files, mut tables) = (Planted::default(), Vec::new(), BTreeMap::new());
    let mut weeks: BTreeMap<&'static str, Weeks> = BTreeMap::new();
    for file in written {
        planted.add(&file.planted);
        let table: &mut TableTruth = tables.entry(file.truth.table).or_default();
        table.rows += file.truth.sheets.iter().map(|sheet| sheet.records).sum::<u64>();
        table.without_id += file.without_id;
        table.undated += file.undated;
        let of_table = weeks.entry(file.truth.table).or_default();
        for (week, [rows, kept]) in file.weeks {
            let counts = of_table.entry(week).or_default();
            counts[0] += rows;
            counts[1] += kept;
        }
        files.push(file.truth);
    }
    for (name, weeks) in weeks {
        let area = |number: u8| world.places.areas[usize::from(number)].name.clone();
        let list = weeks
            .into_iter()
            .map(|((monday, number), [rows, kept])| (calendar::iso(monday), number.map(area), rows, kept));
        tables.entry(name).or_default().weeks = list.collect();
    }
    let rule = |table: Table| match table {
        Table::Arrests => "arrest_episodes",
        Table::DetentionStints => "detention_stays",
        other => other.name(),
    };
    let asked = QUIRKS.into_iter().filter(|(quirk, _)| options.quirks.has(*quirk));
    Truth {
        schema: "truth/1",
        release: release.id.clone(),
        seed: options.seed,
        window: release.window.clone(),
        quirks: asked.map(|(quirk, name)| (name, planted.of(quirk))).collect(),
        files,
        tables,
        groups: derived.resolved.into_iter().map(|(table, found)| (rule(table), found.grouping)).collect(),
        pairs: derived.pairs,
        fills: derived.fills,
        boundaries: derived.boundaries,
    }
}
