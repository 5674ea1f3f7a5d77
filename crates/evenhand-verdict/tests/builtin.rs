//! The built-in dockets on the built-in record: every verdict, the same at any number of threads, in our words.

use evenhand_docket::{Docket, Lock};
use evenhand_measure::Figures;
use evenhand_verdict::tests::synth::Study;
use evenhand_verdict::wording::banned_word;
use evenhand_verdict::{Check, Context, ErrorKind, Fields, Level, LockState, Options, State, Verdict, check};
use std::fmt::Write as _;
use std::sync::OnceLock;

fn docket(name: &str) -> Docket {
    let path = format!("{}/../../dockets/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    Docket::load(path).unwrap().0
}

fn article() -> Docket {
    docket("sanctuary-retaliation-2017")
}

fn run(docket: &Docket, lock: Option<&Lock>, options: &Options) -> Check {
    check(docket, lock, &Figures::builtin().unwrap(), options).unwrap()
}

fn builtin() -> &'static Check {
    static CHECK: OnceLock<Check> = OnceLock::new();
    CHECK.get_or_init(|| run(&article(), None, &Options::default()))
}

fn of<'c>(check: &'c Check, claim: &str) -> &'c Verdict {
    check.verdicts.iter().find(|verdict| verdict.claim.id == claim).unwrap()
}

fn table(check: &Check) -> String {
    let mut text = String::new();
    for verdict in &check.verdicts {
        let level = verdict.confidence.map_or("none", |level| match level {
            Level::Low => "low",
            Level::Moderate => "moderate",
            Level::High => "high",
        });
        let modifiers: Vec<String> = verdict.modifiers.iter().map(ToString::to_string).collect();
        let rule = verdict.rule.map_or("no rule".to_owned(), |rule| format!("rule {}", rule + 1));
        writeln!(
            text,
            "{} {} ({level}; {rule}) [{}]\n    {}\n    {}",
            verdict.claim.id,
            verdict.status,
            modifiers.join(", "),
            verdict.opening,
            verdict.decisive
        )
        .unwrap();
    }
    text
}

#[test]
fn verdicts_of_the_article_docket() {
    insta::assert_snapshot!(table(builtin()));
}

#[test]
fn verdicts_of_the_seattle_docket() {
    insta::assert_snapshot!(table(&run(&docket("seattle-area-2019"), None, &Options::default())));
}

#[test]
fn a_docket_of_another_subject_gets_no_figure_of_this_one() {
    assert!(run(&docket("seattle-area-2019"), None, &Options::default()).figures.is_empty());
}

#[test]
fn the_county_test_in_full() {
    let verdict = of(builtin(), "A13");
    let mut text = String::new();
    for test in &verdict.tests {
        writeln!(text, "{}: {}", test.id, test.line).unwrap();
        test.method.iter().for_each(|line| writeln!(text, "  {line}").unwrap());
        test.details.iter().for_each(|(label, line)| writeln!(text, "  {label}: {line}").unwrap());
    }
    for grade in &verdict.grades {
        writeln!(text, "{}: {:?}, {}", grade.name, grade.level, grade.why).unwrap();
    }
    verdict.caveats.iter().for_each(|caveat| writeln!(text, "{}: {}", caveat.code, caveat.text).unwrap());
    insta::assert_snapshot!(text);
}

#[test]
fn what_every_figure_says() {
    let check = builtin();
    let mut text = String::new();
    for figure in check.verdicts.iter().flat_map(|verdict| &verdict.figures).chain(&check.figures) {
        writeln!(text, "{}\n  {}\n  {}\n  {}", figure.id, figure.title, figure.subtitle, figure.description)
            .unwrap();
    }
    insta::assert_snapshot!(text);
    let mut ids: Vec<&str> = check
        .verdicts
        .iter()
        .flat_map(|verdict| &verdict.figures)
        .chain(&check.figures)
        .map(|figure| figure.id.as_str())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "two figures share an id");
}

#[test]
fn any_number_of_threads_gives_the_same_check() {
    let docket = article();
    let figures = Figures::builtin().unwrap();
    let at = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let check = pool.install(|| check(&docket, None, &figures, &Options::default()).unwrap());
        format!("{check:?}")
    };
    let one = at(1);
    assert!(one == at(2), "two threads differ from one");
    assert!(one == at(8), "eight threads differ from one");
}

#[test]
fn a_test_that_was_not_run_gives_nothing_to_a_rule() {
    for verdict in &builtin().verdicts {
        for test in &verdict.tests {
            if let State::NotRun(why) = &test.state {
                assert!(why.starts_with("needs "), "{} {}: {why}", verdict.claim.id, test.id);
                assert_eq!(test.fields, Fields::default(), "{} {}", verdict.claim.id, test.id);
                assert!(test.multiverse.is_none());
            }
        }
    }
}

