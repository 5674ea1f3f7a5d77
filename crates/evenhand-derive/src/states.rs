//! Blank states of arrests filled in from what the row's other cells and its episode say.
//!
//! Rows with the same four cells share one number, so the rules look at each combination once and at no row.

use crate::atlas::Atlas;
use crate::intern::{Intern, NONE};
use crate::{Rule, Rules};
use evenhand_ledger::{Step, Tally};
use hashbrown::HashMap;

/// State, landmark, area and duty site of an arrest, each a number of its text.
pub type Cells = [u32; 4];

/// A landmark or an area has a state of its own from this many arrests on that name one.
const SEEN: u64 = 20;
/// The share of them that must agree, in percent.
const MAJORITY: u64 = 99;
/// A postal code in the landmark counts unless fewer than this many percent agree with it.
const AGREEMENT: u64 = 90;

/// Where a state was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The release names it.
    Released,
    /// A rule filled it in.
    By(Rule),
    /// It stays blank.
    Nowhere,
}

impl Source {
    /// The words in the table; a rule's is the name of its step.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["released"].into_iter().chain(Rule::ALL.map(Rule::name))
    }

    /// The place of its word among them.
    pub fn place(self) -> Option<usize> {
        match self {
            Source::Released => Some(0),
            Source::By(rule) => Some(1 + rule as usize),
            Source::Nowhere => None,
        }
    }
}

/// The state of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Its number in [`Fill::names`]; [`NONE`] where blank.
    pub state: u32,
    /// Where it was found.
    pub source: Source,
}

/// States by combination of cells.
#[derive(Debug, Default)]
pub struct Fill {
    /// Names of states.
    pub names: Vec<String>,
    /// By number of the combination.
    of_cells: Vec<Filled>,
    apply_episode: bool,
    counted: Vec<(&'static str, u64)>,
    /// Whether any row has a state or a cell to find one from.
    has_places: bool,
}

/// Rules in the order in which they are asked.
const ORDER: [Rule; 5] = [
    Rule::StateDutySite,
    Rule::StateLandmarkCode,
    Rule::StateLandmarkMajority,
    Rule::StateAorMajority,
    Rule::StateEpisode,
];

/// The ledger's line for states that the release itself names.
const RELEASED: &str = "state-released";

impl Fill {
    /// Applies the rules to each combination of cells; `rows` says how many arrests have it.
    pub fn new(cells: &[Cells], rows: &[u64], texts: &Intern, atlas: &dyn Atlas, rules: &Rules) -> Fill {
        let mut names = Names::default();
        let mut words = Words::default();
        let mut released = |text: u32| match texts.text(text).map(squeezed) {
            Some(text) if !text.is_empty() => names.number(atlas.state(&text).unwrap_or(&text)),
            _ => NONE,
        };
        let of_row = cells
            .iter()
            .map(|[state, landmark, aor, _]| {
                [released(*state), words.number(texts, *landmark), words.number(texts, *aor)]
            })
            .collect::<Vec<_>>();
        let (mut landmarks, mut areas) = (Votes::default(), Votes::default());
        for ([state, landmark, aor], rows) in of_row.iter().zip(rows) {
            landmarks.add(*landmark, *state, *rows);
            areas.add(*aor, *state, *rows);
        }
        let mut found = |rule: Rule, at: usize| -> Option<u32> {
            let [_, landmark, aor] = of_row[at];
            match rule {
                Rule::StateDutySite => {
                    let site = texts.text(cells[at][3])?;
                    Some(names.number(of_duty_site(site, atlas)?))
                }
                Rule::StateLandmarkCode => {
                    let state = names.number(postal_code(texts.text(cells[at][1])?, atlas)?);
                    landmarks.speak_for(landmark, state).then_some(state)
                }
                Rule::StateLandmarkMajority => landmarks.majority(landmark),
                Rule::StateAorMajority => areas.majority(aor),
                _ => None,
            }
        };
        let asked = ORDER.into_iter().filter(|rule| rules.apply(*rule)).collect::<Vec<_>>();
        let fill = |at: usize| match of_row[at][0] {
            NONE => asked
                .iter()
                .find_map(|rule| Some(Filled { state: found(*rule, at)?, source: Source::By(*rule) }))
                .unwrap_or(Filled { state: NONE, source: Source::Nowhere }),
            state => Filled { state, source: Source::Released },
        };
        let of_cells = (0..cells.len()).map(fill).collect();
        let steps = [RELEASED].into_iter().chain(asked.iter().map(|rule| rule.name()));
        Fill {
            of_cells,
            names: names.list,
            apply_episode: rules.apply(Rule::StateEpisode),
            counted: steps.map(|name| (name, 0)).collect(),
            has_places: cells.iter().flatten().any(|cell| *cell != NONE),
        }
    }

