//! Which names may become part of a path in a record. Nothing here can climb out of a folder, hide a file,
//! or mean two things on two systems.

use crate::{Error, ErrorKind, Result};
use evenhand_ledger::Digest;
use std::path::Path;

/// Hexadecimal digits of a file's digest in its name.
const DIGITS: usize = 16;

/// Path of a part's file within the record: the digest in its name keeps a new version from overwriting a
/// file that a reader still uses.
pub(crate) fn part_path(table: &str, release: &str, part: &str, digest: &Digest) -> String {
    let digits: String = digest.as_str().chars().take(DIGITS).collect();
    format!("tables/{table}/{release}/{part}-{digits}.parquet")
}

/// The name of a part, from its path.
pub(crate) fn part_name(path: &str) -> Option<&str> {
    let stem = path.rsplit('/').next()?.strip_suffix(".parquet")?;
    stem.rsplit_once('-').map(|(part, _digits)| part)
}

/// Checks the name of a table: it is an SQL name too.
pub(crate) fn check_table(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let letter_first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if letter_first && name.len() <= 64 && name.bytes().all(plain) {
        return Ok(());
    }
    Err(wrong("a table name of lower-case letters, digits and underscores", name))
}

/// Checks the name of a part, which ends up in a file name.
pub(crate) fn check_part(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let first_plain = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if first_plain && name.len() <= 128 && name.bytes().all(plain) {
        return Ok(());
    }
    Err(wrong("a part name of letters, digits, `_`, `-` and `.`", name))
}

/// Checks the name of a release.
pub(crate) fn check_release(name: &str) -> Result<()> {
    match name.parse::<evenhand_vocab::ReleaseId>() {
        Ok(_) => Ok(()),
        Err(error) => Err(wrong(error.expected, name)),
    }
}

/// Checks that a path out of a manifest is `tables/<table>/<release>/<part>-<digits>.parquet`.
pub(crate) fn check_path(path: &str, table: &str, release: &str) -> Result<()> {
    let within = path
        .strip_prefix("tables/")
        .and_then(|rest| rest.strip_prefix(table)?.strip_prefix('/'))
        .and_then(|rest| rest.strip_prefix(release)?.strip_prefix('/'))
        .filter(|file| file.ends_with(".parquet") && check_part(file).is_ok());
    if within.is_some() && part_name(path).is_some() {
        return Ok(());
    }
    let expected = format!("a path such as `tables/{table}/{release}/part-0123456789abcdef.parquet`");
    Err(Error::expected(ErrorKind::UnsafePath, expected, shown(path)).at(Path::new(crate::manifest::FILE)))
}

fn wrong(expected: &str, found: &str) -> Error {
    Error::expected(ErrorKind::Name, expected, shown(found))
}

/// A text from outside, in backticks, cut and escaped.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(80).collect();
    format!("`{}`", cut.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_within_its_table_and_release() {
        let good = part_path("arrests", "ice-foia-2019", "fy16.csv", &Digest::of(b"x"));
        assert_eq!(good, "tables/arrests/ice-foia-2019/fy16.csv-2d711642b726b044.parquet");
        assert!(check_path(&good, "arrests", "ice-foia-2019").is_ok());
        assert_eq!(part_name(&good), Some("fy16.csv"));
        for wrong in [
            "../x.parquet",
            "tables/arrests/ice-foia-2019/../x-0.parquet",
            "tables/arrests/ice-foia-2019/a/x-0.parquet",
            "tables/arrests/ice-foia-2019/.x-0.parquet",
            "tables/arrests/ice-foia-2019/x-0.csv",
            "tables/arrests/ice-foia-2019/x.parquet",
            "tables/removals/ice-foia-2019/x-0.parquet",
            "/tables/arrests/ice-foia-2019/x-0.parquet",
            "tables\\arrests\\ice-foia-2019\\x-0.parquet",
            "",
        ] {
            let error = check_path(wrong, "arrests", "ice-foia-2019").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnsafePath, "{wrong}");
        }
    }

    #[test]
    fn names_that_are_no_file_names_are_refused() {
        for wrong in ["", "Arrests", "a b", "a/b", "..", "1a", "a-b", "é"] {
            assert_eq!(check_table(wrong).unwrap_err().kind(), ErrorKind::Name, "{wrong}");
        }
        for wrong in ["", ".a", "-a", "a/b", "a b", "a\\b", "a:b", "é"] {
            assert_eq!(check_part(wrong).unwrap_err().kind(), ErrorKind::Name, "{wrong}");
        }
        assert!(check_table("figures_arrests_week").is_ok() && check_part("detainers-FY2015YTD").is_ok());
        assert_eq!(check_release("a/b").unwrap_err().kind(), ErrorKind::Name);
    }
}
