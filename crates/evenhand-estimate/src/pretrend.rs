//! Pre-trends: what a test of them would have found, and what passing it does to the estimate.
//!
//! Roth (2022), doi:10.1257/aeri.20210236. Estimand: under a difference in trends `delta`, the power of a pre-test, the
//! expectation of every coefficient given that it is passed, and the linear trend that it finds with a given power.
//! Two pre-tests: no coefficient before treatment significant on its own (R `pretrends`, threshold 1.96), and the joint
//! Wald test. Formulas: with `X` the coefficients before treatment, power is `1 - P(|X_j| <= 1.96 se_j, all j)`;
//! the mean of `X` given the box is Tallis's, given an ellipsoid `delta F_{k+2} / F_k` with noncentral chi-squared
//! distribution functions `F`; a coefficient after treatment moves with its regression on `X`.
//! Assumptions: coefficients jointly normal with known covariance, periods equally spaced. Agreement with R `pretrends`:
//! to the error of its simulated probabilities, 1e-3; here 1e-5 (see [`multivariate_normal`](crate::multivariate_normal)).
//! Known failure: reading a passed test as proof of parallel trends; see [`honest`](crate::honest()) instead.

use crate::error::{finite, proportion, same_length};
use crate::multivariate_normal::{box_probability, truncated_mean};
use crate::noncentral::noncentral_chi_squared_tail;
use crate::special::{chi_squared_tail, f_tail};
use crate::{Error, ErrorKind, EventCoefficients, Result};
use evenhand_linalg::{Cholesky, Matrix, dot};
use rayon::prelude::*;

/// A joint test that every coefficient before treatment is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointTest {
    /// Wald statistic.
    pub chi_squared: f64,
    /// How many coefficients.
    pub df: usize,
    /// From the chi-squared distribution.
    pub p_value: f64,
    /// Wald statistic over `df`.
    pub f_statistic: f64,
    /// Degrees of freedom of the covariance, where given.
    pub df_residual: Option<f64>,
    /// From the F distribution, where `df_residual` is given.
    pub f_p_value: Option<f64>,
}

/// The joint Wald test of the coefficients before treatment; `df_residual`, clusters less one by custom, adds the
/// F test.
///
/// ```
/// use evenhand_estimate::{EventCoefficients, Matrix, joint_pretrend_test};
/// let event = EventCoefficients::new(&[0.1, -0.2, 1.0], &Matrix::identity(3).scaled(0.01), 2)?;
/// let test = joint_pretrend_test(&event, None)?;
/// assert!((test.chi_squared - 5.0).abs() < 1e-12 && (test.p_value - (-2.5f64).exp()).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Degenerate`] for a singular covariance, [`ErrorKind::Domain`] for `df_residual` not above 0.
pub fn joint_pretrend_test(event: &EventCoefficients, df_residual: Option<f64>) -> Result<JointTest> {
    if let Some(df) = df_residual.filter(|df| df.is_nan() || *df <= 0.0) {
        return Err(Error::new(ErrorKind::Domain, format!("degrees of freedom {df}, expected above 0")));
    }
    let before = Before::new(event)?;
    let chi_squared = before.distance(&event.beta()[..event.n_pre()]);
    let df = event.n_pre();
    let f_statistic = chi_squared / df as f64;
    Ok(JointTest {
        chi_squared,
        df,
        p_value: chi_squared_tail(chi_squared, df as f64),
        f_statistic,
        df_residual,
        f_p_value: df_residual.map(|residual| f_tail(f_statistic, df as f64, residual)),
    })
}

/// Which test stands for "the pre-trends were tested".
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum PretrendRule {
    /// Passed when no coefficient before treatment is significant on its own.
    #[default]
    EachSignificant,
    /// Passed when the joint Wald test does not reject at `alpha`.
    Joint {
        /// Its size.
        alpha: f64,
    },
}

/// Options of [`pretrend`], with the defaults of R `pretrends`.
#[derive(Debug, Clone, PartialEq)]
pub struct PretrendOptions {
    /// The pre-test; each coefficient on its own by default.
    pub rule: PretrendRule,
    /// Absolute t-value from which a coefficient is significant, 1.96.
    pub threshold: f64,
    /// Degrees of freedom for the F test; none by default.
    pub df_residual: Option<f64>,
    /// Weights of the effects after treatment; `None`: the first of them.
    pub target: Option<Vec<f64>>,
    /// Seed of the shifts in box probabilities, 0.
    pub seed: u64,
}

