//! What generalized synthetic control and matrix completion share: Y = X b + alpha_i + xi_t + L_it fitted to untreated
//! cells, L of low rank or small nuclear norm; effects are what treated cells have beyond the fit.
//!
//! Method: expectation–maximization. Cells without an untreated outcome are filled with the fit, then additive effects
//! are means, and L is the truncated (or soft-thresholded) singular value decomposition of what they leave; b is
//! least squares of Y less the rest on observed cells. Each step lowers the objective; every third one is an
//! extrapolation (Varadhan and Roland 2008, doi:10.1111/j.1467-9469.2007.00585.x) that is kept when it does too.

use crate::error::finite;
use crate::rectangle::units_of;
use crate::synthetic_fit::{mean, standard_deviation};
use crate::{Caveat, Cells, Error, ErrorKind, Estimate, Estimates, Result, Stream, Term};
use evenhand_linalg::{Cholesky, Matrix, Qr, SymmetricEigen, dot};
use rayon::prelude::*;

/// Additive effects beside the factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AdditiveEffects {
    /// Of units and of periods.
    #[default]
    Both,
    /// Of units.
    Unit,
    /// Of periods.
    Period,
    /// A common mean only.
    Mean,
}

/// How the standard error is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FactorInference {
    /// Units drawn with replacement, treated and untreated ones apart; several treated units.
    #[default]
    Bootstrap,
    /// Units left out in turn.
    Jackknife,
    /// Fitted values plus drawn errors: residuals for untreated units, prediction errors of untreated units in a
    /// treated unit's place for treated ones (Xu 2017); also for one treated unit.
    Parametric,
    /// None.
    Point,
}

/// How a number is chosen by hiding cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HiddenCells {
    /// How often cells are hidden. Default 10.
    pub folds: usize,
    /// Share of the treated units' untreated cells hidden at a time. Default 0.1.
    pub share: f64,
    /// Consecutive periods hidden together. Default 3.
    pub run: usize,
}

impl Default for HiddenCells {
    fn default() -> Self {
        Self { folds: 10, share: 0.1, run: 3 }
    }
}

/// What a factor model says about treated cells.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorEffects {
    /// `att` (mean over treated cells), `att_by_unit` (mean of unit means), then `event_time=e` for every e; before
    /// treatment these are residuals, which say how well the model fits.
    pub estimates: Estimates,
    /// Every cell of an ever-treated unit.
    pub cells: Vec<CellEffect>,
    /// Coefficients of the covariates.
    pub coefficients: Vec<(String, f64)>,
    /// Factors in L: as chosen, or as many as the penalty leaves.
    pub n_factors: usize,
    /// Penalty of the nuclear norm over N T; `None` for a fixed number of factors.
    pub lambda: Option<f64>,
    /// Candidates and the mean squared error in hidden cells; empty when the number was given.
    pub candidates: Vec<(f64, f64)>,
    /// Mean squared residual over untreated cells.
    pub mean_squared_residual: f64,
    /// Steps to the fit.
    pub iterations: usize,
    /// `att` in each draw or without each unit, in order.
    pub replicates: Vec<f64>,
}

/// One cell of a treated unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellEffect {
    /// Level of the unit in [`Cells::unit`].
    pub unit: usize,
    /// Value of the period.
    pub period: f64,
    /// Periods since treatment.
    pub event_time: i64,
    /// What it would have been.
    pub counterfactual: f64,
    /// Outcome less that.
    pub effect: f64,
}

/// How L is kept small.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Low {
    Rank(usize),
    /// Factors from never-treated units alone; treated units' loadings from their own untreated cells.
    RankFromControls(usize),
    /// Threshold of singular values over N T.
    Nuclear(f64),
}

/// `N` units over `T` periods with holes. Arrays of cells have shape (N, T), row-major.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    units: Vec<usize>,
    periods: Vec<f64>,
    /// Index of the first treated period.
    start: Vec<Option<usize>>,
    outcome: Vec<f64>,
    observed: Vec<bool>,
    names: Vec<String>,
    covariates: Vec<Vec<f64>>,
    additive: AdditiveEffects,
    caveats: Vec<Caveat>,
}

