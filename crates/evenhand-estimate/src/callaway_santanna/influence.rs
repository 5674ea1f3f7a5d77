//! ATT(g, t) and influence functions, summed by cluster, in the cheapest form that the data allow.

use super::multipliers::Multipliers;
use super::plan::Cell;
use super::sample::Sample;
use super::two_by_two::{Design, PanelDesign, Why, cross_section};
use super::{CallawaySantannaOptions, DidMethod, WeightPeriod};
use evenhand_linalg::Matrix;
use rayon::prelude::*;

/// Periods that are drawn together.
const BLOCK: usize = 32;

/// Points, and what every standard error and draw is made of.
pub(super) struct Influence {
    /// By cell; `Err` says why there is none.
    pub att: Vec<Result<f64, Why>>,
    form: Form,
    n_units: f64,
    n_clusters: usize,
}

enum Form {
    /// Without covariates and with constant weights every cell is a difference of weighted means, and sums of the
    /// outcome by cohort and cluster are all that is needed.
    Means(Means),
    /// One column for each cell, shape (C, k).
    Columns(Matrix),
}

impl Influence {
    pub fn new(sample: &Sample<'_>, cells: &[Cell], options: &CallawaySantannaOptions) -> Self {
        let n_units = sample.n_units() as f64;
        let has_means = sample.is_wide
            && sample.cells.covariates().is_empty()
            && (options.weight_period == WeightPeriod::First || sample.has_constant_weights())
            && options.weight_period != WeightPeriod::Own;
        if has_means {
            let means = Means::new(sample);
            let att = cells.iter().map(|cell| means.att(cell, options.method)).collect();
            return Self { att, form: Form::Means(means), n_units, n_clusters: sample.n_clusters() };
        }
        let found = if sample.is_wide && options.weight_period != WeightPeriod::Own {
            panel_cells(sample, cells, options)
        } else {
            row_cells(sample, cells, options)
        };
        let mut columns = Matrix::zeros(sample.n_clusters(), cells.len());
        let mut att = Vec::with_capacity(cells.len());
        for (k, cell) in found.into_iter().enumerate() {
            att.push(cell.map(|(att, column)| {
                columns.col_mut(k).copy_from_slice(&column);
                att
            }));
        }
        Self { att, form: Form::Columns(columns), n_units, n_clusters: sample.n_clusters() }
    }

    /// Adds `weight` times a cell's influence function, summed by cluster, to `sum`, shape (C,).
    pub fn add_to(&self, cells: &[Cell], k: usize, weight: f64, sum: &mut [f64]) {
        match &self.form {
            Form::Means(means) => means.add_to(&cells[k], weight * self.n_units, sum),
            Form::Columns(columns) => {
                sum.iter_mut().zip(columns.col(k)).for_each(|(s, f)| *s += weight * f);
            }
        }
    }

    /// A cell's influence function, summed by cluster, shape (C,).
    pub fn column(&self, cells: &[Cell], k: usize) -> Vec<f64> {
        let mut column = vec![0.0; self.n_clusters];
        self.add_to(cells, k, 1.0, &mut column);
        column
    }

    /// Cells to be drawn together, in order: those of neighbouring periods share their work.
    pub fn batches(&self, cells: &[Cell]) -> Vec<Vec<usize>> {
        let estimated = |k: &usize| self.att[*k].is_ok() && !cells[*k].is_reference();
        match &self.form {
            Form::Columns(_) => {
                let all: Vec<usize> = (0..cells.len()).filter(estimated).collect();
                all.chunks(4 * BLOCK).map(<[usize]>::to_vec).collect()
            }
            Form::Means(means) => {
                let mut batches = vec![Vec::new(); means.n_periods.div_ceil(BLOCK)];
                (0..cells.len()).filter(estimated).for_each(|k| batches[cells[k].period / BLOCK].push(k));
                batches
            }
        }
    }

    /// Sums of the influence functions over clusters, each times its multiplier, shape (draws, batch).
    pub fn draws(&self, cells: &[Cell], batch: &[usize], drawn: &Drawn) -> Matrix {
        match (&self.form, &drawn.products) {
            (Form::Means(means), Products::ByGroup { multipliers, base }) => {
                means.draws(cells, batch, multipliers, base, &drawn.mass, self.n_units)
            }
            (Form::Columns(columns), Products::Whole(multipliers)) => {
                multipliers.mul(&columns.select_cols(batch))
            }
            _ => Matrix::zeros(drawn.size.len(), batch.len()),
        }
    }

