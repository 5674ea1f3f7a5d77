//! The container: a zip file's directory, held against its members, and the members' bytes, held against their
//! checksums.

use crate::encoding::TextReader;
use crate::error::{Error, ErrorKind, Result, shown};
use crate::limits::Limits;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that can be read at any place, by several readers at once.
pub trait ReadAt: Send + Sync {
    /// Fills the front of `into` from `at` on; 0 at the end.
    ///
    /// # Errors
    /// Those of the operating system.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize>;

    /// How many bytes there are.
    fn size(&self) -> u64;
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let len = rest.len().min(into.len());
        if let (Some(into), Some(from)) = (into.get_mut(..len), rest.get(..len)) {
            into.copy_from_slice(from);
        }
        Ok(len)
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }
}

/// A file on disk.
#[derive(Debug)]
pub(crate) struct OnDisk {
    file: File,
    size: u64,
}

impl OnDisk {
    pub(crate) fn open(path: &std::path::Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io)?;
        let size = file.metadata().map_err(Error::io)?.len();
        Ok(Self { file, size })
    }
}

impl ReadAt for OnDisk {
    #[cfg(unix)]
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, into, at)
    }

    #[cfg(windows)]
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, into, at)
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// A zip file whose directory was found whole.
pub(crate) struct Archive {
    source: Arc<dyn ReadAt>,
    limits: Limits,
    members: Vec<Member>,
    /// Position by name in lower case, since names of parts are compared without regard to case.
    by_name: BTreeMap<String, usize>,
    /// Bytes inflated so far by all readers.
    inflated: Arc<AtomicU64>,
    /// Packed bytes read so far by all readers.
    packed: Arc<AtomicU64>,
    /// What is wrong with a member, found when the directory was held against it.
    fault: Option<Error>,
}

#[derive(Debug, Clone)]
struct Member {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    /// Of the local header.
    offset: u64,
    /// Of the bytes themselves.
    start: u64,
}

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;
const HAS_DESCRIPTOR: u16 = 1 << 3;

impl Archive {
    pub(crate) fn open(source: Arc<dyn ReadAt>, limits: &Limits) -> Result<Self> {
        refuse_other_kinds(&*source)?;
        let directory = find_directory(&*source, limits)?;
        let mut members = list(&*source, &directory, limits)?;
        let mut fault = None;
        for member in &mut members {
            let checked = check_local(&*source, member);
            fault = fault.or(checked.err());
        }
        let mut by_name = BTreeMap::new();
        for (at, member) in members.iter().enumerate() {
            if by_name.insert(member.name.to_lowercase(), at).is_some() && fault.is_none() {
                let found = format!("`{}` twice", shown(member.name.as_bytes()));
                let error = Error::damaged("duplicate_member", "members of different names", found);
                fault = Some(error.in_part(&member.name));
            }
        }
        fault = fault.or_else(|| refuse_overlap(&members, directory.offset).err());
        Ok(Self {
            source,
            limits: *limits,
            members,
            by_name,
            inflated: Arc::default(),
            packed: Arc::default(),
            fault,
        })
    }

