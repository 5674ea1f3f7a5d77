//! A count: published in a report, or counted over the figures of a release.
//!
//! Published counts bind on dataset, measure, county and the claim's dates. Counts over a release read
//! estimands of three forms, over whole months inside the coverage: `total, FROM to TO`, `mean per day, FROM to
//! TO` (or per month), and `maximum week, FROM to TO` (or month), for the nation, or an area or county of
//! the claim's scope. Rows whose area is not known widen the count upwards.

use super::{Ran, Run, Stop, needs};
use crate::confidence::{self, Grades};
use crate::context::{Context, Held, county_of};
use crate::result::{Caveat, Fields};
use crate::wording::{count, number, with_interval};
use evenhand_docket::{Claim, Geo, Test, Unit};
use evenhand_measure::{Areas, Counts, Every, Geography, Outcome, Published};
use evenhand_vocab::{AtLarge, Date, Month};

/// Runs the test.
///
/// # Errors
/// Stops when the estimand is not understood or no figure held answers it.
pub fn run(context: &Context<'_>, claim: &Claim, test: &Test) -> Run {
    match context.release(test) {
        Some(held) => from_release(context, claim, test, &held),
        None => from_report(context, claim, test),
    }
}

/// What a measure of declined-detainer reports is called in the transcription.
fn column(measure: &str) -> Option<&'static str> {
    match measure {
        "det_declined_recorded" => Some("declined"),
        "det_issued" => Some("issued"),
        "det_persons" => Some("inmates"),
        _ => None,
    }
}

/// The figure of a report about a county, in the period of the claim.
pub(super) fn reported<'a>(
    context: &Context<'a>,
    claim: &Claim,
    measure: &str,
    place: &str,
) -> Option<&'a Published> {
    let what = column(measure)?;
    let period = format!("{}/{}", claim.scope.start, claim.scope.end);
    let set = context.figures.published().iter().find(|figure| figure.period == period)?.set.as_str();
    context.published(set, place, what)
}

fn from_report(context: &Context<'_>, claim: &Claim, test: &Test) -> Run {
    let estimand = test.estimand.as_deref().unwrap_or_default();
    let county = county_of(claim, estimand).ok_or_else(|| needs("needs a county code in the estimand"))?;
    let figure = reported(context, claim, &test.measure, &county.to_string()).ok_or_else(|| {
        let period = format!("{} to {}", claim.scope.start, claim.scope.end);
        needs(format!("needs a published figure of {} for {county}, {period}", test.measure))
    })?;
    let value = figure.value.ok_or_else(|| needs(format!("needs the figure itself; {}", figure.note)))?;
    let unit = test.measure.strip_prefix("det_").map_or("counted", |_| "detainers");
    let mut grades = Grades::descriptive("A published count is quoted, not estimated.");
    grades.data = confidence::published(context, &[figure]);
    grades.precision = confidence::exact();
    let mut details = vec![("quoted as".to_owned(), figure.quoted.clone())];
    if !figure.note.is_empty() {
        details.push(("elsewhere".into(), figure.note.clone()));
    }
    Ok(Ran {
        fields: exact(value),
        unit: unit.into(),
        line: format!("{} {unit}", count(value)),
        method: vec![format!("Quoted from {}.", context.source(&figure.source))],
        details,
        caveats: heaping(context, figure, value),
        grades,
        ..Ran::default()
    })
}

/// Series built on record dates get a heaping check: more than a quarter on the modal day (methods/1, 8.9).
fn heaping(context: &Context<'_>, figure: &Published, value: f64) -> Vec<Caveat> {
    let modal = context.published(&figure.set, &figure.place, "dated_policy_day");
    let Some(on_day) = modal.and_then(|figure| figure.value) else { return vec![] };
    if on_day <= 0.25 * value {
        return vec![];
    }
    let text = format!(
        "{} of the {} entries carry one date, the day on which they were recorded; that is not the day of issue.",
        count(on_day),
        count(value)
    );
    vec![Caveat { code: "date.record_vs_event".into(), text }]
}

fn exact(value: f64) -> Fields {
    let some = Some(value);
    Fields {
        est: some,
        lo: some,
        hi: some,
        lo90: some,
        hi90: some,
        value: some,
        count: some,
        ..Fields::default()
    }
}

/// Forms of estimand over a release.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Total,
    MeanPerDay,
    MeanPerMonth,
    MaximumWeek,
    MaximumMonth,
}

fn form(estimand: &str) -> Option<(Form, Date, Date)> {
    let (form, dates) = estimand.split_once(',')?;
    let (from, to) = dates.split_once(" to ")?;
    let form = match form.trim() {
        "total" => Form::Total,
        "mean per day" => Form::MeanPerDay,
        "mean per month" => Form::MeanPerMonth,
        "maximum week" => Form::MaximumWeek,
        "maximum month" => Form::MaximumMonth,
        _ => return None,
    };
    Some((form, from.trim().parse().ok()?, to.trim().parse().ok()?))
}

/// The at-large definition of a test, else the default one.
pub(super) fn at_large(test: &Test) -> AtLarge {
    match test.definition.as_deref() {
        Some("atlarge.narrow") => AtLarge::Narrow,
        Some("atlarge.wide") => AtLarge::Wide,
        _ => AtLarge::Standard,
    }
}

