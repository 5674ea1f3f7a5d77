//! Linear regression with any number of absorbed fixed effects.

mod absorb;

pub use absorb::{Absorber, Effects, singletons};
