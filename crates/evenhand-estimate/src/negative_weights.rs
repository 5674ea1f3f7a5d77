//! The weights that a two-way fixed-effects coefficient puts on the effects of treated cells.
//!
//! Formula: with D_gt the treatment, eps_gt what unit effects, period effects and covariates leave of it, P_gt the
//! share of the weight in cell (g, t), under parallel trends the coefficient beta estimates
//! sum_gt omega_gt Delta_gt over treated cells, omega_gt = eps_gt P_gt D_gt / sum eps P D. Weights sum to 1; where
//! cohorts start at different times some are negative, so that beta may be negative though every effect is positive.
//!
//! Two numbers say how much effects would have to differ. With W_gt = omega_gt / (P_gt D_gt / sum P D):
//! `sigma_zero` = |beta| / sd(W), the smallest standard deviation of effects for which the average effect on the
//! treated could be 0; `sigma_opposite`, the smallest for which every effect could have the other sign, only when
//! some weights are negative. Close to 0: the coefficient says little of the average effect.
//!
//! Paper: de Chaisemartin and D'Haultfoeuille (2020), doi:10.1257/aer.20181169, corollary 1. Follows R
//! `TwoWayFEWeights`, `type = "feTR"`, with its correction of sd(W) by M / (M - 1) for M treated cells, and its
//! rule that weights within 1e-10 of 0 are 0.
//! Known failures: covariates and treatments must not vary within a cell, which holds here by construction.

use crate::untreated_fit::{Basis, covariate_names};
use crate::{Caveat, Cells, Error, ErrorKind, Estimate, Estimates, Interval, Result, Term};

/// Weights closer to 0 than this are 0.
const SENSITIVITY: f64 = 1e-10;

/// Options of [`negative_weights()`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegativeWeightsOptions {
    /// Default: all that the cells have.
    pub covariates: Option<Vec<String>>,
}

/// The weight of one treated cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellWeight {
    /// The row in the cells.
    pub row: usize,
    /// omega; all sum to 1.
    pub weight: f64,
    /// Its share of the treatment, P D / sum P D.
    pub share: f64,
}

/// What [`negative_weights()`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct NegativeWeights {
    /// The coefficient, `twfe`, without a standard error.
    pub estimates: Estimates,
    /// The coefficient.
    pub twfe: f64,
    /// One for each treated row.
    pub weights: Vec<CellWeight>,
    /// How many weights are above 0.
    pub n_positive: usize,
    /// How many weights are below 0.
    pub n_negative: usize,
    /// The sum of those above 0.
    pub sum_positive: f64,
    /// The sum of those below 0, at most 0.
    pub sum_negative: f64,
    /// The smallest spread of effects for which the average effect could be 0; `None` when all weights are in
    /// proportion to the cells.
    pub sigma_zero: Option<f64>,
    /// The smallest spread of effects for which all could have the other sign.
    pub sigma_opposite: Option<f64>,
}

