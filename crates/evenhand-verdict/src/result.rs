//! What a check says: the shapes that `render` prints and that nothing after this crate computes anew.

use evenhand_docket::{Claim, Modifier, Status, TestKind};
pub use evenhand_measure::{ReleaseInfo, Source};

/// One docket run against one record.
#[derive(Debug, Clone)]
pub struct Check {
    /// Title of the docket.
    pub title: String,
    /// Identifier of the docket.
    pub docket: String,
    /// Engine name and version, `evenhand 0.1.0`.
    pub engine: String,
    /// The record that was used.
    pub record: Source,
    /// Seed of every random procedure.
    pub seed: u64,
    /// One verdict a claim, in docket order.
    pub verdicts: Vec<Verdict>,
    /// Figures about the record as a whole, shown once.
    pub figures: Vec<Figure>,
}

/// The answer to one claim.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The claim as the docket has it.
    pub claim: Claim,
    /// One of seven words.
    pub status: Status,
    /// Modifiers, in the order of methods/1 section 12.2, each once.
    pub modifiers: Vec<Modifier>,
    /// Weakest of the four grades; `None` where the status carries none (not testable).
    pub confidence: Option<Level>,
    /// The four grades with their reasons.
    pub grades: Vec<Grade>,
    /// Fixed opening of status and confidence: "The record supports this."
    pub opening: String,
    /// The rule's sentence.
    pub say: String,
    /// The figure that decided, in one line with its interval: "10.9 percent (10.6 to 11.3)".
    pub decisive: String,
    /// What was tested, in one sentence, and each way in which it departs from what was said.
    pub tested: String,
    /// Departures from the claim's own words, place, period or data.
    pub departures: Vec<String>,
    /// Number in `claim.rules` of the rule that fired, from 0; `None` if none did.
    pub rule: Option<usize>,
    /// Every condition with its value and truth, one line each.
    pub trace: Vec<String>,
    /// Hash of the claim's rule.
    pub rule_hash: String,
    /// State of the lock.
    pub lock: LockState,
    /// One result a test, in docket order.
    pub tests: Vec<TestResult>,
    /// One row an implication (intent claims).
    pub implications: Vec<ImplicationResult>,
    /// Benjamini-Hochberg q of the claim's primary test, if the claim is in the confirmatory family.
    pub q: Option<f64>,
    /// Releases and transcribed figures behind the claim.
    pub data: Vec<DataUse>,
    /// Weakest hop of the source chain, in one line.
    pub weakest_hop: Option<String>,
    /// Strongest rival explanation and what would tell it apart.
    pub rival: Option<String>,
    /// Data that would change the verdict.
    pub would_change: Vec<String>,
    /// Caveats in plain words.
    pub caveats: Vec<Caveat>,
    /// Disclosure protection applied, in one line.
    pub disclosure: String,
    /// Figures of the claim.
    pub figures: Vec<Figure>,
    /// The command that reproduces the verdict.
    pub command: String,
}

/// Whether the rule was fixed before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockState {
    /// The lock holds this very rule, since the day given.
    Locked(String),
    /// The lock holds another rule: the verdict is exploratory.
    Changed,
    /// The docket has no lock, or the lock does not know the claim.
    Unlocked,
}

/// Levels of confidence and of its four grades, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Anything weaker than moderate.
    Low,
    /// See methods/1, section 12.4.
    Moderate,
    /// See methods/1, section 12.4.
    High,
}

/// One of design, data, precision, robustness.
#[derive(Debug, Clone)]
pub struct Grade {
    /// Which grade.
    pub name: &'static str,
    /// Its level; `None` where it does not apply to this kind of claim.
    pub level: Option<Level>,
    /// Why, in words.
    pub why: String,
}

/// The outcome of one test.
#[derive(Debug, Clone)]
pub struct TestResult {
    /// Its id in the claim.
    pub id: String,
    /// Its kind.
    pub kind: TestKind,
    /// What it measures.
    pub measure: String,
    /// Run or not, and why not.
    pub state: State,
    /// Fields that a rule can name; absent ones are unknown.
    pub fields: Fields,
    /// What was estimated, in the docket's words.
    pub estimand: String,
    /// Unit of `est`, `lo`, `hi`: `percent`, `ln ratio`, `detainers`.
    pub unit: String,
    /// One line: "10.9 percent (10.6 to 11.3)".
    pub line: String,
    /// How it was done: estimator, inference, definitions, in short sentences.
    pub method: Vec<String>,
    /// Further numbers worth showing, label and text.
    pub details: Vec<(String, String)>,
    /// The multiverse, where one was run.
    pub multiverse: Option<Multiverse>,
}

