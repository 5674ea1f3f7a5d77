//! Who takes part: the rules of `did` for cohorts, periods and units, applied once.

use super::{CallawaySantannaOptions, ControlGroup};
use crate::{Caveat, Cells, Error, ErrorKind, Result};

/// Units sorted by cohort, then by cluster: the treated cohorts in rising order, the never treated last.
pub(super) struct Sample<'a> {
    pub cells: &'a Cells,
    /// Value of each period, shape (T,); positions when the data's are not whole numbers.
    pub times: Vec<f64>,
    /// What a reader calls each period, shape (T,).
    pub period_labels: Vec<f64>,
    /// First treated period of each group of units, rising; `inf` for the never treated, shape (H,).
    pub groups: Vec<f64>,
    /// What a reader calls each group, shape (H,).
    pub group_labels: Vec<f64>,
    /// How many of the groups are treated cohorts whose effects are wanted; the others only compare.
    pub n_cohorts: usize,
    /// Where the units of each group begin, shape (H + 1,).
    pub start: Vec<usize>,
    /// Weight of each unit in the cohort shares, shape (n,).
    pub weight: Vec<f64>,
    /// Cluster of each unit, shape (n,); clusters are numbered as they come in the order of the units.
    pub cluster: Vec<u32>,
    /// Number of each cluster in the caller's factor, which seeds its multipliers, shape (C,).
    pub cluster_code: Vec<u64>,
    /// First row of each unit, shape (n,); in a complete panel its periods follow in order.
    pub first_row: Vec<usize>,
    /// Rows of each unit, shape (n,).
    pub n_rows: Vec<usize>,
    /// Period of the data to period of the sample; `None` for periods that were cut off.
    pub period_of: Vec<Option<usize>>,
    /// Whether every unit has a row in every period, and is compared with itself.
    pub is_wide: bool,
    /// Largest absolute outcome: what rounding errors are compared with.
    pub scale: f64,
    pub caveats: Vec<Caveat>,
}

impl<'a> Sample<'a> {
    pub fn new(cells: &'a Cells, options: &CallawaySantannaOptions) -> Result<Self> {
        let clock = Clock::of(cells);
        let units = Units::of(cells, &clock)?;
        let anticipation = options.anticipation;
        let mut caveats = cells.caveats().to_vec();
        let rules = cohorts(&units.cohort, &clock.times, options, &mut caveats)?;
        let first = clock.times[0];

        let mut kept: Vec<usize> = Vec::with_capacity(units.len());
        let mut always = 0;
        for unit in 0..units.len() {
            let g = rules.cohort(units.cohort[unit]);
            if g.is_finite() && g <= first + anticipation {
                always += 1;
            } else {
                kept.push(unit);
            }
        }
        if always > 0 {
            caveats.push(Caveat::AlwaysTreated { n_units: always });
        }
        let (period_of, n_periods) = periods_left(cells, &units, &kept, rules.n_periods);
        let rows_of = |unit: usize| {
            let rows = units.first_row[unit]..units.first_row[unit] + units.n_rows[unit];
            rows.filter(|&row| period_of[cells.period().at(row)].is_some()).count()
        };
        let counts: Vec<usize> = kept.iter().map(|&unit| rows_of(unit)).collect();
        let complete = counts.iter().filter(|&&count| count == n_periods).count();
        let is_wide = cells.is_panel() && (complete == kept.len() || !options.allow_unbalanced);
        if is_wide && complete < kept.len() {
            caveats.push(Caveat::Unbalanced { n_units: kept.len() - complete });
            kept =
                kept.into_iter().zip(counts).filter(|&(_, c)| c == n_periods).map(|(unit, _)| unit).collect();
        }
        if kept.is_empty() || n_periods < 2 {
            return Err(Error::new(
                ErrorKind::NoObservations,
                format!("{} units in {n_periods} periods left, expected some in two or more", kept.len()),
            ));
        }
        let mut sample = Self::sorted(cells, &units, kept, &rules, is_wide);
        let left: Vec<usize> = (0..period_of.len()).filter(|&t| period_of[t].is_some()).collect();
        sample.times = left.iter().map(|&t| clock.times[t]).collect();
        sample.period_labels = left.iter().map(|&t| cells.periods()[t]).collect();
        let comparing = rules.last_compares.map_or(0, |last| usize::from(sample.groups.contains(&last)));
        let finite = sample.groups.iter().filter(|g| g.is_finite()).count();
        sample.n_cohorts = finite - comparing.min(finite);
        sample.group_labels = sample.groups.iter().map(|&g| clock.label(cells, g)).collect();
        sample.period_of = period_of;
        sample.caveats = caveats;
        if sample.n_cohorts == 0 {
            return Err(Error::new(
                ErrorKind::NoTreated,
                "no cohort is first treated after the first period and before the last comparison goes",
            ));
        }
        if options.control == ControlGroup::Never && sample.groups.last().is_some_and(|g| g.is_finite()) {
            return Err(Error::new(ErrorKind::NoDonors, "no unit is never treated, expected at least one"));
        }
        sample.small_groups();
        Ok(sample)
    }

