//! Weighted least squares on unit and period effects over some of the rows, through their sparse structure.
//!
//! N units, T periods, weights w_it on the rows of the sample. With D_i = sum_t w_it and q_i = w_i / D_i, shape (T,),
//! eliminating the units leaves S = diag(sum_i w_it) - sum_i D_i q_i q_i', shape (T, T), factored once by Cholesky.
//! Units with the same q_i (observed in the same periods, weights constant over time) are one profile, so that a
//! staggered panel has about as many profiles as cohorts. No design matrix is ever formed. One period of every
//! connected part of the sample is pinned to 0; what is estimable does not depend on which.

use crate::{Cells, Error, ErrorKind, Result};
use evenhand_linalg::{Cholesky, Matrix};
use std::collections::HashMap;

/// No level, no label.
pub(crate) const NONE: u32 = u32::MAX;

/// Profiles that are written out densely at once.
const BLOCK: usize = 256;

/// The factored system.
pub(crate) struct TwoWay<'a> {
    cells: &'a Cells,
    sample: &'a [bool],
    weights: Option<&'a [f64]>,
    /// First row of each unit and the end of the last, shape (N + 1,).
    starts: Vec<usize>,
    /// Profile of each unit, [`NONE`] when none of its rows is in the sample.
    profile: Vec<u32>,
    profiles: Vec<Profile>,
    /// D_i.
    unit_weight: Vec<f64>,
    /// Connected part of each period, [`NONE`] when none of its rows is in the sample.
    part: Vec<u32>,
    /// Place of each period in the system; the pinned and the empty ones have none.
    place: Vec<Option<usize>>,
    schur: Cholesky,
}

/// Units that share q_i.
struct Profile {
    periods: Vec<u32>,
    q: Vec<f64>,
    /// Sum of D_i.
    weight: f64,
    part: u32,
}

impl Profile {
    fn dot(&self, lambda: &[f64]) -> f64 {
        self.periods.iter().zip(&self.q).map(|(&t, q)| q * lambda[t as usize]).sum()
    }
}

/// Coefficients of the unit and period effects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effects {
    /// alpha, shape (N,).
    pub unit: Vec<f64>,
    /// lambda, shape (T,).
    pub period: Vec<f64>,
}

impl Effects {
    pub(crate) fn at(&self, cells: &Cells, row: usize) -> f64 {
        self.unit[cells.unit().at(row)] + self.period[cells.period().at(row)]
    }

    /// `self + factor * other`.
    pub(crate) fn add(&mut self, other: &Self, factor: f64) {
        self.unit.iter_mut().zip(&other.unit).for_each(|(a, b)| *a += factor * b);
        self.period.iter_mut().zip(&other.period).for_each(|(a, b)| *a += factor * b);
    }
}

/// Weighted sums over labelled rows: term h is the sum of `mass` over the rows labelled h.
pub(crate) struct Target {
    /// Term of each row, [`NONE`] for rows in no term.
    pub label: Vec<u32>,
    /// What each row counts in its term.
    pub mass: Vec<f64>,
    /// How many terms.
    pub n_terms: usize,
}

/// For every term of a [`Target`] the effects that solve the normal equations with the term as right-hand side.
pub(crate) struct Projection {
    /// lambda, shape (T, H).
    pub lambda: Matrix,
    /// The period sums once units are eliminated, shape (T, H).
    pub reduced: Matrix,
}

impl<'a> TwoWay<'a> {
    /// Factors the system of the rows marked in `sample`.
    ///
    /// # Errors
    /// [`ErrorKind::NoObservations`] when no row is marked, [`ErrorKind::Degenerate`] when weights are so unequal
    /// that the system cannot be factored.
    pub(crate) fn new(cells: &'a Cells, sample: &'a [bool], weights: Option<&'a [f64]>) -> Result<Self> {
        let starts = unit_starts(cells);
        let (profile, mut profiles, unit_weight) = profiles(cells, sample, weights, &starts);
        if profiles.is_empty() {
            return Err(Error::new(
                ErrorKind::NoObservations,
                "no untreated row, expected some to learn from",
            ));
        }
        let part = connected_parts(&mut profiles, cells.periods().len());
        let place = places(&part);
        let schur = Cholesky::new(&schur_complement(&profiles, &place)).ok_or_else(|| {
            Error::new(ErrorKind::Degenerate, "period effects: not identified to working precision")
        })?;
        Ok(Self { cells, sample, weights, starts, profile, profiles, unit_weight, part, place, schur })
    }

