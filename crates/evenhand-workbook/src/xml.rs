//! Just as much XML as workbooks are made of: tags, attributes, text, the five entities; no document type.

use crate::error::{Error, Result, shown};
use crate::limits::Limits;
use memchr::{memchr, memmem};
use std::borrow::Cow;

/// Why a piece could not be read.
pub(crate) enum Fault {
    /// It goes on beyond the bytes that are there.
    Need,
    Bad(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Bad(error)
    }
}

impl Fault {
    /// Adds a place to what is bad.
    pub(crate) fn map(self, place: impl FnOnce(Error) -> Error) -> Self {
        match self {
            Self::Need => Self::Need,
            Self::Bad(error) => Self::Bad(place(error)),
        }
    }
}

pub(crate) type Parse<T> = std::result::Result<T, Fault>;

/// One piece of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Start(Tag<'a>),
    /// A start and its end in one.
    Empty(Tag<'a>),
    End(&'a [u8]),
    Text(&'a [u8]),
    Cdata(&'a [u8]),
    /// A comment or a processing instruction.
    Other,
}

/// A start tag; its attributes were found well formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    pub(crate) name: &'a [u8],
    attributes: &'a [u8],
}

impl<'a> Tag<'a> {
    /// Names and raw values, in order.
    pub(crate) fn attributes(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut rest = self.attributes;
        std::iter::from_fn(move || {
            let equals = memchr(b'=', rest)?;
            let (name, after) = rest.split_at_checked(equals)?;
            let after = after.get(1..)?.trim_ascii_start();
            let (quote, after) = after.split_first()?;
            let end = memchr(*quote, after)?;
            rest = after.get(end + 1..)?;
            Some((name.trim_ascii(), after.get(..end)?))
        })
    }

    /// The value of an attribute as it stands.
    pub(crate) fn raw(self, name: &[u8]) -> Option<&'a [u8]> {
        self.attributes().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// The value of an attribute, decoded.
    pub(crate) fn value(self, name: &[u8]) -> Result<Option<Cow<'a, str>>> {
        self.raw(name).map(decoded).transpose()
    }

    /// The value of an attribute that has a prefix, whichever.
    pub(crate) fn prefixed(self, name: &[u8]) -> Result<Option<Cow<'a, str>>> {
        let found = self.attributes().find(|(found, _)| {
            memchr(b':', found).and_then(|colon| found.get(colon + 1..)).is_some_and(|local| local == name)
        });
        found.map(|(_, value)| decoded(value)).transpose()
    }
}

/// The first piece of `rest`, and what follows it.
pub(crate) fn token<'a>(rest: &'a [u8], limits: &Limits) -> Parse<(Token<'a>, &'a [u8])> {
    match rest {
        [] | [b'<'] => Err(Fault::Need),
        [b'<', b'!', ..] => special(rest),
        [b'<', b'?', after @ ..] => {
            let end = memmem::find(after, b"?>").ok_or(Fault::Need)?;
            Ok((Token::Other, after.get(end + 2..).unwrap_or_default()))
        }
        [b'<', b'/', after @ ..] => {
            let end = memchr(b'>', after).ok_or(Fault::Need)?;
            let name = after.get(..end).unwrap_or_default().trim_ascii_end();
            check_name(name)?;
            Ok((Token::End(name), after.get(end + 1..).unwrap_or_default()))
        }
        [b'<', after @ ..] => start(after, limits),
        _ => {
            let end = memchr(b'<', rest).ok_or(Fault::Need)?;
            let (text, rest) = rest.split_at_checked(end).unwrap_or_default();
            Ok((Token::Text(text), rest))
        }
    }
}

