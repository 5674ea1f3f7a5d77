//! Finds the header of a sheet by its names and the layout that it belongs to, or the nearest one.

use crate::layout::{Layout, LayoutColumn, Role, Shape, has_header_word, is_any_header, layouts, squeezed};
use crate::{Error, ErrorKind, Result};
use std::collections::BTreeSet;

/// Rows looked through for a header.
pub(crate) const SEARCHED_ROWS: usize = 15;

/// A header row read against one layout.
#[derive(Debug, Clone)]
pub(crate) struct Match {
    pub(crate) layout: &'static Layout,
    /// Position among the rows given.
    pub(crate) at: usize,
    /// Cells of the header row, in order.
    pub(crate) headers: Vec<String>,
    /// For each header its column of the layout.
    pub(crate) bound: Vec<Option<usize>>,
    /// Columns of the layout that must be there and are not.
    pub(crate) missing: Vec<usize>,
    /// Non-blank headers that the layout does not know.
    pub(crate) extra: Vec<usize>,
    /// Headers that name a column already named.
    pub(crate) repeated: Vec<usize>,
}

impl Match {
    /// `squeezed` are the cells as names are compared, without blank ones at the end.
    fn new(layout: &'static Layout, at: usize, cells: &[String], squeezed: &[String]) -> Self {
        let headers = cells.get(..squeezed.len()).unwrap_or(cells).to_vec();
        let mut taken = BTreeSet::new();
        let (mut bound, mut extra, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        for (position, wanted) in squeezed.iter().enumerate() {
            // Where one header stands for two columns, the second takes its second appearance.
            let mut named = (0..).zip(&layout.columns).filter(|(_, column)| column.is_named(wanted));
            let first = named.next().map(|(at, _)| at);
            let free = first.filter(|at| !taken.contains(at));
            let column = free.or_else(|| named.map(|(at, _)| at).find(|at| !taken.contains(at)));
            match (column, first) {
                (Some(column), _) => {
                    taken.insert(column);
                    bound.push(Some(column));
                }
                (None, Some(_)) => {
                    repeated.push(position);
                    bound.push(None);
                }
                (None, None) => {
                    if !wanted.is_empty() {
                        extra.push(position);
                    }
                    bound.push(None);
                }
            }
        }
        let missing = layout
            .columns
            .iter()
            .enumerate()
            .filter(|(at, column)| column.is_required() && !taken.contains(at))
            .map(|(at, _)| at)
            .collect();
        Self { layout, at, headers, bound, missing, extra, repeated }
    }

    /// The column that decides whether a row is kept, and its place, if the layout has one with dates.
    pub(crate) fn primary(&self) -> Option<(&'static LayoutColumn, usize)> {
        self.layout.sort_by()?;
        let column = self.layout.columns.iter().position(|column| column.role == Role::Primary)?;
        let at = self.bound.iter().position(|bound| *bound == Some(column))?;
        Some((self.layout.columns.get(column)?, at))
    }

    /// Headers that the layout knows.
    pub(crate) fn known(&self) -> usize {
        self.bound.iter().flatten().count()
    }

    /// Whether the layout can read the sheet.
    pub(crate) fn fits(&self) -> bool {
        let Some(slack) = self.layout.slack else {
            return self.known() > 0
                && self.missing.is_empty()
                && self.repeated.is_empty()
                && (self.extra.is_empty() || !self.layout.strict);
        };
        let is_core = |at: &usize| self.layout.columns.get(*at).is_some_and(LayoutColumn::is_core);
        let repeats_core = self.repeated.iter().any(|&at| {
            let header = squeezed(self.header(at));
            self.layout.columns.iter().any(|column| column.is_core() && column.is_named(&header))
        });
        let amiss = self.missing.len().max(self.extra.len() + self.repeated.len());
        self.known() > 0 && !self.missing.iter().any(is_core) && !repeats_core && amiss <= slack
    }

    /// A missing column that an unknown header at this position may be the new name of.
    pub(crate) fn nearest_missing(&self, at: usize) -> Option<&'static str> {
        let header = self.header(at);
        self.renamed().into_iter().find(|(_, found)| *found == header).map(|(missing, _)| missing)
    }

