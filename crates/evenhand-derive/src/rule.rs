use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// One rule of derivation; each is a step of the ledger and can be switched off, or on where it is an alternative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Arrests, detainers, encounters and removals of a person equal in every cell: one is kept.
    ExactRepeats,
    /// Of an episode's arrests equal but for the time the latest is kept.
    ArrestTimeRepeats,
    /// Arrests of a person with gaps of at most 24 hours are one episode.
    ArrestEpisodes,
    /// The state whose postal code ends the landmark.
    StateLandmarkCode,
    /// The state in which nearly all arrests at the landmark are.
    StateLandmarkMajority,
    /// The state in which nearly all arrests of the area are.
    StateAorMajority,
    /// The one state that an episode's other arrests name.
    StateEpisode,
    /// The state of the officer's duty site: the rule of October 2025 to March 2026.
    StateDutySite,
    /// Detainers of a person on the same or consecutive days, of one type at one facility: the first is kept.
    DetainerRepeats,
    /// Detainers of a person prepared on one day: the rule until March 2026.
    DetainerRepeatsSameDay,
    /// Encounters of a person on one day: the first is kept.
    EncounterRepeats,
    /// Removals of a person on one day: the last is kept.
    RemovalRepeats,
    /// Stints equal in everything but the bond: one is kept, with the lowest bond.
    StintBondRepeats,
    /// Stints of one person, facility, day and stay: the last is kept.
    StintDayRepeats,
    /// City, state and county of a facility, by its code.
    FacilityPlaces,
    /// The stay that an arrest led to: booked in from 5 days before to 10 days after it.
    ArrestStays,
    /// The stay that a removal ended: booked out from 10 days before to 1 day after it.
    RemovalStays,
    /// The stay that a removal ended, by an earlier and wider rule.
    RemovalStaysWide,
}

impl Rule {
    /// Every rule, in the order in which they run: that of their numbers.
    pub const ALL: [Rule; 18] = [
        Rule::ExactRepeats,
        Rule::ArrestTimeRepeats,
        Rule::ArrestEpisodes,
        Rule::StateLandmarkCode,
        Rule::StateLandmarkMajority,
        Rule::StateAorMajority,
        Rule::StateEpisode,
        Rule::StateDutySite,
        Rule::DetainerRepeats,
        Rule::DetainerRepeatsSameDay,
        Rule::EncounterRepeats,
        Rule::RemovalRepeats,
        Rule::StintBondRepeats,
        Rule::StintDayRepeats,
        Rule::FacilityPlaces,
        Rule::ArrestStays,
        Rule::RemovalStays,
        Rule::RemovalStaysWide,
    ];

