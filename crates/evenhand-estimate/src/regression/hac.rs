//! Covariances under dependence over time and space: Newey–West, Driscoll–Kraay, Conley.
//!
//! Formula: the meat is a sum over pairs of rows, M = sum_ij w_ij s_i s_j', of the scores s_i = x~_i e_i.
//! Newey–West: pairs of one unit (or of the one series) l periods apart with l <= L, w = 1 - l / (L + 1) (Newey and
//! West 1987, doi:10.2307/1913610). Driscoll–Kraay: scores are summed over units in each period first (Driscoll and
//! Kraay 1998, doi:10.1162/003465398557825). Conley: pairs no farther apart than a cutoff, w = 1, or
//! w = 1 - distance / cutoff (Conley 1999, doi:10.1016/S0304-4076(98)00084-0).
//!
//! Periods count in levels of the time factor. Lags by default: the fourth root of the number of periods, rounded
//! down, in panels; Newey and West's (1994, doi:10.2307/2297912) own choice for one series, as R `sandwich`
//! `bwNeweyWest` with one step of prewhitening. Corrections are `fixest`'s: T / (T - 1) for T periods and
//! (n - 1) / (n - K), where effects nested in the units, periods or places do not count in K; t on T - 1 degrees of
//! freedom, n - K for Conley.
//!
//! Known failures: few periods (Driscoll–Kraay rests on their number); the uniform Conley weights may leave a
//! negative variance, which is repaired by eigenvalues as for several ways of clustering.
//! Checked against `pyfixest` 0.60 (which counts nested effects in K; the rest is alike) and `statsmodels` 0.15 to
//! 1e-8; Conley against its definition.

use crate::error::{finite, same_length};
use crate::{Error, ErrorKind, Factor, Matrix, Result};
use evenhand_linalg::{Qr, dot};
use rayon::prelude::*;

/// Where rows are, and how far apart they may still depend on one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Conley {
    /// Degrees north of each row, within [-90, 90].
    pub latitude: Vec<f64>,
    /// Degrees east of each row, within [-360, 360] and a range of 360.
    pub longitude: Vec<f64>,
    /// The largest distance at which rows count as dependent, in kilometres; by default `fixest`'s rule of thumb,
    /// about twice the median distance to a near neighbour. The right cutoff depends on the question: give one.
    pub cutoff_km: Option<f64>,
    /// Rows are pooled into squares of this side first; 0, the default, for none.
    pub pixel_km: f64,
    /// How distance is measured.
    pub distance: ConleyDistance,
    /// How it weighs.
    pub kernel: ConleyKernel,
}

impl Conley {
    /// With `fixest`'s defaults.
    #[must_use]
    pub fn new(latitude: Vec<f64>, longitude: Vec<f64>, cutoff_km: Option<f64>) -> Self {
        Self {
            latitude,
            longitude,
            cutoff_km,
            pixel_km: 0.0,
            distance: ConleyDistance::default(),
            kernel: ConleyKernel::default(),
        }
    }

    pub(super) fn select(&self, rows: &[usize]) -> Self {
        let take = |values: &[f64]| rows.iter().map(|&row| values[row]).collect();
        Self { latitude: take(&self.latitude), longitude: take(&self.longitude), ..self.clone() }
    }
}

/// How far two places are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConleyDistance {
    /// Pythagoras on degrees, those of longitude shortened at the mean latitude: `fixest`'s `triangular`.
    #[default]
    Triangular,
    /// Along the great circle.
    Spherical,
}

/// How much two scores within the cutoff count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConleyKernel {
    /// In full, as `fixest` does.
    #[default]
    Uniform,
    /// Less the farther apart, down to 0 at the cutoff.
    Bartlett,
}

/// The fourth root of the number of periods, rounded down.
pub(super) fn panel_lag(n_periods: usize) -> usize {
    // The power of a perfect fourth power may fall below it by rounding.
    ((n_periods as f64).powf(0.25) + 1e-9).floor() as usize
}

