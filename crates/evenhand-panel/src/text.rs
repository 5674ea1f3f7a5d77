use crate::{Error, ErrorKind, Panel, Result};

impl Panel {
    /// A panel written as a text table: a header with the period labels, then one line per unit. `.` is a
    /// missing outcome, `*` stands before the first treated one.
    ///
    /// ```
    /// use evenhand_panel::{Cohort, Panel};
    /// let panel = Panel::from_text(
    ///     "unit    2015 2016 2017
    ///      travis     3    4   *9
    ///      bexar      2    .    4",
    /// )?;
    /// assert_eq!(panel.units(), ["bexar", "travis"]);
    /// assert_eq!(panel.observed(0, 1), None);
    /// assert_eq!(panel.cohort(1), Cohort::At(2));
    /// # Ok::<(), evenhand_panel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for a cell that is not a number or a row of the wrong length, and those of
    /// [`Panel::from_series`].
    pub fn from_text(table: &str) -> Result<Self> {
        let mut lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
        let periods: Vec<String> =
            lines.next().unwrap_or_default().split_whitespace().skip(1).map(str::to_owned).collect();
        let mut series = Vec::new();
        let mut treated = Vec::new();
        for line in lines {
            let mut words = line.split_whitespace();
            let unit = words.next().unwrap_or_default().to_owned();
            let mut values = Vec::new();
            for word in words {
                let number = word.trim_start_matches('*');
                if number.len() < word.len()
                    && let Some(period) = periods.get(values.len())
                {
                    treated.push((unit.clone(), period.clone()));
                }
                values.push(value(&unit, number)?);
            }
            series.push((unit, values));
        }
        let panel = Self::from_series(&periods, &series)?;
        treated.iter().try_fold(panel, |panel, (unit, period)| panel.treat(unit, period))
    }
}

fn value(unit: &str, word: &str) -> Result<Option<f64>> {
    if word == "." {
        return Ok(None);
    }
    word.parse().map(Some).map_err(|_| {
        Error::new(ErrorKind::Shape, format!("unit `{unit}`: `{word}`, expected a number or `.`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ragged_or_wordy_table_is_refused() {
        let kind = |table| Panel::from_text(table).unwrap_err().kind();
        assert_eq!(kind("unit 1 2\na 1"), ErrorKind::Shape);
        assert_eq!(kind("unit 1\na many"), ErrorKind::Shape);
        assert_eq!(kind("unit 1\na 1\na 2"), ErrorKind::Duplicate);
        assert_eq!(kind(""), ErrorKind::Empty);
    }
}
