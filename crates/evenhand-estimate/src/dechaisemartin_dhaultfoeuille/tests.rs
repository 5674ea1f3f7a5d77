use super::*;
use crate::{BasePeriod, CallawaySantannaOptions, ControlGroup, Stream, callaway_santanna};
use proptest::prelude::*;

/// `n` groups in six periods: a third goes up by 1 in period 3, a third by 2 in period 4 and back by 1 in period 6,
/// a third stays; effect 1.5 for each unit of treatment.
struct Made {
    unit: Vec<u64>,
    period: Vec<f64>,
    outcome: Vec<f64>,
    treatment: Vec<f64>,
}

fn made(n: u64, seed: u64, start: f64, sign: f64) -> Made {
    let noise = Stream::new(seed, 3);
    let mut made = Made { unit: vec![], period: vec![], outcome: vec![], treatment: vec![] };
    for i in 0..n {
        for t in 1..=6u64 {
            let dose = match i % 3 {
                0 if t >= 3 => 1.0,
                1 if t >= 4 => {
                    if t == 6 {
                        1.0
                    } else {
                        2.0
                    }
                }
                _ => 0.0,
            };
            let d = start + sign * dose;
            made.unit.push(i);
            made.period.push(t as f64);
            made.treatment.push(d);
            made.outcome
                .push(noise.normal(i) + 0.4 * t as f64 + 1.5 * d + 0.5 * noise.normal(10_000 + i * 10 + t));
        }
    }
    made
}

impl Made {
    fn cells(&self) -> Cells {
        Cells::new(&self.unit, &self.period, &self.outcome).unwrap().with_treatment(&self.treatment).unwrap()
    }
}

fn three() -> DynamicEffectsOptions {
    DynamicEffectsOptions { effects: 3, placebos: 2, ..DynamicEffectsOptions::default() }
}

#[track_caller]
fn near(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs().max(1e-9), "{found}, expected {expected}");
}

// The standard error of the average is near 0.07.
#[test]
fn the_average_total_effect_is_the_effect_of_one_unit_of_treatment() {
    for (start, sign) in [(0.0, 1.0), (3.0, -1.0)] {
        let found = dechaisemartin_dhaultfoeuille(&made(150, 1, start, sign).cells(), &three()).unwrap();
        let total = found.estimates.get("average_total_effect").unwrap().estimate;
        // Where treatment falls, less of it lowers the outcome: the sign is turned.
        assert!((total.estimate - 1.5).abs() < 0.25, "{}", total.estimate);
        assert_eq!(found.n_switchers, [100, 100, 100]);
        assert!(found.joint_placebos.unwrap().p_value > 0.001 && found.joint_effects.unwrap().p_value < 1e-6);
        let normalized = DynamicEffectsOptions { normalized: true, ..three() };
        let found = dechaisemartin_dhaultfoeuille(&made(150, 1, start, sign).cells(), &normalized).unwrap();
        near(found.estimates.get("effect_1").unwrap().estimate.estimate, 1.5, 0.15);
    }
}

// For a treatment that is 0 or 1 and stays, effects are those of Callaway and Sant'Anna with not-yet-treated
// comparison and no covariates.
#[test]
fn effects_of_absorbing_treatments_are_those_of_callaway_and_santanna() {
    let made = made(90, 5, 0.0, 1.0);
    let cohort: Vec<f64> = made.unit.iter().map(|i| [3.0, 4.0, 0.0][(i % 3) as usize]).collect();
    let cells = Cells::new(&made.unit, &made.period, &made.outcome).unwrap().with_cohort(&cohort).unwrap();
    let found = dechaisemartin_dhaultfoeuille(&cells, &three()).unwrap();
    let options = CallawaySantannaOptions {
        control: ControlGroup::NotYet,
        base: BasePeriod::Universal,
        draws: 0,
        ..CallawaySantannaOptions::default()
    };
    let other = callaway_santanna(&cells, &options).unwrap();
    for e in [0, 1, 2, -2] {
        let (a, b) = (found.estimates.at_event_time(e).unwrap(), other.estimates.at_event_time(e).unwrap());
        near(a.estimate.estimate, b.estimate.estimate, 1e-12);
    }
}

