//! The rank of a place among published figures, and the probability of an order.
//!
//! Two forms of estimand are read. `rank of 48453 by count ...` ranks the county among all jurisdictions of a
//! report, where rows that were not seen are bounded by what is left of the national total. `rank of 48453 (a)
//! ..., (b) ...` lists other ways of counting; those that figures held can answer are answered, and
//! `share(test, 'rank1')` is known only when all are. `probability that ranks 1, 2, 3 are A, B, C` is computed
//! by simulation over the figures' rounding.

use super::{Ran, Run, needs, tabulate};
use crate::confidence::{self, Grades};
use crate::context::{Context, county_of};
use crate::result::{Caveat, Fields};
use crate::wording::{count, list, number, probability};
use evenhand_docket::{Claim, Test};
use evenhand_estimate::{Interval, Margin, MarginKind, simulate};
use evenhand_measure::Published;

/// Draws behind an order probability.
const DRAWS: usize = 20_000;

/// Runs the test.
///
/// # Errors
/// Stops when the estimand is not understood or the figures are not held.
pub fn run(context: &Context<'_>, claim: &Claim, test: &Test) -> Run {
    let estimand = test.estimand.as_deref().unwrap_or_default();
    if let Some(order) = estimand.strip_prefix("probability that ranks ") {
        return of_order(context, claim, test, order);
    }
    if !estimand.starts_with("rank of ") {
        return Err(needs(format!("needs an estimand that this kind of test can read, found `{estimand}`")));
    }
    let report = Report::find(context, claim, test, estimand)?;
    if estimand.contains("(a)") { report.other_ways(context, estimand) } else { Ok(report.as_is(context)) }
}

/// What a report says about one county and about the rest.
struct Report<'a> {
    own: &'a Published,
    own_count: f64,
    nation: &'a Published,
    /// All other jurisdictions together.
    others: f64,
}

impl<'a> Report<'a> {
    fn find(context: &Context<'a>, claim: &Claim, test: &Test, estimand: &str) -> Result<Self, super::Stop> {
        let county =
            county_of(claim, estimand).ok_or_else(|| needs("needs a county code in the estimand"))?;
        let figure = |place: &str| {
            tabulate::reported(context, claim, &test.measure, place)
                .filter(|figure| figure.value.is_some())
                .ok_or_else(|| needs(format!("needs the published count of {place}")))
        };
        let (own, nation) = (figure(&county.to_string())?, figure("nation")?);
        let value = |figure: &Published| figure.value.unwrap_or(figure.lo);
        Ok(Self { own, own_count: value(own), nation, others: value(nation) - value(own) })
    }

    /// Rank by count: every other jurisdiction has at most what is left of the national total.
    fn as_is(&self, context: &Context<'_>) -> Ran {
        let worst = worst_rank(self.own_count, self.others);
        let known = (worst == 1).then_some(1.0);
        let mut grades = Grades::descriptive("Published counts are ranked, not estimated.");
        grades.data = confidence::published(context, &[self.own, self.nation]);
        grades.precision = confidence::exact();
        let share = 100.0 * self.own_count / (self.own_count + self.others);
        Ran {
            fields: Fields {
                rank: known,
                est: known,
                lo: Some(1.0),
                hi: Some(worst as f64),
                value: Some(self.own_count),
                count: Some(self.own_count),
                ..Fields::default()
            },
            unit: "rank".into(),
            line: format!(
                "rank {}: {} of {} recorded declines ({} percent); all others together {}",
                ranks(worst),
                count(self.own_count),
                count(self.own_count + self.others),
                number(share, 0),
                count(self.others)
            ),
            method: vec![
                "Rows of the report that were not seen are bounded by what is left of the national total."
                    .into(),
                "Corrections by the publisher only lower the counts of other jurisdictions; the rank stands."
                    .into(),
            ],
            caveats: self.caveats(context),
            grades,
            ..Ran::default()
        }
    }

