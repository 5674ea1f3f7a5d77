//! A workbook: its sheets in order, and what their cells refer to.

use crate::cell::Row;
use crate::date::{self, Format};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::limits::Limits;
use crate::sheet::{Scan, SheetReader};
use crate::strings::{Loader, Strings};
use crate::window::Source;
use crate::xml::{self, walk};
use crate::zip::{Archive, OnDisk, ReadAt};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What a sheet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SheetKind {
    /// Rows and cells.
    Worksheet,
    /// A picture of data that stand elsewhere.
    Chart,
    /// A dialog of an old version.
    Dialog,
    /// Macros of an old version.
    Macro,
}

/// Whether a sheet is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// It is.
    Shown,
    /// A person can show it.
    Hidden,
    /// Only a program can show it.
    VeryHidden,
}

/// A sheet, as the workbook lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Its name, which no other sheet has.
    pub name: String,
    /// What it is.
    pub kind: SheetKind,
    /// Whether it is shown.
    pub visibility: Visibility,
    /// The member of the file that holds it.
    pub part: String,
}

/// Where a sheet's bytes are inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Inflate {
    /// As they are scanned, on the same thread.
    #[default]
    Here,
    /// On a second thread, some chunks ahead: less time on a machine with a free core.
    Ahead,
}

/// An open workbook. Its sheets can be read at the same time from several threads.
pub struct Workbook {
    archive: Archive,
    limits: Limits,
    sheets: Vec<Sheet>,
    /// Worksheets in the file that its list does not name.
    unlisted: Vec<Sheet>,
    formats: Vec<Format>,
    is_1904: bool,
    strings_part: Option<String>,
    /// Reads shared strings as far as first rows need them; gone once all are wanted.
    loader: Mutex<Option<Loader>>,
    strings: OnceLock<Result<Strings>>,
}

