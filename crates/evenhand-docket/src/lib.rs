//! Turns a claim file (format `docket/1`) into typed claims whose decision rules are checked, hashed and ready to run.
//! Input: TOML text written by people; nothing in it is trusted.
//! Output: [`Docket`] and its [`Lint`]s, or one [`Error`] that lists every problem with line, column and key.
//! Read first: [`claim`], the shape of a claim; then [`rule`], the language in which it is decided.

pub mod claim;
pub mod docket;
mod words;

pub mod rule;

mod chain;
mod decide;
mod hedge;
mod pitfall;

mod load;
mod nearest;
mod problem;

mod hash;
mod lock;

pub use chain::{chain_is_weak, weakest_hop};
pub use claim::{
    Claim, Claimant, Fact, Geo, Hop, Implication, Interval, Motive, Quantity, Reading, Rule, Scope, Test,
};
pub use decide::{Decision, RuleTrace};
pub use docket::{Dataset, Definition, Docket, Event, Measure, Sesoi, Source};
pub use evenhand_vocab::Date;
pub use hedge::{Hedge, NumberWords, interval_for_hedge};
pub use load::Mode;
pub use lock::{ClaimLock, Lock, LockState, Locked};
pub use pitfall::Pitfall;
pub use problem::{Error, ErrorKind, Lint, LintCode, Problem, ProblemCode};
pub use rule::{Expr, Field, Fields, MAX_BYTES as MAX_RULE_BYTES, ShareOf, Truth};
pub use words::{
    Access, Certainty, ClaimKind, Disclosure, Discriminates, Estimator, Fidelity, Modifier, Period, Relation,
    Role, Status, TestKind, Unit, Word,
};
