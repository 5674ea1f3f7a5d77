/// One observation: a unit in a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Label of the unit.
    pub unit: String,
    /// Label of the period.
    pub period: String,
    /// Outcome; `None` says that it was not observed.
    pub outcome: Option<f64>,
    /// Weight of the cell, 0 or more; 1 when there are no weights.
    pub weight: f64,
}

impl Cell {
    /// An observed cell of weight 1.
    #[must_use]
    pub fn new(unit: impl Into<String>, period: impl Into<String>, outcome: f64) -> Self {
        Self { unit: unit.into(), period: period.into(), outcome: Some(outcome), weight: 1.0 }
    }
}

/// What a (unit, period) becomes for which no [`Cell`] was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fill {
    /// An error: the panel must be complete.
    Refuse,
    /// A missing outcome.
    Missing,
    /// A structural zero: inside coverage, nothing happened.
    Zero,
}
