//! Estimates for people (a table, a figure) and for programs (JSON, CSV).

use super::flags::Estimate as Args;
use super::input::Input;
use super::methods::{Detail, Found, METHODS, Method, Trait};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::table::{Table, thousands};
use evenhand_estimate::special::{normal_quantile, t_quantile};
use evenhand_estimate::{Caveat, Term};
use evenhand_render::svg::{self, EstimatePoint, EstimatesFigure};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;

/// A finished run.
pub struct Answer<'a> {
    /// What was run.
    pub method: &'static Method,
    /// The flags.
    pub args: &'a Args,
    /// The rows.
    pub input: &'a Input<'a>,
    /// What was found.
    pub found: &'a Found,
}

/// The columns of a term, as `broom` names them.
const COLUMNS: [&str; 12] = [
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
    "event_time",
    "cohort",
    "period",
    "band_low",
    "band_high",
];

impl Answer<'_> {
    /// What goes to stdout.
    pub fn text(&self) -> Result<String, Failure> {
        if self.args.json {
            let document = self.json()?;
            let indent = std::io::stdout().is_terminal();
            return Ok(if indent { format!("{document:#}\n") } else { format!("{document}\n") });
        }
        if self.args.csv { self.csv() } else { self.table() }
    }

    fn level(&self) -> f64 {
        self.args.level.or(self.args.alpha.map(|alpha| 1.0 - alpha)).unwrap_or(0.95)
    }

    fn interval(&self, term: &Term) -> Result<(f64, f64), Failure> {
        let level = self.level();
        if (level - 0.95).abs() < 1e-12 || self.method.is(Trait::OwnLevel) {
            return Ok((term.estimate.conf_low, term.estimate.conf_high));
        }
        if (level - 0.90).abs() < 1e-12 {
            return Ok((term.estimate.conf_low_90, term.estimate.conf_high_90));
        }
        at_level(&term.estimate, level).ok_or_else(|| {
            let message = format!("`{}`: no interval at a level of {level}", term.term);
            Failure::new(Exit::Usage, message)
                .hint("intervals without a standard error are made at 0.95 and 0.90")
        })
    }

    /// `estimate/1`.
    fn json(&self) -> Result<Value, Failure> {
        let found = &self.found.estimates;
        let terms = found.terms.iter().map(|term| self.term(term)).collect::<Result<Vec<_>, _>>()?;
        let mut document = json!({
            "schema": "estimate/1",
            "method": self.method.name,
            "estimates": terms,
            "n_obs": found.n_obs,
            "n_units": found.n_units,
            "n_periods": found.n_periods,
            "n_clusters": found.n_clusters,
            "seed": found.seed,
            "options": found.options.iter().map(|(name, value)| ((*name).to_owned(), word(value))).collect::<Map<_, _>>(),
            "caveats": found.caveats.iter().map(caveat).collect::<Vec<_>>(),
            "level": self.level(),
        });
        let details = self.found.details.iter().filter(|detail| !detail.rows.is_empty());
        for detail in details {
            document["details"][detail.name] = detail.rows.iter().map(|row| keyed(detail, row)).collect();
        }
        if let Some(periods) = &self.input.periods {
            document["periods"] = json!(periods);
        }
        Ok(document)
    }

    fn term(&self, term: &Term) -> Result<Value, Failure> {
        let (low, high) = self.interval(term)?;
        let estimate = &term.estimate;
        let band = |end: fn(&evenhand_estimate::Interval) -> f64| term.band.as_ref().map(end);
        let mut row = Map::new();
        let numbers = [
            Some(estimate.estimate),
            estimate.std_error,
            estimate.statistic,
            estimate.p_value,
            Some(low),
            Some(high),
            None,
            term.cohort,
            term.period,
            band(|band| band.low),
            band(|band| band.high),
        ];
        row.insert(COLUMNS[0].to_owned(), json!(term.term));
        for (name, number) in COLUMNS[1..].iter().zip(numbers) {
            row.insert((*name).to_owned(), number.map_or(Value::Null, number_as_json));
        }
        row.insert("event_time".to_owned(), json!(term.event_time));
        Ok(Value::Object(row))
    }

    /// The same rows as in JSON; what is absent is left empty.
    fn csv(&self) -> Result<String, Failure> {
        let mut text = format!("{}\n", COLUMNS.join(","));
        for term in &self.found.estimates.terms {
            let row = self.term(term)?;
            let cells = COLUMNS.iter().map(|column| match &row[*column] {
                Value::Null => String::new(),
                Value::String(text) => quoted(text),
                number => number.to_string(),
            });
            // A String takes every write.
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join(","));
        }
        Ok(text)
    }

    fn table(&self) -> Result<String, Failure> {
        let width = self.args.width.map(usize::from).or_else(out::columns).unwrap_or(80);
        let found = &self.found.estimates;
        let interval = format!("{} % interval", shown_percent(self.level()));
        let mut table =
            Table::new(&["term", ">estimate", ">std. error", ">stat.", ">p", &format!(">{interval}")]);
        let mut absent = [true; 3];
        let mut rows = Vec::new();
        for term in &found.terms {
            let (low, high) = self.interval(term)?;
            let estimate = &term.estimate;
            let cells = [estimate.std_error, estimate.statistic, estimate.p_value];
            absent.iter_mut().zip(cells).for_each(|(absent, cell)| *absent &= cell.is_none());
            let number = |number: Option<f64>| number.map_or_else(String::new, shown);
            let ends = match low.is_infinite() && high.is_infinite() {
                true => String::new(),
                false => format!("{} to {}", shown(low), shown(high)),
            };
            let p = estimate.p_value.map_or_else(String::new, p_shown);
            let statistic = estimate.statistic.map_or_else(String::new, |z| format!("{z:.2}"));
            rows.push([
                term.term.clone(),
                shown(estimate.estimate),
                number(estimate.std_error),
                statistic,
                p,
                ends,
            ]);
        }
        rows.into_iter().for_each(|row| table.row(row));
        let mut text = folded(&format!("{}: {}", self.method.name, self.method.estimand), width);
        let _ = writeln!(text, "{}\n", self.counts());
        text.push_str(&table.print_within(width));
        for detail in self.found.details.iter().filter(|detail| !detail.rows.is_empty()) {
            text.push_str(&format!("\n{}\n", print_detail(detail).trim_end()));
        }
        for line in self.remarks() {
            text.push('\n');
            text.push_str(&folded(&line, width));
        }
        Ok(text)
    }

    fn counts(&self) -> String {
        let found = &self.found.estimates;
        let mut parts = vec![
            counted(found.n_obs, "row"),
            counted(found.n_units, "unit"),
            counted(found.n_periods, "period"),
        ];
        parts.extend(found.n_clusters.map(|n| counted(n, "cluster")));
        parts.extend(found.seed.map(|seed| format!("seed {seed}")));
        parts.join(", ")
    }

    fn remarks(&self) -> Vec<String> {
        let found = &self.found.estimates;
        let mut lines = Vec::new();
        if !found.options.is_empty() {
            let options = found.options.iter().map(|(name, value)| format!("{name} {value}"));
            lines.push(format!("choices: {}", options.collect::<Vec<_>>().join(", ")));
        }
        lines.extend(found.caveats.iter().map(|caveat| format!("note: {caveat}")));
        lines
    }

    /// The terms as a picture.
    pub fn svg(&self) -> Result<String, Failure> {
        let (args, found) = (self.args, &self.found.estimates);
        let study = found.terms.iter().any(|term| term.event_time.is_some());
        let shown = found.terms.iter().filter(|term| !study || term.event_time.is_some());
        let points = shown.map(|term| {
            let (low, high) = self.interval(term)?;
            let bounded = low.is_finite() || high.is_finite();
            Ok(EstimatePoint {
                name: term.term.clone(),
                event_time: term.event_time,
                estimate: term.estimate.estimate,
                interval: bounded.then_some((low, high)),
                band: term.band.map(|band| (band.low, band.high)),
            })
        });
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = args.data.as_deref().map(name).unwrap_or_default();
        let outcome = args.outcome.clone().unwrap_or_default();
        let what = if study { "effect on" } else { "estimates for" };
        Ok(svg::estimates(&EstimatesFigure {
            title: format!("{}: {what} {outcome}", self.method.name),
            unit: outcome,
            source: format!("{file}: {}", self.counts()),
            interval: format!("{} % interval", shown_percent(self.level())),
            points: points.collect::<Result<Vec<_>, Failure>>()?,
        }))
    }
}

