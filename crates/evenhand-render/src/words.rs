//! The words that every output shares: names of statuses, grades and hops, and the lines built from a verdict.

use crate::number;
use evenhand_docket::{
    Certainty, Claim, Claimant, Date, Discriminates, Fidelity, Hop, Modifier, Quantity, Relation, Role,
    Status, TestKind,
};
use evenhand_verdict::{Check, Level, LockState, Multiverse, State, TestResult, Verdict};

/// The status as people read it.
#[must_use]
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Supported => "Supported",
        Status::MostlySupported => "Mostly supported",
        Status::Mixed => "Mixed",
        Status::Unsupported => "Unsupported",
        Status::Contradicted => "Contradicted",
        Status::Inconclusive => "Inconclusive",
        Status::NotTestable => "Not testable",
    }
}

/// The five statuses that lie on a scale, from one end to the other. Inconclusive and not testable lie off it.
pub const SCALE: [Status; 5] =
    [Status::Supported, Status::MostlySupported, Status::Mixed, Status::Unsupported, Status::Contradicted];

/// What a status says, in one sentence.
#[must_use]
pub fn meaning(status: Status) -> &'static str {
    match status {
        Status::Supported => "The record fits what was said.",
        Status::MostlySupported => "Right in direction or within a material interval, not in the letter.",
        Status::Mixed => "Parts, or reasonable definitions, give determinate and opposite answers.",
        Status::Unsupported => {
            "The evidence offered cannot carry the claim, and nothing determinate contradicts it."
        }
        Status::Contradicted => "The record determinately says otherwise.",
        Status::Inconclusive => "It could be tested, but not with these data.",
        Status::NotTestable => "No data of this kind could show it: motives above all.",
    }
}

/// A level of confidence, or of one of its grades.
#[must_use]
pub fn level(level: Level) -> &'static str {
    match level {
        Level::Low => "low",
        Level::Moderate => "moderate",
        Level::High => "high",
    }
}

/// Confidence as a fact: `low`, or `none stated` where the status carries none.
#[must_use]
pub fn confidence(verdict: &Verdict) -> &'static str {
    verdict.confidence.map_or("none stated", level)
}

/// A modifier in words.
#[must_use]
pub fn modifier(modifier: Modifier) -> &'static str {
    match modifier {
        Modifier::ContextMissing => "what is left out matters",
        Modifier::DefinitionDependent => "depends on the definition",
        Modifier::SourceChainWeak => "weak source chain",
        Modifier::Motive => "about a motive",
        Modifier::ImplicationsReported => "implications reported instead",
        Modifier::Superseded => "replaced by a later verdict",
        Modifier::Exploratory => "exploratory",
    }
}

/// The kind of a test in words.
#[must_use]
pub fn kind(kind: TestKind) -> String {
    match kind {
        TestKind::DocumentCheck => "reading of a document".to_owned(),
        TestKind::Arithmetic => "arithmetic on published numbers".to_owned(),
        TestKind::Tabulate => "count from the record".to_owned(),
        TestKind::TwoSample => "comparison of two groups".to_owned(),
        TestKind::Did => "difference-in-differences".to_owned(),
        TestKind::Synth => "synthetic difference-in-differences".to_owned(),
        TestKind::Bounds => "worst-case bounds".to_owned(),
        TestKind::Rank => "ranking".to_owned(),
        TestKind::PlaceboSuite => "placebo tests".to_owned(),
        other => other.to_string().replace('_', " "),
    }
}

/// How a hop passed the statement on, and what it did to it.
#[must_use]
pub fn hop(hop: &Hop) -> String {
    let relation = match hop.relation {
        Relation::Said => "said",
        Relation::Quoted => "quoted",
        Relation::Reported => "reported",
        Relation::Paraphrased => "paraphrased",
        Relation::Rehosted => "copied whole",
        Relation::Document => "a document",
        Relation::Asserted => "asserted without a source",
    };
    let fidelity = match hop.fidelity {
        Fidelity::Faithful => "meaning kept",
        Fidelity::Narrowed => "says less than its source",
        Fidelity::Unknown => "cannot be compared with its source",
        Fidelity::Broadened => "says more than its source",
        Fidelity::Altered => "says something else than its source",
    };
    let record = if hop.on_record == Some(false) { ", off the record" } else { "" };
    format!("{relation}{record}; {fidelity}")
}

