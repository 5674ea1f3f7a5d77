//! A claim: who said what, what was meant, which tests bear on it and which rules decide.

use evenhand_vocab::{Aor, CountyFips, StateFips};

use crate::words::{
    Certainty, ClaimKind, Discriminates, Estimator, Fidelity, Modifier, Period, Relation, Role, Status,
    TestKind, Unit,
};
use crate::{Date, Expr, Pitfall, Sesoi};

/// One claim of a docket.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Unique among claims.
    pub id: String,
    /// Short heading.
    pub title: String,
    /// The claim as made or closely rendered.
    pub text: String,
    /// Where it stands in its source: `P8b`, `headline`.
    pub locus: String,
    /// What it asserts.
    pub kind: ClaimKind,
    /// Who made it.
    pub claimant: Claimant,
    /// Day on which it was made.
    pub said_on: Date,
    /// How sure that day is; `Exact` when the file does not say.
    pub said_on_certainty: Certainty,
    /// How the claim came to the docket, first hop first.
    pub chain: Vec<Hop>,
    /// Places and days that it speaks of.
    pub scope: Scope,
    /// The number in it, if any.
    pub quantity: Option<Quantity>,
    /// Ids of definitions that could stand for its words.
    pub definitions: Vec<String>,
    /// What is known from sources; shown, never used by a rule.
    pub facts: Vec<Fact>,
    /// Known traps.
    pub pitfalls: Vec<Pitfall>,
    /// For claims about a motive.
    pub motive: Option<Motive>,
    /// What should be seen if the claim is right, and if its rival is.
    pub implications: Vec<Implication>,
    /// Other readings of its words, by name.
    pub reading: Vec<Reading>,
    /// Tests that its rules and implications name.
    pub tests: Vec<Test>,
    /// Rules in the order in which they are tried.
    pub rules: Vec<Rule>,
    /// The docket's level, under which the rules were fixed.
    pub alpha: f64,
    /// The docket's smallest effects of interest, under which the rules were fixed.
    pub sesoi: Sesoi,
    /// The wording of every definition and the days of every event that the claim leans on, by id and
    /// sorted. Part of the rule hash, so that a definition cannot change under a locked claim.
    pub pinned: Vec<(String, String)>,
    /// Line of the file on which the claim begins, from 1.
    pub line: usize,
}

impl Claim {
    /// The test with this id.
    #[must_use]
    pub fn test(&self, id: &str) -> Option<&Test> {
        self.tests.iter().find(|test| test.id == id)
    }
}

/// Who made a claim: an agency, an outlet, an official in office; never a private person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// Name or description.
    pub name: String,
    /// `agency`, `outlet`, `official`, ...
    pub role: String,
    /// Whether the source is named.
    pub named: bool,
    /// What is said about first-hand knowledge.
    pub firsthand: Option<String>,
    /// The side that the claimant is on, kept for audits of the docket's balance. No rule, test, hash or
    /// decision reads it.
    pub side: Option<String>,
}

/// One step of a claim from its origin to the docket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Who had it.
    pub from: String,
    /// Who got it.
    pub to: String,
    /// How.
    pub relation: Relation,
    /// Id of the source that shows the hop.
    pub source: String,
    /// Tellers between the fact and this hop's words.
    pub hearsay: u32,
    /// Whether the speaker can be held to it.
    pub on_record: Option<bool>,
    /// What the hop did to the meaning.
    pub fidelity: Fidelity,
    /// What changed, in words.
    pub note: Option<String>,
}

/// The places and days that a claim speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Places.
    pub geo: Vec<Geo>,
    /// The level at which it speaks.
    pub level: Unit,
    /// First day.
    pub start: Date,
    /// Last day, inclusive.
    pub end: Date,
}

/// A place, as the format writes it: `nation`, `48453`, `aor:SNA`, `state:36`, `city:Boston`, `metro:Boston`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Geo {
    /// The whole country.
    Nation,
    /// A county.
    County(CountyFips),
    /// An ICE area of responsibility.
    Aor(Aor),
    /// A state.
    State(StateFips),
    /// A city inside its limits, by name.
    City(String),
    /// A metropolitan area, by name.
    Metro(String),
}

impl Geo {
    /// What a place may look like, for messages.
    pub(crate) const EXPECTED: &'static str =
        "`nation`, a five-digit county code, `aor:CODE`, `state:NN`, `city:NAME` or `metro:NAME`";