#[test]
fn did_m_and_the_first_effect_agree_when_treatment_changes_once() {
    let made = made(90, 2, 0.0, 1.0);
    let once: Vec<f64> = made.treatment.iter().map(|d| d.min(1.0)).collect();
    let cells = made.cells().with_treatment(&once).unwrap();
    let one =
        dechaisemartin_dhaultfoeuille(&cells, &DynamicEffectsOptions { placebos: 1, ..Default::default() })
            .unwrap();
    let m = did_m(&cells).unwrap();
    near(
        m.get("did_m").unwrap().estimate.estimate,
        one.estimates.get("effect_1").unwrap().estimate.estimate,
        1e-12,
    );
    near(
        m.get("placebo").unwrap().estimate.estimate,
        -one.estimates.get("placebo_1").unwrap().estimate.estimate,
        1e-12,
    );
}

#[test]
fn groups_that_go_both_ways_are_cut_where_they_cross() {
    let mut made = made(30, 4, 2.0, 1.0);
    for (row, d) in made.treatment.iter_mut().enumerate() {
        if made.unit[row] == 0 && made.period[row] > 4.5 {
            *d = 1.5;
        }
    }
    let found = dechaisemartin_dhaultfoeuille(&made.cells(), &three()).unwrap();
    assert_eq!(found.n_switchers, [20, 20, 19]);
    assert!(matches!(&found.estimates.caveats[0], Caveat::Note(note) if note.starts_with("2 rows")));
    let kept = DynamicEffectsOptions { keep_crossing: true, ..three() };
    assert_eq!(dechaisemartin_dhaultfoeuille(&made.cells(), &kept).unwrap().n_switchers, [20, 20, 20]);
}

#[test]
fn what_cannot_be_estimated_is_named_or_refused() {
    let made = made(30, 4, 0.0, 1.0);
    let many = DynamicEffectsOptions { effects: 6, placebos: 3, ..DynamicEffectsOptions::default() };
    let found = dechaisemartin_dhaultfoeuille(&made.cells(), &many).unwrap();
    assert_eq!(
        (&found.n_switchers[..], &found.n_placebo_switchers[..]),
        (&[20, 20, 20, 10, 0, 0][..], &[20, 10, 0][..])
    );
    assert_eq!(found.estimates.caveats.len(), 3);
    assert!(found.joint_effects.is_none() && found.estimates.get("effect_5").is_none());
    let kind = |cells: &Cells, options: &DynamicEffectsOptions| {
        dechaisemartin_dhaultfoeuille(cells, options).unwrap_err().kind()
    };
    let none = DynamicEffectsOptions { effects: 0, ..DynamicEffectsOptions::default() };
    assert_eq!(kind(&made.cells(), &none), ErrorKind::Domain);
    let out = DynamicEffectsOptions { switchers: Switchers::Out, ..DynamicEffectsOptions::default() };
    assert_eq!(kind(&made.cells(), &out), ErrorKind::NoTreated);
    let all = made.cells().with_treatment(&made.period).unwrap();
    assert_eq!(kind(&all, &three()), ErrorKind::NoDonors);
    assert_eq!(did_m(&all).unwrap_err().kind(), ErrorKind::NoTreated);
    let rows = Cells::cross_sections(&made.period, &made.outcome).unwrap();
    assert_eq!(kind(&rows, &three()), ErrorKind::Missing);
    assert_eq!(did_m(&rows).unwrap_err().kind(), ErrorKind::Missing);
}

