//! How a chart's unit is written on its axis: percent signs, and percentages on the scale of ratios.

use super::scale;
use crate::number;

/// What the numbers of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Counts and anything else.
    Plain,
    /// Percent.
    Percent,
    /// Natural logarithm of a ratio, shown as a change in percent on a scale where halving and doubling are
    /// equally far.
    LnRatio,
}

impl Kind {
    /// Read off the unit's words.
    pub fn of(unit: &str) -> Self {
        let unit = unit.to_lowercase();
        if unit.contains("ln ratio") || unit.contains("ln_ratio") || unit.contains("log ratio") {
            Self::LnRatio
        } else if unit.contains("percent") && !unit.contains("point") {
            Self::Percent
        } else {
            Self::Plain
        }
    }

    /// A value as a label.
    pub fn label(self, value: f64) -> String {
        if value.is_infinite() && (self != Self::LnRatio || value > 0.0) {
            return "no bound".to_owned();
        }
        match self {
            Self::Plain => number::short(value),
            // Tenths of a percent are as fine as these charts can be read.
            Self::Percent if value.abs() >= 0.05 => format!("{}%", number::trim(number::fixed(value, 1))),
            Self::Percent => format!("{}%", number::short(value)),
            Self::LnRatio => number::percent_change(value),
        }
    }

    /// Ticks with their labels over `lo..=hi`, about `wanted` of them.
    pub fn ticks(self, lo: f64, hi: f64, wanted: usize) -> Vec<(f64, String)> {
        if self == Self::LnRatio && hi - lo > 0.15 {
            return ratio_ticks(lo, hi, wanted);
        }
        let ticks = scale::ticks(lo, hi, wanted);
        let decimals = scale::decimals(&ticks);
        let label = |value: f64| match self {
            Self::Plain => number::fixed(value, decimals),
            Self::Percent => format!("{}%", number::fixed(value, decimals)),
            Self::LnRatio => number::percent_change(value),
        };
        ticks.into_iter().map(|value| (value, label(value))).collect()
    }
}

/// The axis title: the unit with a capital, and what the scale is where it is not plain.
pub fn title(unit: &str) -> String {
    if Kind::of(unit) == Kind::LnRatio {
        return "Change in percent, ratio scale".to_owned();
    }
    let mut letters = unit.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Percent changes that people know, as far as they keep their distance.
fn ratio_ticks(lo: f64, hi: f64, wanted: usize) -> Vec<(f64, String)> {
    const FACTORS: [f64; 19] = [
        0.01, 0.05, 0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0,
        100.0,
    ];
    let inside: Vec<f64> = FACTORS.map(f64::ln).into_iter().filter(|ln| (lo..=hi).contains(ln)).collect();
    let apart = (hi - lo) / (wanted as f64 + 1.5);
    // No change first, then outwards, so that it is always there.
    let mut kept: Vec<f64> = Vec::new();
    let mut by_distance = inside;
    by_distance.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    for ln in by_distance {
        if kept.iter().all(|other| (other - ln).abs() >= apart) {
            kept.push(ln);
        }
    }
    kept.sort_by(f64::total_cmp);
    kept.into_iter().map(|ln| (ln, number::percent_change(ln))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_labelled_as_changes() {
        let labels: Vec<String> =
            Kind::LnRatio.ticks(-1.0, 1.2, 5).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["\u{2212}30%", "0%", "+50%", "+200%"]);
        assert_eq!(Kind::of("percent of the national total"), Kind::Percent);
        assert_eq!(Kind::of("percentage points"), Kind::Plain);
    }

    #[test]
    fn units_begin_with_a_capital() {
        assert_eq!(title("arrests a month"), "Arrests a month");
        assert_eq!(title("ln ratio"), "Change in percent, ratio scale");
    }
}