    /// Other ways of counting, `(a)`, `(b)`, ...; only those that published figures bound are answered.
    fn other_ways(&self, context: &Context<'_>, estimand: &str) -> Run {
        let mut details = Vec::new();
        let mut firsts = Vec::new();
        for (label, way) in ways(estimand) {
            let (first, text) = self.one_way(context, &way);
            firsts.push(first);
            details.push((format!("({label}) {way}"), text));
        }
        let known: Option<Vec<bool>> = firsts.iter().copied().collect();
        let rank1 = known
            .map(|firsts| firsts.iter().filter(|&&first| first).count() as f64 / firsts.len().max(1) as f64);
        let answered = firsts.iter().flatten().count();
        let mut grades = Grades::descriptive("Published counts are ranked, not estimated.");
        grades.data = confidence::published(context, &[self.own, self.nation]);
        Ok(Ran {
            fields: Fields { rank1, ..Fields::default() },
            unit: "rank".into(),
            line: format!(
                "{answered} of {} other ways of counting can be decided from figures held",
                firsts.len()
            ),
            method: vec![
                "Each other way of counting is answered only where published figures decide it.".into(),
            ],
            details,
            grades,
            ..Ran::default()
        })
    }

    /// Whether the county is first in one other way of counting, and why.
    fn one_way(&self, context: &Context<'_>, way: &str) -> (Option<bool>, String) {
        if way.starts_with("excluding detainers issued before") {
            let early = context.published(&self.own.set, &self.own.place, "issued_before_2017_share");
            let Some(early) = early else { return (None, "needs issue dates by jurisdiction".into()) };
            let left =
                Interval { low: self.own_count * (1.0 - early.hi), high: self.own_count * (1.0 - early.lo) };
            let worst = worst_rank(left.low, self.others);
            let text = format!(
                "at most {} of the {} remain; another jurisdiction has at most {}: rank {}",
                number(left.high, 0),
                count(self.own_count),
                count(self.others),
                ranks(worst)
            );
            return ((worst == 1).then_some(true), text);
        }
        let lacking = match way {
            _ if way.contains("noncitizens") => "noncitizens by county (acs) and every jurisdiction's count",
            _ if way.contains("per detainer") => "detainers issued by agency in the week",
            _ => "counts by agency for the whole year",
        };
        (None, format!("needs {lacking}, which this record does not hold"))
    }

    fn caveats(&self, context: &Context<'_>) -> Vec<Caveat> {
        let mut caveats = vec![Caveat {
            code: "detection".into(),
            text:
                "The report holds declines that the agency became aware of; jurisdictions generally do not \
                   report them."
                    .into(),
        }];
        if let Some(issued) =
            context.published(&self.own.set, "nation", "issued").and_then(|figure| figure.value)
        {
            caveats.push(Caveat {
                code: "rate_vs_count".into(),
                text: format!(
                    "A count is not a rate: {} detainers were issued nationwide in the week, and the report does \
                     not say how many of them to each jurisdiction that declined.",
                    count(issued)
                ),
            });
        }
        caveats
    }
}

/// Worst rank of a unit with at least `low`, when all others together have `others`: as many as can each have
/// more than it stand before it. However large the others are together, they may be split so that it is first.
fn worst_rank(low: f64, others: f64) -> usize {
    1 + (others / (low.floor() + 1.0)).floor().max(0.0) as usize
}

fn ranks(worst: usize) -> String {
    if worst == 1 { "1".to_owned() } else { format!("between 1 and {worst}") }
}

/// The ways listed as `(a) ..., (b) ...`.
fn ways(estimand: &str) -> Vec<(char, String)> {
    let mut ways: Vec<(char, String)> = Vec::new();
    let mut rest = estimand;
    for label in 'a'..='z' {
        let Some((_, after)) = rest.split_once(&format!("({label})")) else { break };
        let next = char::from(label as u8 + 1);
        let way = after.split(&format!("({next})")).next().unwrap_or_default();
        ways.push((label, way.trim().trim_end_matches(',').to_owned()));
        rest = after;
    }
    ways
}

