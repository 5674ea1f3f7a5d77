//! One or few treated units with one start: a weighted comparison, with the spread of placebo effects as its error.

use crate::commands::estimate::flags::{Inference, Stopping};
use crate::commands::estimate::input::Input;
use crate::exit::Exit;
use crate::failure::Failure;
use evenhand_estimate::{
    Caveat, Design, Estimate, Estimates, Interval, Result, SyntheticDidOptions, SyntheticFit, Term,
    demeaned_synthetic_control, did as plain_did, placebo_std_error, placebo_units, synthetic_control,
    synthetic_did,
};

/// `did`.
pub fn did(input: &Input<'_>) -> std::result::Result<Estimates, Failure> {
    compare(input, "did", Vec::new(), plain_did)
}

/// `synthetic-control`.
pub fn control(input: &Input<'_>) -> std::result::Result<Estimates, Failure> {
    compare(input, "synthetic-control", Vec::new(), synthetic_control)
}

/// `demeaned-synthetic-control`.
pub fn demeaned(input: &Input<'_>) -> std::result::Result<Estimates, Failure> {
    compare(input, "demeaned-synthetic-control", Vec::new(), demeaned_synthetic_control)
}

/// `synthetic-did`.
pub fn did_weighted(input: &Input<'_>) -> std::result::Result<Estimates, Failure> {
    let reference = input.args.choices.stopping == Some(Stopping::Reference);
    let stopping =
        if reference { evenhand_estimate::Stopping::Reference } else { evenhand_estimate::Stopping::Exact };
    let options = SyntheticDidOptions { stopping, ..SyntheticDidOptions::default() };
    let told = vec![("stopping", if reference { "reference" } else { "exact" }.to_owned())];
    compare(input, "synthetic-did", told, |design| synthetic_did(design, &options))
}

fn compare(
    input: &Input<'_>,
    method: &'static str,
    mut options: Vec<(&'static str, String)>,
    fit: impl Fn(&Design) -> Result<SyntheticFit> + Sync,
) -> std::result::Result<Estimates, Failure> {
    let design = input.design()?;
    let found = fit(&design)?;
    let choices = &input.args.choices;
    let (draws, seed) = (choices.draws.unwrap_or(200), choices.seed.unwrap_or(1));
    let mut caveats = Vec::new();
    let mut seeded = None;
    let estimate = match (choices.inference.unwrap_or(Inference::Placebo), design.n_treated()) {
        (Inference::Placebo, _) if design.n_donors() <= design.n_treated().max(1) => {
            let why = format!("{} donors for {} treated units", design.n_donors(), design.n_treated());
            caveats.push(Caveat::NotEstimated { what: "the placebo error".to_owned(), why });
            point(found.estimate)
        }
        (Inference::Placebo, 1) => placebo_units(&design, &fit)?.estimate,
        (Inference::Placebo, _) => {
            seeded = Some(seed);
            options.push(("draws", draws.to_string()));
            Estimate::from_std_error(found.estimate, placebo_std_error(&design, &fit, draws, seed)?, None)
        }
        (Inference::None, _) => point(found.estimate),
        (other, _) => {
            let message = format!("`{method}` has no `--inference {}`", other.word());
            return Err(Failure::new(Exit::Usage, message).hint("it has `placebo` and `none`"));
        }
    };
    Ok(Estimates {
        method,
        terms: vec![Term::new("att", estimate)],
        vcov: None,
        n_obs: (design.n_donors() + design.n_treated()) * design.n_periods(),
        n_units: design.n_donors() + design.n_treated(),
        n_periods: design.n_periods(),
        n_clusters: None,
        seed: seeded,
        options,
        caveats,
    })
}

fn point(estimate: f64) -> Estimate {
    Estimate::from_intervals(estimate, Interval::ALL, Interval::ALL)
}
