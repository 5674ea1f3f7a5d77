//! Two groups compared: shares by exact test on counts, as a difference in points or as a ratio.
//!
//! Published counts bind on the claim's area and the set that compares it with others (`difference in share
//! without conviction, ... vs other ...`). A release that records convictions serves estimands that name
//! `custodial` and `at-large`, over the fiscal years of the test's window; they are ratios on the `ln_ratio`
//! scale when the estimand says `ratio`. Rates per resident need denominators, which are not held.

use super::{Ran, Run, Stop, needs};
use crate::confidence::{self, Grades};
use crate::context::{Context, Held};
use crate::result::{Chart, Fields, Figure, ShareBar};
use crate::wording::{number, p_value, percent_change, with_interval};
use evenhand_docket::{Claim, Geo, Test};
use evenhand_estimate::{Estimate, Share, fisher_exact, risk_ratio, share_difference, wilson};
use evenhand_measure::Published;
use evenhand_vocab::{ArrestSetting, FiscalYear, Month};

/// Runs the test.
///
/// # Errors
/// Stops when the estimand is not understood or the counts are not held.
pub fn run(context: &Context<'_>, claim: &Claim, test: &Test) -> Run {
    let estimand = test.estimand.as_deref().unwrap_or_default();
    if estimand.contains(" per ") {
        return Err(needs(format!(
            "needs denominators for `{estimand}` (noncitizens by area, acs), which this record does not hold"
        )));
    }
    match context.release(test) {
        Some(held) => by_setting(context, test, &held, estimand),
        None => of_published(context, claim, test, estimand),
    }
}

/// One comparison of two shares.
struct Comparison {
    name: String,
    own: Share,
    other: Share,
    difference: Estimate,
    ratio: Estimate,
    p: f64,
}

impl Comparison {
    fn new(name: String, own: Share, other: Share) -> Result<Self, Stop> {
        let exact = fisher_exact(own, other)?;
        let (difference, ratio) = (share_difference(own, other)?, risk_ratio(own, other)?);
        Ok(Self { name, own, other, difference, ratio, p: exact.p_value })
    }

    fn line(&self) -> String {
        let Self { own, other, difference, p, .. } = self;
        format!(
            "{} of {} against {} of {}: {}; {}",
            number(own.hits() as f64, 0),
            number(own.of() as f64, 0),
            number(other.hits() as f64, 0),
            number(other.of() as f64, 0),
            with_interval(
                100.0 * difference.estimate,
                100.0 * difference.conf_low,
                100.0 * difference.conf_high,
                "percentage points",
                1
            ),
            p_value(*p)
        )
    }

    fn fields(&self, as_ratio: bool) -> Fields {
        let (of, scale) = if as_ratio { (&self.ratio, 1.0) } else { (&self.difference, 100.0) };
        Fields {
            est: Some(scale * of.estimate),
            lo: Some(scale * of.conf_low),
            hi: Some(scale * of.conf_high),
            lo90: Some(scale * of.conf_low_90),
            hi90: Some(scale * of.conf_high_90),
            p: Some(self.p),
            n: Some((self.own.of() + self.other.of()) as f64),
            ..Fields::default()
        }
    }

    fn details(&self) -> Vec<(String, String)> {
        let share = |share: Share| number(100.0 * share.share().unwrap_or_default(), 1);
        let ratio = &self.ratio;
        vec![
            (self.name.clone(), self.line()),
            (
                "as shares".into(),
                format!("{} percent against {} percent", share(self.own), share(self.other)),
            ),
            (
                "as a ratio".into(),
                with_interval(ratio.estimate.exp(), ratio.conf_low.exp(), ratio.conf_high.exp(), "times", 2),
            ),
            ("exact p-value (Fisher)".into(), format!("{:.2e}", self.p)),
        ]
    }
}

