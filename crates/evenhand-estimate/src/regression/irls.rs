//! Fits a mean with a canonical link and absorbed factors: Newton steps on the likelihood from which one factor
//! has been concentrated out.
//!
//! Notation: row r has outcome y, prior weight w, offset o and linear predictor
//! eta = o + a(group) + d' theta, where the group is the level of the factor with the most levels and
//! d, shape (m,), holds the indicators of the other factors and the reported columns.
//! Given theta the effects a solve one equation each (in closed form for Poisson and linear means), so Newton's
//! method works on theta alone with the Schur complement
//! S = D'V D - D'V A (A'V A)^-1 A'V D, shape (m, m), where V holds w times the variance of the mean. The rows are
//! read once a step, group by group, and no column of an indicator is ever formed.
//!
//! Poisson means have a short cut besides. Groups whose rows have the same d and the same offsets have the same
//! profile of means up to a factor, so their outcomes can be summed first: a staggered design without covariates
//! shrinks to cohorts by periods, whatever the number of units.

use super::columns::NONE;
use super::projection::sums_times_effects;
use crate::error::finite;
use crate::{Error, ErrorKind, Factor, Matrix, Result};
use evenhand_linalg::Qr;
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::HashMap;

/// The mean as a function of the linear predictor; all three links are canonical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// eta itself.
    Gaussian,
    /// exp(eta).
    Poisson,
    /// 1 / (1 + exp(-eta)).
    Logit,
}

impl Family {
    /// The mean of a linear predictor.
    pub(crate) fn mean(self, eta: f64) -> f64 {
        match self {
            Self::Gaussian => eta,
            Self::Poisson => eta.exp(),
            Self::Logit => 1.0 / (1.0 + (-eta).exp()),
        }
    }

    /// The linear predictor of a mean.
    pub(crate) fn link(self, mean: f64) -> f64 {
        match self {
            Self::Gaussian => mean,
            Self::Poisson => mean.ln(),
            Self::Logit => (mean / (1.0 - mean)).ln(),
        }
    }

    /// Variance of an outcome of that mean, and derivative of the mean by the linear predictor.
    pub(crate) fn variance(self, mean: f64) -> f64 {
        match self {
            Self::Gaussian => 1.0,
            Self::Poisson => mean,
            Self::Logit => mean * (1.0 - mean),
        }
    }
}

/// What is fitted. All lists have one entry for each row.
#[derive(Clone)]
pub(crate) struct Problem<'a> {
    pub family: Family,
    pub outcome: Cow<'a, [f64]>,
    pub weights: Option<Cow<'a, [f64]>>,
    pub offset: Option<Cow<'a, [f64]>>,
    pub absorbed: Vec<Cow<'a, Factor>>,
    /// Reported columns.
    pub columns: Vec<Cow<'a, [f64]>>,
    /// Reported columns of which a row has at most one in each group; they follow the others.
    pub sparse: Vec<SparseColumns<'a>>,
}

/// Columns of which a row has at most one.
#[derive(Clone)]
pub(crate) struct SparseColumns<'a> {
    /// Which column a row has, or [`NONE`].
    pub at: Cow<'a, [u32]>,
    /// Its entry, 1 when absent.
    pub values: Option<Cow<'a, [f64]>>,
    pub n_columns: usize,
}

impl SparseColumns<'_> {
    fn value(&self, row: usize) -> f64 {
        self.values.as_ref().map_or(1.0, |values| values[row])
    }

    pub(crate) fn select(&self, rows: &[usize]) -> SparseColumns<'static> {
        SparseColumns {
            at: rows.iter().map(|&row| self.at[row]).collect(),
            values: self.values.as_ref().map(|values| rows.iter().map(|&row| values[row]).collect()),
            n_columns: self.n_columns,
        }
    }
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Control {
    /// On the change of the deviance that the next step promises, relative to the mean deviance of a row.
    pub tolerance: f64,
    pub max_iterations: usize,
}

impl Default for Control {
    fn default() -> Self {
        Self { tolerance: 1e-8, max_iterations: 50 }
    }
}

/// Coefficients, effects and what standard errors need; k reported coefficients.
pub(crate) struct Fit {
    /// (k,); 0 where not kept.
    pub coefficients: Vec<f64>,
    /// Which reported coefficients are not combinations of what stands before them.
    pub kept: Vec<bool>,
    /// The inverse of the information of the kept coefficients, given all effects.
    pub bread: Matrix,
    /// By absorbed factor and level.
    pub effects: Vec<Vec<f64>>,
    pub deviance: f64,
    pub iterations: usize,
    /// The last step was no smaller than separation would make it: a coefficient may be on its way to infinity.
    pub is_suspect: bool,
    /// The means, by row.
    pub mean: Vec<f64>,
    /// By absorbed factor the weighted projection of the k' kept columns on all effects, shape (k', levels).
    on_effects: Vec<Matrix>,
    /// Where a reported coefficient is among the kept ones, or [`NONE`].
    position: Vec<u32>,
    system: System,
}

/// The information at the last step.
struct System {
    steps: Steps,
    factored: Factored,
    /// By place.
    means: Vec<f64>,
    /// The class of each group whose rows were summed, and how many classes.
    class: Option<(Vec<u32>, usize)>,
}

/// H linear functions of all parameters: derivatives, or the directions that the information makes of them.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    /// By absorbed factor, shape (H, levels).
    pub effects: Vec<Matrix>,
    /// By reported coefficient, kept or not, shape (H, k).
    pub columns: Matrix,
}

impl Linear {
    /// Zeros for a problem.
    pub(crate) fn zeros(problem: &Problem<'_>, n: usize) -> Self {
        Self {
            effects: problem.absorbed.iter().map(|factor| Matrix::zeros(n, factor.n_levels())).collect(),
            columns: Matrix::zeros(n, problem.n_reported()),
        }
    }

    /// For each cluster the sum over its rows of `errors` times the function's value there, shape (clusters, H).
    pub(crate) fn cluster_sums(&self, problem: &Problem<'_>, errors: &[f64], cluster: &Factor) -> Matrix {
        let n = self.columns.n_rows();
        let mut sums = Matrix::zeros(cluster.n_levels(), n);
        for (factor, effects) in problem.absorbed.iter().zip(&self.effects) {
            sums = sums.plus(&sums_times_effects(errors, cluster, factor, effects), 1.0);
        }
        if problem.n_reported() == 0 {
            return sums;
        }
        let mut of_columns = Matrix::zeros(cluster.n_levels(), problem.n_reported());
        for row in 0..errors.len() {
            problem.entries(row, |column, x| of_columns[(cluster.at(row), column)] += errors[row] * x);
        }
        sums.plus(&of_columns.mul(&self.columns.transpose()), 1.0)
    }
}

impl Fit {
    /// The kept reported columns of a row of the problem fitted, less their weighted projection on all absorbed
    /// factors.
    pub(crate) fn residual_columns(&self, problem: &Problem<'_>, row: usize, out: &mut [f64]) {
        out.fill(0.0);
        for (column, &at) in problem.columns.iter().zip(&self.position) {
            if at != NONE {
                out[at as usize] = column[row];
            }
        }
        let mut first = problem.columns.len();
        for group in &problem.sparse {
            let column = group.at[row];
            if column != NONE && self.position[first + column as usize] != NONE {
                out[self.position[first + column as usize] as usize] = group.value(row);
            }
            first += group.n_columns;
        }
        for (factor, on_effects) in problem.absorbed.iter().zip(&self.on_effects) {
            out.iter_mut().zip(on_effects.col(factor.at(row))).for_each(|(x, effect)| *x -= effect);
        }
    }

