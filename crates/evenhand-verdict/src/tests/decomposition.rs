//! How much of a change in a share is a change of mix, and how much a change inside the groups (Kitagawa).
//!
//! A release that records convictions serves `share_crim` by group of apprehension methods; the first and the
//! last fiscal year of the test's window are compared. Two forms of estimand: `percent of the change in ... that
//! the change in the mix of methods accounts for`, in percent; anything else asks for the term inside methods,
//! in percentage points: only that one speaks of whom officers arrest, while the other follows from moving
//! between jails and streets (methods/1, section 6.6).

use super::{Ran, Run, needs};
use crate::confidence::{self, Grades};
use crate::context::Context;
use crate::result::Fields;
use crate::wording::{number, with_interval};
use evenhand_docket::{Claim, Test};
use evenhand_estimate::{
    Estimate, Interval, KitagawaInput, Margin, MarginKind, Share, kitagawa, kitagawa_bootstrap, simulate,
};
use evenhand_measure::RecordCount;
use evenhand_vocab::{FiscalYear, MethodGroup, Month};

/// Draws of the bootstrap.
const DRAWS: usize = 2_000;

/// Runs the test.
///
/// # Errors
/// Stops when the release records no convictions, or when the estimand asks for a difference between areas.
pub fn run(context: &Context<'_>, _claim: &Claim, test: &Test) -> Run {
    let estimand = test.estimand.as_deref().unwrap_or_default();
    if test.measure != "share_crim" || estimand.contains("difference-in-differences") {
        let what = "needs conviction status by area and method in several areas (garcia), which this record does not hold";
        return Err(needs(what));
    }
    let held = context.release(test).ok_or_else(|| needs("needs a release that records convictions"))?;
    let (from, to) = test.window.ok_or_else(|| needs("needs a window of fiscal years"))?;
    let (before, after) = (FiscalYear::of(Month::from(from)), FiscalYear::of(Month::from(to)));
    let cells = context.figures.arrests_by_record(&held.id).map_err(|_| {
        needs(format!("needs recorded convictions by method, which release {} does not hold", held.id))
    })?;
    let recorded = !estimand.contains("without");
    let of = |year: FiscalYear| {
        MethodGroup::ALL
            .into_iter()
            .map(|group| share(&cells, year, group, recorded))
            .collect::<Result<Vec<_>, _>>()
    };
    let (of_before, of_after) = (of(before)?, of(after)?);
    if [&of_before, &of_after].iter().any(|shares| shares.iter().all(|share| share.of() == 0)) {
        return Err(needs(format!("needs arrests with recorded convictions in {before} and {after}")));
    }
    // A method that one of the years lacks has no share there; both years leave it out.
    let both = |at: &usize| of_before[*at].of() > 0 && of_after[*at].of() > 0;
    let groups: Vec<usize> = (0..MethodGroup::ALL.len()).filter(both).collect();
    let pick = |shares: &[Share]| groups.iter().map(|&at| shares[at]).collect::<Vec<_>>();
    let (x, y) = (pick(&of_before), pick(&of_after));
    if kitagawa(&x, &y)?.total.abs() < f64::EPSILON {
        return Err(needs(format!("needs a share that changed between {before} and {after}")));
    }
    let split = kitagawa_bootstrap(KitagawaInput::Change { before: &x, after: &y }, DRAWS, context.seed)?;
    let rows: u64 = x.iter().chain(&y).map(|share| share.of()).sum();
    let left_out: u64 = of_before.iter().chain(&of_after).map(|share| share.of()).sum::<u64>() - rows;
    let mut grades = Grades::descriptive("A change between two years is split exactly into two terms.");
    grades.data = confidence::missing_share(left_out, rows + left_out);
    let what = if recorded { "with" } else { "without" };
    let terms = format!(
        "inside methods {}; through the mix of methods {}",
        points(&split.within),
        points(&split.mix)
    );
    let (fields, unit, line) = if estimand.starts_with("percent of the change") {
        let part = mix_percent(&x, &y, context.seed)?;
        grades.precision = confidence::width(part.conf_low, part.conf_high, 50.0);
        let line = with_interval(part.estimate, part.conf_low, part.conf_high, "percent of the change", 0);
        (fields(&part, 1.0), "percent", format!("{line} through the mix of methods"))
    } else {
        let half = 50.0 * (split.within.conf_high - split.within.conf_low);
        grades.precision = confidence::half_width(half, context.docket.sesoi.share_pp);
        (fields(&split.within, 100.0), "percentage points", terms.clone())
    };
    let overall = |shares: &[Share]| {
        let (hits, of) = shares.iter().fold((0, 0), |sum, share| (sum.0 + share.hits(), sum.1 + share.of()));
        format!(
            "{} of {}, {} percent",
            number(hits as f64, 0),
            number(of as f64, 0),
            number(100.0 * hits as f64 / of as f64, 1)
        )
    };
    Ok(Ran {
        fields: Fields { n: Some(rows as f64), n_periods: Some(2), ..fields },
        unit: unit.into(),
        line,
        method: vec![
            format!(
                "Kitagawa split of the share {what} a recorded conviction between {before} and {after}, by method."
            ),
            format!("{} draws of the counts.", number(DRAWS as f64, 0)),
        ],
        details: vec![
            (format!("{what} a recorded conviction, {before}"), overall(&x)),
            (format!("{what} a recorded conviction, {after}"), overall(&y)),
            ("whole change".into(), points(&split.total)),
            ("through the mix of methods".into(), points(&split.mix)),
            ("inside methods".into(), points(&split.within)),
        ],
        departures: held.differs.iter().cloned().collect(),
        rows: Some((rows, 0)),
        grades,
        ..Ran::default()
    })
}

