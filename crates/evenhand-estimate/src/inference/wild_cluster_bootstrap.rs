//! The wild cluster bootstrap: residuals of whole clusters change their signs (or sizes) at random, and the
//! t-statistic is seen again in every such sample.
//!
//! **Estimand.** The p-value of linear restrictions `R beta = r` on a regression with absorbed effects, and for one
//! restriction the interval of all `r` that are not rejected.
//!
//! **Formula.** With `u` the residuals of the regression that obeys the restrictions (null imposed, "WCR") or of
//! the free one ("WCU") and `v_g` a random weight of mean 0 and variance 1 for each of `G` clusters, draw `b` has
//! outcomes `fit + v_g u_g`. With `h_g` the cluster's score `R (X'X)^-1 X_g' u_g`, the coefficient moves by
//! `sum_g v_g h_g` and its score by `psi_g = v_g h_g - c_g' W`, where `W = sum_h v_h Z_h' u_h` and `Z` holds columns
//! and absorbed levels. After one pass over the rows a draw costs O(G r), `r` the rank of the `c_g`: in a balanced
//! panel with units as clusters that is the number of cohorts. Roodman, MacKinnon, Nielsen and Webb (2019),
//! doi:10.1177/1536867X19830877; MacKinnon (2023), doi:10.1016/j.ecosta.2021.11.009. CR3 and jackknifed scores:
//! MacKinnon, Nielsen and Webb (2023), doi:10.1002/jae.2969.
//!
//! **Defaults.** Null imposed; CR1; Rademacher weights from 12 clusters on, Webb's six points below; 9,999 draws,
//! or all `2^G` sign vectors when they are no more than that; symmetric p-value `(1 + #) / (B + 1)`.
//!
//! **Assumes** independent clusters, many of them or alike enough. **Fails** with few treated clusters: at two or
//! three it all but never rejects (null imposed) or far too often (not imposed); use randomization inference.
//!
//! **Matches** `wildboottest` 0.3.2 and so `fwildclusterboot` and `boottest`: with all sign vectors enumerated and
//! [`Counting::Share`] the p-values are the same numbers, save ties that rounding decides there; t-statistics to
//! 1e-10.

use super::clustered::{ClusterSums, ClusteredRegression, Restrictions};
use super::inversion::{Counting, Draw, Inversion, Tail, p_value};
use crate::error::finite;
use crate::{Caveat, Cells, Error, ErrorKind, Estimate, Estimates, Matrix, Result, Stream, Term};
use evenhand_linalg::{Cholesky, Qr, SymmetricEigen, dot};
use rayon::prelude::*;

/// The distribution of the weight that a cluster's residuals are multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WildWeights {
    /// -1 or 1.
    Rademacher,
    /// Plus or minus the roots of 1/2, 1 and 3/2 (Webb 2023, doi:10.1111/caje.12661).
    Webb,
    /// Mammen's two points, with third moment 1.
    Mammen,
    /// Standard normal.
    Normal,
}

/// The variance estimator inside the statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ClusterVariance {
    /// The cluster sandwich.
    #[default]
    Cr1,
    /// The cluster jackknife.
    Cr3,
}

/// The residuals that are multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WildScores {
    /// As they are.
    #[default]
    Ordinary,
    /// Each cluster's from the fit without it.
    Jackknife,
}

/// Options of [`wild_cluster_bootstrap`].
#[derive(Debug, Clone, PartialEq)]
pub struct WildClusterBootstrapOptions {
    /// Draws, 9,999 by default.
    pub draws: usize,
    /// Seed of the weights, 20170201 by default.
    pub seed: u64,
    /// Distribution of the weights; by default Rademacher from 12 clusters on, Webb's below.
    pub weights: Option<WildWeights>,
    /// Whether the residuals obey the restrictions; `true` by default.
    pub null_imposed: bool,
    /// Variance estimator of the statistic, CR1 by default.
    pub variance: ClusterVariance,
    /// Residuals, ordinary by default.
    pub scores: WildScores,
    /// Which draws count, symmetric by default.
    pub tail: Tail,
    /// How they are counted, `(1 + #) / (B + 1)` by default.
    pub counting: Counting,
    /// Whether intervals are sought, `true` by default; it doubles the work of the bootstrap with the null imposed.
    pub intervals: bool,
}

impl Default for WildClusterBootstrapOptions {
    fn default() -> Self {
        Self {
            draws: 9_999,
            seed: 20_170_201,
            weights: None,
            null_imposed: true,
            variance: ClusterVariance::Cr1,
            scores: WildScores::Ordinary,
            tail: Tail::Symmetric,
            counting: Counting::AddOne,
            intervals: true,
        }
    }
}

/// Results of the wild cluster bootstrap.
#[derive(Debug, Clone, PartialEq)]
pub struct WildBootstrap {
    /// For one restriction, `R beta` with its cluster standard error, p-value and intervals by inversion; an end
    /// is infinite when no value on its side is rejected. `None` for joint restrictions.
    pub estimate: Option<Estimate>,
    /// Student's t for one restriction, the Wald statistic over `q` for `q` of them.
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
    /// Draws without an answer, and columns left out.
    pub caveats: Vec<Caveat>,
}

