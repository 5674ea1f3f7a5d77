//! The flags of `evenhand estimate`: one definition for every method; [`super::methods`] says who takes which.

use crate::cli::Threads;
use clap::{ArgMatches, Args, ValueEnum, parser::ValueSource};
use std::path::PathBuf;

/// `evenhand estimate`.
#[derive(Debug, Args)]
pub struct Estimate {
    /// The method; `evenhand estimate --list` names them.
    #[arg(value_name = "METHOD", required_unless_present = "list")]
    pub method: Option<String>,
    /// List the methods: what each estimates, and what the same is called in R.
    #[arg(long)]
    pub list: bool,

    /// A table with a header: CSV, TSV (plain or gzipped) or Parquet.
    #[arg(long, value_name = "FILE", required_unless_present = "list", help_heading = "Data")]
    pub data: Option<PathBuf>,
    /// Column of the units.
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    pub unit: Option<String>,
    /// Column of the periods: numbers, or dates as `2017-02` or `2017-02-01`.
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    pub time: Option<String>,
    /// Column of the outcome.
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    pub outcome: Option<String>,
    /// Column of each unit's first treated period; empty, 0, NA or inf is never.
    #[arg(long, value_name = "COLUMN", help_heading = "Data", conflicts_with_all = ["treatment", "treated"])]
    pub cohort: Option<String>,
    /// Column that is 1 in the rows in which the unit is treated, otherwise 0.
    #[arg(long, value_name = "COLUMN", help_heading = "Data", conflicts_with = "treated")]
    pub treatment: Option<String>,
    /// Treated units by name, or a column that is 1 for them; treated from `--start` on.
    #[arg(long, value_name = "UNIT|COLUMN", value_delimiter = ',', help_heading = "Data")]
    pub treated: Vec<String>,
    /// First treated period of the units in `--treated`.
    #[arg(long, value_name = "PERIOD", help_heading = "Data")]
    pub start: Option<String>,
    /// Columns of covariates.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', help_heading = "Data")]
    pub covariates: Vec<String>,
    /// Columns whose levels are absorbed as fixed effects.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', help_heading = "Data")]
    pub fe: Vec<String>,
    /// Column of sampling weights.
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    pub weights: Option<String>,
    /// Columns of the clusters of the standard errors; without it, the units.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', help_heading = "Data")]
    pub cluster: Vec<String>,
    /// Column added to the linear predictor with coefficient 1.
    #[arg(long, value_name = "COLUMN", help_heading = "Data", conflicts_with = "exposure")]
    pub offset: Option<String>,
    /// Column whose logarithm is the offset, such as a population.
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    pub exposure: Option<String>,

    /// Print JSON (`estimate/1`).
    #[arg(long, conflicts_with = "csv", help_heading = "Output")]
    pub json: bool,
    /// Print CSV.
    #[arg(long, help_heading = "Output")]
    pub csv: bool,
    /// Draw the terms: an event study by event time, anything else one a row.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub svg: Option<PathBuf>,
    /// Level of the intervals.
    #[arg(long, value_name = "SHARE", conflicts_with = "alpha", value_parser = share, help_heading = "Output")]
    pub level: Option<f64>,
    /// One less the level of the intervals.
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Output")]
    pub alpha: Option<f64>,
    /// Columns to write for; without it, the terminal's, and 80 where there is none.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400), help_heading = "Output")]
    pub width: Option<u16>,
    #[command(flatten)]
    pub threads: Threads,

    #[command(flatten)]
    pub choices: Choices,
}

