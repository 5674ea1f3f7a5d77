//! The decision: first rule that is true wins; none, and the claim is inconclusive.

use crate::Claim;
use crate::chain::chain_is_weak;
use crate::rule::{Fields, Step, Truth};
use crate::words::{ClaimKind, Modifier, Status};

/// What the rules say about a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Index of the rule that decided, from 0; `None` when no rule was true.
    pub rule: Option<usize>,
    /// The status.
    pub status: Status,
    /// The rule's modifiers, plus those that the claim itself sets: a weak chain, a motive. Sorted.
    pub modifiers: Vec<Modifier>,
    /// The rule's sentence, or a fixed one when no rule was true.
    pub say: String,
    /// Every rule up to and including the one that decided, with its reasons.
    pub trace: Vec<RuleTrace>,
}

/// One rule as it was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleTrace {
    /// Index of the rule, from 0.
    pub rule: usize,
    /// The status that it would give.
    pub verdict: Status,
    /// Its condition, its truth and why.
    pub condition: Step,
}

/// Said when no rule was true.
const NO_RULE: &str = "None of the rules fixed in advance is met by the results at hand.";

impl Claim {
    /// Tries the rules in order on the results in `fields`. The claimant's side plays no part.
    #[must_use]
    pub fn decide(&self, fields: &dyn Fields) -> Decision {
        let mut trace = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let condition = rule.when.explain(fields);
            let holds = condition.truth == Truth::True;
            trace.push(RuleTrace { rule: index, verdict: rule.verdict, condition });
            if holds {
                let modifiers = self.modifiers_with(&rule.modifiers);
                return Decision {
                    rule: Some(index),
                    status: rule.verdict,
                    modifiers,
                    say: rule.say.clone(),
                    trace,
                };
            }
        }
        let modifiers = self.modifiers_with(&[]);
        Decision { rule: None, status: Status::Inconclusive, modifiers, say: NO_RULE.to_owned(), trace }
    }

    /// `of_rule` and what the claim itself sets, sorted, each once.
    fn modifiers_with(&self, of_rule: &[Modifier]) -> Vec<Modifier> {
        let mut modifiers = of_rule.to_vec();
        modifiers.extend(chain_is_weak(self).then_some(Modifier::SourceChainWeak));
        modifiers.extend((self.kind == ClaimKind::Intent).then_some(Modifier::Motive));
        modifiers.sort_unstable();
        modifiers.dedup();
        modifiers
    }
}
