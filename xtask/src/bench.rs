//! CPU seconds and peak memory of what people wait for.
//!
//! Each run is a process of its own, measured by the operating system. The peers are what people use today,
//! installed from PyPI into `target/bench`. All run in turn, several times; the best counts, since a shared
//! machine only ever adds.

use crate::root;
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What to measure.
#[derive(Subcommand)]
pub enum What {
    /// Raw files to a published record, beside pandas.
    Ingest {
        /// A folder of released delimited files.
        #[arg(long, value_name = "DIR", default_value = "../shared/data/ice-foia-2019-53623")]
        from: PathBuf,
        /// Measure the build that the tests use, not a release build.
        #[arg(long)]
        dev: bool,
    },
    /// Made-up workbooks to their cells, beside calamine.
    Workbook {
        /// Measure the build that the tests use, not a release build.
        #[arg(long)]
        dev: bool,
    },
    /// Episodes, stays, and which arrest led to which stay, at national scale, beside polars and DuckDB.
    Derive {
        /// Stints; arrests and persons are in proportion to those of all public releases.
        #[arg(long, value_name = "N", default_value_t = 9_290_000)]
        stints: u64,
        /// Measure the build that the tests use, not a release build.
        #[arg(long)]
        dev: bool,
        /// Only our own linking.
        #[arg(long)]
        alone: bool,
    },
    /// Made-up releases' workbooks to typed columns, every check on, beside the readers that people use.
    Columns {
        /// Measure the build that the tests use, not a release build.
        #[arg(long)]
        dev: bool,
        /// Also pandas with openpyxl, which takes minutes.
        #[arg(long)]
        slow: bool,
    },
    /// A whole made-up release to a published and verified record, on one core and on all.
    Release {
        /// Release whose layouts are made up.
        #[arg(long, value_name = "ID", default_value = "r2026mar")]
        release: String,
        /// Rows, or `full`.
        #[arg(long, value_name = "N", default_value = "full")]
        scale: String,
        /// Measure the build that the tests use, not a release build.
        #[arg(long)]
        dev: bool,
    },
    /// The built-in docket on the built-in record, and the report's size.
    Check {
        /// Measure the build that the tests use, not a release build.
        #[arg(long)]
        dev: bool,
    },
}

const ROUNDS: usize = 3;
/// Rounds of a measurement of seconds, not minutes: a busy neighbour for a moment hits single rounds.
const SHORT_ROUNDS: usize = 9;

/// `cargo xtask bench`.
pub fn run(what: &What) -> Result<()> {
    let folder = root().join("target/bench");
    std::fs::create_dir_all(&folder)?;
    match what {
        What::Ingest { from, dev } => ingest(from, &build(*dev)?, &folder),
        What::Workbook { dev } => workbook(*dev, &folder),
        What::Derive { stints, dev, alone } => derive(*stints, *dev, *alone, &folder),
        What::Columns { dev, slow } => columns(*dev, *slow, &folder),
        What::Release { release, scale, dev } => whole(release, scale, &build(*dev)?, &folder),
        What::Check { dev } => check(&build(*dev)?, &folder),
    }
}

fn ingest(from: &Path, evenhand: &Path, folder: &Path) -> Result<()> {
    let python = python(folder)?;
    let (record, parquet) = (folder.join("record"), folder.join("pandas"));
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..SHORT_ROUNDS {
        for made in [&record, &parquet] {
            if made.exists() {
                std::fs::remove_dir_all(made)?;
            }
        }
        let script = root().join("xtask/bench/ingest_pandas.py");
        peer.push(measure(&python, Command::new(&python).arg(script).arg(from).arg(&parquet))?);
        let ingest =
            measure(&python, Command::new(evenhand).arg("ingest").arg(from).arg("--record").arg(&record))?;
        ours.push(ingest);
    }
    let (ours, peer) = (best(&ours), best(&peer));
    report("evenhand ingest", ours);
    report("pandas", peer);
    println!(
        "ratio: {:.1} in CPU seconds, {:.1} in elapsed seconds (bar: 5); memory {:.2} of pandas (bar: under 500 MB)",
        peer.cpu / ours.cpu,
        peer.elapsed / ours.elapsed,
        ours.peak_mb / peer.peak_mb
    );
    Ok(())
}