    /// What is wrong with a member, if anything is: the archive must then be used for nothing but to tell which
    /// sheet that is.
    pub(crate) fn take_fault(&mut self) -> Option<Error> {
        self.fault.take()
    }

    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.members.iter().map(|member| member.name.as_str())
    }

    /// The name of a member as the file spells it.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let at = self.by_name.get(&name.to_lowercase())?;
        self.members.get(*at).map(|member| member.name.as_str())
    }

    /// Bytes that the member takes in the file, which tells the large from the small.
    pub(crate) fn packed(&self, name: &str) -> u64 {
        let at = self.by_name.get(&name.to_lowercase());
        at.and_then(|at| self.members.get(*at)).map_or(0, |member| member.packed)
    }

    /// Packed bytes of all members that were read so far.
    pub(crate) fn packed_read(&self) -> u64 {
        self.packed.load(Ordering::Relaxed)
    }

    /// The text of a member.
    pub(crate) fn reader(&self, name: &str) -> Result<TextReader> {
        self.bytes(name).map(TextReader::new)
    }

    fn bytes(&self, name: &str) -> Result<MemberReader> {
        let missing = || Error::damaged("missing_part", format!("a member `{name}`"), "none");
        let at = self.by_name.get(&name.to_lowercase()).ok_or_else(missing)?;
        let member = self.members.get(*at).ok_or_else(missing)?;
        if ![STORED, DEFLATED].contains(&member.method) {
            let found = format!("one packed by method {}", member.method);
            let expected = "a member that is stored or deflated";
            return Err(Error::damaged("unknown_packing", expected, found).in_part(&member.name));
        }
        Ok(MemberReader {
            source: self.source.clone(),
            limits: self.limits,
            at: member.start,
            left: member.packed,
            unpacker: (member.method == DEFLATED).then(|| Box::new(Decompress::new(false))),
            input: Vec::new(),
            taken: 0,
            out: 0,
            crc: Crc::new(),
            total: self.inflated.clone(),
            packed: self.packed.clone(),
            ended: false,
            member: member.clone(),
        })
    }

    /// A small part, whole.
    pub(crate) fn small(&self, name: &str) -> Result<Vec<u8>> {
        let mut reader = self.reader(name)?;
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 16 << 10];
        loop {
            match reader.read(&mut chunk)? {
                0 => return Ok(bytes),
                len => bytes.extend_from_slice(chunk.get(..len).unwrap_or_default()),
            }
            if bytes.len() > self.limits.small_part_bytes {
                let expected = format!("at most {} bytes", self.limits.small_part_bytes);
                return Err(Error::limit("inflates_too_much", expected, "more").in_part(name));
            }
        }
    }
}

/// The bytes of a member, to their end.
pub(crate) struct MemberReader {
    source: Arc<dyn ReadAt>,
    limits: Limits,
    /// Where the next packed bytes are.
    at: u64,
    /// Packed bytes not yet read.
    left: u64,
    unpacker: Option<Box<Decompress>>,
    input: Vec<u8>,
    /// Bytes of `input` that were unpacked.
    taken: usize,
    out: u64,
    crc: Crc,
    total: Arc<AtomicU64>,
    packed: Arc<AtomicU64>,
    ended: bool,
    member: Member,
}

/// Packed bytes read at a time.
const INPUT: usize = 64 << 10;

