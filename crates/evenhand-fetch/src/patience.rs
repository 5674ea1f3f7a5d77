//! How often we try, and how long we wait in between.

use crate::error::Retry;
use jiff::Timestamp;
use std::time::Duration;

/// How often to try again, and how long to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// Attempts after one that failed. One that brought a mebibyte makes the count begin anew.
    pub retries: u32,
    /// The first wait, doubled each time.
    pub first_wait: Duration,
    /// No wait is longer, except one that a server asks for.
    pub longest_wait: Duration,
    /// A server that asks for longer than this is asked no more.
    pub longest_asked: Duration,
    /// Seed of the random half of each wait, which keeps many clients from coming back at once; without one, waits
    /// are not random.
    pub seed: Option<u64>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            retries: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            longest_asked: Duration::from_secs(300),
            seed: None,
        }
    }
}

impl Patience {
    /// The wait after failure number `failure` in a row, from 0; `None` if it is time to give up.
    pub(crate) fn wait(&self, failure: u32, retry: Retry) -> Option<Duration> {
        if failure >= self.retries {
            return None;
        }
        let doubled = self.first_wait.saturating_mul(1_u32.checked_shl(failure).unwrap_or(u32::MAX));
        let whole = doubled.min(self.longest_wait);
        let wait = match self.seed {
            None => whole,
            Some(seed) => whole.mul_f64(0.5 + 0.5 * share(seed, failure)),
        };
        match retry {
            Retry::Never => None,
            Retry::Later => Some(wait),
            Retry::After(asked) if asked > self.longest_asked => None,
            Retry::After(asked) => Some(asked.max(wait)),
        }
    }
}

/// A number from 0 to 1 for a failure: the mixing step of SplitMix64.
fn share(seed: u64, failure: u32) -> f64 {
    let mut bits = seed.wrapping_add(u64::from(failure).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    // 32 bits are plenty to spread clients over a minute.
    f64::from(u32::try_from((bits ^ (bits >> 31)) >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// What a `Retry-After` header asks for: seconds, or a date.
pub(crate) fn asked_for(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(header).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let patience = Patience { retries: 9, ..Patience::default() };
        let seconds = |failure| patience.wait(failure, Retry::Later).map(|wait| wait.as_secs());
        let waits: Vec<_> = (0..10).map(seconds).collect();
        let expected = [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Some).into_iter().chain([None]);
        assert_eq!(waits, expected.collect::<Vec<_>>());
        assert_eq!(patience.wait(0, Retry::Never), None);
    }

    #[test]
    fn a_seed_spreads_waits_over_their_upper_half() {
        let wait = |seed| {
            let patience = Patience { seed: Some(seed), ..Patience::default() };
            patience.wait(0, Retry::Later).expect("a wait").as_secs_f64()
        };
        let waits: Vec<f64> = (0..200).map(wait).collect();
        assert!(waits.iter().all(|wait| (0.5..=1.0).contains(wait)));
        let mean = waits.iter().sum::<f64>() / 200.0;
        assert!((0.70..0.80).contains(&mean), "{mean}");
        assert!((wait(7) - wait(7)).abs() < f64::EPSILON);
    }

    #[test]
    fn a_server_is_obeyed_within_reason() {
        let patience = Patience::default();
        let after = |seconds| patience.wait(0, Retry::After(Duration::from_secs(seconds)));
        assert_eq!(after(0), Some(Duration::from_secs(1)));
        assert_eq!(after(120), Some(Duration::from_secs(120)));
        assert_eq!(after(3600), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        let seconds = |text| asked_for(text, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("17"), Some(17));
        assert_eq!(seconds("Thu, 01 Jan 2026 00:01:30 GMT"), Some(90));
        assert_eq!(seconds("Wed, 31 Dec 2025 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("-5"), None);
    }
}
