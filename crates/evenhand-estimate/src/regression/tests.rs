//! The regression core against regressions on the indicator columns themselves.

use super::*;
use crate::{Caveat, ErrorKind, Factor};
use evenhand_linalg::{Matrix, Qr, SymmetricEigen, dot};
use proptest::prelude::*;

/// An unbalanced panel with weights, a covariate and a group label that is not nested in anything.
struct Sample {
    unit: Factor,
    period: Factor,
    region: Factor,
    group: Factor,
    weights: Vec<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
}

fn sample(seed: u64) -> Sample {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let cells: Vec<(usize, usize)> = (0..10).flat_map(|i| (0..6).map(move |t| (i, t))).collect();
    let cells: Vec<(usize, usize)> =
        cells.into_iter().filter(|&(i, t)| t == i % 6 || t == (i + 1) % 6 || next() > 0.25).collect();
    let column = |of: &dyn Fn(usize, usize) -> usize| {
        Factor::new(&cells.iter().map(|&(i, t)| of(i, t)).collect::<Vec<_>>())
    };
    let x: Vec<f64> = cells.iter().map(|&(i, t)| next() + 0.1 * (i * t) as f64).collect();
    Sample {
        unit: column(&|i, _| i),
        period: column(&|_, t| t),
        region: column(&|i, _| i / 2),
        group: Factor::new(&cells.iter().map(|_| (next() * 4.0) as usize).collect::<Vec<_>>()),
        weights: cells.iter().map(|_| 0.5 + next()).collect(),
        y: x.iter().zip(&cells).map(|(x, &(i, t))| 2.0 * x + i as f64 - t as f64 + next()).collect(),
        x,
    }
}

impl Sample {
    fn columns(&self) -> Columns {
        let labels: Vec<String> = (0..self.group.n_levels()).map(|g| g.to_string()).collect();
        let x = Columns::new(self.y.len()).dense("x", self.x.clone()).unwrap();
        x.indicators(&self.group, &labels, "group=", &[0]).unwrap()
    }

    /// The same columns, all dense.
    fn dense_columns(&self) -> Columns {
        let mut x = Columns::new(self.y.len()).dense("x", self.x.clone()).unwrap();
        for g in 1..self.group.n_levels() {
            let at = self.group.codes().iter().map(|&own| f64::from(u8::from(own as usize == g))).collect();
            x = x.dense(format!("group={g}"), at).unwrap();
        }
        x
    }

    /// Columns and indicators of units and periods, all dense, times the root of the weights.
    fn whole(&self, weights: &[f64]) -> Matrix {
        let mut columns: Vec<Vec<f64>> = self.dense_columns().dense.into_iter().map(|(_, x)| x).collect();
        for factor in [&self.unit, &self.period] {
            for level in 0..factor.n_levels() {
                columns
                    .push(factor.codes().iter().map(|&c| f64::from(u8::from(c as usize == level))).collect());
            }
        }
        for column in &mut columns {
            column.iter_mut().zip(weights).for_each(|(x, w)| *x *= w.sqrt());
        }
        let all = Matrix::from_columns(self.y.len(), &columns);
        let kept = Qr::new(all.clone(), 1e-9).kept().to_vec();
        all.select_cols(&kept)
    }
}

fn options(weights: Option<&[f64]>, vcov: Vcov) -> OlsOptions {
    OlsOptions { weights: weights.map(<[f64]>::to_vec), vcov, ..OlsOptions::default() }
}

#[track_caller]
fn same(found: &Matrix, expected: &Matrix, tolerance: f64) {
    let scale = expected.data().iter().fold(0.0f64, |most, x| most.max(x.abs()));
    assert_eq!((found.n_rows(), found.n_cols()), (expected.n_rows(), expected.n_cols()));
    for (found, expected) in found.data().iter().zip(expected.data()) {
        assert!((found - expected).abs() <= tolerance * scale, "{found}, expected {expected}");
    }
}

