//! Whether two runs of `check` say the same, whatever record they read it from.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::path::Path;

/// What a verdict rests on. Where its data lie and how to run it again differ between records.
const COMPARED: &[&str] =
    &["claim", "status", "modifiers", "confidence", "say", "rule_hash", "tests", "caveats"];

/// `cargo xtask compare`.
pub fn run(left: &Path, right: &Path) -> Result<()> {
    let (left, right) = (verdicts(left)?, verdicts(right)?);
    if left.is_empty() || left.len() != right.len() {
        bail!("{} and {} verdicts", left.len(), right.len());
    }
    let mut differences = Vec::new();
    for (a, b) in left.iter().zip(&right) {
        let differ = COMPARED.iter().filter(|key| a.get(**key) != b.get(**key));
        differences.extend(differ.map(|key| format!("{}: {key}: {} and {}", a["claim"], a[*key], b[*key])));
    }
    if !differences.is_empty() {
        bail!("{}", differences.join("\n"));
    }
    println!("{} verdicts, the same in both", left.len());
    Ok(())
}

fn verdicts(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut document: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    match document["verdicts"].take() {
        Value::Array(verdicts) => Ok(verdicts),
        _ => bail!("{}: expected verdicts, found none", path.display()),
    }
}