/// Weights of a two-way coefficient: see the [module](self).
///
/// The treatment is [`Cells::treatment`] where the cells have one, otherwise whether the row is treated.
///
/// ```
/// use evenhand_estimate::{Cells, NegativeWeightsOptions, negative_weights};
/// let unit = [1, 1, 1, 2, 2, 2];
/// let year = [1., 2., 3., 1., 2., 3.];
/// let cells = Cells::new(&unit, &year, &[0.0, 1.0, 4.0, 0.0, 1.0, 2.0])?
///     .with_cohort(&[2., 2., 2., 3., 3., 3.])?;
/// let found = negative_weights(&cells, &NegativeWeightsOptions::default())?;
/// // The early unit's second treated period serves as a control for the late unit.
/// assert_eq!((found.n_positive, found.n_negative), (2, 1));
/// assert!((found.sum_negative + 0.5).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`] when the treatment is 0 throughout, [`ErrorKind::Degenerate`] when effects and covariates
/// leave nothing of it, [`ErrorKind::Shape`].
pub fn negative_weights(cells: &Cells, options: &NegativeWeightsOptions) -> Result<NegativeWeights> {
    let names = covariate_names(cells, options.covariates.as_deref(), &[])?;
    let n = cells.n_obs();
    let treatment: Vec<f64> = match cells.treatment() {
        Some(treatment) => treatment.to_vec(),
        None => (0..n).map(|row| f64::from(u8::from(cells.is_treated(row)))).collect(),
    };
    let p: Vec<f64> = cells.weights().map_or_else(|| vec![1.0; n], <[f64]>::to_vec);
    let treated: f64 = p.iter().zip(&treatment).map(|(p, d)| p * d).sum();
    if treated.abs() <= 0.0 {
        return Err(Error::new(ErrorKind::NoTreated, "the treatment sums to 0, expected another sum"));
    }
    let everything = vec![true; n];
    let basis = Basis::new(cells, &everything, cells.weights(), &names)?;
    let eps = basis.gaps(&treatment);
    let sum = |values: &dyn Fn(usize) -> f64| (0..n).map(|row| p[row] * values(row)).sum::<f64>();
    let denominator = sum(&|row| eps[row] * treatment[row]);
    if denominator <= 1e-12 * sum(&|row| treatment[row] * treatment[row]) {
        let message = "unit and period effects explain the treatment, expected it to vary within them";
        return Err(Error::new(ErrorKind::Degenerate, message));
    }
    let twfe = sum(&|row| eps[row] * cells.outcome()[row]) / denominator;
    let weights: Vec<CellWeight> = (0..n)
        .filter(|&row| treatment[row].abs() > 0.0)
        .map(|row| {
            let share = p[row] * treatment[row] / treated;
            let weight = eps[row] * p[row] * treatment[row] / denominator;
            CellWeight { row, weight: if weight.abs() < SENSITIVITY { 0.0 } else { weight }, share }
        })
        .collect();
    let (positive, negative): (Vec<f64>, Vec<f64>) =
        weights.iter().map(|w| w.weight).filter(|w| w.abs() > 0.0).partition(|&w| w > 0.0);
    let (sum_positive, sum_negative) = (positive.iter().sum::<f64>(), negative.iter().sum::<f64>());
    let mut caveats = cells.caveats().to_vec();
    if !basis.dropped.is_empty() {
        caveats.push(Caveat::Collinear { columns: basis.dropped.clone() });
    }
    if sum_negative < 0.0 {
        let percent = (100.0 * -sum_negative / (sum_positive - sum_negative)).round() as u32;
        caveats.push(Caveat::NegativeWeights { percent });
    }
    let estimates = Estimates {
        method: "negative-weights",
        terms: vec![Term::new("twfe", Estimate::from_intervals(twfe, Interval::ALL, Interval::ALL))],
        vcov: None,
        n_obs: n,
        n_units: cells.n_units(),
        n_periods: cells.periods().len(),
        n_clusters: None,
        seed: None,
        options: vec![("covariates", if names.is_empty() { "none".to_owned() } else { names.join(",") })],
        caveats,
    };
    Ok(NegativeWeights {
        sigma_zero: sigma_zero(twfe, &weights),
        sigma_opposite: if sum_negative < 0.0 { sigma_opposite(twfe, &weights) } else { None },
        estimates,
        twfe,
        n_positive: positive.len(),
        n_negative: negative.len(),
        sum_positive,
        sum_negative,
        weights,
    })
}

/// |beta| / sd(W).
fn sigma_zero(twfe: f64, weights: &[CellWeight]) -> Option<f64> {
    let m = weights.len() as f64;
    let variance: f64 = weights.iter().map(|w| w.share * (w.weight / w.share - 1.0).powi(2)).sum();
    let sd = (variance * m / (m - 1.0)).sqrt();
    (sd.is_finite() && sd > 1e-12).then(|| twfe.abs() / sd)
}

