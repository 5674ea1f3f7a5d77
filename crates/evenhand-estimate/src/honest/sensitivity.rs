use super::conditional::{Answer, ConditionalTest, FirstStage, Floor, Moments};
use super::flci::fixed_length_by;
use super::restriction::{self, Piece, pieces};
use super::{Bound, EventCoefficients, FixedLength, Shape};
use crate::error::{finite, proportion};
use crate::mersenne_twister::MersenneTwister;
use crate::special::normal_quantile;
use crate::{Caveat, Error, ErrorKind, Interval, Result};
use evenhand_linalg::dot;
use rayon::prelude::*;

/// How the confidence set is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HonestMethod {
    /// The shortest fixed-length interval; smoothness only, and it does not use a shape.
    Flci,
    /// The conditional test alone.
    Conditional,
    /// The conditional test after a fixed-length interval of level `1 - kappa`; smoothness only. "C-F".
    ConditionalFlci,
    /// The conditional test after a least-favourable test of size `kappa`. "C-LF".
    ConditionalLeastFavorable,
}

impl HonestMethod {
    /// The name that R `HonestDiD` prints.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flci => "FLCI",
            Self::Conditional => "Conditional",
            Self::ConditionalFlci => "C-F",
            Self::ConditionalLeastFavorable => "C-LF",
        }
    }
}

/// Where a conditional confidence set ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ends {
    /// At the outermost grid points that are not rejected, as in R; the grid's own end when that one is not.
    #[default]
    Grid,
    /// Where the test turns, to rounding, next to those grid points; beyond the grid when its end is not rejected,
    /// and infinite when nothing far out is.
    Exact,
}

/// Options of [`honest`], with the defaults of R `HonestDiD`.
#[derive(Debug, Clone, PartialEq)]
pub struct HonestOptions {
    /// Weights of the effects after treatment; `None`: the first of them.
    pub target: Option<Vec<f64>>,
    /// What bounds the difference in trends; relative magnitudes by default.
    pub bound: Bound,
    /// What else is known of it; nothing by default.
    pub shape: Shape,
    /// `None`: C-LF for relative bounds, FLCI for smoothness, C-F for smoothness with a shape.
    pub method: Option<HonestMethod>,
    /// Bounds to report; `None`: ten from 0 to 2 for relative bounds; for smoothness ten from 0 to the upper limit of
    /// [`smoothness_before`], or to the standard error of the only coefficient before treatment.
    pub m: Option<Vec<f64>>,
    /// One less the level, 0.05.
    pub alpha: f64,
    /// Size of a hybrid's first stage; `None`: `alpha / 10`.
    pub kappa: Option<f64>,
    /// Points of the grid of effects, 1,000.
    pub grid_points: usize,
    /// Ends of the grid; `None`: 20 standard errors of the target on both sides of 0, or of the identified set that a
    /// smoothness restriction leaves of 0; for C-F the first stage's interval.
    pub grid: Option<Interval>,
    /// Where sets end; on the grid by default.
    pub ends: Ends,
    /// Take the folded normal's quantile in fixed-length intervals from R's million draws instead of exactly; no by
    /// default. Intervals are then R's to 1e-6, where its search ends.
    pub simulated_quantile: bool,
    /// Draws for the least-favourable critical value, 1,000.
    pub draws: usize,
    /// Their seed, as in R `set.seed`, 0.
    pub seed: u32,
}

impl Default for HonestOptions {
    fn default() -> Self {
        Self {
            target: None,
            bound: Bound::default(),
            shape: Shape::default(),
            method: None,
            m: None,
            alpha: 0.05,
            kappa: None,
            grid_points: 1000,
            grid: None,
            ends: Ends::default(),
            simulated_quantile: false,
            draws: 1000,
            seed: 0,
        }
    }
}

/// Results of [`honest`].
#[derive(Debug, Clone, PartialEq)]
pub struct Honest {
    /// The restriction's name in R: `DeltaRM`, `DeltaSDPB`.
    pub restriction: &'static str,
    /// How the sets were made.
    pub method: HonestMethod,
    /// Estimate of the target.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// The usual normal interval, which takes parallel trends for granted.
    pub original: Interval,
    /// One for each bound, in the order asked.
    pub robust: Vec<Robust>,
    /// Every choice that was made.
    pub options: Vec<(&'static str, String)>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// The confidence set at one bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Robust {
    /// The bound: `Mbar` or `M`.
    pub m: f64,
    /// The set's hull; `None` when every value is rejected: the data contradict the restriction itself.
    pub interval: Option<Interval>,
    /// Whether the grid's lower end is not rejected: the set goes on below.
    pub open_below: bool,
    /// The same above.
    pub open_above: bool,
}

/// The largest bound under which a null value is excluded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breakdown {
    /// `Mbar*` or `M*`; 0 when the null is inside already at 0; the largest bound looked at when it never comes inside.
    pub m: f64,
    /// Whether the null is inside from `m` on; otherwise `m` is as far as was looked.
    pub reached: bool,
    /// Whether the null is excluded at a bound of 0.
    pub excluded_at_zero: bool,
}