impl Workbook {
    /// Opens a file with the default [`Limits`].
    ///
    /// # Errors
    /// What makes the file no workbook, or one that contradicts itself.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, &Limits::default())
    }

    /// Opens a file.
    ///
    /// # Errors
    /// See [`Workbook::open`].
    pub fn open_with(path: impl AsRef<Path>, limits: &Limits) -> Result<Self> {
        Self::from_source(Arc::new(OnDisk::open(path.as_ref())?), limits)
    }

    /// Opens bytes in memory.
    ///
    /// # Errors
    /// See [`Workbook::open`].
    pub fn from_bytes(bytes: Vec<u8>, limits: &Limits) -> Result<Self> {
        Self::from_source(Arc::new(bytes), limits)
    }

    /// Opens bytes that can be read anywhere.
    ///
    /// # Errors
    /// See [`Workbook::open`].
    pub fn from_source(source: Arc<dyn ReadAt>, limits: &Limits) -> Result<Self> {
        let mut archive = Archive::open(source, limits)?;
        if let Some(fault) = archive.take_fault() {
            return Err(with_sheet(fault, &archive, limits));
        }
        let book_part = find_book(&archive, limits)?;
        let links = Links::of(&archive, &book_part, limits)?;
        let (sheets, is_1904) = list_sheets(&archive, &book_part, &links, limits)?;
        let formats = match links.target("styles") {
            Some(part) => read_formats(&archive, &part, limits)?,
            None => Vec::new(),
        };
        let strings_part = links.target("sharedStrings");
        if let Some(part) = strings_part.as_deref().filter(|part| archive.find(part).is_none()) {
            return Err(Error::damaged(
                "missing_part",
                format!("a member `{}`", shown(part.as_bytes())),
                "none",
            ));
        }
        Ok(Self {
            unlisted: unlisted(&archive, &links, &sheets),
            archive,
            limits: *limits,
            sheets,
            formats,
            is_1904,
            strings_part,
            loader: Mutex::default(),
            strings: OnceLock::new(),
        })
    }

    /// Its sheets, in the order of their tabs.
    #[must_use]
    pub fn sheets(&self) -> &[Sheet] {
        &self.sheets
    }

    /// Worksheets that the file holds and its list of sheets does not name, so that no spreadsheet shows them; each
    /// is named after its part.
    #[must_use]
    pub fn unlisted(&self) -> &[Sheet] {
        &self.unlisted
    }

    /// Whether days count from 1904.
    #[must_use]
    pub fn is_1904(&self) -> bool {
        self.is_1904
    }

    /// Bytes that a sheet takes in the file, which tells the large from the small.
    #[must_use]
    pub fn packed_bytes(&self, sheet: &Sheet) -> u64 {
        self.archive.packed(&sheet.part)
    }

    /// Bytes of the file that were read so far, on whatever thread, for whoever tells how far a reading has come.
    #[must_use]
    pub fn packed_bytes_read(&self) -> u64 {
        self.archive.packed_read()
    }

    /// Reads the rows of a sheet.
    ///
    /// # Errors
    /// A member that is missing, or shared strings that cannot be read.
    pub fn rows(&self, sheet: &Sheet, inflate: Inflate) -> Result<SheetReader<'_>> {
        let strings = self.strings(inflate)?;
        let scan = self.scan(sheet, inflate)?;
        Ok(SheetReader::new(scan, strings, &self.formats, self.is_1904))
    }

    /// Hands the first rows of a sheet to `each` until it says false, reading no more of the file than that needs.
    ///
    /// # Errors
    /// What is wrong with what was read; what comes after it is not looked at.
    pub fn first_rows(&self, sheet: &Sheet, each: &mut dyn FnMut(&Row<'_>) -> bool) -> Result<()> {
        let mut scan = self.scan(sheet, Inflate::Here)?;
        let mut guard = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let done = self.strings.get();
            let known = match done {
                Some(Ok(strings)) => strings.len(),
                Some(Err(error)) => return Err(error.again()),
                // A string that is not there is found when it is looked for.
                None => self.limits.strings,
            };
            if !scan.advance(known)? {
                return Ok(());
            }
            if done.is_none() && guard.is_none() {
                *guard = self.new_loader(Inflate::Here)?;
            }
            let wanted = scan.strings_wanted();
            let none = Strings::default();
            let strings = match (done, guard.as_mut()) {
                (Some(Ok(strings)), _) => strings,
                (_, Some(loader)) => {
                    loader.ensure(wanted)?;
                    &loader.strings
                }
                _ => &none,
            };
            if wanted > strings.len() {
                let expected = format!("one of the {} shared strings", strings.len());
                let found = format!("`{}`", wanted - 1);
                let row = scan.row(strings, &self.formats, self.is_1904);
                let last = (0..row.width()).find(|at| row.shared(*at) == u32::try_from(wanted - 1).ok());
                let error = Error::damaged("no_such_string", expected, found).at_row(row.number());
                let error = match last.and_then(|at| u32::try_from(at).ok()) {
                    Some(at) => error.at_column(at),
                    None => error,
                };
                return Err(error.in_part(&sheet.part));
            }
            if !each(&scan.row(strings, &self.formats, self.is_1904)) {
                return Ok(());
            }
        }
    }

    fn scan(&self, sheet: &Sheet, inflate: Inflate) -> Result<Scan> {
        let reader = self.archive.reader(&sheet.part)?;
        let source = match inflate {
            Inflate::Here => Source::Here(Box::new(reader)),
            Inflate::Ahead => Source::ahead(reader),
        };
        Ok(Scan::new(source, &sheet.part, &self.limits))
    }

    fn new_loader(&self, inflate: Inflate) -> Result<Option<Loader>> {
        let Some(part) = &self.strings_part else { return Ok(None) };
        let reader = self.archive.reader(part)?;
        let source = match inflate {
            Inflate::Here => Source::Here(Box::new(reader)),
            Inflate::Ahead => Source::ahead(reader),
        };
        Ok(Some(Loader::new(source, part, &self.limits)))
    }

    /// All shared strings, read once.
    fn strings(&self, inflate: Inflate) -> Result<&Strings> {
        let read = || {
            let mut guard = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
            let loader = match guard.take() {
                Some(loader) => Some(loader),
                None => self.new_loader(inflate)?,
            };
            let Some(mut loader) = loader else { return Ok(Strings::default()) };
            loader.ensure(usize::MAX)?;
            Ok(loader.strings)
        };
        self.strings.get_or_init(read).as_ref().map_err(Error::again)
    }
}