impl Field {
    pub(crate) fn new(cells: &Cells, additive: AdditiveEffects) -> Result<Self> {
        if !cells.is_panel() {
            let message = "repeated cross-sections, expected units followed over time";
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let t = cells.periods().len();
        let mut field = Self {
            units: Vec::new(),
            periods: cells.periods().to_vec(),
            start: Vec::new(),
            outcome: Vec::new(),
            observed: Vec::new(),
            names: cells.covariates().iter().map(|(name, _)| name.clone()).collect(),
            covariates: vec![Vec::new(); cells.covariates().len()],
            additive,
            caveats: cells.caveats().to_vec(),
        };
        let mut always = 0;
        for rows in units_of(cells) {
            let start = field.periods.partition_point(|&time| time < cells.cohort()[rows.start]);
            if rows.clone().all(|row| cells.is_treated(row)) {
                always += 1;
                continue;
            }
            field.units.push(cells.unit().at(rows.start));
            field.start.push((start < t).then_some(start));
            let base = field.outcome.len();
            field.outcome.resize(base + t, 0.0);
            field.observed.resize(base + t, false);
            field.covariates.iter_mut().for_each(|column| column.resize(base + t, 0.0));
            for row in rows {
                let cell = base + cells.period().at(row);
                field.outcome[cell] = cells.outcome()[row];
                field.observed[cell] = true;
                for (column, (_, values)) in field.covariates.iter_mut().zip(cells.covariates()) {
                    column[cell] = values[row];
                }
            }
        }
        if always > 0 {
            field.caveats.push(Caveat::AlwaysTreated { n_units: always });
        }
        if cells.weights().is_some() {
            let note = "sampling weights are not used by this method".to_owned();
            field.caveats.push(Caveat::Note(note));
        }
        field.check()?;
        Ok(field)
    }

    fn check(&self) -> Result<()> {
        if self.start.iter().all(Option::is_none) {
            return Err(Error::new(ErrorKind::NoTreated, "no unit starts treatment inside the window"));
        }
        let untreated = self.untreated();
        for (t, period) in self.periods.iter().enumerate() {
            if !untreated.iter().skip(t).step_by(self.t()).any(|kept| *kept) {
                let message = format!("no unit is untreated in period {period}, expected one in each period");
                return Err(Error::new(ErrorKind::NoDonors, message));
            }
        }
        Ok(())
    }

    /// Two less than the shorter side: what additive effects leave to explain.
    pub(crate) fn most_factors(&self) -> usize {
        self.n().min(self.t()).saturating_sub(2)
    }

    fn n(&self) -> usize {
        self.units.len()
    }

    fn t(&self) -> usize {
        self.periods.len()
    }

    fn is_treated(&self, cell: usize) -> bool {
        self.start[cell / self.t()].is_some_and(|start| cell % self.t() >= start)
    }

    /// Observed untreated cells.
    fn untreated(&self) -> Vec<bool> {
        (0..self.observed.len()).map(|cell| self.observed[cell] && !self.is_treated(cell)).collect()
    }

    /// Those units only, in that order, some perhaps more than once.
    fn rows(&self, rows: &[usize]) -> Self {
        let t = self.t();
        fn taken<A: Copy>(values: &[A], rows: &[usize], t: usize) -> Vec<A> {
            rows.iter().flat_map(|&i| values[i * t..(i + 1) * t].iter().copied()).collect()
        }
        Self {
            units: rows.iter().map(|&i| self.units[i]).collect(),
            periods: self.periods.clone(),
            start: rows.iter().map(|&i| self.start[i]).collect(),
            outcome: taken(&self.outcome, rows, t),
            observed: taken(&self.observed, rows, t),
            names: self.names.clone(),
            covariates: self.covariates.iter().map(|column| taken(column, rows, t)).collect(),
            additive: self.additive,
            caveats: Vec::new(),
        }
    }
}

/// The fitted additive and low-rank parts, shape (N, T), and what belongs to them.
#[derive(Debug, Clone)]
struct State {
    fitted: Vec<f64>,
    /// The penalty's value.
    penalty: f64,
    n_factors: usize,
}

pub(crate) struct Fit {
    /// Everything, covariates too.
    counterfactual: Vec<f64>,
    fitted: Vec<f64>,
    beta: Vec<f64>,
    n_factors: usize,
    mean_squared_residual: f64,
    iterations: usize,
}

/// The fit to the cells of `mask`.
struct Solver<'a> {
    field: &'a Field,
    mask: &'a [bool],
    low: Low,
    /// Factor of X'X over the cells of the mask.
    gram: Option<Cholesky>,
}

impl<'a> Solver<'a> {
    fn new(field: &'a Field, mask: &'a [bool], low: Low) -> Result<Self> {
        let k = field.covariates.len();
        let over = |a: &[f64], b: &[f64]| -> f64 {
            a.iter().zip(b).zip(mask).filter(|(_, kept)| **kept).map(|((a, b), _)| a * b).sum()
        };
        let gram = match k {
            0 => None,
            _ => {
                let products = Matrix::from_fn(k, k, |i, j| over(&field.covariates[i], &field.covariates[j]));
                Some(Cholesky::new(&products).ok_or_else(|| {
                    let message = "covariates over untreated cells: one is a combination of the others or 0";
                    Error::new(ErrorKind::Collinear, message)
                })?)
            }
        };
        Ok(Self { field, mask, low, gram })
    }

