//! Outcomes imputed by a model of low rank, and series of one place.

use super::{Detail, Found};
use crate::commands::estimate::flags::{Inference, SeasonKind, SeriesKind};
use crate::commands::estimate::input::Input;
use crate::exit::Exit;
use crate::failure::Failure;
use evenhand_estimate as library;
use evenhand_estimate::{
    FactorEffects, FactorInference, GeneralizedSyntheticControlOptions, InterruptedTimeSeriesOptions,
    MatrixCompletionOptions, Season, SeriesModel,
};
use serde_json::json;

/// `generalized-synthetic-control`.
pub fn generalized_synthetic_control(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let default = GeneralizedSyntheticControlOptions::default();
    let options = GeneralizedSyntheticControlOptions {
        n_factors: choices.factors,
        inference: inference("generalized-synthetic-control", choices.inference)?,
        replications: choices.draws.unwrap_or(default.replications),
        seed: choices.seed.unwrap_or(default.seed),
        ..default
    };
    Ok(with_model(library::generalized_synthetic_control(&input.cells()?, &options)?))
}

/// `matrix-completion`.
pub fn matrix_completion(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let default = MatrixCompletionOptions::default();
    let options = MatrixCompletionOptions {
        lambda: choices.lambda,
        inference: inference("matrix-completion", choices.inference)?,
        replications: choices.draws.unwrap_or(default.replications),
        seed: choices.seed.unwrap_or(default.seed),
        ..default
    };
    Ok(with_model(library::matrix_completion(&input.cells()?, &options)?))
}

fn inference(method: &str, asked: Option<Inference>) -> Result<FactorInference, Failure> {
    Ok(match asked {
        None => FactorInference::default(),
        Some(Inference::Bootstrap) => FactorInference::Bootstrap,
        Some(Inference::Jackknife) => FactorInference::Jackknife,
        Some(Inference::Parametric) => FactorInference::Parametric,
        Some(Inference::None) => FactorInference::Point,
        Some(other) => {
            let message = format!("`{method}` has no `--inference {}`", other.word());
            return Err(
                Failure::new(Exit::Usage, message).hint("it has bootstrap, jackknife, parametric, none")
            );
        }
    })
}

fn with_model(found: FactorEffects) -> Found {
    let mut rows = vec![vec![json!("factors"), json!(found.n_factors)]];
    rows.extend(found.lambda.map(|lambda| vec![json!("lambda"), json!(lambda)]));
    rows.push(vec![json!("mean_squared_residual"), json!(found.mean_squared_residual)]);
    rows.extend(found.coefficients.iter().map(|(name, value)| vec![json!(name), json!(value)]));
    let candidates = found.candidates.iter().map(|(size, error)| vec![json!(size), json!(error)]).collect();
    let details = vec![
        Detail { name: "model", columns: &["name", "value"], rows },
        Detail { name: "candidates", columns: &["size", "mean_squared_error"], rows: candidates },
    ];
    Found { estimates: found.estimates, details }
}

/// `interrupted-time-series`.
pub fn interrupted_time_series(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let default = InterruptedTimeSeriesOptions::default();
    let period = choices.season_period.unwrap_or(12);
    let options = InterruptedTimeSeriesOptions {
        model: match choices.model {
            Some(SeriesKind::Linear) => SeriesModel::Linear,
            Some(SeriesKind::LogLinear) | None => SeriesModel::LogLinear,
        },
        season: match choices.season {
            Some(SeasonKind::None) => Season::None,
            Some(SeasonKind::Dummies) => Season::Dummies { period },
            Some(SeasonKind::Harmonics) | None => Season::Harmonics { period: period as f64, pairs: 2 },
        },
        lags: choices.lags,
        ..default
    };
    Ok(library::interrupted_time_series(&input.cells()?, &options)?.estimates.into())
}
