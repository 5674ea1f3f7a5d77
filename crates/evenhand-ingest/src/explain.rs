//! Why a file is read as it is: the layout that matched, column by column, or the nearest one.

use crate::delimited::Delimited;
use crate::delivery::{Hints, Told, tell};
use crate::error::letters;
use crate::header::{self, Found, Match};
use crate::input::{Format, format_of};
use crate::layout::Role;
use crate::plan::stem;
use crate::read::{FirstRows, known, last_day_of_sheet, last_day_of_text, stands_beside};
use crate::workbook;
use crate::{Error, Result};
use serde::Serialize;
use std::path::Path;

/// Missing headers of a rival that are named in print.
const RIVAL_NAMES: usize = 5;

/// How a file is understood. Prints as text, serialises as JSON.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The file's path as given.
    pub file: String,
    /// What kind of file it is, in words.
    pub format: String,
    /// Its sheets; a delimited file has one.
    pub sheets: Vec<SheetExplanation>,
}

/// How a sheet is understood.
#[derive(Debug, Serialize)]
pub struct SheetExplanation {
    /// Its name.
    pub sheet: String,
    /// Row of the header, from 1, if one was found.
    pub header_row: Option<u64>,
    /// The layout that it is read by.
    pub layout: Option<String>,
    /// Table that its rows go to.
    pub table: Option<String>,
    /// Release that it belongs to.
    pub release: Option<String>,
    /// What told the release.
    pub release_by: Option<String>,
    /// Columns of the header, in order.
    pub columns: Vec<ColumnExplanation>,
    /// Columns of the table that the sheet does not have, with the header looked for, if any.
    pub absent: Vec<String>,
    /// Whether it holds notes and no table, and is set aside whole.
    pub is_notes: bool,
    /// Why it is not read, if it is not.
    pub refused: Option<Error>,
    /// Other layouts, nearest first.
    pub rivals: Vec<Rival>,
}

/// What becomes of a column.
#[derive(Debug, Serialize)]
pub struct ColumnExplanation {
    /// Its letter.
    pub letter: String,
    /// Its header as released.
    pub header: String,
    /// Column of the table, if it is kept.
    pub column: Option<String>,
    /// In words: its type, or why it is left out.
    pub note: String,
}

/// A layout that does not fit as well.
#[derive(Debug, Serialize)]
pub struct Rival {
    /// The layout.
    pub layout: String,
    /// How many headers it knows, and how many there are.
    pub known: (usize, usize),
    /// Headers that it needs and that are missing.
    pub missing: Vec<String>,
}

/// Explains how a file is understood, without reading its rows unless only they tell its release; `asked` is
/// the release of files whose header belongs to several.
///
/// # Errors
/// A file that cannot be opened; an unknown header is part of the explanation.
pub fn explain(path: &Path, asked: Option<&str>) -> Result<Explanation> {
    explain_any(path, Hints { path, asked }).map_err(|error| error.in_file(&path.display().to_string()))
}

fn explain_any(path: &Path, hints: Hints<'_>) -> Result<Explanation> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = stem(&name);
    let file = path.display().to_string();
    match format_of(path)? {
        Format::Compound => Err(workbook::refuse_compound(path)),
        Format::Zip => {
            let book = workbook::open(path)?;
            let mut sheets = Vec::new();
            for sheet in book.sheets().to_vec() {
                let first = FirstRows::of(&*book, &sheet)?;
                let found = header::find(&first.texts, stem)?;
                let mut explanation = explain_sheet(&sheet, &first.texts, &first.numbers, &found)?;
                if let Found::Known(found) = &found {
                    let before = first.texts.get(..found.at).unwrap_or_default();
                    explanation.told(tell(found, before, hints, || last_day_of_sheet(&*book, &sheet, found)));
                }
                let is_beside = explanation.layout.is_none() && stands_beside(&*book, &sheet, &first, stem)?;
                if first.is_prose() || is_beside {
                    explanation.is_notes = true;
                    explanation.refused = None;
                }
                sheets.push(explanation);
            }
            Ok(Explanation { file, format: "workbook".to_owned(), sheets })
        }
        format => {
            let mut text = Delimited::open(path, format, stem)?;
            let numbers: Vec<u64> = (1..=text.first_rows.len() as u64).collect();
            let packed = if format == Format::Gzip { "gzipped text" } else { "text" };
            let mut explanation = explain_sheet(stem, &text.first_rows, &numbers, &text.found)?;
            if let Found::Known(found) = text.found.clone() {
                let before = text.first_rows.get(..found.at).unwrap_or_default().to_vec();
                explanation.told(tell(&found, &before, hints, || last_day_of_text(&mut text, &found)));
            }
            let sheets = vec![explanation];
            let format = format!("{packed}, fields separated by `{}`", text.delimiter().escape_default());
            Ok(Explanation { file, format, sheets })
        }
    }
}