    /// The information's inverse times each function: what a parameter's direction is that moves the function most.
    pub(crate) fn solve(&self, problem: &Problem<'_>, gradient: &Linear) -> Linear {
        let (steps, n) = (&self.system.steps, gradient.columns.n_rows());
        let Some((class, n_classes)) = &self.system.class else {
            return steps.solve(&self.system, gradient);
        };
        // The factor whose levels were summed is the one with the most of them.
        let Some(group) = Layout::group_of(problem) else { return gradient.clone() };
        let (own, factor) = (&gradient.effects[group], &problem.absorbed[group]);
        let mut small = gradient.clone();
        small.effects[group] = Matrix::zeros(n, *n_classes);
        let (mut weights, mut class_weights) = (vec![0.0; class.len()], vec![0.0; *n_classes]);
        for (row, &mean) in self.mean.iter().enumerate() {
            weights[factor.at(row)] += problem.working_weight(row, mean);
        }
        for (level, &class) in class.iter().enumerate() {
            class_weights[class as usize] += weights[level];
            let sums = small.effects[group].col_mut(class as usize);
            sums.iter_mut().zip(own.col(level)).for_each(|(sum, g)| *sum += g);
        }
        let mut solved = steps.solve(&self.system, &small);
        let by_class = &solved.effects[group];
        solved.effects[group] = Matrix::from_fn(n, class.len(), |h, level| {
            let of = class[level] as usize;
            by_class[(h, of)] + own[(h, level)] / weights[level]
                - small.effects[group][(h, of)] / class_weights[of]
        });
        solved
    }

    /// The sums over each cluster of those columns times `errors`, shape (clusters, k').
    pub(crate) fn cluster_scores(&self, problem: &Problem<'_>, errors: &[f64], cluster: &Factor) -> Matrix {
        let mut sums = Matrix::zeros(cluster.n_levels(), self.bread.n_rows());
        for (column, &at) in problem.columns.iter().zip(&self.position).filter(|(_, at)| **at != NONE) {
            let sums = sums.col_mut(at as usize);
            for ((x, e), &g) in column.iter().zip(errors).zip(cluster.codes()) {
                sums[g as usize] += x * e;
            }
        }
        let mut first = problem.columns.len();
        for group in &problem.sparse {
            for (row, &at) in group.at.iter().enumerate().filter(|(_, at)| **at != NONE) {
                let at = self.position[first + at as usize];
                if at != NONE {
                    sums[(cluster.at(row), at as usize)] += group.value(row) * errors[row];
                }
            }
            first += group.n_columns;
        }
        for (factor, on_effects) in problem.absorbed.iter().zip(&self.on_effects) {
            sums = sums.plus(&sums_times_effects(errors, cluster, factor, on_effects), -1.0);
        }
        sums
    }
}

/// Fits `problem`.
///
/// # Errors
/// [`ErrorKind::NotConverged`], [`ErrorKind::NonFinite`], [`ErrorKind::NoObservations`].
pub(crate) fn fit(problem: &Problem<'_>, control: Control) -> Result<Fit> {
    if problem.outcome.is_empty() {
        return Err(Error::new(ErrorKind::NoObservations, "no row is left to fit"));
    }
    let layout = Layout::new(problem);
    match Classes::of(problem, &layout) {
        Some(classes) => classes.fit(problem, &layout, control),
        None => newton(problem, layout, control),
    }
}

/// Rows of outcome 0 that a combination of columns and effects sets apart from all rows above 0: some z = D gamma
/// is above 0 there, 0 wherever the outcome is not 0 and nowhere below 0. Their means go to 0 and the combination's
/// coefficient to infinity. For Poisson means whose absorbed levels all have an outcome above 0.
///
/// The rectifier of Correia, Guimarães and Zylkin (2020): project on the space of candidates, cut below 0, repeat.
/// The candidates, D gamma that vanish wherever the outcome is above 0, are found exactly, as the columns that
/// cancel there but not everywhere, so that no large weights are needed.
pub(crate) fn separated(problem: &Problem<'_>) -> Result<Vec<usize>> {
    let layout = Layout::new(problem);
    let Some(classes) = Classes::of(problem, &layout) else {
        let steps = Steps::new(problem, layout)?;
        return Ok(steps.rectify().into_iter().map(|place| steps.layout.row(place)).collect());
    };
    let cells = Cells::new(&classes, problem, &layout);
    let steps = Steps::new(&cells.problem, Layout::new(&cells.problem))?;
    let mut is_separated = vec![false; cells.problem.outcome.len()];
    steps.rectify().into_iter().for_each(|place| is_separated[steps.layout.row(place)] = true);
    let mut rows = Vec::new();
    for (group, &class) in classes.class.iter().enumerate() {
        let places = layout.starts[group]..layout.starts[group + 1];
        let of_class = (cells.starts[class as usize]..).zip(places);
        rows.extend(of_class.filter(|(cell, _)| is_separated[*cell]).map(|(_, place)| layout.row(place)));
    }
    rows.sort_unstable();
    Ok(rows)
}

/// The rows in order of the groups.
struct Layout {
    /// Which absorbed factor is concentrated out; none when nothing is absorbed.
    group: Option<usize>,
    order: Option<Vec<u32>>,
    starts: Vec<usize>,
}

impl Layout {
    fn new(problem: &Problem<'_>) -> Self {
        let n = problem.outcome.len();
        let Some(group) = Self::group_of(problem) else {
            return Self { group: None, order: None, starts: vec![0, n] };
        };
        let factor = &problem.absorbed[group];
        let mut starts = vec![0; factor.n_levels() + 1];
        factor.codes().iter().for_each(|&code| starts[code as usize + 1] += 1);
        (0..factor.n_levels()).for_each(|level| starts[level + 1] += starts[level]);
        let order = (!factor.codes().is_sorted()).then(|| {
            let mut next = starts.clone();
            let mut order = vec![0u32; n];
            for (row, &code) in factor.codes().iter().enumerate() {
                order[next[code as usize]] = row as u32;
                next[code as usize] += 1;
            }
            order
        });
        Self { group: Some(group), order, starts }
    }

    /// The factor that is concentrated out: the first of those with the most levels.
    fn group_of(problem: &Problem<'_>) -> Option<usize> {
        (0..problem.absorbed.len()).rev().max_by_key(|&f| problem.absorbed[f].n_levels())
    }

    fn n_groups(&self) -> usize {
        self.starts.len() - 1
    }

    fn row(&self, place: usize) -> usize {
        self.order.as_ref().map_or(place, |order| order[place] as usize)
    }
}

/// Groups with the same rows of d and offsets.
struct Classes {
    /// Class of each group.
    class: Vec<u32>,
    /// A group of each class.
    first: Vec<usize>,
}