fn of_published(context: &Context<'_>, claim: &Claim, test: &Test, estimand: &str) -> Run {
    let what = ["without conviction", "with conviction"]
        .into_iter()
        .find(|what| estimand.starts_with(&format!("difference in share {what}")))
        .map(|what| what.replace(' ', "_"))
        .ok_or_else(|| {
            needs(format!("needs an estimand that this kind of test can read, found `{estimand}`"))
        })?;
    let own: Vec<&Published> = context
        .figures
        .published()
        .iter()
        .filter(|figure| figure.measure == what && is_in_scope(claim, &figure.place))
        .collect();
    let others = context
        .figures
        .published()
        .iter()
        .find(|figure| figure.measure == what && figure.place.starts_with("other "))
        .ok_or_else(|| needs(format!("needs a published count of arrests {what} in other areas")))?;
    let other = share(context, others, &what)?;
    let comparisons = own
        .iter()
        .map(|figure| {
            let own = share(context, figure, &what)?;
            Comparison::new(format!("{} arrests, {}", own.of(), figure.period), own, other)
        })
        .collect::<Result<Vec<_>, Stop>>()?;
    let first =
        comparisons.first().ok_or_else(|| needs("needs a published count of the claim's own area"))?;
    let used: Vec<&Published> = own.iter().copied().chain([others]).collect();
    let mut grades = Grades::descriptive("Published counts are compared by an exact test.");
    grades.data = confidence::published(context, &used);
    let half = |estimate: &Estimate| 50.0 * (estimate.conf_high - estimate.conf_low);
    grades.precision = confidence::half_width(half(&first.difference), context.docket.sesoi.share_pp);
    Ok(Ran {
        fields: first.fields(test.is_ln_ratio()),
        unit: "percentage points".into(),
        line: first.line(),
        method: vec![
            "Fisher's exact test; the interval of the difference is Newcombe's, of the ratio Katz's.".into(),
            format!("The first of {} published counts is the primary one.", comparisons.len()),
        ],
        details: comparisons.iter().flat_map(Comparison::details).collect(),
        figures: vec![picture(claim, test, &what.replace('_', " "), &comparisons)?],
        grades,
        ..Ran::default()
    })
}

fn is_in_scope(claim: &Claim, place: &str) -> bool {
    claim.scope.geo.iter().any(|geo| matches!(geo, Geo::Aor(_) | Geo::County(_)) && geo.to_string() == place)
}

/// `San Antonio area`, from the claim's scope.
fn area(claim: &Claim) -> String {
    let named = claim.scope.geo.iter().find_map(|geo| match geo {
        Geo::Aor(aor) => Some(format!("{} area", aor.name())),
        _ => None,
    });
    named.unwrap_or_else(|| "claim's area".into())
}

/// The share of a set's arrests that `figure` counts.
fn share(context: &Context<'_>, figure: &Published, what: &str) -> Result<Share, Stop> {
    let base = figure.id.strip_suffix(what).unwrap_or(&figure.id);
    let arrests = context.figures.published().iter().find(|other| other.id == format!("{base}arrests"));
    let whole = |figure: Option<&Published>| figure.and_then(|figure| figure.value).map(|value| value as u64);
    let (hits, of) = whole(Some(figure))
        .zip(whole(arrests))
        .ok_or_else(|| needs(format!("needs the number of arrests behind `{}`", figure.id)))?;
    Ok(Share::new(hits, of)?)
}

fn picture(claim: &Claim, test: &Test, what: &str, comparisons: &[Comparison]) -> Result<Figure, Stop> {
    let percent = |share: Share| 100.0 * share.share().unwrap_or_default();
    let bar = |name: String, share: Share| -> Result<ShareBar, Stop> {
        let interval = wilson(share, 0.95)?;
        Ok(ShareBar {
            name,
            parts: vec![(what.to_owned(), percent(share))],
            interval: Some((100.0 * interval.low, 100.0 * interval.high)),
        })
    };
    let mut bars = comparisons
        .iter()
        .map(|comparison| bar(format!("{}, {}", area(claim), comparison.name), comparison.own))
        .collect::<Result<Vec<_>, _>>()?;
    let first = comparisons.first().ok_or_else(|| needs("needs a comparison"))?;
    bars.push(bar(format!("Other areas, {} arrests", number(first.other.of() as f64, 0)), first.other)?);
    let (own, other) = (number(percent(first.own), 0), number(percent(first.other), 0));
    let area = area(claim);
    let title = format!("{own} percent of arrests in the {area} were {what}, {other} percent elsewhere");
    Ok(Figure {
        id: format!("{}-{}", claim.id.to_lowercase(), test.id),
        title,
        subtitle: format!("Share of arrests {what} in the operation, percent, with 95 percent intervals"),
        description: format!(
            "{} of {} arrests in the {area} were {what} ({own} percent), {} of {} in the other areas ({other} \
             percent).",
            first.own.hits(), first.own.of(), first.other.hits(), first.other.of()
        ),
        source: "Press counts and the agency's operation statistics, as transcribed".into(),
        notes: vec![
            "The larger count adds a separate regional operation and counts a record of any kind, immigration and \
             driving offences included."
                .into(),
        ],
        chart: Chart::Shares { bars, claimed: None, unit: "percent of arrests".into() },
    })
}

