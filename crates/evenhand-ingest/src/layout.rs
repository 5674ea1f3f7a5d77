//! Known headers, one file each under `layouts/`: which table, which columns, under which released names.
//!
//! A new layout is a new file there and one line in [`FILES`].

use crate::dates::days_from_text;
use crate::{Error, Result};
use arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, OnceLock};

/// Every known layout. Row-level releases first, then tables of counts and places by name.
const FILES: [&str; 65] = [
    include_str!("layouts/arrests_ice_foia_2019.toml"),
    include_str!("layouts/removals_ice_foia_2019.toml"),
    include_str!("layouts/encounter_counts_ice_foia_2019.toml"),
    include_str!("layouts/detainers_ice_2015.toml"),
    include_str!("layouts/arrests_ice_seattle_2019.toml"),
    include_str!("layouts/book_ins_ice_seattle_2019.toml"),
    include_str!("layouts/removals_ice_seattle_2019.toml"),
    include_str!("layouts/arrests_ice_r2023.toml"),
    include_str!("layouts/detention_stints_ice_r2023.toml"),
    include_str!("layouts/removals_ice_r2023.toml"),
    include_str!("layouts/risk_assessments_ice_r2023.toml"),
    include_str!("layouts/arrests_ice_2025.toml"),
    include_str!("layouts/detainers_ice_2025.toml"),
    include_str!("layouts/detainers_ice_2025_early.toml"),
    include_str!("layouts/detention_stints_ice_2025.toml"),
    include_str!("layouts/encounters_ice_2025.toml"),
    include_str!("layouts/removals_ice_2025.toml"),
    include_str!("layouts/arrests_ice_r2026mar.toml"),
    include_str!("layouts/detainers_ice_r2026mar.toml"),
    include_str!("layouts/detention_stints_ice_r2026mar.toml"),
    include_str!("layouts/encounters_ice_r2026mar.toml"),
    include_str!("layouts/removals_ice_r2026mar.toml"),
    include_str!("layouts/arrests_ice_r2026aug.toml"),
    include_str!("layouts/detainers_ice_r2026aug.toml"),
    include_str!("layouts/detention_stints_ice_r2026aug.toml"),
    include_str!("layouts/encounters_ice_r2026aug.toml"),
    include_str!("layouts/removals_ice_r2026aug.toml"),
    include_str!("layouts/arrests_ice_foia_2022.toml"),
    include_str!("layouts/arrests_ice_foia_2022_22955.toml"),
    include_str!("layouts/detainers_ice_2008_2017.toml"),
    include_str!("layouts/detention_stints_ice_foia_2022.toml"),
    include_str!("layouts/encounters_ice_foia_2022.toml"),
    include_str!("layouts/removals_ice_foia_2022.toml"),
    include_str!("layouts/seattle_summary.toml"),
    include_str!("layouts/agreements_287g.toml"),
    include_str!("layouts/agreements_287g_snapshots.toml"),
    include_str!("layouts/crosswalk_aor_counties.toml"),
    include_str!("layouts/crosswalk_aor_offices.toml"),
    include_str!("layouts/crosswalk_county_aor.toml"),
    include_str!("layouts/crosswalk_county_population.toml"),
    include_str!("layouts/crosswalk_detainer_facility_county.toml"),
    include_str!("layouts/crosswalk_detloc_aor.toml"),
    include_str!("layouts/crosswalk_disposition_map.toml"),
    include_str!("layouts/crosswalk_landmark_county.toml"),
    include_str!("layouts/crosswalk_metro_counties.toml"),
    include_str!("layouts/detainer_facility_lift_reason.toml"),
    include_str!("layouts/detainer_facility_year.toml"),
    include_str!("layouts/detainer_totals_by_lift_reason.toml"),
    include_str!("layouts/detainer_totals_by_month.toml"),
    include_str!("layouts/detainer_totals_by_type.toml"),
    include_str!("layouts/detainer_totals_by_year.toml"),
    include_str!("layouts/detainer_totals_lifted_by_year.toml"),
    include_str!("layouts/facilities.toml"),
    include_str!("layouts/facts_article_events.toml"),
    include_str!("layouts/facts_cross_check_february_2017.toml"),
    include_str!("layouts/facts_declined_detainer_report_events.toml"),
    include_str!("layouts/facts_declined_detainer_reports_2017.toml"),
    include_str!("layouts/facts_national_benchmarks.toml"),
    include_str!("layouts/facts_pew_city_unauthorized_2014.toml"),
    include_str!("layouts/facts_pew_metro_unauthorized_2014.toml"),
    include_str!("layouts/facts_policy_timeline.toml"),
    include_str!("layouts/facts_seven_cities_claim.toml"),
    include_str!("layouts/facts_study_results.toml"),
    include_str!("layouts/facts_unauthorized_national.toml"),
    include_str!("layouts/secure_communities.toml"),
];

