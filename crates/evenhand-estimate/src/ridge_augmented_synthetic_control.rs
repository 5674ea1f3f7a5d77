//! Ridge-augmented synthetic control: weights on the simplex, corrected by a ridge regression of what they miss.
//!
//! Formula: X_0 of shape (J, T_pre) and X_1 of shape (T_pre,) hold outcomes before adoption less the donors' mean in
//! each period. gamma minimises |X_1 - X_0' gamma|^2 over the simplex;
//! omega = gamma + X_0 (X_0' X_0 + lambda I)^-1 (X_1 - X_0' gamma). Weights sum to 1 and may be negative.
//! lambda: the largest whose error, when one period at a time is left out, is within one standard error of the least,
//! among n + 1 candidates falling evenly in the logarithm from the largest squared singular value of X_0.
//! Unit effects: each series less its own mean before adoption comes first.
//! Covariates Z: either scaled to the outcomes' spread and set beside them, or (`residualize`) outcomes are first
//! regressed on them across donors and what the weights miss of Z is added at the end.
//!
//! Estimand: the mean effect on the treated unit over the periods from adoption on.
//! Paper: Ben-Michael, Feller and Rothstein (2021), doi:10.1080/01621459.2021.1929245.
//! Assumptions: outcomes without treatment are close to linear in outcomes before, with noise; no anticipation.
//! Defaults: those of R `augsynth(progfunc = "ridge", scm = TRUE)`.
//! Known failures: a small lambda extrapolates (see the least weight); R leaves the last period out of the search
//! for lambda, and so does this. Matches the published results of R `augsynth` 0.2 on Kansas to all digits given.

use crate::error::finite;
use crate::simplex::{Start, dot, gram, least_norm};
use crate::synthetic_fit::{Weights, centred, mean, standard_deviation};
use crate::{Design, Error, ErrorKind, Predictors, Result, SyntheticFit};
use evenhand_linalg::{Matrix, Qr, SymmetricEigen};
use rayon::prelude::*;

/// Options of [`ridge_augmented_synthetic_control()`].
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeAugmentedOptions {
    /// Ridge penalty; default: by leaving periods out.
    pub lambda: Option<f64>,
    /// Candidates of the penalty below the largest. Default 20.
    pub n_lambda: usize,
    /// The least candidate over the largest. Default 1e-8.
    pub min_ratio: f64,
    /// The largest candidate; default: the largest squared singular value.
    pub lambda_max: Option<f64>,
    /// Consecutive periods left out at a time. Default 1.
    pub holdout: usize,
    /// The largest penalty within one standard error of the best, rather than the best. Default true.
    pub one_se: bool,
    /// Simplex weights first; otherwise the correction starts from equal weights. Default true.
    pub scm: bool,
    /// Each series less its mean before adoption. Default false.
    pub unit_effects: bool,
    /// Regress outcomes on the covariates first, rather than balance both together. Default false.
    pub residualize: bool,
}

impl Default for RidgeAugmentedOptions {
    fn default() -> Self {
        Self {
            lambda: None,
            n_lambda: 20,
            min_ratio: 1e-8,
            lambda_max: None,
            holdout: 1,
            one_se: true,
            scm: true,
            unit_effects: false,
            residualize: false,
        }
    }
}

/// A candidate penalty and how well it predicts periods that were left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RidgeCandidate {
    /// The penalty.
    pub lambda: f64,
    /// Mean over left-out periods of the squared error.
    pub error: f64,
    /// Its standard error.
    pub std_error: f64,
}

/// Result of [`ridge_augmented_synthetic_control()`].
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeAugmented {
    /// Weights, counterfactual and gaps.
    pub fit: SyntheticFit,
    /// Weights on the simplex before the correction, shape (J,).
    pub simplex_weights: Vec<f64>,
    /// The penalty used.
    pub lambda: f64,
    /// The candidates, from the largest; empty when the penalty was given.
    pub candidates: Vec<RidgeCandidate>,
    /// Norm of the gaps before adoption (after unit effects).
    pub l2_imbalance: f64,
    /// The same over that of equal weights.
    pub scaled_l2_imbalance: f64,
    /// Norm of what the weights miss of the covariates, less their donor mean; `None` without covariates.
    pub covariate_l2_imbalance: Option<f64>,
}

