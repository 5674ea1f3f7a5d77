//! Two-way regressions, event studies and Sun and Abraham's estimator against R `fixest`.

use crate::regression::{entry, list};
use crate::{near, table};
use evenhand_estimate::regression::Vcov;
use evenhand_estimate::*;
use serde_json::Value;

fn mpdta() -> Option<Cells> {
    let data = table("mpdta")?;
    let state: Vec<i64> = data.numbers("countyreal").iter().map(|c| (c / 1000.0) as i64).collect();
    let cells = Cells::new(&data.text("countyreal"), &data.numbers("year"), &data.numbers("lemp")).unwrap();
    let cells = cells.with_cohort(&data.numbers("first_treat")).unwrap();
    assert_eq!(cells.arrange(&Factor::new(&state)).unwrap().n_levels(), 29);
    Some(cells)
}

fn base_stagg(with_x1: bool) -> Option<Cells> {
    let data = table("base_stagg")?;
    let cells = Cells::new(&data.text("id"), &data.numbers("year"), &data.numbers("y")).unwrap();
    let cells = cells.with_cohort(&data.numbers("g")).unwrap();
    Some(if with_x1 { cells.with_covariate("x1", &data.numbers("x1")).unwrap() } else { cells })
}

/// Terms in R's order: covariates first, where there are any. 1e-8 for points and standard errors, 1e-6 for p.
#[track_caller]
fn check(found: &Estimates, expected: &Value, n_covariates: usize) {
    let mut terms = found.terms.clone();
    terms.rotate_right(n_covariates);
    let (points, errors, p) = (list(&expected["estimate"]), list(&expected["se"]), list(&expected["p"]));
    assert_eq!(terms.len(), points.len());
    for (k, term) in terms.iter().enumerate() {
        near(term.estimate.estimate, points[k], 1e-8);
        near(term.estimate.std_error.unwrap(), errors[k], 1e-8);
        near(term.estimate.p_value.unwrap(), p[k], 1e-6);
    }
    assert_eq!(found.n_obs as u64, expected["n"].as_u64().unwrap());
}

#[test]
fn two_way_regressions_and_event_studies_equal_fixest() {
    let Some(cells) = mpdta() else { return };
    check(
        &twfe(&cells, &PanelRegression::default()).unwrap(),
        &entry("mpdta", "twfe_static|cl_unit").unwrap(),
        0,
    );
    let mut options = EventStudyOptions::default();
    let found = event_study(&cells, &options).unwrap();
    check(&found, &entry("mpdta", "twfe_event|ref-1|cl_unit").unwrap(), 0);
    let names: Vec<&str> = found.terms.iter().map(|term| term.term.as_str()).collect();
    assert_eq!(names[..4], ["event_time=-4", "event_time=-3", "event_time=-2", "event_time=0"]);
    options.regression.vcov = Some(Vcov::Hc1);
    check(&event_study(&cells, &options).unwrap(), &entry("mpdta", "twfe_event|ref-1|hetero").unwrap(), 0);

    let Some(cells) = base_stagg(true) else { return };
    let found = twfe(&cells, &PanelRegression::default()).unwrap();
    check(&found, &entry("base_stagg", "twfe_static|x1|cl_unit").unwrap(), 1);
    let found = event_study(&cells, &EventStudyOptions::default()).unwrap();
    check(&found, &entry("base_stagg", "twfe_event|x1|ref-1|cl_unit").unwrap(), 1);
}

#[test]
fn sun_and_abraham_equal_sunab_by_every_aggregation() {
    let Some(cells) = mpdta() else { return };
    let by = |by| SunAbrahamOptions { by, ..SunAbrahamOptions::default() };
    for (name, aggregation) in [
        ("event", SunAbrahamBy::EventTime),
        ("att", SunAbrahamBy::Att),
        ("cohort", SunAbrahamBy::Cohort),
        ("cells", SunAbrahamBy::Cell),
    ] {
        let found = sun_abraham(&cells, &by(aggregation)).unwrap();
        check(&found, &entry("mpdta", &format!("sunab|{name}|cl_unit")).unwrap(), 0);
    }
    let Some(with) = base_stagg(true) else { return };
    let Some(without) = base_stagg(false) else { return };
    for (name, aggregation) in
        [("event", SunAbrahamBy::EventTime), ("att", SunAbrahamBy::Att), ("cohort", SunAbrahamBy::Cohort)]
    {
        let found = sun_abraham(&with, &by(aggregation)).unwrap();
        check(&found, &entry("base_stagg", &format!("sunab|x1|{name}|cl_unit")).unwrap(), 1);
    }
    for (name, aggregation) in [("cells", SunAbrahamBy::Cell), ("event", SunAbrahamBy::EventTime)] {
        let found = sun_abraham(&without, &by(aggregation)).unwrap();
        check(&found, &entry("base_stagg", &format!("sunab|nox|{name}|cl_unit")).unwrap(), 0);
    }
}
