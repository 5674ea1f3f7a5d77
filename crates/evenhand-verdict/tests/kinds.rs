//! Each kind of test on small dockets of its own, over the figures that the engine carries.

use evenhand_docket::{Docket, Mode};
use evenhand_measure::Figures;
use evenhand_verdict::{ErrorKind, Options, State, TestResult, check};

/// One claim with one test of the article's docket, the test's lines replaced.
fn docket(claim: &str, test: &str) -> Docket {
    let head = r#"
schema = "docket/1"
[docket]
id = "kinds"
title = "One test"
language = "en-US"
created = 2026-11-25
locked = false
methods = "methods/1"
disclosure = "publish"
alpha = 0.05
sesoi = { log_ratio = 0.0953, share_pp = 5.0 }
family_primary = []
[[source]]
id = "S-A"
kind = "dataset"
title = "A table"
publisher = "An office"
url = "https://example.org/"
access = "read-full"
[[dataset]]
id = "pew"
title = "Estimates"
coverage = [2007-01-01, 2016-12-31]
linkable = false
geography = "metro; city"
limits = []
home = "S-A"
[[dataset]]
id = "ddor17"
title = "Report"
coverage = [2017-01-28, 2017-02-03]
linkable = false
geography = "county"
limits = []
home = "S-A"
[[dataset]]
id = "uwchr"
title = "Arrests"
coverage = [2011-10-01, 2023-01-29]
linkable = false
geography = "area"
limits = []
home = "S-A"
[[measure]]
id = "pop_unauth"
what = "population"
datasets = ["pew"]
units = ["city", "metro", "nation"]
[[measure]]
id = "det_declined_recorded"
what = "declines"
datasets = ["ddor17"]
units = ["county"]
[[measure]]
id = "arr_total"
what = "arrests"
datasets = ["uwchr"]
units = ["nation", "aor"]
[[definition]]
id = "places.city"
rule = "city limits"
default = true
[[claim]]
id = "K01"
title = "A claim"
text = "A claim."
locus = "test"
kind = "share"
claimant = { name = "a test", role = "research", named = true }
said_on = 2017-03-24
chain = [ { from = "a test", to = "docket", relation = "asserted", source = "S-A", hearsay = 0, on_record = true, fidelity = "faithful" } ]
pitfalls = []
"#;
    let rule = "\n[[claim.rule]]\nverdict = \"supported\"\nwhen = \"t.est >= 0\"\nsay = \"So.\"\n";
    let text = format!("{head}{claim}\n[[claim.test]]\nid = \"t\"\n{test}{rule}");
    Docket::parse_in(Mode::Strict, &text, "kinds.toml").unwrap_or_else(|error| panic!("{error}")).0
}

fn result(claim: &str, test: &str) -> TestResult {
    let check = check(&docket(claim, test), None, &Figures::builtin().unwrap(), &Options::default());
    check.unwrap().verdicts.remove(0).tests.remove(0)
}

const THREE_CITIES: &str = r#"scope = { geo = ["city:New York", "city:Denver", "city:Boston"], level = "city", start = 2014-01-01, end = 2014-12-31 }"#;
const TRAVIS: &str = r#"scope = { geo = ["48453"], level = "county", start = 2017-01-28, end = 2017-02-03 }"#;
const NATION: &str =
    r#"scope = { geo = ["nation"], level = "nation", start = 2016-10-01, end = 2017-09-30 }"#;

fn arithmetic(estimand: &str, more: &str) -> String {
    format!(
        "kind = \"arithmetic\"\nmeasure = \"pop_unauth\"\ndataset = \"pew\"\nestimand = \"{estimand}\"\n{more}"
    )
}

#[test]
fn three_cities_over_the_nation_with_rounding_bounds() {
    let result = result(THREE_CITIES, &arithmetic("100 * sum(three cities) / nation, 2014", ""));
    // 525, 55 and 35 thousand of 11.1 million, rounded to 25, 5 and 5 thousand: 17.5 thousand either way.
    assert!((result.fields.est.unwrap() - 100.0 * 615.0 / 11_100.0).abs() < 1e-9);
    assert!((result.fields.lo.unwrap() - 100.0 * 597.5 / 11_150.0).abs() < 1e-9, "{:?}", result.fields.lo);
    assert!((result.fields.hi.unwrap() - 100.0 * 632.5 / 11_050.0).abs() < 1e-9, "{:?}", result.fields.hi);
    assert_eq!(result.line, "5.5 percent (5.4 to 5.7)");
}

#[test]
fn cities_over_metros_is_refused() {
    let docket = docket(THREE_CITIES, &arithmetic("100 * sum(three cities) / sum(three metros), 2014", ""));
    let error = check(&docket, None, &Figures::builtin().unwrap(), &Options::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Boundary);
    assert!(error.to_string().contains("found city limits and metropolitan areas"), "{error}");
}

#[test]
fn a_definition_of_city_limits_refuses_metros() {
    let test = arithmetic("100 * sum(three metros) / nation, 2014", "definition = \"places.city\"\n");
    let error = check(&docket(THREE_CITIES, &test), None, &Figures::builtin().unwrap(), &Options::default());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Boundary);
}

