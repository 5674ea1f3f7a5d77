//! Figures and a check with invented numbers, for tests of how things look.

use evenhand_docket::{Claim, ClaimKind, Docket, Status, Test};
use evenhand_verdict::{
    Caveat, Chart, Check, DataUse, Fields, Figure, Grade, ImplicationResult, IntervalRow, Level, LockState,
    Mark, Multiverse, ReleaseInfo, Series, SeriesRole, ShareBar, Source, Specification, State, TestResult,
    Verdict,
};

fn figure(id: &str, title: &str, subtitle: &str, chart: Chart) -> Figure {
    Figure {
        id: id.to_owned(),
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        description: format!("{title}. All numbers in this figure are invented."),
        source: "invented numbers".to_owned(),
        notes: vec!["Made up to show how a figure looks.".to_owned()],
        chart,
    }
}

fn mark(start: &str, end: Option<&str>, label: &str, emphasis: bool) -> Mark {
    Mark { start: start.to_owned(), end: end.map(str::to_owned), label: label.to_owned(), emphasis }
}

fn line(name: &str, role: SeriesRole, values: impl IntoIterator<Item = Option<f64>>) -> Series {
    Series { name: name.to_owned(), values: values.into_iter().collect(), role }
}

/// `n` first days of months from October 2014.
fn months(n: usize) -> Vec<String> {
    (0..n).map(|at| format!("{}-{:02}-01", 2014 + (at + 9) / 12, (at + 9) % 12 + 1)).collect()
}

/// Noise that repeats: between -1 and 1.
fn wobble(at: usize, salt: usize) -> f64 {
    let mixed = (at as u64 + 1).wrapping_mul(2_654_435_761).wrapping_add(salt as u64 * 40_503) >> 7;
    (mixed % 2001) as f64 / 1000.0 - 1.0
}

/// Six months, two lines, a gap, a span and an emphasised mark.
pub fn series() -> Figure {
    let values =
        |from: f64, step: f64| (0..6).map(move |at| (at != 2).then_some(from + step * f64::from(at)));
    figure(
        "x01-lines",
        "Arrests fall after March",
        "Arrests a month, January to June 2017",
        Chart::Series {
            periods: (1..=6).map(|month| format!("2017-{month:02}-01")).collect(),
            series: vec![
                line("Travis", SeriesRole::Primary, values(120.0, -11.0)),
                line("its comparison", SeriesRole::Reference, values(115.0, 2.0)),
            ],
            stacked: false,
            marks: vec![
                mark("2017-02-01", Some("2017-03-15"), "short policy", false),
                mark("2017-03-01", None, "policy in force", true),
            ],
            unit: "arrests a month".to_owned(),
        },
    )
}

/// Four years, two areas and the marks of the real case.
pub fn stacked() -> Figure {
    let jail = (0..48).map(|at| {
        let level = if (26..36).contains(&at) { 45.0 } else { 95.0 };
        (at != 40).then(|| (level + 14.0 * wobble(at, 1)).round())
    });
    let large = (0..48).map(|at| {
        let level = if at == 28 {
            150.0
        } else if at > 28 {
            48.0
        } else {
            22.0
        };
        Some((level + 9.0 * wobble(at, 2)).round())
    });
    figure(
        "x02-areas",
        "Arrests in jail fall and arrests at large rise before the policy",
        "ICE arrests a month placed in the county, by setting",
        Chart::Series {
            periods: months(48),
            series: vec![
                line("In custody", SeriesRole::Secondary, jail),
                line("At large", SeriesRole::Primary, large),
            ],
            stacked: true,
            marks: vec![
                mark("2015-06-22", None, "New federal priorities", false),
                mark("2017-01-25", None, "Executive Order 13768", false),
                mark("2017-02-01", None, "County policy in force", true),
                mark("2017-02-09", Some("2017-02-12"), "Cross Check", false),
                mark("2017-09-25", None, "Policy ends", true),
            ],
            unit: "arrests a month".to_owned(),
        },
    )
}

