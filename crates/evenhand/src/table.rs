/// A table for a terminal: words to the left, counts to the right.
pub struct Table {
    header: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns; a name that starts with `>` is a column of counts.
    pub fn new(columns: &[&str]) -> Table {
        Table {
            header: columns.iter().map(|name| name.trim_start_matches('>').to_owned()).collect(),
            right: columns.iter().map(|name| name.starts_with('>')).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with one cell a column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The table as text, without trailing blanks.
    pub fn print(&self) -> String {
        let widths = (0..self.header.len()).map(|column| self.width(column)).collect::<Vec<_>>();
        let rule = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
        let mut text = String::new();
        for cells in [&self.header, &rule].into_iter().chain(&self.rows) {
            text.push_str(self.line(cells, &widths).trim_end());
            text.push('\n');
        }
        text
    }

    /// The table in at most `width` columns: its first column gives way, and then the gaps.
    pub fn print_within(&self, width: usize) -> String {
        let widths = (0..self.header.len()).map(|column| self.width(column)).collect::<Vec<_>>();
        let used = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        let Some(over) = used.checked_sub(width).filter(|over| *over > 0) else { return self.print() };
        let room = widths.first().copied().unwrap_or(0).saturating_sub(over).max(12);
        let cut = |cells: &Vec<String>| {
            let first = cells.first().map(|cell| match cell.chars().count() > room {
                true => format!("{}~", cell.chars().take(room - 1).collect::<String>()),
                false => cell.clone(),
            });
            first.into_iter().chain(cells.iter().skip(1).cloned()).collect()
        };
        let rows = self.rows.iter().map(cut).collect();
        Table { header: self.header.clone(), right: self.right.clone(), rows }.print()
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.chain(self.header.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let padded = cells.iter().zip(widths).zip(&self.right).map(|((cell, &width), &right)| {
            if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        padded.collect::<Vec<_>>().join("  ")
    }
}

/// `1234567` as `1,234,567`.
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stand_to_the_right_with_separators() {
        let mut table = Table::new(&["table", ">rows"]);
        table.row(["arrests".to_owned(), thousands(412_155)]);
        table.row(["removals".to_owned(), thousands(9)]);
        assert_eq!(
            table.print(),
            "table        rows\n--------  -------\narrests   412,155\nremovals        9\n"
        );
    }

    #[test]
    fn separators_fall_every_three_digits() {
        let shown = [0, 12, 999, 1_000, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "12", "999", "1,000", "1,234,567"]);
    }
}