/// `1, 2, 3 are New York, Los Angeles, Houston given published margins`.
fn of_order(context: &Context<'_>, claim: &Claim, test: &Test, order: &str) -> Run {
    let not_understood =
        || needs(format!("needs an estimand that this kind of test can read, found `{order}`"));
    let (ranks, names) = order.split_once(" are ").ok_or_else(not_understood)?;
    let names = names.split(" given ").next().unwrap_or(names);
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    if ranks.split(',').count() != names.len() {
        return Err(not_understood());
    }
    let kind = test.unit.map(|unit| unit.to_string()).unwrap_or_default();
    let set = format!("{kind}-{}", claim.scope.start.year());
    let figures: Vec<&Published> =
        context.figures.published().iter().filter(|figure| figure.set == set).collect();
    let at = |name: &str| {
        figures
            .iter()
            .position(|figure| figure.place == name || figure.place.starts_with(&format!("{name}-")))
            .ok_or_else(|| needs(format!("needs a published figure of {name} in {set}")))
    };
    let order = names.iter().map(|name| at(name)).collect::<Result<Vec<_>, _>>()?;
    let margins: Vec<Margin> = figures.iter().map(|figure| margin(figure)).collect();
    let others: Vec<usize> = (0..figures.len()).filter(|at| !order.contains(at)).collect();
    let last = order.last().copied().ok_or_else(not_understood)?;
    // The named places lead in order, and the last of them leads every other place.
    let leads = |x: &[f64]| {
        let in_order = order.windows(2).all(|pair| x[pair[0]] > x[pair[1]]);
        f64::from(u8::from(in_order && others.iter().all(|&other| x[last] > x[other])))
    };
    let prob = simulate(&margins, DRAWS, context.seed, leads)?.mean;
    let next = others.iter().map(|&other| figures[other].hi).fold(f64::NEG_INFINITY, f64::max);
    let gap = next.is_finite().then_some(figures[last].lo - next);
    let mut grades = Grades::descriptive("Published figures are put in order, not estimated.");
    grades.data = confidence::published(context, &figures);
    grades.precision = confidence::exact();
    let named: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    Ok(Ran {
        fields: Fields {
            prob: Some(prob),
            value: Some(prob),
            n: Some(figures.len() as f64),
            ..Fields::default()
        },
        unit: "probability".into(),
        line: format!(
            "{}: {} in this order (probability {})",
            list(&named),
            probability(prob),
            number(prob, 2)
        ),
        method: vec![format!(
            "{} draws of every published figure inside its rounding; the estimates' own margins are not \
             published beside them.",
            number(DRAWS as f64, 0)
        )],
        details: gap
            .map(|gap| {
                ("distance from the last of them to the next place, at least".to_owned(), number(gap, 0))
            })
            .into_iter()
            .collect(),
        grades,
        ..Ran::default()
    })
}

fn margin(figure: &Published) -> Margin {
    let estimate = figure.value.unwrap_or((figure.lo + figure.hi) / 2.0);
    let kind = if figure.lo < figure.hi {
        MarginKind::Uniform { low: figure.lo, high: figure.hi }
    } else {
        MarginKind::Exact
    };
    Margin { estimate, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_is_first_however_the_rest_is_split() {
        assert_eq!(worst_rank(142.0, 64.0), 1);
        assert_eq!(worst_rank(37.6, 64.0), 2);
        assert_eq!(worst_rank(10.0, 64.0), 6);
    }

    #[test]
    fn lettered_ways_of_counting_are_told_apart() {
        let ways = ways(
            "rank of 48453 (a) excluding early ones, (b) per detainer issued, (c) per 1,000 noncitizens",
        );
        let texts: Vec<&str> = ways.iter().map(|(_, way)| way.as_str()).collect();
        assert_eq!(texts, ["excluding early ones", "per detainer issued", "per 1,000 noncitizens"]);
    }
}
