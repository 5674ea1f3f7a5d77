//! Which release a file belongs to, where its header alone does not say.
//!
//! The deliveries of one request may have one header. A file then belongs to the one that was asked for; else to
//! the one that its name or the folders around it speak of; else to the one whose last day stands before the
//! header, or is nearest to a date there; else to the first whose window holds every row.

use crate::dates::days_from_text;
use crate::header::Match;
use crate::layout::Delivery;
use crate::{Error, ErrorKind, Result};
use std::path::Path;

/// Folders around a file whose names may speak of its release.
const FOLDERS: usize = 2;
/// Days from the last day of a delivery within which a date before the header is taken to speak of it.
const NEAR: i32 = 75;

/// What may tell deliveries of one header apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hints<'a> {
    pub(crate) path: &'a Path,
    /// The release that was asked for.
    pub(crate) asked: Option<&'a str>,
}

/// A release, and what told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) release: String,
    pub(crate) by: &'static str,
    /// Whether rows name persons by an identifier, so that a file whose rows another has is known once read.
    pub(crate) has_ids: bool,
}

/// The release of a sheet whose header is found; `last_day` gives the last primary date of its rows and is asked
/// only where nothing else tells.
pub(crate) fn tell(
    found: &Match,
    before: &[Vec<String>],
    hints: Hints<'_>,
    last_day: impl FnOnce() -> Result<Option<i32>>,
) -> Result<Told> {
    let layout = found.layout;
    let has_ids = layout.columns.iter().any(|column| column.name == "person_id");
    let told = |release: &str, by| Told { release: release.to_owned(), by, has_ids };
    let number = before.iter().flatten().find_map(|cell| foia_number(cell)).filter(|_| layout.foia);
    if let Some(number) = number {
        return Ok(told(&number, "the request's number before the header"));
    }
    let choices = layout.choices();
    if choices.is_empty() {
        return Ok(told(&layout.release, "its header"));
    }
    if let Some(asked) = hints.asked {
        if choices.iter().any(|choice| choice.release == asked) {
            return Ok(told(asked, "`--release`"));
        }
        let error =
            Error::expected_found(ErrorKind::UnknownRelease, "unknown_release", one_of(choices), asked);
        return Err(error.with_hint("the header of this file is theirs alone"));
    }
    if let Some(choice) = by_name(choices, hints.path) {
        return Ok(told(&choice.release, "the name of the file or its folder"));
    }
    if let Some(choice) = by_date(choices, before) {
        return Ok(told(&choice.release, "a date before the header"));
    }
    let last = last_day()?;
    let holds = |choice: &&Delivery| choice.last_day() >= last;
    let by_rows = last.and_then(|_| choices.iter().filter(holds).min_by_key(|choice| choice.last_day()));
    match by_rows {
        Some(choice) => Ok(told(&choice.release, "the last date of its rows")),
        None => Err(Error::expected_found(
            ErrorKind::UnknownRelease,
            "ambiguous_release",
            format!("a file that can be told to be of {}", one_of(choices)),
            "nothing that tells: neither name, nor a date before the header, nor rows that end in time",
        )
        .with_hint("say which it is with `--release`")),
    }
}

fn one_of(choices: &[Delivery]) -> String {
    let names: Vec<_> = choices.iter().map(|choice| choice.release.as_str()).collect();
    format!("one of the releases `{}`", names.join("`, `"))
}

/// The one delivery that the file's name speaks of, or else the folder's, or the one above.
fn by_name<'a>(choices: &'a [Delivery], path: &Path) -> Option<&'a Delivery> {
    let names = path.components().rev().take(FOLDERS + 1).map(|part| part.as_os_str().to_string_lossy());
    for name in names {
        let name = name.to_lowercase();
        let speaks = |choice: &&Delivery| choice.names.iter().any(|word| name.contains(word.as_str()));
        let mut spoken = choices.iter().filter(speaks);
        if let (Some(choice), None) = (spoken.next(), spoken.next()) {
            return Some(choice);
        }
    }
    None
}