/// Newey–West meat of scores (n, k) within units, or of one series.
pub(super) fn newey_west(
    scores: &Matrix,
    unit: Option<&Factor>,
    time: &Factor,
    lag: usize,
) -> Result<Matrix> {
    let series: Vec<Vec<(usize, usize)>> = match unit {
        Some(unit) => {
            let rows = unit.rows_by_level();
            let of =
                |u: usize| rows.rows(u).iter().map(|&row| (time.at(row as usize), row as usize)).collect();
            (0..unit.n_levels()).map(of).collect()
        }
        None => vec![(0..time.len()).map(|row| (time.at(row), row)).collect()],
    };
    let mut lagged = scores.clone().scaled(0.5);
    for mut rows in series {
        rows.sort_unstable();
        if let Some(twice) = rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let message = format!(
                "rows {} and {}: one period twice, expected one row for each unit and period; \
                 Driscoll-Kraay allows more",
                twice[0].1, twice[1].1
            );
            return Err(Error::new(ErrorKind::Shape, message));
        }
        for (at, &(t, row)) in rows.iter().enumerate() {
            for &(before, earlier) in rows[..at].iter().rev().take_while(|(before, _)| t - before <= lag) {
                let weight = 1.0 - (t - before) as f64 / (lag as f64 + 1.0);
                for k in 0..scores.n_cols() {
                    lagged[(row, k)] += weight * scores[(earlier, k)];
                }
            }
        }
    }
    Ok(both_ways(&scores.t_mul(&lagged)))
}

/// Driscoll–Kraay meat of scores (n, k).
pub(super) fn driscoll_kraay(scores: &Matrix, time: &Factor, lag: usize) -> Result<Matrix> {
    let mut sums = Matrix::zeros(time.n_levels(), scores.n_cols());
    for k in 0..scores.n_cols() {
        let column = sums.col_mut(k);
        scores.col(k).iter().zip(time.codes()).for_each(|(s, &t)| column[t as usize] += s);
    }
    let periods = Factor::new(&(0..time.n_levels()).collect::<Vec<_>>());
    newey_west(&sums, None, &periods, lag)
}

/// The lag that Newey and West (1994) choose for one series of scores (n, k), Bartlett weights, after one step of
/// prewhitening by a vector autoregression without intercept.
pub(super) fn series_lag(scores: &Matrix, time: &Factor) -> usize {
    let (n, k) = (scores.n_rows(), scores.n_cols());
    if n < k + 3 {
        return 0;
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&row| time.at(row));
    let sorted = scores.select_rows(&order);
    let before = sorted.select_rows(&(0..n - 1).collect::<Vec<_>>());
    let after = sorted.select_rows(&(1..n).collect::<Vec<_>>());
    let qr = Qr::new(before.clone(), 1e-10);
    let kept = before.select_cols(qr.kept());
    let mut whitened = vec![0.0; n - 1];
    for column in 0..k {
        let fitted = kept.mul_vec(&qr.solve(after.col(column)));
        whitened.iter_mut().zip(after.col(column).iter().zip(fitted)).for_each(|(h, (s, f))| *h += s - f);
    }
    let steps = (3.0 * (n as f64 / 100.0).powf(2.0 / 9.0)).floor() as usize;
    let covariance = |j: usize| match j < n - 1 {
        true => dot(&whitened[..n - 1 - j], &whitened[j..]) / (n - 1) as f64,
        false => 0.0,
    };
    let level = covariance(0) + 2.0 * (1..=steps).map(covariance).sum::<f64>();
    let slope = 2.0 * (1..=steps).map(|j| j as f64 * covariance(j)).sum::<f64>();
    let bandwidth = 1.1447 * (slope / level).powi(2).cbrt() * (n as f64).cbrt();
    if bandwidth.is_finite() { (bandwidth.floor() as usize).min(n - 1) } else { 0 }
}

