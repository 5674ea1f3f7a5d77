//! Files of a plan, row by row, and what was counted while they were written.

use crate::calendar::{DAY, monday};
use crate::cells::{Filler, Subject, Value};
use crate::error::{Error, Result};
use crate::life::{Life, Twist, World};
use crate::plan::{FilePlan, Lie, Plan, SheetPlan};
use crate::quirk::{Planted, Quirk};
use crate::release::{Layout, Release, Table};
use crate::vocabulary::Vocabularies;
use crate::xlsx::{Book, SHEET_ROWS, Shape, Sheet, letters};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What a file holds.
#[derive(Debug, Clone, Serialize)]
pub struct FileTruth {
    /// Name of the file.
    pub file: String,
    /// Table of its rows.
    pub table: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Whether cells lack their references, texts stand in the cells, the dimension is wrong.
    pub missing_references: bool,
    /// Whether texts stand in the cells instead of among the shared strings.
    pub inline_strings: bool,
    /// Whether the file is another one's content under its own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_content_as: Option<String>,
    /// How often each quirk was planted in it, those that were.
    pub quirks: BTreeMap<&'static str, u64>,
    /// Its sheets, the hidden one too.
    pub sheets: Vec<SheetTruth>,
}

/// What a sheet holds.
#[derive(Debug, Clone, Serialize)]
pub struct SheetTruth {
    /// Name of the sheet.
    pub sheet: String,
    /// Whether it is hidden and holds notes alone.
    pub hidden: bool,
    /// What its `<dimension>` says.
    pub dimension: String,
    /// Row of the header; none in a sheet of notes.
    pub header_row: Option<u64>,
    /// Number of the last row.
    pub last_row: u64,
    /// Rows below the header: records, and those that must be set aside.
    pub rows: u64,
    /// Rows that are records.
    pub records: u64,
    /// Rows that must be set aside, by reason.
    pub set_aside: BTreeMap<&'static str, u64>,
    /// Columns in file order.
    pub columns: Vec<ColumnTruth>,
}

/// What a column of a sheet holds, over its records.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnTruth {
    /// Its header.
    pub header: String,
    /// Cells with a value that is no redaction.
    pub filled: u64,
    /// Cells with a redaction.
    pub markers: u64,
    /// Cells without anything.
    pub blank: u64,
}

/// Rows by week and area. Weeks are named by their Monday, as serial days.
pub type Weeks = BTreeMap<(u32, Option<u8>), [u64; 2]>;

/// What was counted while a file was written.
#[derive(Debug)]
pub struct Written {
    /// The file.
    pub truth: FileTruth,
    /// Quirks of cells, rows and sheets.
    pub planted: Planted,
    /// Rows, and those among them that are kept, by week and area.
    pub weeks: Weeks,
    /// Rows whose primary date is in no week of the window.
    pub undated: u64,
    /// Rows without an identifier.
    pub without_id: u64,
}

/// What is written from.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The release.
    pub release: &'a Release,
    /// The world.
    pub world: &'a World,
    /// Where each row goes.
    pub plan: &'a Plan,
    /// Words of the cells.
    pub words: &'a Vocabularies,
}

impl Scene<'_> {
    /// What fills the columns of a table that `is_wanted` holds for.
    ///
    /// # Errors
    /// A column that nothing fills.
    pub fn fillers(&self, table: Table, is_wanted: impl Fn(&Filler) -> bool) -> Result<Vec<Filler>> {
        let Some(layout) = self.release.tables.get(&table) else { return Ok(Vec::new()) };
        let all = layout.columns.iter().map(|column| Filler::new(column, self.words));
        all.filter(|filler| filler.as_ref().map_or(true, &is_wanted)).collect()
    }

    /// What fills the columns of a table that are filled with these; nothing unless it has them all.
    ///
    /// # Errors
    /// A column that nothing fills.
    pub fn named<const N: usize>(&self, table: Table, fills: [&str; N]) -> Result<Option<[Filler; N]>> {
        let Some(layout) = self.release.tables.get(&table) else { return Ok(None) };
        let column = |fill: &&str| layout.columns.iter().find(|column| column.fill == **fill);
        let columns = fills.iter().filter_map(column).map(|column| Filler::new(column, self.words));
        Ok(columns.collect::<Result<Vec<_>>>()?.try_into().ok())
    }
}

