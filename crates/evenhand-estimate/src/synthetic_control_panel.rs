//! Synthetic control on long data, in one call with its placebos: outcomes only, demeaned, ridge-augmented, or with
//! predictors and a search for their importance.
//!
//! Formula and papers: those of the estimator chosen, [`synthetic_control`](crate::synthetic_control()),
//! [`demeaned_synthetic_control`],
//! [`ridge_augmented_synthetic_control`](crate::ridge_augmented_synthetic_control()) and
//! [`synthetic_control_predictors`](crate::synthetic_control_predictors()). Several treated units with one start are
//! averaged. Units that start later than the window are donors.
//! Inference: every donor in the treated unit's place (ranks of effect over RMSPE and of RMSPE ratios), conformal
//! inversion, or jackknife+. The table's interval is that of the method asked for.
//! Assumptions and known failures: as those pages say. Defaults: outcomes only, placebo units.
//! Checked against an exact quadratic programme on Proposition 99, Germany, the Basque Country and Kansas.

use crate::placebo_tests::spread;
use crate::placebo_units::ranked;
use crate::rectangle::Rectangle;
use crate::{
    Caveat, Cells, Conformal, ConformalOptions, Design, Error, ErrorKind, Estimate, Estimates, Interval,
    JackknifePlus, LeaveOneOut, PlaceboDate, PlaceboUnits, PredictorControl, PredictorControlOptions,
    PredictorOperator, Predictors, Result, RidgeAugmented, RidgeAugmentedOptions, RmspeRatios, SyntheticFit,
    Term, conformal_demeaned, conformal_ridge_augmented, conformal_synthetic_control,
    demeaned_synthetic_control, jackknife_plus, ridge_augmented_synthetic_control, rmspe_ratios,
    synthetic_control, synthetic_control_predictors,
};
use rayon::prelude::*;

/// Which synthetic control.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum SyntheticControlEstimator {
    /// All outcomes before adoption, no intercept.
    #[default]
    Outcomes,
    /// All outcomes before adoption, with an intercept.
    Demeaned,
    /// Ridge-augmented; predictors serve as its covariates.
    RidgeAugmented(RidgeAugmentedOptions),
    /// Predictors, weighted by their importance.
    Predictors(PredictorControlOptions),
}

/// How uncertainty is found.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum SyntheticControlInference {
    /// Every donor in the treated unit's place; one treated unit only.
    #[default]
    PlaceboUnits,
    /// Inversion of the test by cyclic shifts; not for predictors.
    Conformal(ConformalOptions),
    /// Periods before adoption left out in turn; not for predictors.
    JackknifePlus,
    /// None.
    Point,
}

/// One predictor: a covariate, or the outcome, summarised over periods before adoption.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictorSpec {
    /// Name of the covariate; `None` is the outcome.
    pub covariate: Option<String>,
    /// Values of the periods, first and last; `None` is all before adoption.
    pub periods: Option<(f64, f64)>,
    /// Default: the mean.
    pub operator: PredictorOperator,
}

/// Options of [`synthetic_control_panel`].
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticControlPanelOptions {
    /// Default: outcomes only.
    pub estimator: SyntheticControlEstimator,
    /// Default: placebo units.
    pub inference: SyntheticControlInference,
    /// Predictors; when empty, the mean of every covariate before adoption.
    pub predictors: Vec<PredictorSpec>,
    /// Cutoffs of the RMSPE before adoption, as multiples of the treated unit's. Default 5 and 2.
    pub cutoffs: Vec<f64>,
    /// Pretended first treated periods (values) of in-time placebos. Default none.
    pub placebo_dates: Vec<f64>,
    /// Whether to leave donors out in turn. Default false.
    pub leave_one_out: bool,
}

impl Default for SyntheticControlPanelOptions {
    fn default() -> Self {
        Self {
            estimator: SyntheticControlEstimator::Outcomes,
            inference: SyntheticControlInference::PlaceboUnits,
            predictors: Vec::new(),
            cutoffs: vec![5.0, 2.0],
            placebo_dates: Vec::new(),
            leave_one_out: false,
        }
    }
}

