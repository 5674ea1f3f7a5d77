//! All reasonable ways of running one test: the grid, its weights, and what matters in it (methods/1, section 9).
//!
//! The grid is a full factorial over axes. Weights are equal within an axis and multiply over axes, so that an
//! axis with many options does not dominate; a stress option has weight zero and is shown. What matters is the
//! Shapley share of each axis in the variance that an additive fit of the estimates explains.

use crate::result::{Multiverse, Specification};
use crate::wording::percent_change;

/// One decision of an analysis, with its options.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What is decided, `at-large definition`.
    pub name: &'static str,
    /// The options in drawing order.
    pub options: Vec<AxisOption>,
    /// Number of the option fixed before the run.
    pub primary: usize,
}

/// One option of an axis.
#[derive(Debug, Clone)]
pub struct AxisOption {
    /// Its name.
    pub name: String,
    /// Whether it only shows how far an extreme choice would go; it has no weight then.
    pub stress: bool,
}

impl Axis {
    /// An axis whose options are all admissible; the first is the primary one.
    #[must_use]
    pub fn new(name: &'static str, options: &[&str]) -> Self {
        let options =
            options.iter().map(|&name| AxisOption { name: name.to_owned(), stress: false }).collect();
        Self { name, options, primary: 0 }
    }

    /// The same axis with options added that carry no weight.
    #[must_use]
    pub fn stress(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|&name| AxisOption { name: name.to_owned(), stress: true }));
        self
    }

    /// Weight of an option: equal among the admissible ones.
    fn weight(&self, option: usize) -> f64 {
        let admissible = self.options.iter().filter(|option| !option.stress).count();
        if self.options[option].stress { 0.0 } else { 1.0 / admissible as f64 }
    }
}

/// What one specification gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Estimate.
    pub est: f64,
    /// Lower end of the 95 percent interval.
    pub lo: f64,
    /// Upper end of the 95 percent interval.
    pub hi: f64,
    /// `S`, `C` or `U` by the rule's regions.
    pub outcome: char,
}

/// Every combination of options, in the order of the axes (the last axis varies fastest).
#[must_use]
pub fn grid(axes: &[Axis]) -> Vec<Vec<usize>> {
    axes.iter().fold(vec![vec![]], |combinations, axis| {
        let extend = |head: Vec<usize>| (0..axis.options.len()).map(move |at| [&head[..], &[at]].concat());
        combinations.into_iter().flat_map(extend).collect()
    })
}

/// The multiverse over `points`, one for each combination of [`grid`]; `None` where a specification could not
/// be run, which takes its weight out of the shares.
#[must_use]
pub fn assemble(id: &str, axes: &[Axis], points: &[Option<Point>]) -> Multiverse {
    let specifications: Vec<Specification> = grid(axes)
        .into_iter()
        .zip(points)
        .filter_map(|(options, point)| point.map(|point| specification(axes, options, point)))
        .collect();
    let shares = shares(&specifications);
    let weighted: Vec<&Specification> = specifications.iter().filter(|spec| spec.weight > 0.0).collect();
    Multiverse {
        id: id.to_owned(),
        axes: axes
            .iter()
            .map(|axis| {
                (axis.name.to_owned(), axis.options.iter().map(|option| option.name.clone()).collect())
            })
            .collect(),
        variance_by_axis: shapley(axes, &weighted),
        most_influential: most_influential(axes, &weighted),
        shares,
        specifications,
    }
}

fn specification(axes: &[Axis], options: Vec<usize>, point: Point) -> Specification {
    let weight = axes.iter().zip(&options).map(|(axis, &at)| axis.weight(at)).product();
    let primary = axes.iter().zip(&options).all(|(axis, &at)| axis.primary == at);
    let Point { est, lo, hi, outcome } = point;
    Specification { options, primary, weight, est, lo, hi, outcome }
}

/// Weighted shares of the outcomes `S`, `C` and `U`.
fn shares(specifications: &[Specification]) -> [f64; 3] {
    let total: f64 = specifications.iter().map(|spec| spec.weight).sum();
    ['S', 'C', 'U'].map(|outcome| {
        let part = specifications
            .iter()
            .filter(|spec| spec.outcome == outcome)
            .fold(0.0, |sum, spec| sum + spec.weight);
        if total > 0.0 { part / total } else { 0.0 }
    })
}

/// Shapley share of each axis in the variance of the estimates, on an additive fit. What is left of 1 is
/// interplay between axes.
fn shapley(axes: &[Axis], specifications: &[&Specification]) -> Vec<f64> {
    let k = axes.len();
    let explained: Vec<f64> = (0..1_usize << k).map(|set| explained(axes, specifications, set)).collect();
    let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
    let weight = |size: usize| factorial(size) * factorial(k - size - 1) / factorial(k);
    (0..k)
        .map(|axis| {
            (0..1_usize << k)
                .filter(|set| set >> axis & 1 == 0)
                .map(|set| weight(set.count_ones() as usize) * (explained[set | 1 << axis] - explained[set]))
                .sum::<f64>()
                .max(0.0)
        })
        .collect()
}

