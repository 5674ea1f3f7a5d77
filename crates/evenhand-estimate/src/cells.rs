//! Long-format data for the difference-in-differences family: one row an observation, checked once.

use crate::error::{finite, same_length};
use crate::{Caveat, Error, ErrorKind, Factor, Result};
use evenhand_panel::{Cohort, Panel};
use std::collections::BTreeSet;

/// Observations of units over periods, sorted by unit and period.
///
/// Units may be absent in some periods (an unbalanced panel), or be observed once each (repeated cross-sections,
/// made with [`cross_sections`](Self::cross_sections)). A cohort is the value of a unit's first treated period.
///
/// ```
/// use evenhand_estimate::Cells;
/// let cells = Cells::new(&["b", "b", "a", "a"], &[2003.0, 2004.0, 2003.0, 2004.0], &[1.0, 3.0, 2.0, 2.5])?
///     .with_cohort(&[2004.0, 2004.0, 0.0, 0.0])?;
/// assert_eq!((cells.n_obs(), cells.n_units(), cells.periods()), (4, 2, &[2003.0, 2004.0][..]));
/// assert_eq!(cells.outcome(), [2.0, 2.5, 1.0, 3.0]); // unit a first
/// assert_eq!(cells.cohorts(), [2004.0]);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Cells {
    /// The row of the caller's data behind each row here; `None` when they are the same.
    source: Option<Vec<u32>>,
    /// How many rows the caller gave.
    n_given: usize,
    unit: Factor,
    period: Factor,
    periods: Vec<f64>,
    outcome: Vec<f64>,
    /// First treated period by row, `inf` when never.
    cohort: Vec<f64>,
    treatment: Option<Vec<f64>>,
    covariates: Vec<(String, Vec<f64>)>,
    weights: Option<Vec<f64>>,
    offset: Option<Vec<f64>>,
    cluster: Option<Factor>,
    is_panel: bool,
    caveats: Vec<Caveat>,
}

impl Cells {
    /// Observations of units that are followed over time. Rows may come in any order; no unit is treated until
    /// [`with_cohort`](Self::with_cohort) says so.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for lists of different length, no rows at all or two rows for one unit and period;
    /// [`ErrorKind::NonFinite`]. Rows with a missing value are the caller's to leave out.
    pub fn new<U: Ord + std::hash::Hash>(unit: &[U], period: &[f64], outcome: &[f64]) -> Result<Self> {
        let cells = Self::build(Factor::new(unit), period, outcome, true)?;
        let keys = |row: usize| (cells.unit.at(row), cells.period.at(row));
        if let Some(row) = (1..cells.n_obs()).find(|&row| keys(row) == keys(row - 1)) {
            let message = format!(
                "rows {} and {}: one unit twice in period {}, expected one row for each unit and period",
                cells.source_row(row - 1),
                cells.source_row(row),
                cells.periods[cells.period.at(row)]
            );
            return Err(Error::new(ErrorKind::Shape, message));
        }
        Ok(cells)
    }

    /// Repeated cross-sections: every row is a unit of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`].
    pub fn cross_sections(period: &[f64], outcome: &[f64]) -> Result<Self> {
        let rows: Vec<usize> = (0..period.len()).collect();
        Self::build(Factor::new(&rows), period, outcome, false)
    }

    /// The observed cells of a panel; periods are numbered from 0, cohorts and weights are the panel's.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] when no cell is observed.
    pub fn from_panel(panel: &Panel) -> Result<Self> {
        let (mut unit, mut period, mut outcome) = (Vec::new(), Vec::new(), Vec::new());
        let (mut cohort, mut weight, mut cluster) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..panel.units().len() {
            for t in 0..panel.periods().len() {
                let Some(y) = panel.observed(i, t) else { continue };
                unit.push(i);
                period.push(t as f64);
                outcome.push(y);
                weight.push(panel.weight(i, t));
                cluster.push(panel.cluster(i));
                cohort.push(match panel.cohort(i) {
                    Cohort::Never => f64::INFINITY,
                    Cohort::At(g) => g as f64,
                });
            }
        }
        let cells = Self::new(&unit, &period, &outcome)?.with_cohort(&cohort)?;
        let cells = cells.with_cluster(&Factor::new(&cluster))?;
        if weight.iter().all(|w| (w - 1.0).abs() <= 0.0) { Ok(cells) } else { cells.with_weights(&weight) }
    }

