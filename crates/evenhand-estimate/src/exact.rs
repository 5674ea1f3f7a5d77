//! Exact and score methods for shares and rates from counts.
//!
//! Fisher's test conditions on both margins of a 2 x 2 table; two-sided p = total probability of tables no more
//! likely than the observed one (as R `fisher.test`), mid-p counts equally likely ones half. Odds ratio: conditional
//! maximum likelihood, exact interval from the noncentral hypergeometric distribution.
//! Shares: Clopper and Pearson (1934), Wilson (1927); difference: Newcombe (1998) hybrid score, method 10,
//! doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I. Risk ratio: Katz et al. (1978) on the log
//! scale. Rate ratio: given the total of two Poisson counts, the first is binomial; exact interval and p.
//!
//! Assumptions: independent events within and between groups; rates are Poisson. Known failures: overdispersed
//! or clustered counts make every interval here too short; exact intervals are conservative for small counts.

use crate::error::proportion;
use crate::special::{beta_quantile, ln_factorial, normal_quantile};
use crate::{Error, ErrorKind, Estimate, Interval, Result};

/// `hits` of `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share {
    hits: u64,
    of: u64,
}

impl Share {
    /// `hits` out of `of`.
    ///
    /// # Errors
    /// [`ErrorKind::Domain`] when `hits` exceeds `of`.
    pub fn new(hits: u64, of: u64) -> Result<Self> {
        if hits > of {
            return Err(Error::new(
                ErrorKind::Domain,
                format!("{hits} of {of}, expected a part of the whole"),
            ));
        }
        Ok(Self { hits, of })
    }

    /// The part.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// The whole.
    #[must_use]
    pub fn of(&self) -> u64 {
        self.of
    }

    /// `hits / of`, 0 to 1; `None` when the whole is 0.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }
}

/// Fisher's exact test. The intervals are on the odds-ratio scale, 0 to `inf`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FisherExact {
    /// Two-sided p-value.
    pub p_value: f64,
    /// Two-sided mid-p, less conservative.
    pub mid_p: f64,
    /// Conditional maximum likelihood estimate, 0 or `inf` at the edge of what the margins allow; `None` when the
    /// margins leave one table only.
    pub odds_ratio: Option<f64>,
    /// Lower end of the exact 95 % interval.
    pub conf_low: f64,
    /// Upper end of the exact 95 % interval.
    pub conf_high: f64,
    /// Lower end of the exact 90 % interval.
    pub conf_low_90: f64,
    /// Upper end of the exact 90 % interval.
    pub conf_high_90: f64,
}

/// Tests that two shares are equal.
///
/// ```
/// use evenhand_estimate::{Share, fisher_exact};
/// let found = fisher_exact(Share::new(28, 51)?, Share::new(148, 627)?)?;
/// assert!((found.p_value - 6.6e-6).abs() < 0.05e-6);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`] when the counts together exceed 2^53.
pub fn fisher_exact(x: Share, y: Share) -> Result<FisherExact> {
    let table = Margins::of(x, y)?;
    let (p_value, mid_p) = two_sided(&|k| table.ln_probability(k), table.low, table.high, x.hits);
    let (conf_low, conf_high) = table.odds_interval(x.hits, 0.05);
    let (conf_low_90, conf_high_90) = table.odds_interval(x.hits, 0.10);
    let odds_ratio = (table.low < table.high).then(|| table.odds_ratio(x.hits));
    Ok(FisherExact { p_value, mid_p, odds_ratio, conf_low, conf_high, conf_low_90, conf_high_90 })
}

/// Exact interval for a share; never shorter than it should be.
///
/// # Errors
/// [`ErrorKind::Domain`] for a level outside (0, 1), [`ErrorKind::Degenerate`] for a share of nothing.
pub fn clopper_pearson(x: Share, level: f64) -> Result<Interval> {
    let alpha = 1.0 - proportion(level, "level")?;
    some(x)?;
    let (k, n) = (x.hits as f64, x.of as f64);
    let low = if x.hits == 0 { 0.0 } else { beta_quantile(alpha / 2.0, k, n - k + 1.0) };
    let high = if x.hits == x.of { 1.0 } else { beta_quantile(1.0 - alpha / 2.0, k + 1.0, n - k) };
    Interval::new(low, high)
}

/// Score interval for a share; close to its level on average.
///
/// # Errors
/// As [`clopper_pearson`].
pub fn wilson(x: Share, level: f64) -> Result<Interval> {
    let z = normal_quantile(0.5 + proportion(level, "level")? / 2.0);
    let (p, n) = (some(x)?, x.of as f64);
    let centre = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    let low = if x.hits == 0 { 0.0 } else { (centre - half) / scale };
    let high = if x.hits == x.of { 1.0 } else { (centre + half) / scale };
    Interval::new(low, high)
}