impl Breakdown {
    /// The custom reading of a breakdown value under relative magnitudes: `sturdy` from 1, `fair` from 0.5, otherwise
    /// `fragile`.
    #[must_use]
    pub fn reading(&self) -> &'static str {
        match self.m {
            m if m >= 1.0 => "sturdy",
            m if m >= 0.5 => "fair",
            _ => "fragile",
        }
    }
}

/// Sensitivity analysis of an event study; see the head of the module for methods, defaults and agreement with R
/// `createSensitivityResults` and `createSensitivityResults_relativeMagnitudes`.
///
/// ```
/// use evenhand_estimate::{EventCoefficients, HonestOptions, Matrix, honest};
/// let event = EventCoefficients::new(&[0.1, -0.1, 0.1, 0.9, 1.0], &Matrix::identity(5).scaled(0.01), 3)?;
/// let options = HonestOptions { m: Some(vec![0.0, 1.0, 2.0]), ..HonestOptions::default() };
/// let found = honest(&event, &options)?;
/// let at_one = found.robust[1].interval.expect("not every value is rejected");
/// assert!(at_one.low > 0.0 && at_one.contains(0.9));
/// assert!(at_one.low < found.original.low && at_one.high > found.original.high);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`], [`ErrorKind::Domain`] for options out of range or a method that does not suit the bound,
/// [`ErrorKind::TooFewPeriods`] for [`Bound::RelativeSmoothness`] with one coefficient before treatment,
/// [`ErrorKind::Degenerate`] for a covariance that leaves a bound without variance.
pub fn honest(event: &EventCoefficients, options: &HonestOptions) -> Result<Honest> {
    let run = Run::new(event, options)?;
    let m = options.m.clone().map_or_else(|| default_m(event, options.bound), Ok)?;
    m.iter().try_for_each(|&m| event.check(&run.target, m, options.alpha))?;
    let robust = run.sets(&m)?;
    let std_error = run.std_error;
    let estimate = event.target_estimate(&run.target);
    let half = normal_quantile(1.0 - options.alpha / 2.0) * std_error;
    let mut caveats = Vec::new();
    if !event.is_covariance() {
        caveats.push(Caveat::Note("the covariance is not symmetric and positive semi-definite".to_owned()));
    }
    if run.method == HonestMethod::Flci && options.shape != Shape::Any {
        caveats.push(Caveat::Note("the fixed-length interval does not use the shape restriction".to_owned()));
    }
    if robust.iter().any(|row| row.open_below || row.open_above) {
        caveats.push(Caveat::Note("a set is not closed within the grid: widen the grid".to_owned()));
    }
    if robust.iter().any(|row| row.interval.is_none()) {
        caveats
            .push(Caveat::Note("every effect is rejected at some bound: the data contradict it".to_owned()));
    }
    Ok(Honest {
        restriction: restriction::name(options.bound, options.shape),
        method: run.method,
        estimate,
        std_error,
        original: Interval { low: estimate - half, high: estimate + half },
        robust,
        options: run.echo(),
        caveats,
    })
}

/// The largest bound under which the set excludes `null`, to 1e-6 relative, looking up to `most`.
///
/// The hull of the set is looked at, on the side of `null`, with exact ends. Sets grow with the bound but for the
/// simulation of critical values, so the first bound found to let `null` in is reported.
///
/// ```
/// use evenhand_estimate::{EventCoefficients, HonestOptions, Matrix, breakdown};
/// let event = EventCoefficients::new(&[0.1, -0.1, 0.1, 0.9, 1.0], &Matrix::identity(5).scaled(0.01), 3)?;
/// let found = breakdown(&event, &HonestOptions::default(), 0.0, 10.0)?;
/// assert!(found.reached && found.m > 1.0 && found.m < 4.0);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// Those of [`honest`].
pub fn breakdown(
    event: &EventCoefficients,
    options: &HonestOptions,
    null: f64,
    most: f64,
) -> Result<Breakdown> {
    finite(null, "null value")?;
    let options = HonestOptions { ends: Ends::Exact, ..options.clone() };
    let run = Run::new(event, &options)?;
    event.check(&run.target, most, options.alpha)?;
    let excluded = |m: f64| -> Result<bool> {
        let set = run.sets(&[m])?;
        Ok(!set[0].interval.is_some_and(|interval| interval.contains(null)))
    };
    if !excluded(0.0)? {
        return Ok(Breakdown { m: 0.0, reached: true, excluded_at_zero: false });
    }
    // Outwards by steps of a factor of 2 from a small part of the range, then inwards by halves.
    let (mut low, mut high) = (0.0, most / 64.0);
    while high < most && excluded(high)? {
        (low, high) = (high, (2.0 * high).min(most));
    }
    if high >= most && excluded(most)? {
        return Ok(Breakdown { m: most, reached: false, excluded_at_zero: true });
    }
    while high - low > 1e-6 * high {
        let middle = f64::midpoint(low, high);
        if excluded(middle)? { low = middle } else { high = middle }
    }
    Ok(Breakdown { m: low, reached: true, excluded_at_zero: true })
}

