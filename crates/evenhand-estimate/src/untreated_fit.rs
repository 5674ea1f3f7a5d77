//! The first step that imputation and two-stage estimators share: unit effects, period effects and covariates
//! learnt from untreated observations, and how averages of what is left depend on those observations.

use crate::two_way::{Effects, NONE, Projection, Target, TwoWay};
use crate::{Caveat, Cells, Error, ErrorKind, Factor, Result, ladder};
use evenhand_linalg::{Matrix, Qr};

/// A covariate is a combination of the effects when so little of its length is left after them.
const COLLINEAR: f64 = 1e-9;

/// The regressors on the untreated rows, factored.
pub(crate) struct Basis<'a> {
    pub two_way: TwoWay<'a>,
    pub covariates: Vec<Covariate<'a>>,
    /// Names of covariates that are combinations of those before them and of the effects.
    pub dropped: Vec<String>,
    qr: Option<Qr>,
}

pub(crate) struct Covariate<'a> {
    pub values: &'a [f64],
    /// Its own effects on the untreated rows; what they leave is x~.
    pub effects: Effects,
}

impl<'a> Basis<'a> {
    /// Factors the regressors over the rows marked `untreated`.
    ///
    /// # Errors
    /// As [`TwoWay::new`].
    pub(crate) fn new(
        cells: &'a Cells,
        untreated: &'a [bool],
        weights: Option<&'a [f64]>,
        names: &[String],
    ) -> Result<Self> {
        let two_way = TwoWay::new(cells, untreated, weights)?;
        let mut covariates = Vec::new();
        for name in names {
            let (_, values) = column(cells, name)?;
            covariates.push(Covariate { values, effects: two_way.effects(values) });
        }
        let rows: Vec<usize> = (0..cells.n_obs()).filter(|&row| untreated[row]).collect();
        let mut x = Matrix::zeros(rows.len(), covariates.len());
        for (k, covariate) in covariates.iter().enumerate() {
            let column = x.col_mut(k);
            let (mut left, mut length) = (0.0, 0.0);
            for (slot, &row) in column.iter_mut().zip(&rows) {
                let root = two_way.weight(row).sqrt();
                *slot = root * covariate.residual(cells, row);
                left += *slot * *slot;
                length += (root * covariate.values[row]).powi(2);
            }
            if left.sqrt() <= COLLINEAR * length.sqrt() {
                column.fill(0.0);
            }
        }
        let qr = (!names.is_empty()).then(|| Qr::new(x, COLLINEAR));
        let kept: Vec<usize> = qr.as_ref().map_or_else(Vec::new, |qr| qr.kept().to_vec());
        let dropped = (0..names.len()).filter(|k| !kept.contains(k)).map(|k| names[k].clone()).collect();
        let mut at = 0..;
        covariates.retain(|_| at.next().is_some_and(|k| kept.contains(&k)));
        Ok(Self { two_way, covariates, dropped, qr })
    }

    /// Coefficients of the covariates for `values`, which their effects have left already.
    fn beta(&self, left: impl Fn(usize) -> f64) -> Vec<f64> {
        let Some(qr) = &self.qr else { return Vec::new() };
        let rows = (0..self.two_way.cells().n_obs()).filter(|&row| self.two_way.in_sample(row));
        qr.solve(&rows.map(|row| self.two_way.weight(row).sqrt() * left(row)).collect::<Vec<_>>())
    }

    /// (X~'W X~)^-1 of the kept covariates.
    pub(crate) fn gram_inverse(&self) -> Matrix {
        self.qr.as_ref().map_or_else(|| Matrix::zeros(0, 0), Qr::gram_inverse)
    }

    /// x~ of every kept covariate at a row.
    pub(crate) fn residual_covariates(&self, row: usize) -> impl Iterator<Item = f64> {
        self.covariates.iter().map(move |covariate| covariate.residual(self.two_way.cells(), row))
    }

    /// What effects and covariates leave of `values` on the untreated rows; 0 on the others.
    pub(crate) fn residual_of(&self, values: &[f64]) -> Vec<f64> {
        let mut gap = self.gaps(values);
        gap.iter_mut()
            .enumerate()
            .filter(|&(row, _)| !self.two_way.in_sample(row))
            .for_each(|(_, x)| *x = 0.0);
        gap
    }

