//! A comparison with one adoption date: treated series, donors, periods before and after. Checked once; the
//! estimators for one or few treated units take it and cannot meet a missing cell or an empty donor pool.

use crate::error::finite;
use crate::rectangle::Rectangle;
use crate::{Cells, Error, ErrorKind, Result};
use evenhand_panel::{Cohort, Panel};

/// `J` donors and one treated series (the mean of the treated units) over `T` periods, the first `T_pre` of them
/// before adoption.
///
/// ```
/// use evenhand_estimate::Design;
/// use evenhand_panel::Panel;
/// let panel = Panel::from_text(
///     "unit 1 2  3
///      a    1 2 *9
///      b    1 2  3
///      c    4 4  4",
/// ).unwrap();
/// let design = Design::new(&panel)?;
/// assert_eq!((design.n_donors(), design.n_pre(), design.n_post()), (2, 2, 1));
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    donors: Vec<String>,
    periods: Vec<String>,
    /// Shape (J, T), row-major.
    outcome: Vec<f64>,
    treated: Vec<f64>,
    n_treated: usize,
    n_pre: usize,
}

impl Design {
    /// Donors are the units of cohort `Never`; all treated units must start in one period.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::NoTreated`], [`ErrorKind::Staggered`], [`ErrorKind::NoDonors`],
    /// [`ErrorKind::TooFewPeriods`] when there is no period before adoption.
    pub fn new(panel: &Panel) -> Result<Self> {
        if let Some((unit, period)) = panel.first_missing() {
            let message = format!("unit `{unit}`, period `{period}`: no outcome, expected a complete panel");
            return Err(Error::new(ErrorKind::Missing, message));
        }
        let (mut treated, mut donors) = (Vec::new(), Vec::new());
        for i in 0..panel.units().len() {
            match panel.cohort(i) {
                Cohort::Never => donors.push(i),
                Cohort::At(g) => treated.push((i, g)),
            }
        }
        let Some(&(first, n_pre)) = treated.first() else {
            return Err(Error::new(
                ErrorKind::NoTreated,
                "no treated unit in the panel, expected at least one",
            ));
        };
        if let Some(&(other, g)) = treated.iter().find(|&&(_, g)| g != n_pre) {
            let message = format!(
                "`{}` starts in `{}` and `{}` in `{}`, expected one start",
                panel.units()[first],
                panel.periods()[n_pre],
                panel.units()[other],
                panel.periods()[g]
            );
            return Err(Error::new(ErrorKind::Staggered, message));
        }
        let mean =
            |t: usize| treated.iter().map(|&(i, _)| panel.row(i)[t]).sum::<f64>() / treated.len() as f64;
        Self {
            donors: donors.iter().map(|&i| panel.units()[i].clone()).collect(),
            periods: panel.periods().to_vec(),
            outcome: donors.iter().flat_map(|&i| panel.row(i).iter().copied()).collect(),
            treated: (0..panel.periods().len()).map(mean).collect(),
            n_treated: treated.len(),
            n_pre,
        }
        .check()
    }

    /// The mean of the units that are treated, all from one period on, and the units that are not treated in the
    /// window, out of long data. Labels are levels of [`Cells::unit`] and values of the periods. Units that lack a
    /// period are left out.
    ///
    /// # Errors
    /// [`ErrorKind::NoTreated`], [`ErrorKind::Staggered`], [`ErrorKind::NoDonors`], [`ErrorKind::Missing`] when no
    /// unit is observed throughout.
    pub fn from_cells(cells: &Cells) -> Result<Self> {
        let panel = Rectangle::new(cells)?;
        panel.design(panel.one_start()?)
    }

