//! Synthetic control with predictors and a search for their importance V.
//!
//! Formula: for V = diag(v), v >= 0, sum v = 1, omega(V) minimises (X_1 - X_0 omega)' V (X_1 - X_0 omega) over the
//! simplex, predictors divided by their standard deviation over all units; X_1 of shape (k,), X_0 of shape (k, J).
//! Nested search: v minimises the mean over the fitted periods before adoption of (Y_1t - sum_j omega_j(V) Y_jt)^2.
//! Regression start: v_p proportional to the sum over periods of b_pt^2, with b the coefficients of outcomes before
//! adoption on the predictors over all units.
//!
//! Estimand: the mean effect on the treated unit over the periods from adoption on.
//! Papers: Abadie and Gardeazabal (2003), doi:10.1257/000282803321455188; Abadie, Diamond and Hainmueller (2010),
//! doi:10.1198/jasa.2009.ap08746; on the search, Becker and Klößner (2018), doi:10.1016/j.ecosta.2017.08.002.
//! Assumptions: as [`synthetic_control`](crate::synthetic_control()).
//! Defaults: nested search from equal weights and from the regression start, as R `Synth`; the better end counts.
//! Known failures: the loss has many local minima and flat parts, so packages differ; v is not identified when
//! weights do not change with it. `loss_v` says how good an answer is: the lower the better.
//! Checked against R `Synth` 1.1.8 on the Basque Country and published weights on Germany.

use crate::error::{finite, same_length};
use crate::nelder_mead::nelder_mead;
use crate::simplex::{Start, gram, least_norm};
use crate::synthetic_fit::{Weights, mean, standard_deviation};
use crate::{Design, Error, ErrorKind, Result, Stream, SyntheticFit};
use evenhand_linalg::{Matrix, Qr};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// How values of a predictor over several periods become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PredictorOperator {
    /// Their mean.
    #[default]
    Mean,
    /// Their median.
    Median,
    /// Their sum.
    Sum,
}

impl PredictorOperator {
    /// One number from values that are not empty.
    pub(crate) fn of(self, mut values: Vec<f64>) -> f64 {
        match self {
            Self::Mean => mean(&values),
            Self::Sum => values.iter().sum(),
            Self::Median => {
                values.sort_by(f64::total_cmp);
                f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
            }
        }
    }
}

/// `k` predictors of one treated unit and `J` donors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Predictors {
    names: Vec<String>,
    treated: Vec<f64>,
    /// One row for each predictor, each of shape (J,).
    donors: Vec<Vec<f64>>,
}

impl Predictors {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more, with its value for the treated unit and for each donor in the design's order.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for another number of donors than before, [`ErrorKind::NonFinite`].
    pub fn with(mut self, name: &str, treated: f64, donors: &[f64]) -> Result<Self> {
        if let Some(first) = self.donors.first() {
            same_length(first.len(), donors.len(), "donors of the first predictor and of this one")?;
        }
        finite(treated, &format!("{name} of the treated unit"))?;
        for value in donors {
            finite(*value, &format!("{name} of a donor"))?;
        }
        self.names.push(name.to_owned());
        self.treated.push(treated);
        self.donors.push(donors.to_vec());
        Ok(self)
    }

