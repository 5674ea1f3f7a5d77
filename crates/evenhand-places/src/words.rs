//! How free text is cut into words, so that spellings of one name meet.

use std::borrow::Cow;

/// One word of a released text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word as written, upper case.
    pub raw: String,
    /// The word with common short forms written out, so that `CTR` meets `CENTER`.
    pub full: String,
    /// A comma, dash, bracket or slash (or the start of the text) stands before it.
    pub break_before: bool,
    /// A comma, dash, bracket or slash (or the end of the text) stands after it.
    pub break_after: bool,
}

/// Removes white space at both ends, squeezes runs of it to one blank, and writes capitals.
///
/// ```
/// assert_eq!(evenhand_places::squeeze("  Dal  County jail "), "DAL COUNTY JAIL");
/// ```
#[must_use]
pub fn squeeze(text: &str) -> Cow<'_, str> {
    let is_squeezed = !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && !text.contains("  ")
        && !text.contains(|letter: char| letter.is_lowercase() || (letter.is_whitespace() && letter != ' '));
    if is_squeezed {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word.to_uppercase());
    }
    Cow::Owned(out)
}

/// The words of a text. Apostrophes vanish, `U.S.` is one word, agency codes such as `TX1630000` are dropped.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    let mut current = String::new();
    let mut letters_since_dot = 0;
    let mut broken = true;
    let letters: Vec<char> = text.to_uppercase().chars().map(plain).collect();
    for (at, &letter) in letters.iter().enumerate() {
        let next = letters.get(at + 1).copied().unwrap_or(' ');
        let after_next = letters.get(at + 2).copied().unwrap_or(' ');
        match letter {
            '\'' | '`' | '\u{2019}' => {}
            '.' if letters_since_dot == 1 && next.is_alphabetic() && !after_next.is_alphanumeric() => {
                letters_since_dot = 0
            }
            _ if letter.is_alphanumeric() => {
                current.push(letter);
                letters_since_dot += 1;
            }
            _ => {
                push_word(&mut out, &mut current, &mut broken);
                letters_since_dot = 0;
                broken |= !(letter.is_whitespace() || letter == '.' || letter == '&');
                if broken && let Some(last) = out.last_mut() {
                    last.break_after = true;
                }
            }
        }
    }
    push_word(&mut out, &mut current, &mut broken);
    if let Some(last) = out.last_mut() {
        last.break_after = true;
    }
    out
}

fn push_word(out: &mut Vec<Word>, current: &mut String, broken: &mut bool) {
    if current.is_empty() {
        return;
    }
    let raw = std::mem::take(current);
    if is_agency_code(&raw) || raw == "TXN" || raw == "TXSPD0000" {
        *broken = true;
        return;
    }
    out.push(Word { full: written_out(&raw).to_owned(), raw, break_before: *broken, break_after: false });
    *broken = false;
}

/// Two letters and at least four digits: the number that a state gives a police agency.
fn is_agency_code(word: &str) -> bool {
    word.len() >= 6
        && word.chars().take(2).all(|letter| letter.is_ascii_alphabetic())
        && word.chars().skip(2).all(|letter| letter.is_ascii_digit())
}

/// The letters joined, with short forms written out: `ST. CLAIR`, `Saint Clair` and `STCLAIR` are one key.
pub(crate) fn key(text: &str) -> String {
    words(text).iter().map(|word| word.full.as_str()).collect()
}

fn written_out(word: &str) -> &str {
    match word {
        "CTR" | "CNTR" | "CENT" | "CENTRE" | "CEN" => "CENTER",
        "DET" | "DETEN" => "DETENTION",
        "CORR" | "CORREC" | "CORRECTION" | "CORRECTIONS" | "CORRECT" | "CORRECTIO" | "CORRETIONS" => {
            "CORRECTIONAL"
        }
        "DEPT" | "DEP" | "DPT" | "DEPARMENT" | "DEPARTENT" | "DEPARTMETN" => "DEPARTMENT",
        "INST" | "INSTITUTE" | "INSTITUTIONS" => "INSTITUTION",
        "FAC" | "FACIL" | "FACT" | "FACTY" => "FACILITY",
        "SAINT" => "ST",
        "SAINTE" => "STE",
        "FT" => "FORT",
        "MT" => "MOUNT",
        "SHERIFFS" | "SHERRIFS" | "SHERRIFF" | "SHRF" | "SHERIF" => "SHERIFF",
        "TWP" => "TOWNSHIP",
        "FED" => "FEDERAL",
        "PD" => "POLICE",
        "CNTY" | "CTY" | "COUTY" | "COUNT" | "COUNTYY" => "COUNTY",
        "PARRISH" => "PARISH",
        "PEN" | "PENITENT" => "PENITENTIARY",
        "REG" => "REGIONAL",
        other => other,
    }
}

