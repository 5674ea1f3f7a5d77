//! Generalized synthetic control and matrix completion against pyfector, a port of R `fect`, on turnout.

use crate::reference;
use crate::table::Table;
use evenhand_estimate::*;

fn turnout(covariates: bool) -> Option<Cells> {
    let table = Table::read("turnout", "abb", "year")?;
    let (treated, outcome) = (table.column("policy_edr"), table.column("turnout"));
    let first = |unit: &str| {
        (0..treated.len())
            .filter(|&row| table.unit[row] == unit && treated[row] > 0.5)
            .map(|row| table.period[row])
            .fold(f64::INFINITY, f64::min)
    };
    let cohort: Vec<f64> = table.unit.iter().map(|unit| first(unit)).collect();
    let mut cells = Cells::new(&table.unit, &table.period, &outcome).unwrap().with_cohort(&cohort).unwrap();
    if covariates {
        for name in ["policy_mail_in", "policy_motor"] {
            cells = cells.with_covariate(name, &table.column(name)).unwrap();
        }
    }
    Some(cells)
}

#[track_caller]
fn check(found: &FactorEffects, id: &str, tolerance: f64) {
    let expected = reference("oracles/turnout/reference.json", id, "pyfector").unwrap();
    for (term, field) in [("att", "att_avg"), ("att_by_unit", "att_avg_unit")] {
        let (found, expected) =
            (found.estimates.get(term).unwrap().estimate.estimate, expected[field].as_f64().unwrap());
        assert!((found - expected).abs() < tolerance, "{id} {term}: {found}, expected {expected}");
    }
}

// Both searches end when the fit moves by less than a relative bound (1e-10 there); the slow direction of the factor
// model then still has about 1e-5 to go.
#[test]
fn turnout_equals_pyfector() {
    let Some(cells) = turnout(true) else { return };
    for (r, id, tolerance) in [(0, "fect|fe", 1e-5), (2, "fect|ife", 1e-4)] {
        let options = GeneralizedSyntheticControlOptions {
            n_factors: Some(r),
            inference: FactorInference::Point,
            tolerance: 1e-10,
            ..Default::default()
        };
        check(&generalized_synthetic_control(&cells, &options).unwrap(), id, tolerance);
    }
    let Some(cells) = turnout(false) else { return };
    let expected = reference("oracles/turnout/reference.json", "fect|mc", "pyfector").unwrap();
    let options = MatrixCompletionOptions {
        lambda: Some(expected["lambda_cv"].as_f64().unwrap()),
        inference: FactorInference::Point,
        tolerance: 1e-10,
        ..Default::default()
    };
    check(&matrix_completion(&cells, &options).unwrap(), "fect|mc", 1e-4);
}

// Published (Xu 2017, table 2, and the gsynth manual): 4.9 points with two factors from never-treated states.
#[test]
fn turnout_with_factors_of_never_treated_states_is_as_published() {
    let Some(cells) = turnout(true) else { return };
    let options = GeneralizedSyntheticControlOptions {
        n_factors: Some(2),
        source: FactorSource::NeverTreated,
        inference: FactorInference::Point,
        ..Default::default()
    };
    let found = generalized_synthetic_control(&cells, &options).unwrap();
    let att = found.estimates.get("att").unwrap().estimate.estimate;
    assert!((att - 4.9).abs() < 0.05, "{att}");
}