impl Classes {
    /// `None` unless it at least halves the problem.
    fn of(problem: &Problem<'_>, layout: &Layout) -> Option<Self> {
        layout.group?;
        if problem.family != Family::Poisson {
            return None;
        }
        let n_groups = layout.n_groups();
        let mut class = Vec::with_capacity(n_groups);
        let mut first: Vec<usize> = Vec::new();
        let mut by_hash: HashMap<u64, u32> = HashMap::new();
        for group in 0..n_groups {
            if group == 64 && first.len() > 48 {
                return None;
            }
            let rows = || (layout.starts[group]..layout.starts[group + 1]).map(|place| layout.row(place));
            if let Some(weights) = &problem.weights {
                let mut all = rows().map(|row| weights[row].to_bits());
                let one = all.next();
                if all.any(|bits| Some(bits) != one) {
                    return None;
                }
            }
            let hash =
                rows().fold(0x51_7C_C1_B7_27_22_0A_95, |hash, row| problem.signature(row, hash, layout));
            let found = *by_hash.entry(hash).or_insert_with(|| {
                first.push(group);
                first.len() as u32 - 1
            });
            // Two groups with one hash are compared, so that a collision can only cost time.
            let of_class = first[found as usize];
            let same = (layout.starts[group + 1] - layout.starts[group])
                == (layout.starts[of_class + 1] - layout.starts[of_class])
                && (0..layout.starts[group + 1] - layout.starts[group]).all(|at| {
                    let place = |group: usize| layout.row(layout.starts[group] + at);
                    problem.same_row(place(group), place(of_class), layout)
                });
            if !same {
                return None;
            }
            class.push(found);
        }
        (first.len() * 2 <= n_groups).then_some(Self { class, first })
    }

    fn fit(&self, problem: &Problem<'_>, layout: &Layout, control: Control) -> Result<Fit> {
        let Cells { problem: small, starts: class_starts, totals } = Cells::new(self, problem, layout);
        let mut fit = newton(&small, Layout::new(&small), control)?;
        // A group's means are its share of its class's.
        let class_totals: Vec<f64> =
            class_starts.windows(2).map(|ends| small.outcome[ends[0]..ends[1]].iter().sum()).collect();
        let weight = |row: usize| problem.weights.as_ref().map_or(1.0, |weights| weights[row]);
        let n = problem.outcome.len();
        let mut mean = vec![0.0; n];
        let mut deviance = 0.0;
        let ln = LnTable::new();
        let ln_mean: Vec<f64> = fit.mean.iter().map(|mean| mean.ln()).collect();
        for (group, &class) in self.class.iter().enumerate() {
            let share = totals[group] / class_totals[class as usize];
            let places = layout.starts[group]..layout.starts[group + 1];
            let scale = weight(layout.row(places.start));
            let ln_share = share.ln();
            let mut sum = 0.0;
            for (cell, place) in (class_starts[class as usize]..).zip(places) {
                let row = layout.row(place);
                mean[row] = share * fit.mean[cell];
                let y = problem.outcome[row];
                if y > 0.0 {
                    sum += y * (ln.of(y) - ln_share - ln_mean[cell]);
                }
            }
            deviance += 2.0 * scale * sum;
        }
        fit.deviance = deviance.max(0.0);
        if let Some(group) = layout.group {
            let of_class = std::mem::take(&mut fit.effects[group]);
            fit.effects[group] = (self.class.iter().zip(&totals))
                .map(|(&class, total)| of_class[class as usize] + (total / class_totals[class as usize]).ln())
                .collect();
            let of_class: Vec<usize> = self.class.iter().map(|&class| class as usize).collect();
            fit.on_effects[group] = fit.on_effects[group].select_cols(&of_class);
        }
        fit.system.class = Some((self.class.clone(), self.first.len()));
        fit.mean = mean;
        Ok(fit)
    }
}

/// The rows of the classes, with outcomes summed over their groups.
struct Cells<'a> {
    problem: Problem<'a>,
    /// Where each class's cells start.
    starts: Vec<usize>,
    /// Unweighted sum of outcomes in each group.
    totals: Vec<f64>,
}

impl Cells<'_> {
    fn new(classes: &Classes, problem: &Problem<'_>, layout: &Layout) -> Self {
        let length =
            |class: usize| layout.starts[classes.first[class] + 1] - layout.starts[classes.first[class]];
        let n_classes = classes.first.len();
        let mut starts = vec![0];
        (0..n_classes).for_each(|class| starts.push(starts[class] + length(class)));
        let mut outcome = vec![0.0; starts[n_classes]];
        let mut totals = vec![0.0; classes.class.len()];
        for (group, &class) in classes.class.iter().enumerate() {
            let places = layout.starts[group]..layout.starts[group + 1];
            let weight = problem.weights.as_ref().map_or(1.0, |weights| weights[layout.row(places.start)]);
            for (place, cell) in places.zip(&mut outcome[starts[class as usize]..]) {
                let y = problem.outcome[layout.row(place)];
                totals[group] += y;
                *cell += weight * y;
            }
        }
        let rows: Vec<usize> = (classes.first.iter())
            .flat_map(|&group| {
                (layout.starts[group]..layout.starts[group + 1]).map(|place| layout.row(place))
            })
            .collect();
        let mut small = problem.select(&rows);
        if let Some(group) = layout.group {
            let class: Vec<u32> =
                (0..n_classes).flat_map(|class| vec![class as u32; length(class)]).collect();
            small.absorbed[group] = Cow::Owned(Factor::from_codes(&class));
        }
        small.outcome = Cow::Owned(outcome);
        small.weights = None;
        Self { problem: small, starts, totals }
    }
}

impl Problem<'_> {
    /// Calls `visit` with the number and the entry of each reported column that a row has.
    pub(crate) fn entries(&self, row: usize, mut visit: impl FnMut(usize, f64)) {
        for (at, column) in self.columns.iter().enumerate() {
            visit(at, column[row]);
        }
        let mut first = self.columns.len();
        for group in &self.sparse {
            if group.at[row] != NONE {
                visit(first + group.at[row] as usize, group.value(row));
            }
            first += group.n_columns;
        }
    }

    /// Prior weight times the variance of the mean.
    pub(crate) fn working_weight(&self, row: usize, mean: f64) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row]) * self.family.variance(mean)
    }

    /// Those rows only.
    pub(crate) fn select(&self, rows: &[usize]) -> Problem<'static> {
        let take = |values: &[f64]| -> Cow<'static, [f64]> { rows.iter().map(|&row| values[row]).collect() };
        Problem {
            family: self.family,
            outcome: take(&self.outcome),
            weights: self.weights.as_deref().map(take),
            offset: self.offset.as_deref().map(take),
            absorbed: self.absorbed.iter().map(|factor| Cow::Owned(factor.select(rows))).collect(),
            columns: self.columns.iter().map(|column| take(column)).collect(),
            sparse: self.sparse.iter().map(|group| group.select(rows)).collect(),
        }
    }

    /// Number of reported coefficients.
    pub(crate) fn n_reported(&self) -> usize {
        self.columns.len() + self.sparse.iter().map(|group| group.n_columns).sum::<usize>()
    }

    /// Hash of a row's d and offset.
    fn signature(&self, row: usize, hash: u64, layout: &Layout) -> u64 {
        let mut hash = hash;
        let mut add = |bits: u64| hash = (hash.rotate_left(23) ^ bits).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for (at, factor) in self.absorbed.iter().enumerate() {
            if Some(at) != layout.group {
                add(u64::from(factor.codes()[row]));
            }
        }
        for group in &self.sparse {
            add(u64::from(group.at[row]));
            if let Some(values) = &group.values {
                add(values[row].to_bits());
            }
        }
        if let Some(offset) = &self.offset {
            add(offset[row].to_bits());
        }
        self.columns.iter().for_each(|column| add(column[row].to_bits()));
        hash
    }

    fn same_row(&self, a: usize, b: usize, layout: &Layout) -> bool {
        let factors = self.absorbed.iter().enumerate();
        factors.filter(|(at, _)| Some(*at) != layout.group).all(|(_, f)| f.codes()[a] == f.codes()[b])
            && self.sparse.iter().all(|group| {
                let entry = |row: usize| group.values.as_ref().map(|values| values[row].to_bits());
                group.at[a] == group.at[b] && entry(a) == entry(b)
            })
            && self.offset.as_ref().is_none_or(|offset| offset[a].to_bits() == offset[b].to_bits())
            && self.columns.iter().all(|column| column[a].to_bits() == column[b].to_bits())
    }
}

