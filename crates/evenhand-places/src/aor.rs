//! Areas of responsibility that mean the same ground over time.

use evenhand_vocab::Aor;

/// An area, or the areas that are merged because their borders moved.
///
/// Harlingen was split off from San Antonio's ground (and study code merges Houston too), so a series that
/// crosses the split is comparable only for the three together. Every other area stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HarmonisedAor {
    code: &'static str,
    name: &'static str,
}

/// Codes of the areas that are merged: Harlingen, Houston, San Antonio.
pub const MERGED: [&str; 3] = ["HLG", "HOU", "SNA"];

/// The harmonised area that an area belongs to.
///
/// ```
/// use evenhand_places::harmonised;
/// assert_eq!(harmonised("SNA".parse()?), harmonised("HLG".parse()?));
/// assert_eq!(harmonised("HOU".parse()?).code(), "SNA+HOU+HLG");
/// assert_eq!(harmonised("DAL".parse()?).code(), "DAL");
/// # Ok::<(), evenhand_vocab::ParseError>(())
/// ```
#[must_use]
pub fn harmonised(aor: Aor) -> HarmonisedAor {
    if MERGED.contains(&aor.code()) {
        HarmonisedAor { code: "SNA+HOU+HLG", name: "San Antonio, Houston and Harlingen" }
    } else {
        HarmonisedAor { code: aor.code(), name: aor.name() }
    }
}

impl HarmonisedAor {
    /// The code: an area's own, or `SNA+HOU+HLG`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.code
    }

    /// The name in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The areas that it joins, in code order.
    pub fn members(self) -> impl Iterator<Item = Aor> {
        Aor::all().filter(move |&aor| harmonised(aor) == self)
    }

    /// Every harmonised area once, in the order of its first member.
    pub fn all() -> impl Iterator<Item = HarmonisedAor> {
        Aor::all()
            .map(harmonised)
            .enumerate()
            .filter(|&(at, area)| Aor::all().map(harmonised).position(|other| other == area) == Some(at))
            .map(|(_, area)| area)
    }
}

impl std::fmt::Display for HarmonisedAor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmonised_areas_partition_the_raw_ones() {
        let members: usize = HarmonisedAor::all().map(|area| area.members().count()).sum();
        assert_eq!(members, Aor::all().count());
        assert_eq!(HarmonisedAor::all().count(), Aor::all().count() - 2);
    }
}
