//! Jackknife+ over the periods before adoption: intervals for effects of one treated unit.
//!
//! Formula: without period t the fit predicts the treated series with counterfactual c^t and misses period t by
//! e_t. For each period s from adoption on the counterfactual's interval is
//! [q_(alpha/2) of c^t_s - |e_t|, q_(1 - alpha/2) of c^t_s + |e_t|] over t; the effect's is the outcome less it.
//!
//! Paper: Barber, Candès, Ramdas and Tibshirani (2021), doi:10.1214/20-AOS1965; over time as in R `augsynth`
//! (`inf_type = "jackknife+"`), with R's default quantiles (type 7).
//! Assumptions: errors before and after adoption are exchangeable. Known failures: trends in the errors; few periods
//! before adoption, when the quantiles are the extremes. Any fit of one treated series will do.

use crate::error::proportion;
use crate::synthetic_fit::mean;
use crate::{Design, Interval, Result, SyntheticFit};
use rayon::prelude::*;

/// Intervals at one level.
#[derive(Debug, Clone, PartialEq)]
pub struct JackknifePlus {
    /// The mean effect over the periods from adoption on.
    pub average: Interval,
    /// The effect in each period from adoption on, shape (T_post,).
    pub by_period: Vec<Interval>,
    /// By how much each left-out period is missed, shape (T_pre,).
    pub errors: Vec<f64>,
}

/// Refits without each period before adoption.
///
/// ```
/// use evenhand_estimate::{Design, jackknife_plus, synthetic_control};
/// use evenhand_panel::Panel;
/// let panel = Panel::from_text("unit 1 2 3 4\na 1 2 2 *9\nb 2 1 2 2\nc 0 5 4 5\nd 3 1 2 2").unwrap();
/// let found = jackknife_plus(&Design::new(&panel)?, 0.05, synthetic_control)?;
/// assert!(found.average.low > 3.0 && found.by_period.len() == 1 && found.errors.len() == 3);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`](crate::ErrorKind::Domain) for an `alpha` outside (0, 1),
/// [`ErrorKind::TooFewPeriods`](crate::ErrorKind::TooFewPeriods) for one period before adoption, and the first error
/// of `fit`.
pub fn jackknife_plus<F>(design: &Design, alpha: f64, fit: F) -> Result<JackknifePlus>
where
    F: Fn(&Design) -> Result<SyntheticFit> + Sync,
{
    proportion(alpha, "alpha")?;
    let n_pre = design.n_pre();
    let found: Vec<Result<(f64, Vec<f64>)>> = (0..n_pre)
        .into_par_iter()
        .map(|t| {
            let found = fit(&design.without_period(t)?)?;
            let there: f64 = found.omega.iter().enumerate().map(|(j, w)| w * design.donor(j)[t]).sum();
            let error = design.treated()[t] - there - found.intercept;
            Ok((error, found.counterfactual[n_pre - 1..].to_vec()))
        })
        .collect();
    let found = found.into_iter().collect::<Result<Vec<(f64, Vec<f64>)>>>()?;
    let effect = |outcome: f64, counterfactual: &dyn Fn(&[f64]) -> f64| {
        let ends = |sign: f64, p: f64| {
            let ends = found.iter().map(|(error, path)| counterfactual(path) + sign * error.abs()).collect();
            quantile(ends, p)
        };
        Interval { low: outcome - ends(1.0, 1.0 - alpha / 2.0), high: outcome - ends(-1.0, alpha / 2.0) }
    };
    let after = &design.treated()[n_pre..];
    Ok(JackknifePlus {
        average: effect(mean(after), &mean),
        by_period: after.iter().enumerate().map(|(s, y)| effect(*y, &move |path: &[f64]| path[s])).collect(),
        errors: found.iter().map(|(error, _)| *error).collect(),
    })
}

/// R's default quantile (type 7) of values that are not empty.
fn quantile(mut values: Vec<f64>, p: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = p * (values.len() - 1) as f64;
    let (below, share) = (at.floor() as usize, at.fract());
    let above = (below + 1).min(values.len() - 1);
    values[below] + share * (values[above] - values[below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Stream, did};

    fn design(seed: u64) -> Design {
        let stream = Stream::new(seed, 14);
        let at = |i: usize, t: usize| stream.normal((i * 50 + t) as u64);
        let pool: Vec<(String, Vec<f64>)> =
            (0..30).map(|i| (format!("d{i:02}"), (0..36).map(|t| at(i, t)).collect())).collect();
        let treated: Vec<f64> = (0..36).map(|t| at(30, t) + if t >= 30 { 2.0 } else { 0.0 }).collect();
        let labels: Vec<String> = (0..36).map(|t| t.to_string()).collect();
        Design::from_series(&treated, &pool, &labels, 30).unwrap()
    }

    // Over 100 seeds and 6 periods each, 95 % intervals for single periods: at least 90 %, at most 99.5 %.
    #[test]
    fn intervals_for_single_periods_cover() {
        let mut covered = 0;
        for seed in 0..100 {
            let found = jackknife_plus(&design(seed), 0.05, did).unwrap();
            covered += found.by_period.iter().filter(|interval| interval.contains(2.0)).count();
        }
        assert!((540..=597).contains(&covered), "{covered} of 600");
    }

    #[test]
    fn levels_are_nested_and_checked() {
        let (wide, narrow) =
            (jackknife_plus(&design(1), 0.05, did).unwrap(), jackknife_plus(&design(1), 0.2, did).unwrap());
        assert!(wide.average.contains_interval(&narrow.average) && wide.errors == narrow.errors);
        assert_eq!(jackknife_plus(&design(1), 1.0, did).unwrap_err().kind(), ErrorKind::Domain);
    }

    #[test]
    fn quantiles_are_those_of_r() {
        let values = vec![4.0, 1.0, 3.0, 2.0];
        assert!((quantile(values.clone(), 0.25) - 1.75).abs() < 1e-15);
        assert!((quantile(values.clone(), 1.0) - 4.0).abs() < 1e-15);
        assert!((quantile(values, 0.5) - 2.5).abs() < 1e-15);
    }
}
