use super::inversion::p_value;
use super::wild_cluster_bootstrap::{Draws, WildClusterBootstrapOptions, WildWeights};
use crate::error::same_length;
use crate::regression::Scores;
use crate::{Error, ErrorKind, Factor, Result};
use evenhand_linalg::dot;
use rayon::prelude::*;

/// Results of [`score_bootstrap`].
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreBootstrap {
    /// Sum of the clusters' scores over the root of the sum of their squares.
    pub statistic: f64,
    /// The bootstrap's p-value.
    pub p_value: f64,
    /// The statistic in each draw.
    pub draws: Vec<f64>,
    /// Whether all sign vectors were used in place of random ones.
    pub enumerated: bool,
    /// The weights that were used.
    pub weights: WildWeights,
    /// Number of clusters.
    pub n_clusters: usize,
}

/// The score bootstrap of one restriction `r' beta = value` on an M-estimator: Poisson pseudo-ML, or any other
/// whose scores are a column times an error.
///
/// `scores` belongs to the fit that obeys the restriction: the full design (the restricted column included) with
/// the weights of that fit, and its errors. For Poisson: fit with the restricted column's `value * x` as offset,
/// take weights `mu` and errors `y - mu`. The cluster scores `s_g = r' B sum_i x~_i e_i` are multiplied by random
/// weights; nothing is fitted again, so that a draw costs O(G). The variance is that of scores recentred by each
/// cluster's share of the rows, as in `boottest`. Kline and Santos (2012), doi:10.1515/2156-6674.1006.
///
/// Options used: draws, seed, weights, tail, counting; the null is always imposed.
///
/// # Errors
/// [`ErrorKind::Shape`] for another number of rows or coefficients, [`ErrorKind::TooFewClusters`],
/// [`ErrorKind::Domain`] without draws, [`ErrorKind::Degenerate`] when all scores are 0.
pub fn score_bootstrap(
    scores: &Scores<'_>,
    cluster: &Factor,
    restriction: &[f64],
    options: &WildClusterBootstrapOptions,
) -> Result<ScoreBootstrap> {
    same_length(scores.n_obs(), cluster.len(), "rows and clusters")?;
    same_length(
        scores.projection.n_columns(),
        restriction.len(),
        "coefficients and entries of a restriction",
    )?;
    let n_clusters = cluster.n_levels();
    if n_clusters < 2 {
        let message = format!("{n_clusters} clusters, expected at least 2");
        return Err(Error::new(ErrorKind::TooFewClusters, message));
    }
    let direction = scores.projection.bread().mul_vec(restriction);
    let own = scores.cluster_sums(cluster).mul_vec(&direction);
    let mut shares = vec![0.0; n_clusters];
    cluster.codes().iter().for_each(|&g| shares[g as usize] += 1.0 / cluster.len() as f64);
    let statistic = |own: &[f64]| {
        let sum: f64 = own.iter().sum();
        let squares: f64 = own.iter().zip(&shares).map(|(s, share)| (s - share * sum).powi(2)).sum();
        if squares > 0.0 { sum / squares.sqrt() } else { 0.0 }
    };
    if dot(&own, &own) <= 0.0 {
        return Err(Error::new(
            ErrorKind::Degenerate,
            "every cluster's score is 0: there is nothing to multiply",
        ));
    }
    let weights = Draws::new(options, n_clusters)?;
    let found = statistic(&own);
    let all: Vec<usize> = (0..weights.n).collect();
    let draws: Vec<f64> = all
        .par_iter()
        .map_init(
            || vec![0.0; n_clusters],
            |v, &b| {
                weights.fill(b, v);
                v.iter_mut().zip(&own).for_each(|(v, s)| *v *= s);
                statistic(v)
            },
        )
        .collect();
    let p = p_value(
        found,
        draws.iter().copied(),
        draws.len(),
        options.tail,
        options.counting,
        weights.enumerated,
    );
    Ok(ScoreBootstrap {
        statistic: found,
        p_value: p,
        draws,
        enumerated: weights.enumerated,
        weights: weights.weights,
        n_clusters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::{Absorber, Columns, Projection};
    use crate::{Counting, Stream, Tail};

    /// Poisson counts in 8 clusters under the null: the restricted fit with cluster effects has means by cluster.
    fn fitted(columns: &[f64], y: &[f64], cluster: &Factor) -> (Projection, Vec<f64>) {
        let mut means = vec![0.0; cluster.n_levels()];
        let each = cluster.len() as f64 / cluster.n_levels() as f64;
        y.iter().enumerate().for_each(|(row, y)| means[cluster.at(row)] += y / each);
        let mu: Vec<f64> = (0..y.len()).map(|row| means[cluster.at(row)]).collect();
        let x = Columns::new(y.len()).dense("x", columns.to_vec()).unwrap();
        let absorber = Absorber::new(&[cluster], Some(&mu)).unwrap();
        let errors = y.iter().zip(&mu).map(|(y, mu)| y - mu).collect();
        (Projection::with_absorber(x, absorber).unwrap(), errors)
    }

    // With cluster effects absorbed the cluster's score is (sum over its rows of (x - mean x) y), the rest by hand.
    #[test]
    fn scores_are_those_of_the_restricted_fit() {
        let stream = Stream::new(5, 0);
        let cluster = Factor::new(&(0..80).map(|i| i / 10).collect::<Vec<_>>());
        let x: Vec<f64> = (0..80).map(|i| stream.normal(i)).collect();
        let y: Vec<f64> = (0..80).map(|i| (3.0 * stream.uniform(100 + i)).floor() + 1.0).collect();
        let (projection, errors) = fitted(&x, &y, &cluster);
        let scores = Scores { projection: &projection, errors: &errors, dispersion: 1.0 };
        let options = WildClusterBootstrapOptions {
            weights: Some(WildWeights::Rademacher),
            counting: Counting::AddOne,
            tail: Tail::Symmetric,
            ..Default::default()
        };
        let found = score_bootstrap(&scores, &cluster, &[1.0], &options).unwrap();
        let own: Vec<f64> = (0..8)
            .map(|g| {
                let rows = g * 10..g * 10 + 10;
                let mean = x[rows.clone()].iter().sum::<f64>() / 10.0;
                rows.map(|row| (x[row] - mean) * y[row]).sum()
            })
            .collect();
        let t = |own: &[f64]| {
            let mean = own.iter().sum::<f64>() / 8.0;
            8.0 * mean / own.iter().map(|s| (s - mean).powi(2)).sum::<f64>().sqrt()
        };
        assert!((found.statistic - t(&own)).abs() < 1e-9);
        assert!(found.enumerated && found.draws.len() == 256);
        let beyond = (0..256u32).filter(|signs| {
            let flipped: Vec<f64> =
                (0..8).map(|g| if signs >> g & 1 == 1 { -own[g] } else { own[g] }).collect();
            t(&flipped).abs() >= t(&own).abs() * (1.0 - 1e-9)
        });
        assert!((found.p_value - beyond.count() as f64 / 256.0).abs() < 1e-12);
        let one = Factor::new(&[0; 80]);
        let kind =
            |cluster: &Factor, r: &[f64]| score_bootstrap(&scores, cluster, r, &options).unwrap_err().kind();
        assert_eq!(kind(&one, &[1.0]), ErrorKind::TooFewClusters);
        assert_eq!(kind(&cluster, &[1.0, 0.0]), ErrorKind::Shape);
    }
}
