//! Reads the given files or folders into nothing and prints rows and time: the cost of ingest alone.

use arrow::array::RecordBatch;
use evenhand_ingest::{Options, Part, Sink, SinkError, plan, read};
use std::path::PathBuf;
use std::time::Instant;

struct Nothing;

impl Sink for Nothing {
    fn open(&mut self, _: &Part) -> Result<(), SinkError> {
        Ok(())
    }

    fn batch(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        std::hint::black_box(&batch);
        Ok(())
    }

    fn close(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

fn main() -> Result<(), evenhand_ingest::Error> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let start = Instant::now();
    let plan = plan(&paths, &Options { skip_unknown: true, ..Options::default() })?;
    println!("{:8.1} ms  plan of {} files", start.elapsed().as_secs_f64() * 1e3, plan.sources.len());
    let mut rows = 0;
    for source in &plan.sources {
        let start = Instant::now();
        let entry = read(source, &mut Nothing)?;
        let kept: u64 = entry.sheets.iter().map(|sheet| sheet.tally.rows_kept).sum();
        let read: u64 = entry.sheets.iter().map(|sheet| sheet.tally.rows_read).sum();
        let time = start.elapsed().as_secs_f64() * 1e3;
        println!("{time:8.1} ms  {read:>8} rows, {kept:>8} kept  {}/{}", source.release(), source.name());
        for sheet in &entry.sheets {
            for warning in &sheet.warnings {
                println!("             {warning:?}");
            }
        }
        rows += read;
    }
    println!("{:8.1} ms  {rows} rows in all", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