/// Bread, hat matrix and residuals (times root weights) of the regression on all columns.
fn explicit(sample: &Sample, weights: &[f64]) -> (Matrix, Matrix, Vec<f64>) {
    let z = sample.whole(weights);
    let qr = Qr::new(z.clone(), 1e-9);
    let y: Vec<f64> = sample.y.iter().zip(weights).map(|(y, w)| y * w.sqrt()).collect();
    let fitted = z.mul_vec(&qr.solve(&y));
    let residuals = y.iter().zip(fitted).map(|(y, f)| y - f).collect();
    let q = qr.q();
    (qr.gram_inverse().mul(&z.transpose()), q.mul(&q.transpose()), residuals)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn every_covariance_is_that_of_the_regression_on_all_indicators(seed in 0u64..500, weighted: bool) {
        let sample = sample(seed);
        let (n, ones) = (sample.y.len(), vec![1.0; sample.y.len()]);
        let weights = weighted.then_some(&sample.weights[..]);
        let root = weights.unwrap_or(&ones);
        let (left, hat, residuals) = explicit(&sample, root);
        let k = 1 + sample.group.n_levels() - 1;
        let left = left.select_rows(&(0..k).collect::<Vec<_>>());
        let absorb = [&sample.unit, &sample.period];
        let fit = |vcov: Vcov| ols(&sample.y, sample.columns(), &absorb, &options(weights, vcov)).unwrap();
        let scaled = |power: f64| {
            let mut part = left.clone();
            for row in 0..n {
                let e = residuals[row] / (1.0 - hat[(row, row)]).powf(power);
                part.col_mut(row).iter_mut().for_each(|x| *x *= e);
            }
            part.mul(&part.transpose())
        };
        let n_parameters = (k + sample.unit.n_levels() + sample.period.n_levels() - 1) as f64;
        let df = n as f64 - n_parameters;
        same(&fit(Vcov::Hc1).covariance.matrix, &scaled(0.0).scaled(n as f64 / df), 1e-8);
        same(&fit(Vcov::Hc2).covariance.matrix, &scaled(0.5), 1e-8);
        same(&fit(Vcov::Hc3).covariance.matrix, &scaled(1.0), 1e-8);
        let iid = left.mul(&left.transpose()).scaled(dot(&residuals, &residuals) / df);
        same(&fit(Vcov::Iid).covariance.matrix, &iid, 1e-8);

        // CR2 on clusters that nest units: residuals times the root of the generalized inverse of I - H.
        let by_region = sample.region.rows_by_level();
        let mut sums = Matrix::zeros(k, sample.region.n_levels());
        for g in 0..sample.region.n_levels() {
            let rows: Vec<usize> = by_region.rows(g).iter().map(|&row| row as usize).collect();
            let m = Matrix::identity(rows.len()).plus(&hat.select_rows(&rows).select_cols(&rows), -1.0);
            let map = |v: f64| if v > 1e-9 { 1.0 / v.sqrt() } else { 0.0 };
            let own: Vec<f64> = rows.iter().map(|&row| residuals[row]).collect();
            let adjusted = SymmetricEigen::new(&m).unwrap().map(map).mul_vec(&own);
            sums.col_mut(g).copy_from_slice(&left.select_cols(&rows).mul_vec(&adjusted));
        }
        same(&fit(Vcov::Cr2(sample.region.clone())).covariance.matrix, &sums.mul(&sums.transpose()), 1e-7);

        // CR3: the regressions without each cluster, run one by one.
        for cluster in [&sample.region, &sample.unit] {
            let whole = fit(Vcov::Iid);
            let mut changes = Matrix::zeros(k, cluster.n_levels());
            for g in 0..cluster.n_levels() {
                let kept: Vec<f64> = (0..n).map(|row| if cluster.at(row) == g { 0.0 } else { root[row] }).collect();
                let without = ols(&sample.y, sample.columns(), &absorb, &options(Some(&kept), Vcov::Iid)).unwrap();
                prop_assert_eq!(&without.caveats[0], &Caveat::ZeroWeight { n: n - without.residuals.len() });
                for j in 0..k {
                    changes[(j, g)] = without.coefficients[j] - whole.coefficients[j];
                }
            }
            let g = cluster.n_levels() as f64;
            let expected = changes.mul(&changes.transpose()).scaled((g - 1.0) / g);
            same(&fit(Vcov::Cr3(cluster.clone())).covariance.matrix, &expected, 1e-6);
        }

        // Clusters in two ways, their intersection subtracted.
        let by = |cluster: &Factor| {
            let mut sums = Matrix::zeros(k, cluster.n_levels());
            for row in 0..n {
                let column = left.col(row).to_vec();
                sums.col_mut(cluster.at(row)).iter_mut().zip(column).for_each(|(s, x)| *s += x * residuals[row]);
            }
            sums.mul(&sums.transpose())
        };
        let (one, two) = (&sample.region, &sample.group);
        let small = SmallSample::none();
        let found = fit(Vcov::Iid);
        let found = found.scores().covariance(&Vcov::Cluster(vec![one.clone(), two.clone()]), &small).unwrap();
        let expected = by(one).plus(&by(two), 1.0).plus(&by(&one.cross(two)), -1.0);
        if !found.is_repaired {
            same(&found.matrix, &expected, 1e-8);
        }
    }

    #[test]
    fn sparse_columns_are_dense_columns(seed in 0u64..500, weighted: bool) {
        let sample = sample(seed);
        let weights = weighted.then_some(&sample.weights[..]);
        let absorb = [&sample.unit, &sample.period];
        let options = options(weights, Vcov::Cluster(vec![sample.period.clone()]));
        let sparse = ols(&sample.y, sample.columns(), &absorb, &options).unwrap();
        let dense = ols(&sample.y, sample.dense_columns(), &absorb, &options).unwrap();
        prop_assert_eq!(&sparse.names, &dense.names);
        for j in 0..dense.names.len() {
            prop_assert!((sparse.coefficients[j] - dense.coefficients[j]).abs() < 1e-9);
        }
        same(&sparse.covariance.matrix, &dense.covariance.matrix, 1e-9);
        for row in 0..sample.y.len() {
            prop_assert!((sparse.residuals[row] - dense.residuals[row]).abs() < 1e-9);
            let effects: f64 = [&sample.unit, &sample.period]
                .iter()
                .zip(&sparse.fixed_effects)
                .map(|(factor, effects)| effects[factor.at(row)])
                .sum();
            let group = sample.group.at(row);
            let columns = sample.x[row] * sparse.coefficients[0]
                + if group > 0 { sparse.coefficients[group] } else { 0.0 };
            prop_assert!((effects + columns + sparse.residuals[row] - sample.y[row]).abs() < 1e-9);
        }
        let scores = sparse.scores();
        same(&scores.matrix(), &dense.scores().matrix(), 1e-8);
    }

    #[test]
    fn doubled_rows_of_half_weight_change_no_coefficient(seed in 0u64..500) {
        let sample = sample(seed);
        let n = sample.y.len();
        let twice: Vec<usize> = (0..2 * n).map(|row| row % n).collect();
        let both = |values: &[f64]| twice.iter().map(|&row| values[row]).collect::<Vec<f64>>();
        let one = ols(
            &sample.y,
            Columns::new(n).dense("x", sample.x.clone()).unwrap(),
            &[&sample.unit, &sample.period],
            &options(Some(&sample.weights), Vcov::Cluster(vec![sample.unit.clone()])),
        ).unwrap();
        let (unit, period) = (sample.unit.select(&twice), sample.period.select(&twice));
        let halves: Vec<f64> = both(&sample.weights).iter().map(|w| w / 2.0).collect();
        let two = ols(
            &both(&sample.y),
            Columns::new(2 * n).dense("x", both(&sample.x)).unwrap(),
            &[&unit, &period],
            &OlsOptions { small_sample: SmallSample::none(), ..options(Some(&halves), Vcov::Cluster(vec![unit.clone()])) },
        ).unwrap();
        prop_assert!((one.coefficients[0] - two.coefficients[0]).abs() < 1e-10);
        let plain = one.scores().covariance(&Vcov::Cluster(vec![sample.unit.clone()]), &SmallSample::none()).unwrap();
        same(&two.covariance.matrix, &plain.matrix, 1e-9);
    }
}

