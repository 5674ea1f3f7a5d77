//! The encoding of a part: UTF-8 as it stands, UTF-16 turned into UTF-8 as it streams.

use crate::error::{Error, Result};
use crate::zip::MemberReader;

/// Reads a member as UTF-8.
pub(crate) struct TextReader {
    reader: MemberReader,
    encoding: Encoding,
    /// Bytes to be handed out before the reader is asked for more, from `at` on.
    ready: Vec<u8>,
    at: usize,
    /// Bytes of UTF-16 not yet turned.
    wide: Vec<u8>,
    /// Something is wrong after what is ready.
    pending: Option<Error>,
    ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// Its first bytes are not read yet.
    Unknown,
    Narrow,
    /// UTF-16, and whether the high byte of each unit comes first.
    Wide {
        high_first: bool,
    },
}

/// Bytes of UTF-16 read at a time.
const CHUNK: usize = 32 << 10;

impl TextReader {
    pub(crate) fn new(reader: MemberReader) -> Self {
        let (ready, wide) = (Vec::new(), Vec::new());
        Self { reader, encoding: Encoding::Unknown, ready, at: 0, wide, pending: None, ended: false }
    }

    /// Fills the front of `into`; 0 at the end.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.encoding == Encoding::Narrow && self.at == self.ready.len() {
            return self.reader.read(into);
        }
        if self.encoding == Encoding::Unknown {
            self.look()?;
        }
        while self.at == self.ready.len() && !self.ended {
            let Encoding::Wide { high_first } = self.encoding else { return self.reader.read(into) };
            if let Some(error) = self.pending.take() {
                return Err(error);
            }
            self.turn(high_first)?;
        }
        let rest = self.ready.get(self.at..).unwrap_or_default();
        let len = rest.len().min(into.len());
        if let (Some(into), Some(from)) = (into.get_mut(..len), rest.get(..len)) {
            into.copy_from_slice(from);
        }
        self.at += len;
        Ok(len)
    }

    /// Reads the first bytes, which tell the encoding.
    fn look(&mut self) -> Result<()> {
        let mut start = [0; 4];
        let mut len = 0;
        while let Some(rest) = start.get_mut(len..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest)? {
                0 => break,
                more => len += more,
            }
        }
        let held = start.get(..len).unwrap_or_default();
        self.encoding = match held {
            [0xff, 0xfe, ..] | [b'<', 0, _, 0] => Encoding::Wide { high_first: false },
            [0xfe, 0xff, ..] | [0, b'<', 0, _] => Encoding::Wide { high_first: true },
            _ => Encoding::Narrow,
        };
        match self.encoding {
            Encoding::Wide { .. } => self.wide.extend_from_slice(held),
            _ => self.ready.extend_from_slice(held),
        }
        Ok(())
    }

    /// Turns the next bytes into UTF-8.
    fn turn(&mut self, high_first: bool) -> Result<()> {
        let held = self.wide.len();
        self.wide.resize(held + CHUNK, 0);
        let len = self.reader.read(self.wide.get_mut(held..).unwrap_or_default())?;
        self.wide.truncate(held + len);
        self.ended = len == 0;
        let mut units = Vec::with_capacity(self.wide.len() / 2);
        units.extend(self.wide.chunks_exact(2).map(|pair| match *pair {
            [a, b] if high_first => u16::from_be_bytes([a, b]),
            [a, b] => u16::from_le_bytes([a, b]),
            _ => 0,
        }));
        // The first half of a pair waits for the other.
        if !self.ended && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            units.pop();
        }
        let rest = self.wide.split_off(units.len() * 2);
        self.wide = rest;
        self.ready.clear();
        self.at = 0;
        let mut text = String::with_capacity(units.len());
        for letter in char::decode_utf16(units) {
            match letter {
                Ok(letter) => text.push(letter),
                Err(half) => {
                    let found = format!("half of one, 0x{:04x}", half.unpaired_surrogate());
                    self.pending = Some(Error::damaged("not_utf8", "whole characters of UTF-16", found));
                    break;
                }
            }
        }
        if self.ended && !self.wide.is_empty() && self.pending.is_none() {
            self.pending = Some(Error::damaged("not_utf8", "whole characters of UTF-16", "an odd byte"));
        }
        // What is wrong at the very end is still to be told.
        self.ended &= self.pending.is_none();
        self.ready = text.into_bytes();
        Ok(())
    }
}