/// |beta| / sqrt(T_s + S_s^2 / (1 - P_s)): cells by falling W, sums over those from s on, s the first cell whose W
/// lies below -S_s / (1 - P_s).
fn sigma_opposite(twfe: f64, weights: &[CellWeight]) -> Option<f64> {
    let mut cells: Vec<(f64, f64)> =
        weights.iter().filter(|w| w.weight.abs() > 0.0).map(|w| (w.weight / w.share, w.share)).collect();
    cells.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut p, mut s, mut t) = (0.0, 0.0, 0.0);
    let mut found = None;
    for &(w, share) in &cells[..cells.len().saturating_sub(1)] {
        p += share;
        s += share * w;
        t += share * w * w;
        if w < -s / (1.0 - p) {
            found = Some(twfe.abs() / (t + s * s / (1.0 - p)).sqrt());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One unit from period 2, one from period 3 on, `never` units without treatment; effects by unit and period.
    fn staggered(never: usize, effects: [f64; 3]) -> Cells {
        let n = 2 + never;
        let unit: Vec<usize> = (0..3 * n).map(|row| row / 3).collect();
        let period: Vec<f64> = (0..3 * n).map(|row| (row % 3) as f64 + 1.0).collect();
        let mut y: Vec<f64> = (0..3 * n).map(|row| (row / 3) as f64 + 0.5 * (row % 3) as f64).collect();
        (y[1], y[2], y[5]) = (y[1] + effects[0], y[2] + effects[1], y[5] + effects[2]);
        let cohort: Vec<f64> = unit.iter().map(|&u| if u < 2 { u as f64 + 2.0 } else { 0.0 }).collect();
        Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap()
    }

    fn find(cells: &Cells) -> NegativeWeights {
        negative_weights(cells, &NegativeWeightsOptions::default()).unwrap()
    }

    #[test]
    fn the_coefficient_is_the_weighted_sum_of_the_effects() {
        for never in [0, 1, 4] {
            let effects = [1.0, -3.0, 7.0];
            let found = find(&staggered(never, effects));
            let sum: f64 = found.weights.iter().zip(effects).map(|(w, effect)| w.weight * effect).sum();
            assert!((sum - found.twfe).abs() < 1e-12);
            assert!((found.sum_positive + found.sum_negative - 1.0).abs() < 1e-12);
        }
    }

    // By hand: without a never-treated unit eps is (1/3, -1/6, 1/6 | ...) and omega = (1, -1/2, 1/2).
    #[test]
    fn a_small_case_agrees_with_a_calculation_by_hand() {
        let found = find(&staggered(0, [1.0, 1.0, 1.0]));
        let weights: Vec<f64> = found.weights.iter().map(|w| w.weight).collect();
        assert!(weights.iter().zip([1.0, -0.5, 0.5]).all(|(a, b)| (a - b).abs() < 1e-12), "{weights:?}");
        assert!(found.estimates.caveats.contains(&Caveat::NegativeWeights { percent: 25 }));
        // W = (3, -1.5, 1.5), shares 1/3: variance 3.5 * 3 / 2.
        assert!((found.sigma_zero.unwrap() - 1.0 / 5.25f64.sqrt()).abs() < 1e-12);
        // From the last cell only: P = 1/3, S = -1/2, -S / (1 - P) = 3/4 > -1.5; with the next, P = 2/3, S = 0, and
        // 1.5 is not below 0. So T = 3/4 and S^2 / (1 - P) = 3/8.
        assert!((found.sigma_opposite.unwrap() - 1.0 / 1.125f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn one_adoption_date_has_no_negative_weight() {
        let cells = staggered(3, [1.0; 3]);
        let same = cells
            .with_cohort(&[2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
            .unwrap();
        let found = find(&same);
        assert_eq!((found.n_negative, found.sigma_opposite), (0, None));
        assert_eq!(found.sigma_zero, None);
    }

    #[test]
    fn what_has_no_weights_is_typed() {
        let kind =
            |cells: &Cells| negative_weights(cells, &NegativeWeightsOptions::default()).unwrap_err().kind();
        let cells = staggered(1, [1.0; 3]);
        assert_eq!(kind(&cells.clone().with_cohort(&[0.0; 9]).unwrap()), ErrorKind::NoTreated);
        assert_eq!(kind(&cells.with_cohort(&[2.0; 9]).unwrap()), ErrorKind::Degenerate);
    }
}