    /// The multipliers in the form that [`draws`](Self::draws) wants.
    pub fn drawn(&self, sample: &Sample<'_>, cells: &[Cell], multipliers: &Multipliers) -> Drawn {
        let draws = multipliers.draws();
        let by_group = |clusters: &[u32]| {
            multipliers.matrix(&clusters.iter().map(|&c| sample.cluster_code[c as usize]).collect::<Vec<_>>())
        };
        match &self.form {
            Form::Columns(_) => {
                let all = multipliers.matrix(&sample.cluster_code);
                let mass =
                    (0..sample.groups.len()).into_par_iter().map(|h| all.mul_vec(&sample.mass(h))).collect();
                let mut sizes = vec![0.0; sample.n_clusters()];
                sample.cluster.iter().for_each(|&c| sizes[c as usize] += 1.0);
                let size = all.mul_vec(&sizes);
                Drawn { products: Products::Whole(all), mass, size }
            }
            Form::Means(means) => {
                let multipliers: Vec<Matrix> =
                    means.groups.par_iter().map(|group| by_group(&group.cluster)).collect();
                let base = means.base_sums(cells, &multipliers);
                let sums: Vec<Matrix> = (multipliers.par_iter().zip(&means.groups))
                    .map(|(v, group)| v.mul(&group.sizes))
                    .collect();
                let mass = sums.iter().map(|sums| sums.col(0).to_vec()).collect();
                let mut size = vec![0.0; draws];
                sums.iter()
                    .for_each(|own| size.iter_mut().zip(own.col(1)).for_each(|(sum, own)| *sum += own));
                Drawn { products: Products::ByGroup { multipliers, base }, mass, size }
            }
        }
    }
}

/// Multipliers, and products of them that many cells share.
pub(super) struct Drawn {
    products: Products,
    /// Sum of multiplier times weight by group, shape (draws,) each.
    pub mass: Vec<Vec<f64>>,
    /// Sum of multiplier over units, shape (draws,).
    pub size: Vec<f64>,
}

enum Products {
    /// Multipliers, shape (draws, C).
    Whole(Matrix),
    ByGroup {
        /// Multipliers of each group's pairs, shape (draws, pairs) each.
        multipliers: Vec<Matrix>,
        /// For each period that is the base of a later one, sums of multiplier times outcome, shape (draws, H).
        base: Vec<Option<Matrix>>,
    },
}

/// Outcomes summed over the units of one group and one cluster.
struct GroupSums {
    /// Sums of weight times outcome, shape (pairs, T).
    z: Matrix,
    /// Sums of weights and numbers of units, shape (pairs, 2).
    sizes: Matrix,
    cluster: Vec<u32>,
    n_units: usize,
    total_weight: f64,
    /// Sum over pairs by period, shape (T,).
    total: Vec<f64>,
}

struct Means {
    groups: Vec<GroupSums>,
    n_periods: usize,
}

impl Means {
    fn new(sample: &Sample<'_>) -> Self {
        let n_periods = sample.n_periods();
        let groups = (0..sample.groups.len()).into_par_iter().map(|h| GroupSums::new(sample, h)).collect();
        Self { groups, n_periods }
    }

