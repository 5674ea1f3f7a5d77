//! The two-way fixed-effects event study: one coefficient for each period since adoption.
//!
//! Formula: y_it = alpha_i + lambda_t + sum_e beta_e 1[t - g_i = e] + x_it'b + u_it, e over all event times but the
//! reference ones; units that are never treated have no indicator.
//!
//! Estimand: with one adoption date, beta_e is the effect e periods after adoption less that at the reference;
//! with several and effects that differ between cohorts, each beta_e mixes effects of other event times: use
//! [`sun_abraham`](crate::sun_abraham()), [`callaway_santanna`](crate::callaway_santanna()) or
//! [`imputation`](crate::imputation()).
//! Assumptions: parallel trends, no anticipation before the reference, the same effects in all cohorts.
//! Without units that are never treated two references are needed; the last indicators that are combinations of the
//! others are then left out, with a caveat.
//! Paper: Sun and Abraham (2021), doi:10.1016/j.jeconom.2020.09.006, on what the coefficients mean.
//! Known failures: staggered adoption with effects that differ between cohorts; a test of the leads says little
//! where it has little power (see [`honest`](crate::honest())).
//! Equal to R `fixest` 0.12.2 `feols(y ~ i(rel, ref = -1) | unit + period)`: points and standard errors to 1e-9.

use crate::regression::Columns;
use crate::twfe::{PanelRegression, covariates, in_order};
use crate::{Cells, Error, ErrorKind, Estimates, Result};
use std::ops::Range;

/// Marks a row without event time.
const NEVER: u32 = u32::MAX;

/// Options of [`event_study()`].
#[derive(Debug, Clone, PartialEq)]
pub struct EventStudyOptions {
    /// Event times without an indicator; default -1.
    pub reference: Vec<i64>,
    /// Event times up to this one share an indicator; default none do.
    pub bin_before: Option<i64>,
    /// Event times from this one on share an indicator; default none do.
    pub bin_after: Option<i64>,
    /// Covariance and absorption.
    pub regression: PanelRegression,
}

impl Default for EventStudyOptions {
    fn default() -> Self {
        Self {
            reference: vec![-1],
            bin_before: None,
            bin_after: None,
            regression: PanelRegression::default(),
        }
    }
}

/// Coefficients `event_time=e` in rising order, of which binned ends are called `event_time<=e` and `event_time>=e`;
/// covariates follow.
///
/// ```
/// use evenhand_estimate::{Cells, EventStudyOptions, event_study};
/// let unit: Vec<usize> = (0..12).map(|row| row / 4).collect();
/// let year: Vec<f64> = (0..12).map(|row| 2000.0 + (row % 4) as f64).collect();
/// let y = [1.0, 2.0, 5.0, 7.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 3.0];
/// let cohort = [2002.0, 2002.0, 2002.0, 2002.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
/// let cells = Cells::new(&unit, &year, &y)?.with_cohort(&cohort)?;
/// let found = event_study(&cells, &EventStudyOptions::default())?;
/// let at = |e| found.at_event_time(e).unwrap().estimate.estimate;
/// assert!(at(-2).abs() < 1e-12 && (at(0) - 2.0).abs() < 1e-12 && (at(1) - 3.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`], [`ErrorKind::Domain`] when no event time is left beside the references or the bins
/// overlap, [`ErrorKind::Collinear`], and those of [`ols`](crate::regression::ols).
pub fn event_study(cells: &Cells, options: &EventStudyOptions) -> Result<Estimates> {
    let indicators = Indicators::new(cells, options)?;
    let times = indicators.times;
    let names: Vec<String> = times.iter().map(|&e| name(e, options)).collect();
    let columns: Columns = covariates(cells)?.sparse(names.clone(), indicators.at, None)?;
    let fit = options.regression.fit(cells, columns)?;
    let place = |name: &String| fit.names.iter().position(|own| own == name);
    let kept: Vec<(i64, usize)> =
        times.iter().zip(&names).filter_map(|(&e, name)| Some((e, place(name)?))).collect();
    if kept.is_empty() {
        return Err(Error::new(
            ErrorKind::Collinear,
            "unit and period effects or covariates explain every event time",
        ));
    }
    let is_event = |j: &usize| kept.iter().any(|(_, at)| at == j);
    let others = (0..fit.names.len()).filter(|j| !is_event(j));
    let order: Vec<usize> = kept.iter().map(|(_, at)| *at).chain(others).collect();
    let mut found = in_order("event-study", &fit, cells, &order);
    for (term, (e, _)) in found.terms.iter_mut().zip(&kept) {
        term.event_time = Some(*e);
    }
    found.options = vec![
        ("reference", format!("{:?}", options.reference)),
        ("bin_before", format!("{:?}", options.bin_before)),
        ("bin_after", format!("{:?}", options.bin_after)),
    ];
    found.options.extend(options.regression.echo(cells));
    Ok(found)
}

