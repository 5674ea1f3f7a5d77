//! Borusyak, Jaravel and Spiess (2024) against R `didimputation` 0.5.0 and Python packages.

use crate::{near, reference};
use evenhand_estimate::*;
use serde_json::Value;

const R: &str = "oracles/reference/regression_and_did_R.json";

/// A column of `oracles/<set>/data.csv` as text.
pub fn text_column(set: &str, name: &str) -> Option<Vec<String>> {
    let path = evenhand_testkit::oracle(&format!("oracles/{set}/data.csv"))?;
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(|cell| cell.trim_matches('"')));
    let at = lines.next().unwrap().position(|column| column == name).unwrap();
    Some(lines.map(|mut cells| cells.nth(at).unwrap().to_owned()).collect())
}

/// A column as numbers; an empty cell is NaN.
pub fn column(set: &str, name: &str) -> Option<Vec<f64>> {
    Some(text_column(set, name)?.iter().map(|cell| cell.parse().unwrap_or(f64::NAN)).collect())
}

pub fn cells(set: &str, [unit, period, outcome, cohort]: [&str; 4]) -> Option<Cells> {
    let unit = text_column(set, unit)?;
    let cells = Cells::new(&unit, &column(set, period)?, &column(set, outcome)?).unwrap();
    Some(cells.with_cohort(&column(set, cohort)?).unwrap())
}

pub fn mpdta() -> Option<Cells> {
    cells("mpdta", ["countyreal", "year", "lemp", "first_treat"])
}

pub fn base_stagg() -> Option<Cells> {
    cells("base_stagg", ["id", "year", "y", "g"])
}

/// Entries of a reference as a list, whether it is one or one number.
pub fn list(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().map(|x| x.as_f64().unwrap()).collect(),
        one => vec![one.as_f64().unwrap()],
    }
}

/// 1e-6 for points: R's first step ends at fixest's `fixef.tol` of 1e-6, so that it lies up to 2e-7 from the exact
/// least-squares solution which two other packages confirm below to 1e-9. 1e-6 for standard errors.
fn check(cells: Option<Cells>, set: &str, id: &str, options: &ImputationOptions) {
    let (Some(cells), Some(text)) = (cells, evenhand_testkit::oracle(R)) else { return };
    let all: Value = serde_json::from_str(&std::fs::read_to_string(text).unwrap()).unwrap();
    let entry =
        all.as_array().unwrap().iter().find(|entry| entry["dataset"] == set && entry["id"] == id).unwrap();
    let r = &entry["results"];
    let found = imputation(&cells, options).unwrap().estimates;
    let (points, errors) = (list(&r["estimate"]), list(&r["se"]));
    assert_eq!(found.terms.len(), points.len());
    for (term, (point, error)) in found.terms.iter().zip(points.into_iter().zip(errors)) {
        println!(
            "{} {} {point} {} {error}",
            term.term,
            term.estimate.estimate,
            term.estimate.std_error.unwrap()
        );
        assert!((term.estimate.estimate - point).abs() < 1e-6 * point.abs().max(0.05), "{}", term.term);
        near(term.estimate.std_error.unwrap(), error, 1e-6);
    }
}

fn event_study() -> ImputationOptions {
    ImputationOptions { terms: EffectTerms::EventTime, ..Default::default() }
}

#[test]
fn the_average_effect_equals_r() {
    check(mpdta(), "mpdta", "bjs|static|cl_unit", &ImputationOptions::default());
    check(base_stagg(), "base_stagg", "bjs|static|cl_unit", &ImputationOptions::default());
}

#[test]
fn event_studies_equal_r() {
    check(mpdta(), "mpdta", "bjs|event|cl_unit", &event_study());
    check(base_stagg(), "base_stagg", "bjs|event|cl_unit", &event_study());
}

#[test]
fn leads_on_untreated_rows_equal_r() {
    let options = ImputationOptions { pretrends: Pretrends::Leads(vec![-3, -2, -1]), ..event_study() };
    check(mpdta(), "mpdta", "bjs|event+pretrends3|cl_unit", &options);
}