    fn sorted(cells: &'a Cells, units: &Units, mut kept: Vec<usize>, rules: &Rules, is_wide: bool) -> Self {
        let cohort: Vec<f64> = units.cohort.iter().map(|&g| rules.cohort(g)).collect();
        kept.sort_by(|&a, &b| {
            (cohort[a].total_cmp(&cohort[b])).then(units.cluster[a].cmp(&units.cluster[b])).then(a.cmp(&b))
        });
        let (mut groups, mut start) = (Vec::<f64>::new(), Vec::new());
        for (at, &unit) in kept.iter().enumerate() {
            if groups.last().is_none_or(|last| last.total_cmp(&cohort[unit]).is_ne()) {
                groups.push(cohort[unit]);
                start.push(at);
            }
        }
        start.push(kept.len());
        let mut number = vec![u32::MAX; cells.cluster().n_levels()];
        let mut cluster_code = Vec::new();
        let cluster = kept.iter().map(|&unit| {
            let code = units.cluster[unit];
            if number[code as usize] == u32::MAX {
                number[code as usize] = u32::try_from(cluster_code.len()).unwrap_or(u32::MAX);
                cluster_code.push(u64::from(code));
            }
            number[code as usize]
        });
        let cluster = cluster.collect();
        let mean_weight = |unit: usize| {
            let rows = units.first_row[unit]..units.first_row[unit] + units.n_rows[unit];
            let n = if is_wide { 1 } else { rows.len() };
            cells.weights().map_or(1.0, |w| w[rows.start..rows.start + n].iter().sum::<f64>() / n as f64)
        };
        Self {
            cells,
            times: Vec::new(),
            period_labels: Vec::new(),
            groups,
            group_labels: Vec::new(),
            n_cohorts: 0,
            start,
            weight: kept.iter().map(|&unit| mean_weight(unit)).collect(),
            cluster,
            cluster_code,
            first_row: kept.iter().map(|&unit| units.first_row[unit]).collect(),
            n_rows: kept.iter().map(|&unit| units.n_rows[unit]).collect(),
            period_of: Vec::new(),
            is_wide,
            scale: cells.outcome().iter().fold(0.0, |top: f64, y| top.max(y.abs())),
            caveats: Vec::new(),
        }
    }

    pub fn n_units(&self) -> usize {
        self.first_row.len()
    }

    pub fn n_clusters(&self) -> usize {
        self.cluster_code.len()
    }

    pub fn n_periods(&self) -> usize {
        self.times.len()
    }

    pub fn n_obs(&self) -> usize {
        if self.is_wide { self.n_units() * self.n_periods() } else { self.rows().count() }
    }

