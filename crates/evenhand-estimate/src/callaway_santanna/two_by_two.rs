//! One cohort against its comparison units, before and after: the estimators of R `DRDID`.
//!
//! Sant'Anna and Zhao (2020), doi:10.1016/j.jeconom.2020.06.003: outcome regression, inverse probability weights
//! of the Hajek kind, and the locally efficient doubly robust form. Columns are centred and scaled before the
//! products are taken, which changes no fitted value.

use super::DidMethod;
use evenhand_linalg::{Cholesky, Matrix, dot};

/// An effect and its influence function, one value for each unit or row that took part.
pub(super) struct Effect {
    pub att: f64,
    pub influence: Vec<f64>,
}

/// Why a cell could not be estimated.
pub(super) type Why = &'static str;

const OVERLAP: Why = "overlap fails: a propensity score reaches 0.999";
const SINGULAR: Why = "the covariates of the comparison units are collinear";
const TRIMMED: Why = "every comparison unit has a propensity score of 0.995 or more";

/// Propensity scores above this drop a comparison unit.
const TRIM: f64 = 0.995;

/// What a cell's estimator needs besides outcomes: shared by the periods that compare the same units.
pub(super) struct Design {
    method: DidMethod,
    /// Columns, the intercept first, shape (p,) of (n,).
    x: Vec<Vec<f64>>,
    /// Weights of mean 1, shape (n,).
    w: Vec<f64>,
    /// 1 for the cohort.
    d: Vec<f64>,
    logit: Option<Logit>,
}

struct Logit {
    ps: Vec<f64>,
    /// Weights of the comparison units, ps / (1 - ps), 0 for the cohort and for the trimmed.
    odds: Vec<f64>,
    /// n times the inverse of the information.
    inverse: Matrix,
}

impl Design {
    /// `x` without the intercept, `w` and `d` by unit.
    pub fn new(method: DidMethod, x: Vec<Vec<f64>>, w: Vec<f64>, d: Vec<f64>) -> Result<Self, Why> {
        let n = d.len();
        let mean = w.iter().sum::<f64>() / n as f64;
        let w: Vec<f64> = w.into_iter().map(|w| w / mean).collect();
        let mut columns = vec![vec![1.0; n]];
        columns.extend(x.into_iter().map(standardized));
        let mut design = Self { method, x: columns, w, d, logit: None };
        if method != DidMethod::OutcomeRegression {
            design.logit = Some(design.propensity()?);
        }
        Ok(design)
    }

    fn n(&self) -> f64 {
        self.d.len() as f64
    }

    fn propensity(&self) -> Result<Logit, Why> {
        let even = self.w.iter().all(|w| (w - 1.0).abs() < 1e-12);
        let mut ps = logit(&self.x, &self.d, &self.w).ok_or(SINGULAR)?;
        let reaches = |ps: &[f64]| ps.iter().copied().fold(0.0, f64::max) >= 0.999;
        let unweighted = if even { None } else { logit(&self.x, &self.d, &vec![1.0; self.d.len()]) };
        if reaches(unweighted.as_deref().unwrap_or(&ps)) {
            return Err(OVERLAP);
        }
        ps.iter_mut().for_each(|p| *p = p.min(1.0 - 1e-6));
        let information: Vec<f64> = ps.iter().zip(&self.w).map(|(p, w)| p * (1.0 - p) * w).collect();
        let gram = weighted_gram(&self.x, &information);
        let inverse = factor(&gram).ok_or(SINGULAR)?.inverse().scaled(self.n());
        let odds =
            ps.iter().zip(&self.d).map(|(&p, &d)| if d > 0.5 || p >= TRIM { 0.0 } else { p / (1.0 - p) });
        let odds = odds.collect();
        Ok(Logit { ps, odds, inverse })
    }

    /// Weighted least squares on the rows where `mask` is 1.
    fn regression(&self, mask: &[f64]) -> Result<Regression, Why> {
        let w: Vec<f64> = mask.iter().zip(&self.w).map(|(m, w)| m * w).collect();
        let gram = weighted_gram(&self.x, &w).scaled(1.0 / self.n());
        Ok(Regression { chol: factor(&gram).ok_or(SINGULAR)?, w })
    }

