//! Is there an excess beyond what the nation, the area and lost jail arrests account for?
//!
//! The counterfactual of `synth` is multiplied by the factor that the same method finds for the rest of the
//! county's area, and the jail arrests that the same method finds lost are added, arrest for arrest (s = 1): the
//! observed counts are divided by the resulting multiplier m = area factor + lost / expected, and the same
//! estimator and inference are run on them. Placebo counties get the same treatment. Fields as in `synth`;
//! `share(test, 'S')` and `'C'` come from the grid `travis/1`: S when the 90 percent interval lies in the
//! region that the claim's rule calls equivalent, C when the 95 percent interval lies above zero.

use super::county_effect::{Method, Scale, base, infer};
use super::landmark_panel::{BAND, LandmarkPanel, LeftOut, Periods, Table};
use super::synth::{COUNTY_SESOI, Study, grades, percent_end};
use super::{Run, Stop, needs};
use crate::confidence;
use crate::context::Context;
use crate::figures::county_policy;
use crate::multiverse::{self, Axis, Point, grid};
use crate::result::{Caveat, Multiverse};
use crate::wording::{number, p_value, percent_change};
use evenhand_docket::rule::Region;
use evenhand_docket::{Claim, Expr, Test, Unit};
use evenhand_estimate::{Design, Interval, RootEffect, SyntheticFit, placebo_units, root_transform};
use evenhand_measure::{Geography, Outcome};
use evenhand_vocab::AtLarge;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Placebo counties behind the interval of one specification of the grid.
const GRID_PLACEBOS: usize = 24;

/// Donors behind what is netted out: lost jail arrests and the area's own change.
const NETTING_DONORS: usize = 60;

/// Runs the test.
///
/// # Errors
/// Stops when the test is not one of excess in a county, or when no release serves it.
pub fn run(context: &Context<'_>, claim: &Claim, test: &Test) -> Run {
    if test.unit != Some(Unit::LandmarkCounty) || test.measure != "arr_atlarge" {
        return Err(needs(
            "needs a test of at-large arrests in one county, the only form of equivalence built",
        ));
    }
    let study = Study::bind(context, claim, test)?;
    let panel = &study.panel;
    let unit = |unit: usize| Netting::of(panel, unit, &study.table, &study.periods, study.outcome);
    let own = unit(panel.treated);
    let placebo: BTreeMap<String, f64> = study
        .donors
        .par_iter()
        .map(|&donor| (panel.counties[donor].fips.to_string(), unit(donor).multiplier()))
        .collect::<Vec<_>>()
        .into_iter()
        .collect();
    let multiplier = own.multiplier();
    let design = adjusted_design(&study, multiplier)?;
    let post: Vec<f64> = study.post().iter().map(|y| y / multiplier).collect();
    let all = design.donors().to_vec();
    let n_pre = study.periods.n_pre;
    let effect = infer(&design, &post, multiplier, |design| {
        let fit = Method::SyntheticDid.fit(design)?;
        // A placebo design lacks the donor that stands in for the treated county: its counts are adjusted too.
        let stand_in = all.iter().find(|name| design.donors().binary_search(name).is_err());
        Ok(match stand_in.and_then(|name| placebo.get(name)) {
            Some(&multiplier) => adjusted(fit, design, n_pre, multiplier),
            None => fit,
        })
    })?;
    let against = "comparable places, the rest of its area and lost jail arrests account for";
    let mut ran = study.shown(&effect, against)?;
    ran.method.push(
        "The expected number is multiplied by the change in the rest of the area and raised by the jail arrests lost, \
         one for one; placebo counties get the same treatment."
            .into(),
    );
    ran.details.splice(0..0, own.lines(post.len()));
    let region = supported_region(claim, test);
    let missingness = missingness(&study);
    ran.details.extend(missingness.map(|(points, p)| gate_line(points, p)));
    let multiverse = travis(&study, test, region, missingness);
    ran.grades = grades(&study, &effect);
    if let Some(multiverse) = multiverse {
        ran.fields.shares = Some(multiverse.shares);
        ran.grades.robustness = confidence::of_multiverse(&multiverse);
        ran.details.extend(multiverse_lines(&multiverse));
        ran.figures.push(county_policy::curve(claim, &study, &multiverse));
        ran.multiverse = Some(multiverse);
    }
    ran.caveats.push(Caveat {
        code: "substitution".into(),
        text:
            "Lost jail arrests are netted out one for one; if fewer people who leave jail are sought in the \
               community, the excess is larger."
                .into(),
    });
    Ok(ran)
}

