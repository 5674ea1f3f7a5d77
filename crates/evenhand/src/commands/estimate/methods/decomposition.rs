//! What a two-way coefficient is made of.

use super::{Detail, Found};
use crate::commands::estimate::input::Input;
use crate::failure::Failure;
use evenhand_estimate as library;
use evenhand_estimate::{BaconOptions, NegativeWeightsOptions};
use serde_json::{Value, json};

/// `bacon`.
pub fn bacon(input: &Input<'_>) -> Result<Found, Failure> {
    let found = library::bacon(&input.cells()?, &BaconOptions::default())?;
    let cohort = |g: f64| if g.is_finite() { json!(g) } else { Value::Null };
    let comparisons = found.comparisons.iter().map(|pair| {
        vec![
            cohort(pair.treated),
            cohort(pair.untreated),
            json!(pair.kind.to_string()),
            json!(pair.estimate),
            json!(pair.weight),
        ]
    });
    let kinds = found.by_kind.iter();
    let kinds =
        kinds.map(|kind| vec![json!(kind.kind.to_string()), json!(kind.estimate), json!(kind.weight)]);
    let details = vec![
        Detail { name: "by_kind", columns: &["kind", "estimate", "weight"], rows: kinds.collect() },
        Detail {
            name: "comparisons",
            columns: &["treated", "untreated", "kind", "estimate", "weight"],
            rows: comparisons.collect(),
        },
    ];
    Ok(Found { details, estimates: found.estimates })
}

/// `negative-weights`.
pub fn negative_weights(input: &Input<'_>) -> Result<Found, Failure> {
    let found = library::negative_weights(&input.cells()?, &NegativeWeightsOptions::default())?;
    let row = |name: &str, value: Value| vec![json!(name), value];
    let rows = vec![
        row("n_positive", json!(found.n_positive)),
        row("n_negative", json!(found.n_negative)),
        row("sum_positive", json!(found.sum_positive)),
        row("sum_negative", json!(found.sum_negative)),
        row("sigma_zero", json!(found.sigma_zero)),
        row("sigma_opposite", json!(found.sigma_opposite)),
    ];
    let details = vec![Detail { name: "weights", columns: &["name", "value"], rows }];
    Ok(Found { details, estimates: found.estimates })
}
