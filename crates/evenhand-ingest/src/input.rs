//! The bytes of a file as they stream: digested as released, inflated if gzipped, within limits.

use crate::{Error, ErrorKind, Result};
use evenhand_ledger::{Digest, Hasher};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Most bytes that one file may inflate to.
const MAX_INFLATED: u64 = 16 << 30;
/// Most bytes out for one byte in, once [`RATIO_FROM`] bytes are out; released tables reach about 25.
const MAX_RATIO: u64 = 400;
const RATIO_FROM: u64 = 64 << 20;

/// What the first bytes say a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Gzip,
    /// A zip container, which a workbook is.
    Zip,
    /// The older container, which a workbook with a password is, too.
    Compound,
}

/// Looks at the first bytes of a file.
pub(crate) fn format_of(path: &Path) -> Result<Format> {
    let mut file = File::open(path).map_err(|error| Error::io("unreadable", error))?;
    let mut start = [0; 1024];
    let mut len = 0;
    while let Some(rest) = start.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match file.read(rest).map_err(|error| Error::io("unreadable", error))? {
            0 => break,
            more => len += more,
        }
    }
    format_of_bytes(start.get(..len).unwrap_or_default())
}

/// What the first bytes of a file, or of what a gzip holds, say that it is.
pub(crate) fn format_of_bytes(start: &[u8]) -> Result<Format> {
    let wrong = |found: &str| {
        Err(Error::expected_found(
            ErrorKind::WrongType,
            "wrong_type",
            "a delimited table (`.csv`, `.psv`, also gzipped) or a workbook (`.xlsx`)",
            found,
        )
        .with_hint("give the table as the agency released it; no other kind of file is read"))
    };
    let lower: Vec<u8> = start.trim_ascii_start().iter().take(64).map(u8::to_ascii_lowercase).collect();
    match start {
        [] => Err(Error::expected_found(ErrorKind::Empty, "empty_file", "a table", "a file of zero bytes")
            .with_hint("fetch the file again")),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Format::Zip),
        [0x1f, 0x8b, ..] => Ok(Format::Gzip),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Ok(Format::Compound),
        [b'%', b'P', b'D', b'F', ..] => wrong("a PDF document"),
        [b'P', b'A', b'R', b'1', ..] => wrong("a Parquet file"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => wrong("text in UTF-16")
            .map_err(|error| error.with_hint("save it as UTF-8, in a spreadsheet: `CSV UTF-8`")),
        _ if start.starts_with(b"version https://git-lfs") => wrong("a Git LFS pointer, not the file itself")
            .map_err(|error| error.with_hint("fetch the file with `git lfs pull`")),
        _ if start.starts_with(b"SQLite format 3") => wrong("an SQLite database"),
        _ if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") => wrong("a web page")
            .map_err(|error| {
                error.with_hint("the download may have been an error page; fetch the file again")
            }),
        _ if lower.starts_with(b"<?xml") => wrong("an XML document"),
        _ if lower.starts_with(b"<") && lower.get(1).is_some_and(u8::is_ascii_alphabetic) => {
            wrong("a web page or an XML document").map_err(|error| {
                error.with_hint("if it opens in a spreadsheet, save it from there as `.xlsx` or `.csv`")
            })
        }
        _ if is_utf16(start) => wrong("text in UTF-16")
            .map_err(|error| error.with_hint("save it as UTF-8, in a spreadsheet: `CSV UTF-8`")),
        _ if lower.starts_with(b"{") || lower.starts_with(b"[{") => wrong("JSON"),
        // Stray NULs and control characters occur in text; one byte in 32 does not.
        _ if start.iter().filter(|byte| is_control(**byte)).count() > start.len() / 32 => {
            wrong("binary data")
        }
        _ => Ok(Format::Text),
    }
}

/// A byte that text does not have, but for white space and the escapes and ends of file of old systems.
fn is_control(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t'..=b'\r' | 0x1a | 0x1b)
}

