//! Averages of ATT(g, t), with the influence of estimated cohort shares: `aggte` of R `did`.

use super::influence::{Drawn, Influence};
use super::plan::Cell;
use super::sample::Sample;
use super::{Aggregation, CallawaySantannaOptions};
use crate::Caveat;
use evenhand_linalg::Matrix;
use rayon::prelude::*;

/// A weighted sum of cells, and of the cohort shares that its weights are made of.
#[derive(Debug, Clone)]
pub(super) struct Combination {
    /// Cells and their weights.
    cells: Vec<(usize, f64)>,
    /// What the sampling of each cohort's share adds, shape (H,).
    shares: Vec<f64>,
    pub estimate: f64,
}

/// One kind of average: its terms and the mean over them.
pub(super) struct Family {
    pub kind: Aggregation,
    /// Label (cohort, period or event time) and combination.
    pub terms: Vec<(f64, Combination)>,
    /// Weights of the terms in the overall mean, and what the sampling of shares adds.
    overall: Vec<f64>,
    overall_shares: Vec<f64>,
    pub overall_estimate: f64,
    /// By cluster, shape (C, terms).
    pub influence: Matrix,
    pub overall_influence: Vec<f64>,
}

/// The cells that may be averaged.
struct Table<'a> {
    sample: &'a Sample<'a>,
    cells: &'a [Cell],
    att: &'a [Result<f64, &'static str>],
    /// Share of each group, shape (H,).
    shares: Vec<f64>,
}

impl Table<'_> {
    fn event_time(&self, k: usize) -> f64 {
        self.sample.times[self.cells[k].period] - self.sample.groups[self.cells[k].cohort]
    }

    fn point(&self, k: usize) -> f64 {
        self.att[k].unwrap_or(0.0)
    }

    /// Averages with weights that are cohort shares; `None` of nothing.
    fn by_share(&self, cells: &[usize]) -> Option<Combination> {
        let total: f64 = cells.iter().map(|&k| self.shares[self.cells[k].cohort]).sum();
        if cells.is_empty() || total <= 0.0 {
            return None;
        }
        let weight = |k: usize| self.shares[self.cells[k].cohort] / total;
        let estimate = cells.iter().map(|&k| weight(k) * self.point(k)).sum();
        let mut shares = vec![0.0; self.shares.len()];
        cells.iter().for_each(|&k| shares[self.cells[k].cohort] += (self.point(k) - estimate) / total);
        Some(Combination { cells: cells.iter().map(|&k| (k, weight(k))).collect(), shares, estimate })
    }

    /// Plain average; `None` of nothing.
    fn even(&self, cells: &[usize]) -> Option<Combination> {
        let weight = 1.0 / cells.len() as f64;
        let estimate = cells.iter().map(|&k| self.point(k)).sum::<f64>() * weight;
        let cells: Vec<(usize, f64)> = cells.iter().map(|&k| (k, weight)).collect();
        (!cells.is_empty()).then(|| Combination { cells, shares: vec![0.0; self.shares.len()], estimate })
    }
}

/// Every family that was asked for and has a term.
pub(super) fn families(
    sample: &Sample<'_>,
    cells: &[Cell],
    influence: &Influence,
    options: &CallawaySantannaOptions,
    caveats: &mut Vec<Caveat>,
) -> Vec<Family> {
    let table = Table { sample, cells, att: &influence.att, shares: sample.shares() };
    let mut found = Vec::new();
    for &kind in &options.aggregations {
        match family(&table, kind, options, influence) {
            Some(family) => found.push(family),
            None => caveats.push(Caveat::NotEstimated {
                what: kind.overall_name().to_owned(),
                why: "no effect after treatment in the window asked for".to_owned(),
            }),
        }
    }
    found
}

