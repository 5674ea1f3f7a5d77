//! Synthetic difference-in-differences.
//!
//! Formula: tau = (Y_tr,post - sum_j omega_j Y_j,post) - sum_t lambda_t (Y_tr,t - sum_j omega_j Y_jt), where post
//! is the mean over periods from adoption on and tr the mean over treated units.
//! omega minimises sum_t (omega_0 + sum_j omega_j Y_jt - Y_tr,t)^2 + zeta_omega^2 T_pre |omega|^2 over the simplex,
//! t before adoption, with zeta_omega = (N_tr T_post)^(1/4) sd(first differences of the donors before adoption).
//! lambda minimises sum_j (lambda_0 + sum_t lambda_t Y_jt - Y_j,post)^2 + zeta_lambda^2 J |lambda|^2 over the
//! simplex, with zeta_lambda = 1e-6 of that sd: it only makes the answer unique.
//!
//! Estimand: the mean effect on the treated units over the periods from adoption on.
//! Paper: Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), doi:10.1257/aer.20190159.
//! Assumptions: an untreated outcome that is close to a low-rank structure plus noise, weights that reproduce the
//! treated unit's movements, no anticipation, no spillover on donors.
//! Known failures: a treated unit outside the donors' range of movements (see `pre_fit_ratio`); a shock to one
//! heavy donor after adoption; outcomes whose noise grows with their level (transform counts first).
//! Checked against R `synthdid` 0.0.9 on Proposition 99.

use crate::frank_wolfe::{Problem, reference_weights};
use crate::simplex::{Start, gram, least_norm};
use crate::synthetic_fit::{Weights, centred, mean, standard_deviation};
use crate::{Design, Error, ErrorKind, Result, SyntheticFit};

/// When the search for weights ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stopping {
    /// At the optimum.
    #[default]
    Exact,
    /// Where R `synthdid` stops, short of the optimum: for comparison with published numbers.
    Reference,
}

/// Options of [`synthetic_did()`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SyntheticDidOptions {
    /// Default: the exact optimum.
    pub stopping: Stopping,
    /// Ridge penalty of the unit weights; default (N_tr T_post)^(1/4) sd of first differences.
    pub zeta_omega: Option<f64>,
    /// Ridge penalty of the time weights; default 1e-6 sd of first differences.
    pub zeta_lambda: Option<f64>,
}

/// Synthetic difference-in-differences.
///
/// ```
/// use evenhand_estimate::{Design, SyntheticDidOptions, synthetic_did};
/// use evenhand_panel::Panel;
/// let panel = Panel::from_text(
///     "unit 1 2 3 4   5
///      a    3 5 4 *9 10
///      b    1 3 2  4  5
///      c    8 7 9  6  5
///      d    2 4 3  5  6",
/// ).unwrap();
/// let fit = synthetic_did(&Design::new(&panel)?, &SyntheticDidOptions::default())?;
/// assert!(fit.estimate > 2.5 && fit.omega[1] < fit.omega[0]);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::TooFewPeriods`] when the donors have fewer than two first differences before adoption and no
/// penalty was given, [`ErrorKind::Domain`] for a negative penalty, [`ErrorKind::NotConverged`].
pub fn synthetic_did(design: &Design, options: &SyntheticDidOptions) -> Result<SyntheticFit> {
    let penalties = Penalties::of(design, options)?;
    let units = Centred::units(design, design.n_pre());
    let times = Centred::times(design);
    let min_decrease = 1e-5 * penalties.noise;
    let (omega, unit_steps) = units.solve(penalties.zeta_omega, options.stopping, min_decrease)?;
    let (lambda, time_steps) = times.solve(penalties.zeta_lambda, options.stopping, min_decrease)?;
    let weights = Weights {
        omega,
        lambda,
        zeta_omega: penalties.zeta_omega,
        zeta_lambda: penalties.zeta_lambda,
        iterations: unit_steps + time_steps,
    };
    SyntheticFit::from_weights(design, weights, true)
}

/// The two ridge penalties and the noise level that they come from.
pub(crate) struct Penalties {
    pub noise: f64,
    pub zeta_omega: f64,
    pub zeta_lambda: f64,
}

