//! `check/1`: a check for programs. Stable names and order; the documented fields first, further ones after.
//!
//! Every documented field is always there, `null` where nothing is known. Floats have the digits that they need
//! to be read back the same, at most 17. A number that is not finite is `null`; an interval that is open says
//! so in `unbounded`, which lists `lo`, `hi` or both.

use crate::table::{self, Cell};
use evenhand_docket::Word;
use evenhand_verdict::{
    Check, DataUse, Figure, Grade, ImplicationResult, LockState, Multiverse, Source, State, TestResult,
    Verdict,
};
use serde_json::{Map, Number, Value, json};

/// The check as one line of JSON with a line end.
#[must_use]
pub fn check(check: &Check) -> String {
    let document = json!({
        "schema": "check/1",
        "engine": check.engine,
        "record": check.record.name,
        "verdicts": check.verdicts.iter().map(verdict).collect::<Vec<_>>(),
        "docket": check.docket,
        "title": check.title,
        "seed": check.seed,
        "record_sha256": check.record.sha256,
        "releases": releases(&check.record),
        "figures": check.figures.iter().map(figure).collect::<Vec<_>>(),
    });
    format!("{document}\n")
}

fn releases(record: &Source) -> Value {
    let rows = |rows: &[(String, u64)]| -> Map<String, Value> {
        rows.iter().map(|(table, rows)| (table.clone(), json!(rows))).collect()
    };
    record
        .releases
        .iter()
        .map(|release| {
            json!({"id": release.id, "title": release.title, "sha256": release.sha256, "rows": rows(&release.rows)})
        })
        .collect()
}

fn verdict(verdict: &Verdict) -> Value {
    let claim = &verdict.claim;
    json!({
        "claim": claim.id,
        "status": verdict.status.word(),
        "modifiers": verdict.modifiers.iter().map(|modifier| modifier.word()).collect::<Vec<_>>(),
        "confidence": verdict.confidence.map(crate::words::level),
        "say": verdict.say,
        "rule_hash": verdict.rule_hash,
        "tests": verdict.tests.iter().map(test).collect::<Vec<_>>(),
        "caveats": verdict.caveats.iter().map(|c| json!({"code": c.code, "text": c.text})).collect::<Vec<_>>(),
        "command": verdict.command,
        "title": claim.title,
        "text": claim.text,
        "claimant": claim.claimant.name,
        "said_on": claim.said_on.to_string(),
        "weakest_hop": verdict.weakest_hop,
        "opening": verdict.opening,
        "decisive": verdict.decisive,
        "grades": verdict.grades.iter().map(grade).collect::<Vec<_>>(),
        "tested": verdict.tested,
        "departures": verdict.departures,
        "definitions": claim.definitions,
        "data": verdict.data.iter().map(data).collect::<Vec<_>>(),
        "rule": verdict.rule,
        "trace": verdict.trace,
        "lock": lock(&verdict.lock),
        "q": verdict.q.map(float),
        "implications": verdict.implications.iter().map(implication).collect::<Vec<_>>(),
        "rival": verdict.rival,
        "would_change": verdict.would_change,
        "disclosure": verdict.disclosure,
        "figures": verdict.figures.iter().map(figure).collect::<Vec<_>>(),
    })
}

fn test(test: &TestResult) -> Value {
    let fields = &test.fields;
    let known = |value: Option<f64>| value.map(float);
    let why = match &test.state {
        State::Run => None,
        State::NotRun(why) => Some(why),
    };
    let ends = [("lo", fields.lo), ("hi", fields.hi)];
    let unbounded: Vec<&str> =
        ends.iter().filter(|(_, end)| end.is_some_and(f64::is_infinite)).map(|(name, _)| *name).collect();
    json!({
        "id": test.id,
        "kind": test.kind.word(),
        "state": if why.is_none() { "run" } else { "not_run" },
        "why": why,
        "est": known(fields.est),
        "lo": known(fields.lo),
        "hi": known(fields.hi),
        "p": known(fields.p),
        "rank_p": known(fields.rank_p),
        "value": known(fields.value),
        "n": known(fields.n),
        "mde": known(fields.mde),
        "measure": test.measure,
        "estimand": test.estimand,
        "unit": test.unit,
        "line": test.line,
        "unbounded": unbounded,
        "lo90": known(fields.lo90),
        "hi90": known(fields.hi90),
        "q": known(fields.q),
        "rank": known(fields.rank),
        "rank1": known(fields.rank1),
        "prob": known(fields.prob),
        "mbar": known(fields.mbar),
        "count": known(fields.count),
        "found": fields.found,
        "shares": fields.shares.map(shares),
        "n_units": fields.n_units,
        "n_periods": fields.n_periods,
        "n_treated": fields.n_treated,
        "method": test.method,
        "details": test.details.iter().map(|(label, text)| json!([label, text])).collect::<Vec<_>>(),
        "multiverse": test.multiverse.as_ref().map(multiverse),
    })
}

