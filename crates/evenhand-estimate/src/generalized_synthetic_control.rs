//! Generalized synthetic control: interactive fixed effects fitted to untreated cells.
//!
//! Formula: Y_it(0) = x_it' b + alpha_i + xi_t + lambda_i' f_t + e_it with r factors, least squares over untreated cells by
//! expectation–maximization; effects are Y_it less that in treated cells, `att` their mean.
//! r minimises the squared error in cells of treated units before treatment that were hidden, in seeded folds.
//!
//! Estimand: the mean effect over treated cells. Papers: Xu (2017), doi:10.1017/pan.2016.2; Gobillon and Magnac (2016),
//! doi:10.1162/REST_a_00537; Liu, Wang and Xu (2024), doi:10.1111/ajps.12723.
//! Assumptions: factors common to treated and untreated units; errors that do not depend on treatment given them; no
//! anticipation. Defaults: those of R `fect(method = "ife", force = "two-way")`; r by hidden cells up to 5; units drawn
//! 200 times.
//! Known failures: few periods before treatment (loadings of treated units are then noise); the least-squares problem
//! has local minima (the search starts from additive effects, as there); too many factors fit noise.
//! On request factors come from never-treated units alone, as in R `gsynth` (`EM = FALSE`).
//! Matches pyfector 0.2.3 (a port of R `fect`) on turnout to its convergence tolerance.

use crate::factor_model::{Field, Low, Report, hidden_errors, report};
use crate::{AdditiveEffects, Cells, Error, ErrorKind, FactorEffects, FactorInference, HiddenCells, Result};

/// Cells from which factors are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FactorSource {
    /// All untreated cells, by expectation–maximization: R `fect`, and `gsynth(EM = TRUE)`.
    #[default]
    UntreatedCells,
    /// Never-treated units; loadings of the others from their own untreated cells: R `gsynth`'s default.
    NeverTreated,
}

/// Options of [`generalized_synthetic_control()`].
#[derive(Debug, Clone, PartialEq)]
pub struct GeneralizedSyntheticControlOptions {
    /// Number of factors; default: by hidden cells. With 0 this is two-way imputation.
    pub n_factors: Option<usize>,
    /// Default: all untreated cells.
    pub source: FactorSource,
    /// The most factors tried. Default 5.
    pub max_factors: usize,
    /// How cells are hidden.
    pub hidden: HiddenCells,
    /// Default: both.
    pub additive: AdditiveEffects,
    /// Default: bootstrap of units.
    pub inference: FactorInference,
    /// Draws. Default 200.
    pub replications: usize,
    /// Seed of hidden cells and draws. Default 1.
    pub seed: u64,
    /// Relative change of the fit at which the search ends. Default 1e-9; draws end at 1e-6.
    pub tolerance: f64,
}

impl Default for GeneralizedSyntheticControlOptions {
    fn default() -> Self {
        Self {
            n_factors: None,
            source: FactorSource::UntreatedCells,
            max_factors: 5,
            hidden: HiddenCells::default(),
            additive: AdditiveEffects::Both,
            inference: FactorInference::Bootstrap,
            replications: 200,
            seed: 1,
            tolerance: 1e-9,
        }
    }
}