/// Words that columns are known to hold, by name of the list.
const VOCABULARIES: &str = include_str!("layouts/data/vocabularies.toml");
/// Deliveries that share one header, by the name that layouts use.
const DELIVERIES: &str = include_str!("layouts/data/deliveries.toml");

/// One known header and the table that its rows go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Its name, `arrests/ice-foia-2019`.
    pub id: String,
    /// Table of the record.
    pub table: String,
    /// Release that files of this layout belong to.
    pub release: String,
    /// Whether a FOIA number in the lines before the header names the release instead, if there is one.
    #[serde(default)]
    pub foia: bool,
    /// First and last day that the release covers; primary dates outside are kept and counted.
    #[serde(default)]
    pub window: Option<[String; 2]>,
    /// Whether a header with a further column is another layout. True for tables made by others from
    /// releases, whose headers are short; ICE's own files gain columns now and then.
    #[serde(default)]
    pub strict: bool,
    /// Starts of the file names that this layout belongs to, where another layout has the same header.
    #[serde(default)]
    pub files: Vec<String>,
    /// Name of the deliveries that share this header, if there are several; see [`Delivery`].
    #[serde(default)]
    pub deliveries: Option<String>,
    /// Whether it is a national release of rows: white space inside its texts is squeezed, columns that fail to
    /// come are told even when nothing of them is kept, and its rows are checked against one another.
    #[serde(default)]
    pub national: bool,
    /// How many columns, other than those marked `core` or `optional`, may be missing or unknown before the
    /// header is another layout's. Without it every column that is not `optional` is needed.
    #[serde(default)]
    pub slack: Option<usize>,
    /// Whether years of two digits, `10/1/15`, are years from 2000 on.
    #[serde(default)]
    pub two_digit_years: bool,
    /// Whether only files with such a name have this layout.
    #[serde(default)]
    pub named_only: bool,
    /// How rows are arranged.
    #[serde(default)]
    pub shape: Shape,
    /// Columns of the table, in its order.
    pub columns: Vec<LayoutColumn>,
    /// The deliveries that share this header.
    #[serde(skip)]
    choices: Vec<Delivery>,
}

/// One of several deliveries whose headers are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The release.
    pub release: String,
    /// First and last day that it covers.
    pub window: [String; 2],
    /// What a file or folder of it may be called, in lower case.
    pub names: Vec<String>,
}

/// Words that a column is known to hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vocabulary {
    /// Whether only the code in brackets at the start counts.
    #[serde(default)]
    key: Option<VocabularyKey>,
    words: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum VocabularyKey {
    Code,
}

impl Vocabulary {
    /// Whether a cleaned text is one of the words.
    pub(crate) fn knows(&self, text: &str) -> bool {
        let key = match self.key {
            Some(VocabularyKey::Code) => {
                let code = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
                code.map_or(text, |(code, _)| code)
            }
            None => text,
        };
        self.words.contains(&key.to_lowercase())
    }
}

/// How the rows of a sheet are arranged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One header, then rows.
    #[default]
    Rows,
    /// Several blocks, each with a title line, a header and rows.
    Blocks,
}

