use super::*;
use crate::{Factor, Stream};
use proptest::prelude::*;

/// A staggered panel of `n` units in `n_periods` periods: cohorts 3, 4 and never, effect `effect`, seeded noise.
struct Made {
    unit: Vec<u64>,
    period: Vec<f64>,
    outcome: Vec<f64>,
    cohort: Vec<f64>,
}

fn made(n: u64, n_periods: u32, effect: f64, seed: u64) -> Made {
    let noise = Stream::new(seed, 77);
    let mut made = Made { unit: vec![], period: vec![], outcome: vec![], cohort: vec![] };
    for i in 0..n {
        let g = [0.0, 3.0, 4.0, 0.0, 3.0][(i % 5) as usize];
        let level = noise.normal(i);
        for t in 1..=n_periods {
            let t = f64::from(t);
            made.unit.push(i);
            made.period.push(t);
            made.cohort.push(g);
            let on = if g > 0.0 && t >= g { effect } else { 0.0 };
            made.outcome.push(level + 0.3 * t + on + noise.normal(1_000 + i * 100 + t as u64));
        }
    }
    made
}

impl Made {
    fn cells(&self) -> Cells {
        Cells::new(&self.unit, &self.period, &self.outcome).unwrap().with_cohort(&self.cohort).unwrap()
    }
}

fn analytic() -> CallawaySantannaOptions {
    CallawaySantannaOptions { draws: 0, ..CallawaySantannaOptions::default() }
}

#[track_caller]
fn near(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs().max(1e-9), "{found}, expected {expected}");
}

fn same(a: &CallawaySantanna, b: &CallawaySantanna, relative: f64) {
    assert_eq!(a.estimates.terms.len(), b.estimates.terms.len());
    for (a, b) in a.estimates.terms.iter().zip(&b.estimates.terms) {
        assert_eq!(a.term, b.term);
        near(a.estimate.estimate, b.estimate.estimate, relative);
        assert_eq!(a.estimate.std_error.is_some(), b.estimate.std_error.is_some());
        near(a.estimate.std_error.unwrap_or(0.0), b.estimate.std_error.unwrap_or(0.0), relative);
    }
}

// Two groups, two periods: a difference of mean changes, and the sum of their two variances.
#[test]
fn two_by_two_is_the_difference_of_mean_changes() {
    let change = [1.0, 2.0, 4.0, 0.5, -0.5, 0.0, 1.0];
    let unit: Vec<usize> = (0..7).flat_map(|i| [i, i]).collect();
    let outcome: Vec<f64> = change.iter().enumerate().flat_map(|(i, d)| [i as f64, i as f64 + d]).collect();
    let cohort: Vec<f64> = (0..7).flat_map(|i| [if i < 3 { 2.0 } else { 0.0 }; 2]).collect();
    let cells = Cells::new(&unit, &[1.0, 2.0].repeat(7), &outcome).unwrap().with_cohort(&cohort).unwrap();
    let found = callaway_santanna(&cells, &analytic()).unwrap();
    let (treated, control) = (7.0 / 3.0, 0.25);
    let squares = |values: &[f64], mean: f64| values.iter().map(|d| (d - mean).powi(2)).sum::<f64>();
    let variance = squares(&change[..3], treated) / 9.0 + squares(&change[3..], control) / 16.0;
    for name in ["att(2,2)", "att", "att_group", "att_dynamic", "event_time=0", "group=2", "calendar=2"] {
        let estimate = found.estimates.get(name).unwrap().estimate;
        near(estimate.estimate, treated - control, 1e-14);
        near(estimate.std_error.unwrap(), variance.sqrt(), 1e-14);
    }
}

