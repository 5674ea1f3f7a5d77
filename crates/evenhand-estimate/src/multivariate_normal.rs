//! Probabilities and means of a multivariate normal variable in a box.
//!
//! Method: one variable after another is cut to its interval given those before it (Genz 1992,
//! doi:10.1080/10618600.1992.10477010), the least likely first. One variable: closed form; two: adaptive Gauss–Legendre
//! quadrature, 1e-12; more: a randomly shifted rank-one lattice, folded, its generator built component by component
//! (Sloan and Reztsov 2002, doi:10.1090/S0025-5718-01-01342-4), with the spread over the shifts as error, about 1e-6. The same seed gives the same bytes on any number of threads.
//! Means in a box are Tallis's (1961) boundary terms, each a probability with one variable less. As R
//! `mvtnorm::pmvnorm` (default error 1e-3) and `tmvtnorm::mtmvnorm`.

use crate::error::{finite, same_length};
use crate::special::{normal_cdf, normal_quantile};
use crate::truncated_normal::density;
use crate::{Error, ErrorKind, Result, Stream};
use evenhand_linalg::Matrix;
use rayon::prelude::*;

/// Random shifts of the lattice.
const SHIFTS: u64 = 8;
/// Points of the lattice.
const POINTS: u64 = 2039;
/// Its generator, for product weights 0.8^j; beyond these, roots of primes.
const GENERATOR: [f64; 16] = [
    1.0, 462.0, 711.0, 566.0, 182.0, 517.0, 388.0, 227.0, 854.0, 47.0, 807.0, 292.0, 276.0, 333.0, 903.0,
    468.0,
];

/// A probability and how far it may be off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxProbability {
    /// The probability.
    pub probability: f64,
    /// Three standard errors over the random shifts; 0 for one or two variables.
    pub error: f64,
}

/// P(low <= X <= high) for X normal with `mean` and covariance `sigma`, shape (k, k); ends may be infinite.
///
/// ```
/// use evenhand_estimate::{Matrix, multivariate_normal::box_probability};
/// // A quadrant at correlation 1/2: 1/4 + asin(1/2) / (2 pi).
/// let sigma = Matrix::from_rows(&[&[1.0, 0.5], &[0.5, 1.0]]);
/// let found = box_probability(&[0.0; 2], &sigma, &[0.0; 2], &[f64::INFINITY; 2], 0)?;
/// assert!((found.probability - 1.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::Domain`] for an interval with ends in the wrong order,
/// [`ErrorKind::Degenerate`] for a covariance that is not positive definite.
pub fn box_probability(
    mean: &[f64],
    sigma: &Matrix,
    low: &[f64],
    high: &[f64],
    seed: u64,
) -> Result<BoxProbability> {
    check(mean, sigma, low, high)?;
    let slices = Slices::new(mean, sigma, low, high)?;
    Ok(slices.probability(seed))
}

/// E(X | low <= X <= high), arguments as in [`box_probability`].
///
/// ```
/// use evenhand_estimate::{Matrix, multivariate_normal::truncated_mean};
/// // One side of a standard normal: sqrt(2 / pi).
/// let found = truncated_mean(&[0.0], &Matrix::identity(1), &[0.0], &[f64::INFINITY], 0)?;
/// assert!((found[0] - (2.0 / std::f64::consts::PI).sqrt()).abs() < 1e-14);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// Those of [`box_probability`], and [`ErrorKind::Degenerate`] when the box has no probability.
pub fn truncated_mean(
    mean: &[f64],
    sigma: &Matrix,
    low: &[f64],
    high: &[f64],
    seed: u64,
) -> Result<Vec<f64>> {
    let total = box_probability(mean, sigma, low, high, seed)?.probability;
    if total <= 0.0 {
        return Err(Error::new(ErrorKind::Degenerate, "a box without probability has no mean"));
    }
    let mut found = mean.to_vec();
    for k in 0..mean.len() {
        let inward = boundary(mean, sigma, low, high, k, low[k], seed)?;
        let outward = boundary(mean, sigma, low, high, k, high[k], seed)?;
        let pull = (inward - outward) / total;
        (0..mean.len()).for_each(|i| found[i] += sigma[(i, k)] * pull);
    }
    Ok(found)
}