/// One column of a table and what fills it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutColumn {
    /// Name in the record.
    pub name: String,
    /// Released headers that mean this column; by default its name. An empty list: the release lacks it.
    #[serde(default)]
    pub headers: Option<Vec<String>>,
    /// How its cells are read.
    #[serde(default, rename = "type")]
    pub kind: Kind,
    /// Part that it plays in the row.
    #[serde(default)]
    pub role: Role,
    /// Whether a file may lack it.
    #[serde(default)]
    pub optional: bool,
    /// Value that a withheld cell becomes, where being withheld says something.
    #[serde(default)]
    pub withheld_as: Option<String>,
    /// Value that every cell with a value becomes.
    #[serde(default)]
    pub any_as: Option<String>,
    /// Texts that mean nothing was entered.
    #[serde(default)]
    pub blanks: Vec<String>,
    /// Words for a withheld cell, beside the citations of exemptions.
    #[serde(default)]
    pub withheld: Vec<String>,
    /// Whether markers are values here.
    #[serde(default)]
    pub literal: bool,
    /// Value by name of the sheet.
    #[serde(default)]
    pub by_sheet: BTreeMap<String, String>,
    /// Value by words of the block's title.
    #[serde(default)]
    pub by_title: BTreeMap<String, String>,
    /// Whether a second column, named after this one with `_time`, holds the time of day, and what midnight says.
    #[serde(default)]
    pub time: Option<TimeOfDay>,
    /// Whether a file without it has another layout, whatever the layout's slack.
    #[serde(default)]
    pub core: bool,
    /// Name of the list of words that it is known to hold.
    #[serde(default)]
    pub vocabulary: Option<String>,
    /// That list.
    #[serde(skip)]
    pub(crate) words: Option<Arc<Vocabulary>>,
    /// Whether white space inside a text is squeezed.
    #[serde(skip)]
    pub(crate) squeeze: bool,
    /// Whether years of two digits are read.
    #[serde(skip)]
    pub(crate) two_digit_years: bool,
    /// Whether plain numbers count days from 1904, as the workbook says.
    #[serde(skip)]
    pub(crate) is_1904: bool,
    /// Its headers as they are compared.
    #[serde(skip)]
    squeezed: Vec<String>,
}

/// What the time of day of a date cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeOfDay {
    /// Midnight says that the time is not known: the time is null.
    UnknownAtMidnight,
    /// The time is what the cell says, midnight included.
    Released,
}

/// How the cells of a column are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text as released, without blanks around it.
    #[default]
    Text,
    /// A code, which is text even where it has digits only: `0999` keeps its zero.
    Code,
    /// A day.
    Date,
    /// A month, `2007-10`, kept as its first day.
    Month,
    /// A whole number from 0.
    Count,
    /// A fiscal year, `FY2019 YTD`, kept as the year's number.
    FiscalYear,
    /// Whether the row's fiscal year says that it is to date.
    YearToDate,
    /// Any number.
    Number,
    /// Yes or no.
    Flag,
}

impl Kind {
    /// The column's type in the record.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text | Self::Code => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            Self::Date | Self::Month => DataType::Date32,
            Self::Count | Self::FiscalYear => DataType::UInt32,
            Self::Number => DataType::Float64,
            Self::Flag | Self::YearToDate => DataType::Boolean,
        }
    }

    /// What a cell should hold, in words.
    pub(crate) fn expects(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Code => "a code",
            Self::Date => "a date",
            Self::Month => "a month such as `2007-10`",
            Self::Count => "a whole number",
            Self::FiscalYear | Self::YearToDate => "a fiscal year such as `FY2019`",
            Self::Number => "a number",
            Self::Flag => "yes or no",
        }
    }
}

/// Part that a column plays in the row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nothing special.
    #[default]
    Plain,
    /// A row whose cell here cannot be read is set aside.
    Primary,
    /// About one person and not needed by any measure: never kept.
    PersonDetail,
    /// About one person and needed to tell rows apart: kept on this machine, and never shown in a message.
    Private,
}

impl LayoutColumn {
    /// Released headers that mean this column.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        let own = self.headers.is_none().then_some(self.name.as_str());
        own.into_iter().chain(self.headers.iter().flatten().map(String::as_str))
    }

    /// Whether a header, as [`squeezed`] gives it, means this column.
    pub(crate) fn is_named(&self, header: &str) -> bool {
        self.squeezed.iter().any(|alias| alias == header)
    }

    /// Whether the column stands in the table.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.role != Role::PersonDetail
    }

    /// Whether a file should have it.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.is_kept() && !self.optional && self.aliases().next().is_some()
    }

    /// Whether no slack makes up for its absence.
    #[must_use]
    pub fn is_core(&self) -> bool {
        self.core || self.role == Role::Primary
    }

    /// Name of the column for the time of day, if it has one.
    #[must_use]
    pub fn time_name(&self) -> Option<String> {
        self.time.map(|_| format!("{}_time", self.name))
    }

    /// The column in a workbook whose days count from 1904, or from 1900.
    pub(crate) fn counting_from_1904(&self, is_1904: bool) -> Self {
        Self { is_1904, ..self.clone() }
    }

    /// Whether its values may stand in a message.
    pub(crate) fn is_shown(&self) -> bool {
        !matches!(self.role, Role::Private | Role::PersonDetail)
    }

    /// The columns of the table that it fills: name and type.
    pub fn fields(&self) -> impl Iterator<Item = (String, DataType)> {
        let time = DataType::Timestamp(TimeUnit::Second, None);
        let own = (self.name.clone(), self.kind.data_type());
        std::iter::once(own).chain(self.time_name().map(|name| (name, time)))
    }
}