    /// X b by unit.
    fn fitted(&self, b: &[f64]) -> Vec<f64> {
        let mut sum = vec![b[0]; self.d.len()];
        for (column, b) in self.x.iter().zip(b).skip(1) {
            sum.iter_mut().zip(column).for_each(|(s, x)| *s += x * b);
        }
        sum
    }

    /// Mean of a * x by column.
    fn moments(&self, a: &[f64]) -> Vec<f64> {
        self.x.iter().map(|column| dot(column, a) / self.n()).collect()
    }

    fn mean(&self, a: &[f64]) -> f64 {
        a.iter().sum::<f64>() / self.n()
    }

    fn comparison(&self) -> Vec<f64> {
        self.d.iter().map(|d| 1.0 - d).collect()
    }

    /// The score's part of an influence function: w (D - ps) x' H m.
    fn score(&self, logit: &Logit, m: &[f64]) -> Vec<f64> {
        let mut part = self.fitted(&logit.inverse.mul_vec(m));
        for (i, value) in part.iter_mut().enumerate() {
            *value *= self.w[i] * (self.d[i] - logit.ps[i]);
        }
        part
    }
}

/// A factored weighted regression.
struct Regression {
    /// Of X'WX / n.
    chol: Cholesky,
    /// Weights, 0 outside the regression's rows.
    w: Vec<f64>,
}

impl Regression {
    /// Coefficients, with one step of refinement.
    fn solve(&self, design: &Design, y: &[f64]) -> Vec<f64> {
        let products = |y: &[f64]| {
            let wy: Vec<f64> =
                self.w.iter().zip(y).map(|(w, y)| if *w > 0.0 { w * y } else { 0.0 }).collect();
            self.chol.solve(&design.moments(&wy))
        };
        let mut b = products(y);
        let left: Vec<f64> = y.iter().zip(design.fitted(&b)).map(|(y, f)| y - f).collect();
        b.iter_mut().zip(products(&left)).for_each(|(b, step)| *b += step);
        b
    }

    /// The coefficients' part of an influence function: w r x' A m.
    fn part(&self, design: &Design, residual: &[f64], m: &[f64]) -> Vec<f64> {
        let mut part = design.fitted(&self.chol.solve(m));
        for (i, value) in part.iter_mut().enumerate() {
            *value *= if self.w[i] > 0.0 { self.w[i] * residual[i] } else { 0.0 };
        }
        part
    }
}

/// The panel estimators: changes of the outcome in one cell, for a design that many cells may share.
pub(super) struct PanelDesign {
    design: Design,
    /// Of the comparison units; the inverse-probability weights do without.
    regression: Option<Regression>,
}

impl PanelDesign {
    pub fn new(method: DidMethod, x: Vec<Vec<f64>>, w: Vec<f64>, d: Vec<f64>) -> Result<Self, Why> {
        let design = Design::new(method, x, w, d)?;
        let needs = method != DidMethod::InverseProbability;
        let regression = needs.then(|| design.regression(&design.comparison())).transpose()?;
        Ok(Self { design, regression })
    }

