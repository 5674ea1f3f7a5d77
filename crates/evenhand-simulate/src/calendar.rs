//! Days and minutes as workbooks count them: serial day 1 is 1900-01-01 by the calendar that believes in
//! 1900-02-29, so that from March 1900 on day 0 is 1899-12-30.

/// Minutes in a day.
pub const DAY: u32 = 1440;

/// The serial day of a civil date.
#[must_use]
pub fn serial(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    // 693,899 days lie between 0000-03-01 and 1899-12-30.
    era * 146_097 + day_of_era - 693_899
}

/// Year, month and day of a serial day.
#[must_use]
pub fn civil(serial: i64) -> (i64, i64, i64) {
    let days = serial + 693_899;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The fiscal year of a serial day: it begins in October of the year before.
#[must_use]
pub fn fiscal_year(serial: u32) -> u32 {
    let (year, month, _) = civil(i64::from(serial));
    (year + i64::from(month >= 10)) as u32
}

/// The Monday on or before a serial day. Day 2 was a Monday.
#[must_use]
pub fn monday(serial: u32) -> u32 {
    serial - (serial + 5) % 7
}

/// `2026-03-10`.
#[must_use]
pub fn iso(serial: u32) -> String {
    let (year, month, day) = civil(i64::from(serial));
    format!("{year:04}-{month:02}-{day:02}")
}

/// The serial day of `2026-03-10`.
#[must_use]
pub fn parse_iso(text: &str) -> Option<u32> {
    let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    u32::try_from(serial(year, month, day)).ok().filter(|&day| iso(day) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_a_workbook() {
        assert_eq!(serial(1899, 12, 30), 0);
        assert_eq!(serial(1900, 3, 1), 61);
        assert_eq!(serial(2024, 1, 1), 45_292);
        assert_eq!(iso(monday(45_292)), "2024-01-01");
        assert_eq!(iso(monday(45_298)), "2024-01-01");
        assert_eq!(parse_iso("2026-03-10"), Some(46_091));
        assert_eq!(parse_iso("2026-02-30"), None);
        for day in (0..3_000_000).step_by(97) {
            let (year, month, day_of_month) = civil(day);
            assert_eq!(serial(year, month, day_of_month), day);
        }
    }

    #[test]
    fn a_fiscal_year_begins_in_october() {
        assert_eq!(fiscal_year(serial(2024, 9, 30) as u32), 2024);
        assert_eq!(fiscal_year(serial(2024, 10, 1) as u32), 2025);
    }
}