#[test]
fn formulas_that_are_not_understood_are_not_run() {
    for estimand in [
        "100 * sum(big cities) / nation, 2014",
        "100 * sum(three cities) / nation, 1999",
        "the share of three cities, 2014",
        "100 * (sum(three cities), 2014",
        "100 * sum(four cities) / nation, 2014",
    ] {
        let result = result(THREE_CITIES, &arithmetic(estimand, ""));
        assert!(
            matches!(&result.state, State::NotRun(why) if why.starts_with("needs ")),
            "{estimand}: {:?}",
            result.state
        );
    }
}

#[test]
fn parentheses_and_signs_follow_school_arithmetic() {
    let result = result(THREE_CITIES, &arithmetic("(1 + 2) * 4 - 6 / 3, 2014", ""));
    assert!((result.fields.est.unwrap() - 10.0).abs() < 1e-12);
}

#[test]
fn a_published_count_is_quoted_exactly() {
    let result = result(
        TRAVIS,
        "kind = \"tabulate\"\nmeasure = \"det_declined_recorded\"\ndataset = \"ddor17\"\nunit = \"county\"\nestimand = \"recorded declines, 48453\"\n",
    );
    assert_eq!(result.fields.count, Some(142.0));
    assert_eq!((result.fields.lo, result.fields.hi), (Some(142.0), Some(142.0)));
    assert!(
        result.details.iter().any(|(_, text)| text.contains("143") && text.contains("128")),
        "{:?}",
        result.details
    );
}

#[test]
fn arrests_of_a_fiscal_year_add_up_to_what_the_agency_published() {
    let test = |estimand: &str| {
        format!(
            "kind = \"tabulate\"\nmeasure = \"arr_total\"\ndataset = \"uwchr\"\nunit = \"nation\"\nperiod = \"cumulative\"\nestimand = \"{estimand}\"\n"
        )
    };
    let total = result(NATION, &test("total, 2016-10-01 to 2017-09-30"));
    let (lo, hi) = (total.fields.lo.unwrap(), total.fields.hi.unwrap());
    assert!(lo <= 143_470.0 && 143_470.0 <= hi, "{lo} to {hi}");
    let a_day = result(NATION, &test("mean per day, 2016-10-01 to 2017-09-30"));
    assert!((a_day.fields.est.unwrap() - lo / 365.0).abs() < 1e-9);
    let outside = result(NATION, &test("total, 2012-10-01 to 2013-09-30"));
    assert!(matches!(outside.state, State::NotRun(_)));
    let in_words = result(NATION, &test("how many there were"));
    assert!(matches!(in_words.state, State::NotRun(_)));
}

#[test]
fn the_rank_holds_however_unseen_rows_split_the_rest() {
    let rank = |estimand: &str| {
        result(
            TRAVIS,
            &format!(
                "kind = \"rank\"\nmeasure = \"det_declined_recorded\"\ndataset = \"ddor17\"\nunit = \"county\"\nestimand = \"{estimand}\"\n"
            ),
        )
    };
    let by_count = rank("rank of 48453 by count, as published");
    assert_eq!((by_count.fields.rank, by_count.fields.hi), (Some(1.0), Some(1.0)));
    let other_ways =
        rank("rank of 48453 (a) excluding detainers issued before 2017-01-28, (b) per detainer issued");
    assert_eq!(other_ways.fields.rank1, None, "an undecided way leaves the share unknown");
    assert_eq!(other_ways.details.len(), 2);
}

#[test]
fn the_order_of_published_figures_has_a_probability() {
    let order = |names: &str| {
        let scope = r#"scope = { geo = ["nation"], level = "metro", start = 2014-01-01, end = 2014-12-31 }"#;
        result(
            scope,
            &format!("kind = \"rank\"\nmeasure = \"pop_unauth\"\ndataset = \"pew\"\nunit = \"metro\"\nestimand = \"probability that ranks 1, 2, 3 are {names} given published margins\"\n"),
        )
        .fields
        .prob
        .unwrap()
    };
    assert!((order("New York, Los Angeles, Houston") - 1.0).abs() < 1e-12);
    assert!(order("Los Angeles, New York, Houston").abs() < 1e-12);
}

#[test]
fn the_share_of_the_twenty_metros_fell_beyond_rounding() {
    let scope = r#"scope = { geo = ["nation"], level = "metro", start = 2007-01-01, end = 2016-12-31 }"#;
    let trend = result(
        scope,
        "kind = \"trend\"\nmeasure = \"pop_unauth\"\ndataset = \"pew\"\nunit = \"metro\"\nperiod = \"year\"\nestimand = \"change 2007-2016 in the share of the national total living in the top 20 metros, percentage points\"\n",
    );
    let expected = 100.0 * (6.5 / 10.7 - 7.7 / 12.2);
    assert!((trend.fields.est.unwrap() - expected).abs() < 1e-9);
    assert!(trend.fields.hi.unwrap() < 0.0);
}