/// What is taken out of a county's excess.
#[derive(Debug, Clone, Copy)]
struct Netting {
    /// Observed over expected arrests in the rest of the area; 1 where that cannot be said.
    area: f64,
    /// Local-jail arrests lost over the months in force, never negative.
    lost: f64,
    /// At-large arrests expected over the months in force.
    expected: f64,
}

impl Netting {
    fn of(panel: &LandmarkPanel, unit: usize, table: &Table, periods: &Periods, outcome: Outcome) -> Self {
        let jail = panel.table(Outcome::LocalJail, Geography::WithOffice);
        let lost = lost_custody(panel, unit, &jail, periods);
        Self::with(panel, unit, table, periods, outcome, lost)
    }

    fn with(
        panel: &LandmarkPanel,
        unit: usize,
        table: &Table,
        periods: &Periods,
        outcome: Outcome,
        lost: f64,
    ) -> Self {
        let expected =
            expected(panel, unit, &table[unit], table, periods).map_or(0.0, |(_, expected)| expected);
        Self { area: area_factor(panel, unit, table, periods, outcome).unwrap_or(1.0), lost, expected }
    }

    /// What the counterfactual is multiplied by.
    fn multiplier(&self) -> f64 {
        let share = if self.expected > 0.0 { self.lost / self.expected } else { 0.0 };
        (self.area + share).max(f64::MIN_POSITIVE)
    }

    fn lines(&self, months: usize) -> Vec<(String, String)> {
        let a_month = |total: f64| number(total / months as f64, 1);
        vec![
            ("expected from comparable places alone, a month".into(), a_month(self.expected)),
            ("change in the rest of the area".into(), percent_change(self.area.ln())),
            ("local-jail arrests lost, a month".into(), a_month(self.lost)),
        ]
    }
}

/// Observed and expected totals over the months in force, by the primary method.
fn expected(
    panel: &LandmarkPanel,
    own: usize,
    series: &[f64],
    table: &Table,
    periods: &Periods,
) -> Option<(f64, f64)> {
    let donors = nearest(panel, own, table, periods);
    total(panel, series, &donors, table, periods)
}

/// The donors nearest in level, by factor: a county with few arrests has hundreds in the band, and those
/// beyond the first [`NETTING_DONORS`] add time and no comparability.
fn nearest(panel: &LandmarkPanel, own: usize, table: &Table, periods: &Periods) -> Vec<usize> {
    let pre = &periods.at[..periods.n_pre];
    let level = LandmarkPanel::mean(&table[own], pre);
    let mut by_distance: Vec<(f64, usize)> = panel
        .donors(own, table, periods, BAND)
        .into_iter()
        .map(|unit| ((LandmarkPanel::mean(&table[unit], pre) / level).ln().abs(), unit))
        .collect();
    by_distance.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    by_distance.truncate(NETTING_DONORS);
    let mut donors: Vec<usize> = by_distance.into_iter().map(|(_, unit)| unit).collect();
    donors.sort_unstable();
    donors
}

fn total(
    panel: &LandmarkPanel,
    series: &[f64],
    donors: &[usize],
    table: &Table,
    periods: &Periods,
) -> Option<(f64, f64)> {
    let n_pre = periods.n_pre;
    let design =
        panel.design(series, donors, table, periods, |counts| Scale::Root.apply(counts, n_pre)).ok()?;
    let fit = Method::SyntheticDid.fit(&design).ok()?;
    let post: Vec<f64> = periods.at[n_pre..].iter().map(|&t| series[t]).collect();
    let expected = RootEffect::new(&post).ok()?.counterfactual_total(fit.estimate);
    Some((post.iter().sum(), expected))
}

/// Jail arrests lost over the months in force; a gain is no loss.
fn lost_custody(panel: &LandmarkPanel, unit: usize, jail: &Table, periods: &Periods) -> f64 {
    expected(panel, unit, &jail[unit], jail, periods)
        .map_or(0.0, |(observed, expected)| (expected - observed).max(0.0))
}

/// Observed over expected arrests in the rest of the area, rescaled to the county's own level so that one
/// common factor drops out on the root scale.
fn area_factor(
    panel: &LandmarkPanel,
    unit: usize,
    table: &Table,
    periods: &Periods,
    outcome: Outcome,
) -> Option<f64> {
    let rest = panel.rest_of_area(unit, outcome, table)?;
    let pre = &periods.at[..periods.n_pre];
    let (level, own) = (LandmarkPanel::mean(&rest, pre), LandmarkPanel::mean(&table[unit], pre));
    if level <= 0.0 {
        return None;
    }
    let rescaled: Vec<f64> = rest.iter().map(|y| y * own / level).collect();
    let donors = nearest(panel, unit, table, periods);
    let (observed, expected) = total(panel, &rescaled, &donors, table, periods)?;
    (observed > 0.0 && expected > 0.0).then(|| observed / expected)
}