/// exp of every entry, to about one unit in the last place: exp(x) = 2^n exp(r) with r = x - n ln 2 in
/// [-0.35, 0.35] and a polynomial of degree 13, in straight lines that the compiler vectorises.
fn exp_all(values: &mut [f64]) {
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // Adding and taking away 1.5 * 2^52 rounds to a whole number, and leaves it in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    for value in values {
        let x = value.clamp(-708.0, 709.0);
        let shifted = x * std::f64::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
        let mut p = 1.0 / 6_227_020_800.0;
        for coefficient in EXP_SERIES {
            p = p * r + coefficient;
        }
        let scale = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
        *value = if *value < -708.0 { 0.0 } else { p * scale };
    }
}

/// 1 / 12!, ..., 1 / 2!, 1, 1.
const EXP_SERIES: [f64; 13] = [
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// Logarithms of small whole numbers, which outcomes mostly are.
struct LnTable(Vec<f64>);

impl LnTable {
    fn new() -> Self {
        Self((0..1024).map(|y| f64::from(y).ln()).collect())
    }

    fn of(&self, y: f64) -> f64 {
        let whole = y as usize;
        if whole < self.0.len() && (y - whole as f64).abs() <= 0.0 { self.0[whole] } else { y.ln() }
    }
}

/// A problem laid out for the steps: rows in order of the groups, indicators as indices into theta.
struct Steps {
    family: Family,
    layout: Layout,
    outcome: Vec<f64>,
    weights: Option<Vec<f64>>,
    offset: Option<Vec<f64>>,
    /// Indices into theta, `n_codes` for each row, rising; [`NONE`] is skipped. Their entries are 1 when absent.
    codes: Vec<u32>,
    entries: Option<Vec<f64>>,
    n_codes: usize,
    /// `n_columns` for each row: deviations from the group's mean, scaled.
    x: Vec<f64>,
    n_columns: usize,
    /// Standard deviation of each column, and its mean in each group.
    scale: Vec<f64>,
    centre: Vec<f64>,
    /// Theta holds the effects, then the columns, then the sparse columns.
    n_effects: usize,
    m: usize,
    ln: LnTable,
}

/// Sums over the rows at one theta.
struct Sums {
    /// S, upper triangle by rows, shape (m, m).
    information: Vec<f64>,
    /// D'V D on the diagonal: what pivots are measured against.
    total: Vec<f64>,
    gradient: Vec<f64>,
    deviance: f64,
}

impl Steps {
    fn new(problem: &Problem<'_>, layout: Layout) -> Result<Self> {
        let n = problem.outcome.len();
        let take = |values: &[f64]| -> Vec<f64> { (0..n).map(|place| values[layout.row(place)]).collect() };
        let others: Vec<&Factor> = (problem.absorbed.iter().enumerate())
            .filter(|(at, _)| Some(*at) != layout.group)
            .map(|(_, factor)| factor.as_ref())
            .collect();
        let n_effects: usize = others.iter().map(|factor| factor.n_levels()).sum();
        let n_columns = problem.columns.len();
        let n_codes = others.len() + problem.sparse.len();
        let mut codes = Vec::with_capacity(n * n_codes);
        let mut entries = problem
            .sparse
            .iter()
            .any(|group| group.values.is_some())
            .then(|| Vec::with_capacity(n * n_codes));
        for place in 0..n {
            let row = layout.row(place);
            let mut start = 0;
            for factor in &others {
                codes.push(start + factor.codes()[row]);
                start += factor.n_levels() as u32;
            }
            start += n_columns as u32;
            for group in &problem.sparse {
                codes.push(if group.at[row] == NONE { NONE } else { start + group.at[row] });
                start += group.n_columns as u32;
            }
            if let Some(entries) = &mut entries {
                entries.extend(
                    others.iter().map(|_| 1.0).chain(problem.sparse.iter().map(|group| group.value(row))),
                );
            }
        }
        let mut steps = Self {
            family: problem.family,
            outcome: take(&problem.outcome),
            weights: problem.weights.as_deref().map(take),
            offset: problem.offset.as_deref().map(take),
            codes,
            entries,
            n_codes,
            x: vec![0.0; n * n_columns],
            n_columns,
            scale: Vec::with_capacity(n_columns),
            centre: vec![0.0; layout.n_groups() * n_columns],
            n_effects,
            m: n_effects + problem.n_reported(),
            ln: LnTable::new(),
            layout,
        };
        for (j, column) in problem.columns.iter().enumerate() {
            steps.add_column(j, column)?;
        }
        Ok(steps)
    }

    /// Centres a column by group and scales it; what is constant within groups becomes 0 exactly.
    fn add_column(&mut self, j: usize, column: &[f64]) -> Result<()> {
        let k = self.n_columns;
        let (mut raw, mut within) = (0.0, 0.0);
        for group in 0..self.layout.n_groups() {
            let places = self.layout.starts[group]..self.layout.starts[group + 1];
            let first = self.layout.row(places.start);
            let sum: f64 = places.clone().map(|place| column[self.layout.row(place)] - column[first]).sum();
            let mean = match self.layout.group {
                Some(_) => column[first] + sum / places.len() as f64,
                None => 0.0,
            };
            self.centre[group * k + j] = mean;
            for place in places {
                let x = column[self.layout.row(place)];
                self.x[place * k + j] = x - mean;
                raw += x * x;
                within += (x - mean) * (x - mean);
            }
        }
        finite(raw, "sum of squares of a column")?;
        let scale = (within / column.len() as f64).sqrt();
        let constant = within <= 1e-22 * raw || scale <= 0.0;
        for row in self.x.chunks_exact_mut(k) {
            row[j] = if constant { 0.0 } else { row[j] / scale };
        }
        self.scale.push(if constant { 1.0 } else { scale });
        Ok(())
    }

    fn weight(&self, place: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[place])
    }

    /// Indices into theta and entries of a row.
    fn codes(&self, place: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = place * self.n_codes..(place + 1) * self.n_codes;
        range.filter(|&at| self.codes[at] != NONE).map(|at| (self.codes[at] as usize, self.entry(at)))
    }

    fn entry(&self, at: usize) -> f64 {
        self.entries.as_ref().map_or(1.0, |entries| entries[at])
    }

    fn columns(&self) -> std::ops::Range<usize> {
        self.n_effects..self.n_effects + self.n_columns
    }

    fn x(&self, place: usize) -> &[f64] {
        &self.x[place * self.n_columns..(place + 1) * self.n_columns]
    }

    /// o + d' theta.
    fn predictor(&self, place: usize, theta: &[f64]) -> f64 {
        let offset = self.offset.as_ref().map_or(0.0, |offset| offset[place]);
        let effects: f64 = self.codes(place).map(|(code, value)| value * theta[code]).sum();
        let columns: f64 = self.x(place).iter().zip(&theta[self.columns()]).map(|(x, b)| x * b).sum();
        offset + effects + columns
    }

    /// The effect and the means of a group at theta; `eta` holds o + d' theta on entry and the means on return.
    fn concentrate(&self, group: usize, eta: &mut [f64], guess: f64) -> f64 {
        let start = self.layout.starts[group];
        let absorbed = self.layout.group.is_some();
        match self.family {
            Family::Gaussian => {
                let (mut sum, mut total) = (0.0, 0.0);
                for (at, eta) in eta.iter().enumerate() {
                    let w = self.weight(start + at);
                    sum += w * (self.outcome[start + at] - eta);
                    total += w;
                }
                let effect = if absorbed { sum / total } else { 0.0 };
                eta.iter_mut().for_each(|eta| *eta += effect);
                effect
            }
            Family::Poisson => {
                if !absorbed {
                    exp_all(eta);
                    return 0.0;
                }
                let largest = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let (mut sum, mut total) = (0.0, 0.0);
                eta.iter_mut().for_each(|eta| *eta -= largest);
                exp_all(eta);
                for (at, eta) in eta.iter().enumerate() {
                    let w = self.weight(start + at);
                    sum += w * self.outcome[start + at];
                    total += w * *eta;
                }
                let share = sum / total;
                eta.iter_mut().for_each(|eta| *eta *= share);
                share.ln() - largest
            }
            Family::Logit => {
                let logistic = |eta: f64| 1.0 / (1.0 + (-eta).exp());
                if !absorbed {
                    eta.iter_mut().for_each(|eta| *eta = logistic(*eta));
                    return 0.0;
                }
                let effect = self.logit_effect(start, eta, guess);
                eta.iter_mut().for_each(|eta| *eta = logistic(*eta + effect));
                effect
            }
        }
    }

    /// The root of sum w (y - mean(eta + a)) = 0 in a, by Newton steps kept inside a bracket.
    fn logit_effect(&self, start: usize, eta: &[f64], guess: f64) -> f64 {
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        let mut a = guess;
        for _ in 0..200 {
            let (mut slope, mut gap, mut size) = (0.0, 0.0, 0.0);
            for (at, eta) in eta.iter().enumerate() {
                let w = self.weight(start + at);
                let mean = 1.0 / (1.0 + (-(eta + a)).exp());
                gap += w * (self.outcome[start + at] - mean);
                slope += w * mean * (1.0 - mean);
                size += w;
            }
            if gap > 0.0 {
                low = a
            } else {
                high = a
            }
            if gap.abs() <= 1e-15 * size {
                break;
            }
            let step = a + (gap / slope.max(1e-300)).clamp(-4.0, 4.0);
            let next = if step > low && step < high { step } else { 0.5 * (low + high) };
            if (next - a).abs() <= 1e-15 * (1.0 + a.abs()) {
                break;
            }
            a = next;
        }
        a
    }

    /// Sum of w y (ln y - eta) over a group.
    fn entropy(&self, places: std::ops::Range<usize>, eta: &[f64]) -> f64 {
        let rows = places.zip(eta).filter(|(place, _)| self.outcome[*place] > 0.0);
        rows.map(|(place, eta)| {
            let y = self.outcome[place];
            self.weight(place) * y * (self.ln.of(y) - eta)
        })
        .sum()
    }

    /// Twice what the log-likelihood of a row falls short of its largest value; for Poisson less the part that
    /// [`entropy`](Self::entropy) has.
    fn deviance(&self, y: f64, mean: f64, effect: f64) -> f64 {
        // y ln(y / mean), 0 at 0.
        let entropy = |y: f64, mean: f64| if y > 0.0 { y * (y.ln() - mean.ln()) } else { 0.0 };
        match self.family {
            Family::Gaussian => (y - mean) * (y - mean),
            Family::Poisson => 2.0 * (mean - y - y * effect),
            Family::Logit => 2.0 * (entropy(y, mean) + entropy(1.0 - y, 1.0 - mean)),
        }
    }

    /// Working weight and w (z - o) of a row before there is any theta, from a mean between outcome and average.
    fn start(&self, place: usize, average: f64) -> (f64, f64) {
        let (y, w) = (self.outcome[place], self.weight(place));
        let (mean, eta) = match self.family {
            Family::Gaussian => (y, y),
            Family::Poisson => {
                let mean = 0.5 * (y + average);
                (mean, mean.ln())
            }
            Family::Logit => {
                let mean = 0.5 * (y + 0.5);
                (mean, (mean / (1.0 - mean)).ln())
            }
        };
        let weight = w * self.family.variance(mean);
        let offset = self.offset.as_ref().map_or(0.0, |offset| offset[place]);
        (weight, weight * (eta - offset) + w * (y - mean))
    }

    /// The sums at theta, or before there is one; `effects` and `means` are written when there is.
    fn sums(&self, theta: Option<&[f64]>, effects: &mut [f64], means: &mut [f64]) -> Sums {
        let average = self.outcome.iter().sum::<f64>() / self.outcome.len() as f64;
        let n_groups = self.layout.n_groups();
        // A fixed number of parts, so that sums do not depend on the number of threads.
        let parts = (self.outcome.len() / 30_000).clamp(1, 8).min(n_groups);
        let mut pieces = Vec::with_capacity(parts);
        let (mut effects, mut means) = (effects, means);
        for part in 0..parts {
            let groups = part * n_groups / parts..(part + 1) * n_groups / parts;
            let places = self.layout.starts[groups.end] - self.layout.starts[groups.start];
            let (effects_here, effects_rest) = effects.split_at_mut(groups.len());
            let (means_here, means_rest) = means.split_at_mut(places);
            pieces.push((groups, effects_here, means_here));
            (effects, means) = (effects_rest, means_rest);
        }
        let parts: Vec<Sums> = pieces
            .into_par_iter()
            .map(|(groups, effects, means)| {
                let mut add = Adder::new(self);
                let first = self.layout.starts[groups.start];
                for (at, group) in groups.enumerate() {
                    let places = self.layout.starts[group]..self.layout.starts[group + 1];
                    let mean = &mut means[places.start - first..places.end - first];
                    let Some(theta) = theta else {
                        for place in places {
                            let (weight, z) = self.start(place, average);
                            add.row(place, weight, z);
                        }
                        add.end_group();
                        continue;
                    };
                    places
                        .clone()
                        .zip(&mut *mean)
                        .for_each(|(place, eta)| *eta = self.predictor(place, theta));
                    if self.family == Family::Poisson {
                        add.deviance += 2.0 * self.entropy(places.clone(), mean);
                    }
                    effects[at] = self.concentrate(group, mean, effects[at]);
                    for (place, &mean) in places.zip(&*mean) {
                        let (y, w) = (self.outcome[place], self.weight(place));
                        add.deviance += w * self.deviance(y, mean, effects[at]);
                        add.row(place, w * self.family.variance(mean), w * (y - mean));
                    }
                    add.end_group();
                }
                add.finish()
            })
            .collect();
        parts.into_iter().reduce(Sums::plus).unwrap_or_else(|| Adder::new(self).finish())
    }
}

