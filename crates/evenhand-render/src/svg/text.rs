//! How wide a text will be, without a font: tables of a common sans serif, on the generous side.

/// Size of chart text, in units.
pub const SIZE: f64 = 12.0;

/// Width of a text at `size`.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    let ems: f64 = text.chars().map(ems).sum();
    0.96 * ems * size * if bold { 1.07 } else { 1.0 }
}

/// Cut to fit `most`, with an ellipsis where something is lost.
pub fn fit(text: &str, size: f64, bold: bool, most: f64) -> String {
    if width(text, size, bold) <= most {
        return text.to_owned();
    }
    let mut cut = String::new();
    for letter in text.chars() {
        cut.push(letter);
        if width(&cut, size, bold) + size * 0.9 > most {
            cut.pop();
            break;
        }
    }
    format!("{}\u{2026}", cut.trim_end())
}

/// Ems that a character advances.
fn ems(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '\'' | '|' | '.' | ',' | ':' | ';' | '!' | 'I' => 0.29,
        'f' | 't' | 'r' | ' ' | '(' | ')' | '[' | ']' | '/' | '-' | '"' | '\u{b7}' => 0.35,
        'm' | 'M' | 'W' | '%' | '@' => 0.9,
        'w' | 'G' | 'O' | 'Q' | 'D' | 'C' | 'H' | 'N' | 'U' | 'R' => 0.76,
        'A'..='Z' | '&' => 0.69,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' => 0.53,
        '0'..='9' | 'a'..='z' | '$' | '?' => 0.585,
        _ if letter.is_ascii() => 0.6,
        '\u{2212}' | '\u{2013}' | '\u{d7}' | '\u{b1}' => 0.6,
        _ if crate::terminal::columns(letter) == 0 => 0.0,
        _ if crate::terminal::columns(letter) == 2 => 1.05,
        _ => 0.75,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_where_it_must_be() {
        assert!(fit("Harlingen, San Antonio and Houston", 12.0, false, 90.0).ends_with('\u{2026}'));
        assert_eq!(fit("Austin", 12.0, false, 90.0), "Austin");
    }
}
