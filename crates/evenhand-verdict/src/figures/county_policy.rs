//! One county's policy in pictures: arrests by setting, observed against expected, bounds, specifications.

use crate::context::Context;
use crate::result::{Chart, Figure, IntervalRow, Mark, Multiverse, Series, SeriesRole};
use crate::tests::county_effect::CountyEffect;
use crate::tests::geography_bounds::GeographyBounds;
use crate::tests::landmark_panel::LandmarkPanel;
use crate::tests::synth::Study;
use crate::wording::{month, number, percent_change};
use evenhand_docket::{Claim, Geo};
use evenhand_estimate::root_inverse;
use evenhand_measure::{Event, Geography, Outcome};
use evenhand_vocab::{AtLarge, CountyFips, Date, Month};

/// Local-jail and at-large arrests by month around the one county policy that the events know from start to end.
#[must_use]
pub fn series(context: &Context<'_>) -> Option<Figure> {
    let policy = context.figures.events().iter().find(|event| {
        event.kind == "policy" && event.end.is_some() && event.geo.parse::<CountyFips>().is_ok()
    })?;
    let county: CountyFips = policy.geo.parse().ok()?;
    let asked = |claim: &Claim| claim.scope.geo.contains(&Geo::County(county));
    let (id, title) = super::arrests(context).filter(|_| context.docket.claims.iter().any(asked))?;
    let of = |outcome| {
        let counts = context.by_county(&id, outcome).ok()?;
        let series = counts.series(county, Geography::WithOffice)?;
        let name = counts.units.iter().find(|unit| unit.county == county)?.name.clone();
        Some((counts.months.clone(), series, name))
    };
    let (months, jail, name) = of(Outcome::LocalJail)?;
    let (_, at_large, _) = of(Outcome::AtLarge(AtLarge::Standard))?;
    let on = Month::from(policy.start.parse::<Date>().ok()?);
    let moved = Moved::of(&months, &jail, &at_large, on)?;
    let drawn = |name: &str, values: &[f64], role| Series {
        name: name.into(),
        values: values.iter().map(|&value| Some(value)).collect(),
        role,
    };
    Some(Figure {
        id: "county-by-setting".into(),
        title: moved.title(&name, on),
        subtitle: format!(
            "Administrative arrests a month at landmarks of {name}, and under the general code of the office there"
        ),
        description: moved.description(on),
        source: format!("{title}; counted here"),
        notes: vec![
            "A landmark is not the place of an arrest; the office's general code also covers neighbouring counties.".into(),
        ],
        chart: Chart::Series {
            periods: months.iter().map(|month| month.first_day().to_string()).collect(),
            series: vec![
                drawn("Taken over from local jails", &jail, SeriesRole::Primary),
                drawn("At large, in the community", &at_large, SeriesRole::Secondary),
            ],
            stacked: false,
            marks: marks(context.figures.events(), &policy.geo),
            unit: "arrests a month".into(),
        },
    })
}

/// Means of the year that ends three months before a policy, of those three months, and since.
struct Moved {
    jail: [f64; 3],
    at_large: [f64; 3],
}

impl Moved {
    fn of(months: &[Month], jail: &[f64], at_large: &[f64], on: Month) -> Option<Self> {
        let spans = [(-15, -4), (-3, -1), (0, 7)];
        let mean = |series: &[f64], (from, to): (i32, i32)| {
            let at: Vec<usize> =
                (0..months.len()).filter(|&t| (on.plus(from)..=on.plus(to)).contains(&months[t])).collect();
            (!at.is_empty()).then(|| LandmarkPanel::mean(series, &at))
        };
        let three = |series: &[f64]| -> Option<[f64; 3]> {
            Some([mean(series, spans[0])?, mean(series, spans[1])?, mean(series, spans[2])?])
        };
        Some(Self { jail: three(jail)?, at_large: three(at_large)? })
    }

    fn title(&self, name: &str, on: Month) -> String {
        let early = self.jail[1] < self.jail[0] && self.at_large[1] > self.at_large[0];
        if early {
            format!(
                "{name}: jail arrests fell and at-large arrests rose three months before the policy of {}",
                month(on)
            )
        } else {
            format!("{name}: arrests from local jails and at large around the policy of {}", month(on))
        }
    }

    fn description(&self, on: Month) -> String {
        let line = |values: &[f64; 3]| {
            let [earlier, before, after] = values.map(|value| number(value, 0));
            format!(
                "{earlier} a month in the year before, {before} in the three months before the policy, {after} in force"
            )
        };
        format!(
            "Around the policy that began in {}. From local jails: {}. At large: {}.",
            month(on),
            line(&self.jail),
            line(&self.at_large)
        )
    }
}

/// Events of a place and of the nation as marks.
#[must_use]
pub fn marks(events: &[Event], geo: &str) -> Vec<Mark> {
    events
        .iter()
        .filter(|event| event.geo == geo || event.geo == "nation")
        .map(|event| Mark {
            start: event.start.clone(),
            end: event.end.clone(),
            label: event.label.clone(),
            emphasis: event.kind == "policy" && event.end.is_some(),
        })
        .collect()
}

fn source(study: &Study) -> String {
    format!("{}; counted here", study.panel.held.title)
}

