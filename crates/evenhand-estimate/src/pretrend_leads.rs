//! Leads of treatment on the untreated rows: the pre-trend test of imputation estimators.
//!
//! y_it = alpha_i + lambda_t + sum_h delta_h 1[e_it = h] + x_it' beta + e_it over untreated rows. Indicators are
//! projected on the effects through the two-way system, so that no column of indicators is ever formed.

use crate::imputation::{PretrendTest, Pretrends, Table};
use crate::special::f_tail;
use crate::two_way::{NONE, Target};
use crate::untreated_fit::{Basis, nests_units, untreated_scores};
use crate::{Caveat, Error, ErrorKind, Result, Term};
use evenhand_linalg::{Cholesky, Matrix};

/// A lead is absorbed when so little of its squared length is left after what comes before it.
const COLLINEAR: f64 = 1e-10;

/// Adds one term for each lead to `table` and tests them jointly.
///
/// Standard errors are clustered with the correction of R `fixest`: G / (G - 1) times (n - 1) / (n - K), where K
/// does not count the unit effects when clusters hold whole units.
pub(crate) fn pretrend_leads(
    basis: &Basis<'_>,
    leads: &Pretrends,
    table: &mut Table,
    caveats: &mut Vec<Caveat>,
) -> Result<PretrendTest> {
    let two_way = &basis.two_way;
    let cells = two_way.cells();
    let asked = asked_leads(basis, leads)?;
    let full = Leads::new(basis, &asked);
    let kept = independent(&full.gram);
    let absorbed = (0..asked.len()).filter(|h| !kept.contains(h));
    caveats.extend(absorbed.map(|h| Caveat::NotEstimated {
        what: format!("event_time={}", asked[h]),
        why: "unit and period effects absorb this lead".to_owned(),
    }));
    if kept.is_empty() {
        return Err(Error::new(
            ErrorKind::Collinear,
            "pre-trend leads: unit and period effects absorb all of them",
        ));
    }
    let (events, leads) = match kept.len() == asked.len() {
        true => (asked, full),
        false => {
            let events: Vec<i64> = kept.iter().map(|&h| asked[h]).collect();
            let leads = Leads::new(basis, &events);
            (events, leads)
        }
    };
    let gram = Cholesky::new(&leads.gram).ok_or_else(|| {
        Error::new(ErrorKind::Collinear, "pre-trend leads: not identified to working precision")
    })?;
    let y = basis.residual_of(cells.outcome());
    let delta = gram.solve(&leads.inner(basis, &y));
    let without: Vec<f64> = (0..cells.n_obs())
        .map(|row| match leads.target.label[row] {
            NONE => cells.outcome()[row],
            h => cells.outcome()[row] - delta[h as usize],
        })
        .collect();
    let residual = basis.residual_of(&without);
    let error = |row: usize| two_way.weight(row) * residual[row];
    let mut meat = untreated_scores(basis, &leads.target, |_| 1.0, error, cells.cluster());
    for row in (0..cells.n_obs()).filter(|&row| leads.target.label[row] != NONE) {
        meat[(cells.cluster().at(row), leads.target.label[row] as usize)] += error(row);
    }
    let correction = small_sample(basis, events.len());
    let scores = meat.mul(&gram.inverse()).scaled(correction.sqrt());
    for (h, &event) in events.iter().enumerate() {
        table.push(|estimate| Term::at_event_time(event, estimate), delta[h], scores.col(h));
    }
    joint_test(&delta, &scores)
}

