use std::fmt;

/// What a reader of a number must know; it travels with the number. The display text is one plain sentence
/// without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Caveat {
    /// Rows left out because a value was missing.
    MissingRows {
        /// How many.
        n: usize,
    },
    /// Rows left out because they are alone in a level of a fixed effect.
    Singletons {
        /// How many.
        n: usize,
    },
    /// Rows left out because a fixed effect or regressor predicts them perfectly to be 0.
    Separated {
        /// How many.
        n: usize,
    },
    /// Rows of weight 0.
    ZeroWeight {
        /// How many.
        n: usize,
    },
    /// Columns left out because they are combinations of those before them.
    Collinear {
        /// Their names.
        columns: Vec<String>,
    },
    /// Units left out because their number of periods is not complete.
    Unbalanced {
        /// How many.
        n_units: usize,
    },
    /// Units left out because they are treated from the first period on.
    AlwaysTreated {
        /// How many.
        n_units: usize,
    },
    /// Fewer treated clusters than the standard error needs (methods 4).
    FewTreatedClusters {
        /// Treated clusters.
        treated: usize,
        /// All clusters.
        clusters: usize,
    },
    /// Fewer clusters than the standard error needs.
    FewClusters {
        /// All clusters.
        clusters: usize,
    },
    /// Cells or effects that could not be estimated, by name.
    NotEstimated {
        /// Which.
        what: String,
        /// Why.
        why: String,
    },
    /// Weights below 0 in a two-way fixed-effects estimate of staggered adoption.
    NegativeWeights {
        /// Their share of the absolute sum, in percent, rounded.
        percent: u32,
    },
    /// Draws of a bootstrap or a permutation that gave no answer.
    FailedDraws {
        /// How many failed.
        failed: usize,
        /// Of how many.
        draws: usize,
    },
    /// The fit before treatment is too poor for the method to be trusted (methods 3.7).
    PoorFit {
        /// Root mean squared prediction error over the standard deviation before treatment, in percent.
        percent: u32,
    },
    /// Something particular to a method, in its own words.
    Note(String),
}

impl Caveat {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingRows { .. } => "missing_rows",
            Self::Singletons { .. } => "singletons",
            Self::Separated { .. } => "separated",
            Self::ZeroWeight { .. } => "zero_weight",
            Self::Collinear { .. } => "collinear",
            Self::Unbalanced { .. } => "unbalanced",
            Self::AlwaysTreated { .. } => "always_treated",
            Self::FewTreatedClusters { .. } => "few_treated_clusters",
            Self::FewClusters { .. } => "few_clusters",
            Self::NotEstimated { .. } => "not_estimated",
            Self::NegativeWeights { .. } => "negative_weights",
            Self::FailedDraws { .. } => "failed_draws",
            Self::PoorFit { .. } => "poor_fit",
            Self::Note(_) => "note",
        }
    }
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingRows { n } => write!(f, "{n} rows left out: a value is missing"),
            Self::Singletons { n } => write!(f, "{n} rows left out: alone in a level of a fixed effect"),
            Self::Separated { n } => {
                write!(f, "{n} rows left out: a fixed effect or column predicts them to be exactly 0")
            }
            Self::ZeroWeight { n } => write!(f, "{n} rows left out: their weight is 0"),
            Self::Collinear { columns } => {
                write!(f, "left out as combinations of the columns before them: {}", columns.join(", "))
            }
            Self::Unbalanced { n_units } => {
                write!(f, "{n_units} units left out: they are not observed in every period")
            }
            Self::AlwaysTreated { n_units } => {
                write!(f, "{n_units} units left out: they are treated from the first period on")
            }
            Self::FewTreatedClusters { treated, clusters } => write!(
                f,
                "{treated} treated of {clusters} clusters: the standard error is too small; use the wild cluster \
                 bootstrap or randomization inference"
            ),
            Self::FewClusters { clusters } => {
                write!(
                    f,
                    "{clusters} clusters: the standard error is too small; use the wild cluster bootstrap"
                )
            }
            Self::NotEstimated { what, why } => write!(f, "{what} not estimated: {why}"),
            Self::NegativeWeights { percent } => write!(
                f,
                "{percent} % of the weight falls on effects with a negative sign; use an estimator for staggered \
                 adoption"
            ),
            Self::FailedDraws { failed, draws } => write!(f, "{failed} of {draws} draws gave no answer"),
            Self::PoorFit { percent } => {
                write!(f, "the fit before treatment misses by {percent} % of the series' spread")
            }
            Self::Note(text) => f.write_str(text),
        }
    }
}