impl Steps {
    /// Places that are separated, for Poisson means.
    fn rectify(&self) -> Vec<usize> {
        let mut add = Adder::new(self);
        for group in 0..self.layout.n_groups() {
            let places = self.layout.starts[group]..self.layout.starts[group + 1];
            places.filter(|&place| self.outcome[place] > 0.0).for_each(|place| add.row(place, 1.0, 0.0));
            add.end_group();
        }
        let sums = add.finish();
        let factored = Factored::new(&sums, &vec![true; self.m], PIVOT);
        let zeros: Vec<usize> = (0..self.outcome.len()).filter(|&place| self.outcome[place] <= 0.0).collect();
        let candidates: Vec<Vec<f64>> = (0..self.m)
            .filter(|&j| !factored.kept[j])
            .map(|j| {
                let right =
                    (0..self.m).map(|i| if i < j { factored.r[i * self.m + j] } else { 0.0 }).collect();
                let mut gamma: Vec<f64> = factored.solve_upper(right, j).iter().map(|x| -x).collect();
                gamma[j..].fill(0.0);
                gamma[j] = 1.0;
                self.candidate(&gamma, &zeros)
            })
            .filter(|z| z.iter().any(|z| z.abs() > CANDIDATE))
            .collect();
        if candidates.is_empty() {
            return Vec::new();
        }
        let qr = Qr::new(Matrix::from_columns(zeros.len(), &candidates), 1e-8);
        let q = qr.q();
        let mut u = vec![1.0; zeros.len()];
        for _ in 0..10_000 {
            let mut fitted = q.mul_vec(&q.t_mul_vec(&u));
            fitted.iter_mut().filter(|z| z.abs() < CANDIDATE).for_each(|z| *z = 0.0);
            if fitted.iter().all(|&z| z >= 0.0) {
                return zeros
                    .into_iter()
                    .zip(fitted)
                    .filter(|(_, z)| *z > 0.0)
                    .map(|(place, _)| place)
                    .collect();
            }
            u = fitted.into_iter().map(|z| z.max(0.0)).collect();
        }
        Vec::new()
    }

