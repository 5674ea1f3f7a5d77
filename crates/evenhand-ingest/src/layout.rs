//! Known headers, one file each under `layouts/`: which table, which columns, under which released names.
//!
//! A new layout is a new file there and one line in [`FILES`].

use crate::dates::days_from_text;
use crate::{Error, Result};
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Every known layout. Row-level releases first, then tables of counts and places by name.
const FILES: [&str; 39] = [
    include_str!("layouts/arrests_ice_foia_2019.toml"),
    include_str!("layouts/removals_ice_foia_2019.toml"),
    include_str!("layouts/encounter_counts_ice_foia_2019.toml"),
    include_str!("layouts/detainers_ice_2015.toml"),
    include_str!("layouts/arrests_ice_seattle_2019.toml"),
    include_str!("layouts/book_ins_ice_seattle_2019.toml"),
    include_str!("layouts/removals_ice_seattle_2019.toml"),
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
    /// How rows are arranged.
    #[serde(default)]
    pub shape: Shape,
    /// Columns of the table, in its order.
    pub columns: Vec<LayoutColumn>,
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
    /// Its headers as they are compared.
    #[serde(skip)]
    squeezed: Vec<String>,
}

/// How the cells of a column are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text as released, without blanks around it.
    #[default]
    Text,
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
            Self::Text => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
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

    /// Whether a file without it has another layout.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.is_kept() && !self.optional && self.aliases().next().is_some()
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
        let [first, last] = self.window.as_ref()?;
        Some((days_from_text(first.as_bytes())?, days_from_text(last.as_bytes())?))
    }
}

/// Every known layout.
///
/// # Errors
/// [`ErrorKind::Internal`](crate::ErrorKind::Internal) when a layout file is not well formed, which a test
/// rules out.
pub fn layouts() -> Result<&'static [Layout]> {
    static LAYOUTS: OnceLock<Result<Vec<Layout>, String>> = OnceLock::new();
    let parsed = LAYOUTS
        .get_or_init(|| FILES.iter().map(|text| parse(text).map_err(|error| error.to_string())).collect());
    parsed.as_deref().map_err(Error::internal)
}

fn parse(text: &str) -> Result<Layout, toml::de::Error> {
    let mut layout: Layout = toml::from_str(text)?;
    for column in &mut layout.columns {
        column.squeezed = column.aliases().map(squeezed).collect();
    }
    Ok(layout)
}

/// A header for comparison: white space squeezed, lower case.
pub(crate) fn squeezed(header: &str) -> String {
    header.trim_start_matches('\u{feff}').split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn layouts_of_one_table_agree_on_its_columns() {
        let mut tables: BTreeMap<&str, Vec<(&str, DataType)>> = BTreeMap::new();
        for layout in layouts().unwrap() {
            let columns: Vec<_> =
                layout.kept().map(|column| (column.name.as_str(), column.kind.data_type())).collect();
            let known = tables.entry(&layout.table).or_insert_with(|| columns.clone());
            assert_eq!(*known, columns, "{}", layout.id);
        }
        assert_eq!(tables.len(), 37);
    }

    #[test]
    fn every_layout_is_well_formed() {
        let mut ids = BTreeSet::new();
        for layout in layouts().unwrap() {
            assert!(ids.insert(&layout.id), "{} twice", layout.id);
            assert!(layout.release.parse::<evenhand_vocab::ReleaseId>().is_ok(), "{}", layout.id);
            assert_eq!(layout.window.is_some(), layout.window_days().is_some(), "{}", layout.id);
            assert!(layout.columns.iter().filter(|column| column.role == Role::Primary).count() <= 1);
            let mut names = BTreeSet::new();
            let mut headers = BTreeSet::new();
            for column in &layout.columns {
                assert!(names.insert(&column.name), "{}: {} twice", layout.id, column.name);
                for alias in column.aliases() {
                    assert!(headers.insert(alias.to_lowercase()), "{}: {alias} twice", layout.id);
                }
            }
        }
    }
}
