//! Randomization inference: the statistic is seen again with the adoption dates handed out to other units.
//!
//! **Estimand.** The p-value of no effect (or of the constant effect `r`) of the two-way fixed-effects regression
//! of an outcome on treatment, units and periods absorbed, and the interval of effects that are not rejected.
//!
//! **Formula.** Whole adoption vectors move among units, or among clusters with one adoption date, within strata.
//! In each arrangement the t-statistic with clustered (CR1) variance is found anew; `p = (1 + #{|t*| >= |t|}) /
//! (B + 1)`, or the plain share when all arrangements are listed. For the effect `r` the outcome is `y - r D`, so
//! that numerators move linearly and variances quadratically with `r`, and the interval needs no further draws.
//! In a balanced panel the within-transformed treatment of a unit depends on its cohort only: with `S_i(c)` the sum
//! of unit i's twice-demeaned outcomes from the start of cohort `c` on, every sum that a draw needs follows from
//! `S_i(c_i)` and the shares of the cohorts, O(units) a draw. Otherwise the treatment is absorbed in each draw.
//!
//! **Defaults.** The t-statistic (on the coefficient itself the test is wrong when treated units are more variable
//! than others); 4,999 draws, or all arrangements when they are no more; symmetric.
//!
//! **Assumes** that under the null units are exchangeable within strata but for their variance. Studentizing makes
//! it right in large samples without that (MacKinnon and Webb 2020, doi:10.1016/j.jeconom.2020.04.024). **Fails**
//! with one treated unit, where the p-value cannot fall below one over the number of units.

use super::clustered::ClusteredRegression;
use super::inversion::{Counting, Draw, Inversion, Tail};
use super::permutations::Permutations;
use crate::error::same_length;
use crate::regression::Absorber;
use crate::{Caveat, Cells, Error, ErrorKind, Estimate, Estimates, Factor, Matrix, Result, Term};
use evenhand_linalg::{Cholesky, dot};
use rayon::prelude::*;

/// What is compared across arrangements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RandomizationStatistic {
    /// The coefficient over its clustered standard error.
    #[default]
    T,
    /// The coefficient.
    Coefficient,
}

/// What exchanges adoption dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exchanged {
    /// Single units.
    Units,
    /// Whole clusters, each with one adoption date.
    Clusters,
}

/// Options of [`randomization_inference`].
#[derive(Debug, Clone, PartialEq)]
pub struct RandomizationOptions {
    /// The t-statistic by default.
    pub statistic: RandomizationStatistic,
    /// By default clusters where each has one adoption date, otherwise units.
    pub exchanged: Option<Exchanged>,
    /// Strata by row of the cells, constant within what is exchanged; none by default.
    pub strata: Option<Factor>,
    /// Draws, 4,999 by default.
    pub draws: usize,
    /// Seed of the arrangements, 20170201 by default.
    pub seed: u64,
    /// Which draws count, symmetric by default.
    pub tail: Tail,
    /// How they are counted, `(1 + #) / (B + 1)` by default.
    pub counting: Counting,
}

impl Default for RandomizationOptions {
    fn default() -> Self {
        Self {
            statistic: RandomizationStatistic::T,
            exchanged: None,
            strata: None,
            draws: 4_999,
            seed: 20_170_201,
            tail: Tail::Symmetric,
            counting: Counting::AddOne,
        }
    }
}

/// Results of [`randomization_inference`].
#[derive(Debug, Clone, PartialEq)]
pub struct RandomizationInference {
    /// The coefficient with its clustered standard error, the randomization p-value and intervals by inversion.
    pub estimate: Estimate,
    /// The statistic.
    pub statistic: f64,
    /// The randomization p-value.
    pub p_value: f64,
    /// The smallest p-value that these arrangements can give.
    pub p_floor: f64,
    /// The statistic in each arrangement.
    pub draws: Vec<f64>,
    /// Whether all arrangements were listed.
    pub exact: bool,
    /// What exchanged adoption dates.
    pub exchanged: Exchanged,
    /// How many units or clusters did.
    pub n_exchanged: usize,
    /// Number of clusters of the standard error.
    pub n_clusters: usize,
    /// Draws without an answer.
    pub caveats: Vec<Caveat>,
}

