//! Power: how often a test finds an effect, and what its findings look like when it seldom does.
//!
//! - [`t_test_power`]: from a standard error; exact, by the noncentral t distribution (as R `power.t.test(strict =
//!   TRUE)`).
//! - [`retrodesign`]: Gelman and Carlin (2014), doi:10.1177/1745691614551642, in the closed form of Lu, Qiu and Deng
//!   (2019), doi:10.1111/bmsp.12132: the share of significant results of the wrong sign (type S), and by how much they
//!   exaggerate (type M). As R `retrodesign`, which shifts the t distribution by effect over standard error, and
//!   simulates type M; here it is exact.
//! - [`simulated_power`]: any estimator on any data, over seeded runs; [`panel_power`]: the same with placebo adoption
//!   among the untreated units of a panel, and an effect put in.
//!
//! Known failure: power at the observed effect, which only restates the p-value. The effect must come from elsewhere.

use crate::error::{finite, proportion};
use crate::noncentral::noncentral_t_cdf;
use crate::special::{ln_gamma, normal_cdf, normal_quantile, t_cdf, t_quantile};
use crate::truncated_normal::density;
use crate::{Cells, Error, ErrorKind, Estimate, Factor, Result, Stream};
use rayon::prelude::*;
use std::f64::consts::PI;

fn positive(std_error: f64, df: Option<f64>) -> Result<()> {
    if std_error > 0.0 && std_error.is_finite() && df.is_none_or(|df| df > 0.0) {
        return Ok(());
    }
    let message =
        format!("standard error {std_error}, degrees of freedom {df:?}, expected finite and above 0");
    Err(Error::new(ErrorKind::Domain, message))
}

/// The probability that a two-sided test at `alpha` rejects no effect when the effect is `effect`, for an estimate that
/// is normal (`df` absent) or, with an estimated standard error, Student's t.
///
/// ```
/// use evenhand_estimate::t_test_power;
/// assert!((t_test_power(2.801_585, 1.0, None, 0.05)? - 0.8).abs() < 1e-4);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`], [`ErrorKind::NonFinite`].
pub fn t_test_power(effect: f64, std_error: f64, df: Option<f64>, alpha: f64) -> Result<f64> {
    finite(effect, "effect")?;
    positive(std_error, df)?;
    proportion(alpha, "alpha")?;
    let shift = effect / std_error;
    Ok(match df {
        None => {
            let z = normal_quantile(1.0 - alpha / 2.0);
            normal_cdf(shift - z) + normal_cdf(-shift - z)
        }
        Some(df) => {
            let t = t_quantile(1.0 - alpha / 2.0, df);
            noncentral_t_cdf(-t, df, shift) + 1.0 - noncentral_t_cdf(t, df, shift)
        }
    })
}

/// What significant results are like under a given effect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retrodesign {
    /// The probability of a significant result.
    pub power: f64,
    /// The share of significant results that have the wrong sign.
    pub type_s: f64,
    /// The average size of a significant result over the true size: the exaggeration.
    pub type_m: f64,
}

