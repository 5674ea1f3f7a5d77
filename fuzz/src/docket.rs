//! Targets of `evenhand-docket`.

use evenhand_docket::{Docket, Expr, MAX_RULE_BYTES};

/// A claim file.
pub fn claim(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Docket::parse(text, "fuzzed.toml") {
        assert!(!error.to_string().is_empty(), "an error says something");
    }
}

/// A decision rule: what it prints as must read as the same rule.
pub fn rule(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(rule) = Expr::parse(text) {
        let printed = rule.to_string();
        // It has blanks around signs, and may be too long to be read as a rule.
        if printed.len() > MAX_RULE_BYTES {
            return;
        }
        let again = Expr::parse(&printed);
        assert_eq!(again.as_ref().map(ToString::to_string).ok(), Some(printed), "`{text}`");
    }
}