    /// Every row of the sample as (unit, period, row of the cells).
    pub fn rows(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        (0..self.n_units()).flat_map(move |unit| {
            let rows = self.first_row[unit]..self.first_row[unit] + self.n_rows[unit];
            rows.filter_map(move |row| Some((unit, self.period_of[self.cells.period().at(row)]?, row)))
        })
    }

    /// Whether weights stay the same within every unit.
    pub fn has_constant_weights(&self) -> bool {
        let Some(w) = self.cells.weights() else { return true };
        (0..self.n_units()).all(|unit| self.is_constant(w, unit))
    }

    /// Whether a column stays the same within a unit.
    pub fn is_constant(&self, column: &[f64], unit: usize) -> bool {
        let rows = &column[self.first_row[unit]..self.first_row[unit] + self.n_rows[unit]];
        rows.iter().all(|x| x.total_cmp(&rows[0]).is_eq())
    }

    /// Sum of the aggregation weights of each group by cluster, shape (C,) each.
    pub fn mass(&self, group: usize) -> Vec<f64> {
        let mut mass = vec![0.0; self.n_clusters()];
        for unit in self.start[group]..self.start[group + 1] {
            mass[self.cluster[unit] as usize] += self.weight[unit];
        }
        mass
    }

    /// Share of each group, up to a factor that cancels, shape (H,).
    pub fn shares(&self) -> Vec<f64> {
        let n = self.n_units() as f64;
        let share =
            |group: usize| self.weight[self.start[group]..self.start[group + 1]].iter().sum::<f64>() / n;
        (0..self.groups.len()).map(share).collect()
    }

    /// `did` warns below five units and one for each covariate.
    fn small_groups(&mut self) {
        let least = 5 + self.cells.covariates().len();
        let is_small = |group: usize| {
            let units = self.start[group]..self.start[group + 1];
            let periods = self.n_periods();
            let size =
                if self.is_wide { units.len() } else { self.n_rows[units].iter().sum::<usize>() / periods };
            size < least
        };
        let small: Vec<String> = (0..self.groups.len())
            .filter(|&group| is_small(group))
            .map(|group| match self.group_labels[group] {
                g if g.is_finite() => format!("{g}"),
                _ => "never".to_owned(),
            })
            .collect();
        if !small.is_empty() {
            let cohorts = small.join(", ");
            let note = format!("cohorts of fewer than {least} units, whose effects are imprecise: {cohorts}");
            self.caveats.push(Caveat::Note(note));
        }
    }
}

/// Periods on the scale on which anticipation and event time are counted.
struct Clock {
    times: Vec<f64>,
    is_whole: bool,
}

impl Clock {
    fn of(cells: &Cells) -> Self {
        let whole = |x: f64| x.fract().abs() <= 0.0;
        let is_whole = cells.periods().iter().all(|&t| whole(t))
            && cells.cohort().iter().all(|&g| !g.is_finite() || whole(g));
        let times = match is_whole {
            true => cells.periods().to_vec(),
            false => (0..cells.periods().len()).map(|at| at as f64).collect(),
        };
        Self { times, is_whole }
    }

    fn cohort(&self, cells: &Cells, g: f64) -> f64 {
        if self.is_whole || !g.is_finite() {
            return g;
        }
        cells.periods().partition_point(|&t| t < g) as f64
    }

    /// The reader's word for a time of this clock.
    fn label(&self, cells: &Cells, g: f64) -> f64 {
        if self.is_whole || !g.is_finite() {
            return g;
        }
        cells.periods().get(g as usize).copied().unwrap_or(f64::INFINITY)
    }
}

/// Units in the order of the cells.
struct Units {
    first_row: Vec<usize>,
    n_rows: Vec<usize>,
    cohort: Vec<f64>,
    cluster: Vec<u32>,
}

