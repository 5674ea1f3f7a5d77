use crate::ParseError;
use jiff::civil::{Date, date};

/// A week from Monday to Sunday, by its Monday (ISO 8601).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(i32);

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

/// A federal fiscal year: FY2017 runs from 1 October 2016 to 30 September 2017.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FiscalYear(pub i16);

/// Days from 1970-01-01 to `day`, the encoding of Arrow's `Date32`.
fn days_from_epoch(day: Date) -> i32 {
    (day - date(1970, 1, 1)).get_days()
}

/// The day that is `days` after 1970-01-01.
///
/// # Panics
/// When the day lies outside the years -9999 to 9999, which no `Date32` of a record does.
fn day_from_days(days: i32) -> Date {
    date(1970, 1, 1) + jiff::Span::new().days(days)
}

impl Week {
    /// The week that holds a day, given as days from 1970-01-01 (which was a Thursday).
    #[must_use]
    pub fn from_days(days: i32) -> Self {
        Week((days + 3).div_euclid(7))
    }

    /// Monday of the week, as days from 1970-01-01.
    #[must_use]
    pub fn monday_days(self) -> i32 {
        self.0 * 7 - 3
    }

    /// Monday of the week.
    #[must_use]
    pub fn monday(self) -> Date {
        day_from_days(self.monday_days())
    }

    /// The week `n` weeks later.
    #[must_use]
    pub fn plus(self, n: i32) -> Self {
        Week(self.0 + n)
    }
}

impl From<Date> for Week {
    fn from(day: Date) -> Self {
        Week::from_days(days_from_epoch(day))
    }
}

impl std::fmt::Display for Week {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.monday().fmt(f)
    }
}

impl Month {
    /// The month of a year; `month` counts from 1.
    #[must_use]
    pub fn new(year: i16, month: i8) -> Self {
        Month(i32::from(year) * 12 + i32::from(month) - 1)
    }

    /// The month that holds a day, given as days from 1970-01-01.
    #[must_use]
    pub fn from_days(days: i32) -> Self {
        // Howard Hinnant's civil-from-days, shortened to year and month: ingest calls this once a row.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        Month((year_of_era + era * 400) * 12 + from_march + 2)
    }

    /// Calendar year.
    #[must_use]
    pub fn year(self) -> i16 {
        self.0.div_euclid(12) as i16
    }

    /// Month of the year, from 1.
    #[must_use]
    pub fn month(self) -> i8 {
        (self.0.rem_euclid(12) + 1) as i8
    }

    /// First day of the month.
    #[must_use]
    pub fn first_day(self) -> Date {
        date(self.year(), self.month(), 1)
    }

    /// First day of the month, as days from 1970-01-01.
    #[must_use]
    pub fn first_days(self) -> i32 {
        days_from_epoch(self.first_day())
    }

    /// The month `n` months later.
    #[must_use]
    pub fn plus(self, n: i32) -> Self {
        Month(self.0 + n)
    }

    /// Months from `earlier` to `self`.
    #[must_use]
    pub fn since(self, earlier: Month) -> i32 {
        self.0 - earlier.0
    }
}

impl From<Date> for Month {
    fn from(day: Date) -> Self {
        Month::new(day.year(), day.month())
    }
}

impl std::str::FromStr for Month {
    type Err = ParseError;

    /// Parses `2017-02`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.split_once('-')
            .and_then(|(year, month)| Some((year.parse().ok()?, month.parse().ok()?)))
            .filter(|(year, month)| (1900..=2100).contains(year) && (1..=12).contains(month))
            .map(|(year, month)| Month::new(year, month))
            .ok_or_else(|| ParseError::new("a month such as `2017-02`", text))
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl FiscalYear {
    /// The fiscal year that holds a month.
    #[must_use]
    pub fn of(month: Month) -> Self {
        FiscalYear(month.year() + i16::from(month.month() >= 10))
    }
}

impl std::fmt::Display for FiscalYear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FY{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_weeks_agree_with_the_calendar_over_two_centuries() {
        let mut day = date(1900, 1, 1);
        while day < date(2100, 1, 1) {
            let days = days_from_epoch(day);
            assert_eq!(day_from_days(days), day);
            assert_eq!(Month::from_days(days), Month::from(day), "{day}");
            let monday = Week::from_days(days).monday();
            assert_eq!(monday.weekday(), jiff::civil::Weekday::Monday, "{day}");
            assert!(monday <= day && (day - monday).get_days() < 7, "{day}");
            day += jiff::Span::new().days(1);
        }
    }

    #[test]
    fn october_opens_the_next_fiscal_year() {
        assert_eq!(FiscalYear::of(Month::new(2016, 9)), FiscalYear(2016));
        assert_eq!(FiscalYear::of(Month::new(2016, 10)), FiscalYear(2017));
    }
}
