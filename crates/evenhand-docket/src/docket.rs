//! A docket: the claims and everything that they refer to.

use crate::words::{Access, Certainty, Disclosure, Unit};
use crate::{Claim, Date, Geo};

/// One claim file, loaded and checked: every reference in it resolves.
#[derive(Debug, Clone, PartialEq)]
pub struct Docket {
    /// Short name, safe in a path.
    pub id: String,
    /// What the docket asks, for a heading.
    pub title: String,
    /// BCP 47 tag of the claims' language.
    pub language: String,
    /// Day of writing.
    pub created: Date,
    /// Whether the authors declare the rules fixed; the proof is the [`crate::Lock`].
    pub locked: bool,
    /// SHA-256 of the text that the claims were taken from, in hex.
    pub seed_sha256: Option<String>,
    /// Version of the methods that the rules were written for.
    pub methods: String,
    /// Disclosure profile of results.
    pub disclosure: Disclosure,
    /// Level of each test, between 0 and 1.
    pub alpha: f64,
    /// Smallest effects of interest.
    pub sesoi: Sesoi,
    /// Claims whose main test enters the family over which q-values are computed, sorted.
    pub family_primary: Vec<String>,
    /// In file order, as are all lists below.
    pub sources: Vec<Source>,
    /// Bodies of data that tests use.
    pub datasets: Vec<Dataset>,
    /// What can be counted.
    pub measures: Vec<Measure>,
    /// Options of the multiverse's axes.
    pub definitions: Vec<Definition>,
    /// Dated facts that treatments refer to.
    pub events: Vec<Event>,
    /// The claims.
    pub claims: Vec<Claim>,
}

impl Docket {
    /// The claim with this id.
    #[must_use]
    pub fn claim(&self, id: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }

    /// The source with this id.
    #[must_use]
    pub fn source(&self, id: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.id == id)
    }

    /// The dataset with this id.
    #[must_use]
    pub fn dataset(&self, id: &str) -> Option<&Dataset> {
        self.datasets.iter().find(|dataset| dataset.id == id)
    }

    /// The measure with this id.
    #[must_use]
    pub fn measure(&self, id: &str) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.id == id)
    }

    /// The definition with this id.
    #[must_use]
    pub fn definition(&self, id: &str) -> Option<&Definition> {
        self.definitions.iter().find(|definition| definition.id == id)
    }

    /// The event with this id.
    #[must_use]
    pub fn event(&self, id: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.id == id)
    }
}

/// Smallest effects of interest: what is smaller makes no difference to the claims.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sesoi {
    /// For rates, as a natural logarithm of a ratio.
    pub log_ratio: f64,
    /// For shares, in percentage points.
    pub share_pp: f64,
}

/// Where something was said or published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Unique among sources.
    pub id: String,
    /// Sort of document, such as `news_article` or `official_report`.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Who published it.
    pub publisher: String,
    /// Where it was read.
    pub url: String,
    /// How much of it was read.
    pub access: Access,
    /// Day of publication.
    pub published: Option<Date>,
    /// How sure that day is; `Exact` when the file does not say.
    pub date_certainty: Certainty,
    /// A lasting copy.
    pub archived_url: Option<String>,
    /// SHA-256 of the copy that was read, in hex.
    pub sha256: Option<String>,
}

/// A body of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Unique among datasets.
    pub id: String,
    /// What it holds.
    pub title: String,
    /// First and last day that it covers.
    pub coverage: (Date, Date),
    /// Whether rows of one person can be linked inside it.
    pub linkable: bool,
    /// What its places are.
    pub geography: String,
    /// What it cannot show.
    pub limits: Vec<String>,
    /// Where it lives: an address, or `docket:source` for documents held with the docket.
    pub home: String,
    /// SHA-256 of the data, in hex.
    pub sha256: Option<String>,
}

impl Dataset {
    /// Whether it is the docket's own documents rather than records. A figure taken from it is one that the
    /// press or an agency printed.
    #[must_use]
    pub fn is_documents(&self) -> bool {
        self.home == "docket:source"
    }
}

/// Something that can be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Unique among measures.
    pub id: String,
    /// What is counted, by which date.
    pub what: String,
    /// Datasets that hold it.
    pub datasets: Vec<String>,
    /// Units at which it exists.
    pub units: Vec<Unit>,
}

/// One option on one axis of the multiverse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// `axis.option`, unique among definitions.
    pub id: String,
    /// The rule in words. It is read by people, not by the rule language.
    pub rule: String,
    /// Whether it is the axis's default.
    pub default: bool,
}

impl Definition {
    /// The part of the id before the first dot.
    ///
    /// ```
    /// # use evenhand_docket::Definition;
    /// let narrow = Definition { id: "atlarge.narrow".into(), rule: String::new(), default: false };
    /// assert_eq!((narrow.axis(), narrow.option()), ("atlarge", "narrow"));
    /// ```
    #[must_use]
    pub fn axis(&self) -> &str {
        self.id.split_once('.').map_or(self.id.as_str(), |(axis, _)| axis)
    }

    /// The part of the id after the first dot.
    #[must_use]
    pub fn option(&self) -> &str {
        self.id.split_once('.').map_or("", |(_, option)| option)
    }
}

/// A dated fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unique among events.
    pub id: String,
    /// What happened.
    pub what: String,
    /// First day.
    pub date: Date,
    /// Last day, when it took more than one.
    pub end: Option<Date>,
    /// How sure the date is.
    pub certainty: Certainty,
    /// Where.
    pub geo: Vec<Geo>,
    /// The source of the date.
    pub source: Option<String>,
}