/// Observed at-large arrests against what comparable places suggest.
#[must_use]
pub fn counterfactual(claim: &Claim, study: &Study, effect: &CountyEffect) -> Figure {
    let panel = &study.panel;
    let months = &panel.months;
    let mut expected: Vec<Option<f64>> = vec![None; months.len()];
    for (&t, z) in study.periods.at.iter().zip(&effect.placebos.fit.counterfactual) {
        expected[t] = Some(root_inverse(*z));
    }
    let (first, last) =
        (study.periods.at.first().copied().unwrap_or(0), study.periods.at.last().copied().unwrap_or(0));
    let shown = first..=last.min(months.len().saturating_sub(1));
    let (observed_a_month, expected_a_month) = (effect.observed_a_month(), effect.expected_a_month());
    let name = &panel.county().name;
    let (_, low, high) = effect.a_month();
    let from = number((observed_a_month - high).max(0.0), 0);
    let to = if low.is_finite() { number(observed_a_month - low, 0) } else { "no bound".into() };
    Figure {
        id: format!("{}-expected", claim.id.to_lowercase()),
        title: format!(
            "{name}: {} at-large arrests a month in force, {} expected from comparable places (between {from} and {to})",
            number(observed_a_month, 0),
            number(expected_a_month, 0)
        ),
        subtitle: "At-large arrests a month, observed and expected from counties outside the area".into(),
        description: format!(
            "While the policy was in force {name} saw {} at-large arrests a month; comparable places suggest {}. The \
             difference is {}.",
            number(observed_a_month, 0),
            number(expected_a_month, 0),
            percent_change(effect.headline.estimate)
        ),
        source: source(study),
        notes: vec![format!(
            "{} is left out of the fit: the policy was announced in it.",
            month(panel.announced)
        )],
        chart: Chart::Series {
            periods: shown.clone().map(|t| months[t].first_day().to_string()).collect(),
            series: vec![
                Series {
                    name: "Observed".into(),
                    values: shown.clone().map(|t| Some(study.own()[t])).collect(),
                    role: SeriesRole::Primary,
                },
                Series {
                    name: "Expected from comparable places".into(),
                    values: shown.map(|t| expected[t]).collect(),
                    role: SeriesRole::Reference,
                },
            ],
            stacked: false,
            marks: vec![Mark {
                start: panel.on.first_day().to_string(),
                end: Some(panel.last.first_day().last_of_month().to_string()),
                label: "Policy in force".into(),
                emphasis: true,
            }],
            unit: "arrests a month".into(),
        },
    }
}

/// The effect under every rule for arrests without a county.
#[must_use]
pub fn across_geography(
    claim: &Claim,
    study: &Study,
    effect: &CountyEffect,
    bounds: &GeographyBounds,
) -> Figure {
    let percent = |ln_ratio: f64| 100.0 * ln_ratio.exp_m1();
    let headline = &effect.headline;
    let mut rows = vec![IntervalRow {
        name: "Office's county (primary)".into(),
        est: percent(headline.estimate),
        lo: percent(headline.conf_low),
        hi: percent(headline.conf_high),
        emphasis: true,
    }];
    rows.extend(bounds.refits.iter().filter(|(_, estimate)| estimate.estimate.is_finite()).map(
        |(name, estimate)| IntervalRow {
            name: (*name).to_owned(),
            est: percent(estimate.estimate),
            lo: percent(estimate.conf_low),
            hi: percent(estimate.conf_high),
            emphasis: false,
        },
    ));
    let sets = [("G3 limited skew, set", &bounds.skew), ("G2 worst case, set", &bounds.worst)];
    for (name, set) in sets {
        if let Some(set) = set.filter(|set| set.low.is_finite()) {
            let (lo, hi) = (percent(set.low), percent(set.high));
            let est = if hi.is_finite() { (lo + hi) / 2.0 } else { lo };
            rows.push(IntervalRow { name: name.into(), est, lo, hi, emphasis: false });
        }
    }
    let spans_none = rows.iter().all(|row| row.lo <= 0.0 && 0.0 <= row.hi);
    let title = if spans_none {
        "Under every rule for arrests without a county the data are compatible with no change".to_owned()
    } else {
        "What the rule for arrests without a county does to the estimate".to_owned()
    };
    Figure {
        id: format!("{}-geography", claim.id.to_lowercase()),
        title,
        subtitle: format!(
            "At-large arrests in {} against comparable places, percent; 95 percent intervals, and sets without sampling",
            study.panel.county().name
        ),
        description: format!(
            "{} rules are shown. The primary one gives {} with an interval from {} to {} percent.",
            rows.len(),
            percent_change(headline.estimate),
            number(percent(headline.conf_low), 0),
            if headline.conf_high.is_finite() {
                number(percent(headline.conf_high), 0)
            } else {
                "no upper bound in".into()
            }
        ),
        source: source(study),
        notes: vec![],
        chart: Chart::Intervals {
            rows,
            reference: 0.0,
            band: Some((-20.0, 25.0)),
            unit: "percent against comparable places".into(),
        },
    }
}

/// The specification curve.
#[must_use]
pub fn curve(claim: &Claim, study: &Study, multiverse: &Multiverse) -> Figure {
    let [s, c, u] = multiverse.shares.map(|share| number(100.0 * share, 0));
    Figure {
        id: format!("{}-specifications", claim.id.to_lowercase()),
        title: format!(
            "{} ways to run the test: {c} percent by weight show an excess, {s} percent exclude one, {u} percent neither",
            multiverse.specifications.len()
        ),
        subtitle: format!(
            "Excess of at-large arrests in {} beyond nation, area and lost jail arrests, ln ratio with 95 percent intervals",
            study.panel.county().name
        ),
        description: format!(
            "{} specifications over {} choices. {}.",
            multiverse.specifications.len(),
            multiverse.axes.len(),
            multiverse.most_influential
        ),
        source: source(study),
        notes: vec!["No p-value is attached to single specifications.".into()],
        chart: Chart::Specifications {
            multiverse: multiverse.clone(),
            reference: 0.0,
            unit: "ln ratio".into(),
        },
    }
}
