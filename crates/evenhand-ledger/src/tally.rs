use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows that went into a step, and where they went.
///
/// ```
/// use evenhand_ledger::Tally;
/// let mut tally = Tally::default();
/// tally.keep(3);
/// tally.set_aside("no_date", 1);
/// assert_eq!((tally.rows_read, tally.rows_kept), (4, 3));
/// assert!(tally.check("example").is_ok());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows read.
    pub rows_read: u64,
    /// Rows kept.
    pub rows_kept: u64,
    /// Rows set aside, by reason code.
    #[serde(default)]
    pub set_aside: BTreeMap<String, u64>,
}

/// Rows that do not add up: a bug of ours, never a fault of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {read} rows read, but {kept} kept and {set_aside} set aside")]
pub struct Unbalanced {
    /// The sheet or step.
    pub place: String,
    /// Rows read.
    pub read: u64,
    /// Rows kept.
    pub kept: u64,
    /// Rows set aside for any reason.
    pub set_aside: u64,
}

impl Tally {
    /// Counts rows that were read and kept.
    pub fn keep(&mut self, rows: u64) {
        self.rows_read += rows;
        self.rows_kept += rows;
    }

    /// Counts rows that were read and set aside for `reason`.
    pub fn set_aside(&mut self, reason: &str, rows: u64) {
        self.rows_read += rows;
        *self.set_aside.entry(reason.to_owned()).or_default() += rows;
    }

    /// Rows set aside for any reason.
    #[must_use]
    pub fn set_aside_total(&self) -> u64 {
        self.set_aside.values().sum()
    }

    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Tally) {
        self.rows_read += other.rows_read;
        self.rows_kept += other.rows_kept;
        for (reason, rows) in &other.set_aside {
            *self.set_aside.entry(reason.clone()).or_default() += rows;
        }
    }

    /// Checks that rows read are rows kept plus rows set aside.
    ///
    /// # Errors
    /// [`Unbalanced`] with the three counts.
    pub fn check(&self, place: &str) -> Result<(), Unbalanced> {
        let set_aside = self.set_aside_total();
        if self.rows_read == self.rows_kept + set_aside {
            return Ok(());
        }
        Err(Unbalanced { place: place.to_owned(), read: self.rows_read, kept: self.rows_kept, set_aside })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_row_is_named_with_its_place() {
        let tally = Tally { rows_read: 5, rows_kept: 3, set_aside: [("no_date".to_owned(), 1)].into() };
        let error = tally.check("arrests.csv, sheet 1").unwrap_err();
        assert_eq!(error.to_string(), "arrests.csv, sheet 1: 5 rows read, but 3 kept and 1 set aside");
    }
}
