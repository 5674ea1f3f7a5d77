//! Why a rule came out as it did.

use super::eval::ends;
use super::{Expr, Field, Fields, Truth};
use crate::words::Word;

/// A condition with its truth, the results it read and the conditions it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The condition in its canonical spelling.
    pub text: String,
    /// What came out.
    pub truth: Truth,
    /// For a condition without parts: every result that it read, in reading order, each once.
    pub values: Vec<(String, Shown)>,
    /// For `and`, `or` and `not`: what they join.
    pub parts: Vec<Step>,
    /// Whether all parts must hold (`and`), so that one false part decides; `or` is the mirror image.
    joined_by_and: bool,
}

/// A result as a rule saw it.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// A number.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// A text.
    Text(String),
    /// There is no such result.
    Missing,
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => f.write_str(&super::number_text(*number)),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Missing => f.write_str("unknown"),
        }
    }
}

impl Step {
    /// The innermost conditions that settle this one: for a false `and` its false parts, for a true `or` its
    /// true parts, for an unknown one the unknown parts, else all parts.
    #[must_use]
    pub fn deciding(&self) -> Vec<&Step> {
        if self.parts.is_empty() {
            return vec![self];
        }
        let settles = |part: &&Step| match (self.parts.len(), self.truth) {
            // `not` has one part, and it decides.
            (1, _) => true,
            (_, Truth::Unknown) => part.truth == Truth::Unknown,
            (_, Truth::False) => !self.joined_by_and || part.truth == Truth::False,
            (_, Truth::True) => self.joined_by_and || part.truth == Truth::True,
        };
        self.parts.iter().filter(settles).flat_map(Step::deciding).collect()
    }

    /// Names of the results that are missing anywhere in the condition, sorted, each once.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let own =
            self.values.iter().filter(|(_, value)| *value == Shown::Missing).map(|(name, _)| name.clone());
        let mut names: Vec<String> = own.chain(self.parts.iter().flat_map(Step::missing)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// `a.lo > 0 is false (a.lo = -1.2)`; parts are not printed.
impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}", self.text, self.truth)?;
        let values: Vec<String> =
            self.values.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        if values.is_empty() { Ok(()) } else { write!(f, " ({})", values.join(", ")) }
    }
}

impl Expr {
    /// The condition with everything that went into its truth.
    #[must_use]
    pub fn explain(&self, fields: &dyn Fields) -> Step {
        let parts: Vec<Step> = match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().map(|part| part.explain(fields)).collect(),
            Self::Not(inner) => vec![inner.explain(fields)],
            _ => Vec::new(),
        };
        let values = if parts.is_empty() { self.values(fields) } else { Vec::new() };
        let joined_by_and = matches!(self, Self::And(_));
        Step { text: self.to_string(), truth: self.eval(fields), values, parts, joined_by_and }
    }

    /// Every result that the expression reads.
    fn values(&self, fields: &dyn Fields) -> Vec<(String, Shown)> {
        let mut values: Vec<(String, Shown)> = Vec::new();
        let mut add = |name: String, value: Shown| {
            if values.iter().all(|(seen, _)| *seen != name) {
                values.push((name, value));
            }
        };
        self.visit(&mut |part| match part {
            Self::Field { test, field } => add(field_name(test, *field), shown(test, *field, fields)),
            Self::Share { test, of } => {
                add(part.to_string(), fields.share(test, *of).map_or(Shown::Missing, Shown::Number));
            }
            Self::Region { function, test, .. } => {
                let (low, high) = ends(*function);
                add(field_name(test, low), shown(test, low, fields));
                add(field_name(test, high), shown(test, high, fields));
            }
            _ => {}
        });
        values
    }
}

fn field_name(test: &str, field: Field) -> String {
    format!("{test}.{}", field.word())
}

fn shown(test: &str, field: Field, fields: &dyn Fields) -> Shown {
    match field {
        Field::Found => fields.flag(test, field).map(Shown::Flag),
        Field::Class => fields.text(test, field).map(Shown::Text),
        _ => fields.number(test, field).filter(|number| !number.is_nan()).map(Shown::Number),
    }
    .unwrap_or(Shown::Missing)
}
