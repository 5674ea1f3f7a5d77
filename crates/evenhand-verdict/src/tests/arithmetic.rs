//! Sums, shares and ratios of published figures, with worst-case rounding bounds.
//!
//! An estimand is a formula and a year, `100 * sum(seven cities) / nation, 2014`: numbers, `+ - * /`,
//! parentheses, `nation`, and `sum(SET)`, where SET is a number in words or figures and a kind of boundary
//! (`seven cities`: the cities that the claim's scope names; `top 20 metros`: the 20 largest). Numerator and
//! denominator must lie in the same boundaries, or the denominator must be the nation (methods/1, section 8.8);
//! anything else is an error, not a number. The interval of the result holds every value that unrounded
//! figures could give.

use super::{Ran, Run, Stop, needs};
use crate::confidence::{self, Grades};
use crate::context::Context;
use crate::result::{Chart, Fields, Figure, ShareBar};
use crate::wording::{list, number, with_interval};
use crate::{Error, ErrorKind};
use evenhand_docket::{Claim, Geo, Test};
use evenhand_estimate::Interval;
use evenhand_measure::Published;

/// Runs the test.
///
/// # Errors
/// Stops when the formula is not understood or a figure is not held; [`ErrorKind::Boundary`] when it divides
/// populations inside different boundaries.
pub fn run(context: &Context<'_>, claim: &Claim, test: &Test) -> Run {
    let estimand = test.estimand.as_deref().unwrap_or_default();
    let (formula, year) = estimand.rsplit_once(',').unwrap_or((estimand, ""));
    let year = year.trim();
    let terms = Terms { context, claim, test, year };
    let mut parser = Parser { terms: &terms, tokens: tokens(formula), at: 0 };
    let value = parser.sum()?;
    if parser.at < parser.tokens.len() {
        return Err(needs(format!("needs an estimand that this kind of test can read, found `{estimand}`")));
    }
    let percent = formula.trim_start().starts_with("100 *");
    let unit = if percent { "percent" } else { "" };
    let (est, lo, hi) = (value.est, value.range.low, value.range.high);
    let mut grades = Grades::descriptive("Published figures are added and divided, not estimated.");
    grades.data = confidence::published(context, &value.figures);
    grades.precision = confidence::width(lo, hi, context.docket.sesoi.share_pp);
    Ok(Ran {
        fields: Fields {
            est: Some(est),
            lo: Some(lo),
            hi: Some(hi),
            lo90: Some(lo),
            hi90: Some(hi),
            value: Some(est),
            n: Some(value.figures.len() as f64),
            ..Fields::default()
        },
        unit: unit.to_owned(),
        line: with_interval(est, lo, hi, unit, 1).replace("  ", " "),
        method: vec![
            format!("Computed as {}.", formula.trim()),
            "The interval is the widest that rounding of the published figures allows; the estimates' own \
             margins of error are not published beside them and come on top."
                .into(),
        ],
        details: details(&value, percent),
        figures: picture(claim, test, &value, est, lo, hi),
        grades,
        ..Ran::default()
    })
}

fn details(value: &Value<'_>, percent: bool) -> Vec<(String, String)> {
    let mut details: Vec<(String, String)> = value.sums.iter().map(|sum| sum.shown()).collect();
    if percent
        && let [sum] = &value.sums[..]
        && let Some(nation) = value.nation
    {
        let held = Interval { low: sum.range.low, high: sum.range.high };
        let whole = nation.value.unwrap_or(nation.hi);
        let (low, high) = (100.0 * held.low / whole, 100.0 * held.high / whole);
        let text = format!("{} to {} percent", number(low, 1), number(high, 1));
        details.push(("with the national figure taken as exact".into(), text));
    }
    details
}