fn family(
    table: &Table<'_>,
    kind: Aggregation,
    options: &CallawaySantannaOptions,
    influence: &Influence,
) -> Option<Family> {
    let (sample, cells) = (table.sample, table.cells);
    let estimated: Vec<usize> = (0..cells.len()).filter(|&k| table.att[k].is_ok()).collect();
    let in_window = |e: f64| {
        options.min_event.is_none_or(|low| e >= low as f64)
            && options.max_event.is_none_or(|high| e <= high as f64)
    };
    let is_post = |k: usize| table.event_time(k) >= 0.0;
    let post: Vec<usize> =
        estimated.iter().copied().filter(|&k| is_post(k) && in_window(table.event_time(k))).collect();
    let n_groups = sample.groups.len();
    let mut overall_shares = vec![0.0; n_groups];
    let (terms, overall): (Vec<(f64, Combination)>, Vec<f64>) = match kind {
        Aggregation::Simple => (vec![(0.0, table.by_share(&post)?)], vec![1.0]),
        Aggregation::Group => {
            let of = |h: usize| post.iter().copied().filter(|&k| cells[k].cohort == h).collect::<Vec<_>>();
            let with: Vec<(usize, Combination)> =
                (0..sample.n_cohorts).filter_map(|h| Some((h, table.even(&of(h))?))).collect();
            let total: f64 = with.iter().map(|(h, _)| table.shares[*h]).sum();
            let weights: Vec<f64> = with.iter().map(|(h, _)| table.shares[*h] / total).collect();
            let mean: f64 = with.iter().zip(&weights).map(|((_, c), w)| c.estimate * w).sum();
            with.iter().for_each(|(h, c)| overall_shares[*h] = (c.estimate - mean) / total);
            (with.into_iter().map(|(h, c)| (sample.group_labels[h], c)).collect(), weights)
        }
        Aggregation::Calendar => {
            let all: Vec<usize> = estimated.iter().copied().filter(|&k| is_post(k)).collect();
            let mut by_period = vec![Vec::new(); sample.n_periods()];
            all.iter().for_each(|&k| by_period[cells[k].period].push(k));
            let terms: Vec<(f64, Combination)> = (by_period.iter().enumerate())
                .filter_map(|(t, cells)| Some((sample.period_labels[t], table.by_share(cells)?)))
                .collect();
            let n = terms.len();
            (terms, vec![1.0 / n as f64; n])
        }
        Aggregation::Dynamic => {
            let terms = event_times(table, &estimated, options, in_window);
            let after = terms.iter().filter(|(e, _)| *e >= 0.0).count();
            let weight = |e: f64| if e >= 0.0 { 1.0 / after as f64 } else { 0.0 };
            let overall = terms.iter().map(|(e, _)| weight(*e)).collect();
            (terms, overall)
        }
    };
    if terms.is_empty() {
        return None;
    }
    let overall_estimate = terms.iter().zip(&overall).map(|((_, c), w)| c.estimate * w).sum();
    let mut family = Family {
        kind,
        terms,
        overall,
        overall_shares,
        overall_estimate,
        influence: Matrix::zeros(0, 0),
        overall_influence: Vec::new(),
    };
    family.influence = influences(table, &family, influence);
    let share_part = table.share_part(&family.overall_shares);
    family.overall_influence = family.influence.mul_vec(&family.overall);
    family.overall_influence.iter_mut().zip(share_part).for_each(|(sum, part)| *sum += part);
    Some(family)
}

fn event_times(
    table: &Table<'_>,
    estimated: &[usize],
    options: &CallawaySantannaOptions,
    in_window: impl Fn(f64) -> bool,
) -> Vec<(f64, Combination)> {
    let times = &table.sample.times;
    let last = times[times.len() - 1];
    let first = table.cells.iter().map(|cell| times[cell.period]).fold(f64::INFINITY, f64::min);
    let is_kept = |k: usize| {
        let Some(balance) = options.balance_event else { return true };
        let (e, balance) = (table.event_time(k), balance as f64);
        let reaches = last - table.sample.groups[table.cells[k].cohort] >= balance;
        reaches && e <= balance && e >= balance - last + first
    };
    let mut kept: Vec<usize> =
        estimated.iter().copied().filter(|&k| is_kept(k) && in_window(table.event_time(k))).collect();
    kept.sort_by(|&a, &b| table.event_time(a).total_cmp(&table.event_time(b)).then(a.cmp(&b)));
    kept.chunk_by(|&a, &b| table.event_time(a).total_cmp(&table.event_time(b)).is_eq())
        .filter_map(|cells| Some((table.event_time(cells[0]), table.by_share(cells)?)))
        .collect()
}