impl Default for PretrendOptions {
    fn default() -> Self {
        Self { rule: PretrendRule::default(), threshold: 1.96, df_residual: None, target: None, seed: 0 }
    }
}

/// What a pre-test would make of a difference in trends.
#[derive(Debug, Clone, PartialEq)]
pub struct PretrendPower {
    /// The probability that the pre-test rejects.
    pub power: f64,
    /// The same when trends are parallel.
    pub size: f64,
    /// The probability of passing under this difference in trends over that under parallel trends.
    pub bayes_factor: f64,
    /// The likelihood of the coefficients before treatment under this difference in trends over that under parallel
    /// trends.
    pub likelihood_ratio: f64,
    /// Expectation of each coefficient given that the pre-test is passed, without an effect.
    pub mean_after_passing: Vec<f64>,
    /// For each coefficient after treatment, the probability that it is significant given that the pre-test is passed,
    /// without an effect: false findings. `None` for the joint test.
    pub false_positives: Option<Vec<f64>>,
}

/// Diagnosis of pre-trends, methods 5.1.
#[derive(Debug, Clone, PartialEq)]
pub struct Pretrend {
    /// The joint test.
    pub joint: JointTest,
    /// Whether the rule's pre-test is passed.
    pub passed: bool,
    /// The linear trend per period found with probability 0.5; `None` when already parallel trends are rejected so often.
    pub slope_50: Option<f64>,
    /// The same for 0.8.
    pub slope_80: Option<f64>,
    /// The last period's bias if the trend found with probability 0.5 were there.
    pub end_bias_50: Option<f64>,
    /// The same for 0.8.
    pub end_bias_80: Option<f64>,
    /// The target's bias under the trend found with probability 0.8.
    pub target_bias_80: Option<f64>,
    /// The target's estimate.
    pub estimate: f64,
}

impl Pretrend {
    /// Whether a trend that would bias the target by as much as the estimate is found with probability 0.8 or more.
    #[must_use]
    pub fn is_informative(&self) -> bool {
        self.target_bias_80.is_some_and(|bias| bias.abs() <= self.estimate.abs())
    }

    /// The reading, in one sentence without a full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        let p = self.joint.f_p_value.unwrap_or(self.joint.p_value);
        let found = if self.passed {
            "the pre-trend test is passed"
        } else {
            "the pre-trend test finds a difference"
        };
        match (self.slope_80, self.end_bias_80) {
            (Some(slope), Some(bias)) if self.is_informative() => format!(
                "{found} (joint p {p:.3}); it would find a trend of {slope:.4} a period, {bias:.4} by the end, four \
                 times in five"
            ),
            (Some(slope), Some(bias)) => format!(
                "{found} (joint p {p:.3}), which says little: a trend of {slope:.4} a period, {bias:.4} by the end, is \
                 missed one time in five and would account for the estimate"
            ),
            _ => format!(
                "{found} (joint p {p:.3}); the test rejects too often without a trend to judge its power"
            ),
        }
    }
}