    pub(crate) fn cells(&self) -> &'a Cells {
        self.cells
    }

    pub(crate) fn in_sample(&self, row: usize) -> bool {
        self.sample[row]
    }

    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[row])
    }

    /// The rows of a unit.
    pub(crate) fn rows(&self, unit: usize) -> std::ops::Range<usize> {
        self.starts[unit]..self.starts[unit + 1]
    }

    pub(crate) fn n_units(&self) -> usize {
        self.unit_weight.len()
    }

    fn n_periods(&self) -> usize {
        self.part.len()
    }

    /// Whether the unit has a row in the sample.
    pub(crate) fn has_unit(&self, unit: usize) -> bool {
        self.profile[unit] != NONE
    }

    /// Whether the sum of the row's two effects is identified.
    pub(crate) fn identifies(&self, row: usize) -> bool {
        let profile = self.profile[self.cells.unit().at(row)];
        profile != NONE && self.profiles[profile as usize].part == self.part[self.cells.period().at(row)]
    }

    /// How many free parameters the effects have, units and periods together.
    pub(crate) fn rank(&self) -> usize {
        let units = self.profile.iter().filter(|&&p| p != NONE).count();
        units + self.place.iter().flatten().count()
    }

    /// How many periods have a row in the sample.
    pub(crate) fn n_sample_periods(&self) -> usize {
        self.part.iter().filter(|&&part| part != NONE).count()
    }

    /// Least-squares effects of `values`, one a row, with one step of refinement.
    pub(crate) fn effects(&self, values: &[f64]) -> Effects {
        let mut found = self.solve(|row| values[row]);
        let rest = self.solve(|row| values[row] - found.at(self.cells, row));
        found.add(&rest, 1.0);
        found
    }

    fn solve(&self, value: impl Fn(usize) -> f64) -> Effects {
        let mut unit_sum = vec![0.0; self.n_units()];
        let mut period_sum = vec![0.0; self.n_periods()];
        let period = self.cells.period().codes();
        for unit in 0..self.n_units() {
            for row in self.rows(unit).filter(|&row| self.sample[row]) {
                let x = self.weight(row) * value(row);
                unit_sum[unit] += x;
                period_sum[period[row] as usize] += x;
            }
        }
        let mut profile_sum = vec![0.0; self.profiles.len()];
        for (&p, sum) in self.profile.iter().zip(&unit_sum).filter(|&(&p, _)| p != NONE) {
            profile_sum[p as usize] += sum;
        }
        for (profile, sum) in self.profiles.iter().zip(&profile_sum) {
            for (&t, q) in profile.periods.iter().zip(&profile.q) {
                period_sum[t as usize] -= q * sum;
            }
        }
        self.solve_periods(&mut period_sum);
        let fitted: Vec<f64> = self.profiles.iter().map(|profile| profile.dot(&period_sum)).collect();
        let unit = (0..self.n_units()).map(|unit| match self.profile[unit] {
            NONE => 0.0,
            p => unit_sum[unit] / self.unit_weight[unit] - fitted[p as usize],
        });
        Effects { unit: unit.collect(), period: period_sum }
    }

    /// Reduced period sums in, lambda out; pinned and empty periods are 0.
    fn solve_periods(&self, sums: &mut [f64]) {
        let mut free = vec![0.0; self.place.iter().flatten().count()];
        for (t, place) in self.place.iter().enumerate() {
            if let Some(at) = *place {
                free[at] = sums[t];
            }
        }
        self.schur.solve_in_place(&mut free);
        for (t, place) in self.place.iter().enumerate() {
            sums[t] = place.map_or(0.0, |at| free[at]);
        }
    }

    /// Solves for every term of `target`; each row counts `mass` times `factor(row)`.
    pub(crate) fn project(&self, target: &Target, factor: impl Fn(usize) -> f64) -> Projection {
        let (n_periods, n_terms) = (self.n_periods(), target.n_terms);
        let mut reduced = Matrix::zeros(n_periods, n_terms);
        let mut by_profile = Matrix::zeros(self.profiles.len(), n_terms);
        let period = self.cells.period().codes();
        for unit in (0..self.n_units()).filter(|&unit| self.has_unit(unit)) {
            for row in self.rows(unit).filter(|&row| target.label[row] != NONE) {
                let (h, x) = (target.label[row] as usize, target.mass[row] * factor(row));
                reduced[(period[row] as usize, h)] += x;
                by_profile[(self.profile[unit] as usize, h)] += x;
            }
        }
        for (block, q) in dense_blocks(&self.profiles, (0..n_periods).map(Some).collect(), |_| 1.0) {
            let rows: Vec<usize> = block.collect();
            reduced = reduced.plus(&q.t_mul(&by_profile.select_rows(&rows)), -1.0);
        }
        let mut lambda = reduced.clone();
        lambda.cols_mut().for_each(|column| self.solve_periods(column));
        Projection { lambda, reduced }
    }

    /// alpha_i of every term: `mass` sums of the unit over D_i, less q_i' lambda. Shape (H,).
    pub(crate) fn unit_effects(
        &self,
        unit: usize,
        target: &Target,
        factor: impl Fn(usize) -> f64,
        lambda: &Matrix,
    ) -> Vec<f64> {
        let profile = &self.profiles[self.profile[unit] as usize];
        let mut alpha: Vec<f64> = (0..target.n_terms).map(|h| -profile.dot(lambda.col(h))).collect();
        for row in self.rows(unit).filter(|&row| target.label[row] != NONE) {
            alpha[target.label[row] as usize] += target.mass[row] * factor(row) / self.unit_weight[unit];
        }
        alpha
    }

    /// D_i.
    pub(crate) fn unit_weight(&self, unit: usize) -> f64 {
        self.unit_weight[unit]
    }
}

