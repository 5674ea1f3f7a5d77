//! The one shape in which every estimator of a panel reports: a table of terms, what it stands on, and what a
//! reader must know.

use crate::{Caveat, Estimate, Interval};
use evenhand_linalg::Matrix;

/// Results of one method on one set of data.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimates {
    /// The method, in the words of the command line: `callaway-santanna`, `twfe`.
    pub method: &'static str,
    /// One row for each coefficient, cell or aggregate.
    pub terms: Vec<Term>,
    /// Covariance of the terms in their order, shape (k, k); `None` for methods that have none.
    pub vcov: Option<Matrix>,
    /// Observations used.
    pub n_obs: usize,
    /// Units (rows of one id) used.
    pub n_units: usize,
    /// Periods used.
    pub n_periods: usize,
    /// Clusters behind the standard errors, `None` when they are not clustered.
    pub n_clusters: Option<usize>,
    /// The seed of any random step.
    pub seed: Option<u64>,
    /// Every choice that was made, defaults included, in the order of the documentation.
    pub options: Vec<(&'static str, String)>,
    /// What a reader must know, in the order in which it was found.
    pub caveats: Vec<Caveat>,
}

/// One row of [`Estimates`]: the columns of `broom`, and where the row belongs.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Its name: a column, `att`, `att(2006,2007)`, `event_time=-2`.
    pub term: String,
    /// Point, standard error and intervals.
    pub estimate: Estimate,
    /// The uniform 95 % band over the terms of one family, where the method has one.
    pub band: Option<Interval>,
    /// Periods since treatment, for event studies.
    pub event_time: Option<i64>,
    /// The cohort, as the value of its first treated period.
    pub cohort: Option<f64>,
    /// The period, as its value.
    pub period: Option<f64>,
}

impl Term {
    /// A term that belongs to no cohort, period or event time.
    #[must_use]
    pub fn new(term: impl Into<String>, estimate: Estimate) -> Self {
        Self { term: term.into(), estimate, band: None, event_time: None, cohort: None, period: None }
    }

    /// `event_time=e`.
    #[must_use]
    pub fn at_event_time(event_time: i64, estimate: Estimate) -> Self {
        Self { event_time: Some(event_time), ..Self::new(format!("event_time={event_time}"), estimate) }
    }
}

impl Estimates {
    /// The term of that name.
    #[must_use]
    pub fn get(&self, term: &str) -> Option<&Term> {
        self.terms.iter().find(|row| row.term == term)
    }

    /// The term at that event time.
    #[must_use]
    pub fn at_event_time(&self, event_time: i64) -> Option<&Term> {
        self.terms.iter().find(|row| row.event_time == Some(event_time))
    }
}
