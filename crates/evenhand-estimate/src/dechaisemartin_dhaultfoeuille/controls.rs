//! Time-varying controls: slopes of outcome changes on changes of the controls among those who have not switched,
//! with period effects, for each first treatment.

use super::design::Design;
use evenhand_linalg::{Cholesky, Matrix, dot};

pub(super) struct Controls {
    /// By level: slopes, shape (p,).
    theta: Vec<Vec<f64>>,
    /// By level: inverse moment matrix; `None` when it is singular, and the controls are then left out.
    inverse: Vec<Option<Matrix>>,
    /// By group: sum over periods of centred control times residual, shape (p,).
    score: Vec<Vec<f64>>,
}

/// Mean contribution of changes of the controls to an estimate, by level, shape (p,) each.
pub(super) struct Moments {
    by_level: Vec<Vec<f64>>,
}

impl Controls {
    /// The levels at which the controls are collinear are returned with them.
    pub fn new(design: &Design) -> (Self, Vec<usize>) {
        let p = design.x.len();
        let mut controls = Self {
            theta: vec![vec![0.0; p]; design.n_levels],
            inverse: vec![None; design.n_levels],
            score: vec![vec![0.0; p]; design.n_groups],
        };
        let mut singular = Vec::new();
        for level in 0..design.n_levels {
            let rows = Rows::of(design, level);
            if rows.cell.is_empty() {
                continue;
            }
            let weighted =
                |column: &[f64]| -> Vec<f64> { column.iter().zip(&rows.w).map(|(x, w)| x * w).collect() };
            let gram = Matrix::from_fn(p, p, |j, k| dot(&rows.x[j], &weighted(&rows.x[k])));
            let scale: Vec<f64> = gram.diagonal().iter().map(|v| v.sqrt()).collect();
            let chol = Cholesky::new(&gram)
                .filter(|chol| (0..p).all(|j| scale[j] > 0.0 && chol.lower()[(j, j)] > 1e-7 * scale[j]));
            let Some(chol) = chol else {
                singular.push(level);
                continue;
            };
            let moments: Vec<f64> = rows.x.iter().map(|x| dot(x, &weighted(&rows.y))).collect();
            controls.theta[level] = chol.solve(&moments);
            controls.inverse[level] = Some(chol.inverse());
            controls.score(design, level, &rows);
        }
        (controls, singular)
    }

    fn score(&mut self, design: &Design, level: usize, rows: &Rows) {
        for (at, &(g, t)) in rows.cell.iter().enumerate() {
            if t >= design.switch[g] {
                continue;
            }
            let n = rows.clusters[t] as f64;
            let fitted: f64 = rows.x.iter().zip(&self.theta[level]).map(|(x, b)| x[at] * b).sum();
            let residual = if n >= 2.0 { (rows.y[at] - fitted) * (n / (n - 1.0)).sqrt() } else { 0.0 };
            for (j, sum) in self.score[g].iter_mut().enumerate() {
                *sum += rows.w[at] * rows.x[j][at] * residual;
            }
        }
    }

    /// What the controls explain of a change over `h` periods up to `t`, or of the placebo before it.
    pub fn fitted(&self, design: &Design, g: usize, t: usize, h: usize, is_placebo: bool) -> f64 {
        let theta = &self.theta[design.level[g]];
        theta.iter().enumerate().map(|(j, b)| b * change(design, j, g, t, h, is_placebo)).sum()
    }

    pub fn moments(&self) -> Moments {
        Moments { by_level: self.theta.iter().map(|theta| vec![0.0; theta.len()]).collect() }
    }

    /// What the estimation of the slopes adds to a group's contribution.
    pub fn adjustment(&self, design: &Design, g: usize, moments: &Moments, is_placebo: bool) -> f64 {
        let own = design.level[g];
        let mut sum = 0.0;
        for (level, moment) in moments.by_level.iter().enumerate() {
            let Some(inverse) = &self.inverse[level] else { continue };
            // As the reference: an effect's constant goes to every group, a placebo's to those of the level.
            if is_placebo && level != own {
                continue;
            }
            for (j, m) in moment.iter().enumerate() {
                let score: f64 = (0..moment.len()).map(|k| inverse[(j, k)] * self.score[g][k]).sum();
                let part = if level == own && design.switch[g] >= 3 { design.g_total * score } else { 0.0 };
                sum += m / design.g_total * (part - self.theta[level][j]);
            }
        }
        sum
    }
}

impl Moments {
    pub fn add(&mut self, design: &Design, g: usize, t: usize, h: usize, is_placebo: bool, factor: f64) {
        for (j, sum) in self.by_level[design.level[g]].iter_mut().enumerate() {
            *sum += factor * change(design, j, g, t, h, is_placebo);
        }
    }
}

fn change(design: &Design, j: usize, g: usize, t: usize, h: usize, is_placebo: bool) -> f64 {
    let x = |t: usize| design.x[j][design.at(g, t)];
    if is_placebo { x(t - 2 * h) - x(t - h) } else { x(t) - x(t - h) }
}

/// First differences of those who have not switched, centred by period.
struct Rows {
    cell: Vec<(usize, usize)>,
    w: Vec<f64>,
    y: Vec<f64>,
    x: Vec<Vec<f64>>,
    /// Clusters behind each period, by period.
    clusters: Vec<usize>,
}

impl Rows {
    fn of(design: &Design, level: usize) -> Self {
        let p = design.x.len();
        let mut rows = Self {
            cell: vec![],
            w: vec![],
            y: vec![],
            x: vec![vec![]; p],
            clusters: vec![0; design.last + 1],
        };
        for t in 2..=design.last {
            let here: Vec<usize> = (0..design.n_groups)
                .filter(|&g| design.level[g] == level && design.switch[g] > t)
                .filter(|&g| design.is_there(g, t) && design.is_there(g, t - 1))
                .collect();
            let total: f64 = here.iter().map(|&g| design.w[design.at(g, t)]).sum();
            let centred = |column: &[f64]| -> Vec<f64> {
                let step = |g: usize| column[design.at(g, t)] - column[design.at(g, t - 1)];
                let mean = here.iter().map(|&g| design.w[design.at(g, t)] * step(g)).sum::<f64>() / total;
                here.iter().map(|&g| step(g) - mean).collect()
            };
            rows.y.extend(centred(&design.y));
            for (x, column) in rows.x.iter_mut().zip(&design.x) {
                x.extend(centred(column));
            }
            rows.w.extend(here.iter().map(|&g| design.w[design.at(g, t)]));
            rows.clusters[t] =
                here.iter().map(|&g| design.cluster[g]).collect::<std::collections::BTreeSet<_>>().len();
            rows.cell.extend(here.into_iter().map(|g| (g, t)));
        }
        rows
    }
}
