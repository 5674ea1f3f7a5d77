//! Numbers as people read them: thousands set off, no more digits than they carry.

/// The sign that typesetters use; programs and terminals get a hyphen.
const MINUS: char = '\u{2212}';

/// A number with `decimals` digits after the point and its thousands set off.
///
/// ```
/// use evenhand_render::number::fixed;
/// assert_eq!(fixed(1_215_000.0, 0), "1,215,000");
/// assert_eq!(fixed(-2.36, 1), "\u{2212}2.4");
/// assert_eq!(fixed(-0.04, 1), "0.0");
/// ```
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "not known".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "\u{221e}".to_owned() } else { format!("{MINUS}\u{221e}") };
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let mut out = String::new();
    if value < 0.0 && text.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0') {
        out.push(MINUS);
    }
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A number with the digits that matter: whole numbers whole, else about three significant digits.
///
/// ```
/// use evenhand_render::number::short;
/// assert_eq!(short(142.0), "142");
/// assert_eq!(short(10.946), "10.9");
/// assert_eq!(short(0.04217), "0.0422");
/// assert_eq!(short(1_038.4), "1,038");
/// ```
#[must_use]
pub fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || (value - value.round()).abs() < 1e-9 || size >= 100.0 {
        return fixed(value, 0);
    }
    let decimals = if size >= 10.0 {
        1
    } else if size >= 1.0 {
        2
    } else {
        // Three digits after the leading zeros; at most six, so that noise around zero stays short.
        (2 - size.log10().floor() as i32).clamp(2, 6) as usize
    };
    trim(fixed(value, decimals))
}

/// A change on the log scale as a percentage: `+25%`, `−20%`.
///
/// ```
/// use evenhand_render::number::percent_change;
/// assert_eq!(percent_change(0.2231), "+25%");
/// assert_eq!(percent_change(-0.2231), "\u{2212}20%");
/// ```
#[must_use]
pub fn percent_change(ln_ratio: f64) -> String {
    if ln_ratio == f64::NEG_INFINITY {
        return format!("{MINUS}100%");
    }
    if !ln_ratio.is_finite() {
        return fixed(ln_ratio, 0);
    }
    let percent = 100.0 * ln_ratio.exp_m1();
    let text = fixed(percent, 0);
    if text == "0" || text.starts_with(MINUS) { format!("{text}%") } else { format!("+{text}%") }
}

/// The same text with a hyphen for the minus sign, for terminals and programs.
#[must_use]
pub fn ascii(text: &str) -> String {
    text.replace(MINUS, "-").replace('\u{221e}', "inf")
}

/// Without zeros at the end of a fraction.
pub(crate) fn trim(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_that_are_not_numbers_are_words_or_signs() {
        assert_eq!(fixed(f64::NAN, 1), "not known");
        assert_eq!(short(f64::INFINITY), "\u{221e}");
        assert_eq!(ascii(&short(f64::NEG_INFINITY)), "-inf");
        assert_eq!(percent_change(f64::NEG_INFINITY), "\u{2212}100%");
    }

    #[test]
    fn small_numbers_keep_three_digits() {
        assert_eq!(short(0.5), "0.5");
        assert_eq!(short(-1.3333), "\u{2212}1.33");
        assert_eq!(short(0.000_000_12), "0");
    }
}