/// A row of a table as an object.
fn keyed(detail: &Detail, row: &[Value]) -> Value {
    detail
        .columns
        .iter()
        .zip(row)
        .map(|(name, cell)| ((*name).to_owned(), cell.clone()))
        .collect::<Map<_, _>>()
        .into()
}

/// Most rows that a person is shown; JSON has all.
const MOST_ROWS: usize = 15;

/// A table for people: rows whose weight is not nothing, the weightiest first where there are too many.
fn print_detail(detail: &Detail) -> String {
    let weight = detail.columns.iter().position(|name| *name == "weight");
    let of = |row: &Vec<Value>| weight.and_then(|at| row[at].as_f64()).map_or(f64::INFINITY, f64::abs);
    let mut rows: Vec<&Vec<Value>> = detail.rows.iter().filter(|row| of(row) >= 0.0005).collect();
    if rows.len() > MOST_ROWS {
        rows.sort_by(|a, b| of(b).total_cmp(&of(a)));
    }
    let heading = |(at, name): (usize, &&str)| {
        let numeric = detail.rows.iter().all(|row| row[at].is_number() || row[at].is_null());
        format!("{}{}", if numeric { ">" } else { "" }, name.replace('_', " "))
    };
    let columns: Vec<String> = detail.columns.iter().enumerate().map(heading).collect();
    let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows.iter().take(MOST_ROWS) {
        table.row(row.iter().map(|cell| match cell {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            number => number.as_f64().map_or_else(|| number.to_string(), shown),
        }));
    }
    let rest = rows.len().saturating_sub(MOST_ROWS);
    let more = if rest > 0 { format!("and {rest} more; `--json` has all\n") } else { String::new() };
    format!("{}:\n{}{more}", detail.name.replace('_', " "), table.print())
}

