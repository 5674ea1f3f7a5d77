//! The methods by name. A new one is a function in a file beside this, and one entry in [`METHODS`].

mod counts;
mod decomposition;
mod factor;
mod honest;
mod regression;
mod staggered;
mod synthetic;

use super::input::Input;
use crate::failure::Failure;
use evenhand_estimate::Estimates;
use serde_json::Value;

/// A method of the command line.
pub struct Method {
    /// Its name: the library's module with hyphens.
    pub name: &'static str,
    /// What it estimates, in a line.
    pub estimand: &'static str,
    /// What it is called in R.
    pub in_r: &'static str,
    /// Columns without which it cannot do; `cohort` stands for any way to tell who is treated.
    pub needs: &'static [&'static str],
    /// Flags that it takes besides those and the output's.
    pub flags: &'static [&'static str],
    /// What sets it apart from the others.
    pub traits: &'static [Trait],
    /// From the rows to the estimates.
    pub run: fn(&Input<'_>) -> Result<Found, Failure>,
}

/// What sets a method apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trait {
    /// It makes its intervals at the level that was asked for, instead of leaving them to the output.
    OwnLevel,
    /// `--treatment` may be a dose, or end again; who is treated when is not read off it.
    TakesDoses,
    /// Covariates may be missing in a row.
    SparseCovariates,
}

/// Estimates, and tables that go with them.
pub struct Found {
    /// The estimates.
    pub estimates: Estimates,
    /// Such as weights of donors.
    pub details: Vec<Detail>,
}

/// A table that goes with estimates.
pub struct Detail {
    /// Its name: a key in JSON.
    pub name: &'static str,
    /// Names of its columns.
    pub columns: &'static [&'static str],
    /// Its rows, a cell for each column.
    pub rows: Vec<Vec<Value>>,
}

impl From<Estimates> for Found {
    fn from(estimates: Estimates) -> Found {
        Found { estimates, details: Vec::new() }
    }
}

impl Method {
    /// Whether it takes a flag.
    pub fn takes(&self, flag: &str) -> bool {
        let tells_treated = ["cohort", "treatment", "treated", "start"].contains(&flag);
        self.flags.contains(&flag)
            || self.needs.contains(&flag)
            || (tells_treated && self.needs.contains(&"cohort"))
    }

    /// Whether it is so.
    pub fn is(&self, what: Trait) -> bool {
        self.traits.contains(&what)
    }
}

/// Repeated cross-sections do without a unit.
const DATED: &[&str] = &["time", "cohort"];
/// Units over periods, and who is treated when.
const PANEL: &[&str] = &["unit", "time", "cohort"];

/// Flags of generalized linear models.
const COUNT_FLAGS: &[&str] = &[
    "unit",
    "time",
    "cohort",
    "treatment",
    "treated",
    "start",
    "covariates",
    "fe",
    "weights",
    "cluster",
    "offset",
    "exposure",
    "vcov",
    "lags",
    "latitude",
    "longitude",
    "cutoff-km",
    "small-sample",
    "drop-singletons",
    "aggregate",
    "reference",
    "bin-before",
    "bin-after",
];
/// Flags of extended two-way regressions.
const EXTENDED_FLAGS: &[&str] = &[
    "unit",
    "covariates",
    "weights",
    "cluster",
    "offset",
    "exposure",
    "control",
    "aggregate",
    "family",
    "link-scale",
    "vcov",
    "lags",
    "latitude",
    "longitude",
    "cutoff-km",
    "small-sample",
];

