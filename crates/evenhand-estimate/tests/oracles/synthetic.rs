//! Synthetic control and synthetic difference-in-differences.

use crate::{by_label, near, reference};
use evenhand_estimate::*;
use evenhand_panel::{Cell, Fill, Panel};

/// The panel of `oracles/<set>/data.csv`, with `treated` treated from `first` on.
fn design(set: &str, columns: [&str; 3], leave_out: &str, treated: &str, first: &str) -> Option<Design> {
    let text =
        std::fs::read_to_string(evenhand_testkit::oracle(&format!("oracles/{set}/data.csv"))?).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = columns.map(|name| header.iter().position(|column| *column == name).unwrap());
    let cells = lines.map(|line| line.split(',').map(|cell| cell.trim_matches('"')).collect::<Vec<_>>());
    let cells = cells
        .filter(|row| row[at[0]] != leave_out)
        .map(|row| Cell::new(row[at[0]], row[at[1]], row[at[2]].parse::<f64>().unwrap()));
    let panel = Panel::from_cells(cells, Fill::Refuse).unwrap().treat(treated, first).unwrap();
    Some(Design::new(&panel).unwrap())
}

fn prop99() -> Option<Design> {
    design("prop99", ["state", "year", "packs_per_capita"], "", "California", "1989")
}

const R: &str = "oracles/reference/synthetic_R.json";

const AS_R: SyntheticDidOptions =
    SyntheticDidOptions { stopping: Stopping::Reference, zeta_omega: None, zeta_lambda: None };

// 1e-10: the same path of steps in another summation order.
#[test]
fn synthetic_did_with_the_reference_rule_equals_r_on_prop99() {
    let Some(design) = prop99() else { return };
    let Some(r) = reference(R, "sdid|synthdid|point", "R synthdid") else { return };
    let fit = synthetic_did(&design, &AS_R).unwrap();
    near(fit.estimate, r["estimate"].as_f64().unwrap(), 1e-10);
    near(fit.estimate, -15.603_827_872_7, 1e-10);
    near(fit.zeta_omega, r["zeta_omega"].as_f64().unwrap(), 1e-12);
    near(fit.zeta_lambda, r["zeta_lambda"].as_f64().unwrap(), 1e-12);
    let omega = by_label(&r["omega"]);
    for (donor, found) in design.donors().iter().zip(&fit.omega) {
        assert!((found - omega[donor]).abs() < 1e-10, "{donor}: {found}, expected {}", omega[donor]);
    }
    let lambda = by_label(&r["lambda"]);
    for (year, found) in design.periods().iter().zip(&fit.lambda) {
        assert!((found - lambda[year]).abs() < 1e-10, "{year}: {found}, expected {}", lambda[year]);
    }
}

// R's long run (a million steps) has converged in the time weights, 1e-8, but its unit weights still stand above
// the optimum: objective 177.9688 against 177.7994 here. The effects differ by 4e-4 for that reason, and the
// lower objective decides which is the optimum.
#[test]
fn the_exact_optimum_lies_below_where_r_ends_when_it_runs_long() {
    let Some(design) = prop99() else { return };
    let Some(r) = reference(R, "sdid|synthdid|point|tight", "R synthdid") else { return };
    let fit = synthetic_did(&design, &SyntheticDidOptions::default()).unwrap();
    near(fit.estimate, -15.605_397_916_3, 1e-10);
    near(fit.estimate, r["estimate"].as_f64().unwrap(), 1e-4);
    let omega = by_label(&r["omega"]);
    let of_r: Vec<f64> = design.donors().iter().map(|donor| omega[donor]).collect();
    assert!(
        unit_objective(&design, &fit.omega, fit.zeta_omega) < unit_objective(&design, &of_r, fit.zeta_omega)
    );
    let lambda = by_label(&r["lambda"]);
    for (year, found) in design.periods().iter().zip(&fit.lambda) {
        assert!((found - lambda[year]).abs() < 1e-7, "{year}: {found}, expected {}", lambda[year]);
    }
}

fn unit_objective(design: &Design, omega: &[f64], zeta: f64) -> f64 {
    let n_pre = design.n_pre();
    let gap = |t: usize| {
        design.treated()[t] - omega.iter().enumerate().map(|(j, w)| w * design.donor(j)[t]).sum::<f64>()
    };
    let gaps: Vec<f64> = (0..n_pre).map(gap).collect();
    let mean = gaps.iter().sum::<f64>() / n_pre as f64;
    let ridge = n_pre as f64 * zeta * zeta * omega.iter().map(|w| w * w).sum::<f64>();
    gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() + ridge
}

