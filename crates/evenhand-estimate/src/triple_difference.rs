//! Triple differences: a policy that reaches only eligible units of the groups that adopt it.
//!
//! Every unit has a cohort, the first period in which its group allows treatment, and a partition, 1 when it is
//! eligible; it is treated from its cohort's period on if eligible. Ineligible units of the same group show what
//! else changed there, and other groups show what else changed between the partitions.
//!
//! Two forms:
//!
//! - [`triple_difference_regression`]: y = effects of unit (or cohort by partition) + cohort by period + partition by
//!   period + beta 1[eligible and treated] + x' b + e (Olden and Møen 2022, doi:10.1093/ectj/utac010). Covariance
//!   and corrections are those of R `fixest` with these three effects. With several cohorts and effects that differ it
//!   has the weights of two-way regressions, negative ones too.
//! - [`triple_difference`]: ATT(g, t), the effect on eligible units of cohort g in period t, as the sum of three
//!   two-by-two comparisons with the eligible of g: against the ineligible of g, plus against the eligible of a
//!   comparison group, minus against the ineligible of that group; each by outcome regression, inverse probability
//!   weights or doubly robust (Ortiz-Villavicencio and Sant'Anna 2025, doi:10.48550/arXiv.2505.09942). One comparison
//!   group at a time, since pooling them is biased when covariates matter; where several are there (not yet treated
//!   cohorts and the never treated), they are combined by the efficient weights Omega^-1 1 / (1' Omega^-1 1), Omega
//!   the covariance of their influence functions.
//!
//! Assumptions: without treatment the gap between eligible and ineligible would have moved alike in the two groups
//! (given covariates); no anticipation; overlap of the covariates.
//! Known failures: the difference of two unbiased comparisons is noisy; subgroups of few units make propensity
//! scores fail (a caveat names the cells).
//! Follows R `triplediff`. Checked against Python `moderndid` 0.2.0 `ddd`, its port: points to 1e-7, standard errors
//! of cells with one comparison group to 1e-6. Where several groups are combined, the variance is
//! n / (n - 1) / (1' (Psi' Psi)^-1 1) with Psi the influence functions over n, as the paper's formula for the whole
//! sample has it; the port divides by the size of the whole sample but takes Omega from the cell's, so that it is
//! smaller by the root of the cell's share.

use crate::callaway_santanna::{
    Aggregation, BasePeriod, CallawaySantannaOptions, ControlGroup, DidMethod, callaway_santanna,
};
use crate::effect_terms::Key;
use crate::imputation::Table;
use crate::regression::{Columns, OlsOptions, Vcov, ols};
use crate::untreated_fit::{cluster_caveat, covariate_names, named_column};
use crate::{Caveat, Cells, EffectTerms, Error, ErrorKind, Estimate, Estimates, Factor, Matrix, Result};
use evenhand_linalg::Cholesky;

/// Options of [`triple_difference()`].
#[derive(Debug, Clone, PartialEq)]
pub struct TripleDifferenceOptions {
    /// The covariate of the cells that is 1 for eligible units and 0 for the others; default `eligible`.
    pub partition: String,
    /// Default: doubly robust.
    pub method: DidMethod,
    /// Which groups are compared with; default those never treated.
    pub control: ControlGroup,
    /// Which period cells before treatment are compared with; default the period just before them.
    pub base: BasePeriod,
    /// Averages besides the cells att(g,t); default the overall one.
    pub terms: Vec<EffectTerms>,
}

impl Default for TripleDifferenceOptions {
    fn default() -> Self {
        Self {
            partition: "eligible".to_owned(),
            method: DidMethod::DoublyRobust,
            control: ControlGroup::Never,
            base: BasePeriod::Varying,
            terms: vec![EffectTerms::Overall],
        }
    }
}

/// Options of [`triple_difference_regression()`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TripleDifferenceRegressionOptions {
    /// The covariate of the cells that is 1 for eligible units and 0 for the others; default `eligible`.
    pub partition: String,
    /// Whether there is a coefficient for each event time, -1 the base; default no, one for all.
    pub event_study: bool,
    /// Whether units have effects, rather than cohorts by partition; default true.
    pub unit_effects: bool,
    /// Default: all that the cells have but the partition.
    pub covariates: Option<Vec<String>>,
}

impl Default for TripleDifferenceRegressionOptions {
    fn default() -> Self {
        Self { partition: "eligible".to_owned(), event_study: false, unit_effects: true, covariates: None }
    }
}

/// What [`triple_difference()`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct TripleDifference {
    /// The averages asked for, then every att(g,t).
    pub estimates: Estimates,
    /// What each cluster adds to each term less its value, over the number of units, shape (C, k).
    pub scores: Matrix,
}

