//! The table behind a figure: what it draws, as columns and rows. CSV, page and JSON take it from here.

use crate::{number, svg};
use evenhand_verdict::{Chart, Figure, Multiverse, Series};

/// Columns and rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Headings.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number; an infinite one is an open end.
    Number(f64),
    /// Nothing is known.
    Missing,
}

impl Cell {
    /// As a person reads it.
    #[must_use]
    pub fn read(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(value) => number::short(*value),
            Self::Missing => "\u{2013}".to_owned(),
        }
    }
}

/// The whole table of a figure.
#[must_use]
pub fn of(figure: &Figure) -> Table {
    match &figure.chart {
        Chart::Series { periods, series, .. } => by_period(periods, series),
        Chart::Multiples { periods, panels, .. } => by_period(periods, panels),
        Chart::Shares { bars, unit, .. } => {
            let mut rows = Vec::new();
            for bar in bars {
                for (part, value) in &bar.parts {
                    rows.push(vec![
                        text(&bar.name),
                        text(part),
                        number(*value),
                        Cell::Missing,
                        Cell::Missing,
                    ]);
                }
                let total = bar.parts.iter().map(|(_, value)| value).sum();
                let (lo, hi) = ends(bar.interval);
                rows.push(vec![text(&bar.name), text("total"), number(total), lo, hi]);
            }
            table(&["bar", "part", unit, "lower end", "upper end"], rows)
        }
        Chart::Intervals { rows, unit, .. } => table(
            &["row", unit, "lower end", "upper end"],
            rows.iter()
                .map(|row| vec![text(&row.name), number(row.est), number(row.lo), number(row.hi)])
                .collect(),
        ),
        Chart::Specifications { multiverse, unit, .. } => specifications(multiverse, unit),
    }
}

/// The table for pages: a specification curve by option, periods in words, everything else whole.
#[must_use]
pub fn for_page(figure: &Figure) -> Table {
    match &figure.chart {
        Chart::Specifications { multiverse, .. } => by_option(multiverse),
        Chart::Series { periods, series, .. } => by_period(&named(periods), series),
        Chart::Multiples { periods, panels, .. } => by_period(&named(periods), panels),
        Chart::Shares { .. } | Chart::Intervals { .. } => of(figure),
    }
}

fn named(periods: &[String]) -> Vec<String> {
    let monthly = svg::is_monthly(periods);
    periods.iter().map(|period| svg::period_name(period, monthly)).collect()
}

fn by_period(periods: &[String], series: &[Series]) -> Table {
    let names = series.iter().map(|series| series.name.clone());
    let row = |(at, period): (usize, &String)| {
        let values = series.iter().map(|series| match series.values.get(at) {
            Some(Some(value)) => number(*value),
            _ => Cell::Missing,
        });
        std::iter::once(text(period)).chain(values).collect()
    };
    Table {
        columns: std::iter::once("period".to_owned()).chain(names).collect(),
        rows: periods.iter().enumerate().map(row).collect(),
    }
}

fn specifications(multiverse: &Multiverse, unit: &str) -> Table {
    let axes = multiverse.axes.iter().map(|(name, _)| name.clone());
    let results = [unit, "lower end", "upper end", "outcome", "weight", "fixed before the run"];
    let rows = multiverse
        .specifications
        .iter()
        .map(|spec| {
            let chosen = multiverse
                .axes
                .iter()
                .zip(&spec.options)
                .map(|((_, options), &at)| options.get(at).map_or(Cell::Missing, |option| text(option)));
            let fixed = if spec.primary { "yes" } else { "no" };
            chosen
                .chain([
                    number(spec.est),
                    number(spec.lo),
                    number(spec.hi),
                    text(outcome(spec.outcome)),
                    number(spec.weight),
                    text(fixed),
                ])
                .collect()
        })
        .collect();
    Table { columns: axes.chain(results.map(str::to_owned)).collect(), rows }
}

/// One row an option: how many specifications chose it, their range, and how they came out.
fn by_option(multiverse: &Multiverse) -> Table {
    let mut rows = Vec::new();
    for (axis, (name, options)) in multiverse.axes.iter().enumerate() {
        for (option, label) in options.iter().enumerate() {
            let chosen =
                || multiverse.specifications.iter().filter(|spec| spec.options.get(axis) == Some(&option));
            let mut estimates: Vec<f64> = chosen().map(|spec| spec.est).collect();
            estimates.sort_by(f64::total_cmp);
            let at = |share: f64| match estimates.len() {
                0 => Cell::Missing,
                n => number(estimates[((n - 1) as f64 * share).round() as usize]),
            };
            let count = |mark: char| number(chosen().filter(|spec| spec.outcome == mark).count() as f64);
            rows.push(vec![
                text(name),
                text(label),
                number(estimates.len() as f64),
                at(0.0),
                at(0.5),
                at(1.0),
                count('S'),
                count('C'),
                count('U'),
            ]);
        }
    }
    let columns =
        ["choice", "option", "run", "lowest", "middle", "highest", "support", "contradict", "undecided"];
    table(&columns, rows)
}

/// The word for an outcome letter.
pub(crate) fn outcome(letter: char) -> &'static str {
    match letter {
        'S' => "supports",
        'C' => "contradicts",
        _ => "undecided",
    }
}

fn table(columns: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    Table { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows }
}

fn ends(interval: Option<(f64, f64)>) -> (Cell, Cell) {
    interval.map_or((Cell::Missing, Cell::Missing), |(lo, hi)| (number(lo), number(hi)))
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn number(value: f64) -> Cell {
    if value.is_nan() { Cell::Missing } else { Cell::Number(value) }
}
