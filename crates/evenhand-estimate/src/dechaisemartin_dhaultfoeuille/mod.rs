//! Effects of treatments that may be of any size, start at different times and go up and down: the estimators of
//! de Chaisemartin and D'Haultfœuille.
//!
//! [`dechaisemartin_dhaultfoeuille`] is the event study of 2024. Group g switches in period F_g, the first in which
//! its treatment differs from that of its first period, D_g1; T_g is the last period in which some group with the same
//! D_g1 has not switched.
//! Estimand of effect l: the mean over groups that can be followed that long of Y_(F_g-1+l) less what it would have
//! been had the group kept its first treatment, with the sign turned for groups whose treatment falls.
//! Formula: DID_gl = Y_(g,F_g-1+l) - Y_(g,F_g-1) less the weighted mean of the same change over groups with the same
//! D_g1 that have not switched by F_g-1+l; DID_l is its weighted mean over g, S_g DID_gl with S_g = 1 or -1.
//! Normalized: over the mean of sum_(k<l) |D_(g,F_g+k) - D_g1|. The average total effect is the sum of the effects
//! over the sum of the changes of treatment in the same cells. Placebo l: Y_(F_g-1-l) - Y_(F_g-1), same groups.
//! With covariates, changes of the outcome are net of theta' (changes of the covariates), with theta by least squares
//! on first differences of those who have not switched, by D_g1, with period effects.
//! Standard errors: contributions of groups about the mean of their cohort (same D_g1, F_g and treatment at F_g) or of
//! those who have not switched, with a degrees-of-freedom factor, squared and summed by cluster; conservative.
//!
//! [`did_m`] is the estimator of 2020 for effects of the treatment in the period of its change: groups that change
//! between two neighbouring periods against groups with the same treatment before that do not.
//!
//! Assumptions: no anticipation; parallel trends of outcomes under the first treatment among groups that share it
//! (2024), or of neighbouring periods among groups that share the treatment before (2020, which also needs that past
//! treatments have no effect).
//! Defaults: one effect, no placebo, as R; both directions; cells in which a group has been strictly above and strictly
//! below its first treatment are left out.
//! Known failures: nobody who has not switched (continuous first treatments); few switchers behind late effects: see
//! `n_switchers`.
//!
//! Papers: de Chaisemartin and D'Haultfœuille (2020), doi:10.1257/aer.20181169, and (2024),
//! doi:10.1162/rest_a_01414. Checked against Python `py-did-multiplegt-dyn` 0.1.9, by the authors of R
//! `DIDmultiplegtDYN`, to 1e-12 on 18 option sets, and points of [`did_m`] against `diff-diff` 3.13 (which turns the
//! sign of the placebo). Two details of that package are not followed: with controls and several first treatments it
//! scales the variance of the slopes by cells of all of them rather than of each, and with clusters it counts groups
//! that have switched as one more cluster.

mod controls;
mod design;
mod did_m;
mod horizon;

pub use did_m::did_m;

use crate::special::chi_squared_tail;
use crate::{Caveat, Cells, Error, ErrorKind, Estimate, Estimates, PreTest, Result, Term};
use controls::Controls;
use design::Design;
use evenhand_linalg::{Cholesky, Matrix, dot};
use horizon::{Horizon, horizon};
use rayon::prelude::*;

/// Which switchers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Switchers {
    /// All.
    #[default]
    Both,
    /// Those whose treatment rises.
    In,
    /// Those whose treatment falls.
    Out,
}

/// Options of [`dechaisemartin_dhaultfoeuille`].
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicEffectsOptions {
    /// Effects to estimate, 1 or more; default 1.
    pub effects: usize,
    /// Placebos to estimate, not more than effects; default 0.
    pub placebos: usize,
    /// Divide by the change of treatment summed since the switch; default no.
    pub normalized: bool,
    /// Default: both.
    pub switchers: Switchers,
    /// Compare only with groups that never switch; default no.
    pub only_never_switchers: bool,
    /// Keep to groups for which every effect asked for can be estimated; default no.
    pub same_switchers: bool,
    /// Keep cells in which a group has been both strictly above and strictly below its start; default no.
    pub keep_crossing: bool,
}

