//! Sun and Abraham's interaction-weighted estimator: an event study that keeps cohorts apart.
//!
//! Formula: y_it = alpha_i + lambda_t + sum_g sum_e delta_ge 1[g_i = g] 1[t - g = e] + x_it'b + u_it, e over all event
//! times but the reference ones, g over all cohorts but the reference one; then the effect at e is
//! sum_g s_ge delta_ge, with s_ge the share of cohort g among the (weighted) rows at e. Its variance takes the shares
//! as known.
//!
//! Estimand: the mean over cohorts of the effect e periods after adoption; with `Att`, over all treated rows.
//! Assumptions: parallel trends of each cohort with the reference cohort, no anticipation before the reference
//! periods; effects may differ between cohorts.
//! The reference is the never treated (with cohorts after the last period). Without them it is the cohort treated
//! last, periods from its adoption on left out, with a caveat. Units treated in all periods are left out, with a
//! caveat.
//! On a balanced panel without covariates, with weights that are constant in units and clusters of units, delta_ge is
//! a difference in differences of cohort means, and its scores are sums of residuals: nothing is inverted.
//! Paper: Sun and Abraham (2021), doi:10.1016/j.jeconom.2020.09.006.
//! Known failures: small cohorts, whose own errors the clustered covariance does not see.
//! Equal to R `fixest` 0.12.2 `sunab`: points and standard errors to 1e-9. `fixest` takes a cohort that is no value of
//! the period for never treated; here it starts with the next period.

use crate::estimate::Tails;
use crate::event_study::unit_runs;
use crate::regression::{Absorber, Vcov, count_parameters, parents};
use crate::twfe::{PanelRegression, caveats, cluster_caveat, covariates};
use crate::{Caveat, Cells, Error, ErrorKind, Estimate, Estimates, Result, Term};
use evenhand_linalg::Matrix;

/// Which cohort the others are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ReferenceCohort {
    /// Units that are not treated by the last period; without any, as `LastTreated`.
    #[default]
    NeverTreated,
    /// The cohort treated last, before any of it is treated; the never treated are left out.
    LastTreated,
    /// Whoever is not treated by the last period, be it no one: interactions that are combinations of those before
    /// them are then left out, in the order of event times and cohorts, as `fixest` does.
    AsFixest,
    /// That cohort too, all its rows kept, as `ref.c` of `fixest`.
    Cohort(f64),
}

/// Over what effects are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SunAbrahamBy {
    /// One effect for each event time, `event_time=e`.
    #[default]
    EventTime,
    /// One effect over all rows after adoption, `att`.
    Att,
    /// One effect after adoption for each cohort, `cohort=g`.
    Cohort,
    /// Each cohort at each event time, `att(g,t)`.
    Cell,
}

/// Options of [`sun_abraham()`].
#[derive(Debug, Clone, PartialEq)]
pub struct SunAbrahamOptions {
    /// Event times without an indicator; default -1.
    pub reference: Vec<i64>,
    /// Default: the never treated.
    pub reference_cohort: ReferenceCohort,
    /// Default: event times.
    pub by: SunAbrahamBy,
    /// Covariance and absorption.
    pub regression: PanelRegression,
}

impl Default for SunAbrahamOptions {
    fn default() -> Self {
        Self {
            reference: vec![-1],
            reference_cohort: ReferenceCohort::default(),
            by: SunAbrahamBy::default(),
            regression: PanelRegression::default(),
        }
    }
}

