//! The language in which rules are written: comparisons of test results, joined by `and`, `or`, `not`.
//!
//! Logic is Kleene's: true, false, unknown. A result that a test did not deliver is unknown, unknown
//! spreads unless the rest decides, and an unknown condition never fires a rule.
//!
//! ```text
//! condition   = conjunction { "or" conjunction }
//! conjunction = negation { "and" negation }
//! negation    = "not" negation | comparison
//! comparison  = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum ]
//! sum         = product { ("+" | "-") product }
//! product     = sign { ("*" | "/") sign }
//! sign        = "-" sign | value
//! value       = number | 'text' | "true" | "false" | "(" condition ")" | test "." field
//!             | ("within" | "outside" | "equiv") "(" test "," sum "," sum ")"
//!             | "share" "(" test "," ('S' | 'C' | 'U' | 'rank1') ")"
//! ```
//!
//! - `within(test, lo, hi)` is true when the test's 95% interval lies inside `[lo, hi]`, false when it lies
//!   wholly outside, unknown when it straddles; `outside` is its negation; `equiv` is the same on the 90%
//!   interval, which makes it two one-sided tests at 5%.
//! - `share(test, 'S')` is the weighted share of specifications with that outcome, from 0 to 1.
//! - Division by zero, an overflow and an interval with its ends reversed are unknown.
//! - Types are checked on loading: a rule that loads cannot fail while it runs.

mod eval;
mod explain;
mod lex;
mod parse;

pub(crate) use eval::NoResults;
pub use eval::{Fields, Truth};
pub use explain::{Shown, Step};
pub use parse::{MAX_BYTES, MAX_DEPTH, RuleError};

use crate::words::{Word, words};

/// A rule's condition, or a part of it. Only [`Expr::parse`] makes well-typed ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `true` or `false`.
    Flag(bool),
    /// A number, never negative as parsed: the sign is [`Expr::Negate`].
    Number(f64),
    /// A quoted text.
    Text(String),
    /// `test.field`.
    Field {
        /// Id of the test.
        test: String,
        /// Which of its results.
        field: Field,
    },
    /// `share(test, 'S')`.
    Share {
        /// Id of the test.
        test: String,
        /// Share of which outcome.
        of: ShareOf,
    },
    /// `within(test, lo, hi)` and its kin.
    Region {
        /// Which of the three.
        function: Region,
        /// Id of the test.
        test: String,
        /// Lower end of the region.
        lo: Box<Expr>,
        /// Upper end of the region.
        hi: Box<Expr>,
    },
    /// `-x`.
    Negate(Box<Expr>),
    /// `x + y`.
    Arithmetic {
        /// Which operation.
        op: Arithmetic,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `x < y`.
    Compare {
        /// Which comparison.
        op: Compare,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `not x`.
    Not(Box<Expr>),
    /// `x and y and z`, two or more.
    And(Vec<Expr>),
    /// `x or y or z`, two or more.
    Or(Vec<Expr>),
}

words! {
    /// A result of a test that a rule may name.
    Field {
        /// Point estimate.
        Est = "est",
        /// Lower end of the 95% interval.
        Lo = "lo",
        /// Upper end of the 95% interval.
        Hi = "hi",
        /// Lower end of the 90% interval.
        Lo90 = "lo90",
        /// Upper end of the 90% interval.
        Hi90 = "hi90",
        /// p-value.
        P = "p",
        /// q-value over the docket's family.
        Q = "q",
        /// Rank (placebo) p-value.
        RankP = "rank_p",
        /// Rank, 1 for the largest.
        Rank = "rank",
        /// Probability, 0 to 1.
        Prob = "prob",
        /// Number of observations.
        N = "n",
        /// Minimum detectable effect.
        Mde = "mde",
        /// Breakdown value of relative magnitudes.
        Mbar = "mbar",
        /// A value read from a document.
        Value = "value",
        /// A count read from documents.
        Count = "count",
        /// Whether a document has the fact: true or false.
        Found = "found",
        /// Class of a substitution test, one of [`CLASSES`].
        Class = "class",
    }

    /// Functions that place a test's interval against a region.
    Region {
        /// 95% interval inside.
        Within = "within",
        /// 95% interval wholly outside.
        Outside = "outside",
        /// 90% interval inside.
        Equiv = "equiv",
    }

    /// Outcomes of specifications that `share` counts.
    ShareOf {
        /// Interval in the supported region.
        S = "S",
        /// Interval in the contradicted region.
        C = "C",
        /// Neither.
        U = "U",
        /// The unit ranks first.
        Rank1 = "rank1",
    }

    /// Arithmetic operations.
    Arithmetic {
        /// Sum.
        Add = "+",
        /// Difference.
        Subtract = "-",
        /// Product.
        Multiply = "*",
        /// Quotient; unknown when dividing by zero.
        Divide = "/",
    }

    /// Comparisons.
    Compare {
        /// Equal.
        Equal = "==",
        /// Not equal.
        NotEqual = "!=",
        /// Less.
        Less = "<",
        /// Less or equal.
        LessEqual = "<=",
        /// Greater.
        Greater = ">",
        /// Greater or equal.
        GreaterEqual = ">=",
    }
}

/// Classes of a substitution test (methods/1, section 6.3).
pub const CLASSES: [&str; 5] = ["none", "partial", "full", "over", "unresolved"];

impl Expr {
    /// Reads a condition; any test name is accepted.
    ///
    /// ```
    /// use evenhand_docket::Expr;
    /// let rule = Expr::parse("a.lo>0 and not(b.found)")?;
    /// assert_eq!(rule.to_string(), "a.lo > 0 and not b.found");
    /// # Ok::<(), evenhand_docket::rule::RuleError>(())
    /// ```
    ///
    /// # Errors
    /// [`RuleError`] with the place in `text`, for what does not parse, has a wrong type, is longer than
    /// [`MAX_BYTES`] or deeper than [`MAX_DEPTH`].
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        parse::parse(text, None)
    }

    /// Reads a condition that may name only `tests`.
    ///
    /// # Errors
    /// As [`Expr::parse`], and for a test that is not in `tests`.
    pub fn parse_for(text: &str, tests: &[&str]) -> Result<Self, RuleError> {
        parse::parse(text, Some(tests))
    }

    /// Ids of the tests that it names, sorted, each once.
    #[must_use]
    pub fn tests(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.visit(&mut |part| {
            if let Self::Field { test, .. } | Self::Share { test, .. } | Self::Region { test, .. } = part {
                names.push(test.as_str());
            }
        });
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Calls `see` with this expression and every part of it, outermost first, left to right.
    pub fn visit<'a>(&'a self, see: &mut impl FnMut(&'a Expr)) {
        see(self);
        match self {
            Self::Negate(inner) | Self::Not(inner) => inner.visit(see),
            Self::Region { lo: left, hi: right, .. }
            | Self::Arithmetic { left, right, .. }
            | Self::Compare { left, right, .. } => {
                left.visit(see);
                right.visit(see);
            }
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.visit(see)),
            Self::Flag(_) | Self::Number(_) | Self::Text(_) | Self::Field { .. } | Self::Share { .. } => {}
        }
    }

    /// How tightly the outermost operation binds; a part that binds less needs parentheses.
    fn tightness(&self) -> u8 {
        match self {
            Self::Or(_) => 1,
            Self::And(_) => 2,
            Self::Not(_) => 3,
            Self::Compare { .. } => 4,
            Self::Arithmetic { op: Arithmetic::Add | Arithmetic::Subtract, .. } => 5,
            Self::Arithmetic { .. } => 6,
            Self::Negate(_) => 7,
            _ => 8,
        }
    }
}