    /// One treated series and its donors over `periods`, the first `n_pre` of them before adoption. Donors get
    /// sorted by label.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for series of the wrong length or a repeated label, [`ErrorKind::NonFinite`],
    /// [`ErrorKind::NoDonors`], [`ErrorKind::TooFewPeriods`].
    pub fn from_series(
        treated: &[f64],
        donors: &[(String, Vec<f64>)],
        periods: &[String],
        n_pre: usize,
    ) -> Result<Self> {
        let mut sorted: Vec<&(String, Vec<f64>)> = donors.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("donor `{}` given twice, expected once", pair[0].0),
            ));
        }
        let lengths = sorted.iter().map(|(unit, y)| (unit.as_str(), y.len()));
        if let Some((unit, n)) =
            lengths.chain([("treated", treated.len())]).find(|&(_, n)| n != periods.len())
        {
            let message =
                format!("`{unit}`: {n} outcomes, expected one for each of {} periods", periods.len());
            return Err(Error::new(ErrorKind::Shape, message));
        }
        Self {
            donors: sorted.iter().map(|(unit, _)| unit.clone()).collect(),
            periods: periods.to_vec(),
            outcome: sorted.iter().flat_map(|(_, y)| y.iter().copied()).collect(),
            treated: treated.to_vec(),
            n_treated: 1,
            n_pre,
        }
        .check()
    }

    /// Donors' rows in the caller's order, shape (J, T), and rows of treated units to average.
    pub(crate) fn from_rows(
        donors: Vec<String>,
        periods: Vec<String>,
        outcome: Vec<f64>,
        treated: &[&[f64]],
        n_pre: usize,
    ) -> Result<Self> {
        let mean = |t: usize| treated.iter().map(|row| row[t]).sum::<f64>() / treated.len() as f64;
        Self {
            treated: (0..periods.len()).map(mean).collect(),
            n_treated: treated.len(),
            donors,
            periods,
            outcome,
            n_pre,
        }
        .check()
    }

    fn check(self) -> Result<Self> {
        if self.donors.is_empty() {
            return Err(Error::new(ErrorKind::NoDonors, "no untreated unit, expected at least one"));
        }
        if self.n_pre == 0 || self.n_pre >= self.periods.len() {
            let message = format!(
                "{} periods before adoption of {} in all, expected at least one before and one after",
                self.n_pre,
                self.periods.len()
            );
            return Err(Error::new(ErrorKind::TooFewPeriods, message));
        }
        for value in self.outcome.iter().chain(&self.treated) {
            finite(*value, "outcome")?;
        }
        Ok(self)
    }

    /// The same comparison with `f` applied to every outcome. With several treated units `f` is applied to their
    /// mean: transform the panel first if that matters.
    ///
    /// # Errors
    /// [`ErrorKind::NonFinite`] when `f` leaves the finite numbers.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Result<Self> {
        let mut mapped = self.clone();
        mapped.outcome.iter_mut().chain(&mut mapped.treated).for_each(|y| *y = f(*y));
        mapped.check()
    }

    /// In-space placebo: `donor` stands in for the treated unit, which leaves.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for an index out of range, [`ErrorKind::NoDonors`] when it was the only donor.
    pub fn placebo(&self, donor: usize) -> Result<Self> {
        let mut rest = self.without_donor(donor)?;
        rest.treated = self.donor(donor).to_vec();
        rest.n_treated = 1;
        Ok(rest)
    }

    /// Placebo with a group: the mean of `donors` (distinct indices) stands in for the treated units.
    ///
    /// # Errors
    /// As [`Design::placebo`]; [`ErrorKind::NoTreated`] for an empty group.
    pub fn placebo_group(&self, donors: &[usize]) -> Result<Self> {
        if donors.is_empty() {
            return Err(Error::new(
                ErrorKind::NoTreated,
                "no donor in the placebo group, expected at least one",
            ));
        }
        let mut rest = self.without(donors)?;
        rest.n_treated = donors.len();
        rest.treated = (0..self.n_periods())
            .map(|t| donors.iter().map(|&j| self.donor(j)[t]).sum::<f64>() / donors.len() as f64)
            .collect();
        Ok(rest)
    }

    /// The same comparison without one donor.
    ///
    /// # Errors
    /// As [`Design::placebo`].
    pub fn without_donor(&self, donor: usize) -> Result<Self> {
        self.without(&[donor])
    }

    pub(crate) fn without(&self, donors: &[usize]) -> Result<Self> {
        if let Some(donor) = donors.iter().find(|&&donor| donor >= self.n_donors()) {
            let message = format!("donor number {donor}, expected one below {}", self.n_donors());
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let kept: Vec<usize> = (0..self.n_donors()).filter(|j| !donors.contains(j)).collect();
        Self {
            donors: kept.iter().map(|&j| self.donors[j].clone()).collect(),
            periods: self.periods.clone(),
            outcome: kept.iter().flat_map(|&j| self.donor(j).iter().copied()).collect(),
            treated: self.treated.clone(),
            n_treated: self.n_treated,
            n_pre: self.n_pre,
        }
        .check()
    }

    /// In-time placebo: only the periods before adoption, with adoption moved to period `n_pre`.
    ///
    /// # Errors
    /// [`ErrorKind::TooFewPeriods`] when that leaves none before or after.
    pub fn backdate(&self, n_pre: usize) -> Result<Self> {
        Self {
            donors: self.donors.clone(),
            periods: self.periods[..self.n_pre].to_vec(),
            outcome: (0..self.n_donors()).flat_map(|j| self.donor(j)[..self.n_pre].iter().copied()).collect(),
            treated: self.treated[..self.n_pre].to_vec(),
            n_treated: self.n_treated,
            n_pre,
        }
        .check()
    }

    /// The same comparison without period `t`, which must be one before adoption.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for a period from adoption on, [`ErrorKind::TooFewPeriods`] when it was the only one.
    pub fn without_period(&self, t: usize) -> Result<Self> {
        if t >= self.n_pre {
            let message = format!("period number {t}, expected one before adoption, below {}", self.n_pre);
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let without = |row: &[f64]| -> Vec<f64> {
            row.iter().enumerate().filter(|&(s, _)| s != t).map(|(_, y)| *y).collect()
        };
        let mut periods = self.periods.clone();
        periods.remove(t);
        Self {
            donors: self.donors.clone(),
            periods,
            outcome: (0..self.n_donors()).flat_map(|j| without(self.donor(j))).collect(),
            treated: without(&self.treated),
            n_treated: self.n_treated,
            n_pre: self.n_pre - 1,
        }
        .check()
    }

    /// The same donors with another treated series.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`].
    pub fn with_treated(&self, treated: &[f64]) -> Result<Self> {
        crate::error::same_length(self.n_periods(), treated.len(), "periods and treated outcomes")?;
        Self { treated: treated.to_vec(), ..self.clone() }.check()
    }

    /// Labels of the donors, sorted, `J` of them.
    #[must_use]
    pub fn donors(&self) -> &[String] {
        &self.donors
    }

    /// Labels of the periods, `T` of them.
    #[must_use]
    pub fn periods(&self) -> &[String] {
        &self.periods
    }

    /// Outcomes of donor `j`, shape (T,).
    #[must_use]
    pub fn donor(&self, j: usize) -> &[f64] {
        let t = self.periods.len();
        &self.outcome[j * t..(j + 1) * t]
    }

    /// Mean outcome of the treated units, shape (T,).
    #[must_use]
    pub fn treated(&self) -> &[f64] {
        &self.treated
    }

    /// `J`.
    #[must_use]
    pub fn n_donors(&self) -> usize {
        self.donors.len()
    }

    /// How many units the treated series is the mean of.
    #[must_use]
    pub fn n_treated(&self) -> usize {
        self.n_treated
    }

    /// `T`.
    #[must_use]
    pub fn n_periods(&self) -> usize {
        self.periods.len()
    }

    /// `T_pre`, periods before adoption.
    #[must_use]
    pub fn n_pre(&self) -> usize {
        self.n_pre
    }

    /// `T_post`, periods from adoption on.
    #[must_use]
    pub fn n_post(&self) -> usize {
        self.periods.len() - self.n_pre
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(table: &str) -> ErrorKind {
        Design::new(&Panel::from_text(table).unwrap()).unwrap_err().kind()
    }

    #[test]
    fn what_cannot_be_compared_is_a_named_error() {
        assert_eq!(failure("u 1 2 3\na 1 . *3\nb 1 2 3"), ErrorKind::Missing);
        assert_eq!(failure("u 1 2 3\na 1 2 3\nb 1 2 3"), ErrorKind::NoTreated);
        assert_eq!(failure("u 1 2 3\na 1 2 *3\nb 1 *2 3\nc 1 1 1"), ErrorKind::Staggered);
        assert_eq!(failure("u 1 2 3\na 1 2 *3"), ErrorKind::NoDonors);
        assert_eq!(failure("u 1 2 3\na *1 2 3\nb 1 2 3"), ErrorKind::TooFewPeriods);
    }

    #[test]
    fn long_data_and_a_panel_make_the_same_comparison() {
        let panel = Panel::from_text("u 1 2 3\na 1 2 *3\nb 3 4 *7\nc 0 1 1\nd 5 5 5").unwrap();
        let (one, two) =
            (Design::new(&panel).unwrap(), Design::from_cells(&Cells::from_panel(&panel).unwrap()).unwrap());
        assert_eq!((one.treated(), one.donor(1), one.n_pre()), (two.treated(), two.donor(1), two.n_pre()));
        assert_eq!((two.donors(), two.n_treated()), (["2".to_owned(), "3".to_owned()].as_slice(), 2));
    }

    #[test]
    fn treated_units_are_averaged_and_placebos_swap_places() {
        let panel = Panel::from_text("u 1 2 3\na 1 2 *3\nb 3 4 *7\nc 0 1 1\nd 5 5 5").unwrap();
        let design = Design::new(&panel).unwrap();
        assert_eq!(design.treated(), [2.0, 3.0, 5.0]);
        let placebo = design.placebo(0).unwrap();
        assert_eq!(
            (placebo.treated(), placebo.donors()),
            ([0.0, 1.0, 1.0].as_slice(), ["d".to_owned()].as_slice())
        );
        assert_eq!(placebo.placebo(0).unwrap_err().kind(), ErrorKind::NoDonors);
        assert_eq!(design.placebo(2).unwrap_err().kind(), ErrorKind::Shape);
        let shorter = design.without_period(0).unwrap();
        assert_eq!((shorter.donor(0), shorter.n_pre()), ([1.0, 1.0].as_slice(), 1));
        assert_eq!(shorter.without_period(0).unwrap_err().kind(), ErrorKind::TooFewPeriods);
        assert_eq!(design.without_period(2).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(design.backdate(1).unwrap().n_post(), 1);
        assert_eq!(design.backdate(2).unwrap_err().kind(), ErrorKind::TooFewPeriods);
    }
}