fn multiverse(multiverse: &Multiverse) -> Value {
    let axes: Vec<Value> = multiverse
        .axes
        .iter()
        .enumerate()
        .map(|(at, (name, options))| {
            let share = multiverse.variance_by_axis.get(at).copied().map(float);
            json!({"name": name, "options": options, "variance_share": share})
        })
        .collect();
    json!({
        "id": multiverse.id,
        "run": multiverse.specifications.len(),
        "shares": shares(multiverse.shares),
        "most_influential": multiverse.most_influential,
        "axes": axes,
    })
}

fn shares([s, c, u]: [f64; 3]) -> Value {
    json!({"S": float(s), "C": float(c), "U": float(u)})
}

fn grade(grade: &Grade) -> Value {
    json!({"name": grade.name, "level": grade.level.map(crate::words::level), "why": grade.why})
}

fn data(data: &DataUse) -> Value {
    json!({
        "dataset": data.dataset,
        "served_by": data.served_by,
        "coverage": data.coverage,
        "sha256": data.sha256,
        "rows_used": data.rows_used,
        "rows_unplaced": data.rows_unplaced,
    })
}

fn lock(lock: &LockState) -> Value {
    match lock {
        LockState::Locked(day) => json!({"state": "locked", "at": day}),
        LockState::Changed => json!({"state": "changed", "at": null}),
        LockState::Unlocked => json!({"state": "unlocked", "at": null}),
    }
}

fn implication(implication: &ImplicationResult) -> Value {
    json!({
        "id": implication.id,
        "text": implication.text,
        "if_claim": implication.if_claim,
        "if_rival": implication.if_rival,
        "discriminates": implication.discriminates,
        "role": implication.role,
        "result": implication.result,
        "holds": implication.holds,
    })
}

fn figure(figure: &Figure) -> Value {
    let table = table::of(figure);
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => json!(text),
        Cell::Number(value) => float(*value),
        Cell::Missing => Value::Null,
    };
    let rows: Vec<Vec<Value>> = table.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    json!({
        "id": figure.id,
        "title": figure.title,
        "subtitle": figure.subtitle,
        "description": figure.description,
        "source": figure.source,
        "notes": figure.notes,
        "columns": table.columns,
        "rows": rows,
    })
}

/// A whole number without a fraction, another number as it is, anything not finite as `null`.
fn float(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return json!(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn parsed() -> Value {
        serde_json::from_str(&check(&fixture::check())).unwrap()
    }

    #[test]
    fn documented_fields_come_first_and_are_always_there() {
        let document = parsed();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&document)[..4], ["schema", "engine", "record", "verdicts"]);
        for verdict in document["verdicts"].as_array().unwrap() {
            let documented = [
                "claim",
                "status",
                "modifiers",
                "confidence",
                "say",
                "rule_hash",
                "tests",
                "caveats",
                "command",
            ];
            assert_eq!(keys(verdict)[..9], documented);
            for test in verdict["tests"].as_array().unwrap() {
                let documented =
                    ["id", "kind", "state", "why", "est", "lo", "hi", "p", "rank_p", "value", "n", "mde"];
                assert_eq!(keys(test)[..12], documented);
            }
        }
    }

    #[test]
    fn numbers_read_back_the_same_and_open_ends_are_said() {
        assert_eq!(float(0.1 + 0.2).to_string(), "0.30000000000000004");
        assert_eq!(float(3.0).to_string(), "3");
        assert_eq!(float(f64::INFINITY), Value::Null);
        let document = parsed();
        let tests =
            document["verdicts"].as_array().unwrap().iter().flat_map(|v| v["tests"].as_array().unwrap());
        let open: Vec<_> = tests.filter(|test| test["unbounded"] == json!(["lo"])).collect();
        assert!(!open.is_empty() && open.iter().all(|test| test["lo"].is_null() && !test["hi"].is_null()));
    }

    #[test]
    fn one_verdict_in_full() {
        let document = parsed();
        let verdict = document["verdicts"].as_array().unwrap().iter().find(|v| v["claim"] == "A13").unwrap();
        let mut verdict = verdict.clone();
        verdict["figures"] = json!(verdict["figures"].as_array().unwrap().len());
        insta::assert_snapshot!(serde_json::to_string_pretty(&verdict).unwrap());
    }
}
