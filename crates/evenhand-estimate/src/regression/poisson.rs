//! Poisson regression (pseudo maximum likelihood) with absorbed fixed effects.
//!
//! Formula: E\[y_r\] = exp(o_r + a_1(r) + ... + a_F(r) + x_r' beta), where o is an offset and a_f(r) is the effect of
//! row r's level of factor f. beta and all effects maximise sum_r w_r (y_r eta_r - exp(eta_r)). No distribution is
//! assumed: beta is consistent whenever the mean is right, for counts and for any outcome of 0 or more.
//! Covariance: bread (X~'V X~)^-1 with V = w mu and X~ the columns less their V-weighted projection on the effects;
//! scores x~ w (y - mu); corrections for small samples as in [`SmallSample`]. Tests use the normal distribution, as
//! R `fixest` does.
//!
//! Estimand: the semi-elasticity of the mean, a ratio of means on the logarithmic scale (`ln_ratio`).
//! Papers: Santos Silva and Tenreyro (2006), doi:10.1162/rest.88.4.641; Correia, Guimarães and Zylkin (2020),
//! doi:10.1177/1536867X20909691; Wooldridge (1999), doi:10.1016/S0304-4076(98)00033-5.
//! Assumptions: the mean is multiplicative, and the columns are strictly exogenous given the effects. With one or
//! two factors there is no incidental-parameter bias.
//! Known failures: separation (see [`LeaveOut`]); few treated clusters (use the score bootstrap); under staggered
//! adoption with effects that change over time, one coefficient of treatment is a mixture of comparisons (use
//! [`poisson_imputation`](crate::poisson_imputation())).
//! Matches R `fixest::fepois` 0.12.2: coefficients to 1e-8, standard errors to 1e-6 (its own tolerance).

use super::Columns;
use super::glm::{Glm, GlmOptions, Link, Regression, glm};
use super::separation::LeaveOut;
use super::vcov::{SmallSample, Vcov};
use crate::untreated_fit::cluster_caveat;
use crate::{Cells, Error, ErrorKind, Estimate, Estimates, Factor, Result, Term};

/// Which coefficients of treatment a regression has; covariates come besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TreatmentTerms {
    /// One, `att`: of the treatment given with [`Cells::with_treatment`], otherwise of being at or after the first
    /// treated period.
    #[default]
    Static,
    /// One for each event time but those of reference, `event_time=e`; units never treated have none.
    EventStudy {
        /// Event times without a coefficient; usually -1 alone.
        reference: Vec<i64>,
        /// Event times up to this one share a coefficient, `event_time<=e`; usually none do.
        bin_before: Option<i64>,
        /// Event times from this one on share a coefficient, `event_time>=e`; usually none do.
        bin_after: Option<i64>,
    },
    /// None: covariates alone.
    None,
}

impl TreatmentTerms {
    /// An event study with reference -1 and no bins.
    #[must_use]
    pub fn event_study() -> Self {
        Self::EventStudy { reference: vec![-1], bin_before: None, bin_after: None }
    }
}

/// Which effects are absorbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Absorb {
    /// Of units and periods; in repeated cross-sections of cohorts and periods.
    #[default]
    UnitAndPeriod,
    /// Of cohorts and periods.
    CohortAndPeriod,
    /// Of units.
    Unit,
    /// Of periods.
    Period,
    /// None: an intercept is reported.
    Nothing,
}

/// Options of [`poisson()`] and [`fractional_logit()`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PoissonOptions {
    /// Default: one coefficient.
    pub treatment: TreatmentTerms,
    /// Default: of units and periods.
    pub absorb: Absorb,
    /// Further factors to absorb, one entry for each row of the cells in their order; default none.
    pub also_absorb: Vec<Factor>,
    /// Default (`None`): clustered by [`Cells::cluster`]. Factors have one entry for each row of the cells.
    pub vcov: Option<Vcov>,
    /// Default: as `fixest`.
    pub small_sample: SmallSample,
    /// Default: levels that fit perfectly, as `fixest`.
    pub leave_out: LeaveOut,
    /// Whether separation by columns is looked for; default `Some(true)`, here `None`.
    pub rectify: Option<bool>,
    /// As in [`GlmOptions`]; default (`None`) 1e-8.
    pub tolerance: Option<f64>,
}

