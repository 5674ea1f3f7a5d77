//! Runs a docket's claims on a record: tests in parallel, decisions in docket order.

use crate::context::Context;
use crate::result::{Check, Level, LockState, TestResult, Verdict};
use crate::tests::{self, Tested};
use crate::{Error, ErrorKind, confidence, decide, explain, figures, wording};
use evenhand_docket::{Claim, ClaimKind, Docket, Lock, Status, Test};
use evenhand_estimate::benjamini_hochberg;
use evenhand_measure::Figures;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// How to run a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Seed of every random procedure.
    pub seed: u64,
    /// Claims to run, by id; `None` for all.
    pub claims: Option<Vec<String>>,
    /// How the reproducing command names the docket and the record, such as `--record R`; empty for the
    /// built-in ones.
    pub command_record: String,
}

/// The seed where none is given.
pub const DEFAULT_SEED: u64 = 1;

impl Default for Options {
    fn default() -> Self {
        Self { seed: DEFAULT_SEED, claims: None, command_record: String::new() }
    }
}

/// Runs the claims of a docket on the figures of a record. Same inputs and seed, same result, whatever the
/// number of threads.
///
/// # Errors
/// [`ErrorKind::UnknownClaim`] for a claim that the docket does not have; [`ErrorKind::Boundary`] for
/// arithmetic over different boundaries; [`ErrorKind::Failed`] when the record fails.
pub fn check(
    docket: &Docket,
    lock: Option<&Lock>,
    figures: &Figures,
    options: &Options,
) -> Result<Check, Error> {
    let context = Context::new(docket, figures, options.seed);
    let claims = chosen(docket, options)?;
    let tested = run_all(&context, &claims)?;
    let q = q_values(&context, &claims, &tested)?;
    let verdicts: Vec<Verdict> = claims
        .iter()
        .zip(tested)
        .map(|(claim, tested)| {
            let lock = decide::lock_state(docket, lock, claim);
            verdict(&context, claim, tested, lock, q.get(claim.id.as_str()).copied(), options)
        })
        .collect();
    Ok(Check {
        title: docket.title.clone(),
        docket: docket.id.clone(),
        engine: format!("evenhand {}", env!("CARGO_PKG_VERSION")),
        record: figures.source().clone(),
        seed: options.seed,
        verdicts,
        figures: figures::of_record(&context),
    })
}

fn chosen<'d>(docket: &'d Docket, options: &Options) -> Result<Vec<&'d Claim>, Error> {
    let Some(wanted) = &options.claims else { return Ok(docket.claims.iter().collect()) };
    for id in wanted {
        if docket.claim(id).is_none() {
            let known: Vec<&str> = docket.claims.iter().map(|claim| claim.id.as_str()).collect();
            let message = format!("docket `{}`: expected one of its claims, found `{id}`", docket.id);
            return Err(Error::new(
                ErrorKind::UnknownClaim,
                message,
                &format!("claims are {}", known.join(", ")),
            ));
        }
    }
    Ok(docket.claims.iter().filter(|claim| wanted.contains(&claim.id)).collect())
}

/// Every test of every claim, spread over threads and collected in order.
fn run_all(context: &Context<'_>, claims: &[&Claim]) -> Result<Vec<Vec<Tested>>, Error> {
    let jobs: Vec<(usize, &Claim, &Test)> = claims
        .iter()
        .enumerate()
        .flat_map(|(at, claim)| claim.tests.iter().map(move |test| (at, *claim, test)))
        .collect();
    let results: Vec<Result<Tested, Error>> =
        jobs.par_iter().map(|(_, claim, test)| tests::run(context, claim, test)).collect();
    let mut by_claim: Vec<Vec<Tested>> = vec![Vec::new(); claims.len()];
    for ((at, _, _), result) in jobs.iter().zip(results) {
        by_claim[*at].push(result?);
    }
    Ok(by_claim)
}

