//! The conditional test of Andrews, Roth and Pakes (2023) and its hybrids, at one value of the effect.

use super::linear_program::{Maximum, Polyhedron};
use super::restriction::Piece;
use super::{EventCoefficients, FixedLength};
use crate::truncated_normal::share_above;
use crate::{Error, ErrorKind, Result};
use evenhand_linalg::{Matrix, SymmetricEigen, dot};

/// Beyond so many standard errors a normal variable is never seen.
const FAR: f64 = 40.0;

/// What rejects before the conditional test is looked at.
#[derive(Debug, Clone)]
pub(super) enum FirstStage {
    /// Nothing: the conditional test alone.
    None,
    /// `eta` above this value.
    LeastFavorable(f64),
    /// An effect outside a fixed-length interval: its centre, half length, and covariance with the moments.
    FixedLength { centre: f64, half_length: f64, covariance: Vec<f64> },
}

/// Tests "the effect is theta and the difference in trends lies in this piece". The moments `A beta - d - A tau`, over
/// their standard errors, have means of 0 or less at the true effects `tau`; those of `tau` that are not the target
/// are minimized out:
/// `eta = min over zeta of max_i (y - slope theta - X zeta)_i`, a linear program, solved in its dual.
#[derive(Debug, Clone)]
pub(super) struct ConditionalTest {
    y: Vec<f64>,
    slope: Vec<f64>,
    /// Correlations of the moments, shape (n, n).
    omega: Matrix,
    pub(super) floor: Floor,
    /// `{lambda >= 0 : X' lambda = 0, sum lambda = 1}`; `None` when empty: nothing is ever rejected.
    dual: Option<Polyhedron>,
    /// The same, where the truncation limits are looked for.
    limits: Option<Polyhedron>,
    pub(super) first_stage: FirstStage,
    /// Size of the conditional stage.
    pub(super) size: f64,
}

/// What the critical value of the conditional stage is not below.
#[derive(Debug, Clone)]
pub(super) enum Floor {
    /// 0.
    Zero,
    /// `-lambda'd` with these bounds over standard errors. With one coefficient after treatment R `HonestDiD` takes the
    /// larger of 0 and the critical value before it takes the bound off, not after; it is followed, here and in that
    /// the critical value is then not cut off at the least-favourable one.
    Bounds(Vec<f64>),
    /// Nothing.
    None,
}

/// The test's answer at one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Answer {
    Accepts,
    Rejects,
    /// Rejected by the least-favourable stage, and so is every value nearer than this on the side looked at.
    RejectsFor(f64),
}

/// The moments of a piece before they are scaled.
pub(super) struct Moments {
    rows: Piece,
    sd: Vec<f64>,
    covariance: Matrix,
}

impl Moments {
    pub(super) fn new(event: &EventCoefficients, piece: &Piece, all_rows: bool) -> Result<Self> {
        let rows = if all_rows { piece.clone() } else { piece.after(event.n_pre()) };
        let (n, k) = (rows.a.len(), event.beta().len());
        let a = Matrix::from_fn(n, k, |i, j| rows.a[i][j]);
        let covariance = a.mul(&event.sigma().mul(&a.transpose()));
        let sd: Vec<f64> = covariance.diagonal().iter().map(|v| v.max(0.0).sqrt()).collect();
        if let Some(sd) = sd.iter().find(|sd| !(**sd > 1e-150 && sd.is_finite())) {
            let message =
                format!("a bound on the difference in trends has standard error {sd}, expected above 0");
            return Err(Error::new(ErrorKind::Degenerate, message));
        }
        Ok(Self { rows, sd, covariance })
    }

    pub(super) fn len(&self) -> usize {
        self.sd.len()
    }

    /// The `1 - kappa` quantile of `eta` over draws of moments that all have mean 0; `normals` holds at least
    /// `draws * len` standard normals, one draw after another.
    pub(super) fn least_favorable(
        &self,
        dual: &ConditionalTest,
        normals: &[f64],
        draws: usize,
        kappa: f64,
    ) -> Result<f64> {
        let Some(mut set) = dual.dual.clone() else { return Ok(f64::INFINITY) };
        let n = self.len();
        let eigen = SymmetricEigen::new(&self.covariance)
            .ok_or_else(|| Error::new(ErrorKind::NonFinite, "the covariance of the moments is not finite"))?;
        let mut root = eigen.map(|value| value.max(0.0).sqrt());
        for (column, sd) in root.cols_mut().zip(&self.sd) {
            column.iter_mut().for_each(|x| *x /= sd);
        }
        let mut found = Vec::with_capacity(draws);
        for z in normals.chunks(n).take(draws) {
            match set.maximize(&root.t_mul_vec(z))? {
                Maximum::At(eta) => found.push(eta),
                Maximum::Unbounded => return Err(unbounded()),
            }
        }
        Ok(quantile(&mut found, 1.0 - kappa))
    }
}

