//! Turns a list of releases into files in a folder: downloaded, resumed where a run stopped, checked.
//! Input: a [`Manifest`], the built-in one or the user's; the network, through the proxy that the environment names.
//! Output: the files, and `fetched.json` beside them, which says what was received; [`Event`]s on the way.
//! Read first: `fetch.rs`, then `download.rs`, which brings one file home.
//!
//! Nothing that a server says is believed: lengths are counted, ranges compared, sums computed, and a file has its
//! name only once it is whole. No other crate of ours touches the network.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod client;
mod download;
mod error;
mod event;
mod fetch;
mod fetched;
mod folder;
mod manifest;
mod part;
mod patience;
mod proxy;

pub use error::{Error, ErrorKind, Result};
pub use event::{Event, Known};
pub use fetch::{Fetched, Options, fetch};
pub use fetched::{FETCHED, FetchedFile};
pub use manifest::{File, Manifest, Release};
pub use patience::Patience;
pub use proxy::Proxies;
