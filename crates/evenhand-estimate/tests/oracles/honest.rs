//! HonestDiD on the event studies of Benzarti and Carloni (2019) and Lovenheim and Willén (2019), and on the Medicaid
//! expansions of the R package's introduction.

use crate::reference;
use evenhand_estimate::*;

const PATH: &str = "oracles/honestdid_bc/reference.json";

/// `betahat.csv` and `sigma.csv` of a set.
fn event(set: &str, n_pre: usize) -> Option<EventCoefficients> {
    let read = |file: &str| {
        let path = evenhand_testkit::oracle(&format!("oracles/{set}/{file}"))?;
        let text = std::fs::read_to_string(path).unwrap();
        let row = |line: &str| line.split(',').filter_map(|x| x.parse::<f64>().ok()).collect::<Vec<f64>>();
        Some(text.lines().map(row).filter(|row| !row.is_empty()).collect::<Vec<_>>())
    };
    let beta: Vec<f64> = read("betahat.csv")?.iter().map(|row| row[1]).collect();
    let rows = read("sigma.csv")?;
    let sigma = Matrix::from_fn(beta.len(), beta.len(), |i, j| rows[i][j]);
    Some(EventCoefficients::new(&beta, &sigma, n_pre).unwrap())
}

fn benzarti_carloni() -> Option<EventCoefficients> {
    event("honestdid_bc", 4)
}

#[track_caller]
fn check(found: &Honest, expected: &[(f64, f64)], tolerance: f64) {
    assert_eq!(found.robust.len(), expected.len());
    for (row, &(low, high)) in found.robust.iter().zip(expected) {
        let interval = row.interval.unwrap();
        let apart = (interval.low - low).abs().max((interval.high - high).abs());
        assert!(
            apart <= tolerance,
            "{} at {}: {interval:?}, expected {low} to {high}",
            found.restriction,
            row.m
        );
    }
}

fn pairs(reference: &serde_json::Value) -> Vec<(f64, f64)> {
    let list = |name: &str| reference[name].as_array().unwrap().clone();
    list("lb")
        .iter()
        .zip(list("ub"))
        .map(|(low, high)| (low.as_f64().unwrap(), high.as_f64().unwrap()))
        .collect()
}

fn smooth(m: &[f64]) -> HonestOptions {
    HonestOptions { bound: Bound::Smoothness, m: Some(m.to_vec()), ..HonestOptions::default() }
}

#[test]
fn the_original_interval_equals_the_peers() {
    let (Some(event), Some(peer)) = (benzarti_carloni(), reference(PATH, "original_cs", "honestdid")) else {
        return;
    };
    let original = honest(&event, &smooth(&[0.0])).unwrap().original;
    crate::near(original.low, peer["lb"].as_f64().unwrap(), 1e-12);
    crate::near(original.high, peer["ub"].as_f64().unwrap(), 1e-12);
}

// moderndid has an exact folded normal quantile and a search for the best estimator that ends near it: 1e-6.
// honestdid simulates the quantile with a million draws of numpy and R with its own: 1e-4 here.
#[test]
fn fixed_length_intervals_equal_the_peers_to_their_precision() {
    let Some(event) = benzarti_carloni() else { return };
    let found = honest(&event, &smooth(&[0.0, 0.1, 0.2, 0.3])).unwrap();
    let moderndid = pairs(&reference(PATH, "DeltaSD FLCI M", "moderndid").unwrap());
    check(&found, &moderndid, 1e-6);
    check(&found, &pairs(&reference(PATH, "DeltaSD FLCI M=0,.1,.2,.3", "honestdid").unwrap()), 1e-4);
    let r = [
        (0.131_411_316, 0.216_169_648_2),
        (0.119_444_000_1, 0.418_508_214_3),
        (0.019_444_000_15, 0.518_508_214_3),
    ];
    check(&honest(&event, &smooth(&[0.0, 0.1, 0.2])).unwrap(), &r, 1e-4);
}

