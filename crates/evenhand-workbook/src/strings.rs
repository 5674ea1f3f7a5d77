//! The table of shared strings: one text, and where in it each string ends.

use crate::error::{Error, ErrorKind, Result, shown};
use crate::limits::Limits;
use crate::window::{Source, Window};
use crate::xml::{self, Fault, Outline, Parse, Token, check_end, check_length, is_special, text_of, token};
use memchr::memchr;

/// Shared strings read so far.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    pub(crate) fn get(&self, at: u32) -> Option<&str> {
        let at = at as usize;
        let end = *self.ends.get(at)? as usize;
        let start = match at.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        self.text.get(start..end)
    }
}

/// Reads the table, as far as it is wanted.
pub(crate) struct Loader {
    window: Window,
    limits: Limits,
    outline: Outline,
    part: String,
    ended: bool,
    pub(crate) strings: Strings,
}

/// Bytes of markup that may stand around one string's text.
const MARKUP: usize = 4 << 20;

impl Loader {
    pub(crate) fn new(source: Source, part: &str, limits: &Limits) -> Self {
        Self {
            window: Window::new(source, limits.one_string_bytes.saturating_mul(2).saturating_add(MARKUP)),
            limits: *limits,
            outline: Outline::default(),
            part: part.to_owned(),
            ended: false,
            strings: Strings::default(),
        }
    }

    /// Reads until there are `count` strings, or no more.
    pub(crate) fn ensure(&mut self, count: usize) -> Result<()> {
        while !self.ended && self.strings.len() < count {
            self.step().map_err(|error| error.in_part(&self.part))?;
        }
        Ok(())
    }

    /// Reads what there is in the window.
    fn step(&mut self) -> Result<()> {
        self.window.skip_blanks()?;
        let bytes = self.window.rest();
        if bytes.is_empty() && self.window.ended() && self.outline.root_ended {
            self.ended = true;
            return Ok(());
        }
        let mut rest = bytes;
        if self.outline.depth() == 0 && !self.outline.root_ended {
            rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
        }
        let mut fault = None;
        // What is read at once is what is there; a string cut by its end is read again with what follows.
        while fault.is_none() {
            match next(rest, &mut self.strings, &mut self.outline, &self.limits) {
                Ok(after) => rest = after,
                Err(other) => fault = Some(other),
            }
        }
        let taken = bytes.len() - rest.len();
        self.window.check(taken)?;
        self.window.take(taken);
        if let Some(Fault::Bad(error)) = fault {
            return Err(error);
        }
        if taken == 0 && !self.window.more()? {
            let expected = "the end of the shared strings";
            return Err(Error::new(ErrorKind::Cut, "cut_strings", expected, "the end of their bytes"));
        }
        Ok(())
    }
}

/// Reads one piece of the table.
fn next<'a>(
    rest: &'a [u8],
    strings: &mut Strings,
    outline: &mut Outline,
    limits: &Limits,
) -> Parse<&'a [u8]> {
    if outline.depth() == 1
        && outline.names.plain
        && let Some(after) = plain(rest, strings, limits)?
    {
        return Ok(after);
    }
    let (token, after) = token(rest, limits)?;
    match token {
        Token::Start(tag) => {
            if outline.depth() == 0 {
                check_root(tag)?;
                outline.start(tag, limits)?;
            } else if outline.depth() == 1 && outline.names.own(tag.name) == Some(b"si") {
                let mut text = String::new();
                let after = rich(after, tag.name, &mut text, &outline.names, limits)?;
                push(&text, strings, limits)?;
                return Ok(after);
            } else {
                outline.start(tag, limits)?;
            }
        }
        Token::Empty(tag) => {
            let is_string = outline.depth() == 1 && outline.names.own(tag.name) == Some(b"si");
            if outline.depth() == 0 {
                check_root(tag)?;
            }
            outline.meet(tag)?;
            outline.root_ended |= outline.depth() == 0;
            if is_string {
                push("", strings, limits)?;
            }
        }
        Token::End(name) => outline.end(name)?,
        Token::Text(_) | Token::Cdata(_) | Token::Other => {}
    }
    Ok(after)
}

fn check_root(tag: xml::Tag<'_>) -> Result<()> {
    let name = xml::split(tag.name).1;
    if name == b"sst" {
        return Ok(());
    }
    Err(Error::damaged("damaged_workbook", "shared strings", format!("`{}`", shown(name))))
}

/// A string without markup, which nearly all are.
#[inline]
fn plain<'a>(rest: &'a [u8], strings: &mut Strings, limits: &Limits) -> Parse<Option<&'a [u8]>> {
    let Some(after) = rest.strip_prefix(b"<si><t") else { return Ok(None) };
    let (after, trimmed) = match after {
        [b'>', after @ ..] => (after, true),
        _ => match after.strip_prefix(b" xml:space=\"preserve\">") {
            Some(after) => (after, false),
            None => return Ok(None),
        },
    };
    let Some(end) = memchr(b'<', after) else { return Ok(None) };
    let (text, after) = after.split_at_checked(end).unwrap_or_default();
    let Some(after) = after.strip_prefix(b"</t></si>") else { return Ok(None) };
    if is_special(text) {
        let raw = xml::utf8(text)?;
        if text.contains(&b'&') || text.contains(&b'\r') || raw.contains("_x") {
            return Ok(None);
        }
    }
    let text = xml::utf8(text)?;
    push(if trimmed { text.trim_matches(xml::BLANKS) } else { text }, strings, limits)?;
    Ok(Some(after))
}

fn push(text: &str, strings: &mut Strings, limits: &Limits) -> Result<()> {
    check_length(text.len(), limits)?;
    let length = strings.text.len() + text.len();
    let end = u32::try_from(length).ok().filter(|_| length <= limits.string_bytes);
    let Some(end) = end else {
        let expected = format!("at most {} MiB of shared strings", limits.string_bytes >> 20);
        return Err(Error::limit("too_many_strings", expected, "more"));
    };
    if strings.ends.len() >= limits.strings {
        let expected = format!("at most {} shared strings", limits.strings);
        return Err(Error::limit("too_many_strings", expected, "more"));
    }
    strings.text.push_str(text);
    strings.ends.push(end);
    Ok(())
}

/// The text of an element of runs whose start was read: its `t`, and those of its `r`, one after the other; how
/// they are to be pronounced is left out.
pub(crate) fn rich<'a>(
    mut rest: &'a [u8],
    name: &[u8],
    out: &mut String,
    names: &xml::Names,
    limits: &Limits,
) -> Parse<&'a [u8]> {
    let from = out.len();
    let mut run: Option<&[u8]> = None;
    loop {
        let (token, after) = token(rest, limits)?;
        rest = after;
        match token {
            Token::Start(tag) => match names.own(tag.name) {
                Some(b"t") => {
                    let trimmed = tag.raw(b"xml:space") != Some(b"preserve");
                    rest = text_of(rest, tag.name, trimmed, out, limits)?;
                    check_length(out.len() - from, limits)?;
                }
                Some(b"r") if run.is_none() => run = Some(tag.name),
                _ => rest = xml::skip(rest, tag.name, limits)?,
            },
            Token::End(end) => match run.take() {
                Some(open) => check_end(open, end)?,
                None => {
                    check_end(name, end)?;
                    return Ok(rest);
                }
            },
            _ => {}
        }
    }
}
