//! Our side of `cargo xtask peers`: writes seeded panels, and runs one task on one of them, timed.
//!
//!     tasks panel UNITS PERIODS SEED FILE
//!     tasks run TASK FILE SECONDS
//!
//! Every run begins with columns in memory and includes all preparation; reading the file is not counted.

use evenhand_estimate::regression::{PoissonOptions, TreatmentTerms, poisson};
use evenhand_estimate::{
    CallawaySantannaOptions, Cells, ClusteredRegression, Error, Estimates, EventCoefficients,
    EventStudyOptions, Factor, HonestOptions, ImputationOptions, Matrix, PanelRegression,
    RandomizationOptions, Restrictions, Stream, SunAbrahamOptions, SyntheticControlPanelOptions,
    SyntheticDidPanelOptions, TwoStageOptions, WildClusterBootstrapOptions, callaway_santanna, event_study,
    honest, imputation, randomization_inference, sun_abraham, synthetic_control_panel, synthetic_did_panel,
    twfe, two_stage, wild_cluster_bootstrap,
};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["panel", units, periods, seed, file] => {
            std::fs::write(file, panel(units.parse()?, periods.parse()?, seed.parse()?))?;
        }
        ["run", task, file, seconds] => {
            let data = Data::read(&std::fs::read_to_string(file)?)?;
            println!("{}", timed(task, &data, seconds.parse()?)?);
        }
        _ => return Err("expected `panel UNITS PERIODS SEED FILE` or `run TASK FILE SECONDS`".into()),
    }
    Ok(())
}

/// Counts of units in seven groups of which one is never treated, six start in different periods; the effect is a
/// fifth of the mean and grows with time since treatment.
fn panel(units: u64, periods: u64, seed: u64) -> String {
    let mut text = String::from("unit,time,y,first_treat,relative,state\n");
    let (of_units, of_cells) = (Stream::new(seed, 0), Stream::new(seed, 1));
    for unit in 0..units {
        let group = of_units.below(2 * unit, 7) as u64;
        let first = if group == 0 { 0 } else { periods * (4 + group) / 12 };
        let level = (1.5 + 0.5 * of_units.normal(2 * unit + 1)).exp();
        for time in 1..=periods {
            let since = time as i64 - first as i64;
            let treated = first > 0 && since >= 0;
            let effect = if treated { 0.2 + 0.3 * since as f64 / periods as f64 } else { 0.0 };
            let mean = level * (0.3 * time as f64 / periods as f64 + effect).exp();
            let y = count(mean, of_cells.uniform(unit * periods + time));
            let relative = if first > 0 { since.clamp(-11, 9) } else { -1 };
            // A String takes every write.
            let _ = writeln!(text, "{},{time},{y},{first},{relative},{}", unit + 1, unit % 25);
        }
    }
    text
}

/// The Poisson count below which a share `u` of counts of that mean lies.
fn count(mean: f64, u: f64) -> u32 {
    let (mut k, mut chance) = (0, (-mean).exp());
    let mut sum = chance;
    while sum < u && k < 1_000 {
        k += 1;
        chance *= mean / f64::from(k);
        sum += chance;
    }
    k
}

struct Data {
    unit: Vec<u32>,
    time: Vec<f64>,
    y: Vec<f64>,
    first: Vec<f64>,
    state: Vec<u32>,
}

impl Data {
    fn read(text: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let mut data = Self { unit: vec![], time: vec![], y: vec![], first: vec![], state: vec![] };
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let [unit, time, y, first, _, state] = cells[..] else {
                return Err("expected six columns".into());
            };
            data.unit.push(unit.parse()?);
            data.time.push(time.parse()?);
            data.y.push(y.parse()?);
            data.first.push(first.parse()?);
            data.state.push(state.parse()?);
        }
        Ok(data)
    }

    fn cells(&self) -> Result<Cells, Error> {
        Cells::new(&self.unit, &self.time, &self.y)?.with_cohort(&self.first)
    }

    /// The first cohort, or its first unit alone, against the never treated.
    fn block(&self, one: bool) -> Result<Cells, Error> {
        let g = self.first.iter().copied().filter(|&g| g > 0.0).fold(f64::INFINITY, f64::min);
        let of_first = |row: &usize| self.first[*row] > 0.0 && (self.first[*row] - g).abs() <= 0.0;
        let lead = (0..self.unit.len()).find(of_first).map(|row| self.unit[row]);
        let kept = |row: &usize| {
            let never = self.first[*row].abs() <= 0.0;
            never || (of_first(row) && (!one || Some(self.unit[*row]) == lead))
        };
        let rows: Vec<usize> = (0..self.unit.len()).filter(kept).collect();
        let take = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
        let unit: Vec<u32> = rows.iter().map(|&row| self.unit[row]).collect();
        Cells::new(&unit, &take(&self.time), &take(&self.y))?.with_cohort(&take(&self.first))
    }
}