    /// `dy`: change of the outcome by unit.
    pub fn effect(&self, dy: &[f64]) -> Result<Effect, Why> {
        let design = &self.design;
        let (w, d) = (&design.w, &design.d);
        let treated: Vec<f64> = w.iter().zip(d).map(|(w, d)| w * d).collect();
        let m_treated = design.mean(&treated);
        let residual = match &self.regression {
            None => dy.to_vec(),
            Some(regression) => minus(dy, &design.fitted(&regression.solve(design, dy))),
        };
        if let (DidMethod::OutcomeRegression, Some(regression)) = (design.method, &self.regression) {
            // mean over the cohort of dy - X b: one weighted mean, and the coefficients' part.
            let att = dot(&treated, &residual) / treated.iter().sum::<f64>();
            let m1 = design.moments(&treated);
            let part = regression.part(design, &residual, &m1);
            let influence = (0..d.len()).map(|i| (treated[i] * (residual[i] - att) - part[i]) / m_treated);
            return Ok(Effect { att, influence: influence.collect() });
        }
        let Some(logit) = &design.logit else { return Err(OVERLAP) };
        let compared: Vec<f64> = w.iter().zip(&logit.odds).map(|(w, odds)| w * odds).collect();
        let m_compared = design.mean(&compared);
        if m_compared <= 0.0 {
            return Err(TRIMMED);
        }
        let eta_treated = dot(&treated, &residual) / design.n() / m_treated;
        let eta_compared = dot(&compared, &residual) / design.n() / m_compared;
        let left: Vec<f64> = (0..d.len()).map(|i| compared[i] * (residual[i] - eta_compared)).collect();
        let score = design.score(logit, &design.moments(&left));
        let mut influence: Vec<f64> = (0..d.len())
            .map(|i| treated[i] * (residual[i] - eta_treated) / m_treated - (left[i] + score[i]) / m_compared)
            .collect();
        if let Some(regression) = &self.regression {
            let (m1, m3) = (design.moments(&treated), design.moments(&compared));
            let m: Vec<f64> = m1.iter().zip(&m3).map(|(a, b)| a / m_treated - b / m_compared).collect();
            let part = regression.part(design, &residual, &m);
            influence.iter_mut().zip(part).for_each(|(value, part)| *value -= part);
        }
        Ok(Effect { att: eta_treated - eta_compared, influence })
    }
}

/// The estimators for repeated cross-sections: rows before and after (`post`) of cohort and comparison.
pub(super) fn cross_section(design: &Design, y: &[f64], post: &[f64]) -> Result<Effect, Why> {
    match design.method {
        DidMethod::OutcomeRegression => regression_rc(design, y, post),
        DidMethod::InverseProbability => weighting_rc(design, y, post),
        DidMethod::DoublyRobust => doubly_robust_rc(design, y, post),
    }
}

/// w_i m_i (v_i - mean) / mean(w m): a weighted mean and its influence function.
fn weighted_mean(w: &[f64], v: &[f64]) -> (f64, Vec<f64>) {
    let sum: f64 = w.iter().sum();
    let mean = dot(w, v) / sum;
    let scale = w.len() as f64 / sum;
    (mean, w.iter().zip(v).map(|(w, v)| w * (v - mean) * scale).collect())
}

