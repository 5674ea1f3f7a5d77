//! The shortest fixed-length confidence interval under Delta^SD(M).

use super::EventCoefficients;
use crate::special::{normal_cdf, normal_quantile};
use crate::truncated_normal::density;
use crate::{Error, ErrorKind, Interval, Result};
use evenhand_linalg::{Cholesky, Matrix, dot};

/// A confidence interval around an affine estimator, of a length that does not depend on the data.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedLength {
    /// `weights' beta` plus and minus `half_length`.
    pub interval: Interval,
    /// Weights of the coefficients, in their order; those after treatment are the target's.
    pub weights: Vec<f64>,
    /// Half the length.
    pub half_length: f64,
    /// The estimator's largest bias under the restriction.
    pub max_bias: f64,
    /// The estimator's standard error.
    pub std_error: f64,
}

/// The shortest interval with coverage `1 - alpha` for `target' tau_post` when the slope of the difference in trends
/// changes by at most `m` from one period to the next.
///
/// Among estimators `theta = target' beta_post + l' beta_pre` that a linear difference in trends does not bias, with
/// `u` the twice cumulated `l`, the largest bias is `m (c + sum |u_j|)` and the variance quadratic in `u`. The best
/// trade lies on the path of `min Var / 2 + kappa sum |u_j|`, which is piecewise linear: it is followed exactly, and
/// `kappa` found where the half length, `se cv(bias / se)` with the folded normal's quantile `cv`, is least.
///
/// Rambachan and Roth (2023), doi:10.1093/restud/rdad018, section 4.1; R `HonestDiD::findOptimalFLCI`, which searches
/// numerically and simulates `cv`: half lengths agree to 1e-3 relative, or to 2e-6 with
/// [`HonestOptions::simulated_quantile`](super::HonestOptions). For targets with negative weights R counts the
/// bias of the period of treatment twice; here it is counted once.
///
/// # Errors
/// [`ErrorKind::Shape`], [`ErrorKind::Domain`], and [`ErrorKind::Degenerate`] when the coefficients before treatment
/// are collinear.
pub fn fixed_length(event: &EventCoefficients, target: &[f64], m: f64, alpha: f64) -> Result<FixedLength> {
    fixed_length_by(event, target, m, alpha, None)
}

/// With the folded normal's quantile from `draws` of a normal variable in rising order, if there are any.
pub(super) fn fixed_length_by(
    event: &EventCoefficients,
    target: &[f64],
    m: f64,
    alpha: f64,
    draws: Option<&[f64]>,
) -> Result<FixedLength> {
    event.check(target, m, alpha)?;
    let problem = Tradeoff::new(event, target);
    let u = problem.best(m, alpha)?;
    let (spread, variance) = (problem.spread(&u), problem.variance(&u));
    if variance <= 0.0 {
        return Err(Error::new(ErrorKind::Degenerate, "the estimator has no variance"));
    }
    let (max_bias, std_error) = (m * spread, variance.sqrt());
    let t = max_bias / std_error;
    let quantile = draws.map_or_else(|| folded_quantile(t, alpha).0, |draws| drawn_quantile(draws, t, alpha));
    let half_length = std_error * quantile;
    let weights: Vec<f64> = problem.weights(&u).into_iter().chain(target.iter().copied()).collect();
    let centre = dot(&weights, event.beta());
    let interval = Interval { low: centre - half_length, high: centre + half_length };
    Ok(FixedLength { interval, weights, half_length, max_bias, std_error })
}

/// The `1 - alpha` quantile of |N(t, 1)| and its derivative in `t`, for t >= 0, by Newton's method.
fn folded_quantile(t: f64, alpha: f64) -> (f64, f64) {
    // Above both one-sided quantiles' larger, below the sum: Newton from the right on a function that is concave there.
    let mut c = (t + normal_quantile(1.0 - alpha)).max(normal_quantile(1.0 - alpha / 2.0));
    for _ in 0..60 {
        let missed = normal_cdf(t - c) + normal_cdf(-c - t) - alpha;
        let step = missed / (density(c - t) + density(c + t));
        c += step;
        if step.abs() < 1e-15 * c {
            break;
        }
    }
    let (near, far) = (density(c - t), density(c + t));
    (c, (near - far) / (near + far))
}

