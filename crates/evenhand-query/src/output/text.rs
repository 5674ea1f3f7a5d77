//! An aligned table for terminals.

use super::{Texts, write_failed};
use crate::{Answer, Result};
use std::io::Write;

/// What stands for a missing value.
const MISSING: &str = "–";
/// Between two columns.
const GAP: usize = 2;
/// No column of text is cut below this width.
const NARROWEST: usize = 8;

/// Writes an answer as an aligned table, numbers to the right, a missing value as `–`. Within `width` columns
/// the widest texts are cut, with `…`; an answer too wide for that is written one value per line. The plans
/// that EXPLAIN gives are written as they are.
///
/// # Errors
/// [`ErrorKind::Output`](crate::ErrorKind::Output) when `out` refuses.
pub fn text(answer: &Answer, width: Option<usize>, out: &mut dyn Write) -> Result<()> {
    let schema = answer.schema();
    let names: Vec<String> = schema.fields().iter().map(|field| printable(field.name())).collect();
    let right: Vec<bool> = schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
    if names == ["plan_type", "plan"] {
        return out.write_all(plans(answer)?.as_bytes()).map_err(write_failed);
    }
    let rows = rows(answer)?;
    let longest =
        |at: usize| rows.iter().map(|row| length(&row[at])).max().unwrap_or(0).max(length(&names[at]));
    let widths: Vec<usize> = (0..names.len()).map(longest).collect();
    let page = match fit(&widths, &right, width) {
        Some(widths) => table(&names, &rows, &widths, &right),
        None => list(&names, &rows),
    };
    out.write_all(page.as_bytes()).map_err(write_failed)
}

fn rows(answer: &Answer) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::with_capacity(answer.rows());
    for batch in answer.batches() {
        let texts = Texts::of(batch)?;
        for row in 0..batch.num_rows() {
            let cell =
                |at| Ok(texts.get(row, at)?.map_or_else(|| MISSING.to_owned(), |text| printable(&text)));
            rows.push((0..batch.num_columns()).map(cell).collect::<Result<_>>()?);
        }
    }
    Ok(rows)
}

/// Plans have lines of their own.
fn plans(answer: &Answer) -> Result<String> {
    let mut page = String::new();
    for batch in answer.batches() {
        let texts = Texts::of(batch)?;
        for row in 0..batch.num_rows() {
            let (kind, plan) =
                (texts.get(row, 0)?.unwrap_or_default(), texts.get(row, 1)?.unwrap_or_default());
            page.push_str(&format!("{kind}\n"));
            for line in plan.lines() {
                page.push_str(&format!("  {}\n", printable(line)));
            }
        }
    }
    Ok(page)
}

/// Column widths within a page of `width`: the widest texts give way first, numbers never.
fn fit(widths: &[usize], right: &[bool], width: Option<usize>) -> Option<Vec<usize>> {
    let mut fitted = widths.to_vec();
    let Some(width) = width else { return Some(fitted) };
    let gaps = GAP * widths.len().saturating_sub(1);
    while fitted.iter().sum::<usize>() + gaps > width {
        let may_shrink = |at: &usize| !right[*at] && fitted[*at] > NARROWEST;
        let widest = (0..fitted.len()).filter(may_shrink).max_by_key(|at| fitted[*at])?;
        fitted[widest] -= 1;
    }
    Some(fitted)
}

fn table(names: &[String], rows: &[Vec<String>], widths: &[usize], right: &[bool]) -> String {
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    let mut page = String::new();
    for row in [names, &rule].into_iter().chain(rows.iter().map(Vec::as_slice)) {
        let cells = row.iter().zip(widths).zip(right);
        let line: Vec<String> = cells.map(|((cell, width), right)| padded(cell, *width, *right)).collect();
        page.push_str(line.join(&" ".repeat(GAP)).trim_end());
        page.push('\n');
    }
    page
}

fn list(names: &[String], rows: &[Vec<String>]) -> String {
    let width = names.iter().map(|name| length(name)).max().unwrap_or(0);
    let line = |(name, cell): (&String, &String)| format!("{}  {cell}\n", padded(name, width, false));
    let block = |row: &Vec<String>| names.iter().zip(row).map(line).collect::<String>();
    rows.iter().map(block).collect::<Vec<_>>().join("\n")
}

fn padded(cell: &str, width: usize, right: bool) -> String {
    let cut: String = if length(cell) > width {
        cell.chars().take(width.saturating_sub(1)).chain(['…']).collect()
    } else {
        cell.to_owned()
    };
    if right { format!("{cut:>width$}") } else { format!("{cut:<width$}") }
}

/// Without characters that would move the terminal's cursor or change its colours.
fn printable(text: &str) -> String {
    let escaped =
        |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() };
    text.chars().map(escaped).collect()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: Option<usize>) -> String {
        let names = ["area".to_owned(), "arrests".to_owned(), "landmark".to_owned()];
        let rows = [
            ["SNA", "1204", "AUSTIN, TEXAS, GENERAL AREA"].map(str::to_owned).to_vec(),
            ["–", "7", "TRAVIS COUNTY JAIL"].map(str::to_owned).to_vec(),
        ];
        match fit(&[4, 7, 27], &[false, true, false], width) {
            Some(widths) => table(&names, &rows, &widths, &[false, true, false]),
            None => list(&names, &rows),
        }
    }

    #[test]
    fn wide_texts_are_cut_to_the_page_and_numbers_are_not() {
        let whole = "\
area  arrests  landmark
────  ───────  ───────────────────────────
SNA      1204  AUSTIN, TEXAS, GENERAL AREA
–           7  TRAVIS COUNTY JAIL
";
        assert_eq!(page(None), whole);
        assert_eq!(page(Some(42)), whole);
        let cut = "\
area  arrests  landmark
────  ───────  ───────────────
SNA      1204  AUSTIN, TEXAS,…
–           7  TRAVIS COUNTY …
";
        assert_eq!(page(Some(30)), cut);
    }

    #[test]
    fn a_page_too_narrow_for_columns_lists_values() {
        let listed = "\
area      SNA
arrests   1204
landmark  AUSTIN, TEXAS, GENERAL AREA

area      –
arrests   7
landmark  TRAVIS COUNTY JAIL
";
        assert_eq!(page(Some(20)), listed);
    }

    #[test]
    fn a_text_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n\tc\u{9b}é"), "a\\u{1b}[2Jb\\n\\tc\\u{9b}é");
    }
}
