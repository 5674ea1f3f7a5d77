//! Noncentral distributions: what test statistics follow when there is an effect.

use crate::special::{beta_cdf, chi_squared_tail, ln_gamma, normal_cdf};
use std::f64::consts::LN_2;

/// P(X > x) for a chi-squared variable on `df` degrees of freedom with noncentrality `lambda`: a Poisson mixture of
/// central ones, summed from its largest weight outwards.
pub(crate) fn noncentral_chi_squared_tail(x: f64, df: f64, lambda: f64) -> f64 {
    let half = 0.5 * lambda;
    if half <= 0.0 {
        return chi_squared_tail(x, df);
    }
    let term = |j: f64| (j * half.ln() - half - ln_gamma(j + 1.0)).exp() * chi_squared_tail(x, df + 2.0 * j);
    let weight = |j: f64| (j * half.ln() - half - ln_gamma(j + 1.0)).exp();
    let middle = half.floor();
    let mut total = 0.0;
    let mut j = middle;
    while weight(j) > 1e-18 {
        total += term(j);
        j += 1.0;
    }
    let mut j = middle - 1.0;
    while j >= 0.0 && weight(j) > 1e-18 {
        total += term(j);
        j -= 1.0;
    }
    total
}

/// P(T <= t) for Student's t on `df` degrees of freedom with noncentrality `delta`: Lenth (1989), algorithm AS 243.
pub(crate) fn noncentral_t_cdf(t: f64, df: f64, delta: f64) -> f64 {
    if t < 0.0 {
        return 1.0 - noncentral_t_cdf(-t, df, -delta);
    }
    if t.is_infinite() {
        return 1.0;
    }
    let (x, half) = (t * t / (df + t * t), 0.5 * delta * delta);
    let mut total = normal_cdf(-delta);
    if half <= 0.0 {
        return total + 0.5 * beta_cdf(x, 0.5, df / 2.0);
    }
    let part = |j: f64| {
        let even = (j * half.ln() - half - ln_gamma(j + 1.0)).exp();
        let odd = delta.signum() * ((j + 0.5) * half.ln() - half - ln_gamma(j + 1.5)).exp();
        // delta / sqrt 2 is the root of `half`, with its sign.
        0.5 * (even * beta_cdf(x, j + 0.5, df / 2.0) + odd * beta_cdf(x, j + 1.0, df / 2.0))
    };
    let weight = |j: f64| (j * half.ln() - half - ln_gamma(j + 1.0) + LN_2).exp();
    let middle = half.floor();
    let mut j = middle;
    while weight(j) > 1e-18 {
        total += part(j);
        j += 1.0;
    }
    let mut j = middle - 1.0;
    while j >= 0.0 && weight(j) > 1e-18 {
        total += part(j);
        j -= 1.0;
    }
    total.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::special::t_cdf;

    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-11, "{found}, expected {expected}");
    }

    // scipy.stats ncx2 and nct, which call Boost.
    #[test]
    fn values_agree_with_another_library() {
        near(1.0 - noncentral_chi_squared_tail(3.0, 1.0, 2.0), 0.623_868_949_278_209_8);
        near(1.0 - noncentral_chi_squared_tail(9.5, 4.0, 7.3), 0.440_836_253_670_206_2);
        near(1.0 - noncentral_chi_squared_tail(2.0, 3.0, 40.0), 8.802_999_711_837_459e-8);
        near(noncentral_t_cdf(2.0, 5.0, 1.0), 0.778_074_662_616_214_8);
        near(noncentral_t_cdf(2.1, 18.0, 2.5), 0.342_359_202_364_232_56);
        near(noncentral_t_cdf(-1.0, 7.0, 0.5), 0.078_102_202_200_877_69);
        near(noncentral_t_cdf(-2.2, 9.0, 1.2), 0.001_323_705_922_626_626);
    }

    // One degree of freedom is a squared normal; no noncentrality is the central one.
    #[test]
    fn special_cases_have_closed_forms() {
        for (x, mean) in [(1.0f64, 0.5f64), (4.0, 2.0), (0.3, 3.0)] {
            let tail = normal_cdf(mean - x.sqrt()) + normal_cdf(-mean - x.sqrt());
            near(noncentral_chi_squared_tail(x, 1.0, mean * mean), tail);
        }
        near(noncentral_t_cdf(1.3, 6.0, 0.0), t_cdf(1.3, 6.0));
        assert!((noncentral_t_cdf(1.3, 4e6, 0.7) - normal_cdf(0.6)).abs() < 1e-6);
    }
}