/// Effects by event time, cohort, cell or overall; covariates follow.
///
/// ```
/// use evenhand_estimate::{Cells, SunAbrahamOptions, sun_abraham};
/// let unit: Vec<usize> = (0..12).map(|row| row / 4).collect();
/// let year: Vec<f64> = (0..12).map(|row| 2000.0 + (row % 4) as f64).collect();
/// let y = [1.0, 2.0, 5.0, 7.0, 2.0, 3.0, 4.0, 6.0, 0.0, 1.0, 2.0, 3.0];
/// let cohort = [2002.0, 2002.0, 2002.0, 2002.0, 2003.0, 2003.0, 2003.0, 2003.0, 0.0, 0.0, 0.0, 0.0];
/// let cells = Cells::new(&unit, &year, &y)?.with_cohort(&cohort)?;
/// let found = sun_abraham(&cells, &SunAbrahamOptions::default())?;
/// // Cohort 2002 gains 2 at adoption, cohort 2003 gains 1.
/// assert!((found.at_event_time(0).unwrap().estimate.estimate - 1.5).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`], [`ErrorKind::NoDonors`] when nothing is left to compare with, [`ErrorKind::Domain`] for
/// a reference cohort that does not occur, [`ErrorKind::Collinear`], and those of [`ols`](crate::regression::ols).
pub fn sun_abraham(cells: &Cells, options: &SunAbrahamOptions) -> Result<Estimates> {
    let mut notes = Vec::new();
    let cells = &chosen(cells, options, &mut notes)?;
    let design = Interactions::new(cells, options)?;
    let mut found = match Balanced::new(cells, &design, options) {
        Some(balanced) => balanced.estimates(cells, &design, options)?,
        None => by_regression(cells, &design, options)?,
    };
    found.caveats.extend(notes);
    found.options = vec![
        ("reference", format!("{:?}", options.reference)),
        ("reference_cohort", format!("{:?}", options.reference_cohort)),
        ("by", format!("{:?}", options.by)),
    ];
    found.options.extend(options.regression.echo(cells));
    Ok(found)
}

/// The cells without units that are always treated and, when the last cohort is the reference, without the periods
/// in which it is treated.
fn chosen(cells: &Cells, options: &SunAbrahamOptions, notes: &mut Vec<Caveat>) -> Result<Cells> {
    let first = cells.periods()[0];
    let always: usize = unit_runs(cells).filter(|rows| cells.cohort()[rows.start] <= first).count();
    let mut cells = cells.clone();
    if always > 0 {
        let kept: Vec<usize> = (0..cells.n_obs()).filter(|&row| cells.cohort()[row] > first).collect();
        if kept.is_empty() {
            return Err(Error::new(ErrorKind::NoDonors, "every unit is treated from the first period on"));
        }
        notes.push(Caveat::AlwaysTreated { n_units: always });
        cells = cells.select(&kept);
    }
    let last = cells.periods()[cells.periods().len() - 1];
    let treated: Vec<f64> = cells.cohorts().into_iter().filter(|g| *g <= last).collect();
    let Some(&latest) = treated.last() else {
        return Err(Error::new(ErrorKind::NoTreated, "no unit is treated after the first period"));
    };
    let has_never = cells.cohort().iter().any(|g| *g > last);
    match options.reference_cohort {
        ReferenceCohort::NeverTreated if has_never => return Ok(cells),
        ReferenceCohort::AsFixest => return Ok(cells),
        ReferenceCohort::Cohort(g) if treated.iter().any(|own| (own - g).abs() <= 0.0) => return Ok(cells),
        ReferenceCohort::Cohort(g) => {
            return Err(Error::new(
                ErrorKind::Domain,
                format!("reference cohort {g} is not among the treated"),
            ));
        }
        _ => {}
    }
    if treated.len() < 2 {
        return Err(Error::new(ErrorKind::NoDonors, "one cohort and no unit that is never treated"));
    }
    notes.push(Caveat::Note(format!(
        "cohort {latest} is the reference: periods from {latest} on are left out, where it is treated itself"
    )));
    let is_kept = |row: &usize| cells.time(*row) < latest && !(has_never && cells.cohort()[*row] > last);
    let kept: Vec<usize> = (0..cells.n_obs()).filter(is_kept).collect();
    Ok(cells.select(&kept))
}

/// A cohort at an event time: one interaction.
#[derive(Debug, Clone, Copy)]
struct Cell {
    cohort: f64,
    event_time: i64,
    /// Sum of the weights of its rows.
    weight: f64,
}

/// The interactions, event times first, then cohorts.
struct Interactions {
    cells: Vec<Cell>,
    /// Of each row, above the last for none.
    at: Vec<u32>,
}

