//! Numbers as tables write them.

/// Powers of ten that a double holds exactly.
const EXACT: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// Whether a cell says that its value is not known.
pub fn is_missing(cell: &[u8]) -> bool {
    matches!(
        cell,
        b"" | b"." | b"NA" | b"N/A" | b"n/a" | b"na" | b"NaN" | b"nan" | b"NAN" | b"null" | b"NULL" | b"None"
    )
}

/// The number that a cell holds, blanks around it aside; `None` when it holds something else.
pub fn number_from_text(cell: &[u8]) -> Option<f64> {
    let cell = cell.trim_ascii();
    short(cell).or_else(|| {
        // The standard parser also takes `inf` and `nan`, which are no values of a table.
        let digit = cell.iter().any(u8::is_ascii_digit);
        let text = std::str::from_utf8(cell).ok().filter(|_| digit)?;
        text.parse::<f64>().ok().filter(|value| value.is_finite())
    })
}

/// Up to fifteen digits with a point: both parts are exact doubles, so their quotient is rounded once, which is the
/// nearest double. Everything else is left to the standard parser.
fn short(cell: &[u8]) -> Option<f64> {
    let (negative, digits) = match cell {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, cell),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut whole, mut seen, mut point) = (0u64, 0usize, None);
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                whole = whole * 10 + u64::from(byte - b'0');
                seen += 1;
            }
            b'.' if point.is_none() => point = Some(seen),
            _ => return None,
        }
    }
    if seen == 0 || seen > 15 {
        return None;
    }
    let value = whole as f64 / EXACT[seen - point.unwrap_or(seen)];
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_number_gives_the_nearest_double() {
        for text in [
            "0",
            "-0",
            "7",
            "-12.5",
            "0.1",
            "123456789012345",
            "0.000000000000001",
            "1234567.890625",
            "1e5",
            "-2.5E-3",
            "+4",
            "3.141592653589793238",
            "9007199254740993",
            ".5",
            "5.",
            "5.2983173665480365",
            "1e-320",
        ] {
            let expected: f64 = text.parse().unwrap();
            let found = number_from_text(text.as_bytes()).unwrap();
            assert_eq!(found.to_bits(), expected.to_bits(), "{text}");
        }
        assert_eq!(number_from_text(b" 12 "), Some(12.0));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "abc", "1,000", "1.2.3", "inf", "NaN", "1e999", "12 3"] {
            assert_eq!(number_from_text(text.as_bytes()), None, "{text}");
        }
    }
}