/// Whether a test was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It was.
    Run,
    /// It was not; the text completes "not run: ...".
    NotRun(String),
}

/// Fields of a test result, named as in the rule language.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields {
    /// Point estimate.
    pub est: Option<f64>,
    /// Lower end of the 95 percent interval (or of the bound).
    pub lo: Option<f64>,
    /// Upper end of the 95 percent interval.
    pub hi: Option<f64>,
    /// Lower end of the 90 percent interval.
    pub lo90: Option<f64>,
    /// Upper end of the 90 percent interval.
    pub hi90: Option<f64>,
    /// P-value.
    pub p: Option<f64>,
    /// False discovery rate.
    pub q: Option<f64>,
    /// P-value by rank among placebos.
    pub rank_p: Option<f64>,
    /// Rank of the unit.
    pub rank: Option<f64>,
    /// Probability that was computed.
    pub prob: Option<f64>,
    /// Observations.
    pub n: Option<f64>,
    /// Minimum detectable effect.
    pub mde: Option<f64>,
    /// Breakdown value of HonestDiD.
    pub mbar: Option<f64>,
    /// A value read or counted.
    pub value: Option<f64>,
    /// A count.
    pub count: Option<f64>,
    /// Whether something was found in a document.
    pub found: Option<bool>,
    /// Weighted share of specifications: supported, contradicted, undecided.
    pub shares: Option<[f64; 3]>,
    /// Share of alternative rankings in which the unit is first.
    pub rank1: Option<f64>,
    /// Units, periods, treated units behind an estimate.
    pub n_units: Option<u64>,
    /// Periods.
    pub n_periods: Option<u64>,
    /// Treated units.
    pub n_treated: Option<u64>,
}

/// All specifications of one test.
#[derive(Debug, Clone)]
pub struct Multiverse {
    /// Name of the grid, `travis/1`.
    pub id: String,
    /// Axes in order, each with its options.
    pub axes: Vec<(String, Vec<String>)>,
    /// Every specification that was run, in grid order.
    pub specifications: Vec<Specification>,
    /// Weighted shares: supported, contradicted, undecided.
    pub shares: [f64; 3],
    /// Share of the variance of the estimates by axis, in axis order.
    pub variance_by_axis: Vec<f64>,
    /// The single choice that moves the estimate most, in words.
    pub most_influential: String,
}

/// One specification.
#[derive(Debug, Clone)]
pub struct Specification {
    /// Chosen option of each axis, by number.
    pub options: Vec<usize>,
    /// Whether it is the one fixed before the run.
    pub primary: bool,
    /// Weight in the shares (zero for a stress option).
    pub weight: f64,
    /// Estimate.
    pub est: f64,
    /// Interval.
    pub lo: f64,
    /// Interval.
    pub hi: f64,
    /// `S`, `C` or `U`.
    pub outcome: char,
}

/// One implication of an intent claim.
#[derive(Debug, Clone)]
pub struct ImplicationResult {
    /// `R1`.
    pub id: String,
    /// What would follow.
    pub text: String,
    /// What the claim predicts.
    pub if_claim: String,
    /// What the rival predicts.
    pub if_rival: String,
    /// How sharply it tells them apart.
    pub discriminates: String,
    /// Its role.
    pub role: String,
    /// Result of its test in one line, or "not run: ...".
    pub result: String,
    /// Whether the implication holds; `None` when its test was not run or cannot tell.
    pub holds: Option<bool>,
}

/// Data behind a claim.
#[derive(Debug, Clone)]
pub struct DataUse {
    /// Dataset of the docket.
    pub dataset: String,
    /// What served it: a release of the record or transcribed figures; `None` when nothing held serves it.
    pub served_by: Option<String>,
    /// Coverage in words.
    pub coverage: String,
    /// Digest of the figures used.
    pub sha256: Option<String>,
    /// Rows counted.
    pub rows_used: Option<u64>,
    /// Of those, rows that no county could be given to.
    pub rows_unplaced: Option<u64>,
}