impl Layout {
    /// Columns that the table has, in its order.
    pub fn kept(&self) -> impl Iterator<Item = &LayoutColumn> {
        self.columns.iter().filter(|column| column.is_kept())
    }

    /// The column that decides whether a row is kept.
    #[must_use]
    pub fn primary(&self) -> Option<&LayoutColumn> {
        self.columns.iter().find(|column| column.role == Role::Primary)
    }

    /// Date column that the table is worth sorting by.
    #[must_use]
    pub fn sort_by(&self) -> Option<&str> {
        self.primary()
            .filter(|column| column.kind.data_type() == DataType::Date32)
            .map(|column| &*column.name)
    }

    /// First and last day of the release, in days from 1970-01-01.
    #[must_use]
    pub fn window_days(&self) -> Option<(i32, i32)> {
        self.window.as_ref().and_then(days_of)
    }

    /// First and last day of one of its releases; nothing is known of a release that the file itself names.
    pub(crate) fn window_of(&self, release: &str) -> Option<(i32, i32)> {
        match self.choices.iter().find(|choice| choice.release == release) {
            Some(choice) => days_of(&choice.window),
            None => self.window_days().filter(|_| release == self.release),
        }
    }

    /// The deliveries that share this header; none when the layout is one release's alone.
    #[must_use]
    pub fn choices(&self) -> &[Delivery] {
        &self.choices
    }
}

impl Delivery {
    /// Last day, in days from 1970-01-01.
    pub(crate) fn last_day(&self) -> Option<i32> {
        days_of(&self.window).map(|(_, last)| last)
    }
}

fn days_of([first, last]: &[String; 2]) -> Option<(i32, i32)> {
    Some((days_from_text(first.as_bytes())?, days_from_text(last.as_bytes())?))
}

/// The last day that a release covers, where a layout says it, in days from 1970-01-01.
///
/// # Errors
/// As [`layouts`].
pub fn last_day(release: &str) -> Result<Option<i32>> {
    Ok(window(release)?.map(|(_, last)| last))
}

/// The first and the last day that a release covers, where a layout says it, in days from 1970-01-01.
///
/// # Errors
/// As [`layouts`].
pub fn window(release: &str) -> Result<Option<(i32, i32)>> {
    let all = layouts()?.iter();
    let deliveries = all.clone().flat_map(Layout::choices).filter(|choice| choice.release == release);
    let of_deliveries = deliveries.filter_map(|choice| days_of(&choice.window));
    let own = all.filter(|layout| layout.release == release).filter_map(Layout::window_days);
    Ok(of_deliveries.chain(own).reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))))
}

/// Every known layout.
///
/// # Errors
/// [`ErrorKind::Internal`](crate::ErrorKind::Internal) when a layout file is not well formed, which a test
/// rules out.
pub fn layouts() -> Result<&'static [Layout]> {
    static LAYOUTS: OnceLock<Result<Vec<Layout>, String>> = OnceLock::new();
    LAYOUTS.get_or_init(|| parse_all(&FILES)).as_deref().map_err(Error::internal)
}

fn parse_all(files: &[&str]) -> Result<Vec<Layout>, String> {
    let words = toml::from_str::<BTreeMap<String, Vocabulary>>(VOCABULARIES).map_err(|e| e.to_string())?;
    let lowered = |list: Vocabulary| Vocabulary {
        words: list.words.iter().map(|word| word.to_lowercase()).collect(),
        ..list
    };
    let words = words.into_iter().map(|(name, list)| (name, Arc::new(lowered(list)))).collect();
    let deliveries = toml::from_str(DELIVERIES).map_err(|error| error.to_string())?;
    files.iter().map(|text| parse(text, &words, &deliveries)).collect()
}