    /// The states of one episode's rows, by the numbers of their cells, into `filled`.
    pub fn episode(&mut self, cells: impl Iterator<Item = u32>, filled: &mut Vec<Filled>) {
        let start = filled.len();
        let nowhere = Filled { state: NONE, source: Source::Nowhere };
        filled.extend(cells.map(|cells| self.of_cells.get(cells as usize).copied().unwrap_or(nowhere)));
        let rows = &mut filled[start..];
        if self.apply_episode && rows.len() > 1 {
            let mut named = rows.iter().map(|row| row.state).filter(|state| *state != NONE);
            let first = named.next();
            if let Some(state) = first.filter(|first| named.all(|state| state == *first)) {
                let copied = Filled { state, source: Source::By(Rule::StateEpisode) };
                rows.iter_mut().filter(|row| row.state == NONE).for_each(|row| *row = copied);
            }
        }
        for row in rows {
            let name = match row.source {
                Source::Released => RELEASED,
                Source::By(rule) => rule.name(),
                Source::Nowhere => continue,
            };
            if let Some((_, count)) = self.counted.iter_mut().find(|(step, _)| *step == name) {
                *count += 1;
            }
        }
    }

    /// A line of the ledger for each source: of the rows still blank it filled so many.
    pub fn steps(&self, rows: u64) -> Vec<Step> {
        let mut blank = rows;
        let line = |(name, filled): &(&'static str, u64)| {
            let mut tally = Tally::default();
            tally.keep(*filled);
            blank -= filled;
            if blank > 0 {
                tally.set_aside("no_state", blank);
            }
            Step { name: (*name).to_owned(), table: "arrests".to_owned(), tally }
        };
        if self.has_places { self.counted.iter().map(line).collect() } else { Vec::new() }
    }
}

/// Names of states, numbered.
#[derive(Debug, Default)]
struct Names {
    list: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        let at = self.list.iter().position(|known| known == name).unwrap_or_else(|| {
            self.list.push(name.to_owned());
            self.list.len() - 1
        });
        at as u32
    }
}

/// Texts numbered by what they say, blanks and case aside.
#[derive(Debug, Default)]
struct Words {
    by_text: HashMap<u32, u32>,
    by_word: HashMap<String, u32>,
}

impl Words {
    fn number(&mut self, texts: &Intern, text: u32) -> u32 {
        if text == NONE {
            return NONE;
        }
        let next = self.by_word.len() as u32;
        let Words { by_text, by_word } = self;
        *by_text.entry(text).or_insert_with(|| {
            let word = squeezed(texts.text(text).unwrap_or_default());
            if word.is_empty() { NONE } else { *by_word.entry(word).or_insert(next) }
        })
    }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()
}

/// Arrests by landmark or area, and the states that they name.
#[derive(Debug, Default)]
struct Votes {
    of: HashMap<u32, Vec<(u32, u64)>>,
}

impl Votes {
    fn add(&mut self, place: u32, state: u32, rows: u64) {
        if place == NONE || state == NONE {
            return;
        }
        let votes = self.of.entry(place).or_default();
        match votes.iter_mut().find(|(named, _)| *named == state) {
            Some((_, count)) => *count += rows,
            None => votes.push((state, rows)),
        }
    }

    fn of(&self, place: u32) -> (&[(u32, u64)], u64) {
        let votes = self.of.get(&place).map_or(&[][..], Vec::as_slice);
        (votes, votes.iter().map(|(_, rows)| rows).sum())
    }

    /// The state that nearly all name.
    fn majority(&self, place: u32) -> Option<u32> {
        let (votes, all) = self.of(place);
        let (state, rows) = votes.iter().max_by_key(|(_, rows)| *rows)?;
        (all >= SEEN && rows * 100 >= all * MAJORITY).then_some(*state)
    }