impl RandomizationInference {
    /// As a table of the one term `treatment`, with the cells and options that it came from.
    #[must_use]
    pub fn estimates(&self, cells: &Cells, options: &RandomizationOptions) -> Estimates {
        Estimates {
            method: "randomization-inference",
            terms: vec![Term::new("treatment", self.estimate)],
            vcov: None,
            n_obs: cells.n_obs(),
            n_units: cells.n_units(),
            n_periods: cells.periods().len(),
            n_clusters: Some(self.n_clusters),
            seed: (!self.exact).then_some(options.seed),
            options: vec![
                ("statistic", format!("{:?}", options.statistic)),
                ("exchanged", format!("{} {:?}", self.n_exchanged, self.exchanged)),
                ("strata", options.strata.as_ref().map_or(1, Factor::n_levels).to_string()),
                ("draws", self.draws.len().to_string()),
                ("exact", self.exact.to_string()),
                ("tail", format!("{:?}", options.tail)),
                ("counting", format!("{:?}", options.counting)),
            ],
            caveats: cells.caveats().iter().chain(&self.caveats).cloned().collect(),
        }
    }
}

/// Tests that treatment has no effect by handing out the adoption dates anew; the module says how.
///
/// ```
/// use evenhand_estimate::{Cells, RandomizationOptions, randomization_inference};
/// let (mut unit, mut period, mut outcome, mut cohort) = (vec![], vec![], vec![], vec![]);
/// for i in 0..9 {
///     for t in 0..6 {
///         let treated = i < 2 && t >= 3;
///         unit.push(i);
///         period.push(f64::from(t));
///         outcome.push((f64::from(i * t) * 1.3).sin() * 0.3 + if treated { 2.0 } else { 0.0 });
///         cohort.push(if i < 2 { 3.0 } else { 0.0 });
///     }
/// }
/// let cells = Cells::new(&unit, &period, &outcome)?.with_cohort(&cohort)?;
/// let found = randomization_inference(&cells, &RandomizationOptions::default())?;
/// assert!(found.exact && found.draws.len() == 36); // 9 choose 2
/// assert!((found.p_value - 1.0 / 36.0).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`]; [`ErrorKind::Domain`] for a treatment without adoption dates; [`ErrorKind::Shape`] for repeated cross-sections, or clusters or strata that vary
/// within what is exchanged; [`ErrorKind::Degenerate`] when there is one arrangement only; and those of
/// [`ClusteredRegression::twfe`].
pub fn randomization_inference(
    cells: &Cells,
    options: &RandomizationOptions,
) -> Result<RandomizationInference> {
    let design = Exchange::new(cells, options)?;
    let permutations =
        Permutations::new(&design.labels, design.strata.as_ref(), options.draws, options.seed)?;
    let regression = ClusteredRegression::twfe(cells)?;
    let closed = cells.is_balanced() && cells.weights().is_none() && cells.covariates().is_empty();
    let sums: Box<dyn Sums> = match closed {
        true => Box::new(Balanced::new(cells, &design)?),
        false => Box::new(Absorbed::new(cells, &design)?),
    };
    let actual = sums.draw(&design.labels).ok_or_else(|| {
        Error::new(ErrorKind::Collinear, "treatment does not vary within units and periods")
    })?;
    let std_error = (regression.small_sample * actual.q[0]).sqrt();
    if std_error.is_nan() || std_error <= 0.0 {
        return Err(Error::new(ErrorKind::Degenerate, "the clustered variance is 0: the fit is perfect"));
    }
    let shaped = |draw: Draw| match options.statistic {
        RandomizationStatistic::T => Draw { n: draw.n, q: draw.q.map(|q| q * regression.small_sample) },
        RandomizationStatistic::Coefficient => Draw { n: draw.n, q: [std_error * std_error, 0.0, 0.0] },
    };
    let all: Vec<usize> = (0..permutations.len()).collect();
    let draws: Vec<Option<Draw>> = all
        .par_chunks(64)
        .map(|some| {
            let mut labels = design.labels.clone();
            let one = |&b: &usize| {
                permutations.fill(b, &mut labels);
                sums.draw(&labels).map(shaped)
            };
            some.iter().map(one).collect::<Vec<_>>()
        })
        .collect::<Vec<_>>()
        .concat();
    let failed = draws.iter().filter(|draw| draw.is_none()).count();
    let inversion = Inversion {
        estimate: actual.n[0],
        std_error,
        draws: draws.into_iter().flatten().collect(),
        tail: options.tail,
        counting: options.counting,
        enumerated: permutations.is_exact(),
    };
    Ok(report(&inversion, &design, options, &regression, failed))
}