    /// How near a header that does not fit is: known names among all names, in millionths.
    fn nearness(&self) -> usize {
        let all = self.known() + self.missing.len() + self.extra.len() + self.repeated.len();
        (self.known() * 1_000_000).checked_div(all).unwrap_or(0)
    }

    /// Whether the file's name is one that the layout asks for; layouts that ask for none come last.
    fn named(&self, stem: &str) -> bool {
        self.layout.files.iter().any(|start| stem.to_lowercase().starts_with(start.as_str()))
    }

    /// The missing column to speak of first: one that no slack makes up for, if there is one.
    fn wanted(&self) -> Option<usize> {
        let is_core = |at: &usize| self.layout.columns.get(*at).is_some_and(LayoutColumn::is_core);
        self.missing.iter().copied().find(is_core).or(self.missing.first().copied())
    }

    /// Where a missing column should stand: after the one that comes before it in the layout.
    fn place_of(&self, missing: usize) -> usize {
        let before = (0..missing).rev();
        let mut places =
            before.filter_map(|column| self.bound.iter().position(|bound| *bound == Some(column)));
        places.next().map_or(0, |at| at + 1)
    }

    /// Pairs of a missing column and an unknown header that look like one renamed to the other.
    fn renamed(&self) -> Vec<(&'static str, &str)> {
        let mut free: Vec<usize> = self.extra.clone();
        let mut pairs = Vec::new();
        for &missing in &self.missing {
            let Some(column) = self.layout.columns.get(missing) else { continue };
            let near = |&header: &usize| {
                let header = self.headers.get(header).map_or("", String::as_str);
                column.aliases().map(|alias| similarity(alias, header)).max().unwrap_or(0)
            };
            let best = free.iter().copied().max_by_key(|header| (near(header), usize::MAX - header));
            if let Some(header) = best.filter(|header| near(header) >= 400) {
                free.retain(|other| *other != header);
                pairs.push((first_alias(self.layout, missing), self.header(header)));
            }
        }
        pairs
    }

    /// Names that the layout needs and the header lacks.
    pub(crate) fn missing_headers(&self) -> Vec<&'static str> {
        self.missing.iter().map(|&at| first_alias(self.layout, at)).collect()
    }

    pub(crate) fn header(&self, at: usize) -> &str {
        self.headers.get(at).map_or("", String::as_str)
    }
}

/// What the first rows of a sheet say about its layout.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// One layout fits.
    Known(Match),
    /// Several fit equally well, and the file's name does not tell them apart.
    Ambiguous(Vec<Match>),
    /// None fits; the nearest, if any header is known at all.
    Unknown(Option<Match>),
}

/// Looks for a header in the first rows of a sheet of the file with this stem.
pub(crate) fn find(rows: &[Vec<String>], stem: &str) -> Result<Found> {
    let all = tries(rows, Some(stem))?;
    let rank = |found: &Match| {
        let amiss = found.extra.len() + if found.layout.slack.is_some() { found.missing.len() } else { 0 };
        (found.known(), usize::MAX - amiss, found.named(stem))
    };
    // A layout of few columns fits a header of which another, that does not fit, knows more: that is no fit.
    let most = all.iter().map(Match::known).max().unwrap_or(0);
    let is_better_known = |found: &Match| found.known() < most && found.extra.len() > found.known();
    let fitting: Vec<_> = all.iter().filter(|found| found.fits() && !is_better_known(found)).collect();
    let best = fitting.iter().map(|found| rank(found)).max();
    let mut equal: Vec<Match> =
        fitting.into_iter().filter(|found| Some(rank(found)) == best).cloned().collect();
    // The same header further down is a repetition, not a rival.
    equal.dedup_by(|later, first| later.layout.id == first.layout.id);
    equal.sort_by(|a, b| (a.at, &a.layout.id).cmp(&(b.at, &b.layout.id)));
    equal.dedup_by(|later, first| later.layout.id == first.layout.id);
    if equal.len() > 1 {
        return Ok(Found::Ambiguous(equal));
    }
    if let Some(found) = equal.pop() {
        // A later block may have more columns than the first, but it is no more the header.
        let is_first = |other: &&Match| other.fits() && other.layout.id == found.layout.id;
        let first = all.iter().find(is_first).filter(|_| found.layout.shape == Shape::Blocks).cloned();
        return Ok(Found::Known(first.unwrap_or(found)));
    }
    let nearest = all.into_iter().max_by(|a, b| (a.nearness(), b.at).cmp(&(b.nearness(), a.at)));
    Ok(Found::Unknown(nearest))
}

