//! Puts claims about immigration enforcement to the test on the public record.
//!
//! Flags come in through [`cli`], each subcommand is one file under [`commands`], and every way of ending is
//! one of [`exit::Exit`]'s. stdout carries data, stderr carries talk.

mod account;
mod cli;
mod commands;
mod dockets;
mod exit;
mod failure;
mod files;
mod out;
mod panics;
mod record;
mod table;
mod threads;

use clap::Parser as _;

/// Name and version, as every record and every verdict carries them.
const ENGINE: &str = concat!("evenhand ", env!("CARGO_PKG_VERSION"));

fn main() -> std::process::ExitCode {
    panics::run(|| match cli::Cli::try_parse() {
        Ok(cli) => {
            let talk = out::Talk::new(cli.color);
            commands::run(cli).unwrap_or_else(|failure| talk.failed(&failure))
        }
        Err(usage) => out::usage(&usage),
    })
    .into()
}