    fn weight_of<'a>(&'a self, groups: impl Iterator<Item = usize> + 'a) -> f64 {
        groups.map(|h| self.groups[h].total_weight).sum()
    }

    fn att(&self, cell: &Cell, method: DidMethod) -> Result<f64, Why> {
        if cell.is_reference() {
            return Ok(0.0);
        }
        let controls = || cell.controls(self.groups.len());
        let cohort = &self.groups[cell.cohort];
        let (n, n_controls) = (cohort.n_units, controls().map(|h| self.groups[h].n_units).sum::<usize>());
        if n_controls == 0 {
            return Err("no comparison units are left");
        }
        if method != DidMethod::OutcomeRegression {
            if n as f64 / (n + n_controls) as f64 >= 0.999 {
                return Err("overlap fails: the cohort is 99.9 % or more of the units compared");
            }
            let weight = self.weight_of(controls());
            if cohort.total_weight / (cohort.total_weight + weight) >= 0.995 {
                return Err("overlap fails: the cohort is 99.5 % or more of the weight compared");
            }
        }
        let (treated, control) = self.changes(cell);
        Ok(treated - control)
    }

    /// Mean change of the cohort and of its comparison.
    fn changes(&self, cell: &Cell) -> (f64, f64) {
        let change = |h: usize| self.groups[h].total[cell.period] - self.groups[h].total[cell.base];
        let cohort = &self.groups[cell.cohort];
        let controls = || cell.controls(self.groups.len());
        (
            change(cell.cohort) / cohort.total_weight,
            controls().map(change).sum::<f64>() / self.weight_of(controls()),
        )
    }

    fn add_to(&self, cell: &Cell, scale: f64, sum: &mut [f64]) {
        if cell.is_reference() {
            return;
        }
        let (treated, control) = self.changes(cell);
        let cohort = &self.groups[cell.cohort];
        cohort.add_to(cell, treated, scale / cohort.total_weight, sum);
        let weight = self.weight_of(cell.controls(self.groups.len()));
        for h in cell.controls(self.groups.len()) {
            self.groups[h].add_to(cell, control, -scale / weight, sum);
        }
    }

    /// Sums of multiplier times outcome by group (columns), shape (draws, H), in each period that is a base and does
    /// not just come before.
    fn base_sums(&self, cells: &[Cell], by_group: &[Matrix]) -> Vec<Option<Matrix>> {
        let mut is_base = vec![false; self.n_periods];
        cells.iter().filter(|cell| cell.base + 1 != cell.period).for_each(|cell| is_base[cell.base] = true);
        let periods: Vec<usize> = (0..self.n_periods).filter(|&t| is_base[t]).collect();
        let products: Vec<Matrix> = (by_group.par_iter().zip(&self.groups))
            .map(|(v, group)| v.mul(&group.z.select_cols(&periods)))
            .collect();
        let draws = by_group.first().map_or(0, Matrix::n_rows);
        let mut sums = vec![None; self.n_periods];
        for (at, &period) in periods.iter().enumerate() {
            let columns: Vec<Vec<f64>> = products.iter().map(|product| product.col(at).to_vec()).collect();
            sums[period] = Some(Matrix::from_columns(draws, &columns));
        }
        sums
    }

    fn draws(
        &self,
        cells: &[Cell],
        batch: &[usize],
        by_group: &[Matrix],
        base: &[Option<Matrix>],
        mass: &[Vec<f64>],
        n: f64,
    ) -> Matrix {
        let draws = by_group[0].n_rows();
        let Some(first) = batch.iter().map(|&k| cells[k].period).min() else {
            return Matrix::zeros(draws, 0);
        };
        let last = batch.iter().map(|&k| cells[k].period).max().unwrap_or(first);
        // One period more, for the cells that are compared with the period before.
        let from = first.saturating_sub(1);
        let mut columns: Vec<usize> = (from..=last).collect();
        let bases = base.iter().enumerate().filter(|(t, base)| base.is_some() && !(from..=last).contains(t));
        let mut at = vec![usize::MAX; self.n_periods];
        columns.iter().enumerate().for_each(|(place, &t)| at[t] = place);
        let n_here = columns.len();
        for (t, _) in bases {
            at[t] = columns.len();
            columns.push(t);
        }
        // Products with the multipliers, by group: periods of this batch now, bases from before.
        let products: Vec<Matrix> = (by_group.par_iter().zip(&self.groups).enumerate())
            .map(|(h, (v, group))| {
                let here = v.mul_cols(&group.z, from..from + n_here);
                let mut data = here.data().to_vec();
                for &t in &columns[n_here..] {
                    if let Some(base) = &base[t] {
                        data.extend_from_slice(base.col(h));
                    }
                }
                Matrix::from_data(draws, columns.len(), data)
            })
            .collect();
        // Sums over the groups from h on.
        let mut tails = products.clone();
        let mut tail_mass = mass.to_vec();
        for h in (0..tails.len().saturating_sub(1)).rev() {
            let (low, high) = tails.split_at_mut(h + 1);
            low[h].data_mut().iter_mut().zip(high[0].data()).for_each(|(a, b)| *a += b);
            let (low, high) = tail_mass.split_at_mut(h + 1);
            low[h].iter_mut().zip(&high[0]).for_each(|(a, b)| *a += b);
        }
        let mut out = Matrix::zeros(draws, batch.len());
        out.data_mut().par_chunks_mut(draws).zip(batch).for_each(|(column, &k)| {
            let cell = &cells[k];
            let (t, b) = (at[cell.period], at[cell.base]);
            let (treated, control) = self.changes(cell);
            let own = &products[cell.cohort];
            let (tail, tail_mass) = (&tails[cell.control_from], &tail_mass[cell.control_from]);
            let weight = self.weight_of(cell.controls(self.groups.len()));
            let scale = n / self.groups[cell.cohort].total_weight;
            let down = n / weight;
            let within = cell.cohort >= cell.control_from;
            let own_mass = &mass[cell.cohort];
            let (own_t, own_b) = (own.col(t), own.col(b));
            let (tail_t, tail_b) = (tail.col(t), tail.col(b));
            for d in 0..draws {
                let change = own_t[d] - own_b[d];
                let mut control_sum = tail_t[d] - tail_b[d] - control * tail_mass[d];
                if within {
                    control_sum -= change - control * own_mass[d];
                }
                column[d] = scale * (change - treated * own_mass[d]) - down * control_sum;
            }
        });
        out
    }
}