/// Ridge-augmented synthetic control; covariates are one value a unit, such as means before adoption.
///
/// ```
/// use evenhand_estimate::*;
/// use evenhand_panel::Panel;
/// let panel = Panel::from_text(
///     "unit 1 2 3 4   5
///      a    3 5 4 *9 10
///      b    1 3 2  4  5
///      c    8 7 9  6  5
///      d    2 6 3  5  6",
/// ).unwrap();
/// let design = Design::new(&panel)?;
/// let found = ridge_augmented_synthetic_control(&design, None, &RidgeAugmentedOptions::default())?;
/// let plain = synthetic_control(&design)?;
/// assert!(found.l2_imbalance <= plain.pre_rmspe * 3f64.sqrt());
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::TooFewPeriods`] when no penalty is given and there are fewer than three columns to leave out,
/// [`ErrorKind::Domain`] for options out of range, [`ErrorKind::Shape`] for covariates of other donors,
/// [`ErrorKind::Degenerate`] when donors do not differ, [`ErrorKind::Collinear`] for covariates that are combinations
/// of one another, [`ErrorKind::NotConverged`].
pub fn ridge_augmented_synthetic_control(
    design: &Design,
    covariates: Option<&Predictors>,
    options: &RidgeAugmentedOptions,
) -> Result<RidgeAugmented> {
    check(options)?;
    let before = Outcomes::new(design, design.treated(), design.n_pre(), options.unit_effects);
    let solved = solve(&before, covariates, options)?;
    let n_pre = design.n_pre();
    let level = if options.unit_effects { 1.0 / n_pre as f64 } else { 0.0 };
    let equal = vec![1.0 / design.n_donors() as f64; design.n_donors()];
    let l2_imbalance = before.imbalance(&solved.omega);
    let scaled = l2_imbalance / before.imbalance(&equal);
    let weights = Weights {
        omega: solved.omega,
        lambda: vec![level; n_pre],
        zeta_omega: solved.lambda.sqrt(),
        zeta_lambda: 0.0,
        iterations: solved.iterations,
    };
    Ok(RidgeAugmented {
        fit: SyntheticFit::from_weights(design, weights, options.unit_effects)?,
        simplex_weights: solved.simplex,
        lambda: solved.lambda,
        candidates: solved.candidates,
        l2_imbalance,
        scaled_l2_imbalance: scaled,
        covariate_l2_imbalance: solved.covariate_imbalance,
    })
}

/// What a fit on all periods of the treated series `series` leaves, in each period.
pub(crate) fn residuals_over_all_periods(
    design: &Design,
    series: &[f64],
    covariates: Option<&Predictors>,
    options: &RidgeAugmentedOptions,
) -> Result<Vec<f64>> {
    let all = Outcomes::new(design, series, design.n_periods(), options.unit_effects);
    let omega = solve(&all, covariates, options)?.omega;
    Ok(all.residuals(&omega))
}

fn check(options: &RidgeAugmentedOptions) -> Result<()> {
    let range = |holds: bool, what: &str| match holds {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Domain, what.to_owned())),
    };
    range(
        options.lambda.is_none_or(|l| l > 0.0 && l.is_finite()),
        "penalty: expected a finite number above 0",
    )?;
    range(
        options.lambda_max.is_none_or(|l| l > 0.0 && l.is_finite()),
        "largest penalty: expected a finite number above 0",
    )?;
    range(options.min_ratio > 0.0 && options.min_ratio < 1.0, "least over largest penalty: expected 0 to 1")?;
    range(
        options.n_lambda > 0 && options.holdout > 0,
        "candidates and periods left out: expected one or more",
    )
}

/// Series over the first periods, each less its own mean when there are unit effects.
struct Outcomes {
    treated: Vec<f64>,
    donors: Vec<Vec<f64>>,
}

impl Outcomes {
    fn new(design: &Design, treated: &[f64], periods: usize, unit_effects: bool) -> Self {
        let taken = |row: &[f64]| match unit_effects {
            true => centred(&row[..periods]),
            false => row[..periods].to_vec(),
        };
        Self {
            treated: taken(treated),
            donors: (0..design.n_donors()).map(|j| taken(design.donor(j))).collect(),
        }
    }

    fn residuals(&self, omega: &[f64]) -> Vec<f64> {
        let mut left = self.treated.clone();
        for (row, w) in self.donors.iter().zip(omega) {
            left.iter_mut().zip(row).for_each(|(left, y)| *left -= w * y);
        }
        left
    }

    fn imbalance(&self, omega: &[f64]) -> f64 {
        let left = self.residuals(omega);
        dot(&left, &left).sqrt()
    }
}

struct Solved {
    omega: Vec<f64>,
    simplex: Vec<f64>,
    lambda: f64,
    candidates: Vec<RidgeCandidate>,
    covariate_imbalance: Option<f64>,
    iterations: usize,
}

fn solve(
    outcomes: &Outcomes,
    covariates: Option<&Predictors>,
    options: &RidgeAugmentedOptions,
) -> Result<Solved> {
    let mut table = Centred::of_outcomes(outcomes);
    let beside = covariates.filter(|covariates| !covariates.is_empty());
    let z = beside.map(|covariates| Centred::of_covariates(covariates, outcomes.donors.len())).transpose()?;
    let mut projection = None;
    match &z {
        Some(z) if options.residualize => projection = Some(table.regress_on(z)?),
        Some(z) => table.append(z)?,
        None => {}
    }
    let (simplex, iterations) = table.simplex(options.scm, None)?;
    let (lambda, candidates) = match options.lambda {
        Some(lambda) => (lambda, Vec::new()),
        None => table.choose(options, &simplex)?,
    };
    let spectrum = Spectrum::new(&table.products())?;
    let mut omega: Vec<f64> =
        simplex.iter().zip(spectrum.correction(&table, &simplex, lambda)).map(|(g, c)| g + c).collect();
    if let (Some(z), Some(projection)) = (&z, &projection) {
        let missed = z.missed(&omega);
        for (w, column) in omega.iter_mut().zip(projection.chunks_exact(missed.len())) {
            *w += dot(column, &missed);
        }
    }
    omega.iter().try_for_each(|w| finite(*w, "unit weight").map(drop))?;
    let covariate_imbalance = z.as_ref().map(|z| {
        let missed = z.missed(&omega);
        dot(&missed, &missed).sqrt()
    });
    Ok(Solved { omega, simplex, lambda, candidates, covariate_imbalance, iterations })
}

/// Columns less their mean over donors: donors' rows of shape (J, m), and the treated unit's.
#[derive(Clone)]
struct Centred {
    m: usize,
    donors: Vec<f64>,
    treated: Vec<f64>,
}

impl Centred {
    fn new(m: usize, mut donors: Vec<f64>, mut treated: Vec<f64>) -> Self {
        let n = donors.len() / m;
        for t in 0..m {
            let centre = donors.iter().skip(t).step_by(m).sum::<f64>() / n as f64;
            donors.iter_mut().skip(t).step_by(m).for_each(|x| *x -= centre);
            treated[t] -= centre;
        }
        Self { m, donors, treated }
    }

    fn of_outcomes(outcomes: &Outcomes) -> Self {
        Self::new(outcomes.treated.len(), outcomes.donors.concat(), outcomes.treated.clone())
    }

    fn of_covariates(covariates: &Predictors, n: usize) -> Result<Self> {
        let k = covariates.len();
        crate::error::same_length(
            n,
            covariates.donors(0).len(),
            "donors of the design and of the covariates",
        )?;
        let donors = (0..n).flat_map(|j| (0..k).map(move |p| covariates.donors(p)[j])).collect();
        Ok(Self::new(k, donors, covariates.treated().to_vec()))
    }

    fn n(&self) -> usize {
        self.donors.len() / self.m
    }

    fn column(&self, t: usize) -> Vec<f64> {
        self.donors.iter().skip(t).step_by(self.m).copied().collect()
    }

    fn row(&self, j: usize) -> &[f64] {
        &self.donors[j * self.m..(j + 1) * self.m]
    }

    /// Puts covariates beside the outcomes, with the outcomes' spread.
    fn append(&mut self, z: &Self) -> Result<()> {
        let spread = standard_deviation(&self.donors).unwrap_or(0.0);
        let factors = (0..z.m)
            .map(|p| standard_deviation(&z.column(p)).filter(|sd| *sd > 0.0).map(|sd| spread / sd))
            .collect::<Option<Vec<f64>>>()
            .ok_or_else(|| Error::new(ErrorKind::Degenerate, "a covariate is the same for every donor"))?;
        let scaled = |row: &[f64]| row.iter().zip(&factors).map(|(x, f)| x * f).collect::<Vec<f64>>();
        self.donors = (0..self.n())
            .flat_map(|j| self.row(j).iter().copied().chain(scaled(z.row(j))).collect::<Vec<f64>>())
            .collect();
        self.treated.extend(scaled(&z.treated));
        self.m += z.m;
        Ok(())
    }

    /// Takes out the regression on covariates, and gives Z (Z'Z)^-1, shape (J, k).
    fn regress_on(&mut self, z: &Self) -> Result<Vec<f64>> {
        let (n, k) = (self.n(), z.m);
        let qr = Qr::new(Matrix::from_fn(n, k, |j, p| z.row(j)[p]), 1e-10);
        if !qr.dropped().is_empty() {
            let message = "covariates across donors: one is a combination of the others or constant";
            return Err(Error::new(ErrorKind::Collinear, message));
        }
        for t in 0..self.m {
            let beta = qr.solve(&self.column(t));
            for j in 0..n {
                self.donors[j * self.m + t] -= dot(z.row(j), &beta);
            }
            self.treated[t] -= dot(&z.treated, &beta);
        }
        let inverse = qr.gram_inverse();
        Ok((0..n).flat_map(|j| (0..k).map(|p| dot(z.row(j), inverse.col(p))).collect::<Vec<f64>>()).collect())
    }

    /// Treated less weighted donors, in each column.
    fn missed(&self, omega: &[f64]) -> Vec<f64> {
        let mut missed = self.treated.clone();
        for (j, w) in omega.iter().enumerate().filter(|(_, w)| w.abs() > 0.0) {
            missed.iter_mut().zip(self.row(j)).for_each(|(left, x)| *left -= w * x);
        }
        missed
    }

    /// Products of the donors' rows, shape (J, J).
    fn products(&self) -> Vec<f64> {
        gram(&self.donors, self.n(), self.m, 0.0)
    }

    fn simplex(&self, scm: bool, near: Option<&[f64]>) -> Result<(Vec<f64>, usize)> {
        let n = self.n();
        if !scm {
            return Ok((vec![1.0 / n as f64; n], 0));
        }
        let differences: Vec<f64> =
            (0..n).flat_map(|j| self.row(j).iter().zip(&self.treated).map(|(x, t)| x - t)).collect();
        let start = near.map_or(Start::Nearest, Start::Weights);
        let found = least_norm(&gram(&differences, n, self.m, 0.0), n, start)?;
        Ok((found.weights, found.iterations))
    }

    /// Without columns `from..to`.
    fn without(&self, from: usize, to: usize) -> Self {
        let kept = |row: &[f64]| -> Vec<f64> { row[..from].iter().chain(&row[to..]).copied().collect() };
        Self {
            m: self.m - (to - from),
            donors: (0..self.n()).flat_map(|j| kept(self.row(j))).collect(),
            treated: kept(&self.treated),
        }
    }

    fn choose(&self, options: &RidgeAugmentedOptions, simplex: &[f64]) -> Result<(f64, Vec<RidgeCandidate>)> {
        let holdout = options.holdout;
        if self.m < holdout + 2 {
            let message =
                format!("{} columns, expected at least {} to choose a penalty", self.m, holdout + 2);
            return Err(Error::new(ErrorKind::TooFewPeriods, message));
        }
        let largest = match options.lambda_max {
            Some(largest) => largest,
            None => Spectrum::new(&self.products())?.largest(),
        };
        if largest <= 0.0 {
            return Err(Error::new(ErrorKind::Degenerate, "donors do not differ before adoption"));
        }
        let scaler = options.min_ratio.powf(1.0 / options.n_lambda as f64);
        let lambdas: Vec<f64> = (0..=options.n_lambda).map(|k| largest * scaler.powf(k as f64)).collect();
        let errors: Vec<Result<Vec<f64>>> = (0..self.m - holdout)
            .into_par_iter()
            .map(|from| self.errors_without(from, from + holdout, &lambdas, options.scm, simplex))
            .collect();
        let errors = errors.into_iter().collect::<Result<Vec<Vec<f64>>>>()?;
        let candidates: Vec<RidgeCandidate> = lambdas
            .iter()
            .enumerate()
            .map(|(k, &lambda)| {
                let errors: Vec<f64> = errors.iter().map(|row| row[k]).collect();
                let std_error = standard_deviation(&errors).unwrap_or(0.0) / (errors.len() as f64).sqrt();
                RidgeCandidate { lambda, error: mean(&errors), std_error }
            })
            .collect();
        let best = (1..candidates.len())
            .fold(0, |best, k| if candidates[k].error < candidates[best].error { k } else { best });
        let bound = candidates[best].error + candidates[best].std_error;
        let chosen = match options.one_se {
            true => candidates.iter().position(|candidate| candidate.error <= bound).unwrap_or(best),
            false => best,
        };
        Ok((candidates[chosen].lambda, candidates))
    }

    /// Squared errors in columns `from..to` of fits without them, for each penalty.
    fn errors_without(
        &self,
        from: usize,
        to: usize,
        lambdas: &[f64],
        scm: bool,
        near: &[f64],
    ) -> Result<Vec<f64>> {
        let rest = self.without(from, to);
        let (simplex, _) = rest.simplex(scm, Some(near))?;
        let spectrum = Spectrum::new(&rest.products())?;
        let columns: Vec<Vec<f64>> = (from..to).map(|t| self.column(t)).collect();
        let error = |&lambda: &f64| {
            let omega: Vec<f64> = simplex
                .iter()
                .zip(spectrum.correction(&rest, &simplex, lambda))
                .map(|(g, c)| g + c)
                .collect();
            let missed =
                columns.iter().zip(&self.treated[from..to]).map(|(x, target)| target - dot(&omega, x));
            missed.map(|error| error * error).sum::<f64>()
        };
        Ok(lambdas.iter().map(error).collect())
    }
}

/// X X' = U diag(values) U', which serves every penalty: (X'X + lambda I)^-1 X' = X' (X X' + lambda I)^-1.
struct Spectrum(SymmetricEigen);

impl Spectrum {
    fn new(products: &[f64]) -> Result<Self> {
        let n = products.len().isqrt();
        products.iter().try_for_each(|x| finite(*x, "sum of products").map(drop))?;
        SymmetricEigen::new(&Matrix::from_data(n, n, products.to_vec())).map(Self).ok_or_else(|| {
            Error::new(ErrorKind::NotConverged, "eigenvalues of the donors' products: not settled")
        })
    }

    fn largest(&self) -> f64 {
        self.0.values.last().copied().unwrap_or(0.0)
    }

    /// X (X'X + lambda I)^-1 (X_1 - X' gamma), shape (J,).
    fn correction(&self, table: &Centred, simplex: &[f64], lambda: f64) -> Vec<f64> {
        let missed = table.missed(simplex);
        let along: Vec<f64> = (0..table.n()).map(|j| dot(table.row(j), &missed)).collect();
        let mut correction = vec![0.0; along.len()];
        for (k, value) in self.0.values.iter().enumerate() {
            let vector = self.0.vectors.col(k);
            let factor = dot(vector, &along) / (value.max(0.0) + lambda);
            correction.iter_mut().zip(vector).for_each(|(sum, u)| *sum += factor * u);
        }
        correction
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stream, synthetic_control};
    use proptest::prelude::*;

    fn design(seed: u64, donors: usize, n_pre: usize, effect: f64) -> Design {
        let stream = Stream::new(seed, 31);
        let periods = n_pre + 4;
        let series = |i: usize| -> Vec<f64> {
            let at = |k: usize| stream.normal((i * (periods + 3) + k) as u64);
            let load = |k: usize| if i == donors { 0.4 } else { at(k) };
            (0..periods).map(|t| 2.0 * load(0) + load(1) * (0.7 * t as f64).sin() + 0.2 * at(t + 3)).collect()
        };
        let pool: Vec<(String, Vec<f64>)> = (0..donors).map(|i| (format!("d{i:02}"), series(i))).collect();
        let mut treated = series(donors);
        treated[n_pre..].iter_mut().for_each(|y| *y += effect);
        let labels: Vec<String> = (0..periods).map(|t| t.to_string()).collect();
        Design::from_series(&treated, &pool, &labels, n_pre).unwrap()
    }

    fn run(design: &Design, options: &RidgeAugmentedOptions) -> RidgeAugmented {
        ridge_augmented_synthetic_control(design, None, options).unwrap()
    }

    /// gamma + X (X'X + lambda I)^-1 (X_1 - X' gamma) by the formula, with T_pre by T_pre systems.
    fn by_definition(design: &Design, gamma: &[f64], lambda: f64) -> Vec<f64> {
        let table = Centred::of_outcomes(&Outcomes::new(design, design.treated(), design.n_pre(), false));
        let x = Matrix::from_fn(table.n(), table.m, |j, t| table.row(j)[t]);
        let mut system = x.gram();
        for t in 0..table.m {
            system.col_mut(t)[t] += lambda;
        }
        let solved = evenhand_linalg::Cholesky::new(&system).unwrap().solve(&table.missed(gamma));
        gamma.iter().zip(x.mul_vec(&solved)).map(|(g, c)| g + c).collect()
    }

    #[test]
    fn weights_are_those_of_the_formula() {
        for (donors, n_pre) in [(8, 20), (25, 6)] {
            let design = design(3, donors, n_pre, 1.0);
            let found = run(&design, &RidgeAugmentedOptions { lambda: Some(0.8), ..Default::default() });
            let plain = synthetic_control(&design).unwrap();
            for (a, b) in found.simplex_weights.iter().zip(&plain.omega) {
                assert!((a - b).abs() < 1e-9);
            }
            for (a, b) in found.fit.omega.iter().zip(by_definition(&design, &found.simplex_weights, 0.8)) {
                assert!((a - b).abs() < 1e-9, "{a} {b}");
            }
            assert!((found.fit.omega.iter().sum::<f64>() - 1.0).abs() < 1e-10);
        }
    }

    #[test]
    fn a_huge_penalty_leaves_the_simplex_weights_and_a_small_one_fits_better() {
        let design = design(4, 10, 16, 1.0);
        let at =
            |lambda: f64| run(&design, &RidgeAugmentedOptions { lambda: Some(lambda), ..Default::default() });
        let plain = synthetic_control(&design).unwrap();
        assert!((at(1e12).fit.estimate - plain.estimate).abs() < 1e-8);
        assert!(at(0.01).l2_imbalance < at(1.0).l2_imbalance && at(1.0).l2_imbalance < at(1e3).l2_imbalance);
    }

    #[test]
    fn the_rule_of_one_standard_error_never_takes_a_smaller_penalty() {
        for seed in 0..10 {
            let design = design(seed, 12, 14, 0.0);
            let rule = run(&design, &RidgeAugmentedOptions::default());
            let best = run(&design, &RidgeAugmentedOptions { one_se: false, ..Default::default() });
            assert!(rule.lambda >= best.lambda && rule.candidates == best.candidates);
            assert_eq!(rule.candidates.len(), 21);
            assert!(rule.candidates.windows(2).all(|pair| pair[0].lambda > pair[1].lambda));
        }
    }

    #[test]
    fn residualized_weights_balance_the_covariates_exactly() {
        let design = design(5, 15, 10, 1.0);
        let stream = Stream::new(1, 1);
        let column = |k: u64| (0..15).map(|j| stream.normal(20 * k + j)).collect::<Vec<f64>>();
        let covariates =
            Predictors::new().with("a", 0.3, &column(0)).unwrap().with("b", -0.2, &column(1)).unwrap();
        let options = RidgeAugmentedOptions { residualize: true, ..Default::default() };
        let exact = ridge_augmented_synthetic_control(&design, Some(&covariates), &options).unwrap();
        assert!(exact.covariate_l2_imbalance.unwrap() < 1e-10);
        let beside =
            ridge_augmented_synthetic_control(&design, Some(&covariates), &RidgeAugmentedOptions::default());
        assert!(beside.unwrap().covariate_l2_imbalance.unwrap() > 1e-6);
        let twice = covariates.clone().with("c", 0.6, &column(0).iter().map(|x| 2.0 * x).collect::<Vec<_>>());
        let error = ridge_augmented_synthetic_control(&design, Some(&twice.unwrap()), &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Collinear);
    }

    // Mean error over 60 seeds within four standard errors.
    #[test]
    fn a_known_effect_is_recovered_over_seeds() {
        let options = RidgeAugmentedOptions::default();
        let errors: Vec<f64> =
            (0..60).map(|seed| run(&design(seed, 20, 24, 2.0), &options).fit.estimate - 2.0).collect();
        let sd = standard_deviation(&errors).unwrap();
        assert!(mean(&errors).abs() < 4.0 * sd / 60f64.sqrt() && sd < 0.2, "{} {sd}", mean(&errors));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn shift_and_scale_carry_over(seed in 0u64..300, shift in -20.0..20.0f64, scale in 0.1..10.0f64) {
            let design = design(seed, 9, 12, 1.0);
            let moved = design.map(|y| scale * (y + shift)).unwrap();
            for unit_effects in [false, true] {
                let options = RidgeAugmentedOptions { unit_effects, ..Default::default() };
                let (base, found) = (run(&design, &options), run(&moved, &options));
                prop_assert!((found.fit.estimate - scale * base.fit.estimate).abs() < 1e-6 * scale);
                prop_assert!((found.lambda / (scale * scale * base.lambda) - 1.0).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn short_flat_and_odd_inputs_are_typed() {
        let kind = |design: &Design, options: &RidgeAugmentedOptions| {
            ridge_augmented_synthetic_control(design, None, options).unwrap_err().kind()
        };
        let options = RidgeAugmentedOptions::default();
        assert_eq!(kind(&design(1, 5, 2, 0.0), &options), ErrorKind::TooFewPeriods);
        assert_eq!(kind(&design(1, 5, 8, 0.0).map(|_| 1.0).unwrap(), &options), ErrorKind::Degenerate);
        for odd in [
            RidgeAugmentedOptions { lambda: Some(0.0), ..options.clone() },
            RidgeAugmentedOptions { min_ratio: 1.0, ..options.clone() },
            RidgeAugmentedOptions { holdout: 0, ..options.clone() },
        ] {
            assert_eq!(kind(&design(1, 5, 8, 0.0), &odd), ErrorKind::Domain);
        }
    }
}
