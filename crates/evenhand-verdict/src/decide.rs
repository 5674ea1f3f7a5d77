//! Results of tests as the rule language sees them, and the docket's decision with its trace.

use crate::result::{Fields, LockState, TestResult};
use evenhand_docket::rule::Step;
use evenhand_docket::{
    Claim, Decision, Docket, Field, Fields as RuleFields, Lock, LockState as Compared, Modifier, ShareOf,
    Truth,
};

/// The tests of one claim. A field that a test did not give is unknown; an unrun test gives none.
pub struct Results<'a>(pub &'a [TestResult]);

impl Results<'_> {
    fn fields(&self, test: &str) -> Option<&Fields> {
        self.0.iter().find(|result| result.id == test).map(|result| &result.fields)
    }
}

impl RuleFields for Results<'_> {
    fn number(&self, test: &str, field: Field) -> Option<f64> {
        let fields = self.fields(test)?;
        match field {
            Field::Est => fields.est,
            Field::Lo => fields.lo,
            Field::Hi => fields.hi,
            Field::Lo90 => fields.lo90,
            Field::Hi90 => fields.hi90,
            Field::P => fields.p,
            Field::Q => fields.q,
            Field::RankP => fields.rank_p,
            Field::Rank => fields.rank,
            Field::Prob => fields.prob,
            Field::N => fields.n,
            Field::Mde => fields.mde,
            Field::Mbar => fields.mbar,
            Field::Value => fields.value,
            Field::Count => fields.count,
            Field::Found | Field::Class => None,
        }
    }

    fn flag(&self, test: &str, field: Field) -> Option<bool> {
        self.fields(test).filter(|_| field == Field::Found)?.found
    }

    fn share(&self, test: &str, of: ShareOf) -> Option<f64> {
        let fields = self.fields(test)?;
        let [s, c, u] = fields.shares.map_or([None; 3], |shares| shares.map(Some));
        match of {
            ShareOf::S => s,
            ShareOf::C => c,
            ShareOf::U => u,
            ShareOf::Rank1 => fields.rank1,
        }
    }
}

/// The decision on a claim, `exploratory` added when its rule changed after it was fixed. Modifiers come in the
/// order of methods/1, section 12.2, each once.
#[must_use]
pub fn decide(claim: &Claim, tests: &[TestResult], lock: &LockState) -> Decision {
    let mut decision = claim.decide(&Results(tests));
    if *lock == LockState::Changed {
        decision.modifiers.push(Modifier::Exploratory);
        decision.modifiers.sort_unstable();
        decision.modifiers.dedup();
    }
    decision
}

/// How a claim stands against the lock.
#[must_use]
pub fn lock_state(docket: &Docket, lock: Option<&Lock>, claim: &Claim) -> LockState {
    let compared = lock.map(|lock| lock.compare(docket)).unwrap_or_default();
    match compared.into_iter().find(|entry| entry.claim == claim.id).map(|entry| entry.state) {
        Some(Compared::Locked { at }) => LockState::Locked(at.to_string()),
        Some(Compared::Changed { .. }) => LockState::Changed,
        Some(Compared::New | Compared::Removed { .. }) | None => LockState::Unlocked,
    }
}

/// One line a condition: the rule, its truth, and what it read.
#[must_use]
pub fn trace(decision: &Decision) -> Vec<String> {
    let mut lines = Vec::new();
    for tried in &decision.trace {
        lines.push(format!("rule {} ({}): {}", tried.rule + 1, tried.verdict, rounded(&tried.condition)));
        // A whole rule that is one condition says it all in its own line.
        if !tried.condition.parts.is_empty() {
            lines.extend(tried.condition.deciding().into_iter().map(|step| format!("  {}", rounded(step))));
        }
    }
    lines
}

/// A condition with the values that it read, to four digits.
fn rounded(step: &Step) -> String {
    use evenhand_docket::rule::Shown;
    let value = |value: &Shown| match value {
        Shown::Number(number) if number.is_finite() => {
            let decimals = if number.abs() >= 100.0 { 0 } else { 4 };
            let text = format!("{number:.decimals$}");
            let plain =
                if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            plain.to_owned()
        }
        other => other.to_string(),
    };
    let values: Vec<String> =
        step.values.iter().map(|(name, shown)| format!("{name} = {}", value(shown))).collect();
    let read = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
    let truth = match step.truth {
        Truth::True => "holds",
        Truth::False => "does not hold",
        Truth::Unknown => "is not known",
    };
    format!("{} {truth}{read}", step.text)
}
