//! The table behind a figure as CSV (RFC 4180), safe to open in a spreadsheet.

use crate::table::{self, Cell};
use evenhand_verdict::Figure;

/// The figure's table: a line of headings, then one line a row, each ended by CR LF. Numbers have every digit
/// that they need to be read back the same; a missing value is an empty cell, an open end is `inf` or `-inf`.
#[must_use]
pub fn figure(figure: &Figure) -> String {
    let table = table::of(figure);
    let headings: Vec<String> = table.columns.iter().map(|name| words(name)).collect();
    let rows = table.rows.iter().map(|row| row.iter().map(cell).collect());
    std::iter::once(headings).chain(rows).fold(String::new(), |mut out, cells: Vec<String>| {
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
        out
    })
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => words(text),
        Cell::Number(value) => value.to_string(),
        Cell::Missing => String::new(),
    }
}

/// A cell of words: quoted where it must be, and never the beginning of a formula.
fn words(text: &str) -> String {
    let starts_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{2212}', '\u{ff1d}']);
    let safe = if starts_formula { format!("'{text}") } else { text.to_owned() };
    if safe.contains([',', '"', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn words_cannot_become_formulas() {
        assert_eq!(words("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(words("+1"), "'+1");
        assert_eq!(words("@SUM"), "'@SUM");
        assert_eq!(words("-2"), "'-2");
        assert_eq!(words("plain"), "plain");
    }

    #[test]
    fn negative_numbers_stay_numbers_and_gaps_stay_empty() {
        assert_eq!(cell(&Cell::Number(-2.5)), "-2.5");
        assert_eq!(cell(&Cell::Number(f64::NEG_INFINITY)), "-inf");
        assert_eq!(cell(&Cell::Missing), "");
    }

    #[test]
    fn a_series_is_one_line_a_period() {
        let lines = [
            "period,Travis,its comparison",
            "2017-01-01,120,115",
            "2017-02-01,109,117",
            "2017-03-01,,",
            "2017-04-01,87,121",
            "2017-05-01,76,123",
            "2017-06-01,65,125",
            "",
        ];
        assert_eq!(figure(&fixture::series()), lines.join("\r\n"));
    }

    #[test]
    fn a_specification_curve_lists_every_specification() {
        let text = figure(&fixture::specifications());
        assert_eq!(text.lines().count(), 1 + fixture::multiverse().specifications.len());
    }
}