fn name(e: i64, options: &EventStudyOptions) -> String {
    match (options.bin_before, options.bin_after) {
        (Some(first), _) if e == first => format!("event_time<={e}"),
        (_, Some(last)) if e == last => format!("event_time>={e}"),
        _ => format!("event_time={e}"),
    }
}

/// The indicator of each row, and the event time of each indicator in rising order.
struct Indicators {
    at: Vec<u32>,
    times: Vec<i64>,
}

impl Indicators {
    fn new(cells: &Cells, options: &EventStudyOptions) -> Result<Self> {
        let (low, high) = (options.bin_before.unwrap_or(i64::MIN), options.bin_after.unwrap_or(i64::MAX));
        if low >= high {
            let message =
                format!("bins up to {low} and from {high}, expected the first to end below the second");
            return Err(Error::new(ErrorKind::Domain, message));
        }
        let (mut at, least) = event_times(cells, low, high)?;
        let mut is_seen = Vec::new();
        for &place in at.iter().filter(|place| **place != NEVER) {
            if place as usize >= is_seen.len() {
                is_seen.resize(place as usize + 1, false);
            }
            is_seen[place as usize] = true;
        }
        let mut times = Vec::new();
        let column: Vec<u32> = (least..)
            .zip(is_seen)
            .map(|(e, is_seen)| {
                if !is_seen || options.reference.contains(&e) {
                    return NEVER;
                }
                times.push(e);
                times.len() as u32 - 1
            })
            .collect();
        if times.is_empty() {
            return Err(Error::new(ErrorKind::Domain, "no event time beside the references"));
        }
        at.iter_mut().filter(|at| **at != NEVER).for_each(|at| *at = column[*at as usize]);
        Ok(Self { at, times })
    }
}

/// Event time of each row, between the bounds, less the least one; and the least one.
fn event_times(cells: &Cells, low: i64, high: i64) -> Result<(Vec<u32>, i64)> {
    let runs = || unit_runs(cells);
    let time = |row: usize| cells.event_time(row).map(|e| e.clamp(low, high));
    // Within a unit event times rise with the rows: its first row has the least.
    let Some(least) = runs().filter_map(|rows| time(rows.start)).min() else {
        return Err(Error::new(ErrorKind::NoTreated, "no unit is ever treated"));
    };
    let mut at = vec![NEVER; cells.n_obs()];
    for rows in runs() {
        let (Some(first), start) = (cells.event_time(rows.start), cells.period().at(rows.start)) else {
            continue;
        };
        let last = rows.end - 1;
        // One step a period, unless the cohort lies outside the periods and its times are on their scale.
        let is_regular = cells
            .event_time(last)
            .is_some_and(|e| e - first == cells.period().at(last) as i64 - start as i64);
        for row in rows {
            let e = if is_regular {
                (first + cells.period().at(row) as i64 - start as i64).clamp(low, high)
            } else {
                time(row).unwrap_or(low)
            };
            at[row] = u32::try_from(e - least).unwrap_or(NEVER);
        }
    }
    Ok((at, least))
}

/// Rows of each unit; rows of cross-sections are units of their own.
pub(crate) fn unit_runs(cells: &Cells) -> impl Iterator<Item = Range<usize>> {
    let codes = cells.unit().codes();
    let mut start = 0;
    codes.chunk_by(|a, b| a == b).map(move |run| {
        let rows = start..start + run.len();
        start = rows.end;
        rows
    })
}
