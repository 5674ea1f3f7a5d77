//! Checks of one fit against what the same method finds where nothing happened: RMSPE ratios of every donor, moved
//! dates, and the donor pool less one donor.
//!
//! Formula: ratio_i = RMSPE after adoption / RMSPE before; p = (1 + #{ratio_j >= ratio_1}) / (J + 1) over the donors
//! whose RMSPE before is at most `cutoff` times the treated unit's.
//! Papers: Abadie, Diamond and Hainmueller (2010), doi:10.1198/jasa.2009.ap08746 (ratios and cutoffs) and (2015),
//! doi:10.1111/ajps.12116 (dates, leave-one-out). Assumptions: as [`placebo_units`](crate::placebo_units()).
//! Known failures: the least p is 1 / (J + 1); a donor that fits perfectly before adoption has no ratio and counts
//! as at least as large.
//! All take the fit as a function, so they serve every estimator of one treated series. Checked against an exact
//! quadratic programme on Proposition 99, Germany, the Basque Country and Kansas.

use crate::{Design, Error, ErrorKind, PlaceboUnits, Result, SyntheticFit};
use rayon::prelude::*;

/// RMSPE ratios of one treated unit and its donors.
#[derive(Debug, Clone, PartialEq)]
pub struct RmspeRatios {
    /// Ratio of the treated unit; `None` when it fits perfectly before adoption.
    pub ratio: Option<f64>,
    /// Ratio of each donor in the design's order; `None` when it fits perfectly before adoption.
    pub donors: Vec<Option<f64>>,
    /// Rank p-value over all donors; 1 when the treated unit has no ratio.
    pub p_value: f64,
    /// The same over the donors that fit well enough, one row for each cutoff asked for.
    pub cutoffs: Vec<RatioCutoff>,
}

/// The rank of the treated unit among donors that fit about as well as it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioCutoff {
    /// Donors with an RMSPE before adoption of more than this many times the treated unit's are left out.
    pub cutoff: f64,
    /// Donors kept.
    pub n_donors: usize,
    /// Rank p-value over those.
    pub p_value: f64,
}

/// Ranks the treated unit's RMSPE ratio among those of the placebos, also under cutoffs (5 and 2 are customary;
/// as ratios of RMSPE, not of its square).
///
/// ```
/// use evenhand_estimate::{Design, placebo_units, rmspe_ratios, synthetic_control};
/// use evenhand_panel::Panel;
/// let panel = Panel::from_text("unit 1 2 3 4\na 1 2 2 *9\nb 2 1 2 2\nc 4 5 4 5\nd 3 1 2 2").unwrap();
/// let design = Design::new(&panel)?;
/// let found = rmspe_ratios(&placebo_units(&design, synthetic_control)?, design.n_pre(), &[5.0]);
/// assert_eq!((found.donors.len(), found.cutoffs[0].cutoff), (3, 5.0));
/// assert!(found.p_value >= 0.25);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
#[must_use]
pub fn rmspe_ratios(placebos: &PlaceboUnits, n_pre: usize, cutoffs: &[f64]) -> RmspeRatios {
    let own = fitted(&placebos.fit.gap, n_pre);
    let size = placebos.fit.counterfactual.iter().fold(0.0f64, |size, y| size.max(y.abs()));
    let donors: Vec<Fitted> = placebos.placebos.iter().map(|placebo| fitted(&placebo.gap, n_pre)).collect();
    let rank = |kept: &dyn Fn(&Fitted) -> bool| {
        let kept: Vec<&Fitted> = donors.iter().filter(|donor| kept(donor)).collect();
        let p_value = own.ratio(size).map_or(1.0, |own| {
            let larger =
                kept.iter().filter(|donor| donor.ratio(size).is_none_or(|ratio| ratio >= own)).count();
            (1 + larger) as f64 / (1 + kept.len()) as f64
        });
        (kept.len(), p_value)
    };
    RmspeRatios {
        ratio: own.ratio(size),
        donors: donors.iter().map(|donor| donor.ratio(size)).collect(),
        p_value: rank(&|_| true).1,
        cutoffs: cutoffs
            .iter()
            .map(|&cutoff| {
                let (n_donors, p_value) = rank(&|donor| donor.pre <= cutoff * own.pre);
                RatioCutoff { cutoff, n_donors, p_value }
            })
            .collect(),
    }
}

struct Fitted {
    pre: f64,
    post: f64,
}

impl Fitted {
    /// `None` when the fit before adoption is exact up to rounding.
    fn ratio(&self, size: f64) -> Option<f64> {
        (self.pre > 1e-12 * size).then(|| self.post / self.pre)
    }
}

fn fitted(gap: &[f64], n_pre: usize) -> Fitted {
    Fitted { pre: root_mean_square(&gap[..n_pre]), post: root_mean_square(&gap[n_pre..]) }
}

fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|x| x * x).sum::<f64>() / values.len() as f64).sqrt()
}

/// One moved date.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceboDate {
    /// The period in which adoption is pretended.
    pub period: String,
    /// Periods before it.
    pub n_pre: usize,
    /// The fit; its estimate is the mean gap between the pretended and the true adoption.
    pub fit: SyntheticFit,
}

