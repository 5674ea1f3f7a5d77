//! Who switches when, in which direction, and until when somebody with the same start has not switched.

use super::DynamicEffectsOptions;
use crate::{Caveat, Cells, Error, ErrorKind, Result};

/// Groups by periods; periods count from 1, as in the paper.
pub(super) struct Design {
    pub n_groups: usize,
    /// Last period.
    pub last: usize,
    /// Outcome, treatment and weight, by group and period; weight 0 where a cell is not there.
    pub y: Vec<f64>,
    pub d: Vec<f64>,
    pub w: Vec<f64>,
    pub x: Vec<Vec<f64>>,
    /// Treatment in the first period seen, by group and as a level.
    pub start: Vec<f64>,
    pub level: Vec<usize>,
    pub n_levels: usize,
    /// First period with another treatment (F_g), the last period plus one when there is none.
    pub switch: Vec<usize>,
    /// Treatment in that period.
    pub switched_to: Vec<f64>,
    /// Last period in which somebody with the same start has not switched (T_g).
    pub compared_until: Vec<usize>,
    /// 1 when treatment rises on average after the switch, -1 when it falls, 0 without a switch.
    pub direction: Vec<i8>,
    pub cluster: Vec<usize>,
    pub n_clusters: usize,
    /// Groups that the averages of the paper run over.
    pub g_total: f64,
    pub n_obs: usize,
    pub caveats: Vec<Caveat>,
}

impl Design {
    pub fn new(cells: &Cells, options: &DynamicEffectsOptions) -> Result<Self> {
        let raw = Raw::of(cells)?;
        let mut caveats = cells.caveats().to_vec();
        let mut there = raw.there.clone();
        let start: Vec<f64> = (0..raw.n).map(|g| raw.start(g)).collect();
        if !options.keep_crossing {
            let dropped = drop_crossing(&raw, &start, &mut there);
            if dropped > 0 {
                let note = format!("{dropped} rows left out: treatment has been above and below its start");
                caveats.push(Caveat::Note(note));
            }
        }
        let first_change: Vec<Option<usize>> =
            (0..raw.n).map(|g| first_change(&raw, &start, &there, g)).collect();
        let (level, n_levels) = levels(&start);
        let mut in_use = vec![true; raw.n];
        let varies = |l: usize, in_use: &[bool]| {
            let mut of = (0..raw.n).filter(|&g| in_use[g] && level[g] == l).map(|g| first_change[g]);
            let first = of.next();
            first.is_some_and(|first| of.any(|other| other != first))
        };
        let useful: Vec<bool> = (0..n_levels).map(|l| varies(l, &in_use)).collect();
        let alone = (0..raw.n).filter(|&g| !useful[level[g]]).count();
        in_use.iter_mut().enumerate().for_each(|(g, kept)| *kept = useful[level[g]]);
        if in_use.iter().all(|kept| !kept) {
            let message =
                "no two groups with the same first treatment switch at different times, expected some";
            return Err(Error::new(ErrorKind::NoDonors, message));
        }
        if alone > 0 {
            let note =
                format!("{alone} groups left out: all with their first treatment switch together, or never");
            caveats.push(Caveat::Note(note));
        }
        let g_total = in_use.iter().filter(|kept| **kept).count() as f64;
        let last = keep_compared_periods(&raw, &level, n_levels, &first_change, &in_use, &mut there);
        let mut design = Self {
            n_groups: 0,
            last,
            y: Vec::new(),
            d: Vec::new(),
            w: Vec::new(),
            x: vec![Vec::new(); raw.x.len()],
            start: Vec::new(),
            level: Vec::new(),
            n_levels,
            switch: Vec::new(),
            switched_to: Vec::new(),
            compared_until: Vec::new(),
            direction: Vec::new(),
            cluster: Vec::new(),
            n_clusters: 0,
            g_total,
            n_obs: 0,
            caveats,
        };
        design.fill(&raw, &Taken { there, start, level, first_change, in_use });
        Ok(design)
    }

    pub fn at(&self, g: usize, t: usize) -> usize {
        g * self.last + t - 1
    }