/// Poisson regression of a panel with effects of units and periods.
///
/// ```
/// use evenhand_estimate::{Cells, regression::{PoissonOptions, poisson}};
/// // Unit a, treated from period 3, has twice the count that unit b's path implies.
/// let cells = Cells::new(
///     &["a", "a", "a", "b", "b", "b"],
///     &[1.0, 2.0, 3.0, 1.0, 2.0, 3.0],
///     &[6.0, 12.0, 18.0, 2.0, 4.0, 3.0],
/// )?
/// .with_cohort(&[3.0, 3.0, 3.0, 0.0, 0.0, 0.0])?;
/// let fit = poisson(&cells, &PoissonOptions::default())?;
/// let att = fit.get("att").unwrap();
/// assert!((att.estimate.estimate - 2f64.ln()).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// As [`glm()`]; [`ErrorKind::NoTreated`] for terms of treatment without a treated unit.
pub fn poisson(cells: &Cells, options: &PoissonOptions) -> Result<Estimates> {
    of_cells("poisson", Link::Log, cells, options)
}

/// Fractional logit of a panel: as [`poisson()`] for shares from 0 to 1, E\[y\] = 1 / (1 + exp(-eta)), coefficients
/// on the scale of log odds. Papke and Wooldridge (1996),
/// doi:10.1002/(SICI)1099-1255(199611)11:6%3C619::AID-JAE418%3E3.0.CO;2-1. Give denominators as weights. With unit
/// effects and few periods the coefficients are biased away from 0 (incidental parameters): a companion of a linear
/// regression, not its replacement. Matches R `fixest::feglm(family = "logit")`.
///
/// # Errors
/// As [`poisson()`].
pub fn fractional_logit(cells: &Cells, options: &PoissonOptions) -> Result<Estimates> {
    of_cells("fractional-logit", Link::Logit, cells, options)
}

fn of_cells(method: &'static str, link: Link, cells: &Cells, options: &PoissonOptions) -> Result<Estimates> {
    let (columns, event_times) = columns(cells, options)?;
    let cohort = cohort_factor(cells);
    let unit = if cells.is_panel() { cells.unit() } else { &cohort };
    let mut absorbed: Vec<&Factor> = match options.absorb {
        Absorb::UnitAndPeriod => vec![unit, cells.period()],
        Absorb::CohortAndPeriod => vec![&cohort, cells.period()],
        Absorb::Unit => vec![unit],
        Absorb::Period => vec![cells.period()],
        Absorb::Nothing => Vec::new(),
    };
    absorbed.extend(&options.also_absorb);
    let vcov = options.vcov.clone().unwrap_or_else(|| Vcov::Cluster(vec![cells.cluster().clone()]));
    let defaults = GlmOptions::default();
    let glm_options = GlmOptions {
        link,
        vcov,
        small_sample: options.small_sample,
        leave_out: options.leave_out,
        rectify: options.rectify.unwrap_or(defaults.rectify),
        tolerance: options.tolerance.unwrap_or(defaults.tolerance),
        ..defaults
    };
    let regression = Regression {
        outcome: cells.outcome(),
        columns: &columns,
        absorbed: &absorbed,
        weights: cells.weights(),
        offset: cells.offset(),
    };
    let fit = glm(&regression, &glm_options)?;
    let mut caveats = cells.caveats().to_vec();
    caveats.extend(fit.caveats.iter().cloned());
    if fit.n_clusters.is_some() {
        let untreated: Vec<bool> = (0..cells.n_obs()).map(|row| !cells.is_treated(row)).collect();
        caveats.extend(cluster_caveat(cells, &untreated));
    }
    Ok(Estimates {
        method,
        terms: terms(&fit, &event_times, options),
        n_obs: fit.rows.len(),
        n_units: cells.unit().select(&fit.rows).n_levels(),
        n_periods: cells.period().select(&fit.rows).n_levels(),
        n_clusters: fit.n_clusters,
        seed: None,
        options: echo(options, &glm_options),
        caveats,
        vcov: Some(fit.vcov),
    })
}

