//! From an apprehension or encounter landmark to a county, by rules.

use evenhand_vocab::{Aor, CountyFips, PlaceQuality};

use crate::county::{Counties, County};
use crate::gazetteer::Gazetteer;
use crate::place::{Place, Rule};
use crate::state::STATES;
use crate::words::{Word, one_letter_off, squeeze, words};

/// Places a landmark of an area by rules alone, most trusted first:
///
/// 1. a hand decision; 2. an institution of the hand list; 3. a facility of the ICE list; 4. the word COUNTY,
///    CO or PARISH after a name that is unique in the stated state, else in the area, else in the nation;
///    5. the code of an ICE office; 6. an ICE office or team called after a city; 7. a city, where it stands
///    next to a state, or before POLICE, JAIL and the like.
///
/// A text that fits none is unplaced, with its state if it names one.
#[must_use]
pub fn place_landmark(gazetteer: &Gazetteer, aor: Option<Aor>, landmark: &str) -> Place {
    let text = squeeze(landmark);
    if text.is_empty() {
        return Place::unplaced(None, Rule::Blank);
    }
    if let Some(place) = gazetteer.landmark_override(aor, &text) {
        return place;
    }
    let words = words(&text);
    let stated = stated_state(&words);
    let reading = Reading {
        gazetteer,
        aor,
        stated: stated.map(|(state, _)| state),
        state_at: stated.and_then(|(_, at)| at),
        words: &words,
    };
    if let Some(county) = gazetteer.institution(aor, reading.stated, &words) {
        return gazetteer.at(county, PlaceQuality::Exact, Rule::Institution);
    }
    if let Some((county, is_office)) = reading.listed_facility() {
        let quality = if is_office { PlaceQuality::OfficeOnly } else { PlaceQuality::Exact };
        return gazetteer.at(county, quality, Rule::Listed);
    }
    reading.county_word().or_else(|| reading.office_code()).or_else(|| reading.city()).unwrap_or_else(|| {
        let rule = if reading.stated.is_some() { Rule::StateOnly } else { Rule::NoPlace };
        Place::unplaced(reading.stated, rule)
    })
}

/// The state that a landmark names, if it names one.
pub(crate) fn state_named(landmark: &str) -> Option<&'static str> {
    stated_state(&words(landmark)).map(|(state, _)| state)
}

/// One landmark while it is read.
struct Reading<'a> {
    gazetteer: &'a Gazetteer,
    aor: Option<Aor>,
    stated: Option<&'static str>,
    /// The first word of the stated state, where it is written.
    state_at: Option<usize>,
    words: &'a [Word],
}