fn special(rest: &[u8]) -> Parse<(Token<'_>, &[u8])> {
    const COMMENT: &[u8] = b"<!--";
    const CDATA: &[u8] = b"<![CDATA[";
    if let Some(after) = rest.strip_prefix(COMMENT) {
        let end = memmem::find(after, b"-->").ok_or(Fault::Need)?;
        return Ok((Token::Other, after.get(end + 3..).unwrap_or_default()));
    }
    if let Some(after) = rest.strip_prefix(CDATA) {
        let end = memmem::find(after, b"]]>").ok_or(Fault::Need)?;
        let (text, rest) = after.split_at_checked(end).unwrap_or_default();
        return Ok((Token::Cdata(text), rest.get(3..).unwrap_or_default()));
    }
    if COMMENT.starts_with(rest) || CDATA.starts_with(rest) {
        return Err(Fault::Need);
    }
    let found = format!("`{}`", shown(rest.get(..24).unwrap_or(rest)));
    Err(Error::damaged("document_type", "no document type and no entities of its own", found).into())
}

/// A start tag after its `<`.
fn start<'a>(after: &'a [u8], limits: &Limits) -> Parse<(Token<'a>, &'a [u8])> {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
    let name_end = after.iter().position(is_end).ok_or(Fault::Need)?;
    let (name, attributes) = after.split_at_checked(name_end).unwrap_or_default();
    check_name(name)?;
    let mut rest = attributes;
    let mut names: [&[u8]; 8] = [&[]; 8];
    let mut more_names: Vec<&[u8]> = Vec::new();
    let mut count = 0;
    loop {
        let trimmed = rest.trim_ascii_start();
        let spaced = trimmed.len() < rest.len();
        let (token, rest_after) = match trimmed {
            [] | [b'/'] => return Err(Fault::Need),
            [b'>', after @ ..] => (true, after),
            [b'/', b'>', after @ ..] => (false, after),
            _ if !spaced => return Err(bad_tag(name).into()),
            _ => {
                let equals =
                    trimmed.iter().position(|byte| matches!(byte, b'=' | b'<' | b'>' | b'"' | b'\''));
                let equals = equals.ok_or(Fault::Need)?;
                let (attribute, after) = trimmed.split_at_checked(equals).unwrap_or_default();
                let attribute = attribute.trim_ascii_end();
                let Some(after) = after.strip_prefix(b"=") else { return Err(bad_tag(name).into()) };
                check_name(attribute)?;
                let value = after.trim_ascii_start();
                let (quote, value) = value.split_first().ok_or(Fault::Need)?;
                if !matches!(quote, b'"' | b'\'') {
                    return Err(bad_tag(name).into());
                }
                let end = memchr(*quote, value).ok_or(Fault::Need)?;
                let (value, after) = value.split_at_checked(end).unwrap_or_default();
                if memchr(b'<', value).is_some() {
                    return Err(bad_tag(name).into());
                }
                if names.iter().take(count).chain(&more_names).any(|known| *known == attribute) {
                    let found = format!("`{}` twice in `<{}>`", shown(attribute), shown(name));
                    return Err(Error::damaged(
                        "duplicate_attribute",
                        "attributes of different names",
                        found,
                    )
                    .into());
                }
                match names.get_mut(count) {
                    Some(place) => *place = attribute,
                    None => more_names.push(attribute),
                }
                count += 1;
                if count > limits.attributes {
                    let expected = format!("at most {} attributes", limits.attributes);
                    return Err(Error::limit("too_many_attributes", expected, "more").into());
                }
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
        };
        let length = attributes.len() - trimmed.len();
        let tag = Tag { name, attributes: attributes.get(..length).unwrap_or_default() };
        return Ok((if token { Token::Start(tag) } else { Token::Empty(tag) }, rest_after));
    }
}

fn bad_tag(name: &[u8]) -> Error {
    let expected = "a tag with attributes in quotes";
    Error::damaged("malformed_xml", expected, format!("another thing in `<{}`", shown(name)))
}

fn check_name(name: &[u8]) -> Result<()> {
    let first = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80);
    let rest = name.iter().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':') || *byte >= 0x80
    });
    if first && rest {
        return Ok(());
    }
    Err(Error::damaged("malformed_xml", "a name", format!("`{}`", shown(name))))
}