/// The part that lists the sheets.
fn find_book(archive: &Archive, limits: &Limits) -> Result<String> {
    let wrong =
        |found: String, code| Err(Error::new(ErrorKind::WrongType, code, "a workbook (`.xlsx`)", found));
    let root = Links::of(archive, "", limits)?;
    let named = root.target("officeDocument").filter(|part| archive.find(part).is_some());
    let part = named.or_else(|| archive.find("xl/workbook.xml").map(str::to_owned));
    if part.as_deref().is_some_and(|part| part.ends_with(".bin")) || archive.find("xl/workbook.bin").is_some()
    {
        return wrong("a binary one (`.xlsb`)".to_owned(), "wrong_type");
    }
    match part {
        Some(part) if !part.starts_with("word/") && !part.starts_with("ppt/") => Ok(part),
        Some(_) => wrong("a document of another kind".to_owned(), "wrong_type"),
        None if archive.find("mimetype").is_some() && archive.find("content.xml").is_some() => {
            wrong("an OpenDocument file (`.ods`)".to_owned(), "wrong_type")
        }
        None => {
            let first = archive.names().next().unwrap_or_default();
            let found =
                format!("an archive of {} files, `{}` first", archive.names().len(), shown(first.as_bytes()));
            wrong(found, "wrong_type")
        }
    }
}

/// The parts that a part refers to.
struct Links {
    base: String,
    by_id: BTreeMap<String, Link>,
}

struct Link {
    /// Last step of its type's name.
    kind: String,
    target: String,
    is_external: bool,
}

impl Links {
    /// Those of `part`, or of the file as a whole.
    fn of(archive: &Archive, part: &str, limits: &Limits) -> Result<Self> {
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let slash = if folder.is_empty() { "" } else { "/" };
        let links_part = format!("{folder}{slash}_rels/{name}.rels");
        let mut links = Self { base: folder.to_owned(), by_id: BTreeMap::new() };
        if archive.find(&links_part).is_none() {
            return Ok(links);
        }
        let each = |_: &xml::Outline, tag: xml::Tag<'_>| {
            if xml::split(tag.name).1 != b"Relationship" {
                return Ok(());
            }
            let [id, kind, target, mode] =
                [tag.value(b"Id")?, tag.value(b"Type")?, tag.value(b"Target")?, tag.value(b"TargetMode")?];
            let (Some(id), Some(kind), Some(target)) = (id, kind, target) else { return Ok(()) };
            let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
            let is_external = mode.as_deref() == Some("External");
            let link = Link { kind, target: target.into_owned(), is_external };
            if links.by_id.insert(id.to_string(), link).is_some() {
                let found = format!("`{}` twice", shown(id.as_bytes()));
                return Err(Error::damaged(
                    "duplicate_relationship",
                    "relationships of different ids",
                    found,
                ));
            }
            Ok(())
        };
        let bytes = archive.small(&links_part)?;
        walk(&bytes, limits, each).map_err(|error| error.in_part(&links_part))?;
        Ok(links)
    }

    /// The part of a kind.
    fn target(&self, kind: &str) -> Option<String> {
        let link = self.by_id.values().find(|link| link.kind == kind && !link.is_external)?;
        Some(self.resolve(&link.target))
    }

    /// A target as the name of a member.
    fn resolve(&self, target: &str) -> String {
        let target = target.replace('\\', "/");
        let mut steps: Vec<&str> = Vec::new();
        if !target.starts_with('/') {
            steps.extend(self.base.split('/'));
        }
        for step in target.split('/') {
            match step {
                ".." => drop(steps.pop()),
                "." => {}
                step => steps.push(step),
            }
        }
        steps.retain(|step| !step.is_empty());
        steps.join("/")
    }
}

