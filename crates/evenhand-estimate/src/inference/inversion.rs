//! Tests whose draws are ratios that move with the hypothesis, and the intervals that come from inverting them.

use crate::Interval;

/// Which draws speak against the hypothesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tail {
    /// Draws at least as large in absolute value.
    #[default]
    Symmetric,
    /// Twice the smaller of the two one-sided p-values.
    EqualTailed,
    /// The alternative is that the effect lies below: draws at least as small.
    Below,
    /// The alternative is that the effect lies above: draws at least as large.
    Above,
}

/// How draws become a p-value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Counting {
    /// `(1 + #{as extreme or more}) / (B + 1)`: never 0, and valid in finite samples. When every assignment was
    /// enumerated the data's own is among them and the p-value is the plain share.
    #[default]
    AddOne,
    /// `#{more extreme} / B`, ties not counted, as `boottest`, `fwildclusterboot` and `wildboottest` do.
    Share,
}

/// Draws whose statistic is `(n0 - r n1) / sqrt(q0 - 2 r q1 + r^2 q2)` under the hypothesis that the effect is
/// `r`, against `(estimate - r) / std_error`.
#[derive(Debug, Clone)]
pub(super) struct Inversion {
    pub estimate: f64,
    pub std_error: f64,
    pub draws: Vec<Draw>,
    pub tail: Tail,
    pub counting: Counting,
    pub enumerated: bool,
}

/// One draw of [`Inversion`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Draw {
    pub n: [f64; 2],
    pub q: [f64; 3],
}

impl Draw {
    /// The statistic at `r`: infinite when its variance is 0 and its numerator is not, 0 when both are.
    pub fn statistic(&self, r: f64) -> f64 {
        let numerator = self.n[0] - r * self.n[1];
        let variance = self.q[0] - 2.0 * r * self.q[1] + r * r * self.q[2];
        let size = self.q[0] + r * r * self.q[2];
        if variance > 1e-24 * size {
            return numerator / variance.sqrt();
        }
        let noise = 1e-12 * (self.n[0].abs() + (r * self.n[1]).abs());
        if numerator.abs() <= noise { 0.0 } else { numerator.signum() * f64::INFINITY }
    }
}

impl Inversion {
    /// The p-value of the hypothesis that the effect is `r`.
    pub fn p_value(&self, r: f64) -> f64 {
        let found = (self.estimate - r) / self.std_error;
        let draws = self.draws.iter().map(|draw| draw.statistic(r));
        p_value(found, draws, self.draws.len(), self.tail, self.counting, self.enumerated)
    }

    /// Every `r` that the test at `alpha` does not reject, from the estimate outwards to the first that it does;
    /// infinite on a side on which nothing is rejected within a million standard errors.
    pub fn interval(&self, alpha: f64) -> Interval {
        let low = match self.tail {
            Tail::Below => f64::NEG_INFINITY,
            _ => self.end(alpha, -1.0),
        };
        let high = match self.tail {
            Tail::Above => f64::INFINITY,
            _ => self.end(alpha, 1.0),
        };
        Interval { low, high }
    }

    fn end(&self, alpha: f64, sign: f64) -> f64 {
        let rejected = |steps: f64| self.p_value(self.estimate + sign * steps * self.std_error) <= alpha;
        let (mut inside, mut outside) = (0.0, 0.25);
        while !rejected(outside) {
            inside = outside;
            outside = if outside < 6.0 { outside + 0.25 } else { outside * 1.25 };
            if outside > 1e6 {
                return sign * f64::INFINITY;
            }
        }
        while outside - inside > 1e-9 * outside {
            let middle = f64::midpoint(inside, outside);
            if rejected(middle) { outside = middle } else { inside = middle }
        }
        self.estimate + sign * f64::midpoint(inside, outside) * self.std_error
    }
}

/// The p-value of `found` among `draws`. Draws within a relative 1e-9 count as ties.
pub(super) fn p_value(
    found: f64,
    draws: impl Iterator<Item = f64>,
    n_draws: usize,
    tail: Tail,
    counting: Counting,
    enumerated: bool,
) -> f64 {
    let slack = match counting {
        Counting::AddOne => -1e-9 * found.abs(),
        Counting::Share => 1e-9 * found.abs(),
    };
    let beyond = |distance: f64| match counting {
        Counting::AddOne => distance >= slack,
        Counting::Share => distance > slack,
    };
    let (mut both, mut above, mut below) = (0usize, 0usize, 0usize);
    for draw in draws {
        both += usize::from(beyond(draw.abs() - found.abs()));
        above += usize::from(beyond(draw - found));
        below += usize::from(beyond(found - draw));
    }
    let share = |count: usize| match counting {
        Counting::AddOne if !enumerated => (1 + count) as f64 / (1 + n_draws) as f64,
        _ => count as f64 / n_draws as f64,
    };
    match tail {
        Tail::Symmetric => share(both),
        Tail::EqualTailed => (2.0 * share(above.min(below))).min(1.0),
        Tail::Above => share(above),
        Tail::Below => share(below),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(draws: &[f64], tail: Tail, counting: Counting) -> Inversion {
        let draws = draws.iter().map(|&t| Draw { n: [t, 0.0], q: [1.0, 0.0, 0.0] }).collect();
        Inversion { estimate: 1.5, std_error: 0.5, draws, tail, counting, enumerated: false }
    }

    // The statistic is 3; of the draws two are at least as large in size, one of them above.
    #[test]
    fn p_values_count_the_draws_that_are_as_extreme() {
        let draws = [-4.0, -1.0, 0.0, 2.0, 3.0];
        let p = |tail, counting| with(&draws, tail, counting).p_value(0.0);
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-15, "{found}");
        near(p(Tail::Symmetric, Counting::AddOne), 3.0 / 6.0);
        near(p(Tail::Symmetric, Counting::Share), 1.0 / 5.0);
        near(p(Tail::Above, Counting::AddOne), 2.0 / 6.0);
        near(p(Tail::Above, Counting::Share), 0.0);
        near(p(Tail::Below, Counting::AddOne), 1.0);
        near(p(Tail::EqualTailed, Counting::AddOne), 4.0 / 6.0);
    }

    // Draws that do not move with r: the ends are quantiles of |t*|. With 19 draws of sizes 0.1 to 1.9, p <= 0.1
    // first when one draw is left above, past 1.8.
    #[test]
    fn intervals_of_fixed_draws_are_their_quantiles() {
        let draws: Vec<f64> = (1..=19).map(|k| f64::from(k) / 10.0).collect();
        let interval = with(&draws, Tail::Symmetric, Counting::AddOne).interval(0.1);
        assert!((interval.low - (1.5 - 0.9)).abs() < 1e-6 && (interval.high - (1.5 + 0.9)).abs() < 1e-6);
    }

    #[test]
    fn what_is_never_rejected_is_unbounded() {
        let few = with(&[0.1, -0.2, 0.3], Tail::Symmetric, Counting::AddOne);
        assert_eq!(few.interval(0.05), Interval::ALL);
        let one_sided = with(&[0.0; 99], Tail::Above, Counting::AddOne).interval(0.05);
        assert!(one_sided.low.is_finite() && one_sided.high.is_infinite());
    }

    #[test]
    fn draws_without_variance_are_infinite_or_nothing() {
        assert!(Draw { n: [1.0, 0.0], q: [0.0; 3] }.statistic(0.0).is_infinite());
        assert!(Draw { n: [0.0, 0.0], q: [0.0; 3] }.statistic(0.0).abs() <= 0.0);
    }
}
