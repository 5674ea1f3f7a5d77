//! Brings one file home: attempts until it is whole, each going on where the last one broke.

use crate::client::{Answer, Client, Rest};
use crate::error::Retry;
use crate::part::{About, Part};
use crate::{Error, ErrorKind, Event, File, Options, Result};
use std::io::Read as _;
use std::time::{Duration, Instant};

/// Slower than this over a whole time-out is as good as nothing.
const LEAST_BYTES_PER_S: f64 = 100.0;
/// An attempt that brings this much shows that it is worth going on.
const WORTH_GOING_ON: u64 = 1 << 20;
/// Longest file where nobody says how long it is.
const LONGEST: u64 = 16 << 30;

/// A file that is whole, not yet named.
pub(crate) struct Whole<'a> {
    pub(crate) part: Part<'a>,
    pub(crate) about: About,
    /// Whether it came in several pieces, so that a wrong sum may be the fault of their joint.
    pub(crate) is_patched: bool,
}

/// Downloads a file into its part.
pub(crate) fn download<'a>(
    client: &Client,
    file: &'a File,
    url: &str,
    mut part: Part<'a>,
    options: &Options,
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<Whole<'a>> {
    let promised = file.bytes.or_else(|| part.about().and_then(|about| about.bytes));
    tell(Event::Begin { file: &file.name, from: part.len(), bytes: promised.or(file.about_bytes) });
    let mut is_patched = part.len() > 0;
    let (mut attempts, mut failures, mut furthest) = (0, 0, part.len());
    loop {
        let mut attempt = Attempt { client, file, url, timeout: options.timeout, tell: &mut *tell };
        attempts += 1;
        let error = match attempt.run(&mut part) {
            Ok(()) => {
                let about = part.about().cloned().unwrap_or_default();
                return Ok(Whole { part, about, is_patched });
            }
            Err(error) => error,
        };
        is_patched |= part.len() > 0;
        // What came before and comes again is no progress: a server that sends files only whole and always breaks
        // would be asked for ever.
        if part.len().saturating_sub(furthest) >= WORTH_GOING_ON {
            (failures, furthest) = (0, part.len());
        }
        let Some(wait) = options.patience.wait(failures, error.retries()) else {
            // The first error says more than a second one about what it left.
            drop(part.pause());
            return Err(error.after_attempts(attempts));
        };
        failures += 1;
        tell(Event::Retry { file: &file.name, attempt: attempts, wait, error: &error });
        std::thread::sleep(wait);
    }
}

struct Attempt<'a> {
    client: &'a Client,
    file: &'a File,
    url: &'a str,
    timeout: Duration,
    tell: &'a mut dyn FnMut(Event<'_>),
}

