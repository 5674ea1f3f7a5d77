//! What a rule says about results: Kleene's three-valued logic.

use super::{Arithmetic, Compare, Expr, Field, Region, ShareOf};

/// True, false or not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Truth {
    /// Holds.
    True,
    /// Does not hold.
    False,
    /// Cannot be told from the results at hand.
    Unknown,
}

impl Truth {
    /// False if either is, true if both are, else unknown.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    /// True if either is, false if both are, else unknown.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        !((!self).and(!other))
    }
}

/// Unknown stays unknown.
impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(flag: bool) -> Self {
        if flag { Self::True } else { Self::False }
    }
}

impl From<Option<bool>> for Truth {
    fn from(flag: Option<bool>) -> Self {
        flag.map_or(Self::Unknown, Self::from)
    }
}

impl std::fmt::Display for Truth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::True => "true",
            Self::False => "false",
            Self::Unknown => "unknown",
        })
    }
}

/// Results of a claim's tests. `None` means that there is no such result; the rule sees unknown.
pub trait Fields {
    /// A numeric field; never asked for [`Field::Found`] or [`Field::Class`]. Ends of intervals may be infinite.
    fn number(&self, test: &str, field: Field) -> Option<f64>;
    /// [`Field::Found`].
    fn flag(&self, test: &str, field: Field) -> Option<bool>;
    /// The weighted share of specifications with an outcome, 0 to 1.
    fn share(&self, test: &str, of: ShareOf) -> Option<f64>;
    /// [`Field::Class`], one of [`super::CLASSES`].
    fn text(&self, test: &str, field: Field) -> Option<String> {
        let (_, _) = (test, field);
        None
    }
}

/// No results at all: what is still true under it is always true.
pub(crate) struct NoResults;

impl Fields for NoResults {
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

impl Expr {
    /// Whether the condition holds for these results.
    #[must_use]
    pub fn eval(&self, fields: &dyn Fields) -> Truth {
        match self {
            Self::Flag(flag) => (*flag).into(),
            Self::Field { test, field: Field::Found } => fields.flag(test, Field::Found).into(),
            Self::Not(inner) => !inner.eval(fields),
            Self::And(parts) => parts.iter().fold(Truth::True, |all, part| all.and(part.eval(fields))),
            Self::Or(parts) => parts.iter().fold(Truth::False, |any, part| any.or(part.eval(fields))),
            Self::Compare { op, left, right } => compare(*op, left, right, fields),
            Self::Region { function, test, lo, hi } => {
                let inside = inside(*function, test, lo, hi, fields);
                if *function == Region::Outside { !inside } else { inside }
            }
            // Not conditions; the parser lets none of them stand for one.
            Self::Number(_)
            | Self::Text(_)
            | Self::Field { .. }
            | Self::Share { .. }
            | Self::Negate(_)
            | Self::Arithmetic { .. } => Truth::Unknown,
        }
    }

    /// The number that the expression gives; `None` when it cannot be known.
    #[must_use]
    pub fn number(&self, fields: &dyn Fields) -> Option<f64> {
        let number = match self {
            Self::Number(number) => Some(*number),
            Self::Field { test, field } => fields.number(test, *field),
            Self::Share { test, of } => fields.share(test, *of),
            Self::Negate(inner) => inner.number(fields).map(|number| -number),
            Self::Arithmetic { op, left, right } => {
                arithmetic(*op, left.number(fields)?, right.number(fields)?)
            }
            _ => None,
        };
        number.filter(|number| !number.is_nan())
    }

    /// The value of an expression that names no test.
    pub(super) fn constant(&self) -> Option<f64> {
        self.number(&NoResults)
    }
}

/// `None` for a division by zero and for finite operands whose result is not.
fn arithmetic(op: Arithmetic, left: f64, right: f64) -> Option<f64> {
    let result = match op {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => (right != 0.0).then_some(left / right)?,
    };
    let overflow = left.is_finite() && right.is_finite() && !result.is_finite();
    (!overflow).then_some(result)
}

/// Compares numbers, texts or conditions; the parser has seen to it that both sides are alike.
fn compare(op: Compare, left: &Expr, right: &Expr, fields: &dyn Fields) -> Truth {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match kind(left) {
        Kind::Number => left.number(fields).zip(right.number(fields)).and_then(|(l, r)| l.partial_cmp(&r)),
        Kind::Text => text(left, fields).zip(text(right, fields)).map(|(l, r)| l.cmp(&r)),
        Kind::Flag => flag(left.eval(fields)).zip(flag(right.eval(fields))).map(|(l, r)| l.cmp(&r)),
    };
    Truth::from(order.map(|order| match op {
        Compare::Equal => order == Equal,
        Compare::NotEqual => order != Equal,
        Compare::Less => order == Less,
        Compare::LessEqual => order != Greater,
        Compare::Greater => order == Greater,
        Compare::GreaterEqual => order != Less,
    }))
}

/// Whether the test's interval lies in `[lo, hi]`: false when they are disjoint, unknown when it straddles.
fn inside(function: Region, test: &str, lo: &Expr, hi: &Expr, fields: &dyn Fields) -> Truth {
    let (low, high) = ends(function);
    let field = |field| fields.number(test, field).filter(|end| !end.is_nan());
    let ends = field(low).zip(field(high)).filter(|(low, high)| low <= high);
    let region = lo.number(fields).zip(hi.number(fields)).filter(|(lo, hi)| lo <= hi);
    let (Some((low, high)), Some((lo, hi))) = (ends, region) else {
        return Truth::Unknown;
    };
    match () {
        () if lo <= low && high <= hi => Truth::True,
        () if high < lo || hi < low => Truth::False,
        () => Truth::Unknown,
    }
}

/// The interval that a function looks at.
pub(super) fn ends(function: Region) -> (Field, Field) {
    match function {
        Region::Within | Region::Outside => (Field::Lo, Field::Hi),
        Region::Equiv => (Field::Lo90, Field::Hi90),
    }
}

/// What an expression gives.
pub(super) enum Kind {
    Number,
    Text,
    Flag,
}

pub(super) fn kind(expr: &Expr) -> Kind {
    match expr {
        Expr::Text(_) | Expr::Field { field: Field::Class, .. } => Kind::Text,
        Expr::Number(_) | Expr::Share { .. } | Expr::Negate(_) | Expr::Arithmetic { .. } => Kind::Number,
        Expr::Field { field, .. } if *field != Field::Found => Kind::Number,
        _ => Kind::Flag,
    }
}

fn text(expr: &Expr, fields: &dyn Fields) -> Option<String> {
    match expr {
        Expr::Text(text) => Some(text.clone()),
        Expr::Field { test, field } => fields.text(test, *field),
        _ => None,
    }
}

fn flag(truth: Truth) -> Option<bool> {
    match truth {
        Truth::True => Some(true),
        Truth::False => Some(false),
        Truth::Unknown => None,
    }
}
