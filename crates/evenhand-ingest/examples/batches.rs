//! Reads released files into typed columns in memory, with every check on, and prints how many rows there were.
//!
//!     cargo run --example batches -- FILE…

use arrow::array::RecordBatch;
use evenhand_ingest::{Options, Part, Sink, SinkError, plan, read};

#[derive(Default)]
struct Kept {
    rows: usize,
    batches: Vec<RecordBatch>,
}

impl Sink for Kept {
    fn open(&mut self, part: &Part) -> Result<(), SinkError> {
        println!("{} of {}", part.table, part.release);
        Ok(())
    }

    fn batch(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        self.rows += batch.num_rows();
        self.batches.push(batch);
        Ok(())
    }

    fn close(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<_> = std::env::args_os().skip(1).map(Into::into).collect();
    let mut kept = Kept::default();
    for source in plan(&paths, &Options::default())?.sources {
        read(&source, &mut kept)?;
    }
    println!("{} rows in {} batches", kept.rows, kept.batches.len());
    Ok(())
}
