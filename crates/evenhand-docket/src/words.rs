//! The closed word lists of the format. Each is an enum that parses from and prints as its word.

/// A closed list of words.
pub trait Word: Copy + 'static {
    /// Every value, in the order of the format's table.
    const ALL: &'static [Self];
    /// The word as the claim file writes it.
    fn word(self) -> &'static str;
    /// The value that `text` names.
    fn of(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.word() == text)
    }
}

/// Declares enums whose variants each stand for one word.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }
    )+};
}

pub(crate) use words;

words! {
    /// What a claim asserts; decides which tests can carry it (methods/1, section 1).
    ClaimKind {
        /// A number of events or persons.
        Count = "count",
        /// A part of a whole.
        Share = "share",
        /// The place of a unit among others.
        Ranking = "ranking",
        /// A change over a stated window.
        Trend = "trend",
        /// A difference between groups.
        Comparison = "comparison",
        /// An effect of one thing on another.
        Causal = "causal",
        /// If no A, then B.
        Conditional = "conditional",
        /// No X beyond the normal.
        Denial = "denial",
        /// Why somebody did something; never decided by data.
        Intent = "intent",
        /// That something took place.
        Event = "event",
        /// That somebody said something.
        Attribution = "attribution",
    }

    /// How a test is computed.
    TestKind {
        /// Whether a fact stands in a document.
        DocumentCheck = "document_check",
        /// Arithmetic on published numbers.
        Arithmetic = "arithmetic",
        /// A count or share from the record.
        Tabulate = "tabulate",
        /// Rank of a unit.
        Rank = "rank",
        /// Change over a window.
        Trend = "trend",
        /// Two groups compared.
        TwoSample = "two_sample",
        /// Two groups compared after matching.
        Matched = "matched",
        /// An interval from worst cases.
        Bounds = "bounds",
        /// Kitagawa split into mix and within terms.
        Decomposition = "decomposition",
        /// Difference-in-differences family.
        Did = "did",
        /// Effects by time since the event.
        EventStudy = "event_study",
        /// Synthetic-control family.
        Synth = "synth",
        /// Two one-sided tests against a smallest effect of interest.
        Equivalence = "equivalence",
        /// Jail arrests lost against community arrests gained.
        Substitution = "substitution",
        /// Effects on neighbours.
        Spillover = "spillover",
        /// Slope of the outcome on the dose.
        DoseResponse = "dose_response",
        /// Where named operations are placed.
        OperationTargeting = "operation_targeting",
        /// Placebo outcomes, dates and units.
        PlaceboSuite = "placebo_suite",
    }

    /// The estimator behind a test, by its name in methods/1, section 3.
    Estimator {
        /// Poisson pseudo-likelihood without fixed effects.
        Ppml = "ppml",
        /// Poisson pseudo-likelihood with unit and time effects.
        PpmlFe = "ppml_fe",
        /// Poisson imputation (extended two-way fixed effects).
        PoissonImputation = "poisson_imputation",
        /// Callaway and Sant'Anna, doubly robust.
        CsDr = "cs_dr",
        /// Sun and Abraham.
        SunAbraham = "sun_abraham",
        /// Borusyak, Jaravel and Spiess.
        Bjs = "bjs",
        /// Two-way fixed effects, for comparison only.
        Twfe = "twfe",
        /// Synthetic difference-in-differences.
        Sdid = "sdid",
        /// Synthetic control, demeaned.
        Sc = "sc",
        /// Synthetic control, ridge-augmented.
        Ascm = "ascm",
        /// Interrupted time series with a control series.
        Its = "its",
    }

    /// The unit of observation, also the level of a claim's scope.
    Unit {
        /// County or county equivalent.
        County = "county",
        /// County read off an unambiguous landmark; always with bounds.
        LandmarkCounty = "landmark_county",
        /// ICE area of responsibility.
        Aor = "aor",
        /// State.
        State = "state",
        /// Metropolitan area.
        Metro = "metro",
        /// City inside its municipal limits.
        City = "city",
        /// The whole country.
        Nation = "nation",
        /// A document, for claims that data cannot reach.
        Document = "document",
    }

    /// The length of one period.
    Period {
        /// Calendar day.
        Day = "day",
        /// ISO week, Monday to Sunday.
        Week = "week",
        /// Calendar month.
        Month = "month",
        /// Calendar quarter.
        Quarter = "quarter",
        /// Calendar year.
        Year = "year",
        /// Federal fiscal year, from October.
        FiscalYear = "fiscal_year",
        /// The whole scope as one period.
        Cumulative = "cumulative",
        /// The last 90 days of the scope.
        Trailing90d = "trailing_90d",
        /// The days of one named event.
        Event = "event",
    }

    /// How much of a source was read.
    Access {
        /// The whole text.
        ReadFull = "read-full",
        /// A part of it.
        ReadExcerpt = "read-excerpt",
        /// Known from citations only.
        CitedOnly = "cited-only",
    }

    /// How sure a date is.
    Certainty {
        /// The day itself is documented.
        Exact = "exact",
        /// A source of the docket gives the date.
        Sourced = "sourced",
        /// About that day.
        Approximate = "approximate",
        /// Not yet verified.
        Verify = "verify",
    }

    /// How a statement passed from one hop of the chain to the next.
    Relation {
        /// Spoken to the next.
        Said = "said",
        /// Word for word.
        Quoted = "quoted",
        /// Reported as fact.
        Reported = "reported",
        /// In other words.
        Paraphrased = "paraphrased",
        /// Copied whole.
        Rehosted = "rehosted",
        /// A document itself.
        Document = "document",
        /// Asserted without a source.
        Asserted = "asserted",
    }

    /// What a hop did to the statement; from best to worst.
    Fidelity {
        /// Meaning kept.
        Faithful = "faithful",
        /// Says less than its source.
        Narrowed = "narrowed",
        /// Cannot be compared with its source.
        Unknown = "unknown",
        /// Says more than its source.
        Broadened = "broadened",
        /// Says something else than its source.
        Altered = "altered",
    }

    /// The answer to a claim (methods/1, section 12.1).
    Status {
        /// Right in the letter.
        Supported = "supported",
        /// Right within the material interval or in direction, not in the letter.
        MostlySupported = "mostly_supported",
        /// Parts, or reasonable definitions, give determinate and opposite answers.
        Mixed = "mixed",
        /// The evidence offered cannot carry the claim, and nothing determinate contradicts it.
        Unsupported = "unsupported",
        /// The record shows otherwise.
        Contradicted = "contradicted",
        /// Testable in principle, not with these data.
        Inconclusive = "inconclusive",
        /// No data could decide it.
        NotTestable = "not_testable",
    }

    /// What goes with a status (methods/1, section 12.2).
    Modifier {
        /// True as far as it goes; what is left out matters.
        ContextMissing = "context_missing",
        /// Another reasonable definition gives another answer.
        DefinitionDependent = "definition_dependent",
        /// The chain of sources has a weak hop.
        SourceChainWeak = "source_chain_weak",
        /// The claim is about a motive.
        Motive = "motive",
        /// The observable implications are reported instead.
        ImplicationsReported = "implications_reported",
        /// A later verdict replaces this one.
        Superseded = "superseded",
        /// The rule was changed after the data were seen.
        Exploratory = "exploratory",
    }

    /// How sharply an implication tells the claim from its declared rival.
    Discriminates {
        /// The two predict different things.
        Strong = "strong",
        /// Somewhat.
        Weak = "weak",
        /// Both predict the same.
        None = "none",
    }

    /// What passing or failing an implication means (methods/1, section 7.2).
    Role {
        /// Failing hurts the claim, passing adds little.
        Hoop = "hoop",
        /// Passing helps, failing adds little.
        SmokingGun = "smoking_gun",
        /// Weak both ways.
        Straw = "straw",
        /// Evidence of statements, reported apart.
        Documentary = "documentary",
    }

    /// Disclosure profile (methods/1, section 15).
    Disclosure {
        /// For pages and exports.
        Publish = "publish",
        /// For interactive tables.
        Query = "query",
        /// Exact numbers on the analyst's own machine.
        Local = "local",
    }
}

