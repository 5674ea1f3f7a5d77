//! One file a subcommand; each takes its flags and gives an exit code.

mod check;
mod diff;
mod docket;
pub mod estimate;
mod fetch;
mod ingest;
mod measures;
mod panel;
mod places;
mod query;
mod releases;
mod simulate;
mod verify;

use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Talk;
use clap::ArgMatches;

/// Does what was asked.
pub fn run(cli: Cli, matches: &ArgMatches) -> Result<Exit, Failure> {
    let talk = Talk::new(cli.color);
    match cli.command {
        Command::Check(args) => check::run(&args, cli.color, talk),
        Command::Diff(args) => diff::run(&args, talk),
        Command::Docket(args) => docket::run(&args, talk),
        Command::Fetch(args) => fetch::run(&args, talk),
        Command::Ingest(args) => ingest::run(&args, talk),
        Command::Verify(args) => verify::run(&args, talk),
        Command::Query(args) => query::run(&args, talk),
        Command::Panel(args) => panel::run(&args, talk),
        Command::Estimate(args) => {
            let given = matches.subcommand_matches("estimate").map(estimate::flags::given);
            estimate::run(&args, &given.unwrap_or_default(), talk)
        }
        Command::Releases(args) => releases::run(&args),
        Command::Measures(args) => measures::run(&args),
        Command::Places(args) => places::run(&args),
        Command::Simulate(args) => simulate::run(&args, talk),
    }
}
