//! The rule language: truth tables, places of errors, and what hostile text cannot do.

use std::collections::BTreeMap;

use evenhand_docket::{Expr, Field, Fields, ShareOf, Truth, Word, rule};
use proptest::prelude::*;

/// Results written as `a.lo=1 b.found=true`.
#[derive(Debug, Default)]
struct Results(BTreeMap<String, String>);

impl Results {
    fn of(text: &str) -> Self {
        let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self(text.split_whitespace().filter_map(pair).collect())
    }

    fn get<T: std::str::FromStr>(&self, test: &str, word: &str) -> Option<T> {
        self.0.get(&format!("{test}.{word}")).and_then(|value| value.parse().ok())
    }
}

impl Fields for Results {
    fn number(&self, test: &str, field: Field) -> Option<f64> {
        self.get(test, field.word())
    }
    fn flag(&self, test: &str, field: Field) -> Option<bool> {
        self.get(test, field.word())
    }
    fn share(&self, test: &str, of: ShareOf) -> Option<f64> {
        self.get(test, of.word())
    }
    fn text(&self, test: &str, field: Field) -> Option<String> {
        self.get(test, field.word())
    }
}

fn eval(rule: &str, results: &str) -> Truth {
    Expr::parse(rule).unwrap_or_else(|error| panic!("{rule}: {error}")).eval(&Results::of(results))
}

#[test]
fn and_or_not_follow_kleene() {
    let words = [("true", Truth::True), ("false", Truth::False), ("x.found", Truth::Unknown)];
    let rank = |truth| match truth {
        Truth::False => 0,
        Truth::Unknown => 1,
        Truth::True => 2,
    };
    for (a, left) in words {
        assert_eq!(rank(eval(&format!("not {a}"), "")), 2 - rank(left));
        for (b, right) in words {
            assert_eq!(rank(eval(&format!("{a} and {b}"), "")), rank(left).min(rank(right)), "{a} and {b}");
            assert_eq!(rank(eval(&format!("{a} or {b}"), "")), rank(left).max(rank(right)), "{a} or {b}");
        }
    }
}

#[test]
fn conditions_on_results() {
    use Truth::{False, True, Unknown};
    for (rule, results, expected) in [
        ("a.lo > 0", "a.lo=1", True),
        ("a.lo > 0", "a.lo=0", False),
        ("a.lo >= 0", "a.lo=0", True),
        ("a.lo > 0", "", Unknown),
        ("a.lo > 0", "a.lo=NaN", Unknown),
        ("a.lo < 0", "a.lo=-inf", True),
        ("a.rank == 1", "a.rank=1", True),
        ("a.rank != 1", "a.rank=1", False),
        ("a.found == true", "a.found=false", False),
        ("a.found == false", "a.found=false", True),
        ("a.found != b.found", "a.found=false", Unknown),
        ("a.found", "a.found=true", True),
        ("a.class == 'full'", "a.class=full", True),
        ("a.class != 'full'", "a.class=over", True),
        ("a.class == 'full'", "", Unknown),
        ("(a.lo > 0) == true", "a.lo=1", True),
        // Missing parts decide nothing, unless the rest decides.
        ("a.lo > 0 and b.found", "a.lo=-1", False),
        ("a.lo > 0 or b.found", "a.lo=1", True),
        ("a.lo > 0 and b.found", "a.lo=1", Unknown),
        // `not` binds less than a comparison, `and` more than `or`.
        ("not a.lo > 0", "a.lo=-1", True),
        ("true or false and false", "", True),
        ("(true or false) and false", "", False),
        // Arithmetic.
        ("a.est - 2 * 3 == -1", "a.est=5", True),
        ("10 - 4 - 3 == 3", "", True),
        ("12 / 4 / 3 == 1", "", True),
        ("-a.lo > 0.5", "a.lo=-1", True),
        ("--a.lo == -1", "a.lo=-1", True),
        ("1e3 == 1000.0 and 2.5E-1 == 0.25", "", True),
        ("a.est / a.n > 0", "a.est=1 a.n=0", Unknown),
        ("a.est / 0 == a.est / 0", "a.est=1", Unknown),
        ("1e308 * 10 > 0", "", Unknown),
        ("a.hi - a.lo > 0", "a.hi=inf a.lo=inf", Unknown),
        // Regions: inside, disjoint, straddling, touching, missing, reversed.
        ("within(a, 9, 10)", "a.lo=9 a.hi=10", True),
        ("within(a, 9, 10)", "a.lo=10.5 a.hi=11", False),
        ("within(a, 9, 10)", "a.lo=8 a.hi=8.9", False),
        ("within(a, 9, 10)", "a.lo=9.5 a.hi=11", Unknown),
        ("within(a, 9, 10)", "a.lo=10 a.hi=11", Unknown),
        ("within(a, 9, 10)", "a.lo=9.5", Unknown),
        ("within(a, 9, 10)", "a.lo=11 a.hi=9", Unknown),
        ("within(a, 9, b.est)", "a.lo=9 a.hi=10", Unknown),
        ("within(a, b.est, 9)", "a.lo=9 a.hi=9 b.est=10", Unknown),
        ("within(a, -0.0953, 0.0953)", "a.lo=-0.05 a.hi=0.05", True),
        ("outside(a, 9, 10)", "a.lo=9 a.hi=10", False),
        ("outside(a, 9, 10)", "a.lo=12 a.hi=13", True),
        ("outside(a, 9, 10)", "a.lo=9 a.hi=13", Unknown),
        ("equiv(a, -1, 1)", "a.lo90=-0.5 a.hi90=0.5 a.lo=-2 a.hi=2", True),
        ("equiv(a, -1, 1)", "a.lo=-0.5 a.hi=0.5", Unknown),
        ("share(a,'S') >= 0.7", "a.S=0.7", True),
        ("share(a, 'rank1') >= 0.5", "a.rank1=0.4", False),
        ("share(a,'U') >= 0.5", "", Unknown),
        // A test may be called `share`.
        ("share.lo > 1 and share(share, 'C') < 1", "share.lo=2 share.C=0", True),
    ] {
        assert_eq!(eval(rule, results), expected, "{rule} with {results}");
    }
}

