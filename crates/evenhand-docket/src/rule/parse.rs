//! Tokens to a typed expression, by recursive descent with a bound on depth.

use super::lex::{Token, tokens};
use super::{Arithmetic, CLASSES, Compare, Expr, Field, Region, ShareOf};
use crate::nearest::nearest;
use crate::words::Word;

/// Longest rule, in bytes. The longest of the built-in docket has 86.
pub const MAX_BYTES: usize = 4096;

/// Deepest nesting of a rule, so that no rule can exhaust the stack.
pub const MAX_DEPTH: usize = 64;

/// Why a rule does not load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// Byte of the rule text at which the trouble begins.
    pub at: usize,
    /// What stands there.
    pub found: String,
    /// What could stand there.
    pub expected: String,
    /// How to go on.
    pub hint: Option<String>,
}

impl RuleError {
    pub(super) fn new(
        at: usize,
        found: impl Into<String>,
        expected: impl Into<String>,
        hint: Option<&str>,
    ) -> Self {
        Self { at, found: found.into(), expected: expected.into(), hint: hint.map(str::to_owned) }
    }
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "byte {}: expected {}, found {}", self.at + 1, self.expected, self.found)
    }
}

impl std::error::Error for RuleError {}

/// Reads `text` as a condition that names only `tests`, or any test when that is `None`.
pub(super) fn parse(text: &str, tests: Option<&[&str]>) -> Result<Expr, RuleError> {
    if text.len() > MAX_BYTES {
        let found = format!("{} bytes", text.len());
        return Err(RuleError::new(0, found, format!("a rule of at most {MAX_BYTES} bytes"), None));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, nesting: 0, tests };
    let condition = parser.condition()?;
    match parser.peek() {
        Token::End => Ok(parser.typed(condition, Type::Flag, "a condition")?.expr),
        Token::Mark("==" | "!=" | "<" | "<=" | ">" | ">=") => {
            Err(parser.wrong("`and`, `or` or the end", Some("comparisons do not chain; join two with `and`")))
        }
        _ => Err(parser.wrong("`and`, `or` or the end", None)),
    }
}

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Flag,
    Number,
    Text,
}

impl Type {
    fn words(self) -> &'static str {
        match self {
            Self::Flag => "a condition (true, false or unknown)",
            Self::Number => "a number",
            Self::Text => "a text",
        }
    }
}

/// An expression with its type, depth and place.
struct Part {
    expr: Expr,
    kind: Type,
    depth: usize,
    at: usize,
}

struct Parser<'a> {
    tokens: Vec<(Token, usize)>,
    next: usize,
    /// Open parentheses, `not`s and signs around the next token.
    nesting: usize,
    tests: Option<&'a [&'a str]>,
}