/// Worksheets that a relationship leads to, or that stand beside those of the list, and are not in it.
fn unlisted(archive: &Archive, links: &Links, sheets: &[Sheet]) -> Vec<Sheet> {
    let folders: BTreeSet<&str> = sheets
        .iter()
        .filter(|sheet| sheet.kind == SheetKind::Worksheet)
        .filter_map(|sheet| sheet.part.rsplit_once('/').map(|(folder, _)| folder))
        .collect();
    let linked = links.by_id.values().filter(|link| !link.is_external);
    let (worksheets, others): (Vec<_>, Vec<_>) = linked.partition(|link| link.kind == "worksheet");
    let others: BTreeSet<String> =
        others.iter().map(|link| links.resolve(&link.target).to_lowercase()).collect();
    let worksheets: BTreeSet<String> =
        worksheets.iter().map(|link| links.resolve(&link.target).to_lowercase()).collect();
    let is_beside = |name: &str| {
        let folder = name.rsplit_once('/').map(|(folder, _)| folder);
        folder.is_some_and(|folder| folders.contains(folder)) && name.to_lowercase().ends_with(".xml")
    };
    let is_unlisted = |name: &&str| {
        let lower = name.to_lowercase();
        let is_listed = sheets.iter().any(|sheet| sheet.part.eq_ignore_ascii_case(name));
        !is_listed && (worksheets.contains(&lower) || (is_beside(name) && !others.contains(&lower)))
    };
    let as_sheet = |part: &str| Sheet {
        name: part.to_owned(),
        kind: SheetKind::Worksheet,
        visibility: Visibility::VeryHidden,
        part: part.to_owned(),
    };
    archive.names().filter(is_unlisted).map(as_sheet).collect()
}

/// A fault of a member, and the sheet that it is, as far as the rest of the file tells.
fn with_sheet(fault: Error, archive: &Archive, limits: &Limits) -> Error {
    let sheets = || {
        let book_part = find_book(archive, limits).ok()?;
        let links = Links::of(archive, &book_part, limits).ok()?;
        list_sheets(archive, &book_part, &links, limits).ok()
    };
    let Some(part) = fault.part().map(str::to_owned) else { return fault };
    let (sheets, _) = sheets().unwrap_or_default();
    match sheets.iter().find(|sheet| sheet.part.eq_ignore_ascii_case(&part)) {
        Some(sheet) => fault.in_sheet(&sheet.name),
        None => fault,
    }
}

fn list_sheets(
    archive: &Archive,
    book_part: &str,
    links: &Links,
    limits: &Limits,
) -> Result<(Vec<Sheet>, bool)> {
    let mut sheets: Vec<Sheet> = Vec::new();
    let mut is_1904 = false;
    let mut names = BTreeSet::new();
    let mut parts = BTreeSet::new();
    let bytes = archive.small(book_part)?;
    let each = |outline: &xml::Outline, tag: xml::Tag<'_>| {
        let name = xml::split(tag.name).1;
        if outline.depth() == 0 && name != b"workbook" {
            return Err(Error::damaged("damaged_workbook", "a list of sheets", format!("`{}`", shown(name))));
        }
        if outline.depth() == 1 && name == b"workbookPr" && outline.names.own(tag.name).is_some() {
            is_1904 = matches!(tag.value(b"date1904")?.as_deref().map(str::trim), Some("1" | "true" | "on"));
        }
        let is_sheet = outline.depth() == 2 && outline.inside() == b"sheets";
        if !is_sheet || outline.names.own(tag.name) != Some(b"sheet") {
            return Ok(());
        }
        if sheets.len() >= limits.sheets {
            return Err(Error::limit("too_many_sheets", format!("at most {}", limits.sheets), "more"));
        }
        let name = tag.value(b"name")?.unwrap_or_default();
        let sheet = one_sheet(archive, links, tag, &name).map_err(|error| error.in_sheet(&name))?;
        if !names.insert(sheet.name.to_lowercase()) {
            let found = format!("`{}` twice", shown(sheet.name.as_bytes()));
            let error = Error::damaged("duplicate_sheet", "sheets of different names", found);
            return Err(error.in_sheet(&sheet.name));
        }
        if !parts.insert(sheet.part.to_lowercase()) {
            let found =
                format!("`{}` for `{}`, too", shown(sheet.part.as_bytes()), shown(sheet.name.as_bytes()));
            let error = Error::damaged("repeated_sheet", "a part of its own for each sheet", found);
            return Err(error.in_sheet(&sheet.name));
        }
        sheets.push(sheet);
        Ok(())
    };
    walk(&bytes, limits, each).map_err(|error| error.in_part(book_part))?;
    if sheets.is_empty() {
        return Err(Error::damaged("no_sheets", "a workbook with sheets", "none").in_part(book_part));
    }
    Ok((sheets, is_1904))
}

