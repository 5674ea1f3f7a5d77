//! Panel estimators, inference and diagnostics