/// Result of [`synthetic_control_panel`].
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticControlPanel {
    /// `att`, then `event_time=e` for every period (before adoption too: the gap there says how well it fits).
    pub estimates: Estimates,
    /// Weights, counterfactual and gaps.
    pub fit: SyntheticFit,
    /// Levels (in [`Cells::unit`]) of the donors, in the order of `fit.omega`.
    pub donors: Vec<usize>,
    /// Levels of the treated units.
    pub treated: Vec<usize>,
    /// Values of the periods, in the order of `fit.gap`.
    pub periods: Vec<f64>,
    /// Every donor in the treated unit's place.
    pub placebo_units: Option<PlaceboUnits>,
    /// Ranks of RMSPE ratios.
    pub rmspe_ratios: Option<RmspeRatios>,
    /// Conformal sets.
    pub conformal: Option<Conformal>,
    /// Jackknife+ intervals at 95 %.
    pub jackknife_plus: Option<JackknifePlus>,
    /// In-time placebos.
    pub placebo_dates: Vec<PlaceboDate>,
    /// Estimates without each donor.
    pub leave_one_out: Option<LeaveOneOut>,
    /// Importance and balance of predictors.
    pub predictors: Option<PredictorControl>,
    /// Penalty and imbalance of the ridge-augmented fit.
    pub ridge: Option<RidgeAugmented>,
}

/// Synthetic control on long data.
///
/// ```
/// use evenhand_estimate::{Cells, SyntheticControlPanelOptions, synthetic_control_panel};
/// let (mut unit, mut period, mut y, mut cohort) = (vec![], vec![], vec![], vec![]);
/// for i in 0..12 {
///     for t in 0..10 {
///         unit.push(i);
///         period.push(f64::from(t));
///         cohort.push(if i == 4 { 7.0 } else { f64::INFINITY });
///         let noise = f64::from((i * 7 + t * 5 + i * t * 3) % 11) / 11.0;
///         y.push(f64::from(i) + f64::from(t) + noise + if i == 4 && t >= 7 { 5.0 } else { 0.0 });
///     }
/// }
/// let cells = Cells::new(&unit, &period, &y)?.with_cohort(&cohort)?;
/// let found = synthetic_control_panel(&cells, &SyntheticControlPanelOptions::default())?;
/// assert!((found.fit.estimate - 5.0).abs() < 1.0);
/// assert!((found.rmspe_ratios.unwrap().p_value - 1.0 / 12.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Staggered`] for several starts, [`ErrorKind::NoTreated`], [`ErrorKind::NoDonors`],
/// [`ErrorKind::Missing`] when no unit is observed throughout, [`ErrorKind::Shape`] for a predictor that is not
/// there, [`ErrorKind::Domain`] for conformal inference or jackknife+ with predictors, and those of the estimator.
/// Placebo units for several treated units are a caveat, not an error.
pub fn synthetic_control_panel(
    cells: &Cells,
    options: &SyntheticControlPanelOptions,
) -> Result<SyntheticControlPanel> {
    let panel = Rectangle::new(cells)?;
    let start = panel.one_start()?;
    let design = panel.design(start)?;
    let predictors = predictors(&panel, start, options)?;
    let comparison = Comparison { design, predictors, estimator: &options.estimator };
    let mut found = comparison.report(&panel, start)?;
    found.placebo_dates = comparison.dates(&panel, options)?;
    if options.leave_one_out {
        found.leave_one_out = Some(comparison.leave_one_out(found.fit.estimate)?);
    }
    match options.inference {
        SyntheticControlInference::PlaceboUnits => comparison.placebos(&mut found, options)?,
        SyntheticControlInference::Conformal(inversion) => {
            found.conformal = Some(comparison.conformal(&inversion)?);
        }
        SyntheticControlInference::JackknifePlus => found.jackknife_plus = Some(comparison.jackknife(0.05)?),
        SyntheticControlInference::Point => {}
    }
    let narrow = match options.inference {
        SyntheticControlInference::JackknifePlus => Some(comparison.jackknife(0.10)?),
        _ => None,
    };
    found.estimates.terms = terms(&found, narrow.as_ref(), start);
    found.estimates.options = echo(options, comparison.predictors.as_ref());
    Ok(found)
}

fn echo(
    options: &SyntheticControlPanelOptions,
    predictors: Option<&Predictors>,
) -> Vec<(&'static str, String)> {
    vec![
        ("estimator", format!("{:?}", options.estimator)),
        ("inference", format!("{:?}", options.inference)),
        ("predictors", predictors.map_or_else(String::new, |predictors| predictors.names().join(","))),
        ("cutoffs", format!("{:?}", options.cutoffs)),
        ("placebo_dates", format!("{:?}", options.placebo_dates)),
        ("leave_one_out", options.leave_one_out.to_string()),
    ]
}

