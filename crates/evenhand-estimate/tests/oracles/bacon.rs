//! Goodman-Bacon (2021) against R `bacondecomp` 0.1.3.

use crate::imputation::{base_stagg, cells, column, mpdta, text_column};
use crate::reference;
use evenhand_estimate::*;
use std::collections::BTreeMap;

/// 1e-8 relative to the size of the outcome's changes: R solves each comparison by absorbing fixed effects.
fn check(cells: Option<Cells>, set: &str) {
    let path = format!("oracles/{set}/reference.json");
    let (Some(cells), Some(r)) = (cells, reference(&path, "bacon|static", "bacondecomp")) else { return };
    let found = bacon(&cells, &BaconOptions::default()).unwrap();
    let text = |x: f64| if x.is_finite() { x.to_string() } else { "never".to_owned() };
    let ours: BTreeMap<(String, String), &Comparison> =
        found.comparisons.iter().map(|c| ((text(c.treated), text(c.untreated)), c)).collect();
    let theirs = r["treated"].as_array().unwrap();
    assert_eq!(theirs.len(), ours.len());
    for (at, treated) in theirs.iter().enumerate() {
        let untreated = r["untreated"][at].as_f64().map_or_else(|| "never".to_owned(), |x| x.to_string());
        let one = ours[&(treated.as_f64().unwrap().to_string(), untreated)];
        assert_eq!(one.kind.to_string(), r["type"][at].as_str().unwrap());
        assert!((one.estimate - r["estimate"][at].as_f64().unwrap()).abs() < 1e-8, "{one:?}");
        assert!((one.weight - r["weight"][at].as_f64().unwrap()).abs() < 1e-10, "{one:?}");
    }
    let sum: f64 = found.comparisons.iter().map(|c| c.weight * c.estimate).sum();
    assert!((sum - found.twfe).abs() < 1e-12 && (sum - r["weighted_sum"].as_f64().unwrap()).abs() < 1e-8);
}

fn math_reform() -> Option<Cells> {
    cells("math_reform", ["state", "class", "incearn_ln", "reformyr_math"])
}

#[test]
fn comparisons_and_weights_equal_r() {
    check(mpdta(), "mpdta");
    check(math_reform(), "math_reform");
}

/// The table in the package's documentation: five digits.
#[test]
fn shares_of_math_reform_equal_the_published_table() {
    let Some(cells) = math_reform() else { return };
    let found = bacon(&cells, &BaconOptions::default()).unwrap();
    for (kind, weight, estimate) in [
        (ComparisonKind::EarlierLater, 0.06353, 0.02868),
        (ComparisonKind::LaterEarlier, 0.05265, 0.03375),
        (ComparisonKind::TreatedUntreated, 0.88382, -0.00129),
    ] {
        let total = found.by_kind.iter().find(|total| total.kind == kind).unwrap();
        assert!(
            (total.weight - weight).abs() < 6e-6 && (total.estimate - estimate).abs() < 6e-6,
            "{total:?}"
        );
    }
}

/// On base_stagg R stops with an error, so Python `diff-diff` stands in for the coefficient; its weights follow
/// another formula, and the sum of ours is the coefficient to rounding.
#[test]
fn nine_cohorts_sum_to_the_two_way_coefficient() {
    let (Some(cells), Some(other)) =
        (base_stagg(), reference("oracles/base_stagg/reference.json", "bacon|static", "diff-diff"))
    else {
        return;
    };
    let found = bacon(&cells, &BaconOptions::default()).unwrap();
    assert_eq!(found.comparisons.len(), 81);
    assert!((found.twfe - other["twfe"].as_f64().unwrap()).abs() < 1e-8);
    let sum: f64 = found.comparisons.iter().map(|c| c.weight * c.estimate).sum();
    assert!((sum - found.twfe).abs() < 1e-12);
}

/// Castle: the published decomposition of log homicide, Cheng and Hoekstra's states by year of the law.
#[test]
fn castle_with_and_without_covariates_sums_to_the_two_way_coefficient() {
    let Some(plain) = cells("castle", ["state", "year", "l_homicide", "g"]) else { return };
    let found = bacon(&plain, &BaconOptions::default()).unwrap();
    let sum: f64 = found.comparisons.iter().map(|c| c.weight * c.estimate).sum();
    assert!((sum - found.twfe).abs() < 1e-12);
    let mut with = plain;
    for name in ["l_income", "poverty"] {
        with = with.with_covariate(name, &column("castle", name).unwrap()).unwrap();
    }
    let found = bacon(&with, &BaconOptions::default()).unwrap();
    let (within, sum) =
        (found.within.unwrap(), found.comparisons.iter().map(|c| c.weight * c.estimate).sum::<f64>());
    assert!((within.omega * within.estimate + (1.0 - within.omega) * sum - found.twfe).abs() < 1e-10);
    assert_eq!(text_column("castle", "state").unwrap().len(), found.estimates.n_obs);
}