/// Whether every second byte is a NUL, as in Latin text of two bytes a letter.
fn is_utf16(start: &[u8]) -> bool {
    let start = start.get(..64).unwrap_or(start);
    let nuls = |from: usize| start.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let half = start.len() / 2;
    half >= 4 && [(0, 1), (1, 0)].into_iter().any(|(most, none)| nuls(most) >= half - 1 && nuls(none) == 0)
}

/// The text of a plain or gzipped file.
pub(crate) struct Input {
    stream: Stream,
    inflated: u64,
}

enum Stream {
    Plain(Digested),
    Gzip(Box<MultiGzDecoder<BufReader<Digested>>>),
}

/// A file whose bytes are digested as they are read.
struct Digested {
    file: File,
    hasher: Hasher,
    bytes: u64,
}

impl Input {
    pub(crate) fn open(path: &Path, format: Format) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io("unreadable", error))?;
        let digested = Digested { file, hasher: Hasher::default(), bytes: 0 };
        let stream = match format {
            Format::Gzip => {
                Stream::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, digested))))
            }
            _ => Stream::Plain(digested),
        };
        Ok(Self { stream, inflated: 0 })
    }

    /// Fills the front of `into`; 0 at the end of the text.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            let read = match &mut self.stream {
                Stream::Plain(file) => file.read(into),
                Stream::Gzip(decoder) => decoder.read(into),
            };
            match read {
                Ok(len) => {
                    self.inflated += len as u64;
                    self.check_size()?;
                    return Ok(len);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault(error)),
            }
        }
    }

    fn check_size(&self) -> Result<()> {
        let Stream::Gzip(decoder) = &self.stream else { return Ok(()) };
        let packed = decoder.get_ref().get_ref().bytes;
        let ratio = self.inflated.checked_div(packed).unwrap_or(u64::MAX);
        if self.inflated > MAX_INFLATED || (self.inflated > RATIO_FROM && ratio > MAX_RATIO) {
            return Err(Error::expected_found(
                ErrorKind::Limit,
                "inflates_too_much",
                format!(
                    "at most {MAX_RATIO} bytes of text for one of the file, and {} GiB",
                    MAX_INFLATED >> 30
                ),
                format!("{} MiB out of {} KiB", self.inflated >> 20, packed >> 10),
            )
            .with_hint("no released table packs like this; look at the file before trusting it"));
        }
        Ok(())
    }

    fn fault(&self, error: io::Error) -> Error {
        if matches!(self.stream, Stream::Plain(_)) {
            return Error::io("unreadable", error);
        }
        let hint = "the download was probably interrupted; fetch the file again and compare its sha256";
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::expected_found(
                ErrorKind::Cut,
                "cut_gzip",
                "the end of the gzip stream",
                "the end of the file",
            )
            .with_hint(hint),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Error::expected_found(
                ErrorKind::Damaged,
                "damaged_gzip",
                "a whole gzip stream",
                format!("bytes that contradict themselves ({error})"),
            )
            .with_hint(hint),
            _ => Error::io("unreadable", error),
        }
    }

    /// Bytes of the file that were read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        match &self.stream {
            Stream::Plain(file) => file.bytes,
            Stream::Gzip(decoder) => decoder.get_ref().get_ref().bytes,
        }
    }

    /// Digest and number of the file's bytes; call it at the end of the text.
    pub(crate) fn finish(self) -> (Digest, u64) {
        let digested = match self.stream {
            Stream::Plain(file) => file,
            Stream::Gzip(decoder) => decoder.into_inner().into_inner(),
        };
        (digested.hasher.finish(), digested.bytes)
    }
}

impl Read for Digested {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(into)?;
        self.hasher.update(into.get(..len).unwrap_or_default());
        self.bytes += len as u64;
        Ok(len)
    }
}

/// Digest and size of a file that is read in no order, such as a workbook.
pub(crate) fn digest(path: &Path) -> Result<(Digest, u64)> {
    let mut input = Input::open(path, Format::Zip)?;
    let mut buffer = vec![0; 1 << 16];
    while input.read(&mut buffer)? > 0 {}
    Ok(input.finish())
}
