//! Restrictions on the difference in trends as unions of polyhedra `{delta : A delta <= d}`.
//!
//! `delta` has one entry for each coefficient, the first `n_pre` before treatment; the reference period lies between
//! and its `delta` is 0.

use super::polyhedron_of_extremes;
use crate::{Error, ErrorKind, Interval, Result};
use evenhand_linalg::{Matrix, dot};

/// What the difference in trends after treatment may be, given what it was before. `m` is the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Bound {
    /// Delta^RM(Mbar): no change from one period to the next after treatment is larger than `m` times the largest
    /// before treatment.
    #[default]
    RelativeMagnitudes,
    /// Delta^SD(M): the slope changes by at most `m` from one period to the next.
    Smoothness,
    /// Delta^SDRM(Mbar): no change of slope after treatment is larger than `m` times the largest before treatment.
    /// Needs two coefficients before treatment.
    RelativeSmoothness,
}

/// What else is known of the difference in trends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Shape {
    /// Nothing.
    #[default]
    Any,
    /// PB: it is not negative after treatment.
    PositiveBias,
    /// NB: it is not positive after treatment.
    NegativeBias,
    /// I: it does not fall.
    Increasing,
    /// D: it does not rise.
    Decreasing,
}

/// The name of the restriction as R `HonestDiD` prints it.
pub(super) fn name(bound: Bound, shape: Shape) -> &'static str {
    match (bound, shape) {
        (Bound::RelativeMagnitudes, Shape::Any) => "DeltaRM",
        (Bound::RelativeMagnitudes, Shape::PositiveBias) => "DeltaRMPB",
        (Bound::RelativeMagnitudes, Shape::NegativeBias) => "DeltaRMNB",
        (Bound::RelativeMagnitudes, Shape::Increasing) => "DeltaRMI",
        (Bound::RelativeMagnitudes, Shape::Decreasing) => "DeltaRMD",
        (Bound::Smoothness, Shape::Any) => "DeltaSD",
        (Bound::Smoothness, Shape::PositiveBias) => "DeltaSDPB",
        (Bound::Smoothness, Shape::NegativeBias) => "DeltaSDNB",
        (Bound::Smoothness, Shape::Increasing) => "DeltaSDI",
        (Bound::Smoothness, Shape::Decreasing) => "DeltaSDD",
        (Bound::RelativeSmoothness, Shape::Any) => "DeltaSDRM",
        (Bound::RelativeSmoothness, Shape::PositiveBias) => "DeltaSDRMPB",
        (Bound::RelativeSmoothness, Shape::NegativeBias) => "DeltaSDRMNB",
        (Bound::RelativeSmoothness, Shape::Increasing) => "DeltaSDRMI",
        (Bound::RelativeSmoothness, Shape::Decreasing) => "DeltaSDRMD",
    }
}

/// One polyhedron of a union.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// One row for each inequality, one entry for each coefficient.
    pub(super) a: Vec<Vec<f64>>,
    pub(super) d: Vec<f64>,
}

impl Piece {
    /// The inequalities that involve a coefficient after treatment; the others do not bear on the effect.
    pub(super) fn after(&self, n_pre: usize) -> Self {
        let involved = |row: &&Vec<f64>| row[n_pre..].iter().any(|a| a.abs() > 0.0);
        let rows = self.a.iter().zip(&self.d).filter(|(row, _)| involved(row));
        let (a, d) = rows.map(|(row, &d)| (row.clone(), d)).unzip();
        Self { a, d }
    }

    /// The least and largest `weights' delta_post` given `delta_pre`; `None` when nothing satisfies the piece.
    pub(super) fn extremes(&self, before: &[f64], weights: &[f64]) -> Result<Option<Interval>> {
        let n_pre = before.len();
        let slack = |(row, d): (&Vec<f64>, &f64)| d - dot(&row[..n_pre], before);
        let room: Vec<f64> = self.a.iter().zip(&self.d).map(slack).collect();
        let only_before = |row: &Vec<f64>| row[n_pre..].iter().all(|a| a.abs() <= 0.0);
        let size = room.iter().fold(1e-12f64, |size, room| size.max(room.abs()));
        if self.a.iter().zip(&room).any(|(row, &room)| only_before(row) && room < -1e-10 * size) {
            return Ok(None);
        }
        let columns: Vec<usize> = (0..self.a.len()).filter(|&i| !only_before(&self.a[i])).collect();
        let after = Matrix::from_fn(weights.len(), columns.len(), |j, i| self.a[columns[i]][n_pre + j]);
        let room: Vec<f64> = columns.iter().map(|&i| room[i]).collect();
        polyhedron_of_extremes(&after, &room, weights)
    }
}

