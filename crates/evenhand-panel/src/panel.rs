use crate::{Cell, Cohort, Error, ErrorKind, Fill, Result};
use std::collections::{BTreeMap, BTreeSet};

/// `n` units by `t` periods, checked once.
///
/// Units are sorted by label. Matrices are row-major with one row per unit. A missing outcome is marked in a
/// mask and reads as `None`; the number stored beneath is 0, never NaN.
///
/// ```
/// use evenhand_panel::{Cell, Cohort, Fill, Panel};
/// let cells = [
///     Cell::new("b", "2016", 4.0), Cell::new("a", "2016", 2.0),
///     Cell::new("b", "2015", 3.0), Cell::new("a", "2015", 1.0),
/// ];
/// let panel = Panel::from_cells(cells, Fill::Refuse)?.treat("b", "2016")?;
/// assert_eq!(panel.units(), ["a", "b"]);
/// assert_eq!(panel.row(1), [3.0, 4.0]);
/// assert_eq!(panel.cohort(1), Cohort::At(1));
/// # Ok::<(), evenhand_panel::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    units: Vec<String>,
    periods: Vec<String>,
    outcome: Vec<f64>,
    observed: Vec<bool>,
    weight: Option<Vec<f64>>,
    cohort: Vec<Cohort>,
    cluster: Vec<usize>,
    clusters: Vec<String>,
}