/// Eleven places over eighteen weeks.
pub fn multiples() -> Figure {
    let names = [
        "Atlanta",
        "Austin area",
        "Boston",
        "Chicago",
        "Dallas",
        "Denver",
        "Los Angeles",
        "Miami",
        "New York",
        "Harlingen, Houston and San Antonio",
        "San Francisco",
    ];
    let weeks = [
        "2016-12-05",
        "2016-12-12",
        "2016-12-19",
        "2016-12-26",
        "2017-01-02",
        "2017-01-09",
        "2017-01-16",
        "2017-01-23",
        "2017-01-30",
        "2017-02-06",
        "2017-02-13",
        "2017-02-20",
        "2017-02-27",
        "2017-03-06",
        "2017-03-13",
        "2017-03-20",
        "2017-03-27",
        "2017-04-03",
    ];
    let panel = |(at, name): (usize, &&str)| {
        let role = if at == 1 { SeriesRole::Primary } else { SeriesRole::Secondary };
        line(
            name,
            role,
            (0..weeks.len()).map(|week| {
                let jump = if week == 9 { 1.0 + 0.35 * ((names.len() - at) as f64) } else { 1.0 };
                Some(((22.0 + 3.0 * at as f64 + 6.0 * wobble(week, at)) * jump).round())
            }),
        )
    };
    figure(
        "x03-areas",
        "The jump of one week is seen in most areas",
        "At-large arrests a week by area, December 2016 to April 2017",
        Chart::Multiples {
            periods: weeks.map(str::to_owned).into(),
            panels: names.iter().enumerate().map(panel).collect(),
            marks: vec![mark("2017-02-06", Some("2017-02-12"), "Cross Check, 6 to 12 February", true)],
            unit: "arrests a week".to_owned(),
        },
    )
}

/// City limits against metropolitan areas.
pub fn shares() -> Figure {
    let parts =
        |values: &[(&str, f64)]| values.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    figure(
        "x04-shares",
        "Inside city limits the share is about a third of that of the metros",
        "Share of the national estimate, 2014",
        Chart::Shares {
            bars: vec![
                ShareBar {
                    name: "Seven cities, inside city limits".to_owned(),
                    parts: parts(&[
                        ("New York", 4.7),
                        ("Los Angeles", 3.4),
                        ("Chicago", 1.3),
                        ("Denver", 0.5),
                        ("Philadelphia", 0.4),
                        ("Boston", 0.3),
                        ("San Francisco", 0.3),
                    ]),
                    interval: Some((10.6, 11.3)),
                },
                ShareBar {
                    name: "Metropolitan areas of the same names".to_owned(),
                    parts: parts(&[
                        ("New York", 10.4),
                        ("Los Angeles", 9.0),
                        ("Chicago", 3.8),
                        ("Denver", 1.2),
                        ("Philadelphia", 1.4),
                        ("Boston", 1.6),
                        ("San Francisco", 2.2),
                    ]),
                    interval: Some((29.1, 30.2)),
                },
            ],
            claimed: Some((9.0, 10.0)),
            unit: "percent of the national total".to_owned(),
        },
    )
}

/// Four estimates on the log scale, one with an open end.
pub fn intervals() -> Figure {
    let row = |name: &str, est: f64, lo: f64, hi: f64, emphasis: bool| IntervalRow {
        name: name.to_owned(),
        est,
        lo,
        hi,
        emphasis,
    };
    figure(
        "x05-intervals",
        "The interval holds both a fall and a doubling",
        "Change in at-large arrests against the comparison",
        Chart::Intervals {
            rows: vec![
                row("Synthetic difference-in-differences", 0.22, -0.31, 0.84, true),
                row("Demeaned synthetic control", 0.35, -0.12, 0.9, false),
                row("With every unplaced arrest counted", -0.05, -1.4, 0.6, false),
                row("Conformal", 0.28, f64::NEG_INFINITY, 1.1, false),
            ],
            reference: 0.0,
            band: Some((-0.0953, 0.0953)),
            unit: "ln ratio".to_owned(),
        },
    )
}

