//! A zip archive written front to back: each part is deflated as it comes, and its header is completed by going
//! back to it once its sizes are known. Parts and archives beyond 4 GiB take the zip64 form, and only they.

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::{self, Seek, SeekFrom, Write};

/// The zip64 field's number, and that of the padding which workbook writers put where it may be needed.
const ZIP64: u16 = 0x0001;
const PADDING: u16 = 0xA220;
/// What stands in a 32-bit field whose value is in the zip64 field.
const ELSEWHERE: u32 = u32::MAX;
/// 1980-01-01, the zip format's first day: what is written does not depend on the clock.
const FIRST_DAY: u16 = 0x0021;

/// An archive being written.
#[derive(Debug)]
pub struct Archive<W: Write + Seek> {
    out: W,
    parts: Vec<Part>,
    at: u64,
}

#[derive(Debug)]
struct Part {
    name: String,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
}

/// One part of an archive being written.
#[derive(Debug)]
pub struct Open<W: Write + Seek> {
    archive: Archive<Nothing>,
    encoder: DeflateEncoder<W>,
    crc: Crc,
    size: u64,
    part: Part,
}

/// Stands for the output while a part holds it.
#[derive(Debug)]
pub struct Nothing;

impl Write for Nothing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Nothing {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

impl<W: Write + Seek> Archive<W> {
    /// An empty archive at the start of `out`.
    pub fn new(out: W) -> Archive<W> {
        Archive { out, parts: Vec::new(), at: 0 }
    }

    /// Begins a part.
    pub fn open(mut self, name: &str) -> io::Result<Open<W>> {
        let part = Part { name: name.to_owned(), crc: 0, packed: 0, size: 0, offset: self.at };
        let header = local_header(&part);
        self.out.write_all(&header)?;
        self.at += header.len() as u64;
        let archive = Archive { out: Nothing, parts: self.parts, at: self.at };
        let encoder = DeflateEncoder::new(self.out, Compression::new(1));
        Ok(Open { archive, encoder, crc: Crc::new(), size: 0, part })
    }

    /// A part whose content is at hand.
    pub fn part(self, name: &str, content: &str) -> io::Result<Archive<W>> {
        let mut open = self.open(name)?;
        open.write_all(content.as_bytes())?;
        open.close()
    }

