//! The rule hash changes with what decides, and with nothing else.

use std::sync::LazyLock;

use evenhand_docket::{Claim, Date, Docket, Expr, Modifier, Status, Unit};
use proptest::prelude::*;

fn text() -> String {
    let path = evenhand_testkit::root().join("dockets/sanctuary-retaliation-2017.toml");
    std::fs::read_to_string(path).expect("the built-in docket is part of the repository")
}

fn load(text: &str) -> Docket {
    Docket::parse(text, "built-in.toml").expect("loads").0
}

/// Loaded once: the properties below edit copies of its claims.
static BUILT_IN: LazyLock<Docket> = LazyLock::new(|| load(&text()));

fn hashes(docket: &Docket) -> Vec<String> {
    docket.claims.iter().map(Claim::rule_hash).collect()
}

#[test]
fn the_hash_is_a_sha_256_and_no_two_claims_share_it() {
    let mut hashes = hashes(&load(&text()));
    assert!(
        hashes.iter().all(|hash| hash.len() == 64 && hash.bytes().all(|b| b"0123456789abcdef".contains(&b)))
    );
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 27);
}

#[test]
fn the_hash_of_the_first_claim_is_pinned() {
    // A change here makes every lock file stale: raise the version in `hash.rs` when that is meant.
    insta::assert_snapshot!(load(&text()).claims[0].rule_hash(), @"ca07cbb4babb10dc9cd35649e5bd27f530b439ddce6f0e4f87a021364518e8fa");
    insta::assert_snapshot!(load(&text()).claims[0].canonical(), @r"
    evenhand-rule/1
    text 80 Amnesty advocates claim that ICE raids are retaliation against sanctuary cities.
    scope.geo 6 nation
    scope.level 8 document
    scope.start 10 2017-03-24
    scope.end 10 2017-03-24
    test.id 2 t1
    test.kind 14 document_check
    test.measure 8 doc_text
    test.document 6 S-SEED
    test.asks 70 does any advocate or advocacy group in the article assert retaliation?
    rule.verdict 9 supported
    rule.when 16 t1.found == true
    rule.say 43 An advocate in the article makes the claim.
    rule.verdict 12 contradicted
    rule.when 17 t1.found == false
    rule.say 192 The article's own text attributes the claim to an unnamed immigration official and to a federal magistrate judge; the advocate it cites reports a statement made to advocates about jail access.
    alpha 4 0.05
    sesoi.log_ratio 6 0.0953
    sesoi.share_pp 1 5
    ");
}

#[test]
fn formatting_comments_and_key_order_do_not_matter() {
    let text = text();
    let before = hashes(&load(&text));
    let reformatted = text
        .replace("[[claim.test]]", "\n# A test follows.\n[[ claim . test ]]   # here")
        .replace("literal = [9.0, 10.0]", "literal = [ 9,\n 10 ]")
        .replace("within(city, 9.0, 10.0)", "within( city,9,10.0 )")
        .replace("when = \"t1.found == true\"\n", "when = '''t1.found==true'''\n")
        .replace("unit = \"aor\"\nperiod = \"week\"\n", "period = \"week\"\nunit = \"aor\"\n");
    assert_ne!(text, reformatted);
    assert_eq!(hashes(&load(&reformatted)), before);
}

#[test]
fn the_file_parts_that_decide_change_the_hashes_that_lean_on_them() {
    let text = text();
    let before = load(&text);
    let changed = |from: &str, to: &str| -> String {
        assert!(text.contains(from), "{from}");
        let after = load(&text.replace(from, to));
        let pairs = before.claims.iter().zip(&after.claims);
        pairs
            .filter(|(a, b)| a.rule_hash() != b.rule_hash())
            .map(|(a, _)| a.id.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let all: Vec<&str> = before.claims.iter().map(|claim| claim.id.as_str()).collect();
    assert_eq!(changed("alpha = 0.05", "alpha = 0.10"), all.join(" "));
    assert_eq!(changed("share_pp = 5.0", "share_pp = 4.0"), all.join(" "));
    assert_eq!(changed("municipal limits of", "the limits of"), "A02");
    assert_eq!(changed("date = 2017-09-25", "date = 2017-09-26"), "A05 A13");
    assert_eq!(changed("Releasing 142", "Letting 142 go"), "", "a title decides nothing");
    assert_eq!(changed("side = \"administration\"", "side = \"critic\""), "", "nor does a side");
    assert_eq!(changed("fidelity = \"altered\"", "fidelity = \"faithful\""), "", "nor does the chain");
}

/// One edit of a part that the hash covers.
fn edit(claim: &mut Claim, which: usize, word: &str) {
    let word = word.to_owned();
    let far = Date::constant(2031, 1, 1);
    match which {
        0 => claim.text.push_str(&word),
        1 => claim.scope.end = far,
        2 => claim.scope.start = Date::constant(1901, 1, 1),
        3 => claim.scope.geo.push(evenhand_docket::Geo::City(word)),
        4 => claim.definitions.push(word),
        5 => claim.alpha /= 2.0,
        6 => claim.sesoi.log_ratio *= 2.0,
        7 => claim.sesoi.share_pp += 1.0,
        8 => claim.rules[0].say.push_str(&word),
        9 => claim.rules[0].when = Expr::Not(Box::new(claim.rules[0].when.clone())),
        10 => claim.rules[0].modifiers.push(Modifier::Superseded),
        11 => {
            let verdict = claim.rules[0].verdict;
            claim.rules[0].verdict = if verdict == Status::Mixed { Status::Supported } else { Status::Mixed };
        }
        12 => claim.rules.push(claim.rules[0].clone()),
        13 => claim.tests[0].id.push_str(&word),
        14 => claim.tests[0].measure.push_str(&word),
        15 => claim.tests[0].note = Some(word),
        16 => claim.tests[0].treatment = Some(word),
        17 => claim.tests[0].window = Some((far, far)),
        18 => claim.tests[0].inference = Some(word),
        19 => claim.tests[0].bounds = Some(word),
        20 => claim.tests[0].multiverse = Some(word),
        21 => claim.tests[0].asks = Some(word),
        22 => claim.pinned.push((word.clone(), word)),
        23 => claim.tests.push(claim.tests[0].clone()),
        _ => {
            let metro = claim.scope.level == Unit::Metro;
            claim.scope.level = if metro { Unit::City } else { Unit::Metro };
        }
    }
}

/// One edit of a part that decides nothing.
fn touch(claim: &mut Claim, which: usize, word: &str) {
    let word = word.to_owned();
    match which {
        0 => claim.id = word,
        1 => claim.title = word,
        2 => claim.locus = word,
        3 => claim.claimant.name = word,
        4 => claim.claimant.side = Some(word),
        5 => claim.facts.clear(),
        6 => claim.chain.clear(),
        7 => claim.pitfalls.clear(),
        8 => claim.line += 1,
        9 => claim.tests[0].line += 1,
        10 => claim.tests.reverse(),
        11 => claim.definitions.reverse(),
        _ => claim.said_on = Date::constant(2031, 1, 1),
    }
}

proptest! {
    #[test]
    fn every_covered_part_changes_the_hash(at in 0usize..27, which in 0usize..25, word in "[a-z]{1,12} x") {
        let mut claim = BUILT_IN.claims[at].clone();
        let before = claim.rule_hash();
        edit(&mut claim, which, &word);
        prop_assert_ne!(claim.rule_hash(), before);
    }

    #[test]
    fn every_other_part_leaves_it(at in 0usize..27, which in 0usize..13, word in ".{0,12}") {
        let mut claim = BUILT_IN.claims[at].clone();
        let before = claim.rule_hash();
        touch(&mut claim, which, &word);
        prop_assert_eq!(claim.rule_hash(), before);
    }

    #[test]
    fn text_cannot_move_from_one_part_to_another(a in "[a-z \n]{0,8}", b in "[a-z \n]{0,8}") {
        let mut one = BUILT_IN.claims[0].clone();
        let mut other = one.clone();
        one.tests[0].asks = Some(format!("{a}{b}"));
        one.tests[0].bounds = None;
        other.tests[0].asks = Some(a);
        other.tests[0].bounds = Some(b);
        prop_assert_ne!(one.rule_hash(), other.rule_hash());
    }
}
