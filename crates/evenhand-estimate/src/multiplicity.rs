//! Several tests at once.
//!
//! Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x: q_(k) = min over l >= k of n p_(l) / l; tests
//! with q <= 0.1 have at most 10 % false ones among them on average. Holm (1979): adjusted p_(k) = max over l <= k of
//! (n - l + 1) p_(l); holds the chance of any false one. As R `p.adjust`.
//! Assumptions: valid p-values; BH also independence or positive dependence. Known failure: a family chosen after the
//! results were seen.

use crate::{Error, ErrorKind, Result};

/// q-values in the order of `p`.
///
/// ```
/// use evenhand_estimate::benjamini_hochberg;
/// let q = benjamini_hochberg(&[0.01, 0.04, 0.03])?;
/// assert!((q[0] - 0.03).abs() < 1e-12 && (q[1] - 0.04).abs() < 1e-12 && (q[2] - 0.04).abs() < 1e-12);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Domain`] for a p-value outside [0, 1].
pub fn benjamini_hochberg(p: &[f64]) -> Result<Vec<f64>> {
    let order = ascending(p)?;
    let mut adjusted = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (rank, &i) in order.iter().enumerate().rev() {
        least = least.min(p[i] * p.len() as f64 / (rank + 1) as f64);
        adjusted[i] = least;
    }
    Ok(adjusted)
}

/// Adjusted p-values in the order of `p`.
///
/// # Errors
/// As [`benjamini_hochberg`].
pub fn holm(p: &[f64]) -> Result<Vec<f64>> {
    let order = ascending(p)?;
    let mut adjusted = vec![1.0; p.len()];
    let mut most: f64 = 0.0;
    for (rank, &i) in order.iter().enumerate() {
        most = most.max(p[i] * (p.len() - rank) as f64).min(1.0);
        adjusted[i] = most;
    }
    Ok(adjusted)
}

fn ascending(p: &[f64]) -> Result<Vec<usize>> {
    if let Some(p) = p.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(Error::new(ErrorKind::Domain, format!("p-value {p}, expected a number from 0 to 1")));
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Worked by hand from the definitions.
    #[test]
    fn small_families_come_out_as_by_hand() {
        let p = [0.005, 0.009, 0.019, 0.022, 0.051];
        let close = |found: Vec<f64>, expected: [f64; 5]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        };
        close(benjamini_hochberg(&p).unwrap(), [0.0225, 0.0225, 0.0275, 0.0275, 0.051]);
        close(holm(&p).unwrap(), [0.025, 0.036, 0.057, 0.057, 0.057]);
        assert!(benjamini_hochberg(&[]).unwrap().is_empty());
        assert_eq!(holm(&[f64::NAN]).unwrap_err().kind(), ErrorKind::Domain);
    }

    proptest! {
        #[test]
        fn order_is_kept_and_nothing_shrinks(p in proptest::collection::vec(0.0..=1.0f64, 1..20)) {
            let (q, h) = (benjamini_hochberg(&p).unwrap(), holm(&p).unwrap());
            for i in 0..p.len() {
                prop_assert!(p[i] <= q[i] + 1e-15 && q[i] <= h[i] + 1e-12 && h[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || (q[i] <= q[j] && h[i] <= h[j]));
                }
            }
        }
    }
}
