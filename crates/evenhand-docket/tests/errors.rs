//! Files that do not load: each message says where, what was found and what was expected.

use evenhand_docket::{Docket, Error, ErrorKind, Lint, LintCode, Lock, Mode, ProblemCode};
use proptest::prelude::*;

/// A small docket that loads without a lint.
const SMALL: &str = r#"schema = "docket/1"

[docket]
id = "small"
title = "A small docket"
language = "en-US"
created = 2026-11-23
locked = false
methods = "methods/1"
disclosure = "publish"
alpha = 0.05
sesoi = { log_ratio = 0.0953, share_pp = 5.0 }
family_primary = ["C1"]

[[source]]
id = "S1"
kind = "study"
title = "A study"
publisher = "A university"
url = "https://example.org/study"
access = "read-full"

[[dataset]]
id = "records"
title = "Records"
coverage = [2015-01-01, 2020-12-31]
linkable = false
geography = "state"
limits = []
home = "https://example.org/records"

[[dataset]]
id = "docs"
title = "Documents of the docket"
coverage = [2015-01-01, 2020-12-31]
linkable = false
geography = "n/a"
limits = []
home = "docket:source"

[[measure]]
id = "arrests"
what = "arrests"
datasets = ["records"]
units = ["state", "nation"]

[[measure]]
id = "doc_text"
what = "text of a document"
datasets = ["docs"]
units = ["document"]

[[definition]]
id = "policy.written"
rule = "a written policy"
default = true

[[event]]
id = "E-LAW"
what = "A law"
date = 2017-09-01
certainty = "sourced"
geo = ["state:48"]
source = "S1"

[[claim]]
id = "C1"
title = "Arrests rose"
text = "Arrests rose."
locus = "P1"
kind = "causal"
claimant = { name = "an agency", role = "agency", named = true }
said_on = 2018-01-01
chain = [ { from = "agency", to = "docket", relation = "quoted", source = "S1", hearsay = 1, fidelity = "faithful" } ]
scope = { geo = ["state:48"], level = "state", start = 2017-01-01, end = 2018-12-31 }
quantity = { measure = "arrests", value = 10.0, unit = "percent", literal = [9.0, 10.0], material = [8.5, 11.5] }
pitfalls = ["national_surge"]
definitions = ["policy.written"]
facts = [ { text = "a fact", source = "S1" } ]
[[claim.test]]
id = "effect"
kind = "did"
measure = "arrests"
dataset = "records"
unit = "state"
period = "month"
treatment = "from E-LAW on, under policy.written"
[[claim.test]]
id = "docs"
kind = "document_check"
measure = "doc_text"
document = "S1"
asks = "does it say so?"
[[claim.rule]]
verdict = "supported"
when = "effect.lo > 0 and docs.found"
modifiers = ["context_missing"]
say = "They rose."

[[claim]]
id = "C2"
title = "Why"
text = "Arrests were made to press the state."
locus = "P2"
kind = "intent"
claimant = { name = "an outlet", role = "outlet", named = true }
said_on = 2018-01-01
chain = []
scope = { geo = ["nation"], level = "nation", start = 2017-01-01, end = 2018-12-31 }
pitfalls = []
[claim.motive]
identifiable = false
rival = "another reason"
[[claim.implication]]
id = "R1"
text = "Something follows."
test = "jump"
if_claim = "up"
if_rival = "flat"
discriminates = "strong"
role = "hoop"
[[claim.test]]
id = "jump"
kind = "event_study"
measure = "arrests"
dataset = "records"
[[claim.rule]]
verdict = "not_testable"
when = "true"
say = "Cannot be read off counts."
"#;

/// [`SMALL`] with every `from` replaced.
fn with(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(SMALL.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "nothing to replace: {from}");
        text.replace(from, to)
    })
}

fn error(text: &str) -> Error {
    Docket::parse(text, "d.toml").expect_err("does not load")
}

/// The report on [`SMALL`] with one edit.
fn report(from: &str, to: &str) -> String {
    error(&with(&[(from, to)])).report()
}

fn lints(edits: &[(&str, &str)]) -> Vec<Lint> {
    Docket::parse(&with(edits), "d.toml").expect("loads").1
}