impl Penalties {
    pub(crate) fn of(design: &Design, options: &SyntheticDidOptions) -> Result<Self> {
        let noise = noise_level(design);
        let from_noise = |factor: f64| {
            noise.map(|sd| factor * sd).ok_or_else(|| {
                let message = format!(
                    "{} donors over {} periods before adoption, expected at least two first differences",
                    design.n_donors(),
                    design.n_pre()
                );
                Error::new(ErrorKind::TooFewPeriods, message)
            })
        };
        let given = |zeta: f64| {
            if zeta >= 0.0 && zeta.is_finite() {
                return Ok(zeta);
            }
            Err(Error::new(
                ErrorKind::Domain,
                format!("ridge penalty {zeta}, expected a finite number of 0 or more"),
            ))
        };
        let units = ((design.n_treated() * design.n_post()) as f64).powf(0.25);
        Ok(Self {
            noise: noise.unwrap_or(0.0),
            zeta_omega: options.zeta_omega.map_or_else(|| from_noise(units), given)?,
            zeta_lambda: options.zeta_lambda.map_or_else(|| from_noise(1e-6), given)?,
        })
    }
}

/// Standard deviation of the donors' first differences before adoption.
fn noise_level(design: &Design) -> Option<f64> {
    let differences: Vec<f64> = (0..design.n_donors())
        .flat_map(|j| design.donor(j)[..design.n_pre()].windows(2).map(|pair| pair[1] - pair[0]))
        .collect();
    standard_deviation(&differences)
}

/// Columns to be weighted so that they meet a target, all of them centred: the intercept is then free.
pub(crate) struct Centred {
    /// Shape (m, n), column-major.
    columns: Vec<f64>,
    /// Shape (m,).
    target: Vec<f64>,
}

impl Centred {
    /// Donors as columns over the first `n_periods` periods, the treated series as target.
    pub(crate) fn units(design: &Design, n_periods: usize) -> Self {
        let donors = (0..design.n_donors()).map(|j| design.donor(j)[..n_periods].to_vec());
        Self::new(donors, design.treated()[..n_periods].to_vec())
    }

    /// Periods before adoption as columns over donors, the donors' means from adoption on as target.
    fn times(design: &Design) -> Self {
        let donors = 0..design.n_donors();
        let periods = (0..design.n_pre()).map(|t| donors.clone().map(|j| design.donor(j)[t]).collect());
        Self::new(periods, donors.clone().map(|j| mean(&design.donor(j)[design.n_pre()..])).collect())
    }

    fn new(columns: impl Iterator<Item = Vec<f64>>, target: Vec<f64>) -> Self {
        Self { columns: columns.flat_map(|column| centred(&column)).collect(), target: centred(&target) }
    }

    /// The weights at the optimum, and the steps to it.
    pub(crate) fn exact(&self, zeta: f64) -> Result<(Vec<f64>, usize)> {
        let m = self.target.len();
        let n = self.columns.len() / m;
        let differences: Vec<f64> = self
            .columns
            .chunks_exact(m)
            .flat_map(|column| column.iter().zip(&self.target).map(|(a, b)| a - b))
            .collect();
        let eta = m as f64 * zeta * zeta;
        let h = gram(&differences, n, m, eta);
        let found = least_norm(&h, n, Start::for_ridge(eta, &h, n))?;
        Ok((found.weights, found.iterations))
    }

