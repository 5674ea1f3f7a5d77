//! Dates as released: `10/1/2015`, `10/01/2015 03:10 PM`, `2015-10-01 15:10`, into days from 1970-01-01 and
//! seconds of the day.

/// First day that a released date can plausibly name, 1900-01-01, and the first that it cannot, 2101-01-01,
/// in days from 1970-01-01. The serial calendar of spreadsheets starts at the first.
pub(crate) const PLAUSIBLE: std::ops::Range<i32> = -25_567..47_847;

/// Days from 1970-01-01 of a date written as text; a time of day after it is accepted and left out.
///
/// ```
/// use evenhand_ingest::days_from_text;
/// assert_eq!(days_from_text(b"1/2/1970"), Some(1));
/// assert_eq!(days_from_text(b"1970-01-02T00:00:00"), Some(1));
/// assert_eq!(days_from_text(b"2/30/2017"), None);
/// ```
#[must_use]
#[inline]
pub fn days_from_text(text: &[u8]) -> Option<i32> {
    match *text {
        // The forms that released rows have by the million.
        [m, b'/', d, b'/', a, b, c, e] => bare([b'0', m, b'0', d], [a, b, c, e]),
        [m, b'/', d, f, b'/', a, b, c, e] => bare([b'0', m, d, f], [a, b, c, e]),
        [m, n, b'/', d, b'/', a, b, c, e] => bare([m, n, b'0', d], [a, b, c, e]),
        [m, n, b'/', d, f, b'/', a, b, c, e] => bare([m, n, d, f], [a, b, c, e]),
        [a, b, c, e, b'-', m, n, b'-', d, f] => bare([m, n, d, f], [a, b, c, e]),
        _ => days_from_any_text(text),
    }
}

/// A month and a day of two digits each and a year of four.
#[inline]
fn bare(month_day: [u8; 4], year: [u8; 4]) -> Option<i32> {
    let digit = |byte: u8| i32::from(byte.wrapping_sub(b'0'));
    let two = |tens: u8, ones: u8| digit(tens) * 10 + digit(ones);
    let [m, n, d, f] = month_day;
    let [a, b, c, e] = year;
    let all_digits = month_day.iter().chain(&year).all(u8::is_ascii_digit);
    if !all_digits {
        return None;
    }
    days_from_civil(two(a, b) * 100 + two(c, e), two(m, n), two(d, f))
}

fn days_from_any_text(text: &[u8]) -> Option<i32> {
    let (date, rest) = date_and_rest(text, false)?;
    is_time(rest).then_some(date)
}

/// The day that a text names and the second of that day, 0 where it names no time, `None` where the time cannot
/// be read.
///
/// With `two_digit_years`, `10/1/15` is a day of 2015.
#[inline]
pub(crate) fn moment_from_text(text: &[u8], two_digit_years: bool) -> Option<(i32, Option<u32>)> {
    if let Some(day) = days_from_text(text).filter(|_| text.len() <= 10) {
        return Some((day, Some(0)));
    }
    let (date, rest) = date_and_rest(text, two_digit_years)?;
    is_time(rest).then(|| (date, second_of_day(rest)))
}

/// A date at the start of a text, and what follows it.
fn date_and_rest(text: &[u8], two_digit_years: bool) -> Option<(i32, &[u8])> {
    let text = text.trim_ascii();
    let (first, rest) = number(text)?;
    let (&separator, rest) = rest.split_first()?;
    let (second, rest) = number(rest)?;
    let rest = rest.strip_prefix(&[separator])?;
    let (third, rest) = number(rest)?;
    let date = match (separator, first, second, third) {
        (b'/', (month, 1..=2), (day, 1..=2), (year, 4)) => days_from_civil(year, month, day),
        (b'/', (month, 1..=2), (day, 1..=2), (year, 2)) if two_digit_years => {
            days_from_civil(year + 2000, month, day)
        }
        (b'-', (year, 4), (month, 1..=2), (day, 1..=2)) => days_from_civil(year, month, day),
        _ => None,
    }?;
    Some((date, rest))
}

