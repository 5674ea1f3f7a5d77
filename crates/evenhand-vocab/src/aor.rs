use crate::ParseError;

/// An ICE area of responsibility, by its three-letter office code.
///
/// Releases print it as a code (`SNA`) or in full (`San Antonio Area of Responsibility`); both parse.
///
/// ```
/// use evenhand_vocab::Aor;
/// let aor: Aor = "San Antonio Area of Responsibility".parse()?;
/// assert_eq!(aor.code(), "SNA");
/// assert_eq!(aor.name(), "San Antonio");
/// # Ok::<(), evenhand_vocab::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Aor(u8);

/// Code and office name, in code order; the position in the table is the value of [`Aor`].
const AORS: [(&str, &str); 26] = [
    ("ATL", "Atlanta"),
    ("BAL", "Baltimore"),
    ("BOS", "Boston"),
    ("BUF", "Buffalo"),
    ("CHI", "Chicago"),
    ("DAL", "Dallas"),
    ("DEN", "Denver"),
    ("DET", "Detroit"),
    ("ELP", "El Paso"),
    ("HLG", "Harlingen"),
    ("HOU", "Houston"),
    ("HQ", "HQ"),
    ("LOS", "Los Angeles"),
    ("MIA", "Miami"),
    ("NEW", "Newark"),
    ("NOL", "New Orleans"),
    ("NYC", "New York City"),
    ("PHI", "Philadelphia"),
    ("PHO", "Phoenix"),
    ("SEA", "Seattle"),
    ("SFR", "San Francisco"),
    ("SLC", "Salt Lake City"),
    ("SNA", "San Antonio"),
    ("SND", "San Diego"),
    ("SPM", "St. Paul"),
    ("WAS", "Washington"),
];

impl Aor {
    /// The office code, `SNA`.
    #[must_use]
    pub fn code(self) -> &'static str {
        AORS[usize::from(self.0)].0
    }

    /// The office name, `San Antonio`.
    #[must_use]
    pub fn name(self) -> &'static str {
        AORS[usize::from(self.0)].1
    }

    /// Every area in code order; headquarters (`HQ`) is one of them.
    pub fn all() -> impl Iterator<Item = Aor> {
        (0..AORS.len()).map(|at| Aor(at as u8))
    }
}

impl std::str::FromStr for Aor {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let name = text.trim().trim_end_matches("Area of Responsibility").trim_end();
        AORS.iter()
            .position(|(code, office)| code.eq_ignore_ascii_case(name) || office.eq_ignore_ascii_case(name))
            .map(|at| Aor(at as u8))
            .ok_or_else(|| ParseError::new("an ICE area of responsibility", text))
    }
}

impl std::fmt::Display for Aor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_area_parses_from_its_code_and_its_released_name() {
        for aor in Aor::all() {
            assert_eq!(aor.code().parse(), Ok(aor));
            assert_eq!(format!("{} Area of Responsibility", aor.name()).parse(), Ok(aor));
        }
        assert!("Area of Responsibility".parse::<Aor>().is_err());
    }
}
