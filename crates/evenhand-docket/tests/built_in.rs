//! The built-in docket loads, and what is noticed about it is written down here.

use evenhand_docket::{
    ClaimKind, Date, Docket, Field, Fields, Lock, LockState, Modifier, ShareOf, Status, chain_is_weak,
    weakest_hop,
};

fn text() -> String {
    let path = evenhand_testkit::root().join("dockets/sanctuary-retaliation-2017.toml");
    std::fs::read_to_string(path).expect("the built-in docket is part of the repository")
}

fn docket() -> Docket {
    Docket::parse(&text(), "built-in.toml").expect("the built-in docket loads").0
}

#[test]
fn it_holds_27_claims_in_file_order_without_an_error() {
    let docket = docket();
    let ids: Vec<&str> = docket.claims.iter().map(|claim| claim.id.as_str()).collect();
    let expected: Vec<String> =
        (1..=18).map(|n| format!("A{n:02}")).chain((1..=9).map(|n| format!("B{n:02}"))).collect();
    assert_eq!(ids, expected);
    assert_eq!((docket.sources.len(), docket.datasets.len(), docket.measures.len()), (50, 12, 23));
    assert_eq!((docket.definitions.len(), docket.events.len()), (13, 5));
    assert_eq!(docket.claims.iter().map(|claim| claim.tests.len()).sum::<usize>(), 64);
    assert_eq!(docket.claims.iter().map(|claim| claim.rules.len()).sum::<usize>(), 74);
}

#[test]
fn every_docket_of_the_repository_loads() {
    let folder = std::fs::read_dir(evenhand_testkit::root().join("dockets")).expect("the folder of dockets");
    let mut paths: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert!(!paths.is_empty());
    for path in paths {
        if let Err(error) = Docket::load(&path) {
            panic!("{}", error.report());
        }
    }
}

#[test]
fn it_is_the_docket_that_the_plan_hands_over() {
    let Some(path) = evenhand_testkit::shared("domain/article-claims.toml") else { return };
    assert_eq!(text(), std::fs::read_to_string(path).expect("readable"));
}

#[test]
fn lines_point_at_the_tables() {
    let text = text();
    let line = |number: usize| text.lines().nth(number - 1).unwrap_or_default();
    for claim in docket().claims {
        assert_eq!(line(claim.line), "[[claim]]", "{}", claim.id);
        assert_eq!(line(claim.line + 1), format!("id = \"{}\"", claim.id));
        for test in &claim.tests {
            assert_eq!(line(test.line), "[[claim.test]]", "{} {}", claim.id, test.id);
        }
        for rule in &claim.rules {
            assert_eq!(line(rule.line), "[[claim.rule]]", "{}", claim.id);
        }
    }
}

#[test]
fn its_lints() {
    let (_, lints) = Docket::parse(&text(), "built-in.toml").expect("loads");
    let lints: Vec<String> = lints.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lints.join("\n"), @r"
    built-in.toml:765:13: `event[E-TRAVIS-ANN].certainty`: the date of this event is not verified [unverified-event]
    built-in.toml:854:6: `claim[A02].test[metro].id`: no rule or implication uses `metro`; it will be shown as context [unused-test]
    built-in.toml:1036:6: `claim[A04].test[docs].id`: no rule or implication uses `docs`; it will be shown as context [unused-test]
    built-in.toml:1042:6: `claim[A04].test[ops].id`: no rule or implication uses `ops`; it will be shown as context [unused-test]
    built-in.toml:1161:11: `claim[A05].test[mix].dataset`: `share_crim` is taken from documents of the docket, not from records [press-figures]
    built-in.toml:1243:6: `claim[A07].id`: a claim about intent without implications: nothing of it will be tested [intent-without-implications]
    built-in.toml:1257:6: `claim[A07].test[docs].id`: no rule or implication uses `docs`; it will be shown as context [unused-test]
    built-in.toml:1278:9: `claim[A08].scope`: 2011-10-01 to 2026-03-10: `uwchr` covers not all of its days (2011-10-01 to 2023-01-29) [scope-outside-coverage]
    built-in.toml:1311:6: `claim[A08].test[sub].id`: no rule or implication uses `sub`; it will be shown as context [unused-test]
    built-in.toml:1459:6: `claim[A12].test[detainers].id`: no rule or implication uses `detainers`; it will be shown as context [unused-test]
    built-in.toml:1553:9: `claim[A14].scope`: 2011-10-01 to 2026-03-10: `ddp26` covers not all of its days (2022-10-01 to 2026-03-10) [scope-outside-coverage]
    built-in.toml:1602:9: `claim[A15].scope`: 2017-02-01 to 2017-03-31: `ddp26` covers none of its days (2022-10-01 to 2026-03-10) [scope-outside-coverage]
    built-in.toml:1619:11: `claim[A15].test[feb17].dataset`: `share_crim` is taken from documents of the docket, not from records [press-figures]
    built-in.toml:1624:6: `claim[A15].test[recent].id`: no rule or implication uses `recent`; it will be shown as context [unused-test]
    built-in.toml:1707:9: `claim[A17].scope`: 2007-01-01 to 2016-12-31: `acs` covers not all of its days (2009-01-01 to 2024-12-31) [scope-outside-coverage]
    built-in.toml:1822:6: `claim[B01].test[conv].id`: no rule or implication uses `conv`; it will be shown as context [unused-test]
    built-in.toml:2091:9: `claim[B07].scope`: 1999-01-01 to 2015-12-31: `ucr` covers not all of its days (2005-01-01 to 2024-12-31) [scope-outside-coverage]
    built-in.toml:2201:6: `claim[B09].test[sub].id`: no rule or implication uses `sub`; it will be shown as context [unused-test]
    ");
}