/// The event times of the leads, in rising order.
fn asked_leads(basis: &Basis<'_>, leads: &Pretrends) -> Result<Vec<i64>> {
    let two_way = &basis.two_way;
    let cells = two_way.cells();
    let rows = (0..cells.n_obs()).filter(|&row| two_way.in_sample(row));
    let mut found: Vec<i64> = rows.filter_map(|row| cells.event_time(row)).collect();
    found.sort_unstable();
    found.dedup();
    let Pretrends::Leads(asked) = leads else { return Ok(found) };
    if let Some(absent) = asked.iter().find(|e| !found.contains(e)) {
        let message = format!("lead {absent}: no untreated row is at it, expected one of {found:?}");
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let mut asked = asked.clone();
    asked.sort_unstable();
    asked.dedup();
    Ok(asked)
}

/// Indicators of leads once the effects and the covariates are taken out.
struct Leads {
    target: Target,
    /// D~'W D~, shape (H, H).
    gram: Matrix,
}

impl Leads {
    fn new(basis: &Basis<'_>, events: &[i64]) -> Self {
        let two_way = &basis.two_way;
        let cells = two_way.cells();
        let label: Vec<u32> = (0..cells.n_obs())
            .map(|row| match cells.event_time(row) {
                Some(e) if two_way.in_sample(row) => events.binary_search(&e).map_or(NONE, |at| at as u32),
                _ => NONE,
            })
            .collect();
        let mass = (0..cells.n_obs())
            .map(|row| if label[row] == NONE { 0.0 } else { two_way.weight(row) })
            .collect();
        let target = Target { label, mass, n_terms: events.len() };
        let gram = gram(basis, &target);
        Self { target, gram }
    }

    /// D~'W y for a y that is left by the effects and covariates.
    fn inner(&self, basis: &Basis<'_>, left: &[f64]) -> Vec<f64> {
        let mut inner = vec![0.0; self.target.n_terms];
        for row in (0..left.len()).filter(|&row| self.target.label[row] != NONE) {
            inner[self.target.label[row] as usize] += basis.two_way.weight(row) * left[row];
        }
        inner
    }
}

/// diag(n_h) - sum_i b_i b_i' / D_i - r' S^-1 r, less the part of the covariates.
fn gram(basis: &Basis<'_>, target: &Target) -> Matrix {
    let two_way = &basis.two_way;
    let h = target.n_terms;
    let projection = two_way.project(target, |_| 1.0);
    let mut gram = projection.reduced.t_mul(&projection.lambda).scaled(-1.0);
    for unit in 0..two_way.n_units() {
        let labelled: Vec<usize> = two_way.rows(unit).filter(|&row| target.label[row] != NONE).collect();
        for &a in &labelled {
            gram[(target.label[a] as usize, target.label[a] as usize)] += target.mass[a];
            for &b in &labelled {
                let part = target.mass[a] * target.mass[b] / two_way.unit_weight(unit);
                gram[(target.label[a] as usize, target.label[b] as usize)] -= part;
            }
        }
    }
    if basis.covariates.is_empty() {
        return gram;
    }
    let mut cross = Matrix::zeros(basis.covariates.len(), h);
    for row in (0..target.label.len()).filter(|&row| target.label[row] != NONE) {
        for (j, x) in basis.residual_covariates(row).enumerate() {
            cross[(j, target.label[row] as usize)] += x * target.mass[row];
        }
    }
    gram.plus(&cross.t_mul(&basis.gram_inverse().mul(&cross)), -1.0)
}

/// The columns that are not combinations of columns before them, from their Gram matrix.
fn independent(gram: &Matrix) -> Vec<usize> {
    let n = gram.n_cols();
    let (mut lower, mut kept) = (gram.clone(), Vec::new());
    for j in 0..n {
        if lower[(j, j)] <= COLLINEAR * gram[(j, j)].max(f64::MIN_POSITIVE)
            || gram[(j, j)] <= 1e-9 * largest(gram)
        {
            continue;
        }
        let pivot = lower[(j, j)];
        let column: Vec<f64> = lower.col(j).to_vec();
        for k in j + 1..n {
            let factor = column[k] / pivot;
            for i in j + 1..n {
                lower[(i, k)] -= column[i] * factor;
            }
        }
        kept.push(j);
    }
    kept
}

fn largest(gram: &Matrix) -> f64 {
    gram.diagonal().into_iter().fold(0.0, f64::max)
}

/// G / (G - 1) times (n - 1) / (n - K).
fn small_sample(basis: &Basis<'_>, n_leads: usize) -> f64 {
    let two_way = &basis.two_way;
    let cells = two_way.cells();
    let n = (0..cells.n_obs()).filter(|&row| two_way.in_sample(row)).count();
    let used: Vec<usize> = (0..cells.n_obs()).filter(|&row| two_way.in_sample(row)).collect();
    let g = cells.cluster().select(&used).n_levels() as f64;
    let k = if nests_units(two_way, cells.cluster()) {
        n_leads + basis.covariates.len() + two_way.n_sample_periods()
    } else {
        n_leads + basis.rank()
    };
    if n <= k || g <= 1.0 {
        return 1.0;
    }
    g / (g - 1.0) * (n - 1) as f64 / (n - k) as f64
}

fn joint_test(delta: &[f64], scores: &Matrix) -> Result<PretrendTest> {
    let (df, df_residual) = (delta.len(), scores.n_rows() - 1);
    let vcov = Cholesky::new(&scores.gram()).ok_or_else(|| {
        let message = format!("{df} leads, {} clusters: their covariance has no inverse", scores.n_rows());
        Error::new(ErrorKind::Degenerate, message)
    })?;
    let wald: f64 = delta.iter().zip(vcov.solve(delta)).map(|(a, b)| a * b).sum();
    let f_statistic = wald / df as f64;
    let p_value = f_tail(f_statistic, df as f64, df_residual as f64);
    Ok(PretrendTest { f_statistic, df, df_residual, p_value })
}
