//! Synthetic DiD on long data against R `synthdid` 0.0.9.

use crate::{by_label, near, reference};
use evenhand_estimate::*;

const R: &str = "oracles/reference/synthetic_R.json";

/// Proposition 99 as long data, and the states by level.
pub fn prop99() -> Option<(Cells, Vec<String>)> {
    let path = evenhand_testkit::oracle("oracles/prop99/data.csv")?;
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let unit: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let number = |at: usize| rows.iter().map(|row| row[at].parse().unwrap()).collect::<Vec<f64>>();
    let cohort: Vec<f64> =
        unit.iter().map(|unit| if *unit == "California" { 1989.0 } else { f64::INFINITY }).collect();
    let cells = Cells::new(&unit, &number(1), &number(2)).unwrap().with_cohort(&cohort).unwrap();
    let mut states: Vec<String> = unit.iter().map(|unit| (*unit).to_owned()).collect();
    states.sort();
    states.dedup();
    Some((cells, states))
}

// 1e-8 relative: the same path of steps in another order of summation, through products.
#[test]
fn all_three_kinds_equal_r_on_prop99() {
    let Some((cells, states)) = prop99() else { return };
    for (kind, id) in [
        (SyntheticDidKind::SyntheticDid, "sdid|synthdid|point"),
        (SyntheticDidKind::SyntheticControl, "sdid|sc|point"),
        (SyntheticDidKind::Did, "sdid|did|point"),
    ] {
        let Some(r) = reference(R, id, "R synthdid") else { return };
        let options = SyntheticDidPanelOptions {
            kind,
            inference: SyntheticDidInference::Point,
            ..SyntheticDidPanelOptions::default()
        };
        let found = synthetic_did_panel(&cells, &options).unwrap();
        near(found.estimates.get("att").unwrap().estimate.estimate, r["estimate"].as_f64().unwrap(), 1e-8);
        let omega = by_label(&r["omega"]);
        for (&donor, found) in found.cohorts[0].donors.iter().zip(&found.cohorts[0].fit.omega) {
            let state = &states[donor];
            assert!((found - omega[state]).abs() < 1e-8, "{state}: {found}, expected {}", omega[state]);
        }
    }
}

// R's own figures come from 200 random draws: a sampling error of about 5 %, so 15 %.
#[test]
fn placebo_errors_are_of_the_size_that_r_reports() {
    let Some((cells, _)) = prop99() else { return };
    for (kind, id) in [
        (SyntheticDidKind::SyntheticDid, "sdid|synthdid|placebo_se_seed"),
        (SyntheticDidKind::SyntheticControl, "sdid|sc|placebo_se_seed"),
        (SyntheticDidKind::Did, "sdid|did|placebo_se_seed"),
    ] {
        let Some(r) = reference(R, id, "R synthdid") else { return };
        let options = SyntheticDidPanelOptions { kind, ..SyntheticDidPanelOptions::default() };
        let found = synthetic_did_panel(&cells, &options).unwrap();
        let se = found.estimates.get("att").unwrap().estimate.std_error.unwrap();
        near(se, r["se200"].as_f64().unwrap(), 0.15);
    }
}