impl GroupSums {
    fn new(sample: &Sample<'_>, group: usize) -> Self {
        let units = sample.start[group]..sample.start[group + 1];
        let n_periods = sample.n_periods();
        let (mut cluster, mut weight, mut pair_of) = (Vec::<u32>::new(), Vec::<f64>::new(), Vec::new());
        let mut in_pair = Vec::<f64>::new();
        for unit in units.clone() {
            if cluster.last() != Some(&sample.cluster[unit]) {
                cluster.push(sample.cluster[unit]);
                weight.push(0.0);
                in_pair.push(0.0);
            }
            weight[cluster.len() - 1] += sample.weight[unit];
            in_pair[cluster.len() - 1] += 1.0;
            pair_of.push(cluster.len() - 1);
        }
        let outcome = sample.cells.outcome();
        let mut z = Matrix::zeros(cluster.len(), n_periods);
        let pairs = cluster.len();
        // Blocks of periods keep the part of the matrix that is written to in the cache.
        for from in (0..n_periods).step_by(BLOCK) {
            let to = (from + BLOCK).min(n_periods);
            let part = &mut z.data_mut()[from * pairs..to * pairs];
            for (unit, &pair) in units.clone().zip(&pair_of) {
                let w = sample.weight[unit];
                let rows = sample.first_row[unit] + from..sample.first_row[unit] + to;
                for (t, &y) in outcome[rows].iter().enumerate() {
                    part[t * pairs + pair] += w * y;
                }
            }
        }
        let total = (0..n_periods).map(|t| z.col(t).iter().sum()).collect();
        let total_weight = weight.iter().sum();
        let sizes = Matrix::from_columns(pairs, &[weight, in_pair]);
        Self { z, cluster, n_units: units.len(), total_weight, sizes, total }
    }

    fn add_to(&self, cell: &Cell, mean: f64, scale: f64, sum: &mut [f64]) {
        let (now, before) = (self.z.col(cell.period), self.z.col(cell.base));
        let weight = self.sizes.col(0);
        let first = self.cluster.first().map_or(0, |&c| c as usize);
        let value = |p: usize| scale * (now[p] - before[p] - mean * weight[p]);
        // Clusters are numbered in the order of the units: in most groups they follow each other.
        if self.cluster.last().is_some_and(|&last| last as usize + 1 == first + self.cluster.len()) {
            let sum = &mut sum[first..first + self.cluster.len()];
            sum.iter_mut().enumerate().for_each(|(p, s)| *s += value(p));
        } else {
            self.cluster.iter().enumerate().for_each(|(p, &c)| sum[c as usize] += value(p));
        }
    }
}

/// An estimate and its influence by cluster, or why there is none.
type Found = Result<(f64, Vec<f64>), Why>;