    /// D gamma at `zeros`, with group effects that make it 0 where the outcome is above 0.
    fn candidate(&self, gamma: &[f64], zeros: &[usize]) -> Vec<f64> {
        let value = |place: usize| {
            let sparse: f64 = self.codes(place).map(|(code, entry)| entry * gamma[code]).sum();
            sparse + self.x(place).iter().zip(&gamma[self.columns()]).map(|(x, g)| x * g).sum::<f64>()
        };
        let mut z = Vec::with_capacity(zeros.len());
        for group in 0..self.layout.n_groups() {
            let places = self.layout.starts[group]..self.layout.starts[group + 1];
            let (mut sum, mut n) = (0.0, 0.0);
            if self.layout.group.is_some() {
                for place in places.clone().filter(|&place| self.outcome[place] > 0.0) {
                    (sum, n) = (sum + value(place), n + 1.0);
                }
            }
            let effect = if n > 0.0 { sum / n } else { 0.0 };
            z.extend(places.filter(|&place| self.outcome[place] <= 0.0).map(|place| value(place) - effect));
        }
        z
    }
}

/// A combination smaller than this is taken for 0; columns have a standard deviation of 1.
const CANDIDATE: f64 = 1e-6;

impl Sums {
    fn plus(mut self, other: Self) -> Self {
        let add = |a: &mut [f64], b: &[f64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        add(&mut self.information, &other.information);
        add(&mut self.total, &other.total);
        add(&mut self.gradient, &other.gradient);
        self.deviance += other.deviance;
        self
    }
}

/// How many groups with many entries are subtracted in one product.
const BATCH: usize = 128;

/// Adds rows to [`Sums`], group by group.
struct Adder<'a> {
    steps: &'a Steps,
    sums: Sums,
    deviance: f64,
    /// A'V D, A'V 1 and the score of the group at hand, and which entries are not 0.
    v: Vec<f64>,
    touched: Vec<usize>,
    is_touched: Vec<bool>,
    weight: f64,
    score: f64,
    batch: Matrix,
    in_batch: usize,
}

impl<'a> Adder<'a> {
    fn new(steps: &'a Steps) -> Self {
        let m = steps.m;
        Self {
            steps,
            sums: Sums {
                information: vec![0.0; m * m],
                total: vec![0.0; m],
                gradient: vec![0.0; m],
                deviance: 0.0,
            },
            deviance: 0.0,
            v: vec![0.0; m],
            touched: Vec::with_capacity(m),
            is_touched: vec![false; m],
            weight: 0.0,
            score: 0.0,
            batch: Matrix::zeros(BATCH, m),
            in_batch: 0,
        }
    }

    fn row(&mut self, place: usize, weight: f64, score: f64) {
        let (m, steps) = (self.steps.m, self.steps);
        let columns = steps.columns();
        let x = steps.x(place);
        let sums = &mut self.sums;
        self.weight += weight;
        self.score += score;
        let range = place * steps.n_codes..(place + 1) * steps.n_codes;
        for at in range.clone() {
            if steps.codes[at] == NONE {
                continue;
            }
            let (a, value) = (steps.codes[at] as usize, steps.entry(at));
            if !self.is_touched[a] {
                self.is_touched[a] = true;
                self.touched.push(a);
            }
            let weight = weight * value;
            self.v[a] += weight;
            sums.gradient[a] += score * value;
            sums.total[a] += weight * value;
            for other in at..range.end {
                if steps.codes[other] != NONE {
                    sums.information[a * m + steps.codes[other] as usize] += weight * steps.entry(other);
                }
            }
            if a < columns.start {
                let row = &mut sums.information[a * m..][columns.clone()];
                row.iter_mut().zip(x).for_each(|(sum, x)| *sum += weight * x);
            } else {
                columns.clone().zip(x).for_each(|(j, x)| sums.information[j * m + a] += weight * x);
            }
        }
        for (j, (column, &xj)) in columns.zip(x).enumerate() {
            let wx = weight * xj;
            self.v[column] += wx;
            sums.gradient[column] += score * xj;
            sums.total[column] += wx * xj;
            let row = &mut sums.information[column * m + column..][..x.len() - j];
            row.iter_mut().zip(&x[j..]).for_each(|(sum, x)| *sum += wx * x);
        }
    }

    /// Takes the group's own intercept out.
    fn end_group(&mut self) {
        let (m, steps) = (self.steps.m, self.steps);
        self.touched.extend(steps.columns());
        if steps.layout.group.is_some() && self.weight > 0.0 {
            let mean_score = self.score / self.weight;
            self.touched.iter().for_each(|&a| self.sums.gradient[a] -= self.v[a] * mean_score);
            if self.touched.len() * 3 > m && m > 48 {
                let root = self.weight.sqrt();
                self.touched.iter().for_each(|&a| self.batch[(self.in_batch, a)] = self.v[a] / root);
                self.in_batch += 1;
                if self.in_batch == BATCH {
                    self.subtract_batch();
                }
            } else {
                self.touched.sort_unstable();
                for (at, &a) in self.touched.iter().enumerate() {
                    let factor = self.v[a] / self.weight;
                    let row = &mut self.sums.information[a * m..(a + 1) * m];
                    self.touched[at..].iter().for_each(|&b| row[b] -= factor * self.v[b]);
                }
            }
        }
        self.touched.iter().for_each(|&a| (self.v[a], self.is_touched[a]) = (0.0, false));
        self.touched.clear();
        (self.weight, self.score) = (0.0, 0.0);
    }

    fn subtract_batch(&mut self) {
        let gram = self.batch.gram();
        self.sums.information.iter_mut().zip(gram.data()).for_each(|(sum, part)| *sum -= part);
        self.batch.data_mut().fill(0.0);
        self.in_batch = 0;
    }

    fn finish(mut self) -> Sums {
        if self.in_batch > 0 {
            self.subtract_batch();
        }
        self.sums.deviance = self.deviance;
        self.sums
    }
}