impl Interactions {
    fn new(cells: &Cells, options: &SunAbrahamOptions) -> Result<Self> {
        let last = cells.periods()[cells.periods().len() - 1];
        let cohorts: Vec<f64> = cells.cohorts().into_iter().filter(|g| *g <= last).collect();
        let n_periods = cells.periods().len() as i64;
        let is_reference = |g: f64| match options.reference_cohort {
            ReferenceCohort::Cohort(reference) => (g - reference).abs() <= 0.0,
            _ => false,
        };
        // A place for each event time from -T to T, of each cohort.
        let place = |e: i64, cohort: usize| (e + n_periods) as usize * cohorts.len() + cohort;
        let mut weight = vec![0.0; (2 * n_periods as usize + 1) * cohorts.len()];
        let mut at = vec![u32::MAX; cells.n_obs()];
        for rows in unit_runs(cells) {
            let g = cells.cohort()[rows.start];
            if g > last || is_reference(g) {
                continue;
            }
            let cohort = cohorts.partition_point(|own| *own < g);
            let Some(first) = cells.event_time(rows.start) else { continue };
            let first = first - cells.period().at(rows.start) as i64;
            for row in rows {
                let e = first + cells.period().at(row) as i64;
                if !options.reference.contains(&e) {
                    let place = place(e, cohort);
                    weight[place] += cells.weights().map_or(1.0, |weights| weights[row]);
                    at[row] = place as u32;
                }
            }
        }
        let mut found = Vec::new();
        let column: Vec<u32> = (weight.iter().enumerate())
            .map(|(place, &weight)| {
                if weight <= 0.0 {
                    return u32::MAX;
                }
                let event_time = (place / cohorts.len()) as i64 - n_periods;
                found.push(Cell { cohort: cohorts[place % cohorts.len()], event_time, weight });
                found.len() as u32 - 1
            })
            .collect();
        if found.is_empty() {
            return Err(Error::new(
                ErrorKind::Domain,
                "no interaction beside the reference cohort and periods",
            ));
        }
        at.iter_mut().filter(|at| **at != u32::MAX).for_each(|at| *at = column[*at as usize]);
        Ok(Self { cells: found, at })
    }
}

/// One row of the table of results: a weighted mean of interactions.
struct Mean {
    term: Term,
    /// Interaction and share.
    shares: Vec<(usize, f64)>,
}

/// The means asked for, over those of the interactions that are kept.
fn means(cells: &Cells, all: &[Cell], by: SunAbrahamBy, is_kept: impl Fn(usize) -> bool) -> Vec<Mean> {
    let blank = Estimate::from_std_error(0.0, 0.0, None);
    let mut found: Vec<(f64, Mean)> = Vec::new();
    for (at, cell) in all.iter().enumerate().filter(|(at, _)| is_kept(*at)) {
        if matches!(by, SunAbrahamBy::Att | SunAbrahamBy::Cohort) && cell.event_time < 0 {
            continue;
        }
        let e = cell.event_time;
        let (key, term) = match by {
            SunAbrahamBy::EventTime => (e as f64, Term::at_event_time(e, blank)),
            SunAbrahamBy::Att => (0.0, Term::new("att", blank)),
            SunAbrahamBy::Cohort => {
                let name = format!("cohort={}", cell.cohort);
                (cell.cohort, Term { cohort: Some(cell.cohort), ..Term::new(name, blank) })
            }
            SunAbrahamBy::Cell => {
                let first = cells.periods().partition_point(|t| *t < cell.cohort) as i64;
                let period = usize::try_from(first + e).ok().and_then(|t| cells.periods().get(t).copied());
                let name = format!("att({},{})", cell.cohort, period.unwrap_or(f64::NAN));
                let term =
                    Term { cohort: Some(cell.cohort), period, event_time: Some(e), ..Term::new(name, blank) };
                (at as f64, term)
            }
        };
        let share = (at, cell.weight);
        match found.iter_mut().find(|(own, _)| (own - key).abs() <= 0.0) {
            Some((_, mean)) if by != SunAbrahamBy::Cell => mean.shares.push(share),
            _ => found.push((key, Mean { term, shares: vec![share] })),
        }
    }
    found.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let scaled = |(_, mut mean): (f64, Mean)| {
        let total: f64 = mean.shares.iter().map(|(_, weight)| weight).sum();
        mean.shares.iter_mut().for_each(|(_, weight)| *weight /= total);
        mean
    };
    found.into_iter().map(scaled).collect()
}

