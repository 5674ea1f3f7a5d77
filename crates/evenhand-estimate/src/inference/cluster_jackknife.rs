use super::clustered::ClusteredRegression;
use crate::error::{finite, same_length};
use crate::{Caveat, Error, ErrorKind, Estimate, Result};

/// What happens to an estimate when each cluster (unit, cohort, donor) in turn is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct DeleteOne {
    /// The estimate with all of them, its jackknife standard error (CR3), and t(G - 1).
    pub estimate: Estimate,
    /// The estimate without each, in the order of the names; `None` where there is none.
    pub without: Vec<(String, Option<f64>)>,
    /// The smallest of these.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// How many have the other sign than the estimate with all.
    pub sign_changes: usize,
    /// The place in `without` of the one that moves the estimate most.
    pub most_influential: usize,
    /// Deletions that gave no estimate.
    pub caveats: Vec<Caveat>,
}

/// The cluster jackknife of one coefficient: its value without each cluster, exact with all absorbed effects
/// estimated anew, and the CR3 standard error `sqrt((G - 1) / G * sum_g (b_g - b)^2)`.
///
/// MacKinnon, Nielsen and Webb (2023), doi:10.1002/jae.2969; R `summclust` and `wildboottest` (CR3) agree to 1e-8.
/// With few or unequal clusters it is more honest than the sandwich, and it names the cluster that decides.
///
/// ```
/// use evenhand_estimate::{ClusteredRegression, Factor, cluster_jackknife};
/// let x: Vec<f64> = (0..20).map(|i| f64::from(i % 5)).collect();
/// let y: Vec<f64> = (0..20).map(|i| f64::from(i % 5) * 2.0 + f64::from(i / 4)).collect();
/// let cluster = Factor::new(&(0..20).map(|i| i / 4).collect::<Vec<_>>());
/// let columns = [("x".to_owned(), x), ("one".to_owned(), vec![1.0; 20])];
/// let regression = ClusteredRegression::new(&columns, &y, &[], &cluster, None)?;
/// let names: Vec<String> = "abcde".chars().map(String::from).collect();
/// let found = cluster_jackknife(&regression, "x", &names)?;
/// assert_eq!((found.without.len(), found.sign_changes), (5, 0));
/// assert!(found.low <= found.estimate.estimate && found.estimate.estimate <= found.high);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`] without that column, or with names that are not one for each cluster;
/// [`ErrorKind::Domain`] for too many absorbed levels; those of [`delete_one`].
pub fn cluster_jackknife(
    regression: &ClusteredRegression,
    column: &str,
    names: &[String],
) -> Result<DeleteOne> {
    same_length(regression.n_clusters(), names.len(), "clusters and names")?;
    let j = regression.column(column)?;
    let sums = regression.sums();
    let scores = sums.scores();
    let l = sums.level_residual.n_rows();
    let changes = regression.leave_out(&sums, |g, left_out| {
        let mut unit = vec![0.0; l + regression.beta.len()];
        unit[l + j] = 1.0;
        left_out.rest().solve(&unit).map(|row| -evenhand_linalg::dot(&row, scores.col(g)))
    })?;
    let full = regression.beta[j];
    delete_one(full, names, |g| {
        changes[g].map(|change| full + change).ok_or_else(|| {
            Error::new(ErrorKind::Degenerate, format!("`{column}` is not identified without {}", names[g]))
        })
    })
}