fn masks(design: &Design, post: &[f64]) -> [Vec<f64>; 4] {
    let mask = |d: f64, p: f64| {
        (design.d.iter().zip(post))
            .map(|(di, pi)| f64::from((di - d).abs() < 0.5 && (pi - p).abs() < 0.5))
            .collect()
    };
    [mask(0.0, 0.0), mask(0.0, 1.0), mask(1.0, 0.0), mask(1.0, 1.0)]
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn add(sum: &mut [f64], part: &[f64], factor: f64) {
    sum.iter_mut().zip(part).for_each(|(s, p)| *s += factor * p);
}

fn regression_rc(design: &Design, y: &[f64], post: &[f64]) -> Result<Effect, Why> {
    let [before_c, after_c, before_t, after_t] = masks(design, post);
    let (before, after) = (design.regression(&before_c)?, design.regression(&after_c)?);
    let out_before = design.fitted(&before.solve(design, y));
    let out_after = design.fitted(&after.solve(design, y));
    let cohort = product(&design.w, &design.d);
    let (mean_after, mut influence) = weighted_mean(&product(&design.w, &after_t), y);
    let (mean_before, part) = weighted_mean(&product(&design.w, &before_t), y);
    add(&mut influence, &part, -1.0);
    let (trend, part) = weighted_mean(&cohort, &minus(&out_after, &out_before));
    add(&mut influence, &part, -1.0);
    let share = design.mean(&cohort);
    let m: Vec<f64> = design.moments(&cohort).iter().map(|m| m / share).collect();
    add(&mut influence, &after.part(design, &minus(y, &out_after), &m), -1.0);
    add(&mut influence, &before.part(design, &minus(y, &out_before), &m), 1.0);
    Ok(Effect { att: mean_after - mean_before - trend, influence })
}

fn weighting_rc(design: &Design, y: &[f64], post: &[f64]) -> Result<Effect, Why> {
    let Some(logit) = &design.logit else { return Err(OVERLAP) };
    let [before_c, after_c, before_t, after_t] = masks(design, post);
    let compared = product(&design.w, &logit.odds);
    let (after_w, before_w) = (product(&compared, &after_c), product(&compared, &before_c));
    if after_w.iter().sum::<f64>() <= 0.0 || before_w.iter().sum::<f64>() <= 0.0 {
        return Err(TRIMMED);
    }
    let (treated_after, mut influence) = weighted_mean(&product(&design.w, &after_t), y);
    let (treated_before, part) = weighted_mean(&product(&design.w, &before_t), y);
    add(&mut influence, &part, -1.0);
    let (control_after, after_part) = weighted_mean(&after_w, y);
    let (control_before, before_part) = weighted_mean(&before_w, y);
    add(&mut influence, &after_part, -1.0);
    add(&mut influence, &before_part, 1.0);
    let m = design.moments(&minus(&after_part, &before_part));
    add(&mut influence, &design.score(logit, &m), -1.0);
    Ok(Effect { att: treated_after - treated_before - (control_after - control_before), influence })
}

fn doubly_robust_rc(design: &Design, y: &[f64], post: &[f64]) -> Result<Effect, Why> {
    let Some(logit) = &design.logit else { return Err(OVERLAP) };
    let all = masks(design, post);
    let [before_c, after_c, before_t, after_t] = &all;
    let mut regressions = Vec::with_capacity(4);
    for mask in &all {
        regressions.push(design.regression(mask)?);
    }
    let fits: Vec<Vec<f64>> = regressions.iter().map(|r| design.fitted(&r.solve(design, y))).collect();
    let parts = |at: usize, m: &[f64]| regressions[at].part(design, &minus(y, &fits[at]), m);
    let [out_before_c, out_after_c, out_before_t, out_after_t] = [&fits[0], &fits[1], &fits[2], &fits[3]];
    let out_c: Vec<f64> =
        (0..y.len()).map(|i| if post[i] > 0.5 { out_after_c[i] } else { out_before_c[i] }).collect();
    let residual = minus(y, &out_c);

    let compared = product(&design.w, &logit.odds);
    let cohort = product(&design.w, &design.d);
    let weights = [
        product(&compared, before_c),
        product(&compared, after_c),
        product(&design.w, before_t),
        product(&design.w, after_t),
    ];
    if weights.iter().any(|w| w.iter().sum::<f64>() <= 0.0) {
        return Err(TRIMMED);
    }
    let terms: Vec<(f64, Vec<f64>)> = weights.iter().map(|w| weighted_mean(w, &residual)).collect();
    let (gain_after, gain_before) = (minus(out_after_t, out_after_c), minus(out_before_t, out_before_c));
    let efficient = [
        weighted_mean(&cohort, &gain_after),
        weighted_mean(&weights[3], &gain_after),
        weighted_mean(&cohort, &gain_before),
        weighted_mean(&weights[2], &gain_before),
    ];
    let att = (terms[3].0 - terms[2].0) - (terms[1].0 - terms[0].0) + (efficient[0].0 - efficient[1].0)
        - (efficient[2].0 - efficient[3].0);

    let mut influence = vec![0.0; y.len()];
    for (part, sign) in terms.iter().zip([1.0, -1.0, -1.0, 1.0]) {
        add(&mut influence, &part.1, sign);
    }
    for (part, sign) in efficient.iter().zip([1.0, -1.0, -1.0, 1.0]) {
        add(&mut influence, &part.1, sign);
    }
    add(&mut influence, &design.score(logit, &design.moments(&minus(&terms[1].1, &terms[0].1))), -1.0);
    let scaled = |w: &[f64]| {
        let mean = design.mean(w);
        design.moments(w).iter().map(|m| m / mean).collect::<Vec<f64>>()
    };
    let of_cohort = scaled(&cohort);
    for (period, sign) in [(0, -1.0), (1, 1.0)] {
        // Comparison regressions enter through two weighted residuals and through the gains. Before treatment the
        // first should change its sign as the second does; `DRDID` 1.2.3 and 1.3.0 keep it, and are followed. `csdid`
        // 0.4 changes it. With few treated rows standard errors differ by up to a tenth.
        let (of_c, of_t) = (scaled(&weights[period]), scaled(&weights[period + 2]));
        let gain = minus(&of_cohort, &of_t);
        let m: Vec<f64> = (0..of_c.len()).map(|j| of_c[j] - of_t[j] - sign * gain[j]).collect();
        add(&mut influence, &parts(period, &m), 1.0);
        add(&mut influence, &parts(period + 2, &gain), sign);
    }
    Ok(Effect { att, influence })
}

fn standardized(mut x: Vec<f64>) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    x.iter_mut().for_each(|x| *x -= mean);
    let scale = (dot(&x, &x) / n).sqrt();
    // What rounding leaves of a constant column is no variation.
    if scale > 1e-13 * mean.abs() {
        x.iter_mut().for_each(|x| *x /= scale);
    } else {
        x.fill(0.0);
    }
    x
}