// 200 panels of 60 groups; the variance is conservative, so that coverage may exceed 95 %.
#[test]
fn intervals_cover_the_truth() {
    let (runs, mut covered) = (200, 0);
    for seed in 0..runs {
        let found = dechaisemartin_dhaultfoeuille(&made(60, 50 + seed, 0.0, 1.0).cells(), &three()).unwrap();
        let total = found.estimates.get("average_total_effect").unwrap().estimate;
        covered += usize::from(total.conf_low <= 1.5 && 1.5 <= total.conf_high);
    }
    assert!(covered as f64 >= 0.91 * runs as f64, "{covered} of {runs}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_labels_shift_and_scale_do_not_matter(seed in 0u64..1_000, normalized: bool) {
        let made = made(24, seed, 1.0, 1.0);
        let options = DynamicEffectsOptions { normalized, ..three() };
        let x: Vec<f64> = (0..made.unit.len() as u64).map(|row| Stream::new(seed, 1).normal(row)).collect();
        let cells = made.cells().with_covariate("x", &x).unwrap();
        let plain = dechaisemartin_dhaultfoeuille(&cells, &options).unwrap();
        let n = made.unit.len();
        let shuffled: Vec<usize> = (0..n).map(|row| row * 5 % n).collect();
        let take = |values: &[f64]| shuffled.iter().map(|&row| values[row]).collect::<Vec<f64>>();
        let names: Vec<String> = shuffled.iter().map(|&row| format!("u{}", 97 - made.unit[row])).collect();
        let y: Vec<f64> = take(&made.outcome).iter().map(|y| 3.0 * y + 50.0).collect();
        let other = Cells::new(&names, &take(&made.period), &y).unwrap().with_treatment(&take(&made.treatment)).unwrap();
        let other = other.with_covariate("x", &take(&x)).unwrap();
        let moved = dechaisemartin_dhaultfoeuille(&other, &options).unwrap();
        for (a, b) in plain.estimates.terms.iter().zip(&moved.estimates.terms) {
            prop_assert!((3.0 * a.estimate.estimate - b.estimate.estimate).abs() < 1e-9 * (1.0 + b.estimate.estimate.abs()));
            let (se, other) = (a.estimate.std_error.unwrap(), b.estimate.std_error.unwrap());
            prop_assert!((3.0 * se - other).abs() < 1e-9 * (1.0 + other));
        }
        let (a, b) = (did_m(&cells).unwrap(), did_m(&other).unwrap());
        for (a, b) in a.terms.iter().zip(&b.terms) {
            prop_assert!((3.0 * a.estimate.estimate - b.estimate.estimate).abs() < 1e-9);
        }
    }
}

/// The table of `frozen_numbers`: cohorts up in period 3, up by two in period 4 and back by one in period 6, never,
/// and units that start at 1, of which some go down to 0 in period 4.
fn table(keep: impl Fn(u32, u32) -> bool) -> (Cells, Vec<f64>) {
    let (mut unit, mut period, mut outcome, mut dose) = (vec![], vec![], vec![], vec![]);
    let (mut x, mut weight, mut cluster) = (vec![], vec![], vec![]);
    for i in 0..24u32 {
        for t in (1..=6u32).filter(|&t| keep(i, t)) {
            let d = match (i % 4, t) {
                (0, 3..) | (1, 6) => 1.0,
                (1, 4 | 5) => 2.0,
                (3, _) if i % 8 == 7 || t < 4 => 1.0,
                _ => 0.0,
            };
            let control = f64::from((i * 13 + t * 29) % 17) / 5.0;
            unit.push(i);
            period.push(f64::from(t));
            dose.push(d);
            x.push(control);
            weight.push(1.0 + f64::from(i % 3) / 2.0);
            cluster.push(i / 2);
            outcome.push(f64::from((i * 37 + t * t * 11 + i * t * 5) % 23) / 7.0 + 0.5 * d + 0.25 * control);
        }
    }
    let cells = Cells::new(&unit, &period, &outcome).unwrap().with_treatment(&dose).unwrap();
    let clustered = cells.with_cluster(&crate::Factor::new(&cluster)).unwrap();
    (clustered.with_covariate("x", &x).unwrap(), weight)
}

