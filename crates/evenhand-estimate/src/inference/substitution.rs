use super::{FiellerSet, RatioInput, fieller};
use crate::error::{finite, proportion};
use crate::special::{normal_cdf, t_cdf};
use crate::{Error, ErrorKind, Estimate, Matrix, Result};

/// Effects on a total and on the two parts that may replace one another, from one bootstrap or one joint sandwich.
#[derive(Debug, Clone, PartialEq)]
pub struct SubstitutionInput {
    /// Effect on the part that the policy takes away, `tau_C`.
    pub taken: f64,
    /// Effect on the part that may replace it, `tau_L`.
    pub replacing: f64,
    /// Effect on everything else, `tau_O`; the net effect is the sum of the three.
    pub other: f64,
    /// Joint covariance in the order taken, replacing, other, shape (3, 3).
    pub vcov: Matrix,
    /// Degrees of freedom of the covariance; `None` for the normal.
    pub df: Option<f64>,
    /// The smallest effect of interest, in the units of the effects: below it an effect counts as none.
    pub smallest_effect: f64,
    /// Level of each test, 0.05 by default in what this crate prints.
    pub alpha: f64,
}

/// What the parts say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubstitutionClass {
    /// The part was taken away and nothing of interest replaced it.
    None,
    /// Some of it was replaced, the total still fell.
    Partial,
    /// All of it was replaced: the total did not change by an effect of interest.
    Full,
    /// More than all of it was replaced: the total rose.
    Over,
    /// The part was taken away; the rest is not settled.
    Unresolved,
    /// That the part was taken away is itself not shown.
    NoPremise,
}

/// Results of [`substitution`]. Every p-value is that of an intersection-union test: the largest of its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Substitution {
    /// The first class of none, full, partial, over whose test rejects; an effect inside the bounds of no
    /// interest is read as none even when its sign is clear.
    pub class: SubstitutionClass,
    /// `tau_C < 0`.
    pub p_premise: f64,
    /// Premise, and `tau_L` within the bounds of no interest.
    pub p_none: f64,
    /// Premise, `tau_L > 0`, `tau_N < 0`.
    pub p_partial: f64,
    /// Premise, `tau_L > 0`, `tau_N` within the bounds.
    pub p_full: f64,
    /// Premise, `tau_L > 0`, `tau_N > 0`.
    pub p_over: f64,
    /// The net effect `tau_N`, the sum of the three.
    pub net: Estimate,
    /// `s = -tau_L / tau_C`: gained of the one for each lost of the other.
    pub ratio: f64,
    /// Fieller's 95 % set of the ratio; when it is unbounded the ratio is not identified.
    pub ratio_set: FiellerSet,
}

