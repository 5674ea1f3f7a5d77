//! What synthetic DiD, synthetic control and plain DiD have in common: a weighted comparison of one treated
//! series with donors, and how well it fits before adoption.

use crate::error::finite;
use crate::simplex::dot;
use crate::{Design, Result};

/// A fit for `J` donors, `T_pre` periods before adoption and `T` in all. Values are in outcome units.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticFit {
    /// Mean effect over the periods from adoption on.
    pub estimate: f64,
    /// Unit weights omega, shape (J,), sum 1; some are negative when ridge-augmented.
    pub omega: Vec<f64>,
    /// Time weights lambda, shape (T_pre,), sum 1; all 0 for a synthetic control without intercept.
    pub lambda: Vec<f64>,
    /// Ridge penalty of the unit weights.
    pub zeta_omega: f64,
    /// Ridge penalty of the time weights.
    pub zeta_lambda: f64,
    /// Level added to the weighted donors.
    pub intercept: f64,
    /// What the treated series would have been, shape (T,).
    pub counterfactual: Vec<f64>,
    /// Treated minus counterfactual, shape (T,); its mean from adoption on is `estimate`.
    pub gap: Vec<f64>,
    /// Root mean square of the gap before adoption: around its own mean for methods with an intercept.
    pub pre_rmspe: f64,
    /// `pre_rmspe` over the standard deviation of the treated series before adoption (0.5 or less is a good fit);
    /// `None` when that series is constant or has one period.
    pub pre_fit_ratio: Option<f64>,
    /// 1 / sum of squared unit weights: how many donors carry the comparison.
    pub effective_donors: f64,
    /// Steps that the weights took.
    pub iterations: usize,
}

/// Weights as a method found them.
pub(crate) struct Weights {
    pub omega: Vec<f64>,
    pub lambda: Vec<f64>,
    pub zeta_omega: f64,
    pub zeta_lambda: f64,
    pub iterations: usize,
}

impl SyntheticFit {
    pub(crate) fn from_weights(design: &Design, weights: Weights, has_intercept: bool) -> Result<Self> {
        let n_pre = design.n_pre();
        let mut weighted = vec![0.0; design.n_periods()];
        for (j, &w) in weights.omega.iter().enumerate().filter(|(_, w)| w.abs() > 0.0) {
            weighted.iter_mut().zip(design.donor(j)).for_each(|(sum, y)| *sum += w * y);
        }
        let raw: Vec<f64> = design.treated().iter().zip(&weighted).map(|(y, c)| y - c).collect();
        let intercept = dot(&weights.lambda, &raw[..n_pre]);
        let gap: Vec<f64> = raw.iter().map(|gap| gap - intercept).collect();
        let centre = if has_intercept { mean(&raw[..n_pre]) } else { 0.0 };
        let pre_rmspe =
            (raw[..n_pre].iter().map(|gap| (gap - centre).powi(2)).sum::<f64>() / n_pre as f64).sqrt();
        let spread = standard_deviation(&design.treated()[..n_pre]).filter(|sd| *sd > 0.0);
        Ok(Self {
            estimate: finite(mean(&gap[n_pre..]), "estimate")?,
            intercept,
            counterfactual: weighted.iter().map(|c| c + intercept).collect(),
            gap,
            pre_rmspe,
            pre_fit_ratio: spread.map(|sd| pre_rmspe / sd),
            effective_donors: 1.0 / dot(&weights.omega, &weights.omega),
            omega: weights.omega,
            lambda: weights.lambda,
            zeta_omega: weights.zeta_omega,
            zeta_lambda: weights.zeta_lambda,
            iterations: weights.iterations,
        })
    }
}

/// Mean of a slice that is not empty.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Values less their mean.
pub(crate) fn centred(values: &[f64]) -> Vec<f64> {
    let centre = mean(values);
    values.iter().map(|value| value - centre).collect()
}

/// Sample standard deviation (n - 1), `None` for fewer than two values.
pub(crate) fn standard_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let centre = mean(values);
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}
