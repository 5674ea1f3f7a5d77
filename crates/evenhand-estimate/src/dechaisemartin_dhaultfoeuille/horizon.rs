//! One effect or placebo in one direction: the estimator as a sum over groups, and the same sum for its variance.

use super::DynamicEffectsOptions;
use super::controls::Controls;
use super::design::Design;
use std::collections::{BTreeMap, BTreeSet};

/// Contributions of the groups; their sum over the number of groups is the estimate.
pub(super) struct Horizon {
    pub u: Vec<f64>,
    /// The same about cohort means, with a degrees-of-freedom factor.
    pub u_variance: Vec<f64>,
    /// Weight of the switchers, and their number.
    pub weight: f64,
    pub n_switchers: usize,
    /// Mean absolute change of treatment of the switchers in the period, and summed since the switch.
    pub change: f64,
    pub cumulative: f64,
}

impl Horizon {
    fn empty(n_groups: usize) -> Self {
        Self {
            u: vec![0.0; n_groups],
            u_variance: vec![0.0; n_groups],
            weight: 0.0,
            n_switchers: 0,
            change: 0.0,
            cumulative: 0.0,
        }
    }
}

/// Outcome changes of one horizon, who has not switched, and who has just reached it.
struct Changes<'a> {
    design: &'a Design,
    /// By group and period.
    diff: Vec<Option<f64>>,
    still: Vec<bool>,
    /// By group: the period in which it is that long after its switch.
    reached: Vec<Option<usize>>,
    /// Weight of those who have not switched, by period and level.
    control: Vec<f64>,
}

impl<'a> Changes<'a> {
    fn key(&self, t: usize, level: usize) -> usize {
        (t - 1) * self.design.n_levels + level
    }

    fn cell(&self, g: usize, t: usize) -> usize {
        self.design.at(g, t)
    }

    fn new(design: &'a Design, h: usize, direction: i8, options: &DynamicEffectsOptions) -> Self {
        let (n, last) = (design.n_groups, design.last);
        let mut changes = Self {
            design,
            diff: vec![None; n * last],
            still: vec![false; n * last],
            reached: vec![None; n],
            control: vec![0.0; last * design.n_levels],
        };
        for g in 0..n {
            for t in h + 1..=last {
                if design.is_there(g, t) && design.is_there(g, t - h) {
                    let cell = design.at(g, t);
                    changes.diff[cell] = Some(design.y[cell] - design.y[design.at(g, t - h)]);
                    let is_never = design.switch[g] > last;
                    changes.still[cell] = design.switch[g] > t && (is_never || !options.only_never_switchers);
                }
            }
        }
        changes.sum_controls();
        for g in (0..n).filter(|&g| design.direction[g] == direction && design.reach(g) >= h) {
            let t = design.switch[g] - 1 + h;
            let has_diff = t <= last && changes.diff[design.at(g, t)].is_some();
            if has_diff && changes.control[changes.key(t, design.level[g])] > 0.0 {
                changes.reached[g] = Some(t);
            }
        }
        changes
    }

    /// The placebo of the same horizon: the change before the switch, over as many periods, of the same groups.
    fn placebo(mut self, h: usize) -> Self {
        let design = self.design;
        for g in 0..design.n_groups {
            for t in 1..=design.last {
                let cell = design.at(g, t);
                let has_both = t > 2 * h && design.is_there(g, t - 2 * h) && design.is_there(g, t - h);
                self.diff[cell] = self.diff[cell]
                    .filter(|_| has_both)
                    .map(|_| design.y[design.at(g, t - 2 * h)] - design.y[design.at(g, t - h)]);
                self.still[cell] &= self.diff[cell].is_some();
            }
        }
        self.sum_controls();
        for g in 0..design.n_groups {
            self.reached[g] = self.reached[g].filter(|&t| {
                self.diff[design.at(g, t)].is_some() && self.control[self.key(t, design.level[g])] > 0.0
            });
        }
        self
    }

    fn sum_controls(&mut self) {
        self.control.fill(0.0);
        for g in 0..self.design.n_groups {
            for t in 1..=self.design.last {
                let cell = self.cell(g, t);
                if self.still[cell] {
                    let key = self.key(t, self.design.level[g]);
                    self.control[key] += self.design.w[cell];
                }
            }
        }
    }
}

pub(super) fn horizon(
    design: &Design,
    h: usize,
    direction: i8,
    is_placebo: bool,
    options: &DynamicEffectsOptions,
    controls: Option<&Controls>,
) -> Horizon {
    let mut changes = Changes::new(design, h, direction, options);
    if options.same_switchers {
        let kept = same_switchers(design, direction, options);
        changes.reached.iter_mut().zip(kept).for_each(|(t, kept)| *t = t.filter(|_| kept));
    }
    if is_placebo {
        changes = changes.placebo(h);
    }
    if let Some(controls) = controls {
        for g in 0..design.n_groups {
            for t in 1..=design.last {
                let cell = design.at(g, t);
                let slope = changes.diff[cell].map(|_| controls.fitted(design, g, t, h, is_placebo));
                changes.diff[cell] = changes.diff[cell].zip(slope).map(|(diff, slope)| diff - slope);
            }
        }
    }
    sums(&changes, h, is_placebo, controls)
}

/// Groups that can show every effect asked for.
fn same_switchers(design: &Design, direction: i8, options: &DynamicEffectsOptions) -> Vec<bool> {
    let mut count = vec![0; design.n_groups];
    for h in 1..=options.effects {
        let changes = Changes::new(design, h, direction, options);
        changes.reached.iter().zip(&mut count).for_each(|(t, count)| *count += usize::from(t.is_some()));
    }
    count.into_iter().map(|count| count == options.effects).collect()
}

