//! Two-stage difference-in-differences.
//!
//! Estimand: averages of the effects on treated observations, as in [`imputation`](crate::imputation()): all alike,
//! by periods since treatment, by cohort, by period.
//!
//! Formula: first stage on untreated rows, y_it = alpha_i + lambda_t + x_it' beta + u_it. Second stage on all rows,
//! y_it - alpha_i - lambda_t - x_it' beta = sum_h tau_h 1[row in term h] + e_it, without an intercept; terms do not
//! overlap, so tau_h is the weighted average of its rows. With X10 the first-stage regressors on untreated rows
//! (0 elsewhere), X1 the same on all rows, X2 the indicators of terms, and cluster sums
//! W_c = X2_c' e_c - X2' X1 (X10' X10)^-1 X10_c' u_c, the covariance is (X2' X2)^-1 sum_c W_c W_c' (X2' X2)^-1:
//! the second stage's sandwich, corrected for the first stage (Newey and McFadden 1994, theorem 6.1). There is no
//! small-sample factor.
//!
//! Points equal those of imputation. The variance differs: here effects are centred on their term's average, there
//! on the average of their cohort in the period, so that this one is larger when cohorts differ.
//!
//! Assumptions: as for imputation. Known failures: leads are averages of first-stage residuals over rows from which
//! the first stage has learnt: they are drawn towards 0 and are no test of pre-trends (use the leads of imputation).
//!
//! Paper: Gardner (2022), doi:10.48550/arXiv.2207.05943; Gardner, Thakral, Tô and Yap (2024). Follows R `did2s`:
//! `second_stage = ~ i(treat, ref = FALSE)` is [`EffectTerms::Overall`], `~ i(rel_year, ref = c(-1, Inf))` is
//! [`EffectTerms::EventTime`]. Checked against Python `py2sdid` 0.1.8 and `diff-diff` 3.13 to 1e-8.

use crate::imputation::Table;
use crate::two_way::NONE;
use crate::untreated_fit::{Basis, Split, cluster_caveat, covariate_names, fit_caveats, untreated_scores};
use crate::{Cells, EffectTerms, Error, ErrorKind, Estimates, Result};

/// Options of [`two_stage()`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoStageOptions {
    /// Default: one average over all treated rows.
    pub terms: EffectTerms,
    /// With [`EffectTerms::EventTime`], whether event times before treatment are terms too; default true.
    pub leads: bool,
    /// Event times that are no terms; default -1, as is usual in event studies.
    pub reference: Vec<i64>,
    /// Covariates in the first stage; default all that the cells have.
    pub covariates: Option<Vec<String>>,
    /// Periods before treatment that the first stage leaves out; default 0.
    pub anticipation: usize,
}

impl Default for TwoStageOptions {
    fn default() -> Self {
        Self {
            terms: EffectTerms::Overall,
            leads: true,
            reference: vec![-1],
            covariates: None,
            anticipation: 0,
        }
    }
}

/// Gardner (2022): see the [module](self).
///
/// ```
/// use evenhand_estimate::{Cells, TwoStageOptions, two_stage};
/// let unit = [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4];
/// let year = [1., 2., 3., 1., 2., 3., 1., 2., 3., 1., 2., 3.];
/// let y = [1.0, 2.0, 3.0, 2.0, 3.2, 3.9, 1.0, 4.0, 5.0, 3.0, 6.2, 7.1];
/// let first = [0., 0., 0., 0., 0., 0., 2., 2., 2., 2., 2., 2.];
/// let cells = Cells::new(&unit, &year, &y)?.with_cohort(&first)?;
/// let found = two_stage(&cells, &TwoStageOptions::default())?;
/// assert!((found.terms[0].estimate.estimate - 2.05).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// As [`imputation`](crate::imputation()).
pub fn two_stage(cells: &Cells, options: &TwoStageOptions) -> Result<Estimates> {
    let split = Split::new(cells, options.anticipation)?;
    let names = covariate_names(cells, options.covariates.as_deref(), &[])?;
    let basis = Basis::new(cells, &split.untreated, cells.weights(), &names)?;
    let two_way = &basis.two_way;
    let gap = basis.gaps(cells.outcome());
    let is_term = |row: usize| two_way.identifies(row) && included(cells, options, row);
    let (target, keys) = options.terms.target(cells, is_term);
    if !(0..cells.n_obs()).any(|row| target.label[row] != NONE && cells.is_treated(row)) {
        let message = "no treated row shares its unit and its period with untreated rows, expected some";
        return Err(Error::new(ErrorKind::NoDonors, message));
    }
    let points = target.sums(|row| gap[row]);
    let error = |row: usize| two_way.weight(row) * gap[row];
    let mut scores = untreated_scores(&basis, &target, |_| 1.0, error, cells.cluster());
    for row in (0..cells.n_obs()).filter(|&row| target.label[row] != NONE) {
        let h = target.label[row] as usize;
        scores[(cells.cluster().at(row), h)] += target.mass[row] * (gap[row] - points[h]);
    }
    let mut table = Table::new(cells)?;
    for (h, key) in keys.into_iter().enumerate() {
        table.push(|estimate| key.term(estimate), points[h], scores.col(h));
    }
    let (terms, scores) = table.finish();
    let mut caveats = fit_caveats(&basis);
    caveats.extend(cluster_caveat(cells, &split.untreated));
    Ok(Estimates {
        method: "two-stage",
        terms,
        vcov: Some(scores.gram()),
        n_obs: (0..cells.n_obs()).filter(|&row| two_way.identifies(row) || two_way.in_sample(row)).count(),
        n_units: (0..two_way.n_units()).filter(|&unit| two_way.has_unit(unit)).count(),
        n_periods: cells.periods().len(),
        n_clusters: Some(scores.n_rows()),
        seed: None,
        options: echo(options, &names),
        caveats,
    })
}

