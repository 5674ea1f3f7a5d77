//! Newey–West against `statsmodels` 0.15 on one series (Seatbelts), and against `pyfixest` 0.60, which follows
//! `fixest`, on a panel (mpdta), with Driscoll–Kraay: `feols(fml, vcov="NW", vcov_kwargs={time_id, panel_id, lag})`.

use super::{near, reference};
use evenhand_estimate::regression::{Columns, CountEffects, OlsOptions, SmallSample, Vcov, ols};
use evenhand_estimate::*;

fn numbers(set: &str, names: &[&str]) -> Option<Vec<Vec<f64>>> {
    let text =
        std::fs::read_to_string(evenhand_testkit::oracle(&format!("oracles/{set}/data.csv"))?).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let column = |name: &&str| {
        let at = header.iter().position(|column| column == name).unwrap();
        rows.iter().map(|row| row[at].parse().unwrap()).collect()
    };
    Some(names.iter().map(column).collect())
}

// 1e-8: the reference inverts normal equations.
#[test]
fn one_series_agrees_with_statsmodels() {
    let Some(data) = numbers("seatbelts", &["drivers", "law", "month"]) else { return };
    let n = data[0].len();
    let y: Vec<f64> = data[0].iter().map(|y| y.ln()).collect();
    let first = data[1].iter().position(|law| *law > 0.5).unwrap();
    let month = Factor::new(&data[2].iter().map(|m| *m as u32).collect::<Vec<_>>());
    let labels: Vec<String> = (1..=12).map(|m| m.to_string()).collect();
    let time = Factor::new(&(0..n).collect::<Vec<_>>());
    for (lag, corrected) in [(12, false), (12, true), (4, false)] {
        let since = |t: usize| if t < first { 0.0 } else { (t - first) as f64 };
        let columns = Columns::new(n).intercept();
        let columns = columns.dense("t", (0..n).map(|t| t as f64).collect()).unwrap();
        let columns = columns.dense("law", data[1].clone()).unwrap();
        let columns = columns.dense("since", (0..n).map(since).collect()).unwrap();
        let columns = columns.indicators(&month, &labels, "m_", &[0]).unwrap();
        let vcov = Vcov::NeweyWest { time: time.clone(), unit: None, lag: Some(lag) };
        let options = OlsOptions { vcov, small_sample: SmallSample::none(), ..OlsOptions::default() };
        let fit = ols(&y, columns, &[], &options).unwrap();
        let word = if corrected { "True" } else { "False" };
        let id = format!("its|log drivers ~ t+law+t_since+month|NW lag {lag}|small-sample {word}");
        let Some(expected) = reference("oracles/seatbelts/reference.json", &id, "statsmodels") else {
            return;
        };
        // statsmodels multiplies by n / (n - k), and once only.
        let factor: f64 = if corrected { n as f64 / (n as f64 - 15.0) } else { 1.0 };
        for (j, term) in expected["term"].as_array().unwrap().iter().enumerate() {
            let number = |key: &str| expected[key][j].as_f64().unwrap();
            let name = term.as_str().unwrap();
            if matches!(name, "t" | "law" | "m_2" | "m_12") {
                let at = fit.names.iter().position(|n| n == name).unwrap();
                near(fit.coefficients[at], number("estimate"), 1e-8);
                near((factor * fit.covariance.matrix[(at, at)]).sqrt(), number("se"), 1e-8);
            }
        }
    }
}

// 1e-8 as above; pyfixest counts all absorbed effects in K where R `fixest` leaves out those nested in units or
// periods: both are checked, `fixest`'s is the default. The t distribution has one degree of freedom less than there are years.
#[test]
fn a_panel_agrees_with_pyfixest() {
    let Some(data) = numbers("mpdta", &["countyreal", "year", "lemp", "first_treat", "lpop"]) else { return };
    let treated: Vec<f64> = (0..data[0].len())
        .map(|i| f64::from(u8::from(data[3][i] > 0.0 && data[1][i] >= data[3][i])))
        .collect();
    let whole = |values: &[f64]| Factor::new(&values.iter().map(|x| *x as u32).collect::<Vec<_>>());
    let (county, year) = (whole(&data[0]), whole(&data[1]));
    let both = |lag| {
        [
            Vcov::NeweyWest { time: year.clone(), unit: Some(county.clone()), lag },
            Vcov::DriscollKraay { time: year.clone(), lag },
        ]
    };
    let expected = [
        (None, [0.013621103193156951, 0.006548050881093416], [0.0550419458794551, 0.005051805148604593]),
        (Some(1), [0.013621103193156951, 0.006548050881093416], [0.0550419458794551, 0.005051805148604593]),
        (
            Some(2),
            [0.013639268973742761, 0.006054684881881661],
            [0.055246700560980466, 0.0037972062392703787],
        ),
    ];
    for (lag, std_errors, p_values) in expected {
        for (j, vcov) in both(lag).into_iter().enumerate() {
            let columns = Columns::new(treated.len()).dense("D", treated.clone()).unwrap();
            let small_sample = SmallSample { effects: CountEffects::Full, ..SmallSample::fixest() };
            let options = OlsOptions { vcov: vcov.clone(), small_sample, ..OlsOptions::default() };
            let fit = ols(&data[2], columns.clone(), &[&county, &year], &options).unwrap();
            let term = fit.terms().remove(0).estimate;
            near(term.estimate, -0.0365489366740672, 1e-10);
            near(term.std_error.unwrap(), std_errors[j], 1e-8);
            near(term.p_value.unwrap(), p_values[j], 1e-8);
            // fixest leaves out effects nested in units or periods: K is 2 for Newey-West, 501 for Driscoll-Kraay.
            let options = OlsOptions { vcov, ..OlsOptions::default() };
            let fixest = ols(&data[2], columns, &[&county, &year], &options).unwrap();
            let counted = [2.0, 501.0][j];
            let factor = (2500.0f64 - 505.0) / (2500.0 - counted);
            near(fixest.terms().remove(0).estimate.std_error.unwrap(), std_errors[j] * factor.sqrt(), 1e-8);
        }
    }
}
