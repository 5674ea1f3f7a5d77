//! Known traps: a closed list of codes with a sentence each.

/// A known trap, such as `geo.metro_vs_city`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pitfall(String);

/// Codes with their meaning, sorted by code.
const PITFALLS: [(&str, &str); 77] = [
    ("agreement_vs_activity", "an agreement on paper is not activity under it"),
    ("anticipation", "people may act between the announcement of a policy and its effect"),
    ("arrests_vs_detained", "people arrested in a period are not the people detained on a day"),
    ("base_rate", "a share means little without the same share of everybody"),
    ("cbp_arrests_excluded", "the record holds arrests by ICE, not those by border agents"),
    ("censoring.recent", "recent months are incomplete and outcomes have not had time to happen"),
    ("chain.attribution", "the text gives the statement to somebody else"),
    ("charges_vs_persons", "one person can have several charges"),
    ("claim.versions", "the claim exists in versions with different numbers"),
    ("collateral_unrecorded", "who was not a target is recorded only in recent releases"),
    ("coverage.ucr", "not every agency reports crime counts in every year"),
    ("cross_section_as_cause", "a difference between places at one time is not an effect"),
    ("cross_section_as_trend", "one moment cannot show a change"),
    ("date.record_vs_event", "the day of recording is not the day of the event"),
    ("definition.atlarge", "the answer depends on which methods count as arrests at large"),
    ("definition.criminal", "the answer depends on whom the word criminal includes"),
    ("definition.sanctuary", "the answer depends on which places count as sanctuaries"),
    ("denominator.mixed", "numerator and denominator come from different places or populations"),
    ("detection", "ICE records only what it learns of"),
    ("duplicates", "one event can stand in several rows"),
    ("ecological", "what holds between places need not hold between people"),
    ("effort_not_arrests", "the claim is about effort, the record counts arrests"),
    ("equivalence", "no evidence of an effect is not evidence of no effect"),
    ("event.declined_vs_released", "declining a detainer is not a release"),
    ("geo.landmark", "a landmark in the record is not the place of the arrest"),
    ("geo.metro_vs_city", "a metropolitan area is not the city it is named after"),
    ("geo.missing", "many rows cannot be placed"),
    ("goal_vs_outcome", "a goal is not what happened"),
    ("margin_of_error", "the published estimates have margins wider than the difference"),
    ("matching.unobserved", "matched places can still differ in what was not measured"),
    ("motive.unidentified", "no count can show a motive"),
    ("multiple_agencies_one_person", "several agencies can report the same person"),
    ("national_surge", "enforcement rose everywhere at the same time"),
    ("no_record_is_not_untargeted", "a person without a record may still have been a target"),
    ("not_statistical", "the claim is not about anything that is counted"),
    ("number.hedge", "the number is hedged and can be read more than one way"),
    ("one_week", "one week is not a pattern"),
    ("operation.definition", "what belongs to an operation is a matter of definition"),
    ("opinion_core", "the core of the claim is an opinion"),
    ("peak_vs_average", "the highest period is not the average one"),
    ("pending_vs_convicted", "a pending charge is not a conviction"),
    ("post_hoc", "later conduct is read back into an earlier plan"),
    ("rate_vs_count", "a high count in a large place can be a low rate"),
    ("regime.priorities", "enforcement priorities changed inside the window"),
    ("relabelling", "a programme can rename arrests without adding any"),
    ("release_break", "the series crosses from one release to another"),
    ("report.corrected", "the report was corrected after publication"),
    ("report.suspended", "the report was suspended"),
    ("rtm", "what is chosen for being extreme tends to be less so next time"),
    ("selection.policy", "places that adopt a policy differ from those that do not"),
    ("small_n", "few events, so large effects can go unseen"),
    ("source.anonymous", "the source is not named"),
    ("source.hearsay", "the source repeats what others said"),
    ("source_says_otherwise", "the cited source says something else"),
    ("spillover.aor", "agents move within an area, so neighbours are not untouched"),
    ("staggered", "places adopted the policy at different times"),
    ("state_mandates", "state law, not the county, made the choice"),
    ("status.detainer_not_adjudication", "a detainer is a request, not a finding about status"),
    ("substitution", "arrests may move from jails to the community rather than rise"),
    ("unit.detainer_vs_person", "detainers are not persons"),
    ("universal_quantifier", "the claim says any or all"),
    ("window", "the answer depends on the days compared"),
    ("window.peak_week", "the window is chosen around a peak"),
    // Families: any code below them is known, with the family's meaning.
    ("chain.*", "the chain of sources changed the statement"),
    ("date.*", "dates of different types are mixed"),
    ("definition.*", "the answer depends on a definition"),
    ("denominator.*", "the denominator does not fit"),
    ("event.*", "one event is taken for another"),
    ("geo.*", "places of different types are mixed"),
    ("number.*", "the number can be read more than one way"),
    ("source.*", "the source is weak"),
    ("spillover.*", "neighbours are not untouched"),
    ("status.*", "legal status is read off a record that does not hold it"),
    ("unit.*", "one unit of counting is taken for another"),
    ("window.*", "the answer depends on the days compared"),
    ("claim.*", "the claim itself changed"),
    ("coverage.*", "the data do not cover everything"),
];

impl Pitfall {
    /// The pitfall with this code: one of the list, or `family.anything` of a listed family.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        meaning(code).map(|_| Self(code.to_owned()))
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0
    }

    /// What the trap is, in plain words, lower case, without a full stop.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        meaning(&self.0).unwrap_or_default()
    }

    /// Every listed code, families as `family.*`.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        PITFALLS.iter().map(|(code, _)| *code)
    }
}

impl std::fmt::Display for Pitfall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn meaning(code: &str) -> Option<&'static str> {
    let listed =
        |wanted: &str| PITFALLS.iter().find(|(known, _)| *known == wanted).map(|(_, meaning)| *meaning);
    let member = |(family, rest): (&str, &str)| {
        let plain = !rest.is_empty()
            && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        plain.then(|| listed(&format!("{family}.*"))).flatten()
    };
    listed(code).filter(|_| !code.ends_with('*')).or_else(|| code.split_once('.').and_then(member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_closed_but_its_families_are_open() {
        assert_eq!(Pitfall::of("geo.metro_vs_city").map(|p| p.meaning()), meaning("geo.metro_vs_city"));
        assert_eq!(Pitfall::of("geo.island").map(|p| p.meaning()), meaning("geo.anything"));
        for unknown in ["", "bias", "geo", "geo.", "geo.*", "geo.Two Words", "motive.known"] {
            assert_eq!(Pitfall::of(unknown), None, "{unknown}");
        }
    }
}