/// The `1 - alpha` quantile of |x + t| over the sorted `draws` x, as R `quantile`, type 7.
fn drawn_quantile(draws: &[f64], t: f64, alpha: f64) -> f64 {
    // How many lie in [-q, q].
    let within = |q: f64| {
        draws.partition_point(|&x| x + t <= q).saturating_sub(draws.partition_point(|&x| x + t < -q))
    };
    let ranked = |rank: usize| {
        let (mut low, mut high) = (0.0, t.abs() + 40.0);
        loop {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                return high;
            }
            if within(middle) > rank { high = middle } else { low = middle }
        }
    };
    let at = (draws.len() - 1) as f64 * (1.0 - alpha);
    let (below, above) = (ranked(at.floor() as usize), ranked(at.ceil() as usize));
    below + (at - at.floor()) * (above - below)
}

/// Bias against variance in the free `u_1 .. u_{n_pre - 1}`.
struct Tradeoff {
    /// `Var = u'Qu + 2 g'u + fixed`.
    q: Matrix,
    g: Vec<f64>,
    fixed: f64,
    /// What `sum |u_j|` is added to.
    constant: f64,
    /// `u_{n_pre}`: the slope of the difference in trends enters the target so many times.
    last: f64,
    n_pre: usize,
}

/// Between two bends of the path: the columns that are not 0, and their signs, for `kappa` from here down.
struct Stretch {
    kappa: f64,
    active: Vec<usize>,
    signs: Vec<f64>,
}

impl Tradeoff {
    fn new(event: &EventCoefficients, target: &[f64]) -> Self {
        let (n_pre, n_post) = (event.n_pre(), target.len());
        let last: f64 = target.iter().zip(1..).map(|(l, s)| l * f64::from(s)).sum();
        let tail =
            |from: usize| -> f64 { target[from..].iter().zip(1..).map(|(l, s)| l * f64::from(s)).sum() };
        let constant = (0..n_post).map(|from| tail(from).abs()).sum();
        // l = twice differenced u.
        let to_weights = Matrix::from_fn(n_pre, n_pre, |i, j| {
            if i == j || i == j + 2 {
                1.0
            } else if i == j + 1 {
                -2.0
            } else {
                0.0
            }
        });
        let sigma = event.sigma();
        let before = Matrix::from_fn(n_pre, n_pre, |i, j| sigma[(i, j)]);
        let with_target: Vec<f64> =
            (0..n_pre).map(|i| (0..n_post).map(|j| sigma[(i, n_pre + j)] * target[j]).sum()).collect();
        let quadratic = to_weights.transpose().mul(&before.mul(&to_weights));
        let linear = to_weights.t_mul_vec(&with_target);
        let free = n_pre - 1;
        let target_variance = event.target_variance(target);
        Self {
            q: Matrix::from_fn(free, free, |i, j| quadratic[(i, j)]),
            g: (0..free).map(|i| linear[i] + quadratic[(i, free)] * last).collect(),
            fixed: target_variance + 2.0 * linear[free] * last + quadratic[(free, free)] * last * last,
            constant,
            last,
            n_pre,
        }
    }

    fn spread(&self, u: &[f64]) -> f64 {
        self.constant + u.iter().map(|u| u.abs()).sum::<f64>()
    }

    fn variance(&self, u: &[f64]) -> f64 {
        self.q.bilinear(u, u) + 2.0 * dot(&self.g, u) + self.fixed
    }

    fn weights(&self, u: &[f64]) -> Vec<f64> {
        let at = |j: usize| if j + 1 == self.n_pre { self.last } else { u[j] };
        let back = |j: usize, by: usize| if j >= by { at(j - by) } else { 0.0 };
        (0..self.n_pre).map(|j| at(j) - 2.0 * back(j, 1) + back(j, 2)).collect()
    }