/// Power, type S and type M for an estimate `effect + std_error T`, with T standard normal (`df` absent) or Student's t,
/// significant at `alpha` two-sided.
///
/// ```
/// use evenhand_estimate::retrodesign;
/// // Gelman and Carlin's example: an effect of 0.1 with standard error 3.28.
/// let found = retrodesign(0.1, 3.28, None, 0.05)?;
/// assert!((found.power - 0.0501).abs() < 1e-4 && (found.type_s - 0.465).abs() < 1e-3);
/// assert!((found.type_m - 76.7).abs() < 0.1);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`] also for an effect of 0, which has neither sign nor size, and for `df` of 1 or less, where the
/// average does not exist.
pub fn retrodesign(effect: f64, std_error: f64, df: Option<f64>, alpha: f64) -> Result<Retrodesign> {
    finite(effect, "effect")?;
    positive(std_error, df)?;
    proportion(alpha, "alpha")?;
    if effect.abs() <= 0.0 || df.is_some_and(|df| df <= 1.0) {
        let message =
            format!("effect {effect}, degrees of freedom {df:?}, expected other than 0, and above 1");
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let shift = (effect / std_error).abs();
    let below = |x: f64| df.map_or_else(|| normal_cdf(x), |df| t_cdf(x, df));
    // E(T; T > x), the partial expectation.
    let beyond = |x: f64| df.map_or_else(|| density(x), |df| t_density(x, df) * (df + x * x) / (df - 1.0));
    let critical =
        df.map_or_else(|| normal_quantile(1.0 - alpha / 2.0), |df| t_quantile(1.0 - alpha / 2.0, df));
    let (right, wrong) = (below(shift - critical), below(-shift - critical));
    let power = right + wrong;
    let size = shift * (right - wrong) + beyond(critical - shift) + beyond(critical + shift);
    Ok(Retrodesign { power, type_s: wrong / power, type_m: size / (shift * power) })
}

fn t_density(x: f64, df: f64) -> f64 {
    let constant = ln_gamma(0.5 * (df + 1.0)) - ln_gamma(0.5 * df) - 0.5 * (df * PI).ln();
    (constant - 0.5 * (df + 1.0) * (x * x / df).ln_1p()).exp()
}

/// What a number of simulated studies found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimulatedPower {
    /// Share of runs whose test rejects no effect.
    pub power: f64,
    /// Its Monte Carlo standard error.
    pub std_error: f64,
    /// Average estimate less the effect.
    pub bias: f64,
    /// Share of 95 % intervals that hold the effect.
    pub coverage: f64,
    /// Share of significant estimates of the wrong sign; NaN-free: 0 when none is significant or the effect is 0.
    pub type_s: f64,
    /// Average size of significant estimates over the effect's; `None` when none is significant or the effect is 0.
    pub type_m: Option<f64>,
    /// Runs that gave an estimate.
    pub runs: usize,
    /// Runs that gave an error instead; they are left out.
    pub failed: usize,
}

/// Power of any estimator: `study(stream)` makes data with `effect` in them from its own stream of random numbers, and
/// estimates it. Significance is the p-value below `alpha`, or for estimates without one the 95 % interval's missing 0.
/// The same seed gives the same bytes on any number of threads.
///
/// ```
/// use evenhand_estimate::{Estimate, simulated_power};
/// let found = simulated_power(2000, 1, 1.0, 0.05, |stream| {
///     Ok(Estimate::from_std_error(1.0 + 0.357 * stream.normal(0), 0.357, None))
/// })?;
/// assert!((found.power - 0.8).abs() < 4.0 * found.std_error && (found.coverage - 0.95).abs() < 0.02);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`]; [`ErrorKind::Degenerate`] when every run fails, with the first failure's words.
pub fn simulated_power(
    runs: usize,
    seed: u64,
    effect: f64,
    alpha: f64,
    study: impl Fn(&Stream) -> Result<Estimate> + Sync,
) -> Result<SimulatedPower> {
    finite(effect, "effect")?;
    proportion(alpha, "alpha")?;
    let all: Vec<Result<Estimate>> =
        (0..runs as u64).into_par_iter().map(|run| study(&Stream::new(seed, run))).collect();
    let found: Vec<&Estimate> = all.iter().filter_map(|run| run.as_ref().ok()).collect();
    if found.is_empty() {
        let first = all.iter().find_map(|run| run.as_ref().err());
        let why = first.map_or_else(|| "no runs were asked for".to_owned(), ToString::to_string);
        return Err(Error::new(
            ErrorKind::Degenerate,
            format!("none of {runs} runs gave an estimate: {why}"),
        ));
    }
    let n = found.len() as f64;
    let significant: Vec<f64> = found
        .iter()
        .filter(|run| run.p_value.map_or_else(|| !run.interval_95().contains(0.0), |p| p < alpha))
        .map(|run| run.estimate)
        .collect();
    let power = significant.len() as f64 / n;
    let wrong = significant.iter().filter(|estimate| **estimate * effect < 0.0).count();
    let size = significant.iter().map(|estimate| estimate.abs()).sum::<f64>() / significant.len() as f64;
    Ok(SimulatedPower {
        power,
        std_error: (power * (1.0 - power) / n).sqrt(),
        bias: found.iter().map(|run| run.estimate).sum::<f64>() / n - effect,
        coverage: found.iter().filter(|run| run.interval_95().contains(effect)).count() as f64 / n,
        type_s: wrong as f64 / significant.len().max(1) as f64,
        type_m: (!significant.is_empty() && effect.abs() > 0.0).then(|| size / effect.abs()),
        runs: found.len(),
        failed: all.len() - found.len(),
    })
}