/// Who made the claim: name, role, and whether the source is named.
#[must_use]
pub fn claimant(claimant: &Claimant) -> String {
    let named = if claimant.named { "" } else { ", not named" };
    format!("{} ({}{named})", claimant.name, claimant.role)
}

/// `24 Mar 2017`.
#[must_use]
pub fn date(date: Date) -> String {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.get(usize::from(date.month().unsigned_abs()).saturating_sub(1)).copied().unwrap_or("");
    format!("{} {month} {}", date.day(), date.year())
}

/// The day on which a claim was made, and how sure that is.
#[must_use]
pub fn said_on(claim: &Claim) -> String {
    let day = date(claim.said_on);
    match claim.said_on_certainty {
        Certainty::Exact | Certainty::Sourced => day,
        Certainty::Approximate => format!("about {day}"),
        Certainty::Verify => format!("{day}, not yet verified"),
    }
}

/// The number that a claim states, with the range that its words cover.
#[must_use]
pub fn quantity(quantity: &Quantity) -> String {
    let (lo, hi) = (quantity.literal.lo, quantity.literal.hi);
    let range = match (lo.is_finite(), hi.is_finite()) {
        (true, true) if (hi - lo).abs() <= f64::EPSILON * lo.abs().max(1.0) => String::new(),
        (true, true) => format!(", read as {} to {}", number::short(lo), number::short(hi)),
        (true, false) => format!(", read as {} or more", number::short(lo)),
        (false, true) => format!(", read as {} or less", number::short(hi)),
        (false, false) => String::new(),
    };
    format!("{} {}{range}", number::short(quantity.value), quantity.unit)
}

/// Whether the rule was fixed before the run.
#[must_use]
pub fn lock(lock: &LockState) -> String {
    match lock {
        LockState::Locked(day) => format!("fixed on {day}, before the run"),
        LockState::Changed => "not the rule in the lock, so the verdict is exploratory".to_owned(),
        LockState::Unlocked => "not in a lock".to_owned(),
    }
}

/// Number of tests that were run, of all: `2 of 3`.
#[must_use]
pub fn tests_run(verdict: &Verdict) -> String {
    let run = verdict.tests.iter().filter(|test| test.state == State::Run).count();
    format!("{run} of {}", verdict.tests.len())
}

/// Four facts that a reader wants next to a verdict, most telling first.
#[must_use]
pub fn facts(verdict: &Verdict) -> Vec<(&'static str, String)> {
    let run = || verdict.tests.iter().filter(|test| test.state == State::Run);
    let first = |value: fn(&TestResult) -> Option<String>| run().find_map(value);
    let mut facts = vec![("Confidence", capital(confidence(verdict)))];
    let mut add = |label, value: Option<String>| {
        if let Some(value) = value {
            facts.push((label, value));
        }
    };
    add("Agreement of specifications", first(agreement));
    add("Rank among placebos", first(|test| test.fields.rank_p.map(p_value)));
    add("Smallest effect we could see", first(|test| test.fields.mde.map(|mde| effect(mde, test))));
    add("Claimed", verdict.claim.quantity.as_ref().map(|q| format!("{} {}", number::short(q.value), q.unit)));
    add("P-value", first(|test| test.fields.p.map(p_number)));
    add("Tests run", Some(tests_run(verdict)));
    add("Rule", Some(short_lock(&verdict.lock).to_owned()));
    facts.truncate(4);
    facts
}

/// Share of the weight of specifications on the outcome that most have.
fn agreement(test: &TestResult) -> Option<String> {
    let multiverse = test.multiverse.as_ref()?;
    let (share, outcome) = multiverse.shares.iter().zip(["support", "contradict", "undecided"]).fold(
        (f64::NEG_INFINITY, ""),
        |best, (share, word)| if *share > best.0 { (*share, word) } else { best },
    );
    let n = multiverse.specifications.len();
    share.is_finite().then(|| format!("{}% {outcome}, of {n}", number::fixed(100.0 * share, 0)))
}

