//! Agreement with published implementations on the data sets that the field teaches with. Sets whose licence allows
//! it are in `oracles/`; tests of the others read `../shared/oracles` and say so when it is absent. One module a
//! method.

mod bacon;
mod callaway_santanna;
mod dechaisemartin_dhaultfoeuille;
mod event_study;
mod extended_twfe;
mod factor_models;
mod hac;
mod honest;
mod imputation;
mod interrupted_time_series;
mod poisson;
mod regression;
mod ridge_augmented;
mod stacked;
mod synthetic;
mod synthetic_control_predictors;
mod synthetic_did;
mod table;
mod two_stage;
mod wild_cluster_bootstrap;

use serde_json::Value;
use std::collections::BTreeMap;

/// Results of one reference entry.
fn reference(path: &str, id: &str, package: &str) -> Option<Value> {
    let text = std::fs::read_to_string(evenhand_testkit::oracle(path)?).unwrap();
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

/// A comma-separated file by columns; its values hold no commas.
struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// `oracles/<set>/data.csv`.
fn table(set: &str) -> Option<Table> {
    table_at(&format!("oracles/{set}/data.csv"))
}

fn table_at(path: &str) -> Option<Table> {
    let text = std::fs::read_to_string(evenhand_testkit::oracle(path)?).unwrap();
    let cells =
        |line: &str| line.split(',').map(|cell| cell.trim_matches('"').to_owned()).collect::<Vec<_>>();
    let mut lines = text.lines().map(cells);
    Some(Table { names: lines.next().unwrap(), rows: lines.collect() })
}

impl Table {
    fn text(&self, name: &str) -> Vec<&str> {
        let at = self.names.iter().position(|own| own == name).unwrap_or_else(|| panic!("no column {name}"));
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }

    /// Numbers, NaN where a cell is empty.
    fn numbers(&self, name: &str) -> Vec<f64> {
        self.text(name).iter().map(|cell| cell.parse().unwrap_or(f64::NAN)).collect()
    }
}
