use crate::cli::Docket as Args;
use crate::dockets;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{self, Talk};
use evenhand_docket::{Claim, Docket, Lint, Problem};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// `evenhand docket`.
pub fn run(args: &Args, talk: Talk) -> Result<Exit, Failure> {
    match args {
        Args::Lint { files, json } => lint(files, *json, talk),
        Args::Show { file, claims } => show(file.as_deref(), claims),
        Args::Hash { file } => hash(file.as_deref()),
    }
}

/// What a lint of one file found.
#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    omitted: usize,
    lints: Vec<Lint>,
}

fn lint(files: &[PathBuf], as_json: bool, talk: Talk) -> Result<Exit, Failure> {
    let found = files.iter().map(|file| look(file)).collect::<Vec<_>>();
    let problems = found.iter().map(|found| found.problems.len() + found.omitted).sum::<usize>();
    let lints = found.iter().map(|found| found.lints.len()).sum::<usize>();
    if as_json {
        let problems = found.iter().flat_map(|found| &found.problems).map(problem_as_json);
        let lints = found.iter().flat_map(|found| &found.lints).map(lint_as_json);
        out::json(&json!({
            "schema": "lint/1",
            "problems": problems.collect::<Vec<_>>(),
            "warnings": lints.collect::<Vec<_>>(),
        }))?;
    } else {
        out::data(&found.iter().map(as_text).collect::<String>())?;
    }
    let files =
        if files.len() == 1 { files[0].display().to_string() } else { format!("{} files", files.len()) };
    if problems > 0 {
        return Err(Failure::new(
            Exit::BadInput,
            format!("{files}: {problems} problem(s), {lints} warning(s)"),
        ));
    }
    talk.say(&format!("{files}: no problem, {lints} warning(s)"));
    Ok(Exit::Done)
}

fn look(file: &Path) -> Found {
    match Docket::load(file) {
        Ok((_, lints)) => Found { lints, ..Found::default() },
        Err(error) => {
            Found { problems: error.problems().to_vec(), omitted: error.omitted(), ..Found::default() }
        }
    }
}

fn as_text(found: &Found) -> String {
    let with_hint = |line: String, hint: &Option<String>| match hint {
        Some(hint) => format!("{line}\n  hint: {hint}\n"),
        None => format!("{line}\n"),
    };
    let problems = found
        .problems
        .iter()
        .map(|problem| with_hint(format!("{problem} [{}]", problem.code), &problem.hint));
    let more = (found.omitted > 0).then(|| format!("and {} more problems\n", found.omitted));
    let lints = found.lints.iter().map(|lint| with_hint(format!("warning: {lint}"), &lint.hint));
    problems.chain(more).chain(lints).collect()
}

fn problem_as_json(problem: &Problem) -> Value {
    json!({
        "code": problem.code.code(), "file": problem.file, "line": problem.line, "column": problem.column,
        "key": problem.path, "found": problem.found, "expected": problem.expected, "hint": problem.hint,
        "message": problem.to_string(),
    })
}

fn lint_as_json(lint: &Lint) -> Value {
    json!({
        "code": lint.code.code(), "file": lint.file, "line": lint.line, "column": lint.column,
        "key": lint.path, "message": lint.message, "hint": lint.hint,
    })
}

fn show(file: Option<&Path>, claims: &[String]) -> Result<Exit, Failure> {
    let (docket, _) = dockets::load(file)?;
    if let Some(id) = claims.iter().find(|id| docket.claim(id).is_none()) {
        return Err(dockets::unknown_claim(id, &[docket]));
    }
    let shown = docket.claims.iter().filter(|claim| claims.is_empty() || claims.contains(&claim.id));
    let pages = shown.map(claim_as_text).collect::<Vec<_>>();
    out::data(&format!("{}\n{}\n\n{}", docket.id, docket.title, pages.join("\n")))?;
    Ok(Exit::Done)
}

/// A claim as the docket has it: what was said, how it is tested, what decides.
fn claim_as_text(claim: &Claim) -> String {
    let mut lines = vec![
        format!("{}  {}", claim.id, claim.title),
        format!("  said: {} ({}, {})", claim.text, claim.claimant.name, claim.said_on),
    ];
    for test in &claim.tests {
        let asks = test.estimand.as_deref().or(test.asks.as_deref()).unwrap_or("-");
        lines.push(format!("  test {}: {} of {}: {asks}", test.id, test.kind, test.measure));
    }
    for rule in &claim.rules {
        lines.push(format!("  {} when {}", rule.verdict, rule.when));
    }
    lines.push(format!("  rule hash {}\n", claim.rule_hash()));
    lines.join("\n")
}

fn hash(file: Option<&Path>) -> Result<Exit, Failure> {
    let (docket, _) = dockets::load(file)?;
    let lines = docket.claims.iter().map(|claim| format!("{}  {}\n", claim.rule_hash(), claim.id));
    out::data(&lines.collect::<String>())?;
    Ok(Exit::Done)
}