fn report(
    inversion: &Inversion,
    design: &Exchange,
    options: &RandomizationOptions,
    regression: &ClusteredRegression,
    failed: usize,
) -> RandomizationInference {
    let n = inversion.draws.len();
    let p_value = inversion.p_value(0.0);
    let t = inversion.estimate / inversion.std_error;
    let mut estimate =
        Estimate::from_intervals(inversion.estimate, inversion.interval(0.05), inversion.interval(0.1));
    estimate.std_error = Some(inversion.std_error);
    estimate.statistic = Some(t);
    estimate.p_value = Some(p_value);
    let scale = match options.statistic {
        RandomizationStatistic::T => 1.0,
        RandomizationStatistic::Coefficient => inversion.std_error,
    };
    let mut caveats = regression.caveats.clone();
    if failed > 0 {
        caveats.push(Caveat::FailedDraws { failed, draws: failed + n });
    }
    RandomizationInference {
        estimate,
        statistic: t * scale,
        p_value,
        p_floor: if inversion.enumerated { 1.0 / n as f64 } else { 1.0 / (n as f64 + 1.0) },
        draws: inversion.draws.iter().map(|draw| draw.statistic(0.0) * scale).collect(),
        exact: inversion.enumerated,
        exchanged: design.exchanged,
        n_exchanged: design.labels.len(),
        n_clusters: regression.n_clusters(),
        caveats,
    }
}

/// What a draw needs: numerators and squared scores, without the small-sample factor; `None` when the arrangement
/// leaves no variation in treatment.
trait Sums: Sync {
    fn draw(&self, labels: &[u32]) -> Option<Draw>;
}

/// Who may exchange with whom.
struct Exchange {
    exchanged: Exchanged,
    /// The block (unit or cluster) of each unit.
    block_of_unit: Vec<u32>,
    /// The cohort of each block, an index into `starts`.
    labels: Vec<u32>,
    /// The first treated period of each cohort, an index; the number of periods for units never treated.
    starts: Vec<usize>,
    strata: Option<Factor>,
    /// The cluster of each block.
    cluster_of_block: Vec<u32>,
}