    /// Whether they do not contradict a state.
    fn speak_for(&self, place: u32, state: u32) -> bool {
        let (votes, all) = self.of(place);
        let rows = votes.iter().find(|(named, _)| *named == state).map_or(0, |(_, rows)| *rows);
        all < SEEN || rows * 100 >= all * AGREEMENT
    }
}

/// The state of the last `, XX`, `- XX` or `XX STATE` in a text, `XX` being a postal code in capitals.
fn postal_code<'a>(text: &str, atlas: &'a dyn Atlas) -> Option<&'a str> {
    let words = words(text);
    (0..words.len()).rev().find_map(|at| {
        let word = &words[at];
        let is_before_state = words.get(at + 1).is_some_and(|next| next.text == "STATE");
        (word.is_code() && (word.follows_break || is_before_state)).then(|| atlas.state(word.text))?
    })
}

/// The state of a duty site: a postal code in it, else a state's name.
fn of_duty_site<'a>(site: &str, atlas: &'a dyn Atlas) -> Option<&'a str> {
    let words = words(site);
    let code = |word: &&Word<'_>| word.is_code() && atlas.state(word.text).is_some();
    let after_break = words.iter().rev().filter(|word| word.follows_break).find(code);
    if let Some(word) = after_break.or_else(|| words.iter().rev().find(code)) {
        return atlas.state(word.text);
    }
    let name = |at: usize| {
        (1..=4.min(words.len() - at)).rev().find_map(|count| {
            let name = words[at..at + count].iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
            // Two letters are a code, and codes in small letters are words: in, or, me.
            if name.len() > 2 { atlas.state(&name) } else { None }
        })
    };
    (0..words.len()).find_map(name)
}

/// A word of a text.
struct Word<'a> {
    text: &'a str,
    /// A comma, or a dash and a blank, stands before it.
    follows_break: bool,
}

impl Word<'_> {
    fn is_code(&self) -> bool {
        self.text.len() == 2 && self.text.bytes().all(|byte| byte.is_ascii_uppercase())
    }
}

