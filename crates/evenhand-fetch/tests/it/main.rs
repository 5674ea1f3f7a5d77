//! Fetches from a server that misbehaves, without any other network.

mod answers;
mod disk;
mod kit;
mod lengths;
mod proxy;
mod redirects;
mod resume;
mod sums;
