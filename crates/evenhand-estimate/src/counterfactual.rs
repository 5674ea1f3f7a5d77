//! What untreated observations imply for the treated ones, for any mean of `regression::irls`: the step that Poisson
//! imputation and the extended two-way estimator share.
//!
//! The model is fitted to control rows; a row of a factor's level or period without a control row, or not connected
//! to one, has no prediction. Predictions depend on the fit through parameters phi: with mu' the derivative of the
//! mean, a weighted sum M of predictions moves with the scores of cluster c by
//! sum_(r in c) w (y - mu)_r h(r), where h is the linear function of a row's effects and columns whose coefficients are
//! the inverse information times dM / dphi.

use crate::regression::LeaveOut;
use crate::regression::glm::{Fitted, effects_of_all, fit_kept};
use crate::regression::irls::{Control, Family, Linear, Problem, SparseColumns};
use crate::two_way::{NONE, Target};
use crate::{Caveat, Cells, Error, ErrorKind, Factor, Matrix, Result};
use std::borrow::Cow;

/// The model of untreated outcomes.
pub(crate) struct Model<'a> {
    pub family: Family,
    /// Rows it is fitted to.
    pub control: Vec<bool>,
    /// Units or cohorts; periods are absorbed besides.
    pub group: &'a Factor,
    /// By row of the cells; 0 leaves a row out.
    pub weights: Option<Cow<'a, [f64]>>,
    pub columns: Vec<(String, Cow<'a, [f64]>)>,
    /// Named together: one column for each level of a factor, times a covariate.
    pub interactions: Vec<Interaction<'a>>,
}

/// A covariate with one coefficient for each level of a factor.
pub(crate) struct Interaction<'a> {
    pub factor: &'a Factor,
    pub values: &'a [f64],
}

/// On which scale predictions are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scale {
    /// That of the outcome.
    #[default]
    Response,
    /// That of the linear predictor.
    Link,
}

/// A model of untreated outcomes that was fitted, and what it predicts.
pub(crate) struct Counterfactual {
    /// The prediction of each row, NaN where there is none.
    pub mean: Vec<f64>,
    pub caveats: Vec<Caveat>,
    /// Coefficients that were estimated, effects not counted.
    pub n_columns: usize,
    family: Family,
    /// The rows of the cells behind the problem fitted.
    rows: Vec<usize>,
    problem: Problem<'static>,
    fitted: Fitted,
}

impl Counterfactual {
    /// # Errors
    /// [`ErrorKind::NoObservations`] without a control row of outcome above 0, [`ErrorKind::NotConverged`].
    pub(crate) fn new(cells: &Cells, model: &Model<'_>) -> Result<Self> {
        let has_weight = |row: usize| model.weights.as_ref().is_none_or(|weights| weights[row] > 0.0);
        let rows: Vec<usize> =
            (0..cells.n_obs()).filter(|&row| model.control[row] && has_weight(row)).collect();
        if rows.is_empty() {
            return Err(Error::new(
                ErrorKind::NoObservations,
                "no untreated row, expected some to learn from",
            ));
        }
        let all = full_problem(cells, model);
        let problem = all.select(&rows);
        let fitted = fit_kept(&problem, LeaveOut::PerfectFits, true, Control::default())?;
        let used = fitted.selected.as_ref().unwrap_or(&problem);
        let kept: Vec<usize> = fitted.rows.clone().unwrap_or_else(|| (0..rows.len()).collect());
        let mut effects = effects_of_all(&problem, used, &fitted.fit, &kept);
        // Back to the levels of the cells; one without a control row has no effect.
        for (effects, factor) in effects.iter_mut().zip(&all.absorbed) {
            let mut by_level = vec![f64::NAN; factor.n_levels()];
            let selected = factor.select(&rows);
            rows.iter()
                .enumerate()
                .for_each(|(at, &row)| by_level[factor.at(row)] = effects[selected.at(at)]);
            *effects = by_level;
        }
        let kept_rows: Vec<usize> = kept.iter().map(|&at| rows[at]).collect();
        let part = parts(&kept_rows, &all);
        let mean = (0..cells.n_obs())
            .map(|row| {
                let levels: Vec<usize> = all.absorbed.iter().map(|factor| factor.at(row)).collect();
                let sum: f64 = levels.iter().zip(&effects).map(|(&level, effects)| effects[level]).sum();
                // An effect of minus infinity is a mean of 0 wherever the other effect is.
                if sum.is_infinite() {
                    return 0.0;
                }
                if sum.is_nan() || part.0[levels[0]] != part.1[levels[1]] {
                    return f64::NAN;
                }
                let mut eta = sum + all.offset.as_ref().map_or(0.0, |offset| offset[row]);
                all.entries(row, |column, x| eta += x * fitted.fit.coefficients[column]);
                model.family.mean(eta)
            })
            .collect();
        let mut caveats = fitted.caveats.clone();
        let names = model.columns.iter().zip(&fitted.fit.kept).filter(|(_, kept)| !**kept);
        let dropped: Vec<String> = names.map(|((name, _), _)| name.clone()).collect();
        if !dropped.is_empty() {
            caveats.push(Caveat::Collinear { columns: dropped });
        }
        let n_columns = fitted.fit.kept.iter().filter(|&&kept| kept).count();
        Ok(Self { mean, caveats, n_columns, family: model.family, rows: kept_rows, problem, fitted })
    }

