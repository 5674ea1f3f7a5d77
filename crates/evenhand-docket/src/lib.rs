//! Claim files: schema, rule language, lints, rule hash