#[test]
fn interactions_are_products() {
    let sample = sample(3);
    let labels: Vec<String> = (0..sample.group.n_levels()).map(|g| g.to_string()).collect();
    let sparse =
        Columns::new(sample.y.len()).interactions(&sample.group, &labels, "x:", &[], &sample.x).unwrap();
    let mut dense = Columns::new(sample.y.len());
    for g in 0..sample.group.n_levels() {
        let entry = |row: usize| if sample.group.at(row) == g { sample.x[row] } else { 0.0 };
        dense = dense.dense(format!("x:{g}"), (0..sample.y.len()).map(entry).collect()).unwrap();
    }
    let absorb = [&sample.unit, &sample.period];
    let options = options(Some(&sample.weights), Vcov::Hc1);
    let one = ols(&sample.y, sparse, &absorb, &options).unwrap();
    let two = ols(&sample.y, dense, &absorb, &options).unwrap();
    assert_eq!(one.names, two.names);
    same(&one.covariance.matrix, &two.covariance.matrix, 1e-9);
    assert!(one.coefficients.iter().zip(&two.coefficients).all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn combinations_are_named_and_left_out_wherever_they_come_from() {
    let sample = sample(5);
    let double = sample.x.iter().map(|x| 2.0 * x).collect();
    let unit_level = sample.unit.codes().iter().map(|&i| f64::from(i)).collect();
    let all: Vec<String> = (0..sample.group.n_levels()).map(|g| g.to_string()).collect();
    let x = sample.columns().dense("again", double).unwrap().dense("level", unit_level).unwrap();
    let x = x.indicators(&sample.group, &all, "all=", &[]).unwrap();
    let fit = ols(&sample.y, x, &[&sample.unit, &sample.period], &OlsOptions::default()).unwrap();
    let mut expected = vec!["again".to_owned(), "level".to_owned()];
    expected.extend(all.iter().map(|g| format!("all={g}")));
    assert_eq!(fit.caveats, [Caveat::Collinear { columns: expected }]);
    assert_eq!(fit.names.len(), sample.group.n_levels());
    let only = Columns::new(sample.y.len()).dense("level", vec![3.0; sample.y.len()]).unwrap();
    let error = ols(&sample.y, only, &[&sample.unit], &OlsOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Collinear);
}

#[test]
fn effects_nested_in_clusters_do_not_count_and_redundant_ones_can_be_found() {
    let sample = sample(7);
    let (k, units, periods) = (1, sample.unit.n_levels(), sample.period.n_levels());
    let x = || Columns::new(sample.y.len()).dense("x", sample.x.clone()).unwrap();
    let absorb = [&sample.unit, &sample.period, &sample.region];
    let fit = ols(&sample.y, x(), &absorb, &OlsOptions::default()).unwrap();
    let regions = sample.region.n_levels();
    let count = |vcov: &Vcov, effects| {
        let small = SmallSample { effects, ..SmallSample::fixest() };
        fit.scores().covariance(vcov, &small).unwrap().n_parameters
    };
    let by_unit = Vcov::Cluster(vec![sample.unit.clone()]);
    assert_eq!(count(&by_unit, CountEffects::None), k);
    assert_eq!(count(&by_unit, CountEffects::Full), k + units + periods + regions - 2);
    // Units are nested in themselves; regions are not.
    assert_eq!(count(&by_unit, CountEffects::Nested), k + periods + regions - 1);
    // Both units and regions lie within regions.
    assert_eq!(count(&Vcov::Cluster(vec![sample.region.clone()]), CountEffects::Nested), k + periods);
    let alone = ols(&sample.y, x(), &[&sample.unit], &options(None, by_unit)).unwrap();
    assert_eq!((alone.covariance.n_parameters, alone.covariance.df), (k + 1, Some(units as f64 - 1.0)));
    let stata = fit.scores().covariance(&Vcov::Hc1, &SmallSample::stata()).unwrap();
    assert_eq!(stata.n_parameters, k + units + periods + regions - 2);
}

#[test]
fn a_joint_test_of_one_coefficient_is_its_t_test() {
    let sample = sample(11);
    let fit = ols(&sample.y, sample.columns(), &[&sample.unit], &OlsOptions::default()).unwrap();
    let (wald, t) = (fit.wald(&["x"]).unwrap(), fit.terms()[0].estimate);
    assert!((wald.f_statistic - t.statistic.unwrap().powi(2)).abs() < 1e-9 * wald.f_statistic);
    assert!((wald.p_value - t.p_value.unwrap()).abs() < 1e-12);
    assert_eq!(fit.wald(&["z"]).unwrap_err().kind(), ErrorKind::Domain);
    assert!(fit.within_r_squared < fit.r_squared && fit.adjusted_r_squared < fit.r_squared);
}

#[test]
fn what_cannot_be_estimated_is_said() {
    let y = [1.0, 2.0, 4.0];
    let x = || Columns::new(3).dense("x", vec![1.0, 0.0, 2.0]).unwrap().intercept();
    let factor = Factor::new(&[0, 0, 0]);
    let one = ols(&y, x(), &[], &options(None, Vcov::Cluster(vec![factor])));
    assert_eq!(one.unwrap_err().kind(), ErrorKind::TooFewClusters);
    assert_eq!(
        ols(&[], Columns::new(0), &[], &OlsOptions::default()).unwrap_err().kind(),
        ErrorKind::NoObservations
    );
    let nan = ols(&[1.0, f64::NAN, 2.0], x(), &[], &OlsOptions::default());
    assert_eq!(nan.unwrap_err().kind(), ErrorKind::NonFinite);
    let full =
        Columns::new(3).dense("a", vec![1.0, 0.0, 0.0]).unwrap().dense("b", vec![0.0, 1.0, 0.0]).unwrap();
    let saturated = ols(&y, full.intercept(), &[], &OlsOptions::default());
    assert_eq!(saturated.unwrap_err().kind(), ErrorKind::Degenerate);
    let each = Factor::new(&[0, 1, 2]);
    let alone = OlsOptions { drop_singletons: true, ..OlsOptions::default() };
    assert_eq!(ols(&y, x(), &[&each], &alone).unwrap_err().kind(), ErrorKind::NoObservations);
}

// A panel large enough for the Gram matrix and its step of refinement, with a nearly collinear pair besides.
#[test]
fn large_designs_agree_with_exact_ones() {
    let n = 120_000;
    let noise = |row: usize, k: usize| ((row * (k + 3) + row * row % 97) as f64 * 0.618).fract() - 0.5;
    let unit = Factor::new(&(0..n).map(|row| row / 60).collect::<Vec<_>>());
    let period = Factor::new(&(0..n).map(|row| row % 60).collect::<Vec<_>>());
    let column =
        |k: usize| (0..n).map(|row| noise(row, k) + (row / 60 % (k + 2)) as f64).collect::<Vec<f64>>();
    let mut x = Columns::new(n);
    for k in 0..18 {
        x = x.dense(format!("x{k}"), column(k)).unwrap();
    }
    let y: Vec<f64> = (0..n).map(|row| column_sum(row) + noise(row, 40)).collect();
    fn column_sum(row: usize) -> f64 {
        (row % 60) as f64 + (row / 60) as f64 * 0.01
    }
    let fit = ols(&y, x, &[&unit, &period], &OlsOptions::default()).unwrap();
    for k in 0..fit.names.len() {
        let row: Vec<f64> = fit.projection().observations(0..n).row(k);
        assert!(dot(&row, &fit.residuals).abs() < 1e-8, "{}", fit.names[k]);
    }
}
