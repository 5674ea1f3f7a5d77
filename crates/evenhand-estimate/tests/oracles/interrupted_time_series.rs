//! Interrupted time series against statsmodels on the UK seat-belt data.

use crate::near;
use crate::table::Table;
use evenhand_estimate::*;
use serde_json::Value;

fn drivers() -> Option<(Series, Vec<f64>)> {
    let table = Table::read("seatbelts", "year", "month")?;
    let outcome = table.column("drivers");
    let start = table.column("law").iter().position(|law| *law > 0.5).unwrap();
    Some((Series { outcome, start, columns: Vec::new() }, table.column("kms")))
}

// 1e-9: two factorizations of a well-conditioned design; the packages agree with one another to 1e-11.
#[test]
fn linear_segments_equal_statsmodels() {
    let Some((series, _)) = drivers() else { return };
    let series = Series { outcome: series.outcome.iter().map(|y| y.ln()).collect(), ..series };
    let path = evenhand_testkit::oracle("oracles/seatbelts/reference.json").unwrap();
    let json: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut checked = 0;
    for entry in json["estimates"].as_array().unwrap() {
        let id = entry["id"].as_str().unwrap();
        let options = InterruptedTimeSeriesOptions {
            model: SeriesModel::Linear,
            season: Season::Dummies { period: 12 },
            lags: Some(if id.contains("lag 12") { 12 } else { 4 }),
            small_sample: id.ends_with("True"),
            ..Default::default()
        };
        let found = segmented_regression(&series, &options).unwrap();
        let results = &entry["results"];
        for (k, term) in results["term"].as_array().unwrap().iter().enumerate() {
            let name = match term.as_str().unwrap() {
                "const" => "(Intercept)".to_owned(),
                "t" => "trend".to_owned(),
                "law" => "level_change".to_owned(),
                "tp" => "slope_change".to_owned(),
                month => month.replace("m_", "season="),
            };
            let found = found.estimates.get(&name).unwrap().estimate;
            near(found.estimate, results["estimate"][k].as_f64().unwrap(), 1e-9);
            near(found.std_error.unwrap(), results["se"][k].as_f64().unwrap(), 1e-9);
            checked += 1;
        }
    }
    assert_eq!(checked, 90);
}

// Expected values: iteratively reweighted least squares and the Bartlett sum written out in numpy 2.4 with lag 12 and no
// small-sample factor; 1e-9.
#[test]
fn the_log_linear_form_equals_the_formula_written_out() {
    let Some((series, kms)) = drivers() else { return };
    let control: Vec<f64> = kms.iter().map(|x| x.ln()).collect();
    let series = Series { columns: vec![("ln(control)".to_owned(), control)], ..series };
    let options = InterruptedTimeSeriesOptions { lags: Some(12), small_sample: false, ..Default::default() };
    let found = segmented_regression(&series, &options).unwrap();
    for (name, estimate, se) in [
        ("trend", -0.003_111_895_719_54, 4.693_366_317_009_92e-4),
        ("level_change", -0.234_672_435_063_37, 2.306_449_305_040_27e-2),
        ("slope_change", 0.006_320_198_524_39, 1.165_917_671_388_64e-3),
        ("cos(1/12)", 0.183_061_232_965_89, 2.705_170_468_115_61e-2),
        ("ln(control)", 0.743_776_688_193_91, 1.338_891_676_649_08e-1),
    ] {
        let found = found.estimates.get(name).unwrap().estimate;
        near(found.estimate, estimate, 1e-9);
        near(found.std_error.unwrap(), se, 1e-9);
    }
    near(found.dispersion, 12.395_519_068_897_14, 1e-9);
}
