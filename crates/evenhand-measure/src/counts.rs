use evenhand_vocab::{AtLarge, Date, MethodGroup};

/// An outcome that arrests are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All administrative arrests.
    Total,
    /// People already in the custody of another agency.
    Custodial,
    /// Taken from a local jail: what a county policy acts on.
    LocalJail,
    /// Taken from a state or federal prison: the placebo outcome of a county policy.
    Prison,
    /// In the community, under a definition.
    AtLarge(AtLarge),
    /// Under an agreement by section 287(g).
    Agreement287g,
    /// Carrying a named operation.
    Operation,
}

impl Outcome {
    /// The outcome behind a measure of the docket, if it is one of arrests.
    ///
    /// ```
    /// use evenhand_measure::Outcome;
    /// use evenhand_vocab::AtLarge;
    /// assert_eq!(Outcome::of("arr_prison", AtLarge::Standard), Some(Outcome::Prison));
    /// assert_eq!(Outcome::of("pop_unauth", AtLarge::Standard), None);
    /// ```
    #[must_use]
    pub fn of(measure: &str, at_large: AtLarge) -> Option<Self> {
        Some(match measure {
            "arr_total" => Self::Total,
            "arr_custodial" => Self::Custodial,
            "arr_local_jail" => Self::LocalJail,
            "arr_prison" => Self::Prison,
            "arr_atlarge" => Self::AtLarge(at_large),
            "arr_287g" => Self::Agreement287g,
            "arr_operation" => Self::Operation,
            _ => return None,
        })
    }

    /// Whether a cell of figures counts.
    #[must_use]
    pub fn counts(self, group: MethodGroup, operation_named: bool) -> bool {
        use evenhand_vocab::ArrestSetting::Custodial;
        match self {
            Self::Total => true,
            Self::Custodial => group.setting() == Custodial,
            Self::LocalJail => group == MethodGroup::LocalJail,
            Self::Prison => group == MethodGroup::Prison,
            Self::AtLarge(definition) => group.is_at_large(definition),
            Self::Agreement287g => group == MethodGroup::Agreement287g,
            Self::Operation => operation_named,
        }
    }
}

/// Length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Monday to Sunday.
    Week,
    /// Calendar month.
    Month,
}

/// Which set of areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Areas {
    /// As released.
    Raw,
    /// The harmonised set, whose borders did not move.
    Harmonised,
}

/// Counts of units by periods; zero inside the coverage of the release, missing outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// Unit codes, sorted; shape (u,).
    pub units: Vec<String>,
    /// First days of the periods, ascending, without gaps; shape (t,).
    pub periods: Vec<Date>,
    /// Counts, unit by unit; shape (u × t,).
    pub values: Vec<Option<f64>>,
    /// Rows counted.
    pub rows_used: u64,
    /// Rows of the outcome whose unit is not known; in no series.
    pub rows_without_unit: u64,
}

impl Counts {
    /// The series of a unit, shape (t,).
    #[must_use]
    pub fn series(&self, unit: &str) -> Option<&[Option<f64>]> {
        let at = self.units.iter().position(|code| code == unit)?;
        self.values.chunks_exact(self.periods.len().max(1)).nth(at)
    }

    /// The sum over units, shape (t,).
    #[must_use]
    pub fn total(&self) -> Vec<Option<f64>> {
        let mut total = vec![None; self.periods.len()];
        for series in self.values.chunks_exact(self.periods.len().max(1)) {
            for (sum, value) in total.iter_mut().zip(series) {
                *sum = match (*sum, *value) {
                    (Some(sum), Some(value)) => Some(sum + value),
                    (sum, value) => sum.or(value),
                };
            }
        }
        total
    }
}
