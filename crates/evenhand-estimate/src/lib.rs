//! Turns a panel into estimates of effects with honest uncertainty: estimators, inference, diagnostics.
//! Input: an `evenhand_panel::Panel`, or plain slices and counts; this crate knows nothing of files or subjects.
//! Output: small documented structs, [`Estimate`] first, and typed [`Error`]s; never NaN, never a panic.
//! Read first: [`design`](Design), then `synthetic_did.rs`, which shows how every method's file is laid out.
//!
//! # A tour
//!
//! Long data, one row for each unit and period, become [`Cells`]; rows may come in any order, and a cohort is the
//! first treated period of a unit (0 or infinite when never). Here sixty units, of which twenty start in 2005 and
//! twenty in 2007, and an effect that grows from 1 by a half in each further year:
//!
//! ```
//! use evenhand_estimate::*;
//! # fn main() -> Result<()> {
//! let (mut unit, mut year, mut outcome, mut cohort) = (vec![], vec![], vec![], vec![]);
//! for i in 0..60u32 {
//!     let first = [0.0, 2005.0, 2007.0][i as usize % 3];
//!     for t in 2001..=2009 {
//!         let since = f64::from(t) - first;
//!         let effect = if first > 0.0 && since >= 0.0 { 1.0 + 0.5 * since } else { 0.0 };
//!         unit.push(i);
//!         year.push(f64::from(t));
//!         cohort.push(first);
//!         let noise = Stream::new(1, u64::from(i)).normal(t as u64);
//!         outcome.push(f64::from(i % 7) + 0.3 * f64::from(t - 2001) + effect + 0.4 * noise);
//!     }
//! }
//! let cells = Cells::new(&unit, &year, &outcome)?.with_cohort(&cohort)?;
//!
//! // Each cohort in each year, and the averages, with uniform bands.
//! let found = callaway_santanna(&cells, &CallawaySantannaOptions::default())?;
//! let at_two = found.estimates.at_event_time(2).expect("seen for both cohorts").estimate;
//! assert!((at_two.estimate - 2.0).abs() < 0.5 && at_two.conf_low > 1.0);
//!
//! // The two-way regression compares late starters with early ones, and says too little.
//! let naive = twfe(&cells, &PanelRegression::default())?;
//! let honest_mean = imputation(&cells, &ImputationOptions::default())?.estimates;
//! let point = |found: &Estimates| found.get("att").expect("one effect").estimate.estimate;
//! assert!(point(&naive) < point(&honest_mean) - 0.2);
//! assert!(bacon(&cells, &BaconOptions::default())?.comparisons.len() == 4);
//!
//! // How far trends may differ before the effect on arrival is in doubt.
//! let study = sun_abraham(&cells, &SunAbrahamOptions::default())?;
//! let event = EventCoefficients::from_estimates(&study, -1)?;
//! let options = HonestOptions { m: Some(vec![0.5]), ..HonestOptions::default() };
//! let robust = honest(&event, &options)?;
//! let set = robust.robust[0].interval.expect("not every effect is rejected");
//! assert!(set.low > 0.0 && set.low < robust.original.low);
//! # Ok(())
//! # }
//! ```
//!
//! One treated unit is compared with a weighted mean of donors:
//!
//! ```
//! use evenhand_estimate::*;
//! # fn main() -> Result<()> {
//! # let (mut unit, mut year, mut packs, mut cohort) = (vec![], vec![], vec![], vec![]);
//! # for i in 0..12u32 {
//! #     for t in 1980..=1995 {
//! #         let wave = (f64::from(t) * 0.9 + f64::from(i % 4)).sin();
//! #         let treated = i == 0 && t >= 1989;
//! #         unit.push(i);
//! #         year.push(f64::from(t));
//! #         cohort.push(if i == 0 { 1989.0 } else { 0.0 });
//! #         let noise = Stream::new(2, u64::from(i)).normal(t as u64);
//! #         packs.push(100.0 + 4.0 * wave - f64::from(t - 1980) - if treated { 15.0 } else { 0.0 } + 0.5 * noise);
//! #     }
//! # }
//! let cells = Cells::new(&unit, &year, &packs)?.with_cohort(&cohort)?;
//! let found = synthetic_did_panel(&cells, &SyntheticDidPanelOptions::default())?;
//! let att = found.estimates.get("att").expect("one effect").estimate;
//! assert!((att.estimate + 15.0).abs() < 1.5 && att.std_error.is_some());
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