/// The values of `target' tau_post` that a restriction leaves possible when the coefficients are known without error.
///
/// # Errors
/// Those of [`honest`]; [`ErrorKind::Degenerate`] when no difference in trends with these coefficients before treatment
/// satisfies the restriction.
pub fn identified_set(
    event: &EventCoefficients,
    bound: Bound,
    shape: Shape,
    target: &[f64],
    m: f64,
) -> Result<Interval> {
    event.check(target, m, 0.05)?;
    let before = &event.beta()[..event.n_pre()];
    let estimate = event.target_estimate(target);
    let mut hull: Option<Interval> = None;
    for piece in pieces(bound, shape, event.n_pre(), event.n_post(), m)? {
        if let Some(bias) = piece.extremes(before, target)? {
            let found = Interval { low: estimate - bias.high, high: estimate - bias.low };
            hull = Some(hull.map_or(found, |hull| Interval {
                low: hull.low.min(found.low),
                high: hull.high.max(found.high),
            }));
        }
    }
    hull.ok_or_else(|| Error::new(ErrorKind::Degenerate, "no difference in trends satisfies the restriction"))
}

/// What the coefficients before treatment say of the smoothness bound `M`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmoothnessBefore {
    /// The least `M` that the conditional test of "no change of slope before treatment is larger" does not reject;
    /// infinite when it rejects up to three standard errors of the least precise coefficient (R
    /// `DeltaSD_lowerBound_Mpre`, there on a grid of 1,000 points, here exact next to the grid point).
    pub lower: f64,
    /// The largest of the changes of slope plus their one-sided margins (R `DeltaSD_upperBound_Mpre`).
    pub upper: f64,
}

/// One-sided limits of level `1 - alpha` for the smoothness bound, from the coefficients before treatment.
///
/// # Errors
/// [`ErrorKind::TooFewPeriods`] with one coefficient before treatment, [`ErrorKind::Domain`], [`ErrorKind::Degenerate`].
pub fn smoothness_before(event: &EventCoefficients, alpha: f64) -> Result<SmoothnessBefore> {
    proportion(alpha, "alpha")?;
    let n_pre = event.n_pre();
    if n_pre < 2 {
        let message =
            format!("{n_pre} coefficients before treatment, expected 2 or more to see the slope change");
        return Err(Error::new(ErrorKind::TooFewPeriods, message));
    }
    let piece = &pieces(Bound::Smoothness, Shape::Any, n_pre, event.n_post(), 1.0)?[0];
    let only_before = |row: &&Vec<f64>| row[n_pre..].iter().all(|a| a.abs() <= 0.0);
    let rows: Vec<Vec<f64>> = piece.a.iter().filter(only_before).cloned().collect();
    let margin = normal_quantile(1.0 - alpha);
    let limit =
        |row: &Vec<f64>| dot(row, event.beta()) + margin * event.sigma().bilinear(row, row).max(0.0).sqrt();
    let upper = rows.iter().map(limit).fold(f64::NEG_INFINITY, f64::max);
    let accepts = |m: f64| -> Result<bool> {
        let at = Piece { a: rows.clone(), d: vec![m; rows.len()] };
        let moments = Moments::new(event, &at, true)?;
        let mut test = ConditionalTest::new(event, &moments, &first(event.n_post()), alpha)?;
        test.floor = Floor::None;
        Ok(test.answer(0.0, 1.0)? == Answer::Accepts)
    };
    let widest = (0..n_pre).map(|j| event.sigma()[(j, j)].max(0.0).sqrt()).fold(0.0, f64::max);
    let at = |i: u32| 3.0 * widest * f64::from(i) / 999.0;
    let mut lower = f64::INFINITY;
    for i in 0..1000 {
        if accepts(at(i))? {
            let (mut out, mut inside) = (at(i.saturating_sub(1)), at(i));
            while inside - out > 1e-13 * inside {
                let middle = f64::midpoint(out, inside);
                if middle <= out || middle >= inside {
                    break;
                }
                if accepts(middle)? { inside = middle } else { out = middle }
            }
            lower = inside;
            break;
        }
    }
    Ok(SmoothnessBefore { lower, upper })
}

/// The first effect after treatment.
fn first(n_post: usize) -> Vec<f64> {
    (0..n_post).map(|j| if j == 0 { 1.0 } else { 0.0 }).collect()
}

fn default_m(event: &EventCoefficients, bound: Bound) -> Result<Vec<f64>> {
    let most = match bound {
        Bound::RelativeMagnitudes | Bound::RelativeSmoothness => 2.0,
        Bound::Smoothness if event.n_pre() == 1 => event.sigma()[(0, 0)].max(0.0).sqrt(),
        Bound::Smoothness => smoothness_before(event, 0.05)?.upper.max(0.0),
    };
    Ok((0..10).map(|i| most * f64::from(i) / 9.0).collect())
}

