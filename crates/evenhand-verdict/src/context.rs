use evenhand_docket::{Claim, Docket, Geo, Test};
use evenhand_measure::{CountyCounts, Figures, Outcome, Published, Served};
use evenhand_vocab::{CountyFips, Date};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What every test may look at.
pub struct Context<'a> {
    /// The docket.
    pub docket: &'a Docket,
    /// Figures of the record, transcribed ones included.
    pub figures: &'a Figures,
    /// Seed of every random procedure.
    pub seed: u64,
    /// Counts by county, made once: several tests of a docket read the same ones.
    counties: Mutex<BTreeMap<String, Arc<CountyCounts>>>,
}

impl<'a> Context<'a> {
    /// A context for one check.
    #[must_use]
    pub fn new(docket: &'a Docket, figures: &'a Figures, seed: u64) -> Self {
        Self { docket, figures, seed, counties: Mutex::default() }
    }

    /// Arrests of a release by county and month.
    ///
    /// # Errors
    /// As [`Figures::arrests_by_county`].
    pub fn by_county(
        &self,
        release: &str,
        outcome: Outcome,
    ) -> Result<Arc<CountyCounts>, evenhand_measure::Error> {
        let mut made = self.counties.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{release} {outcome:?}");
        if let Some(counts) = made.get(&key) {
            return Ok(Arc::clone(counts));
        }
        let counts = Arc::new(self.figures.arrests_by_county(release, outcome)?);
        made.insert(key, Arc::clone(&counts));
        Ok(counts)
    }

    /// The published figure `what` about `place` in `set`: `ddor-2017-01-28`, `48453`, `declined`.
    #[must_use]
    pub fn published(&self, set: &str, place: &str, what: &str) -> Option<&'a Published> {
        let ends = format!("/{what}");
        self.figures
            .published()
            .iter()
            .find(|figure| figure.set == set && figure.place == place && figure.id.ends_with(&ends))
    }

    /// Published figures of a set, in the order of the transcription.
    pub fn set(&self, set: &'a str) -> impl Iterator<Item = &'a Published> {
        self.figures.published().iter().filter(move |figure| figure.set == set)
    }

    /// What a test lacks of its data, if anything: completes "not run: ...".
    #[must_use]
    pub fn lacks(&self, test: &Test) -> Option<String> {
        let datasets = [test.dataset.as_deref(), test.partner_dataset.as_deref()];
        let missing: Vec<String> = datasets
            .into_iter()
            .flatten()
            .filter_map(|dataset| match self.figures.serve(dataset) {
                Served::NotHeld { needs } => Some(needs),
                Served::Release { .. } | Served::Transcribed { .. } => None,
            })
            .collect();
        let named = crate::wording::list(&missing);
        (!missing.is_empty()).then(|| format!("needs {named}, which this record does not hold"))
    }

    /// The release that serves a test.
    #[must_use]
    pub fn release(&self, test: &Test) -> Option<Held> {
        match self.figures.serve(test.dataset.as_deref()?) {
            Served::Release { id, title, start, end, differs } => {
                Some(Held { id, title, start, end, differs })
            }
            Served::Transcribed { .. } | Served::NotHeld { .. } => None,
        }
    }

    /// Title of a source as `publisher, title`; the text itself where the docket has no such source.
    #[must_use]
    pub fn source(&self, id: &str) -> String {
        match self.docket.source(id) {
            Some(source) => format!("{}, \"{}\"", source.publisher, source.title.replace('"', "'")),
            None => id.to_owned(),
        }
    }
}

/// A release that serves a test.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its identifier.
    pub id: String,
    /// What it is.
    pub title: String,
    /// First day.
    pub start: Date,
    /// Last day.
    pub end: Date,
    /// How it differs from what the docket names.
    pub differs: Option<String>,
}

/// The county code in a text or, failing that, in the claim's scope.
#[must_use]
pub fn county_of(claim: &Claim, text: &str) -> Option<CountyFips> {
    let in_text = text
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|word| word.len() == 5)
        .find_map(|word| word.parse().ok());
    in_text.or_else(|| {
        claim.scope.geo.iter().find_map(|geo| match geo {
            Geo::County(county) => Some(*county),
            _ => None,
        })
    })
}