fn by_regression(cells: &Cells, design: &Interactions, options: &SunAbrahamOptions) -> Result<Estimates> {
    let name = |cell: &Cell| format!("event_time={}:cohort={}", cell.event_time, cell.cohort);
    let names: Vec<String> = design.cells.iter().map(name).collect();
    let columns = covariates(cells)?.sparse(names.clone(), design.at.clone(), None)?;
    let fit = options.regression.fit(cells, columns)?;
    let place: Vec<Option<usize>> =
        names.iter().map(|name| fit.names.iter().position(|own| own == name)).collect();
    let means = means(cells, &design.cells, options.by, |at| place[at].is_some());
    if means.is_empty() {
        return Err(Error::new(ErrorKind::Collinear, "the effects or covariates explain every interaction"));
    }
    let (m, k) = (means.len(), fit.names.len());
    let others: Vec<usize> = (0..k).filter(|j| !place.contains(&Some(*j))).collect();
    let mut weights = Matrix::zeros(m + others.len(), k);
    for (i, mean) in means.iter().enumerate() {
        for &(at, share) in &mean.shares {
            if let Some(j) = place[at] {
                weights[(i, j)] = share;
            }
        }
    }
    others.iter().enumerate().for_each(|(i, &j)| weights[(m + i, j)] = 1.0);
    let points = weights.mul_vec(&fit.coefficients);
    let matrix = weights.mul(&fit.covariance.matrix).mul(&weights.transpose());
    let rest = others.iter().map(|&j| fit.terms()[j].clone());
    let mut terms: Vec<Term> = means.into_iter().map(|mean| mean.term).chain(rest).collect();
    set(&mut terms, &points, &matrix, fit.covariance.df);
    Ok(Estimates {
        terms,
        vcov: Some(matrix),
        caveats: caveats(&fit, cells),
        ..fit.estimates("sun-abraham", cells.n_units(), cells.periods().len())
    })
}

fn set(terms: &mut [Term], points: &[f64], matrix: &Matrix, df: Option<f64>) {
    let tails = Tails::new(df);
    for (i, term) in terms.iter_mut().enumerate() {
        term.estimate = tails.estimate(points[i], matrix[(i, i)].max(0.0).sqrt());
    }
}

/// A balanced panel whose interactions are saturated: cohort means are sufficient.
struct Balanced {
    /// Group of each unit: 0 for the reference, then cohorts.
    group: Vec<usize>,
    /// Weight of each unit.
    weight: Vec<f64>,
    /// Cohort, period of reference and summed weight of each group; the first entry is the reference's.
    groups: Vec<Group>,
    /// Weighted mean outcome by group and period, shape (T, groups).
    means: Matrix,
}

struct Group {
    cohort: f64,
    first: usize,
    reference: usize,
    weight: f64,
}

impl Balanced {
    /// `None` when the regression is not of that form, or its covariance not of clusters of units.
    fn new(cells: &Cells, design: &Interactions, options: &SunAbrahamOptions) -> Option<Self> {
        let [reference] = options.reference[..] else { return None };
        let is_plain = cells.is_balanced()
            && cells.covariates().is_empty()
            && !matches!(options.reference_cohort, ReferenceCohort::Cohort(_));
        let vcov = options.regression.vcov(cells);
        let Vcov::Cluster(clusters) = &vcov else { return None };
        let [cluster] = &clusters[..] else { return None };
        if !is_plain || cluster.len() != cells.n_obs() || parents(cells.unit(), cluster).is_none() {
            return None;
        }
        let n_periods = cells.periods().len();
        let weights: Option<Vec<f64>> = unit_runs(cells)
            .map(|rows| match cells.weights() {
                None => Some(1.0),
                Some(all) => {
                    let own = all[rows.start];
                    all[rows].iter().all(|w| (w - own).abs() <= 0.0).then_some(own)
                }
            })
            .collect();
        let weight = weights?;
        let mut groups = vec![Group { cohort: f64::INFINITY, first: n_periods, reference: 0, weight: 0.0 }];
        let mut cohorts: Vec<f64> = design.cells.iter().map(|cell| cell.cohort).collect();
        cohorts.sort_by(f64::total_cmp);
        cohorts.dedup_by(|a, b| (*a - *b).abs() <= 0.0);
        for cohort in cohorts {
            let first = cells.periods().partition_point(|t| *t < cohort);
            let reference = usize::try_from(first as i64 + reference).ok().filter(|t| *t < n_periods)?;
            groups.push(Group { cohort, first, reference, weight: 0.0 });
        }
        let group: Vec<usize> = unit_runs(cells)
            .map(|rows| {
                let g = cells.cohort()[rows.start];
                groups.iter().position(|own| (own.cohort - g).abs() <= 0.0).unwrap_or(0)
            })
            .collect();
        let mut means = Matrix::zeros(n_periods, groups.len());
        for ((rows, &h), &w) in unit_runs(cells).zip(&group).zip(&weight) {
            groups[h].weight += w;
            means.col_mut(h).iter_mut().zip(&cells.outcome()[rows]).for_each(|(sum, y)| *sum += w * y);
        }
        // Without a reference the interactions are not saturated.
        if groups.iter().any(|group| group.weight <= 0.0) {
            return None;
        }
        for (column, group) in means.cols_mut().zip(&groups) {
            column.iter_mut().for_each(|sum| *sum /= group.weight);
        }
        Some(Self { group, weight, groups, means })
    }