/// Share of the variance of the estimates that the axes in `set` explain together (R squared of an additive
/// fit), by modified Gram-Schmidt, which passes over columns that add nothing.
fn explained(axes: &[Axis], specifications: &[&Specification], set: usize) -> f64 {
    let centred = |mut column: Vec<f64>| {
        let mean = column.iter().sum::<f64>() / column.len().max(1) as f64;
        column.iter_mut().for_each(|value| *value -= mean);
        column
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let est = centred(specifications.iter().map(|spec| spec.est).collect());
    let total = dot(&est, &est);
    if total <= f64::EPSILON {
        return 0.0;
    }
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for (axis, options) in axes.iter().map(|axis| axis.options.len()).enumerate() {
        for option in 1..options {
            if set >> axis & 1 == 0 {
                continue;
            }
            let chosen = |spec: &&Specification| f64::from(u8::from(spec.options[axis] == option));
            let mut column = centred(specifications.iter().map(chosen).collect());
            let size = dot(&column, &column);
            for direction in &basis {
                let along = dot(&column, direction);
                column.iter_mut().zip(direction).for_each(|(value, unit)| *value -= along * unit);
            }
            let left = dot(&column, &column);
            if left > 1e-9 * size.max(1e-9) {
                column.iter_mut().for_each(|value| *value /= left.sqrt());
                basis.push(column);
            }
        }
    }
    basis.iter().map(|direction| dot(direction, &est).powi(2)).sum::<f64>() / total
}

/// The one choice away from the primary specification that changes the outcome with the smallest move of the
/// estimate; where none does, the one that moves the estimate most.
fn most_influential(axes: &[Axis], specifications: &[&Specification]) -> String {
    let Some(primary) = specifications.iter().find(|spec| spec.primary) else {
        return "the primary specification could not be run".to_owned();
    };
    let neighbours = specifications.iter().filter_map(|spec| {
        let mut differing = (0..axes.len()).filter(|&axis| spec.options[axis] != primary.options[axis]);
        let axis = differing.next()?;
        differing.next().is_none().then_some((axis, *spec))
    });
    let moved = |spec: &Specification| (spec.est - primary.est).abs();
    let (flips, stays): (Vec<_>, Vec<_>) = neighbours.partition(|(_, spec)| spec.outcome != primary.outcome);
    let cheapest = flips.into_iter().min_by(|a, b| moved(a.1).total_cmp(&moved(b.1)));
    let largest = stays.into_iter().max_by(|a, b| moved(a.1).total_cmp(&moved(b.1)));
    let sentence = |(axis, spec): (usize, &Specification), end: &str| {
        let chosen = &axes[axis].options[spec.options[axis]].name;
        let usual = &axes[axis].options[axes[axis].primary].name;
        let (from, to) = (percent_change(primary.est), percent_change(spec.est));
        format!(
            "{}: {chosen} instead of {usual} moves the estimate from {from} to {to}{end}",
            axes[axis].name
        )
    };
    match (cheapest, largest) {
        (Some(flip), _) => sentence(flip, " and changes the outcome"),
        (None, Some(most)) => sentence(most, "; no single choice changes the outcome"),
        (None, None) => "there is one specification only".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> Vec<Axis> {
        vec![
            Axis::new("definition", &["standard", "narrow"]),
            Axis::new("donors", &["band", "all"]).stress(&["ten"]),
        ]
    }

    fn point(est: f64) -> Option<Point> {
        let (lo, hi) = (est - 0.1, est + 0.1);
        Some(Point { est, lo, hi, outcome: if lo > 0.0 { 'C' } else { 'U' } })
    }

    #[test]
    fn a_stress_option_is_shown_and_has_no_weight() {
        let points = [point(0.0), point(0.2), point(9.0), point(0.0), point(0.2), point(9.0)];
        let multiverse = assemble("test/1", &axes(), &points);
        assert_eq!(multiverse.specifications.len(), 6);
        let near = |value: f64, expected: f64| (value - expected).abs() < 1e-12;
        assert!(
            multiverse.shares.iter().zip([0.0, 0.5, 0.5]).all(|(share, expected)| near(*share, expected))
        );
        assert!(near(multiverse.specifications[0].weight, 0.25));
        assert!(multiverse.specifications[0].primary);
        assert!(near(multiverse.specifications[2].weight, 0.0));
    }

    #[test]
    fn variance_is_given_to_the_axis_that_makes_it() {
        let points = [point(0.0), point(0.2), point(9.0), point(0.0), point(0.2), point(9.0)];
        let multiverse = assemble("test/1", &axes(), &points);
        assert!(multiverse.variance_by_axis[0].abs() < 1e-12, "{:?}", multiverse.variance_by_axis);
        assert!((multiverse.variance_by_axis[1] - 1.0).abs() < 1e-12, "{:?}", multiverse.variance_by_axis);
        assert_eq!(
            multiverse.most_influential,
            "donors: all instead of band moves the estimate from no change to 22 percent more and changes the outcome"
        );
    }

    #[test]
    fn a_specification_that_cannot_run_takes_its_weight_along() {
        let points = [point(0.0), None, None, point(0.2), point(0.2), None];
        let multiverse = assemble("test/1", &axes(), &points);
        assert_eq!(multiverse.specifications.len(), 3);
        let [s, c, u] = multiverse.shares;
        assert!(s.abs() < 1e-12 && (c - 2.0 / 3.0).abs() < 1e-12 && (u - 1.0 / 3.0).abs() < 1e-12);
    }
}
