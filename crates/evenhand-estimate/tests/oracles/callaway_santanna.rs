//! R `did` 2.5.1 with `DRDID` 1.2.3: every option set of `oracles/reference/callaway_santanna_*_spec.json`.

use evenhand_estimate::*;
use serde_json::Value;

fn json(path: &str) -> Option<Value> {
    Some(serde_json::from_str(&std::fs::read_to_string(evenhand_testkit::oracle(path)?).unwrap()).unwrap())
}

fn options(spec: &Value) -> CallawaySantannaOptions {
    CallawaySantannaOptions {
        method: match spec["est_method"].as_str().unwrap() {
            "reg" => DidMethod::OutcomeRegression,
            "ipw" => DidMethod::InverseProbability,
            _ => DidMethod::DoublyRobust,
        },
        control: if spec["control_group"] == "nevertreated" {
            ControlGroup::Never
        } else {
            ControlGroup::NotYet
        },
        base: if spec["base_period"] == "universal" { BasePeriod::Universal } else { BasePeriod::Varying },
        anticipation: spec["anticipation"].as_f64().unwrap(),
        draws: 0,
        ..CallawaySantannaOptions::default()
    }
}

/// Relative, against a floor for effects that are 0 but for rounding.
#[track_caller]
fn close(what: &str, found: f64, expected: f64, relative: f64) {
    let error = (found - expected).abs();
    assert!(error <= relative * expected.abs().max(1e-8), "{what}: {found}, expected {expected}");
}

/// Points to 1e-10 and standard errors to 1e-9, except that the logit of R stops at a deviance that has changed by
/// 1e-8: the same rule here ends at the same step, and leaves differences near 1e-10.
fn same_term(what: &str, term: &Term, att: &Value, se: &Value) {
    close(what, term.estimate.estimate, att.as_f64().unwrap(), 1e-9);
    match se.as_f64() {
        Some(se) => close(&format!("se of {what}"), term.estimate.std_error.unwrap(), se, 1e-9),
        None => assert_eq!(term.estimate.std_error, None, "se of {what}"),
    }
}

fn same_family(what: &str, found: &CallawaySantanna, kind: Aggregation, r: &Value) {
    let family = found.aggregates.iter().find(|family| family.kind == kind).unwrap();
    same_term(what, family.overall.as_ref().unwrap(), &r["overall_att"], &r["overall_se"]);
    let Some(labels) = r["egt"].as_array() else { return };
    assert_eq!(family.terms.len(), labels.len(), "{what}");
    for (j, label) in labels.iter().enumerate() {
        let term = &family.terms[j];
        let of = term.event_time.map(|e| e as f64).or(term.cohort).or(term.period).unwrap();
        close("label", of, label.as_f64().unwrap(), 1e-15);
        same_term(&format!("{what} {label}"), term, &r["att"][j], &r["se"][j]);
    }
}

fn agrees_with_r(set: &str, least: usize) {
    let Some(spec) = json(&format!("oracles/reference/callaway_santanna_{set}_spec.json")) else { return };
    let Some(results) = json(&format!("oracles/reference/callaway_santanna_{set}_R.json")) else { return };
    let Some(data) = crate::table(set) else { return };
    let column = |key: &str| data.numbers(spec[key].as_str().unwrap());
    let id: Vec<u64> = column("id").iter().map(|&id| id as u64).collect();
    let cells = Cells::new(&id, &column("t"), &column("y")).unwrap().with_cohort(&column("g")).unwrap();
    let specs = spec["specs"].as_array().unwrap();
    assert!(specs.len() >= least);
    for spec in specs {
        let name = spec["id"].as_str().unwrap();
        let r = &results.as_array().unwrap().iter().find(|entry| entry["id"] == name).unwrap()["results"];
        let cells = match spec["xformla"].as_str() {
            Some(formula) => {
                let covariate = formula.trim_start_matches('~');
                cells.clone().with_covariate(covariate, &data.numbers(covariate)).unwrap()
            }
            None => cells.clone(),
        };
        let options = options(spec);
        let found = callaway_santanna(&cells, &options).unwrap();
        assert_eq!(found.estimates.n_units as u64, r["n"].as_u64().unwrap(), "{name}");
        let gt = &r["att_gt"];
        assert_eq!(found.group_times.len(), gt["att"].as_array().unwrap().len(), "{name}");
        for (k, cell) in found.group_times.iter().enumerate() {
            close("cohort", cell.cohort, gt["group"][k].as_f64().unwrap(), 1e-15);
            close("period", cell.period, gt["time"][k].as_f64().unwrap(), 1e-15);
            same_term(&format!("{name} {}", cell.term.term), &cell.term, &gt["att"][k], &gt["se"][k]);
        }
        for (key, kind) in [
            ("simple", Aggregation::Simple),
            ("group", Aggregation::Group),
            ("calendar", Aggregation::Calendar),
            ("dynamic", Aggregation::Dynamic),
        ] {
            same_family(&format!("{name} {key}"), &found, kind, &r[key]);
        }
        match (r["wald_pre"]["W"].as_f64(), found.pre_test) {
            (Some(w), Some(test)) => {
                // The inverse of a covariance whose condition number reaches 1e10.
                close(&format!("{name} W"), test.statistic, w, 1e-5);
                assert!((test.p_value - r["wald_pre"]["p"].as_f64().unwrap()).abs() < 1e-5, "{name}");
            }
            (w, test) => assert_eq!(w.is_some(), test.is_some(), "{name}"),
        }
        let balanced = CallawaySantannaOptions { balance_event: spec["balance_e"].as_i64(), ..options };
        let found = callaway_santanna(&cells, &balanced).unwrap();
        same_family(&format!("{name} balanced"), &found, Aggregation::Dynamic, &r["dynamic_balanced"]);
    }
}

#[test]
fn every_option_set_equals_r_on_mpdta() {
    agrees_with_r("mpdta", 32);
}

#[test]
fn every_option_set_equals_r_on_base_stagg() {
    agrees_with_r("base_stagg", 8);
}