    /// The place that `text` names.
    ///
    /// ```
    /// use evenhand_docket::Geo;
    /// assert_eq!(Geo::of("aor:SNA").map(|geo| geo.to_string()).as_deref(), Some("aor:SNA"));
    /// assert_eq!(Geo::of("Texas"), None);
    /// ```
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let named = |name: &str| (!name.trim().is_empty()).then(|| name.to_owned());
        match text.split_once(':') {
            None if text == "nation" => Some(Self::Nation),
            None => text.parse().ok().map(Self::County),
            Some(("aor", code)) => code.parse().ok().map(Self::Aor),
            Some(("state", code)) => code.parse().ok().map(Self::State),
            Some(("city", name)) => named(name).map(Self::City),
            Some(("metro", name)) => named(name).map(Self::Metro),
            Some(_) => None,
        }
    }
}

impl std::fmt::Display for Geo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nation => f.write_str("nation"),
            Self::County(fips) => write!(f, "{fips}"),
            Self::Aor(aor) => write!(f, "aor:{aor}"),
            Self::State(fips) => write!(f, "state:{fips}"),
            Self::City(name) => write!(f, "city:{name}"),
            Self::Metro(name) => write!(f, "metro:{name}"),
        }
    }
}

/// The number that a claim states.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// Id of the measure that it is about.
    pub measure: String,
    /// The number as stated.
    pub value: f64,
    /// Its unit, in the claim's words.
    pub unit: String,
    /// What the words say, hedges included.
    pub literal: Interval,
    /// Inside this a careful reader would not feel misled; contains `literal`.
    pub material: Interval,
}

/// A closed interval, `lo <= hi`; an end may be infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

impl Interval {
    /// Whether `value` lies in it.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.lo <= value && value <= self.hi
    }

    /// Whether `other` lies in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }
}

/// Something known from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The fact.
    pub text: String,
    /// Id of its source.
    pub source: String,
}

/// What is stated about a motive before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Motive {
    /// Whether data could identify it; always false for an intent claim.
    pub identifiable: bool,
    /// The strongest other explanation.
    pub rival: String,
}

/// Something that should be seen if the claim is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implication {
    /// Unique within the claim; `R1` to `R8` are the standard ones.
    pub id: String,
    /// In words.
    pub text: String,
    /// Id of the test that looks.
    pub test: String,
    /// What the claim predicts.
    pub if_claim: String,
    /// What the rival predicts.
    pub if_rival: String,
    /// How sharply the two differ.
    pub discriminates: Discriminates,
    /// What passing and failing mean.
    pub role: Role,
}

/// One reading of a claim's words: free keys of the `reading` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Key in the table.
    pub name: String,
    /// The reading.
    pub text: String,
}

/// A test, as the docket orders it.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// Unique within the claim; an identifier of the rule language.
    pub id: String,
    /// How it is computed.
    pub kind: TestKind,
    /// Id of the measure.
    pub measure: String,
    /// Id of the dataset; `None` for documents.
    pub dataset: Option<String>,
    /// Second measure, such as the arrests that are replaced.
    pub partner: Option<String>,
    /// Second dataset.
    pub partner_dataset: Option<String>,
    /// Unit of observation.
    pub unit: Option<Unit>,
    /// Length of a period.
    pub period: Option<Period>,
    /// The treatment in words; tokens that look like event or definition ids are checked.
    pub treatment: Option<String>,
    /// What is estimated.
    pub estimand: Option<String>,
    /// With what.
    pub estimator: Option<Estimator>,
    /// First and last day used.
    pub window: Option<(Date, Date)>,
    /// How uncertainty is computed, such as `wild_cluster(aor) + randomization`.
    pub inference: Option<String>,
    /// Id of the definition, when the test fixes one.
    pub definition: Option<String>,
    /// Name and version of the grid of specifications, `travis/1`.
    pub multiverse: Option<String>,
    /// What is bounded.
    pub bounds: Option<String>,
    /// Id of the source that a document check reads.
    pub document: Option<String>,
    /// The question put to the document.
    pub asks: Option<String>,
    /// Where an arithmetic test's interval comes from.
    pub interval: Option<String>,
    /// A remark.
    pub note: Option<String>,
    /// Line of the file on which the test begins, from 1.
    pub line: usize,
}

impl Test {
    /// Whether its results are natural logarithms of ratios: by kind, and for `two_sample` when the estimand
    /// says that it is a ratio. Everything else is in native units.
    #[must_use]
    pub fn is_ln_ratio(&self) -> bool {
        let ratio = || self.estimand.as_deref().is_some_and(|estimand| estimand.contains("ratio"));
        self.kind.is_ln_ratio() || (self.kind == TestKind::TwoSample && ratio())
    }
}

/// A rule: the first one whose condition is true gives the status.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The status that it gives.
    pub verdict: Status,
    /// The condition.
    pub when: Expr,
    /// What goes with the status.
    pub modifiers: Vec<Modifier>,
    /// The sentence shown when it decides.
    pub say: String,
    /// Line of the file on which the rule begins, from 1.
    pub line: usize,
}
