//! Serial numbers and texts of spreadsheets into days and seconds.

/// What a cell's number format makes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    /// A number, a share, an amount, a duration.
    #[default]
    Number,
    /// A day or a time of day.
    Date,
}

/// The format of a built-in number.
pub(crate) fn built_in(id: u32) -> Format {
    // 27 to 36 and 50 to 58 are the dates of East Asian versions.
    match id {
        14..=22 | 27..=36 | 45 | 47 | 50..=58 => Format::Date,
        _ => Format::Number,
    }
}

/// The format of a code such as `yyyy\-mm\-dd` or `[$-409]h:mm AM/PM`: letters of dates count unless they are
/// quoted, escaped or in brackets. Only the first section counts; it is the one for positive numbers.
pub(crate) fn of_code(code: &str) -> Format {
    let mut letters = code.chars();
    while let Some(letter) = letters.next() {
        match letter {
            // The next letter is shown as it is, or as wide, or repeated.
            '\\' | '_' | '*' => {
                letters.next();
            }
            '"' => {
                letters.by_ref().find(|letter| *letter == '"');
            }
            '[' => {
                let inside: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                let inside = inside.to_ascii_lowercase();
                let elapsed = |unit: char| !inside.is_empty() && inside.chars().all(|letter| letter == unit);
                if ['h', 'm', 's'].into_iter().any(elapsed) {
                    // Elapsed hours are a duration, not a time of day.
                    return Format::Number;
                }
            }
            ';' => return Format::Number,
            // `General` and `Red` outside brackets hold such letters, too.
            'G' | 'g'
                if letters.as_str().get(..6).is_some_and(|rest| rest.eq_ignore_ascii_case("eneral")) =>
            {
                letters.nth(5);
            }
            'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' => return Format::Date,
            _ => {}
        }
    }
    Format::Number
}

/// Days from 1970-01-01 and second of the day of a serial number, if it means a day.
///
/// The 60th day of the 1900 calendar, 1900-02-29, never was. Fractions of a second are left out, after rounding
/// to milliseconds, which undoes what binary fractions add.
///
/// ```
/// use evenhand_workbook::moment_from_serial;
/// assert_eq!(moment_from_serial(25_569.5, false), Some((0, 43_200)));
/// assert_eq!(moment_from_serial(60.0, false), None);
/// ```
#[must_use]
pub fn moment(serial: f64, is_1904: bool) -> Option<(i32, u32)> {
    // 9999-12-31, the last day of a spreadsheet.
    if !(0.0..2_958_466.0).contains(&serial) {
        return None;
    }
    // Whole numbers in a register: rounding them as floating ones is a call on many processors.
    let mut day = serial as i32;
    let milliseconds = (serial - f64::from(day)) * 86_400_000.0;
    let whole = milliseconds as u32;
    let mut milliseconds = whole + u32::from(milliseconds - f64::from(whole) >= 0.5);
    if milliseconds >= 86_400_000 {
        (day, milliseconds) = (day + 1, 0);
    }
    let day = match (is_1904, day) {
        (true, day) => day - 24_107,
        (false, 60) => return None,
        (false, 0..60) => day - 25_568,
        (false, _) => day - 25_569,
    };
    Some((day, milliseconds / 1000))
}

/// Days from 1970-01-01 and second of the day of `2024-01-02T03:04:05.6Z`; the time may be left out.
pub(crate) fn from_iso(text: &str) -> Option<(i32, u32)> {
    let text = text.trim_ascii().as_bytes();
    let (date, time) = match text.iter().position(|byte| matches!(byte, b'T' | b' ')) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, b"".as_slice()),
    };
    let [a, b, c, d, b'-', e, f, b'-', g, h] = date else { return None };
    let year = number(&[*a, *b, *c, *d])?;
    let day = days_from_civil(year, number(&[*e, *f])?, number(&[*g, *h])?)?;
    let time = time.strip_suffix(b"Z").unwrap_or(time);
    let (time, fraction) = match time.iter().position(|byte| *byte == b'.') {
        Some(at) => (time.get(..at)?, time.get(at + 1..)?),
        None => (time, b"".as_slice()),
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (hour, minute, second) = match time {
        [] if fraction.is_empty() => (0, 0, 0),
        [a, b, b':', c, d] => (number(&[*a, *b])?, number(&[*c, *d])?, 0),
        [a, b, b':', c, d, b':', e, f] => (number(&[*a, *b])?, number(&[*c, *d])?, number(&[*e, *f])?),
        _ => return None,
    };
    let fits = hour < 24 && minute < 60 && second < 60;
    fits.then_some((day, u32::try_from((hour * 60 + minute) * 60 + second).ok()?))
}

fn number(digits: &[u8]) -> Option<i32> {
    let digit = |value: i32, byte: &u8| byte.is_ascii_digit().then(|| value * 10 + i32::from(byte - b'0'));
    digits.iter().try_fold(0, digit)
}

fn days_from_civil(year: i32, month: i32, day: i32) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i32::from(leap),
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day comes last.
    let year = year - i32::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_dates_are_told_from_others() {
        for code in
            ["yyyy-mm-dd", "m/d/yy h:mm", "[$-409]h:mm\\ AM/PM;@", "[Red]d", "\"on \"d", "mmm\\-yy", "_(d"]
        {
            assert_eq!(of_code(code), Format::Date, "{code}");
        }
        for code in [
            "General",
            "0.00",
            "#,##0",
            "[Red]0",
            "\"day\"0",
            "0\\d",
            "[h]:mm:ss",
            "[mm]",
            "0;d",
            "@",
            "",
            "_d0",
            "*d0",
            "[$USD] 0",
            "[$-409",
        ] {
            assert_eq!(of_code(code), Format::Number, "{code}");
        }
    }

    #[test]
    fn serial_numbers_are_days_but_for_the_one_that_never_was() {
        assert_eq!(moment(1.0, false), Some((-25_567, 0)));
        assert_eq!(moment(59.0, false), from_iso("1900-02-28"));
        assert_eq!(moment(60.0, false), None);
        assert_eq!(moment(60.9, false), None);
        assert_eq!(moment(61.0, false), from_iso("1900-03-01"));
        assert_eq!(moment(45_292.631_944_444_444, false), from_iso("2024-01-01T15:10"));
        assert_eq!(moment(45_292.999_999_999, false), from_iso("2024-01-02"));
        assert_eq!(moment(0.0, true), from_iso("1904-01-01"));
        assert_eq!(moment(43_830.5, true), from_iso("2024-01-01T12:00:00"));
        assert_eq!(moment(2_958_465.0, false), from_iso("9999-12-31"));
        for serial in [-1.0, 2_958_466.0, f64::NAN, f64::INFINITY] {
            assert_eq!(moment(serial, false), None, "{serial}");
        }
    }

    #[test]
    fn every_second_of_a_day_survives_its_fraction() {
        for second in 0..86_400 {
            let serial = 45_000.0 + f64::from(second) / 86_400.0;
            assert_eq!(moment(serial, false), Some((19_431, second)));
        }
    }

    #[test]
    fn iso_texts_are_days_or_nothing() {
        assert_eq!(from_iso("2024-02-29T23:59:59.999Z"), Some((19_782, 86_399)));
        for text in
            ["", "2023-02-29", "2024-1-1", "2024-01-01T24:00:00", "T10:00", "2024-01-01T1", "é024-01-01"]
        {
            assert_eq!(from_iso(text), None, "{text}");
        }
    }
}