/// What a method may be told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Choices of the methods")]
pub struct Choices {
    /// Units to compare with.
    #[arg(long, value_enum)]
    pub control: Option<Control>,
    /// Periods before treatment in which it may already act.
    #[arg(long, value_name = "N")]
    pub anticipation: Option<u32>,
    /// Base period of the differences before treatment.
    #[arg(long, value_enum)]
    pub base: Option<Base>,
    /// How covariates enter: doubly robust, inverse probability, outcome regression.
    #[arg(long = "method", id = "adjustment", value_enum, value_name = "METHOD")]
    pub adjustment: Option<Adjustment>,
    /// Which sums of the effects to print.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub aggregate: Vec<Aggregate>,
    /// Random draws of a bootstrap, a permutation or a placebo.
    #[arg(long, value_name = "N")]
    pub draws: Option<usize>,
    /// Seed of every random step.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Event times that the others are compared with; of coefficients from a file, their period.
    #[arg(long, value_name = "E", value_delimiter = ',', allow_negative_numbers = true)]
    pub reference: Vec<i64>,
    /// Event times up to this one share an effect.
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub bin_before: Option<i64>,
    /// Event times from this one on share an effect.
    #[arg(long, value_name = "E")]
    pub bin_after: Option<i64>,
    /// Which covariance of the coefficients; without it clusters where there are some.
    #[arg(long, value_enum)]
    pub vcov: Option<VcovKind>,
    /// Whose corrections for small samples.
    #[arg(long, value_enum)]
    pub small_sample: Option<SmallSampleKind>,
    /// Leave out rows that are alone in a level of an absorbed effect.
    #[arg(long)]
    pub drop_singletons: bool,
    /// Outcome model of an extended regression.
    #[arg(long, value_enum)]
    pub family: Option<Family>,
    /// Effects on the scale of the linear predictor, not of the outcome.
    #[arg(long)]
    pub link_scale: bool,
    /// Divide effects by the change of treatment.
    #[arg(long)]
    pub normalized: bool,
    /// Only units whose treatment rises, or falls.
    #[arg(long, value_enum)]
    pub switchers: Option<SwitchersKind>,
    /// Only units for which every effect can be estimated.
    #[arg(long)]
    pub same_switchers: bool,
    /// Column that is 1 for units that the policy can reach, otherwise 0.
    #[arg(long, value_name = "COLUMN")]
    pub partition: Option<String>,
    /// Periods of the window before treatment.
    #[arg(long, value_name = "N")]
    pub pre: Option<usize>,
    /// Periods of the window after the first treated one.
    #[arg(long, value_name = "N")]
    pub post: Option<usize>,
    /// How controls are weighted in a stack.
    #[arg(long, value_enum)]
    pub weighting: Option<Weighting>,
    /// Number of factors; without it, by cross-validation.
    #[arg(long, value_name = "N")]
    pub factors: Option<usize>,
    /// Scale of a series.
    #[arg(long, value_enum)]
    pub model: Option<SeriesKind>,
    /// How a season enters.
    #[arg(long, value_enum)]
    pub season: Option<SeasonKind>,
    /// Periods of a season.
    #[arg(long, value_name = "N")]
    pub season_period: Option<usize>,
    /// Column of degrees north of each row, for `--vcov conley`.
    #[arg(long, value_name = "COLUMN")]
    pub latitude: Option<String>,
    /// Column of degrees east of each row.
    #[arg(long, value_name = "COLUMN")]
    pub longitude: Option<String>,
    /// Distance from which places are independent; without it, from the data.
    #[arg(long, value_name = "KM")]
    pub cutoff_km: Option<f64>,
    /// Lags of a covariance over time; without it, from the number of periods.
    #[arg(long, value_name = "N")]
    pub lags: Option<usize>,
    /// Predictors of a synthetic control: `income`, `income@1980`, `income@1980:1988`.
    #[arg(long, value_name = "COLUMN[@PERIODS]", value_delimiter = ',')]
    pub predictors: Vec<String>,
    /// Periods in which adoption is pretended, before the true one.
    #[arg(long, value_name = "PERIOD", value_delimiter = ',')]
    pub placebo_dates: Vec<f64>,
    /// How important each predictor is.
    #[arg(long, value_enum)]
    pub v: Option<PredictorImportance>,
    /// Penalty of the ridge; without it, by cross-validation.
    #[arg(long, value_name = "NUMBER")]
    pub lambda: Option<f64>,
    /// First event time of the averages.
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub min_event: Option<i64>,
    /// Last event time of the averages.
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub max_event: Option<i64>,
    /// Only cohorts that are seen for that long after treatment.
    #[arg(long, value_name = "E")]
    pub balance: Option<i64>,
    /// Event times to estimate, such as 0,1,2; without it all.
    #[arg(long, value_name = "E", value_delimiter = ',', allow_negative_numbers = true)]
    pub horizons: Vec<i64>,
    /// Effects in that many periods before treatment, as a test.
    #[arg(long, value_name = "N")]
    pub pretrends: Option<u32>,
    /// Keep units that miss a period.
    #[arg(long)]
    pub unbalanced: bool,
    /// Which period's weights count in a comparison of two.
    #[arg(long, value_enum)]
    pub fix_weights: Option<FixWeights>,
    /// Law of the multipliers.
    #[arg(long, value_enum)]
    pub multiplier: Option<Multiplier>,
    /// Standard errors from the draws instead of the formula.
    #[arg(long)]
    pub bootstrap_errors: bool,
    /// Estimate again without each donor in turn; in `imputation`, leave each cluster out of the mean that its own
    /// effects are compared with.
    #[arg(long)]
    pub leave_one_out: bool,
    /// Covariance of the coefficients in `--data`: a table of numbers.
    #[arg(long, value_name = "FILE")]
    pub sigma: Option<PathBuf>,
    /// How many of the coefficients come before treatment.
    #[arg(long, value_name = "N")]
    pub n_pre: Option<usize>,
    /// The event study that robust sets are built on.
    #[arg(long, value_enum)]
    pub study: Option<BasedOn>,
    /// What bounds the difference in trends.
    #[arg(long, value_enum)]
    pub restriction: Option<Restriction>,
    /// What else is known of the difference in trends.
    #[arg(long, value_enum)]
    pub shape: Option<Shape>,
    /// How robust sets are made.
    #[arg(long, value_enum)]
    pub set: Option<SetMethod>,
    /// Bounds to report: Mbar of relative magnitudes, M of smoothness.
    #[arg(long, value_name = "M", value_delimiter = ',')]
    pub m: Vec<f64>,
    /// The effect that sets are about: `first`, `average`, or weights of those after treatment.
    #[arg(long, value_name = "WEIGHTS")]
    pub target: Option<String>,
    /// Points of the grid of effects.
    #[arg(long, value_name = "N")]
    pub grid_points: Option<usize>,
    /// Ends of sets to rounding, not to a grid point.
    #[arg(long)]
    pub exact: bool,
    /// Also find the largest bound that excludes no effect.
    #[arg(long)]
    pub breakdown: bool,
    /// Where standard errors and p-values come from.
    #[arg(long, value_enum)]
    pub inference: Option<Inference>,
    /// Stop the search for weights where R does, short of the optimum.
    #[arg(long, value_enum)]
    pub stopping: Option<Stopping>,
}

