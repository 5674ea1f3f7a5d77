use crate::failure::Failure;
use evenhand_measure::{BUILT_IN, Figures};
use evenhand_store::Record;
use std::path::Path;

/// Opens the record in `folder`, or the one inside the binary.
pub fn open(folder: Option<&Path>) -> Result<Record, Failure> {
    match folder {
        Some(folder) => Ok(Record::open(folder)?),
        None => Ok(Figures::builtin_record()?),
    }
}

/// The record as people call it.
pub fn name(folder: Option<&Path>) -> String {
    folder.map_or_else(|| BUILT_IN.to_owned(), |folder| folder.display().to_string())
}