    pub fn is_there(&self, g: usize, t: usize) -> bool {
        t >= 1 && t <= self.last && self.w[self.at(g, t)] > 0.0
    }

    /// Effects that a group can show (L_g); 0 or less when nobody is left to compare with.
    pub fn reach(&self, g: usize) -> usize {
        (self.compared_until[g] + 1).saturating_sub(self.switch[g])
    }

    fn fill(&mut self, raw: &Raw<'_>, taken: &Taken) {
        let last = self.last;
        let there = |g: usize, t: usize| taken.there[g * raw.n_periods + t - 1];
        // A switch after a gap may have come earlier: such groups compare until the gap and show no effect.
        let (mut switch, mut until) = (vec![last + 1; raw.n], vec![last + 1; raw.n]);
        for g in (0..raw.n).filter(|&g| taken.in_use[g]) {
            switch[g] = taken.first_change[g].map_or(last + 1, |t| t.min(last + 1));
            let before = (1..switch[g]).rev().find(|&t| there(g, t)).unwrap_or(0);
            if switch[g] > last || before + 1 < switch[g] {
                switch[g] = last + 1;
                until[g] = before + 1;
            } else {
                until[g] = switch[g];
            }
        }
        let mut compared = vec![0; self.n_levels];
        for g in (0..raw.n).filter(|&g| taken.in_use[g]) {
            compared[taken.level[g]] = compared[taken.level[g]].max(until[g] - 1);
        }
        for g in (0..raw.n).filter(|&g| taken.in_use[g]) {
            let t_g = compared[taken.level[g]];
            let is_gap = until[g] <= last && switch[g] == last + 1 && taken.first_change[g].is_some();
            let seen = |t: usize| there(g, t) && !(is_gap && t >= until[g]);
            let after: Vec<f64> =
                (switch[g]..=t_g).filter(|&t| t <= last && seen(t)).map(|t| raw.d_at(g, t)).collect();
            let mean = after.iter().sum::<f64>() / after.len() as f64;
            let start = taken.start[g];
            // Above and below its start in equal measure: the group has no direction.
            if !after.is_empty() && switch[g] != t_g + 1 && (mean - start).abs() <= 0.0 {
                continue;
            }
            self.n_groups += 1;
            for t in 1..=last {
                let row = raw.row(g, t).filter(|_| seen(t));
                self.y.push(row.map_or(0.0, |row| raw.cells.outcome()[row]));
                self.d.push(row.map_or(0.0, |row| raw.d[row]));
                self.w.push(row.map_or(0.0, |row| raw.cells.weights().map_or(1.0, |w| w[row])));
                for (column, x) in self.x.iter_mut().zip(&raw.x) {
                    column.push(row.map_or(0.0, |row| x[row]));
                }
                self.n_obs += usize::from(row.is_some());
            }
            self.start.push(start);
            self.level.push(taken.level[g]);
            self.switch.push(switch[g]);
            self.switched_to.push(if switch[g] <= last { raw.d_at(g, switch[g]) } else { start });
            self.compared_until.push(t_g);
            self.direction.push(match switch[g] <= last {
                true if mean < start => -1,
                true => 1,
                false => 0,
            });
            self.cluster.push(raw.cluster[g]);
        }
        let codes: Vec<u32> = self.cluster.iter().map(|&c| u32::try_from(c).unwrap_or(u32::MAX)).collect();
        let closed = crate::Factor::from_codes(&codes);
        self.n_clusters = closed.n_levels();
        self.cluster = (0..codes.len()).map(|g| closed.at(g)).collect();
    }
}

/// Which cells and groups take part.
struct Taken {
    there: Vec<bool>,
    start: Vec<f64>,
    level: Vec<usize>,
    first_change: Vec<Option<usize>>,
    in_use: Vec<bool>,
}

/// The cells as a table of groups and periods.
struct Raw<'a> {
    cells: &'a Cells,
    n: usize,
    n_periods: usize,
    d: Vec<f64>,
    x: Vec<&'a [f64]>,
    rows: Vec<Option<usize>>,
    there: Vec<bool>,
    cluster: Vec<usize>,
}