    fn estimates(
        &self,
        cells: &Cells,
        design: &Interactions,
        options: &SunAbrahamOptions,
    ) -> Result<Estimates> {
        let means = means(cells, &design.cells, options.by, |_| true);
        let vcov = options.regression.vcov(cells);
        let (Vcov::Cluster(clusters), small) = (&vcov, &options.regression.small_sample) else {
            return Err(Error::new(ErrorKind::Domain, "a covariance that is not clustered"));
        };
        let cluster = &clusters[0];
        let n_clusters = cluster.n_levels();
        if n_clusters < 2 {
            let message = format!("{n_clusters} cluster, expected two or more");
            return Err(Error::new(ErrorKind::TooFewClusters, message));
        }
        let absorber = Absorber::new(&[cells.unit(), cells.period()], None)?;
        let n_parameters = count_parameters(design.cells.len(), &absorber, clusters, small);
        let df = cells.n_obs() as f64 - n_parameters as f64;
        if df < 1.0 {
            let message = format!("{} rows and {n_parameters} parameters", cells.n_obs());
            return Err(Error::new(ErrorKind::Degenerate, message));
        }
        let loads: Vec<Vec<Vec<(usize, f64)>>> = means.iter().map(|mean| self.loads(design, mean)).collect();
        let points: Vec<f64> = (loads.iter())
            .map(|loads| loads.iter().enumerate().map(|(h, load)| apply(load, self.means.col(h))).sum())
            .collect();
        let influence = self.influence(cells, cluster.codes(), n_clusters, &loads);
        let mut correction = if small.adjust { (cells.n_obs() as f64 - 1.0) / df } else { 1.0 };
        if small.adjust_clusters {
            correction *= n_clusters as f64 / (n_clusters as f64 - 1.0);
        }
        let matrix = influence.gram().scaled(correction);
        let df = small.df(Some(n_clusters), df);
        let mut terms: Vec<Term> = means.into_iter().map(|mean| mean.term).collect();
        set(&mut terms, &points, &matrix, df);
        let mut caveats = cells.caveats().to_vec();
        caveats.extend(cluster_caveat(cells));
        Ok(Estimates {
            method: "sun-abraham",
            terms,
            vcov: Some(matrix),
            n_obs: cells.n_obs(),
            n_units: cells.n_units(),
            n_periods: cells.periods().len(),
            n_clusters: Some(n_clusters),
            seed: None,
            options: Vec::new(),
            caveats,
        })
    }

    /// What a mean of effects makes of each group's mean outcomes, as periods and factors: an effect is a group's
    /// change since its reference period less that of the reference group.
    fn loads(&self, design: &Interactions, mean: &Mean) -> Vec<Vec<(usize, f64)>> {
        let mut dense: Vec<Vec<f64>> = vec![Vec::new(); self.groups.len()];
        dense[0] = vec![0.0; self.means.n_rows()];
        for &(at, share) in &mean.shares {
            let cell = design.cells[at];
            let h =
                self.groups.iter().position(|group| (group.cohort - cell.cohort).abs() <= 0.0).unwrap_or(0);
            let t = (self.groups[h].first as i64 + cell.event_time) as usize;
            if dense[h].is_empty() {
                dense[h] = vec![0.0; self.means.n_rows()];
            }
            for (group, sign) in [(h, 1.0), (0, -1.0)] {
                dense[group][t] += sign * share;
                dense[group][self.groups[h].reference] -= sign * share;
            }
        }
        let sparse = |load: Vec<f64>| load.into_iter().enumerate().filter(|(_, x)| x.abs() > 0.0).collect();
        dense.into_iter().map(sparse).collect()
    }