fn shown_percent(level: f64) -> String {
    shown((level * 1e8).round() / 1e6)
}

/// `evenhand estimate --list`.
pub fn list(args: &Args) -> String {
    if args.json {
        let methods = METHODS.iter().map(|method| {
            json!({
                "name": method.name,
                "estimand": method.estimand,
                "r": method.in_r,
                "needs": method.needs,
                "flags": method.flags,
            })
        });
        return format!("{}\n", json!({"schema": "methods/1", "methods": methods.collect::<Vec<_>>()}));
    }
    let width = args.width.map(usize::from).or_else(out::columns).unwrap_or(80);
    let mut text = String::new();
    for method in METHODS {
        let _ = writeln!(text, "{}", method.name);
        for line in [method.estimand.to_owned(), format!("R: {}", method.in_r)] {
            text.push_str(&folded(&format!("    {line}"), width));
        }
    }
    text
}

fn counted(n: usize, what: &str) -> String {
    format!("{} {what}{}", thousands(n as u64), if n == 1 { "" } else { "s" })
}

/// The interval at any level, with the distribution that the one at 95 % was made with.
fn at_level(estimate: &evenhand_estimate::Estimate, level: f64) -> Option<(f64, f64)> {
    let error = estimate.std_error?;
    let half = estimate.conf_high - estimate.estimate;
    let symmetric = (half - (estimate.estimate - estimate.conf_low)).abs() <= 1e-9 * half.abs();
    if !symmetric || !half.is_finite() {
        return None;
    }
    if error <= 0.0 {
        return Some((estimate.estimate, estimate.estimate));
    }
    let upper = f64::midpoint(1.0, level);
    let quantile = match degrees_of_freedom(half / error) {
        None => normal_quantile(upper),
        Some(df) => t_quantile(upper, df),
    };
    Some((estimate.estimate - quantile * error, estimate.estimate + quantile * error))
}