/// All methods, in the order in which they are listed.
pub const METHODS: &[Method] = &[
    Method {
        name: "ols",
        estimand: "least squares on covariates, any number of fixed effects absorbed",
        in_r: "fixest::feols",
        needs: &[],
        flags: &[
            "unit",
            "time",
            "covariates",
            "fe",
            "weights",
            "cluster",
            "vcov",
            "lags",
            "latitude",
            "longitude",
            "cutoff-km",
            "small-sample",
            "drop-singletons",
        ],
        traits: &[],
        run: regression::ols,
    },
    Method {
        name: "poisson",
        estimand: "Poisson pseudo-likelihood, fixed effects absorbed; effects are log ratios",
        in_r: "fixest::fepois",
        needs: &[],
        flags: COUNT_FLAGS,
        traits: &[Trait::TakesDoses],
        run: counts::poisson,
    },
    Method {
        name: "fractional-logit",
        estimand: "the same for shares from 0 to 1; effects are log odds",
        in_r: "fixest::feglm(family = \"logit\")",
        needs: &[],
        flags: COUNT_FLAGS,
        traits: &[Trait::TakesDoses],
        run: counts::fractional_logit,
    },
    Method {
        name: "extended-twfe",
        estimand: "effect on the treated, every cohort and period with its own coefficient",
        in_r: "etwfe::etwfe, etwfe::emfx",
        needs: DATED,
        flags: EXTENDED_FLAGS,
        traits: &[],
        run: counts::extended_twfe,
    },
    Method {
        name: "extended-twfe-poisson",
        estimand: "the same for counts",
        in_r: "etwfe::etwfe(family = \"poisson\")",
        needs: DATED,
        flags: EXTENDED_FLAGS,
        traits: &[],
        run: counts::extended_twfe_poisson,
    },
    Method {
        name: "poisson-imputation",
        estimand: "log ratio of counts to those imputed from untreated rows",
        in_r: "none",
        needs: PANEL,
        flags: &[
            "covariates",
            "weights",
            "cluster",
            "offset",
            "exposure",
            "anticipation",
            "aggregate",
            "inference",
            "draws",
            "seed",
        ],
        traits: &[],
        run: counts::poisson_imputation,
    },
    Method {
        name: "twfe",
        estimand: "one effect of treatment, unit and period effects absorbed",
        in_r: "fixest::feols(y ~ d | unit + time)",
        needs: DATED,
        flags: &[
            "unit",
            "covariates",
            "weights",
            "cluster",
            "vcov",
            "lags",
            "latitude",
            "longitude",
            "cutoff-km",
            "small-sample",
            "drop-singletons",
            "inference",
            "draws",
            "seed",
        ],
        traits: &[Trait::TakesDoses],
        run: regression::twfe,
    },
    Method {
        name: "event-study",
        estimand: "effects by time since treatment, unit and period effects absorbed",
        in_r: "fixest::feols(y ~ i(rel, ref = -1) | unit + time)",
        needs: DATED,
        flags: &[
            "unit",
            "covariates",
            "weights",
            "cluster",
            "vcov",
            "lags",
            "latitude",
            "longitude",
            "cutoff-km",
            "small-sample",
            "drop-singletons",
            "reference",
            "bin-before",
            "bin-after",
        ],
        traits: &[],
        run: regression::event_study,
    },
    Method {
        name: "sun-abraham",
        estimand: "effects by time since treatment, averaged over cohorts by their size",
        in_r: "fixest::sunab",
        needs: DATED,
        flags: &[
            "unit",
            "covariates",
            "weights",
            "cluster",
            "vcov",
            "lags",
            "latitude",
            "longitude",
            "cutoff-km",
            "small-sample",
            "drop-singletons",
            "reference",
            "aggregate",
            "control",
        ],
        traits: &[],
        run: regression::sun_abraham,
    },
    Method {
        name: "callaway-santanna",
        estimand: "effect on each cohort in each period, and their averages",
        in_r: "did::att_gt, did::aggte",
        needs: DATED,
        flags: &[
            "unit",
            "covariates",
            "weights",
            "cluster",
            "control",
            "base",
            "anticipation",
            "method",
            "aggregate",
            "min-event",
            "max-event",
            "balance",
            "unbalanced",
            "fix-weights",
            "draws",
            "multiplier",
            "bootstrap-errors",
            "seed",
        ],
        traits: &[],
        run: staggered::callaway_santanna,
    },
    Method {
        name: "imputation",
        estimand: "effect on the treated against outcomes imputed from untreated rows",
        in_r: "didimputation::did_imputation",
        needs: PANEL,
        flags: &[
            "covariates",
            "weights",
            "cluster",
            "anticipation",
            "aggregate",
            "horizons",
            "pretrends",
            "leave-one-out",
        ],
        traits: &[],
        run: staggered::imputation,
    },
    Method {
        name: "two-stage",
        estimand: "effect on the treated, fixed effects taken from untreated rows first",
        in_r: "did2s::did2s",
        needs: PANEL,
        flags: &["covariates", "weights", "cluster", "anticipation", "aggregate", "reference"],
        traits: &[],
        run: staggered::two_stage,
    },
    Method {
        name: "stacked",
        estimand: "effect on the treated from a stack of comparisons, one for each cohort",
        in_r: "a stacked regression (Cengiz et al. 2019; Wing et al. 2024)",
        needs: PANEL,
        flags: &["covariates", "weights", "cluster", "control", "aggregate", "pre", "post", "weighting"],
        traits: &[],
        run: staggered::stacked,
    },
    Method {
        name: "dechaisemartin-dhaultfoeuille",
        estimand: "effects after treatment changes, which may be a dose and end again",
        in_r: "DIDmultiplegtDYN::did_multiplegt_dyn",
        needs: PANEL,
        flags: &[
            "weights",
            "cluster",
            "control",
            "post",
            "pretrends",
            "normalized",
            "switchers",
            "same-switchers",
        ],
        traits: &[Trait::TakesDoses],
        run: staggered::dechaisemartin_dhaultfoeuille,
    },
    Method {
        name: "did-m",
        estimand: "effect in the period of a change of treatment",
        in_r: "DIDmultiplegt::did_multiplegt(mode = \"old\")",
        needs: PANEL,
        flags: &["weights", "cluster"],
        traits: &[Trait::TakesDoses],
        run: staggered::did_m,
    },
    Method {
        name: "triple-difference",
        estimand: "effect on eligible units, the change of ineligible ones taken off",
        in_r: "triplediff::ddd",
        needs: PANEL,
        flags: &["covariates", "weights", "cluster", "partition", "control", "base", "method", "aggregate"],
        traits: &[],
        run: staggered::triple_difference,
    },
    Method {
        name: "bacon",
        estimand: "the comparisons of two groups that a two-way coefficient is made of",
        in_r: "bacondecomp::bacon",
        needs: PANEL,
        flags: &["covariates"],
        traits: &[],
        run: decomposition::bacon,
    },
    Method {
        name: "negative-weights",
        estimand: "the weights that a two-way coefficient gives to effects, and their signs",
        in_r: "TwoWayFEWeights::twowayfeweights",
        needs: PANEL,
        flags: &["covariates", "weights"],
        traits: &[Trait::TakesDoses],
        run: decomposition::negative_weights,
    },
    Method {
        name: "honest",
        estimand: "sets for an effect when trends may differ by up to m (HonestDiD)",
        in_r: "HonestDiD::createSensitivityResults_relativeMagnitudes",
        needs: &[],
        flags: &[
            "unit",
            "time",
            "cohort",
            "treatment",
            "treated",
            "start",
            "covariates",
            "weights",
            "cluster",
            "control",
            "anticipation",
            "method",
            "sigma",
            "n-pre",
            "reference",
            "study",
            "restriction",
            "shape",
            "set",
            "m",
            "target",
            "grid-points",
            "exact",
            "breakdown",
            "draws",
            "seed",
        ],
        traits: &[Trait::OwnLevel],
        run: honest::honest,
    },
    Method {
        name: "pretrend",
        estimand: "joint test of the effects before treatment, and the trends it would find",
        in_r: "pretrends::pretrends",
        needs: &[],
        flags: &[
            "unit",
            "time",
            "cohort",
            "treatment",
            "treated",
            "start",
            "covariates",
            "weights",
            "cluster",
            "control",
            "anticipation",
            "method",
            "sigma",
            "n-pre",
            "reference",
            "study",
            "target",
            "seed",
        ],
        traits: &[],
        run: honest::pretrend,
    },
    Method {
        name: "did",
        estimand: "effect on the treated against the mean of untreated units",
        in_r: "synthdid::did_estimate",
        needs: PANEL,
        flags: &["covariates", "control", "inference", "draws", "seed"],
        traits: &[],
        run: synthetic::did,
    },
    Method {
        name: "synthetic-did",
        estimand: "effect on the treated by weights on donors and on periods",
        in_r: "synthdid::synthdid_estimate",
        needs: PANEL,
        flags: &["covariates", "control", "inference", "draws", "seed", "stopping"],
        traits: &[],
        run: synthetic::synthetic_did,
    },
    Method {
        name: "synthetic-control",
        estimand: "effect on the treated against a weighted mean of donors, one start",
        in_r: "Synth::synth",
        needs: PANEL,
        flags: &["covariates", "predictors", "v", "inference", "seed", "placebo-dates", "leave-one-out"],
        traits: &[Trait::SparseCovariates],
        run: synthetic::synthetic_control,
    },
    Method {
        name: "demeaned-synthetic-control",
        estimand: "the same after each unit's mean before treatment is taken off",
        in_r: "augsynth::augsynth(progfunc = \"None\", fixedeff = TRUE)",
        needs: PANEL,
        flags: &["inference", "placebo-dates", "leave-one-out"],
        traits: &[],
        run: synthetic::demeaned,
    },
    Method {
        name: "ridge-augmented-synthetic-control",
        estimand: "a synthetic control with its misfit before treatment taken off by ridge",
        in_r: "augsynth::augsynth(progfunc = \"Ridge\")",
        needs: PANEL,
        flags: &["covariates", "inference", "lambda", "placebo-dates", "leave-one-out"],
        traits: &[],
        run: synthetic::ridge_augmented,
    },
    Method {
        name: "generalized-synthetic-control",
        estimand: "effect on the treated against outcomes imputed by a factor model",
        in_r: "gsynth::gsynth",
        needs: PANEL,
        flags: &["covariates", "factors", "inference", "draws", "seed"],
        traits: &[],
        run: factor::generalized_synthetic_control,
    },
    Method {
        name: "matrix-completion",
        estimand: "effect on the treated against outcomes of a low-rank completion",
        in_r: "gsynth::gsynth(estimator = \"mc\"), fect::fect(method = \"mc\")",
        needs: PANEL,
        flags: &["covariates", "lambda", "inference", "draws", "seed"],
        traits: &[],
        run: factor::matrix_completion,
    },
    Method {
        name: "interrupted-time-series",
        estimand: "change of level and slope of a treated series, season and controls aside",
        in_r: "glm(family = quasipoisson) with Newey-West errors",
        needs: PANEL,
        flags: &["covariates", "model", "season", "season-period", "lags"],
        traits: &[],
        run: factor::interrupted_time_series,
    },
];