impl<'a> Raw<'a> {
    fn of(cells: &'a Cells) -> Result<Self> {
        if !cells.is_panel() {
            return Err(Error::new(ErrorKind::Missing, "repeated cross-sections, expected groups over time"));
        }
        let (n, n_periods) = (cells.n_units(), cells.periods().len());
        if n_periods < 2 {
            return Err(Error::new(
                ErrorKind::TooFewPeriods,
                format!("{n_periods} period, expected two or more"),
            ));
        }
        let d = match cells.treatment() {
            Some(d) => d.to_vec(),
            None => (0..cells.n_obs()).map(|row| f64::from(cells.is_treated(row))).collect(),
        };
        let mut rows = vec![None; n * n_periods];
        let mut cluster = vec![usize::MAX; n];
        for row in 0..cells.n_obs() {
            let g = cells.unit().at(row);
            rows[g * n_periods + cells.period().at(row)] = Some(row);
            let c = cells.cluster().at(row);
            if cluster[g] != usize::MAX && cluster[g] != c {
                let message =
                    format!("row {}: one unit in two clusters, expected one", cells.source_row(row));
                return Err(Error::new(ErrorKind::Shape, message));
            }
            cluster[g] = c;
        }
        let there = rows.iter().map(Option::is_some).collect();
        let x = cells.covariates().iter().map(|(_, x)| x.as_slice()).collect();
        Ok(Self { cells, n, n_periods, d, x, rows, there, cluster })
    }

    fn row(&self, g: usize, t: usize) -> Option<usize> {
        self.rows[g * self.n_periods + t - 1]
    }

    fn d_at(&self, g: usize, t: usize) -> f64 {
        self.row(g, t).map_or(0.0, |row| self.d[row])
    }

    fn start(&self, g: usize) -> f64 {
        (1..=self.n_periods).find_map(|t| self.row(g, t)).map_or(0.0, |row| self.d[row])
    }
}

/// Leaves out the cells of a group from when its treatment has been strictly above and strictly below its start.
fn drop_crossing(raw: &Raw<'_>, start: &[f64], there: &mut [bool]) -> usize {
    let mut dropped = 0;
    for g in 0..raw.n {
        let (mut above, mut below) = (false, false);
        for t in 1..=raw.n_periods {
            let Some(row) = raw.row(g, t) else { continue };
            above |= raw.d[row] > start[g];
            below |= raw.d[row] < start[g];
            if above && below {
                there[g * raw.n_periods + t - 1] = false;
                dropped += 1;
            }
        }
    }
    dropped
}

fn first_change(raw: &Raw<'_>, start: &[f64], there: &[bool], g: usize) -> Option<usize> {
    (1..=raw.n_periods).find(|&t| there[g * raw.n_periods + t - 1] && (raw.d_at(g, t) - start[g]).abs() > 0.0)
}

fn levels(start: &[f64]) -> (Vec<usize>, usize) {
    let mut values: Vec<f64> = start.iter().map(|d| d + 0.0).collect();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|a, b| a.total_cmp(b).is_eq());
    let level = |d: f64| values.partition_point(|v| v.total_cmp(&(d + 0.0)).is_lt());
    (start.iter().map(|&d| level(d)).collect(), values.len())
}

/// Keeps the cells for which somebody with the same start has not switched; returns the last period left.
fn keep_compared_periods(
    raw: &Raw<'_>,
    level: &[usize],
    n_levels: usize,
    first_change: &[Option<usize>],
    in_use: &[bool],
    there: &mut [bool],
) -> usize {
    let mut compared = vec![false; n_levels * raw.n_periods];
    for g in (0..raw.n).filter(|&g| in_use[g]) {
        for t in 1..=raw.n_periods {
            let still = first_change[g].is_none_or(|first| t < first);
            if still && there[g * raw.n_periods + t - 1] {
                compared[level[g] * raw.n_periods + t - 1] = true;
            }
        }
    }
    let mut last = 0;
    for g in (0..raw.n).filter(|&g| in_use[g]) {
        for t in 1..=raw.n_periods {
            let cell = &mut there[g * raw.n_periods + t - 1];
            *cell &= compared[level[g] * raw.n_periods + t - 1];
            if *cell {
                last = last.max(t);
            }
        }
    }
    last
}
