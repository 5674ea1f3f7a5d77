//! Placebo units: the treated unit's effect among the effects that donors show without treatment.
//!
//! Formula: statistic s_i = mean gap from adoption on / RMSPE before adoption; rank p = (1 + #{|s_j| >= |s_1|}) / (J + 1).
//! Placebo variance: V = (1/B) sum (tau_b - mean tau)^2 over placebo effects; interval tau ± z sqrt(V).
//! Rank set: effects tau_0 for which (1 + #{|tau_j| >= |tau - tau_0|}) / (J + 1) > alpha.
//!
//! Papers: Abadie, Diamond and Hainmueller (2010), doi:10.1198/jasa.2009.ap08746 (ranks); Arkhangelsky et al.
//! (2021), doi:10.1257/aer.20190159, algorithm 4 (variance).
//! Assumptions: the treated unit's untreated noise is exchangeable with the donors' (ranks), or as variable
//! (variance). Known failures: a treated unit much noisier or quieter than its donors; fewer than 19 donors, when
//! the least p, 1 / (J + 1), exceeds 0.05. Each donor is refitted on the other donors; the treated unit never
//! serves as a donor. Checked against R `synthdid` 0.0.9, donor by donor.

use crate::special::normal_quantile;
use crate::synthetic_fit::mean;
use crate::{ConfidenceSet, Design, Error, ErrorKind, Estimate, Interval, Result, Stream, SyntheticFit};
use rayon::prelude::*;

/// One donor in the treated unit's place.
#[derive(Debug, Clone, PartialEq)]
pub struct Placebo {
    /// Label of the donor.
    pub donor: String,
    /// Its mean gap from adoption on, where nothing was adopted.
    pub estimate: f64,
    /// Its root mean square gap before adoption.
    pub pre_rmspe: f64,
    /// `estimate / pre_rmspe`; `None` when it fits perfectly before adoption.
    pub statistic: Option<f64>,
    /// Its gap in each period, shape (T,).
    pub gap: Vec<f64>,
}

/// The treated unit among `J` placebos.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceboUnits {
    /// The treated unit's own fit.
    pub fit: SyntheticFit,
    /// Effect with the placebo standard error, normal intervals, and `rank_p` as p-value.
    pub estimate: Estimate,
    /// One per donor, in the design's order.
    pub placebos: Vec<Placebo>,
    /// Mean gap over RMSPE of the treated unit; `None` when it fits perfectly before adoption.
    pub statistic: Option<f64>,
    /// Rank p-value of `statistic`. Placebos without a statistic count as at least as large; it is 1 when the
    /// treated unit has none.
    pub rank_p: f64,
    /// The same for the effect itself, not divided by the RMSPE.
    pub rank_p_raw: f64,
    /// 1 / (J + 1), the least p-value that `J` donors allow.
    pub rank_p_floor: f64,
    /// Standard deviation of the placebo effects, divisor J.
    pub placebo_sd: f64,
    /// Effects that the ranks of the placebo effects do not reject at 5 %.
    pub rank_set_95: ConfidenceSet,
    /// Effects that the ranks of the placebo effects do not reject at 10 %.
    pub rank_set_90: ConfidenceSet,
}