fn short_lock(lock: &LockState) -> &'static str {
    match lock {
        LockState::Locked(_) => "Fixed before the run",
        LockState::Changed => "Changed since the lock",
        LockState::Unlocked => "Not in a lock",
    }
}

/// An effect in the unit of its test; on the log scale as a change in percent.
#[must_use]
pub fn effect(value: f64, test: &TestResult) -> String {
    if is_ln(test) {
        number::percent_change(value)
    } else {
        format!("{} {}", number::short(value), test.unit)
    }
}

fn is_ln(test: &TestResult) -> bool {
    let unit = test.unit.to_lowercase();
    unit.contains("ln ratio") || unit.contains("ln_ratio") || unit.contains("log ratio")
}

/// `p = 0.031`, `p < 0.001`.
#[must_use]
pub fn p_value(p: f64) -> String {
    let number = p_number(p);
    if number.starts_with('<') { format!("p {number}") } else { format!("p = {number}") }
}

/// A p-value without its letter: `0.031`, `< 0.001`.
#[must_use]
pub fn p_number(p: f64) -> String {
    match p {
        _ if !p.is_finite() => "not known".to_owned(),
        _ if p < 0.001 => "< 0.001".to_owned(),
        _ if p < 0.1 => format!("{p:.3}"),
        _ => format!("{p:.2}"),
    }
}

/// Numbers of a test beyond its one line: natural units first, p-values last. What the test's own
/// details tell is not told again.
#[must_use]
pub fn numbers(test: &TestResult) -> Vec<(String, String)> {
    let fields = &test.fields;
    let count = |n: u64| number::fixed(n as f64, 0);
    let known: Vec<(&str, &[&str], Option<String>)> = vec![
        ("units", &[], fields.n_units.map(count)),
        ("periods", &[], fields.n_periods.map(count)),
        ("treated units", &[], fields.n_treated.map(count)),
        ("observations", &[], fields.n.map(number::short)),
        ("rank", &[], fields.rank.map(number::short)),
        ("smallest effect we could see", &["smallest"], fields.mde.map(|mde| effect(mde, test))),
        ("breakdown value Mbar", &["breakdown", "mbar"], fields.mbar.map(number::short)),
        ("probability", &["probability"], fields.prob.map(number::short)),
        ("share of rankings in which it is first", &["share of rankings"], fields.rank1.map(percent)),
        ("p-value", &["p-value", "p of "], fields.p.map(p_number)),
        ("rank p-value among placebos", &["rank among"], fields.rank_p.map(p_number)),
        ("q over the docket's confirmatory tests", &["q over"], fields.q.map(p_number)),
    ];
    let told = |words: &[&str]| {
        test.details.iter().any(|(label, _)| words.iter().any(|word| label.to_lowercase().contains(word)))
    };
    let rest = known.into_iter().filter(|(_, words, _)| !told(words));
    let rest = rest.filter_map(|(label, _, value)| Some((label.to_owned(), value?)));
    test.details.iter().cloned().chain(rest).collect()
}

fn percent(share: f64) -> String {
    format!("{}%", number::fixed(100.0 * share, 0))
}

/// One sentence about the specifications of a test: how many, how they came out, what moves them. `None` where
/// the test has none, or where its details tell.
#[must_use]
pub fn specifications(test: &TestResult) -> Option<String> {
    let told = test.details.iter().any(|(label, _)| label.to_lowercase().contains("specifications"));
    test.multiverse.as_ref().filter(|_| !told).map(|multiverse| outcomes(multiverse, test))
}

fn outcomes(multiverse: &Multiverse, test: &TestResult) -> String {
    let finite = || multiverse.specifications.iter().map(|spec| spec.est).filter(|est| est.is_finite());
    let lowest = finite().fold(f64::INFINITY, f64::min);
    let highest = finite().fold(f64::NEG_INFINITY, f64::max);
    let [s, c, u] = multiverse.shares.map(percent);
    let n = multiverse.specifications.len();
    let range = if lowest <= highest {
        format!(" Estimates run from {} to {}.", effect(lowest, test), effect(highest, test))
    } else {
        String::new()
    };
    let influence = sentence(&multiverse.most_influential);
    format!("{n} specifications ({}): by weight {s} support, {c} contradict, {u} are undecided.{range} {influence}", multiverse.id)
        .trim_end()
        .to_owned()
}

