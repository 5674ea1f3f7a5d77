use crate::exit::Exit;
use std::io;

/// What stopped a command.
#[derive(Debug)]
pub enum Failure {
    /// One clear error.
    Error {
        /// Exit code.
        exit: Exit,
        /// Where, what was found, what was expected; lower case, no full stop.
        message: String,
        /// How to go on.
        hint: Option<String>,
    },
    /// Whoever read our output has gone: nothing to say, nothing failed.
    ReaderGone,
}

impl Failure {
    /// An error that ends with `exit`.
    pub fn new(exit: Exit, message: impl std::fmt::Display) -> Failure {
        Failure::Error { exit, message: message.to_string(), hint: None }
    }

    /// The same error, ending otherwise.
    #[must_use]
    pub fn ending(self, exit: Exit) -> Failure {
        match self {
            Failure::Error { message, hint, .. } => Failure::Error { exit, message, hint },
            gone @ Failure::ReaderGone => gone,
        }
    }

    /// Adds how to go on, if there is a way.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<&str>) -> Failure {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Adds how to go on.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Failure {
        match self {
            Failure::Error { exit, message, .. } => Failure::Error { exit, message, hint: Some(hint.into()) },
            gone @ Failure::ReaderGone => gone,
        }
    }
}

/// An output that could not be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ReaderGone,
            _ => Failure::new(Exit::Failed, format!("cannot write the output: {error}")),
        }
    }
}

/// A record that cannot be read is a bad input; a disk or another writer in the way is not.
impl From<&evenhand_store::Error> for Failure {
    fn from(error: &evenhand_store::Error) -> Failure {
        use evenhand_store::ErrorKind as Kind;
        let exit = match error.kind() {
            Kind::Locked | Kind::DiskFull | Kind::Io | Kind::Staging => Exit::Failed,
            _ => Exit::BadInput,
        };
        Failure::new(exit, error).maybe_hint(error.hint())
    }
}

impl From<evenhand_store::Error> for Failure {
    fn from(error: evenhand_store::Error) -> Failure {
        Failure::from(&error)
    }
}

/// A claim file or lock with problems: the first is told, the lint tells all.
impl From<evenhand_docket::Error> for Failure {
    fn from(error: evenhand_docket::Error) -> Failure {
        // A misspelt key is also a missing one: the problem that knows how to go on says more.
        let problems = error.problems();
        let told = problems.iter().find(|problem| problem.hint.is_some()).or(problems.first());
        let message = told.map_or_else(String::new, ToString::to_string);
        let hint = told.and_then(|problem| problem.hint.as_deref());
        match problems.len() + error.omitted() {
            0 | 1 => Failure::new(Exit::BadInput, message).maybe_hint(hint),
            count => {
                let all = format!("`evenhand docket lint FILE` lists all {count} problems");
                let hint = hint.map_or_else(|| all.clone(), |hint| format!("{hint}; {all}"));
                Failure::new(Exit::BadInput, message).hint(hint)
            }
        }
    }
}

/// A claim that no docket has is asked for wrongly; different boundaries are the claim file's fault.
impl From<evenhand_verdict::Error> for Failure {
    fn from(error: evenhand_verdict::Error) -> Failure {
        use evenhand_verdict::ErrorKind as Kind;
        let exit = match error.kind() {
            Kind::UnknownClaim => Exit::Usage,
            Kind::Boundary => Exit::BadInput,
            _ => Exit::Failed,
        };
        Failure::new(exit, &error).maybe_hint(error.hint())
    }
}

/// SQL that is wrong or refused is a bad input; memory, time and disk are not.
impl From<evenhand_query::Error> for Failure {
    fn from(error: evenhand_query::Error) -> Failure {
        use evenhand_query::ErrorKind as Kind;
        let exit = match error.kind() {
            Kind::Memory | Kind::Time | Kind::Output => Exit::Failed,
            _ => Exit::BadInput,
        };
        Failure::new(exit, &error).maybe_hint(error.hint())
    }
}

