//! Prints how long one fit takes, and one run with 200 placebos, on a panel of 50 donors, 15 periods before and 8
//! after adoption, on one thread: `cargo run -p evenhand-estimate --example sdid_speed`. Times are CPU time where
//! the system tells it (Linux), so that a busy machine does not blur them, and wall time elsewhere.

use evenhand_estimate::*;
use std::time::Instant;

fn main() -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
    pool.install(measure)
}

fn measure() -> Result<()> {
    let design = design(50, 23, 15)?;
    let exact = SyntheticDidOptions::default();
    let reference = SyntheticDidOptions { stopping: Stopping::Reference, ..exact };
    let fit = |d: &Design| synthetic_did(d, &exact);
    time("synthetic_did, exact", 2000, || fit(&design).map(|f| f.estimate))?;
    time("synthetic_did, reference rule", 50, || synthetic_did(&design, &reference).map(|f| f.estimate))?;
    time("demeaned_synthetic_control", 2000, || demeaned_synthetic_control(&design).map(|f| f.estimate))?;
    time("200 placebos, exact", 20, || placebo_std_error(&design, fit, 200, 1))?;
    time("every donor as placebo, exact", 50, || placebo_units(&design, fit).map(|f| f.rank_p))?;
    time("conformal inversion, SDID weights", 50, || {
        conformal_synthetic_did(&design, &exact, &ConformalOptions::default()).map(|c| c.p_value)
    })?;
    time("conformal inversion, demeaned SC", 50, || {
        conformal_demeaned(&design, &ConformalOptions::default()).map(|c| c.p_value)
    })
}

/// Runs `f` `times` times and prints the mean time and the last answer.
fn time(name: &str, times: u32, f: impl Fn() -> Result<f64>) -> Result<()> {
    let begun = Instant::now();
    let seconds = || cpu_seconds().unwrap_or_else(|| begun.elapsed().as_secs_f64());
    let start = seconds();
    let mut last = 0.0;
    for _ in 0..times {
        last = std::hint::black_box(f()?);
    }
    println!("{name:<36} {:>10.1} µs   ({last:.6})", (seconds() - start) * 1e6 / f64::from(times));
    Ok(())
}

/// CPU time of this thread: the first number of its scheduler statistics, in nanoseconds.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds * 1e-9)
}

/// Donors with levels, a common factor and noise.
fn design(donors: usize, periods: usize, n_pre: usize) -> Result<Design> {
    let stream = Stream::new(2017, 0);
    let series = |i: usize| -> Vec<f64> {
        let at = |k: usize| stream.normal((i * (periods + 2) + k) as u64);
        (0..periods).map(|t| 10.0 + 2.0 * at(0) + at(1) * (t as f64 * 0.5).sin() + at(2 + t)).collect()
    };
    let pool: Vec<(String, Vec<f64>)> = (0..donors).map(|i| (format!("donor {i:03}"), series(i))).collect();
    let labels: Vec<String> = (0..periods).map(|t| t.to_string()).collect();
    Design::from_series(&series(donors), &pool, &labels, n_pre)
}
