//! Puts claims about immigration enforcement to the test on the public record.
fn main() {}