/// Share of `x` minus share of `y`, -1 to 1: Newcombe intervals, Wald standard error, Fisher p-value.
///
/// # Errors
/// [`ErrorKind::Degenerate`] for a share of nothing.
pub fn share_difference(x: Share, y: Share) -> Result<Estimate> {
    let (p, q) = (some(x)?, some(y)?);
    let interval = |level: f64| -> Result<Interval> {
        let (a, b) = (wilson(x, level)?, wilson(y, level)?);
        Interval::new(p - q - (p - a.low).hypot(b.high - q), p - q + (a.high - p).hypot(q - b.low))
    };
    let wald = (p * (1.0 - p) / x.of as f64 + q * (1.0 - q) / y.of as f64).sqrt();
    Ok(Estimate {
        std_error: Some(wald),
        p_value: Some(fisher_exact(x, y)?.p_value),
        ..Estimate::from_intervals(p - q, interval(0.95)?, interval(0.90)?)
    })
}

/// ln of the share of `x` over the share of `y`: Katz standard error and intervals, Fisher p-value.
///
/// # Errors
/// [`ErrorKind::Degenerate`] when either share is 0 or a share of nothing: use [`share_difference`] then.
pub fn risk_ratio(x: Share, y: Share) -> Result<Estimate> {
    let (p, q) = (some(x)?, some(y)?);
    if x.hits == 0 || y.hits == 0 {
        let message = format!("{} of {} against {} of {}: no finite ratio", x.hits, x.of, y.hits, y.of);
        return Err(Error::new(ErrorKind::Degenerate, message));
    }
    let part = |s: Share| 1.0 / s.hits as f64 - 1.0 / s.of as f64;
    let normal = Estimate::from_std_error((p / q).ln(), (part(x) + part(y)).sqrt(), None);
    Ok(Estimate { p_value: Some(fisher_exact(x, y)?.p_value), ..normal })
}

/// `events` over an `exposure` (population, person-years, periods) above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Events counted.
    pub events: u64,
    /// What they are divided by, above 0.
    pub exposure: f64,
}

/// ln of the rate of `x` over the rate of `y`: exact intervals and p-value. With no event on one side the estimate
/// and one end are infinite; the other end is informative.
///
/// # Errors
/// [`ErrorKind::Domain`] for an exposure that is not above 0, [`ErrorKind::Degenerate`] without any event.
pub fn rate_ratio(x: Rate, y: Rate) -> Result<Estimate> {
    for rate in [x, y] {
        if !(rate.exposure > 0.0 && rate.exposure.is_finite()) {
            let message = format!("exposure {}, expected a finite number above 0", rate.exposure);
            return Err(Error::new(ErrorKind::Domain, message));
        }
    }
    let total = x.events + y.events;
    if total == 0 {
        return Err(Error::new(ErrorKind::Degenerate, "no event on either side: no ratio"));
    }
    let ln_odds = |share: f64| share.ln() - (-share).ln_1p();
    let equal = x.exposure / (x.exposure + y.exposure);
    let to_ln_ratio = |share: f64| ln_odds(share) - (x.exposure / y.exposure).ln();
    let part = Share { hits: x.events, of: total };
    let interval = |level: f64| -> Result<Interval> {
        let shares = clopper_pearson(part, level)?;
        Interval::new(to_ln_ratio(shares.low), to_ln_ratio(shares.high))
    };
    let ln_binomial =
        |k: u64| ln_choose(total, k) + k as f64 * equal.ln() + (total - k) as f64 * (-equal).ln_1p();
    let estimate = to_ln_ratio(x.events as f64 / total as f64);
    let spread = (1.0 / x.events as f64 + 1.0 / y.events as f64).sqrt();
    Ok(Estimate {
        std_error: spread.is_finite().then_some(spread),
        p_value: Some(two_sided(&ln_binomial, 0, total, x.events).0),
        ..Estimate::from_intervals(estimate, interval(0.95)?, interval(0.90)?)
    })
}

fn some(x: Share) -> Result<f64> {
    x.share().ok_or_else(|| Error::new(ErrorKind::Degenerate, "0 of 0: no share"))
}

fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// Two-sided p and mid-p of `x` under a log-concave distribution on `low..=high`, summed from `x` outwards so that
/// even a tiny p keeps its digits. Probabilities within 1e-7 of that of `x` count as equal, as in R.
fn two_sided(ln_probability: &dyn Fn(u64) -> f64, low: u64, high: u64, x: u64) -> (f64, f64) {
    let own = ln_probability(x);
    let equal = 1e-7;
    let mode = first(low, high, |k| ln_probability(k + 1) <= ln_probability(k));
    let (mut total, mut ties) = (0.0, 0.0);
    let mut take = |k: u64| {
        let relative = ln_probability(k) - own;
        let term = relative.exp();
        total += term;
        if relative.abs() <= equal {
            ties += term;
        }
        term > 1e-18 * total
    };
    // Left of the mode probabilities rise: the last one no larger than that of x, then down.
    let risen = first(low, mode + 1, |k| k > mode || ln_probability(k) > own + equal);
    for k in (low..risen).rev() {
        if !take(k) {
            break;
        }
    }
    // Right of it they fall: the first one no larger, then up.
    for k in first(mode + 1, high + 1, |k| k > high || ln_probability(k) <= own + equal)..=high {
        if !take(k) {
            break;
        }
    }
    let scale = own.exp();
    ((scale * total).min(1.0), (scale * (total - 0.5 * ties)).min(1.0))
}

