//! Rule text to tokens with their places.

use super::RuleError;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name: test, field, function or keyword.
    Name(String),
    /// A number.
    Number(f64),
    /// A quoted text, without its quotes.
    Text(String),
    /// Operators and punctuation, by their spelling.
    Mark(&'static str),
    /// After the last token.
    End,
}

impl Token {
    /// For messages.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Name(name) => format!("`{name}`"),
            Self::Number(number) => format!("`{}`", super::number_text(*number)),
            Self::Text(text) => format!("`'{}'`", plain(text)),
            Self::Mark(mark) => format!("`{mark}`"),
            Self::End => "the end of the rule".to_owned(),
        }
    }
}

/// Most characters that a message repeats.
const MAX_SHOWN: usize = 60;

/// Marks, longer ones first so that `<=` is not read as `<`.
const MARKS: [&str; 14] = ["==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "(", ")", ",", "."];

/// Spellings from other languages, and what to write instead.
const FOREIGN: [(&str, &str); 8] = [
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("=", "write `==` to compare"),
    ("!", "write `not`"),
    ("\"", "quote text with `'`"),
    ("≤", "write `<=`"),
    ("≥", "write `>=`"),
    ("−", "write a plain `-`"),
];

/// Tokens with the byte at which each begins; the last is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, RuleError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (token, len) = token(&text[at..], first, at)?;
        out.push((token, at));
        at += len;
    }
    out.push((Token::End, text.len()));
    Ok(out)
}

/// The token that `rest` begins with, and its length in bytes.
fn token(rest: &str, first: char, at: usize) -> Result<(Token, usize), RuleError> {
    let wrong = |found: &str, expected: &str, hint: Option<&str>| {
        RuleError::new(at, format!("`{}`", plain(found)), expected, hint)
    };
    if first.is_ascii_alphabetic() || first == '_' {
        let len = span(rest, |c| c.is_ascii_alphanumeric() || c == '_');
        return Ok((Token::Name(rest[..len].to_owned()), len));
    }
    if first.is_ascii_digit() {
        let len = number_len(rest);
        return match rest[..len].parse::<f64>() {
            Ok(number) if number.is_finite() => Ok((Token::Number(number), len)),
            _ => Err(wrong(&rest[..len], "a number that fits", None)),
        };
    }
    if first == '\'' {
        let Some(len) = rest[1..].find('\'') else {
            return Err(wrong("'", "a closing `'`", None));
        };
        return Ok((Token::Text(rest[1..=len].to_owned()), len + 2));
    }
    if let Some(mark) = MARKS.into_iter().find(|mark| rest.starts_with(mark)) {
        return Ok((Token::Mark(mark), mark.len()));
    }
    let foreign = FOREIGN.into_iter().find(|(spelling, _)| rest.starts_with(spelling));
    let (found, hint) =
        foreign.map_or((first.to_string(), None), |(spelling, hint)| (spelling.to_owned(), Some(hint)));
    Err(wrong(&found, "a name, number, `'text'` or operator", hint))
}

/// `text` with control characters escaped and quotes left readable.
fn plain(text: &str) -> String {
    crate::problem::cut(text, MAX_SHOWN)
}

/// Bytes of the number at the front: digits, a fraction, an exponent, each only if digits follow.
fn number_len(rest: &str) -> usize {
    let digits = |from: usize| span(&rest[from..], |c| c.is_ascii_digit());
    let mut len = digits(0);
    if rest[len..].starts_with('.') && digits(len + 1) > 0 {
        len += 1 + digits(len + 1);
    }
    if rest[len..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[len + 1..].starts_with(['+', '-']));
        let exponent = digits(len + 1 + sign);
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    len
}

/// Bytes at the front of `text` whose characters satisfy `keep`.
fn span(text: &str, keep: impl Fn(char) -> bool) -> usize {
    text.find(|c| !keep(c)).unwrap_or(text.len())
}
