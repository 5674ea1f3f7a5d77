//! Cohorts that start in different periods.

use super::{Detail, Found};
use crate::commands::estimate::flags::{self, Aggregate, Choices};
use crate::commands::estimate::input::Input;
use crate::exit::Exit;
use crate::failure::Failure;
use evenhand_estimate as library;
use evenhand_estimate::{
    Aggregation, BasePeriod, CallawaySantannaOptions, Centering, CleanControls, ControlGroup, DidMethod,
    EffectTerms, ImputationOptions, Multiplier, Pretrends, StackWeighting, StackedOptions,
    TripleDifferenceOptions, TwoStageOptions, WeightPeriod,
};
use evenhand_estimate::{DynamicEffectsOptions, Switchers};
use serde_json::json;

/// `callaway-santanna`.
pub fn callaway_santanna(input: &Input<'_>) -> Result<Found, Failure> {
    let options = callaway_santanna_options(&input.args.choices);
    let whole = library::callaway_santanna(&input.cells()?, &options)?;
    let test = whole.pre_test.as_ref();
    let test = test.map(|test| vec![json!(test.statistic), json!(test.df), json!(test.p_value)]);
    let mut found = whole.estimates;
    let asked = &input.args.choices.aggregate;
    // Cells are shown unless only averages are asked for.
    if !asked.is_empty() && !asked.contains(&Aggregate::AttGt) {
        found.terms.retain(|term| !term.term.starts_with("att("));
        found.vcov = None;
    }
    let rows = test.into_iter().collect();
    let details = vec![Detail { name: "pretrend_test", columns: &["statistic", "df", "p_value"], rows }];
    Ok(Found { estimates: found, details })
}

/// What the flags say to Callaway and Sant'Anna.
pub fn callaway_santanna_options(choices: &Choices) -> CallawaySantannaOptions {
    let default = CallawaySantannaOptions::default();
    CallawaySantannaOptions {
        method: match choices.adjustment {
            Some(flags::Adjustment::Reg) => DidMethod::OutcomeRegression,
            Some(flags::Adjustment::Ipw) => DidMethod::InverseProbability,
            Some(flags::Adjustment::Dr) | None => DidMethod::DoublyRobust,
        },
        control: match choices.control {
            Some(flags::Control::NotYet) => ControlGroup::NotYet,
            Some(flags::Control::Never) | None => ControlGroup::Never,
        },
        base: match choices.base {
            Some(flags::Base::Universal) => BasePeriod::Universal,
            Some(flags::Base::Varying) | None => BasePeriod::Varying,
        },
        anticipation: choices.anticipation.map_or(default.anticipation, f64::from),
        allow_unbalanced: choices.unbalanced,
        weight_period: match choices.fix_weights {
            Some(flags::FixWeights::Base) => WeightPeriod::Base,
            Some(flags::FixWeights::First) => WeightPeriod::First,
            Some(flags::FixWeights::Own) => WeightPeriod::Own,
            Some(flags::FixWeights::Earlier) | None => WeightPeriod::Earlier,
        },
        aggregations: match choices.aggregate.is_empty() {
            true => default.aggregations,
            false => choices.aggregate.iter().filter_map(|kind| aggregation(*kind)).collect(),
        },
        min_event: choices.min_event,
        max_event: choices.max_event,
        balance_event: choices.balance,
        draws: choices.draws.unwrap_or(default.draws),
        multiplier: match choices.multiplier {
            Some(flags::Multiplier::Mammen) => Multiplier::Mammen,
            Some(flags::Multiplier::Rademacher) | None => Multiplier::Rademacher,
        },
        bootstrap_std_errors: choices.bootstrap_errors,
        seed: choices.seed.unwrap_or(default.seed),
    }
}

fn aggregation(kind: Aggregate) -> Option<Aggregation> {
    match kind {
        Aggregate::Simple => Some(Aggregation::Simple),
        Aggregate::Group => Some(Aggregation::Group),
        Aggregate::Calendar => Some(Aggregation::Calendar),
        Aggregate::Dynamic => Some(Aggregation::Dynamic),
        Aggregate::AttGt => None,
    }
}

/// `imputation`.
pub fn imputation(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let options = ImputationOptions {
        terms: effect_terms(choices)?,
        horizons: (!choices.horizons.is_empty()).then(|| choices.horizons.clone()),
        anticipation: choices.anticipation.unwrap_or(0) as usize,
        pretrends: match choices.pretrends {
            Some(n) => Pretrends::Leads((1..=i64::from(n)).rev().map(|lead| -lead).collect()),
            None => Pretrends::None,
        },
        centering: if choices.leave_one_out { Centering::LeaveOneOut } else { Centering::CohortPeriod },
        ..ImputationOptions::default()
    };
    let found = library::imputation(&input.cells()?, &options)?;
    let test = found.pretrend.iter();
    let test = test.map(|test| {
        vec![json!(test.f_statistic), json!(test.df), json!(test.df_residual), json!(test.p_value)]
    });
    let columns = &["f_statistic", "df", "df_residual", "p_value"];
    let details = vec![Detail { name: "pretrend_test", columns, rows: test.collect() }];
    Ok(Found { estimates: found.estimates, details })
}

