//! Custodial or at large: what an apprehension method says about where the person was.
//!
//! Methods are grouped by definition, not by guess; the defaults are those of methods/1, section 2.3,
//! which match two independent replication codes of 2026. The grouping has a version, [`MAPPING`], that
//! every figure built on it carries.

/// Version of the grouping below.
pub const MAPPING: &str = "setting/1";

/// Where the person was when arrested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArrestSetting {
    /// Taken over from the custody of another agency.
    Custodial,
    /// In the community (standard definition).
    AtLarge,
    /// Neither: inspections, transport checks, boat patrol and methods not known to the mapping.
    Unknown,
}

/// Definitions of an at-large arrest, the axis `atlarge` of the multiverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AtLarge {
    /// Non-Custodial Arrest only.
    Narrow,
    /// Located, Non-Custodial Arrest, Worksite Enforcement.
    Standard,
    /// All that is not custodial, reprocessed arrests excluded.
    Wide,
}

/// Apprehension methods in the groups that measures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MethodGroup {
    /// `CAP Local Incarceration`: the outcome that a county policy acts on.
    LocalJail,
    /// `CAP State` and `CAP Federal Incarceration`: the built-in placebo of a county policy.
    Prison,
    /// `287(g) Program`.
    Agreement287g,
    /// `ERO Reprocessed Arrest`: a custody event, not a new arrest in the community.
    Reprocessed,
    /// The other custodial methods.
    OtherCustodial,
    /// `Non-Custodial Arrest`.
    NonCustodial,
    /// `Located`.
    Located,
    /// `Worksite Enforcement`.
    Worksite,
    /// The rest: inspections, transport checks, boat patrol, other efforts.
    Other,
}

/// Custodial methods that have no group of their own.
const OTHER_CUSTODIAL: [&str; 10] = [
    "anti-smuggling",
    "criminal alien program",
    "custodial arrest",
    "law enforcement agency response unit",
    "organized crime drug enforcement task force",
    "other agency (turned over to ins)",
    "other task force",
    "probation and parole",
    "patrol border",
    "patrol interior",
];

impl MethodGroup {
    /// Every group, custodial ones first.
    pub const ALL: [Self; 9] = [
        Self::LocalJail,
        Self::Prison,
        Self::Agreement287g,
        Self::Reprocessed,
        Self::OtherCustodial,
        Self::NonCustodial,
        Self::Located,
        Self::Worksite,
        Self::Other,
    ];

    /// The group of a method as released; letter case and doubled blanks do not matter, and a method cut
    /// short in one release (`...Task Force` as `...Tas`) is recognised. A method that the mapping does not
    /// know falls into [`MethodGroup::Other`], never silently into a setting.
    ///
    /// ```
    /// use evenhand_vocab::MethodGroup;
    /// assert_eq!(MethodGroup::of("CAP Local Incarceration"), MethodGroup::LocalJail);
    /// assert_eq!(MethodGroup::of("Non-Custodial  arrest "), MethodGroup::NonCustodial);
    /// ```
    #[must_use]
    pub fn of(method: &str) -> Self {
        let squeezed = method.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        match squeezed.as_str() {
            "cap local incarceration" => Self::LocalJail,
            "cap state incarceration" | "cap federal incarceration" => Self::Prison,
            "287(g) program" => Self::Agreement287g,
            "ero reprocessed arrest" => Self::Reprocessed,
            "non-custodial arrest" => Self::NonCustodial,
            "located" => Self::Located,
            "worksite enforcement" => Self::Worksite,
            "organized crime drug enforcement tas" => Self::OtherCustodial,
            other if OTHER_CUSTODIAL.contains(&other) => Self::OtherCustodial,
            _ => Self::Other,
        }
    }

    /// The name of the group in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::LocalJail => "local_jail",
            Self::Prison => "prison",
            Self::Agreement287g => "agreement_287g",
            Self::Reprocessed => "reprocessed",
            Self::OtherCustodial => "other_custodial",
            Self::NonCustodial => "non_custodial",
            Self::Located => "located",
            Self::Worksite => "worksite",
            Self::Other => "other",
        }
    }

    /// Setting under the standard definition.
    #[must_use]
    pub fn setting(self) -> ArrestSetting {
        match self {
            Self::LocalJail
            | Self::Prison
            | Self::Agreement287g
            | Self::Reprocessed
            | Self::OtherCustodial => ArrestSetting::Custodial,
            Self::NonCustodial | Self::Located | Self::Worksite => ArrestSetting::AtLarge,
            Self::Other => ArrestSetting::Unknown,
        }
    }

    /// Whether the group counts as at large under a definition.
    #[must_use]
    pub fn is_at_large(self, definition: AtLarge) -> bool {
        match definition {
            AtLarge::Narrow => self == Self::NonCustodial,
            AtLarge::Standard => self.setting() == ArrestSetting::AtLarge,
            AtLarge::Wide => self.setting() != ArrestSetting::Custodial,
        }
    }
}

impl std::str::FromStr for MethodGroup {
    type Err = crate::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|group| group.word() == text)
            .ok_or_else(|| crate::ParseError::new("a group of apprehension methods", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_large_definitions_are_nested() {
        for group in MethodGroup::ALL {
            assert!(!group.is_at_large(AtLarge::Narrow) || group.is_at_large(AtLarge::Standard));
            assert!(!group.is_at_large(AtLarge::Standard) || group.is_at_large(AtLarge::Wide));
            assert_eq!(group.word().parse(), Ok(group));
        }
        assert!(!MethodGroup::Reprocessed.is_at_large(AtLarge::Wide));
    }

    #[test]
    fn an_unknown_method_has_no_setting() {
        assert_eq!(MethodGroup::of("Drone Patrol").setting(), ArrestSetting::Unknown);
    }
}
