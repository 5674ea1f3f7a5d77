use super::{
    ClusteredRegression, RandomizationOptions, Restrictions, WildClusterBootstrapOptions, WildWeights,
    randomization_inference, wild_cluster_bootstrap,
};
use crate::{Cells, Error, ErrorKind, Estimate, Result, Stream};
use rayon::prelude::*;

/// A design with few treated clusters in which the null of no effect is true.
#[derive(Debug, Clone, PartialEq)]
pub struct FewTreated {
    /// Clusters that adopt, all in the middle period.
    pub treated: usize,
    /// All clusters, 50 by default.
    pub clusters: usize,
    /// Periods, 20 by default.
    pub periods: usize,
    /// Spread of the logarithm of the clusters' standard deviations, 0.5 by default: some are far noisier.
    pub spread: f64,
}

impl FewTreated {
    /// 50 clusters over 20 periods.
    #[must_use]
    pub fn new(treated: usize) -> Self {
        Self { treated, clusters: 50, periods: 20, spread: 0.5 }
    }
}

/// How often each procedure rejects a true null at 5 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RejectionRates {
    /// The cluster sandwich with t(G - 1).
    pub sandwich: f64,
    /// The wild cluster bootstrap, null imposed, Rademacher.
    pub wild_bootstrap: f64,
    /// Randomization inference on the t-statistic.
    pub randomization: f64,
    /// Simulated samples.
    pub runs: usize,
}

/// Rejection rates of a true null in `runs` simulated samples, `draws` bootstrap draws and arrangements in each.
///
/// Outcomes are a cluster effect, a period effect and noise that is correlated over time with a standard deviation
/// of each cluster's own; treated clusters are the first, and since deviations are drawn anew in each sample they
/// are exchangeable with the others. This is why the [`ladder`](super::ladder) has its rungs: with two or three
/// treated clusters the sandwich rejects several times too often and the wild bootstrap all but never, while
/// randomization of the t-statistic keeps its level.
///
/// # Errors
/// [`ErrorKind::Domain`] for a design without treated or untreated clusters, or fewer than four periods; those of
/// the procedures.
pub fn rejection_rates(design: &FewTreated, runs: usize, draws: usize, seed: u64) -> Result<RejectionRates> {
    if design.treated == 0 || design.treated >= design.clusters || design.periods < 4 || runs == 0 {
        let message = format!(
            "{} treated of {} clusters over {} periods in {runs} runs, expected some treated, some not, 4 periods \
             or more and a run",
            design.treated, design.clusters, design.periods
        );
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let all: Vec<u64> = (0..runs as u64).collect();
    let rejected: Vec<[bool; 3]> =
        all.par_iter().map(|&run| one_sample(design, draws, seed, run)).collect::<Result<_>>()?;
    let rate = |j: usize| rejected.iter().filter(|one| one[j]).count() as f64 / runs as f64;
    Ok(RejectionRates { sandwich: rate(0), wild_bootstrap: rate(1), randomization: rate(2), runs })
}

/// Whether the sandwich, the wild bootstrap and randomization reject in one sample.
fn one_sample(design: &FewTreated, draws: usize, seed: u64, run: u64) -> Result<[bool; 3]> {
    let stream = Stream::new(seed, run);
    let (g, t) = (design.clusters as u64, design.periods as u64);
    let start = (t / 2) as f64 + 1.0;
    let (mut unit, mut period, mut outcome, mut cohort) = (vec![], vec![], vec![], vec![]);
    for i in 0..g {
        let deviation = (design.spread * stream.normal(i)).exp();
        let effect = stream.normal(g + i);
        let mut noise = stream.normal(2 * g + i);
        for s in 0..t {
            // An autoregression with coefficient 0.5 and variance 1.
            noise = 0.5 * noise + 0.75f64.sqrt() * stream.normal(3 * g + i * t + s);
            unit.push(i);
            period.push(s as f64 + 1.0);
            outcome.push(effect + (s as f64).sqrt() + deviation * noise);
            cohort.push(if i < design.treated as u64 { start } else { 0.0 });
        }
    }
    let cells = Cells::new(&unit, &period, &outcome)?.with_cohort(&cohort)?;
    let randomization = RandomizationOptions { draws, seed: seed ^ run, ..Default::default() };
    let randomized = randomization_inference(&cells, &randomization)?;
    let wild = WildClusterBootstrapOptions {
        draws,
        seed: seed ^ run,
        weights: Some(WildWeights::Rademacher),
        intervals: false,
        ..Default::default()
    };
    let regression = ClusteredRegression::twfe(&cells)?;
    let wild = wild_cluster_bootstrap(&regression, &Restrictions::coefficient(0, 1, 0.0), &wild)?;
    let std_error = randomized.estimate.std_error.unwrap_or(f64::INFINITY);
    let df = Some(design.clusters as f64 - 1.0);
    let sandwich = Estimate::from_std_error(randomized.estimate.estimate, std_error, df);
    let rejects = |p: Option<f64>| p.is_some_and(|p| p <= 0.05);
    Ok([rejects(sandwich.p_value), wild.p_value <= 0.05, randomized.p_value <= 0.05])
}

#[cfg(test)]
mod tests {
    use super::*;

    // 200 samples: four standard errors of a rate of 5 % are 6.2 points. With two treated clusters of 50 methods
    // 4 measured 25.5 % for the sandwich, 0.1 % for the wild bootstrap and 6.3 % for randomization.
    #[test]
    fn two_treated_clusters_break_all_but_randomization() {
        let rates = rejection_rates(&FewTreated::new(2), 200, 199, 1).unwrap();
        assert!(rates.sandwich > 0.13, "{rates:?}");
        assert!(rates.wild_bootstrap < 0.03, "{rates:?}");
        assert!((rates.randomization - 0.05).abs() < 0.062, "{rates:?}");
    }

    #[test]
    fn many_treated_clusters_break_none() {
        let rates = rejection_rates(&FewTreated::new(25), 200, 199, 2).unwrap();
        for rate in [rates.sandwich, rates.wild_bootstrap, rates.randomization] {
            assert!((rate - 0.05).abs() < 0.065, "{rates:?}");
        }
    }

    #[test]
    fn designs_without_a_comparison_are_refused() {
        let kind = |treated| rejection_rates(&FewTreated::new(treated), 10, 9, 0).unwrap_err().kind();
        assert_eq!((kind(0), kind(50)), (ErrorKind::Domain, ErrorKind::Domain));
    }
}