/// The study's design with the treated county's counts in force divided by `multiplier`.
fn adjusted_design(study: &Study, multiplier: f64) -> Result<Design, Stop> {
    let mut own = study.own().to_vec();
    for &t in &study.periods.at[study.periods.n_pre..] {
        own[t] /= multiplier;
    }
    let n_pre = study.periods.n_pre;
    study
        .panel
        .design(&own, &study.donors, &study.table, &study.periods, |counts| Scale::Root.apply(counts, n_pre))
}

/// A placebo's fit with its own counts in force divided by its multiplier; weights do not change, because
/// they look at months before only.
fn adjusted(mut fit: SyntheticFit, design: &Design, n_pre: usize, multiplier: f64) -> SyntheticFit {
    for t in n_pre..design.n_periods() {
        let counts = evenhand_estimate::root_inverse(design.treated()[t]);
        fit.gap[t] = root_transform(counts / multiplier) - fit.counterfactual[t];
    }
    let gaps = &fit.gap[n_pre..];
    fit.estimate = gaps.iter().sum::<f64>() / gaps.len() as f64;
    fit
}

/// The region that the claim's rules call equivalent for this test, else 25 percent either way.
fn supported_region(claim: &Claim, test: &Test) -> Interval {
    let mut found = None;
    for rule in &claim.rules {
        rule.when.visit(&mut |part| {
            if let Expr::Region { function: Region::Equiv, test: named, lo, hi } = part
                && *named == test.id
            {
                let ends = number_of(lo).zip(number_of(hi));
                found = found.or(ends.map(|(low, high)| Interval { low, high }));
            }
        });
    }
    found.unwrap_or(Interval { low: -COUNTY_SESOI, high: COUNTY_SESOI })
}

/// A number written in a rule, with or without a sign.
fn number_of(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Number(number) => Some(*number),
        Expr::Negate(inner) => number_of(inner).map(|number| -number),
        _ => None,
    }
}

const DEFINITIONS: [AtLarge; 3] = [AtLarge::Standard, AtLarge::Narrow, AtLarge::Wide];
const GEOGRAPHIES: [Geography; 3] = [Geography::WithOffice, Geography::Proportional, Geography::Located];
const BANDS: [f64; 2] = [BAND, 2.0];
const LEFT_OUT: [LeftOut; 2] = [LeftOut::Announced, LeftOut::Quarter];
const METHODS: [Method; 3] = [Method::SyntheticDid, Method::SyntheticControl, Method::Did];
const SCALES: [Scale; 2] = [Scale::Root, Scale::Index];

/// Axes of `travis/1`. Proportional sharing loses its weight when the share of unplaced arrests moved with the
/// policy (the gate of methods/1, section 2.7); located arrests alone answer for a part of the county only.
fn axes(gate_passed: bool) -> Vec<Axis> {
    let geography = if gate_passed {
        Axis::new("arrests without a county", &["office's county", "in proportion"]).stress(&["left out"])
    } else {
        Axis::new("arrests without a county", &["office's county"]).stress(&["in proportion", "left out"])
    };
    vec![
        Axis::new("at-large definition", &["standard", "narrow", "wide"]),
        geography,
        Axis::new("donors' level", &["within 3 times", "within 2 times"]),
        Axis::new("months left out", &["announcement", "three before the policy"]),
        Axis::new("estimator", &["synthetic DiD", "demeaned synthetic control", "plain DiD"]),
        Axis::new("scale", &["root", "index"]),
    ]
}

/// One specification's data, shared by estimators and scales.
struct Cell {
    table: Table,
    periods: Periods,
    donors: Vec<usize>,
    placebos: Vec<usize>,
}

