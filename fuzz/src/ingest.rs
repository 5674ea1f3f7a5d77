//! Targets of `evenhand-ingest`.

use evenhand_ingest::{Options, Part, Sink, SinkError, days_from_text, is_withheld, plan, read};

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

/// One value as text: a day that it names reads as the same day when it is written the other way.
pub fn value(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = is_withheld(text);
    }
    let Some(day) = days_from_text(data) else { return };
    let (year, month, day_of_month) = civil(day);
    for text in [
        format!("{year:04}-{month:02}-{day_of_month:02}"),
        format!("{month}/{day_of_month}/{year:04}"),
        format!("{month:02}/{day_of_month:02}/{year:04} 12:00 AM"),
    ] {
        assert_eq!(days_from_text(text.as_bytes()), Some(day), "{text}");
    }
}

/// Year, month and day of a day from 1970-01-01, counted off year by year and month by month.
fn civil(day: i32) -> (i32, i32, i32) {
    let leap = |year: i32| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    // Whole cycles of the calendar first, so that few years are left to count.
    let (mut year, mut left) = (1970 + 400 * day.div_euclid(146_097), day.rem_euclid(146_097));
    while left >= 365 + i32::from(leap(year)) {
        left -= 365 + i32::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i32::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}