/// Conley meat of scores (n, k).
pub(super) fn conley(scores: &Matrix, place: &Conley) -> Result<Matrix> {
    let (latitude, longitude) = checked(scores.n_rows(), place)?;
    let cutoff = match place.cutoff_km {
        Some(cutoff) => cutoff,
        None => cutoff_of(&latitude, &longitude)?,
    };
    let cells = pooled(&latitude, &longitude, place.pixel_km);
    let k = scores.n_cols();
    // One sum of scores for each place, places from south to north.
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by(|&a, &b| cells[a].0.total_cmp(&cells[b].0).then(cells[a].1.total_cmp(&cells[b].1)));
    let mut places: Vec<(f64, f64)> = Vec::new();
    let mut sums: Vec<f64> = Vec::new();
    for row in order {
        let here = cells[row];
        let is_new = places
            .last()
            .is_none_or(|last| last.0.total_cmp(&here.0).is_ne() || last.1.total_cmp(&here.1).is_ne());
        if is_new {
            places.push(here);
            sums.resize(sums.len() + k, 0.0);
        }
        let start = sums.len() - k;
        (0..k).for_each(|j| sums[start + j] += scores[(row, j)]);
    }
    let radians: Vec<[f64; 3]> =
        places.iter().map(|p| [p.0.to_radians(), p.1.to_radians(), p.0.to_radians().cos()]).collect();
    let near = |i: usize| {
        let mut own: Vec<f64> = sums[i * k..(i + 1) * k].iter().map(|s| 0.5 * s).collect();
        for j in i + 1..radians.len() {
            if (radians[j][0] - radians[i][0]).abs() > RADIANS_A_KM * cutoff {
                break;
            }
            let Some(distance) = distance_km(&radians[i], &radians[j], cutoff, place.distance) else {
                continue;
            };
            let weight = match place.kernel {
                ConleyKernel::Uniform => 1.0,
                ConleyKernel::Bartlett => 1.0 - distance / cutoff,
            };
            own.iter_mut().zip(&sums[j * k..(j + 1) * k]).for_each(|(own, s)| *own += weight * s);
        }
        own
    };
    let near: Vec<Vec<f64>> = (0..places.len()).into_par_iter().map(near).collect();
    let mut meat = Matrix::zeros(k, k);
    for (i, near) in near.iter().enumerate() {
        for b in 0..k {
            (0..k).for_each(|a| meat[(a, b)] += sums[i * k + a] * near[b]);
        }
    }
    Ok(both_ways(&meat))
}

/// `fixest` counts 111 km a degree and takes 3.14159 for pi where it turns the cutoff into radians.
#[expect(clippy::approx_constant, reason = "the cutoff must fall where that of `fixest` falls")]
const RADIANS_A_KM: f64 = 3.14159 / 180.0 / 111.0;

/// Distance of two places (latitude, longitude, cosine of latitude; radians) when it is within the cutoff.
fn distance_km(a: &[f64; 3], b: &[f64; 3], cutoff: f64, distance: ConleyDistance) -> Option<f64> {
    let reach = RADIANS_A_KM * cutoff;
    let across = (a[1] - b[1]).abs();
    let across = if across < std::f64::consts::PI { across } else { std::f64::consts::TAU - across };
    let shortened = (0.5 * (a[0] + b[0])).cos();
    if across > reach / shortened {
        return None;
    }
    let up = (a[0] - b[0]).abs();
    match distance {
        ConleyDistance::Triangular => {
            let square = up * up + (shortened * across).powi(2);
            (square <= reach * reach).then(|| square.sqrt() / RADIANS_A_KM)
        }
        ConleyDistance::Spherical => {
            let half =
                (0.5 * (b[0] - a[0])).sin().powi(2) + a[2] * b[2] * (0.5 * (b[1] - a[1])).sin().powi(2);
            let km = 12_752.0 * half.sqrt().min(1.0).asin();
            (km <= cutoff).then_some(km)
        }
    }
}

