//! Synthetic difference-in-differences for the policy of one county (methods/1, 3.7 and 3.8).
//!
//! The county's monthly arrests against donors outside its area, on z = 2 sqrt(y + 3/8). Fields: `est` is
//! ln(observed / counterfactual) over the months in force; `lo`, `hi`, `lo90`, `hi90` the wider of the placebo and
//! the conformal interval; `p` conformal; `rank_p` the rank of the studentised effect among placebo counties;
//! `mde` at the standard error achieved. Bounds for arrests without a county stand in the details.

use super::county_effect::{CountyEffect, Method, Scale, infer};
use super::geography_bounds::{GeographyBounds, bounds};
use super::landmark_panel::{BAND, ENOUGH_DONORS, LandmarkPanel, LeftOut, Periods, Table};
use super::{Ran, Run, Stop, needs};
use crate::confidence::{self, Graded, Grades};
use crate::context::Context;
use crate::figures::county_policy;
use crate::result::{Caveat, Fields};
use crate::wording::{number, p_value, percent_change};
use evenhand_docket::{Claim, Estimator, Test, Unit};
use evenhand_estimate::{Design, Interval, RootEffect, mde, placebo_units};
use evenhand_measure::{Geography, Outcome};
use evenhand_vocab::Month;

/// Smallest excess of interest for a single county: 25 percent (methods/1, section 10.1).
pub const COUNTY_SESOI: f64 = 0.2231;

/// Runs the test.
///
/// # Errors
/// Stops when the test asks for another estimator or unit, or when no release serves it.
pub fn run(context: &Context<'_>, claim: &Claim, test: &Test) -> Run {
    let study = Study::bind(context, claim, test)?;
    let effect = study.effect()?;
    let geography = bounds(&study.panel, study.outcome);
    let mut ran = study.shown(&effect, "in comparable places")?;
    ran.details.extend(geography_lines(&geography));
    ran.details.extend(study.naive());
    ran.details.extend(study.in_time_placebo());
    ran.details.extend(study.quarter_left_out());
    ran.departures = study.departures(claim, test);
    ran.caveats = study.caveats(&effect);
    ran.grades = grades(&study, &effect);
    ran.grades.robustness = Graded::none("choices are varied in the test of excess");
    ran.figures = vec![
        county_policy::counterfactual(claim, &study, &effect),
        county_policy::across_geography(claim, &study, &effect, &geography),
    ];
    Ok(ran)
}

/// The primary specification of a one-county test.
pub struct Study {
    /// Panel and policy.
    pub panel: LandmarkPanel,
    /// What is counted.
    pub outcome: Outcome,
    /// Series by county.
    pub table: Table,
    /// Months.
    pub periods: Periods,
    /// Donors, by position.
    pub donors: Vec<usize>,
}

impl Study {
    /// Binds the primary specification.
    ///
    /// # Errors
    /// Stops when the test asks for what is not built or not held.
    pub fn bind(context: &Context<'_>, claim: &Claim, test: &Test) -> Result<Self, Stop> {
        if test.unit != Some(Unit::LandmarkCounty)
            || test.estimator.is_some_and(|name| name != Estimator::Sdid)
        {
            return Err(needs("needs a one-county design with estimator `sdid`, the only one built"));
        }
        let outcome = LandmarkPanel::outcome(test)
            .ok_or_else(|| needs(format!("needs {} counted by county", test.measure)))?;
        let panel = LandmarkPanel::bind(context, claim, test, outcome)?;
        let table = panel.table(outcome, Geography::WithOffice);
        let periods = panel.periods(LeftOut::Announced);
        let donors = panel.donors(panel.treated, &table, &periods, BAND);
        if donors.is_empty() {
            return Err(needs(
                "needs counties outside the area with a similar number of arrests, found none",
            ));
        }
        Ok(Self { panel, outcome, table, periods, donors })
    }

    /// The treated county's counts.
    #[must_use]
    pub fn own(&self) -> &[f64] {
        &self.table[self.panel.treated]
    }