/// S = R'R with pivots that cancel left out: their unknowns stay at 0.
struct Factored {
    m: usize,
    /// R, upper triangle by rows.
    r: Vec<f64>,
    kept: Vec<bool>,
}

impl Factored {
    /// `kept` says which unknowns may be kept; a pivot of `tolerance` of its diagonal before elimination is 0.
    fn new(sums: &Sums, allowed: &[bool], tolerance: f64) -> Self {
        let m = sums.gradient.len();
        let mut r = sums.information.clone();
        let mut kept = allowed.to_vec();
        for j in 0..m {
            let (done, rest) = r.split_at_mut((j + 1) * m);
            let row = &mut done[j * m..];
            let pivot = row[j];
            if !kept[j] || pivot.is_nan() || pivot <= tolerance * sums.total[j] {
                kept[j] = false;
                row[j..].fill(0.0);
                continue;
            }
            let root = pivot.sqrt();
            row[j..].iter_mut().for_each(|value| *value /= root);
            for (at, below) in rest.chunks_exact_mut(m).enumerate() {
                let i = j + 1 + at;
                let factor = row[i];
                if factor.abs() > 0.0 {
                    below[i..].iter_mut().zip(&row[i..]).for_each(|(b, a)| *b -= factor * a);
                }
            }
        }
        Self { m, r, kept }
    }

    /// x with R'R x = b.
    fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for j in 0..self.m {
            if !self.kept[j] {
                x[j] = 0.0;
                continue;
            }
            let row = &self.r[j * self.m..(j + 1) * self.m];
            x[j] /= row[j];
            let value = x[j];
            x[j + 1..].iter_mut().zip(&row[j + 1..]).for_each(|(x, r)| *x -= value * r);
        }
        self.solve_upper(x, self.m)
    }

    /// x with R x = b for the first `n` unknowns.
    fn solve_upper(&self, mut x: Vec<f64>, n: usize) -> Vec<f64> {
        for j in (0..n).rev() {
            if !self.kept[j] {
                x[j] = 0.0;
                continue;
            }
            let row = &self.r[j * self.m..][..n];
            let known: f64 = row[j + 1..].iter().zip(&x[j + 1..n]).map(|(r, x)| r * x).sum();
            x[j] = (x[j] - known) / row[j];
        }
        x
    }
}

/// A pivot below this share of its diagonal is taken for rounding.
const PIVOT: f64 = 1e-10;

fn newton(problem: &Problem<'_>, layout: Layout, control: Control) -> Result<Fit> {
    let steps = Steps::new(problem, layout)?;
    let mut effects = vec![0.0; steps.layout.n_groups()];
    let n = problem.outcome.len();
    let mut means = vec![0.0; n];
    let begin = steps.sums(None, &mut effects, &mut means);
    let factored = Factored::new(&begin, &vec![true; steps.m], PIVOT);
    let mut theta = factored.solve(&begin.gradient);
    // What is a combination of what does not depend on the weights.
    let kept = factored.kept;
    let mut at = steps.sums(Some(&theta), &mut effects, &mut means);
    let mut iterations = 1;
    let mut promised_before = f64::INFINITY;
    let mut last_step = false;
    let (factored, is_suspect) = loop {
        finite(at.deviance, "deviance")?;
        let size = (0.1 + at.deviance) / n as f64;
        let factored = Factored::new(&at, &kept, 1e-14);
        let step = factored.solve(&at.gradient);
        let promised: f64 = step.iter().zip(&at.gradient).map(|(step, gradient)| step * gradient).sum();
        if last_step || promised.abs() <= 1e-8 * control.tolerance * size {
            // Newton's steps shrink as squares, so that this one is below rounding in the standard errors.
            theta.iter_mut().zip(&step).for_each(|(theta, step)| *theta += step);
            break (factored, promised > 1e-3 * promised_before && promised > 1e-13 * size);
        }
        if iterations >= control.max_iterations {
            let message = format!(
                "{iterations} iterations, the next would change the deviance of {} by {promised:.3e}",
                at.deviance
            );
            return Err(Error::new(ErrorKind::NotConverged, message));
        }
        last_step = promised.abs() <= control.tolerance * size;
        promised_before = promised;
        let before = std::mem::take(&mut theta);
        let (mut length, deviance) = (1.0, at.deviance);
        loop {
            theta = before.iter().zip(&step).map(|(theta, step)| theta + length * step).collect();
            at = steps.sums(Some(&theta), &mut effects, &mut means);
            if at.deviance <= deviance + 1e-9 * (0.1 + deviance) || last_step || length < 1e-6 {
                break;
            }
            length *= 0.5;
        }
        iterations += 1;
    };
    let deviance = at.deviance;
    steps.finish(problem, &theta, factored, Ended { effects, means, iterations, is_suspect, deviance })
}

struct Ended {
    effects: Vec<f64>,
    means: Vec<f64>,
    iterations: usize,
    is_suspect: bool,
    deviance: f64,
}

impl Steps {
    /// Back to the units and the order of the rows that the problem came in.
    fn finish(self, problem: &Problem<'_>, theta: &[f64], factored: Factored, ended: Ended) -> Result<Fit> {
        let (layout, n) = (&self.layout, self.outcome.len());
        let reported = self.n_effects..self.m;
        let kept: Vec<bool> = factored.kept[reported.clone()].to_vec();
        let columns: Vec<usize> = reported.clone().filter(|&j| factored.kept[j]).collect();
        let scale = |j: usize| match j.checked_sub(self.n_effects) {
            Some(column) if column < self.n_columns => self.scale[column],
            _ => 1.0,
        };
        let coefficients: Vec<f64> = reported.map(|j| theta[j] / scale(j)).collect();
        // Effects of the group: those of the centred columns, less what the centres add.
        let slopes = &coefficients[..self.n_columns];
        let mut effects = self.other_effects(problem, theta);
        if let Some(group) = layout.group {
            let centres = ended.effects.iter().zip(self.centre.chunks(self.n_columns.max(1)));
            effects[group] = match self.n_columns {
                0 => ended.effects,
                _ => centres
                    .map(|(a, mean)| a - mean.iter().zip(slopes).map(|(m, b)| m * b).sum::<f64>())
                    .collect(),
            };
        }
        let k = columns.len();
        // The trailing block of R belongs to the Schur complement of the effects.
        let mut inverse = Matrix::zeros(k, k);
        for (at, &j) in columns.iter().enumerate() {
            let mut unit = vec![0.0; self.m];
            unit[j] = 1.0;
            let solved = factored.solve(&unit);
            for (to, &i) in columns.iter().enumerate() {
                inverse[(to, at)] = solved[i] / (scale(i) * scale(j));
            }
        }
        let bread = Matrix::from_fn(k, k, |i, j| 0.5 * (inverse[(i, j)] + inverse[(j, i)]));
        let scales: Vec<f64> = columns.iter().map(|&j| scale(j)).collect();
        let on_effects = self.on_effects(problem, &factored, &columns, &scales, &ended.means);
        let mut mean = ended.means.clone();
        if layout.order.is_some() {
            (0..n).for_each(|place| mean[layout.row(place)] = ended.means[place]);
        }
        let mut position = vec![NONE; kept.len()];
        columns.iter().enumerate().for_each(|(at, &j)| position[j - self.n_effects] = at as u32);
        Ok(Fit {
            coefficients,
            kept,
            bread,
            effects,
            deviance: ended.deviance,
            iterations: ended.iterations,
            is_suspect: ended.is_suspect,
            mean,
            on_effects,
            position,
            system: System { steps: self, factored, means: ended.means, class: None },
        })
    }