impl MemberReader {
    /// Fills the front of `into`; 0 at the end, once the checksum was found right.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.ended || into.is_empty() {
            return Ok(0);
        }
        let len = self.step(into).map_err(|error| error.in_part(&self.member.name))?;
        if len == 0 {
            self.ended = true;
        }
        Ok(len)
    }

    fn step(&mut self, into: &mut [u8]) -> Result<usize> {
        let len = match self.unpacker.take() {
            None => self.copy(into)?,
            Some(mut unpacker) => {
                let len = self.unpack(&mut unpacker, into)?;
                self.unpacker = Some(unpacker);
                len
            }
        };
        self.crc.update(into.get(..len).unwrap_or_default());
        self.out += len as u64;
        self.check_size(len as u64)?;
        if len == 0 {
            self.check_end()?;
        }
        Ok(len)
    }

    fn copy(&mut self, into: &mut [u8]) -> Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let into = into.get_mut(..wanted).unwrap_or_default();
        let len = read_some(&*self.source, into, self.at)?;
        if len == 0 && wanted > 0 {
            return Err(cut_member());
        }
        self.at += len as u64;
        self.left -= len as u64;
        self.packed.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }

    fn unpack(&mut self, unpacker: &mut Decompress, into: &mut [u8]) -> Result<usize> {
        loop {
            if self.taken == self.input.len() && self.left > 0 {
                let wanted = usize::try_from(self.left).unwrap_or(INPUT).min(INPUT);
                self.input.resize(wanted, 0);
                let len = read_some(&*self.source, &mut self.input, self.at)?;
                if len == 0 {
                    return Err(cut_member());
                }
                self.input.truncate(len);
                self.taken = 0;
                self.at += len as u64;
                self.left -= len as u64;
                self.packed.fetch_add(len as u64, Ordering::Relaxed);
            }
            let (before_in, before_out) = (unpacker.total_in(), unpacker.total_out());
            let input = self.input.get(self.taken..).unwrap_or_default();
            let status = unpacker.decompress(input, into, FlushDecompress::None).map_err(|error| {
                Error::damaged("damaged_member", "deflated bytes", format!("others ({error})"))
            })?;
            self.taken += usize::try_from(unpacker.total_in() - before_in).unwrap_or(0);
            let len = usize::try_from(unpacker.total_out() - before_out).unwrap_or(0);
            if len > 0 {
                return Ok(len);
            }
            match status {
                Status::StreamEnd if self.taken < self.input.len() || self.left > 0 => {
                    let expected = "the end of the member where its bytes end";
                    return Err(Error::damaged("damaged_member", expected, "bytes after it"));
                }
                Status::StreamEnd => return Ok(0),
                _ if self.taken == self.input.len() && self.left == 0 => return Err(cut_member()),
                // Nothing moved although there was room and input: the stream goes nowhere.
                Status::BufError if unpacker.total_in() == before_in => {
                    return Err(Error::damaged("damaged_member", "deflated bytes", "others"));
                }
                _ => {}
            }
        }
    }

    fn check_size(&self, more: u64) -> Result<()> {
        let limits = &self.limits;
        let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
        let total = self.total.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        let most = limits.member_bytes;
        if self.out > most || total > limits.total_bytes {
            let expected =
                format!("at most {} in a member and {} in all", mib(most), mib(limits.total_bytes));
            return Err(Error::limit("inflates_too_much", expected, "more"));
        }
        let ratio = self.out.checked_div(self.member.packed).unwrap_or(u64::MAX);
        if self.out > limits.ratio_from && ratio > limits.ratio {
            let expected = format!("at most {} bytes for one of the file", limits.ratio);
            let found = format!("{} out of {} KiB", mib(self.out), self.member.packed >> 10);
            return Err(Error::limit("inflates_too_much", expected, found));
        }
        Ok(())
    }

    fn check_end(&self) -> Result<()> {
        if self.out != self.member.size {
            let (expected, found) = (format!("{} bytes", self.member.size), format!("{} bytes", self.out));
            return Err(Error::damaged("wrong_size", expected, found));
        }
        if self.crc.sum() != self.member.crc {
            let expected = format!("bytes of the checksum {:08x}", self.member.crc);
            return Err(Error::damaged("wrong_checksum", expected, format!("{:08x}", self.crc.sum())));
        }
        Ok(())
    }
}

fn cut_member() -> Error {
    Error::new(ErrorKind::Cut, "cut_member", "the end of the member", "the end of its bytes")
}

struct Directory {
    offset: u64,
    length: u64,
    entries: u64,
}

/// Says what a file is that is no zip file.
fn refuse_other_kinds(source: &dyn ReadAt) -> Result<()> {
    let start = bytes_at(source, 0, 8)?;
    let wrong =
        |found: &str| Err(Error::new(ErrorKind::WrongType, "wrong_type", "a workbook (`.xlsx`)", found));
    match *start.as_slice() {
        [] => Err(Error::new(ErrorKind::Empty, "empty_file", "a workbook", "a file of zero bytes")),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => {
            let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
            if contains(source, &name)? {
                let expected = "a workbook without a password";
                return Err(Error::new(
                    ErrorKind::Encrypted,
                    "encrypted_workbook",
                    expected,
                    "a protected one",
                ));
            }
            wrong("one of the kind before 2007 (`.xls`)")
        }
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(()),
        _ => wrong("a file of another kind"),
    }
}

/// Whether the bytes hold `needle` anywhere.
fn contains(source: &dyn ReadAt, needle: &[u8]) -> Result<bool> {
    const STEP: u64 = 1 << 20;
    let mut at = 0;
    while at < source.size() {
        if memchr::memmem::find(&bytes_at(source, at, STEP)?, needle).is_some() {
            return Ok(true);
        }
        at += STEP - needle.len() as u64;
    }
    Ok(false)
}

