//! Sums that are published, written down, or missing.

use crate::kit::{Kit, TAG, body, sum};
use evenhand_fetch::{ErrorKind, FETCHED};
use evenhand_testkit::web::{Server, serve};
use std::fs;

#[test]
fn wrong_bytes_are_kept_aside() {
    let wrong = || body().to_ascii_uppercase();
    let server = Server::start(move |asked| serve(asked, &wrong(), TAG));
    let mut kit = Kit::new(&server).published(&body());
    let error = kit.fails(ErrorKind::WrongChecksum, &sum(&wrong()));
    assert!(error.how_to_go_on().is_some_and(|hint| hint.contains("arrests.csv.bad")));
    assert_eq!(fs::read(kit.beside(".bad")).expect("what came"), wrong());
    assert!(!kit.beside(".part").exists());
    assert!(!kit.options.to.join(FETCHED).exists());
    assert_eq!(server.asked().len(), 1, "what came in one piece is not fetched again by itself");
}

#[test]
fn a_good_file_takes_the_bad_one_away() {
    let server = Server::start(|asked| match asked.number {
        0 => serve(asked, b"wrong", TAG),
        _ => serve(asked, &body(), TAG),
    });
    let mut kit = Kit::new(&server).published(&body());
    kit.fails(ErrorKind::WrongChecksum, "(5 bytes)");
    kit.brings(&body());
}

#[test]
fn a_sum_that_nobody_published_is_written_down_and_compared() {
    let server = Server::start(|asked| serve(asked, &body(), TAG));
    let mut kit = Kit::new(&server);
    kit.brings(&body());
    let text = fs::read_to_string(kit.options.to.join(FETCHED)).expect("what was received");
    let received: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(received["schema"], "fetched/1");
    assert_eq!(received["files"][0]["sha256"], sum(&body()));
    assert_eq!(received["files"][0]["published_sha256"], false);
    assert_eq!(received["files"][0]["etag"], TAG);
    assert_eq!(received["files"][0]["url"], server.url("/arrests.csv"));

    kit.brings(&body());
    assert_eq!(kit.told, ["begin from 0", "done: nothing", "done: recorded, was here"]);
    assert_eq!(server.asked().len(), 1, "what is here is not fetched");

    fs::write(kit.path(), b"changed").expect("a changed file");
    kit.fails(ErrorKind::ChangedHere, "the file was changed here");
    fs::remove_file(kit.path()).expect("the file is gone");
    kit.brings(&body());
    assert_eq!(kit.told.last().map(String::as_str), Some("done: recorded"));
}

#[test]
fn a_publisher_that_changes_a_file_is_told() {
    let server = Server::start(|asked| match asked.number {
        0 => serve(asked, &body(), TAG),
        _ => serve(asked, b"date,count\n", "\"two\""),
    });
    let mut kit = Kit::new(&server);
    kit.brings(&body());
    fs::remove_file(kit.path()).expect("the file is gone");
    kit.fails(ErrorKind::ChangedAtPublisher, &sum(b"date,count\n"));
    assert_eq!(fs::read(kit.beside(".bad")).expect("what came"), b"date,count\n");
}

#[test]
fn a_file_that_is_here_is_compared_with_the_published_sum() {
    let server = Server::start(|_| Vec::new());
    let mut kit = Kit::new(&server).published(&body());
    fs::create_dir_all(&kit.options.to).expect("a folder");
    fs::write(kit.path(), body()).expect("a file put there by hand");
    kit.brings(&body());
    assert_eq!(kit.told, ["done: published, was here"]);
    fs::write(kit.path(), b"other").expect("another file");
    kit.fails(ErrorKind::WrongChecksum, &sum(b"other"));
    assert_eq!(fs::read(kit.path()).expect("untouched"), b"other");
    assert!(server.asked().is_empty());
}

#[test]
fn a_file_without_an_address_is_to_be_had_by_hand() {
    let server = Server::start(|_| Vec::new());
    let mut kit = Kit::new(&server);
    kit.file().url = None;
    let error = kit.fails(ErrorKind::ByHand, "no address");
    let hint = error.how_to_go_on().expect("a hint").to_owned();
    assert!(
        hint.contains("https://deportationdata.org/data/ice.html")
            && hint.contains("release`, and run this again"),
        "{hint}"
    );
    fs::write(kit.path(), body()).expect("a file put there by hand");
    kit.brings(&body());
}

#[test]
fn a_release_without_files_takes_those_that_are_here() {
    let server = Server::start(|_| Vec::new());
    let mut kit = Kit::new(&server);
    kit.release.files.clear();
    let fetched = kit.run().expect("a failure of the release alone");
    assert_eq!(fetched.failures[0].kind(), ErrorKind::ByHand);
    for name in ["b.xlsx", "a.xlsx", ".hidden", "c.xlsx.part"] {
        fs::write(kit.options.to.join(name), name).expect("a file put there by hand");
    }
    let fetched = kit.run().expect("two files");
    let names: Vec<_> = fetched.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a.xlsx", "b.xlsx"]);
    fs::write(kit.options.to.join("b.xlsx"), "other").expect("a changed file");
    let fetched = kit.run().expect("a failure of one file");
    assert_eq!((fetched.files.len(), fetched.failures[0].kind()), (1, ErrorKind::ChangedHere));
}

#[test]
fn one_file_that_fails_does_not_stop_the_others() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/good" => serve(asked, &body(), TAG),
        _ => evenhand_testkit::web::answer("404 Not Found", &[], b""),
    });
    let mut kit = Kit::new(&server);
    let mut good = kit.file().clone();
    good.name = "good.csv".to_owned();
    good.url = Some(server.url("/good"));
    kit.release.files.push(good);
    let fetched = kit.run().expect("one of two");
    assert_eq!((fetched.files[0].name.as_str(), fetched.failures.len()), ("good.csv", 1));
}

#[test]
fn a_folder_holds_one_release() {
    let server = Server::start(|asked| serve(asked, &body(), TAG));
    let mut kit = Kit::new(&server);
    kit.brings(&body());
    kit.release.id = "another".to_owned();
    assert_eq!(kit.run().expect_err("a refusal").kind(), ErrorKind::OtherRelease);
    fs::write(kit.options.to.join(FETCHED), "{").expect("a broken file");
    assert_eq!(kit.run().expect_err("a refusal").kind(), ErrorKind::Io);
}
