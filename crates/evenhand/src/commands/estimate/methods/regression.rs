//! Regressions with absorbed effects.

use super::{Detail, Found};
use crate::commands::estimate::flags::{self, Aggregate, Inference};
use crate::commands::estimate::input::Input;
use crate::exit::Exit;
use crate::failure::Failure;
use evenhand_estimate as library;
use evenhand_estimate::regression::{Columns, Conley, OlsOptions, SmallSample, Vcov};
use evenhand_estimate::{
    Cells, ClusteredRegression, Estimates, EventStudyOptions, Factor, PanelRegression, RandomizationOptions,
    ReferenceCohort, Restrictions, SunAbrahamBy, SunAbrahamOptions, Term, WildClusterBootstrapOptions,
};
use serde_json::json;

/// `ols`.
pub fn ols(input: &Input<'_>) -> Result<Found, Failure> {
    let (args, choices) = (input.args, &input.args.choices);
    if args.covariates.is_empty() {
        return Err(Failure::new(Exit::Usage, "`ols` needs `--covariates COLUMN,…`"));
    }
    let effects: Vec<Factor> = args.fe.iter().map(|name| input.factor(name)).collect();
    let mut columns = Columns::new(input.outcome.len());
    if effects.is_empty() {
        columns = columns.intercept();
    }
    for name in &args.covariates {
        columns = columns.dense(name, input.numbers(name))?;
    }
    let clusters = input.clusters();
    let first = clusters.first().cloned();
    let factor = |name: &Option<String>| name.as_ref().map(|name| input.factor(name));
    let rows = Rows { clusters, first, time: factor(&args.time), unit: factor(&args.unit) };
    let options = OlsOptions {
        weights: args.weights.as_ref().map(|name| input.numbers(name)),
        vcov: vcov(input, rows, &|values| values)?.unwrap_or_default(),
        small_sample: small_sample(choices.small_sample),
        drop_singletons: choices.drop_singletons,
        ..OlsOptions::default()
    };
    let fit =
        library::regression::ols(&input.outcome, columns, &effects.iter().collect::<Vec<_>>(), &options)?;
    let levels = |name: &Option<String>| name.as_ref().map_or(0, |name| input.factor(name).n_levels());
    let (units, periods) = (levels(&args.unit), levels(&args.time));
    let mut found = fit.estimates("ols", if units > 0 { units } else { input.outcome.len() }, periods.max(1));
    found
        .options
        .insert(0, ("absorbed", if args.fe.is_empty() { "none".to_owned() } else { args.fe.join(",") }));
    Ok(found.into())
}

/// `twfe`.
pub fn twfe(input: &Input<'_>) -> Result<Found, Failure> {
    let (cells, choices) = (input.cells()?, &input.args.choices);
    let mut found = library::twfe(&cells, &panel_regression(input, &cells)?)?;
    match choices.inference {
        None => {}
        Some(Inference::WildClusterBootstrap) => wild_cluster_bootstrap(input, &cells, &mut found)?,
        Some(Inference::Randomization) => randomization(input, &cells, &mut found)?,
        Some(Inference::Jackknife) => {
            let without = jackknife(input, &cells, &mut found)?;
            return Ok(Found { estimates: named(input, found), details: vec![without] });
        }
        Some(other) => {
            let message = format!("`twfe` has no `--inference {}`", other.word());
            return Err(Failure::new(Exit::Usage, message)
                .hint("it has `wild-cluster-bootstrap`, `randomization` and `jackknife`"));
        }
    }
    Ok(named(input, found).into())
}

/// The standard error from each cluster's absence, and the effect without it.
fn jackknife(input: &Input<'_>, cells: &Cells, found: &mut Estimates) -> Result<Detail, Failure> {
    let regression = ClusteredRegression::twfe(cells)?;
    let names = match input.args.cluster.as_slice() {
        [] => input.units.clone(),
        [column] => input.names(column),
        _ => return Err(Failure::new(Exit::Usage, "`--inference jackknife` takes one column of clusters")),
    };
    let column = regression.names().first().cloned().unwrap_or_default();
    let left_out = library::cluster_jackknife(&regression, &column, &names)?;
    found.n_clusters = Some(names.len());
    found.options.push(("inference", "jackknife".to_owned()));
    found.options.push(("least_without_one", left_out.low.to_string()));
    found.options.push(("largest_without_one", left_out.high.to_string()));
    found.caveats.extend(left_out.caveats);
    replace(found, left_out.estimate);
    let rows = left_out.without.into_iter().map(|(cluster, estimate)| vec![json!(cluster), json!(estimate)]);
    Ok(Detail { name: "leave_one_out", columns: &["without", "estimate"], rows: rows.collect() })
}

