//! The methods by name. A new one is a function here or in a file beside this, and one entry in [`METHODS`].

mod honest;
mod staggered;
mod synthetic;

use super::input::Input;
use crate::failure::Failure;
use evenhand_estimate::Estimates;

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
    /// Whether it makes its intervals at the level that was asked for, instead of leaving them to the output.
    pub own_level: bool,
    /// From the rows to the estimates.
    pub run: fn(&Input<'_>) -> Result<Estimates, Failure>,
}

impl Method {
    /// Whether it takes a flag.
    pub fn takes(&self, flag: &str) -> bool {
        let tells_treated = ["cohort", "treatment", "treated", "start"].contains(&flag);
        self.flags.contains(&flag)
            || self.needs.contains(&flag)
            || (tells_treated && self.needs.contains(&"cohort"))
    }
}

/// Repeated cross-sections do without a unit.
const DATED: &[&str] = &["time", "cohort"];
/// Units over periods, and who is treated when.
const PANEL: &[&str] = &["unit", "time", "cohort"];

/// All methods, in the order in which they are listed.
pub const METHODS: &[Method] = &[
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
        own_level: false,
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
        own_level: false,
        run: staggered::imputation,
    },
    Method {
        name: "honest",
        estimand: "sets for an effect when trends may differ by up to m (HonestDiD)",
        in_r: "HonestDiD::createSensitivityResults_relativeMagnitudes",
        needs: &[],
        flags: &[
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
        own_level: true,
        run: honest::honest,
    },
    Method {
        name: "did",
        estimand: "effect on the treated against the mean of all untreated units, one start",
        in_r: "synthdid::did_estimate",
        needs: PANEL,
        flags: &["inference", "draws", "seed"],
        own_level: false,
        run: synthetic::did,
    },
    Method {
        name: "synthetic-control",
        estimand: "effect on the treated against a weighted mean of donors, one start",
        in_r: "Synth::synth",
        needs: PANEL,
        flags: &["inference", "draws", "seed"],
        own_level: false,
        run: synthetic::control,
    },
    Method {
        name: "demeaned-synthetic-control",
        estimand: "the same after the mean before treatment is taken off each unit",
        in_r: "augsynth::augsynth(fixedeff = TRUE)",
        needs: PANEL,
        flags: &["inference", "draws", "seed"],
        own_level: false,
        run: synthetic::demeaned,
    },
    Method {
        name: "synthetic-did",
        estimand: "effect on the treated by weights on donors and on periods, one start",
        in_r: "synthdid::synthdid_estimate",
        needs: PANEL,
        flags: &["inference", "draws", "seed", "stopping"],
        own_level: false,
        run: synthetic::did_weighted,
    },
];