/// One analysis: its inputs checked and its draws made.
struct Run<'a> {
    event: &'a EventCoefficients,
    options: &'a HonestOptions,
    target: Vec<f64>,
    method: HonestMethod,
    kappa: f64,
    std_error: f64,
    /// Standard normals as R draws them, enough for the piece with the most moments.
    normals: Vec<f64>,
    /// A million normals in rising order, where fixed-length intervals rest on them.
    sorted: Option<Vec<f64>>,
    /// The least-favourable value under smoothness, which does not depend on the bound.
    least_favorable: Option<f64>,
}

impl<'a> Run<'a> {
    fn new(event: &'a EventCoefficients, options: &'a HonestOptions) -> Result<Self> {
        let target = options.target.clone().unwrap_or_else(|| first(event.n_post()));
        event.check(&target, 0.0, options.alpha)?;
        let kappa = options.kappa.unwrap_or(options.alpha / 10.0);
        if !(kappa > 0.0 && kappa < options.alpha) {
            let message =
                format!("size of the first stage {kappa}, expected between 0 and {}", options.alpha);
            return Err(Error::new(ErrorKind::Domain, message));
        }
        if options.grid_points < 2 || options.draws == 0 {
            let (points, draws) = (options.grid_points, options.draws);
            let message = format!("{points} grid points and {draws} draws, expected at least 2 and 1");
            return Err(Error::new(ErrorKind::Domain, message));
        }
        if let Some(grid) = options.grid {
            finite(grid.low, "end of the grid")?;
            finite(grid.high, "end of the grid")?;
        }
        let smooth = options.bound == Bound::Smoothness;
        let method = options.method.unwrap_or(match options.shape {
            _ if !smooth => HonestMethod::ConditionalLeastFavorable,
            Shape::Any => HonestMethod::Flci,
            _ => HonestMethod::ConditionalFlci,
        });
        if !smooth && matches!(method, HonestMethod::Flci | HonestMethod::ConditionalFlci) {
            let message =
                format!("method {} with a relative bound, expected Conditional or C-LF", method.name());
            return Err(Error::new(ErrorKind::Domain, message));
        }
        let std_error = event.target_variance(&target).max(0.0).sqrt();
        if std_error <= 0.0 {
            return Err(Error::new(ErrorKind::Degenerate, "the target has no variance"));
        }
        let mut run = Self {
            event,
            options,
            target,
            method,
            kappa,
            std_error,
            normals: Vec::new(),
            sorted: None,
            least_favorable: None,
        };
        if options.simulated_quantile && matches!(method, HonestMethod::Flci | HonestMethod::ConditionalFlci)
        {
            let mut random = MersenneTwister::new(options.seed);
            let mut sorted: Vec<f64> = (0..1_000_000).map(|_| random.normal()).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            run.sorted = Some(sorted);
        }
        if method == HonestMethod::ConditionalLeastFavorable {
            let pieces = pieces(options.bound, options.shape, event.n_pre(), event.n_post(), 1.0)?;
            // Rows of 0 left out at a bound of 1 are kept at others: at most one a piece.
            let most = pieces.iter().map(|piece| piece.a.len() + 2).max().unwrap_or(0);
            let mut random = MersenneTwister::new(options.seed);
            run.normals = (0..most * options.draws).map(|_| random.normal()).collect();
            if smooth {
                let moments = run.moments(&pieces[0])?;
                run.least_favorable = Some(run.simulated(&moments)?);
            }
        }
        Ok(run)
    }

    /// With one coefficient after treatment R keeps moments of the periods before it under smoothness.
    fn moments(&self, piece: &Piece) -> Result<Moments> {
        Moments::new(self.event, piece, self.event.n_post() == 1 && self.options.bound == Bound::Smoothness)
    }

    fn simulated(&self, moments: &Moments) -> Result<f64> {
        let test = ConditionalTest::new(self.event, moments, &self.target, 0.5)?;
        moments.least_favorable(&test, &self.normals, self.options.draws, self.kappa)
    }

    /// The set at each bound.
    fn sets(&self, m: &[f64]) -> Result<Vec<Robust>> {
        if self.method == HonestMethod::Flci {
            return m.iter().map(|&m| self.fixed(m)).collect();
        }
        let mut jobs = Vec::new();
        for (at, &m) in m.iter().enumerate() {
            let first_stage = match self.method {
                HonestMethod::ConditionalFlci => Some(self.fixed_length(m, self.kappa)?),
                _ => None,
            };
            let grid = self.grid(m, first_stage.as_ref())?;
            for piece in
                pieces(self.options.bound, self.options.shape, self.event.n_pre(), self.event.n_post(), m)?
            {
                jobs.push((at, piece, first_stage.clone(), grid));
            }
        }
        let found: Vec<Result<Hull>> =
            jobs.par_iter().map(|(_, piece, stage, grid)| self.hull(piece, stage.as_ref(), *grid)).collect();
        let mut rows: Vec<Robust> =
            m.iter().map(|&m| Robust { m, interval: None, open_below: false, open_above: false }).collect();
        for ((at, ..), hull) in jobs.iter().zip(found) {
            let hull = hull?;
            let row = &mut rows[*at];
            if let Some(new) = hull.interval {
                row.interval =
                    Some(row.interval.map_or(new, |old| Interval {
                        low: old.low.min(new.low),
                        high: old.high.max(new.high),
                    }));
            }
            row.open_below |= hull.open_below;
            row.open_above |= hull.open_above;
        }
        Ok(rows)
    }