/// Units to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Control {
    /// Never treated units.
    Never,
    /// Units that are not treated yet, those never treated among them.
    NotYet,
}

/// Base period of the differences before treatment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Base {
    /// The period before each.
    Varying,
    /// The last period before treatment.
    Universal,
}

/// How covariates enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Adjustment {
    /// Doubly robust.
    Dr,
    /// Inverse probability weights.
    Ipw,
    /// Outcome regression.
    Reg,
}

/// Sums of effects by cohort and period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Aggregate {
    /// One number, by the size of the cells.
    Simple,
    /// By cohort.
    Group,
    /// By period.
    Calendar,
    /// By time since treatment.
    Dynamic,
    /// Every cohort in every period.
    AttGt,
}

/// Which period's weights count in a comparison of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FixWeights {
    /// The earlier one's.
    Earlier,
    /// Those of the last period before treatment.
    Base,
    /// Those of the first period.
    First,
    /// Each row's own.
    Own,
}

/// Law of the multipliers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Multiplier {
    /// -1 or 1.
    Rademacher,
    /// Two points with third moment 1.
    Mammen,
}

/// An event study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BasedOn {
    /// Callaway and Sant'Anna's dynamic averages with a universal base.
    CallawaySantanna,
    /// The two-way regression.
    EventStudy,
    /// Sun and Abraham's.
    SunAbraham,
}