/// The second of the day that `03:10 PM`, `15:10` or `15:10:00.000` names; 0 for nothing.
fn second_of_day(text: &[u8]) -> Option<u32> {
    let text = text.strip_prefix(b"T").unwrap_or(text).trim_ascii();
    if text.is_empty() {
        return Some(0);
    }
    let half = |word: &[u8]| text.len() > 2 && text.to_ascii_uppercase().ends_with(word);
    let (afternoon, morning) = (half(b"PM"), half(b"AM"));
    let end = if afternoon || morning { text.len() - 2 } else { text.len() };
    let clock = text.get(..end)?.trim_ascii();
    let clock = clock.strip_suffix(b"Z").unwrap_or(clock);
    let mut parts = [0_u32; 3];
    for (at, part) in clock.split(|byte| *byte == b':').enumerate() {
        let whole = part.split(|byte| *byte == b'.').next().filter(|whole| (1..=2).contains(&whole.len()))?;
        *parts.get_mut(at)? = std::str::from_utf8(whole).ok()?.parse().ok()?;
    }
    let [hour, minute, second] = parts;
    let hour = match (hour, afternoon || morning) {
        (1..=12, true) => hour % 12 + if afternoon { 12 } else { 0 },
        (0..=23, false) => hour,
        // `15:10 PM` is written, too.
        (13..=23, true) if afternoon => hour,
        (0, true) if morning => 0,
        _ => return None,
    };
    (minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Days from 1970-01-01 of a day of the proleptic Gregorian calendar, if there is such a day.
#[inline]
pub(crate) fn days_from_civil(year: i32, month: i32, day: i32) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i32::from(leap),
        _ => return None,
    };
    if !(1..=length).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    // Howard Hinnant's algorithm: years begin in March, so that the leap day comes last.
    let year = year - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Up to four digits: their value, how many there are, and what follows.
fn number(text: &[u8]) -> Option<((i32, usize), &[u8])> {
    let mut value = 0;
    for (at, &byte) in text.iter().enumerate() {
        if byte.is_ascii_digit() && at < 4 {
            value = value * 10 + i32::from(byte - b'0');
        } else if at == 0 || byte.is_ascii_digit() {
            return None;
        } else {
            return Some(((value, at), text.get(at..)?));
        }
    }
    (!text.is_empty()).then_some(((value, text.len()), &[]))
}

/// Whether what follows a date is nothing or a time of day.
fn is_time(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b' ' | b'T', rest @ ..] => {
            let digits = rest.iter().filter(|byte| byte.is_ascii_digit()).count();
            (2..=12).contains(&digits)
                && rest.iter().all(|byte| byte.is_ascii_digit() || b":. APMapmZ".contains(byte))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_two_centuries_has_its_number() {
        let mut expected = PLAUSIBLE.start;
        for year in 1900..=2100 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(days) = days_from_civil(year, month, day) {
                        assert_eq!(days, expected, "{year}-{month}-{day}");
                        let text = format!("{month}/{day}/{year}");
                        assert_eq!(days_from_text(text.as_bytes()), Some(days));
                        let text = format!("{year:04}-{month:02}-{day:02}");
                        assert_eq!(days_from_text(text.as_bytes()), Some(days));
                        expected += 1;
                    }
                }
            }
        }
        assert_eq!(expected, PLAUSIBLE.end);
    }

    #[test]
    fn a_time_of_day_is_left_out() {
        let day = days_from_text(b"6/14/2026");
        for text in ["06/14/2026 03:10 PM", "6/14/2026 0:00", "2026-06-14T15:10:00Z", " 6/14/2026 "] {
            assert_eq!(days_from_text(text.as_bytes()), day, "{text}");
        }
    }

    #[test]
    fn a_time_of_day_is_a_second_of_the_day() {
        let day = days_from_text(b"6/14/2026").unwrap();
        for (text, second) in [
            ("6/14/2026", Some(0)),
            ("06/14/2026 03:10 PM", Some(54_600)),
            ("06/14/2026 12:00 AM", Some(0)),
            ("06/14/2026 12:30 PM", Some(45_000)),
            ("06/14/2026 15:10", Some(54_600)),
            ("6/14/2026 15:10 PM", Some(54_600)),
            ("2026-06-14T15:10:01.5Z", Some(54_601)),
            ("2026-06-14 00:00:00", Some(0)),
            ("6/14/2026 24:00", None),
            ("6/14/2026 13:61", None),
        ] {
            assert_eq!(moment_from_text(text.as_bytes(), false), Some((day, second)), "{text}");
        }
        assert_eq!(moment_from_text(b"6/14/26", true), Some((day, Some(0))));
        assert_eq!(moment_from_text(b"6/14/26 3:10 PM", true), Some((day, Some(54_600))));
        assert_eq!(moment_from_text(b"6/14/26", false), None);
        assert_eq!(moment_from_text(b"6/14/2026 noon", false), None);
    }

    #[test]
    fn what_is_not_a_date_is_not_guessed() {
        for text in [
            "",
            "10/1/15",
            "13/1/2015",
            "2/29/2015",
            "10-1-2015",
            "10/1",
            "10/1/2015x",
            "NA",
            "1/1/20155",
            "42000",
        ] {
            assert_eq!(days_from_text(text.as_bytes()), None, "{text}");
        }
    }
}
