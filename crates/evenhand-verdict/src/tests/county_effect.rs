//! One county against donors: fit, mapping to a ratio, and inference for one treated unit.
//!
//! Counts are transformed to z = 2 sqrt(y + 3/8), so that large and small counties are comparable in noise, or
//! indexed to their own mean before the policy; effects are mapped back to the logarithm of observed over
//! counterfactual counts. Headline interval: the wider of the conformal and the placebo one (methods/1, 3.7, 3.8).

use super::Stop;
use evenhand_estimate::{
    Conformal, ConformalOptions, Design, Estimate, Interval, PlaceboUnits, RootEffect, SyntheticDidOptions,
    SyntheticFit, conformal_synthetic_did, demeaned_synthetic_control, did, placebo_units, root_transform,
    synthetic_did,
};

/// Estimators of the multiverse; the first is primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Synthetic difference-in-differences.
    SyntheticDid,
    /// Demeaned synthetic control.
    SyntheticControl,
    /// Plain difference-in-differences.
    Did,
}

impl Method {
    /// Fits it.
    ///
    /// # Errors
    /// As the method's own.
    pub fn fit(self, design: &Design) -> evenhand_estimate::Result<SyntheticFit> {
        match self {
            Method::SyntheticDid => synthetic_did(design, &SyntheticDidOptions::default()),
            Method::SyntheticControl => demeaned_synthetic_control(design),
            Method::Did => did(design),
        }
    }
}

/// Transformations of counts; the first is primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// z = 2 sqrt(y + 3/8).
    Root,
    /// y over the unit's own mean before the policy.
    Index,
}

impl Scale {
    /// The transformed series; `n_pre` months lie before the policy.
    #[must_use]
    pub fn apply(self, counts: &[f64], n_pre: usize) -> Vec<f64> {
        match self {
            Scale::Root => counts.iter().map(|&y| root_transform(y)).collect(),
            Scale::Index => {
                let base = base(counts, n_pre);
                counts.iter().map(|y| y / base).collect()
            }
        }
    }

    /// ln(observed / counterfactual) of post-policy `counts` for an effect on the transformed scale; `base` is
    /// the mean before the policy. Infinite where one of the two is nothing.
    ///
    /// # Errors
    /// As [`RootEffect::new`].
    pub fn ln_ratio(self, post: &[f64], base: f64, tau: f64) -> evenhand_estimate::Result<f64> {
        match self {
            Scale::Root => Ok(RootEffect::new(post)?.ln_ratio(tau)),
            Scale::Index => {
                let observed = post.iter().sum::<f64>() / post.len() as f64;
                let expected = observed - tau * base;
                Ok(if expected <= 0.0 { f64::INFINITY } else { (observed / expected).ln() })
            }
        }
    }
}

/// Mean before the policy, never zero, so that an index exists for a county without arrests.
#[must_use]
pub fn base(counts: &[f64], n_pre: usize) -> f64 {
    (counts[..n_pre].iter().sum::<f64>() / n_pre as f64).max(0.5 / n_pre as f64)
}

/// Effect of a policy on one county, with everything that a reader may ask.
pub struct CountyEffect {
    /// ln(observed / counterfactual) with the headline interval.
    pub headline: Estimate,
    /// The same with the placebo interval.
    pub by_placebos: Estimate,
    /// 95 percent conformal interval; `None` when the set is empty.
    pub by_conformal: Option<Interval>,
    /// Which of the two is the wider.
    pub wider: &'static str,
    /// Placebo units on the transformed scale.
    pub placebos: PlaceboUnits,
    /// Conformal inference on the transformed scale.
    pub conformal: Conformal,
    /// Counts from the policy on, over `multiplier`.
    pub post: Vec<f64>,
    /// What the counterfactual was multiplied by before the comparison; 1 when nothing is netted out.
    pub multiplier: f64,
    /// Back to counts.
    pub effect: RootEffect,
}

/// Infers the effect on a root-transformed design whose post-policy counts are `post`, already divided by
/// `multiplier`; `fit` is the estimator that placebos share with the treated unit.
///
/// # Errors
/// As the methods' own.
pub fn infer<F>(design: &Design, post: &[f64], multiplier: f64, fit: F) -> Result<CountyEffect, Stop>
where
    F: Fn(&Design) -> evenhand_estimate::Result<SyntheticFit> + Sync,
{
    let placebos = placebo_units(design, fit)?;
    let conformal =
        conformal_synthetic_did(design, &SyntheticDidOptions::default(), &ConformalOptions::default())?;
    let effect = RootEffect::new(post)?;
    let by_placebos = effect.map(&placebos.estimate)?;
    let set = |set| effect.map_set(set).hull();
    let (set_95, set_90) = (set(&conformal.set_95), set(&conformal.set_90));
    let placebo_95 = Interval { low: by_placebos.conf_low, high: by_placebos.conf_high };
    let placebo_90 = Interval { low: by_placebos.conf_low_90, high: by_placebos.conf_high_90 };
    let wider = |one: Interval, other: Option<Interval>| match other {
        Some(other) if other.width() > one.width() => (other, "conformal"),
        _ => (one, "placebo"),
    };
    let ((wide, name), (narrow, _)) = (wider(placebo_95, set_95), wider(placebo_90, set_90));
    let headline = Estimate {
        conf_low: wide.low,
        conf_high: wide.high,
        conf_low_90: narrow.low,
        conf_high_90: narrow.high,
        ..by_placebos
    };
    Ok(CountyEffect {
        headline,
        by_placebos,
        by_conformal: set_95,
        wider: name,
        placebos,
        conformal,
        post: post.to_vec(),
        multiplier,
        effect,
    })
}