/// Benjamini-Hochberg q over the primary (first) tests of the docket's confirmatory family that can be run. The
/// family is whole even when only some of its claims were asked for, so that a claim comes out the same.
fn q_values<'d>(
    context: &Context<'d>,
    claims: &[&Claim],
    tested: &[Vec<Tested>],
) -> Result<BTreeMap<&'d str, f64>, Error> {
    let family = &context.docket.family_primary;
    if !claims.iter().any(|claim| family.contains(&claim.id)) {
        return Ok(BTreeMap::new());
    }
    let mut primary: Vec<(&'d str, f64)> = Vec::new();
    for claim in context.docket.claims.iter().filter(|claim| family.contains(&claim.id)) {
        let asked = claims.iter().position(|asked| asked.id == claim.id).and_then(|at| tested[at].first());
        let p = match (asked, claim.tests.first()) {
            (Some(tested), _) => tested.result.fields.p,
            (None, Some(test)) => tests::run(context, claim, test)?.result.fields.p,
            (None, None) => None,
        };
        primary.extend(p.map(|p| (claim.id.as_str(), p)));
    }
    let p: Vec<f64> = primary.iter().map(|(_, p)| *p).collect();
    let q = benjamini_hochberg(&p).map_err(|error| Error::new(ErrorKind::Failed, error.to_string(), ""))?;
    Ok(primary.into_iter().map(|(id, _)| id).zip(q).collect())
}

fn verdict(
    context: &Context<'_>,
    claim: &Claim,
    mut tested: Vec<Tested>,
    lock: LockState,
    q: Option<f64>,
    options: &Options,
) -> Verdict {
    if let (Some(q), Some(first)) = (q, tested.first_mut()) {
        first.result.fields.q = Some(q);
    }
    let results: Vec<TestResult> = tested.iter().map(|test| test.result.clone()).collect();
    let decision = decide::decide(claim, &results, &lock);
    let graded: Vec<&confidence::Grades> = explain::deciding(claim, &decision, &tested)
        .into_iter()
        .filter_map(|test| test.ran.as_ref())
        .map(|ran| &ran.grades)
        .collect();
    let mut grades = confidence::of_claim(&graded);
    let confidence = match decision.status {
        Status::NotTestable => {
            grades.iter_mut().for_each(|grade| grade.level = None);
            None
        }
        status => confidence::weakest(&grades).map(|level| after_q(claim, status, level, q)),
    };
    let implications = explain::implications(claim, &tested);
    let because = explain::because(&decision, &tested, &implications, claim);
    let figures = figures::of_claim(claim, &tested);
    Verdict {
        status: decision.status,
        modifiers: decision.modifiers.clone(),
        confidence,
        grades,
        opening: wording::opening(decision.status, confidence, &because),
        say: decision.say.clone(),
        decisive: explain::decisive(claim, &decision, &tested),
        tested: explain::tested(context, claim, &tested),
        departures: explain::departures(&tested),
        rule: decision.rule,
        trace: decide::trace(&decision),
        rule_hash: claim.rule_hash(),
        lock,
        implications,
        q,
        data: explain::data(context, claim, &tested),
        weakest_hop: explain::hop(context, claim),
        rival: explain::rival(claim),
        would_change: explain::would_change(&decision, &tested),
        caveats: explain::caveats(context, claim, &tested),
        disclosure: explain::disclosure(context),
        figures,
        command: command(claim, options),
        tests: results,
        claim: claim.clone(),
    }
}

/// A supported causal status with q above 0.10 drops one level (methods/1, section 11).
fn after_q(claim: &Claim, status: Status, level: Level, q: Option<f64>) -> Level {
    let causal = matches!(claim.kind, ClaimKind::Causal | ClaimKind::Conditional | ClaimKind::Denial);
    let drops = causal && status == Status::Supported && q.is_some_and(|q| q > 0.10);
    match level {
        Level::High if drops => Level::Moderate,
        _ if drops => Level::Low,
        level => level,
    }
}

/// The command that reproduces a verdict.
fn command(claim: &Claim, options: &Options) -> String {
    let mut words = vec!["evenhand check".to_owned()];
    if !options.command_record.is_empty() {
        words.push(options.command_record.clone());
    }
    words.push(format!("--claim {}", claim.id));
    if options.seed != DEFAULT_SEED {
        words.push(format!("--seed {}", options.seed));
    }
    words.join(" ")
}
