use crate::ParseError;

/// One delivery of records as published, such as `ice-foia-2019-53623`; also a folder name of the record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId(String);

impl ReleaseId {
    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ReleaseId {
    type Err = ParseError;

    /// Lower-case letters, digits and single hyphens, at most 64: safe as a folder name everywhere.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ok = (1..=64).contains(&text.len())
            && text.split('-').all(|part| !part.is_empty() && part.bytes().all(plain));
        ok.then(|| ReleaseId(text.to_owned()))
            .ok_or_else(|| ParseError::new("a release id of lower-case letters, digits and hyphens", text))
    }
}

impl std::fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_id_cannot_climb_out_of_its_folder() {
        assert!("ice-foia-2019-53623".parse::<ReleaseId>().is_ok());
        for wrong in ["", "..", "a/b", "A", "a--b", "-a", "a.b", "a b"] {
            assert!(wrong.parse::<ReleaseId>().is_err(), "{wrong}");
        }
    }
}