    /// The comparison on the root scale.
    ///
    /// # Errors
    /// Stops when the design cannot be made.
    pub fn design(&self) -> Result<Design, Stop> {
        let n_pre = self.periods.n_pre;
        self.panel.design(self.own(), &self.donors, &self.table, &self.periods, |counts| {
            Scale::Root.apply(counts, n_pre)
        })
    }

    /// Counts while the policy was in force.
    #[must_use]
    pub fn post(&self) -> Vec<f64> {
        self.periods.at[self.periods.n_pre..].iter().map(|&t| self.own()[t]).collect()
    }

    fn effect(&self) -> Result<CountyEffect, Stop> {
        infer(&self.design()?, &self.post(), 1.0, |design| Method::SyntheticDid.fit(design))
    }

    /// Fields, line, method and details of an effect; `against` names the counterfactual.
    ///
    /// # Errors
    /// As [`mde`].
    pub fn shown(&self, effect: &CountyEffect, against: &str) -> Result<Ran, Stop> {
        let headline = &effect.headline;
        let detectable = headline.std_error.map(|se| mde(se, None, 0.05, 0.8)).transpose()?;
        let fields = Fields {
            est: Some(headline.estimate),
            lo: Some(headline.conf_low),
            hi: Some(headline.conf_high),
            lo90: Some(headline.conf_low_90),
            hi90: Some(headline.conf_high_90),
            p: Some(effect.conformal.p_value),
            rank_p: Some(effect.placebos.rank_p),
            mde: detectable,
            n: Some((self.periods.at.len() * (self.donors.len() + 1)) as f64),
            n_units: Some(self.donors.len() as u64 + 1),
            n_periods: Some(self.periods.at.len() as u64),
            n_treated: Some(1),
            ..Fields::default()
        };
        let (more, low, high) = effect.a_month();
        let line = format!(
            "about {} a month than {against} (between {} and {}): {} ({} to {}); rank {}",
            change(more),
            bound(low),
            bound(high),
            percent_change(headline.estimate),
            percent_end(headline.conf_low),
            percent_end(headline.conf_high),
            p_value(effect.placebos.rank_p)
        );
        let counts = self.panel.counts(self.outcome);
        Ok(Ran {
            fields,
            unit: "ln ratio".into(),
            line,
            method: self.method(effect),
            details: self.details(effect, detectable),
            rows: Some((counts.rows_used, counts.rows_unplaced)),
            ..Ran::default()
        })
    }

    fn method(&self, effect: &CountyEffect) -> Vec<String> {
        let months = |at: &[usize]| match (at.first(), at.last()) {
            (Some(&first), Some(&last)) => {
                format!("{} to {}", self.panel.months[first], self.panel.months[last])
            }
            _ => "no month".into(),
        };
        let (pre, post) = self.periods.at.split_at(self.periods.n_pre);
        vec![
            format!(
                "Synthetic difference-in-differences on 2 sqrt(y + 3/8) of monthly arrests: {} against {} counties \
                 outside its area.",
                self.panel.county().name,
                self.donors.len()
            ),
            format!(
                "Months before: {} ({}); months in force: {} ({}); {} is left out as anticipation.",
                months(pre),
                pre.len(),
                months(post),
                post.len(),
                if self.panel.on.since(self.panel.announced) > 0 {
                    self.panel.announced.to_string()
                } else {
                    "none".into()
                }
            ),
            format!(
                "Donors: mean before within a factor of {} of the county's own, no policy on the timeline held.",
                number(BAND, 0)
            ),
            format!(
                "Intervals: placebo counties and conformal inference; the {} one is wider and is shown.",
                effect.wider
            ),
        ]
    }