/// Three choices, one of which has an option that is only shown.
pub fn multiverse() -> Multiverse {
    let axes: Vec<(String, Vec<String>)> = [
        ("at-large definition", vec!["narrow", "standard", "wide"]),
        ("unplaced arrests", vec!["left out", "proportional", "all counted here"]),
        ("window", vec!["four months", "eight months"]),
        ("estimator", vec!["synthetic difference-in-differences", "demeaned control"]),
    ]
    .map(|(name, options)| (name.to_owned(), options.into_iter().map(str::to_owned).collect()))
    .into();
    let mut specifications = Vec::new();
    for a in 0..3 {
        for b in 0..3 {
            for c in 0..2 {
                for d in 0..2 {
                    let at = specifications.len();
                    let est =
                        -0.15 + 0.2 * a as f64 + 0.12 * b as f64 - 0.1 * c as f64 + 0.05 * wobble(at, 7);
                    let half = 0.25 + 0.05 * d as f64;
                    specifications.push(Specification {
                        options: vec![a, b, c, d],
                        primary: at == 16,
                        weight: if b == 2 { 0.0 } else { 1.0 / 24.0 },
                        est,
                        lo: est - half,
                        hi: est + half,
                        outcome: if est - half > 0.0 {
                            'S'
                        } else if est + half < 0.0953 {
                            'C'
                        } else {
                            'U'
                        },
                    });
                }
            }
        }
    }
    Multiverse {
        id: "travis/1".to_owned(),
        axes,
        specifications,
        shares: [0.21, 0.0, 0.79],
        variance_by_axis: vec![0.61, 0.22, 0.12, 0.05],
        most_influential: "the at-large definition moves the estimate most".to_owned(),
    }
}

/// The curve of [`multiverse`].
pub fn specifications() -> Figure {
    figure(
        "x06-curve",
        "Most choices leave it undecided",
        "Every reasonable specification, sorted by estimate",
        Chart::Specifications { multiverse: multiverse(), reference: 0.0, unit: "ln ratio".to_owned() },
    )
}

/// One of each kind.
pub fn figures() -> Vec<Figure> {
    vec![series(), stacked(), multiples(), shares(), intervals(), specifications()]
}

/// The invented docket.
pub fn docket() -> Docket {
    parse(include_str!("fixture.toml"))
}

/// The built-in docket, for tests of size.
pub fn real_docket() -> Docket {
    parse(include_str!("../../../dockets/sanctuary-retaliation-2017.toml"))
}

fn parse(text: &str) -> Docket {
    match Docket::parse(text, "fixture") {
        Ok((docket, _)) => docket,
        Err(error) => panic!("{}", error.report()),
    }
}

/// A check of the invented docket: one verdict of each sort, with invented numbers.
pub fn check() -> Check {
    check_of(&docket())
}

/// A check of any docket, with invented numbers and up to three figures a claim.
pub fn check_of(docket: &Docket) -> Check {
    Check {
        title: docket.title.clone(),
        docket: docket.id.clone(),
        engine: "evenhand 0.1.0".to_owned(),
        record: Source {
            name: "built-in".to_owned(),
            sha256: "9f2c".repeat(16),
            releases: vec![ReleaseInfo {
                id: "invented-2019".to_owned(),
                title: "An invented release".to_owned(),
                rows: vec![("arrests".to_owned(), 412_155), ("removals".to_owned(), 722_459)],
                sha256: "ab12".repeat(16),
            }],
        },
        seed: 1,
        verdicts: docket.claims.iter().enumerate().map(|(at, claim)| verdict_of(at, claim)).collect(),
        figures: vec![renamed(multiples(), "record")],
    }
}

/// The verdict on a claim.
pub fn verdict<'a>(check: &'a Check, id: &str) -> &'a Verdict {
    check.verdicts.iter().find(|verdict| verdict.claim.id == id).unwrap()
}

fn renamed(mut figure: Figure, id: &str) -> Figure {
    figure.id = format!("{}-{}", id.to_lowercase(), figure.id);
    figure
}

