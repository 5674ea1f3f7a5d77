//! DID_M of de Chaisemartin and D'Haultfœuille (2020), doi:10.1257/aer.20181169.

use crate::{Caveat, Cells, Error, ErrorKind, Estimate, Estimates, Result, Term};
use evenhand_linalg::dot;
use std::collections::BTreeMap;

/// The effect of the treatment in the period of its change, from changes between neighbouring periods.
///
/// Formula: over pairs of periods t-1, t and treatments d in t-1, with N the weight of cells:
/// DID_M = the sum of N_(up) (mean change of Y of groups that go up from d, less that of groups that stay at d)
/// and N_(down) (mean change of those that stay, less that of groups that go down), over the sum of N |change|.
/// The placebo is the same for the change from t-2 to t-1, among groups that had the same treatment in both.
/// Estimand: the mean effect, per unit of treatment, over cells whose treatment has just changed.
/// The standard error takes contributions of the groups about the mean of their cell, squared and summed by
/// cluster, with the weights taken as given.
///
/// ```
/// use evenhand_estimate::{Cells, did_m};
/// let unit = [1, 1, 1, 2, 2, 2, 3, 3, 3];
/// let period = [1.0, 2.0, 3.0].repeat(3);
/// let outcome = [1.0, 2.0, 6.0, 3.0, 4.0, 5.0, 0.0, 4.0, 2.0];
/// let treatment = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0];
/// let cells = Cells::new(&unit, &period, &outcome)?.with_treatment(&treatment)?;
/// // Unit 3 rises by 4 against 1 in period 2, unit 1 by 4 against 1 in period 3.
/// assert!((did_m(&cells)?.get("did_m").expect("it is there").estimate.estimate - 3.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`] when no change of treatment can be compared; [`ErrorKind::Missing`] for cross-sections.
pub fn did_m(cells: &Cells) -> Result<Estimates> {
    if !cells.is_panel() {
        return Err(Error::new(ErrorKind::Missing, "repeated cross-sections, expected groups over time"));
    }
    let steps = Steps::of(cells);
    let (effect, change) = contributions(&steps.now);
    if change <= 0.0 {
        let message = "no change of treatment while another group with the same treatment before stays";
        return Err(Error::new(ErrorKind::NoTreated, message));
    }
    let n_clusters = cells.cluster().n_levels();
    let term = |name: &str, list: &[Contribution], change: f64, event_time| {
        let mut by_cluster = vec![0.0; n_clusters];
        list.iter().for_each(|c| by_cluster[c.cluster] += c.centred / change);
        let estimate = list.iter().map(|c| c.value).sum::<f64>() / change;
        let std_error = dot(&by_cluster, &by_cluster).sqrt();
        Term {
            event_time: Some(event_time),
            ..Term::new(name, Estimate::from_std_error(estimate, std_error, None))
        }
    };
    let mut terms = vec![term("did_m", &effect, change, 0)];
    let mut caveats = cells.caveats().to_vec();
    let (placebo, change) = contributions(&steps.before);
    if change > 0.0 {
        terms.push(term("placebo", &placebo, change, -1));
    } else {
        let why = "no group with three periods in a row changes in the third only while another stays";
        caveats.push(Caveat::NotEstimated { what: "placebo".to_owned(), why: why.to_owned() });
    }
    Ok(Estimates {
        method: "did-m",
        terms,
        vcov: None,
        n_obs: cells.n_obs(),
        n_units: cells.n_units(),
        n_periods: cells.periods().len(),
        n_clusters: Some(n_clusters),
        seed: None,
        options: Vec::new(),
        caveats,
    })
}

/// One group between two neighbouring periods.
struct Step {
    cluster: usize,
    weight: f64,
    /// Change of treatment from the period before.
    change: f64,
    outcome: f64,
}

/// Steps by period and treatment before.
type Cell = BTreeMap<(usize, u64), Vec<Step>>;

struct Steps {
    /// Changes of the outcome in the period of the change of treatment.
    now: Cell,
    /// Changes of the outcome in the period before.
    before: Cell,
}

impl Steps {
    fn of(cells: &Cells) -> Self {
        let mut steps = Self { now: Cell::new(), before: Cell::new() };
        let d = |row: usize| cells.treatment().map_or_else(|| f64::from(cells.is_treated(row)), |d| d[row]);
        let follows = |row: usize| {
            row > 0
                && cells.unit().at(row) == cells.unit().at(row - 1)
                && cells.period().at(row) == cells.period().at(row - 1) + 1
        };
        for row in (0..cells.n_obs()).filter(|&row| follows(row)) {
            let step = |outcome: f64| Step {
                cluster: cells.cluster().at(row),
                weight: cells.weights().map_or(1.0, |w| w[row]),
                change: d(row) - d(row - 1),
                outcome,
            };
            let key = (cells.period().at(row), (d(row - 1) + 0.0).to_bits());
            let y = cells.outcome();
            steps.now.entry(key).or_default().push(step(y[row] - y[row - 1]));
            if follows(row - 1) && (d(row - 1) - d(row - 2)).abs() <= 0.0 {
                steps.before.entry(key).or_default().push(step(y[row - 1] - y[row - 2]));
            }
        }
        steps
    }
}

/// What one group adds to the sum over cells, and the same about the mean of its cell.
struct Contribution {
    cluster: usize,
    value: f64,
    centred: f64,
}

/// The contributions of all steps that can be compared, and the sum of weight times change of treatment.
fn contributions(cells: &Cell) -> (Vec<Contribution>, f64) {
    let (mut list, mut total) = (Vec::new(), 0.0);
    for steps in cells.values() {
        let of = |sign: f64| {
            move |step: &&Step| (step.change.signum() - sign).abs() < 0.5 && step.change.abs() > 0.0
        };
        let stay: Vec<&Step> = steps.iter().filter(|step| step.change.abs() <= 0.0).collect();
        if stay.is_empty() {
            continue;
        }
        let weight = |steps: &[&Step]| steps.iter().map(|step| step.weight).sum::<f64>();
        let mean = |steps: &[&Step]| steps.iter().map(|s| s.weight * s.outcome).sum::<f64>() / weight(steps);
        for sign in [1.0, -1.0] {
            let moved: Vec<&Step> = steps.iter().filter(of(sign)).collect();
            if moved.is_empty() {
                continue;
            }
            let (here, there) = (mean(&moved), mean(&stay));
            let ratio = weight(&moved) / weight(&stay);
            let mut add = |step: &Step, factor: f64, mean: f64| {
                let factor = sign * factor * step.weight;
                list.push(Contribution {
                    cluster: step.cluster,
                    value: factor * step.outcome,
                    centred: factor * (step.outcome - mean),
                });
            };
            moved.iter().for_each(|step| add(step, 1.0, here));
            stay.iter().for_each(|step| add(step, -ratio, there));
            total += moved.iter().map(|step| step.weight * step.change.abs()).sum::<f64>();
        }
    }
    (list, total)
}