/// How an implication tells the claim from its rival, and what passing and failing mean.
#[must_use]
pub fn weight_of(discriminates: &str, role: &str) -> String {
    let sharp = match discriminates {
        word if word == Discriminates::Strong.to_string() => "tells them apart well",
        word if word == Discriminates::Weak.to_string() => "tells them apart a little",
        _ => "both predict the same",
    };
    let role = match role {
        word if word == Role::Hoop.to_string() => "failing counts against",
        word if word == Role::SmokingGun.to_string() => "passing counts for",
        word if word == Role::Documentary.to_string() => "evidence of statements",
        _ => "weak both ways",
    };
    format!("{sharp}; {role}")
}

/// How to cite a verdict.
#[must_use]
pub fn citation(verdict: &Verdict, check: &Check) -> String {
    format!(
        "Claim {} of docket {}, judged by {} on the {} record (manifest sha256 {}), rule hash {}: {}. {}",
        verdict.claim.id,
        check.docket,
        check.engine,
        check.record.name,
        short_hash(&check.record.sha256),
        short_hash(&verdict.rule_hash),
        status(verdict.status).to_lowercase(),
        verdict.command,
    )
}

/// The first twelve digits of a digest, enough to find it and short enough to read.
#[must_use]
pub fn short_hash(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// Counts of verdicts by status: `5 supported, 3 mixed`, in the order of the scale, then those off it.
#[must_use]
pub fn tally(check: &Check) -> String {
    let counts = SCALE.into_iter().chain([Status::Inconclusive, Status::NotTestable]).filter_map(|one| {
        let n = check.verdicts.iter().filter(|verdict| verdict.status == one).count();
        (n > 0).then(|| format!("{n} {}", status(one).to_lowercase()))
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// The beginning of a text, to about `most` letters, cut between words.
#[must_use]
pub fn beginning(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most).collect();
    let kept = cut.rfind(' ').map_or(cut.as_str(), |at| &cut[..at]);
    // An open backtick would make code of the rest.
    let tick = if kept.matches('`').count() % 2 == 1 { "`" } else { "" };
    format!("{}{tick} \u{2026}", kept.trim_end_matches([',', ';', ':']))
}

/// With a capital first letter.
#[must_use]
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// With a capital and a full stop.
#[must_use]
pub fn sentence(text: &str) -> String {
    let text = capital(text.trim());
    if text.is_empty() || text.ends_with(['.', '?', '!', ':', '"', '\u{201d}']) {
        text
    } else {
        format!("{text}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenhand_docket::Word;

    #[test]
    fn every_status_has_a_word_and_a_meaning_of_its_own() {
        for (at, one) in Status::ALL.iter().enumerate() {
            assert!(meaning(*one).ends_with('.'));
            assert!(Status::ALL[..at].iter().all(|other| status(*other) != status(*one)));
        }
    }

    #[test]
    fn our_own_words_are_neutral() {
        let never = [
            "true",
            "false",
            "proves",
            "debunked",
            "admits",
            "claims that",
            "illegal",
            "undocumented",
            "significant",
            "sanctuary",
        ];
        let ours = Status::ALL
            .iter()
            .flat_map(|&one| [status(one), meaning(one)])
            .chain(Modifier::ALL.iter().map(|&one| modifier(one)));
        for text in ours {
            for word in never {
                assert!(!text.to_lowercase().contains(word), "`{word}` in `{text}`");
            }
        }
    }

    #[test]
    fn p_values_are_short() {
        assert_eq!(p_value(0.000_006_6), "p < 0.001");
        assert_eq!(p_value(0.0312), "p = 0.031");
        assert_eq!(p_value(0.41), "p = 0.41");
    }

    #[test]
    fn beginnings_are_cut_between_words() {
        assert_eq!(beginning("short", 10), "short");
        assert_eq!(beginning("about 38 fewer, between", 16), "about 38 fewer \u{2026}");
        assert_eq!(beginning("needs `did and more`", 12), "needs `did` \u{2026}");
    }

    #[test]
    fn sentences_end() {
        assert_eq!(sentence("the wide definition"), "The wide definition.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), "");
    }
}
