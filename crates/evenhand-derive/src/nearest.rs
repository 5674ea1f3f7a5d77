//! The nearest of two kinds of moments of one person, one to one.

/// Pairs each of `starts` with at most one of `ends`: `low <= end - start <= high`, the nearest start for each end,
/// then the nearest end for each start. Both lists are sorted; of equally near ones the earlier is taken.
pub fn pairs(starts: &[i32], ends: &[i32], low: i64, high: i64) -> Vec<Option<usize>> {
    let gap = |start: usize, end: usize| i64::from(ends[end]) - i64::from(starts[start]);
    let mut paired: Vec<Option<usize>> = vec![None; starts.len()];
    for end in 0..ends.len() {
        let within = (0..starts.len()).filter(|start| (low..=high).contains(&gap(*start, end)));
        let Some(start) = within.min_by_key(|start| gap(*start, end).abs()) else { continue };
        let nearer = |held: usize| gap(start, end).abs() < gap(start, held).abs();
        if paired[start].is_none_or(nearer) {
            paired[start] = Some(end);
        }
    }
    paired
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_arrests_before_one_stay_leave_the_farther_without() {
        assert_eq!(pairs(&[0, 5], &[6], -5, 10), [None, Some(0)]);
        assert_eq!(pairs(&[0], &[4, 1, 12], -5, 10), [Some(1)]);
        assert_eq!(pairs(&[0], &[11], -5, 10), [None]);
    }

    proptest! {
        /// The definition in two passes over all pairs.
        #[test]
        fn pairs_are_those_of_the_definition(
            mut starts in prop::collection::vec(0..60i32, 0..8), mut ends in prop::collection::vec(0..60i32, 0..8),
        ) {
            starts.sort_unstable();
            ends.sort_unstable();
            let mut candidates = Vec::new();
            for (e, end) in ends.iter().enumerate() {
                let near = starts.iter().enumerate().filter(|(_, start)| (-5..=10).contains(&(end - **start)));
                candidates.extend(near.map(|(s, start)| ((end - start).abs(), s, e)).min());
            }
            for (start, found) in pairs(&starts, &ends, -5, 10).into_iter().enumerate() {
                let expected = candidates.iter().filter(|(_, s, _)| *s == start).map(|(gap, _, e)| (*gap, *e)).min();
                prop_assert_eq!(found, expected.map(|(_, end)| end));
            }
        }
    }
}