/// The corrections by their name.
pub fn named(input: &Input<'_>, mut found: Estimates) -> Estimates {
    let name = match input.args.choices.small_sample {
        Some(flags::SmallSampleKind::Stata) => "stata",
        Some(flags::SmallSampleKind::None) => "none",
        Some(flags::SmallSampleKind::Fixest) | None => "fixest",
    };
    let corrections = found.options.iter_mut().filter(|(option, _)| *option == "small_sample");
    corrections.for_each(|(_, value)| name.clone_into(value));
    if let Some(kind) = input.args.choices.vcov {
        let covariances = found.options.iter_mut().filter(|(option, _)| *option == "vcov");
        covariances.for_each(|(_, value)| *value = kind.word());
    }
    found
}

fn wild_cluster_bootstrap(input: &Input<'_>, cells: &Cells, found: &mut Estimates) -> Result<(), Failure> {
    let choices = &input.args.choices;
    let regression = ClusteredRegression::twfe(cells)?;
    let default = WildClusterBootstrapOptions::default();
    let options = WildClusterBootstrapOptions {
        draws: choices.draws.unwrap_or(default.draws),
        seed: choices.seed.unwrap_or(default.seed),
        ..default
    };
    let one = Restrictions::coefficient(0, regression.names().len(), 0.0);
    let boot = library::wild_cluster_bootstrap(&regression, &one, &options)?;
    found.seed = Some(options.seed);
    found.n_clusters = Some(boot.n_clusters);
    found.options.push(("inference", "wild-cluster-bootstrap".to_owned()));
    found.options.push(("draws", boot.draws.len().to_string()));
    found.options.push(("weights_of_clusters", format!("{:?}", boot.weights).to_lowercase()));
    found.options.push(("enumerated", boot.enumerated.to_string()));
    found.caveats.extend(boot.caveats);
    replace(found, boot.estimate.unwrap_or(found.terms[0].estimate));
    Ok(())
}

fn randomization(input: &Input<'_>, cells: &Cells, found: &mut Estimates) -> Result<(), Failure> {
    let choices = &input.args.choices;
    let default = RandomizationOptions::default();
    let options = RandomizationOptions {
        draws: choices.draws.unwrap_or(default.draws),
        seed: choices.seed.unwrap_or(default.seed),
        ..default
    };
    let drawn = library::randomization_inference(cells, &options)?;
    found.seed = Some(options.seed);
    found.options.push(("inference", "randomization".to_owned()));
    found.options.push(("draws", drawn.draws.len().to_string()));
    found.options.push(("exchanged", format!("{:?}", drawn.exchanged).to_lowercase()));
    found.options.push(("every_arrangement", drawn.exact.to_string()));
    found.options.push(("p_floor", drawn.p_floor.to_string()));
    found.caveats.extend(drawn.caveats);
    replace(found, drawn.estimate);
    Ok(())
}

/// The effect alone, with another kind of inference; the covariance is that of the regression and goes.
fn replace(found: &mut Estimates, estimate: library::Estimate) {
    found.terms = vec![Term::new("att", estimate)];
    found.vcov = None;
}

/// `event-study`.
pub fn event_study(input: &Input<'_>) -> Result<Found, Failure> {
    let cells = input.cells()?;
    Ok(named(input, library::event_study(&cells, &event_study_options(input, &cells)?)?).into())
}

/// What the flags say to an event study.
pub fn event_study_options(input: &Input<'_>, cells: &Cells) -> Result<EventStudyOptions, Failure> {
    let choices = &input.args.choices;
    let default = EventStudyOptions::default();
    Ok(EventStudyOptions {
        reference: or_default(&choices.reference, default.reference),
        bin_before: choices.bin_before,
        bin_after: choices.bin_after,
        regression: panel_regression(input, cells)?,
    })
}

/// `sun-abraham`.
pub fn sun_abraham(input: &Input<'_>) -> Result<Found, Failure> {
    let cells = input.cells()?;
    Ok(named(input, library::sun_abraham(&cells, &sun_abraham_options(input, &cells)?)?).into())
}

