//! The wild cluster bootstrap against `wildboottest` 0.3.2 (Python), which `pyfixest` calls, on subsets with few
//! enough clusters that all sign vectors are enumerated: there the answer is a number, not a draw.
//!
//! The numbers were made by `WildboottestCL(X, y, cluster, R, B=9999)` with all dummies in `X`, seed irrelevant;
//! for CR3 its `get_denom` was given numpy 2's scalar assignment. A p-value here is its share of draws beyond t;
//! where a sign vector and its mirror tie with t exactly (null imposed, ordinary scores) rounding decides in the
//! package whether they count, and the share was taken with ties left out.

use evenhand_estimate::*;
use std::collections::BTreeSet;

/// Columns of `oracles/<set>/data.csv` as text.
fn columns<const K: usize>(set: &str, names: [&str; K]) -> Option<Vec<[String; K]>> {
    let text =
        std::fs::read_to_string(evenhand_testkit::oracle(&format!("oracles/{set}/data.csv"))?).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = names.map(|name| header.iter().position(|column| *column == name).unwrap());
    Some(
        lines
            .map(|line| line.split(',').collect::<Vec<_>>())
            .map(|row| at.map(|j| row[j].to_owned()))
            .collect(),
    )
}

type Case = (ClusterVariance, WildScores, bool, [f64; 5]);

/// Shares of draws beyond |t| and above t, t, standard error, and the sum of squared draws without the 50 largest.
// 1e-8: the package inverts normal equations with all dummies.
fn check(regression: &ClusteredRegression, n_draws: usize, cases: &[Case]) {
    let k = regression.coefficients().len();
    for &(variance, scores, null_imposed, [share, above, t, std_error, squares]) in cases {
        let case = format!("{variance:?} {scores:?} {null_imposed}");
        let options = WildClusterBootstrapOptions {
            weights: Some(WildWeights::Rademacher),
            counting: Counting::Share,
            variance,
            scores,
            null_imposed,
            intervals: false,
            ..Default::default()
        };
        let test = |tail| {
            let options = WildClusterBootstrapOptions { tail, ..options.clone() };
            wild_cluster_bootstrap(regression, &Restrictions::coefficient(0, k, 0.0), &options).unwrap()
        };
        let found = test(Tail::Symmetric);
        assert!(found.enumerated && found.draws.len() == n_draws);
        let near = |what: &str, found: f64, expected: f64| {
            assert!(
                (found - expected).abs() <= 1e-8 * expected.abs(),
                "{case}: {what} {found}, expected {expected}"
            );
        };
        near("p", found.p_value, share);
        near("t", found.statistic, t);
        let mut sizes: Vec<f64> = found.draws.iter().map(|t| t * t).collect();
        sizes.sort_by(f64::total_cmp);
        near("squares", sizes[..n_draws - 50].iter().sum(), squares);
        // The sandwich's factor counts parameters as fixest does, not all dummies as the package does.
        if variance == ClusterVariance::Cr3 {
            near("standard error", found.estimate.unwrap().std_error.unwrap(), std_error);
        }
        if scores == WildScores::Jackknife || !null_imposed {
            near("one-sided p", test(Tail::Above).p_value, above);
        }
    }
}

#[test]
fn eleven_states_of_mpdta_give_the_packages_p_values() {
    let Some(rows) = columns("mpdta", ["countyreal", "year", "lemp", "first_treat"]) else { return };
    let states = ["8", "12", "16", "22", "24", "30", "32", "35", "38", "46", "49"];
    let rows: Vec<_> = rows.into_iter().filter(|row| states.contains(&&row[0][..row[0].len() - 3])).collect();
    let number = |j: usize| rows.iter().map(|row| row[j].parse().unwrap()).collect::<Vec<f64>>();
    let county: Vec<&String> = rows.iter().map(|row| &row[0]).collect();
    let state: Vec<&str> = rows.iter().map(|row| &row[0][..row[0].len() - 3]).collect();
    let cells = Cells::new(&county, &number(1), &number(2)).unwrap();
    let cells = cells.with_cohort(&number(3)).unwrap().with_cluster(&Factor::new(&state)).unwrap();
    // Small-sample factor of the package: n = 505, 11 clusters, 106 parameters with all dummies.
    let regression =
        ClusteredRegression::twfe(&cells).unwrap().with_small_sample(11.0 / 10.0 * 504.0 / 399.0);
    check(&regression, 2048, &MPDTA);
}