/// Whether what a policy takes away in one place comes back in another.
///
/// Every class is an intersection-union test (Berger 1982, doi:10.1080/00401706.1982.10487790): it is concluded
/// when all its parts reject at `alpha`, which needs no adjustment for their number. Parts are one-sided tests of
/// sign and two one-sided tests of equivalence. The net effect is the sum of the parts, so that they add up.
///
/// ```
/// use evenhand_estimate::{Matrix, SubstitutionClass, SubstitutionInput, substitution};
/// let input = SubstitutionInput {
///     taken: -4.0, replacing: 1.5, other: 0.0,
///     vcov: Matrix::from_rows(&[&[0.1, 0.0, 0.0], &[0.0, 0.1, 0.0], &[0.0, 0.0, 0.01]]),
///     df: None, smallest_effect: 0.4, alpha: 0.05,
/// };
/// let found = substitution(&input)?;
/// assert_eq!(found.class, SubstitutionClass::Partial);
/// assert!((found.ratio - 0.375).abs() < 1e-12 && found.ratio_set.is_bounded());
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Shape`] for another covariance than 3 by 3; [`ErrorKind::NonFinite`]; [`ErrorKind::Domain`] for
/// a variance below 0, bounds that are not above 0 or a level outside (0, 1).
pub fn substitution(input: &SubstitutionInput) -> Result<Substitution> {
    check(input)?;
    let v = &input.vcov;
    let net = input.taken + input.replacing + input.other;
    let part =
        |estimate: f64, variance: f64| Part { estimate, std_error: variance.max(0.0).sqrt(), df: input.df };
    let taken = part(input.taken, v[(0, 0)]);
    let replacing = part(input.replacing, v[(1, 1)]);
    let total = part(net, v.data().iter().sum());
    let bound = input.smallest_effect;
    let p_premise = taken.p_below(0.0);
    let p_none = p_premise.max(replacing.p_within(bound));
    let replaced = p_premise.max(replacing.p_above(0.0));
    let p_partial = replaced.max(total.p_below(0.0));
    let p_full = replaced.max(total.p_within(bound));
    let p_over = replaced.max(total.p_above(0.0));
    use SubstitutionClass::{Full, NoPremise, None, Over, Partial, Unresolved};
    let settled = [(p_none, None), (p_full, Full), (p_partial, Partial), (p_over, Over)];
    let class = match settled.iter().find(|(p, _)| *p <= input.alpha) {
        Some(&(_, class)) => class,
        Option::None if p_premise <= input.alpha => Unresolved,
        Option::None => NoPremise,
    };
    let ratio_input = RatioInput {
        numerator: -input.replacing,
        denominator: input.taken,
        variance_numerator: v[(1, 1)],
        covariance: -v[(0, 1)],
        variance_denominator: v[(0, 0)],
        df: input.df,
    };
    Ok(Substitution {
        class,
        p_premise,
        p_none,
        p_partial,
        p_full,
        p_over,
        net: Estimate::from_std_error(net, total.std_error, input.df),
        ratio: finite(-input.replacing / input.taken, "ratio of the effects")?,
        ratio_set: fieller(&ratio_input, 0.95)?,
    })
}

/// One effect and its one-sided tests.
struct Part {
    estimate: f64,
    std_error: f64,
    df: Option<f64>,
}

impl Part {
    /// P-value for the claim that the effect lies above `bound`.
    fn p_above(&self, bound: f64) -> f64 {
        let distance = self.estimate - bound;
        if self.std_error <= 0.0 {
            return if distance > 0.0 { 0.0 } else { 1.0 };
        }
        let z = -distance / self.std_error;
        self.df.map_or_else(|| normal_cdf(z), |df| t_cdf(z, df))
    }

    /// P-value for the claim that the effect lies below `bound`.
    fn p_below(&self, bound: f64) -> f64 {
        Self { estimate: -self.estimate, ..*self }.p_above(-bound)
    }

    /// P-value for the claim that the effect lies within `bound` of 0.
    fn p_within(&self, bound: f64) -> f64 {
        self.p_below(bound).max(self.p_above(-bound))
    }
}

fn check(input: &SubstitutionInput) -> Result<()> {
    if (input.vcov.n_rows(), input.vcov.n_cols()) != (3, 3) {
        let message =
            format!("covariance of {} by {}, expected 3 by 3", input.vcov.n_rows(), input.vcov.n_cols());
        return Err(Error::new(ErrorKind::Shape, message));
    }
    let effects = [input.taken, input.replacing, input.other, input.smallest_effect];
    effects.iter().chain(input.vcov.data()).try_for_each(|&x| finite(x, "effect or covariance").map(drop))?;
    if let Some(v) = input.vcov.diagonal().into_iter().find(|v| *v < 0.0) {
        return Err(Error::new(ErrorKind::Domain, format!("variance {v}, expected 0 or more")));
    }
    if input.smallest_effect <= 0.0 {
        let message = format!("smallest effect of interest {}, expected more than 0", input.smallest_effect);
        return Err(Error::new(ErrorKind::Domain, message));
    }
    proportion(input.alpha, "level of the tests").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(taken: f64, replacing: f64, std_error: f64) -> SubstitutionClass {
        let v = std_error * std_error;
        let input = SubstitutionInput {
            taken,
            replacing,
            other: 0.0,
            vcov: Matrix::from_rows(&[&[v, 0.0, 0.0], &[0.0, v, 0.0], &[0.0, 0.0, 0.0]]),
            df: Some(40.0),
            smallest_effect: 0.5,
            alpha: 0.05,
        };
        substitution(&input).unwrap().class
    }

    #[test]
    fn the_classes_follow_from_the_effects_when_they_are_precise() {
        assert_eq!(class(-4.0, 0.1, 0.1), SubstitutionClass::None);
        assert_eq!(class(-4.0, 2.0, 0.1), SubstitutionClass::Partial);
        assert_eq!(class(-4.0, 4.1, 0.1), SubstitutionClass::Full);
        assert_eq!(class(-4.0, 6.0, 0.1), SubstitutionClass::Over);
        assert_eq!(class(-4.0, 1.0, 2.0), SubstitutionClass::Unresolved);
        assert_eq!(class(-0.1, 6.0, 0.1), SubstitutionClass::NoPremise);
    }

    // The parts' own t-tests: 1.5 and 2.5 standard errors; the class needs the weaker one.
    #[test]
    fn a_class_is_as_sure_as_its_weakest_part() {
        let input = SubstitutionInput {
            taken: -2.5,
            replacing: 1.5,
            other: -3.0,
            vcov: Matrix::identity(3),
            df: None,
            smallest_effect: 0.5,
            alpha: 0.05,
        };
        let found = substitution(&input).unwrap();
        assert!((found.p_premise - normal_cdf(-2.5)).abs() < 1e-15);
        assert!((found.p_partial - normal_cdf(-1.5)).abs() < 1e-15);
        assert!((found.net.estimate + 4.0).abs() < 1e-15);
        assert!((found.net.std_error.unwrap() - 3f64.sqrt()).abs() < 1e-15);
        assert_eq!(found.class, SubstitutionClass::Unresolved);
    }

    #[test]
    fn inputs_are_checked() {
        let good = SubstitutionInput {
            taken: -1.0,
            replacing: 1.0,
            other: 0.0,
            vcov: Matrix::identity(3),
            df: None,
            smallest_effect: 0.5,
            alpha: 0.05,
        };
        let kind = |input: SubstitutionInput| substitution(&input).unwrap_err().kind();
        assert_eq!(kind(SubstitutionInput { vcov: Matrix::identity(2), ..good.clone() }), ErrorKind::Shape);
        assert_eq!(kind(SubstitutionInput { smallest_effect: 0.0, ..good.clone() }), ErrorKind::Domain);
        assert_eq!(kind(SubstitutionInput { alpha: 1.5, ..good.clone() }), ErrorKind::Domain);
        assert_eq!(kind(SubstitutionInput { taken: 0.0, ..good }), ErrorKind::NonFinite);
    }
}
