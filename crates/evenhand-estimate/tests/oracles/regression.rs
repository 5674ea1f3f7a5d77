//! Least squares with absorbed effects against R `fixest`, and the NIST statistical reference data sets.

use crate::{Table, near, reference, table, table_at};
use evenhand_estimate::Factor;
use evenhand_estimate::regression::*;
use serde_json::Value;

const R: &str = "oracles/reference/regression_and_did_R.json";

pub fn entry(set: &str, id: &str) -> Option<Value> {
    let text = std::fs::read_to_string(evenhand_testkit::oracle(R)?).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let found = json.as_array().unwrap().iter().find(|entry| entry["dataset"] == set && entry["id"] == id);
    Some(found.unwrap()["results"].clone())
}

pub fn list(value: &Value) -> Vec<f64> {
    value.as_array().map_or_else(
        || vec![value.as_f64().unwrap()],
        |all| all.iter().map(|x| x.as_f64().unwrap()).collect(),
    )
}

/// Points to 1e-8, standard errors to 1e-8 and p-values to 1e-6, relative: R prints 15 digits, its demeaning stops
/// at 1e-6 to 1e-10 of a step.
#[track_caller]
fn check(fit: &Ols, expected: &Value) {
    let terms = fit.terms();
    let (points, errors, p) = (list(&expected["estimate"]), list(&expected["se"]), list(&expected["p"]));
    assert_eq!(terms.len(), points.len());
    for (k, term) in terms.iter().enumerate() {
        near(term.estimate.estimate, points[k], 1e-8);
        near(term.estimate.std_error.unwrap(), errors[k], 1e-8);
        near(term.estimate.p_value.unwrap(), p[k], 1e-6);
    }
    assert_eq!(fit.residuals.len() as u64, expected["n"].as_u64().unwrap());
}

/// Unit and period, and a staggered treatment, of one of the sets.
struct Staggered {
    unit: Factor,
    period: Factor,
    treated: Vec<f64>,
    relative: Vec<Option<i64>>,
}

fn staggered(data: &Table, unit: &str, period: &str, first: &str) -> Staggered {
    let (years, first) = (data.numbers(period), data.numbers(first));
    let relative: Vec<Option<i64>> =
        years.iter().zip(&first).map(|(t, g)| (*g > 0.0).then_some((t - g) as i64)).collect();
    Staggered {
        unit: Factor::new(&data.text(unit)),
        period: Factor::new(&data.text(period)),
        treated: relative.iter().map(|rel| f64::from(u8::from(rel.is_some_and(|rel| rel >= 0)))).collect(),
        relative,
    }
}

/// `i(rel, ref = -1)`, never treated at the reference.
fn event_dummies(x: Columns, relative: &[Option<i64>]) -> Columns {
    let values: Vec<i64> = relative.iter().map(|rel| rel.unwrap_or(-1)).collect();
    let mut levels = values.clone();
    levels.sort_unstable();
    levels.dedup();
    let reference = levels.iter().position(|rel| *rel == -1).unwrap();
    let labels: Vec<String> = levels.iter().map(i64::to_string).collect();
    x.indicators(&Factor::new(&values), &labels, "rel::", &[reference]).unwrap()
}

#[test]
fn twfe_and_event_studies_of_mpdta_equal_fixest_under_five_covariances() {
    let Some(data) = table("mpdta") else { return };
    let set = staggered(&data, "countyreal", "year", "first_treat");
    let y = data.numbers("lemp");
    let state =
        Factor::new(&data.numbers("countyreal").iter().map(|c| (c / 1000.0) as i64).collect::<Vec<_>>());
    for (name, vcov) in [
        ("iid", Vcov::Iid),
        ("hetero", Vcov::Hc1),
        ("cl_unit", Vcov::Cluster(vec![set.unit.clone()])),
        ("cl_state", Vcov::Cluster(vec![state.clone()])),
        ("cl_state_year", Vcov::Cluster(vec![state.clone(), set.period.clone()])),
    ] {
        let options = OlsOptions { vcov, ..OlsOptions::default() };
        let absorb = [&set.unit, &set.period];
        let x = Columns::new(y.len()).dense("D", set.treated.clone()).unwrap();
        check(
            &ols(&y, x, &absorb, &options).unwrap(),
            &entry("mpdta", &format!("twfe_static|{name}")).unwrap(),
        );
        let x = event_dummies(Columns::new(y.len()), &set.relative);
        check(
            &ols(&y, x, &absorb, &options).unwrap(),
            &entry("mpdta", &format!("twfe_event|ref-1|{name}")).unwrap(),
        );
    }
}