    fn build(unit: Factor, period: &[f64], outcome: &[f64], is_panel: bool) -> Result<Self> {
        same_length(unit.len(), period.len(), "units and periods")?;
        same_length(period.len(), outcome.len(), "periods and outcomes")?;
        if unit.is_empty() {
            return Err(Error::new(ErrorKind::Shape, "no rows, expected at least one"));
        }
        all_finite(period, "period")?;
        all_finite(outcome, "outcome")?;
        let (period, periods) = ordered(period);
        let key = |row: usize| (unit.at(row), period.at(row));
        let is_sorted = (1..unit.len()).all(|row| key(row - 1) <= key(row));
        // Sorting by counting, the minor key first.
        let source = (!is_sorted).then(|| unit.rows_in_order(period.rows_in_order(0..unit.len() as u32)));
        let n_given = outcome.len();
        let (unit, period, outcome) = match &source {
            None => (unit, period, outcome.to_vec()),
            Some(source) => (
                unit.arranged(source),
                period.arranged(source),
                source.iter().map(|&row| outcome[row as usize]).collect(),
            ),
        };
        Ok(Self {
            unit,
            period,
            outcome,
            cohort: vec![f64::INFINITY; n_given],
            n_given,
            source,
            periods,
            treatment: None,
            covariates: Vec::new(),
            weights: None,
            offset: None,
            cluster: None,
            is_panel,
            caveats: Vec::new(),
        })
    }

    /// The first treated period of each row's unit, in the caller's order of rows; 0, infinite or NaN is never.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for another number of rows, or a unit of a panel with two cohorts.
    pub fn with_cohort(mut self, cohort: &[f64]) -> Result<Self> {
        self.cohort = self.in_order(cohort, "cohorts")?;
        let never = |g: f64| if g.is_finite() && g.abs() > 0.0 { g } else { f64::INFINITY };
        self.cohort.iter_mut().for_each(|g| *g = never(*g));
        if !self.periods.iter().any(|t| t.abs() <= 0.0) {
            return self.one_cohort_a_unit();
        }
        // Periods that start at 0 make a cohort of 0 a cohort, not a mark.
        for row in 0..self.n_obs() {
            if cohort[self.source_row(row)].abs() <= 0.0 {
                self.cohort[row] = 0.0;
            }
        }
        self.one_cohort_a_unit()
    }

    fn one_cohort_a_unit(self) -> Result<Self> {
        for row in 1..self.n_obs() {
            let (one, two) = (self.cohort[row - 1], self.cohort[row]);
            if self.unit.at(row) == self.unit.at(row - 1) && one.total_cmp(&two).is_ne() {
                let message = format!(
                    "rows {} and {}: one unit in cohorts {one} and {two}, expected one",
                    self.source_row(row - 1),
                    self.source_row(row)
                );
                return Err(Error::new(ErrorKind::Shape, message));
            }
        }
        Ok(self)
    }

    /// The treatment that each row receives, in the caller's order of rows, for methods in which it may be any
    /// number and may go up and down. It stands beside the cohort: neither is made from the other.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`].
    pub fn with_treatment(mut self, treatment: &[f64]) -> Result<Self> {
        let treatment = self.in_order(treatment, "treatments")?;
        treatment.iter().try_for_each(|&d| finite(d, "treatment").map(drop))?;
        self.treatment = Some(treatment);
        Ok(self)
    }

    /// A covariate, in the caller's order of rows.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`].
    pub fn with_covariate(mut self, name: &str, values: &[f64]) -> Result<Self> {
        let values = self.in_order(values, &format!("values of {name}"))?;
        values.iter().try_for_each(|&x| finite(x, name).map(drop))?;
        self.covariates.push((name.to_owned(), values));
        Ok(self)
    }