/// Cells of a complete panel, with covariates or weights that change. Cells that compare the same units, with the
/// same covariates and weights, share one design.
fn panel_cells(sample: &Sample<'_>, cells: &[Cell], options: &CallawaySantannaOptions) -> Vec<Found> {
    let (data, n_periods) = (sample.cells, sample.n_periods());
    let n = sample.n_units();
    let outcome = by_period(sample, data.outcome());
    let constant = (data.covariates().iter()).all(|(_, x)| (0..n).all(|unit| sample.is_constant(x, unit)));
    let weights_vary = !sample.has_constant_weights();
    let key = |cell: &Cell| {
        let earlier = if constant && !weights_vary { 0 } else { cell.earlier() };
        let before = sample.times.partition_point(|&t| t + options.anticipation < sample.groups[cell.cohort]);
        let weight_at = match options.weight_period {
            WeightPeriod::Base => before.saturating_sub(1),
            WeightPeriod::First => 0,
            WeightPeriod::Earlier | WeightPeriod::Own => earlier,
        };
        (
            cell.cohort,
            cell.control_from,
            if constant { 0 } else { cell.earlier() },
            if weights_vary { weight_at } else { 0 },
        )
    };
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by_key(|&k| (key(&cells[k]), k));
    let tasks: Vec<&[usize]> = order.chunk_by(|&a, &b| key(&cells[a]) == key(&cells[b])).collect();
    let found: Vec<Vec<(usize, Found)>> = tasks
        .par_iter()
        .map(|task| {
            let (cohort, _, x_at, w_at) = key(&cells[task[0]]);
            let own = sample.start[cohort]..sample.start[cohort + 1];
            let controls: Vec<usize> = (cells[task[0]].controls(sample.groups.len()))
                .flat_map(|h| sample.start[h]..sample.start[h + 1])
                .collect();
            let units: Vec<usize> = own.clone().chain(controls.iter().copied()).collect();
            let at = |column: &[f64], period: usize| -> Vec<f64> {
                units.iter().map(|&unit| column[sample.first_row[unit] + period]).collect()
            };
            let x = data.covariates().iter().map(|(_, column)| at(column, x_at)).collect();
            let w = data.weights().map_or_else(|| vec![1.0; units.len()], |w| at(w, w_at));
            let d = (0..units.len()).map(|i| f64::from(i < own.len())).collect();
            let design = match controls.is_empty() {
                true => Err("no comparison units are left"),
                false => PanelDesign::new(options.method, x, w, d),
            };
            let scale = n as f64 / units.len() as f64;
            let estimate = |k: usize| {
                let cell = &cells[k];
                if cell.is_reference() {
                    return Ok((0.0, vec![0.0; sample.n_clusters()]));
                }
                let (now, before) = (&outcome[cell.period * n..], &outcome[cell.base * n..]);
                let dy: Vec<f64> = units.iter().map(|&unit| now[unit] - before[unit]).collect();
                let effect = design.as_ref().map_err(|&why| why)?.effect(&dy)?;
                let mut column = vec![0.0; sample.n_clusters()];
                for (&unit, value) in units.iter().zip(&effect.influence) {
                    column[sample.cluster[unit] as usize] += scale * value;
                }
                Ok((effect.att, column))
            };
            task.iter().map(|&k| (k, estimate(k))).collect()
        })
        .collect();
    debug_assert_eq!(outcome.len(), n * n_periods);
    in_order(cells.len(), found)
}

/// A column of a complete panel by period and unit, shape (n, T).
fn by_period(sample: &Sample<'_>, column: &[f64]) -> Vec<f64> {
    let (n, n_periods) = (sample.n_units(), sample.n_periods());
    let mut out = vec![0.0; n * n_periods];
    for from in (0..n_periods).step_by(BLOCK) {
        let to = (from + BLOCK).min(n_periods);
        for unit in 0..n {
            let rows = sample.first_row[unit] + from..sample.first_row[unit] + to;
            for (t, &value) in column[rows].iter().enumerate() {
                out[(from + t) * n + unit] = value;
            }
        }
    }
    out
}

