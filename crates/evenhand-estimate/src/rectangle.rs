//! A complete panel out of long data: what the methods for few treated units work on.

use crate::{Caveat, Cells, Design, Error, ErrorKind, Result};
use std::borrow::Cow;

/// `N` units over `T` periods, every cell observed. Units are rows, in the order of their labels.
#[derive(Debug, Clone)]
pub(crate) struct Rectangle {
    /// Level of each unit in [`Cells::unit`], shape (N,).
    pub units: Vec<usize>,
    /// Index of the first treated period; `None` for units that are untreated in the window.
    pub adoption: Vec<Option<usize>>,
    /// Value of each period, shape (T,).
    pub periods: Vec<f64>,
    /// Shape (N, T), row-major.
    pub outcome: Vec<f64>,
    /// By name, each of the shape of `outcome`.
    pub covariates: Vec<(String, Vec<f64>)>,
    /// What was left out on the way.
    pub caveats: Vec<Caveat>,
}

impl Rectangle {
    /// Leaves out, with a caveat, units that lack a period and units that are treated from the first one on.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`] when no unit has every period, [`ErrorKind::NoTreated`], [`ErrorKind::NoDonors`],
    /// [`ErrorKind::Shape`] for repeated cross-sections.
    pub(crate) fn new(cells: &Cells) -> Result<Self> {
        if !cells.is_panel() {
            return Err(Error::new(
                ErrorKind::Shape,
                "repeated cross-sections, expected units followed over time",
            ));
        }
        let periods = cells.periods().to_vec();
        let mut found = Self {
            units: Vec::new(),
            adoption: Vec::new(),
            outcome: Vec::new(),
            covariates: cells.covariates().iter().map(|(name, _)| (name.clone(), Vec::new())).collect(),
            caveats: cells.caveats().to_vec(),
            periods,
        };
        let (mut unbalanced, mut always) = (0, 0);
        for rows in units_of(cells) {
            let first = rows.start;
            let at = found.periods.partition_point(|&t| t < cells.cohort()[first]);
            if rows.len() < found.periods.len() {
                unbalanced += 1;
            } else if at == 0 {
                always += 1;
            } else {
                found.units.push(cells.unit().at(first));
                found.adoption.push((at < found.periods.len()).then_some(at));
                found.outcome.extend_from_slice(&cells.outcome()[rows.clone()]);
                for ((_, kept), (_, values)) in found.covariates.iter_mut().zip(cells.covariates()) {
                    kept.extend_from_slice(&values[rows.clone()]);
                }
            }
        }
        if found.units.is_empty() {
            return Err(Error::new(
                ErrorKind::Missing,
                format!(
                    "no unit is observed in all {} periods, expected a complete panel",
                    found.periods.len()
                ),
            ));
        }
        if unbalanced > 0 {
            found.caveats.push(Caveat::Unbalanced { n_units: unbalanced });
        }
        if always > 0 {
            found.caveats.push(Caveat::AlwaysTreated { n_units: always });
        }
        if cells.weights().is_some() {
            found.caveats.push(Caveat::Note("sampling weights are not used by this method".to_owned()));
        }
        if found.adoption.iter().all(Option::is_none) {
            return Err(Error::new(ErrorKind::NoTreated, "no unit starts treatment inside the window"));
        }
        if found.adoption.iter().all(Option::is_some) {
            return Err(Error::new(ErrorKind::NoDonors, "no unit is untreated in all periods"));
        }
        Ok(found)
    }

    /// `N`.
    pub(crate) fn n_units(&self) -> usize {
        self.units.len()
    }

    /// `T`.
    pub(crate) fn n_periods(&self) -> usize {
        self.periods.len()
    }

    /// Outcomes of row `i`, shape (T,).
    pub(crate) fn row(&self, i: usize) -> &[f64] {
        let t = self.n_periods();
        &self.outcome[i * t..(i + 1) * t]
    }

    /// Row `i` less covariates times coefficients; the row itself without coefficients.
    pub(crate) fn adjusted(&self, i: usize, beta: &[f64]) -> Cow<'_, [f64]> {
        if beta.is_empty() {
            return Cow::Borrowed(self.row(i));
        }
        let t = self.n_periods();
        let mut row = self.row(i).to_vec();
        for ((_, values), b) in self.covariates.iter().zip(beta) {
            row.iter_mut().zip(&values[i * t..(i + 1) * t]).for_each(|(y, x)| *y -= b * x);
        }
        Cow::Owned(row)
    }

    /// Rows that are never treated in the window.
    pub(crate) fn untreated(&self) -> Vec<usize> {
        (0..self.n_units()).filter(|&i| self.adoption[i].is_none()).collect()
    }

    /// Rows that are treated at some time.
    pub(crate) fn treated(&self) -> Vec<usize> {
        (0..self.n_units()).filter(|&i| self.adoption[i].is_some()).collect()
    }

    /// Indices of the periods in which some unit starts, in rising order.
    pub(crate) fn starts(&self) -> Vec<usize> {
        let mut starts: Vec<usize> = self.adoption.iter().flatten().copied().collect();
        starts.sort_unstable();
        starts.dedup();
        starts
    }

    /// The one period in which every treated unit starts.
    ///
    /// # Errors
    /// [`ErrorKind::Staggered`].
    pub(crate) fn one_start(&self) -> Result<usize> {
        match self.starts()[..] {
            [start] => Ok(start),
            ref starts => {
                let labels: Vec<String> = starts.iter().map(|&t| self.periods[t].to_string()).collect();
                let message = format!("treated units start in {}, expected one start", labels.join(", "));
                Err(Error::new(ErrorKind::Staggered, message))
            }
        }
    }

    /// The comparison of the mean of the units that start in period `start` with the units that are never treated.
    /// Labels are levels of the unit factor and values of the periods.
    ///
    /// # Errors
    /// Those of [`Design::from_series`].
    pub(crate) fn design(&self, start: usize) -> Result<Design> {
        let donors = self.untreated();
        let treated: Vec<usize> = (0..self.n_units()).filter(|&i| self.adoption[i] == Some(start)).collect();
        Design::from_rows(
            donors.iter().map(|&i| self.units[i].to_string()).collect(),
            self.periods.iter().map(ToString::to_string).collect(),
            donors.iter().flat_map(|&i| self.row(i).iter().copied()).collect(),
            &treated.iter().map(|&i| self.row(i)).collect::<Vec<_>>(),
            start,
        )
    }
}

/// Ranges of rows of one unit each; cells are sorted by unit.
pub(crate) fn units_of(cells: &Cells) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::with_capacity(cells.n_units());
    for row in 0..cells.n_obs() {
        match ranges.last_mut() {
            Some(range) if cells.unit().at(range.start) == cells.unit().at(row) => range.end = row + 1,
            _ => ranges.push(row..row + 1),
        }
    }
    ranges
}
