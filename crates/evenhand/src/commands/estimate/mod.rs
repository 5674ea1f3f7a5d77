//! `evenhand estimate`: one method on one table of the user's own.
//!
//! Flags say which columns mean what ([`flags`]); [`input`] reads those and no others; a method of [`methods`] makes
//! [`Estimates`] of them; [`output`] prints.

pub mod flags;
mod input;
mod methods;
mod output;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::frame;
use crate::out::{self, Talk};
use crate::{files, threads};
use flags::Estimate;
use input::Input;
use methods::{METHODS, Method};

/// Runs a method; `given` are the flags that the user wrote.
pub fn run(args: &Estimate, given: &[String], talk: Talk) -> Result<Exit, Failure> {
    threads::use_at_most(args.threads)?;
    if args.list {
        out::data(&output::list(args))?;
        return Ok(Exit::Done);
    }
    let method = find(args.method.as_deref().unwrap_or_default())?;
    refuse_unused(method, given)?;
    let input = Input::read(args, method)?;
    let mut found = (method.run)(&input)?;
    found.estimates.caveats.splice(0..0, input.caveats());
    let answer = output::Answer { method, args, input: &input, found: &found };
    out::data(&answer.text()?)?;
    if let Some(path) = &args.svg {
        files::write_whole(path, answer.svg()?.as_bytes())?;
        talk.say(&format!("figure: {}", path.display()));
    }
    Ok(Exit::Done)
}

fn find(name: &str) -> Result<&'static Method, Failure> {
    if let Some(method) = METHODS.iter().find(|method| method.name == name) {
        return Ok(method);
    }
    let names: Vec<String> = METHODS.iter().map(|method| method.name.to_owned()).collect();
    let hint = match frame::nearest(&names, name) {
        Some(near) => format!("did you mean `{near}`? `evenhand estimate --list` names all"),
        None => "`evenhand estimate --list` names them".to_owned(),
    };
    Err(Failure::new(Exit::Usage, format!("no method `{name}`")).hint(hint))
}

/// A flag without effect would be believed to have had one.
fn refuse_unused(method: &Method, given: &[String]) -> Result<(), Failure> {
    let Some(flag) = given.iter().find(|flag| !method.takes(flag)) else { return Ok(()) };
    let takes = method.flags.iter().map(|flag| format!("--{flag}")).collect::<Vec<_>>().join(", ");
    let message = format!("`{}` has no use for `--{flag}`", method.name);
    Err(Failure::new(Exit::Usage, message).hint(format!("besides columns and output it takes {takes}")))
}