fn influences(table: &Table<'_>, family: &Family, influence: &Influence) -> Matrix {
    let clusters = table.sample.n_clusters();
    let mut matrix = Matrix::zeros(clusters, family.terms.len());
    matrix.data_mut().par_chunks_mut(clusters.max(1)).zip(&family.terms).for_each(|(column, (_, term))| {
        column.copy_from_slice(&table.share_part(&term.shares));
        term.cells.iter().for_each(|&(k, weight)| influence.add_to(table.cells, k, weight, column));
    });
    matrix
}

impl Table<'_> {
    /// Sum over cohorts of `factor` times (share of the unit's weight in the cohort - cohort share), by cluster.
    fn share_part(&self, factors: &[f64]) -> Vec<f64> {
        let sample = self.sample;
        let constant: f64 = factors.iter().zip(&self.shares).map(|(f, share)| f * share).sum();
        let mut part = vec![0.0; sample.n_clusters()];
        if factors.iter().all(|f| f.abs() <= 0.0) {
            return part;
        }
        for (h, factor) in factors.iter().enumerate() {
            for unit in sample.start[h]..sample.start[h + 1] {
                part[sample.cluster[unit] as usize] += factor * sample.weight[unit] - constant;
            }
        }
        part
    }
}

impl Family {
    /// Sums of multiplier times influence, shape (draws, terms), before any cell is added.
    pub fn start_draws(&self, sample: &Sample<'_>, drawn: &Drawn) -> Matrix {
        let columns: Vec<Vec<f64>> =
            self.terms.iter().map(|(_, term)| share_draws(&term.shares, &sample.shares(), drawn)).collect();
        Matrix::from_columns(drawn.size.len(), &columns)
    }

    /// Adds the draws of a batch of cells.
    pub fn add_draws(&self, sums: &mut Matrix, batch: &[usize], draws: &Matrix, place: &[usize]) {
        let n = sums.n_rows().max(1);
        let (first, last) = (batch.iter().min(), batch.iter().max());
        let (Some(&first), Some(&last)) = (first, last) else { return };
        sums.data_mut().par_chunks_mut(n).zip(&self.terms).for_each(|(column, (_, term))| {
            for &(k, weight) in term.cells.iter().filter(|(k, _)| (first..=last).contains(k)) {
                if place[k] != usize::MAX {
                    column.iter_mut().zip(draws.col(place[k])).for_each(|(s, d)| *s += weight * d);
                }
            }
        });
    }

    /// Draws of the overall mean.
    pub fn overall_draws(&self, sums: &Matrix, sample: &Sample<'_>, drawn: &Drawn) -> Vec<f64> {
        let mut overall = sums.mul_vec(&self.overall);
        let part = share_draws(&self.overall_shares, &sample.shares(), drawn);
        overall.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        overall
    }

    /// Whether there is an overall mean: an event study of pre-treatment periods has none.
    pub fn has_overall(&self) -> bool {
        self.overall.iter().any(|w| *w > 0.0)
    }
}

fn share_draws(factors: &[f64], shares: &[f64], drawn: &Drawn) -> Vec<f64> {
    let constant: f64 = factors.iter().zip(shares).map(|(f, share)| f * share).sum();
    let mut part: Vec<f64> = drawn.size.iter().map(|size| -constant * size).collect();
    for (mass, factor) in drawn.mass.iter().zip(factors) {
        if factor.abs() > 0.0 {
            part.iter_mut().zip(mass).for_each(|(sum, mass)| *sum += factor * mass);
        }
    }
    part
}