    /// The `u` of the shortest interval.
    fn best(&self, m: f64, alpha: f64) -> Result<Vec<f64>> {
        let path = self.path()?;
        let top = path.first().map_or(0.0, |stretch| stretch.kappa);
        // The sign of the half length's change as kappa falls: below 0, go on.
        let slope = |kappa: f64| -> Result<f64> {
            let u = self.at(&path, kappa)?;
            let se = self.variance(&u).max(f64::MIN_POSITIVE).sqrt();
            let t = m * self.spread(&u) / se;
            let (c, rate) = folded_quantile(t, alpha);
            Ok(m * se * rate - kappa * (c - t * rate))
        };
        if m <= 0.0 || top <= 0.0 {
            return self.at(&path, 0.0);
        }
        let (mut low, mut high) = (0.0, top);
        if slope(high)? >= 0.0 {
            return self.at(&path, high);
        }
        for _ in 0..200 {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                break;
            }
            if slope(middle)? >= 0.0 { low = middle } else { high = middle }
        }
        self.at(&path, low)
    }

    /// The stretches of the path from the largest `kappa` that leaves all at 0 down to 0.
    fn path(&self) -> Result<Vec<Stretch>> {
        let mut path: Vec<Stretch> = Vec::new();
        let mut kappa = self.g.iter().fold(0.0f64, |most, g| most.max(g.abs()));
        let Some(first) = (0..self.g.len()).max_by(|&i, &j| self.g[i].abs().total_cmp(&self.g[j].abs()))
        else {
            return Ok(path);
        };
        if kappa <= 0.0 {
            return Ok(path);
        }
        let (mut active, mut signs) = (vec![first], vec![-self.g[first].signum()]);
        // The column that joined or left last may not turn back at once, the way it came: at its bend it is 0, or its
        // gradient kappa, to rounding.
        let mut moved = (first, 0.0);
        for _ in 0..50 * self.g.len() {
            let (base, rate) = self.solve(&active, &signs)?;
            path.push(Stretch { kappa, active: active.clone(), signs: signs.clone() });
            // u_A = base + kappa rate; which bend comes first as kappa falls? One at the present kappa, when several
            // fall together, comes at once.
            let mut next = (0.0, None);
            for (at, (&b, &r)) in base.iter().zip(&rate).enumerate() {
                let zero = (-b / r).min(kappa);
                if signs[at] * r > 0.0 && zero > next.0 && active[at] != moved.0 {
                    next = (zero, Some((at, 0.0)));
                }
            }
            for j in (0..self.g.len()).filter(|j| !active.contains(j)) {
                let pull = |u: &[f64]| active.iter().zip(u).map(|(&k, u)| self.q[(j, k)] * u).sum::<f64>();
                let (b, r) = (self.g[j] + pull(&base), pull(&rate));
                // The gradient b + kappa r is left behind by +-kappa.
                for sign in [1.0, -1.0] {
                    let pace = 1.0 - sign * r;
                    let reach = (sign * b / pace).min(kappa);
                    let back = j == moved.0 && sign * moved.1 < 0.0;
                    if pace > 1e-12 && reach > next.0 && !back {
                        next = (reach, Some((j, -sign)));
                    }
                }
            }
            let (at, Some(event)) = next else { return Ok(path) };
            kappa = at;
            if event.1.abs() > 0.0 {
                active.push(event.0);
                signs.push(event.1);
                moved = (event.0, 0.0);
            } else {
                moved = (active.remove(event.0), signs.remove(event.0));
            }
        }
        Err(Error::new(ErrorKind::NotConverged, "the path of affine estimators has no end"))
    }

    /// `u_A = base + kappa rate` on a stretch.
    fn solve(&self, active: &[usize], signs: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
        let q = Matrix::from_fn(active.len(), active.len(), |i, j| self.q[(active[i], active[j])]);
        let factor = Cholesky::new(&q).ok_or_else(|| {
            Error::new(
                ErrorKind::Degenerate,
                "the covariance of the coefficients before treatment is singular",
            )
        })?;
        let g: Vec<f64> = active.iter().map(|&j| -self.g[j]).collect();
        let minus: Vec<f64> = signs.iter().map(|s| -s).collect();
        Ok((factor.solve(&g), factor.solve(&minus)))
    }

    fn at(&self, path: &[Stretch], kappa: f64) -> Result<Vec<f64>> {
        let mut u = vec![0.0; self.g.len()];
        let after = path.partition_point(|stretch| stretch.kappa > kappa);
        if let Some(stretch) = after.checked_sub(1).map(|at| &path[at]) {
            let (base, rate) = self.solve(&stretch.active, &stretch.signs)?;
            for (&j, (base, rate)) in stretch.active.iter().zip(base.iter().zip(&rate)) {
                u[j] = base + kappa * rate;
            }
        }
        Ok(u)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    #[test]
    fn the_folded_quantile_inverts_its_distribution() {
        for t in [0.0, 0.3, 1.0, 2.5, 8.0] {
            for alpha in [0.005, 0.05, 0.32] {
                let (c, rate) = folded_quantile(t, alpha);
                assert!((normal_cdf(c - t) - normal_cdf(-c - t) - (1.0 - alpha)).abs() < 1e-13);
                let step = 1e-5;
                let slope = (folded_quantile(t + step, alpha).0 - folded_quantile((t - step).abs(), alpha).0)
                    / (2.0 * step);
                assert!((rate - slope).abs() < 1e-6 || t <= 0.0, "{rate} {slope}");
            }
        }
    }

    #[test]
    fn drawn_quantiles_are_those_of_the_sample() {
        let draws = [-3.0, -1.0, 0.5, 2.0, 4.0];
        // |x + 1|: 2, 0, 1.5, 3, 5; sorted 0, 1.5, 2, 3, 5.
        assert!((drawn_quantile(&draws, 1.0, 0.5) - 2.0).abs() < 1e-12);
        assert!((drawn_quantile(&draws, 1.0, 0.15) - 3.8).abs() < 1e-12);
    }

    fn some(seed: u64, n_pre: usize, n_post: usize) -> EventCoefficients {
        let stream = Stream::new(seed, 0);
        let n = n_pre + n_post;
        let beta: Vec<f64> = (0..n).map(|i| stream.normal(5000 + i as u64)).collect();
        // Every other covariance has a pattern, whose bends fall together.
        let pattern = |entry: &dyn Fn(usize, usize) -> f64| Matrix::from_fn(n, n, |i, j| 0.01 * entry(i, j));
        let patterned = match seed % 8 {
            1 => Some(pattern(&|i, j| if i == j { 1.0 } else { 0.0 })),
            3 => Some(pattern(&|i, j| if i == j { 1.0 } else { 0.5 })),
            5 => Some(pattern(&|i, j| 1.0 + i.min(j) as f64)),
            7 => Some(pattern(&|i, j| if i == j { 1.0 + (i % 2) as f64 } else { 0.0 })),
            _ => None,
        };
        if let Some(sigma) = patterned {
            return EventCoefficients::new(&beta, &sigma, n_pre).unwrap();
        }
        let x = Matrix::from_fn(2 * n, n, |i, j| {
            stream.normal((i * n + j) as u64) + 0.5 * stream.normal(9000 + i as u64)
        });
        EventCoefficients::new(&beta, &x.gram().scaled(0.01), n_pre).unwrap()
    }

    // With one coefficient before treatment there is nothing to choose: beta_1 + beta_-1, bias M.
    #[test]
    fn one_coefficient_each_side_is_a_difference_of_slopes() {
        let event = EventCoefficients::new(&[0.2, 1.0], &Matrix::identity(2).scaled(0.04), 1).unwrap();
        let found = fixed_length(&event, &[1.0], 0.3, 0.05).unwrap();
        assert_eq!(found.weights, [1.0, 1.0]);
        let se = 0.08f64.sqrt();
        assert!((found.std_error - se).abs() < 1e-15 && (found.max_bias - 0.3).abs() < 1e-15);
        assert!((found.interval.low - (1.2 - se * folded_quantile(0.3 / se, 0.05).0)).abs() < 1e-13);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn no_other_unbiased_affine_estimator_gives_a_shorter_interval(seed in 0u64..1000, n_pre in 2usize..8, n_post in 1usize..5, m in 0.0..0.2f64) {
            let event = some(seed, n_pre, n_post);
            let target: Vec<f64> = (0..n_post).map(|s| 1.0 / (s + 1) as f64).collect();
            let problem = Tradeoff::new(&event, &target);
            let best = problem.best(m, 0.05).unwrap();
            let half = |u: &[f64]| {
                let se = problem.variance(u).sqrt();
                se * folded_quantile(m * problem.spread(u) / se, 0.05).0
            };
            let least = half(&best);
            let stream = Stream::new(seed, 3);
            for trial in 0..200u64 {
                let step = 10f64.powi(-((trial % 6) as i32));
                let u: Vec<f64> = best.iter().enumerate()
                    .map(|(j, &b)| if trial % 3 == 0 && j == trial as usize % best.len() { 0.0 } else { b + step * stream.normal(trial * 16 + j as u64) })
                    .collect();
                prop_assert!(half(&u) >= least * (1.0 - 1e-10), "{} < {}", half(&u), least);
            }
            // No linear trend biases it.
            let found = fixed_length(&event, &target, m, 0.05).unwrap();
            let trend = (0..n_pre).map(|j| j as f64 - n_pre as f64).chain((1..=n_post).map(|s| s as f64));
            prop_assert!(found.weights.iter().zip(trend).map(|(w, t)| w * t).sum::<f64>().abs() < 1e-9);
        }

        #[test]
        fn the_mirror_target_has_the_mirror_interval(seed in 0u64..1000, m in 0.0..0.3f64) {
            let event = some(seed, 4, 3);
            let one = fixed_length(&event, &[0.2, 0.5, 0.3], m, 0.1).unwrap();
            let two = fixed_length(&event, &[-0.2, -0.5, -0.3], m, 0.1).unwrap();
            prop_assert!((one.interval.low + two.interval.high).abs() < 1e-9 && (one.half_length - two.half_length).abs() < 1e-9);
        }
    }
}
