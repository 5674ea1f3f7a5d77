//! Everything that a verdict must show beside its status (methods/1, section 13).

use crate::context::Context;
use crate::result::{Caveat, DataUse, ImplicationResult, State, TestResult};
use crate::tests::Tested;
use crate::wording::{list, percent_change, plural};
use evenhand_docket::{
    Claim, Decision, Discriminates, Implication, Relation, Role, Status, TestKind, Word, weakest_hop,
};
use evenhand_measure::Served;
use std::collections::BTreeSet;

/// The tests that the deciding rule reads, those that ran; without such, every test that ran.
#[must_use]
pub fn deciding<'t>(claim: &Claim, decision: &Decision, tests: &'t [Tested]) -> Vec<&'t Tested> {
    let ran = || tests.iter().filter(|test| test.ran.is_some());
    let named = decision.rule.map(|rule| claim.rules[rule].when.tests()).unwrap_or_default();
    let read: Vec<&Tested> = ran().filter(|test| named.contains(&test.result.id.as_str())).collect();
    if read.is_empty() { ran().collect() } else { read }
}

/// The figures that decided, in one line; tests are named where there are several.
#[must_use]
pub fn decisive(claim: &Claim, decision: &Decision, tests: &[Tested]) -> String {
    let deciding = deciding(claim, decision, tests);
    let counts = |test: &&&Tested| decision.rule.is_some() || test.result.kind != TestKind::DocumentCheck;
    let shown: Vec<&TestResult> = deciding.iter().filter(counts).map(|test| &test.result).collect();
    match shown.as_slice() {
        [] => match deciding.first().copied().or(tests.first()) {
            Some(test) => test.result.line.clone(),
            None => "no test is stated".into(),
        },
        [only] => only.line.clone(),
        several => {
            let lines: Vec<String> =
                several.iter().map(|test| format!("{}: {}", test.id, test.line)).collect();
            lines.join("; ")
        }
    }
}

/// What completes the openings of statuses that no test decides.
#[must_use]
pub fn because(
    decision: &Decision,
    tests: &[Tested],
    implications: &[ImplicationResult],
    claim: &Claim,
) -> String {
    let not_run = tests.iter().filter(|test| test.ran.is_none()).count();
    match decision.status {
        Status::NotTestable if !claim.implications.is_empty() => implied(claim, implications, tests),
        Status::NotTestable => {
            let ran = tests.len() - not_run;
            match ran {
                0 => "nothing yet; no test that bears on it could be run.".into(),
                _ => format!("what was done later; {} could be run.", of_tests(ran, tests.len())),
            }
        }
        _ if decision.rule.is_some() && not_run == 0 => "what is held is not enough.".into(),
        _ if not_run == tests.len() => "no test of it can be run on what is held.".into(),
        _ if not_run > 0 => format!("{} could not be run.", of_tests(not_run, tests.len())),
        _ => {
            let mde = tests.iter().filter_map(|test| test.result.fields.mde).reduce(f64::max);
            let unseen = mde.map(|mde| {
                format!(
                    "; in four of five cases only a change of {} or beyond would have shown",
                    percent_change(mde)
                )
            });
            format!("the results leave every rule open{}.", unseen.unwrap_or_default())
        }
    }
}

fn of_tests(some: usize, all: usize) -> String {
    if all == 1 { "its one test".into() } else { format!("{some} of its {all} tests") }
}

/// The template of methods/1, section 7.4, with what was not run said first.
fn implied(claim: &Claim, implications: &[ImplicationResult], tests: &[Tested]) -> String {
    let ran = |implication: &Implication| {
        tests.iter().any(|test| test.result.id == implication.test && test.ran.is_some())
    };
    let pairs: Vec<(&Implication, &ImplicationResult)> =
        claim.implications.iter().zip(implications).collect();
    let tested = pairs.iter().filter(|(implication, _)| ran(implication)).count();
    let hold = pairs.iter().filter(|(_, result)| result.holds == Some(true)).count();
    // Statements are reported in their own panel; only data tell the two explanations apart here.
    let sharp: Vec<_> = pairs
        .iter()
        .filter(|(implication, _)| {
            implication.discriminates == Discriminates::Strong && implication.role != Role::Documentary
        })
        .collect();
    let sharp_run = sharp.iter().filter(|(implication, _)| ran(implication)).count();
    let sharp_hold = sharp.iter().filter(|(_, result)| result.holds == Some(true)).count();
    let all = plural(pairs.len(), "implication");
    let first =
        format!("of {all}, {tested} could be tested and {hold} {}", if hold == 1 { "holds" } else { "hold" });
    let second = match (sharp_run, sharp_hold) {
        (0, _) => format!(
            "none of the {} in the data that would tell the two explanations apart could be tested",
            sharp.len()
        ),
        (run, 0) if run == sharp.len() => {
            "nothing in the data needs more than the shift from jails to the community".into()
        }
        (run, hold) => format!(
            "of the {run} tested that would tell the two explanations apart, {hold} {}; they cannot show why",
            if hold == 1 { "holds" } else { "hold" }
        ),
    };
    format!("{first}; {second}.")
}

