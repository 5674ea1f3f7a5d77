//! A file, a server, and a fetch that is in a hurry.

use evenhand_fetch::{
    Error, ErrorKind, Event, Fetched, File, Manifest, Options, Patience, Proxies, Release, fetch,
};
use evenhand_testkit::web::Server;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

pub const NAME: &str = "arrests.csv";
pub const TAG: &str = "\"one\"";

/// Two hundred thousand bytes that do not repeat themselves.
pub fn body() -> Vec<u8> {
    let mut text = String::from("date,count\n");
    for number in 0_u64.. {
        text.push_str(&format!("{},{}\n", number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        if text.len() > 200_000 {
            break;
        }
    }
    text.truncate(200_000);
    text.into_bytes()
}

pub fn sum(bytes: &[u8]) -> String {
    evenhand_ledger::Digest::of(bytes).as_str().to_owned()
}

/// A folder to fetch into, and what was told.
pub struct Kit {
    pub release: Release,
    pub options: Options,
    pub told: Vec<String>,
    _scratch: Option<TempDir>,
}

impl Kit {
    /// One file at this address of the server, of which nothing is known.
    pub fn new(server: &Server) -> Self {
        Self::at(&server.url("/arrests.csv"))
    }

    pub fn at(url: &str) -> Self {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let to = scratch.path().join("release");
        Self { _scratch: Some(scratch), ..Self::in_folder(url, &to) }
    }

    pub fn in_folder(url: &str, to: &Path) -> Self {
        let file = File {
            name: NAME.to_owned(),
            url: Some(url.to_owned()),
            sha256: None,
            bytes: None,
            about_bytes: None,
        };
        let mut release = Manifest::builtin().expect("ours is sound").releases.remove(0);
        release.files = vec![file];
        let patience = Patience {
            retries: 3,
            first_wait: Duration::from_millis(5),
            longest_wait: Duration::from_millis(20),
            ..Patience::default()
        };
        let timeout = Duration::from_secs(10);
        let options = Options { to: to.to_owned(), timeout, patience, proxies: Proxies::default() };
        Self { release, options, told: Vec::new(), _scratch: None }
    }

    pub fn file(&mut self) -> &mut File {
        &mut self.release.files[0]
    }

    /// With the published sum of these bytes.
    pub fn published(mut self, bytes: &[u8]) -> Self {
        self.file().sha256 = Some(sum(bytes));
        self
    }

    /// With the published length of these bytes.
    pub fn published_length(mut self, bytes: &[u8]) -> Self {
        self.file().bytes = Some(bytes.len() as u64);
        self
    }

    /// Waits for nothing longer than this; others wait as long as a machine with much to do may take.
    pub fn waiting(mut self, milliseconds: u64) -> Self {
        self.options.timeout = Duration::from_millis(milliseconds);
        self
    }

    pub fn named(mut self, name: &str) -> Self {
        self.file().name = name.to_owned();
        self
    }

    pub fn path(&self) -> PathBuf {
        self.options.to.join(&self.release.files[0].name)
    }

    pub fn beside(&self, ending: &str) -> PathBuf {
        self.options.to.join(format!("{}{ending}", self.release.files[0].name))
    }

    pub fn run(&mut self) -> Result<Fetched, Error> {
        let told = &mut self.told;
        fetch(&self.release, &self.options, &mut |event| match event {
            Event::Progress { .. } => {}
            Event::Begin { from, .. } => told.push(format!("begin from {from}")),
            Event::Retry { error, .. } => told.push(format!("retry: {error}")),
            Event::Restart { why, .. } => told.push(format!("restart: {why}")),
            Event::Note { text, .. } => told.push(format!("note: {text}")),
            Event::Done { known, was_here, .. } => {
                told.push(format!("done: {}{}", known.word(), if was_here { ", was here" } else { "" }));
            }
            Event::Failed { error, .. } => told.push(format!("failed: {error}")),
            _ => panic!("an event that this test does not know"),
        })
    }

    /// Fetches, and compares the file.
    #[track_caller]
    pub fn brings(&mut self, bytes: &[u8]) {
        let fetched = self.run().unwrap_or_else(|error| panic!("{error}; told {:#?}", self.told));
        assert!(fetched.failures.is_empty(), "{:?}; told {:#?}", fetched.failures, self.told);
        assert_eq!(fetched.files[0].sha256, sum(bytes));
        assert!(std::fs::read(self.path()).expect("the file") == bytes, "other bytes than were sent");
        for ending in [".part", ".bad"] {
            assert!(!self.beside(ending).exists(), "`{ending}` is left");
        }
    }

    /// Fetches, and expects one failure and no file.
    #[track_caller]
    pub fn fails(&mut self, kind: ErrorKind, needle: &str) -> Error {
        let was_here = self.path().exists();
        let mut fetched = self.run().unwrap_or_else(|error| panic!("{error}; told {:#?}", self.told));
        assert_eq!((fetched.files.len(), fetched.failures.len()), (0, 1), "told {:#?}", self.told);
        let error = fetched.failures.remove(0);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(needle), "expected `{needle}` in: {error}");
        assert_eq!(self.path().exists(), was_here, "a file that is not whole has its name");
        error
    }
}

/// Where each request of a server wanted to begin.
pub fn froms(server: &Server) -> Vec<Option<usize>> {
    server.asked().iter().map(evenhand_testkit::web::Asked::from).collect()
}
