//! Takes covariates out of the outcome with coefficients from untreated cells (Kranz 2022; "projected" in Stata
//! `sdid`): Y ~ unit + period + X b where nobody is treated, then Y - X b everywhere.

use crate::rectangle::Rectangle;
use crate::{Caveat, Error, ErrorKind, Result};
use evenhand_linalg::{Matrix, Qr};

/// Replaces the outcome by its residual, leaves the covariates in place, and says the coefficients by name.
///
/// # Errors
/// [`ErrorKind::Collinear`] when no covariate varies within units and periods, [`ErrorKind::NotConverged`].
pub(crate) fn residualize(panel: &mut Rectangle) -> Result<Vec<(String, f64)>> {
    if panel.covariates.is_empty() {
        return Ok(Vec::new());
    }
    let (n, periods) = (panel.n_units(), panel.n_periods());
    let untreated: Vec<bool> = (0..n * periods)
        .map(|cell| panel.adoption[cell / periods].is_none_or(|start| cell % periods < start))
        .collect();
    let within = |values: &[f64]| demeaned(values, &untreated, periods);
    let target = within(&panel.outcome)?;
    let columns =
        panel.covariates.iter().map(|(_, values)| within(values)).collect::<Result<Vec<Vec<f64>>>>()?;
    let length = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
    let varying: Vec<usize> =
        (0..columns.len()).filter(|&k| length(&columns[k]) > 1e-9 * length(&panel.covariates[k].1)).collect();
    let kept: Vec<&Vec<f64>> = varying.iter().map(|&k| &columns[k]).collect();
    let qr = Qr::new(Matrix::from_columns(target.len(), &kept), 1e-9);
    if qr.kept().is_empty() {
        let message = "no covariate varies within units and periods, expected at least one that does";
        return Err(Error::new(ErrorKind::Collinear, message));
    }
    let used: Vec<usize> = qr.kept().iter().map(|&k| varying[k]).collect();
    let dropped: Vec<String> =
        (0..columns.len()).filter(|k| !used.contains(k)).map(|k| panel.covariates[k].0.clone()).collect();
    if !dropped.is_empty() {
        panel.caveats.push(Caveat::Collinear { columns: dropped });
    }
    let beta = qr.solve(&target);
    for (&k, b) in used.iter().zip(&beta) {
        let column = &panel.covariates[k].1;
        panel.outcome.iter_mut().zip(column).for_each(|(y, x)| *y -= b * x);
    }
    Ok(used.iter().map(|&k| panel.covariates[k].0.clone()).zip(beta).collect())
}

/// Residual from unit and period means over the cells of `mask`, and 0 elsewhere; alternating projections.
fn demeaned(values: &[f64], mask: &[bool], periods: usize) -> Result<Vec<f64>> {
    let mut left: Vec<f64> = values.iter().zip(mask).map(|(x, &kept)| if kept { *x } else { 0.0 }).collect();
    let scale = left.iter().fold(0.0f64, |most, x| most.max(x.abs())).max(f64::MIN_POSITIVE);
    for _ in 0..10_000 {
        let mut moved = 0.0f64;
        for (row, kept) in left.chunks_exact_mut(periods).zip(mask.chunks_exact(periods)) {
            let count = kept.iter().filter(|kept| **kept).count().max(1);
            let mean = row.iter().sum::<f64>() / count as f64;
            row.iter_mut().zip(kept).filter(|(_, kept)| **kept).for_each(|(x, _)| *x -= mean);
            moved = moved.max(mean.abs());
        }
        for t in 0..periods {
            let cells = || (t..left.len()).step_by(periods).filter(|&cell| mask[cell]);
            let count = cells().count().max(1);
            let mean = cells().map(|cell| left[cell]).sum::<f64>() / count as f64;
            let cells: Vec<usize> = cells().collect();
            cells.into_iter().for_each(|cell| left[cell] -= mean);
            moved = moved.max(mean.abs());
        }
        if moved <= 1e-13 * scale {
            return Ok(left);
        }
    }
    Err(Error::new(
        ErrorKind::NotConverged,
        "unit and period means of a covariate: not settled in 10,000 rounds",
    ))
}
