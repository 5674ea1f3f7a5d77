//! Turns a panel into estimates of effects with honest uncertainty: estimators, inference, diagnostics.
//! Input: an `evenhand_panel::Panel`, or plain slices and counts; this crate knows nothing of files or subjects.
//! Output: small documented structs, [`Estimate`] first, and typed [`Error`]s; never NaN, never a panic.
//! Read first: [`design`](Design), then `synthetic_did.rs`, which shows how every method's file is laid out.
//!
//! # A tour
//!
//! Long data, one row for each unit and period, become [`Cells`]; rows may come in any order, and a cohort is the
//! first treated period of a unit (0 or infinite when never). Here 500 counties over five years: the log of teen
//! employment, and the year in which their state raised its minimum wage (Callaway and Sant'Anna 2021).
//!
//! ```
//! use evenhand_estimate::*;
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/mpdta/data.csv");
//! let (mut county, mut year, mut lemp, mut first) = (vec![], vec![], vec![], vec![]);
//! for line in std::fs::read_to_string(file)?.lines().skip(1) {
//!     let cells = line.split(',').map(str::parse).collect::<std::result::Result<Vec<f64>, _>>()?;
//!     let [y, c, _, l, g, _] = cells[..] else { return Err("six columns".into()) };
//!     (year.push(y), county.push(c as u32), lemp.push(l), first.push(g));
//! }
//! let cells = Cells::new(&county, &year, &lemp)?.with_cohort(&first)?;
//!
//! // Each cohort in each year, and the averages, with uniform bands.
//! let found = callaway_santanna(&cells, &CallawaySantannaOptions::default())?;
//! let att = found.estimates.get("att").expect("the simple average").estimate;
//! assert!((att.estimate + 0.0400).abs() < 5e-5 && (att.std_error.unwrap_or(0.0) - 0.0120).abs() < 5e-5);
//! let on_impact = found.estimates.at_event_time(0).expect("seen for every cohort").estimate;
//! assert!((on_impact.estimate + 0.0199).abs() < 5e-5 && on_impact.conf_low < 0.0);
//!
//! // The two-way regression is a mean of two-by-two comparisons, late starters against early ones among them.
//! let naive = twfe(&cells, &PanelRegression::default())?;
//! let parts = bacon(&cells, &BaconOptions::default())?;
//! let sum: f64 = parts.comparisons.iter().map(|part| part.weight * part.estimate).sum();
//! assert!((naive.get("att").expect("one effect").estimate.estimate - sum).abs() < 1e-10);
//!
//! // How far trends may differ before the effect after two years is in doubt.
//! let study = sun_abraham(&cells, &SunAbrahamOptions::default())?;
//! let event = EventCoefficients::from_estimates(&study, -1)?;
//! let mut after_two = vec![0.0; event.n_post()];
//! after_two[2] = 1.0;
//! let options = HonestOptions { m: Some(vec![0.0, 1.0]), target: Some(after_two), ..HonestOptions::default() };
//! let robust = honest(&event, &options)?.robust;
//! let (even, bent) = (robust[0].interval.expect("a set"), robust[1].interval.expect("a set"));
//! assert!(even.high < 0.0 && bent.low < even.low && bent.high > 0.0);
//! # Ok(())
//! # }
//! ```
//!
//! One treated unit is compared with a weighted mean of donors: California's cigarette tax of 1989 and packs sold a
//! head, as Arkhangelsky et al. (2021) have it.
//!
//! ```
//! use evenhand_estimate::*;
//! # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
//! let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/prop99/data.csv");
//! let text = std::fs::read_to_string(file)?;
//! let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()).collect::<Vec<_>>();
//! let state = rows.iter().map(|row| row[0]).collect::<Vec<_>>();
//! let number = |at: usize| rows.iter().map(|row| row[at].parse()).collect::<std::result::Result<Vec<f64>, _>>();
//! let first = state.iter().map(|&state| if state == "California" { 1989.0 } else { 0.0 }).collect::<Vec<_>>();
//! let cells = Cells::new(&state, &number(1)?, &number(2)?)?.with_cohort(&first)?;
//! let options = SyntheticDidPanelOptions { stopping: Stopping::Reference, ..Default::default() };
//! let att = synthetic_did_panel(&cells, &options)?.estimates.get("att").expect("one effect").estimate;
//! assert!((att.estimate + 15.6038).abs() < 5e-5 && att.std_error.is_some());
//! # Ok(())
//! # }
//! ```
//!
//! Every method gives [`Estimates`]: terms with points, errors and intervals, what they stand on, every choice that
//! was made, and typed [`Caveat`]s. A seed gives the same bytes on any number of threads.

