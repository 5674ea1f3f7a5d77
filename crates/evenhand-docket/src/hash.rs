//! The rule hash: what must not change once the data have been seen.
//!
//! Covered: the claim's text, scope, quantity, definitions, tests and rules, the wording of the definitions
//! and the days of the events that it leans on, and the docket's level and smallest effects of interest.
//! Not covered: everything that cannot move a verdict, such as title, claimant, chain and facts.

use sha2::{Digest, Sha256};

use crate::rule::number_text;
use crate::words::Word;
use crate::{Claim, Interval, Rule, Test};

/// Version of the serialization below; part of the hashed text.
const VERSION: &str = "evenhand-rule/1";

impl Claim {
    /// SHA-256 of [`Claim::canonical`], 64 lower-case hex digits.
    ///
    /// Formatting, key order and comments of the file do not change it, nor do spaces inside a rule, the
    /// order of tests or that of definitions.
    #[must_use]
    pub fn rule_hash(&self) -> String {
        Sha256::digest(self.canonical().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is hashed: one line per value, `path length value`, so that no two claims share a text.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = Canonical(format!("{VERSION}\n"));
        out.put("text", &self.text);
        self.scope.geo.iter().for_each(|geo| out.put("scope.geo", &geo.to_string()));
        out.put("scope.level", self.scope.level.word());
        out.put("scope.start", &self.scope.start.to_string());
        out.put("scope.end", &self.scope.end.to_string());
        if let Some(quantity) = &self.quantity {
            out.put("quantity.measure", &quantity.measure);
            out.put("quantity.unit", &quantity.unit);
            out.number("quantity.value", quantity.value);
            out.interval("quantity.literal", quantity.literal);
            out.interval("quantity.material", quantity.material);
        }
        let mut definitions = self.definitions.clone();
        definitions.sort_unstable();
        definitions.iter().for_each(|id| out.put("definition", id));
        for (id, wording) in &self.pinned {
            out.put("pinned.id", id);
            out.put("pinned.wording", wording);
        }
        let mut tests: Vec<&Test> = self.tests.iter().collect();
        tests.sort_by(|a, b| a.id.cmp(&b.id));
        tests.into_iter().for_each(|test| out.test(test));
        self.rules.iter().for_each(|rule| out.rule(rule));
        out.number("alpha", self.alpha);
        out.number("sesoi.log_ratio", self.sesoi.log_ratio);
        out.number("sesoi.share_pp", self.sesoi.share_pp);
        out.0
    }
}

struct Canonical(String);

impl Canonical {
    fn put(&mut self, path: &str, value: &str) {
        self.0.push_str(&format!("{path} {} {value}\n", value.len()));
    }

    /// `0` and `-0` are one number, as are `10` and `10.0`.
    fn number(&mut self, path: &str, number: f64) {
        self.put(path, &number_text(number + 0.0));
    }

    fn interval(&mut self, path: &str, interval: Interval) {
        self.number(path, interval.lo);
        self.number(path, interval.hi);
    }

    fn test(&mut self, test: &Test) {
        self.put("test.id", &test.id);
        self.put("test.kind", test.kind.word());
        self.put("test.measure", &test.measure);
        let texts = [
            ("test.dataset", &test.dataset),
            ("test.partner", &test.partner),
            ("test.partner_dataset", &test.partner_dataset),
            ("test.treatment", &test.treatment),
            ("test.estimand", &test.estimand),
            ("test.inference", &test.inference),
            ("test.definition", &test.definition),
            ("test.multiverse", &test.multiverse),
            ("test.bounds", &test.bounds),
            ("test.document", &test.document),
            ("test.asks", &test.asks),
            ("test.interval", &test.interval),
            ("test.note", &test.note),
        ];
        for (path, text) in texts {
            text.iter().for_each(|text| self.put(path, text));
        }
        let words = [
            ("test.unit", test.unit.map(Word::word)),
            ("test.period", test.period.map(Word::word)),
            ("test.estimator", test.estimator.map(Word::word)),
        ];
        for (path, word) in words {
            word.iter().for_each(|word| self.put(path, word));
        }
        if let Some((start, end)) = test.window {
            self.put("test.window", &format!("{start} {end}"));
        }
    }

    fn rule(&mut self, rule: &Rule) {
        self.put("rule.verdict", rule.verdict.word());
        self.put("rule.when", &rule.when.to_string());
        rule.modifiers.iter().for_each(|modifier| self.put("rule.modifier", modifier.word()));
        self.put("rule.say", &rule.say);
    }
}