    /// The rule's name in the ledger and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rule::ExactRepeats => "exact-repeats",
            Rule::ArrestEpisodes => "arrest-episodes",
            Rule::ArrestTimeRepeats => "arrest-time-repeats",
            Rule::StateLandmarkCode => "state-landmark-code",
            Rule::StateLandmarkMajority => "state-landmark-majority",
            Rule::StateAorMajority => "state-aor-majority",
            Rule::StateEpisode => "state-episode",
            Rule::StateDutySite => "state-duty-site",
            Rule::DetainerRepeats => "detainer-repeats",
            Rule::DetainerRepeatsSameDay => "detainer-repeats-same-day",
            Rule::EncounterRepeats => "encounter-repeats",
            Rule::RemovalRepeats => "removal-repeats",
            Rule::StintBondRepeats => "stint-bond-repeats",
            Rule::StintDayRepeats => "stint-day-repeats",
            Rule::FacilityPlaces => "facility-places",
            Rule::ArrestStays => "arrest-stays",
            Rule::RemovalStays => "removal-stays",
            Rule::RemovalStaysWide => "removal-stays-wide",
        }
    }

    /// What it does, in a line.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Rule::ExactRepeats => {
                "arrests, detainers, encounters, removals of a person equal in every cell: one is kept"
            }
            Rule::ArrestEpisodes => {
                "arrests of a person with gaps of at most 24 hours are one episode: the first is kept"
            }
            Rule::ArrestTimeRepeats => "of an episode's arrests equal but for the time the latest is kept",
            Rule::StateLandmarkCode => {
                "a blank state is the postal code at the landmark's end, unless its arrests speak against it"
            }
            Rule::StateLandmarkMajority => {
                "a blank state is that of 99% of the arrests at the landmark, if at least 20 name one"
            }
            Rule::StateAorMajority => {
                "a blank state is that of 99% of the arrests of the area, if at least 20 name one"
            }
            Rule::StateEpisode => "a blank state is the one that the episode's other arrests agree on",
            Rule::StateDutySite => {
                "a blank state is that of the duty site (March 2026; it is the officer's office, not the place)"
            }
            Rule::DetainerRepeats => {
                "detainers of a person on the same or consecutive days, one type and facility: the first"
            }
            Rule::DetainerRepeatsSameDay => {
                "detainers of a person prepared on one day, of any type and facility (until March 2026)"
            }
            Rule::EncounterRepeats => "encounters of a person on one day: the first is kept",
            Rule::RemovalRepeats => "removals of a person on one day: the last is kept",
            Rule::StintBondRepeats => {
                "stints equal in everything but the bond: one is kept, with the lowest bond"
            }
            Rule::StintDayRepeats => "stints of one person, facility, day and stay: the last is kept",
            Rule::FacilityPlaces => "city, state and county of stays and detainers by the facility's code",
            Rule::ArrestStays => {
                "the stay that an arrest led to: booked in from 5 days before to 10 days after it"
            }
            Rule::RemovalStays => {
                "the stay that a removal ended: booked out from 10 days before to 1 day after it"
            }
            Rule::RemovalStaysWide => {
                "as removal-stays, from 5 days before to 10 days after, or the stay's own departure (earlier)"
            }
        }
    }

    /// The rules in whose stead this one is applied; with any, it is an older alternative and off unless asked for.
    #[must_use]
    pub fn replaces(self) -> &'static [Rule] {
        match self {
            Rule::StateDutySite => &[
                Rule::StateLandmarkCode,
                Rule::StateLandmarkMajority,
                Rule::StateAorMajority,
                Rule::StateEpisode,
            ],
            Rule::DetainerRepeatsSameDay => &[Rule::DetainerRepeats],
            Rule::RemovalStaysWide => &[Rule::RemovalStays],
            _ => &[],
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(name: &str) -> Result<Rule, String> {
        let names = || Rule::ALL.map(Rule::name).join(", ");
        let found = Rule::ALL.into_iter().find(|rule| rule.name() == name);
        found.ok_or_else(|| format!("no step `{name}`; the steps are {}", names()))
    }
}

/// Which rules are applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Rules switched off: their rows are all kept, or their table is not made.
    pub without: BTreeSet<Rule>,
    /// Alternatives switched on, each in the stead of those that it [replaces](Rule::replaces).
    pub with: BTreeSet<Rule>,
}

impl Rules {
    /// Whether `rule` is applied.
    #[must_use]
    pub fn apply(&self, rule: Rule) -> bool {
        let is_usual = rule.replaces().is_empty();
        let is_replaced = self.with.iter().any(|other| other.replaces().contains(&rule));
        let is_wanted = if is_usual { !is_replaced } else { self.with.contains(&rule) };
        is_wanted && !self.without.contains(&rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alternative_takes_the_place_of_what_it_replaces() {
        let usual = Rules::default();
        assert!(usual.apply(Rule::RemovalStays) && !usual.apply(Rule::RemovalStaysWide));
        let older = Rules { with: [Rule::RemovalStaysWide].into(), ..Rules::default() };
        assert!(!older.apply(Rule::RemovalStays) && older.apply(Rule::RemovalStaysWide));
        assert!(older.apply(Rule::StateEpisode));
    }

    #[test]
    fn every_rule_is_found_by_its_name() {
        assert!(Rule::ALL.into_iter().all(|rule| rule.name().parse() == Ok(rule)));
        assert!(Rule::ALL.into_iter().enumerate().all(|(at, rule)| rule as usize == at));
        assert!("stays".parse::<Rule>().is_err());
    }
}
