use crate::cli::Verify;
use crate::exit::Exit;
use crate::failure::{Failure, one_line, store_code};
use crate::out::{self, Talk};
use crate::record;
use crate::table::thousands;
use serde_json::json;

/// `evenhand verify`.
pub fn run(args: &Verify, talk: Talk) -> Result<Exit, Failure> {
    let folder = args.record.as_deref();
    let record = record::open(folder)?;
    let name = record::name(folder);
    let found = record.verify();
    if args.json {
        let problems = found.problems.iter().map(|problem| {
            json!({"code": store_code(problem.kind()), "message": problem.to_string(), "hint": problem.hint()})
        });
        out::json(&json!({
            "schema": "verify/1",
            "record": name,
            "manifest_sha256": record.manifest().sha256().as_str(),
            "ok": found.is_ok(),
            "files": found.files,
            "bytes": found.bytes,
            "rows": found.rows,
            "problems": problems.collect::<Vec<_>>(),
            "leftovers": found.leftovers,
        }))?;
    }
    for problem in &found.problems {
        talk.problem(&problem.to_string(), problem.hint());
    }
    for path in &found.leftovers {
        talk.say(&format!(
            "note: `{}` is not part of the record; the next ingest removes it",
            one_line(path)
        ));
    }
    if !found.is_ok() {
        let count = found.problems.len();
        let message = format!("record `{name}` is not as it was published: {count} problem(s)");
        return Err(Failure::new(Exit::BadInput, message).hint("ingest its releases again into a new record"));
    }
    if !args.json {
        let (files, bytes, rows) = (thousands(found.files), thousands(found.bytes), thousands(found.rows));
        out::data(&format!(
            "{name}: as published; {files} files, {bytes} bytes, {rows} rows, every ledger adds up\n"
        ))?;
    }
    Ok(Exit::Done)
}
