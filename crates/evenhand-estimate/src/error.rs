/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an estimate could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No untreated unit to compare with.
    NoDonors,
    /// No treated unit, or no group, share or estimate at all.
    NoTreated,
    /// Fewer periods before or after adoption, or in a series, than the method needs.
    TooFewPeriods,
    /// Treated units that start in different periods, for a method with one adoption date.
    Staggered,
    /// A missing outcome, for a method that needs a complete panel.
    Missing,
    /// An input or a result that is infinite or not a number.
    NonFinite,
    /// Lists that should be of one length, or an index out of range.
    Shape,
    /// A number outside the range in which the method is defined.
    Domain,
    /// No variation: the answer is not determined.
    Degenerate,
    /// An iteration that did not meet its tolerance.
    NotConverged,
    /// Every regressor is a combination of the others or of the fixed effects.
    Collinear,
    /// Fewer clusters than a clustered method needs.
    TooFewClusters,
    /// No row is left once singletons, separated rows and zero weights are gone.
    NoObservations,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Which kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// How to go on.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.kind {
            ErrorKind::NoDonors => "widen the donor pool: untreated units have `Cohort::Never`",
            ErrorKind::NoTreated => {
                "mark at least one unit as treated, or give at least one group with members"
            }
            ErrorKind::TooFewPeriods => "use a longer window or a finer period",
            ErrorKind::Staggered => "use an estimator for staggered adoption, or one cohort at a time",
            ErrorKind::Missing => "fill structural zeros, or leave out the unit or the period",
            ErrorKind::NonFinite => "check the inputs for overflow and for values that are not numbers",
            ErrorKind::Shape => "give lists of equal length, in the same order",
            ErrorKind::Domain => "see the function's documentation for the admissible range",
            ErrorKind::Degenerate => "the data do not vary enough to answer; report this as not identified",
            ErrorKind::Collinear => "leave out columns that do not vary within the fixed effects",
            ErrorKind::TooFewClusters => "cluster at a level with more groups, or use another kind of error",
            ErrorKind::NoObservations => "check the filters, the fixed effects and the weights",
            ErrorKind::NotConverged => "rescale the outcome; if it persists, this is a bug worth reporting",
        }
    }
}

/// Refuses a number that is infinite or not a number.
pub(crate) fn finite(value: f64, what: &str) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::new(ErrorKind::NonFinite, format!("{what}: {value}, expected a finite number")))
}

/// Refuses a confidence level or probability outside (0, 1).
pub(crate) fn proportion(value: f64, what: &str) -> Result<f64> {
    if value > 0.0 && value < 1.0 {
        return Ok(value);
    }
    Err(Error::new(ErrorKind::Domain, format!("{what}: {value}, expected a number between 0 and 1")))
}

/// Refuses lists of different length.
pub(crate) fn same_length(a: usize, b: usize, what: &str) -> Result<()> {
    if a == b {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Shape, format!("{what}: {a} and {b} entries, expected as many of each")))
}