/// Generalized synthetic control; the panel may have holes.
///
/// ```
/// use evenhand_estimate::*;
/// let (mut unit, mut period, mut y, mut cohort) = (vec![], vec![], vec![], vec![]);
/// for i in 0..14 {
///     for t in 0..12 {
///         unit.push(i);
///         period.push(f64::from(t));
///         cohort.push(if i < 3 { 8.0 } else { f64::INFINITY });
///         let factor = f64::from((i * 5) % 7) * (0.9 * f64::from(t)).sin();
///         y.push(f64::from(i) + factor + if i < 3 && t >= 8 { 2.0 } else { 0.0 });
///     }
/// }
/// let cells = Cells::new(&unit, &period, &y)?.with_cohort(&cohort)?;
/// let options = GeneralizedSyntheticControlOptions {
///     n_factors: Some(1),
///     inference: FactorInference::Point,
///     ..Default::default()
/// };
/// let found = generalized_synthetic_control(&cells, &options)?;
/// assert!((found.estimates.get("att").unwrap().estimate.estimate - 2.0).abs() < 1e-5);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`], [`ErrorKind::NoDonors`] when a period has no untreated cell, [`ErrorKind::Domain`] for as
/// many factors as units or periods, odd hidden cells, fewer than two draws or a tolerance of 0,
/// [`ErrorKind::Collinear`], [`ErrorKind::TooFewPeriods`], [`ErrorKind::NotConverged`]. A standard error that the data
/// cannot give is a caveat.
pub fn generalized_synthetic_control(
    cells: &Cells,
    options: &GeneralizedSyntheticControlOptions,
) -> Result<FactorEffects> {
    let field = Field::new(cells, options.additive)?;
    let most = field.most_factors();
    let wanted = options.n_factors.unwrap_or(0);
    if wanted > most || !(options.tolerance > 0.0 && options.tolerance < 1.0) {
        let message = format!("{wanted} factors, expected at most {most}, and a tolerance between 0 and 1");
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let rank = |r: usize| match options.source {
        FactorSource::UntreatedCells => Low::Rank(r),
        FactorSource::NeverTreated => Low::RankFromControls(r),
    };
    let (n_factors, candidates) = match options.n_factors {
        Some(n_factors) => (n_factors, Vec::new()),
        None => {
            let tried: Vec<usize> = (0..=options.max_factors.min(most)).collect();
            let low: Vec<Low> = tried.iter().map(|&r| rank(r)).collect();
            let errors = hidden_errors(&field, &low, options.hidden, options.seed)?;
            let best = (1..errors.len()).fold(0, |best, r| if errors[r] < errors[best] { r } else { best });
            (best, tried.iter().map(|&r| r as f64).zip(errors).collect())
        }
    };
    let asked = Report {
        method: "generalized-synthetic-control",
        low: rank(n_factors),
        candidates,
        inference: options.inference,
        replications: options.replications,
        seed: options.seed,
        tolerance: options.tolerance,
        options: vec![
            ("n_factors", options.n_factors.map_or_else(|| "by hidden cells".to_owned(), |r| r.to_string())),
            ("source", format!("{:?}", options.source)),
            ("max_factors", options.max_factors.to_string()),
            ("hidden", format!("{:?}", options.hidden)),
            ("additive", format!("{:?}", options.additive)),
            ("inference", format!("{:?}", options.inference)),
            ("replications", options.replications.to_string()),
            ("tolerance", options.tolerance.to_string()),
        ],
    };
    report(&field, asked)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Stream;
    use crate::synthetic_fit::mean;

    /// Two factors, loadings of treated units shifted, an effect of 3 in treated cells and a covariate with slope 0.5.
    pub(crate) fn panel(seed: u64, noise: f64, drop: bool) -> Cells {
        let stream = Stream::new(seed, 71);
        let (mut unit, mut period, mut y, mut x, mut cohort) = (vec![], vec![], vec![], vec![], vec![]);
        for i in 0..24usize {
            let at = |k: usize| stream.normal((i * 60 + k) as u64);
            let shift = if i < 5 { 0.7 } else { 0.0 };
            for t in 0..20usize {
                if drop && (i * 7 + t * 3) % 29 == 0 {
                    continue;
                }
                let s = t as f64;
                let start = 13 + i % 3;
                unit.push(i);
                period.push(s);
                cohort.push(if i < 5 { start as f64 } else { f64::INFINITY });
                let factors = (at(0) + shift) * (0.8 * s).sin() + (at(1) + shift) * (0.3 * s).cos();
                let effect = if i < 5 && t >= start { 3.0 } else { 0.0 };
                let covariate = at(30 + t);
                y.push(at(2) + 0.2 * s + 2.0 * factors + 0.5 * covariate + noise * at(5 + t) + effect);
                x.push(covariate);
            }
        }
        let cells = Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap();
        cells.with_covariate("x", &x).unwrap()
    }

    fn point(r: usize) -> GeneralizedSyntheticControlOptions {
        GeneralizedSyntheticControlOptions {
            n_factors: Some(r),
            inference: FactorInference::Point,
            ..Default::default()
        }
    }

    fn att(found: &FactorEffects) -> f64 {
        found.estimates.get("att").unwrap().estimate.estimate
    }

    // Without noise the model is exact: 1e-5, the search's own tolerance over its rate.
    #[test]
    fn a_model_without_noise_is_recovered_with_and_without_holes() {
        for drop in [false, true] {
            let found = generalized_synthetic_control(&panel(1, 0.0, drop), &point(2)).unwrap();
            assert!((att(&found) - 3.0).abs() < 1e-4, "{}", att(&found));
            assert!((found.coefficients[0].1 - 0.5).abs() < 1e-4);
        }
    }

    #[test]
    fn hidden_cells_find_the_number_of_factors() {
        let options = GeneralizedSyntheticControlOptions {
            n_factors: None,
            max_factors: 4,
            tolerance: 1e-7,
            ..point(0)
        };
        let found = generalized_synthetic_control(&panel(3, 0.3, false), &options).unwrap();
        assert_eq!((found.n_factors, found.candidates.len()), (2, 5));
    }

    // Over 12 seeds with noise 0.5: mean error under 0.35, where additive effects alone are off by more than that
    // on average.
    #[test]
    fn factors_remove_a_bias_that_additive_effects_leave() {
        let errors = |r: usize| -> Vec<f64> {
            let options = GeneralizedSyntheticControlOptions { tolerance: 1e-6, ..point(r) };
            (0..12)
                .map(|seed| {
                    att(&generalized_synthetic_control(&panel(seed, 0.5, false), &options).unwrap()) - 3.0
                })
                .collect()
        };
        let size = |errors: Vec<f64>| mean(&errors.iter().map(|e| e.abs()).collect::<Vec<f64>>());
        let (with, without) = (size(errors(2)), size(errors(0)));
        assert!(with < 0.35 && without > with, "{with} {without}");
    }

    #[test]
    fn every_error_is_of_the_size_of_the_noise_and_the_same_on_any_threads() {
        for inference in [FactorInference::Bootstrap, FactorInference::Jackknife, FactorInference::Parametric]
        {
            let options = GeneralizedSyntheticControlOptions {
                inference,
                replications: 24,
                tolerance: 1e-6,
                ..point(2)
            };
            let run = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| generalized_synthetic_control(&panel(2, 0.5, false), &options).unwrap())
            };
            let found = run(1);
            assert_eq!(found, run(3));
            let se = found.estimates.get("att").unwrap().estimate.std_error.unwrap();
            assert!((0.03..1.0).contains(&se), "{inference:?}: {se}");
        }
    }

    // Without noise both sources are exact.
    #[test]
    fn never_treated_units_alone_recover_a_model_without_noise() {
        let options = GeneralizedSyntheticControlOptions { source: FactorSource::NeverTreated, ..point(2) };
        let found = generalized_synthetic_control(&panel(1, 0.0, false), &options).unwrap();
        assert!((att(&found) - 3.0).abs() < 1e-4, "{}", att(&found));
        let noisy = generalized_synthetic_control(&panel(1, 0.4, true), &options).unwrap();
        assert!((att(&noisy) - 3.0).abs() < 0.8, "{}", att(&noisy));
    }

    #[test]
    fn what_cannot_be_answered_is_typed() {
        let kind = |cells: &Cells, options: &GeneralizedSyntheticControlOptions| {
            generalized_synthetic_control(cells, options).unwrap_err().kind()
        };
        assert_eq!(kind(&panel(1, 0.1, false), &point(20)), ErrorKind::Domain);
        let n = panel(1, 0.1, false).n_obs();
        let never = panel(1, 0.1, false).with_cohort(&vec![f64::INFINITY; n]).unwrap();
        assert_eq!(kind(&never, &point(1)), ErrorKind::NoTreated);
        let all = panel(1, 0.1, false).with_cohort(&vec![15.0; n]).unwrap();
        assert_eq!(kind(&all, &point(1)), ErrorKind::NoDonors);
        let flat = panel(1, 0.1, false).with_covariate("zero", &vec![0.0; n]).unwrap();
        assert_eq!(kind(&flat, &point(1)), ErrorKind::Collinear);
    }
}
