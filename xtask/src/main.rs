//! Repository chores: what must be made again when data or code change, and measured.
//!
//! `cargo xtask help` lists them. Each is one file.

mod bench;
mod builtin;
mod calibrate;
mod compare;
mod crash;
mod methods;
mod peers;
mod places;

use clap::{Parser, Subcommand};
use std::num::NonZeroU64;
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Repository chores")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Derive the built-in record from the raw releases.
    Builtin {
        /// Folder that holds one folder a release.
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// Write nothing; fail unless the record in the repository is what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Build the place tables again from the released lists.
    Places {
        /// Folder that holds one folder a release.
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
    },
    /// Compare two `check --json` documents: the same verdicts, for the same reasons?
    Compare {
        /// One document.
        left: PathBuf,
        /// The other.
        right: PathBuf,
    },
    /// Write one page a method from the headers of the estimation library.
    Methods {
        /// Write nothing; fail unless the pages are what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Measure coverage and size of the estimators; 2,000 runs write the table of the documentation.
    Calibrate {
        /// Panels of each kind.
        #[arg(long, value_name = "N", default_value_t = 2_000)]
        runs: u64,
    },
    /// Run the estimators beside the strongest Python packages: agreement, and CPU seconds.
    Peers {
        /// Also the largest panel, 3,100 units by 600 periods.
        #[arg(long)]
        full: bool,
        /// Only the smallest panel.
        #[arg(long, conflicts_with = "full")]
        small: bool,
        /// Only this task; may be repeated.
        #[arg(long = "task", value_name = "NAME")]
        tasks: Vec<String>,
        /// How long each side may repeat a task.
        #[arg(long, value_name = "S", default_value_t = 5)]
        seconds: u32,
    },
    /// Let ingests die, disks refuse, writers meet and bytes flip, at every point of the real binary.
    Crash {
        /// The binary.
        #[arg(long, value_name = "FILE", default_value = "target/debug/evenhand")]
        evenhand: PathBuf,
        /// Rows of the releases that are ingested: from 150,000 on linking puts rows aside on the disk.
        #[arg(long, value_name = "N", default_value_t = 300)]
        rows: u64,
        /// Only every Nth call, and only deaths and refusals.
        #[arg(long, value_name = "N")]
        every: Option<NonZeroU64>,
    },
    /// Measure CPU seconds and peak memory, beside a peer where there is one.
    Bench {
        #[command(subcommand)]
        what: bench::What,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().chore {
        Chore::Builtin { from, check } => builtin::run(&from, check),
        Chore::Places { from } => places::run(&from),
        Chore::Compare { left, right } => compare::run(&left, &right),
        Chore::Methods { check } => methods::run(check),
        Chore::Calibrate { runs } => calibrate::run(runs),
        Chore::Peers { full, small, tasks, seconds } => peers::run(full, small, &tasks, seconds),
        Chore::Crash { evenhand, rows, every } => crash::run(&evenhand, rows, every),
        Chore::Bench { what } => bench::run(&what),
    }
}

/// The workspace's root folder.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