/// The density of variable `k` at `x` times the probability of the others' box given that.
fn boundary(
    mean: &[f64],
    sigma: &Matrix,
    low: &[f64],
    high: &[f64],
    k: usize,
    x: f64,
    seed: u64,
) -> Result<f64> {
    if x.is_infinite() {
        return Ok(0.0);
    }
    let sd = sigma[(k, k)].sqrt();
    let here = density((x - mean[k]) / sd) / sd;
    let others: Vec<usize> = (0..mean.len()).filter(|&i| i != k).collect();
    if others.is_empty() || here <= 0.0 {
        return Ok(here);
    }
    let part = |values: &[f64]| -> Vec<f64> { others.iter().map(|&i| values[i]).collect() };
    let given: Vec<f64> =
        others.iter().map(|&i| mean[i] + sigma[(i, k)] / sigma[(k, k)] * (x - mean[k])).collect();
    let left = Matrix::from_fn(others.len(), others.len(), |i, j| {
        let (i, j) = (others[i], others[j]);
        sigma[(i, j)] - sigma[(i, k)] * sigma[(k, j)] / sigma[(k, k)]
    });
    Ok(here * box_probability(&given, &left, &part(low), &part(high), seed)?.probability)
}

fn check(mean: &[f64], sigma: &Matrix, low: &[f64], high: &[f64]) -> Result<()> {
    same_length(mean.len(), sigma.n_rows(), "means and rows of the covariance")?;
    same_length(mean.len(), sigma.n_cols(), "means and columns of the covariance")?;
    same_length(mean.len(), low.len(), "means and lower ends")?;
    same_length(mean.len(), high.len(), "means and upper ends")?;
    mean.iter().chain(sigma.data()).try_for_each(|&x| finite(x, "mean or covariance").map(drop))?;
    for (low, high) in low.iter().zip(high) {
        if low.is_nan() || high.is_nan() || low > high {
            return Err(Error::new(
                ErrorKind::Domain,
                format!("from {low} to {high}, expected the lower end first"),
            ));
        }
    }
    Ok(())
}