/// Summaries of covariates and outcomes before adoption; `None` when the estimator takes none.
fn predictors(
    panel: &Rectangle,
    start: usize,
    options: &SyntheticControlPanelOptions,
) -> Result<Option<Predictors>> {
    if matches!(options.estimator, SyntheticControlEstimator::Outcomes | SyntheticControlEstimator::Demeaned)
    {
        return Ok(None);
    }
    let all: Vec<PredictorSpec> = panel
        .covariates
        .iter()
        .map(|(name, _)| PredictorSpec {
            covariate: Some(name.clone()),
            periods: None,
            operator: PredictorOperator::Mean,
        })
        .collect();
    let specs = if options.predictors.is_empty() { &all } else { &options.predictors };
    let mut predictors = Predictors::new();
    for spec in specs {
        let name = spec.covariate.as_deref().unwrap_or("outcome");
        let values = match &spec.covariate {
            None => &panel.outcome,
            Some(wanted) => {
                let found = panel.covariates.iter().find(|(name, _)| name == wanted);
                &found
                    .ok_or_else(|| {
                        let message = format!("predictor `{wanted}`: no covariate of that name");
                        Error::new(ErrorKind::Shape, message)
                    })?
                    .1
            }
        };
        let inside = |t: f64| spec.periods.is_none_or(|(first, last)| first <= t && t <= last);
        let chosen: Vec<usize> = (0..start).filter(|&t| inside(panel.periods[t])).collect();
        if chosen.is_empty() {
            let message = format!("predictor `{name}`: none of its periods is before adoption");
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let n_periods = panel.n_periods();
        let of = |row: usize| {
            spec.operator.of(chosen.iter().map(|&t| values[row * n_periods + t]).collect::<Vec<f64>>())
        };
        let treated = panel.treated();
        let own = treated.iter().map(|&row| of(row)).sum::<f64>() / treated.len() as f64;
        let donors: Vec<f64> = panel.untreated().into_iter().map(of).collect();
        let label = match spec.periods {
            None => name.to_owned(),
            Some((first, last)) => format!("{name}({first},{last})"),
        };
        predictors = predictors.with(&label, own, &donors)?;
    }
    Ok((!predictors.is_empty()).then_some(predictors))
}

/// One treated series with its donors and their predictors.
struct Comparison<'a> {
    design: Design,
    predictors: Option<Predictors>,
    estimator: &'a SyntheticControlEstimator,
}