/// What R HonestDiD gives for the same call, on its grid: the same grid points, so 1e-9 for ten printed digits.
#[test]
fn conditional_sets_equal_r_on_every_restriction() {
    use {Bound::*, HonestMethod::*};
    let Some(event) = benzarti_carloni() else { return };
    let r = |bound, shape, m: &[f64], grid_points, method, expected: &[(f64, f64)]| {
        let options = HonestOptions {
            bound,
            shape,
            m: Some(m.to_vec()),
            grid_points,
            method: Some(method),
            ..HonestOptions::default()
        };
        check(&honest(&event, &options).unwrap(), expected, 1e-9);
    };
    r(
        Smoothness,
        Shape::Any,
        &[0.0, 0.1, 0.2],
        1000,
        Conditional,
        &[
            (0.210_050_178_9, 0.327_799_827_1),
            (0.119_504_481_1, 0.418_025_714_9),
            (0.020_301_322_13, 0.517_973_733_1),
        ],
    );
    r(Smoothness, Shape::Any, &[0.1], 200, Conditional, &[(0.122_876_103_5, 0.416_815_017_8)]);
    r(RelativeMagnitudes, Shape::Any, &[1.0], 200, Conditional, &[(0.070_552_443_62, 0.318_439_407_7)]);
    r(Smoothness, Shape::PositiveBias, &[0.1], 100, Conditional, &[(0.119_180_320_7, 0.223_291_287_4)]);
    r(Smoothness, Shape::Increasing, &[0.1], 100, Conditional, &[(0.119_180_320_7, 0.223_291_287_4)]);
    r(RelativeMagnitudes, Shape::PositiveBias, &[1.0], 100, Conditional, &[(0.072_825_222_31, 0.333_462_86)]);
    r(RelativeMagnitudes, Shape::Increasing, &[1.0], 100, Conditional, &[(0.072_825_222_31, 0.333_462_86)]);
    r(RelativeSmoothness, Shape::Any, &[1.0], 100, Conditional, &[(0.072_825_222_31, 0.379_457_737_3)]);
    r(
        RelativeSmoothness,
        Shape::NegativeBias,
        &[1.0],
        100,
        Conditional,
        &[(0.065_159_409_43, 0.379_457_737_3)],
    );
    r(
        RelativeSmoothness,
        Shape::Decreasing,
        &[1.0],
        100,
        Conditional,
        &[(0.065_159_409_43, 0.379_457_737_3)],
    );
    r(Smoothness, Shape::Any, &[0.1], 200, ConditionalLeastFavorable, &[(0.122_876_103_5, 0.416_815_017_8)]);
    r(
        RelativeMagnitudes,
        Shape::Any,
        &[1.0],
        200,
        ConditionalLeastFavorable,
        &[(0.070_552_443_62, 0.318_439_407_7)],
    );
    let average = HonestOptions {
        target: Some(vec![0.25; 4]),
        method: Some(Conditional),
        grid_points: 100,
        ..smooth(&[0.1])
    };
    check(&honest(&event, &average).unwrap(), &[(-0.180_960_776_9, 0.853_100_805_5)], 1e-9);
    let limits = smoothness_before(&event, 0.05).unwrap();
    assert!(limits.lower.is_infinite());
    crate::near(limits.upper, 0.202_169_869_297_069, 1e-12);
}

// R simulates the quantile of its fixed-length intervals and searches for the estimator until steps are of 1e-6.
#[test]
fn fixed_length_intervals_with_simulated_quantiles_equal_r() {
    let Some(event) = benzarti_carloni() else { return };
    let options = HonestOptions { simulated_quantile: true, ..smooth(&[0.0, 0.1, 0.2]) };
    let r = [
        (0.131_411_316, 0.216_169_648_2),
        (0.119_444_000_1, 0.418_508_214_3),
        (0.019_444_000_15, 0.518_508_214_3),
    ];
    check(&honest(&event, &options).unwrap(), &r, 2e-6);
    let hybrid = HonestOptions {
        method: Some(HonestMethod::ConditionalFlci),
        grid_points: 200,
        m: Some(vec![0.1]),
        ..options
    };
    check(&honest(&event, &hybrid).unwrap(), &[(0.119_713_826_6, 0.418_238_387_9)], 2e-6);
}

