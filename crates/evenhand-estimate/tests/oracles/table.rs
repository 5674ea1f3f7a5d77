//! Reads the long data of an oracle set by column name.

use evenhand_estimate::Design;

/// `oracles/<set>/data.csv` by column name; what is not a number is NaN.
pub struct Table {
    pub unit: Vec<String>,
    pub period: Vec<f64>,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn read(set: &str, unit: &str, period: &str) -> Option<Self> {
        let path = evenhand_testkit::oracle(&format!("oracles/{set}/data.csv"))?;
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        let split =
            |line: &str| -> Vec<String> { line.split(',').map(|x| x.trim_matches('"').to_owned()).collect() };
        let header = split(lines.next().unwrap());
        let rows: Vec<Vec<String>> = lines.map(split).collect();
        let at = |name: &str| header.iter().position(|column| column == name).unwrap();
        let (unit, period) = (at(unit), at(period));
        Some(Self {
            unit: rows.iter().map(|row| row[unit].clone()).collect(),
            period: rows.iter().map(|row| row[period].parse().unwrap()).collect(),
            header,
            rows,
        })
    }

    pub fn column(&self, name: &str) -> Vec<f64> {
        let at = self.header.iter().position(|column| column == name).unwrap();
        self.rows.iter().map(|row| row[at].parse().unwrap_or(f64::NAN)).collect()
    }

    pub fn design(&self, outcome: &str, treated: &str, donors: &[String], first: f64) -> Design {
        let values = self.column(outcome);
        let series = |unit: &str| -> Vec<f64> {
            (0..values.len()).filter(|&row| self.unit[row] == unit).map(|row| values[row]).collect()
        };
        let periods: Vec<f64> =
            (0..values.len()).filter(|&row| self.unit[row] == treated).map(|row| self.period[row]).collect();
        let n_pre = periods.iter().filter(|t| **t < first).count();
        let pool: Vec<(String, Vec<f64>)> = donors.iter().map(|unit| (unit.clone(), series(unit))).collect();
        let labels: Vec<String> = periods.iter().map(ToString::to_string).collect();
        Design::from_series(&series(treated), &pool, &labels, n_pre).unwrap()
    }

    pub fn donors(&self, without: &[&str]) -> Vec<String> {
        let mut donors: Vec<String> =
            self.unit.iter().filter(|unit| !without.contains(&unit.as_str())).cloned().collect();
        donors.sort();
        donors.dedup();
        donors
    }
}

pub fn years(from: i32, to: i32, by: usize) -> Vec<f64> {
    (from..=to).step_by(by).map(f64::from).collect()
}
