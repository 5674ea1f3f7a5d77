//! At-large arrests by area and week around the national operation of early 2017.

use super::county_policy::marks;
use crate::context::Context;
use crate::result::{Chart, Figure, Series, SeriesRole};
use crate::wording::{day, list, number};
use evenhand_measure::{Areas, Every, Outcome};
use evenhand_vocab::{Aor, AtLarge, Date, Week};

/// Areas with fewer at-large arrests a week say little.
const ENOUGH_A_WEEK: f64 = 10.0;
/// Weeks before the operation that it is compared with.
const BASELINE_WEEKS: usize = 4;

/// One area in the weeks shown.
struct Area {
    name: &'static str,
    values: Vec<Option<f64>>,
    week: f64,
    baseline: f64,
}

/// Small multiples of the first quarter, ordered by how far the operation's week stands above those before.
#[must_use]
pub fn multiples(context: &Context<'_>) -> Option<Figure> {
    let operation =
        context.figures.events().iter().find(|event| event.kind == "operation" && event.geo == "nation")?;
    let start: Date = operation.start.parse().ok()?;
    // The operation's days may begin on a Sunday; the ISO week that holds most of them is the one meant.
    let week = Week::from(start.tomorrow().ok()?).monday();
    let (id, source) = super::arrests(context)?;
    let outcome = Outcome::AtLarge(AtLarge::Standard);
    let counts = context.figures.arrests_by_aor(&id, outcome, Every::Week, Areas::Raw).ok()?;
    let shown: Vec<usize> =
        (0..counts.periods.len()).filter(|&t| in_first_quarter(counts.periods[t], week)).collect();
    let at = shown.iter().position(|&t| counts.periods[t] == week).filter(|at| *at >= BASELINE_WEEKS)?;
    let mut areas: Vec<Area> = counts
        .units
        .iter()
        .filter_map(|code| {
            let series = counts.series(code)?;
            let values: Vec<Option<f64>> = shown.iter().map(|&t| series[t]).collect();
            let before =
                values[at - BASELINE_WEEKS..at].iter().map(|value| value.unwrap_or(0.0)).sum::<f64>();
            let baseline = before / BASELINE_WEEKS as f64;
            let name = code.parse::<Aor>().ok()?.name();
            (baseline >= ENOUGH_A_WEEK).then(|| Area {
                name,
                week: values[at].unwrap_or(0.0),
                values,
                baseline,
            })
        })
        .collect();
    areas.sort_by(|a, b| (b.week / b.baseline).total_cmp(&(a.week / a.baseline)).then(a.name.cmp(b.name)));
    let (most, least) = (areas.first()?, areas.last()?);
    let compare = |area: &Area| {
        format!(
            "{} ({}, against {} a week before)",
            area.name,
            number(area.week, 0),
            number(area.baseline, 0)
        )
    };
    let jumped = areas.iter().filter(|area| area.week >= 1.5 * area.baseline).count();
    let title = format!(
        "In the week of {} at-large arrests were at least half above the weeks before in {jumped} of {} areas: most in {}, \
         least in {}",
        day(week),
        areas.len(),
        most.name,
        least.name
    );
    let still: Vec<String> =
        areas.iter().filter(|area| area.week <= area.baseline).map(|area| area.name.to_owned()).collect();
    let no_rise = if still.is_empty() { String::new() } else { format!(" No rise in {}.", list(&still)) };
    let description = format!("Most in {}; least in {}.{no_rise}", compare(most), compare(least));
    Some(Figure {
        id: "areas-early-weeks".into(),
        title,
        subtitle: format!(
            "At-large arrests a week by ICE area, January to March {}, areas with at least {} a week; one scale",
            week.year(),
            number(ENOUGH_A_WEEK, 0)
        ),
        description,
        source: format!("{source}; counted here"),
        notes: vec!["Weeks run from Monday to Sunday.".into()],
        chart: Chart::Multiples {
            periods: shown.iter().map(|&t| counts.periods[t].to_string()).collect(),
            panels: areas
                .iter()
                .map(|area| Series {
                    name: area.name.into(),
                    values: area.values.clone(),
                    role: SeriesRole::Primary,
                })
                .collect(),
            marks: marks(context.figures.events(), "nation"),
            unit: "arrests a week".into(),
        },
    })
}

fn in_first_quarter(day: Date, week: Date) -> bool {
    day.year() == week.year() && day.month() <= 3
}