/// Tests `R beta = r` by the wild cluster bootstrap; the module says how.
///
/// ```
/// use evenhand_estimate::{
///     ClusteredRegression, Factor, Restrictions, WildClusterBootstrapOptions, wild_cluster_bootstrap,
/// };
/// let x: Vec<f64> = (0..60).map(|i| f64::from(i % 7) - 3.0).collect();
/// let y: Vec<f64> = x.iter().enumerate().map(|(i, x)| 0.8 * x + (i as f64 * 1.7).sin()).collect();
/// let cluster = Factor::new(&(0..60).map(|i| i / 4).collect::<Vec<_>>());
/// let columns = [("x".to_owned(), x), ("constant".to_owned(), vec![1.0; 60])];
/// let regression = ClusteredRegression::new(&columns, &y, &[], &cluster, None)?;
/// let of_x = Restrictions::coefficient(0, 2, 0.0);
/// let found = wild_cluster_bootstrap(&regression, &of_x, &WildClusterBootstrapOptions::default())?;
/// let estimate = found.estimate.expect("one restriction");
/// assert!(found.p_value < 0.01 && estimate.conf_low < 0.8 && estimate.conf_high > 0.8);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`] and [`ErrorKind::Degenerate`] for restrictions of another shape or without full rank;
/// [`ErrorKind::Domain`] without draws, or with more than 4,000 absorbed levels that are not nested in the
/// clusters; [`ErrorKind::Degenerate`] when the variance is 0, or for CR3 when a coefficient rests on one cluster.
pub fn wild_cluster_bootstrap(
    regression: &ClusteredRegression,
    restrictions: &Restrictions,
    options: &WildClusterBootstrapOptions,
) -> Result<WildBootstrap> {
    let direction = restrictions.direction(&regression.inverse)?;
    let sums = regression.sums();
    let kernel = Kernel::new(regression, &sums, restrictions, options.variance)?;
    let q = restrictions.len();
    let beta = restrictions.matrix.mul_vec(&regression.beta);
    let distance: Vec<f64> = beta.iter().zip(&restrictions.value).map(|(b, r)| b - r).collect();
    let free = sums.scores();
    let own: Vec<Vec<f64>> = (0..q).map(|j| kernel.own(j, &free)).collect();
    let variance = Matrix::from_fn(q, q, |i, j| kernel.scale * dot(&own[i], &own[j]));
    let weights = Draws::new(options, regression.n_clusters())?;

    // Scores under the restrictions, as functions of r for one restriction: first + (-r) * second.
    let products: Vec<Matrix> = (0..q).map(|j| sums.products(direction.col(j))).collect();
    let scores: Vec<Matrix> = match (options.null_imposed, q) {
        (false, _) => vec![free],
        (true, 1) if options.intervals => vec![free.plus(&products[0], beta[0]), products[0].clone()],
        (true, _) => {
            vec![products.iter().zip(&distance).fold(free, |sum, (product, &d)| sum.plus(product, d))]
        }
    };
    let scores = match options.scores {
        WildScores::Ordinary => scores,
        WildScores::Jackknife => {
            jackknifed(regression, &sums, scores, options.null_imposed.then_some(restrictions))?
        }
    };
    let pairs = kernel.pairs(&scores);
    let moments = moments(&kernel, &pairs, &weights);
    let mut found = match q {
        1 => one_restriction(beta[0], restrictions.value[0], variance[(0, 0)], &moments, &weights, options)?,
        _ => joint_restrictions(&distance, &variance, &moments, &weights, options)?,
    };
    found.caveats.splice(0..0, regression.caveats.iter().cloned());
    Ok(found)
}

/// The two-way fixed-effects effect of treatment in `cells` with the wild cluster bootstrap's p-value and intervals:
/// the term `treatment`, units and periods absorbed, covariates partialled out, clusters and weights of the cells.
///
/// # Errors
/// Those of [`ClusteredRegression::twfe`] and [`wild_cluster_bootstrap`]; [`ErrorKind::Collinear`] when treatment is
/// a combination of the absorbed effects.
pub fn wild_cluster_twfe(cells: &Cells, options: &WildClusterBootstrapOptions) -> Result<Estimates> {
    let regression = ClusteredRegression::twfe(cells)?;
    let at = regression
        .column("treatment")
        .map_err(|_| Error::new(ErrorKind::Collinear, "treatment does not vary within units and periods"))?;
    let only = Restrictions::coefficient(at, regression.names.len(), 0.0);
    let found = wild_cluster_bootstrap(&regression, &only, options)?;
    let terms = found.estimate.map(|estimate| Term::new("treatment", estimate)).into_iter().collect();
    Ok(Estimates {
        method: "wild-cluster-bootstrap",
        terms,
        vcov: None,
        n_obs: cells.n_obs(),
        n_units: cells.n_units(),
        n_periods: cells.periods().len(),
        n_clusters: Some(found.n_clusters),
        seed: (!found.enumerated).then_some(options.seed),
        options: vec![
            ("draws", found.draws.len().to_string()),
            ("enumerated", found.enumerated.to_string()),
            ("weights", format!("{:?}", found.weights)),
            ("null_imposed", options.null_imposed.to_string()),
            ("variance", format!("{:?}", options.variance)),
            ("scores", format!("{:?}", options.scores)),
            ("tail", format!("{:?}", options.tail)),
            ("counting", format!("{:?}", options.counting)),
        ],
        caveats: cells.caveats().iter().cloned().chain(found.caveats).collect(),
    })
}

fn one_restriction(
    beta: f64,
    value: f64,
    variance: f64,
    moments: &[Moments],
    weights: &Draws,
    options: &WildClusterBootstrapOptions,
) -> Result<WildBootstrap> {
    let std_error = finite(variance, "variance")?.sqrt();
    if std_error <= 0.0 {
        return Err(Error::new(ErrorKind::Degenerate, "the clustered variance is 0: the fit is perfect"));
    }
    let moves = moments.first().is_some_and(|draw| draw.numerators.len() == 2);
    let draws = moments.iter().map(|draw| match moves {
        true => Draw {
            n: [draw.numerators[0], draw.numerators[1]],
            q: [draw.gram[0], draw.gram[1], draw.gram[2]],
        },
        false => Draw { n: [draw.numerators[0], 0.0], q: [draw.gram[0], 0.0, 0.0] },
    });
    let inversion = Inversion {
        estimate: beta,
        std_error,
        draws: draws.collect(),
        tail: options.tail,
        counting: options.counting,
        enumerated: weights.enumerated,
    };
    let p = inversion.p_value(value);
    // With the null imposed draws that were not asked to move with r stand for this r only.
    let inverts = options.intervals && (moves || !options.null_imposed);
    let interval = |alpha| if inverts { inversion.interval(alpha) } else { crate::Interval::ALL };
    let mut estimate = Estimate::from_intervals(beta, interval(0.05), interval(0.1));
    let statistic = (beta - value) / std_error;
    estimate.std_error = Some(std_error);
    estimate.statistic = Some(statistic);
    estimate.p_value = Some(p);
    let draws = inversion.draws.iter().map(|draw| draw.statistic(value)).collect();
    Ok(weights.found(Some(estimate), statistic, p, draws))
}