/// One row an implication.
#[must_use]
pub fn implications(claim: &Claim, tests: &[Tested]) -> Vec<ImplicationResult> {
    claim
        .implications
        .iter()
        .map(|implication| {
            let test = tests.iter().find(|test| test.result.id == implication.test).map(|test| &test.result);
            ImplicationResult {
                id: implication.id.clone(),
                text: implication.text.clone(),
                if_claim: implication.if_claim.clone(),
                if_rival: implication.if_rival.clone(),
                discriminates: implication.discriminates.word().to_owned(),
                role: implication.role.word().to_owned(),
                result: test.map_or_else(|| "not run: no such test".to_owned(), |test| test.line.clone()),
                holds: test.and_then(|test| holds(&implication.if_claim, test)),
            }
        })
        .collect()
}

/// Whether what the claim predicts was found: `positive` and `negative` read the interval, `present` the
/// document. Everything else is left open.
fn holds(prediction: &str, test: &TestResult) -> Option<bool> {
    let fields = &test.fields;
    match prediction {
        "present" => fields.found,
        "absent" => fields.found.map(|found| !found),
        "positive" if fields.lo? > 0.0 => Some(true),
        "positive" if fields.hi? < 0.0 => Some(false),
        "negative" if fields.hi? < 0.0 => Some(true),
        "negative" if fields.lo? > 0.0 => Some(false),
        _ => None,
    }
}

/// What was tested, in one sentence.
#[must_use]
pub fn tested(context: &Context<'_>, claim: &Claim, tests: &[Tested]) -> String {
    let (ran, not_run): (Vec<&Tested>, Vec<&Tested>) = tests.iter().partition(|test| test.ran.is_some());
    let what = |test: &&Tested| {
        let measure = context.docket.measure(&test.result.measure).map(|measure| measure.what.as_str());
        let asked =
            claim.test(&test.result.id).and_then(|test| test.estimand.as_deref().or(test.asks.as_deref()));
        asked.or(measure).unwrap_or(&test.result.measure).trim_end_matches('?').to_owned()
    };
    let done: Vec<String> = ran.iter().map(what).collect();
    let first = match done.is_empty() {
        true => "Nothing could be tested yet".to_owned(),
        false => format!("Tested: {}", done.join("; ")),
    };
    if not_run.is_empty() {
        format!("{first}.")
    } else {
        format!("{first}; {} not run.", plural(not_run.len(), "test"))
    }
}

/// Every way in which tests depart from what was said, each once; a test that was not run is one.
#[must_use]
pub fn departures(tests: &[Tested]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let ran =
        tests.iter().filter_map(|test| test.ran.as_ref()).flat_map(|ran| ran.departures.iter().cloned());
    ran.filter(|departure| seen.insert(departure.clone())).collect()
}

/// Caveats of the tests, then those that the claim's own pitfalls state, then the limits of the data used, each
/// code once.
#[must_use]
pub fn caveats(context: &Context<'_>, claim: &Claim, tests: &[Tested]) -> Vec<Caveat> {
    let mut seen = BTreeSet::new();
    let of_tests =
        tests.iter().filter_map(|test| test.ran.as_ref()).flat_map(|ran| ran.caveats.iter().cloned());
    let of_claim = claim
        .pitfalls
        .iter()
        .map(|pitfall| Caveat { code: pitfall.code().to_owned(), text: sentence(pitfall.meaning()) });
    let used = claim.tests.iter().zip(tests).filter(|(_, tested)| tested.ran.is_some());
    let of_data = used
        .filter_map(|(test, _)| context.docket.dataset(test.dataset.as_deref()?))
        .filter(|dataset| !dataset.limits.is_empty())
        .map(|dataset| Caveat {
            code: format!("limits.{}", dataset.id),
            text: sentence(&format!("limits of the data: {}", dataset.limits.join("; "))),
        });
    of_tests.chain(of_claim).chain(of_data).filter(|caveat| seen.insert(caveat.code.clone())).collect()
}

