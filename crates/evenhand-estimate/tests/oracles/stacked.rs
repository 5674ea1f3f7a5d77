//! Stacked difference-in-differences against Python `diff-diff` 3.13, which follows the reference code of Wing,
//! Freedman and Hollingsworth (2024): `StackedDiD(kappa_pre, kappa_post, weighting, control_group).fit(..)`.

use crate::imputation::{base_stagg, mpdta};
use crate::near;
use evenhand_estimate::*;

fn found(cells: &Cells, options: &StackedOptions) -> Estimates {
    stacked(cells, options).unwrap()
}

/// 1e-8. Its standard errors are those of the pooled effects and do not know of nested effects, so they are compared
/// where no effect is nested in units: some units are controls in one sub-experiment and treated in another.
#[test]
fn event_studies_equal_another_package() {
    let (Some(mpdta), Some(base_stagg)) = (mpdta(), base_stagg()) else { return };
    let pooled =
        |pre: usize, post: usize, controls: CleanControls, weighting: StackWeighting| StackedOptions {
            event_study: true,
            pre,
            post,
            controls,
            weighting,
            effects: StackEffects::TreatedEventTime,
            ..Default::default()
        };
    let (not_yet, aggregate) = (CleanControls::NotYetTreated, StackWeighting::Aggregate);
    let one = found(&mpdta, &pooled(1, 1, not_yet, aggregate));
    let expected = [
        (Some(0), -0.009_520_525_860_557_143, 0.015_476_325_617_941_766),
        (Some(1), -0.053_589_347_384_840_11, 0.018_828_268_214_321_268),
        (None, -0.031_554_936_622_698_63, 0.015_500_570_238_139_758),
    ];
    for (event, point, error) in expected {
        let term = event.map_or_else(|| one.get("att"), |e| one.at_event_time(e)).unwrap().estimate;
        near(term.estimate, point, 1e-8);
        near(term.std_error.unwrap(), error, 1e-8);
    }
    let other = found(&base_stagg, &pooled(2, 3, not_yet, aggregate));
    let expected = [
        (Some(-2), -0.162_837_929_700_600_2, 0.646_556_498_841_950_2),
        (Some(0), -4.079_250_421_033_493, 0.698_591_557_330_565_7),
        (Some(3), -0.394_066_062_066_880_94, 0.698_931_539_820_896_2),
        (None, -2.498_979_990_949_678, 0.596_201_818_834_678_8),
    ];
    for (event, point, error) in expected {
        let term = event.map_or_else(|| other.get("att"), |e| other.at_event_time(e)).unwrap().estimate;
        near(term.estimate, point, 1e-8);
        near(term.std_error.unwrap(), error, 1e-8);
    }
}

#[test]
fn averages_by_controls_and_weights_equal_another_package() {
    let (Some(mpdta), Some(base_stagg)) = (mpdta(), base_stagg()) else { return };
    use CleanControls::{NeverTreated, NotYetTreated, Strict};
    use StackWeighting::{Aggregate, SampleShare};
    for (cells, pre, post, controls, weighting, att) in [
        (&mpdta, 1, 1, Strict, Aggregate, -0.031_653_052_566_874_84),
        (&mpdta, 1, 1, NeverTreated, Aggregate, -0.028_760_760_220_373_37),
        (&base_stagg, 2, 3, Strict, Aggregate, -2.441_947_355_415_363),
        (&base_stagg, 2, 3, NeverTreated, Aggregate, -2.438_405_317_030_986),
        (&mpdta, 1, 1, NotYetTreated, SampleShare, -0.007_772_029_328_901_843),
        (&base_stagg, 2, 3, NotYetTreated, SampleShare, -2.511_380_970_993_522_4),
    ] {
        let effects = StackEffects::TreatedEventTime;
        let options = StackedOptions {
            event_study: true,
            pre,
            post,
            controls,
            weighting,
            effects,
            ..Default::default()
        };
        near(found(cells, &options).get("att").unwrap().estimate.estimate, att, 1e-8);
        if weighting == Aggregate {
            // In a balanced panel the effects of units and periods within sub-experiments change no point.
            let within = StackedOptions { effects: StackEffects::UnitPeriod, ..options };
            near(found(cells, &within).get("att").unwrap().estimate.estimate, att, 1e-8);
        }
    }
}
