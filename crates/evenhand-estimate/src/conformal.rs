//! Conformal inference for one treated unit.
//!
//! Formula: take a constant effect tau out of the treated series from adoption on, fit the counterfactual on all
//! periods, residuals u. Statistic S(u) = mean |u_t| over the last T_post periods, or |mean u_t| on request. p(tau) =
//! share of the T cyclic shifts pi with S(u_pi) >= S(u). The confidence set holds every tau with p(tau) > alpha.
//!
//! Estimand: a constant effect over the periods from adoption on.
//! Paper: Chernozhukov, Wüthrich and Zhu (2021), doi:10.1080/01621459.2021.1920957, moving-block permutations.
//! Assumptions: residuals of the right model are stationary and weakly dependent, or the fit is stable; the effect
//! is constant (a varying effect widens the set or empties it).
//! Known failures: T < 20 cannot reject at 5 %, since p >= 1 / T; adoption before the middle of the window leaves
//! the set unbounded; donors that can imitate a step absorb the effect.
//! Measured (400 runs; 40 donors, 15 periods before and 8 after, one factor, noise of sd 1; 95 % sets): mean |u| covers
//! in 99 %, is about 9 wide, and finds an effect of 1 in 6 % and of 3 in 38 % of runs; |mean u| covers in 94 %, is 3
//! wide, and finds them in 33 % and 95 %; the normal placebo interval covers in 94 % and is 2 wide. Both reject no
//! effect in 6 %, also under autocorrelation 0.5. So in short windows a wide set from mean |u| is weak evidence of
//! anything.

use crate::error::finite;
use crate::ridge_augmented_synthetic_control::residuals_over_all_periods;
use crate::simplex::{Start, dot, gram, least_norm};
use crate::synthetic_did::Penalties;
use crate::synthetic_fit::centred;
use crate::{ConfidenceSet, Design, Error, ErrorKind, Interval, Result, SyntheticDidOptions};
use crate::{Predictors, RidgeAugmentedOptions, ridge_augmented_synthetic_control};
use crate::{demeaned_synthetic_control, synthetic_control, synthetic_did};
use std::collections::BTreeMap;

/// How finely the test is inverted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConformalOptions {
    /// Effects tried in the first pass, spread evenly over six residual standard deviations either side.
    pub grid_points: usize,
    /// How often the search doubles outwards when an end is not yet rejected.
    pub max_expansions: usize,
    /// Precision of an end, in residual standard deviations. Ends are rounded outwards.
    pub tolerance: f64,
    /// How residuals from adoption on are summarised.
    pub statistic: ConformalStatistic,
}

/// Summary S of the residuals of the last T_post periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ConformalStatistic {
    /// mean |u_t|: finds effects of either sign in any period. The paper's S_1.
    #[default]
    MeanAbsolute,
    /// |mean u_t|: finds effects that keep their sign, with shorter sets.
    AbsoluteMean,
}

impl Default for ConformalOptions {
    fn default() -> Self {
        Self {
            grid_points: 101,
            max_expansions: 12,
            tolerance: 1e-4,
            statistic: ConformalStatistic::MeanAbsolute,
        }
    }
}

/// Result over `T` periods.
#[derive(Debug, Clone, PartialEq)]
pub struct Conformal {
    /// p-value of no effect.
    pub p_value: f64,
    /// 1 / T, the least p-value that `T` periods allow.
    pub p_floor: f64,
    /// Effects not rejected at 5 %.
    pub set_95: ConfidenceSet,
    /// Effects not rejected at 10 %.
    pub set_90: ConfidenceSet,
    /// Every effect tried and its p-value, ascending.
    pub grid: Vec<(f64, f64)>,
}