fn checked(n: usize, place: &Conley) -> Result<(Vec<f64>, Vec<f64>)> {
    same_length(n, place.latitude.len(), "rows and latitudes")?;
    same_length(n, place.longitude.len(), "rows and longitudes")?;
    let range = |values: &[f64], what: &str| -> Result<(f64, f64)> {
        values.iter().try_for_each(|&x| finite(x, what).map(drop))?;
        Ok(values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x))))
    };
    let (south, north) = range(&place.latitude, "latitude")?;
    let (west, east) = range(&place.longitude, "longitude")?;
    if south < -90.0 || north > 90.0 || west < -360.0 || east > 360.0 || east - west > 360.0 {
        let message = format!(
            "latitudes from {south} to {north} and longitudes from {west} to {east}, expected [-90, 90] and a range \
             of 360 within [-360, 360]"
        );
        return Err(Error::new(ErrorKind::Domain, message));
    }
    if place.cutoff_km.is_some_and(|cutoff| cutoff.is_nan() || cutoff <= 0.0) || place.pixel_km < 0.0 {
        let message = format!(
            "cutoff {:?} km and pixel {} km, expected a cutoff above 0 and a pixel of 0 or more",
            place.cutoff_km, place.pixel_km
        );
        return Err(Error::new(ErrorKind::Domain, message));
    }
    let turn = if east > 180.0 {
        -180.0
    } else if west < -180.0 {
        180.0
    } else {
        0.0
    };
    Ok((place.latitude.clone(), place.longitude.iter().map(|x| x + turn).collect()))
}

/// Corners of the squares that rows fall into, or the rows' own places.
fn pooled(latitude: &[f64], longitude: &[f64], pixel_km: f64) -> Vec<(f64, f64)> {
    let own = latitude.iter().zip(longitude).map(|(&lat, &lon)| (lat, lon));
    if pixel_km <= 0.0 {
        return own.collect();
    }
    let height = pixel_km / 111.0;
    own.map(|(lat, lon)| {
        let width = pixel_km / (111.0 * lat.to_radians().cos());
        (((lat + 90.0) / height).floor() * height - 90.0, ((lon + 180.0) / width).floor() * width - 180.0)
    })
    .collect()
}

/// `fixest`'s rule of thumb: in the order of latitude and in that of longitude, the median distance to the nearest
/// of the next three places; their sum, rounded down to two digits.
fn cutoff_of(latitude: &[f64], longitude: &[f64]) -> Result<f64> {
    let mut places: Vec<(f64, f64)> = latitude.iter().copied().zip(longitude.iter().copied()).collect();
    let median = |places: &mut Vec<(f64, f64)>, swap: bool| {
        let key = |p: &(f64, f64)| if swap { (p.1, p.0) } else { *p };
        places.sort_by(|a, b| key(a).0.total_cmp(&key(b).0).then(key(a).1.total_cmp(&key(b).1)));
        places.dedup_by(|a, b| a.0.total_cmp(&b.0).is_eq() && a.1.total_cmp(&b.1).is_eq());
        let near =
            |i: usize| (1..=3).map(|j| great_circle_km(places[i], places[i + j])).fold(f64::MAX, f64::min);
        let mut near: Vec<f64> = (0..places.len().saturating_sub(3)).map(near).collect();
        near.sort_by(f64::total_cmp);
        let n = near.len();
        if n == 0 { 0.0 } else { f64::midpoint(near[(n - 1) / 2], near[n / 2]) }
    };
    let sum = median(&mut places, false) + median(&mut places, true);
    if sum <= 0.0 {
        let message = "too few places for a rule of thumb, expected a cutoff in kilometres";
        return Err(Error::new(ErrorKind::Degenerate, message));
    }
    let digits = sum.log10().floor() - 1.0;
    let unit = 10f64.powf(if sum > 20.0 { digits.max(1.0) } else { digits });
    Ok((sum / unit).floor() * unit)
}

