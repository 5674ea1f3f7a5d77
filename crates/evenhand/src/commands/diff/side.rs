//! One side of a comparison: the releases of a record, summed up in one pass over each table.

use crate::failure::Failure;
use crate::record;
use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{Date32Type, Int32Type};
use evenhand_ingest::LayoutColumn;
use evenhand_store::{PartEntry, Record};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A record, or one release of it, summed up.
pub struct Side {
    /// As the person wrote it.
    pub name: String,
    /// The releases, with the digest of each one's files.
    pub releases: BTreeMap<String, Vec<String>>,
    pub tables: BTreeMap<String, Table>,
}

/// What a table holds.
#[derive(Default)]
pub struct Table {
    pub rows: u64,
    /// By name: type, and rows with a value.
    pub columns: BTreeMap<String, (String, u64)>,
    /// Rows by word, of columns that are known to hold words of a list.
    pub words: BTreeMap<String, BTreeMap<String, u64>>,
    /// Rows by week of the table's date, as the day of its Monday; days from 1970-01-01.
    pub weeks: BTreeMap<i32, u64>,
}

/// What is counted of a table, beside its rows.
struct Asked {
    date: Option<String>,
    words: BTreeSet<String>,
}

impl Side {
    /// Sums up `DIR`, `DIR@RELEASE`, or a release of the record in `folder` (or of the built-in one).
    pub fn read(name: &str, folder: Option<&Path>) -> Result<Side, Failure> {
        let (record, release) = open(name, folder)?;
        let ids = record.manifest().releases.iter().map(|release| release.id.clone());
        let ids = ids.filter(|id| release.as_ref().is_none_or(|asked| asked == id)).collect::<BTreeSet<_>>();
        let mut releases = BTreeMap::new();
        for entry in record.manifest().releases.iter().filter(|entry| ids.contains(&entry.id)) {
            let files = entry.ledger.files.iter().map(|file| file.sha256.to_string());
            releases.insert(entry.id.clone(), files.collect());
        }
        let mut tables = BTreeMap::new();
        for table in record.tables() {
            let parts = record.parts(table)?.iter().filter(|part| ids.contains(&part.release));
            let parts = parts.collect::<Vec<_>>();
            if !parts.is_empty() {
                tables.insert(table.to_owned(), Table::read(&record, table, &parts)?);
            }
        }
        Ok(Side { name: name.to_owned(), releases, tables })
    }
}

/// The record meant, and the one release of it if there is one.
fn open(name: &str, folder: Option<&Path>) -> Result<(Record, Option<String>), Failure> {
    if Path::new(name).is_dir() {
        return Ok((record::open(Some(Path::new(name)))?, None));
    }
    let (folder, release) = match name.rsplit_once('@') {
        Some((folder, release)) => (Some(Path::new(folder)), release),
        None => (folder, name),
    };
    let record = record::open(folder)?;
    let known = record.manifest().releases.iter().map(|release| release.id.as_str()).collect::<Vec<_>>();
    if known.contains(&release) {
        return Ok((record, Some(release.to_owned())));
    }
    let message = format!("expected the folder of a record or a release, found `{name}`");
    let known = known.join(", ");
    Err(Failure::new(crate::exit::Exit::Usage, message)
        .hint(format!("the releases of {} are {known}", record::name(folder))))
}

impl Table {
    fn read(record: &Record, name: &str, parts: &[&PartEntry]) -> Result<Table, Failure> {
        let asked = asked(name);
        let read = |part: &&PartEntry| Table::read_part(record, part, &asked);
        let tables = parts.par_iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
        Ok(tables.into_iter().fold(Table::default(), Table::and))
    }

    fn read_part(record: &Record, part: &PartEntry, asked: &Asked) -> Result<Table, Failure> {
        let mut table = Table::default();
        for batch in record.read_part(part, None)? {
            table.take(&batch?, asked);
        }
        // A column that this part lacks is one of the other parts'.
        let own = record.manifest().table(&part.table).and_then(|entry| entry.schemas.get(&part.schema));
        if let Some(own) = own {
            table.columns.retain(|name, _| own.iter().any(|column| column.name == *name));
        }
        Ok(table)
    }

    fn take(&mut self, batch: &RecordBatch, asked: &Asked) {
        self.rows += batch.num_rows() as u64;
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            let kind = field.data_type().to_string();
            let (_, filled) = self.columns.entry(field.name().clone()).or_insert((kind, 0));
            *filled += (array.len() - array.logical_null_count()) as u64;
            if asked.date.as_ref() == Some(field.name()) {
                for day in array.as_primitive_opt::<Date32Type>().into_iter().flatten().flatten() {
                    *self.weeks.entry(monday(day)).or_insert(0) += 1;
                }
            }
            if asked.words.contains(field.name()) {
                self.take_words(field.name(), array);
            }
        }
    }

    fn take_words(&mut self, name: &str, array: &dyn Array) {
        let Some(dictionary) = array.as_any_dictionary_opt() else { return };
        let Some(keys) = dictionary.keys().as_primitive_opt::<Int32Type>() else { return };
        let Some(values) = dictionary.values().as_string_opt::<i32>() else { return };
        let mut counts = vec![0_u64; values.len()];
        for key in keys.iter().flatten() {
            if let Some(count) = usize::try_from(key).ok().and_then(|key| counts.get_mut(key)) {
                *count += 1;
            }
        }
        let words = self.words.entry(name.to_owned()).or_default();
        for (word, count) in values.iter().zip(counts).filter(|(_, count)| *count > 0) {
            *words.entry(word.unwrap_or_default().to_owned()).or_insert(0) += count;
        }
    }

    fn and(mut self, other: Table) -> Table {
        self.rows += other.rows;
        for (name, (kind, filled)) in other.columns {
            self.columns.entry(name).or_insert((kind, 0)).1 += filled;
        }
        for (name, words) in other.words {
            let mine = self.words.entry(name).or_default();
            words.into_iter().for_each(|(word, count)| *mine.entry(word).or_insert(0) += count);
        }
        other.weeks.into_iter().for_each(|(week, count)| *self.weeks.entry(week).or_insert(0) += count);
        self
    }
}

/// The date by which a table's rows are counted, and its columns of words, as the layouts have them. A word of no
/// list may be a name or a remark; such columns are counted and never shown.
fn asked(table: &str) -> Asked {
    let layouts = evenhand_ingest::layouts().unwrap_or_default();
    let of_table = || layouts.iter().filter(|layout| layout.table == table);
    let is_listed = |column: &&LayoutColumn| column.vocabulary.is_some();
    Asked {
        date: of_table().find_map(|layout| layout.sort_by().map(str::to_owned)),
        words: of_table()
            .flat_map(|layout| layout.kept().filter(is_listed))
            .map(|c| c.name.clone())
            .collect(),
    }
}

/// The Monday of a day's week.
fn monday(day: i32) -> i32 {
    // 1970-01-05 was a Monday.
    day.saturating_sub((day.saturating_sub(4)).rem_euclid(7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_begins_on_monday() {
        // 1970-01-01 was a Thursday.
        assert_eq!([-4, -3, 0, 3, 4, 10, 11].map(monday), [-10, -3, -3, -3, 4, 4, 11]);
    }

    #[test]
    fn only_words_of_a_list_are_counted() {
        let arrests = asked("arrests");
        assert_eq!(arrests.date.as_deref(), Some("apprehension_date"));
        assert!(arrests.words.contains("apprehension_method"));
        assert!(
            !arrests.words.contains("person_id") && !arrests.words.contains("apprehension_site_landmark")
        );
        assert!(asked("no_such_table").words.is_empty());
    }
}