/// The same for any estimator: `without(g)` is the estimate with the `g`-th of `names` left out.
///
/// Deletions that fail are named in a caveat; the standard error then rests on the others.
///
/// # Errors
/// [`ErrorKind::NonFinite`] for an estimate that is not a number; [`ErrorKind::TooFewClusters`] when fewer than two
/// deletions give an estimate.
pub fn delete_one(full: f64, names: &[String], without: impl Fn(usize) -> Result<f64>) -> Result<DeleteOne> {
    finite(full, "estimate")?;
    let mut found = Vec::with_capacity(names.len());
    let mut caveats = Vec::new();
    for (g, name) in names.iter().enumerate() {
        let one = match without(g) {
            Ok(estimate) => Some(finite(estimate, &format!("estimate without {name}"))?),
            Err(error) => {
                let what = format!("estimate without {name}");
                caveats.push(Caveat::NotEstimated { what, why: error.to_string() });
                None
            }
        };
        found.push((name.clone(), one));
    }
    let known: Vec<(usize, f64)> =
        found.iter().enumerate().filter_map(|(g, (_, one))| one.map(|b| (g, b))).collect();
    if known.len() < 2 {
        let message =
            format!("{} of {} deletions gave an estimate, expected at least 2", known.len(), names.len());
        return Err(Error::new(ErrorKind::TooFewClusters, message));
    }
    let n = known.len() as f64;
    let squares: f64 = known.iter().map(|(_, b)| (b - full).powi(2)).sum();
    let std_error = ((n - 1.0) / n * squares).sqrt();
    let far = |one: &(usize, f64)| (one.1 - full).abs();
    let most = known.iter().fold(known[0], |most, one| if far(one) > far(&most) { *one } else { most });
    Ok(DeleteOne {
        estimate: Estimate::from_std_error(full, std_error, Some(n - 1.0)),
        low: known.iter().fold(f64::INFINITY, |low, (_, b)| low.min(*b)),
        high: known.iter().fold(f64::NEG_INFINITY, |high, (_, b)| high.max(*b)),
        sign_changes: known.iter().filter(|(_, b)| b * full < 0.0).count(),
        most_influential: most.0,
        without: found,
        caveats,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cells, Factor, Stream};

    fn cells(leave_out: Option<u32>) -> Cells {
        let stream = Stream::new(8, 0);
        let rows: Vec<(u32, u32)> = (0..9)
            .flat_map(|i| (0..6).map(move |t| (i, t)))
            .filter(|&(i, t)| Some(i / 3) != leave_out && (i * 5 + t * 3) % 11 != 0)
            .collect();
        let column = |f: &dyn Fn(u32, u32) -> f64| rows.iter().map(|&(i, t)| f(i, t)).collect::<Vec<_>>();
        let unit: Vec<u32> = rows.iter().map(|&(i, _)| i).collect();
        let y = column(&|i, t| stream.normal(u64::from(i * 6 + t)) + f64::from(i * i + t));
        let cells = Cells::new(&unit, &column(&|_, t| f64::from(t) + 1.0), &y).unwrap();
        let cells = cells.with_cohort(&column(&|i, _| if i % 2 == 0 { 4.0 } else { 0.0 })).unwrap();
        let weights = column(&|i, t| 0.5 + stream.uniform(u64::from(500 + i * 6 + t)));
        let cluster = Factor::new(&rows.iter().map(|&(i, _)| i / 3).collect::<Vec<_>>());
        cells.with_weights(&weights).unwrap().with_cluster(&cluster).unwrap()
    }

    // The regression run anew without the rows of a cluster; 1e-9: it is the same least-squares problem.
    #[test]
    fn leaving_out_is_running_the_regression_without() {
        let names: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let regression = ClusteredRegression::twfe(&cells(None)).unwrap();
        let found = cluster_jackknife(&regression, "treatment", &names).unwrap();
        let again = delete_one(found.estimate.estimate, &names, |g| {
            Ok(ClusteredRegression::twfe(&cells(Some(g as u32)))?.coefficients()[0])
        })
        .unwrap();
        for (one, two) in found.without.iter().zip(&again.without) {
            assert!((one.1.unwrap() - two.1.unwrap()).abs() < 1e-9, "{one:?} {two:?}");
        }
        assert_eq!(found.most_influential, again.most_influential);
    }

    // b_g - b of 1, -1, 2 and 0: three quarters of 6 under the root.
    #[test]
    fn deletions_are_summed_up() {
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(String::from).to_vec();
        let found = delete_one(0.5, &names, |g| match g {
            4 => Err(Error::new(ErrorKind::NoTreated, "no treated unit is left")),
            _ => Ok(0.5 + [1.0, -1.0, 2.0, 0.0][g]),
        })
        .unwrap();
        assert!((found.estimate.std_error.unwrap() - (0.75f64 * 6.0).sqrt()).abs() < 1e-15);
        assert_eq!((found.most_influential, found.sign_changes, found.caveats.len()), (2, 1, 1));
        assert!((found.low + 0.5).abs() < 1e-15 && (found.high - 2.5).abs() < 1e-15);
    }

    #[test]
    fn names_and_columns_are_checked() {
        let regression = ClusteredRegression::twfe(&cells(None)).unwrap();
        let names: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let kind = |column: &str, names: &[String]| {
            cluster_jackknife(&regression, column, names).unwrap_err().kind()
        };
        assert_eq!(kind("other", &names), ErrorKind::Shape);
        assert_eq!(kind("treatment", &names[..2]), ErrorKind::Shape);
        let none = delete_one(1.0, &names, |_| Err(Error::new(ErrorKind::NoTreated, "none")));
        assert_eq!(none.unwrap_err().kind(), ErrorKind::TooFewClusters);
    }
}