/// Every cell of two workbooks, read by our reader on one thread and on two, and by calamine's reader of cells.
fn workbook(dev: bool, folder: &Path) -> Result<()> {
    let python = python(folder)?;
    let files = folder.join("workbooks");
    std::fs::create_dir_all(&files)?;
    if !files.join("full-sheet.xlsx").exists() {
        run_quietly(Command::new(&python).args(["-m", "pip", "install", "--quiet", "xlsxwriter"]))?;
        run_quietly(Command::new(&python).arg(root().join("xtask/bench/workbook_files.py")).arg(&files))?;
    }
    let cells = built(dev, &["--package", "evenhand-workbook", "--example", "cells"])?.join("examples/cells");
    for (file, what) in [
        ("arrests-100k.xlsx", "100,000 rows of 25 columns (bar: 0.25 CPU s with typed columns)"),
        ("full-sheet.xlsx", "1,048,569 rows of 3 columns (bar: no more CPU than calamine, under 250 MB)"),
    ] {
        println!("{what}");
        let readers = ["ours", "ahead", "calamine"];
        let mut runs = readers.map(|_| Vec::new());
        for _ in 0..ROUNDS {
            for (reader, runs) in readers.iter().zip(&mut runs) {
                runs.push(measure(&python, Command::new(&cells).arg(reader).arg(files.join(file)))?);
            }
        }
        let [ours, ahead, calamine] = runs.map(|runs| best(&runs));
        report("one thread", ours);
        report("two threads", ahead);
        report("calamine", calamine);
        println!(
            "ratio: {:.1} in CPU seconds, {:.1} in elapsed seconds on two threads",
            calamine.cpu / ours.cpu,
            calamine.elapsed / ahead.elapsed
        );
    }
    Ok(())
}

/// Made-up rows, linked by us and by two engines with the same rules. All read the same Parquet files, which counts.
fn derive(stints: u64, dev: bool, alone: bool, folder: &Path) -> Result<()> {
    let national =
        built(dev, &["--package", "evenhand-derive", "--example", "national"])?.join("examples/national");
    let rows = folder.join(format!("derive-{stints}"));
    if !rows.join("detention_stints.parquet").exists() {
        run_quietly(Command::new(&national).arg("make").arg(&rows).arg(stints.to_string()))?;
    }
    let python = venv(&folder.join("venv-derive"), &["polars==2.1.*", "duckdb==2.0.*", "pyarrow"])?;
    let script = |name: &str| {
        let mut command = Command::new(&python);
        command.arg(root().join("xtask/bench").join(name)).arg(&rows).arg(folder.join("spill"));
        command
    };
    let mut ours = Vec::new();
    let mut result = Value::Null;
    for _ in 0..ROUNDS {
        let (run, told) = measure_told(&python, Command::new(&national).arg("link").arg(&rows))?;
        ours.push(run);
        result = told;
    }
    let ours = best(&ours);
    println!("{stints} stints: {result}");
    report("evenhand-derive", ours);
    println!("bar: 10 CPU s and 600 MB at 9,290,000 stints");
    let peers = [("polars", "derive_polars.py"), ("duckdb", "derive_duckdb.py")];
    for (name, file) in peers.into_iter().filter(|_| !alone) {
        let (run, told) = measure_told(&python, &script(file))?;
        report(name, run);
        println!(
            "ratio: {:.1} in CPU seconds, {:.1} in memory",
            run.cpu / ours.cpu,
            run.peak_mb / ours.peak_mb
        );
        let differs = |(key, value): (&String, &Value)| {
            (told[key] != *value).then(|| format!("{key}: {value}, {name} has {}", told[key]))
        };
        let found = result.as_object().into_iter().flatten().filter_map(differs).collect::<Vec<_>>();
        if !found.is_empty() {
            bail!("the results differ: {}", found.join("; "));
        }
        println!("results are equal");
    }
    Ok(())
}