/// Fits the treated unit and every donor in its place. `fit` is any estimator of this crate.
///
/// ```
/// use evenhand_estimate::{Design, did, placebo_units};
/// use evenhand_panel::Panel;
/// let panel = Panel::from_text("unit 1 2 3\na 1 2 *9\nb 2 1 2\nc 4 5 4\nd 3 1 2").unwrap();
/// let found = placebo_units(&Design::new(&panel)?, did)?;
/// assert!((found.rank_p - 0.25).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`] for a design with several treated units (use [`placebo_std_error`]),
/// [`ErrorKind::NoDonors`] for fewer than two donors, and the first error of `fit` in donor order.
pub fn placebo_units<F>(design: &Design, fit: F) -> Result<PlaceboUnits>
where
    F: Fn(&Design) -> Result<SyntheticFit> + Sync,
{
    if design.n_treated() != 1 {
        let message = format!("{} treated units, expected one for placebo ranks", design.n_treated());
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let own = fit(design)?;
    let fits: Vec<Result<SyntheticFit>> =
        (0..design.n_donors()).into_par_iter().map(|j| fit(&design.placebo(j)?)).collect();
    Ok(ranked(design, own, fits.into_iter().collect::<Result<Vec<SyntheticFit>>>()?))
}

/// Ranks among fits that were made already, one for each donor in the treated unit's place.
pub(crate) fn ranked(design: &Design, own: SyntheticFit, fits: Vec<SyntheticFit>) -> PlaceboUnits {
    let placebos: Vec<Placebo> = fits
        .into_iter()
        .enumerate()
        .map(|(j, found)| Placebo {
            donor: design.donors()[j].clone(),
            estimate: found.estimate,
            pre_rmspe: found.pre_rmspe,
            statistic: statistic(&found, design.donor(j)),
            gap: found.gap,
        })
        .collect();
    let statistic = statistic(&own, design.treated());
    let effects: Vec<f64> = placebos.iter().map(|placebo| placebo.estimate).collect();
    let placebo_sd = population_sd(&effects);
    let rank_p = statistic.map_or(1.0, |own| {
        let larger = |placebo: &&Placebo| placebo.statistic.is_none_or(|s| s.abs() >= own.abs());
        rank_p_value(placebos.iter().filter(larger).count(), placebos.len())
    });
    let larger = effects.iter().filter(|effect| effect.abs() >= own.estimate.abs()).count();
    PlaceboUnits {
        estimate: Estimate {
            statistic,
            p_value: Some(rank_p),
            ..Estimate::from_std_error(own.estimate, placebo_sd, None)
        },
        statistic,
        rank_p,
        rank_p_raw: rank_p_value(larger, effects.len()),
        rank_p_floor: rank_p_value(0, effects.len()),
        placebo_sd,
        rank_set_95: rank_set(own.estimate, &effects, 0.05),
        rank_set_90: rank_set(own.estimate, &effects, 0.10),
        fit: own,
        placebos,
    }
}

/// Effect over RMSPE, `None` when the RMSPE is rounding error.
fn statistic(fit: &SyntheticFit, treated: &[f64]) -> Option<f64> {
    let size = treated.iter().fold(0.0f64, |size, y| size.max(y.abs()));
    (fit.pre_rmspe > 1e-12 * size).then(|| fit.estimate / fit.pre_rmspe)
}

fn rank_p_value(larger: usize, placebos: usize) -> f64 {
    (1 + larger) as f64 / (placebos + 1) as f64
}

fn rank_set(estimate: f64, effects: &[f64], alpha: f64) -> ConfidenceSet {
    let mut sizes: Vec<f64> = effects.iter().map(|effect| effect.abs()).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    // Not rejected while more than alpha (J + 1) - 1 placebos are at least as large.
    let needed = (alpha * (sizes.len() + 1) as f64 + 1e-9).floor() as usize;
    match needed.checked_sub(1) {
        None => ConfidenceSet::Unbounded { hull: Interval::ALL },
        Some(at) => {
            ConfidenceSet::Interval(Interval { low: estimate - sizes[at], high: estimate + sizes[at] })
        }
    }
}

/// Standard error from `draws` placebo groups of as many donors as there are treated units, drawn without
/// replacement (algorithm 4 of the paper). With one treated unit, [`placebo_units()`] uses every donor once instead.
///
/// # Errors
/// [`ErrorKind::NoDonors`] when there are no more donors than treated units, [`ErrorKind::Domain`] for fewer than
/// two draws, and the first error of `fit` in the order of draws.
pub fn placebo_std_error<F>(design: &Design, fit: F, draws: usize, seed: u64) -> Result<f64>
where
    F: Fn(&Design) -> Result<SyntheticFit> + Sync,
{
    let (n, group) = (design.n_donors(), design.n_treated());
    if n <= group {
        let message = format!("{n} donors for {group} treated units, expected more donors");
        return Err(Error::new(ErrorKind::NoDonors, message));
    }
    if draws < 2 {
        return Err(Error::new(ErrorKind::Domain, format!("{draws} draws, expected two or more")));
    }
    let fits: Vec<Result<f64>> = (0..draws)
        .into_par_iter()
        .map(|draw| {
            let chosen = sample(&Stream::new(seed, draw as u64), n, group);
            Ok(fit(&design.placebo_group(&chosen)?)?.estimate)
        })
        .collect();
    let effects = fits.into_iter().collect::<Result<Vec<f64>>>()?;
    Ok(population_sd(&effects))
}

/// `k` of `n` without replacement: the head of a Fisher–Yates shuffle.
fn sample(stream: &Stream, n: usize, k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in 0..k {
        let other = i + stream.below(i as u64, n - i);
        order.swap(i, other);
    }
    order.truncate(k);
    order
}

fn population_sd(values: &[f64]) -> f64 {
    let centre = mean(values);
    (values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

impl PlaceboUnits {
    /// Normal interval at any level between 0 and 1 from the placebo standard error.
    #[must_use]
    pub fn interval(&self, level: f64) -> Interval {
        let half = normal_quantile(0.5 + level.clamp(0.0, 1.0) / 2.0) * self.placebo_sd;
        Interval { low: self.fit.estimate - half, high: self.fit.estimate + half }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SyntheticDidOptions, did, synthetic_did};

    fn noise(seed: u64, donors: usize, periods: usize, n_pre: usize) -> Design {
        let stream = Stream::new(seed, 5);
        let series =
            |i: usize| (0..periods).map(|t| stream.normal((i * periods + t) as u64)).collect::<Vec<f64>>();
        let pool: Vec<(String, Vec<f64>)> = (0..donors).map(|i| (format!("d{i:02}"), series(i))).collect();
        let labels: Vec<String> = (0..periods).map(|t| t.to_string()).collect();
        Design::from_series(&series(donors), &pool, &labels, n_pre).unwrap()
    }

    // Exchangeable units: the rank is uniform, so p <= 0.1 has probability 2/20; 400 runs, four standard errors.
    #[test]
    fn the_rank_test_holds_its_size_on_noise() {
        let rejected = (0..400)
            .filter(|&seed| {
                let found = placebo_units(&noise(seed, 19, 10, 7), did).unwrap();
                found.rank_p <= 0.1
            })
            .count();
        let share = rejected as f64 / 400.0;
        assert!((share - 0.1).abs() < 4.0 * (0.1f64 * 0.9 / 400.0).sqrt(), "{share}");
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bytes() {
        let design = noise(3, 25, 20, 14);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let fit = |d: &Design| synthetic_did(d, &SyntheticDidOptions::default());
                let sampled = placebo_std_error(&design, fit, 60, 9).unwrap();
                (placebo_units(&design, fit).unwrap(), sampled)
            })
        };
        assert_eq!(run(1), run(4));
    }

    #[test]
    fn few_donors_leave_the_set_unbounded() {
        let found = placebo_units(&noise(1, 9, 8, 6), did).unwrap();
        assert_eq!(found.rank_set_95, ConfidenceSet::Unbounded { hull: Interval::ALL });
        let ten = found.rank_set_90.hull().unwrap();
        let largest = found.placebos.iter().map(|p| p.estimate.abs()).fold(0.0, f64::max);
        assert!((ten.width() - 2.0 * largest).abs() < 1e-12);
        assert_eq!(placebo_units(&noise(1, 1, 8, 6), did).unwrap_err().kind(), ErrorKind::NoDonors);
    }

    #[test]
    fn flat_units_do_not_divide_by_zero() {
        let zeros = noise(1, 4, 6, 4).map(|_| 0.0).unwrap();
        let found = placebo_units(&zeros, did).unwrap();
        assert_eq!((found.statistic, found.placebos[0].statistic), (None, None));
        assert!((found.rank_p - 1.0).abs() < 1e-15 && found.placebo_sd.abs() < 1e-15);
    }

    #[test]
    fn groups_are_drawn_without_replacement() {
        for seed in 0..50 {
            let mut chosen = sample(&Stream::new(seed, 0), 9, 5);
            chosen.sort_unstable();
            chosen.dedup();
            assert_eq!(chosen.len(), 5);
        }
    }
}
