//! One or few treated units against weighted donors.

use super::{Detail, Found};
use crate::commands::estimate::flags::{self, Inference, PredictorImportance};
use crate::commands::estimate::input::Input;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::frame::number_from_text;
use evenhand_estimate as library;
use evenhand_estimate::{
    Caveat, ConformalOptions, DonorPool, Estimate, Estimates, Interval, LongColumn, PredictorControl,
    PredictorControlOptions, PredictorOperator, PredictorSpec, PredictorWeights, Predictors,
    RidgeAugmentedOptions, Stopping, SyntheticControlEstimator, SyntheticControlInference,
    SyntheticControlPanel, SyntheticControlPanelOptions, SyntheticDidInference, SyntheticDidKind,
    SyntheticDidPanelOptions, Term, TreatedAndDonors,
};
use serde_json::json;

/// `did`.
pub fn did(input: &Input<'_>) -> Result<Found, Failure> {
    on_panel(input, "did", SyntheticDidKind::Did)
}

/// `synthetic-did`.
pub fn synthetic_did(input: &Input<'_>) -> Result<Found, Failure> {
    on_panel(input, "synthetic-did", SyntheticDidKind::SyntheticDid)
}

fn on_panel(input: &Input<'_>, method: &'static str, kind: SyntheticDidKind) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let default = SyntheticDidPanelOptions::default();
    let options = SyntheticDidPanelOptions {
        kind,
        stopping: match choices.stopping {
            Some(flags::Stopping::Exact) => Stopping::Exact,
            Some(flags::Stopping::Reference) | None => Stopping::Reference,
        },
        inference: match choices.inference {
            None | Some(Inference::Placebo) => SyntheticDidInference::Placebo,
            Some(Inference::Bootstrap) => SyntheticDidInference::Bootstrap,
            Some(Inference::Jackknife) => SyntheticDidInference::Jackknife,
            Some(Inference::None) => SyntheticDidInference::Point,
            Some(other) => return Err(no_inference(method, other, "placebo, bootstrap, jackknife, none")),
        },
        replications: choices.draws.unwrap_or(default.replications),
        seed: choices.seed.unwrap_or(default.seed),
        donors: match choices.control {
            Some(flags::Control::NotYet) => DonorPool::NotYetTreated,
            Some(flags::Control::Never) | None => DonorPool::NeverTreated,
        },
        ..default
    };
    let found = library::synthetic_did_panel(&input.cells()?, &options)?;
    let mut donors = Vec::new();
    let mut periods = Vec::new();
    for cohort in &found.cohorts {
        let (g, fit) = (json!(cohort.cohort), &cohort.fit);
        let weights = cohort.donors.iter().zip(&fit.omega);
        donors.extend(weights.map(|(&unit, &w)| vec![g.clone(), json!(input.units[unit]), json!(w)]));
        let weights = cohort.periods.iter().zip(&fit.lambda);
        periods.extend(weights.map(|(&period, &w)| vec![g.clone(), json!(period), json!(w)]));
    }
    let details = vec![
        Detail { name: "unit_weights", columns: &["cohort", "unit", "weight"], rows: donors },
        Detail { name: "time_weights", columns: &["cohort", "period", "weight"], rows: periods },
    ];
    let estimates = found.estimates;
    Ok(Found { estimates, details })
}

/// `synthetic-control`.
pub fn synthetic_control(input: &Input<'_>) -> Result<Found, Failure> {
    let (args, choices) = (input.args, &input.args.choices);
    if args.covariates.is_empty() && choices.predictors.is_empty() {
        return control(input, "synthetic-control", SyntheticControlEstimator::Outcomes, Vec::new());
    }
    let weights = match choices.v {
        None | Some(PredictorImportance::Nested) => PredictorWeights::Nested,
        Some(PredictorImportance::Regression) => PredictorWeights::Regression,
        Some(PredictorImportance::Equal) => PredictorWeights::Equal,
    };
    let options = PredictorControlOptions { weights, seed: choices.seed.unwrap_or(1), ..Default::default() };
    let plain = args.covariates.iter().map(|name| predictor(input, name));
    let special = choices.predictors.iter().map(|text| predictor(input, text));
    let predictors = plain.chain(special).collect::<Result<Vec<_>, _>>()?;
    let has_gaps = input.covariates.iter().any(|name| input.numbers(name).iter().any(|value| value.is_nan()));
    if has_gaps {
        return with_gaps(input, &options, &predictors);
    }
    control(input, "synthetic-control", SyntheticControlEstimator::Predictors(options), predictors)
}

