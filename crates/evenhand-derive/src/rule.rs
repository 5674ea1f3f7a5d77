use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// One rule of derivation; each is a step of the ledger and can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Arrests of a person with gaps of at most 24 hours are one episode; its first row is kept.
    ArrestEpisodes,
    /// Detainers of a person on the same or consecutive days, of one type at one facility: the first is kept.
    DetainerRepeats,
    /// Encounters of a person on one day: the first is kept.
    EncounterRepeats,
    /// Removals of a person on one day: the last is kept.
    RemovalRepeats,
    /// Stints equal in everything but the bond: one is kept, with the lowest bond.
    StintBondRepeats,
    /// Stints of one person, facility, day and stay: the last is kept.
    StintDayRepeats,
    /// The stay that an arrest led to: booked in from 5 days before to 10 days after it.
    ArrestStays,
    /// The stay that a removal ended: booked out from 10 days before to 1 day after it.
    RemovalStays,
}

impl Rule {
    /// Every rule, in the order in which they run.
    pub const ALL: [Rule; 8] = [
        Rule::ArrestEpisodes,
        Rule::DetainerRepeats,
        Rule::EncounterRepeats,
        Rule::RemovalRepeats,
        Rule::StintBondRepeats,
        Rule::StintDayRepeats,
        Rule::ArrestStays,
        Rule::RemovalStays,
    ];

    /// The rule's name in the ledger and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rule::ArrestEpisodes => "arrest-episodes",
            Rule::DetainerRepeats => "detainer-repeats",
            Rule::EncounterRepeats => "encounter-repeats",
            Rule::RemovalRepeats => "removal-repeats",
            Rule::StintBondRepeats => "stint-bond-repeats",
            Rule::StintDayRepeats => "stint-day-repeats",
            Rule::ArrestStays => "arrest-stays",
            Rule::RemovalStays => "removal-stays",
        }
    }
}

impl Rule {
    /// What it does, in a line.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Rule::ArrestEpisodes => {
                "arrests of a person with gaps of at most 24 hours are one episode: the first is kept"
            }
            Rule::DetainerRepeats => {
                "detainers of a person on the same or consecutive days, one type and facility: the first"
            }
            Rule::EncounterRepeats => "encounters of a person on one day: the first is kept",
            Rule::RemovalRepeats => "removals of a person on one day: the last is kept",
            Rule::StintBondRepeats => {
                "stints equal in everything but the bond: one is kept, with the lowest bond"
            }
            Rule::StintDayRepeats => "stints of one person, facility, day and stay: the last is kept",
            Rule::ArrestStays => {
                "the stay that an arrest led to: booked in from 5 days before to 10 days after it"
            }
            Rule::RemovalStays => {
                "the stay that a removal ended: booked out from 10 days before to 1 day after it"
            }
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
}

impl Rules {
    /// Whether `rule` is applied.
    #[must_use]
    pub fn apply(&self, rule: Rule) -> bool {
        !self.without.contains(&rule)
    }
}