// honestdid 0.1.1, which follows R line by line: the conditional test on the same grid, 1e-9; with one coefficient
// after treatment too, where R's test is another function.
#[test]
fn conditional_sets_equal_the_peer_where_r_is_not_at_hand() {
    use Bound::*;
    let Some(event) = benzarti_carloni() else { return };
    let one = EventCoefficients::new(
        &event.beta()[..5],
        &event.sigma().select_rows(&[0, 1, 2, 3, 4]).select_cols(&[0, 1, 2, 3, 4]),
        4,
    )
    .unwrap();
    let peer = |event: &EventCoefficients, bound, shape, m: f64, grid_points, expected: (f64, f64)| {
        let options = HonestOptions {
            bound,
            shape,
            m: Some(vec![m]),
            grid_points,
            method: Some(HonestMethod::Conditional),
            ..HonestOptions::default()
        };
        check(&honest(event, &options).unwrap(), &[expected], 1e-9);
    };
    // R mirrors the default grid of this one, and the peer does not.
    let wide = 20.0 * honest(&event, &smooth(&[0.1])).unwrap().std_error;
    let negative = HonestOptions {
        shape: Shape::NegativeBias,
        grid: Some(Interval { low: -wide, high: 0.1 + wide }),
        grid_points: 100,
        method: Some(HonestMethod::Conditional),
        ..smooth(&[0.1])
    };
    check(&honest(&event, &negative).unwrap(), &[(0.167_124_837_441_676_33, 0.410_050_426_209_597_8)], 1e-9);
    peer(
        &event,
        RelativeMagnitudes,
        Shape::NegativeBias,
        0.5,
        100,
        (0.080_491_035_181_909_92, 0.272_136_357_043_600_2),
    );
    peer(
        &event,
        RelativeMagnitudes,
        Shape::Decreasing,
        0.5,
        100,
        (0.080_491_035_181_909_92, 0.272_136_357_043_600_2),
    );
    peer(
        &event,
        RelativeSmoothness,
        Shape::Any,
        0.5,
        100,
        (0.157_149_163_926_586_12, 0.379_457_737_286_146_9),
    );
    peer(&one, Smoothness, Shape::Any, 0.05, 200, (0.105_745_875_010_156_75, 0.429_457_737_286_146_9));
    peer(
        &one,
        RelativeMagnitudes,
        Shape::Any,
        0.5,
        200,
        (0.120_129_836_427_272_65, 0.268_862_014_861_038_83),
    );
    peer(
        &one,
        RelativeMagnitudes,
        Shape::PositiveBias,
        0.5,
        200,
        (0.120_129_836_427_272_65, 0.314_625_762_071_428_4),
    );
    peer(
        &one,
        RelativeMagnitudes,
        Shape::Increasing,
        0.5,
        200,
        (0.120_129_836_427_272_65, 0.314_625_762_071_428_4),
    );
    peer(&one, RelativeSmoothness, Shape::Any, 0.5, 200, (0.150_639_001_234_199, 0.379_457_737_286_146_9));
    // C-F by R's formulas with an exact folded normal quantile: the data contradict so small a change of slope before
    // treatment, and little is left.
    let hybrid =
        HonestOptions { method: Some(HonestMethod::ConditionalFlci), grid_points: 200, ..smooth(&[0.05]) };
    check(&honest(&one, &hybrid).unwrap(), &[(0.377_373_107_288_574_37, 0.395_332_373_568_857_4)], 1e-9);
}