impl CountyEffect {
    /// Observed minus counterfactual a month, with the ends of the headline interval.
    #[must_use]
    pub fn a_month(&self) -> (f64, f64, f64) {
        let observed = self.observed_a_month();
        let at = |ln_ratio: f64| if observed > 0.0 { observed * -(-ln_ratio).exp_m1() } else { 0.0 };
        (at(self.headline.estimate), at(self.headline.conf_low), at(self.headline.conf_high))
    }

    /// Counterfactual counts a month.
    #[must_use]
    pub fn expected_a_month(&self) -> f64 {
        let total = self.effect.counterfactual_total(self.placebos.estimate.estimate);
        self.multiplier * total / self.post.len() as f64
    }

    /// Observed counts a month.
    #[must_use]
    pub fn observed_a_month(&self) -> f64 {
        self.multiplier * self.post.iter().sum::<f64>() / self.post.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenhand_estimate::Stream;

    const PRE: usize = 15;
    const POST: usize = 8;

    /// Thirty counties around 40 arrests a month with Poisson-like noise; the treated one is `times` as high after.
    fn design(seed: u64, times: f64) -> (Design, Vec<f64>) {
        let stream = Stream::new(seed, 7);
        let series = |unit: usize| -> Vec<f64> {
            let level = 30.0 + 20.0 * stream.uniform(unit as u64);
            let noise = |t: usize| level.sqrt() * stream.normal((1000 + unit * (PRE + POST) + t) as u64);
            (0..PRE + POST).map(|t| (level + noise(t)).round().max(0.0)).collect()
        };
        let mut treated = series(0);
        treated[PRE..].iter_mut().for_each(|y| *y = (*y * times).round());
        let root = |counts: &[f64]| Scale::Root.apply(counts, PRE);
        let donors: Vec<(String, Vec<f64>)> =
            (1..=30).map(|unit| (format!("{unit:05}"), root(&series(unit)))).collect();
        let periods: Vec<String> = (0..PRE + POST).map(|t| format!("{t:02}")).collect();
        (Design::from_series(&root(&treated), &donors, &periods, PRE).unwrap(), treated[PRE..].to_vec())
    }

    fn effect(seed: u64, times: f64) -> CountyEffect {
        let (design, post) = design(seed, times);
        infer(&design, &post, 1.0, |design| Method::SyntheticDid.fit(design)).unwrap()
    }

    // Over ten seeds the mean log error of a doubling stays under 0.1, about two standard errors of one run.
    #[test]
    fn a_doubling_is_found() {
        let errors: Vec<f64> =
            (0..10).map(|seed| effect(seed, 2.0).headline.estimate - std::f64::consts::LN_2).collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        assert!(mean.abs() < 0.1, "{mean}");
        let found = effect(3, 2.0);
        // With 23 months the conformal interval at 95 percent rests on one shift; the 90 percent one is firm.
        assert!(found.headline.conf_low_90 > 0.0 && found.placebos.rank_p < 0.05, "{:?}", found.headline);
        let (more, low, high) = found.a_month();
        assert!(
            low < more
                && more < high
                && (more - (found.observed_a_month() - found.expected_a_month())).abs() < 1e-6
        );
    }

    #[test]
    fn without_an_effect_the_interval_holds_none() {
        let held = (0..10).filter(|&seed| {
            let headline = effect(seed, 1.0).headline;
            headline.conf_low <= 0.0 && 0.0 <= headline.conf_high
        });
        assert!(held.count() >= 9);
    }

    #[test]
    fn the_headline_is_the_wider_interval() {
        let found = effect(5, 1.5);
        let headline = Interval { low: found.headline.conf_low, high: found.headline.conf_high };
        assert!(headline.width() >= found.by_conformal.unwrap().width());
        assert!(headline.width() >= found.by_placebos.conf_high - found.by_placebos.conf_low);
    }

    #[test]
    fn an_index_gives_the_ratio_back() {
        // Ten a month before, twelve after, where ten were expected: an effect of 0.2 of the base.
        let ratio = Scale::Index.ln_ratio(&[12.0, 12.0], 10.0, 0.2).unwrap();
        assert!((ratio - 1.2_f64.ln()).abs() < 1e-12);
        assert!(Scale::Index.ln_ratio(&[1.0], 10.0, 0.2).unwrap().is_infinite());
    }

    #[test]
    fn a_county_without_arrests_has_an_index() {
        assert!(Scale::Index.apply(&[0.0, 0.0, 0.0], 2).iter().all(|value| value.is_finite()));
    }
}