mod cells;
mod design;
mod factor;

pub mod regression;

mod caveat;
mod estimate;
mod estimates;
mod interval;

pub mod event_study;
pub mod sun_abraham;
pub mod twfe;

pub mod bacon;
pub mod callaway_santanna;
mod counterfactual;
pub mod dechaisemartin_dhaultfoeuille;
mod effect_terms;
pub mod extended_twfe;
pub mod imputation;
pub mod negative_weights;
pub mod poisson_imputation;
mod pretrend_leads;
pub mod stacked;
pub mod triple_difference;
pub mod two_stage;
mod two_way;
mod untreated_fit;

pub mod did;
pub mod factor_model;
pub mod generalized_synthetic_control;
pub mod interrupted_time_series;
pub mod matrix_completion;
mod rectangle;
mod residualize;
pub mod ridge_augmented_synthetic_control;
mod ridge_simplex;
pub mod synthetic_control;
pub mod synthetic_control_panel;
pub mod synthetic_control_predictors;
pub mod synthetic_did;
pub mod synthetic_did_panel;
mod synthetic_fit;

pub mod conformal;
pub mod jackknife_plus;
pub mod placebo_tests;
pub mod placebo_units;
pub mod root_transform;

pub mod exact;
pub mod kitagawa;
pub mod ranks;
pub mod trend;

pub mod bounds;
pub mod simulate;

pub mod honest;
pub mod inference;
pub mod pretrend;

pub mod equivalence;
pub mod mde;
pub mod multiplicity;
pub mod power;

mod frank_wolfe;
mod mersenne_twister;
pub mod multivariate_normal;
mod nelder_mead;
mod noncentral;
mod rng;
mod simplex;
pub mod special;
mod truncated_normal;

mod error;

pub use callaway_santanna::{
    Aggregate, Aggregation, BasePeriod, CallawaySantanna, CallawaySantannaOptions, ControlGroup, DidMethod,
    GroupTime, Multiplier, PreTest, WeightPeriod, callaway_santanna,
};
pub use caveat::Caveat;
pub use cells::Cells;
pub use estimates::{Estimates, Term};
pub use evenhand_linalg::Matrix;
pub use extended_twfe::{EtwfeFamily, ExtendedTwfeOptions, Scale, extended_twfe};
pub use factor::{Factor, RowsByLevel};
pub use factor_model::{AdditiveEffects, CellEffect, FactorEffects, FactorInference, HiddenCells};
pub use generalized_synthetic_control::{
    FactorSource, GeneralizedSyntheticControlOptions, generalized_synthetic_control,
};
pub use matrix_completion::{MatrixCompletionOptions, matrix_completion};