/// Data that a method cannot work on.
impl From<evenhand_estimate::Error> for Failure {
    fn from(error: evenhand_estimate::Error) -> Failure {
        Failure::new(Exit::BadInput, &error).hint(error.hint())
    }
}

/// Cells that make no panel.
impl From<evenhand_panel::Error> for Failure {
    fn from(error: evenhand_panel::Error) -> Failure {
        Failure::new(Exit::BadInput, &error).hint(error.hint())
    }
}

/// A release that cannot be made up as asked, or a disk that does not take it.
impl From<evenhand_simulate::Error> for Failure {
    fn from(error: evenhand_simulate::Error) -> Failure {
        use evenhand_simulate::Error as Kind;
        let exit = match error {
            Kind::UnknownRelease { .. }
            | Kind::NoTable { .. }
            | Kind::Scale { .. }
            | Kind::NotEmpty { .. } => Exit::Usage,
            _ => Exit::Failed,
        };
        Failure::new(exit, &error).maybe_hint(error.hint())
    }
}

/// The stable code of a store error in JSON.
pub fn store_code(kind: evenhand_store::ErrorKind) -> &'static str {
    use evenhand_store::ErrorKind as Kind;
    match kind {
        Kind::NoRecord => "no_record",
        Kind::NewerFormat => "newer_format",
        Kind::Damaged => "damaged",
        Kind::Missing => "missing",
        Kind::UnsafePath => "unsafe_path",
        Kind::Locked => "locked",
        Kind::DiskFull => "disk_full",
        Kind::UnknownTable => "unknown_table",
        Kind::UnknownColumn => "unknown_column",
        Kind::Schema => "schema",
        Kind::Ledger => "ledger",
        Kind::Name => "name",
        Kind::Staging => "staging",
        _ => "io",
    }
}

/// A file that is not a release as we know it.
impl From<evenhand_ingest::Error> for Failure {
    fn from(error: evenhand_ingest::Error) -> Failure {
        use evenhand_ingest::ErrorKind as Kind;
        let exit = match error.kind() {
            Kind::Sink | Kind::Internal => Exit::Failed,
            _ => Exit::BadInput,
        };
        Failure::new(exit, &error).maybe_hint(error.hint())
    }
}

/// Rows that cannot be linked, or a disk that does not take them.
impl From<&evenhand_derive::Error> for Failure {
    fn from(error: &evenhand_derive::Error) -> Failure {
        use evenhand_derive::Error as Kind;
        let exit = match error {
            Kind::Column { .. } | Kind::TooMany(_) => Exit::BadInput,
            _ => Exit::Failed,
        };
        let is_full = matches!(error, Kind::Scratch(why) if why.kind() == io::ErrorKind::StorageFull);
        let hint = is_full
            .then_some("free some space or choose a record on another disk; the earlier record is untouched");
        Failure::new(exit, error).maybe_hint(hint)
    }
}

/// A release that the record does not hold, or a record that cannot be read; transcribed figures are ours.
impl From<evenhand_measure::Error> for Failure {
    fn from(error: evenhand_measure::Error) -> Failure {
        use evenhand_measure::ErrorKind as Kind;
        let exit = match error.kind() {
            Kind::Transcribed => Exit::Failed,
            Kind::Record | Kind::Column | Kind::NotHeld => Exit::BadInput,
        };
        Failure::new(exit, &error).maybe_hint(error.hint())
    }
}

/// Text from outside inside a message must not move the cursor or forge a second line.
pub fn one_line(text: &str) -> String {
    let escape = |letter: char| match letter {
        '\n' => "; ".to_owned(),
        letter if letter.is_control() => letter.escape_default().to_string(),
        letter => letter.to_string(),
    };
    text.trim_end().chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_a_second_line() {
        assert_eq!(one_line("`a\nhint: b\u{1b}[2J`\n"), "`a; hint: b\\u{1b}[2J`");
    }
}