/// q of a block of profiles as rows, each times `scale`, shape (block, places).
fn dense_blocks<'p>(
    profiles: &'p [Profile],
    place: Vec<Option<usize>>,
    scale: impl Fn(&Profile) -> f64 + 'p,
) -> impl Iterator<Item = (std::ops::Range<usize>, Matrix)> + 'p {
    let width = place.iter().flatten().count();
    (0..profiles.len()).step_by(BLOCK).map(move |start| {
        let block = start..profiles.len().min(start + BLOCK);
        let mut dense = Matrix::zeros(block.len(), width);
        for (i, profile) in profiles[block.clone()].iter().enumerate() {
            for (&t, q) in profile.periods.iter().zip(&profile.q) {
                if let Some(at) = place[t as usize] {
                    dense[(i, at)] = q * scale(profile);
                }
            }
        }
        (block, dense)
    })
}

fn unit_starts(cells: &Cells) -> Vec<usize> {
    let codes = cells.unit().codes();
    let mut starts: Vec<usize> =
        (0..codes.len()).filter(|&row| row == 0 || codes[row - 1] != codes[row]).collect();
    starts.push(codes.len());
    starts
}

/// The profile of each unit, the profiles, and D_i.
fn profiles(
    cells: &Cells,
    sample: &[bool],
    weights: Option<&[f64]>,
    starts: &[usize],
) -> (Vec<u32>, Vec<Profile>, Vec<f64>) {
    let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
    let (mut profile, mut profiles, mut unit_weight) = (Vec::new(), Vec::<Profile>::new(), Vec::new());
    let period = cells.period().codes();
    for rows in starts.windows(2).map(|pair| pair[0]..pair[1]) {
        let rows = rows.filter(|&row| sample[row]);
        let periods: Vec<u32> = rows.clone().map(|row| period[row]).collect();
        if periods.is_empty() {
            profile.push(NONE);
            unit_weight.push(0.0);
            continue;
        }
        let of_row = |row: usize| weights.map_or(1.0, |w| w[row]);
        let first = rows.clone().next().map_or(1.0, of_row);
        let constant = weights.is_none() || rows.clone().all(|row| (of_row(row) - first).abs() <= 0.0);
        let total = if constant { first * periods.len() as f64 } else { rows.clone().map(of_row).sum() };
        unit_weight.push(total);
        let next = profiles.len() as u32;
        let at = if constant { *known.entry(periods.clone()).or_insert(next) } else { next };
        if at == next {
            let q = match constant {
                true => vec![1.0 / periods.len() as f64; periods.len()],
                false => rows.map(|row| of_row(row) / total).collect(),
            };
            profiles.push(Profile { periods, q, weight: 0.0, part: NONE });
        }
        profiles[at as usize].weight += total;
        profile.push(at);
    }
    (profile, profiles, unit_weight)
}

/// Parts of the sample that no unit connects; sets them in the profiles and returns that of each period.
fn connected_parts(profiles: &mut [Profile], n_periods: usize) -> Vec<u32> {
    let mut parent: Vec<usize> = (0..n_periods).collect();
    let root = |parent: &mut Vec<usize>, mut t: usize| {
        while parent[t] != t {
            parent[t] = parent[parent[t]];
            t = parent[t];
        }
        t
    };
    for profile in profiles.iter() {
        let first = root(&mut parent, profile.periods[0] as usize);
        for &t in &profile.periods {
            let other = root(&mut parent, t as usize);
            let now = root(&mut parent, first);
            parent[other.max(now)] = other.min(now);
        }
    }
    let mut part = vec![NONE; n_periods];
    for profile in profiles.iter_mut() {
        profile.part = root(&mut parent, profile.periods[0] as usize) as u32;
        profile.periods.iter().for_each(|&t| part[t as usize] = profile.part);
    }
    part
}

/// Periods in the system: all but the empty ones and the first of every part.
fn places(part: &[u32]) -> Vec<Option<usize>> {
    let mut next = 0;
    let place = part.iter().enumerate().map(|(t, &part)| {
        if part == NONE || part as usize == t {
            return None;
        }
        next += 1;
        Some(next - 1)
    });
    place.collect()
}

fn schur_complement(profiles: &[Profile], place: &[Option<usize>]) -> Matrix {
    let n = place.iter().flatten().count();
    let mut schur = Matrix::zeros(n, n);
    for profile in profiles {
        for (&t, q) in profile.periods.iter().zip(&profile.q) {
            if let Some(at) = place[t as usize] {
                schur[(at, at)] += profile.weight * q;
            }
        }
    }
    for (_, rows) in dense_blocks(profiles, place.to_vec(), |profile| profile.weight.sqrt()) {
        schur = schur.plus(&rows.gram(), -1.0);
    }
    schur
}