/// In-time placebos: the periods before adoption only, with adoption moved to each of `n_pre` (numbers of periods
/// before the pretended date).
///
/// # Errors
/// [`ErrorKind::TooFewPeriods`] when a date leaves no period on one side, and the first error of `fit`.
pub fn placebo_dates<F>(design: &Design, n_pre: &[usize], fit: F) -> Result<Vec<PlaceboDate>>
where
    F: Fn(&Design) -> Result<SyntheticFit> + Sync,
{
    let found: Vec<Result<PlaceboDate>> = n_pre
        .par_iter()
        .map(|&n_pre| {
            let moved = design.backdate(n_pre)?;
            Ok(PlaceboDate { period: moved.periods()[n_pre].clone(), n_pre, fit: fit(&moved)? })
        })
        .collect();
    found.into_iter().collect()
}

/// What becomes of an estimate when donors leave one at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaveOneOut {
    /// The estimate with all donors.
    pub estimate: f64,
    /// Without each donor, in the design's order: its label and the estimate.
    pub without: Vec<(String, f64)>,
    /// The least estimate.
    pub low: f64,
    /// The largest estimate.
    pub high: f64,
    /// How many of them have another sign.
    pub sign_changes: usize,
    /// Label of the donor whose absence moves the estimate most.
    pub most_influential: String,
}

/// Refits without each donor in turn.
///
/// # Errors
/// [`ErrorKind::NoDonors`] for fewer than two donors, and the first error of `fit` in donor order.
pub fn leave_one_donor_out<F>(design: &Design, fit: F) -> Result<LeaveOneOut>
where
    F: Fn(&Design) -> Result<SyntheticFit> + Sync,
{
    if design.n_donors() < 2 {
        return Err(Error::new(ErrorKind::NoDonors, "one donor, expected two or more to leave one out"));
    }
    let estimate = fit(design)?.estimate;
    let found: Vec<Result<f64>> = (0..design.n_donors())
        .into_par_iter()
        .map(|donor| Ok(fit(&design.without_donor(donor)?)?.estimate))
        .collect();
    Ok(spread(design, estimate, found.into_iter().collect::<Result<Vec<f64>>>()?))
}

/// Summary of estimates that were made already, one without each donor.
pub(crate) fn spread(design: &Design, estimate: f64, found: Vec<f64>) -> LeaveOneOut {
    let shift = |donor: usize| (found[donor] - estimate).abs();
    let most = (1..found.len()).fold(0, |most, donor| if shift(donor) > shift(most) { donor } else { most });
    LeaveOneOut {
        estimate,
        low: found.iter().copied().fold(f64::INFINITY, f64::min),
        high: found.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        sign_changes: found.iter().filter(|other| **other * estimate < 0.0).count(),
        most_influential: design.donors()[most].clone(),
        without: design.donors().iter().cloned().zip(found).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stream, did, placebo_units, synthetic_control};

    fn design(seed: u64, effect: f64) -> Design {
        let stream = Stream::new(seed, 4);
        let at = |i: usize, t: usize| 5.0 + stream.normal((i * 20 + t) as u64) + (t as f64 * 0.7).sin();
        let pool: Vec<(String, Vec<f64>)> =
            (0..12).map(|i| (format!("d{i:02}"), (0..14).map(|t| at(i, t)).collect())).collect();
        let treated: Vec<f64> = (0..14).map(|t| at(12, t) + if t >= 9 { effect } else { 0.0 }).collect();
        let labels: Vec<String> = (0..14).map(|t| t.to_string()).collect();
        Design::from_series(&treated, &pool, &labels, 9).unwrap()
    }

    #[test]
    fn a_large_effect_has_the_least_p() {
        let design = design(1, 40.0);
        let found = rmspe_ratios(&placebo_units(&design, synthetic_control).unwrap(), 9, &[100.0, 1e-9]);
        assert!((found.p_value - 1.0 / 13.0).abs() < 1e-15);
        assert_eq!(found.cutoffs[0].n_donors, 12);
        assert_eq!(found.cutoffs[1], RatioCutoff { cutoff: 1e-9, n_donors: 0, p_value: 1.0 });
    }

    #[test]
    fn dates_before_adoption_see_no_effect_after_it() {
        let (with, without) = (design(2, 100.0), design(2, 0.0));
        let found = placebo_dates(&with, &[3, 5, 7], did).unwrap();
        assert_eq!(found, placebo_dates(&without, &[3, 5, 7], did).unwrap());
        assert_eq!((found[1].n_pre, found[1].period.as_str(), found[1].fit.gap.len()), (5, "5", 9));
        assert_eq!(placebo_dates(&with, &[9], did).unwrap_err().kind(), ErrorKind::TooFewPeriods);
    }

    #[test]
    fn leaving_donors_out_of_a_plain_difference_is_a_mean_of_the_others() {
        let design = design(3, 2.0);
        let found = leave_one_donor_out(&design, did).unwrap();
        let by_hand = did(&design.without_donor(4).unwrap()).unwrap().estimate;
        assert!((found.without[4].1 - by_hand).abs() < 1e-15 && found.without[4].0 == "d04");
        assert!(found.low <= found.estimate && found.estimate <= found.high && found.sign_changes == 0);
        let most = found.without.iter().find(|(donor, _)| *donor == found.most_influential).unwrap().1;
        assert!(
            found
                .without
                .iter()
                .all(|(_, other)| { (other - found.estimate).abs() <= (most - found.estimate).abs() })
        );
        let alone = design.without(&(1..12).collect::<Vec<_>>()).unwrap();
        assert_eq!(leave_one_donor_out(&alone, did).unwrap_err().kind(), ErrorKind::NoDonors);
    }
}