/// Runs a task until the time is up, and says what one run took.
fn timed(task: &str, data: &Data, seconds: u64) -> Result<String, Box<dyn std::error::Error>> {
    let mut numbers = run(task, data)?;
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    let mut runs = 0;
    while runs == 0 || (begun.elapsed() < Duration::from_secs(seconds) && runs < 200) {
        numbers = run(task, data)?;
        runs += 1;
    }
    let (elapsed, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds().zip(cpu));
    let took = cpu.map_or(elapsed, |(end, start)| end - start) / f64::from(runs);
    let listed =
        numbers.iter().map(|(name, value)| format!("\"{name}\":{value:?}")).collect::<Vec<_>>().join(",");
    Ok(format!("{{\"cpu_s\":{took:?},\"runs\":{runs},\"numbers\":{{{listed}}}}}"))
}

fn run(task: &str, data: &Data) -> Result<Vec<(String, f64)>, Box<dyn std::error::Error>> {
    Ok(match task {
        "event-study" => {
            let options = EventStudyOptions {
                bin_before: Some(-11),
                bin_after: Some(9),
                ..EventStudyOptions::default()
            };
            with_errors(&event_study(&data.cells()?, &options)?)
        }
        "poisson" => {
            let treatment =
                TreatmentTerms::EventStudy { reference: vec![-1], bin_before: Some(-11), bin_after: Some(9) };
            let options = PoissonOptions { treatment, ..PoissonOptions::default() };
            with_errors(&poisson(&data.cells()?, &options)?)
        }
        "twfe" => with_errors(&twfe(&data.cells()?, &PanelRegression::default())?),
        "sun-abraham" => points(&sun_abraham(&data.cells()?, &SunAbrahamOptions::default())?),
        "callaway-santanna" => {
            let found = callaway_santanna(&data.cells()?, &CallawaySantannaOptions::default())?;
            let named = points(&found.estimates).into_iter();
            named
                .map(|(name, value)| (if name == "att" { "simple".to_owned() } else { name }, value))
                .collect()
        }
        "imputation" => with_errors(&imputation(&data.cells()?, &ImputationOptions::default())?.estimates),
        "two-stage" => with_errors(&two_stage(&data.cells()?, &TwoStageOptions::default())?),
        "synthetic-did" => {
            let found = synthetic_did_panel(&data.block(false)?, &SyntheticDidPanelOptions::default())?;
            points(&found.estimates)
        }
        "synthetic-control" => {
            let found =
                synthetic_control_panel(&data.block(true)?, &SyntheticControlPanelOptions::default())?;
            points(&found.estimates)
        }
        "randomization" => {
            let options = RandomizationOptions { draws: 1_000, ..RandomizationOptions::default() };
            let found = randomization_inference(&data.cells()?, &options)?;
            vec![("statistic".to_owned(), found.statistic), ("p".to_owned(), found.p_value)]
        }
        "wild-bootstrap" => {
            let cells = data.cells()?.with_cluster(&Factor::from_codes(&data.state))?;
            let regression = ClusteredRegression::twfe(&cells)?;
            let one = Restrictions::coefficient(0, regression.names().len(), 0.0);
            let found = wild_cluster_bootstrap(&regression, &one, &WildClusterBootstrapOptions::default())?;
            vec![("statistic".to_owned(), found.statistic), ("p".to_owned(), found.p_value)]
        }
        "honest" => {
            let options = HonestOptions {
                m: Some((0..=8).map(|at| f64::from(at) / 4.0).collect()),
                ..Default::default()
            };
            let found = honest(&event_study_made_up()?, &options)?;
            let ends = found.robust.iter().filter_map(|row| Some((row.m, row.interval?)));
            ends.flat_map(|(m, set)| [(format!("low {m:.2}"), set.low), (format!("high {m:.2}"), set.high)])
                .collect()
        }
        other => return Err(format!("no task `{other}`").into()),
    })
}

/// Ten coefficients, five before treatment, whose errors are correlated as an autoregression's are.
fn event_study_made_up() -> Result<EventCoefficients, Error> {
    let beta = [0.02, -0.05, 0.04, 0.01, -0.03, 0.3, 0.45, 0.5, 0.55, 0.6];
    let sigma = Matrix::from_fn(10, 10, |i, j| 0.01 * 0.6f64.powi(i.abs_diff(j) as i32));
    EventCoefficients::new(&beta, &sigma, 5)
}

fn points(found: &Estimates) -> Vec<(String, f64)> {
    found.terms.iter().map(|term| (term.term.clone(), term.estimate.estimate)).collect()
}

fn with_errors(found: &Estimates) -> Vec<(String, f64)> {
    let errors =
        found.terms.iter().filter_map(|term| Some((format!("se {}", term.term), term.estimate.std_error?)));
    points(found).into_iter().chain(errors).collect()
}

/// CPU seconds of this process, all threads, where the system tells them: hundredths.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}