// Weights that change only where none are taken send the same numbers down the general path, draws included.
#[test]
fn sums_by_cohort_give_what_the_general_path_gives() {
    let made = made(60, 5, 1.0, 3);
    let odd: Vec<f64> = made.period.iter().map(|&t| if t > 4.5 { 3.0 } else { 1.0 }).collect();
    let clusters = Factor::new(&made.unit.iter().map(|i| i % 11).collect::<Vec<_>>());
    for control in [ControlGroup::Never, ControlGroup::NotYet] {
        for multiplier in [Multiplier::Rademacher, Multiplier::Mammen] {
            for base in [BasePeriod::Varying, BasePeriod::Universal] {
                let options = CallawaySantannaOptions {
                    control,
                    base,
                    multiplier,
                    bootstrap_std_errors: true,
                    draws: 199,
                    ..CallawaySantannaOptions::default()
                };
                for cells in [made.cells(), made.cells().with_cluster(&clusters).unwrap()] {
                    let general =
                        callaway_santanna(&cells.clone().with_weights(&odd).unwrap(), &options).unwrap();
                    let sums = callaway_santanna(&cells, &options).unwrap();
                    same(&sums, &general, 1e-10);
                    near(sums.critical_value.unwrap(), general.critical_value.unwrap(), 1e-10);
                    for (a, b) in sums.aggregates.iter().zip(&general.aggregates) {
                        assert_eq!(a.critical_value.is_some(), b.critical_value.is_some());
                        near(a.critical_value.unwrap_or(0.0), b.critical_value.unwrap_or(0.0), 1e-10);
                    }
                }
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let cells = made(50, 6, 1.0, 5).cells();
    let covariate: Vec<f64> = (0..300).map(|row| f64::from(row / 6 % 7)).collect();
    let with = cells.clone().with_covariate("x", &covariate).unwrap();
    for cells in [cells, with] {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| callaway_santanna(&cells, &CallawaySantannaOptions::default()).unwrap())
        };
        assert_eq!(on(1), on(16));
    }
}

// With 4,000 draws an interquartile range has a standard error near 2 %; four of these.
#[test]
fn bootstrap_standard_errors_are_near_the_analytic_ones() {
    let cells = made(200, 5, 1.0, 8).cells();
    let plain = callaway_santanna(&cells, &analytic()).unwrap();
    for multiplier in [Multiplier::Rademacher, Multiplier::Mammen] {
        let options = CallawaySantannaOptions {
            draws: 4_000,
            multiplier,
            bootstrap_std_errors: true,
            ..CallawaySantannaOptions::default()
        };
        let drawn = callaway_santanna(&cells, &options).unwrap();
        for (a, b) in plain.estimates.terms.iter().zip(&drawn.estimates.terms) {
            near(b.estimate.std_error.unwrap(), a.estimate.std_error.unwrap(), 0.08);
        }
        for family in &drawn.aggregates {
            assert!(family.critical_value.is_none_or(|c| c > 1.959 && c < 3.5));
        }
        assert!(drawn.estimates.at_event_time(0).unwrap().band.is_some());
    }
}

#[test]
fn covariances_belong_to_the_standard_errors() {
    let found = callaway_santanna(&made(40, 5, 1.0, 2).cells(), &analytic()).unwrap();
    let vcov = found.estimates.vcov.unwrap();
    for (j, term) in found.estimates.terms.iter().enumerate() {
        near(vcov[(j, j)].sqrt(), term.estimate.std_error.unwrap(), 1e-12);
    }
    let dynamic = found.aggregates.iter().find(|family| family.kind == Aggregation::Dynamic).unwrap();
    near(dynamic.vcov()[(1, 1)].sqrt(), dynamic.terms[1].estimate.std_error.unwrap(), 1e-12);
}

// 300 panels of 60 units. Shares of 300 have a standard error of 1.3 points: three of these, and one point for the
// small sample.
#[test]
fn intervals_and_bands_cover_the_truth() {
    let (mut pointwise, mut uniform, mut sum) = (0, 0, 0.0);
    let runs = 300;
    for seed in 0..runs {
        let cells = made(100, 5, 1.0, 100 + seed).cells();
        let options = CallawaySantannaOptions {
            draws: 299,
            seed,
            aggregations: vec![Aggregation::Simple, Aggregation::Dynamic],
            ..CallawaySantannaOptions::default()
        };
        let found = callaway_santanna(&cells, &options).unwrap();
        let att = found.estimates.get("att").unwrap().estimate;
        pointwise += usize::from(att.conf_low <= 1.0 && 1.0 <= att.conf_high);
        sum += att.estimate;
        let inside = |term: &Term| {
            let truth = if term.event_time >= Some(0) { 1.0 } else { 0.0 };
            term.band.is_some_and(|band| band.low <= truth && truth <= band.high)
        };
        uniform += usize::from(found.aggregates[1].terms.iter().all(inside));
    }
    let share = |count: usize| count as f64 / runs as f64;
    assert!((sum / runs as f64 - 1.0).abs() < 0.06, "mean {}", sum / runs as f64);
    assert!((share(pointwise) - 0.95).abs() < 0.05, "pointwise {}", share(pointwise));
    assert!((share(uniform) - 0.95).abs() < 0.05, "uniform {}", share(uniform));
}

// Untreated trends that depend on x, and cohorts that do too: the difference of means is off by half, all three
// methods are not. The standard error of the mean over 20 panels is near 0.03.
#[test]
fn every_method_recovers_the_effect_when_trends_follow_a_covariate() {
    let methods = [DidMethod::OutcomeRegression, DidMethod::InverseProbability, DidMethod::DoublyRobust];
    let mut means = [0.0; 4];
    let runs = 20;
    for seed in 0..runs {
        let noise = Stream::new(seed, 5);
        let mut made = Made { unit: vec![], period: vec![], outcome: vec![], cohort: vec![] };
        let mut covariate = Vec::new();
        for i in 0..300u64 {
            let x = noise.normal(i);
            let treated = noise.uniform(10_000 + i) < 1.0 / (1.0 + (-x).exp());
            for t in 1..=3 {
                made.unit.push(i);
                made.period.push(f64::from(t));
                made.cohort.push(if treated { 3.0 } else { 0.0 });
                covariate.push(x);
                let effect = if treated && t == 3 { 1.0 } else { 0.0 };
                made.outcome
                    .push(0.5 * x * f64::from(t) + effect + 0.5 * noise.normal(20_000 + i * 10 + t as u64));
            }
        }
        let at = |cells: &Cells, method| {
            let options = CallawaySantannaOptions { method, ..analytic() };
            callaway_santanna(cells, &options).unwrap().estimates.get("att").unwrap().estimate.estimate
        };
        means[3] += at(&made.cells(), DidMethod::DoublyRobust) / runs as f64;
        let cells = made.cells().with_covariate("x", &covariate).unwrap();
        for (mean, method) in means.iter_mut().zip(methods) {
            *mean += at(&cells, method) / runs as f64;
        }
    }
    assert!(means[3] > 1.3, "without the covariate {}", means[3]);
    means[..3].iter().for_each(|mean| assert!((mean - 1.0).abs() < 0.1, "{means:?}"));
}

#[test]
fn cross_sections_and_unbalanced_panels_are_estimated_from_rows() {
    let made = made(200, 4, 1.0, 4);
    let rows = Cells::cross_sections(&made.period, &made.outcome).unwrap().with_cohort(&made.cohort).unwrap();
    let panel = callaway_santanna(&made.cells(), &analytic()).unwrap();
    for method in [DidMethod::OutcomeRegression, DidMethod::InverseProbability, DidMethod::DoublyRobust] {
        let found = callaway_santanna(&rows, &CallawaySantannaOptions { method, ..analytic() }).unwrap();
        // The same means; without the units the changes are less precise.
        let (a, b) = (found.estimates.get("att(3,4)").unwrap(), panel.estimates.get("att(3,4)").unwrap());
        near(a.estimate.estimate, b.estimate.estimate, 1e-10);
        assert!(a.estimate.std_error > b.estimate.std_error);
    }
    let kept: Vec<usize> = (0..made.unit.len()).filter(|row| row % 17 != 0).collect();
    let some = made.cells().select(&kept);
    let dropped = callaway_santanna(&some, &analytic()).unwrap();
    let n_dropped = 200 - dropped.estimates.n_units;
    assert_eq!(dropped.estimates.caveats, [Caveat::Unbalanced { n_units: n_dropped }]);
    let all = CallawaySantannaOptions { allow_unbalanced: true, ..analytic() };
    let found = callaway_santanna(&some, &all).unwrap();
    assert_eq!((found.estimates.n_units, found.estimates.n_obs), (200, kept.len()));
    assert!((found.estimates.get("att").unwrap().estimate.estimate - 1.0).abs() < 0.6);
    // Of a balanced panel the option changes nothing.
    same(&callaway_santanna(&made.cells(), &all).unwrap(), &panel, 1e-14);
}

#[test]
fn units_that_cannot_be_used_are_left_out_with_a_caveat() {
    let mut made = made(50, 5, 1.0, 6);
    for (g, unit) in made.cohort.iter_mut().zip(&made.unit) {
        if unit % 10 == 0 {
            *g = 1.0;
        }
    }
    let found = callaway_santanna(&made.cells(), &analytic()).unwrap();
    assert_eq!(found.estimates.caveats, [Caveat::AlwaysTreated { n_units: 5 }]);
    assert_eq!(found.estimates.n_units, 45);
    let early = CallawaySantannaOptions { anticipation: 2.0, ..analytic() };
    let found = callaway_santanna(&made.cells(), &early).unwrap();
    assert_eq!(found.estimates.caveats[0], Caveat::AlwaysTreated { n_units: 25 });
}

#[test]
fn the_last_cohort_compares_where_nobody_is_never_treated() {
    let mut made = made(50, 5, 1.0, 6);
    made.cohort.iter_mut().filter(|g| **g < 1.0).for_each(|g| *g = 5.0);
    for control in [ControlGroup::Never, ControlGroup::NotYet] {
        let found =
            callaway_santanna(&made.cells(), &CallawaySantannaOptions { control, ..analytic() }).unwrap();
        assert_eq!((found.estimates.n_periods, found.estimates.n_units), (4, 50));
        assert!(found.estimates.get("group=4").is_some() && found.estimates.get("group=5").is_none());
    }
}

#[test]
fn cells_that_cannot_be_estimated_are_named() {
    let made = made(50, 5, 1.0, 6);
    // A covariate that separates cohort 3 from the never treated.
    let x: Vec<f64> =
        made.cohort.iter().zip(&made.unit).map(|(&g, &i)| 10.0 * g + (i % 7) as f64 / 10.0).collect();
    let cells = made.cells().with_covariate("x", &x).unwrap();
    let found = callaway_santanna(&cells, &analytic());
    assert_eq!(found.unwrap_err().kind(), ErrorKind::Degenerate);
    let regression = CallawaySantannaOptions { method: DidMethod::OutcomeRegression, ..analytic() };
    assert!(callaway_santanna(&cells, &regression).is_ok());
    let twice = cells.with_covariate("y", &x.iter().map(|x| 2.0 * x + 1.0).collect::<Vec<_>>()).unwrap();
    assert_eq!(callaway_santanna(&twice, &regression).unwrap_err().kind(), ErrorKind::Degenerate);
    // Cohort 4 alone is separated.
    let one: Vec<f64> =
        made.cohort.iter().zip(&made.unit).map(|(&g, &i)| if g > 3.5 { 90.0 } else { i as f64 }).collect();
    let found = callaway_santanna(&made.cells().with_covariate("x", &one).unwrap(), &analytic()).unwrap();
    let named =
        |caveat: &&Caveat| matches!(caveat, Caveat::NotEstimated { what, .. } if what.starts_with("att(4,"));
    assert_eq!(found.estimates.caveats.iter().filter(named).count(), 4);
    assert!(found.estimates.get("group=3").is_some() && found.estimates.get("group=4").is_none());
}

#[test]
fn data_without_a_comparison_are_refused_with_a_reason() {
    let made = made(20, 5, 1.0, 1);
    let kind = |cells: &Cells, options: &CallawaySantannaOptions| {
        callaway_santanna(cells, options).unwrap_err().kind()
    };
    let cells = made.cells();
    let with = |g: f64| cells.clone().with_cohort(&vec![g; made.unit.len()]).unwrap();
    assert_eq!(kind(&with(0.0), &analytic()), ErrorKind::NoTreated);
    assert_eq!(kind(&with(1.0), &analytic()), ErrorKind::NoDonors);
    assert_eq!(kind(&with(4.0), &analytic()), ErrorKind::NoTreated);
    let negative = CallawaySantannaOptions { anticipation: -1.0, ..analytic() };
    assert_eq!(kind(&cells, &negative), ErrorKind::Domain);
    let one = Cells::new(&[1, 2], &[1.0, 1.0], &[0.0, 1.0]).unwrap().with_cohort(&[1.0, 0.0]).unwrap();
    assert_eq!(kind(&one, &analytic()), ErrorKind::NoObservations);
    let rows: Vec<u32> = (0..100).collect();
    let moving = cells.with_cluster(&Factor::new(&rows)).unwrap();
    assert_eq!(kind(&moving, &analytic()), ErrorKind::Shape);
}

#[test]
fn one_cluster_and_constant_outcomes_have_no_standard_error() {
    let made = made(20, 5, 1.0, 1);
    let one = made.cells().with_cluster(&Factor::new(&[0u8; 100])).unwrap();
    let found = callaway_santanna(&one, &CallawaySantannaOptions::default()).unwrap();
    assert!(found.group_times.iter().all(|cell| cell.term.estimate.std_error.is_none()));
    let flat = made.cells().with_outcome(vec![7.0; 100]).unwrap();
    let found = callaway_santanna(&flat, &CallawaySantannaOptions::default()).unwrap();
    let still = |cell: &GroupTime| {
        cell.term.estimate.estimate.abs() < 1e-12 && cell.term.estimate.std_error.is_none()
    };
    assert!(found.group_times.iter().all(still));
    assert!(found.pre_test.is_none() && found.critical_value.is_none());
}

#[test]
fn periods_that_are_not_whole_numbers_are_counted() {
    let made = made(40, 5, 1.0, 9);
    let quarters: Vec<f64> = made.period.iter().map(|t| 2000.0 + t / 4.0).collect();
    let cohort: Vec<f64> =
        made.cohort.iter().map(|g| if *g > 0.0 { 2000.0 + g / 4.0 } else { 0.0 }).collect();
    let cells = Cells::new(&made.unit, &quarters, &made.outcome).unwrap().with_cohort(&cohort).unwrap();
    let found = callaway_santanna(&cells, &analytic()).unwrap();
    let plain = callaway_santanna(&made.cells(), &analytic()).unwrap();
    near(
        found.estimates.at_event_time(1).unwrap().estimate.estimate,
        plain.estimates.at_event_time(1).unwrap().estimate.estimate,
        1e-13,
    );
    assert!(found.estimates.get("att(2000.75,2001)").is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_labels_shift_and_scale_do_not_matter(seed in 0u64..1_000, universal: bool, covariate: bool) {
        let made = made(30, 5, 1.0, seed);
        let base = if universal { BasePeriod::Universal } else { BasePeriod::Varying };
        let options = CallawaySantannaOptions { base, control: ControlGroup::NotYet, ..analytic() };
        let x: Vec<f64> = made.unit.iter().map(|&i| Stream::new(seed, 1).normal(i)).collect();
        let dress = |cells: Cells, x: &[f64]| if covariate { cells.with_covariate("x", x).unwrap() } else { cells };
        let plain = callaway_santanna(&dress(made.cells(), &x), &options);
        let Ok(plain) = plain else { return Ok(()) };

        let n = made.unit.len();
        let shuffled: Vec<usize> = (0..n).map(|row| row * 7 % n).collect();
        let take = |values: &[f64]| shuffled.iter().map(|&row| values[row]).collect::<Vec<f64>>();
        let names: Vec<String> = shuffled.iter().map(|&row| format!("u{}", 97 - made.unit[row])).collect();
        let other = Cells::new(&names, &take(&made.period), &take(&made.outcome)).unwrap();
        let other = dress(other.with_cohort(&take(&made.cohort)).unwrap(), &take(&x));
        same(&plain, &callaway_santanna(&other, &options).unwrap(), 1e-9);

        let moved: Vec<f64> = made.outcome.iter().map(|y| 3.0 * y + 100.0).collect();
        let moved = Cells::new(&made.unit, &made.period, &moved).unwrap().with_cohort(&made.cohort).unwrap();
        let moved = callaway_santanna(&dress(moved, &x), &options).unwrap();
        for (a, b) in plain.estimates.terms.iter().zip(&moved.estimates.terms) {
            near(b.estimate.estimate, 3.0 * a.estimate.estimate, 1e-8);
            near(b.estimate.std_error.unwrap_or(0.0), 3.0 * a.estimate.std_error.unwrap_or(0.0), 1e-8);
        }
    }

    #[test]
    fn units_written_twice_at_half_the_weight_change_nothing(seed in 0u64..1_000, covariate: bool) {
        let made = made(30, 5, 1.0, seed);
        let x: Vec<f64> = made.unit.iter().map(|&i| Stream::new(seed, 1).normal(i)).collect();
        let weight: Vec<f64> = made.unit.iter().map(|&i| 0.5 + (i % 4) as f64).collect();
        let twice = |values: &[f64]| values.iter().chain(values).copied().collect::<Vec<f64>>();
        let dress = |cells: Cells, x: &[f64]| if covariate { cells.with_covariate("x", x).unwrap() } else { cells };
        let one = dress(made.cells().with_weights(&weight).unwrap(), &x);
        let unit: Vec<u64> = made.unit.iter().copied().chain(made.unit.iter().map(|i| i + 1_000)).collect();
        let clusters = Factor::new(&unit.iter().map(|i| i % 1_000).collect::<Vec<_>>());
        let half: Vec<f64> = twice(&weight).iter().map(|w| w / 2.0).collect();
        let two = Cells::new(&unit, &twice(&made.period), &twice(&made.outcome)).unwrap();
        let two = two.with_cohort(&twice(&made.cohort)).unwrap().with_weights(&half).unwrap();
        let two = dress(two, &twice(&x)).with_cluster(&clusters).unwrap();
        let options = CallawaySantannaOptions { method: DidMethod::InverseProbability, ..analytic() };
        let Ok(found) = callaway_santanna(&one, &options) else { return Ok(()) };
        same(&found, &callaway_santanna(&two, &options).unwrap(), 1e-8);
    }
}

/// The table of the frozen numbers; rows where `holes` says so are missing.
struct Frozen {
    made: Made,
    x: Vec<f64>,
    moving_x: Vec<f64>,
    weight: Vec<f64>,
    moving_weight: Vec<f64>,
    cluster: Factor,
}

fn frozen(holes: bool) -> Frozen {
    let mut made = Made { unit: vec![], period: vec![], outcome: vec![], cohort: vec![] };
    let (mut x, mut moving_x, mut weight, mut moving_weight, mut cluster) =
        (vec![], vec![], vec![], vec![], vec![]);
    for i in 0..40u32 {
        for t in (1..=5u32).filter(|t| !holes || (i * 7 + t * 3) % 19 != 0) {
            let g = [0, 3, 4, 0, 3][(i % 5) as usize];
            let covariate = f64::from(i * 13 % 17) / 5.0;
            let effect = if g > 0 && t >= g { 1.0 } else { 0.0 };
            made.unit.push(u64::from(i));
            made.period.push(f64::from(t));
            made.cohort.push(f64::from(g));
            made.outcome.push(
                f64::from((i * 37 + t * t * 11 + i * t * 5) % 23) / 7.0
                    + 0.25 * covariate * f64::from(t)
                    + effect,
            );
            x.push(covariate);
            moving_x.push(f64::from((i * 13 + t * 29) % 17) / 5.0);
            weight.push(1.0 + f64::from(i % 3) / 2.0);
            moving_weight.push(1.0 + f64::from((i + t) % 3) / 2.0);
            cluster.push(i % 9);
        }
    }
    Frozen { made, x, moving_x, weight, moving_weight, cluster: Factor::new(&cluster) }
}

#[track_caller]
fn agrees(cells: &Cells, options: &CallawaySantannaOptions, expected: &[(&str, f64, f64)]) {
    let found = callaway_santanna(cells, options).unwrap();
    for &(name, estimate, std_error) in expected {
        let term = found.estimates.get(name).unwrap().estimate;
        near(term.estimate, estimate, 1e-10);
        near(term.std_error.unwrap(), std_error, 1e-10);
    }
}

// Python csdid 0.4.3 (a translation of R did 2.5) for what the R results at hand leave out: weights, clusters,
// time-varying covariates, stacked rows. 1e-10: logits that end at the same step.
#[test]
fn frozen_numbers_of_a_panel_with_weights_and_clusters() {
    let Frozen { made, x, moving_x, weight, moving_weight, cluster } = frozen(false);
    let cells = made.cells().with_covariate("x", &x).unwrap();
    let weighted = cells.clone().with_weights(&weight).unwrap().with_cluster(&cluster).unwrap();
    let expected = [
        ("att", 0.8747157362601004, 0.33359914975226485),
        ("att_group", 0.8586419622265966, 0.295037212919201),
        ("att_dynamic", 0.8230061266874631, 0.34853034234475705),
        ("event_time=-2", -0.14796714236312564, 0.6187114147384387),
        ("calendar=4", 1.1329828058981004, 0.2969378214884692),
        ("att(3,4)", 1.2544962160024902, 0.47315911804900423),
    ];
    agrees(&weighted, &analytic(), &expected);

    let moving = made.cells().with_covariate("x", &moving_x).unwrap().with_weights(&moving_weight).unwrap();
    let options = CallawaySantannaOptions {
        method: DidMethod::InverseProbability,
        control: ControlGroup::NotYet,
        base: BasePeriod::Universal,
        ..analytic()
    };
    let expected = [
        ("att", 0.9136733298206298, 0.28103363715513996),
        ("att_group", 0.8913198550052578, 0.2623376584290768),
        ("att_dynamic", 0.8461255606160631, 0.2834399492727681),
        ("event_time=-2", -0.32895396697796486, 0.3666804663991232),
        ("calendar=4", 1.2381695438830431, 0.3701973962743326),
        ("att(3,4)", 1.3692457844152877, 0.4844361382562763),
    ];
    agrees(&moving, &options, &expected);

    let own = cells.with_weights(&moving_weight).unwrap();
    let options = CallawaySantannaOptions {
        method: DidMethod::OutcomeRegression,
        weight_period: WeightPeriod::Own,
        ..analytic()
    };
    let expected = [
        ("att", 0.7169025214227526, 0.24338678591677407),
        ("att_group", 0.7023526789959826, 0.23145572086708913),
        ("att_dynamic", 0.6590923402123382, 0.24447507463352874),
        ("event_time=-2", -0.14982182639314928, 0.5821151969789663),
        ("calendar=4", 0.9861889633129841, 0.34900352642866816),
        ("att(3,4)", 1.1405386673172027, 0.440598753070686),
    ];
    agrees(&own, &options, &expected);
}

// As above; the doubly robust form for rows from Python moderndid 0.2, which has the sign of R's DRDID.
#[test]
fn frozen_numbers_of_unbalanced_panels_and_cross_sections() {
    let Frozen { made, x, moving_x, weight, cluster, .. } = frozen(true);
    let cells = made.cells().with_covariate("x", &x).unwrap().with_cluster(&cluster).unwrap();
    let options = CallawaySantannaOptions {
        method: DidMethod::OutcomeRegression,
        allow_unbalanced: true,
        ..analytic()
    };
    let expected = [
        ("att", 0.7701285980090113, 0.344632413773052),
        ("att_group", 0.7701254489326916, 0.31471883362185127),
        ("att_dynamic", 0.7001191711449328, 0.3513713211817405),
        ("event_time=-2", -0.08912653889031574, 0.750076217062321),
        ("calendar=4", 1.0134628649698794, 0.3355718108664874),
        ("att(3,4)", 1.0721236164138557, 0.5074033808484428),
    ];
    agrees(&cells, &options, &expected);

    let rows = Cells::cross_sections(&made.period, &made.outcome).unwrap().with_cohort(&made.cohort).unwrap();
    let weighted = rows.clone().with_covariate("x", &moving_x).unwrap().with_weights(&weight).unwrap();
    let options = CallawaySantannaOptions { method: DidMethod::InverseProbability, ..analytic() };
    let expected = [
        ("att", 0.7443314020020098, 0.37383993439529467),
        ("att_group", 0.7209417056431128, 0.36662406876831627),
        ("att_dynamic", 0.6778181623487928, 0.3931717155548475),
        ("event_time=-2", -0.24497180973974508, 0.6275343230948746),
        ("calendar=4", 1.0377629678246694, 0.49850637741518355),
        ("att(3,4)", 1.1908259428084742, 0.5844353483599006),
    ];
    agrees(&weighted, &options, &expected);

    let robust = rows.with_covariate("x", &x).unwrap();
    let expected = [
        ("att(3,4)", 1.2094317429176056, 0.49952848240438935),
        ("att(4,2)", -0.09190600019817122, 0.5954924855104663),
        ("att(4,5)", 0.6409387623054554, 0.551670219186544),
    ];
    agrees(&robust, &analytic(), &expected);
    let found = callaway_santanna(&robust, &analytic()).unwrap();
    assert!(found.estimates.caveats.contains(&Caveat::Note(DISPUTED.to_owned())));
}