/// The element with `name`, whose start was read, to its end and what follows.
pub(crate) fn skip<'a>(mut rest: &'a [u8], name: &[u8], limits: &Limits) -> Parse<&'a [u8]> {
    let mut open: Vec<&[u8]> = Vec::new();
    loop {
        let (token, after) = token(rest, limits)?;
        rest = after;
        match token {
            Token::Start(tag) => {
                open.push(tag.name);
                if open.len() > limits.depth {
                    return Err(too_deep(limits).into());
                }
            }
            Token::End(end) => {
                let expected = open.pop();
                check_end(expected.unwrap_or(name), end)?;
                if expected.is_none() {
                    return Ok(rest);
                }
            }
            _ => {}
        }
    }
}

pub(crate) fn too_deep(limits: &Limits) -> Error {
    Error::limit("too_deep", format!("at most {} elements inside one another", limits.depth), "more")
}

pub(crate) fn check_end(expected: &[u8], found: &[u8]) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (format!("`</{}>`", shown(expected)), format!("`</{}>`", shown(found)));
    Err(Error::damaged("wrong_end_tag", expected, found))
}

/// White space that XML knows; other blanks, such as those of no width, are text.
pub(crate) const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// The text of an element whose start was read, up to and with its end tag: appended to `out`, and trimmed if the
/// element does not ask for its white space to be preserved.
pub(crate) fn text_of<'a>(
    mut rest: &'a [u8],
    name: &[u8],
    trimmed: bool,
    out: &mut String,
    limits: &Limits,
) -> Parse<&'a [u8]> {
    let from = out.len();
    loop {
        let (token, after) = token(rest, limits)?;
        rest = after;
        match token {
            Token::Text(text) => decode(text, out)?,
            Token::Cdata(text) => push_lines(utf8(text)?, out),
            Token::Other => {}
            Token::End(end) => {
                check_end(name, end)?;
                break;
            }
            Token::Start(tag) | Token::Empty(tag) => {
                let found = format!("`<{}>`", shown(tag.name));
                return Err(
                    Error::damaged("malformed_xml", format!("the text of `{}`", shown(name)), found).into()
                );
            }
        }
    }
    let text = out.get(from..).unwrap_or_default();
    let kept = if trimmed { text.trim_matches(BLANKS) } else { text };
    if kept.len() < text.len() || kept.contains("_x") {
        let text = unescape(kept);
        out.truncate(from);
        out.push_str(&text);
    }
    check_length(out.len() - from, limits)?;
    Ok(rest)
}

pub(crate) fn check_length(length: usize, limits: &Limits) -> Result<()> {
    if length > limits.one_string_bytes {
        let expected = format!("at most {} bytes in a string", limits.one_string_bytes);
        return Err(Error::limit("string_too_long", expected, format!("{length}")));
    }
    Ok(())
}

/// Whether text means something else than what it shows: an entity, a line end, an escape.
#[inline]
pub(crate) fn is_special(text: &[u8]) -> bool {
    memchr::memchr3(b'&', b'\r', b'_', text).is_some()
}

pub(crate) fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| Error::damaged("not_utf8", "text in UTF-8", "other bytes"))
}

/// An attribute's value.
pub(crate) fn decoded(raw: &[u8]) -> Result<Cow<'_, str>> {
    if memchr::memchr2(b'&', b'\r', raw).is_none() {
        return utf8(raw).map(Cow::Borrowed);
    }
    let mut out = String::new();
    decode(raw, &mut out)?;
    Ok(Cow::Owned(out))
}

/// Text with its entities and line ends resolved.
pub(crate) fn decode(raw: &[u8], out: &mut String) -> Result<()> {
    let mut rest = utf8(raw)?;
    while let Some((before, after)) = rest.split_once('&') {
        push_lines(before, out);
        let found = || format!("`&{}`", shown(after.as_bytes().get(..16).unwrap_or(after.as_bytes())));
        let bad = || Error::damaged("unknown_entity", "one of the five entities of XML", found());
        let (name, after) = after.split_once(';').ok_or_else(bad)?;
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => numeric(name).ok_or_else(bad)?,
        });
        rest = after;
    }
    push_lines(rest, out);
    Ok(())
}

/// The character of `#65` or `#x41`, if XML allows it.
fn numeric(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let (digits, radix) = digits.strip_prefix('x').map_or((digits, 10), |hex| (hex, 16));
    let code = u32::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))?;
    char::from_u32(code).filter(|letter| *letter >= ' ' || matches!(letter, '\t' | '\n' | '\r'))
}