/// One workbook of each table of a made-up release, read to Arrow columns with every check, by us and by others.
fn columns(dev: bool, slow: bool, folder: &Path) -> Result<()> {
    let packages = ["fastexcel", "polars", "openpyxl", "pandas==3.1.*", "pyarrow"];
    let python = venv(&folder.join("venv-columns"), &packages)?;
    let files = folder.join("columns");
    if !files.exists() {
        let words = ["simulate", "--release", "r2026mar", "--scale", "4000000", "--tables"];
        let tables = "arrests,detainers,detention_stints";
        run_quietly(Command::new(build(true)?).args(words).arg(tables).arg("--out").arg(&files))?;
    }
    let ours =
        built(dev, &["--package", "evenhand-ingest", "--example", "batches"])?.join("examples/batches");
    let cells = built(dev, &["--package", "evenhand-workbook", "--example", "cells"])?.join("examples/cells");
    let mut peers =
        vec![("calamine cells", vec![cells.as_os_str().to_owned(), "calamine".into()], SHORT_ROUNDS)];
    let script = root().join("xtask/bench/columns_peer.py");
    for (name, rounds) in
        [("fastexcel", SHORT_ROUNDS), ("polars", SHORT_ROUNDS), ("pandas", usize::from(slow))]
    {
        peers.push((name, vec![python.clone().into(), script.clone().into(), name.into()], rounds));
    }
    if Command::new("Rscript").args(["-e", "library(readxl)"]).output().is_ok_and(|ran| ran.status.success())
    {
        let script = root().join("xtask/bench/columns_readxl.R");
        peers.push(("readxl", vec!["Rscript".into(), script.into()], 1));
    } else {
        println!("readxl is left out: no R with it (in Debian: r-base-core and r-cran-readxl)");
    }
    for table in ["Arrests_FY2024", "Detainers_FY2024", "Detentions_FY2023"] {
        let named = |path: &PathBuf| path.to_string_lossy().contains(table);
        let found = std::fs::read_dir(&files)?.flatten().map(|entry| entry.path()).find(named);
        let file = found.with_context(|| format!("no workbook {table}"))?;
        println!("{table}, {:.0} MB", std::fs::metadata(&file)?.len() as f64 / 1e6);
        let (mut one, mut two) = (Vec::new(), Vec::new());
        let mut theirs = peers.iter().map(|_| Vec::new()).collect::<Vec<_>>();
        for round in 0..SHORT_ROUNDS {
            let one_thread = &mut Command::new("env");
            one.push(measure(&python, one_thread.arg("RAYON_NUM_THREADS=1").arg(&ours).arg(&file))?);
            two.push(measure(&python, Command::new(&ours).arg(&file))?);
            for ((_, words, _), runs) in
                peers.iter().zip(&mut theirs).filter(|((.., rounds), _)| round < *rounds)
            {
                // Six lines stand before the header.
                let [program, words @ ..] = words.as_slice() else { continue };
                runs.push(measure(&python, Command::new(program).args(words).arg(&file).arg("6"))?);
            }
        }
        let (one, two) = (best(&one), best(&two));
        report("ours, one thread", one);
        report("ours, two threads", two);
        for ((name, ..), runs) in peers.iter().zip(&theirs).filter(|(_, runs)| !runs.is_empty()) {
            let run = best(runs);
            report(name, run);
            println!(
                "  ratio: {:.1} in CPU seconds, {:.1} on two threads; {:.1} in elapsed seconds on two; {:.1} in memory",
                run.cpu / one.cpu,
                run.cpu / two.cpu,
                run.elapsed / two.elapsed,
                run.peak_mb / two.peak_mb
            );
        }
    }
    Ok(())
}

