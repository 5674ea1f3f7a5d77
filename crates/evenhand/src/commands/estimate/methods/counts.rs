//! Counts: Poisson models with absorbed effects, whose effects are ratios, and extended two-way regressions.

use super::{Detail, Found, regression, staggered};
use crate::commands::estimate::flags::{self, Aggregate, Family, Inference};
use crate::commands::estimate::input::Input;
use crate::exit::Exit;
use crate::failure::Failure;
use evenhand_estimate as library;
use evenhand_estimate::regression::{Absorb, LeaveOut, PoissonOptions, TreatmentTerms};
use evenhand_estimate::{
    Cells, EffectTerms, EtwfeFamily, ExtendedTwfeOptions, PoissonImputationOptions, PoissonInference, Scale,
};
use serde_json::json;

/// `poisson`.
pub fn poisson(input: &Input<'_>) -> Result<Found, Failure> {
    let cells = input.cells()?;
    let found = library::regression::poisson(&cells, &poisson_options(input, &cells)?)?;
    Ok(regression::named(input, found).into())
}

/// `fractional-logit`.
pub fn fractional_logit(input: &Input<'_>) -> Result<Found, Failure> {
    let cells = input.cells()?;
    let found = library::regression::fractional_logit(&cells, &poisson_options(input, &cells)?)?;
    Ok(regression::named(input, found).into())
}

fn poisson_options(input: &Input<'_>, cells: &Cells) -> Result<PoissonOptions, Failure> {
    let (args, choices) = (input.args, &input.args.choices);
    let study = choices.aggregate.contains(&Aggregate::Dynamic);
    let told = input.cohort.is_some() || args.treatment.is_some();
    let effects = args.fe.iter().map(|name| cells.arrange(&input.factor(name)));
    Ok(PoissonOptions {
        treatment: match (told, study) {
            (false, _) => TreatmentTerms::None,
            (true, false) => TreatmentTerms::Static,
            (true, true) => TreatmentTerms::EventStudy {
                reference: if choices.reference.is_empty() { vec![-1] } else { choices.reference.clone() },
                bin_before: choices.bin_before,
                bin_after: choices.bin_after,
            },
        },
        absorb: match (args.unit.is_some() || told, args.time.is_some()) {
            (true, true) => Absorb::UnitAndPeriod,
            (true, false) => Absorb::Unit,
            (false, true) => Absorb::Period,
            (false, false) => Absorb::Nothing,
        },
        also_absorb: effects.collect::<Result<_, _>>()?,
        vcov: regression::vcov_of(input, cells)?,
        small_sample: regression::small_sample(choices.small_sample),
        leave_out: if choices.drop_singletons { LeaveOut::Both } else { LeaveOut::PerfectFits },
        ..PoissonOptions::default()
    })
}

/// `extended-twfe`.
pub fn extended_twfe(input: &Input<'_>) -> Result<Found, Failure> {
    extended(input, input.args.choices.family.unwrap_or(Family::Linear))
}

/// `extended-twfe-poisson`.
pub fn extended_twfe_poisson(input: &Input<'_>) -> Result<Found, Failure> {
    extended(input, Family::Poisson)
}

fn extended(input: &Input<'_>, family: Family) -> Result<Found, Failure> {
    let (cells, choices) = (input.cells()?, &input.args.choices);
    let default = ExtendedTwfeOptions::default();
    let options = ExtendedTwfeOptions {
        family: match family {
            Family::Linear => EtwfeFamily::Linear,
            Family::Poisson => EtwfeFamily::Poisson,
            Family::Logit => EtwfeFamily::Logit,
        },
        control: match choices.control {
            None => default.control,
            Some(flags::Control::Never) => library::ControlGroup::Never,
            Some(flags::Control::NotYet) => library::ControlGroup::NotYet,
        },
        terms: terms(&choices.aggregate, default.terms),
        scale: if choices.link_scale { Scale::Link } else { Scale::Response },
        vcov: regression::vcov_of(input, &cells)?,
        small_sample: regression::small_sample(choices.small_sample),
        ..ExtendedTwfeOptions::default()
    };
    Ok(regression::named(input, library::extended_twfe(&cells, &options)?).into())
}

/// `poisson-imputation`.
pub fn poisson_imputation(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let default = PoissonImputationOptions::default();
    let options = PoissonImputationOptions {
        terms: terms(&choices.aggregate, default.terms.clone()),
        anticipation: choices.anticipation.unwrap_or(0) as usize,
        inference: match choices.inference {
            None => PoissonInference::Analytic,
            Some(Inference::Bootstrap) => PoissonInference::Bootstrap {
                draws: choices.draws.unwrap_or(999),
                seed: choices.seed.unwrap_or(1),
            },
            Some(other) => {
                let message = format!("`poisson-imputation` has no `--inference {}`", other.word());
                return Err(Failure::new(Exit::Usage, message).hint("it has `bootstrap`; without it, scores"));
            }
        },
        ..default
    };
    let found = library::poisson_imputation(&input.cells()?, &options)?;
    let levels = found.levels.terms.iter();
    let levels = levels
        .map(|term| vec![json!(term.term), json!(term.estimate.estimate), json!(term.estimate.std_error)]);
    let details =
        vec![Detail { name: "levels", columns: &["term", "estimate", "std_error"], rows: levels.collect() }];
    Ok(Found { estimates: found.estimates, details })
}

fn terms(asked: &[Aggregate], default: Vec<EffectTerms>) -> Vec<EffectTerms> {
    if asked.is_empty() { default } else { asked.iter().map(|kind| staggered::terms_of(*kind)).collect() }
}