/// A clause turned into a sentence.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let upper: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{upper}{}.", letters.as_str())
}

/// Data behind the claim, a line a dataset in the order of the tests.
#[must_use]
pub fn data(context: &Context<'_>, claim: &Claim, tests: &[Tested]) -> Vec<DataUse> {
    let mut uses: Vec<DataUse> = Vec::new();
    for test in &claim.tests {
        let result = tests.iter().find(|tested| tested.result.id == test.id);
        let documents = (test.kind == TestKind::DocumentCheck).then_some("docs");
        for dataset in
            [test.dataset.as_deref().or(documents), test.partner_dataset.as_deref()].into_iter().flatten()
        {
            if uses.iter().any(|seen| seen.dataset == dataset) {
                continue;
            }
            let rows = result.and_then(|tested| tested.ran.as_ref()).and_then(|ran| ran.rows);
            uses.push(data_use(context, dataset, rows));
        }
    }
    uses
}

fn data_use(context: &Context<'_>, dataset: &str, rows: Option<(u64, u64)>) -> DataUse {
    let digest = |name: &str| context.figures.digest(name).map(ToOwned::to_owned);
    let (served_by, coverage, sha256) = match context.figures.serve(dataset) {
        Served::Release { id, start, end, .. } => {
            let sha256 = digest(&format!("{id}/figures_arrests_month"));
            (Some(id), format!("{start} to {end}"), sha256)
        }
        Served::Transcribed { title } => {
            let file = if dataset == "docs" { "readings" } else { "published" };
            let coverage = context.docket.dataset(dataset).map_or_else(
                || "as transcribed".to_owned(),
                |dataset| format!("{} to {}", dataset.coverage.0, dataset.coverage.1),
            );
            (Some(title), coverage, digest(file))
        }
        Served::NotHeld { needs } => (None, format!("not held: {needs}"), None),
    };
    DataUse {
        dataset: dataset.to_owned(),
        served_by,
        coverage,
        sha256,
        rows_used: rows.map(|rows| rows.0),
        rows_unplaced: rows.map(|rows| rows.1),
    }
}

/// The weakest hop of the chain in one line.
#[must_use]
pub fn hop(context: &Context<'_>, claim: &Claim) -> Option<String> {
    let hop = weakest_hop(claim)?;
    let record = if hop.on_record == Some(false) { ", off the record" } else { "" };
    let relation = match hop.relation {
        Relation::Document => "a document",
        other => other.word(),
    };
    let note = hop.note.as_deref().map(|note| format!(": {}", quoted(note))).unwrap_or_default();
    Some(format!(
        "{} to {}, {relation}, {}{record}{note} ({})",
        hop.from,
        hop.to,
        hop.fidelity,
        context.source(&hop.source)
    ))
}

/// Text of a docket's note with its inner quotation marks as double ones, so that quoted words stay marked.
fn quoted(note: &str) -> String {
    let inner = note.strip_suffix('\'').map_or_else(|| note.to_owned(), |inner| format!("{inner}\""));
    inner
        .replace(" '", " \"")
        .replace("' ", "\" ")
        .replace("';", "\";")
        .replace("',", "\",")
        .replace("'.", "\".")
}