/// Writes one file. `kept` says of each row of the table's files, from the file's first on, whether the rules
/// of repeats keep it.
///
/// # Errors
/// A disk that does not take it.
pub fn file(
    scene: Scene<'_>,
    plan: &FilePlan,
    kept: impl Fn(usize) -> bool,
    folder: &Path,
) -> Result<Written> {
    let path = folder.join(&plan.name);
    let columns = columns(scene, plan)?;
    let mut written = Written {
        truth: FileTruth {
            file: plan.name.clone(),
            table: plan.table.name(),
            bytes: 0,
            missing_references: !plan.has_references,
            inline_strings: plan.is_inline,
            same_content_as: plan.copy_of.map(|_| scene.plan.original(plan).name.clone()),
            quirks: BTreeMap::new(),
            sheets: Vec::new(),
        },
        planted: Planted::default(),
        weeks: Weeks::new(),
        undated: 0,
        without_id: 0,
    };
    let io = || Error::io(&path);
    let mut names = plan.sheets.iter().map(|sheet| (sheet.name.clone(), false)).collect::<Vec<_>>();
    if plan.has_notes {
        names.push(("Notes".to_owned(), true));
        written.planted.note(Quirk::HiddenSheet);
    }
    let mut book = Book::create(&path, &names).map_err(io())?;
    let mut writer = Writer { scene, plan, columns: &columns, written: &mut written, life: Life::default() };
    for (number, sheet) in plan.sheets.iter().enumerate() {
        book = writer.sheet(book, number, sheet, &kept).map_err(io())?;
    }
    if plan.has_notes {
        book = writer.notes(book).map_err(io())?;
    }
    book.finish().map_err(io())?;
    if !plan.has_references {
        written.planted.note(Quirk::MissingReferences);
    }
    if plan.is_inline {
        written.planted.note(Quirk::InlineStrings);
    }
    if plan.copy_of.is_some() {
        written.planted.note(Quirk::SameContent);
    }
    written.truth.quirks = written.planted.named().filter(|(_, count)| *count > 0).collect();
    written.truth.bytes = std::fs::metadata(&path).map_err(io())?.len();
    Ok(written)
}

/// A column of one file: its usual header, and what fills it.
struct Planned<'a> {
    header: &'a str,
    filler: Filler,
}

/// The columns that a file has.
fn columns<'a>(scene: Scene<'a>, plan: &FilePlan) -> Result<Vec<Planned<'a>>> {
    let layout = &scene.release.tables[&plan.table];
    let years = years_of(scene, plan);
    let is_missing = |name: &str| {
        layout.missing.iter().any(|missing| missing.column == name && missing.files.contains(years))
    };
    let here = layout.columns.iter().filter(|column| !is_missing(&column.name));
    here.map(|column| {
        let filler = Filler::new(column, scene.words)?;
        Ok(Planned { header: &column.name, filler })
    })
    .collect()
}

/// The fiscal years that decide about a file's columns: a copy has those of the file that it copies.
fn years_of<'a>(scene: Scene<'a>, plan: &'a FilePlan) -> &'a String {
    &scene.plan.original(plan).years
}

/// The headers as one sheet spells them.
fn headers(layout: &Layout, years: &str, columns: &[Planned<'_>], sheet: usize) -> Vec<String> {
    let spelled = |column: &Planned<'_>| {
        let other = layout.spellings.iter().find(|spelling| {
            spelling.column == column.header
                && (spelling.files.is_empty() || spelling.files.iter().any(|file| file == years))
                && spelling.sheet.is_none_or(|number| number == sheet + 1)
        });
        other.map_or(column.header, |spelling| &spelling.header).to_owned()
    };
    columns.iter().map(spelled).collect()
}

/// Writes the sheets of one file.
struct Writer<'a> {
    scene: Scene<'a>,
    plan: &'a FilePlan,
    columns: &'a [Planned<'a>],
    written: &'a mut Written,
    life: Life,
}

