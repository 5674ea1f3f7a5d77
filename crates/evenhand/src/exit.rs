/// How a run can end. The numbers are a public interface; `docs/reference/command-line.md` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The command did what it was asked, whatever the verdicts say.
    Done = 0,
    /// Something outside the inputs stopped it: a full disk, a second writer, a bug of ours.
    Failed = 1,
    /// The command line itself is wrong.
    Usage = 2,
    /// A file, a claim or a record is not what it should be.
    BadInput = 3,
    /// `--strict` was given and a test could not be run.
    NotRun = 4,
    /// `--locked` was given and a verdict is not the one in the lock.
    Changed = 5,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
