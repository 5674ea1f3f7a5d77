/// What ICE recorded of a detainer, read off its lift reason.
///
/// `declined` means *recorded by ICE as declined by the agency*: agencies generally do not tell ICE, so a
/// detainer without a lift reason is `NotRecorded`, never "honored".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DetainerOutcome {
    /// `Booked into Detention`.
    BookedIn,
    /// `Detainer Declined by LEA`.
    Declined,
    /// Lifted or ended for any other recorded reason.
    OtherReason,
    /// No lift reason in the release.
    NotRecorded,
}

impl DetainerOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::BookedIn, Self::Declined, Self::OtherReason, Self::NotRecorded];

    /// The outcome behind a lift reason as released.
    ///
    /// ```
    /// use evenhand_vocab::DetainerOutcome;
    /// assert_eq!(DetainerOutcome::of("Detainer Declined by LEA"), DetainerOutcome::Declined);
    /// assert_eq!(DetainerOutcome::of(" "), DetainerOutcome::NotRecorded);
    /// ```
    #[must_use]
    pub fn of(lift_reason: &str) -> Self {
        let squeezed = lift_reason.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        match squeezed.as_str() {
            "" => Self::NotRecorded,
            "booked into detention" => Self::BookedIn,
            reason if reason.contains("declined by lea") => Self::Declined,
            _ => Self::OtherReason,
        }
    }

    /// The word for it in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::BookedIn => "booked_in",
            Self::Declined => "declined",
            Self::OtherReason => "other_reason",
            Self::NotRecorded => "not_recorded",
        }
    }
}