    /// The same cells without that covariate, if they have it.
    #[must_use]
    pub fn without_covariate(mut self, name: &str) -> Self {
        self.covariates.retain(|(own, _)| own != name);
        self
    }

    /// Sampling weights, in the caller's order of rows. Rows of weight 0 are left out, with a caveat.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::Domain`] when one is negative or all are 0.
    pub fn with_weights(mut self, weights: &[f64]) -> Result<Self> {
        let weights = self.in_order(weights, "weights")?;
        for &weight in &weights {
            finite(weight, "weight")?;
            if weight < 0.0 {
                return Err(Error::new(ErrorKind::Domain, format!("weight {weight}, expected 0 or more")));
            }
        }
        let kept: Vec<usize> = (0..weights.len()).filter(|&row| weights[row] > 0.0).collect();
        let zero = weights.len() - kept.len();
        self.weights = Some(weights);
        if zero == 0 {
            return Ok(self);
        }
        if kept.is_empty() {
            return Err(Error::new(ErrorKind::Domain, "every weight is 0, expected some above 0"));
        }
        let mut some = self.select(&kept);
        some.caveats.push(Caveat::ZeroWeight { n: zero });
        Ok(some)
    }

    /// An offset of the linear predictor (the logarithm of exposure), in the caller's order of rows.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`].
    pub fn with_offset(mut self, offset: &[f64]) -> Result<Self> {
        let offset = self.in_order(offset, "offsets")?;
        offset.iter().try_for_each(|&x| finite(x, "offset").map(drop))?;
        self.offset = Some(offset);
        Ok(self)
    }

    /// Clusters of the standard errors, in the caller's order of rows; without them units are the clusters.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`].
    pub fn with_cluster(mut self, cluster: &Factor) -> Result<Self> {
        self.cluster = Some(self.arrange(cluster)?);
        Ok(self)
    }

    /// Those rows only, in their order here.
    #[must_use]
    pub fn select(&self, kept: &[usize]) -> Self {
        let take = |values: &[f64]| -> Vec<f64> { kept.iter().map(|&row| values[row]).collect() };
        let (period, periods) = ordered(&kept.iter().map(|&row| self.time(row)).collect::<Vec<_>>());
        Self {
            source: Some(kept.iter().map(|&row| self.source_row(row) as u32).collect()),
            n_given: self.n_given,
            unit: self.unit.select(kept),
            period,
            periods,
            outcome: take(&self.outcome),
            cohort: take(&self.cohort),
            treatment: self.treatment.as_deref().map(take),
            covariates: self.covariates.iter().map(|(name, values)| (name.clone(), take(values))).collect(),
            weights: self.weights.as_deref().map(take),
            offset: self.offset.as_deref().map(take),
            cluster: self.cluster.as_ref().map(|cluster| cluster.select(kept)),
            is_panel: self.is_panel,
            caveats: self.caveats.clone(),
        }
    }

    /// The same rows with another outcome, in their order here.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`].
    pub fn with_outcome(mut self, outcome: Vec<f64>) -> Result<Self> {
        same_length(self.n_obs(), outcome.len(), "rows and outcomes")?;
        outcome.iter().try_for_each(|&y| finite(y, "outcome").map(drop))?;
        self.outcome = outcome;
        Ok(self)
    }

    /// Number of observations.
    #[must_use]
    pub fn n_obs(&self) -> usize {
        self.outcome.len()
    }

    /// Number of units.
    #[must_use]
    pub fn n_units(&self) -> usize {
        self.unit.n_levels()
    }

    /// Values of the periods, in rising order.
    #[must_use]
    pub fn periods(&self) -> &[f64] {
        &self.periods
    }

    /// Unit of each row, levels in the order of the caller's labels.
    #[must_use]
    pub fn unit(&self) -> &Factor {
        &self.unit
    }

    /// Period of each row, an index into [`periods`](Self::periods).
    #[must_use]
    pub fn period(&self) -> &Factor {
        &self.period
    }

