use crate::commands::estimate::flags::Estimate;
use crate::out::Color;
use crate::progress::Progress;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use evenhand_derive::{Boundary, Rule};
use std::path::PathBuf;
use std::time::Duration;

/// Puts claims about immigration enforcement to the test on the public record.
///
/// Start with `evenhand check`: it judges the built-in claims on the built-in record.
#[derive(Debug, Parser)]
#[command(name = "evenhand", version, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// When to use color; `auto` respects NO_COLOR.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge claims: as a table, one page a claim, JSON, or an HTML report.
    Check(Check),
    /// Look at claim files without judging them.
    #[command(subcommand)]
    Docket(Docket),
    /// Download a release from its publisher, resumed and checked.
    Fetch(Fetch),
    /// Read released files into a record and print the account of every row.
    Ingest(Ingest),
    /// Check a record's checksums, schemas, row counts and ledgers.
    Verify(Verify),
    /// Set two releases or records side by side: rows, columns, words, the same week's counts.
    Diff(Diff),
    /// Ask a record in SQL.
    Query(Query),
    /// Count a measure by unit and period, as CSV or JSON.
    Panel(Panel),
    /// Estimate an effect on a table of your own, by any method of the library.
    Estimate(Box<Estimate>),
    /// List the releases in a record.
    Releases(Listing),
    /// List what claims can measure, and what serves each measure.
    Measures(Listing),
    /// Look up metros, counties and landmarks.
    Places(Places),
    /// Make up a release in the layouts and with the faults of a real one, and say what is true of it.
    Simulate(Simulate),
}

/// `evenhand check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Claim files; without any, the built-in docket.
    #[arg(value_name = "DOCKET")]
    pub dockets: Vec<PathBuf>,
    /// A record that `evenhand ingest` wrote; without it, the built-in record.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Only this claim; may be repeated. One claim prints its page.
    #[arg(long = "claim", value_name = "ID")]
    pub claims: Vec<String>,
    /// Print verdicts as JSON (`check/1`).
    #[arg(long)]
    pub json: bool,
    /// Write one self-contained HTML page.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Rules fixed earlier; a verdict by another rule is exploratory.
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// Exit with 5 if a rule or verdict is not the one in the lock.
    #[arg(long, requires = "lock")]
    pub locked: bool,
    /// Fix the rules as they are now.
    #[arg(long, value_name = "FILE")]
    pub write_lock: Option<PathBuf>,
    /// Exit with 4 if a test could not be run.
    #[arg(long)]
    pub strict: bool,
    /// Seed of every random procedure.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub threads: Threads,
    /// Columns to write for; without it, the terminal's, and 80 where there is none.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(40..=400))]
    pub width: Option<u16>,
}