/// The degrees of freedom whose 97.5 % quantile that is; `None` for the normal distribution.
fn degrees_of_freedom(quantile: f64) -> Option<f64> {
    let (mut low, mut high) = (0.5f64, 1e7f64);
    if quantile <= t_quantile(0.975, high) {
        return None;
    }
    for _ in 0..200 {
        let middle = (low * high).sqrt();
        if t_quantile(0.975, middle) > quantile { low = middle } else { high = middle }
    }
    let df = (low * high).sqrt();
    // Nearly all are whole numbers, which rounding makes exact again.
    Some(if (df - df.round()).abs() < 1e-3 * df.max(1.0) && df < 1e5 { df.round() } else { df })
}

/// A choice as the JSON value that it is.
fn word(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(whole), _) => json!(whole),
            (_, Ok(number)) if number.is_finite() => json!(number),
            _ => json!(text),
        },
    }
}

fn caveat(caveat: &Caveat) -> Value {
    json!({"code": caveat.code(), "text": caveat.to_string()})
}

/// The shortest digits that give back the same double (17 at most); an end without bound has none.
fn number_as_json(number: f64) -> Value {
    if number.is_finite() { json!(number) } else { Value::Null }
}

/// Five significant digits.
fn shown(number: f64) -> String {
    if !number.is_finite() {
        return if number > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    let size = number.abs();
    if size > 0.0 && !(1e-4..1e7).contains(&size) {
        return format!("{number:.3e}");
    }
    let digits = if size > 0.0 { 4 - size.log10().floor() as i32 } else { 4 };
    let text = format!("{number:.*}", usize::try_from(digits.clamp(0, 8)).unwrap_or(0));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn p_shown(p: f64) -> String {
    if p < 0.0005 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Lines of at most `width`, the later ones as far in as the first and two more.
fn folded(text: &str, width: usize) -> String {
    let indent = text.len() - text.trim_start().len();
    let mut folded = " ".repeat(indent);
    let mut used = indent;
    for (at, word) in text.split_whitespace().enumerate() {
        let long = word.chars().count();
        if at > 0 && used + 1 + long > width {
            folded.push_str(&format!("\n{}", " ".repeat(indent + 2)));
            used = indent + 2;
        } else if at > 0 {
            folded.push(' ');
            used += 1;
        }
        folded.push_str(word);
        used += long;
    }
    folded.push('\n');
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_five_digits() {
        let shown = [0.0, -0.039_951_27, 2_500.0, 123_456.78, 1.5e-7, 3.0, -19.513_629_8].map(super::shown);
        assert_eq!(shown, ["0", "-0.039951", "2500", "123457", "1.500e-7", "3", "-19.514"]);
    }

    #[test]
    fn other_levels_keep_the_distribution() {
        for df in [None, Some(4.0), Some(37.0), Some(1_500.0)] {
            let estimate = evenhand_estimate::Estimate::from_std_error(2.0, 0.5, df);
            let (low, high) = at_level(&estimate, 0.90).unwrap();
            assert!(
                (low - estimate.conf_low_90).abs() < 1e-9 && (high - estimate.conf_high_90).abs() < 1e-9,
                "{df:?}"
            );
        }
    }

    #[test]
    fn long_remarks_are_folded() {
        assert_eq!(folded("  one two three", 9), "  one two\n    three\n");
    }

    #[test]
    fn choices_keep_their_kind_in_json() {
        assert_eq!(
            [word("0"), word("0.5"), word("never"), word("true")],
            [json!(0), json!(0.5), json!("never"), json!(true)]
        );
    }
}
