use crate::cli::Check as Args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{self, Color, Talk};
use crate::{dockets, files, record, threads};
use evenhand_docket::{Date, Docket, Lock, LockState};
use evenhand_measure::Figures;
use evenhand_render::terminal::Style;
use evenhand_render::{html, json, terminal};
use evenhand_verdict::{Check, Options, State};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// `evenhand check`.
pub fn run(args: &Args, color: Color, talk: Talk) -> Result<Exit, Failure> {
    threads::use_at_most(args.threads)?;
    let mut judged = Vec::new();
    for (path, docket) in load(args)? {
        let lock = locks(args, &docket, talk)?;
        judged.push((path, docket, lock));
    }
    let figures = match args.record.as_deref() {
        Some(folder) => Figures::open(&record::open(Some(folder))?, &record::name(Some(folder)))?,
        None => Figures::builtin()?,
    };
    let mut checks = Vec::new();
    for (path, docket, lock) in &judged {
        let check = evenhand_verdict::check(
            docket,
            lock.as_ref(),
            &figures,
            &options(args, path.as_deref(), docket),
        )?;
        checks.push((check, docket));
    }
    if let Some(path) = &args.report {
        for (check, docket) in &checks {
            files::write_whole(path, html::report(check, docket).as_bytes())?;
        }
        talk.say(&format!("report: {}", path.display()));
    }
    let style = Style { width: width(args), color: color.applies_to(&io::stdout()) };
    out::data(&text(args, &checks, style))?;
    end(args, &judged, &checks)
}

/// The dockets asked for, without those that have none of the claims asked for.
fn load(args: &Args) -> Result<Vec<(Option<PathBuf>, Docket)>, Failure> {
    let mut loaded = Vec::new();
    if args.dockets.is_empty() {
        loaded.push((None, dockets::load(None)?.0));
    }
    for path in &args.dockets {
        loaded.push((Some(path.clone()), dockets::load(Some(path))?.0));
    }
    let one_only = args.report.is_some() || args.lock.is_some() || args.write_lock.is_some();
    if one_only && loaded.len() > 1 {
        let message = "`--report`, `--lock` and `--write-lock` are about one docket";
        return Err(Failure::new(Exit::Usage, message).hint("run `evenhand check` once for each docket"));
    }
    let known = |id: &str| loaded.iter().any(|(_, docket)| docket.claim(id).is_some());
    if let Some(id) = args.claims.iter().find(|id| !known(id)) {
        let dockets = loaded.into_iter().map(|(_, docket)| docket).collect::<Vec<_>>();
        return Err(dockets::unknown_claim(id, &dockets));
    }
    let asked =
        |docket: &Docket| args.claims.is_empty() || args.claims.iter().any(|id| docket.claim(id).is_some());
    loaded.retain(|(_, docket)| asked(docket));
    Ok(loaded)
}

fn options(args: &Args, path: Option<&Path>, docket: &Docket) -> Options {
    let of_docket = args.claims.iter().filter(|id| docket.claim(id).is_some()).cloned().collect::<Vec<_>>();
    let record = args.record.as_ref().map(|folder| format!("--record {}", word(folder)));
    let words = path.map(word).into_iter().chain(record).collect::<Vec<_>>();
    Options {
        seed: args.seed,
        claims: (!of_docket.is_empty()).then_some(of_docket),
        command_record: words.join(" "),
    }
}

/// A path as a shell takes it.
fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |letter: char| letter.is_alphanumeric() || "-_./".contains(letter);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Fixes rules where that is asked for, and reads the rules fixed earlier.
fn locks(args: &Args, docket: &Docket, talk: Talk) -> Result<Option<Lock>, Failure> {
    let lock = args.lock.as_ref().map(Lock::load).transpose()?;
    if let Some(lock) = lock.as_ref().filter(|lock| lock.docket != docket.id) {
        let message = format!("expected a lock of docket `{}`, found one of `{}`", docket.id, lock.docket);
        return Err(Failure::new(Exit::BadInput, message));
    }
    if let Some(path) = &args.write_lock {
        let (fixed, before) = fix(path, docket)?;
        files::write_whole(path, fixed.write().as_bytes())?;
        let new = fixed.claims.len() - before;
        talk.say(&format!("lock: {}: {new} rule(s) fixed now, {before} before", path.display()));
    }
    Ok(lock)
}