    fn details(&self, effect: &CountyEffect, detectable: Option<f64>) -> Vec<(String, String)> {
        let placebos = &effect.placebos;
        let fit = &placebos.fit;
        let design_donors = self.donors.iter().map(|&unit| self.panel.counties[unit].name.as_str());
        let mut weights: Vec<(&str, f64)> = design_donors.zip(fit.omega.iter().copied()).collect();
        weights.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let heaviest: Vec<String> = weights
            .iter()
            .take(5)
            .filter(|(_, weight)| *weight > 0.0)
            .map(|(name, weight)| format!("{name} {}", number(*weight, 2)))
            .collect();
        let range = |low: f64, high: f64| format!("{} to {}", percent_end(low), percent_end(high));
        let by_placebos = &effect.by_placebos;
        let mut details = vec![
            ("observed a month".to_owned(), number(effect.observed_a_month(), 1)),
            ("expected a month".into(), number(effect.expected_a_month(), 1)),
            ("placebo interval".into(), range(by_placebos.conf_low, by_placebos.conf_high)),
            (
                "conformal interval".into(),
                effect.by_conformal.map_or_else(|| "empty".to_owned(), |set| range(set.low, set.high)),
            ),
            ("conformal p of no effect".into(), number(effect.conformal.p_value, 3)),
            (
                "rank among placebo counties".into(),
                format!(
                    "p = {} on effect over error before, {} on the effect alone (floor {})",
                    number(placebos.rank_p, 3),
                    number(placebos.rank_p_raw, 3),
                    number(placebos.rank_p_floor, 3)
                ),
            ),
            (
                "error before over the series' own spread".into(),
                fit.pre_fit_ratio.map_or_else(|| "not defined".into(), |ratio| number(ratio, 2)),
            ),
            ("weight of the last three months before".into(), self.late_weight(&fit.lambda)),
            ("donors that carry weight".into(), number(fit.effective_donors, 1)),
            ("heaviest donors".into(), heaviest.join(", ")),
        ];
        if let Some(mde) = detectable {
            details
                .push(("smallest change that would show in four of five cases".into(), percent_change(mde)));
        }
        if self.donors.len() < ENOUGH_DONORS {
            let text = format!("{} donors; with fewer than 20 no rank can reach 0.05", self.donors.len());
            details.push(("donor pool".into(), text));
        }
        details
    }

    /// Share of the time weights on the last three months before the policy, in which the series had moved.
    fn late_weight(&self, lambda: &[f64]) -> String {
        let late: f64 = lambda.iter().rev().take(3).sum();
        format!("{} percent of the comparison with before", number(100.0 * late, 0))
    }

    /// What a plain before-and-after would say, which is misleading here.
    fn naive(&self) -> Vec<(String, String)> {
        let (pre, post) = self.periods.at.split_at(self.periods.n_pre);
        let mean = |at: &[usize]| LandmarkPanel::mean(self.own(), at);
        let (before, after) = (mean(pre), mean(post));
        let text = format!(
            "{} a month before, {} in force ({}); misleading, see the movement before the policy",
            number(before, 1),
            number(after, 1),
            if before > 0.0 && after > 0.0 {
                percent_change((after / before).ln())
            } else {
                "no ratio".into()
            }
        );
        vec![("plain before and after".into(), text)]
    }

    /// The same estimator with the policy dated three months earlier, on months before the policy only.
    fn in_time_placebo(&self) -> Option<(String, String)> {
        let periods = self.panel.periods(LeftOut::Nothing);
        let n_pre = self.panel.periods(LeftOut::Quarter).n_pre;
        let design = self
            .panel
            .design(self.own(), &self.donors, &self.table, &periods, |counts| {
                Scale::Root.apply(counts, n_pre)
            })
            .ok()?
            .backdate(n_pre)
            .ok()?;
        let fit = Method::SyntheticDid.fit(&design).ok()?;
        let early: Vec<f64> = periods.at[n_pre..periods.n_pre].iter().map(|&t| self.own()[t]).collect();
        let ratio = Scale::Root.ln_ratio(&early, 1.0, fit.estimate).ok()?;
        let text = format!(
            "{} in the three months before the policy; an effect of the policy itself would show none",
            percent_change(ratio)
        );
        Some(("same method, policy dated three months early".into(), text))
    }