fn parse(
    text: &str,
    words: &BTreeMap<String, Arc<Vocabulary>>,
    deliveries: &BTreeMap<String, Vec<Delivery>>,
) -> Result<Layout, String> {
    let mut layout: Layout = toml::from_str(text).map_err(|error| error.to_string())?;
    for column in &mut layout.columns {
        column.squeezed = column.aliases().map(squeezed).collect();
        column.squeeze = layout.national;
        column.two_digit_years = layout.two_digit_years;
        if let Some(name) = &column.vocabulary {
            let list = words.get(name).ok_or_else(|| format!("{}: no vocabulary `{name}`", layout.id))?;
            column.words = Some(list.clone());
        }
    }
    if let Some(name) = &layout.deliveries {
        let known = deliveries.get(name).ok_or_else(|| format!("{}: no deliveries `{name}`", layout.id))?;
        layout.choices.clone_from(known);
    }
    Ok(layout)
}

/// Whether some layout knows a header, as [`squeezed`] gives it.
pub(crate) fn is_any_header(header: &str) -> Result<bool> {
    static HEADERS: OnceLock<HashSet<String>> = OnceLock::new();
    let layouts = layouts()?;
    let all = || layouts.iter().flat_map(|layout| &layout.columns).flat_map(|column| &column.squeezed);
    Ok(HEADERS.get_or_init(|| all().cloned().collect()).contains(header))
}

/// Whether some layout's header has a word of three letters or more in common with a text: what such a text says
/// is no value of a row.
pub(crate) fn has_header_word(text: &str) -> Result<bool> {
    static WORDS: OnceLock<HashSet<String>> = OnceLock::new();
    let columns = layouts()?.iter().flat_map(|layout| &layout.columns);
    let names = columns.flat_map(|column| &column.squeezed).flat_map(|name| words(name));
    let known = WORDS.get_or_init(|| names.map(str::to_owned).collect());
    Ok(words(&squeezed(text)).any(|word| known.contains(word)))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphabetic()).filter(|word| word.len() >= 3)
}

/// A header for comparison: white space squeezed, lower case.
pub(crate) fn squeezed(header: &str) -> String {
    header.trim_start_matches('\u{feff}').split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_of_one_table_agree_on_the_types_of_its_columns() {
        let mut types: BTreeMap<(&str, String), DataType> = BTreeMap::new();
        let mut tables = BTreeSet::new();
        for layout in layouts().unwrap() {
            tables.insert(layout.table.as_str());
            for (name, kind) in layout.kept().flat_map(LayoutColumn::fields) {
                let known = types.entry((&layout.table, name.clone())).or_insert_with(|| kind.clone());
                assert_eq!(*known, kind, "{}: {name}", layout.id);
            }
        }
        assert_eq!(tables.len(), 40);
    }

    #[test]
    fn every_layout_is_well_formed() {
        let mut ids = BTreeSet::new();
        for layout in layouts().unwrap() {
            assert!(ids.insert(&layout.id), "{} twice", layout.id);
            assert!(layout.release.parse::<evenhand_vocab::ReleaseId>().is_ok(), "{}", layout.id);
            assert_eq!(layout.window.is_some(), layout.window_days().is_some(), "{}", layout.id);
            assert!(layout.columns.iter().filter(|column| column.role == Role::Primary).count() <= 1);
            let names: Vec<_> = layout.kept().flat_map(LayoutColumn::fields).map(|(name, _)| name).collect();
            let distinct: BTreeSet<_> = names.iter().collect();
            assert_eq!(names.len(), distinct.len(), "{}: a name twice in {names:?}", layout.id);
            for choice in layout.choices() {
                assert!(choice.release.parse::<evenhand_vocab::ReleaseId>().is_ok(), "{}", layout.id);
                assert!(choice.last_day().is_some(), "{}", choice.release);
            }
            assert!(layout.slack.unwrap_or(0) * 2 < layout.columns.len(), "{}: slack", layout.id);
        }
    }

    #[test]
    fn a_word_is_known_by_its_code_or_whatever_its_case() {
        let layouts = layouts().unwrap();
        let column = |name: &str| {
            let columns = layouts.iter().flat_map(|layout| &layout.columns);
            columns.filter(|column| column.name == name).find_map(|column| column.words.clone()).unwrap()
        };
        assert!(column("case_category").knows("[8F] Expedited Removal"));
        assert!(column("case_category").knows("[2V] worded in any way"));
        assert!(!column("case_category").knows("[9Z] Expedited Removal"));
        assert!(column("gender").knows("MALE") && !column("gender").knows("M"));
    }
}