fn joint_restrictions(
    distance: &[f64],
    variance: &Matrix,
    moments: &[Moments],
    weights: &Draws,
    options: &WildClusterBootstrapOptions,
) -> Result<WildBootstrap> {
    let q = distance.len();
    let wald = |numerators: &[f64], variance: &Matrix| {
        Cholesky::new(variance).map(|factor| dot(numerators, &factor.solve(numerators)) / q as f64)
    };
    let statistic = wald(distance, variance).ok_or_else(|| {
        Error::new(ErrorKind::Degenerate, "the variance of the restrictions is singular: too few clusters")
    })?;
    let draws: Vec<f64> = moments
        .iter()
        .map(|draw| {
            let mut entries = draw.gram.iter();
            let mut variance = Matrix::zeros(q, q);
            for i in 0..q {
                for j in i..q {
                    let entry = entries.next().copied().unwrap_or(0.0);
                    (variance[(i, j)], variance[(j, i)]) = (entry, entry);
                }
            }
            // A draw whose variance is singular is counted as extreme: it cannot speak for the hypothesis.
            wald(&draw.numerators, &variance).unwrap_or(f64::INFINITY)
        })
        .collect();
    let p = p_value(
        statistic,
        draws.iter().copied(),
        draws.len(),
        Tail::Above,
        options.counting,
        weights.enumerated,
    );
    Ok(weights.found(None, statistic, p, draws))
}

/// How a draw's scores become a change of the restricted coefficients and its variance: for restriction `j` the
/// change is `lead_j' W`, the variance `scale * sum_g psi_gj^2` with `psi_gj = v_g own_gj' z_g - spread_gj' W`.
struct Kernel {
    /// Shape (L + k) for each restriction.
    lead: Vec<Vec<f64>>,
    /// Shape (L + k, G) for each restriction, for the variances that need one for each cluster; else `lead`.
    own: Option<Vec<Matrix>>,
    /// The rows `spread_gj` as `basis (G, rank) * coefficients (rank, L + k)`.
    spread: Vec<LowRank>,
    scale: f64,
}

impl Kernel {
    fn new(
        regression: &ClusteredRegression,
        sums: &ClusterSums,
        restrictions: &Restrictions,
        variance: ClusterVariance,
    ) -> Result<Self> {
        let (k, l) = (regression.beta.len(), sums.level_residual.n_rows());
        let rows: Vec<Vec<f64>> = (0..restrictions.len()).map(|j| restrictions.matrix.row(j)).collect();
        let lead: Vec<Vec<f64>> =
            rows.iter().map(|row| [vec![0.0; l], regression.inverse.mul_vec(row)].concat()).collect();
        let g = regression.n_clusters() as f64;
        match variance {
            ClusterVariance::Cr1 => {
                let factor = regression.level_factor()?;
                let spread = lead.iter().map(|lead| {
                    let products = sums.products(&lead[l..]);
                    let columns: Vec<Vec<f64>> = (0..products.n_cols())
                        .into_par_iter()
                        .map(|g| {
                            // Rows of sums lie in the range of the Gram matrix; rounding apart there is a solution.
                            let levels = factor.solve(&products.col(g)[..l]).unwrap_or_else(|| vec![0.0; l]);
                            [levels, regression.inverse.mul_vec(&products.col(g)[l..])].concat()
                        })
                        .collect();
                    LowRank::of_rows(l + k, &columns)
                });
                let spread = spread.collect();
                Ok(Self { lead, own: None, spread, scale: regression.small_sample })
            }
            ClusterVariance::Cr3 => {
                let solved = regression.leave_out(sums, |_, left_out| {
                    let rest = left_out.rest();
                    let unit = |row: &Vec<f64>| rest.solve(&[vec![0.0; l], row.clone()].concat());
                    rows.iter().map(unit).collect::<Option<Vec<Vec<f64>>>>()
                })?;
                let solved: Vec<Vec<Vec<f64>>> =
                    solved.into_iter().collect::<Option<_>>().ok_or_else(|| {
                        Error::new(
                            ErrorKind::Degenerate,
                            "a coefficient rests on one cluster: it has no jackknife",
                        )
                    })?;
                let own: Vec<Matrix> = (0..rows.len())
                    .map(|j| {
                        Matrix::from_columns(l + k, &solved.iter().map(|one| &one[j]).collect::<Vec<_>>())
                    })
                    .collect();
                let spread = own.iter().zip(&lead).map(|(own, lead)| {
                    let moved: Vec<Vec<f64>> = (0..own.n_cols())
                        .map(|g| own.col(g).iter().zip(lead).map(|(a, b)| a - b).collect())
                        .collect();
                    LowRank::of_rows(l + k, &moved)
                });
                let spread = spread.collect();
                Ok(Self { lead, own: Some(own), spread, scale: (g - 1.0) / g })
            }
        }
    }

    /// `own_gj' z_g` for every cluster.
    fn own(&self, j: usize, scores: &Matrix) -> Vec<f64> {
        (0..scores.n_cols())
            .map(|g| match &self.own {
                Some(own) => dot(own[j].col(g), scores.col(g)),
                None => dot(&self.lead[j], scores.col(g)),
            })
            .collect()
    }