impl Comparison<'_> {
    fn fit(&self, design: &Design, predictors: Option<&Predictors>) -> Result<SyntheticFit> {
        match self.estimator {
            SyntheticControlEstimator::Outcomes => synthetic_control(design),
            SyntheticControlEstimator::Demeaned => demeaned_synthetic_control(design),
            SyntheticControlEstimator::RidgeAugmented(options) => {
                ridge_augmented_synthetic_control(design, predictors, options).map(|found| found.fit)
            }
            SyntheticControlEstimator::Predictors(options) => {
                let none = Predictors::new();
                synthetic_control_predictors(design, predictors.unwrap_or(&none), options)
                    .map(|found| found.fit)
            }
        }
    }

    fn report(&self, panel: &Rectangle, start: usize) -> Result<SyntheticControlPanel> {
        let (mut ridge, mut control) = (None, None);
        let fit = match self.estimator {
            SyntheticControlEstimator::RidgeAugmented(options) => {
                let found =
                    ridge_augmented_synthetic_control(&self.design, self.predictors.as_ref(), options)?;
                ridge.insert(found).fit.clone()
            }
            SyntheticControlEstimator::Predictors(options) => {
                let none = Predictors::new();
                let predictors = self.predictors.as_ref().unwrap_or(&none);
                let found = synthetic_control_predictors(&self.design, predictors, options)?;
                control.insert(found).fit.clone()
            }
            _ => self.fit(&self.design, None)?,
        };
        let mut caveats = panel.caveats.clone();
        if let Some(ratio) = fit.pre_fit_ratio.filter(|ratio| *ratio > 0.5) {
            caveats
                .push(Caveat::PoorFit { percent: (100.0 * ratio).round().min(f64::from(u32::MAX)) as u32 });
        }
        let levels = |rows: Vec<usize>| -> Vec<usize> { rows.iter().map(|&row| panel.units[row]).collect() };
        let estimates = Estimates {
            method: match self.estimator {
                SyntheticControlEstimator::RidgeAugmented(_) => "ridge-augmented-synthetic-control",
                _ => "synthetic-control",
            },
            terms: Vec::new(),
            vcov: None,
            n_obs: panel.outcome.len(),
            n_units: panel.n_units(),
            n_periods: panel.n_periods(),
            n_clusters: None,
            seed: match self.estimator {
                SyntheticControlEstimator::Predictors(options) if options.random_starts > 0 => {
                    Some(options.seed)
                }
                _ => None,
            },
            options: Vec::new(),
            caveats,
        };
        Ok(SyntheticControlPanel {
            estimates,
            fit,
            donors: levels(panel.untreated()),
            treated: levels((0..panel.n_units()).filter(|&row| panel.adoption[row] == Some(start)).collect()),
            periods: panel.periods.clone(),
            placebo_units: None,
            rmspe_ratios: None,
            conformal: None,
            jackknife_plus: None,
            placebo_dates: Vec::new(),
            leave_one_out: None,
            predictors: control,
            ridge,
        })
    }

    fn dates(&self, panel: &Rectangle, options: &SyntheticControlPanelOptions) -> Result<Vec<PlaceboDate>> {
        let starts: Vec<usize> =
            options.placebo_dates.iter().map(|date| panel.periods.partition_point(|t| t < date)).collect();
        let fits: Vec<Result<PlaceboDate>> = starts
            .par_iter()
            .map(|&n_pre| {
                let moved = self.design.backdate(n_pre)?;
                // Predictors are summarised anew, over the periods before the pretended date.
                let predictors = predictors(panel, n_pre, options)?;
                let fit = self.fit(&moved, predictors.as_ref())?;
                Ok(PlaceboDate { period: moved.periods()[n_pre].clone(), n_pre, fit })
            })
            .collect();
        fits.into_iter().collect()
    }

    fn leave_one_out(&self, estimate: f64) -> Result<LeaveOneOut> {
        let found: Vec<Result<f64>> = (0..self.design.n_donors())
            .into_par_iter()
            .map(|donor| {
                let rest =
                    self.predictors.as_ref().map(|predictors| predictors.without(donor)).transpose()?;
                Ok(self.fit(&self.design.without_donor(donor)?, rest.as_ref())?.estimate)
            })
            .collect();
        Ok(spread(&self.design, estimate, found.into_iter().collect::<Result<Vec<f64>>>()?))
    }

    fn placebos(
        &self,
        found: &mut SyntheticControlPanel,
        options: &SyntheticControlPanelOptions,
    ) -> Result<()> {
        let mut none = |why: &str| {
            found
                .estimates
                .caveats
                .push(Caveat::NotEstimated { what: "placebo ranks".to_owned(), why: why.to_owned() });
        };
        if self.design.n_treated() != 1 {
            none(
                "several treated units; use the placebo error of synthetic DiD, conformal inference or jackknife+",
            );
            return Ok(());
        }
        if self.design.n_donors() < 2 {
            none("one donor, two or more are needed");
            return Ok(());
        }
        let fits: Vec<Result<SyntheticFit>> = (0..self.design.n_donors())
            .into_par_iter()
            .map(|donor| {
                let rest =
                    self.predictors.as_ref().map(|predictors| predictors.placebo(donor)).transpose()?;
                self.fit(&self.design.placebo(donor)?, rest.as_ref())
            })
            .collect();
        let placebos =
            ranked(&self.design, found.fit.clone(), fits.into_iter().collect::<Result<Vec<SyntheticFit>>>()?);
        found.rmspe_ratios = Some(rmspe_ratios(&placebos, self.design.n_pre(), &options.cutoffs));
        found.placebo_units = Some(placebos);
        Ok(())
    }

    fn conformal(&self, inversion: &ConformalOptions) -> Result<Conformal> {
        match self.estimator {
            SyntheticControlEstimator::Outcomes => conformal_synthetic_control(&self.design, inversion),
            SyntheticControlEstimator::Demeaned => conformal_demeaned(&self.design, inversion),
            SyntheticControlEstimator::RidgeAugmented(options) => {
                conformal_ridge_augmented(&self.design, self.predictors.as_ref(), options, inversion)
            }
            SyntheticControlEstimator::Predictors(_) => Err(Error::new(
                ErrorKind::Domain,
                "conformal inference with predictors: expected placebo units",
            )),
        }
    }

    fn jackknife(&self, alpha: f64) -> Result<JackknifePlus> {
        if matches!(self.estimator, SyntheticControlEstimator::Predictors(_)) {
            return Err(Error::new(ErrorKind::Domain, "jackknife+ with predictors: expected placebo units"));
        }
        jackknife_plus(&self.design, alpha, |design| self.fit(design, self.predictors.as_ref()))
    }
}

