//! The bytes of a part as they stream: a window that slides over them and grows only for what must be whole.

use crate::encoding::TextReader;
use crate::error::{Error, Result};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Bytes asked for at a time.
const CHUNK: usize = 128 << 10;
/// Bytes of a chunk that is inflated ahead: the threads wait for each other, and wake each other, once a chunk.
const AHEAD: usize = 512 << 10;
/// Chunks that may wait between the thread that inflates and the one that scans.
const WAITING: usize = 2;

/// Where the bytes come from.
pub(crate) enum Source {
    /// Inflated when asked for.
    Here(Box<TextReader>),
    /// Inflated ahead, by a thread of its own.
    Ahead(Ahead),
}

pub(crate) struct Ahead {
    filled: Receiver<Result<Vec<u8>>>,
    /// Where used chunks go back to.
    used: Sender<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Source {
    /// Inflates on a second thread, some chunks ahead.
    pub(crate) fn ahead(reader: TextReader) -> Self {
        let (send, filled) = sync_channel(WAITING);
        let (used, back) = channel();
        std::thread::spawn(move || inflate(reader, &send, &back));
        Self::Ahead(Ahead { filled, used, chunk: Vec::new(), at: 0 })
    }

    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        match self {
            Self::Here(reader) => reader.read(into),
            Self::Ahead(ahead) => ahead.read(into),
        }
    }
}

impl Ahead {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        while self.at == self.chunk.len() {
            // The other side ends by dropping its sender.
            let Ok(chunk) = self.filled.recv() else { return Ok(0) };
            let used = std::mem::replace(&mut self.chunk, chunk?);
            self.at = 0;
            if used.capacity() > 0 {
                // It may have ended already, and then needs no more room.
                drop(self.used.send(used));
            }
        }
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let len = rest.len().min(into.len());
        if let (Some(into), Some(from)) = (into.get_mut(..len), rest.get(..len)) {
            into.copy_from_slice(from);
        }
        self.at += len;
        Ok(len)
    }
}

fn inflate(mut reader: TextReader, send: &SyncSender<Result<Vec<u8>>>, back: &Receiver<Vec<u8>>) {
    loop {
        let mut chunk = back.try_recv().unwrap_or_default();
        chunk.resize(AHEAD, 0);
        let mut len = 0;
        let outcome = loop {
            let Some(rest) = chunk.get_mut(len..).filter(|rest| !rest.is_empty()) else { break Ok(false) };
            match reader.read(rest) {
                Ok(0) => break Ok(true),
                Ok(more) => len += more,
                Err(error) => break Err(error),
            }
        };
        chunk.truncate(len);
        // A reader that was dropped wants no more.
        if send.send(Ok(chunk)).is_err() {
            return;
        }
        match outcome {
            Ok(false) => {}
            Ok(true) => return,
            Err(error) => return drop(send.send(Err(error))),
        }
    }
}

/// A stretch of a part's bytes.
pub(crate) struct Window {
    source: Source,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    /// Most bytes that the window may grow to.
    most: usize,
    /// An error of the source that comes after the bytes in the window.
    pending: Option<Error>,
    /// First NUL at or after `start`, and first byte that is not ASCII.
    nul: usize,
    high: usize,
}

impl Window {
    pub(crate) fn new(source: Source, most: usize) -> Self {
        Self {
            source,
            bytes: vec![0; CHUNK],
            start: 0,
            end: 0,
            ended: false,
            most: most.max(CHUNK),
            pending: None,
            nul: usize::MAX,
            high: usize::MAX,
        }
    }

    /// What is there and not yet taken.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether what is there is all that there is.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Goes on after `len` bytes.
    #[inline]
    pub(crate) fn take(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
        if self.high < self.start {
            self.high = self.find_high(self.start);
        }
    }

    fn find_high(&self, from: usize) -> usize {
        let bytes = self.bytes.get(from..self.end).unwrap_or_default();
        if bytes.is_ascii() {
            return usize::MAX;
        }
        bytes.iter().position(|byte| !byte.is_ascii()).map_or(usize::MAX, |at| from + at)
    }

    /// Refuses NULs and what is not UTF-8 among the next `len` bytes.
    #[inline]
    pub(crate) fn check(&self, len: usize) -> Result<()> {
        let end = self.start + len;
        if self.nul < end {
            return Err(Error::damaged("nul_byte", "text", "a NUL"));
        }
        if self.high < end {
            let bytes = self.bytes.get(self.start..end).unwrap_or_default();
            if let Err(error) = std::str::from_utf8(bytes) {
                let found = bytes.get(error.valid_up_to()..).and_then(|rest| rest.first());
                let found = format!("the byte 0x{:02x}", found.copied().unwrap_or_default());
                return Err(Error::damaged("not_utf8", "text in UTF-8", found));
            }
        }
        Ok(())
    }

    /// Where the first byte that is not UTF-8 stands among the next `len` bytes.
    pub(crate) fn odd_byte(&self, len: usize) -> Option<usize> {
        let bytes = self.bytes.get(self.start..self.start + len)?;
        std::str::from_utf8(bytes).err().map(|error| error.valid_up_to())
    }

    /// Reads more after what is there; false at the end.
    pub(crate) fn more(&mut self) -> Result<bool> {
        if let Some(error) = self.pending.take() {
            self.ended = true;
            return Err(error);
        }
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            let moved = |at: usize| if at == usize::MAX { at } else { at - self.start.min(at) };
            (self.nul, self.high) = (moved(self.nul), moved(self.high));
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() {
            if self.bytes.len() >= self.most {
                let expected = format!("at most {} KiB in one piece", self.most >> 10);
                return Err(Error::limit("too_long", expected, "more"));
            }
            self.bytes.resize((self.bytes.len() * 2).min(self.most), 0);
        }
        let from = self.end;
        while let Some(rest) = self.bytes.get_mut(self.end..).filter(|rest| !rest.is_empty()) {
            match self.source.read(rest) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(len) => self.end += len,
                Err(error) if self.end == from => return Err(error),
                Err(error) => {
                    self.pending = Some(error);
                    break;
                }
            }
        }
        let new = self.bytes.get(from..self.end).unwrap_or_default();
        if self.nul == usize::MAX {
            self.nul = memchr::memchr(0, new).map_or(usize::MAX, |at| from + at);
        }
        if self.high == usize::MAX {
            self.high = self.find_high(from);
        }
        Ok(self.end > from)
    }

    /// Passes over white space, however much there is.
    pub(crate) fn skip_blanks(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            let blanks = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            let all = blanks == rest.len();
            self.take(blanks);
            if !all || !self.more()? {
                return Ok(());
            }
        }
    }
}