    /// One for each restriction and each set of scores.
    fn pairs(&self, scores: &[Matrix]) -> Vec<Pair> {
        let restrictions = 0..self.lead.len();
        let each = restrictions.flat_map(|j| scores.iter().map(move |scores| (j, scores)));
        each.map(|(j, scores)| {
            let lead = Matrix::from_data(1, scores.n_cols(), scores.t_mul_vec(&self.lead[j]));
            let spread = self.spread[j].coefficients.mul(scores);
            let feed = Matrix::from_fn(1 + spread.n_rows(), scores.n_cols(), |i, g| match i {
                0 => lead[(0, g)],
                _ => spread[(i - 1, g)],
            });
            Pair { restriction: j, own: self.own(j, scores), feed }
        })
        .collect()
    }
}

/// One restriction with one set of scores.
struct Pair {
    restriction: usize,
    /// Length G.
    own: Vec<f64>,
    /// The change of the coefficient, then the coefficients of the spread, for each cluster: shape (1 + rank, G).
    feed: Matrix,
}

/// Changes of the coefficients in one draw and the upper triangle of their variance, row by row.
struct Moments {
    numerators: Vec<f64>,
    gram: Vec<f64>,
}

/// All draws, in chunks that fit the cache.
fn moments(kernel: &Kernel, pairs: &[Pair], weights: &Draws) -> Vec<Moments> {
    const CHUNK: usize = 64;
    let starts: Vec<usize> = (0..weights.n).step_by(CHUNK).collect();
    let chunk = |&start: &usize| {
        let n = CHUNK.min(weights.n - start);
        let mut v = Matrix::zeros(weights.n_clusters, n);
        (0..n).for_each(|b| weights.fill(start + b, v.col_mut(b)));
        let moved: Vec<Matrix> = pairs.iter().map(|pair| pair.feed.mul(&v)).collect();
        let spread: Vec<Matrix> = pairs
            .iter()
            .zip(&moved)
            .map(|(pair, moved)| {
                let rank = moved.n_rows() - 1;
                let below = Matrix::from_fn(rank, n, |i, b| moved[(i + 1, b)]);
                kernel.spread[pair.restriction].basis.mul(&below)
            })
            .collect();
        let mut psi = vec![vec![0.0; weights.n_clusters]; pairs.len()];
        let of_draw = |b: usize| {
            for (p, pair) in pairs.iter().enumerate() {
                let terms = v.col(b).iter().zip(&pair.own).zip(spread[p].col(b));
                psi[p].iter_mut().zip(terms).for_each(|(psi, ((v, own), spread))| *psi = v * own - spread);
            }
            let numerators = moved.iter().map(|moved| moved[(0, b)]).collect();
            let upper = (0..pairs.len()).flat_map(|i| (i..pairs.len()).map(move |j| (i, j)));
            let gram = upper.map(|(i, j)| kernel.scale * dot(&psi[i], &psi[j])).collect();
            Moments { numerators, gram }
        };
        (0..n).map(of_draw).collect::<Vec<_>>()
    };
    starts.par_iter().map(chunk).collect::<Vec<_>>().into_iter().flatten().collect()
}

/// Scores of each cluster from the coefficients that the others give: `z_g + A_g (A_-g)^- z_g`, `A` the Gram
/// matrices of the columns that are free under the restrictions.
fn jackknifed(
    regression: &ClusteredRegression,
    sums: &ClusterSums,
    scores: Vec<Matrix>,
    restrictions: Option<&Restrictions>,
) -> Result<Vec<Matrix>> {
    let (k, l) = (regression.beta.len(), sums.level_residual.n_rows());
    let free = match restrictions {
        None => None,
        Some(restrictions) => Some(free_directions(&restrictions.matrix, l).ok_or_else(|| {
            Error::new(ErrorKind::NonFinite, "restrictions whose null space is not a number")
        })?),
    };
    let moved = regression.leave_out(sums, |g, left_out| {
        let factor = match &free {
            None => left_out.rest(),
            Some(free) => left_out.rest_along(free),
        };
        let change = |z: &[f64]| match &free {
            None => factor.solve(z),
            Some(free) => factor.solve(&free.t_mul_vec(z)).map(|x| free.mul_vec(&x)),
        };
        let of_scores = |scores: &Matrix| {
            let z = scores.col(g);
            let change = change(z).map(|change| left_out.own.mul_vec(&change))?;
            Some(z.iter().zip(change).map(|(z, c)| z + c).collect::<Vec<f64>>())
        };
        scores.iter().map(of_scores).collect::<Option<Vec<_>>>()
    })?;
    let moved: Vec<Vec<Vec<f64>>> = moved.into_iter().collect::<Option<_>>().ok_or_else(|| {
        Error::new(ErrorKind::Degenerate, "a coefficient rests on one cluster: its scores have no jackknife")
    })?;
    Ok((0..scores.len())
        .map(|s| Matrix::from_columns(l + k, &moved.iter().map(|one| &one[s]).collect::<Vec<_>>()))
        .collect())
}

/// Directions in which levels and coefficients may move when `R beta` is fixed, shape (L + k, L + k - q).
fn free_directions(r: &Matrix, l: usize) -> Option<Matrix> {
    let k = r.n_cols();
    let rows = Qr::new(r.transpose(), 1e-9).q();
    // Eigenvalues of the projection on the rows of R rise: the null space comes first.
    let projection = rows.mul(&rows.transpose());
    let columns = SymmetricEigen::new(&projection)
        .map(|eigen| eigen.vectors.select_cols(&(0..k - rows.n_cols()).collect::<Vec<_>>()))?;
    Some(Matrix::from_fn(l + k, l + columns.n_cols(), |i, j| match (i < l, j < l) {
        (true, true) => f64::from(u8::from(i == j)),
        (false, false) => columns[(i - l, j - l)],
        _ => 0.0,
    }))
}