fn terms(fit: &Glm, event_times: &[i64], options: &PoissonOptions) -> Vec<Term> {
    let rows = fit.names.iter().zip(&fit.coefficients).enumerate();
    rows.map(|(j, (name, &coefficient))| {
        let estimate = Estimate::from_std_error(coefficient, fit.vcov[(j, j)].max(0.0).sqrt(), fit.df);
        let event_time = event_times.iter().copied().find(|&e| *name == event_name(e, options));
        Term { event_time, ..Term::new(name, estimate) }
    })
    .collect()
}

fn event_name(e: i64, options: &PoissonOptions) -> String {
    match options.treatment {
        TreatmentTerms::EventStudy { bin_before: Some(first), .. } if e == first => {
            format!("event_time<={e}")
        }
        TreatmentTerms::EventStudy { bin_after: Some(last), .. } if e == last => format!("event_time>={e}"),
        _ => format!("event_time={e}"),
    }
}

/// The right-hand side, and the event times that have a coefficient.
fn columns(cells: &Cells, options: &PoissonOptions) -> Result<(Columns, Vec<i64>)> {
    let n = cells.n_obs();
    let mut columns = Columns::new(n);
    if options.absorb == Absorb::Nothing {
        columns = columns.intercept();
    }
    let has_treatment = cells.treatment().is_some_and(|d| d.iter().any(|d| d.abs() > 0.0));
    if options.treatment != TreatmentTerms::None && cells.cohorts().is_empty() && !has_treatment {
        return Err(Error::new(
            ErrorKind::NoTreated,
            "no unit has a cohort or a treatment, expected at least one",
        ));
    }
    let mut event_times = Vec::new();
    match &options.treatment {
        TreatmentTerms::None => {}
        TreatmentTerms::Static => {
            let given = cells.treatment().map(<[f64]>::to_vec);
            let is_treated = |row| f64::from(u8::from(cells.is_treated(row)));
            columns = columns.dense("att", given.unwrap_or_else(|| (0..n).map(is_treated).collect()))?;
        }
        TreatmentTerms::EventStudy { reference, bin_before, bin_after } => {
            let (first, last) = (bin_before.unwrap_or(i64::MIN), bin_after.unwrap_or(i64::MAX));
            if first >= last {
                let message = format!("bins up to {first} and from {last} on, expected room between them");
                return Err(Error::new(ErrorKind::Domain, message));
            }
            let at: Vec<Option<i64>> =
                (0..n).map(|row| cells.event_time(row).map(|e| e.clamp(first, last))).collect();
            let range =
                at.iter().flatten().fold((i64::MAX, i64::MIN), |(low, high), &e| (low.min(e), high.max(e)));
            let mut seen =
                vec![false; usize::try_from(range.1.saturating_sub(range.0)).map_or(0, |span| span + 1)];
            at.iter().flatten().for_each(|e| seen[(e - range.0) as usize] = true);
            let seen = (0..).zip(seen).filter(|(_, seen)| *seen).map(|(e, _)| range.0 + e);
            event_times = seen.filter(|e| !reference.contains(e)).collect();
            let names = event_times.iter().map(|&e| event_name(e, options)).collect();
            let column = |e: Option<i64>| {
                e.and_then(|e| event_times.binary_search(&e).ok())
                    .map_or(super::columns::NONE, |at| at as u32)
            };
            columns = columns.sparse(names, at.into_iter().map(column).collect(), None)?;
        }
    }
    for (name, values) in cells.covariates() {
        columns = columns.dense(name, values.clone())?;
    }
    Ok((columns, event_times))
}

/// Cohorts as a factor; units never treated are the last level.
pub(crate) fn cohort_factor(cells: &Cells) -> Factor {
    let cohorts = cells.cohorts();
    let code = |g: &f64| cohorts.partition_point(|c| c < g) as u32;
    Factor::from_codes(&cells.cohort().iter().map(code).collect::<Vec<_>>())
}

