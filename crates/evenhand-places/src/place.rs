//! The answer: a county, how far to trust it, and which rule gave it.

use evenhand_vocab::{CountyFips, PlaceQuality};

/// Where a released text points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The county; `None` exactly when `quality` is [`PlaceQuality::Unplaced`].
    pub county: Option<CountyFips>,
    /// Postal code of the state: that of the county, or the one that an unplaced text names.
    pub state: Option<&'static str>,
    /// How the county was found. For [`PlaceQuality::OfficeOnly`] it is the office's county, not the event's.
    pub quality: PlaceQuality,
    /// Which rule decided.
    pub rule: Rule,
}

impl Place {
    pub(crate) fn unplaced(state: Option<&'static str>, rule: Rule) -> Self {
        Self { county: None, state, quality: PlaceQuality::Unplaced, rule }
    }

    /// The county if the text itself places the event, that is for `exact` and `rule`.
    #[must_use]
    pub fn located(&self) -> Option<CountyFips> {
        self.county.filter(|_| self.quality.is_located())
    }
}

/// The rule that placed a text, or that found no place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Decided by hand in `overrides.csv`, with a reason.
    Override,
    /// Names an institution of `institutions.csv`.
    Institution,
    /// Names a facility of the 2017 ICE list, whose county is known.
    Listed,
    /// The words before COUNTY, CO or PARISH name one county of the stated state or of the area.
    CountyWord,
    /// As [`Rule::CountyWord`], but the name exists once in the nation and outside the area.
    CountyNation,
    /// As [`Rule::CountyWord`], with one letter wrong.
    CountyTypo,
    /// Names a city that lies in one county.
    City,
    /// An ICE office's code, such as `AUS GENERAL AREA`.
    OfficeCode,
    /// An ICE office or team called after its city, such as `MIAMI FUGITIVE OPERATIONS`.
    OfficeCity,
    /// The same text is used almost only in another area, and means what it means there.
    HomeArea,
    /// Names a county that several states of the area have.
    AmbiguousCounty,
    /// Names a city that several states of the area have, or two cities.
    AmbiguousCity,
    /// Names a state and nothing smaller.
    StateOnly,
    /// Names no place that is known.
    NoPlace,
    /// Nothing is written.
    Blank,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 15] = [
        Self::Override,
        Self::Institution,
        Self::Listed,
        Self::CountyWord,
        Self::CountyNation,
        Self::CountyTypo,
        Self::City,
        Self::OfficeCode,
        Self::OfficeCity,
        Self::HomeArea,
        Self::AmbiguousCounty,
        Self::AmbiguousCity,
        Self::StateOnly,
        Self::NoPlace,
        Self::Blank,
    ];

    /// The word for it in the tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Institution => "institution",
            Self::Listed => "listed",
            Self::CountyWord => "county word",
            Self::CountyNation => "county nation",
            Self::CountyTypo => "county typo",
            Self::City => "city",
            Self::OfficeCode => "office code",
            Self::OfficeCity => "office city",
            Self::HomeArea => "home area",
            Self::AmbiguousCounty => "ambiguous county",
            Self::AmbiguousCity => "ambiguous city",
            Self::StateOnly => "state only",
            Self::NoPlace => "no place",
            Self::Blank => "blank",
        }
    }
}

impl std::str::FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|rule| rule.word() == text)
            .ok_or_else(|| "expected the word of a rule".to_owned())
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_reads_back_from_its_word() {
        assert!(Rule::ALL.into_iter().all(|rule| rule.word().parse() == Ok(rule)));
    }
}