/// The union that a restriction is at bound `m`: one piece for smoothness, otherwise one for each period before
/// treatment that may hold the largest change and each sign that this change may have.
pub(super) fn pieces(bound: Bound, shape: Shape, n_pre: usize, n_post: usize, m: f64) -> Result<Vec<Piece>> {
    if bound == Bound::RelativeSmoothness && n_pre < 2 {
        let message =
            format!("{n_pre} coefficients before treatment, expected 2 or more to see the slope change");
        return Err(Error::new(ErrorKind::TooFewPeriods, message));
    }
    let (order, first) = match bound {
        Bound::RelativeMagnitudes => (1, n_pre),
        Bound::Smoothness | Bound::RelativeSmoothness => (2, n_pre.saturating_sub(1)),
    };
    // Row r holds the change that ends in period r + order; `first` of them end at the reference or before.
    let changes: Vec<Vec<f64>> =
        (0..n_pre + n_post + 1 - order).map(|r| change(order, r, n_pre, n_post)).collect();
    let extra = shape_rows(shape, n_pre, n_post);
    let with_shape = |mut piece: Piece| {
        piece.d.extend(extra.iter().map(|_| 0.0));
        piece.a.extend(extra.iter().cloned());
        piece
    };
    if bound == Bound::Smoothness {
        let a: Vec<Vec<f64>> =
            changes.iter().cloned().chain(changes.iter().map(|row| scaled(row, -1.0))).collect();
        return Ok(vec![with_shape(Piece { d: vec![m; a.len()], a })]);
    }
    let one = |largest: usize, sign: f64| {
        let mut a = Vec::new();
        for side in [1.0, -1.0] {
            for (r, row) in changes.iter().enumerate() {
                let factor = sign * if r < first { 1.0 } else { m };
                let row: Vec<f64> =
                    row.iter().zip(&changes[largest]).map(|(x, v)| side * x - factor * v).collect();
                if dot(&row, &row) > 1e-10 {
                    a.push(row);
                }
            }
        }
        with_shape(Piece { d: vec![0.0; a.len()], a })
    };
    Ok([1.0, -1.0]
        .iter()
        .flat_map(|&sign| (0..first).map(move |s| (s, sign)))
        .map(|(s, sign)| one(s, sign))
        .collect())
}

/// First or second difference that starts in period `r` of the whole window, the reference left out.
fn change(order: usize, r: usize, n_pre: usize, n_post: usize) -> Vec<f64> {
    let stencil: &[f64] = if order == 1 { &[-1.0, 1.0] } else { &[1.0, -2.0, 1.0] };
    let mut row = vec![0.0; n_pre + n_post + 1];
    row[r..r + stencil.len()].copy_from_slice(stencil);
    row.remove(n_pre);
    row
}

fn shape_rows(shape: Shape, n_pre: usize, n_post: usize) -> Vec<Vec<f64>> {
    let unit = |at: usize, value: f64| {
        let mut row = vec![0.0; n_pre + n_post];
        row[at] = value;
        row
    };
    match shape {
        Shape::Any => Vec::new(),
        Shape::PositiveBias => (n_pre..n_pre + n_post).map(|at| unit(at, -1.0)).collect(),
        Shape::NegativeBias => (n_pre..n_pre + n_post).map(|at| unit(at, 1.0)).collect(),
        Shape::Increasing | Shape::Decreasing => {
            let sign = if shape == Shape::Increasing { -1.0 } else { 1.0 };
            (0..n_pre + n_post).map(|r| scaled(&change(1, r, n_pre, n_post), sign)).collect()
        }
    }
}

fn scaled(row: &[f64], factor: f64) -> Vec<f64> {
    row.iter().map(|x| factor * x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(piece: &Piece, delta: &[f64]) -> bool {
        piece.a.iter().zip(&piece.d).all(|(row, &d)| dot(row, delta) <= d + 1e-12)
    }

    fn within(bound: Bound, shape: Shape, m: f64, delta: &[f64]) -> bool {
        pieces(bound, shape, 2, 2, m).unwrap().iter().any(|piece| holds(piece, delta))
    }

    // Two periods before, the reference, two after.
    #[test]
    fn paths_are_sorted_as_by_hand() {
        let rises = [-2.0, -1.0, 1.0, 2.0];
        assert!(within(Bound::Smoothness, Shape::Any, 0.0, &rises));
        assert!(within(Bound::Smoothness, Shape::Increasing, 0.0, &rises));
        assert!(!within(Bound::Smoothness, Shape::Decreasing, 9.0, &rises));
        assert!(within(Bound::RelativeMagnitudes, Shape::PositiveBias, 1.0, &rises));
        assert!(!within(Bound::RelativeMagnitudes, Shape::NegativeBias, 1.0, &rises));
        assert!(!within(Bound::RelativeMagnitudes, Shape::Any, 0.9, &rises));
        // Slopes 1, 0 before (change 1), then 2 (change 2), 2.
        let bends = [-1.0, 0.0, 2.0, 4.0];
        assert!(
            within(Bound::Smoothness, Shape::Any, 2.0, &bends)
                && !within(Bound::Smoothness, Shape::Any, 1.9, &bends)
        );
        assert!(within(Bound::RelativeSmoothness, Shape::Any, 2.0, &bends));
        assert!(!within(Bound::RelativeSmoothness, Shape::Any, 1.9, &bends));
        assert!(within(Bound::RelativeMagnitudes, Shape::Any, 2.0, &bends));
    }

    #[test]
    fn one_coefficient_before_treatment_is_enough_but_for_changes_of_slope() {
        let found = pieces(Bound::RelativeMagnitudes, Shape::Increasing, 1, 1, 0.5).unwrap();
        assert!(found.iter().any(|piece| holds(piece, &[-1.0, 0.5])));
        assert!(!found.iter().any(|piece| holds(piece, &[-1.0, 0.6])));
        assert!(!found.iter().any(|piece| holds(piece, &[1.0, 0.0])));
        let error = pieces(Bound::RelativeSmoothness, Shape::Any, 1, 3, 1.0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooFewPeriods);
    }

    // Smoothness from a flat past: delta_t grows by M, 2 M, ...: M, 3 M.
    #[test]
    fn extremes_of_a_smooth_path_are_triangular_numbers() {
        let piece = &pieces(Bound::Smoothness, Shape::Any, 2, 2, 0.5).unwrap()[0];
        let found = piece.extremes(&[0.0, 0.0], &[0.0, 1.0]).unwrap().unwrap();
        assert!((found.low + 1.5).abs() < 1e-12 && (found.high - 1.5).abs() < 1e-12);
        // A kink before treatment that the bound does not allow.
        assert!(piece.extremes(&[5.0, 0.0], &[0.0, 1.0]).unwrap().is_none());
    }
}
