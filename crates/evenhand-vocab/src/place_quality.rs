use crate::ParseError;

/// How a record's free text was matched to a county.
///
/// The order is that of trust, so `quality <= PlaceQuality::Rule` reads "located".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceQuality {
    /// The text names one institution whose county is known.
    Exact,
    /// A stated rule names the county, such as "the words before COUNTY are unique in the area".
    Rule,
    /// The text names an ICE office: the county is that of the office, not of the arrest.
    OfficeOnly,
    /// No county can be given.
    Unplaced,
}

impl PlaceQuality {
    /// Every quality, most trusted first.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Rule, Self::OfficeOnly, Self::Unplaced];

    /// The word for it in tables and pages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Rule => "rule",
            Self::OfficeOnly => "office-only",
            Self::Unplaced => "unplaced",
        }
    }

    /// Whether the text itself places the event (`exact` or `rule`).
    #[must_use]
    pub fn is_located(self) -> bool {
        self <= Self::Rule
    }
}

impl std::str::FromStr for PlaceQuality {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL
            .into_iter()
            .find(|quality| quality.word() == text)
            .ok_or_else(|| ParseError::new("one of exact, rule, office-only, unplaced", text))
    }
}

impl std::fmt::Display for PlaceQuality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