    /// Effects of the factors that stand in theta, by factor; that of the group is left empty.
    fn other_effects(&self, problem: &Problem<'_>, theta: &[f64]) -> Vec<Vec<f64>> {
        let mut start = 0;
        (problem.absorbed.iter().enumerate())
            .map(|(at, factor)| {
                if Some(at) == self.layout.group {
                    return Vec::new();
                }
                start += factor.n_levels();
                theta[start - factor.n_levels()..start].to_vec()
            })
            .collect()
    }

    /// The weighted projection of the kept reported columns on all effects, by absorbed factor.
    fn on_effects(
        &self,
        problem: &Problem<'_>,
        factored: &Factored,
        columns: &[usize],
        scales: &[f64],
        means: &[f64],
    ) -> Vec<Matrix> {
        let (k, first) = (columns.len(), self.n_effects);
        let mut in_theta = vec![0.0; first * k];
        for (at, &j) in columns.iter().enumerate() {
            let right = (0..first).map(|i| factored.r[i * self.m + j]).collect();
            for (effect, value) in factored.solve_upper(right, first).into_iter().enumerate() {
                in_theta[effect * k + at] = value;
            }
        }
        let mut position = vec![NONE; self.m];
        columns.iter().enumerate().for_each(|(at, &j)| position[j] = at as u32);
        let mut of_group =
            vec![0.0; if self.layout.group.is_some() { self.layout.n_groups() * k } else { 0 }];
        for (group, average) in of_group.chunks_exact_mut(k.max(1)).enumerate() {
            let mut total = 0.0;
            for place in self.layout.starts[group]..self.layout.starts[group + 1] {
                let weight = self.weight(place) * self.family.variance(means[place]);
                total += weight;
                for (code, value) in self.codes(place) {
                    if code < first {
                        let effect = &in_theta[code * k..(code + 1) * k];
                        average.iter_mut().zip(effect).for_each(|(sum, effect)| *sum -= weight * effect);
                    } else if position[code] != NONE {
                        average[position[code] as usize] += weight * value;
                    }
                }
                for (&x, &at) in self.x(place).iter().zip(&position[self.columns()]) {
                    if at != NONE {
                        average[at as usize] += weight * x;
                    }
                }
            }
            let total = if total > 0.0 { total } else { 1.0 };
            for ((sum, scale), &j) in average.iter_mut().zip(scales).zip(columns) {
                let column = self.columns().contains(&j).then(|| group * self.n_columns + j - first);
                let centre = column.map_or(0.0, |column| self.centre[column]);
                *sum = *sum / total * scale + centre;
            }
        }
        in_theta
            .chunks_exact_mut(k.max(1))
            .for_each(|row| row.iter_mut().zip(scales).for_each(|(x, s)| *x *= s));
        let mut start = 0;
        (problem.absorbed.iter().enumerate())
            .map(|(at, factor)| {
                if Some(at) == self.layout.group {
                    return Matrix::from_data(k, factor.n_levels(), std::mem::take(&mut of_group));
                }
                start += factor.n_levels();
                Matrix::from_data(
                    k,
                    factor.n_levels(),
                    in_theta[(start - factor.n_levels()) * k..start * k].to_vec(),
                )
            })
            .collect()
    }
}

impl Steps {
    /// v with H v = g, in the units of the problem. With B = A'V D and W = A'V A on the group's effects:
    /// S v_theta = g_theta - B' W^-1 g_a and v_a = W^-1 (g_a - B v_theta).
    fn solve(&self, system: &System, gradient: &Linear) -> Linear {
        let (h, m, columns) = (gradient.columns.n_rows(), self.m, self.columns());
        let scale = |j: usize| if columns.contains(&j) { self.scale[j - columns.start] } else { 1.0 };
        // In theta: effects of the other factors, then reported columns in units of their spread.
        let mut right = Matrix::zeros(m, h);
        let mut first = 0;
        for (at, effects) in gradient.effects.iter().enumerate() {
            if Some(at) != self.layout.group {
                (0..effects.n_cols()).for_each(|level| {
                    (0..h).for_each(|t| right[(first + level, t)] = effects[(t, level)]);
                });
                first += effects.n_cols();
            }
        }
        for j in self.n_effects..m {
            (0..h).for_each(|t| right[(j, t)] = gradient.columns[(t, j - self.n_effects)] / scale(j));
        }
        let own = self.layout.group.map(|group| &gradient.effects[group]);
        if let Some(own) = own {
            self.group_means(system, |group, _, means| {
                for (t, right) in right.cols_mut().enumerate() {
                    let g = own[(t, group)];
                    if g.abs() > 0.0 {
                        means.iter().for_each(|&(j, mean)| right[j] -= g * mean);
                        // The centre of a column moves with its coefficient.
                        let centre = &self.centre[group * self.n_columns..(group + 1) * self.n_columns];
                        columns
                            .clone()
                            .zip(centre)
                            .for_each(|(j, centre)| right[j] -= g * centre / self.scale[j - columns.start]);
                    }
                }
            });
        }
        let solved: Vec<Vec<f64>> = (0..h).map(|t| system.factored.solve(right.col(t))).collect();
        let mut found = Linear {
            effects: gradient.effects.iter().map(|effects| Matrix::zeros(h, effects.n_cols())).collect(),
            columns: Matrix::from_fn(h, m - self.n_effects, |t, j| {
                solved[t][self.n_effects + j] / scale(self.n_effects + j)
            }),
        };
        let mut first = 0;
        for (at, effects) in found.effects.iter_mut().enumerate() {
            if Some(at) != self.layout.group {
                *effects = Matrix::from_fn(h, effects.n_cols(), |t, level| solved[t][first + level]);
                first += effects.n_cols();
            }
        }
        if let (Some(own), Some(group)) = (own, self.layout.group) {
            let slopes = &found.columns;
            let mut effects = Matrix::zeros(h, own.n_cols());
            self.group_means(system, |level, weight, means| {
                for t in 0..h {
                    let mean: f64 = means.iter().map(|&(j, mean)| mean * solved[t][j]).sum();
                    let centre: f64 = (0..self.n_columns)
                        .map(|j| self.centre[level * self.n_columns + j] * slopes[(t, j)])
                        .sum();
                    effects[(t, level)] = own[(t, level)] / weight - mean - centre;
                }
            });
            found.effects[group] = effects;
        }
        found
    }

    /// Calls `visit` with each group, its weight A'V A and the entries of its weighted mean of d.
    fn group_means(&self, system: &System, mut visit: impl FnMut(usize, f64, &[(usize, f64)])) {
        let mut v: Vec<f64> = vec![0.0; self.m];
        let mut touched: Vec<usize> = Vec::new();
        let mut means = Vec::new();
        for group in 0..self.layout.n_groups() {
            let mut weight = 0.0;
            for place in self.layout.starts[group]..self.layout.starts[group + 1] {
                let w = self.weight(place) * self.family.variance(system.means[place]);
                weight += w;
                let columns = self.columns().zip(self.x(place).iter().copied());
                for (j, value) in self.codes(place).chain(columns) {
                    if v[j].abs() <= 0.0 {
                        touched.push(j);
                    }
                    v[j] += w * value;
                }
            }
            touched.sort_unstable();
            touched.dedup();
            means.extend(touched.iter().map(|&j| (j, v[j] / weight)));
            visit(group, weight, &means);
            touched.iter().for_each(|&j| v[j] = 0.0);
            touched.clear();
            means.clear();
        }
    }
}