/// A release of several files: what the second core is good for, and the memory of the whole.
fn whole(release: &str, scale: &str, evenhand: &Path, folder: &Path) -> Result<()> {
    let (made, record) = (folder.join(format!("{release}-{scale}")), folder.join("whole-record"));
    if !made.exists() {
        let words = ["simulate", "--release", release, "--scale", scale, "--out"];
        run_quietly(Command::new(evenhand).args(words).arg(&made))?;
    }
    let python = PathBuf::from("python3");
    let ingest = |command: &mut Command| {
        if record.exists() {
            std::fs::remove_dir_all(&record)?;
        }
        measure(&python, command.arg("ingest").arg(&made).arg("--record").arg(&record))
    };
    println!("{release}, {scale} rows");
    let one = ingest(Command::new("taskset").args(["--cpu-list", "0"]).arg(evenhand))?;
    report("one core", one);
    let all = ingest(&mut Command::new(evenhand))?;
    report("all cores", all);
    run_quietly(Command::new(evenhand).arg("verify").arg("--record").arg(&record))?;
    let cores = std::thread::available_parallelism()?.get();
    println!(
        "ratio: {:.2} in elapsed seconds on {cores} cores; the record is verified",
        one.elapsed / all.elapsed
    );
    Ok(())
}

fn check(evenhand: &Path, folder: &Path) -> Result<()> {
    let report_file = folder.join("report.html");
    let python = PathBuf::from("python3");
    let mut runs = Vec::new();
    for _ in 0..ROUNDS {
        runs.push(measure(&python, Command::new(evenhand).arg("check").arg("--report").arg(&report_file))?);
    }
    report("evenhand check", best(&runs));
    println!(
        "report: {} bytes (bar: under 600,000; CPU bar: under 2 s)",
        std::fs::metadata(&report_file)?.len()
    );
    Ok(())
}

/// Builds the binary; the whole workspace's features, so that nothing else is built again.
fn build(dev: bool) -> Result<PathBuf> {
    Ok(built(dev, &["--bin", "evenhand"])?.join("evenhand"))
}

/// Builds what is named; the folder that it is in.
fn built(dev: bool, what: &[&str]) -> Result<PathBuf> {
    let profile = if dev { "dev" } else { "release" };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["build", "--profile", profile]).args(what).status()?;
    if !status.success() {
        bail!("the build failed: {status}");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join(if dev { "debug" } else { "release" }))
}

/// A Python with pandas.
fn python(folder: &Path) -> Result<PathBuf> {
    venv(&folder.join("venv"), &["pandas==3.1.*", "pyarrow"])
}

/// A Python with these packages, installed once.
fn venv(folder: &Path, packages: &[&str]) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    if !python.exists() {
        run_quietly(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        run_quietly(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
    }
    Ok(python)
}

/// One run.
#[derive(Clone, Copy)]
struct Run {
    cpu: f64,
    elapsed: f64,
    peak_mb: f64,
}

/// Runs a command under a few lines of Python that ask the operating system what it took.
fn measure(python: &Path, command: &Command) -> Result<Run> {
    Ok(measure_told(python, command)?.0)
}

/// The same, with the JSON on the command's last line, if it is any.
fn measure_told(python: &Path, command: &Command) -> Result<(Run, Value)> {
    let output = Command::new(python)
        .arg(root().join("xtask/bench/measure.py"))
        .arg(command.get_program())
        .args(command.get_args())
        .output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let told: Value = serde_json::from_str(text.lines().last().unwrap_or_default())?;
    let number = |key: &str| told[key].as_f64().with_context(|| format!("no {key}"));
    let run = Run { cpu: number("cpu_s")?, elapsed: number("elapsed_s")?, peak_mb: number("peak_mb")? };
    let last = told["last_line"].as_str().unwrap_or_default();
    Ok((run, serde_json::from_str(last).unwrap_or_default()))
}

fn best(runs: &[Run]) -> Run {
    let least = |value: fn(&Run) -> f64| runs.iter().map(value).fold(f64::INFINITY, f64::min);
    let most = runs.iter().map(|run| run.peak_mb).fold(0.0, f64::max);
    Run { cpu: least(|run| run.cpu), elapsed: least(|run| run.elapsed), peak_mb: most }
}

fn report(name: &str, run: Run) {
    println!("{name:<16} {:>8.2} CPU s {:>8.2} s elapsed {:>8.0} MB peak", run.cpu, run.elapsed, run.peak_mb);
}

fn run_quietly(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