impl Panel {
    /// A panel from cells in any order. Periods are ordered as numbers if every label is a number, otherwise
    /// as text (ISO dates and months sort rightly). Every unit starts untreated and is its own cluster.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`], [`ErrorKind::Duplicate`], [`ErrorKind::NonFinite`], or
    /// [`ErrorKind::Unbalanced`] when a cell is absent and `fill` refuses it.
    pub fn from_cells(cells: impl IntoIterator<Item = Cell>, fill: Fill) -> Result<Self> {
        let cells: Vec<Cell> = cells.into_iter().collect();
        let units: Vec<String> =
            cells.iter().map(|cell| cell.unit.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let periods = ordered_periods(cells.iter().map(|cell| cell.period.as_str()))?;
        let unit_at = index(&units);
        let period_at = index(&periods);
        let mut outcome = vec![None; units.len() * periods.len()];
        let mut weight = vec![1.0; outcome.len()];
        let mut seen = vec![false; outcome.len()];
        for cell in &cells {
            let at = unit_at[cell.unit.as_str()] * periods.len() + period_at[cell.period.as_str()];
            if std::mem::replace(&mut seen[at], true) {
                let message =
                    format!("unit `{}`, period `{}`: two cells, expected one", cell.unit, cell.period);
                return Err(Error::new(ErrorKind::Duplicate, message));
            }
            outcome[at] = cell.outcome;
            weight[at] = cell.weight;
        }
        for at in (0..seen.len()).filter(|&at| !seen[at]) {
            match fill {
                Fill::Refuse => {
                    return Err(unbalanced(&units[at / periods.len()], &periods[at % periods.len()]));
                }
                Fill::Missing => {}
                Fill::Zero => outcome[at] = Some(0.0),
            }
        }
        Self::build(units, periods, &outcome, Some(weight))
    }

    /// A panel from one series per unit over `periods`, which are taken in the order given.
    ///
    /// ```
    /// use evenhand_panel::Panel;
    /// let periods = ["2017-01".to_owned(), "2017-02".to_owned()];
    /// let series = [("a".to_owned(), vec![Some(1.0), None])];
    /// let panel = Panel::from_series(&periods, &series)?;
    /// assert_eq!(panel.observed(0, 1), None);
    /// # Ok::<(), evenhand_panel::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Empty`], [`ErrorKind::Duplicate`], [`ErrorKind::NonFinite`], or [`ErrorKind::Shape`] when
    /// a series is not as long as `periods`.
    pub fn from_series(periods: &[String], series: &[(String, Vec<Option<f64>>)]) -> Result<Self> {
        let mut sorted: Vec<&(String, Vec<Option<f64>>)> = series.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        refuse_repeated(sorted.iter().map(|(unit, _)| unit.as_str()), "unit")?;
        let mut in_order: Vec<&str> = periods.iter().map(String::as_str).collect();
        in_order.sort_unstable();
        refuse_repeated(in_order.into_iter(), "period")?;
        for (unit, values) in &sorted {
            if values.len() != periods.len() {
                let message = format!(
                    "unit `{unit}`: {} values, expected one for each of {} periods",
                    values.len(),
                    periods.len()
                );
                return Err(Error::new(ErrorKind::Shape, message));
            }
        }
        let units = sorted.iter().map(|(unit, _)| unit.clone()).collect();
        let outcome: Vec<Option<f64>> =
            sorted.iter().flat_map(|(_, values)| values.iter().copied()).collect();
        Self::build(units, periods.to_vec(), &outcome, None)
    }

    fn build(
        units: Vec<String>,
        periods: Vec<String>,
        outcome: &[Option<f64>],
        weight: Option<Vec<f64>>,
    ) -> Result<Self> {
        if units.is_empty() || periods.is_empty() {
            let message =
                format!("{} units and {} periods, expected at least one of each", units.len(), periods.len());
            return Err(Error::new(ErrorKind::Empty, message));
        }
        let place = |at: usize| {
            format!("unit `{}`, period `{}`", units[at / periods.len()], periods[at % periods.len()])
        };
        for (at, value) in outcome.iter().enumerate() {
            if let Some(value) = value.filter(|value| !value.is_finite()) {
                let message = format!("{}: outcome {value}, expected a finite number", place(at));
                return Err(Error::new(ErrorKind::NonFinite, message));
            }
        }
        for (at, value) in weight.iter().flatten().enumerate() {
            if !value.is_finite() || *value < 0.0 {
                let message = format!("{}: weight {value}, expected a finite number of 0 or more", place(at));
                return Err(Error::new(ErrorKind::NonFinite, message));
            }
        }
        let n = units.len();
        Ok(Self {
            clusters: units.clone(),
            cluster: (0..n).collect(),
            cohort: vec![Cohort::Never; n],
            observed: outcome.iter().map(Option::is_some).collect(),
            outcome: outcome.iter().map(|value| value.unwrap_or(0.0)).collect(),
            weight: weight.filter(|weight| weight.iter().any(|w| (w - 1.0).abs() > 0.0)),
            units,
            periods,
        })
    }

    /// The same panel with `unit` treated from `first_period` on.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`] when the panel holds no such unit or period.
    pub fn treat(mut self, unit: &str, first_period: &str) -> Result<Self> {
        let i = self.unit_index(unit)?;
        self.cohort[i] = Cohort::At(self.period_index(first_period)?);
        Ok(self)
    }

    /// The same panel with units grouped into clusters by `cluster_of[unit]`.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`] when a unit has no cluster.
    pub fn with_clusters(mut self, cluster_of: &BTreeMap<String, String>) -> Result<Self> {
        let labels = self
            .units
            .iter()
            .map(|unit| {
                cluster_of.get(unit).map(String::as_str).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Unknown,
                        format!("unit `{unit}`: no cluster, expected one for every unit"),
                    )
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let clusters: Vec<String> =
            labels.iter().collect::<BTreeSet<_>>().into_iter().map(|&label| label.to_owned()).collect();
        let at = index(&clusters);
        self.cluster = labels.iter().map(|&label| at[label]).collect();
        self.clusters = clusters;
        Ok(self)
    }

    /// The units for which `keep` holds.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`] when none is left.
    pub fn select_units(&self, keep: impl Fn(&str) -> bool) -> Result<Self> {
        let units: Vec<usize> = (0..self.units.len()).filter(|&i| keep(&self.units[i])).collect();
        let periods: Vec<usize> = (0..self.periods.len()).collect();
        self.take(&units, &periods)
    }

    /// The periods for which `keep(index, label)` holds. A unit first treated in a dropped period is treated
    /// from the next kept period on, and never if there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Empty`] when none is left.
    pub fn select_periods(&self, keep: impl Fn(usize, &str) -> bool) -> Result<Self> {
        let units: Vec<usize> = (0..self.units.len()).collect();
        let periods: Vec<usize> = (0..self.periods.len()).filter(|&t| keep(t, &self.periods[t])).collect();
        self.take(&units, &periods)
    }

    fn take(&self, units: &[usize], periods: &[usize]) -> Result<Self> {
        let cells = || units.iter().flat_map(|&i| periods.iter().map(move |&t| (i, t)));
        let outcome: Vec<Option<f64>> = cells().map(|(i, t)| self.observed(i, t)).collect();
        let weight = self.weight.as_ref().map(|_| cells().map(|(i, t)| self.weight(i, t)).collect());
        let mut taken = Self::build(
            units.iter().map(|&i| self.units[i].clone()).collect(),
            periods.iter().map(|&t| self.periods[t].clone()).collect(),
            &outcome,
            weight,
        )?;
        for (new, &old) in units.iter().enumerate() {
            if let Cohort::At(g) = self.cohort[old]
                && let Some(first) = periods.iter().position(|&t| t >= g)
            {
                taken.cohort[new] = Cohort::At(first);
            }
        }
        let cluster_of =
            units.iter().map(|&i| (self.units[i].clone(), self.clusters[self.cluster[i]].clone())).collect();
        taken.with_clusters(&cluster_of)
    }

    /// Labels of the units, sorted, `n` of them.
    #[must_use]
    pub fn units(&self) -> &[String] {
        &self.units
    }

    /// Labels of the periods in time order, `t` of them.
    #[must_use]
    pub fn periods(&self) -> &[String] {
        &self.periods
    }

    /// Outcomes, shape (n, t), row-major; 0 where [`Panel::mask`] is false.
    #[must_use]
    pub fn outcome(&self) -> &[f64] {
        &self.outcome
    }

    /// Which outcomes were observed, shape (n, t), row-major.
    #[must_use]
    pub fn mask(&self) -> &[bool] {
        &self.observed
    }

    /// Outcomes of unit `i`, shape (t,); 0 where unobserved.
    #[must_use]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.outcome[i * self.periods.len()..(i + 1) * self.periods.len()]
    }

    /// Outcome of unit `i` in period `t`, `None` where unobserved.
    #[must_use]
    pub fn observed(&self, i: usize, t: usize) -> Option<f64> {
        let at = i * self.periods.len() + t;
        self.observed[at].then(|| self.outcome[at])
    }

    /// Weight of unit `i` in period `t`; 1 when the panel has none.
    #[must_use]
    pub fn weight(&self, i: usize, t: usize) -> f64 {
        self.weight.as_ref().map_or(1.0, |weight| weight[i * self.periods.len() + t])
    }

    /// Whether any weight differs from 1.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        self.weight.is_some()
    }

