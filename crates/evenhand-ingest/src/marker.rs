//! What a cell that holds no plain value says: nothing, withheld, coarsened, suppressed.
//!
//! Five states are kept apart and none of them is zero: blank, withheld, unreadable, an error cell, and
//! suppressed. The rule for withheld cells is one for all releases: after removing white space and lowering
//! case, the text is a run of exemption citations such as `(b)(6),(b)(7)(c)`, `b(6), b(7)c` or `(b)(7)e)`.

/// Whether a text is nothing but citations of FOIA exemptions.
///
/// ```
/// use evenhand_ingest::is_withheld;
/// assert!(is_withheld("(B)(6);(B)(7)(C) ") && is_withheld("b(6), b(7)c") && is_withheld("(b)(7)e)"));
/// assert!(!is_withheld("") && !is_withheld("BOSTON") && !is_withheld("287(g) Program"));
/// ```
#[must_use]
pub fn is_withheld(text: &str) -> bool {
    // Most texts are known from their first letter to cite nothing.
    if !text.trim_ascii_start().starts_with(['(', 'b', 'B']) {
        return false;
    }
    // The longest marker seen has 19 characters; a longer text is prose that cites an exemption.
    let mut rest = [0_u8; 64];
    let mut len = 0;
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let Some(slot) = rest.get_mut(len) else { return false };
        *slot = byte.to_ascii_lowercase();
        len = len.saturating_add(1);
    }
    let mut rest = rest.get(..len).unwrap_or_default();
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        match citation(rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

/// The text after one citation: `(b)` or `b`, a number in brackets, a letter with or without brackets, a
/// separator.
fn citation(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"(").unwrap_or(text).strip_prefix(b"b")?;
    let text = text.strip_prefix(b")").unwrap_or(text).strip_prefix(b"(")?;
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.get(digits..).filter(|_| digits > 0)?.strip_prefix(b")")?;
    let text = match text {
        // A `b` before a number opens the next citation.
        [b'(', b'b', b')', b'(', digit, ..] if digit.is_ascii_digit() => text,
        [b'b', b'(', ..] => text,
        [b'(', letter, b')', rest @ ..] if letter.is_ascii_alphabetic() => rest,
        [letter, b')', rest @ ..] | [letter, rest @ ..] if letter.is_ascii_alphabetic() => rest,
        rest => rest,
    };
    Some(text.strip_prefix(b",").or_else(|| text.strip_prefix(b";")).unwrap_or(text))
}

/// A value replaced by the maker of the public snapshot because it is rare.
pub(crate) fn is_coarsened(text: &str) -> bool {
    text.eq_ignore_ascii_case("[COARSENED]")
}

/// A count held back because it is small: `<5`, `*`.
pub(crate) fn is_suppressed(text: &str) -> bool {
    let text = text.trim();
    text == "*" || text.strip_prefix('<').is_some_and(|rest| rest.trim().parse::<u32>().is_ok())
}

/// An error of the spreadsheet that was saved as text: `#REF!`, `#N/A`.
pub(crate) fn is_error_text(text: &str) -> bool {
    ["#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"].contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_seen_in_a_release_is_withheld() {
        for marker in [
            "b(6), b(7)c",
            "b(6), b(7)C",
            "(b)(6), (b)(7)(C)",
            "(b)(6),(b)(7)(c)",
            "(b)(6)(b)(7)(c)",
            "b(6), b(7)(c)   ",
            "b(7)(e)",
            "(B)(3)",
            "(B)(6);(B)(7)(C) ",
            "(b)(6),(b)(7)c)",
            "(b)(7)e)",
            "b(6)b(7)(c)",
        ] {
            assert!(is_withheld(marker), "{marker}");
        }
    }

    #[test]
    fn words_are_values() {
        for value in ["", " ", "b", "(b)", "b()", "(b)(6) MEXICO", "NA", "BEXAR (6)", "B(6)!", "[COARSENED]"]
        {
            assert!(!is_withheld(value), "{value}");
        }
        assert!(!is_withheld(&"(b)(6),".repeat(40)), "prose length");
    }

    #[test]
    fn suppressed_counts_are_not_zero_and_not_withheld() {
        assert!(is_suppressed("<5") && is_suppressed("*") && is_suppressed(" < 11 "));
        assert!(!is_suppressed("5") && !is_suppressed("<") && !is_suppressed("<five"));
    }
}