/// Predictors that lack values in some periods, as those of R `dataprep` may: means are over the values there are.
fn with_gaps(
    input: &Input<'_>,
    options: &PredictorControlOptions,
    specs: &[PredictorSpec],
) -> Result<Found, Failure> {
    if let Some(other) = input.args.choices.inference.filter(|kind| *kind != Inference::None) {
        return Err(no_inference("synthetic-control", other, "none where predictors lack values"));
    }
    let (design, treated, donors) = input.design()?;
    let labels =
        |codes: &[u32]| codes.iter().map(|&code| input.units[code as usize].clone()).collect::<Vec<_>>();
    let (treated_labels, donor_labels) = (labels(&treated), design.donors().to_vec());
    let whom = TreatedAndDonors { treated: &treated_labels, donors: &donor_labels };
    let unit: Vec<String> = input.unit.iter().map(|&code| input.units[code as usize].clone()).collect();
    let times: Vec<f64> =
        design.periods().iter().filter_map(|label| number_from_text(label.as_bytes())).collect();
    let mut predictors = Predictors::new();
    for spec in specs {
        let before = &times[..design.n_pre()];
        let inside = |t: &&f64| spec.periods.is_none_or(|(first, last)| (first..=last).contains(*t));
        let periods: Vec<f64> = before.iter().filter(inside).copied().collect();
        let outcome = input.args.outcome.clone().unwrap_or_default();
        let name = spec.covariate.clone().unwrap_or(outcome);
        let values = if spec.covariate.is_some() { input.numbers(&name) } else { input.outcome.clone() };
        let long = LongColumn { unit: &unit, period: &input.time, values: &values };
        predictors = predictors.with_column(&name, &long, &periods, spec.operator, &whom)?;
    }
    let found = library::synthetic_control_predictors(&design, &predictors, options)?;
    let point = |estimate: f64| Estimate::from_intervals(estimate, Interval::ALL, Interval::ALL);
    let n_pre = design.n_pre();
    let gaps = (0i64..).zip(&found.fit.gap).map(|(t, &gap)| {
        let event_time = t - i64::try_from(n_pre).unwrap_or(i64::MAX);
        Term {
            period: times.get(usize::try_from(t).unwrap_or(0)).copied(),
            ..Term::at_event_time(event_time, point(gap))
        }
    });
    let weights =
        design.donors().iter().zip(&found.fit.omega).map(|(unit, w)| vec![json!(unit), json!(w)]).collect();
    let details = vec![
        Detail { name: "unit_weights", columns: &["unit", "weight"], rows: weights },
        predictor_table(&found),
    ];
    let n_units = treated.len() + donors.len();
    let estimates = Estimates {
        method: "synthetic-control",
        terms: std::iter::once(Term::new("att", point(found.fit.estimate))).chain(gaps).collect(),
        vcov: None,
        n_obs: n_units * design.n_periods(),
        n_units,
        n_periods: design.n_periods(),
        n_clusters: None,
        seed: None,
        options: vec![
            ("inference", "none".to_owned()),
            ("v", format!("{:?}", options.weights).to_lowercase()),
        ],
        caveats: vec![Caveat::Note(
            "some predictors lack values in some rows; their means are over the rest".to_owned(),
        )],
    };
    Ok(Found { estimates, details })
}

/// `demeaned-synthetic-control`.
pub fn demeaned(input: &Input<'_>) -> Result<Found, Failure> {
    control(input, "demeaned-synthetic-control", SyntheticControlEstimator::Demeaned, Vec::new())
}

/// `ridge-augmented-synthetic-control`.
pub fn ridge_augmented(input: &Input<'_>) -> Result<Found, Failure> {
    let options = RidgeAugmentedOptions { lambda: input.args.choices.lambda, ..Default::default() };
    let estimator = SyntheticControlEstimator::RidgeAugmented(options);
    control(input, "ridge-augmented-synthetic-control", estimator, Vec::new())
}

fn control(
    input: &Input<'_>,
    method: &'static str,
    estimator: SyntheticControlEstimator,
    predictors: Vec<PredictorSpec>,
) -> Result<Found, Failure> {
    let options = SyntheticControlPanelOptions {
        estimator,
        inference: match input.args.choices.inference {
            None | Some(Inference::Placebo) => SyntheticControlInference::PlaceboUnits,
            Some(Inference::Conformal) => SyntheticControlInference::Conformal(ConformalOptions::default()),
            Some(Inference::Jackknife) => SyntheticControlInference::JackknifePlus,
            Some(Inference::None) => SyntheticControlInference::Point,
            Some(other) => return Err(no_inference(method, other, "placebo, conformal, jackknife, none")),
        },
        predictors,
        placebo_dates: input.args.choices.placebo_dates.clone(),
        leave_one_out: input.args.choices.leave_one_out,
        ..Default::default()
    };
    let found = library::synthetic_control_panel(&input.cells()?, &options)?;
    let details = details(input, &found);
    Ok(Found { estimates: found.estimates, details })
}