fn find_directory(source: &dyn ReadAt, limits: &Limits) -> Result<Directory> {
    let cut = || {
        let expected = "the directory at the end of the workbook";
        Error::new(ErrorKind::Cut, "cut_workbook", expected, "none")
    };
    let tail_at = source.size().saturating_sub(22 + 65_535);
    let tail = bytes_at(source, tail_at, 22 + 65_535)?;
    let ends = memchr::memmem::rfind_iter(&tail, b"PK\x05\x06");
    let fits = |at: &usize| {
        let record = tail.get(*at..).unwrap_or_default();
        u16_at(record, 20).is_some_and(|comment| 22 + usize::from(comment) <= record.len())
    };
    let end = ends.into_iter().find(fits).ok_or_else(cut)?;
    let record = tail.get(end..).unwrap_or_default();
    let field16 = |at| u16_at(record, at).ok_or_else(cut);
    let field32 = |at| u32_at(record, at).ok_or_else(cut);
    let disks = [field16(4)?, field16(6)?];
    let mut directory =
        Directory { offset: field32(16)?.into(), length: field32(12)?.into(), entries: field16(10)?.into() };
    let mut end_at = tail_at + end as u64;
    let is_large = directory.offset == u64::from(u32::MAX)
        || directory.length == u64::from(u32::MAX)
        || directory.entries == u64::from(u16::MAX)
        || disks.contains(&u16::MAX);
    let locator_at = end_at.checked_sub(20);
    let locator = match locator_at {
        Some(at) if is_large => bytes_at(source, at, 20)?,
        _ => Vec::new(),
    };
    if locator.starts_with(b"PK\x06\x07") {
        let at = u64_at(&locator, 8).ok_or_else(cut)?;
        let record = bytes_at(source, at, 56)?;
        if !record.starts_with(b"PK\x06\x06") {
            return Err(cut());
        }
        let field = |at| u64_at(&record, at).ok_or_else(cut);
        directory = Directory { offset: field(48)?, length: field(40)?, entries: field(32)? };
        end_at = at;
    } else if disks.iter().any(|disk| *disk != 0 && *disk != u16::MAX) {
        return Err(Error::damaged("split_archive", "a workbook in one file", "a piece of one"));
    }
    match directory.offset.checked_add(directory.length) {
        Some(end) if end <= end_at => {}
        _ => return Err(cut()),
    }
    if directory.length > limits.directory_bytes || directory.entries > limits.members as u64 {
        let expected = format!("at most {} members", limits.members);
        return Err(Error::limit("too_many_members", expected, format!("{}", directory.entries)));
    }
    Ok(directory)
}

fn list(source: &dyn ReadAt, directory: &Directory, limits: &Limits) -> Result<Vec<Member>> {
    let broken =
        || Error::damaged("damaged_workbook", "a whole zip directory", "one that contradicts itself");
    let bytes = bytes_at(source, directory.offset, directory.length)?;
    let mut rest = bytes.as_slice();
    let mut members = Vec::new();
    while !rest.is_empty() {
        if !rest.starts_with(b"PK\x01\x02") {
            // A digital signature may follow the last entry.
            if rest.starts_with(b"PK\x05\x05") {
                break;
            }
            return Err(broken());
        }
        let lengths = [28, 30, 32].map(|at| u16_at(rest, at).map(usize::from));
        let [Some(name_length), Some(extra_length), Some(comment)] = lengths else { return Err(broken()) };
        let name = rest.get(46..46 + name_length).ok_or_else(broken)?;
        let extra_at = 46 + name_length;
        let extra = rest.get(extra_at..extra_at + extra_length).ok_or_else(broken)?;
        let field16 = |at| u16_at(rest, at).ok_or_else(broken);
        let field32 = |at| u32_at(rest, at).ok_or_else(broken);
        let mut member = Member {
            name: String::from_utf8_lossy(name).into_owned(),
            flags: field16(8)?,
            method: field16(10)?,
            crc: field32(16)?,
            packed: field32(20)?.into(),
            size: field32(24)?.into(),
            offset: field32(42)?.into(),
            start: 0,
        };
        widen(&mut member, extra).ok_or_else(broken)?;
        check_name(&member.name)?;
        if member.flags & ENCRYPTED != 0 {
            let expected = "a workbook without a password";
            let found = "an encrypted archive";
            return Err(Error::new(ErrorKind::Encrypted, "encrypted_workbook", expected, found));
        }
        members.push(member);
        if members.len() > limits.members {
            return Err(Error::limit("too_many_members", format!("at most {}", limits.members), "more"));
        }
        rest = rest.get(extra_at + extra_length + comment..).ok_or_else(broken)?;
    }
    if members.len() as u64 != directory.entries {
        let expected = format!("{} members, as the directory says", directory.entries);
        return Err(Error::damaged("damaged_workbook", expected, format!("{}", members.len())));
    }
    Ok(members)
}

