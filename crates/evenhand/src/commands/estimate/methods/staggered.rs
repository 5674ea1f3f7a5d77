//! Cohorts that start in different periods.

use crate::commands::estimate::flags::{self, Aggregate, Choices};
use crate::commands::estimate::input::Input;
use crate::exit::Exit;
use crate::failure::Failure;
use evenhand_estimate as library;
use evenhand_estimate::{
    Aggregation, BasePeriod, CallawaySantannaOptions, Centering, ControlGroup, DidMethod, EffectTerms,
    Estimates, ImputationOptions, Multiplier, Pretrends, WeightPeriod,
};

/// `callaway-santanna`.
pub fn callaway_santanna(input: &Input<'_>) -> Result<Estimates, Failure> {
    let options = callaway_santanna_options(&input.args.choices);
    let mut found = library::callaway_santanna(&input.cells()?, &options)?.estimates;
    let asked = &input.args.choices.aggregate;
    // Cells are shown unless only averages are asked for.
    if !asked.is_empty() && !asked.contains(&Aggregate::AttGt) {
        found.terms.retain(|term| !term.term.starts_with("att("));
        found.vcov = None;
    }
    Ok(found)
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
pub fn imputation(input: &Input<'_>) -> Result<Estimates, Failure> {
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
    Ok(library::imputation(&input.cells()?, &options)?.estimates)
}

/// The one kind of average that was asked for; event times where they were listed.
fn effect_terms(choices: &Choices) -> Result<EffectTerms, Failure> {
    Ok(match choices.aggregate.as_slice() {
        [] if choices.horizons.is_empty() => EffectTerms::Overall,
        [] | [Aggregate::Dynamic] => EffectTerms::EventTime,
        [Aggregate::Simple] => EffectTerms::Overall,
        [Aggregate::Group] => EffectTerms::Cohort,
        [Aggregate::Calendar] => EffectTerms::Period,
        [Aggregate::AttGt] => EffectTerms::CohortPeriod,
        _ => return Err(Failure::new(Exit::Usage, "one `--aggregate` at a time, found several")),
    })
}