/// The joint test, the detectable trends, and what they would do to the estimate.
///
/// ```
/// use evenhand_estimate::{EventCoefficients, Matrix, PretrendOptions, pretrend};
/// let event = EventCoefficients::new(&[0.1, -0.1, 0.1, 0.9], &Matrix::identity(4).scaled(0.01), 3)?;
/// let found = pretrend(&event, &PretrendOptions::default())?;
/// assert!(found.passed && found.is_informative());
/// assert!(found.slope_50.expect("of size below 0.5") < found.slope_80.expect("of size below 0.8"));
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// Those of [`joint_pretrend_test`] and [`slope_for_power`]; [`ErrorKind::Shape`] for a target of another length.
pub fn pretrend(event: &EventCoefficients, options: &PretrendOptions) -> Result<Pretrend> {
    let n_post = event.n_post();
    let target = options.target.clone();
    let target = target.unwrap_or_else(|| (0..n_post).map(|j| if j == 0 { 1.0 } else { 0.0 }).collect());
    same_length(target.len(), n_post, "weights of the target and coefficients after treatment")?;
    let joint = joint_pretrend_test(event, options.df_residual)?;
    let before = Before::new(event)?;
    let passed = match options.rule {
        PretrendRule::EachSignificant => {
            let beta = &event.beta()[..event.n_pre()];
            beta.iter().zip(&before.se).all(|(b, se)| b.abs() <= options.threshold * se)
        }
        PretrendRule::Joint { alpha } => joint.f_p_value.unwrap_or(joint.p_value) >= alpha,
    };
    let size = before.rejection(&vec![0.0; event.n_pre()], options)?;
    let slope = |power: f64| -> Result<Option<f64>> {
        if size >= power { Ok(None) } else { slope_for_power(event, power, options).map(Some) }
    };
    let (slope_50, slope_80) = (slope(0.5)?, slope(0.8)?);
    let times_target: f64 = target.iter().zip(1..).map(|(l, s)| l * f64::from(s)).sum();
    Ok(Pretrend {
        joint,
        passed,
        slope_50,
        slope_80,
        end_bias_50: slope_50.map(|slope| slope * n_post as f64),
        end_bias_80: slope_80.map(|slope| slope * n_post as f64),
        target_bias_80: slope_80.map(|slope| slope * times_target),
        estimate: dot(&event.beta()[event.n_pre()..], &target),
    })
}

