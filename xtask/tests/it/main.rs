//! Holds the repository to the rules that ARCHITECTURE.md states.
//! Input: `cargo metadata`, the lock file and every file that git would commit.
//! Output: one failing test a broken rule, with the place that breaks it.
//! Read first: [`edges`], the whole list of who may use whom.

mod edges;
mod files;
mod metadata;
mod supply_chain;