#[test]
fn rules_that_do_not_load_say_where_and_why() {
    let check = |rule: &str| match Expr::parse_for(rule, &["burst", "docs", "share"]) {
        Ok(expr) => format!("{rule}\n  loads as {expr}"),
        Err(error) => {
            let hint = error.hint.as_deref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
            format!("{rule}\n  {error}{hint}")
        }
    };
    let rules = [
        "",
        "burst",
        "bust.lo > 0",
        "burst.low > 0",
        "burst.",
        "burst.lo > ",
        "burst.lo > 0 and",
        "burst.lo > 0 burst.hi < 0",
        "0 < burst.lo < 1",
        "burst.lo = 0",
        "burst.lo > 0 && docs.found",
        "burst.lo ≥ 0",
        "docs.found == \"true\"",
        "docs.found == 'true'",
        "docs.found > false",
        "burst.lo and docs.found",
        "not burst.lo",
        "docs.found + 1 > 0",
        "burst.lo",
        "burst.class == 'complete'",
        "within(burst, 2, 1)",
        "within(burst.lo, 1, 2)",
        "within(burst, 1)",
        "within(burst, docs.found, 2)",
        "wihtin(burst, 1, 2)",
        "share(burst, 'X') > 0",
        "share(burst, S) > 0",
        "(burst.lo > 0",
        "burst.lo > 0)",
        "docs.found == 'true",
        "1e999 > 0",
        "and",
        "burst.lo > 0 ; drop",
    ];
    insta::assert_snapshot!(rules.map(check).join("\n"), @r#"

      byte 1: expected a number, a condition or `test.field`, found the end of the rule
    burst
      byte 1: expected `test.field`, found the bare name `burst`
      hint: a bare name means nothing here; write `burst.est`, `burst.found` or another field
    bust.lo > 0
      byte 1: expected a test of this claim (`burst`, `docs`, `share`), found the test `bust`
      hint: did you mean `burst`?
    burst.low > 0
      byte 7: expected one of the fields `est`, `lo`, `hi`, `lo90`, `hi90`, `p`, `q`, `rank_p`, `rank`, `prob`, `n`, `mde`, `mbar`, `value`, `count`, `found`, `class`, found `low`
      hint: did you mean `burst.lo`?
    burst.
      byte 7: expected a field of `burst`, found the end of the rule
    burst.lo > 
      byte 12: expected a number, a condition or `test.field`, found the end of the rule
    burst.lo > 0 and
      byte 17: expected a number, a condition or `test.field`, found the end of the rule
    burst.lo > 0 burst.hi < 0
      byte 14: expected `and`, `or` or the end, found `burst`
    0 < burst.lo < 1
      byte 14: expected `and`, `or` or the end, found `<`
      hint: comparisons do not chain; join two with `and`
    burst.lo = 0
      byte 10: expected a name, number, `'text'` or operator, found `=`
      hint: write `==` to compare
    burst.lo > 0 && docs.found
      byte 14: expected a name, number, `'text'` or operator, found `&&`
      hint: write `and`
    burst.lo ≥ 0
      byte 10: expected a name, number, `'text'` or operator, found `≥`
      hint: write `>=`
    docs.found == "true"
      byte 15: expected a name, number, `'text'` or operator, found `"`
      hint: quote text with `'`
    docs.found == 'true'
      byte 15: expected a condition (true, false or unknown), as on the left, found a text
    docs.found > false
      byte 1: expected a number to the left of `>`, found a condition (true, false or unknown)
    burst.lo and docs.found
      byte 1: expected a condition beside `and`, found a number
    not burst.lo
      byte 5: expected a condition after `not`, found a number
    docs.found + 1 > 0
      byte 1: expected a number beside `+`, found a condition (true, false or unknown)
    burst.lo
      byte 1: expected a condition, found a number
    burst.class == 'complete'
      byte 16: expected one of `none`, `partial`, `full`, `over`, `unresolved`, found `'complete'`
    within(burst, 2, 1)
      byte 15: expected a lower end before the upper end, found 2 to 1
    within(burst.lo, 1, 2)
      byte 13: expected `,`, found `.`
    within(burst, 1)
      byte 16: expected `,`, found `)`
    within(burst, docs.found, 2)
      byte 15: expected a number, found a condition (true, false or unknown)
    wihtin(burst, 1, 2)
      byte 1: expected one of `within`, `outside`, `equiv`, `share`, found the function `wihtin`
      hint: did you mean `within`?
    share(burst, 'X') > 0
      byte 14: expected one of the quoted outcomes `S`, `C`, `U`, `rank1`, found `'X'`
    share(burst, S) > 0
      byte 14: expected one of the quoted outcomes `S`, `C`, `U`, `rank1`, found `S`
    (burst.lo > 0
      byte 14: expected `)`, found the end of the rule
    burst.lo > 0)
      byte 13: expected `and`, `or` or the end, found `)`
    docs.found == 'true
      byte 15: expected a closing `'`, found `'`
    1e999 > 0
      byte 1: expected a number that fits, found `1e999`
    and
      byte 1: expected a number, a condition or `test.field`, found `and`
    burst.lo > 0 ; drop
      byte 14: expected a name, number, `'text'` or operator, found `;`
    "#);
}

#[test]
fn depth_and_length_are_bounded() {
    let error = |rule: &str| Expr::parse(rule).expect_err("refused").to_string();
    let nested = |n: usize| format!("{}true{}", "(".repeat(n), ")".repeat(n));
    assert!(Expr::parse(&nested(rule::MAX_DEPTH)).is_ok());
    let deep = [
        nested(rule::MAX_DEPTH + 1),
        "(".repeat(4000),
        format!("{}true", "not ".repeat(1000)),
        format!("0 < {}1", "-".repeat(4000)),
        format!("0 < 1{}", "+1".repeat(2000)),
    ];
    for rule in deep {
        assert!(error(&rule).contains("expected nesting of at most 64 levels"), "{}", error(&rule));
    }
    assert!(Expr::parse(&format!("true{}", " or true".repeat(500))).is_ok(), "long is not deep");
    let long = "(".repeat(5_000_000);
    assert_eq!(error(&long), "byte 1: expected a rule of at most 4096 bytes, found 5000000 bytes");
}

#[test]
fn an_explanation_names_values_deciders_and_what_is_missing() {
    let rule =
        Expr::parse("within(a, 1, 2) and (b.lo > 0 or share(b,'S') >= 0.7) and not c.found").expect("loads");
    let step = rule.explain(&Results::of("a.lo=1.2 a.hi=1.8 b.lo=-1"));
    let deciding: Vec<String> = step.deciding().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(
        format!("{step}\n{}\nmissing: {}", deciding.join("\n"), step.missing().join(", ")),
        @r"
    within(a, 1, 2) and (b.lo > 0 or share(b, 'S') >= 0.7) and not c.found is unknown
    share(b, 'S') >= 0.7 is unknown (share(b, 'S') = unknown)
    c.found is unknown (c.found = unknown)
    missing: c.found, share(b, 'S')
    "
    );
    let settled = rule.explain(&Results::of("a.lo=3 a.hi=4"));
    assert_eq!(settled.deciding().len(), 1, "one false part settles an `and`");
}

fn number() -> impl Strategy<Value = Expr> {
    let field = (
        prop::sample::select(vec!["a", "b", "share", "within", "x_1"]),
        prop::sample::select(Field::ALL.to_vec())
            .prop_filter("numeric", |field| !matches!(field, Field::Found | Field::Class)),
    );
    let leaf = prop_oneof![
        (0.0..1e6f64).prop_map(Expr::Number),
        prop::num::f64::POSITIVE.prop_map(Expr::Number),
        (0u32..100).prop_map(|number| Expr::Number(f64::from(number))),
        field.prop_map(|(test, field)| Expr::Field { test: test.into(), field }),
        prop::sample::select(ShareOf::ALL.to_vec()).prop_map(|of| Expr::Share { test: "a".into(), of }),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expr::Negate(Box::new(inner))),
            (prop::sample::select(rule::Arithmetic::ALL.to_vec()), inner.clone(), inner).prop_map(
                |(op, left, right)| Expr::Arithmetic { op, left: Box::new(left), right: Box::new(right) }
            ),
        ]
    })
}