    /// The value of a row's period.
    #[must_use]
    pub fn time(&self, row: usize) -> f64 {
        self.periods[self.period.at(row)]
    }

    /// Outcome of each row.
    #[must_use]
    pub fn outcome(&self) -> &[f64] {
        &self.outcome
    }

    /// First treated period of each row's unit, `inf` when never treated.
    #[must_use]
    pub fn cohort(&self) -> &[f64] {
        &self.cohort
    }

    /// The treatment of each row, where [`with_treatment`](Self::with_treatment) gave one.
    #[must_use]
    pub fn treatment(&self) -> Option<&[f64]> {
        self.treatment.as_deref()
    }

    /// The treated cohorts, in rising order.
    #[must_use]
    pub fn cohorts(&self) -> Vec<f64> {
        let changes = (0..self.n_obs())
            .filter(|&row| row == 0 || self.cohort[row - 1].total_cmp(&self.cohort[row]).is_ne());
        let treated = changes.map(|row| self.cohort[row]).filter(|g| g.is_finite());
        let bits: BTreeSet<i64> = treated.map(order_key).collect();
        bits.into_iter().map(from_order_key).collect()
    }

    /// Whether a row is at or after its unit's first treated period.
    #[must_use]
    pub fn is_treated(&self, row: usize) -> bool {
        self.time(row) >= self.cohort[row]
    }

    /// Periods from first treatment to a row's, counted in periods of the data; `None` when never treated. A
    /// cohort between two periods counts as the later one.
    #[must_use]
    pub fn event_time(&self, row: usize) -> Option<i64> {
        let g = self.cohort[row];
        let first = self.periods.partition_point(|&t| t < g);
        // Cohorts that start after the last period have event times on the scale of the values.
        match g.is_finite() {
            true if first == self.periods.len() => Some((self.time(row) - g).round() as i64),
            true if g < self.periods[0] => Some((self.time(row) - g).round() as i64),
            true => Some(self.period.at(row) as i64 - first as i64),
            false => None,
        }
    }

    /// Covariates by name, in the order in which they were given.
    #[must_use]
    pub fn covariates(&self) -> &[(String, Vec<f64>)] {
        &self.covariates
    }

    /// Sampling weights, all above 0; `None` when all are 1.
    #[must_use]
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Offsets of the linear predictor.
    #[must_use]
    pub fn offset(&self) -> Option<&[f64]> {
        self.offset.as_deref()
    }

    /// Clusters: those given, otherwise the units.
    #[must_use]
    pub fn cluster(&self) -> &Factor {
        self.cluster.as_ref().unwrap_or(&self.unit)
    }

    /// The row of the caller's data behind a row.
    #[must_use]
    pub fn source_row(&self, row: usize) -> usize {
        self.source.as_ref().map_or(row, |source| source[row] as usize)
    }

    /// A factor of the caller's rows, such as clusters for a covariance, in the order of the rows here.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for another number of rows.
    pub fn arrange(&self, factor: &Factor) -> Result<Factor> {
        same_length(self.n_given, factor.len(), "rows and levels of a factor")?;
        let rows = || (0..self.n_obs()).map(|row| self.source_row(row)).collect::<Vec<_>>();
        Ok(if self.source.is_none() { factor.clone() } else { factor.select(&rows()) })
    }

    /// How many rows the caller gave: lists in the caller's order of rows are of this length.
    #[must_use]
    pub fn n_given(&self) -> usize {
        self.n_given
    }

    /// Whether units are followed over time.
    #[must_use]
    pub fn is_panel(&self) -> bool {
        self.is_panel
    }

    /// Whether every unit is observed in every period.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.is_panel && self.n_obs() == self.n_units() * self.periods.len()
    }

    /// What was left out so far.
    #[must_use]
    pub fn caveats(&self) -> &[Caveat] {
        &self.caveats
    }

    fn in_order(&self, values: &[f64], what: &str) -> Result<Vec<f64>> {
        same_length(self.n_given, values.len(), &format!("rows and {what}"))?;
        Ok(match &self.source {
            None => values.to_vec(),
            Some(source) => source.iter().map(|&row| values[row as usize]).collect(),
        })
    }
}