fn plain(letter: char) -> char {
    match letter {
        'Á' | 'À' | 'Â' | 'Ã' | 'Ä' => 'A',
        'É' | 'È' | 'Ê' | 'Ë' => 'E',
        'Í' | 'Ì' | 'Î' | 'Ï' => 'I',
        'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ö' => 'O',
        'Ú' | 'Ù' | 'Û' | 'Ü' => 'U',
        'Ñ' => 'N',
        other => other,
    }
}

/// Whether one letter more, one fewer, one other, or two neighbours swapped turn one word into the other.
pub(crate) fn one_letter_off(left: &str, right: &str) -> bool {
    let (short, long) = if left.len() <= right.len() {
        (left.as_bytes(), right.as_bytes())
    } else {
        (right.as_bytes(), left.as_bytes())
    };
    let same_start = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let rest = |skip_short: usize, skip_long: usize| {
        short.get(same_start + skip_short..) == long.get(same_start + skip_long..)
            && same_start + skip_long <= long.len()
    };
    match long.len() - short.len() {
        0 => {
            same_start < short.len()
                && (rest(1, 1)
                    || (same_start + 1 < short.len()
                        && short[same_start] == long[same_start + 1]
                        && short[same_start + 1] == long[same_start]
                        && rest(2, 2)))
        }
        1 => rest(0, 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(text).iter().map(|word| word.raw.as_str()).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn words_keep_initials_together_and_drop_agency_codes() {
        check("U.S. MARSHAL SERVICE, AUSTIN", &["US", "MARSHAL", "SERVICE", "AUSTIN"]);
        check("S.C.I BAYSIDE", &["SCI", "BAYSIDE"]);
        check("D. RAY JAMES", &["D", "RAY", "JAMES"]);
        check("MEDINA COUNTY JAIL - TX - TX1630000", &["MEDINA", "COUNTY", "JAIL", "TX"]);
        check("PRINCE GEORGE'S COUNTY", &["PRINCE", "GEORGES", "COUNTY"]);
        check("LAW ENF.CTR", &["LAW", "ENF", "CTR"]);
    }

    #[test]
    fn breaks_are_remembered_on_both_sides() {
        let found = words("TROY, MI (CITY)");
        assert_eq!(found.iter().map(|word| word.break_before).collect::<Vec<_>>(), [true, true, true]);
        assert_eq!(found.iter().map(|word| word.break_after).collect::<Vec<_>>(), [true, true, true]);
        assert!(!words("LOS ANGELES")[1].break_before);
    }

    #[test]
    fn one_letter_off_is_one_edit_and_not_none() {
        for (left, right) in [
            ("DELEWARE", "DELAWARE"),
            ("HAMBLIN", "HAMBLEN"),
            ("MARSHAL", "MARSHALL"),
            ("FAIRFEILD", "FAIRFIELD"),
        ] {
            assert!(one_letter_off(left, right) && one_letter_off(right, left), "{left} {right}");
        }
        for (left, right) in [("COOK", "COOK"), ("MARION", "MARTINS"), ("ABCD", "BADC")] {
            assert!(!one_letter_off(left, right), "{left} {right}");
        }
    }

    #[test]
    fn squeezed_text_is_borrowed() {
        assert!(matches!(squeeze("DAL COUNTY JAIL"), Cow::Borrowed(_)));
        assert_eq!(squeeze(" a\tb "), "A B");
        assert_eq!(squeeze(""), "");
    }
}
