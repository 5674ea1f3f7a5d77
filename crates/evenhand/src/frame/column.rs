//! Columns in the making: by part of the file, then joined in the order of the parts.

use super::Kind;
use std::collections::HashMap;

/// The code of a missing label.
pub const MISSING: u32 = u32::MAX;

/// A column of text as levels, numbered in order of appearance.
#[derive(Debug, Default)]
pub struct Labels {
    /// The level of each row; [`MISSING`] where the cell is empty or `NA`.
    pub codes: Vec<u32>,
    /// Text of each level.
    pub levels: Vec<String>,
}

/// A column as it was wanted.
#[derive(Debug)]
pub enum Column {
    /// Numbers, NaN where missing.
    Numbers(Vec<f64>),
    /// Levels of text.
    Labels(Labels),
}

impl Column {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Column::Numbers(values) => values.len(),
            Column::Labels(labels) => labels.codes.len(),
        }
    }
}

/// One column of one part.
#[derive(Debug)]
pub enum Part {
    /// Numbers.
    Numbers(Vec<f64>),
    /// Labels.
    Labels(Interner),
}

impl Part {
    /// An empty part.
    pub fn new(kind: Kind, rows: usize) -> Part {
        match kind {
            Kind::Number => Part::Numbers(Vec::with_capacity(rows)),
            Kind::Label => Part::Labels(Interner { codes: Vec::with_capacity(rows), ..Interner::default() }),
        }
    }

    /// Joins the parts of one column; levels keep the order of their first row.
    pub fn join(parts: Vec<Part>) -> Column {
        let mut parts = parts.into_iter();
        let Some(mut first) = parts.next() else { return Column::Numbers(Vec::new()) };
        for part in parts {
            match (&mut first, part) {
                (Part::Numbers(all), Part::Numbers(more)) => all.extend(more),
                (Part::Labels(all), Part::Labels(more)) => all.extend(&more),
                // Parts of one column are of one kind.
                _ => {}
            }
        }
        match first {
            Part::Numbers(values) => Column::Numbers(values),
            Part::Labels(labels) => Column::Labels(labels.finish()),
        }
    }
}

/// Gives equal texts one number.
#[derive(Debug, Default)]
pub struct Interner {
    codes: Vec<u32>,
    levels: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32>,
    /// The level that last followed each level: in sorted tables nearly always the next one, too.
    next: Vec<u32>,
    last: u32,
}

impl Interner {
    /// Adds a row.
    pub fn push(&mut self, text: &[u8]) {
        let guess = self.next.get(self.last as usize).copied().unwrap_or(0);
        let code = match self.levels.get(guess as usize) {
            Some(level) if **level == *text => guess,
            _ => self.look_up(text),
        };
        if let Some(next) = self.next.get_mut(self.last as usize) {
            *next = code;
        }
        self.last = code;
        self.codes.push(code);
    }

    /// Adds a row without a label.
    pub fn push_missing(&mut self) {
        self.codes.push(MISSING);
    }

    fn look_up(&mut self, text: &[u8]) -> u32 {
        if let Some(&code) = self.numbers.get(text) {
            return code;
        }
        // Four billion levels would not fit in memory.
        let code = u32::try_from(self.levels.len()).unwrap_or(MISSING - 1);
        self.levels.push(text.into());
        self.numbers.insert(text.into(), code);
        self.next.push(code);
        code
    }

    fn extend(&mut self, more: &Interner) {
        let codes: Vec<u32> = more.levels.iter().map(|text| self.look_up(text)).collect();
        let known = |code: &u32| codes.get(*code as usize).copied().unwrap_or(MISSING);
        self.codes.extend(more.codes.iter().map(known));
    }

    fn finish(self) -> Labels {
        let text = |level: &[u8]| String::from_utf8_lossy(level).into_owned();
        Labels { codes: self.codes, levels: self.levels.iter().map(|level| text(level)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_join_as_if_read_at_once() {
        let part = |texts: &[&str]| {
            let mut labels = Interner::default();
            texts.iter().for_each(|text| labels.push(text.as_bytes()));
            labels.push_missing();
            Part::Labels(labels)
        };
        let Column::Labels(joined) = Part::join(vec![part(&["b", "a", "b"]), part(&["c", "a", "a"])]) else {
            panic!("labels expected");
        };
        assert_eq!(joined.levels, ["b", "a", "c"]);
        assert_eq!(joined.codes, [0, 1, 0, MISSING, 2, 1, 1, MISSING]);
    }
}