/// The first `k` in `low..=high` for which `holds`, which turns true once; `high` if it never does below.
fn first(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// A 2 x 2 table's margins: `n1` and `n2` drawn, `hits` among them; the first group holds `low..=high` hits.
struct Margins {
    n1: u64,
    n2: u64,
    hits: u64,
    low: u64,
    high: u64,
}

impl Margins {
    fn of(x: Share, y: Share) -> Result<Self> {
        let total = x.of.checked_add(y.of).filter(|&total| total < 1 << 53);
        if total.is_none() {
            return Err(Error::new(
                ErrorKind::Domain,
                format!("{} and {} counted, expected under 2^53", x.of, y.of),
            ));
        }
        let hits = x.hits + y.hits;
        Ok(Self { n1: x.of, n2: y.of, hits, low: hits.saturating_sub(y.of), high: hits.min(x.of) })
    }

    fn ln_probability(&self, k: u64) -> f64 {
        ln_choose(self.n1, k) + ln_choose(self.n2, self.hits - k) - ln_choose(self.n1 + self.n2, self.hits)
    }

    /// P(k + 1) / P(k) at odds ratio 1.
    fn step(&self, k: u64) -> f64 {
        ((self.n1 - k) as f64 * (self.hits - k) as f64)
            / ((k + 1) as f64 * (self.n2 as f64 - (self.hits as f64 - (k + 1) as f64)))
    }

    /// Mean, P(X <= x) and P(X >= x) at the odds ratio exp(`ln_odds`).
    fn at(&self, ln_odds: f64, x: u64) -> (f64, f64, f64) {
        let odds = ln_odds.exp();
        let mode = first(self.low, self.high, |k| self.step(k) * odds <= 1.0);
        let (mut total, mut mean, mut below, mut above) = (0.0, 0.0, 0.0, 0.0);
        let mut take = |k: u64, weight: f64| {
            total += weight;
            mean += weight * k as f64;
            below += if k <= x { weight } else { 0.0 };
            above += if k >= x { weight } else { 0.0 };
            weight > 1e-20 * total
        };
        let mut weight = 1.0;
        take(mode, weight);
        for k in mode..self.high {
            weight *= self.step(k) * odds;
            if !take(k + 1, weight) {
                break;
            }
        }
        weight = 1.0;
        for k in (self.low..mode).rev() {
            weight /= self.step(k) * odds;
            if !take(k, weight) {
                break;
            }
        }
        (mean / total, below / total, above / total)
    }

    fn odds_ratio(&self, x: u64) -> f64 {
        if x == self.low {
            return 0.0;
        }
        if x == self.high {
            return f64::INFINITY;
        }
        increasing_root(|ln_odds| self.at(ln_odds, x).0 - x as f64).exp()
    }

    fn odds_interval(&self, x: u64, alpha: f64) -> (f64, f64) {
        let low = if x == self.low {
            0.0
        } else {
            increasing_root(|ln_odds| self.at(ln_odds, x).2 - alpha / 2.0).exp()
        };
        let high = if x == self.high {
            f64::INFINITY
        } else {
            increasing_root(|ln_odds| alpha / 2.0 - self.at(ln_odds, x).1).exp()
        };
        (low, high)
    }
}

/// Root of an increasing function, by bracketing from 0 and bisection.
fn increasing_root(f: impl Fn(f64) -> f64) -> f64 {
    let mut reach = 1.0;
    while reach < 700.0 && f(-reach) > 0.0 {
        reach *= 2.0;
    }
    let mut low = -reach;
    reach = 1.0;
    while reach < 700.0 && f(reach) < 0.0 {
        reach *= 2.0;
    }
    let mut high = reach;
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if high - low <= 1e-14 * middle.abs().max(1.0) {
            break;
        }
        if f(middle) < 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn share(hits: u64, of: u64) -> Share {
        Share::new(hits, of).unwrap()
    }

    #[track_caller]
    fn near(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= relative * expected.abs(), "{found}, expected {expected}");
    }

    // The two p-values that the docket's second replication target publishes, to their two printed digits.
    #[test]
    fn published_tables_give_their_published_p() {
        near(fisher_exact(share(28, 51), share(148, 627)).unwrap().p_value, 6.6e-6, 0.05 / 6.6);
        near(fisher_exact(share(60, 132), share(148, 627)).unwrap().p_value, 9.7e-7, 0.05 / 9.7);
    }

    /// All probabilities by exact integer binomials.
    fn brute(x: Share, y: Share) -> (f64, f64) {
        let choose = |n: u64, k: u64| (0..k).fold(1u128, |c, i| c * u128::from(n - i) / u128::from(i + 1));
        let hits = x.hits + y.hits;
        let table = |k: u64| choose(x.of, k) * choose(y.of, hits - k);
        let range = hits.saturating_sub(y.of)..=hits.min(x.of);
        let own = table(x.hits);
        let total = choose(x.of + y.of, hits) as f64;
        let less: u128 = range.clone().map(table).filter(|&p| p < own).sum();
        let equal: u128 = range.map(table).filter(|&p| p == own).sum();
        ((less + equal) as f64 / total, (less as f64 + equal as f64 / 2.0) / total)
    }

    proptest! {
        // 1e-11: sums of up to 40 terms from logarithms good to 1e-13.
        #[test]
        fn fisher_equals_whole_number_arithmetic(a in 0u64..20, b in 0u64..20, c in 0u64..20, d in 0u64..20) {
            let (x, y) = (share(a, a + b), share(c, c + d));
            let found = fisher_exact(x, y).unwrap();
            let (p, mid) = brute(x, y);
            prop_assert!((found.p_value - p).abs() < 1e-11 * p, "{} {}", found.p_value, p);
            prop_assert!((found.mid_p - mid).abs() < 1e-11 * mid.max(1e-300));
            let swapped = fisher_exact(y, x).unwrap();
            prop_assert!((found.p_value - swapped.p_value).abs() < 1e-11);
            if let (Some(odds), Some(inverse)) = (found.odds_ratio, swapped.odds_ratio)
                && odds > 0.0 && odds.is_finite()
            {
                prop_assert!((odds * inverse - 1.0).abs() < 1e-9);
                prop_assert!(found.conf_low <= found.conf_low_90 && found.conf_low_90 <= odds);
                prop_assert!(odds <= found.conf_high_90 && found.conf_high_90 <= found.conf_high);
            }
        }

        #[test]
        fn intervals_hold_their_share_and_mirror(hits in 0u64..60, more in 1u64..60) {
            let x = share(hits, hits + more);
            let p = x.share().unwrap();
            let mirrored = share(more, hits + more);
            for interval in [clopper_pearson, wilson] {
                let found = interval(x, 0.95).unwrap();
                let other = interval(mirrored, 0.95).unwrap();
                prop_assert!(found.contains(p) && found.low >= 0.0 && found.high <= 1.0);
                prop_assert!((found.low - (1.0 - other.high)).abs() < 1e-12);
            }
        }
    }

    // Fisher's lady, 3 of 4 against 1 of 4. The odds ratio solves sum (k - 3) w_k psi^k = 0 with weights 1, 16, 36,
    // 16, 1, and the lower end P(X >= 3) = 0.025; R prints 6.408309, 0.2117329 and 621.9337505, and one-sided
    // 0.3135693, found to a tolerance of 1e-4 of the odds ratio or, above 1, of its inverse.
    #[test]
    fn the_lady_tasting_tea_gets_her_published_answer() {
        let found = fisher_exact(share(3, 4), share(1, 4)).unwrap();
        near(found.p_value, 34.0 / 70.0, 1e-12);
        let psi = found.odds_ratio.unwrap();
        assert!((psi.powi(4) - 36.0 * psi * psi - 32.0 * psi - 3.0).abs() < 1e-9 * psi.powi(4));
        let tail = |psi: f64| {
            let weights = [1.0, 16.0 * psi, 36.0 * psi.powi(2), 16.0 * psi.powi(3), psi.powi(4)];
            (weights[3] + weights[4]) / weights.iter().sum::<f64>()
        };
        near(tail(found.conf_low), 0.025, 1e-11);
        near(psi, 6.408_309, 1e-4);
        near(found.conf_low, 0.211_732_9, 1e-4);
        near(found.conf_low_90, 0.313_569_3, 1e-4);
        let top = found.conf_high;
        near(
            1.0 + 16.0 / top + 36.0 / top.powi(2) + 16.0 / top.powi(3) + 1.0 / top.powi(4),
            1.0 / 0.975,
            1e-12,
        );
        near(top, 621.933_750_5, 1e-2);
    }

    // Clopper-Pearson has closed forms at the edges; Newcombe (1998), table II, example (a): 56/70 against 48/80.
    #[test]
    fn intervals_meet_closed_forms_and_published_examples() {
        near(clopper_pearson(share(0, 20), 0.95).unwrap().high, 1.0 - 0.025f64.powf(0.05), 1e-12);
        near(clopper_pearson(share(20, 20), 0.95).unwrap().low, 0.025f64.powf(0.05), 1e-12);
        let newcombe = share_difference(share(56, 70), share(48, 80)).unwrap();
        near(newcombe.conf_low, 0.0524, 1e-3);
        near(newcombe.conf_high, 0.3339, 1e-3);
        let katz = risk_ratio(share(15, 100), share(10, 100)).unwrap();
        near(katz.estimate, 1.5f64.ln(), 1e-12);
        near(katz.std_error.unwrap(), (1.0f64 / 15.0 + 1.0 / 10.0 - 2.0 / 100.0).sqrt(), 1e-12);
    }

    // 20 events and 10 in equal exposures: p is that of 20 heads in 30 tosses, by whole numbers.
    #[test]
    fn a_rate_ratio_is_a_coin_when_exposures_are_equal() {
        let found =
            rate_ratio(Rate { events: 20, exposure: 3.0 }, Rate { events: 10, exposure: 3.0 }).unwrap();
        let choose = |k: u64| (0..k).fold(1u128, |c, i| c * u128::from(30 - i) / u128::from(i + 1));
        let tail: u128 = (20..=30).map(choose).sum();
        near(found.p_value.unwrap(), 2.0 * tail as f64 / f64::from(1u32 << 30), 1e-12);
        near(found.estimate, 2f64.ln(), 1e-12);
        assert!(found.conf_low < found.conf_low_90 && found.conf_low_90 < found.estimate);
        let halved =
            rate_ratio(Rate { events: 20, exposure: 6.0 }, Rate { events: 10, exposure: 3.0 }).unwrap();
        assert!(halved.estimate.abs() < 1e-12 && halved.p_value.unwrap() > 0.99);
        let none = rate_ratio(Rate { events: 0, exposure: 1.0 }, Rate { events: 9, exposure: 1.0 }).unwrap();
        assert!(none.conf_low.is_infinite() && none.conf_high < 0.0 && none.std_error.is_none());
    }

    #[test]
    fn large_tables_stay_exact_and_quick() {
        let found = fisher_exact(share(30_000, 110_104), share(41_000, 143_470)).unwrap();
        let odds = (30_000.0 * (143_470.0 - 41_000.0)) / (41_000.0 * (110_104.0 - 30_000.0));
        near(found.odds_ratio.unwrap(), odds, 1e-5);
        assert!(found.p_value > 0.0 && found.p_value < 1e-10);
    }

    #[test]
    fn empty_and_wrong_counts_are_typed() {
        assert_eq!(Share::new(2, 1).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(clopper_pearson(share(0, 0), 0.95).unwrap_err().kind(), ErrorKind::Degenerate);
        assert_eq!(wilson(share(1, 2), 1.0).unwrap_err().kind(), ErrorKind::Domain);
        assert_eq!(risk_ratio(share(0, 9), share(1, 9)).unwrap_err().kind(), ErrorKind::Degenerate);
        let nothing = fisher_exact(share(0, 0), share(0, 9)).unwrap();
        assert!((nothing.p_value - 1.0).abs() < 1e-12 && nothing.odds_ratio.is_none());
        let bad = rate_ratio(Rate { events: 1, exposure: 0.0 }, Rate { events: 1, exposure: 1.0 });
        assert_eq!(bad.unwrap_err().kind(), ErrorKind::Domain);
        let empty = rate_ratio(Rate { events: 0, exposure: 1.0 }, Rate { events: 0, exposure: 1.0 });
        assert_eq!(empty.unwrap_err().kind(), ErrorKind::Degenerate);
    }
}