    /// The outcome itself over those periods (indices) of the design.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for no period or one that the design does not have before adoption.
    pub fn with_outcome(
        self,
        name: &str,
        design: &Design,
        periods: &[usize],
        operator: PredictorOperator,
    ) -> Result<Self> {
        if periods.is_empty() || periods.iter().any(|&t| t >= design.n_pre()) {
            let message = format!("{name}: expected some periods, all before number {}", design.n_pre());
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let of = |row: &[f64]| operator.of(periods.iter().map(|&t| row[t]).collect());
        let donors: Vec<f64> = (0..design.n_donors()).map(|j| of(design.donor(j))).collect();
        self.with(name, of(design.treated()), &donors)
    }

    /// A column of long data over those periods (values), missing values (not a number) left out as R `dataprep` does;
    /// several treated units are averaged.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for columns of different length, [`ErrorKind::Missing`] when a unit has no value in them.
    pub fn with_column(
        self,
        name: &str,
        long: &LongColumn<'_>,
        periods: &[f64],
        operator: PredictorOperator,
        units: &TreatedAndDonors<'_>,
    ) -> Result<Self> {
        same_length(long.unit.len(), long.values.len(), "units and values")?;
        same_length(long.unit.len(), long.period.len(), "units and periods")?;
        let mut by_unit: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for ((unit, period), value) in long.unit.iter().zip(long.period).zip(long.values) {
            if value.is_finite() && periods.iter().any(|t| t.total_cmp(period).is_eq()) {
                by_unit.entry(unit).or_default().push(*value);
            }
        }
        let of = |unit: &str| {
            by_unit.get(unit).map(|values| operator.of(values.clone())).ok_or_else(|| {
                let message = format!("`{unit}`: no value of {name} in the periods of the predictor");
                Error::new(ErrorKind::Missing, message)
            })
        };
        let treated = units.treated.iter().map(|unit| of(unit)).collect::<Result<Vec<f64>>>()?;
        if treated.is_empty() {
            return Err(Error::new(
                ErrorKind::NoTreated,
                format!("{name}: no treated unit, expected one or more"),
            ));
        }
        let donors = units.donors.iter().map(|unit| of(unit)).collect::<Result<Vec<f64>>>()?;
        self.with(name, mean(&treated), &donors)
    }

    /// Their names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Values of the treated unit, shape (k,).
    #[must_use]
    pub fn treated(&self) -> &[f64] {
        &self.treated
    }

    /// Values of the donors for predictor `p`, shape (J,).
    #[must_use]
    pub fn donors(&self, p: usize) -> &[f64] {
        &self.donors[p]
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The same predictors without donor `donor`, as in [`Design::without_donor`].
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for an index out of range.
    pub fn without(&self, donor: usize) -> Result<Self> {
        let mut rest = self.placebo(donor)?;
        rest.treated.clone_from(&self.treated);
        Ok(rest)
    }

    /// The predictors of a placebo: donor `donor` in the treated unit's place, as in [`Design::placebo`].
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for an index out of range.
    pub fn placebo(&self, donor: usize) -> Result<Self> {
        let mut placebo = self.clone();
        for (treated, donors) in placebo.treated.iter_mut().zip(&mut placebo.donors) {
            if donor >= donors.len() {
                let message = format!("donor number {donor}, expected one below {}", donors.len());
                return Err(Error::new(ErrorKind::Shape, message));
            }
            *treated = donors.remove(donor);
        }
        Ok(placebo)
    }
}

/// A column of long data: as many units, periods and values as rows; a missing value is not a number.
#[derive(Debug, Clone, Copy)]
pub struct LongColumn<'a> {
    /// Unit of each row.
    pub unit: &'a [String],
    /// Period of each row.
    pub period: &'a [f64],
    /// Value of each row.
    pub values: &'a [f64],
}

/// Whom predictors are about, donors in the design's order.
#[derive(Debug, Clone, Copy)]
pub struct TreatedAndDonors<'a> {
    /// Labels of the treated units.
    pub treated: &'a [String],
    /// Labels of the donors.
    pub donors: &'a [String],
}

/// How important each predictor is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum PredictorWeights {
    /// Searched for, so that outcomes before adoption are fitted best.
    #[default]
    Nested,
    /// From the regression of outcomes on predictors.
    Regression,
    /// All the same.
    Equal,
    /// Given, 0 or more each; they are divided by their sum.
    Given(Vec<f64>),
}

/// Options of [`synthetic_control_predictors`].
#[derive(Debug, Clone, PartialEq)]
pub struct PredictorControlOptions {
    /// Default: nested search.
    pub weights: PredictorWeights,
    /// Periods (indices) over which the nested search fits the outcome. Default: all before adoption.
    pub fitted: Option<Range<usize>>,
    /// Random starts of the nested search beside the two of R `Synth`. Default 0.
    pub random_starts: usize,
    /// Seed of the random starts. Default 1.
    pub seed: u64,
}

impl Default for PredictorControlOptions {
    fn default() -> Self {
        Self { weights: PredictorWeights::Nested, fitted: None, random_starts: 0, seed: 1 }
    }
}

/// Result of [`synthetic_control_predictors`].
#[derive(Debug, Clone, PartialEq)]
pub struct PredictorControl {
    /// Unit weights, counterfactual and gaps.
    pub fit: SyntheticFit,
    /// Importance of each predictor, shape (k,), sum 1.
    pub v: Vec<f64>,
    /// Mean squared gap over the fitted periods.
    pub loss_v: f64,
    /// (X_1 - X_0 omega)' V (X_1 - X_0 omega), predictors over their standard deviations.
    pub loss_w: f64,
    /// Each predictor of the treated unit, of its synthetic control and of the mean donor.
    pub balance: Vec<Balance>,
}