impl Reading<'_> {
    /// A facility of the ICE list whose name is the text, or the text up to a comma, dash or bracket.
    fn listed_facility(&self) -> Option<(CountyFips, bool)> {
        let start = self.after_programme();
        (start + 2..=self.words.len()).rev().filter(|&end| self.words[end - 1].break_after).find_map(|end| {
            let name = &self.words[start..end];
            name.iter().any(|word| is_institution_word(&word.full)).then_some(())?;
            self.gazetteer.listed(name, |state, _, county| match self.stated {
                Some(stated) => state == stated,
                None => self.gazetteer.is_in(county, self.aor),
            })
        })
    }

    fn county_word(&self) -> Option<Place> {
        let at =
            (0..self.words.len()).find(|&at| self.is_county_word(at) && !self.names_before(at).is_empty())?;
        let proper = |county: &&County| !county.is_independent_city() || county.name == "Carson City";
        let same_name: Vec<&County> = self
            .names_before(at)
            .iter()
            .find_map(|name| {
                let found: Vec<&County> = self.gazetteer.counties.named(name).filter(proper).collect();
                (!found.is_empty()).then_some(found)
            })
            .unwrap_or_default();
        if same_name.is_empty() {
            return self.misspelt_county(at);
        }
        let here: Vec<&County> = match self.stated {
            Some(state) => same_name.iter().copied().filter(|county| county.state == state).collect(),
            None => same_name
                .iter()
                .copied()
                .filter(|county| self.gazetteer.is_in(county.fips, self.aor))
                .collect(),
        };
        match (here.as_slice(), same_name.as_slice()) {
            ([only], _) => Some(self.by_rule(only.fips, Rule::CountyWord)),
            ([], _) if self.stated.is_some() => {
                self.misspelt_county(at).or_else(|| self.city_among(&same_name))
            }
            ([], [only]) => Some(match self.misspelt_county(at) {
                Some(near) => Place::unplaced(near.state, Rule::AmbiguousCounty),
                None => self.by_rule(only.fips, Rule::CountyNation),
            }),
            ([], _) if !self.gazetteer.states_of(self.aor).is_empty() => {
                self.misspelt_county(at).or_else(|| Some(Place::unplaced(None, Rule::NoPlace)))
            }
            ([], _) => Some(Place::unplaced(None, Rule::AmbiguousCounty)),
            _ => self.city_among(&here).or_else(|| Some(Place::unplaced(self.stated, Rule::AmbiguousCounty))),
        }
    }

    /// COUNTY, CO (not the state after a comma) or PARISH.
    fn is_county_word(&self, at: usize) -> bool {
        let word = &self.words[at];
        match word.full.as_str() {
            "COUNTY" | "PARISH" => true,
            "CO" | "COUNTYJAIL" => at > 0 && !word.break_before,
            _ => false,
        }
    }

    /// The keys that the words before (or after `COUNTY OF`) can make, longest first.
    fn names_before(&self, at: usize) -> Vec<String> {
        let join = |words: &[Word]| words.iter().map(|word| word.full.as_str()).collect::<String>();
        if self.words.get(at + 1).is_some_and(|next| next.full == "OF") {
            let after = &self.words[at + 2..];
            return (1..=after.len().min(3)).rev().map(|count| join(&after[..count])).collect();
        }
        (1..=at.min(4)).rev().map(|count| join(&self.words[at - count..at])).collect()
    }

    /// One county of the stated state, else of the area, whose name differs by one letter from a long word.
    fn misspelt_county(&self, at: usize) -> Option<Place> {
        let near: Vec<&County> = self
            .names_before(at)
            .into_iter()
            .rev()
            .take(2)
            .filter(|name| name.len() >= 6)
            .flat_map(|name| {
                let in_reach = move |county: &&County| match self.stated {
                    Some(state) => county.state == state,
                    None => self.gazetteer.is_in(county.fips, self.aor),
                };
                let list = self.gazetteer.counties.list().iter().filter(in_reach);
                list.filter(move |county| one_letter_off(&name, &Counties::key_of(county)))
                    .collect::<Vec<_>>()
            })
            .collect();
        match near.as_slice() {
            [only] if !only.is_independent_city() => Some(self.by_rule(only.fips, Rule::CountyTypo)),
            _ => None,
        }
    }

    /// The candidate county that a city in the text picks out.
    fn city_among(&self, candidates: &[&County]) -> Option<Place> {
        let mut picked = candidates.iter().filter(|county| {
            (0..self.words.len()).any(|at| {
                let text = &self.words[at..];
                text[0].break_before
                    && self.gazetteer.city_at(county.state, text).is_some_and(|(city, count)| {
                        city.county == county.fips && text[count - 1].break_after
                    })
            })
        });
        let first = picked.next()?;
        picked.next().is_none().then(|| self.by_rule(first.fips, Rule::CountyWord))
    }

    /// `AUS GENERAL AREA`, `CAP-YRK GENERAL AREA`, `PRO FUGOPS`: the office of that code.
    fn office_code(&self) -> Option<Place> {
        let at = self.after_programme().min(1);
        let at = if self.gazetteer.office(&self.words.first()?.raw).is_some() { 0 } else { at };
        let county = self.gazetteer.office(&self.words.get(at)?.raw)?;
        let follows = self.words.get(at + 1)?;
        let is_office = matches!(
            follows.raw.as_str(),
            "GENERAL"
                | "GENREAL"
                | "AOR"
                | "FUG"
                | "FUGOPS"
                | "FUGITIVE"
                | "OFFICE"
                | "ICE"
                | "ERO"
                | "CAP"
                | "VCAS"
                | "NON"
                | "STREET"
                | "DISTRICT"
                | "SUB"
                | "PROBATION"
                | "FEDERAL"
                | "NDD"
                | "CRIMINAL"
        );
        is_office.then(|| self.gazetteer.at(county, PlaceQuality::OfficeOnly, Rule::OfficeCode))
    }

    fn city(&self) -> Option<Place> {
        let mut counties = self.cities();
        counties.sort_unstable();
        counties.dedup();
        match counties.as_slice() {
            [] => None,
            [only] if self.is_office() => {
                Some(self.gazetteer.at(*only, PlaceQuality::OfficeOnly, Rule::OfficeCity))
            }
            [only] => Some(self.by_rule(*only, Rule::City)),
            _ => Some(Place::unplaced(self.stated, Rule::AmbiguousCity)),
        }
    }

    /// The counties of the cities that stand where a city can be told from other words.
    fn cities(&self) -> Vec<CountyFips> {
        if let (Some(state), Some(at)) = (self.stated, self.state_at) {
            let next_to_state = (1..=at.min(4)).rev().find_map(|count| {
                let (city, taken) = self.gazetteer.city_at(state, &self.words[at - count..at])?;
                (taken == count).then_some(city.county)
            });
            if let Some(county) = next_to_state {
                return vec![county];
            }
        }
        let states = match &self.stated {
            Some(state) => std::slice::from_ref(state),
            None => self.gazetteer.states_of(self.aor),
        };
        let start = self.after_programme();
        let found = |stands: &dyn Fn(usize) -> bool| -> Vec<CountyFips> {
            (start..self.words.len())
                .filter(|&at| stands(at))
                .flat_map(|at| self.cities_from(states, at))
                .collect()
        };
        let after_a_break =
            found(&|at| at == start || self.words[at].break_before || self.follows_city_of(at));
        if after_a_break.is_empty() { found(&|at| self.stands_by_a_team(at)) } else { after_a_break }
    }

    fn follows_city_of(&self, at: usize) -> bool {
        at >= 2
            && self.words[at - 1].raw == "OF"
            && matches!(self.words[at - 2].raw.as_str(), "CITY" | "TOWNSHIP" | "TOWN")
    }

    /// `FUGITIVE OPERATIONS ALBUQUERQUE`, `SHERMAN DIV PLANO FPO`.
    fn stands_by_a_team(&self, at: usize) -> bool {
        at > 0 && matches!(self.words[at - 1].raw.as_str(), "OPERATIONS" | "OPS" | "ARREST" | "DIV")
    }

    /// The counties of the cities of these states that begin at a word and are followed by what can follow a
    /// city; where one name is longer than another, only the longer counts.
    fn cities_from(&self, states: &[&'static str], at: usize) -> Vec<CountyFips> {
        let text = &self.words[at..];
        let found: Vec<(usize, CountyFips)> = states
            .iter()
            .filter_map(|&state| {
                let (city, count) = self.gazetteer.city_at(state, text)?;
                let is_alone = at == 0 && count == self.words.len();
                let is_here = self.stated.is_some() || self.gazetteer.is_in(city.county, self.aor);
                // `NEW YORK STATE POLICE` is no police of the city.
                let is_state = names_state(&text[..count], state)
                    && text.get(count).is_some_and(|next| next.raw == "STATE");
                let is_told = !is_alone && !is_state && can_follow_a_city(&text[count..], state);
                (is_here && is_told).then_some((count, city.county))
            })
            .collect();
        let longest = found.iter().map(|&(count, _)| count).max();
        found.into_iter().filter(|&(count, _)| Some(count) == longest).map(|(_, county)| county).collect()
    }

    /// The first word after a programme's name, such as `CAP -` or `TAM-`.
    fn after_programme(&self) -> usize {
        self.words
            .iter()
            .take_while(|word| is_programme(&word.raw))
            .count()
            .min(self.words.len().saturating_sub(1))
    }

    /// Whether the text names an ICE office or team rather than a place of arrest.
    fn is_office(&self) -> bool {
        let start = self.after_programme();
        self.words.iter().enumerate().any(|(at, word)| {
            let next = self.words.get(at + 1).map_or("", |next| next.raw.as_str());
            match word.raw.as_str() {
                "FUG" | "FUGOP" | "FUGOPS" | "FUGITIVE" | "ERO" | "ICE" | "DRO" | "AOR" | "NONDETAINED"
                | "INSPECTIONS" | "HOLD" | "HOLDROOM" | "USCIS" | "CIS" | "ISAP" | "TASKFORCE" | "USICE"
                | "ATD" | "REPROCESSED" => true,
                "STREET" => next.starts_with("ARREST") || next == "TEAM",
                "SUB" | "FIELD" => next == "OFFICE",
                "DISTRICT" => next == "OFFICE",
                "NON" => matches!(next, "DETAINED" | "DETAIN" | "CUSTODIAL" | "SPECIFIC"),
                "BORDER" => next == "PATROL",
                "DETENTION" => next == "AND",
                "WALK" | "WALKINS" | "SURRENDER" => true,
                "ALTERNATIVES" | "ALTERNATIVE" => next == "TO",
                "SECURE" => next == "COMMUNITIES",
                "CAP" | "VCAS" | "JCART" => at >= start.max(1),
                _ => false,
            }
        })
    }

    fn by_rule(&self, county: CountyFips, rule: Rule) -> Place {
        self.gazetteer.at(county, PlaceQuality::Rule, rule)
    }
}