/// Every layout read against every row of two cells or more, where it knows one of them.
fn tries(rows: &[Vec<String>], stem: Option<&str>) -> Result<Vec<Match>> {
    let mut all = Vec::new();
    for (at, cells) in rows.iter().take(SEARCHED_ROWS).enumerate() {
        let mut names: Vec<_> = cells.iter().map(|cell| squeezed(cell)).collect();
        while names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        // Rows of data hold no header's name; they need not be held against every layout.
        let mut is_candidate = false;
        for name in &names {
            is_candidate = is_candidate || is_any_header(name)?;
        }
        if is_candidate && names.iter().filter(|name| !name.is_empty()).count() >= 2 {
            let found = layouts()?.iter().map(|layout| Match::new(layout, at, cells, &names));
            let may = |found: &Match| !found.layout.named_only || stem.is_some_and(|stem| found.named(stem));
            all.extend(found.filter(|found| found.known() > 0 && may(found)));
        }
    }
    Ok(all)
}

/// The best fits of other layouts on the same rows, for an explanation: nearest first.
pub(crate) fn rivals(rows: &[Vec<String>], chosen: Option<&str>) -> Result<Vec<Match>> {
    let mut best: Vec<Match> = Vec::new();
    for found in tries(rows, None)?.into_iter().filter(|found| Some(found.layout.id.as_str()) != chosen) {
        match best.iter_mut().find(|other| other.layout.id == found.layout.id) {
            Some(other) if other.nearness() < found.nearness() => *other = found,
            Some(_) => {}
            None => best.push(found),
        }
    }
    best.sort_by(|a, b| (b.nearness(), &a.layout.id).cmp(&(a.nearness(), &b.layout.id)));
    best.truncate(3);
    Ok(best)
}

const NEW_LAYOUT: &str = "`--explain` shows the comparison column by column; a new layout is a new file in the \
                          `layouts` folder of the ingest crate";
/// Cells of a header that a message quotes.
const QUOTED: usize = 8;

/// The refusal of rows without a known header; its row counts among the rows given.
pub(crate) fn unknown(rows: &[Vec<String>], nearest: Option<&Match>) -> Error {
    let error = match nearest {
        Some(nearest) => different(nearest),
        None => absent(rows),
    };
    error.with_hint(NEW_LAYOUT)
}

/// None of the first rows has a known name. The row told of is the first that could be a header.
fn absent(rows: &[Vec<String>]) -> Error {
    let rows = rows.get(..SEARCHED_ROWS).unwrap_or(rows);
    let filled = |row: &[String]| row.iter().filter(|cell| !cell.trim().is_empty()).count();
    let expected = format!("a known header in the first {SEARCHED_ROWS} rows");
    let of =
        |found: String| Error::expected_found(ErrorKind::UnknownHeader, "unknown_header", &*expected, found);
    let Some(at) = rows.iter().position(|row| filled(row) >= 2) else { return of("nothing".to_owned()) };
    let row = rows.get(at).map_or(&[][..], Vec::as_slice);
    let next = rows.get(at + 1).map_or(&[][..], Vec::as_slice);
    let found = match could_be_header(row, next) {
        true => quoted(row.iter().map(String::as_str).filter(|cell| !cell.trim().is_empty())),
        // What may be a person's data is not repeated.
        false => format!("a row of {} cells that could be data", filled(row)),
    };
    let error = of(found).at_row(at as u64 + 1);
    match row.iter().position(|cell| !cell.trim().is_empty()) {
        Some(first) => error.at_column(first, ""),
        None => error,
    }
}

/// Whether a row is a header rather than data: it has a word that headers have, or names above numbers and dates.
fn could_be_header(row: &[String], next: &[String]) -> bool {
    let is_number = |cell: &str| cell.contains(|letter: char| letter.is_ascii_digit());
    let filled = || row.iter().filter(|cell| !cell.trim().is_empty());
    let names = filled().all(|cell| !is_number(cell));
    let above = row.iter().zip(next).any(|(name, cell)| !name.trim().is_empty() && is_number(cell));
    names && (above || filled().any(|cell| has_header_word(cell).unwrap_or(false)))
}