impl Exchange {
    fn new(cells: &Cells, options: &RandomizationOptions) -> Result<Self> {
        if !cells.is_panel() {
            let message = "repeated cross-sections have no units that could exchange adoption dates";
            return Err(Error::new(ErrorKind::Shape, message));
        }
        if let Some(treatment) = cells.treatment() {
            let dated =
                |row: usize| (treatment[row] - f64::from(u8::from(cells.is_treated(row)))).abs() <= 0.0;
            if !(0..cells.n_obs()).all(dated) {
                let message =
                    "treatment is not 1 from an adoption date on and 0 before, which is what is exchanged";
                return Err(Error::new(ErrorKind::Domain, message));
            }
        }
        let (n_units, unit) = (cells.n_units(), cells.unit());
        let cohorts = cells.cohorts();
        if cohorts.is_empty() {
            return Err(Error::new(ErrorKind::NoTreated, "no unit has an adoption date, expected some"));
        }
        let mut starts: Vec<usize> =
            cohorts.iter().map(|&g| cells.periods().partition_point(|&t| t < g)).collect();
        starts.push(cells.periods().len());
        let label = |row: usize| {
            let g = cells.cohort()[row];
            let at = cohorts.partition_point(|&cohort| cohort < g);
            u32::try_from(at).unwrap_or(u32::MAX)
        };
        let mut label_of_unit = vec![0; n_units];
        (0..cells.n_obs()).for_each(|row| label_of_unit[unit.at(row)] = label(row));
        let cluster_of_unit = within(unit, cells.cluster(), "clusters")?;
        let uniform = {
            let mut of_cluster = vec![u32::MAX; cells.cluster().n_levels()];
            cluster_of_unit.iter().zip(&label_of_unit).all(|(&cluster, &label)| {
                let slot = &mut of_cluster[cluster as usize];
                *slot = if *slot == u32::MAX { label } else { *slot };
                *slot == label
            })
        };
        let exchanged =
            options.exchanged.unwrap_or(if uniform { Exchanged::Clusters } else { Exchanged::Units });
        if exchanged == Exchanged::Clusters && !uniform {
            let message = "a cluster has units with different adoption dates: exchange units, not clusters";
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let block_of_unit: Vec<u32> = match exchanged {
            Exchanged::Units => (0..n_units).map(|i| u32::try_from(i).unwrap_or(u32::MAX)).collect(),
            Exchanged::Clusters => cluster_of_unit.clone(),
        };
        let n_blocks = block_of_unit.iter().max().map_or(0, |&last| last as usize + 1);
        let (mut labels, mut cluster_of_block) = (vec![0; n_blocks], vec![0; n_blocks]);
        for (i, &block) in block_of_unit.iter().enumerate() {
            labels[block as usize] = label_of_unit[i];
            cluster_of_block[block as usize] = cluster_of_unit[i];
        }
        let strata = match &options.strata {
            None => None,
            Some(strata) => {
                same_length(cells.n_obs(), strata.len(), "rows and strata")?;
                let block = Factor::from_codes(
                    &(0..cells.n_obs()).map(|row| block_of_unit[unit.at(row)]).collect::<Vec<_>>(),
                );
                Some(Factor::from_codes(&within(&block, strata, "strata")?))
            }
        };
        Ok(Self { exchanged, block_of_unit, labels, starts, strata, cluster_of_block })
    }

    fn n_blocks(&self) -> usize {
        self.labels.len()
    }

    fn n_clusters(&self) -> usize {
        self.cluster_of_block.iter().max().map_or(0, |&last| last as usize + 1)
    }
}

/// The level of `outer` that holds each level of `inner`.
fn within(inner: &Factor, outer: &Factor, what: &str) -> Result<Vec<u32>> {
    let mut found = vec![u32::MAX; inner.n_levels()];
    for (&level, &of) in inner.codes().iter().zip(outer.codes()) {
        let slot = &mut found[level as usize];
        *slot = if *slot == u32::MAX { of } else { *slot };
        if *slot != of {
            let message = format!("{what} change within a unit or cluster, expected one for each");
            return Err(Error::new(ErrorKind::Shape, message));
        }
    }
    Ok(found)
}

/// Closed form for balanced panels without weights or covariates.
struct Balanced {
    n_cohorts: usize,
    n_periods: usize,
    starts: Vec<usize>,
    /// For each block and cohort the sum of twice-demeaned outcomes and actual treatments from its start on.
    from_start: Vec<[f64; 2]>,
    /// Units in each block.
    size: Vec<f64>,
    cluster_of_block: Option<Vec<u32>>,
    n_clusters: usize,
}

impl Balanced {
    fn new(cells: &Cells, design: &Exchange) -> Result<Self> {
        let (n_periods, n_cohorts, n_blocks) =
            (cells.periods().len(), design.starts.len(), design.n_blocks());
        let columns = absorbed(cells, &[])?.1;
        let mut from_start = vec![[0.0; 2]; n_blocks * n_cohorts];
        let mut size = vec![0.0; n_blocks];
        let mut after = vec![[0.0; 2]; n_periods + 1];
        for i in 0..cells.n_units() {
            let rows = i * n_periods..(i + 1) * n_periods;
            for t in (0..n_periods).rev() {
                let row = rows.start + t;
                after[t] = [after[t + 1][0] + columns[(row, 0)], after[t + 1][1] + columns[(row, 1)]];
            }
            let block = design.block_of_unit[i] as usize;
            size[block] += 1.0;
            for (c, &start) in design.starts.iter().enumerate() {
                let slot = &mut from_start[block * n_cohorts + c];
                (slot[0], slot[1]) = (slot[0] + after[start][0], slot[1] + after[start][1]);
            }
        }
        let alone = design.n_clusters() == n_blocks;
        Ok(Self {
            n_cohorts,
            n_periods,
            starts: design.starts.clone(),
            from_start,
            size,
            cluster_of_block: (!alone).then(|| design.cluster_of_block.clone()),
            n_clusters: design.n_clusters(),
        })
    }