impl Units {
    fn of(cells: &Cells, clock: &Clock) -> Result<Self> {
        let codes = cells.unit().codes();
        let mut first_row = vec![0];
        first_row.extend((1..codes.len()).filter(|&row| codes[row] != codes[row - 1]));
        let ends = first_row.iter().skip(1).copied().chain([codes.len()]);
        let n_rows: Vec<usize> = first_row.iter().zip(ends).map(|(first, end)| end - first).collect();
        let cluster = cells.cluster().codes();
        if !std::ptr::eq(cells.cluster(), cells.unit()) {
            for (&first, &n) in first_row.iter().zip(&n_rows) {
                if let Some(row) = (first..first + n).find(|&row| cluster[row] != cluster[first]) {
                    let message = format!(
                        "rows {} and {}: one unit in two clusters, expected one cluster for each unit",
                        cells.source_row(first),
                        cells.source_row(row)
                    );
                    return Err(Error::new(ErrorKind::Shape, message));
                }
            }
        }
        Ok(Self {
            cohort: first_row.iter().map(|&row| clock.cohort(cells, cells.cohort()[row])).collect(),
            cluster: first_row.iter().map(|&row| cluster[row]).collect(),
            first_row,
            n_rows,
        })
    }

    fn len(&self) -> usize {
        self.first_row.len()
    }
}

/// How cohorts are read and how many periods are of use.
struct Rules {
    /// Cohorts after this one are as good as never treated.
    last_seen: f64,
    /// The last cohort where nobody is never treated: it compares, and has no effects of its own.
    last_compares: Option<f64>,
    /// Whether that cohort counts as never treated.
    coerced: bool,
    n_periods: usize,
}

impl Rules {
    fn cohort(&self, g: f64) -> f64 {
        let coerced = self.coerced && self.last_compares.is_some_and(|last| g >= last);
        if g > self.last_seen || coerced { f64::INFINITY } else { g }
    }
}

fn cohorts(
    cohort: &[f64],
    times: &[f64],
    options: &CallawaySantannaOptions,
    caveats: &mut Vec<Caveat>,
) -> Result<Rules> {
    let last_time = times[times.len() - 1];
    let last_seen = last_time + options.anticipation;
    let mut rules = Rules { last_seen, last_compares: None, coerced: false, n_periods: times.len() };
    if cohort.iter().all(|g| !g.is_finite()) {
        return Err(Error::new(
            ErrorKind::NoTreated,
            "no unit is ever treated, expected at least one cohort",
        ));
    }
    if cohort.iter().any(|&g| g > last_seen) {
        return Ok(rules);
    }
    let last = cohort.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    rules.n_periods = times.partition_point(|&t| t < last - options.anticipation);
    rules.last_compares = Some(last);
    rules.coerced = options.control == ControlGroup::Never;
    if rules.n_periods < 2 {
        let message = format!("nobody is left untreated: {} periods before the last cohort", rules.n_periods);
        return Err(Error::new(ErrorKind::NoDonors, message));
    }
    let note = "no unit is never treated: the cohort treated last is the comparison, up to its treatment";
    caveats.push(Caveat::Note(note.to_owned()));
    Ok(rules)
}

/// Periods in which a unit that is kept has a row, numbered anew.
fn periods_left(
    cells: &Cells,
    units: &Units,
    kept: &[usize],
    n_periods: usize,
) -> (Vec<Option<usize>>, usize) {
    let mut seen = vec![false; cells.periods().len()];
    let mut left = n_periods;
    for &unit in kept {
        for row in units.first_row[unit]..units.first_row[unit] + units.n_rows[unit] {
            let t = cells.period().at(row);
            if t < n_periods && !seen[t] {
                seen[t] = true;
                left -= 1;
            }
        }
        if left == 0 {
            break;
        }
    }
    let mut count = 0;
    let period_of = seen.iter().map(|&is_seen| {
        is_seen.then(|| {
            count += 1;
            count - 1
        })
    });
    let period_of = period_of.collect();
    (period_of, count)
}