/// As R `quantile`, type 7.
fn quantile(values: &mut [f64], p: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() - 1) as f64 * p;
    let below = values[at.floor() as usize];
    let above = values[at.ceil() as usize];
    below + (at - at.floor()) * (above - below)
}

fn unbounded() -> Error {
    Error::new(ErrorKind::NotConverged, "linear program: unbounded where it cannot be")
}

impl ConditionalTest {
    pub(super) fn new(
        event: &EventCoefficients,
        moments: &Moments,
        target: &[f64],
        size: f64,
    ) -> Result<Self> {
        let (n, n_pre, sd) = (moments.len(), event.n_pre(), &moments.sd);
        // The effects are theta and all but one of them, the one of the largest weight.
        let out =
            (0..target.len()).fold(0, |best, j| if target[j].abs() > target[best].abs() { j } else { best });
        let after = |i: usize, j: usize| moments.rows.a[i][n_pre + j];
        let slope = |i: usize| after(i, out) / target[out];
        let nuisance: Vec<usize> = (0..target.len()).filter(|&j| j != out).collect();
        let mut x = Matrix::from_fn(n, nuisance.len(), |i, at| {
            (after(i, nuisance[at]) - slope(i) * target[nuisance[at]]) / sd[i]
        });
        for column in x.cols_mut() {
            let size = column.iter().fold(0.0f64, |size, x| size.max(x.abs()));
            column.iter_mut().filter(|_| size > 0.0).for_each(|x| *x /= size);
        }
        let constraints =
            Matrix::from_fn(nuisance.len() + 1, n, |r, i| if r == 0 { 1.0 } else { x[(i, r - 1)] });
        let right: Vec<f64> = (0..=nuisance.len()).map(|r| if r == 0 { 1.0 } else { 0.0 }).collect();
        let dual = Polyhedron::new(&constraints, &right)?;
        let d = &moments.rows.d;
        Ok(Self {
            y: (0..n).map(|i| (dot(&moments.rows.a[i], event.beta()) - d[i]) / sd[i]).collect(),
            slope: (0..n).map(|i| slope(i) / sd[i]).collect(),
            omega: Matrix::from_fn(n, n, |i, j| moments.covariance[(i, j)] / (sd[i] * sd[j])),
            floor: match target.len() {
                1 => Floor::Bounds((0..n).map(|i| d[i] / sd[i]).collect()),
                _ => Floor::Zero,
            },
            limits: dual.clone(),
            dual,
            first_stage: FirstStage::None,
            size,
        })
    }

    /// A first stage by a fixed-length interval, whose covariance with the moments is needed.
    pub(super) fn fixed_length_stage(
        event: &EventCoefficients,
        moments: &Moments,
        interval: &FixedLength,
    ) -> FirstStage {
        let with_beta = event.sigma().mul_vec(&interval.weights);
        FirstStage::FixedLength {
            centre: dot(&interval.weights, event.beta()),
            half_length: interval.half_length,
            covariance: moments
                .rows
                .a
                .iter()
                .zip(&moments.sd)
                .map(|(row, sd)| dot(row, &with_beta) / sd)
                .collect(),
        }
    }