/// The state that the text states, and the word where it starts: a name or postal code after a comma or dash,
/// at the end, before STATE, or after COUNTY or DIST. The Chicago
/// office marks its landmarks in Wisconsin, and no others, with a letter from A to D in front.
fn stated_state(text: &[Word]) -> Option<(&'static str, Option<usize>)> {
    let written = (0..text.len()).rev().find_map(|at| {
        STATES
            .iter()
            .filter_map(|(postal, _, name)| {
                let names = [vec![*postal], name.split(' ').collect::<Vec<_>>()];
                names
                    .into_iter()
                    .filter_map(|name| state_from(text, at, &name).then_some((name.len(), *postal)))
                    .max()
            })
            .max()
            .map(|(_, postal)| (postal, Some(at)))
    });
    // `WEST VIRGINIA` also ends in `VIRGINIA`.
    let written = match written {
        Some(("VA", Some(at))) if at > 0 && text[at - 1].raw == "WEST" => Some(("WV", Some(at - 1))),
        other => other,
    };
    let lettered = text.first().is_some_and(|first| {
        matches!(first.raw.as_str(), "A" | "B" | "C" | "D") && first.break_after && text.len() > 1
    });
    written.or_else(|| lettered.then_some(("WI", None)))
}

/// Whether the words begin with the state's postal code or name.
fn names_state(text: &[Word], state: &str) -> bool {
    STATES.iter().filter(|(postal, _, _)| *postal == state).any(|(postal, _, name)| {
        let is = |name: &[&str]| {
            text.len() >= name.len()
                && text.iter().zip(name).all(|(word, name)| word.raw.eq_ignore_ascii_case(name))
        };
        is(&[postal]) || is(&name.split(' ').collect::<Vec<_>>())
    })
}