/// What the flags say to Sun and Abraham.
pub fn sun_abraham_options(input: &Input<'_>, cells: &Cells) -> Result<SunAbrahamOptions, Failure> {
    let choices = &input.args.choices;
    let default = SunAbrahamOptions::default();
    Ok(SunAbrahamOptions {
        reference: or_default(&choices.reference, default.reference),
        reference_cohort: match choices.control {
            Some(flags::Control::NotYet) => ReferenceCohort::LastTreated,
            Some(flags::Control::Never) | None => ReferenceCohort::NeverTreated,
        },
        by: match choices.aggregate.as_slice() {
            [] | [Aggregate::Dynamic] => SunAbrahamBy::EventTime,
            [Aggregate::Simple] => SunAbrahamBy::Att,
            [Aggregate::Group] => SunAbrahamBy::Cohort,
            [Aggregate::AttGt] => SunAbrahamBy::Cell,
            _ => {
                let message = "`sun-abraham` takes one `--aggregate` of simple, group, dynamic, att-gt";
                return Err(Failure::new(Exit::Usage, message));
            }
        },
        regression: panel_regression(input, cells)?,
    })
}

fn or_default(given: &[i64], default: Vec<i64>) -> Vec<i64> {
    if given.is_empty() { default } else { given.to_vec() }
}

/// The covariance that the flags ask for, with factors in the order of the cells.
pub fn vcov_of(input: &Input<'_>, cells: &Cells) -> Result<Option<Vcov>, Failure> {
    let clusters =
        input.clusters().iter().map(|factor| cells.arrange(factor)).collect::<Result<Vec<_>, _>>()?;
    let place = |values: Vec<f64>| (0..cells.n_obs()).map(|row| values[cells.source_row(row)]).collect();
    let unit = cells.is_panel().then(|| cells.unit().clone());
    let (first, time) = (clusters.first().unwrap_or(cells.cluster()).clone(), cells.period().clone());
    vcov(input, Rows { clusters, first: Some(first), time: Some(time), unit }, &place)
}

/// Factors of the rows of a regression, in their order.
struct Rows {
    clusters: Vec<Factor>,
    /// The cluster of corrections that take one.
    first: Option<Factor>,
    time: Option<Factor>,
    unit: Option<Factor>,
}

fn panel_regression(input: &Input<'_>, cells: &Cells) -> Result<PanelRegression, Failure> {
    let choices = &input.args.choices;
    Ok(PanelRegression {
        vcov: vcov_of(input, cells)?,
        small_sample: small_sample(choices.small_sample),
        drop_singletons: choices.drop_singletons,
        ..PanelRegression::default()
    })
}

/// The covariance that was asked for; clusters are the default where there are some.
fn vcov(
    input: &Input<'_>,
    rows: Rows,
    order: &dyn Fn(Vec<f64>) -> Vec<f64>,
) -> Result<Option<Vcov>, Failure> {
    use flags::VcovKind as Kind;
    let (choices, Rows { clusters, first, time, unit }) = (&input.args.choices, rows);
    let needs = |flag: &str| Failure::new(Exit::Usage, format!("this `--vcov` needs `--{flag} COLUMN`"));
    let one = || first.clone().ok_or_else(|| needs("cluster"));
    let period = || time.clone().ok_or_else(|| needs("time"));
    let column = |name: &Option<String>, flag: &str| {
        name.as_ref().map(|name| order(input.numbers(name))).ok_or_else(|| needs(flag))
    };
    Ok(match choices.vcov {
        None if clusters.is_empty() => None,
        None => Some(Vcov::Cluster(clusters)),
        Some(Kind::Iid) => Some(Vcov::Iid),
        Some(Kind::Hc1 | Kind::Hetero) => Some(Vcov::Hc1),
        Some(Kind::Hc2) => Some(Vcov::Hc2),
        Some(Kind::Hc3) => Some(Vcov::Hc3),
        Some(Kind::Cluster | Kind::Cr1) if clusters.is_empty() => Some(Vcov::Cluster(vec![one()?])),
        Some(Kind::Cluster | Kind::Cr1) => Some(Vcov::Cluster(clusters)),
        Some(Kind::Cr2) => Some(Vcov::Cr2(one()?)),
        Some(Kind::Cr3) => Some(Vcov::Cr3(one()?)),
        Some(Kind::NeweyWest) => Some(Vcov::NeweyWest { time: period()?, unit, lag: choices.lags }),
        Some(Kind::DriscollKraay) => Some(Vcov::DriscollKraay { time: period()?, lag: choices.lags }),
        Some(Kind::Conley) => {
            let latitude = column(&choices.latitude, "latitude")?;
            let longitude = column(&choices.longitude, "longitude")?;
            Some(Vcov::Conley(Conley::new(latitude, longitude, choices.cutoff_km)))
        }
    })
}

/// The corrections that were asked for.
pub fn small_sample(kind: Option<flags::SmallSampleKind>) -> SmallSample {
    match kind {
        Some(flags::SmallSampleKind::Stata) => SmallSample::stata(),
        Some(flags::SmallSampleKind::None) => SmallSample::none(),
        Some(flags::SmallSampleKind::Fixest) | None => SmallSample::fixest(),
    }
}
