use crate::error::{finite, proportion, same_length};
use crate::{Error, ErrorKind, Estimates, Result};
use evenhand_linalg::{Matrix, SymmetricEigen};

/// Coefficients of an event study in the order of time, the reference period left out, and their covariance.
///
/// ```
/// use evenhand_estimate::{EventCoefficients, Matrix};
/// // Two periods before the reference, one after.
/// let event = EventCoefficients::new(&[0.1, -0.1, 0.6], &Matrix::identity(3).scaled(0.01), 2)?;
/// assert_eq!((event.n_pre(), event.n_post()), (2, 1));
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EventCoefficients {
    beta: Vec<f64>,
    sigma: Matrix,
    n_pre: usize,
    symmetric_positive: bool,
}

impl EventCoefficients {
    /// `beta` and its covariance `sigma`, shape (k, k); the first `n_pre` come before the reference period.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`], [`ErrorKind::TooFewPeriods`] when there is none before or none
    /// after.
    pub fn new(beta: &[f64], sigma: &Matrix, n_pre: usize) -> Result<Self> {
        same_length(beta.len(), sigma.n_rows(), "coefficients and rows of the covariance")?;
        same_length(beta.len(), sigma.n_cols(), "coefficients and columns of the covariance")?;
        beta.iter().try_for_each(|&b| finite(b, "coefficient").map(drop))?;
        sigma.data().iter().try_for_each(|&s| finite(s, "covariance").map(drop))?;
        if n_pre == 0 || n_pre >= beta.len() {
            let message = format!(
                "{n_pre} of {} coefficients before treatment, expected at least one before and one after",
                beta.len()
            );
            return Err(Error::new(ErrorKind::TooFewPeriods, message));
        }
        let size = sigma.diagonal().iter().fold(0.0f64, |size, v| size.max(v.abs()));
        let mean = sigma.clone().plus(&sigma.transpose(), 1.0).scaled(0.5);
        let apart = sigma.data().iter().zip(mean.data()).fold(0.0f64, |most, (a, b)| most.max((a - b).abs()));
        let least =
            SymmetricEigen::new(&mean).and_then(|eigen| eigen.values.first().copied()).unwrap_or(f64::NAN);
        let symmetric_positive = apart <= 1e-8 * size && least >= -1e-12 * size;
        Ok(Self { beta: beta.to_vec(), sigma: mean, n_pre, symmetric_positive })
    }

    /// The terms of `estimates` that have an event time other than `reference` (-1 by custom).
    ///
    /// # Errors
    /// Those of [`new`](Self::new); [`ErrorKind::Shape`] without a covariance; [`ErrorKind::TooFewPeriods`] when event
    /// times skip a period: changes from one period to the next would not be comparable.
    pub fn from_estimates(estimates: &Estimates, reference: i64) -> Result<Self> {
        let Some(vcov) = &estimates.vcov else {
            let message = format!("{}: no covariance of its terms, expected one", estimates.method);
            return Err(Error::new(ErrorKind::Shape, message));
        };
        same_length(vcov.n_rows(), estimates.terms.len(), "rows of the covariance and terms")?;
        let mut at: Vec<(i64, usize)> = (estimates.terms.iter().enumerate())
            .filter_map(|(row, term)| Some((term.event_time.filter(|&e| e != reference)?, row)))
            .collect();
        at.sort_unstable();
        for pair in at.windows(2) {
            let (one, two) = (pair[0].0, pair[1].0);
            let step = if one < reference && reference < two { 2 } else { 1 };
            if two - one != step {
                let message =
                    format!("event times {one} and {two} in a row, expected every period around {reference}");
                return Err(Error::new(ErrorKind::TooFewPeriods, message));
            }
        }
        let near = |side: &dyn Fn(i64) -> bool| at.iter().any(|&(e, _)| side(e));
        if !near(&|e| e == reference - 1) || !near(&|e| e == reference + 1) {
            let message =
                format!("no event time beside the reference {reference}, expected one on each side");
            return Err(Error::new(ErrorKind::TooFewPeriods, message));
        }
        let rows: Vec<usize> = at.iter().map(|&(_, row)| row).collect();
        let beta: Vec<f64> = rows.iter().map(|&row| estimates.terms[row].estimate.estimate).collect();
        let sigma = vcov.select_rows(&rows).select_cols(&rows);
        Self::new(&beta, &sigma, at.iter().filter(|&&(e, _)| e < reference).count())
    }

