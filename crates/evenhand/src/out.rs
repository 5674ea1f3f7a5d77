use crate::exit::Exit;
use crate::failure::{Failure, one_line};
use clap::ValueEnum;
use std::io::{self, IsTerminal as _, Write as _};

/// When to use color.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether to color what goes to a stream.
    pub fn applies_to(self, stream: &impl io::IsTerminal) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
                stream.is_terminal() && !refused && !dumb
            }
        }
    }
}

/// Writes data to stdout.
pub fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Writes one JSON document to stdout, indented when a person looks at it.
pub fn json(value: &serde_json::Value) -> Result<(), Failure> {
    let text = if io::stdout().is_terminal() { format!("{value:#}\n") } else { format!("{value}\n") };
    data(&text)
}

/// Talk to the person at the terminal: stderr, never data.
#[derive(Debug, Clone, Copy)]
pub struct Talk {
    color: bool,
}

impl Talk {
    /// Talk in color or not.
    pub fn new(color: Color) -> Talk {
        Talk { color: color.applies_to(&io::stderr()) }
    }

    /// Says one line.
    pub fn say(self, text: &str) {
        // Nobody to talk to is no reason to fail.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Says what stopped a command, and gives its exit code.
    pub fn failed(self, failure: &Failure) -> Exit {
        let Failure::Error { exit, message, hint } = failure else { return Exit::Done };
        self.problem(message, hint.as_deref());
        *exit
    }

    /// Says one thing that is wrong, and how to go on.
    pub fn problem(self, message: &str, hint: Option<&str>) {
        self.say(&format!("{} {}", self.paint("error:", "1;31"), one_line(message)));
        if let Some(hint) = hint {
            self.say(&format!("{} {}", self.paint("hint:", "1"), one_line(hint)));
        }
    }

    fn paint(self, text: &str, code: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Prints clap's help or usage error where it belongs.
pub fn usage(error: &clap::Error) -> Exit {
    // A reader of the help who has gone is no failure.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

/// Columns to write for, where the surroundings say so.
pub fn columns() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns >= 40)
}