/// The linear difference in trends, per period and positive, that the pre-test finds with probability `power`. As R
/// `slope_for_power`, solved to 1e-9 relative.
///
/// # Errors
/// [`ErrorKind::Domain`] when the pre-test rejects parallel trends as often, or for options out of range;
/// [`ErrorKind::Degenerate`] for a singular covariance.
pub fn slope_for_power(event: &EventCoefficients, power: f64, options: &PretrendOptions) -> Result<f64> {
    proportion(power, "power")?;
    let before = Before::new(event)?;
    let trend: Vec<f64> = (0..event.n_pre()).map(|j| j as f64 - event.n_pre() as f64).collect();
    let above = |slope: f64| -> Result<f64> {
        let delta: Vec<f64> = trend.iter().map(|t| slope * t).collect();
        Ok(before.rejection(&delta, options)? - power)
    };
    let at_zero = above(0.0)?;
    if at_zero >= 0.0 {
        let message = format!(
            "power {power}: the pre-test rejects parallel trends with probability {}",
            at_zero + power
        );
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let (mut low, mut below) = (0.0, at_zero);
    let mut high = before.se.iter().fold(f64::INFINITY, |least, &se| least.min(se));
    let mut over = above(high)?;
    while over < 0.0 {
        (low, below) = (high, over);
        high *= 2.0;
        over = above(high)?;
    }
    // False position, the end that stays weighed down by half (Illinois).
    for _ in 0..200 {
        if high - low <= 1e-9 * high {
            break;
        }
        let next = (low * over - high * below) / (over - below);
        let next = if next > low && next < high { next } else { f64::midpoint(low, high) };
        let value = above(next)?;
        if value < 0.0 {
            (low, below) = (next, value);
            over *= 0.5;
        } else {
            (high, over) = (next, value);
            below *= 0.5;
        }
        if value.abs() < 1e-13 {
            return Ok(next);
        }
    }
    Ok(f64::midpoint(low, high))
}

/// What the pre-test makes of the difference in trends `delta`, one entry for each coefficient. As R `pretrends`.
///
/// ```
/// use evenhand_estimate::{EventCoefficients, Matrix, PretrendOptions, pretrend_power};
/// let event = EventCoefficients::new(&[0.1, 1.0], &Matrix::identity(2).scaled(0.01), 1)?;
/// let found = pretrend_power(&event, &[-0.1, 0.1], &PretrendOptions::default())?;
/// assert!(found.power > found.size && found.bayes_factor < 1.0);
/// // Uncorrelated coefficients after treatment keep their bias.
/// assert!((found.mean_after_passing[1] - 0.1).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::Domain`] for options out of range,
/// [`ErrorKind::Degenerate`] for a singular covariance.
pub fn pretrend_power(
    event: &EventCoefficients,
    delta: &[f64],
    options: &PretrendOptions,
) -> Result<PretrendPower> {
    same_length(delta.len(), event.beta().len(), "differences in trends and coefficients")?;
    delta.iter().try_for_each(|&d| finite(d, "difference in trends").map(drop))?;
    let n_pre = event.n_pre();
    let before = Before::new(event)?;
    let (ahead, observed) = (&delta[..n_pre], &event.beta()[..n_pre]);
    let (power, size) = (before.rejection(ahead, options)?, before.rejection(&vec![0.0; n_pre], options)?);
    let gap: Vec<f64> = observed.iter().zip(ahead).map(|(b, d)| b - d).collect();
    let mean = before.mean_after_passing(ahead, options)?;
    let shift: Vec<f64> = mean.iter().zip(ahead).map(|(m, d)| m - d).collect();
    let pulled = before.factor.solve(&shift);
    let after = (n_pre..delta.len())
        .map(|s| delta[s] + (0..n_pre).map(|j| event.sigma()[(s, j)] * pulled[j]).sum::<f64>());
    Ok(PretrendPower {
        power,
        size,
        bayes_factor: (1.0 - power) / (1.0 - size),
        likelihood_ratio: (0.5 * (before.distance(observed) - before.distance(&gap))).exp(),
        mean_after_passing: mean.iter().copied().chain(after).collect(),
        false_positives: match options.rule {
            PretrendRule::EachSignificant => Some(false_positives(event, delta, 1.0 - power, options)?),
            PretrendRule::Joint { .. } => None,
        },
    })
}

fn false_positives(
    event: &EventCoefficients,
    delta: &[f64],
    passing: f64,
    options: &PretrendOptions,
) -> Result<Vec<f64>> {
    (event.n_pre()..delta.len())
        .into_par_iter()
        .map(|s| {
            let rows: Vec<usize> = (0..event.n_pre()).chain([s]).collect();
            let sigma = event.sigma().select_rows(&rows).select_cols(&rows);
            let high: Vec<f64> =
                sigma.diagonal().iter().map(|v| options.threshold * v.max(0.0).sqrt()).collect();
            let low: Vec<f64> = high.iter().map(|h| -h).collect();
            let mean: Vec<f64> = rows.iter().map(|&row| delta[row]).collect();
            let neither = box_probability(&mean, &sigma, &low, &high, options.seed)?.probability;
            Ok((1.0 - neither / passing).clamp(0.0, 1.0))
        })
        .collect()
}

/// The coefficients before treatment.
struct Before {
    sigma: Matrix,
    factor: Cholesky,
    se: Vec<f64>,
}

impl Before {
    fn new(event: &EventCoefficients) -> Result<Self> {
        let rows: Vec<usize> = (0..event.n_pre()).collect();
        let sigma = event.sigma().select_rows(&rows).select_cols(&rows);
        let factor = Cholesky::new(&sigma).ok_or_else(|| {
            Error::new(
                ErrorKind::Degenerate,
                "the covariance of the coefficients before treatment is singular",
            )
        })?;
        let se = sigma.diagonal().iter().map(|v| v.sqrt()).collect();
        Ok(Self { sigma, factor, se })
    }

    /// `x' Sigma^-1 x`.
    fn distance(&self, x: &[f64]) -> f64 {
        let z = self.factor.solve_lower(x);
        dot(&z, &z)
    }

    fn bounds(&self, options: &PretrendOptions) -> Result<(Vec<f64>, Vec<f64>)> {
        if !(options.threshold > 0.0 && options.threshold.is_finite()) {
            let message = format!("threshold {}, expected above 0", options.threshold);
            return Err(Error::new(ErrorKind::Domain, message));
        }
        let high: Vec<f64> = self.se.iter().map(|se| options.threshold * se).collect();
        Ok((high.iter().map(|h| -h).collect(), high))
    }

    /// The probability that the pre-test rejects.
    fn rejection(&self, delta: &[f64], options: &PretrendOptions) -> Result<f64> {
        match options.rule {
            PretrendRule::EachSignificant => {
                let (low, high) = self.bounds(options)?;
                Ok(1.0 - box_probability(delta, &self.sigma, &low, &high, options.seed)?.probability)
            }
            PretrendRule::Joint { alpha } => {
                let k = self.se.len() as f64;
                Ok(noncentral_chi_squared_tail(critical_value(alpha, k)?, k, self.distance(delta)))
            }
        }
    }

    fn mean_after_passing(&self, delta: &[f64], options: &PretrendOptions) -> Result<Vec<f64>> {
        match options.rule {
            PretrendRule::EachSignificant => {
                let (low, high) = self.bounds(options)?;
                truncated_mean(delta, &self.sigma, &low, &high, options.seed)
            }
            PretrendRule::Joint { alpha } => {
                let (k, lambda) = (self.se.len() as f64, self.distance(delta));
                let c = critical_value(alpha, k)?;
                let within = |df: f64| 1.0 - noncentral_chi_squared_tail(c, df, lambda);
                let passing = within(k);
                if passing <= 0.0 {
                    return Err(Error::new(ErrorKind::Degenerate, "the pre-test is never passed"));
                }
                Ok(delta.iter().map(|d| d * within(k + 2.0) / passing).collect())
            }
        }
    }
}

/// The value that a chi-squared variable on `df` degrees of freedom exceeds with probability `alpha`, by bisection.
fn critical_value(alpha: f64, df: f64) -> Result<f64> {
    proportion(alpha, "alpha")?;
    let (mut low, mut high) = (0.0, 1.0);
    while chi_squared_tail(high, df) > alpha {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if chi_squared_tail(middle, df) > alpha { low = middle } else { high = middle }
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use crate::special::normal_cdf;

    fn some(n_pre: usize, n_post: usize) -> EventCoefficients {
        let n = n_pre + n_post;
        let sigma = Matrix::from_fn(n, n, |i, j| 0.04 * 0.6f64.powi(i.abs_diff(j) as i32));
        let beta: Vec<f64> = (0..n).map(|i| 0.1 * ((i * 7 % 5) as f64 - 2.0)).collect();
        EventCoefficients::new(&beta, &sigma, n_pre).unwrap()
    }

    const EACH: PretrendOptions = PretrendOptions {
        rule: PretrendRule::EachSignificant,
        threshold: 1.96,
        df_residual: None,
        target: None,
        seed: 0,
    };

    // One coefficient: all is the normal distribution.
    #[test]
    fn one_coefficient_before_treatment_has_closed_forms() {
        let event = some(1, 2);
        let slope = slope_for_power(&event, 0.5, &EACH).unwrap();
        let power = normal_cdf(slope / 0.2 - 1.96) + normal_cdf(-slope / 0.2 - 1.96);
        assert!((power - 0.5).abs() < 1e-9);
        let delta = [-0.3, 0.3, 0.6];
        let found = pretrend_power(&event, &delta, &EACH).unwrap();
        let (a, b) = (-1.96 + 1.5, 1.96 + 1.5);
        let passing = normal_cdf(b) - normal_cdf(a);
        let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let mean = -0.3 + 0.2 * (density(a) - density(b)) / passing;
        assert!((found.power - (1.0 - passing)).abs() < 1e-13);
        assert!((found.mean_after_passing[0] - mean).abs() < 1e-12);
        assert!((found.mean_after_passing[1] - (0.3 + 0.6 * (mean + 0.3))).abs() < 1e-12);
        let b = event.beta()[0];
        let ratio = ((b * b - (b + 0.3).powi(2)) / 0.08).exp();
        assert!((found.likelihood_ratio - ratio).abs() < 1e-12);
        assert!((found.size - 2.0 * normal_cdf(-1.96)).abs() < 1e-13);
    }

    // Forty thousand samples, four standard errors; both rules.
    #[test]
    fn passing_changes_means_and_false_findings_as_simulated() {
        let event = some(3, 2);
        let delta = [-0.3, -0.2, -0.1, 0.1, 0.2];
        let root = Cholesky::new(event.sigma()).unwrap();
        let before = Before::new(&event).unwrap();
        let n = 40_000u64;
        for rule in [PretrendRule::EachSignificant, PretrendRule::Joint { alpha: 0.05 }] {
            let options = PretrendOptions { rule, ..EACH };
            let found = pretrend_power(&event, &delta, &options).unwrap();
            let critical = critical_value(0.05, 3.0).unwrap();
            let (mut passed, mut sums, mut significant) = (0.0, [0.0; 5], [0.0; 2]);
            for draw in 0..n {
                let stream = Stream::new(7, draw);
                let z: Vec<f64> = (0..5).map(|i| stream.normal(i)).collect();
                let x: Vec<f64> = root.lower().mul_vec(&z).iter().zip(&delta).map(|(e, d)| e + d).collect();
                let passes = match rule {
                    PretrendRule::EachSignificant => x[..3].iter().all(|x| x.abs() <= 1.96 * 0.2),
                    PretrendRule::Joint { .. } => before.distance(&x[..3]) <= critical,
                };
                if passes {
                    passed += 1.0;
                    (0..5).for_each(|i| sums[i] += x[i]);
                    (0..2).for_each(|s| significant[s] += f64::from(u8::from(x[3 + s].abs() > 1.96 * 0.2)));
                }
            }
            assert!((1.0 - passed / n as f64 - found.power).abs() < 4.0 * 0.0025, "{rule:?}");
            for (sum, mean) in sums.iter().zip(&found.mean_after_passing) {
                assert!((sum / passed - mean).abs() < 4.0 * 0.2 / f64::sqrt(passed), "{rule:?}: {sums:?}");
            }
            if let Some(expected) = found.false_positives {
                for (count, share) in significant.iter().zip(expected) {
                    assert!((count / passed - share).abs() < 4.0 * 0.5 / f64::sqrt(passed));
                }
            }
        }
    }

    #[test]
    fn slopes_give_the_power_asked_under_both_rules() {
        let event = some(4, 2);
        for rule in [PretrendRule::EachSignificant, PretrendRule::Joint { alpha: 0.05 }] {
            let options = PretrendOptions { rule, ..EACH };
            for power in [0.5, 0.8] {
                let slope = slope_for_power(&event, power, &options).unwrap();
                let delta: Vec<f64> = (-4..=-1).chain(1..=2).map(|t| slope * f64::from(t)).collect();
                let found = pretrend_power(&event, &delta, &options).unwrap();
                assert!((found.power - power).abs() < 1e-7, "{rule:?} {power}: {}", found.power);
            }
        }
    }

    #[test]
    fn diagnosis_reads_as_it_should() {
        let weak = EventCoefficients::new(&[0.1, -0.1, 0.2], &Matrix::identity(3), 2).unwrap();
        let found = pretrend(&weak, &PretrendOptions { df_residual: Some(20.0), ..EACH }).unwrap();
        assert!(found.passed && !found.is_informative());
        assert!(found.sentence().contains("says little"), "{}", found.sentence());
        assert!(found.joint.f_p_value.unwrap() > found.joint.p_value);
        let (slope, bias) = (found.slope_80.unwrap(), found.end_bias_80.unwrap());
        assert!((slope - bias).abs() < 1e-15);
        let steep = EventCoefficients::new(&[-9.0, -5.0, 20.0], &Matrix::identity(3), 2).unwrap();
        let found = pretrend(&steep, &EACH).unwrap();
        assert!(!found.passed && found.sentence().starts_with("the pre-trend test finds a difference"));
        // A pre-test that nearly always rejects has no trend to find.
        let strict = PretrendOptions { threshold: 0.1, ..EACH };
        assert!(pretrend(&steep, &strict).unwrap().slope_50.is_none());
        assert_eq!(slope_for_power(&steep, 0.5, &strict).unwrap_err().kind(), ErrorKind::Domain);
    }

    #[test]
    fn unsuitable_input_is_refused_with_its_kind() {
        let event = some(2, 1);
        let flat = EventCoefficients::new(&[0.1, 0.2, 0.3], &Matrix::zeros(3, 3), 2).unwrap();
        assert_eq!(joint_pretrend_test(&flat, None).unwrap_err().kind(), ErrorKind::Degenerate);
        assert_eq!(joint_pretrend_test(&event, Some(0.0)).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(pretrend_power(&event, &[0.0; 2], &EACH).unwrap_err().kind(), ErrorKind::Shape);
        let nan = PretrendOptions { threshold: f64::NAN, ..EACH };
        assert_eq!(pretrend_power(&event, &[0.0; 3], &nan).unwrap_err().kind(), ErrorKind::Domain);
        let size = PretrendOptions { rule: PretrendRule::Joint { alpha: 0.0 }, ..EACH };
        assert_eq!(pretrend(&event, &size).unwrap_err().kind(), ErrorKind::Domain);
    }
}
