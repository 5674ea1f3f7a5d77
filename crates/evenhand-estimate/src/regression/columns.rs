//! The right-hand side of a regression: dense columns, and groups of columns of which a row has at most one.

use crate::error::{finite, same_length};
use crate::{Error, ErrorKind, Factor, Result};

/// Marks a row that has none of a group's columns.
pub(crate) const NONE: u32 = u32::MAX;

/// Columns of a regression by name: the dense ones first, then those of the sparse groups, each in the order in
/// which they were added. A column that is a combination of columns before it is the one left out.
///
/// ```
/// use evenhand_estimate::{Factor, regression::Columns};
/// let year = Factor::new(&[2001, 2002, 2003]);
/// let x = Columns::new(3).intercept().dense("income", vec![1.0, 2.5, 3.0])?
///     .indicators(&year, &["2001", "2002", "2003"], "year=", &[0])?;
/// assert_eq!(x.names(), ["(Intercept)", "income", "year=2002", "year=2003"]);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    pub(crate) n_rows: usize,
    pub(crate) dense: Vec<(String, Vec<f64>)>,
    pub(crate) sparse: Vec<Sparse>,
}

/// Columns of which a row has at most one: indicators of the levels of a factor, perhaps times a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sparse {
    pub names: Vec<String>,
    /// The column of each row, [`NONE`] for none.
    pub at: Vec<u32>,
    /// The entry of each row; 1 when absent.
    pub values: Option<Vec<f64>>,
}

impl Sparse {
    pub fn value(&self, row: usize) -> f64 {
        self.values.as_ref().map_or(1.0, |values| values[row])
    }
}

impl Columns {
    /// No column yet, of so many rows.
    #[must_use]
    pub fn new(n_rows: usize) -> Self {
        Self { n_rows, dense: Vec::new(), sparse: Vec::new() }
    }

    /// A column of ones, named as in R. Regressions that absorb a factor need none.
    #[must_use]
    pub fn intercept(mut self) -> Self {
        self.dense.push(("(Intercept)".to_owned(), vec![1.0; self.n_rows]));
        self
    }

    /// A column of numbers.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`].
    pub fn dense(mut self, name: impl Into<String>, values: Vec<f64>) -> Result<Self> {
        let name = name.into();
        same_length(self.n_rows, values.len(), &format!("rows and values of {name}"))?;
        values.iter().try_for_each(|&x| finite(x, &name).map(drop))?;
        self.dense.push((name, values));
        Ok(self)
    }

    /// One indicator for each level of a factor but those in `reference`; names are `prefix` and the label.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] when there is not one label for each level.
    pub fn indicators<L: AsRef<str>>(
        self,
        factor: &Factor,
        labels: &[L],
        prefix: &str,
        reference: &[usize],
    ) -> Result<Self> {
        same_length(factor.n_levels(), labels.len(), "levels and labels")?;
        let mut names = Vec::new();
        let column: Vec<u32> = (labels.iter().enumerate())
            .map(|(level, label)| {
                if reference.contains(&level) {
                    return NONE;
                }
                names.push(format!("{prefix}{}", label.as_ref()));
                names.len() as u32 - 1
            })
            .collect();
        let at = factor.codes().iter().map(|&level| column[level as usize]).collect();
        self.sparse(names, at, None)
    }

    /// One column for each level of a factor but those in `reference`: `values` where a row has the level, else 0.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`], [`ErrorKind::NonFinite`].
    pub fn interactions<L: AsRef<str>>(
        self,
        factor: &Factor,
        labels: &[L],
        prefix: &str,
        reference: &[usize],
        values: &[f64],
    ) -> Result<Self> {
        same_length(self.n_rows, values.len(), &format!("rows and values of {prefix}"))?;
        values.iter().try_for_each(|&x| finite(x, prefix).map(drop))?;
        let mut some = self.indicators(factor, labels, prefix, reference)?;
        if let Some(group) = some.sparse.last_mut() {
            group.values = Some(values.to_vec());
        }
        Ok(some)
    }

    /// A group of columns of which each row has at most one: `at` says which, above the last for none.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] when the lists do not have one entry for each row.
    pub fn sparse(mut self, names: Vec<String>, mut at: Vec<u32>, values: Option<Vec<f64>>) -> Result<Self> {
        same_length(self.n_rows, at.len(), "rows and columns of a group")?;
        if let Some(values) = &values {
            same_length(self.n_rows, values.len(), "rows and values of a group")?;
            values.iter().try_for_each(|&x| finite(x, "value of a group of columns").map(drop))?;
        }
        if names.len() >= NONE as usize {
            return Err(Error::new(ErrorKind::Shape, format!("{} columns in a group", names.len())));
        }
        at.iter_mut().filter(|at| **at as usize >= names.len()).for_each(|at| *at = NONE);
        self.sparse.push(Sparse { names, at, values });
        Ok(self)
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Names of all columns, dense ones first.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let sparse = self.sparse.iter().flat_map(|group| &group.names);
        self.dense.iter().map(|(name, _)| name).chain(sparse).cloned().collect()
    }
}