    fn solve(&self, zeta: f64, stopping: Stopping, min_decrease: f64) -> Result<(Vec<f64>, usize)> {
        match stopping {
            Stopping::Exact => self.exact(zeta),
            Stopping::Reference => {
                let problem = Problem { columns: &self.columns, target: &self.target, zeta };
                Ok(reference_weights(&problem, min_decrease))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    /// A two-factor panel: every unit has a level and a loading on a common trend, plus noise.
    fn panel(seed: u64, donors: usize, periods: usize, n_pre: usize, effect: f64, noise: f64) -> Design {
        let stream = Stream::new(seed, 1);
        let factor: Vec<f64> = (0..periods).map(|t| (t as f64 * 0.7).sin() * 2.0 + t as f64 * 0.1).collect();
        let series = |i: usize| -> Vec<f64> {
            let at = |k: usize| stream.normal((i * (periods + 2) + k) as u64);
            let loading = if i == donors { 0.3 } else { at(1) };
            (0..periods).map(|t| 5.0 * at(0) + loading * factor[t] + noise * at(2 + t)).collect()
        };
        let mut treated = series(donors);
        treated[n_pre..].iter_mut().for_each(|y| *y += effect);
        let donors: Vec<(String, Vec<f64>)> = (0..donors).map(|i| (format!("d{i:03}"), series(i))).collect();
        let periods: Vec<String> = (0..periods).map(|t| t.to_string()).collect();
        Design::from_series(&treated, &donors, &periods, n_pre).unwrap()
    }

    fn tau(design: &Design) -> f64 {
        synthetic_did(design, &SyntheticDidOptions::default()).unwrap().estimate
    }

    // Mean error over 60 seeds within four standard errors; noise sd 0.3 over 8 post periods.
    #[test]
    fn a_known_effect_is_recovered_over_seeds() {
        let errors: Vec<f64> = (0..60).map(|seed| tau(&panel(seed, 40, 30, 22, 2.0, 0.3)) - 2.0).collect();
        let sd = standard_deviation(&errors).unwrap();
        assert!(mean(&errors).abs() < 4.0 * sd / (errors.len() as f64).sqrt(), "bias {}", mean(&errors));
        assert!(sd < 0.3, "spread {sd}");
    }

    // 1e-7: weights are exact to about 1e-9 and outcomes are of order 10.
    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn shift_scale_unit_levels_and_labels_behave(seed in 0u64..1000, shift in -100.0..100.0f64, scale in 0.01..50.0f64) {
            let design = panel(seed, 12, 14, 9, 1.0, 0.5);
            let base = tau(&design);
            let moved = design.map(|y| scale * (y + shift)).unwrap();
            prop_assert!((tau(&moved) - scale * base).abs() < 1e-7 * scale * 10.0);
            let periods = design.periods().to_vec();
            let donors: Vec<(String, Vec<f64>)> = (0..12).rev()
                .map(|j| (format!("x{:02}", 12 - j), design.donor(j).iter().map(|y| y + j as f64 * 3.0).collect()))
                .collect();
            let relabelled = Design::from_series(design.treated(), &donors, &periods, 9).unwrap();
            prop_assert!((tau(&relabelled) - base).abs() < 1e-7);
        }

        #[test]
        fn the_gap_averages_to_the_estimate(seed in 0u64..1000) {
            let design = panel(seed, 10, 12, 8, -1.0, 1.0);
            let fit = synthetic_did(&design, &SyntheticDidOptions::default()).unwrap();
            prop_assert!((mean(&fit.gap[8..]) - fit.estimate).abs() < 1e-12);
            prop_assert!((fit.omega.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert!((fit.lambda.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for t in 0..12 {
                prop_assert!((fit.counterfactual[t] + fit.gap[t] - design.treated()[t]).abs() < 1e-12);
            }
        }

        #[test]
        fn the_reference_rule_ends_near_the_optimum(seed in 0u64..200) {
            let design = panel(seed, 15, 16, 11, 1.0, 0.5);
            let options = SyntheticDidOptions { stopping: Stopping::Reference, ..Default::default() };
            let reference = synthetic_did(&design, &options).unwrap().estimate;
            prop_assert!((reference - tau(&design)).abs() < 0.05);
        }
    }

    #[test]
    fn short_flat_and_empty_series_are_answered_or_typed() {
        let periods: Vec<String> = (0..3).map(|t| t.to_string()).collect();
        let zeros = Design::from_series(&[0.0; 3], &[("a".into(), vec![0.0; 3])], &periods, 2).unwrap();
        let one_difference = synthetic_did(&zeros, &SyntheticDidOptions::default()).unwrap_err();
        assert_eq!(one_difference.kind(), ErrorKind::TooFewPeriods);
        let pair = [("a".into(), vec![0.0; 3]), ("b".into(), vec![0.0; 3])];
        let zeros = Design::from_series(&[0.0; 3], &pair, &periods, 2).unwrap();
        for stopping in [Stopping::Exact, Stopping::Reference] {
            let options = SyntheticDidOptions { stopping, ..Default::default() };
            let fit = synthetic_did(&zeros, &options).unwrap();
            assert!(fit.estimate.abs() < 1e-15 && fit.pre_fit_ratio.is_none() && fit.pre_rmspe < 1e-15);
        }
        let one_pre = Design::from_series(&[1.0, 2.0, 3.0], &pair, &periods, 1).unwrap();
        assert_eq!(
            synthetic_did(&one_pre, &SyntheticDidOptions::default()).unwrap_err().kind(),
            ErrorKind::TooFewPeriods
        );
        let negative = SyntheticDidOptions { zeta_omega: Some(-1.0), ..Default::default() };
        assert_eq!(synthetic_did(&zeros, &negative).unwrap_err().kind(), ErrorKind::Domain);
    }
}