/// Runs the grid named by the test; only `travis/1` is known.
fn travis(
    study: &Study,
    test: &Test,
    region: Interval,
    missingness: Option<(f64, f64)>,
) -> Option<Multiverse> {
    let id = test.multiverse.as_deref().filter(|id| *id == "travis/1")?;
    let axes = axes(gate(missingness));
    let combinations = grid(&axes);
    // A stress option shows how far it would go from the primary choices; it carries no weight elsewhere.
    let is_run = |options: &[usize]| {
        let stress = axes.iter().zip(options).any(|(axis, &at)| axis.options[at].stress);
        let others =
            axes.iter().zip(options).all(|(axis, &at)| axis.options[at].stress || at == axis.primary);
        !stress || others
    };
    let cells: BTreeMap<[usize; 4], Cell> = combinations
        .iter()
        .filter(|options| is_run(options))
        .map(|options| [options[0], options[1], options[2], options[3]])
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|key| (key, cell(study, key)))
        .collect();
    let multipliers = multipliers(study, &cells);
    let points: Vec<Option<Point>> = combinations
        .par_iter()
        .map(|options| {
            let key = [options[0], options[1], options[2], options[3]];
            if !is_run(options) {
                return None;
            }
            let of = |unit| multipliers.get(&(key[0], key[1], key[3], unit)).copied().unwrap_or(1.0);
            point(study, cells.get(&key)?, METHODS[options[4]], SCALES[options[5]], of, region)
        })
        .collect();
    Some(multiverse::assemble(id, &axes, &points))
}

fn cell(study: &Study, [definition, geography, band, left_out]: [usize; 4]) -> Cell {
    let panel = &study.panel;
    let table = panel.table(Outcome::AtLarge(DEFINITIONS[definition]), GEOGRAPHIES[geography]);
    let periods = panel.periods(LEFT_OUT[left_out]);
    let donors = panel.donors(panel.treated, &table, &periods, BANDS[band]);
    let step = donors.len().div_ceil(GRID_PLACEBOS).max(1);
    let placebos = donors.iter().copied().step_by(step).collect();
    Cell { table, periods, donors, placebos }
}

type Key = (usize, usize, usize, usize);