impl Writer<'_> {
    fn sheet(
        &mut self,
        book: Book,
        number: usize,
        plan: &SheetPlan,
        kept: &impl Fn(usize) -> bool,
    ) -> std::io::Result<Book> {
        let layout = &self.scene.release.tables[&self.plan.table];
        let headers = headers(layout, years_of(self.scene, self.plan), self.columns, number);
        let shape = self.shape(plan);
        let mut truth = SheetTruth {
            sheet: plan.name.clone(),
            hidden: false,
            dimension: shape.dimension.clone(),
            header_row: Some(plan.header_row),
            last_row: plan.last_row(),
            rows: plan.last_row() - plan.header_row,
            records: plan.rows as u64,
            set_aside: BTreeMap::new(),
            columns: headers
                .iter()
                .map(|header| ColumnTruth { header: header.clone(), filled: 0, markers: 0, blank: 0 })
                .collect(),
        };
        let mut sheet = book.sheet(shape)?;
        self.preamble(&mut sheet, plan.header_row)?;
        write_texts(&mut sheet, plan.header_row, &headers)?;
        for at in 0..plan.rows {
            let row_number = plan.row_number(at);
            if plan.again_after == Some(at) {
                write_texts(&mut sheet, row_number - 1, &headers)?;
            }
            sheet.row(row_number);
            self.record(&mut sheet, plan.first + at, kept, &mut truth.columns);
            sheet.end_row()?;
        }
        let planted = &mut self.written.planted;
        if plan.again_after.is_some() {
            truth.set_aside.insert("repeated_header", 1);
            planted.note(Quirk::HeaderAgain);
        }
        if plan.has_total {
            truth.set_aside.insert("blank_row", 1);
            truth.set_aside.insert("total_row", 1);
            planted.note(Quirk::TotalRow);
            sheet.row(plan.last_row() - 1);
            sheet.end_row()?;
            sheet.row(plan.last_row());
            sheet.text(0, "Total");
            sheet.number(1, plan.rows as u64);
            sheet.end_row()?;
        }
        if plan.header_row != u64::from(layout.header_row) {
            planted.note(Quirk::MovedHeader);
        }
        if self.plan.lie != Lie::None {
            planted.note(Quirk::LyingDimension);
        }
        self.written.truth.sheets.push(truth);
        sheet.close()
    }

    fn shape(&self, plan: &SheetPlan) -> Shape {
        let last = match self.plan.lie {
            Lie::None => plan.last_row(),
            Lie::Full => SHEET_ROWS,
            Lie::Short => 50,
        };
        let columns = self.columns.len();
        Shape {
            dimension: format!("A1:{}{last}", letters(columns - 1)),
            columns,
            references: self.plan.has_references,
            inline: self.plan.is_inline,
        }
    }

    /// The lines before the header, the last of them blank.
    fn preamble(&self, sheet: &mut Sheet, header_row: u64) -> std::io::Result<()> {
        let release = self.scene.release;
        let lines = [
            "FOR OFFICIAL USE ONLY / LAW ENFORCEMENT SENSITIVE".to_owned(),
            "ERO Law Enforcement Systems and Analysis, Statistical Tracking Unit (LESA-STU)".to_owned(),
            format!("Request {}: synthetic records, no row is about a real person", release.request),
            format!("{} {} to {}", self.plan.table.name(), release.window[0], release.window[1]),
            format!(
                "Delivered {}, made up by `evenhand simulate` with seed {}",
                release.received, self.scene.world.seed
            ),
            "Every identifier begins with 24 zeros".to_owned(),
        ];
        let count = header_row as usize - 2;
        for (at, line) in lines.iter().take(count).enumerate() {
            sheet.row(at as u64 + 1);
            sheet.text(0, line);
            sheet.end_row()?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        sheet: &mut Sheet,
        at: usize,
        kept: &impl Fn(usize) -> bool,
        truths: &mut [ColumnTruth],
    ) {
        let Writer { scene, plan, columns, written, life } = self;
        let world = scene.world;
        let entry = plan.rows[at];
        let (person, table) = (entry.person(), plan.table);
        world.live(person, scene.plan.census.course(person), life);
        let row = &life.rows[table as usize][entry.ordinal()];
        let subject = Subject { table, person, life, row };
        let mut area = None;
        for (column, (planned, truth)) in columns.iter().zip(truths).enumerate() {
            let (value, quirk) = planned.filler.cell(world, subject);
            if let Some(quirk) = quirk {
                written.planted.note(quirk);
            }
            match &value {
                Value::Blank => truth.blank += 1,
                Value::Marker(_) => truth.markers += 1,
                _ => truth.filled += 1,
            }
            if planned.filler.is_area() && value != Value::Blank {
                area = Some(life.chains[usize::from(row.chain)].area);
            }
            match value {
                Value::Blank => {}
                Value::Marker(text) => sheet.text(column, text),
                Value::Text(text) => sheet.text(column, &text),
                Value::Date(day) => sheet.date(column, day),
                Value::Time(minutes) => sheet.time(column, minutes),
                Value::Number(number) => sheet.number(column, number),
            }
        }
        if let Some(quirk) = row.twist.quirk().filter(|&quirk| quirk != Quirk::YearTwo) {
            written.planted.note(quirk);
        }
        if world.has_blank_id(table, World::id_key(life, table, row)) {
            written.without_id += 1;
            written.planted.note(Quirk::BlankIds);
        }
        if matches!(row.twist, Twist::Outside | Twist::YearTwo) {
            written.undated += 1;
        } else {
            let counts = written.weeks.entry((monday(row.time / DAY), area)).or_default();
            counts[0] += 1;
            counts[1] += u64::from(kept(at));
        }
    }

    /// The hidden sheet.
    fn notes(&mut self, book: Book) -> std::io::Result<Book> {
        let shape = Shape {
            dimension: "A1:A3".to_owned(),
            columns: 1,
            references: true,
            inline: self.plan.is_inline,
        };
        self.written.truth.sheets.push(SheetTruth {
            sheet: "Notes".to_owned(),
            hidden: true,
            dimension: shape.dimension.clone(),
            header_row: None,
            last_row: 3,
            rows: 3,
            records: 0,
            set_aside: BTreeMap::from([("footnotes", 3)]),
            columns: Vec::new(),
        });
        let mut sheet = book.sheet(shape)?;
        let notes = [
            "Notes on the data",
            "Blank cells were blank in the system of record.",
            "Counts may change as records are updated.",
        ];
        for (at, note) in notes.into_iter().enumerate() {
            write_texts(&mut sheet, at as u64 + 1, &[note.to_owned()])?;
        }
        sheet.close()
    }
}

fn write_texts(sheet: &mut Sheet, number: u64, texts: &[String]) -> std::io::Result<()> {
    sheet.row(number);
    for (column, text) in texts.iter().enumerate() {
        sheet.text(column, text);
    }
    sheet.end_row()
}
