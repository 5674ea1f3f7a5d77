//! What counts that only bracket a share allow: an identified set with its sampling interval.
//!
//! Estimand read: `share with convictions in ...`. Every published pair of counts of the claim's area (arrests,
//! and those with a conviction or record) is one end of the set, because each defines operation and record in
//! its own way; the interval reaches from the lower exact limit of the smallest share to the upper exact limit
//! of the largest. Units: percent.

use super::{Ran, Run, Stop, needs};
use crate::confidence::{self, Grades};
use crate::context::Context;
use crate::result::{Caveat, Fields};
use crate::wording::number;
use evenhand_docket::{Claim, Geo, Test};
use evenhand_estimate::{Share, clopper_pearson};
use evenhand_measure::Published;

/// Runs the test.
///
/// # Errors
/// Stops when the estimand is not understood or the counts are not held.
pub fn run(context: &Context<'_>, claim: &Claim, test: &Test) -> Run {
    let estimand = test.estimand.as_deref().unwrap_or_default();
    if !estimand.starts_with("share with convictions in ") {
        return Err(needs(format!("needs an estimand that this kind of test can read, found `{estimand}`")));
    }
    let in_scope = |figure: &&Published| {
        let own = |geo: &Geo| matches!(geo, Geo::Aor(_) | Geo::County(_)) && geo.to_string() == figure.place;
        figure.measure == "with_conviction" && claim.scope.geo.iter().any(own)
    };
    let counted: Vec<&Published> = context.figures.published().iter().filter(in_scope).collect();
    let shares = counted.iter().map(|figure| share(context, figure)).collect::<Result<Vec<_>, Stop>>()?;
    if shares.is_empty() {
        return Err(needs("needs published counts of arrests with convictions in the claim's area"));
    }
    let ends = |level: f64| -> Result<(f64, f64), Stop> {
        let mut range = (f64::INFINITY, f64::NEG_INFINITY);
        for &share in &shares {
            let interval = clopper_pearson(share, level)?;
            range = (range.0.min(100.0 * interval.low), range.1.max(100.0 * interval.high));
        }
        Ok(range)
    };
    let percent = |share: &Share| 100.0 * share.share().unwrap_or_default();
    let set = shares
        .iter()
        .map(percent)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), share| (low.min(share), high.max(share)));
    let ((lo, hi), (lo90, hi90)) = (ends(0.95)?, ends(0.90)?);
    let mut grades = Grades::descriptive("Published counts bracket a share; nothing is modelled.");
    grades.data = confidence::published(context, &counted);
    grades.precision = confidence::width(lo, hi, context.docket.sesoi.share_pp);
    Ok(Ran {
        fields: Fields {
            lo: Some(lo),
            hi: Some(hi),
            lo90: Some(lo90),
            hi90: Some(hi90),
            n: shares.iter().map(|share| share.of() as f64).reduce(f64::max),
            ..Fields::default()
        },
        unit: "percent".into(),
        line: format!(
            "between {} and {} percent by the way of counting ({} to {} with sampling)",
            number(set.0, 0),
            number(set.1, 0),
            number(lo, 0),
            number(hi, 0)
        ),
        method: vec![
            "The set holds every published way of counting; its ends are widened by exact (Clopper-Pearson) limits."
                .into(),
        ],
        details: counted
            .iter()
            .zip(&shares)
            .map(|(figure, share)| {
                let text = format!("{} of {}, {} percent", share.hits(), share.of(), number(percent(share), 1));
                (figure.period.clone(), text)
            })
            .chain(nationwide(context))
            .collect(),
        caveats: vec![Caveat {
            code: "no_record_is_not_untargeted".into(),
            text: "A person without a conviction may still have been a named target; the records do not mark targets."
                .into(),
        }],
        grades,
        ..Ran::default()
    })
}

fn share(context: &Context<'_>, figure: &Published) -> Result<Share, Stop> {
    let base = figure.id.strip_suffix("with_conviction").unwrap_or(&figure.id);
    let arrests = context.figures.published().iter().find(|other| other.id == format!("{base}arrests"));
    let counts = figure.value.zip(arrests.and_then(|arrests| arrests.value));
    let (hits, of) =
        counts.ok_or_else(|| needs(format!("needs the number of arrests behind `{}`", figure.id)))?;
    Ok(Share::new(hits as u64, of as u64)?)
}

/// The share that was published for all areas of the operation, beside the set.
fn nationwide(context: &Context<'_>) -> Option<(String, String)> {
    let figure = context
        .figures
        .published()
        .iter()
        .find(|figure| figure.measure == "share_crim" && figure.place == "nation")?;
    Some(("all areas of the operation, as published".into(), figure.quoted.clone()))
}
