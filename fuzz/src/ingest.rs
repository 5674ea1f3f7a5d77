//! Targets of `evenhand-ingest`.

use evenhand_ingest::{Options, Part, Sink, SinkError, plan, read};

struct Count(u64);

impl Sink for Count {
    fn open(&mut self, _: &Part) -> Result<(), SinkError> {
        Ok(())
    }

    fn batch(&mut self, batch: arrow::array::RecordBatch) -> Result<(), SinkError> {
        self.0 += batch.num_rows() as u64;
        Ok(())
    }

    fn close(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A delimited file with a known header.
pub fn csv(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("detainers.csv");
    let header = b"Prepare Date,Detainer Type,Detainer Detention Facility,State,City,Detainer Lift Reason\n";
    std::fs::write(&path, [header.as_slice(), data].concat()).expect("a file");
    let Ok(plan) = plan(&[path], &Options::default()) else { return };
    let mut count = Count(0);
    if let Ok(entry) = read(&plan.sources[0], &mut count) {
        for sheet in &entry.sheets {
            sheet.tally.check(&sheet.name).expect("the ledger adds up");
            assert_eq!(sheet.tally.rows_kept, count.0, "rows kept are rows handed out");
        }
    }
}