/// A warning that travels with a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caveat {
    /// Stable code, `geo.landmark`.
    pub code: String,
    /// Plain words.
    pub text: String,
}

/// A chart, as data; `render` draws it.
#[derive(Debug, Clone)]
pub struct Figure {
    /// `a13-austin`, unique in a check, usable as an HTML id and file name.
    pub id: String,
    /// The finding, as a title.
    pub title: String,
    /// What is drawn, units and period.
    pub subtitle: String,
    /// A text equivalent for people who do not see the picture: what it shows, in two or three sentences.
    pub description: String,
    /// Sources in one line.
    pub source: String,
    /// Notes under the figure.
    pub notes: Vec<String>,
    /// What to draw.
    pub chart: Chart,
}

/// Kinds of chart.
#[derive(Debug, Clone)]
pub enum Chart {
    /// Lines or stacked areas over months or weeks, with dated marks.
    Series {
        /// Period labels, ISO dates of first days, ascending.
        periods: Vec<String>,
        /// Named series, each as long as `periods`; `None` is missing, drawn as a gap.
        series: Vec<Series>,
        /// Whether to stack the series as areas.
        stacked: bool,
        /// Vertical marks and shaded spans.
        marks: Vec<Mark>,
        /// Unit of the vertical axis.
        unit: String,
    },
    /// Small multiples of one series a place, on one common scale.
    Multiples {
        /// Period labels.
        periods: Vec<String>,
        /// One panel a place, in drawing order.
        panels: Vec<Series>,
        /// Marks shown in every panel.
        marks: Vec<Mark>,
        /// Unit of the vertical axis.
        unit: String,
    },
    /// Parts of a whole as one or more bars, with an interval drawn around the total and a claimed range.
    Shares {
        /// One bar each.
        bars: Vec<ShareBar>,
        /// The claim's literal range, in the unit of the bars.
        claimed: Option<(f64, f64)>,
        /// Unit, `percent of the national total`.
        unit: String,
    },
    /// Estimates with intervals, one a row, and a reference value.
    Intervals {
        /// Rows.
        rows: Vec<IntervalRow>,
        /// Reference value drawn as a line.
        reference: f64,
        /// A band of no interest around the reference.
        band: Option<(f64, f64)>,
        /// Unit.
        unit: String,
    },
    /// A specification curve of `multiverse` of the test named.
    Specifications {
        /// The multiverse.
        multiverse: Multiverse,
        /// Reference value.
        reference: f64,
        /// Unit.
        unit: String,
    },
}

/// One series.
#[derive(Debug, Clone)]
pub struct Series {
    /// Name.
    pub name: String,
    /// Values by period.
    pub values: Vec<Option<f64>>,
    /// How to draw it.
    pub role: SeriesRole,
}

/// Role of a series in its chart: decides tone, weight and dashes, never hue alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesRole {
    /// What was observed, first.
    Primary,
    /// A second observed series.
    Secondary,
    /// A counterfactual or reference, dashed.
    Reference,
}

/// A dated mark.
#[derive(Debug, Clone)]
pub struct Mark {
    /// First day, ISO.
    pub start: String,
    /// Last day of a span.
    pub end: Option<String>,
    /// Label.
    pub label: String,
    /// Whether it is the event that the figure is about.
    pub emphasis: bool,
}

/// One bar of a share chart.
#[derive(Debug, Clone)]
pub struct ShareBar {
    /// Name of the bar.
    pub name: String,
    /// Parts in order: name and value.
    pub parts: Vec<(String, f64)>,
    /// Interval of the total.
    pub interval: Option<(f64, f64)>,
}

/// One row of an interval chart.
#[derive(Debug, Clone)]
pub struct IntervalRow {
    /// Name.
    pub name: String,
    /// Estimate.
    pub est: f64,
    /// Interval, an end that is infinite is drawn as an arrow.
    pub lo: f64,
    /// Interval.
    pub hi: f64,
    /// Whether it is the primary result.
    pub emphasis: bool,
}
