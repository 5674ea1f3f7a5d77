//! Matrix completion: untreated outcomes as additive effects plus a matrix of small nuclear norm.
//!
//! Formula: minimise over b, alpha, xi and L the sum over untreated cells of
//! (Y_it - x_it' b - alpha_i - xi_t - L_it)^2 / 2, plus lambda N T |L|_*, with |L|_* the sum of singular
//! values; effects are Y_it less the fit in treated cells.
//! lambda minimises the squared error in hidden cells of treated units before treatment, over a grid that falls three
//! decades from the first singular value of untreated outcomes over N T, and 0.
//!
//! Estimand: the mean effect over treated cells. Papers: Athey, Bayati, Doudchenko, Imbens and Khosravi (2021),
//! doi:10.1080/01621459.2021.1891924; Liu, Wang and Xu (2024), doi:10.1111/ajps.12723.
//! Assumptions: as generalized synthetic control, without a fixed number of factors. The problem is convex: the answer
//! does not depend on the start.
//! Defaults: those of R `fect(method = "mc", force = "two-way")`; units drawn 200 times.
//! Known failures: shrinkage biases effects towards those of additive effects; lambda = 0 interpolates and leaves
//! treated cells as the search found them.
//! Matches pyfector 0.2.3 (a port of R `fect`) on turnout at its lambda to its convergence tolerance.

use crate::factor_model::{Field, Low, Report, hidden_errors, largest_threshold, report};
use crate::{AdditiveEffects, Cells, Error, ErrorKind, FactorEffects, FactorInference, HiddenCells, Result};

/// Options of [`matrix_completion()`].
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixCompletionOptions {
    /// Penalty over N T; default: by hidden cells.
    pub lambda: Option<f64>,
    /// Candidates tried, 0 among them. Default 10.
    pub n_lambda: usize,
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

impl Default for MatrixCompletionOptions {
    fn default() -> Self {
        Self {
            lambda: None,
            n_lambda: 10,
            hidden: HiddenCells::default(),
            additive: AdditiveEffects::Both,
            inference: FactorInference::Bootstrap,
            replications: 200,
            seed: 1,
            tolerance: 1e-9,
        }
    }
}

/// Matrix completion; the panel may have holes.
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
/// let options = MatrixCompletionOptions {
///     lambda: Some(0.01),
///     inference: FactorInference::Point,
///     ..Default::default()
/// };
/// let found = matrix_completion(&cells, &options)?;
/// assert!((found.estimates.get("att").unwrap().estimate.estimate - 2.0).abs() < 0.5);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`], [`ErrorKind::NoDonors`] when a period has no untreated cell, [`ErrorKind::Domain`] for a
/// negative penalty, fewer than three candidates, odd hidden cells, fewer than two draws or a tolerance of 0,
/// [`ErrorKind::Collinear`], [`ErrorKind::TooFewPeriods`], [`ErrorKind::NotConverged`].
pub fn matrix_completion(cells: &Cells, options: &MatrixCompletionOptions) -> Result<FactorEffects> {
    let field = Field::new(cells, options.additive)?;
    let in_range = options.lambda.is_none_or(|lambda| lambda >= 0.0 && lambda.is_finite());
    if !in_range || options.n_lambda < 3 || !(options.tolerance > 0.0 && options.tolerance < 1.0) {
        let message =
            "expected a penalty of 0 or more, three or more candidates and a tolerance between 0 and 1";
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let (lambda, candidates) = match options.lambda {
        Some(lambda) => (lambda, Vec::new()),
        None => {
            let grid = grid(largest_threshold(&field)?, options.n_lambda);
            let low: Vec<Low> = grid.iter().map(|&lambda| Low::Nuclear(lambda)).collect();
            let errors = hidden_errors(&field, &low, options.hidden, options.seed)?;
            let best = (1..errors.len()).fold(0, |best, k| if errors[k] < errors[best] { k } else { best });
            (grid[best], grid.into_iter().zip(errors).collect())
        }
    };
    let asked = Report {
        method: "matrix-completion",
        low: Low::Nuclear(lambda),
        candidates,
        inference: options.inference,
        replications: options.replications,
        seed: options.seed,
        tolerance: options.tolerance,
        options: vec![
            ("lambda", options.lambda.map_or_else(|| "by hidden cells".to_owned(), |l| l.to_string())),
            ("n_lambda", options.n_lambda.to_string()),
            ("hidden", format!("{:?}", options.hidden)),
            ("additive", format!("{:?}", options.additive)),
            ("inference", format!("{:?}", options.inference)),
            ("replications", options.replications.to_string()),
            ("tolerance", options.tolerance.to_string()),
        ],
    };
    report(&field, asked)
}

/// Three decades below the largest in even steps of the logarithm, then 0.
fn grid(largest: f64, n: usize) -> Vec<f64> {
    let step = 3.0 / (n - 2) as f64;
    let logarithm = largest.max(1e-10).log10();
    (0..n - 1).map(|k| 10f64.powf(logarithm - k as f64 * step)).chain([0.0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generalized_synthetic_control::tests::panel;
    use crate::{GeneralizedSyntheticControlOptions, generalized_synthetic_control};

    fn point(lambda: Option<f64>) -> MatrixCompletionOptions {
        MatrixCompletionOptions { lambda, inference: FactorInference::Point, ..Default::default() }
    }

    fn att(found: &FactorEffects) -> f64 {
        found.estimates.get("att").unwrap().estimate.estimate
    }

    #[test]
    fn a_huge_penalty_leaves_additive_effects_alone() {
        let cells = panel(4, 0.5, true);
        let found = matrix_completion(&cells, &point(Some(1e6))).unwrap();
        let none = GeneralizedSyntheticControlOptions {
            n_factors: Some(0),
            inference: FactorInference::Point,
            ..Default::default()
        };
        let additive = generalized_synthetic_control(&cells, &none).unwrap();
        assert!((att(&found) - att(&additive)).abs() < 1e-6 && found.n_factors == 0);
    }

    #[test]
    fn hidden_cells_choose_a_penalty_that_helps() {
        let cells = panel(5, 0.3, false);
        let options = MatrixCompletionOptions { tolerance: 1e-7, ..point(None) };
        let found = matrix_completion(&cells, &options).unwrap();
        let additive = matrix_completion(&cells, &point(Some(1e6))).unwrap();
        assert!(found.candidates.len() == 10 && found.n_factors >= 1);
        assert!((att(&found) - 3.0).abs() < (att(&additive) - 3.0).abs());
    }

    #[test]
    fn the_grid_ends_in_zero() {
        let found = grid(2.0, 10);
        assert!((found[0] - 2.0).abs() < 1e-12 && found[9] <= 0.0 && (found[8] / 0.002 - 1.0).abs() < 1e-9);
        let kind = matrix_completion(&panel(1, 0.1, false), &point(Some(-1.0))).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::Domain);
    }
}