/// Whether a row belongs to a term of the second stage.
fn included(cells: &Cells, options: &TwoStageOptions, row: usize) -> bool {
    match (options.terms, cells.event_time(row)) {
        (_, None) => false,
        (EffectTerms::EventTime, Some(e)) => (e >= 0 || options.leads) && !options.reference.contains(&e),
        _ => cells.is_treated(row),
    }
}

fn echo(options: &TwoStageOptions, covariates: &[String]) -> Vec<(&'static str, String)> {
    let reference: Vec<String> = options.reference.iter().map(ToString::to_string).collect();
    let none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    vec![
        ("terms", options.terms.name().to_owned()),
        ("leads", options.leads.to_string()),
        ("reference", none(reference.join(","))),
        ("covariates", none(covariates.join(","))),
        ("anticipation", options.anticipation.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Factor, ImputationOptions, Matrix, Stream, imputation};
    use evenhand_linalg::Qr;
    use proptest::prelude::*;

    /// Three cohorts of which one is never treated, two-way effects, effect `effect`, unit and period noise.
    fn staggered(seed: u64, n: usize, t: usize, effect: f64) -> Cells {
        let stream = Stream::new(seed, 3);
        let (mut unit, mut period, mut y, mut cohort) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for i in 0..n {
            let g = [0, t / 2, 2 * t / 3][i % 3];
            for s in 0..t {
                let treated = g > 0 && s >= g;
                unit.push(i);
                period.push(s as f64 + 1.0);
                cohort.push(if g > 0 { g as f64 + 1.0 } else { 0.0 });
                let noise = stream.normal((i * (t + 1) + s) as u64);
                y.push((i % 5) as f64 + 0.2 * s as f64 + if treated { effect } else { 0.0 } + noise);
            }
        }
        Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap()
    }

    /// The sandwich by its definition, with dense X1, X10 and X2, for the event study with its leads.
    fn dense(cells: &Cells, found: &Estimates) -> Matrix {
        let (n, units) = (cells.n_obs(), cells.n_units());
        let k = units + cells.periods().len() - 1;
        let root = |row: usize| cells.weights().map_or(1.0, |w| w[row]).sqrt();
        let x1 = Matrix::from_fn(n, k, |row, j| match j < units {
            true if cells.unit().at(row) == j => root(row),
            false if cells.period().at(row) == j + 1 - units => root(row),
            _ => 0.0,
        });
        let untreated = |row: usize| !cells.is_treated(row);
        let x10 = Matrix::from_fn(n, k, |row, j| if untreated(row) { x1[(row, j)] } else { 0.0 });
        let y: Vec<f64> = (0..n).map(|row| root(row) * cells.outcome()[row]).collect();
        let y0: Vec<f64> = (0..n).map(|row| if untreated(row) { y[row] } else { 0.0 }).collect();
        let qr = Qr::new(x10.clone(), 1e-10);
        let gap: Vec<f64> = x1.mul_vec(&qr.solve(&y0)).iter().zip(&y).map(|(f, y)| y - f).collect();
        let x2 = Matrix::from_fn(n, found.terms.len(), |row, h| {
            if cells.event_time(row) == found.terms[h].event_time { root(row) } else { 0.0 }
        });
        let second = Qr::new(x2.clone(), 1e-10);
        let e: Vec<f64> = x2.mul_vec(&second.solve(&gap)).iter().zip(&gap).map(|(f, y)| y - f).collect();
        let v = x2.t_mul(&x1).mul(&qr.gram_inverse());
        let mut meat = Matrix::zeros(found.terms.len(), found.terms.len());
        for c in 0..cells.cluster().n_levels() {
            let rows: Vec<usize> = (0..n).filter(|&row| cells.cluster().at(row) == c).collect();
            let take = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row]).collect() };
            let u: Vec<f64> = rows.iter().map(|&row| if untreated(row) { gap[row] } else { 0.0 }).collect();
            let first = v.mul_vec(&x10.select_rows(&rows).t_mul_vec(&u));
            let w: Vec<f64> =
                x2.select_rows(&rows).t_mul_vec(&take(&e)).iter().zip(first).map(|(a, b)| a - b).collect();
            meat = meat.plus(&Matrix::from_fn(w.len(), w.len(), |i, j| w[i] * w[j]), 1.0);
        }
        second.gram_inverse().mul(&meat).mul(&second.gram_inverse())
    }

    // 1e-10: two orders of solving one small system.
    #[test]
    fn the_covariance_is_that_of_the_dense_definition() {
        let plain = staggered(4, 15, 7, 1.0);
        let w: Vec<f64> = (0..plain.n_obs()).map(|row| 1.0 + ((row * 7) % 4) as f64).collect();
        let regions: Vec<usize> = (0..plain.n_obs()).map(|row| plain.unit().at(row) / 2).collect();
        let weighted = plain.clone().with_weights(&w).unwrap();
        let clustered = weighted.clone().with_cluster(&Factor::new(&regions)).unwrap();
        let events = TwoStageOptions { terms: EffectTerms::EventTime, ..Default::default() };
        for cells in [plain, weighted, clustered] {
            let found = two_stage(&cells, &events).unwrap();
            assert!(found.at_event_time(-1).is_none() && found.at_event_time(-2).is_some());
            let difference = found.vcov.clone().unwrap().plus(&dense(&cells, &found), -1.0);
            assert!(difference.data().iter().all(|x| x.abs() < 1e-10), "{difference:?}");
        }
    }

    // 95 % intervals over 400 draws of 90 units: the share's standard error is 1.1 points, two and a half either way.
    #[test]
    fn intervals_cover_a_constant_effect() {
        let covers = |seed: u64| {
            let found = two_stage(&staggered(seed, 90, 6, 0.5), &TwoStageOptions::default()).unwrap();
            found.terms[0].estimate.interval_95().contains(0.5)
        };
        let covered = (0..400).filter(|&seed| covers(seed)).count();
        assert!((366..=392).contains(&covered), "{covered} of 400");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn points_are_those_of_imputation(seed in 0u64..500) {
            let cells = staggered(seed, 12, 8, 1.0);
            for terms in [EffectTerms::Overall, EffectTerms::Cohort, EffectTerms::Period, EffectTerms::CohortPeriod] {
                let one = two_stage(&cells, &TwoStageOptions { terms, ..Default::default() }).unwrap();
                let other = imputation(&cells, &ImputationOptions { terms, ..Default::default() }).unwrap().estimates;
                prop_assert_eq!(one.terms.len(), other.terms.len());
                for (a, b) in one.terms.iter().zip(&other.terms) {
                    prop_assert_eq!(&a.term, &b.term);
                    prop_assert!((a.estimate.estimate - b.estimate.estimate).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_answered_is_typed() {
        let none = Cells::new(&[1, 1, 2, 2], &[1.0, 2.0, 1.0, 2.0], &[0.0; 4]).unwrap();
        let kind = |cells: &Cells| two_stage(cells, &TwoStageOptions::default()).unwrap_err().kind();
        assert_eq!(kind(&none), ErrorKind::NoTreated);
        assert_eq!(kind(&none.clone().with_cohort(&[2.0; 4]).unwrap()), ErrorKind::NoDonors);
        let all_reference =
            TwoStageOptions { terms: EffectTerms::EventTime, reference: vec![0, -1], ..Default::default() };
        let one = none.with_cohort(&[2.0, 2.0, 0.0, 0.0]).unwrap();
        assert_eq!(two_stage(&one, &all_reference).unwrap_err().kind(), ErrorKind::NoDonors);
    }
}
