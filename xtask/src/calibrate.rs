//! How often the intervals cover and the tests reject, by seeded Monte Carlo; the table in the documentation.
//!
//! Each run draws a panel with a known effect and one without. Coverage is the share of 95 % intervals that hold the
//! effect, size the share of panels without an effect in which it is "found" at 5 %. Where theory promises them,
//! coverage within [0.93, 0.97] and size within [0.03, 0.07] are demanded; the rows where it does not are there to
//! show what goes wrong, and what to use instead.

use crate::root;
use anyhow::{Result, bail};
use evenhand_estimate::{
    CallawaySantannaOptions, Cells, ClusteredRegression, Estimate, Estimates, EventStudyOptions,
    ImputationOptions, PanelRegression, RandomizationOptions, Restrictions, StackedOptions, Stream,
    SunAbrahamBy, SunAbrahamOptions, SyntheticDidInference, SyntheticDidPanelOptions, TwoStageOptions,
    WildClusterBootstrapOptions, callaway_santanna, event_study, imputation, randomization_inference,
    stacked, sun_abraham, synthetic_did_panel, twfe, two_stage, wild_cluster_bootstrap,
};
use rayon::prelude::*;
use std::fmt::Write as _;
use std::fs;

type Found = evenhand_estimate::Result<Estimate>;

/// One line of the table.
struct Row {
    method: &'static str,
    design: Design,
    /// Whether theory promises coverage and size in this design.
    promised: bool,
    note: &'static str,
    run: fn(&Cells, u64) -> Found,
}

/// A panel: so many units, of which so many start in each of the periods given.
struct Design {
    units: u64,
    periods: u64,
    cohorts: &'static [(u64, u64)],
}

/// Three equal groups: two starts and never.
const STAGGERED: Design = Design { units: 90, periods: 8, cohorts: &[(30, 4), (30, 6)] };
const ONE_START: Design = Design { units: 80, periods: 8, cohorts: &[(40, 5)] };
const FEW: Design = Design { units: 50, periods: 8, cohorts: &[(2, 5)] };
const SMALL: Design = Design { units: 12, periods: 8, cohorts: &[(6, 5)] };
const BLOCK: Design = Design { units: 50, periods: 16, cohorts: &[(8, 11)] };

const ROWS: &[Row] = &[
    Row { method: "twfe", design: ONE_START, promised: true, note: "clustered", run: one_twfe },
    Row {
        method: "event-study",
        design: ONE_START,
        promised: true,
        note: "event time 0, clustered",
        run: one_event,
    },
    Row {
        method: "sun-abraham",
        design: STAGGERED,
        promised: true,
        note: "att, clustered",
        run: one_sun_abraham,
    },
    Row {
        method: "callaway-santanna",
        design: STAGGERED,
        promised: true,
        note: "att, analytic",
        run: one_callaway,
    },
    Row {
        method: "imputation",
        design: STAGGERED,
        promised: true,
        note: "att, conservative by design",
        run: one_imputation,
    },
    Row { method: "two-stage", design: STAGGERED, promised: true, note: "att", run: one_two_stage },
    Row { method: "stacked", design: STAGGERED, promised: true, note: "att, window of 2", run: one_stacked },
    Row {
        method: "synthetic-did",
        design: BLOCK,
        promised: true,
        note: "8 treated units, placebo error",
        run: one_sdid,
    },
    Row {
        method: "twfe",
        design: SMALL,
        promised: false,
        note: "12 clusters, t on 11 degrees of freedom",
        run: one_twfe,
    },
    Row {
        method: "twfe, wild cluster bootstrap",
        design: SMALL,
        promised: true,
        note: "12 clusters",
        run: one_wild,
    },
    Row {
        method: "twfe",
        design: FEW,
        promised: false,
        note: "2 of 50 clusters treated: the sandwich fails",
        run: one_twfe,
    },
    Row {
        method: "twfe, wild cluster bootstrap",
        design: FEW,
        promised: false,
        note: "2 of 50 treated: hardly ever rejects",
        run: one_wild,
    },
    Row {
        method: "twfe, randomization",
        design: FEW,
        promised: true,
        note: "2 of 50 treated: the ladder's choice",
        run: one_randomization,
    },
];