impl Default for DynamicEffectsOptions {
    fn default() -> Self {
        Self {
            effects: 1,
            placebos: 0,
            normalized: false,
            switchers: Switchers::default(),
            only_never_switchers: false,
            same_switchers: false,
            keep_crossing: false,
        }
    }
}

/// What [`dechaisemartin_dhaultfoeuille`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicEffects {
    /// `average_total_effect`, then `effect_1`, `effect_2`, ..., then `placebo_1`, ...; event times are periods
    /// since the switch: 0 for the first effect, -2 for the first placebo.
    pub estimates: Estimates,
    /// Switchers behind each effect.
    pub n_switchers: Vec<usize>,
    /// Switchers behind each placebo.
    pub n_placebo_switchers: Vec<usize>,
    /// Joint test that all effects are 0.
    pub joint_effects: Option<PreTest>,
    /// Joint test that all placebos are 0.
    pub joint_placebos: Option<PreTest>,
}

/// Event-study effects of a treatment that may have any values.
///
/// ```
/// use evenhand_estimate::{Cells, DynamicEffectsOptions, dechaisemartin_dhaultfoeuille};
/// // Units 0 to 3 go from dose 0 to dose 2 in period 3, unit by unit 2.5 up; units 4 to 7 stay at 0.
/// let (mut unit, mut period, mut outcome, mut dose) = (vec![], vec![], vec![], vec![]);
/// for i in 0..8 {
///     for t in 1..=4 {
///         let d = if i < 4 && t >= 3 { 2.0 } else { 0.0 };
///         unit.push(i);
///         period.push(f64::from(t));
///         dose.push(d);
///         outcome.push(f64::from(i) + f64::from(t) + 1.25 * d + f64::from((i * 5 + t * 3) % 7) / 100.0);
///     }
/// }
/// let cells = Cells::new(&unit, &period, &outcome)?.with_treatment(&dose)?;
/// let options = DynamicEffectsOptions { effects: 2, placebos: 1, ..Default::default() };
/// let found = dechaisemartin_dhaultfoeuille(&cells, &options)?;
/// let total = found.estimates.get("average_total_effect").expect("an average").estimate.estimate;
/// assert!((total - 1.25).abs() < 0.05);
/// assert_eq!(found.n_switchers, [4, 4]);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoDonors`] when no group can be compared, [`ErrorKind::NoTreated`] when no effect can be estimated,
/// [`ErrorKind::Domain`] for no effects or more placebos than effects, [`ErrorKind::Missing`] for cross-sections,
/// [`ErrorKind::TooFewPeriods`], [`ErrorKind::Shape`] for a unit in two clusters.
pub fn dechaisemartin_dhaultfoeuille(
    cells: &Cells,
    options: &DynamicEffectsOptions,
) -> Result<DynamicEffects> {
    if options.effects == 0 || options.placebos > options.effects {
        let message = format!(
            "{} effects and {} placebos, expected one effect and no more placebos than effects",
            options.effects, options.placebos
        );
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let design = Design::new(cells, options)?;
    let mut caveats = design.caveats.clone();
    let controls = (!design.x.is_empty()).then(|| Controls::new(&design));
    let controls = controls.map(|(controls, singular)| {
        if !singular.is_empty() {
            let columns = cells.covariates().iter().map(|(name, _)| name.clone()).collect();
            caveats.push(Caveat::Collinear { columns });
        }
        controls
    });
    let effects = both_ways(&design, options.effects, false, options, controls.as_ref());
    let placebos = both_ways(&design, options.placebos, true, options, controls.as_ref());
    if effects.iter().all(|effect| effect.n_switchers() == 0) {
        return Err(Error::new(
            ErrorKind::NoTreated,
            "no group switches while another with its start has not",
        ));
    }
    let report = Report { design: &design, options, vcov: Vec::new(), terms: Vec::new(), caveats };
    Ok(report.write(&effects, &placebos, cells))
}

/// One effect or placebo, from groups whose treatment rises and groups whose treatment falls.
struct Pair {
    rise: Horizon,
    fall: Horizon,
}

impl Pair {
    fn n_switchers(&self) -> usize {
        self.rise.n_switchers + self.fall.n_switchers
    }

    fn weight(&self) -> f64 {
        self.rise.weight + self.fall.weight
    }

    /// Weighted mean of what the two directions say of one thing.
    fn mean(&self, of: impl Fn(&Horizon) -> f64) -> f64 {
        (self.rise.weight * of(&self.rise) + self.fall.weight * of(&self.fall)) / self.weight()
    }

    /// Contributions of the groups, the falling ones with the sign turned, times `weights`.
    fn combine(&self, of: impl Fn(&Horizon) -> &[f64], rise: f64, fall: f64) -> Vec<f64> {
        of(&self.rise).iter().zip(of(&self.fall)).map(|(r, f)| rise * r - fall * f).collect()
    }

    fn mean_of(&self, of: impl Fn(&Horizon) -> &[f64]) -> Vec<f64> {
        self.combine(of, self.rise.weight / self.weight(), self.fall.weight / self.weight())
    }
}

fn both_ways(
    design: &Design,
    n: usize,
    is_placebo: bool,
    options: &DynamicEffectsOptions,
    controls: Option<&Controls>,
) -> Vec<Pair> {
    let one = |h: usize, direction: i8, wanted: bool| {
        // Without switchers in this direction the sums are 0.
        let direction = if wanted { direction } else { i8::MAX };
        horizon(design, h, direction, is_placebo, options, controls)
    };
    (1..=n)
        .into_par_iter()
        .map(|h| Pair {
            rise: one(h, 1, options.switchers != Switchers::Out),
            fall: one(h, -1, options.switchers != Switchers::In),
        })
        .collect()
}

struct Report<'a> {
    design: &'a Design,
    options: &'a DynamicEffectsOptions,
    /// Contributions of the clusters to each term.
    vcov: Vec<Vec<f64>>,
    terms: Vec<Term>,
    caveats: Vec<Caveat>,
}