    /// Each cluster's part in each mean, shape (clusters, means): residuals weighted as the outcomes are.
    fn influence(
        &self,
        cells: &Cells,
        clusters: &[u32],
        n_clusters: usize,
        loads: &[Vec<Vec<(usize, f64)>>],
    ) -> Matrix {
        let mut influence = Matrix::zeros(n_clusters, loads.len());
        let n_periods = self.means.n_rows();
        let level = |values: &[f64]| values.iter().sum::<f64>() / n_periods as f64;
        let levels: Vec<f64> = (0..self.groups.len()).map(|h| level(self.means.col(h))).collect();
        let mut residual = vec![0.0; n_periods];
        for ((rows, &h), &w) in unit_runs(cells).zip(&self.group).zip(&self.weight) {
            let y = &cells.outcome()[rows.clone()];
            let own = level(y) - levels[h];
            residual.iter_mut().zip(y).zip(self.means.col(h)).for_each(|((u, y), mean)| *u = y - mean - own);
            let (g, scale) = (clusters[rows.start] as usize, w / self.groups[h].weight);
            for (j, load) in loads.iter().enumerate().filter(|(_, load)| !load[h].is_empty()) {
                influence[(g, j)] += scale * apply(&load[h], &residual);
            }
        }
        influence
    }
}

