//! Gardner (2022) against Python `py2sdid` and `diff-diff`, which follow R `did2s`.

use crate::imputation::{base_stagg, base_stagg_with_x1, list, mpdta, weighted_mpdta};
use crate::{near, reference};
use evenhand_estimate::*;

/// 1e-8: all solve the first stage to rounding. The event study of py2sdid has every lead, -1 too.
#[test]
fn averages_and_event_studies_equal_two_packages() {
    for (set, cells) in [("mpdta", mpdta()), ("base_stagg", base_stagg())] {
        let path = format!("oracles/{set}/reference.json");
        let (Some(cells), Some(py)) = (cells, reference(&path, "gardner2s|py2sdid|cl_unit", "py2sdid"))
        else {
            return;
        };
        let Some(other) = reference(&path, "gardner2s|all|cl_unit", "diff-diff") else { return };
        let overall = two_stage(&cells, &TwoStageOptions::default()).unwrap().terms[0].estimate;
        near(overall.estimate, py["att_avg"].as_f64().unwrap(), 1e-8);
        near(overall.std_error.unwrap(), py["att_avg_se"].as_f64().unwrap(), 1e-8);
        near(overall.std_error.unwrap(), other["overall_se"].as_f64().unwrap(), 1e-8);
        let options =
            TwoStageOptions { terms: EffectTerms::EventTime, reference: vec![], ..Default::default() };
        let found = two_stage(&cells, &options).unwrap();
        let events = &py["event_study"];
        let (at, points, errors) =
            (list(&events["rel_time"]), list(&events["estimate"]), list(&events["se"]));
        assert_eq!(found.terms.len(), at.len());
        for (e, (point, error)) in at.iter().zip(points.into_iter().zip(errors)) {
            let term = found.at_event_time(*e as i64).unwrap().estimate;
            // Base_stagg has leads near 0 whose digits cancel: 1e-8 of the standard error there.
            assert!(
                (term.estimate - point).abs() < 1e-8 * point.abs().max(error),
                "{e}: {}, expected {point}",
                term.estimate
            );
            near(term.std_error.unwrap(), error, 1e-8);
        }
    }
}

/// Python py2sdid 0.1.8, `ts_did(.., wname)` and `ts_did(.., xformla=['x1'])`; 1e-7, its first stage is iterative.
#[test]
fn weights_and_covariates_equal_the_port_of_r() {
    for (cells, point, error) in [
        (weighted_mpdta(false), -0.040_410_248_942_617_7, 0.015_311_908_479_872_03),
        (weighted_mpdta(true), -0.047_699_917_387_707_85, 0.015_022_826_273_196_352),
        (base_stagg_with_x1(), -1.091_428_882_643_103_8, 0.476_381_819_304_535_77),
    ] {
        let Some(cells) = cells else { return };
        let found = two_stage(&cells, &TwoStageOptions::default()).unwrap().terms[0].estimate;
        near(found.estimate, point, 1e-7);
        near(found.std_error.unwrap(), error, 1e-7);
    }
}
