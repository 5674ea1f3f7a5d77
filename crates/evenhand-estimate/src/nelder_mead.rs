//! Minimises a function of several variables without derivatives.
//!
//! Method: Nelder and Mead (1965), doi:10.1093/comjnl/7.4.308, with the coefficients of Gao and Han (2012),
//! doi:10.1007/s10589-010-9329-3, which depend on the dimension, started again from where it ends until a round
//! gains nothing: a simplex may have collapsed short of the minimum.

/// The best point found and its value. `step` is the size of the first simplex.
pub(crate) fn nelder_mead(
    f: &mut impl FnMut(&[f64]) -> f64,
    start: &[f64],
    step: f64,
    tolerance: f64,
    rounds: usize,
) -> (Vec<f64>, f64) {
    let mut best = (start.to_vec(), f(start));
    for round in 0..rounds {
        // Later simplices point the other way, so that they do not repeat the first.
        let step = if round % 2 == 0 { step } else { -0.5 * step };
        let found = once(f, &best, step, tolerance);
        let gain = best.1 - found.1;
        if found.1 < best.1 {
            best = found;
        }
        if gain <= 100.0 * tolerance * best.1.abs() {
            break;
        }
    }
    best
}

fn once(
    f: &mut impl FnMut(&[f64]) -> f64,
    start: &(Vec<f64>, f64),
    step: f64,
    tolerance: f64,
) -> (Vec<f64>, f64) {
    let n = start.0.len();
    let dimension = (n as f64).max(2.0);
    let (expand, contract, shrink) = (1.0 + 2.0 / dimension, 0.75 - 0.5 / dimension, 1.0 - 1.0 / dimension);
    let mut points = vec![start.clone()];
    for k in 0..n {
        let mut point = start.0.clone();
        point[k] += step;
        let value = f(&point);
        points.push((point, value));
    }
    for _ in 0..200 * n {
        points.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (low, high) = (points[0].1, points[n].1);
        if high - low <= tolerance * (low.abs() + f64::MIN_POSITIVE) {
            break;
        }
        let centre: Vec<f64> =
            (0..n).map(|k| points[..n].iter().map(|point| point.0[k]).sum::<f64>() / n as f64).collect();
        let mut at = |length: f64| {
            let point: Vec<f64> =
                centre.iter().zip(&points[n].0).map(|(c, worst)| c + length * (c - worst)).collect();
            let value = f(&point);
            (point, value)
        };
        let reflected = at(1.0);
        let next = if reflected.1 < low {
            let further = at(expand);
            if further.1 < reflected.1 { Some(further) } else { Some(reflected) }
        } else if reflected.1 < points[n - 1].1 {
            Some(reflected)
        } else if reflected.1 < high {
            let outside = at(contract);
            (outside.1 <= reflected.1).then_some(outside)
        } else {
            let inside = at(-contract);
            (inside.1 < high).then_some(inside)
        };
        match next {
            Some(point) => points[n] = point,
            None => {
                let best = points[0].0.clone();
                for point in &mut points[1..] {
                    point.0.iter_mut().zip(&best).for_each(|(x, b)| *x = b + shrink * (*x - b));
                    point.1 = f(&point.0);
                }
            }
        }
    }
    points.sort_by(|a, b| a.1.total_cmp(&b.1));
    points.swap_remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let mut rosenbrock = |x: &[f64]| {
            x.windows(2).map(|x| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)).sum::<f64>()
        };
        let (at, value) = nelder_mead(&mut rosenbrock, &[-1.2, 1.0, -0.5, 0.8], 0.5, 1e-14, 60);
        assert!(value < 1e-10 && at.iter().all(|x| (x - 1.0).abs() < 1e-4), "{at:?} {value}");
    }
}