impl Report<'_> {
    fn write(mut self, effects: &[Pair], placebos: &[Pair], cells: &Cells) -> DynamicEffects {
        self.average(effects);
        let first = self.terms.len();
        effects.iter().enumerate().for_each(|(at, pair)| self.pair(pair, "effect", at + 1, at as i64));
        let joint_effects = self.joint(first, effects.len());
        let first = self.terms.len();
        placebos.iter().enumerate().for_each(|(at, pair)| self.pair(pair, "placebo", at + 1, -2 - at as i64));
        let joint_placebos = self.joint(first, placebos.len());
        let options = self.options;
        let switchers = match options.switchers {
            Switchers::Both => "both",
            Switchers::In => "in",
            Switchers::Out => "out",
        };
        let yes_no = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let names: Vec<&str> = cells.covariates().iter().map(|(name, _)| name.as_str()).collect();
        let estimates = Estimates {
            method: "dechaisemartin-dhaultfoeuille",
            vcov: Some(Matrix::from_columns(self.design.n_clusters, &self.vcov).gram()),
            terms: self.terms,
            n_obs: self.design.n_obs,
            n_units: self.design.n_groups,
            n_periods: self.design.last,
            n_clusters: Some(self.design.n_clusters),
            seed: None,
            options: vec![
                ("effects", options.effects.to_string()),
                ("placebos", options.placebos.to_string()),
                ("normalized", yes_no(options.normalized)),
                ("switchers", switchers.to_owned()),
                ("only never-switchers compare", yes_no(options.only_never_switchers)),
                ("same switchers", yes_no(options.same_switchers)),
                ("keep crossing cells", yes_no(options.keep_crossing)),
                ("covariates", if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
            ],
            caveats: self.caveats,
        };
        DynamicEffects {
            estimates,
            n_switchers: effects.iter().map(Pair::n_switchers).collect(),
            n_placebo_switchers: placebos.iter().map(Pair::n_switchers).collect(),
            joint_effects,
            joint_placebos,
        }
    }

    /// A term from contributions of the groups to it and to its variance.
    fn push(&mut self, name: &str, event_time: Option<i64>, u: &[f64], u_variance: &[f64], divisor: f64) {
        let scale = 1.0 / (self.design.g_total * divisor);
        let mut clusters = vec![0.0; self.design.n_clusters];
        u_variance.iter().zip(&self.design.cluster).for_each(|(u, &c)| clusters[c] += u * scale);
        let estimate = u.iter().sum::<f64>() * scale;
        let estimate = Estimate::from_std_error(estimate, dot(&clusters, &clusters).sqrt(), None);
        self.terms.push(Term { event_time, ..Term::new(name, estimate) });
        self.vcov.push(clusters);
    }

    fn missing(&mut self, what: &str, why: &str) {
        self.caveats.push(Caveat::NotEstimated { what: what.to_owned(), why: why.to_owned() });
    }

    fn pair(&mut self, pair: &Pair, word: &str, number: usize, event_time: i64) {
        let name = format!("{word}_{number}");
        if pair.n_switchers() == 0 {
            return self.missing(&name, "nobody can be followed that long and compared");
        }
        let divisor = if self.options.normalized { pair.mean(|h| h.cumulative) } else { 1.0 };
        if divisor.abs() <= 0.0 {
            return self.missing(&name, "treatment does not change on average");
        }
        self.push(
            &name,
            Some(event_time),
            &pair.mean_of(|h| &h.u),
            &pair.mean_of(|h| &h.u_variance),
            divisor,
        );
    }

    /// The sum of all effects over the sum of the changes of treatment that caused them.
    fn average(&mut self, effects: &[Pair]) {
        let change: f64 = effects
            .iter()
            .map(|pair| pair.rise.weight * pair.rise.change + pair.fall.weight * pair.fall.change)
            .sum();
        if change.abs() <= 0.0 {
            return self.missing("average_total_effect", "treatment does not change on average");
        }
        let (mut u, mut u_variance) = (vec![0.0; self.design.n_groups], vec![0.0; self.design.n_groups]);
        for pair in effects {
            let part = pair.combine(|h| &h.u, pair.rise.weight, pair.fall.weight);
            u.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            let part = pair.combine(|h| &h.u_variance, pair.rise.weight, pair.fall.weight);
            u_variance.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        self.push("average_total_effect", None, &u, &u_variance, change);
    }

    /// Wald test of the terms from `first` on; `None` when one of them is missing or their covariance is singular.
    fn joint(&self, first: usize, n: usize) -> Option<PreTest> {
        if n == 0 || self.terms.len() - first != n {
            return None;
        }
        let vcov = Matrix::from_columns(self.design.n_clusters, &self.vcov[first..]).gram();
        let chol = Cholesky::new(&vcov)?;
        let clear = |j: usize| chol.lower()[(j, j)].powi(2) > 1e-12 * vcov[(j, j)];
        if !(0..n).all(clear) {
            return None;
        }
        let points: Vec<f64> = self.terms[first..].iter().map(|term| term.estimate.estimate).collect();
        let half = chol.solve_lower(&points);
        let statistic = dot(&half, &half);
        Some(PreTest { statistic, df: n, p_value: chi_squared_tail(statistic, n as f64) })
    }
}

#[cfg(test)]
mod tests;