/// What a row came to.
struct Line {
    coverage: f64,
    size: f64,
    bias: f64,
    failed: usize,
}

/// `cargo xtask calibrate`.
pub fn run(runs: u64) -> Result<()> {
    let lines: Vec<Line> = ROWS.iter().map(|row| line(row, runs)).collect();
    let table = table(&lines);
    print!("{table}");
    // Three standard errors of a share beside the bounds, for runs as few as those of a quick check.
    let slack = 3.0 * (0.05f64 * 0.95 / runs as f64).sqrt() * f64::from(u8::from(runs < 2_000));
    for (row, line) in ROWS.iter().zip(&lines).filter(|(row, _)| row.promised) {
        let fits = (0.93 - slack..=0.97 + slack).contains(&line.coverage)
            && (0.03 - slack..=0.07 + slack).contains(&line.size);
        if !fits {
            bail!("{} ({}): coverage {:.3}, size {:.3}", row.method, row.note, line.coverage, line.size);
        }
    }
    if runs == 2_000 {
        fs::write(root().join("docs/calibration.md"), page(&table))?;
        println!("docs/calibration.md");
    }
    Ok(())
}

const EFFECT: f64 = 1.0;

fn line(row: &Row, runs: u64) -> Line {
    let each = |at: u64| {
        let with = panel(&row.design, at, EFFECT).and_then(|cells| (row.run)(&cells, at));
        let without = panel(&row.design, at, 0.0).and_then(|cells| (row.run)(&cells, at));
        with.and_then(|with| Ok((with, without?)))
    };
    let found: Vec<_> = (0..runs).into_par_iter().map(each).collect();
    let good: Vec<_> = found.iter().filter_map(|pair| pair.as_ref().ok()).collect();
    let share = |test: &dyn Fn(&(Estimate, Estimate)) -> bool| {
        good.iter().filter(|pair| test(pair)).count() as f64 / good.len().max(1) as f64
    };
    Line {
        coverage: share(&|(with, _)| with.conf_low <= EFFECT && EFFECT <= with.conf_high),
        size: share(&|(_, without)| without.p_value.is_some_and(|p| p <= 0.05)),
        bias: good.iter().map(|(with, _)| with.estimate - EFFECT).sum::<f64>() / good.len().max(1) as f64,
        failed: found.len() - good.len(),
    }
}

/// Unit and period effects, errors that follow one another within a unit (correlation 0.5), one effect for all.
fn panel(design: &Design, seed: u64, effect: f64) -> evenhand_estimate::Result<Cells> {
    let stream = Stream::new(20_170_201, seed);
    let (mut unit, mut time, mut y, mut cohort) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let steps = design.periods + 1;
    for i in 0..design.units {
        let first = start(design, i);
        let mut error = stream.normal(i * steps);
        for t in 1..=design.periods {
            error = 0.5 * error + 0.75f64.sqrt() * stream.normal(i * steps + t);
            let treated = first > 0 && t >= first;
            unit.push(i);
            time.push(t as f64);
            cohort.push(first as f64);
            y.push(
                (i % 7) as f64 * 0.3 + (t as f64 * 0.7).sin() + error + if treated { effect } else { 0.0 },
            );
        }
    }
    Cells::new(&unit, &time, &y)?.with_cohort(&cohort)
}

/// The first treated period of a unit, 0 for never.
fn start(design: &Design, unit: u64) -> u64 {
    let mut last = 0;
    for &(units, first) in design.cohorts {
        last += units;
        if unit < last {
            return first;
        }
    }
    0
}

fn term(found: &Estimates, name: &str) -> Found {
    // Every method names what is asked of it here; the first term is the average where it is called otherwise.
    Ok(found
        .get(name)
        .or(found.terms.first())
        .map_or_else(|| Estimate::from_std_error(0.0, 0.0, None), |term| term.estimate))
}