fn state_from(text: &[Word], at: usize, name: &[&str]) -> bool {
    let end = at + name.len();
    let matches = end <= text.len()
        && text[at..end].iter().zip(name).all(|(word, name)| word.raw.eq_ignore_ascii_case(name));
    if !matches {
        return false;
    }
    let next = text.get(end).map_or("", |word| word.full.as_str());
    if at == 0 {
        return name[0].len() > 2
            && matches!(next, "DEPARTMENT" | "PROBATION" | "PAROLE" | "STATE" | "DOC" | "ADULT");
    }
    if matches!(next, "COUNTY" | "CO" | "CITY" | "BEACH" | "PARISH") {
        return false;
    }
    // `JOHNSON COUNTY KANSAS AREA`, `N DIST TX DALLAS DIV`.
    if matches!(text[at - 1].full.as_str(), "COUNTY" | "CO" | "PARISH" | "DIST") {
        return true;
    }
    let is_last = end == text.len();
    let is_apart = text[at].break_before && (text[end - 1].break_after || follows_a_state(next));
    let is_word_too = matches!(name, ["CO" | "IN" | "OR" | "ME" | "OK" | "HI" | "DE" | "LA"]);
    is_apart || (next == "STATE" && !is_word_too) || (is_last && !is_word_too)
}

fn follows_a_state(word: &str) -> bool {
    matches!(
        word,
        "STATE"
            | "POLICE"
            | "DOC"
            | "GENERAL"
            | "AREA"
            | "PROBATION"
            | "PAROLE"
            | "FEDERAL"
            | "PORT"
            | "FUGITIVE"
            | "SUB"
            | "ICE"
            | "ERO"
            | "DISTRICT"
    )
}