fn agrees(cells: &Cells, options: &DynamicEffectsOptions, expected: &[(&str, f64, f64)]) {
    let found = dechaisemartin_dhaultfoeuille(cells, options).unwrap();
    assert_eq!(found.estimates.terms.len(), expected.len());
    for &(name, estimate, std_error) in expected {
        let term = found.estimates.get(name).unwrap().estimate;
        // The same sums in another order.
        near(term.estimate, estimate, 1e-12);
        near(term.std_error.unwrap(), std_error, 1e-12);
    }
}

/// The columns that a case needs, without those it does not.
fn plain(cells: &Cells) -> Cells {
    let unit: Vec<u32> = cells.unit().codes().to_vec();
    let period: Vec<f64> = (0..cells.n_obs()).map(|row| cells.time(row)).collect();
    Cells::new(&unit, &period, cells.outcome()).unwrap().with_treatment(cells.treatment().unwrap()).unwrap()
}

// py-did-multiplegt-dyn 0.1.9 (did_multiplegt_main with effects, placebo and the options named).
#[test]
fn frozen_numbers_of_the_authors_package() {
    let (cells, weight) = table(|_, _| true);
    let expected = [
        ("effect_1", 0.47595238095238096, 0.3939723852346065),
        ("effect_2", 0.8423809523809523, 0.3860957549271801),
        ("effect_3", 0.5757142857142856, 0.39903608347913516),
        ("average_total_effect", 0.49843358395989973, 0.20416179325986195),
        ("placebo_1", 0.11833333333333325, 0.5433865659700681),
        ("placebo_2", 0.5206349206349206, 0.6926391955250776),
    ];
    agrees(&plain(&cells), &three(), &expected);

    let clusters = crate::Factor::new(&cells.unit().codes().iter().map(|i| i / 2).collect::<Vec<_>>());
    let weighted = plain(&cells).with_weights(&weight).unwrap().with_cluster(&clusters).unwrap();
    let normalized = DynamicEffectsOptions { normalized: true, placebos: 1, ..three() };
    let expected = [
        ("effect_1", 0.25958049886621315, 0.27103290458289586),
        ("effect_2", 0.31218820861678004, 0.13297725783936268),
        ("effect_3", 0.19749373433583955, 0.09225013258443368),
        ("average_total_effect", 0.5231620718462823, 0.17299738744591162),
        ("placebo_1", 0.07811791383219951, 0.3371886707169761),
    ];
    agrees(&weighted, &normalized, &expected);

    let (holes, _) = table(|i, t| (i * 7 + t * 3) % 19 != 0);
    let expected = [
        ("effect_1", 0.44196042053184903, 0.4316611327427441),
        ("effect_2", 1.0370879120879122, 0.40178277917590466),
        ("effect_3", 0.7240842490842491, 0.3963506078241418),
        ("average_total_effect", 0.5816536796536796, 0.23358414241300804),
        ("placebo_1", 0.0055612244897958645, 0.5501629267335107),
    ];
    agrees(&plain(&holes), &DynamicEffectsOptions { placebos: 1, ..three() }, &expected);
}

#[test]
fn frozen_numbers_of_the_authors_package_with_a_control() {
    let (cells, _) = table(|i, _| i % 4 != 3);
    let x = cells.covariates()[0].1.clone();
    let cells = plain(&cells).with_covariate("x", &x).unwrap();
    let options = DynamicEffectsOptions { effects: 2, placebos: 1, ..DynamicEffectsOptions::default() };
    let expected = [
        ("effect_1", 0.5564516129032258, 0.37331206716729204),
        ("effect_2", 0.5829493087557602, 0.4171553130248555),
        ("average_total_effect", 0.379800307219662, 0.21362044472783634),
        ("placebo_1", 0.008448540706605156, 0.6739696375385289),
    ];
    agrees(&cells, &options, &expected);
    let constant = cells.with_covariate("y", &[4.0; 108]).unwrap();
    let found = dechaisemartin_dhaultfoeuille(&constant, &options).unwrap();
    assert!(matches!(found.estimates.caveats[..], [Caveat::Collinear { .. }]));
}
