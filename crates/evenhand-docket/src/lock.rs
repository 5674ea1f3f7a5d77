//! The lock: which rules were fixed, and on which day. Commit it before a run, next to the docket.

use std::collections::BTreeMap;
use std::path::Path;

use crate::load::{FileReport, FileTable, Mode, parse_toml, read_text};
use crate::{Date, Docket, Error};

/// Version of the lock file's format.
const SCHEMA: &str = "docket-lock/1";

/// Rule hashes of one docket, fixed on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Id of the docket.
    pub docket: String,
    /// By claim id.
    pub claims: BTreeMap<String, Locked>,
}

/// One fixed rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// [`crate::Claim::rule_hash`] at the time.
    pub rule_hash: String,
    /// The day.
    pub locked_at: Date,
}

/// A claim against the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimLock {
    /// Id of the claim.
    pub claim: String,
    /// How it stands.
    pub state: LockState,
}

/// How a claim stands against the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockState {
    /// As it was fixed.
    Locked {
        /// On this day.
        at: Date,
    },
    /// Changed since; its verdict is `exploratory`.
    Changed {
        /// The hash that was fixed.
        was: String,
        /// On this day.
        at: Date,
    },
    /// Never fixed; its verdict is `exploratory`.
    New,
    /// Fixed, and no longer in the docket.
    Removed {
        /// The hash that was fixed.
        was: String,
        /// On this day.
        at: Date,
    },
}

impl Lock {
    /// Fixes every claim of `docket` on `day`.
    #[must_use]
    pub fn of(docket: &Docket, day: Date) -> Self {
        let mut lock = Self { docket: docket.id.clone(), claims: BTreeMap::new() };
        lock.add_new(docket, day);
        lock
    }

    /// Fixes claims that the lock does not hold yet. A claim that changed keeps its old hash: replacing that
    /// is a decision, made by removing its entry from the file.
    pub fn add_new(&mut self, docket: &Docket, day: Date) {
        for claim in &docket.claims {
            let fix = || Locked { rule_hash: claim.rule_hash(), locked_at: day };
            self.claims.entry(claim.id.clone()).or_insert_with(fix);
        }
    }

    /// Every claim of the docket in its order, then those that only the lock knows. A lock of another docket
    /// knows none of its claims.
    #[must_use]
    pub fn compare(&self, docket: &Docket) -> Vec<ClaimLock> {
        let known = |id: &str| self.claims.get(id).filter(|_| self.docket == docket.id);
        let state = |claim: &crate::Claim| match known(&claim.id) {
            None => LockState::New,
            Some(locked) if locked.rule_hash == claim.rule_hash() => {
                LockState::Locked { at: locked.locked_at }
            }
            Some(locked) => LockState::Changed { was: locked.rule_hash.clone(), at: locked.locked_at },
        };
        let present =
            docket.claims.iter().map(|claim| ClaimLock { claim: claim.id.clone(), state: state(claim) });
        let gone =
            self.claims.iter().filter(|(id, _)| docket.claim(id).is_none()).map(|(id, locked)| ClaimLock {
                claim: id.clone(),
                state: LockState::Removed { was: locked.rule_hash.clone(), at: locked.locked_at },
            });
        present.chain(gone).collect()
    }

    /// Reads a lock file; `file` is how messages name it.
    ///
    /// # Errors
    /// As [`Docket::parse`].
    pub fn parse(text: &str, file: &str) -> Result<Self, Error> {
        let toml = parse_toml(text, file)?;
        let report = FileReport::new(text, file, Mode::Strict);
        let root = FileTable::root(toml.get_ref(), &report);
        root.fixed("schema", SCHEMA);
        let docket = root.id_under("docket");
        let tables = root.tables_opt("claim");
        let entry = |table: &FileTable<'_, '_>| {
            let rule_hash = table.need_sha256("rule_hash");
            let entry = (table.id(), Locked { rule_hash, locked_at: table.date("locked_at") });
            table.finish();
            entry
        };
        let entries: Vec<(String, Locked)> = tables.iter().map(entry).collect();
        crate::load::unique(&tables, &entries.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>());
        root.finish();
        report.finish()?;
        Ok(Self { docket, claims: entries.into_iter().collect() })
    }

    /// Reads the lock file at `path`.
    ///
    /// # Errors
    /// As [`Docket::load`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(&read_text(path)?, &path.display().to_string())
    }

    /// The file's text: same lock, same bytes. Ids are plain words and need no escapes.
    #[must_use]
    pub fn write(&self) -> String {
        let head = format!("schema = \"{SCHEMA}\"\ndocket = \"{}\"\n", self.docket);
        let entry = |(id, locked): (&String, &Locked)| {
            let Locked { rule_hash, locked_at } = locked;
            format!("\n[[claim]]\nid = \"{id}\"\nrule_hash = \"{rule_hash}\"\nlocked_at = {locked_at}\n")
        };
        self.claims.iter().map(entry).fold(head, |text, entry| text + &entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_not_one_says_what_is_wrong() {
        let text = "schema = \"docket-lock/1\"\ndocket = \"a b\"\n[[claim]]\nid = \"A01\"\nrule_hash = \"12ab\"\nlocked = 1\n";
        let error = Lock::parse(text, "d.lock").map(|lock| lock.write()).unwrap_err();
        insta::assert_snapshot!(error.report(), @r#"
        d.lock:2:10: `docket`: expected an id of at most 64 letters, digits and `. _ : -`, found `"a b"`
        d.lock:3:1: `claim[A01].locked_at`: expected this key, found nothing
        d.lock:5:13: `claim[A01].rule_hash`: expected a SHA-256 in 64 lower-case hex digits, found `"12ab"`
        d.lock:6:1: `claim[A01].locked`: expected one of `id`, `locked_at`, `rule_hash`, found an unknown key
        "#);
    }
}