/// Text with every kind of line end made one.
fn push_lines(text: &str, out: &mut String) {
    if !text.contains('\r') {
        return out.push_str(text);
    }
    out.push_str(&text.replace("\r\n", "\n").replace('\r', "\n"));
}

/// Text in which `_x000D_` and its like are the characters that they stand for.
pub(crate) fn unescape(text: &str) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let settle = |units: &mut Vec<u16>, out: &mut String| {
        out.extend(
            char::decode_utf16(units.drain(..)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)),
        );
    };
    while let Some(at) = rest.find("_x") {
        let (before, after) = rest.split_at_checked(at).unwrap_or_default();
        let code = after.get(2..6).filter(|_| after.as_bytes().get(6) == Some(&b'_'));
        let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if !before.is_empty() {
            settle(&mut units, &mut out);
            out.push_str(before);
        }
        match code.and_then(|code| u16::from_str_radix(code, 16).ok()) {
            Some(unit) => {
                units.push(unit);
                rest = after.get(7..).unwrap_or_default();
            }
            None => {
                settle(&mut units, &mut out);
                out.push('_');
                rest = after.get(1..).unwrap_or_default();
            }
        }
    }
    settle(&mut units, &mut out);
    out.push_str(rest);
    out
}

/// Which names are the spreadsheet's own, by the namespaces declared so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    prefixes: Vec<Vec<u8>>,
    /// Whether names without a prefix are among them.
    pub(crate) plain: bool,
}

impl Names {
    /// Learns from a document's first tag, whose own prefix is the spreadsheet's in any case.
    pub(crate) fn of_root(tag: Tag<'_>) -> Self {
        let mut names = Self::default();
        names.add(split(tag.name).0);
        names.learn(tag);
        names
    }

    /// Learns the namespaces that a tag declares.
    pub(crate) fn learn(&mut self, tag: Tag<'_>) {
        for (name, value) in tag.attributes() {
            let prefix = match name.strip_prefix(b"xmlns") {
                Some([]) => &[],
                Some([b':', prefix @ ..]) => prefix,
                _ => continue,
            };
            if is_main(value) {
                self.add(prefix);
            }
        }
    }

    fn add(&mut self, prefix: &[u8]) {
        self.plain |= prefix.is_empty();
        if !self.prefixes.iter().any(|known| known == prefix) {
            self.prefixes.push(prefix.to_vec());
        }
    }

    /// The name without its prefix, if it is the spreadsheet's.
    #[inline]
    pub(crate) fn own<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        let (prefix, local) = split(name);
        if prefix.is_empty() {
            return self.plain.then_some(local);
        }
        self.prefixes.iter().any(|known| known == prefix).then_some(local)
    }
}

/// The namespaces of spreadsheets, Transitional and Strict.
fn is_main(uri: &[u8]) -> bool {
    uri == b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        || uri == b"http://purl.oclc.org/ooxml/spreadsheetml/main"
}

/// Prefix and local part.
#[inline]
pub(crate) fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().position(|byte| *byte == b':') {
        Some(colon) => (name.get(..colon).unwrap_or_default(), name.get(colon + 1..).unwrap_or_default()),
        None => (&[], name),
    }
}

/// The elements open around a place, outside the rows.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub(crate) names: Names,
    open: Vec<Vec<u8>>,
    pub(crate) root_ended: bool,
}

impl Outline {
    pub(crate) fn start(&mut self, tag: Tag<'_>, limits: &Limits) -> Result<()> {
        self.meet(tag)?;
        self.open.push(tag.name.to_vec());
        if self.open.len() > limits.depth { Err(too_deep(limits)) } else { Ok(()) }
    }

    /// An element without content, or one whose content is read elsewhere.
    pub(crate) fn meet(&mut self, tag: Tag<'_>) -> Result<()> {
        if self.root_ended {
            let found = format!("`<{}>`", shown(tag.name));
            return Err(Error::damaged("malformed_xml", "the end of the part", found));
        }
        match self.open.is_empty() {
            true => self.names = Names::of_root(tag),
            false => self.names.learn(tag),
        }
        Ok(())
    }

