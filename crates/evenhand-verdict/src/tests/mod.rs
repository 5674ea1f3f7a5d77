//! One file a kind of test; each binds the docket's words to data and runs, or says what it needs.
//!
//! The words of an estimand are prose, so every kind reads a few stated forms of it and no others: a test that
//! is not understood, or whose data are not held, is not run, and all its fields are unknown.

pub mod document_check;

pub mod arithmetic;
pub mod tabulate;

pub mod rank;
pub mod trend;
pub mod two_sample;

pub mod bounds;
pub mod decomposition;

pub mod landmark_panel;

pub mod county_effect;

pub mod geography_bounds;

pub mod synth;

pub mod equivalence;

use crate::confidence::Grades;
use crate::context::Context;
use crate::result::{Caveat, Fields, Figure, Multiverse, State, TestResult};
use crate::{Error, ErrorKind};
use evenhand_docket::{Claim, Test, TestKind};

/// What a test that ran found, and what travels with it.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// Fields that rules can name.
    pub fields: Fields,
    /// Unit of the estimate.
    pub unit: String,
    /// The result in one line.
    pub line: String,
    /// How it was done.
    pub method: Vec<String>,
    /// Further numbers.
    pub details: Vec<(String, String)>,
    /// All specifications.
    pub multiverse: Option<Multiverse>,
    /// How the test departs from what was said.
    pub departures: Vec<String>,
    /// Warnings.
    pub caveats: Vec<Caveat>,
    /// Rows counted, and of those without a county.
    pub rows: Option<(u64, u64)>,
    /// How far it can carry a verdict.
    pub grades: Grades,
    /// Pictures of it.
    pub figures: Vec<Figure>,
}

/// Why a test stops.
#[derive(Debug)]
pub enum Stop {
    /// It lacks something; the text completes "not run: ...".
    Needs(String),
    /// The docket asks for something that must not be computed, or a record failed.
    Error(Error),
}

/// What `run` of every kind returns.
pub type Run = Result<Ran, Stop>;

impl From<evenhand_estimate::Error> for Stop {
    /// Data on which a method cannot work leave the test unanswered; they do not end the check.
    fn from(error: evenhand_estimate::Error) -> Self {
        Stop::Needs(format!("needs other data: {error}"))
    }
}

impl From<evenhand_measure::Error> for Stop {
    fn from(error: evenhand_measure::Error) -> Self {
        Stop::Error(Error::new(ErrorKind::Failed, error.to_string(), error.hint().unwrap_or_default()))
    }
}

/// Stops for want of something.
pub(crate) fn needs(what: impl Into<String>) -> Stop {
    Stop::Needs(what.into())
}

/// The result of a test, with what travels beside it (empty when it was not run).
#[derive(Debug, Clone)]
pub struct Tested {
    /// The result as it is shown.
    pub result: TestResult,
    /// The rest.
    pub ran: Option<Ran>,
}

/// Runs a test of a claim.
///
/// # Errors
/// [`ErrorKind::Boundary`] when an arithmetic test divides different boundaries; [`ErrorKind::Failed`] when
/// the record fails.
pub fn run(context: &Context<'_>, claim: &Claim, test: &Test) -> Result<Tested, Error> {
    let outcome = match context.lacks(test) {
        Some(lacks) => Err(Stop::Needs(and_method(test, lacks))),
        None => match test.kind {
            TestKind::DocumentCheck => document_check::run(context, claim, test),
            TestKind::Arithmetic => arithmetic::run(context, claim, test),
            TestKind::Tabulate => tabulate::run(context, claim, test),
            TestKind::Rank => rank::run(context, claim, test),
            TestKind::Trend => trend::run(context, claim, test),
            TestKind::TwoSample => two_sample::run(context, claim, test),
            TestKind::Bounds => bounds::run(context, claim, test),
            TestKind::Decomposition => decomposition::run(context, claim, test),
            TestKind::Synth => synth::run(context, claim, test),
            TestKind::Equivalence => equivalence::run(context, claim, test),
            _ => Err(needs(format!("needs {}", method_not_built(test)))),
        },
    };
    match outcome {
        Ok(ran) => Ok(Tested { result: shown(test, State::Run, &ran), ran: Some(ran) }),
        Err(Stop::Needs(what)) => {
            Ok(Tested { result: shown(test, State::NotRun(what), &Ran::default()), ran: None })
        }
        Err(Stop::Error(error)) => Err(error),
    }
}

/// Kinds that this version runs.
#[must_use]
pub fn is_built(kind: TestKind) -> bool {
    use TestKind as Kind;
    matches!(
        kind,
        Kind::DocumentCheck
            | Kind::Arithmetic
            | Kind::Tabulate
            | Kind::Rank
            | Kind::Trend
            | Kind::TwoSample
            | Kind::Bounds
            | Kind::Decomposition
            | Kind::Synth
            | Kind::Equivalence
    )
}

fn and_method(test: &Test, lacks: String) -> String {
    if is_built(test.kind) { lacks } else { format!("{lacks}, and {}", method_not_built(test)) }
}

fn method_not_built(test: &Test) -> String {
    let kind = test.kind.to_string();
    let estimator = test.estimator.map(|name| format!(" (estimator `{name}`)")).unwrap_or_default();
    format!("a test of kind `{kind}`{estimator}, which this version does not have")
}

fn shown(test: &Test, state: State, ran: &Ran) -> TestResult {
    let line = match &state {
        State::Run => ran.line.clone(),
        State::NotRun(what) => format!("not run: {what}"),
    };
    TestResult {
        id: test.id.clone(),
        kind: test.kind,
        measure: test.measure.clone(),
        state,
        fields: ran.fields.clone(),
        estimand: test.estimand.clone().or_else(|| test.asks.clone()).unwrap_or_default(),
        unit: ran.unit.clone(),
        line,
        method: ran.method.clone(),
        details: ran.details.clone(),
        multiverse: ran.multiverse.clone(),
    }
}
