//! What can be wrong with a claim file: errors that stop it from loading, and lints that do not.

/// Most problems that one error lists; the rest are counted.
pub const MAX_PROBLEMS: usize = 200;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable name of the sort of problem.
    pub code: ProblemCode,
    /// The file as it was named to the loader.
    pub file: String,
    /// Line, from 1; 0 when the trouble is the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 when the trouble is the file as a whole.
    pub column: usize,
    /// The key, such as `claim[A13].rule[2].when`: ids where the table has one, else positions from 1.
    pub path: String,
    /// What stands there.
    pub found: String,
    /// What should.
    pub expected: String,
    /// How to go on.
    pub hint: Option<String>,
}

/// `file:line:column: key: expected ..., found ...`
impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, ": `{}`", self.path)?;
        }
        write!(f, ": expected {}, found {}", self.expected, self.found)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// The stable name.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.code())
            }
        }
    )+};
}

codes! {
    /// Sorts of [`Problem`].
    ProblemCode {
        /// The file cannot be read, is too long or is not text.
        Unreadable = "unreadable",
        /// Not TOML.
        Syntax = "syntax",
        /// A key that the format does not have.
        UnknownKey = "unknown-key",
        /// A required key is absent.
        MissingKey = "missing-key",
        /// A value of another type.
        WrongType = "wrong-type",
        /// A value outside what the key allows.
        BadValue = "bad-value",
        /// An id that is used twice.
        DuplicateId = "duplicate-id",
        /// An id that names nothing.
        UnknownReference = "unknown-reference",
        /// A measure that is not in the test's dataset, or not at its unit.
        MeasureMismatch = "measure-mismatch",
        /// A rule that does not load.
        BadRule = "bad-rule",
        /// A claim about a motive that would be decided by data.
        IntentDecided = "intent-decided",
        /// A literal interval outside the material one.
        LiteralOutsideMaterial = "literal-outside-material",
    }

    /// Sorts of [`Lint`].
    LintCode {
        /// A key that the format does not have, outside strict mode.
        UnknownKey = "unknown-key",
        /// Days of the scope that no dataset of a test covers.
        ScopeOutsideCoverage = "scope-outside-coverage",
        /// Days of a test's window that its datasets do not cover.
        WindowOutsideCoverage = "window-outside-coverage",
        /// A test on records uses figures that the press or an agency printed.
        PressFigures = "press-figures",
        /// The text hedges a number, and the claim has no quantity.
        HedgeWithoutQuantity = "hedge-without-quantity",
        /// A quantity without its material interval; the default was used.
        MaterialByDefault = "material-by-default",
        /// The stated number lies outside its own literal interval.
        ValueOutsideLiteral = "value-outside-literal",
        /// A claim of the confirmatory family has only descriptive tests.
        FamilyDescriptive = "family-descriptive",
        /// A rule below one that is always true.
        UnreachableRule = "unreachable-rule",
        /// A rule whose condition can never be true.
        NeverTrue = "never-true",
        /// A test that no rule and no implication names.
        UnusedTest = "unused-test",
        /// A measure on records without a dataset.
        TestWithoutDataset = "test-without-dataset",
        /// A document check without its document or question.
        IncompleteDocumentCheck = "incomplete-document-check",
        /// An intent claim without implications.
        IntentWithoutImplications = "intent-without-implications",
        /// An event whose date is not verified.
        UnverifiedEvent = "unverified-event",
        /// An axis with no default or with several.
        AxisDefault = "axis-default",
        /// Something declared that no claim uses.
        UnusedDeclaration = "unused-declaration",
    }
}

/// A warning: the file loads, and somebody should look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// Stable name of the sort of lint.
    pub code: LintCode,
    /// The file as it was named to the loader.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key, as in [`Problem::path`].
    pub path: String,
    /// What was noticed.
    pub message: String,
    /// How to go on.
    pub hint: Option<String>,
}

/// `file:line:column: key: message [code]`
impl std::fmt::Display for Lint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, file, line, column, path, message, .. } = self;
        write!(f, "{file}:{line}:{column}: `{path}`: {message} [{code}]")
    }
}

/// Every problem of a file, in file order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// At least one, at most [`MAX_PROBLEMS`].
    problems: Vec<Problem>,
    /// Problems beyond those.
    omitted: usize,
}

/// What stopped the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The file cannot be read, is too long or is not text.
    Unreadable,
    /// Not TOML.
    Syntax,
    /// TOML, but not a docket or lock.
    Invalid,
}

impl Error {
    pub(crate) fn new(problems: Vec<Problem>, omitted: usize) -> Self {
        debug_assert!(!problems.is_empty(), "an error without a problem");
        Self { problems, omitted }
    }

    /// An error about the file as a whole.
    pub(crate) fn whole_file(file: &str, found: impl Into<String>, expected: impl Into<String>) -> Self {
        let problem = Problem {
            code: ProblemCode::Unreadable,
            file: file.to_owned(),
            line: 0,
            column: 0,
            path: String::new(),
            found: found.into(),
            expected: expected.into(),
            hint: None,
        };
        Self::new(vec![problem], 0)
    }

    /// What stopped the load.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self.problems.first().map(|problem| problem.code) {
            Some(ProblemCode::Unreadable) => ErrorKind::Unreadable,
            Some(ProblemCode::Syntax) => ErrorKind::Syntax,
            _ => ErrorKind::Invalid,
        }
    }

    /// The problems, in file order.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many more there are than [`Error::problems`] lists.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// How to go on, for the first problem that has a hint.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.problems.iter().find_map(|problem| problem.hint.as_deref())
    }

    /// All problems, each followed by its hint on a line of its own.
    #[must_use]
    pub fn report(&self) -> String {
        let line = |problem: &Problem| match &problem.hint {
            Some(hint) => format!("{problem}\n  hint: {hint}"),
            None => problem.to_string(),
        };
        let lines: Vec<String> = self.problems.iter().map(line).chain(self.rest()).collect();
        lines.join("\n")
    }

    fn rest(&self) -> Option<String> {
        (self.omitted > 0).then(|| format!("and {} more", self.omitted))
    }
}

/// One problem a line, without hints.
impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(ToString::to_string).chain(self.rest()).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Error {}

/// At most `chars` characters, with control characters escaped and quotes left readable.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    let mut shown = String::new();
    for (index, char) in text.chars().enumerate() {
        match char {
            _ if index == chars => return shown + "…",
            _ if char.is_control() => shown.extend(char.escape_debug()),
            _ => shown.push(char),
        }
    }
    shown
}