/// How an effect is put into the outcomes of treated rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EffectScale {
    /// Added to the outcome.
    #[default]
    Level,
    /// The outcome is multiplied by `exp(effect)`: counts, rates.
    LnRatio,
}

/// Options of [`panel_power`].
#[derive(Debug, Clone, PartialEq)]
pub struct PanelPowerOptions {
    /// The true effect; 0 gives the size of the test.
    pub effect: f64,
    /// How it is put in; added by default.
    pub scale: EffectScale,
    /// How many untreated units adopt in each run, 1.
    pub n_treated: usize,
    /// First treated periods to draw from, values of periods; `None`: the middle one.
    pub first: Option<Vec<f64>>,
    /// Runs, 500.
    pub runs: usize,
    /// Seed, 0.
    pub seed: u64,
    /// Level of the test, 0.05.
    pub alpha: f64,
}

impl Default for PanelPowerOptions {
    fn default() -> Self {
        Self {
            effect: 0.0,
            scale: EffectScale::default(),
            n_treated: 1,
            first: None,
            runs: 500,
            seed: 0,
            alpha: 0.05,
        }
    }
}

/// Power of an estimator on the panel at hand: in each run some of its never treated units are drawn to adopt, the
/// effect is put into their outcomes from then on, and `estimator` is given the panel of all never treated units. What
/// is random is who adopts and when; the noise is the panel's own, with its serial correlation.
///
/// ```
/// use evenhand_estimate::{Cells, Estimate, PanelPowerOptions, panel_power};
/// // Twenty units over six periods, of noise below 0.01.
/// let rows: Vec<(u32, u32)> = (0..20).flat_map(|i| (0..6).map(move |t| (i, t))).collect();
/// let unit: Vec<u32> = rows.iter().map(|row| row.0).collect();
/// let period: Vec<f64> = rows.iter().map(|row| f64::from(row.1)).collect();
/// let outcome: Vec<f64> = rows.iter().map(|&(i, t)| 0.01 * f64::from((i * 7 + t * 5) % 11) / 11.0).collect();
/// let cells = Cells::new(&unit, &period, &outcome)?;
/// let mean_of_treated = |cells: &Cells| {
///     let treated: Vec<f64> = (0..cells.n_obs()).filter(|&i| cells.is_treated(i)).map(|i| cells.outcome()[i]).collect();
///     Ok(Estimate::from_std_error(treated.iter().sum::<f64>() / treated.len() as f64, 0.01, None))
/// };
/// let options = PanelPowerOptions { effect: 1.0, n_treated: 3, runs: 20, ..PanelPowerOptions::default() };
/// assert!((panel_power(&cells, &options, mean_of_treated)?.power - 1.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoDonors`] when no never treated unit would be left, [`ErrorKind::TooFewPeriods`] when a first period
/// is not one of the panel's or leaves none before it, and those of [`simulated_power`].
pub fn panel_power(
    cells: &Cells,
    options: &PanelPowerOptions,
    estimator: impl Fn(&Cells) -> Result<Estimate> + Sync,
) -> Result<SimulatedPower> {
    let rows: Vec<usize> = (0..cells.n_obs()).filter(|&row| cells.cohort()[row].is_infinite()).collect();
    let untreated = Bare::new(cells, &rows);
    if options.n_treated == 0 || untreated.unit.n_levels() <= options.n_treated {
        let message = format!(
            "{} of {} never treated units to adopt, expected at least one and some left",
            options.n_treated,
            untreated.unit.n_levels()
        );
        return Err(Error::new(ErrorKind::NoDonors, message));
    }
    let periods = cells.periods();
    let first = options.first.clone().unwrap_or_else(|| vec![periods[periods.len() / 2]]);
    for value in &first {
        let at = periods.iter().position(|period| (period - value).abs() <= 0.0);
        if at.is_none_or(|at| at == 0) {
            let message =
                format!("adoption in period {value}, expected a period of the panel after its first");
            return Err(Error::new(ErrorKind::TooFewPeriods, message));
        }
    }
    if first.is_empty() {
        return Err(Error::new(ErrorKind::TooFewPeriods, "no period of adoption to draw from"));
    }
    simulated_power(options.runs, options.seed, options.effect, options.alpha, |stream| {
        estimator(&untreated.with_placebos(stream, options, &first)?)
    })
}