#[test]
fn a_claim_without_a_run_test_gets_what_its_rules_give_to_nothing() {
    struct Nothing;
    impl evenhand_docket::Fields for Nothing {
        fn number(&self, _: &str, _: evenhand_docket::Field) -> Option<f64> {
            None
        }
        fn flag(&self, _: &str, _: evenhand_docket::Field) -> Option<bool> {
            None
        }
        fn share(&self, _: &str, _: evenhand_docket::ShareOf) -> Option<f64> {
            None
        }
    }
    let mut met = 0;
    for verdict in &builtin().verdicts {
        if verdict.tests.iter().all(|test| test.state != State::Run) {
            met += 1;
            assert_eq!(verdict.status, verdict.claim.decide(&Nothing).status, "{}", verdict.claim.id);
        }
    }
    assert!(met > 5, "the built-in record is expected to leave several claims untested, found {met}");
}

#[test]
fn the_engine_keeps_to_its_words() {
    let check = builtin();
    let mut ours: Vec<String> = Vec::new();
    for verdict in &check.verdicts {
        ours.push(verdict.opening.clone());
        ours.extend(verdict.departures.iter().cloned());
        ours.extend(verdict.caveats.iter().map(|caveat| caveat.text.clone()));
        ours.extend(verdict.grades.iter().map(|grade| grade.why.clone()));
        ours.extend(verdict.would_change.iter().cloned());
        ours.push(verdict.disclosure.clone());
        // The question of a document test, and a source's title, are the docket's words.
        for test in verdict.tests.iter().filter(|test| test.kind != evenhand_docket::TestKind::DocumentCheck)
        {
            ours.push(test.line.clone());
            ours.extend(test.method.iter().cloned());
            ours.extend(test.details.iter().map(|(label, text)| format!("{label} {text}")));
        }
    }
    for figure in check.verdicts.iter().flat_map(|verdict| &verdict.figures).chain(&check.figures) {
        ours.extend([figure.title.clone(), figure.subtitle.clone(), figure.description.clone()]);
        ours.extend(figure.notes.iter().cloned());
    }
    for sentence in ours {
        assert_eq!(banned_word(&sentence), None, "{sentence}");
    }
}

#[test]
fn one_claim_comes_out_as_it_does_among_all() {
    for id in ["A02", "A17"] {
        let options = Options { claims: Some(vec![id.into()]), ..Options::default() };
        let alone = run(&article(), None, &options);
        assert_eq!(alone.verdicts.len(), 1);
        assert_eq!(format!("{:?}", alone.verdicts[0]), format!("{:?}", of(builtin(), id)));
        assert_eq!(alone.verdicts[0].command, format!("evenhand check --claim {id}"));
    }
}

#[test]
fn donors_lie_outside_the_area_and_have_no_policy() {
    let (docket, figures) = (article(), Figures::builtin().unwrap());
    let context = Context::new(&docket, &figures, 1);
    let claim = docket.claim("A13").unwrap();
    let study =
        Study::bind(&context, claim, claim.test("gross").unwrap()).unwrap_or_else(|stop| panic!("{stop:?}"));
    assert!(study.donors.len() >= 20);
    assert_eq!(study.panel.county().name, "Travis County, TX");
    for &donor in &study.donors {
        let county = &study.panel.counties[donor];
        assert!(!["SNA", "HOU", "HLG"].contains(&county.aor.code()), "{}", county.name);
        assert!(!study.panel.with_policy.contains(&county.fips), "{}", county.name);
    }
    let months: Vec<String> = study.periods.at.iter().map(|&t| study.panel.months[t].to_string()).collect();
    assert_eq!((months.first().map(String::as_str), study.periods.n_pre), (Some("2015-10"), 15));
    assert!(!months.contains(&"2017-01".to_owned()), "the month of the announcement is left out");
    assert_eq!(months.last().map(String::as_str), Some("2017-09"));
}

#[test]
fn an_unknown_claim_is_named() {
    let options = Options { claims: Some(vec!["A99".into()]), ..Options::default() };
    let error = check(&article(), None, &Figures::builtin().unwrap(), &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownClaim);
    assert!(error.to_string().contains("found `A99`"), "{error}");
    assert!(error.hint().unwrap().contains("A02"));
}

#[test]
fn a_rule_changed_after_the_lock_makes_the_verdict_exploratory() {
    let docket = article();
    let day = "2026-11-25".parse().unwrap();
    let lock = Lock::of(&docket, day);
    let options = Options { claims: Some(vec!["A02".into(), "A10".into()]), ..Options::default() };
    let locked = run(&docket, Some(&lock), &options);
    assert_eq!(of(&locked, "A02").lock, LockState::Locked("2026-11-25".into()));
    let mut changed = docket.clone();
    let claim = changed.claims.iter_mut().find(|claim| claim.id == "A02").unwrap();
    claim.rules.pop();
    let exploratory = run(&changed, Some(&lock), &options);
    assert_eq!(of(&exploratory, "A02").lock, LockState::Changed);
    assert!(of(&exploratory, "A02").modifiers.contains(&evenhand_docket::Modifier::Exploratory));
    assert_eq!(of(&exploratory, "A10").lock, LockState::Locked("2026-11-25".into()));
}
