//! How sure a status is: design, data, precision, robustness; the weakest counts (methods/1, section 12.4).
//!
//! Every test grades itself with the functions here; [`of_claim`] takes the weakest over the tests that the
//! deciding rule names.

use crate::context::Context;
use crate::result::{Grade, Level, Multiverse};
use crate::wording::number;
use evenhand_docket::Access;
use evenhand_measure::Published;

/// A level with its reason; `None` where the grade does not apply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graded {
    /// The level.
    pub level: Option<Level>,
    /// Why, in words.
    pub why: String,
}

impl Graded {
    /// A level and its reason.
    #[must_use]
    pub fn new(level: Level, why: impl Into<String>) -> Self {
        Self { level: Some(level), why: why.into() }
    }

    /// A grade that does not apply.
    #[must_use]
    pub fn none(why: impl Into<String>) -> Self {
        Self { level: None, why: why.into() }
    }
}

/// The four grades of one test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grades {
    /// Whether the comparison can carry the answer.
    pub design: Graded,
    /// Whether the data are whole.
    pub data: Graded,
    /// Whether an effect of interest would show.
    pub precision: Graded,
    /// Whether reasonable choices agree.
    pub robustness: Graded,
}

impl Grades {
    /// Grades of a test that describes and does not infer; data and precision are the caller's to set.
    #[must_use]
    pub fn descriptive(why: &str) -> Self {
        Self {
            design: Graded::new(Level::High, why),
            data: Graded::none("not graded"),
            precision: Graded::none("nothing is estimated"),
            robustness: Graded::none("no choices are varied"),
        }
    }
}

/// Data grade of a document by how it was read. `of_text`: the claim is about the document's own words, so
/// that the press text is the thing itself and not a report of it.
#[must_use]
pub fn document(context: &Context<'_>, source: &str, access: &str, of_text: bool) -> Graded {
    let press = !of_text && is_press(context, source);
    match access {
        _ if press => Graded::new(Level::Low, "press account only"),
        "read-full" => Graded::new(Level::High, "the whole document was read"),
        "read-excerpt" => Graded::new(Level::Moderate, "excerpts of the document were read"),
        _ => Graded::new(Level::Low, "the document is known from citations only"),
    }
}

/// Data grade of figures transcribed from published pages: press figures are low, excerpts and copies of
/// estimates moderate, tables read whole high.
#[must_use]
pub fn published(context: &Context<'_>, figures: &[&Published]) -> Graded {
    let sources =
        || figures.iter().map(|figure| figure.source.as_str()).filter(|&source| source != "derived");
    if sources().any(|source| is_press(context, source)) {
        return Graded::new(Level::Low, "press figures only");
    }
    let whole = |source: &str| {
        context
            .docket
            .source(source)
            .is_some_and(|source| source.access == Access::ReadFull && !source.kind.ends_with("_copy"))
    };
    if sources().all(whole) {
        Graded::new(Level::High, "published tables, read whole")
    } else {
        Graded::new(
            Level::Moderate,
            "published figures read in excerpts or copies, without their margins of error",
        )
    }
}

/// Whether a source is a press account; an address outside the docket's sources is taken as one.
fn is_press(context: &Context<'_>, source: &str) -> bool {
    context
        .docket
        .source(source)
        .is_none_or(|source| matches!(source.kind.as_str(), "news_article" | "fact_check"))
}

/// Data grade by the share of rows that are missing or unplaced.
#[must_use]
pub fn missing_share(missing: u64, rows: u64) -> Graded {
    let percent = if rows == 0 { 100.0 } else { 100.0 * missing as f64 / rows as f64 };
    let level = match percent {
        _ if percent < 5.0 => Level::High,
        _ if percent < 20.0 => Level::Moderate,
        _ => Level::Low,
    };
    Graded::new(level, format!("{} percent of rows are missing or unplaced", number(percent, 1)))
}

/// Precision of an exact count.
#[must_use]
pub fn exact() -> Graded {
    Graded::new(Level::High, "the count is exact")
}

/// Precision of an interval against the smallest change of interest, both in the interval's unit.
#[must_use]
pub fn width(lo: f64, hi: f64, of_interest: f64) -> Graded {
    half_width((hi - lo) / 2.0, of_interest)
}

/// Precision by half width.
#[must_use]
pub fn half_width(half: f64, of_interest: f64) -> Graded {
    let why = format!(
        "the interval reaches {} to each side; the smallest change of interest is {}",
        number(half, 2),
        number(of_interest, 2)
    );
    Graded::new(by_ratio(half, of_interest), why)
}