// The peers draw their critical values from numpy: two steps of the grid of 1,000, 7.6e-4 each. The upper end at
// Mbar = 2 lies outside the grid of honestdid and R, 20 standard errors; moderndid's grid is wider.
#[test]
fn relative_magnitudes_equal_the_peers_to_their_simulation() {
    let Some(event) = benzarti_carloni() else { return };
    let options = HonestOptions { m: Some(vec![0.5, 1.0, 1.5, 2.0]), ..HonestOptions::default() };
    let on_grid = honest(&event, &options).unwrap();
    let peer = reference(PATH, "DeltaRM C-LF Mbar .5,1,1.5,2 grid1000", "honestdid").unwrap();
    check(&on_grid, &pairs(&peer), 1.6e-3);
    assert!(on_grid.robust[3].open_above && !on_grid.robust[2].open_above);
    let exact = honest(&event, &HonestOptions { ends: Ends::Exact, ..options }).unwrap();
    check(&exact, &pairs(&reference(PATH, "DeltaRM C-LF Mbar grid1000", "moderndid").unwrap()), 1.6e-3);
    let at = breakdown(&event, &HonestOptions::default(), 0.0, 10.0).unwrap();
    assert!(at.reached && (1.5..2.0).contains(&at.m));
}

/// The Medicaid expansions: `cohort(year, g)` says in which cohort a row is, if it is kept.
fn medicaid(cohort: impl Fn(f64, f64) -> Option<f64>) -> Option<Cells> {
    let text = std::fs::read_to_string(evenhand_testkit::oracle("oracles/medicaid/data.csv")?).unwrap();
    let number = |row: &[&str], at: usize| row[at].parse::<f64>().unwrap();
    let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<&str>>());
    let rows: Vec<Vec<&str>> = rows.filter(|row| cohort(number(row, 1), number(row, 5)).is_some()).collect();
    let column = |at: usize| -> Vec<f64> { rows.iter().map(|row| number(row, at)).collect() };
    let states: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    let cohorts: Vec<f64> =
        column(1).iter().zip(column(5)).filter_map(|(&year, g)| cohort(year, g)).collect();
    Some(Cells::new(&states, &column(1), &column(2)).unwrap().with_cohort(&cohorts).unwrap())
}

// The package's introduction prints three digits: half a unit of the last, and half a step of the grid.
#[test]
fn medicaid_expansions_come_out_as_in_the_introduction_of_the_r_package() {
    // Not staggered: the cohort of 2014, and those that are not treated by 2015.
    let until_2015 = |year: f64, g: f64| {
        let cohort = if (g - 2014.0).abs() < 0.5 { g } else { 0.0 };
        (year < 2016.0 && (g - 2015.0).abs() > 0.5).then_some(cohort)
    };
    let Some(cells) = medicaid(until_2015) else { return };
    let found = event_study(&cells, &EventStudyOptions::default()).unwrap();
    let event = EventCoefficients::from_estimates(&found, -1).unwrap();
    assert_eq!((event.n_pre(), event.n_post()), (5, 2));
    let relative = HonestOptions { m: Some(vec![0.5, 1.0, 1.5, 2.0]), ..HonestOptions::default() };
    let expected = [(0.0240, 0.0672), (0.0170, 0.0720), (0.008_24, 0.0797), (-0.000_916, 0.0881)];
    check(&honest(&event, &relative).unwrap(), &expected, 6e-4);
    let m: Vec<f64> = (0..6).map(|i| 0.01 * f64::from(i)).collect();
    let expected = [
        (0.0259, 0.0607),
        (0.0132, 0.0787),
        (0.002_86, 0.0907),
        (-0.007_14, 0.101),
        (-0.0171, 0.111),
        (-0.0271, 0.121),
    ];
    check(&honest(&event, &smooth(&m)).unwrap(), &expected, 6e-4);
}