#[test]
fn chains_are_weak_where_the_plan_says_so() {
    let docket = docket();
    let weak: Vec<&str> = docket.claims.iter().filter(|c| chain_is_weak(c)).map(|c| c.id.as_str()).collect();
    insta::assert_snapshot!(weak.join(" "), @"A01 A02 A03 A04 A05 A06 A07 A08 A12 A17 B07");
    let hop = |id: &str| {
        let claim = docket.claim(id).expect("claim");
        weakest_hop(claim)
            .map(|hop| format!("{} -> {}, {}", hop.from, hop.to, hop.fidelity))
            .unwrap_or_default()
    };
    insta::assert_snapshot!(["A02", "A05", "A12", "A18"].map(hop).join("\n"), @r"
    Breitbart -> outlet, altered
    the judge, in open court, with audio -> CNN, broadened
    ICE report: 142 recorded declined detainers -> outlet, altered
    Pew Research Center -> outlet, narrowed
    ");
}

/// No results at all.
struct Nothing;

impl Fields for Nothing {
    fn number(&self, _: &str, _: Field) -> Option<f64> {
        None
    }
    fn flag(&self, _: &str, _: Field) -> Option<bool> {
        None
    }
    fn share(&self, _: &str, _: ShareOf) -> Option<f64> {
        None
    }
}

#[test]
fn without_results_only_rules_that_need_none_decide() {
    for claim in docket().claims {
        let decision = claim.decide(&Nothing);
        let needs_none = ["A03", "A04", "A05", "A07", "A15", "A17"].contains(&claim.id.as_str());
        assert_eq!(decision.rule.is_some(), needs_none, "{}", claim.id);
        if claim.kind == ClaimKind::Intent {
            assert_eq!(decision.status, Status::NotTestable);
            assert!(decision.modifiers.contains(&Modifier::Motive));
        }
    }
}

/// A12 as the sources of the docket have it: 128 inmates, 37 of them released.
struct Released;

impl Fields for Released {
    fn number(&self, test: &str, field: Field) -> Option<f64> {
        let value = match test {
            "persons" => 128.0,
            "released" => 37.0,
            _ => return None,
        };
        matches!(field, Field::Value | Field::Lo | Field::Hi).then_some(value)
    }
    fn flag(&self, _: &str, _: Field) -> Option<bool> {
        None
    }
    fn share(&self, _: &str, _: ShareOf) -> Option<f64> {
        None
    }
}

#[test]
fn a_decision_says_which_rule_decided_and_why() {
    let docket = docket();
    let decision = docket.claim("A12").expect("claim").decide(&Released);
    assert_eq!((decision.rule, decision.status), (Some(2), Status::Contradicted));
    assert_eq!(decision.modifiers, [Modifier::ContextMissing, Modifier::SourceChainWeak]);
    let trace: Vec<String> = decision
        .trace
        .iter()
        .flat_map(|rule| {
            rule.condition.deciding().into_iter().map(|step| format!("{}: {step}", rule.verdict))
        })
        .collect();
    insta::assert_snapshot!(trace.join("\n"), @r"
    supported: within(released, 141.5, 142.5) is false (released.lo = 37, released.hi = 37)
    mostly_supported: within(released, 128, 156) is false (released.lo = 37, released.hi = 37)
    contradicted: persons.value < 141.5 is true (persons.value = 128)
    contradicted: released.value < 128 is true (released.value = 37)
    ");
}

#[test]
fn a_lock_survives_its_file_and_notices_a_change() {
    let mut docket = docket();
    let day = Date::constant(2026, 11, 24);
    let lock = Lock::of(&docket, day);
    let lock = Lock::parse(&lock.write(), "docket.lock").expect("a written lock parses");
    assert_eq!(lock, Lock::of(&docket, day));
    assert!(lock.compare(&docket).iter().all(|claim| claim.state == LockState::Locked { at: day }));

    let was = docket.claims[0].rule_hash();
    docket.claims[0].text.push('!');
    docket.claims[1].id = "A99".into();
    let states = lock.compare(&docket);
    assert_eq!(states[0].state, LockState::Changed { was, at: day });
    assert_eq!(states[1].state, LockState::New);
    assert!(matches!(&states[27], c if c.claim == "A02" && matches!(c.state, LockState::Removed { .. })));
    docket.id = "another".into();
    assert!(lock.compare(&docket).iter().take(27).all(|claim| claim.state == LockState::New));
}
