//! HonestDiD on an event study: coefficients and covariance from files, or from a study of the data.

use super::{Found, regression, staggered};
use crate::commands::estimate::flags::{BasedOn, Restriction, SetMethod, Shape};
use crate::commands::estimate::input::Input;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::frame::{Kind, Table, Wanted};
use evenhand_estimate as library;
use evenhand_estimate::{
    BasePeriod, Bound, Caveat, Ends, Estimate, Estimates, EventCoefficients, HonestMethod, HonestOptions,
    Interval, Matrix, PretrendOptions, Term,
};
use std::path::Path;

/// `honest`.
pub fn honest(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let (event, study) = event(input)?;
    let options = options(input, &event)?;
    let found = library::honest(&event, &options)?;
    let interval = |term: &str, interval: Interval| {
        let both = Estimate::from_intervals(found.estimate, interval, interval);
        Term::new(term, both)
    };
    let original =
        Estimate { std_error: Some(found.std_error), ..interval("original", found.original).estimate };
    let mut terms = vec![Term::new("original", original)];
    let mut caveats = found.caveats.clone();
    for robust in &found.robust {
        let name = format!("m={}", robust.m);
        match robust.interval {
            Some(set) => terms.push(interval(&name, set)),
            None => {
                caveats.push(Caveat::NotEstimated { what: name, why: "every effect is rejected".to_owned() })
            }
        }
    }
    if choices.breakdown {
        let most = options.m.iter().flatten().copied().fold(10.0, f64::max);
        let breakdown = library::breakdown(&event, &options, 0.0, most)?;
        terms.push(Term::new(
            "breakdown",
            Estimate::from_intervals(breakdown.m, Interval::ALL, Interval::ALL),
        ));
        if !breakdown.reached {
            caveats.push(Caveat::Note(format!("no effect is excluded at every m up to {most}")));
        }
    }
    let mut told =
        vec![("restriction", found.restriction.to_owned()), ("set", found.method.name().to_owned())];
    told.extend(
        found.options.iter().filter(|(name, _)| !["restriction", "set", "method"].contains(name)).cloned(),
    );
    Ok(report("honest", &event, study, Report { terms, options: told, caveats }).into())
}

/// `pretrend`.
pub fn pretrend(input: &Input<'_>) -> Result<Found, Failure> {
    let choices = &input.args.choices;
    let (event, study) = event(input)?;
    let options = PretrendOptions {
        target: target(choices.target.as_deref(), &event)?,
        seed: choices.seed.unwrap_or(PretrendOptions::default().seed),
        ..PretrendOptions::default()
    };
    let found = library::pretrend(&event, &options)?;
    let point = |name: &str, value: f64| {
        Term::new(name, Estimate::from_intervals(value, Interval::ALL, Interval::ALL))
    };
    let mut joint = point("joint", found.joint.chi_squared);
    joint.estimate.statistic = Some(found.joint.chi_squared);
    joint.estimate.p_value = Some(found.joint.p_value);
    let numbers = [
        ("slope_50", found.slope_50),
        ("slope_80", found.slope_80),
        ("end_bias_50", found.end_bias_50),
        ("end_bias_80", found.end_bias_80),
        ("target_bias_80", found.target_bias_80),
        ("target", Some(found.estimate)),
    ];
    let numbers = numbers.into_iter().filter_map(|(name, value)| Some(point(name, value?)));
    let terms = std::iter::once(joint).chain(numbers).collect();
    let options = vec![
        ("df", found.joint.df.to_string()),
        ("rule", format!("{:?}", options.rule).to_lowercase()),
        ("threshold", options.threshold.to_string()),
        ("passed", found.passed.to_string()),
    ];
    let caveats = vec![Caveat::Note(found.sentence())];
    Ok(report("pretrend", &event, study, Report { terms, options, caveats }).into())
}

/// The coefficients, from files or from a study of the data.
fn event(input: &Input<'_>) -> Result<(EventCoefficients, Option<Estimates>), Failure> {
    let choices = &input.args.choices;
    if let Some(sigma) = &choices.sigma {
        return Ok((from_files(input, sigma)?, None));
    }
    let study = study(input)?;
    let event = EventCoefficients::from_estimates(&study, choices.reference.first().copied().unwrap_or(-1))?;
    Ok((event, Some(study)))
}

