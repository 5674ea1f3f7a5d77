//! Units by periods in memory: outcome, weight, cohort, cluster
