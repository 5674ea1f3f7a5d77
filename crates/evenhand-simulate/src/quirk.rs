//! The faults of released files that a made-up one has too, each by a name under which it can be left out.

/// A fault, planted on purpose and counted in the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Quirk {
    /// Rows equal to another in every cell.
    ExactRepeats,
    /// Rows equal to another but for the time or day of the event.
    TimeRepeats,
    /// Arrests of the same person within a day by the method `ERO Reprocessed Arrest`.
    Reprocessed,
    /// Arrests repeated with the status `E-Charging Document Canceled by ICE`.
    CanceledRepeats,
    /// Stints repeated but for the bond.
    BondRepeats,
    /// Stints repeated with another charge (`r2023`).
    ChargeRepeats,
    /// Stints repeated at another hour of the same day in the same facility.
    DayRepeats,
    /// Arrests a little more than a day after another: two episodes.
    NearMisses,
    /// Identifiers blank at the release's share.
    BlankIds,
    /// Redaction in every spelling; without it, redacted columns are blank.
    Redactions,
    /// Secondary dates in the years 0199 to 8017.
    GarbageDates,
    /// Dates as text.
    TextDates,
    /// Earlier events at 00:00:00, their time unknown.
    Midnight,
    /// Numbers as text.
    TextNumbers,
    /// Charge codes of four digits, the first of them 0.
    LeadingZeros,
    /// Blanks doubled inside a text or left at its end.
    Blanks,
    /// Cities as typed by hand (`r2026aug`).
    TypedCities,
    /// Headers one row above or below their usual row.
    MovedHeader,
    /// The header again, half-way down.
    HeaderAgain,
    /// A blank row and a row of totals at the foot.
    TotalRow,
    /// `<dimension>` that claims more rows or fewer.
    LyingDimension,
    /// Cells that do not say where they are.
    MissingReferences,
    /// Texts inside the cells.
    InlineStrings,
    /// A hidden sheet of notes.
    HiddenSheet,
    /// Events outside the window of the release.
    OutsideWindow,
    /// A detainer of `06/14/0002 03:10 PM`.
    YearTwo,
    /// Landmarks that name no state.
    BareLandmarks,
    /// Landmarks that end in another state's postal code.
    FalseLandmarks,
    /// Codes of facilities that no table has.
    UnlistedCodes,
    /// Arrests of the first fiscal year twice, the second time in place of the second year. Only on request.
    SameContent,
}

/// Every quirk with its name on the command line.
pub const QUIRKS: [(Quirk, &str); 30] = [
    (Quirk::ExactRepeats, "exact-repeats"),
    (Quirk::TimeRepeats, "time-repeats"),
    (Quirk::Reprocessed, "reprocessed"),
    (Quirk::CanceledRepeats, "canceled-repeats"),
    (Quirk::BondRepeats, "bond-repeats"),
    (Quirk::ChargeRepeats, "charge-repeats"),
    (Quirk::DayRepeats, "day-repeats"),
    (Quirk::NearMisses, "near-misses"),
    (Quirk::BlankIds, "blank-ids"),
    (Quirk::Redactions, "redactions"),
    (Quirk::GarbageDates, "garbage-dates"),
    (Quirk::TextDates, "text-dates"),
    (Quirk::Midnight, "midnight"),
    (Quirk::TextNumbers, "text-numbers"),
    (Quirk::LeadingZeros, "leading-zeros"),
    (Quirk::Blanks, "blanks"),
    (Quirk::TypedCities, "typed-cities"),
    (Quirk::MovedHeader, "moved-header"),
    (Quirk::HeaderAgain, "header-again"),
    (Quirk::TotalRow, "total-row"),
    (Quirk::LyingDimension, "lying-dimension"),
    (Quirk::MissingReferences, "missing-references"),
    (Quirk::InlineStrings, "inline-strings"),
    (Quirk::HiddenSheet, "hidden-sheet"),
    (Quirk::OutsideWindow, "outside-window"),
    (Quirk::YearTwo, "year-two"),
    (Quirk::BareLandmarks, "bare-landmarks"),
    (Quirk::FalseLandmarks, "false-landmarks"),
    (Quirk::UnlistedCodes, "unlisted-codes"),
    (Quirk::SameContent, "same-content"),
];

/// How many quirks there are.
pub const COUNT: usize = QUIRKS.len();

impl Quirk {
    /// The name on the command line and in the truth.
    #[must_use]
    pub fn name(self) -> &'static str {
        QUIRKS[self as usize].1
    }
}

impl std::str::FromStr for Quirk {
    type Err = String;

    fn from_str(text: &str) -> Result<Quirk, String> {
        let known = QUIRKS.iter().find(|(_, name)| *name == text);
        known.map(|(quirk, _)| *quirk).ok_or_else(|| {
            let names = QUIRKS.map(|(_, name)| name);
            format!("expected one of {}, found `{text}`", names.join(", "))
        })
    }
}

/// Which quirks are planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirks {
    bits: u32,
}

impl Default for Quirks {
    /// All that are planted unless asked otherwise.
    fn default() -> Quirks {
        let all = QUIRKS.iter().fold(Quirks { bits: 0 }, |quirks, (quirk, _)| quirks.with(*quirk));
        all.without(Quirk::SameContent)
    }
}

impl Quirks {
    /// None.
    #[must_use]
    pub fn none() -> Quirks {
        Quirks { bits: 0 }
    }

    /// These and one more.
    #[must_use]
    pub fn with(self, quirk: Quirk) -> Quirks {
        Quirks { bits: self.bits | 1 << quirk as u32 }
    }

    /// These but one.
    #[must_use]
    pub fn without(self, quirk: Quirk) -> Quirks {
        Quirks { bits: self.bits & !(1 << quirk as u32) }
    }

    /// Whether a quirk is planted.
    #[must_use]
    pub fn has(self, quirk: Quirk) -> bool {
        self.bits & (1 << quirk as u32) != 0
    }
}

/// How often each quirk was planted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    counts: [u64; COUNT],
}

impl Default for Planted {
    fn default() -> Planted {
        Planted { counts: [0; COUNT] }
    }
}

impl Planted {
    /// One more.
    pub fn note(&mut self, quirk: Quirk) {
        self.counts[quirk as usize] += 1;
    }

    /// How many.
    #[must_use]
    pub fn of(&self, quirk: Quirk) -> u64 {
        self.counts[quirk as usize]
    }

    /// Every quirk by name with its number.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        QUIRKS.into_iter().map(|(quirk, name)| (name, self.of(quirk)))
    }

    /// Adds the counts of another part of the release.
    pub fn add(&mut self, other: &Planted) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_at_the_place_of_their_quirk() {
        for (place, (quirk, name)) in QUIRKS.iter().enumerate() {
            assert_eq!(*quirk as usize, place);
            assert_eq!(name.parse::<Quirk>(), Ok(*quirk));
        }
    }

    #[test]
    fn the_same_content_twice_is_only_planted_on_request() {
        assert!(!Quirks::default().has(Quirk::SameContent));
        assert!(Quirks::default().has(Quirk::Blanks));
        assert!(!Quirks::default().without(Quirk::Blanks).has(Quirk::Blanks));
    }
}