    /// The answer at `theta`; `side` is the direction, 1 or -1, in which a caller goes on.
    pub(super) fn answer(&mut self, theta: f64, side: f64) -> Result<Answer> {
        let Some(dual) = &mut self.dual else { return Ok(Answer::Accepts) };
        let y: Vec<f64> = self.y.iter().zip(&self.slope).map(|(y, slope)| y - slope * theta).collect();
        let Maximum::At(eta) = dual.maximize(&y)? else { return Err(unbounded()) };
        let lambda = dual.vertex();
        match self.first_stage {
            FirstStage::LeastFavorable(cv) if eta > cv => {
                // eta is convex in theta and at least as large as along its tangent.
                let fall = side * dot(&lambda, &self.slope);
                return Ok(Answer::RejectsFor(if fall > 0.0 { (eta - cv) / fall } else { f64::INFINITY }));
            }
            FirstStage::FixedLength { centre, half_length, .. } if (centre - theta).abs() > half_length => {
                return Ok(Answer::Rejects);
            }
            _ => {}
        }
        let floor = match &self.floor {
            Floor::Zero => 0.0,
            Floor::Bounds(d) => -dot(&lambda, d),
            Floor::None => f64::NEG_INFINITY,
        };
        if eta <= floor {
            return Ok(Answer::Accepts);
        }
        let direction = self.omega.mul_vec(&lambda);
        let variance = dot(&lambda, &direction);
        if variance < f64::EPSILON {
            return Ok(if eta > 0.0 { Answer::Rejects } else { Answer::Accepts });
        }
        let sd = variance.sqrt();
        let direction: Vec<f64> = direction.iter().map(|x| x / variance).collect();
        let rest: Vec<f64> = y.iter().zip(&direction).map(|(y, b)| y - b * eta).collect();
        let mut low = self.limit(&rest, &direction, eta, eta - FAR * sd)?;
        let mut high = match self.first_stage {
            FirstStage::LeastFavorable(cv) if matches!(self.floor, Floor::Zero) => {
                self.limit(&rest, &direction, eta, cv.min(eta + FAR * sd))?
            }
            _ => self.limit(&rest, &direction, eta, eta + FAR * sd)?,
        };
        if let FirstStage::FixedLength { centre, half_length, covariance } = &self.first_stage {
            let rho = dot(covariance, &lambda) / variance;
            let at_zero = centre - theta - rho * eta;
            let ends = [(-half_length - at_zero) / rho, (half_length - at_zero) / rho];
            if rho.abs() > 0.0 {
                (low, high) = (low.max(ends[0].min(ends[1])), high.min(ends[0].max(ends[1])));
            }
        }
        let rejects = low <= eta && eta <= high && share_above(eta / sd, low / sd, high / sd) < self.size;
        Ok(if rejects { Answer::Rejects } else { Answer::Accepts })
    }

    /// How far `eta` could move towards `start`, all else (`rest`) equal, with the same `lambda` still optimal:
    /// the end of `{c : max over lambda of lambda'(rest + direction c) = c}`, by Newton's method from outside.
    fn limit(&mut self, rest: &[f64], direction: &[f64], eta: f64, start: f64) -> Result<f64> {
        let Some(limits) = &mut self.limits else { return Ok(start) };
        let mut c = start;
        for _ in 0..1000 {
            let cost: Vec<f64> = rest.iter().zip(direction).map(|(s, b)| s + b * c).collect();
            let Maximum::At(value) = limits.maximize(&cost)? else { return Err(unbounded()) };
            if value - c <= 1e-9 * (1.0 + c.abs()) {
                return Ok(c);
            }
            let lambda = limits.vertex();
            let next = dot(&lambda, rest) / (1.0 - dot(&lambda, direction));
            let inside = if start > eta { next < c && next >= eta } else { next > c && next <= eta };
            if !inside {
                return Ok(eta);
            }
            c = next;
        }
        Ok(c)
    }
}

#[cfg(test)]
mod tests {
    use super::super::restriction::{Bound, Shape, pieces};
    use super::*;
    use crate::Stream;
    use evenhand_linalg::Qr;
    use proptest::prelude::*;

    #[test]
    fn quantiles_interpolate_as_in_r() {
        let mut values = [3.0, 1.0, 2.0, 10.0];
        assert!((quantile(&mut values, 0.5) - 2.5).abs() < 1e-15);
        assert!((quantile(&mut values, 0.9) - 7.9).abs() < 1e-12);
    }

    fn some(seed: u64, n_pre: usize, n_post: usize) -> EventCoefficients {
        let stream = Stream::new(seed, 0);
        let n = n_pre + n_post;
        let x = Matrix::from_fn(3 * n, n, |i, j| {
            stream.normal((i * n + j) as u64) + stream.normal(9000 + i as u64)
        });
        let beta: Vec<f64> = (0..n).map(|i| 0.6 * stream.normal(5000 + i as u64)).collect();
        EventCoefficients::new(&beta, &x.gram().scaled(0.02 / n as f64), n_pre).unwrap()
    }

