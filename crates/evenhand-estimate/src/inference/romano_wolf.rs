use crate::error::{finite, same_length};
use crate::{Error, ErrorKind, Matrix, Result};

/// Step-down p-values for several hypotheses at once, adjusted for their dependence.
///
/// Romano and Wolf (2005), doi:10.1198/016214504000000539; p-values as in Romano and Wolf (2016),
/// doi:10.1016/j.spl.2016.02.012. `statistics` holds the m test statistics, `draws` (shape (B, m)) their joint
/// draws under the null, centred there: from one bootstrap or one set of permutations applied to all outcomes. In
/// falling order of |t|, `p_(j) = (1 + #{max over the hypotheses not yet passed of |t*| >= |t_(j)|}) / (B + 1)`,
/// made monotone. The family-wise error rate is held in large samples; with one hypothesis this is its own
/// p-value. Where there are no joint draws use [`holm`](crate::holm).
///
/// ```
/// use evenhand_estimate::{Matrix, romano_wolf};
/// let draws = Matrix::from_rows(&[&[0.1, -0.4], &[1.2, 0.9], &[-0.3, 2.5], &[0.2, -0.1]]);
/// assert_eq!(romano_wolf(&[2.0, -3.0], &draws)?, [0.2, 0.2]);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`] without draws, or with columns that are not one for each statistic;
/// [`ErrorKind::NonFinite`].
pub fn romano_wolf(statistics: &[f64], draws: &Matrix) -> Result<Vec<f64>> {
    same_length(statistics.len(), draws.n_cols(), "statistics and columns of draws")?;
    if draws.n_rows() == 0 && !statistics.is_empty() {
        return Err(Error::new(ErrorKind::Shape, "no draws, expected at least one"));
    }
    statistics.iter().chain(draws.data()).try_for_each(|&t| finite(t, "statistic").map(drop))?;
    let mut order: Vec<usize> = (0..statistics.len()).collect();
    order.sort_by(|&i, &j| statistics[j].abs().total_cmp(&statistics[i].abs()));
    // From the smallest statistic up, the running maximum of a draw is over the hypotheses not yet passed.
    let mut largest = vec![0.0f64; draws.n_rows()];
    let mut p_values = vec![0.0; statistics.len()];
    for &j in order.iter().rev() {
        largest.iter_mut().zip(draws.col(j)).for_each(|(most, t)| *most = most.max(t.abs()));
        let reached = largest.iter().filter(|&&most| most >= statistics[j].abs()).count();
        p_values[j] = (1 + reached) as f64 / (1 + draws.n_rows()) as f64;
    }
    let mut floor = 0.0f64;
    for &j in &order {
        floor = floor.max(p_values[j]);
        p_values[j] = floor;
    }
    Ok(p_values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    fn normal_draws(b: usize, m: usize, rho: f64, seed: u64) -> Matrix {
        let stream = Stream::new(seed, 0);
        let common: Vec<f64> = (0..b).map(|i| stream.normal((m * b + i) as u64)).collect();
        Matrix::from_fn(b, m, |i, j| {
            rho.sqrt() * common[i] + (1.0 - rho).sqrt() * stream.normal((j * b + i) as u64)
        })
    }

    // Perfect dependence needs no adjustment, independence that of Šidák: 1 - (1 - p)^m for the largest.
    #[test]
    fn dependence_between_the_extremes_moves_the_adjustment() {
        let t = [2.2, 1.0, 0.3, 0.1];
        let alone = romano_wolf(&t[..1], &normal_draws(20_000, 1, 0.0, 3)).unwrap()[0];
        let same = romano_wolf(&t, &normal_draws(20_000, 4, 1.0, 3)).unwrap();
        let apart = romano_wolf(&t, &normal_draws(20_000, 4, 0.0, 3)).unwrap();
        // Four standard errors of a share of 0.11 in 20,000 draws.
        assert!((same[0] - 0.0278).abs() < 0.005 && (alone - 0.0278).abs() < 0.005, "{same:?} {alone}");
        assert!((apart[0] - (1.0 - (1.0f64 - 0.0278).powi(4))).abs() < 0.009, "{apart:?}");
        assert!(apart.is_sorted());
    }

    proptest! {
        #[test]
        fn order_and_sign_do_not_matter(seed in 0u64..500, flip in 0usize..4) {
            let draws = normal_draws(99, 4, 0.4, seed);
            let t: Vec<f64> = (0..4).map(|j| 2.0 * Stream::new(seed, 9).normal(j)).collect();
            let p = romano_wolf(&t, &draws).unwrap();
            let turned: Vec<f64> = (0..4).map(|j| t[(j + flip) % 4]).collect();
            let columns: Vec<usize> = (0..4).map(|j| (j + flip) % 4).collect();
            let q = romano_wolf(&turned, &draws.select_cols(&columns).scaled(-1.0)).unwrap();
            for j in 0..4 {
                prop_assert!((q[j] - p[(j + flip) % 4]).abs() < 1e-15);
                prop_assert!(p[j] >= 0.01 && p[j] <= 1.0);
            }
        }
    }

    #[test]
    fn shapes_and_numbers_are_checked() {
        assert_eq!(romano_wolf(&[1.0], &Matrix::zeros(3, 2)).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(romano_wolf(&[1.0], &Matrix::zeros(0, 1)).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(romano_wolf(&[f64::NAN], &Matrix::zeros(3, 1)).unwrap_err().kind(), ErrorKind::NonFinite);
        assert!(romano_wolf(&[], &Matrix::zeros(0, 0)).unwrap().is_empty());
    }
}