fn one_sheet(archive: &Archive, links: &Links, tag: xml::Tag<'_>, name: &str) -> Result<Sheet> {
    let quoted = || format!("`{}`", shown(name.as_bytes()));
    let id = tag.prefixed(b"id")?;
    let link = id.as_deref().and_then(|id| links.by_id.get(id)).filter(|link| !link.is_external);
    let missing =
        |what: &str| Error::damaged("missing_sheet", format!("{what} for the sheet {}", quoted()), "none");
    let link = link.ok_or_else(|| missing("a part"))?;
    let part = links.resolve(&link.target);
    let part =
        archive.find(&part).ok_or_else(|| missing(&format!("the member `{}`", shown(part.as_bytes()))))?;
    let kind = match link.kind.as_str() {
        "worksheet" => SheetKind::Worksheet,
        "chartsheet" => SheetKind::Chart,
        "dialogsheet" => SheetKind::Dialog,
        "xlMacrosheet" | "xlIntlMacrosheet" => SheetKind::Macro,
        other => {
            let found = format!("`{}` for {}", shown(other.as_bytes()), quoted());
            return Err(Error::damaged("unknown_sheet_kind", "a worksheet or a chart", found));
        }
    };
    let visibility = match tag.value(b"state")?.as_deref() {
        Some("hidden") => Visibility::Hidden,
        Some("veryHidden") => Visibility::VeryHidden,
        _ => Visibility::Shown,
    };
    Ok(Sheet { part: part.to_owned(), name: name.to_owned(), kind, visibility })
}

/// The format of every style of cells, in order.
fn read_formats(archive: &Archive, part: &str, limits: &Limits) -> Result<Vec<Format>> {
    let bytes = archive.small(part)?;
    let mut custom: BTreeMap<u32, Format> = BTreeMap::new();
    let mut ids: Vec<u32> = Vec::new();
    let each = |outline: &xml::Outline, tag: xml::Tag<'_>| {
        let Some(name) = outline.names.own(tag.name) else { return Ok(()) };
        let id = |value: Option<std::borrow::Cow<'_, str>>| {
            value.and_then(|value| value.trim().parse::<u32>().ok())
        };
        match (outline.depth(), outline.inside(), name) {
            (2, b"numFmts", b"numFmt") => {
                let code = tag.value(b"formatCode")?;
                if let (Some(id), Some(code)) = (id(tag.value(b"numFmtId")?), code) {
                    custom.insert(id, date::of_code(&code));
                }
            }
            (2, b"cellXfs", b"xf") => ids.push(id(tag.value(b"numFmtId")?).unwrap_or(0)),
            _ => {}
        }
        Ok(())
    };
    walk(&bytes, limits, each).map_err(|error| error.in_part(part))?;
    let format = |id: u32| custom.get(&id).copied().unwrap_or_else(|| date::built_in(id));
    Ok(ids.into_iter().map(format).collect())
}