/// `evenhand docket`.
#[derive(Debug, Subcommand)]
pub enum Docket {
    /// Say everything that is wrong with a claim file, by line and key.
    Lint {
        /// Claim files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Print the problems as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the claims with their tests and rules.
    Show {
        /// A claim file; without it, the built-in docket.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Only this claim; may be repeated.
        #[arg(long = "claim", value_name = "ID")]
        claims: Vec<String>,
    },
    /// Print the hash of each claim's rule.
    Hash {
        /// A claim file; without it, the built-in docket.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// `evenhand fetch`.
#[derive(Debug, Args)]
pub struct Fetch {
    /// The release; `--list` names them.
    #[arg(value_name = "RELEASE", required_unless_present = "list")]
    pub release: Option<String>,
    /// The folder to fetch into; without it, one here with the name of the release.
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<PathBuf>,
    /// List the releases, or the files of one, and fetch nothing.
    #[arg(long)]
    pub list: bool,
    /// Another list of releases than the built-in one.
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Tell what happens as JSON, one object a line (`fetch/1`).
    #[arg(long)]
    pub json: bool,
    /// How to tell, on stderr, how far it has come.
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    pub progress: Progress,
    /// Attempts after one that failed; one that brought a mebibyte makes the count begin anew.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: u32,
    /// Wait before the second attempt, doubled before each further one.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub retry_wait: Duration,
    /// Longest wait for a connection, an answer, or the next bytes.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub timeout: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    let fits = (0.001..=86_400.0).contains(&seconds);
    fits.then(|| Duration::from_secs_f64(seconds)).ok_or_else(|| "expected 0.001 to 86400".to_owned())
}

/// `evenhand ingest`.
#[derive(Debug, Args)]
pub struct Ingest {
    /// Released files, or folders of them.
    #[arg(required_unless_present = "list_steps", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where the record is or shall be.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["explain", "list_steps"])]
    pub record: Option<PathBuf>,
    /// Print the ledger as JSON (`ingest/1`).
    #[arg(long)]
    pub json: bool,
    /// Only say how each file would be read: layout, header row, what becomes of each column.
    #[arg(long)]
    pub explain: bool,
    /// Leave out files that no layout knows instead of refusing.
    #[arg(long)]
    pub skip_unknown: bool,
    /// Release of the files whose header belongs to several, such as `ice-r2025oct`.
    #[arg(long, value_name = "ID")]
    pub release: Option<String>,
    /// How to tell, on stderr, how far it has come.
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    pub progress: Progress,
    /// Steps of the derived tables to leave out; `--list-steps` names them.
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub without: Vec<Rule>,
    /// Older steps to take in the stead of today's; `--list-steps` says which.
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub with: Vec<Rule>,
    /// From this day on count by this release: stays and arrests say whether they belong to theirs.
    #[arg(long = "boundary", value_name = "RELEASE=DATE")]
    pub boundaries: Vec<Boundary>,
    /// List the steps that make the derived tables.
    #[arg(long)]
    pub list_steps: bool,
    #[command(flatten)]
    pub threads: Threads,
}

/// `evenhand diff`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("format").multiple(false))]
pub struct Diff {
    /// One side: the folder of a record, `DIR@RELEASE`, or a release of `--record`.
    #[arg(value_name = "A")]
    pub a: String,
    /// The other side.
    #[arg(value_name = "B")]
    pub b: String,
    /// Record of the releases named alone; without it, the built-in record.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Also judge the built-in docket on both records, and tell which verdicts move.
    #[arg(long)]
    pub verdicts: bool,
    /// Print the weeks as CSV.
    #[arg(long, group = "format")]
    pub csv: bool,
    /// Print JSON (`diff/1`).
    #[arg(long, group = "format")]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

/// `evenhand verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The record; without it, the built-in record.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Print the findings as JSON (`verify/1`).
    #[arg(long)]
    pub json: bool,
}

/// `evenhand query`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("format").multiple(false))]
pub struct Query {
    /// One SELECT over the tables of the record.
    #[arg(value_name = "SQL")]
    pub sql: String,
    /// The record; without it, the built-in record.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Allow tables of rows about persons, on your own machine.
    #[arg(long)]
    pub local: bool,
    /// Print CSV.
    #[arg(long, group = "format")]
    pub csv: bool,
    /// Print JSON (`query/1`).
    #[arg(long, group = "format")]
    pub json: bool,
    /// Write a Parquet file.
    #[arg(long, group = "format", value_name = "FILE")]
    pub parquet: Option<PathBuf>,
    /// Columns to write for; without it, the terminal's, and no limit where there is none.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(20..=1000))]
    pub width: Option<u16>,
}

/// `evenhand panel`.
#[derive(Debug, Args)]
pub struct Panel {
    /// What to count; `evenhand measures` lists them.
    pub measure: String,
    /// The record; without it, the built-in record.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Unit of the rows.
    #[arg(long, default_value = "aor", value_parser = ["aor", "aor-harmonised", "county"])]
    pub unit: String,
    /// Period of the columns.
    #[arg(long, default_value = "month", value_parser = ["week", "month"])]
    pub period: String,
    /// Another release than the measure's own.
    #[arg(long, value_name = "ID")]
    pub release: Option<String>,
    /// How arrests that name no county enter a county's count.
    #[arg(long, value_enum, default_value_t)]
    pub geography: Placing,
    /// How unevenly the arrests without a county may fall, for the skew bounds.
    #[arg(long, value_name = "N", default_value_t = 2.0, value_parser = kappa)]
    pub kappa: f64,
    /// Print CSV; the default.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Print JSON (`panel/1`).
    #[arg(long)]
    pub json: bool,
}

/// How arrests that name no county enter a county's count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Placing {
    /// Only arrests that name a county.
    Located,
    /// Those, and the ones under the general code of an office that sits in the county.
    #[default]
    WithOffice,
    /// The area's unplaced arrests in proportion to its placed ones.
    Proportional,
    /// None of the area's unplaced arrests.
    WorstLow,
    /// All of the area's unplaced arrests.
    WorstHigh,
    /// As few of them as the skew allows.
    SkewLow,
    /// As many of them as the skew allows.
    SkewHigh,
}

fn kappa(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().map_err(|error| error.to_string())?;
    (number >= 1.0 && number.is_finite()).then_some(number).ok_or_else(|| "expected 1 or more".to_owned())
}

/// `evenhand releases` and `evenhand measures`.
#[derive(Debug, Args)]
pub struct Listing {
    /// The record; without it, the built-in record.
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `evenhand places`.
#[derive(Debug, Args)]
pub struct Places {
    #[command(subcommand)]
    pub what: Option<Place>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// A place to look up.
#[derive(Debug, Subcommand)]
pub enum Place {
    /// One county by its five-digit code.
    County {
        /// Such as 48453.
        fips: String,
    },
    /// The county that a landmark is placed in, by which rule, and how surely.
    Landmark {
        /// Three-letter code of the area of responsibility, such as SNA.
        aor: String,
        /// The landmark as released.
        text: String,
    },
}

/// `evenhand simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// Which release to imitate: r2023, r2025jul, r2025oct, r2026mar, r2026aug.
    #[arg(long, value_name = "NAME")]
    pub release: String,
    /// How many rows: small (10,000), medium (a tenth), full (as released), or a number.
    #[arg(long, value_name = "SCALE", default_value = "small")]
    pub scale: evenhand_simulate::Scale,
    /// Seed of everything; the same seed gives the same bytes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The folder to write, new or empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Only these tables, separated by commas; their rows are the same as among the others.
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    pub tables: Vec<evenhand_simulate::Table>,
    /// Faults to leave out, separated by commas.
    #[arg(long, value_name = "QUIRK", value_delimiter = ',')]
    pub without: Vec<evenhand_simulate::Quirk>,
    /// Faults that are planted only on request: same-content.
    #[arg(long, value_name = "QUIRK", value_delimiter = ',')]
    pub with: Vec<evenhand_simulate::Quirk>,
    /// Print what is true of it (`truth/1`), as in its `truth.json`.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub threads: Threads,
}

/// How many threads.
#[derive(Debug, Clone, Copy, Args)]
pub struct Threads {
    /// Threads to use; changes nothing but time. Without it, one a core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn flags_are_defined_without_contradiction() {
        Cli::command().debug_assert();
    }
}