#[test]
fn regressions_with_a_covariate_equal_fixest_on_base_stagg() {
    let Some(data) = table("base_stagg") else { return };
    let set = staggered(&data, "id", "year", "g");
    let y = data.numbers("y");
    let options = OlsOptions { vcov: Vcov::Cluster(vec![set.unit.clone()]), ..OlsOptions::default() };
    let x = Columns::new(y.len()).dense("x1", data.numbers("x1")).unwrap();
    let with = x.clone().dense("D", set.treated.clone()).unwrap();
    let absorb = [&set.unit, &set.period];
    check(
        &ols(&y, with, &absorb, &options).unwrap(),
        &entry("base_stagg", "twfe_static|x1|cl_unit").unwrap(),
    );
    let with = event_dummies(x, &set.relative);
    check(
        &ols(&y, with, &absorb, &options).unwrap(),
        &entry("base_stagg", "twfe_event|x1|ref-1|cl_unit").unwrap(),
    );
}

#[test]
fn a_regression_of_math_reform_equals_fixest() {
    let Some(data) = table("math_reform") else { return };
    let Some(expected) = reference("oracles/math_reform/reference.json", "twfe_static|cl_state", "R fixest")
    else {
        return;
    };
    let (state, class) = (Factor::new(&data.text("state")), Factor::new(&data.text("class")));
    let x = Columns::new(state.len()).dense("reform_math", data.numbers("reform_math")).unwrap();
    let options = OlsOptions { vcov: Vcov::Cluster(vec![state.clone()]), ..OlsOptions::default() };
    check(&ols(&data.numbers("incearn_ln"), x, &[&state, &class], &options).unwrap(), &expected);
}

#[test]
fn four_effects_and_up_to_four_ways_of_clustering_equal_fixest_on_trade() {
    let Some(data) = table("trade") else { return };
    let factors: Vec<Factor> =
        ["Origin", "Destination", "Product", "Year"].map(|name| Factor::new(&data.text(name))).to_vec();
    let logs = |name: &str| data.numbers(name).iter().map(|x| x.ln()).collect::<Vec<f64>>();
    let y = logs("Euros");
    for (name, vcov) in [
        ("hetero", Vcov::Hc1),
        ("cl_Origin", Vcov::Cluster(factors[..1].to_vec())),
        ("cl_Origin_Destination", Vcov::Cluster(factors[..2].to_vec())),
        ("cl_4way", Vcov::Cluster(factors.clone())),
    ] {
        let x = Columns::new(y.len()).dense("log(dist_km)", logs("dist_km")).unwrap();
        let options = OlsOptions { vcov, ..OlsOptions::default() };
        let fit = ols(&y, x, &factors.iter().collect::<Vec<_>>(), &options).unwrap();
        let expected = entry("trade", &format!("ols_log|4FE|{name}")).unwrap();
        // R prints p as 0 below its smallest; 1e-8 of 0 is 0.
        check(&fit, &expected);
    }
}

// castle has no reference of R: pyfixest 0.60.0, `feols("l_homicide ~ D + l_police | sid + year")`, with and without
// `weights="popwt"`, for {"CRV1": "sid"} (a run whose hash seed nests units, see the README) and "hetero"; 1e-9.
#[test]
fn weighted_regressions_equal_pyfixest_on_castle() {
    let Some(data) = table("castle") else { return };
    let set = staggered(&data, "sid", "year", "g");
    let weights = data.numbers("popwt");
    for (weights, points, cluster, hetero) in [
        (
            None,
            [0.085_993_336_106_727_56, 0.105_742_808_587_382_73],
            [0.061_904_570_239_621_835, 0.121_629_781_683_396_65],
            [0.032_723_989_121_912_135, 0.093_430_929_164_394_2],
        ),
        (
            Some(weights),
            [0.060_900_722_448_453_73, 0.045_739_980_097_492_42],
            [0.028_096_132_114_495_624, 0.079_956_525_359_941_19],
            [0.020_748_297_102_962_87, 0.073_136_538_100_535_65],
        ),
    ] {
        for (vcov, errors) in [(Vcov::Cluster(vec![set.unit.clone()]), cluster), (Vcov::Hc1, hetero)] {
            let x = Columns::new(set.unit.len()).dense("D", set.treated.clone()).unwrap();
            let x = x.dense("l_police", data.numbers("l_police")).unwrap();
            let options = OlsOptions { weights: weights.clone(), vcov, ..OlsOptions::default() };
            let fit = ols(&data.numbers("l_homicide"), x, &[&set.unit, &set.period], &options).unwrap();
            for (j, term) in fit.terms().iter().enumerate() {
                near(term.estimate.estimate, points[j], 1e-9);
                near(term.estimate.std_error.unwrap(), errors[j], 1e-9);
            }
        }
    }
}

/// -log10 of the relative error, 15 at most.
fn digits(found: f64, certified: f64) -> f64 {
    let error = if certified.abs() > 0.0 { ((found - certified) / certified).abs() } else { found.abs() };
    if error > 0.0 { (-error.log10()).min(15.0) } else { 15.0 }
}