fn fields(estimate: &Estimate, scale: f64) -> Fields {
    Fields {
        est: Some(scale * estimate.estimate),
        lo: Some(scale * estimate.conf_low),
        hi: Some(scale * estimate.conf_high),
        lo90: Some(scale * estimate.conf_low_90),
        hi90: Some(scale * estimate.conf_high_90),
        ..Fields::default()
    }
}

/// What percent of the whole change the mix term is, with counts drawn as normal of their own variance.
fn mix_percent(before: &[Share], after: &[Share], seed: u64) -> Result<Estimate, evenhand_estimate::Error> {
    let split = kitagawa(before, after)?;
    let counts = before.iter().chain(after).flat_map(|share| [share.hits(), share.of() - share.hits()]);
    let margins: Vec<Margin> = counts
        .map(|count| {
            let estimate = count as f64;
            let kind = if count == 0 {
                MarginKind::Exact
            } else {
                MarginKind::Normal { std_error: estimate.sqrt() }
            };
            Margin { estimate, kind }
        })
        .collect();
    let drawn = simulate(&margins, DRAWS, seed, |counts| {
        let share = |pair: &[f64]| {
            let hits = pair[0].max(0.0).round() as u64;
            Share::new(hits, hits + pair[1].max(0.0).round() as u64)
        };
        let shares: Result<Vec<Share>, _> = counts.chunks(2).map(share).collect();
        let split = shares.and_then(|shares| {
            let (before, after) = shares.split_at(shares.len() / 2);
            kitagawa(before, after)
        });
        // A draw that empties a year has no split; it counts as no part, which is where the interval is widest.
        let part = split.map_or(0.0, |split| 100.0 * split.mix / split.total);
        if part.is_finite() { part } else { 0.0 }
    })?;
    let ends = |low, high| Interval { low, high };
    Ok(Estimate::from_intervals(
        100.0 * split.mix / split.total,
        ends(drawn.conf_low, drawn.conf_high),
        ends(drawn.conf_low_90, drawn.conf_high_90),
    ))
}

fn points(estimate: &Estimate) -> String {
    let Estimate { estimate, conf_low, conf_high, .. } = *estimate;
    with_interval(100.0 * estimate, 100.0 * conf_low, 100.0 * conf_high, "percentage points", 1)
}

fn share(
    cells: &[RecordCount],
    year: FiscalYear,
    group: MethodGroup,
    recorded: bool,
) -> Result<Share, evenhand_estimate::Error> {
    let inside = cells.iter().filter(|cell| cell.key.fiscal_year == year && cell.key.group == group);
    let (mut hits, mut of) = (0_u64, 0_u64);
    for cell in inside {
        of += u64::from(cell.arrests);
        hits += if cell.key.recorded == recorded { u64::from(cell.arrests) } else { 0 };
    }
    Share::new(hits, of)
}
