//! What arrests without a county could do to a one-county effect (methods/1, section 2.7).
//!
//! G0 counts located arrests only, G1 shares out the rest of the area in proportion, G2 lets the county have
//! none or all of it, G3 at most and at least a factor kappa of its proportional share. For G2 and G3 the weights
//! of the G1 fit are kept and every county of the comparison moves inside its own box, so that the ends are
//! attained; the confidence interval of the set is that of Imbens and Manski (2004).

use super::Stop;
use super::county_effect::{Method, Scale};
use super::landmark_panel::{BAND, LandmarkPanel, LeftOut, Periods, Table};
use evenhand_estimate::{
    Design, Estimate, Interval, RootEffect, SyntheticFit, imbens_manski, linear_bounds, placebo_units,
};
use evenhand_measure::{Geography, Outcome};

/// Factor of the limited skew.
pub const KAPPA: f64 = 2.0;

/// The effect under each rule, as ln(observed / counterfactual).
#[derive(Debug, Clone)]
pub struct GeographyBounds {
    /// Rules under which the whole test was repeated: name, estimate with its placebo interval.
    pub refits: Vec<(&'static str, Estimate)>,
    /// Rules that could not be run, and why.
    pub not_run: Vec<(&'static str, String)>,
    /// Limited skew (G3): the identified set.
    pub skew: Option<Interval>,
    /// Worst case (G2): the identified set.
    pub worst: Option<Interval>,
    /// 95 percent interval of the limited-skew set.
    pub skew_confidence: Option<Interval>,
}

/// Bounds of the effect on `outcome`.
#[must_use]
pub fn bounds(panel: &LandmarkPanel, outcome: Outcome) -> GeographyBounds {
    let rules =
        [("G0 located arrests only", Geography::Located), ("G1 in proportion", Geography::Proportional)];
    let mut found =
        GeographyBounds { refits: vec![], not_run: vec![], skew: None, worst: None, skew_confidence: None };
    for (name, geography) in rules {
        match refit(panel, outcome, geography) {
            Ok(refit) => {
                if geography == Geography::Proportional {
                    let set = |low, high| set(panel, outcome, &refit, low, high).ok();
                    found.skew = set(Geography::SkewLow(KAPPA), Geography::SkewHigh(KAPPA));
                    found.worst = set(Geography::WorstLow, Geography::WorstHigh);
                    let se = refit.estimate.std_error.unwrap_or(f64::INFINITY);
                    found.skew_confidence = found
                        .skew
                        .filter(|set| set.is_bounded() && se.is_finite())
                        .and_then(|set| imbens_manski(set.low, set.high, se, se, 0.95).ok());
                }
                found.refits.push((name, refit.estimate));
            }
            Err(Stop::Needs(why)) => found.not_run.push((name, why)),
            Err(Stop::Error(error)) => found.not_run.push((name, error.to_string())),
        }
    }
    found
}

struct Refit {
    estimate: Estimate,
    fit: SyntheticFit,
    donors: Vec<usize>,
    periods: Periods,
}

fn refit(panel: &LandmarkPanel, outcome: Outcome, geography: Geography) -> Result<Refit, Stop> {
    let table = panel.table(outcome, geography);
    let periods = panel.periods(LeftOut::Announced);
    let donors = panel.donors(panel.treated, &table, &periods, BAND);
    let design = root_design(panel, &table, &donors, &periods)?;
    let placebos = placebo_units(&design, |design: &Design| Method::SyntheticDid.fit(design))?;
    let post = post(&table[panel.treated], &periods);
    let estimate = RootEffect::new(&post)?.map(&placebos.estimate)?;
    Ok(Refit { estimate, fit: placebos.fit, donors, periods })
}

fn root_design(
    panel: &LandmarkPanel,
    table: &Table,
    donors: &[usize],
    periods: &Periods,
) -> Result<Design, Stop> {
    let n_pre = periods.n_pre;
    panel.design(&table[panel.treated], donors, table, periods, |counts| Scale::Root.apply(counts, n_pre))
}

fn post(series: &[f64], periods: &Periods) -> Vec<f64> {
    periods.at[periods.n_pre..].iter().map(|&t| series[t]).collect()
}

/// The effects that the boxes between two rules allow, with the weights of a fit.
fn set(
    panel: &LandmarkPanel,
    outcome: Outcome,
    refit: &Refit,
    low: Geography,
    high: Geography,
) -> Result<Interval, Stop> {
    let (low, high) = (panel.table(outcome, low), panel.table(outcome, high));
    let Refit { fit, donors, periods, .. } = refit;
    let (low_design, high_design) =
        (root_design(panel, &low, donors, periods)?, root_design(panel, &high, donors, periods)?);
    let n_pre = periods.n_pre;
    let n_post = (periods.at.len() - n_pre) as f64;
    // The design sorts donors by label, which is their order here.
    let of_month = |t: usize| if t < n_pre { -fit.lambda[t] } else { 1.0 / n_post };
    let months = 0..periods.at.len();
    let mut weights: Vec<f64> = months.clone().map(of_month).collect();
    let (mut lows, mut highs) = (low_design.treated().to_vec(), high_design.treated().to_vec());
    for donor in 0..donors.len() {
        weights.extend(months.clone().map(|t| -fit.omega[donor] * of_month(t)));
        lows.extend_from_slice(low_design.donor(donor));
        highs.extend_from_slice(high_design.donor(donor));
    }
    let tau = linear_bounds(&weights, &lows, &highs)?;
    let end = |table: &Table, tau: f64| -> Result<f64, Stop> {
        Ok(RootEffect::new(&post(&table[panel.treated], periods))?.ln_ratio(tau))
    };
    let (one, other) = (end(&low, tau.low)?, end(&high, tau.high)?);
    Ok(Interval { low: one.min(other), high: one.max(other) })
}