/// A weighted mean of changes, and how many groups or clusters stand behind it.
#[derive(Default)]
struct Mean {
    weight: f64,
    sum: f64,
    clusters: BTreeSet<usize>,
}

impl Mean {
    fn add(&mut self, weight: f64, diff: f64, cluster: usize) {
        self.weight += weight;
        self.sum += weight * diff;
        self.clusters.insert(cluster);
    }

    fn mean(&self) -> f64 {
        self.sum / self.weight
    }

    fn factor(&self) -> f64 {
        let n = self.clusters.len() as f64;
        (n / (n - 1.0)).sqrt()
    }

    fn has_two(&self) -> bool {
        self.clusters.len() >= 2
    }
}

/// Means about which the variance is taken: of the switchers of one cohort, of those who have not switched, of both.
struct Means {
    cohort: BTreeMap<(usize, usize, u64), Mean>,
    still: BTreeMap<usize, Mean>,
    both: BTreeMap<usize, Mean>,
}

impl Means {
    fn of(changes: &Changes<'_>, reached_weight: &[f64]) -> Self {
        let design = changes.design;
        let mut means = Self { cohort: BTreeMap::new(), still: BTreeMap::new(), both: BTreeMap::new() };
        for g in 0..design.n_groups {
            for t in 1..=design.last {
                let cell = design.at(g, t);
                let Some(diff) = changes.diff[cell] else { continue };
                let (w, c) = (design.w[cell], design.cluster[g]);
                let key = changes.key(t, design.level[g]);
                let is_reached = changes.reached[g] == Some(t);
                if is_reached {
                    means.cohort.entry(Self::cohort(design, g)).or_default().add(w, diff, c);
                }
                let is_compared = changes.still[cell] && reached_weight[t - 1] > 0.0;
                if is_compared {
                    means.still.entry(key).or_default().add(w, diff, c);
                }
                if is_reached || is_compared {
                    means.both.entry(key).or_default().add(w, diff, c);
                }
            }
        }
        means
    }

    fn cohort(design: &Design, g: usize) -> (usize, usize, u64) {
        (design.level[g], design.switch[g], (design.switched_to[g] + 0.0).to_bits())
    }

    /// The mean to take off and the factor to scale by, of a switcher or of one who has not switched.
    fn centre(&self, design: &Design, g: usize, key: usize, is_reached: bool) -> (f64, f64) {
        let own = if is_reached { self.cohort.get(&Self::cohort(design, g)) } else { self.still.get(&key) };
        let usable =
            own.filter(|mean| mean.has_two()).or_else(|| self.both.get(&key).filter(|mean| mean.has_two()));
        usable.map_or((0.0, 1.0), |mean| (mean.mean(), mean.factor()))
    }
}

fn sums(changes: &Changes<'_>, h: usize, is_placebo: bool, controls: Option<&Controls>) -> Horizon {
    let design = changes.design;
    let mut horizon = Horizon::empty(design.n_groups);
    let mut by_key = vec![0.0; design.last * design.n_levels];
    let mut by_period = vec![0.0; design.last];
    for (g, t) in changes.reached.iter().enumerate().filter_map(|(g, t)| Some((g, (*t)?))) {
        let w = design.w[design.at(g, t)];
        by_key[changes.key(t, design.level[g])] += w;
        by_period[t - 1] += w;
        horizon.weight += w;
        horizon.n_switchers += 1;
    }
    if horizon.n_switchers == 0 {
        return horizon;
    }
    for (g, t) in changes.reached.iter().enumerate().filter_map(|(g, t)| Some((g, (*t)?))) {
        let share = design.w[design.at(g, t)] / horizon.weight * f64::from(design.direction[g]);
        let moved =
            |t: usize| if design.is_there(g, t) { design.d[design.at(g, t)] - design.start[g] } else { 0.0 };
        horizon.change += share * moved(t);
        horizon.cumulative += share * (design.switch[g]..=t).map(moved).sum::<f64>();
    }
    let means = Means::of(changes, &by_period);
    let scale = design.g_total / horizon.weight;
    let mut moments = controls.map(|controls| controls.moments());
    for g in 0..design.n_groups {
        let t_g = design.compared_until[g];
        if h + 1 > t_g {
            continue;
        }
        for t in h + 1..=t_g.min(design.last) {
            let cell = design.at(g, t);
            let Some(diff) = changes.diff[cell] else { continue };
            let key = changes.key(t, design.level[g]);
            let is_reached = changes.reached[g] == Some(t);
            let compared = match changes.still[cell] && changes.control[key] > 0.0 {
                true => by_key[key] / changes.control[key],
                false => 0.0,
            };
            let factor = scale * design.w[cell] * (f64::from(u8::from(is_reached)) - compared);
            if factor.abs() <= 0.0 {
                continue;
            }
            let (mean, dof) = means.centre(design, g, key, is_reached);
            horizon.u[g] += factor * diff;
            horizon.u_variance[g] += factor * dof * (diff - mean);
            if let (Some(moments), true) = (&mut moments, h + 2 <= t_g) {
                moments.add(design, g, t, h, is_placebo, factor);
            }
        }
    }
    if let (Some(moments), Some(controls)) = (moments, controls) {
        for (g, u) in horizon.u_variance.iter_mut().enumerate() {
            *u -= controls.adjustment(design, g, &moments, is_placebo);
        }
    }
    horizon
}