/// The strongest rival explanation and what would tell it apart.
#[must_use]
pub fn rival(claim: &Claim) -> Option<String> {
    if let Some(motive) = &claim.motive {
        let apart: Vec<String> = claim
            .implications
            .iter()
            .filter(|implication| implication.discriminates == Discriminates::Strong)
            .map(|implication| implication.id.clone())
            .collect();
        let told = if apart.is_empty() {
            String::new()
        } else {
            format!(" What would tell the two apart: {}.", list(&apart))
        };
        return Some(format!("{}{told}", motive.rival));
    }
    const RIVALS: [(&str, &str); 12] = [
        (
            "national_surge",
            "Enforcement rose everywhere at the same time; comparison with places that had no such policy tells the two apart.",
        ),
        (
            "substitution",
            "Arrests moved from jails to the community rather than rise; counting both settings together tells the two apart.",
        ),
        (
            "cross_section_as_trend",
            "One year's level is taken for a change; figures of several years for the same places tell the two apart.",
        ),
        (
            "cross_section_as_cause",
            "Places that adopt a policy differed before it; comparison before and after tells the two apart.",
        ),
        (
            "unit.detainer_vs_person",
            "One person can have several detainers; a count of persons tells the two apart.",
        ),
        (
            "date.record_vs_event",
            "A backlog recorded on one day stands for a week; the dates of issue tell the two apart.",
        ),
        (
            "geo.metro_vs_city",
            "Metropolitan areas are read as the cities that name them; figures for both tell the two apart.",
        ),
        (
            "definition.criminal",
            "The word criminal covers more than one group; figures by definition tell them apart.",
        ),
        (
            "definition.atlarge",
            "More than one set of methods counts as arrests at large; figures by definition tell them apart.",
        ),
        (
            "no_record_is_not_untargeted",
            "A person without a record may have been a target; a flag for targets tells the two apart.",
        ),
        (
            "number.hedge",
            "A hedged number can be read more than one way; the published figure tells the readings apart.",
        ),
        (
            "source_says_otherwise",
            "The source is read for what it does not say; its own text tells the two apart.",
        ),
    ];
    claim.pitfalls.iter().find_map(|pitfall| {
        RIVALS.iter().find(|(code, _)| *code == pitfall.code()).map(|(_, text)| (*text).to_owned())
    })
}

/// Data that would change the verdict, each need once.
#[must_use]
pub fn would_change(decision: &Decision, tests: &[Tested]) -> Vec<String> {
    let mut changes: Vec<String> = Vec::new();
    for test in tests {
        let text = match &test.result.state {
            State::NotRun(what) => {
                format!("Test `{}` {what}.", test.result.id)
            }
            State::Run => match test.result.fields.mde {
                Some(mde) if decision.status == Status::Inconclusive => format!(
                    "More months, or a series placed more exactly: as it stands, test `{}` would show a change of {} in \
                     four of five cases.",
                    test.result.id,
                    percent_change(mde)
                ),
                _ => continue,
            },
        };
        if !changes.contains(&text) {
            changes.push(text);
        }
    }
    if changes.is_empty() {
        changes.push("A correction of the figures or documents used, by those who published them.".into());
    }
    changes
}

/// Disclosure protection, in one line.
#[must_use]
pub fn disclosure(context: &Context<'_>) -> String {
    format!(
        "Profile `{}`: counts of what agencies did by place and period, no attribute of persons below the level of areas; \
         published figures are quoted exactly.",
        context.docket.disclosure
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Fields;
    use evenhand_docket::TestKind;

    fn result(fields: Fields) -> TestResult {
        TestResult {
            id: "t".into(),
            kind: TestKind::TwoSample,
            measure: "share_crim".into(),
            state: State::Run,
            fields,
            estimand: String::new(),
            unit: String::new(),
            line: String::new(),
            method: vec![],
            details: vec![],
            multiverse: None,
        }
    }

    #[test]
    fn an_implication_holds_only_when_the_interval_says_so() {
        let between = |lo, hi| result(Fields { lo: Some(lo), hi: Some(hi), ..Fields::default() });
        assert_eq!(holds("positive", &between(1.0, 2.0)), Some(true));
        assert_eq!(holds("positive", &between(-2.0, -1.0)), Some(false));
        assert_eq!(holds("positive", &between(-1.0, 1.0)), None);
        assert_eq!(holds("negative", &between(-2.0, -1.0)), Some(true));
        assert_eq!(
            holds("present", &result(Fields { found: Some(false), ..Fields::default() })),
            Some(false)
        );
        assert_eq!(holds("s > 1", &between(1.0, 2.0)), None);
        assert_eq!(holds("present", &result(Fields::default())), None);
    }

    #[test]
    fn quoted_words_keep_their_marks_and_possessives_stay() {
        assert_eq!(
            quoted("outlet: 'bully'; the sheriff's 'new policy'"),
            "outlet: \"bully\"; the sheriff's \"new policy\""
        );
    }
}
