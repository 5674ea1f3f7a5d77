//! Puts claims about immigration enforcement to the test on the public record.
//!
//! Flags come in through [`cli`], each subcommand is one file under [`commands`], and every way of ending is
//! one of [`exit::Exit`]'s. stdout carries data, stderr carries talk.

mod account;
mod atlas;
mod cli;
mod commands;
mod dockets;
mod exit;
mod failure;
mod files;
mod frame;
mod memory;
mod out;
mod panics;
mod progress;
mod record;
mod table;
mod threads;

use clap::{CommandFactory as _, FromArgMatches as _};

/// Name and version, as every record and every verdict carries them.
const ENGINE: &str = concat!("evenhand ", env!("CARGO_PKG_VERSION"));

fn main() -> std::process::ExitCode {
    panics::run(|| {
        let parsed = cli::Cli::command().try_get_matches();
        // Which flags were written, and not only what they amount to, matters to `estimate`.
        match parsed.and_then(|matches| Ok((cli::Cli::from_arg_matches(&matches)?, matches))) {
            Ok((cli, matches)) => {
                let talk = out::Talk::new(cli.color);
                commands::run(cli, &matches).unwrap_or_else(|failure| talk.failed(&failure))
            }
            Err(usage) => out::usage(&usage),
        }
    })
    .into()
}