fn weighted_gram(x: &[Vec<f64>], w: &[f64]) -> Matrix {
    let mut gram = Matrix::zeros(x.len(), x.len());
    for j in 0..x.len() {
        let wx = product(&x[j], w);
        for i in 0..=j {
            let value = if i == 0 { wx.iter().sum() } else { dot(&x[i], &wx) };
            (gram[(i, j)], gram[(j, i)]) = (value, value);
        }
    }
    gram
}

/// A Cholesky factor, unless a column is a combination of others to working precision.
fn factor(gram: &Matrix) -> Option<Cholesky> {
    let chol = Cholesky::new(gram)?;
    let clear = |j: usize| chol.lower()[(j, j)].powi(2) > 1e-13 * gram[(j, j)];
    (0..gram.n_cols()).all(clear).then_some(chol)
}

/// Fitted probabilities of a logistic regression, by the steps and the stopping rule of R's `glm`: the relative
/// change of the deviance under 1e-8. `None` when the columns are collinear.
fn logit(x: &[Vec<f64>], d: &[f64], w: &[f64]) -> Option<Vec<f64>> {
    let n = d.len();
    let mut mu: Vec<f64> = d.iter().zip(w).map(|(d, w)| (w * d + 0.5) / (w + 1.0)).collect();
    let mut eta: Vec<f64> = mu.iter().map(|m| (m / (1.0 - m)).ln()).collect();
    let deviance = |mu: &[f64]| {
        let term = |i: usize| w[i] * if d[i] > 0.5 { mu[i].ln() } else { (1.0 - mu[i]).ln() };
        -2.0 * (0..n).map(term).sum::<f64>()
    };
    let mut last = deviance(&mu);
    for _ in 0..100 {
        let information: Vec<f64> = mu.iter().zip(w).map(|(m, w)| w * m * (1.0 - m)).collect();
        let chol = factor(&weighted_gram(x, &information))?;
        // The step from eta: solve for the change, which is better conditioned than the working response.
        let wz: Vec<f64> = (0..n).map(|i| information[i] * eta[i] + w[i] * (d[i] - mu[i])).collect();
        let products: Vec<f64> = x.iter().map(|column| dot(column, &wz)).collect();
        let b = chol.solve(&products);
        eta.fill(b[0]);
        for (column, b) in x.iter().zip(&b).skip(1) {
            add(&mut eta, column, *b);
        }
        for (m, e) in mu.iter_mut().zip(&eta) {
            // R bounds its fitted values away from 0 and 1 by the rounding unit.
            *m = (1.0 / (1.0 + (-e).exp())).clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        }
        let now = deviance(&mu);
        if (now - last).abs() / (now.abs() + 0.1) < 1e-8 {
            break;
        }
        last = now;
    }
    Some(mu)
}