fn explain_sheet(
    sheet: &str,
    rows: &[Vec<String>],
    numbers: &[u64],
    found: &Found,
) -> Result<SheetExplanation> {
    let chosen = match found {
        Found::Known(found) => Some(found),
        _ => None,
    };
    let rivals = header::rivals(rows, chosen.map(|found| found.layout.id.as_str()))?;
    let rivals = rivals
        .iter()
        .map(|rival| Rival {
            layout: rival.layout.id.clone(),
            known: (rival.known(), rival.headers.len()),
            missing: rival.missing_headers().iter().map(|&name| name.to_owned()).collect(),
        })
        .collect();
    let mut explanation = SheetExplanation {
        sheet: sheet.to_owned(),
        header_row: None,
        layout: None,
        table: None,
        release: None,
        release_by: None,
        columns: Vec::new(),
        absent: Vec::new(),
        is_notes: false,
        refused: None,
        rivals,
    };
    match chosen {
        Some(found) => {
            explanation.header_row = numbers.get(found.at).copied();
            explanation.layout = Some(found.layout.id.clone());
            explanation.table = Some(found.layout.table.clone());
            explanation.columns = columns(found);
            explanation.absent = absent(found);
        }
        None => explanation.refused = known(found, rows).err(),
    }
    Ok(explanation)
}

impl SheetExplanation {
    /// Adds the release, or why it cannot be told.
    fn told(&mut self, told: Result<Told>) {
        match told {
            Ok(told) => {
                self.release = Some(told.release);
                self.release_by = Some(told.by.to_owned());
            }
            Err(error) => self.refused = Some(error),
        }
    }
}

fn columns(found: &Match) -> Vec<ColumnExplanation> {
    let explain = |(at, header): (usize, &String)| {
        let rule = found.bound.get(at).copied().flatten().and_then(|at| found.layout.columns.get(at));
        let (column, note) = match rule {
            Some(rule) if rule.time_name().is_some() => {
                let primary = if rule.role == Role::Primary { ", decides whether a row is kept" } else { "" };
                let time = rule.time_name().unwrap_or_default();
                (Some(rule.name.clone()), format!("a date{primary}; its time of day → {time}"))
            }
            Some(rule) if rule.role == Role::PersonDetail => {
                (None, "left out: person-level detail".to_owned())
            }
            Some(rule) => {
                let primary = if rule.role == Role::Primary { ", decides whether a row is kept" } else { "" };
                (Some(rule.name.clone()), format!("{}{primary}", rule.kind.expects()))
            }
            None if header.trim().is_empty() => (None, "no header".to_owned()),
            None => (None, "left out: not in the layout".to_owned()),
        };
        ColumnExplanation { letter: letters(at), header: header.trim().to_owned(), column, note }
    };
    found.headers.iter().enumerate().map(explain).collect()
}

fn absent(found: &Match) -> Vec<String> {
    let columns = found.layout.columns.iter().enumerate();
    columns
        .filter(|(at, rule)| rule.is_kept() && !found.bound.contains(&Some(*at)))
        .map(|(_, rule)| match rule.aliases().next() {
            Some(alias) => format!("{} (`{alias}`)", rule.name),
            None => rule.name.clone(),
        })
        .collect()
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}: {}", self.file, self.format)?;
        self.sheets.iter().try_for_each(|sheet| sheet.fmt(f))
    }
}

impl std::fmt::Display for SheetExplanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\nsheet `{}`: ", self.sheet)?;
        match (&self.layout, &self.table, &self.release, self.header_row) {
            (Some(layout), Some(table), Some(release), Some(row)) => {
                write!(
                    f,
                    "header in row {row}, layout `{layout}`, to table `{table}` of release `{release}`"
                )?;
                match self.release_by.as_deref() {
                    None | Some("its header") => writeln!(f)?,
                    Some(by) => writeln!(f, " (told by {by})")?,
                }
            }
            (Some(layout), Some(table), None, Some(row)) => {
                writeln!(
                    f,
                    "header in row {row}, layout `{layout}`, to table `{table}` of no known release"
                )?;
            }
            _ if self.is_notes => writeln!(f, "notes only, set aside whole")?,
            _ => writeln!(f, "no layout")?,
        }
        let width = self.columns.iter().map(|column| column.header.chars().count()).max().unwrap_or(0);
        for column in &self.columns {
            write!(f, "  {:>3}  {:width$}  ", column.letter, column.header)?;
            match &column.column {
                Some(name) => writeln!(f, "→ {name}: {}", column.note)?,
                None => writeln!(f, "{}", column.note)?,
            }
        }
        if !self.absent.is_empty() {
            writeln!(f, "  null in this sheet: {}", self.absent.join(", "))?;
        }
        if let Some(error) = &self.refused {
            writeln!(f, "  {error}")?;
        }
        for rival in &self.rivals {
            let (known, all) = rival.known;
            write!(f, "  also near: `{}` knows {known} of {all} headers", rival.layout)?;
            match rival.missing.len() {
                0 => writeln!(f)?,
                few if few <= RIVAL_NAMES => writeln!(f, ", lacks `{}`", rival.missing.join("`, `"))?,
                many => {
                    let shown = rival.missing.get(..RIVAL_NAMES).unwrap_or_default().join("`, `");
                    writeln!(f, ", lacks `{shown}` and {} more", many - RIVAL_NAMES)?;
                }
            }
        }
        Ok(())
    }
}