/// The regression with three pairwise effects: see the [module](self).
///
/// ```
/// use evenhand_estimate::{Cells, TripleDifferenceRegressionOptions, triple_difference_regression};
/// // Units 1, 2 eligible in the group that adopts in period 2, and 3, 4 not; 5, 6 and 7, 8 the same elsewhere.
/// let unit: Vec<u32> = (2..18).map(|row| row / 2).collect();
/// let year: Vec<f64> = (0..16).map(|row| f64::from(row % 2 + 1)).collect();
/// let change = [5.0, 7.0, 1.0, 2.0, 3.0, 2.0, 1.0, 1.0];
/// let y: Vec<f64> = (0..16).map(|row| if row % 2 == 1 { change[row / 2] } else { 0.0 }).collect();
/// let first: Vec<f64> = (0..16).map(|row| if row < 8 { 2.0 } else { 0.0 }).collect();
/// let eligible: Vec<f64> = (0..16).map(|row| if row / 4 % 2 == 0 { 1.0 } else { 0.0 }).collect();
/// let cells = Cells::new(&unit, &year, &y)?.with_cohort(&first)?.with_covariate("eligible", &eligible)?;
/// let found = triple_difference_regression(&cells, &TripleDifferenceRegressionOptions::default())?;
/// let expected = (6.0 - 1.5) - (2.5 - 1.0);
/// assert!((found.terms[0].estimate.estimate - expected).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`] for a partition that is not there, [`ErrorKind::Domain`] for one that is not 0 or 1,
/// [`ErrorKind::NoTreated`], and those of [`ols`].
pub fn triple_difference_regression(
    cells: &Cells,
    options: &TripleDifferenceRegressionOptions,
) -> Result<Estimates> {
    let eligible = partition(cells, &options.partition)?;
    let taken = std::slice::from_ref(&options.partition);
    let names = covariate_names(cells, options.covariates.as_deref(), taken)?;
    let n = cells.n_obs();
    let treated = |row: usize| eligible[row] && cells.is_treated(row);
    if !(0..n).any(treated) {
        return Err(Error::new(ErrorKind::NoTreated, "no eligible row of a treated cohort, expected some"));
    }
    let (effects, at) = if options.event_study {
        let event = |row: usize| cells.event_time(row).filter(|&e| eligible[row] && e != -1);
        let mut events: Vec<i64> = (0..n).filter_map(event).collect();
        events.sort_unstable();
        events.dedup();
        let place = |e: i64| events.binary_search(&e).map_or(u32::MAX, |at| at as u32);
        let at: Vec<u32> = (0..n).map(|row| event(row).map_or(u32::MAX, place)).collect();
        (events.iter().map(|e| format!("event_time={e}")).collect::<Vec<_>>(), at)
    } else {
        (vec!["att".to_owned()], (0..n).map(|row| if treated(row) { 0 } else { u32::MAX }).collect())
    };
    let mut columns = Columns::new(n);
    for name in &names {
        columns = columns.dense(name, named_column(cells, name)?.to_vec())?;
    }
    let columns = columns.sparse(effects.clone(), at, None)?;
    let cohort = Factor::new(&cells.cohort().iter().map(|g| g.to_bits()).collect::<Vec<_>>());
    let side = Factor::new(&eligible);
    let first = if options.unit_effects { cells.unit().clone() } else { cohort.cross(&side) };
    let absorbed = [&first, &cohort.cross(cells.period()), &side.cross(cells.period())];
    let fit = ols(
        cells.outcome(),
        columns,
        &absorbed,
        &OlsOptions {
            weights: cells.weights().map(<[f64]>::to_vec),
            vcov: Vcov::Cluster(vec![cells.cluster().clone()]),
            ..OlsOptions::default()
        },
    )?;
    let place: Vec<usize> = (0..fit.names.len()).filter(|&j| effects.contains(&fit.names[j])).collect();
    let all = fit.terms();
    let term = |&j: &usize| {
        let event = fit.names[j].strip_prefix("event_time=").and_then(|e| e.parse().ok());
        event.map_or(Key::Overall, Key::EventTime).term(all[j].estimate)
    };
    let mut caveats = cells.caveats().to_vec();
    caveats.extend(fit.caveats.iter().cloned());
    caveats.extend(cluster_caveat(cells, &(0..n).map(|row| !treated(row)).collect::<Vec<_>>()));
    let list = if names.is_empty() { "none".to_owned() } else { names.join(",") };
    Ok(Estimates {
        method: "triple-difference-regression",
        terms: place.iter().map(term).collect(),
        vcov: Some(Matrix::from_fn(place.len(), place.len(), |i, j| {
            fit.covariance.matrix[(place[i], place[j])]
        })),
        n_obs: n,
        n_units: cells.n_units(),
        n_periods: cells.periods().len(),
        n_clusters: fit.covariance.n_clusters,
        seed: None,
        options: vec![
            ("partition", options.partition.clone()),
            ("event_study", options.event_study.to_string()),
            ("unit_effects", options.unit_effects.to_string()),
            ("covariates", list),
        ],
        caveats,
    })
}