    /// How the weighted sums of predictions, or of their linear predictors, move with each cluster's control rows,
    /// shape (clusters, H).
    pub(crate) fn scores(
        &self,
        cells: &Cells,
        model: &Model<'_>,
        target: &Target,
        scale: Scale,
        cluster: &Factor,
    ) -> Matrix {
        let used = self.fitted.selected.as_ref().unwrap_or(&self.problem);
        let all = full_problem(cells, model);
        let mut gradient = Linear::zeros(used, target.n_terms);
        // Levels of the cells that the fit knows, by their number in the fit.
        let known: Vec<Vec<u32>> = (all.absorbed.iter().zip(&used.absorbed))
            .map(|(all, used)| {
                let mut known = vec![NONE; all.n_levels()];
                self.rows.iter().enumerate().for_each(|(at, &row)| known[all.at(row)] = used.codes()[at]);
                known
            })
            .collect();
        for row in (0..cells.n_obs()).filter(|&row| target.label[row] != NONE) {
            let h = target.label[row] as usize;
            let slope = target.mass[row]
                * match scale {
                    Scale::Response => self.family.variance(self.mean[row]),
                    Scale::Link => 1.0,
                };
            if slope.abs() <= 0.0 {
                continue;
            }
            for ((effects, known), factor) in gradient.effects.iter_mut().zip(&known).zip(&all.absorbed) {
                let level = known[factor.at(row)];
                if level != NONE {
                    effects[(h, level as usize)] += slope;
                }
            }
            all.entries(row, |column, x| gradient.columns[(h, column)] += slope * x);
        }
        let direction = self.fitted.fit.solve(used, &gradient);
        let errors: Vec<f64> = (used.outcome.iter().zip(&self.fitted.fit.mean).enumerate())
            .map(|(row, (y, mean))| used.weights.as_ref().map_or(1.0, |weights| weights[row]) * (y - mean))
            .collect();
        // Clusters without a control row keep their place.
        let codes: Vec<usize> = self.rows.iter().map(|&row| cluster.at(row)).collect();
        let sums = direction.cluster_sums(used, &errors, &cluster.select(&self.rows));
        let closed = cluster.select(&self.rows);
        let mut scores = Matrix::zeros(cluster.n_levels(), target.n_terms);
        let mut done = vec![false; cluster.n_levels()];
        for (at, &c) in codes.iter().enumerate() {
            if !std::mem::replace(&mut done[c], true) {
                (0..target.n_terms).for_each(|h| scores[(c, h)] = sums[(closed.at(at), h)]);
            }
        }
        scores
    }

    /// How many rows the fit has.
    pub(crate) fn n_rows(&self) -> usize {
        self.rows.len()
    }
}

/// The model on all rows of the cells.
fn full_problem<'a>(cells: &'a Cells, model: &'a Model<'_>) -> Problem<'a> {
    Problem {
        family: model.family,
        outcome: Cow::Borrowed(cells.outcome()),
        weights: model.weights.as_deref().map(Cow::Borrowed),
        offset: cells.offset().map(Cow::Borrowed),
        absorbed: vec![Cow::Borrowed(model.group), Cow::Borrowed(cells.period())],
        columns: model.columns.iter().map(|(_, values)| Cow::Borrowed(&values[..])).collect(),
        sparse: (model.interactions.iter())
            .map(|interaction| SparseColumns {
                at: Cow::Borrowed(interaction.factor.codes()),
                values: Some(Cow::Borrowed(interaction.values)),
                n_columns: interaction.factor.n_levels(),
            })
            .collect(),
    }
}

/// The connected part of each level of the group and of each period, by the control rows that were kept.
fn parts(rows: &[usize], all: &Problem<'_>) -> (Vec<usize>, Vec<usize>) {
    let n_groups = all.absorbed[0].n_levels();
    let mut parent: Vec<usize> = (0..n_groups + all.absorbed[1].n_levels()).collect();
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for &row in rows {
        let (g, t) = (all.absorbed[0].at(row), n_groups + all.absorbed[1].at(row));
        let (a, b) = (root(&mut parent, g), root(&mut parent, t));
        parent[a.max(b)] = a.min(b);
    }
    let all: Vec<usize> = (0..parent.len()).map(|at| root(&mut parent, at)).collect();
    (all[..n_groups].to_vec(), all[n_groups..].to_vec())
}