    /// Values of all rows less their prediction from the untreated ones, 0 where that is not identified.
    pub(crate) fn gaps(&self, y: &[f64]) -> Vec<f64> {
        let cells = self.two_way.cells();
        let mut effects = self.two_way.effects(y);
        let mut beta = self.beta(|row| y[row] - effects.at(cells, row));
        let explained = |beta: &[f64], row: usize| -> f64 {
            self.covariates.iter().zip(beta).map(|(x, b)| b * x.residual(cells, row)).sum()
        };
        let again = self.beta(|row| y[row] - effects.at(cells, row) - explained(&beta, row));
        beta.iter_mut().zip(&again).for_each(|(b, more)| *b += more);
        for (covariate, b) in self.covariates.iter().zip(&beta) {
            effects.add(&covariate.effects, -b);
        }
        let predicted = |row: usize| {
            let of_covariates: f64 = self.covariates.iter().zip(&beta).map(|(x, b)| b * x.values[row]).sum();
            effects.at(cells, row) + of_covariates
        };
        let gap =
            (0..y.len()).map(|row| if self.two_way.identifies(row) { y[row] - predicted(row) } else { 0.0 });
        gap.collect()
    }

    /// How many free parameters: effects and covariates.
    pub(crate) fn rank(&self) -> usize {
        self.two_way.rank() + self.covariates.len()
    }
}

impl Covariate<'_> {
    fn residual(&self, cells: &Cells, row: usize) -> f64 {
        self.values[row] - self.effects.at(cells, row)
    }
}

fn column<'a>(cells: &'a Cells, name: &str) -> Result<&'a (String, Vec<f64>)> {
    cells.covariates().iter().find(|(other, _)| other == name).ok_or_else(|| {
        let known: Vec<&str> = cells.covariates().iter().map(|(name, _)| name.as_str()).collect();
        Error::new(ErrorKind::Shape, format!("covariate `{name}`, expected one of: {}", known.join(", ")))
    })
}

/// The columns asked for, by default all that `cells` have but those in `taken`.
pub(crate) fn covariate_names(
    cells: &Cells,
    asked: Option<&[String]>,
    taken: &[String],
) -> Result<Vec<String>> {
    match asked {
        Some(names) => {
            names.iter().try_for_each(|name| column(cells, name).map(drop))?;
            Ok(names.to_vec())
        }
        None => {
            let all = cells.covariates().iter().map(|(name, _)| name.clone());
            Ok(all.filter(|name| !taken.contains(name)).collect())
        }
    }
}

/// A column of the cells by name.
pub(crate) fn named_column<'a>(cells: &'a Cells, name: &str) -> Result<&'a [f64]> {
    column(cells, name).map(|(_, values)| values.as_slice())
}

/// How the averages of a target move with the untreated rows, summed by cluster: the scores
/// sum_it v_it e_it with v_it = -w_it z_it' (sum_untreated w z z')^-1 sum_target m z, shape (C, H).
///
/// `error` is w_it e_it of an untreated row; it sums to 0 over the untreated rows of a unit.
/// `factor` multiplies the masses of the target.
pub(crate) fn untreated_scores(
    basis: &Basis<'_>,
    target: &Target,
    factor: impl Fn(usize) -> f64 + Copy,
    error: impl Fn(usize) -> f64,
    clusters: &Factor,
) -> Matrix {
    let two_way = &basis.two_way;
    let projection = two_way.project(target, factor);
    let mut scores = period_sums(two_way, clusters, &error).mul(&projection.lambda).scaled(-1.0);
    if !nests_units(two_way, clusters) {
        subtract_unit_parts(&mut scores, two_way, target, factor, &projection, clusters, &error);
    }
    if basis.covariates.is_empty() {
        return scores;
    }
    let k = basis.covariates.len();
    let mut of_target = Matrix::zeros(k, target.n_terms);
    let mut of_clusters = Matrix::zeros(clusters.n_levels(), k);
    for row in 0..target.label.len() {
        let (label, sampled) = (target.label[row], two_way.in_sample(row));
        if label == NONE && !sampled {
            continue;
        }
        for (j, x) in basis.residual_covariates(row).enumerate() {
            if label != NONE {
                of_target[(j, label as usize)] += x * target.mass[row] * factor(row);
            }
            if sampled {
                of_clusters[(clusters.at(row), j)] += x * error(row);
            }
        }
    }
    scores.plus(&of_clusters.mul(&basis.gram_inverse().mul(&of_target)), -1.0)
}

