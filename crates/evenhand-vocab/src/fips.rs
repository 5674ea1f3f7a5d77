use crate::ParseError;

/// A county or county equivalent, by its five-digit FIPS code.
///
/// ```
/// use evenhand_vocab::CountyFips;
/// let travis: CountyFips = "48453".parse()?;
/// assert_eq!(travis.state().to_string(), "48");
/// # Ok::<(), evenhand_vocab::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountyFips(u32);

impl CountyFips {
    /// The state that the county lies in.
    #[must_use]
    pub fn state(self) -> StateFips {
        StateFips((self.0 / 1000) as u8)
    }

    /// The code as a number, for dense storage.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl std::str::FromStr for CountyFips {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        digits(text, 5)
            .filter(|code| code / 1000 > 0 && code % 1000 > 0)
            .map(CountyFips)
            .ok_or_else(|| ParseError::new("a five-digit county code", text))
    }
}

impl std::fmt::Display for CountyFips {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:05}", self.0)
    }
}

/// A state, by its two-digit FIPS code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateFips(u8);

impl std::str::FromStr for StateFips {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        digits(text, 2)
            .filter(|code| (1..=78).contains(code))
            .map(|code| StateFips(code as u8))
            .ok_or_else(|| ParseError::new("a two-digit state code", text))
    }
}

impl std::fmt::Display for StateFips {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// The number that `text` writes with exactly `len` decimal digits.
fn digits(text: &str, len: usize) -> Option<u32> {
    (text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_are_part_of_the_code() {
        assert_eq!("06037".parse::<CountyFips>().map(|fips| fips.to_string()), Ok("06037".into()));
        for wrong in ["6037", "060370", "06 37", "+6037", "00001", "48000", ""] {
            assert!(wrong.parse::<CountyFips>().is_err(), "{wrong}");
        }
    }
}