    /// The test with the three months before the policy left out of the fit as well.
    fn quarter_left_out(&self) -> Option<(String, String)> {
        let periods = self.panel.periods(LeftOut::Quarter);
        let donors = self.panel.donors(self.panel.treated, &self.table, &periods, BAND);
        let n_pre = periods.n_pre;
        let design = self
            .panel
            .design(self.own(), &donors, &self.table, &periods, |counts| Scale::Root.apply(counts, n_pre))
            .ok()?;
        let placebos = placebo_units(&design, |design: &Design| Method::SyntheticDid.fit(design)).ok()?;
        let effect = RootEffect::new(&self.post()).ok()?.map(&placebos.estimate).ok()?;
        let text = format!(
            "{} ({} to {}, placebo interval); rank p = {}",
            percent_change(effect.estimate),
            percent_end(effect.conf_low),
            percent_end(effect.conf_high),
            number(placebos.rank_p, 3)
        );
        Some(("with the three months before the policy left out".into(), text))
    }

    fn departures(&self, claim: &Claim, test: &Test) -> Vec<String> {
        let mut departures: Vec<String> = self.panel.held.differs.iter().cloned().collect();
        let asked = test.window.map_or(claim.scope.start, |(start, _)| start);
        let first = self.panel.months.first().map(|month| month.first_day());
        if let Some(first) = first.filter(|first| *first > asked) {
            departures.push(format!("the window asked for begins on {asked}, the release on {first}"));
        } else if let Some(first) = first {
            departures.push(format!(
                "months before the policy begin on {first}, where the release does (one priority regime)"
            ));
        }
        departures.push(
            "arrests are placed by landmark, and those under an office's general code in the office's county; a \
             landmark is not the place of the arrest"
                .into(),
        );
        departures.push("donor shocks are not screened: no rule for them was stated before the run".into());
        departures
    }

    fn caveats(&self, effect: &CountyEffect) -> Vec<Caveat> {
        let mut caveats = self.anticipation(&effect.placebos.fit.lambda);
        let office: f64 = self.share_by_office();
        caveats.push(Caveat {
            code: "geo.landmark".into(),
            text: format!(
                "{} percent of the county's arrests in this series stand under the general code of the office, which \
                 also covers neighbouring counties.",
                number(100.0 * office, 0)
            ),
        });
        caveats.push(Caveat {
            code: "selection.policy".into(),
            text: format!(
                "The policy timeline held names {} other counties; other donors may have had a policy that is not on it.",
                self.panel.with_policy.len()
            ),
        });
        caveats
    }

    /// Share of the county's arrests of the whole window that only an office's general code places.
    #[must_use]
    pub fn share_by_office(&self) -> f64 {
        let located = self.panel.table(self.outcome, Geography::Located);
        let sum = |series: &[f64]| self.periods.at.iter().map(|&t| series[t]).sum::<f64>();
        let all = sum(self.own());
        if all > 0.0 { 1.0 - sum(&located[self.panel.treated]) / all } else { 0.0 }
    }