struct Report {
    terms: Vec<Term>,
    options: Vec<(&'static str, String)>,
    caveats: Vec<Caveat>,
}

fn report(
    method: &'static str,
    event: &EventCoefficients,
    study: Option<Estimates>,
    made: Report,
) -> Estimates {
    let k = event.beta().len();
    let count = |of: fn(&Estimates) -> usize, without: usize| study.as_ref().map_or(without, of);
    Estimates {
        method,
        terms: made.terms,
        vcov: None,
        n_obs: count(|study| study.n_obs, k),
        n_units: count(|study| study.n_units, 0),
        n_periods: count(|study| study.n_periods, k + 1),
        n_clusters: study.as_ref().and_then(|study| study.n_clusters),
        seed: None,
        options: made.options,
        caveats: study
            .map(|study| study.caveats)
            .unwrap_or_default()
            .into_iter()
            .chain(made.caveats)
            .collect(),
    }
}

/// The event study that the sets are built on.
fn study(input: &Input<'_>) -> Result<Estimates, Failure> {
    if input.args.time.is_none() || input.cohort.is_none() {
        let message = "an event study is needed: `--sigma FILE` for coefficients, or `--unit`, `--time` and `--cohort` for data";
        return Err(Failure::new(Exit::Usage, message));
    }
    match input.args.choices.study {
        Some(BasedOn::EventStudy) => {
            let cells = input.cells()?;
            Ok(library::event_study(&cells, &regression::event_study_options(input, &cells)?)?)
        }
        Some(BasedOn::SunAbraham) => {
            let cells = input.cells()?;
            Ok(library::sun_abraham(&cells, &regression::sun_abraham_options(input, &cells)?)?)
        }
        Some(BasedOn::CallawaySantanna) | None => {
            let mut options = staggered::callaway_santanna_options(&input.args.choices);
            options.base = BasePeriod::Universal;
            options.aggregations = vec![library::Aggregation::Dynamic];
            let found = library::callaway_santanna(&input.cells()?, &options)?;
            let Some(dynamic) = found.aggregates.into_iter().next() else {
                return Err(Failure::new(Exit::BadInput, "no event time could be estimated"));
            };
            let vcov = dynamic.vcov();
            // The base period has no variance: it is the reference.
            Ok(Estimates { terms: dynamic.terms, vcov: Some(vcov), ..found.estimates })
        }
    }
}

fn options(input: &Input<'_>, event: &EventCoefficients) -> Result<HonestOptions, Failure> {
    let (choices, default) = (&input.args.choices, HonestOptions::default());
    Ok(HonestOptions {
        target: target(choices.target.as_deref(), event)?,
        bound: match choices.restriction {
            Some(Restriction::Relative) | None => Bound::RelativeMagnitudes,
            Some(Restriction::Smoothness) => Bound::Smoothness,
            Some(Restriction::RelativeSmoothness) => Bound::RelativeSmoothness,
        },
        shape: match choices.shape {
            None => library::Shape::Any,
            Some(Shape::Positive) => library::Shape::PositiveBias,
            Some(Shape::Negative) => library::Shape::NegativeBias,
            Some(Shape::Increasing) => library::Shape::Increasing,
            Some(Shape::Decreasing) => library::Shape::Decreasing,
        },
        method: choices.set.map(|set| match set {
            SetMethod::Flci => HonestMethod::Flci,
            SetMethod::Conditional => HonestMethod::Conditional,
            SetMethod::CF => HonestMethod::ConditionalFlci,
            SetMethod::CLf => HonestMethod::ConditionalLeastFavorable,
        }),
        m: (!choices.m.is_empty()).then(|| choices.m.clone()),
        alpha: input.args.alpha.or(input.args.level.map(|level| 1.0 - level)).unwrap_or(default.alpha),
        grid_points: choices.grid_points.unwrap_or(default.grid_points),
        ends: if choices.exact { Ends::Exact } else { Ends::Grid },
        draws: choices.draws.unwrap_or(default.draws),
        seed: choices.seed.map_or(Ok(default.seed), |seed| {
            u32::try_from(seed)
                .map_err(|_| Failure::new(Exit::Usage, "`honest` takes a seed below 4294967296"))
        })?,
        ..default
    })
}

/// `first`, `average`, or the weights themselves.
fn target(text: Option<&str>, event: &EventCoefficients) -> Result<Option<Vec<f64>>, Failure> {
    let n = event.n_post();
    match text {
        None | Some("first") => Ok(None),
        Some("average") => Ok(Some(vec![1.0 / n as f64; n])),
        Some(text) => {
            let weights: Option<Vec<f64>> =
                text.split(',').map(|weight| weight.trim().parse().ok()).collect();
            weights.map(Some).ok_or_else(|| {
                let message = format!("`--target {text}`: expected `first`, `average` or a list of weights");
                Failure::new(Exit::Usage, message)
            })
        }
    }
}

/// Coefficients of the data file in the order of time, and their covariance.
fn from_files(input: &Input<'_>, sigma: &Path) -> Result<EventCoefficients, Failure> {
    let choices = &input.args.choices;
    let mut order: Vec<usize> = (0..input.outcome.len()).collect();
    let dated = input.args.time.is_some();
    if dated && !input.time.is_sorted() {
        order.sort_by(|&a, &b| input.time[a].total_cmp(&input.time[b]));
    }
    let reference = choices.reference.first().copied().unwrap_or(-1) as f64;
    let n_pre = match (choices.n_pre, dated) {
        (Some(n), _) => n,
        (None, true) => input.time.iter().filter(|&&time| time < reference).count(),
        (None, false) => {
            let message =
                "`honest` with `--sigma` needs `--n-pre N`, or `--time COLUMN` and `--reference PERIOD`";
            return Err(Failure::new(Exit::Usage, message));
        }
    };
    let whole = matrix(sigma)?;
    let n = order.len();
    if (whole.n_rows(), whole.n_cols()) != (n, n) {
        let message = format!(
            "`{}`: {} by {} numbers, expected {n} by {n} for {n} coefficients",
            sigma.display(),
            whole.n_rows(),
            whole.n_cols()
        );
        return Err(Failure::new(Exit::BadInput, message));
    }
    let beta: Vec<f64> = order.iter().map(|&row| input.outcome[row]).collect();
    Ok(EventCoefficients::new(&beta, &whole.select_rows(&order).select_cols(&order), n_pre)?)
}

/// A table of numbers, with or without a header.
fn matrix(path: &Path) -> Result<Matrix, Failure> {
    let table = Table::open(path)?.without_header();
    let names = table.names().to_vec();
    let wanted: Vec<Wanted> =
        names.iter().map(|name| Wanted { name: name.clone(), kind: Kind::Number }).collect();
    let frame = table.read(&wanted)?;
    let columns: Vec<&[f64]> = names.iter().filter_map(|name| frame.numbers(name)).collect();
    Ok(Matrix::from_fn(frame.rows(), columns.len(), |row, column| columns[column][row]))
}