impl Attempt<'_> {
    fn run(&mut self, part: &mut Part<'_>) -> Result<()> {
        if part.len() > 0 && part.about().and_then(|about| about.bytes) == Some(part.len()) {
            return Ok(()); // Only its name was missing.
        }
        let rest = self.rest(part);
        if rest.is_none() && part.len() > 0 {
            self.restart(part, "the server gives no way to tell whether the file is still the same")?;
        }
        let answer = self.client.get(self.url, rest.as_ref())?;
        if let Some(encoding) = answer.header("content-encoding").filter(|name| *name != "identity") {
            let message = format!("expected the file as it is, the server sends it packed as `{encoding}`");
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        let bytes = match answer.status {
            206 => self.go_on(part, &answer)?,
            416 => return self.beyond_the_end(part, &answer),
            _ => self.begin(part, &answer)?,
        };
        self.receive(part, answer, bytes)
    }

    /// What to ask for: the rest of what we have, if it can be told that it is still the same file. With a published
    /// sum it need not be told: a wrong joint shows in the end.
    fn rest(&self, part: &Part<'_>) -> Option<Rest> {
        let about = part.about().filter(|_| part.len() > 0)?;
        let if_still = about.validator().map(str::to_owned);
        (if_still.is_some() || self.file.sha256.is_some()).then_some(Rest { from: part.len(), if_still })
    }

    fn restart(&mut self, part: &mut Part<'_>, why: &str) -> Result<()> {
        (self.tell)(Event::Restart { file: &self.file.name, why });
        part.restart()
    }

    /// Answer 200: the whole file, whatever was asked. Gives its length.
    fn begin(&mut self, part: &mut Part<'_>, answer: &Answer) -> Result<Option<u64>> {
        let bytes = answer.length();
        self.check_length(bytes)?;
        if part.len() > 0 {
            let same =
                part.about().is_some_and(|about| about.validator() == self.about(answer, bytes).validator());
            let why =
                if same { "the server sends files only whole" } else { "the publisher has changed the file" };
            self.restart(part, why)?;
        }
        if bytes.or(self.file.bytes).is_none() && !answer.says_its_end() && self.file.sha256.is_none() {
            let text = "the server does not say how long the file is, and no checksum is published: \
                        a connection that breaks cannot be told from its end";
            (self.tell)(Event::Note { file: &self.file.name, text: text.to_owned() });
        }
        part.begin(self.about(answer, bytes));
        Ok(bytes.or(self.file.bytes))
    }

    fn about(&self, answer: &Answer, bytes: Option<u64>) -> About {
        let header = |name| answer.header(name).map(str::to_owned);
        About {
            url: self.url.to_owned(),
            etag: header("etag"),
            last_modified: header("last-modified"),
            bytes: bytes.or(self.file.bytes),
        }
    }

    /// Answer 206: the rest, if it is the rest of what we have. Gives the whole file's length.
    fn go_on(&mut self, part: &mut Part<'_>, answer: &Answer) -> Result<Option<u64>> {
        let again = |what: String| Error::new(ErrorKind::Protocol, what).retry(Retry::Later);
        let known = part.about().cloned().unwrap_or_default();
        let said = answer.header("content-range").unwrap_or_default().to_owned();
        let Some((first, last, bytes)) = range(&said) else {
            self.restart(part, "the server sends a part and does not say which")?;
            return Err(again(format!("expected a part from byte {} on, found `{said}`", part.len())));
        };
        if first != part.len() {
            let expected = part.len();
            self.restart(part, "the server sends another part than was asked for")?;
            return Err(again(format!(
                "expected a part from byte {expected} on, found one from byte {first}"
            )));
        }
        let other_tag =
            answer.header("etag").is_some_and(|tag| known.etag.as_deref().is_some_and(|old| old != tag));
        let other_length = bytes.is_some() && known.bytes.is_some() && bytes != known.bytes;
        if other_tag || other_length {
            self.restart(part, "the publisher has changed the file")?;
            return Err(again("the file changed between two parts of it".to_owned()));
        }
        let bytes = bytes.or(known.bytes);
        self.check_length(bytes)?;
        let rest = last.checked_sub(first).and_then(|span| span.checked_add(1));
        if answer.length().is_some() && answer.length() != rest {
            self.restart(part, "the server contradicts itself about the length of a part")?;
            return Err(again(format!(
                "expected the part `{said}`, found one of {:?} bytes",
                answer.length()
            )));
        }
        Ok(bytes)
    }

    /// Answer 416: there is nothing from there on. Right if all is here.
    fn beyond_the_end(&mut self, part: &mut Part<'_>, answer: &Answer) -> Result<()> {
        let bytes =
            answer.header("content-range").and_then(|text| text.strip_prefix("bytes */")?.parse().ok());
        if part.len() > 0
            && bytes == Some(part.len())
            && self.file.bytes.is_none_or(|bytes| bytes == part.len())
        {
            return Ok(());
        }
        let message = format!("expected more than the {} bytes that are here, found an end", part.len());
        self.restart(part, "the publisher's file is shorter than what is here")?;
        Err(Error::new(ErrorKind::Protocol, message).retry(Retry::Later))
    }

    fn check_length(&self, bytes: Option<u64>) -> Result<()> {
        let Some(found) = bytes else { return Ok(()) };
        match self.file.bytes {
            Some(expected) if expected != found => Err(wrong_size(expected, found)),
            _ if found > self.longest() => Err(too_long(self.longest())),
            _ => Ok(()),
        }
    }

    /// More than this is not taken.
    fn longest(&self) -> u64 {
        let about = self.file.about_bytes.map(|about| about.saturating_mul(4).saturating_add(64 << 20));
        self.file.bytes.or(about).unwrap_or(LONGEST)
    }

    /// Reads the body into the part, up to `bytes` in all.
    fn receive(&mut self, part: &mut Part<'_>, mut answer: Answer, bytes: Option<u64>) -> Result<()> {
        let mut buffer = vec![0; 1 << 16];
        let mut window = (Instant::now(), part.len());
        let longest = bytes.unwrap_or_else(|| self.longest());
        loop {
            let read = match answer.body.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.broke_off(part.len(), bytes, &error)),
            };
            let received = buffer.get(..read).unwrap_or_default();
            if received.is_empty() {
                break;
            }
            if part.len() + u64::try_from(read).unwrap_or_default() > longest {
                part.restart()?;
                return Err(too_long(longest));
            }
            part.write(received)?;
            (self.tell)(Event::Progress { file: &self.file.name, done: part.len(), bytes });
            let (since, at) = window;
            if since.elapsed() >= self.timeout {
                #[expect(clippy::cast_precision_loss, reason = "a rate near the limit is exact")]
                let rate = (part.len() - at) as f64 / since.elapsed().as_secs_f64();
                if rate < LEAST_BYTES_PER_S && bytes != Some(part.len()) {
                    let message =
                        format!("the server sends {rate:.0} bytes a second, which is as good as nothing");
                    return Err(Error::new(ErrorKind::Network, message).retry(Retry::Later));
                }
                window = (Instant::now(), part.len());
            }
        }
        match bytes {
            Some(bytes) if part.len() < bytes => {
                let message = format!("the connection ended after {} of {bytes} bytes", part.len());
                Err(Error::new(ErrorKind::Network, message).retry(Retry::Later))
            }
            _ => Ok(()),
        }
    }

    fn broke_off(&self, len: u64, bytes: Option<u64>, error: &std::io::Error) -> Error {
        let of = bytes.map_or_else(String::new, |bytes| format!(" of {bytes}"));
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        let message = match inner {
            Some(ureq::Error::Timeout(_)) => {
                format!("nothing came for {} s after {len}{of} bytes", self.timeout.as_secs_f64())
            }
            _ if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                format!("the connection ended after {len}{of} bytes")
            }
            _ => format!("the connection broke after {len}{of} bytes: {error}"),
        };
        Error::new(ErrorKind::Network, message).retry(Retry::Later)
    }
}

fn wrong_size(expected: u64, found: u64) -> Error {
    Error::new(ErrorKind::WrongSize, format!("expected {expected} bytes, the server offers {found}"))
        .hint("the publisher has put another file there, or a page of words: look at the landing page that `--list` shows")
}

fn too_long(longest: u64) -> Error {
    Error::new(ErrorKind::WrongSize, format!("expected at most {longest} bytes, the server sends more"))
        .hint("the publisher has put another file there: look at the landing page that `--list` shows")
}

/// First byte, last byte and whole length from `bytes 0-499/1234`.
fn range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (span, bytes) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let bytes = if bytes == "*" { None } else { Some(bytes.parse().ok()?) };
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last && bytes.is_none_or(|bytes| last < bytes)).then_some((first, last, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_or_refused() {
        assert_eq!(range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(range("bytes 5-9/*"), Some((5, 9, None)));
        for wrong in ["", "bytes", "bytes 9-5/10", "bytes 5-10/10", "bytes */10", "rows 1-2/3", "bytes 1-2/x"]
        {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }
}