    /// The coefficients.
    #[must_use]
    pub fn beta(&self) -> &[f64] {
        &self.beta
    }

    /// Their covariance, shape (k, k).
    #[must_use]
    pub fn sigma(&self) -> &Matrix {
        &self.sigma
    }

    /// How many come before the reference period.
    #[must_use]
    pub fn n_pre(&self) -> usize {
        self.n_pre
    }

    /// How many come after.
    #[must_use]
    pub fn n_post(&self) -> usize {
        self.beta.len() - self.n_pre
    }

    /// Whether the covariance was given symmetric, and without a negative eigenvalue, to rounding.
    #[must_use]
    pub fn is_covariance(&self) -> bool {
        self.symmetric_positive
    }

    pub(super) fn target_variance(&self, target: &[f64]) -> f64 {
        let mut weights = vec![0.0; self.n_pre];
        weights.extend_from_slice(target);
        self.sigma.bilinear(&weights, &weights)
    }

    pub(super) fn target_estimate(&self, target: &[f64]) -> f64 {
        self.beta[self.n_pre..].iter().zip(target).map(|(b, l)| b * l).sum()
    }

    pub(super) fn check(&self, target: &[f64], m: f64, alpha: f64) -> Result<()> {
        same_length(target.len(), self.n_post(), "weights of the target and coefficients after treatment")?;
        target.iter().try_for_each(|&l| finite(l, "weight of the target").map(drop))?;
        proportion(alpha, "alpha")?;
        if target.iter().all(|l| l.abs() <= 0.0) {
            return Err(Error::new(ErrorKind::Domain, "a target with no weight, expected some"));
        }
        if !(m >= 0.0 && m.is_finite()) {
            return Err(Error::new(ErrorKind::Domain, format!("bound {m}, expected 0 or more")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Estimate, Term};

    fn estimates(times: &[i64]) -> Estimates {
        let terms: Vec<Term> = times
            .iter()
            .map(|&e| Term::at_event_time(e, Estimate::from_std_error(e as f64, 1.0, None)))
            .chain([Term::new("x", Estimate::from_std_error(9.0, 1.0, None))])
            .collect();
        let k = terms.len();
        Estimates {
            method: "event-study",
            terms,
            vcov: Some(Matrix::from_fn(k, k, |i, j| if i == j { 1.0 + i as f64 } else { 0.0 })),
            n_obs: 0,
            n_units: 0,
            n_periods: 0,
            n_clusters: None,
            seed: None,
            options: Vec::new(),
            caveats: Vec::new(),
        }
    }

    #[test]
    fn terms_are_put_in_the_order_of_time_without_the_reference() {
        let event = EventCoefficients::from_estimates(&estimates(&[1, -3, 0, -1, -2]), -1).unwrap();
        assert_eq!((event.beta(), event.n_pre()), (&[-3.0, -2.0, 0.0, 1.0][..], 2));
        assert_eq!(event.sigma().diagonal(), [2.0, 5.0, 3.0, 1.0]);
    }

    #[test]
    fn gaps_and_one_sided_windows_are_refused() {
        let kind =
            |times: &[i64]| EventCoefficients::from_estimates(&estimates(times), -1).unwrap_err().kind();
        assert_eq!(kind(&[-4, -2, 0]), ErrorKind::TooFewPeriods);
        assert_eq!(kind(&[-3, 0, 1]), ErrorKind::TooFewPeriods);
        assert_eq!(kind(&[0, 1]), ErrorKind::TooFewPeriods);
        let mut without = estimates(&[-2, 0]);
        without.vcov = None;
        assert_eq!(EventCoefficients::from_estimates(&without, -1).unwrap_err().kind(), ErrorKind::Shape);
        let bad = EventCoefficients::new(&[f64::NAN, 1.0], &Matrix::identity(2), 1).unwrap_err();
        assert_eq!(bad.kind(), ErrorKind::NonFinite);
    }
}