    fn fixed_length(&self, m: f64, alpha: f64) -> Result<FixedLength> {
        fixed_length_by(self.event, &self.target, m, alpha, self.sorted.as_deref())
    }

    fn fixed(&self, m: f64) -> Result<Robust> {
        let found = self.fixed_length(m, self.options.alpha)?;
        Ok(Robust { m, interval: Some(found.interval), open_below: false, open_above: false })
    }

    fn grid(&self, m: f64, first_stage: Option<&FixedLength>) -> Result<Interval> {
        if let Some(grid) = self.options.grid {
            return Ok(grid);
        }
        if let Some(stage) = first_stage {
            return Ok(stage.interval);
        }
        let wide = 20.0 * self.std_error;
        if self.options.bound != Bound::Smoothness {
            return Ok(Interval { low: -wide, high: wide });
        }
        let (n_pre, n_post) = (self.event.n_pre(), self.event.n_post());
        let piece = &pieces(Bound::Smoothness, self.options.shape, n_pre, n_post, m)?[0];
        let bias =
            piece.extremes(&vec![0.0; n_pre], &self.target)?.unwrap_or(Interval { low: 0.0, high: 0.0 });
        // R mirrors the set of a negative bias when there are several coefficients after treatment.
        let mirrored = self.options.shape == Shape::NegativeBias && n_post > 1;
        let (low, high) = if mirrored { (bias.low, bias.high) } else { (-bias.high, -bias.low) };
        Ok(Interval { low: low - wide, high: high + wide })
    }

    /// The hull of what one piece does not reject.
    fn hull(&self, piece: &Piece, first_stage: Option<&FixedLength>, grid: Interval) -> Result<Hull> {
        let moments = self.moments(piece)?;
        let hybrid = self.method != HonestMethod::Conditional;
        let alpha = self.options.alpha;
        let size = if hybrid { (alpha - self.kappa) / (1.0 - self.kappa) } else { alpha };
        let mut test = ConditionalTest::new(self.event, &moments, &self.target, size)?;
        test.first_stage = match first_stage {
            Some(interval) => ConditionalTest::fixed_length_stage(self.event, &moments, interval),
            None if !hybrid => FirstStage::None,
            None => {
                FirstStage::LeastFavorable(self.least_favorable.map_or_else(|| self.simulated(&moments), Ok)?)
            }
        };
        let last = self.options.grid_points - 1;
        let step = (grid.high - grid.low) / last as f64;
        let at = |i: usize| grid.low + i as f64 * step;
        let Some(low) = outermost(&mut test, last, step, 1.0, &at)? else { return Ok(Hull::default()) };
        let high = outermost(&mut test, last, step, -1.0, &|i| at(last - i))?.map_or(low, |i| last - i);
        let closed = self.method == HonestMethod::ConditionalFlci;
        let mut hull = Hull {
            interval: Some(Interval { low: at(low), high: at(high) }),
            open_below: low == 0 && !closed,
            open_above: high == last && !closed,
        };
        if self.options.ends == Ends::Exact {
            let below = self.exact_end(&mut test, at(low), -step, low == 0 && !closed, grid)?;
            let above = self.exact_end(&mut test, at(high), step, high == last && !closed, grid)?;
            hull.interval = Some(Interval { low: below, high: above });
            hull.open_below = below.is_infinite();
            hull.open_above = above.is_infinite();
        }
        Ok(hull)
    }

    /// Where the test turns between the accepted `inside` and the rejected point one `step` further.
    fn exact_end(
        &self,
        test: &mut ConditionalTest,
        inside: f64,
        step: f64,
        open: bool,
        grid: Interval,
    ) -> Result<f64> {
        let mut inside = inside;
        let mut step = step;
        let mut accepts = |theta: f64| -> Result<bool> { Ok(test.answer(theta, 1.0)? == Answer::Accepts) };
        if open {
            let far = 1e6 * (grid.high - grid.low);
            while accepts(inside + step)? {
                inside += step;
                step *= 2.0;
                if step.abs() > far {
                    return Ok(step.signum() * f64::INFINITY);
                }
            }
        }
        // A grid that ends with the first stage's interval has nothing beyond.
        let mut outside = inside + step;
        if self.method == HonestMethod::ConditionalFlci {
            outside = outside.clamp(grid.low, grid.high);
            if accepts(outside)? {
                return Ok(outside);
            }
        }
        while (outside - inside).abs() > 1e-13 * (grid.high - grid.low).abs() {
            let middle = f64::midpoint(inside, outside);
            if middle <= inside.min(outside) || middle >= inside.max(outside) {
                break;
            }
            if accepts(middle)? { inside = middle } else { outside = middle }
        }
        Ok(inside)
    }