/// Sums over the untreated rows of each cluster in each period, shape (C, T).
fn period_sums(two_way: &TwoWay<'_>, clusters: &Factor, value: impl Fn(usize) -> f64) -> Matrix {
    let cells = two_way.cells();
    let mut sums = Matrix::zeros(clusters.n_levels(), cells.periods().len());
    for row in (0..cells.n_obs()).filter(|&row| two_way.in_sample(row)) {
        sums[(clusters.at(row), cells.period().at(row))] += value(row);
    }
    sums
}

/// Whether no unit has rows in two clusters.
pub(crate) fn nests_units(two_way: &TwoWay<'_>, clusters: &Factor) -> bool {
    (0..two_way.n_units()).all(|unit| {
        let rows = two_way.rows(unit);
        let first = clusters.at(rows.start);
        rows.into_iter().all(|row| clusters.at(row) == first)
    })
}

/// The parts of the unit effects, which sum to 0 over a unit but not over a cluster that holds some of its rows.
fn subtract_unit_parts(
    scores: &mut Matrix,
    two_way: &TwoWay<'_>,
    target: &Target,
    factor: impl Fn(usize) -> f64 + Copy,
    projection: &Projection,
    clusters: &Factor,
    weighted: impl Fn(usize) -> f64,
) {
    for unit in (0..two_way.n_units()).filter(|&unit| two_way.has_unit(unit)) {
        let alpha = two_way.unit_effects(unit, target, factor, &projection.lambda);
        for row in two_way.rows(unit).filter(|&row| two_way.in_sample(row)) {
            let value = weighted(row);
            for (h, alpha) in alpha.iter().enumerate() {
                scores[(clusters.at(row), h)] -= value * alpha;
            }
        }
    }
}

/// Which rows are treated, which teach, and what could not be used.
pub(crate) struct Split {
    /// Rows before treatment and its anticipation.
    pub untreated: Vec<bool>,
}

impl Split {
    /// Rows count as untreated until `anticipation` periods before their unit's first treated period.
    pub(crate) fn new(cells: &Cells, anticipation: usize) -> Result<Self> {
        if !cells.is_panel() {
            let message = "repeated cross-sections, expected units that are followed over time";
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let untreated = (0..cells.n_obs()).map(|row| match anticipation {
            0 => !cells.is_treated(row),
            some => cells.event_time(row).is_none_or(|e| e < -(some as i64)),
        });
        let split = Self { untreated: untreated.collect() };
        if split.untreated.iter().all(|&row| row) {
            return Err(Error::new(
                ErrorKind::NoTreated,
                "no treated row, expected some to estimate effects for",
            ));
        }
        Ok(split)
    }
}

/// What a reader must know of the treated rows without a prediction, of dropped covariates and of few clusters.
pub(crate) fn fit_caveats(basis: &Basis<'_>) -> Vec<Caveat> {
    let two_way = &basis.two_way;
    let cells = two_way.cells();
    let mut caveats = cells.caveats().to_vec();
    let always = (0..two_way.n_units()).filter(|&unit| !two_way.has_unit(unit)).count();
    if always > 0 {
        caveats.push(Caveat::AlwaysTreated { n_units: always });
    }
    let missing = (0..cells.n_obs())
        .filter(|&row| two_way.has_unit(cells.unit().at(row)) && !two_way.identifies(row))
        .count();
    if missing > 0 {
        caveats.push(Caveat::NotEstimated {
            what: format!("effects of {missing} treated rows"),
            why: "no untreated row connects their unit and their period".to_owned(),
        });
    }
    if !basis.dropped.is_empty() {
        caveats.push(Caveat::Collinear { columns: basis.dropped.clone() });
    }
    caveats
}

/// What a reader must know of the number of clusters (methods 4).
pub(crate) fn cluster_caveat(cells: &Cells, untreated: &[bool]) -> Option<Caveat> {
    let clusters = cells.cluster();
    let mut is_treated = vec![false; clusters.n_levels()];
    (0..cells.n_obs()).filter(|&row| !untreated[row]).for_each(|row| is_treated[clusters.at(row)] = true);
    few_clusters(is_treated.iter().filter(|&&c| c).count(), clusters.n_levels())
}

/// What to say of that many treated clusters among all.
pub(crate) fn few_clusters(treated: usize, clusters: usize) -> Option<Caveat> {
    ladder(treated, clusters).ok().and_then(|rung| rung.caveat)
}