/// `two-stage`.
pub fn two_stage(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let default = TwoStageOptions::default();
    let options = TwoStageOptions {
        terms: effect_terms(choices)?,
        reference: if choices.reference.is_empty() {
            default.reference.clone()
        } else {
            choices.reference.clone()
        },
        anticipation: choices.anticipation.unwrap_or(0) as usize,
        ..default
    };
    Ok(library::two_stage(&input.cells()?, &options)?.into())
}

/// The one kind of average that was asked for; event times where they were listed.
fn effect_terms(choices: &Choices) -> Result<EffectTerms, Failure> {
    Ok(match choices.aggregate.as_slice() {
        [] if choices.horizons.is_empty() => EffectTerms::Overall,
        [] => EffectTerms::EventTime,
        [one] => terms_of(*one),
        _ => return Err(Failure::new(Exit::Usage, "one `--aggregate` at a time, found several")),
    })
}

/// `stacked`.
pub fn stacked(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let default = StackedOptions::default();
    let options = StackedOptions {
        event_study: choices.aggregate.contains(&Aggregate::Dynamic),
        pre: choices.pre.unwrap_or(default.pre),
        post: choices.post.unwrap_or(default.post),
        controls: match choices.control {
            Some(flags::Control::Never) => CleanControls::NeverTreated,
            Some(flags::Control::NotYet) | None => CleanControls::NotYetTreated,
        },
        weighting: match choices.weighting {
            None => StackWeighting::None,
            Some(flags::Weighting::Aggregate) => StackWeighting::Aggregate,
            Some(flags::Weighting::SampleShare) => StackWeighting::SampleShare,
        },
        ..default
    };
    Ok(library::stacked(&input.cells()?, &options)?.into())
}

/// `triple-difference`.
pub fn triple_difference(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let Some(partition) = &choices.partition else {
        let message =
            "`triple-difference` needs `--partition COLUMN`, 1 for eligible units and 0 for the others";
        return Err(Failure::new(Exit::Usage, message));
    };
    let common = callaway_santanna_options(choices);
    let options = TripleDifferenceOptions {
        partition: partition.clone(),
        method: common.method,
        control: common.control,
        base: common.base,
        terms: match choices.aggregate.is_empty() {
            true => TripleDifferenceOptions::default().terms,
            false => choices.aggregate.iter().map(|kind| terms_of(*kind)).collect(),
        },
    };
    Ok(library::triple_difference(&input.cells()?, &options)?.estimates.into())
}

/// The library's word for a kind of average.
pub fn terms_of(kind: Aggregate) -> EffectTerms {
    match kind {
        Aggregate::Simple => EffectTerms::Overall,
        Aggregate::Group => EffectTerms::Cohort,
        Aggregate::Calendar => EffectTerms::Period,
        Aggregate::Dynamic => EffectTerms::EventTime,
        Aggregate::AttGt => EffectTerms::CohortPeriod,
    }
}

/// `dechaisemartin-dhaultfoeuille`.
pub fn dechaisemartin_dhaultfoeuille(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let effects = choices.post.unwrap_or(1);
    let options = DynamicEffectsOptions {
        effects,
        placebos: choices.pretrends.map_or(0, |n| n as usize),
        normalized: choices.normalized,
        switchers: match choices.switchers {
            None => Switchers::Both,
            Some(flags::SwitchersKind::In) => Switchers::In,
            Some(flags::SwitchersKind::Out) => Switchers::Out,
        },
        only_never_switchers: choices.control == Some(flags::Control::Never),
        same_switchers: choices.same_switchers,
        ..DynamicEffectsOptions::default()
    };
    let found = library::dechaisemartin_dhaultfoeuille(&input.cells()?, &options)?;
    let tests = [("effects", &found.joint_effects), ("placebos", &found.joint_placebos)];
    let rows = tests.iter().filter_map(|(name, test)| {
        let test = test.as_ref()?;
        Some(vec![json!(name), json!(test.statistic), json!(test.df), json!(test.p_value)])
    });
    let columns = &["test", "statistic", "df", "p_value"];
    let details = vec![Detail { name: "joint_tests", columns, rows: rows.collect() }];
    Ok(Found { estimates: found.estimates, details })
}

/// `did-m`.
pub fn did_m(input: &Input<'_>) -> Result<Found, Failure> {
    Ok(library::did_m(&input.cells()?)?.into())
}