/// A matrix as the product of two thin ones, as thin as it allows.
struct LowRank {
    /// Orthonormal columns, shape (n, rank).
    basis: Matrix,
    /// Shape (rank, m).
    coefficients: Matrix,
}

impl LowRank {
    /// Rows of length `m`. What the product leaves out is below 1e-12 of the longest column.
    fn of_rows(m: usize, rows: &[Vec<f64>]) -> Self {
        let n = rows.len();
        let mut left = Matrix::from_fn(n, m, |i, j| rows[i][j]);
        let mut lengths: Vec<f64> = (0..m).map(|j| dot(left.col(j), left.col(j)).sqrt()).collect();
        let longest = lengths.iter().fold(0.0f64, |most, &x| most.max(x));
        let (mut basis, mut coefficients) = (Vec::new(), Vec::new());
        while basis.len() < n.min(m) {
            let far = (0..m).fold(0, |best, j| if lengths[j] > lengths[best] { j } else { best });
            if m == 0 || lengths[far] <= 1e-12 * longest {
                break;
            }
            let direction: Vec<f64> = left.col(far).iter().map(|x| x / lengths[far]).collect();
            let along: Vec<f64> = (0..m).map(|j| dot(&direction, left.col(j))).collect();
            for j in 0..m {
                left.col_mut(j).iter_mut().zip(&direction).for_each(|(x, d)| *x -= d * along[j]);
                lengths[j] = dot(left.col(j), left.col(j)).sqrt();
            }
            lengths[far] = 0.0;
            basis.push(direction);
            coefficients.push(along);
        }
        let rank = basis.len();
        Self {
            basis: Matrix::from_columns(n, &basis),
            coefficients: Matrix::from_fn(rank, m, |i, j| coefficients[i][j]),
        }
    }
}

/// The random weights of all draws.
pub(super) struct Draws {
    pub n: usize,
    n_clusters: usize,
    pub weights: WildWeights,
    pub enumerated: bool,
    seed: u64,
}

impl Draws {
    pub fn new(options: &WildClusterBootstrapOptions, n_clusters: usize) -> Result<Self> {
        if options.draws == 0 {
            return Err(Error::new(ErrorKind::Domain, "0 draws, expected at least 1"));
        }
        let default = if n_clusters < 12 { WildWeights::Webb } else { WildWeights::Rademacher };
        let weights = options.weights.unwrap_or(default);
        let all = if n_clusters < 40 { 1usize << n_clusters } else { usize::MAX };
        let enumerated = weights == WildWeights::Rademacher && all <= options.draws;
        let n = if enumerated { all } else { options.draws };
        Ok(Self { n, n_clusters, weights, enumerated, seed: options.seed })
    }

    /// The weights of draw `b`, one for each cluster.
    pub fn fill(&self, b: usize, v: &mut [f64]) {
        let sign = |bit: u64| 1.0 - 2.0 * (bit & 1) as f64;
        if self.enumerated {
            v.iter_mut().enumerate().for_each(|(g, v)| *v = sign(b as u64 >> g));
            return;
        }
        let stream = Stream::new(self.seed, b as u64);
        match self.weights {
            WildWeights::Rademacher => {
                for (word, v) in v.chunks_mut(64).enumerate() {
                    let bits = stream.bits(word as u64);
                    v.iter_mut().enumerate().for_each(|(g, v)| *v = sign(bits >> g));
                }
            }
            WildWeights::Webb => {
                let points = [0.5f64, 1.0, 1.5].map(f64::sqrt);
                let six = [-points[2], -points[1], -points[0], points[0], points[1], points[2]];
                v.iter_mut().enumerate().for_each(|(g, v)| *v = six[stream.below(g as u64, 6)]);
            }
            WildWeights::Mammen => {
                let root = 5f64.sqrt();
                let likely = (root + 1.0) / (2.0 * root);
                let point = |u: f64| if u < likely { (1.0 - root) / 2.0 } else { (1.0 + root) / 2.0 };
                v.iter_mut().enumerate().for_each(|(g, v)| *v = point(stream.uniform(g as u64)));
            }
            WildWeights::Normal => {
                v.iter_mut().enumerate().for_each(|(g, v)| *v = stream.normal(g as u64));
            }
        }
    }

