//! Runs the files in `tests/slt`: each a list of queries with their answers, in the manner of sqllogictest. A
//! file must read, after it was run, as it did before. With `UPDATE_SLT=1` the answers are written anew, to be
//! read by a person in the diff.

use crate::record::{in_binary, on_disk, session};
use evenhand_query::{Answer, Profile, Session, output};
use std::path::Path;

#[test]
fn every_query_on_file_is_answered_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let (_folder, on_disk) = on_disk();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut queries = 0;
    for path in &files {
        let written = std::fs::read_to_string(path).unwrap();
        for record in [&on_disk, &in_binary()] {
            let (found, count) = run(&written, &|profile| session(record, profile));
            if std::env::var_os("UPDATE_SLT").is_some() {
                std::fs::write(path, &found).unwrap();
            }
            let place = record.folder().map_or("in the binary", |_| "on the disk");
            assert_eq!(std::fs::read_to_string(path).unwrap(), found, "{}, record {place}", path.display());
            queries += count;
        }
    }
    assert!(files.len() >= 4 && queries >= 100, "{queries} queries in {} files", files.len());
}

/// Runs a file: blocks apart by blank lines, each a comment, `profile local`, or `query`, its text, `----` and
/// its answer.
fn run(file: &str, open: &dyn Fn(Profile) -> Session) -> (String, usize) {
    let mut session = open(Profile::Publish);
    let mut queries = 0;
    let mut blocks = Vec::new();
    for block in file.trim_end().split("\n\n") {
        let body: String =
            block.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        let comments: String =
            block.lines().filter(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        if let Some(rest) = body.strip_prefix("query\n") {
            let text = rest.split("----\n").next().unwrap().trim_end();
            queries += 1;
            let block = format!("{comments}query\n{text}\n----\n{}", answer(&session, text));
            blocks.push(block.trim_end().to_owned());
        } else {
            match body.trim() {
                "profile local" => session = open(Profile::Local),
                "profile publish" => session = open(Profile::Publish),
                "" => {}
                other => panic!("not a block of a test file: {other}"),
            }
            blocks.push(block.to_owned());
        }
    }
    (blocks.join("\n\n") + "\n", queries)
}

fn answer(session: &Session, text: &str) -> String {
    match session.sql(text) {
        Ok(answer) => table(&answer),
        Err(error) => {
            let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            format!("error {:?}: {error}{hint}", error.kind())
        }
    }
}

fn table(answer: &Answer) -> String {
    let mut page = Vec::new();
    output::text(answer, None, &mut page).unwrap();
    without_digests(&String::from_utf8(page).unwrap())
}

/// A plan names the record's files; their digests change with the way that the store writes, the answers do not.
fn without_digests(page: &str) -> String {
    let mut pieces: Vec<String> = page.split(".parquet").map(str::to_owned).collect();
    let last = pieces.pop().unwrap_or_default();
    let masked = pieces.iter().map(|piece| {
        let name = piece.trim_end_matches(|letter: char| letter.is_ascii_hexdigit());
        format!("{name}….parquet")
    });
    masked.collect::<String>() + &last
}