fn verdict_of(at: usize, claim: &Claim) -> Verdict {
    let statuses = [
        (Status::MostlySupported, Some(Level::Moderate), "The record mostly points this way."),
        (Status::Inconclusive, Some(Level::Low), "The data cannot settle this: the interval is wide."),
        (Status::NotTestable, None, "Data cannot show this. What they can show:"),
        (Status::Contradicted, Some(Level::High), "The record contradicts this."),
        (Status::Supported, Some(Level::High), "The record supports this."),
        (Status::Mixed, Some(Level::Low), "Parts hold and parts do not."),
        (Status::Unsupported, Some(Level::Low), "The evidence offered does not show this."),
    ];
    let (status, confidence, opening) = statuses[at % statuses.len()];
    let grade = |name, level, why: &str| Grade { name, level, why: why.to_owned() };
    let fired = claim.rules.iter().position(|rule| rule.verdict == status);
    let kinds: [fn() -> Figure; 3] = [shares, intervals, series];
    let figures = match claim.kind {
        ClaimKind::Conditional | ClaimKind::Causal => vec![stacked(), intervals(), specifications()],
        ClaimKind::Share => vec![shares()],
        _ => vec![kinds[at % kinds.len()]()],
    };
    Verdict {
        status,
        confidence,
        modifiers: fired.map_or_else(Vec::new, |rule| claim.rules[rule].modifiers.clone()),
        grades: vec![
            grade("design", Some(Level::Moderate), "one unit, good fit"),
            grade("data", confidence, "a fifth of the rows name no place"),
            grade("precision", None, "nothing was estimated"),
            grade("robustness", Some(Level::High), "nine in ten specifications agree"),
        ],
        opening: opening.to_owned(),
        say: fired.map_or_else(String::new, |rule| claim.rules[rule].say.clone()),
        decisive: "10.9 percent (10.6 to 11.3)".to_owned(),
        tested: "The sum of seven published city estimates was set against the national one.".to_owned(),
        departures: vec!["The estimates are of 2014; the claim is of 2017.".to_owned()],
        rule: fired,
        trace: vec![
            "rule 1: within(city, 9, 10): false, the interval 10.6 to 11.3 lies outside".to_owned(),
            "rule 2: within(city, 8.5, 11.5): true".to_owned(),
        ],
        rule_hash: claim.rule_hash(),
        lock: if at.is_multiple_of(2) {
            LockState::Locked("2026-11-25".to_owned())
        } else {
            LockState::Unlocked
        },
        tests: claim.tests.iter().enumerate().map(|(at, test)| result_of(at, test)).collect(),
        implications: claim
            .implications
            .iter()
            .map(|one| ImplicationResult {
                id: one.id.clone(),
                text: one.text.clone(),
                if_claim: one.if_claim.clone(),
                if_rival: one.if_rival.clone(),
                discriminates: one.discriminates.to_string(),
                role: one.role.to_string(),
                result: "at-large arrests rose by 12 a week in the four weeks after (3 to 21)".to_owned(),
                holds: [Some(true), Some(false), None][at % 3],
            })
            .collect(),
        q: (claim.id == "A13").then_some(0.312),
        data: vec![DataUse {
            dataset: "releases".to_owned(),
            served_by: Some("invented-2019".to_owned()),
            coverage: "October 2014 to September 2018".to_owned(),
            sha256: Some("ab12".repeat(16)),
            rows_used: Some(412_155),
            rows_unplaced: Some(8_210),
        }],
        weakest_hop: claim.chain.last().map(|hop| format!("{} to {}", hop.from, hop.to)),
        rival: Some("National change: arrests rose everywhere in February 2017.".to_owned()),
        would_change: vec!["A release with the county of each arrest.".to_owned()],
        caveats: vec![Caveat {
            code: "geo.landmark".to_owned(),
            text: "A landmark is not a place: nine in ten arrests at large carry the office's own code."
                .to_owned(),
        }],
        disclosure: "Publish profile: counts by area and week or county and month, no attribute of a person."
            .to_owned(),
        figures: figures.into_iter().map(|figure| renamed(figure, &claim.id)).collect(),
        command: format!("evenhand check --claim {}", claim.id),
        claim: claim.clone(),
    }
}

fn result_of(at: usize, test: &Test) -> TestResult {
    let run = at != 2;
    let fields = Fields {
        est: Some(0.22),
        lo: Some(if at == 1 { f64::NEG_INFINITY } else { -0.31 }),
        hi: Some(0.84),
        p: Some(0.312),
        rank_p: (at == 0).then_some(0.28),
        mde: Some(0.61),
        n_units: Some(38),
        n_periods: Some(24),
        n_treated: Some(1),
        shares: Some([0.21, 0.0, 0.79]),
        ..Fields::default()
    };
    TestResult {
        id: test.id.clone(),
        kind: test.kind,
        measure: test.measure.clone(),
        state: if run { State::Run } else { State::NotRun("needs the release of 2026, which this record does not hold".to_owned()) },
        fields: if run { fields } else { Fields::default() },
        estimand: test.estimand.clone().unwrap_or_default(),
        unit: if test.is_ln_ratio() { "ln ratio" } else { "percent" }.to_owned(),
        line: "about 6 more a month, between 9 fewer and 23 more (25 percent more, 27 percent fewer to 132 percent more)".to_owned(),
        method: vec!["Donors outside the area; placebo units and conformal inference, the wider of the two.".to_owned()],
        details: vec![("root mean squared error before the policy".to_owned(), "1.84".to_owned())],
        multiverse: (run && test.multiverse.is_some()).then(multiverse),
    }
}