fn echo(options: &PoissonOptions, glm: &GlmOptions) -> Vec<(&'static str, String)> {
    let treatment = match &options.treatment {
        TreatmentTerms::Static => "static".to_owned(),
        TreatmentTerms::None => "none".to_owned(),
        TreatmentTerms::EventStudy { reference, bin_before, bin_after } => {
            format!("event study, reference {reference:?}, bins {bin_before:?} and {bin_after:?}")
        }
    };
    let vcov = match &glm.vcov {
        Vcov::Cluster(clusters) => format!("cluster, {} way(s)", clusters.len()),
        Vcov::Cr2(_) => "cr2".to_owned(),
        Vcov::Cr3(_) => "cr3".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    vec![
        ("treatment", treatment),
        ("absorb", format!("{:?}, {} more", options.absorb, options.also_absorb.len())),
        ("vcov", vcov),
        ("small_sample", format!("{:?}", glm.small_sample)),
        ("leave_out", glm.leave_out.name().to_owned()),
        ("rectify", glm.rectify.to_string()),
        ("tolerance", format!("{:e}", glm.tolerance)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Caveat;

    /// Three units over five periods; a is treated from 3 on, b from 4 on.
    fn cells() -> Cells {
        let unit: Vec<u32> = (0..15).map(|row| row / 5).collect();
        let time: Vec<f64> = (0..15).map(|row| f64::from(row % 5 + 1)).collect();
        let y = [3.0, 4.0, 9.0, 8.0, 9.0, 5.0, 6.0, 5.0, 12.0, 11.0, 2.0, 2.0, 3.0, 2.0, 4.0];
        let g: Vec<f64> = (0..15).map(|row| [3.0, 4.0, 0.0][row / 5]).collect();
        Cells::new(&unit, &time, &y).unwrap().with_cohort(&g).unwrap()
    }

    #[test]
    fn event_times_beyond_the_bins_share_a_coefficient() {
        let treatment =
            TreatmentTerms::EventStudy { reference: vec![-1], bin_before: Some(-2), bin_after: Some(1) };
        let found = poisson(&cells(), &PoissonOptions { treatment, ..Default::default() }).unwrap();
        let names: Vec<&str> = found.terms.iter().map(|term| term.term.as_str()).collect();
        assert_eq!(names, ["event_time<=-2", "event_time=0", "event_time>=1"]);
        assert_eq!(found.at_event_time(1).unwrap().term, "event_time>=1");
        assert!(found.caveats.contains(&Caveat::FewTreatedClusters { treated: 2, clusters: 3 }));
        let treatment =
            TreatmentTerms::EventStudy { reference: vec![], bin_before: Some(1), bin_after: Some(1) };
        let refused = poisson(&cells(), &PoissonOptions { treatment, ..Default::default() });
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Domain);
    }

    // Shares y / (y + w) with weights y + w: the grouped logit, whose coefficient has no other scale.
    #[test]
    fn fractional_logit_takes_shares_and_denominators() {
        let cells = cells();
        let shares = cells.outcome().iter().map(|y| y / 20.0).collect();
        let cells = cells.with_outcome(shares).unwrap().with_weights(&[20.0; 15]).unwrap();
        let logit = fractional_logit(&cells, &PoissonOptions::default()).unwrap();
        assert!(logit.get("att").unwrap().estimate.estimate > 0.5);
        // Counting instead of shares leaves the range of the link.
        let counts = cells.clone().with_outcome(vec![2.0; 15]).unwrap();
        assert_eq!(
            fractional_logit(&counts, &PoissonOptions::default()).unwrap_err().kind(),
            ErrorKind::Domain
        );
    }

    #[test]
    fn an_intercept_is_reported_when_nothing_is_absorbed() {
        let options =
            PoissonOptions { absorb: Absorb::Nothing, treatment: TreatmentTerms::None, ..Default::default() };
        let found = poisson(&cells(), &options).unwrap();
        let mean: f64 = cells().outcome().iter().sum::<f64>() / 15.0;
        let intercept = found.get("(Intercept)").unwrap().estimate.estimate;
        assert!((intercept - mean.ln()).abs() < 1e-12);
    }
}
