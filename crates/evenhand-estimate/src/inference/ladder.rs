use super::WildWeights;
use crate::{Caveat, Error, ErrorKind, Result};

/// A way to judge an effect by clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Procedure {
    /// The cluster sandwich with Student's t on G - 1 degrees of freedom.
    ClusterSandwich,
    /// The cluster jackknife, CR3.
    ClusterJackknife,
    /// The wild cluster bootstrap, null imposed.
    WildClusterBootstrap(WildWeights),
    /// Randomization inference on the t-statistic.
    RandomizationInference,
    /// One treated unit: synthetic control methods with placebo ranks and conformal inference.
    SingleUnit,
}

/// The rung of the ladder for a design.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    /// What a verdict rests on.
    pub primary: Procedure,
    /// What is shown beside it.
    pub companions: Vec<Procedure>,
    /// Why, in one plain sentence without a full stop.
    pub reason: String,
    /// What a reader of the cluster sandwich must know, if it is not the primary.
    pub caveat: Option<Caveat>,
}

/// Which inference a design with `treated` treated clusters of `clusters` needs.
///
/// | treated clusters G1, all clusters G | primary | also shown |
/// |---|---|---|
/// | G1 = 1 | methods for one unit | |
/// | G1 in 2..5 | randomization inference on t | wild bootstrap |
/// | G < 12 | wild cluster bootstrap, Webb | randomization |
/// | G < 50 or G1 in 6..9 | wild cluster bootstrap, Rademacher | CR3, randomization |
/// | G >= 50, G1 >= 10 | cluster sandwich, t(G - 1) | CR3 |
///
/// Rows are read from the top. MacKinnon and Webb (2017, 2020) show why: with few treated clusters the sandwich
/// rejects far too often and the wild bootstrap far too seldom.
///
/// ```
/// use evenhand_estimate::{Procedure, WildWeights, ladder};
/// assert_eq!(ladder(3, 50)?.primary, Procedure::RandomizationInference);
/// assert_eq!(ladder(8, 50)?.primary, Procedure::WildClusterBootstrap(WildWeights::Rademacher));
/// assert_eq!(ladder(25, 50)?.primary, Procedure::ClusterSandwich);
/// # Ok::<(), evenhand_estimate::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NoTreated`] without a treated cluster, [`ErrorKind::TooFewClusters`] below two clusters,
/// [`ErrorKind::Domain`] for more treated clusters than clusters.
pub fn ladder(treated: usize, clusters: usize) -> Result<Ladder> {
    use Procedure::{
        ClusterJackknife, ClusterSandwich, RandomizationInference, SingleUnit, WildClusterBootstrap,
    };
    check(treated, clusters)?;
    let rademacher = WildClusterBootstrap(WildWeights::Rademacher);
    let webb = WildClusterBootstrap(WildWeights::Webb);
    let few_treated = Some(Caveat::FewTreatedClusters { treated, clusters });
    let few_clusters = Some(Caveat::FewClusters { clusters });
    let (primary, companions, why, caveat) = match (treated, clusters) {
        (1, _) => {
            (SingleUnit, vec![], "with one treated cluster there is no variation among them", few_treated)
        }
        (2..=5, _) => {
            let wild = if clusters < 12 { webb } else { rademacher };
            let why = "with so few treated the sandwich rejects too often and the wild bootstrap too seldom";
            (RandomizationInference, vec![wild], why, few_treated)
        }
        (_, ..12) => {
            let why = "so few clusters leave two-point weights too few distinct draws";
            (webb, vec![RandomizationInference], why, few_clusters)
        }
        (6..=9, _) => {
            let why = "with so few treated the sandwich rejects too often";
            (rademacher, vec![ClusterJackknife, RandomizationInference], why, few_treated)
        }
        (_, ..50) => {
            let why = "with fewer than 50 clusters the sandwich rejects too often";
            (rademacher, vec![ClusterJackknife, RandomizationInference], why, few_clusters)
        }
        _ => (ClusterSandwich, vec![ClusterJackknife], "clusters and treated clusters are many", None),
    };
    let reason = format!("{treated} treated of {clusters} clusters: {why}");
    Ok(Ladder { primary, companions, reason, caveat })
}

fn check(treated: usize, clusters: usize) -> Result<()> {
    if clusters < 2 {
        let message = format!("{clusters} clusters, expected at least 2");
        return Err(Error::new(ErrorKind::TooFewClusters, message));
    }
    if treated == 0 {
        return Err(Error::new(
            ErrorKind::NoTreated,
            format!("0 treated of {clusters} clusters, expected some"),
        ));
    }
    if treated > clusters {
        let message = format!("{treated} treated of {clusters} clusters, expected no more than there are");
        return Err(Error::new(ErrorKind::Domain, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_met_at_its_edges() {
        let primary = |treated, clusters| ladder(treated, clusters).unwrap().primary;
        let wild = Procedure::WildClusterBootstrap;
        assert_eq!(primary(10, 50), Procedure::ClusterSandwich);
        assert_eq!(primary(10, 49), wild(WildWeights::Rademacher));
        assert_eq!(primary(9, 500), wild(WildWeights::Rademacher));
        assert_eq!(primary(6, 12), wild(WildWeights::Rademacher));
        assert_eq!(primary(6, 11), wild(WildWeights::Webb));
        assert_eq!(primary(5, 500), Procedure::RandomizationInference);
        assert_eq!(primary(2, 8), Procedure::RandomizationInference);
        assert_eq!(primary(1, 500), Procedure::SingleUnit);
    }

    #[test]
    fn the_sandwich_alone_carries_no_caveat() {
        assert_eq!(ladder(10, 50).unwrap().caveat, None);
        let few = ladder(3, 50).unwrap();
        assert_eq!(few.caveat, Some(Caveat::FewTreatedClusters { treated: 3, clusters: 50 }));
        assert!(few.reason.starts_with("3 treated of 50 clusters"));
    }

    #[test]
    fn impossible_designs_are_refused() {
        assert_eq!(ladder(1, 1).unwrap_err().kind(), ErrorKind::TooFewClusters);
        assert_eq!(ladder(0, 9).unwrap_err().kind(), ErrorKind::NoTreated);
        assert_eq!(ladder(4, 3).unwrap_err().kind(), ErrorKind::Domain);
    }
}