/// Bars of one share are merged with those of the claim's other shares by the figure of the claim.
fn picture(claim: &Claim, test: &Test, value: &Value<'_>, est: f64, lo: f64, hi: f64) -> Vec<Figure> {
    let ([sum], Some(nation)) = (&value.sums[..], value.nation) else { return vec![] };
    let whole = nation.value.unwrap_or(nation.hi);
    let part = |figure: &&Published| {
        let value = figure.value.unwrap_or((figure.lo + figure.hi) / 2.0);
        (figure.place.clone(), 100.0 * value / whole)
    };
    let bar = ShareBar {
        name: sum.name.clone(),
        parts: sum.figures.iter().map(part).collect(),
        interval: Some((lo, hi)),
    };
    let said = claim.quantity.as_ref().map(|quantity| (quantity.literal.lo, quantity.literal.hi));
    vec![Figure {
        id: format!("{}-{}", claim.id.to_lowercase(), test.id),
        title: format!("The {} hold {} percent of the national total", sum.name, number(est, 1)),
        subtitle: format!("Unauthorized immigrants, {}, percent of the national total", nation.period),
        description: format!(
            "The {} hold {} percent of the national total of {}, between {} and {} percent within rounding.",
            sum.name,
            number(est, 1),
            number(whole, 0),
            number(lo, 1),
            number(hi, 1)
        ),
        source: "Pew Research Center estimates, as transcribed".into(),
        notes: vec![],
        chart: Chart::Shares { bars: vec![bar], claimed: said, unit: "percent of the national total".into() },
    }]
}

/// Which boundaries a population lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boundary {
    City,
    Metro,
    Nation,
}

impl Boundary {
    fn word(self) -> &'static str {
        match self {
            Boundary::City => "city limits",
            Boundary::Metro => "metropolitan areas",
            Boundary::Nation => "the nation",
        }
    }
}

/// A value with everything that it was made of.
#[derive(Debug, Clone)]
struct Value<'a> {
    est: f64,
    range: Interval,
    boundary: Option<Boundary>,
    sums: Vec<Sum<'a>>,
    nation: Option<&'a Published>,
    figures: Vec<&'a Published>,
}

/// One `sum(SET)`.
#[derive(Debug, Clone)]
struct Sum<'a> {
    name: String,
    est: f64,
    range: Interval,
    figures: Vec<&'a Published>,
}

impl Sum<'_> {
    fn shown(&self) -> (String, String) {
        let places: Vec<String> = self.figures.iter().map(|figure| figure.place.clone()).collect();
        let sum = with_interval(self.est, self.range.low, self.range.high, "people", 0);
        (self.name.clone(), format!("{sum}: {}", list(&places)))
    }
}

struct Terms<'c, 'a> {
    context: &'c Context<'a>,
    claim: &'c Claim,
    test: &'c Test,
    year: &'c str,
}