/// One predictor in the three places.
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    /// Name of the predictor.
    pub name: String,
    /// Value of the treated unit.
    pub treated: f64,
    /// Value of the synthetic control.
    pub synthetic: f64,
    /// Mean over donors.
    pub donors: f64,
}

/// Synthetic control on predictors.
///
/// ```
/// use evenhand_estimate::*;
/// use evenhand_panel::Panel;
/// let panel = Panel::from_text(
///     "unit 1 2 3 4   5
///      a    3 5 4 *9 10
///      b    1 3 2  4  5
///      c    8 7 9  6  5
///      d    2 6 3  5  6",
/// ).unwrap();
/// let design = Design::new(&panel)?;
/// let predictors = Predictors::new()
///     .with_outcome("mean", &design, &[0, 1, 2], PredictorOperator::Mean)?
///     .with("density", 4.0, &[2.0, 7.0, 6.0])?;
/// let found = synthetic_control_predictors(&design, &predictors, &PredictorControlOptions::default())?;
/// assert!((found.v.iter().sum::<f64>() - 1.0).abs() < 1e-12 && found.fit.estimate > 2.0);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`] for no predictors, another number of donors than the design's, weights of another number or
/// fitted periods outside those before adoption; [`ErrorKind::Domain`] for weights that are negative or all 0;
/// [`ErrorKind::Degenerate`] for a predictor without variation; [`ErrorKind::NotConverged`].
pub fn synthetic_control_predictors(
    design: &Design,
    predictors: &Predictors,
    options: &PredictorControlOptions,
) -> Result<PredictorControl> {
    let problem = Problem::new(design, predictors, options)?;
    let v = match &options.weights {
        PredictorWeights::Equal => problem.equal(),
        PredictorWeights::Regression => problem.regression()?,
        PredictorWeights::Given(v) => problem.given(v)?,
        PredictorWeights::Nested => problem.nested(options)?,
    };
    let (omega, loss_w, iterations) = problem.omega(&v)?;
    let balance = (0..predictors.len())
        .map(|p| Balance {
            name: predictors.names[p].clone(),
            treated: predictors.treated[p],
            synthetic: omega.iter().zip(predictors.donors(p)).map(|(w, x)| w * x).sum(),
            donors: mean(predictors.donors(p)),
        })
        .collect();
    let loss_v = problem.loss(&omega);
    let lambda = vec![0.0; design.n_pre()];
    let weights = Weights { omega, lambda, zeta_omega: 0.0, zeta_lambda: 0.0, iterations };
    Ok(PredictorControl {
        fit: SyntheticFit::from_weights(design, weights, false)?,
        v,
        loss_v,
        loss_w,
        balance,
    })
}

struct Problem<'a> {
    design: &'a Design,
    fitted: Range<usize>,
    /// (X_0 - X_1) over standard deviations by donor, shape (J, k).
    differences: Vec<f64>,
    /// Predictors over standard deviations, one column each over the treated unit and the donors.
    scaled: Vec<Vec<f64>>,
}