/// Takes the sizes of a large member from its extra field.
fn widen(member: &mut Member, mut extra: &[u8]) -> Option<()> {
    let wide = u64::from(u32::MAX);
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let field = extra.get(4..4 + usize::from(length))?;
        if id == 1 {
            let mut rest = field;
            for value in [&mut member.size, &mut member.packed, &mut member.offset] {
                if *value == wide {
                    *value = u64_at(rest, 0)?;
                    rest = rest.get(8..)?;
                }
            }
        }
        extra = extra.get(4 + usize::from(length)..)?;
    }
    Some(())
}

/// Refuses names that would lead out of a folder into which the file were unpacked.
fn check_name(name: &str) -> Result<()> {
    let is_drive = name.as_bytes().get(1) == Some(&b':');
    let climbs = name.split(['/', '\\']).any(|step| step == "..");
    if climbs || is_drive || name.starts_with(['/', '\\']) || name.contains('\0') || name.is_empty() {
        let found = format!("`{}`", shown(name.as_bytes()));
        return Err(Error::damaged("unsafe_name", "members named by a path below the workbook", found));
    }
    Ok(())
}

/// Holds the header before a member's bytes against the directory.
fn check_local(source: &dyn ReadAt, member: &mut Member) -> Result<()> {
    let differs = |what: &str| {
        let expected = format!("the same {what} before the member as in the directory");
        Error::damaged("contradicting_member", expected, "another").in_part(&member.name)
    };
    let header = bytes_at(source, member.offset, 30)?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(differs("place"));
    }
    let field16 = |at| u16_at(&header, at).ok_or_else(|| differs("place"));
    let field32 = |at| u32_at(&header, at).ok_or_else(|| differs("place"));
    let (name_length, extra_length) = (u64::from(field16(26)?), u64::from(field16(28)?));
    let name = bytes_at(source, member.offset.saturating_add(30), name_length)?;
    if String::from_utf8_lossy(&name) != member.name {
        return Err(differs("name"));
    }
    let flags = field16(6)?;
    if flags & ENCRYPTED != 0 || field16(8)? != member.method {
        return Err(differs("packing"));
    }
    // Sizes and checksum may stand after the bytes, or, of a large member, in the extra field.
    let agrees = |here: u32, there: u64| {
        u64::from(here) == there || here == u32::MAX || (flags & HAS_DESCRIPTOR != 0 && here == 0)
    };
    if !agrees(field32(18)?, member.packed) || !agrees(field32(22)?, member.size) {
        return Err(differs("size"));
    }
    if field32(14)? != member.crc && (flags & HAS_DESCRIPTOR == 0 || field32(14)? != 0) {
        return Err(differs("checksum"));
    }
    if member.method == STORED && member.packed != member.size {
        return Err(differs("size"));
    }
    member.start = member.offset.saturating_add(30 + name_length + extra_length);
    Ok(())
}

fn refuse_overlap(members: &[Member], directory: u64) -> Result<()> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_by_key(|member| member.offset);
    let nexts = sorted.iter().skip(1).map(|member| member.offset).chain([directory]);
    for (member, next) in sorted.iter().zip(nexts) {
        if member.start.saturating_add(member.packed) > next {
            let expected = "members one after the other";
            return Err(Error::damaged("overlapping_members", expected, "one that reaches into the next")
                .in_part(&member.name));
        }
    }
    Ok(())
}

/// At most `length` bytes from `at` on: fewer at the end of the file.
fn bytes_at(source: &dyn ReadAt, at: u64, length: u64) -> Result<Vec<u8>> {
    let length = length.min(source.size().saturating_sub(at));
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match read_some(source, rest, at + filled as u64)? {
            0 => break,
            len => filled += len,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn read_some(source: &dyn ReadAt, into: &mut [u8], at: u64) -> Result<usize> {
    loop {
        match source.read_at(into, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map_err(Error::io),
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