    /// Writes the directory and gives back the output.
    pub fn finish(mut self) -> io::Result<W> {
        let start = self.at;
        let mut directory = Vec::new();
        for part in &self.parts {
            central_header(part, &mut directory);
        }
        let (count, size) = (self.parts.len() as u64, directory.len() as u64);
        let far = start >= u64::from(ELSEWHERE);
        if far || count >= 0xFFFF {
            let at = start + size;
            directory.extend_from_slice(b"PK\x06\x06");
            put64(&mut directory, 44);
            put16(&mut directory, 45);
            put16(&mut directory, 45);
            put32(&mut directory, 0);
            put32(&mut directory, 0);
            put64(&mut directory, count);
            put64(&mut directory, count);
            put64(&mut directory, size);
            put64(&mut directory, start);
            directory.extend_from_slice(b"PK\x06\x07");
            put32(&mut directory, 0);
            put64(&mut directory, at);
            put32(&mut directory, 1);
        }
        directory.extend_from_slice(b"PK\x05\x06");
        put32(&mut directory, 0);
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        put16(&mut directory, count);
        put16(&mut directory, count);
        put32(&mut directory, u32::try_from(size).unwrap_or(ELSEWHERE));
        put32(&mut directory, if far { ELSEWHERE } else { start as u32 });
        put16(&mut directory, 0);
        self.out.write_all(&directory)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write + Seek> Write for Open<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.encoder.write_all(bytes)?;
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write + Seek> Open<W> {
    /// Ends the part.
    pub fn close(mut self) -> io::Result<Archive<W>> {
        self.encoder.try_finish()?;
        self.part.packed = self.encoder.total_out();
        self.part.size = self.size;
        self.part.crc = self.crc.sum();
        let mut out = self.encoder.finish()?;
        let at = self.archive.at + self.part.packed;
        out.seek(SeekFrom::Start(self.part.offset))?;
        out.write_all(&local_header(&self.part))?;
        out.seek(SeekFrom::Start(at))?;
        let mut parts = self.archive.parts;
        parts.push(self.part);
        Ok(Archive { out, parts, at })
    }
}

fn is_big(part: &Part) -> bool {
    part.size >= u64::from(ELSEWHERE) || part.packed >= u64::from(ELSEWHERE)
}

/// The same length whatever the sizes are: where zip64 is not needed, padding takes its place.
fn local_header(part: &Part) -> Vec<u8> {
    let mut bytes = b"PK\x03\x04".to_vec();
    let big = is_big(part);
    common(&mut bytes, part, big);
    put16(&mut bytes, part.name.len() as u16);
    put16(&mut bytes, 20);
    bytes.extend_from_slice(part.name.as_bytes());
    put16(&mut bytes, if big { ZIP64 } else { PADDING });
    put16(&mut bytes, 16);
    put64(&mut bytes, if big { part.size } else { 0 });
    put64(&mut bytes, if big { part.packed } else { 0 });
    bytes
}

fn central_header(part: &Part, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"PK\x01\x02");
    put16(bytes, 45);
    let (big, far) = (is_big(part), part.offset >= u64::from(ELSEWHERE));
    common(bytes, part, big);
    put16(bytes, part.name.len() as u16);
    let mut wide = Vec::new();
    if big {
        put64(&mut wide, part.size);
        put64(&mut wide, part.packed);
    }
    if far {
        put64(&mut wide, part.offset);
    }
    put16(bytes, if wide.is_empty() { 0 } else { wide.len() as u16 + 4 });
    put16(bytes, 0);
    put16(bytes, 0);
    put16(bytes, 0);
    put32(bytes, 0);
    put32(bytes, if far { ELSEWHERE } else { part.offset as u32 });
    bytes.extend_from_slice(part.name.as_bytes());
    if !wide.is_empty() {
        put16(bytes, ZIP64);
        put16(bytes, wide.len() as u16);
        bytes.extend_from_slice(&wide);
    }
}

/// What the two headers of a part share: version to sizes.
fn common(bytes: &mut Vec<u8>, part: &Part, big: bool) {
    put16(bytes, if big { 45 } else { 20 });
    put16(bytes, 0);
    put16(bytes, 8);
    put16(bytes, 0);
    put16(bytes, FIRST_DAY);
    put32(bytes, part.crc);
    put32(bytes, if big { ELSEWHERE } else { part.packed as u32 });
    put32(bytes, if big { ELSEWHERE } else { part.size as u32 });
}

fn put16(bytes: &mut Vec<u8>, value: u16) {
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn put32(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn put64(bytes: &mut Vec<u8>, value: u64) {
    bytes.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(size: u64, offset: u64) -> Part {
        Part { name: "a".to_owned(), crc: 1, packed: size, size, offset }
    }

    #[test]
    fn a_header_keeps_its_length_when_its_part_outgrows_four_gigabytes() {
        let (small, big) = (local_header(&part(5, 0)), local_header(&part(5_000_000_000, 0)));
        assert_eq!(small.len(), big.len());
        assert_eq!(big[18..26], [0xFF; 8]);
        assert_eq!(big[31..33], ZIP64.to_le_bytes());
        assert_eq!(big[35..43], 5_000_000_000_u64.to_le_bytes());
    }

    #[test]
    fn the_directory_says_where_a_far_part_begins() {
        let mut bytes = Vec::new();
        central_header(&part(5, 5_000_000_000), &mut bytes);
        assert_eq!(bytes[42..46], [0xFF; 4]);
        assert_eq!(bytes[bytes.len() - 8..], 5_000_000_000_u64.to_le_bytes());
    }
}