    /// Cohort of unit `i`.
    #[must_use]
    pub fn cohort(&self, i: usize) -> Cohort {
        self.cohort[i]
    }

    /// Cluster of unit `i`, an index into [`Panel::clusters`].
    #[must_use]
    pub fn cluster(&self, i: usize) -> usize {
        self.cluster[i]
    }

    /// Labels of the clusters, sorted.
    #[must_use]
    pub fn clusters(&self) -> &[String] {
        &self.clusters
    }

    /// Whether every outcome was observed.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.observed.iter().all(|&observed| observed)
    }

    /// The first unit and period without an outcome, by label.
    #[must_use]
    pub fn first_missing(&self) -> Option<(&str, &str)> {
        let at = self.observed.iter().position(|&observed| !observed)?;
        Some((&self.units[at / self.periods.len()], &self.periods[at % self.periods.len()]))
    }

    /// Index of a unit.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`].
    pub fn unit_index(&self, unit: &str) -> Result<usize> {
        self.units.binary_search_by(|label| label.as_str().cmp(unit)).map_err(|_| {
            Error::new(
                ErrorKind::Unknown,
                format!("no unit `{unit}` among the {} of the panel", self.units.len()),
            )
        })
    }

    /// Index of a period.
    ///
    /// # Errors
    /// [`ErrorKind::Unknown`].
    pub fn period_index(&self, period: &str) -> Result<usize> {
        self.periods.iter().position(|label| label == period).ok_or_else(|| {
            let message = format!(
                "no period `{period}`, expected one from `{}` to `{}`",
                self.periods[0],
                self.periods[self.periods.len() - 1]
            );
            Error::new(ErrorKind::Unknown, message)
        })
    }
}

fn ordered_periods<'a>(labels: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
    let labels: BTreeSet<&str> = labels.collect();
    let numbers: Option<Vec<(f64, &str)>> = labels
        .iter()
        .map(|&label| Some((label.parse::<f64>().ok().filter(|x| x.is_finite())?, label)))
        .collect();
    let Some(mut numbers) = numbers else { return Ok(labels.into_iter().map(str::to_owned).collect()) };
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let Some(pair) = numbers.windows(2).find(|pair| pair[0].0.total_cmp(&pair[1].0).is_eq()) {
        let message = format!("periods `{}` and `{}` are the same number", pair[0].1, pair[1].1);
        return Err(Error::new(ErrorKind::Duplicate, message));
    }
    Ok(numbers.into_iter().map(|(_, label)| label.to_owned()).collect())
}