    pub(crate) fn end(&mut self, name: &[u8]) -> Result<()> {
        check_end(self.open.last().map_or(b"".as_slice(), Vec::as_slice), name)?;
        self.open.pop();
        self.root_ended = self.open.is_empty();
        Ok(())
    }

    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Local name of the innermost element.
    pub(crate) fn inside(&self) -> &[u8] {
        self.open.last().map_or(&[], |name| split(name).1)
    }
}

/// A document in memory, tag by tag: `each` gets every start with the local name of the element around it.
pub(crate) fn walk(
    bytes: &[u8],
    limits: &Limits,
    mut each: impl FnMut(&Outline, Tag<'_>) -> Result<()>,
) -> Result<()> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if memchr(0, bytes).is_some() {
        return Err(Error::damaged("nul_byte", "text", "a NUL"));
    }
    utf8(bytes)?;
    let mut outline = Outline::default();
    let mut rest = bytes;
    while !(rest.trim_ascii().is_empty() && outline.root_ended) {
        let cut = || {
            let kind = crate::ErrorKind::Cut;
            Error::new(kind, "cut_part", "the end of the part", "the end of its bytes")
        };
        let (token, after) = token(rest, limits).map_err(|fault| match fault {
            Fault::Need => cut(),
            Fault::Bad(error) => error,
        })?;
        rest = after;
        match token {
            Token::Start(tag) => {
                each(&outline, tag)?;
                outline.start(tag, limits)?;
            }
            Token::Empty(tag) => {
                each(&outline, tag)?;
                outline.meet(tag)?;
                outline.root_ended = outline.depth() == 0;
            }
            Token::End(name) => outline.end(name)?,
            Token::Text(_) | Token::Cdata(_) | Token::Other => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let mut out = String::new();
        match text_of(text.as_bytes(), b"t", false, &mut out, &Limits::default()) {
            Ok(rest) => format!("{out}|{}", String::from_utf8_lossy(rest)),
            Err(Fault::Need) => "more".to_owned(),
            Err(Fault::Bad(error)) => error.code().to_owned(),
        }
    }

    #[test]
    fn text_is_decoded_once() {
        assert_eq!(read("a&amp;lt; &#65;&#x42;</t>."), "a&lt; AB|.");
        assert_eq!(read("a\r\nb\rc<!-- x --><![CDATA[<&>]]></t >"), "a\nb\nc<&>|");
        assert_eq!(read("_x0041__x005F_x000D__x12_x</t>"), "A_x000D__x12_x|");
        assert_eq!(read("_xD83D__xDE00_</t>"), "😀|");
        for (text, code) in [
            ("&nbsp;</t>", "unknown_entity"),
            ("&#0;</t>", "unknown_entity"),
            ("&#xD800;</t>", "unknown_entity"),
            ("a</v>", "wrong_end_tag"),
            ("<!DOCTYPE a></t>", "document_type"),
            ("<b/></t>", "malformed_xml"),
            ("a</t", "more"),
        ] {
            assert_eq!(read(text), code, "{text}");
        }
    }

    #[test]
    fn tags_are_read_in_any_spelling() {
        let limits = Limits::default();
        let Ok((Token::Empty(tag), rest)) = token(b"<x:c  t = 's'\n r=\"A>1\" />.", &limits) else {
            panic!()
        };
        assert_eq!((tag.name, rest), (b"x:c".as_slice(), b".".as_slice()));
        assert_eq!((tag.raw(b"t"), tag.raw(b"r")), (Some(b"s".as_slice()), Some(b"A>1".as_slice())));
        for bad in ["<c r=A1>", "<c r>", "<c r='1'r='2'>", "<c r='1' r='2'>", "<1>", "<c r='<'>", "< c>"] {
            assert!(matches!(token(bad.as_bytes(), &limits), Err(Fault::Bad(_))), "{bad}");
        }
        for cut in ["<", "<c", "<c r", "<c r=", "<c r='", "<c r='1'", "<c/", "<!-", "<![CDATA[x]]", "</c"] {
            assert!(matches!(token(cut.as_bytes(), &limits), Err(Fault::Need)), "{cut}");
        }
    }
}