/// The lock at `path` with the docket's new claims added, and how many it held before. Rules fixed earlier
/// stay as they were fixed.
fn fix(path: &Path, docket: &Docket) -> Result<(Lock, usize), Failure> {
    if !path.exists() {
        return Ok((Lock::of(docket, today()), 0));
    }
    let mut lock = Lock::load(path)?;
    if lock.docket != docket.id {
        let message = format!(
            "`{}`: expected a lock of docket `{}`, found one of `{}`",
            path.display(),
            docket.id,
            lock.docket
        );
        return Err(Failure::new(Exit::BadInput, message).hint("write the lock to another file"));
    }
    let before = lock.claims.len();
    lock.add_new(docket, today());
    Ok((lock, before))
}

/// The day, in UTC; the first day of Unix time if the clock stands before it.
fn today() -> Date {
    let first = Date::constant(1970, 1, 1);
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    first.saturating_add(elapsed)
}

fn width(args: &Args) -> usize {
    args.width.map(usize::from).or_else(out::columns).unwrap_or(80)
}

fn text(args: &Args, checks: &[(Check, &Docket)], style: Style) -> String {
    if args.json {
        // Several dockets make one document a line.
        return checks.iter().map(|(check, _)| json::check(check)).collect();
    }
    if let [(check, docket)] = checks
        && let [verdict] = check.verdicts.as_slice()
    {
        return terminal::claim(verdict, check, docket, &style);
    }
    let tables = checks.iter().map(|(check, _)| terminal::table(check, &style)).collect::<Vec<_>>();
    tables.join("\n")
}

/// How the run ends: a changed rule weighs more than a test that was not run.
fn end(
    args: &Args,
    judged: &[(Option<PathBuf>, Docket, Option<Lock>)],
    checks: &[(Check, &Docket)],
) -> Result<Exit, Failure> {
    let shown = checks.iter().flat_map(|(check, _)| &check.verdicts).collect::<Vec<_>>();
    if args.locked {
        let changed =
            judged.iter().flat_map(|(_, docket, lock)| lock.iter().flat_map(|lock| lock.compare(docket)));
        let changed = changed.filter(|claim| !matches!(claim.state, LockState::Locked { .. }));
        let asked = |id: &str| args.claims.is_empty() || args.claims.iter().any(|claim| claim == id);
        let ids = changed.map(|claim| claim.claim).filter(|id| asked(id)).collect::<Vec<_>>();
        if !ids.is_empty() {
            let message = format!("rules that are not those of the lock: {}", ids.join(", "));
            return Err(Failure::new(Exit::Changed, message)
                .hint("restore the rule, or remove its entry from the lock"));
        }
    }
    if args.strict {
        let not_run = shown.iter().flat_map(|verdict| {
            let tests = verdict.tests.iter().filter(|test| matches!(test.state, State::NotRun(_)));
            tests.map(|test| format!("{}.{}", verdict.claim.id, test.id))
        });
        let ids = not_run.collect::<Vec<_>>();
        if !ids.is_empty() {
            let message = format!("{} test(s) could not be run: {}", ids.len(), ids.join(", "));
            return Err(Failure::new(Exit::NotRun, message));
        }
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenhand_verdict::DEFAULT_SEED;

    #[test]
    fn a_path_with_a_blank_is_quoted_for_the_shell() {
        assert_eq!(word(Path::new("a/b-1.toml")), "a/b-1.toml");
        assert_eq!(word(Path::new("my claims/it's.toml")), r"'my claims/it'\''s.toml'");
    }

    #[test]
    fn the_default_seed_is_the_one_that_verdicts_leave_unsaid() {
        use clap::Parser as _;
        let cli = crate::cli::Cli::try_parse_from(["evenhand", "check"]).expect("a plain check");
        let crate::cli::Command::Check(args) = cli.command else { panic!("another command") };
        assert_eq!(args.seed, DEFAULT_SEED);
    }
}