impl Parser<'_> {
    fn condition(&mut self) -> Result<Part, RuleError> {
        self.chain("or", Self::conjunction, Expr::Or)
    }

    fn conjunction(&mut self) -> Result<Part, RuleError> {
        self.chain("and", Self::negation, Expr::And)
    }

    fn negation(&mut self) -> Result<Part, RuleError> {
        if !self.takes_word("not") {
            return self.comparison();
        }
        let at = self.last_at();
        let inner = self.nested(Self::negation)?;
        let inner = self.typed(inner, Type::Flag, "a condition after `not`")?;
        self.built(Expr::Not(Box::new(inner.expr)), Type::Flag, inner.depth, at)
    }

    fn comparison(&mut self) -> Result<Part, RuleError> {
        let left = self.sum()?;
        let Token::Mark(mark) = self.peek() else { return Ok(left) };
        let Some(op) = Compare::of(mark) else { return Ok(left) };
        self.next += 1;
        let right = self.sum()?;
        self.comparable(op, &left, &right)?;
        let (at, depth) = (left.at, left.depth.max(right.depth));
        let expr = Expr::Compare { op, left: Box::new(left.expr), right: Box::new(right.expr) };
        self.built(expr, Type::Flag, depth, at)
    }

    fn sum(&mut self) -> Result<Part, RuleError> {
        self.arithmetic(&[Arithmetic::Add, Arithmetic::Subtract], Self::product)
    }

    fn product(&mut self) -> Result<Part, RuleError> {
        self.arithmetic(&[Arithmetic::Multiply, Arithmetic::Divide], Self::sign)
    }

    fn sign(&mut self) -> Result<Part, RuleError> {
        if !self.takes("-") {
            return self.value();
        }
        let at = self.last_at();
        let inner = self.nested(Self::sign)?;
        let inner = self.typed(inner, Type::Number, "a number after `-`")?;
        self.built(Expr::Negate(Box::new(inner.expr)), Type::Number, inner.depth, at)
    }

    fn value(&mut self) -> Result<Part, RuleError> {
        let at = self.at();
        let token = self.peek().clone();
        let leaf = |expr, kind| Ok(Part { expr, kind, depth: 1, at });
        match token {
            Token::Number(number) => {
                self.next += 1;
                leaf(Expr::Number(number), Type::Number)
            }
            Token::Text(text) => {
                self.next += 1;
                leaf(Expr::Text(text), Type::Text)
            }
            Token::Mark("(") => {
                self.next += 1;
                let inner = self.nested(Self::condition)?;
                self.expect(")")?;
                Ok(Part { at, ..inner })
            }
            Token::Name(name) => {
                self.next += 1;
                self.named(&name, at)
            }
            Token::Mark(_) | Token::End => Err(self.wrong("a number, a condition or `test.field`", None)),
        }
    }

    /// What follows a name: a field, a function's arguments, or nothing for `true` and `false`.
    fn named(&mut self, name: &str, at: usize) -> Result<Part, RuleError> {
        if self.takes(".") {
            self.known_test(name, at)?;
            return self.field(name, at);
        }
        if self.takes("(") {
            return self.function(name, at);
        }
        match name {
            "true" | "false" => Ok(Part { expr: Expr::Flag(name == "true"), kind: Type::Flag, depth: 1, at }),
            "and" | "or" | "not" => {
                Err(RuleError::new(at, format!("`{name}`"), "a number, a condition or `test.field`", None))
            }
            _ => {
                let hint = format!(
                    "a bare name means nothing here; write `{name}.est`, `{name}.found` or another field"
                );
                Err(RuleError::new(at, format!("the bare name `{name}`"), "`test.field`", Some(&hint)))
            }
        }
    }

    fn field(&mut self, test: &str, at: usize) -> Result<Part, RuleError> {
        let known = Field::ALL.iter().map(|field| field.word());
        let Token::Name(word) = self.peek().clone() else {
            return Err(self.wrong(format!("a field of `{test}`"), None));
        };
        let Some(field) = Field::of(&word) else {
            let hint = nearest(&word, known.clone()).map(|near| format!("did you mean `{test}.{near}`?"));
            return Err(self.wrong(format!("one of the fields {}", list(known)), hint.as_deref()));
        };
        self.next += 1;
        let kind = match field {
            Field::Found => Type::Flag,
            Field::Class => Type::Text,
            _ => Type::Number,
        };
        Ok(Part { expr: Expr::Field { test: test.to_owned(), field }, kind, depth: 1, at })
    }

    fn function(&mut self, name: &str, at: usize) -> Result<Part, RuleError> {
        if name == "share" {
            return self.share(at);
        }
        let Some(function) = Region::of(name) else {
            let known = Region::ALL.iter().map(|function| function.word()).chain(["share"]);
            let hint = nearest(name, known.clone()).map(|near| format!("did you mean `{near}`?"));
            return Err(RuleError::new(
                at,
                format!("the function `{name}`"),
                format!("one of {}", list(known)),
                hint.as_deref(),
            ));
        };
        let test = self.test_argument(name)?;
        let lo = self.bound()?;
        let hi = self.bound()?;
        self.expect(")")?;
        let (from, to) = (lo.expr.constant(), hi.expr.constant());
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            let found = format!("{} to {}", super::number_text(from), super::number_text(to));
            return Err(RuleError::new(lo.at, found, "a lower end before the upper end", None));
        }
        let depth = lo.depth.max(hi.depth);
        let expr = Expr::Region { function, test, lo: Box::new(lo.expr), hi: Box::new(hi.expr) };
        self.built(expr, Type::Flag, depth, at)
    }

    /// `, number` as an argument.
    fn bound(&mut self) -> Result<Part, RuleError> {
        self.expect(",")?;
        let bound = self.nested(Self::sum)?;
        self.typed(bound, Type::Number, "a number")
    }

    fn share(&mut self, at: usize) -> Result<Part, RuleError> {
        let test = self.test_argument("share")?;
        self.expect(",")?;
        let outcomes = list(ShareOf::ALL.iter().map(|of| of.word()));
        let of = match self.peek() {
            Token::Text(text) => ShareOf::of(text),
            _ => None,
        };
        let Some(of) = of else {
            return Err(self.wrong(format!("one of the quoted outcomes {outcomes}"), None));
        };
        self.next += 1;
        self.expect(")")?;
        Ok(Part { expr: Expr::Share { test, of }, kind: Type::Number, depth: 1, at })
    }

    /// The first argument of a function, a bare test name.
    fn test_argument(&mut self, function: &str) -> Result<String, RuleError> {
        let (token, at) = self.tokens[self.next].clone();
        let Token::Name(test) = token else {
            return Err(self.wrong(format!("the name of a test as the first argument of `{function}`"), None));
        };
        self.known_test(&test, at)?;
        self.next += 1;
        Ok(test)
    }

    fn known_test(&self, name: &str, at: usize) -> Result<(), RuleError> {
        let Some(tests) = self.tests else { return Ok(()) };
        if tests.contains(&name) {
            return Ok(());
        }
        let hint = nearest(name, tests.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let expected = match tests {
            [] => "no test, since this claim has none".to_owned(),
            _ => format!("a test of this claim ({})", list(tests.iter().copied())),
        };
        Err(RuleError::new(at, format!("the test `{name}`"), expected, hint.as_deref()))
    }

    /// Both sides of a comparison are of one type, and only numbers have an order.
    fn comparable(&self, op: Compare, left: &Part, right: &Part) -> Result<(), RuleError> {
        if left.kind != right.kind {
            let expected = format!("{}, as on the left", left.kind.words());
            return Err(RuleError::new(right.at, right.kind.words(), expected, None));
        }
        if left.kind != Type::Number && !matches!(op, Compare::Equal | Compare::NotEqual) {
            let expected = format!("a number to the left of `{}`", op.word());
            return Err(RuleError::new(left.at, left.kind.words(), expected, None));
        }
        for (side, other) in [(left, right), (right, left)] {
            if let (Expr::Field { field: Field::Class, .. }, Expr::Text(text)) = (&side.expr, &other.expr)
                && !CLASSES.contains(&text.as_str())
            {
                let found = Token::Text(text.clone()).shown();
                return Err(RuleError::new(other.at, found, format!("one of {}", list(CLASSES)), None));
            }
        }
        Ok(())
    }

    /// `part { word part }`, flattened into one node.
    fn chain(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Part, RuleError>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Result<Part, RuleError> {
        let first = part(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let (at, mut depth) = (first.at, first.depth);
        let side = format!("a condition beside `{word}`");
        let mut parts = vec![self.typed(first, Type::Flag, &side)?.expr];
        while self.takes_word(word) {
            let next = part(self)?;
            let next = self.typed(next, Type::Flag, &side)?;
            depth = depth.max(next.depth);
            parts.push(next.expr);
        }
        self.built(join(parts), Type::Flag, depth, at)
    }

    /// `part { op part }`, grouped to the left.
    fn arithmetic(
        &mut self,
        ops: &[Arithmetic],
        part: fn(&mut Self) -> Result<Part, RuleError>,
    ) -> Result<Part, RuleError> {
        let mut left = part(self)?;
        while let Some(op) = ops.iter().copied().find(|op| *self.peek() == Token::Mark(op.word())) {
            self.next += 1;
            let side = format!("a number beside `{}`", op.word());
            let from = self.typed(left, Type::Number, &side)?;
            let right = part(self)?;
            let right = self.typed(right, Type::Number, &side)?;
            let (at, depth) = (from.at, from.depth.max(right.depth));
            let expr = Expr::Arithmetic { op, left: Box::new(from.expr), right: Box::new(right.expr) };
            left = self.built(expr, Type::Number, depth, at)?;
        }
        Ok(left)
    }

    /// A node one deeper than its deepest part.
    fn built(&self, expr: Expr, kind: Type, deepest: usize, at: usize) -> Result<Part, RuleError> {
        if deepest >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        Ok(Part { expr, kind, depth: deepest + 1, at })
    }

    /// Parses one level further in.
    fn nested(&mut self, part: fn(&mut Self) -> Result<Part, RuleError>) -> Result<Part, RuleError> {
        if self.nesting >= MAX_DEPTH {
            return Err(too_deep(self.at()));
        }
        self.nesting += 1;
        let inner = part(self);
        self.nesting -= 1;
        inner
    }

    fn typed(&self, part: Part, kind: Type, expected: &str) -> Result<Part, RuleError> {
        if part.kind == kind {
            Ok(part)
        } else {
            Err(RuleError::new(part.at, part.kind.words(), expected, None))
        }
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next].0
    }

    fn at(&self) -> usize {
        self.tokens[self.next].1
    }

    fn last_at(&self) -> usize {
        self.tokens[self.next - 1].1
    }

    fn takes(&mut self, mark: &'static str) -> bool {
        let here = *self.peek() == Token::Mark(mark);
        self.next += usize::from(here);
        here
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(name) if name == word)
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let here = self.is_word(word);
        self.next += usize::from(here);
        here
    }

    fn expect(&mut self, mark: &'static str) -> Result<(), RuleError> {
        if self.takes(mark) { Ok(()) } else { Err(self.wrong(format!("`{mark}`"), None)) }
    }

    fn wrong(&self, expected: impl Into<String>, hint: Option<&str>) -> RuleError {
        RuleError::new(self.at(), self.peek().shown(), expected, hint)
    }
}

fn too_deep(at: usize) -> RuleError {
    RuleError::new(at, "a deeper one", format!("nesting of at most {MAX_DEPTH} levels"), None)
}

/// `a`, `b` and `c`, each in backticks.
fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
