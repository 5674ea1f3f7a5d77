//! Text to [`Docket`]: one walk that notes every problem and lint on its way.

mod claims;
mod declarations;
mod reader;

use std::path::Path;

use self::reader::{Ids, Report, Table};
use crate::words::Word;
use crate::{Disclosure, Docket, Error, Lint, Sesoi};

pub(crate) use self::reader::{Report as FileReport, Table as FileTable, parse_toml, unique};

/// Version of the format.
const SCHEMA: &str = "docket/1";

/// Version of the methods that this engine follows.
const METHODS: &str = "methods/1";

/// Longest file, in bytes; the built-in docket has 93,000.
pub(crate) const MAX_FILE_BYTES: usize = 2 << 20;

/// What to do about keys that the format does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are errors.
    Strict,
    /// They are lints, and their values are ignored.
    Lenient,
}

impl Docket {
    /// Reads and checks a claim file, strictly. `file` is how messages name it.
    ///
    /// ```
    /// use evenhand_docket::Docket;
    /// let error = Docket::parse("schema = 'docket/2'", "mine.toml").unwrap_err();
    /// assert_eq!(error.problems()[0].to_string(), "mine.toml:1:1: `claim`: expected this key, found nothing");
    /// ```
    ///
    /// # Errors
    /// [`Error`] with every problem found: not TOML, wrong or missing keys, references that name nothing,
    /// rules that do not load.
    pub fn parse(text: &str, file: &str) -> Result<(Self, Vec<Lint>), Error> {
        Self::parse_in(Mode::Strict, text, file)
    }

    /// As [`Docket::parse`], in a chosen mode.
    ///
    /// # Errors
    /// As [`Docket::parse`].
    pub fn parse_in(mode: Mode, text: &str, file: &str) -> Result<(Self, Vec<Lint>), Error> {
        let toml = parse_toml(text, file)?;
        let report = Report::new(text, file, mode);
        let docket = docket(&Table::root(toml.get_ref(), &report));
        report.finish().map(|lints| (docket, lints))
    }

    /// Reads and checks the claim file at `path`, strictly.
    ///
    /// # Errors
    /// As [`Docket::parse`], and when the file cannot be read or is not UTF-8.
    pub fn load(path: impl AsRef<Path>) -> Result<(Self, Vec<Lint>), Error> {
        let path = path.as_ref();
        Self::parse(&read_text(path)?, &path.display().to_string())
    }
}

/// The file's text, if it is text and not too long.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    use std::io::Read;
    let name = path.display().to_string();
    let refused = |error: std::io::Error| Error::whole_file(&name, error.to_string(), "a readable file");
    let file = std::fs::File::open(path).map_err(refused)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(refused)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::whole_file(&name, format!("other bytes at byte {at}"), "text in UTF-8")
    })
}

/// The whole file. What a broken part leaves out is filled with placeholders that nobody sees, because the
/// report then ends in an error.
fn docket(root: &Table<'_, '_>) -> Docket {
    root.fixed("schema", SCHEMA);
    let head = root.table("docket");
    let alpha = head.number("alpha");
    if !(alpha > 0.0 && alpha < 1.0) {
        head.bad_value("alpha", "a level between 0 and 1");
    }
    let sesoi = sesoi(&head);
    let sources = declarations::sources(root);
    let source_ids = Ids::new("source", sources.iter().map(|source| source.id.as_str()));
    let datasets = declarations::datasets(root);
    let measures = declarations::measures(root, &Ids::new("dataset", datasets.iter().map(|d| d.id.as_str())));
    let definitions = declarations::definitions(root);
    let events = declarations::events(root, &source_ids);
    let declared = claims::Declared {
        sources: source_ids,
        datasets: &datasets,
        measures: &measures,
        definitions: &definitions,
        events: &events,
        alpha,
        sesoi,
    };
    let claims = claims::claims(root, &declared);
    let family_primary = claims::family(&head, &claims);
    let docket = Docket {
        id: head.id(),
        title: head.text("title"),
        language: head.text("language"),
        created: head.date("created"),
        locked: head.flag("locked"),
        seed_sha256: head.sha256("seed_sha256"),
        methods: head.fixed("methods", METHODS),
        disclosure: head.word::<Disclosure>("disclosure"),
        alpha,
        sesoi,
        family_primary,
        sources,
        datasets,
        measures,
        definitions,
        events,
        claims,
    };
    head.finish();
    root.finish();
    docket
}

fn sesoi(head: &Table<'_, '_>) -> Sesoi {
    let table = head.table("sesoi");
    let positive = |key: &'static str| {
        let number = table.number(key);
        if !(number > 0.0 && number.is_finite()) {
            table.bad_value(key, "a positive number");
        }
        number
    };
    let sesoi = Sesoi { log_ratio: positive("log_ratio"), share_pp: positive("share_pp") };
    table.finish();
    sesoi
}

/// Words of a closed list, for messages.
fn one_of<T: Word>() -> String {
    let words: Vec<String> = T::ALL.iter().map(|value| format!("`{}`", value.word())).collect();
    format!("one of {}", words.join(", "))
}