/// Rows of never treated units, ready to be given a cohort.
struct Bare {
    unit: Factor,
    period: Vec<f64>,
    outcome: Vec<f64>,
    covariates: Vec<(String, Vec<f64>)>,
    weights: Option<Vec<f64>>,
    offset: Option<Vec<f64>>,
    cluster: Factor,
}

impl Bare {
    fn new(cells: &Cells, rows: &[usize]) -> Self {
        let take = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row]).collect() };
        Self {
            unit: cells.unit().select(rows),
            period: rows.iter().map(|&row| cells.time(row)).collect(),
            outcome: take(cells.outcome()),
            covariates: cells
                .covariates()
                .iter()
                .map(|(name, values)| (name.clone(), take(values)))
                .collect(),
            weights: cells.weights().map(take),
            offset: cells.offset().map(take),
            cluster: cells.cluster().select(rows),
        }
    }

    fn with_placebos(&self, stream: &Stream, options: &PanelPowerOptions, first: &[f64]) -> Result<Cells> {
        let n = self.unit.n_levels();
        let mut units: Vec<usize> = (0..n).collect();
        let mut adoption = vec![f64::INFINITY; n];
        for draw in 0..options.n_treated {
            // A shuffle that stops early: units[..n_treated] are a draw without replacement.
            units.swap(draw, draw + stream.below(2 * draw as u64, n - draw));
            adoption[units[draw]] = first[stream.below(2 * draw as u64 + 1, first.len())];
        }
        let cohort: Vec<f64> = self.unit.codes().iter().map(|&unit| adoption[unit as usize]).collect();
        let outcome: Vec<f64> = (self.outcome.iter().zip(self.period.iter().zip(&cohort)))
            .map(|(&y, (period, g))| match options.scale {
                _ if period < g => y,
                EffectScale::Level => y + options.effect,
                EffectScale::LnRatio => y * options.effect.exp(),
            })
            .collect();
        let mut cells = Cells::new(self.unit.codes(), &self.period, &outcome)?.with_cohort(&cohort)?;
        for (name, values) in &self.covariates {
            cells = cells.with_covariate(name, values)?;
        }
        if let Some(offset) = &self.offset {
            cells = cells.with_offset(offset)?;
        }
        cells = cells.with_cluster(&self.cluster)?;
        match &self.weights {
            Some(weights) => cells.with_weights(weights),
            None => Ok(cells),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // R power.t.test(n = 20, delta = 1, sd = 1) is 0.8689528 on one side; the other, which strict = TRUE adds, is
    // 2.26e-7. Standard error sqrt(2 / 20), 38 degrees of freedom.
    #[test]
    fn t_test_power_is_that_of_r() {
        let power = t_test_power(1.0, (2.0f64 / 20.0).sqrt(), Some(38.0), 0.05).unwrap();
        assert!((power - 0.868_952_801_692_127_3 - 2.260_318_6e-7).abs() < 1e-11, "{power}");
        let normal = t_test_power(1.0, 0.4, None, 0.05).unwrap();
        assert!((t_test_power(1.0, 0.4, Some(1e6), 0.05).unwrap() - normal).abs() < 1e-5);
        assert!((t_test_power(0.0, 0.4, Some(7.0), 0.05).unwrap() - 0.05).abs() < 1e-11);
    }

    // By numerical integration of the definitions, 1e-9.
    #[test]
    fn retrodesign_agrees_with_quadrature() {
        let check = |effect: f64, se: f64, df: Option<f64>, expected: [f64; 3]| {
            let found = retrodesign(effect, se, df, 0.05).unwrap();
            let values = [found.power, found.type_s, found.type_m];
            assert!(values.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-9), "{found:?}");
        };
        check(0.1, 3.28, None, [0.050_106_482_093_728_42, 0.464_422_843_037_946_3, 76.689_164_110_913_37]);
        check(-1.0, 3.28, None, [0.060_714_721_167_945_2, 0.193_712_287_045_849_67, 7.749_186_929_417_542]);
        check(
            1.0,
            2.0,
            Some(12.0),
            [0.069_548_824_411_185_66, 0.144_365_919_598_571_98, 5.483_180_845_866_02],
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]

        // A hundred thousand draws, five standard errors at most.
        #[test]
        fn closed_forms_agree_with_simulation(effect in 0.3..2.0f64, df in prop::option::of(3.0..30.0f64), seed in 0u64..100) {
            let found = retrodesign(effect, 1.0, df, 0.05).unwrap();
            let critical = df.map_or(1.959_964, |df| t_quantile(0.975, df));
            let stream = Stream::new(seed, 0);
            let (mut significant, mut wrong, mut size) = (0.0, 0.0, 0.0);
            let n = 100_000;
            for draw in 0..n {
                let t = df.map_or_else(|| stream.normal(draw), |df| t_quantile_fast(stream.uniform(draw), df));
                let estimate: f64 = effect + t;
                if estimate.abs() > critical {
                    significant += 1.0;
                    wrong += f64::from(u8::from(estimate < 0.0));
                    size += estimate.abs();
                }
            }
            prop_assert!((significant / n as f64 - found.power).abs() < 5.0 * 0.0016);
            prop_assert!((wrong / significant - found.type_s).abs() < 5.0 * f64::sqrt(0.25 / significant));
            prop_assert!((size / significant / effect - found.type_m).abs() < 5.0 * 3.0 / f64::sqrt(significant) / effect);
        }
    }

    /// By interpolation in a table, for speed; the tails beyond it are exact.
    fn t_quantile_fast(u: f64, df: f64) -> f64 {
        thread_local! { static TABLE: std::cell::RefCell<(f64, Vec<f64>)> = const { std::cell::RefCell::new((0.0, Vec::new())) }; }
        if !(0.002..0.998).contains(&u) {
            return t_quantile(u, df);
        }
        TABLE.with_borrow_mut(|(of, table)| {
            if (*of - df).abs() > 0.0 {
                *of = df;
                *table = (0..=2000).map(|i| t_quantile((f64::from(i) + 0.5) / 2001.0, df)).collect();
            }
            let at = u * 2001.0 - 0.5;
            let below = at.floor() as usize;
            table[below] + at.fract() * (table[below + 1] - table[below])
        })
    }

    fn panel() -> Cells {
        let stream = Stream::new(4, 4);
        let rows: Vec<(u32, u32)> = (0..30).flat_map(|i| (0..8).map(move |t| (i, t))).collect();
        let unit: Vec<u32> = rows.iter().map(|row| row.0).collect();
        let period: Vec<f64> = rows.iter().map(|row| 2000.0 + f64::from(row.1)).collect();
        let outcome: Vec<f64> = (0..rows.len()).map(|row| 10.0 + stream.normal(row as u64)).collect();
        let cohort: Vec<f64> = unit.iter().map(|&i| if i < 3 { 2002.0 } else { 0.0 }).collect();
        Cells::new(&unit, &period, &outcome).unwrap().with_cohort(&cohort).unwrap()
    }

    /// Difference in differences of means, with the noise's true standard error.
    fn differences(cells: &Cells) -> Result<Estimate> {
        let mean = |treated: bool, after: bool| -> (f64, f64) {
            let first = cells.cohorts()[0];
            let rows: Vec<usize> = (0..cells.n_obs())
                .filter(|&i| cells.cohort()[i].is_finite() == treated && (cells.time(i) >= first) == after)
                .collect();
            (rows.iter().map(|&i| cells.outcome()[i]).sum::<f64>() / rows.len() as f64, rows.len() as f64)
        };
        let cells = [mean(true, true), mean(true, false), mean(false, true), mean(false, false)];
        let variance: f64 = cells.iter().map(|(_, n)| 1.0 / n).sum();
        Ok(Estimate::from_std_error(cells[0].0 - cells[1].0 - cells[2].0 + cells[3].0, variance.sqrt(), None))
    }

    #[test]
    fn placebos_find_the_effect_put_in_and_nothing_else() {
        let options = |effect: f64| PanelPowerOptions {
            effect,
            n_treated: 6,
            runs: 300,
            ..PanelPowerOptions::default()
        };
        let size = panel_power(&panel(), &options(0.0), differences).unwrap();
        assert!(size.power < 0.15 && size.bias.abs() < 0.1 && size.type_m.is_none(), "{size:?}");
        let strong = panel_power(&panel(), &options(2.0), differences).unwrap();
        assert!(strong.power > 0.99 && strong.bias.abs() < 0.1 && strong.failed == 0, "{strong:?}");
        let ratio = PanelPowerOptions { scale: EffectScale::LnRatio, ..options(0.2) };
        let ratio = panel_power(&panel(), &ratio, differences).unwrap();
        assert!((ratio.bias + 0.2 - 10.0 * (0.2f64.exp() - 1.0)).abs() < 0.2, "{ratio:?}");
    }

    #[test]
    fn threads_do_not_change_a_byte_and_failures_are_counted() {
        let study = |stream: &Stream| {
            if stream.below(9, 4) == 0 {
                return Err(Error::new(ErrorKind::Degenerate, "no luck"));
            }
            Ok(Estimate::from_std_error(0.5 + stream.normal(0), 1.0, None))
        };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| simulated_power(400, 3, 0.5, 0.05, study).unwrap())
        };
        assert_eq!(on(1), on(16));
        let found = on(2);
        assert!(found.failed > 50 && found.failed + found.runs == 400);
        let none = simulated_power(10, 0, 0.0, 0.05, |_| Err(Error::new(ErrorKind::Degenerate, "no luck")));
        assert_eq!(none.unwrap_err().to_string(), "none of 10 runs gave an estimate: no luck");
    }

    #[test]
    fn unsuitable_input_is_refused_with_its_kind() {
        assert_eq!(t_test_power(1.0, 0.0, None, 0.05).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(retrodesign(0.0, 1.0, None, 0.05).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(retrodesign(1.0, 1.0, Some(1.0), 0.05).unwrap_err().kind(), ErrorKind::Domain);
        let kind =
            |options: PanelPowerOptions| panel_power(&panel(), &options, differences).unwrap_err().kind();
        let some = PanelPowerOptions::default;
        assert_eq!(kind(PanelPowerOptions { n_treated: 27, ..some() }), ErrorKind::NoDonors);
        assert_eq!(kind(PanelPowerOptions { first: Some(vec![2000.0]), ..some() }), ErrorKind::TooFewPeriods);
        assert_eq!(kind(PanelPowerOptions { first: Some(vec![2004.5]), ..some() }), ErrorKind::TooFewPeriods);
        assert_eq!(kind(PanelPowerOptions { runs: 0, ..some() }), ErrorKind::Degenerate);
    }
}