fn details(input: &Input<'_>, found: &SyntheticControlPanel) -> Vec<Detail> {
    let weights = found.donors.iter().zip(&found.fit.omega);
    let weights = weights.map(|(&unit, &weight)| vec![json!(input.units[unit]), json!(weight)]).collect();
    let mut details = vec![Detail { name: "unit_weights", columns: &["unit", "weight"], rows: weights }];
    let fit = [
        ("pre_rmspe", Some(found.fit.pre_rmspe)),
        ("pre_fit_ratio", found.fit.pre_fit_ratio),
        ("rank_p", found.placebo_units.as_ref().map(|placebos| placebos.rank_p)),
        ("rank_p_floor", found.placebo_units.as_ref().map(|placebos| placebos.rank_p_floor)),
        ("loss_v", found.predictors.as_ref().map(|predictors| predictors.loss_v)),
    ];
    let rows = fit.iter().filter_map(|(name, value)| Some(vec![json!(name), json!((*value)?)])).collect();
    details.push(Detail { name: "fit", columns: &["name", "value"], rows });
    details.extend(found.predictors.as_ref().map(predictor_table));
    if let Some(placebos) = &found.placebo_units {
        let ratios = found.rmspe_ratios.iter().flat_map(|ratios| &ratios.donors);
        let rows =
            found.donors.iter().zip(&placebos.placebos).zip(ratios.map(Some).chain(std::iter::repeat(None)));
        let rows = rows.map(|((&unit, placebo), ratio)| {
            vec![json!(input.units[unit]), json!(placebo.estimate), json!(ratio.copied().flatten())]
        });
        details.push(Detail {
            name: "placebo_units",
            columns: &["unit", "estimate", "rmspe_ratio"],
            rows: rows.collect(),
        });
    }
    if !found.placebo_dates.is_empty() {
        let rows = found.placebo_dates.iter().map(|date| vec![json!(date.period), json!(date.fit.estimate)]);
        details.push(Detail {
            name: "placebo_dates",
            columns: &["period", "estimate"],
            rows: rows.collect(),
        });
    }
    if let Some(left_out) = &found.leave_one_out {
        let rows = found.donors.iter().zip(&left_out.without);
        let rows = rows.map(|(&unit, (_, estimate))| vec![json!(input.units[unit]), json!(estimate)]);
        details.push(Detail {
            name: "leave_one_out",
            columns: &["without", "estimate"],
            rows: rows.collect(),
        });
    }
    details
}

fn predictor_table(found: &PredictorControl) -> Detail {
    let rows = found.balance.iter().zip(&found.v);
    let rows = rows.map(|(row, v)| vec![json!(row.name), json!(v), json!(row.treated), json!(row.synthetic)]);
    Detail { name: "predictors", columns: &["predictor", "v", "treated", "synthetic"], rows: rows.collect() }
}

/// `income`, `income@1980`, `income@1980:1988`: the mean over those periods.
fn predictor(input: &Input<'_>, text: &str) -> Result<PredictorSpec, Failure> {
    let wrong = || {
        Failure::new(Exit::Usage, format!("`--predictors {text}`: expected `COLUMN[@FIRST[:LAST]]`"))
            .hint("such as `income`, `income@1980` or `income@1980:1988`")
    };
    let (name, periods) = match text.split_once('@') {
        None => (text, None),
        Some((name, periods)) => {
            let (first, last) = periods.split_once(':').unwrap_or((periods, periods));
            let number = |text: &str| number_from_text(text.as_bytes()).ok_or_else(wrong);
            (name, Some((number(first)?, number(last)?)))
        }
    };
    let is_outcome = input.args.outcome.as_deref() == Some(name);
    Ok(PredictorSpec {
        covariate: (!is_outcome).then(|| name.to_owned()),
        periods,
        operator: PredictorOperator::Mean,
    })
}

fn no_inference(method: &str, asked: Inference, has: &str) -> Failure {
    let message = format!("`{method}` has no `--inference {}`", asked.word());
    Failure::new(Exit::Usage, message).hint(format!("it has {has}"))
}