/// Some cells of a header, as messages show them.
fn quoted<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    let cells: Vec<_> = cells.collect();
    let shown: Vec<_> =
        cells.iter().take(QUOTED).map(|cell| format!("`{}`", crate::error::shown(cell))).collect();
    match cells.len().saturating_sub(QUOTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// How the nearest header differs from what its layout needs.
fn different(nearest: &Match) -> Error {
    let layout = nearest.layout;
    let renamed = nearest.renamed();
    // A row in which few names are known may be data, of which nothing is repeated.
    let filled = nearest.headers.iter().filter(|header| !header.trim().is_empty()).count();
    let is_header = nearest.known() * 2 >= filled;
    let may_quote = |at: usize| {
        let header = nearest.header(at);
        is_header
            || renamed.iter().any(|(_, found)| *found == header)
            || has_header_word(header).unwrap_or(false)
    };
    let missing = nearest
        .missing
        .iter()
        .map(|&at| first_alias(layout, at))
        .filter(|name| renamed.iter().all(|(missing, _)| missing != name));
    let extra: Vec<_> = nearest
        .extra
        .iter()
        .copied()
        .filter(|&at| renamed.iter().all(|(_, extra)| *extra != nearest.header(at)))
        .collect();
    let (told, withheld): (Vec<_>, Vec<_>) = extra.into_iter().partition(|&at| may_quote(at));
    let repeated = nearest.repeated.iter().map(|&at| nearest.header(at));
    let mut differences = Vec::new();
    for (what, names) in [
        ("missing", quoted(missing)),
        ("not known", quoted(told.iter().map(|&at| nearest.header(at)))),
        ("twice", quoted(repeated)),
    ] {
        if !names.is_empty() {
            differences.push(format!("{what} {names}"));
        }
    }
    if !withheld.is_empty() {
        differences.push(format!("{} cells that could be data", withheld.len()));
    }
    for (missing, found) in &renamed {
        differences.push(format!("`{}` where `{missing}` is expected", crate::error::shown(found)));
    }
    let wanted = nearest.wanted();
    let expected = match wanted {
        Some(at) => format!("column `{}`", first_alias(layout, at)),
        None => format!("the header of `{}`", layout.id),
    };
    let found =
        format!("a header nearest to layout `{}` that differs: {}", layout.id, differences.join("; "));
    let error = Error::expected_found(ErrorKind::UnknownHeader, "unknown_header", expected, found)
        .at_row(nearest.at as u64 + 1);
    let instead = wanted.and_then(|at| {
        let name = first_alias(layout, at);
        let (_, found) = renamed.iter().find(|(missing, _)| *missing == name)?;
        nearest.headers.iter().position(|header| header == found)
    });
    match (wanted, instead.or(nearest.repeated.first().copied()).or(nearest.extra.first().copied())) {
        (Some(column), _) if instead.is_none() => {
            error.at_missing_column(nearest.place_of(column), first_alias(layout, column))
        }
        (_, Some(at)) if may_quote(at) => {
            error.at_column(at, nearest.header(at)).with_value(nearest.header(at))
        }
        (_, Some(at)) => error.at_column(at, ""),
        _ => error,
    }
}

/// The refusal of a header that several layouts fit.
pub(crate) fn ambiguous(matches: &[Match]) -> Error {
    let names: Vec<_> = matches.iter().map(|found| found.layout.id.as_str()).collect();
    let files: Vec<_> = matches.iter().flat_map(|found| &found.layout.files).map(String::as_str).collect();
    Error::expected_found(
        ErrorKind::UnknownHeader,
        "ambiguous_header",
        "a header of one layout",
        format!("one that fits `{}`", names.join("` and `")),
    )
    .with_hint(format!(
        "only the file's name tells them apart: it should begin with `{}`",
        files.join("` or `")
    ))
}

fn first_alias(layout: &'static Layout, column: usize) -> &'static str {
    layout.columns.get(column).and_then(|column| column.aliases().next()).unwrap_or_default()
}

/// How alike two names are, in thousandths: shared pairs of neighbouring letters (Dice).
fn similarity(a: &str, b: &str) -> usize {
    let pairs = |text: &str| {
        let letters: Vec<char> = squeezed(text).chars().filter(|letter| letter.is_alphanumeric()).collect();
        letters.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect::<Vec<_>>()
    };
    let (a, mut b) = (pairs(a), pairs(b));
    let all = a.len() + b.len();
    let mut shared: usize = 0;
    for pair in a {
        if let Some(at) = b.iter().position(|other| *other == pair) {
            b.swap_remove(at);
            shared += 1;
        }
    }
    (2000 * shared).checked_div(all).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
    }

    fn message(text: &str) -> String {
        let rows = rows(text);
        match find(&rows, "file").unwrap() {
            Found::Known(found) => format!("row {} of `{}`", found.at + 1, found.layout.id),
            Found::Ambiguous(matches) => ambiguous(&matches).to_string(),
            Found::Unknown(nearest) => unknown(&rows, nearest.as_ref()).to_string(),
        }
    }

    #[test]
    fn the_header_is_found_by_its_names_wherever_it_stands() {
        let header =
            "Prepare  Date|detainer type|Detainer Detention Facility|State|City|Detainer Lift Reason|New";
        for before in 0..SEARCHED_ROWS {
            let text = format!("{}{header}", "Some notice|\n".repeat(before));
            assert_eq!(message(&text), format!("row {} of `detainers/ice-2015`", before + 1));
        }
    }

    #[test]
    fn a_renamed_column_is_named_beside_the_one_expected() {
        insta::assert_snapshot!(
            message("Date Prepared|Detainer Type|Detainer Detention Facility|State|City|Detainer Lift Reason"),
            @"row 1, column A: expected column `Prepare Date`, found a header nearest to layout `detainers/ice-2015` that differs: `Date Prepared` where `Prepare Date` is expected"
        );
    }

    #[test]
    fn a_short_header_with_two_meanings_needs_the_file_name() {
        insta::assert_snapshot!(
            message("year|count"),
            @"expected a header of one layout, found one that fits `detainer_totals_by_year` and `detainer_totals_lifted_by_year`"
        );
        assert!(matches!(find(&rows("year|count"), "lifted_detainers_by_year").unwrap(), Found::Known(_)));
        insta::assert_snapshot!(message("year|count|other"), @"row 1, column C: expected the header of `detainer_totals_lifted_by_year`, found a header nearest to layout `detainer_totals_lifted_by_year` that differs: not known `other`");
    }

    #[test]
    fn a_header_that_nothing_resembles_is_quoted_and_data_are_not() {
        insta::assert_snapshot!(message("a notice\nalpha|beta|gamma\nx|1|y"), @"row 2, column A: expected a known header in the first 15 rows, found `alpha`, `beta`, `gamma`");
        insta::assert_snapshot!(message("a notice\n|DOE, JANE|HONDURAS\n|ROE, RICHARD|MEXICO"), @"row 2, column B: expected a known header in the first 15 rows, found a row of 2 cells that could be data");
        insta::assert_snapshot!(message("10/1/2014|DOE, JANE|State\n10/2/2014|ROE, RICHARD|TEXAS"), @"row 1, column A: expected column `Apprehension Date And Time`, found a header nearest to layout `arrests/ice-foia-2022-22955` that differs: missing `Apprehension Date And Time`, `Apprehension AOR`, `Apprehension County`, `Apprehension Final Program`; 2 cells that could be data");
    }

    #[test]
    fn a_layout_of_few_columns_does_not_take_the_header_of_another() {
        let layouts = layouts().unwrap();
        let layout = layouts.iter().find(|layout| layout.id == "arrests/ice-2025").unwrap();
        let header = layout.columns.iter().filter_map(|column| column.aliases().next());
        let header: Vec<_> = header.filter(|header| *header != "Unique Identifier").collect();
        insta::assert_snapshot!(message(&header.join("|")), @"row 1, column W: expected column `Unique Identifier`, found a header nearest to layout `arrests/ice-2025` that differs: missing `Unique Identifier`");
    }
}