fn condition() -> impl Strategy<Value = Expr> {
    let class = |op| Expr::Compare {
        op,
        left: Box::new(Expr::Field { test: "sub".into(), field: Field::Class }),
        right: Box::new(Expr::Text("full".into())),
    };
    let region = (prop::sample::select(rule::Region::ALL.to_vec()), number(), number())
        .prop_map(|(function, lo, hi)| Expr::Region {
            function,
            test: "a".into(),
            lo: Box::new(lo),
            hi: Box::new(hi),
        })
        .prop_filter("a region that is not reversed", |region| Expr::parse(&region.to_string()).is_ok());
    let leaf = prop_oneof![
        any::<bool>().prop_map(Expr::Flag),
        Just(Expr::Field { test: "docs".into(), field: Field::Found }),
        prop::sample::select(vec![rule::Compare::Equal, rule::Compare::NotEqual]).prop_map(class),
        region,
        (prop::sample::select(rule::Compare::ALL.to_vec()), number(), number())
            .prop_map(|(op, left, right)| Expr::Compare { op, left: Box::new(left), right: Box::new(right) }),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            (inner.clone(), inner).prop_map(|(left, right)| Expr::Compare {
                op: rule::Compare::Equal,
                left: Box::new(left),
                right: Box::new(right)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn printing_and_parsing_again_is_the_identity(rule in condition()) {
        let text = rule.to_string();
        prop_assume!(text.len() <= rule::MAX_BYTES);
        prop_assert_eq!(Expr::parse(&text), Ok(rule), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Expr::parse(&text);
    }

    #[test]
    fn no_mixture_of_tokens_makes_the_parser_panic(tokens in prop::collection::vec(
        prop::sample::select(vec![
            "a", ".", "lo", "found", "(", ")", ",", "within", "share", "'S'", "'", "and", "or", "not", "true",
            "1", "1.", ".5", "1e", "1e5", "==", "=", "<", "-", "+", "*", "/", "é", "\u{0}", "\n",
        ]), 0..40))
    {
        for gap in ["", " "] {
            if let Err(error) = Expr::parse(&tokens.join(gap)) {
                prop_assert!(error.at <= tokens.join(gap).len());
            }
        }
    }

    #[test]
    fn more_results_never_overturn_a_settled_truth(rule in condition(), lo in -2.0..2.0f64, found in any::<bool>()) {
        let before = rule.eval(&Results::default());
        let after = rule.eval(&Results::of(&format!("a.lo={lo} a.hi={} docs.found={found}", lo + 1.0)));
        prop_assert!(before == Truth::Unknown || before == after);
    }
}