fn terms(found: &SyntheticControlPanel, narrow: Option<&JackknifePlus>, start: usize) -> Vec<Term> {
    let gap = &found.fit.gap;
    let both = |pick: &dyn Fn(&JackknifePlus) -> Interval| {
        found.jackknife_plus.as_ref().zip(narrow).map(|(wide, narrow)| (pick(wide), pick(narrow)))
    };
    let att = match (&found.placebo_units, &found.conformal) {
        (Some(placebos), _) => placebos.estimate,
        (_, Some(conformal)) => Estimate {
            p_value: Some(conformal.p_value),
            ..Estimate::from_intervals(
                found.fit.estimate,
                conformal.set_95.hull().unwrap_or(Interval::ALL),
                conformal.set_90.hull().unwrap_or(Interval::ALL),
            )
        },
        _ => both(&|found| found.average).map_or_else(
            || Estimate::point(found.fit.estimate),
            |(wide, narrow)| Estimate::from_intervals(found.fit.estimate, wide, narrow),
        ),
    };
    let mut terms = vec![Term::new("att", att)];
    for (t, &gap) in gap.iter().enumerate() {
        let interval = t.checked_sub(start).and_then(|s| both(&|found| found.by_period[s]));
        let placebo = found.placebo_units.as_ref().filter(|_| t >= start).map(|placebos| {
            let effects: Vec<f64> = placebos.placebos.iter().map(|placebo| placebo.gap[t]).collect();
            let larger = effects.iter().filter(|effect| effect.abs() >= gap.abs()).count();
            let centre = effects.iter().sum::<f64>() / effects.len() as f64;
            let square = effects.iter().map(|effect| (effect - centre).powi(2)).sum::<f64>();
            Estimate {
                p_value: Some((1 + larger) as f64 / (1 + effects.len()) as f64),
                ..Estimate::from_std_error(gap, (square / effects.len() as f64).sqrt(), None)
            }
        });
        let estimate = match (placebo, interval) {
            (Some(estimate), _) => estimate,
            (None, Some((wide, narrow))) => Estimate::from_intervals(gap, wide, narrow),
            (None, None) => Estimate::point(gap),
        };
        terms.push(Term {
            period: Some(found.periods[t]),
            ..Term::at_event_time(t as i64 - start as i64, estimate)
        });
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    /// 14 units over 16 periods; the units below `n_treated` gain 4 from period 12 on.
    fn cells(seed: u64, n_treated: usize) -> Cells {
        let stream = Stream::new(seed, 6);
        let (mut unit, mut period, mut y, mut x, mut cohort) = (vec![], vec![], vec![], vec![], vec![]);
        for i in 0..14usize {
            let at = |k: usize| stream.normal((i * 40 + k) as u64);
            for t in 0..16usize {
                unit.push(i);
                period.push(2000.0 + t as f64);
                cohort.push(if i < n_treated { 2012.0 } else { f64::INFINITY });
                let gain = if i < n_treated && t >= 12 { 4.0 } else { 0.0 };
                y.push(10.0 + at(30) + at(31) * (0.6 * t as f64).sin() + 0.3 * at(t) + gain);
                x.push(at(30) + 0.1 * at(t + 16));
            }
        }
        let cells = Cells::new(&unit, &period, &y).unwrap().with_cohort(&cohort).unwrap();
        cells.with_covariate("x", &x).unwrap()
    }

    fn run(cells: &Cells, options: &SyntheticControlPanelOptions) -> SyntheticControlPanel {
        synthetic_control_panel(cells, options).unwrap()
    }

    fn every_estimator() -> [SyntheticControlEstimator; 4] {
        [
            SyntheticControlEstimator::Outcomes,
            SyntheticControlEstimator::Demeaned,
            SyntheticControlEstimator::RidgeAugmented(RidgeAugmentedOptions::default()),
            SyntheticControlEstimator::Predictors(PredictorControlOptions::default()),
        ]
    }

    fn two_predictors() -> Vec<PredictorSpec> {
        let operator = PredictorOperator::Mean;
        vec![
            PredictorSpec { covariate: Some("x".to_owned()), periods: None, operator },
            PredictorSpec { covariate: None, periods: Some((2003.0, 2005.0)), operator },
            PredictorSpec { covariate: None, periods: Some((2008.0, 2008.0)), operator },
        ]
    }

    #[test]
    fn every_estimator_finds_a_large_effect_with_the_least_p() {
        for estimator in every_estimator() {
            let options = SyntheticControlPanelOptions {
                estimator,
                predictors: two_predictors(),
                leave_one_out: true,
                ..Default::default()
            };
            let found = run(&cells(1, 1), &options);
            let att = found.estimates.get("att").unwrap().estimate;
            assert!((att.estimate - 4.0).abs() < 1.0, "{:?}: {}", options.estimator, att.estimate);
            assert!((found.placebo_units.unwrap().rank_p_raw - 1.0 / 14.0).abs() < 1e-12);
            let out = found.leave_one_out.unwrap();
            assert!(out.low <= att.estimate && att.estimate <= out.high && out.sign_changes == 0);
            assert_eq!(found.estimates.terms.len(), 17);
            assert_eq!(found.estimates.at_event_time(0).unwrap().period, Some(2012.0));
        }
    }

    #[test]
    fn other_inference_brackets_the_effect() {
        for inference in [
            SyntheticControlInference::Conformal(ConformalOptions::default()),
            SyntheticControlInference::JackknifePlus,
        ] {
            for estimator in every_estimator() {
                let options = SyntheticControlPanelOptions { estimator, inference, ..Default::default() };
                if let SyntheticControlEstimator::Predictors(_) = options.estimator {
                    let error = synthetic_control_panel(&cells(2, 1), &options).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Domain);
                    continue;
                }
                let att = run(&cells(2, 2), &options).estimates.get("att").unwrap().estimate;
                assert!(att.conf_low <= 4.0 && 4.0 <= att.conf_high, "{:?}: {att:?}", options.estimator);
            }
        }
    }

    #[test]
    fn earlier_dates_see_nothing_and_use_earlier_periods_only() {
        for estimator in every_estimator() {
            let options = SyntheticControlPanelOptions {
                estimator,
                predictors: two_predictors(),
                placebo_dates: vec![2009.0],
                inference: SyntheticControlInference::Point,
                ..Default::default()
            };
            let found = run(&cells(3, 1), &options);
            assert_eq!((found.placebo_dates[0].n_pre, found.placebo_dates[0].fit.gap.len()), (9, 12));
            assert!(found.placebo_dates[0].fit.estimate.abs() < 1.5);
        }
    }

    #[test]
    fn several_treated_units_and_other_gaps_are_said() {
        let found = run(&cells(1, 3), &SyntheticControlPanelOptions::default());
        assert!(found.placebo_units.is_none() && found.treated == [0, 1, 2]);
        assert!(found.estimates.caveats.iter().any(|caveat| matches!(caveat, Caveat::NotEstimated { .. })));
        let unknown = SyntheticControlPanelOptions {
            estimator: SyntheticControlEstimator::Predictors(PredictorControlOptions::default()),
            predictors: vec![PredictorSpec {
                covariate: Some("z".to_owned()),
                periods: None,
                operator: PredictorOperator::Sum,
            }],
            ..Default::default()
        };
        assert_eq!(synthetic_control_panel(&cells(1, 1), &unknown).unwrap_err().kind(), ErrorKind::Shape);
        let staggered = cells(1, 2);
        let cohort: Vec<f64> = (0..staggered.n_obs())
            .map(|row| match staggered.unit().at(row) {
                0 => 2010.0,
                1 => 2012.0,
                _ => f64::INFINITY,
            })
            .collect();
        let staggered = staggered.with_cohort(&cohort).unwrap();
        let error =
            synthetic_control_panel(&staggered, &SyntheticControlPanelOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Staggered);
    }
}