/// Which covariance of the coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VcovKind {
    /// Errors of one variance.
    Iid,
    /// Any variances.
    Hc1,
    /// The same.
    Hetero,
    /// Residuals scaled by leverage.
    Hc2,
    /// Nearly the jackknife.
    Hc3,
    /// Clusters, in one or several ways.
    Cluster,
    /// The same.
    Cr1,
    /// Clusters, residuals adjusted.
    Cr2,
    /// Clusters, by the jackknife.
    Cr3,
    /// Dependence within a unit over up to `--lags` periods.
    NeweyWest,
    /// Dependence across units, and over up to `--lags` periods.
    DriscollKraay,
    /// Dependence between places closer than `--cutoff-km`.
    Conley,
}

impl VcovKind {
    /// As the command line writes it.
    pub fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Whose corrections for small samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SmallSampleKind {
    /// Those of R `fixest`.
    Fixest,
    /// Those of Stata's `reghdfe`.
    Stata,
    /// None.
    None,
}

/// Outcome model of an extended regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Family {
    /// Levels.
    Linear,
    /// Counts.
    Poisson,
    /// Shares.
    Logit,
}

/// Units by what their treatment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SwitchersKind {
    /// It rises.
    In,
    /// It falls.
    Out,
}

/// How controls are weighted in a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Weighting {
    /// Spread over stacks as the treated are.
    Aggregate,
    /// Spread as all their units are.
    SampleShare,
}

/// Scale of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeriesKind {
    /// Counts, by quasi-Poisson.
    LogLinear,
    /// Levels, by least squares.
    Linear,
}

/// How a season enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeasonKind {
    /// It does not.
    None,
    /// Two pairs of sine and cosine.
    Harmonics,
    /// A dummy for each of its periods.
    Dummies,
}

/// How important each predictor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PredictorImportance {
    /// So that outcomes before treatment are fitted best.
    Nested,
    /// From a regression of outcomes on predictors.
    Regression,
    /// All the same.
    Equal,
}

/// What bounds the difference in trends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Restriction {
    /// Relative to the largest change before treatment.
    Relative,
    /// The change of its slope.
    Smoothness,
    /// The change of its slope relative to the largest before treatment.
    RelativeSmoothness,
}

/// What else is known of the difference in trends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// It is not below 0.
    Positive,
    /// It is not above 0.
    Negative,
    /// It does not fall.
    Increasing,
    /// It does not rise.
    Decreasing,
}

/// How robust sets are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SetMethod {
    /// Shortest interval of fixed length.
    Flci,
    /// Conditional test.
    Conditional,
    /// Conditional test after an interval of fixed length.
    CF,
    /// Conditional test after a least favourable one.
    CLf,
}

/// Where standard errors and p-values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Inference {
    /// Donors in the place of the treated units.
    Placebo,
    /// Each unit, or cluster, left out in turn.
    Jackknife,
    /// Units drawn with replacement.
    Bootstrap,
    /// Residuals with random signs by cluster, the null imposed.
    WildClusterBootstrap,
    /// Treatment given to other units by lot.
    Randomization,
    /// Fitted values and drawn errors.
    Parametric,
    /// Residuals moved around in time.
    Conformal,
    /// The point alone.
    None,
}

impl Inference {
    /// As the command line writes it.
    pub fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// When a search for weights ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stopping {
    /// At the optimum.
    Exact,
    /// Where R `synthdid` stops.
    Reference,
}

/// Flags that say where the data are and how to print; every method takes them.
const COMMON: &[&str] = &[
    "method", "list", "data", "unit", "time", "outcome", "json", "csv", "svg", "level", "alpha", "width",
    "threads", "color",
];

/// The flags that were given and that a method has to know about, by their names without hyphens in front.
pub fn given(matches: &ArgMatches) -> Vec<String> {
    let set = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
    // Groups have ids, too; they have no source of their own that a flag has not.
    let ids = matches.ids().map(clap::Id::as_str).filter(set);
    ids.filter(|id| !COMMON.contains(id) && id.chars().all(|letter| letter.is_lowercase() || letter == '_'))
        .map(|id| if id == "adjustment" { "method".to_owned() } else { id.replace('_', "-") })
        .collect()
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().map_err(|error| error.to_string())?;
    (number > 0.0 && number < 1.0)
        .then_some(number)
        .ok_or_else(|| "expected a share between 0 and 1".to_owned())
}
