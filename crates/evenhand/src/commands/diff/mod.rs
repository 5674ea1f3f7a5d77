//! Two releases or records side by side: rows, columns, words, the same week's counts, and the verdicts that move.
//!
//! Identifiers are drawn anew for each release, so rows are never matched: what is compared is what is counted.
//! Counts are of the whole table and never of a place; words with fewer than eleven rows have no count; weeks of
//! the last sixty days are left out.

mod compare;
mod side;

use crate::cli::Diff;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{self, Talk};
use crate::{dockets, record, threads};
use compare::Comparison;
use evenhand_measure::Figures;
use evenhand_verdict::{DEFAULT_SEED, Options};
use serde_json::Value;
use side::Side;
use std::path::Path;
use std::time::SystemTime;

/// Days before today of which no week is shown.
const TOO_NEW: i64 = 60;

/// `evenhand diff`.
pub fn run(args: &Diff, talk: Talk) -> Result<Exit, Failure> {
    threads::use_at_most(args.threads)?;
    let folder = args.record.as_deref();
    let (a, b) = (Side::read(&args.a, folder)?, Side::read(&args.b, folder)?);
    let mut comparison = Comparison::of(&a, &b, last_day());
    if args.verdicts {
        let of = |name: &str| verdicts(name);
        comparison.verdicts = Some(compare::verdicts(&of(&args.a)?, &of(&args.b)?));
    }
    if args.json {
        out::json(&comparison.as_json())?;
    } else if args.csv {
        out::data(&comparison.as_csv())?;
    } else {
        out::data(&comparison.as_text())?;
    }
    if comparison.weeks_left_out > 0 {
        let weeks = comparison.weeks_left_out;
        talk.say(&format!("note: {weeks} week(s) with days of the last {TOO_NEW} days are not shown"));
    }
    Ok(Exit::Done)
}

/// The last day, from 1970-01-01, that is old enough to be shown.
fn last_day() -> i32 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i32::try_from(elapsed.as_secs() / 86_400).map_or(i32::MAX, |today| today.saturating_sub(TOO_NEW as i32))
}

/// The verdicts of the built-in docket on a whole record, as documents.
fn verdicts(name: &str) -> Result<Vec<Value>, Failure> {
    let folder = Path::new(name);
    if !folder.is_dir() {
        let message = format!("`--verdicts` judges whole records, and `{name}` is one release");
        return Err(Failure::new(Exit::Usage, message).hint("give the folders of two records"));
    }
    let (docket, _) = dockets::load(None)?;
    let figures = Figures::open(&record::open(Some(folder))?, &record::name(Some(folder)))?;
    let options = Options { seed: DEFAULT_SEED, claims: None, command_record: format!("--record {name}") };
    let check = evenhand_verdict::check(&docket, None, &figures, &options)?;
    let document: Value = serde_json::from_str(&evenhand_render::json::check(&check)).unwrap_or_default();
    Ok(document["verdicts"].as_array().cloned().unwrap_or_default())
}