pub use bacon::{Bacon, BaconOptions, Comparison, ComparisonKind, KindTotal, WithinCohorts, bacon};
pub use bounds::{MissingGeography, corner_bounds, imbens_manski, linear_bounds};
pub use conformal::{
    Conformal, ConformalOptions, ConformalStatistic, conformal, conformal_demeaned,
    conformal_ridge_augmented, conformal_synthetic_control, conformal_synthetic_did,
};
pub use dechaisemartin_dhaultfoeuille::{
    DynamicEffects, DynamicEffectsOptions, Switchers, dechaisemartin_dhaultfoeuille, did_m,
};
pub use design::Design;
pub use did::did;
pub use effect_terms::EffectTerms;
pub use equivalence::{Equivalence, Tost, equivalence, tost};
pub use error::{Error, ErrorKind, Result};
pub use estimate::Estimate;
pub use event_study::{EventStudyOptions, event_study};
pub use exact::{
    FisherExact, Rate, Share, clopper_pearson, fisher_exact, rate_ratio, risk_ratio, share_difference, wilson,
};
pub use honest::{
    Bound, Breakdown, Ends, EventCoefficients, FixedLength, Honest, HonestMethod, HonestOptions, Robust,
    Shape, SmoothnessBefore, breakdown, fixed_length, honest, identified_set, smoothness_before,
};
pub use imputation::{
    Centering, Imputation, ImputationOptions, ImputedEffect, PretrendTest, Pretrends, WeightedVariance,
    imputation,
};
pub use inference::*;
pub use interrupted_time_series::{
    InterruptedTimeSeries, InterruptedTimeSeriesOptions, Season, Series, SeriesModel,
    interrupted_time_series, segmented_regression,
};
pub use interval::{ConfidenceSet, Interval};
pub use jackknife_plus::{JackknifePlus, jackknife_plus};
pub use kitagawa::{
    Kitagawa, KitagawaEstimate, KitagawaInput, kitagawa, kitagawa_bootstrap, kitagawa_delta, kitagawa_did,
};
pub use mde::mde;
pub use multiplicity::{benjamini_hochberg, holm};
pub use negative_weights::{CellWeight, NegativeWeights, NegativeWeightsOptions, negative_weights};
pub use placebo_tests::{
    LeaveOneOut, PlaceboDate, RatioCutoff, RmspeRatios, leave_one_donor_out, placebo_dates, rmspe_ratios,
};
pub use placebo_units::{Placebo, PlaceboUnits, placebo_std_error, placebo_units};
pub use poisson_imputation::{
    PoissonImputation, PoissonImputationOptions, PoissonInference, RatioCentering, poisson_imputation,
};
pub use power::{
    EffectScale, PanelPowerOptions, Retrodesign, SimulatedPower, panel_power, retrodesign, simulated_power,
    t_test_power,
};
pub use pretrend::{
    JointTest, Pretrend, PretrendOptions, PretrendPower, PretrendRule, joint_pretrend_test, pretrend,
    pretrend_power, slope_for_power,
};
pub use ranks::{
    RankProbabilities, RankSet, order_probability, rank_confidence_sets, rank_probabilities, rank_sets,
};
pub use ridge_augmented_synthetic_control::{
    RidgeAugmented, RidgeAugmentedOptions, RidgeCandidate, ridge_augmented_synthetic_control,
};
pub use rng::Stream;
pub use root_transform::{RootEffect, ln_ratio_from_path, root_inverse, root_transform};
pub use simplex::{SimplexSolution, simplex_least_squares};
pub use simulate::{Margin, MarginKind, Simulated, simulate};
pub use stacked::{CleanControls, StackEffects, StackWeighting, StackedOptions, stacked};
pub use sun_abraham::{ReferenceCohort, SunAbrahamBy, SunAbrahamOptions, sun_abraham};
pub use synthetic_control::{demeaned_synthetic_control, synthetic_control};
pub use synthetic_control_panel::{
    PredictorSpec, SyntheticControlEstimator, SyntheticControlInference, SyntheticControlPanel,
    SyntheticControlPanelOptions, synthetic_control_panel,
};
pub use synthetic_control_predictors::{
    Balance, LongColumn, PredictorControl, PredictorControlOptions, PredictorOperator, PredictorWeights,
    Predictors, TreatedAndDonors, synthetic_control_predictors,
};
pub use synthetic_did::{Stopping, SyntheticDidOptions, synthetic_did};
pub use synthetic_did_panel::{
    DonorPool, SyntheticDidCohort, SyntheticDidCovariates, SyntheticDidInference, SyntheticDidKind,
    SyntheticDidPanel, SyntheticDidPanelOptions, synthetic_did_panel,
};
pub use synthetic_fit::SyntheticFit;
pub use trend::{change, slope};
pub use triple_difference::{
    TripleDifference, TripleDifferenceOptions, TripleDifferenceRegressionOptions, triple_difference,
    triple_difference_regression,
};
pub use twfe::{PanelRegression, twfe};
pub use two_stage::{TwoStageOptions, two_stage};