fn great_circle_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (up, across) = ((b.0 - a.0).to_radians(), (b.1 - a.1).to_radians());
    let half = (up / 2.0).sin().powi(2)
        + a.0.to_radians().cos() * b.0.to_radians().cos() * (across / 2.0).sin().powi(2);
    2.0 * 6371.0 * half.sqrt().min(1.0).asin()
}

/// A matrix plus its transpose.
fn both_ways(half: &Matrix) -> Matrix {
    Matrix::from_fn(half.n_rows(), half.n_cols(), |i, j| half[(i, j)] + half[(j, i)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use crate::regression::{Columns, OlsOptions, SmallSample, Vcov, ols};

    fn scores(n: usize, k: usize) -> Matrix {
        let stream = Stream::new(12, 0);
        Matrix::from_fn(n, k, |i, j| stream.normal((i * k + j) as u64))
    }

    fn near(found: &Matrix, expected: &Matrix) {
        let gap = found.clone().plus(expected, -1.0);
        let size = expected.data().iter().fold(0.0f64, |most, x| most.max(x.abs()));
        assert!(gap.data().iter().all(|x| x.abs() <= 1e-12 * size), "{found:?}, expected {expected:?}");
    }

    /// The meat by its definition: all pairs of rows, each with its weight.
    fn by_pairs(scores: &Matrix, weight: impl Fn(usize, usize) -> f64) -> Matrix {
        let n = scores.n_rows();
        let mut meat = Matrix::zeros(scores.n_cols(), scores.n_cols());
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            for a in 0..scores.n_cols() {
                for b in 0..scores.n_cols() {
                    meat[(a, b)] += weight(i, j) * scores[(i, a)] * scores[(j, b)];
                }
            }
        }
        meat
    }

    // Units with holes: lags count periods, not rows.
    #[test]
    fn newey_west_is_its_sum_over_pairs() {
        let cells: Vec<(usize, usize)> = (0..5)
            .flat_map(|u| (0..9).map(move |t| (t, u)))
            .filter(|(t, u)| (t * 3 + u * 5) % 7 != 0)
            .collect();
        let time = Factor::new(&cells.iter().map(|c| c.0).collect::<Vec<_>>());
        let unit = Factor::new(&cells.iter().map(|c| c.1).collect::<Vec<_>>());
        let s = scores(cells.len(), 3);
        let bartlett = |gap: usize, lag: usize| (1.0 - gap as f64 / (lag as f64 + 1.0)).max(0.0);
        for lag in [0, 1, 3, 20] {
            let within = |i: usize, j: usize| match cells[i].1 == cells[j].1 {
                true => bartlett(cells[i].0.abs_diff(cells[j].0), lag),
                false => 0.0,
            };
            near(&newey_west(&s, Some(&unit), &time, lag).unwrap(), &by_pairs(&s, within));
            let across = |i: usize, j: usize| bartlett(cells[i].0.abs_diff(cells[j].0), lag);
            near(&driscoll_kraay(&s, &time, lag).unwrap(), &by_pairs(&s, across));
        }
        assert_eq!(newey_west(&s, None, &time, 1).unwrap_err().kind(), ErrorKind::Shape);
    }

    #[test]
    fn conley_is_its_sum_over_pairs() {
        let stream = Stream::new(4, 4);
        let n = 80;
        // Some rows share a place, and some lie on both sides of the date line.
        let latitude: Vec<f64> = (0..n).map(|i| 20.0 + 10.0 * stream.uniform(i % 60)).collect();
        let longitude: Vec<f64> = (0..n)
            .map(|i| {
                let x = 175.0 + 10.0 * stream.uniform(100 + i % 60);
                if x > 180.0 { x - 360.0 } else { x }
            })
            .collect();
        let s = scores(80, 2);
        for (distance, kernel) in [
            (ConleyDistance::Spherical, ConleyKernel::Uniform),
            (ConleyDistance::Spherical, ConleyKernel::Bartlett),
            (ConleyDistance::Triangular, ConleyKernel::Uniform),
        ] {
            let place =
                Conley { distance, kernel, ..Conley::new(latitude.clone(), longitude.clone(), Some(400.0)) };
            let weight = |i: usize, j: usize| {
                let km = match distance {
                    // fixest's earth has a diameter of 12,752 km.
                    ConleyDistance::Spherical => {
                        12_752.0 / 12_742.0
                            * great_circle_km((latitude[i], longitude[i]), (latitude[j], longitude[j]))
                    }
                    ConleyDistance::Triangular => {
                        let across = (longitude[i] - longitude[j]).abs();
                        let shortened = f64::midpoint(latitude[i], latitude[j]).to_radians().cos();
                        111.0 * (latitude[i] - latitude[j]).hypot(shortened * across.min(360.0 - across))
                    }
                };
                match kernel {
                    _ if km > 400.0 => 0.0,
                    ConleyKernel::Uniform => 1.0,
                    ConleyKernel::Bartlett => 1.0 - km / 400.0,
                }
            };
            near(&conley(&s, &place).unwrap(), &by_pairs(&s, weight));
        }
    }

    // Within a cutoff that reaches everyone the summed scores of a regression with an intercept vanish; within one
    // that reaches no one the meat is White's.
    #[test]
    fn extreme_cutoffs_are_known_covariances() {
        let stream = Stream::new(9, 0);
        let x: Vec<f64> = (0..50).map(|i| stream.normal(i)).collect();
        let y: Vec<f64> = (0..50).map(|i| x[i] + stream.normal(100 + i as u64)).collect();
        let place = |cutoff| {
            let at =
                |from: u64| (0..50).map(|i| 30.0 + 10.0 * stream.uniform(from + i)).collect::<Vec<f64>>();
            Vcov::Conley(Conley::new(at(200), at(300), Some(cutoff)))
        };
        let variance = |vcov: Vcov| {
            let columns = Columns::new(50).intercept().dense("x", x.clone()).unwrap();
            let options = OlsOptions { vcov, small_sample: SmallSample::none(), ..OlsOptions::default() };
            ols(&y, columns, &[], &options).unwrap().covariance.matrix[(1, 1)]
        };
        let white = variance(Vcov::Hc1);
        assert!((variance(place(1e-6)) - white).abs() < 1e-12 * white);
        // What rounding leaves may be negative and is then raised to 1e-10.
        assert!(variance(place(1e5)).abs() < 2e-10);
    }

    // An autoregression with coefficient 0.8 keeps correlating for many periods, white noise does not.
    #[test]
    fn a_persistent_series_gets_the_longer_lag() {
        let stream = Stream::new(2, 0);
        let time = Factor::new(&(0..400).collect::<Vec<_>>());
        let mut level = 0.0;
        let series: Vec<f64> = (0..400)
            .map(|t| {
                level = 0.8 * level + stream.normal(t);
                level
            })
            .collect();
        let persistent = series_lag(&Matrix::from_columns(400, &[&series]), &time);
        let noise = series_lag(&Matrix::from_fn(400, 1, |t, _| stream.normal(1000 + t as u64)), &time);
        assert!(persistent >= noise && persistent < 40, "{persistent} {noise}");
        assert_eq!((panel_lag(15), panel_lag(16), panel_lag(81)), (1, 2, 3));
    }

    #[test]
    fn places_off_the_globe_are_refused() {
        let s = scores(3, 1);
        let kind = |latitude: f64, cutoff: Option<f64>| {
            let place = Conley::new(vec![latitude, 1.0, 2.0], vec![0.0; 3], cutoff);
            conley(&s, &place).unwrap_err().kind()
        };
        assert_eq!(kind(95.0, Some(10.0)), ErrorKind::Domain);
        assert_eq!(kind(f64::NAN, Some(10.0)), ErrorKind::NonFinite);
        assert_eq!(kind(5.0, Some(0.0)), ErrorKind::Domain);
        assert_eq!(kind(5.0, None), ErrorKind::Degenerate);
    }
}
