//! Rows sorted by person on the disk: runs of a bounded number of rows, merged once all have come.

use crate::Error;
use crate::person::{NOBODY, Person};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

/// A row of a table, as short as linking needs it. Rows of one table sort by person, time and place.
pub trait Row: Copy + Ord {
    /// Bytes of a row on the disk.
    const BYTES: usize;

    /// Whose row it is.
    fn person(&self) -> Person;

    /// Appends the row's bytes.
    fn put(&self, into: &mut Vec<u8>);

    /// The row that [`BYTES`](Self::BYTES) bytes are.
    fn get(bytes: &[u8]) -> Self;

    /// The same row with the numbers of the whole release.
    #[must_use]
    fn renumbered(self, numbers: &Numbers) -> Self;
}

/// What the numbers of one file are in the whole release; the same where nothing is said.
#[derive(Debug, Default)]
pub struct Numbers {
    /// Sheets.
    pub sheets: Vec<u16>,
    /// Cells that say where an arrest was.
    pub cells: Vec<u32>,
    /// Codes of the facilities of stints.
    pub codes: Vec<u32>,
    /// Cells of detainers.
    pub kinds: Vec<u32>,
}

impl Numbers {
    /// The new number of a sheet.
    pub fn sheet(&self, old: u16) -> u16 {
        self.sheets.get(usize::from(old)).copied().unwrap_or(old)
    }

    /// What the numbers are once these are renumbered again.
    #[must_use]
    pub fn then(&self, next: &Numbers) -> Numbers {
        let all = |numbers: &[u32], next: &[u32]| match numbers {
            [] => next.to_vec(),
            numbers => numbers.iter().map(|old| renumbered(next, *old)).collect(),
        };
        Numbers {
            sheets: match self.sheets[..] {
                [] => next.sheets.clone(),
                _ => self.sheets.iter().map(|old| next.sheet(*old)).collect(),
            },
            cells: all(&self.cells, &next.cells),
            codes: all(&self.codes, &next.codes),
            kinds: all(&self.kinds, &next.kinds),
        }
    }
}

/// The new number of an old one; [`NONE`](crate::intern::NONE) stays.
pub fn renumbered(numbers: &[u32], old: u32) -> u32 {
    numbers.get(old as usize).copied().unwrap_or(old)
}

/// Gives a file that nothing else uses, to be read and written.
pub type Scratch = dyn Fn() -> std::io::Result<File> + Send + Sync;

/// Where rows go that are too many to be held.
pub struct Spill {
    scratch: Option<Arc<Scratch>>,
    file: Option<Arc<File>>,
    end: u64,
    /// Rows held before a run is written, and linked at a time.
    pub rows: usize,
}

impl Default for Spill {
    fn default() -> Self {
        Spill { scratch: None, file: None, end: 0, rows: ROWS }
    }
}

/// Rows of a run: what is sorted fits the caches of a core.
const ROWS: usize = 1 << 15;
/// Rows of the last run of a file that are still held when all have come.
const FEW: usize = 1 << 13;
/// Bytes read and written at a time.
const BLOCK: usize = 1 << 15;

impl Spill {
    /// Rows go to such files.
    pub fn to(scratch: Arc<Scratch>) -> Spill {
        Spill { scratch: Some(scratch), ..Spill::default() }
    }

    /// Runs of so many rows.
    pub fn with_rows(self, rows: usize) -> Spill {
        Spill { rows, ..self }
    }

    fn file(&mut self) -> Result<Option<&Arc<File>>, Error> {
        if let (None, Some(scratch)) = (&self.file, &self.scratch) {
            self.file = Some(Arc::new(scratch().map_err(Error::Scratch)?));
        }
        Ok(self.file.as_ref())
    }
}

impl std::fmt::Debug for Spill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spill").field("file", &self.file).field("end", &self.end).finish_non_exhaustive()
    }
}

/// The rows of one table of one file.
#[derive(Debug)]
pub struct Runs<R> {
    held: Vec<R>,
    /// Where in the file each run begins, and its rows.
    written: Vec<(u64, usize)>,
}

impl<R> Default for Runs<R> {
    fn default() -> Self {
        Runs { held: Vec::new(), written: Vec::new() }
    }
}

impl<R: Row> Runs<R> {
    /// Adds a row.
    pub fn push(&mut self, row: R, spill: &mut Spill) -> Result<(), Error> {
        self.held.push(row);
        match spill.scratch {
            Some(_) if self.held.len() >= spill.rows => self.write(spill),
            _ => Ok(()),
        }
    }

    /// Whether no row has come.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.written.is_empty()
    }

    /// No row comes any more: little is held from here on.
    pub fn seal(&mut self, spill: &mut Spill) -> Result<(), Error> {
        if self.held.len() >= FEW.min(spill.rows) {
            self.write(spill)?;
        }
        self.held.shrink_to_fit();
        Ok(())
    }

    fn write(&mut self, spill: &mut Spill) -> Result<(), Error> {
        let start = spill.end;
        let Some(file) = spill.file()? else { return Ok(()) };
        self.held.sort_unstable();
        let mut bytes = Vec::with_capacity(BLOCK);
        let mut end = start;
        for rows in self.held.chunks(BLOCK / R::BYTES) {
            bytes.clear();
            rows.iter().for_each(|row| row.put(&mut bytes));
            (&**file).write_all(&bytes).map_err(Error::Scratch)?;
            end += bytes.len() as u64;
        }
        spill.end = end;
        self.written.push((start, self.held.len()));
        self.held.clear();
        Ok(())
    }
}