/// Runs of letters and digits; a hyphen inside a word does not end it.
fn words(text: &str) -> Vec<Word<'_>> {
    let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '\'' | '&' | '/');
    let mut words = Vec::new();
    let mut follows_break = false;
    let mut rest = text;
    while let Some(start) = rest.find(is_inside) {
        follows_break |= rest[..start].contains(',');
        let run = &rest[start..];
        let end = run.find(|c| !is_inside(c)).unwrap_or(run.len());
        let text = &run[..end];
        if text.chars().all(|c| !c.is_alphanumeric()) {
            // A dash on its own.
            follows_break |= text.contains('-');
        } else {
            words.push(Word { text, follows_break });
            // `NEW YORK- NY`: the dash belongs to neither word.
            follows_break = text.ends_with('-');
        }
        rest = &run[end..];
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(source: Source) -> Option<&'static str> {
        Source::names().nth(source.place()?)
    }

    /// Two states are enough to tell the rules apart.
    struct Two;

    impl Atlas for Two {
        fn state(&self, text: &str) -> Option<&str> {
            match text.to_uppercase().as_str() {
                "TX" | "TEXAS" => Some("TEXAS"),
                "IN" | "INDIANA" => Some("INDIANA"),
                "NY" | "NEW YORK" => Some("NEW YORK"),
                _ => None,
            }
        }

        fn facility(&self, _: &str) -> Option<crate::FacilityPlace> {
            None
        }
    }

    #[test]
    fn the_last_postal_code_after_a_break_or_before_state_counts() {
        for (landmark, state) in [
            ("TRAVIS COUNTY JAIL, TX", Some("TEXAS")),
            ("TRAVIS COUNTY JAIL,TX", Some("TEXAS")),
            ("JAIL - TX", Some("TEXAS")),
            ("JAIL- TX", Some("TEXAS")),
            ("TX STATE PRISON", Some("TEXAS")),
            ("TRANSFER, TX TO JAIL, IN", Some("INDIANA")),
            ("Travis County Jail, Austin, Texas - TX2270000", None),
            ("ARRESTED, in custody", None),
            ("HELD IN CUSTODY", None),
            ("X-TX", None),
            ("XXX GENERAL AREA, NON-SPECIFIC", None),
            ("JAIL, TX.", Some("TEXAS")),
        ] {
            assert_eq!(postal_code(landmark, &Two), state, "{landmark}");
        }
    }

    #[test]
    fn a_duty_site_is_read_by_code_and_then_by_name() {
        for (site, state) in [
            ("AUSTIN, TX, DOCKET CONTROL OFFICE", Some("TEXAS")),
            ("New York District Office", Some("NEW YORK")),
            ("TX FIELD OFFICE", Some("TEXAS")),
            ("OFFICE IN, TX", Some("TEXAS")),
            ("office in town", None),
        ] {
            assert_eq!(of_duty_site(site, &Two), state, "{site}");
        }
    }

    /// A landmark, rows that name Texas, rows that name Indiana, blank rows: the state and source of the blank ones.
    fn check(
        landmark: &str,
        texas: u64,
        indiana: u64,
        rules: &Rules,
    ) -> (Option<String>, Option<&'static str>) {
        let mut texts = Intern::default();
        let [texas_text, indiana_text, place, area, site] =
            ["Texas", "INDIANA", landmark, "AREA", "DALLAS, TX"].map(|text| texts.number(text).unwrap());
        let cells =
            [[texas_text, place, area, site], [indiana_text, place, area, site], [NONE, place, NONE, site]];
        let mut fill = Fill::new(&cells, &[texas, indiana, 1], &texts, &Two, rules);
        let mut filled = Vec::new();
        fill.episode([2].into_iter(), &mut filled);
        (fill.names.get(filled[0].state as usize).cloned(), word(filled[0].source))
    }

    #[test]
    fn thresholds_are_twenty_rows_and_99_and_90_percent() {
        let usual = Rules::default();
        let texas = |source| (Some("TEXAS".to_owned()), Some(source));
        assert_eq!(check("JAIL", 20, 0, &usual), texas("state-landmark-majority"));
        assert_eq!(check("JAIL", 19, 0, &usual), (None, None));
        assert_eq!(check("JAIL", 99, 1, &usual), texas("state-landmark-majority"));
        assert_eq!(check("JAIL", 98, 1, &usual), (None, None));
        assert_eq!(check("JAIL, TX", 18, 2, &usual), texas("state-landmark-code"));
        assert_eq!(check("JAIL, TX", 17, 3, &usual), (None, None));
        assert_eq!(check("JAIL, TX", 0, 19, &usual), texas("state-landmark-code"));
        // The code is dropped, and the majority speaks.
        assert_eq!(
            check("JAIL, TX", 0, 20, &usual),
            (Some("INDIANA".to_owned()), Some("state-landmark-majority"))
        );
        let march = Rules { with: [Rule::StateDutySite].into(), ..Rules::default() };
        assert_eq!(check("JAIL, IN", 0, 40, &march), texas("state-duty-site"));
    }

    #[test]
    fn an_episode_lends_its_state_only_where_all_agree() {
        let mut texts = Intern::default();
        let [texas, indiana] = ["TEXAS", "INDIANA"].map(|text| texts.number(text).unwrap());
        let cells = [[texas, NONE, NONE, NONE], [indiana, NONE, NONE, NONE], [NONE; 4]];
        let mut fill = Fill::new(&cells, &[1, 1, 1], &texts, &Two, &Rules::default());
        let sources = |fill: &mut Fill, rows: &[u32]| {
            let mut filled = Vec::new();
            fill.episode(rows.iter().copied(), &mut filled);
            filled.iter().map(|row| word(row.source)).collect::<Vec<_>>()
        };
        assert_eq!(
            sources(&mut fill, &[2, 0, 0]),
            [Some("state-episode"), Some("released"), Some("released")]
        );
        assert_eq!(sources(&mut fill, &[0, 2, 1]), [Some("released"), None, Some("released")]);
        assert_eq!(sources(&mut fill, &[2]), [None]);
        let steps = fill.steps(7);
        assert_eq!(steps.first().map(|step| step.tally.rows_kept), Some(4));
        assert_eq!(
            steps.last().map(|step| (step.name.as_str(), step.tally.rows_read)),
            Some(("state-episode", 3))
        );
        assert!(steps.iter().all(|step| step.tally.check("states").is_ok()));
    }
}
