//! The nearest of two kinds of moments of one person, one to one.

/// Moments at which a stay may meet an event: the moment, and the stay's place in its list.
pub type Moment = (i32, usize);

/// Pairs each of `starts` with at most one of the things that `ends` are moments of: `low <= end - start <= high`, the
/// nearest start for each thing, then the nearest thing for each start. Both lists are sorted; of equally near ones the
/// earlier is taken. The window holds 0, so the nearest start is the last before or the first after.
pub fn pairs(starts: &[i32], ends: &[Moment], low: i64, high: i64) -> Vec<Option<usize>> {
    let mut paired: Vec<Option<(i64, usize)>> = vec![None; starts.len()];
    let mut best = nearest_starts(starts, ends, low, high);
    // A thing with several moments is paired by the one that is nearest to any start.
    if best.windows(2).any(|two| two[0].2 >= two[1].2) {
        best.sort_by_key(|(gap, start, thing)| (*thing, *gap, *start));
        best.dedup_by_key(|(_, _, thing)| *thing);
        best.sort_by_key(|(_, _, thing)| *thing);
    }
    for (gap, start, thing) in best {
        if paired[start].is_none_or(|(held, _)| gap < held) {
            paired[start] = Some((gap, thing));
        }
    }
    paired.into_iter().map(|pair| pair.map(|(_, thing)| thing)).collect()
}

/// For each moment with a start in its window: how far it is, which start, whose moment.
fn nearest_starts(starts: &[i32], ends: &[Moment], low: i64, high: i64) -> Vec<(i64, usize, usize)> {
    let mut found = Vec::with_capacity(ends.len());
    let mut after = 0;
    for &(end, thing) in ends {
        after += starts[after..].iter().take_while(|start| **start < end).count();
        let gap = |at: usize| i64::from(end) - i64::from(starts[at]);
        let later = (after < starts.len() && gap(after) >= low).then_some(after);
        let earlier = after.checked_sub(1).filter(|at| gap(*at) <= high);
        let start = match (earlier, later) {
            (Some(earlier), Some(later)) if gap(later).abs() < gap(earlier) => later,
            (Some(earlier), _) => earlier,
            (None, Some(later)) => later,
            (None, None) => continue,
        };
        // Of starts at the same moment the first.
        let first = match start == after {
            true => start,
            false => starts[..=start].partition_point(|other| *other < starts[start]),
        };
        found.push((gap(start).abs(), first, thing));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_arrests_before_one_stay_leave_the_farther_without() {
        assert_eq!(pairs(&[0, 5], &[(6, 0)], -5, 10), [None, Some(0)]);
        assert_eq!(pairs(&[0], &[(1, 1), (4, 0), (12, 2)], -5, 10), [Some(1)]);
        assert_eq!(pairs(&[0], &[(11, 0)], -5, 10), [None]);
    }

    proptest! {
        /// The definition in two passes over all pairs.
        #[test]
        fn pairs_are_those_of_the_definition(
            mut starts in prop::collection::vec(0..60i32, 0..8),
            of_things in prop::collection::vec(prop::collection::vec(0..60i32, 1..3), 0..8), is_single in any::<bool>(),
        ) {
            starts.sort_unstable();
            let mut of_things = of_things;
            if is_single {
                of_things.iter_mut().for_each(|moments| moments.truncate(1));
                of_things.sort();
            }
            let mut ends = Vec::new();
            let mut candidates = Vec::new();
            for (e, moments) in of_things.iter().enumerate() {
                ends.extend(moments.iter().map(|moment| (*moment, e)));
                let pairs = moments.iter().flat_map(|end| starts.iter().enumerate().map(move |(s, start)| (s, end - start)));
                let near = pairs.filter(|(_, gap)| (-5..=10).contains(gap));
                candidates.extend(near.map(|(s, gap)| (gap.abs(), s, e)).min());
            }
            ends.sort_unstable();
            for (start, found) in pairs(&starts, &ends, -5, 10).into_iter().enumerate() {
                let expected = candidates.iter().filter(|(_, s, _)| *s == start).map(|(gap, _, e)| (*gap, *e)).min();
                prop_assert_eq!(found, expected.map(|(_, end)| end));
            }
        }
    }
}
