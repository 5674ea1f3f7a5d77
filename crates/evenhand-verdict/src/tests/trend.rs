//! A change of a share between two years of published figures, by simulation over their rounding.
//!
//! Estimands read: `change FROM-TO in the share of the national total living in SET, percentage points`. The set
//! that is held is the published total of the top 20 metros; where the docket names another set, the test says
//! so as a departure. Units: percentage points.

use super::{Ran, Run, needs};
use crate::confidence::{self, Grades};
use crate::context::Context;
use crate::result::{Caveat, Chart, Fields, Figure, IntervalRow};
use crate::wording::{number, with_interval};
use evenhand_docket::{Claim, Test};
use evenhand_estimate::{Interval, Margin, MarginKind, Simulated, simulate};
use evenhand_measure::Published;

/// Draws of the simulation.
const DRAWS: usize = 20_000;
/// The set of places whose totals are held for several years.
const HELD: &str = "top-20-metros";

/// Runs the test.
///
/// # Errors
/// Stops when the estimand is not understood or a year's figures are not held.
pub fn run(context: &Context<'_>, claim: &Claim, test: &Test) -> Run {
    let estimand = test.estimand.as_deref().unwrap_or_default();
    let (from, to, set) = read(estimand).ok_or_else(|| {
        needs(format!("needs an estimand that this kind of test can read, found `{estimand}`"))
    })?;
    let figure =
        |set: &str, year: &str| {
            let held = |figure: &&Published| {
                figure.set == set && figure.period == year && figure.measure == test.measure
            };
            context.figures.published().iter().find(held).ok_or_else(|| {
                needs(format!("needs the published total of {} in {year} ({set})", test.measure))
            })
        };
    let figures = [figure(HELD, from)?, figure("nation", from)?, figure(HELD, to)?, figure("nation", to)?];
    let margins: Vec<Margin> = figures.iter().map(|figure| margin(figure)).collect();
    let points = |x: &[f64]| 100.0 * (x[2] / x[3] - x[0] / x[1]);
    let simulated = simulate(&margins, DRAWS, context.seed, points)?;
    let est = points(&margins.iter().map(|margin| margin.estimate).collect::<Vec<_>>());
    let p = two_sided(&simulated);
    let mut grades = Grades::descriptive("Published figures of two years are compared, not estimated.");
    grades.data = confidence::published(context, &figures);
    grades.precision =
        confidence::width(simulated.conf_low, simulated.conf_high, context.docket.sesoi.share_pp);
    Ok(Ran {
        fields: Fields {
            est: Some(est),
            lo: Some(simulated.conf_low),
            hi: Some(simulated.conf_high),
            lo90: Some(simulated.conf_low_90),
            hi90: Some(simulated.conf_high_90),
            p: Some(p),
            n: Some(2.0),
            n_periods: Some(2),
            ..Fields::default()
        },
        unit: "percentage points".into(),
        line: with_interval(est, simulated.conf_low, simulated.conf_high, "percentage points", 1),
        method: vec![
            format!("{} draws of each published total inside its rounding.", number(DRAWS as f64, 0)),
            "Margins of error of the estimates are not published beside the totals, so the interval is too narrow."
                .into(),
        ],
        details: figures
            .chunks(2)
            .map(|pair| {
                let text = format!("{} of {}, {} percent", pair[0].quoted, pair[1].quoted, number(share(pair), 1));
                (format!("share in {}", pair[0].period), text)
            })
            .collect(),
        departures: departures(set),
        caveats: vec![Caveat {
            code: "margin_of_error".into(),
            text: "The published totals are rounded to 100,000 and come from a model whose margins are not shown; \
                   the interval holds rounding only."
                .into(),
        }],
        figures: picture(context, claim, &test.measure).into_iter().collect(),
        grades,
        ..Ran::default()
    })
}

/// Years and set of `change 2007-2016 in the share of the national total living in SET, percentage points`.
fn read(estimand: &str) -> Option<(&str, &str, &str)> {
    let rest = estimand.strip_prefix("change ")?;
    let (years, rest) = rest.split_once(" in the share of the national total living in ")?;
    let (from, to) = years.split_once('-')?;
    let set = rest.strip_suffix(", percentage points")?;
    Some((from, to, set))
}

fn departures(set: &str) -> Vec<String> {
    if set == "the top 20 metros" {
        return vec![];
    }
    vec![format!(
        "the docket asks for {set}; held for several years is the total of the 20 metros with the most \
         unauthorized immigrants (19 of them the same in every year), which is not the same set"
    )]
}

fn margin(figure: &Published) -> Margin {
    let estimate = figure.value.unwrap_or((figure.lo + figure.hi) / 2.0);
    let kind = if figure.lo < figure.hi {
        MarginKind::Uniform { low: figure.lo, high: figure.hi }
    } else {
        MarginKind::Exact
    };
    Margin { estimate, kind }
}

fn share(pair: &[&Published]) -> f64 {
    let value = |figure: &Published| figure.value.unwrap_or((figure.lo + figure.hi) / 2.0);
    100.0 * value(pair[0]) / value(pair[1])
}

/// Twice the smaller share of draws on one side of no change, never below what the draws can show.
fn two_sided(simulated: &Simulated) -> f64 {
    let below = simulated.draws.iter().filter(|&&draw| draw <= 0.0).count();
    let n = simulated.draws.len();
    (2.0 * (below.min(n - below) + 1) as f64 / (n + 1) as f64).min(1.0)
}

/// The share in every year that is held, with the interval of its rounding.
fn picture(context: &Context<'_>, claim: &Claim, measure: &str) -> Option<Figure> {
    let mut rows = Vec::new();
    for part in context.set(HELD).filter(|figure| figure.measure == measure) {
        let whole =
            context.set("nation").find(|figure| figure.period == part.period && figure.measure == measure)?;
        let range =
            Interval { low: part.lo, high: part.hi }.ratio(&Interval { low: whole.lo, high: whole.hi });
        let range = range.ok()?;
        rows.push(IntervalRow {
            name: part.period.clone(),
            est: share(&[part, whole]),
            lo: 100.0 * range.low,
            hi: 100.0 * range.high,
            emphasis: true,
        });
    }
    let (first, last) = (rows.first()?.clone(), rows.last()?.clone());
    let went = if last.est < first.est { "fell" } else { "rose" };
    let title = format!(
        "The share in the 20 largest metros {went} from {} to {} percent, {} to {}",
        number(first.est, 1),
        number(last.est, 1),
        first.name,
        last.name
    );
    let each: Vec<String> =
        rows.iter().map(|row| format!("{} percent in {}", number(row.est, 1), row.name)).collect();
    Some(Figure {
        id: format!("{}-share", claim.id.to_lowercase()),
        title,
        subtitle:
            "Unauthorized immigrants living in the 20 metros with the most of them, percent of the national \
                   total; bars show rounding only"
                .into(),
        description: format!("The share was {}.", crate::wording::list(&each)),
        source: "Pew Research Center estimates, as transcribed".into(),
        notes: vec!["A share in one year cannot show a trend; three years are shown.".into()],
        chart: Chart::Intervals {
            reference: first.est,
            band: None,
            rows,
            unit: "percent of the national total".into(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_years_and_the_set_are_read_off_the_estimand() {
        let estimand = "change 2007-2016 in the share of the national total living in the top 20 metros, percentage points";
        assert_eq!(read(estimand), Some(("2007", "2016", "the top 20 metros")));
        assert!(departures("the top 20 metros").is_empty());
        assert_eq!(read("change since 2007"), None);
    }
}