// Twenty-three coefficients after treatment: the linear programs are larger, and the published reading of the paper's
// section 6.2 holds: the effect on employment fifteen years on is not robust to small changes of slope.
#[test]
fn many_coefficients_are_no_obstacle() {
    let Some(event) = event("honestdid_lw", 9) else { return };
    let target: Vec<f64> = (0..23).map(|j| if j == 15 { 1.0 } else { 0.0 }).collect();
    let options = HonestOptions { target: Some(target), ..smooth(&[0.0, 0.04]) };
    let found = honest(&event, &options).unwrap();
    let length = |at: usize| found.robust[at].interval.map(|i| i.high - i.low).unwrap();
    assert!(length(1) > length(0) && found.robust[1].interval.unwrap().contains(0.0));
    let conditional = HonestOptions {
        method: Some(HonestMethod::Conditional),
        grid_points: 50,
        ends: Ends::Exact,
        ..options
    };
    let sets = honest(&event, &conditional).unwrap();
    assert!(sets.robust.iter().all(|row| row.interval.is_some_and(|i| i.is_bounded())));
}

// The joint test by numpy; slopes for the joint rule by scipy's noncentral chi-squared, for the box by scipy's
// multivariate normal at 1e-7 and Brent's method: 1e-5 relative is what that leaves.
#[test]
fn pretrend_power_agrees_with_another_library() {
    let Some(event) = benzarti_carloni() else { return };
    let joint = joint_pretrend_test(&event, Some(30.0)).unwrap();
    crate::near(joint.chi_squared, 29.066_011_945_863_593, 1e-10);
    crate::near(joint.p_value, 7.579_685_913_408_104e-6, 1e-9);
    crate::near(joint.f_p_value.unwrap(), 0.000_323_646_514_767_14, 1e-9);
    let each = PretrendOptions::default();
    let wald = PretrendOptions { rule: PretrendRule::Joint { alpha: 0.05 }, ..PretrendOptions::default() };
    crate::near(slope_for_power(&event, 0.5, &each).unwrap(), 0.011_611_144_4, 1e-5);
    crate::near(slope_for_power(&event, 0.8, &each).unwrap(), 0.017_977_437_1, 1e-5);
    crate::near(slope_for_power(&event, 0.5, &wald).unwrap(), 0.017_279_657_261_390_89, 1e-8);
    crate::near(slope_for_power(&event, 0.8, &wald).unwrap(), 0.023_561_440_648_672_924, 1e-8);
    let flat = pretrend_power(&event, &[0.0; 8], &each).unwrap();
    crate::near(flat.size, 0.148_696_031, 1e-5);
}

// Staggered adoption, as in the same introduction: event times from Callaway and Sant'Anna with one base period for
// all, the covariance from influence functions. The reference period leaves coefficients and covariance.
#[test]
fn event_times_of_callaway_and_santanna_can_be_examined() {
    let Some(cells) = medicaid(|_, g| Some(g)) else { return };
    let options = CallawaySantannaOptions {
        control: ControlGroup::NotYet,
        base: BasePeriod::Universal,
        aggregations: vec![Aggregation::Dynamic],
        min_event: Some(-5),
        max_event: Some(5),
        ..CallawaySantannaOptions::default()
    };
    let found = callaway_santanna(&cells, &options).unwrap();
    let event = EventCoefficients::from_estimates(&found.estimates, -1).unwrap();
    assert_eq!((event.n_pre(), event.n_post()), (4, 6));
    for (row, e) in (-5..=5).filter(|e| *e != -1).enumerate() {
        let term = found.estimates.at_event_time(e).unwrap().estimate;
        assert!((event.beta()[row] - term.estimate).abs() < 1e-15);
        crate::near(event.sigma()[(row, row)].sqrt(), term.std_error.unwrap(), 1e-9);
    }
    let options = HonestOptions {
        m: Some(vec![0.0, 0.5, 1.0]),
        grid_points: 100,
        ends: Ends::Exact,
        ..HonestOptions::default()
    };
    let sets = honest(&event, &options).unwrap();
    assert!(
        sets.robust.iter().all(|row| row.interval.is_some_and(|interval| interval.contains(sets.estimate)))
    );
    assert!(
        sets.robust[1].interval.unwrap().low > 0.0
            && pretrend(&event, &PretrendOptions::default()).unwrap().passed
    );
}
