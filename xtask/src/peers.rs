//! The estimators beside the strongest packages of Python, both run now, on the same seeded panels.
//!
//! CPU seconds, since a machine may be shared; preparation of the data inside the call counts, reading the file does
//! not. Peers come from PyPI into `target/peers`, at the versions of `peers/requirements.txt`; what cannot be
//! installed is named and skipped.

use crate::root;
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A task, the peers that do it, the ratio that we want against the fastest, and the largest panel it is run on.
struct Task {
    name: &'static str,
    peers: &'static [&'static str],
    goal: f64,
    most_units: u32,
}

const fn task(name: &'static str, peers: &'static [&'static str], goal: f64, most_units: u32) -> Task {
    Task { name, peers, goal, most_units }
}

const TASKS: &[Task] = &[
    task("event-study", &["fereg", "pyfixest"], 3.0, u32::MAX),
    task("poisson", &["fereg", "pyfixest"], 3.0, u32::MAX),
    task("sun-abraham", &["diff-diff", "pyfixest"], 3.0, 3_100),
    task("callaway-santanna", &["diff-diff", "csdid"], 10.0, u32::MAX),
    task("imputation", &["diff-diff", "py2sdid"], 10.0, u32::MAX),
    task("two-stage", &["py2sdid", "diff-diff"], 1.0, u32::MAX),
    task("synthetic-did", &["diff-diff"], 20.0, 500),
    task("synthetic-control", &["diff-diff"], 10.0, 500),
    task("randomization", &["fereg"], 50.0, 3_100),
    task("wild-bootstrap", &["pyfixest"], 3.0, 500),
    // Ends are points of a grid whose step is 0.002 to 0.004, and each package has a grid of its own.
    task("honest", &["honestdid", "moderndid"], 20.0, 500),
];

/// Units, periods; the last only with `--full`.
const PANELS: [(u32, u32); 3] = [(500, 40), (3_100, 120), (3_100, 600)];

/// `cargo xtask peers`.
pub fn run(full: bool, small: bool, only: &[String], seconds: u32) -> Result<()> {
    let folder = root().join("target/peers");
    fs::create_dir_all(&folder)?;
    let ours = build()?;
    let python = python(&folder)?;
    let panels = match (full, small) {
        (true, _) => &PANELS[..],
        (false, true) => &PANELS[..1],
        (false, false) => &PANELS[..2],
    };
    println!(
        "{:<18} {:>9} {:>10} {:>10} {:>18} {:>7} {:>5} {:>9}",
        "task", "panel", "ours, s", "peer, s", "peer", "ratio", "goal", "differ"
    );
    for &(units, periods) in panels {
        let file = folder.join(format!("panel-{units}x{periods}.csv"));
        let words = [units.to_string(), periods.to_string(), "20170201".to_owned()];
        succeed(Command::new(&ours).arg("panel").args(words).arg(&file))?;
        let chosen = |task: &&Task| only.is_empty() || only.iter().any(|name| name == task.name);
        for task in TASKS.iter().filter(chosen).filter(|task| units <= task.most_units) {
            line(task, (units, periods), &ours, &python, &file, seconds)?;
        }
    }
    Ok(())
}

fn line(task: &Task, panel: (u32, u32), ours: &Path, python: &Path, file: &Path, seconds: u32) -> Result<()> {
    let size = format!("{}x{}", panel.0, panel.1);
    let own = told(Command::new(ours).args(["run", task.name]).arg(file).arg(seconds.to_string()))?;
    let own_seconds = own["cpu_s"].as_f64().context("our time")?;
    let script = root().join("xtask/peers/peers.py");
    for peer in task.peers {
        let mut command = Command::new(python);
        command.arg(&script).args([task.name, peer]).arg(file).arg(seconds.to_string());
        let found = match told(&mut command) {
            Ok(found) => found,
            Err(error) => {
                let why =
                    error.to_string().lines().last().unwrap_or_default().chars().take(90).collect::<String>();
                println!(
                    "{:<18} {size:>9} {own_seconds:>10.4} {:>10} {peer:>18}  did not run: {why}",
                    task.name, "-"
                );
                continue;
            }
        };
        let peer_seconds = found["cpu_s"].as_f64().context("the peer's time")?;
        let version = format!("{peer} {}", found["version"].as_str().unwrap_or_default());
        let differ = differ(&own["numbers"], &found["numbers"]);
        let cold = if found["cold"] == true { " cold" } else { "" };
        println!(
            "{:<18} {size:>9} {own_seconds:>10.4} {peer_seconds:>10.4} {version:>18} {:>6.1}x {:>4}x {differ:>9}{cold}",
            task.name,
            peer_seconds / own_seconds,
            task.goal
        );
    }
    Ok(())
}

/// The largest relative difference among numbers that both name; p-values are random and do not count.
fn differ(ours: &Value, peer: &Value) -> String {
    let (Some(ours), Some(peer)) = (ours.as_object(), peer.as_object()) else { return "-".to_owned() };
    let pairs = ours
        .iter()
        .filter(|(name, _)| *name != "p")
        .filter_map(|(name, a)| Some((a.as_f64()?, peer.get(name)?.as_f64()?)));
    let apart = pairs.map(|(a, b)| (a - b).abs() / a.abs().max(b.abs()).max(1e-6));
    let most = apart.fold(None, |most: Option<f64>, x| Some(most.map_or(x, |most| most.max(x))));
    most.map_or_else(|| "-".to_owned(), |most| format!("{most:.0e}"))
}

fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The estimators are at full optimisation in the development profile, too.
    succeed(Command::new(cargo).args(["build", "--quiet", "--workspace", "--example", "tasks"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("debug/examples/tasks"))
}

/// A Python with the peers; each is installed on its own, so that one that fails does not take the others along.
fn python(folder: &Path) -> Result<PathBuf> {
    let python = folder.join("venv/bin/python");
    if python.exists() {
        return Ok(python);
    }
    succeed(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")))?;
    for package in fs::read_to_string(root().join("xtask/peers/requirements.txt"))?.lines() {
        let install = succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", package]));
        if let Err(error) = install {
            println!(
                "skipped: {package} cannot be installed ({})",
                error.to_string().lines().last().unwrap_or_default()
            );
        }
    }
    Ok(python)
}

/// The JSON of a command's last line.
fn told(command: &mut Command) -> Result<Value> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(text.lines().last().unwrap_or_default())?)
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