impl TestKind {
    /// Whether the test only describes: outside the confirmatory family (methods/1, section 11).
    #[must_use]
    pub fn is_descriptive(self) -> bool {
        matches!(self, Self::DocumentCheck | Self::Arithmetic | Self::Tabulate | Self::Rank | Self::Bounds)
    }

    /// Whether results are on the `ln_ratio` scale. A `two_sample` test is when its estimand is a ratio,
    /// which [`crate::Test::is_ln_ratio`] reads.
    #[must_use]
    pub fn is_ln_ratio(self) -> bool {
        matches!(
            self,
            Self::Did
                | Self::EventStudy
                | Self::Synth
                | Self::Spillover
                | Self::DoseResponse
                | Self::OperationTargeting
                | Self::Equivalence
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Word + PartialEq + std::fmt::Debug>() {
        for value in T::ALL {
            assert_eq!(T::of(value.word()), Some(*value));
        }
        assert_eq!(T::of("no such word"), None);
    }

    #[test]
    fn every_word_names_one_value() {
        check::<ClaimKind>();
        check::<TestKind>();
        check::<Estimator>();
        check::<Unit>();
        check::<Period>();
        check::<Access>();
        check::<Certainty>();
        check::<Relation>();
        check::<Fidelity>();
        check::<Status>();
        check::<Modifier>();
        check::<Discriminates>();
        check::<Role>();
        check::<Disclosure>();
    }
}