// Certified digits by set: coefficients, standard errors, residual standard deviation and R squared. An exact fit
// has errors of 0, which are met to 1e-9 of the outcome instead. Filip's bound is that of its powers in doubles.
#[test]
fn nist_linear_regressions_have_their_certified_digits() {
    let Some(path) = evenhand_testkit::oracle("oracles/nist-strd/certified.json") else { return };
    let certified: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for (set, powers, beta_digits, other_digits) in [
        ("norris", 1, 13.0, 12.5),
        ("pontius", 2, 12.5, 12.0),
        ("noint1", 1, 14.0, 13.0),
        ("noint2", 1, 14.0, 13.0),
        ("filip", 10, 7.6, 7.4),
        ("longley", 0, 13.0, 12.0),
        ("wampler1", 5, 12.0, 9.0),
        ("wampler2", 5, 12.0, 9.0),
        ("wampler3", 5, 13.0, 12.0),
        ("wampler4", 5, 13.0, 12.0),
        ("wampler5", 5, 13.0, 12.0),
    ] {
        let data = table_at(&format!("oracles/nist-strd/data/{set}.csv")).unwrap();
        let expected = &certified[set];
        let mut x = Columns::new(data.numbers("y").len());
        if expected["intercept"].as_bool().unwrap() {
            x = x.intercept();
        }
        if powers == 0 {
            for j in 1..=6 {
                x = x.dense(format!("x{j}"), data.numbers(&format!("x{j}"))).unwrap();
            }
        }
        for power in 1..=powers {
            let column = data.numbers("x").iter().map(|x| x.powf(f64::from(power))).collect();
            x = x.dense(format!("x^{power}"), column).unwrap();
        }
        let fit = ols(&data.numbers("y"), x, &[], &OlsOptions::default()).unwrap();
        let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
        let betas: Vec<f64> = expected["beta"].as_array().unwrap().iter().map(number).collect();
        assert_eq!(fit.coefficients.len(), betas.len(), "{set}");
        let reached = fit.coefficients.iter().zip(&betas).map(|(b, c)| digits(*b, *c)).fold(15.0, f64::min);
        assert!(reached >= beta_digits, "{set}: {reached} digits of the coefficients");
        let errors = fit.covariance.matrix.diagonal();
        for (variance, certified) in errors.iter().zip(expected["se"].as_array().unwrap()) {
            let reached = digits(variance.sqrt(), number(certified));
            assert!(reached >= other_digits, "{set}: {reached} digits of the standard errors");
        }
        let sd = digits(fit.anova.residual_sd(), number(&expected["residual_sd"]));
        let r2 = digits(fit.r_squared, number(&expected["r2"]));
        assert!(sd >= other_digits && r2 >= other_digits, "{set}: {sd} and {r2} digits");
        if number(&expected["residual_sd"]) > 0.0 {
            let f = digits(fit.anova.f_statistic(), number(&expected["f_stat"]));
            assert!(f >= other_digits.min(12.0), "{set}: {f} digits of F");
        }
        assert_eq!(fit.anova.df_residual as u64, expected["df_residual"].as_u64().unwrap());
    }
}

// Digits of F and of the standard deviation by set. The sets with 7 and 13 constant leading digits are limited by
// their own rounding to doubles: 1e12 + 0.4 is stored to 1e-4.
#[test]
fn nist_analyses_of_variance_have_their_certified_digits() {
    for (set, expected_digits) in [
        ("SiRstv", 12.0),
        ("SmLs01", 13.0),
        ("SmLs02", 13.0),
        ("SmLs03", 13.0),
        ("AtmWtAg", 9.5),
        ("SmLs04", 9.5),
        ("SmLs05", 9.5),
        ("SmLs06", 9.5),
        ("SmLs07", 3.0),
        ("SmLs08", 3.0),
        ("SmLs09", 3.0),
    ] {
        let Some(path) = evenhand_testkit::oracle(&format!("oracles/nist-strd/anova/{set}.dat")) else {
            return;
        };
        let text = std::fs::read_to_string(path).unwrap();
        let numbers =
            |line: &str| -> Vec<f64> { line.split_whitespace().filter_map(|x| x.parse().ok()).collect() };
        let line = |start: &str| text.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
        let start = text.rfind("Data:").unwrap();
        let rows: Vec<Vec<f64>> =
            text[start..].lines().skip(1).map(numbers).filter(|row| row.len() == 2).collect();
        let group = Factor::new(&rows.iter().map(|row| row[0] as i64).collect::<Vec<_>>());
        let found = one_way_anova(&rows.iter().map(|row| row[1]).collect::<Vec<_>>(), &group).unwrap();
        let between = numbers(line("Between"));
        assert_eq!(found.df_explained, between[0] as usize, "{set}");
        let reached = digits(found.f_statistic(), between[3]);
        assert!(reached >= expected_digits, "{set}: {reached} digits of F");
        assert!(digits(found.explained, between[1]) >= expected_digits, "{set}");
        assert!(digits(found.residual, numbers(line("Within"))[1]) >= expected_digits, "{set}");
    }
}