    /// Sums of squares over time of the within-transformed treatment of each cohort, given the cohorts' shares.
    fn squares(&self, shares: &[f64]) -> Vec<f64> {
        let length = self.n_periods as f64;
        let treated = |c: usize, t: usize| f64::from(u8::from(t >= self.starts[c]));
        let of_period: Vec<f64> = (0..self.n_periods)
            .map(|t| (0..self.n_cohorts).map(|c| shares[c] * treated(c, t)).sum())
            .collect();
        let grand = of_period.iter().sum::<f64>() / length;
        (0..self.n_cohorts)
            .map(|c| {
                let mean = (self.n_periods - self.starts[c]) as f64 / length;
                let within = |t: usize| treated(c, t) - mean - of_period[t] + grand;
                (0..self.n_periods).map(|t| within(t) * within(t)).sum()
            })
            .collect()
    }
}

impl Sums for Balanced {
    fn draw(&self, labels: &[u32]) -> Option<Draw> {
        let mut shares = vec![0.0; self.n_cohorts];
        labels.iter().zip(&self.size).for_each(|(&c, size)| shares[c as usize] += size);
        let n_units: f64 = self.size.iter().sum();
        shares.iter_mut().for_each(|share| *share /= n_units);
        let squares = self.squares(&shares);
        let total: f64 = shares.iter().zip(&squares).map(|(share, square)| share * n_units * square).sum();
        if total <= 1e-9 * n_units {
            return None;
        }
        // The score of a block: its own sum less the mean of what it would be, the cohorts weighted by their shares.
        let score = |block: usize| {
            let own = &self.from_start[block * self.n_cohorts..(block + 1) * self.n_cohorts];
            let (mut y, mut d) = (0.0, 0.0);
            for (sums, share) in own.iter().zip(&shares) {
                y += share * sums[0];
                d += share * sums[1];
            }
            let own = own[labels[block] as usize];
            [own[0] - y, own[1] - d]
        };
        let mut scores: Vec<[f64; 2]> = (0..labels.len()).map(score).collect();
        let mut weight: Vec<f64> =
            labels.iter().zip(&self.size).map(|(&c, size)| size * squares[c as usize]).collect();
        if let Some(cluster) = &self.cluster_of_block {
            let (mut sums, mut weights) = (vec![[0.0; 2]; self.n_clusters], vec![0.0; self.n_clusters]);
            for (block, &g) in cluster.iter().enumerate() {
                let slot = &mut sums[g as usize];
                (slot[0], slot[1]) = (slot[0] + scores[block][0], slot[1] + scores[block][1]);
                weights[g as usize] += weight[block];
            }
            (scores, weight) = (sums, weights);
        }
        Some(ratio(&scores, &weight, total))
    }
}

/// Any panel: treatment is absorbed anew in each draw.
struct Absorbed {
    absorber: Absorber,
    starts: Vec<usize>,
    block: Vec<u32>,
    period: Factor,
    cluster: Factor,
    weights: Option<Vec<f64>>,
    /// Outcome and actual treatment, absorbed and without covariates, shape (n, 2).
    columns: Matrix,
    /// Absorbed covariates and the inverse of their Gram matrix.
    covariates: Option<(Matrix, Matrix)>,
}

impl Absorbed {
    fn new(cells: &Cells, design: &Exchange) -> Result<Self> {
        let names: Vec<usize> = (0..cells.covariates().len()).collect();
        let (absorber, all) = absorbed(cells, &names)?;
        let weights = cells.weights().map(<[f64]>::to_vec);
        let mut columns = all.select_cols(&[0, 1]);
        let covariates = match names.is_empty() {
            true => None,
            false => {
                let x = all.select_cols(&names.iter().map(|j| j + 2).collect::<Vec<_>>());
                let kept = evenhand_linalg::Qr::new(x.clone(), 1e-9).kept().to_vec();
                let x = x.select_cols(&kept);
                let gram = weighed(&x, weights.as_deref()).t_mul(&x);
                let inverse = Cholesky::new(&gram)
                    .ok_or_else(|| Error::new(ErrorKind::Collinear, "covariates depend on one another"))?
                    .inverse();
                Some((x, inverse))
            }
        };
        let block = (0..cells.n_obs()).map(|row| design.block_of_unit[cells.unit().at(row)]).collect();
        let cluster = cells.cluster().clone();
        if let Some((x, inverse)) = &covariates {
            for j in 0..2 {
                partial_out(columns.col_mut(j), x, inverse, weights.as_deref());
            }
        }
        let period = cells.period().clone();
        Ok(Self {
            absorber,
            starts: design.starts.clone(),
            block,
            period,
            cluster,
            weights,
            columns,
            covariates,
        })
    }
}

impl Sums for Absorbed {
    fn draw(&self, labels: &[u32]) -> Option<Draw> {
        let start: Vec<usize> = labels.iter().map(|&c| self.starts[c as usize]).collect();
        let mut x: Vec<f64> = (self.block.iter().zip(self.period.codes()))
            .map(|(&block, &t)| f64::from(u8::from(t as usize >= start[block as usize])))
            .collect();
        let before = dot(&x, &x);
        self.absorber.residualize_column(&mut x).ok()?;
        if let Some((covariates, inverse)) = &self.covariates {
            partial_out(&mut x, covariates, inverse, self.weights.as_deref());
        }
        if dot(&x, &x) <= 1e-9 * before {
            return None;
        }
        let n_clusters = self.cluster.n_levels();
        let (mut scores, mut weight) = (vec![[0.0; 2]; n_clusters], vec![0.0; n_clusters]);
        for (row, &x) in x.iter().enumerate() {
            let g = self.cluster.at(row);
            let wx = self.weights.as_ref().map_or(x, |w| x * w[row]);
            scores[g][0] += wx * self.columns[(row, 0)];
            scores[g][1] += wx * self.columns[(row, 1)];
            weight[g] += wx * x;
        }
        let total = weight.iter().sum();
        Some(ratio(&scores, &weight, total))
    }
}

/// The coefficients on outcome and actual treatment, and the squared scores of what they leave.
fn ratio(scores: &[[f64; 2]], weight: &[f64], total: f64) -> Draw {
    let sum = |j: usize| scores.iter().map(|score| score[j]).sum::<f64>() / total;
    let (y, d) = (sum(0), sum(1));
    let mut q = [0.0; 3];
    for (score, weight) in scores.iter().zip(weight) {
        let (of_y, of_d) = (score[0] - y * weight, score[1] - d * weight);
        q[0] += of_y * of_y;
        q[1] += of_y * of_d;
        q[2] += of_d * of_d;
    }
    Draw { n: [y, d], q: q.map(|q| q / (total * total)) }
}

/// Units and periods absorbed from outcome, treatment and the covariates named, in this order.
fn absorbed(cells: &Cells, covariates: &[usize]) -> Result<(Absorber, Matrix)> {
    let absorber = Absorber::new(&[cells.unit(), cells.period()], cells.weights())?;
    let mut columns = Matrix::from_fn(cells.n_obs(), 2 + covariates.len(), |row, j| match j {
        0 => cells.outcome()[row],
        1 => f64::from(u8::from(cells.is_treated(row))),
        _ => cells.covariates()[covariates[j - 2]].1[row],
    });
    absorber.residualize(&mut columns)?;
    Ok((absorber, columns))
}

fn weighed(x: &Matrix, weights: Option<&[f64]>) -> Matrix {
    match weights {
        None => x.clone(),
        Some(w) => Matrix::from_fn(x.n_rows(), x.n_cols(), |i, j| x[(i, j)] * w[i]),
    }
}

fn partial_out(column: &mut [f64], x: &Matrix, inverse: &Matrix, weights: Option<&[f64]>) {
    let products = match weights {
        None => x.t_mul_vec(column),
        Some(w) => x.t_mul_vec(&column.iter().zip(w).map(|(c, w)| c * w).collect::<Vec<_>>()),
    };
    let fitted = x.mul_vec(&inverse.mul_vec(&products));
    column.iter_mut().zip(fitted).for_each(|(c, f)| *c -= f);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    /// 12 units over 7 periods, cohorts 3, 5 and never; rows may be left out.
    fn rows(keep: impl Fn(u32, u32) -> bool) -> Vec<(u32, u32)> {
        (0..12).flat_map(|i| (0..7).map(move |t| (i, t))).filter(|&(i, t)| keep(i, t)).collect()
    }

    const NEVER: f64 = f64::INFINITY;

    fn cohort(i: u32) -> f64 {
        [3.0, 5.0, NEVER, NEVER][i as usize % 4]
    }

    fn outcome(i: u32, t: u32) -> f64 {
        let stream = Stream::new(31, u64::from(i));
        stream.normal(u64::from(t)) + f64::from(i) * 0.2 + f64::from(t * t) * 0.05 + stream.normal(99)
    }

    fn cells(rows: &[(u32, u32)], cohort: impl Fn(u32) -> f64) -> Cells {
        let column = |f: &dyn Fn(u32, u32) -> f64| rows.iter().map(|&(i, t)| f(i, t)).collect::<Vec<_>>();
        let unit: Vec<u32> = rows.iter().map(|&(i, _)| i).collect();
        let cells = Cells::new(&unit, &column(&|_, t| f64::from(t)), &column(&outcome)).unwrap();
        cells.with_cohort(&column(&|i, _| cohort(i))).unwrap()
    }

    fn clustered(cells: Cells, rows: &[(u32, u32)], cluster: impl Fn(u32) -> u32) -> Cells {
        cells.with_cluster(&Factor::new(&rows.iter().map(|&(i, _)| cluster(i)).collect::<Vec<_>>())).unwrap()
    }

    /// The t-statistic of the regression itself.
    fn t(cells: &Cells) -> f64 {
        let regression = ClusteredRegression::twfe(cells).unwrap();
        let sums = regression.sums();
        let meat: f64 = (0..regression.n_clusters())
            .map(|g| {
                let psi = dot(regression.inverse.col(0), sums.score.col(g));
                psi * psi
            })
            .sum();
        regression.beta[0] / (regression.small_sample * meat).sqrt()
    }

    // Draw by draw, the regression run anew on permuted adoption dates; 1e-9: two ways to demean.
    #[test]
    fn draws_are_regressions_on_permuted_dates() {
        let all = rows(|_, _| true);
        let some = rows(|i, t| (i * 5 + t * 3) % 13 != 0);
        let column = |rows: &[(u32, u32)], seed| -> Vec<f64> {
            (0..rows.len() as u64).map(|k| 0.5 + Stream::new(seed, 0).uniform(k)).collect()
        };
        let unequal = |i: u32| if i < 3 { i } else { i % 4 + 10 };
        type Make<'a> = Box<dyn Fn(&dyn Fn(u32) -> f64) -> Cells + 'a>;
        let designs: [(&str, Make<'_>); 6] = [
            ("balanced", Box::new(|g| cells(&all, g))),
            ("clusters of units", Box::new(|g| clustered(cells(&all, g), &all, |i| i / 3))),
            ("clusters exchange", Box::new(|g| clustered(cells(&all, g), &all, unequal))),
            ("unbalanced", Box::new(|g| cells(&some, g))),
            ("weights", Box::new(|g| cells(&all, g).with_weights(&column(&all, 4)).unwrap())),
            (
                "covariates",
                Box::new(|g| {
                    let cells = cells(&some, g).with_covariate("x", &column(&some, 8)).unwrap();
                    clustered(cells, &some, |i| i / 2)
                }),
            ),
        ];
        for (name, make) in designs {
            let options = RandomizationOptions { draws: 25, ..Default::default() };
            let design = Exchange::new(&make(&cohort), &options).unwrap();
            let found = randomization_inference(&make(&cohort), &options).unwrap();
            assert!((found.statistic - t(&make(&cohort))).abs() < 1e-9, "{name}");
            let permutations = Permutations::new(&design.labels, None, options.draws, options.seed).unwrap();
            for b in 0..permutations.len() {
                let labels = permutations.draw(b);
                let moved = |i: u32| match labels[design.block_of_unit[i as usize] as usize] {
                    0 => 3.0,
                    1 => 5.0,
                    _ => NEVER,
                };
                let expected = t(&make(&moved));
                assert!((found.draws[b] - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{name} {b}");
            }
        }
    }

    // An end of the interval is an effect whose own test, on the outcome without it, has its p-value cross 5 %.
    #[test]
    fn interval_ends_are_where_the_test_turns() {
        let all = rows(|_, _| true);
        for statistic in [RandomizationStatistic::T, RandomizationStatistic::Coefficient] {
            let options = RandomizationOptions { draws: 499, statistic, ..Default::default() };
            let cells = cells(&all, cohort);
            let found = randomization_inference(&cells, &options).unwrap().estimate;
            let p = |r: f64| {
                let without = (0..cells.n_obs())
                    .map(|row| cells.outcome()[row] - if cells.is_treated(row) { r } else { 0.0 })
                    .collect();
                randomization_inference(&cells.clone().with_outcome(without).unwrap(), &options)
                    .unwrap()
                    .p_value
            };
            let step = 1e-5 * (found.conf_high - found.conf_low);
            for (end, outwards) in [(found.conf_low, -step), (found.conf_high, step)] {
                assert!(p(end + outwards) <= 0.05 && p(end - outwards) > 0.05, "{statistic:?}");
            }
        }
    }

    #[test]
    fn few_units_are_permuted_in_all_ways_within_strata() {
        let all = rows(|i, _| i < 8);
        let cells = cells(&all, |i| if i == 0 || i == 5 { 3.0 } else { NEVER });
        let strata = Factor::new(&all.iter().map(|&(i, _)| i / 4).collect::<Vec<_>>());
        let options = RandomizationOptions { strata: Some(strata), ..Default::default() };
        let found = randomization_inference(&cells, &options).unwrap();
        assert!(found.exact && found.draws.len() == 16);
        assert!((found.p_floor - 1.0 / 16.0).abs() < 1e-15 && found.p_value >= found.p_floor);
        let table = found.estimates(&cells, &options);
        assert_eq!(table.terms[0].estimate.p_value, Some(found.p_value));
        assert_eq!((table.n_units, table.n_periods, table.n_clusters, table.seed), (8, 7, Some(8), None));
        // With 16 arrangements no effect is rejected at 5 %, and none could be.
        assert!(found.estimate.conf_low.is_infinite() && found.estimate.conf_high.is_infinite());
    }

    #[test]
    fn threads_do_not_change_the_draws() {
        let all = rows(|_, _| true);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                randomization_inference(&cells(&all, cohort), &RandomizationOptions::default()).unwrap()
            })
        };
        assert_eq!(run(1), run(16));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn scale_and_shift_leave_the_p_value(scale in 0.01..100.0f64, shift in -50.0..50.0f64) {
            let cells = cells(&rows(|_, _| true), cohort);
            let moved = cells.outcome().iter().map(|y| shift + scale * y).collect();
            let options = RandomizationOptions { draws: 199, ..Default::default() };
            let one = randomization_inference(&cells, &options).unwrap();
            let two = randomization_inference(&cells.clone().with_outcome(moved).unwrap(), &options).unwrap();
            prop_assert!((one.p_value - two.p_value).abs() < 1e-12);
            prop_assert!((two.estimate.estimate - scale * one.estimate.estimate).abs() < 1e-9 * scale);
        }
    }

    // Exchangeable units: an exact test keeps its level. Four standard errors of 5 % in 400 samples are 4.4 points.
    #[test]
    fn a_true_null_is_rejected_at_the_nominal_rate() {
        let all = rows(|_, _| true);
        let options = RandomizationOptions { draws: 199, ..Default::default() };
        let rejected = (0..400u64).filter(|&run| {
            let stream = Stream::new(run, 3);
            let y = (0..all.len() as u64).map(|k| stream.normal(k) + stream.normal(1000 + k / 7)).collect();
            let cells = cells(&all, cohort).with_outcome(y).unwrap();
            randomization_inference(&cells, &options).unwrap().p_value <= 0.05
        });
        let rate = rejected.count() as f64 / 400.0;
        assert!((rate - 0.05).abs() < 0.044, "{rate}");
    }

    #[test]
    fn what_cannot_be_exchanged_is_refused() {
        let all = rows(|_, _| true);
        let kind = |cells: &Cells, options: &RandomizationOptions| {
            randomization_inference(cells, options).unwrap_err().kind()
        };
        let default = RandomizationOptions::default();
        assert_eq!(kind(&cells(&all, |_| NEVER), &default), ErrorKind::NoTreated);
        assert_eq!(kind(&cells(&all, |_| 3.0), &default), ErrorKind::Degenerate);
        let mixed = clustered(cells(&all, cohort), &all, |i| i / 2);
        let clusters = RandomizationOptions { exchanged: Some(Exchanged::Clusters), ..default.clone() };
        assert_eq!(kind(&mixed, &clusters), ErrorKind::Shape);
        let strata = Factor::new(&all.iter().map(|&(_, t)| t).collect::<Vec<_>>());
        let by_period = RandomizationOptions { strata: Some(strata), ..default.clone() };
        assert_eq!(kind(&cells(&all, cohort), &by_period), ErrorKind::Shape);
        let crossed = Cells::cross_sections(&[1.0, 2.0], &[0.0, 1.0]).unwrap();
        assert_eq!(kind(&crossed, &default), ErrorKind::Shape);
    }
}