#[test]
fn twelve_states_of_castle_give_the_packages_p_values() {
    let names = ["state", "year", "l_homicide", "post", "l_income", "unemployrt"];
    let Some(rows) = columns("castle", names) else { return };
    let states: Vec<String> =
        rows.iter().map(|row| row[0].clone()).collect::<BTreeSet<_>>().into_iter().take(12).collect();
    let rows: Vec<_> = rows.into_iter().filter(|row| states.contains(&row[0])).collect();
    let number = |j: usize| rows.iter().map(|row| row[j].parse().unwrap()).collect::<Vec<f64>>();
    let text = |j: usize| Factor::new(&rows.iter().map(|row| &row[j]).collect::<Vec<_>>());
    let columns = [3, 4, 5].map(|j| (names[j].to_owned(), number(j)));
    let effects = [text(0), text(1)];
    let regression = ClusteredRegression::new(&columns, &number(2), &effects, &effects[0], None).unwrap();
    // n = 132, 12 clusters, 25 parameters.
    let regression = regression.with_small_sample(12.0 / 11.0 * 131.0 / 107.0);
    check(&regression, 4096, &CASTLE);
}

#[rustfmt::skip]
const MPDTA: [Case; 8] = [
    (ClusterVariance::Cr1, WildScores::Ordinary, true, [0.1728515625, 0.0869140625, 1.5850000238115938, 0.04138439259888531, 2405.0261588464427]),
    (ClusterVariance::Cr1, WildScores::Ordinary, false, [0.123046875, 0.0615234375, 1.5850000238115938, 0.04138439259888531, 1768.9053263167225]),
    (ClusterVariance::Cr1, WildScores::Jackknife, true, [0.177734375, 0.0888671875, 1.5850000238115938, 0.04138439259888531, 2437.9693309826557]),
    (ClusterVariance::Cr1, WildScores::Jackknife, false, [0.142578125, 0.0712890625, 1.5850000238115938, 0.04138439259888531, 2029.5438438795197]),
    (ClusterVariance::Cr3, WildScores::Ordinary, true, [0.1591796875, 0.080078125, 1.474207085724992, 0.04449460587309775, 1915.7007360875423]),
    (ClusterVariance::Cr3, WildScores::Ordinary, false, [0.126953125, 0.0634765625, 1.474207085724992, 0.04449460587309775, 1633.419870200721]),
    (ClusterVariance::Cr3, WildScores::Jackknife, true, [0.16015625, 0.080078125, 1.474207085724992, 0.04449460587309775, 1911.0680274608712]),
    (ClusterVariance::Cr3, WildScores::Jackknife, false, [0.1474609375, 0.07373046875, 1.474207085724992, 0.04449460587309775, 1825.4157459295507]),
];

#[rustfmt::skip]
const CASTLE: [Case; 8] = [
    (ClusterVariance::Cr1, WildScores::Ordinary, true, [0.60205078125, 0.698974609375, -0.6658741207697709, 0.10383871629792907, 4762.167855715364]),
    (ClusterVariance::Cr1, WildScores::Ordinary, false, [0.56884765625, 0.715576171875, -0.6658741207697709, 0.10383871629792907, 5039.797367977657]),
    (ClusterVariance::Cr1, WildScores::Jackknife, true, [0.61376953125, 0.693115234375, -0.6658741207697709, 0.10383871629792907, 4773.865544429447]),
    (ClusterVariance::Cr1, WildScores::Jackknife, false, [0.58935546875, 0.705322265625, -0.6658741207697709, 0.10383871629792907, 5054.325838413794]),
    (ClusterVariance::Cr3, WildScores::Ordinary, true, [0.609375, 0.6953125, -0.6110292390863433, 0.11315909205938124, 4072.9138574521567]),
    (ClusterVariance::Cr3, WildScores::Ordinary, false, [0.57470703125, 0.712646484375, -0.6110292390863433, 0.11315909205938124, 4414.916714661655]),
    (ClusterVariance::Cr3, WildScores::Jackknife, true, [0.6142578125, 0.69287109375, -0.6110292390863433, 0.11315909205938124, 4011.5096585016445]),
    (ClusterVariance::Cr3, WildScores::Jackknife, false, [0.59228515625, 0.703857421875, -0.6110292390863433, 0.11315909205938124, 4324.943662150429]),
];
