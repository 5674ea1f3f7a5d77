//! The inference ladder: what to report beside a point estimate when clusters, or treated clusters, are few.
//! [`ladder`] names the rung for a design; each rung is a file named after its method. Read first: `ladder.rs`,
//! then `wild_cluster_bootstrap.rs`.

mod ladder;

mod clustered;
mod inversion;
pub mod wild_cluster_bootstrap;

mod permutations;
pub mod randomization;

mod calibration;
mod cluster_jackknife;
mod score_bootstrap;

mod fieller;
mod romano_wolf;
mod substitution;

pub use calibration::{FewTreated, RejectionRates, rejection_rates};
pub use cluster_jackknife::{DeleteOne, cluster_jackknife, delete_one};
pub use clustered::{ClusteredRegression, Restrictions};
pub use fieller::{FiellerSet, RatioInput, fieller};
pub use inversion::{Counting, Tail};
pub use ladder::{Ladder, Procedure, ladder};
pub use permutations::Permutations;
pub use randomization::{
    Exchanged, RandomizationInference, RandomizationOptions, RandomizationStatistic, randomization_inference,
};
pub use romano_wolf::romano_wolf;
pub use score_bootstrap::{ScoreBootstrap, score_bootstrap};
pub use substitution::{Substitution, SubstitutionClass, SubstitutionInput, substitution};
pub use wild_cluster_bootstrap::{
    ClusterVariance, WildBootstrap, WildClusterBootstrapOptions, WildScores, WildWeights,
    wild_cluster_bootstrap, wild_cluster_twfe,
};