impl<'a> Terms<'_, 'a> {
    fn nation(&self) -> Result<Value<'a>, Stop> {
        let figure = self
            .context
            .set("nation")
            .find(|figure| figure.measure == self.test.measure && figure.period == self.year)
            .ok_or_else(|| {
                needs(format!("needs the national figure of {} for {}", self.test.measure, self.year))
            })?;
        let (est, range) = exact_or_range(figure);
        let figures = vec![figure];
        Ok(Value {
            est,
            range,
            boundary: Some(Boundary::Nation),
            sums: vec![],
            nation: Some(figure),
            figures,
        })
    }

    fn sum(&self, set: &str) -> Result<Value<'a>, Stop> {
        let not_understood = || needs(format!("needs a set of places that is known, found `{set}`"));
        let words: Vec<&str> = set.split_whitespace().collect();
        let (top, count, kind) = match words[..] {
            ["top", count, kind] => (true, count, kind),
            [count, kind] => (false, count, kind),
            _ => return Err(not_understood()),
        };
        let count = number_word(count).ok_or_else(not_understood)?;
        let boundary = match kind {
            "cities" => Boundary::City,
            "metros" => Boundary::Metro,
            _ => return Err(not_understood()),
        };
        self.definition_agrees(boundary)?;
        let name = if boundary == Boundary::City { "city" } else { "metro" };
        let held: Vec<&'a Published> = self
            .context
            .figures
            .published()
            .iter()
            .filter(|figure| {
                figure.set == format!("{name}-{}", self.year) && figure.measure == self.test.measure
            })
            .collect();
        let figures = if top { largest(held, count) } else { self.named(&held, count)? };
        if figures.len() != count {
            let what = format!("needs {count} {kind} of {}, of which {} are held", self.year, figures.len());
            return Err(needs(what));
        }
        let (est, ranges): (Vec<f64>, Vec<Interval>) =
            figures.iter().map(|figure| exact_or_range(figure)).unzip();
        let (est, range) = (est.iter().sum(), Interval::sum(&ranges));
        let sum = Sum { name: set.to_owned(), est, range, figures: figures.clone() };
        Ok(Value { est, range, boundary: Some(boundary), sums: vec![sum], nation: None, figures })
    }

    /// The cities or metros that the claim's scope names, in its order.
    fn named(&self, held: &[&'a Published], count: usize) -> Result<Vec<&'a Published>, Stop> {
        let names: Vec<&str> = self.claim.scope.geo.iter().filter_map(place_name).collect();
        if names.len() != count {
            let what =
                format!("needs {count} places named in the claim's scope, which names {}", names.len());
            return Err(needs(what));
        }
        let is = |figure: &Published, name: &str| {
            figure.place == name || figure.place.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
        };
        names
            .into_iter()
            .map(|name| {
                held.iter()
                    .copied()
                    .find(|figure| is(figure, name))
                    .ok_or_else(|| needs(format!("needs a figure of {} for {name}", self.year)))
            })
            .collect()
    }

    fn definition_agrees(&self, boundary: Boundary) -> Result<(), Stop> {
        let option = self.test.definition.as_deref().and_then(|definition| definition.rsplit_once('.'));
        let declared = match option {
            Some((_, "city")) => Boundary::City,
            Some((_, "metro")) => Boundary::Metro,
            _ => return Ok(()),
        };
        if declared == boundary { Ok(()) } else { Err(self.boundaries_differ(declared, boundary)) }
    }

    fn boundaries_differ(&self, one: Boundary, other: Boundary) -> Stop {
        let message = format!(
            "claim `{}`, test `{}`: expected one kind of boundary, found {} and {}",
            self.claim.id,
            self.test.id,
            one.word(),
            other.word()
        );
        let hint = "take numerator and denominator inside the same boundaries, or divide by the nation";
        Stop::Error(Error::new(ErrorKind::Boundary, message, hint))
    }
}

fn place_name(geo: &Geo) -> Option<&str> {
    match geo {
        Geo::City(name) | Geo::Metro(name) => Some(name),
        _ => None,
    }
}

fn exact_or_range(figure: &Published) -> (f64, Interval) {
    let range = Interval { low: figure.lo, high: figure.hi };
    (figure.value.unwrap_or((figure.lo + figure.hi) / 2.0), range)
}

/// The `count` largest, largest first; equal ones by name.
fn largest(mut held: Vec<&Published>, count: usize) -> Vec<&Published> {
    let value = |figure: &Published| figure.value.unwrap_or(figure.lo);
    held.sort_by(|a, b| value(b).total_cmp(&value(a)).then_with(|| a.place.cmp(&b.place)));
    held.truncate(count);
    held
}

/// A number in figures or in words up to twenty.
fn number_word(word: &str) -> Option<usize> {
    const WORDS: [&str; 21] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    word.parse().ok().or_else(|| WORDS.iter().position(|&known| known == word.to_lowercase()))
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Symbol(char),
    Nation,
    Sum(String),
    Other(String),
}

fn tokens(formula: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = formula.trim_start();
    while let Some(first) = rest.chars().next() {
        let until = |stop: &dyn Fn(char) -> bool| rest.find(stop).unwrap_or(rest.len());
        let end = if first.is_ascii_digit() {
            until(&|letter| !letter.is_ascii_digit() && letter != '.')
        } else if first.is_alphabetic() {
            until(&|letter| !letter.is_alphanumeric())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(end);
        rest = after.trim_start();
        tokens.push(match (word, word.parse()) {
            (_, Ok(number)) if first.is_ascii_digit() => Token::Number(number),
            ("nation", _) => Token::Nation,
            ("sum", _) if rest.starts_with('(') => {
                let close = rest.find(')').unwrap_or(rest.len());
                let set = rest[1..close].trim().to_owned();
                rest = rest.get(close + 1..).unwrap_or_default().trim_start();
                Token::Sum(set)
            }
            _ if "+-*/()".contains(first) => Token::Symbol(first),
            _ => Token::Other(word.to_owned()),
        });
    }
    tokens
}

struct Parser<'t, 'c, 'a> {
    terms: &'t Terms<'c, 'a>,
    tokens: Vec<Token>,
    at: usize,
}

impl<'a> Parser<'_, '_, 'a> {
    fn symbol(&mut self, among: &str) -> Option<char> {
        match self.tokens.get(self.at) {
            Some(Token::Symbol(symbol)) if among.contains(*symbol) => {
                let symbol = *symbol;
                self.at += 1;
                Some(symbol)
            }
            _ => None,
        }
    }

    fn sum(&mut self) -> Result<Value<'a>, Stop> {
        let mut left = self.product()?;
        while let Some(symbol) = self.symbol("+-") {
            let right = self.product()?;
            left = self.combine(symbol, left, right)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Value<'a>, Stop> {
        let mut left = self.factor()?;
        while let Some(symbol) = self.symbol("*/") {
            let right = self.factor()?;
            left = self.combine(symbol, left, right)?;
        }
        Ok(left)
    }

    fn factor(&mut self) -> Result<Value<'a>, Stop> {
        if self.symbol("(").is_some() {
            let inner = self.sum()?;
            return self
                .symbol(")")
                .map(|_| inner)
                .ok_or_else(|| needs("needs an estimand whose parentheses close"));
        }
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Number(number)) => {
                let range = Interval { low: number, high: number };
                Ok(Value { est: number, range, boundary: None, sums: vec![], nation: None, figures: vec![] })
            }
            Some(Token::Nation) => self.terms.nation(),
            Some(Token::Sum(set)) => self.terms.sum(&set),
            found => Err(needs(format!(
                "needs an estimand that this kind of test can read, found {}",
                word(found)
            ))),
        }
    }

    fn combine(&self, symbol: char, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>, Stop> {
        let boundary = match (left.boundary, right.boundary) {
            (Some(one), Some(other)) if one != other => {
                // A part of the nation over the nation is a share; every other mixture is two populations.
                if symbol == '/' && other == Boundary::Nation {
                    Some(one)
                } else {
                    return Err(self.terms.boundaries_differ(one, other));
                }
            }
            (one, other) => one.or(other),
        };
        let (est, range) = match symbol {
            '+' => (left.est + right.est, left.range.add(&right.range)),
            '-' => (left.est - right.est, left.range.sub(&right.range)),
            '*' => (left.est * right.est, product(left.range, right.range)),
            _ => (left.est / right.est, left.range.ratio(&right.range)?),
        };
        let nation = left.nation.or(right.nation);
        let sums = [left.sums, right.sums].concat();
        let figures = [left.figures, right.figures].concat();
        Ok(Value { est, range, boundary, sums, nation, figures })
    }
}

/// The interval that holds every product; one factor is a plain number in all estimands of use.
fn product(one: Interval, other: Interval) -> Interval {
    let corners = [one.low * other.low, one.low * other.high, one.high * other.low, one.high * other.high];
    let low = corners.into_iter().fold(f64::INFINITY, f64::min);
    let high = corners.into_iter().fold(f64::NEG_INFINITY, f64::max);
    Interval { low, high }
}

fn word(token: Option<Token>) -> String {
    match token {
        Some(Token::Other(word)) => format!("`{word}`"),
        Some(Token::Symbol(symbol)) => format!("`{symbol}`"),
        Some(Token::Number(number)) => format!("`{number}`"),
        Some(Token::Nation) => "`nation`".into(),
        Some(Token::Sum(set)) => format!("`sum({set})`"),
        None => "the end".into(),
    }
}