// 1e-9 of the largest placebo effect, by the same argument as for the point.
#[test]
fn placebo_effects_equal_r_donor_by_donor() {
    let Some(design) = prop99() else { return };
    let Some(r) = reference(R, "sdid|synthdid|exhaustive_placebo", "R synthdid") else { return };
    let placebos = placebo_units(&design, |d| synthetic_did(d, &AS_R)).unwrap();
    let tau = by_label(&r["tau"]);
    for placebo in &placebos.placebos {
        let expected = tau[&placebo.donor];
        assert!(
            (placebo.estimate - expected).abs() < 3e-8,
            "{}: {}, expected {expected}",
            placebo.donor,
            placebo.estimate
        );
    }
    near(placebos.placebo_sd, r["sd_n"].as_f64().unwrap(), 1e-9);
    let placebos = placebo_units(&design, did).unwrap();
    let Some(r) = reference(R, "sdid|did|exhaustive_placebo", "R synthdid") else { return };
    let tau = by_label(&r["tau"]);
    for placebo in &placebos.placebos {
        near(placebo.estimate, tau[&placebo.donor], 1e-10);
    }
}

// R's own figure comes from 200 random draws: its sampling error is about sd / sqrt(2 * 200) = 5 %, so 15 %.
#[test]
fn the_sampled_placebo_error_is_of_the_size_that_r_reports() {
    let Some(design) = prop99() else { return };
    let Some(r) = reference(R, "sdid|synthdid|placebo_se_seed", "R synthdid") else { return };
    let se = placebo_std_error(&design, |d| synthetic_did(d, &AS_R), 200, 12_345).unwrap();
    near(se, r["se200"].as_f64().unwrap(), 0.15);
}

#[test]
fn plain_did_equals_r_on_prop99() {
    let Some(design) = prop99() else { return };
    let Some(r) = reference(R, "sdid|did|point", "R synthdid") else { return };
    near(did(&design).unwrap().estimate, r["estimate"].as_f64().unwrap(), 1e-12);
}

/// Synthetic control on outcomes against an exact quadratic programme: 1e-8 for the effect, the fit and the gaps.
fn check_synthetic_control(set: &str, design: Option<Design>) {
    let path = format!("oracles/{set}/reference.json");
    let (Some(design), Some(qp)) = (design, reference(&path, "sc|outcome_only|point", "cvxpy")) else {
        return;
    };
    let fit = synthetic_control(&design).unwrap();
    near(fit.estimate, qp["att"].as_f64().unwrap(), 1e-8);
    near(fit.pre_rmspe.powi(2), qp["pre_mse"].as_f64().unwrap(), 1e-8);
    let weights = by_label(&qp["weights"]);
    for (donor, found) in design.donors().iter().zip(&fit.omega) {
        assert!((found - weights[donor]).abs() < 1e-8, "{donor}: {found}, expected {}", weights[donor]);
    }
    let Some(qp) = reference(&path, "sc|outcome_only|in_space_placebo", "cvxpy") else { return };
    let placebos = placebo_units(&design, synthetic_control).unwrap();
    for placebo in &placebos.placebos {
        let expected = &qp["units"][&placebo.donor];
        near(placebo.estimate, expected["att"].as_f64().unwrap(), 1e-6);
        near(placebo.pre_rmspe.powi(2), expected["pre_mspe"].as_f64().unwrap(), 1e-7);
    }
    let ratios = rmspe_ratios(&placebos, design.n_pre(), &[5.0]);
    near(ratios.p_value, qp["p_value_rmspe_ratio"].as_f64().unwrap(), 1e-12);
    for (donor, ratio) in design.donors().iter().zip(&ratios.donors) {
        near(ratio.unwrap(), qp["units"][donor]["ratio_rmspe"].as_f64().unwrap(), 1e-6);
    }
    assert!(ratios.cutoffs[0].n_donors <= design.n_donors());
}

#[test]
fn synthetic_control_equals_the_quadratic_programme_on_prop99() {
    let Some(exact) = prop99() else { return };
    near(synthetic_control(&exact).unwrap().estimate, -19.513_629_8, 2e-9);
    check_synthetic_control("prop99", Some(exact));
}

#[test]
fn synthetic_control_equals_the_quadratic_programme_on_germany() {
    check_synthetic_control(
        "germany",
        design("germany", ["country", "year", "gdp"], "", "West Germany", "1990"),
    );
}

#[test]
fn synthetic_control_equals_the_quadratic_programme_on_the_basque_country() {
    let columns = ["regionname", "year", "gdpcap"];
    let design = design("basque", columns, "Spain (Espana)", "Basque Country (Pais Vasco)", "1970.0");
    check_synthetic_control("basque", design);
}

#[test]
fn synthetic_control_equals_the_quadratic_programme_on_kansas() {
    check_synthetic_control(
        "kansas",
        design("kansas", ["fips", "year_qtr", "lngdpcapita"], "", "20.0", "2012.25"),
    );
}
