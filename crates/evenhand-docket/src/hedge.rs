//! Number words: what "nearly 60" may mean (methods/1, section 1).

use crate::Interval;
use crate::words::Word;

/// Part of the stated number by which the material interval is wider than the literal one.
const MATERIAL_MARGIN: f64 = 0.05;

/// How a number is hedged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hedge {
    /// No hedge.
    Exact,
    /// "about", "around", "roughly", "approximately", "some".
    About,
    /// "nearly", "almost", "close to".
    Nearly,
    /// "more than", "over".
    MoreThan,
    /// "at least", "a minimum of".
    AtLeast,
}

impl Word for Hedge {
    const ALL: &'static [Self] = &[Self::Exact, Self::About, Self::Nearly, Self::MoreThan, Self::AtLeast];

    fn word(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::About => "about",
            Self::Nearly => "nearly",
            Self::MoreThan => "more than",
            Self::AtLeast => "at least",
        }
    }
}

/// Hedges as they stand before a number.
const PHRASES: [(&str, Hedge); 12] = [
    ("about", Hedge::About),
    ("around", Hedge::About),
    ("roughly", Hedge::About),
    ("approximately", Hedge::About),
    ("some", Hedge::About),
    ("nearly", Hedge::Nearly),
    ("almost", Hedge::Nearly),
    ("close to", Hedge::Nearly),
    ("more than", Hedge::MoreThan),
    ("over", Hedge::MoreThan),
    ("at least", Hedge::AtLeast),
    ("a minimum of", Hedge::AtLeast),
];

impl Hedge {
    /// The first hedge that stands directly before a number in `text`.
    ///
    /// ```
    /// use evenhand_docket::Hedge;
    /// assert_eq!(Hedge::in_text("Nearly 70 percent of arrests"), Some(Hedge::Nearly));
    /// assert_eq!(Hedge::in_text("over the border in 2017"), None);
    /// ```
    #[must_use]
    pub fn in_text(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let starts_word = |at: usize| !text[..at].ends_with(char::is_alphanumeric);
        let before_number = |at: usize| {
            text[at..].strip_prefix(' ').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        PHRASES
            .iter()
            .flat_map(|(phrase, hedge)| {
                text.match_indices(phrase).map(move |(at, _)| (at, phrase.len(), *hedge))
            })
            .filter(|(at, len, _)| starts_word(*at) && before_number(at + len))
            .min_by_key(|(at, ..)| *at)
            .map(|(.., hedge)| hedge)
    }
}

/// The two readings of a stated number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberWords {
    /// What the words say.
    pub literal: Interval,
    /// Inside this a careful reader would not feel misled.
    pub material: Interval,
}

/// The default intervals for `x` under `hedge`; `unit` is the unit of its last stated digit, which only an
/// exact number uses. "More" is read away from zero, so that a fall of "nearly 35" mirrors a rise.
///
/// ```
/// use evenhand_docket::{Hedge, interval_for_hedge};
/// let nearly = interval_for_hedge(Hedge::Nearly, 60.0, 1.0);
/// assert_eq!((nearly.literal.lo, nearly.literal.hi), (54.0, 60.0));
/// assert_eq!((nearly.material.lo, nearly.material.hi), (51.0, 63.0));
/// ```
#[must_use]
pub fn interval_for_hedge(hedge: Hedge, x: f64, unit: f64) -> NumberWords {
    let beyond = if x < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    let literal = match hedge {
        Hedge::Exact => ordered(x - unit.abs() / 2.0, x + unit.abs() / 2.0),
        Hedge::About => ordered(0.95 * x, 1.05 * x),
        Hedge::Nearly => ordered(0.9 * x, x),
        Hedge::MoreThan => ordered(x, 1.15 * x),
        Hedge::AtLeast => ordered(x, beyond),
    };
    NumberWords { literal, material: widened(literal, x) }
}

/// `literal` widened by 5% of the stated number, the default for `material`.
pub(crate) fn widened(literal: Interval, x: f64) -> Interval {
    let margin = MATERIAL_MARGIN * x.abs();
    Interval { lo: literal.lo - margin, hi: literal.hi + margin }
}

fn ordered(one: f64, other: f64) -> Interval {
    Interval { lo: one.min(other), hi: one.max(other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hedge: Hedge, x: f64, lo: f64, hi: f64) {
        let words = interval_for_hedge(hedge, x, 1.0);
        // Products of short decimals; one part in 10^12 is rounding.
        let close = |a: f64, b: f64| a.total_cmp(&b).is_eq() || (a - b).abs() <= 1e-12 * b.abs();
        assert!(close(words.literal.lo, lo) && close(words.literal.hi, hi), "{hedge:?} {x}: {words:?}");
        assert!(words.material.covers(&words.literal));
    }

    #[test]
    fn each_hedge_has_its_interval() {
        check(Hedge::Exact, 142.0, 141.5, 142.5);
        check(Hedge::About, 1100.0, 1045.0, 1155.0);
        check(Hedge::Nearly, 70.0, 63.0, 70.0);
        check(Hedge::MoreThan, 100.0, 100.0, 115.0);
        check(Hedge::AtLeast, 3000.0, 3000.0, f64::INFINITY);
        check(Hedge::Nearly, -35.0, -35.0, -31.5);
        check(Hedge::AtLeast, -35.0, f64::NEG_INFINITY, -35.0);
    }

    #[test]
    fn a_hedge_counts_only_before_a_number() {
        assert_eq!(Hedge::in_text("hold nearly 10 percent, or at least 9"), Some(Hedge::Nearly));
        assert_eq!(Hedge::in_text("moreover 12 agents"), None);
        assert_eq!(Hedge::in_text("roundabout 12"), None);
        assert_eq!(Hedge::in_text(""), None);
    }
}