fn apply(load: &[(usize, f64)], values: &[f64]) -> f64 {
    load.iter().map(|&(t, x)| x * values[t]).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::SmallSample;
    use crate::{EventStudyOptions, Factor, Stream, event_study, twfe};
    use proptest::prelude::*;

    /// Cohorts 0 (never), 4, 6 and, where asked, 1 over 8 periods; effects rise by 1 a period, twice as fast in
    /// cohort 6.
    fn staggered(seed: u64, n_units: usize, noise: f64) -> (Vec<usize>, Vec<f64>, Vec<f64>, Vec<f64>) {
        let (stream, mut index) = (Stream::new(seed, 0), 0);
        let mut uniform = || {
            index += 1;
            stream.uniform(index)
        };
        let (mut unit, mut period, mut y, mut g) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for i in 0..n_units {
            let (cohort, level) = ([0.0, 4.0, 6.0][i % 3], uniform() * 5.0);
            for t in 1..=8 {
                let e = f64::from(t) - cohort;
                let slope = if cohort > 5.0 { 2.0 } else { 1.0 };
                let effect = if cohort > 0.0 && e >= 0.0 { slope * (e + 1.0) } else { 0.0 };
                unit.push(i);
                period.push(f64::from(t));
                g.push(cohort);
                y.push(level + (f64::from(t) * 0.7).sin() + effect + noise * (uniform() - 0.5));
            }
        }
        (unit, period, y, g)
    }

    fn cells(seed: u64, n_units: usize, noise: f64) -> Cells {
        let (unit, period, y, g) = staggered(seed, n_units, noise);
        Cells::new(&unit, &period, &y).unwrap().with_cohort(&g).unwrap()
    }

    fn by(by: SunAbrahamBy) -> SunAbrahamOptions {
        SunAbrahamOptions { by, ..SunAbrahamOptions::default() }
    }

    #[track_caller]
    fn same(one: &Estimates, two: &Estimates) {
        assert_eq!(one.terms.len(), two.terms.len());
        for (one, two) in one.terms.iter().zip(&two.terms) {
            assert_eq!(one.term, two.term);
            for (a, b) in [
                (one.estimate.estimate, two.estimate.estimate),
                (one.estimate.std_error.unwrap(), two.estimate.std_error.unwrap()),
            ] {
                assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{}: {a}, expected {b}", one.term);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10))]
        #[test]
        fn cohort_means_give_what_the_regression_gives(seed in 0u64..1000, weighted: bool, wide: bool) {
            let mut cells = cells(seed, 24, 1.0);
            if weighted {
                let weights: Vec<f64> = (0..cells.n_obs()).map(|row| 1.0 + (row / 8 % 5) as f64).collect();
                cells = cells.with_weights(&weights).unwrap();
            }
            if wide {
                let clusters = cells.unit().codes().iter().map(|i| i / 2).collect::<Vec<_>>();
                cells = cells.with_cluster(&Factor::from_codes(&clusters)).unwrap();
            }
            for by in [SunAbrahamBy::EventTime, SunAbrahamBy::Att, SunAbrahamBy::Cohort, SunAbrahamBy::Cell] {
                for small_sample in [SmallSample::fixest(), SmallSample::none()] {
                    let mut options = SunAbrahamOptions { by, ..SunAbrahamOptions::default() };
                    options.regression.small_sample = small_sample;
                    let design = Interactions::new(&cells, &options).unwrap();
                    prop_assert!(Balanced::new(&cells, &design, &options).is_some());
                    same(&sun_abraham(&cells, &options).unwrap(), &by_regression(&cells, &design, &options).unwrap());
                }
            }
        }

        #[test]
        fn rows_labels_and_scale_do_not_matter(seed in 0u64..1000, by_hand: bool) {
            let (unit, period, y, g) = staggered(seed, 12, 1.0);
            let kept: Vec<usize> = (0..y.len()).filter(|row| !by_hand || row % 11 != 3).rev().collect();
            let names: Vec<String> = kept.iter().map(|&row| format!("unit {}", 90 - unit[row])).collect();
            let take = |values: &[f64]| kept.iter().map(|&row| values[row]).collect::<Vec<f64>>();
            let moved: Vec<f64> = take(&y).iter().map(|y| 3.0 * y - 7.0).collect();
            let other = Cells::new(&names, &take(&period), &moved).unwrap().with_cohort(&take(&g)).unwrap();
            let rows: Vec<usize> = (0..y.len()).filter(|row| !by_hand || row % 11 != 3).collect();
            let own = Cells::new(&unit, &period, &y).unwrap().with_cohort(&g).unwrap().select(&rows);
            let pairs = [
                (sun_abraham(&own, &by(SunAbrahamBy::EventTime)), sun_abraham(&other, &by(SunAbrahamBy::EventTime))),
                (
                    event_study(&own, &EventStudyOptions::default()),
                    event_study(&other, &EventStudyOptions::default()),
                ),
                (twfe(&own, &PanelRegression::default()), twfe(&other, &PanelRegression::default())),
            ];
            for (one, two) in pairs {
                let (mut one, two) = (one.unwrap(), two.unwrap());
                for term in &mut one.terms {
                    let estimate = term.estimate;
                    let error = estimate.std_error.unwrap();
                    term.estimate = Estimate::from_std_error(3.0 * estimate.estimate, 3.0 * error, None);
                }
                same(&one, &two);
            }
        }
    }

    #[test]
    fn effects_without_noise_come_back_by_cohort() {
        let found = sun_abraham(&cells(1, 30, 0.0), &by(SunAbrahamBy::Cell)).unwrap();
        let at = |name: &str| found.get(name).unwrap().estimate.estimate;
        assert!((at("att(4,4)") - 1.0).abs() < 1e-10 && (at("att(4,8)") - 5.0).abs() < 1e-10);
        assert!((at("att(6,8)") - 6.0).abs() < 1e-10 && at("att(6,2)").abs() < 1e-10);
        let mean = sun_abraham(&cells(1, 30, 0.0), &by(SunAbrahamBy::EventTime)).unwrap();
        assert!((mean.at_event_time(2).unwrap().estimate.estimate - 4.5).abs() < 1e-10);
    }

    // Over 200 seeds the mean of each estimate lies within 4 of its standard errors of the truth, and 95 %
    // intervals cover it in 89 % to 99 % of the seeds: 4 binomial standard errors.
    #[test]
    fn effects_are_recovered_over_seeds() {
        let (mut sum, mut squares, mut covered) = (0.0, 0.0, 0);
        for seed in 0..200 {
            let found = sun_abraham(&cells(seed, 60, 4.0), &by(SunAbrahamBy::EventTime)).unwrap();
            let estimate = found.at_event_time(0).unwrap().estimate;
            sum += estimate.estimate;
            squares += estimate.estimate.powi(2);
            covered += usize::from(estimate.conf_low <= 1.5 && 1.5 <= estimate.conf_high);
        }
        let mean = sum / 200.0;
        let error = ((squares / 200.0 - mean * mean) / 200.0).sqrt();
        assert!((mean - 1.5).abs() < 4.0 * error, "{mean}");
        assert!((178..=198).contains(&covered), "{covered}");
    }

    #[test]
    fn always_treated_units_and_a_missing_reference_are_said() {
        let (unit, period, y, g) = staggered(5, 12, 1.0);
        let early: Vec<f64> = g.iter().zip(&unit).map(|(g, i)| if *i == 1 { 1.0 } else { *g }).collect();
        let own = Cells::new(&unit, &period, &y).unwrap().with_cohort(&early).unwrap();
        let found = sun_abraham(&own, &SunAbrahamOptions::default()).unwrap();
        assert!(found.caveats.contains(&Caveat::AlwaysTreated { n_units: 1 }));
        assert_eq!((found.n_units, found.n_obs), (11, 88));

        let rows: Vec<usize> = (0..y.len()).filter(|row| g[*row] > 0.0).collect();
        let treated = Cells::new(&unit, &period, &y).unwrap().with_cohort(&g).unwrap().select(&rows);
        let found = sun_abraham(&treated, &SunAbrahamOptions::default()).unwrap();
        assert_eq!(found.n_periods, 5); // until cohort 6 is treated
        assert!(
            found
                .caveats
                .iter()
                .any(|caveat| matches!(caveat, Caveat::Note(text) if text.contains("cohort 6")))
        );
        let last = SunAbrahamOptions { reference_cohort: ReferenceCohort::LastTreated, ..Default::default() };
        same(&found, &sun_abraham(&treated, &last).unwrap());
        let plain = SunAbrahamOptions { reference_cohort: ReferenceCohort::AsFixest, ..Default::default() };
        let found = sun_abraham(&treated, &plain).unwrap();
        assert!(found.caveats.iter().any(|caveat| matches!(caveat, Caveat::Collinear { .. })));
        let other =
            SunAbrahamOptions { reference_cohort: ReferenceCohort::Cohort(5.0), ..Default::default() };
        assert_eq!(sun_abraham(&treated, &other).unwrap_err().kind(), ErrorKind::Domain);
        let one: Vec<usize> = (0..y.len()).filter(|row| g[*row] > 5.0).collect();
        let one = Cells::new(&unit, &period, &y).unwrap().with_cohort(&g).unwrap().select(&one);
        assert_eq!(sun_abraham(&one, &SunAbrahamOptions::default()).unwrap_err().kind(), ErrorKind::NoDonors);
        let none = Cells::new(&unit, &period, &y).unwrap();
        assert_eq!(
            sun_abraham(&none, &SunAbrahamOptions::default()).unwrap_err().kind(),
            ErrorKind::NoTreated
        );
        assert_eq!(twfe(&none, &PanelRegression::default()).unwrap_err().kind(), ErrorKind::NoTreated);
        let none = event_study(&none, &EventStudyOptions::default());
        assert_eq!(none.unwrap_err().kind(), ErrorKind::NoTreated);
    }

    #[test]
    fn ends_of_an_event_study_are_binned() {
        let own = cells(8, 15, 1.0);
        let options =
            EventStudyOptions { bin_before: Some(-3), bin_after: Some(2), ..EventStudyOptions::default() };
        let found = event_study(&own, &options).unwrap();
        let names: Vec<&str> = found.terms.iter().map(|term| term.term.as_str()).collect();
        assert_eq!(
            names,
            ["event_time<=-3", "event_time=-2", "event_time=0", "event_time=1", "event_time>=2"]
        );
        assert_eq!(found.at_event_time(2).unwrap().term, "event_time>=2");
        let wrong =
            EventStudyOptions { bin_before: Some(2), bin_after: Some(2), ..EventStudyOptions::default() };
        assert_eq!(event_study(&own, &wrong).unwrap_err().kind(), ErrorKind::Domain);
    }

    #[test]
    fn a_dose_and_cross_sections_have_a_two_way_regression() {
        let (unit, period, y, g) = staggered(3, 12, 0.0);
        let own = Cells::new(&unit, &period, &y).unwrap().with_cohort(&g).unwrap();
        let dose: Vec<f64> = period
            .iter()
            .zip(&g)
            .map(
                |(t, g)| {
                    if *g > 0.0 && t >= g { (t - g + 1.0) * if *g > 5.0 { 2.0 } else { 1.0 } } else { 0.0 }
                },
            )
            .collect();
        let found = twfe(&own.with_treatment(&dose).unwrap(), &PanelRegression::default()).unwrap();
        assert!((found.get("att").unwrap().estimate.estimate - 1.0).abs() < 1e-10);
        // With one level a cohort the cross-sections' cohort effects are enough.
        let flat: Vec<f64> =
            dose.iter().zip(&period).zip(&g).map(|((d, t), g)| 2.0 * d + t * t + g).collect();
        let cross = Cells::cross_sections(&period, &flat).unwrap().with_cohort(&g).unwrap();
        let found = twfe(&cross.with_treatment(&dose).unwrap(), &PanelRegression::default()).unwrap();
        assert!((found.get("att").unwrap().estimate.estimate - 2.0).abs() < 1e-10);
    }

    #[test]
    fn the_threads_do_not_show() {
        let own = cells(2, 120, 1.0)
            .with_covariate("x", &(0..960).map(|row| (row as f64).sin()).collect::<Vec<_>>());
        let own = own.unwrap();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let options = SunAbrahamOptions::default();
                (
                    sun_abraham(&own, &options).unwrap(),
                    event_study(&own, &EventStudyOptions::default()).unwrap(),
                )
            })
        };
        assert_eq!(run(1), run(16));
    }
}