/// Precision of an effect by its minimum detectable size, on the log scale.
#[must_use]
pub fn detectable(mde: f64, of_interest: f64) -> Graded {
    let percent = |ln: f64| number(100.0 * ln.exp_m1(), 0);
    let why = format!(
        "a change of {} percent would show in four of five cases; the smallest change of interest is {} percent",
        percent(mde),
        percent(of_interest)
    );
    Graded::new(by_ratio(mde, of_interest), why)
}

fn by_ratio(size: f64, of_interest: f64) -> Level {
    match size {
        _ if size <= of_interest => Level::High,
        _ if size <= 2.0 * of_interest => Level::Moderate,
        _ => Level::Low,
    }
}

/// Design of a study of one treated unit: fit before, and both placebo ranks.
#[must_use]
pub fn one_unit(fit_ratio: Option<f64>, ranks: [f64; 2], donors: usize) -> Graded {
    let fits = fit_ratio.is_some_and(|ratio| ratio <= 0.5);
    let why = format!(
        "one place, {donors} places to compare; error before the policy {} of the series' own spread (at most 0.5 is \
         good); ranks among placebos {} and {}",
        fit_ratio.map_or_else(|| "not known".into(), |ratio| number(ratio, 2)),
        number(ranks[0], 2),
        number(ranks[1], 2)
    );
    let good = fits && donors >= 20 && ranks.iter().all(|&rank| rank <= 0.05);
    Graded::new(if good { Level::Moderate } else { Level::Low }, why)
}

/// Robustness by the largest share of one determinate outcome among weighted specifications.
#[must_use]
pub fn of_multiverse(multiverse: &Multiverse) -> Graded {
    let [s, c, u] = multiverse.shares;
    let largest = s.max(c);
    let level = match largest {
        _ if largest >= 0.9 => Level::High,
        _ if largest >= 0.7 => Level::Moderate,
        _ => Level::Low,
    };
    let percent = |share: f64| number(100.0 * share, 0);
    let why = format!(
        "of {} specifications, {} percent by weight fall in the supported region, {} percent in the contradicted one, \
         {} percent in neither",
        multiverse.specifications.len(),
        percent(s),
        percent(c),
        percent(u)
    );
    Graded::new(level, why)
}

/// The four grades of a claim: for each, the weakest over the tests given.
#[must_use]
pub fn of_claim(tests: &[&Grades]) -> Vec<Grade> {
    type Pick = fn(&Grades) -> &Graded;
    let names: [(&'static str, Pick); 4] = [
        ("design", |grades| &grades.design),
        ("data", |grades| &grades.data),
        ("precision", |grades| &grades.precision),
        ("robustness", |grades| &grades.robustness),
    ];
    names
        .into_iter()
        .map(|(name, pick)| {
            let graded = || tests.iter().map(|grades| pick(grades));
            let weakest = graded().filter(|graded| graded.level.is_some()).min_by_key(|graded| graded.level);
            let chosen = weakest.or_else(|| graded().next());
            match chosen {
                Some(chosen) => Grade { name, level: chosen.level, why: chosen.why.clone() },
                None => {
                    Grade { name, level: Some(Level::Low), why: "no test of the claim could be run".into() }
                }
            }
        })
        .collect()
}

/// The weakest of the grades that apply.
#[must_use]
pub fn weakest(grades: &[Grade]) -> Option<Level> {
    grades.iter().filter_map(|grade| grade.level).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weakest_grade_of_any_test_counts() {
        let mut one = Grades::descriptive("counted");
        one.data = missing_share(1, 100);
        let mut other = one.clone();
        other.data = missing_share(10, 100);
        let grades = of_claim(&[&one, &other]);
        assert_eq!(grades[1].level, Some(Level::Moderate));
        assert_eq!(grades[2].level, None);
        assert_eq!(weakest(&grades), Some(Level::Moderate));
    }

    #[test]
    fn without_a_test_confidence_is_low() {
        assert_eq!(weakest(&of_claim(&[])), Some(Level::Low));
    }

    #[test]
    fn one_place_never_grades_high() {
        assert_eq!(one_unit(Some(0.2), [0.01, 0.01], 60).level, Some(Level::Moderate));
        assert_eq!(one_unit(Some(0.7), [0.01, 0.01], 60).level, Some(Level::Low));
        assert_eq!(one_unit(Some(0.2), [0.01, 0.01], 12).level, Some(Level::Low));
    }

    #[test]
    fn detectable_sizes_are_said_in_percent() {
        let graded = detectable(0.4055, 0.2231);
        assert_eq!(graded.level, Some(Level::Moderate));
        assert!(graded.why.starts_with("a change of 50 percent"), "{}", graded.why);
    }
}
