//! States and territories: postal code, FIPS code, name.

/// Postal code, two-digit FIPS code and name of the 50 states, the District and four territories, in FIPS order.
pub const STATES: [(&str, &str, &str); 55] = [
    ("AL", "01", "Alabama"),
    ("AK", "02", "Alaska"),
    ("AZ", "04", "Arizona"),
    ("AR", "05", "Arkansas"),
    ("CA", "06", "California"),
    ("CO", "08", "Colorado"),
    ("CT", "09", "Connecticut"),
    ("DE", "10", "Delaware"),
    ("DC", "11", "District of Columbia"),
    ("FL", "12", "Florida"),
    ("GA", "13", "Georgia"),
    ("HI", "15", "Hawaii"),
    ("ID", "16", "Idaho"),
    ("IL", "17", "Illinois"),
    ("IN", "18", "Indiana"),
    ("IA", "19", "Iowa"),
    ("KS", "20", "Kansas"),
    ("KY", "21", "Kentucky"),
    ("LA", "22", "Louisiana"),
    ("ME", "23", "Maine"),
    ("MD", "24", "Maryland"),
    ("MA", "25", "Massachusetts"),
    ("MI", "26", "Michigan"),
    ("MN", "27", "Minnesota"),
    ("MS", "28", "Mississippi"),
    ("MO", "29", "Missouri"),
    ("MT", "30", "Montana"),
    ("NE", "31", "Nebraska"),
    ("NV", "32", "Nevada"),
    ("NH", "33", "New Hampshire"),
    ("NJ", "34", "New Jersey"),
    ("NM", "35", "New Mexico"),
    ("NY", "36", "New York"),
    ("NC", "37", "North Carolina"),
    ("ND", "38", "North Dakota"),
    ("OH", "39", "Ohio"),
    ("OK", "40", "Oklahoma"),
    ("OR", "41", "Oregon"),
    ("PA", "42", "Pennsylvania"),
    ("RI", "44", "Rhode Island"),
    ("SC", "45", "South Carolina"),
    ("SD", "46", "South Dakota"),
    ("TN", "47", "Tennessee"),
    ("TX", "48", "Texas"),
    ("UT", "49", "Utah"),
    ("VT", "50", "Vermont"),
    ("VA", "51", "Virginia"),
    ("WA", "53", "Washington"),
    ("WV", "54", "West Virginia"),
    ("WI", "55", "Wisconsin"),
    ("WY", "56", "Wyoming"),
    ("GU", "66", "Guam"),
    ("MP", "69", "Northern Mariana Islands"),
    ("PR", "72", "Puerto Rico"),
    ("VI", "78", "Virgin Islands"),
];

/// The postal code of a state written in full or as a postal code, in any case.
///
/// ```
/// assert_eq!(evenhand_places::postal("Texas"), Some("TX"));
/// assert_eq!(evenhand_places::postal("tx"), Some("TX"));
/// assert_eq!(evenhand_places::postal("Tejas"), None);
/// ```
#[must_use]
pub fn postal(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let text = if text.eq_ignore_ascii_case("United States Virgin Islands") { "VI" } else { text };
    let text =
        if text.eq_ignore_ascii_case("Commonwealth of the Northern Mariana Islands") { "MP" } else { text };
    STATES
        .iter()
        .find(|(code, _, name)| code.eq_ignore_ascii_case(text) || name.eq_ignore_ascii_case(text))
        .map(|(code, _, _)| *code)
}

/// The postal code of the state whose two-digit FIPS code starts `fips`.
pub(crate) fn postal_of_fips(fips: &str) -> Option<&'static str> {
    STATES.iter().find(|(_, code, _)| fips.starts_with(code)).map(|(postal, _, _)| *postal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_stand_in_fips_order_without_repeats() {
        assert!(STATES.windows(2).all(|pair| pair[0].1 < pair[1].1));
        assert_eq!(postal_of_fips("72021"), Some("PR"));
        assert_eq!(postal_of_fips("03"), None);
    }
}