/// The delivery whose last day stands before the header, or else the one nearest to the latest date there.
fn by_date<'a>(choices: &'a [Delivery], before: &[Vec<String>]) -> Option<&'a Delivery> {
    let words = before.iter().flatten().flat_map(|cell| cell.split_whitespace());
    let dates = words.filter_map(|word| {
        days_from_text(word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()).as_bytes())
    });
    let dates: Vec<i32> = dates.collect();
    let latest = *dates.iter().max()?;
    let exact = |choice: &&Delivery| choice.last_day().is_some_and(|last| dates.contains(&last));
    if let Some(choice) = choices.iter().find(exact) {
        return Some(choice);
    }
    let far = |choice: &Delivery| choice.last_day().map_or(i32::MAX, |last| (latest - last).abs());
    choices.iter().min_by_key(|choice| far(choice)).filter(|choice| far(choice) <= NEAR)
}

/// `ice-foia-2019-53623` from `2019-ICFO-53623`.
fn foia_number(text: &str) -> Option<String> {
    let at = text.find("-ICFO-")?;
    let digits = |text: &str| text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let year = text.get(at.checked_sub(4)?..at).filter(|year| digits(year))?;
    let number: String = text.get(at + 6..)?.chars().take_while(char::is_ascii_digit).collect();
    digits(&number).then(|| format!("ice-foia-{year}-{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::{Found, find};
    use crate::layout::layouts;

    fn check(path: &str, before: &str, asked: Option<&str>, last: Option<&str>) -> String {
        let layouts = layouts().unwrap();
        let layout = layouts.iter().find(|layout| layout.id == "arrests/ice-2025").unwrap();
        let header = layout.columns.iter().filter_map(|column| column.aliases().next());
        let rows = [header.map(str::to_owned).collect::<Vec<_>>()];
        let Found::Known(found) = find(&rows, "file").unwrap() else { panic!("not known") };
        let before = [vec![before.to_owned()]];
        let hints = Hints { path: Path::new(path), asked };
        match tell(&found, &before, hints, || Ok(last.and_then(|day| days_from_text(day.as_bytes())))) {
            Ok(told) => format!("{} by {}", told.release, told.by),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn deliveries_of_one_header_are_told_apart_by_the_first_thing_that_speaks() {
        let jul = "/data/ice-r2025jul/arrests.xlsx";
        assert_eq!(
            check(jul, "2023-09-01 to 2025-10-15", Some("ice-r2025oct"), None),
            "ice-r2025oct by `--release`"
        );
        assert_eq!(
            check(jul, "2023-09-01 to 2025-10-15", None, None),
            "ice-r2025jul by the name of the file or its folder"
        );
        let plain = "/data/arrests.xlsx";
        assert_eq!(
            check(plain, "2023-09-01 to 2025-10-15, delivered 12/03/2025", None, None),
            "ice-r2025oct by a date before the header"
        );
        assert_eq!(check(plain, "as of 8/5/2025", None, None), "ice-r2025jul by a date before the header");
        assert_eq!(
            check(plain, "LESA-STU", None, Some("2025-07-02")),
            "ice-r2025jul by the last date of its rows"
        );
        assert_eq!(
            check(plain, "LESA-STU", None, Some("2025-02-20")),
            "ice-r2025feb by the last date of its rows"
        );
        insta::assert_snapshot!(check(plain, "", None, Some("2025-11-02")), @"expected a file that can be told to be of one of the releases `ice-r2025feb`, `ice-r2025jun1`, `ice-r2025jun2`, `ice-r2025jul`, `ice-r2025oct`, found nothing that tells: neither name, nor a date before the header, nor rows that end in time");
        insta::assert_snapshot!(check(plain, "", Some("ice-r2030"), None), @"expected one of the releases `ice-r2025feb`, `ice-r2025jun1`, `ice-r2025jun2`, `ice-r2025jul`, `ice-r2025oct`, found ice-r2030");
    }

    #[test]
    fn a_foia_number_names_the_release() {
        assert_eq!(foia_number("2019-ICFO-53623").as_deref(), Some("ice-foia-2019-53623"));
        assert_eq!(foia_number("FOIA 2022-ICFO-09023, part 1").as_deref(), Some("ice-foia-2022-09023"));
        assert_eq!(foia_number("-ICFO-1"), None);
        assert_eq!(foia_number("é-ICFO-12345"), None);
    }
}
