//! Turns a panel into estimates of effects with honest uncertainty: estimators, inference, diagnostics.
//! Input: an `evenhand_panel::Panel`, or plain slices and counts; this crate knows nothing of files or subjects.
//! Output: small documented structs, [`Estimate`] first, and typed [`Error`]s; never NaN, never a panic.
//! Read first: [`design`](Design), then `synthetic_did.rs`, which shows how every method's file is laid out.

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