impl<'a> Problem<'a> {
    fn new(design: &'a Design, predictors: &Predictors, options: &PredictorControlOptions) -> Result<Self> {
        if predictors.is_empty() {
            return Err(Error::new(ErrorKind::Shape, "no predictors, expected at least one"));
        }
        same_length(
            design.n_donors(),
            predictors.donors[0].len(),
            "donors of the design and of the predictors",
        )?;
        let fitted = options.fitted.clone().unwrap_or(0..design.n_pre());
        if fitted.is_empty() || fitted.end > design.n_pre() {
            let message = format!(
                "fitted periods {} to {}, expected some of the {} before adoption",
                fitted.start,
                fitted.end,
                design.n_pre()
            );
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let mut scaled = Vec::with_capacity(predictors.len());
        for p in 0..predictors.len() {
            let all: Vec<f64> =
                [predictors.treated[p]].into_iter().chain(predictors.donors[p].clone()).collect();
            let sd = standard_deviation(&all).filter(|sd| *sd > 0.0).ok_or_else(|| {
                let message = format!("predictor {}: the same for every unit", predictors.names[p]);
                Error::new(ErrorKind::Degenerate, message)
            })?;
            scaled.push(all.iter().map(|x| x / sd).collect::<Vec<f64>>());
        }
        let differences =
            (1..=design.n_donors()).flat_map(|j| scaled.iter().map(move |x| x[j] - x[0])).collect();
        Ok(Self { design, fitted, differences, scaled })
    }

    fn k(&self) -> usize {
        self.scaled.len()
    }

    fn equal(&self) -> Vec<f64> {
        vec![1.0 / self.k() as f64; self.k()]
    }

    fn given(&self, v: &[f64]) -> Result<Vec<f64>> {
        same_length(self.k(), v.len(), "predictors and their weights")?;
        let total: f64 = v.iter().sum();
        if v.iter().any(|v| *v < 0.0) || !(total > 0.0 && total.is_finite()) {
            let message = "weights of predictors: expected 0 or more each and some above 0";
            return Err(Error::new(ErrorKind::Domain, message));
        }
        Ok(v.iter().map(|v| v / total).collect())
    }

    /// Weights from the regression of the fitted outcomes on an intercept and the predictors.
    fn regression(&self) -> Result<Vec<f64>> {
        let units = self.design.n_donors() + 1;
        let mut columns = vec![vec![1.0; units]];
        columns.extend(self.scaled.iter().cloned());
        let qr = Qr::new(Matrix::from_columns(units, &columns), 1e-10);
        let mut v = vec![0.0; self.k()];
        for t in self.fitted.clone() {
            let y: Vec<f64> = [self.design.treated()[t]]
                .into_iter()
                .chain((0..self.design.n_donors()).map(|j| self.design.donor(j)[t]))
                .collect();
            for (&column, b) in qr.kept().iter().zip(qr.solve(&y)).filter(|(column, _)| **column > 0) {
                v[column - 1] += b * b;
            }
        }
        self.given(&v)
    }

    /// Unit weights under `v`, their loss and the steps to them.
    fn omega(&self, v: &[f64]) -> Result<(Vec<f64>, f64, usize)> {
        let (n, k) = (self.design.n_donors(), self.k());
        let roots: Vec<f64> = v.iter().map(|v| v.sqrt()).collect();
        let rows: Vec<f64> = self
            .differences
            .chunks_exact(k)
            .flat_map(|row| row.iter().zip(&roots).map(|(x, root)| x * root))
            .collect();
        let found = least_norm(&gram(&rows, n, k, 0.0), n, Start::Nearest)?;
        Ok((found.weights, found.objective, found.iterations))
    }

    /// Mean squared gap over the fitted periods.
    fn loss(&self, omega: &[f64]) -> f64 {
        let mut gap: Vec<f64> = self.design.treated()[self.fitted.clone()].to_vec();
        for (j, w) in omega.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            gap.iter_mut().zip(&self.design.donor(j)[self.fitted.clone()]).for_each(|(gap, y)| *gap -= w * y);
        }
        gap.iter().map(|gap| gap * gap).sum::<f64>() / gap.len() as f64
    }

    fn nested(&self, options: &PredictorControlOptions) -> Result<Vec<f64>> {
        let mut starts = vec![self.equal(), self.regression()?];
        for draw in 0..options.random_starts {
            let stream = Stream::new(options.seed, draw as u64);
            // Exponentials over their sum are uniform on the simplex.
            starts.push(
                self.given(&(0..self.k()).map(|p| -stream.uniform(p as u64).ln()).collect::<Vec<_>>())?,
            );
        }
        let ends: Vec<(Vec<f64>, f64)> = starts.par_iter().map(|start| self.descend(start)).collect();
        let best = (1..ends.len()).fold(0, |best, i| if ends[i].1 < ends[best].1 { i } else { best });
        self.given(&ends[best].0)
    }

    /// Searches weights first on their own scale, then on that of their logarithms, where small ones can move.
    fn descend(&self, start: &[f64]) -> (Vec<f64>, f64) {
        let value = |v: &[f64]| {
            let total: f64 = v.iter().sum();
            let v: Vec<f64> = v.iter().map(|v| v / total).collect();
            self.omega(&v).map_or(f64::INFINITY, |(omega, _, _)| self.loss(&omega))
        };
        let absolute = |v: &[f64]| v.iter().map(|v| v.abs()).collect::<Vec<f64>>();
        let step = 0.5 / self.k() as f64;
        let found = nelder_mead(&mut |v: &[f64]| value(&absolute(v)), start, step, 1e-9, 8);
        let logs: Vec<f64> = absolute(&found.0).iter().map(|v| v.max(1e-9).ln()).collect();
        let powers = |x: &[f64]| x.iter().map(|x| x.clamp(-40.0, 40.0).exp()).collect::<Vec<f64>>();
        let finer = nelder_mead(&mut |x: &[f64]| value(&powers(x)), &logs, 1.0, 1e-9, 8);
        if finer.1 < found.1 { (powers(&finer.0), finer.1) } else { (absolute(&found.0), found.1) }
    }
}