    fn beta(&self, fitted: &[f64]) -> Vec<f64> {
        let Some(gram) = &self.gram else { return Vec::new() };
        let along = |column: &Vec<f64>| -> f64 {
            (0..column.len())
                .filter(|&cell| self.mask[cell])
                .map(|cell| column[cell] * (self.field.outcome[cell] - fitted[cell]))
                .sum()
        };
        gram.solve(&self.field.covariates.iter().map(along).collect::<Vec<f64>>())
    }

    /// X b in a cell.
    fn explained(&self, beta: &[f64], cell: usize) -> f64 {
        self.field.covariates.iter().zip(beta).map(|(column, b)| column[cell] * b).sum()
    }

    fn squares(&self, fitted: &[f64]) -> f64 {
        let beta = self.beta(fitted);
        (0..fitted.len())
            .filter(|&cell| self.mask[cell])
            .map(|cell| (self.field.outcome[cell] - fitted[cell] - self.explained(&beta, cell)).powi(2))
            .sum()
    }

    fn objective(&self, state: &State) -> f64 {
        0.5 * self.squares(&state.fitted) + state.penalty
    }

    /// One step: fill, take means, take the low-rank part.
    fn step(&self, fitted: &[f64]) -> Result<State> {
        let (n, t) = (self.field.n(), self.field.t());
        let beta = self.beta(fitted);
        let mut filled: Vec<f64> = (0..fitted.len())
            .map(|cell| match self.mask[cell] {
                true => self.field.outcome[cell] - self.explained(&beta, cell),
                false => fitted[cell],
            })
            .collect();
        let mut found = additive(&filled, n, t, self.field.additive);
        filled.iter_mut().zip(&found).for_each(|(left, part)| *left -= part);
        let (low, penalty, n_factors) = match self.low {
            Low::Rank(0) | Low::RankFromControls(0) => (None, 0.0, 0),
            low => {
                let (part, norm, count) = low_rank(filled, n, t, low)?;
                (Some(part), norm, count)
            }
        };
        if let Some(low) = low {
            found.iter_mut().zip(&low).for_each(|(sum, part)| *sum += part);
        }
        Ok(State { fitted: found, penalty, n_factors })
    }

    /// Steps from `start` until the fit moves by less than `tolerance` of its length.
    fn run(&self, start: Vec<f64>, tolerance: f64, max_steps: usize) -> Result<Fit> {
        let mut state = self.step(&start)?;
        let mut steps = 1;
        while steps < max_steps {
            let one = self.step(&state.fitted)?;
            let moved = distance(&one.fitted, &state.fitted) / length(&state.fitted).max(f64::MIN_POSITIVE);
            let two = self.step(&one.fitted)?;
            steps += 2;
            let first: Vec<f64> = one.fitted.iter().zip(&state.fitted).map(|(a, b)| a - b).collect();
            let turn: Vec<f64> =
                two.fitted.iter().zip(&one.fitted).zip(&first).map(|((a, b), r)| a - b - r).collect();
            let reach = (length(&first) / length(&turn).max(f64::MIN_POSITIVE)).clamp(1.0, 1e4);
            let leap: Vec<f64> = (0..first.len())
                .map(|cell| state.fitted[cell] + 2.0 * reach * first[cell] + reach * reach * turn[cell])
                .collect();
            let three = self.step(&leap)?;
            steps += 1;
            state = if self.objective(&three) <= self.objective(&two) { three } else { two };
            if moved <= tolerance {
                return self.finish(state, steps);
            }
        }
        let message =
            format!("factor model: still moving after {max_steps} steps, expected {tolerance:e} or less");
        Err(Error::new(ErrorKind::NotConverged, message))
    }

    fn finish(&self, state: State, iterations: usize) -> Result<Fit> {
        let beta = self.beta(&state.fitted);
        let counterfactual: Vec<f64> =
            (0..state.fitted.len()).map(|cell| state.fitted[cell] + self.explained(&beta, cell)).collect();
        counterfactual.iter().try_for_each(|y| finite(*y, "fitted value").map(drop))?;
        let cells = self.mask.iter().filter(|kept| **kept).count();
        Ok(Fit {
            mean_squared_residual: self.squares(&state.fitted) / cells as f64,
            counterfactual,
            fitted: state.fitted,
            beta,
            n_factors: state.n_factors,
            iterations,
        })
    }
}

