//! Agreement with published implementations on the data sets that the field teaches with. The data are not ours
//! to redistribute, so these tests read `../shared/oracles` and say so when it is absent. One module a method.

mod bacon;
mod callaway_santanna;
mod honest;
mod imputation;
mod synthetic;
mod two_stage;
mod wild_cluster_bootstrap;

use serde_json::Value;
use std::collections::BTreeMap;

/// Results of one reference entry.
fn reference(path: &str, id: &str, package: &str) -> Option<Value> {
    let text = std::fs::read_to_string(evenhand_testkit::shared(path)?).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let list = json.as_array().or_else(|| json["estimates"].as_array()).unwrap().clone();
    let found = list
        .into_iter()
        .find(|entry| entry["id"] == id && entry["package"].as_str().unwrap().contains(package));
    Some(found.unwrap()["results"].clone())
}

fn by_label(value: &Value) -> BTreeMap<String, f64> {
    value.as_object().unwrap().iter().map(|(label, x)| (label.clone(), x.as_f64().unwrap())).collect()
}

#[track_caller]
fn near(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found}, expected {expected}");
}