/// Custodial against at-large arrests in a release that records convictions.
fn by_setting(context: &Context<'_>, test: &Test, held: &Held, estimand: &str) -> Run {
    let read = || {
        let (custodial, at_large) = (estimand.find("custodial")?, estimand.find("at-large")?);
        Some(if custodial < at_large {
            (ArrestSetting::Custodial, ArrestSetting::AtLarge)
        } else {
            (ArrestSetting::AtLarge, ArrestSetting::Custodial)
        })
    };
    let (own, other) = read().ok_or_else(|| {
        needs(format!("needs an estimand that this kind of test can read, found `{estimand}`"))
    })?;
    let recorded = !estimand.contains("without");
    let (from, to) = test.window.ok_or_else(|| needs("needs a window of fiscal years"))?;
    let years = FiscalYear::of(Month::from(from))..=FiscalYear::of(Month::from(to));
    let cells = context.figures.arrests_by_record(&held.id).map_err(|_| {
        needs(format!("needs recorded convictions by method, which release {} does not hold", held.id))
    })?;
    let count = |setting: ArrestSetting| -> Result<Share, Stop> {
        let inside = cells
            .iter()
            .filter(|cell| years.contains(&cell.key.fiscal_year) && cell.key.group.setting() == setting);
        let (mut hits, mut of) = (0_u64, 0_u64);
        for cell in inside {
            of += u64::from(cell.arrests);
            hits += if cell.key.recorded == recorded { u64::from(cell.arrests) } else { 0 };
        }
        Ok(Share::new(hits, of)?)
    };
    let (own_share, other_share) = (count(own)?, count(other)?);
    if own_share.of() == 0 || other_share.of() == 0 {
        return Err(needs(format!(
            "needs arrests of both settings from {} to {}",
            years.start(),
            years.end()
        )));
    }
    let what = if recorded { "with a recorded conviction" } else { "without a recorded conviction" };
    let name = format!("{} against {}, {what}", setting_word(own), setting_word(other));
    let comparison = Comparison::new(name, own_share, other_share)?;
    let ratio = test.is_ln_ratio();
    let mut grades = Grades::descriptive("Arrests of two settings are compared by an exact test.");
    grades.data = confidence::missing_share(0, own_share.of() + other_share.of());
    grades.precision = if ratio {
        let half = 0.5 * (comparison.ratio.conf_high - comparison.ratio.conf_low);
        confidence::half_width(half, context.docket.sesoi.log_ratio)
    } else {
        let half = 50.0 * (comparison.difference.conf_high - comparison.difference.conf_low);
        confidence::half_width(half, context.docket.sesoi.share_pp)
    };
    let rows = cells.iter().map(|cell| u64::from(cell.arrests)).sum();
    Ok(Ran {
        fields: comparison.fields(ratio),
        unit: if ratio { "ln ratio" } else { "percentage points" }.into(),
        line: if ratio {
            format!("{}; {}", comparison.line(), percent_change(comparison.ratio.estimate))
        } else {
            comparison.line()
        },
        method: vec![
            format!("Arrests of {} to {} in release {}.", years.start(), years.end(), held.id),
            "Fisher's exact test; the interval of the difference is Newcombe's, of the ratio Katz's.".into(),
        ],
        details: comparison.details(),
        departures: held.differs.iter().cloned().collect(),
        rows: Some((rows, 0)),
        grades,
        ..Ran::default()
    })
}

fn setting_word(setting: ArrestSetting) -> &'static str {
    match setting {
        ArrestSetting::Custodial => "custodial",
        ArrestSetting::AtLarge => "at-large",
        ArrestSetting::Unknown => "other",
    }
}