/// The runs of one table, to be merged.
pub struct Sources<R>(Vec<Source<R>>);

impl<R> Default for Sources<R> {
    fn default() -> Self {
        Sources(Vec::new())
    }
}

impl<R: Row> Sources<R> {
    /// Adds the runs of a file.
    pub fn add(&mut self, runs: Runs<R>, spill: &Spill, numbers: &Arc<Numbers>) {
        let mut add = |rows| self.0.push(Source { rows, numbers: numbers.clone() });
        for (start, rows) in runs.written {
            if let Some(file) = &spill.file {
                add(Rows::Written(Block { file: file.clone(), start, rows, bytes: Vec::new(), at: 0 }));
            }
        }
        let mut held = runs.held;
        if !held.is_empty() {
            held.sort_unstable();
            add(Rows::Held(held.into_iter()));
        }
    }

    /// Their rows, in order.
    pub fn merge(self) -> Result<Merge<R>, Error> {
        Merge::new(self.0)
    }
}

/// One run, read from its start on.
struct Source<R> {
    rows: Rows<R>,
    numbers: Arc<Numbers>,
}

enum Rows<R> {
    Held(std::vec::IntoIter<R>),
    Written(Block),
}

/// What is left of a run on the disk, some of it in memory.
struct Block {
    file: Arc<File>,
    start: u64,
    rows: usize,
    bytes: Vec<u8>,
    at: usize,
}

impl<R: Row> Source<R> {
    fn next(&mut self) -> Result<Option<R>, Error> {
        let row = match &mut self.rows {
            Rows::Held(rows) => rows.next(),
            Rows::Written(block) => block.next()?,
        };
        Ok(row.map(|row| row.renumbered(&self.numbers)))
    }
}

impl Block {
    fn next<R: Row>(&mut self) -> Result<Option<R>, Error> {
        if self.at == self.bytes.len() {
            if self.rows == 0 {
                return Ok(None);
            }
            let rows = self.rows.min(BLOCK / R::BYTES);
            self.bytes.resize(rows * R::BYTES, 0);
            let mut file = &*self.file;
            file.seek(SeekFrom::Start(self.start)).map_err(Error::Scratch)?;
            file.read_exact(&mut self.bytes).map_err(Error::Scratch)?;
            self.start += self.bytes.len() as u64;
            self.rows -= rows;
            self.at = 0;
        }
        let row = R::get(&self.bytes[self.at..self.at + R::BYTES]);
        self.at += R::BYTES;
        Ok(Some(row))
    }
}

/// All rows of one table of a release, in order.
pub struct Merge<R> {
    sources: Vec<Source<R>>,
    heads: Vec<Option<R>>,
    /// A tournament over the heads: each place holds the winner of the two below, the first that of all.
    winners: Vec<usize>,
}

impl<R: Row> Merge<R> {
    fn new(mut sources: Vec<Source<R>>) -> Result<Merge<R>, Error> {
        let heads = sources.iter_mut().map(Source::next).collect::<Result<Vec<_>, _>>()?;
        let leaves = sources.len();
        let winners = (0..2 * leaves).map(|at| at.saturating_sub(leaves)).collect();
        let mut merge = Merge { sources, heads, winners };
        (1..leaves).rev().for_each(|place| merge.play(place));
        Ok(merge)
    }

    /// Whose row comes next; [`NOBODY`] also at the end.
    pub fn person(&self) -> Person {
        self.first().map_or(NOBODY, |(_, row)| row.person())
    }

    /// Takes rows of one person, all of them unless `most` are fewer.
    pub fn take(&mut self, person: Person, most: usize, into: &mut Vec<R>) -> Result<(), Error> {
        for _ in 0..most {
            match self.first() {
                Some((source, row)) if row.person() == person => {
                    into.push(row);
                    self.heads[source] = self.sources[source].next()?;
                    let mut place = (source + self.heads.len()) / 2;
                    while place > 0 {
                        self.play(place);
                        place /= 2;
                    }
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn first(&self) -> Option<(usize, R)> {
        let source = *self.winners.get(1)?;
        self.heads[source].map(|row| (source, row))
    }

    fn play(&mut self, place: usize) {
        let [one, two] = [self.winners[2 * place], self.winners[2 * place + 1]];
        self.winners[place] = match (&self.heads[one], &self.heads[two]) {
            (_, None) => one,
            (None, _) => two,
            (Some(a), Some(b)) => {
                if b < a {
                    two
                } else {
                    one
                }
            }
        };
    }
}

/// Reads the fields of a row one after the other.
pub struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    /// The next bytes; a row's length is known, so there are as many.
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        let (bytes, rest) = self.0.split_first_chunk::<N>().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *bytes
    }

    /// The next four bytes.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    /// The next four bytes, signed.
    pub fn signed(&mut self) -> i32 {
        i32::from_le_bytes(self.take())
    }

    /// The next two bytes.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    /// The next eight bytes.
    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}