/// Inverts the conformal test around `centre`, usually the point estimate. `proxy` takes the treated series with
/// an effect taken out, shape (T,), and returns the residuals of a fit on all periods, shape (T,).
///
/// ```
/// use evenhand_estimate::{ConformalOptions, Design, conformal};
/// use evenhand_panel::Panel;
/// let panel = Panel::from_text(
///     "unit 1 2 3 4 5 6 7 8 9 10 11 12
///      a    1 2 1 2 1 2 1 2 1 2 *9 10
///      b    0 1 0 1 0 1 0 1 0 1  0  1",
/// ).unwrap();
/// let design = Design::new(&panel)?;
/// let gap_from_mean = |y: &[f64]| {
///     let gap: Vec<f64> = y.iter().zip(design.donor(0)).map(|(y, d)| y - d).collect();
///     let mean = gap.iter().sum::<f64>() / gap.len() as f64;
///     Ok(gap.iter().map(|g| g - mean).collect())
/// };
/// let found = conformal(&design, 8.0, gap_from_mean, &ConformalOptions::default())?;
/// assert!((found.p_value - 1.0 / 12.0).abs() < 1e-12); // as small as 12 periods allow
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NonFinite`], [`ErrorKind::Shape`] when `proxy` returns another number of residuals,
/// [`ErrorKind::Domain`] for a grid of fewer than three points, and the errors of `proxy`.
pub fn conformal<F>(design: &Design, centre: f64, proxy: F, options: &ConformalOptions) -> Result<Conformal>
where
    F: FnMut(&[f64]) -> Result<Vec<f64>>,
{
    finite(centre, "centre of the grid")?;
    if options.grid_points < 3 || !(options.tolerance > 0.0 && options.tolerance.is_finite()) {
        return Err(Error::new(
            ErrorKind::Domain,
            "expected three or more grid points and a positive tolerance",
        ));
    }
    let mut test = Test { design, proxy, statistic: options.statistic, known: BTreeMap::new() };
    let residuals = test.residuals(centre)?;
    let spread = (dot(&residuals, &residuals) / residuals.len() as f64).sqrt();
    let size = design.treated().iter().fold(centre.abs(), |size, y| size.max(y.abs())).max(1e-300);
    let scale = if spread > 1e-10 * size { spread } else { 0.01 * size };
    let half = (options.grid_points / 2) as f64;
    for step in 0..options.grid_points {
        test.p(centre + 6.0 * scale * (step as f64 - half) / half)?;
    }
    test.refine_peak()?;
    for side in [-1.0, 1.0] {
        let mut reach = 6.0 * scale;
        for _ in 0..options.max_expansions {
            if test.p(centre + side * reach)? <= 0.05 {
                break;
            }
            reach *= 2.0;
        }
        test.p(centre + side * reach)?;
    }
    let (set_95, set_90) =
        (test.invert(0.05, options.tolerance * scale)?, test.invert(0.10, options.tolerance * scale)?);
    Ok(Conformal {
        p_value: test.p(0.0)?,
        p_floor: 1.0 / design.n_periods() as f64,
        set_95,
        set_90,
        grid: test.known.iter().map(|(&key, &p)| (from_key(key), p)).collect(),
    })
}

struct Test<'a, F> {
    design: &'a Design,
    proxy: F,
    statistic: ConformalStatistic,
    /// p-value by effect.
    known: BTreeMap<i64, f64>,
}

impl<F: FnMut(&[f64]) -> Result<Vec<f64>>> Test<'_, F> {
    fn residuals(&mut self, tau: f64) -> Result<Vec<f64>> {
        let mut series = self.design.treated().to_vec();
        series[self.design.n_pre()..].iter_mut().for_each(|y| *y -= tau);
        let residuals = (self.proxy)(&series)?;
        crate::error::same_length(residuals.len(), series.len(), "residuals and periods")?;
        residuals.iter().try_for_each(|u| finite(*u, "residual").map(|_| ()))?;
        Ok(residuals)
    }

    fn p(&mut self, tau: f64) -> Result<f64> {
        let tau = finite(tau, "effect under test")?;
        if let Some(&p) = self.known.get(&key(tau)) {
            return Ok(p);
        }
        let p = shift_p_value(&self.residuals(tau)?, self.design.n_post(), self.statistic);
        self.known.insert(key(tau), p);
        Ok(p)
    }

    /// Tries effects between the most plausible one so far and its neighbours, so that a narrow set is not missed.
    fn refine_peak(&mut self) -> Result<()> {
        let tried: Vec<(f64, f64)> = self.known.iter().map(|(&at, &p)| (from_key(at), p)).collect();
        let peak = (1..tried.len()).fold(0, |best, i| if tried[i].1 > tried[best].1 { i } else { best });
        let (low, high) = (tried[peak.saturating_sub(1)].0, tried[(peak + 1).min(tried.len() - 1)].0);
        (1..16).try_for_each(|step| self.p(low + (high - low) * f64::from(step) / 16.0).map(|_| ()))
    }

    fn invert(&mut self, alpha: f64, tolerance: f64) -> Result<ConfidenceSet> {
        let tried: Vec<(f64, bool)> = self.known.iter().map(|(&at, &p)| (from_key(at), p > alpha)).collect();
        let Some(first) = tried.iter().position(|&(_, kept)| kept) else { return Ok(ConfidenceSet::Empty) };
        let last = tried.iter().rposition(|&(_, kept)| kept).unwrap_or(first);
        let pieces =
            tried.windows(2).filter(|pair| !pair[0].1 && pair[1].1).count() + usize::from(tried[0].1);
        let low = match first.checked_sub(1) {
            None => f64::NEG_INFINITY,
            Some(outside) => self.edge(tried[outside].0, tried[first].0, alpha, tolerance)?,
        };
        let high = match tried.get(last + 1) {
            None => f64::INFINITY,
            Some(&(outside, _)) => self.edge(outside, tried[last].0, alpha, tolerance)?,
        };
        let hull = Interval { low, high };
        Ok(match pieces {
            _ if !hull.is_bounded() => ConfidenceSet::Unbounded { hull },
            1 => ConfidenceSet::Interval(hull),
            pieces => ConfidenceSet::Disconnected { hull, pieces },
        })
    }

    /// A rejected effect within `tolerance` of one that is not.
    fn edge(&mut self, mut outside: f64, mut inside: f64, alpha: f64, tolerance: f64) -> Result<f64> {
        while (outside - inside).abs() > tolerance {
            let middle = 0.5 * (outside + inside);
            if key(middle) == key(outside) || key(middle) == key(inside) {
                break;
            }
            if self.p(middle)? > alpha { inside = middle } else { outside = middle }
        }
        Ok(outside)
    }
}

/// Share of cyclic shifts whose last `n_post` residuals have a statistic at least as large.
fn shift_p_value(residuals: &[f64], n_post: usize, statistic: ConformalStatistic) -> f64 {
    let n = residuals.len();
    let block = |shift: usize| {
        let moved = (n - n_post..n).map(|t| residuals[(t + shift) % n]);
        match statistic {
            ConformalStatistic::MeanAbsolute => moved.map(f64::abs).sum::<f64>(),
            ConformalStatistic::AbsoluteMean => moved.sum::<f64>().abs(),
        }
    };
    let own = block(0) * (1.0 - 1e-12);
    (0..n).filter(|&shift| block(shift) >= own).count() as f64 / n as f64
}

/// A whole number that sorts as the float does.
fn key(x: f64) -> i64 {
    let bits = (x + 0.0).to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

fn from_key(key: i64) -> f64 {
    let bits = if key < 0 { key ^ i64::MAX } else { key };
    f64::from_bits(bits.cast_unsigned())
}

/// Conformal inference with the unit weights and intercept of synthetic DiD, refitted on all periods under each
/// effect. The penalty is that of the point estimate.
///
/// # Errors
/// Those of [`synthetic_did()`] and [`conformal()`].
pub fn conformal_synthetic_did(
    design: &Design,
    options: &SyntheticDidOptions,
    inversion: &ConformalOptions,
) -> Result<Conformal> {
    let centre = synthetic_did(design, options)?.estimate;
    let mut refit = Refit::new(design, Penalties::of(design, options)?.zeta_omega);
    conformal(design, centre, |series| refit.residuals(series), inversion)
}

/// Conformal inference with the weights of a demeaned synthetic control, refitted on all periods.
///
/// # Errors
/// Those of [`demeaned_synthetic_control`] and [`conformal()`].
pub fn conformal_demeaned(design: &Design, inversion: &ConformalOptions) -> Result<Conformal> {
    let centre = demeaned_synthetic_control(design)?.estimate;
    let mut refit = Refit::new(design, 0.0);
    conformal(design, centre, |series| refit.residuals(series), inversion)
}

/// Conformal inference with the weights of a synthetic control without intercept, refitted on all periods.
///
/// # Errors
/// Those of [`synthetic_control()`] and [`conformal()`].
pub fn conformal_synthetic_control(design: &Design, inversion: &ConformalOptions) -> Result<Conformal> {
    let centre = synthetic_control(design)?.estimate;
    let mut refit = Refit::without_intercept(design);
    conformal(design, centre, |series| refit.residuals(series), inversion)
}

/// Conformal inference with ridge-augmented weights, refitted on all periods under each effect with the penalty of the
/// point estimate.
///
/// # Errors
/// Those of [`ridge_augmented_synthetic_control()`] and [`conformal()`].
pub fn conformal_ridge_augmented(
    design: &Design,
    covariates: Option<&Predictors>,
    options: &RidgeAugmentedOptions,
    inversion: &ConformalOptions,
) -> Result<Conformal> {
    let found = ridge_augmented_synthetic_control(design, covariates, options)?;
    let options = RidgeAugmentedOptions { lambda: Some(found.lambda), ..options.clone() };
    let proxy = |series: &[f64]| residuals_over_all_periods(design, series, covariates, &options);
    conformal(design, found.fit.estimate, proxy, inversion)
}

/// Refits simplex weights with or without intercept to one treated series after another. Products among donors are kept, and
/// each search starts from the last weights.
struct Refit {
    n: usize,
    with_intercept: bool,
    /// Donors over all periods, centred where there is an intercept, shape (J, T).
    donors: Vec<f64>,
    /// Products of the rows of `donors` plus the ridge, shape (J, J).
    products: Vec<f64>,
    last: Option<Vec<f64>>,
}

impl Refit {
    fn new(design: &Design, zeta: f64) -> Self {
        let (n, periods) = (design.n_donors(), design.n_periods());
        let donors: Vec<f64> = (0..n).flat_map(|j| centred(design.donor(j))).collect();
        let products = gram(&donors, n, periods, periods as f64 * zeta * zeta);
        Self { n, with_intercept: true, donors, products, last: None }
    }

    fn without_intercept(design: &Design) -> Self {
        let (n, periods) = (design.n_donors(), design.n_periods());
        let donors: Vec<f64> = (0..n).flat_map(|j| design.donor(j).iter().copied()).collect();
        let products = gram(&donors, n, periods, 0.0);
        Self { n, with_intercept: false, donors, products, last: None }
    }

    fn residuals(&mut self, series: &[f64]) -> Result<Vec<f64>> {
        let target = if self.with_intercept { centred(series) } else { series.to_vec() };
        let cross: Vec<f64> =
            self.donors.chunks_exact(target.len()).map(|donor| dot(donor, &target)).collect();
        let own = dot(&target, &target);
        let mut h = self.products.clone();
        for (row, c) in h.chunks_exact_mut(self.n).zip(&cross) {
            row.iter_mut().zip(&cross).for_each(|(entry, d)| *entry += own - c - d);
        }
        let weights =
            least_norm(&h, self.n, self.last.as_deref().map_or(Start::Nearest, Start::Weights))?.weights;
        let mut residuals = target;
        let periods = residuals.len();
        for (donor, w) in self.donors.chunks_exact(periods).zip(&weights).filter(|(_, w)| **w > 0.0) {
            residuals.iter_mut().zip(donor).for_each(|(u, y)| *u -= w * y);
        }
        self.last = Some(weights);
        Ok(residuals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    /// Treated = two donors mixed, plus noise and an effect.
    fn mixed(seed: u64, n_pre: usize, n_post: usize, effect: f64, noise: f64) -> Design {
        let periods = n_pre + n_post;
        let stream = Stream::new(seed, 8);
        let draw = |i: usize, t: usize| stream.normal((i * periods + t) as u64);
        let pool: Vec<(String, Vec<f64>)> = (0..15)
            .map(|i| {
                (
                    format!("d{i:02}"),
                    (0..periods).map(|t| 3.0 * draw(20, t) * f64::from(i as u8 % 3) + draw(i, t)).collect(),
                )
            })
            .collect();
        let treated: Vec<f64> = (0..periods)
            .map(|t| {
                0.5 * (pool[1].1[t] + pool[2].1[t])
                    + noise * draw(30, t)
                    + if t >= n_pre { effect } else { 0.0 }
            })
            .collect();
        let labels: Vec<String> = (0..periods).map(|t| t.to_string()).collect();
        Design::from_series(&treated, &pool, &labels, n_pre).unwrap()
    }

    fn run(design: &Design) -> Conformal {
        conformal_synthetic_did(design, &SyntheticDidOptions::default(), &ConformalOptions::default())
            .unwrap()
    }

    // Size under independent noise: shifts are exchangeable, so p <= 0.1 has probability at most 0.1; 300 runs,
    // three standard errors above.
    #[test]
    fn the_test_holds_its_size() {
        let rejected = (0..300)
            .filter(|&seed| {
                let design = mixed(seed, 22, 8, 0.0, 1.0);
                let mut refit = Refit::new(&design, 1.0);
                shift_p_value(
                    &refit.residuals(design.treated()).unwrap(),
                    8,
                    ConformalStatistic::MeanAbsolute,
                ) <= 0.1
            })
            .count();
        assert!(rejected as f64 / 300.0 < 0.1 + 3.0 * (0.09f64 / 300.0).sqrt(), "{rejected}");
    }

    // Over 40 runs with an effect of three noise sds: the signed statistic finds it more often and in shorter sets.
    #[test]
    fn the_signed_statistic_is_sharper_for_an_effect_of_one_sign() {
        let signed =
            ConformalOptions { statistic: ConformalStatistic::AbsoluteMean, ..ConformalOptions::default() };
        let options = SyntheticDidOptions::default();
        let (mut found, mut found_signed, mut covered) = (0, 0, 0);
        for seed in 100..140 {
            let design = mixed(seed, 20, 6, 3.0, 1.0);
            found += usize::from(run(&design).p_value <= 0.05);
            let sharper = conformal_synthetic_did(&design, &options, &signed).unwrap();
            found_signed += usize::from(sharper.p_value <= 0.05);
            covered += usize::from(sharper.set_95.hull().is_some_and(|hull| hull.contains(3.0)));
        }
        assert!(found_signed > found && found_signed >= 20, "{found_signed} against {found}");
        assert!(covered >= 34, "{covered}");
    }

    #[test]
    fn the_set_is_nested_covers_its_centre_and_excludes_a_large_effect() {
        let mut covered = 0;
        for seed in 0..30 {
            let found = run(&mixed(seed, 24, 6, 5.0, 0.5));
            assert!(found.p_value <= 0.1, "seed {seed}: p {}", found.p_value);
            let Some(wide) = found.set_95.hull() else { continue };
            assert!(found.set_90.hull().is_none_or(|narrow| wide.contains_interval(&narrow)), "seed {seed}");
            covered += usize::from(wide.contains(5.0));
        }
        assert!(covered >= 26, "{covered} of 30");
    }

    #[test]
    fn ends_lie_where_the_test_turns() {
        let design = mixed(4, 24, 6, 2.0, 0.5);
        let found = run(&design);
        let hull = found.set_95.hull().unwrap();
        let zeta = Penalties::of(&design, &SyntheticDidOptions::default()).unwrap().zeta_omega;
        let mut refit = Refit::new(&design, zeta);
        let mut p = |tau: f64| {
            let series: Vec<f64> =
                (0..30).map(|t| design.treated()[t] - if t >= 24 { tau } else { 0.0 }).collect();
            shift_p_value(&refit.residuals(&series).unwrap(), 6, ConformalStatistic::MeanAbsolute)
        };
        assert!(p(hull.low) <= 0.05 && p(hull.low + 1e-3) > 0.05);
        assert!(p(hull.high) <= 0.05 && p(hull.high - 1e-3) > 0.05);
    }

    #[test]
    fn too_few_periods_leave_the_set_unbounded() {
        let found = run(&mixed(2, 12, 4, 3.0, 0.5));
        assert_eq!(found.set_95, ConfidenceSet::Unbounded { hull: Interval::ALL });
        assert!(found.p_floor > 0.05);
        assert!(matches!(run(&mixed(2, 8, 20, 3.0, 0.5)).set_95, ConfidenceSet::Unbounded { .. }));
    }

    #[test]
    fn a_warm_refit_equals_a_cold_one() {
        let design = mixed(6, 20, 6, 1.0, 1.0);
        let mut warm = Refit::new(&design, 0.4);
        for tau in [-5.0, 0.0, 0.1, 3.0, 40.0, 0.2] {
            let series: Vec<f64> =
                design.treated().iter().enumerate().map(|(t, y)| if t < 20 { *y } else { y - tau }).collect();
            let cold = Refit::new(&design, 0.4).residuals(&series).unwrap();
            for (a, b) in warm.residuals(&series).unwrap().iter().zip(&cold) {
                assert!((a - b).abs() < 1e-9, "{tau}: {a} {b}");
            }
        }
    }

    #[test]
    fn flat_series_and_bad_proxies_are_answered_or_typed() {
        let flat = mixed(1, 20, 5, 0.0, 1.0).map(|_| 0.0).unwrap();
        let found = run(&flat);
        assert!((found.p_value - 1.0).abs() < 1e-15);
        let options = ConformalOptions::default();
        let short = conformal(&flat, 0.0, |_| Ok(vec![0.0]), &options).unwrap_err();
        assert_eq!(short.kind(), ErrorKind::Shape);
        let wild = conformal(&flat, 0.0, |y| Ok(vec![f64::NAN; y.len()]), &options).unwrap_err();
        assert_eq!(wild.kind(), ErrorKind::NonFinite);
        let coarse = ConformalOptions { grid_points: 2, ..options };
        assert_eq!(conformal(&flat, 0.0, |y| Ok(y.to_vec()), &coarse).unwrap_err().kind(), ErrorKind::Domain);
    }

    #[test]
    fn keys_sort_as_floats_and_come_back() {
        let values = [-1e300, -2.0, -1e-9, 0.0, 1e-9, 3.0, 1e300];
        assert!(values.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        assert!(values.iter().all(|&x| from_key(key(x)).to_bits() == x.to_bits()));
        assert_eq!(key(-0.0), key(0.0));
    }
}
