//! Claim, measures and estimates to verdicts