    /// Every vertex of `{lambda >= 0 : X'lambda = 0, sum lambda = 1}`, by trying all sets of columns.
    fn vertices(constraints: &Matrix) -> Vec<Vec<f64>> {
        let (k, n) = (constraints.n_rows(), constraints.n_cols());
        let mut right = vec![0.0; k];
        right[0] = 1.0;
        let mut found = Vec::new();
        for set in 0u32..1 << n {
            let columns: Vec<usize> = (0..n).filter(|i| set >> i & 1 == 1).collect();
            if columns.is_empty() || columns.len() > k {
                continue;
            }
            let qr = Qr::new(constraints.select_cols(&columns), 1e-9);
            let solution = qr.solve(&right);
            let mut lambda = vec![0.0; n];
            columns.iter().zip(&solution).for_each(|(&i, x)| lambda[i] = *x);
            let left = constraints.mul_vec(&lambda);
            let solves = left.iter().zip(&right).all(|(a, b)| (a - b).abs() < 1e-9);
            if qr.dropped().is_empty() && solves && solution.iter().all(|&x| x > 1e-9) {
                found.push(lambda);
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        // The test by its definition, all vertices of the dual written out: eta is the largest of lambda'y, and the
        // truncation limits are where another vertex would overtake.
        #[test]
        fn answers_are_those_of_the_definition(seed in 0u64..5000, n_pre in 1usize..3, n_post in 1usize..4, which in 0usize..4, m in 0.2..1.5f64) {
            let (bound, shape) = [
                (Bound::RelativeMagnitudes, Shape::Any),
                (Bound::Smoothness, Shape::Any),
                (Bound::RelativeMagnitudes, Shape::PositiveBias),
                (Bound::Smoothness, Shape::Increasing),
            ][which];
            let event = some(seed, n_pre, n_post);
            let target: Vec<f64> = (0..n_post).map(|j| 1.0 - 0.4 * j as f64).collect();
            let list = pieces(bound, shape, n_pre, n_post, m).unwrap();
            let piece = &list[seed as usize % list.len()];
            let moments = Moments::new(&event, piece, false).unwrap();
            let n = moments.len();
            prop_assume!(n <= 12);
            let mut test = ConditionalTest::new(&event, &moments, &target, 0.05).unwrap();
            test.floor = Floor::Zero;
            // The constraints, once more, with the last effect in the place of the target.
            let out = n_post - 1;
            let after = |i: usize, j: usize| moments.rows.a[i][n_pre + j] / moments.sd[i];
            let constraints = Matrix::from_fn(n_post, n, |r, i| {
                if r == 0 { 1.0 } else { after(i, r - 1) - after(i, out) * target[r - 1] / target[out] }
            });
            let all = vertices(&constraints);
            for step in -30..=30 {
                let theta = 0.1 * f64::from(step) + 0.013;
                let y: Vec<f64> = (0..n)
                    .map(|i| (dot(&moments.rows.a[i], event.beta()) - moments.rows.d[i]) / moments.sd[i] - theta * after(i, out) / target[out])
                    .collect();
                let best = all.iter().max_by(|a, b| dot(a, &y).total_cmp(&dot(b, &y)));
                let expected = best.is_none_or(|lambda| {
                    let eta = dot(lambda, &y);
                    let direction = test.omega.mul_vec(lambda);
                    let variance = dot(lambda, &direction);
                    if eta <= 0.0 { return true; }
                    if variance < 1e-14 { return false; }
                    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
                    for other in &all {
                        // other'(rest + direction c / variance) <= c.
                        let slope = dot(other, &direction) / variance;
                        let base = dot(other, &y) - slope * eta;
                        if slope < 1.0 - 1e-9 { low = f64::max(low, base / (1.0 - slope)); }
                        if slope > 1.0 + 1e-9 { high = f64::min(high, base / (1.0 - slope)); }
                    }
                    share_above(eta / variance.sqrt(), low / variance.sqrt(), high / variance.sqrt()) >= 0.05
                });
                prop_assert_eq!(test.answer(theta, 1.0).unwrap() == Answer::Accepts, expected, "at {}", theta);
            }
        }

        // Skipping by convexity never skips a value that the first stage would let pass.
        #[test]
        fn values_nearer_than_promised_are_rejected(seed in 0u64..5000, side in prop::sample::select(vec![-1.0, 1.0])) {
            let event = some(seed, 3, 3);
            let piece = &pieces(Bound::RelativeMagnitudes, Shape::Any, 3, 3, 1.0).unwrap()[seed as usize % 6];
            let moments = Moments::new(&event, piece, false).unwrap();
            let mut test = ConditionalTest::new(&event, &moments, &[1.0, 0.0, 0.0], 0.05).unwrap();
            test.first_stage = FirstStage::LeastFavorable(2.0);
            for start in [-6.0, -2.0, 0.0, 2.0, 6.0] {
                if let Answer::RejectsFor(distance) = test.answer(start, side).unwrap() {
                    for part in [0.1, 0.5, 0.9, 0.999] {
                        let theta = start + side * part * distance.min(50.0);
                        prop_assert!(matches!(test.answer(theta, side).unwrap(), Answer::RejectsFor(_)));
                    }
                }
            }
        }
    }
}