fn one_twfe(cells: &Cells, _: u64) -> Found {
    term(&twfe(cells, &PanelRegression::default())?, "att")
}

fn one_event(cells: &Cells, _: u64) -> Found {
    term(&event_study(cells, &EventStudyOptions::default())?, "event_time=0")
}

fn one_sun_abraham(cells: &Cells, _: u64) -> Found {
    let options = SunAbrahamOptions { by: SunAbrahamBy::Att, ..SunAbrahamOptions::default() };
    term(&sun_abraham(cells, &options)?, "att")
}

fn one_callaway(cells: &Cells, _: u64) -> Found {
    let options = CallawaySantannaOptions { draws: 0, ..CallawaySantannaOptions::default() };
    term(&callaway_santanna(cells, &options)?.estimates, "att")
}

fn one_imputation(cells: &Cells, _: u64) -> Found {
    term(&imputation(cells, &ImputationOptions::default())?.estimates, "att")
}

fn one_two_stage(cells: &Cells, _: u64) -> Found {
    term(&two_stage(cells, &TwoStageOptions::default())?, "att")
}

fn one_stacked(cells: &Cells, _: u64) -> Found {
    term(&stacked(cells, &StackedOptions { pre: 2, post: 2, ..StackedOptions::default() })?, "att")
}

fn one_sdid(cells: &Cells, seed: u64) -> Found {
    let inference = SyntheticDidInference::Placebo;
    let options = SyntheticDidPanelOptions {
        inference,
        replications: 100,
        seed,
        ..SyntheticDidPanelOptions::default()
    };
    term(&synthetic_did_panel(cells, &options)?.estimates, "att")
}

fn one_wild(cells: &Cells, seed: u64) -> Found {
    let options = WildClusterBootstrapOptions { draws: 399, seed, ..WildClusterBootstrapOptions::default() };
    let regression = ClusteredRegression::twfe(cells)?;
    let of_treatment = Restrictions::coefficient(0, regression.names().len(), 0.0);
    let found = wild_cluster_bootstrap(&regression, &of_treatment, &options)?.estimate;
    Ok(found.unwrap_or_else(|| Estimate::from_std_error(0.0, 0.0, None)))
}

fn one_randomization(cells: &Cells, seed: u64) -> Found {
    let options = RandomizationOptions { draws: 399, seed, ..RandomizationOptions::default() };
    Ok(randomization_inference(cells, &options)?.estimate)
}

fn table(lines: &[Line]) -> String {
    let mut text = String::from(
        "| method | units, periods | treated | what | promised | coverage | size | bias | no answer |\n",
    );
    text.push_str("|---|---|---|---|---|---:|---:|---:|---:|\n");
    for (row, line) in ROWS.iter().zip(lines) {
        let treated: Vec<String> =
            row.design.cohorts.iter().map(|(units, first)| format!("{units} from {first}")).collect();
        // A String takes every write.
        let _ = writeln!(
            text,
            "| `{}` | {}, {} | {} | {} | {} | {:.3} | {:.3} | {:+.3} | {} |",
            row.method,
            row.design.units,
            row.design.periods,
            treated.join(", "),
            row.note,
            if row.promised { "yes" } else { "no" },
            line.coverage,
            line.size,
            line.bias,
            line.failed
        );
    }
    text
}

fn page(table: &str) -> String {
    format!(
        "# Calibration\n\nMade by `cargo xtask calibrate`: 2,000 seeded panels with an effect of 1 and as many without, unit and period \
         effects, errors with a correlation of 0.5 from one period to the next. Coverage is the share of 95 % intervals that hold the \
         effect; size is the share of panels without an effect in which one is found at 5 %. The simulation error of either is 0.005.\n\n\
         {table}\nWhere \"promised\" says no, theory promises nothing and the row shows why: with two treated clusters the \
         sandwich is far too small and the wild bootstrap hardly ever rejects; randomization inference keeps its size. \
         [Which method when](estimators.md).\n"
    )
}