/// Periods as levels, and their values in rising order.
fn ordered(values: &[f64]) -> (Factor, Vec<f64>) {
    let (factor, first) = Factor::from_keys(values.len(), |row| order_key(values[row]));
    (factor, first.into_iter().map(|row| values[row] + 0.0).collect())
}

fn all_finite(values: &[f64], what: &str) -> Result<()> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(row) => finite(values[row], &format!("row {row}: {what}")).map(drop),
        None => Ok(()),
    }
}

/// A whole number in the order of finite doubles, with one zero.
fn order_key(x: f64) -> i64 {
    let bits = (x + 0.0).to_bits().cast_signed();
    bits ^ (((bits >> 63).cast_unsigned() >> 1).cast_signed())
}

fn from_order_key(key: i64) -> f64 {
    f64::from_bits((key ^ (((key >> 63).cast_unsigned() >> 1).cast_signed())).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four() -> Cells {
        Cells::new(&["b", "a", "b", "a"], &[1.0, 2.0, 2.0, 1.0], &[10.0, 22.0, 20.0, 12.0]).unwrap()
    }

    #[test]
    fn rows_are_sorted_by_unit_and_period_with_all_their_columns() {
        let cells = four().with_covariate("x", &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let cells = cells.with_treatment(&[0.5, 1.5, 2.5, 3.5]).unwrap();
        assert_eq!(cells.outcome(), [12.0, 22.0, 10.0, 20.0]);
        assert_eq!(cells.covariates()[0].1, [4.0, 2.0, 1.0, 3.0]);
        assert_eq!(cells.treatment(), Some(&[3.5, 1.5, 0.5, 2.5][..]));
        assert_eq!(cells.select(&[1, 2]).treatment(), Some(&[1.5, 0.5][..]));
        assert!(cells.is_balanced() && cells.cohorts().is_empty());
        assert!(cells.without_covariate("x").covariates().is_empty());
    }

    #[test]
    fn event_time_counts_periods_of_the_data() {
        let years = [2000.0, 2002.0, 2004.0];
        let cells = Cells::new(&[1, 1, 1], &years, &[0.0; 3]).unwrap();
        let at = |g: f64| {
            let cells = cells.clone().with_cohort(&[g; 3]).unwrap();
            (0..3).map(|row| cells.event_time(row)).collect::<Vec<_>>()
        };
        assert_eq!(at(2002.0), [Some(-1), Some(0), Some(1)]);
        assert_eq!(at(0.0), [None; 3]);
        assert_eq!(at(f64::NAN), [None; 3]);
    }

    #[test]
    fn negative_periods_are_in_order() {
        let cells = Cells::new(&[1, 1, 1], &[3.0, -5.0, -0.0], &[0.0; 3]).unwrap();
        assert_eq!(cells.periods(), [-5.0, 0.0, 3.0]);
    }

    #[test]
    fn rows_without_weight_are_left_out_with_a_caveat() {
        let cells = four().with_weights(&[1.0, 0.0, 2.0, 1.0]).unwrap();
        assert_eq!(cells.outcome(), [12.0, 10.0, 20.0]);
        assert_eq!(cells.caveats(), [Caveat::ZeroWeight { n: 1 }]);
        assert_eq!(four().with_weights(&[0.0; 4]).unwrap_err().kind(), ErrorKind::Domain);
    }

    #[test]
    fn repeated_cells_and_two_cohorts_of_a_unit_are_refused() {
        assert_eq!(Cells::new(&[1, 1], &[1.0, 1.0], &[0.0; 2]).unwrap_err().kind(), ErrorKind::Shape);
        assert!(Cells::cross_sections(&[1.0, 1.0], &[0.0; 2]).is_ok());
        assert_eq!(four().with_cohort(&[2.0, 1.0, 1.0, 1.0]).unwrap_err().kind(), ErrorKind::Shape);
        let none: [u8; 0] = [];
        assert_eq!(Cells::new(&none, &[], &[]).unwrap_err().kind(), ErrorKind::Shape);
    }
}
