//! Which release speaks of a day that several cover.

use crate::Error;
use arrow::compute::kernels::cast_utils::Parser as _;
use arrow::datatypes::Date32Type;
use std::str::FromStr;

/// From this day on one release is the one to count by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Boundary {
    /// The day, since 1970.
    pub day: i32,
    /// Id of the release.
    pub release: String,
}

impl FromStr for Boundary {
    type Err = String;

    /// `ice-r2026mar=2022-10-01`.
    fn from_str(text: &str) -> Result<Boundary, String> {
        let (release, date) = text.split_once('=').unwrap_or((text, ""));
        match Date32Type::parse(date).filter(|_| !release.is_empty() && date.len() == 10) {
            Some(day) => Ok(Boundary { day, release: release.to_owned() }),
            None => Err(format!("expected RELEASE=YYYY-MM-DD, found `{text}`")),
        }
    }
}

/// The days that a release speaks of: from `from` on, and before `until`; none without a boundary there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Midnight of the first day, seconds since 1970.
    pub from: Option<i64>,
    /// Midnight of the first day after the last.
    pub until: Option<i64>,
}

const DAY: i64 = 86_400;

impl Span {
    /// The days of a release: from its own boundary to the next one. A release without a boundary speaks of the days
    /// before the first.
    ///
    /// # Errors
    /// [`Error::Boundaries`] when a release or a day has two.
    pub fn of(release: &str, boundaries: &[Boundary]) -> Result<Span, Error> {
        let mut sorted = boundaries.iter().collect::<Vec<_>>();
        sorted.sort();
        let twice = |boundary: &Boundary| Error::Boundaries { release: boundary.release.clone() };
        for (at, boundary) in sorted.iter().enumerate() {
            let same = |other: &&&Boundary| other.day == boundary.day || other.release == boundary.release;
            if sorted[at + 1..].iter().any(|other| same(&other)) {
                return Err(twice(boundary));
            }
        }
        let midnight = |boundary: &&Boundary| i64::from(boundary.day) * DAY;
        Ok(match sorted.iter().position(|boundary| boundary.release == release) {
            Some(at) => Span { from: Some(midnight(&sorted[at])), until: sorted.get(at + 1).map(midnight) },
            None => Span { from: None, until: sorted.first().map(midnight) },
        })
    }

    /// Whether there is a boundary at all.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.from.is_some() || self.until.is_some()
    }

    /// Whether a moment is in the span; one without a time is, unless the span has an end on either side.
    #[must_use]
    pub fn holds(&self, moment: Option<i64>) -> bool {
        match moment {
            Some(moment) => {
                self.from.is_none_or(|from| moment >= from) && self.until.is_none_or(|until| moment < until)
            }
            None => self.from.is_none(),
        }
    }

    /// Whether a stay belongs to the span: it is not over before `from`, and over before `until`. A stay goes whole
    /// to the release after the boundary if it was booked out then, or is open, or was booked in then.
    #[must_use]
    pub fn holds_stay(&self, book_in: i64, book_out: Option<i64>) -> bool {
        let is_after = |day: i64| book_out.is_none_or(|out| out >= day) || book_in >= day;
        self.from.is_none_or(is_after) && !self.until.is_some_and(is_after)
    }

    /// Whether a stay lies on both sides of one of the span's ends.
    #[must_use]
    pub fn is_crossed_by(&self, book_in: i64, book_out: Option<i64>) -> bool {
        let crosses = |day: i64| book_in < day && book_out.is_none_or(|out| out >= day);
        [self.from, self.until].into_iter().flatten().any(crosses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn boundary(release: &str, day: i32) -> Boundary {
        Boundary { day, release: release.to_owned() }
    }

    #[test]
    fn a_boundary_is_read_from_its_text() {
        assert_eq!("ice-r2026mar=2022-10-01".parse(), Ok(boundary("ice-r2026mar", 19_266)));
        for text in
            ["ice-r2026mar", "=2022-10-01", "ice-r2026mar=", "ice-r2026mar=01/10/2022", "a=2022-13-01"]
        {
            assert!(text.parse::<Boundary>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_release_speaks_from_its_boundary_to_the_next() {
        let all = [boundary("c", 20), boundary("b", 10)];
        assert_eq!(Span::of("a", &all).unwrap(), Span { from: None, until: Some(10 * DAY) });
        assert_eq!(Span::of("b", &all).unwrap(), Span { from: Some(10 * DAY), until: Some(20 * DAY) });
        assert_eq!(Span::of("c", &all).unwrap(), Span { from: Some(20 * DAY), until: None });
        assert!(!Span::of("a", &[]).unwrap().is_bounded());
        assert!(Span::of("a", &[boundary("b", 1), boundary("c", 1)]).is_err());
        assert!(Span::of("a", &[boundary("b", 1), boundary("b", 2)]).is_err());
    }

    #[test]
    fn a_stay_across_the_boundary_goes_whole_to_the_newer_release() {
        let all = [boundary("new", 10)];
        let (old, new) = (Span::of("old", &all).unwrap(), Span::of("new", &all).unwrap());
        let stay = |days: (i64, Option<i64>)| (days.0 * DAY, days.1.map(|out| out * DAY));
        for (days, is_new, crosses) in [
            ((1, Some(9)), false, false),
            ((1, Some(10)), true, true),
            ((1, None), true, true),
            ((10, Some(12)), true, false),
            // Garbage: out before in.
            ((12, Some(3)), true, false),
        ] {
            let (book_in, book_out) = stay(days);
            assert_eq!(new.holds_stay(book_in, book_out), is_new, "{days:?}");
            assert_eq!(old.holds_stay(book_in, book_out), !is_new, "{days:?}");
            assert_eq!(new.is_crossed_by(book_in, book_out), crosses, "{days:?}");
        }
    }

    proptest! {
        #[test]
        fn every_stay_and_every_moment_belongs_to_exactly_one_release(
            days in prop::collection::btree_set(0..40i32, 1..4), book_in in 0..40i64, out in prop::option::of(0..40i64),
        ) {
            let all = days.iter().enumerate().map(|(at, day)| boundary(&format!("r{at}"), *day)).collect::<Vec<_>>();
            let spans = (0..=days.len()).map(|at| Span::of(&format!("r{at}"), &all).unwrap()).collect::<Vec<_>>();
            let (book_in, out) = (book_in * DAY, out.map(|out| out * DAY));
            prop_assert_eq!(spans.iter().filter(|span| span.holds_stay(book_in, out)).count(), 1);
            prop_assert_eq!(spans.iter().filter(|span| span.holds(Some(book_in))).count(), 1);
            prop_assert_eq!(spans.iter().filter(|span| span.holds(None)).count(), 1);
        }
    }
}