    /// Movement in the three months before the policy and the last four of it.
    fn anticipation(&self, lambda: &[f64]) -> Vec<Caveat> {
        let jail = self.panel.table(Outcome::LocalJail, Geography::WithOffice);
        let jail = &jail[self.panel.treated];
        let between = |from: Month, to: Month| -> Vec<usize> {
            (0..self.panel.months.len()).filter(|&t| (from..=to).contains(&self.panel.months[t])).collect()
        };
        let on = self.panel.on;
        let earlier = between(on.plus(-15), on.plus(-4));
        let just_before = between(on.plus(-3), on.plus(-1));
        let first = between(on, self.panel.last.plus(-4));
        let end = between(self.panel.last.plus(-3), self.panel.last);
        if [&earlier, &just_before, &first, &end].iter().any(|months| months.is_empty()) {
            return vec![];
        }
        let pair = |series: &[f64], one: &[usize], other: &[usize]| {
            let mean = |at: &[usize]| number(LandmarkPanel::mean(series, at), 0);
            format!("{} to {}", mean(one), mean(other))
        };
        let text = format!(
            "The series moved before the policy did. In the three months before it, at-large arrests went from {} a \
             month (mean of the year before) and local-jail arrests from {}; between the first months in force and the \
             last four, from {} and {}. A plain before-and-after would credit both to the policy; this method puts {} on \
             the last three months before it.",
            pair(self.own(), &earlier, &just_before),
            pair(jail, &earlier, &just_before),
            pair(self.own(), &first, &end),
            pair(jail, &first, &end),
            self.late_weight(lambda)
        );
        vec![Caveat { code: "anticipation".into(), text }]
    }
}

/// Grades of a one-county effect; robustness is the caller's to set.
#[must_use]
pub fn grades(study: &Study, effect: &CountyEffect) -> Grades {
    let placebos = &effect.placebos;
    let office = study.share_by_office();
    let level = if office < 0.05 {
        crate::result::Level::High
    } else if office < 0.20 {
        crate::result::Level::Moderate
    } else {
        crate::result::Level::Low
    };
    let se = effect.headline.std_error.unwrap_or(f64::INFINITY);
    Grades {
        design: confidence::one_unit(
            placebos.fit.pre_fit_ratio,
            [placebos.rank_p, effect.conformal.p_value],
            study.donors.len(),
        ),
        data: Graded::new(
            level,
            format!(
                "{} percent of the county's arrests are placed by an office's general code",
                number(100.0 * office, 0)
            ),
        ),
        precision: mde(se, None, 0.05, 0.8).map_or_else(
            |error| Graded::new(crate::result::Level::Low, error.to_string()),
            |mde| confidence::detectable(mde, COUNTY_SESOI),
        ),
        robustness: Graded::none("no choices are varied"),
    }
}

/// Lines of the missing-geography bounds.
#[must_use]
pub fn geography_lines(bounds: &GeographyBounds) -> Vec<(String, String)> {
    let range = |set: &Interval| format!("{} to {}", percent_end(set.low), percent_end(set.high));
    let mut lines: Vec<(String, String)> = bounds
        .refits
        .iter()
        .map(|(name, estimate)| {
            let ends = Interval { low: estimate.conf_low, high: estimate.conf_high };
            ((*name).to_owned(), format!("{} ({})", percent_change(estimate.estimate), range(&ends)))
        })
        .collect();
    lines.extend(bounds.not_run.iter().map(|(name, why)| ((*name).to_owned(), format!("not run: {why}"))));
    let sets = [
        ("G3 within a factor of two of proportion", &bounds.skew),
        ("G3 with sampling (Imbens-Manski)", &bounds.skew_confidence),
        ("G2 worst case", &bounds.worst),
    ];
    lines.extend(sets.into_iter().filter_map(|(name, set)| Some((name.to_owned(), range(set.as_ref()?)))));
    lines
}

/// `12 more arrests`, `3 fewer arrests`.
fn change(a_month: f64) -> String {
    let size = number(a_month.abs(), 0);
    let way = if a_month < 0.0 { "fewer" } else { "more" };
    format!("{size} {way} arrests")
}

/// `3 fewer`, `21 more`, `no bound`.
fn bound(a_month: f64) -> String {
    match a_month {
        _ if !a_month.is_finite() => "no bound".into(),
        _ if a_month < 0.0 => format!("{} fewer", number(-a_month, 0)),
        _ => format!("{} more", number(a_month, 0)),
    }
}

/// An end of an interval on the log scale, in percent.
#[must_use]
pub fn percent_end(ln_ratio: f64) -> String {
    if ln_ratio.is_infinite() { "no bound".into() } else { percent_change(ln_ratio) }
}
