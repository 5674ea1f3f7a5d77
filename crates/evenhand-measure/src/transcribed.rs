use crate::{Error, ErrorKind};
use serde::Deserialize;

/// A figure transcribed from a public page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Unique name, `pew-2014/city/denver`.
    pub id: String,
    /// Measure of the docket, or the plain count that it is (`arrests`, `without_conviction`).
    pub measure: String,
    /// The set that it belongs to: `city-2014`, `metro-2014`, `nation`, `ddor-2017-01-28`.
    pub set: String,
    /// Place as published, or a county code.
    pub place: String,
    /// Year or period.
    pub period: String,
    /// The figure; `None` where the item is known to exist but was not seen.
    pub value: Option<f64>,
    /// Lower end of its rounding interval, or logical bound.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
    /// The words that it was read from.
    pub quoted: String,
    /// Source of the docket, a URL, or `derived`.
    pub source: String,
    /// What a reader must know.
    #[serde(default)]
    pub note: String,
}

/// What a document says, as read by a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Docket.
    pub docket: String,
    /// Claim.
    pub claim: String,
    /// Test of the claim.
    pub test: String,
    /// Source read.
    pub document: String,
    /// The answer.
    pub answer: Answer,
    /// What was read, in our words.
    pub basis: String,
    /// Source of the answer.
    pub source: String,
    /// How much of it was read.
    pub access: String,
}

/// Answer to a document test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// The fact is there, or is not.
    Found(bool),
    /// How many were found.
    Count(f64),
    /// The number that the document gives.
    Value(f64),
    /// The text that would decide is not held.
    NotHeld,
}

/// A dated event that charts mark.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// First day, ISO 8601.
    pub start: String,
    /// Last day of a span.
    pub end: Option<String>,
    /// Label.
    pub label: String,
    /// `policy`, `federal` or `operation`.
    pub kind: String,
    /// Place code.
    pub geo: String,
    /// Source.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishedFile {
    #[expect(dead_code, reason = "its presence is checked by the parse")]
    schema: String,
    published: Vec<Published>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventFile {
    #[expect(dead_code, reason = "its presence is checked by the parse")]
    schema: String,
    event: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadingFile {
    #[expect(dead_code, reason = "its presence is checked by the parse")]
    schema: String,
    docket: String,
    reading: Vec<ReadingRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadingRow {
    claim: String,
    test: String,
    document: String,
    found: Option<bool>,
    count: Option<f64>,
    value: Option<f64>,
    not_held: Option<bool>,
    basis: String,
    source: String,
    access: String,
}

/// Names and texts of the transcribed files, for their digests.
pub(crate) const FILES: [(&str, &str); 3] = [
    ("published", include_str!("../../../data/transcribed/published.toml")),
    ("readings", include_str!("../../../data/transcribed/readings.toml")),
    ("events", include_str!("../../../data/transcribed/events.toml")),
];

/// Everything transcribed.
pub(crate) struct Transcribed {
    pub published: Vec<Published>,
    pub readings: Vec<Reading>,
    pub events: Vec<Event>,
}

impl Transcribed {
    pub(crate) fn read() -> Result<Self, Error> {
        let [published, readings, events] = FILES;
        let published = parse::<PublishedFile>(published)?.published;
        let readings = parse::<ReadingFile>(readings)?;
        let events = parse::<EventFile>(events)?.event;
        let docket = readings.docket;
        let readings =
            readings.reading.into_iter().map(|row| row.reading(&docket)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { published, readings, events })
    }
}

impl ReadingRow {
    fn reading(self, docket: &str) -> Result<Reading, Error> {
        let answer = match (self.found, self.count, self.value, self.not_held) {
            (Some(found), None, None, None) => Answer::Found(found),
            (None, Some(count), None, None) => Answer::Count(count),
            (None, None, Some(value), None) => Answer::Value(value),
            (None, None, None, Some(true)) => Answer::NotHeld,
            _ => {
                let message = format!("reading of {}.{}: expected exactly one answer", self.claim, self.test);
                return Err(Error::new(ErrorKind::Transcribed, message));
            }
        };
        Ok(Reading {
            docket: docket.to_owned(),
            claim: self.claim,
            test: self.test,
            document: self.document,
            answer,
            basis: self.basis,
            source: self.source,
            access: self.access,
        })
    }
}

fn parse<T: serde::de::DeserializeOwned>((name, text): (&str, &str)) -> Result<T, Error> {
    toml::from_str(text)
        .map_err(|error| Error::new(ErrorKind::Transcribed, format!("transcribed file `{name}`: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_transcribed_figure_lies_in_its_interval_and_has_a_source() {
        let all = Transcribed::read().unwrap();
        let mut ids = BTreeSet::new();
        for figure in &all.published {
            assert!(ids.insert(&figure.id), "{} twice", figure.id);
            assert!(figure.lo <= figure.hi && !figure.source.is_empty(), "{}", figure.id);
            if let Some(value) = figure.value {
                assert!(figure.lo <= value && value <= figure.hi, "{}", figure.id);
            }
        }
        assert!(all.readings.iter().all(|reading| !reading.basis.is_empty()));
        assert!(all.events.iter().all(|event| event.start.parse::<evenhand_vocab::Date>().is_ok()));
    }
}