fn from_release(context: &Context<'_>, claim: &Claim, test: &Test, held: &Held) -> Run {
    let estimand = test.estimand.as_deref().unwrap_or_default();
    let (form, from, to) = form(estimand).ok_or_else(|| {
        needs(format!("needs an estimand that this kind of test can read, found `{estimand}`"))
    })?;
    if from < held.start || to > held.end || from.day() != 1 || to != to.last_of_month() || from > to {
        let what = format!("needs whole months from {} to {}, found {from} to {to}", held.start, held.end);
        return Err(needs(what));
    }
    let outcome = Outcome::of(&test.measure, at_large(test))
        .ok_or_else(|| needs(format!("needs {} counted from {}", test.measure, held.id)))?;
    let every = if form == Form::MaximumWeek { Every::Week } else { Every::Month };
    let Series { values, unknown, rows_used, rows_unplaced } =
        series(context, claim, test, held, outcome, every)?;
    let inside: Vec<f64> =
        values.into_iter().filter(|(day, _)| (from..=to).contains(day)).map(|(_, value)| value).collect();
    let days = f64::from((to - from).get_days() + 1);
    let sum: f64 = inside.iter().sum();
    let largest = inside.iter().copied().fold(0.0, f64::max);
    let (value, extra) = match form {
        Form::Total => (sum, unknown),
        Form::MeanPerDay => (sum / days, unknown / days),
        Form::MeanPerMonth => (sum / inside.len().max(1) as f64, unknown / inside.len().max(1) as f64),
        Form::MaximumWeek | Form::MaximumMonth => (largest, unknown),
    };
    let mut fields = exact(value);
    (fields.hi, fields.hi90, fields.n) =
        (Some(value + extra), Some(value + extra), Some(inside.len() as f64));
    let line = if extra > 0.0 {
        with_interval(value, value, value + extra, "arrests", usize::from(form != Form::Total))
    } else {
        format!("{} arrests", number(value, usize::from(value.fract() > 0.0)))
    };
    let mut grades = Grades::descriptive("Arrests are counted, not estimated.");
    grades.data = confidence::missing_share(rows_unplaced, rows_used);
    grades.precision = confidence::width(value, value + extra, 0.05 * value);
    Ok(Ran {
        fields,
        unit: "arrests".into(),
        line,
        method: vec![format!("Counted over {} in release {}.", estimand, held.id)],
        departures: held.differs.iter().cloned().collect(),
        rows: Some((rows_used, rows_unplaced)),
        grades,
        ..Ran::default()
    })
}

struct Series {
    values: Vec<(Date, f64)>,
    /// Rows of the window's release whose area is not known.
    unknown: f64,
    rows_used: u64,
    rows_unplaced: u64,
}

fn series(
    context: &Context<'_>,
    claim: &Claim,
    test: &Test,
    held: &Held,
    outcome: Outcome,
    every: Every,
) -> Result<Series, Stop> {
    match test.unit {
        Some(Unit::Nation) => {
            let counts = context.figures.arrests_by_aor(&held.id, outcome, every, Areas::Raw)?;
            Ok(by_area(&counts, counts.total().as_slice()))
        }
        Some(Unit::Aor) => {
            let area = claim.scope.geo.iter().find_map(|geo| match geo {
                Geo::Aor(aor) => Some(aor.code()),
                _ => None,
            });
            let code = area.ok_or_else(|| needs("needs an area (`aor:SNA`) in the claim's scope"))?;
            let counts = context.figures.arrests_by_aor(&held.id, outcome, every, Areas::Raw)?;
            let values = counts.series(code).ok_or_else(|| needs(format!("needs arrests of area {code}")))?;
            Ok(by_area(&counts, values))
        }
        Some(Unit::LandmarkCounty) if every == Every::Month => {
            let county = county_of(claim, "").ok_or_else(|| needs("needs a county in the claim's scope"))?;
            let counts = context.by_county(&held.id, outcome)?;
            let values = counts
                .series(county, Geography::WithOffice)
                .ok_or_else(|| needs(format!("needs arrests placed in county {county}")))?;
            let days = counts.months.iter().map(|month: &Month| month.first_day());
            Ok(Series {
                values: days.zip(values).collect(),
                unknown: 0.0,
                rows_used: counts.rows_used,
                rows_unplaced: counts.rows_unplaced,
            })
        }
        unit => {
            let unit = unit.map_or_else(|| "an unstated unit".to_owned(), |unit| unit.to_string());
            Err(needs(format!("needs counts by {unit}, which release {} cannot give", held.id)))
        }
    }
}

fn by_area(counts: &Counts, values: &[Option<f64>]) -> Series {
    let known = counts.periods.iter().zip(values).filter_map(|(day, value)| Some((*day, (*value)?)));
    Series {
        values: known.collect(),
        unknown: counts.rows_without_unit as f64,
        rows_used: counts.rows_used + counts.rows_without_unit,
        rows_unplaced: counts.rows_without_unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimands_of_three_forms_are_read() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let window = (day("2016-10-01"), day("2017-09-30"));
        assert_eq!(form("total, 2016-10-01 to 2017-09-30"), Some((Form::Total, window.0, window.1)));
        assert_eq!(
            form("mean per day, 2016-10-01 to 2017-09-30"),
            Some((Form::MeanPerDay, window.0, window.1))
        );
        assert_eq!(form("percent change, first full week of June 2025"), None);
        assert_eq!(form("total, 2016-10-01 to soon"), None);
    }
}