fn index(labels: &[String]) -> BTreeMap<&str, usize> {
    labels.iter().enumerate().map(|(at, label)| (label.as_str(), at)).collect()
}

fn refuse_repeated<'a>(sorted: impl Iterator<Item = &'a str>, what: &str) -> Result<()> {
    let mut last = None;
    for label in sorted {
        if last == Some(label) {
            return Err(Error::new(
                ErrorKind::Duplicate,
                format!("{what} `{label}` given twice, expected once"),
            ));
        }
        last = Some(label);
    }
    Ok(())
}

fn unbalanced(unit: &str, period: &str) -> Error {
    Error::new(ErrorKind::Unbalanced, format!("unit `{unit}`: no cell in period `{period}`, expected one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(cells: &[(&str, &str, f64)], fill: Fill) -> ErrorKind {
        let cells = cells.iter().map(|&(unit, period, y)| Cell::new(unit, period, y));
        Panel::from_cells(cells, fill).unwrap_err().kind()
    }

    #[test]
    fn bad_cells_are_named_errors() {
        assert_eq!(failure(&[], Fill::Zero), ErrorKind::Empty);
        assert_eq!(failure(&[("a", "1", 1.0), ("a", "1", 2.0)], Fill::Zero), ErrorKind::Duplicate);
        assert_eq!(failure(&[("a", "1", 1.0), ("b", "2", 2.0)], Fill::Refuse), ErrorKind::Unbalanced);
        assert_eq!(failure(&[("a", "1", f64::NAN)], Fill::Zero), ErrorKind::NonFinite);
        assert_eq!(failure(&[("a", "1", 1.0), ("a", "1.0", 1.0)], Fill::Zero), ErrorKind::Duplicate);
    }

    #[test]
    fn an_absent_cell_is_filled_only_as_asked() {
        let cells = || [Cell::new("a", "9", 1.0), Cell::new("b", "10", 2.0)];
        let zero = Panel::from_cells(cells(), Fill::Zero).unwrap();
        assert_eq!(zero.periods(), ["9", "10"]);
        assert_eq!(zero.observed(0, 1), Some(0.0));
        let missing = Panel::from_cells(cells(), Fill::Missing).unwrap();
        assert_eq!(missing.observed(0, 1), None);
        assert_eq!(missing.first_missing(), Some(("a", "10")));
        assert!(!missing.is_balanced());
    }

    #[test]
    fn a_selection_keeps_cohorts_and_clusters() {
        let panel = Panel::from_text("unit 1 2 3 4\na 1 2 3 4\nb 5 6 *7 8\nc 9 9 9 *9").unwrap();
        let clusters = [("a", "x"), ("b", "y"), ("c", "x")].map(|(u, c)| (u.to_owned(), c.to_owned()));
        let panel = panel.with_clusters(&clusters.into_iter().collect()).unwrap();
        let later = panel.select_periods(|_, label| label != "3").unwrap();
        assert_eq!(later.cohort(1), Cohort::At(2));
        let cut = panel.select_periods(|t, _| t < 3).unwrap();
        assert_eq!((cut.cohort(1), cut.cohort(2)), (Cohort::At(2), Cohort::Never));
        let pair = panel.select_units(|unit| unit != "b").unwrap();
        assert_eq!((pair.clusters(), pair.cluster(1)), (["x".to_owned()].as_slice(), 0));
        assert_eq!(panel.select_units(|_| false).unwrap_err().kind(), ErrorKind::Empty);
    }

    #[test]
    fn weights_are_kept_and_checked() {
        let cell = |weight| Cell { weight, ..Cell::new("a", "1", 1.0) };
        assert!(Panel::from_cells([cell(2.0)], Fill::Refuse).unwrap().is_weighted());
        assert!(!Panel::from_cells([cell(1.0)], Fill::Refuse).unwrap().is_weighted());
        let kind = Panel::from_cells([cell(-1.0)], Fill::Refuse).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::NonFinite);
    }
}