/// Nothing, a break, a word such as POLICE, a part of the city at the end, or the city's state.
fn can_follow_a_city(rest: &[Word], state: &str) -> bool {
    rest.first().is_none_or(|next| next.break_before || follows_a_city(&next.full))
        || (rest.len() == 1
            && matches!(rest[0].raw.as_str(), "NORTH" | "SOUTH" | "EAST" | "WEST" | "NORTHWEST" | "INTAKE"))
        || names_state(rest, state)
}

fn follows_a_city(word: &str) -> bool {
    matches!(
        word,
        "POLICE"
            | "POLIC"
            | "CITY"
            | "CITYPOLICE"
            | "TOWN"
            | "TOWNSHIP"
            | "VILLAGE"
            | "BOROUGH"
            | "BOROUGHS"
            | "DISTRICT"
            | "MUNICIPAL"
            | "SUPERIOR"
            | "SUPERIO"
            | "PROBATION"
            | "PAROLE"
            | "JAIL"
            | "JUDICIAL"
            | "FUG"
            | "FUGITIVE"
            | "FUGOPS"
            | "SUB"
            | "ICE"
            | "ERO"
            | "NON"
            | "CAP"
            | "VCAS"
            | "STREET"
            | "GENERAL"
            | "AREA"
            | "OFFICE"
            | "FIELD"
            | "DRC"
            | "SHERIFF"
            | "DEPARTMENT"
            | "BARRACKS"
            | "FPO"
            | "FEDRAL"
            | "PORT"
            | "DETENTION"
            | "INSPECTIONS"
            | "US"
            | "UNITED"
            | "DRUG"
            | "METRO"
            | "JCART"
            | "LOCKUP"
            | "FELONY"
            | "COURT"
            | "TEAM"
            | "BORDER"
            | "STATE"
            | "MAGISTRATE"
            | "JUVENILE"
    )
}

fn is_institution_word(word: &str) -> bool {
    matches!(
        word,
        "JAIL"
            | "PRISON"
            | "DETENTION"
            | "CORRECTIONAL"
            | "CENTER"
            | "FACILITY"
            | "POLICE"
            | "SHERIFF"
            | "HOLD"
            | "PENITENTIARY"
            | "FCI"
            | "USP"
            | "FDC"
            | "FMC"
            | "HOSPITAL"
            | "INSTITUTION"
            | "UNIT"
            | "CAMP"
            | "COUNTY"
            | "ADC"
            | "CI"
            | "SPC"
            | "MCC"
    )
}

fn is_programme(word: &str) -> bool {
    word.len() == 1
        || matches!(
            word,
            "CAP"
                | "VCAS"
                | "LEAR"
                | "JCART"
                | "TAM"
                | "ORL"
                | "JAC"
                | "FTM"
                | "TAL"
                | "SBI"
                | "DOC"
                | "287"
                | "287G"
                | "KDOC"
                | "WI"
                | "USM"
                | "USMS"
                | "USBOP"
                | "BOP"
                | "MARSHAL"
                | "MARSHALS"
                | "MDEA"
                | "DEA"
                | "MIA"
                | "FUGOPS"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(state_named(&squeeze(text)), expected, "{text}");
    }

    #[test]
    fn a_state_is_stated_after_a_comma_at_the_end_or_before_state() {
        check("AIKEN COUNTY, SC", Some("SC"));
        check("DANBURY, CT POLICE DEPARTMENT", Some("CT"));
        check("FUGITIVE OPERATIONS MA", Some("MA"));
        check("CAP - PELHAM CITY JAIL, AL STATE", Some("AL"));
        check("PLATTE COUNTY WYOMING", Some("WY"));
        check("N DIST TX DALLAS DIV ELLIS CO PROBATION", Some("TX"));
        check("CAP-EASTERN REGIONAL JAIL - WEST VIRGINIA WV STATE", Some("WV"));
        check("JAIL, WEST VIRGINIA", Some("WV"));
        check("A - WALWORTH COUNTY JAIL", Some("WI"));
        check("TEXAS DEPT OF CRIMINAL JUSTICE, WALKER CO", Some("TX"));
    }

    #[test]
    fn words_that_look_like_a_state_are_not_one() {
        check("WASHINGTON COUNTY JAIL", None);
        check("CAP - LA PAZ POLICE DEPARTMENT", None);
        check("NON-DETAINED UNIT CIS WALK IN", None);
        check("KANSAS CITY POLICE DEPARTMENT", None);
        check("TRAVIS CO", None);
        check("VIRGINIA BEACH CITY JAIL", None);
    }
}