/// Group-time triple differences and their averages: see the [module](self).
///
/// ```
/// use evenhand_estimate::{Cells, TripleDifferenceOptions, triple_difference};
/// let unit: Vec<u32> = (2..18).map(|row| row / 2).collect();
/// let year: Vec<f64> = (0..16).map(|row| f64::from(row % 2 + 1)).collect();
/// let change = [5.0, 7.0, 1.0, 2.0, 3.0, 2.0, 1.0, 1.0];
/// let y: Vec<f64> = (0..16).map(|row| if row % 2 == 1 { change[row / 2] } else { 0.0 }).collect();
/// let first: Vec<f64> = (0..16).map(|row| if row < 8 { 2.0 } else { 0.0 }).collect();
/// let eligible: Vec<f64> = (0..16).map(|row| if row / 4 % 2 == 0 { 1.0 } else { 0.0 }).collect();
/// let cells = Cells::new(&unit, &year, &y)?.with_cohort(&first)?.with_covariate("eligible", &eligible)?;
/// let found = triple_difference(&cells, &TripleDifferenceOptions::default())?;
/// assert!((found.estimates.get("att").unwrap().estimate.estimate - 3.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`] for cross-sections, a partition that is not there or that changes over time,
/// [`ErrorKind::Domain`] for one that is not 0 or 1, [`ErrorKind::NoTreated`] without a cohort that starts in the
/// data, [`ErrorKind::NoDonors`] when no cell can be estimated, [`ErrorKind::TooFewClusters`] below two.
pub fn triple_difference(cells: &Cells, options: &TripleDifferenceOptions) -> Result<TripleDifference> {
    let sample = Sample::new(cells, options)?;
    let mut caveats = cells.caveats().to_vec();
    let mut found = Vec::new();
    for (g, t, base) in sample.plan(options) {
        match sample.cell(options, g, t, base) {
            Ok(cell) => found.push(cell),
            Err(error) => caveats.push(Caveat::NotEstimated {
                what: format!("att({},{})", sample.cohorts[g], sample.periods()[t]),
                why: error.to_string(),
            }),
        }
    }
    if !found.iter().any(|cell| !cell.is_base) {
        return Err(Error::new(
            ErrorKind::NoDonors,
            "no cohort in any period could be compared, expected some",
        ));
    }
    let mut table = Table::new(cells)?;
    for &terms in &options.terms {
        sample.averages(terms, &found, &mut table);
    }
    for cell in &found {
        let key = Key::CohortPeriod(sample.cohorts[cell.g], sample.periods()[cell.t]);
        match cell.is_base {
            true => table.push_fixed(key.term(Estimate::from_intervals(
                0.0,
                crate::Interval { low: 0.0, high: 0.0 },
                crate::Interval { low: 0.0, high: 0.0 },
            ))),
            false => {
                table.push_scaled(|estimate| key.term(estimate), cell.att, &cell.scores, cell.correction)
            }
        }
    }
    let untreated: Vec<bool> =
        (0..cells.n_obs()).map(|row| !(cells.is_treated(row) && sample.eligible[row])).collect();
    caveats.extend(cluster_caveat(cells, &untreated));
    let (terms, scores) = table.finish();
    let names: Vec<&str> = options.terms.iter().map(|terms| terms.name()).collect();
    let estimates = Estimates {
        method: "triple-difference",
        terms,
        vcov: Some(scores.gram()),
        n_obs: cells.n_obs(),
        n_units: cells.n_units(),
        n_periods: cells.periods().len(),
        n_clusters: Some(scores.n_rows()),
        seed: None,
        options: vec![
            ("partition", options.partition.clone()),
            ("method", format!("{:?}", options.method)),
            ("control", format!("{:?}", options.control)),
            ("base", format!("{:?}", options.base)),
            ("terms", names.join(",")),
        ],
        caveats,
    };
    Ok(TripleDifference { estimates, scores })
}

/// Whether each row is eligible.
fn partition(cells: &Cells, name: &str) -> Result<Vec<bool>> {
    let values = named_column(cells, name)?;
    if let Some(value) = values.iter().find(|x| x.abs() > 0.0 && (*x - 1.0).abs() > 0.0) {
        return Err(Error::new(ErrorKind::Domain, format!("partition `{name}`: {value}, expected 0 or 1")));
    }
    Ok(values.iter().map(|x| *x > 0.5).collect())
}

/// ATT(g, t).
struct Cell {
    /// Place of the cohort.
    g: usize,
    /// Place of the period.
    t: usize,
    att: f64,
    /// Influence of each cluster over the number of units.
    scores: Vec<f64>,
    /// What the variance is multiplied by.
    correction: f64,
    /// The base period itself.
    is_base: bool,
}

struct Sample<'a> {
    cells: &'a Cells,
    /// The cells without the partition among the covariates.
    plain: Cells,
    eligible: Vec<bool>,
    /// First treated periods of the cohorts that start within the data, but for its first period.
    cohorts: Vec<f64>,
    /// Rows of each unit.
    starts: Vec<usize>,
}