/// Cells of repeated cross-sections and unbalanced panels: rows before and after stand side by side.
fn row_cells(sample: &Sample<'_>, cells: &[Cell], options: &CallawaySantannaOptions) -> Vec<Found> {
    let (data, n_periods) = (sample.cells, sample.n_periods());
    let mut buckets: Vec<Vec<(usize, usize)>> = vec![Vec::new(); sample.groups.len() * n_periods];
    let mut group = 0;
    for (unit, period, row) in sample.rows() {
        while unit >= sample.start[group + 1] {
            group += 1;
        }
        buckets[group * n_periods + period].push((unit, row));
    }
    // A complete panel whose weights are each row's own is scaled by its units, and keeps the covariates of the
    // earlier period.
    let is_wide = sample.is_wide;
    cells
        .par_iter()
        .map(|cell| {
            if cell.is_reference() {
                return Ok((0.0, vec![0.0; sample.n_clusters()]));
            }
            let (mut rows, mut d, mut post) = (Vec::new(), Vec::new(), Vec::new());
            let groups = [cell.cohort].into_iter().chain(cell.controls(sample.groups.len()));
            let mut counts = [[0usize; 2]; 2];
            for h in groups {
                for (period, is_after) in [(cell.base, 0usize), (cell.period, 1)] {
                    let bucket = &buckets[h * n_periods + period];
                    let is_cohort = usize::from(h == cell.cohort);
                    counts[is_cohort][is_after] += bucket.len();
                    rows.extend_from_slice(bucket);
                    d.resize(rows.len(), is_cohort as f64);
                    post.resize(rows.len(), is_after as f64);
                }
            }
            if counts[1].contains(&0) {
                return Err("the cohort has no rows in the period or in its base");
            }
            if counts[0].contains(&0) {
                return Err("there are no comparison rows in the period or in its base");
            }
            let w = row_weights(sample, &rows, cell, options);
            let kept: Vec<usize> = (0..rows.len()).filter(|&i| w[i].is_some()).collect();
            let take = |values: &[f64]| -> Vec<f64> { kept.iter().map(|&i| values[i]).collect() };
            let (d, post) = (take(&d), take(&post));
            let rows: Vec<(usize, usize)> = kept.iter().map(|&i| rows[i]).collect();
            let w: Vec<f64> = kept.iter().filter_map(|&i| w[i]).collect();
            if !(0..4).all(|at| {
                d.iter()
                    .zip(&post)
                    .any(|(&d, &p)| d + 2.0 * p > at as f64 - 0.5 && d + 2.0 * p < at as f64 + 0.5)
            }) {
                return Err("no units are left that have a weight in the period it is taken from");
            }
            let x_row =
                |unit: usize, row: usize| if is_wide { sample.first_row[unit] + cell.earlier() } else { row };
            let x =
                data.covariates().iter().map(|(_, x)| rows.iter().map(|&(u, r)| x[x_row(u, r)]).collect());
            let design = Design::new(options.method, x.collect(), w, d)?;
            let y: Vec<f64> = rows.iter().map(|&(_, row)| data.outcome()[row]).collect();
            let effect = cross_section(&design, &y, &post)?;
            if !effect.att.is_finite() {
                return Err("the estimate is not a number");
            }
            let scale = sample.n_units() as f64 / rows.len() as f64;
            let mut column = vec![0.0; sample.n_clusters()];
            for (&(unit, _), value) in rows.iter().zip(&effect.influence) {
                column[sample.cluster[unit] as usize] += scale * value;
            }
            Ok((effect.att, column))
        })
        .collect()
}

/// The weight of each row; `None` where its unit is not observed in the period that the weight is taken from.
fn row_weights(
    sample: &Sample<'_>,
    rows: &[(usize, usize)],
    cell: &Cell,
    options: &CallawaySantannaOptions,
) -> Vec<Option<f64>> {
    let Some(w) = sample.cells.weights() else { return vec![Some(1.0); rows.len()] };
    let target = match options.weight_period {
        WeightPeriod::First => 0,
        WeightPeriod::Base => {
            let g = sample.groups[cell.cohort];
            sample.times.partition_point(|&t| t + options.anticipation < g).saturating_sub(1)
        }
        WeightPeriod::Earlier | WeightPeriod::Own => {
            return rows.iter().map(|&(_, row)| Some(w[row])).collect();
        }
    };
    let of_unit = |unit: usize| {
        let mut rows = sample.first_row[unit]..sample.first_row[unit] + sample.n_rows[unit];
        rows.find(|&row| sample.period_of[sample.cells.period().at(row)] == Some(target)).map(|row| w[row])
    };
    rows.iter().map(|&(unit, _)| of_unit(unit)).collect()
}

fn in_order(n: usize, found: Vec<Vec<(usize, Found)>>) -> Vec<Found> {
    let mut all: Vec<Found> = (0..n).map(|_| Err("not reached")).collect();
    found.into_iter().flatten().for_each(|(k, result)| all[k] = result);
    all
}