    fn echo(&self) -> Vec<(&'static str, String)> {
        let options = self.options;
        let mut list = vec![
            ("restriction", restriction::name(options.bound, options.shape).to_owned()),
            ("method", self.method.name().to_owned()),
            ("target", self.target.iter().map(f64::to_string).collect::<Vec<_>>().join(",")),
            ("alpha", options.alpha.to_string()),
        ];
        if self.method != HonestMethod::Flci {
            list.push(("grid_points", options.grid_points.to_string()));
            list.push(("ends", if options.ends == Ends::Grid { "grid" } else { "exact" }.to_owned()));
        }
        if matches!(self.method, HonestMethod::ConditionalFlci | HonestMethod::ConditionalLeastFavorable) {
            list.push(("kappa", self.kappa.to_string()));
        }
        if matches!(self.method, HonestMethod::Flci | HonestMethod::ConditionalFlci) {
            list.push(("simulated_quantile", options.simulated_quantile.to_string()));
        }
        if self.sorted.is_some() {
            list.push(("seed", options.seed.to_string()));
        }
        if self.method == HonestMethod::ConditionalLeastFavorable {
            list.push(("draws", options.draws.to_string()));
            list.push(("seed", options.seed.to_string()));
        }
        list
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Hull {
    interval: Option<Interval>,
    open_below: bool,
    open_above: bool,
}

/// The first of points 0 to `last` that is not rejected, going in direction `side`.
fn outermost(
    test: &mut ConditionalTest,
    last: usize,
    step: f64,
    side: f64,
    at: &dyn Fn(usize) -> f64,
) -> Result<Option<usize>> {
    let mut i = 0;
    while i <= last {
        i += match test.answer(at(i), side)? {
            Answer::Accepts => return Ok(Some(i)),
            Answer::Rejects => 1,
            Answer::RejectsFor(distance) if distance.is_infinite() => return Ok(None),
            // Short of the distance by rounding, and at least one.
            Answer::RejectsFor(distance) => ((distance / step - 1e-9).ceil().clamp(1.0, 1e9)) as usize,
        };
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Matrix, Stream};
    use proptest::prelude::*;

    fn covariance(seed: u64, n: usize) -> Matrix {
        let stream = Stream::new(seed, 0);
        Matrix::from_fn(3 * n, n, |i, j| stream.normal((i * n + j) as u64) + stream.normal(9000 + i as u64))
            .gram()
            .scaled(0.02 / n as f64)
    }

    fn some(seed: u64, n_pre: usize, n_post: usize) -> EventCoefficients {
        let stream = Stream::new(seed, 1);
        let beta: Vec<f64> = (0..n_pre + n_post).map(|i| 0.5 * stream.normal(i as u64)).collect();
        EventCoefficients::new(&beta, &covariance(seed, n_pre + n_post), n_pre).unwrap()
    }

    const SMALL: HonestOptions = HonestOptions {
        target: None,
        bound: Bound::RelativeMagnitudes,
        shape: Shape::Any,
        method: None,
        m: None,
        alpha: 0.05,
        kappa: None,
        grid_points: 120,
        grid: None,
        ends: Ends::Exact,
        simulated_quantile: false,
        draws: 200,
        seed: 0,
    };

    fn intervals(event: &EventCoefficients, options: &HonestOptions) -> Vec<Interval> {
        honest(event, options).unwrap().robust.iter().map(|row| row.interval.unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn scale_and_sign_of_the_outcome_carry_over(seed in 0u64..1000, smooth in any::<bool>()) {
            let (bound, m) = if smooth { (Bound::Smoothness, 0.05) } else { (Bound::RelativeMagnitudes, 0.8) };
            let event = some(seed, 3, 3);
            let scaled = |by: f64| {
                let beta: Vec<f64> = event.beta().iter().map(|b| by * b).collect();
                EventCoefficients::new(&beta, &event.sigma().clone().scaled(by * by), 3).unwrap()
            };
            let rescaled = |m: f64, by: f64| if smooth { m * by.abs() } else { m };
            for method in [HonestMethod::Conditional, HonestMethod::ConditionalLeastFavorable] {
                let options = |by: f64| HonestOptions { bound, method: Some(method), m: Some(vec![rescaled(m, by)]), ..SMALL };
                let (one, seven) = (intervals(&event, &options(1.0))[0], intervals(&scaled(7.0), &options(7.0))[0]);
                prop_assert!((7.0 * one.low - seven.low).abs() < 1e-6 && (7.0 * one.high - seven.high).abs() < 1e-6);
                // The simulated critical value is not the mirror's, the conditional test is.
                if method == HonestMethod::Conditional {
                    let mirror = intervals(&scaled(-1.0), &options(-1.0))[0];
                    prop_assert!((one.low + mirror.high).abs() < 1e-6 && (one.high + mirror.low).abs() < 1e-6);
                }
            }
        }

        #[test]
        fn sets_grow_with_the_bound_and_hold_the_identified_set(seed in 0u64..1000) {
            let event = some(seed, 3, 2);
            let m = vec![0.0, 0.05, 0.1, 0.3];
            let fixed = intervals(&event, &HonestOptions { bound: Bound::Smoothness, m: Some(m), ..SMALL });
            prop_assert!(fixed.windows(2).all(|pair| pair[1].high - pair[1].low > pair[0].high - pair[0].low));
            let rows = intervals(&event, &HonestOptions { m: Some(vec![0.5, 1.0, 2.0]), ..SMALL });
            for (row, m) in rows.iter().zip([0.5, 1.0, 2.0]) {
                let set = identified_set(&event, Bound::RelativeMagnitudes, Shape::Any, &[1.0, 0.0], m).unwrap();
                prop_assert!(row.low <= set.low && set.high <= row.high, "{:?} in {:?}", set, row);
                // By definition: as far as the largest change before treatment, m times.
                let before: Vec<f64> = event.beta()[..3].iter().copied().chain([0.0]).collect();
                let largest = before.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
                prop_assert!((set.high - event.beta()[3] - m * largest).abs() < 1e-9);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        // Whatever the shape of the data, ties and zeros among them: an answer, in order, or a typed refusal.
        #[test]
        fn every_combination_of_options_has_an_answer(
            seed in 0u64..10_000, n_pre in 1usize..6, n_post in 1usize..6, bound in 0usize..3, shape in 0usize..5,
            method in 0usize..5, rounded in any::<bool>(), size in prop::sample::select(vec![1e-6, 1.0, 1e6]),
        ) {
            let event = some(seed, n_pre, n_post);
            let beta: Vec<f64> = event.beta().iter().map(|b| size * if rounded { b.round() } else { *b }).collect();
            let n = n_pre + n_post;
            let sigma = if rounded { Matrix::identity(n).scaled(0.1) } else { event.sigma().clone() };
            let event = EventCoefficients::new(&beta, &sigma.scaled(size * size), n_pre).unwrap();
            // A bound on slopes has the outcome's unit, a relative one has none.
            let unit = if bound == 1 { size } else { 1.0 };
            let options = HonestOptions {
                bound: [Bound::RelativeMagnitudes, Bound::Smoothness, Bound::RelativeSmoothness][bound],
                shape: [Shape::Any, Shape::PositiveBias, Shape::NegativeBias, Shape::Increasing, Shape::Decreasing][shape],
                method: [
                    None,
                    Some(HonestMethod::Flci),
                    Some(HonestMethod::Conditional),
                    Some(HonestMethod::ConditionalFlci),
                    Some(HonestMethod::ConditionalLeastFavorable),
                ][method],
                m: Some(vec![0.0, 0.3 * unit, unit, 20.0 * unit]),
                grid_points: 40,
                draws: 100,
                ..SMALL
            };
            match honest(&event, &options) {
                Ok(found) => {
                    for row in &found.robust {
                        prop_assert!(row.interval.is_none_or(|interval| interval.low <= interval.high));
                    }
                }
                Err(error) => {
                    let expected = match error.kind() {
                        ErrorKind::Domain => bound != 1 && (method == 1 || method == 3),
                        ErrorKind::TooFewPeriods => bound == 2 && n_pre == 1,
                        _ => false,
                    };
                    prop_assert!(expected, "{}", error);
                }
            }
        }
    }

    // The worst difference in trends allowed, 400 samples: 95 % within four standard errors, or more.
    #[test]
    fn sets_cover_under_the_worst_difference_in_trends() {
        let sigma = covariance(3, 5);
        let root = evenhand_linalg::Cholesky::new(&sigma).unwrap();
        // Changes of 0.3 before treatment, the last of them down; 0.3 up after it. No effect.
        let delta = [0.0, 0.3, 0.0, 0.3, 0.6];
        for (bound, m) in [(Bound::RelativeMagnitudes, 1.0), (Bound::Smoothness, 0.6)] {
            let options = HonestOptions { bound, m: Some(vec![m]), ends: Ends::Grid, ..SMALL };
            let covered = (0..400u64)
                .filter(|&draw| {
                    let stream = Stream::new(draw, 9);
                    let z: Vec<f64> = (0..5).map(|i| stream.normal(i)).collect();
                    let noise = root.lower().mul_vec(&z);
                    let beta: Vec<f64> = delta.iter().zip(&noise).map(|(d, e)| d + e).collect();
                    let event = EventCoefficients::new(&beta, &sigma, 3).unwrap();
                    intervals(&event, &options)[0].contains(0.0)
                })
                .count();
            assert!(covered as f64 / 400.0 > 0.95 - 4.0 * 0.0109, "{bound:?}: {covered} of 400");
        }
    }

    #[test]
    fn the_breakdown_value_is_where_the_interval_meets_the_null() {
        let event = EventCoefficients::new(&[0.1, -0.1, 0.1, 0.9, 1.0], &Matrix::identity(5).scaled(0.01), 3)
            .unwrap();
        for bound in [Bound::RelativeMagnitudes, Bound::Smoothness, Bound::RelativeSmoothness] {
            let options = HonestOptions { bound, ..SMALL };
            let found = breakdown(&event, &options, 0.0, 20.0).unwrap();
            assert!(found.reached && found.excluded_at_zero && found.m > 0.0);
            let ends =
                |m: f64| intervals(&event, &HonestOptions { m: Some(vec![m]), ..options.clone() })[0].low;
            assert!(ends(found.m) >= 0.0 && ends(found.m * 1.001) < 0.0, "{bound:?} {found:?}");
        }
        let near_zero =
            EventCoefficients::new(&[0.1, -0.1, 0.1, 0.05, 1.0], &Matrix::identity(5), 3).unwrap();
        let at_once = breakdown(&near_zero, &SMALL, 0.0, 10.0).unwrap();
        assert!(at_once.reached && !at_once.excluded_at_zero && at_once.m <= 0.0);
        let never = breakdown(&event, &SMALL, 0.0, 0.5).unwrap();
        assert!(!never.reached && (never.m - 0.5).abs() < 1e-15);
        assert_eq!([at_once.reading(), never.reading()], ["fragile", "fair"]);
    }

    #[test]
    fn the_same_bytes_on_any_number_of_threads() {
        let event = some(5, 4, 3);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| honest(&event, &SMALL).unwrap())
        };
        assert_eq!(on(1), on(16));
    }

    #[test]
    fn unsuitable_input_is_refused_with_its_kind() {
        let event = some(1, 3, 2);
        let kind = |options: HonestOptions| honest(&event, &options).unwrap_err().kind();
        assert_eq!(kind(HonestOptions { method: Some(HonestMethod::Flci), ..SMALL }), ErrorKind::Domain);
        assert_eq!(kind(HonestOptions { target: Some(vec![1.0]), ..SMALL }), ErrorKind::Shape);
        assert_eq!(kind(HonestOptions { target: Some(vec![0.0; 2]), ..SMALL }), ErrorKind::Domain);
        assert_eq!(kind(HonestOptions { m: Some(vec![-1.0]), ..SMALL }), ErrorKind::Domain);
        assert_eq!(kind(HonestOptions { m: Some(vec![f64::NAN]), ..SMALL }), ErrorKind::Domain);
        assert_eq!(kind(HonestOptions { alpha: 1.0, ..SMALL }), ErrorKind::Domain);
        assert_eq!(kind(HonestOptions { kappa: Some(0.05), ..SMALL }), ErrorKind::Domain);
        assert_eq!(kind(HonestOptions { grid_points: 1, ..SMALL }), ErrorKind::Domain);
        let flat = EventCoefficients::new(&[0.1, 0.2, 0.3], &Matrix::zeros(3, 3), 2).unwrap();
        assert_eq!(honest(&flat, &SMALL).unwrap_err().kind(), ErrorKind::Degenerate);
        let smooth = HonestOptions { bound: Bound::Smoothness, ..SMALL };
        assert_eq!(honest(&flat, &smooth).unwrap_err().kind(), ErrorKind::Degenerate);
    }

    #[test]
    fn collinear_coefficients_before_treatment_are_no_reason_to_stop_for_relative_magnitudes() {
        let mut sigma = Matrix::identity(4).scaled(0.01);
        (sigma[(0, 1)], sigma[(1, 0)]) = (0.01, 0.01);
        let event = EventCoefficients::new(&[0.2, 0.1, 1.0, 1.2], &sigma, 2).unwrap();
        let error = honest(&event, &SMALL).map(|found| found.robust.len());
        // The change between the two has no variance: a bound on it cannot be tested when it involves nothing else.
        assert_eq!(error.unwrap(), 10);
    }

    #[test]
    fn unused_shapes_and_open_sets_are_told() {
        let event = some(2, 3, 2);
        let shaped = HonestOptions {
            bound: Bound::Smoothness,
            shape: Shape::Increasing,
            method: Some(HonestMethod::Flci),
            m: Some(vec![0.1]),
            ..SMALL
        };
        assert_eq!(honest(&event, &shaped).unwrap().caveats.len(), 1);
        let narrow = Interval { low: 0.0, high: 0.01 };
        let narrow = HonestOptions { grid: Some(narrow), ends: Ends::Grid, m: Some(vec![5.0]), ..SMALL };
        let found = honest(&event, &narrow).unwrap();
        assert!(
            found.robust[0].open_below || found.robust[0].open_above || found.robust[0].interval.is_none()
        );
        assert!(!found.caveats.is_empty());
        assert_eq!(found.restriction, "DeltaRM");
        assert!(found.options.contains(&("draws", "200".to_owned())));
    }
}