impl<'a> Sample<'a> {
    fn new(cells: &'a Cells, options: &TripleDifferenceOptions) -> Result<Self> {
        if !cells.is_panel() {
            let message = "repeated cross-sections, expected units that are followed over time";
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let eligible = partition(cells, &options.partition)?;
        let mut starts: Vec<usize> = (0..cells.n_obs())
            .filter(|&row| row == 0 || cells.unit().at(row) != cells.unit().at(row - 1))
            .collect();
        starts.push(cells.n_obs());
        for rows in starts.windows(2) {
            if (rows[0]..rows[1]).any(|row| eligible[row] != eligible[rows[0]]) {
                let message =
                    format!("partition `{}` changes within a unit, expected one value", options.partition);
                return Err(Error::new(ErrorKind::Shape, message));
            }
        }
        let periods = cells.periods();
        let (first, last) = (periods[0], periods[periods.len() - 1]);
        let cohorts: Vec<f64> = cells.cohorts().into_iter().filter(|&g| g > first && g <= last).collect();
        if cohorts.is_empty() {
            return Err(Error::new(
                ErrorKind::NoTreated,
                "no cohort starts after the first period, expected some",
            ));
        }
        Ok(Self {
            cells,
            plain: cells.clone().without_covariate(&options.partition),
            eligible,
            cohorts,
            starts,
        })
    }

    fn periods(&self) -> &[f64] {
        self.cells.periods()
    }

    /// Cohort, period and base period of every cell.
    fn plan(&self, options: &TripleDifferenceOptions) -> Vec<(usize, usize, usize)> {
        let mut plan = Vec::new();
        for (g, &cohort) in self.cohorts.iter().enumerate() {
            let before = self.periods().partition_point(|&t| t < cohort) - 1;
            match options.base {
                BasePeriod::Universal => plan.extend((0..self.periods().len()).map(|t| (g, t, before))),
                BasePeriod::Varying => {
                    plan.extend(
                        (1..self.periods().len()).map(|t| (g, t, if t > before { before } else { t - 1 })),
                    );
                }
            }
        }
        plan
    }

    fn cell(&self, options: &TripleDifferenceOptions, g: usize, t: usize, base: usize) -> Result<Cell> {
        let n_clusters = self.cells.cluster().n_levels();
        if t == base {
            return Ok(Cell {
                g,
                t,
                att: 0.0,
                scores: vec![0.0; n_clusters],
                correction: 1.0,
                is_base: true,
            });
        }
        let controls = self.controls(options, self.cohorts[g], t.max(base));
        if controls.is_empty() {
            return Err(Error::new(ErrorKind::NoDonors, "no group to compare with"));
        }
        let (mut points, mut scores, mut last) = (Vec::new(), Vec::new(), None);
        for control in controls {
            match self.against(options, self.cohorts[g], control, t, base) {
                Ok((point, score)) => {
                    points.push(point);
                    scores.push(score);
                }
                Err(error) => last = Some(error),
            }
        }
        let n = self.cells.n_units() as f64;
        match (points.len(), last) {
            (0, Some(error)) => Err(error),
            (1, _) => {
                let correction = if self.periods().len() == 2 { n / (n - 1.0) } else { 1.0 };
                Ok(Cell { g, t, att: points[0], scores: scores.remove(0), correction, is_base: false })
            }
            _ => {
                let psi = Matrix::from_columns(n_clusters, &scores);
                let weights = efficient_weights(&psi).ok_or_else(|| {
                    Error::new(ErrorKind::Degenerate, "the covariance of the comparisons has no inverse")
                })?;
                let att = weights.iter().zip(&points).map(|(w, point)| w * point).sum();
                Ok(Cell {
                    g,
                    t,
                    att,
                    scores: psi.mul_vec(&weights),
                    correction: n / (n - 1.0),
                    is_base: false,
                })
            }
        }
    }

    /// Cohorts to compare with, `inf` for the never treated.
    fn controls(&self, options: &TripleDifferenceOptions, g: f64, last: usize) -> Vec<f64> {
        let mut controls: Vec<f64> = match options.control {
            ControlGroup::Never => Vec::new(),
            ControlGroup::NotYet => {
                let later = |other: &f64| *other > self.periods()[last] && (*other - g).abs() > 0.0;
                self.cells.cohorts().into_iter().filter(later).collect()
            }
        };
        if self.cells.cohort().iter().any(|g| g.is_infinite()) {
            controls.push(f64::INFINITY);
        }
        controls
    }

    /// Cohort g against one other: the three comparisons with the eligible of g.
    fn against(
        &self,
        options: &TripleDifferenceOptions,
        g: f64,
        control: f64,
        t: usize,
        base: usize,
    ) -> Result<(f64, Vec<f64>)> {
        let (mut point, mut scores) = (0.0, vec![0.0; self.cells.cluster().n_levels()]);
        for (cohort, eligible, sign) in [(g, false, 1.0), (control, true, 1.0), (control, false, -1.0)] {
            let (att, influence) = self.two_by_two(options, g, (cohort, eligible), t, base)?;
            point += sign * att;
            scores.iter_mut().zip(influence).for_each(|(sum, part)| *sum += sign * part);
        }
        Ok((point, scores))
    }

    /// The change from `base` to `t` among the eligible of g, less that of the comparison units.
    fn two_by_two(
        &self,
        options: &TripleDifferenceOptions,
        g: f64,
        (cohort, eligible): (f64, bool),
        t: usize,
        base: usize,
    ) -> Result<(f64, Vec<f64>)> {
        let is = |row: usize, cohort: f64, eligible: bool| {
            self.cells.cohort()[row].total_cmp(&cohort).is_eq() && self.eligible[row] == eligible
        };
        let mut rows = Vec::new();
        for unit in self.starts.windows(2) {
            if !is(unit[0], g, true) && !is(unit[0], cohort, eligible) {
                continue;
            }
            let at = |t: usize| (unit[0]..unit[1]).find(|&row| self.cells.period().at(row) == t);
            if let (Some(first), Some(second)) = (at(t.min(base)), at(t.max(base))) {
                rows.extend([first, second]);
            }
        }
        let some = self.plain.select(&rows);
        let later = self.periods()[t.max(base)];
        let mut start = vec![f64::INFINITY; self.cells.n_given()];
        rows.iter()
            .filter(|&&row| is(row, g, true))
            .for_each(|&row| start[self.cells.source_row(row)] = later);
        let some = some.with_cohort(&start)?;
        let settings = CallawaySantannaOptions {
            method: options.method,
            aggregations: vec![Aggregation::Simple],
            draws: 0,
            ..CallawaySantannaOptions::default()
        };
        let found = callaway_santanna(&some, &settings)?;
        let (Some(cell), Some(aggregate)) = (found.group_times.first(), found.aggregates.first()) else {
            return Err(Error::new(ErrorKind::Degenerate, "no effect of the pair of groups"));
        };
        let sign = if t < base { -1.0 } else { 1.0 };
        let mut scores = vec![0.0; self.cells.cluster().n_levels()];
        for (&cluster, influence) in
            self.cluster_order(&rows, |row| is(row, g, true)).iter().zip(&aggregate.overall_influence)
        {
            scores[cluster] = sign * influence;
        }
        Ok((sign * cell.term.estimate.estimate, scores))
    }

    /// The clusters of some rows in the order in which the comparison lists their influence: as they come when the
    /// treated units stand before the others, each side by cluster.
    fn cluster_order(&self, rows: &[usize], treated: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut sides: Vec<(bool, usize)> =
            rows.iter().map(|&row| (!treated(row), self.cells.cluster().at(row))).collect();
        sides.sort_unstable();
        let mut seen = vec![false; self.cells.cluster().n_levels()];
        sides.retain(|&(_, cluster)| !std::mem::replace(&mut seen[cluster], true));
        sides.into_iter().map(|(_, cluster)| cluster).collect()
    }

    /// Averages of the cells from treatment on (of event times: of all cells) by the sizes of cohorts, with the
    /// part of the sizes, which are estimated too.
    fn averages(&self, terms: EffectTerms, found: &[Cell], table: &mut Table) {
        if terms == EffectTerms::CohortPeriod {
            return;
        }
        let first = |g: usize| self.periods().partition_point(|&t| t < self.cohorts[g]) as i64;
        let event = |cell: &Cell| cell.t as i64 - first(cell.g);
        let key = |cell: &Cell| match terms {
            EffectTerms::EventTime => (event(cell), Key::EventTime(event(cell))),
            EffectTerms::Cohort => (cell.g as i64, Key::Cohort(self.cohorts[cell.g])),
            EffectTerms::Period => (cell.t as i64, Key::Period(self.periods()[cell.t])),
            _ => (0, Key::Overall),
        };
        let wanted = |cell: &&Cell| event(cell) >= 0 || (terms == EffectTerms::EventTime && !cell.is_base);
        let mut keys: Vec<(i64, Key)> = found.iter().filter(wanted).map(key).collect();
        keys.sort_by_key(|&(order, _)| order);
        keys.dedup_by_key(|&mut (order, _)| order);
        for (order, name) in keys {
            let of_term: Vec<&Cell> =
                found.iter().filter(wanted).filter(|cell| key(cell).0 == order).collect();
            let (point, scores) = self.average(&of_term, terms != EffectTerms::Cohort);
            table.push(|estimate| name.term(estimate), point, &scores);
        }
    }

    fn average(&self, of_term: &[&Cell], estimated_sizes: bool) -> (f64, Vec<f64>) {
        let share: Vec<f64> = of_term.iter().map(|cell| self.share(self.cohorts[cell.g])).collect();
        let total: f64 = share.iter().sum();
        let point: f64 = of_term.iter().zip(&share).map(|(cell, share)| share / total * cell.att).sum();
        let mut scores = vec![0.0; self.cells.cluster().n_levels()];
        for (cell, share) in of_term.iter().zip(&share) {
            scores.iter_mut().zip(&cell.scores).for_each(|(sum, psi)| *sum += share / total * psi);
        }
        if estimated_sizes {
            // d(sum p a / sum p) over a unit of cohort g: sum of (a - average) / sum p over the cells of g.
            let n = self.cells.n_units() as f64;
            for unit in self.starts.windows(2) {
                let row = unit[0];
                let own = |cell: &&&Cell| self.cohorts[cell.g].total_cmp(&self.cells.cohort()[row]).is_eq();
                let sum: f64 = of_term.iter().filter(own).map(|cell| cell.att - point).sum();
                scores[self.cells.cluster().at(row)] += self.unit_weight(row) * sum / (total * n);
            }
        }
        (point, scores)
    }

    /// The weight of a unit, 1 on average.
    fn unit_weight(&self, row: usize) -> f64 {
        let Some(weights) = self.cells.weights() else { return 1.0 };
        let units = self.starts.len() - 1;
        let sum: f64 = self.starts[..units].iter().map(|&row| weights[row]).sum();
        weights[row] * units as f64 / sum
    }

    /// The share of a cohort in all units.
    fn share(&self, g: f64) -> f64 {
        let units = self.starts.len() - 1;
        let weight = |row: usize| self.cells.weights().map_or(1.0, |w| w[row]);
        let of = |is: &dyn Fn(f64) -> bool| -> f64 {
            self.starts[..units]
                .iter()
                .filter(|&&row| is(self.cells.cohort()[row]))
                .map(|&row| weight(row))
                .sum()
        };
        of(&|own| own.total_cmp(&g).is_eq()) / of(&|_| true)
    }
}

/// Omega^-1 1 / (1' Omega^-1 1).
fn efficient_weights(psi: &Matrix) -> Option<Vec<f64>> {
    let solved = Cholesky::new(&psi.gram())?.solve(&vec![1.0; psi.n_cols()]);
    let total: f64 = solved.iter().sum();
    Some(solved.into_iter().map(|w| w / total).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    /// Made by a formula, so that other packages can be given the same numbers: cohorts 3, 4 and never, partition
    /// alternating in fours, five periods.
    fn made(with_x: bool) -> Cells {
        let (mut unit, mut period, mut y) = (Vec::new(), Vec::new(), Vec::new());
        let (mut cohort, mut eligible, mut x) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..160i32 {
            let g = [0, 3, 4, 0][(i % 4) as usize];
            let p = i / 4 % 2;
            let at = f64::from((i * 29) % 17) / 8.0;
            for t in 1..=5i32 {
                let base = f64::from((i * 37 + t * 101 + i * t * 13) % 97) / 10.0;
                let trend = 0.5 * at * f64::from(t) * if p == 1 { 1.0 } else { 0.5 };
                let policy = if g > 0 { 0.2 * f64::from(t) } else { 0.0 };
                let effect = if g > 0 && t >= g && p == 1 { 1.5 + 0.25 * f64::from(t - g) } else { 0.0 };
                unit.push(i);
                period.push(f64::from(t));
                y.push(base + trend + policy + effect);
                cohort.push(f64::from(g));
                eligible.push(f64::from(p));
                x.push(at);
            }
        }
        let cells = Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap();
        let cells = cells.with_covariate("eligible", &eligible).unwrap();
        if with_x { cells.with_covariate("x", &x).unwrap() } else { cells }
    }

    fn cell(found: &TripleDifference, g: u32, t: u32) -> Estimate {
        found.estimates.get(&format!("att({g},{t})")).unwrap().estimate
    }

    // Python moderndid 0.2.0, `ddd(d, 'y', 't', 'id', 'g', 'p', xformla, control_group, base_period, est_method)`:
    // point and standard error. Its logit stops at 1e-8, hence 1e-6; without covariates the same holds to 1e-10.
    #[test]
    fn cells_equal_another_package() {
        type Case = (bool, DidMethod, &'static [(u32, u32, f64, f64)]);
        let cases: [Case; 4] = [
            (
                false,
                DidMethod::DoublyRobust,
                &[
                    (3, 1, 0.729_062_5, 1.486_877_366_899_913_1),
                    (3, 3, 1.255_937_5, 1.378_627_107_900_000_3),
                    (4, 5, 2.238_125, 1.429_024_070_798_625_7),
                ],
            ),
            (
                true,
                DidMethod::DoublyRobust,
                &[
                    (3, 3, 1.267_470_293_875_261_1, 1.371_201_979_304_464),
                    (3, 4, 1.556_483_318_064_953, 1.732_971_820_603_577_4),
                    (4, 4, 1.292_363_000_180_203_1, 2.391_914_247_972_42),
                    (4, 1, 0.336_469_905_037_777_1, 1.781_561_165_091_694_5),
                ],
            ),
            (
                true,
                DidMethod::OutcomeRegression,
                &[
                    (3, 3, 1.263_094_959_837_315_1, 1.368_330_575_318_978_3),
                    (4, 4, 1.289_144_993_960_733_1, 2.407_692_708_767_837),
                ],
            ),
            (
                true,
                DidMethod::InverseProbability,
                &[
                    (3, 3, 1.267_324_538_056_042, 1.371_175_769_190_404_5),
                    (4, 4, 1.291_847_818_862_270_8, 2.397_768_062_820_495_6),
                ],
            ),
        ];
        for (with_x, method, expected) in cases {
            let options =
                TripleDifferenceOptions { method, base: BasePeriod::Universal, ..Default::default() };
            let found = triple_difference(&made(with_x), &options).unwrap();
            for &(g, t, point, error) in expected {
                let own = cell(&found, g, t);
                assert!((own.estimate - point).abs() < 1e-6, "{method:?} {g} {t}: {} {point}", own.estimate);
                assert!(
                    (own.std_error.unwrap() - error).abs() < 1e-6 * error,
                    "{g} {t}: {:?} {error}",
                    own.std_error
                );
            }
            let base = found.estimates.get("att(3,2)").unwrap().estimate;
            assert!(base.estimate.abs() <= 0.0 && base.std_error.is_none());
        }
    }

    // The same package. Its standard errors take Omega from the cell's units, n over n / 160 of the whole sample: all
    // units take part in these cells, so that they are equal.
    #[test]
    fn several_comparison_groups_are_combined_efficiently() {
        let varying = TripleDifferenceOptions { control: ControlGroup::NotYet, ..Default::default() };
        for (with_x, expected) in [
            (
                false,
                [
                    (3, 2, -0.641_963_167_576_295_7, 1.388_839_249_879_397_3),
                    (3, 3, 1.337_980_001_266_699_8, 1.299_263_673_229_255_5),
                    (4, 2, 0.027_244_520_689_255_675, 1.400_971_231_898_533),
                ],
            ),
            (
                true,
                [
                    (3, 2, -0.661_625_387_178_736_2, 1.373_178_446_124_351_5),
                    (3, 3, 1.330_433_709_124_78, 1.276_272_240_987_539_8),
                    (4, 2, 0.064_224_049_041_559_54, 1.386_036_881_326_677_7),
                ],
            ),
        ] {
            let found = triple_difference(&made(with_x), &varying).unwrap();
            for (g, t, point, error) in expected {
                let own = cell(&found, g, t);
                assert!((own.estimate - point).abs() < 1e-6, "{g} {t}: {} {point}", own.estimate);
                assert!(
                    (own.std_error.unwrap() - error).abs() < 1e-6,
                    "{g} {t}: {:?} {error}",
                    own.std_error
                );
            }
        }
    }

    // The same package with the periods 2 and 3 of cohort 3 and the never treated.
    #[test]
    fn two_periods_have_the_correction_for_the_mean() {
        for (with_x, point, error) in [
            (false, 1.255_937_5, 1.384_407_540_413_224_6),
            (true, 1.267_470_293_875_261_1, 1.376_951_279_066_488_4),
        ] {
            let all = made(with_x);
            let rows: Vec<usize> = (0..all.n_obs())
                .filter(|&row| (all.cohort()[row] - 4.0).abs() > 0.5 && (all.time(row) - 2.5).abs() < 0.6)
                .collect();
            let found = triple_difference(&all.select(&rows), &TripleDifferenceOptions::default()).unwrap();
            let att = found.estimates.get("att").unwrap().estimate;
            assert!((att.estimate - point).abs() < 1e-6);
            let own = cell(&found, 3, 3);
            assert!((own.std_error.unwrap() - error).abs() < 1e-6, "{:?} {error}", own.std_error);
        }
    }

    // Clusters that hold units of several groups sum the scores of their units.
    #[test]
    fn clusters_sum_the_scores_of_their_units() {
        let cells = made(true);
        let by_unit = triple_difference(&cells, &TripleDifferenceOptions::default()).unwrap().scores;
        let pairs: Vec<usize> = (0..cells.n_obs()).map(|row| (cells.unit().at(row) * 7) % 160 / 5).collect();
        let clustered = cells.clone().with_cluster(&Factor::new(&pairs)).unwrap();
        let clustered = triple_difference(&clustered, &TripleDifferenceOptions::default()).unwrap().scores;
        let mut sums = Matrix::zeros(32, by_unit.n_cols());
        for unit in 0..160 {
            for j in 0..by_unit.n_cols() {
                sums[(unit * 7 % 160 / 5, j)] += by_unit[(unit, j)];
            }
        }
        let difference = sums.plus(&clustered, -1.0);
        assert!(difference.data().iter().all(|x| x.abs() < 1e-12));
    }

    // Averages of the package's cells by hand: cohorts 3 and 4 are of one size.
    #[test]
    fn averages_weigh_cohorts_by_their_size() {
        let terms =
            vec![EffectTerms::Overall, EffectTerms::EventTime, EffectTerms::Cohort, EffectTerms::Period];
        let options = TripleDifferenceOptions { terms, base: BasePeriod::Universal, ..Default::default() };
        let found = triple_difference(&made(false), &options).unwrap().estimates;
        for (term, expected) in [
            ("att", 1.747_562_5),
            ("event_time=-2", 0.485),
            ("event_time=0", 1.5),
            ("event_time=2", 1.752_812_5),
            ("cohort=4", 1.991_093_75),
            ("period=5", 1.995_468_75),
        ] {
            assert!((found.get(term).unwrap().estimate.estimate - expected).abs() < 1e-9, "{term}");
        }
        assert!(found.get("event_time=-1").is_none());
        assert_eq!(found.vcov.unwrap().n_cols(), found.terms.len());
    }

    // Python pyfixest 0.60, `feols('y ~ d | id + gt + pt')` and `'y ~ d | gp + gt + pt'`, clustered by id. Its
    // correction counts the absorbed levels in another way than fixest 0.12, so 2 % for the standard errors.
    #[test]
    fn the_regression_equals_another_package() {
        let cells = made(false);
        for (unit_effects, error) in [(true, 0.700_370_580_136_484_7), (false, 0.706_708_904_624_554_8)] {
            let options = TripleDifferenceRegressionOptions { unit_effects, ..Default::default() };
            let found = triple_difference_regression(&cells, &options).unwrap().terms[0].estimate;
            assert!((found.estimate - 1.469_642_857_142_857_3).abs() < 1e-10);
            assert!((found.std_error.unwrap() / error - 1.0).abs() < 0.02, "{:?} {error}", found.std_error);
        }
        let events = TripleDifferenceRegressionOptions { event_study: true, ..Default::default() };
        let found = triple_difference_regression(&cells, &events).unwrap();
        let at: Vec<i64> = found.terms.iter().filter_map(|term| term.event_time).collect();
        assert_eq!(at, [-3, -2, 0, 1, 2]);
    }

    // Effect 1 in a policy that also moves the ineligible and an eligibility that also moves the other groups.
    #[test]
    fn shocks_to_groups_and_to_the_eligible_cancel_over_seeds() {
        let points = |seed: u64| {
            let stream = Stream::new(seed, 4);
            let (mut unit, mut period, mut y) = (Vec::new(), Vec::new(), Vec::new());
            let (mut cohort, mut eligible) = (Vec::new(), Vec::new());
            for i in 0..80u32 {
                for t in 1..=4u32 {
                    let (adopts, side) = (i % 2, i / 2 % 2);
                    let after = f64::from(u8::from(t >= 3));
                    let shocks =
                        after * (3.0 * f64::from(adopts) - 2.0 * f64::from(side) + f64::from(adopts * side));
                    unit.push(i);
                    period.push(f64::from(t));
                    y.push(f64::from(i) + shocks + stream.normal(u64::from(i * 4 + t)));
                    cohort.push(if adopts == 1 { 3.0 } else { 0.0 });
                    eligible.push(f64::from(side));
                }
            }
            let cells = Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap();
            let cells = cells.with_covariate("eligible", &eligible).unwrap();
            let robust = triple_difference(&cells, &TripleDifferenceOptions::default()).unwrap();
            let regression =
                triple_difference_regression(&cells, &TripleDifferenceRegressionOptions::default()).unwrap();
            [robust.estimates.get("att").unwrap().estimate.estimate, regression.terms[0].estimate.estimate]
        };
        let all: Vec<[f64; 2]> = (0..40).map(points).collect();
        for form in 0..2 {
            let mean = all.iter().map(|p| p[form]).sum::<f64>() / 40.0;
            let sd = (all.iter().map(|p| (p[form] - mean).powi(2)).sum::<f64>() / 39.0).sqrt();
            assert!((mean - 1.0).abs() < 4.0 * sd / 40f64.sqrt(), "{mean}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_typed() {
        let cells = made(false);
        let kind =
            |cells: &Cells| triple_difference(cells, &TripleDifferenceOptions::default()).unwrap_err().kind();
        assert_eq!(kind(&cells.clone().without_covariate("eligible")), ErrorKind::Shape);
        let n = cells.n_obs();
        assert_eq!(kind(&cells.clone().with_cohort(&vec![0.0; n]).unwrap()), ErrorKind::NoTreated);
        assert_eq!(kind(&cells.clone().with_cohort(&vec![3.0; n]).unwrap()), ErrorKind::NoDonors);
        let bad =
            cells.clone().without_covariate("eligible").with_covariate("eligible", &vec![2.0; n]).unwrap();
        assert_eq!(kind(&bad), ErrorKind::Domain);
        let moving: Vec<f64> = (0..n).map(|row| (row % 2) as f64).collect();
        let moving = cells.clone().without_covariate("eligible").with_covariate("eligible", &moving).unwrap();
        assert_eq!(kind(&moving), ErrorKind::Shape);
        let none = cells.with_cohort(&vec![0.0; n]).unwrap();
        let options = TripleDifferenceRegressionOptions::default();
        assert_eq!(triple_difference_regression(&none, &options).unwrap_err().kind(), ErrorKind::NoTreated);
    }
}
