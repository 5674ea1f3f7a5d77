//! Runs the real binary, as a person or a script would: exit codes, streams, files before and after.

mod bad_input;
mod crash;
mod determinism;
mod estimate;
mod fetch;
mod outputs;
mod released;
mod run;
mod simulated;
