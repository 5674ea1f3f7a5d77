//! Target of `evenhand-query`.

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray, UInt32Array};
use evenhand_ledger::Ledger;
use evenhand_query::{Options, Profile, Session, output};
use evenhand_store::{Publish, Record, Release};
use std::sync::Arc;
use std::time::Duration;

/// A number and a word that stand only in the table of rows about persons.
const SECRETS: [&str; 2] = ["3141592653", "zvqxjk"];

/// A query of the publish profile: whatever it is, nothing from a row about a person is in the answer.
pub fn sql(data: &[u8]) {
    thread_local!(static SESSION: (tempfile::TempDir, Session) = session());
    let Ok(text) = std::str::from_utf8(data) else { return };
    SESSION.with(|(_, session)| match session.sql(text) {
        Ok(answer) => {
            let mut shown = Vec::new();
            output::csv(&answer, &mut shown).expect("an answer can be written");
            let shown = String::from_utf8(shown).expect("text");
            let hidden = |secret: &&str| !text.contains(*secret) && shown.contains(*secret);
            assert!(!SECRETS.iter().any(hidden), "`{text}`: {shown}");
        }
        Err(error) => assert!(!error.to_string().is_empty(), "an error says something"),
    });
}

fn session() -> (tempfile::TempDir, Session) {
    let folder = tempfile::tempdir().expect("a folder");
    let day = || -> ArrayRef { Arc::new(Date32Array::from(vec![17_198, 17_199])) };
    let number = |number: u32| -> ArrayRef { Arc::new(UInt32Array::from(vec![number, number])) };
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text, text])) };
    let arrests =
        [("apprehension_date", day()), ("row_original", number(3_141_592_653)), ("method", text(SECRETS[1]))];
    let figures = [("week", day()), ("arrests", number(120)), ("aor", text("SNA"))];
    let publish = Publish::begin(folder.path(), "fuzz 1").expect("a record");
    let mut parts = Vec::new();
    for (table, columns) in [("arrests", arrests), ("figures_arrests_week", figures)] {
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let mut part = publish.part(table, "r-1", "x", batch.schema(), None).expect("a part");
        part.write(&batch).expect("rows");
        parts.push(part.finish().expect("a part"));
    }
    let release = Release { id: "r-1".into(), left_out: vec![], ledger: Ledger::default() };
    publish.commit(vec![release], parts).expect("a published record");
    let record = Record::open(folder.path()).expect("a record");
    let options = Options { memory_limit: 64 << 20, time_limit: Some(Duration::from_secs(2)) };
    let session = Session::open(&record, Profile::Publish, &options).expect("a session");
    (folder, session)
}