#[test]
fn the_small_docket_loads_without_a_lint() {
    assert_eq!(lints(&[]), []);
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    insta::assert_snapshot!(report("modifiers = [", "modifers = ["), @r"
    d.toml:97:1: `claim[C1].rule[1].modifers`: expected one of `modifiers`, `say`, `verdict`, `when`, found an unknown key
      hint: did you mean `modifiers`?
    ");
    insta::assert_snapshot!(report("[[definition]]", "[[defnition]]"), @r#"
    d.toml:53:3: `defnition`: expected one of `claim`, `dataset`, `definition`, `docket`, `event`, `measure`, `schema`, `source`, found an unknown key
      hint: did you mean `definition`?
    d.toml:78:16: `claim[C1].definitions[1]`: expected the id of a definition, found `"policy.written"`
    "#);
}

#[test]
fn an_unknown_key_is_a_lint_in_lenient_mode() {
    let text = with(&[("asks = ", "colour = \"red\"\nasks = ")]);
    assert!(Docket::parse(&text, "d.toml").is_err());
    let (_, lints) = Docket::parse_in(Mode::Lenient, &text, "d.toml").expect("loads");
    assert_eq!(lints.iter().map(|lint| lint.code).collect::<Vec<_>>(), [LintCode::UnknownKey]);
}

#[test]
fn a_rule_that_does_not_parse_is_placed_inside_its_text() {
    insta::assert_snapshot!(report("effect.lo > 0 and docs.found", "effect.lo > 0 && docs.found"), @r"
    d.toml:96:23: `claim[C1].rule[1].when`: expected a name, number, `'text'` or operator, found `&&`
      hint: write `and`
    ");
    insta::assert_snapshot!(report("\"effect.lo > 0 and docs.found\"", "'effect.lo > 0 an docs.found'"), @"d.toml:96:23: `claim[C1].rule[1].when`: expected `and`, `or` or the end, found `an`");
    insta::assert_snapshot!(report("\"effect.lo > 0 and docs.found\"", "\"\"\"\neffect.lo > 0\nand docs\"\"\""), @r"
    d.toml:98:5: `claim[C1].rule[1].when`: expected `test.field`, found the bare name `docs`
      hint: a bare name means nothing here; write `docs.est`, `docs.found` or another field
    ");
}

#[test]
fn a_rule_that_names_another_claims_test() {
    insta::assert_snapshot!(report("effect.lo > 0 and docs.found", "jump.lo > 0"), @"d.toml:96:9: `claim[C1].rule[1].when`: expected a test of this claim (`effect`, `docs`), found the test `jump`");
}

#[test]
fn a_rule_that_is_no_condition_or_no_text() {
    insta::assert_snapshot!(report("effect.lo > 0 and docs.found", "effect.lo"), @"d.toml:96:9: `claim[C1].rule[1].when`: expected a condition, found a number");
    insta::assert_snapshot!(report("when = \"true\"", "when = true"), @"d.toml:129:8: `claim[C2].rule[1].when`: expected a text in quotes, found the boolean `true`");
}

#[test]
fn a_literal_interval_outside_the_material_one() {
    insta::assert_snapshot!(report("literal = [9.0, 10.0]", "literal = [8.0, 10.0]"), @"d.toml:76:77: `claim[C1].quantity.literal`: expected an interval inside `material`, found [8, 10] outside [8.5, 11.5]");
    insta::assert_snapshot!(report("literal = [9.0, 10.0]", "literal = [10.0, 9.0]"), @"d.toml:76:84: `claim[C1].quantity.literal[2]`: expected a number not below 10, found `9.0`");
}

#[test]
fn references_that_name_nothing() {
    let text = with(&[
        ("source = \"S1\", hearsay", "source = \"S2\", hearsay"),
        ("text = \"a fact\", source = \"S1\"", "text = \"a fact\", source = \"S3\""),
        ("document = \"S1\"", "document = \"T1\""),
        ("datasets = [\"records\"]", "datasets = [\"recrods\"]"),
        ("definitions = [\"policy.written\"]", "definitions = [\"policy.spoken\"]"),
        ("test = \"jump\"", "test = \"effect\""),
        ("from E-LAW on, under policy.written", "from E-LAWS on, under policy.unwritten (see 2.7)"),
        ("family_primary = [\"C1\"]", "family_primary = [\"C1\", \"C9\"]"),
        ("quantity = { measure = \"arrests\"", "quantity = { measure = \"arrest\""),
        ("geo = [\"state:48\"]\nsource = \"S1\"", "geo = [\"state:48\"]\nsource = \"S8\""),
    ]);
    insta::assert_snapshot!(error(&text).report(), @r#"
    d.toml:13:25: `docket.family_primary[2]`: expected the id of a claim, found `"C9"`
      hint: did you mean `C1`?
    d.toml:44:13: `measure[arrests].datasets[1]`: expected the id of a dataset, found `"recrods"`
      hint: did you mean `records`?
    d.toml:64:10: `event[E-LAW].source`: expected the id of a source, found `"S8"`
      hint: did you mean `S1`?
    d.toml:74:75: `claim[C1].chain[1].source`: expected the id of a source, found `"S2"`
      hint: did you mean `S1`?
    d.toml:76:24: `claim[C1].quantity.measure`: expected the id of a measure, found `"arrest"`
      hint: did you mean `arrests`?
    d.toml:78:16: `claim[C1].definitions[1]`: expected the id of a definition, found `"policy.spoken"`
    d.toml:79:39: `claim[C1].facts[1].source`: expected the id of a source, found `"S3"`
      hint: did you mean `S1`?
    d.toml:87:13: `claim[C1].test[effect].treatment`: expected the id of an event, found `E-LAWS`
    d.toml:87:13: `claim[C1].test[effect].treatment`: expected the id of a definition, found `policy.unwritten`
    d.toml:92:12: `claim[C1].test[docs].document`: expected the id of a source, found `"T1"`
      hint: did you mean `S1`?
    d.toml:117:8: `claim[C2].implication[R1].test`: expected the id of a test of this claim, found `"effect"`
    "#);
}

#[test]
fn a_measure_that_is_not_in_the_dataset_or_at_the_unit() {
    insta::assert_snapshot!(report("dataset = \"records\"\nunit = \"state\"", "dataset = \"records\"\nunit = \"county\""), @"d.toml:85:8: `claim[C1].test[effect].unit`: expected a unit at which `arrests` exists: state, nation, found `county`");
    let other = "id = \"other\"\ntitle = \"Other\"\ncoverage = [2015-01-01, 2020-12-31]\nlinkable = false\n\
                 geography = \"\u{2014}\"\nlimits = []\nhome = \"external\"\n\n[[measure]]\nid = \"arrests\"";
    let text = with(&[
        ("[[measure]]\nid = \"arrests\"", &format!("[[dataset]]\n{other}")),
        ("dataset = \"records\"\nunit", "dataset = \"other\"\nunit"),
    ]);
    insta::assert_snapshot!(error(&text).report(), @"d.toml:93:11: `claim[C1].test[effect].dataset`: expected a dataset that holds `arrests`: records, found `other`");
}

#[test]
fn an_intent_claim_that_data_would_decide() {
    let text = with(&[
        ("identifiable = false", "identifiable = true"),
        ("verdict = \"not_testable\"\nwhen = \"true\"", "verdict = \"supported\"\nwhen = \"jump.lo > 0\""),
    ]);
    insta::assert_snapshot!(error(&text).report(), @r"
    d.toml:111:1: `claim[C2].motive`: expected `motive.identifiable = false` on a claim about intent, found `identifiable = true`
    d.toml:128:11: `claim[C2].rule[1].verdict`: expected `not_testable` in every rule of a claim about intent, found `supported`
    ");
    insta::assert_snapshot!(report("[claim.motive]\nidentifiable = false\nrival = \"another reason\"\n", ""), @"d.toml:100:1: `claim[C2].motive`: expected `motive.identifiable = false` on a claim about intent, found no motive table");
}

#[test]
fn values_of_the_wrong_type_are_all_listed() {
    let text = with(&[
        ("created = 2026-11-23", "created = \"2026-11-23\""),
        ("locked = false", "locked = \"no\""),
        ("alpha = 0.05", "alpha = 5"),
        ("hearsay = 1,", "hearsay = -1,"),
        ("pitfalls = [\"national_surge\"]", "pitfalls = \"national_surge\""),
        ("geo = [\"nation\"]", "geo = [\"Texas\", 48]"),
        ("said_on = 2018-01-01\nchain = []", "said_on = 2018-01-01T10:00:00Z\nchain = []"),
        (
            "start = 2017-01-01, end = 2018-12-31 }\nquantity",
            "start = 2019-01-01, end = 2018-12-31 }\nquantity",
        ),
        ("kind = \"causal\"", "kind = \"casual\""),
        ("[claim.motive]\nidentifiable = false\nrival = \"another reason\"", "motive = []"),
        ("id = \"jump\"\nkind = \"event_study\"\n", "id = \"not\"\n"),
    ]);
    insta::assert_snapshot!(error(&text).report(), @r#"
    d.toml:7:11: `docket.created`: expected a date, found the string `"2026-11-23"`
      hint: write it without quotes, as `2017-03-24`
    d.toml:8:10: `docket.locked`: expected `true` or `false`, found the string `"no"`
    d.toml:11:9: `docket.alpha`: expected a level between 0 and 1, found `5`
    d.toml:71:8: `claim[C1].kind`: expected one of `count`, `share`, `ranking`, `trend`, `comparison`, `causal`, `conditional`, `denial`, `intent`, `event`, `attribution`, found `"casual"`
      hint: did you mean `causal`?
    d.toml:74:91: `claim[C1].chain[1].hearsay`: expected a whole number, 0 or more, found `-1`
    d.toml:75:74: `claim[C1].scope.end`: expected a day not before `start`, 2019-01-01, found `2018-12-31`
    d.toml:77:12: `claim[C1].pitfalls`: expected an array, found the string `"national_surge"`
    d.toml:107:11: `claim[C2].said_on`: expected a date without a time, found the datetime `2018-01-01T10:00:00Z`
      hint: write it without quotes, as `2017-03-24`
    d.toml:109:18: `claim[C2].scope.geo[1]`: expected `nation`, a five-digit county code, `aor:CODE`, `state:NN`, `city:NAME` or `metro:NAME`, found `"Texas"`
    d.toml:109:27: `claim[C2].scope.geo[2]`: expected a text in quotes, found the integer `48`
    d.toml:111:10: `claim[C2].motive`: expected a table, found an array
    d.toml:115:8: `claim[C2].implication[R1].test`: expected the id of a test of this claim, found `"jump"`
    d.toml:120:1: `claim[C2].test[not].kind`: expected this key, found nothing
    d.toml:121:6: `claim[C2].test[not].id`: expected a name that rules can use: letters, digits and `_`, not a word of the rule language, found `not`
    "#);
}

#[test]
fn ids_are_unique() {
    insta::assert_snapshot!(report("id = \"C2\"", "id = \"C1\""), @"d.toml:101:6: `claim[C1].id`: expected an id of its own, found `C1`, which line 66 has already");
    insta::assert_snapshot!(report("id = \"docs\"\nkind", "id = \"effect\"\nkind"), @r"
    d.toml:89:6: `claim[C1].test[effect].id`: expected an id of its own, found `effect`, which line 80 has already
    d.toml:96:27: `claim[C1].rule[1].when`: expected a test of this claim (`effect`), found the test `docs`
    ");
}

#[test]
fn pitfall_codes_are_a_closed_list() {
    insta::assert_snapshot!(report("national_surge", "national_surges"), @r"
    d.toml:77:13: `claim[C1].pitfalls[1]`: expected a pitfall code of the closed list, found `national_surges`
      hint: did you mean `national_surge`?
    ");
}

#[test]
fn a_file_without_claims() {
    insta::assert_snapshot!(error("").report(), @r"
    d.toml:1:1: `claim`: expected this key, found nothing
    d.toml:1:1: `docket`: expected this key, found nothing
    d.toml:1:1: `schema`: expected this key, found nothing
    ");
    let head = SMALL.split("[[claim]]").next().unwrap_or_default();
    insta::assert_snapshot!(error(head).report(), @r#"
    d.toml:1:1: `claim`: expected this key, found nothing
    d.toml:13:19: `docket.family_primary[1]`: expected the id of a claim, found `"C1"`
    "#);
    insta::assert_snapshot!(error(&format!("claim = []\n{head}")).report(), @r#"
    d.toml:1:9: `claim`: expected at least one claim, found `[]`
    d.toml:14:19: `docket.family_primary[1]`: expected the id of a claim, found `"C1"`
    "#);
}

#[test]
fn a_file_that_is_not_toml() {
    let error = error("# A docket\nclaim: none\n");
    assert_eq!(error.kind(), ErrorKind::Syntax);
    insta::assert_snapshot!(error.report(), @r"
    d.toml:2:6: expected TOML, found invalid unquoted key, expected letters, numbers, `-`, `_`
    d.toml:2:8: expected TOML, found key with no value, expected `=`
    ");
}

#[test]
fn a_file_of_zero_bytes() {
    let error = error(&"\0".repeat(100_000));
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    insta::assert_snapshot!(error.report(), @"d.toml: expected a text file, found a zero byte at line 1, column 1");
}

#[test]
fn a_file_that_is_not_text_or_not_there() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("d.toml");
    let report = || {
        let error = Docket::load(&path).expect_err("does not load");
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        error.report().replace(&path.display().to_string(), "d.toml")
    };
    insta::assert_snapshot!(report(), @"d.toml: expected a readable file, found No such file or directory (os error 2)");
    std::fs::write(&path, b"title = \"\xff\"").expect("written");
    insta::assert_snapshot!(report(), @"d.toml: expected text in UTF-8, found other bytes at byte 9");
    std::fs::write(&path, " ".repeat(3 << 20)).expect("written");
    insta::assert_snapshot!(report(), @"d.toml: expected a file of at most 2097152 bytes, found more");
}

#[test]
fn hostile_files_end_in_an_error() {
    let deep = "[".repeat(5_000_000);
    assert_eq!(error(&deep).kind(), ErrorKind::Unreadable, "too long");
    for opening in ["[", "(", "{", "a=[", "a={a="] {
        let text = opening.repeat(1_000_000 / opening.len());
        assert_eq!(error(&text).kind(), ErrorKind::Syntax, "{opening}");
    }
    let rule = with(&[("effect.lo > 0 and docs.found", &"(".repeat(1_500_000))]);
    assert_eq!(error(&rule).problems()[0].code, ProblemCode::BadRule);
    insta::assert_snapshot!(error(&rule), @"d.toml:96:9: `claim[C1].rule[1].when`: expected a rule of at most 4096 bytes, found 1500000 bytes");
}

#[test]
fn endless_problems_are_counted_not_listed() {
    let keys: String = (0..100_000).map(|n| format!("key{n} = 1\n")).collect();
    let error = error(&format!("{keys}{SMALL}"));
    assert_eq!((error.problems().len(), error.omitted()), (200, 100_000 - 200));
    let long = "k".repeat(1_000_000);
    assert!(self::error(&format!("{long} = 1\n{SMALL}")).report().len() < 1000);
}

#[test]
fn lints_name_what_somebody_should_look_at() {
    let check =
        |edits: &[(&str, &str)]| lints(edits).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(check(&[(", material = [8.5, 11.5]", "")]), @"d.toml:76:77: `claim[C1].quantity.literal`: no material interval is given; the literal one widened by 5% is used [material-by-default]");
    insta::assert_snapshot!(check(&[("value = 10.0", "value = 12.0")]), @"d.toml:76:43: `claim[C1].quantity.value`: the stated number 12 lies outside its literal interval [value-outside-literal]");
    insta::assert_snapshot!(check(&[("text = \"Arrests were made", "text = \"Nearly 60 arrests were made")]), @"d.toml:103:8: `claim[C2].text`: the text hedges a number, and the claim has no quantity [hedge-without-quantity]");
    insta::assert_snapshot!(check(&[("start = 2017-01-01, end = 2018-12-31 }\nquantity", "start = 2014-01-01, end = 2018-12-31 }\nquantity")]), @"d.toml:75:9: `claim[C1].scope`: 2014-01-01 to 2018-12-31: `records` covers not all of its days (2015-01-01 to 2020-12-31) [scope-outside-coverage]");
    insta::assert_snapshot!(check(&[("kind = \"did\"", "kind = \"tabulate\"")]), @"d.toml:13:19: `docket.family_primary[1]`: `C1` is in the confirmatory family, and all its tests are descriptive [family-descriptive]");
    insta::assert_snapshot!(check(&[("dataset = \"records\"\nunit", "dataset = \"docs\"\nunit")]), @"d.toml:84:11: `claim[C1].test[effect].dataset`: `arrests` is taken from documents of the docket, not from records [press-figures]");
    insta::assert_snapshot!(check(&[("dataset = \"records\"\n[[claim.rule]]", "[[claim.rule]]")]), @"d.toml:125:11: `claim[C2].test[jump].measure`: no dataset is named, so the test delivers nothing [test-without-dataset]");
    insta::assert_snapshot!(check(&[("document = \"S1\"\n", "")]), @"d.toml:90:8: `claim[C1].test[docs].kind`: a document check without `document` or `asks` finds nothing [incomplete-document-check]");
    insta::assert_snapshot!(check(&[("certainty = \"sourced\"", "certainty = \"verify\"")]), @"d.toml:62:13: `event[E-LAW].certainty`: the date of this event is not verified [unverified-event]");
    insta::assert_snapshot!(check(&[("default = true\n", "")]), @"d.toml:54:6: `definition[policy.written].id`: the axis `policy` has 0 defaults [axis-default]");
    insta::assert_snapshot!(check(&[("period = \"month\"", "window = [2014-01-01, 2018-12-31]")]), @"d.toml:86:10: `claim[C1].test[effect].window`: 2014-01-01 to 2018-12-31 goes beyond what is covered, 2015-01-01 to 2020-12-31 [window-outside-coverage]");
    let more = "say = \"They rose.\"\n[[claim.rule]]\nverdict = \"mixed\"\nwhen = \"1 > 2\"\nsay = \"No.\"\n\
                [[claim.rule]]\nverdict = \"mixed\"\nwhen = \"effect.lo>0 and docs.found\"\nsay = \"Twice.\"\n\
                [[claim.rule]]\nverdict = \"mixed\"\nwhen = \"true\"\nsay = \"Else.\"\n\
                [[claim.rule]]\nverdict = \"mixed\"\nwhen = \"effect.n > 3\"\nsay = \"Never.\"";
    insta::assert_snapshot!(check(&[("say = \"They rose.\"", more)]), @r"
    d.toml:101:8: `claim[C1].rule[2].when`: the condition can never be true [never-true]
    d.toml:105:8: `claim[C1].rule[3].when`: the condition is that of rule 1, so this rule never decides [unreachable-rule]
    d.toml:113:8: `claim[C1].rule[5].when`: rule 4 is always true, so this rule is never reached [unreachable-rule]
    ");
    let implication = SMALL.split("[[claim.implication]]").nth(1).and_then(|rest| rest.split("[[").next());
    insta::assert_snapshot!(check(&[("[[claim.implication]]", ""), (implication.unwrap_or_default(), "\n")]), @r"
    d.toml:101:6: `claim[C2].id`: a claim about intent without implications: nothing of it will be tested [intent-without-implications]
    d.toml:116:6: `claim[C2].test[jump].id`: no rule or implication uses `jump`; it will be shown as context [unused-test]
    ");
}

/// Bits of TOML and of rules that a slip of the hand leaves behind.
const SCRAPS: [&str; 18] = [
    "",
    "\"",
    "'",
    "[",
    "]",
    "]]",
    "{",
    "}",
    "=",
    ",",
    "\n",
    "\\u0000",
    "é",
    "nan",
    "inf",
    "-1",
    "[[claim]]\n",
    "true",
];

proptest! {
    #[test]
    fn a_damaged_file_loads_or_says_why(
        cuts in prop::collection::vec((0.0..1.0f64, 0usize..40, prop::sample::select(SCRAPS.to_vec())), 1..4)
    ) {
        let mut text: Vec<char> = SMALL.chars().collect();
        for (at, len, scrap) in cuts {
            let from = (at * text.len() as f64) as usize;
            let to = (from + len).min(text.len());
            text.splice(from..to, scrap.chars());
        }
        let text: String = text.into_iter().collect();
        for mode in [Mode::Strict, Mode::Lenient] {
            match Docket::parse_in(mode, &text, "d.toml") {
                Ok((docket, _)) => prop_assert!(docket.claims.iter().all(|claim| !claim.rules.is_empty())),
                Err(error) => {
                    prop_assert!(!error.problems().is_empty());
                    let lines = text.split('\n').count();
                    prop_assert!(error.problems().iter().all(|problem| problem.line <= lines));
                }
            }
        }
    }

    #[test]
    fn no_text_makes_the_loaders_panic(text in any::<String>()) {
        prop_assert!(Docket::parse(&text, "d.toml").is_err());
        prop_assert!(Lock::parse(&text, "d.lock").is_err());
    }
}