/// Multipliers of the treated county and of every placebo of every cell, by definition, geography, months left
/// out and unit; always by the primary method.
fn multipliers(study: &Study, cells: &BTreeMap<[usize; 4], Cell>) -> BTreeMap<Key, f64> {
    let panel = &study.panel;
    let jails: Vec<Table> =
        GEOGRAPHIES.iter().map(|&geography| panel.table(Outcome::LocalJail, geography)).collect();
    let mut wanted: BTreeMap<Key, &Cell> = BTreeMap::new();
    for (key, cell) in cells {
        for &unit in cell.placebos.iter().chain([&panel.treated]) {
            wanted.entry((key[0], key[1], key[3], unit)).or_insert(cell);
        }
    }
    let jail_keys: BTreeSet<(usize, usize, usize)> = wanted.keys().map(|key| (key.1, key.2, key.3)).collect();
    let lost: BTreeMap<(usize, usize, usize), f64> = jail_keys
        .into_par_iter()
        .map(|key| (key, lost_custody(panel, key.2, &jails[key.0], &panel.periods(LEFT_OUT[key.1]))))
        .collect::<Vec<_>>()
        .into_iter()
        .collect();
    wanted
        .into_par_iter()
        .map(|(key, cell)| {
            let lost = lost.get(&(key.1, key.2, key.3)).copied().unwrap_or_default();
            let outcome = Outcome::AtLarge(DEFINITIONS[key.0]);
            (key, Netting::with(panel, key.3, &cell.table, &cell.periods, outcome, lost).multiplier())
        })
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

/// One specification: estimate, placebo interval, outcome; `None` when it cannot be run.
fn point(
    study: &Study,
    cell: &Cell,
    method: Method,
    scale: Scale,
    multiplier: impl Fn(usize) -> f64,
    region: Interval,
) -> Option<Point> {
    let panel = &study.panel;
    let n_pre = cell.periods.n_pre;
    let transform = |counts: &[f64]| scale.apply(counts, n_pre);
    let series = &cell.table[panel.treated];
    let design = panel.design(series, &cell.donors, &cell.table, &cell.periods, transform).ok()?;
    // A unit's effect on the transformed scale, its counts in force divided by its multiplier.
    let effect = |unit: usize, design: &Design| -> Option<(f64, Vec<f64>, f64)> {
        let fit = method.fit(design).ok()?;
        let counts: Vec<f64> = cell.periods.at.iter().map(|&t| cell.table[unit][t]).collect();
        let base = base(&counts, n_pre);
        let divisor = multiplier(unit);
        let post: Vec<f64> = counts[n_pre..].iter().map(|y| y / divisor).collect();
        let moved: Vec<f64> = match scale {
            Scale::Root => post.iter().map(|&y| root_transform(y)).collect(),
            Scale::Index => post.iter().map(|y| y / base).collect(),
        };
        let gaps = moved.iter().zip(&fit.counterfactual[n_pre..]).map(|(y, expected)| y - expected);
        Some((gaps.sum::<f64>() / post.len() as f64, post, base))
    };
    let (tau, post, base) = effect(panel.treated, &design)?;
    let labels: Vec<String> =
        cell.placebos.iter().map(|&unit| panel.counties[unit].fips.to_string()).collect();
    let taus: Vec<f64> = cell
        .placebos
        .iter()
        .zip(&labels)
        .filter_map(|(&unit, label)| {
            let at = design.donors().binary_search(label).ok()?;
            Some(effect(unit, &design.placebo(at).ok()?)?.0)
        })
        .collect();
    if taus.len() < 5 {
        return None;
    }
    let mean = taus.iter().sum::<f64>() / taus.len() as f64;
    let variance = taus.iter().map(|tau| (tau - mean).powi(2)).sum::<f64>() / (taus.len() - 1) as f64;
    let at = |z: f64| scale.ln_ratio(&post, base, tau + z * variance.sqrt()).ok();
    let (est, lo, hi) = (at(0.0)?, at(-1.959_964)?, at(1.959_964)?);
    let (lo90, hi90) = (at(-1.644_854)?, at(1.644_854)?);
    let outcome = match () {
        () if lo > 0.0 => 'C',
        () if region.low <= lo90 && hi90 <= region.high => 'S',
        () => 'U',
    };
    est.is_finite().then_some(Point { est, lo, hi, outcome })
}

/// How far the share of unplaced arrests in the area moved when the policy came, in points, and the rank p-value
/// of that (methods/1, section 2.7): the claim's own design on the share by area.
fn missingness(study: &Study) -> Option<(f64, f64)> {
    let panel = &study.panel;
    let counts = panel.counts(study.outcome);
    let own = panel.county().aor;
    let share = |area: &evenhand_measure::AreaRest| -> Vec<f64> {
        study
            .periods
            .at
            .iter()
            .map(|&t| {
                let missing = area.unplaced[t] + area.office[t];
                let all = missing + area.located[t];
                if all > 0.0 { 100.0 * missing / all } else { 0.0 }
            })
            .collect()
    };
    let treated = counts.areas.iter().find(|area| area.aor == own).map(share);
    let donors: Vec<(String, Vec<f64>)> = counts
        .areas
        .iter()
        .filter(|area| area.aor != own)
        .map(|area| (area.aor.to_string(), share(area)))
        .collect();
    let labels: Vec<String> = study.periods.at.iter().map(|&t| panel.months[t].to_string()).collect();
    let design =
        treated.and_then(|treated| Design::from_series(&treated, &donors, &labels, study.periods.n_pre).ok());
    let found = placebo_units(&design?, |design: &Design| Method::SyntheticDid.fit(design)).ok()?;
    Some((found.fit.estimate, found.rank_p_raw))
}

/// The gate for proportional sharing: moved by at most two points, and not among the extreme ranks.
fn gate(missingness: Option<(f64, f64)>) -> bool {
    missingness.is_some_and(|(points, p)| points.abs() <= 2.0 && p >= 0.05)
}

fn gate_line(points: f64, p: f64) -> (String, String) {
    let so = if gate(Some((points, p))) {
        "proportional sharing keeps its weight"
    } else {
        "proportional sharing has no weight"
    };
    let text = format!("{} points against other areas ({}); {so}", number(points, 1), p_value(p));
    ("movement of the area's unplaced share".into(), text)
}

fn multiverse_lines(multiverse: &Multiverse) -> Vec<(String, String)> {
    let weighted = || multiverse.specifications.iter().filter(|spec| spec.weight > 0.0);
    let low = weighted().map(|spec| spec.est).fold(f64::INFINITY, f64::min);
    let high = weighted().map(|spec| spec.est).fold(f64::NEG_INFINITY, f64::max);
    let by_axis: Vec<String> = multiverse
        .axes
        .iter()
        .zip(&multiverse.variance_by_axis)
        .map(|((name, _), share)| format!("{name} {} percent", number(100.0 * share, 0)))
        .collect();
    let [s, c, u] = multiverse.shares.map(|share| number(100.0 * share, 0));
    vec![
        (
            "specifications run".into(),
            format!(
                "{}, {} of them with weight; a stress option is run with every other choice at its primary one, and each \
                 interval rests on up to {GRID_PLACEBOS} placebo counties",
                multiverse.specifications.len(),
                weighted().count()
            ),
        ),
        ("range of estimates".into(), format!("{} to {}", percent_end(low), percent_end(high))),
        ("shares by weight".into(), format!("supported {s}, contradicted {c}, neither {u} percent")),
        ("variance by choice".into(), by_axis.join(", ")),
        ("most influential choice".into(), multiverse.most_influential.clone()),
    ]
}
