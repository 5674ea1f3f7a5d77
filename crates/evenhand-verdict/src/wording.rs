//! Fixed openings, number formats and the words that the engine's own voice keeps to (methods/1, section 12.6).

use crate::result::Level;
use evenhand_docket::Status;
use evenhand_vocab::{Date, Month};

/// Words that never appear in a sentence of the engine; quotations of others keep theirs.
pub const NEVER_OURS: [&str; 13] = [
    "true",
    "false",
    "proves",
    "proof",
    "debunked",
    "admits",
    "claims",
    "illegal aliens",
    "illegal immigrants",
    "illegals",
    "undocumented",
    "retaliates",
    "significant",
];

/// The opening of a status at a confidence. `because` completes the openings that end in a colon.
///
/// Section 12.6 has no row for `mostly_supported`; it opens like `supported`, softened where that is firm.
#[must_use]
pub fn opening(status: Status, confidence: Option<Level>, because: &str) -> String {
    let grade = confidence.unwrap_or(Level::Low);
    let plain = match (status, grade) {
        (Status::Supported, Level::High) => "The record supports this.",
        (Status::MostlySupported, Level::High) => "The record mostly supports this.",
        (Status::Supported | Status::MostlySupported, Level::Moderate) => {
            "The record mostly points this way."
        }
        (Status::Supported | Status::MostlySupported, Level::Low) => "Some evidence points this way.",
        (Status::Contradicted, Level::High) => "The record contradicts this.",
        (Status::Contradicted, Level::Moderate) => "The record mostly points the other way.",
        (Status::Contradicted, Level::Low) => "Some evidence points the other way.",
        (Status::Mixed, _) => "Parts hold and parts do not.",
        (Status::Unsupported, _) => "The evidence offered does not show this.",
        (Status::Inconclusive, _) => return format!("The data cannot settle this: {because}"),
        (Status::NotTestable, _) => {
            return format!("Data cannot show this. What they can show: {because}");
        }
    };
    plain.to_owned()
}

/// A number with its thousands set off and no more decimals than asked for: `3,285`, `10.9`, `-2.4`.
///
/// ```
/// use evenhand_verdict::wording::number;
/// assert_eq!(number(12_200_000.0, 0), "12,200,000");
/// assert_eq!(number(-2.36, 1), "-2.4");
/// assert_eq!(number(-0.04, 1), "0.0");
/// ```
#[must_use]
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(whole, rest)| (whole, rest));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let negative = value < 0.0 && text.chars().any(|digit| digit.is_ascii_digit() && digit != '0');
    let sign = if negative { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{grouped}") } else { format!("{sign}{grouped}.{fraction}") }
}

/// A count: no decimals where it is whole, else one.
#[must_use]
pub fn count(value: f64) -> String {
    number(value, usize::from((value - value.round()).abs() > 1e-9))
}

/// `10.9 percent (10.5 to 11.4)`.
#[must_use]
pub fn with_interval(est: f64, lo: f64, hi: f64, unit: &str, decimals: usize) -> String {
    let ends = format!("({} to {})", number(lo, decimals), number(hi, decimals));
    format!("{} {unit} {ends}", number(est, decimals))
}

/// A change on the log scale as readers take it: `25 percent more`, `10 percent fewer`, `no change`.
#[must_use]
pub fn percent_change(ln_ratio: f64) -> String {
    let percent = 100.0 * ln_ratio.exp_m1();
    match number(percent.abs(), 0) {
        none if none == "0" => "no change".to_owned(),
        size if percent > 0.0 => format!("{size} percent more"),
        size => format!("{size} percent fewer"),
    }
}

/// A p-value, last in a line: `p = 0.03`, `p < 0.001`.
#[must_use]
pub fn p_value(p: f64) -> String {
    match p {
        _ if p < 0.001 => "p < 0.001".to_owned(),
        _ if p < 0.1 => format!("p = {p:.3}"),
        _ => format!("p = {p:.2}"),
    }
}

/// The one scale of probability words, for probabilities that were computed.
#[must_use]
pub fn probability(prob: f64) -> &'static str {
    match prob {
        _ if prob > 0.95 => "almost certain",
        _ if prob > 0.80 => "very likely",
        _ if prob > 0.55 => "likely",
        _ if prob >= 0.45 => "about even",
        _ if prob >= 0.20 => "unlikely",
        _ if prob >= 0.05 => "very unlikely",
        _ => "almost certainly not",
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `February 2017`.
#[must_use]
pub fn month(month: Month) -> String {
    let name = usize::try_from(month.month() - 1).ok().and_then(|at| MONTHS.get(at));
    format!("{} {}", name.unwrap_or(&"month"), month.year())
}

/// `6 February 2017`.
#[must_use]
pub fn day(day: Date) -> String {
    format!("{} {}", day.day(), month(Month::from(day)))
}

/// `1 test`, `3 tests`; `zero` reads `no tests`.
#[must_use]
pub fn plural(n: usize, one: &str) -> String {
    match n {
        0 => format!("no {one}s"),
        1 => format!("1 {one}"),
        _ => format!("{n} {one}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// The first word of [`NEVER_OURS`] in a sentence of the engine, quotations left out.
#[must_use]
pub fn banned_word(sentence: &str) -> Option<&'static str> {
    let outside: String = sentence.split('"').step_by(2).collect::<Vec<_>>().join(" ").to_lowercase();
    let words: Vec<&str> = outside.split(|letter: char| !letter.is_alphanumeric()).collect();
    let spaced = format!(" {} ", words.join(" "));
    NEVER_OURS.into_iter().find(|banned| spaced.contains(&format!(" {banned} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_like_a_newspaper() {
        assert_eq!(number(1_215_000.0, 0), "1,215,000");
        assert_eq!(number(999.0, 0), "999");
        assert_eq!(number(-1000.04, 1), "-1,000.0");
        assert_eq!(count(142.0), "142");
        assert_eq!(count(37.6), "37.6");
        assert_eq!(day("2017-02-06".parse().unwrap()), "6 February 2017");
        assert_eq!(with_interval(10.946, 10.54, 11.36, "percent", 1), "10.9 percent (10.5 to 11.4)");
    }

    #[test]
    fn a_log_ratio_is_shown_as_a_percentage() {
        assert_eq!(percent_change(0.2231), "25 percent more");
        assert_eq!(percent_change(-0.2231), "20 percent fewer");
        assert_eq!(percent_change(0.0), "no change");
    }

    #[test]
    fn every_status_opens_with_words_of_its_own_voice() {
        let statuses = [
            Status::Supported,
            Status::MostlySupported,
            Status::Mixed,
            Status::Unsupported,
            Status::Contradicted,
            Status::Inconclusive,
            Status::NotTestable,
        ];
        for status in statuses {
            for level in [None, Some(Level::Low), Some(Level::Moderate), Some(Level::High)] {
                assert_eq!(banned_word(&opening(status, level, "no test was run.")), None);
            }
        }
        assert_eq!(banned_word("The agency admits it"), Some("admits"));
        assert_eq!(banned_word("The article says \"illegal aliens\""), None);
    }
}