/// 1e-8, since both solve the sparse system to rounding.
#[test]
fn averages_equal_two_other_packages_to_rounding() {
    for (set, cells) in [("mpdta", mpdta()), ("base_stagg", base_stagg())] {
        let path = format!("oracles/{set}/reference.json");
        let (Some(cells), Some(other)) = (cells, reference(&path, "bjs|all|cl_unit", "diff-diff")) else {
            return;
        };
        let overall = imputation(&cells, &ImputationOptions::default()).unwrap().estimates;
        near(overall.terms[0].estimate.estimate, other["overall_att"].as_f64().unwrap(), 1e-8);
        near(overall.terms[0].estimate.std_error.unwrap(), other["overall_se"].as_f64().unwrap(), 1e-8);
        let events = imputation(&cells, &event_study()).unwrap().estimates;
        let (at, points) = (list(&other["event"]["egt"]), list(&other["event"]["estimate"]));
        for ((e, point), error) in
            at.iter().zip(points).zip(list(&other["event"]["se"])).filter(|((e, _), _)| **e >= 0.0)
        {
            let term = events.at_event_time(*e as i64).unwrap();
            near(term.estimate.estimate, point, 1e-8);
            near(term.estimate.std_error.unwrap(), error, 1e-8);
        }
        let Some(other) = reference(&path, "bjs|py2sdid|cl_unit", "py2sdid") else { return };
        near(overall.terms[0].estimate.estimate, other["att_avg"].as_f64().unwrap(), 1e-8);
        near(overall.terms[0].estimate.std_error.unwrap(), other["att_avg_se"].as_f64().unwrap(), 1e-8);
    }
}

#[test]
fn averages_of_cohorts_equal_another_package() {
    for (set, cells) in [("mpdta", mpdta()), ("base_stagg", base_stagg())] {
        let path = format!("oracles/{set}/reference.json");
        let (Some(cells), Some(other)) = (cells, reference(&path, "bjs|all|cl_unit", "diff-diff")) else {
            return;
        };
        let options = ImputationOptions { terms: EffectTerms::Cohort, ..Default::default() };
        let found = imputation(&cells, &options).unwrap().estimates;
        let group = &other["group"];
        for ((g, point), error) in
            list(&group["egt"]).iter().zip(list(&group["estimate"])).zip(list(&group["se"]))
        {
            let term = found.terms.iter().find(|term| term.cohort == Some(*g)).unwrap();
            near(term.estimate.estimate, point, 1e-8);
            near(term.estimate.std_error.unwrap(), error, 1e-8);
        }
    }
}

/// `mpdta` with a weight for each county, or one that changes over time as well.
pub fn weighted_mpdta(changing: bool) -> Option<Cells> {
    let (county, year) = (column("mpdta", "countyreal")?, column("mpdta", "year")?);
    let weight = |(county, year): (&f64, &f64)| {
        if changing { 1.0 + (county + year) % 4.0 } else { 1.0 + county % 3.0 }
    };
    let weights: Vec<f64> = county.iter().zip(&year).map(weight).collect();
    Some(mpdta()?.with_weights(&weights).unwrap())
}

pub fn base_stagg_with_x1() -> Option<Cells> {
    Some(base_stagg()?.with_covariate("x1", &column("base_stagg", "x1")?).unwrap())
}

/// Python py2sdid 0.1.8, which follows R `didimputation` in how weights enter the variance: `bjs_did(.., wname)` and
/// `bjs_did(.., xformla=['x1'])`. 1e-7: its first stage is iterative.
#[test]
fn weights_and_covariates_equal_the_port_of_r() {
    for (cells, point, error) in [
        (weighted_mpdta(false), -0.040_410_248_942_617_7, 0.015_072_082_662_527_73),
        (weighted_mpdta(true), -0.047_699_917_387_707_85, 0.015_076_943_662_262_985),
        (base_stagg_with_x1(), -1.091_428_882_643_103_8, 0.127_267_799_225_234_82),
    ] {
        let Some(cells) = cells else { return };
        let found = imputation(&cells, &ImputationOptions::default()).unwrap().estimates.terms[0].estimate;
        near(found.estimate, point, 1e-7);
        near(found.std_error.unwrap(), error, 1e-7);
    }
}