/// The variables in the order in which they are cut, standardized: variable i is `sum_j lower[i][j] z_j`.
struct Slices {
    lower: Vec<Vec<f64>>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Slices {
    fn new(mean: &[f64], sigma: &Matrix, low: &[f64], high: &[f64]) -> Result<Self> {
        let k = mean.len();
        let mut left: Vec<usize> = (0..k).collect();
        let mut order: Vec<usize> = Vec::with_capacity(k);
        let mut lower: Vec<Vec<f64>> = vec![Vec::with_capacity(k); k];
        let mut typical: Vec<f64> = Vec::with_capacity(k);
        while !left.is_empty() {
            // The variable whose interval is least likely, given typical values of those before.
            let mut best = (f64::INFINITY, 0, 0.0, (0.0, 0.0));
            for (at, &i) in left.iter().enumerate() {
                let variance = sigma[(i, i)] - lower[i].iter().map(|l| l * l).sum::<f64>();
                if variance.is_nan() || variance <= 1e-13 * sigma[(i, i)] {
                    return Err(Error::new(ErrorKind::Degenerate, "the covariance is not positive definite"));
                }
                let (sd, shift) = (variance.sqrt(), inner(&lower[i], &typical) + mean[i]);
                let ends = ((low[i] - shift) / sd, (high[i] - shift) / sd);
                let likely = slice(ends.0, ends.1, 0.5).0;
                if likely < best.0 || at == 0 {
                    best = (likely, at, sd, ends);
                }
            }
            let (likely, at, sd, ends) = best;
            let chosen = left.remove(at);
            for &i in &left {
                let loading = (sigma[(i, chosen)] - inner(&lower[i], &lower[chosen])) / sd;
                lower[i].push(loading);
            }
            lower[chosen].push(sd);
            let mean = (density(ends.0) - density(ends.1)) / likely;
            typical.push(if mean.is_finite() { mean } else { 0.0 });
            order.push(chosen);
        }
        Ok(Self {
            lower: order.iter().map(|&i| std::mem::take(&mut lower[i])).collect(),
            low: order.iter().map(|&i| low[i] - mean[i]).collect(),
            high: order.iter().map(|&i| high[i] - mean[i]).collect(),
        })
    }

    /// The ends of variable `i` given those before it, in its own standard errors.
    fn ends(&self, i: usize, z: &[f64]) -> (f64, f64) {
        let (shift, sd) = (inner(&self.lower[i][..i], z), self.lower[i][i]);
        ((self.low[i] - shift) / sd, (self.high[i] - shift) / sd)
    }

    fn probability(&self, seed: u64) -> BoxProbability {
        let exact = |probability: f64| BoxProbability { probability, error: 0.0 };
        match self.lower.len() {
            0 => exact(1.0),
            1 => exact(slice(self.ends(0, &[]).0, self.ends(0, &[]).1, 0.5).0),
            2 => {
                let (a, b) = self.ends(0, &[]);
                let (a, b) = (a.clamp(-9.0, 9.0), b.clamp(-9.0, 9.0));
                let at = |z: f64| {
                    let (low, high) = self.ends(1, &[z]);
                    density(z) * slice(low, high, 0.5).0
                };
                exact(integral(&at, a, b, gauss_legendre(&at, a, b), 40))
            }
            k => self.by_lattice(k, seed),
        }
    }

    fn by_lattice(&self, k: usize, seed: u64) -> BoxProbability {
        let lattice = GENERATOR.iter().map(|z| z / POINTS as f64);
        let roots = primes(k.saturating_sub(1 + GENERATOR.len()));
        let steps: Vec<f64> = lattice.chain(roots.iter().map(|&p| f64::from(p).sqrt().fract())).collect();
        let means: Vec<f64> = (0..SHIFTS)
            .into_par_iter()
            .map(|shift| {
                let stream = Stream::new(seed, shift);
                let start: Vec<f64> = (0..k as u64 - 1).map(|j| stream.uniform(j)).collect();
                let mut z = Vec::with_capacity(k);
                let total: f64 = (1..=POINTS)
                    .map(|point| {
                        z.clear();
                        let mut product = 1.0;
                        for i in 0..k {
                            let (low, high) = self.ends(i, &z);
                            let u =
                                if i + 1 < k { (start[i] + point as f64 * steps[i]).fract() } else { 0.5 };
                            let (share, at) = slice(low, high, 1.0 - (2.0 * u - 1.0).abs());
                            product *= share;
                            z.push(at);
                        }
                        product
                    })
                    .sum();
                total / POINTS as f64
            })
            .collect();
        let n = means.len() as f64;
        let probability = means.iter().sum::<f64>() / n;
        let variance = means.iter().map(|m| (m - probability).powi(2)).sum::<f64>() / (n * (n - 1.0));
        BoxProbability { probability, error: 3.0 * variance.sqrt() }
    }
}

/// The probability of [low, high] under a standard normal, and the point below which a share `u` of it lies.
fn slice(low: f64, high: f64, u: f64) -> (f64, f64) {
    if low > 0.0 {
        // The mirror, where small probabilities are exact.
        let (share, at) = slice(-high, -low, 1.0 - u);
        return (share, -at);
    }
    let below = normal_cdf(low);
    let share = (normal_cdf(high) - below).max(0.0);
    let at = normal_quantile((below + u * share).clamp(1e-300, 1.0 - 1e-16));
    (share, at.clamp(low.max(-40.0), high.min(40.0).max(low.max(-40.0))))
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn primes(n: usize) -> Vec<u32> {
    (2..).filter(|&p| (2..p).take_while(|d| d * d <= p).all(|d| p % d != 0)).take(n).collect()
}

/// Halves until both agree with the whole.
fn integral(f: &dyn Fn(f64) -> f64, a: f64, b: f64, whole: f64, depth: u32) -> f64 {
    let middle = f64::midpoint(a, b);
    let (left, right) = (gauss_legendre(f, a, middle), gauss_legendre(f, middle, b));
    if depth == 0 || (left + right - whole).abs() < 1e-14 {
        return left + right;
    }
    integral(f, a, middle, left, depth - 1) + integral(f, middle, b, right, depth - 1)
}

/// Ten points.
fn gauss_legendre(f: &dyn Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    const NODES: [(f64, f64); 5] = [
        (0.148_874_338_981_631_2, 0.295_524_224_714_752_9),
        (0.433_395_394_129_247_2, 0.269_266_719_309_996_4),
        (0.679_409_568_299_024_4, 0.219_086_362_515_982),
        (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
        (0.973_906_528_517_171_7, 0.066_671_344_308_688_1),
    ];
    let (half, middle) = (0.5 * (b - a), f64::midpoint(a, b));
    half * NODES.iter().map(|&(x, w)| w * (f(middle - half * x) + f(middle + half * x))).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INFINITE: f64 = f64::INFINITY;

    fn three() -> (Vec<f64>, Matrix, Vec<f64>, Vec<f64>) {
        let sigma = Matrix::from_rows(&[&[1.0, 0.5, 0.2], &[0.5, 2.0, -0.3], &[0.2, -0.3, 0.5]]);
        (vec![0.3, -0.2, 0.1], sigma, vec![-1.0, -2.0, -0.7], vec![1.5, 1.0, INFINITE])
    }

    // By tensor quadrature with 80 points a side: 1e-13; two variables 1e-12, three 2e-6.
    #[test]
    fn probabilities_and_means_agree_with_quadrature() {
        let (mean, sigma, low, high) = three();
        let two = sigma.select_rows(&[0, 1]).select_cols(&[0, 1]);
        let found = box_probability(&mean[..2], &two, &low[..2], &high[..2], 0).unwrap();
        assert!((found.probability - 0.566_382_797_560_883_2).abs() < 1e-12, "{found:?}");
        let found = truncated_mean(&mean[..2], &two, &low[..2], &high[..2], 0).unwrap();
        assert!(
            (found[0] - 0.249_764_86).abs() < 1e-8 && (found[1] + 0.402_362_98).abs() < 1e-8,
            "{found:?}"
        );
        let found = box_probability(&mean, &sigma, &low, &high, 0).unwrap();
        assert!((found.probability - 0.507_915_954_713_518_1).abs() < found.error.max(2e-6), "{found:?}");
        assert!(found.error < 1e-5, "{found:?}");
        let found = truncated_mean(&mean, &sigma, &low, &high, 0).unwrap();
        let expected = [0.284_126_96, -0.438_549_05, 0.262_009_27];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 5e-6), "{found:?}");
    }

    // Equal correlations of 1/2: the chance that all of k are positive is 1 / (k + 1).
    #[test]
    fn orthants_have_their_known_probability() {
        for k in 1usize..=7 {
            let sigma = Matrix::from_fn(k, k, |i, j| if i == j { 1.0 } else { 0.5 });
            let found = box_probability(&vec![0.0; k], &sigma, &vec![0.0; k], &vec![INFINITE; k], 3).unwrap();
            let expected = 1.0 / (k as f64 + 1.0);
            assert!((found.probability - expected).abs() < 2e-5, "{k}: {found:?}");
            assert!(found.error < 1e-4);
        }
    }

    #[test]
    fn boxes_far_out_keep_their_digits() {
        // Independent: the product of tails, 1e-11 each.
        let found = box_probability(&[0.0; 2], &Matrix::identity(2), &[6.5; 2], &[INFINITE; 2], 0).unwrap();
        let tail = normal_cdf(-6.5);
        assert!((found.probability / (tail * tail) - 1.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn wrong_input_has_its_kind() {
        let kind = |low: f64, sigma: &Matrix| {
            box_probability(&[0.0; 2], sigma, &[low; 2], &[1.0; 2], 0).unwrap_err().kind()
        };
        assert_eq!(kind(2.0, &Matrix::identity(2)), ErrorKind::Domain);
        assert_eq!(kind(f64::NAN, &Matrix::identity(2)), ErrorKind::Domain);
        assert_eq!(kind(0.0, &Matrix::from_rows(&[&[1.0, 1.0], &[1.0, 1.0]])), ErrorKind::Degenerate);
        assert_eq!(kind(0.0, &Matrix::identity(3)), ErrorKind::Shape);
        assert!(box_probability(&[], &Matrix::zeros(0, 0), &[], &[], 0).unwrap().probability >= 1.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn order_of_variables_does_not_matter_and_boxes_add_up(seed in 0u64..1000, cut in -0.5..0.5f64) {
            let stream = Stream::new(seed, 0);
            let sigma = Matrix::from_fn(9, 3, |i, j| stream.normal((i * 3 + j) as u64) + stream.normal(50 + i as u64)).gram();
            let (low, high) = ([-2.0, -3.0, -4.0], [2.0, 5.0, 1.0]);
            let whole = box_probability(&[0.1, 0.2, 0.3], &sigma, &low, &high, 1).unwrap();
            let turned = sigma.select_rows(&[2, 0, 1]).select_cols(&[2, 0, 1]);
            let other = box_probability(&[0.3, 0.1, 0.2], &turned, &[-4.0, -2.0, -3.0], &[1.0, 2.0, 5.0], 1).unwrap();
            prop_assert!((whole.probability - other.probability).abs() < 1e-12);
            let left = box_probability(&[0.1, 0.2, 0.3], &sigma, &low, &[cut, 5.0, 1.0], 1).unwrap();
            let right = box_probability(&[0.1, 0.2, 0.3], &sigma, &[cut, -3.0, -4.0], &high, 1).unwrap();
            prop_assert!((left.probability + right.probability - whole.probability).abs() < 1e-4);
        }
    }
}
