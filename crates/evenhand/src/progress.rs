//! How far a long command has come, on stderr: one line redrawn on a terminal, a plain line now and then where
//! there is none, one JSON object a line (`progress/1`) for machines. A command that is done at once says nothing.

use crate::table::thousands;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How progress is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// Events with `--json`, else a bar on a terminal, else lines.
    #[default]
    Auto,
    /// One line, redrawn.
    Bar,
    /// A line every ten seconds.
    Lines,
    /// A JSON object every second (`progress/1`).
    Events,
    /// Nothing.
    None,
}

/// What there is to do.
#[derive(Debug, Clone, Copy)]
pub struct All {
    pub files: u64,
    /// 0 where nobody says.
    pub bytes: u64,
}

/// How much of it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Far {
    /// What is being done: `reading`, `linking`.
    pub doing: &'static str,
    pub files: u64,
    pub bytes: u64,
    pub rows: Option<u64>,
}

/// Tells how far a command has come until it is dropped.
pub struct Watch {
    /// The line on a terminal, if there is one.
    bar: Option<ProgressBar>,
    /// Dropped to end the thread.
    end: Option<Sender<()>>,
    teller: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to tell what `far` says.
    pub fn start(progress: Progress, json: bool, all: All, far: impl Fn() -> Far + Send + 'static) -> Watch {
        let (mut told, every) = match progress {
            Progress::None => return Watch { bar: None, end: None, teller: None },
            Progress::Events => (Told::Events, Duration::from_secs(1)),
            Progress::Auto if json => (Told::Events, Duration::from_secs(1)),
            Progress::Lines => (Told::Lines, Duration::from_secs(10)),
            Progress::Auto if !io::stderr().is_terminal() => (Told::Lines, Duration::from_secs(10)),
            Progress::Bar | Progress::Auto => (Told::bar(), Duration::from_millis(250)),
        };
        let bar = match &told {
            Told::Bar(bar) => Some(bar.clone()),
            _ => None,
        };
        let (end, ended) = channel::<()>();
        let begun = Instant::now();
        let teller = std::thread::spawn(move || {
            while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                told.tell(all, far(), begun.elapsed().as_secs_f64());
            }
            if let Told::Bar(bar) = told {
                bar.finish_and_clear();
            }
        });
        Watch { bar, end: Some(end), teller: Some(teller) }
    }

    /// Says something else on stderr, with the line out of the way.
    pub fn aside(&self, say: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(teller) = self.teller.take() {
            // What it told is told; a panic of its own changes nothing that was done.
            drop(teller.join());
        }
    }
}

enum Told {
    Bar(ProgressBar),
    Lines,
    Events,
}

impl Told {
    fn bar() -> Told {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{wide_msg}");
        Told::Bar(style.map_or(bar.clone(), |style| bar.with_style(style)))
    }

    fn tell(&mut self, all: All, far: Far, seconds: f64) {
        // Nobody to tell is no reason to fail.
        match self {
            Told::Bar(bar) => bar.set_message(line(all, far, seconds)),
            Told::Lines => _ = writeln!(io::stderr(), "{}", line(all, far, seconds)),
            Told::Events => _ = writeln!(io::stderr(), "{}", event(all, far, seconds)),
        }
    }
}

/// `reading: 3 of 13 files, 412 of 1,301 MB, 4,512,000 rows, 93,000 rows/s, 0:41 left`.
fn line(all: All, far: Far, seconds: f64) -> String {
    let mut line = format!("{}: {} of {} files", far.doing, far.files, all.files);
    let of = match all.bytes {
        0 => String::new(),
        bytes => format!(" of {}", thousands(bytes.div_ceil(1_000_000))),
    };
    line += &format!(", {}{of} MB", thousands(far.bytes / 1_000_000));
    match far.rows {
        Some(rows) => {
            line += &format!(", {} rows, {} rows/s", thousands(rows), thousands(rate(rows, seconds)))
        }
        None => line += &format!(", {:.1} MB/s", far.bytes as f64 / 1e6 / seconds.max(1e-3)),
    }
    line + &match left(all, far, seconds) {
        Some(left) => format!(", {} left", clock(left)),
        None => format!(", {}", clock(seconds)),
    }
}

fn event(all: All, far: Far, seconds: f64) -> serde_json::Value {
    let round = |seconds: f64| (seconds * 10.0).round() / 10.0;
    json!({
        "schema": "progress/1", "doing": far.doing, "files": far.files, "files_total": all.files,
        "bytes": far.bytes, "bytes_total": Some(all.bytes).filter(|bytes| *bytes > 0), "rows": far.rows,
        "rows_per_second": far.rows.map(|rows| rate(rows, seconds)),
        "seconds": round(seconds), "seconds_left": left(all, far, seconds).map(round),
    })
}

fn rate(count: u64, seconds: f64) -> u64 {
    (count as f64 / seconds.max(1e-3)) as u64
}

/// Seconds that the bytes still to come take at the pace so far; none before there is a pace, or when there are
/// none to come.
fn left(all: All, far: Far, seconds: f64) -> Option<f64> {
    let to_come = all.bytes.checked_sub(far.bytes).filter(|bytes| *bytes > 0)?;
    (far.bytes > 0).then(|| seconds / far.bytes as f64 * to_come as f64)
}

/// Minutes and seconds.
fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: All = All { files: 13, bytes: 1_300_000_000 };

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long_yet() {
        let far = Far { doing: "reading", files: 3, bytes: 325_000_000, rows: Some(1_850_000) };
        assert_eq!(
            line(ALL, far, 20.0),
            "reading: 3 of 13 files, 325 of 1,300 MB, 1,850,000 rows, 92,500 rows/s, 1:00 left"
        );
        let done = Far { doing: "linking", files: 13, bytes: ALL.bytes, ..far };
        assert!(line(ALL, done, 83.0).ends_with("22,289 rows/s, 1:23"), "nothing is left to read");
    }

    #[test]
    fn an_event_has_the_same_as_numbers() {
        let far = Far { doing: "fetching", files: 0, bytes: 0, rows: None };
        let event = event(ALL, far, 1.04);
        assert_eq!(event["schema"], "progress/1");
        assert_eq!(event["seconds"], 1.0);
        assert!(event["seconds_left"].is_null() && event["rows"].is_null(), "no pace yet, and no rows");
    }

    #[test]
    fn a_total_that_nobody_knows_is_not_told() {
        let far = Far { doing: "fetching", files: 0, bytes: 3_000_000, rows: None };
        let all = All { files: 1, bytes: 0 };
        assert_eq!(line(all, far, 2.0), "fetching: 0 of 1 files, 3 MB, 1.5 MB/s, 0:02");
        assert!(event(all, far, 2.0)["bytes_total"].is_null());
    }
}
