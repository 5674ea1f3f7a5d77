/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a panel could not be made.
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
    /// No unit or no period.
    Empty,
    /// Two cells for the same unit and period, or one label twice.
    Duplicate,
    /// A unit lacks a period and [`Fill::Refuse`](crate::Fill::Refuse) was asked for.
    Unbalanced,
    /// An outcome or weight that is infinite or not a number, or a negative weight.
    NonFinite,
    /// A label that the panel does not hold.
    Unknown,
    /// Rows of unequal length, or a text table that cannot be read.
    Shape,
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
            ErrorKind::Empty => "give at least one unit and one period",
            ErrorKind::Duplicate => "add up or drop the repeated cells before building the panel",
            ErrorKind::Unbalanced => "fill explicitly: `Fill::Missing`, or `Fill::Zero` inside coverage",
            ErrorKind::NonFinite => {
                "mark an unobserved outcome as missing; weights are finite and not negative"
            }
            ErrorKind::Unknown => "labels are compared exactly; list them with `units()` and `periods()`",
            ErrorKind::Shape => "every unit needs one value per period",
        }
    }
}