/// The canonical spelling: one space around operators, parentheses only where they are needed.
/// Parsing it gives the same expression back.
impl std::fmt::Display for Expr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |f: &mut std::fmt::Formatter<'_>, part: &Self, least: u8| {
            if part.tightness() < least { write!(f, "({part})") } else { write!(f, "{part}") }
        };
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => f.write_str(&number_text(*number)),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Field { test, field } => write!(f, "{test}.{}", field.word()),
            Self::Share { test, of } => write!(f, "share({test}, '{}')", of.word()),
            Self::Region { function, test, lo, hi } => {
                write!(f, "{}({test}, {lo}, {hi})", function.word())
            }
            Self::Negate(inner) => {
                f.write_str("-")?;
                part(f, inner, 7)
            }
            Self::Not(inner) => {
                f.write_str("not ")?;
                part(f, inner, 3)
            }
            Self::Arithmetic { op, left, right } => {
                let own = self.tightness();
                part(f, left, own)?;
                write!(f, " {} ", op.word())?;
                part(f, right, own + 1)
            }
            Self::Compare { op, left, right } => {
                part(f, left, 5)?;
                write!(f, " {} ", op.word())?;
                part(f, right, 5)
            }
            Self::And(parts) | Self::Or(parts) => {
                let word = if matches!(self, Self::And(_)) { " and " } else { " or " };
                for (at, inner) in parts.iter().enumerate() {
                    f.write_str(if at > 0 { word } else { "" })?;
                    part(f, inner, self.tightness() + 1)?;
                }
                Ok(())
            }
        }
    }
}

/// The shortest text that reads back as `number`; exponents only where plain digits would be long.
pub(crate) fn number_text(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-5..1e15).contains(&size) { format!("{number}") } else { format!("{number:?}") }
}