fn length(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// Means of a complete table by unit and period, as asked for.
fn additive(values: &[f64], n: usize, t: usize, effects: AdditiveEffects) -> Vec<f64> {
    let grand = mean(values);
    let (by_unit, by_period) = match effects {
        AdditiveEffects::Both => (true, true),
        AdditiveEffects::Unit => (true, false),
        AdditiveEffects::Period => (false, true),
        AdditiveEffects::Mean => (false, false),
    };
    let units: Vec<f64> = values.chunks_exact(t).map(|row| if by_unit { mean(row) } else { grand }).collect();
    let mut periods = vec![if by_period { 0.0 } else { grand }; t];
    if by_period {
        for row in values.chunks_exact(t) {
            periods.iter_mut().zip(row).for_each(|(sum, y)| *sum += y);
        }
        periods.iter_mut().for_each(|sum| *sum /= n as f64);
    }
    units.iter().flat_map(|unit| periods.iter().map(move |period| unit + period - grand)).collect()
}

/// The low-rank part of a complete table, the penalty's value, and its rank.
fn low_rank(values: Vec<f64>, n: usize, t: usize, low: Low) -> Result<(Vec<f64>, f64, usize)> {
    // Row-major (N, T) is column-major (T, N); vectors live on the shorter side.
    let table = Matrix::from_data(t, n, values);
    let wide = t <= n;
    let products = if wide { table.transpose().gram() } else { table.gram() };
    let eigen = SymmetricEigen::new(&products).ok_or_else(|| {
        Error::new(ErrorKind::NotConverged, "factor model: eigenvalues of the residual did not settle")
    })?;
    let size = eigen.values.len();
    let (mut kept, mut shares, mut penalty) = (Vec::new(), Vec::new(), 0.0);
    for k in (0..size).rev() {
        let singular = eigen.values[k].max(0.0).sqrt();
        let share = match low {
            Low::Rank(r) | Low::RankFromControls(r) => {
                if kept.len() < r {
                    1.0
                } else {
                    0.0
                }
            }
            Low::Nuclear(lambda) => {
                let threshold = lambda * (n * t) as f64;
                let left = (singular - threshold).max(0.0);
                penalty += threshold * left;
                if singular > 0.0 { left / singular } else { 0.0 }
            }
        };
        if share <= 0.0 {
            break;
        }
        kept.push(k);
        shares.push(share);
    }
    let vectors = eigen.vectors.select_cols(&kept);
    let mut scaled = vectors.clone();
    for (k, share) in shares.iter().enumerate() {
        scaled.col_mut(k).iter_mut().for_each(|x| *x *= share);
    }
    let part = match wide {
        true => scaled.mul(&vectors.t_mul(&table)),
        false => table.mul(&scaled).mul(&vectors.transpose()),
    };
    Ok((part.data().to_vec(), penalty, kept.len()))
}

/// The fit to all untreated cells: additive effects first, then the rest from there.
pub(crate) fn fit(
    field: &Field,
    mask: &[bool],
    low: Low,
    near: Option<&[f64]>,
    tolerance: f64,
) -> Result<Fit> {
    if let Low::RankFromControls(r) = low {
        return fit_from_controls(field, mask, r, near, tolerance);
    }
    let start = match near {
        Some(near) => near.to_vec(),
        None => {
            let kept = (0..mask.len()).filter(|&cell| mask[cell]).map(|cell| field.outcome[cell]);
            let level = kept.clone().sum::<f64>() / kept.count().max(1) as f64;
            let flat = vec![level; mask.len()];
            Solver::new(field, mask, Low::Rank(0))?.run(flat, tolerance, MAX_STEPS)?.fitted
        }
    };
    if low == Low::Rank(0) && near.is_none() {
        return Solver::new(field, mask, low)?.run(start, tolerance, MAX_STEPS);
    }
    Solver::new(field, mask, low)?.run(start, tolerance, MAX_STEPS)
}

/// Xu (2017): coefficients, period effects and factors from never-treated units; then a regression on them for each
/// other unit over its own cells.
fn fit_from_controls(
    field: &Field,
    mask: &[bool],
    r: usize,
    near: Option<&[f64]>,
    tolerance: f64,
) -> Result<Fit> {
    let t = field.t();
    let controls: Vec<usize> = (0..field.n()).filter(|&i| field.start[i].is_none()).collect();
    if controls.len() < r + 2 {
        let message = format!("{} units that are never treated, expected at least {}", controls.len(), r + 2);
        return Err(Error::new(ErrorKind::NoDonors, message));
    }
    let taken = |values: &[f64]| -> Vec<f64> {
        controls.iter().flat_map(|&i| values[i * t..(i + 1) * t].iter().copied()).collect()
    };
    let pool = field.rows(&controls);
    let pool_mask: Vec<bool> =
        controls.iter().flat_map(|&i| mask[i * t..(i + 1) * t].iter().copied()).collect();
    let near = near.map(taken);
    let found = fit(&pool, &pool_mask, Low::Rank(r), near.as_deref(), tolerance)?;
    let design = common_columns(field, &found.fitted, controls.len(), r)?;
    let solver = Solver::new(field, mask, Low::Rank(r))?;
    let mut fitted = vec![0.0; field.outcome.len()];
    for (k, &i) in controls.iter().enumerate() {
        fitted[i * t..(i + 1) * t].copy_from_slice(&found.fitted[k * t..(k + 1) * t]);
    }
    for i in (0..field.n()).filter(|&i| field.start[i].is_some()) {
        let seen: Vec<usize> = (0..t).filter(|&s| mask[i * t + s]).collect();
        let target: Vec<f64> = seen
            .iter()
            .map(|&s| {
                let cell = i * t + s;
                field.outcome[cell] - solver.explained(&found.beta, cell) - design.period[s]
            })
            .collect();
        let qr = Qr::new(design.columns.select_rows(&seen), 1e-10);
        if !qr.dropped().is_empty() {
            let message =
                format!("a treated unit has {} untreated cells, too few for {r} factors", seen.len());
            return Err(Error::new(ErrorKind::TooFewPeriods, message));
        }
        let path = design.columns.mul_vec(&qr.solve(&target));
        let row = &mut fitted[i * t..(i + 1) * t];
        row.iter_mut().zip(path).zip(&design.period).for_each(|((y, path), period)| *y = path + period);
    }
    let counterfactual: Vec<f64> =
        (0..fitted.len()).map(|cell| fitted[cell] + solver.explained(&found.beta, cell)).collect();
    let squares: Vec<f64> = (0..fitted.len())
        .filter(|&cell| mask[cell])
        .map(|cell| (field.outcome[cell] - counterfactual[cell]).powi(2))
        .collect();
    Ok(Fit {
        mean_squared_residual: mean(&squares),
        counterfactual,
        fitted,
        beta: found.beta,
        n_factors: r,
        iterations: found.iterations,
    })
}

/// What all units have in common.
struct Common {
    /// Effects of periods, shape (T,).
    period: Vec<f64>,
    /// A column of ones where units have effects, then the factors, shape (T, 1 + r).
    columns: Matrix,
}

fn common_columns(field: &Field, fitted: &[f64], n: usize, r: usize) -> Result<Common> {
    let t = field.t();
    let part = additive(fitted, n, t, field.additive);
    let left: Vec<f64> = fitted.iter().zip(&part).map(|(y, part)| y - part).collect();
    let eigen = SymmetricEigen::new(&Matrix::from_data(t, n, left).transpose().gram()).ok_or_else(|| {
        Error::new(ErrorKind::NotConverged, "factor model: eigenvalues of the factors did not settle")
    })?;
    let by_unit = matches!(field.additive, AdditiveEffects::Both | AdditiveEffects::Unit);
    // With effects of units the first row's level is theirs, whatever it is.
    let level = if by_unit { mean(&part[..t]) } else { 0.0 };
    let mut columns: Vec<Vec<f64>> = if by_unit { vec![vec![1.0; t]] } else { Vec::new() };
    columns.extend((0..r).map(|k| eigen.vectors.col(t - 1 - k).to_vec()));
    Ok(Common {
        period: part[..t].iter().map(|y| y - level).collect(),
        columns: Matrix::from_columns(t, &columns),
    })
}

const MAX_STEPS: usize = 20_000;

/// Mean squared error in hidden cells for each candidate, averaged over folds.
pub(crate) fn hidden_errors(
    field: &Field,
    candidates: &[Low],
    hidden: HiddenCells,
    seed: u64,
) -> Result<Vec<f64>> {
    if hidden.folds == 0 || hidden.run == 0 || !(hidden.share > 0.0 && hidden.share < 1.0) {
        let message = "hidden cells: expected one or more folds and periods, and a share between 0 and 1";
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let untreated = field.untreated();
    let eligible: Vec<usize> = (0..untreated.len())
        .filter(|&cell| untreated[cell] && field.start[cell / field.t()].is_some())
        .collect();
    let folds: Vec<Vec<usize>> = (0..hidden.folds)
        .map(|fold| hide(field, &untreated, &eligible, hidden, &Stream::new(seed, 1_000_003 + fold as u64)))
        .collect();
    if folds.iter().all(Vec::is_empty) {
        let message = "no untreated cell of a treated unit can be hidden to choose the number of factors";
        return Err(Error::new(ErrorKind::TooFewPeriods, message));
    }
    let tasks: Vec<(usize, usize)> =
        (0..candidates.len()).flat_map(|c| (0..folds.len()).map(move |f| (c, f))).collect();
    let errors: Vec<Result<f64>> = tasks
        .par_iter()
        .map(|&(candidate, fold)| {
            let cells = &folds[fold];
            let mut mask = untreated.clone();
            cells.iter().for_each(|&cell| mask[cell] = false);
            let found = fit(field, &mask, candidates[candidate], None, 1e-5)?;
            let squares: f64 =
                cells.iter().map(|&cell| (field.outcome[cell] - found.counterfactual[cell]).powi(2)).sum();
            Ok(squares / cells.len().max(1) as f64)
        })
        .collect();
    let errors = errors.into_iter().collect::<Result<Vec<f64>>>()?;
    Ok(errors.chunks_exact(folds.len()).map(mean).collect())
}

/// Cells to hide: runs within treated units, leaving every unit and period two or more cells.
fn hide(
    field: &Field,
    untreated: &[bool],
    eligible: &[usize],
    hidden: HiddenCells,
    stream: &Stream,
) -> Vec<usize> {
    let (n, t) = (field.n(), field.t());
    let count = |i: usize| untreated[i * t..(i + 1) * t].iter().filter(|kept| **kept).count();
    let mut by_unit: Vec<usize> = (0..n).map(count).collect();
    let mut by_period: Vec<usize> =
        (0..t).map(|s| untreated.iter().skip(s).step_by(t).filter(|kept| **kept).count()).collect();
    let wanted = ((eligible.len() as f64 * hidden.share) as usize).max(1);
    let mut taken = Vec::new();
    for attempt in 0..50 * wanted as u64 {
        if taken.len() >= wanted || eligible.is_empty() {
            break;
        }
        let first = eligible[stream.below(attempt, eligible.len())];
        for cell in (first..first + hidden.run).take_while(|cell| cell / t == first / t) {
            let free = untreated[cell] && !taken.contains(&cell) && taken.len() < wanted;
            if free && by_unit[cell / t] > 2 && by_period[cell % t] > 2 {
                by_unit[cell / t] -= 1;
                by_period[cell % t] -= 1;
                taken.push(cell);
            }
        }
    }
    taken
}

/// The largest threshold that leaves anything: the first singular value of untreated outcomes over N T.
pub(crate) fn largest_threshold(field: &Field) -> Result<f64> {
    let untreated = field.untreated();
    let values: Vec<f64> =
        field.outcome.iter().zip(&untreated).map(|(y, kept)| if *kept { *y } else { 0.0 }).collect();
    let table = Matrix::from_data(field.t(), field.n(), values);
    let products = if field.t() <= field.n() { table.transpose().gram() } else { table.gram() };
    let largest =
        SymmetricEigen::new(&products).and_then(|eigen| eigen.values.last().copied()).unwrap_or(0.0);
    Ok(largest.max(0.0).sqrt() / (field.n() * field.t()) as f64)
}

/// What is asked for besides the fit.
pub(crate) struct Report {
    pub method: &'static str,
    pub low: Low,
    pub candidates: Vec<(f64, f64)>,
    pub inference: FactorInference,
    pub replications: usize,
    pub seed: u64,
    pub tolerance: f64,
    pub options: Vec<(&'static str, String)>,
}

pub(crate) fn report(field: &Field, report: Report) -> Result<FactorEffects> {
    let mask = field.untreated();
    let own = fit(field, &mask, report.low, None, report.tolerance)?;
    let point = Summary::new(field, &own.counterfactual);
    let mut caveats = field.caveats.clone();
    let draws = draws(field, &own, &report, &mut caveats)?;
    let is_random = matches!(report.inference, FactorInference::Bootstrap | FactorInference::Parametric);
    let failed = draws.iter().filter(|draw| draw.is_none()).count();
    if failed > 0 {
        caveats.push(Caveat::FailedDraws { failed, draws: draws.len() });
    }
    let draws: Vec<Summary> = draws.into_iter().flatten().collect();
    let std_error = |pick: &dyn Fn(&Summary) -> Option<f64>| {
        let values: Vec<f64> = draws.iter().filter_map(pick).collect();
        let sd = standard_deviation(&values)?;
        let n = values.len() as f64;
        Some(if report.inference == FactorInference::Jackknife { sd * (n - 1.0) / n.sqrt() } else { sd })
    };
    let estimate = |value: f64, pick: &dyn Fn(&Summary) -> Option<f64>| match std_error(pick) {
        Some(se) => Estimate::from_std_error(value, se, None),
        None => Estimate::point(value),
    };
    let mut terms = vec![
        Term::new("att", estimate(point.att, &|draw| Some(draw.att))),
        Term::new("att_by_unit", estimate(point.by_unit, &|draw| Some(draw.by_unit))),
    ];
    for &(event_time, effect) in &point.by_event_time {
        let pick = |draw: &Summary| {
            let found = draw.by_event_time.iter().find(|(e, _)| *e == event_time);
            found.map(|(_, effect)| *effect)
        };
        terms.push(Term::at_event_time(event_time, estimate(effect, &pick)));
    }
    Ok(FactorEffects {
        estimates: Estimates {
            method: report.method,
            terms,
            vcov: None,
            n_obs: field.observed.iter().filter(|seen| **seen).count(),
            n_units: field.n(),
            n_periods: field.t(),
            n_clusters: None,
            seed: (is_random || !report.candidates.is_empty()).then_some(report.seed),
            options: report.options,
            caveats,
        },
        cells: effects(field, &own.counterfactual),
        coefficients: field.names.iter().cloned().zip(own.beta.iter().copied()).collect(),
        n_factors: own.n_factors,
        lambda: match report.low {
            Low::Nuclear(lambda) => Some(lambda),
            Low::Rank(_) | Low::RankFromControls(_) => None,
        },
        candidates: report.candidates,
        mean_squared_residual: own.mean_squared_residual,
        iterations: own.iterations,
        replicates: draws.iter().map(|draw| draw.att).collect(),
    })
}

fn effects(field: &Field, counterfactual: &[f64]) -> Vec<CellEffect> {
    let t = field.t();
    (0..field.observed.len())
        .filter(|&cell| field.observed[cell])
        .filter_map(|cell| {
            let start = field.start[cell / t]?;
            Some(CellEffect {
                unit: field.units[cell / t],
                period: field.periods[cell % t],
                event_time: (cell % t) as i64 - start as i64,
                counterfactual: counterfactual[cell],
                effect: field.outcome[cell] - counterfactual[cell],
            })
        })
        .collect()
}

/// Averages of effects.
#[derive(Debug, Clone)]
struct Summary {
    att: f64,
    by_unit: f64,
    by_event_time: Vec<(i64, f64)>,
}

impl Summary {
    fn new(field: &Field, counterfactual: &[f64]) -> Self {
        let t = field.t();
        let gap = |cell: usize| field.outcome[cell] - counterfactual[cell];
        let treated: Vec<usize> = (0..field.observed.len())
            .filter(|&cell| field.observed[cell] && field.is_treated(cell))
            .collect();
        let average = |cells: &[usize]| cells.iter().map(|&cell| gap(cell)).sum::<f64>() / cells.len() as f64;
        let units: Vec<f64> = treated.chunk_by(|a, b| a / t == b / t).map(average).collect();
        let mut sums: std::collections::BTreeMap<i64, (f64, f64)> = std::collections::BTreeMap::new();
        for cell in (0..field.observed.len()).filter(|&cell| field.observed[cell]) {
            if let Some(start) = field.start[cell / t] {
                let entry = sums.entry((cell % t) as i64 - start as i64).or_default();
                *entry = (entry.0 + gap(cell), entry.1 + 1.0);
            }
        }
        Self {
            att: average(&treated),
            by_unit: mean(&units),
            by_event_time: sums.into_iter().map(|(e, (sum, n))| (e, sum / n)).collect(),
        }
    }
}

fn draws(
    field: &Field,
    own: &Fit,
    report: &Report,
    caveats: &mut Vec<Caveat>,
) -> Result<Vec<Option<Summary>>> {
    let treated: Vec<usize> = (0..field.n()).filter(|&i| field.start[i].is_some()).collect();
    let untreated: Vec<usize> = (0..field.n()).filter(|&i| field.start[i].is_none()).collect();
    let random = matches!(report.inference, FactorInference::Bootstrap | FactorInference::Parametric);
    if random && report.replications < 2 {
        let message = format!("{} replications, expected two or more", report.replications);
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let mut none = |why: &str| {
        caveats.push(Caveat::NotEstimated { what: "standard error".to_owned(), why: why.to_owned() });
        Ok(Vec::new())
    };
    match report.inference {
        FactorInference::Point => Ok(Vec::new()),
        FactorInference::Bootstrap | FactorInference::Jackknife if treated.len() < 2 => none(
            "one treated unit, the bootstrap and the jackknife need two or more; ask for the parametric one",
        ),
        FactorInference::Parametric if untreated.len() < 3 => {
            none("fewer than three units that are never treated, the parametric bootstrap needs them")
        }
        FactorInference::Jackknife => Ok((0..field.n())
            .into_par_iter()
            .map(|out| {
                let rows: Vec<usize> = (0..field.n()).filter(|&i| i != out).collect();
                again(field, own, &rows, report)
            })
            .collect()),
        FactorInference::Bootstrap => Ok((0..report.replications)
            .into_par_iter()
            .map(|draw| {
                let stream = Stream::new(report.seed, draw as u64);
                let pick = |from: &[usize], at: usize| {
                    (0..from.len())
                        .map(|k| from[stream.below((at + k) as u64, from.len())])
                        .collect::<Vec<_>>()
                };
                let rows = [pick(&untreated, 0), pick(&treated, untreated.len())].concat();
                again(field, own, &rows, report)
            })
            .collect()),
        FactorInference::Parametric => Ok(parametric(field, own, &treated, &untreated, report)),
    }
}

/// The fit to drawn units, from the fit to all; `None` when it fails there.
fn again(field: &Field, own: &Fit, rows: &[usize], report: &Report) -> Option<Summary> {
    let t = field.t();
    let drawn = field.rows(rows);
    drawn.check().ok()?;
    let near: Vec<f64> = rows.iter().flat_map(|&i| own.fitted[i * t..(i + 1) * t].iter().copied()).collect();
    let mask = drawn.untreated();
    let found = fit(&drawn, &mask, report.low, Some(&near), report.tolerance.max(1e-6)).ok()?;
    Some(Summary::new(&drawn, &found.counterfactual))
}

/// Draws of no effect: fitted values plus errors; the spread of what the fit then finds.
fn parametric(
    field: &Field,
    own: &Fit,
    treated: &[usize],
    untreated: &[usize],
    report: &Report,
) -> Vec<Option<Summary>> {
    let t = field.t();
    let mut starts: Vec<usize> = treated.iter().filter_map(|&i| field.start[i]).collect();
    starts.sort_unstable();
    starts.dedup();
    let pool: Vec<Option<(usize, Vec<f64>)>> = (0..report.replications.max(starts.len()))
        .into_par_iter()
        .map(|draw| prediction_error(field, own, untreated, starts[draw % starts.len()], draw, report))
        .collect();
    let pool: Vec<(usize, Vec<f64>)> = pool.into_iter().flatten().collect();
    let shown = Summary::new(field, &own.counterfactual);
    (0..report.replications)
        .into_par_iter()
        .map(|draw| {
            let stream = Stream::new(report.seed, (1u64 << 40) + draw as u64);
            let mut made = field.clone();
            for i in 0..field.n() {
                let errors: Vec<f64> = match field.start[i] {
                    None => {
                        let from = untreated[stream.below(i as u64, untreated.len())];
                        (from * t..(from + 1) * t)
                            .map(|cell| {
                                if field.observed[cell] {
                                    field.outcome[cell] - own.counterfactual[cell]
                                } else {
                                    0.0
                                }
                            })
                            .collect()
                    }
                    Some(start) => {
                        let fitting: Vec<&(usize, Vec<f64>)> =
                            pool.iter().filter(|(s, _)| *s == start).collect();
                        if fitting.is_empty() {
                            return None;
                        }
                        fitting[stream.below(i as u64, fitting.len())].1.clone()
                    }
                };
                for (s, error) in errors.iter().enumerate() {
                    made.outcome[i * t + s] = own.counterfactual[i * t + s] + error;
                }
            }
            let mask = made.untreated();
            let found = fit(&made, &mask, report.low, Some(&own.fitted), report.tolerance.max(1e-6)).ok()?;
            let null = Summary::new(&made, &found.counterfactual);
            // Around the estimate, so that draws read as the estimate's distribution.
            Some(Summary {
                att: shown.att + null.att,
                by_unit: shown.by_unit + null.by_unit,
                by_event_time: null.by_event_time,
            })
        })
        .collect()
}

/// What the fit misses of one never-treated unit whose cells from `start` on are hidden, with others drawn anew.
fn prediction_error(
    field: &Field,
    own: &Fit,
    untreated: &[usize],
    start: usize,
    draw: usize,
    report: &Report,
) -> Option<(usize, Vec<f64>)> {
    let t = field.t();
    let stream = Stream::new(report.seed, (1u64 << 41) + draw as u64);
    let out = untreated[stream.below(0, untreated.len())];
    let others: Vec<usize> = untreated.iter().copied().filter(|&i| i != out).collect();
    let mut rows: Vec<usize> =
        (0..others.len()).map(|k| others[stream.below(1 + k as u64, others.len())]).collect();
    rows.push(out);
    let mut made = field.rows(&rows);
    *made.start.last_mut()? = Some(start);
    made.check().ok()?;
    let near: Vec<f64> = rows.iter().flat_map(|&i| own.fitted[i * t..(i + 1) * t].iter().copied()).collect();
    let mask = made.untreated();
    let found = fit(&made, &mask, report.low, Some(&near), report.tolerance.max(1e-6)).ok()?;
    let base = (rows.len() - 1) * t;
    let errors = (base..base + t)
        .map(|cell| if made.observed[cell] { made.outcome[cell] - found.counterfactual[cell] } else { 0.0 })
        .collect();
    Some((start, errors))
}