    fn found(
        &self,
        estimate: Option<Estimate>,
        statistic: f64,
        p_value: f64,
        draws: Vec<f64>,
    ) -> WildBootstrap {
        let failed = draws.iter().filter(|t| !t.is_finite()).count();
        let caveats = match failed {
            0 => vec![],
            _ => vec![Caveat::FailedDraws { failed, draws: draws.len() }],
        };
        WildBootstrap {
            estimate,
            statistic,
            p_value,
            draws,
            enumerated: self.enumerated,
            weights: self.weights,
            n_clusters: self.n_clusters,
            caveats,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Factor;
    use proptest::prelude::*;

    /// 90 rows in 9 clusters, two columns and a constant.
    fn formula() -> ClusteredRegression {
        let at = |f: &dyn Fn(f64) -> f64| (0..90).map(|i| f(f64::from(i))).collect::<Vec<f64>>();
        let x1 = at(&|i| (i * 1.3).sin() + (i % 9.0) * 0.1);
        let x2 = at(&|i| (i * 0.7).cos());
        let noise = at(&|i| (i * 2.9).sin() + 0.3 * ((i % 9.0) * 2.0).cos());
        let y: Vec<f64> = (0..90).map(|i| 1.0 + 0.3 * x1[i] - 0.5 * x2[i] + noise[i]).collect();
        let cluster = Factor::new(&(0..90).map(|i| i % 9).collect::<Vec<_>>());
        let columns = [("x1".to_owned(), x1), ("x2".to_owned(), x2), ("one".to_owned(), vec![1.0; 90])];
        ClusteredRegression::new(&columns, &y, &[], &cluster, None).unwrap()
    }

    fn as_packages(
        variance: ClusterVariance,
        scores: WildScores,
        null_imposed: bool,
    ) -> WildClusterBootstrapOptions {
        WildClusterBootstrapOptions {
            weights: Some(WildWeights::Rademacher),
            counting: Counting::Share,
            variance,
            scores,
            null_imposed,
            ..Default::default()
        }
    }

    /// Shares of the 512 sign vectors beyond, t-statistic and trimmed sum of squared draws of `wildboottest` 0.3.2
    /// (CR3 with its line 584 made to run under numpy 2).
    #[rustfmt::skip]
    const WILDBOOTTEST: [(ClusterVariance, WildScores, bool, f64, f64, f64); 8] = [
        (ClusterVariance::Cr1, WildScores::Ordinary, true, 0.26171875, 1.1433768167471874, 321.9737354552528),
        (ClusterVariance::Cr1, WildScores::Ordinary, false, 0.28515625, 1.1433768167471874, 362.1221147708348),
        (ClusterVariance::Cr1, WildScores::Jackknife, true, 0.27734375, 1.1433768167471874, 334.4235014392559),
        (ClusterVariance::Cr1, WildScores::Jackknife, false, 0.328125, 1.1433768167471874, 416.5683040335204),
        (ClusterVariance::Cr3, WildScores::Ordinary, true, 0.30078125, 1.050529756904254, 311.6339812835661),
        (ClusterVariance::Cr3, WildScores::Ordinary, false, 0.3125, 1.050529756904254, 345.0735005919464),
        (ClusterVariance::Cr3, WildScores::Jackknife, true, 0.3125, 1.050529756904254, 315.8837394198638),
        (ClusterVariance::Cr3, WildScores::Jackknife, false, 0.33984375, 1.050529756904254, 368.64421277467534),
    ];

    // 1e-9: two orders of summation of some hundred products.
    #[test]
    fn enumerated_draws_are_those_of_wildboottest() {
        let regression = formula();
        for (variance, scores, null_imposed, share, t, squares) in WILDBOOTTEST {
            let options = as_packages(variance, scores, null_imposed);
            let of_x1 = Restrictions::coefficient(0, 3, 0.0);
            let found = wild_cluster_bootstrap(&regression, &of_x1, &options).unwrap();
            assert!(found.enumerated && found.draws.len() == 512);
            let case = format!("{variance:?} {scores:?} {null_imposed}");
            assert!((found.statistic - t).abs() < 1e-9 * t.abs(), "{case}: t {}", found.statistic);
            assert!((found.p_value - share).abs() < 1e-12, "{case}: p {}", found.p_value);
            let mut found: Vec<f64> = found.draws.iter().map(|t| t * t).collect();
            found.sort_by(f64::total_cmp);
            let sum: f64 = found[..512 - 50].iter().sum();
            assert!((sum - squares).abs() < 1e-8 * squares, "{case}: squares {sum}");
        }
    }

    /// The bootstrap by its definition: every sample is made and regressed on all columns and dummies.
    fn by_definition(
        x: &Matrix,
        y: &[f64],
        weights: &[f64],
        cluster: &Factor,
        restrictions: &Restrictions,
        options: &WildClusterBootstrapOptions,
    ) -> (f64, Vec<f64>) {
        let (n, k) = (x.n_rows(), x.n_cols());
        let g = cluster.n_levels();
        let xw = Matrix::from_fn(n, k, |i, j| x[(i, j)] * weights[i]);
        let inverse = Cholesky::new(&x.t_mul(&xw)).unwrap().inverse();
        let fit = |y: &[f64]| inverse.mul_vec(&xw.t_mul_vec(y));
        let left = |y: &[f64], beta: &[f64]| -> Vec<f64> {
            y.iter().zip(x.mul_vec(beta)).map(|(y, f)| y - f).collect()
        };
        let r = &restrictions.matrix;
        let q = restrictions.len();
        let wald = |y: &[f64], value: &[f64]| {
            let beta = fit(y);
            let u = left(y, &beta);
            let mut scores = Matrix::zeros(k, g);
            (0..n).for_each(|i| (0..k).for_each(|j| scores[(j, cluster.at(i))] += xw[(i, j)] * u[i]));
            let psi = r.mul(&inverse.mul(&scores));
            let variance = psi.mul(&psi.transpose());
            let distance: Vec<f64> = r.mul_vec(&beta).iter().zip(value).map(|(b, r)| b - r).collect();
            match q {
                1 => distance[0] / variance[(0, 0)].sqrt(),
                _ => dot(&distance, &Cholesky::new(&variance).unwrap().solve(&distance)) / q as f64,
            }
        };
        let free = fit(y);
        let direction = restrictions.direction(&inverse).unwrap();
        let distance: Vec<f64> =
            r.mul_vec(&free).iter().zip(&restrictions.value).map(|(b, r)| b - r).collect();
        let beta: Vec<f64> = match options.null_imposed {
            true => free.iter().zip(direction.mul_vec(&distance)).map(|(b, d)| b - d).collect(),
            false => free.clone(),
        };
        let fitted = x.mul_vec(&beta);
        let u = left(y, &beta);
        let value = r.mul_vec(&beta);
        let draws = Draws::new(options, g).unwrap();
        let mut v = vec![0.0; g];
        let statistics = (0..draws.n).map(|b| {
            draws.fill(b, &mut v);
            let sample: Vec<f64> = (0..n).map(|i| fitted[i] + v[cluster.at(i)] * u[i]).collect();
            wald(&sample, &value)
        });
        (wald(y, &restrictions.value), statistics.collect())
    }

    /// Columns, outcome, effects, clusters, weights.
    type Sample = (Columns, Vec<f64>, Vec<Factor>, Factor, Vec<f64>);
    type Columns = Vec<(String, Vec<f64>)>;

    /// 60 rows: 10 units in 5 clusters over 6 periods, 3 seasons, some rows missing, weights.
    fn panel() -> Sample {
        let stream = Stream::new(77, 0);
        let rows: Vec<(u32, u32)> = (0..10)
            .flat_map(|u| (0..6).map(move |t| (u, t)))
            .filter(|&(u, t)| (u * 7 + t * 5) % 11 != 0)
            .collect();
        let at = |f: &dyn Fn(u32, u32, u64) -> f64| -> Vec<f64> {
            rows.iter().enumerate().map(|(i, &(u, t))| f(u, t, i as u64)).collect()
        };
        let d = at(&|u, t, _| f64::from(u8::from(u % 5 < 2 && t >= 2 + u % 2)));
        let x = at(&|_, _, i| stream.normal(i));
        let y = at(&|u, t, i| f64::from(u + t) + stream.normal(1000 + i) * f64::from(1 + u % 3));
        let w = at(&|_, _, i| 0.5 + stream.uniform(2000 + i));
        let factor = |f: &dyn Fn(u32, u32) -> u32| {
            Factor::new(&rows.iter().map(|&(u, t)| f(u, t)).collect::<Vec<_>>())
        };
        let effects = vec![factor(&|u, _| u), factor(&|_, t| t), factor(&|u, t| (u / 5 + t) % 3)];
        (vec![("d".into(), d), ("x".into(), x)], y, effects, factor(&|u, _| u % 5), w)
    }

    /// All columns and dummies of [`panel`], without those that depend on ones before.
    fn with_dummies(columns: &[(String, Vec<f64>)], effects: &[Factor]) -> Matrix {
        let n = columns[0].1.len();
        let mut all: Vec<Vec<f64>> = columns.iter().map(|(_, values)| values.clone()).collect();
        for effect in effects {
            let level = |l: usize| (0..n).map(|i| f64::from(u8::from(effect.at(i) == l))).collect();
            all.extend((0..effect.n_levels()).map(level));
        }
        let x = Matrix::from_columns(n, &all);
        x.select_cols(Qr::new(x.clone(), 1e-9).kept())
    }

    // The fast algorithm against the definition, weights and effects across clusters included; 1e-7 relative since
    // the normal equations of the definition lose digits.
    #[test]
    fn draws_are_those_of_the_definition() {
        let (columns, y, effects, cluster, w) = panel();
        let x = with_dummies(&columns, &effects);
        let regression = ClusteredRegression::new(&columns, &y, &effects, &cluster, Some(&w)).unwrap();
        let regression = regression.with_small_sample(1.0);
        let wide = |r: &Restrictions| {
            let matrix =
                Matrix::from_fn(r.len(), x.n_cols(), |i, j| if j < 2 { r.matrix[(i, j)] } else { 0.0 });
            Restrictions { matrix, value: r.value.clone() }
        };
        let hypotheses = [
            Restrictions::coefficient(0, 2, 0.0),
            Restrictions { matrix: Matrix::from_rows(&[&[1.0, -2.0]]), value: vec![0.4] },
            Restrictions { matrix: Matrix::from_rows(&[&[1.0, 1.0], &[0.0, 1.0]]), value: vec![0.2, -0.1] },
        ];
        for weights in [WildWeights::Webb, WildWeights::Mammen] {
            for (hypothesis, null_imposed) in hypotheses.iter().flat_map(|h| [(h, true), (h, false)]) {
                let options = WildClusterBootstrapOptions {
                    draws: 40,
                    weights: Some(weights),
                    null_imposed,
                    ..Default::default()
                };
                let found = wild_cluster_bootstrap(&regression, hypothesis, &options).unwrap();
                let (t, draws) = by_definition(&x, &y, &w, &cluster, &wide(hypothesis), &options);
                assert!((found.statistic - t).abs() < 1e-7 * t.abs(), "{} {t}", found.statistic);
                for (found, expected) in found.draws.iter().zip(&draws) {
                    assert!((found - expected).abs() < 1e-7 * (1.0 + expected.abs()), "{found}, {expected}");
                }
            }
        }
    }

    // An end of the interval is a value whose own test, run anew, has its p-value cross 5 %.
    #[test]
    fn interval_ends_are_where_the_test_turns() {
        let regression = formula();
        for (null_imposed, tail) in
            [(true, Tail::Symmetric), (true, Tail::EqualTailed), (false, Tail::Symmetric)]
        {
            let options = WildClusterBootstrapOptions {
                draws: 999,
                weights: Some(WildWeights::Webb),
                null_imposed,
                tail,
                ..Default::default()
            };
            let test =
                |r: f64| wild_cluster_bootstrap(&regression, &Restrictions::coefficient(0, 3, r), &options);
            let estimate = test(0.0).unwrap().estimate.unwrap();
            let step = 1e-5 * (estimate.conf_high - estimate.conf_low);
            for (end, outwards) in [(estimate.conf_low, -step), (estimate.conf_high, step)] {
                assert!(test(end + outwards).unwrap().p_value <= 0.05, "{null_imposed} {tail:?}");
                assert!(test(end - outwards).unwrap().p_value > 0.05, "{null_imposed} {tail:?}");
            }
            assert!(estimate.conf_low < estimate.conf_low_90 && estimate.conf_high_90 < estimate.conf_high);
        }
    }

    #[test]
    fn threads_do_not_change_the_draws() {
        let regression = formula();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let options = WildClusterBootstrapOptions { draws: 999, ..Default::default() };
            pool.install(|| {
                wild_cluster_bootstrap(&regression, &Restrictions::coefficient(1, 3, 0.0), &options).unwrap()
            })
        };
        assert_eq!(run(1), run(16));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        // Order of rows and scale of the outcome; p-values are counts, so they agree exactly.
        #[test]
        fn order_and_scale_leave_the_p_value(scale in 0.01..100.0f64, shift in -5.0..5.0f64, turn in 1usize..40) {
            let (columns, y, effects, cluster, w) = panel();
            let n = y.len();
            let turned: Vec<usize> = (0..n).map(|i| (i + turn) % n).collect();
            let take = |values: &[f64]| turned.iter().map(|&i| values[i]).collect::<Vec<f64>>();
            let columns_turned: Vec<(String, Vec<f64>)> =
                columns.iter().map(|(name, values)| (name.clone(), take(values))).collect();
            let y_turned: Vec<f64> = take(&y).iter().map(|y| shift + scale * y).collect();
            let effects_turned: Vec<Factor> = effects.iter().map(|f| f.select(&turned)).collect();
            let one = ClusteredRegression::new(&columns, &y, &effects, &cluster, Some(&w)).unwrap();
            let two = ClusteredRegression::new(
                &columns_turned, &y_turned, &effects_turned, &cluster.select(&turned), Some(&take(&w)),
            ).unwrap();
            let options = WildClusterBootstrapOptions { draws: 199, intervals: false, ..Default::default() };
            let test = |r: &ClusteredRegression| {
                wild_cluster_bootstrap(r, &Restrictions::coefficient(0, 2, 0.0), &options).unwrap()
            };
            let (one, two) = (test(&one), test(&two));
            prop_assert!((one.p_value - two.p_value).abs() < 1e-12);
            prop_assert!((one.statistic - two.statistic).abs() < 1e-7 * one.statistic.abs());
        }
    }

    #[test]
    fn a_panel_in_is_a_table_out() {
        let rows: Vec<(u32, u32)> = (0..14).flat_map(|i| (0..5).map(move |t| (i, t))).collect();
        let column = |f: &dyn Fn(u32, u32) -> f64| rows.iter().map(|&(i, t)| f(i, t)).collect::<Vec<_>>();
        let unit: Vec<u32> = rows.iter().map(|&(i, _)| i).collect();
        let y = column(&|i, t| Stream::new(6, u64::from(i)).normal(u64::from(t)));
        let cells = Cells::new(&unit, &column(&|_, t| f64::from(t) + 1.0), &y).unwrap();
        let dated = cells.clone().with_cohort(&column(&|i, _| if i < 7 { 3.0 } else { 0.0 })).unwrap();
        let table = wild_cluster_twfe(&dated, &WildClusterBootstrapOptions::default()).unwrap();
        let estimate = table.get("treatment").unwrap().estimate;
        assert!(estimate.conf_low < estimate.estimate && estimate.estimate < estimate.conf_high);
        assert_eq!((table.n_obs, table.n_units, table.n_clusters), (70, 14, Some(14)));
        let untreated = wild_cluster_twfe(&cells, &WildClusterBootstrapOptions::default()).unwrap_err();
        assert_eq!(untreated.kind(), ErrorKind::NoTreated);
    }

    // A true null is rejected at its nominal rate where theory promises it: 40 clusters, half of them treated.
    // Four standard errors of a rate of 5 % in 400 samples are 4.4 points.
    #[test]
    fn a_true_null_is_rejected_at_the_nominal_rate() {
        let cluster = Factor::new(&(0..400).map(|i| i / 10).collect::<Vec<_>>());
        let d: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i / 10 % 2 == 0))).collect();
        let options = WildClusterBootstrapOptions { draws: 199, intervals: false, ..Default::default() };
        let rejected = (0..400u64).filter(|&run| {
            let stream = Stream::new(run, 5);
            let y: Vec<f64> = (0..400).map(|i| stream.normal(1000 + i / 10) + stream.normal(i)).collect();
            let columns = [("d".to_owned(), d.clone()), ("one".to_owned(), vec![1.0; 400])];
            let regression = ClusteredRegression::new(&columns, &y, &[], &cluster, None).unwrap();
            wild_cluster_bootstrap(&regression, &Restrictions::coefficient(0, 2, 0.0), &options)
                .unwrap()
                .p_value
                <= 0.05
        });
        let rate = rejected.count() as f64 / 400.0;
        assert!((rate - 0.05).abs() < 0.044, "{rate}");
    }

    #[test]
    fn what_cannot_be_tested_is_refused() {
        let regression = formula();
        let kind = |r: &Restrictions, options: &WildClusterBootstrapOptions| {
            wild_cluster_bootstrap(&regression, r, options).unwrap_err().kind()
        };
        let default = WildClusterBootstrapOptions::default();
        assert_eq!(kind(&Restrictions::coefficient(0, 2, 0.0), &default), ErrorKind::Shape);
        let twice = Restrictions { matrix: Matrix::from_fn(2, 3, |_, _| 1.0), value: vec![0.0; 2] };
        assert_eq!(kind(&twice, &default), ErrorKind::Degenerate);
        let none = WildClusterBootstrapOptions { draws: 0, ..default };
        assert_eq!(kind(&Restrictions::coefficient(0, 3, 0.0), &none), ErrorKind::Domain);
        // A column that only one cluster has does not outlive that cluster.
        let d: Vec<f64> = (0..90).map(|i| f64::from(u8::from(i % 9 == 4 && i > 40))).collect();
        let cluster = Factor::new(&(0..90).map(|i| i % 9).collect::<Vec<_>>());
        let y: Vec<f64> = (0..90).map(|i| f64::from(i * i % 17)).collect();
        let columns = [("d".to_owned(), d), ("one".to_owned(), vec![1.0; 90])];
        let lonely = ClusteredRegression::new(&columns, &y, &[], &cluster, None).unwrap();
        let options = as_packages(ClusterVariance::Cr3, WildScores::Ordinary, true);
        let error =
            wild_cluster_bootstrap(&lonely, &Restrictions::coefficient(0, 2, 0.0), &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Degenerate);
    }
}
